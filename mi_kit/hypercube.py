"""dCNN(X, L, C, T): everything a trained network computed, as one hypercube of inputs, layers, channels and epochs.

    cube = Hypercube(run)                                          # any recorded run, any network
    part = cube.select(label=0, layer="conv1", channel=3, epoch=slice(0, 40))     # nothing is computed yet
    part.load()                                                    # named dimensions (xarray)
    cube.entropy(part)                                             # bits, with the estimator that fits the slice
    cube.capacity(cube.select(layer="conv1", epoch=10), cube.select(layer="conv2", epoch=10))

No activation is stored: they are computed again from the checkpoints when a query asks for them, and kept in memory
within a stated budget. Source: Shen and Shen (2020), sections 4.2 to 4.4.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from . import estimators as est
from . import probes
from .progress import bar
from .runs import Run

INPUT = "input"  # the layer that is the input itself
WHOLE = ""  # the network itself, as `named_modules` calls it: its output is what is predicted
MEMORY = 1 << 30  # bytes of activations kept, and the most that one query may take
SPATIAL = {0: (), 1: ("position",), 2: ("height", "width")}
N_NEIGHBORS = 15  # of the inter-sample entropy: UMAP's default; the paper is silent


@dataclass(frozen=True)
class Slice:
    """A part of a hypercube, named and not yet computed; what `Hypercube.select` returns.

    samples: numbers of the inputs. layers: names. channels: numbers, None for all. steps: checkpoints, in order.
    """

    cube: Hypercube = field(repr=False)
    samples: tuple[int, ...] = field(repr=False)
    layers: tuple[str, ...]
    channels: tuple[int, ...] | None
    steps: tuple[int, ...]

    @property
    def layer(self) -> str:
        """The layer; ValueError where the slice has several."""
        if len(self.layers) != 1:
            raise ValueError(f"layer must be chosen for this query; the slice has {', '.join(self.layers)}.")
        return self.layers[0]

    @property
    def epochs(self) -> list[float]:
        return [self.cube.epoch_of(step) for step in self.steps]

    def shape(self, layer: str | None = None) -> tuple[int, ...]:
        """(epochs, samples, channels, ...) of one layer's values."""
        n_channels, *spatial = self.cube.shapes[layer or self.layer]
        n_channels = n_channels if self.channels is None else len(self.channels)
        return (len(self.steps), len(self.samples), n_channels, *spatial)

    @property
    def n_bytes(self) -> int:
        """What all values of the slice take in memory."""
        return sum(math.prod(self.shape(layer)) * self.cube.item_size for layer in self.layers)

    def load(self) -> xr.DataArray | dict[str, xr.DataArray]:
        """The values: dimensions epoch, sample, channel, and height and width where the layer has them.

        Several layers come as {layer: array}. Raises ValueError where they take more than the cube's `memory`.
        """
        self.cube.check_size(self, self.n_bytes)
        arrays = {layer: self.cube.array(self, layer) for layer in self.layers}
        return arrays if len(self.layers) > 1 else arrays[self.layer]

    def __str__(self) -> str:
        channels = "all" if self.channels is None else ", ".join(map(str, self.channels))
        return (
            f"dCNN({len(self.samples)} inputs; {_span(self.layers)}; channel {channels}; epoch {_span(self.epochs)}): "
            f"{self.n_bytes / 1e6:,.1f} MB"
        )


def _span(values: Sequence) -> str:
    """`3`, or `0 to 40 (12)`."""
    shown = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    return shown[0] if len(shown) == 1 else f"{shown[0]} to {shown[-1]} ({len(shown)})"


