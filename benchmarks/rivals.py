"""The formulas and libraries that people use today, written as plainly as they are there. All answers in bits.

Each takes a case's data as numpy arrays (float64) or as tensors, and returns the numbers that ours returns, flat.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.integrate import quad
from scipy.sparse import csr_array
from scipy.spatial.distance import pdist
from scipy.special import digamma, logsumexp
from sklearn.feature_selection import mutual_info_regression
from sklearn.feature_selection._mutual_info import _compute_mi_cc
from sklearn.metrics import confusion_matrix
from sklearn.neighbors import BallTree, KDTree, NearestNeighbors
from torch import Tensor

LN2 = math.log(2)

# ------------------------------------------------------------------------------------ kernel bounds

DIVISORS = {"upper": 2, "lower": 8}


def kde_by_numpy(t: np.ndarray, y: np.ndarray, noise_variance: float) -> list[float]:
    """One full matrix of squared distances, then one logsumexp for every quantity, as in the public code of Saxe et al.

    H(T), H(T|c) of every class c and H(T|not c), each for both bounds.
    """
    squares = np.sum(np.square(t), axis=1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * t @ t.T, 0)

    def entropy(rows, divisor):
        part = distances if rows is None else distances[np.ix_(rows, rows)]
        return -np.mean(logsumexp(-part / (divisor * noise_variance), axis=1) - np.log(len(part))) / LN2

    return [value for divisor in DIVISORS.values() for value in _kde_quantities(entropy, y, divisor)]


def kde_by_torch(t: Tensor, y: Tensor, noise_variance: float) -> list[float]:
    """The same in torch, float32."""
    squares = t.square().sum(1)
    distances = (squares[:, None] + squares[None] - 2 * t @ t.T).clamp(min=0)

    def entropy(rows, divisor):
        part = distances if rows is None else distances[rows][:, rows]
        summed = torch.logsumexp(-part / (divisor * noise_variance), dim=1) - math.log(len(part))
        return -float(summed.mean()) / LN2

    return [value for divisor in DIVISORS.values() for value in _kde_quantities(entropy, y.numpy(), divisor)]


def _kde_quantities(entropy, y: np.ndarray, divisor: float) -> list[float]:
    """I(X;T), I(T;Y) and the one-against-rest I(T;[Y=c]) of every class."""
    classes, whole = np.unique(y), entropy(None, divisor)
    shares = [np.mean(y == c) for c in classes]
    own = [entropy(np.flatnonzero(y == c), divisor) for c in classes]
    rest = [entropy(np.flatnonzero(y != c), divisor) for c in classes]
    of_class = [whole - p * a - (1 - p) * b for p, a, b in zip(shares, own, rest, strict=True)]
    return [whole, whole - float(np.dot(shares, own)), *of_class]


# ------------------------------------------------------------------------------------ states


def unique_rows(states: np.ndarray, y: np.ndarray) -> list[float]:
    """H(T) and I(T;Y) by numpy.unique(axis=0) of the states, and of the states with their label."""
    entropy_t, entropy_ty = _entropy_of_rows(states), _entropy_of_rows(np.column_stack([states, y]))
    return [entropy_t, entropy_t + _entropy_of_rows(y[:, None]) - entropy_ty]


def _entropy_of_rows(rows: np.ndarray) -> float:
    p = np.unique(rows, axis=0, return_counts=True)[1] / len(rows)
    return float(-(p * np.log2(p)).sum())


def binned_unique_rows(t: np.ndarray, y: np.ndarray, n_bins: int, low=None, high=None) -> list[float]:
    """The same of activations cut by numpy.digitize."""
    low, high = (t.min() if low is None else low), (t.max() if high is None else high)
    return unique_rows(np.digitize(t, np.linspace(low, high, n_bins + 1)[1:-1]), y)


def binned_classes_unique_rows(t: np.ndarray, y: np.ndarray, n_bins: int, low: float, high: float) -> list[float]:
    """Each class against the rest at equal weight: numpy.unique over whole rows, class after class."""
    bins, found = np.digitize(t, np.linspace(low, high, n_bins + 1)[1:-1]), []
    for number in range(y.max() + 1):
        own = y == number
        weights = np.where(own, 0.5 / own.sum(), 0.5 / (~own).sum())
        entropies = []
        for rows in (bins, np.column_stack([bins, own])):
            _, state = np.unique(rows, axis=0, return_inverse=True)
            p = np.bincount(state.ravel(), weights=weights)
            entropies.append(-(p * np.log2(p)).sum())
        found.append((entropies[0], entropies[0] + 1 - entropies[1]))
    return [float(each[place]) for place in (0, 1) for each in found]


def label_entropies(y_true: np.ndarray, y_predicted: np.ndarray) -> list[float]:
    """scikit-learn's confusion matrix, then the entropy of every row and column."""
    confusion = confusion_matrix(y_true, y_predicted).astype(float)
    found = []
    for counts in (*confusion, *confusion.T):
        p = counts[counts > 0] / counts.sum()
        found.append(float(-(p * np.log2(p)).sum()))
    return found


