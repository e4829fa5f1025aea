"""Recorded training runs: one folder a seed, read back as a `Run`, and by `open` at any later time.

A folder holds run.json (identity and history), metrics.parquet, observed-<name>.parquet, one step-<step>.safetensors
a checkpoint, and state.safetensors: weights and optimiser where training stands. Every file is written whole
or not at all, carries a checksum and the name of its run, and none is a pickle. What is damaged is put aside under a
name that says so, and made again from the last whole thing.
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
import functools
import hashlib
import itertools
import json
import math
import os
import re
import shutil
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from . import cache, data, models, paths, probes
from .cache import DamagedError
from .data import Dataset
from .estimators import inputs
from .fingerprint import as_bytes

FORMAT = 2
STATE_PART = ".state.safetensors.part"  # a state that is being written
STATE_LIST = ".states.json"  # of the states of runs trained together, between their last byte and their last rename
IN_USE = ".in-use"  # beside the seeds of a run: locked, shared, by every process that reads or trains one of them
ASIDE = "damaged"  # in the names of what was put aside


class RunFolder:
    """One seed's run on disk."""

    def __init__(self, path: Path, identity: dict):
        self.path = Path(path)
        self.identity = identity
        self._file = self.path / "run.json"
        with contextlib.suppress(DamagedError):
            self.identity = self._record().get("identity", identity)

    @property
    def seed(self) -> int:
        return self.identity["seed"]

    @property
    def name(self) -> str:
        """A hash of the identity; of a recording, whose training is not known, of its checkpoints too."""
        if "recording" not in self.identity:
            return self._own_name
        times = [(path.name, path.stat().st_mtime_ns) for path in sorted(self.path.glob("step-*.safetensors"))]
        return paths.short_hash([self.identity, times])

    @property
    def _own_name(self) -> str:
        """What the files of this run carry: one that was moved here from another run is seen."""
        return paths.short_hash(self.identity)

    @contextlib.contextmanager
    def lock(self):
        """Held while training: a second process that wants the same run waits and then finds it done."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    # what is there

    def steps(self) -> list[int]:
        """The steps with a checkpoint."""
        found = (re.fullmatch(r"step-(\d+)\.safetensors", path.name) for path in self.path.glob("step-*.safetensors"))
        return sorted(int(match[1]) for match in found if match)

    def trained_to(self) -> int | None:
        """The step of the state from which training can go on; None before the first."""
        path = self.path / "state.safetensors"
        return int(_noted_in(path, self._own_name)["step"]) if path.exists() else None

    @property
    def threads(self) -> int | None:
        """The number of threads that this run was last trained with; None before training."""
        return self._last_session.get("threads")

    @property
    def company(self) -> tuple[str, ...]:
        """The names of the runs that this one was last trained with, as one: rounding depends on them."""
        with contextlib.suppress(DamagedError):
            return tuple(self._last_session.get("company", ()))
        return ()

    @property
    def devices(self) -> list[str]:
        """What this run was trained on, in order; after a change of device, more than one."""
        sessions = self._record().get("sessions", [])
        return list(dict.fromkeys(session["device"] for session in sessions if "device" in session))

    @property
    def _last_session(self) -> dict:
        return (self._record().get("sessions") or [{}])[-1]

    def _record(self) -> dict:
        """What run.json holds; {} before it is there."""
        if not self._file.exists():
            return {}
        try:
            record = json.loads(self._file.read_text(encoding="utf-8"))
            whole = record.pop("sha256", None) == paths.short_hash(record) or record["format"] == 1  # had no checksum
        except (ValueError, KeyError, AttributeError, TypeError, OSError) as error:
            raise DamagedError(f"{self._file} is damaged: {error}") from error
        if not whole:
            raise DamagedError(f"{self._file} is damaged: its checksum does not belong to what it says.")
        if record["format"] != FORMAT:
            raise ValueError(f"{self._file} must have format {FORMAT}; got format={record['format']!r}.")
        return record

    def tables(self) -> list[Path]:
        """The files of what was observed."""
        return sorted(self.path.glob("observed-*.parquet"))

    def table(self, name: str) -> pd.DataFrame:
        """A table of this run; an empty one where nothing was written yet."""
        return self._noted(name)[0]

    def done(self, name: str) -> set[int]:
        """The steps whose rows of a table are on disk, those without any row among them."""
        return set(self._noted(name)[1].get("done", ()))

    def _noted(self, name: str) -> tuple[pd.DataFrame, dict]:
        path = self.path / f"{name}.parquet"
        if not path.exists():
            return pd.DataFrame(), {}
        table, noted = cache.read_noted(path)
        if noted.get("run") != self._own_name:
            raise DamagedError(f"{path} belongs to another run than {self.path}.")
        return table, noted

    # damage

    def damaged(self) -> list[DamagedError]:
        """What is wrong with the files of this run, an error each, with the file as its `path`."""
        found = []
        patterns = ("step-*.safetensors", "state.safetensors", "metrics.parquet", "observed-*.parquet")
        for path in [self._file, *(path for pattern in patterns for path in self.path.glob(pattern))]:
            try:
                if path == self._file:
                    self._record()
                elif path.suffix == ".parquet":
                    self._noted(path.stem)
                else:
                    _noted_in(path, self._own_name)
            except DamagedError as error:
                error.path = path
                found.append(error)
        return found

    def mend(self, identity: dict) -> None:
        """Put aside what is damaged, or is another run's, so that it is made again. The caller holds the lock."""
        if self.identity != json.loads(json.dumps(identity)) and self._file.exists():
            self._put_aside(list(self.path.glob("[!.]*")), f"{self._file} names another run than its folder does")
        self.identity = identity
        for error in self.damaged():
            self._put_aside([error.path], str(error))

    def _put_aside(self, files: list[Path], why: str) -> None:
        folder = self.path / f".{ASIDE}-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"
        folder.mkdir()
        for file in files:
            file.rename(folder / file.name)
        warnings.warn(f"{why} What was there is kept as {folder}; what is needed of it is made again.", stacklevel=4)

    def forget(self) -> None:
        """Delete all that is here but the lock. The caller holds it."""
        for path in self.path.iterdir():
            if path.name != ".lock":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def begun(self) -> float:
        """When this run was begun, by `paths.file_clock`; infinite where that is not known."""
        with contextlib.suppress(DamagedError):
            return self._record().get("begun", float("inf"))
        return float("inf")

    # writing

    def write_record(self, **history) -> None:
        """run.json: the identity, and what happened to the run so far."""
        self.path.mkdir(parents=True, exist_ok=True)
        record = self._record()
        if not record:
            record = {"format": FORMAT, "identity": self.identity, "begun": paths.file_clock(), "sessions": []}
        if history and record["sessions"][-1:] != [history]:
            record["sessions"].append(history)
        record = json.loads(json.dumps(record, default=str))
        paths.write_json(self._file, {**record, "sha256": paths.short_hash(record)})

    def write_checkpoint(self, step: int, weights: dict[str, Tensor]) -> None:
        content = _packed(weights, step, self._own_name)
        paths.write_whole(self.path / f"step-{step:08d}.safetensors", lambda part: part.write_bytes(content))

    def write_rows(self, name: str, rows: pd.DataFrame, done: Iterable[int] = ()) -> None:
        """Add rows to a table; rows for the same steps (and quantities, where it has them) are replaced.

        done: steps whose rows these are; one may have none. They are noted in the same file: no moment counts as done
        whose rows are not on disk.
        """
        old, noted = self._noted(name)
        done = set(done)
        if len(old):
            keys = ["step", "quantity"] if "quantity" in old else ["step"]
            replaced = old["step"].isin(done)
            if len(rows):
                replaced |= pd.MultiIndex.from_frame(old[keys]).isin(pd.MultiIndex.from_frame(rows[keys]))
            rows = pd.concat([old[~replaced], rows], ignore_index=True)
        self._write_table(name, rows, done | set(noted.get("done", ())))

    def _write_table(self, name: str, rows: pd.DataFrame, done: set[int]) -> None:
        if "step" in rows:
            rows = rows.sort_values("step", kind="stable").reset_index(drop=True)
        noted = {"run": self._own_name, "done": sorted(done)}
        paths.write_whole(self.path / f"{name}.parquet", lambda part: cache.write_table(rows, part, **noted))

    def cut_tables(self, step: int) -> None:
        """Drop rows later than `step`: they were written after the state that training goes on from."""
        for path in [*self.path.glob("metrics.parquet"), *self.tables()]:
            rows, noted = self._noted(path.stem)
            done = set(noted.get("done", ()))
            if (len(rows) and (rows["step"] > step).any()) or (done and max(done) > step):
                kept = rows[rows["step"] <= step] if len(rows) else rows
                self._write_table(path.stem, kept, {each for each in done if each <= step})

    # reading

    def weights(self, step: int) -> dict[str, Tensor]:
        """The weights at a checkpoint. Raises DamagedError for one that is not as it was written."""
        return _unpacked(self.path / f"step-{step:08d}.safetensors", self._own_name)[0]

    def state(self) -> dict[str, Tensor]:
        """Weights ("model/...") and optimiser ("optimizer/...") at `trained_to()`. Raises as `weights` does."""
        return _unpacked(self.path / "state.safetensors", self._own_name)[0]

    def pack_state(self, step: int, tensors: dict[str, Tensor]) -> bytes:
        return _packed(tensors, step, self._own_name)


