"""What the views show, in numbers: through one cube and `estimators`, kept in memory."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from .. import estimators as est
from ..deconvnet import deconvolve
from ..hypercube import INPUT, N_NEIGHBORS, Hypercube

MAX_KEPT = 500  # answers in memory
MAX_CHANNELS = 128  # of a layer's channel view
MAX_PAIRS = 1 << 12  # pairs of channels whose capacity is taken in one step
MAX_POINTS = 10_000  # inputs of a training whose inter-sample entropy is taken here


@dataclass(frozen=True)
class Query:
    """What the query view asks for; label None is all classes."""

    layer_a: str
    layer_b: str
    channel: int
    epoch: float
    label: int | None
    n_inputs: int


class Answers:
    """The numbers of the views, through one cube; the latest `MAX_KEPT` are kept. Used by the background thread only.

    Methods that take long are parts of jobs: generators that yield what they work on and return the numbers.
    """

    def __init__(self, cube: Hypercube, seed: int = 0):
        self.cube, self.seed = cube, seed
        self._kept: OrderedDict[tuple, object] = OrderedDict()

    def kept(self, compute: Callable, *key):
        """`compute(*key)`, from memory where it was asked before."""
        key_of = (getattr(compute, "__name__", ""), *key)
        if key_of not in self._kept:
            self._kept[key_of] = compute(*key)
        self._kept.move_to_end(key_of)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return self._kept[key_of]

    def samples(self, label: int | None, n: int) -> tuple[int, ...]:
        """n inputs drawn from `seed`: of one class, or class after class in turn, so that all are there equally."""
        order = np.random.default_rng(self.seed).permutation(len(self.cube.x))
        if self.cube.y is not None:
            y = self.cube.y.numpy()[order]
            turn = np.zeros(len(y), dtype=int)
            for one in np.unique(y):
                turn[y == one] = np.arange((y == one).sum())
            order = order[np.argsort(turn, kind="stable")] if label is None else order[y == label]
        return tuple(int(number) for number in order[:n])

    def capacity(self, layer_a: str, layer_b: str, epoch: float, label: int | None, n: int):
        """Part of a job: bits, (channels of a, channels of b)."""
        samples, n_b = self.samples(label, n), self.cube.shapes[layer_b][0]
        block = max(1, MAX_PAIRS // self.cube.shapes[layer_a][0])
        parts = []
        for first in range(0, n_b, block):
            yield f"capacity of {layer_a} and {layer_b} at epoch {epoch:.4g}, channel {first} of {n_b}"
            parts.append(self.kept(self._capacity, layer_a, layer_b, epoch, samples, first, block))
        return np.concatenate(parts, 1)

    def _capacity(self, layer_a, layer_b, epoch, samples, first, block) -> np.ndarray:
        a = self.cube.select(sample=samples, layer=layer_a, epoch=epoch)
        b = self.cube.select(sample=samples, layer=layer_b, epoch=epoch, channel=slice(first, first + block))
        return self.cube.capacity(a, b).to_numpy()[0]

    def entropies(self, layer: str, epoch: float, n: int) -> np.ndarray:
        """Intra-sample entropy in bits, (classes + 1, channels): the last row is of all inputs."""
        return self.kept(self._entropies, layer, epoch, self.samples(None, n))

    def _entropies(self, layer: str, epoch: float, samples: tuple[int, ...]) -> np.ndarray:
        part = self.cube.select(sample=samples, layer=layer, epoch=epoch)
        values = torch.as_tensor(part.load().to_numpy()[0])[:, :MAX_CHANNELS]
        if self.cube.y is None:
            return est.intra_sample_entropy(values).numpy()[None]
        y = self.cube.y[list(samples)]
        rows, mean = [], torch.zeros(values.shape[1])
        for label in range(len(self.cube.classes)):
            of_class = values[y == label]
            rows.append(est.intra_sample_entropy(of_class) if len(of_class) else torch.full_like(mean, math.nan))
            mean += rows[-1].nan_to_num() * len(of_class) / len(y)  # over all inputs, as each class's is over its own
        return torch.stack([*rows, mean]).numpy()

    def pictures(self, layer: str, channel: int, epoch: float, samples: tuple[int, ...]) -> np.ndarray:
        """The feature maps of one channel, (n, ...)."""
        return self.cube.select(sample=samples, layer=layer, channel=channel, epoch=epoch).load().to_numpy()[0][:, 0]

    def deconvolutions(self, layer: str, channel: int, epoch: float, samples: tuple[int, ...]) -> np.ndarray:
        """The channel's feature maps, projected back to the input: (n, ...) like the inputs."""
        if layer == INPUT:
            raise ValueError(f"layer must come after the input for deconvolutions; got layer={layer!r}.")
        (step,) = self.cube.select(epoch=epoch).steps
        module = self.cube.run.module(step, self.cube.member).to(self.cube.device)
        return deconvolve(module, self.cube.x[list(samples)], layer, channel).cpu().numpy()

    def labels(self, epoch: float):
        """Label entropies and confusion matrix of all inputs at one epoch."""
        return self.kept(self._labels, epoch)

    def _labels(self, epoch: float):
        return self.cube.label_entropies(self.cube.select(epoch=epoch)).isel(epoch=0).load()

    def input_entropy(self) -> float:
        """Inter-sample entropy of the training inputs in bits; NaN where there are none, or too many to take here."""
        return self.kept(self._input_entropy)

    def _input_entropy(self) -> float:
        dataset = self.cube.run.dataset
        if dataset is None or not N_NEIGHBORS < len(dataset.x_train) <= MAX_POINTS:
            return math.nan
        return float(est.inter_sample_entropy(dataset.x_train.flatten(1), n_neighbors=N_NEIGHBORS))
