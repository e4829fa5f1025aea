"""What every estimator takes, refuses and promises; what a saturated estimate is; the entropy of labels.

A new estimator is one more row in ESTIMATORS: the tests below are run through every row.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_kit import estimators as est
from mi_kit.estimators import at_bound, kde_information, label_entropy

N = 8  # samples in the tests of what is refused
ROUNDING = 1e-6  # bits: a number below 16 in float32; sums in float64 are far below
FLOAT32 = 1e-4  # bits: the promise in float32
EXACT = 1e-9  # bits: eigenvalues, quadrature and logarithms in float64
KINDS_OF_LABELS = ("labels", "first labels")

# what no option of that name may be, whoever takes it
BAD_COUNT = [0, -1, 2.5, math.nan, "3", None, True]
BAD_POSITIVE = [0.0, -0.1, math.nan, math.inf, None, "0.1"]
BAD_RANGE = [(1, 0), (1.0, 1.0), (0, math.nan), (-math.inf, 1), (0, 1, 2), (0.25,), 5, ("a", "b")]
BAD_ALPHA = [*BAD_POSITIVE, -1, [], [1.5, -1.0], [2.0, math.nan], True]
BAD_BANDWIDTH = [*BAD_POSITIVE, -1]
BAD_CLASSES = [0, 1, -1, 2.5, "2"]
BAD_NEIGHBORS = [*BAD_COUNT, N, N + 1, -3]


@dataclass(frozen=True)
class Estimator:
    """One estimator: what it is called with, and which promises it makes. Bits everywhere.

    data: name of each data argument and its kind (see `standard`). options: what the standard call passes.
    bad: values that each option refuses at n = 8. clash: options that do not go together: {names: what is passed}.
    batched: leading dimensions are batch. dtype: of the results; None is that of the input.
    symmetric: how to turn the result of swapped arguments; None where they may not be swapped.
    scaling: the options that go with data multiplied by a factor so that nothing changes; None where something does.
    constant: the value for constant data; None where there is none. copies: repeating every sample changes nothing.
    clusters: the data arguments whose information is that of c equal clusters. xor: the information of bits and their
    parity. tolerance: of an answer that is only approximate in float64.
    """

    name: str
    function: Callable
    data: dict[str, str]
    options: dict = field(default_factory=dict)
    bad: dict[str, list] = field(default_factory=dict)
    clash: list[tuple[str, dict]] = field(default_factory=list)
    batched: bool = True
    weights: bool = False
    dtype: torch.dtype | None = None
    least_samples: int = 2
    keyword_only: bool = True
    symmetric: Callable | None = None
    translation: bool = True
    scaling: Callable[[float], dict] | None = lambda factor: {}
    constant: float | None = 0.0
    copies: bool = False
    clusters: Callable | None = None
    xor: Callable | None = None
    tolerance: float = EXACT

    def __call__(self, data: dict, **options):
        return self.function(*data.values(), **{**self.options, **options})


def one_hot(numbers, distance=100.0):
    """Points of the clusters, `distance` apart in every direction: (n, clusters)."""
    return distance * torch.eye(int(numbers.max()) + 1, dtype=torch.float64)[numbers]


def far(bits):
    return 100.0 * bits.double()


def as_table(rows, y):
    """Counts of every pair of a row of bits and a label."""
    states = (bits_of(rows) * 2 ** torch.arange(rows.shape[1])).sum(1)
    table = torch.zeros(2 ** rows.shape[1], 2, dtype=torch.float64)
    return table.index_put((states, y), torch.ones(len(y), dtype=torch.float64), accumulate=True)


def bits_of(rows):
    return (rows > 0).long()


ESTIMATORS = [
    Estimator(
        "kde_information", est.kde_information, {"t": "samples", "y": "labels"}, {"bound": "both"},
        bad={
            "noise_variance": [*BAD_POSITIVE, [], (), [0.1, -1.0], [0.1, math.nan]],
            "bound": ["uppr", "", None], "n_classes": BAD_CLASSES, "tile_elements": BAD_COUNT,
        },
        scaling=lambda factor: {"noise_variance": 0.1 * factor**2}, copies=True,
        clusters=lambda c: est.kde_information(one_hot(c), c)[:2],
        xor=lambda bits, y: est.kde_information(far(bits), y).i_ty,
    ),
    Estimator(
        "binned_information", est.binned_information, {"t": "samples", "y": "labels"}, {"n_bins": 5},
        bad={
            "n_bins": [*BAD_COUNT, -3], "range": BAD_RANGE, "bin_width": [*BAD_POSITIVE[:-2], "1", True, [0.1]],
            "spacing": ["equal", "", None, 1], "per_neuron": [None, 1, "yes"], "correction": ["miller", "", True, 1],
        },
        clash=[
            ("bin_width", {"bin_width": 0.5, "range": (-9, 9)}), ("bin_width", {"bin_width": 0.5, "per_neuron": True}),
            ("bin_width", {"bin_width": 0.5, "spacing": "equal_count"}),
            ("range", {"range": (-9, 9), "spacing": "equal_count"}), ("range", {"range": (-9, 9), "per_neuron": True}),
            ("correction", {"correction": "miller_madow", "weights": torch.ones(N)}),
        ],
        weights=True, copies=True,
        clusters=lambda c: est.binned_information(one_hot(c), c),
        xor=lambda bits, y: est.binned_information(bits, y).i_ty,
    ),
    Estimator(
        "binned_information of each neuron, equal counts", est.binned_information, {"t": "samples", "y": "labels"},
        {"n_bins": 4, "spacing": "equal_count", "per_neuron": True},
        xor=lambda bits, y: est.binned_information(bits, y, spacing="equal_count", n_bins=2).i_ty,
    ),
    Estimator(
        "binned_information of a given width", est.binned_information, {"t": "samples", "y": "labels"},
        {"bin_width": 0.5}, copies=True, scaling=lambda factor: {"bin_width": 0.5 * factor},
        clusters=lambda c: est.binned_information(one_hot(c), c, bin_width=1.0),
        xor=lambda bits, y: est.binned_information(bits, y, bin_width=0.07).i_ty,
    ),
    Estimator(
        "binned_class_information", est.binned_class_information, {"t": "samples", "y": "labels"}, {"n_bins": 5},
        bad={
            "n_bins": [*BAD_COUNT, -3], "range": BAD_RANGE, "bin_width": [*BAD_POSITIVE[:-2], "1", True, [0.1]],
            "spacing": ["equal", "", None, 1], "per_neuron": [None, 1, "yes"], "n_classes": BAD_CLASSES,
        },
        clash=[
            ("bin_width", {"bin_width": 0.5, "range": (-9, 9)}), ("range", {"range": (-9, 9), "per_neuron": True}),
        ],
        copies=True, xor=lambda bits, y: est.binned_class_information(bits, y).i_ty[..., 0],
    ),
    Estimator(
        "renyi_entropy", est.renyi_entropy, {"x": "samples"}, {"bandwidth": 1.5},
        bad={
            "alpha": BAD_ALPHA, "bandwidth": [*BAD_BANDWIDTH, torch.ones(3), [1.0, 2.0]], "tile_elements": BAD_COUNT,
        },
        scaling=lambda factor: {"bandwidth": 1.5 * factor}, copies=True,
        clusters=lambda c: est.renyi_entropy(one_hot(c), bandwidth=1.0),
    ),
    Estimator(
        "renyi_entropy of order 2", est.renyi_entropy, {"x": "samples"}, {"bandwidth": 1.5, "alpha": 2},
        scaling=lambda factor: {"bandwidth": 1.5 * factor}, copies=True,
        clusters=lambda c: est.renyi_entropy(one_hot(c), bandwidth=1.0, alpha=2),
    ),
    Estimator(
        "renyi_joint_entropy", est.renyi_joint_entropy, {"variables": "stack"}, {"bandwidth": 1.5},
        bad={
            "alpha": BAD_ALPHA, "bandwidth": [*BAD_BANDWIDTH, [1.0], [1.0, -2.0]], "tile_elements": BAD_COUNT,
        },
        scaling=lambda factor: {"bandwidth": 1.5 * factor}, copies=True,
        clusters=lambda c: est.renyi_joint_entropy([one_hot(c), one_hot(c // 2)], bandwidth=[1.0, 2.0]),
    ),
    Estimator(
        "renyi_mutual_information", est.renyi_mutual_information, {"x": "samples", "maps": "stack"},
        {"bandwidth": 1.5},
        bad={
            "alpha": BAD_ALPHA, "bandwidth": [*BAD_BANDWIDTH, (1.0, -2.0), (0.0, 1.0)], "tile_elements": BAD_COUNT,
        },
        scaling=lambda factor: {"bandwidth": 1.5 * factor}, copies=True,
        clusters=lambda c: est.renyi_mutual_information(one_hot(c), one_hot(c), bandwidth=1.0),
        # order 1: the von Neumann entropies of 4 and of 2 far groups
        xor=lambda bits, y: est.renyi_mutual_information(far(bits), far(y[:, None]), bandwidth=1.0, alpha=1),
    ),
    Estimator(
        "stochastic_renyi_entropy", est.stochastic_renyi_entropy, {"variables": "samples"}, {"bandwidth": 1.5},
        bad={
            "alpha": [*BAD_ALPHA, [1.5, 2.0]], "bandwidth": [*BAD_BANDWIDTH, torch.ones(3)],
            "n_leading": BAD_COUNT, "n_probes": [1, *BAD_COUNT], "n_steps": [2, *BAD_COUNT],
            "seed": [-1, 0.5, None, "0"], "tile_elements": BAD_COUNT,
        },
        batched=False, scaling=lambda factor: {"bandwidth": 1.5 * factor},
        clusters=lambda c: est.stochastic_renyi_entropy(one_hot(c), bandwidth=1.0).entropy,
        # n = 30 has 29 leading directions: only the last one is left to the probes, and its share is small
        tolerance=1e-3,
    ),
    Estimator(
        "stochastic_renyi_entropy of order 2", est.stochastic_renyi_entropy, {"variables": "samples"},
        {"bandwidth": 1.5, "alpha": 2.0},
        batched=False, scaling=lambda factor: {"bandwidth": 1.5 * factor}, copies=True,
        clusters=lambda c: est.stochastic_renyi_entropy(one_hot(c), bandwidth=1.0, alpha=2).entropy,
    ),
    *(
        Estimator(
            f"ksg_mutual_information, variant {variant}", est.ksg_mutual_information,
            {"x": "samples", "y": "other samples"}, {"variant": variant},
            bad={"n_neighbors": BAD_NEIGHBORS, "variant": [0, 3, "1", None, True, 1.5], "tile_elements": BAD_COUNT},
            symmetric=lambda value: value,
            clusters=lambda c, variant=variant: est.ksg_mutual_information(one_hot(c), c[:, None], variant=variant),
            xor=lambda bits, y, variant=variant: est.ksg_mutual_information(bits, y[:, None], variant=variant),
        )
        for variant in (1, 2)
    ),
    Estimator(
        "kozachenko_leonenko_entropy", est.kozachenko_leonenko_entropy, {"x": "samples"},
        bad={"n_neighbors": BAD_NEIGHBORS, "tile_elements": BAD_COUNT},
        scaling=None, constant=None,
    ),
    Estimator(
        "inter_sample_entropy", est.inter_sample_entropy, {"x": "samples"}, {"n_neighbors": 5},
        bad={"n_neighbors": [1, *BAD_NEIGHBORS], "tile_elements": BAD_COUNT},
        constant=None,
    ),
    Estimator(
        "intra_sample_entropy", est.intra_sample_entropy, {"maps": "maps"}, {"n_bins": 4},
        bad={"n_bins": BAD_COUNT, "range": BAD_RANGE},
        batched=False, least_samples=1, copies=True,
        clusters=lambda c: est.intra_sample_entropy(c.expand(2, 3, -1), n_bins=24),
    ),
    Estimator(
        "channel_capacity", est.channel_capacity, {"maps_a": "maps", "maps_b": "other maps"}, {"n_bins": 4},
        bad={"n_bins": BAD_COUNT, "tile_elements": BAD_COUNT},
        batched=False, symmetric=lambda value: value.T,
    ),
    Estimator(
        "distance_entropy", est.distance_entropy, {"maps": "maps"}, {"n_bins": 4}, bad={"n_bins": BAD_COUNT},
        batched=False,
    ),
    Estimator(
        "label_entropies", est.label_entropies, {"y_true": "first labels", "y_predicted": "labels"},
        bad={"n_classes": BAD_CLASSES},
        batched=False, dtype=torch.float64, least_samples=1, keyword_only=False, copies=True,
        symmetric=lambda value: value.flip(0), translation=False, scaling=None, constant=None,
    ),
    Estimator(
        "exact_information", est.exact_information, {"states": "states", "y": "labels"},
        weights=True, dtype=torch.float64, copies=True,
        clusters=lambda c: est.exact_information(c[:, None], c),
        xor=lambda bits, y: est.exact_information(bits, y).i_ty,
    ),
    Estimator(
        "mixture_information", est.mixture_information, {"centres": "line", "y": "labels"},
        bad={"noise_variance": [*BAD_POSITIVE, [0.1]], "tile_elements": BAD_COUNT},
        weights=True, dtype=torch.float64, scaling=lambda factor: {"noise_variance": 0.1 * factor**2}, copies=True,
        clusters=lambda c: est.mixture_information(far(c[:, None]), c),
    ),
    Estimator(
        "discrete_information", est.discrete_information, {"joint": "table"},
        dtype=torch.float64, symmetric=lambda value: value, translation=False, copies=True,
        clusters=lambda c: est.discrete_information(torch.eye(int(c.max()) + 1)),
        xor=lambda bits, y: est.discrete_information(as_table(bits, y)),
    ),
]  # fmt: skip


# ------------------------------------------------------------------------------------ standard inputs


def standard(estimator: Estimator, n: int = N, seed: int = 0) -> dict:
    """Data arguments in float64, different in every value, classes 0, 1 and 2 all there."""
    generator = np.random.default_rng(seed)
    classes = np.arange(n) % 3
    x = generator.normal(size=(n, 2)) + 0.7 * classes[:, None]
    make = {
        "samples": lambda: x,
        "other samples": lambda: np.tanh(x) + 0.5 * generator.normal(size=(n, 2)),
        "line": lambda: x[:, :1],
        "maps": lambda: generator.normal(size=(n, 3, 2, 2)) + x[:, :1, None, None],
        "other maps": lambda: generator.normal(size=(n, 2, 5)) + x[:, :1, None],
        "stack": lambda: generator.normal(size=(n, 2, 3)) + x[:, :1, None],
        "states": lambda: generator.integers(4, size=(n, 2)) + classes[:, None],
        "table": lambda: generator.integers(1, 20, size=(4, 3)).astype(float),
        "labels": lambda: classes,
        "first labels": lambda: np.where(generator.uniform(size=n) < 0.3, 1, classes),
    }
    return {argument: torch.tensor(make[kind]()) for argument, kind in estimator.data.items()}


def numbers_of(result) -> list[torch.Tensor]:
    """All tensors of a result, whatever it is wrapped in."""
    return [result] if isinstance(result, torch.Tensor) else [each for part in result for each in numbers_of(part)]


def flat(result) -> torch.Tensor:
    return torch.cat([each.double().cpu().flatten() for each in numbers_of(result)])


def assert_same(one, other, tolerance):
    torch.testing.assert_close(flat(one), flat(other), atol=tolerance, rtol=0, equal_nan=True)


def is_label(estimator, argument):
    return estimator.data[argument] in KINDS_OF_LABELS


def rows_of(condition=lambda estimator: True):
    """The estimators with a promise."""
    return pytest.mark.parametrize("estimator", [pytest.param(e, id=e.name) for e in ESTIMATORS if condition(e)])


def arguments_of(condition):
    """Each data argument of each estimator."""
    found = [(e, argument) for e in ESTIMATORS for argument, kind in e.data.items() if condition(e, kind)]
    return pytest.mark.parametrize(
        ("estimator", "argument"), [pytest.param(e, argument, id=f"{e.name}-{argument}") for e, argument in found]
    )


every_number = arguments_of(lambda estimator, kind: kind not in KINDS_OF_LABELS)
every_label = arguments_of(lambda estimator, kind: kind in KINDS_OF_LABELS)


def test_every_public_estimator_has_a_row():
    no_estimators = {"at_bound", "is_constant", "label_entropy", "quantise", "silverman_bandwidth", "total_variance"}
    no_estimators |= {"renyi_chain"}  # takes sequences of variables; test_renyi.py holds it to the contract
    functions = {name for name in est.__all__ if inspect.isfunction(getattr(est, name))} - no_estimators
    assert functions == {estimator.function.__name__ for estimator in ESTIMATORS}


# ------------------------------------------------------------------------------------ what is refused


def assert_refused(name: str, received, call):
    """A ValueError whose first word is the argument and whose end says what was received."""
    with pytest.raises(ValueError, match=rf"^{name}\b") as caught:
        call()
    rule, got, value = str(caught.value).partition("; got ")
    assert got, f"the message does not say what it got: {rule}"
    possible = (received,) if isinstance(received, str) else received
    assert any(one.lower() in value.lower() for one in possible), f"{value!r} names none of {possible}"


def with_value(value):
    def changed(good):
        bad = good.double()
        bad.view(-1)[3] = value
        return bad

    return changed


# how a good argument is spoilt, and how the message names what it got
BAD_NUMBERS = {
    "NaN": (with_value(math.nan), "NaN"),
    "inf": (with_value(math.inf), "inf"),
    "minus inf": (with_value(-math.inf), "inf"),
    "inf in float16": (lambda good: with_value(math.inf)(good).half(), "inf"),
    "complex": (lambda good: good.to(torch.complex64), "complex"),
    "a string": (lambda good: "activations", "str"),
    "None": (lambda good: None, "NoneType"),
    "strings": (lambda good: [["cat"], ["dog"]] * 4, ("list", "str")),
    "ragged lists": (lambda good: [[1.0, 2.0], [3.0]], ("list", "(2,)")),
    "1-D": (lambda good: good.reshape(-1)[:5], "(5,)"),
    "0-D": (lambda good: torch.tensor(1.0), "()"),
    "no feature": (lambda good: good[..., :0], ", 0)"),
}
# tensors that are not all there: torch's own errors said neither which argument nor why
NOT_DENSE = {
    "sparse": (lambda good: good.to_sparse(), "sparse"),
    "sparse rows": (lambda good: good.to_sparse_csr() if good.ndim == 2 else good.to_sparse(), "sparse"),
    "meta": (lambda good: good.to("meta"), "meta"),
    "nested": (lambda good: torch.nested.nested_tensor([good, good]), "nested"),
    "jagged": (lambda good: torch.nested.nested_tensor([good, good], layout=torch.jagged), "nested"),
    "quantised": (lambda good: torch.quantize_per_tensor(good.float(), 0.1, 0, torch.quint8), "quantised"),
    "masked by torch": (lambda good: torch.masked.masked_tensor(good, good > 0), "masked"),
    "masked by numpy": (
        lambda good: np.ma.masked_array(good.numpy(), np.arange(good.numel()).reshape(good.shape) < 2),
        "2",
    ),
}
BAD_SAMPLES = {
    "no sample": (lambda good: good[:0], ("n=0", "shape=(0,")),
    "one sample": (lambda good: good[:1], ("n=1", "shape=(1,")),
}
BAD_LABELS = {
    "2-D": (lambda good: good[:, None], "(8, 1)"),
    "one number": (lambda good: torch.tensor(1), "()"),
    "negative": (lambda good: with_value(-1)(good).long(), "-1"),
    "negative float": (with_value(-2), "-2"),
    "not whole": (with_value(0.5), "0.5"),
    "NaN": (with_value(math.nan), "nan"),
    "inf": (with_value(math.inf), "inf"),
    "complex": (lambda good: good.to(torch.complex64), "complex64"),
    "strings": (lambda good: ["cat", "dog"] * 4, "list"),
    "None": (lambda good: None, "NoneType"),
}
BAD_LENGTHS = {
    "too short": (lambda good: good[:-1], "(7,)"),
    "too long": (lambda good: torch.arange(9) % 3, "(9,)"),
    "none": (lambda good: good[:0], "(0,)"),
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


def assert_argument_refused(estimator, argument, spoil, received):
    data = standard(estimator)
    data[argument] = spoil(data[argument])
    assert_refused(argument, received, lambda: estimator(data))


@every_number
@pytest.mark.parametrize("case", BAD_NUMBERS)
def test_bad_numbers_are_refused(estimator, argument, case):
    assert_argument_refused(estimator, argument, *BAD_NUMBERS[case])


@arguments_of(lambda estimator, kind: True)
@pytest.mark.parametrize("case", NOT_DENSE)
@pytest.mark.filterwarnings("ignore::UserWarning")  # prototypes of torch
def test_tensors_that_are_not_all_there_are_refused(estimator, argument, case):
    assert_argument_refused(estimator, argument, *NOT_DENSE[case])


@arguments_of(lambda estimator, kind: kind not in (*KINDS_OF_LABELS, "table", "states"))
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint64])
def test_integers_that_no_float_holds_are_refused(estimator, argument, dtype):
    assert_argument_refused(estimator, argument, lambda good: (good.abs() + 2**53).to(dtype), "900719925474099")


@arguments_of(lambda estimator, kind: kind not in (*KINDS_OF_LABELS, "table") and estimator.least_samples > 1)
@pytest.mark.parametrize("case", BAD_SAMPLES)
def test_fewer_than_two_samples_are_refused(estimator, argument, case):
    assert_argument_refused(estimator, argument, *BAD_SAMPLES[case])


@arguments_of(lambda estimator, kind: kind == "maps" and estimator.least_samples == 1)
def test_no_sample_is_refused(estimator, argument):
    assert_argument_refused(estimator, argument, *BAD_SAMPLES["no sample"])


@arguments_of(lambda estimator, kind: kind.startswith("other"))
def test_another_number_of_samples_in_the_second_argument_is_refused(estimator, argument):
    assert_argument_refused(estimator, argument, lambda good: good[:-1], ("7",))


@arguments_of(lambda estimator, kind: estimator.batched and kind not in KINDS_OF_LABELS)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_bad_number_in_one_batch_entry_is_refused(estimator, argument, value):
    good = standard(estimator)
    data = {name: each if is_label(estimator, name) else torch.stack([each] * 3) for name, each in good.items()}
    data[argument] = torch.stack([*data[argument][:2], with_value(value)(data[argument][2])])
    assert_refused(argument, str(value), lambda: estimator(data))


@every_label
@pytest.mark.parametrize("case", BAD_LABELS)
def test_bad_labels_are_refused(estimator, argument, case):
    assert_argument_refused(estimator, argument, *BAD_LABELS[case])


@arguments_of(lambda estimator, kind: kind == "labels")
@pytest.mark.parametrize("case", BAD_LENGTHS)
def test_labels_of_another_length_are_refused(estimator, argument, case):
    assert_argument_refused(estimator, argument, *BAD_LENGTHS[case])


@pytest.mark.parametrize(
    ("estimator", "option", "value"),
    [
        pytest.param(estimator, option, value, id=f"{estimator.name}-{option}={value!r}")
        for estimator in ESTIMATORS
        for option, values in estimator.bad.items()
        for value in values
        if not (value is None and inspect.signature(estimator.function).parameters[option].default is None)
    ],
)
def test_bad_options_are_refused(estimator, option, value):
    parts = [repr(each) for each in value] if isinstance(value, (list, tuple)) else []  # one of several may be named
    received = (repr(value), *parts, str(len(parts))) if parts else (repr(value),)
    assert_refused(option, received, lambda: estimator(standard(estimator), **{option: value}))


@pytest.mark.parametrize(
    ("estimator", "name", "options"),
    [
        pytest.param(e, name, options, id=f"{e.name}-{'+'.join(options)}")
        for e in ESTIMATORS
        for name, options in e.clash
    ],
)
def test_options_that_do_not_go_together_are_refused(estimator, name, options):
    assert_refused(name, repr(options[name]), lambda: estimator(standard(estimator), **options))


@rows_of(lambda estimator: estimator.weights)
@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_weights_are_refused(estimator, case):
    make, received = BAD_WEIGHTS[case]
    assert_refused("weights", received, lambda: estimator(standard(estimator), weights=make()))


@rows_of(lambda estimator: "bandwidth" in estimator.options or estimator.name == "inter_sample_entropy")
def test_what_the_answer_mostly_depends_on_has_no_default(estimator):
    with pytest.raises(TypeError, match=r"bandwidth|n_neighbors"):
        estimator.function(*standard(estimator).values())


@rows_of(lambda estimator: estimator.keyword_only)
def test_tuning_is_by_keyword_only(estimator):
    kinds = [parameter.kind for parameter in inspect.signature(estimator.function).parameters.values()]
    assert kinds[len(estimator.data) :].count(inspect.Parameter.KEYWORD_ONLY) == len(kinds) - len(estimator.data)


@pytest.mark.parametrize("shape", [(2, 4), (2, 1), (2, 3, 1), (0, 3), (0,)], ids=str)
def test_noise_variances_of_another_batch_shape_are_refused(shape):
    batch = torch.randn(3, N, 2)
    with pytest.raises(ValueError, match=r"^noise_variance\b"):
        kde_information(batch, torch.arange(N) % 2, noise_variance=torch.ones(shape))


@every_label
def test_a_huge_label_takes_no_memory(estimator, argument):
    """Where the result has a number a class it is refused; elsewhere only which labels are equal matters."""
    data = standard(estimator, n=30)
    huge = {**data, argument: torch.where(data[argument] == 2, 10**12, data[argument])}
    if "n_classes" in inspect.signature(estimator.function).parameters:
        assert_refused(argument, str(10**12), lambda: estimator(huge))
        assert_refused("n_classes", str(10**12), lambda: estimator(data, n_classes=10**12))
    else:
        assert_same(estimator(huge), estimator(data), EXACT)


@rows_of(lambda estimator: "n_classes" in inspect.signature(estimator.function).parameters)
def test_as_many_classes_as_are_allowed_take_little_memory(estimator):
    """A million classes of which three occur: one number each, and no table of all with all."""
    data = standard(estimator, n=30)
    many = estimator(data, n_classes=1 << 20)
    few = numbers_of(estimator(data))
    for one, other in zip(numbers_of(many), few, strict=True):
        torch.testing.assert_close(one[..., :3] if one.ndim else one, other, atol=EXACT, rtol=0, equal_nan=True)
        assert one.shape[-1:] in ((), (1 << 20,))


@pytest.mark.parametrize("label", [2.0**63, 1e30, -(2.0**70)])
def test_labels_beyond_64_bits_are_refused(label):
    assert_refused("y", str(label), lambda: est.binned_information(torch.randn(3, 1), [0.0, 1.0, label]))


def test_centres_of_more_than_one_feature_are_refused():
    assert_refused("centres", "(8, 2)", lambda: est.mixture_information(torch.randn(N, 2), torch.arange(N) % 2))


@pytest.mark.parametrize("value", [-1.0, -1e-9])
def test_a_table_with_a_negative_entry_is_refused(value):
    table = torch.ones(3, 3, dtype=torch.float64)
    table[1, 1] = value
    assert_refused("joint", str(value), lambda: est.discrete_information(table))


def test_a_table_of_zeros_is_refused():
    assert_refused("joint", "0", lambda: est.discrete_information(torch.zeros(3, 3)))


def test_states_that_are_not_whole_are_refused():
    assert_refused("states", "0.5", lambda: est.exact_information([[0.0], [0.5], [1.0]], [0, 1, 0]))


# ------------------------------------------------------------------------------------ odd, but fine


def dtype_of(estimator, dtype):
    return {estimator.dtype or dtype}


def integers_of(estimator, dtype):
    """Standard data as whole numbers of that dtype, classes apart, few enough for 8 bits."""
    data = standard(estimator, n=30)
    is_boolean = dtype == torch.bool
    whole = {}
    for argument, value in data.items():
        scaled = value if estimator.data[argument] in ("states", "table") else (8 * value).abs()
        whole[argument] = value if is_label(estimator, argument) else (scaled > 8 if is_boolean else scaled).to(dtype)
    return whole


@rows_of()
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8, torch.bool])
def test_half_precision_and_integers_come_back_as_float32(estimator, dtype):
    data = integers_of(estimator, dtype)
    if dtype == torch.bool and estimator.name == "kozachenko_leonenko_entropy":
        pytest.skip("two values in thirty samples have no density")
    result = estimator(data)
    in_double = estimator({name: each if is_label(estimator, name) else each.double() for name, each in data.items()})
    assert {each.dtype for each in numbers_of(result)} == dtype_of(estimator, torch.float32)
    # of the same values; which of several equally near neighbours are taken is not fixed
    by_neighbours = "n_neighbors" in inspect.signature(estimator.function).parameters
    tolerance = 0.3 if by_neighbours and not dtype.is_floating_point else max(FLOAT32, estimator.tolerance)
    assert_same(result, in_double, tolerance)


GUISES = {
    "transposed": lambda value: value.transpose(0, -1).contiguous().transpose(0, -1),
    "every second row": lambda value: value.repeat_interleave(2, 0)[::2],
    "expanded": lambda value: value.unsqueeze(0).expand(2, *value.shape)[0],
    "carrying a gradient": lambda value: value.clone().requires_grad_() if value.is_floating_point() else value,
    "numpy": lambda value: value.numpy(),
    "numpy, Fortran order": lambda value: np.asfortranarray(value.numpy()),
    "numpy, read only": lambda value: np.broadcast_to(value.numpy(), value.shape),
    "numpy, other way round": lambda value: value.numpy()[::-1].copy()[::-1],
    "numpy, big-endian": lambda value: value.numpy().astype(value.numpy().dtype.newbyteorder(">")),
    "nested lists": lambda value: value.tolist(),
    "pandas": lambda value: table_of(value.numpy(), np.arange(len(value))[::-1] + 3),
    "pandas, dates": lambda value: table_of(value.numpy(), pd.date_range("2020", periods=len(value))),
    "pandas, nullable": lambda value: table_of(value.numpy(), None, dtype=f"{value.numpy().dtype}".capitalize()),
    "pandas, columns of several kinds": lambda value: several_kinds(value.numpy()),
    "masked array without masked values": lambda value: np.ma.masked_array(value.numpy(), mask=False),
}


def table_of(array, index, **options):
    """As pandas has it: a Series or a DataFrame, whose rows are not numbered from 0; more dimensions stay."""
    if array.ndim > 2:
        return array
    return (pd.Series if array.ndim == 1 else pd.DataFrame)(array, index=index, **options)


def several_kinds(array):
    """The same, its first column of Python's own numbers."""
    table = table_of(array, None)
    return table.astype({0: object}) if array.ndim == 2 else table