# --------------------------------------------------------------------------------------------- who uses what


def hold(folder: RunFolder) -> None:
    """Keep a run from being cleaned away as long as this process lives."""
    if paths.runs() in folder.path.parents:  # others are not cleaned
        _shared_lock(folder.path.parent / IN_USE)


@functools.cache
def _shared_lock(path: Path) -> int:
    """The file that this process holds a shared lock on, to its end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_CREAT | os.O_RDWR)
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def remove(path: Path) -> bool:
    """Delete the folder of a run; False where a process uses it."""
    if not path.exists():
        return True
    with (path.parent / IN_USE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        shutil.rmtree(path)
    return True


# --------------------------------------------------------------------------------------------- files of tensors


def write_states(step: int, states: list[tuple[RunFolder, dict[str, Tensor]]]) -> None:
    """The states of runs that are trained together, all or none: after `finish_states` no kill has left a mixture.

    All are written under a temporary name; then a list of them appears, in the first folder, at which moment they count
    as written; then all are renamed. They must go on together: rounding depends on the company (a member alone ends up
    to one unit in the last place away). The caller holds the locks.
    """
    for folder, tensors in states:
        (folder.path / STATE_PART).write_bytes(folder.pack_state(step, tensors))
    if not states:
        return
    first = states[0][0].path
    if len(states) > 1:
        paths.write_json(first / STATE_LIST, {"step": step, "folders": [str(each.path) for each, _ in states]})
    for folder, _ in states:
        os.replace(folder.path / STATE_PART, folder.path / "state.safetensors")
    (first / STATE_LIST).unlink(missing_ok=True)


def finish_states(folders: Iterable[RunFolder]) -> None:
    """Rename what a kill in `write_states` left unrenamed, of these folders. The caller holds their locks."""
    own = {str(folder.path): folder for folder in folders}
    for folder in own.values():
        written = folder.path / STATE_LIST
        if not written.exists():
            continue
        with contextlib.suppress(ValueError, KeyError):  # a list that is damaged renames nothing
            record = json.loads(written.read_text(encoding="utf-8"))
            for name in record["folders"]:
                part = Path(name) / STATE_PART
                with contextlib.suppress(DamagedError, FileNotFoundError):  # a later, unfinished one
                    if name in own and int(_noted_in(part, own[name]._own_name)["step"]) == record["step"]:
                        os.replace(part, Path(name) / "state.safetensors")
        written.unlink()


def _packed(tensors: dict[str, Tensor], step: int, run: str) -> bytes:
    """A file of tensors, with a checksum over their names, shapes and bytes, the step and the run."""
    plain = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}
    noted = {"step": str(step), "run": run}
    return save(plain, {**noted, "sha256": _digest(plain, noted)})


def _unpacked(path: Path, run: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and what is noted with them, read through one handle: another process may put a new file under the
    name at any time."""
    try:
        content = path.read_bytes()
        tensors = dict(sorted(load(content).items()))  # its own order is another one every time
        noted = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    except (SafetensorError, ValueError, KeyError, IsADirectoryError) as error:
        raise DamagedError(f"{path} is damaged: {error}") from error
    if noted.pop("sha256", None) != _digest(tensors, noted):
        raise DamagedError(f"{path} is damaged: its checksum does not belong to its tensors.")
    if noted.get("run") != run:
        raise DamagedError(f"{path} belongs to another run than {path.parent}.")
    if path.name.startswith("step-") and path.name != f"step-{int(noted['step']):08d}.safetensors":
        raise DamagedError(f"{path} holds the weights of step {noted['step']}.")
    return tensors, noted


