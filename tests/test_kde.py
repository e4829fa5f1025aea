"""The kernel bounds against full distance matrices, against quadrature, and where the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_formulas import BITS_PER_NAT, kde_by_hand, mixture_information_by_quadrature

from mi_kit.estimators import KdeBounds, KdeInformation, kde, kde_information

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10}  # bits: the promise in float32; sums of ~100 terms in float64
TILES = {"tile of 1": 1, "tile of 7x7": 50, "tile of 10x10": 100, "one tile": 1 << 18, "whole batch": 1 << 24}
few_examples = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def made(n=60, d=5, n_classes=4, seed=0, scale=1.0, dtype=torch.float64):
    """Points that differ by class, so that no quantity is trivial; every class occurs."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    t = scale * (generator.normal(size=(n, d)) * 0.3 + generator.normal(size=(n_classes, d))[y])
    return torch.tensor(t, dtype=dtype), torch.tensor(y)


def assert_same(one: KdeInformation, other: KdeInformation, tolerance: float):
    for quantity, expected in zip(one, other, strict=True):
        torch.testing.assert_close(quantity, expected, atol=tolerance, rtol=0, check_dtype=False)


def assert_matches_by_hand(result: KdeInformation, t, y, variance, bound, tolerance, n_classes):
    i_xt, i_ty, per_class = kde_by_hand(t.double().numpy(), y.numpy(), variance, bound, n_classes)
    assert float(result.i_xt) == pytest.approx(i_xt, abs=tolerance)
    assert float(result.i_ty) == pytest.approx(i_ty, abs=tolerance)
    np.testing.assert_allclose(result.i_ty_per_class.double().numpy(), per_class, atol=tolerance, rtol=0)


# ------------------------------------------------------------------------------------ against the slow formula


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("bound", ["upper", "lower"])
@pytest.mark.parametrize("variance", [0.001, 0.1, 10.0])
@pytest.mark.parametrize(("n", "d", "n_classes"), [(2, 1, 2), (61, 1, 3), (60, 5, 4), (80, 200, 10)])
def test_kde_matches_the_full_distance_matrix(dtype, bound, variance, n, d, n_classes):
    t, y = made(n, d, n_classes, dtype=dtype)
    result = kde_information(t, y, noise_variance=variance, bound=bound)
    assert_matches_by_hand(result, t, y, variance, bound, TOLERANCE[dtype], n_classes)


@pytest.mark.parametrize("bound", ["upper", "lower"])
@pytest.mark.parametrize(("tile_elements", "in_order"), [(1 << 8, True), (1 << 10, True), (1 << 16, False)])
def test_classes_that_stand_together_give_what_the_full_distance_matrix_gives(bound, tile_elements, in_order):
    t, _ = made(90, 3, 4)
    y = torch.tensor(np.random.default_rng(1).choice([0, 1, 3], 90, p=[0.6, 0.3, 0.1]))  # unequal; 2 and 4 are empty
    batch = torch.stack([t, 2 * t, t + 1])
    _, parts = kde._parts(y, len(batch), tile_elements)
    assert {part.of_class for part in parts} == ({0, 1, 3} if in_order else {None})
    result = kde_information(batch, y, bound=bound, n_classes=5, tile_elements=tile_elements)
    for number, one in enumerate(batch):
        of_one = KdeInformation(*(values[number] for values in result))
        assert_matches_by_hand(of_one, one, y, 0.1, bound, 1e-10, 5)


def test_both_bounds_equal_one_bound_at_a_time():
    t, y = made()
    both = kde_information(t, y, bound="both")
    assert isinstance(both, KdeBounds)
    # float64: "both" makes the upper kernel from the lower one, which costs a few roundings
    assert_same(both.lower, kde_information(t, y, bound="lower"), 1e-12)
    assert_same(both.upper, kde_information(t, y, bound="upper"), 1e-12)


def test_defaults_are_the_upper_bound_at_variance_one_tenth():
    t, y = made()
    assert_same(kde_information(t, y), kde_information(t, y, noise_variance=0.1, bound="upper"), 0.0)


