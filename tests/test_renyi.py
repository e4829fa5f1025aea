"""The matrix-based Rényi entropies against numpy's eigenvalues of whole kernel matrices, and where they are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_formulas import kernel_matrix_of_trace_one, renyi_entropy_by_eigenvalues, renyi_information_by_eigenvalues

from mi_kit import estimators as est
from mi_kit.estimators import (
    RenyiEstimate,
    renyi_entropy,
    renyi_joint_entropy,
    renyi_mutual_information,
    silverman_bandwidth,
    stochastic_renyi_entropy,
)

ALPHAS = (0.3, 0.7, 1, 1.001, 1.01, 2, 5)
EXACT = 1e-9  # bits: two eigenvalue routines in float64; alpha = 1.001 magnifies 1e-15 a thousandfold
FLOAT32 = 1e-5  # bits: entropies below 10 in float32, from points rounded to float32
MOST_SAMPLES = 8192  # of the docstring
few_examples = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def made(n=40, d=3, seed=0, scale=1.0, dtype=torch.float64):
    return torch.tensor(scale * np.random.default_rng(seed).normal(size=(n, d)), dtype=dtype)


def some_maps(n=40):
    """Three variables of different dimension, and a bandwidth for each."""
    return [made(n, d, seed=d) for d in (1, 2, 6)], (0.4, 0.9, 3.0)


def far_apart(n):
    return 1000.0 * torch.arange(n, dtype=torch.float64).unsqueeze(1)


def clusters(c, copies=12, distance=1000.0):
    return distance * torch.eye(c, dtype=torch.float64).repeat(copies, 1)


def assert_bits(result, expected, tolerance=EXACT):
    np.testing.assert_allclose(np.asarray(result, np.float64), expected, atol=tolerance, rtol=0)


# ------------------------------------------------------------------------------------ against the slow formula


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(("n", "d", "bandwidth"), [(2, 1, 0.5), (40, 1, 0.05), (40, 3, 0.8), (61, 30, 5.0)])
def test_entropy_matches_the_eigenvalues_of_the_kernel_matrix(n, d, bandwidth, alpha):
    x = made(n, d)
    expected = renyi_entropy_by_eigenvalues([x], [bandwidth], alpha)
    # below alpha = 0.5 eigenvalues near 1e-17 count with (1e-17)^0.3 = 8e-6 each, and both routines round them
    assert_bits(renyi_entropy(x, alpha=alpha, bandwidth=bandwidth), expected, 1e-3 if alpha == 0.3 else EXACT)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_joint_entropy_matches_the_product_of_one_matrix_a_variable(alpha):
    maps, bandwidths = some_maps()
    expected = renyi_entropy_by_eigenvalues(maps, bandwidths, alpha)
    assert_bits(renyi_joint_entropy(maps, alpha=alpha, bandwidth=bandwidths), expected)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_information_matches_three_entropies_one_by_one(alpha):
    x, (maps, bandwidths) = made(d=4, seed=9), some_maps()
    expected = renyi_information_by_eigenvalues(x, maps, 1.5, bandwidths, alpha)
    assert_bits(renyi_mutual_information(x, maps, alpha=alpha, bandwidth=(1.5, bandwidths)), expected)


@pytest.mark.parametrize("alpha", [6, 8, 10, 20, 50])
def test_large_orders_match_the_eigenvalues(alpha):
    # n = 200 far points: the trace is 200^(1 - alpha), far below the rounding error of 1
    x = 100 * made(200, 3)
    assert_bits(
        renyi_entropy(x, alpha=alpha, bandwidth=1.0), renyi_entropy_by_eigenvalues([x], [1.0], alpha), 1e-6
    )  # the eigenvalues' relative error, near 1e-13, in a logarithm


@pytest.mark.parametrize("alpha", [1 + 1e-12, 1 - 1e-9, 1 + 1e-7, 1.5 - 1e-9, 1.5 + 1e-9, 2 - 1e-9, 2 + 1e-9])
def test_orders_beside_a_special_one_are_continuous(alpha):
    x = made()
    beside = renyi_entropy(x, alpha=round(2 * alpha) / 2, bandwidth=0.8)
    assert_bits(renyi_entropy(x, alpha=alpha, bandwidth=0.8), beside, 1e-6)  # the slope is of order 1 bit


def test_defaults_are_alpha_one_hundredth_above_one():
    x = made()
    assert_bits(renyi_entropy(x, bandwidth=1), renyi_entropy(x, alpha=1.01, bandwidth=1), 0)
    assert_bits(renyi_joint_entropy([x, x], bandwidth=1), renyi_joint_entropy([x, x], alpha=1.01, bandwidth=1), 0)
    assert_bits(renyi_mutual_information(x, x, bandwidth=1), renyi_mutual_information(x, x, alpha=1.01, bandwidth=1), 0)


@pytest.mark.parametrize("make", [list, tuple, np.array, torch.tensor])
def test_several_alphas_equal_one_at_a_time(make):
    x, (maps, bandwidths) = torch.stack([made(), made(seed=5)]), some_maps()
    orders = make(ALPHAS)
    entropy = renyi_entropy(x, alpha=orders, bandwidth=0.8)
    joint = renyi_joint_entropy(maps, alpha=orders, bandwidth=bandwidths)
    information = renyi_mutual_information(x, maps, alpha=orders, bandwidth=(0.8, bandwidths))
    assert (entropy.shape, joint.shape, information.shape) == ((7, 2), (7,), (7, 2))
    for number, alpha in enumerate(ALPHAS):
        # torch.tensor makes the orders float32: 1.001 is then 2e-8 off
        tolerance = 1e-6 if make is torch.tensor else EXACT
        assert_bits(entropy[number], renyi_entropy(x, alpha=alpha, bandwidth=0.8), tolerance)
        assert_bits(joint[number], renyi_joint_entropy(maps, alpha=alpha, bandwidth=bandwidths), tolerance)
        of_one = renyi_mutual_information(x, maps, alpha=alpha, bandwidth=(0.8, bandwidths))
        assert_bits(information[number], of_one, tolerance)


@pytest.mark.parametrize("alpha", [[1.01], [2]])
def test_one_alpha_in_a_list_keeps_its_leading_axis(alpha):
    x = made()
    assert renyi_entropy(x, alpha=alpha, bandwidth=1).shape == (1,)
    assert renyi_joint_entropy([x, x], alpha=alpha, bandwidth=1).shape == (1,)
    assert renyi_mutual_information(x, x, alpha=alpha, bandwidth=1).shape == (1,)


@pytest.mark.parametrize("alpha", [np.float32(2), np.int64(2), np.array(2.0), torch.tensor(2)], ids=repr)
def test_one_alpha_of_any_kind_is_one_alpha(alpha):
    assert_bits(renyi_entropy(made(), alpha=alpha, bandwidth=1.0), renyi_entropy(made(), alpha=2, bandwidth=1.0), 0)


# ------------------------------------------------------------------------------------ batches and bandwidths


@pytest.mark.parametrize("alpha", [0.7, 1, 1.01, 2])
def test_batch_equals_loop(alpha):
    scales = torch.tensor([[0.01, 1.0, 30.0], [0.1, 3.0, 300.0]], dtype=torch.float64)
    x = made(2 * 3 * 20, 4).reshape(2, 3, 20, 4) * scales[..., None, None]
    t = made(2 * 3 * 20, 2, seed=1).reshape(2, 3, 20, 2)
    entropy = renyi_entropy(x, alpha=alpha, bandwidth=1.0)
    joint = renyi_joint_entropy([x, t], alpha=alpha, bandwidth=[1.0, 0.5])
    information = renyi_mutual_information(x, [t], alpha=alpha, bandwidth=(1.0, 0.5))
    assert entropy.shape == joint.shape == information.shape == (2, 3)
    for place in np.ndindex(2, 3):
        one_x, one_t = x[place], t[place]
        assert_bits(entropy[place], renyi_entropy_by_eigenvalues([one_x], [1.0], alpha))
        assert_bits(joint[place], renyi_entropy_by_eigenvalues([one_x, one_t], [1.0, 0.5], alpha))
        assert_bits(information[place], renyi_information_by_eigenvalues(one_x, [one_t], 1.0, [0.5], alpha))


@pytest.mark.parametrize("alpha", [1.01, 2, [2], [1.01, 2], [0.7, 1.01, 2, 5]], ids=str)
def test_one_x_serves_the_maps_of_many_epochs(alpha):
    x, maps = made(20, 5), made(4 * 20 * 3, 2, seed=1).reshape(4, 20, 3, 2)  # (epochs, n, C, d)
    together = renyi_mutual_information(x, maps, alpha=alpha, bandwidth=(2.0, 1.5))
    for epoch in range(4):
        for number, order in enumerate(np.atleast_1d(alpha)):
            one = together[..., epoch].reshape(-1)[number]
            own = [maps[epoch, :, channel] for channel in range(3)]
            assert_bits(one, renyi_information_by_eigenvalues(x, own, 2.0, [1.5] * 3, order))


@pytest.mark.parametrize("alpha", [1.01, 2])
def test_batch_dimensions_broadcast(alpha):
    x = made(2 * 15, 3).reshape(2, 1, 15, 3)
    maps = [made(3 * 15, 2, seed=1).reshape(3, 15, 2), made(15, 4, seed=2)]
    information = renyi_mutual_information(x, maps, alpha=alpha, bandwidth=1.5)
    joint = renyi_joint_entropy([x, *maps], alpha=alpha, bandwidth=1.5)
    assert information.shape == joint.shape == (2, 3)
    for a, b in np.ndindex(2, 3):
        own = [maps[0][b], maps[1]]
        assert_bits(information[a, b], renyi_information_by_eigenvalues(x[a, 0], own, 1.5, [1.5] * 2, alpha))
        assert_bits(joint[a, b], renyi_entropy_by_eigenvalues([x[a, 0], *own], [1.5] * 3, alpha))


def test_a_bandwidth_for_every_entry_of_the_batch_equals_a_loop():
    x, widths = made(6 * 20, 3).reshape(2, 3, 20, 3), torch.logspace(-1, 1, 6).reshape(2, 3)
    t, widths_t = made(6 * 20, 2, seed=1).reshape(2, 3, 20, 2), widths.flip(0)
    entropy = renyi_entropy(x, bandwidth=widths)
    joint = renyi_joint_entropy([x, t], bandwidth=[widths, widths_t])
    information = renyi_mutual_information(x, [t], bandwidth=(widths, [widths_t]))
    for place in np.ndindex(2, 3):
        each = [widths[place], widths_t[place]]
        assert_bits(entropy[place], renyi_entropy_by_eigenvalues([x[place]], each[:1], 1.01))
        assert_bits(joint[place], renyi_entropy_by_eigenvalues([x[place], t[place]], each, 1.01))
        expected = renyi_information_by_eigenvalues(x[place], [t[place]], each[0], each[1:], 1.01)
        assert_bits(information[place], expected)


def test_feature_maps_in_one_tensor_equal_a_list_of_them():
    x, stacked = made(), made(40 * 5, 3, seed=1).reshape(40, 5, 3)
    each = [stacked[:, channel] for channel in range(5)]
    joint = renyi_entropy_by_eigenvalues(each, [2.0] * 5, 1.01)
    assert_bits(renyi_joint_entropy(stacked, bandwidth=2.0), joint)
    assert_bits(renyi_joint_entropy(each, bandwidth=2.0), joint)
    assert_bits(renyi_joint_entropy(tuple(each), bandwidth=[2.0] * 5), joint)
    information = renyi_information_by_eigenvalues(x, each, 1.0, [2.0] * 5, 1.01)
    assert_bits(renyi_mutual_information(x, stacked, bandwidth=(1.0, 2.0)), information)
    assert_bits(renyi_mutual_information(x, each, bandwidth=(1.0, 2.0)), information)
    assert_bits(renyi_mutual_information(x, tuple(each), bandwidth=(1.0, [2.0] * 5)), information)


def test_bandwidths_in_one_tensor_of_variables_belong_to_their_variables():
    stacked, widths = made(40 * 3, 2).reshape(40, 3, 2), [0.3, 1.0, 3.0]
    each = [stacked[:, channel] for channel in range(3)]
    assert_bits(renyi_joint_entropy(stacked, bandwidth=widths), renyi_entropy_by_eigenvalues(each, widths, 1.01))


def test_one_variable_may_come_as_it_is():
    x, t = made(), made(seed=1)
    expected = renyi_information_by_eigenvalues(x, [t], 1.0, [0.5], 1.01)
    assert_bits(renyi_mutual_information(x, t, bandwidth=(1.0, 0.5)), expected)
    assert_bits(renyi_mutual_information(x, [t], bandwidth=(1.0, 0.5)), expected)
    assert_bits(renyi_mutual_information(x, t[:, None], bandwidth=(1.0, [0.5])), expected)


@pytest.mark.parametrize("tile_elements", [1, 7, 50, 400, 1 << 20])
def test_tile_sizes_agree_at_alpha_two(tile_elements):
    x, t = torch.stack([made(37), 3 * made(37)]), made(37, 2, seed=1)  # 37 is prime: no tile but 1 and 37 divides it
    found = [
        renyi_entropy(x, alpha=2, bandwidth=1.0, tile_elements=tile_elements),
        renyi_joint_entropy([x, t], alpha=2, bandwidth=1.0, tile_elements=tile_elements),
        renyi_mutual_information(x, t, alpha=2, bandwidth=1.0, tile_elements=tile_elements),
    ]
    for scale in (1, 3):
        of_x = renyi_entropy_by_eigenvalues([scale * made(37)], [1.0], 2)
        joint = renyi_entropy_by_eigenvalues([scale * made(37), t], [1.0] * 2, 2)
        expected = [of_x, joint, of_x + renyi_entropy_by_eigenvalues([t], [1.0], 2) - joint]
        assert_bits([each[scale // 2] for each in found], expected)


# ------------------------------------------------------------------------------------ known answers


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("value", [0.0, 1.0, -123.456, 1e6])
def test_identical_samples_give_zero(value, alpha):
    x = torch.full((50, 7), value, dtype=torch.float64)
    tolerance = 0.01 if alpha == 0.3 else EXACT  # 49 eigenvalues near 1e-17 are 8e-6 each to the power 0.3
    assert_bits(renyi_entropy(x, alpha=alpha, bandwidth=1.0), 0, tolerance)
    assert_bits(renyi_joint_entropy([x, x], alpha=alpha, bandwidth=1.0), 0, tolerance)
    assert_bits(renyi_mutual_information(x, x, alpha=alpha, bandwidth=1.0), 0, tolerance)
    # a constant feature tells nothing of anything
    assert_bits(renyi_mutual_information(made(50), x, alpha=alpha, bandwidth=0.5), 0, tolerance)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("n", [2, 16, 100])
def test_samples_far_apart_give_log2_n(n, alpha):
    x = far_apart(n)
    assert_bits(renyi_entropy(x, alpha=alpha, bandwidth=1.0), math.log2(n))
    assert_bits(renyi_joint_entropy([x, -x], alpha=alpha, bandwidth=1.0), math.log2(n))
    assert_bits(renyi_mutual_information(x, x, alpha=alpha, bandwidth=1.0), math.log2(n))


@pytest.mark.parametrize("alpha", [5, 6, 8])
def test_a_thousand_samples_far_apart_give_log2_of_their_number_for_large_orders(alpha):
    # n^(1 - alpha) is 1e-12 for alpha = 5: a trace taken as 1 plus a difference would lose it
    assert_bits(renyi_entropy(far_apart(1000), alpha=alpha, bandwidth=1.0), math.log2(1000), 1e-6)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("c", [2, 3, 8])
def test_equal_far_clusters_give_log2_of_their_number(c, alpha):
    tolerance = 0.01 if alpha == 0.3 else EXACT  # the eigenvalues that are 0 come out near 1e-17
    assert_bits(renyi_entropy(clusters(c), alpha=alpha, bandwidth=1.0), math.log2(c), tolerance)


@pytest.mark.parametrize("distance", [1e2, 1e4, 1e6])
def test_clusters_may_lie_many_bandwidths_apart(distance):
    x = clusters(4, distance=distance) * torch.tensor([1.1, 0.7, 1.3, 0.9])  # not exact in binary
    assert_bits(renyi_entropy(x, bandwidth=1.0), 2, 1e-6)
    assert_bits(renyi_entropy(x, bandwidth=1.0, alpha=2), 2, 1e-6)


def test_clusters_of_different_size_give_the_entropy_of_their_shares():
    x = clusters(3, copies=1).repeat_interleave(torch.tensor([5, 10, 25]), 0)
    shares = np.array([5, 10, 25]) / 40
    for alpha in (0.7, 1.01, 2, 5):
        assert_bits(renyi_entropy(x, alpha=alpha, bandwidth=1.0), np.log2((shares**alpha).sum()) / (1 - alpha))
    assert_bits(renyi_entropy(x, alpha=1, bandwidth=1.0), -(shares * np.log2(shares)).sum())


@pytest.mark.parametrize("bandwidth", [0.1, 1.0, 5.0])
def test_alpha_two_is_the_norm_of_the_matrix(bandwidth):
    x = made(50)
    norm = np.linalg.norm(kernel_matrix_of_trace_one([x], [bandwidth]))
    assert_bits(renyi_entropy(x, alpha=2, bandwidth=bandwidth), -np.log2(norm**2), 1e-12)  # one sum in float64


@pytest.mark.parametrize("bandwidth", [0.3, 1.0])
def test_alpha_near_one_tends_to_the_von_neumann_entropy(bandwidth):
    x = made()
    limit = renyi_entropy_by_eigenvalues([x], [bandwidth], 1)
    assert_bits(renyi_entropy(x, alpha=1, bandwidth=bandwidth), limit)
    distances = [abs(float(renyi_entropy(x, alpha=1 + e, bandwidth=bandwidth)) - limit) for e in (1e-2, 1e-4, 1e-6)]
    assert distances[0] > 50 * distances[1] > 2500 * distances[2]  # the limit is approached linearly in alpha - 1
    assert distances[2] < 1e-5


def test_twenty_samples_have_less_than_no_information_at_alpha_two():
    # X puts samples 1-10 into one cluster, Y 11-20, all others far apart: the entropy is not subadditive
    numbers = 1000.0 * torch.arange(20, dtype=torch.float64).unsqueeze(1)
    x, y = numbers.clone(), numbers.clone()
    x[:10], y[10:] = x[0], y[10]
    marginal = -math.log2((10**2 + 10) / 20**2)
    assert marginal == pytest.approx(1.862, abs=5e-4)  # three decimals are given
    assert_bits(renyi_entropy(x, alpha=2, bandwidth=1.0), marginal)
    assert_bits(renyi_entropy(y, alpha=2, bandwidth=1.0), marginal)
    assert_bits(renyi_joint_entropy([x, y], alpha=2, bandwidth=1.0), math.log2(20))
    assert_bits(renyi_mutual_information(x, y, alpha=2, bandwidth=1.0), -0.597, 5e-4)
    assert float(renyi_mutual_information(x, y, alpha=1, bandwidth=1.0)) > 0


def test_independent_variables_share_log2_n_at_a_small_bandwidth():
    x, y = made(64), made(64, seed=1)
    assert_bits(renyi_mutual_information(x, y, bandwidth=1e-3), math.log2(64), 1e-6)  # every sample is alone


def test_the_answer_says_nothing_at_either_end_of_the_bandwidth():
    x = made(64)
    assert_bits(renyi_entropy(x, bandwidth=1e-4), 6, 1e-6)
    assert_bits(renyi_entropy(x, bandwidth=1e4), 0, 1e-5)  # kernels are 1 - 1e-8


def test_a_monotone_map_of_x_changes_the_information():
    # the true information stays (samplers.every()); this estimate is not invariant, and is not said to be
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 1))
    y = 0.75 * x + math.sqrt(1 - 0.75**2) * generator.normal(size=(200, 1))
    plain = float(renyi_mutual_information(x, y, bandwidth=0.5))
    for change in (np.cbrt, np.arcsinh, lambda v: v**3):
        assert abs(float(renyi_mutual_information(change(x), change(y), bandwidth=0.5)) - plain) > 0.05


# ------------------------------------------------------------------------------------ properties


@pytest.mark.parametrize("alpha", [0.7, 1, 1.01, 2, 5])
@given(seed=seeds, scale=st.sampled_from([0.1, 1.0, 10.0]))
@few_examples
def test_joint_entropy_is_at_least_each_marginal(seed, scale, alpha):
    x, y = made(25, 2, seed, scale), made(25, 3, seed + 1)
    joint, of_x, of_y = (
        float(value)
        for value in (
            renyi_joint_entropy([x, y], alpha=alpha, bandwidth=1.0),
            renyi_entropy(x, alpha=alpha, bandwidth=1.0),
            renyi_entropy(y, alpha=alpha, bandwidth=1.0),
        )
    )
    assert joint >= max(of_x, of_y) - EXACT
    assert float(renyi_mutual_information(x, y, alpha=alpha, bandwidth=1.0)) <= min(of_x, of_y) + EXACT


@given(seed=seeds, scale=st.sampled_from([0.1, 1.0, 10.0]))
@few_examples
def test_information_is_at_least_zero_near_alpha_one(seed, scale):
    x, y = made(25, 2, seed, scale), made(25, 3, seed + 1)
    assert renyi_mutual_information(x, y, alpha=[1, 1.01], bandwidth=1.0).min() >= -EXACT


@given(seed=seeds)
@few_examples
def test_entropy_lies_between_zero_and_log2_n_and_falls_with_alpha(seed):
    entropies = renyi_entropy(made(30, 2, seed), alpha=[0.5, 0.99, 1, 1.01, 1.5, 2, 5], bandwidth=0.7)
    assert (entropies.diff() <= EXACT).all()
    assert -EXACT <= entropies[-1] <= entropies[0] <= math.log2(30) + EXACT


@given(seed=seeds)
@few_examples
def test_order_of_samples_and_of_variables_does_not_matter(seed):
    (maps, widths), x = some_maps(), made(seed=seed)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(seed))
    plain = renyi_mutual_information(x, maps, bandwidth=(1.0, widths))
    mixed = renyi_mutual_information(x[order], [t[order] for t in maps], bandwidth=(1.0, widths))
    turned = renyi_mutual_information(x, maps[::-1], bandwidth=(1.0, widths[::-1]))
    assert_bits([mixed, turned], [float(plain)] * 2)


@pytest.mark.parametrize("alpha", [0.7, 1.01, 2, 5])
def test_information_is_symmetric(alpha):
    x, t = made(), made(d=2, seed=1)
    one = renyi_mutual_information(x, t, alpha=alpha, bandwidth=(1.0, 0.5))
    assert_bits(renyi_mutual_information(t, x, alpha=alpha, bandwidth=(0.5, 1.0)), float(one))


@pytest.mark.parametrize("alpha", [0.7, 1, 1.01, 2, 5])
def test_repeating_every_sample_changes_nothing(alpha):
    x, t = made(), made(d=2, seed=1)
    thrice = renyi_entropy(x.repeat(3, 1), alpha=alpha, bandwidth=1.0)
    # at alpha = 0.7 each of the 80 eigenvalues near 1e-17 counts with 1e-12
    assert_bits(thrice, float(renyi_entropy(x, alpha=alpha, bandwidth=1.0)), 1e-8)
    information = renyi_mutual_information(x.repeat(3, 1), t.repeat(3, 1), alpha=alpha, bandwidth=1.0)
    assert_bits(information, float(renyi_mutual_information(x, t, alpha=alpha, bandwidth=1.0)), 1e-8)


@pytest.mark.parametrize("alpha", [0.7, 1.01, 2])
def test_constant_features_and_scaling_with_the_bandwidth_change_nothing(alpha):
    x = made()
    plain = float(renyi_entropy(x, alpha=alpha, bandwidth=1.0))
    with_constant = torch.cat([x, torch.full((40, 4), 77.7, dtype=torch.float64)], dim=1)
    assert_bits(renyi_entropy(with_constant, alpha=alpha, bandwidth=1.0), plain)
    assert_bits(renyi_entropy(1e-3 * x + 1, alpha=alpha, bandwidth=1e-3), plain)


# ------------------------------------------------------------------------------------ large n


def test_eigenvalues_above_8192_samples_are_refused_with_the_way_out():
    x = torch.zeros(MOST_SAMPLES + 1, 1)
    hint = r"8,192.*stochastic_renyi_entropy.*; got n=8193"
    with pytest.raises(ValueError, match=rf"^x .*{hint}"):
        renyi_entropy(x, bandwidth=1.0)
    with pytest.raises(ValueError, match=rf"^x .*{hint}"):
        renyi_entropy(x, bandwidth=1.0, alpha=[2, 1.01])  # one order that needs eigenvalues is enough
    with pytest.raises(ValueError, match=rf"^variables .*{hint}"):
        renyi_joint_entropy([x, x], bandwidth=1.0)
    with pytest.raises(ValueError, match=rf"^x .*{hint}"):
        renyi_mutual_information(x, x, bandwidth=1.0)


def test_alpha_two_takes_more_than_8192_samples():
    x = 1000.0 * (torch.arange(MOST_SAMPLES + 8, dtype=torch.float64) % 4).unsqueeze(1)
    assert_bits(renyi_entropy(x, alpha=2, bandwidth=1.0), 2)


def test_what_needs_no_eigenvalues_takes_more_samples_than_what_does(monkeypatch):
    monkeypatch.setattr("mi_kit.estimators.renyi.MOST_SAMPLES", 31)  # the limit of 8,192, for a quick test
    x = clusters(4, copies=8)
    with pytest.raises(ValueError, match=r"^x .*at most 31 .*got n=32"):
        renyi_entropy(x, bandwidth=1.0)
    assert_bits(renyi_joint_entropy([x, -x], alpha=2, bandwidth=1.0), 2)
    assert_bits(renyi_mutual_information(x, x, alpha=2, bandwidth=1.0), 2)
    assert_bits(renyi_mutual_information(x, x, alpha=[2], bandwidth=1.0), [2])


@pytest.mark.parametrize("n_leading", [4, 8, 32, 5000])
def test_stochastic_entropy_takes_any_n_with_few_directions_and_many(n_leading, monkeypatch):
    monkeypatch.setattr("mi_kit.estimators.renyi.MOST_SAMPLES", 31)  # the limit of 8,192, for a quick test
    x = clusters(4, copies=8)
    found = stochastic_renyi_entropy(x, bandwidth=1.0, n_leading=n_leading, n_probes=2)
    assert_bits(found.entropy, 2, 0.1)  # taken, not judged, here


STOCHASTIC_ALPHAS = (0.7, 1, 1.01, 1.4, 1.6, 3)


@pytest.mark.parametrize("alpha", STOCHASTIC_ALPHAS)
@pytest.mark.parametrize("bandwidth", [0.3, 0.6, 1.5])
def test_stochastic_entropy_lies_within_its_errors_of_the_eigenvalues(bandwidth, alpha):
    """Twelve seeds: no error beyond five reported ones, and their size is the size of the true errors."""
    x = made(300, 3, seed=3)
    exact = renyi_entropy_by_eigenvalues([x], [bandwidth], alpha)
    found = [stochastic_renyi_entropy(x, alpha=alpha, bandwidth=bandwidth, n_leading=16, seed=s) for s in range(12)]
    wrong = np.array([float(one.entropy) - exact for one in found])
    reported = np.array([math.hypot(one.probe_error, one.lanczos_error) for one in found])
    rounding = 1e-9  # bits: what is left where 20 steps resolve everything
    # a normal error passes five of its standard errors once in 2 million; 16 probes make their estimate a t with 15
    # degrees of freedom, which passes 6 once in 40,000
    assert (np.abs(wrong) <= 6 * reported + rounding).all()
    # 12 seeds: their root mean square is right to a factor of two, and so is the report
    assert np.sqrt(np.mean(wrong**2)) <= 2.5 * np.sqrt(np.mean(reported**2)) + rounding
    assert np.sqrt(np.mean(reported**2)) <= 10 * np.sqrt(np.mean(wrong**2)) + rounding


@pytest.mark.parametrize("alpha", [0.3, 0.5, 0.7])
@pytest.mark.parametrize(
    ("n", "d", "bandwidth"), [(300, 2, 5.0), (1200, 3, 3.0), (300, 5, 3.0), (300, 10, 3.0), (300, 3, 0.6)]
)
def test_stochastic_entropy_of_low_order_lies_within_its_errors(n, d, bandwidth, alpha):
    """Small eigenvalues count, which 20 steps do not resolve: the quadrature is biased, and says how far at most."""
    x = made(n, d, seed=3)
    exact = renyi_entropy_by_eigenvalues([x], [bandwidth], alpha)
    for seed in range(5):
        found = stochastic_renyi_entropy(x, alpha=alpha, bandwidth=bandwidth, seed=seed)
        # the first is a bound; 15 degrees of freedom: beyond 6 standard errors once in 40,000. Eigenvalues carry
        # rounding errors near 1e-16, which an order of 0.3 raises to 1e-3 bits at most
        assert abs(float(found.entropy) - exact) <= found.lanczos_error + 6 * found.probe_error + 1e-3


def test_more_lanczos_steps_make_the_lanczos_error_smaller_and_the_entropy_right():
    x = made(300, 3, seed=3)
    exact = renyi_entropy_by_eigenvalues([x], [3.0], 0.5)
    found = [stochastic_renyi_entropy(x, alpha=0.5, bandwidth=3.0, n_leading=16, n_steps=n) for n in (5, 10, 20, 40)]
    reported, wrong = [float(one.lanczos_error) for one in found], [abs(float(one.entropy) - exact) for one in found]
    assert reported == sorted(reported, reverse=True)
    assert wrong[-1] < wrong[0] / 4


@pytest.mark.parametrize("alpha", STOCHASTIC_ALPHAS)
def test_stochastic_errors_are_not_zero_where_chance_plays_a_part(alpha):
    found = stochastic_renyi_entropy(made(300, 3), alpha=alpha, bandwidth=0.3, n_leading=4, n_steps=9)
    assert isinstance(found, RenyiEstimate)
    assert 0 < found.probe_error < 1
    # l^3 is a polynomial, which six steps of Gaussian quadrature integrate exactly
    assert 0 < found.lanczos_error < 1 or alpha == 3


@pytest.mark.parametrize("alpha", [1.001, 1 + 1e-6, 1 - 1e-6])
def test_stochastic_entropy_is_stable_near_alpha_one(alpha):
    x = made(300, 3, seed=3)
    found = stochastic_renyi_entropy(x, alpha=alpha, bandwidth=0.6)
    limit = stochastic_renyi_entropy(x, alpha=1, bandwidth=0.6)
    assert_bits(found.probe_error, float(limit.probe_error), 0.1 * float(limit.probe_error))  # not magnified
    assert abs(float(found.entropy) - renyi_entropy_by_eigenvalues([x], [0.6], 1)) < 0.05


def test_probe_error_falls_with_the_square_root_of_the_probes():
    x = made(300, 3)

    def mean_error(n_probes):
        found = [
            stochastic_renyi_entropy(x, bandwidth=0.5, n_leading=4, n_probes=n_probes, seed=s).probe_error
            for s in range(12)
        ]
        return float(torch.stack(found).mean())

    assert mean_error(4) / mean_error(64) == pytest.approx(4, rel=0.4)  # 12 seeds of 4 probes: right to about 12 %


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [2, 3, 5, 10, 40])
def test_stochastic_entropy_is_right_for_few_samples(n, seed):
    x = made(n, 3, seed)
    found = stochastic_renyi_entropy(x, bandwidth=1.0, seed=seed)
    error = abs(float(found.entropy) - renyi_entropy_by_eigenvalues([x], [1.0], 1.01))
    assert error <= 6 * math.hypot(found.probe_error, found.lanczos_error) + 1e-6  # where 20 steps resolve everything


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [2, 8, 32, 36, 40, 200])
def test_stochastic_entropy_leaves_nothing_to_chance_where_leading_directions_hold_everything(n, seed):
    x = clusters(4, copies=n // 4) if n > 2 else made(2)  # rank 4 or 2
    exact = renyi_entropy_by_eigenvalues([x], [1.0], 1.01)
    for n_leading, n_probes in ((32, 16), (n - 1, 2), (6, 2)):
        found = stochastic_renyi_entropy(x, bandwidth=1.0, n_leading=n_leading, n_probes=n_probes, seed=seed)
        # what the leading directions leave of a probe may be only rounding error: it must not be blown up
        assert_bits(found.entropy, exact, 1e-6)
        assert_bits(found.probe_error, 0, 1e-6)


@pytest.mark.parametrize("alpha", [0.7, 1, 1.01, 1.4, 1.6, 2, 5, 20])
def test_stochastic_entropy_knows_the_known_answers(alpha):
    for x, expected in ((torch.ones(200, 3), 0), (far_apart(200), math.log2(200)), (clusters(8, copies=25), 3)):
        found = stochastic_renyi_entropy(x, alpha=alpha, bandwidth=1.0)
        assert_bits(found.entropy, expected, 1e-6)  # ones are float32


@pytest.mark.parametrize("tile_elements", [1, 50, 10_000])
@pytest.mark.parametrize("alpha", [1.01, 2])
def test_stochastic_entropy_is_the_same_for_every_tile(tile_elements, alpha):
    x = made(23)  # prime: no tile but 1 and 23 divides it
    few = {"n_leading": 2, "n_probes": 2, "n_steps": 5}  # 23 samples are then not few
    whole = stochastic_renyi_entropy(x, alpha=alpha, bandwidth=0.5, **few)
    tiled = stochastic_renyi_entropy(x, alpha=alpha, bandwidth=0.5, **few, tile_elements=tile_elements)
    assert_bits(torch.stack(tiled), torch.stack(whole).tolist(), 1e-8)  # rounding that the steps carry on


def test_stochastic_entropy_of_several_variables_is_their_joint_entropy():
    maps, widths = some_maps(300)
    found = stochastic_renyi_entropy(maps, bandwidth=widths)
    error = abs(float(found.entropy) - renyi_entropy_by_eigenvalues(maps, widths, 1.01))
    assert error <= 6 * math.hypot(found.probe_error, found.lanczos_error) + EXACT


@pytest.mark.parametrize("alpha", [0.7, 1, 1.01, 5])
def test_stochastic_entropy_of_few_samples_is_exact(alpha):
    x = made(48)  # 4 (n_leading + n_probes)
    found = stochastic_renyi_entropy(x, alpha=alpha, bandwidth=0.5, n_leading=8, n_probes=4)
    assert_bits(found.entropy, renyi_entropy_by_eigenvalues([x], [0.5], alpha))
    assert (float(found.probe_error), float(found.lanczos_error)) == (0, 0)
    more = stochastic_renyi_entropy(made(49), alpha=alpha, bandwidth=0.5, n_leading=8, n_probes=4)
    assert float(more.probe_error) > 0


def test_stochastic_entropy_of_order_two_is_exact():
    x = made(120)
    found = stochastic_renyi_entropy(x, alpha=2, bandwidth=0.5)
    assert_bits(found.entropy, renyi_entropy_by_eigenvalues([x], [0.5], 2))
    assert (float(found.probe_error), float(found.lanczos_error)) == (0, 0)


def test_the_seed_decides_the_stochastic_entropy():
    x = made(120)
    one, same, other = (stochastic_renyi_entropy(x, bandwidth=0.3, n_leading=4, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one.entropy != other.entropy


def test_stochastic_entropy_has_no_shape_and_the_dtype_of_its_input():
    x = made(60)
    for given_x, dtype in ((x, torch.float64), (x.float(), torch.float32), (x.half(), torch.float32)):
        found = stochastic_renyi_entropy(given_x, bandwidth=0.5)
        assert {value.dtype for value in found} == {dtype}
        assert {value.shape for value in found} == {()}


# ------------------------------------------------------------------------------------ silverman_bandwidth


@pytest.mark.parametrize(("n", "d", "h", "offset"), [(100, 3, 5.0, 1), (1, 7, 2.0, 4), (60_000, 784, 0.1, 1)])
def test_silverman_bandwidth_is_its_formula(n, d, h, offset):
    assert silverman_bandwidth(n, d, h, exponent_offset=offset) == pytest.approx(h * n ** (-1 / (offset + d)))


def test_silverman_bandwidth_by_hand():
    # 32 samples, 1 dimension: 32^(-1/5) = 1/2 with Silverman's offset of 4
    assert silverman_bandwidth(32, 1, 3.0) == pytest.approx(1.5)
    assert silverman_bandwidth(16, 3, 5, exponent_offset=1) == pytest.approx(2.5)
    assert isinstance(silverman_bandwidth(32, 1, 3), float)


def test_silverman_bandwidth_shrinks_with_n_and_slower_in_high_dimension():
    widths = [[silverman_bandwidth(n, d, 1.0) for n in (10, 100, 1000)] for d in (1, 10, 100)]
    assert all(few > some > many for few, some, many in widths)
    assert widths[0][2] < widths[1][2] < widths[2][2]


def test_silverman_bandwidth_serves_the_entropies():
    x = made()
    assert 0 < float(renyi_entropy(x, bandwidth=silverman_bandwidth(40, 3, 5.0, exponent_offset=1))) < math.log2(40)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("n", value) for value in (0, -3, 2.5, True, None, "10", math.nan)),
        *(("d", value) for value in (0, -3, 2.5, True, None, "10", math.nan)),
        *(("h", value) for value in (0, -1.0, math.nan, math.inf, None, "5", 1j)),
        *(("exponent_offset", value) for value in (-2, -5, math.nan, None, "4", 1j)),
    ],
)
def test_silverman_bandwidth_refuses_bad_arguments(argument, value):
    arguments = {"n": 10, "d": 2, "h": 1.0, argument: value}
    with refused(argument, repr(value)):
        silverman_bandwidth(**arguments)


# ------------------------------------------------------------------------------------ what may come in


FUNCTIONS = {
    "entropy": lambda x, **options: renyi_entropy(x, bandwidth=0.8, **options),
    "joint": lambda x, **options: renyi_joint_entropy([x, made()], bandwidth=0.8, **options),
    "information": lambda x, **options: renyi_mutual_information(x, made(seed=1), bandwidth=0.8, **options),
    "information, maps": lambda x, **options: renyi_mutual_information(made(seed=1), x, bandwidth=0.8, **options),
    "stochastic": lambda x, **options: stochastic_renyi_entropy(x, bandwidth=0.8, seed=1, **options).entropy,
}
every_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)


@pytest.mark.parametrize("alpha", [0.7, 1, 1.01, 2, 5])
def test_float32_is_near_float64(alpha):
    x, t = made(), made(seed=1)
    pairs = [
        (renyi_entropy(x.float(), alpha=alpha, bandwidth=0.8), renyi_entropy(x, alpha=alpha, bandwidth=0.8)),
        (
            renyi_mutual_information(x.float(), t.float(), alpha=alpha, bandwidth=0.8),
            renyi_mutual_information(x, t, alpha=alpha, bandwidth=0.8),
        ),
    ]
    for single, double in pairs:
        assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
        assert_bits(single, float(double), FLOAT32)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8, torch.bool])
def test_half_precision_and_integers_come_back_as_float32(dtype):
    x = (3 * made().abs()).to(dtype)
    for alpha in (1.01, 2):
        expected = renyi_entropy_by_eigenvalues([x.double()], [0.8], alpha)  # of the rounded values
        for result in (
            renyi_entropy(x, alpha=alpha, bandwidth=0.8),
            renyi_joint_entropy([x, torch.zeros(40, 1)], alpha=alpha, bandwidth=0.8),
        ):
            assert result.dtype == torch.float32
            assert_bits(result, expected, FLOAT32)
        information = renyi_mutual_information(x, x, alpha=alpha, bandwidth=0.8)
        assert information.dtype == torch.float32
        assert_bits(information, renyi_information_by_eigenvalues(x.double(), [x.double()], 0.8, [0.8], alpha), FLOAT32)


def guises(x):
    return {
        "transposed": x.T.contiguous().T,
        "every second column": x.repeat_interleave(2, 1)[:, ::2],
        "carrying a gradient": x.clone().requires_grad_(),
        "numpy": x.numpy(),
        "numpy, Fortran order": np.asfortranarray(x.numpy()),
        "nested lists": x.tolist(),
    }


@every_function
@pytest.mark.parametrize("kind", guises(made()))
def test_the_guise_of_the_input_does_not_matter(kind, function):
    x = made()
    result = function(guises(x)[kind])
    assert not result.requires_grad
    assert_bits(result, float(function(x)), FLOAT32)  # lists of floats become float32


def test_variables_may_be_nested_lists():
    x, (maps, widths) = made(), some_maps()
    lists = [t.tolist() for t in maps]
    assert_bits(renyi_joint_entropy(lists, bandwidth=widths), renyi_joint_entropy(maps, bandwidth=widths), FLOAT32)
    # two variables of the same shape: not a batch of two
    information = renyi_mutual_information(x, [t.tolist() for t in (x, 2 * x)], bandwidth=1.0)
    assert_bits(information, float(renyi_mutual_information(x, [x, 2 * x], bandwidth=1.0)), FLOAT32)


def test_input_is_left_as_it_was():
    x, (maps, widths) = made(), some_maps()
    before = x.clone(), [t.clone() for t in maps]
    renyi_mutual_information(x, maps, alpha=[1.01, 2], bandwidth=(1.0, widths))
    stochastic_renyi_entropy(maps, bandwidth=widths)
    assert torch.equal(x, before[0])
    assert all(torch.equal(t, old) for t, old in zip(maps, before[1], strict=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gpu_gives_what_the_cpu_gives(dtype):
    x, t = made(dtype=dtype), made(seed=1, dtype=dtype)
    result = renyi_mutual_information(x.cuda(), t.cuda(), alpha=[0.7, 1, 1.01, 2], bandwidth=0.8)
    assert (result.device.type, result.dtype) == ("cuda", dtype)
    on_cpu = renyi_mutual_information(x, t, alpha=[0.7, 1, 1.01, 2], bandwidth=0.8)
    assert_bits(result.cpu(), on_cpu, FLOAT32 if dtype == torch.float32 else EXACT)


# ------------------------------------------------------------------------------------ what is refused


def refused(name: str, received: str):
    """A ValueError whose first word is the argument, and that says what it got."""
    return pytest.raises(ValueError, match=rf"^{name}\b(?s:.*)\bgot (?s:.*)(?i:{_escaped(received)})")


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in r".^$*+?{}[]\|()" else c for c in text)


def spoilt(value):
    x = made()
    x[3, 1] = value
    return x


BAD_SAMPLES = {
    "NaN": (spoilt(math.nan), "NaN"),
    "inf": (spoilt(math.inf), "inf"),
    "minus inf": (spoilt(-math.inf), "inf"),
    "complex": (made().to(torch.complex64), "complex64"),
    "a string": ("activations", "str"),
    "strings": ([["a"], ["b"]], "list"),
    "None": (None, "NoneType"),
    "one sample": (made(1), "1"),
    "no sample": (made(0), "0"),
    "1-D": (made()[:, 0], "(40,)"),
    "0-D": (torch.tensor(1.0), "()"),
    "no feature": (made()[:, :0], "(40, 0)"),
    "ragged": ([[1.0, 2.0], [3.0]], ""),
}
with_bad_samples = pytest.mark.parametrize("case", BAD_SAMPLES)


@with_bad_samples
def test_bad_samples_are_refused_by_the_entropy(case):
    bad, received = BAD_SAMPLES[case]
    with refused("x", received):
        renyi_entropy(bad, bandwidth=1.0)


@with_bad_samples
def test_bad_samples_are_refused_by_the_joint_entropy(case):
    bad, received = BAD_SAMPLES[case]
    with refused("variables", received):
        renyi_joint_entropy([made(), bad], bandwidth=1.0)


@with_bad_samples
def test_bad_samples_are_refused_by_the_information(case):
    bad, received = BAD_SAMPLES[case]
    with refused("x", received):
        renyi_mutual_information(bad, made(), bandwidth=1.0)
    with refused("maps", received):
        renyi_mutual_information(made(), bad, bandwidth=1.0)
    with refused("maps", received):
        renyi_mutual_information(made(), [made(), bad], bandwidth=1.0)


@with_bad_samples
def test_bad_samples_are_refused_by_the_stochastic_entropy(case):
    bad, received = BAD_SAMPLES[case]
    with refused("variables", received):
        stochastic_renyi_entropy(bad, bandwidth=1.0)
    with refused("variables", received):
        stochastic_renyi_entropy([made(), bad], bandwidth=1.0)


@pytest.mark.parametrize(
    "alpha", [0, 0.0, -1, math.nan, math.inf, None, "1.01", True, False, [], (), [1.01, -1], [math.nan]], ids=repr
)
@every_function
def test_bad_alpha_is_refused(function, alpha):
    with refused("alpha", repr(alpha)):
        function(made(), alpha=alpha)


@pytest.mark.parametrize(
    "alpha",
    [["a"], [None], [True], np.True_, 1j, [[1.01]], np.ones((1, 2)), np.array([]), torch.tensor([]),
     torch.tensor(True), torch.tensor(1j)],
    ids=repr,
)  # fmt: skip
def test_alpha_of_a_strange_kind_is_refused(alpha):
    with refused("alpha", ""):
        renyi_entropy(made(), alpha=alpha, bandwidth=1.0)


def test_several_alphas_are_refused_by_the_stochastic_entropy():
    with refused("alpha", "[1.01, 2]"):
        stochastic_renyi_entropy(made(), alpha=[1.01, 2], bandwidth=1.0)


@pytest.mark.parametrize(
    "bandwidth",
    [0, -1.0, math.nan, math.inf, None, "1", 1j, [1.0, 2.0], [], torch.ones(3), torch.ones(1), torch.ones(40),
     torch.zeros(()), np.ones(2)],
    ids=repr,
)  # fmt: skip
def test_bad_bandwidths_are_refused(bandwidth):
    received = "" if isinstance(bandwidth, (torch.Tensor, np.ndarray, list)) else repr(bandwidth)
    with refused("bandwidth", received):
        renyi_entropy(made(), bandwidth=bandwidth)
    with refused("bandwidth", received):
        stochastic_renyi_entropy(made(), bandwidth=bandwidth)
    if not isinstance(bandwidth, list):  # s_x and s_maps
        with refused("bandwidth", received):
            renyi_mutual_information(made(), made(), bandwidth=bandwidth)
    with refused("bandwidth", received):
        renyi_joint_entropy([made()] * 3, bandwidth=bandwidth)


@pytest.mark.parametrize("widths", [[1.0], [1.0, 2.0, 3.0], [1.0, -2.0], [1.0, math.nan], [1.0, None]], ids=repr)
def test_bad_bandwidths_of_two_variables_are_refused(widths):
    maps = [made(), made()]
    with refused("bandwidth", ""):
        renyi_joint_entropy(maps, bandwidth=widths)
    with refused("bandwidth", ""):
        renyi_mutual_information(made(), maps, bandwidth=(1.0, widths))
    with refused("bandwidth", ""):
        stochastic_renyi_entropy(maps, bandwidth=widths)


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1), (1, 3), (0,)], ids=str)
def test_bandwidths_of_another_batch_shape_are_refused(shape):
    batch = torch.stack([made()] * 3)
    with refused("bandwidth", ""):
        renyi_entropy(batch, bandwidth=torch.ones(shape))
    with refused("bandwidth", ""):
        renyi_mutual_information(batch, [batch], bandwidth=(1.0, torch.ones(shape)))


def test_bandwidth_and_alpha_have_no_hidden_order():
    for function in (renyi_entropy, renyi_joint_entropy, stochastic_renyi_entropy):
        with pytest.raises(TypeError):
            function(made(), 1.01, 1.0)
        with pytest.raises(TypeError, match="bandwidth"):
            function(made())


def test_variables_that_do_not_fit_together_are_refused():
    with refused("variables", "n=[30, 40]"):
        renyi_joint_entropy([made(40), made(30)], bandwidth=1.0)
    with refused("maps", "n=[30, 40]"):
        renyi_mutual_information(made(), [made(40), made(30)], bandwidth=1.0)
    with refused("maps", "n=30"):
        renyi_mutual_information(made(), made(30), bandwidth=1.0)
    with refused("variables", "n=[30, 40]"):
        stochastic_renyi_entropy([made(40), made(30)], bandwidth=1.0)
    three, two = made(60).reshape(3, 20, 3), made(40).reshape(2, 20, 3)
    with refused("variables", "(3,), (2,)"):
        renyi_joint_entropy([three, two], bandwidth=1.0)
    with refused("maps", "(3,), (2,)"):
        renyi_mutual_information(three, [two], bandwidth=1.0)
    with refused("variables", "(3, 20, 3)"):
        stochastic_renyi_entropy(three, bandwidth=1.0)


def test_no_variables_are_refused():
    with refused("variables", ""):
        renyi_joint_entropy([], bandwidth=1.0)
    with refused("maps", ""):
        renyi_mutual_information(made(), [], bandwidth=1.0)
    with refused("variables", ""):
        stochastic_renyi_entropy([], bandwidth=1.0)
    with refused("variables", "(40, 3)"):
        renyi_joint_entropy(made(), bandwidth=1.0)  # one variable is a list of one


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("n_leading", value) for value in (0, -1, 2.5, True, None, "3")),
        *(("n_probes", value) for value in (1, 0, 2.5, True, None)),
        *(("n_steps", value) for value in (2, 0, 5.5, True, None)),
        *(("seed", value) for value in (-1, 0.5, True, None, "a")),
        *(("tile_elements", value) for value in (0, -1, 2.5, True, None)),
    ],
)
def test_bad_numbers_of_the_stochastic_entropy_are_refused(argument, value):
    with refused(argument, repr(value)):
        stochastic_renyi_entropy(made(), bandwidth=1.0, **{argument: value})


@every_function
@pytest.mark.parametrize("value", [0, -1, 2.5, True, None, "3", math.nan], ids=repr)
def test_bad_tiles_are_refused(function, value):
    with refused("tile_elements", repr(value)):
        function(made(), tile_elements=value)


# ------------------------------------------------------------------------------------ chains


def chain_of_a_network(batch=()):
    """Two variables and three layers, two of them of maps, with bandwidths of every kind."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(31, 5), (31, 2), (31, 4, 6), (31, 3, 2), (31, 7)]
    x, y, first, second, third = (
        torch.randn(*batch, *shape, generator=generator, dtype=torch.float64) for shape in shapes
    )
    return (x, y), (first, second, third), ([2.0, 0.7], [3.0, [0.5, 1.0, 2.0], 1.5])