def _digest(tensors: dict[str, Tensor], noted: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(noted, sort_keys=True).encode())
    for key in sorted(tensors):
        digest.update(f"{key} {tensors[key].dtype} {tuple(tensors[key].shape)}".encode())
        digest.update(as_bytes(tensors[key]))
    return digest.hexdigest()


def _noted_in(path: Path, run: str) -> dict[str, str]:
    """What is noted in a file of tensors that is whole. Raises DamagedError."""
    stat = path.stat()
    return _checked(path, run, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=10_000)
def _checked(path: Path, run: str, _modified: int, _size: int) -> dict[str, str]:
    """Read as a whole once, and again when the file is another one."""
    return _unpacked(path, run)[1]


@dataclass(frozen=True)
class Run:
    """One network trained from one or more seeds on one data set; what `training.train` and `Recorder` give."""

    network: models.Network
    folders: tuple[RunFolder, ...]
    dataset: Dataset | None = field(default=None, repr=False)
    last_step: int | None = None  # what was asked for: the folders may hold more, from other calls of `train`
    moments: frozenset[int] | None = None
    observers: dict[str, str] = field(default_factory=dict, repr=False)  # name: what its rows are kept under

    def __post_init__(self):
        for folder in self.folders:
            hold(folder)

    @property
    def seeds(self) -> list[int]:
        return [folder.seed for folder in self.folders]

    @property
    def identities(self) -> list[str]:
        """A short name of each seed's identity."""
        return [folder.name for folder in self.folders]

    @property
    def identity(self) -> dict:
        """What caches know a run by."""
        return {"run": self.identities, "steps": self.steps}

    @property
    def steps(self) -> list[int]:
        """The steps, up to the last one asked for, that every seed has a checkpoint for."""
        self._check_recordings()
        shared = set.intersection(*(set(folder.steps()) for folder in self.folders))
        return sorted(step for step in shared if self.last_step is None or step <= self.last_step)

    @property
    def metrics(self) -> pd.DataFrame:
        """Tidy rows: seed, step, epoch, quantity (train_loss, test_loss in bits; test_accuracy), value.

        Test rows stand at the checkpoints and observed steps that were asked for, whatever else is on disk.
        """
        table = self._table("metrics")
        if self.moments is None or table.empty:
            return table
        asked = table["quantity"].eq("train_loss") & (table["step"] <= self.last_step)
        return table[asked | table["step"].isin(self.moments)].reset_index(drop=True)

    def observed(self, name: str) -> pd.DataFrame:
        """The rows that the observer `name` wrote while training, with the columns seed, step and epoch.

        name: of the function, or what it was called in `observe`. Raises ValueError for one that observed nothing, and,
        in a run that is opened again, where several versions of it did.
        """
        kept = sorted({path.stem.removeprefix("observed-") for each in self.folders for path in each.tables()})
        full = self.observers.get(name, name)
        found = [full] if full in kept else [each for each in kept if each.rpartition("-")[0] == name]
        if len(found) != 1 or (table := self._table(f"observed-{found[0]}")).empty:
            known = ", ".join(self.observers or kept) or "(nothing was observed)"
            raise ValueError(f"name must be one of {known}; got name={name!r}.")
        return table if self.moments is None else table[table["step"].isin(self.moments)].reset_index(drop=True)

    def module(self, step: int, member: int = 0) -> nn.Module:
        """The network as it was after `step` updates, for one of the seeds."""
        steps = self.steps
        if step not in steps:
            rule = f"be one of {', '.join(map(str, steps))}" if steps else f"have a checkpoint; {self._lack()}"
            raise ValueError(f"step must {rule}; got step={step!r}.")
        module = models.build(self.network)
        module.load_state_dict(self.folders[member].weights(step))
        return module.eval()

    def activations(
        self,
        step: int,
        layers: Iterable[str] | None = None,
        x: Tensor | None = None,
        *,
        device: str = "cpu",
        batch_size: int = 500,
        sample_axis: int | Mapping[str, int] = 0,
    ) -> dict[str, Tensor]:
        """{layer: (seeds, n, ...)} after `step` updates.

        layers: names of modules, None for the top-level blocks. x: (n, ...), None for the test inputs of the data set.
        sample_axis: which axis of a layer's output the samples are, for all or by layer (`probes.activations`).
        Raises ValueError for a step without checkpoint or an unknown layer (the message lists the right ones), and for
        a layer whose output does not have n samples there.
        """
        if x is None and self.dataset is None:
            raise ValueError("x must be given for a run without a data set; got x=None.")
        x = self.dataset.x_test if x is None else x
        how = {"batch_size": batch_size, "sample_axis": sample_axis}
        each = [
            probes.activations(self.module(step, member).to(device), x, layers, **how)
            for member in range(len(self.folders))
        ]
        return {layer: torch.stack([one[layer] for one in each]) for layer in each[0]}

    def _table(self, name: str) -> pd.DataFrame:
        self._check_recordings()
        tables = [
            table.assign(seed=folder.seed, weight_decay=folder.identity.get("weight_decay", 0.0))
            for folder in self.folders
            if len(table := folder.table(name))
        ]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def _lack(self) -> str:
        """Why there is no step, in words."""
        if all(folder.steps() for folder in self.folders):
            return f"no step has a checkpoint of every seed in {self.folders[0].path.parent}"
        return f"there is no checkpoint yet in {', '.join(str(each.path) for each in self.folders if not each.steps())}"

    def _check_recordings(self) -> None:
        """A folder is made anew when its path is recorded to again: a Run does not read another training as its own."""
        for folder in self.folders:
            own = folder.identity.get("recording")
            if own and _recording_in(folder.path) not in (None, own):
                raise ValueError(
                    f"{folder.path} holds another recording than this run's, made before this one's first checkpoint "
                    "or after its last; runs.open reads what is there."
                )


