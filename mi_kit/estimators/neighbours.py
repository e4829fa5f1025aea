"""Estimates from the distances to the nearest neighbours, maximum norm: continuous variables, no bins, no kernel."""

from __future__ import annotations

import math

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from . import inputs
from .threads import in_threads

TILE_ELEMENTS = 1 << 18  # distances at a time: 1 MB in float32
TREE_DIMENSIONS = 6  # up to here a tree beats comparing all pairs (benchmarks)
FEW_SAMPLES = 256  # below, one tile does it all and a tree is not worth its building


def ksg_mutual_information(
    x, y, *, n_neighbors: int = 3, variant: int = 1, tile_elements: int = TILE_ELEMENTS
) -> Tensor:
    """I(X;Y) of continuous variables by the neighbour counts of Kraskov, Stögbauer and Grassberger, in bits.

    Variant 1: I = psi(k) + psi(n) - < psi(n_x + 1) + psi(n_y + 1) >, n_x the samples strictly nearer in x than the k-th
    neighbour in (x, y) is; variant 2: I = psi(k) - 1/k + psi(n) - < psi(n_x) + psi(n_y) >, n_x those within the extent
    in x of the k neighbours. Distances are of the maximum norm.

    x: (..., n, d_x), y: (..., n, d_y), the same batch dimensions. n_neighbors: k, the sample itself not counted.
    tile_elements: how many distances a thread holds at a time in high dimension; the answer does not depend on it.

    Returns a tensor (...), of x's device and dtype; negative estimates are left as they are.
    Raises ValueError for bad shapes or values, and for n_neighbors >= n.

    What it measures: nearly unbiased for independent variables and in low dimension; variant 2 has the smaller
    systematic error in high dimension, variant 1 the smaller statistical one. Scaling both variables alike, or each
    one's distribution to the same width, is the user's choice: the neighbourhoods depend on it.
    When it fails: strong dependence and high dimension. 16 + 16 dimensions with correlation .5 in each pair have 3.32
    bits; 5,000 samples and k = 5 give about 1. It needs of the order of 2^I samples (Gao, Ver Steeg and Galstyan 2015),
    can never exceed about log2 n, and a deterministic relation, which has infinite information, gives log2 n or less.
    Repeated values break its assumption of a density. On a grid of values (quantised activations) many neighbours lie
    at the same distance, the strict counts miss them, and the estimate can exceed H(Y). Where the k-th neighbour lies
    at distance 0, the counts of Gao
    et al. (2017) are used, which give the plug-in estimate for discrete data. A constant variable gives 0. Where one
    variable is discrete and the other is not, variant 1 still works and variant 2 does not.

    Source: Kraskov, Stögbauer and Grassberger (2004), eqs. 8 and 9; Gao, Kannan, Oh and Viswanath (2017).
    """
    x, y = inputs.samples("x", x), inputs.samples("y", y)
    if x.shape[:-1] != y.shape[:-1]:
        raise ValueError(
            f"y must have the batch dimensions and the number of samples of x, {tuple(x.shape[:-1])}; "
            f"got {tuple(y.shape[:-1])}."
        )
    n_neighbors = _neighbour_count(n_neighbors, x.shape[-2])
    if variant not in (1, 2) or isinstance(variant, bool):
        raise ValueError(f"variant must be 1 or 2; got variant={variant!r}.")
    tile_elements = inputs.whole("tile_elements", tile_elements, 1)
    batch, n = x.shape[:-2], x.shape[-2]
    y = y.to(x.device)
    pairs = zip(x.reshape(-1, n, x.shape[-1]), y.reshape(-1, n, y.shape[-1]), strict=True)
    found = [_one_ksg(one_x, one_y, n_neighbors, variant, tile_elements) for one_x, one_y in pairs]
    return torch.stack(found).reshape(batch).to(x.dtype) if found else x.new_zeros(batch)


