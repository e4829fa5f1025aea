"""The slow, obvious formulas that judge the fast ones: numpy float64, whole matrices, loops, one quantity at a time."""

from __future__ import annotations

import collections
from itertools import pairwise

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.spatial.distance import pdist
from scipy.special import digamma, gamma, logsumexp

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


# ------------------------------------------------------------------------------------ other ways to bin


def information_of_bins_by_hand(bins, y, correction=None) -> tuple[float, float]:
    """(H(T), I(T;Y)) in bits of rows of bin numbers; Miller and Madow add (states - 1) / (2 n ln 2)."""

    def entropy(rows) -> float:
        rows = np.asarray(rows).reshape(len(rows), -1)
        states = len(np.unique(rows, axis=0))
        added = (states - 1) / (2 * len(rows) * np.log(2)) if correction == "miller_madow" else 0.0
        return plug_in_entropy_in_bits(rows) + added

    of_t, of_y, of_both = (entropy(part) for part in (bins, y, np.column_stack([bins, y])))
    return of_t, of_t + of_y - of_both


def bins_by_width(t, width: float):
    """The k of [k w, (k + 1) w) that holds each value."""
    return np.floor(np.asarray(t, np.float64) / width).astype(int)


def bins_of_each_neuron(t, n_bins: int):
    """Equal bins over each column's own range; inner edges belong to the bin above them."""
    columns = np.asarray(t, np.float64).T
    edges = [np.linspace(column.min(), column.max(), n_bins + 1)[1:-1] for column in columns]
    return np.column_stack([np.digitize(column, inner) for column, inner in zip(columns, edges, strict=True)])


