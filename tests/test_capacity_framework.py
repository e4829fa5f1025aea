"""Notebook 03: what is estimated while training against a direct count, and every rule on made tables."""

import dataclasses
import inspect
import math
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from slow_formulas import binned_by_hand

from mi_kit import claims, data, experiments, models, phases, trainees, training
from mi_kit.claims import FAILS, HOLDS, UNDECIDED
from mi_kit.experiments import capacity_framework as paper
from mi_kit.experiments.capacity_framework import observers, rules, sentences, settings, tables

SEEDS = range(5)
SPREAD = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])  # of five seeds, sd 0.158: half a 95 % interval is 0.196


@pytest.fixture(scope="module")
def moment():
    """A small network on 60 training and 50 validation images."""
    dataset = data.part(data.load("digits"), 60, 50)
    network = models.family("cnn2", tuple(dataset.input_shape), width=2)
    return training.Moment(0, 0.0, dataset, trainees.Modules([models.build(network)], torch.device("cpu")))


def test_a_point_of_the_path_is_the_direct_count(moment):
    rows = pd.DataFrame(
        observers.observe_path(moment, n_samples=40, bins=(10, 5), kde_variance=0.01, kde_samples=30)
    ).set_index(["split", "estimator"])
    dataset = moment.dataset
    for split, x, y in (
        ("train", dataset.x_train[:40], dataset.y_train[:40]),
        ("validation", dataset.x_test, dataset.y_test),
    ):
        logits = moment.activations([""], x)[""][0]
        t = torch.softmax(logits.double(), 1).numpy()
        for n_bins in (10, 5):
            i_xt, i_ty = binned_by_hand(t, y, n_bins, (0, 1))
            row = rows.loc[(split, f"binned {n_bins}")]
            assert (row["i_xt"], row["i_ty"]) == pytest.approx((i_xt, i_ty), abs=1e-9)
        assert row["accuracy"] == pytest.approx(float((logits.argmax(1) == y).float().mean()), abs=1e-6)
        assert row["log2_n"] == math.log2(len(x))
        kernel = rows.loc[(split, "kernel")]
        assert 0 <= kernel["i_ty"] <= kernel["i_xt"] <= math.log2(30)
        assert kernel["n_samples"] == 30
        assert rows.loc[(split, "corrected"), "i_xt"] > rows.loc[(split, "binned 10"), "i_xt"]


def test_each_class_has_its_recall_and_a_label_of_one_bit(moment):
    rows = pd.DataFrame(observers.observe_classes(moment, n_bins=10)).set_index("class")
    y = moment.dataset.y_test
    logits = moment.activations([""], moment.dataset.x_test)[""][0]
    t = torch.softmax(logits.double(), 1).numpy()
    for number in range(10):
        own = np.asarray(y == number)
        weights = np.where(own, 0.5 / own.sum(), 0.5 / (~own).sum())
        i_xt, i_ty = binned_by_hand(t, own.astype(int), 10, (0, 1), weights)
        assert (rows.loc[number, "i_xt"], rows.loc[number, "i_ty"]) == pytest.approx((i_xt, i_ty), abs=1e-9)
        assert rows.loc[number, "recall"] == pytest.approx(float((logits.argmax(1)[own] == number).float().mean()))
        assert rows.loc[number, "i_xt"] <= rows.loc[number, "h_x"] + 1e-9


def test_entropy_of_samples_is_that_of_their_weights():
    weights = np.array([0.5 / 3] * 3 + [0.5 / 9] * 9)
    assert observers.entropy_of_samples(3, 12) == pytest.approx(-(weights * np.log2(weights)).sum())
    assert math.isnan(observers.entropy_of_samples(0, 12))


def test_moments_are_even_with_early_ones_before(monkeypatch):
    monkeypatch.setattr(settings, "steps_of", lambda *_: 6_000)
    chosen, case = paper.PROFILES["paper"], settings.Case("cifar", "cnn2")
    even = settings.even_moments(chosen, case)
    assert even == list(range(0, 6_001, 30))
    assert settings.moments(chosen, case)[:4] == [0, 1, 2, 3]
    assert set(even) <= set(settings.moments(chosen, case))


def on_digits(**change):
    return dataclasses.replace(
        paper.PROFILES["smoke"], images="digits", more_images="digits", n_train=100, n_small=100, **change
    )