def _recording_in(path: Path) -> str | None:
    """The mark of the recording in a folder; None where there is none."""
    return RunFolder(path, {}).identity.get("recording")


# --------------------------------------------------------------------------------------------- a network of one's own


class Recorder:
    """Checkpoints of a user's own network from their own training loop.

        recorder = Recorder("my_run", model, dataset=dataset)
        for step, (x, y) in enumerate(loader):
            ...                                  # your update
            if step % 100 == 0:
                recorder.checkpoint(step, epoch=step / len(loader), train_loss=loss / math.log(2))
        acts = recorder.run.activations(100, ["encoder.2"], x_test)

    path: the folder of the run; each repetition gets a `seed` and a folder of its own in it, and `runs.open` reads all
    of them. model: any `torch.nn.Module`. dataset: what `Hypercube` and `Run.activations` take their inputs from.

    A Recorder makes a new recording. Its first checkpoint puts what another one left for this seed aside, whole, as
    `<path>/seed-0.old-1`, -2, ...: a warning names it, `runs.open` opens it, and you delete it. resume=True goes on
    with the recording that is there: further steps are added, and a step that is recorded again is replaced, with its
    metrics; the others stay, later ones too. The model's weights are yours to load (`recorder.run.module(step)`).

    Raises ValueError for bad arguments, a path where `training.train` keeps a run, and another network (by class and
    shapes) than the one to go on with.
    """

    def __init__(
        self,
        path: str | Path,
        model: nn.Module,
        *,
        seed: int = 0,
        dataset: Dataset | None = None,
        resume: bool = False,
    ):
        if not isinstance(model, nn.Module):
            raise ValueError(f"model must be a torch.nn.Module; got {type(model).__name__}.")
        self._model, self._dataset = model, None if dataset is None else data.checked(dataset)
        seed = inputs.whole("seed", seed, 0)
        shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
        identity = {"network": type(model).__name__, "shapes": paths.short_hash(shapes), "seed": seed}
        own = identity | {"recording": uuid.uuid4().hex}
        self._folder = RunFolder(Path(path) / f"seed-{seed}", own)
        there = self._folder.identity
        if "recording" not in there:
            raise ValueError(f"path must not hold a run of training.train; got path={str(path)!r}.")
        if resume and not identity.items() <= there.items():
            raise ValueError(f"path must hold a recording of the same network to go on with; {path} holds {there}.")
        if not resume:
            self._folder.identity = own
        elif self._folder.steps() and there == own:
            raise ValueError(f"path must hold a recording to go on with; {self._folder.path} has no whole run.json.")
        self._begun = False

    def checkpoint(self, step: int, *, epoch: float | None = None, **metrics: float) -> None:
        """Keep the weights as they are now.

        step: the number of updates, whole, from 0. epoch: how often the training data were seen, where that is to be
        the scale of `Hypercube`, `phases.path_of` and the live views; None leaves that to the step. metrics: numbers
        for `run.metrics`, such as test_accuracy=0.9; floats, or tensors and arrays without axes. The live views draw
        train_loss, in bits.
        Raises ValueError for anything else, before anything is written, and when another recording was begun here.
        """
        step = inputs.whole("step", step, 0)
        if epoch is not None:
            epoch = _number("epoch", epoch)
            if not (math.isfinite(epoch) and epoch >= 0):
                raise ValueError(f"epoch must be a finite number of at least 0; got epoch={epoch!r}.")
        values = {name: _number(name, value) for name, value in metrics.items()}
        if epoch is not None and not values:
            values = {"epoch": epoch}  # a row of its own, which no metric brings along
        self._begin()
        epoch = math.nan if epoch is None else epoch
        rows = [{"step": step, "epoch": epoch, "quantity": name, "value": one} for name, one in values.items()]
        self._folder.write_rows("metrics", pd.DataFrame(rows), done=[step])
        self._folder.write_checkpoint(step, self._model.state_dict())

    def _begin(self) -> None:
        """The folder is this recording's from its first checkpoint on; what else is there is put aside, never mixed."""
        path = self._folder.path
        if _recording_in(path) != self._folder.identity["recording"]:
            if self._begun:
                raise ValueError(f"another recording was begun in {path}; this one cannot go on there.")
            if path.exists():
                numbered = (path.with_name(f"{path.name}.old-{number}") for number in itertools.count(1))
                aside = path.rename(next(one for one in numbered if not one.exists()))
                words = f"{path} held another recording: put aside as {aside.name}. To go on with one: resume=True."
                warnings.warn(words, stacklevel=3)
            self._folder.write_record(source=paths.short_hash(models.structure_of(self._model)))
        self._begun = True

    @property
    def run(self) -> Run:
        """What was recorded so far of this seed; every function that takes a Run takes it."""
        return Run(_network_of(copy.deepcopy(self._model)), (self._folder,), self._dataset)


