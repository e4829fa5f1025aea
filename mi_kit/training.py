"""Training that records: cached, resumable, several seeds at once.

`train("lenet", dataset, seeds=range(3), steps=5000, checkpoints=[0, 1000])` returns a `Run`. What is already on disk
is not trained again: more seeds, more steps or one more checkpoint train only what is missing. Dense networks are
trained as one batched ensemble over their seeds, others side by side: in threads on a CPU, in one CUDA graph on a GPU.
Two runs of the same settings on the same device and thread count are equal to the bit, interrupted or not.
"""

from __future__ import annotations

import contextlib
import functools
import math
import platform
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from . import cache, data, fingerprint, models, paths, probes
from .data import Dataset
from .progress import bar
from .runs import Run, RunFolder, finish_states, hold, write_states
from .trainees import PRECISIONS, Captured, DenseEnsemble, Modules, does_the_same_every_time, is_dense

LOG_EVERY = 10  # training loss is averaged over so many steps
SECONDS_BETWEEN_STATES = 10.0  # a kill loses at most this much training
VERSION = 1  # raised whenever the same settings give other weights or metrics: part of every run's name
FEW_PRODUCTS = 2_000_000  # multiplications a step, below which a second thread costs more than it brings
OPTIMIZERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def train(
    network: str | Callable[[], nn.Module] | models.Network,
    dataset: Dataset,
    *,
    seeds: Iterable[int] = (0,),
    members: Sequence[Mapping] | None = None,
    optimizer: str = "adam",
    lr: float = 1e-3,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    batch_size: int | None = 100,
    steps: int = 1000,
    checkpoints: Iterable[int] | None = None,
    observe: Callable | Iterable[Callable] | Mapping[str, Callable] | None = None,
    observe_at: Iterable[int] | None = None,
    precision: str = "float32",
    device: str = "auto",
    folder: str | Path | None = None,
    progress: bool = True,
) -> Run:
    """Train `network` on `dataset` once for each seed, or read what was trained before.

    network: a name of `models.names()`, what `models.family` gives, or a function that returns a `torch.nn.Module`
        giving logits (n, classes), or (n, 1) for two classes: their binary cross-entropy.
    members: instead of seeds, a grid such as [{"seed": 0, "weight_decay": 1e-3}, ...]; keys are arguments of `train`.
    batch_size: samples a step, None for all of them (full batch). Loss: cross-entropy.
    checkpoints: steps whose weights are kept; the last step always is. Step 0 is the untrained network.
    observe, observe_at: a function, several, or {name: function}, called with a `Moment` at these steps; see `Moment`.
        On a CPU the seeds of a convolutional network are trained in threads side by side, and the function is called
        in each.
    precision: "float32"; "tf32", CUDA's shorter float32; "bfloat16" for autocast. Observers get activations in float32
        where training is, else in tf32.
    device: "auto" (CUDA where there is one), "cpu", "cuda", "mps".
    folder: where runs are kept; None for data/runs.

    Returns a `Run` over the members, in their order. At every checkpoint and observed step the run's metrics get
    test_loss (bits) and test_accuracy; train_loss (bits) is averaged over ten steps.
    Raises ValueError for unknown names, steps outside 0..steps and settings out of range.
    """
    spec, dataset = models.resolve(network), data.checked(dataset)
    settings = {
        "optimizer": optimizer,
        "lr": lr,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "batch_size": batch_size,
        "precision": precision,
    }
    members = [{"seed": seed} for seed in seeds] if members is None else [dict(member) for member in members]
    settings, members = _plain(settings), [_plain(member) for member in members]
    _check_settings(settings, members, steps)
    observers = _observers(observe)
    kept = _check_steps("checkpoints", checkpoints, steps) | {steps}
    observed = _check_steps("observe_at", observe_at, steps) if observers else set()
    if observers and not observed:
        raise ValueError("observe_at must name at least one step when observe is given; got none.")
    if observe_at is not None and not observers:
        raise ValueError("observe must be given with observe_at; got observe=None.")

    base = Path(folder) if folder else paths.runs() / spec.name / dataset.name
    made = dict(_identities(spec, dataset, settings, members))
    folders = [RunFolder(base / name, identity) for name, identity in made.items()]
    schedule = _Schedule(steps, frozenset(kept), frozenset(observed), {full: each for full, each in observers.values()})
    device = choose_device(device)
    with contextlib.ExitStack() as stack:
        for each in folders:
            hold(each)
        if any(_is_wanting(each, identity, schedule) for each, identity in zip(folders, made.values(), strict=True)):
            for each in sorted(folders, key=lambda one: str(one.path)):
                stack.enter_context(each.lock())
            for each, identity in zip(folders, made.values(), strict=True):
                if each.begun() <= cache.fresh_since():
                    each.forget()
                each.mend(identity)
            finish_states(folders)
        together = is_dense(models.build(spec)) or (device.type == "cuda" and _is_repeatable(spec, dataset))
        groups = [_Group(spec, dataset, members, schedule, device) for members in _groups(folders, schedule, together)]
        if groups:
            _train_groups(groups, _n_workers(spec, dataset, groups, device), progress)
    names = {name: full for name, (full, _) in observers.items()}
    for name, (full, each) in observers.items():
        if groups and observer_name(each, name) != full:
            warnings.warn(
                f"observe: {name} changes what it reads (a list that it adds to, say), and with it the name that its "
                "rows are kept under: the next call will train again. Return what you want to keep as rows.",
                stacklevel=2,
            )
    return Run(spec, tuple(folders), dataset, steps, schedule.kept | schedule.observed, names)