class Hypercube:
    """dCNN(X, L, C, T) of one seed of a recorded run.

    run: what `training.train` or `runs.Recorder` gives. x: inputs (n, ...), y: their classes (n,); None takes the test
    part of the run's data set. layers: names of modules, None for all that have no parts of their own, in the order in
    which they are called; the layer "input" comes first. A layer may also be given by its number: 0 is the first one
    after the input, as in the paper. member: which of the run's seeds. memory: bytes that kept activations may take,
    and the most that one query may; the activations of a layer at one epoch come on top while they are computed.
    device: where the network runs.

    The first axis of a layer's output after the samples counts as channels. Epochs are those of the run's metrics, or
    else the numbers of the steps.
    Raises ValueError for bad arguments, and for a layer that puts out no tensor (n, channels, ...).
    """

    def __init__(
        self,
        run: Run,
        x: Tensor | None = None,
        y: Tensor | None = None,
        *,
        layers: Sequence[str] | None = None,
        member: int = 0,
        memory: int = MEMORY,
        device: str = "cpu",
    ):
        if x is None and run.dataset is None:
            raise ValueError("x must be given for a run without a data set; got x=None.")
        if x is None:
            x, y = run.dataset.x_test, run.dataset.y_test if y is None else y
        if not run.steps:
            raise ValueError("run must have at least one checkpoint; it has none.")
        if not 0 <= member < len(run.folders):
            raise ValueError(f"member must lie between 0 and {len(run.folders) - 1}; got member={member!r}.")
        if y is not None and (y.ndim != 1 or len(y) != len(x)):
            raise ValueError(f"y must have a class for each of the {len(x)} inputs; got shape={tuple(y.shape)}.")
        if memory < 1:
            raise ValueError(f"memory must be at least 1 byte; got memory={memory!r}.")
        self.run, self.x, self.y = run, x, None if y is None else y.cpu()
        self.member, self.memory, self.device = member, memory, device
        self.item_size = x.element_size() if x.is_floating_point() else 4
        self.shapes = _shapes(self._module(run.steps[0]), x[:1].to(device), layers)
        self._epochs = _epochs_of(run)
        self._kept: OrderedDict[tuple, Tensor] = OrderedDict()
        self._lock = threading.RLock()  # the live views ask from several threads

    # what there is

    @property
    def layers(self) -> list[str]:
        """The names of the layers, "input" first."""
        return list(self.shapes)

    @property
    def steps(self) -> list[int]:
        return self.run.steps

    @property
    def epochs(self) -> list[float]:
        """The epochs of the checkpoints."""
        return [self.epoch_of(step) for step in self.steps]

    def epoch_of(self, step: int) -> float:
        return self._epochs.get(step, step)

    @property
    def classes(self) -> list[str]:
        """Names of the classes, or their numbers."""
        if self.run.dataset is not None:
            return list(self.run.dataset.classes)
        return [] if self.y is None else [str(number) for number in range(int(self.y.max()) + 1)]

    @property
    def used(self) -> int:
        """Bytes of activations in memory; never more than `memory`."""
        with self._lock:
            return sum(_bytes(one) for one in self._kept.values())

    # slices

    def select(self, *, label=None, sample=None, layer=None, channel=None, epoch=None) -> Slice:
        """A slice, one argument a dimension; None takes all of it. Nothing is computed.

        label: a class (number or name) or several: the inputs of these classes. sample: numbers of inputs, an integer,
        a list or a slice (of those of the class, where a label is given). layer: a name, a number (0: the first after
        the input) or several. channel: an integer, a list or a slice. epoch: an epoch with a checkpoint, a list of
        them, or a slice with both ends included, such as slice(0, 40).
        Raises ValueError for what is not there; the message lists what is.
        """
        layers = self.layers if layer is None else [self._layer(one) for one in _many(layer)]
        if not layers:
            raise ValueError(f"layer must name at least one of {', '.join(self.layers)}; got layer={layer!r}.")
        layers = tuple(dict.fromkeys(layers))
        return Slice(self, self._samples(label, sample), layers, self._channels(layers, channel), self._steps(epoch))

    def _layer(self, wanted) -> str:
        names = self.layers
        if isinstance(wanted, (int, np.integer)) and not isinstance(wanted, bool) and 0 <= wanted < len(names) - 1:
            return names[int(wanted) + 1]
        if wanted in names:
            return wanted
        raise ValueError(
            f"layer must be one of {', '.join(names)} or a number from 0 to {len(names) - 2}; got layer={wanted!r}."
        )

    def _samples(self, label, sample) -> tuple[int, ...]:
        numbers = np.arange(len(self.x))
        if label is not None:
            if self.y is None:
                raise ValueError("label cannot be chosen where the inputs have no classes; give y to the Hypercube.")
            wanted = [self._class(one) for one in _many(label)]
            numbers = numbers[np.isin(self.y.numpy(), wanted)]
        if sample is not None:
            numbers = _picked("sample", sample, numbers)
        if not len(numbers):
            raise ValueError(f"label and sample must leave at least one input; got label={label!r}, sample={sample!r}.")
        return tuple(int(number) for number in numbers)

    def _class(self, wanted) -> int:
        names = self.classes
        if isinstance(wanted, str) and wanted in names:
            return names.index(wanted)
        if isinstance(wanted, (int, np.integer)) and not isinstance(wanted, bool) and 0 <= wanted < len(names):
            return int(wanted)
        raise ValueError(f"label must be one of {', '.join(names)} or its number; got label={wanted!r}.")

    def _channels(self, layers: tuple[str, ...], channel) -> tuple[int, ...] | None:
        if channel is None:
            return None
        chosen = [tuple(int(c) for c in _picked("channel", channel, np.arange(self.shapes[one][0]))) for one in layers]
        if len(set(chosen)) > 1:
            raise ValueError(
                f"channel must be the same of every layer; got channel={channel!r} for {', '.join(layers)}."
            )
        return chosen[0]

    def _steps(self, epoch) -> tuple[int, ...]:
        if epoch is None:
            return tuple(self.steps)
        if isinstance(epoch, slice):
            low = -math.inf if epoch.start is None else epoch.start
            high = math.inf if epoch.stop is None else epoch.stop
            chosen = [step for step in self.steps if low <= self.epoch_of(step) <= high][:: epoch.step]
        else:
            known = {self.epoch_of(step): step for step in self.steps}
            wanted = _many(epoch)
            if missing := [one for one in wanted if one not in known]:
                epochs = ", ".join(f"{one:g}" for one in known)
                raise ValueError(f"epoch must be one of {epochs} (or a slice); got epoch={missing[0]!r}.")
            chosen = sorted(known[one] for one in wanted)
        if not chosen:
            raise ValueError(f"epoch must take in a checkpoint; got epoch={epoch!r}, and there are {self.epochs}.")
        return tuple(dict.fromkeys(chosen))

    def check_size(self, part: Slice, n_bytes: int) -> None:
        """ValueError where a query would take more than `memory`, with what makes it large."""
        if n_bytes <= self.memory:
            return
        told, limit = (f"{each:,.0f}" if each >= 100 else f"{each:.3g}" for each in (n_bytes / 1e6, self.memory / 1e6))
        counts = f"{len(part.steps)} epochs, {len(part.samples)} inputs, {len(part.layers)} layers"
        raise ValueError(
            f"a query must take at most memory={limit} MB; got {told} MB ({counts}). "
            f"It is {n_bytes / self.memory:.1f} times too large: choose an epoch, layer, channel, label or sample."
        )

    # values

    def array(self, part: Slice, layer: str) -> xr.DataArray:
        """The values of one layer of a slice, with named dimensions."""
        values = torch.stack([self._values(part, layer, step) for step in part.steps]).numpy()
        n_channels = self.shapes[layer][0]
        spatial = SPATIAL.get(values.ndim - 3) or tuple(f"axis_{axis}" for axis in range(values.ndim - 3))
        spatial = () if values.ndim == 3 else spatial
        channels = range(n_channels) if part.channels is None else part.channels
        coordinates = {"epoch": part.epochs, "sample": list(part.samples), "channel": list(channels)}
        if self.y is not None:
            coordinates["label"] = ("sample", self.y[list(part.samples)].numpy())
        dimensions = ("epoch", "sample", "channel", *spatial)
        return xr.DataArray(values, dims=dimensions, coords=coordinates, name=layer)

    def _values(self, part: Slice, layer: str, step: int) -> Tensor:
        """(samples, channels, ...) of one layer at one step."""
        values = self._activations(part.samples, (layer,), step)[layer]
        return values if part.channels is None else values[:, list(part.channels)]

    def _activations(self, samples: tuple[int, ...], layers: tuple[str, ...], step: int) -> dict[str, Tensor]:
        """{layer: (samples, channels, ...)}: what is not in memory comes from one forward pass."""
        with self._lock:
            found = {layer: self._remembered(samples, layer, step) for layer in layers}
            missing = [layer for layer, values in found.items() if values is None]
            if missing:
                x = self.x[list(samples)]
                called = [layer for layer in missing if layer != INPUT]
                computed = probes.activations(self._module(step), x, called) | {INPUT: x}
                for layer in missing:
                    found[layer] = _channelled(computed[layer]).cpu()
                    self._remember(samples, layer, step, found[layer])
            return found

    def _remembered(self, samples: tuple[int, ...], layer: str, step: int) -> Tensor | None:
        for key in ((samples, layer, step), (None, layer, step)):
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key] if key[0] else self._kept[key][list(samples)]
        return None

    def _remember(self, samples: tuple[int, ...], layer: str, step: int, values: Tensor) -> None:
        """Keep values; the oldest go until all fit."""
        if layer == INPUT or _bytes(values) > self.memory:
            return
        while self.used + _bytes(values) > self.memory:
            self._kept.popitem(last=False)
        whole = samples == tuple(range(len(self.x)))
        self._kept[(None if whole else samples, layer, step)] = values

    def _module(self, step: int) -> nn.Module:
        return self.run.module(step, self.member).to(self.device)

    # information

    def entropy(self, part: Slice, *, n_neighbors: int = N_NEIGHBORS, n_bins: int = 32) -> xr.DataArray:
        """H(slice) in bits, by the estimator that its kind asks for.

        Channels chosen: the intra-sample entropy of every channel's maps, averaged over the inputs, (epoch, channel).
        No channel chosen: the inter-sample entropy of the layer, each input one point, (epoch,). Of several layers:
        with the dimension layer.
        n_neighbors: of the inter-sample entropy, which mostly depends on it (`estimators.inter_sample_entropy`), cut to
        the number of inputs - 1. n_bins: of the intra-sample entropy.
        Raises ValueError for a slice of fewer than three inputs and no channel, or one that is too large: activations
        of one epoch must fit into `memory`.
        """
        if len(part.layers) > 1:
            each = [self.entropy(replace(part, layers=(one,)), n_neighbors=n_neighbors, n_bins=n_bins)
                    for one in part.layers]  # fmt: skip
            return xr.concat(each, xr.Variable("layer", list(part.layers)))
        if part.channels is None and len(part.samples) < 3:
            raise ValueError(f"a layer's entropy needs at least 3 inputs; got {len(part.samples)}. Choose a channel.")

        def of_step(step: int) -> Tensor:
            values = self._values(part, part.layer, step)
            if part.channels is not None:
                return est.intra_sample_entropy(values, n_bins=n_bins)
            return est.inter_sample_entropy(values.flatten(1), n_neighbors=min(n_neighbors, len(values) - 1))

        dimensions = {"epoch": part.epochs}
        if part.channels is not None:
            dimensions["channel"] = list(part.channels)
        return self._over_epochs(part, of_step, dimensions, "entropy")

    def capacity(self, a: Slice, b: Slice, *, n_bins: int = 32) -> xr.DataArray:
        """H(a) - H(a|b) in bits of every channel of `a` and of `b`: (epoch, channel_a, channel_b).

        Both slices have one layer each, the same inputs and the same epochs. The variables are the binned distances
        between the inputs' maps (`estimators.channel_capacity`).
        Raises ValueError for slices that do not match, fewer than two inputs, or too large ones.
        """
        self._check_pair(a, b)
        for one in (a, b):
            self._check_epoch(one)

        def of_step(step: int) -> Tensor:
            both = self._activations(a.samples, tuple(dict.fromkeys((a.layer, b.layer))), step)
            maps = (
                both[one.layer] if one.channels is None else both[one.layer][:, list(one.channels)] for one in (a, b)
            )
            return est.channel_capacity(*maps, n_bins=n_bins)

        dimensions = {"epoch": a.epochs, "channel_a": self._numbers(a), "channel_b": self._numbers(b)}
        return self._over_epochs(a, of_step, dimensions, "capacity")

    def conditional_entropy(self, a: Slice, b: Slice, *, n_bins: int = 32) -> xr.DataArray:
        """H(a|b) in bits of every channel of `a` given one of `b`: (epoch, channel_a, channel_b).

        H(a) is that of the binned distances in a channel (`estimators.distance_entropy`), so that the capacity is
        H(a) - H(a|b). Arguments and errors as for `capacity`.
        """
        self._check_pair(a, b)

        def of_step(step: int) -> Tensor:
            return est.distance_entropy(self._values(a, a.layer, step), n_bins=n_bins)

        own = self._over_epochs(a, of_step, {"epoch": a.epochs, "channel_a": self._numbers(a)}, "entropy")
        return (own - self.capacity(a, b, n_bins=n_bins)).rename("conditional_entropy")

    def label_entropies(self, part: Slice | None = None) -> xr.Dataset:
        """H(x.label | y = i) and H(y | x.label = i) in bits, y the predicted class: a data set over (epoch, class).

        part: which inputs and epochs; None for all. Its variables: true_given_predicted, predicted_given_true (NaN for
        a class that does not occur on the given side) and confusion (epoch, true, predicted), counts.
        Raises ValueError where the inputs have no classes.
        """
        if self.y is None:
            raise ValueError("label entropies need classes; give y to the Hypercube.")
        part = self.select() if part is None else part
        names = self.classes
        y = self.y[list(part.samples)]
        found = {"true_given_predicted": [], "predicted_given_true": [], "confusion": []}
        for step in part.steps:
            logits = self._activations(part.samples, (WHOLE,), step)[WHOLE].flatten(1)
            predicted = probes.class_logits(logits, len(logits)).argmax(1)
            entropies = est.label_entropies(y, predicted, n_classes=len(names))
            found["true_given_predicted"].append(entropies.true_given_predicted.numpy())
            found["predicted_given_true"].append(entropies.predicted_given_true.numpy())
            counts = torch.bincount(y * len(names) + predicted, minlength=len(names) ** 2)
            found["confusion"].append(counts.reshape(len(names), len(names)).numpy())
        of_classes = ("epoch", "class")
        return xr.Dataset(
            {
                "true_given_predicted": (of_classes, np.stack(found["true_given_predicted"])),
                "predicted_given_true": (of_classes, np.stack(found["predicted_given_true"])),
                "confusion": (("epoch", "true", "predicted"), np.stack(found["confusion"])),
            },
            coords={"epoch": part.epochs, "class": names, "true": names, "predicted": names},
        )

    def _numbers(self, part: Slice) -> list[int]:
        return list(range(self.shapes[part.layer][0]) if part.channels is None else part.channels)

    def _check_pair(self, a: Slice, b: Slice) -> None:
        for name, one in (("a", a), ("b", b)):
            if len(one.layers) != 1:
                raise ValueError(f"{name} must have one layer; got {', '.join(one.layers)}.")
        if a.samples != b.samples or a.steps != b.steps:
            raise ValueError(
                "b must have the inputs and the epochs of a; "
                f"got {len(b.samples)} inputs at {_span(b.epochs)} and {len(a.samples)} at {_span(a.epochs)}."
            )
        if len(a.samples) < 2:
            raise ValueError("a must have at least 2 inputs, for distances between them; got 1.")

    def _check_epoch(self, part: Slice) -> None:
        """ValueError where the activations of one epoch do not fit into `memory`: all channels are computed at once."""
        one = replace(part, steps=part.steps[:1], channels=None)
        self.check_size(one, one.n_bytes)

    def _over_epochs(self, part: Slice, of_step, dimensions: dict, name: str) -> xr.DataArray:
        """`of_step` at every step of a slice; only one epoch's activations are needed at a time."""
        self._check_epoch(part)
        values = []
        with bar(len(part.steps), f"{name} of {part.layer}", shown=len(part.steps) > 1) as shown:
            for step in part.steps:
                values.append(of_step(step).numpy())
                shown.update()
        return xr.DataArray(
            np.stack(values), dims=tuple(dimensions), coords=dimensions, name=name, attrs={"units": "bit"}
        )


