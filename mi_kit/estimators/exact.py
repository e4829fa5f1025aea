"""Exact information, where there is such a thing: of quantised networks, of tables, of mixtures on a line."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from . import binning, inputs

TILE_ELEMENTS = 1 << 20  # kernel values at a time
REACH = 9.0  # standard deviations: the density beyond is below 1e-18 of its peak
APART = 20.0  # standard deviations: centres farther apart than this do not overlap, however far they are
STEPS = 16  # points of the quadrature in a standard deviation


class ExactInformation(NamedTuple):
    """In bits, of the batch shape: i_xt = I(X;T), i_ty = I(T;Y)."""

    i_xt: Tensor
    i_ty: Tensor


def quantise(t, *, n_levels: int = 256, range: tuple[float, float]) -> Tensor:
    """The level 0 .. n_levels - 1 of every activation: equal steps over `range`, values beyond it at its ends, int64.

    t: any shape. A network whose layers put out `quantise(...)` levels is a discrete channel: its I(X;T) is finite and
    can be counted. Raises ValueError for NaN and infinity, n_levels below 2 or above 2^53, and a bad range.
    """
    t = inputs.tensor_of("t", t)
    if t.is_complex():
        raise ValueError(f"t must be real; got dtype={t.dtype}.")
    if (wrong := t[~torch.isfinite(t)]).numel():
        raise ValueError(f"t must be finite; got {inputs.first_of(wrong)}.")
    n_levels, (low, high) = inputs.whole("n_levels", n_levels, 2), inputs.interval("range", range)
    if n_levels > inputs.MOST_IN_FLOAT64:
        raise ValueError(f"n_levels must be at most 2^53, which floats tell apart; got n_levels={n_levels}.")
    if not 1e-290 < high - low < math.inf:
        raise ValueError(f"range must have a width that floats hold; got range={range!r}.")
    return ((t.double() - low) * (n_levels / (high - low))).floor().clamp_(0, n_levels - 1).long()


def exact_information(states, y, *, weights=None) -> ExactInformation:
    """I(X;T) and I(T;Y) of a network whose layer T has discrete states, by counting them, in bits.

    states: (..., n, d), whole numbers (`quantise`), one row for each of the n inputs that there are. y: (n,) class
    numbers from 0. weights: (n,) probabilities of the inputs, None for equal ones.

    Returns `ExactInformation`, float64. For a deterministic network I(X;T) = H(T), and T is a function of X.
    Raises ValueError for bad shapes or values.

    What it measures: the information itself, with no bias, if the n inputs are all there are (the 12-bit patterns).
    On a sample of the inputs it is the plug-in estimate with that one's bias: see `binned_information`.
    Time: a sort for every few features; rows are numbered without hashing.

    Source: the definitions; Lorenzen, Igel and Nielsen (2022) make the case for quantised networks.
    """
    states = inputs.tensor_of("states", states)
    if states.is_complex():
        raise ValueError(f"states must hold whole numbers; got dtype={states.dtype}.")
    if states.is_floating_point() and (wrong := states[~torch.isfinite(states) | (states % 1 != 0)]).numel():
        raise ValueError(f"states must hold whole numbers; got {inputs.first_of(wrong)}.")
    if states.is_floating_point() and states.numel() and states.abs().max() >= 2**62:
        states = torch.unique(states, return_inverse=True)[1]  # only which are equal matters
    whole = states.long()
    if whole.ndim < 2 or whole.shape[-1] < 1 or whole.shape[-2] < 2:
        raise ValueError(
            f"states must have the shape (..., n, d) with n >= 2 and d >= 1; got shape={tuple(whole.shape)}."
        )
    batch, (n, d) = whole.shape[:-2], whole.shape[-2:]
    y = inputs.labels("y", y, n, whole.device)
    shares = binning._shares(weights, n, whole)
    found = [binning.information_of_states(_numbered(rows), y, shares) for rows in whole.reshape(-1, n, d)]
    results = torch.stack(found, 1) if found else torch.zeros(2, 0, dtype=torch.float64)
    return ExactInformation(*results.reshape(2, *batch))


def _numbered(rows: Tensor) -> Tensor:
    """One number a distinct row, (n, d) -> (n,), without a hash: as many columns at a time as fit into 62 bits."""
    state, n_states = torch.zeros(len(rows), dtype=torch.int64, device=rows.device), 1
    for column in rows.T:
        levels = column - column.min()
        size = int(levels.max()) + 1
        if size > len(rows):
            size, levels = _renumbered(levels)
        if n_states * size >= 2**62:
            n_states, state = _renumbered(state)
        state = state * size + levels
        n_states *= size
    return state


def _renumbered(state: Tensor) -> tuple[int, Tensor]:
    values, places = torch.unique(state, return_inverse=True)
    return len(values), places


def discrete_information(joint) -> Tensor:
    """I(X;Y) of a table of joint probabilities p(x, y), or of counts, in bits.

    joint: (..., values of x, values of y), at least 0, each table with a positive sum (it is divided by it).
    Returns a tensor (...), float64. Exact for probabilities; for counts it is the plug-in estimate, biased upward by
    about (rows - 1)(columns - 1) / (2 n ln 2) bits. Raises ValueError for bad shapes or values.
    Source: the definition, H(X) + H(Y) - H(X, Y).
    """
    joint = inputs.tensor_of("joint", joint)
    if joint.is_complex():
        raise ValueError(f"joint must be real; got dtype={joint.dtype}.")
    if joint.ndim < 2 or 0 in joint.shape[-2:]:
        raise ValueError(f"joint must have the shape (..., rows, columns); got shape={tuple(joint.shape)}.")
    p = joint.double()
    if (wrong := p[~torch.isfinite(p) | (p < 0)]).numel():
        raise ValueError(f"joint must be finite and at least 0; got {inputs.first_of(wrong)}.")
    p = p * inputs.unit_of(p)  # the sum of large numbers is none
    totals = p.sum((-2, -1), keepdim=True)
    if (totals <= 0).any():
        raise ValueError("joint must have a positive sum in every table; got a sum of 0.")
    p = p / totals
    parts = [torch.special.entr(each).flatten(p.ndim - 2).sum(-1) for each in (p.sum(-1), p.sum(-2), p)]
    return (parts[0] + parts[1] - parts[2]) / math.log(2)


def mixture_information(
    centres, y, *, noise_variance: float = 0.1, weights=None, tile_elements: int = TILE_ELEMENTS
) -> ExactInformation:
    """I(X;T+Z) and I(T+Z;Y) of one neuron: T = t_i with probability w_i, Z Gaussian, by quadrature, in bits.

    I(X;T+Z) = h(T+Z) - h(Z), and h is integrated over the mixture's density: what `kde_information` encloses.
    centres: (..., n, 1), the activations t_i. y: (n,) class numbers from 0. noise_variance: of Z, larger than 0.
    weights: (n,), None for equal ones. tile_elements: how many kernel values are held at a time.

    Returns `ExactInformation`, float64, right to about 1e-9 bits.
    Raises ValueError for bad shapes or values, and for more than one feature: quadrature is for one dimension.

    Method: the trapezoidal rule, which converges exponentially for a smooth density that vanishes at both ends, with 16
    points in a standard deviation, on the places within 9 standard deviations of some centre.
    Source: the definition; Kolchinsky and Tracey (2017) for the bounds around it.
    """
    centres = inputs.samples("centres", centres)
    if centres.shape[-1] != 1:
        raise ValueError(f"centres must have one feature, (..., n, 1); got shape={tuple(centres.shape)}.")
    batch, n = centres.shape[:-2], centres.shape[-2]
    y = inputs.labels("y", y, n, centres.device)
    noise_variance = inputs.positive("noise_variance", noise_variance)
    shares = binning._shares(weights, n, centres)
    tile_elements = inputs.whole("tile_elements", tile_elements, 1)
    classes = [y == c for c in y.unique()]
    found = []
    for one in _places(centres.double().reshape(-1, n), math.sqrt(noise_variance)):
        whole = _mixture_entropy(one, shares, tile_elements)
        given = [
            shares[own].sum() * _mixture_entropy(one[own], shares[own] / shares[own].sum(), tile_elements)
            for own in classes if shares[own].sum() > 0
        ]  # fmt: skip
        of_noise = math.log2(2 * math.pi * math.e) / 2
        found.append(torch.stack([whole - of_noise, whole - sum(given)]))
    results = torch.stack(found, 1) if found else torch.zeros(2, 0, dtype=torch.float64)
    return ExactInformation(*results.reshape(2, *batch))


def _places(centres: Tensor, deviation: float) -> Tensor:
    """The centres (batch, n) in standard deviations from the lowest, gaps in which no density is cut short.

    The entropy of the mixture stays, and no grid is too wide or too far from 0 for its points to differ.
    """
    ordered, order = centres.sort(-1)
    gaps = (ordered.diff(dim=-1, prepend=ordered[:, :1]) / deviation).clamp(max=APART)
    return torch.empty_like(centres).scatter_(-1, order, gaps.cumsum(-1))


def _mixture_entropy(centres: Tensor, shares: Tensor, tile_elements: int) -> Tensor:
    """Differential entropy of the mixture of unit normals at the centres, (n,), in bits."""
    width = round(REACH * STEPS)
    near = torch.unique((centres * STEPS).round())  # grid points next to a centre
    offsets = torch.arange(-width, width + 1, device=centres.device)
    grid = torch.cat([torch.unique((part[:, None] + offsets).flatten()) for part in near.split(4096)]).unique() / STEPS
    entropy = centres.new_zeros(())
    for points in grid.split(max(1, tile_elements // len(centres))):
        kernels = torch.exp(-((points[:, None] - centres) ** 2) / 2)
        density = kernels @ shares / math.sqrt(2 * math.pi)
        entropy += torch.special.entr(density).sum()
    return entropy / STEPS / math.log(2)
