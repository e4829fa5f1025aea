"""Data sets, found in this order: the folder in MI_KIT_DATA, data/, a download; else an embedded default.

`load("mnist")` gives a `Dataset`. Where MNIST is neither on disk nor to be had from the network, it gives
scikit-learn's handwritten digits instead and says so in `Dataset.banner()`; never synthetic noise, never silently.
Every file is checked against a known checksum before it is read.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.client
import math
import os
import shutil
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from . import paths
from .estimators import inputs

DIGITS = tuple("0123456789")
FASHION = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
EMBEDDED = ("digits", "digits-12bit", "iris")
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class DataNotFoundError(FileNotFoundError):
    """A data set that has no stand-in is not there; the message says which file goes where."""


class DataDamagedError(ValueError):
    """A file is not the published one: truncated, altered or of another version."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Inputs and labels, ready for a network. Tensors of your own become one by `Dataset.of(x, y)`.

    x_train, x_test: float32, (n, channels, height, width) in [0, 1] for images, (n, features) else; int64 for the
        numbers of words or tokens.
    y_train, y_test: int64, (n,), class numbers from 0.
    name: what the data are; requested: what was asked for (they differ when an embedded default stands in).
    source: where the files lie, relative to the folder they were found in.
    Raises ValueError for other types and shapes, and labels without a name in `classes`.
    """

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: tuple[str, ...]
    name: str
    source: str
    requested: str = ""
    note: str = ""
    checksums: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for part in ("train", "test"):
            _check_part(part, getattr(self, f"x_{part}"), getattr(self, f"y_{part}"), len(self.classes))
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            raise ValueError(
                f"x_test must have inputs of the shape {self.input_shape}; got {tuple(self.x_test.shape[1:])}."
            )

    def __repr__(self) -> str:
        return (
            f"Dataset({self.label}: {len(self.x_train):,} training and {len(self.x_test):,} test samples of the shape "
            f"{self.input_shape}, {len(self.classes)} classes)"
        )

    @classmethod
    def of(
        cls, x, y, *, x_test=None, y_test=None, test: float = 0.2, classes=None, name: str = "own", seed: int = 0
    ) -> Dataset:
        """Inputs and labels of your own as a data set.

            dataset = data.Dataset.of(x, y, test=0.2)

        x: (n, ...), numbers as a tensor, array, list or table; they become float32 (numbers of words go through
            `Dataset(...)` itself). y: (n,) or (n, 1), the class of each: numbers, words or truth values.
        x_test, y_test: the test part; None draws the share `test` of the samples with `seed`, classes in equal shares.
        classes: their names. Labels that are among them get the number of their place, others are such numbers already.
            None: labels 0 to k - 1 stay what they are, others are numbered in their order; both are named by their own
            words.
        name: for captions and the names of runs; the content enters those by itself.
        Raises ValueError for lengths that differ, values that are not finite, numbers with a fraction as labels (a
        regression target is binned first), fewer than two classes, and a class too rare to be split.
        """
        if (x_test is None) != (y_test is None):
            raise ValueError("x_test and y_test must be given together; got one of them.")
        x, y = _inputs("x", x), _words_of("y", y)
        _check_lengths("x", x, "y", y)
        if x_test is None:
            y, classes = _numbered(y, classes)
            parts = _split(x, y, _checked_share(test, y), inputs.whole("seed", seed, 0))
            note = f"The test part is a share of {test:g}, drawn with seed {seed}."
        else:
            x_test, y_test = _inputs("x_test", x_test), _words_of("y_test", y_test)
            _check_lengths("x_test", x_test, "y_test", y_test)
            both, classes = _numbered([*y, *y_test], classes)
            parts, note = (x, both[: len(y)], x_test, both[len(y) :]), ""
        return cls(*parts, classes, name, "memory", note=note)

    @property
    def is_default(self) -> bool:
        """True when an embedded data set stands in for the one asked for."""
        return self.name in EMBEDDED and self.requested not in ("", self.name)

    @property
    def identity(self) -> str:
        """The name and a hash of the content: what runs and caches know a data set by."""
        parts = (self.x_train, self.y_train, self.x_test, self.y_test)
        written = tuple(0 if part.is_inference() else part._version for part in parts)  # grows with changes in place
        if vars(self).get("_identity", ("", ()))[1] != written:
            digest = hashlib.sha256()
            for part in parts:
                digest.update(str((tuple(part.shape), part.dtype)).encode())
                digest.update(part.cpu().contiguous().numpy())
            vars(self)["_identity"] = f"{self.name}-{digest.hexdigest()[:16]}", written
        return vars(self)["_identity"][0]

    def to(self, device: torch.device) -> Dataset:
        """The same data with inputs and labels on a device."""
        if self.x_train.device == device:
            return self
        parts = ("x_train", "y_train", "x_test", "y_test")
        return replace(self, **{part: getattr(self, part).to(device) for part in parts})

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.x_train.shape[1:])

    @property
    def label(self) -> str:
        """The name for captions: `digits (standing in for mnist)`."""
        return f"{self.name} (standing in for {self.requested})" if self.is_default else self.name

    def banner(self) -> str:
        """One paragraph for the reader: which data these are, how many, from where."""
        text = (
            f"Data: {self.label}, {len(self.x_train):,} training and {len(self.x_test):,} test samples, "
            f"{len(self.classes)} classes, from {self.source}."
        )
        if self.is_default:
            text += (
                f" {self.requested} was not found in MI_KIT_DATA or data/ and could not be downloaded: "
                f"what follows holds for {self.name}, not for {self.requested}."
            )
        return f"{text} {self.note}".strip()


def checked(dataset: Dataset) -> Dataset:
    """The data set itself; ValueError for what is none, with the way to make one of it."""
    if not isinstance(dataset, Dataset):
        tensors = "*dataset.tensors" if hasattr(dataset, "tensors") else "x, y"
        raise ValueError(
            "dataset must be a data.Dataset, as data.load gives; "
            f"got {type(dataset).__name__}: data.Dataset.of({tensors}) makes one."
        )
    return dataset


def load(name: str, n_train: int | None = None, n_test: int | None = None, seed: int = 0) -> Dataset:
    """The data set `name`, or a random part of it drawn with `seed`.

    n_train, n_test: how many samples of each part; None takes all. Of an embedded default that is smaller
    than asked, all samples are taken and the note says so.
    Raises ValueError for an unknown name (it lists the names) or a number that is too large or below 1,
    DataDamagedError for a file that is not the published one (it names the file and both checksums),
    DataNotFoundError for a data set without a stand-in.
    """
    recipe = _recipe(name)
    found = _find(recipe)
    if not found and recipe.smaller:
        recipe = _recipe(recipe.smaller)
        found = _on_disk(recipe)
    dataset = recipe.read(found) if found else _stand_in(recipe)
    return _draw(replace(dataset, requested=name), n_train, n_test, seed)


def part(dataset: Dataset, n_train: int | None = None, n_test: int | None = None, seed: int = 0) -> Dataset:
    """A random part of a data set, as `load` draws it; ValueError for more samples than there are."""
    return _draw(checked(dataset), n_train, n_test, seed)


def names() -> list[str]:
    """The names that `load` knows."""
    return sorted(_RECIPES)


def find(name: str) -> Path | None:
    """The folder on disk that holds the files of `name`, without reading or downloading them; None if there is none."""
    return _on_disk(_recipe(name))


def state() -> dict:
    """Which data sets are found, and the size and time of each of their files; of those that are not, whether they
    could be downloaded now."""
    found = {}
    for name, recipe in _RECIPES.items():
        folder = _on_disk(recipe)
        if folder is None:
            found[name] = bool(recipe.download) and _network_answers(recipe.address)
        else:
            stats = [(folder / file).stat() for file in recipe.files]
            found[name] = [str(folder), [(stat.st_size, stat.st_mtime_ns) for stat in stats]]
    return found


def grey(dataset: Dataset, side: int = 28) -> Dataset:
    """Colour images in grey (ITU-R 601 luma), the middle `side` x `side` of them; its name says so.

    Raises ValueError for anything but images of three channels, at least `side` wide and high.
    """
    shape = checked(dataset).input_shape
    if len(shape) != 3 or shape[0] != 3 or min(shape[1:]) < side:
        raise ValueError(f"dataset must have images of 3 channels and at least {side}x{side}; got {shape}.")
    top, left = ((length - side) // 2 for length in shape[1:])

    def convert(x: Tensor) -> Tensor:
        # value by value, in float64: a product of matrices rounds otherwise on another processor, and so does identity
        red, green, blue = x[:, :, top : top + side, left : left + side].double().split(1, dim=1)
        return (0.299 * red + 0.587 * green + 0.114 * blue).to(x)

    return replace(
        dataset, x_train=convert(dataset.x_train), x_test=convert(dataset.x_test), name=f"{dataset.name}-grey{side}"
    )


def centred(dataset: Dataset) -> Dataset:
    """Images with the mean of every channel over the training images taken off; its note says so.

    Light images have one common direction that is far longer than all others, so that a rate that suits the others
    makes gradient descent overshoot along it: at 0.05 a linear network's loss on CIFAR-10 rises instead of falling.
    Raises ValueError for anything but images (samples, channels, height, width).
    """
    if checked(dataset).x_train.ndim != 4:
        raise ValueError(f"dataset must have images (n, channels, height, width); got {tuple(dataset.x_train.shape)}.")
    # summed in float64: what another order of summing changes is lost in rounding to float32
    mean = dataset.x_train.double().mean((0, 2, 3), keepdim=True).float()
    note = f"{dataset.note} The mean of every channel over the training images is taken off.".strip()
    return replace(dataset, x_train=dataset.x_train - mean, x_test=dataset.x_test - mean, note=note)


# --------------------------------------------------------------------------------------------- finding


@dataclass(frozen=True)
class _Recipe:
    """How one data set is found and read."""

    name: str
    files: tuple[str, ...]  # below a data folder; all of them make the data set complete
    read: Callable[[Path], Dataset]
    default: str | None = None  # the embedded data set that stands in
    download: Callable[[Path], None] | None = None
    address: str = ""  # asked first, to see within ten seconds whether there is a network
    how: str = ""  # for a data set that only the user can fetch
    smaller: str | None = None  # a part of the same data set, taken where the whole is not to be had


def _recipe(name: str) -> _Recipe:
    if name not in _RECIPES:
        raise ValueError(f"name must be one of {', '.join(names())}; got name={name!r}.")
    return _RECIPES[name]


def _folders() -> list[Path]:
    folders = [paths.data()]
    if given := os.environ.get("MI_KIT_DATA"):
        candidates = [Path(given).expanduser(), paths.root() / given]
        existing = [folder.resolve() for folder in candidates if folder.is_dir()]
        if not existing:
            raise ValueError(f"MI_KIT_DATA must be a folder; got MI_KIT_DATA={given!r}, which does not exist.")
        folders.insert(0, existing[0])
    return folders


def _on_disk(recipe: _Recipe) -> Path | None:
    if not recipe.files:
        return Path()
    for folder in _folders():
        missing = [file for file in recipe.files if not (folder / file).exists()]
        if not missing:
            return folder
        if len(missing) < len(recipe.files):
            warnings.warn(f"{folder} holds only a part of {recipe.name}; missing: {', '.join(missing)}", stacklevel=4)
    return None


def _find(recipe: _Recipe) -> Path | None:
    folder = _on_disk(recipe)
    if folder is None and recipe.download and _network_answers(recipe.address):
        try:
            _download(recipe, paths.data())
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            warnings.warn(f"The download of {recipe.name} failed: {error}", stacklevel=3)
        folder = _on_disk(recipe)
    return folder


def _download(recipe: _Recipe, root: Path) -> None:
    """Download beside the final place, then move: no half file is ever found under its final name.

    One process at a time; those that waited find the files there.
    """
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".{recipe.name}.lock"):
        if all((root / file).exists() for file in recipe.files):
            return
        part = root / f".{recipe.name}.part"
        shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
        try:
            recipe.download(part)
            for file in recipe.files:
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(part / file, root / file)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@functools.cache
def _network_answers(address: str, seconds: float = 10) -> bool:
    """Whether the first byte of `address` comes within `seconds`; the answer is kept for the process."""
    if os.environ.get("MI_KIT_OFFLINE"):
        return False
    answered = threading.Event()

    def ask():
        try:
            request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "mi_kit"})
            with urllib.request.urlopen(request, timeout=seconds):
                answered.set()
        except urllib.error.HTTPError:
            answered.set()  # a refusal is an answer too
        except (OSError, http.client.HTTPException):
            pass

    thread = threading.Thread(target=ask, daemon=True)  # looking up a name has no timeout of its own
    thread.start()
    thread.join(seconds)
    return answered.is_set()


def _stand_in(recipe: _Recipe) -> Dataset:
    if recipe.default is None:
        raise DataNotFoundError(
            f"{recipe.name}: {' and '.join(recipe.files)} not found in {', '.join(map(str, _folders()))}. {recipe.how}"
        )
    return _RECIPES[recipe.default].read(Path())


def _check(path: Path, expected: str, algorithm: str = "sha256") -> str:
    actual = _checksum(path, path.stat().st_mtime_ns, path.stat().st_size, algorithm)
    if actual != expected:
        raise DataDamagedError(
            f"{path} is not the published file: its {algorithm} must be {expected}; got {actual}. "
            "Delete it (it is downloaded again where there is a network) or put a good copy in its place."
        )
    return actual


@functools.lru_cache(maxsize=64)
def _checksum(path: Path, _modified: int, _size: int, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


# --------------------------------------------------------------------------------------------- choosing a part


def _draw(dataset: Dataset, n_train: int | None, n_test: int | None, seed: int) -> Dataset:
    train, train_note = _choose("n_train", n_train, len(dataset.x_train), [seed, 0], dataset.is_default)
    test, test_note = _choose("n_test", n_test, len(dataset.x_test), [seed, 1], dataset.is_default)
    return replace(
        dataset,
        x_train=dataset.x_train[train],
        y_train=dataset.y_train[train],
        x_test=dataset.x_test[test],
        y_test=dataset.y_test[test],
        note=" ".join(filter(None, [dataset.note, train_note, test_note])),
    )


def _choose(argument: str, wanted: int | None, available: int, seed: list[int], capped: bool) -> tuple:
    if wanted is None or (capped and wanted >= available):
        note = f"{argument}={wanted:,} was asked for; all {available:,} are used." if wanted else ""
        return slice(None), note
    if not 1 <= wanted <= available:
        raise ValueError(f"{argument} must lie between 1 and {available:,}; got {argument}={wanted:,}.")
    return np.sort(np.random.default_rng(seed).permutation(available)[:wanted]), ""


# --------------------------------------------------------------------------------------------- images


def _images(array: np.ndarray) -> Tensor:
    """uint8 (n, height, width[, 3]) -> float32 (n, channels, height, width) in [0, 1]."""
    images = torch.tensor(array).float().div_(255)
    return images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()


def _labels(array: np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(array, np.int64).ravel())


def _read_idx(path: Path) -> np.ndarray:
    """The array in a gzipped IDX file: magic number, sizes (big-endian), bytes."""
    content = gzip.decompress(path.read_bytes())
    n_dimensions = content[3]
    shape = np.frombuffer(content, ">u4", n_dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)


def _idx_recipe(name: str, folder: str, classes: tuple[str, ...], address: str, sums: dict[str, str]) -> _Recipe:
    def download(root: Path) -> None:
        import torchvision.datasets

        getattr(torchvision.datasets, folder)(root=str(root), download=True)

    def read(root: Path) -> Dataset:
        raw = root / folder / "raw"
        checksums = {file: _check(raw / file, expected) for file, expected in sums.items()}
        arrays = [_read_idx(raw / file) for file in sums]
        return Dataset(
            _images(arrays[0]),
            _labels(arrays[1]),
            _images(arrays[2]),
            _labels(arrays[3]),
            classes,
            name,
            f"{folder}/raw",
            checksums=checksums,
        )

    files = tuple(f"{folder}/raw/{file}" for file in sums)
    return _Recipe(name, files, read, "digits", download, address)


_CIFAR_BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
_CIFAR_SUBSET = {"cifar10-subset.npz": "f5459f37025c282ccf562809f479cfb79a4b2585cb9a829d7fa65cfa2d97dc8b"}
_CIFAR_LOSSLESS = {"cifar10-first4000-lossless.npz": "c6ceff0c6dfc164b963bcd074a284fe7bbd50d45d6e10fdac399aed552f9b2ce"}


def _read_cifar10(root: Path) -> Dataset:
    """The official CIFAR-10. Its files are pickles: they are read only after their published MD5 is confirmed."""
    from torchvision.datasets import CIFAR10

    folder = root / CIFAR10.base_folder
    published = [*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], CIFAR10.meta["md5"])]
    checksums = {file: _check(folder / file, md5, "md5") for file, md5 in published}
    train, test = (CIFAR10(root=str(root), train=train) for train in (True, False))
    return Dataset(
        _images(train.data),
        _labels(train.targets),
        _images(test.data),
        _labels(test.targets),
        CIFAR,
        "cifar10",
        CIFAR10.base_folder,
        checksums=checksums,
    )


def _read_cifar10_subset(root: Path) -> Dataset:
    ((file, expected),) = _CIFAR_SUBSET.items()
    checksums = {file: _check(root / file, expected)}
    with np.load(root / file, allow_pickle=False) as arrays:
        return Dataset(
            _images(arrays["x_train"]),
            _labels(arrays["y_train"]),
            _images(arrays["x_test"]),
            _labels(arrays["y_test"]),
            CIFAR,
            "cifar10-subset",
            file,
            checksums=checksums,
            note="This is a class-balanced part of CIFAR-10 whose images went through JPEG (PSNR 30 dB).",
        )


def _read_cifar10_lossless(root: Path) -> Dataset:
    ((file, expected),) = _CIFAR_LOSSLESS.items()
    checksums = {file: _check(root / file, expected)}
    with np.load(root / file, allow_pickle=False) as arrays:
        images, labels = _images(arrays["x_train"]), _labels(arrays["y_train"])
    return Dataset(
        images[:3000],
        labels[:3000],
        images[3000:],
        labels[3000:],
        CIFAR,
        "cifar10-lossless",
        file,
        checksums=checksums,
        note="These are the first 4,000 training images of CIFAR-10; the last 1,000 serve as the test part.",
    )


def _download_cifar10(root: Path) -> None:
    from torchvision.datasets import CIFAR10

    CIFAR10(root=str(root), download=True)


def _read_svhn(root: Path) -> Dataset:
    from torchvision.datasets import SVHN

    splits = {split: SVHN.split_list[split] for split in ("train", "test")}
    checksums = {file: _check(root / "SVHN" / file, md5, "md5") for _, file, md5 in splits.values()}
    train, test = (SVHN(root=str(root / "SVHN"), split=split) for split in splits)
    to_last = (0, 2, 3, 1)  # torchvision gives (n, 3, height, width)
    return Dataset(
        _images(train.data.transpose(to_last)),
        _labels(train.labels),
        _images(test.data.transpose(to_last)),
        _labels(test.labels),
        DIGITS,
        "svhn",
        "SVHN",
        checksums=checksums,
    )


def _download_svhn(root: Path) -> None:
    from torchvision.datasets import SVHN

    for split in ("train", "test"):
        SVHN(root=str(root / "SVHN"), split=split, download=True)


# --------------------------------------------------------------------------------------------- embedded defaults


def _split(x: Tensor, y: Tensor, test_share: float, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A fixed split into training and test part with the classes in equal shares."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(np.arange(len(y)), test_size=test_share, stratify=y.numpy(), random_state=seed)
    return x[train], y[train], x[test], y[test]


def _read_digits(_root: Path) -> Dataset:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy(digits.images).float().div_(16).unsqueeze(1)
    enlarged = torch.nn.functional.interpolate(images, size=(28, 28), mode="bilinear", align_corners=False)
    return Dataset(
        *_split(enlarged, _labels(digits.target), 0.3),
        DIGITS,
        "digits",
        "scikit-learn (embedded)",
        note="scikit-learn's handwritten digits are 1,797 real 8x8 images, enlarged here to 28x28.",
    )


def _read_digits_12bit(_root: Path) -> Dataset:
    """Handwritten digits as 12 bits: is each of 4x3 regions brighter than its median? Label: five and above."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    regions = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(digits.images).float().unsqueeze(1), (4, 3))
    bits = regions.flatten(1)
    bits = (bits > bits.median(0).values).float()
    return Dataset(
        *_split(bits, _labels(digits.target >= 5), 0.2),
        ("0 to 4", "5 to 9"),
        "digits-12bit",
        "scikit-learn (embedded)",
        note="The 1,797 digits are reduced to 12 bits: which of 4x3 regions are brighter than their median.",
    )


