"""Profiles, data sets and training runs of notebook 05."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ... import data, fingerprint, models, runs, training
from .. import check
from . import observers

SIGHTINGS = ("pokemon-common", "pokemon", "iris")
PARTS = ("sightings", "12bit")
MINI, FULL = "mini-batch", "full batch"
METHODS = (MINI, FULL)
ACTIVATIONS = ("relu", "tanh", "sigmoid", "leaky_relu")
SATURATING = ("tanh", "sigmoid")  # at both ends
PAPER_L2 = 1e-3
SHOWN = ("relu", "tanh")  # the paper's two, of F2 to F5
LAYERED = "tanh_12"  # of F1


@dataclass(frozen=True)
class Settings:
    """What a run is made of. An epoch is one pass over the training samples.

    l2: the loss has l2 times the sum of the squared weights added, as in Keras; it must hold 0 and the paper's 0.001.
    activations: in the order of ACTIVATIONS.
    """

    sightings: str = "pokemon-common"  # one of SIGHTINGS
    n_seeds: int = 10
    activations: tuple = ACTIVATIONS  # the paper's two among them
    l2: tuple = (0.0, 1e-4, PAPER_L2, 1e-2)
    epochs: int = 25_000  # on the sightings
    pattern_epochs: int = 3_000  # on the 12-bit patterns
    batch_size: int = 132  # of mini-batches on the sightings: four of pokemon-common; never fewer than four an epoch
    pattern_batch: int = 512  # of mini-batches on the 12-bit patterns
    lr: float = 1e-3  # of ADAM
    layered_epochs: int = 3_000  # of the network of F1, in mini-batches
    n_moments: int = 30  # estimates of a path, in logarithmic distance
    n_samples: int = 600  # training samples of the kernel estimates, at most
    n_counted: int = 4_096  # samples of the counted estimates, at most
    n_renyi: int = 128  # training samples of Renyi's estimate: a mini-batch, as in Yu et al.
    renyi_h: float = 1.0
    noise_variance: float = 0.1
    more_variances: tuple = (0.01, 1.0)
    n_bins: int = 30  # of a tanh unit between -1 and 1; the width is the same for all activations
    few_bins: int = 4  # where bins hold equal counts
    n_levels: int = 256  # of the quantised copy: 8 bits
    n_draws: int = 200  # of the null model
    sweep_variances: tuple = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    sweep_bins: tuple = (2, 4, 8, 16, 30, 100)
    sweep_seeds: int = 3
    n_frames: int = fingerprint.unnamed(60)  # of each explorer, at most
    device: str = fingerprint.unnamed("auto")

    def __post_init__(self):
        check(self, (), MINIMA, POSITIVE)
        if self.sightings not in SIGHTINGS:
            raise ValueError(f"sightings must be one of {', '.join(SIGHTINGS)}; got sightings={self.sightings!r}.")
        if not {0.0, PAPER_L2} <= set(self.l2) or min(self.l2) < 0:
            raise ValueError(f"l2 must hold 0 and {PAPER_L2} and no negative number; got l2={self.l2}.")
        if not set(SHOWN) <= set(self.activations) <= set(ACTIVATIONS):
            words = f"activations must be among {', '.join(ACTIVATIONS)} and hold {' and '.join(SHOWN)}"
            raise ValueError(f"{words}; got activations={self.activations}.")


MINIMA = {"n_seeds": 1, "epochs": 4, "pattern_epochs": 4, "batch_size": 1, "pattern_batch": 1, "layered_epochs": 4,
          "n_moments": 5, "n_samples": 2, "n_counted": 2, "n_renyi": 2, "n_bins": 2, "few_bins": 2, "n_levels": 2,
          "n_draws": 2, "sweep_seeds": 1, "n_frames": 2}  # fmt: skip
POSITIVE = ("lr", "renyi_h", "noise_variance")
PROFILES = {
    "smoke": Settings(
        n_seeds=2, activations=SHOWN, l2=(0.0, PAPER_L2), epochs=12, pattern_epochs=4, layered_epochs=4, n_moments=5,
        n_samples=60, n_counted=200, n_renyi=20, n_draws=10, sweep_variances=(0.01, 0.1), sweep_bins=(4, 30),
        sweep_seeds=1, n_frames=4,
    ),
    "quick": Settings(
        n_seeds=3, l2=(0.0, PAPER_L2, 1e-2), epochs=300, pattern_epochs=30, layered_epochs=200, n_moments=9,
        n_samples=256, n_counted=700, n_renyi=64, n_draws=100, sweep_variances=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        sweep_bins=(2, 4, 8, 30, 100), sweep_seeds=2, n_frames=20,
    ),
    "paper": Settings(),
}  # fmt: skip


# --------------------------------------------------------------------------------------------- data


@functools.lru_cache(maxsize=4)
def _dataset(name: str) -> data.Dataset:
    return data.load(name)


def dataset_of(settings: Settings, part: str) -> data.Dataset:
    """The data of a part, one of PARTS."""
    return _dataset(settings.sightings if part == "sightings" else "12bit")


def datasets(settings: Settings) -> list[data.Dataset]:
    """Every data set that the experiment uses."""
    return [dataset_of(settings, part) for part in PARTS]


# --------------------------------------------------------------------------------------------- runs


@dataclass(frozen=True)
class Case:
    """Networks of one shape trained together on one part of the data: every L2 factor and seed is a member."""

    part: str
    model: str  # the activation, or LAYERED
    method: str = MINI


def cases(settings: Settings) -> list[Case]:
    """The grid, but for L2 factors and seeds, which are members of each case."""
    return [Case(*each) for each in itertools.product(PARTS, settings.activations, METHODS)]


def l2_of(settings: Settings, case: Case) -> tuple:
    return (0.0,) if case.model == LAYERED else settings.l2


def members_of(settings: Settings, case: Case) -> list[dict]:
    """The ensemble: weight_decay is the factor of the gradient, twice that of the squared weights."""
    return [{"seed": seed, "weight_decay": 2 * l2} for l2 in l2_of(settings, case) for seed in range(settings.n_seeds)]


def network_of(settings: Settings, case: Case) -> models.Network:
    if case.model == LAYERED:
        return models.resolve(LAYERED)
    dataset = dataset_of(settings, case.part)
    return models.compression(case.model, dataset.input_shape[0], len(dataset.classes))


def epochs_of(settings: Settings, case: Case) -> int:
    if case.model == LAYERED:
        return settings.layered_epochs
    return settings.epochs if case.part == "sightings" else settings.pattern_epochs


def batch_of(settings: Settings, case: Case) -> int | None:
    """The size of a mini-batch, at most a quarter of the training samples; None for the full batch."""
    if case.method == FULL:
        return None
    size = settings.batch_size if case.part == "sightings" else settings.pattern_batch
    return min(size, math.ceil(len(dataset_of(settings, case.part).x_train) / 4))


def updates_per_epoch(settings: Settings, case: Case) -> int:
    size = batch_of(settings, case)
    return math.ceil(len(dataset_of(settings, case.part).x_train) / size) if size else 1


def moments(settings: Settings, case: Case) -> list[int]:
    """Steps in logarithmic distance: the untrained network, the first epoch, ..., the last one; whole epochs."""
    epochs = epochs_of(settings, case)
    chosen = {round(epoch) for epoch in np.geomspace(1, epochs, settings.n_moments - 1)}
    return [epoch * updates_per_epoch(settings, case) for epoch in sorted({0, epochs, *chosen})]


def is_swept(case: Case) -> bool:
    """Whether its networks are kept on the way, for the sliders over noise and bins."""
    return case.part == "sightings" and case.method == MINI and case.model in SHOWN


def run_of(settings: Settings, case: Case, members: list[dict] | None = None) -> runs.Run:
    """The trained ensemble (or some of its members), with everything estimated while it trained."""
    asked = moments(settings, case)
    return training.train(
        network_of(settings, case),
        dataset_of(settings, case.part),
        members=members_of(settings, case) if members is None else members,
        optimizer="adam",
        lr=settings.lr,
        batch_size=batch_of(settings, case),
        steps=asked[-1],
        checkpoints=asked if is_swept(case) else [asked[-1]],
        observe=observers_of(settings, case),
        observe_at=asked,
        device=settings.device,
    )


def trainings(settings: Settings) -> dict:
    """Everything that is trained: {name: function}."""
    return {
        f"{case.part} {case.model} {case.method}": functools.partial(run_of, settings, case)
        for case in [*cases(settings), Case("12bit", LAYERED)]
    }


def observers_of(settings: Settings, case: Case) -> list:
    """What is estimated while a network trains: {name of its rows: function}."""
    information = functools.partial(
        observers.observe_information,
        noise_variance=settings.noise_variance,
        more_variances=settings.more_variances,
        n_samples=settings.n_samples,
        n_counted=settings.n_counted,
        n_renyi=settings.n_renyi,
        renyi_h=settings.renyi_h,
        n_bins=settings.n_bins,
        few_bins=settings.few_bins,
        n_levels=settings.n_levels,
    )
    chosen = [
        information,
        functools.partial(observers.observe_scale, activation="tanh" if case.model == LAYERED else case.model),
        functools.partial(
            observers.observe_learning, noise_variance=settings.noise_variance, n_samples=settings.n_samples
        ),
    ]
    return chosen


def observed(settings: Settings, case: Case, kind: str) -> pd.DataFrame:
    """The rows that one observer (`information`, `scale`, `learning`) wrote, with part, model, method, l2, data set."""
    rows, dataset = run_of(settings, case).observed(f"observe_{kind}"), dataset_of(settings, case.part)
    more = {"part": case.part, "dataset": dataset.name, "model": case.model, "method": case.method}
    more |= {"epochs": epochs_of(settings, case), "l2": rows["weight_decay"] / 2}
    return rows.assign(**more).drop(columns="weight_decay")


def identities(settings: Settings) -> dict:
    """What names a result beside the settings: the data found, the networks' source, the observers' versions."""
    return {
        f"{case.part} {case.model} {case.method}": [
            network_of(settings, case).source_hash,
            dataset_of(settings, case.part).identity,
            *map(training.observer_name, observers_of(settings, case)),
        ]
        for case in [*cases(settings), Case("12bit", LAYERED)]
    }
