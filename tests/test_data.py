"""Where data come from, what stands in for them, and what is said about it.

Nothing here touches the network or the checkout's data/ folder. Tests of the published files are skipped where
MI_KIT_DATA does not lead to them.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import pickle
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision.datasets
from scipy.io import savemat
from torchvision.datasets import CIFAR10, SVHN

from mi_kit import data
from mi_kit.estimators import label_entropy

ADDRESS = "https://example.invalid/"
REAL_DATA = Path(os.environ.get("MI_KIT_DATA") or "/nonexistent").expanduser().resolve()  # before the fixture below
MNIST_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty checkout without a network; the answer about the network is forgotten before and after."""
    monkeypatch.setenv("MI_KIT_HOME", str(tmp_path))
    monkeypatch.setenv("MI_KIT_OFFLINE", "1")
    monkeypatch.delenv("MI_KIT_DATA", raising=False)
    network_answers = data._network_answers
    network_answers.cache_clear()
    yield tmp_path
    network_answers.cache_clear()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def idx(array: np.ndarray) -> bytes:
    """Gzipped IDX: magic number (type 8 is a byte, then the number of dimensions), big-endian sizes, bytes."""
    magic = bytes([0, 0, 8, array.ndim])
    return gzip.compress(magic + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes(), mtime=0)


def made_mnist(folder: Path) -> dict[str, np.ndarray]:
    """Six training and four test images in the four files of MNIST; their arrays."""
    generator = np.random.default_rng(0)
    arrays = dict(
        zip(
            MNIST_FILES,
            (
                generator.integers(256, size=(6, 28, 28)),
                np.arange(6),
                generator.integers(256, size=(4, 28, 28)),
                np.arange(4) + 6,
            ),
            strict=True,
        )
    )
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file, array in arrays.items():
        (raw / file).write_bytes(idx(array))
    return arrays


@pytest.fixture
def publish_made_mnist(monkeypatch):
    """Call it with a folder of made files to have their checksums count as the published ones."""

    def publish(folder: Path):
        sums = {file: sha256(folder / "MNIST" / "raw" / file) for file in MNIST_FILES}
        recipe = data._idx_recipe("mnist", "MNIST", data.DIGITS, ADDRESS, sums)
        monkeypatch.setitem(data._RECIPES, "mnist", recipe)

    return publish


def same_samples(one: data.Dataset, other: data.Dataset) -> bool:
    parts = ("x_train", "y_train", "x_test", "y_test")
    return all(torch.equal(getattr(one, part), getattr(other, part)) for part in parts)


# ------------------------------------------------------------------------------------ names and embedded defaults


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="mnits") as caught:
        data.load("mnits")
    assert all(name in str(caught.value) for name in data.names())


def test_the_promised_data_sets_are_known():
    promised = {"mnist", "fashion-mnist", "svhn", "cifar10", "12bit", "pokemon", "digits", "digits-12bit", "iris"}
    assert promised <= set(data.names())


DEFAULTS = {
    "mnist": "digits",
    "fashion-mnist": "digits",
    "svhn": "digits",
    "cifar10": "digits",
    "cifar10-subset": "digits",
    "12bit": "digits-12bit",
    "pokemon-common": "iris",
}


@pytest.mark.parametrize(("asked", "default"), DEFAULTS.items(), ids=DEFAULTS)
def test_the_banner_names_what_was_asked_and_what_stands_in(asked, default):
    found = data.load(asked)
    assert found.is_default
    assert (found.requested, found.name) == (asked, default)
    assert found.label == f"{default} (standing in for {asked})"
    assert f"holds for {default}, not for {asked}" in found.banner()
    assert f"{len(found.x_train):,} training" in found.banner()
    assert same_samples(found, data.load(default))


@pytest.mark.parametrize("name", ["digits", "digits-12bit", "iris"])
def test_an_embedded_data_set_asked_for_by_name_stands_in_for_nothing(name):
    found = data.load(name)
    assert not found.is_default
    assert found.label == name
    assert "standing in" not in found.banner()
    assert "scikit-learn" in found.banner()


EMBEDDED = {"digits": ((1, 28, 28), 10, 1797), "digits-12bit": ((12,), 2, 1797), "iris": ((4,), 3, 150)}


@pytest.mark.parametrize(("name", "expected"), EMBEDDED.items(), ids=EMBEDDED)
def test_embedded_data_have_their_shape_and_every_class(name, expected):
    shape, n_classes, n_samples = expected
    found = data.load(name)
    assert found.input_shape == tuple(found.x_test.shape[1:]) == shape
    assert len(found.x_train) + len(found.x_test) == n_samples
    assert len(found.classes) == n_classes
    for x, y in ((found.x_train, found.y_train), (found.x_test, found.y_test)):
        assert (x.dtype, y.dtype, len(x)) == (torch.float32, torch.int64, len(y))
        assert y.unique().tolist() == list(range(n_classes))
        assert torch.isfinite(x).all()


