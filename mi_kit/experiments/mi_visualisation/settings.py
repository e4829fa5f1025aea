"""Profiles, data sets and training runs of notebook 01."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ... import data, fingerprint, models, runs, training
from ... import estimators as est
from .. import check
from . import observers

IMAGE_NETWORKS = ("relu_mlp", "lenet", "densenet")
PLANE_NETWORKS = ("tanh_12", "relu_mnist_narrow")
KERNEL_NETWORKS = ("lenet", "densenet")
STRIDES = {1: "lenet", 2: "lenet_stride2"}
PARTS = ("main", "appendix")  # of the paper: MNIST, and Fashion-MNIST
TRAINED = [
    *(("main", network) for network in (*IMAGE_NETWORKS, *PLANE_NETWORKS)),
    *(("appendix", network) for network in IMAGE_NETWORKS),
]


@dataclass(frozen=True)
class Settings:
    """What a run is made of. Steps are updates (the paper's iterations)."""

    images: str = "mnist"  # the data set of all networks but tanh_12, one of IMAGES
    more_images: str = "fashion-mnist"  # the data set of the appendix, one of IMAGES
    n_train: int = 55_000
    n_test: int = 10_000  # test images that accuracy is measured on
    n_samples: int = 2_000  # of them, those that the estimates are made on
    n_patterns: int = 4_096  # patterns of the 12-bit set that the estimates are made on
    n_pruned: int = 2_000  # test images that pruned networks are tested on
    n_seeds: int = 5
    tanh_seeds: int = 5
    steps: int = 50_000  # of the three networks of F4
    tanh_steps: int = 50_000
    narrow_steps: int = 10_000
    n_early: int = 8  # estimates in logarithmic distance, before the first of the evenly spaced ones
    n_even: int = 50  # estimates in even distance, a multiple of 5: the first fifth is a figure of its own
    batch_size: int = 100
    tanh_batch_size: int = 256
    lr: float = 1e-3
    noise_variances: tuple = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
    noise_shares: tuple = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # of a layer's total variance
    kernel_variances: tuple = (0.1, 1.0)  # the same for single kernels
    kernel_shares: tuple = (0.1, 0.3, 1.0)
    n_bins: int = 30  # of each unit, where binning is held against the kernel estimate
    renyi_samples: int = 512  # the same for the matrix-based estimate
    pruned_shares: tuple = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875)  # of a block's kernels
    n_repeats: int = 10  # random choices of kernels to prune
    n_frames: int = fingerprint.unnamed(30)  # of each explorer, at most
    precision: str = "float32"
    device: str = fingerprint.unnamed("auto")

    def __post_init__(self):
        check(self, IMAGES, MINIMA)
        for name in ("n_samples", "n_pruned"):
            if getattr(self, name) > self.n_test:
                raise ValueError(f"{name} must be at most n_test={self.n_test}; got {name}={getattr(self, name)}.")
        if self.n_even % 5:
            raise ValueError(f"n_even must be a multiple of 5; got n_even={self.n_even}.")
        for name in ("noise_variances", "kernel_variances"):
            if observers.LITERAL_VARIANCE not in getattr(self, name):
                raise ValueError(
                    f"{name} must have the literal {observers.LITERAL_VARIANCE}; got {getattr(self, name)}."
                )


IMAGES = ("mnist", "fashion-mnist", "digits")  # one channel of 28x28: what the networks are built for
MINIMA = {"n_train": 1, "n_test": 2, "n_samples": 2, "n_patterns": 2, "n_pruned": 1, "n_seeds": 1, "tanh_seeds": 1,
          "steps": 1, "tanh_steps": 1, "narrow_steps": 1, "n_early": 0, "n_even": 5, "batch_size": 1,
          "tanh_batch_size": 1, "n_bins": 1, "renyi_samples": 2, "n_repeats": 1, "n_frames": 2}  # fmt: skip
_DECADES = (0.01, 0.1, 1.0, 10.0, 100.0)
_SHARES = (0.003, 0.01, 0.03, 0.1, 0.3)
_THIRDS = (0.25, 0.5, 0.75)
PROFILES = {
    "smoke": Settings(
        n_train=500, n_test=100, n_samples=100, n_patterns=256, n_pruned=50, n_seeds=2, tanh_seeds=2, steps=10,
        tanh_steps=50, narrow_steps=10, n_early=0, n_even=5, n_frames=4, noise_variances=(0.1, 10.0),
        noise_shares=(0.03, 0.3), kernel_shares=(0.1, 1.0), renyi_samples=32, pruned_shares=(0.5,), n_repeats=2,
    ),
    "quick": Settings(
        n_test=500, n_samples=500, n_patterns=1_024, n_pruned=200, n_seeds=3, steps=100, tanh_steps=10_000,
        narrow_steps=500, n_early=1, n_even=5, n_frames=30, noise_variances=_DECADES, noise_shares=_SHARES,
        renyi_samples=128, pruned_shares=_THIRDS,
    ),
    "paper": Settings(),
}  # fmt: skip


def first_fifth(steps: int) -> int:
    """The end of the first fifth of the iterations: 10,000 of the paper's 50,000."""
    return round(steps / 5)


