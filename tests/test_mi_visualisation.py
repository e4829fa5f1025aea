"""Notebook 01 kernel by kernel: estimates, ranks, pruning, correlations, each against a slow obvious version."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from slow_formulas import kde_by_hand
from torch import nn

from mi_kit import data, experiments, models, training
from mi_kit import estimators as est
from mi_kit.experiments.mi_visualisation import advice, kernels, observers, planes, settings


def maps_of(n=60, n_kernels=3, side=4, seed=0) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, kernels, side, side) maps that know something of one of three classes; the last kernel is constant."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % 3
    told = y[:, None, None, None] * np.arange(n_kernels)[:, None, None]
    maps = generator.normal(size=(n, n_kernels, side, side)) + told
    maps[:, -1] = 2.5
    return torch.tensor(maps, dtype=torch.float32), torch.tensor(y)


# --------------------------------------------------------------------------------------------- observers


def test_kernels_of_a_batch_have_what_the_full_distance_matrix_gives_each():
    maps, y = maps_of()
    t = maps.transpose(0, 1).flatten(2)[None]  # (members, kernels, n, values)
    found = observers.kernel_information(t, y, (0.1, 1.0), (0.3,), 3)
    for kernel in range(2):
        values = t[0, kernel].double()
        own = float(values.var(0, unbiased=False).sum())
        for place, variance in enumerate((0.1, 1.0, 0.3 * own)):
            i_xt, i_ty, per_class = kde_by_hand(values.numpy(), y.numpy(), variance, "upper", 3)
            assert float(found.i_xt[place, 0, kernel]) == pytest.approx(i_xt, abs=1e-3)
            assert float(found.i_ty[place, 0, kernel]) == pytest.approx(i_ty, abs=1e-3)
            np.testing.assert_allclose(found.i_ty_per_class[place, 0, kernel].numpy(), per_class, atol=1e-3)


def test_a_constant_kernel_is_told_and_knows_nothing_under_any_noise():
    maps, y = maps_of()
    t = maps.transpose(0, 1).flatten(2)
    assert est.is_constant(t).tolist() == [False, False, True]
    found = observers.kernel_information(t, y, (0.1,), (0.1, 1.0), 3)
    torch.testing.assert_close(found.i_ty[:, 2], torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.i_xt[:, 2], torch.zeros(3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e4])
def test_relative_noise_does_not_see_the_scale_of_a_kernel(factor):
    maps, y = maps_of()
    t = maps[:, :2].transpose(0, 1).flatten(2)
    one, other = (observers.kernel_information(each, y, (), (0.1, 1.0), 3) for each in (t, factor * t))
    for quantity, scaled in zip(one, other, strict=True):
        torch.testing.assert_close(quantity, scaled, atol=2e-4, rtol=0)


def test_total_variance_is_the_mean_squared_distance_from_the_mean():
    t = torch.randn(2, 5, 7, 3, dtype=torch.float64)
    slow = [[float(((one - one.mean(0)) ** 2).sum() / 7) for one in member] for member in t]
    torch.testing.assert_close(est.total_variance(t), torch.tensor(slow, dtype=torch.float64))


def test_renyi_rows_equal_the_estimator_on_scaled_variables():
    x, y = torch.randn(40, 1, 2, 3), torch.arange(40) % 4
    t = torch.randn(2, 40, 5)
    rows = observers.renyi_rows(x, t, y, 30)
    assert [row["n_samples"] for row in rows] == [30, 30]
    scaled = [(v - 0) / ((v - v.mean(0)).square().sum(-1).mean().sqrt()) for v in (x[:30].flatten(1), t[1, :30])]
    expected = est.renyi_mutual_information(scaled[0], scaled[1], alpha=1.01, bandwidth=0.1**0.5)
    assert rows[1]["i_xt"] == pytest.approx(float(expected), abs=1e-4)
    labels = torch.nn.functional.one_hot(y[:30]).float()
    expected = est.renyi_mutual_information(labels, scaled[1], alpha=1.01, bandwidth=(0.1, 0.1**0.5))
    assert rows[1]["i_ty"] == pytest.approx(float(expected), abs=1e-4)


def test_the_first_half_of_the_samples_is_a_random_half():
    numbers = observers.some_numbers(1000, 600)
    assert len(set(numbers.tolist())) == 600
    assert torch.equal(numbers, observers.some_numbers(1000, 600))
    assert 200 < (numbers[:300] < 500).sum() * 2 < 400


def test_maps_as_bytes_span_the_kernels_own_range():
    maps = np.array([[[-1.0, 0.0]], [[1.0, 3.0]]])
    pixels, low, high = observers.as_bytes(maps)
    assert (low, high) == (-1.0, 3.0)
    np.testing.assert_array_equal(pixels, [[[0, 64]], [[128, 255]]])
    assert observers.as_bytes(np.full((2, 1, 2), 5.0))[0].max() == 0  # a constant kernel is black


@pytest.fixture(scope="module")
def moment_rows():
    """One step of LeNet on digits with the three observers, and the module that they saw."""
    dataset = data.load("digits", n_train=200, n_test=60)
    seen = {}

    def look(moment):
        seen["activations"] = moment.activations(None, dataset.x_test)
        kernel_rows = observers.observe_kernels(moment, noise_variances=(0.1,), noise_shares=(0.3,), n_samples=50)
        more = {"noise_variances": (0.1, 1.0), "noise_shares": (0.3,), "n_samples": 50, "n_patterns": 8, "n_bins": 5}
        seen["plane"] = pd.DataFrame(observers.observe_plane(moment, **more, renyi_samples=20))
        seen["kernels"], seen["maps"] = kernel_rows, pd.DataFrame(observers.observe_maps(moment))
        return []

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        more = {"device": "cpu", "progress": False, "folder": folder}
        training.train("lenet", dataset, steps=0, observe=look, observe_at=[0], **more)
    return dataset, seen


def test_observed_kernels_are_those_of_the_two_blocks(moment_rows):
    dataset, seen = moment_rows
    rows = seen["kernels"]
    assert rows.groupby(["noise", "layer"])["kernel"].nunique().to_dict() == {
        ("absolute", "block1"): 24, ("absolute", "block2"): 48, ("relative", "block1"): 24, ("relative", "block2"): 48,
    }  # fmt: skip
    chosen = observers.some_numbers(60, 50)
    values = seen["activations"]["block2"][0, chosen, 17].flatten(1)
    i_xt, i_ty, per_class = kde_by_hand(values, dataset.y_test[chosen], 0.1, "upper", 10)
    row = rows[(rows["noise"] == "absolute") & (rows["layer"] == "block2") & (rows["kernel"] == 17)].iloc[0]
    assert (row["i_xt"], row["i_ty"]) == (pytest.approx(i_xt, abs=1e-3), pytest.approx(i_ty, abs=1e-3))
    np.testing.assert_allclose(kernels.class_values(rows[rows.index == row.name]).iloc[0], per_class, atol=1e-3)


def test_observed_maps_are_the_activations_of_one_image_a_class(moment_rows):
    dataset, seen = moment_rows
    rows = seen["maps"]
    chosen = rows[(rows["layer"] == "block1") & (rows["kernel"] == 5)].sort_values("class")
    answers = seen["activations"]["block1"][0, observers.first_of_each_class(dataset), 5].numpy()
    assert dataset.y_test[observers.first_of_each_class(dataset)].tolist() == list(range(10))
    found = np.array([np.frombuffer(each, np.uint8).reshape(14, 14) for each in chosen["map"]]) / 255
    low, high = chosen["low"].iloc[0], chosen["high"].iloc[0]
    np.testing.assert_allclose(low + found * (high - low), answers, atol=(high - low) / 255)


def test_observed_planes_have_every_estimator_and_number_of_samples(moment_rows):
    dataset, seen = moment_rows
    rows = seen["plane"]
    assert set(rows["layer"]) == {"block1", "block2", "fc", "output", "softmax"}
    assert set(rows["estimator"]) == {"kde upper", "kde lower", "binning", "renyi"}
    assert set(rows["n_samples"]) == {50, 25, 20}  # a quarter is too few for ten classes
    chosen = observers.some_numbers(60, 50)
    logits = seen["activations"]["output"][0, chosen]
    half = rows[(rows["layer"] == "softmax") & (rows["n_samples"] == 25) & (rows["noise"] == "absolute")].iloc[0]
    expected = est.kde_information(torch.softmax(logits[:25], -1), dataset.y_test[chosen][:25], noise_variance=0.1)
    assert half["i_ty"] == pytest.approx(float(expected.i_ty), abs=1e-4)
    binned = rows[(rows["layer"] == "output") & (rows["estimator"] == "binning")].iloc[0]
    assert binned["i_xt"] == pytest.approx(float(est.binned_information(logits, dataset.y_test[chosen], n_bins=5).i_xt))


# --------------------------------------------------------------------------------------------- ranks and classes


def test_spearman_equals_scipy_with_ties_and_leaves_constants_undefined():
    values = np.random.default_rng(0).integers(0, 5, (20, 4)).astype(float)
    np.testing.assert_allclose(kernels.spearman(values), stats.spearmanr(values).statistic)
    values[:, 2] = 1
    found = kernels.spearman(values)
    assert np.isnan(found[2]).all()
    assert not np.isnan(found[0, 1])


def kernel_table(of_step: dict[int, np.ndarray], **more) -> pd.DataFrame:
    """The kernels' table of one block and seed: (kernels, classes) values at each step."""
    made = {"part": "main", "dataset": "mnist", "model": "lenet", "layer": "block1", "seed": 0, "at_bound": False}
    made |= more
    tables = []
    for step, values in of_step.items():
        table = pd.DataFrame(values, columns=[f"class{c}" for c in range(values.shape[1])])
        tables.append(table.assign(kernel=range(len(values)), i_ty=values.mean(1), step=step, **made))
    return pd.concat(tables, ignore_index=True)