def test_digits_are_images_in_zero_to_one():
    x = data.load("digits").x_train
    assert x.min() >= 0
    assert 0.9 < x.max() <= 1


def test_digits_12bit_are_bits():
    assert data.load("digits-12bit").x_train.unique().tolist() == [0, 1]


def test_nothing_is_written_where_nothing_is_downloaded(home):
    data.load("mnist")
    assert list(home.iterdir()) == []


# ------------------------------------------------------------------------------------ parts


def test_the_same_seed_draws_the_same_part():
    one, other = (data.load("digits", n_train=100, n_test=50, seed=7) for _ in range(2))
    assert (len(one.x_train), len(one.y_train), len(one.x_test), len(one.y_test)) == (100, 100, 50, 50)
    assert same_samples(one, other)
    assert one.identity == other.identity


def test_another_seed_draws_another_part():
    one, other = (data.load("digits", n_train=100, seed=seed) for seed in (0, 1))
    assert not torch.equal(one.x_train, other.x_train)
    assert one.identity != other.identity


def test_a_part_holds_samples_of_the_whole_each_once_with_their_labels():
    whole, part = data.load("digits"), data.load("digits", n_train=300)
    place = {image.numpy().tobytes(): number for number, image in enumerate(whole.x_train)}
    chosen = [place[image.numpy().tobytes()] for image in part.x_train]
    assert len(place) == len(whole.x_train), "this test needs images that differ"
    assert len(set(chosen)) == 300
    assert torch.equal(whole.y_train[chosen], part.y_train)


def test_the_test_part_does_not_depend_on_n_train():
    one, other = data.load("digits", n_train=10, n_test=50), data.load("digits", n_train=500, n_test=50)
    assert torch.equal(one.x_test, other.x_test)


def test_identity_tells_parts_and_names_apart_and_is_the_same_every_time():
    identities = [
        data.load(*call).identity
        for call in (("digits",), ("digits", 100), ("digits", None, 100), ("digits-12bit",), ("iris",))
    ]
    assert len(set(identities)) == len(identities)
    assert data.load("digits").identity == identities[0]


@pytest.mark.parametrize("argument", ["n_train", "n_test"])
@pytest.mark.parametrize("number", [0, -1, 2000])
def test_a_number_that_is_too_large_or_below_one_is_refused(argument, number):
    with pytest.raises(ValueError, match=argument) as caught:
        data.load("digits", **{argument: number})
    assert f"{number:,}" in str(caught.value)


@pytest.mark.parametrize(("argument", "number"), [("n_train", 60000), ("n_test", 10000)])
def test_a_default_that_is_smaller_than_asked_is_taken_whole_and_says_so(argument, number):
    found = data.load("mnist", **{argument: number})
    assert same_samples(found, data.load("digits"))
    assert f"{argument}={number:,}" in found.note
    assert f"{argument}={number:,}" in found.banner()


def test_a_default_that_is_large_enough_is_cut_as_asked():
    found = data.load("mnist", n_train=100, n_test=20)
    assert (len(found.x_train), len(found.x_test)) == (100, 20)


@pytest.mark.parametrize("number", [0, -5])
def test_a_number_below_one_is_refused_for_a_default_too(number):
    with pytest.raises(ValueError, match="n_train"):
        data.load("mnist", n_train=number)


# ------------------------------------------------------------------------------------ folders and files


def test_idx_files_are_read_as_images_in_zero_to_one(home, publish_made_mnist):
    arrays = made_mnist(home / "data")
    publish_made_mnist(home / "data")
    found = data.load("mnist")
    train_images, train_labels, test_images, test_labels = (arrays[file] for file in MNIST_FILES)
    assert (found.name, found.is_default, found.label) == ("mnist", False, "mnist")
    assert (found.x_train.shape, found.x_test.shape) == ((6, 1, 28, 28), (4, 1, 28, 28))
    np.testing.assert_allclose(found.x_train[:, 0], train_images / 255, atol=1e-7)  # float32
    np.testing.assert_allclose(found.x_test[:, 0], test_images / 255, atol=1e-7)
    assert found.y_train.tolist() == train_labels.tolist()
    assert found.y_test.tolist() == test_labels.tolist()
    assert set(found.checksums.values()) == {sha256(home / "data" / "MNIST" / "raw" / file) for file in MNIST_FILES}


def test_mi_kit_data_comes_before_the_data_folder(home, monkeypatch, publish_made_mnist):
    made_mnist(home / "elsewhere")
    publish_made_mnist(home / "elsewhere")
    made_mnist(home / "data")
    monkeypatch.setenv("MI_KIT_DATA", str(home / "elsewhere"))
    assert data.find("mnist") == home / "elsewhere"
    assert data.load("mnist").name == "mnist"


def test_the_data_folder_serves_what_mi_kit_data_lacks(home, monkeypatch, publish_made_mnist):
    (home / "elsewhere").mkdir()
    made_mnist(home / "data")
    publish_made_mnist(home / "data")
    monkeypatch.setenv("MI_KIT_DATA", str(home / "elsewhere"))
    assert data.find("mnist") == home / "data"
    assert data.load("mnist").name == "mnist"


