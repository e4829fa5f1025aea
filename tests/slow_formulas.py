"""The slow, obvious formulas that judge the fast ones: numpy float64, whole matrices, loops, one quantity at a time."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.special import logsumexp

BITS_PER_NAT = 1 / np.log(2)
SCALE_OF_BOUND = {"upper": 2.0, "lower": 8.0}  # k = exp(-distance^2 / (scale v))


def kde_entropy_in_bits(points, variance: float, bound: str) -> float:
    """-1/n sum_i log2( 1/n sum_j k(t_i, t_j) ), every distance taken from a difference of rows."""
    points = np.asarray(points, np.float64)
    n = len(points)
    total = 0.0
    for point in points:
        squared_distances = ((points - point) ** 2).sum(-1)
        total += logsumexp(-squared_distances / (SCALE_OF_BOUND[bound] * variance)) - np.log(n)
    return -total / n * BITS_PER_NAT


def kde_by_hand(points, labels, variance: float, bound: str, n_classes: int):
    """(I(X;T), I(T;Y), [I(T;[Y=c]) for every c]) in bits; an empty class has weight 0."""
    points, labels = np.asarray(points, np.float64), np.asarray(labels)

    def entropy_given(partition) -> float:
        parts = [points[partition == part] for part in np.unique(partition)]
        return sum(len(part) / len(points) * kde_entropy_in_bits(part, variance, bound) for part in parts)

    i_xt = kde_entropy_in_bits(points, variance, bound)
    i_ty = i_xt - entropy_given(labels)
    per_class = [i_xt - entropy_given(labels == c) for c in range(n_classes)]
    return i_xt, i_ty, np.array(per_class)


def mixture_information_by_quadrature(centres, variance: float) -> float:
    """I(X;X+Z) in bits for X uniform on `centres` (1-D) and Z normal: H(mixture) - H(Z), integrated numerically."""
    centres = np.asarray(centres, np.float64)

    def log_density(x: float) -> float:
        exponents = -((x - centres) ** 2) / (2 * variance)
        return logsumexp(exponents) - np.log(len(centres)) - np.log(2 * np.pi * variance) / 2

    def integrand(x: float) -> float:
        return -np.exp(log_density(x)) * log_density(x)

    reach = 12 * np.sqrt(variance)  # the density beyond is below e^-72
    ends = (centres.min() - reach, centres.max() + reach)
    entropy = quad(integrand, *ends, points=np.unique(centres), limit=500, epsabs=1e-9)[0]
    return (entropy - np.log(2 * np.pi * np.e * variance) / 2) * BITS_PER_NAT


def plug_in_entropy_in_bits(rows, weights=None) -> float:
    """Entropy of the rows as they occur: numpy.unique over whole rows."""
    rows = np.asarray(rows).reshape(len(rows), -1)
    weights = np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64)
    _, state = np.unique(rows, axis=0, return_inverse=True)
    p = np.bincount(state.ravel(), weights=weights) / weights.sum()
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())


def binned_by_hand(t, y, n_bins: int, bounds=None, weights=None) -> tuple[float, float]:
    """(H(binned T), I(binned T;Y)) in bits; inner edges belong to the bin above them, the top edge to the last bin."""
    t = np.asarray(t, np.float64)
    low, high = (t.min(), t.max()) if bounds is None else bounds
    bins = np.digitize(t, np.linspace(low, high, n_bins + 1)[1:-1])
    with_label = np.column_stack([bins, y])
    entropy_t, entropy_y, entropy_ty = (plug_in_entropy_in_bits(part, weights) for part in (bins, y, with_label))
    return entropy_t, entropy_t + entropy_y - entropy_ty
