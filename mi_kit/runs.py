"""Recorded training runs: one folder a seed, read back as a `Run`.

A folder holds run.json (identity and history), metrics.parquet, observed-<name>.parquet, one step-<step>.safetensors
a checkpoint, and state.safetensors: weights and optimiser where training stands. Every file is written whole
or not at all, and none is a pickle.
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
import json
import os
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load, save_file
from torch import Tensor, nn

from . import models, paths, probes
from .data import Dataset

FORMAT = 1
STATE_PART = ".state.safetensors.part"  # a state that is being written
STATE_LIST = ".states.json"  # of the states of runs trained together, between their last byte and their last rename


class RunFolder:
    """One seed's run on disk."""

    def __init__(self, path: Path, identity: dict):
        self.path = Path(path)
        self.identity = identity
        self._file = self.path / "run.json"
        if self._file.exists():
            record = json.loads(self._file.read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise ValueError(f"{self._file} must have format {FORMAT}; got format={record['format']!r}.")
            self.identity = record["identity"]

    @property
    def seed(self) -> int:
        return self.identity["seed"]

    @property
    def name(self) -> str:
        """A hash of the identity; of a recording, whose training is not known, of its checkpoints too."""
        if "recording" not in self.identity:
            return paths.short_hash(self.identity)
        times = [(path.name, path.stat().st_mtime_ns) for path in sorted(self.path.glob("step-*.safetensors"))]
        return paths.short_hash([self.identity, times])

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
        if not path.exists():
            return None
        return _step_of(path)

    @property
    def threads(self) -> int | None:
        """The number of threads that this run was last trained with; None before training."""
        return self._sessions[-1].get("threads") if self._sessions else None

    @property
    def devices(self) -> list[str]:
        """What this run was trained on, in order; after a change of device, more than one."""
        return list(dict.fromkeys(session["device"] for session in self._sessions if "device" in session))

    @property
    def _sessions(self) -> list[dict]:
        return json.loads(self._file.read_text(encoding="utf-8"))["sessions"] if self._file.exists() else []

    def table(self, name: str) -> pd.DataFrame:
        """A table of this run; an empty one where nothing was written yet."""
        path = self.path / f"{name}.parquet"
        return pd.read_parquet(path) if path.exists() else pd.DataFrame()

    # writing

    def write_record(self, **history) -> None:
        """run.json: the identity, and what happened to the run so far."""
        self.path.mkdir(parents=True, exist_ok=True)
        record = {"format": FORMAT, "identity": self.identity, "sessions": []}
        if self._file.exists():
            record = json.loads(self._file.read_text(encoding="utf-8"))
        if history and record["sessions"][-1:] != [history]:
            record["sessions"].append(history)
        paths.write_json(self._file, record)

    def write_checkpoint(self, step: int, weights: dict[str, Tensor]) -> None:
        self._write_tensors(f"step-{step:08d}.safetensors", weights, {"step": str(step)})

    def _write_tensors(self, name: str, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
        paths.write_whole(self.path / name, lambda part: save_file(_plain(tensors), part, metadata))

    def write_rows(self, name: str, rows: pd.DataFrame) -> None:
        """Add rows to a table; rows for the same steps (and quantities, where it has them) are replaced."""
        old = self.table(name)
        if len(old):
            keys = ["step", "quantity"] if "quantity" in old else ["step"]
            replaced = pd.MultiIndex.from_frame(old[keys]).isin(pd.MultiIndex.from_frame(rows[keys]))
            rows = pd.concat([old[~replaced], rows], ignore_index=True)
        rows = rows.sort_values("step", kind="stable").reset_index(drop=True)
        paths.write_whole(self.path / f"{name}.parquet", rows.to_parquet)

    def cut_tables(self, step: int) -> None:
        """Drop rows later than `step`: they were written after the state that training goes on from."""
        for path in self.path.glob("*.parquet"):
            rows = pd.read_parquet(path)
            if (rows["step"] > step).any():
                kept = rows[rows["step"] <= step].reset_index(drop=True)
                paths.write_whole(path, kept.to_parquet)

    # reading

    def weights(self, step: int) -> dict[str, Tensor]:
        """The weights at a checkpoint."""
        return _read_tensors(self.path / f"step-{step:08d}.safetensors")

    def state(self) -> dict[str, Tensor]:
        """Weights ("model/...") and optimiser ("optimizer/...") at `trained_to()`."""
        return _read_tensors(self.path / "state.safetensors")


def write_states(step: int, states: list[tuple[RunFolder, dict[str, Tensor]]]) -> None:
    """The states of runs that are trained together, all or none: after `finish_states` no kill has left a mixture.

    All are written under a temporary name; then a list of them appears, in the first folder, at which moment they count
    as written; then all are renamed. They must go on together: rounding depends on the company (a member alone ends up
    to one unit in the last place away). The caller holds the locks.
    """
    for folder, tensors in states:
        save_file(_plain(tensors), folder.path / STATE_PART, {"step": str(step)})
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
        record = json.loads(written.read_text(encoding="utf-8"))
        for name in record["folders"]:
            part = Path(name) / STATE_PART
            if name in own and part.exists() and _step_of(part) == record["step"]:  # not a later, unfinished one
                os.replace(part, Path(name) / "state.safetensors")
        written.unlink()


def _step_of(path: Path) -> int | None:
    """The step that the header of a state names; None for a file that ends before its header does."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = file.read(size)
    return int(json.loads(header)["__metadata__"]["step"]) if header and len(header) == size else None


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """The file's tensors, read through one handle: another process may put a new file under its name at any time."""
    return load(path.read_bytes())


@dataclass(frozen=True)
class Run:
    """One network trained from one or more seeds on one data set; what `training.train` and `Recorder` give."""

    network: models.Network
    folders: tuple[RunFolder, ...]
    dataset: Dataset | None = field(default=None, repr=False)
    last_step: int | None = None  # what was asked for: the folders may hold more, from other calls of `train`
    moments: frozenset[int] | None = None

    @property
    def seeds(self) -> list[int]:
        return [folder.seed for folder in self.folders]

    @property
    def identities(self) -> list[str]:
        """A short name of each seed's identity; caches use it."""
        return [folder.name for folder in self.folders]

    @property
    def steps(self) -> list[int]:
        """The steps, up to the last one asked for, that every seed has a checkpoint for."""
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
        """The rows that the observer `name` wrote while training, with the columns seed, step and epoch."""
        table = self._table(f"observed-{name}")
        if table.empty:
            known = sorted({path.stem[9:] for folder in self.folders for path in folder.path.glob("observed-*")})
            raise ValueError(f"name must be one of {', '.join(known) or '(nothing was observed)'}; got name={name!r}.")
        return table if self.moments is None else table[table["step"].isin(self.moments)].reset_index(drop=True)

    def module(self, step: int, member: int = 0) -> nn.Module:
        """The network as it was after `step` updates, for one of the seeds."""
        if step not in self.steps:
            raise ValueError(f"step must be one of {', '.join(map(str, self.steps))}; got step={step!r}.")
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
    ) -> dict[str, Tensor]:
        """{layer: (seeds, n, ...)} after `step` updates.

        layers: names of modules, None for the top-level blocks. x: (n, ...), None for the test inputs of the data set.
        Raises ValueError for a step without checkpoint or an unknown layer; the message lists the right ones.
        """
        if x is None and self.dataset is None:
            raise ValueError("x must be given for a run without a data set; got x=None.")
        x = self.dataset.x_test if x is None else x
        each = [
            probes.activations(self.module(step, member).to(device), x, layers, batch_size=batch_size)
            for member in range(len(self.folders))
        ]
        return {layer: torch.stack([one[layer] for one in each]) for layer in each[0]}

    def _table(self, name: str) -> pd.DataFrame:
        tables = [
            table.assign(seed=folder.seed, weight_decay=folder.identity.get("weight_decay", 0.0))
            for folder in self.folders
            if len(table := folder.table(name))
        ]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


class Recorder:
    """Checkpoints of a user's own network from their own training loop.

        recorder = Recorder("my_run", model)
        for step, (x, y) in enumerate(loader):
            ...                                  # your update
            if step % 100 == 0:
                recorder.checkpoint(step)
        acts = recorder.run.activations(100, ["encoder.2"], x_test)

    model: any `torch.nn.Module`. Reopening the same path adds to the same run; call it with a `seed` a repetition.
    """

    def __init__(self, path: str | Path, model: nn.Module, *, seed: int = 0, dataset: Dataset | None = None):
        if not isinstance(model, nn.Module):
            raise ValueError(f"model must be a torch.nn.Module; got {type(model).__name__}.")
        self._model = model
        shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
        identity = {"network": type(model).__name__, "shapes": paths.short_hash(shapes), "seed": seed}
        self._folder = RunFolder(Path(path) / f"seed-{seed}", identity | {"recording": uuid.uuid4().hex})
        if not identity.items() <= self._folder.identity.items():
            raise ValueError(f"path must hold a run of the same network; {path} holds {self._folder.identity}.")
        self._folder.write_record()
        self._dataset = dataset

    def checkpoint(self, step: int, **metrics: float) -> None:
        """Keep the weights as they are now; `metrics` (such as test_accuracy=0.9) go to `run.metrics`."""
        if not isinstance(step, int) or step < 0:
            raise ValueError(f"step must be an integer of at least 0; got step={step!r}.")
        self._folder.write_checkpoint(step, self._model.state_dict())
        if metrics:
            rows = [{"step": step, "epoch": float("nan"), "quantity": key, "value": v} for key, v in metrics.items()]
            self._folder.write_rows("metrics", pd.DataFrame(rows))

    @property
    def run(self) -> Run:
        """What was recorded so far; every function that takes a Run takes it."""
        blank = copy.deepcopy(self._model)
        network = models.Network(type(self._model).__name__, lambda: copy.deepcopy(blank))
        return Run(network, (self._folder,), self._dataset)