def test_find_gives_none_for_what_is_not_on_disk():
    assert data.find("mnist") is None


def test_mi_kit_data_that_leads_nowhere_is_refused(monkeypatch):
    monkeypatch.setenv("MI_KIT_DATA", "/no/such/folder")
    with pytest.raises(ValueError, match="MI_KIT_DATA") as caught:
        data.load("mnist")
    assert "/no/such/folder" in str(caught.value)


@pytest.mark.parametrize("damage", ["truncated", "altered", "no gzip at all", "empty"])
@pytest.mark.parametrize("file", MNIST_FILES)
def test_a_damaged_file_is_refused_before_it_is_read(home, monkeypatch, publish_made_mnist, damage, file):
    made_mnist(home / "data")
    publish_made_mnist(home / "data")
    path = home / "data" / "MNIST" / "raw" / file
    whole, expected = path.read_bytes(), sha256(path)
    path.write_bytes(
        {
            "truncated": whole[:-5],
            "altered": whole[:-1] + bytes([whole[-1] ^ 1]),
            "no gzip at all": b"<html>Please log in</html>",
            "empty": b"",
        }[damage]
    )
    monkeypatch.setattr(gzip, "decompress", lambda *_: pytest.fail("read before it was checked"))
    with pytest.raises(data.DataDamagedError) as caught:
        data.load("mnist")
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)
    assert sha256(path) in str(caught.value)


def test_made_files_do_not_pass_for_the_published_mnist(home):
    made_mnist(home / "data")
    path = home / "data" / "MNIST" / "raw" / MNIST_FILES[0]
    with pytest.raises(data.DataDamagedError, match=sha256(path)) as caught:
        data.load("mnist")
    assert str(path) in str(caught.value)
    assert "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609" in str(caught.value)  # as published


DAMAGED = {
    "12bit": "tishby/var_u.mat",
    "cifar10-subset": "cifar10-subset.npz",
    "cifar10-lossless": "cifar10-first4000-lossless.npz",
    "pokemon-common": "pokemon_go/predictemall_partial.csv.gz",
}


@pytest.mark.parametrize(("name", "file"), DAMAGED.items(), ids=DAMAGED)
def test_a_file_of_garbage_is_refused(home, name, file):
    path = home / "data" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"garbage")
    with pytest.raises(data.DataDamagedError, match=sha256(path)) as caught:
        data.load(name)
    assert str(path) in str(caught.value)


def test_a_pickle_is_not_opened_before_its_checksum_is_confirmed(home, monkeypatch):
    import pickle

    folder = home / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for file in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"):
        (folder / file).write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    monkeypatch.setattr(pickle, "load", lambda *_, **__: pytest.fail("unpickled a file that was not checked"))
    with pytest.raises(data.DataDamagedError, match="data_batch_1"):
        data.load("cifar10")


def test_a_part_of_a_data_set_is_named_with_what_is_missing(home):
    made_mnist(home / "data")
    for file in MNIST_FILES[2:]:
        (home / "data" / "MNIST" / "raw" / file).unlink()
    with pytest.warns(UserWarning, match="mnist") as caught:
        found = data.load("mnist")
    said = " ".join(str(warning.message) for warning in caught)
    assert str(home / "data") in said
    assert all(file in said for file in MNIST_FILES[2:])
    assert not any(file in said for file in MNIST_FILES[:2])
    assert (found.name, found.is_default) == ("digits", True)


# ------------------------------------------------------------------------------------ the sightings


def write_sightings(home: Path, drop=(), n=20) -> Path:
    """A table of n sightings of each of the paper's three species, of another one, and of incomplete rows."""
    path = home / "data" / "pokemon_go" / "300k.csv"
    path.parent.mkdir(parents=True)
    generator = np.random.default_rng(0)
    columns = {name: generator.normal(size=5 * n) * 3 + 10 for name in ("latitude", "longitude", "temperature")}
    columns |= {"pressure": generator.normal(size=5 * n), "class": np.repeat([50, 86, 128, 16, 50], n)}
    columns |= {"city": ["Bern"] * (5 * n)}
    names = [name for name in columns if name not in drop]
    lines = [",".join(str(columns[name][row]) for name in names) for row in range(4 * n)]
    lines += [",".join("50" if name == "class" else "" for name in names)] * n
    path.write_text("\n".join([",".join(names), *lines]) + "\n")
    return path


def test_pokemon_that_is_not_there_says_which_file_from_where_to_where(home):
    with pytest.raises(data.DataNotFoundError) as caught:
        data.load("pokemon")
    said = str(caught.value)
    assert "300k.csv" in said
    assert "Kaggle" in said
    assert "data/pokemon_go/300k.csv" in said
    assert str(home / "data") in said


