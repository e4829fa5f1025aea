"""Notebook 04: what is counted, measured and picked against slow obvious versions, and every rule on made tables."""

import dataclasses
import inspect
import math
import types

import numpy as np
import pandas as pd
import pytest
import torch

from mi_kit import data, experiments, models, plots, trainees, training
from mi_kit import estimators as est
from mi_kit.claims import FAILS, HOLDS, UNDECIDED
from mi_kit.experiments import cnnslicer as paper
from mi_kit.experiments.cnnslicer import figures, observers, rules, settings, tables

SEEDS = range(5)
SPREAD = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])  # of five seeds, sd 0.158: half a 95 % interval is 0.196
SMOKE = paper.PROFILES["smoke"]


# --------------------------------------------------------------------------------------------- what is counted


def test_confusion_is_counted_class_by_class():
    dataset = data.part(data.load("digits"), 60, 50)
    module = models.build(models.slicer(tuple(dataset.input_shape), width=2))
    moment = training.Moment(0, 0.0, dataset, trainees.Modules([module], torch.device("cpu")))
    rows = pd.DataFrame(observers.observe_confusion(moment))
    counts = rows.set_index(["true", "predicted"])["count"]
    with torch.no_grad():
        answers = module.eval()(dataset.x_test).argmax(1)
    for true in range(10):
        for predicted in range(10):
            wanted = int(((dataset.y_test == true) & (answers == predicted)).sum())
            assert counts.get((true, predicted), 0) == wanted
    assert set(rows["member"]) == {0}


def test_labels_of_a_confusion_matrix_give_it_back():
    counts = np.array([[3, 0, 1], [0, 0, 2], [5, 1, 0]])
    true, predicted = tables.labels_of(counts)
    again = np.zeros_like(counts)
    np.add.at(again, (true.numpy(), predicted.numpy()), 1)
    assert (again == counts).all()


def test_balanced_draw_takes_as_many_of_every_class_and_all_of_a_small_one():
    y = torch.tensor([0] * 50 + [1] * 3 + [2] * 20)[torch.randperm(73, generator=torch.Generator().manual_seed(3))]
    drawn = settings.balanced_draw(y, 7, seed=1)
    assert y[drawn].bincount().tolist() == [7, 3, 7]
    assert drawn.tolist() == sorted(set(drawn.tolist()))
    assert drawn.tolist() != settings.balanced_draw(y, 7, seed=2).tolist()


def test_training_sets_of_the_input_sizes_share_their_test_images(home):
    settings._balanced.cache_clear()
    settings._dataset.cache_clear()
    sizes = [settings.dataset_of(SMOKE, "mnist", size) for size in SMOKE.per_class]
    assert [len(one.x_train) for one in sizes] == [10 * size for size in SMOKE.per_class]
    assert all(torch.equal(one.x_test, sizes[0].x_test) for one in sizes)
    settings._balanced.cache_clear()
    settings._dataset.cache_clear()


def test_draws_of_inputs_differ_for_the_largest_size_too(home):
    settings._dataset.cache_clear()
    first, second = (tables.drawn_inputs(SMOKE, max(SMOKE.per_class), seed) for seed in (0, 1))
    assert first.shape == second.shape == (10 * max(SMOKE.per_class), 28 * 28)
    assert not torch.equal(first, second)
    settings._dataset.cache_clear()