@pytest.mark.parametrize("bound", ["upper", "lower", "both"])
def test_several_variances_equal_one_at_a_time(bound):
    t, y = made()
    batch = torch.stack([t, 2 * t, t**3])
    variances = (1e-3, 0.1, 3.0)
    several = kde_information(batch, y, noise_variance=variances, bound=bound)
    for number, variance in enumerate(variances):
        one = kde_information(batch, y, noise_variance=variance, bound=bound)
        pairs = zip(several, one, strict=True) if bound == "both" else [(several, one)]
        for many_of_bound, one_of_bound in pairs:
            assert many_of_bound.i_xt.shape == (3, 3)
            assert many_of_bound.i_ty_per_class.shape == (3, 3, 4)
            # float64: the same sums, perhaps in another order
            assert_same(KdeInformation(*(quantity[number] for quantity in many_of_bound)), one_of_bound, 1e-12)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("tile_elements", [50, 1 << 18])
def test_a_variance_for_every_entry_of_the_batch_equals_a_loop(tile_elements, dtype):
    t, y = made(dtype=dtype)
    batch = torch.stack([t, 2 * t, t**3, 30 * t, 0.1 * t, t.sin()]).reshape(2, 3, 60, 5)
    variances = torch.logspace(-3, 1, 12, dtype=dtype).reshape(2, 2, 3)  # (several, batch)
    lower, upper = kde_information(batch, y, noise_variance=variances, bound="both", tile_elements=tile_elements)
    assert (upper.i_xt.shape, upper.i_ty_per_class.shape) == ((2, 2, 3), (2, 2, 3, 4))
    for place in np.ndindex(2, 2, 3):
        for bound, result in (("lower", lower), ("upper", upper)):
            one = KdeInformation(*(quantity[place] for quantity in result))
            assert_matches_by_hand(one, batch[place[1:]], y, float(variances[place]), bound, TOLERANCE[dtype], 4)


@pytest.mark.parametrize("make", [list, tuple, np.array, torch.tensor])
def test_several_variances_come_in_any_guise(make):
    t, y = made()
    result = kde_information(t, y, noise_variance=make([0.1, 1.0]))
    assert_same(result, kde_information(t, y, noise_variance=[0.1, 1.0]), 1e-7)  # torch.tensor makes 0.1 a float32