def _is_wanting(folder: RunFolder, identity: dict, schedule: _Schedule) -> bool:
    """Whether a run lacks something, is damaged, another one, or to be made anew."""
    same = paths.short_hash(folder.identity) == paths.short_hash(identity)
    return not same or bool(folder.damaged()) or folder.begun() <= cache.fresh_since() or bool(schedule.missing(folder))


def choose_device(device: str = "auto") -> torch.device:
    """ "auto" is CUDA where there is one, else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device.split(":")[0]):
        usable = ", ".join(name for name, there in available.items() if there)
        raise ValueError(f"device must be auto or one of {usable} on this machine; got device={device!r}.")
    return torch.device(device)


@dataclass
class Moment:
    """What an observer sees: the networks of one group right after `step` updates.

    An observer returns rows (a list of dicts, or a DataFrame), each with the key `member` (0 to n_members - 1) and
    any columns of its own; seed, step and epoch are added. The tensors of `dataset` are on the networks' device.
    The name under which its rows are kept holds its source, and that of what it calls: an edited observer is asked
    again.
    """

    step: int
    epoch: float
    dataset: Dataset
    _trainee: Modules | DenseEnsemble
    _last: tuple[Tensor, dict[str, Tensor]] | None = None
    _test_output: Tensor | None = None

    @property
    def n_members(self) -> int:
        return self._trainee.n_members

    def activations(self, layers: Iterable[str] | None, x: Tensor) -> dict[str, Tensor]:
        """{layer: (members, n, ...)} for the inputs x; layers are top-level blocks (None: all of them), "" the output.

        The last answer is kept: asking for the same inputs again costs no second pass.
        """
        wanted = self.blocks if layers is None else list(layers)
        if self._last is None or self._last[0] is not x or not set(wanted) <= set(self._last[1]):
            self._last = (
                x,
                self._trainee.activations(list(dict.fromkeys([*wanted, ""])), x),
            )  # the network's own output comes along
            if x is self.dataset.x_test:  # a copy: an observer may change what it is given
                self._test_output = self._last[1][""].clone()
        return {layer: self._last[1][layer] for layer in wanted}

    def test_output(self) -> Tensor:
        """(members, n, classes): the networks' output for the test inputs."""
        if self._test_output is None:
            self.activations([""], self.dataset.x_test)
        return self._test_output

    @property
    def blocks(self) -> list[str]:
        """The names of the top-level blocks, in order."""
        return self._trainee.blocks

    def modules(self) -> list[nn.Module]:
        """One module a member, with the gradients of the last update (None at step 0)."""
        return self._trainee.modules()


