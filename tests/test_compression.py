"""Notebook 05: what is estimated while training against slow formulas, and every rule on made tables."""

import collections
import math

import numpy as np
import pandas as pd
import pytest
import torch

from mi_kit import data, experiments, models, trainees, training
from mi_kit import estimators as est
from mi_kit.claims import FAILS, HOLDS, UNDECIDED, decide
from mi_kit.experiments import compression as paper
from mi_kit.experiments.compression import debate, measures, observers, rules, sentences, settings, tables

SEEDS = range(10)
SPREAD = np.linspace(-0.1, 0.1, 10)  # of ten seeds, sd 0.067: half a 95 % interval is 0.048
OPTIONS = {"noise_variance": 0.1, "more_variances": (0.01, 1.0), "n_samples": 40, "n_counted": 60, "n_renyi": 20,
           "renyi_h": 1.0, "n_bins": 30, "few_bins": 4, "n_levels": 256}  # fmt: skip


@pytest.fixture(scope="module")
def moment():
    """Two small tanh networks on iris."""
    dataset = data.load("iris")
    modules = [models.build(models.compression("tanh"), seed) for seed in range(2)]
    return training.Moment(0, 0.0, dataset, trainees.DenseEnsemble(modules, torch.device("cpu")))


@pytest.fixture(scope="module")
def rows(moment):
    return pd.DataFrame(observers.observe_information(moment, **OPTIONS)).set_index(["member", "layer", "estimator"])


def corrected_equations(h, y, noise_variance: float) -> tuple[float, float]:
    """Equations 2 and 3 of the paper, corrected, sample by sample: (I(X;T), I(T;Y)) in bits."""

    def mean_log(i, others) -> float:
        kernels = [math.exp(-float(((h[i] - h[j]) ** 2).sum()) / (2 * noise_variance)) for j in others]
        return math.log2(sum(kernels) / len(others))

    n = len(h)
    i_xt = -sum(mean_log(i, range(n)) for i in range(n)) / n
    of_class = {int(c): [j for j in range(n) if y[j] == c] for c in set(map(int, y))}
    given_y = -sum(mean_log(i, of_class[c]) for c in of_class for i in of_class[c]) / n
    return i_xt, i_xt - given_y


@pytest.mark.parametrize("noise_variance", [0.01, 0.1, 1.0])
def test_corrected_equations_are_the_kernel_estimate(noise_variance):
    generator = torch.Generator().manual_seed(0)
    h = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    y = torch.arange(30) % 3
    found = est.kde_information(h, y, noise_variance=noise_variance, bound="upper")
    by_hand = corrected_equations(h, y, noise_variance)
    assert (float(found.i_xt), float(found.i_ty)) == pytest.approx(by_hand, abs=1e-9)  # float64 sums in another order


