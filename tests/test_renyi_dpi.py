"""Notebook 02: every quantity against a slow formula, and every rule on made tables that hold, fail, stay undecided."""

import dataclasses
import inspect
import types

import numpy as np
import pandas as pd
import pytest
import torch
from slow_formulas import renyi_entropy_by_eigenvalues, renyi_information_by_eigenvalues
from torch import nn

from mi_kit import data, experiments, models, probes, trainees, training
from mi_kit.claims import FAILS, HOLDS, UNDECIDED, Needs
from mi_kit.experiments import renyi_dpi as paper
from mi_kit.experiments.renyi_dpi import beyond, chains, figures, filters, observers, rules, sentences, settings

SEEDS = range(5)
SPREAD = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])  # of five seeds, sd 0.158: half a 95 % interval is 0.196
N, BATCHES, H = 16, 2, (5.0, 0.1)
BITS = 1e-5  # entropies below 4 in float32, from distances in float32


@pytest.fixture(scope="module")
def moment():
    """Two networks of one convolution and one dense layer, on 32 test images."""
    dataset = data.part(data.load("digits"), n_train=50, n_test=N * BATCHES)
    trainee = trainees.Modules([small_network()], torch.device("cpu"))
    return training.Moment(0, 0.0, dataset, trainee)


def small_network():
    return models.build(lambda: models.lenet5((3,), nn.ReLU, hidden=(6, 5)), seed=0)


def slow_bandwidth(h, n, d):
    return h * n ** (-1 / (1 + d))


def slow_literal(first, layer, h):
    """I(first; layer) and H(layer) of one mini-batch by numpy's eigenvalues, every map with its own bandwidth."""
    maps = [layer.flatten(1)] if layer.ndim == 2 else [layer[:, c].flatten(1) for c in range(layer.shape[1])]
    s_first = slow_bandwidth(h, len(first), first[0].numel())
    widths = [slow_bandwidth(h, len(first), maps[0].shape[1])] * len(maps)
    maps, first = [each.double() for each in maps], first.flatten(1).double()
    information = renyi_information_by_eigenvalues(first, maps, s_first, widths, 1.01)
    return information, renyi_entropy_by_eigenvalues(maps, widths, 1.01)


def slow_relative(first, layer, share):
    """The same with a squared bandwidth of `share` of the variance of X, and of the maps' number times each map's."""

    def variance(t):
        return float((t - t.mean(0)).square().sum(1).mean())

    maps = [layer.flatten(1)] if layer.ndim == 2 else [layer[:, c].flatten(1) for c in range(layer.shape[1])]
    maps, first = [each.double() for each in maps], first.flatten(1).double()
    alive = [each for each in maps if variance(each) > 0]
    widths = [(share * len(maps) * variance(each)) ** 0.5 for each in alive]
    s_first = (share * variance(first)) ** 0.5
    return renyi_information_by_eigenvalues(first, alive, s_first, widths, 1.01)


def test_both_chains_match_the_slow_formula_on_every_mini_batch(moment):
    shared = {"n_samples": N, "n_batches": BATCHES, "alpha": 1.01, "h": H, "shares": (0.5,)}
    rows = pd.DataFrame(observers.observe_chains(moment, **shared))
    assert len(rows) == 2 * BATCHES * 4  # readings, mini-batches, layers C1 P1 F1 F2
    module, (x, y) = moment.modules()[0], (moment.dataset.x_test, moment.dataset.y_test)
    layers = ["C1", "P1", "F1", "F2"]
    activations, errors = probes.activations(module, x, layers), probes.error_signals(module, x, y, [*layers, ""])
    for batch in range(BATCHES):
        some = slice(N * batch, N * (batch + 1))
        for layer in layers:
            at = rows[(rows["batch"] == batch) & (rows["layer"] == layer)].set_index("reading")
            information, entropy = slow_literal(x[some], activations[layer][some], H[0])
            assert at.loc["literal", "i_xt"] == pytest.approx(information, abs=BITS)
            assert at.loc["literal", "h_t"] == pytest.approx(entropy, abs=BITS)
            information, _ = slow_literal(errors[""][some], errors[layer][some], H[1])
            assert at.loc["literal", "i_errors"] == pytest.approx(information, abs=BITS)
            information = slow_relative(x[some], activations[layer][some], 0.5)
            assert at.loc["relative", "i_xt"] == pytest.approx(information, abs=BITS)
            information = slow_relative(errors[""][some], errors[layer][some], 0.5)
            assert at.loc["relative", "i_errors"] == pytest.approx(information, abs=BITS)