def test_pokemon_is_three_species_with_scaled_features(home):
    path = write_sightings(home)
    found = data.load("pokemon")
    assert (found.name, found.is_default, found.input_shape, len(found.classes)) == ("pokemon", False, (4,), 3)
    assert len(found.x_train) + len(found.x_test) == 60  # neither the fourth species nor the incomplete rows
    x, y = torch.cat([found.x_train, found.x_test]), torch.cat([found.y_train, found.y_test])
    torch.testing.assert_close(x.mean(0), torch.zeros(4), atol=1e-5, rtol=0)  # float32
    torch.testing.assert_close(x.var(0), torch.ones(4), atol=1e-5, rtol=0)
    assert y.bincount().tolist() == [20, 20, 20]
    assert found.classes == ("Diglett", "Seel", "Tauros")
    assert sha256(path) in found.checksums.values()


def test_pokemon_labels_belong_to_their_rows(home):
    path = write_sightings(home)
    lines = path.read_text().splitlines()
    number = {"50": 0.0, "86": 1.0, "128": 2.0, "16": 3.0}  # temperature tells the species
    column = {name: place for place, name in enumerate(lines[0].split(","))}
    for row, line in enumerate(lines[1:], start=1):
        cells = line.split(",")
        if cells[column["temperature"]]:
            cells[column["temperature"]] = str(number[cells[column["class"]]])
        lines[row] = ",".join(cells)
    path.write_text("\n".join(lines))
    found = data.load("pokemon")
    for x, y in ((found.x_train, found.y_train), (found.x_test, found.y_test)):
        assert torch.equal(x[:, 2].argsort(stable=True), y.argsort(stable=True))


@pytest.mark.parametrize("missing", [("class",), ("pressure",), ("latitude", "longitude")], ids=",".join)
def test_pokemon_without_a_column_is_refused(home, missing):
    path = write_sightings(home, drop=missing)
    with pytest.raises(data.DataDamagedError) as caught:
        data.load("pokemon")
    assert str(path) in str(caught.value)
    assert all(name in str(caught.value).rpartition("missing")[2] for name in missing)


@pytest.mark.parametrize("content", ["", "latitude,longitude,temperature,pressure,class\n"], ids=["empty", "no rows"])
def test_pokemon_without_a_row_is_refused(home, content):
    path = write_sightings(home)
    path.write_text(content)
    with pytest.raises(data.DataDamagedError, match=r"300k\.csv"):
        data.load("pokemon")


# ------------------------------------------------------------------------------------ the network


@pytest.fixture
def with_network(monkeypatch):
    monkeypatch.delenv("MI_KIT_OFFLINE")
    monkeypatch.setattr(data, "_network_answers", lambda *_, **__: True)


def test_mnist_is_downloaded_by_torchvision_into_the_data_folder(home, monkeypatch, with_network, publish_made_mnist):
    made_mnist(home / "server")
    publish_made_mnist(home / "server")
    calls = []

    def fake(root, download=False, **_):
        calls.append((root, download))
        made_mnist(Path(root))

    monkeypatch.setattr(torchvision.datasets, "MNIST", fake)
    found = data.load("mnist")
    assert calls == [(str(home / "data" / ".mnist.part"), True)]
    assert (found.name, found.is_default) == ("mnist", False)
    data.load("mnist")
    assert len(calls) == 1, "what is on disk is not downloaded again"


DOWNLOADING = """
import sys, time
from pathlib import Path
from mi_kit import data

def download(root):
    (root / "made").mkdir(parents=True)
    with (root / "made" / "file").open("w") as file:
        file.write("half, ")
        file.flush()
        print("half", flush=True)
        time.sleep(float(sys.argv[1]))
        file.write("whole")

data._network_answers = lambda address: True
found = data._find(data._Recipe("made", ("made/file",), None, download=download))
print((found / "made" / "file").read_text())
"""


def downloading(seconds: float) -> subprocess.Popen:
    """A process that looks for a data set and, where it is not there, takes so long to download it."""
    return subprocess.Popen([sys.executable, "-c", DOWNLOADING, str(seconds)], stdout=subprocess.PIPE, text=True)


def test_of_two_processes_one_downloads_and_the_other_waits():
    said = [process.communicate(timeout=120)[0].split("\n") for process in [downloading(3), downloading(3)]]
    assert sorted(said) == [["half", "half, whole", ""], ["half, whole", ""]]


def test_a_download_that_was_killed_leaves_nothing_and_is_made_again(home):
    killed = downloading(60)
    assert killed.stdout.readline() == "half\n"
    waiting = downloading(0)
    killed.kill()
    killed.communicate()
    assert not (home / "data" / "made").exists()
    assert waiting.communicate(timeout=120)[0] == "half\nhalf, whole\n"
    assert {path.name for path in (home / "data").iterdir()} <= {"made", ".made.lock"}


def test_a_download_that_breaks_off_leaves_no_file_behind(home, monkeypatch, with_network):
    def fake(_url, path, *_):
        Path(path).write_bytes(b"the beginning")

    monkeypatch.setattr(torchvision.datasets.utils, "_get_redirect_url", lambda url, **_: url)
    monkeypatch.setattr(torchvision.datasets.utils, "_urlretrieve", fake)
    with pytest.warns(UserWarning, match="download of 12bit failed"):
        assert data.load("12bit").is_default
    assert not (home / "data" / "tishby").exists()