def _read_iris(_root: Path) -> Dataset:
    from sklearn.datasets import load_iris

    iris = load_iris()
    features = torch.from_numpy(iris.data).float()
    features = (features - features.mean(0)) / features.std(0)
    return Dataset(
        *_split(features, _labels(iris.target), 0.2),
        tuple(map(str, iris.target_names)),
        "iris",
        "scikit-learn (embedded)",
        note="Features are scaled to mean 0 and variance 1.",
    )


# --------------------------------------------------------------------------------------------- tensors of one's own


def _check_part(part: str, x, y, n_classes: int) -> None:
    """ValueError where x and y are not the inputs and class numbers of one part."""
    for name, value, dtypes in (("x", x, (torch.float32, torch.int64)), ("y", y, (torch.int64,))):
        got = str(value.dtype) if isinstance(value, Tensor) else type(value).__name__
        if not isinstance(value, Tensor) or value.dtype not in dtypes:
            wanted = " or ".join(str(each).removeprefix("torch.") for each in dtypes)
            raise ValueError(f"{name}_{part} must be a tensor of {wanted}; got {got} (data.Dataset.of converts).")
    if y.ndim != 1:
        raise ValueError(f"y_{part} must have the shape (n,); got shape={tuple(y.shape)}.")
    _check_lengths(f"x_{part}", x, f"y_{part}", y)
    if len(y) and not 0 <= (low := int(y.min())) <= (high := int(y.max())) < n_classes:
        raise ValueError(
            f"y_{part} must lie between 0 and {n_classes - 1}, a number for each of {n_classes} classes; "
            f"got {low if low < 0 else high} among them."
        )


