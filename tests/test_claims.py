"""Needs, intervals, and every rule of notebook 01 on made tables that hold, fail and stay undecided."""

import numpy as np
import pandas as pd
import pytest

from mi_kit import claims
from mi_kit.claims import FAILS, HOLDS, NOT_TESTED, UNDECIDED, Claim, Judgement, Needs
from mi_kit.experiments import mi_visualisation as paper

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
        (Needs(seeds=6), "needs 6 seeds; this run has 5"),
        (Needs(steps=60_000), "needs 60,000 iterations; this run has 50,000"),
        (Needs(steps=10_000), ""),
        (Needs(steps=10_000, exactly=True), "needs 10,000 iterations; this run has 50,000"),
    ],
)
def test_unmet_need_is_not_tested_with_the_reason(needs, reason):
    found = judged(rows({"lenet": 1.0}, "value"), needs)
    assert (found["verdict"], found["reason"]) == (NOT_TESTED if reason else HOLDS, reason)


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
        assert claim.rule.__doc__.startswith(("Holds", "Within", "The rise", "Per hidden"))
        assert claim.needs.seeds >= 3
    pairs = {(claim.id, claim.reading) for claim in paper.CLAIMS}
    assert len(pairs) == len(paper.CLAIMS)


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