def test_layers_are_numbered_as_the_paper_s_statements_ask_for():
    """2 to 3 is the max-pool, 1 and 5 are activations of convolutions, layer 3 has 32 channels and layer 4 has 64."""
    network = models.build(models.slicer((3, 32, 32)))
    names = list(dict(network.named_children()))
    kinds = [type(one).__name__ for one in network.children()]
    assert [kinds[number] for number in (1, 3, 5)] == ["ReLU", "MaxPool2d", "ReLU"]
    assert (names[3], names[4], names[11]) == ("pool1", "conv2", "pool3")
    assert network.conv1.out_channels == 32
    assert network.conv2.out_channels == 64


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": "svhn"}, "images must be one of mnist"),
        ({"n_seeds": 0}, "n_seeds must be at least 1"),
        ({"lr": 0.0}, "lr must be larger than 0"),
        ({"per_class": (1, 2, 3)}, "per_class must be four rising numbers"),
        ({"per_class": (1, 2, 2, 3)}, "per_class must be four rising numbers"),
    ],
)
def test_wrong_settings_are_refused_by_name(change, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(paper.PROFILES["paper"], **change)


def test_every_epoch_that_a_figure_shows_has_a_checkpoint():
    for chosen in paper.PROFILES.values():
        shown = {settings.shown_epoch(chosen, epoch) for epoch in (0, 20, 40, 80, 100, 120)}
        assert shown <= set(settings.checkpoints(chosen))
    assert settings.checkpoints(paper.PROFILES["paper"])[:3] == [0, 10, 20]


# --------------------------------------------------------------------------------------------- what is measured


def test_readings_of_the_inter_sample_entropy():
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    distance = torch.cdist(x, x).fill_diagonal_(math.inf).double()
    ordered, order = distance.sort(1)
    for k in (5, 20):
        part, numbers = ordered[:, :k], order[:, :k]
        printed = tables.distances.graph_entropy(tables.weights_of(part, "printed"), numbers)
        assert float(printed) == pytest.approx(float(est.inter_sample_entropy(x, n_neighbors=k)), abs=1e-5)
        equal = tables.distances.graph_entropy(tables.weights_of(part, "equal weights"), numbers)
        assert equal > printed
        shifted = tables.weights_of(part, "nearest subtracted")
        assert torch.allclose(shifted.sum(1), torch.full((60,), math.log2(k), dtype=torch.float64))
        assert torch.allclose(shifted[:, 0], torch.ones(60, dtype=torch.float64))


def test_equal_weights_over_all_pairs_reach_the_logarithm_of_their_number():
    numbers = torch.tensor([[j for j in range(8) if j != i] for i in range(8)])
    value = tables.distances.graph_entropy(torch.ones(8, 7, dtype=torch.float64), numbers)
    assert float(value) == pytest.approx(math.log2(8 * 7))


def test_pattern_correlations_leave_out_a_square_map_s_own_columns():
    random = np.random.default_rng(0)
    values = random.random((6, 6))
    values[1] = 2 * values[0] + 1  # the same pattern, but for the diagonal
    values[0, 0] = values[1, 1] = 50.0
    found = tables.pattern_correlations(values)
    kept = [2, 3, 4, 5]
    assert found[0, 1] == pytest.approx(1.0)
    assert found[2, 4] == pytest.approx(np.corrcoef(values[2, [0, 1, 3, 5]], values[4, [0, 1, 3, 5]])[0, 1])
    assert found[0, 1] == pytest.approx(np.corrcoef(values[0, kept], values[1, kept])[0, 1])
    assert np.isnan(np.diag(found)).all()
    wide = random.random((4, 9))
    assert tables.pattern_correlations(wide)[1, 3] == pytest.approx(np.corrcoef(wide[1], wide[3])[0, 1])


def test_look_alikes_are_counted_by_pairs_and_constant_rows_look_like_nothing():
    random = np.random.default_rng(1)
    values = random.random((5, 30))
    values[3] = 3 * values[0] + 0.001 * random.random(30)
    values[4] = 0.0
    assert tables.look_alikes(values) == pytest.approx(1 / 10)


def test_map_facts_see_the_diagonal():
    values = np.array([[3.0, 1, 1], [1, 3, 4], [2, 1, 3]])
    found = tables.map_facts(values)
    assert found["diagonal_highest"] == pytest.approx(2 / 3)
    assert found["diagonal"] == 3.0
    assert found["others"] == pytest.approx(10 / 6)
    assert math.isnan(tables.map_facts(values[:2])["diagonal_highest"])


def test_map_correlations_are_means_over_images():
    maps = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    maps[:, 2] = 1.0
    found = tables.map_correlations(maps)
    by_hand = np.mean([np.corrcoef(one[0].flatten(), one[1].flatten())[0, 1] for one in maps.numpy()])
    assert found[0, 1] == pytest.approx(by_hand)
    assert found[0, 2] == pytest.approx(0.0, abs=1e-6)


def test_area_and_correlation_of_what_comes_back():
    rows = torch.tensor([[1.0, -1, 1, 1], [0, 0, 5, 0], [0, 0, 0, 0]], dtype=torch.float64)
    assert tables.area(rows).tolist() == pytest.approx([1.0, 0.25, 0.0])
    image = torch.tensor([[1.0, 2, 3, 4]] * 3, dtype=torch.float64)
    found = tables.correlations(rows, image)
    assert found[0] == pytest.approx(np.corrcoef([1, -1, 1, 1], [1, 2, 3, 4])[0, 1])
    assert found[2] == 0.0


def test_bytes_of_a_picture_use_its_range_with_zero_in_the_middle_of_a_signed_one():
    assert np.frombuffer(tables.as_bytes(np.array([[0.0, 0.5], [1.0, 2.0]])), np.uint8).tolist() == [0, 64, 128, 255]
    assert np.frombuffer(tables.as_bytes(np.array([-1.0, 0.0, 4.0])), np.uint8).tolist() == [96, 128, 255]
    assert np.frombuffer(tables.as_bytes(np.full(3, 7.0)), np.uint8).tolist() == [128] * 3


def test_most_similar_channels_come_last_in_f9():
    patterns = np.full((5, 5), 0.1)
    patterns[1, 3] = patterns[3, 1] = 0.9
    np.fill_diagonal(patterns, np.nan)
    chosen = tables.like_and_unlike(patterns)
    assert chosen[-2:] == [1, 3]
    assert len(set(chosen)) == 4


def test_thinned_maps_have_as_many_values_and_keep_first_and_last():
    maps = torch.arange(2 * 3 * 36.0).reshape(2, 3, 6, 6)
    thin = tables.reading_of(maps, 5)
    assert thin.shape == (2, 3, 5)
    assert thin[0, 0].tolist() == [0, 9, 18, 26, 35] or thin[0, 0].tolist() == [0, 9, 17, 26, 35]
    assert tables.reading_of(maps, None) is maps
    assert tables.reading_of(maps, 36) is maps


@pytest.mark.slow
def test_entropies_of_all_inputs_are_those_of_all_inputs(smoke):
    chosen, cube = smoke.settings, paper.cube_of(smoke.settings)
    epoch = settings.checkpoints(chosen)[-1]
    found = tables.entropies_by_class(cube, chosen, 3, epoch)
    part = cube.select(sample=tables.inputs_of(chosen, chosen.n_images), layer=3, epoch=epoch).load()
    maps, y = torch.from_numpy(part.to_numpy()[0]), part["label"].to_numpy()
    np.testing.assert_allclose(found[-1], est.intra_sample_entropy(maps), atol=1e-5)
    np.testing.assert_allclose(found[4], est.intra_sample_entropy(maps[y == 4]), atol=1e-5)
    assert found.shape == (11, chosen.width)


# --------------------------------------------------------------------------------------------- drawings


def test_maps_are_sorted_by_largest_or_mean_value():
    values = np.array([[9.0, 0, 0], [1, 8, 2], [4, 4, 4]])
    assert plots.sort_order(values, "maximum", 0).tolist() == [2, 1, 0]
    assert plots.sort_order(values, "maximum", 1).tolist() == [2, 1, 0]
    assert plots.sort_order(values, "mean", 0).tolist() == [0, 1, 2]
    assert plots.sort_order(values, "mean", 1).tolist() == [2, 1, 0]
    assert plots.sort_order(values, "none", 0).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="how must be one of none, mean, maximum; got how='min'"):
        plots.sort_order(values, "min", 0)