@pytest.mark.parametrize("kind", GUISES)
@pytest.mark.filterwarnings("error:The given NumPy array is not writable")
@rows_of()
def test_the_guise_of_the_input_does_not_matter(estimator, kind):
    data = standard(estimator, n=30)
    guised = {name: GUISES[kind](value) for name, value in data.items()}
    if kind == "nested lists":  # a sequence in place of a stack is one of tensors, by the docstrings
        stacks = {name: value for name, value in data.items() if estimator.data[name] == "stack"}
        guised |= {name: list(value.unbind(1)) for name, value in stacks.items()}
    before = {name: value.clone() for name, value in data.items()}
    result = estimator(guised)
    assert not any(each.requires_grad for each in numbers_of(result))
    # numbers in another order of memory may be summed in another one
    assert_same(result, estimator(data), max(estimator.tolerance, EXACT))
    assert {each.dtype for each in numbers_of(result)} == {torch.float64}
    assert all(torch.equal(data[name], before[name]) for name in data)  # the input is left as it was


@rows_of(lambda estimator: estimator.weights)
def test_weights_may_be_lists_or_of_pandas(estimator):
    data, weights = standard(estimator), torch.arange(1, N + 1) / 3
    for guise in (weights.double().tolist(), pd.Series(weights.double().numpy(), index=range(5, 5 + N))):
        assert_same(estimator(data, weights=guise), estimator(data, weights=weights.double()), EXACT)