def test_one_variance_in_a_list_keeps_its_leading_axis():
    t, y = made()
    result = kde_information(t, y, noise_variance=[0.1])
    assert (result.i_xt.shape, result.i_ty.shape, result.i_ty_per_class.shape) == ((1,), (1,), (1, 4))


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_batch_equals_loop(dtype):
    generator = torch.Generator().manual_seed(3)
    # entries of very different scale: one must not change the precision of another
    scales = torch.tensor([[0.01, 1.0, 30.0], [0.1, 3.0, 300.0]])[..., None, None]
    t = (torch.randn(2, 3, 40, 6, generator=generator) * scales).to(dtype)
    y = torch.arange(40) % 3
    batch = kde_information(t, y)
    assert (batch.i_xt.shape, batch.i_ty.shape, batch.i_ty_per_class.shape) == ((2, 3), (2, 3), (2, 3, 3))
    for a in range(2):
        for b in range(3):
            one = kde_information(t[a, b], y)
            assert_same(KdeInformation(*(quantity[a, b] for quantity in batch)), one, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("tile_elements", TILES.values(), ids=TILES)
def test_tile_sizes_agree(tile_elements, dtype):
    t, y = made(n=53, dtype=dtype)  # 53 is prime: no tile size but 1 and 53 divides it
    batch = torch.stack([t, 0.5 * t, 2 * t])
    tiled = kde_information(batch, y, bound="both", noise_variance=[0.1, 1.0], tile_elements=tile_elements)
    whole = kde_information(batch, y, bound="both", noise_variance=[0.1, 1.0])
    for one, other in zip(tiled, whole, strict=True):
        # another order of summation: a few units in the last place of numbers near 5
        assert_same(one, other, {torch.float32: 1e-5, torch.float64: 1e-12}[dtype])


# ------------------------------------------------------------------------------------ known answers


@pytest.mark.parametrize("bound", ["upper", "lower"])
@pytest.mark.parametrize("n", [2, 16, 100])
def test_points_far_apart_give_log2_n(n, bound):
    t = 1000.0 * torch.arange(n).unsqueeze(1)
    result = kde_information(t, torch.arange(n) % 2, bound=bound)
    assert float(result.i_xt) == pytest.approx(math.log2(n), abs=1e-5)  # rounding of log2 in float32
    assert float(result.i_ty) == pytest.approx(1.0, abs=1e-5)  # every sample alone: I(T;Y) = H(Y)


@pytest.mark.parametrize("bound", ["upper", "lower"])
@pytest.mark.parametrize("value", [0.0, 1.0, -123.456, 1e6])
def test_identical_points_give_zero(value, bound):
    result = kde_information(torch.full((50, 7), value), torch.arange(50) % 3, bound=bound)
    for quantity in result:
        assert quantity.abs().max() < 1e-6  # rounding of log2 in float32


@pytest.mark.parametrize("bound", ["upper", "lower"])
@pytest.mark.parametrize("n_clusters", [2, 3, 8])
def test_equal_far_clusters_give_log2_of_their_number(n_clusters, bound):
    t = 100.0 * torch.eye(n_clusters).repeat(20, 1)
    y = torch.arange(n_clusters).repeat(20)
    result = kde_information(t, y, bound=bound)
    share = 1 / n_clusters
    of_one_class = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    assert float(result.i_xt) == pytest.approx(math.log2(n_clusters), abs=1e-5)  # rounding in float32
    assert float(result.i_ty) == pytest.approx(math.log2(n_clusters), abs=1e-5)
    np.testing.assert_allclose(result.i_ty_per_class, [of_one_class] * n_clusters, atol=1e-5)


def test_two_points_at_distance_one_enclose_the_exact_value():
    # lower: -ln((1 + e^(-1/.8)) / 2) = .44122 nats; upper: -ln((1 + e^(-1/.2)) / 2) = .68643; exact by quadrature
    lower, upper = kde_information(torch.tensor([[0.0], [1.0]]).double(), torch.tensor([0, 1]), bound="both")
    exact = mixture_information_by_quadrature([0.0, 1.0], 0.1)
    assert float(lower.i_xt) == pytest.approx(0.44122 * BITS_PER_NAT, abs=1e-5)  # five decimals are given
    assert exact == pytest.approx(0.54960 * BITS_PER_NAT, abs=1e-5)
    assert float(upper.i_xt) == pytest.approx(0.68643 * BITS_PER_NAT, abs=1e-5)
    assert lower.i_xt <= exact <= upper.i_xt


@pytest.mark.parametrize("variance", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_exact_information_lies_between_the_bounds(seed, variance):
    centres = np.random.default_rng(seed).normal(size=12) * [0.3, 1, 3, 10][seed]
    lower, upper = kde_information(centres[:, None], np.arange(12) % 2, noise_variance=variance, bound="both")
    exact = mixture_information_by_quadrature(centres, variance)
    assert float(lower.i_xt) <= exact + 1e-8  # the quadrature's error
    assert exact <= float(upper.i_xt) + 1e-8


@pytest.mark.parametrize("bound", ["upper", "lower"])
def test_xor_is_seen_in_both_bits_and_in_neither_alone(bound):
    bits = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]).repeat(10, 1)
    y = bits[:, 0] ^ bits[:, 1]
    pair = kde_information(100 * bits, y, bound=bound)
    assert float(pair.i_xt) == pytest.approx(2, abs=1e-5)  # rounding in float32
    assert float(pair.i_ty) == pytest.approx(1, abs=1e-5)
    for column in (0, 1):
        assert float(kde_information(100 * bits[:, [column]], y, bound=bound).i_ty) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("bound", ["upper", "lower"])
def test_two_classes_hold_the_same_information_as_the_label(bound):
    t, y = made(n_classes=2)
    result = kde_information(t, y, bound=bound)
    np.testing.assert_allclose(result.i_ty_per_class, float(result.i_ty), atol=1e-12)  # [Y=0], [Y=1] and Y agree


# ------------------------------------------------------------------------------------ classes