def test_circles_lie_inside_their_class_do_not_overlap_and_have_areas_of_their_entropies():
    random = np.random.default_rng(0)
    names = ["cat", "dog", "all"]
    table = pd.DataFrame(
        [{"class_name": n, "channel": c, "value": random.uniform(0.5, 3)} for n in names for c in range(8)]
    )
    table.loc[3, "value"] = 0.0
    circles = plots.pack_table(table)
    assert len(circles) == 3 * 9
    outer = circles[circles["channel"] < 0].set_index("class_name")["radius"] ** 2
    totals = table.groupby("class_name")["value"].sum()
    assert (outer / totals).std() < 1e-6 * (outer / totals).mean()  # a class's area is its total
    assert circles.loc[circles["radius"] == 0, ["class_name", "channel"]].to_numpy().tolist() == [["cat", 3]]
    circles = circles[circles["radius"] > 0]
    for name in names:
        own = circles[circles["class_name"] == name]
        whole, inside = own[own["channel"] < 0].iloc[0], own[own["channel"] >= 0]
        away = np.hypot(inside["x"] - whole["x"], inside["y"] - whole["y"])
        assert (away + inside["radius"] <= whole["radius"] * (1 + 1e-6)).all()
        values = table[table["class_name"] == name].set_index("channel")["value"]
        shares = inside.set_index("channel")["radius"] ** 2 / values
        assert shares[values > 0].std() < 1e-6 * shares[values > 0].mean()
        for _, a in inside.iterrows():
            for _, b in inside.iterrows():
                if a["channel"] < b["channel"]:
                    gap = math.hypot(a["x"] - b["x"], a["y"] - b["y"]) - a["radius"] - b["radius"]
                    assert gap > -1e-6