def test_options_may_be_of_pandas():
    x, y = torch.randn(20, 2, dtype=torch.float64), torch.arange(20) % 2
    index = [7, 9]
    several, orders = pd.Series([0.1, 1.0], index=index), pd.Series([1.5, 2.0], index=index)
    assert_same(kde_information(x, y, noise_variance=several), kde_information(x, y, noise_variance=[0.1, 1.0]), 0)
    assert_same(
        est.renyi_entropy(x, bandwidth=1.0, alpha=orders), est.renyi_entropy(x, bandwidth=1.0, alpha=[1.5, 2]), 0
    )
    widths = pd.Series([0.5, 2.0], index=index)
    of_batch = est.renyi_entropy(x.expand(2, 20, 2), bandwidth=torch.tensor([0.5, 2.0]))
    assert_same(est.renyi_entropy(x.expand(2, 20, 2), bandwidth=widths), of_batch, EXACT)
    assert at_bound(pd.Series([0.0, 5.0, 9.99], index=[3, 4, 5]), 10.0).tolist() == [True, False, True]
    assert at_bound(pd.Series([0.0, 5.0]), pd.Series([1.0, 5.0], index=index)).tolist() == [True, True]
    table = pd.DataFrame(x.numpy(), index=range(1, 21))
    assert float(est.total_variance(table)) == float(est.total_variance(x))
    assert not est.is_constant(table)
    assert torch.equal(est.quantise(table, range=(-1, 1)), est.quantise(x, range=(-1, 1)))
    assert label_entropy(pd.Series([1, 1, 0, 0], index=range(3, 7))) == 1