def test_the_last_batch_of_an_epoch_is_smaller_where_the_images_do_not_fill_it():
    case, steps = settings.Case("cifar", "cnn2"), pd.Series([0, 1, 3, 4, 5, 8])
    assert settings.after_small_batch(on_digits(batch_size=30), case, steps).tolist() == [False] * 3 + [
        True,
        False,
        True,
    ]
    assert not settings.after_small_batch(on_digits(batch_size=25), case, steps).any()
    by_all = settings.Case("small", "cnn9", "BGD")
    assert not settings.after_small_batch(on_digits(batch_size=30), by_all, steps).any()


def test_moments_after_smaller_batches_are_left_out_unless_that_leaves_too_few():
    some = on_digits(batch_size=30, n_points=12)  # 3 epochs of 4 batches: every update, 3 of 13 after a smaller batch
    assert settings.after_full_batches(some) == dataclasses.replace(some, after_small_batch=False)
    none, most = on_digits(batch_size=25, n_points=12), on_digits(batch_size=30, n_points=3)
    assert settings.after_full_batches(none) is none
    assert settings.after_full_batches(most) is most


@pytest.mark.parametrize(
    ("full", "words"),
    [
        (0.6, "each of the 1 rules gives the same answer"),
        (0.3, "0 of the 1 rules give the same answer, 1 another:\n\n- 1b: holds with all moments (CNN-16 SGD 0.60"),
    ],
)
def test_verdicts_with_and_without_moments_after_smaller_batches(full, words, monkeypatch):
    (claim,) = (claim for claim in rules.CLAIMS if claim.id == "1b")
    monkeypatch.setattr(sentences, "CLAIMS", [dataclasses.replace(claim, needs=claims.Needs())])
    share = {"model": "cnn16", "part": "cifar", "split": "validation"}
    made = dict.fromkeys([name + way for name in sentences.FULL for way in ("", "_full")], pd.DataFrame())
    made |= {"percentages": rows_of({"cnn16": 0.6}, **share), "percentages_full": rows_of({"cnn16": full}, **share)}
    made["paths"] = pd.DataFrame({"small_batch": [False, True]})
    run = {"table": made.get, "settings": on_digits(batch_size=30, n_points=12)}
    assert words in paper.moment_words(SimpleNamespace(**run))
    few = on_digits(batch_size=30, n_points=3)
    assert (
        paper.moment_words(SimpleNamespace(**run | {"settings": few})) == "Too few moments of this run would be left."
    )
    made["paths"] = pd.DataFrame({"small_batch": [False, False]})
    assert "same size" in paper.moment_words(SimpleNamespace(**run))


def test_digits_have_no_automobile_and_no_rule_asks_for_it(monkeypatch):
    digits = rows_of({"cnn16": 0.6}, part="cifar", split="validation", dataset="digits")
    made = dict.fromkeys([name + way for name in sentences.FULL for way in ("", "_full")], digits.head(0))
    made["paths"] = pd.DataFrame({"small_batch": [False, True]})

    def never(_rows):
        raise KeyError("automobile")

    chosen = [dataclasses.replace(claim, rule=never) for claim in rules.CLAIMS]
    monkeypatch.setattr(sentences, "CLAIMS", [dataclasses.replace(one, select=lambda _: digits) for one in chosen])
    run = SimpleNamespace(table=made.get, settings=on_digits(batch_size=30, n_points=12))
    assert paper.moment_words(run) == sentences.NONE_TESTED


def test_loss_after_smaller_batches_is_told_beside_the_rest():
    rows = [
        {"part": "cifar", "split": "train", "model": model, "epoch": epoch, "n_train": 100, "small_batch": small,
         "loss": 3.0 if small else 1.0}
        for model in settings.DEPTHS for epoch, small in ((1.5, False), (2.0, True), (2.5, False), (2.75, False))
    ]  # fmt: skip
    experiment = SimpleNamespace(settings=on_digits(batch_size=30), table={"paths": pd.DataFrame(rows)}.get)
    found = paper.batch_words(experiment)
    assert "25% of the moments" in found
    assert "holds 10 images instead of 30" in found
    assert "CNN-16 3.00 against 1.00" in found