def kozachenko_leonenko_entropy(x, *, n_neighbors: int = 3, tile_elements: int = TILE_ELEMENTS) -> Tensor:
    """h(X) = psi(n) - psi(k) + d log 2 + d/n sum_i log e_i, the differential entropy, in bits.

    e_i is the distance from sample i to its k-th neighbour in the maximum norm, so (2 e_i)^d is a volume.
    x: (..., n, d). n_neighbors: k, the sample itself not counted. tile_elements: as in `ksg_mutual_information`.

    Returns a tensor (...), of x's device and dtype. It may be negative: a differential entropy has no zero.
    Raises ValueError for bad shapes or values, for n_neighbors >= n, and where a sample occurs more than
    n_neighbors times: the distribution then has no density and the entropy is minus infinity.

    When it fails: its bias grows with d (the density is taken as constant over a volume that must hold k samples). A
    mutual information as a sum of three such entropies does not cancel that bias: use `ksg_mutual_information`.

    Source: Kozachenko and Leonenko (1987), with k neighbours as in Kraskov et al. (2004), eq. 20.
    """
    x = inputs.samples("x", x)
    batch, (n, d) = x.shape[:-2], x.shape[-2:]
    n_neighbors = _neighbour_count(n_neighbors, n)
    tile_elements = inputs.whole("tile_elements", tile_elements, 1)
    found = []
    for one in x.reshape(-1, n, d):
        distance = _kth_distances(one, n_neighbors, tile_elements)
        if (distance == 0).any():
            raise ValueError(
                "x must hold no sample more than n_neighbors times (its differential entropy is minus infinity); "
                f"got one that occurs more than n_neighbors={n_neighbors} times."
            )
        logarithms = d * (math.log(2) + torch.log(distance.double()).mean())
        found.append((_psi(n, one) - _psi(n_neighbors, one) + logarithms) / math.log(2))
    return torch.stack(found).reshape(batch).to(x.dtype) if found else x.new_zeros(batch)


def _neighbour_count(n_neighbors: int, n: int) -> int:
    n_neighbors = inputs.whole("n_neighbors", n_neighbors, 1)
    if n_neighbors >= n:
        raise ValueError(
            f"n_neighbors must be smaller than n_samples; got n_neighbors={n_neighbors} and n_samples={n}."
        )
    return n_neighbors


def _psi(value, like: Tensor) -> Tensor:
    return torch.digamma(torch.as_tensor(value, dtype=torch.float64, device=like.device))


def _one_ksg(x: Tensor, y: Tensor, k: int, variant: int, tile_elements: int) -> Tensor:
    n = len(x)
    if any(bool((each == each[0]).all()) for each in (x, y)):
        return torch.zeros((), dtype=torch.float64, device=x.device)  # a constant holds no information
    by_tree = x.device.type == "cpu" and n > FEW_SAMPLES and x.shape[1] + y.shape[1] <= TREE_DIMENSIONS
    count = _counts_by_tree if by_tree else _counts_by_tiles
    n_x, n_y, n_same = count(x, y, k, variant, tile_elements)  # n_same: samples equal to this one, itself included
    tied = n_same > k
    if variant == 1:
        terms = _psi(k, x) - _psi(n_x + 1, x) - _psi(n_y + 1, x)
    else:
        terms = _psi(k, x) - 1 / k - _psi(n_x.clamp(min=1), x) - _psi(n_y.clamp(min=1), x)
    if tied.any():
        same_x, same_y = (_counts_of_equals(each) for each in (x, y))
        plug_in = torch.log(n_same * n / (same_x * same_y).double()) - _psi(n, x)
        terms = torch.where(tied, plug_in, terms)
    return (_psi(n, x) + terms.mean()) / math.log(2)


def _counts_of_equals(rows: Tensor) -> Tensor:
    _, place, counts = torch.unique(rows, dim=0, return_inverse=True, return_counts=True)
    return counts[place]


# ------------------------------------------------------------------------------------ all pairs, tile by tile


