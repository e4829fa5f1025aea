"""Pairwise kernel bounds on the entropy of activations with Gaussian noise (Kolchinsky and Tracey 2017)."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..rounding import same_rounding
from . import inputs

BOUNDS = ("upper", "lower", "both")
TILE_ELEMENTS = 1 << 18  # of kernel values at a time: 1 MB in float32, which stays in a core's cache
FLOOR = -40.0
ROUNDING = 2e-5  # largest error of an exponent in float32; the estimates are then right to 1e-4 bits (measured)


class KdeInformation(NamedTuple):
    """Estimates in bits. With several noise variances, a leading axis numbers them.

    i_xt: (..., ) I(X;T). i_ty: (...) I(T;Y). i_ty_per_class: (..., classes) I(T;[Y=c]), one class against the rest.
    """

    i_xt: Tensor
    i_ty: Tensor
    i_ty_per_class: Tensor


class KdeBounds(NamedTuple):
    """Both bounds, each a `KdeInformation`."""

    lower: KdeInformation
    upper: KdeInformation


def kde_information(
    t,
    y,
    *,
    noise_variance: float | Sequence[float] | Tensor = 0.1,
    bound: str = "upper",
    n_classes: int | None = None,
    tile_elements: int = TILE_ELEMENTS,
) -> KdeInformation | KdeBounds:
    """I(X;T+Z), I(T+Z;Y) and I(T+Z;[Y=c]) of activations t with Gaussian noise Z of the given variance, in bits.

    I(X;T+Z) = -1/n sum_i log2( 1/n sum_j k(t_i, t_j) ), k = exp(-|t_i - t_j|^2 / (2 v)) for the upper bound of the
    mixture's entropy and exp(-|t_i - t_j|^2 / (8 v)) for the lower one;
    I(T+Z;Y) = H(T+Z) - sum_y p(y) H(T+Z|y), both entropies under the same bound.

    t: (..., n, d), leading dimensions are batch (seeds, epochs, kernels). y: (n,) class numbers from 0.
    noise_variance: v, or several: all from one pass over the pairs, on a leading axis of the results. A tensor of shape
    (several, ...) with t's batch dimensions gives every entry of the batch its own.
    bound: "upper", "lower" or "both" (a `KdeBounds`). n_classes: None takes the largest label plus one.
    tile_elements: how many kernel values are held at a time; the answer does not depend on it.

    Returns `KdeInformation`, its tensors of t's device and dtype.
    Raises ValueError for bad shapes, values or arguments; it names the argument, the rule and the value.

    What it measures: a deterministic network has infinite I(X;T) for continuous X; this is the information that is
    left under noise of variance v, and it depends on v and on the scale of T as much as on the network. The bounds
    hold for I(X;T) of the empirical distribution, which is at most log2 n: at small v, or in high dimension, every
    sample is alone and the estimate sits at log2 n (see `at_bound`). I(T;Y) is a difference of two bounds and bounds
    nothing by itself. Memory: linear in n at a fixed tile. No gradient.

    Source: Kolchinsky and Tracey, Estimating mixture entropy with pairwise distances, Entropy 19:361 (2017), eqs. 10,
    20 and 22; used by Saxe et al. (2018) and Fang et al. (2018, eqs. 3 to 5, with weights c = 1/n).
    """
    t = inputs.samples("t", t)
    y = inputs.labels("y", y, t.shape[-2], t.device)
    n_classes = inputs.class_count("n_classes", n_classes, y)
    if bound not in BOUNDS:
        raise ValueError(f"bound must be one of {', '.join(BOUNDS)}; got bound={bound!r}.")
    tile_elements = inputs.whole("tile_elements", tile_elements, 1)

    batch, (n, d) = t.shape[:-2], t.shape[-2:]
    variances, several = _variances(noise_variance, batch)  # (several, batch flattened)
    with torch.no_grad(), _full_precision(t.device.type):
        classes, y, _ = inputs.occurring(y)  # a class that never occurs costs nothing
        sums = _class_sums(t.reshape(-1, n, d), y, variances, bound, tile_elements)
        shape = (len(variances), *batch) if several else batch
        # one: (variances, batch, n, classes)
        results = [_information(one, y, shape, classes, n_classes) for one in sums]
    return KdeBounds(*results) if bound == "both" else results[0]


def _variances(noise_variance, batch: tuple[int, ...]) -> tuple[Tensor, bool]:
    """(several, batch flattened), float64 on the CPU, and whether the caller asked for several."""
    rule = f"noise_variance must be finite and larger than 0: a number, several, or a tensor (several, *{tuple(batch)})"
    try:
        given = inputs.doubles("noise_variance", noise_variance).cpu()
    except ValueError as error:
        raise ValueError(f"{rule}; got noise_variance={noise_variance!r}.") from error
    fits = given.ndim <= 1 or given.shape[1:] == batch
    if not fits or not given.numel() or not (torch.isfinite(given) & (given > 0)).all():
        raise ValueError(f"{rule}; got noise_variance={noise_variance!r}.")
    each = given.reshape(-1, 1) if given.ndim <= 1 else given.reshape(len(given), -1)
    return each.expand(len(each), math.prod(batch)), given.ndim > 0


def _information(sums: Tensor, y: Tensor, shape: tuple[int, ...], classes: Tensor, n_classes: int) -> KdeInformation:
    """From sum_j k(t_i, t_j) [y_j = c] for every i and every c of the `classes` that occur to the informations."""
    n = len(y)
    is_class = torch.nn.functional.one_hot(y, len(classes)).to(sums.dtype)  # (n, classes)
    counts = is_class.sum(0)
    apart = 1 - torch.eye(len(classes), dtype=sums.dtype, device=sums.device)
    rest = sums @ apart  # no cancellation, unlike all - own
    entropy_t = -torch.log2(sums.sum(-1) / n).mean(-1)
    # each class: p(c) H(T|c) = -1/n sum_{i in c} log2(own sum / n_c)
    own = (torch.log2(sums / counts) * is_class).nan_to_num(0.0, neginf=0.0).sum(-2) / n
    others = (torch.log2(rest / (n - counts).clamp(min=1)) * (1 - is_class)).nan_to_num(0.0, neginf=0.0).sum(-2) / n
    per_class = sums.new_zeros(*entropy_t.shape, n_classes)
    per_class[..., classes] = entropy_t.unsqueeze(-1) + own + others
    of_all = (entropy_t, entropy_t + own.sum(-1))
    return KdeInformation(*(each.reshape(shape) for each in of_all), per_class.reshape(*shape, n_classes))


def _class_sums(t: Tensor, y: Tensor, variances: Tensor, bound: str, tile_elements: int):
    """For each bound wanted: (variances, batch, n, classes), the sum over class c of k(t_i, t_j)."""
    n_bounds = 2 if bound == "both" else 1
    (n_batch, n, _), n_classes = t.shape, int(y.max()) + 1
    sums = [t.new_zeros(len(variances), n_batch, n, n_classes) for _ in range(n_bounds)]
    order, parts = _parts(y, n_batch, tile_elements)
    t, is_class = t[:, order], torch.nn.functional.one_hot(y[order], n_classes).to(t.dtype)
    step = max(1, tile_elements // max(len(part.range) for part in parts) ** 2)  # small ones: several of the batch
    for first in range(0, n_batch, step):
        some = slice(first, first + step)
        unit = inputs.unit_of(t[some])
        points = t[some] * unit
        points -= points.mean(1, keepdim=True)  # centred: the product below rounds less
        in_units = variances[:, some] * unit[:, 0, 0].cpu().double() * unit[:, 0, 0].cpu().double()
        points = points.double() if _needs_double(points, in_units.amin(0)) else points
        in_units = in_units.clamp(min=torch.finfo(t.dtype).tiny).to(t)[..., None, None]
        norms = torch.linalg.vector_norm(points, dim=-1).square_()  # (batch, n)
        for i, a in enumerate(parts):
            for b in parts[i:]:
                halves = _minus_half_squared_distances(points, norms, a.rows, b.rows).to(t.dtype)
                for v, variance in enumerate(in_units):
                    kernels = _kernels(halves, variance, bound)
                    for sum_of, kernel in zip(sums, kernels, strict=True):
                        _add(sum_of[v, some], kernel, a, b, is_class)
    inverse = torch.argsort(order)
    return [sum_of[:, :, inverse] for sum_of in sums]


class _Part(NamedTuple):
    """Some neighbouring samples: their places, and their class where all are of one."""

    range: range
    of_class: int | None

    @property
    def rows(self) -> slice:
        return slice(self.range.start, self.range.stop)


def _parts(y: Tensor, n_batch: int, tile_elements: int) -> tuple[Tensor, list[_Part]]:
    """An order of the samples, and neighbours in it that make a tile.

    Where a tile is still large enough, the classes stand together, each in parts of its own: its sums are then sums of
    rows, which take half the time of products with one-hot labels.
    """
    n, tile = len(y), max(1, min(len(y), math.isqrt(tile_elements)))
    counts = torch.bincount(y).tolist()
    pairs = min(tile, n // sum(count > 0 for count in counts)) ** 2  # in a tile of two classes
    if 4 * pairs * min(n_batch, tile_elements // max(1, pairs)) < tile_elements:
        return torch.arange(n, device=y.device), [_Part(each, None) for each in _pieces(0, n, tile)]
    parts, start = [], 0
    for c, count in enumerate(counts):
        parts += [_Part(each, c) for each in _pieces(start, count, tile)]
        start += count
    return torch.argsort(y, stable=True), parts


def _pieces(start: int, length: int, most: int) -> list[range]:
    """`length` numbers from `start` on, in pieces of nearly equal length."""
    n_pieces = -(-length // most)
    ends = [start + length * k // n_pieces for k in range(n_pieces + 1)] if n_pieces else []
    return [range(a, b) for a, b in itertools.pairwise(ends)]


def _add(sum_of: Tensor, kernel: Tensor, a: _Part, b: _Part, is_class: Tensor) -> None:
    """Add the kernel (batch, |a|, |b|) of two parts to the sums (batch, n, classes) of both."""
    if a.of_class is None:
        sum_of[:, a.rows] += kernel @ is_class[b.rows]
        if a is not b:
            sum_of[:, b.rows] += (is_class[a.rows].T @ kernel).transpose(1, 2)
        return
    sum_of[:, a.rows, b.of_class] += kernel.sum(2)
    if a is not b:
        sum_of[:, b.rows, a.of_class] += kernel.sum(1)


def _minus_half_squared_distances(points: Tensor, norms: Tensor, rows: slice, columns: slice) -> Tensor:
    """-|a_i - b_j|^2 / 2 as a_i b_j - |a_i|^2/2 - |b_j|^2/2; exactly 0 for a point and itself."""
    halves = torch.bmm(points[:, rows], points[:, columns].transpose(1, 2))
    halves.sub_(norms[:, rows, None], alpha=0.5).sub_(norms[:, None, columns], alpha=0.5).clamp_(max=0)
    if rows == columns:
        halves.diagonal(dim1=1, dim2=2).zero_()
    return halves


def _kernels(halves: Tensor, variance: Tensor, bound: str) -> list[Tensor]:
    """The kernel of each bound wanted, lower first: one exponential serves both (upper = lower to the 4th power).

    Exponents are floored where the kernel is below 1e-17 of the self-kernel 1: sums do not change, and no subnormal
    number, which would cost ten times a normal one, is ever made.
    """
    if bound == "upper":
        return [(halves / variance).clamp_(min=2 * FLOOR).exp_()]
    lower = (halves / (4 * variance)).clamp_(min=FLOOR).exp_()
    return [lower] if bound == "lower" else [lower, lower.square().clamp_(min=math.exp(FLOOR)).square_()]


def _needs_double(points: Tensor, variance: float | Tensor) -> bool:
    """Whether the product of float32 activations (batch, n, d) must be taken in float64. variance: one, or (batch,).

    Its rounding error is about eps |t|^2, and reaches the exponent divided by 2 v. The rest of the pass stays in
    float32: only distances suffer from the cancellation.
    """
    if points.dtype == torch.float64 or points.device.type == "mps":
        return False
    largest = torch.linalg.vector_norm(points, dim=-1).amax(-1).cpu().double().square()
    return bool((torch.finfo(points.dtype).eps * largest / (2 * variance) > ROUNDING).any())


@contextlib.contextmanager
def _full_precision(device_type: str):
    """No autocast and no TF32 in here, whatever the session allows."""
    with same_rounding(torch.device(device_type)), torch.autocast(device_type, enabled=False):
        yield