def test_circles_of_0_bit_are_not_drawn():
    table = pd.DataFrame([{"class_name": n, "channel": c, "value": 0.0} for n in ("cat", "all") for c in range(3)])
    figure, ax = figures.plt.subplots()
    plots.plot_packing(plots.pack_table(table), ["cat"], title="fc.0", ax=ax)
    assert not ax.patches
    assert "every entropy is 0 bit" in ax.get_title(loc="left")
    table.loc[0, "value"] = 1.0  # one channel of one class
    plots.plot_packing(plots.pack_table(table), ["cat"], ax=(ax := figure.add_subplot()))
    assert len(ax.patches) == 2
    assert [text.get_text() for text in ax.texts] == ["cat"]


def test_gaps_stand_where_a_class_is_never_predicted():
    table = pd.DataFrame(
        [{"epoch": e, "class": c, "true_given_predicted": math.nan if (e, c) == (1, 1) else 1.0}
         for e in range(3) for c in range(2)]
    )  # fmt: skip
    figure, ax = figures.plt.subplots()
    plots.plot_label_entropies(table, "true_given_predicted", ["0", "1"], ax=ax)
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert np.isnan(drawn["1"]).tolist() == [False, True, False]
    assert not np.isnan(drawn["0"]).any()
    figures.plt.close(figure)


# --------------------------------------------------------------------------------------------- moments


def test_a_loss_is_flat_from_the_last_time_that_it_comes_near_its_end():
    epochs = np.arange(21)
    loss = np.where(epochs < 8, 2.0, 1.0)
    assert rules.flat_from(epochs, loss) == 8
    loss[12] = 1.2  # a bump of a fifth of the fall
    assert rules.flat_from(epochs, loss) == 13
    loss[12] = 1.04  # within 5 %
    assert rules.flat_from(epochs, loss) == 8
    assert math.isnan(rules.flat_from(epochs, np.linspace(1, 2, 21)))
    order = np.random.default_rng(0).permutation(21)
    assert rules.flat_from(epochs[order], loss[order]) == 8


def test_entropies_are_steady_from_the_last_time_that_a_class_is_missing_or_far_off():
    epochs, entropies = np.arange(20), np.full((20, 2), 1.0)
    entropies[:5] = 2.0
    assert rules.steady_from(epochs, entropies) == 5
    entropies[9, 1] = math.nan
    assert rules.steady_from(epochs, entropies) == 10
    entropies[15] = 1.05
    assert rules.steady_from(epochs, entropies) == 10
    entropies[15] = 1.5
    assert rules.steady_from(epochs, entropies) == 16
    entropies[:, 1] = math.nan
    assert rules.steady_from(epochs, entropies) == math.inf


