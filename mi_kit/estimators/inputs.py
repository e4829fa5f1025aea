"""Checks that every estimator makes of its input, and what a saturated estimate is."""

from __future__ import annotations

import math
import numbers

import numpy as np
import torch
from torch import Tensor


def samples(name: str, value, *, min_samples: int = 2) -> Tensor:
    """`value` as a floating tensor (..., n, d) without gradient.

    Half precision becomes float32 (estimates are never computed in it), integers and booleans too.
    Raises ValueError for complex or non-numeric values, fewer than two dimensions, fewer than `min_samples` samples,
    no features, NaN and infinity.
    """
    tensor = tensor_of(name, value)
    if tensor.is_complex():
        raise ValueError(f"{name} must be real; got dtype={tensor.dtype}.")
    if tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.float()
    if tensor.ndim < 2 or tensor.shape[-1] < 1:
        raise ValueError(f"{name} must have the shape (..., n, d) with d >= 1; got shape={tuple(tensor.shape)}.")
    if tensor.shape[-2] < min_samples:
        raise ValueError(f"{name} must have at least {min_samples} samples; got n={tensor.shape[-2]}.")
    if tensor.numel() and not torch.isfinite(torch.stack(torch.aminmax(tensor))).all():  # both carry a NaN on
        raise ValueError(f"{name} must be finite; got {int((~torch.isfinite(tensor)).sum())} NaN or infinite values.")
    return tensor


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
    if tensor.is_floating_point() and (wrong := tensor[~torch.isfinite(tensor) | (tensor % 1 != 0)]).numel():
        raise ValueError(f"{name} must hold whole numbers; got {float(wrong[0])} among them.")
    tensor = tensor.long()
    if tensor.min() < 0:
        raise ValueError(f"{name} must hold class numbers from 0; got the smallest {int(tensor.min())}.")
    return tensor


def class_count(name: str, value: int | None, y: Tensor) -> int:
    """The number of classes: given, or one more than the largest label."""
    return int(y.max()) + 1 if value is None else whole(name, value, int(y.max()) + 1)


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
    """`value` as a tensor without gradient; ValueError for what is not numbers."""
    try:
        if isinstance(value, np.ndarray):  # torch takes neither negative strides nor foreign byte order
            value = np.ascontiguousarray(value, value.dtype.newbyteorder("=")).reshape(value.shape)
        return torch.as_tensor(value).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be a tensor or an array of numbers; got {type(value).__name__}.") from error


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
    """H(Y) of the labels as they occur, in bits."""
    counts = torch.bincount(tensor_of("y", y).long())
    shares = counts[counts > 0].double() / counts.sum()
    return float(-(shares * shares.log2()).sum()) + 0.0  # + 0.0 turns -0.0 into 0.0


def at_bound(value, upper: float, lower: float = 0.0, *, tolerance: float = 0.05) -> Tensor:
    """Whether an estimate sits at the end of its scale: within `tolerance` bits of `upper` or of `lower`.

    value: any shape, bits. upper: log2 n for I(X;T), H(Y) for I(T;Y). Returns booleans of the same shape.
    An estimate at a bound says how many samples there are, not what the network does.
    """
    tensor = torch.as_tensor(value)
    return (tensor >= upper - tolerance) | (tensor <= lower + tolerance)


def total_variance(t: Tensor) -> Tensor:
    """Mean squared distance of samples from their mean, (..., n, d) -> (...); 1 where they are all the same.

    The scale of a representation: noise or a squared bandwidth that is a share of it does not change with the scale.
    """
    mean = t.mean(-2, keepdim=True)
    total = (t - mean).square().sum(-1).mean(-1)
    return torch.where(_is_small(total, mean), torch.ones_like(total), total)


def is_constant(t: Tensor) -> Tensor:
    """Whether all samples of (..., n, d) are the same, to rounding: booleans (...)."""
    mean = t.mean(-2, keepdim=True)
    return _is_small((t - mean).square().sum(-1).mean(-1), mean)


def _is_small(total: Tensor, mean: Tensor) -> Tensor:
    return total <= 1e-12 * mean.square().sum((-2, -1))
