"""Plug-in information of binned activations."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from . import inputs

LARGEST = 2**62


class BinnedInformation(NamedTuple):
    """Estimates in bits, of the batch shape: i_xt = H(binned T), i_ty = I(binned T; Y)."""

    i_xt: Tensor
    i_ty: Tensor


def binned_information(t, y, *, n_bins: int = 30, range: tuple[float, float] | None = None, weights=None):
    """I(X;T) and I(T;Y) of activations t cut into equal bins, in bits: plug-in entropies of whole binned rows.

    t: (..., n, d), leading dimensions are batch. y: (n,) class numbers from 0.
    n_bins: equal bins over `range`, the top edge closed; None is the data's own range over each batch entry. Values
    outside `range` raise an error. weights: (n,) of the samples, None for equal ones (1/n each).

    Returns `BinnedInformation`, tensors of t's device and dtype.
    Raises ValueError for bad shapes, values or arguments; it names the argument, the rule and the value.

    What it measures: for a deterministic network I(X;T) is infinite; this is H(binned T), because the binned T is a
    function of X. It saturates at log2 n as soon as every row is alone, which happens fast with d and n_bins, and the
    plug-in I(T;Y) then equals H(Y). The bias of H is about -(occupied bins - 1) / (2 n ln 2) bits (Miller 1955).
    Time: one sort. A row is numbered exactly while n_bins^d < 2^62, by a 64-bit hash beyond that.

    Source: Shwartz-Ziv and Tishby (2017); Cheng et al. (2018), eq. 3.
    """
    t = inputs.samples("t", t)
    n, d = t.shape[-2:]
    y = inputs.labels("y", y, n, t.device)
    n_bins = inputs.whole("n_bins", n_bins, 1)
    bounds = None if range is None else _bounds(range)
    shares = _shares(weights, n, t)
    results = t.new_empty(2, math.prod(t.shape[:-2]))
    for entry, rows in enumerate(t.reshape(-1, n, d)):
        results[:, entry] = _one(rows, y, _digitise(rows, n_bins, bounds), n_bins, shares)
    return BinnedInformation(*results.reshape(2, *t.shape[:-2]))


def _shares(weights, n: int, t: Tensor) -> Tensor:
    if weights is None:
        return torch.full((n,), 1 / n, dtype=torch.float64, device=t.device)
    shares = inputs.tensor_of("weights", weights).to(t.device)
    if shares.shape != (n,) or shares.is_complex():
        raise ValueError(f"weights must be real, of shape ({n},); got shape={tuple(shares.shape)}, {shares.dtype}.")
    shares = shares.double()
    if (wrong := shares[~torch.isfinite(shares) | (shares < 0)]).numel():
        raise ValueError(f"weights must be finite and at least 0; got {float(wrong[0])} among them.")
    if shares.sum() <= 0:
        raise ValueError("weights must not all be 0; got weights whose sum is 0.")
    return shares / shares.sum()


def _bounds(given) -> tuple[float, float]:
    try:
        low, high = map(float, given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"range must be two finite numbers, the smaller first; got range={given!r}.") from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"range must be two finite numbers, the smaller first; got range={given!r}.")
    return low, high


def _digitise(rows: Tensor, n_bins: int, bounds: tuple[float, float] | None) -> Tensor:
    """(n, d) bin numbers 0 .. n_bins - 1."""
    low, high = (float(rows.min()), float(rows.max()))
    if bounds is None and low == high:
        return torch.zeros_like(rows, dtype=torch.int64)  # a constant layer has one state
    if bounds is not None and (low < bounds[0] or high > bounds[1]):
        raise ValueError(f"t must lie in range={bounds!r}; got values from {low} to {high}.")
    low, high = bounds or (low, high)
    scaled = (rows.double() - low) * (n_bins / (high - low))
    return scaled.long().clamp_(0, n_bins - 1)


def _one(rows: Tensor, y: Tensor, bins: Tensor, n_bins: int, shares: Tensor) -> Tensor:
    state = _ranks(_row_codes(bins, n_bins))
    n_classes = int(y.max()) + 1
    entropy_t = _entropy(state, shares)
    entropy_y = _entropy(y, shares)
    entropy_ty = _entropy(_ranks(state * n_classes + y), shares)
    return torch.stack([entropy_t, entropy_t + entropy_y - entropy_ty])


def _row_codes(bins: Tensor, n_bins: int) -> Tensor:
    """One int64 a row: mixed radix where it fits, else a 64-bit hash (two rows of a million collide with 3e-8)."""
    d = bins.shape[-1]
    if d * math.log2(max(n_bins, 2)) < 62:
        powers = torch.tensor([n_bins**k for k in range(d)], device=bins.device)
        return (bins * powers).sum(-1)
    code = torch.zeros(len(bins), dtype=torch.int64, device=bins.device)
    generator = torch.Generator().manual_seed(d)
    for first in range(0, d, 4096):
        part = bins[:, first : first + 4096]
        factors = torch.randint(-LARGEST, LARGEST, (part.shape[1],), generator=generator) | 1
        code += _mixed(part + 1, factors.to(bins.device)).sum(-1)
    return code


def _mixed(values: Tensor, factors: Tensor) -> Tensor:
    """Scrambled 64-bit products, so that sums over columns do not cancel (wrap-around is intended)."""
    product = values * factors
    return (product ^ (product >> 29)) * -4658895280553007687


def _ranks(codes: Tensor) -> Tensor:
    return torch.unique(codes, return_inverse=True)[1]


def _entropy(state: Tensor, shares: Tensor) -> Tensor:
    """Entropy in bits of states numbered from 0, each sample weighing its share."""
    p = torch.zeros(int(state.max()) + 1, dtype=torch.float64, device=state.device).index_add_(0, state, shares)
    return torch.special.entr(p).sum() / math.log(2)