@pytest.mark.parametrize("value", [1j, [1.0, 2j], torch.ones(2, dtype=torch.complex64)], ids=repr)
def test_complex_options_are_refused(value):
    x = torch.randn(2, 20, 2)
    assert_refused("noise_variance", "j", lambda: kde_information(x, torch.arange(20) % 2, noise_variance=value))
    assert_refused("bandwidth", "j", lambda: est.renyi_entropy(x, bandwidth=value))


def test_missing_values_of_pandas_are_refused():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, None, 1.0]}, index=[3, 4, 5])
    for each in (table, table.astype("Float64"), table.astype(object)):
        assert_refused("x", ("NaN", "DataFrame"), lambda each=each: est.renyi_entropy(each, bandwidth=1.0))
    labels = pd.Series([0, None, 1], dtype="Int64")
    assert_refused("y", ("nan", "Series"), lambda: est.binned_information(torch.randn(3, 1), labels))


def test_lists_of_python_numbers_keep_all_their_digits():
    # neighbours of 1 in float64; in float32 both are 1
    assert float(est.renyi_entropy([[1.0], [1.0 + 1e-12]], bandwidth=1e-14)) == pytest.approx(1, abs=EXACT)
    # 2^24 + 1 is the first integer that float32 does not hold
    assert float(est.exact_information([[2.0**24], [2.0**24 + 1]], [0, 1]).i_xt) == 1
    assert float(est.mixture_information([[2.0**24], [2.0**24 + 1]], [0, 1], noise_variance=1e-6).i_xt) == (
        pytest.approx(1, abs=EXACT)
    )


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.uint32])
def test_integers_that_float32_does_not_hold_become_float64(dtype):
    near = torch.tensor([[2**24], [2**24 + 1], [2**24], [2**24 + 1]]).to(dtype)
    found = kde_information(near, [0, 1, 0, 1], noise_variance=0.01)
    assert found.i_xt.dtype == torch.float64
    assert (float(found.i_xt), float(found.i_ty)) == pytest.approx((1, 1), abs=EXACT)