def test_an_empty_class_gives_zero_and_changes_nothing_else():
    t, y = made(n_classes=4)
    y = torch.where(y == 1, 0, y)  # class 1 is empty, and so are 4, 5 and 6
    with_empty = kde_information(t, y, n_classes=7, bound="both")
    without = kde_information(t, y, bound="both")
    for bound, one, other in zip(("lower", "upper"), with_empty, without, strict=True):
        assert one.i_ty_per_class.shape == (7,)
        assert one.i_ty_per_class[[1, 4, 5, 6]].abs().max() < 1e-12  # rounding in float64
        torch.testing.assert_close(one.i_ty_per_class[:4], other.i_ty_per_class)
        torch.testing.assert_close(one.i_ty, other.i_ty)
        assert_matches_by_hand(one, t, y, 0.1, bound, 1e-10, 7)


@pytest.mark.parametrize("bound", ["upper", "lower"])
def test_one_class_only_gives_zero(bound):
    t, _ = made()
    result = kde_information(t, torch.zeros(60, dtype=torch.long), bound=bound)
    assert result.i_xt > 1
    assert abs(result.i_ty) < 1e-12  # rounding in float64
    assert result.i_ty_per_class.abs().max() < 1e-12


@pytest.mark.parametrize("bound", ["upper", "lower"])
def test_a_class_of_one_sample_matches_the_slow_formula(bound):
    t, _ = made(n=20)
    y = torch.zeros(20, dtype=torch.long)
    y[7] = 1
    assert_matches_by_hand(kde_information(t, y, bound=bound), t, y, 0.1, bound, 1e-10, 2)


# ------------------------------------------------------------------------------------ precision


