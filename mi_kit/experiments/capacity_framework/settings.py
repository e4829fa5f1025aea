"""Profiles, data sets and training runs of notebook 03."""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ... import data, fingerprint, models, runs, training
from .. import check
from . import observers

COMPARED = ("fc3", "fc6", "fc9", "cnn2", "cnn4", "cnn6")  # of F4 and T4
DEPTHS = ("cnn2", "cnn4", "cnn9", "cnn16")  # of F5, T2 and T5
METHODS = ("cnn9", "linear")  # of T1, each by mini-batches and by full batches
BY_CLASS = ("alexnet", "cnn16")  # of F6 and F7
PLAIN = "cnn16_plain"  # without batch norm: shown to fail
LAYERED = "tanh_12"  # of F1
SELECTED = (*COMPARED, "cnn9", "cnn16", "alexnet")  # that the framework chooses among, on the second data set
PARTS = ("mnist", "cifar", "small", "12bit")  # "small": part of the second data set, the same for all four runs of T1
SGD, BGD = "SGD", "BGD"
MOST_LOST = 0.5  # of a run's moments: what leaving out those right after smaller batches may cost
LEAST_MOMENTS = 3  # of a path


@dataclass(frozen=True)
class Settings:
    """What a run is made of. An epoch is one pass over the training images; validation images are the test images."""

    images: str = "mnist"  # the first data set, one of IMAGES
    more_images: str = "cifar10"  # the second data set, one of IMAGES
    n_train: int = 60_000  # training images of each data set, at most
    n_test: int = 5_000  # validation images
    n_small: int = 10_000  # training images of the four runs of T1
    n_seeds: int = 5
    width: int = 8  # channels of the first convolution; the linear network has no width
    dense_width: int = 16  # FC-3, FC-6 and FC-9 have 8 times as many units in every hidden layer
    epochs: float = 50.0
    batch_size: int = 128
    lr: float = 0.05
    full_steps: int = 600  # updates with the full batch
    full_lr: float = 0.05
    plain_steps: int = 300  # of the network that is shown to fail
    layered_steps: int = 10_000  # of the network of F1
    layered_lr: float = 1e-3
    n_points: int = 200  # estimates in even distance
    n_early: int = 20  # estimates in logarithmic distance before them
    after_small_batch: bool = True  # whether moments right after the last, smaller batch of an epoch count
    n_samples: int = 3_000  # training images that the path on the training set is estimated on
    n_bins: int = 10
    more_bins: tuple = (5, 20, 50)
    kde_variance: float = 0.01  # of the noise for the kernel estimate: a standard deviation of one bin
    kde_samples: int = 1_000  # images that the kernel estimate is made on
    sample_counts: tuple = (25, 50, 75, 100, 150, 200)  # of T3
    n_draws: int = 200  # of the null models
    n_resamples: int = 200  # of the bootstrap
    waits: tuple = (0.5, 1.0, 2.0, 5.0, 10.0)  # epochs after a transition at which a network is to be chosen
    n_frames: int = fingerprint.unnamed(30)  # of each explorer, at most
    precision: str = "tf32"
    device: str = fingerprint.unnamed("auto")

    def __post_init__(self):
        check(self, IMAGES, MINIMA, POSITIVE)


IMAGES = ("mnist", "fashion-mnist", "cifar10", "digits")
MINIMA = {"n_train": 1, "n_test": 2, "n_small": 2, "n_seeds": 1, "width": 1, "dense_width": 1, "batch_size": 1,
          "full_steps": 3, "plain_steps": 1, "layered_steps": 3, "n_points": 3, "n_early": 0, "n_samples": 2,
          "n_bins": 1, "kde_samples": 2, "n_draws": 2, "n_resamples": 2, "n_frames": 2}  # fmt: skip