def test_printed_equation_is_the_mirror_image_of_the_corrected_one():
    h = torch.randn(30, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    corrected = float(est.kde_information(h, torch.arange(30) % 3, noise_variance=0.1).i_xt)
    assert sentences.printed_equation_2(h, 0.1) == pytest.approx(2 * math.log2(30) - corrected, abs=1e-9)


def test_kernel_rows_are_the_corrected_equations(moment, rows):
    x, y = moment.dataset.x_train[:40], moment.dataset.y_train[:40]
    t = moment.activations(["layer2"], x)["layer2"][1].double()
    for estimator, variance in (("kernel", 0.1), ("kernel 0.01", 0.01), ("kernel 1", 1.0)):
        row = rows.loc[(1, "layer2", estimator)]
        # float32 activations: 1e-4 bits is what the estimator promises
        assert (row["i_xt"], row["i_ty"]) == pytest.approx(corrected_equations(t, y, variance), abs=2e-4)
    assert rows.loc[(1, "layer2", "kernel"), "log2_n"] == math.log2(40)


def test_lower_bound_row_is_the_lower_bound(moment, rows):
    x, y = moment.dataset.x_train[:40], moment.dataset.y_train[:40]
    t = moment.activations(["layer1"], x)["layer1"][0]
    lower = est.kde_information(t, y, noise_variance=0.1, bound="lower")
    row = rows.loc[(0, "layer1", "kernel, lower bound")]
    assert (row["i_xt"], row["i_ty"]) == pytest.approx((float(lower.i_xt), float(lower.i_ty)), abs=1e-4)


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_scale_free_estimates_do_not_change_with_the_scale(moment, factor):
    x, y = moment.dataset.x_train, moment.dataset.y_train
    t = moment.activations(["layer3"], x)["layer3"].double()
    first, scaled = (
        observers.kernel_estimates(each, y, 0.1, ()) | observers.counts(each, y, 30, 4) for each in (t, factor * t)
    )
    for name in (observers.UNIT, observers.RELATIVE, observers.COUNTS):
        torch.testing.assert_close(scaled[name].i_xt, first[name].i_xt, atol=1e-6, rtol=0)
        torch.testing.assert_close(scaled[name].i_ty, first[name].i_ty, atol=1e-6, rtol=0)
    assert (scaled[observers.KERNEL].i_xt - first[observers.KERNEL].i_xt).abs().min() > 0.5


def test_a_unit_that_does_not_vary_is_zero_after_scaling():
    t = torch.stack([torch.full((5,), 0.3), torch.arange(5.0)], dim=1)
    scaled = observers.unit_variance(t)
    assert (scaled[:, 0] == 0).all()
    assert float(scaled[:, 1].var(correction=0)) == pytest.approx(1.0)


def entropy_of(keys) -> float:
    counts = np.array(list(collections.Counter(keys).values()))
    return float(-(counts / counts.sum() * np.log2(counts / counts.sum())).sum())


def test_quantised_rows_are_a_count_in_a_dictionary(moment, rows):
    x, y = observers.all_samples(moment.dataset, OPTIONS["n_counted"])
    levels = observers.quantised_copy(moment.modules()[1], x, 256)
    for layer, states in levels.items():
        assert int(states.min()) >= 0
        assert int(states.max()) == 255  # a layer's levels span its own range
        keys = [tuple(state) for state in states.tolist()]
        both = list(zip(keys, y.tolist(), strict=True))
        i_ty = entropy_of(keys) + entropy_of(y.tolist()) - entropy_of(both)
        row = rows.loc[(1, layer, observers.QUANTISED)]
        assert (row["i_xt"], row["i_ty"]) == pytest.approx((entropy_of(keys), i_ty), abs=1e-9)


def test_quantised_copy_follows_the_network_and_passes_rounded_values_on(moment):
    module, x = moment.modules()[0], moment.dataset.x_train
    levels = observers.quantised_copy(module, x, 1 << 12)
    whole = moment.activations(["layer3"], x)["layer3"][0]
    low, high = float(whole.min()), float(whole.max())
    values = low + (levels["layer3"] + 0.5) * (high - low) / (1 << 12)
    assert (values - whole).abs().max() < 0.02
    coarse = observers.quantised_copy(module, x, 2)
    assert len({tuple(state) for state in coarse["layer1"].tolist()}) < len(x)
    same = {}
    for first, second in zip(coarse["layer1"].tolist(), coarse["layer2"].tolist(), strict=True):
        assert same.setdefault(tuple(first), second) == second  # equal states in, equal states out


def test_learning_rows_take_equally_many_samples_of_both_splits(moment):
    found = pd.DataFrame(observers.observe_learning(moment, noise_variance=0.1, n_samples=600))
    assert set(found["n_samples"]) == {len(moment.dataset.x_test)}
    n = len(moment.dataset.x_test)
    x, y = moment.dataset.x_train[:n], moment.dataset.y_train[:n]
    layers = moment.activations(["layer1", "layer2", "layer3"], x)
    mean = np.mean([float(est.kde_information(t[0], y, noise_variance=0.1).i_xt) for t in layers.values()])
    row = found[(found["member"] == 0) & (found["split"] == "train")].iloc[0]
    assert row["i_xt"] == pytest.approx(mean, abs=1e-4)


def test_saturation_counts_the_ends_of_the_range():
    t = torch.tensor([-0.99, -0.5, 0.0, 0.95])
    assert observers.is_saturated(t, "tanh").tolist() == [True, False, False, True]
    assert observers.is_saturated(t.abs(), "sigmoid").tolist() == [True, False, True, False]
    assert observers.is_saturated(t, "relu").tolist() == [True, True, True, False]


# --------------------------------------------------------------------------------------------- the scalar and its null


def test_compression_is_the_largest_value_minus_the_last():
    assert measures.compression(np.array([[1.0, 3.0, 2.5], [1.0, 2.0, 3.0]])).tolist() == [0.5, 0.0]


def test_null_of_noise_is_what_noise_gives_and_that_of_a_line_is_nothing():
    random = np.random.default_rng(1)
    noise = random.standard_normal((200, 40))
    null = measures.null_compression(noise, n_draws=100)
    assert null.mean() == pytest.approx(measures.compression(noise).mean(), rel=0.1)
    line = np.linspace(0, 5, 40)[None]
    assert measures.null_compression(line)[0] < 1e-9
    rough = measures.null_compression(line + noise)
    assert rough.mean() == pytest.approx(null.mean(), rel=0.05)  # a trend changes nothing


def test_scalars_of_a_case_are_those_of_its_paths():
    steps, paths = [0, 1, 2, 5, 10, 100], {0: [1, 2, 3, 4, 4, 2], 1: [1, 1, 2, 2, 3, 3]}
    made = pd.DataFrame(
        [
            {"part": "sightings", "dataset": "iris", "model": "relu", "method": "mini-batch", "l2": 0.0, "epochs": 100,
             "seed": seed, "layer": "layer1", "estimator": "kernel", "step": step, "epoch": float(step),
             "i_xt": float(value), "i_ty": value / 4, "n_samples": 32, "log2_n": 5.0, "entropy_y": 1.0}
            for seed, values in paths.items() for step, value in zip(steps, values, strict=True)
        ]
    )  # fmt: skip
    found = tables.compressions_of(made.sample(frac=1, random_state=0), 20).set_index(["seed", "quantity"])
    assert found.loc[(0, "i_xt"), "compression"] == 2
    assert found.loc[(1, "i_xt"), "compression"] == 0
    assert found.loc[(0, "i_ty"), "compression"] == 0.5
    assert found.loc[(0, "i_xt"), "peak_epoch"] == 5
    assert found.loc[(0, "i_ty"), "at_bound"] == pytest.approx(2 / 6)
    first = found.loc[(0, "i_xt")]
    assert first["excess"] == pytest.approx(first["compression"] - first["null"])
    assert first["early_excess"] < 0.1  # the fall comes after four fifths of the epochs


# --------------------------------------------------------------------------------------------- rules


def cell(model="relu", l2=0.0, method="mini-batch", *, seeds=SEEDS, i_xt=(0.0, 0.0), i_ty=(0.0, 0.0), rise=1.0,
         estimator="kernel", spread=None, at_bound=0.0):  # fmt: skip
    """Scalars of one cell: (excess, early excess) of both quantities."""
    spread = SPREAD[: len(seeds)] if spread is None else spread
    found = []
    for quantity, (late, early) in (("i_xt", i_xt), ("i_ty", i_ty)):
        for seed, noise in zip(seeds, spread, strict=True):
            found.append(
                {"part": "sightings", "dataset": "pokemon-common", "model": model, "method": method, "l2": l2,
                 "epochs": 25_000, "estimator": estimator, "quantity": quantity, "seed": seed, "step": 25_000,
                 "n_samples": 528, "start": 1.0, "peak": 1.0 + rise + noise, "final": 1.0 + rise + noise - late,
                 "compression": late, "null": 0.0, "excess": late + noise, "early_excess": early + noise,
                 "at_bound": at_bound}
            )  # fmt: skip
    return pd.DataFrame(found)


def only(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    return rows[rows["quantity"] == quantity]


@pytest.mark.parametrize(("rise", "verdict"), [(1.0, HOLDS), (0.0, FAILS), (0.1, UNDECIDED)])
def test_rule_both_rise(rise, verdict):
    assert rules.judge_rises(cell(rise=rise)).verdict == verdict


@pytest.mark.parametrize(("fall", "verdict"), [(0.0, HOLDS), (0.5, FAILS), (0.1, UNDECIDED)])
def test_rule_no_compression(fall, verdict):
    assert rules.judge_no_compression(cell(i_ty=(fall, 0.0))).verdict == verdict
    assert rules.judge_no_early_compression(cell(i_xt=(5.0, fall))).verdict == verdict


@pytest.mark.parametrize(
    ("rise", "fall", "verdict"), [(1.0, 0.5, HOLDS), (1.0, 0.0, FAILS), (0.0, 0.5, FAILS), (1.0, 0.1, UNDECIDED)]
)
def test_rule_rises_then_falls(rise, fall, verdict):
    assert rules.judge_rises_then_falls(only(cell(rise=rise, i_ty=(fall, 0)), "i_ty")).verdict == verdict


@pytest.mark.parametrize(("fall", "verdict"), [(0.2, HOLDS), (-0.2, FAILS), (0.9, FAILS), (0.5, UNDECIDED)])
def test_rule_very_small(fall, verdict):
    assert rules.judge_very_small(only(cell(i_xt=(fall, 0)), "i_xt")).verdict == verdict


@pytest.mark.parametrize(("fall", "verdict"), [(0.5, HOLDS), (0.0, FAILS), (0.1, UNDECIDED)])
def test_rule_two_phases(fall, verdict):
    assert rules.judge_compresses(cell(i_xt=(fall, 0))).verdict == verdict
    if verdict == HOLDS:
        assert rules.judge_compresses(cell(i_xt=(fall, 0), rise=0.0)).verdict == FAILS


@pytest.mark.parametrize(("gain", "verdict"), [(0.5, HOLDS), (-0.5, FAILS), (0.1, UNDECIDED)])
def test_rule_gradient_noise(gain, verdict):
    other = cell(method="full batch", spread=SPREAD[::-1])
    pair = pd.concat([cell(i_xt=(gain, 0)), other])
    assert rules.judge_needs_gradient_noise(only(pair, "i_xt")).verdict == verdict


@pytest.mark.parametrize(("fall", "verdict"), [(0.5, HOLDS), (0.0, FAILS), (0.1, UNDECIDED)])
def test_rule_loss_of_information(fall, verdict):
    pair = pd.concat([cell(i_ty=(1.0, 0)), cell(i_ty=(fall, 0), estimator="relative noise")])
    assert rules.judge_loss_of_information(only(pair, "i_ty")).verdict == verdict


def learned(column: str, early: float, soon: float, late: float, spread=SPREAD) -> pd.DataFrame:
    epochs = {1: 0.0, 50: early, 100: soon, 25_000: late}
    return pd.DataFrame(
        [{"seed": seed, "epoch": epoch, column: value + noise / 10} for epoch, value in epochs.items()
         for seed, noise in zip(SEEDS, spread, strict=True)]
    )  # fmt: skip


@pytest.mark.parametrize(("late", "verdict"), [(0.8, HOLDS), (0.95, FAILS)])
def test_rule_useful_soon(late, verdict):
    assert rules.judge_useful_soon(learned("accuracy", 0.5, 0.79, late)).verdict == verdict


def test_rule_useful_soon_stays_undecided_near_the_limit():
    rows = learned("accuracy", 0.5, 0.76, 0.8)
    rows.loc[rows["epoch"] == 100, "accuracy"] += SPREAD
    assert rules.judge_useful_soon(rows).verdict == UNDECIDED


@pytest.mark.parametrize(("late", "verdict"), [(2.0, HOLDS), (0.5, FAILS)])
def test_rule_overfits(late, verdict):
    rows = learned("loss", 0.8, 0.5, late)
    rows.loc[rows["epoch"] == 1, "loss"] += 1.5
    assert rules.judge_overfits(rows).verdict == verdict


def test_rule_overfits_stays_undecided_near_the_limit():
    rows = learned("loss", 0.8, 0.5, 0.6)
    rows.loc[rows["epoch"] == 1, "loss"] += 1.5
    rows.loc[rows["epoch"] == 25_000, "loss"] += SPREAD
    assert rules.judge_overfits(rows).verdict == UNDECIDED


@pytest.mark.parametrize(
    ("model", "fall", "verdict"),
    [("tanh", 0.5, HOLDS), ("tanh", 0.0, FAILS), ("relu", 0.5, FAILS), ("relu", 0.0, HOLDS), ("relu", 0.1, UNDECIDED)],
)
def test_rule_by_saturation(model, fall, verdict):
    assert rules.judge_by_saturation(only(cell(model, i_xt=(fall, 0)), "i_xt")).verdict == verdict


def test_claims_need_ten_seeds_25000_epochs_and_the_sightings():
    claim = next(each for each in rules.CLAIMS if each.id == "1a" and each.reading == "mini-batch")
    whole = cell()
    assert decide(claim, whole)[0] == HOLDS
    for broken, word in (
        (whole[whole["seed"] < 9], "needs 10 seeds"),
        (whole.assign(epochs=400), "needs 25,000 epochs"),
        (whole.assign(dataset="iris"), "needs pokemon or pokemon-common"),
    ):
        verdict, reason, _ = decide(claim, broken)
        assert verdict == "not tested"
        assert word in reason
    assert decide(claim, whole.assign(at_bound=0.5))[0] == UNDECIDED
    assert decide(claim, whole.assign(dataset="pokemon"))[0] == HOLDS


def test_every_claim_has_a_rule_in_words_and_both_ways_of_training():
    assert all(len(each.rule.__doc__) > 50 for each in rules.CLAIMS)
    readings = collections.Counter(each.id for each in rules.CLAIMS if each.reading)
    assert set(readings.values()) == {2}


# --------------------------------------------------------------------------------------------- the three positions


def test_sentences_get_their_verdicts_in_the_cells_that_they_speak_of():
    cells = pd.concat(
        [cell(model, l2, method, i_xt=(0.5 * (model == "tanh"), 0), i_ty=(l2 * 500, 0))
         for model in ("relu", "tanh") for l2 in (0.0, 1e-3) for method in ("mini-batch", "full batch")]
    )  # fmt: skip
    found = debate.positions_of(cells)
    assert len(found) == 3 * 8 + 3 * 4
    said = {(row.sentence, row.model, row.l2): row.verdict for row in found.itertuples()}
    assert said["without L2 nothing is compressed", "relu", 0.0] == HOLDS
    assert said["without L2 nothing is compressed", "tanh", 0.0] == FAILS
    assert ("without L2 nothing is compressed", "tanh", 1e-3) not in said
    assert said["with L2, I(T;Y) rises and then falls", "relu", 1e-3] == HOLDS
    assert said["tanh, sigmoid compress I(X;T), ReLUs do not", "tanh", 0.0] == HOLDS
    assert said["compression comes from gradient noise", "tanh", 0.0] == FAILS
    assert said["I(T;Y) rises, then I(X;T) is compressed", "tanh", 0.0] == HOLDS
    assert set(debate.positions_of(cells.assign(at_bound=0.5))["verdict"]) == {UNDECIDED}


# --------------------------------------------------------------------------------------------- settings and networks


@pytest.mark.parametrize(
    ("explicit", "words"),
    [
        ({"sightings": "mnist"}, "sightings must be one of pokemon-common, pokemon, iris; got sightings='mnist'"),
        ({"n_seeds": 0}, "n_seeds must be at least 1; got n_seeds=0"),
        ({"epochs": 2}, "epochs must be at least 4; got epochs=2"),
        ({"noise_variance": 0.0}, "noise_variance must be larger than 0"),
        ({"l2": (0.0, 0.1)}, "l2 must hold 0 and 0.001"),
        ({"l2": (0.0, 1e-3, -1.0)}, "no negative number"),
        (
            {"activations": ("relu",)},
            "activations must be among relu, tanh, sigmoid, leaky_relu and hold relu and tanh",
        ),
        ({"epochs": 10.5}, "epochs must be of type int"),
    ],
)
def test_settings_out_of_range_are_refused(explicit, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        experiments.open("05", "smoke", **explicit)


def test_pokemon_without_its_table_names_the_file(home):
    settings._dataset.cache_clear()
    with pytest.raises(data.DataNotFoundError, match=r"300k\.csv"):
        experiments.open("05", "smoke", sightings="pokemon").banner()


def test_networks_are_those_of_the_paper_and_reject_others():
    network = models.compression("relu")
    table = models.describe(network)
    widths = [layer for layer in table["layer"] if layer.startswith("fully")]
    assert widths == [f"fully connected {n}" for n in (16, 16, 8, 3)]
    assert trainees.is_dense(models.build(network))
    with pytest.raises(ValueError, match="activation must be one of relu, tanh, sigmoid, leaky_relu"):
        models.compression("gelu")
    with pytest.raises(ValueError, match="n_classes 2"):
        models.compression("relu", 4, 1)


def test_moments_are_whole_epochs_in_logarithmic_distance():
    chosen = paper.PROFILES["paper"]
    for case in settings.cases(chosen):
        per_epoch = settings.updates_per_epoch(chosen, case)
        steps = settings.moments(chosen, case)
        assert all(step % per_epoch == 0 for step in steps)
        assert steps[0] == 0
        assert steps[-1] == settings.epochs_of(chosen, case) * per_epoch


def test_weight_decay_of_a_member_is_the_gradient_of_its_penalty():
    members = settings.members_of(paper.PROFILES["paper"], settings.Case("sightings", "relu"))
    assert len(members) == 40
    assert {each["weight_decay"] for each in members} == {0.0, 2e-4, 2e-3, 2e-2}


# --------------------------------------------------------------------------------------------- the whole, small


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The smoke profile on iris and the embedded 12-bit digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_KIT_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("MI_KIT_OFFLINE", "1")
        patch.delenv("MI_KIT_DATA", raising=False)
        settings._dataset.cache_clear()
        yield experiments.open("05", "smoke")
    settings._dataset.cache_clear()


def test_tables_have_their_columns_and_every_cell(small):
    table = small.table("compression")
    wanted = {*tables.CELL, "seed", "layer", "estimator", "quantity", "compression", "null", "excess", "at_bound"}
    assert wanted <= set(table)
    assert set(table["estimator"]) == set(tables.estimators_of(small.settings))
    assert len(table) == 2 * 2 * 2 * len(small.settings.l2) * 2 * 3 * 11 * 2  # parts, activations, batches, ..., seeds
    assert np.isfinite(table[["compression", "null", "excess"]].to_numpy()).all()
    assert (table["compression"] >= 0).all()
    paths = small.table("paths")
    assert set(paths["model"]) == {"relu", "tanh"}
    assert (paths["i_xt"] <= paths["log2_n"] + 1e-4).all()
    assert {"iris"} == set(small.table("learning")["dataset"])
    assert {"digits-12bit"} == set(small.table("two_phases")["dataset"])


def test_stand_ins_are_named_and_no_claim_is_tested_on_them(small):
    assert "iris, standing in for pokemon-common" in paper.facts(small, small.table("paths"))
    assert "iris (standing in for pokemon-common)" in small.banner()
    assert "iris" in paper.data_words(small)
    assert set(small.claims()["verdict"]) == {"not tested"}


def test_sweep_at_the_papers_noise_is_the_recorded_path(small):
    sweep, chosen = small.table("sweep"), small.settings
    rows = sweep[(sweep["kind"] == "noise") & (sweep["value"] == chosen.noise_variance) & (sweep["l2"] == 1e-3)]
    swept = rows[rows["model"] == "tanh"].set_index(["layer", "step"])["i_xt"]
    paths = small.table("paths")
    own = (paths["model"] == "tanh") & (paths["l2"] == 1e-3) & (paths["method"] == "mini-batch")
    recorded = paths[own & (paths["seed"] < chosen.sweep_seeds)].groupby(["layer", "step"])["i_xt"].mean()
    pd.testing.assert_series_equal(swept.sort_index(), recorded.sort_index(), check_names=False, atol=1e-3)


def test_sentences_of_the_page_are_made_of_the_run(small):
    for words in (paper.heat_words, paper.mechanism_words, paper.learning_words, paper.position_words):
        assert "nan" not in words(small)
    assert "2 log2 N" in paper.equation_words(small)
    assert len(paper.heat_table(small).data) == 2 * 2 * 2 * len(small.settings.l2)
    assert len(paper.position_table(small).data) == len(rules.SENTENCES)
    assert paper.position_counts(small).shape == (len(rules.SENTENCES), 11)