# --------------------------------------------------------------------------------------------- what is asked for


def _plain(settings: dict) -> dict:
    """Numbers as Python's own, so that equal settings name the same run."""
    plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in settings.items()}
    rates = ("lr", "momentum", "weight_decay")
    return {key: float(value) if key in rates and isinstance(value, int) else value for key, value in plain.items()}


def _check_settings(settings: dict, members: list[dict], steps: int) -> None:
    if not members:
        raise ValueError("seeds must name at least one seed; got none.")
    if len({paths.short_hash(member) for member in members}) < len(members):
        raise ValueError(f"seeds must differ from each other; got {members}.")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps must be an integer of at least 0; got steps={steps!r}.")
    for member in members:
        if unknown := set(member) - set(settings) - {"seed"}:
            allowed = ", ".join(["seed", *settings])
            raise ValueError(f"members may have the keys {allowed}; got {', '.join(sorted(unknown))}.")
        seed = member.get("seed")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            name = "seeds" if set(member) == {"seed"} else "members"
            raise ValueError(f"{name} must have a whole seed of at least 0 each; got seed={seed!r}.")
        chosen = settings | member
        if chosen["optimizer"] not in OPTIMIZERS:
            raise ValueError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}; got optimizer={chosen['optimizer']!r}."
            )
        if chosen["precision"] not in PRECISIONS:
            raise ValueError(
                f"precision must be one of {', '.join(PRECISIONS)}; got precision={chosen['precision']!r}."
            )
        size = chosen["batch_size"]
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise ValueError(f"batch_size must be at least 1 and whole, or None; got batch_size={size!r}.")
        for name in ("lr", "momentum", "weight_decay"):
            if not (math.isfinite(chosen[name]) and chosen[name] >= 0):
                raise ValueError(f"{name} must be a finite number of at least 0; got {name}={chosen[name]!r}.")


def _check_steps(name: str, wanted: Iterable[int] | None, steps: int) -> set[int]:
    wanted = [] if wanted is None else list(wanted)
    if broken := [step for step in wanted if int(step) != step]:
        raise ValueError(f"{name} must be whole numbers; got {name}={broken}.")
    chosen = {int(step) for step in wanted}
    if outside := sorted(step for step in chosen if not 0 <= step <= steps):
        raise ValueError(f"{name} must lie between 0 and steps={steps}; got {name}={outside}.")
    return chosen


def _observers(observe) -> dict[str, tuple[str, Callable]]:
    """{name: (what its rows are kept under, function)}."""
    if observe is None:
        return {}
    named = observe
    if not isinstance(observe, Mapping):
        named = {_plain_name(each): each for each in ([observe] if callable(observe) else observe)}
    return {name: (observer_name(each, name), each) for name, each in named.items()}


def _plain_name(observe: Callable) -> str:
    inner = observe.func if isinstance(observe, functools.partial) else observe
    return getattr(inner, "__name__", type(inner).__name__).strip("<>")


def observer_name(observe: Callable, name: str | None = None) -> str:
    """The name that an observer's rows are kept under: its own, and a hash of its source, of what it calls, and of
    what is bound to it. Raises ValueError for an observer that cannot be named so."""
    return f"{name or _plain_name(observe)}-{fingerprint.of(observe)}"


def _identities(spec: models.Network, dataset: Dataset, settings: dict, members: list[dict]):
    for member in members:
        identity = {
            "network": spec.name,
            "network_source": spec.source_on(dataset.x_test[:8]),
            "training": VERSION,
            "data": dataset.identity,
            **settings,
            **member,
        }
        seedless = {key: value for key, value in identity.items() if key != "seed"}
        yield f"{paths.short_hash(seedless)}/seed-{identity['seed']}", identity