def test_what_a_slider_has_drawn_stays_as_it_is_when_it_moves_on():
    epochs = np.arange(61) / 2
    i_xt, i_ty = 5 + np.sin(epochs), np.linspace(0, 3, 61)
    made = [{"part": part, "dataset": part, "model": model, "method": "SGD", "split": "validation", "epoch": epoch,
             "i_xt": x, "i_ty": y} for part in ("mnist", "cifar") for model in paper.SELECTED
            for epoch, x, y in zip(epochs, i_xt, i_ty, strict=True)]  # fmt: skip
    drawn = []
    for epoch in (10.0, 30.0):
        figure = paper.draw_paths(pd.DataFrame(made), epoch=epoch, network="CNN-2")
        drawn.append(figure.axes[0].lines[0].get_xydata())
        plt.close(figure)
    assert [len(each) for each in drawn] == [21, 61]
    assert (drawn[1][:21] == drawn[0]).all()


def test_slopes_are_told_by_when_they_are_taken():
    made = [{"part": part, "dataset": part, "model": "fc3", "method": "SGD", "seed": seed, "compresses": True,
             "slope_0.5": -9.0 if seed else -0.3, "slope": 0.1, "height": 2.0, "end_i_ty": 1.5}
            for part in ("mnist", "cifar") for seed in range(3)]  # fmt: skip
    experiment = SimpleNamespace(settings=on_digits(waits=(0.5,)), table={"points": pd.DataFrame(made)}.get)
    table = paper.slopes(experiment)
    assert table.loc[("mnist", "FC-3")].tolist() == ["-9.000", "+0.100", "-0.50 bit"]
    words = paper.wait_words(experiment)
    assert "mnist: negative in 100% after 0.5 epochs, 0% at the end" in words
    assert "below its height in 3 of 3 runs" in words
    flat = {"points": pd.DataFrame(made).assign(compresses=False)}.get
    assert paper.wait_words(SimpleNamespace(settings=on_digits(), table=flat)).startswith("No run")


