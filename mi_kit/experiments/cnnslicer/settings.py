"""Profiles, data sets and training runs of notebook 04."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from ... import data, fingerprint, models, runs, training
from ...hypercube import Hypercube
from .. import check
from .observers import observe_confusion

MNIST, CIFAR = "mnist", "cifar"
PAIRS = ((3, 4), (2, 3), (1, 5), (1, 3), (1, 7))  # of layers, by the paper's numbers: F8, F10, F11, F12
CHANNEL_LAYERS = (1, 3, 11)  # of F13 and F14
LOOK_ALIKE_LAYER = 3  # of F9 and F13
DIAGONAL = (2, 3)  # before and after a max-pool
FALLING = (1, 5)
DEPTHS = (3, 5, 7)  # layers that layer 1 is compared with in F12
FEW, MANY = 0, 2  # of the input sizes, those that F6 compares: 100 and 1,000 a class


@dataclass(frozen=True)
class Settings:
    """What a run is made of. An epoch is one pass over the training images; all else is seen on test images."""

    images: str = "mnist"  # of F4 to F7, one of IMAGES
    more_images: str = "cifar10"  # of F8 to F15, one of IMAGES
    per_class: tuple = (100, 500, 1_000, 2_000)  # training images a class, of the first data set
    n_train: int = 20_000  # training images of the second data set, at most
    n_test: int = 2_000  # test images of each data set, at most
    n_seeds: int = 5
    width: int = 32  # channels of the first convolution
    epochs: int = 160  # on the first data set
    more_epochs: int = 120  # on the second data set
    batch_size: int = 128
    lr: float = 0.01
    n_moments: int = 80  # epochs at which confusion matrices are counted, at most: all early ones, then evenly spaced
    every: int = 10  # epochs between the checkpoints of the second data set
    n_inputs: int = 500  # test images that capacities are estimated on
    n_images: int = 1_000  # test images that intra-sample entropies are estimated on
    n_deconvolved: int = 100  # test images that deconvolutions are compared with
    n_bins: int = 32
    n_neighbors: int = 15  # of inter-sample entropies
    neighbour_counts: tuple = (15, 100, 500, 1_000, 1_250, 1_500)  # at which the paper's printed numbers are looked for
    more_bins: tuple = (8, 16, 64)  # of the capacities, where the claims are judged once more
    n_frames: int = fingerprint.unnamed(30)  # of each explorer, at most
    precision: str = "float32"
    device: str = fingerprint.unnamed("auto")

    def __post_init__(self):
        check(self, IMAGES, MINIMA, POSITIVE)
        if len(self.per_class) != 4 or list(self.per_class) != sorted(set(self.per_class)) or self.per_class[0] < 1:
            raise ValueError(f"per_class must be four rising numbers from 1; got per_class={self.per_class}.")


IMAGES = ("mnist", "fashion-mnist", "cifar10", "digits")
MINIMA = {"n_train": 1, "n_test": 20, "n_seeds": 1, "width": 2, "epochs": 2, "more_epochs": 2, "batch_size": 1,
          "n_moments": 2, "every": 1, "n_inputs": 3, "n_images": 10, "n_deconvolved": 2, "n_bins": 2, "n_neighbors": 2,
          "n_frames": 2}  # fmt: skip
POSITIVE = ("lr",)
PROFILES = {
    "smoke": Settings(
        per_class=(2, 4, 8, 12), n_train=100, n_test=100, n_seeds=2, width=4, epochs=3, more_epochs=3, batch_size=20,
        n_moments=4, every=1, n_inputs=30, n_images=40, n_deconvolved=10, n_neighbors=3, neighbour_counts=(3, 10),
        more_bins=(8,), n_frames=4,
    ),
    "quick": Settings(
        per_class=(10, 30, 100, 200), n_train=2_000, n_test=1_000, n_seeds=2, epochs=30, more_epochs=12, batch_size=50,
        n_moments=31, every=1, n_inputs=200, n_images=300, n_deconvolved=50, neighbour_counts=(15, 100, 500, 1_000),
        more_bins=(8, 64), n_frames=13,
    ),
    "paper": Settings(precision="tf32"),
}  # fmt: skip


# --------------------------------------------------------------------------------------------- data


@functools.lru_cache(maxsize=8)
def _dataset(name: str, n_train: int | None, n_test: int) -> data.Dataset:
    whole = data.load(name)
    return data.part(whole, n_train and min(n_train, len(whole.x_train)), min(n_test, len(whole.x_test)))


@functools.lru_cache(maxsize=8)
def _balanced(name: str, per_class: int, n_test: int) -> data.Dataset:
    """So many training images of every class, or all where a class has fewer."""
    return balanced(_dataset(name, None, n_test), per_class)


def balanced(dataset: data.Dataset, per_class: int, seed: int = 0) -> data.Dataset:
    """A data set with at most `per_class` training images of every class, drawn by `seed`."""
    chosen = balanced_draw(dataset.y_train, per_class, seed)
    return replace(dataset, x_train=dataset.x_train[chosen], y_train=dataset.y_train[chosen])


def balanced_draw(y: torch.Tensor, per_class: int, seed: int = 0) -> torch.Tensor:
    """Numbers of at most `per_class` samples of every class, in their order."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for number in y.unique():
        members = (y == number).nonzero()[:, 0]
        parts.append(members[torch.randperm(len(members), generator=generator)[:per_class]])
    return torch.cat(parts).sort()[0]


