"""What is estimated while the networks of notebook 01 train: planes, kernels and response maps."""

from __future__ import annotations

import functools
import math

import numpy as np
import pandas as pd
import torch

from ... import data, training
from ... import estimators as est

LITERAL_VARIANCE = 0.1  # of the work that the paper follows; the paper names none
RENYI_SHARE = 0.1  # squared bandwidth of the matrix-based estimate, as a share of the variable's total variance
RENYI_ORDER = 1.01
KERNEL_BLOCKS = ("block1", "block2")
SHUFFLED_EVERY = 4  # kernels: one of so many is estimated with shuffled labels too


def observe_plane(
    moment: training.Moment,
    *,
    noise_variances: tuple,
    noise_shares: tuple,
    n_samples: int,
    n_patterns: int,
    n_bins: int,
    renyi_samples: int,
) -> list[dict]:
    """I(X;T) and I(T;Y) of every block, by the paper's estimator and by those it is held against.

    On `n_samples` of the test images, or, for the 12-bit patterns, on `n_patterns` of the whole set. The output is
    estimated twice, as logits and as softmax. Absolute noise has a variance of `noise_variances`; relative noise has
    a share of `noise_shares` of the total variance of the layer at this moment.
    """
    x, y, activations = sampled(moment, n_samples, n_patterns)
    representations = {**activations, "softmax": torch.softmax(activations["output"].float(), dim=-1)}
    rows = []
    for layer, t in representations.items():
        t = t.float().flatten(2)
        few = (LITERAL_VARIANCE,)
        found = kde_rows(t, y, noise_variances, noise_shares, "both")
        for part in (2, 4):
            if len(x) // part >= 2 * (int(y.max()) + 1):
                some = slice(len(x) // part)
                found += kde_rows(t[:, some], y[some], few, noise_shares, "upper")
        found += binned_rows(t, y, n_bins) + renyi_rows(x, t, y, renyi_samples)
        rows += [{"layer": layer, **row} for row in found]
    return rows


def kde_rows(t: torch.Tensor, y: torch.Tensor, variances: tuple, shares: tuple, bound: str) -> list[dict]:
    """Kernel bounds of (members, n, d) for absolute noise variances and for shares of each layer's own variance.

    bound: "upper", or "both": the lower one comes along, and is kept for the shares.
    """
    found = est.kde_information(t, y, noise_variance=noises(t, variances, shares), bound=bound)
    bounds = {"kde upper": found.upper, "kde lower": found.lower} if bound == "both" else {"kde upper": found}
    named = [("absolute", value) for value in variances] + [("relative", value) for value in shares]
    return [
        {"member": member, "estimator": name, "noise": noise, "noise_variance": value,
         "i_xt": float(one.i_xt[v, member]), "i_ty": float(one.i_ty[v, member]), **_samples(y)}
        for name, one in bounds.items() for v, (noise, value) in enumerate(named) for member in range(len(t))
        if name == "kde upper" or noise == "relative"
    ]  # fmt: skip


def noises(t: torch.Tensor, variances: tuple, shares: tuple) -> torch.Tensor:
    """(absolute and relative ones, *batch) noise variances for t (*batch, n, d)."""
    own = est.total_variance(t)
    absolute = torch.tensor(variances, device=t.device).reshape(-1, *[1] * own.ndim).expand(-1, *own.shape)
    relative = torch.tensor(shares, device=t.device).reshape(-1, *[1] * own.ndim) * own
    return torch.cat([absolute, relative])


def binned_rows(t: torch.Tensor, y: torch.Tensor, n_bins: int) -> list[dict]:
    """Every unit in `n_bins` equal bins over the range of its layer."""
    found = est.binned_information(t, y, n_bins=n_bins)
    return [
        {"member": member, "estimator": "binning", "noise": "none", "noise_variance": 0.0,
         "i_xt": float(found.i_xt[member]), "i_ty": float(found.i_ty[member]), **_samples(y)}
        for member in range(len(t))
    ]  # fmt: skip


def renyi_rows(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor, n: int) -> list[dict]:
    """Matrix-based estimates on the first n samples; labels are one-hot, with a kernel that tells classes apart."""
    x, y = x[:n].to(t.device).flatten(1), y[:n]
    of_x, of_t = _unit_variance(x), _unit_variance(t[:, :n])
    of_y = torch.nn.functional.one_hot(y.to(t.device)).to(t.dtype)
    bandwidth = math.sqrt(RENYI_SHARE)
    i_xt = est.renyi_mutual_information(of_x, [of_t], alpha=RENYI_ORDER, bandwidth=bandwidth)
    i_ty = est.renyi_mutual_information(of_y, [of_t], alpha=RENYI_ORDER, bandwidth=(0.1, bandwidth))
    return [
        {"member": member, "estimator": "renyi", "noise": "relative", "noise_variance": RENYI_SHARE,
         "i_xt": float(i_xt[member]), "i_ty": float(i_ty[member]), **_samples(y)}
        for member in range(len(t))
    ]  # fmt: skip


def _unit_variance(t: torch.Tensor) -> torch.Tensor:
    return t / est.total_variance(t).sqrt()[..., None, None]


def _samples(y: torch.Tensor) -> dict:
    return {"n_samples": len(y), "entropy_y": est.label_entropy(y)}


def observe_kernels(
    moment: training.Moment, *, noise_variances: tuple, noise_shares: tuple, n_samples: int
) -> pd.DataFrame:
    """I(T;Y) of every kernel of the first two blocks, T its flattened response map, and of each class against the rest.

    One pass over the batch of kernels gives all ten classes under all noises. Relative noise is a share of the
    kernel's own total variance. `constant`: a kernel that answers every sample alike; it knows nothing, exactly.
    `i_ty_shuffled`: the same estimate with the labels shuffled, for every fourth kernel: what chance alone gives.
    """
    _, y, activations = sampled(moment, n_samples, 0)
    tables = []
    for layer in KERNEL_BLOCKS:  # (members, n, kernels, height, width) -> (members, kernels, n, values)
        t = activations[layer].float().transpose(1, 2).flatten(3)
        found = kernel_information(t, y, noise_variances, noise_shares, len(moment.dataset.classes))
        constant = est.is_constant(t).cpu().numpy()
        some = slice(None, None, SHUFFLED_EVERY)
        by_chance = kernel_information(t[:, some], shuffled(y), noise_variances, noise_shares, None).i_ty
        named = [("absolute", value) for value in noise_variances] + [("relative", value) for value in noise_shares]
        for v, (noise, value) in enumerate(named):
            for member in range(len(t)):
                table = pd.DataFrame(found.i_ty_per_class[v, member].cpu().numpy())
                table.columns = [f"class{c}" for c in table.columns]
                more = {"i_xt": found.i_xt[v, member].cpu().numpy(), "i_ty": found.i_ty[v, member].cpu().numpy()}
                table = table.assign(**more, kernel=range(t.shape[1]), constant=constant[member])
                table.loc[table.index[some], "i_ty_shuffled"] = by_chance[v, member].cpu().numpy()
                tables.append(table.assign(member=member, layer=layer, noise=noise, noise_variance=value))
    return pd.concat(tables, ignore_index=True).assign(**_samples(y))


def shuffled(y: torch.Tensor) -> torch.Tensor:
    """The labels in another order, always the same one."""
    return y[torch.from_numpy(np.random.default_rng(1).permutation(len(y)))]


def kernel_information(t: torch.Tensor, y, variances: tuple, shares: tuple, n_classes: int | None):
    """The upper kernel bound for a batch of kernels (..., kernels, n, values), under every noise."""
    return est.kde_information(t, y, noise_variance=noises(t, variances, shares), bound="upper", n_classes=n_classes)


def observe_maps(moment: training.Moment) -> list[dict]:
    """The response maps of all kernels of the first two blocks to one test image of each class, as bytes.

    A kernel's values are scaled from its smallest to its largest over the ten images (`low`, `high`) to 0..255.
    """
    dataset = moment.dataset
    shown = first_of_each_class(dataset)
    rows = []
    for layer in KERNEL_BLOCKS:
        maps = moment.activations(None, dataset.x_test)[layer][:, shown].float().cpu().numpy()
        for member, of_member in enumerate(maps):
            for kernel in range(of_member.shape[1]):
                pixels, low, high = as_bytes(of_member[:, kernel])
                rows += [
                    {"member": member, "layer": layer, "kernel": kernel, "class": c, "map": pixels[c].tobytes(),
                     "side": pixels.shape[-1], "low": low, "high": high}
                    for c in range(len(shown))
                ]  # fmt: skip
    return rows


def observe_nothing(_moment: training.Moment) -> list[dict]:
    """No estimate: test loss and accuracy are recorded wherever something is observed."""
    return []


def as_bytes(maps: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Maps as uint8 from their common smallest value to their largest, and the two."""
    low, high = float(maps.min()), float(maps.max())
    return np.rint((maps - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8), low, high


def first_of_each_class(dataset: data.Dataset) -> list[int]:
    """The first test image of every class, by number."""
    return [int((dataset.y_test == c).nonzero()[0]) for c in range(len(dataset.classes))]


def sampled(moment: training.Moment, n_samples: int, n_patterns: int) -> tuple[torch.Tensor, torch.Tensor, dict]:
    """Inputs, labels and activations of the samples that are estimated on: test images, or 12-bit patterns.

    One pass over all test images serves every observer and the test accuracy.
    """
    dataset = moment.dataset
    if len(dataset.input_shape) == 1:
        x, y = patterns(dataset, n_patterns)
        return x, y, moment.activations(None, x)
    chosen = some_numbers(len(dataset.x_test), n_samples)
    every = moment.activations(None, dataset.x_test)
    return dataset.x_test[chosen], dataset.y_test[chosen], {layer: t[:, chosen] for layer, t in every.items()}


@functools.lru_cache(maxsize=2)
def patterns(dataset: data.Dataset, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """n random patterns of the whole 12-bit set, always the same ones."""
    x, y = torch.cat([dataset.x_train, dataset.x_test]), torch.cat([dataset.y_train, dataset.y_test])
    chosen = some_numbers(len(x), n)
    return x[chosen], y[chosen]


def some_numbers(n: int, most: int) -> torch.Tensor:
    """At most `most` of the numbers 0 to n - 1, always the same, in random order: the first half is a random half."""
    return torch.from_numpy(np.random.default_rng(0).permutation(n)[:most].copy())