def _counts_by_tiles(x: Tensor, y: Tensor, k: int, variant: int, tile_elements: int):
    """n_x, n_y, n_same for every sample, from the distances of a block of rows to all samples."""
    n = len(x)
    block = max(1, tile_elements // n)
    columns_x, columns_y = x.T.contiguous(), y.T.contiguous()
    counts = torch.empty(3, n, dtype=torch.int64, device=x.device)

    def count(first: int) -> None:
        rows = slice(first, first + block)
        distance_x, distance_y = _maximum_distances(x[rows], columns_x), _maximum_distances(y[rows], columns_y)
        joint = torch.maximum(distance_x, distance_y)
        counts[2, rows] = (joint == 0).sum(1)
        joint[torch.arange(len(joint)), torch.arange(first, first + len(joint))] = math.inf  # not its own neighbour
        radius, nearest = joint.topk(k, dim=1, largest=False)
        for place, distances in enumerate((distance_x, distance_y)):
            if variant == 1:
                within = (distances < radius[:, -1:]).sum(1) - (radius[:, -1] > 0).long()
            else:
                within = (distances <= distances.gather(1, nearest).amax(1, keepdim=True)).sum(1) - 1
            counts[place, rows] = within

    in_threads(count, range(0, n, block), x.device)
    return counts


def _maximum_distances(rows: Tensor, columns: Tensor) -> Tensor:
    """max_f |rows_if - columns_fj|: (rows, n), one feature at a time so that no (rows, n, d) is made.

    columns: all samples, (d, n), each feature in one piece of memory, which is four times faster.
    """
    largest = (rows[:, :1] - columns[0]).abs_()
    difference = torch.empty_like(largest)
    for feature in range(1, rows.shape[1]):
        torch.sub(rows[:, feature : feature + 1], columns[feature], out=difference)
        torch.maximum(largest, difference.abs_(), out=largest)
    return largest


def _kth_distances(x: Tensor, k: int, tile_elements: int) -> Tensor:
    """The distance from each sample to its k-th neighbour, itself not counted: (n,)."""
    n, d = x.shape
    if x.device.type == "cpu" and n > FEW_SAMPLES and d <= TREE_DIMENSIONS:
        points = x.double().numpy()
        return torch.from_numpy(cKDTree(points).query(points, k + 1, p=math.inf, workers=-1)[0][:, -1])
    columns, block = x.T.contiguous(), max(1, tile_elements // n)
    distances = x.new_empty(n)  # filled in place: small results between the tiles would keep the heap from shrinking
    for first in range(0, n, block):
        rows = slice(first, first + block)
        nearest = _maximum_distances(x[rows], columns).topk(k + 1, dim=1, largest=False).values
        distances[rows] = nearest[:, -1]  # itself is the first
    return distances


# ------------------------------------------------------------------------------------ trees, in low dimension


def _counts_by_tree(x: Tensor, y: Tensor, k: int, variant: int, tile_elements: int):
    """n_x, n_y, n_same for every sample: k-d trees, and sorting for single features."""
    points = torch.cat([x, y], 1).double()
    distances, nearest = cKDTree(points.numpy()).query(points.numpy(), k + 1, p=math.inf, workers=-1)
    radius = torch.from_numpy(distances[:, -1])
    counts = []
    for each in (x.double(), y.double()):
        if variant == 1:
            counts.append(_count_within(each, radius, closed=False) - (radius > 0).long())
        else:
            extent = (each[torch.from_numpy(nearest)] - each[:, None]).abs().amax((1, 2))
            counts.append(_count_within(each, extent, closed=True) - 1)
    n_same = torch.ones(len(x), dtype=torch.int64)
    if (radius == 0).any():
        n_same = _counts_of_equals(points)
    return *counts, n_same


def _count_within(points: Tensor, radius: Tensor, closed: bool) -> Tensor:
    """How many samples, itself included, lie within `radius` of each (n, d); on the radius counts if `closed`."""
    if points.shape[1] == 1:
        return _count_within_on_a_line(points[:, 0], radius, closed)
    reach = radius if closed else torch.nextafter(radius, torch.zeros_like(radius))
    counts = cKDTree(points.numpy()).query_ball_point(
        points.numpy(), reach.numpy(), p=math.inf, return_length=True, workers=-1
    )
    return torch.where((radius == 0) & (not closed), 0, torch.from_numpy(counts))


def _count_within_on_a_line(values: Tensor, radius: Tensor, closed: bool) -> Tensor:
    """`_count_within` for single features, by sorting; exact where a neighbour lies just on the radius."""
    ordered, counts = values.unique(return_counts=True)
    below = torch.cat([counts.new_zeros(1), counts.cumsum(0)])  # samples below each value
    top = len(ordered) - 1

    def inside(place: Tensor) -> Tensor:
        """Whether the value at `place` in the order is near enough; the difference is rounded as elsewhere."""
        distance = (ordered[place.clamp(0, top)] - values).abs()
        return ((distance <= radius) if closed else (distance < radius)) & (place >= 0) & (place <= top)

    first = torch.searchsorted(ordered, values - radius, right=not closed)
    last = torch.searchsorted(ordered, values + radius, right=closed) - 1
    while True:  # rounding of value - radius shifts an end by a place or two
        moves = [(first, inside(first - 1), -1), (first, ~inside(first) & (first < last), 1),
                 (last, inside(last + 1), 1), (last, ~inside(last) & (last > first), -1)]  # fmt: skip
        if not any(bool(needed.any()) for _, needed, _ in moves):
            break
        for end, needed, direction in moves:
            end += needed.long() * direction
    return torch.where(inside(first), below[(last + 1).clamp(0, top + 1)] - below[first.clamp(0, top)], 0)