def test_agreement_is_one_where_all_classes_rank_alike_and_follows_the_order_over_time():
    order = np.arange(6.0)
    same, mixed = np.stack([order, 2 * order, order**3], 1), np.stack([order, -order, order], 1)
    found = kernels.agreement_of(kernel_table({0: same, 10: -same, 20: mixed}), "made").set_index("step")
    np.testing.assert_allclose(found["between_classes"], [1, 1, (-1 + 1 - 1) / 3])
    np.testing.assert_allclose(found["with_start"], [1, -1, (1 - 1 + 1) / 3])
    assert set(found["reading"]) == {"made"}


def test_agreement_equals_a_loop_over_pairs_of_classes():
    values = np.random.default_rng(3).random((24, 10))
    found = kernels.agreement_of(kernel_table({0: values}), "")["between_classes"].iloc[0]
    pairs = [stats.spearmanr(values[:, a], values[:, b]).statistic for a, b in itertools.combinations(range(10), 2)]
    assert found == pytest.approx(np.mean(pairs))


def test_class_means_are_those_of_the_last_step_over_the_kernels():
    values = np.random.default_rng(4).random((5, 10))
    found = kernels.means_of(kernel_table({0: values + 1, 30: values}), "made")
    np.testing.assert_allclose(found.sort_values("class")["value"], values.mean(0))
    assert set(found["step"]) == {30}


