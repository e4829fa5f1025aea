"""Exact information against counting by hand and adaptive quadrature, and where the answer is known."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_formulas import (
    BITS_PER_NAT,
    information_by_counting,
    mixture_information_by_hand,
    mixture_information_by_quadrature,
    table_information_by_loops,
)

from mi_kit.estimators import (
    ExactInformation,
    binned_information,
    discrete_information,
    exact_information,
    kde_information,
    mixture_information,
    quantise,
)

EXACT = 1e-12  # bits: entropies are summed in float64
QUADRATURE = 1e-8  # bits: the promise is 1e-9, and scipy's pieces add up to about as much
FLOAT32 = 1e-5  # bits: centres rounded to float32
N = 8  # samples in the tests of what is refused
few_examples = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def made(n=200, d=3, n_levels=4, n_classes=3, seed=0):
    """Levels that depend on the label, so that no quantity is trivial."""
    generator = np.random.default_rng(seed)
    y = generator.integers(n_classes, size=n)
    return torch.tensor((generator.integers(n_levels, size=(n, d)) + y[:, None]) // 2), torch.tensor(y)


def assert_matches_by_hand(result, states, y, weights=None):
    i_xt, i_ty = information_by_counting(np.asarray(states), np.asarray(y), weights)
    assert float(result.i_xt) == pytest.approx(i_xt, abs=EXACT)
    assert float(result.i_ty) == pytest.approx(i_ty, abs=EXACT)


def assert_values(result, i_xt, i_ty, tolerance=EXACT):
    assert float(result.i_xt) == pytest.approx(i_xt, abs=tolerance)
    assert float(result.i_ty) == pytest.approx(i_ty, abs=tolerance)


# ------------------------------------------------------------------------------------ counting


@pytest.mark.parametrize("n_levels", [1, 2, 7, 256])
@pytest.mark.parametrize("d", [1, 3, 12])
def test_counting_matches_a_dictionary_of_rows(d, n_levels):
    states, y = made(d=d, n_levels=n_levels)
    result = exact_information(states, y)
    assert isinstance(result, ExactInformation)
    assert_matches_by_hand(result, states, y)


@pytest.mark.parametrize(("d", "n_levels"), [(2000, 2), (2000, 256), (31, 4), (32, 4), (62, 2), (63, 2), (100, 10**6)])
def test_wide_rows_match_a_dictionary_of_rows(d, n_levels):
    generator = np.random.default_rng(d)
    distinct = generator.integers(n_levels, size=(40, d))
    states = distinct[generator.integers(40, size=150)]  # rows recur
    y = generator.integers(3, size=150)
    assert_matches_by_hand(exact_information(states, y), states, y)


@pytest.mark.parametrize("place", [0, 1, 999, 1998, 1999])
def test_wide_rows_that_differ_in_one_column_are_told_apart(place):
    states = np.full((64, 2000), 255)
    states[:, place] = np.arange(64)
    assert_values(exact_information(states, np.arange(64) % 2), 6, 1)


def test_rows_with_the_same_values_in_other_columns_are_told_apart():
    states = torch.eye(500, dtype=torch.int64)
    assert_values(exact_information(states, torch.arange(500) % 2), math.log2(500), 1)


@pytest.mark.parametrize("copies", [1, 5, 6, 50])
def test_all_patterns_of_12_bits_are_told_apart_at_any_width(copies):
    patterns = (torch.arange(4096)[:, None] >> torch.arange(12)) & 1
    assert_values(exact_information(patterns.repeat(1, copies), torch.arange(4096) % 2), 12, 1)


@pytest.mark.parametrize(
    "levels",
    [
        [0, 10**18, -(10**18), 1],
        [2**62, 2**62 - 1, -(2**62), 0],
        [-(2**63), 2**63 - 1, 0, 1],  # all that int64 holds
        [-1, -2, -3, -4],
    ],
    ids=str,
)
@pytest.mark.parametrize("d", [1, 3, 70])
def test_huge_and_negative_levels_are_told_apart(d, levels):
    # four levels in the first column, two in the others: eight states that depend on both
    states = torch.tensor(levels).repeat(2).unsqueeze(1).repeat(1, d)
    states[:, 1:] = torch.tensor(levels)[[0, 0, 0, 0, 3, 3, 3, 3], None]
    y = torch.arange(8) % 4 // 2
    assert_matches_by_hand(exact_information(states, y), states, y)


@pytest.mark.parametrize("levels", [[1e10, 2e10, 3e10], [1e15, 1e15 + 1, 0], [1e19, 2e19, 3e19], [1e300, -1e300, 0]])
def test_huge_whole_numbers_in_float64_are_told_apart(levels):
    states = torch.tensor(levels, dtype=torch.float64).unsqueeze(1)
    assert_values(exact_information(states, [0, 1, 2]), math.log2(3), math.log2(3))


@pytest.mark.parametrize("n", [2, 3, 64, 1000])
def test_n_distinct_rows_hold_log2_n(n):
    assert_values(exact_information(torch.arange(n)[:, None], torch.zeros(n)), math.log2(n), 0)


def test_five_samples_of_two_bits_give_the_value_by_hand():
    # joint counts of 5: (0,1) twice, (1,0) twice, (0,0) once; I = .29110 nats
    result = exact_information([[0], [1], [1], [0], [0]], [1, 0, 0, 0, 1])
    assert float(result.i_ty) == pytest.approx(0.29110 * BITS_PER_NAT, abs=1e-5)  # five decimals are given
    assert float(result.i_xt) == pytest.approx(-0.4 * math.log2(0.4) - 0.6 * math.log2(0.6), abs=EXACT)


def test_xor_is_seen_in_both_bits_and_in_neither_alone():
    bits = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]).repeat(10, 1)
    y = bits[:, 0] ^ bits[:, 1]
    assert_values(exact_information(bits, y), 2, 1)
    for column in (0, 1):
        assert_values(exact_information(bits[:, [column]], y), 1, 0)


def test_the_12_bit_inputs_hold_12_bits_of_themselves_and_the_entropy_of_their_label():
    patterns = (torch.arange(4096)[:, None] >> torch.arange(12)) & 1
    y = (torch.arange(4096) * 1237 % 4096 < 2118).long()  # mean label 2118 / 4096 = .51709
    result = exact_information(patterns, y)
    assert float(result.i_xt) == pytest.approx(12, abs=EXACT)
    assert float(result.i_ty) == pytest.approx(0.99916, abs=5e-6)  # five decimals are given
    of_layer = exact_information(patterns[:, :5], y)  # a function of the input holds no more
    assert of_layer.i_xt <= 12
    assert of_layer.i_ty <= result.i_ty


def test_ten_uniform_classes_that_know_themselves_hold_their_entropy():
    y = torch.arange(10).repeat(7)
    assert float(exact_information(y[:, None], y).i_ty) == pytest.approx(3.32193, abs=5e-6)  # five decimals are given


@pytest.mark.parametrize("value", [0, 7, -123, 10**15])
def test_constant_states_give_zero(value):
    assert_values(exact_information(torch.full((50, 4), value), torch.arange(50) % 2), 0, 0)


def test_constant_features_and_repeated_columns_change_nothing():
    states, y = made()
    wider = torch.cat([torch.full((200, 2), 5), states, states.flip(1)], dim=1)
    assert_matches_by_hand(exact_information(wider, y), states, y)


def test_repeating_every_input_changes_nothing():
    states, y = made()
    assert_matches_by_hand(exact_information(states.repeat(3, 1), y.repeat(3)), states, y)


def test_one_class_only_gives_zero():
    states, _ = made()
    assert float(exact_information(states, torch.zeros(200)).i_ty) == pytest.approx(0, abs=EXACT)


def test_an_empty_class_changes_nothing():
    states, y = made()
    renamed = torch.where(y == 2, 9, y)  # classes 2 to 8 are empty
    assert_matches_by_hand(exact_information(states, renamed), states, y)


def test_counting_a_batch_equals_a_loop():
    states = torch.stack([made(seed=s, d=4)[0] for s in range(6)]).reshape(2, 3, 200, 4) * 1000
    y = made()[1]
    batch = exact_information(states, y)
    assert batch.i_xt.shape == batch.i_ty.shape == (2, 3)
    for place in np.ndindex(2, 3):
        assert_matches_by_hand(ExactInformation(batch.i_xt[place], batch.i_ty[place]), states[place], y)


@pytest.mark.parametrize("d", [2, 100])
def test_weights_of_inputs_match_counting(d):
    states, y = made(n=60, d=d, n_levels=2)
    weights = np.random.default_rng(0).uniform(size=60)
    weights[:5] = 0  # these do not occur
    assert_matches_by_hand(exact_information(states, y, weights=weights), states, y, weights)
    assert_matches_by_hand(exact_information(states, y, weights=1e6 * weights), states, y, weights)


def test_integer_weights_equal_repeated_inputs():
    states, y = made(n=60)
    weights = torch.arange(60) % 4
    repeated = exact_information(states.repeat_interleave(weights, 0), y.repeat_interleave(weights))
    assert_values(exact_information(states, y, weights=weights), float(repeated.i_xt), float(repeated.i_ty))


@given(seed=seeds, n_states=st.integers(2, 20), d=st.integers(1, 3))
@few_examples
def test_a_function_of_t_holds_no_more_information_than_t(seed, n_states, d):
    generator = np.random.default_rng(seed)
    states = generator.integers(n_states, size=(80, d))
    y = generator.integers(3, size=80)
    weights = generator.uniform(0.1, 1, size=80)
    g_of_t = generator.integers(n_states, size=n_states)[states].sum(1, keepdims=True)
    of_t, of_g = (exact_information(each, y, weights=weights) for each in (states, g_of_t))
    assert of_g.i_xt <= of_t.i_xt + EXACT
    assert of_g.i_ty <= of_t.i_ty + EXACT
    assert -EXACT <= of_t.i_ty <= of_t.i_xt + EXACT


@given(seed=seeds)
@few_examples
def test_names_and_order_of_states_do_not_matter(seed):
    states, y = made(seed=seed, d=2)
    generator = np.random.default_rng(seed)
    order, names = generator.permutation(200), generator.permutation(1000)
    plain, mixed = exact_information(states, y), exact_information(names[states[order]], y[order])
    assert_values(mixed, float(plain.i_xt), float(plain.i_ty))


# ------------------------------------------------------------------------------------ quantise


@pytest.mark.parametrize(("n_levels", "bounds"), [(4, (0, 1)), (256, (-1, 1)), (7, (-3.5, 0)), (2, (10, 12))])
def test_levels_are_the_floor_of_equal_steps(n_levels, bounds):
    low, high = bounds
    t = np.random.default_rng(0).uniform(low - 1, high + 1, size=(50, 6))
    expected = np.floor((t - low) / (high - low) * n_levels).clip(0, n_levels - 1)
    result = quantise(t, n_levels=n_levels, range=bounds)
    assert result.dtype == torch.int64
    np.testing.assert_array_equal(result, expected)


def test_an_edge_belongs_to_the_level_above_and_the_top_edge_to_the_last():
    t = torch.tensor([0.0, 0.249, 0.25, 0.5, 0.75, 0.999, 1.0])  # quarters are exact in binary
    assert quantise(t, n_levels=4, range=(0, 1)).tolist() == [0, 0, 1, 2, 3, 3, 3]


def test_values_beyond_the_range_are_at_its_ends():
    t = [-1e300, -5.0, -1.0, 1.0, 7.0, 1e300]
    assert quantise(torch.tensor(t, dtype=torch.float64), range=(-1, 1)).tolist() == [0, 0, 0, 255, 255, 255]


def test_the_default_has_256_levels_and_the_range_none():
    assert quantise(torch.linspace(0, 0.9999, 1000), range=(0, 1)).unique().tolist() == list(range(256))
    with pytest.raises(TypeError, match="range"):
        quantise([0.5])


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4, 5), (0, 2)])
def test_any_shape_is_quantised(shape):
    assert quantise(torch.zeros(shape), range=(0, 1)).shape == shape


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.int64, torch.uint8, torch.bool])
def test_every_dtype_is_quantised_as_its_float64(dtype):
    t = torch.linspace(0, 5, 40).to(dtype)
    expected = quantise(t.double(), n_levels=10, range=(0, 4))
    assert torch.equal(quantise(t, n_levels=10, range=(0, 4)), expected)


@given(values=st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=30), n_levels=st.integers(2, 1000))
@few_examples
def test_levels_rise_with_the_values(values, n_levels):
    levels = quantise(torch.tensor(sorted(values), dtype=torch.float64), n_levels=n_levels, range=(-100.0, 37.5))
    assert (levels.diff() >= 0).all()
    assert 0 <= levels.min() <= levels.max() <= n_levels - 1


def test_counting_levels_equals_binning_activations():
    generator = np.random.default_rng(0)
    t, y = generator.uniform(-1, 1, size=(300, 2)), generator.integers(3, size=300)
    counted = exact_information(quantise(t, n_levels=6, range=(-1, 1)), y)
    binned = binned_information(t, y, n_bins=6, range=(-1, 1))
    assert_values(counted, float(binned.i_xt), float(binned.i_ty))


# ------------------------------------------------------------------------------------ tables


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2), (4, 7), (60, 3)])
def test_information_of_a_table_matches_its_cells(shape):
    table = np.random.default_rng(0).uniform(size=shape) ** 3
    table[table < 0.01] = 0
    table[0, 0] = 0.5
    assert float(discrete_information(table)) == pytest.approx(table_information_by_loops(table), abs=EXACT)


@pytest.mark.parametrize(
    ("table", "nats"),
    [
        ([[1, 2], [2, 0]], 0.29110),  # [0,1,1,0,0] with [1,0,0,0,1]
        ([[0.5, 0], [0, 0.5]], math.log(2)),
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], math.log(3)),
        ([[0.06, 0.14], [0.24, 0.56]], 0.0),  # .2 and .8 times .3 and .7
        ([[1, 1, 0], [0, 1, 1]], math.log(2) / 2),  # the outer columns, half of all, decide the row
        ([[3, 5, 7]], 0.0),
        ([[3], [5]], 0.0),
    ],
    ids=str,
)
def test_information_of_a_table_by_hand(table, nats):
    assert float(discrete_information(table)) == pytest.approx(nats * BITS_PER_NAT, abs=1e-5)  # five decimals are given


def test_xor_of_two_fair_bits_as_tables():
    of_one_bit, of_both = [[1, 1], [1, 1]], [[1, 0], [0, 1], [0, 1], [1, 0]]
    assert float(discrete_information(of_one_bit)) == pytest.approx(0, abs=EXACT)
    assert float(discrete_information(of_both)) == pytest.approx(1, abs=EXACT)


def test_tables_in_a_batch_equal_a_loop():
    tables = np.random.default_rng(0).uniform(size=(2, 3, 4, 5)) * [[[[1e-6]], [[1.0]], [[1e6]]]]
    batch = discrete_information(tables)
    assert batch.shape == (2, 3)
    for place in np.ndindex(2, 3):
        assert float(batch[place]) == pytest.approx(table_information_by_loops(tables[place]), abs=EXACT)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.int64, torch.uint8, torch.bool])
def test_tables_of_every_dtype_give_float64(dtype):
    table = torch.tensor([[3, 0, 1], [1, 4, 2]]).to(dtype)
    result = discrete_information(table)
    assert result.dtype == torch.float64
    assert float(result) == pytest.approx(table_information_by_loops(table.double()), abs=EXACT)


def test_a_table_of_counts_is_biased_upward_as_its_docstring_says():
    generator = np.random.default_rng(0)
    n, counts = 400, []
    for _ in range(400):
        cells = generator.integers(12, size=n)  # independent: the truth is 0
        counts.append(np.bincount(cells, minlength=12).reshape(3, 4))
    bias = float(discrete_information(np.stack(counts)).mean())
    # standard error of the mean of 400 estimates: 1 / sqrt(400) of a chi-square's spread, about 3 %
    assert bias == pytest.approx((3 - 1) * (4 - 1) / (2 * n * math.log(2)), rel=0.1)


@given(seed=seeds, rows=st.integers(2, 6), columns=st.integers(2, 6))
@few_examples
def test_merging_columns_of_a_table_loses_information_or_nothing(seed, rows, columns):
    generator = np.random.default_rng(seed)
    table = generator.uniform(size=(rows, columns)) * (generator.uniform(size=(rows, columns)) < 0.7) + 1e-3
    groups = generator.integers(columns, size=columns)
    merged = np.zeros((rows, columns))
    for column, group in enumerate(groups):
        merged[:, group] += table[:, column]
    information = float(discrete_information(table))
    assert float(discrete_information(merged)) <= information + EXACT
    assert -EXACT <= information <= math.log2(min(rows, columns)) + EXACT
    assert float(discrete_information(table.T)) == pytest.approx(information, abs=EXACT)


# ------------------------------------------------------------------------------------ mixtures on a line


def on_a_line(n=12, scale=1.0, seed=0):
    generator = np.random.default_rng(seed)
    return scale * generator.normal(size=n), generator.integers(3, size=n)


@pytest.mark.parametrize("variance", [1e-4, 0.01, 0.1, 1.0, 100.0])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_quadrature_matches_adaptive_quadrature(scale, variance):
    centres, y = on_a_line(scale=scale)
    result = mixture_information(centres[:, None], y, noise_variance=variance)
    assert_values(result, *mixture_information_by_hand(centres, y, variance), QUADRATURE)


def test_quadrature_matches_the_formula_that_judges_the_kernel_bounds():
    centres, y = on_a_line()
    exact = mixture_information_by_quadrature(centres, 0.1)
    assert float(mixture_information(centres[:, None], y).i_xt) == pytest.approx(exact, abs=QUADRATURE)


def test_weights_of_centres_match_adaptive_quadrature():
    centres, y = on_a_line()
    weights = np.random.default_rng(1).uniform(size=12)
    weights[:3] = 0
    for factor in (1, 1e-6, 1e6):
        result = mixture_information(centres[:, None], y, noise_variance=0.2, weights=factor * weights)
        assert_values(result, *mixture_information_by_hand(centres, y, 0.2, weights), QUADRATURE)


def test_a_class_without_weight_and_an_empty_class_change_nothing():
    centres, _ = on_a_line()
    y = np.array([0, 0, 0, 5, 5, 5, 5, 5, 5, 9, 9, 9])  # 1-4 and 6-8 are empty
    weights = np.array([0.0] * 3 + [1.0] * 9)  # and 0 never occurs
    result = mixture_information(centres[:, None], y, weights=weights)
    rest = mixture_information(centres[3:, None], [0] * 6 + [1] * 3)
    assert_values(result, float(rest.i_xt), float(rest.i_ty), EXACT)


def test_integer_weights_equal_repeated_centres():
    centres, y = on_a_line()
    weights = np.arange(12) % 4
    repeated = mixture_information(centres.repeat(weights)[:, None], y.repeat(weights))
    result = mixture_information(centres[:, None], y, weights=weights)
    assert_values(result, float(repeated.i_xt), float(repeated.i_ty), QUADRATURE)


@pytest.mark.parametrize("variance", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_kernel_bounds_enclose_the_exact_information(seed, variance):
    centres, y = on_a_line(20, [0.3, 1, 3, 10][seed], seed)
    lower, upper = kde_information(centres[:, None], y, noise_variance=variance, bound="both")
    exact = mixture_information(centres[:, None], y, noise_variance=variance)
    assert float(lower.i_xt) <= float(exact.i_xt) + QUADRATURE
    assert float(exact.i_xt) <= float(upper.i_xt) + QUADRATURE


def test_two_points_at_distance_one_give_the_known_value():
    result = mixture_information([[0.0], [1.0]], [0, 1], noise_variance=0.1)
    assert float(result.i_xt) == pytest.approx(0.54960 * BITS_PER_NAT, abs=1e-5)  # five decimals are given
    assert float(result.i_ty) == pytest.approx(float(result.i_xt), abs=EXACT)  # the label is the centre


@pytest.mark.parametrize("n", [2, 16, 100])
@pytest.mark.parametrize("distance", [100.0, 1e5])
def test_points_far_apart_give_log2_n(distance, n):
    result = mixture_information(distance * torch.arange(n).unsqueeze(1).double(), torch.arange(n) % 2)
    assert_values(result, math.log2(n), 1, QUADRATURE)


@pytest.mark.parametrize("value", [0.0, 1.0, -123.456, 1e6])
def test_identical_points_give_zero(value):
    result = mixture_information(torch.full((50, 1), value, dtype=torch.float64), torch.arange(50) % 3)
    assert_values(result, 0, 0, QUADRATURE)


@pytest.mark.parametrize("c", [2, 3, 8])
def test_equal_far_clusters_give_log2_of_their_number(c):
    clusters = torch.arange(c).repeat(9)
    result = mixture_information(50.0 * clusters.unsqueeze(1), clusters)
    assert_values(result, math.log2(c), math.log2(c), QUADRATURE)


def test_wide_noise_leaves_the_signal_to_noise_ratio():
    # I = 1/2 log2(1 + signal / noise) to first order, whatever the distribution
    centres, y = on_a_line()
    expected = centres.var() / 1e4 / 2 * BITS_PER_NAT
    result = mixture_information(centres[:, None], y, noise_variance=1e4)
    assert float(result.i_xt) == pytest.approx(expected, rel=1e-3)  # the next order is the square of 1e-4


@pytest.mark.parametrize("tile_elements", [1, 7, 1000, 1 << 22])
def test_tile_sizes_of_the_quadrature_agree(tile_elements):
    centres, y = on_a_line(5)
    tiled = mixture_information(centres[:, None], y, tile_elements=tile_elements)
    whole = mixture_information(centres[:, None], y)
    assert_values(tiled, float(whole.i_xt), float(whole.i_ty))


def test_mixtures_in_a_batch_equal_a_loop():
    scales = np.array([[0.01, 1.0, 30.0], [0.1, 3.0, 300.0]])[..., None, None]
    centres, y = np.random.default_rng(0).normal(size=(2, 3, 5, 1)) * scales, np.arange(5) % 3
    batch = mixture_information(centres, y, noise_variance=0.3)
    assert batch.i_xt.shape == batch.i_ty.shape == (2, 3)
    for place in np.ndindex(2, 3):
        one = ExactInformation(batch.i_xt[place], batch.i_ty[place])
        assert_values(one, *mixture_information_by_hand(centres[place][:, 0], y, 0.3), QUADRATURE)


@given(seed=seeds, shift=st.floats(-1000, 1000), factor=st.sampled_from([-3.0, 0.01, 100.0]))
@few_examples
def test_shifting_and_scaling_with_the_noise_changes_nothing(seed, shift, factor):
    centres, y = on_a_line(seed=seed)
    plain = mixture_information(centres[:, None], y, noise_variance=0.1)
    moved = mixture_information(factor * centres[:, None] + shift, y, noise_variance=0.1 * factor**2)
    # at factor .01 centres near 1,000 carry errors of 1e-13 / .003 standard deviations
    assert_values(moved, float(plain.i_xt), float(plain.i_ty), QUADRATURE)


@given(seed=seeds)
@few_examples
def test_more_noise_leaves_less_information(seed):
    centres, y = on_a_line(seed=seed)
    found = [mixture_information(centres[:, None], y, noise_variance=v) for v in (0.01, 0.1, 1.0, 10.0)]
    for less, more in pairwise(found):
        assert more.i_xt <= less.i_xt + QUADRATURE
        assert more.i_ty <= less.i_ty + QUADRATURE
    for one in found:
        assert -QUADRATURE <= one.i_ty <= one.i_xt + QUADRATURE
        assert one.i_xt <= math.log2(12) + QUADRATURE


# ------------------------------------------------------------------------------------ what may come in


GUISES = {
    "transposed": lambda t: t.T.contiguous().T,
    "every second column": lambda t: t.repeat_interleave(2, 1)[:, ::2],
    "carrying a gradient": lambda t: t.double().requires_grad_(),
    "numpy": lambda t: t.numpy(),
    "numpy, Fortran order": lambda t: np.asfortranarray(t.numpy()),
    "nested lists": lambda t: t.tolist(),
}
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8, torch.uint8, torch.int64, torch.bool]


@pytest.mark.parametrize("kind", GUISES)
def test_the_guise_of_the_input_does_not_matter(kind):
    states, y = made()
    guise = GUISES[kind]
    counted, plain = exact_information(guise(states), y), exact_information(states, y)
    assert_values(counted, float(plain.i_xt), float(plain.i_ty))
    mixed, plain = (mixture_information(each, y[:20]) for each in (guise(states[:20, :1]), states[:20, :1]))
    assert_values(mixed, float(plain.i_xt), float(plain.i_ty))
    table = discrete_information(guise(states[:6]))
    assert float(table) == pytest.approx(float(discrete_information(states[:6])), abs=EXACT)
    levels = quantise(guise(states), n_levels=5, range=(0, 3))
    assert torch.equal(levels, quantise(states, n_levels=5, range=(0, 3)))
    assert not any(value.requires_grad for value in (*counted, *mixed, table, levels))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_whole_numbers_of_every_dtype_are_counted_in_float64(dtype):
    states, y = made()
    states = states.to(dtype)
    result = exact_information(states, y)
    assert {value.dtype for value in result} == {torch.float64}
    assert_matches_by_hand(result, states.double(), y)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_centres_of_every_dtype_give_float64(dtype):
    centres, y = on_a_line()
    centres = torch.tensor(3 * np.abs(centres)).to(dtype)
    result = mixture_information(centres[:, None], y)
    assert {value.dtype for value in result} == {torch.float64}
    # of the rounded values
    assert_values(result, *mixture_information_by_hand(centres.double().numpy(), y, 0.1), QUADRATURE)


@pytest.mark.parametrize("variance", [1, np.float64(1), np.float32(1), np.int64(1)], ids=repr)
def test_one_noise_variance_of_any_kind_is_taken(variance):
    result = mixture_information([[0.0], [1.0]], [0, 1], noise_variance=variance)
    plain = mixture_information([[0.0], [1.0]], [0, 1], noise_variance=1.0)
    assert_values(result, float(plain.i_xt), float(plain.i_ty))


def test_input_is_left_as_it_was():
    states, y = made()
    weights, before = torch.ones(200), (states.clone(), y.clone())
    exact_information(states, y, weights=weights)
    mixture_information(states[:, :1].double(), y, weights=weights)
    discrete_information(states)
    quantise(states, range=(0, 1))
    assert torch.equal(states, before[0])
    assert torch.equal(y, before[1])
    assert torch.equal(weights, torch.ones(200))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_the_gpu_gives_what_the_cpu_gives():
    states, y = made()
    for one, other in (
        (exact_information(states.cuda(), y), exact_information(states, y)),
        (mixture_information(states[:, :1].cuda(), y), mixture_information(states[:, :1], y)),
    ):
        assert one.i_xt.device.type == "cuda"
        assert_values(one, float(other.i_xt), float(other.i_ty), QUADRATURE)


# ------------------------------------------------------------------------------------ what is refused


def refused(name: str, received: str):
    """A ValueError whose first word is the argument, and that says what it got."""
    escaped = "".join(f"\\{c}" if c in r".^$*+?{}[]\|()" else c for c in received)
    return pytest.raises(ValueError, match=rf"^{name}\b(?s:.*)\bgot (?s:.*)(?i:{escaped})")


def spoilt(value, d=2):
    bad = torch.arange(N * d).reshape(N, d).double()
    bad[3, 0] = value
    return bad


Y = torch.arange(N) % 2
BAD_NUMBERS = {
    "NaN": (lambda d: spoilt(math.nan, d), ""),
    "inf": (lambda d: spoilt(math.inf, d), ""),
    "minus inf": (lambda d: spoilt(-math.inf, d), ""),
    "complex": (lambda d: torch.ones(N, d, dtype=torch.complex64), "complex"),
    "a string": (lambda d: "activations", "str"),
    "strings": (lambda d: [["a"], ["b"]], "list"),
    "None": (lambda d: None, "NoneType"),
    "ragged": (lambda d: [[1, 2], [3]], "list"),
}
BAD_SHAPES = {
    "1-D": (lambda d: torch.arange(N), "(8,)"),
    "0-D": (lambda d: torch.tensor(1), "()"),
    "no feature": (lambda d: torch.zeros(N, 0), "(8, 0)"),
    "one sample": (lambda d: torch.zeros(1, d), "1"),
    "no sample": (lambda d: torch.zeros(0, d), "0"),
}
BAD_SAMPLES = BAD_NUMBERS | BAD_SHAPES


@pytest.mark.parametrize("case", BAD_SAMPLES)
def test_bad_states_are_refused(case):
    make, received = BAD_SAMPLES[case]
    with refused("states", received):
        exact_information(make(2), Y)


@pytest.mark.parametrize("value", [0.5, -1e-9, 2.0000001])
def test_states_that_are_not_whole_are_refused_with_one_of_them(value):
    with refused("states", str(value)[:5]):
        exact_information(spoilt(value), Y)


@pytest.mark.parametrize("case", BAD_SAMPLES)
def test_bad_centres_are_refused(case):
    make, received = BAD_SAMPLES[case]
    with refused("centres", received):
        mixture_information(make(1), Y)


def test_centres_of_two_features_are_refused():
    with refused("centres", "(8, 2)"):
        mixture_information(torch.zeros(N, 2), Y)


@pytest.mark.parametrize("case", BAD_NUMBERS)
def test_bad_numbers_are_refused_by_quantise(case):
    make, received = BAD_NUMBERS[case]
    with refused("t", received):
        quantise(make(2), range=(0, 1))


@pytest.mark.parametrize("case", BAD_NUMBERS)
def test_bad_numbers_in_a_table_are_refused(case):
    make, received = BAD_NUMBERS[case]
    with refused("joint", received):
        discrete_information(make(2))


@pytest.mark.parametrize(
    ("table", "received"),
    [
        (torch.ones(4), "(4,)"),
        (torch.tensor(1.0), "()"),
        (torch.zeros(2, 0), "(2, 0)"),
        (torch.zeros(0, 2), "(0, 2)"),
        (torch.zeros(3, 3), "0"),
        (torch.stack([torch.ones(2, 2), torch.zeros(2, 2)]), "0"),
        ([[1.0, -0.25], [1.0, 1.0]], "-0.25"),
    ],
    ids=["1-D", "0-D", "no columns", "no rows", "zeros", "zeros in a batch", "negative"],
)
def test_bad_tables_are_refused(table, received):
    with refused("joint", received):
        discrete_information(table)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("n_levels", value) for value in (1, 0, -1, 2.0, True, None, "8", math.nan)),
        *(("range", value) for value in ((1, 0), (1, 1), (0, math.nan), (-math.inf, 0), (0, 1, 2), 5, None, "ab")),
    ],
)
def test_bad_arguments_are_refused_by_quantise(argument, value):
    with refused(argument, repr(value)):
        quantise([0.5], **({"range": (0, 1)} | {argument: value}))


@pytest.mark.parametrize("value", [0, 0.0, -0.1, math.nan, math.inf, None, "0.1", True, [0.1], 1j], ids=repr)
def test_bad_noise_variances_are_refused(value):
    with refused("noise_variance", repr(value)):
        mixture_information(spoilt(0, 1), Y, noise_variance=value)


@pytest.mark.parametrize("value", [0, -1, 2.5, True, None, "3"], ids=repr)
def test_bad_tiles_are_refused(value):
    with refused("tile_elements", repr(value)):
        mixture_information(spoilt(0, 1), Y, tile_elements=value)


@pytest.mark.parametrize("function", [exact_information, mixture_information])
@pytest.mark.parametrize(
    ("y", "received"),
    [
        (torch.zeros(N - 1), "(7,)"), (torch.zeros(N + 1), "(9,)"), (torch.zeros(N, 1), "(8, 1)"), (1, "()"),
        ([0, 1, 0, 1, 0, 1, 0, -1], "-1"), ([0.5] * N, "0.5"), ([math.nan] * N, "nan"), ([math.inf] * N, "inf"),
        (torch.zeros(N, dtype=torch.complex64), "complex"), (["cat"] * N, "list"), ("labels", "str"),
        (None, "NoneType"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_labels_are_refused(function, y, received):
    with refused("y", received):
        function(spoilt(0, 1), y)


@pytest.mark.parametrize("function", [exact_information, mixture_information])
@pytest.mark.parametrize(
    ("weights", "received"),
    [
        (torch.ones(N - 1), "(7,)"), (torch.ones(N, 1), "(8, 1)"), (1.0, "()"), ([1.0] * 7 + [-1.0], "-1"),
        ([1.0] * 7 + [math.nan], "nan"), ([1.0] * 7 + [math.inf], "inf"), ([0.0] * N, "0"),
        (torch.ones(N, dtype=torch.complex64), "complex"), ("equal", "str"), (["a"] * N, "list"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_weights_are_refused(function, weights, received):
    with refused("weights", received):
        function(spoilt(0, 1), Y, weights=weights)


# ------------------------------------------------------------------------------------ at the ends of what floats hold


@pytest.mark.parametrize("n_levels", [2**53 + 1, 2**63, 10**30])
def test_more_levels_than_floats_tell_apart_are_refused(n_levels):
    with pytest.raises(ValueError, match=rf"^n_levels must .*; got n_levels={n_levels}"):
        quantise([0.1, 0.9, 1.0], n_levels=n_levels, range=(0, 1))


def test_as_many_levels_as_floats_tell_apart_are_taken():
    levels = quantise([0.0, 0.25, 1.0], n_levels=2**53, range=(0, 1))
    assert levels.tolist() == [0, 2**51, 2**53 - 1]


@pytest.mark.parametrize("bounds", [(-1e308, 1e308), (0, 1e-300)])
def test_a_range_whose_width_floats_do_not_hold_is_refused(bounds):
    with pytest.raises(ValueError, match=r"^range must .*; got range="):
        quantise([0.0, bounds[0], bounds[1]], range=bounds)


@pytest.mark.parametrize("noise_variance", [1e-300, 1e-30, 1e-4])
def test_centres_very_far_apart_give_their_number_of_bits(noise_variance):
    found = mixture_information([[0.0], [1.0], [1e9], [-1e300]], [0, 1, 0, 1], noise_variance=noise_variance)
    assert_values(found, 2, 1, 1e-9)


def test_near_centres_are_told_apart_however_far_others_are():
    # 1 and the next float but one, a few standard deviations of the noise apart: their difference is exact
    near, deviation = np.nextafter(1, 2, dtype=float), 2.0**-52
    pair = mixture_information([[0.0], [1.0]], [0, 1], noise_variance=1.0)
    found = mixture_information([[1.0], [near], [-1e250], [-1e250]], [0, 1, 0, 1], noise_variance=deviation**2)
    # half of all samples lie at -1e250 and know nothing of their class: one bit for the place, half of the pair's
    assert_values(found, 1 + float(pair.i_xt) / 2, float(pair.i_ty) / 2, 1e-9)


@pytest.mark.parametrize("offset", [1e6, -1e12, 2.0**50])
def test_centres_far_from_zero_give_what_they_give_near_it(offset):
    centres = torch.tensor([[0.0], [1.0], [1.5], [4.0]], dtype=torch.float64)  # exact at every offset
    found, near = (mixture_information(centres + shift, [0, 1, 0, 1]) for shift in (offset, 0.0))
    assert_values(found, float(near.i_xt), float(near.i_ty), 1e-9)


@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("value", [1e308, 5e-324, 1e-300])
def test_a_table_whose_sum_no_float_holds_is_taken(value, n):
    assert float(discrete_information(value * np.eye(n))) == pytest.approx(math.log2(n), abs=EXACT)
