"""Needs, intervals, and every rule of notebook 01 on made tables that hold, fail and stay undecided."""

import numpy as np
import pandas as pd
import pytest

from mi_kit import claims
from mi_kit.claims import FAILS, HOLDS, NOT_TESTED, UNDECIDED, Claim, Judgement, Needs
from mi_kit.experiments.mi_visualisation import rules as paper

SEEDS = range(5)
SPREAD = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])  # of five seeds, sd 0.158: half a 95 % interval is 0.196


def rows(values: dict[str, float], column: str, scale: float = 0.01, **more) -> pd.DataFrame:
    """One row a model and seed, the seeds spread around the value."""
    made = [
        {"dataset": "mnist", "model": model, "seed": seed, "step": 50_000, column: value + scale * SPREAD[seed]} | more
        for model, value in values.items()
        for seed in SEEDS
    ]
    return pd.DataFrame(made)


PAPER = paper.PAPER_ACCURACY


@pytest.mark.parametrize(
    ("values", "scale", "verdict"),
    [
        (PAPER, 0.001, HOLDS),
        (PAPER | {"relu_mlp": 0.981}, 0.001, FAILS),
        (PAPER | {"relu_mlp": 0.9745}, 0.05, UNDECIDED),
    ],
)
def test_accuracy_rule(values, scale, verdict):
    assert paper.judge_accuracy(rows(values, "value", scale)).verdict == verdict


@pytest.mark.parametrize(
    ("information", "scale", "verdict"),
    [
        ({"relu_mlp": 2.0, "lenet": 3.0}, 0.01, HOLDS),  # spread 1/3.32 against 0.02
        ({"relu_mlp": 3.0, "lenet": 3.0}, 0.0, FAILS),  # spread 0
        ({"relu_mlp": 2.93, "lenet": 3.0}, 1.0, UNDECIDED),
    ],
)
def test_separation_rule(information, scale, verdict):
    made = rows(information, "i_ty", 0.0, entropy_y=3.32)
    made.loc[made["model"] == "lenet", "i_ty"] += scale * SPREAD
    made["accuracy"] = made["model"].map({"relu_mlp": 0.97, "lenet": 0.99})
    assert paper.judge_separation(made).verdict == verdict


@pytest.mark.parametrize(
    ("values", "scale", "verdict"),
    [
        ({"relu_mlp": 2.0, "lenet": 2.5, "densenet": 3.0}, 0.1, HOLDS),
        ({"relu_mlp": 2.5, "lenet": 2.0, "densenet": 3.0}, 0.1, HOLDS),  # the paper does not order the other two
        ({"relu_mlp": 2.0, "lenet": 3.0, "densenet": 2.5}, 0.1, FAILS),
        ({"relu_mlp": 2.0, "lenet": 2.5, "densenet": 2.5}, 0.1, UNDECIDED),
    ],
)
def test_order_rule(values, scale, verdict):
    made = rows(values, "i_ty", scale)
    made.loc[made["model"] == "lenet", "i_ty"] -= 2 * scale * SPREAD  # differences within a seed must vary
    assert paper.judge_order(made).verdict == verdict


@pytest.mark.parametrize(("rise", "scale", "verdict"), [(0.3, 0.1, HOLDS), (0.0, 0.05, FAILS), (0.05, 1.0, UNDECIDED)])
def test_convergence_rule(rise, scale, verdict):
    made = []
    for layer in ("block1", "output"):
        early = rows(dict.fromkeys(paper.IMAGE_NETWORKS, 2.0), "i_ty", 0.0, layer=layer).assign(step=10_000)
        late = rows(dict.fromkeys(paper.IMAGE_NETWORKS, 2.0 + rise), "i_ty", scale, layer=layer)
        made += [early, late]
    assert paper.judge_not_converged(pd.concat(made)).verdict == verdict