POSITIVE = ("epochs", "lr", "full_lr", "layered_lr", "kde_variance")
PROFILES = {
    "smoke": Settings(
        n_train=200, n_test=100, n_small=100, n_seeds=2, width=2, dense_width=2, epochs=3.0, batch_size=60,
        full_steps=4, plain_steps=2, layered_steps=20, n_points=12, n_early=0, n_samples=100, more_bins=(5,),
        kde_samples=50, sample_counts=(2, 3, 4), n_draws=10, n_resamples=10, waits=(0.5,), n_frames=2,
    ),
    "quick": Settings(
        n_train=1_280, n_test=500, n_small=256, n_seeds=2, dense_width=8, epochs=5.0, full_steps=20, plain_steps=10,
        layered_steps=2_000, n_points=20, n_early=4, n_samples=300, kde_samples=300,
        sample_counts=(5, 10, 20), n_draws=100, n_resamples=100, waits=(0.5, 1.0, 2.0), n_frames=10,
    ),
    "paper": Settings(),
}  # fmt: skip


# --------------------------------------------------------------------------------------------- data


@functools.lru_cache(maxsize=2)
def _whole(name: str) -> data.Dataset:
    return data.load(name)


@functools.lru_cache(maxsize=8)
def _dataset(name: str, n_train: int, n_test: int) -> data.Dataset:
    whole = _whole(name)
    return data.centred(data.part(whole, min(n_train, len(whole.x_train)), min(n_test, len(whole.x_test))))


def dataset_of(settings: Settings, part: str) -> data.Dataset:
    """The data of a part, one of PARTS."""
    if part == "12bit":
        return data.load("12bit")
    name = settings.images if part == "mnist" else settings.more_images
    return _dataset(name, settings.n_small if part == "small" else settings.n_train, settings.n_test)


def datasets(settings: Settings) -> list[data.Dataset]:
    """Every data set that the experiment uses."""
    return [dataset_of(settings, part) for part in PARTS if part != "small"]


# --------------------------------------------------------------------------------------------- runs


@dataclass(frozen=True)
class Case:
    """One network trained in one way on one part of the data."""

    part: str
    model: str
    method: str = SGD


def cases() -> list[Case]:
    """Everything whose path is recorded."""
    shown = [Case("mnist", model) for model in COMPARED]
    shown += [Case("cifar", model) for model in SELECTED]
    return [*shown, *(Case("small", model, method) for model in METHODS for method in (SGD, BGD))]


_family = functools.lru_cache(maxsize=64)(models.family)  # one object a network: its hash is made once


def network_of(settings: Settings, case: Case) -> models.Network:
    if case.model == LAYERED:
        return models.resolve(LAYERED)
    dataset = dataset_of(settings, case.part)
    width = settings.dense_width if case.model in ("fc3", "fc6", "fc9") else settings.width
    return _family(case.model, tuple(dataset.input_shape), width, len(dataset.classes))


def steps_of(settings: Settings, case: Case) -> int:
    if case.model in (PLAIN, LAYERED):
        return settings.plain_steps if case.model == PLAIN else settings.layered_steps
    if case.method == BGD:
        return settings.full_steps
    per_epoch = math.ceil(len(dataset_of(settings, case.part).x_train) / settings.batch_size)
    return max(3, round(settings.epochs * per_epoch))


def even_moments(settings: Settings, case: Case) -> list[int]:
    """Steps in even distance: the paper samples "at every fixed iteration steps"."""
    steps = steps_of(settings, case)
    return sorted({round(steps * k / settings.n_points) for k in range(settings.n_points + 1)})


def moments(settings: Settings, case: Case) -> list[int]:
    """The even ones, and early ones in logarithmic distance: on an easy data set the first phase takes one epoch."""
    even = even_moments(settings, case)
    early = np.geomspace(1, max(1, even[1]), settings.n_early, endpoint=False) if settings.n_early else ()
    return sorted({*even, *(round(step) for step in early)})