def test_all_four_trainings_of_table_1_take_the_same_images():
    chosen = paper.PROFILES["smoke"]
    cases = [case for case in settings.cases() if case.part == "small"]
    assert {(case.model, case.method) for case in cases} == {
        (model, method) for model in ("cnn9", "linear") for method in ("SGD", "BGD")
    }
    assert len({settings.dataset_of(chosen, case.part).identity for case in cases}) == 1
    assert len(settings.dataset_of(chosen, "small").x_train) == chosen.n_small


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": "svhn"}, "images must be one of mnist"),
        ({"n_seeds": 0}, "n_seeds must be at least 1"),
        ({"lr": 0.0}, "lr must be larger than 0"),
        ({"n_points": 2}, "n_points must be at least 3"),
    ],
)
def test_wrong_settings_are_refused_by_name(change, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(paper.PROFILES["paper"], **change)


def test_the_papers_table_4_gives_the_slopes_that_it_does_not_print():
    table = tables.paper_points(paper.PROFILES["smoke"]).set_index(["part", "model"])
    # truths: slopes of CNN-2, FC-3 and FC-9 on MNIST, as computed from the printed table
    assert table.loc[("mnist", "cnn2"), "slope"] == pytest.approx(-0.083, abs=5e-4)
    assert table.loc[("mnist", "fc3"), "slope"] == pytest.approx(-0.106, abs=5e-4)
    assert table.loc[("mnist", "fc9"), "slope"] == pytest.approx(-0.117, abs=5e-4)
    assert math.isnan(table.loc[("cifar", "fc3"), "slope"])
    assert table["height"]["cifar"].idxmax() == "cnn4"


@pytest.mark.parametrize(("of_label", "of_accuracy", "low", "high"), [(0.05, 0.001, 0.9, 1.0), (0.001, 0.05, 0.0, 0.1)])
def test_percentage_of_a_path_splits_at_its_transition(of_label, of_accuracy, low, high):
    """Where I(X;T) falls, the noisier of I(T;Y) and accuracy decides who wins the inversions, and the trend tells."""
    epochs = np.arange(60) / 4
    random = np.random.default_rng(0)
    one = pd.DataFrame(
        {"step": range(60), "epoch": epochs, "i_xt": np.interp(epochs, [0, 5, 15], [1, 8, 3]),
         "i_ty": np.interp(epochs, [0, 5, 15], [0, 2, 3]) + of_label * random.standard_normal(60),
         "accuracy": np.interp(epochs, [0, 5, 15], [0.1, 0.6, 0.9]) + of_accuracy * random.standard_normal(60),
         "even": True}
    )  # fmt: skip
    row = tables.percentage_of(one, 20)
    whole = phases.inversions(one["i_xt"], one["i_ty"], one["accuracy"])
    assert (row["share"], row["count"]) == (whole.share, whole.count)
    parts = tables.stages(one)
    assert len(parts["first"]) + len(parts["second"]) == 60
    assert parts["first"]["epoch"].max() == pytest.approx(5, abs=1)
    assert row["count_first"] + row["count_second"] <= row["count"]
    assert low <= row["share_second"] <= high
    assert row["trend"] == pytest.approx(row["share_later"], abs=0.25)  # no relation beyond the trends was put in


def made_path(seed: int, follows: float, rise: int) -> pd.DataFrame:
    """A steep start, and scatter of accuracy that shrinks; it follows that of I(X;T) by a part, with either sign."""
    random, time = np.random.default_rng(seed), np.arange(201)
    risen = 1 - np.exp(-time / rise)
    shared, own, scatter = 0.06 * random.standard_normal(201), *random.standard_normal((2, 201))
    spread = 0.01 * (5 * (1 - risen) + 0.3)
    accuracy = 0.1 + 0.85 * risen + 0.03 * time / 201 + spread * (scatter * (1 - abs(follows)) + follows * own)
    return pd.DataFrame(
        {"step": time, "epoch": time / 4, "even": True, "i_ty": 3 * risen + shared / 2, "accuracy": accuracy,
         "i_xt": 4 + 5 * np.exp(-time / 40) * risen + shared + 0.03 * own}
    )  # fmt: skip


@pytest.mark.parametrize("rise", [2, 8])
@pytest.mark.parametrize(("follows", "verdict"), [(0.0, UNDECIDED), (-0.5, HOLDS), (0.7, FAILS)])
def test_a_steep_start_and_scatter_that_shrinks_are_no_relation(follows, verdict, rise):
    """Accuracy that has nothing to do with I(X;T); that is higher where I(X;T) is lower; and lower where it is."""
    made = [tables.percentage_of(made_path(seed, follows, rise), 40) for seed in SEEDS]
    rows = pd.DataFrame(made).assign(seed=SEEDS, model="cnn9", method="SGD")
    assert rules.judge_above_other(rows).verdict == verdict


def test_a_network_that_has_learned_its_images_is_not_at_a_bound():
    made = pd.DataFrame({"i_xt": [3.32, 11.52, 0.0], "i_ty": [3.32, 3.32, 0.0], "log2_n": 11.55, "entropy_y": 3.32})
    assert list(tables.with_bounds(made)["at_bound"]) == [False, True, True]


def test_saved_epochs_leave_the_chosen_network_its_training(monkeypatch):
    """Six networks seen at epoch 10 of 50: of 300 epochs the chosen one runs 50, the others 10 each."""
    made = pd.DataFrame(
        {"part": "mnist", "wait": 1.0, "seed": 0, "dataset": "mnist", "step": 100, "looked_at": 10.0,
         "last_epoch": 50.0, "final_accuracy": np.linspace(0.5, 0.9, 6)}
        | {score: np.linspace(0, 1, 6) for score in tables.SCORES}
    )  # fmt: skip
    monkeypatch.setattr(tables, "candidates", lambda _: made)
    found = tables.selection.__wrapped__(None).set_index("score")
    assert found["saved"].to_numpy() == pytest.approx(np.full(len(tables.SCORES), 200 / 300))
    assert found.loc["height", "tau"] == pytest.approx(1)
    assert found.loc["loss", "tau"] == pytest.approx(-1)


def test_stages_are_told_apart_by_the_whole_path_and_hold_even_moments_only():
    """A first phase of half an epoch: read from the even moments alone, the transition comes at epoch 2."""
    even = np.arange(51)
    epochs = np.unique(np.concatenate([np.geomspace(0.005, 1, 20, endpoint=False), even]))
    one = pd.DataFrame(
        {"step": np.arange(len(epochs)), "epoch": epochs,
         "i_xt": np.interp(epochs, [0, 0.3, 0.9, 10, 50], [3, 8, 8, 4, 3]),
         "i_ty": np.interp(epochs, [0, 0.3, 50], [0.1, 2.5, 3]), "even": np.isin(epochs, even)}
    )  # fmt: skip
    assert phases.read(one[one["even"]]).epoch == 2
    parts = tables.stages(one)
    assert list(parts["first"]["epoch"]) == [0]
    assert list(parts["second"]["epoch"]) == list(even[1:])


def test_scale_of_a_run_has_a_row_for_each_data_set_even_where_digits_stand_in_for_both():
    rows = [
        {"part": part, "dataset": "digits", "method": "SGD", "split": split, "n_train": 50, "n_samples": n,
         "epoch": 2.0, "seed": 0, "device": "cpu" if part == "mnist" else "H100"}
        for part in ("mnist", "cifar", "small") for split, n in (("train", 30), ("validation", 32))
    ]  # fmt: skip
    made = {"paths": pd.DataFrame(rows), "percentages": pd.DataFrame({"n_moments": [7]})}
    table = paper.scale(SimpleNamespace(settings=paper.PROFILES["smoke"], table=made.get))
    assert table.loc["training images, digits, standing in for mnist", "paper"] == "60,000"
    assert table.loc["training images, digits, standing in for cifar10", "paper"] == "50,000"
    assert (
        table.loc["largest I(X;T) on validation images, digits, standing in for mnist", "here"] == "log2 n = 5.00 bit"
    )
    assert table.loc["moments of a run", "here"] == "7"
    assert table.loc["trained on", "here"] == "H100; cpu"


def test_a_network_is_known_only_by_what_came_before():
    epochs = np.arange(41) / 2
    path = pd.DataFrame(
        {"step": range(41), "epoch": epochs, "i_xt": np.interp(epochs, [0, 4, 20], [1, 8, 3]),
         "i_ty": np.interp(epochs, [0, 4, 20], [0, 2, 3]), "accuracy": np.linspace(0.1, 0.9, 41),
         "loss": np.linspace(3, 1, 41), "training_loss": np.linspace(3, 0.5, 41), "part": "mnist", "dataset": "mnist",
         "model": "fc3", "method": "SGD", "n_samples": 100}
    )  # fmt: skip
    point = pd.Series({"epoch": 4.0, "compresses": True, "final_accuracy": 0.9})
    known = tables.known_of(path, point, 4.0, 3.0)
    assert known["looked_at"] == 7.0
    changed = path.assign(accuracy=path["accuracy"].where(path["epoch"] <= 7, 0.0))
    assert tables.known_of(changed, point, 4.0, 3.0) == known
    assert tables.known_of(path, point.replace({True: False}), 9.0, 3.0)["looked_at"] == 12.0


# --------------------------------------------------------------------------------------------- rules


def rows_of(values, column="share", scale=0.1, key="model", **more):
    """Five seeds of each name in `values`; the first one has no spread, so that differences have one."""
    made = [
        {"dataset": "mnist", "model": "cnn2", "method": "SGD", "step": 100, "seed": seed}
        | {key: name, column: value + scale * SPREAD[seed] * (place > 0 or len(values) == 1)} | more
        for place, (name, value) in enumerate(values.items()) for seed in SEEDS
    ]  # fmt: skip
    return pd.DataFrame(made)


@pytest.mark.parametrize(("share", "scale", "verdict"), [(0.9, 0.1, HOLDS), (0.3, 0.1, FAILS), (0.55, 0.9, UNDECIDED)])
def test_above_half_rule(share, scale, verdict):
    assert rules.judge_above_half(rows_of({"cnn9": share}, scale=scale)).verdict == verdict


def test_above_half_needs_every_network():
    both = rows_of({"cnn9": 0.9, "linear": 0.3})
    assert rules.judge_above_half(both).verdict == FAILS
    assert rules.judge_above_half(rows_of({"cnn9": np.nan})).verdict == UNDECIDED


@pytest.mark.parametrize(("known", "verdict"), [(4, HOLDS), (3, UNDECIDED)])
def test_four_of_five_seeds_must_have_a_value(known, verdict):
    share = rows_of({"cnn9": 0.9})
    assert rules.judge_above_half(share.assign(share=share["share"].where(share["seed"] < known))).verdict == verdict
    other = rows_of({"cnn9": 0.8}, "share_later", other=0.5)
    found = rules.judge_above_other(other.assign(other=other["other"].where(other["seed"] < known)))
    assert found.verdict == verdict
    assert found.measured.endswith(f" ({known} of 5 seeds)")
    methods = rows_of({"SGD": 0.9, "BGD": 0.5}, key="method")
    some = methods.assign(share=methods["share"].where((methods["method"] == "SGD") | (methods["seed"] < known)))
    assert rules.judge_sgd_above_bgd(some).verdict == verdict
    scores = rows_of({"accuracy": 0.5, "combined": 0.9}, "tau", key="score")
    ranked = scores.assign(tau=scores["tau"].where(scores["seed"] < known))
    assert rules.judge_ranks_better_than_accuracy(ranked).verdict == verdict
    second = rows_of({"cnn16": 0.9}, "share_second", share_first=0.5)
    found = rules.judge_second_stage(second.assign(share_second=second["share_second"].where(second["seed"] < known)))
    assert found.verdict == verdict
    assert found.measured.endswith(f" ({known} of 5 seeds)")
    epoch = rows_of({"fc3": 1.0}, "epoch", converged_epoch=50.0).assign(compresses=lambda rows: rows["seed"] < known)
    assert rules.judge_mostly_compression(epoch).verdict == verdict
    kinds = rows_of({"FC": 2.0, "CNN": 1.0}, "value", key="kind")
    assert rules.judge_cnn_lower(kinds.assign(value=kinds["value"].where(kinds["seed"] < known))).verdict == verdict
    classes = rows_of({"automobile": 0.5, "airplane": 0.9}, "value", key="class_name")
    lower = classes.assign(value=classes["value"].where(classes["seed"] < known))
    assert rules.judge_first_lower(lower).verdict == verdict


@pytest.mark.parametrize(("other", "scale", "verdict"), [(0.5, 0.1, HOLDS), (0.95, 0.1, FAILS), (0.75, 0.9, UNDECIDED)])
def test_above_other_rule(other, scale, verdict):
    made = rows_of({"cnn9": 0.8}, "share_later", scale, other=other)
    assert rules.judge_above_other(made).verdict == verdict
    assert rules.judge_above_other(made.assign(other=np.nan)).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("shares", "scale", "verdict"),
    [((0.5, 0.6, 0.8, 0.9), 0.1, HOLDS), ((0.5, 0.6, 0.4, 0.9), 0.1, FAILS), ((0.5, 0.51, 0.52, 0.9), 1.0, UNDECIDED)],
)
def test_grows_with_depth_rule(shares, scale, verdict):
    made = rows_of(dict(zip(settings.DEPTHS, shares, strict=True)), scale=0.0)
    noise = [
        scale * SPREAD[seed] * (model in ("cnn4", "cnn16"))
        for model, seed in zip(made["model"], made["seed"], strict=True)
    ]
    assert rules.judge_grows_with_depth(made.assign(share=made["share"] + noise)).verdict == verdict