def path(i_xt, i_ty, scale=0.0, layer="layer1") -> pd.DataFrame:
    """A layer's path over the steps 0, 1, 2, the seeds spread at the last one."""
    made = []
    for seed in SEEDS:
        for step, (x, y) in enumerate(zip(i_xt, i_ty, strict=True)):
            shift = scale * SPREAD[seed] if step == 2 else 0
            made.append({"model": "m", "layer": layer, "seed": seed, "step": step, "i_xt": x + shift, "i_ty": y})
    return pd.DataFrame(made)


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ([path((1, 3, 2), (0, 0.5, 0.9))], HOLDS),
        ([path((1, 3, 2), (0, 0.5, 0.9)), path((1, 2, 3), (0, 0.5, 0.9), layer="layer2")], HOLDS),
        ([path((1, 2, 3), (0, 0.5, 0.9))], FAILS),  # nothing compresses
        ([path((1, 3, 2), (0, 0.9, 0.5))], FAILS),  # I(T;Y) falls
        ([path((3, 2.5, 2), (0, 0.5, 0.9))], UNDECIDED),  # compression without a rise before it
        ([path((1, 3, 2.8), (0, 0.5, 0.9), scale=1.0)], UNDECIDED),  # the seeds disagree
    ],
)
def test_two_phases_rule(parts, verdict):
    assert paper.judge_two_phases(pd.concat(parts)).verdict == verdict


def kernel_paths(values: dict, scale: float = 0.0, step: int = 10_000, **more) -> pd.DataFrame:
    """Three kernels a seed around (network, block): [I(T;Y) at equal distances]; the seeds spread at the last one."""
    made = []
    for (model, layer), path in values.items():
        for seed in SEEDS:
            for place, value in enumerate(path):
                shift = scale * SPREAD[seed] * (place == len(path) - 1)
                made += [
                    {"model": model, "layer": layer, "seed": seed, "step": place * step, "kernel": kernel, **more,
                     "i_ty": value + shift + 0.01 * (kernel - 1)}
                    for kernel in range(3)
                ]  # fmt: skip
    return pd.DataFrame(made)


LENET1, LENET2, DENSE1, DENSE2 = paper.BLOCKS


@pytest.mark.parametrize(
    ("path", "scale", "verdict"),
    [
        ([1, 2, 2, 2, 2, 2], 0.0, HOLDS),
        ([1, 1, 1, 1, 1, 1], 0.0, FAILS),  # no rise
        ([1, 1.2, 2, 2, 2, 2], 0.0, FAILS),  # most of it later
        ([1, 2, 2, 2, 2, 2.9], 1.0, UNDECIDED),
    ],
)
def test_early_rise_rule(path, scale, verdict):
    assert paper.judge_early_rise(kernel_paths({LENET1: path}, scale)).verdict == verdict


@pytest.mark.parametrize(
    ("lenet", "densenet", "scale", "verdict"),
    [
        ([0, 2, 2, 2, 2, 2], [9, 1, 1, 1, 1, 1], 0.1, HOLDS),  # iteration 0 does not count
        ([0, 1, 1, 1, 1, 1], [0, 2, 2, 2, 2, 2], 0.1, FAILS),
        ([0, 1, 1, 1, 1, 1.0], [0, 1, 1, 1, 1, 1.1], 9.0, UNDECIDED),
    ],
)
def test_above_densenet_rule(lenet, densenet, scale, verdict):
    made = kernel_paths({LENET1: lenet}, scale), kernel_paths({DENSE1: densenet}, -scale)
    assert paper.judge_above_densenet(pd.concat(made)).verdict == verdict


@pytest.mark.parametrize(
    ("lenet", "densenet", "scale", "verdict"),
    [
        ([0, 2, 1, 2, 1, 2], [0, 0.1, 0.2, 0.3, 0.4, 0.5], 0.1, HOLDS),
        ([0, 0.1, 0.2, 0.3, 0.4, 0.5], [0, 2, 1, 2, 1, 2], 0.1, FAILS),
        ([0, 2, 1, 2, 1, 2], [0, 2, 1, 2, 1, 2.0], 1.0, UNDECIDED),
    ],
)
def test_steadier_rule(lenet, densenet, scale, verdict):
    made = kernel_paths({LENET1: lenet}, scale), kernel_paths({DENSE1: densenet}, -scale)
    assert paper.judge_steadier(pd.concat(made)).verdict == verdict