def _check_lengths(name_x: str, x, name_y: str, y) -> None:
    if x.ndim < 2 or len(x) != len(y):
        hint = " (x[:, None] makes a column of numbers one feature)" if x.ndim == 1 else ""
        raise ValueError(
            f"{name_x} must have the shape ({len(y)}, ...), as many samples as {name_y}; got {tuple(x.shape)}{hint}."
        )


def _inputs(name: str, value) -> Tensor:
    """A float32 copy on the CPU, (n, ...)."""
    try:
        tensor = inputs.tensor_of(name, value if isinstance(value, Tensor) else np.asarray(value))
    except (TypeError, ValueError) as error:  # numpy's own, for rows of different length
        raise ValueError(f"{name} must hold numbers, the same for every sample; got {type(value).__name__}.") from error
    if tensor.is_complex():
        raise ValueError(f"{name} must be real; got dtype={tensor.dtype}.")
    tensor = tensor.to("cpu", torch.float32, copy=True)
    if wrong := int((~torch.isfinite(tensor)).sum()):
        raise ValueError(f"{name} must be finite in float32; got {wrong} NaN or infinite values.")
    return tensor


def _words_of(name: str, value) -> list:
    """Labels as a list of integers, words or other plain values."""
    array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} must have the shape (n,), one class a sample; got shape={array.shape}.")
    from pandas import isna

    if missing := int(isna(array).sum()):
        raise ValueError(f"{name} must have a label for every sample; got {missing} without.")
    labels = [label.item() if isinstance(label, np.generic) else label for label in array.tolist()]
    if broken := [label for label in labels if isinstance(label, float) and not label.is_integer()]:
        raise ValueError(
            f"{name} must hold classes; got {broken[0]:g} among them. Bin a regression target first: "
            "np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75]))."
        )
    return [int(label) if isinstance(label, float) else label for label in labels]