def test_settling_is_told_in_epochs_and_updates():
    rows = [
        {"part": "mnist", "dataset": "mnist", "model": "slicer", "n_train": 10 * size, "per_class": size, "seed": 0,
         "quantity": "train_loss", "epoch": epoch, "step": epoch * size // 10, "value": 2.0 if epoch < flat else 1.0}
        for size, flat in ((100, 30), (2_000, 10)) for epoch in range(1, 51)
    ]  # fmt: skip
    found = rules.settling(pd.DataFrame(rows)).set_index("per_class")
    assert found["settled"].to_dict() == {100: 30, 2_000: 10}
    assert found["updates"].to_dict() == {100: 300, 2_000: 2_000}
    assert set(found["step"]) == {500}  # of the smallest


# --------------------------------------------------------------------------------------------- rules


def seeds(**columns) -> pd.DataFrame:
    """A row a seed; a column given as (centre, scale) varies around its centre."""
    values = {
        key: value[0] + value[1] * SPREAD if isinstance(value, tuple) else value for key, value in columns.items()
    }
    return pd.DataFrame({"seed": list(SEEDS), **values})


def sizes(column: str, *pairs: tuple, scale: float = 0.1) -> pd.DataFrame:
    """(images a class, value) ... as rows of every seed; the seeds of the second vary the other way round."""
    parts = []
    for place, (size, value) in enumerate(pairs):
        parts.append(seeds(per_class=size, **{column: (value, -scale if place else scale)}))
    return pd.concat(parts, ignore_index=True)


def verdict(rule, rows) -> str:
    return rule(rows).verdict


@pytest.mark.parametrize(("last", "scale", "answer"), [(4.0, 0.1, HOLDS), (2.5, 0.1, FAILS), (3.01, 1.0, UNDECIDED)])
def test_rises_with_size_rule(last, scale, answer):
    rows = sizes("value", (100, 1.0), (500, 2.0), (1_000, 3.0), (2_000, last), scale=scale)
    rows.loc[rows["per_class"].isin((500, 1_000)), "value"] = rows["per_class"].map({500: 2.0, 1_000: 3.0})
    assert verdict(rules.judge_rises_with_size, rows) == answer


@pytest.mark.parametrize(("more", "scale", "answer"), [(0.5, 0.1, HOLDS), (-0.5, 0.1, FAILS), (0.0, 1.0, UNDECIDED)])
def test_rises_beyond_count_rule(more, scale, answer):
    rows = sizes("value", (100, 14.0), (2_000, 18.3 + more), scale=scale)
    rows["lowest"] = rows["per_class"].map({100: 10.0, 2_000: 14.3})
    assert verdict(rules.judge_rises_beyond_count, rows) == answer


@pytest.mark.parametrize(("late", "scale", "answer"), [(5.0, 1, HOLDS), (20.0, 1, FAILS), (10.0, 5, UNDECIDED)])
@pytest.mark.parametrize(
    ("rule", "column"),
    [(rules.judge_settles_sooner, "settled"), (rules.judge_fewer_updates, "updates"),
     (rules.judge_steady_sooner, "steady")],
)  # fmt: skip
def test_rules_that_compare_two_sizes(rule, column, late, scale, answer):
    assert verdict(rule, sizes(column, (100, 10.0), (2_000, late), scale=scale)) == answer


@pytest.mark.parametrize("rule", [rules.judge_settles_sooner, rules.judge_fewer_updates])
def test_a_run_that_never_settles_leaves_the_claim_open(rule):
    column = "settled" if rule is rules.judge_settles_sooner else "updates"
    rows = sizes(column, (100, 10.0), (2_000, 5.0))
    rows.loc[0, column] = math.inf
    assert verdict(rule, rows) == UNDECIDED


@pytest.mark.parametrize(
    ("few", "many", "answer"), [(180, 50, HOLDS), (100, 50, FAILS), (180, 100, FAILS), (150.05, 50, UNDECIDED)]
)
def test_settling_epochs_rule(few, many, answer):
    assert verdict(rules.judge_settling_epochs, sizes("settled", (100, few), (2_000, many), scale=1)) == answer


@pytest.mark.parametrize(("sign", "answer"), [(1, HOLDS), (-1, FAILS)])
def test_over_predicted_rule(sign, answer):
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        [{"seed": s, "class": c, "n_predicted": 10 * c, "true_given_predicted": sign * c + 0.5 * random.random()}
         for s in SEEDS for c in range(10)]
    )  # fmt: skip
    assert verdict(rules.judge_over_predicted, rows) == answer
    rows.loc[rows["class"] > 1, "n_predicted"] = 0
    assert verdict(rules.judge_over_predicted, rows) == UNDECIDED


def test_over_predicted_rule_stays_open_where_seeds_disagree():
    rows = pd.DataFrame(
        [{"seed": s, "class": c, "n_predicted": c + 1, "true_given_predicted": (-1) ** s * c}
         for s in range(4) for c in range(10)]
    )  # fmt: skip
    assert verdict(rules.judge_over_predicted, rows) == UNDECIDED


@pytest.mark.parametrize(("n_missing", "answer"), [(5, HOLDS), (4, HOLDS), (1, FAILS), (3, UNDECIDED)])
def test_never_predicted_rule(n_missing, answer):
    rows = pd.DataFrame(
        [{"seed": s, "n_predicted": 0 if s < n_missing and c == 3 else 5} for s in SEEDS for c in range(10)]
    )
    assert verdict(rules.judge_never_predicted, rows) == answer