def bins_of_equal_count(t, n_bins: int, per_neuron: bool = False):
    """The bin of each value by its place in the order, for distinct values whose number n_bins divides."""
    t = np.asarray(t, np.float64)
    if per_neuron:
        return np.column_stack([bins_of_equal_count(column[:, None], n_bins) for column in t.T])
    places = np.argsort(np.argsort(t.ravel()))
    return (places // (t.size // n_bins)).reshape(t.shape)


# ------------------------------------------------------------------------------------ neighbours


def ksg_by_loops(x, y, n_neighbors: int, variant: int = 1) -> float:
    """Kraskov et al. (2004), eqs. 8 and 9, in bits: one sample after another; for samples met at most k times."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, terms = len(x), []
    for i in range(n):
        others = np.arange(n) != i
        distance_x = np.abs(x - x[i]).max(1)[others]
        distance_y = np.abs(y - y[i]).max(1)[others]
        joint = np.maximum(distance_x, distance_y)
        nearest = np.argsort(joint)[:n_neighbors]
        radius = joint[nearest[-1]]
        assert radius > 0, "a sample met more than k times has no density"
        if variant == 1:
            n_x, n_y = (distance_x < radius).sum(), (distance_y < radius).sum()
            terms.append(digamma(n_neighbors) - digamma(n_x + 1) - digamma(n_y + 1))
        else:
            n_x, n_y = ((each <= each[nearest].max()).sum() for each in (distance_x, distance_y))
            terms.append(digamma(n_neighbors) - 1 / n_neighbors - digamma(n_x) - digamma(n_y))
    return (digamma(n) + np.mean(terms)) * BITS_PER_NAT


def kozachenko_leonenko_by_loops(x, n_neighbors: int) -> float:
    """psi(n) - psi(k) + mean log of the cube (2 e_i)^d that reaches to the k-th neighbour, in bits."""
    x = np.asarray(x, np.float64)
    n, d = x.shape
    logarithms = []
    for i in range(n):
        distances = np.sort(np.abs(np.delete(x, i, 0) - x[i]).max(1))
        logarithms.append(np.log((2 * distances[n_neighbors - 1]) ** d))
    return (digamma(n) - digamma(n_neighbors) + np.mean(logarithms)) * BITS_PER_NAT


# ------------------------------------------------------------------------------------ distances and histograms


def inter_sample_entropy_by_root(x, n_neighbors: int) -> float:
    """Shen and Shen (2020), eqs. 4 to 6 and 2, in bits: s_i by a root finder, weights in a full n x n matrix."""
    x = np.asarray(x, np.float64)
    n, target = len(x), np.log2(n_neighbors)
    given = np.zeros((n, n))  # P(j|i) in row i
    for i in range(n):
        distances = np.linalg.norm(x - x[i], axis=1)
        distances[i] = np.inf
        nearest = np.argsort(distances)[:n_neighbors]
        near = distances[nearest]
        if (near == 0).sum() >= target:  # the limit s_i -> 0
            given[i, nearest] = near == 0
            continue
        unit = near.mean()

        def excess(logarithm: float, near=near / unit) -> float:
            return np.exp(-near / np.exp(logarithm)).sum() - target

        width = np.exp(brentq(excess, -30, 30, xtol=1e-14))
        given[i, nearest] = np.exp(-near / unit / width)
    p = (given + given.T) / (2 * n)
    p = p[p > 0] / p.sum()
    return float(-(p * np.log2(p)).sum())


def intra_sample_entropy_by_histogram(maps, n_bins: int, bounds=None):
    """Mean over the samples of the entropy of numpy.histogram, for every channel, in bits."""
    maps = np.asarray(maps, np.float64)
    entropies = np.zeros(maps.shape[:2])
    for i in range(maps.shape[0]):
        for channel in range(maps.shape[1]):
            values = maps[i, channel].ravel()
            counts = np.histogram(values, n_bins, range=bounds)[0]
            p = counts[counts > 0] / counts.sum()
            entropies[i, channel] = -(p * np.log2(p)).sum()
    return entropies.mean(0)


def channel_capacity_by_histogram(maps_a, maps_b, n_bins: int):
    """I of the binned distances by numpy.histogram2d, one pair of channels after another, in bits."""

    def distances(maps):
        maps = np.asarray(maps, np.float64)
        return [pdist(maps[:, channel].reshape(len(maps), -1)) for channel in range(maps.shape[1])]

    of_a, of_b = distances(maps_a), distances(maps_b)
    capacity = np.zeros((len(of_a), len(of_b)))
    for row, a in enumerate(of_a):
        for column, b in enumerate(of_b):
            joint = np.histogram2d(a, b, n_bins)[0] / len(a)
            parts = (joint.sum(1), joint.sum(0), joint.ravel())
            entropies = [-(p[p > 0] * np.log2(p[p > 0])).sum() for p in parts]
            capacity[row, column] = entropies[0] + entropies[1] - entropies[2]
    return capacity


def label_entropies_by_hand(y_true, y_predicted, n_classes: int):
    """(H(predicted | true = c), H(true | predicted = c)) for every c from a confusion matrix, NaN where c is absent."""
    confusion = np.zeros((n_classes, n_classes))
    for one, other in zip(y_true, y_predicted, strict=True):
        confusion[one, other] += 1

    def of_row(counts) -> float:
        p = counts[counts > 0] / counts.sum() if counts.sum() else np.array([np.nan])
        return -(p * np.log2(p)).sum()

    return np.array([of_row(row) for row in confusion]), np.array([of_row(column) for column in confusion.T])


# ------------------------------------------------------------------------------------ matrix-based Rényi entropy


def kernel_matrix_of_trace_one(variables, bandwidths):
    """The normalised Hadamard product of one Gaussian kernel matrix a variable, distances from differences of rows."""
    product = 1.0
    for variable, bandwidth in zip(variables, bandwidths, strict=True):
        rows = np.asarray(variable, np.float64)
        squared_distances = ((rows[:, None] - rows[None]) ** 2).sum(-1)
        product = product * np.exp(-squared_distances / (2 * float(bandwidth) ** 2))
    return product / np.trace(product)


def renyi_entropy_by_eigenvalues(variables, bandwidths, alpha: float) -> float:
    """Sanchez Giraldo et al. (2015), definitions 1 and 2, in bits; alpha = 1 is the von Neumann entropy."""
    eigenvalues = np.linalg.eigvalsh(kernel_matrix_of_trace_one(variables, bandwidths))
    eigenvalues = eigenvalues[eigenvalues > 0]
    if alpha == 1:
        return float(-(eigenvalues * np.log2(eigenvalues)).sum())
    return float(np.log2((eigenvalues**alpha).sum()) / (1 - alpha))


def renyi_information_by_eigenvalues(x, maps, bandwidth_x, bandwidths, alpha: float) -> float:
    """Yu et al. (2018), eq. 5, in bits: three entropies one after another."""
    of_x = renyi_entropy_by_eigenvalues([x], [bandwidth_x], alpha)
    of_maps = renyi_entropy_by_eigenvalues(maps, bandwidths, alpha)
    return of_x + of_maps - renyi_entropy_by_eigenvalues([x, *maps], [bandwidth_x, *bandwidths], alpha)


# ------------------------------------------------------------------------------------ exact information


def information_by_counting(states, y, weights=None) -> tuple[float, float]:
    """(H(T), I(T;Y)) in bits, one input after another in a dictionary of whole rows."""
    weights = np.ones(len(states)) if weights is None else np.asarray(weights, np.float64)
    joint = collections.Counter()
    for row, label, weight in zip(states, y, weights, strict=True):
        joint[tuple(int(value) for value in row), int(label)] += weight / weights.sum()
    of_states, of_labels = collections.Counter(), collections.Counter()
    for (state, label), p in joint.items():
        of_states[state] += p
        of_labels[label] += p
    entropies = [-sum(p * np.log2(p) for p in each.values() if p > 0) for each in (of_states, of_labels, joint)]
    return entropies[0], entropies[0] + entropies[1] - entropies[2]


def table_information_by_loops(joint) -> float:
    """sum p(x,y) log2( p(x,y) / p(x) p(y) ), cell after cell."""
    p = np.asarray(joint, np.float64)
    p = p / p.sum()
    total = 0.0
    for row in range(p.shape[0]):
        for column in range(p.shape[1]):
            if p[row, column] > 0:
                total += p[row, column] * np.log2(p[row, column] / (p[row].sum() * p[:, column].sum()))
    return float(total)


def mixture_entropy_by_quadrature(centres, variance: float, weights) -> float:
    """Differential entropy in bits of a weighted mixture of normals on the line, by scipy's adaptive quadrature."""
    centres, weights = np.asarray(centres, np.float64), np.asarray(weights, np.float64)
    centres, weights = centres[weights > 0], weights[weights > 0] / weights.sum()

    def integrand(x: float) -> float:
        kernels = np.exp(-((x - centres) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        density = (kernels * weights).sum()
        return -density * np.log(density) if density > 0 else 0.0

    reach = 12 * np.sqrt(variance)  # the density beyond is below e^-72
    inner = np.unique(np.concatenate([centres - reach, centres, centres + reach]))
    pieces = [quad(integrand, *ends, epsabs=1e-12, limit=200)[0] for ends in pairwise(inner)]
    return sum(pieces) * BITS_PER_NAT


def mixture_information_by_hand(centres, y, variance: float, weights=None) -> tuple[float, float]:
    """(I(X;T+Z), I(T+Z;Y)) in bits: h(T+Z) less h(Z), and less the entropies given the label."""
    centres, y = np.asarray(centres, np.float64), np.asarray(y)
    weights = np.ones(len(centres)) if weights is None else np.asarray(weights, np.float64)
    whole = mixture_entropy_by_quadrature(centres, variance, weights)
    of_noise = np.log2(2 * np.pi * np.e * variance) / 2
    given_y = 0.0
    for label in np.unique(y[weights > 0]):
        own = y == label
        share = weights[own].sum() / weights.sum()
        given_y += share * mixture_entropy_by_quadrature(centres[own], variance, weights[own])
    return whole - of_noise, whole - given_y


# ------------------------------------------------------------------------------------ exact information of samplers


def entropy_of_density(density, ends) -> float:
    """-integral of f log2 f over the pieces between `ends`, by adaptive quadrature."""

    def integrand(x: float) -> float:
        value = density(x)
        return -value * np.log2(value) if value > 0 else 0.0

    return sum(quad(integrand, *piece, epsabs=1e-12, limit=200)[0] for piece in pairwise(ends))


def student_entropy_by_radius(dimension: int, degrees: float) -> float:
    """Entropy in bits of a standard Student t, from its unnormalised radial density q(r) alone."""
    surface = 2 * np.pi ** (dimension / 2) / gamma(dimension / 2)

    def log_q(r: float) -> float:
        return -(degrees + dimension) / 2 * np.log1p(r**2 / degrees)

    def radial(weight) -> float:
        def integrand(u: float) -> float:  # r = e^u: heavy tails become exponential ones
            r = np.exp(u)
            return np.exp(log_q(r)) * weight(r) * r**dimension

        return sum(quad(integrand, *piece, epsabs=1e-13, limit=200)[0] for piece in pairwise(np.arange(-40, 81, 8)))

    total = surface * radial(lambda r: 1.0)
    return (np.log(total) - surface / total * radial(log_q)) * BITS_PER_NAT


def information_on_a_grid(joint_density, density_x, density_y, n_points: int) -> float:
    """I(X;Y) in bits of two real variables by the midpoint rule on the plane, both axes stretched by the tangent."""
    u = (np.arange(n_points) + 0.5) / n_points * np.pi - np.pi / 2
    x, jacobian = np.tan(u), np.pi / n_points / np.cos(u) ** 2
    f = joint_density(x[:, None], x[None, :])
    ratio = np.log2(f) - np.log2(density_x(x))[:, None] - np.log2(density_y(x))[None, :]
    return float((f * ratio * jacobian[:, None] * jacobian[None, :]).sum())