@pytest.mark.parametrize(("bgd", "scale", "verdict"), [(0.5, 0.1, HOLDS), (0.9, 0.1, FAILS), (0.68, 0.9, UNDECIDED)])
def test_sgd_above_bgd_rule(bgd, scale, verdict):
    assert rules.judge_sgd_above_bgd(rows_of({"SGD": 0.7, "BGD": bgd}, scale=scale, key="method")).verdict == verdict


@pytest.mark.parametrize(("second", "scale", "verdict"), [(0.9, 0.1, HOLDS), (0.2, 0.1, FAILS), (0.52, 0.9, UNDECIDED)])
def test_second_stage_rule(second, scale, verdict):
    made = rows_of({"cnn16": second}, "share_second", scale, share_first=0.5)
    assert rules.judge_second_stage(made).verdict == verdict
    assert rules.judge_second_stage(made.assign(share_first=np.nan)).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("turning", "two", "none"), [((5, 5), HOLDS, FAILS), ((5, 0), FAILS, FAILS), ((5, 3), UNDECIDED, FAILS),
                                 ((0, 0), FAILS, HOLDS), ((0, 3), FAILS, UNDECIDED)],
)  # fmt: skip
def test_phase_rules(turning, two, none):
    made = rows_of({"fc3": 0.0, "cnn2": 0.0})
    counts = dict(zip(("fc3", "cnn2"), turning, strict=True))
    made["compresses"] = [seed < counts[model] for model, seed in zip(made["model"], made["seed"], strict=True)]
    assert rules.judge_two_phases(made).verdict == two
    assert rules.judge_no_second_phase(made).verdict == none