def test_what_is_downloaded_is_checked_too(home, monkeypatch, with_network):
    monkeypatch.setattr(torchvision.datasets, "MNIST", lambda root, **_: made_mnist(Path(root)))
    with pytest.raises(data.DataDamagedError):
        data.load("mnist")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("File not found or corrupted."),
        urllib.error.URLError("reset"),
        OSError("disk full"),
        http.client.IncompleteRead(b"", 5),  # the connection broke off; neither OSError nor RuntimeError
    ],
    ids=repr,
)
def test_a_download_that_fails_warns_and_a_default_stands_in(monkeypatch, with_network, error):
    def fake(*_, **__):
        raise error

    monkeypatch.setattr(torchvision.datasets, "MNIST", fake)
    with pytest.warns(UserWarning, match="mnist failed") as caught:
        found = data.load("mnist")
    assert any(str(error) in str(warning.message) for warning in caught)
    assert (found.name, found.is_default) == ("digits", True)


def test_offline_nothing_is_asked_or_downloaded(monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("asked the network"))
    monkeypatch.setattr(torchvision.datasets, "MNIST", lambda *_, **__: pytest.fail("downloaded"))
    assert data.load("mnist").is_default


def test_a_network_that_does_not_answer_is_given_up_at_the_limit(monkeypatch):
    monkeypatch.delenv("MI_KIT_OFFLINE")
    released = threading.Event()

    def block(*_, **__):
        released.wait(30)
        raise OSError("too late")

    monkeypatch.setattr(urllib.request, "urlopen", block)
    start = time.monotonic()
    try:
        assert data._network_answers(ADDRESS, seconds=0.2) is False
        assert time.monotonic() - start < 5  # far from the 30 s it would block; a busy machine may be slow
        before = time.monotonic()
        assert data._network_answers(ADDRESS, seconds=0.2) is False
        assert time.monotonic() - before < 0.1  # remembered, not asked again
    finally:
        released.set()


class Answer:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Answer(), True),
        (urllib.error.HTTPError(ADDRESS, 403, "Forbidden", {}, None), True),  # a refusal is an answer
        (urllib.error.HTTPError(ADDRESS, 500, "Error", {}, None), True),
        (urllib.error.URLError("no such host"), False),
        (TimeoutError("timed out"), False),
        (ConnectionResetError("reset"), False),
        (http.client.BadStatusLine("not HTTP"), False),
    ],
    ids=["page", "403", "500", "no host", "timeout", "reset", "not HTTP"],
)
def test_what_counts_as_an_answer(monkeypatch, outcome, expected):
    monkeypatch.delenv("MI_KIT_OFFLINE")
    asked = []

    def respond(request, *_, timeout, **__):
        asked.append((getattr(request, "full_url", request), timeout))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(urllib.request, "urlopen", respond)
    assert data._network_answers(ADDRESS, seconds=5) is expected
    assert data._network_answers(ADDRESS, seconds=5) is expected
    assert asked == [(ADDRESS, 5)]  # once: the answer is kept


# ------------------------------------------------------------------------------------ the published files


@pytest.fixture
def real_data(monkeypatch):
    if not (REAL_DATA / "MNIST" / "raw" / MNIST_FILES[0]).exists():
        pytest.skip("MI_KIT_DATA does not lead to a folder with MNIST")
    monkeypatch.setenv("MI_KIT_DATA", str(REAL_DATA))

    def load(name: str, *files: str, **options) -> data.Dataset:
        if missing := [file for file in files if not (REAL_DATA / file).exists()]:
            pytest.skip(f"MI_KIT_DATA lacks {', '.join(missing)}")
        return data.load(name, **options)

    return load


def test_mnist_is_the_published_one(real_data):
    found = real_data("mnist")
    assert (found.x_train.shape, found.x_test.shape) == ((60000, 1, 28, 28), (10000, 1, 28, 28))
    assert (found.x_train.min(), found.x_train.max()) == (0, 1)
    assert found.y_train.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert (found.name, found.is_default, len(found.checksums)) == ("mnist", False, 4)
    assert "60,000 training and 10,000 test" in found.banner()


def test_a_part_of_mnist_is_as_large_as_asked(real_data):
    found = real_data("mnist", n_train=1000, n_test=200)
    assert (len(found.x_train), len(found.x_test)) == (1000, 200)
    with pytest.raises(ValueError, match="n_train"):
        real_data("mnist", n_train=60001)


def test_fashion_mnist_is_the_published_one(real_data):
    found = real_data("fashion-mnist", "FashionMNIST/raw/train-images-idx3-ubyte.gz")
    assert (found.x_train.shape, found.x_test.shape) == ((60000, 1, 28, 28), (10000, 1, 28, 28))
    assert found.y_train.bincount().tolist() == [6000] * 10
    assert found.classes[9] == "Ankle boot"