def after_small_batch(settings: Settings, case: Case, steps) -> np.ndarray:
    """Whether each step is the update of an epoch's last batch, where that has fewer images than the others.

    Its gradient is the noisier one: after 32 images instead of 128 the loss was seen to be half as high again, for one
    update.
    """
    n_train = len(dataset_of(settings, case.part).x_train)
    steps = np.asarray(steps)
    if case.method == BGD or n_train % settings.batch_size == 0:
        return np.zeros(len(steps), bool)
    return (steps > 0) & (steps % math.ceil(n_train / settings.batch_size) == 0)


def after_full_batches(settings: Settings) -> Settings:
    """The same without the moments right after smaller batches; unchanged where there are none, or where a run would
    lose more than half of its moments, or keep fewer than a path must have."""
    lost = [after_small_batch(settings, case, moments(settings, case)) for case in cases()]
    few = any(each.mean() > MOST_LOST or (~each).sum() < LEAST_MOMENTS for each in lost)
    return settings if few or not any(map(np.any, lost)) else dataclasses.replace(settings, after_small_batch=False)


def run_of(settings: Settings, case: Case) -> runs.Run:
    """The trained network, with the path estimated while it trained."""
    steps, layered = steps_of(settings, case), case.model == LAYERED
    rates = {BGD: settings.full_lr, SGD: settings.layered_lr if layered else settings.lr}
    return training.train(
        network_of(settings, case),
        dataset_of(settings, case.part),
        seeds=range(settings.n_seeds),
        optimizer="adam" if layered else "sgd",
        lr=rates[case.method],
        batch_size=None if case.method == BGD else settings.batch_size,
        steps=steps,
        checkpoints=[0, steps],
        observe=observers_of(settings, case),
        observe_at=[0, steps] if case.model == PLAIN else moments(settings, case),
        precision=settings.precision,
        device=settings.device,
    )


def trainings(settings: Settings) -> dict:
    """Everything that is trained: {name: function}; of each part the deep networks first."""
    return {
        f"{case.part} {case.model} {case.method}": functools.partial(run_of, settings, case)
        for case in [*reversed(cases()), Case("cifar", PLAIN), Case("12bit", LAYERED)]
    }


def observers_of(settings: Settings, case: Case) -> list:
    """What is estimated while a network trains: {name of its rows: function}."""
    if case.model == LAYERED:
        chosen = [observers.observe_layers]
    elif case.model == PLAIN:
        chosen = [observers.observe_spread]
    else:
        path = functools.partial(
            observers.observe_path,
            n_samples=settings.n_samples,
            bins=(settings.n_bins, *settings.more_bins),
            kde_variance=settings.kde_variance,
            kde_samples=settings.kde_samples,
        )
        classes = functools.partial(observers.observe_classes, n_bins=settings.n_bins)
        chosen = [path, classes] if case.model in BY_CLASS and case.part == "cifar" else [path]
    return chosen


def observed(settings: Settings, case: Case, kind: str) -> pd.DataFrame:
    """The rows that one observer (`path`, `classes`, `layers`, `spread`) wrote, with part, model, method, data set, and
    whether they were made right after a smaller batch (without those, if the settings say so)."""
    rows, dataset = run_of(settings, case).observed(f"observe_{kind}"), dataset_of(settings, case.part)
    rows = rows.assign(small_batch=after_small_batch(settings, case, rows["step"]))
    rows = rows if settings.after_small_batch else rows[~rows["small_batch"]].reset_index(drop=True)
    n_train = len(dataset.x_train)
    more = {"part": case.part, "dataset": dataset.name, "model": case.model, "method": case.method, "n_train": n_train}
    return rows.assign(**more).drop(columns="weight_decay", errors="ignore")


def identities(settings: Settings) -> dict:
    """What names a result beside the settings: the data found, the networks' source, the observers' versions."""
    chosen = [*cases(), Case("cifar", PLAIN), Case("12bit", LAYERED)]
    found = {
        f"{case.part} {case.model} {case.method}": [
            network_of(settings, case).source_hash,
            dataset_of(settings, case.part).identity,
            *map(training.observer_name, observers_of(settings, case)),
        ]
        for case in chosen
    }
    return found