def test_steadier_rule_measures_the_root_mean_square_per_iteration():
    made = kernel_paths({LENET1: [0, 3, 0, 0, 0, 0], DENSE1: [0, 0, 0, 0, 0, 0]})
    expected = 1000 * np.sqrt(2 * (3 / 10_000) ** 2 / 5)  # two changes of 3 bits in five spans of 10,000
    assert f"LeNet {expected:.3f}" in paper.judge_steadier(made).measured


@pytest.mark.parametrize(
    ("path", "scale", "verdict"),
    [
        ([0, 1, 2, 1.8, 1.7, 1.6], 0.1, HOLDS),
        ([0, 5, 2, 2, 2, 2.5], 0.1, FAILS),  # what fell before 20,000 does not count
        ([0, 1, 2, 2, 2, 1.95], 1.0, UNDECIDED),
    ],
)
def test_late_fall_rule(path, scale, verdict):
    assert paper.judge_late_fall(kernel_paths({LENET2: path}, scale)).verdict == verdict


@pytest.mark.parametrize(
    ("path", "scale", "verdict"), [([0.46, 1.07], 0.1, HOLDS), ([0.5, 0.5], 0.1, FAILS), ([0.5, 0.65], 2.0, UNDECIDED)]
)
def test_dense_rise_rule(path, scale, verdict):
    assert paper.judge_dense_rise(kernel_paths({DENSE2: path}, scale)).verdict == verdict


def agreement(values: dict, column: str, scale: float) -> pd.DataFrame:
    made = [
        {"model": model, "layer": layer, "seed": seed, column: value + sign * scale * SPREAD[seed]}
        for ((model, layer), value), sign in zip(values.items(), (1, -1, -1, -1), strict=False)
        for seed in SEEDS
    ]
    return pd.DataFrame(made)


@pytest.mark.parametrize(
    ("rule", "column"),
    [(paper.judge_same_for_all_classes, "between_classes"), (paper.judge_keep_order, "with_start")],
)
@pytest.mark.parametrize(("value", "scale", "verdict"), [(0.8, 0.5, HOLDS), (0.2, 0.5, FAILS), (0.5, 1.0, UNDECIDED)])
def test_order_of_kernels_rules(rule, column, value, scale, verdict):
    assert rule(agreement({LENET1: value}, column, scale)).verdict == verdict


@pytest.mark.parametrize(
    ("values", "scale", "verdict"),
    [
        ((0.9, 0.5, 0.6, 0.4), 0.2, HOLDS),
        ((0.5, 0.3, 0.9, 0.2), 0.2, FAILS),  # one of the three agrees more
        ((0.9, 0.5, 0.89, 0.4), 1.0, UNDECIDED),
    ],
)
def test_specialise_rule(values, scale, verdict):
    made = agreement(dict(zip(paper.BLOCKS, values, strict=True)), "between_classes", scale)
    assert paper.judge_specialise(made).verdict == verdict


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ([path((1, 2, 3), (0, 1.0, 0.5))], HOLDS),
        ([path((1, 2, 3), (0, 0.5, 1.0))], FAILS),
        ([path((1, 2, 3), (0, 1.0, 0.5)), path((1, 2, 3), (0, 0.5, 1.0)).assign(model="n")], FAILS),
    ],
)
def test_fall_in_training_rule(parts, verdict):
    made = pd.concat(parts).replace({"model": {"m": "lenet", "n": "densenet"}})
    assert paper.judge_falls_in_training(made).verdict == verdict


def test_fall_in_training_is_undecided_where_the_seeds_disagree():
    made = path((1, 2, 3), (0, 1.0, 0.95)).assign(model="lenet")
    made.loc[made["step"] == 2, "i_ty"] += 0.5 * SPREAD
    assert paper.judge_falls_in_training(made).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("mnist", "fashion", "scale", "verdict"), [(3, 2, 0.1, HOLDS), (2, 3, 0.1, FAILS), (3, 2.95, 1.0, UNDECIDED)]
)
def test_farther_from_the_bound_rule(mnist, fashion, scale, verdict):
    networks = ("relu_mlp", "lenet", "densenet")
    made = rows(dict.fromkeys(networks, mnist), "i_ty", scale, part="main", entropy_y=3.32)
    more = rows(dict.fromkeys(networks, fashion), "i_ty", -scale, part="appendix", entropy_y=3.32)
    assert paper.judge_farther_from_bound(pd.concat([made, more])).verdict == verdict