@pytest.mark.parametrize(("epoch", "scale", "verdict"), [(1.0, 0.1, HOLDS), (45.0, 0.1, FAILS), (25.0, 9.0, UNDECIDED)])
def test_mostly_compression_rule(epoch, scale, verdict):
    made = rows_of({"fc3": epoch}, "epoch", scale, converged_epoch=50.0, compresses=True)
    assert rules.judge_mostly_compression(made).verdict == verdict
    assert rules.judge_mostly_compression(made.assign(compresses=False)).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("cnn", "scale", "lower", "higher"),
    [(1.0, 0.1, HOLDS, FAILS), (3.0, 0.1, FAILS, HOLDS), (2.1, 2.0, UNDECIDED, UNDECIDED)],
)
def test_cnn_rules(cnn, scale, lower, higher):
    made = rows_of({"FC": 2.0, "CNN": cnn}, "value", scale, key="kind")
    assert rules.judge_cnn_lower(made).verdict == lower
    assert rules.judge_cnn_higher(made).verdict == higher
    one_kind = made.assign(value=made["value"].where(made["kind"] == "FC"))
    assert rules.judge_cnn_lower(one_kind).verdict == UNDECIDED


@pytest.mark.parametrize(("last", "scale", "verdict"), [(2.0, 0.1, HOLDS), (3.0, 0.1, FAILS), (2.5, 0.9, UNDECIDED)])
def test_loses_label_rule(last, scale, verdict):
    made = rows_of({"fc6": last}, "final_i_ty", scale, height=2.5, compresses=True)
    assert rules.judge_loses_label(made).verdict == verdict


