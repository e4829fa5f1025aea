"""Checks that every estimator makes of its input, and what a saturated estimate is."""

from __future__ import annotations

import math
import numbers

import numpy as np
import torch
from torch import Tensor

MOST_CLASSES = 1 << 20  # where a result has one number a class
MOST_IN_FLOAT32, MOST_IN_FLOAT64 = 2**24, 2**53  # up to here a float holds every integer


def samples(name: str, value, *, min_samples: int = 2) -> Tensor:
    """`value` as a floating tensor (..., n, d) without gradient.

    Half precision becomes float32 (estimates are never computed in it), integers and booleans too, or float64 where
    float32 does not hold them.
    Raises ValueError for complex or non-numeric values, fewer than two dimensions, fewer than `min_samples` samples,
    no features, NaN and infinity, and integers that float64 does not hold.
    """
    tensor = tensor_of(name, value)
    if tensor.is_complex():
        raise ValueError(f"{name} must be real; got dtype={tensor.dtype}.")
    if tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.float() if tensor.is_floating_point() else _floats_of(name, tensor)
    if tensor.ndim < 2 or tensor.shape[-1] < 1:
        raise ValueError(f"{name} must have the shape (..., n, d) with d >= 1; got shape={tuple(tensor.shape)}.")
    if tensor.shape[-2] < min_samples:
        raise ValueError(f"{name} must have at least {min_samples} samples; got n={tensor.shape[-2]}.")
    if tensor.numel() and not torch.isfinite(torch.stack(torch.aminmax(tensor))).all():  # both carry a NaN on
        raise ValueError(f"{name} must be finite; got {int((~torch.isfinite(tensor)).sum())} NaN or infinite values.")
    return tensor


def _floats_of(name: str, integers: Tensor) -> Tensor:
    """In float32, or in float64 where that tells integers apart that float32 does not."""
    if not integers.numel() or integers.dtype in (torch.bool, torch.uint8, torch.int8, torch.int16):
        return integers.float()
    floats = integers.double()
    largest = float(floats.abs().max())
    if largest >= MOST_IN_FLOAT64:
        raise ValueError(f"{name} must hold integers below 2^53, which floats hold; got {largest:.17g} among them.")
    return floats.float() if largest <= MOST_IN_FLOAT32 else floats


def labels(name: str, value, n_samples: int, device) -> Tensor:
    """`value` as int64 class numbers from 0, (n,).

    Raises ValueError for another length, more than one dimension, or labels that are not whole numbers from 0.
    """
    tensor = tensor_of(name, value).to(device)
    if tensor.ndim != 1 or len(tensor) != n_samples:
        raise ValueError(f"{name} must have the shape ({n_samples},); got shape={tuple(tensor.shape)}.")
    if n_samples < 1:
        raise ValueError(f"{name} must hold at least one label; got n=0.")
    if tensor.is_complex():
        raise ValueError(f"{name} must hold whole numbers; got dtype={tensor.dtype}.")
    if tensor.is_floating_point() and (wrong := tensor[(tensor % 1 != 0) | (tensor.abs() >= 2**63)]).numel():
        raise ValueError(f"{name} must hold whole numbers; got {float(wrong[0])} among them.")
    tensor = tensor.long()
    if tensor.min() < 0:
        raise ValueError(f"{name} must hold class numbers from 0; got the smallest {int(tensor.min())}.")
    return tensor


def class_count(name: str, value: int | None, y: Tensor, of: str = "y") -> int:
    """The number of classes: given, or one more than the largest label of the argument `of`."""
    largest = int(y.max())
    if largest >= MOST_CLASSES:
        raise ValueError(
            f"{of} must hold class numbers below {MOST_CLASSES:,} (torch.unique(y, return_inverse=True)[1] numbers the "
            f"classes that occur); got {largest}."
        )
    count = largest + 1 if value is None else whole(name, value, largest + 1)
    if count > MOST_CLASSES:
        raise ValueError(f"{name} must be at most {MOST_CLASSES:,}; got {name}={value!r}.")
    return count


