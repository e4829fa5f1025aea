"""What is estimated while the networks of notebook 05 train: information, scale of the activations, learning."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ... import estimators as est
from ... import probes, training
from ...data import Dataset

KERNEL, LOWER, UNIT, RELATIVE = "kernel", "kernel, lower bound", "unit variance", "relative noise"
FIXED, OWN, COUNTS, QUANTISED, RENYI = "fixed bins", "own range", "equal counts", "8-bit copy", "Rényi"
LABEL_WIDTH = 0.1  # bandwidth of the one-hot labels: other labels are as good as infinitely far
END = 0.05  # a unit is saturated within this share of its range from an end


def observe_information(
    moment: training.Moment,
    *,
    noise_variance: float,
    more_variances: tuple,
    n_samples: int,
    n_counted: int,
    n_renyi: int,
    renyi_h: float,
    n_bins: int,
    few_bins: int,
    n_levels: int,
) -> list[dict]:
    """I(X;T) and I(T;Y) of every hidden layer by every estimator, in bits; one row a member, layer and estimator.

    Kernel estimates and Renyi's are made on training samples, as the paper's; counts on all samples, which of the
    12-bit patterns are all that there are.
    """
    x, y = moment.dataset.x_train[:n_samples], moment.dataset.y_train[:n_samples]
    hidden = moment.blocks[:-1]
    layers = {layer: t.flatten(2) for layer, t in moment.activations(hidden, x).items()}
    every_x, every_y = all_samples(moment.dataset, n_counted)
    counted = {layer: t.flatten(2) for layer, t in moment.activations(hidden, every_x).items()}
    copies = quantised_copies(moment.modules(), every_x, n_levels)
    few = {layer: t[:, :n_renyi] for layer, t in layers.items()}
    of_renyi, rows = renyi(x[:n_renyi], y[:n_renyi], few, renyi_h), []
    for layer, t in layers.items():
        found = {name: (one, y) for name, one in kernel_estimates(t, y, noise_variance, more_variances).items()}
        found |= {name: (one, every_y) for name, one in counts(counted[layer], every_y, n_bins, few_bins).items()}
        found[QUANTISED] = (est.exact_information(copies[layer], every_y), every_y)
        found[RENYI] = (of_renyi[layer], y[:n_renyi])
        for estimator, (one, labels) in found.items():
            rows += rows_of(one, labels, layer=layer, estimator=estimator)
    return rows


def rows_of(found, y: Tensor, **more) -> list[dict]:
    """A row a member of an estimate of all members, with the bounds log2 n and H(Y)."""
    bounds = {"n_samples": len(y), "log2_n": math.log2(len(y)), "entropy_y": est.label_entropy(y)}
    values = zip(found.i_xt.tolist(), found.i_ty.tolist(), strict=True)
    return [{"member": k, **more, "i_xt": i_xt, "i_ty": i_ty, **bounds} for k, (i_xt, i_ty) in enumerate(values)]


def all_samples(dataset: Dataset, most: int) -> tuple[Tensor, Tensor]:
    """Training and test samples together, the first `most` of them."""
    x, y = torch.cat([dataset.x_train, dataset.x_test]), torch.cat([dataset.y_train, dataset.y_test])
    return x[:most], y[:most]


def kernel_estimates(t: Tensor, y: Tensor, noise_variance: float, more_variances: tuple) -> dict:
    """{estimator: .i_xt, .i_ty} of activations (members, n, d): all from one pass, but for units scaled alone."""
    mean_variance = est.total_variance(t) / t.shape[-1]
    one = torch.ones_like(mean_variance)
    variances = {KERNEL: noise_variance * one, LOWER: 4 * noise_variance * one}  # the lower bound's kernel is wider
    variances |= {f"{KERNEL} {v:g}": v * one for v in more_variances}
    variances[RELATIVE] = noise_variance * mean_variance.clamp(min=1e-12)
    found = est.kde_information(t, y, noise_variance=torch.stack([*variances.values()]))
    each = {name: est.KdeInformation(*(part[k] for part in found)) for k, name in enumerate(variances)}
    return each | {UNIT: est.kde_information(unit_variance(t), y, noise_variance=noise_variance)}


def unit_variance(t: Tensor) -> Tensor:
    """Every unit with mean 0 and variance 1; one that does not vary, to rounding, is 0. (..., n, d)."""
    centred = t - t.mean(-2, keepdim=True)
    deviation = centred.square().mean(-2, keepdim=True).sqrt()
    varies = deviation > 1e-6 * t.abs().amax(-2, keepdim=True).clamp(min=1e-6)
    return torch.where(varies, centred / deviation.clamp(min=1e-30), torch.zeros_like(t))


def counts(t: Tensor, y: Tensor, n_bins: int, few_bins: int) -> dict:
    """{estimator: .i_xt, .i_ty} by counting binned rows: a fixed width, the layer's own range, equal counts."""
    return {
        FIXED: est.binned_information(t, y, bin_width=2 / n_bins),
        OWN: est.binned_information(t, y, n_bins=n_bins),
        COUNTS: est.binned_information(t, y, n_bins=few_bins, spacing="equal_count", per_neuron=True),
    }