@pytest.mark.parametrize("steps", [1, 3, 103, 1_003, 5_002, 50_000, 50_003])
@pytest.mark.parametrize("n_even", [5, 50])
def test_the_moments_that_rules_read_are_recorded(steps, n_even):
    found = settings.moments(steps, 3, n_even)
    assert {0, settings.first_fifth(steps), 2 * settings.first_fifth(steps), steps} <= set(found)
    assert max(found) == steps


def test_changes_are_per_iteration_between_neighbouring_moments():
    table = kernel_table({0: np.zeros((2, 3)), 10: np.ones((2, 3)), 30: np.full((2, 3), 2.0)})
    found = kernels.changes(table)
    assert found["step"].tolist() == [10, 30]
    np.testing.assert_allclose(found["value"], [1 / 10, 1 / 20])


def test_shown_steps_are_evenly_spaced_and_have_the_first_and_the_last():
    table = pd.DataFrame({"step": [0, 1, 3, 10, *range(1000, 50_001, 1000)]})
    assert kernels.shown_steps(table, 11) == [0, *range(5000, 50_001, 5000)]
    assert len(kernels.shown_steps(table, 26)) <= 26


# --------------------------------------------------------------------------------------------- pruning, correlations


def test_prunings_take_the_lowest_the_highest_and_random_kernels():
    information = np.array([0.3, 0.1, 0.2, 0.9])
    found = advice.prunings(information, (0.25, 0.5), n_repeats=3, seed=1)
    kept = {(each["order"], each["share"], each["repeat"]): each["kept"].tolist() for each in found}
    assert kept["none", 0.0, 0] == [True] * 4
    assert kept["lowest first", 0.25, 0] == [True, False, True, True]
    assert kept["lowest first", 0.5, 0] == [True, False, False, True]
    assert kept["highest first", 0.5, 0] == [False, True, True, False]
    random = [values for (order, share, _), values in kept.items() if order == "random" and share == 0.5]
    assert [sum(each) for each in random] == [2, 2, 2]
    again = advice.prunings(information, (0.25, 0.5), n_repeats=3, seed=1)
    assert all((a["kept"] == b["kept"]).all() for a, b in zip(found, again, strict=True))