def _numbered(labels: list, classes) -> tuple[Tensor, tuple[str, ...]]:
    """Class numbers (n,), and the names of the classes."""
    if len(found := set(labels)) < 2:
        raise ValueError(f"y must have at least 2 classes; got {len(found)}.")
    if classes is None:
        whole = all(type(label) is int for label in found)
        same = whole and found == set(range(len(found)))
        classes = range(len(found)) if same else sorted(found, key=None if whole else str)
    classes = tuple(classes)
    if found <= set(classes):
        places = {label: place for place, label in enumerate(classes)}
        labels = [places[label] for label in labels]
    elif not all(isinstance(label, int) and 0 <= label < len(classes) for label in found):
        wrong = sorted(map(str, found - set(classes)))[0]
        raise ValueError(f"y must hold labels among {classes}, or their numbers from 0; got {wrong} among them.")
    return torch.tensor(labels, dtype=torch.int64), tuple(map(str, classes))


def _checked_share(test: float, y: Tensor) -> float:
    """The share of the test part; ValueError where a class would be missing in one of the parts."""
    counts = torch.bincount(y)
    counts = counts[counts > 0]
    n_test = math.ceil(test * len(y)) if 0 < test < 1 else 0
    if not len(counts) <= n_test <= len(y) - len(counts):
        raise ValueError(
            f"test must leave both parts at least one sample of {len(counts)} classes; got test={test!r} of {len(y)}."
        )
    if int(counts.min()) < 2:
        raise ValueError("y must have at least 2 samples of every class, to be split; got a class with 1.")
    return test