@dataclass(frozen=True)
class _Schedule:
    """What a run must have in the end."""

    steps: int
    kept: frozenset[int]
    observed: frozenset[int]
    observers: dict[str, Callable]

    def missing(self, folder: RunFolder) -> set[int]:
        """The steps at which something is still to be recorded."""
        metrics = folder.table("metrics")
        measured = set(metrics[metrics["quantity"] == "test_loss"]["step"]) if len(metrics) else set()
        missing = set(self.kept) - (set(folder.steps()) & measured)
        for name in self.observers:
            missing |= self.observed - folder.done(f"observed-{name}")
        return missing

    def start(self, folders: list[RunFolder]) -> int | None:
        """Where the training of these goes on: the state that all of them have, or None for the beginning."""
        reached = {folder.trained_to() for folder in folders}
        missing = set().union(*(self.missing(folder) for folder in folders))
        if len(reached) > 1 or None in reached or min(missing) < min(reached):
            return None  # an earlier moment is wanted, and only the last state has its optimiser
        return None if min(reached) in missing else min(reached)


def _groups(folders: list[RunFolder], schedule: _Schedule, together: bool) -> list[list[RunFolder]]:
    """Members that are trained as one: alone, or `together` those of the same settings, but for seed and weight decay.

    Those that were trained as one before stay one, also where only some of them lack something: a network in another
    company ends up some units in the last place away.
    """
    lacking = [folder for folder in folders if schedule.missing(folder)]
    if not together:
        return [[folder] for folder in lacking]
    known = {name: folder.company for folder in folders for name in folder.company}
    company = {folder: known.get(folder.name, ()) for folder in folders}
    wanted = {(company[folder], _shared(folder)) for folder in lacking}
    groups: dict[tuple, list[RunFolder]] = {}
    for folder in folders:
        key = company[folder], _shared(folder)
        if folder in lacking or (company[folder] and key in wanted):
            alone = "" if company[folder] else (schedule.start([folder]), max(schedule.missing(folder)))
            groups.setdefault((*key, alone), []).append(folder)
    return list(groups.values())


def _shared(folder: RunFolder) -> str:
    """What the members of an ensemble have in common."""
    return paths.short_hash({key: each for key, each in folder.identity.items() if key not in ("seed", "weight_decay")})


# --------------------------------------------------------------------------------------------- the loop