# ------------------------------------------------------------------------------------ Renyi


def renyi_per_map(x: Tensor, maps: Tensor, s_x: float, s_maps: float, alpha: float, *, vectors: bool) -> list[float]:
    """One Gram matrix a map, their Hadamard product, and the eigenvalues of all three matrices (Yu et al.'s way).

    vectors: by eigh, as the public code does (it wants gradients), not by eigvalsh, which is all that is needed.
    """
    of_x, of_maps = _gram(x, s_x), _gram(maps[:, 0], s_maps)
    for c in range(1, maps.shape[1]):
        of_maps = of_maps * _gram(maps[:, c], s_maps)
    entropies = []
    for gram in (of_x, of_maps, of_x * of_maps):
        normed = gram / torch.trace(gram)
        values = torch.linalg.eigh(normed)[0] if vectors else torch.linalg.eigvalsh(normed)
        entropies.append(float(torch.log2(values.abs().pow(alpha).sum()) / (1 - alpha)))
    return [entropies[0] + entropies[1] - entropies[2]]


def _gram(x: Tensor, s: float) -> Tensor:
    squares = x.square().sum(1)
    return torch.exp(-(squares[:, None] + squares[None] - 2 * x @ x.T) / (2 * s**2))


def three_matrices(x: Tensor, maps: Tensor, s_x: float, s_maps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Ready for `eigenvalues_alone`: A of X, of all maps together and of both."""
    joined = maps.flatten(1)  # exponents add: all maps are one variable
    of_x, of_maps = (gram / len(x) for gram in (_gram(x, s_x), _gram(joined, s_maps)))
    return of_x, of_maps, of_x * of_maps * len(x)


def eigenvalues_alone(*matrices: Tensor, alpha: float) -> list[float]:
    """What nobody gets around: the three eigenvalue problems of matrices that are there already."""
    values = torch.stack([torch.linalg.eigvalsh(matrix) for matrix in matrices]).abs()
    s_x, s_maps, s_joint = (torch.log2(values.pow(alpha).sum(1)) / (1 - alpha)).tolist()
    return [s_x + s_maps - s_joint]


def renyi_by_eigenvalues(x: Tensor, s: float, alpha: float) -> list[float]:
    """The whole Gram matrix and all its eigenvalues."""
    values = torch.linalg.eigvalsh(_gram(x, s) / len(x)).abs()
    return [float(torch.log2(values.pow(alpha).sum()) / (1 - alpha))]


def renyi_2_by_numpy(x: np.ndarray, s: float) -> list[float]:
    """One full Gram matrix; the sum of its squares."""
    squares = np.sum(x**2, axis=1)
    gram = np.exp(-(squares[:, None] + squares[None] - 2 * x @ x.T) / (2 * s**2)) / len(x)
    return [float(-np.log2(np.sum(gram**2)))]


# ------------------------------------------------------------------------------------ neighbours


def ksg_by_sklearn(x: np.ndarray, y: np.ndarray, k: int) -> list[float]:
    """scikit-learn's estimate; it scales both variables and adds a little noise before."""
    return [float(mutual_info_regression(x, y[:, 0], discrete_features=False, n_neighbors=k)[0]) / LN2]


def ksg_by_sklearn_unscaled(x: np.ndarray, y: np.ndarray, k: int) -> list[float]:
    """The same without scaling and noise: what our answer is compared with."""
    return [float(_compute_mi_cc(x[:, 0], y[:, 0], k)) / LN2]


def ksg_by_trees(x: np.ndarray, y: np.ndarray, k: int) -> list[float]:
    """scikit-learn's trees, as NPEET has it: the k-th neighbour in (x, y), then counts within that radius."""
    joined = np.hstack([x, y])
    radius = np.nextafter(_tree(joined).query(joined, k + 1)[0][:, -1], 0)
    n_x, n_y = (_tree(each).query_radius(each, radius, count_only=True) for each in (x, y))
    return [float(digamma(k) + digamma(len(x)) - np.mean(digamma(n_x) + digamma(n_y))) / LN2]


def _tree(points: np.ndarray):
    return (BallTree if points.shape[1] >= 20 else KDTree)(points, metric="chebyshev")


def ksg_by_matrices(x: np.ndarray, y: np.ndarray, k: int) -> list[float]:
    """Full distance matrices, the k-th smallest of each row by argpartition, then counts."""
    distance_x, distance_y = _maximum_distances(x), _maximum_distances(y)
    joint = np.maximum(distance_x, distance_y)
    np.fill_diagonal(joint, np.inf)
    kth = np.argpartition(joint, k - 1, axis=1)[:, k - 1]
    radius = joint[np.arange(len(x)), kth][:, None]
    n_x, n_y = ((distance < radius).sum(1) for distance in (distance_x, distance_y))  # the sample itself among them
    return [float(digamma(k) + digamma(len(x)) - np.mean(digamma(n_x) + digamma(n_y))) / LN2]


def _maximum_distances(x: np.ndarray) -> np.ndarray:
    largest = np.zeros((len(x), len(x)))
    for feature in x.T:
        np.maximum(largest, np.abs(feature[:, None] - feature[None]), out=largest)
    return largest


def kozachenko_leonenko_by_tree(x: np.ndarray, k: int) -> list[float]:
    """As NPEET has it: the k-th neighbour from one of scikit-learn's trees."""
    distance = _tree(x).query(x, k + 1)[0][:, -1]
    nats = digamma(len(x)) - digamma(k) + x.shape[1] * (LN2 + np.mean(np.log(distance)))
    return [float(nats) / LN2]


def inter_sample_by_bisection(x: np.ndarray, k: int) -> list[float]:
    """scikit-learn's neighbours; for each point a bisection, as in UMAP, for the scale whose weights sum to log2 k."""
    distances, nearest = NearestNeighbors(n_neighbors=k).fit(x).kneighbors()
    weights = np.array([_weights_by_bisection(row) for row in distances])
    n = len(x)
    one_way = csr_array((weights.ravel(), nearest.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    p = (one_way + one_way.T).data
    p = p[p > 0] / p.sum()
    return [float(-np.sum(p * np.log2(p)))]


def _weights_by_bisection(distances: np.ndarray) -> np.ndarray:
    low, high, target = 0.0, np.inf, np.log2(len(distances))
    scale = distances.mean()
    for _ in range(64):
        total = np.exp(-distances / scale).sum()
        if abs(total - target) < 1e-5:
            break
        low, high = (low, scale) if total > target else (scale, high)
        scale = (low + high) / 2 if np.isfinite(high) else 2 * scale
    return np.exp(-distances / scale)


# ------------------------------------------------------------------------------------ histograms of maps


def capacity_by_histogram2d(maps_a: np.ndarray, maps_b: np.ndarray, n_bins: int) -> list[float]:
    """scipy's pdist in every channel, then numpy.histogram2d of every pair of channels."""
    of_a, of_b = ([pdist(maps[:, c].reshape(len(maps), -1)) for c in range(maps.shape[1])] for maps in (maps_a, maps_b))
    return [_information_of_counts(np.histogram2d(a, b, bins=n_bins)[0]) for a in of_a for b in of_b]


def _information_of_counts(counts: np.ndarray) -> float:
    p = counts / counts.sum()
    return _bits(p.sum(0)) + _bits(p.sum(1)) - _bits(p)


def _bits(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())


def intra_sample_by_histogram(maps: np.ndarray, n_bins: int) -> list[float]:
    """numpy.histogram of every map, its entropy, the mean over the samples."""
    return [
        float(np.mean([_bits(np.histogram(one, bins=n_bins)[0] / one.size) for one in maps[:, channel]]))
        for channel in range(maps.shape[1])
    ]


# ------------------------------------------------------------------------------------ mixtures


def mixture_by_quad(centres: np.ndarray, y: np.ndarray, noise_variance: float) -> list[float]:
    """scipy.integrate.quad of -p log p, the density p a sum over all centres."""
    centres = centres[:, 0]
    whole = _mixture_entropy_by_quad(centres, noise_variance)
    classes, counts = np.unique(y, return_counts=True)
    given = [_mixture_entropy_by_quad(centres[y == c], noise_variance) for c in classes]
    of_noise = math.log2(2 * math.pi * math.e * noise_variance) / 2
    return [whole - of_noise, whole - float(np.dot(counts / len(y), given))]


def _mixture_entropy_by_quad(centres: np.ndarray, noise_variance: float) -> float:
    def integrand(place: float) -> float:
        exponents = -((place - centres) ** 2) / (2 * noise_variance)
        log_density = logsumexp(exponents) - math.log(len(centres)) - math.log(2 * math.pi * noise_variance) / 2
        return -math.exp(log_density) * log_density

    reach = 9 * math.sqrt(noise_variance)
    low, high = centres.min() - reach, centres.max() + reach
    between = np.linspace(low, high, 22)[1:-1]
    return quad(integrand, low, high, points=between, limit=500, epsabs=1e-9)[0] / LN2