@pytest.mark.parametrize(("turning", "verdict"), [(0, FAILS), (1, FAILS), (3, UNDECIDED), (4, HOLDS)])
def test_no_label_is_lost_after_a_transition_that_is_not_there(turning, verdict):
    made = rows_of({"fc6": 2.0}, "final_i_ty", height=2.5).assign(compresses=lambda rows: rows["seed"] < turning)
    assert rules.judge_loses_label(made).verdict == verdict


@pytest.mark.parametrize(("tau", "scale", "verdict"), [(0.9, 0.1, HOLDS), (0.1, 0.1, FAILS), (0.5, 0.9, UNDECIDED)])
def test_ranks_better_rule(tau, scale, verdict):
    made = rows_of({"loss": 0.5, "training loss": 0.5, "combined": tau, "accuracy": 0.5}, "tau", scale, key="score")
    assert rules.judge_ranks_better(made).verdict == verdict
    assert rules.judge_ranks_better_than_accuracy(made).verdict == verdict


def test_ranks_better_rule_asks_both_losses():
    for worse, better in (("loss", "training loss"), ("training loss", "loss")):
        made = rows_of({worse: -0.1, better: 0.8, "combined": 0.3}, "tau", 0.1, key="score")
        assert rules.judge_ranks_better(made).verdict == FAILS


def test_accuracy_is_judged_where_information_is_saturated():
    """4c, 7c and 7h read no estimate; 7a reads one at the end of training, not at the transition."""
    points = rows_of({"fc3": 0.8, "cnn2": 0.9}, "final_accuracy", at_bound=True, compresses=True, part="mnist")
    classes = rows_of({"airplane": 0.9, "automobile": 0.95, "bird": 0.8}, "recall", key="class_name", at_bound=True,
                      end_at_bound=False, i_ty=0.5).assign(model="cnn16")  # fmt: skip
    tables_made = {"points": points, "class_points": classes}
    chosen = {
        claim.id: claim.select(tables_made) for claim in rules.CLAIMS if claim.id in ("4c MNIST", "7a", "7c", "7h")
    }
    assert all("at_bound" not in chosen[name] for name in ("4c MNIST", "7c", "7h"))
    assert not chosen["7a"]["at_bound"].any()


@pytest.mark.parametrize(("sign", "verdict"), [(1, HOLDS), (-1, FAILS)])
def test_orders_classes_rule(sign, verdict):
    recalls = {"cat": 0.2, "dog": 0.4, "ship": 0.9}
    made = pd.concat(
        [rows_of({name: value}, "value", 0.1, "class_name", recall=value, sign=sign) for name, value in recalls.items()]
    )
    assert rules.judge_orders_classes(made).verdict == verdict