@pytest.mark.parametrize(("share", "scale", "answer"), [(0.97, 0.1, HOLDS), (0.6, 0.1, FAILS), (0.9, 0.1, UNDECIDED)])
def test_diagonal_rule(share, scale, answer):
    rows = seeds(diagonal_highest=(share, scale), diagonal=3.0, others=1.0, epoch=0)
    later = rows.assign(diagonal_highest=1.0, epoch=120)
    assert verdict(rules.judge_diagonal, pd.concat([rows, later])) == answer


@pytest.mark.parametrize(("last", "scale", "answer"), [(0.5, 0.1, HOLDS), (1.5, 0.1, FAILS), (1.0, 1.0, UNDECIDED)])
@pytest.mark.parametrize(
    ("rule", "column"),
    [(rules.judge_falls, "mean"), (rules.judge_largest_falls, "largest"),
     (rules.judge_fewer_look_alikes, "look_alikes")],
)  # fmt: skip
def test_rules_on_the_change_over_training(rule, column, last, scale, answer):
    parts = [seeds(epoch=0, **{column: (1.0, scale)}), seeds(epoch=40, **{column: 9.0}),
             seeds(epoch=120, **{column: (last, -scale)})]  # fmt: skip
    assert verdict(rule, pd.concat(parts, ignore_index=True)) == answer


@pytest.mark.parametrize(
    ("means", "scale", "answer"),
    [((3, 2, 1), 0.1, HOLDS), ((3, 2, 2.5), 0.1, FAILS), ((3, 2, 1.99), 1.0, UNDECIDED)],
)
def test_falls_with_depth_rule(means, scale, answer):
    parts = [seeds(layer_b=layer, mean=(mean, sign * scale)) for layer, mean, sign in zip((3, 5, 7), means, (1, -1, 1),
                                                                                         strict=True)]  # fmt: skip
    assert verdict(rules.judge_falls_with_depth, pd.concat(parts, ignore_index=True)) == answer


@pytest.mark.parametrize(("signs", "answer"), [((1,) * 5, HOLDS), ((-1,) * 5, FAILS), ((1, -1, 1, -1, 1), UNDECIDED)])
def test_alike_maps_rule(signs, answer):
    random = np.random.default_rng(0)
    rows = pd.DataFrame(
        [{"seed": s, "pattern": p, "likeness": signs[s] * p + 5 * random.random()} for s in SEEDS for p in range(30)]
    )
    assert verdict(rules.judge_alike_maps, rows) == answer


@pytest.mark.parametrize(
    ("low", "scale", "higher", "smaller"),
    [(2.0, 0.1, HOLDS, FAILS), (0.5, 0.1, FAILS, HOLDS), (1.0, 1.0, UNDECIDED, UNDECIDED)],
)
def test_rules_between_layers(low, scale, higher, smaller):
    parts = [seeds(layer=1, value=(low, scale), spread=(low, scale)), seeds(layer=3, value=9.0, spread=9.0),
             seeds(layer=11, value=(1.0, -scale), spread=(1.0, -scale))]  # fmt: skip
    rows = pd.concat(parts, ignore_index=True)
    assert verdict(rules.judge_lower_layers_higher, rows) == higher
    assert verdict(rules.judge_lower_layers_consistent, rows) == smaller


@pytest.mark.parametrize(("airplane", "scale", "answer"), [(1.0, 0.1, HOLDS), (2.5, 0.1, FAILS), (2.0, 1.0, UNDECIDED)])
def test_airplane_rule(airplane, scale, answer):
    parts = [seeds(class_name=name, value=(value, sign * scale)) for name, value, sign in
             (("airplane", airplane, 1), ("bird", 2.0, -1), ("cat", 3.0, -1), ("all", 0.1, 1))]  # fmt: skip
    assert verdict(rules.judge_airplane_lowest, pd.concat(parts, ignore_index=True)) == answer