def classes(values: dict[int, float], scale: float = 0.0) -> pd.DataFrame:
    """Mean information of ten classes, 0.5 bit where `values` says nothing; class 6 (shirt) carries the spread."""
    made = [
        {"model": model, "seed": seed, "class": c, "value": values.get(c, 0.5) + scale * SPREAD[seed] * (c == 6)}
        for model in ("lenet", "densenet") for seed in SEEDS for c in range(10)
    ]  # fmt: skip
    return pd.DataFrame(made).assign(dataset="fashion-mnist")


LOW = dict.fromkeys((0, 2, 3, 4), 0.2)


@pytest.mark.parametrize(
    ("values", "scale", "verdict"),
    [
        (LOW | {6: 0.1}, 0.1, HOLDS),
        (LOW | {6: 0.1, 9: 0.15}, 0.1, FAILS),  # ankle boot below some of the five
        (LOW | {6: 0.5}, 1.0, UNDECIDED),
    ],
)
def test_similar_classes_rule(values, scale, verdict):
    assert paper.judge_similar_classes(classes(values, scale)).verdict == verdict


def test_similar_classes_rule_names_the_lowest():
    assert "(lowest five: Shirt, " in paper.judge_similar_classes(classes(LOW | {6: 0.1})).measured


@pytest.mark.parametrize(("shirt", "scale", "verdict"), [(0.1, 0.1, HOLDS), (0.4, 0.1, FAILS), (0.2, 1.0, UNDECIDED)])
def test_shirt_rule(shirt, scale, verdict):
    assert paper.judge_shirt(classes(LOW | {6: shirt}, scale)).verdict == verdict


@pytest.mark.parametrize(
    ("one", "two", "scale", "verdict"),
    [
        (0.990, 0.988, 0.001, HOLDS),
        (0.98, 0.99, 0.001, HOLDS),
        (0.99, 0.97, 0.001, FAILS),
        (0.99, 0.985, 0.01, UNDECIDED),
    ],
)
def test_stride_rule(one, two, scale, verdict):
    values = {1: one, 2: two}
    made = [
        {"seed": seed, "stride": stride, "value": values[stride] + scale * SPREAD[seed] * (stride == 2)}
        for stride in values for seed in SEEDS
    ]  # fmt: skip
    assert paper.judge_stride(pd.DataFrame(made)).verdict == verdict


@pytest.mark.parametrize(("value", "scale", "verdict"), [(0.95, 0.1, HOLDS), (0.6, 0.1, FAILS), (0.8, 0.5, UNDECIDED)])
def test_redundant_rule(value, scale, verdict):
    made = [
        {"seed": seed, "kernel": kernel, "correlation": value + scale * SPREAD[seed] + (0.5 * kernel - 0.5)}
        for seed in SEEDS for kernel in range(3)
    ]  # fmt: skip
    assert paper.judge_redundant(pd.DataFrame(made)).verdict == verdict


def pruned(lowest: float, random: float, scale: float) -> pd.DataFrame:
    """Accuracies after half of the kernels is gone, 0.95 before; two random halves around `random`."""
    made = []
    for seed in SEEDS:
        made.append({"seed": seed, "order": "none", "share": 0.0, "accuracy": 0.95})
        made.append({"seed": seed, "order": "lowest first", "share": 0.5, "accuracy": lowest + scale * SPREAD[seed]})
        made.append({"seed": seed, "order": "highest first", "share": 0.5, "accuracy": 0.3})
        made += [{"seed": seed, "order": "random", "share": 0.5, "accuracy": random + shift} for shift in (-0.1, 0.1)]
        made.append({"seed": seed, "order": "lowest first", "share": 0.75, "accuracy": 0.1})
    return pd.DataFrame(made)


@pytest.mark.parametrize(
    ("lowest", "scale", "verdict"), [(0.948, 0.01, HOLDS), (0.9, 0.01, FAILS), (0.94, 0.1, UNDECIDED)]
)
def test_useless_rule(lowest, scale, verdict):
    assert paper.judge_useless(pruned(lowest, 0.8, scale)).verdict == verdict