def test_information_on_labels_tells_classes_apart_and_nothing_else(moment):
    shared = {"n_samples": N, "n_batches": BATCHES, "alpha": 1.01, "h": H, "shares": ()}
    rows = pd.DataFrame(observers.observe_chains(moment, **shared))
    counts = np.bincount(moment.dataset.y_test[:N])
    shares = counts[counts > 0] / N
    slow = np.log2((shares**1.01).sum()) / (1 - 1.01)  # far clusters: the eigenvalues are the shares
    assert rows.loc[rows["batch"] == 0, "h_y"].to_numpy() == pytest.approx(slow, abs=1e-6)


def test_redundancy_is_the_sum_of_the_maps_minus_the_joint(moment):
    shared = {"n_samples": N, "n_batches": BATCHES, "alpha": 1.01, "h": H, "shares": (0.5,)}
    rows = pd.DataFrame(observers.observe_redundancy(moment, **shared)).set_index("reading")
    x = moment.dataset.x_test[:N]
    t = probes.activations(moment.modules()[0], x, ["C1"])["C1"]
    each = [slow_literal(x, t[:, c].flatten(1), H[0])[0] for c in range(3)]
    joint, _ = slow_literal(x, t, H[0])
    assert rows.loc["literal", "of_maps"] == pytest.approx(sum(each), abs=BITS)
    assert rows.loc["literal", "joint"] == pytest.approx(joint, abs=BITS)
    assert rows.loc["literal", "redundancy"] == pytest.approx(sum(each) - joint, abs=BITS)
    assert rows.loc["relative", "joint"] == pytest.approx(slow_relative(x, t, 0.5), abs=BITS)


def test_pairs_of_filters_match_the_slow_formula(moment):
    x = moment.dataset.x_test[:N]
    t = probes.activations(moment.modules()[0], x, ["C1"])["C1"]
    chosen = dataclasses.replace(paper.PROFILES["smoke"], n_samples=N)
    made = observers.batched(x.flatten(1), 1), observers.batched(t, 1)
    table = filters.pairs_of(*made, "literal", 0.0, chosen).set_index(["first", "second"])
    assert list(table.index) == [(1, 2), (1, 3), (2, 3)]
    for first, second in table.index:
        a, b = first - 1, second - 1
        joint, _ = slow_literal(x, t[:, [a, b]], H[0])
        single = [slow_literal(x, t[:, c].flatten(1), H[0])[0] for c in (a, b)]
        assert table.loc[(first, second), "joint"] == pytest.approx(joint, abs=BITS)
        assert table.loc[(first, second), "co_information"] == pytest.approx(sum(single) - joint, abs=BITS)


def test_relative_reading_does_not_change_when_a_layer_or_a_map_is_rescaled():
    generator = torch.Generator().manual_seed(0)
    x, maps = torch.randn(2, 20, 6, generator=generator), torch.randn(2, 20, 3, 4, generator=generator)
    one = observers.relative_chain([x], [maps], 0.5).information
    rescaled = maps * torch.tensor([0.01, 1.0, 300.0])[:, None]
    torch.testing.assert_close(observers.relative_chain([7 * x], [rescaled], 0.5).information, one)
    assert not torch.allclose(observers.literal_chain([x], [rescaled], 5.0).information, one)