@pytest.mark.parametrize("alpha", [1, 1.01, 2, 3])
def test_chain_matches_the_eigenvalues_of_the_kernel_matrices(alpha):
    variables, layers, (of_variables, of_layers) = chain_of_a_network()
    found = est.renyi_chain(variables, layers, alpha=alpha, bandwidth=(of_variables, of_layers))
    for v, (variable, s) in enumerate(zip(variables, of_variables, strict=True)):
        assert_bits(found.of_variables[v], renyi_entropy_by_eigenvalues([variable], [s], alpha))
        for k, (layer, widths) in enumerate(zip(layers, of_layers, strict=True)):
            maps = list(layer.unbind(1)) if layer.ndim == 3 else [layer]
            widths = widths if isinstance(widths, list) else [widths] * len(maps)
            assert_bits(found.of_layers[k], renyi_entropy_by_eigenvalues(maps, widths, alpha))
            expected = renyi_information_by_eigenvalues(variable, maps, s, widths, alpha)
            assert_bits(found.information[v, k], expected, 1e-8)


def test_chain_of_a_batch_is_that_of_each_member_and_several_orders_lead():
    variables, layers, widths = chain_of_a_network(batch=(2, 3))
    together = est.renyi_chain(variables, layers, alpha=[1.01, 2], bandwidth=widths)
    assert together.information.shape == (2, 2, 3, 2, 3)
    assert together.of_variables.shape == (2, 2, 3, 2)
    assert together.of_layers.shape == (2, 2, 3, 3)
    for a, alpha in enumerate([1.01, 2]):
        for i in range(2):
            for j in range(3):
                own = [each[i, j] for each in variables], [each[i, j] for each in layers]
                alone = est.renyi_chain(*own, alpha=alpha, bandwidth=widths)
                for whole, part in zip(together, alone, strict=True):
                    assert_bits(whole[a, i, j], part)