@dataclass(frozen=True)
class _Group:
    """Members that are trained as one, and from where to where."""

    spec: models.Network
    dataset: Dataset
    folders: list[RunFolder]
    schedule: _Schedule
    device: torch.device

    @functools.cached_property
    def start(self) -> int | None:
        return self.schedule.start(self.folders)

    @functools.cached_property
    def last(self) -> int:
        return max(max(self.schedule.missing(folder), default=0) for folder in self.folders)

    @property
    def is_captured(self) -> bool:
        """Whether updates are recorded once and replayed."""
        return self.device.type == "cuda" and _is_repeatable(self.spec, self.dataset)

    @property
    def is_small(self) -> bool:
        """Whether a step is so short that threads would mostly wait for each other: 5 to 10 times as long, seen."""
        module = models.build(self.spec)
        n_weights = sum(parameter.numel() for parameter in module.parameters())
        rows = min(self.folders[0].identity["batch_size"] or math.inf, len(self.dataset.x_train))
        return is_dense(module) and n_weights * rows * len(self.folders) < FEW_PRODUCTS

    def train(self, shown: Callable[[], None], stop: threading.Event, *, draws: bool = True) -> None:
        """Train to the last step that is missing, `shown` after each, or until `stop` is set.

        draws: whether the network may draw random numbers, each step's from a state of its own.
        A run that goes on takes at most as many threads as before: seeds that were trained side by side, in one thread
        each, do so too where only one of them is left.
        """
        if stop.is_set():
            return
        threads = min([torch.get_num_threads(), *(folder.threads for folder in self.folders if folder.threads)])
        if threads < torch.get_num_threads():
            torch.set_num_threads(threads)
        folders, settings, start, last = self.folders, self.folders[0].identity, self.start, self.last
        modules = [models.build(self.spec, folder.seed) for folder in folders]
        kind = DenseEnsemble if is_dense(modules[0]) else Modules
        trainee = kind(modules, self.device, settings["precision"])
        optimiser = _optimiser(trainee, settings)
        decays = [folder.identity["weight_decay"] for folder in folders]
        dataset = self.dataset.to(self.device)
        recorder = _MomentRecorder(dataset, folders, self.schedule, trainee)
        for folder in folders:
            history = {"device": _device_name(self.device), "threads": threads, "torch": torch.__version__}
            folder.write_record(**history, company=[each.name for each in folders])
            folder.cut_tables(folder.trained_to() or 0)
        if start is not None:
            states = [folder.state() for folder in folders]
            _restore(trainee, optimiser, states)
            losses = torch.stack([state["recorder/losses"] for state in states], dim=1)
            recorder.losses = list(losses.to(self.device))
        first = start or 0
        reached = [folder.trained_to() for folder in folders]  # a state never moves backwards
        batches = _Batches(dataset, settings["batch_size"], [folder.seed for folder in folders], self.device)
        captured = Captured(trainee, optimiser, batches.x, batches.y, decays) if self.is_captured else None
        if start is None:
            recorder.at(first, batches.per_epoch)
        saved = time.monotonic()
        for step in range(first + 1, last + 1):
            if stop.is_set():
                return
            with probes.same_rounding(self.device, settings["precision"]):
                if captured:
                    losses = captured.update(batches.chosen(step))
                else:
                    optimiser.zero_grad()
                    noise_seed = _noise_seed(folders, step) if draws and kind is Modules else None
                    losses = trainee.gradients(*batches.at(step), decays, noise_seed)
                    optimiser.step()
            recorder.loss(step, losses, batches.per_epoch)
            recorder.at(step, batches.per_epoch)
            if step == last or time.monotonic() - saved > SECONDS_BETWEEN_STATES:
                recorder.flush()
                states = zip(folders, _states(trainee, optimiser, recorder), reached, strict=True)
                write_states(step, [(each, state) for each, state, before in states if before is None or step > before])
                saved = time.monotonic()
            shown()
        recorder.flush()
        if first == last:
            states = zip(folders, _states(trainee, optimiser, recorder), reached, strict=True)
            write_states(last, [(each, state) for each, state, before in states if before is None])


def _is_repeatable(spec, dataset: Dataset) -> bool:
    """Whether every update is the same sequence of kernels: no part is a user's own, none draws random numbers."""
    module = models.build(spec)
    return does_the_same_every_time(module) and not _draws_random_numbers(module, dataset.x_train[:2])