@pytest.mark.parametrize(("signs", "answer"), [((1,) * 5, HOLDS), ((-1,) * 5, FAILS), ((1, -1, 1, -1, 1), UNDECIDED)])
@pytest.mark.parametrize(
    ("rule", "column"), [(rules.judge_poorer_likeness, "likeness"), (rules.judge_poorer_area, "area")]
)
def test_rules_on_deconvolutions_leave_dead_channels_out(rule, column, signs, answer):
    random = np.random.default_rng(0)
    rows = [{"seed": s, "value": v, column: signs[s] * v + 5 * random.random(), "dead": False}
            for s in SEEDS for v in range(20)]  # fmt: skip
    dead = [{"seed": s, "value": 0.0, column: 1000.0 * -signs[s], "dead": True} for s in SEEDS for _ in range(30)]
    assert verdict(rule, pd.DataFrame(rows + dead)) == answer


def test_every_claim_has_a_rule_tested_here():
    source = inspect.getsource(inspect.getmodule(test_every_claim_has_a_rule_tested_here))
    missing = {claim.rule.__name__ for claim in paper.CLAIMS if f"rules.{claim.rule.__name__}" not in source}
    assert not missing


# --------------------------------------------------------------------------------------------- smoke run


@pytest.fixture(scope="module")
def smoke(smoke_on_digits, tmp_path_factory):
    """The experiment over what the smoke run left on disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_KIT_HOME", str(smoke_on_digits.parents[1]))
        patch.setenv("MI_KIT_OFFLINE", "1")
        patch.delenv("MI_KIT_DATA", raising=False)
        for of_data in (settings._dataset, settings._balanced):
            of_data.cache_clear()
        yield experiments.open(paper.NOTEBOOK, "smoke")
        for of_data in (settings._dataset, settings._balanced):
            of_data.cache_clear()


@pytest.mark.slow
def test_every_claim_is_judged_on_the_smoke_run(smoke):
    judged = smoke.claims()
    assert len(judged) == len(paper.CLAIMS)
    assert set(judged["verdict"]) == {"not tested"}
    assert judged["reason"].str.contains("digits|nothing that the claim speaks of").all()


@pytest.mark.slow
def test_tables_of_the_smoke_run_have_a_row_for_every_case(smoke):
    chosen = smoke.settings
    labels = smoke.table("labels")
    n_moments = {part: len(settings.moments(chosen, part)) for part in ("mnist", "cifar")}
    for (part, _), one in labels.groupby(["part", "per_class"]):
        assert len(one) == chosen.n_seeds * n_moments[part] * 10
    assert set(labels["n_samples"]) == {chosen.n_test}
    maps = smoke.table("capacity_maps")
    assert set(zip(maps["layer_a"], maps["layer_b"], strict=True)) == set(settings.PAIRS)
    assert (maps["value"] > -1e-6).all()  # a sum of entropies: 0 up to rounding
    assert set(smoke.table("deconvolved")["channel"]) == set(range(chosen.width))
    assert set(smoke.table("pictures")["kind"]) == {"F8", "F9", "F15"}
    bins = set(smoke.table("capacities")["n_bins"])
    assert bins == {chosen.n_bins, *chosen.more_bins}
    curves = smoke.table("curves")
    assert not curves.duplicated(["part", "per_class", "seed", "quantity", "epoch"]).any()


@pytest.mark.slow
def test_batch_norm_leaves_capacities_as_they_are(smoke):
    """It shifts and scales each channel: distances keep their order and their bins, up to rounding at an edge."""
    wide = smoke.table("capacity_maps").pivot_table(index=["epoch", "channel_a", "channel_b"],
                                                    columns=["layer_a", "layer_b"], values="value")  # fmt: skip
    np.testing.assert_allclose(wide[(1, 3)], wide[(2, 3)], atol=0.05)


@pytest.mark.slow
def test_sentences_of_the_smoke_run_name_what_was_found(smoke):
    assert "none of these sizes" in paper.reading_words(smoke.table("readings"))
    assert "by chance" not in paper.chance_words(smoke.table("capacities"), 32)
    assert "bit" in paper.chance_words(smoke.table("capacities"), 32)
    assert "Dead channels" in paper.deconvolution_words(smoke.table("deconvolved"))
    assert "layer 11" in paper.channel_words(smoke.table("class_entropies"))


@pytest.mark.parametrize("published", [True, False])
def test_a_published_page_queries_a_small_network_and_trains_none_of_its_own(published):
    experiment = types.SimpleNamespace(is_published=published, settings=paper.PROFILES["paper"])
    assert paper.queried_settings(experiment) == paper.PROFILES["smoke" if published else "paper"]
