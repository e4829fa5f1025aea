"""Information of distances and of histograms: the quantities of CNNSlicer (Shen and Shen 2020)."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import coo_array
from torch import Tensor

from . import inputs
from .kde import _full_precision

TILE_ELEMENTS = 1 << 22  # distances at a time
CAPACITY_TILE = 1 << 23  # pairs of samples times channels at a time
STRIP = 64  # samples whose distances to all later ones are taken at a time
LARGEST_TALLY = 1 << 16  # counters of a histogram of three channels: they must stay in a core's cache


class LabelEntropies(NamedTuple):
    """In bits, one for each class; NaN where the class given never occurs.

    predicted_given_true: H(predicted | true = c). true_given_predicted: H(true | predicted = c).
    """

    predicted_given_true: Tensor
    true_given_predicted: Tensor


# ------------------------------------------------------------------------------------ inter-sample entropy


def inter_sample_entropy(x, *, n_neighbors: int, tile_elements: int = TILE_ELEMENTS) -> Tensor:
    """H = -sum_ij p_ij log2 p_ij of a neighbourhood graph's edge weights: how many pairs of samples are near, in bits.

    P(j|i) = exp(-|x_i - x_j| / s_i) for the k nearest neighbours j of i, s_i such that the sum over j is log2 k;
    p_ij = (P(j|i) + P(i|j)) / 2n, normalised so that the sum over ordered pairs is 1.

    x: (..., n, d). n_neighbors: k >= 2 (log2 1 = 0 cannot be reached), the sample itself not counted; there is no
    default, because the answer is mostly a matter of k. tile_elements: how many distances are held at a time.

    Returns a tensor (...), of x's device and dtype.
    Raises ValueError for bad shapes or values, and for n_neighbors < 2 or >= n.

    What it measures: it lies between log2 n and log2(2 n k), and close to log2(n k) minus the unevenness of weights
    whatever the data are: it grows with log2 n by construction. Where a sample has log2 k or more exact copies among
    its neighbours no s_i solves the equation; the limit s_i -> 0 is taken: weight 1 for copies, 0 for all others. Of
    samples at exactly the same distance (data on a grid) any may be taken as the k-th.
    Time: n^2 d for the distances. Memory: linear in n at a fixed tile.

    Source: Shen and Shen (2020), eqs. 4 to 6 and 2.
    """
    x = inputs.samples("x", x)
    batch, (n, d) = x.shape[:-2], x.shape[-2:]
    n_neighbors = inputs.whole("n_neighbors", n_neighbors, 2)
    if n_neighbors >= n:
        raise ValueError(
            f"n_neighbors must be smaller than n_samples; got n_neighbors={n_neighbors} and n_samples={n}."
        )
    tile_elements = inputs.whole("tile_elements", tile_elements, 1)
    found = []
    for one in x.reshape(-1, n, d):
        distances, nearest = nearest_neighbours(one, n_neighbors, tile_elements)
        found.append(graph_entropy(neighbour_weights(distances), nearest))
    return torch.stack(found).reshape(batch).to(x.dtype) if found else x.new_zeros(batch)


def nearest_neighbours(x: Tensor, k: int, tile_elements: int = TILE_ELEMENTS) -> tuple[Tensor, Tensor]:
    """Distances (n, k), float64, and numbers (n, k) of the k < n nearest other samples of x (n, d), in no order."""
    unit = inputs.unit_of(x)
    x = x * unit
    points = x - x.mean(0)  # centred: the product rounds less
    rounding = 8 * float(torch.finfo(x.dtype).eps * points.square().sum(1).max())
    squared, nearest = _nearest_by_product(points, k, tile_elements)
    if x.dtype == torch.float32 and rounding > 1e-3 * float(squared.amax(1).min()):  # it could swap neighbours
        squared, nearest = _nearest_by_product(points.double(), k, tile_elements)
    distances = squared.clamp(min=0).sqrt().double()
    inexact = squared.amin(1) < 1e3 * rounding  # from differences: copies are at exactly 0 whatever was rounded
    distances[inexact] = _exact_distances(x, inexact.nonzero()[:, 0], nearest[inexact], tile_elements)
    return distances / unit.double(), nearest


def _nearest_by_product(points: Tensor, k: int, tile_elements: int) -> tuple[Tensor, Tensor]:
    """Squared distances (n, k) and numbers (n, k) of the nearest, each product of two samples taken once."""
    n = len(points)
    squares = points.square().sum(1)
    best = points.new_full((n, k), math.inf), torch.zeros(n, k, dtype=torch.int64, device=points.device)
    tile = max(1, min(n, math.isqrt(tile_elements)))
    with _full_precision(points.device.type):
        for i in range(0, n, tile):
            for j in range(i, n, tile):
                rows, columns = slice(i, min(i + tile, n)), slice(j, min(j + tile, n))
                squared = torch.addmm(squares[columns], points[rows], points[columns].T, alpha=-2)
                squared += squares[rows, None]
                if i == j:
                    squared.fill_diagonal_(math.inf)
                _keep_nearest(best, rows, squared, j, k)
                if j > i:
                    _keep_nearest(best, columns, squared.T.contiguous(), i, k)
    return best


def _keep_nearest(best: tuple[Tensor, Tensor], rows: slice, squared: Tensor, first: int, k: int) -> None:
    """Merge the distances of some rows to the samples from `first` on into their nearest so far."""
    found = squared.topk(min(k, squared.shape[1]), dim=1, largest=False, sorted=False)
    values = torch.cat([best[0][rows], found.values], 1)
    numbers = torch.cat([best[1][rows], found.indices + first], 1)
    kept = values.topk(k, dim=1, largest=False, sorted=False)
    best[0][rows], best[1][rows] = kept.values, numbers.gather(1, kept.indices)


def _exact_distances(x: Tensor, rows: Tensor, nearest: Tensor, tile_elements: int) -> Tensor:
    """Distances of the samples `rows` to the samples chosen for each, from their differences."""
    block = max(1, tile_elements // (nearest.shape[1] * x.shape[1]))
    parts = [
        torch.linalg.vector_norm(x[chosen] - x[own, None], dim=-1).double()
        for own, chosen in zip(rows.split(block), nearest.split(block), strict=True)
    ]
    return torch.cat(parts)


def neighbour_weights(distances: Tensor) -> Tensor:
    """exp(-distance / s_i) with every row's sum log2 k: (n, k) -> (n, k).

    Newton's method on log sum_j exp(-b d_ij) - log log2 k in b = 1 / s_i, from b = 0: convex and falling, so it never
    overshoots and needs no bracket.
    """
    k = distances.shape[1]
    target = math.log(math.log2(k))
    copies = (distances == 0).sum(1, keepdim=True)
    unsolvable = copies >= math.log2(k)
    scaled = distances / distances.mean(1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
    inverse = torch.zeros_like(scaled[:, :1])
    for _ in range(200):
        weights = torch.exp(-inverse * scaled)
        total = weights.sum(1, keepdim=True)
        gap = torch.log(total) - target
        gap = torch.where(unsolvable, 0.0, gap)
        if gap.abs().max() < 1e-12:
            break
        inverse = inverse + gap * total / (weights * scaled).sum(1, keepdim=True).clamp(min=1e-300)
    return torch.where(unsolvable, (distances == 0).double(), torch.exp(-inverse * scaled))


def graph_entropy(weights: Tensor, nearest: Tensor) -> Tensor:
    """Entropy of the symmetrised, normalised weights over ordered pairs; each unordered pair is met once or twice."""
    n, k = nearest.shape
    own = torch.arange(n, device=nearest.device)[:, None].expand(n, k)
    code = (torch.minimum(own, nearest) * n + torch.maximum(own, nearest)).reshape(-1)
    code, order = code.sort()
    place = torch.unique_consecutive(code, return_inverse=True)[1]
    either = torch.zeros(int(place[-1]) + 1, dtype=torch.float64, device=nearest.device)
    either.index_add_(0, place, weights.reshape(-1)[order])  # P(j|i) + P(i|j) of each unordered pair
    p = either / either.sum()
    return torch.special.entr(p).sum() / math.log(2) + 1  # each pair twice, with half the weight: one bit more


# ------------------------------------------------------------------------------------ intra-sample entropy


def intra_sample_entropy(
    maps, *, n_bins: int = 32, range: tuple[float, float] | None = None, tile_elements: int = TILE_ELEMENTS
) -> Tensor:
    """Entropy of the histogram of a map's values, averaged over the samples, for every channel, in bits.

    maps: (n, C, ...), n >= 1, any spatial dimensions (at least one value a map). n_bins: equal bins over `range`, the
    top edge closed; None scales each map's own values to (-1, 1), so that only the shape of its histogram counts. A
    constant map (a dead filter) has entropy 0.

    Returns (C,), of the maps' device and dtype. For the slices of the paper (one class, say) pass those samples.
    Raises ValueError for bad shapes, values or arguments, and for values outside `range`.

    What it measures: the unevenness of values, not of their places; at most min(log2 n_bins, log2 values a map), and
    biased downward by about (occupied bins - 1) / (2 values ln 2) bits where a map has few values.

    Source: Shen and Shen (2020), section 4.4.2. It says "normalize the value range" and not of what: here, of each map.
    """
    maps = _maps("maps", maps, least=1)
    n_bins = inputs.whole("n_bins", n_bins, 1)
    tile_elements = inputs.whole("tile_elements", tile_elements, 1)
    bounds = None if range is None else inputs.interval("range", range)
    low, high = torch.aminmax(maps)
    if bounds and (low < bounds[0] or high > bounds[1]):
        raise ValueError(f"maps must lie in range={range!r}; got values from {float(low)} to {float(high)}.")
    block = max(1, tile_elements // maps[0].numel())
    totals = [_histogram_entropies(part.flatten(2).double(), n_bins, bounds).sum(0) for part in maps.split(block)]
    return (torch.stack(totals).sum(0) / len(maps)).to(maps.dtype)


def _histogram_entropies(values: Tensor, n_bins: int, bounds: tuple[float, float] | None) -> Tensor:
    """Of every map's values (n, C, values), over `bounds` or the map's own range: (n, C)."""
    low, high = torch.aminmax(values, dim=2, keepdim=True)
    if bounds:
        low, high = (torch.full_like(low, end) for end in bounds)
    width = torch.where(high > low, high - low, torch.ones_like(high))
    bins = ((values - low) * (n_bins / width)).long().clamp_(0, n_bins - 1)
    counts = values.new_zeros(*bins.shape[:2], n_bins).scatter_add_(2, bins, torch.ones_like(values))
    return _bits(counts / bins.shape[2])


def _maps(name: str, value, least: int = 2) -> Tensor:
    """`value` as a floating tensor (n, C, ...) with at least one value a map."""
    tensor = inputs.tensor_of(name, value)
    if tensor.ndim < 2 or 0 in tensor.shape[1:]:
        raise ValueError(f"{name} must have the shape (n, C, ...); got shape={tuple(tensor.shape)}.")
    flat = inputs.samples(name, tensor.flatten(1), min_samples=least)
    return flat.reshape(*tensor.shape) if tensor.ndim > 2 else flat.unsqueeze(-1)


# ------------------------------------------------------------------------------------ channel capacity


def channel_capacity(maps_a, maps_b, *, n_bins: int = 32, tile_elements: int = CAPACITY_TILE) -> Tensor:
    """I(A;B) = H(A) - H(A|B) of the binned pairwise distances in every channel of a and of b, in bits.

    For each channel the Euclidean distances between the n samples' maps, over pairs i < j, fall into n_bins equal bins
    from that channel's smallest to its largest; the capacity is the plug-in information of the two bin numbers.

    maps_a: (n, C_a, ...), maps_b: (n, C_b, ...), the same samples; spatial dimensions may differ. n_bins: at least 1.
    tile_elements: pairs of samples times channels held at a time; the answer does not depend on it.

    Returns (C_a, C_b), of the maps' device and dtype. A channel whose distances are all alike gives 0.
    Raises ValueError for bad shapes, values or arguments.

    What it measures: how far two channels agree on which samples are alike, at most log2 n_bins. It is no capacity in
    Shannon's sense (no maximum over inputs is taken). Its bias is upward, and larger than (n_bins - 1)^2 / (2 pairs
    ln 2) bits, because n samples make n (n - 1) / 2 pairs that are not independent. Counts are exact integers.
    Time: C_a C_b pairs. Memory: linear in n at a fixed tile.

    Source: Shen and Shen (2020), section 6.2.
    """
    maps_a, maps_b = _maps("maps_a", maps_a), _maps("maps_b", maps_b)
    if len(maps_a) != len(maps_b):
        raise ValueError(f"maps_b must have as many samples as maps_a, n={len(maps_a)}; got n={len(maps_b)}.")
    n_bins = inputs.whole("n_bins", n_bins, 1)
    tile_elements = inputs.whole("tile_elements", tile_elements, 1)
    joint = _joint_counts(_points(maps_a), _points(maps_b.to(maps_a.device)), n_bins, tile_elements)
    p = joint.double() / (len(maps_a) * (len(maps_a) - 1) / 2)  # (C_a, C_b, bins of a, bins of b)
    entropy_a, entropy_b = (_bits(p.sum(axis)) for axis in (3, 2))
    return (entropy_a + entropy_b - _bits(p.flatten(2))).to(maps_a.dtype)


def distance_entropy(maps, *, n_bins: int = 32) -> Tensor:
    """H(A) of the binned pairwise distances in every channel, in bits: what `channel_capacity` can be at most.

    maps: (n, C, ...). n_bins: as in `channel_capacity`. Returns (C,), of the maps' device and dtype.
    Raises ValueError for bad shapes, values or arguments.

    What it measures: how evenly the distances fill the range from the smallest to the largest; at most log2 n_bins. A
    single far sample leaves most bins empty. A channel whose distances are all alike gives 0.

    Source: Shen and Shen (2020), section 5.3.1.
    """
    maps = _maps("maps", maps)
    n_bins = inputs.whole("n_bins", n_bins, 1)
    points, n = _points(maps), len(maps)
    strips = [slice(first, min(first + STRIP, n - 1)) for first in range(0, n - 1, STRIP)]
    side = _Side(points, strips, keep=False)
    counts = points.new_zeros(len(points), n_bins)
    for strip in strips:
        bins = side.bins(strip, n_bins).long()
        counts.scatter_add_(1, bins, torch.ones_like(bins, dtype=counts.dtype))
    return _bits(counts / (n * (n - 1) / 2)).to(maps.dtype)


def _bits(p: Tensor) -> Tensor:
    return torch.special.entr(p).sum(-1) / math.log(2)


def _points(maps: Tensor) -> Tensor:
    """(n, C, ...) -> (C, n, values of a map), float64, centred on one of the samples: equal maps stay equal."""
    points = maps.flatten(2).transpose(0, 1).double()
    points = points * inputs.unit_of(points)  # only which distances are larger matters
    return points - points[:, :1]


def _joint_counts(points_a: Tensor, points_b: Tensor, n_bins: int, tile_elements: int) -> Tensor:
    """How many pairs i < j fall into bin p of channel a and bin q of channel b: (C_a, C_b, bins, bins), integers.

    Two passes over the pairs: the smallest and largest distance of every channel, then bins and counts.
    """
    n = points_a.shape[1]
    count = _joint_counts_by_product if points_a.is_cuda else _joint_counts_by_tally
    strips = [slice(first, min(first + STRIP, n - 1)) for first in range(0, n - 1, STRIP)]
    keep = n * n // 2 * max(len(points_a), len(points_b)) <= tile_elements  # few enough: distances are taken once
    sides = [_Side(points, strips, keep) for points in (points_a, points_b)]
    joint = torch.zeros(len(points_a), len(points_b), n_bins, n_bins, dtype=torch.int64, device=points_a.device)
    waiting: list[list[Tensor]] = []  # strips are gathered until they fill a tile: counters cost time of their own
    for strip in strips:
        waiting.append([side.bins(strip, n_bins) for side in sides])
        gathered = sum(part[0].numel() for part in waiting)
        if gathered >= tile_elements or strip is strips[-1]:
            joint += count(*(torch.cat(parts, 1) for parts in zip(*waiting, strict=True)), n_bins, tile_elements)
            waiting = []
    return joint


class _Side:
    """The distances in every channel of one side: their ends, and their bin numbers strip by strip."""

    def __init__(self, points: Tensor, strips: list[slice], keep: bool):
        self.points, self.squares, self.kept = points, points.square().sum(2), {}
        self.low, self.high = points.new_full((len(points),), math.inf), points.new_zeros(len(points))
        for strip in strips:
            squared = _squared_distances(points, self.squares, strip)
            self.high = torch.maximum(self.high, squared.amax((1, 2)))
            squared[:, ~_later(strip, points.shape[1], points.device)] = math.inf
            self.low = torch.minimum(self.low, squared.amin((1, 2)))
            if keep:
                self.kept[strip.start] = squared

    def bins(self, strip: slice, n_bins: int) -> Tensor:
        """Bin numbers of the distances of the samples in a strip to all later ones: (C, pairs)."""
        squared = self.kept.pop(strip.start, None)
        squared = _squared_distances(self.points, self.squares, strip) if squared is None else squared
        low, high = self.low.sqrt()[:, None, None], self.high.sqrt()[:, None, None]
        step = torch.where(high > low, n_bins / (high - low), torch.zeros_like(low))  # all alike: one bin
        later = _later(strip, self.points.shape[1], self.points.device).flatten().nonzero()[:, 0]
        distances = squared.sqrt_().sub_(low).flatten(1).index_select(1, later)
        return distances.mul_(step[:, 0]).clamp_(0, n_bins - 1).to(torch.int32)


def _later(strip: slice, n: int, device) -> Tensor:
    """Which entries of a strip of distances are of a sample before another, and not of one with itself or twice."""
    return torch.ones(strip.stop - strip.start, n - strip.start, dtype=torch.bool, device=device).triu(1)


def _squared_distances(points: Tensor, squares: Tensor, strip: slice) -> Tensor:
    """Of the samples in a strip to themselves and all later ones: (C, strip, n - strip.start).

    By a product; what is only its rounding error is set to 0, so that equal maps are at distance 0.
    """
    rows, later = points[:, strip], points[:, strip.start :]
    squared = torch.baddbmm(squares[:, strip.start :].unsqueeze(1), rows, later.transpose(1, 2), alpha=-2)
    squared += squares[:, strip, None]
    rounding = 16 * torch.finfo(torch.float64).eps * squares.amax(1)
    return torch.threshold_(squared.sub_(rounding[:, None, None]), 0, 0)


def _joint_counts_by_tally(bins_a: Tensor, bins_b: Tensor, n_bins: int, tile_elements: int = 0) -> Tensor:
    """Joint counts of all channel pairs on the CPU: (C_a, C_b, bins, bins).

    Two channels of b are counted at a time, in one histogram of three dimensions: half the passes over the pairs. The
    counter is that of a sparse matrix made dense, which adds up what falls on one place.
    """
    together = 2 if n_bins**3 <= min(LARGEST_TALLY, bins_a.shape[1]) else 1
    bins_a, bins_b = bins_a.numpy(), bins_b.numpy()
    joint = np.empty((len(bins_a), len(bins_b), n_bins, n_bins), dtype=np.int64)
    ones = np.ones(bins_a.shape[1], dtype=np.int32)

    def tally(first: int) -> None:
        part = bins_b[first : first + together]
        columns = part[0] * n_bins + part[1] if len(part) == 2 else part[0]
        counter = coo_array((ones, (bins_a[0], columns)), shape=(n_bins, n_bins ** len(part)))
        for channel, rows in enumerate(bins_a):
            counter.coords = (rows, columns)
            counts = counter.toarray()
            if len(part) == 2:
                counts = counts.reshape(n_bins, n_bins, n_bins)
                joint[channel, first], joint[channel, first + 1] = counts.sum(2), counts.sum(1)
            else:
                joint[channel, first] = counts

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(tally, range(0, len(bins_b), together)))
    return torch.from_numpy(joint)


def _joint_counts_by_product(bins_a: Tensor, bins_b: Tensor, n_bins: int, tile_elements: int) -> Tensor:
    """The same counts as one product of one-hot matrices, 8-bit integers summed as 32-bit ones: exact."""
    channels_a, pairs = bins_a.shape
    sizes = [-(-len(each) * n_bins // 32) * 32 for each in (bins_a, bins_b)]  # the product wants multiples of 8
    tile = max(32, tile_elements // max(sizes) // 32 * 32)
    joint = torch.zeros(*sizes, dtype=torch.int32, device=bins_a.device)
    for first in range(0, pairs, tile):
        hot = [_one_hot(each[:, first : first + tile], n_bins, size, tile)
               for each, size in zip((bins_a, bins_b), sizes, strict=True)]  # fmt: skip
        joint += torch._int_mm(hot[0], hot[1].T)
    joint = joint[: channels_a * n_bins, : len(bins_b) * n_bins]
    return joint.reshape(channels_a, n_bins, len(bins_b), n_bins).transpose(1, 2)


def _one_hot(bins: Tensor, n_bins: int, rows: int, columns: int) -> Tensor:
    """(C, pairs) -> (rows, columns) of 0 and 1: row c * n_bins + b marks the pairs in bin b; the rest is padding."""
    hot = torch.zeros(rows, columns, dtype=torch.int8, device=bins.device)
    marks = bins[:, None] == torch.arange(n_bins, dtype=bins.dtype, device=bins.device)[:, None]
    hot[: len(bins) * n_bins, : bins.shape[1]] = marks.flatten(0, 1)
    return hot


# ------------------------------------------------------------------------------------ labels


def label_entropies(y_true, y_predicted, n_classes: int | None = None) -> LabelEntropies:
    """H(predicted | true = c) and H(true | predicted = c) for every class c, from the confusion matrix, in bits.

    y_true, y_predicted: (n,) class numbers from 0. n_classes: None takes the largest of both plus one.

    Returns `LabelEntropies`, two float64 tensors (n_classes,); NaN for a class that never occurs on the given side: its
    entropy is not defined (the paper shows infinity).
    Raises ValueError for labels that are no whole numbers from 0, of different length, or not below n_classes.

    What it measures: how spread the answers to one class are, and how far an answer settles the class. A network that
    is always wrong by one class has 0 in both. Biased downward for classes with few samples.

    Source: Shen and Shen (2020), section 5.1.
    """
    y_true = inputs.tensor_of("y_true", y_true)
    length = len(y_true) if y_true.ndim else 0
    y_true = inputs.labels("y_true", y_true, length, y_true.device)
    y_predicted = inputs.labels("y_predicted", y_predicted, length, y_true.device)
    larger = "y_true" if int(y_true.max()) >= int(y_predicted.max()) else "y_predicted"
    n_classes = inputs.class_count("n_classes", n_classes, torch.maximum(y_true, y_predicted), larger)
    pairs, _, counts = inputs.occurring(y_true * n_classes + y_predicted)

    def given(of_pair: Tensor) -> Tensor:
        total = counts.new_zeros(n_classes).index_add_(0, of_pair, counts)
        terms = torch.special.entr(counts / total[of_pair].double()) / math.log(2)
        bits = terms.new_zeros(n_classes).index_add_(0, of_pair, terms)
        return torch.where(total > 0, bits, math.nan)

    return LabelEntropies(given(pairs // n_classes), given(pairs % n_classes))