# --------------------------------------------------------------------------------------------- tables

_TWELVE_BIT = {"tishby/var_u.mat": "0ba9551878a855396a8de0cbaae620788ede1e7b1eb2b8373bbe017d5ea02036"}
_TWELVE_BIT_ADDRESS = "https://raw.githubusercontent.com/artemyk/ibsgd/master/datasets/var_u.mat"


def _read_twelve_bit(root: Path) -> Dataset:
    """The 4,096 patterns of 12 bits and their label (Shwartz-Ziv and Tishby 2017); four fifths for training."""
    from scipy.io import loadmat

    ((file, expected),) = _TWELVE_BIT.items()
    checksums = {file: _check(root / file, expected)}
    content = loadmat(root / file)
    patterns = torch.from_numpy(content["F"].astype(np.float32))
    return Dataset(
        *_split(patterns, _labels(content["y"]), 0.2), ("0", "1"), "12bit", "tishby/var_u.mat", checksums=checksums
    )


def _download_twelve_bit(root: Path) -> None:
    from torchvision.datasets.utils import download_url

    download_url(_TWELVE_BIT_ADDRESS, str(root / "tishby"), "var_u.mat", md5="29b51a6cb3eaa73ee0c652fd3feec3e4")


_POKEMON_PART = {
    "pokemon_go/predictemall_partial.csv.gz": "9a92ece5b4efe0ac6469bf08502dcad4497c5d6a8bb148a52b0db8803684087b"
}
_POKEMON_FEATURES = ("latitude", "longitude", "temperature", "pressure")