@pytest.mark.parametrize("layer", ["block1", "block2"])
def test_pruned_accuracy_equals_a_network_whose_filters_are_zero(layer):
    dataset = data.load("digits", n_train=200, n_test=120)
    module = models.build("lenet", seed=1)
    optimiser = torch.optim.Adam(module.parameters())
    for _ in range(15):
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(dataset.x_train), dataset.y_train).backward()
        optimiser.step()
    n = module.get_submodule(layer)[0].out_channels
    shares = np.array([[0.5], [0.8], [0.95]])
    masks = [np.ones(n, dtype=bool), *(np.random.default_rng(0).random((3, n)) > shares)]
    found = advice.pruned_accuracy(module, dataset.x_test, dataset.y_test, layer, masks)
    slow = []
    for mask in masks:
        copied = models.copy_with(module, module.state_dict())
        with torch.no_grad():
            for kernel in np.flatnonzero(~mask):
                copied.get_submodule(layer)[0].weight[kernel] = 0
                copied.get_submodule(layer)[0].bias[kernel] = 0
            slow.append(float((copied(dataset.x_test).argmax(1) == dataset.y_test).float().mean()))
    assert found == pytest.approx(slow, abs=1.5 / len(dataset.x_test))  # one image may sit on the border
    assert len(set(slow)) > 1


def test_largest_correlations_equal_numpys_and_leave_constants_out():
    maps, _ = maps_of(n_kernels=5)
    found = advice.largest_correlations(maps)
    values = maps[:, :4].transpose(0, 1).flatten(1).numpy()
    r = np.abs(np.corrcoef(values)) - 2 * np.eye(4)
    assert found["kernel"].tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found["correlation"], r.max(1), atol=1e-6)
    assert found["partner"].tolist() == r.argmax(1).tolist()
    assert advice.largest_correlations(maps[:, 3:]).empty  # one kernel that varies has no partner