def tight_clusters(n=200, d=50, distance=30.0, radius=0.3, n_clusters=4, seed=0):
    """float32 points close together and far from the origin: squares near 900 hide distances near 0.1."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(n_clusters, d))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
    spread = generator.normal(size=(n, d)) * radius / math.sqrt(d)
    y = np.arange(n) % n_clusters
    return torch.tensor(centres[y] + spread, dtype=torch.float32), torch.tensor(y)


@pytest.mark.parametrize("bound", ["upper", "lower"])
@pytest.mark.parametrize("variance", [0.001, 0.01, 0.1])
@pytest.mark.parametrize("distance", [3.0, 30.0, 300.0])
def test_float32_keeps_tight_clusters_far_from_the_origin(distance, variance, bound):
    t, y = tight_clusters(distance=distance)
    y = (y + torch.arange(len(y)) // 50) % 4  # labels that cut the clusters: I(T;Y) is not trivial
    result = kde_information(t, y, noise_variance=variance, bound=bound)
    assert result.i_xt.dtype == torch.float32
    assert_matches_by_hand(result, t, y, variance, bound, 1e-4, 4)  # the promise in float32


@pytest.mark.parametrize("bound", ["upper", "lower"])
@pytest.mark.parametrize("distance", [5.0, 20.0, 40.0, 55.0])
@pytest.mark.parametrize("d", [2, 50, 512])
def test_float32_counts_clusters_of_identical_points(d, distance, bound):
    # Identical points share their rounding error: it does not average out over the samples.
    t = tight_clusters(n=4, d=d, distance=distance, seed=d)[0].repeat(50, 1)
    y = torch.arange(4).repeat(50)
    assert_matches_by_hand(kde_information(t, y, bound=bound), t, y, 0.1, bound, 1e-4, 4)  # the promise in float32


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_repeating_every_sample_changes_nothing(dtype):
    t, y = made(dtype=dtype)
    thrice = kde_information(t.repeat(3, 1), y.repeat(3), bound="both")
    for one, other in zip(thrice, kde_information(t, y, bound="both"), strict=True):
        assert_same(one, other, TOLERANCE[dtype])


def test_autocast_does_not_lower_the_precision():
    t, y = made(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = kde_information(t, y)
    assert_matches_by_hand(result, t, y, 0.1, "upper", 1e-4, 4)  # the promise in float32


# ------------------------------------------------------------------------------------ invariance


@given(seed=seeds)
@few_examples
def test_order_of_samples_does_not_matter(seed):
    t, y = made(seed=seed)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(seed))
    for one, other in zip(
        kde_information(t[order], y[order], bound="both"), kde_information(t, y, bound="both"), strict=True
    ):
        assert_same(one, other, 1e-12)  # another order of summation in float64


@given(seed=seeds, shift=st.floats(-100, 100))
@few_examples
def test_translation_does_not_matter(seed, shift):
    t, y = made(seed=seed)
    # float64: coordinates near 100 carry errors near 1e-14, distances divided by 2 v = 0.2 near 1e-12
    assert_same(kde_information(t + shift, y), kde_information(t, y), 1e-10)


@given(seed=seeds)
@few_examples
def test_rotation_does_not_matter(seed):
    t, y = made(seed=seed)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    # float64: distances change in their last places only
    assert_same(kde_information(t @ torch.tensor(rotation), y), kde_information(t, y), 1e-10)


@given(seed=seeds, factor=st.floats(0.01, 100))
@few_examples
def test_scaling_activations_and_noise_together_does_not_matter(seed, factor):
    t, y = made(seed=seed)
    scaled = kde_information(factor * t, y, noise_variance=0.1 * factor**2)
    assert_same(scaled, kde_information(t, y), 1e-10)  # float64 rounding of the exponents


@given(seed=seeds, variance=st.floats(1e-3, 10))
@few_examples
def test_bounds_are_ordered_and_end_at_log2_n(seed, variance):
    t, y = made(seed=seed)
    lower, upper = kde_information(t, y, noise_variance=variance, bound="both")
    assert -1e-12 <= lower.i_xt <= upper.i_xt <= math.log2(60) + 1e-12  # rounding in float64


# ------------------------------------------------------------------------------------ what may come in


def in_memory(kind: str, t: torch.Tensor):
    """The same values in another guise."""
    return {
        "transposed": lambda: t.T.contiguous().T,
        "every second column": lambda: t.repeat_interleave(2, 1)[:, ::2],
        "expanded": lambda: t.unsqueeze(0).expand(1, -1, -1)[0],
        "carrying a gradient": lambda: t.clone().requires_grad_(),
        "numpy": lambda: t.numpy(),
        "numpy, Fortran order": lambda: np.asfortranarray(t.numpy()),
        "nested lists": lambda: t.tolist(),
    }[kind]()


@pytest.mark.parametrize(
    "kind",
    [
        "transposed",
        "every second column",
        "expanded",
        "carrying a gradient",
        "numpy",
        "numpy, Fortran order",
        "nested lists",
    ],
)
def test_the_guise_of_the_input_does_not_matter(kind):
    t, y = made(dtype=torch.float32)
    result = kde_information(in_memory(kind, t), y)
    assert not result.i_xt.requires_grad
    assert_same(result, kde_information(t, y), 1e-5)  # float32, perhaps summed in another order


def test_a_batch_that_is_a_view_equals_its_copy():
    t, y = made()
    view = torch.stack([t, 2 * t, 3 * t, 4 * t], dim=-1).permute(2, 0, 1).unflatten(0, (2, 2)).transpose(0, 1)
    assert not view.is_contiguous()
    assert_same(kde_information(view, y), kde_information(view.contiguous(), y), 0.0)


def test_input_is_left_as_it_was():
    t, y = made(dtype=torch.float32)
    before = t.clone(), y.clone()
    kde_information(t, y, bound="both")
    assert torch.equal(t, before[0])
    assert torch.equal(y, before[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8, torch.bool])
def test_half_precision_and_integers_are_computed_in_float32(dtype):
    t, y = made(scale=2.0)
    t = t.abs().to(dtype)
    result = kde_information(t, y)
    assert {quantity.dtype for quantity in result} == {torch.float32}
    assert_matches_by_hand(result, t, y, 0.1, "upper", 1e-4, 4)  # of the rounded values: the promise in float32


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")),
    ],
)
def test_results_have_dtype_and_device_of_the_input(dtype, device):
    t, y = made(n=300, dtype=dtype)
    result = kde_information(t.to(device), y, bound="both")  # labels may stay on the CPU
    for bound in result:
        assert {quantity.dtype for quantity in bound} == {dtype}
        assert {quantity.device.type for quantity in bound} == {device}
        assert not any(quantity.requires_grad for quantity in bound)
    on_cpu = KdeInformation(*(quantity.cpu() for quantity in result.upper))
    assert_matches_by_hand(on_cpu, t, y, 0.1, "upper", TOLERANCE[dtype], 4)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int32, torch.float32, torch.float64])
def test_whole_labels_of_any_dtype_are_taken(dtype):
    t, y = made()
    assert_same(kde_information(t, y.to(dtype)), kde_information(t, y), 0.0)