def test_orders_classes_rule_stays_open_where_seeds_disagree():
    made = [
        {"seed": seed, "model": "cnn16", "recall": recall, "sign": 1, "value": recall if seed % 2 else -recall}
        for seed in SEEDS for recall in (0.2, 0.4, 0.9)
    ]  # fmt: skip
    assert rules.judge_orders_classes(pd.DataFrame(made)).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("recalls", "scale", "verdict"),
    [((0.9, 0.7, 0.5), 0.1, HOLDS), ((0.6, 0.7, 0.5), 0.1, FAILS), ((0.72, 0.7, 0.5), 1.0, UNDECIDED)],
)
def test_class_order_rule(recalls, scale, verdict):
    names = ("automobile", "airplane", "bird")
    made = rows_of(dict(zip(names, recalls, strict=True)), "recall", 0.0, "class_name")
    noise = [
        scale * SPREAD[seed] * (name == "airplane") for name, seed in zip(made["class_name"], made["seed"], strict=True)
    ]
    assert rules.judge_class_order(made.assign(recall=made["recall"] + noise)).verdict == verdict


@pytest.mark.parametrize(("value", "scale", "verdict"), [(0.51, 0.1, HOLDS), (0.9, 0.1, FAILS), (0.55, 0.9, UNDECIDED)])
def test_equal_rule(value, scale, verdict):
    made = rows_of({"automobile": 0.5, "airplane": value}, "value", scale, "class_name")
    assert rules.judge_equal(made).verdict == verdict
    assert rules.judge_equal(made.assign(value=np.nan)).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("value", "scale", "verdict"), [(-0.02, 0.01, HOLDS), (-0.06, 0.01, FAILS), (-0.03, 0.2, UNDECIDED)]
)
def test_equal_slopes_rule(value, scale, verdict):
    made = rows_of({"airplane": -0.0205, "bird": value}, "value", scale, "class_name")
    assert rules.judge_equal_slopes(made).verdict == verdict
    assert rules.judge_equal_slopes(made.assign(value=np.nan)).verdict == UNDECIDED


@pytest.mark.parametrize(("value", "scale", "verdict"), [(0.9, 0.1, HOLDS), (0.1, 0.1, FAILS), (0.5, 0.9, UNDECIDED)])
def test_first_lower_rule(value, scale, verdict):
    made = rows_of({"automobile": 0.5, "airplane": value}, "value", scale, "class_name")
    assert rules.judge_first_lower(made).verdict == verdict
    assert rules.judge_first_lower(made.assign(value=np.nan)).verdict == UNDECIDED


@pytest.mark.parametrize(("gain", "scale", "verdict"), [(0.3, 0.1, HOLDS), (-0.3, 0.1, FAILS), (0.05, 1.0, UNDECIDED)])
def test_better_on_every_class_rule(gain, scale, verdict):
    made = [
        rows_of({"alexnet": 0.5, "cnn16": 0.5 + (gain if name == "cat" else 0.3)}, "recall", scale, class_name=name)
        for name in ("cat", "dog")
    ]
    assert rules.judge_better_on_every_class(pd.concat(made)).verdict == verdict


def test_every_claim_has_a_rule_tested_here():
    source = inspect.getsource(inspect.getmodule(test_every_claim_has_a_rule_tested_here))
    assert not {claim.rule.__name__ for claim in rules.CLAIMS if f"rules.{claim.rule.__name__}(" not in source}


@pytest.mark.slow
def test_rules_under_the_paper_s_bins_say_what_the_claims_table_says(smoke_on_digits, monkeypatch):
    monkeypatch.setenv("MI_KIT_HOME", str(smoke_on_digits.parent.parent))
    monkeypatch.setenv("MI_KIT_OFFLINE", "1")
    monkeypatch.delenv("MI_KIT_DATA", raising=False)
    settings._dataset.cache_clear()
    experiment = experiments.open("03", "smoke")
    again = paper.verdicts_by_estimator(experiment)["binned 10"]
    made = {name: experiment.table(name) for name in ("percentages", "points")}
    first = {claim.id: claims.decide(claim, claim.select(made))[0] for claim in rules.CLAIMS if claim.id in again.index}
    assert again.to_dict() == first
    smoothed = paper.verdicts_by_window(experiment)["as ruled"]
    both = smoothed.index.intersection(again.index)
    assert len(both) == 9
    assert smoothed[both].to_dict() == again[both].to_dict()
    settings._dataset.cache_clear()


@pytest.mark.slow
def test_every_claim_is_judged_on_the_smoke_run(smoke_on_digits):
    table = pd.read_csv(smoke_on_digits / "03_capacity_framework" / "claims.csv", keep_default_na=False)
    assert list(table["claim"]) == [claim.id for claim in rules.CLAIMS]
    assert experiments.open("03", "smoke").module is paper
