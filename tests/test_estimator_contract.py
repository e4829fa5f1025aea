"""What every estimator refuses, and what it says then; what a saturated estimate is; the entropy of labels.

A new estimator is one more row in ESTIMATORS.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mi_kit.estimators import at_bound, binned_information, kde_information, label_entropy

ESTIMATORS = {"kde": kde_information, "binned": binned_information}
N, D = 8, 3


def good_t():
    return torch.linspace(-1, 1, N * D, dtype=torch.float64).reshape(N, D)


def good_y():
    return torch.arange(N) % 2


def t_with(value):
    t = good_t()
    t[2, 1] = value
    return t


def y_with(value):
    y = good_y().double()
    y[3] = value
    return y


# what is refused: the argument, its value, and how the message names what it got
BAD_T = {
    "NaN": (lambda: t_with(math.nan), "NaN"),
    "inf": (lambda: t_with(math.inf), "inf"),
    "minus inf": (lambda: t_with(-math.inf), "inf"),
    "inf in float16": (lambda: t_with(math.inf).half(), "inf"),
    "NaN in one batch entry": (lambda: torch.stack([good_t(), t_with(math.nan)]), "NaN"),
    "one sample": (lambda: good_t()[:1], "n=1"),
    "no sample": (lambda: good_t()[:0], "n=0"),
    "no feature": (lambda: good_t()[:, :0], "(8, 0)"),
    "1-D": (lambda: good_t()[:, 0], "(8,)"),
    "0-D": (lambda: torch.tensor(1.0), "()"),
    "complex": (lambda: good_t().to(torch.complex64), "complex64"),
    "a string": (lambda: "activations", "str"),
    "None": (lambda: None, "NoneType"),
    "ragged lists": (lambda: [[1.0, 2.0], [3.0]], "list"),
}
BAD_Y = {
    "too short": (lambda: good_y()[:-1], "(7,)"),
    "too long": (lambda: torch.arange(9), "(9,)"),
    "2-D": (lambda: good_y()[:, None], "(8, 1)"),
    "one number": (lambda: torch.tensor(1), "()"),
    "negative": (lambda: y_with(-1).long(), "-1"),
    "negative float": (lambda: y_with(-2), "-2"),
    "not whole": (lambda: y_with(0.5), "0.5"),
    "NaN": (lambda: y_with(math.nan), "nan"),
    "inf": (lambda: y_with(math.inf), "inf"),
    "complex": (lambda: good_y().to(torch.complex64), "complex64"),
    "strings": (lambda: ["cat", "dog"] * 4, "list"),
    "None": (lambda: None, "NoneType"),
}
BAD_OPTIONS = {
    "kde": {
        "noise_variance": [0.0, -0.1, math.nan, math.inf, None, "0.1", [], (), [0.1, -1.0], [0.1, math.nan]],
        "bound": ["uppr", "", None],
        "n_classes": [0, 1, -1, 2.5, "2"],
        "tile_elements": [0, -1, 2.5, "many", None],
    },
    "binned": {
        "n_bins": [0, -3, 2.5, math.nan, "30", None],
        "range": [(1, 0), (1.0, 1.0), (0, math.nan), (-math.inf, 1), (0, 1, 2), (0.25,), 5, ("a", "b")],
    },
}
BAD_WEIGHTS = {
    "wrong length": (lambda: torch.ones(7), "(7,)"),
    "2-D": (lambda: torch.ones(8, 1), "(8, 1)"),
    "one number": (lambda: 1.0, "()"),
    "negative": (lambda: torch.tensor([1.0] * 7 + [-1.0]), "-1"),
    "NaN": (lambda: torch.tensor([1.0] * 7 + [math.nan]), "nan"),
    "inf": (lambda: torch.tensor([1.0] * 7 + [math.inf]), "inf"),
    "all zero": (lambda: torch.zeros(8), "0"),
    "complex": (lambda: torch.ones(8, dtype=torch.complex64), "complex"),
    "a string": (lambda: "equal", "str"),
}


def assert_refused(name: str, received: str, estimator: str, t, y, **options):
    """A ValueError whose first word is the argument and whose end says what was received."""
    with pytest.raises(ValueError, match=rf"^{name}\b") as caught:
        ESTIMATORS[estimator](t, y, **options)
    rule, got, value = str(caught.value).partition("; got ")
    assert got, f"the message does not say what it got: {rule}"
    assert received.lower() in value.lower()


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("case", BAD_T)
def test_bad_activations_are_refused(estimator, case):
    make, received = BAD_T[case]
    assert_refused("t", received, estimator, make(), good_y())


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("case", BAD_Y)
def test_bad_labels_are_refused(estimator, case):
    make, received = BAD_Y[case]
    assert_refused("y", received, estimator, good_t(), make())


@pytest.mark.parametrize(
    ("estimator", "option", "value"),
    [
        pytest.param(estimator, option, value, id=f"{estimator}-{option}={value!r}")
        for estimator, options in BAD_OPTIONS.items()
        for option, values in options.items()
        for value in values
    ],
)
def test_bad_options_are_refused(estimator, option, value):
    assert_refused(option, repr(value), estimator, good_t(), good_y(), **{option: value})


@pytest.mark.parametrize("shape", [(2, 4), (2, 1), (2, 3, 1), (0, 3), (0,)], ids=str)
def test_noise_variances_of_another_batch_shape_are_refused(shape):
    batch = torch.stack([good_t()] * 3)
    with pytest.raises(ValueError, match=r"^noise_variance\b"):
        kde_information(batch, good_y(), noise_variance=torch.ones(shape))


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_weights_are_refused(case):
    make, received = BAD_WEIGHTS[case]
    assert_refused("weights", received, "binned", good_t(), good_y(), weights=make())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_tuning_is_by_keyword_only(estimator):
    with pytest.raises(TypeError):
        ESTIMATORS[estimator](good_t(), good_y(), 30)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_two_samples_of_one_feature_are_enough(estimator):
    result = ESTIMATORS[estimator]([[0.0], [100.0]], [0, 1])
    # n = 2, each sample alone: both informations are 1 bit, up to float32 rounding
    assert (float(result.i_xt), float(result.i_ty)) == pytest.approx((1, 1), abs=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (1, 2, 1)])
def test_results_have_the_batch_shape(estimator, shape):
    result = ESTIMATORS[estimator](torch.randn(*shape, N, D), good_y())
    assert (result.i_xt.shape, result.i_ty.shape) == (shape, shape)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_an_empty_batch_gives_an_empty_result(estimator):
    result = ESTIMATORS[estimator](torch.zeros(0, N, D), good_y())
    assert (result.i_xt.shape, result.i_ty.shape) == ((0,), (0,))


# ------------------------------------------------------------------------------------ at_bound and label_entropy


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (10.0, True),
        (9.96, True),
        (9.94, False),
        (5.0, False),
        (0.06, False),
        (0.04, True),
        (0.0, True),
        (-0.3, True),  # raw estimates may lie beyond either end
        (10.3, True),
    ],
)
def test_an_estimate_within_a_twentieth_of_a_bit_of_either_end_is_at_the_bound(value, expected):
    assert bool(at_bound(value, 10.0)) is expected


def test_at_bound_keeps_the_shape_and_gives_booleans():
    result = at_bound(torch.tensor([[0.0, 5.0], [9.99, 3.0]]), math.log2(1024))
    assert result.dtype == torch.bool
    assert result.tolist() == [[True, False], [True, False]]


def test_at_bound_takes_another_lower_end_and_tolerance():
    assert at_bound([1.0, 1.3, 1.6, 3.5, 3.9], 4.0, 1.0, tolerance=0.5).tolist() == [True, True, False, True, True]


def test_entropy_of_ten_uniform_classes():
    assert label_entropy(torch.arange(10).repeat(7)) == pytest.approx(3.32193, abs=5e-6)  # five decimals are given


def test_entropy_of_the_12_bit_labels():
    labels = torch.arange(4096) < 2118  # 2118 / 4096 = .51709, the mean label
    assert label_entropy(labels.long()) == pytest.approx(0.99916, abs=5e-6)  # five decimals are given


@pytest.mark.parametrize("labels", [[0, 0, 0], [5, 5], np.zeros(4, int)], ids=str)
def test_entropy_of_one_class_is_zero(labels):
    assert label_entropy(labels) == 0
    assert math.copysign(1, label_entropy(labels)) == 1  # 0, not -0


def test_entropy_ignores_classes_that_do_not_occur():
    assert label_entropy([0, 9, 0, 9]) == pytest.approx(1)