def test_the_12_bit_set_holds_every_pattern_once(real_data):
    found = real_data("12bit", "tishby/var_u.mat")
    x, y = torch.cat([found.x_train, found.x_test]), torch.cat([found.y_train, found.y_test])
    assert x.shape == (4096, 12)
    assert len(x.unique(dim=0)) == 4096
    assert float(y.double().mean()) == pytest.approx(0.51709, abs=5e-6)  # five decimals are given
    assert label_entropy(y) == pytest.approx(0.99916, abs=5e-6)
    assert not found.is_default


def test_a_part_of_cifar10_is_taken_for_the_whole_and_says_so(real_data):
    if (REAL_DATA / "cifar-10-batches-py").exists():
        pytest.skip("MI_KIT_DATA holds the whole CIFAR-10")
    found = real_data("cifar10", "cifar10-subset.npz")
    assert (found.name, found.requested, found.is_default) == ("cifar10-subset", "cifar10", False)
    assert found.input_shape == (3, 32, 32)
    assert len(set(found.y_train.bincount().tolist())) == 1, "the subset is class-balanced"
    assert "part of CIFAR-10" in found.banner()
    assert found.identity.startswith("cifar10-subset")


def test_lossless_cifar10_is_4000_images(real_data):
    found = real_data("cifar10-lossless", "cifar10-first4000-lossless.npz")
    assert (found.x_train.shape, found.x_test.shape) == ((3000, 3, 32, 32), (1000, 3, 32, 32))


def test_common_sightings_are_660_rows_of_three_species(real_data):
    found = real_data("pokemon-common", "pokemon_go/predictemall_partial.csv.gz")
    assert len(found.x_train) + len(found.x_test) == 660
    assert (found.input_shape, len(found.classes), found.is_default) == ((4,), 3, False)


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def official_cifar10(tmp_path, monkeypatch):
    """CIFAR-10's own files in small, with their checksums in the place of the published ones."""
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    for number, name in enumerate(names):
        images = generator.integers(0, 256, (4, 3072), dtype=np.uint8)
        (folder / name).write_bytes(pickle.dumps({"data": images, "labels": [number, 1, 2, 3]}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(data.CIFAR)}))
    monkeypatch.setattr(CIFAR10, "train_list", [[name, md5(folder / name)] for name in names[:5]])
    monkeypatch.setattr(CIFAR10, "test_list", [[names[5], md5(folder / names[5])]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5(folder / "batches.meta")})
    return folder


def test_official_cifar10_is_read_in_order(official_cifar10):
    cifar = data.load("cifar10")
    assert (cifar.name, cifar.is_default) == ("cifar10", False)
    assert tuple(cifar.x_train.shape) == (20, 3, 32, 32)
    assert cifar.y_train.tolist()[::4] == [0, 1, 2, 3, 4]
    first = np.random.default_rng(0).integers(0, 256, (4, 3072), dtype=np.uint8)[0].reshape(3, 32, 32)
    np.testing.assert_array_equal(cifar.x_train[0].mul(255).round().numpy(), first)


def test_an_altered_cifar10_batch_is_never_unpickled(official_cifar10, monkeypatch):
    (official_cifar10 / "data_batch_2").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    monkeypatch.setattr(pickle, "load", lambda *_a, **_k: pytest.fail("unpickled before the checksum was confirmed"))
    with pytest.raises(data.DataDamagedError, match=r"data_batch_2.*md5"):
        data.load("cifar10")


def test_svhn_is_read_with_0_for_the_digit_0(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "SVHN"
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 5), dtype=np.uint8)
    splits = {}
    for split in ("train", "test"):
        name = f"{split}_32x32.mat"
        savemat(folder / name, {"X": images, "y": np.array([[1], [2], [9], [10], [3]])})  # 10 is the digit 0
        splits[split] = [SVHN.split_list[split][0], name, md5(folder / name)]
    monkeypatch.setattr(SVHN, "split_list", splits)
    svhn = data.load("svhn")
    assert svhn.y_train.tolist() == [1, 2, 9, 0, 3]
    np.testing.assert_array_equal(svhn.x_test[1].mul(255).round().numpy(), images[:, :, :, 1].transpose(2, 0, 1))


def test_centred_images_have_channels_of_mean_0_by_what_the_training_images_say():
    dataset = data.part(data.load("digits"), 60, 50)
    shifted = replace(dataset, x_train=dataset.x_train.repeat(1, 3, 1, 1), x_test=dataset.x_test.repeat(1, 3, 1, 1))
    found = data.centred(shifted)
    assert float(found.x_train.mean((0, 2, 3)).abs().max()) < 1e-6
    taken_off = shifted.x_test - found.x_test
    assert torch.allclose(taken_off, shifted.x_train.mean((0, 2, 3), keepdim=True).expand_as(taken_off), atol=1e-6)
    assert found.name == dataset.name
    assert found.identity != shifted.identity
    assert "mean of every channel" in found.banner()