def _shapes(module: nn.Module, x: Tensor, layers: Sequence[str] | None) -> dict[str, tuple[int, ...]]:
    """{layer: (channels, ...)} in the order of the calls, the input first."""
    if layers is None:
        names = {part: name for name, part in module.named_modules() if not list(part.children())}
        called: dict[str, None] = {}
        hooks = [
            part.register_forward_hook(
                lambda one, _inputs, output: called.setdefault(names[one]) if isinstance(output, Tensor) else None
            )
            for part in names
        ]
        with probes.evaluation_mode(module), torch.no_grad():
            module(x)
        for hook in hooks:
            hook.remove()
        layers = list(called)
    if INPUT in layers:
        raise ValueError(f'layers must not hold "{INPUT}", which is the input itself; got layers={list(layers)!r}.')
    found = probes.activations(module, x, layers)
    return {INPUT: tuple(_channelled(x).shape[1:])} | {
        layer: tuple(_channelled(values).shape[1:]) for layer, values in found.items()
    }


def _channelled(values: Tensor) -> Tensor:
    """Floating values (n, channels, ...); a single number a sample is one channel."""
    values = values if values.is_floating_point() else values.float()
    return values.unsqueeze(1) if values.ndim == 1 else values


def _bytes(values: Tensor) -> int:
    return values.numel() * values.element_size()