def _n_workers(spec, dataset: Dataset, groups: list[_Group], device: torch.device) -> int:
    """How many groups are trained side by side: one convolution in many threads is slower than many in one each.

    Seen on 2 cores: LeNet 96 ms a step in two threads, 57 ms with two or three seeds side by side; DenseNet 133, 66.
    A little more of them than threads where that saves a last round in which threads would stand idle.
    """
    threads = torch.get_num_threads()
    module = models.build(spec)
    size = groups[0].folders[0].identity["batch_size"]
    side_by_side = device.type == "cpu" and threads > 1 and len(groups) > 1 and not is_dense(module)
    if not side_by_side or _draws_random_numbers(module, dataset.x_train[:size]):
        return 1
    rounds = max(1, len(groups) // threads)
    return math.ceil(len(groups) / rounds)


def _draws_random_numbers(module: nn.Module, x: Tensor) -> bool:
    """Whether the network in training, with dropout for one, moves the generator's state: threads share that."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        before = torch.get_rng_state()
        module.train()(x)
        return not torch.equal(torch.get_rng_state(), before)


def _train_groups(groups: list[_Group], n_workers: int, progress: bool) -> None:
    """Train the groups, `n_workers` at a time; the first error, or an interrupt, stops them all."""
    words = f"{groups[0].spec.name} {_seed_words([folder for group in groups for folder in group.folders])}"
    first, last = (sum(values) for values in zip(*((group.start or 0, group.last) for group in groups), strict=True))
    stop, one_at_a_time, threads = threading.Event(), threading.Lock(), torch.get_num_threads()
    share = max(1, threads // n_workers)

    def train(group: _Group) -> None:
        torch.set_num_threads(1 if group.is_small else share)  # of this thread
        group.train(count, stop, draws=n_workers == 1)

    def count() -> None:
        with one_at_a_time:
            shown.update()

    with bar(last, words, first, shown=progress) as shown, _restored(threads):
        if n_workers == 1:
            for group in groups:
                train(group)
            return
        with ThreadPoolExecutor(n_workers) as pool:
            trained = [pool.submit(train, group) for group in groups]
            try:
                wait(trained, return_when=FIRST_EXCEPTION)
            finally:
                stop.set()
            for each in trained:
                each.result()


@contextlib.contextmanager
def _restored(threads: int):
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _seed_words(folders: list[RunFolder]) -> str:
    seeds = sorted({folder.seed for folder in folders})
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device.type} ({platform.machine()})"


def _noise_seed(folders: list[RunFolder], step: int) -> int:
    """For networks with dropout: the noise of a step belongs to (seed, step), so a resumed run repeats it."""
    return int(np.random.SeedSequence([folders[0].seed, step, 1]).generate_state(1)[0])


class _Batches:
    """The training samples of each step: the order belongs to (seed, epoch) and to nothing else."""

    def __init__(self, dataset: Dataset, batch_size: int | None, seeds: list[int], device: torch.device):
        self.x, self.y = dataset.x_train, dataset.y_train
        self.size = min(batch_size or len(self.x), len(self.x))
        self.seeds, self.full = seeds, batch_size is None
        self.per_epoch = math.ceil(len(self.x) / self.size)
        self._epoch, self._order = -1, None

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """(members, batch, ...) inputs and (members, batch) labels of the step that is numbered from 1."""
        chosen = self.chosen(step)
        return self.x[chosen], self.y[chosen]

    def chosen(self, step: int) -> Tensor:
        """(members, batch): the numbers of these samples."""
        epoch, place = divmod(step - 1, self.per_epoch)
        if epoch != self._epoch:
            orders = [self._permutation(seed, epoch) for seed in self.seeds]
            self._epoch, self._order = epoch, torch.stack(orders).to(self.x.device)
        return self._order[:, place * self.size : (place + 1) * self.size]

    def _permutation(self, seed: int, epoch: int) -> Tensor:
        if self.full:
            return torch.arange(len(self.x))
        return torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(len(self.x)))


def _checked_rows(name: str, found, n_members: int) -> pd.DataFrame:
    """What an observer returned, as a table; ValueError where its rows do not say whose they are."""
    rows = pd.DataFrame(found)
    if len(rows) and ("member" not in rows or not rows["member"].isin(range(n_members)).all()):
        got = sorted(set(rows["member"])) if "member" in rows else f"the columns {', '.join(map(str, rows))}"
        raise ValueError(
            f"member must be 0 to {n_members - 1} in every row that {name.rpartition('-')[0]} returns; got {got}."
        )
    return rows


class _MomentRecorder:
    """Writes what is wanted at each step to the folders of a group."""

    def __init__(self, dataset, folders, schedule, trainee):
        self.dataset, self.folders, self.schedule, self.trainee = dataset, folders, schedule, trainee
        self.losses: list[Tensor] = []  # of the steps since the last multiple of LOG_EVERY
        self.waiting: dict[str, list[tuple[int, pd.DataFrame]]] = {}  # of every table, step by step

    def at(self, step: int, per_epoch: int) -> None:
        wanted = step in self.schedule.kept or step in self.schedule.observed
        if not wanted:
            return
        moment = Moment(step, step / per_epoch, self.dataset, self.trainee)
        if step in self.schedule.observed:
            for name, observe in self.schedule.observers.items():
                rows = _checked_rows(name, observe(moment), len(self.folders))
                self._wait(f"observed-{name}", step, rows.assign(step=step, epoch=step / per_epoch))
        loss, accuracy = probes.evaluate(moment.test_output(), self.dataset.y_test)
        for quantity, values in (("test_loss", loss), ("test_accuracy", accuracy)):
            self._metric(step, per_epoch, quantity, values)
        if step in self.schedule.kept:
            for folder, weights in zip(self.folders, self.trainee.weights(), strict=True):
                if step not in folder.steps():
                    folder.write_checkpoint(step, weights)

    def loss(self, step: int, loss: Tensor, per_epoch: int) -> None:
        self.losses.append(loss)
        if step % LOG_EVERY == 0:
            mean = torch.stack(self.losses).mean(0) / math.log(2)
            self._metric(step, per_epoch, "train_loss", mean)
            self.losses = []

    def _metric(self, step: int, per_epoch: int, quantity: str, values: Tensor) -> None:
        rows = [
            {"member": member, "step": step, "epoch": step / per_epoch, "quantity": quantity, "value": value}
            for member, value in enumerate(values.tolist())
        ]
        self._wait("metrics", step, pd.DataFrame(rows))

    def _wait(self, table: str, step: int, rows: pd.DataFrame) -> None:
        self.waiting.setdefault(table, []).append((step, rows))

    def flush(self) -> None:
        """Write the rows that wait; those of one step come together, so replacing by step loses none."""
        for table, parts in self.waiting.items():
            rows = pd.concat([some for _, some in parts if len(some)] or [pd.DataFrame()], ignore_index=True)
            done = {step for step, _ in parts} if table != "metrics" else ()  # of metrics not all quantities come
            for member, folder in enumerate(self.folders):
                own = rows[rows["member"] == member].drop(columns="member") if len(rows) else rows
                folder.write_rows(table, own, done)
        self.waiting = {}


# --------------------------------------------------------------------------------------------- optimiser and state


def _optimiser(trainee, settings: dict) -> torch.optim.Optimizer:
    # weight decay is added to the loss (`decay`), so that members of an ensemble can differ in it
    chosen = {"lr": settings["lr"], "fused": trainee.device.type in ("cpu", "cuda")}
    if settings["optimizer"] == "sgd":
        chosen["momentum"] = settings["momentum"]
    if settings["optimizer"] == "adam":
        chosen["capturable"] = trainee.device.type == "cuda"
    return OPTIMIZERS[settings["optimizer"]]([parameter for _, parameter, _ in trainee.owners()], **chosen)


def _states(trainee, optimiser, recorder) -> list[dict[str, Tensor]]:
    """For each member, weights, optimiser state and the losses not yet averaged, as one flat dictionary."""
    states = [{f"model/{key}": value for key, value in weights.items()} for weights in trainee.weights()]
    for member, state in enumerate(states):
        state["recorder/losses"] = torch.tensor([float(loss[member]) for loss in recorder.losses])
    for name, parameter, members in trainee.owners():
        for key, value in optimiser.state.get(parameter, {}).items():
            for member in members if value is not None else ():
                states[member][f"optimizer/{key}/{name}"] = trainee.member_part(value, parameter, member)
    return states


def _restore(trainee, optimiser, states: list[dict[str, Tensor]]) -> None:
    trainee.load([{key[6:]: value for key, value in state.items() if key.startswith("model/")} for state in states])
    for name, parameter, members in trainee.owners():
        own = [states[member] for member in members]
        keys = [key for key in own[0] if key.startswith("optimizer/") and key.split("/", 2)[2] == name]
        for key in keys:
            parts = [state[key].to(trainee.device) for state in own]
            optimiser.state[parameter][key.split("/")[1]] = trainee.join_parts(parts, parameter)