def dataset_of(settings: Settings, part: str, per_class: int = 0) -> data.Dataset:
    """The data of a part: MNIST with so many training images a class, or CIFAR."""
    if part == MNIST:
        return _balanced(settings.images, per_class or settings.per_class[-1], settings.n_test)
    return _dataset(settings.more_images, settings.n_train, settings.n_test)


def whole_first(settings: Settings) -> data.Dataset:
    """The first data set with all of its training images: what inputs are drawn from."""
    return _dataset(settings.images, None, settings.n_test)


def datasets(settings: Settings) -> list[data.Dataset]:
    """Every data set that the experiment uses."""
    return [dataset_of(settings, part) for part in (MNIST, CIFAR)]


# --------------------------------------------------------------------------------------------- runs


def epochs_of(settings: Settings, part: str) -> int:
    return settings.epochs if part == MNIST else settings.more_epochs


def steps_per_epoch(settings: Settings, part: str, per_class: int = 0) -> int:
    return -(-len(dataset_of(settings, part, per_class).x_train) // settings.batch_size)


def moments(settings: Settings, part: str) -> list[int]:
    """Epochs at which confusion matrices are counted: the early ones all, the later ones evenly spaced."""
    last = epochs_of(settings, part)
    early = range(min(last, settings.n_moments // 2) + 1)
    return sorted({*early, *(round(epoch) for epoch in np.linspace(0, last, settings.n_moments // 2 + 1))})


def checkpoints(settings: Settings) -> list[int]:
    """Epochs of the second data set that the hypercube has: all that a figure shows."""
    last = settings.more_epochs
    shown = {shown_epoch(settings, epoch) for epoch in (0, 20, 40, 80, 100, 120)}
    return sorted({*range(0, last + 1, settings.every), last, *shown})


def shown_epoch(settings: Settings, of_paper: int) -> int:
    """The epoch that stands for one of the paper's 120 on the second data set: the same share of the training."""
    return round(of_paper * settings.more_epochs / 120)


def run_of(settings: Settings, part: str, per_class: int = 0) -> runs.Run:
    """The trained network. Of the first data set each size has its own run and only the ends are kept."""
    dataset, epochs = dataset_of(settings, part, per_class), epochs_of(settings, part)
    each = steps_per_epoch(settings, part, per_class)
    kept = checkpoints(settings) if part == CIFAR else mnist_checkpoints(settings)
    return training.train(
        models.slicer(tuple(dataset.input_shape), settings.width, len(dataset.classes)),
        dataset,
        seeds=range(settings.n_seeds),
        optimizer="sgd",
        lr=settings.lr,
        batch_size=settings.batch_size,
        steps=epochs * each,
        checkpoints=[epoch * each for epoch in kept],
        observe=observe_confusion,
        observe_at=[epoch * each for epoch in moments(settings, part)],
        precision=settings.precision,
        device=settings.device,
    )


def mnist_checkpoints(settings: Settings) -> list[int]:
    """Epochs of the first data set that the live views can show."""
    return sorted({round(epoch) for epoch in np.linspace(0, settings.epochs, 11)})


def cases(settings: Settings) -> list[tuple[str, int]]:
    """(part, images a class) of everything that is trained; 0 for the second data set."""
    return [*((MNIST, per_class) for per_class in settings.per_class), (CIFAR, 0)]


def trainings(settings: Settings) -> dict:
    """Everything that is trained: {name: function}."""
    return {
        f"{part} {per_class or ''}".strip(): functools.partial(run_of, settings, part, per_class)
        for part, per_class in reversed(cases(settings))
    }


def observed(settings: Settings, part: str, per_class: int = 0) -> pd.DataFrame:
    """The counts that `observe_confusion` wrote, with part, data set, model and input size."""
    run, dataset = run_of(settings, part, per_class), dataset_of(settings, part, per_class)
    rows = run.observed("observe_confusion").drop(columns="weight_decay", errors="ignore")
    return rows.assign(**about(settings, part, per_class), n_samples=len(dataset.x_test))


def about(settings: Settings, part: str, per_class: int = 0) -> dict:
    """What names a row: part, data set, network, images a class and in all."""
    dataset = dataset_of(settings, part, per_class)
    return {"part": part, "dataset": dataset.name, "model": "slicer", "per_class": per_class,
            "n_train": len(dataset.x_train)}  # fmt: skip


def cube_of(settings: Settings, member: int = 0, part: str = CIFAR, per_class: int = 0, **more) -> Hypercube:
    """dCNN of one seed: all test images, all layers, all checkpoints."""
    dataset = dataset_of(settings, part, per_class)
    return Hypercube(run_of(settings, part, per_class), dataset.x_test, dataset.y_test, member=member, **more)


def queried_settings(experiment) -> Settings:
    """Whose runs are queried on a page: its own, or a small network's where published results stand for runs."""
    return PROFILES["smoke"] if experiment.is_published else experiment.settings


def live_cubes(settings: Settings) -> tuple[Hypercube, dict[str, Hypercube]]:
    """What the live views show: the second data set's cube, and those of the input sizes for the training view."""
    cubes = [cube_of(settings, part=MNIST, per_class=per_class) for per_class in settings.per_class]
    sizes = {f"{len(cube.run.dataset.x_train):,}": cube for cube in cubes}
    return cube_of(settings), sizes


def identities(settings: Settings) -> dict:
    """What names a result beside the settings: the data found, the network's source, the observer's version."""
    found = {}
    for part, per_class in cases(settings):
        dataset = dataset_of(settings, part, per_class)
        network = models.slicer(tuple(dataset.input_shape), settings.width, len(dataset.classes))
        found[f"{part} {per_class}"] = [network.source_hash, dataset.identity]
    return found | {"observer": training.observer_name(observe_confusion)}