def _epochs_of(run: Run) -> dict[int, float]:
    """The epoch of every checkpoint, where the run's metrics tell it; whole ones as integers.

    Where they do not name each step's (a checkpoint may come from another call of `train`), or several have the same,
    from how many steps an epoch has.
    """
    table = run.metrics
    table = table if table.empty else table.dropna(subset=["epoch"])
    if table.empty:
        return {}
    recorded = dict(zip(table["step"].tolist(), table["epoch"].tolist(), strict=True))
    epochs = {step: recorded.get(step, math.nan) for step in run.steps}
    if not all(a < b for a, b in itertools.pairwise([-1.0, *epochs.values()])):
        last = table.loc[table["step"].idxmax()]
        per_step = float(last["epoch"]) / max(float(last["step"]), 1.0)
        epochs = {step: step * per_step for step in run.steps} if per_step else {}
    return {step: round(one) if abs(one - round(one)) < 1e-9 else one for step, one in epochs.items()}


def _many(value) -> list:
    """A single value as a list of one."""
    if isinstance(value, (np.ndarray, Tensor)) and value.ndim == 0:
        value = value.item()
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, range, np.ndarray, Tensor)):
        return [value]
    return list(value.tolist() if isinstance(value, (np.ndarray, Tensor)) else value)


def _picked(name: str, wanted, numbers: np.ndarray) -> np.ndarray:
    """`numbers` at the places wanted: an integer, a list or a slice."""
    if isinstance(wanted, slice):
        chosen = numbers[wanted]
    else:
        places = _many(wanted)
        broken = [p for p in places if isinstance(p, bool) or not isinstance(p, (int, np.integer))
                  or not 0 <= p < len(numbers)]  # fmt: skip
        if broken:
            raise ValueError(f"{name} must lie between 0 and {len(numbers) - 1}; got {name}={broken[0]!r}.")
        chosen = numbers[[int(place) for place in places]]
    if not len(chosen):
        raise ValueError(f"{name} must take in at least one of {len(numbers)}; got {name}={wanted!r}.")
    return chosen