def test_information_between_units_matches_the_slow_formula_and_can_be_negative():
    generator = torch.Generator().manual_seed(0)
    t = torch.cat([torch.rand(20, 3, generator=generator), torch.ones(20, 1)], dim=1)  # the last unit is dead
    one = beyond.unit_information(t, 0.5, [1.01, 2.0])
    assert one.shape == (2, 1, 2)
    for second in (1, 2):
        slow = slow_relative(t[:, :1], t[:, second : second + 1], 0.5)
        assert float(one[0, 0, second - 1]) == pytest.approx(slow, abs=BITS)
    apart, early = 100 * torch.arange(1.0, 21.0), torch.arange(20) < 10
    sparse = torch.stack([apart.where(~early, torch.zeros(())), apart.where(early, torch.zeros(()))], dim=1)
    negative = beyond.unit_information(sparse, 1e-7, [1.01, 2.0]).flatten()
    assert negative[0] > 0
    assert negative[1] == pytest.approx(-0.597, abs=1e-3)  # the known answer of Proposition 1's counterexample


def test_a_constant_map_adds_nothing():
    x, t = torch.randn(1, 12, 3), torch.randn(1, 12, 1, 4)
    dead = torch.cat([t, torch.full_like(t, 0.3)], dim=2)
    of_two = observers.literal_chain([x], [dead], 5.0).information
    torch.testing.assert_close(of_two, observers.literal_chain([x], [t], 5.0).information)


def test_blocks_of_resnet18_are_its_stem_branches_and_outputs():
    layers = observers.residual_layers(models.build("resnet18"))
    assert layers[:3] == ["maxpool", "layer1.0.bn2", "layer1.0"]
    assert len(layers) == 1 + 2 * 8
    assert layers[-1] == "layer4.1"


# --------------------------------------------------------------------------------------------- inequalities