def _number(name: str, value) -> float:
    """One number of Python, numpy or torch as a float; ValueError otherwise."""
    shape = tuple(getattr(value, "shape", ()))
    plain = value.item() if isinstance(value, (Tensor, np.ndarray, np.generic)) and not shape else value
    if isinstance(plain, bool) or not isinstance(plain, (int, float)):
        got = f"{type(value).__name__} of shape {shape}" if shape else f"{name}={value!r}"
        raise ValueError(f"{name} must be one number: a float, or a tensor or array without axes; got {got}.")
    return float(plain)


def _network_of(make_model) -> models.Network:
    """The `Network` that a module, a name or a function stands for."""
    if isinstance(make_model, nn.Module):
        return models.Network(type(make_model).__name__, lambda: copy.deepcopy(make_model))
    return models.resolve(make_model)


# --------------------------------------------------------------------------------------------- opened again


def open(path: str | Path, make_model: Callable[[], nn.Module], dataset: Dataset | None = None) -> Run:
    """The run in a folder, with all of its seeds: what `Recorder` or `training.train` left there.

        run = runs.open("my_run", make_model, dataset)      # my_run/seed-0, my_run/seed-1, ...

    path: the folder of the run, or of one of its seeds. make_model: a function (or class) that returns the module that
    was trained, a module, or a name of `models.names()`: checkpoints hold weights, not code. Its class and shapes are
    compared with what was recorded; a warning says where the source, `forward` for one, is no longer the same.
    Raises ValueError for a folder without a run, or with several, for seeds of different networks, and for another
    network than the recorded one.
    """
    dataset = None if dataset is None else data.checked(dataset)
    folders = _folders_in(Path(path))
    run = Run(_checked_network(folders, make_model), tuple(folders), dataset)
    if not run.steps:
        raise ValueError(f"path must hold checkpoints; {run._lack()}.")
    return run