@every_label
@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int32, torch.float16, torch.float32, torch.float64])
def test_whole_labels_of_any_dtype_are_taken(estimator, argument, dtype):
    data = standard(estimator, n=30)
    assert_same(estimator({**data, argument: data[argument].to(dtype)}), estimator(data), 0.0)


@pytest.mark.parametrize(
    ("estimator", "make"),
    [
        pytest.param(e, make, id=f"{e.name}-{make.__name__}")
        for e in ESTIMATORS
        for make in (np.int64, np.int32, np.float64, np.float32)
    ],
)
def test_numbers_from_numpy_serve_as_options(estimator, make):
    data = standard(estimator, n=30)
    of_integers = issubclass(make, np.integer)
    plain = {**estimator.options}
    if "noise_variance" in inspect.signature(estimator.function).parameters:
        plain["noise_variance"] = 0.1
    chosen = {
        name: make(value)
        for name, value in plain.items()
        if isinstance(value, int if of_integers else float) and not isinstance(value, bool)
    }
    if not chosen:
        pytest.skip(f"its standard call has no {'integer' if of_integers else 'float'}")
    assert_same(estimator(data, **chosen), estimator(data, **plain), FLOAT32)  # 0.1 in float32 is not 0.1


def constant_data(estimator, value, n=30):
    data = standard(estimator, n=n)
    return {
        argument: each if is_label(estimator, argument)
        else torch.ones(1, 3, dtype=torch.float64) if estimator.data[argument] == "table"
        else torch.full_like(each, value)
        for argument, each in data.items()
    }  # fmt: skip


