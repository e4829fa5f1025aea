"""Samplers: their exact values recomputed another way, and what they draw against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from slow_formulas import (
    BITS_PER_NAT,
    entropy_of_density,
    information_by_counting,
    information_on_a_grid,
    mixture_information_by_quadrature,
    student_entropy_by_radius,
    table_information_by_loops,
)

from mi_kit import samplers
from mi_kit.estimators import binned_information, ksg_mutual_information, renyi_mutual_information

EXACT = 1e-9  # bits: formulas in float64
FIVE_DECIMALS = 5e-6 * BITS_PER_NAT  # bits: tables give five decimals of nats
EVERY = samplers.every()
UNLIKELY = 1e-3  # probability under which a Kolmogorov-Smirnov test fails; the seeds are fixed

every_sampler = pytest.mark.parametrize("sampler", EVERY.values(), ids=EVERY)


def in_nats(sampler) -> float:
    return sampler.mutual_information / BITS_PER_NAT


# ------------------------------------------------------------------------------------ normal distributions


@pytest.mark.parametrize(
    ("rho", "nats"), [(0.3, 0.04716), (0.5, 0.14384), (0.6, 0.22314), (0.75, 0.41334), (0.8, 0.51083), (0.9, 0.83037)]
)
def test_a_pair_of_normals_has_the_logarithm_of_its_correlation(rho, nats):
    for sign in (1, -1):
        sampler = samplers.correlated_pairs(1, sign * rho)
        assert in_nats(sampler) == pytest.approx(nats, abs=5.1e-6)  # five decimals are given
        assert in_nats(sampler) == pytest.approx(-math.log(1 - rho**2) / 2, abs=EXACT)


@pytest.mark.parametrize(("d", "n_correlated"), [(1, 0), (3, None), (3, 3), (10, 2), (25, 2), (16, None)])
def test_pairs_add_their_information(d, n_correlated):
    sampler = samplers.correlated_pairs(d, 0.8, n_correlated)
    n_pairs = d if n_correlated is None else n_correlated
    assert in_nats(sampler) == pytest.approx(-n_pairs * math.log(1 - 0.8**2) / 2, abs=EXACT)


def test_sixteen_pairs_of_half_correlation_have_2_30146_nats():
    assert in_nats(EVERY["pairs_16x16_0.5_16"]) == pytest.approx(2.30146, abs=5e-6)  # five decimals are given


@pytest.mark.parametrize(("d", "nats"), [(2, 0.29389), (3, 0.41334), (5, 0.59281), (25, 1.29218), (50, 1.62427)])
def test_equicorrelated_normals_have_the_values_of_the_table(d, nats):
    sampler = samplers.equicorrelated(d, 0.5)
    assert in_nats(sampler) == pytest.approx(nats, abs=5.1e-6)  # five decimals are given
    # |S| of m coordinates with correlation r is (1 - r)^(m - 1) (1 + (m - 1) r)
    determinants = [(m - 1) * math.log(0.5) + math.log(1 + (m - 1) / 2) for m in (d, 2 * d)]
    assert in_nats(sampler) == pytest.approx(determinants[0] - determinants[1] / 2, abs=EXACT)


@pytest.mark.parametrize("d_x", [1, 2, 3])
def test_normal_information_is_the_sum_of_canonical_correlations(d_x):
    factor = np.random.default_rng(0).normal(size=(4, 4))
    covariance = factor @ factor.T + np.eye(4)
    of_x, of_y, cross = covariance[:d_x, :d_x], covariance[d_x:, d_x:], covariance[:d_x, d_x:]
    squares = np.linalg.eigvals(np.linalg.solve(of_x, cross) @ np.linalg.solve(of_y, cross.T)).real
    sampler = samplers.normal(covariance, d_x)
    assert in_nats(sampler) == pytest.approx(-np.log(1 - squares).sum() / 2, abs=EXACT)
    x, y = sampler.sample(20_000)
    assert (x.shape, y.shape) == ((20_000, d_x), (20_000, 4 - d_x))
    # the standard error of a covariance is sqrt((s_ii s_jj + s_ij^2) / n), at most 1 % of the largest variance
    found = np.cov(np.concatenate([x, y], axis=1).T)
    np.testing.assert_allclose(found, covariance, atol=0.05 * covariance.max())


@pytest.mark.parametrize("name", ["pairs_10x10_0.8_2", "equicorrelated_5x5_0.5", "pairs_1x1_0.75_1"])
def test_normal_samples_have_the_correlations_of_their_name(name):
    x, y = EVERY[name].sample(20_000, seed=1)
    d = x.shape[1]
    expected = np.eye(2 * d)
    if name.startswith("equi"):
        expected[:] = 0.5
        np.fill_diagonal(expected, 1)
    else:
        n_correlated, rho = int(name[-1]), float(name.split("_")[2])
        for place in range(n_correlated):
            expected[place, d + place] = expected[d + place, place] = rho
    found = np.corrcoef(np.concatenate([x, y], axis=1).T)
    np.testing.assert_allclose(found, expected, atol=0.035)  # five standard errors 1 / sqrt(20,000)
    for column in np.concatenate([x, y], axis=1).T:
        assert stats.kstest(column, "norm").pvalue > UNLIKELY / 20


# ------------------------------------------------------------------------------------ Student t


@pytest.mark.parametrize(("d", "rho", "degrees"), [(1, 0.0, 1.0), (2, 0.6, 2.0), (1, 0.6, 3.0), (3, 0.3, 7.5)])
def test_student_information_matches_radial_integrals(d, rho, degrees):
    # a scale matrix adds its log-determinant to an entropy; the rest depends on the dimension alone
    of_scales = -d * math.log2(1 - rho**2) / 2
    expected = of_scales + 2 * student_entropy_by_radius(d, degrees) - student_entropy_by_radius(2 * d, degrees)
    sampler = samplers.student(d, rho, degrees)
    assert sampler.mutual_information == pytest.approx(expected, abs=1e-7)  # of the quadrature


@pytest.mark.parametrize(("rho", "degrees"), [(0.0, 3.0), (0.6, 3.0), (0.6, 8.0)])
def test_student_information_in_one_and_one_dimension_matches_the_plane(rho, degrees):
    joint = stats.multivariate_t(shape=[[1, rho], [rho, 1]], df=degrees)
    expected = information_on_a_grid(
        lambda x, y: joint.pdf(np.stack(np.broadcast_arrays(x, y), axis=-1)),
        stats.t(degrees).pdf, stats.t(degrees).pdf, 600,
    )  # fmt: skip
    # 3 degrees, the heavier tail: 3e-6 bits off with 600 points, 4e-7 with 1,200
    assert samplers.student(1, rho, degrees).mutual_information == pytest.approx(expected, abs=1e-5)


def test_student_tends_to_the_normal_with_many_degrees():
    normal = samplers.correlated_pairs(2, 0.6).mutual_information
    distances = [samplers.student(2, 0.6, degrees).mutual_information - normal for degrees in (10, 100, 1000, 1e5)]
    assert distances[0] > distances[1] > distances[2] > distances[3] > -1e-6  # heavy tails add information
    assert distances[3] < 1e-6  # d^2 / df^2 to first order


def test_student_variables_depend_on_each_other_without_correlation():
    assert EVERY["student_1x1_0_df1"].mutual_information > 0.1


@pytest.mark.parametrize(("d", "rho", "degrees"), [(1, 0.0, 1.0), (2, 0.6, 2.0), (1, 0.6, 5.0)])
def test_student_samples_follow_their_distribution(d, rho, degrees):
    x, y = samplers.student(d, rho, degrees).sample(5000, seed=2)
    for column in np.concatenate([x, y], axis=1).T:
        assert stats.kstest(column, stats.t(degrees).cdf).pvalue > UNLIKELY
    # a contrast of x_1 and y_1 is a Student t too, scaled by sqrt(2 - 2 rho)
    contrast = (x[:, 0] - y[:, 0]) / math.sqrt(2 - 2 * rho)
    assert stats.kstest(contrast, stats.t(degrees).cdf).pvalue > UNLIKELY


# ------------------------------------------------------------------------------------ uniform, discrete, mixtures


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.37, 0.5])
def test_additive_uniform_information_is_the_entropy_of_a_trapezium(epsilon):
    def density(y: float) -> float:
        return min(1.0, (y + epsilon) / (2 * epsilon), (1 + epsilon - y) / (2 * epsilon))

    ends = sorted({-epsilon, epsilon, 1 - epsilon, 1 + epsilon})
    expected = entropy_of_density(density, ends) - math.log2(2 * epsilon)
    assert samplers.additive_uniform(epsilon).mutual_information == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("m", [1, 2, 3, 10])
def test_uniform_steps_information_is_the_entropy_of_a_staircase(m):
    def density(y: float) -> float:
        return sum(x <= y < x + 2 for x in range(m)) / (2 * m)

    expected = entropy_of_density(density, range(m + 2)) - math.log2(2)
    assert samplers.uniform_steps(m).mutual_information == pytest.approx(expected, abs=EXACT)


def test_three_uniform_steps_have_63651_nats():
    assert in_nats(samplers.uniform_steps(3)) == pytest.approx(0.63651, abs=5.1e-6)  # five decimals are given


def test_uniform_samples_follow_their_distributions():
    x, y = samplers.additive_uniform(0.1).sample(5000, seed=1)
    assert stats.kstest(x[:, 0], "uniform").pvalue > UNLIKELY
    assert stats.kstest((y - x)[:, 0], stats.uniform(-0.1, 0.2).cdf).pvalue > UNLIKELY
    x, y = samplers.uniform_steps(3).sample(6000, seed=1)
    assert stats.chisquare(torch.bincount(x[:, 0].long())).pvalue > UNLIKELY
    assert x.unique().tolist() == [0, 1, 2]
    for value in range(3):
        assert stats.kstest((y - x)[x == value], stats.uniform(0, 2).cdf).pvalue > UNLIKELY


@pytest.mark.parametrize("table", [[[0.3, 0.1], [0.1, 0.5]], [[1, 2, 0], [4, 0, 3]], [[1, 1], [1, 1]]], ids=str)
@pytest.mark.parametrize("make", [list, np.array, torch.tensor], ids=["list", "numpy", "torch"])
def test_a_table_has_the_information_of_its_cells(make, table):
    sampler = samplers.discrete(make(table))
    assert sampler.discrete
    assert sampler.mutual_information == pytest.approx(table_information_by_loops(table), abs=1e-6)  # float32 tables
    x, y = sampler.sample(20_000)
    found = np.histogram2d(x[:, 0], y[:, 0], bins=[range(len(table) + 1), range(len(table[0]) + 1)])[0]
    # five standard errors of a share are 5 sqrt(p (1 - p) / 20,000) < .018
    np.testing.assert_allclose(found / 20_000, np.array(table) / np.sum(table), atol=0.018)


def test_a_noisy_neuron_has_the_information_of_its_mixture():
    centres = [-1.0, -0.2, 0.3, 2.0]
    sampler = samplers.noisy_neuron(centres, 0.1)
    assert sampler.mutual_information == pytest.approx(mixture_information_by_quadrature(centres, 0.1), abs=1e-8)
    x, y = sampler.sample(8000, seed=1)
    assert (x.shape, y.shape) == ((8000, 1), (8000, 1))
    assert stats.chisquare(torch.bincount(x[:, 0].long())).pvalue > UNLIKELY
    noise = y[:, 0] - torch.tensor(centres, dtype=torch.float64)[x[:, 0].long()]
    assert stats.kstest(noise / math.sqrt(0.1), "norm").pvalue > UNLIKELY


@pytest.mark.parametrize("far", [0.0, 1000.0])
def test_a_noisy_neuron_of_equal_or_far_centres_has_none_or_all(far):
    expected = math.log2(8) if far else 0
    assert samplers.noisy_neuron(far * np.arange(8), 0.1).mutual_information == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("n_bits", "n_units", "n_levels"), [(10, 3, 8), (6, 1, 2), (8, 5, 256)])
def test_a_quantised_network_has_the_entropy_of_its_states(n_bits, n_units, n_levels):
    sampler = samplers.quantised_network(n_bits, n_units, n_levels)
    # every pattern comes in 30,000 draws: one is missed with probability 1024 e^(-30,000/1024) < 1e-9
    x, y = (each.numpy() for each in sampler.sample(30_000))
    assert sampler.discrete
    assert (x.shape[1], y.shape[1]) == (n_bits, n_units)
    assert set(np.unique(x)) == {0, 1}
    assert set(np.unique(y)) <= set(range(n_levels))
    both = np.unique(np.concatenate([x, y], axis=1), axis=0)
    assert len(both) == len(np.unique(x, axis=0)) == 2**n_bits  # y is a function of x
    entropy = information_by_counting(both[:, n_bits:], np.zeros(len(both)))[0]
    assert sampler.mutual_information == pytest.approx(entropy, abs=EXACT)
    assert 0 < entropy <= n_bits


def test_another_seed_makes_another_network():
    one, same, other = (samplers.quantised_network(6, 2, 4, seed=seed).mutual_information for seed in (0, 0, 1))
    assert one == same != other


# ------------------------------------------------------------------------------------ transformations


TRANSFORMED = {
    "asinh": ("pairs_1x1_0.75_1", np.arcsinh, np.arcsinh),
    "cube_root": ("pairs_1x1_0.75_1", np.cbrt, np.cbrt),
    "normal_cdf": ("pairs_1x1_0.75_1", stats.norm.cdf, stats.norm.cdf),
    "half_cube": ("pairs_1x1_0.75_1", lambda v: np.sign(v) * np.abs(v) ** 1.5, lambda v: np.sign(v) * np.abs(v) ** 1.5),
    "spiral": ("pairs_3x3_0.6_3", samplers.spiral, samplers.spiral),
    "swiss_roll": ("pairs_1x1_0.75_1", samplers.swiss_roll, lambda v: v),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_a_transformed_sampler_maps_the_samples_of_its_base_and_keeps_its_value(name):
    base, of_x, of_y = TRANSFORMED[name]
    x, y = EVERY[base].sample(100, seed=7)
    new_x, new_y = EVERY[name].sample(100, seed=7)
    np.testing.assert_allclose(new_x, of_x(x.numpy()), atol=1e-12)  # rounding in float64
    np.testing.assert_allclose(new_y, of_y(y.numpy()), atol=1e-12)
    assert EVERY[name].mutual_information == EVERY[base].mutual_information


@pytest.mark.parametrize("turns", [0.3, 1.0, -2.0])
@pytest.mark.parametrize("d", [2, 3, 5])
def test_a_spiral_is_undone_by_turning_back_and_keeps_volume(d, turns):
    x = np.random.default_rng(0).normal(size=(20, d))
    turned = samplers.spiral(x, turns)
    assert turned.shape == x.shape
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(x, axis=1))
    np.testing.assert_allclose(samplers.spiral(turned, -turns), x, atol=1e-12)  # rounding in float64
    assert np.abs(turned - x).max() > 0.1
    step = 1e-6
    for point in x[:5]:
        moved = [
            samplers.spiral(point[None] + step * unit, turns) - samplers.spiral(point[None] - step * unit, turns)
            for unit in np.eye(d)
        ]
        volume = np.linalg.det(np.concatenate(moved) / (2 * step))
        assert volume == pytest.approx(1, abs=1e-6)  # of the central difference


def test_a_swiss_roll_is_a_curve_that_never_meets_itself():
    x = np.linspace(-4, 4, 2001)[:, None]
    rolled = samplers.swiss_roll(x)
    assert rolled.shape == (2001, 2)
    radius = np.linalg.norm(rolled, axis=1)
    assert (np.diff(radius) > 0).all()  # the distance from the centre tells the coordinate
    np.testing.assert_allclose(radius * 21, 1.5 * np.pi * (1 + 2 * stats.norm.cdf(x[:, 0])))
    # and the angle is the radius: more than one turn
    angle = np.unwrap(np.arctan2(rolled[:, 1], rolled[:, 0]))
    np.testing.assert_allclose(np.diff(angle), np.diff(21 * radius), atol=1e-9)
    assert angle[-1] - angle[0] > 2 * np.pi


def test_half_cube_and_normal_cdf_are_monotone():
    x = np.linspace(-5, 5, 101)[:, None]
    assert (np.diff(samplers.half_cube(x)[:, 0]) > 0).all()
    np.testing.assert_allclose(samplers.half_cube(np.array([-4.0, 0.0, 9.0])), [-8, 0, 27])
    np.testing.assert_allclose(samplers.normal_cdf(x), stats.norm.cdf(x))


# ------------------------------------------------------------------------------------ what an estimator finds


# bits: the largest error of five seeds at n = 4,000 and a standard deviation of .03 more; most of it is the known bias
# of heavy tails (Student), of strong dependence (additive) and of more dimensions (3+3, and the spiral above all)
TOLERANCE = {
    "pairs_1x1_0.75_1": 0.07, "asinh": 0.07, "cube_root": 0.07, "normal_cdf": 0.07, "half_cube": 0.07,
    "swiss_roll": 0.07, "uniform_steps_3": 0.07, "additive_uniform_0.1": 0.1, "pairs_3x3_0.6_3": 0.13,
    "student_1x1_0_df1": 0.16, "student_2x2_0.6_df2": 0.17, "spiral": 0.22,
}  # fmt: skip


@pytest.mark.parametrize("name", TOLERANCE)
def test_neighbours_find_the_exact_value_in_low_dimension(name):
    x, y = EVERY[name].sample(4000, seed=11)
    found = float(ksg_mutual_information(x, y, n_neighbors=5))
    assert found == pytest.approx(EVERY[name].mutual_information, abs=TOLERANCE[name])


@pytest.mark.parametrize("seed", [0, 1])
def test_neighbours_collapse_in_sixteen_and_sixteen_dimensions(seed):
    sampler = EVERY["pairs_16x16_0.5_16"]
    found = float(ksg_mutual_information(*sampler.sample(5000, seed=seed), n_neighbors=5)) / BITS_PER_NAT
    assert 0.66 <= found <= 0.72  # nats, against the true 2.30146
    assert in_nats(sampler) > 3 * found


@pytest.mark.parametrize("name", ["asinh", "cube_root", "normal_cdf", "half_cube"])
def test_monotone_maps_change_nothing_for_ranks_and_much_for_widths_and_kernels(name):
    # the exact information is the same; an estimator of equal counts sees only ranks, the others see distances
    (x, y), (new_x, new_y) = (EVERY[each].sample(600, seed=3) for each in ("pairs_1x1_0.75_1", name))
    labels = (y[:, 0] > 0).long()
    by_rank, by_width = (
        [float(binned_information(each, labels, n_bins=10, **how).i_xt) for each in (x, new_x)]
        for how in ({"spacing": "equal_count"}, {"range": None})
    )
    assert by_rank[0] == pytest.approx(by_rank[1], abs=1e-12)  # the same bins
    assert abs(by_width[0] - by_width[1]) > 0.05  # measured: .13 bits and more
    kernel, new_kernel = (
        float(renyi_mutual_information(*pair, bandwidth=0.3))
        for pair in ((x[:200], y[:200]), (new_x[:200], new_y[:200]))
    )
    assert abs(kernel - new_kernel) > 0.05  # measured: .16 bits and more


# ------------------------------------------------------------------------------------ every sampler


SHAPES = {
    "pairs_1x1_0.75_1": (1, 1), "asinh": (1, 1), "cube_root": (1, 1), "normal_cdf": (1, 1), "half_cube": (1, 1),
    "swiss_roll": (2, 1), "additive_uniform_0.1": (1, 1), "uniform_steps_3": (1, 1), "student_1x1_0_df1": (1, 1),
    "student_2x2_0.6_df2": (2, 2), "pairs_3x3_0.6_3": (3, 3), "spiral": (3, 3), "equicorrelated_5x5_0.5": (5, 5),
    "pairs_10x10_0.8_2": (10, 10), "pairs_25x25_0.8_2": (25, 25), "pairs_16x16_0.5_16": (16, 16),
    "table_2x2": (1, 1), "quantised_network_10_3_8": (10, 3),
}  # fmt: skip


def test_the_collection_holds_what_is_tested_here():
    assert {name: sampler.name for name, sampler in EVERY.items()} == {name: name for name in SHAPES}
    assert len({sampler.title for sampler in EVERY.values()}) == len(EVERY)


@every_sampler
@pytest.mark.parametrize("n", [1, 2, 500])
def test_every_sampler_draws_finite_pairs_of_its_shape(n, sampler):
    x, y = sampler.sample(n)
    assert (tuple(x.shape), tuple(y.shape)) == tuple((n, d) for d in SHAPES[sampler.name])
    assert x.dtype == y.dtype == torch.float64
    assert torch.isfinite(x).all()
    assert torch.isfinite(y).all()


@every_sampler
def test_every_sampler_has_a_finite_positive_information(sampler):
    assert isinstance(sampler.mutual_information, float)
    assert 0 < sampler.mutual_information < 20


@every_sampler
def test_discrete_samplers_are_those_whose_values_recur(sampler):
    x, y = sampler.sample(5000)
    recurring = all(len(each.unique(dim=0)) < 2000 for each in (x, y))
    assert sampler.discrete is recurring


@every_sampler
def test_the_same_seed_gives_the_same_pairs_and_another_one_others(sampler):
    one, same, other = (sampler.sample(50, seed=seed) for seed in (4, 4, 5))
    for a, b, c in zip(one, same, other, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)
    assert torch.equal(sampler.sample(50)[0], sampler.sample(50, seed=0)[0])


@every_sampler
def test_no_sampler_touches_the_global_random_states(sampler):
    torch.manual_seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - it must not change
    sampler.sample(10)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


@every_sampler
def test_get_finds_every_sampler_by_its_name(sampler):
    found = samplers.get(sampler.name)
    assert (found.name, found.mutual_information) == (sampler.name, sampler.mutual_information)


# ------------------------------------------------------------------------------------ what is refused


def refused(name: str, received: str):
    """A ValueError whose first word is the argument, and that says what it got."""
    escaped = "".join(f"\\{c}" if c in r".^$*+?{}[]\|()" else c for c in received)
    return pytest.raises(ValueError, match=rf"^{name}\b(?s:.*)\bgot (?s:.*)(?i:{escaped})")


@pytest.mark.parametrize("n", [0, -1, 2.0, True, None, "3", math.nan], ids=repr)
def test_a_bad_number_of_samples_is_refused(n):
    with refused("n", repr(n)):
        EVERY["asinh"].sample(n)


@pytest.mark.parametrize("seed", [-1, 1.5, None, "a"], ids=repr)
def test_a_bad_seed_is_refused(seed):
    # None would draw other pairs at every call
    with refused("seed", repr(seed)):
        EVERY["asinh"].sample(3, seed=seed)


def test_a_number_of_samples_from_numpy_is_taken():
    assert len(EVERY["asinh"].sample(np.int64(3), seed=np.int64(1))[0]) == 3


@pytest.mark.parametrize(
    "covariance",
    [
        None, "a", [["a", "b"], ["c", "d"]], 1j * np.eye(2), np.full((2, 2), math.nan), [[math.inf, 0], [0, 1]],
        np.zeros((0, 0)), np.zeros((2, 2)), [[1, 2], [2, 1]], [[1, 1], [1, 1]], [[1, 0.5], [0.2, 1]], np.ones((2, 3)),
        np.ones(4), [[1, 0], [0]],
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_a_bad_covariance_is_refused(covariance):
    with refused("covariance", ""):
        samplers.normal(covariance, 1)


@pytest.mark.parametrize("d_x", [0, -1, 3, 1.5, "1", None, math.nan], ids=repr)
def test_a_bad_number_of_coordinates_is_refused(d_x):
    with refused("d_x", repr(d_x)):
        samplers.normal(np.eye(3), d_x)


BAD_DIMENSIONS = [0, -1, 1.5, "2", None]
BAD_CORRELATIONS = [1.0, -1.0, 2, math.nan, "a", None]
GOOD = {
    samplers.correlated_pairs: {"d": 2, "rho": 0.5},
    samplers.equicorrelated: {"d": 2, "rho": 0.5},
    samplers.student: {"d": 2, "rho": 0.5, "degrees": 3},
    samplers.additive_uniform: {"epsilon": 0.1},
    samplers.uniform_steps: {"m": 3},
    samplers.noisy_neuron: {"centres": [0, 1], "noise_variance": 0.1},
    samplers.quantised_network: {},
    samplers.get: {"name": "asinh"},
}
BAD = [
    (samplers.correlated_pairs, "d", BAD_DIMENSIONS),
    (samplers.correlated_pairs, "rho", BAD_CORRELATIONS),
    (samplers.correlated_pairs, "n_correlated", [-1, 3, 1.5, "1", math.nan]),
    (samplers.equicorrelated, "d", BAD_DIMENSIONS),
    (samplers.equicorrelated, "rho", [*BAD_CORRELATIONS, -0.5]),
    (samplers.student, "d", BAD_DIMENSIONS),
    (samplers.student, "rho", BAD_CORRELATIONS),
    (samplers.student, "degrees", [0, -1, math.nan, math.inf, "3", None]),
    (samplers.additive_uniform, "epsilon", [0, -0.1, 0.6, math.nan, "a", None]),
    (samplers.uniform_steps, "m", [0, -1, 1.5, math.nan, math.inf, "3", None]),
    (samplers.noisy_neuron, "noise_variance", [0, -1, math.nan, "a", None]),
    (samplers.quantised_network, "n_bits", [0, -1, 1.5, "2", None]),
    (samplers.quantised_network, "n_units", [0, -1, 1.5, "2", None]),
    (samplers.quantised_network, "n_levels", [0, 1, 2.5, "2", None]),
    (samplers.quantised_network, "seed", [-1, 1.5, "a", None]),
    (samplers.get, "name", ["student", "", None, 3, []]),
]


@pytest.mark.parametrize(
    ("make", "argument", "value"),
    [
        pytest.param(make, argument, value, id=f"{make.__name__}-{argument}={value!r}")
        for make, argument, values in BAD
        for value in values
    ],
)
def test_bad_arguments_are_refused(make, argument, value):
    with refused(argument, repr(value)):
        make(**(GOOD[make] | {argument: value}))


def test_get_lists_the_names_that_there_are():
    with pytest.raises(ValueError, match="asinh") as caught:
        samplers.get("student")
    assert all(name in str(caught.value) for name in EVERY)


@pytest.mark.parametrize(
    "joint", [None, "a", [1, 2], np.ones((2, 2, 2)), [[-1, 2]], [[0, 0]], [[math.nan, 1]], [[1j, 1]]], ids=str
)
def test_a_bad_table_is_refused(joint):
    with refused("joint", ""):
        samplers.discrete(joint)


@pytest.mark.parametrize(
    "centres", [None, "a", [], [1.0], [0, math.nan], [0, math.inf], [[0, 1], [1, 2]], [0, 1j]], ids=str
)
def test_bad_centres_are_refused(centres):
    with refused("centres", ""):
        samplers.noisy_neuron(centres, 0.1)