def observed_rows(values, spread=0.0):
    """Rows like those of `both_readings`: layers C1, P1, F1 with I(X;T) given, two mini-batches `spread` apart."""
    made = [
        {"part": "mnist", "dataset": "mnist", "model": "net", "seed": seed, "step": step, "epoch": 0.0, "batch": batch,
         "reading": "literal", "share": 0.0, "n_samples": 128, "layer": layer, "h_x": 5.0, "h_last": 5.0,
         "i_xt": value + spread * (batch - 0.5) * (layer == "P1"), "i_errors": value, "h_t": value}
        for seed in (0, 1) for step in (0, 10) for batch in (0, 1)
        for layer, value in zip(("C1", "P1", "F1"), values, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(made)


def judged(values, direction="forward", column="i_xt", spread=0.0):
    table = chains.with_tolerance(chains.differences(observed_rows(values, spread), direction, column))
    return table.groupby("pair", sort=False)[["difference", "tolerance", "holds", "strict", "at_bound"]].first()


def test_forward_pairs_are_earlier_minus_later():
    table = judged([3.0, 2.0, 2.5])
    assert list(table.index) == ["C1 → P1", "P1 → F1"]
    assert table["difference"].tolist() == [1.0, -0.5]
    assert table["holds"].tolist() == [True, False]


def test_backward_pairs_are_later_minus_earlier():
    table = judged([3.0, 2.0, 2.5], "backward", "i_errors")
    assert list(table.index) == ["P1 → C1", "F1 → P1"]
    assert table["difference"].tolist() == [-1.0, 0.5]


def test_pooling_pairs_end_at_a_pool():
    assert list(judged([3.0, 2.0, 2.5], "pooling", "h_t").index) == ["C1 → P1"]


@pytest.mark.parametrize(("spread", "holds"), [(0.1, False), (0.6, True)])
def test_tolerance_is_two_standard_errors_over_mini_batches(spread, holds):
    table = judged([2.0, 2.5, 1.0], spread=spread)
    # two values `spread` apart: variance spread^2 / 2, of their mean spread^2 / 4
    assert table.loc["C1 → P1", "tolerance"] == pytest.approx(spread)
    assert table.loc["C1 → P1", "holds"] == holds
    assert not table.loc["C1 → P1", "strict"]


def test_a_pair_is_at_a_bound_where_both_sides_are():
    assert judged([5.0, 4.99, 0.01])["at_bound"].tolist() == [True, True]
    assert judged([5.0, 3.0, 0.01])["at_bound"].tolist() == [False, False]


@pytest.mark.parametrize(
    ("bounds", "chosen"),
    [({0.1: 0.5, 0.3: 0.04, 1.0: 0.0}, 0.3), ({0.1: 0.5, 0.3: 0.2, 1.0: 0.3}, 0.3), ({0.1: 0.0, 1.0: 0.0}, 0.1)],
)
def test_second_reading_takes_the_smallest_share_under_five_percent_or_the_least(bounds, chosen):
    table = pd.DataFrame([("forward", "relative", "all", *each) for each in bounds.items()],
                         columns=["direction", "reading", "case", "share", "at_bound"])  # fmt: skip
    assert chains.best_share(table, "forward") == (chosen, bounds[chosen])


# --------------------------------------------------------------------------------------------- settings and data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": "cifar10"}, "images must be one of mnist, fashion-mnist, digits"),
        ({"n_seeds": 0}, "n_seeds must be at least 1"),
        ({"epochs": 0.0}, "epochs must be larger than 0"),
        ({"n_samples": 6_000}, "n_samples times n_batches must be at most n_test"),
        ({"variants": ("deep",)}, "variants must be among max_pool"),
    ],
)
def test_wrong_settings_are_refused_by_name(change, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(paper.PROFILES["paper"], **change)


def test_moments_have_the_start_the_early_step_and_the_end(monkeypatch):
    monkeypatch.setattr(settings, "steps_per_epoch", lambda *_: 469)
    chosen = paper.PROFILES["paper"]
    at = settings.moments(chosen, "mnist", settings.BASE)
    assert {0, 1, 1407, 4690} <= set(at)
    assert settings.steps_of(chosen, "third", settings.RELU) == 30 * 469
    assert settings.steps_of(chosen, "mnist", settings.LARGE) == 2 * 469


def test_grey_is_luma_of_the_middle():
    x = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    made = data.Dataset(
        x, torch.zeros(3, dtype=torch.int64), x[:2], torch.zeros(2, dtype=torch.int64), ("a",), "c", "s"
    )
    found = data.grey(made)
    assert found.name == "c-grey28"
    assert found.x_train.shape == (3, 1, 28, 28)
    slow = 0.299 * x[1, 0, 7, 9] + 0.587 * x[1, 1, 7, 9] + 0.114 * x[1, 2, 7, 9]
    assert found.x_train[1, 0, 5, 7] == pytest.approx(float(slow), abs=1e-6)
    with pytest.raises(ValueError, match="3 channels"):
        data.grey(found)


def test_third_data_set_says_what_it_stands_in_for(monkeypatch, tmp_path):
    monkeypatch.setenv("MI_KIT_HOME", str(tmp_path))
    monkeypatch.setenv("MI_KIT_OFFLINE", "1")
    settings._dataset.cache_clear()
    dataset = settings.dataset_of(paper.PROFILES["smoke"], "third")
    settings._dataset.cache_clear()
    if dataset.is_default:
        assert "standing in for svhn" in dataset.banner()
    else:
        assert dataset.input_shape == (1, 28, 28)
        assert dataset.name == "svhn-grey28" or "stands in for svhn" in dataset.banner()


@pytest.mark.parametrize("name", [name for name in models.names() if name.startswith("lenet5_")])
def test_lenet5_like_networks_have_the_filters_of_their_name(name):
    table = models.describe(name)
    widths = [shape[0] for shape in table.loc[table["layer"].str.startswith("conv"), "output_shape"]]
    digits = [int(part) for part in name.split("_")[2:] if part.isdigit()]
    assert widths == (digits or [6, 16])
    assert table["output_shape"].iloc[-1] == (10,)


def test_sigmoid_networks_start_with_four_times_glorots_spread():
    network = models.build(settings.BASE)
    weight = network.F1[1].weight
    assert float(weight.detach().abs().max()) == pytest.approx(4 * (6 / sum(weight.shape)) ** 0.5, rel=1e-3)
    assert float(network.F1[1].bias.detach().abs().max()) == 0


# --------------------------------------------------------------------------------------------- rules


def pairs(values, readings=("literal",)):
    """Rows of `inequalities`: of 100 pairs a seed, a share holds; one share for every reading."""
    made = [
        {"dataset": "mnist", "model": "net", "seed": seed, "step": 100, "reading": reading, "pair": "C1 → P1",
         "holds": k < 100 * (share + scale * SPREAD[seed])}
        for reading, (share, scale) in zip(readings, values, strict=True) for seed in SEEDS for k in range(100)
    ]  # fmt: skip
    return pd.DataFrame(made)


@pytest.mark.parametrize(("share", "scale", "verdict"), [(0.95, 0.1, HOLDS), (0.6, 0.1, FAILS), (0.82, 0.8, UNDECIDED)])
def test_most_pairs_rule(share, scale, verdict):
    assert rules.judge_most_pairs(pairs([(share, scale)])).verdict == verdict


@pytest.mark.parametrize(
    ("literal", "second", "verdict"),
    [((0.5, 0.1), (0.9, 0.2), HOLDS), ((0.9, 0.1), (0.5, 0.2), FAILS), ((0.7, 0.1), (0.7, 0.9), UNDECIDED)],
)
def test_mended_rule(literal, second, verdict):
    assert rules.judge_mended(pairs([literal, second], ("literal", "second"))).verdict == verdict


def test_mended_rule_looks_at_the_second_half_only():
    late = pairs([(0.5, 0.0), (0.9, 0.0)], ("literal", "second"))
    early = pairs([(0.9, 0.0), (0.1, 0.0)], ("literal", "second")).assign(step=49)
    assert rules.judge_mended(pd.concat([early, late])).verdict == HOLDS


def of_models(values, column="value", scale=0.1, **more):
    made = [
        {"dataset": "mnist", "model": model, "seed": seed, "step": 4_690, "layer": "C2", "whole": 5.0,
         column: value + scale * SPREAD[seed] * (place > 0)} | more
        for place, (model, value) in enumerate(values.items()) for seed in SEEDS
    ]  # fmt: skip
    return pd.DataFrame(made)


@pytest.mark.parametrize(("relu", "scale", "verdict"), [(3.0, 0.1, HOLDS), (1.0, 0.1, FAILS), (2.1, 2.0, UNDECIDED)])
def test_relu_keeps_more_rule(relu, scale, verdict):
    made = of_models({rules.BASE: 2.0, rules.RELU: relu}, scale=scale)
    assert rules.judge_relu_keeps_more(made).verdict == verdict


@pytest.mark.parametrize(
    ("value", "scale", "verdict"), [(0.01, 0.01, HOLDS), (1.0, 0.1, FAILS), (0.05, 0.5, UNDECIDED)]
)
def test_is_zero_rule(value, scale, verdict):
    made = of_models({"other": 0.0, "net": value}, scale=scale)
    assert rules.judge_is_zero(made[made["model"] == "net"]).verdict == verdict


@pytest.mark.parametrize(
    ("large", "scale", "no_gain", "gain"),
    [
        (0.95, 0.001, FAILS, HOLDS),
        (0.90, 0.001, HOLDS, FAILS),
        (0.903, 0.001, HOLDS, FAILS),  # 0.3 points are no gain
        (0.905, 0.1, UNDECIDED, UNDECIDED),
    ],
)
def test_gain_rules(large, scale, no_gain, gain):
    made = of_models({"small": 0.90, "large": large}, scale=scale)
    assert rules.judge_no_gain(made).verdict == no_gain
    assert rules.judge_gain(made).verdict == gain


@pytest.mark.parametrize(("last", "scale", "verdict"), [(2.0, 0.1, HOLDS), (0.5, 0.1, FAILS), (1.1, 3.0, UNDECIDED)])
def test_grows_in_training_rule(last, scale, verdict):
    made = [
        {"dataset": "mnist", "model": "net", "seed": seed, "step": step, "layer": layer,
         "redundancy": 1.0 if step == 0 else last + scale * SPREAD[seed]}
        for layer in ("C1", "C2") for step in (0, 10) for seed in SEEDS
    ]  # fmt: skip
    assert rules.judge_grows_in_training(pd.DataFrame(made)).verdict == verdict


@pytest.mark.parametrize(
    ("values", "scale", "verdict"),
    [((1.0, 2.0, 3.0), 0.1, HOLDS), ((1.0, 2.0, 1.5), 0.1, FAILS), ((1.0, 2.0, 2.1), 3.0, UNDECIDED)],
)
def test_grows_with_filters_rule(values, scale, verdict):
    made = [
        {"dataset": "mnist", "model": str(n), "n_filters": n, "seed": seed, "step": 10, "layer": "C2",
         "redundancy": value + scale * SPREAD[seed] * (n == 64)}
        for n, value in zip((2, 16, 64), values, strict=True) for seed in SEEDS
    ]  # fmt: skip
    assert rules.judge_grows_with_filters(pd.DataFrame(made)).verdict == verdict


@pytest.mark.parametrize(
    ("of_x", "of_y", "scale", "verdict"),
    [
        ((1.0, 2.0, 2.0), (1.0, 2.0, 2.0), 0.01, HOLDS),
        ((1.0, 2.0, 1.5), (1.0, 2.0, 2.0), 0.01, FAILS),
        ((1.0, 2.0, 2.0), (1.0, 2.0, 1.5), 0.01, FAILS),  # I(T;Y) must not fall either
        ((1.0, 2.0, 1.9), (1.0, 2.0, 2.0), 1.0, UNDECIDED),
    ],
)
def test_no_compression_rule(of_x, of_y, scale, verdict):
    made = [
        {"dataset": "mnist", "model": rules.BASE, "seed": seed, "step": step, "layer": "C1",
         "value": of_x[step] + scale * SPREAD[seed] * (step == 2), "i_ty": of_y[step]}
        for step in range(3) for seed in SEEDS
    ]  # fmt: skip
    assert rules.judge_no_compression(pd.DataFrame(made)).verdict == verdict


def test_every_claim_has_a_rule_tested_here():
    source = inspect.getsource(inspect.getmodule(test_every_claim_has_a_rule_tested_here))
    assert not {claim.rule.__name__ for claim in rules.CLAIMS if f"rules.{claim.rule.__name__}(" not in source}


def test_every_claim_selects_rows_with_what_its_rule_needs(smoke_on_digits, monkeypatch):
    monkeypatch.setenv("MI_KIT_HOME", str(smoke_on_digits.parent.parent))
    monkeypatch.setenv("MI_KIT_OFFLINE", "1")
    monkeypatch.delenv("MI_KIT_DATA", raising=False)
    settings._dataset.cache_clear()
    experiment = experiments.open("02", "smoke", n_seeds=2)
    ids = [f"1{letter}" for letter in "abcd"] + [f"2{letter}" for letter in "abcdef"] + ["3"]
    ids += [f"{number}{letter}" for number, letters in ((4, "abc"), (5, "abcd"), (6, "abcd")) for letter in letters]
    assert {claim.id for claim in rules.CLAIMS} == set(ids)
    table = pd.read_csv(smoke_on_digits / "02_renyi_dpi" / "claims.csv", keep_default_na=False)
    assert len(table) == len(rules.CLAIMS)
    assert (table["measured"].eq("") == table["verdict"].eq("not tested")).all()
    assert experiment.module is paper
    tables = {name: experiment.table(name) for name in paper.TABLES}
    for claim in rules.CLAIMS:  # judged here although their needs are unmet: these tables have all that rules read
        assert len(claim.rule(claim.select(tables)).measured) > 10
    settings._dataset.cache_clear()


@pytest.mark.parametrize(("names", "unmet"), [({"a"}, False), ({"b"}, False), ({"c"}, True)])
def test_one_of_several_data_sets_will_do(names, unmet):
    rows = pd.DataFrame(
        [{"dataset": name, "model": "net", "seed": seed, "step": 1} for name in names for seed in SEEDS]
    )
    assert bool(Needs(any_of=("a", "b")).unmet(rows)) == unmet


def test_silent_choices_differ_from_the_literal_reading(moment):
    x, y = moment.dataset.x_test, moment.dataset.y_test
    module, layers = moment.modules()[0], ["C1", "P1", "F1", "F2"]
    signals = x, y, probes.activations(module, x, layers), probes.error_signals(module, x, y, [*layers, ""])
    chosen = dataclasses.replace(paper.PROFILES["smoke"], n_batches=BATCHES)
    base = beyond.estimated_again(signals, chosen, alpha=[1.01])
    for options in ({"alpha": [2.0]}, {"factor": 2**-0.5}, {"offset": 4.0}):
        other = beyond.estimated_again(signals, chosen, **{"alpha": [1.01]} | options)
        assert np.abs(other["i_xt"] - base["i_xt"]).max() > 1e-3
    literal = pd.DataFrame(observers.observe_chains(moment, n_samples=N, n_batches=BATCHES, alpha=1.01, h=H, shares=()))
    np.testing.assert_allclose(base["i_xt"], literal["i_xt"], atol=1e-6)
    np.testing.assert_allclose(base["i_errors"], literal["i_errors"], atol=1e-6)


def test_falls_are_told_with_the_moment_of_the_largest_value():
    rows = [
        {"part": part, "dataset": "mnist", "model": model, "direction": "forward", "reading": "second", "seed": seed,
         "step": step, "layer": layer, "value": value}
        for part, model in settings.BASELINES for seed in SEEDS
        for layer, path in {"C1": (3.0, 1.0, 2.0), "F2": (1.0, 2.0, 2.0)}.items()
        for step, value in zip((0, 50, 100), path, strict=True)
    ]  # fmt: skip
    told = sentences.fall_words(types.SimpleNamespace(table=lambda name: {"chains": pd.DataFrame(rows)}[name]))
    assert told.count("second C1 by 1.00 [1.00, 1.00] bit, largest after 0% of the training") == 4


def caption_of(experiment: experiments.Experiment, name: str) -> str:
    spec = experiment.module.FIGURES[name]
    return f"{spec.caption} {experiment.module.facts(experiment, spec.table(experiment))}"


def test_captions_say_what_is_drawn():
    """On the published tables: F5 is one of five seeds, F6 one mini-batch of four, unit_pairs are five bandwidths."""
    experiment = experiments.open("02", "paper")
    pairs = caption_of(experiment, "F5")
    assert "1 seed," in pairs
    assert "5 seeds" not in pairs
    for name in ("F5", "F6", "F6_literal"):
        assert "one mini-batch" in caption_of(experiment, name)
        assert "mini-batches" not in caption_of(experiment, name)
    assert "mean over seeds and mini-batches" in caption_of(experiment, "F3")
    units = caption_of(experiment, "unit_pairs")
    assert "second reading" not in units
    assert "Squared bandwidths: 0.1, 0.3, 1, 3 and 10 of the variance." in units


def test_the_middle_of_f3_is_the_epoch_that_the_paper_shows():
    chains = experiments.open("02", "paper").table("chains")
    figure = figures.draw_f3(chains[chains["reading"] == "literal"])
    epochs = [ax.get_title(loc="left").split()[-1] for ax in figure.axes[:9]]
    assert epochs == ["0", "3", "10", "0", "3", "10", "0", "10", "30"]
    figures.plt.close(figure)