@rows_of(lambda estimator: estimator.constant is not None)
@pytest.mark.parametrize("value", [0, 1, -7, 1e6])
def test_constant_features_give_zero(estimator, value):
    result = flat(estimator(constant_data(estimator, value)))
    assert (result - estimator.constant).abs().max() < max(EXACT, estimator.tolerance)


@rows_of(lambda estimator: len(estimator.data) == 2 and not set(KINDS_OF_LABELS) & set(estimator.data.values()))
@pytest.mark.parametrize("which", [0, 1])
def test_one_constant_argument_of_two_gives_zero(estimator, which):
    data = standard(estimator, n=30)
    name = list(data)[which]
    result = flat(estimator({**data, name: torch.full_like(data[name], 0.1)}))
    assert result.abs().max() < EXACT


@rows_of()
def test_repeated_samples_give_a_finite_answer(estimator):
    data = standard(estimator, n=15)
    twice = {name: value.repeat(2, *[1] * (value.ndim - 1)) for name, value in data.items()}
    result = flat(estimator(twice))
    assert torch.isfinite(result).all()
    if estimator.copies:
        assert_same(estimator(twice), estimator(data), estimator.tolerance)


def of_labels(estimator):
    return estimator.data.get("y") == "labels" and "class" not in estimator.name  # one class against none is a gap


@rows_of(of_labels)
def test_one_class_only_gives_zero(estimator):
    data = standard(estimator, n=30)
    result = estimator({**data, "y": torch.zeros(30, dtype=torch.long)})
    for each in result if estimator.options.get("bound") == "both" else [result]:
        assert float(each.i_xt) > 0.5
        assert float(each.i_ty) == pytest.approx(0, abs=EXACT)