def renyi(x: Tensor, y: Tensor, layers: dict[str, Tensor], h: float) -> dict:
    """{layer: .i_xt, .i_ty} by Renyi's entropy of order 1.01, the bandwidth h n^(-1/(4+d)) for inputs and layers."""
    n_members, n = len(next(iter(layers.values()))), len(x)
    labels = nn.functional.one_hot(y).to(x)
    variables = [each.flatten(1).expand(n_members, n, -1) for each in (x, labels)]
    width = [est.silverman_bandwidth(n, t.shape[-1], h) for t in (variables[0], *layers.values())]
    found = est.renyi_chain(variables, [*layers.values()], bandwidth=([width[0], LABEL_WIDTH], width[1:])).information
    return {layer: est.ExactInformation(found[:, 0, k], found[:, 1, k]) for k, layer in enumerate(layers)}


# --------------------------------------------------------------------------------------------- the quantised copy


def quantised_copies(modules: list[nn.Module], x: Tensor, n_levels: int) -> dict[str, Tensor]:
    """{hidden layer: levels (members, n, d)} of copies whose weights and activations take `n_levels` values."""
    each = [quantised_copy(module, x, n_levels) for module in modules]
    return {layer: torch.stack([one[layer] for one in each]) for layer in each[0]}


@torch.no_grad()
def quantised_copy(module: nn.Module, x: Tensor, n_levels: int) -> dict[str, Tensor]:
    """{hidden layer: levels (n, d)} of one copy: what a layer gets is what the layer before puts out, rounded.

    A layer's levels span its own smallest to largest activation, those of weights its largest absolute weight.
    """
    levels = {}
    *hidden, _ = module.named_children()
    for name, block in hidden:
        for layer in block:
            x = rounded_linear(layer, x, n_levels) if isinstance(layer, nn.Linear) else layer(x)
        low, high = float(x.min()), float(x.max())
        high = high if high > low else low + 1
        levels[name] = est.quantise(x, n_levels=n_levels, range=(low, high))
        x = (low + (levels[name].double() + 0.5) * (high - low) / n_levels).to(x.dtype)
    return levels


def rounded_linear(linear: nn.Linear, x: Tensor, n_levels: int) -> Tensor:
    step = linear.weight.abs().max().clamp(min=1e-30) / (n_levels // 2 - 0.5)
    return nn.functional.linear(x, (linear.weight / step).round() * step, linear.bias)


# --------------------------------------------------------------------------------------------- scale and learning


def observe_scale(moment: training.Moment, *, activation: str) -> list[dict]:
    """Of every hidden layer on the training samples: standard deviation of a unit (root of the mean variance), and the
    share of saturated activations; one row a member and layer."""
    rows = []
    for layer, t in moment.activations(moment.blocks[:-1], moment.dataset.x_train).items():
        deviation = t.flatten(2).var(1, correction=0).mean(-1).sqrt()
        shares = is_saturated(t, activation).flatten(1).float().mean(1)
        rows += [
            {"member": k, "layer": layer, "deviation": float(deviation[k]), "saturated": float(shares[k]),
             "n_samples": t.shape[1]}
            for k in range(len(t))
        ]  # fmt: skip
    return rows


def is_saturated(t: Tensor, activation: str) -> Tensor:
    """Whether an activation lies within a twentieth of its range from an end; of ReLUs, whether the unit is off."""
    if activation == "tanh":
        return t.abs() > 1 - 2 * END
    if activation == "sigmoid":
        return (t < END) | (t > 1 - END)
    return t <= 0


def observe_learning(moment: training.Moment, *, noise_variance: float, n_samples: int) -> list[dict]:
    """Loss (bits), accuracy and the kernel estimates on training and on as many test samples, mean over the hidden
    layers; one row a member and split.

    Loss and accuracy are of all samples of a split; the estimates are of equally many, since they are at most log2 n.
    """
    dataset, rows = moment.dataset, []
    n = min(len(dataset.x_train), len(dataset.x_test), n_samples)
    for split, x, y in (("train", dataset.x_train, dataset.y_train), ("test", dataset.x_test, dataset.y_test)):
        layers = moment.activations([*moment.blocks[:-1], ""], x)
        loss, accuracy = probes.evaluate(layers.pop(""), y)
        each = [est.kde_information(t.flatten(2)[:, :n], y[:n], noise_variance=noise_variance) for t in layers.values()]
        mean = est.ExactInformation(*(torch.stack(part).mean(0) for part in list(zip(*each, strict=True))[:2]))
        rows += [
            row | {"loss": float(loss[row["member"]]), "accuracy": float(accuracy[row["member"]])}
            for row in rows_of(mean, y[:n], split=split)
        ]
    return rows