def _sightings(table, species: dict[int, str], name: str, source: str, note: str, checksums: dict) -> Dataset:
    rows = table[table["pokemonId"].isin(species)].dropna(subset=list(_POKEMON_FEATURES))
    counts = [int((rows["pokemonId"] == pokemon).sum()) for pokemon in species]
    if min(counts) < 5:
        words = ", ".join(f"{each} {count}" for each, count in zip(species.values(), counts, strict=True))
        raise DataDamagedError(f"{source} must have at least 5 complete rows of every species; got {words}.")
    features = torch.from_numpy(rows[list(_POKEMON_FEATURES)].to_numpy(np.float64))
    features = ((features - features.mean(0)) / features.std(0)).float()
    numbers = {pokemon: number for number, pokemon in enumerate(species)}
    labels = _labels(rows["pokemonId"].map(numbers).to_numpy())
    return Dataset(
        *_split(features, labels, 0.2), tuple(species.values()), name, source, note=note, checksums=checksums
    )


def _read_pokemon(root: Path) -> Dataset:
    import pandas as pd

    path = root / "pokemon_go" / "300k.csv"
    wanted = [*_POKEMON_FEATURES, "class"]
    try:
        header = pd.read_csv(path, nrows=0).columns
    except pd.errors.EmptyDataError:
        header = []
    if missing := [column for column in wanted if column not in header]:
        raise DataDamagedError(f"{path} must have the columns {', '.join(wanted)}; missing: {', '.join(missing)}.")
    table = pd.read_csv(path, usecols=wanted, low_memory=False).rename(columns={"class": "pokemonId"})
    checksums = {"pokemon_go/300k.csv": _checksum(path, path.stat().st_mtime_ns, path.stat().st_size, "sha256")}
    note = "Features are scaled to mean 0 and variance 1; classes are as frequent as they were sighted."
    species = {50: "Diglett", 86: "Seel", 128: "Tauros"}
    return _sightings(table, species, "pokemon", "pokemon_go/300k.csv", note, checksums)