@pytest.mark.parametrize(
    ("lowest", "random", "scale", "verdict"),
    [(0.9, 0.8, 0.1, HOLDS), (0.7, 0.8, 0.1, FAILS), (0.8, 0.8, 0.1, UNDECIDED)],
)
def test_pruning_order_rule(lowest, random, scale, verdict):
    assert paper.judge_pruning_order(pruned(lowest, random, scale)).verdict == verdict


@pytest.mark.parametrize(
    ("lenet", "densenet", "scale", "verdict"),
    [([2, 1], [1, 1.2], 0.1, HOLDS), ([1, 1.2], [2, 1], 0.1, FAILS), ([1, 2], [2, 1], 1.0, UNDECIDED)],
)
def test_early_blocks_rule(lenet, densenet, scale, verdict):
    made = kernel_paths({LENET1: lenet}, scale), kernel_paths({DENSE1: densenet}, scale)
    assert paper.judge_early_blocks(pd.concat(made)).verdict == verdict


def test_every_claim_of_notebook_01_has_a_rule_tested_here():
    import inspect
    import sys

    tested = inspect.getsource(sys.modules[__name__])
    missing = {claim.rule.__name__ for claim in paper.CLAIMS if f"paper.{claim.rule.__name__}" not in tested}
    assert not missing


def always(verdict):
    def rule(_rows):
        """Always the same, whatever the rows."""
        return Judgement(verdict, "made")

    return rule


def judged(table, needs=None, verdict=HOLDS):
    claim = Claim("1", "made", "none", lambda tables: tables["t"], always(verdict), needs or Needs())
    return claims.judge([claim], {"t": table}, "quick").iloc[0]


@pytest.mark.parametrize(
    ("needs", "reason"),
    [
        (Needs("mnist", seeds=5, steps=50_000), ""),
        (Needs("cifar10"), "needs cifar10; this run has mnist"),
        (Needs(("mnist",)), ""),
        (Needs(("mnist", "cifar10")), "needs cifar10 and mnist; this run has mnist"),
        (Needs(seeds=6), "needs 6 seeds; this run has 5"),
        (Needs(steps=60_000), "needs 60,000 iterations; this run has 50,000"),
        (Needs(steps=10_000), ""),
        (Needs(steps=10_000, exactly=True), "needs 10,000 iterations; this run has 50,000"),
    ],
)
def test_unmet_need_is_not_tested_with_the_reason(needs, reason):
    found = judged(rows({"lenet": 1.0}, "value"), needs)
    assert (found["verdict"], found["reason"]) == (NOT_TESTED if reason else HOLDS, reason)
    assert bool(found["measured"]) == (not reason)


def test_a_rule_is_not_called_where_its_needs_are_unmet():
    def never(_rows):
        raise KeyError("automobile")

    claim = Claim("1", "made", "none", lambda tables: tables["t"], never, Needs("cifar10"))
    found = claims.judge([claim], {"t": rows({"lenet": 1.0}, "value")}, "quick").iloc[0]
    assert (found["verdict"], found["measured"]) == (NOT_TESTED, "")


@pytest.mark.parametrize(("share", "verdict"), [(0.2, HOLDS), (0.4, UNDECIDED)])
def test_more_than_a_fifth_at_a_bound_is_undecided(share, verdict):
    table = rows({"lenet": 1.0}, "i_ty")
    table["at_bound"] = np.arange(len(table)) < share * len(table)
    found = judged(table)
    assert found["verdict"] == verdict
    assert ("saturated" in found["reason"]) == (verdict == UNDECIDED)


def test_nothing_to_judge_is_not_tested():
    assert judged(pd.DataFrame())["verdict"] == NOT_TESTED


def test_a_rule_can_only_give_the_three_verdicts():
    with pytest.raises(ValueError, match="verdict must be"):
        Judgement("maybe", "")


def test_interval_is_students_and_infinite_for_one_seed():
    # mean 2, sd 1, n = 3: t(0.975, 2) = 4.3027, half = 4.3027 / sqrt(3) = 2.4841
    mean, low, high = claims.interval([1, 2, 3])
    assert (mean, round(low, 4), round(high, 4)) == (2, -0.4841, 4.4841)
    assert claims.interval([1.0]) == (1.0, -np.inf, np.inf)