def test_chain_takes_a_bandwidth_for_every_member_of_the_batch():
    variables, layers, _ = chain_of_a_network(batch=(2,))
    each = torch.tensor([0.5, 2.0])
    together = est.renyi_chain(variables, layers, bandwidth=([each, 1.0], [each, [each, 1.0, 2.0], each]))
    for member, s in enumerate([0.5, 2.0]):
        own = [one[member] for one in variables], [one[member] for one in layers]
        alone = est.renyi_chain(*own, bandwidth=([s, 1.0], [s, [s, 1.0, 2.0], s]))
        assert_bits(together.information[member], alone.information)


def test_chain_does_not_depend_on_the_order_of_the_samples_and_keeps_the_dtype():
    variables, layers, widths = chain_of_a_network()
    order = torch.randperm(31, generator=torch.Generator().manual_seed(3))
    found = est.renyi_chain(variables, layers, bandwidth=widths)
    shuffled = est.renyi_chain([x[order] for x in variables], [t[order] for t in layers], bandwidth=widths)
    assert_bits(shuffled.information, found.information)
    single = est.renyi_chain([x.float() for x in variables], [t.float() for t in layers], bandwidth=widths)
    assert (found.information.dtype, single.information.dtype) == (torch.float64, torch.float32)
    assert_bits(single.information, found.information, FLOAT32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bandwidth": 1.0}, "bandwidth must be two sequences"),
        ({"bandwidth": ([1.0], [1.0, 1.0, 1.0])}, "bandwidth must be two sequences"),
        ({"bandwidth": ([1.0, -1.0], [1.0, 1.0, 1.0])}, "bandwidth must be finite and larger than 0"),
        ({"layers": []}, "at least one each"),
        ({"layers": [torch.ones(30, 2)]}, "batch dimensions and samples"),
        ({"layers": [torch.full((31, 2), torch.nan)]}, "layers must be finite"),
        ({"layers": [torch.full((31, 2, 3), torch.inf)]}, "layers must be finite"),
        ({"layers": [torch.ones(31, 2, dtype=torch.complex64)]}, "layers must be real"),
        ({"layers": [torch.ones(31)]}, "layers must have the shape"),
        ({"alpha": 0}, "alpha must be finite and larger than 0"),
    ],
)
def test_chain_refuses_what_does_not_fit(change, words):
    variables, layers, widths = chain_of_a_network()
    layers = change.pop("layers", layers)
    widths = change.pop("bandwidth", (widths[0], widths[1][: len(layers)]))
    with pytest.raises(ValueError, match=words):
        est.renyi_chain(variables, layers, bandwidth=widths, **change)
