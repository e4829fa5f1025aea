"""Profiles, data sets and training runs of notebook 02."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ... import data, fingerprint, models, runs, training
from .. import check
from . import observers

THIRD = "svhn"  # the paper's third data set; grey, 28x28
THIRD_STAND_IN = "cifar10"  # grey, 28x28, where SVHN is not to be had
BASE = "lenet5_sigmoid_6_16"
RELU = "lenet5_relu_6_16"
BASELINES = (("mnist", BASE), ("mnist", RELU), ("fashion", RELU), ("third", RELU))
TOPOLOGIES = ("lenet5_sigmoid_6", BASE, "lenet5_sigmoid_6_16_16")  # one, two and three convolutions
FILTERS = ("lenet5_sigmoid_2_2", "lenet5_sigmoid_2_6", BASE, "lenet5_sigmoid_32_64")
LARGE = "resnet18"


@dataclass(frozen=True)
class Settings:
    """What a run is made of. An epoch is one pass over the training images."""

    images: str = "mnist"  # of most networks, one of IMAGES
    more_images: str = "fashion-mnist"  # the second data set, one of IMAGES
    n_train: int = 60_000
    n_test: int = 10_000  # test images that accuracy is measured on
    n_seeds: int = 10
    epochs: float = 10.0  # of MNIST and Fashion-MNIST
    third_epochs: float = 30.0  # of SVHN, or what stands in for it
    topology_epochs: float = 3.0  # after which the topologies of F4 are compared
    batch_size: int = 128
    lr: float = 0.1
    third_lr: float = 0.01
    n_moments: int = 12  # estimates in even distance, beside step 0 and a few early ones
    n_early: int = 5  # estimates in logarithmic distance before the first of those
    n_samples: int = 128  # the mini-batch of an estimate
    n_batches: int = 4  # mini-batches of every estimate
    alpha: float = 1.01
    h_forward: float = 5.0
    h_backward: float = 0.1
    shares: tuple = (0.1, 0.3, 1.0, 3.0, 10.0)  # squared bandwidth as a share of a layer's variance: second reading
    alphas: tuple = (0.5, 0.9, 1.01, 1.1, 1.5, 2.0, 3.0, 5.0)  # orders at which Proposition 1 is tested
    factors: tuple = (0.1, 0.3, 1.0, 3.0, 10.0)  # of the bandwidths, where the verdict is looked for that flips
    sizes: tuple = (32, 64, 128, 256, 512)  # mini-batches, the same
    variants: tuple = tuple(models.LENET5_VARIANTS)  # networks with other silent choices
    large_epochs: float = 2.0  # of ResNet-18
    large_seeds: int = 3
    n_frames: int = fingerprint.unnamed(30)  # of each explorer, at most
    precision: str = "float32"
    device: str = fingerprint.unnamed("auto")

    def __post_init__(self):
        check(self, IMAGES, MINIMA, POSITIVE)
        if self.n_samples * self.n_batches > self.n_test:
            raise ValueError(
                f"n_samples times n_batches must be at most n_test={self.n_test}; got n_samples={self.n_samples} and "
                f"n_batches={self.n_batches}."
            )
        if unknown := sorted(set(self.variants) - set(models.LENET5_VARIANTS)):
            raise ValueError(f"variants must be among {', '.join(models.LENET5_VARIANTS)}; got {', '.join(unknown)}.")


IMAGES = ("mnist", "fashion-mnist", "digits")  # one channel of 28x28: what the networks are built for
MINIMA = {"n_train": 1, "n_test": 2, "n_seeds": 1, "batch_size": 1, "n_moments": 2, "n_early": 0, "n_samples": 2,
          "n_batches": 2, "large_seeds": 1, "n_frames": 2}  # fmt: skip
POSITIVE = ("epochs", "third_epochs", "topology_epochs", "large_epochs", "lr", "third_lr", "alpha", "h_forward",
            "h_backward")  # fmt: skip
PROFILES = {
    "smoke": Settings(
        n_train=256, n_test=128, n_seeds=2, epochs=2.0, third_epochs=2.0, topology_epochs=1.0, n_moments=2, n_early=0,
        n_samples=64, n_batches=2, shares=(1.0,), alphas=(1.01, 2.0), factors=(0.3, 1.0), sizes=(32, 64),
        variants=("max_pool",), large_epochs=0.5, large_seeds=2, n_frames=4,
    ),
    "quick": Settings(
        n_train=10_000, n_test=1_000, n_seeds=2, epochs=6.0, third_epochs=3.0, topology_epochs=6.0, n_moments=5,
        n_early=2, n_batches=2, shares=(0.3, 1.0, 3.0), variants=("max_pool", "default_weights"),
        factors=(0.3, 1.0, 3.0), sizes=(32, 128), large_epochs=0.3, large_seeds=2,
    ),
    # The paper has ten runs; five decide every claim, and ten of all networks do not fit a quarter of an hour of GPU
    "paper": Settings(n_seeds=5, precision="tf32"),
}  # fmt: skip


# --------------------------------------------------------------------------------------------- data


@functools.lru_cache(maxsize=4)
def _dataset(name: str, n_train: int, n_test: int) -> data.Dataset:
    """At most so many images of a data set; SVHN in grey, or what stands in for it."""
    whole = data.load(name)
    if name == THIRD and whole.is_default:
        whole = replace(data.load(THIRD_STAND_IN), requested=THIRD)
    n_train, n_test = min(n_train, len(whole.x_train)), min(n_test, len(whole.x_test))
    if name == THIRD and not whole.is_default:
        note = "" if whole.name == THIRD else f"It stands in for {THIRD}, which was not found."
        whole = replace(data.grey(whole), note=f"Grey, the middle 28x28 pixels. {note} {whole.note}".strip())
    return data.part(whole, n_train, n_test)


def dataset_of(settings: Settings, part: str) -> data.Dataset:
    """The data of a part of the paper: "mnist", "fashion" or "third"."""
    name = {"mnist": settings.images, "fashion": settings.more_images, "third": THIRD}[part]
    return _dataset(name, settings.n_train, settings.n_test)


def datasets(settings: Settings) -> list[data.Dataset]:
    """Every data set that the experiment uses."""
    return [dataset_of(settings, part) for part in ("mnist", "fashion", "third")]


# --------------------------------------------------------------------------------------------- runs


def cases(settings: Settings) -> list[tuple[str, str]]:
    """(part, network) of everything that is trained but for the large network."""
    others = (*TOPOLOGIES, *FILTERS, *(f"lenet5_sigmoid_{name}" for name in settings.variants))
    return list(dict.fromkeys([*BASELINES, *(("mnist", network) for network in others)]))


def steps_per_epoch(settings: Settings, part: str) -> int:
    return math.ceil(len(dataset_of(settings, part).x_train) / settings.batch_size)


def steps_of(settings: Settings, part: str, network: str) -> int:
    epochs = settings.third_epochs if part == "third" else settings.epochs
    epochs = settings.large_epochs if network == LARGE else epochs
    return max(1, round(epochs * steps_per_epoch(settings, part)))


def early_step(settings: Settings, part: str, network: str) -> int:
    """The step after which the topologies are compared, three of ten epochs in the paper."""
    share = settings.topology_epochs / settings.epochs
    return max(1, min(steps_of(settings, part, network), round(share * steps_of(settings, part, network))))


def moments(settings: Settings, part: str, network: str) -> list[int]:
    """Steps at which estimates are made: 0, a few early ones, evenly spaced ones, and `early_step`."""
    steps = steps_of(settings, part, network)
    even = {round(steps * k / settings.n_moments) for k in range(1, settings.n_moments + 1)}
    early = np.geomspace(1, max(1, min(even)), settings.n_early, endpoint=False) if settings.n_early else ()
    return sorted({0, early_step(settings, part, network)} | even | {round(step) for step in early})


def run_of(settings: Settings, part: str, network: str) -> runs.Run:
    """The trained network, with the estimates made while it trained."""
    steps = steps_of(settings, part, network)
    return training.train(
        network,
        dataset_of(settings, part),
        seeds=range(settings.large_seeds if network == LARGE else settings.n_seeds),
        optimizer="sgd",
        lr=settings.third_lr if part == "third" else settings.lr,
        batch_size=settings.batch_size,
        steps=steps,
        checkpoints=[0, early_step(settings, part, network), steps],
        observe=observers_of(settings, network),
        observe_at=moments(settings, part, network),
        precision=settings.precision,
        device=settings.device,
    )


def trainings(settings: Settings) -> dict:
    """Everything that is trained: {name: function}."""
    return {
        f"{part} {network}": functools.partial(run_of, settings, part, network)
        for part, network in [("mnist", LARGE), *cases(settings)]
    }


def observers_of(settings: Settings, network: str) -> list:
    """What is estimated while a network trains: {name of its rows: function}."""
    shared = {
        "n_samples": settings.n_samples,
        "n_batches": settings.n_batches,
        "alpha": settings.alpha,
        "h": (settings.h_forward, settings.h_backward),
        "shares": settings.shares,
    }
    if network == LARGE:
        chosen = [functools.partial(observers.observe_blocks, **shared)]
    else:
        chosen = [functools.partial(observers.observe_chains, **shared)]
    if network in FILTERS:
        chosen.append(functools.partial(observers.observe_redundancy, **shared))
    return chosen


def observed(settings: Settings, part: str, network: str, kind: str) -> pd.DataFrame:
    """The rows that one observer (`chains`, `blocks` or `redundancy`) wrote, with model, data set and part."""
    rows = run_of(settings, part, network).observed(f"observe_{kind}")
    return rows.assign(part=part, dataset=dataset_of(settings, part).name, model=network)


def identities(settings: Settings) -> dict:
    """What names a result beside the settings: the data found, the networks' source, the observers' versions."""
    found = {
        f"{part} {network}": [models.resolve(network).source_hash, dataset_of(settings, part).identity]
        for part, network in [*cases(settings), ("mnist", LARGE)]
    }
    return found | {
        "observers": [
            training.observer_name(each) for network in (BASE, LARGE) for each in observers_of(settings, network)
        ]
    }