def test_words_cut_the_interval_to_what_is_possible():
    assert claims.words([1, 2, 3], "bit", limits=(0, 4)) == "2.00 [0.00, 4.00] bit"
    assert claims.words([1.5], limits=(0, 4)) == "1.50 (one seed)"


def test_every_claim_states_its_rule_needs_and_reading():
    for claim in paper.CLAIMS:
        words = " ".join(claim.rule.__doc__.lower().split())
        assert all(each in words for each in ("holds if", "fails if", "undecided")), claim.rule.__name__
        assert claim.needs.seeds >= 3
    pairs = {(claim.id, claim.reading) for claim in paper.CLAIMS}
    assert len(pairs) == len(paper.CLAIMS)


def test_summary_counts_each_claim_once_by_its_last_reading():
    readings = [("1", "", HOLDS), ("2", "literal", UNDECIDED), ("2", "second", FAILS), ("3", "", NOT_TESTED)]
    table = pd.DataFrame(readings, columns=["claim", "reading", "verdict"])
    counted = "Of 3 claims **1** hold, **1** fail, **0** are undecided and **1** cannot be tested here"
    told = "; counted under *second*, with another verdict for **1** of them under *literal*."
    assert claims.summary(table) == counted + told
    assert claims.summary(table[table["claim"] != "2"]).endswith("**1** cannot be tested here.")


def test_pages_show_one_line_a_claim_and_every_reading():
    table = pd.DataFrame(
        [
            {"claim": "1", "reading": "", "verdict": HOLDS},
            {"claim": "2", "reading": "literal", "verdict": UNDECIDED},
            {"claim": "2", "reading": "second", "verdict": FAILS},
        ]
    ).assign(statement="s", paper="p", measured="m", reason="", n_seeds=3, dataset="d", rule="r", commit="c")
    page = claims.show_verdicts(table).to_html()
    assert page.count("<tr>") == 3
    assert "literal reading" in page
    assert claims.show(table).to_html().count("<tr>") == 4


def test_every_way_of_training_must_have_run_long_enough():
    rows = pd.DataFrame(
        [{"dataset": "mnist", "model": "net", "method": method, "seed": seed, "step": steps}
         for method, steps in (("SGD", 100), ("BGD", 10)) for seed in range(3)]
    )  # fmt: skip
    assert "needs 50 iterations; this run has 10" in Needs(steps=50).unmet(rows)
    assert not Needs(steps=50).unmet(rows[rows["method"] == "SGD"])


@pytest.mark.parametrize(
    ("values", "more", "less"),
    [([3.0, 3.1, 2.9], HOLDS, FAILS), ([1.0, 1.1, 0.9], FAILS, HOLDS), ([1.0, 2.0, 3.0], UNDECIDED, UNDECIDED),
     ([5.0], UNDECIDED, UNDECIDED), ([np.nan, np.nan], UNDECIDED, UNDECIDED)],
)  # fmt: skip
def test_verdicts_of_more_and_less_than_a_limit(values, more, less):
    assert claims.above(values, 2.0) == more
    assert claims.below(values, 2.0) == less


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [([HOLDS, HOLDS], HOLDS), ([HOLDS, UNDECIDED], UNDECIDED), ([HOLDS, FAILS, UNDECIDED], FAILS), ([], UNDECIDED)],
)
def test_a_claim_of_several_parts_fails_with_one_of_them(verdicts, together):
    assert claims.all_of(verdicts) == together


def test_a_claim_may_need_certain_values_of_a_column():
    rows = pd.DataFrame(
        {"dataset": "mnist", "model": "made", "seed": [0, 1, 2] * 2, "step": 10, "per_class": [100] * 3 + [500] * 3}
    )
    needs = claims.Needs(seeds=3, values=("per_class", "images a class", (100, 500)))
    assert needs.unmet(rows) == ""
    assert needs.unmet(rows[rows["per_class"] == 100]) == "needs 100, 500 images a class; this run has 100"