# --------------------------------------------------------------------------------------------- settings and tables


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"more_images": "cifar10"}, "more_images must be one of mnist, .*; got more_images='cifar10'"),
        ({"n_pruned": 501}, "n_pruned must be at most n_test=500; got n_pruned=501"),
        ({"n_pruned": 0}, "n_pruned must be at least 1; got n_pruned=0"),
        ({"noise_variances": (1.0,)}, r"noise_variances must have the literal 0.1; got \(1.0,\)"),
        ({"kernel_variances": (1.0,)}, "kernel_variances must have the literal 0.1"),
        ({"n_repeats": 0}, "n_repeats must be at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        experiments.open("01", "quick", **change)


def test_the_noise_of_planes_is_the_smallest_with_few_at_a_bound():
    shares = pd.DataFrame({"noise_variance": [0.1, 0.3, 1.0], "share": [0.3, 0.04, 0]})
    shares = shares.assign(model="all", noise="relative")
    assert planes.best_noise(shares, "relative") == (0.3, 0.04)
    assert planes.best_noise(shares.assign(share=[0.3, 0.2, 0.25]), "relative") == (0.3, 0.2)


@pytest.mark.parametrize(
    ("shares", "by_chance", "chosen"),
    [
        ([0, 0, 0], [0.09, 0.05, 0], 0.1),
        ([0, 0, 0], [0.5, 0.09, 0], 0.3),  # nothing at a bound, but half of it chance
        ([0.06, 0, 0], [0.05, 0.05, 0], 0.3),
        ([0, 0, 0], [0.5, 0.4, 0.3], 1.0),  # none will do: the least
    ],
)
def test_the_noise_of_kernels_leaves_little_to_chance(shares, by_chance, chosen):
    table = pd.DataFrame({"noise_variance": [0.1, 0.3, 1.0], "share": shares, "by_chance": by_chance})
    found = kernels.best_kernel_noise(table.assign(model="all", noise="relative"))
    assert found[0] == chosen


def test_shuffled_labels_are_estimated_for_every_fourth_kernel(moment_rows):
    dataset, seen = moment_rows
    rows = seen["kernels"]
    known = rows.groupby("kernel")["i_ty_shuffled"].apply(lambda values: values.notna().all())
    assert known[known].index.tolist() == list(range(0, 48, 4))
    chosen = observers.some_numbers(60, 50)
    y = observers.shuffled(dataset.y_test[chosen])
    assert sorted(y.tolist()) == sorted(dataset.y_test[chosen].tolist())
    values = seen["activations"]["block1"][0, chosen, 8].flatten(1)
    row = rows[(rows["noise"] == "absolute") & (rows["layer"] == "block1") & (rows["kernel"] == 8)].iloc[0]
    assert row["i_ty_shuffled"] == pytest.approx(kde_by_hand(values, y, 0.1, "upper", 10)[1], abs=1e-3)


def test_class_names_are_those_of_the_data_set():
    assert settings.class_names("fashion-mnist")[6] == "Shirt"
    assert settings.class_names("mnist") == settings.class_names("digits") == tuple("0123456789")


@pytest.fixture
def smoke(smoke_on_digits, monkeypatch):
    """The experiment of the smoke run, its tables answered from what that left."""
    monkeypatch.setenv("MI_KIT_HOME", str(smoke_on_digits.parents[1]))
    monkeypatch.setenv("MI_KIT_OFFLINE", "1")
    monkeypatch.delenv("MI_KIT_DATA", raising=False)
    return experiments.open("01", "smoke")


@pytest.mark.slow
def test_response_maps_are_of_the_kernels_with_most_and_least_information(smoke):
    maps, table = smoke.table("response_maps"), smoke.table("second_kernels")
    block = ["part", "model", "layer", "step"]
    known = table[table["seed"] == 0].groupby(block)["i_ty"]
    shown = maps[maps["place"] != 0].drop_duplicates([*block, "place"]).set_index(block)
    assert set(shown["place"]) == {1, 2, 3, 4, -4, -3, -2, -1}
    np.testing.assert_allclose(shown.loc[shown["place"] == 1, "i_ty"], known.max()[shown[shown["place"] == 1].index])
    np.testing.assert_allclose(shown.loc[shown["place"] == -1, "i_ty"], known.min()[shown[shown["place"] == -1].index])
    per_kernel = maps.groupby([*block, "place"])["class"].nunique()
    assert set(per_kernel) == {10}


@pytest.mark.slow
def test_kernels_at_a_bound_are_not_the_constant_ones(smoke):
    table = smoke.table("literal_kernels")
    assert not (table["at_bound"] & table["constant"]).any()
    assert set(table["noise_variance"]) == {0.1}


@pytest.mark.slow
def test_every_claim_that_can_be_is_judged_under_every_estimate(smoke):
    table = smoke.table("survival")
    assert set(table["verdict"]) == {"not tested"}  # digits are none of the data sets that the claims speak of
    for _, rows in table.groupby("kind"):
        assert (rows.groupby("variant")["claim"].nunique() == rows["claim"].nunique()).all()
    assert {"second reading", "literal reading", "lower bound", "1/2 of the samples", "binning", "Rényi"} <= set(
        table["variant"]
    )


@pytest.mark.slow
def test_what_is_pruned_is_tested_in_every_order(smoke):
    table = smoke.table("pruning")
    counts = table.groupby(["part", "layer", "seed", "order"])["accuracy"].size().reset_index()
    assert (counts[counts["order"] == "random"]["accuracy"] == 2).all()
    assert set(table["order"]) == {"none", "lowest first", "highest first", "random"}
    assert table["accuracy"].between(0, 1).all()
