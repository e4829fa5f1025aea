"""Plug-in information of binned activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from . import inputs

LARGEST = 2**62
TILE_ELEMENTS = 1 << 20  # activations that are digitised at a time
SPACINGS = ("equal_width", "equal_count")
CORRECTIONS = (None, "miller_madow")


class BinnedInformation(NamedTuple):
    """Estimates in bits, of the batch shape: i_xt = H(binned T), i_ty = I(binned T; Y)."""

    i_xt: Tensor
    i_ty: Tensor


class ClassInformation(NamedTuple):
    """Estimates in bits, (..., classes): i_xt = H(binned T), i_ty = I(binned T; this class or the rest)."""

    i_xt: Tensor
    i_ty: Tensor


def binned_information(
    t,
    y,
    *,
    n_bins: int = 30,
    range: tuple[float, float] | None = None,
    bin_width: float | None = None,
    spacing: str = "equal_width",
    per_neuron: bool = False,
    weights=None,
    correction: str | None = None,
) -> BinnedInformation:
    """I(X;T) and I(T;Y) of activations t cut into bins, in bits: plug-in entropies of whole binned rows.

    t: (..., n, d), leading dimensions are batch. y: (n,) class numbers from 0.
    n_bins: bins over `range`, the top edge closed; None is the data's own range over each batch entry. Values
    outside `range` raise an error. bin_width: instead of n_bins and range, bins [k w, (k + 1) w) for all integers k.
    spacing: "equal_width", or "equal_count" for edges at the quantiles of the values: a bin ends with the value at its
    edge, equal values share a bin, and edges that coincide fall together.
    per_neuron: take range or quantiles of each feature alone, not of the whole layer.
    weights: (n,) of the samples, None for equal ones (1/n each). correction: "miller_madow" adds (occupied states - 1)
    / (2 n ln 2) to every entropy; it wants equal weights.

    Returns `BinnedInformation`, tensors of t's device and dtype.
    Raises ValueError for bad shapes, values or arguments; it names the argument, the rule and the value.

    What it measures: for a deterministic network I(X;T) is infinite; this is H(binned T), because the binned T is a
    function of X. It saturates at log2 n as soon as every row is alone, which happens fast with d and n_bins, and the
    plug-in I(T;Y) then equals H(Y). The bias of H is about -(occupied bins - 1) / (2 n ln 2) bits (Miller 1955); the
    correction helps while states are met several times, and not once most rows are alone. Bins that follow the data
    (own range, quantiles) measure another variable at every epoch: a layer that only grows looks unchanged.
    Time: one sort. A row is numbered exactly while n_bins^d < 2^62, by a 64-bit hash beyond that.

    Source: Shwartz-Ziv and Tishby (2017); Saxe et al. (2018) for fixed widths; Cheng et al. (2018), eq. 3.
    """
    t = inputs.samples("t", t)
    n, d = t.shape[-2:]
    y = inputs.labels("y", y, n, t.device)
    rule = _bin_rule(n_bins, range, bin_width, spacing, per_neuron)
    if correction not in CORRECTIONS:
        raise ValueError(f"correction must be None or 'miller_madow'; got correction={correction!r}.")
    if correction and weights is not None:
        raise ValueError("correction must be None where weights are given; got correction='miller_madow' and weights.")
    shares = _shares(weights, n, t)
    results = t.new_empty(2, math.prod(t.shape[:-2]))
    for entry, rows in enumerate(t.reshape(-1, n, d)):
        results[:, entry] = information_of_states(_codes(rows, *rule(rows)), y, shares, bool(correction))
    return BinnedInformation(*results.reshape(2, *t.shape[:-2]))


def binned_class_information(
    t,
    y,
    *,
    n_classes: int | None = None,
    n_bins: int = 30,
    range: tuple[float, float] | None = None,
    bin_width: float | None = None,
    spacing: str = "equal_width",
    per_neuron: bool = False,
) -> ClassInformation:
    """Each class against all others with H(Y) = 1: a class of n_c samples weighs 1/2, the other n - n_c weigh 1/2.

    t: (..., n, d), leading dimensions are batch. y: (n,) class numbers from 0, below n_classes (None: as many as there
    are). n_bins, range, bin_width, spacing, per_neuron: as `binned_information`.

    Returns `ClassInformation`, NaN for a class that no sample or every sample has. The same numbers as
    `binned_information` with these weights, for all classes from one table of counts. i_xt is at most the entropy of
    the weighted samples, 1 + (log2 n_c + log2 (n - n_c)) / 2.
    Raises ValueError as `binned_information` does. Its biases are those too, and larger: half of all weight lies on the
    n_c samples of one class.

    Source: Cheng et al. (2018), section 4.4.
    """
    t = inputs.samples("t", t)
    n, d = t.shape[-2:]
    y = inputs.labels("y", y, n, t.device)
    n_classes = inputs.class_count("n_classes", n_classes, y)
    rule = _bin_rule(n_bins, range, bin_width, spacing, per_neuron)
    results = t.new_full((2, math.prod(t.shape[:-2]), n_classes), torch.nan)
    classes, y, own = inputs.occurring(y)
    others = n - own
    for entry, rows in enumerate(t.reshape(-1, n, d) if len(classes) > 1 else ()):
        states = _ranks(_codes(rows, *rule(rows)))
        counts = torch.bincount(states * len(own) + y, minlength=len(own) * (int(states.max()) + 1))
        counts = counts.view(-1, len(own)).double()
        of_class, of_rest = counts / own, (counts.sum(1, keepdim=True) - counts) / others
        entropy = _column_entropies((of_class + of_rest) / 2)
        within = (_column_entropies(of_class) + _column_entropies(of_rest)) / 2
        results[:, entry, classes] = torch.stack([entropy, entropy - within]).to(results)
    return ClassInformation(*results.reshape(2, *t.shape[:-2], n_classes))


def _column_entropies(p: Tensor) -> Tensor:
    return torch.special.entr(p).sum(0) / math.log(2)


def _codes(rows: Tensor, digitise: Callable[[Tensor], Tensor], n_levels: int) -> Tensor:
    """One number for every row of bins, (n, d) -> (n,): a few rows at a time, so that no (n, d) of bins is kept."""
    block = max(1, TILE_ELEMENTS // rows.shape[1])
    return torch.cat([_row_codes(digitise(part), n_levels) for part in rows.split(block)])


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


# ------------------------------------------------------------------------------------ from values to bin numbers


def _bin_rule(n_bins, range, bin_width, spacing, per_neuron):
    """What the arguments ask for: from all values (n, d) to a function that digitises rows of them, and the levels."""
    n_bins = inputs.whole("n_bins", n_bins, 1)
    bounds = None if range is None else inputs.interval("range", range)
    if spacing not in SPACINGS:
        raise ValueError(f"spacing must be one of {', '.join(SPACINGS)}; got spacing={spacing!r}.")
    if not isinstance(per_neuron, bool):
        raise ValueError(f"per_neuron must be True or False; got per_neuron={per_neuron!r}.")
    if bin_width is not None:
        bin_width = inputs.positive("bin_width", bin_width)
        if bounds is not None or spacing != "equal_width" or per_neuron:
            raise ValueError(f"bin_width must stand alone, without range, spacing or per_neuron; got {bin_width!r}.")
        return lambda rows: _by_width(rows, bin_width)
    if spacing == "equal_count":
        if bounds is not None:
            raise ValueError(f"range must be None for spacing='equal_count'; got range={range!r}.")
        return lambda rows: _by_count(rows, n_bins, per_neuron)
    if bounds is not None and per_neuron:
        raise ValueError(f"range must be None where per_neuron is True; got range={range!r}.")
    return lambda rows: _by_range(rows, n_bins, bounds, per_neuron)


def _by_range(rows: Tensor, n_bins: int, bounds: tuple[float, float] | None, per_neuron: bool):
    """Equal bins over the range; inner edges belong to the bin above, the top edge to the last bin."""
    low, high = (end.double() for end in (torch.aminmax(rows, dim=0) if per_neuron else torch.aminmax(rows)))
    if bounds is not None:
        if low < bounds[0] or high > bounds[1]:
            raise ValueError(f"t must lie in range={bounds!r}; got values from {float(low)} to {float(high)}.")
        low, high = (torch.full_like(low, end) for end in bounds)
    step = n_bins / torch.where(high > low, high - low, torch.ones_like(low))  # a constant has one state
    return lambda part: ((part.double() - low) * step).long().clamp_(0, n_bins - 1), n_bins


def _by_width(rows: Tensor, width: float):
    first, last = (torch.floor(end.double() / width) for end in torch.aminmax(rows))
    if max(abs(float(first)), abs(float(last))) >= LARGEST:
        raise ValueError(f"bin_width must leave fewer than 2^62 bins; got bin_width={width!r}.")
    return lambda part: (torch.floor(part.double() / width) - first).long(), int(last - first) + 1


def _by_count(rows: Tensor, n_bins: int, per_neuron: bool):
    """Edges at the quantiles k / n_bins of the sorted values, the largest value of each bin but the last."""
    values = rows if per_neuron else rows.reshape(-1, 1)  # (m, features)
    ordered = values.T.sort(dim=1).values.contiguous()  # (features, m)
    places = (torch.arange(1, n_bins, device=rows.device) * ordered.shape[1]) // n_bins - 1
    edges = ordered[:, places.clamp(min=0)].contiguous()

    def digitise(part: Tensor) -> Tensor:
        values = part if per_neuron else part.reshape(-1, 1)
        return torch.searchsorted(edges, values.T.contiguous()).T.reshape(part.shape)

    return digitise, n_bins


# ------------------------------------------------------------------------------------ from rows to information


def information_of_states(codes: Tensor, y: Tensor, shares: Tensor, correct: bool = False) -> Tensor:
    """(H(T), I(T;Y)) in bits of states given by a code each, (n,), class numbers (n,) and shares (n,)."""
    state, y = _ranks(codes), inputs.occurring(y)[1]
    n_classes = int(y.max()) + 1
    entropy_t = _entropy(state, shares, correct)
    entropy_y = _entropy(y, shares, correct)
    entropy_ty = _entropy(_ranks(state * n_classes + y), shares, correct)
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


def _entropy(state: Tensor, shares: Tensor, correct: bool = False) -> Tensor:
    """Entropy in bits of states numbered from 0, each sample weighing its share."""
    p = torch.zeros(int(state.max()) + 1, dtype=torch.float64, device=state.device).index_add_(0, state, shares)
    entropy = torch.special.entr(p).sum() / math.log(2)
    occupied = int((p > 0).sum())
    return entropy + (occupied - 1) / (2 * len(state) * math.log(2)) if correct else entropy