def test_centring_takes_images_only():
    with pytest.raises(ValueError, match=r"dataset must have images \(n, channels, height, width\); got \(\d+, 4\)"):
        data.centred(data.load("iris"))


# ------------------------------------------------------------------------------------ tensors of one's own


def own(n=40, classes=2):
    x = np.random.default_rng(0).normal(size=(n, 3))
    return x, np.arange(n) % classes


def columns(x):
    return pd.DataFrame(x, columns=list("abc"))


INPUTS = {
    "numpy": np.asarray, "tensor": torch.tensor, "list": np.ndarray.tolist, "table": columns,
    "gradient": lambda x: torch.tensor(x, requires_grad=True), "half": lambda x: torch.tensor(x).half(),
    "swapped bytes": lambda x: x.astype(">f8"), "view": lambda x: x[::-1],
}  # fmt: skip


@pytest.mark.parametrize("given", INPUTS.values(), ids=INPUTS)
def test_inputs_of_any_kind_become_float32_and_are_split(given):
    x, y = own()
    dataset = data.Dataset.of(given(x), y)
    assert (len(dataset.x_train), len(dataset.x_test)) == (32, 8)
    plain = given(x).detach() if isinstance(given(x), torch.Tensor) else np.array(given(x), dtype=float)
    expected = np.asarray(plain, dtype=np.float32)
    found = torch.cat([dataset.x_train, dataset.x_test])
    order = np.lexsort(expected.T), np.lexsort(found.numpy().T)
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy()[order[1]], expected[order[0]])


LABELS = {
    "numbers": ([0, 1, 2], ("0", "1", "2"), [0, 1, 2]),
    "whole floats": ([0.0, 1.0], ("0", "1"), [0, 1]),
    "numbers with gaps": ([7, -1, 10], ("-1", "7", "10"), [1, 0, 2]),
    "words": (["dog", "cat"], ("cat", "dog"), [1, 0]),
    "truth values": ([True, False], ("False", "True"), [1, 0]),
}
KINDS = {"list": list, "numpy": np.array, "table": pd.Series, "column": lambda y: np.array(y)[:, None],
         "categories": pd.Categorical}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("labels, names, numbers", LABELS.values(), ids=LABELS)
