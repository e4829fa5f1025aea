"""Binned information against numpy.unique on whole rows, and where the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from slow_formulas import (
    BITS_PER_NAT,
    binned_by_hand,
    bins_by_width,
    bins_of_each_neuron,
    bins_of_equal_count,
    information_of_bins_by_hand,
)

from mi_kit.estimators import binned_class_information, binned_information

few_examples = settings(max_examples=20, deadline=None)
seeds = st.integers(0, 2**32 - 1)
EXACT = 1e-12  # bits: entropies are summed in float64
FLOAT32 = 1e-6  # bits: what rounding a number below 16 to float32 costs


def made(n=200, d=3, n_classes=3, seed=0):
    generator = np.random.default_rng(seed)
    y = generator.integers(n_classes, size=n)
    return torch.tensor(generator.normal(size=(n, d)) + y[:, None]), torch.tensor(y)


def assert_matches_by_hand(result, t, y, n_bins, bounds=None, weights=None, tolerance=EXACT):
    i_xt, i_ty = binned_by_hand(t, y, n_bins, bounds, weights)
    assert float(result.i_xt) == pytest.approx(i_xt, abs=tolerance)
    assert float(result.i_ty) == pytest.approx(i_ty, abs=tolerance)


# ------------------------------------------------------------------------------------ against the slow formula


@pytest.mark.parametrize("n_bins", [1, 2, 5, 30, 1000])
@pytest.mark.parametrize("d", [1, 3, 12])
def test_binning_matches_unique_rows(d, n_bins):
    t, y = made(d=d)
    assert_matches_by_hand(binned_information(t, y, n_bins=n_bins), t, y, n_bins)


@pytest.mark.parametrize("bounds", [(-10.0, 10.0), (-6, 20), (-100.0, 6.5)])
def test_binning_over_a_given_range_matches_unique_rows(bounds):
    t, y = made()
    assert_matches_by_hand(binned_information(t, y, n_bins=30, range=bounds), t, y, 30, bounds)


@pytest.mark.parametrize(("n_bins", "d"), [(30, 200), (2, 62), (2, 63), (2, 70), (1000, 7), (30, 5000)])
def test_long_rows_numbered_by_hash_match_unique_rows(n_bins, d):
    generator = np.random.default_rng(d)
    states = generator.normal(size=(40, d))
    t = torch.tensor(states[generator.integers(40, size=300)])  # rows recur, so hash and numpy must find the same 40
    y = torch.tensor(generator.integers(3, size=300))
    assert_matches_by_hand(binned_information(t, y, n_bins=n_bins), t, y, n_bins)


@pytest.mark.parametrize("copies", [1, 5, 6, 50, 400])
def test_all_patterns_of_12_bits_are_told_apart_at_any_width(copies):
    # 12 columns are numbered exactly, 72 and more by hash; 4,096 patterns hold exactly 12 bits
    patterns = (torch.arange(4096)[:, None] >> torch.arange(12)) & 1
    result = binned_information(patterns.repeat(1, copies), torch.arange(4096) % 2, n_bins=2)
    assert float(result.i_xt) == pytest.approx(12, abs=FLOAT32)
    assert float(result.i_ty) == pytest.approx(1, abs=FLOAT32)


@pytest.mark.parametrize("d", [8, 100, 500])
def test_rows_with_the_same_values_in_other_columns_are_told_apart(d):
    result = binned_information(torch.eye(d), torch.arange(d) % 2)
    assert float(result.i_xt) == pytest.approx(math.log2(d), abs=FLOAT32)


def test_batch_equals_loop():
    generator = torch.Generator().manual_seed(0)
    scales = torch.tensor([[0.1, 1.0, 10.0], [0.2, 2.0, 20.0]])[..., None, None]
    t, y = torch.randn(2, 3, 100, 2, generator=generator).double() * scales, torch.arange(100) % 3
    batch = binned_information(t, y, n_bins=6)
    assert (batch.i_xt.shape, batch.i_ty.shape) == ((2, 3), (2, 3))
    for a in range(2):
        for b in range(3):
            one = binned_information(t[a, b], y, n_bins=6)
            assert one.i_xt.shape == ()
            assert (batch.i_xt[a, b], batch.i_ty[a, b]) == (one.i_xt, one.i_ty)
            assert_matches_by_hand(one, t[a, b], y, 6)


# ------------------------------------------------------------------------------------ known answers


@pytest.mark.parametrize("n", [2, 3, 64, 1000])
@pytest.mark.parametrize("n_bins", [2, 30])
def test_n_distinct_rows_give_log2_n(n, n_bins):
    digits = torch.arange(n)[:, None] // n_bins ** torch.arange(10) % n_bins  # every row another number
    result = binned_information(digits.double(), torch.zeros(n), n_bins=n_bins, range=(0, n_bins - 1))
    assert float(result.i_xt) == pytest.approx(math.log2(n), abs=EXACT)


@pytest.mark.parametrize("bounds", [None, (-200, 200)])
@pytest.mark.parametrize("value", [0.0, 1.0, -123.456])
def test_constant_features_give_zero(value, bounds):
    result = binned_information(torch.full((50, 4), value), torch.arange(50) % 2, range=bounds)
    assert float(result.i_xt) == pytest.approx(0, abs=EXACT)
    assert float(result.i_ty) == pytest.approx(0, abs=EXACT)


def test_one_class_only_gives_zero():
    t, _ = made()
    assert float(binned_information(t, torch.zeros(200)).i_ty) == pytest.approx(0, abs=EXACT)


def test_xor_is_seen_in_both_bits_and_in_neither_alone():
    bits = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]).repeat(10, 1).double()
    y = (bits.sum(1) % 2).long()
    pair = binned_information(bits, y, n_bins=2)
    assert float(pair.i_xt) == pytest.approx(2, abs=EXACT)
    assert float(pair.i_ty) == pytest.approx(1, abs=EXACT)
    for column in (0, 1):
        assert float(binned_information(bits[:, [column]], y, n_bins=2).i_ty) == pytest.approx(0, abs=EXACT)


def test_five_samples_of_two_bits_give_the_value_by_hand():
    # joint counts of 5: (0,1) twice, (1,0) twice, (0,0) once; I = .29110 nats
    result = binned_information([[0.0], [1.0], [1.0], [0.0], [0.0]], [1, 0, 0, 0, 1], n_bins=2)
    assert float(result.i_ty) == pytest.approx(0.29110 * BITS_PER_NAT, abs=1e-5)  # five decimals are given


# ------------------------------------------------------------------------------------ edges and range


def test_top_edge_belongs_to_the_last_bin():
    y = [0, 1, 0, 1]
    result = binned_information([[0.0], [0.25], [0.75], [1.0]], y, n_bins=4, range=(0, 1))
    assert float(result.i_xt) == pytest.approx(1.5, abs=EXACT)  # states 0, 1, 3, 3
    assert float(result.i_ty) == pytest.approx(0.5, abs=EXACT)


def test_inner_edges_belong_to_the_bin_above():
    # quarters are exact in binary: 0.25 and 0.3 share a bin, 0.2 does not
    result = binned_information([[0.2], [0.25], [0.3], [0.5]], [0, 0, 0, 0], n_bins=4, range=(0, 1))
    assert float(result.i_xt) == pytest.approx(1.5, abs=EXACT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_range_that_ends_at_the_largest_value_takes_it(dtype):
    t = torch.tensor([[0.1], [0.7], [0.3]], dtype=dtype)  # not exact in binary: 0.7 in float32 is not 0.7 in float64
    result = binned_information(t, [0, 0, 0], n_bins=2, range=(0.1, 0.7))
    assert float(result.i_xt) == pytest.approx(math.log2(3) - 2 / 3, abs=FLOAT32)  # states 0, 1, 0


@pytest.mark.parametrize("value", [-1.5, 1.0000001, 40.0])
def test_values_outside_range_are_refused(value):
    t, y = torch.zeros(10, 3, dtype=torch.float64), torch.zeros(10)
    t[4, 2] = value
    with pytest.raises(ValueError, match=r"range") as caught:
        binned_information(t, y, range=(-1, 1))
    assert str(value) in str(caught.value)


def test_values_outside_range_are_refused_in_any_batch_entry():
    t = torch.zeros(3, 10, 2)
    t[2, 0, 0] = 5
    with pytest.raises(ValueError, match="range"):
        binned_information(t, torch.zeros(10), range=(-1, 1))


def test_the_own_range_is_that_of_each_batch_entry():
    t, y = made()
    both = binned_information(torch.stack([t, 1000 * t]), y)
    assert both.i_xt[0] == pytest.approx(float(both.i_xt[1]), abs=EXACT)


# ------------------------------------------------------------------------------------ weights


@pytest.mark.parametrize("d", [2, 100])
def test_integer_weights_equal_repeated_rows(d):
    t, y = made(n=60, d=d)
    weights = torch.arange(60) % 4 + 1
    weighted = binned_information(t, y, n_bins=4, weights=weights)
    repeated = binned_information(t.repeat_interleave(weights, 0), y.repeat_interleave(weights), n_bins=4)
    assert float(weighted.i_xt) == pytest.approx(float(repeated.i_xt), abs=EXACT)
    assert float(weighted.i_ty) == pytest.approx(float(repeated.i_ty), abs=EXACT)
    assert_matches_by_hand(weighted, t, y, 4, weights=weights)


def test_a_weight_of_zero_leaves_the_sample_out():
    t, y = made(n=60)
    weights = (torch.arange(60) < 50).double()
    some = binned_information(t, y, n_bins=4, range=(-10, 10), weights=weights)
    rest = binned_information(t[:50], y[:50], n_bins=4, range=(-10, 10))
    assert float(some.i_xt) == pytest.approx(float(rest.i_xt), abs=EXACT)
    assert float(some.i_ty) == pytest.approx(float(rest.i_ty), abs=EXACT)


@pytest.mark.parametrize("factor", [1e-6, 1, 1e6])
def test_only_the_proportions_of_weights_matter(factor):
    t, y = made()
    equal = binned_information(t, y)
    weighted = binned_information(t, y, weights=np.full(200, factor))
    assert float(weighted.i_xt) == pytest.approx(float(equal.i_xt), abs=EXACT)
    assert float(weighted.i_ty) == pytest.approx(float(equal.i_ty), abs=EXACT)


# ------------------------------------------------------------------------------------ one class against the rest


@pytest.mark.parametrize("options", [{"n_bins": 4}, {"n_bins": 3, "spacing": "equal_count"}, {"bin_width": 0.7}])
def test_each_class_is_the_weighted_information_of_its_own_label(options):
    t, y = made(n=90)
    found = binned_class_information(torch.stack([t, 2 * t]), y, **options)
    assert found.i_ty.shape == (2, int(y.max()) + 1)
    for number in range(int(y.max()) + 1):
        own = y == number
        weights = torch.where(own, 1 / own.double().sum(), 1 / (~own).double().sum())
        for entry, rows in enumerate((t, 2 * t)):
            slow = binned_information(rows, own.long(), weights=weights, **options)
            assert float(found.i_xt[entry, number]) == pytest.approx(float(slow.i_xt), abs=EXACT)
            assert float(found.i_ty[entry, number]) == pytest.approx(float(slow.i_ty), abs=EXACT)


def test_each_class_matches_the_count_by_hand():
    t, y = made(n=90)
    found = binned_class_information(t, y, n_bins=4)
    for number in range(int(y.max()) + 1):
        own = np.asarray(y == number)
        weights = np.where(own, 0.5 / own.sum(), 0.5 / (~own).sum())
        i_xt, i_ty = binned_by_hand(t, own.astype(int), 4, weights=weights)
        assert float(found.i_xt[number]) == pytest.approx(i_xt, abs=EXACT)
        assert float(found.i_ty[number]) == pytest.approx(i_ty, abs=EXACT)


def test_a_class_that_all_or_none_have_is_a_gap():
    t, y = made(n=60)
    found = binned_class_information(t, torch.full((60,), 1), n_bins=4, n_classes=3)
    assert torch.isnan(found.i_ty).all()
    found = binned_class_information(t, y % 2, n_bins=4, n_classes=3)
    assert torch.isnan(found.i_ty).tolist() == [False, False, True]
    assert found.i_ty[0] == pytest.approx(float(found.i_ty[1]), abs=EXACT)  # two classes: each is the other's rest


def test_a_class_cannot_exceed_the_entropy_of_its_weighted_samples():
    n, y = 40, torch.arange(40) % 4
    found = binned_class_information(torch.eye(n, dtype=torch.float64), y, n_bins=2)  # every row alone
    assert found.i_ty.tolist() == pytest.approx([1.0] * 4, abs=EXACT)
    assert found.i_xt.tolist() == pytest.approx([1 + (np.log2(10) + np.log2(30)) / 2] * 4, abs=EXACT)


# ------------------------------------------------------------------------------------ bins of a given width


def assert_has_bins(result, bins, y, correction=None):
    i_xt, i_ty = information_of_bins_by_hand(bins, y, correction)
    assert float(result.i_xt) == pytest.approx(i_xt, abs=EXACT)
    assert float(result.i_ty) == pytest.approx(i_ty, abs=EXACT)


@pytest.mark.parametrize("bin_width", [0.07, 0.5, 1, 3.0, 1e3, 1e-6])
@pytest.mark.parametrize("d", [1, 3, 80])
def test_bins_of_a_given_width_match_the_floor_of_the_quotient(d, bin_width):
    t, y = made(d=d)
    assert_has_bins(binned_information(t, y, bin_width=bin_width), bins_by_width(t, bin_width), y)


def test_bins_of_a_given_width_begin_at_whole_multiples_of_it():
    # bins [-1, -.5), [-.5, 0), [0, .5), [.5, 1): quarters are exact in binary
    t = [[-0.75], [-0.5], [-0.25], [0.0], [0.25], [0.5]]
    result = binned_information(t, [0, 0, 0, 1, 1, 1], bin_width=0.5)
    shares = np.array([1, 2, 2, 1]) / 6
    assert float(result.i_xt) == pytest.approx(-(shares * np.log2(shares)).sum(), abs=FLOAT32)
    assert float(result.i_ty) == pytest.approx(1, abs=FLOAT32)


@pytest.mark.parametrize("n_bins", [1, 30, 1000])
def test_the_number_of_bins_does_not_matter_where_a_width_is_given(n_bins):
    t, y = made()
    assert binned_information(t, y, bin_width=0.5, n_bins=n_bins) == binned_information(t, y, bin_width=0.5)


def test_a_layer_that_grows_gains_information_in_bins_of_fixed_width_and_none_in_its_own_range():
    t, y = made(n=500, d=1)
    fixed, own = (
        [float(binned_information(scale * t, y, **options).i_xt) for scale in (0.25, 1.0, 4.0)]
        for options in ({"bin_width": 0.5}, {"n_bins": 30})
    )
    assert fixed[0] + 1 < fixed[1] < fixed[2] - 1  # a bit for each doubling, as far as n allows
    assert max(own) - min(own) < EXACT


def test_widths_are_the_same_for_every_batch_entry():
    t, y = made()
    both = binned_information(torch.stack([t, 10 * t - 3]), y, bin_width=0.5)
    assert_has_bins(type(both)(*(quantity[0] for quantity in both)), bins_by_width(t, 0.5), y)
    assert_has_bins(type(both)(*(quantity[1] for quantity in both)), bins_by_width(10 * t - 3, 0.5), y)


def test_a_width_that_leaves_too_many_bins_is_refused():
    with pytest.raises(ValueError, match=r"^bin_width must .*; got bin_width=1e-300"):
        binned_information(made()[0], made()[1], bin_width=1e-300)


# ------------------------------------------------------------------------------------ bins of equal count


@pytest.mark.parametrize("per_neuron", [False, True])
@pytest.mark.parametrize("n_bins", [1, 2, 8, 40])
@pytest.mark.parametrize("d", [1, 3, 80])
def test_bins_of_equal_count_match_places_in_the_order(d, n_bins, per_neuron):
    t, y = made(d=d)  # 200 distinct values a feature: every n_bins here divides them
    result = binned_information(t, y, n_bins=n_bins, spacing="equal_count", per_neuron=per_neuron)
    assert_has_bins(result, bins_of_equal_count(t, n_bins, per_neuron), y)


@pytest.mark.parametrize("n_bins", [2, 5, 100])
def test_bins_of_equal_count_give_log2_of_their_number_for_one_feature(n_bins):
    t, y = made(n=500, d=1)
    result = binned_information(torch.exp(3 * t), y, n_bins=n_bins, spacing="equal_count")
    assert float(result.i_xt) == pytest.approx(math.log2(n_bins), abs=EXACT)


@pytest.mark.parametrize("n_bins", [3, 7, 30, 199])
def test_counts_differ_by_one_at_most_where_the_number_of_bins_does_not_divide(n_bins):
    t, y = made(d=1)
    result = binned_information(t, y, n_bins=n_bins, spacing="equal_count")
    small, larger = 200 // n_bins, 200 % n_bins  # `larger` bins have one more; the order of the two kinds is free
    shares = np.array([small + 1] * larger + [small] * (n_bins - larger)) / 200
    assert float(result.i_xt) == pytest.approx(-(shares * np.log2(shares)).sum(), abs=EXACT)


@pytest.mark.parametrize("monotone", [np.arcsinh, np.cbrt, norm.cdf, np.exp], ids=["asinh", "cbrt", "cdf", "exp"])
@pytest.mark.parametrize("per_neuron", [False, True])
def test_monotone_maps_leave_bins_of_equal_count_alone_and_change_those_of_equal_width(per_neuron, monotone):
    t, y = made()
    mapped = torch.tensor(monotone(t.numpy()))
    counted = [binned_information(v, y, n_bins=5, spacing="equal_count", per_neuron=per_neuron) for v in (t, mapped)]
    assert counted[0] == counted[1]
    wide = [float(binned_information(v, y, n_bins=5, per_neuron=per_neuron).i_xt) for v in (t, mapped)]
    assert abs(wide[0] - wide[1]) > 0.05  # the measured failure of what is not built on ranks


@given(seed=seeds, n_values=st.integers(1, 12), n_bins=st.integers(1, 12))
@few_examples
def test_equal_values_share_a_bin_of_equal_count(seed, n_values, n_bins):
    generator = np.random.default_rng(seed)
    values = generator.integers(n_values, size=(60, 1))
    result = binned_information(values.astype(float), values[:, 0], n_bins=n_bins, spacing="equal_count")
    # the bin is then a function of the value, here the label, so H(bin) = I(bin; value)
    assert float(result.i_xt) == pytest.approx(float(result.i_ty), abs=FLOAT32)
    assert float(result.i_xt) <= math.log2(n_bins) + FLOAT32


def test_repeated_edges_fall_together():
    # 6 of 10 values are 0: of the quantiles at 2, 4, 6 and 8 tenths two are 0, so bins {0}, {1, 2}, {3, 4} are left
    t = torch.tensor([0, 0, 0, 0, 0, 0, 1, 2, 3, 4]).double()[:, None]
    shares = np.array([6, 2, 2]) / 10
    result = binned_information(t, torch.zeros(10), n_bins=5, spacing="equal_count")
    assert float(result.i_xt) == pytest.approx(-(shares * np.log2(shares)).sum(), abs=EXACT)


# ------------------------------------------------------------------------------------ each neuron alone


@pytest.mark.parametrize("n_bins", [1, 2, 7, 30])
@pytest.mark.parametrize("d", [1, 3, 80])
def test_the_range_of_each_neuron_matches_numpy_digitize(d, n_bins):
    t, y = made(d=d)
    t = t * torch.logspace(-3, 3, d)  # of one range for all, most features would fall into one bin
    result = binned_information(t, y, n_bins=n_bins, per_neuron=True)
    assert_has_bins(result, bins_of_each_neuron(t, n_bins), y)


@pytest.mark.parametrize("spacing", ["equal_width", "equal_count"])
def test_the_unit_of_each_neuron_does_not_matter_where_each_stands_alone(spacing):
    t, y = made()
    scaled = t * torch.tensor([1e-6, 1.0, 1e6]) + torch.tensor([3.0, 0.0, -7.0])
    one, other = (binned_information(v, y, n_bins=6, spacing=spacing, per_neuron=True) for v in (t, scaled))
    assert float(one.i_xt) == pytest.approx(float(other.i_xt), abs=EXACT)
    assert float(one.i_ty) == pytest.approx(float(other.i_ty), abs=EXACT)
    of_the_layer = binned_information(scaled, y, n_bins=6, spacing=spacing)
    assert abs(float(of_the_layer.i_xt) - float(one.i_xt)) > 0.1


@pytest.mark.parametrize("spacing", ["equal_width", "equal_count"])
def test_a_constant_neuron_beside_others_changes_nothing(spacing):
    t, y = made()
    with_constant = torch.cat([t, torch.full((200, 1), 0.1, dtype=torch.float64)], 1)
    one, other = (binned_information(v, y, n_bins=6, spacing=spacing, per_neuron=True) for v in (t, with_constant))
    assert float(one.i_xt) == pytest.approx(float(other.i_xt), abs=EXACT)


# ------------------------------------------------------------------------------------ Miller and Madow


@pytest.mark.parametrize("n_bins", [1, 3, 30])
@pytest.mark.parametrize("d", [1, 3, 80])
def test_the_correction_adds_half_the_occupied_states_less_one(d, n_bins):
    t, y = made(d=d)
    result = binned_information(t, y, n_bins=n_bins, per_neuron=True, correction="miller_madow")
    assert_has_bins(result, bins_of_each_neuron(t, n_bins), y, "miller_madow")


def test_four_equal_states_of_eight_samples_give_the_corrected_value_by_hand():
    t, y = torch.tensor([0.0, 0, 1, 1, 2, 2, 3, 3]).double()[:, None], [0, 0, 0, 0, 1, 1, 1, 1]
    result = binned_information(t, y, bin_width=1.0, correction="miller_madow")
    step = 1 / (2 * 8 * math.log(2))
    assert float(result.i_xt) == pytest.approx(2 + 3 * step, abs=EXACT)
    assert float(result.i_ty) == pytest.approx((2 + 3 * step) + (1 + step) - (2 + 3 * step), abs=EXACT)


def test_the_correction_counts_only_states_that_occur():
    t, y = torch.tensor([0.0, 0.0, 9.0, 9.0]).double()[:, None], [0, 2, 0, 2]  # class 1 and the bins between are empty
    result = binned_information(t, y, n_bins=10, correction="miller_madow")
    step = 1 / (2 * 4 * math.log(2))
    assert float(result.i_xt) == pytest.approx(1 + step, abs=EXACT)
    assert float(result.i_ty) == pytest.approx((1 + step) + (1 + step) - (2 + 3 * step), abs=EXACT)


def test_the_correction_takes_away_most_of_the_bias_while_states_are_met_several_times():
    # 16 equiprobable states, 100 samples: 4 bits, and a bias of -15 / (200 ln 2) = -.108 bits
    plain, corrected = [], []
    for seed in range(200):
        states = np.random.default_rng(seed).integers(16, size=(100, 1)).astype(float)
        options = {"n_bins": 16, "range": (0, 15)}
        plain.append(float(binned_information(states, np.zeros(100), **options).i_xt))
        corrected.append(float(binned_information(states, np.zeros(100), correction="miller_madow", **options).i_xt))
    # 200 seeds leave a standard error of .003 bits; the next order of the bias is near .005
    assert np.mean(plain) == pytest.approx(4 - 15 / (200 * math.log(2)), abs=0.015)
    assert np.mean(corrected) == pytest.approx(4, abs=0.015)


def test_the_correction_does_not_help_once_rows_are_alone():
    # 2^12 patterns, 64 samples: nearly every row is alone, H is stuck near 6 of 12 bits and the correction adds .7
    bits = np.random.default_rng(0).integers(2, size=(64, 12))
    result = binned_information(bits, np.zeros(64), n_bins=2, correction="miller_madow")
    assert 5.9 < float(result.i_xt) < 6.8


# ------------------------------------------------------------------------------------ properties


@given(seed=seeds, n_states=st.integers(2, 20), d=st.integers(1, 3))
@few_examples
def test_a_function_of_t_holds_no_more_information_than_t(seed, n_states, d):
    generator = np.random.default_rng(seed)
    t = generator.integers(n_states, size=(100, d))
    g_of_t = generator.integers(n_states, size=n_states)[t]
    y = generator.integers(3, size=100)
    # n_states bins over 0 .. n_states - 1: every state has a bin of its own, the estimates are exact
    of_t, of_g = (binned_information(v.astype(float), y, n_bins=n_states, range=(0, n_states - 1)) for v in (t, g_of_t))
    assert of_g.i_xt <= of_t.i_xt + EXACT
    assert of_g.i_ty <= of_t.i_ty + EXACT
    assert -EXACT <= of_t.i_ty <= of_t.i_xt + EXACT


@given(seed=seeds)
@few_examples
def test_order_of_samples_does_not_matter(seed):
    t, y = made(seed=seed)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(seed))
    one, other = binned_information(t, y, n_bins=5), binned_information(t[order], y[order], n_bins=5)
    assert float(one.i_xt) == pytest.approx(float(other.i_xt), abs=EXACT)
    assert float(one.i_ty) == pytest.approx(float(other.i_ty), abs=EXACT)


@given(seed=seeds, d=st.sampled_from([3, 80]))
@few_examples
def test_order_of_features_does_not_matter(seed, d):
    t, y = made(n=60, d=d, seed=seed)
    order = torch.randperm(d, generator=torch.Generator().manual_seed(seed))
    one, other = binned_information(t, y, n_bins=5), binned_information(t[:, order], y, n_bins=5)
    assert float(one.i_xt) == pytest.approx(float(other.i_xt), abs=EXACT)
    assert float(one.i_ty) == pytest.approx(float(other.i_ty), abs=EXACT)


@given(seed=seeds)
@few_examples
def test_halving_the_bin_width_loses_nothing(seed):
    t, y = made(seed=seed)  # each of 4 bins is two of 8
    coarse, fine = (binned_information(t, y, n_bins=n_bins, range=(-16, 16)) for n_bins in (4, 8))
    assert coarse.i_xt <= fine.i_xt + EXACT
    assert coarse.i_ty <= fine.i_ty + EXACT


# ------------------------------------------------------------------------------------ what may come in


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")),
    ],
)
@pytest.mark.parametrize("d", [3, 80])
def test_results_have_dtype_and_device_of_the_input(dtype, device, d):
    t, y = made(d=d)
    t = t.to(dtype)
    result = binned_information(t.to(device), y, weights=torch.ones(200))  # labels and weights may stay on the CPU
    assert {quantity.dtype for quantity in result} == {dtype}
    assert {quantity.device.type for quantity in result} == {device}
    assert_matches_by_hand(result, t, y, 30, tolerance=FLOAT32)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8, torch.bool])
def test_half_precision_and_integers_come_back_as_float32(dtype):
    t, y = made()
    t = (2 * t).abs().to(dtype)
    result = binned_information(t, y, n_bins=7)
    assert {quantity.dtype for quantity in result} == {torch.float32}
    assert_matches_by_hand(result, t.double(), y, 7, tolerance=FLOAT32)


def test_the_guise_of_the_input_does_not_matter():
    t, y = made()
    plain = binned_information(t, y)
    guises = (t.T.contiguous().T, t.clone().requires_grad_(), t.numpy(), np.asfortranarray(t), t.tolist())
    for guise in guises:
        result = binned_information(guise, y.numpy())
        assert not result.i_xt.requires_grad
        assert float(result.i_xt) == pytest.approx(float(plain.i_xt), abs=FLOAT32)  # lists of floats become float32
        assert float(result.i_ty) == pytest.approx(float(plain.i_ty), abs=FLOAT32)


def test_the_same_call_gives_the_same_number():
    t, y = made(d=100)
    assert binned_information(t, y) == binned_information(t, y)
