"""Inter-sample, intra-sample and label entropies and channel capacity against slow formulas and known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from slow_formulas import (
    channel_capacity_by_histogram,
    inter_sample_entropy_by_root,
    intra_sample_entropy_by_histogram,
    label_entropies_by_hand,
    plug_in_entropy_in_bits,
)

from mi_kit.estimators import (
    channel_capacity,
    distance_entropy,
    distances,
    inter_sample_entropy,
    intra_sample_entropy,
    label_entropies,
)

few_examples = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)
EXACT = 1e-10  # bits: sums in float64 in another order
ROOT = 1e-8  # bits: the root finder's own error in s_i
FLOAT32 = 1e-4  # bits: the promise in float32


def points(n, d, seed=0, dtype=torch.float64):
    generator = np.random.default_rng(seed)
    return torch.tensor(generator.normal(size=(n, d)) * generator.uniform(0.2, 3, size=(n, 1)), dtype=dtype)


def maps_of(n, channels, *spatial, seed=0, shared=1.0):
    """Maps whose channels share some of what they say about the samples."""
    generator = np.random.default_rng(seed)
    common = np.random.default_rng(n).normal(size=(n, *[1] * (1 + len(spatial))))
    return torch.tensor(generator.normal(size=(n, channels, *spatial)) + shared * common)


# ------------------------------------------------------------------------------------ inter-sample entropy


@pytest.mark.parametrize("n_neighbors", [2, 5, 39])
@pytest.mark.parametrize("d", [1, 5, 100])
def test_inter_sample_entropy_matches_the_whole_matrix(d, n_neighbors):
    x = points(40, d)
    result = inter_sample_entropy(x, n_neighbors=n_neighbors)
    assert float(result) == pytest.approx(inter_sample_entropy_by_root(x, n_neighbors), abs=ROOT)


@pytest.mark.parametrize("factor", [1e-150, 1e-12, 1e12, 1e100])
def test_the_unit_of_the_distances_does_not_matter(factor):
    x = points(30, 3)
    result = inter_sample_entropy(factor * x, n_neighbors=5)
    assert float(result) == pytest.approx(inter_sample_entropy_by_root(x, 5), abs=ROOT)


@pytest.mark.parametrize("n_neighbors", [2, 4, 9])
@pytest.mark.parametrize("ratio", [1e3, 1e6, 1e12])
def test_neighbours_at_very_unequal_distances_match_the_whole_matrix(ratio, n_neighbors):
    # pairs at distance 1, other pairs `ratio` times as far: s_i lies between scales
    x = torch.tensor(np.random.default_rng(0).normal(size=(10, 2)) * ratio).repeat_interleave(2, 0)
    x[1::2, 0] += 1
    result = inter_sample_entropy(x, n_neighbors=n_neighbors)
    assert float(result) == pytest.approx(inter_sample_entropy_by_root(x, n_neighbors), abs=ROOT)


@given(seed=seeds, n=st.integers(3, 25), share=st.floats(0, 1), d=st.integers(1, 4))
@few_examples
def test_inter_sample_entropy_lies_between_log2_n_and_log2_2nk(seed, n, share, d):
    n_neighbors = max(2, round(share * (n - 1)))
    x = points(n, d, seed=seed)
    x[: n // 3] = x[0].clone()  # a third of the samples are copies
    result = float(inter_sample_entropy(x, n_neighbors=n_neighbors))
    assert math.log2(n) - EXACT <= result <= math.log2(2 * n * n_neighbors) + EXACT


@pytest.mark.parametrize("n", [3, 10, 50])
def test_samples_all_equally_far_from_each_other_give_log2_of_the_ordered_pairs(n):
    # k = n - 1 equal weights log2(k) / k: n (n - 1) ordered pairs of the same probability
    result = inter_sample_entropy(torch.eye(n).double(), n_neighbors=n - 1)
    assert float(result) == pytest.approx(math.log2(n * (n - 1)), abs=EXACT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("offset", [0.0, 1000.1])
def test_only_copies_weigh_where_there_are_log2_k_of_them(offset, dtype):
    # groups of three copies, k = 4: log2 4 = 2 copies beside each sample, 2 n ordered pairs of equal probability
    x = (points(20, 6).repeat_interleave(3, 0) + offset).to(dtype)
    result = inter_sample_entropy(x, n_neighbors=4)
    assert float(result) == pytest.approx(math.log2(2 * 60), abs=FLOAT32 if dtype == torch.float32 else EXACT)


def test_fewer_copies_than_log2_k_leave_weight_to_others():
    x = points(20, 3).repeat_interleave(2, 0) + 0.1 * torch.arange(40).div(2, rounding_mode="floor")[:, None]
    result = inter_sample_entropy(x, n_neighbors=8)  # one copy, log2 8 = 3
    assert float(result) == pytest.approx(inter_sample_entropy_by_root(x, 8), abs=ROOT)
    assert float(result) > math.log2(40) + 1


@pytest.mark.parametrize("n_neighbors", [2, 4, 9])
def test_all_samples_alike_give_a_value_between_the_bounds(n_neighbors):
    result = float(inter_sample_entropy(torch.full((10, 3), 0.1), n_neighbors=n_neighbors))
    assert math.log2(10) - FLOAT32 <= result <= math.log2(2 * 10 * n_neighbors) + FLOAT32


@pytest.mark.parametrize("distance", [3.0, 30.0, 300.0])
def test_float32_finds_the_neighbours_in_tight_clusters_far_from_the_origin(distance):
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(4, 50)) * distance / math.sqrt(50)
    x = torch.tensor(centres[np.arange(80) % 4] + 0.02 * generator.normal(size=(80, 50)), dtype=torch.float32)
    result = inter_sample_entropy(x, n_neighbors=5)
    # the promise in float32; the slow formula is of the same rounded values
    assert float(result) == pytest.approx(inter_sample_entropy_by_root(x.double(), 5), abs=FLOAT32)


@pytest.mark.parametrize("tile_elements", [1, 60, 1000, 1 << 22])
def test_the_tile_does_not_change_inter_sample_entropy(tile_elements):
    x = points(61, 4)
    tiled = inter_sample_entropy(x, n_neighbors=6, tile_elements=tile_elements)
    assert float(tiled) == pytest.approx(inter_sample_entropy_by_root(x, 6), abs=ROOT)


# ------------------------------------------------------------------------------------ intra-sample entropy


@pytest.mark.parametrize("n_bins", [1, 2, 32, 50])
@pytest.mark.parametrize("spatial", [(), (1,), (5,), (4, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("bounds", [None, (-8.0, 8.0)])
def test_intra_sample_entropy_matches_numpy_histogram(bounds, spatial, n_bins):
    maps = maps_of(6, 3, *spatial)
    result = intra_sample_entropy(maps, n_bins=n_bins, range=bounds)
    expected = intra_sample_entropy_by_histogram(maps, n_bins, bounds)
    np.testing.assert_allclose(result, expected, atol=EXACT, rtol=0)


@pytest.mark.parametrize(("n_bins", "values"), [(32, 64), (32, 16), (8, 8), (1, 10), (50, 2)])
def test_evenly_spread_values_reach_the_largest_entropy(n_bins, values):
    spread = (torch.arange(values) + 0.5) / values  # in the middle of a bin or of an equal part of one
    result = intra_sample_entropy(spread.expand(3, 2, values), n_bins=n_bins, range=(0, 1))
    np.testing.assert_allclose(result, min(math.log2(n_bins), math.log2(values)), atol=1e-6)  # float32


def test_the_top_edge_belongs_to_the_last_bin_and_inner_edges_to_the_bin_above():
    maps = torch.tensor([[[0.0, 0.25, 0.5, 1.0]]])  # bins 0, 1, 2 and 3 of four
    assert float(intra_sample_entropy(maps, n_bins=4, range=(0, 1))) == pytest.approx(2, abs=1e-6)  # float32
    maps = torch.tensor([[[0.75, 0.8, 0.9, 1.0]]])  # all in the last
    assert float(intra_sample_entropy(maps, n_bins=4, range=(0, 1))) == 0


@pytest.mark.parametrize("value", [0.0, 0.1, -1e-30, 1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_dead_filter_has_no_entropy_and_leaves_the_others_alone(dtype, value):
    maps = maps_of(6, 3, 4, 4).to(dtype)
    dead = maps.clone()
    dead[:, 1] = value
    result = intra_sample_entropy(dead, n_bins=8)
    assert float(result[1]) == 0
    assert torch.equal(result[[0, 2]], intra_sample_entropy(maps, n_bins=8)[[0, 2]])


def test_each_map_is_scaled_by_its_own_values():
    maps = maps_of(6, 3, 4, 4)
    factors, shifts = torch.rand(2, 6, 3, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    scaled = (0.01 + factors) * maps + 10 * shifts
    np.testing.assert_allclose(intra_sample_entropy(scaled), intra_sample_entropy(maps), atol=EXACT)


def test_one_sample_is_enough_and_samples_are_averaged():
    maps = maps_of(5, 2, 30)
    each = torch.stack([intra_sample_entropy(maps[[i]]) for i in range(5)])
    np.testing.assert_allclose(intra_sample_entropy(maps), each.mean(0), atol=EXACT)


def test_places_of_the_values_do_not_matter():
    maps = maps_of(5, 2, 6, 6)
    mixed = maps.flatten(2)[..., torch.randperm(36, generator=torch.Generator().manual_seed(0))].unflatten(2, (6, 6))
    np.testing.assert_allclose(intra_sample_entropy(mixed), intra_sample_entropy(maps), atol=EXACT)


@pytest.mark.parametrize("value", [-1.5, 1.25])
def test_map_values_outside_the_range_are_refused(value):
    maps = torch.zeros(3, 2, 4)
    maps[1, 1, 2] = value
    with pytest.raises(ValueError, match=rf"^maps must .*; got .*{value}"):
        intra_sample_entropy(maps, range=(-1, 1))


def test_few_values_bias_the_entropy_downward_by_occupied_bins():
    # 16 equal bins, 200 uniform values a map: (16 - 1) / (2 200 ln 2) = .054 bits below 4
    maps = np.random.default_rng(0).uniform(size=(400, 1, 200))
    result = float(intra_sample_entropy(maps, n_bins=16, range=(0, 1)))
    # 400 maps leave a standard error of .001 bits; the next order of the bias is smaller still
    assert result == pytest.approx(4 - 15 / (400 * math.log(2)), abs=0.006)


# ------------------------------------------------------------------------------------ channel capacity


@pytest.mark.parametrize("n_bins", [1, 2, 32, 50])
@pytest.mark.parametrize(("channels_a", "channels_b"), [(1, 1), (2, 4), (3, 5)])
def test_capacity_matches_histogram2d(channels_a, channels_b, n_bins):
    a, b = maps_of(40, channels_a, 3, 3), maps_of(40, channels_b, 7, seed=1)
    result = channel_capacity(a, b, n_bins=n_bins)
    assert result.shape == (channels_a, channels_b)
    np.testing.assert_allclose(result, channel_capacity_by_histogram(a, b, n_bins), atol=EXACT)


@pytest.mark.parametrize("n", [3, 63, 64, 65, 66, 128, 129, 130])
def test_strips_of_samples_leave_no_pair_out(n):
    a, b = maps_of(n, 2, 2), maps_of(n, 3, seed=1)
    np.testing.assert_allclose(channel_capacity(a, b, n_bins=8), channel_capacity_by_histogram(a, b, 8), atol=EXACT)


@pytest.mark.parametrize("n_bins", [8, 50])
@pytest.mark.parametrize("tile_elements", [1, 100, 3000, 1 << 23])
def test_the_tile_does_not_change_capacity(tile_elements, n_bins):
    a, b = maps_of(150, 2, 2), maps_of(150, 3, seed=1)
    tiled = channel_capacity(a, b, n_bins=n_bins, tile_elements=tile_elements)
    np.testing.assert_allclose(tiled, channel_capacity_by_histogram(a, b, n_bins), atol=EXACT)


@pytest.mark.parametrize("n_bins", [1, 2, 7, 32, 40, 41, 50])
@pytest.mark.parametrize(("channels_a", "channels_b"), [(1, 1), (3, 2), (4, 5)])
@pytest.mark.parametrize("tile_elements", [1, 5000, 1 << 23])
def test_the_product_of_one_hot_matrices_counts_what_the_tally_counts(channels_a, channels_b, n_bins, tile_elements):
    generator = torch.Generator().manual_seed(n_bins)
    a, b = (
        torch.randint(n_bins, (channels, 1001), generator=generator, dtype=torch.int32)
        for channels in (channels_a, channels_b)
    )
    product = distances._joint_counts_by_product(a, b, n_bins, tile_elements)
    tally = distances._joint_counts_by_tally(a, b, n_bins, tile_elements)
    assert torch.equal(product.long(), tally)
    by_hand = np.histogram2d(a[-1], b[-1], n_bins, range=[[0, n_bins], [0, n_bins]])[0]
    assert np.array_equal(tally[-1, -1], by_hand)


@pytest.mark.parametrize("n_bins", [2, 8, 32, 50])
def test_identical_channels_hold_the_entropy_of_their_distances(n_bins):
    maps = maps_of(50, 3, 4)
    capacity = channel_capacity(maps, maps, n_bins=n_bins)
    for channel in range(3):
        between = pdist(maps[:, channel])
        inner = np.linspace(between.min(), between.max(), n_bins + 1)[1:-1]
        entropy = plug_in_entropy_in_bits(np.digitize(between, inner))
        assert float(capacity[channel, channel]) == pytest.approx(entropy, abs=EXACT)
    assert (capacity <= math.log2(n_bins) + EXACT).all()


def test_independent_channels_hold_nearly_nothing():
    a, b = maps_of(400, 2, 10, seed=1, shared=0.0), maps_of(400, 2, 10, seed=2, shared=0.0)
    capacity = channel_capacity(a, b, n_bins=8)
    bias = 7**2 / (2 * 400 * 399 / 2 * math.log(2))  # .0004 bits; more in truth, because the pairs are not independent
    assert (capacity > 0).all()
    assert (capacity < 30 * bias).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, 123.456])
@pytest.mark.parametrize("n_bins", [1, 2, 32, 50])
def test_a_dead_channel_gives_zero_and_leaves_the_others_alone(n_bins, value, dtype):
    a, b = maps_of(20, 2, 3).to(dtype), maps_of(20, 3, 4, seed=1).to(dtype)
    alive = channel_capacity(a, b, n_bins=n_bins)
    b[:, 1] = value
    result = channel_capacity(a, b, n_bins=n_bins)
    assert result[:, 1].abs().max() < EXACT  # a difference of entropies that are summed in another order
    assert torch.equal(result[:, [0, 2]], alive[:, [0, 2]])
    assert channel_capacity(b, a, n_bins=n_bins)[1].abs().max() < EXACT
    assert abs(channel_capacity(b, b, n_bins=n_bins)[1, 1]) < EXACT


@pytest.mark.parametrize("side", [1.0, 0.1, 1 / 3])
@pytest.mark.parametrize("n", [3, 20, 100])
def test_a_channel_whose_distances_are_all_alike_gives_zero(n, side):
    alike = side * torch.eye(n, dtype=torch.float64)[:, None]  # every two maps differ by `side` in two places
    other = maps_of(n, 1, 4)
    assert float(channel_capacity(alike, alike)) == pytest.approx(0, abs=EXACT)
    assert float(channel_capacity(alike, other)) == pytest.approx(0, abs=EXACT)


def test_two_samples_have_one_distance_and_no_capacity():
    assert float(channel_capacity(maps_of(2, 1, 3), maps_of(2, 1, 3, seed=1))) == 0


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_two_values_of_maps_give_the_information_of_two_groupings(offset):
    # maps a: two halves; maps b: the same halves. Of n (n-1) / 2 pairs, 2 n/2 (n/2-1) / 2 are alike: n = 20, 90 of 190
    halves = ((torch.arange(20) < 10).double() * 3.3 + offset)[:, None, None].expand(20, 1, 5)
    share = 90 / 190
    entropy = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    assert float(channel_capacity(halves, -2 * halves)) == pytest.approx(entropy, abs=EXACT)


@given(seed=seeds)
@few_examples
def test_capacity_is_at_least_zero_and_at_most_either_entropy(seed):
    a, b = maps_of(12, 2, 3, seed=seed), maps_of(12, 2, 2, seed=seed + 1)
    capacity = channel_capacity(a, b, n_bins=6)
    own_a, own_b = (channel_capacity(each, each, n_bins=6).diagonal() for each in (a, b))
    assert (capacity >= -EXACT).all()
    assert (capacity <= torch.minimum(own_a[:, None], own_b[None]) + EXACT).all()


# ------------------------------------------------------------------------------------ entropy of distances


def distance_entropy_by_histogram(maps, n_bins):
    """Entropy in bits of numpy.histogram of the pairwise distances, one channel after another."""
    entropies = []
    for channel in range(maps.shape[1]):
        counts = np.histogram(pdist(maps[:, channel].reshape(len(maps), -1)), n_bins)[0]
        p = counts[counts > 0] / counts.sum()
        entropies.append(-(p * np.log2(p)).sum())
    return np.array(entropies)


@pytest.mark.parametrize("n_bins", [1, 2, 32, 50])
@pytest.mark.parametrize("spatial", [(), (7,), (3, 3)], ids=str)
def test_distance_entropy_matches_numpy_histogram(spatial, n_bins):
    maps = maps_of(40, 3, *spatial)
    result = distance_entropy(maps, n_bins=n_bins)
    assert result.shape == (3,)
    np.testing.assert_allclose(result, distance_entropy_by_histogram(maps, n_bins), atol=EXACT)


def test_distances_fall_into_32_bins_where_nothing_else_is_said():
    maps = maps_of(40, 3, 5)
    np.testing.assert_allclose(distance_entropy(maps), distance_entropy_by_histogram(maps, 32), atol=EXACT)


@pytest.mark.parametrize("n", [2, 3, 63, 64, 65, 66, 128, 129, 130, 200])
def test_strips_of_samples_leave_no_distance_out(n):
    maps = maps_of(n, 2, 4)
    np.testing.assert_allclose(distance_entropy(maps, n_bins=8), distance_entropy_by_histogram(maps, 8), atol=EXACT)


@pytest.mark.parametrize("n_bins", [2, 8, 32, 50])
@pytest.mark.parametrize("n", [20, 150])
def test_a_channel_has_the_entropy_of_its_distances_as_capacity_with_itself(n, n_bins):
    maps = maps_of(n, 3, 4)
    own = channel_capacity(maps, maps, n_bins=n_bins).diagonal()
    np.testing.assert_allclose(distance_entropy(maps, n_bins=n_bins), own, atol=EXACT)


@given(seed=seeds)
@few_examples
def test_capacity_is_at_most_the_entropy_of_the_distances(seed):
    a, b = maps_of(12, 2, 3, seed=seed), maps_of(12, 3, 2, seed=seed + 1)
    capacity, of_a, of_b = channel_capacity(a, b, n_bins=6), *(distance_entropy(each, n_bins=6) for each in (a, b))
    assert (capacity <= torch.minimum(of_a[:, None], of_b[None]) + EXACT).all()
    assert (of_a <= math.log2(6) + EXACT).all()


@pytest.mark.parametrize("n_bins", [1, 2, 32])
@pytest.mark.parametrize("value", [0.0, 0.1, 123.456])
def test_a_dead_channel_has_no_entropy_of_distances_and_leaves_the_others_alone(value, n_bins):
    maps = maps_of(20, 3, 4)
    alive = distance_entropy(maps, n_bins=n_bins)
    maps[:, 1] = value
    result = distance_entropy(maps, n_bins=n_bins)
    assert float(result[1]) == 0
    assert torch.equal(result[[0, 2]], alive[[0, 2]])


@pytest.mark.parametrize("side", [1.0, 0.1, 1 / 3])
@pytest.mark.parametrize("n", [2, 3, 20, 100])
def test_distances_that_are_all_alike_have_no_entropy(n, side):
    alike = side * torch.eye(n, dtype=torch.float64)[:, None]  # every two maps differ by `side` in two places
    assert float(distance_entropy(alike)) == pytest.approx(0, abs=EXACT)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_distances_of_two_kinds_have_the_entropy_of_their_shares(offset):
    # n = 20 in two halves: of 190 pairs, 90 are copies at distance 0 and 100 are far
    halves = ((torch.arange(20) < 10).double() * 3.3 + offset)[:, None, None].expand(20, 1, 5)
    share = 90 / 190
    entropy = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    assert float(distance_entropy(halves)) == pytest.approx(entropy, abs=EXACT)


def test_evenly_spread_distances_fill_all_bins():
    # on a line at 0, 1, 3: distances 1, 2 and 3, one in each of three bins
    line = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)[:, None, None]
    assert float(distance_entropy(line, n_bins=3)) == pytest.approx(math.log2(3), abs=EXACT)
    assert float(distance_entropy(line, n_bins=2)) == pytest.approx(math.log2(3) - 2 / 3, abs=EXACT)  # 1 | 2, 3


def test_a_single_far_sample_leaves_most_bins_empty():
    maps = maps_of(40, 1, 3)
    before = float(distance_entropy(maps))
    maps[0] += 1000
    # two bins: the 39 distances to it lie within a few of the largest, all others at the small end
    share = 39 / 780
    entropy = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    assert float(distance_entropy(maps)) == pytest.approx(entropy, abs=EXACT)
    assert before > 4


# ------------------------------------------------------------------------------------ label entropies


@pytest.mark.parametrize("n_classes", [3, 6])
def test_label_entropies_match_a_confusion_matrix_made_by_hand(n_classes):
    generator = np.random.default_rng(0)
    y_true, y_predicted = generator.integers(3, size=(2, 200))
    result = label_entropies(y_true, y_predicted, n_classes)
    expected = label_entropies_by_hand(y_true, y_predicted, n_classes)
    np.testing.assert_allclose(result.predicted_given_true, expected[0], atol=EXACT)
    np.testing.assert_allclose(result.true_given_predicted, expected[1], atol=EXACT)
    assert result.predicted_given_true.shape == (n_classes,)


def test_four_labels_give_the_values_by_hand():
    result = label_entropies([0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 1, 1])
    # true 0: answers 0, 0, 1, 1; true 1: always 1. Answer 0: always 0; answer 1: twice 0 and twice 1
    assert result.predicted_given_true.tolist() == pytest.approx([1.0, 0.0])
    assert result.true_given_predicted.tolist() == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize("shift", [0, 1, 9])
def test_right_answers_and_answers_always_wrong_by_one_class_have_no_entropy(shift):
    y = torch.arange(10).repeat(5)
    for entropies in label_entropies(y, (y + shift) % 10):
        assert entropies.tolist() == [0.0] * 10


def test_always_the_same_answer_leaves_the_entropy_of_the_labels():
    result = label_entropies(torch.arange(10).repeat(7), torch.full((70,), 4))
    assert result.predicted_given_true.tolist() == [0.0] * 10
    assert float(result.true_given_predicted[4]) == pytest.approx(3.32193, abs=5e-6)  # log2 10, five decimals are given
    assert torch.isnan(result.true_given_predicted[[0, 1, 2, 3, 5, 6, 7, 8, 9]]).all()


def test_absent_classes_are_nan_on_the_side_where_they_are_absent():
    result = label_entropies([0, 0, 2, 2], [0, 3, 3, 3], n_classes=6)
    assert torch.isnan(result.predicted_given_true).tolist() == [False, True, False, True, True, True]
    assert torch.isnan(result.true_given_predicted).tolist() == [False, True, True, False, True, True]
    assert result.predicted_given_true[[0, 2]].tolist() == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("n_classes", [1, 3])
def test_labels_not_below_the_number_of_classes_are_refused(n_classes):
    for y_true, y_predicted in (([0, 3], [0, 0]), ([0, 0], [0, 3])):
        with pytest.raises(ValueError, match=rf"^n_classes must .*; got n_classes={n_classes}"):
            label_entropies(y_true, y_predicted, n_classes)


def test_labels_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"^y_predicted must have the shape \(3,\); got shape=\(2,\)"):
        label_entropies([0, 1, 1], [0, 1])