def test_labels_of_any_kind_become_class_numbers_with_names(kind, labels, names, numbers):
    x = np.arange(60.0).reshape(30, 2)
    y = [labels[place % len(labels)] for place in range(30)]
    dataset = data.Dataset.of(x, kind(y))
    assert dataset.classes == names
    expected = {row: numbers[row % len(labels)] for row in range(30)}
    for part, truth in ((dataset.x_train, dataset.y_train), (dataset.x_test, dataset.y_test)):
        assert truth.dtype == torch.int64
        assert truth.tolist() == [expected[int(first) // 2] for first in part[:, 0]]


NAMED = {
    "numbers": ([0, 1], ("no", "yes"), [0, 1], ("no", "yes")),
    "truth values": ([False, True], ("no", "yes"), [0, 1], ("no", "yes")),
    "in another order": (["b", "a"], ("b", "a"), [0, 1], ("b", "a")),
    "numbers in another order": ([0, 1], (1, 0), [1, 0], ("1", "0")),
    "numbers that are named": ([3, 5], (3, 5, 9), [0, 1], ("3", "5", "9")),
    "more classes than labels": ([0, 2], ("a", "b", "c"), [0, 2], ("a", "b", "c")),
}


@pytest.mark.parametrize("labels, classes, numbers, names", NAMED.values(), ids=NAMED)
def test_classes_that_are_given_name_the_labels(labels, classes, numbers, names):
    dataset = data.Dataset.of(np.zeros((2, 1)), labels, x_test=np.zeros((2, 1)), y_test=labels[::-1], classes=classes)
    assert dataset.y_train.tolist() == numbers
    assert dataset.y_test.tolist() == numbers[::-1]
    assert dataset.classes == names


def test_the_split_has_every_class_in_its_share_and_belongs_to_the_seed():
    x, y = own(100)[0], np.arange(100) < 20
    one, same, other = (data.Dataset.of(x, y, test=0.25, seed=seed) for seed in (0, 0, 1))
    assert [torch.bincount(part).tolist() for part in (one.y_train, one.y_test)] == [[60, 15], [20, 5]]
    assert same_samples(one, same)
    assert not same_samples(one, other)
    assert "share of 0.25" in one.banner()


def test_a_test_part_that_is_given_is_kept_in_its_order():
    x, y = own()
    dataset = data.Dataset.of(x[:30], y[:30], x_test=x[30:], y_test=y[30:], name="mine")
    assert torch.equal(dataset.x_test, torch.tensor(x[30:], dtype=torch.float32))
    assert dataset.y_train.tolist() == y[:30].tolist()
    assert dataset.identity.startswith("mine-")


def test_the_data_set_is_a_copy():
    x, y = own()
    dataset = data.Dataset.of(torch.tensor(x).float(), y, x_test=(held := torch.zeros(2, 3)), y_test=[0, 1])
    held += 1
    assert not dataset.x_test.any()


X, Y = own()
BROKEN = {
    "lengths": ((X[:-1], Y), {}, r"x must have the shape \(40, \.\.\.\).*y; got \(39, 3\)"),
    "no features": ((X[:, 0], Y), {}, r"x must have the shape \(40, \.\.\.\).*x\[:, None\]"),
    "nan": ((np.where(np.arange(120).reshape(40, 3) == 7, np.nan, X), Y), {}, "x must be finite in float32; got 1 NaN"),
    "too large": ((X * 1e300, Y), {}, "x must be finite in float32"),
    "words as inputs": ((np.array([["a"]] * 40), Y), {}, "x must hold numbers"),
    "ragged": (([[1.0], [1.0, 2.0]], [0, 1]), {}, "x must hold numbers"),
    "complex": ((X + 1j, Y), {}, "x must be real"),
    "regression": ((X, X[:, 0]), {}, r"y must hold classes; got -?[0-9.]+ among them.*Bin a regression target"),
    "missing label": ((X, np.where(Y == 0, np.nan, 1.0)), {}, "y must have a label for every sample; got 20 without"),
    "no label": ((X, [None, *Y[1:]]), {}, "y must have a label for every sample; got 1 without"),
    "one-hot": ((X, np.eye(2)[Y]), {}, r"y must have the shape \(n,\).*got shape=\(40, 2\)"),
    "one class": ((X, Y * 0), {}, "y must have at least 2 classes; got 1"),
    "unnamed": ((X, Y), {"classes": ["a"]}, r"y must hold labels among \('a',\).*; got 0 among them"),
    "not among": ((X, ["a", "b"] * 20), {"classes": ["a", "c"]}, "y must hold labels among.*got b among them"),
    "rare": ((X, [2, *Y[1:]]), {}, "at least 2 samples of every class"),
    "share": ((X, Y), {"test": 0}, "test must leave both parts .* test=0 of 40"),
    "all": ((X, Y), {"test": 1.0}, "test must leave both parts"),
    "too few": ((X[:4], [0, 0, 1, 1]), {"test": 0.2}, "test must leave both parts .* test=0.2 of 4"),
    "half a test part": ((X, Y), {"x_test": X}, "x_test and y_test must be given together"),
    "test part": ((X, Y), {"x_test": X, "y_test": Y[1:]}, r"x_test must have the shape \(39, \.\.\.\)"),
    "its shape": ((X, Y), {"x_test": X[:, :2], "y_test": Y}, r"x_test must have inputs .*\(3,\); got \(2,\)"),
    "seed": ((X, Y), {"seed": -1}, "seed must be an integer of at least 0"),
}  # fmt: skip


@pytest.mark.parametrize("given, options, message", BROKEN.values(), ids=BROKEN)
def test_what_makes_no_data_set_is_refused_by_name(given, options, message):
    with pytest.raises(ValueError, match=message):
        data.Dataset.of(*given, **options)


def made(**changes):
    x, y = torch.zeros(4, 3), torch.tensor([0, 1, 1, 0])
    parts = {"x_train": x, "y_train": y, "x_test": x, "y_test": y, "classes": ("a", "b"), "name": "made", "source": ""}
    return data.Dataset(**parts | changes)


WRONG_PARTS = {
    "numpy": ({"x_train": np.zeros((4, 3))}, "x_train must be a tensor of float32 or int64; got ndarray.*Dataset.of"),
    "double": ({"x_test": torch.zeros(4, 3).double()}, "x_test must be a tensor of float32.*; got torch.float64"),
    "float labels": ({"y_train": torch.zeros(4)}, "y_train must be a tensor of int64; got torch.float32"),
    "columns": ({"y_test": torch.zeros(4, 1).long()}, r"y_test must have the shape \(n,\); got shape=\(4, 1\)"),
    "lengths": ({"x_train": torch.zeros(5, 3)}, r"x_train must have the shape \(4, \.\.\.\).*got \(5, 3\)"),
    "label above": ({"y_test": torch.tensor([0, 1, 2, 0])}, "y_test must lie between 0 and 1, .*; got 2 among them"),
    "label below": ({"y_train": torch.tensor([0, 1, -1, 0])}, "y_train must lie between 0 and 1, .*; got -1"),
    "test inputs": ({"x_test": torch.zeros(4, 2)}, r"x_test must have inputs of the shape \(3,\); got \(2,\)"),
}


@pytest.mark.parametrize("changes, message", WRONG_PARTS.values(), ids=WRONG_PARTS)
def test_parts_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        made(**changes)


def test_numbers_of_words_are_inputs():
    words = torch.arange(12).reshape(4, 3)
    assert made(x_train=words, x_test=words).input_shape == (3,)


def test_a_data_set_is_printed_in_one_line():
    text = repr(made())
    assert text == "Dataset(made: 4 training and 4 test samples of the shape (3,), 2 classes)"
    assert "standing in for mnist" in repr(data.load("mnist"))