def occurring(y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The classes that occur (c,), the place of every sample's among them (n,), how many samples each has (c,)."""
    if int(y.max()) >= max(len(y), MOST_CLASSES):
        return torch.unique(y, return_inverse=True, return_counts=True)
    counts = torch.bincount(y)  # a tenth of the time of sorting
    classes = counts.nonzero()[:, 0]
    places = y if len(classes) == len(counts) else ((counts > 0).cumsum(0) - 1)[y]
    return classes, places, counts[classes]


def whole(name: str, value: int, least: int) -> int:
    """An integer of at least `least`; ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}; got {name}={value!r}.")
    return int(value)


def interval(name: str, given) -> tuple[float, float]:
    """Two finite numbers, the smaller first; ValueError otherwise."""
    try:
        low, high = map(float, given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be two finite numbers, the smaller first; got {name}={given!r}.") from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"{name} must be two finite numbers, the smaller first; got {name}={given!r}.")
    return low, high


def tensor_of(name: str, value) -> Tensor:
    """`value` as a dense tensor without gradient: of Python's numbers float64, of a table its values without the index.

    ValueError for what is not numbers, and for sparse, nested, quantised and meta tensors and masked values.
    """
    if isinstance(value, Tensor):
        return _dense(name, value)
    if np.ma.is_masked(value):
        raise ValueError(f"{name} must have no masked values; got {int(np.ma.getmaskarray(value).sum())} of them.")
    kind = type(value).__name__
    try:
        if hasattr(value, "to_numpy"):  # pandas and others: torch would ask for value[0], which is a label there
            value = value.to_numpy()
            value = value.tolist() if value.dtype == object else value  # columns of several kinds
        if isinstance(value, np.ndarray):  # torch wants an own, plain array: as tables never give it
            return torch.as_tensor(np.require(value, value.dtype.newbyteorder("="), ["C", "W", "E"]))
        tensor = torch.as_tensor(value).detach()
        return torch.as_tensor(value, dtype=torch.float64).detach() if tensor.dtype == torch.float32 else tensor
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be a tensor or an array of numbers; got {kind}.") from error


def doubles(name: str, value) -> Tensor:
    """`value` in float64; ValueError for what is not real numbers."""
    tensor = tensor_of(name, value)
    if tensor.is_complex():
        raise ValueError(f"{name} must be real; got dtype={tensor.dtype}.")
    return tensor.double()


def _dense(name: str, tensor: Tensor) -> Tensor:
    """A tensor whose numbers are all there, without gradient."""
    kinds = {
        "sparse": tensor.layout not in (torch.strided, torch.jagged), "nested": tensor.is_nested,
        "meta": tensor.is_meta, "quantised": tensor.is_quantized,
        "masked": torch.masked.is_masked_tensor(tensor),
    }  # fmt: skip
    if wrong := [kind for kind, found in kinds.items() if found]:
        raise ValueError(f"{name} must be a dense tensor of numbers; got a {wrong[0]} one.")
    return tensor.detach()


def positive(name: str, value) -> float:
    """A finite number larger than 0; ValueError otherwise."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be finite and larger than 0; got {name}={value!r}.")
    return float(value)


def first_of(values: Tensor) -> str:
    """The first of some wrong values, for a message."""
    return f"{values.flatten()[0].item()} among them"


def label_entropy(y) -> float:
    """H(Y) of the labels as they occur, (n,) whole numbers from 0, in bits. ValueError for other labels and none."""
    y = tensor_of("y", y)
    y = labels("y", y, len(y) if y.ndim else 0, y.device)
    shares = occurring(y)[2].double() / len(y)
    return float(-(shares * shares.log2()).sum()) + 0.0  # + 0.0 turns -0.0 into 0.0


def at_bound(value, upper: float, lower: float = 0.0, *, tolerance: float = 0.05) -> Tensor:
    """Whether an estimate sits at the end of its scale: within `tolerance` bits of `upper` or of `lower`.

    value: any shape, bits. upper: log2 n for I(X;T), H(Y) for I(T;Y). Returns booleans of the same shape.
    An estimate at a bound says how many samples there are, not what the network does.
    """
    value, upper, lower = tensor_of("value", value), tensor_of("upper", upper), tensor_of("lower", lower)
    return (value >= upper - tolerance) | (value <= lower + tolerance)


def total_variance(t) -> Tensor:
    """Mean squared distance of samples from their mean, (..., n, d) -> (...); 1 where they are all the same.

    The scale of a representation: noise or a squared bandwidth that is a share of it does not change with the scale.
    Raises ValueError for bad shapes or values, and where the dtype does not hold the variance.
    """
    t = samples("t", t, min_samples=1)
    total, constant, unit = _spread(t)
    total = torch.where(constant, torch.ones_like(total), total / unit / unit)
    if not (torch.isfinite(total) & (total > 0)).all():
        raise ValueError(f"t must have a variance that {t.dtype} holds; got values up to {float(t.abs().max()):g}.")
    return total


def is_constant(t) -> Tensor:
    """Whether all samples of (..., n, d) are the same, to rounding: booleans (...)."""
    return _spread(samples("t", t, min_samples=1))[1]


def _spread(t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Total variance in some unit, whether it is only rounding (twice the spacing of floats), and the unit: (...)."""
    unit = unit_of(t)
    scaled = t * unit
    first = scaled[..., :1, :].clone()
    scaled -= first  # exact where values are near each other, however far from 0
    mean = scaled.mean(-2, keepdim=True)
    of_feature = (scaled - mean).square().mean(-2)
    rounding = (2 * torch.finfo(t.dtype).eps * (mean + first)[..., 0, :]).square()
    return of_feature.sum(-1), (of_feature <= rounding).all(-1), unit[..., 0, 0]


def unit_of(t: Tensor) -> Tensor:
    """A power of two for every (n, d) of (..., n, d) that brings its largest value near 1: (..., 1, 1).

    Multiplied by it no digit changes, and squares neither overflow nor vanish.
    """
    if not t.numel():
        return t.new_ones(*t.shape[:-2], 1, 1)
    largest = torch.maximum(t.amax((-2, -1), keepdim=True), -t.amin((-2, -1), keepdim=True))
    reach = 126 if t.dtype == torch.float32 else 1022  # of exponents, so that the power is a normal number too
    exponent = torch.frexp(largest).exponent.clamp(-reach, reach)
    return torch.ldexp(torch.ones_like(largest), -exponent)