def moments(steps: int, n_early: int, n_even: int) -> list[int]:
    """Step 0, `n_early` steps in logarithmic distance, then `n_even` evenly spaced ones up to `steps`; one and two
    fifths of the way among them, which rules read."""
    even = {round(steps * k / n_even) for k in range(1, n_even + 1)} | {first_fifth(steps), 2 * first_fifth(steps)}
    early = {round(step) for step in np.geomspace(1, max(1, min(even)), n_early, endpoint=False)} if n_early else set()
    return sorted({0} | even | early)


# --------------------------------------------------------------------------------------------- data


@functools.lru_cache(maxsize=4)
def _dataset(name: str, n_train: int | None, n_test: int | None) -> data.Dataset:
    return data.load(name, n_train=n_train, n_test=n_test)


def dataset_of(settings: Settings, network: str, part: str = "main") -> data.Dataset:
    """The data that a network is trained on, in the paper's text or in its appendix."""
    if network == "tanh_12":
        return _dataset("12bit", None, None)
    images = settings.images if part == "main" else settings.more_images
    if images in data.EMBEDDED:
        return _dataset(images, None, None)
    return _dataset(images, settings.n_train, settings.n_test)


def datasets(settings: Settings) -> list[data.Dataset]:
    """Every data set that the experiment uses."""
    return [dataset_of(settings, "lenet"), dataset_of(settings, "lenet", "appendix"), dataset_of(settings, "tanh_12")]


def class_names(dataset: str) -> tuple[str, ...]:
    """The classes of a data set of IMAGES, by its name."""
    return data.FASHION if dataset == "fashion-mnist" else data.DIGITS


def number_of_test_images(settings: Settings, part: str = "main") -> int:
    """Test images that pruned networks are tested on: those asked for, or all there are."""
    return min(settings.n_pruned, len(dataset_of(settings, "lenet", part).x_test))


# --------------------------------------------------------------------------------------------- runs


def steps_of(settings: Settings, network: str) -> int:
    return {"tanh_12": settings.tanh_steps, "relu_mnist_narrow": settings.narrow_steps}.get(network, settings.steps)


def run_of(settings: Settings, network: str, part: str = "main") -> runs.Run:
    """The trained network, with the estimates made while it trained."""
    steps = steps_of(settings, network)
    at = moments(steps, settings.n_early, settings.n_even)
    kept = [0, *(step for step in at if settings.n_even >= 10 and step % max(1, steps // 10) == 0)]
    return training.train(
        network,
        dataset_of(settings, network, part),
        seeds=range(settings.tanh_seeds if network == "tanh_12" else settings.n_seeds),
        lr=settings.lr,
        batch_size=settings.tanh_batch_size if network == "tanh_12" else settings.batch_size,
        steps=steps,
        checkpoints=kept,
        observe=observers_of(settings, network),
        observe_at=at,
        precision=settings.precision,
        device=settings.device,
    )


def trainings(settings: Settings) -> dict:
    """Everything that is trained: {name: function}."""
    return {
        f"{part} {network}": functools.partial(run_of, settings, network, part)
        for part, network in [*TRAINED, ("main", STRIDES[2])]
    }


def observers_of(settings: Settings, network: str) -> list:
    """What is estimated while a network trains: {name of its rows: function}."""
    plane = functools.partial(
        observers.observe_plane,
        noise_variances=settings.noise_variances,
        noise_shares=settings.noise_shares,
        n_samples=settings.n_samples,
        n_patterns=settings.n_patterns,
        n_bins=settings.n_bins,
        renyi_samples=settings.renyi_samples,
    )
    kernels = functools.partial(
        observers.observe_kernels,
        noise_variances=settings.kernel_variances,
        noise_shares=settings.kernel_shares,
        n_samples=settings.n_samples,
    )
    chosen = [plane]
    if network in KERNEL_NETWORKS:
        chosen = [plane, kernels, observers.observe_maps]
    elif network == STRIDES[2]:
        chosen = [observers.observe_nothing]
    return chosen


def observed(settings: Settings, network: str, part: str, kind: str) -> pd.DataFrame:
    """The rows that one observer (`plane`, `kernels` or `maps`) wrote, with model, data set and part."""
    rows = run_of(settings, network, part).observed(f"observe_{kind}")
    return rows.assign(part=part, dataset=dataset_of(settings, network, part).name, model=network)


def identities(settings: Settings) -> dict:
    """What names a result beside the settings: the data found, the networks' source, the observers' versions."""
    networks = [*TRAINED, ("main", STRIDES[2])]
    found = {
        f"{part} {network}": [models.resolve(network).source_hash, dataset_of(settings, network, part).identity]
        for part, network in networks
    }
    return found | {"observers": list(map(training.observer_name, observers_of(settings, "lenet")))}


def at_bound(table: pd.DataFrame) -> np.ndarray:
    """A point is at a bound where its I(X;T) lies there (0, log2 n) or its I(T;Y) does (0, H(Y))."""
    of_x = est.at_bound(torch.tensor(table["i_xt"].to_numpy()), torch.tensor(table["log2_n"].to_numpy()))
    of_y = est.at_bound(torch.tensor(table["i_ty"].to_numpy()), torch.tensor(table["entropy_y"].to_numpy()))
    return (of_x | of_y).numpy()