def _read_pokemon_common(root: Path) -> Dataset:
    import pandas as pd

    ((file, expected),) = _POKEMON_PART.items()
    checksums = {file: _check(root / file, expected)}
    table = pd.read_csv(root / file)
    note = "Three common species stand for the paper's three, of which only 37 complete rows are public."
    species = {16: "Pidgey", 19: "Rattata", 129: "Magikarp"}
    return _sightings(table, species, "pokemon-common", file, note, checksums)


_MNIST_SUMS = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
_FASHION_ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_FASHION_SUMS = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
_PREDICTEM_ALL = (
    "Download the table of Predict'em All (Kaggle, user semioniy; 296,021 rows) and put it there as "
    "data/pokemon_go/300k.csv; pokemon-common is a smaller stand-in."
)

_RECIPES = {
    recipe.name: recipe
    for recipe in (
        _idx_recipe("mnist", "MNIST", DIGITS, "https://ossci-datasets.s3.amazonaws.com/mnist/", _MNIST_SUMS),
        _idx_recipe("fashion-mnist", "FashionMNIST", FASHION, _FASHION_ADDRESS, _FASHION_SUMS),
        _Recipe(
            "cifar10",
            tuple(f"cifar-10-batches-py/{file}" for file in _CIFAR_BATCHES),
            _read_cifar10,
            "digits",
            _download_cifar10,
            "https://www.cs.toronto.edu/",
            smaller="cifar10-subset",
        ),
        _Recipe("cifar10-subset", tuple(_CIFAR_SUBSET), _read_cifar10_subset, "digits"),
        _Recipe("cifar10-lossless", tuple(_CIFAR_LOSSLESS), _read_cifar10_lossless, "digits"),
        _Recipe(
            "svhn",
            ("SVHN/train_32x32.mat", "SVHN/test_32x32.mat"),
            _read_svhn,
            "digits",
            _download_svhn,
            "https://ufldl.stanford.edu/",
        ),
        _Recipe(
            "12bit", tuple(_TWELVE_BIT), _read_twelve_bit, "digits-12bit", _download_twelve_bit, _TWELVE_BIT_ADDRESS
        ),
        _Recipe("pokemon", ("pokemon_go/300k.csv",), _read_pokemon, how=_PREDICTEM_ALL),
        _Recipe("pokemon-common", tuple(_POKEMON_PART), _read_pokemon_common, "iris"),
        _Recipe("digits", (), _read_digits),
        _Recipe("digits-12bit", (), _read_digits_12bit),
        _Recipe("iris", (), _read_iris),
    )
}