@rows_of(of_labels)
def test_an_empty_class_changes_nothing(estimator):
    data = standard(estimator, n=30)
    with_gap = torch.where(data["y"] > 0, data["y"] + 2, 0)  # classes 0, 3 and 4: 1 and 2 are empty
    one, other = estimator({**data, "y": with_gap}), estimator(data)
    pairs = zip(one, other, strict=True) if estimator.options.get("bound") == "both" else [(one, other)]
    for mine, theirs in pairs:
        assert_same(mine[:2], theirs[:2], EXACT)


@rows_of(of_labels)
def test_two_samples_of_one_feature_are_enough(estimator):
    result = estimator({"t": [[0.0], [100.0]], "y": [0, 1]})
    for each in result if estimator.options.get("bound") == "both" else [result]:
        # n = 2, each sample alone: both informations are 1 bit, up to float32 rounding
        assert (float(each.i_xt), float(each.i_ty)) == pytest.approx((1, 1), abs=ROUNDING)


@rows_of(lambda estimator: estimator.name != "label_entropies")  # NaN for classes that are absent
def test_as_few_samples_as_are_allowed_give_a_finite_answer(estimator):
    fewest = {"n_neighbors": 1} if "n_neighbors" in inspect.signature(estimator.function).parameters else {}
    n = estimator.least_samples
    if estimator.name == "inter_sample_entropy":
        n, fewest = 3, {"n_neighbors": 2}
    data = standard(estimator, n=30)
    few = {name: value if estimator.data[name] == "table" else value[:n] for name, value in data.items()}
    assert torch.isfinite(flat(estimator(few, **fewest))).all()


# ------------------------------------------------------------------------------------ what changes nothing


def batch_of(estimator, shape):
    """Different data in every entry of the batch, one set of labels: the batch, and a list of its entries."""
    several = [standard(estimator, n=30, seed=seed) for seed in range(math.prod(shape))]
    scales = [(0.1, 1.0, 30.0)[number % 3] for number in range(len(several))]

    def scaled(kind, value, scale):
        return value * scale if kind in ("samples", "other samples", "line", "stack") else value

    batch = {
        name: several[0][name] if kind in KINDS_OF_LABELS
        else torch.stack([scaled(kind, one[name], scale) for one, scale in zip(several, scales, strict=True)])
        .unflatten(0, shape)
        for name, kind in estimator.data.items()
    }  # fmt: skip
    return batch, lambda place: {n: v if is_label(estimator, n) else v[place] for n, v in batch.items()}


@rows_of(lambda estimator: estimator.batched)
def test_batch_equals_loop(estimator):
    batch, entry = batch_of(estimator, (2, 3))
    result = numbers_of(estimator(batch))
    for place in np.ndindex(2, 3):
        one = numbers_of(estimator(entry(place)))
        for of_batch, of_one in zip(result, one, strict=True):
            assert of_batch.shape == (2, 3, *of_one.shape)
            torch.testing.assert_close(of_batch[place], of_one, atol=EXACT, rtol=0)


@rows_of(lambda estimator: estimator.batched)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (1, 2, 1)], ids=str)
def test_results_have_the_batch_shape(estimator, shape):
    data = standard(estimator)
    batch = {n: v if is_label(estimator, n) else v.expand(*shape, *v.shape) for n, v in data.items()}
    one, several = numbers_of(estimator(data)), numbers_of(estimator(batch))
    assert [each.shape for each in several] == [(*shape, *each.shape) for each in one]


@rows_of(lambda estimator: estimator.batched)
def test_an_empty_batch_gives_an_empty_result(estimator):
    data = standard(estimator)
    empty = {n: v if is_label(estimator, n) else v.new_zeros(0, *v.shape) for n, v in data.items()}
    one, none = numbers_of(estimator(data)), numbers_of(estimator(empty))
    assert [each.shape for each in none] == [(0, *each.shape) for each in one]
    assert {each.dtype for each in none} == dtype_of(estimator, torch.float64)