def _folders_in(path: Path) -> list[RunFolder]:
    """The seeds of the one run in a folder, in their order."""
    found = [path] if (path / "run.json").exists() else [
        file.parent for pattern in ("seed-*", "*/seed-*") for file in sorted(path.glob(f"{pattern}/run.json"))
        if re.fullmatch(r"seed-\d+", file.parent.name)
    ]  # fmt: skip
    if not found:
        raise ValueError(f"path must be a folder with a run (seed-0/run.json, ...); got path={str(path)!r}.")
    if len(parents := sorted({str(each.parent) for each in found})) > 1:
        raise ValueError(f"path must hold one run; got {len(parents)}: {', '.join(parents)}.")
    folders = [RunFolder(each, {}) for each in found]
    for folder in folders:
        folder._record()  # which says what is damaged
    folders.sort(key=lambda each: each.seed)
    first, *others = ({k: v for k, v in each.identity.items() if k not in ("seed", "recording")} for each in folders)
    for folder, other in zip(folders[1:], others, strict=True):
        if other != first:
            raise ValueError(f"seeds must be of the same network; {folders[0].path} is {first}, {folder.path} {other}.")
    return folders


def _checked_network(folders: list[RunFolder], make_model) -> models.Network:
    """What makes the network of these folders; ValueError where another network was recorded in them."""
    if not callable(make_model) and not isinstance(make_model, (str, models.Network)):
        raise ValueError(f"make_model must be a function that returns a module; got {type(make_model).__name__}.")
    network, folder = _network_of(make_model), folders[0]
    module = models.build(network)
    if not isinstance(module, nn.Module):
        raise ValueError(f"make_model must return a torch.nn.Module; got {type(module).__name__}.")
    recorded = folder.identity["network"]
    of_train = "recording" not in folder.identity  # which keeps the name of a function, not of a class
    name = network.name if of_train else type(module).__name__
    if name != recorded and not (of_train and isinstance(make_model, nn.Module)):
        raise ValueError(f"make_model must give the recorded network; got a {name}, and {folder.path} holds the "
                         f"checkpoints of a {recorded}.")  # fmt: skip
    for step in folder.steps()[:1]:
        given, kept = ({key: tuple(value.shape) for key, value in weights.items()}
                       for weights in (module.state_dict(), folder.weights(step)))  # fmt: skip
        if wrong := sorted(key for key in given.keys() | kept.keys() if given.get(key) != kept.get(key)):
            raise ValueError(
                f"make_model must give the recorded network; its {wrong[0]} has the shape {given.get(wrong[0])}, and "
                f"{kept.get(wrong[0])} in {folder.path} ({len(wrong)} of {len(given)} tensors differ)."
            )
    recorded = folder.identity.get("network_source") if of_train else folder._last_session.get("source")
    if recorded != (network.source_hash if of_train else paths.short_hash(models.structure_of(module))):
        warnings.warn(f"The source of {name} has changed since {folder.path} was recorded: what it computes now may "
                      "not be what was trained.", stacklevel=3)  # fmt: skip
    return replace(network, name=name)