@rows_of()
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_samples_does_not_matter(estimator, seed):
    data = standard(estimator, n=30, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    lengths = {len(value) for value in data.values()}
    orders = {length: torch.randperm(length, generator=generator) for length in lengths}
    mixed = {name: value[orders[len(value)]] for name, value in data.items()}
    if estimator.function is est.stochastic_renyi_entropy:
        assert_same(estimator(mixed).entropy, estimator(data).entropy, estimator.tolerance)  # errors are of the probes
    else:
        assert_same(estimator(mixed), estimator(data), estimator.tolerance)


@rows_of(lambda estimator: estimator.symmetric)
def test_arguments_may_be_swapped(estimator):
    data = standard(estimator, n=30)
    if len(data) == 1:
        swapped = {name: value.mT for name, value in data.items()}
    else:
        swapped = dict(zip(data, reversed(data.values()), strict=True))
    result = estimator(data)
    value = torch.stack(list(result)) if isinstance(result, tuple) else result
    other = estimator(swapped)
    other = torch.stack(list(other)) if isinstance(other, tuple) else other
    assert_same(estimator.symmetric(other), value, EXACT)


def test_renyi_information_of_two_variables_is_symmetric():
    x, y = torch.randn(2, 3, 30, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    one = est.renyi_mutual_information(x, [y], bandwidth=(1.0, [2.0]))
    other = est.renyi_mutual_information(y, [x], bandwidth=(2.0, [1.0]))
    assert_same(one, other, EXACT)


def moved(estimator, change):
    return {
        name: value if is_label(estimator, name) else change(value)
        for name, value in standard(estimator, n=30).items()
    }  # fmt: skip


@rows_of(lambda estimator: estimator.translation)
@pytest.mark.parametrize("shift", [-8, 1000])
def test_translation_does_not_matter(estimator, shift):
    result = estimator(moved(estimator, lambda value: value + shift))
    # float64: coordinates near 1,000 carry errors near 1e-13
    assert_same(result, estimator(standard(estimator, n=30)), max(1e-8, estimator.tolerance))


@rows_of(lambda estimator: estimator.scaling)
@pytest.mark.parametrize("factor", [4, 1000])
def test_scaling_does_not_matter(estimator, factor):
    result = estimator(moved(estimator, lambda value: value * factor), **estimator.scaling(factor))
    assert_same(result, estimator(standard(estimator, n=30)), max(1e-8, estimator.tolerance))  # rounding in float64


@rows_of(lambda estimator: estimator.scaling)
@pytest.mark.parametrize(
    ("dtype", "power"), [(torch.float32, 100), (torch.float32, -100), (torch.float64, 500), (torch.float64, -500)]
)
def test_scaling_by_a_large_power_of_two_changes_no_digit(estimator, dtype, power):
    """Squares of such numbers are infinite or 0 in their own dtype."""

    def of(factor):
        return {
            name: value if is_label(estimator, name) or estimator.data[name] == "states" else factor * value.to(dtype)
            for name, value in standard(estimator, n=30).items()
        }  # fmt: skip

    factor = 2.0**power
    assert_same(estimator(of(factor), **estimator.scaling(factor)), estimator(of(1.0)), EXACT)


@rows_of(lambda estimator: estimator.dtype is None)
def test_float32_is_near_float64(estimator):
    data = standard(estimator, n=30)
    single = estimator({n: v if is_label(estimator, n) else v.float() for n, v in data.items()})
    double = estimator(data)
    assert {each.dtype for each in numbers_of(single)} == {torch.float32}
    assert {each.dtype for each in numbers_of(double)} == {torch.float64}
    assert_same(single, double, max(FLOAT32, estimator.tolerance))


@rows_of(lambda estimator: estimator.dtype is not None)
def test_exact_answers_are_float64_whatever_comes_in(estimator):
    data = standard(estimator, n=30)
    single = estimator({n: v if is_label(estimator, n) else v.float() for n, v in data.items()})
    assert {each.dtype for each in numbers_of(single)} == {torch.float64}
    assert_same(single, estimator(data), FLOAT32)


@rows_of(lambda estimator: "tile_elements" in inspect.signature(estimator.function).parameters)
@pytest.mark.parametrize("tile_elements", [1, 7, 50, 1000])
def test_the_tile_does_not_matter(estimator, tile_elements):
    data = standard(estimator, n=31)  # 31 is prime: no tile but 1 and 31 divides it
    # of random probes: once the Lanczos steps have converged, what the last of them change is rounding
    assert_same(estimator(data, tile_elements=tile_elements), estimator(data), max(EXACT, estimator.tolerance))


@rows_of()
def test_the_same_call_gives_the_same_number(estimator):
    data = standard(estimator, n=30)
    assert_same(estimator(data), estimator(data), 0.0)


@rows_of()
def test_the_random_state_is_left_alone(estimator):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    estimator(standard(estimator, n=30))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@rows_of()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_gpu_gives_what_the_cpu_gives(estimator, dtype):
    data = {n: v if is_label(estimator, n) else v.to(dtype) for n, v in standard(estimator, n=30).items()}
    on_gpu = estimator({name: value.cuda() for name, value in data.items()})
    assert {each.device.type for each in numbers_of(on_gpu)} == {"cuda"}
    assert_same(on_gpu, estimator(data), max(estimator.tolerance, FLOAT32 if dtype == torch.float32 else 1e-8))


# ------------------------------------------------------------------------------------ known answers


@rows_of(lambda estimator: estimator.clusters)
@pytest.mark.parametrize("c", [2, 3, 8])
def test_equal_far_clusters_give_log2_of_their_number(estimator, c):
    clusters = torch.arange(c).repeat(24)
    for value in numbers_of(estimator.clusters(clusters)):
        np.testing.assert_allclose(value, math.log2(c), atol=max(ROUNDING, estimator.tolerance), rtol=0)


@rows_of(lambda estimator: estimator.xor)
def test_xor_is_seen_in_both_bits_and_in_neither_alone(estimator):
    bits = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]).repeat(10, 1)
    y = bits[:, 0] ^ bits[:, 1]
    assert float(estimator.xor(bits, y)) == pytest.approx(1, abs=1e-5)  # rounding in float32
    for column in (0, 1):
        assert float(estimator.xor(bits[:, [column]], y)) == pytest.approx(0, abs=1e-5)


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


@pytest.mark.parametrize(
    ("labels", "received"), [([0.2, 0.7, 1.2], "0.2"), ([-1, 0, 1], "-1"), ([], "n=0"), ([[0, 1]], "(1, 2)"), (3, "()")]
)
def test_entropy_of_what_are_no_labels_is_refused(labels, received):
    assert_refused("y", received, lambda: label_entropy(labels))


def test_entropy_of_huge_labels_takes_no_memory():
    assert label_entropy([10**12, 0, 10**12, 0]) == 1


# ------------------------------------------------------------------------------------ is_constant and total_variance


@pytest.mark.parametrize(("offset", "deviation"), [(1e6, 1.0), (1e7, 5.0), (-1e9, 1e-3), (1e15, 10.0)])
def test_samples_far_from_zero_are_not_constant(offset, deviation):
    noise = torch.randn(1000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    t = deviation * noise + offset
    assert not est.is_constant(t)
    # t is rounded to the spacing of floats at the offset, at most 0.125 for a deviation of 10
    assert float(est.total_variance(t)) == pytest.approx(float(((t - t[0]) - (t - t[0]).mean(0)).square().sum() / 1000))
    assert float(est.total_variance(t)) == pytest.approx(2 * deviation**2, rel=0.1)  # 2,000 normal numbers


def test_a_constant_feature_far_from_zero_hides_no_other():
    t = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    t[:, 0] = 1e8
    assert not est.is_constant(t)
    assert float(est.total_variance(t)) == pytest.approx(float(t[:, 1].double().var(correction=0)), rel=1e-5)


def test_samples_far_from_zero_are_not_constant_in_float32():
    t = 5 * torch.randn(1000, 1, generator=torch.Generator().manual_seed(0)) + 1e7  # floats are 1 apart there
    assert not est.is_constant(t)
    assert float(est.total_variance(t)) == pytest.approx(float(t.double().var(correction=0)), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 1e30])
def test_samples_that_differ_by_rounding_are_constant(dtype, value):
    t = torch.full((3, 1001, 2), value, dtype=dtype)
    t[1, ::2] = torch.nextafter(t[1, ::2], torch.zeros((), dtype=dtype))  # one place apart
    t[2, 0] = value + 1
    t[2, 1] += abs(value)
    assert est.is_constant(t).tolist() == [True, True, False]
    assert est.total_variance(t[:2]).tolist() == [1, 1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_variance_of_half_precision_and_integers_is_taken_in_float32(dtype):
    t = (300 * torch.randn(500, 3, generator=torch.Generator().manual_seed(0))).to(dtype)  # squares pass 65,504
    found = est.total_variance(t)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(float(t.double().var(0, correction=0).sum()), rel=1e-5)


@pytest.mark.parametrize("scale", [1e-25, 1e20])
def test_a_variance_that_the_dtype_does_not_hold_is_refused(scale):
    t = (scale * torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))).float()
    assert not est.is_constant(t)
    assert_refused("t", "values up to", lambda: est.total_variance(t))
    assert float(est.total_variance(t.double())) == pytest.approx(3 * scale**2, rel=0.3)  # 150 normal numbers


def test_entropy_ignores_classes_that_do_not_occur():
    assert label_entropy([0, 9, 0, 9]) == pytest.approx(1)
