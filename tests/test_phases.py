"""Paths with known answers: transitions, slopes, and inversions counted pair by pair."""

import itertools
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mi_kit import data, models, phases, training
from mi_kit.runs import Recorder

REAL_DATA = Path(os.environ.get("MI_KIT_DATA") or "/nonexistent").expanduser().resolve()
EPOCHS = np.arange(101) / 2  # 101 points over 50 epochs


def path(i_xt, i_ty, noise=0.0, seed=0, epochs=EPOCHS):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {"step": np.arange(len(i_xt)) * 10, "epoch": epochs[: len(i_xt)],
         "i_xt": i_xt + noise * random.standard_normal(len(i_xt)),
         "i_ty": i_ty + noise * random.standard_normal(len(i_xt))}
    )  # fmt: skip


def two_phases(noise=0.0):
    """I(X;T) up to 8 bit at epoch 10, down to 4 at epoch 30, then level; I(T;Y) up to 2 bit, then 2.8, then level."""
    i_xt = np.interp(EPOCHS, [0, 10, 30, 50], [1, 8, 4, 4])
    i_ty = np.interp(EPOCHS, [0, 10, 30, 50], [0, 2, 2.8, 2.8])
    return path(i_xt, i_ty, noise)


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_transition_height_slope_and_convergence_of_two_phases(noise):
    found = phases.read(two_phases(noise))
    assert found.compresses
    assert found.epoch == pytest.approx(10, abs=1.5)  # the corner is rounded off by the smoothing
    assert found.height == pytest.approx(2.0, abs=0.1)
    assert found.converged_epoch == pytest.approx(30, abs=2)
    assert found.slope == pytest.approx(-0.2, abs=0.02)
    assert "compresses" in str(found)


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_path_that_only_rises_has_no_transition(noise):
    found = phases.read(path(np.linspace(1, 9, 101), np.linspace(0, 3, 101), noise))
    assert not found.compresses
    assert found.step == found.converged_step == 1000
    assert np.isnan(found.slope)
    assert str(found).startswith("no compression")


def test_a_steep_start_does_not_hide_a_small_fall():
    """Points in logarithmic distance before even ones: within a window the start bends far more than it scatters."""
    epochs = np.unique(np.concatenate([np.geomspace(0.01, 0.5, 20, endpoint=False), np.arange(0, 50.5, 0.5)]))
    rising = 9 - 8 * np.exp(-epochs / 0.3)
    falling = 0.5 * np.clip((epochs - 10) / 40, 0, 1)
    found = phases.read(path(rising - falling, rising / 3, noise=0.02, epochs=epochs))
    assert found.compresses
    assert 0.35 < found.i_xt - found.converged_i_xt < 0.5  # arrived where 0.06 bit are left
    assert not phases.read(path(rising - 0.02 * falling, rising / 3, noise=0.02, epochs=epochs)).compresses


def test_slope_of_a_small_fall_holds_all_of_it():
    """A fall of five times the scatter has arrived before most of it is done: measured to there, the slope scatters by
    0.27 around -0.2."""
    i_xt = np.interp(EPOCHS, [0, 5, 50], [1, 8, 7.75])
    i_ty = np.interp(EPOCHS, [0, 5, 50], [0, 2, 2.05])
    found = [phases.read(path(i_xt, i_ty, noise=0.05, seed=seed)) for seed in range(40)]
    assert all(each.compresses for each in found)
    slopes = [each.slope for each in found]
    assert np.mean(slopes) == pytest.approx(-0.2, abs=0.07)  # three standard errors
    assert np.std(slopes) < 0.2


def test_noise_on_a_level_path_is_no_compression():
    for seed in range(20):
        level = path(np.full(101, 5.0), np.full(101, 2.0), 0.3, seed)
        assert not phases.read(level).compresses


def test_an_untrained_softmax_far_to_the_right_is_no_transition():
    i_xt = np.interp(EPOCHS, [0, 5, 20, 50], [9, 1, 7, 4])
    i_ty = np.interp(EPOCHS, [0, 5, 20, 50], [1.0, 0.1, 2.8, 3.0])
    assert phases.read(path(i_xt, i_ty)).epoch == pytest.approx(20, abs=1.5)


def test_slope_shortly_after_the_transition():
    i_xt = np.interp(EPOCHS, [0, 10, 14, 50], [1, 8, 6, 4])
    i_ty = np.interp(EPOCHS, [0, 10, 14, 50], [0, 2, 2.8, 2.8])
    made = path(i_xt, i_ty)
    assert phases.slope_after(made, 3, window=1) == pytest.approx(-0.4, abs=1e-9)
    assert phases.read(made, window=1).slope == pytest.approx(-0.2, abs=0.01)
    assert np.isnan(phases.slope_after(made, 45))
    assert np.isnan(phases.slope_after(path(np.linspace(1, 9, 101), np.linspace(0, 3, 101)), 3))


def test_smoothing_is_the_mean_of_what_is_there():
    assert phases.smooth([1.0, 2.0, 6.0, 1.0], 3).tolist() == pytest.approx([1.5, 3.0, 3.0, 3.5])
    assert phases.smooth(np.full(50, 2.5)).tolist() == pytest.approx([2.5] * 50)
    assert [phases.window_for(np.zeros(n)) for n in (3, 40, 100, 600)] == [3, 3, 5, 31]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: two_phases().drop(columns="i_ty"), "path must have the columns .* i_ty"),
        (lambda: two_phases().head(2), "at least 3 points; got 2"),
        (lambda: two_phases().assign(i_xt=np.nan), "must be finite"),
        (lambda: two_phases().iloc[::-1], "in the order of steps"),
        (lambda: pd.concat([two_phases(), two_phases()]), "in the order of steps"),
    ],
)
def test_what_is_no_path_is_refused(made, words):
    with pytest.raises(ValueError, match=words):
        phases.read(made())


# --------------------------------------------------------------------------------------------- recorded runs


def test_path_of_a_run_is_that_of_its_checkpoints(home):
    dataset = data.part(data.load("digits"), 60, 40)
    run = training.train("relu_mlp", dataset, seeds=[0, 3], steps=4, checkpoints=[0, 2, 4], progress=False)
    found = phases.path_of(run)
    assert found[["seed", "step"]].to_numpy().tolist() == [[0, 0], [3, 0], [0, 2], [3, 2], [0, 4], [3, 4]]
    logits = run.activations(4, [""])[""][1]
    bins = np.minimum(np.floor(torch.softmax(logits.double(), 1).numpy() * 10), 9)
    _, counts = np.unique(bins, axis=0, return_counts=True)
    entropy = -(counts / 40 * np.log2(counts / 40)).sum()
    last = found.iloc[-1]
    assert last["i_xt"] == pytest.approx(entropy, abs=1e-9)
    assert last["accuracy"] == pytest.approx(float((logits.argmax(1) == dataset.y_test).float().mean()), abs=1e-6)
    assert phases.read(found[found["seed"] == 0]).step in (0, 2, 4)


def test_path_of_a_recorded_network_of_ones_own(tmp_path):
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    recorder = Recorder(tmp_path / "mine", module)
    for step in (0, 5, 9):
        recorder.checkpoint(step)
    x, y = torch.rand(30, 4), torch.arange(30) % 3
    found = phases.path_of(recorder.run, x, y, n_bins=5)
    assert found["step"].tolist() == found["epoch"].tolist() == [0, 5, 9]
    assert found["i_ty"].tolist() == [found["i_ty"].iloc[0]] * 3  # the same weights
    with pytest.raises(ValueError, match="x and y must be given for a run without a data set"):
        phases.path_of(recorder.run)
    with pytest.raises(ValueError, match="x and y must be given together"):
        phases.path_of(recorder.run, x)


@pytest.mark.parametrize("flat", [False, True])
def test_the_path_of_a_network_of_one_logit_is_that_of_two_classes(tmp_path, flat):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1), *([nn.Flatten(0)] if flat else []))
    recorder = Recorder(tmp_path / "mine", module)
    recorder.checkpoint(0)
    x, y = torch.randn(50, 4), torch.arange(50) % 2
    with torch.no_grad():
        logits = module(x).reshape(-1, 1)
    (found,) = phases.path_of(recorder.run, x, y).itertuples()
    assert found.loss == pytest.approx(nn.BCEWithLogitsLoss()(logits[:, 0], y.float()).item() / np.log(2), rel=1e-6)
    assert found.accuracy == pytest.approx(float(((logits[:, 0] > 0) == y).float().mean()))
    expected = phases.softmax_information(torch.cat([0 * logits, logits], 1), y)
    assert (found.i_xt, found.i_ty) == (float(expected.i_xt), float(expected.i_ty))
    assert found.i_xt > 0


def test_outputs_moved_on_by_one_class_keep_their_information():
    logits = 8 * nn.functional.one_hot(torch.arange(40) % 4).double()
    found = [phases.softmax_information(logits.roll(shift, 1), torch.arange(40) % 4) for shift in (0, 1)]
    assert [float(each.i_ty) for each in found] == pytest.approx([2.0, 2.0], abs=1e-12)


# --------------------------------------------------------------------------------------------- inversions


def slow_inversions(i_xt, i_ty, accuracy):
    wins, count = 0.0, 0
    for i, j in itertools.permutations(range(len(i_xt)), 2):
        if i_ty[i] < i_ty[j] and accuracy[i] > accuracy[j]:
            count += 1
            wins += 1.0 if i_xt[i] < i_xt[j] else 0.5 if i_xt[i] == i_xt[j] else 0.0
    return wins / count, count


@pytest.mark.parametrize("levels", [None, 3])
def test_inversions_are_those_of_a_loop_over_pairs(levels):
    random = np.random.default_rng(0)
    values = random.random((3, 25)) if levels is None else random.integers(levels, size=(3, 25))
    found = phases.inversions(*values)
    assert (found.share, found.count) == pytest.approx(slow_inversions(*values))


def test_a_path_without_inversions_has_no_share():
    found = phases.inversions([3, 2, 1], [1, 2, 3], [0.1, 0.2, 0.3])
    assert found.count == 0
    assert np.isnan(found.share)


@pytest.mark.parametrize(
    "values", [([1, 2], [1, 2], [1]), ([[1, 2]], [[1, 2]], [[1, 2]]), ([1, np.nan], [1, 2], [1, 2])]
)
def test_inversions_of_what_is_no_path_are_refused(values):
    with pytest.raises(ValueError, match="i_xt, i_ty and accuracy must"):
        phases.inversions(*values)


def test_random_walks_win_half_on_average_and_spread_far():
    random = np.random.default_rng(1)
    shares = phases.inversions_of_walks(*random.random((3, 60)), n_draws=2000)
    known = shares[np.isfinite(shares)]
    # the standard deviation of a share is about 0.25, of the mean of 2,000 draws 0.006: four of them
    assert known.mean() == pytest.approx(0.5, abs=0.025)
    assert np.quantile(known, 0.975) - np.quantile(known, 0.025) > 0.6


def test_trends_alone_win_where_information_falls_while_accuracy_rises():
    random = np.random.default_rng(2)
    time = np.linspace(0, 1, 80)
    noise = 0.05 * random.standard_normal((3, 80))
    falling = phases.inversions_of_trends(-time + noise[0], noise[1], time + noise[2])
    level = phases.inversions_of_trends(*noise)
    assert falling.mean() > 0.8
    assert level.mean() == pytest.approx(0.5, abs=0.15)


def test_informations_that_move_together_win_whatever_the_accuracy():
    random = np.random.default_rng(5)
    shared = random.standard_normal(200)
    i_xt, i_ty = shared + 0.2 * random.standard_normal((2, 200))
    values = i_xt, i_ty, random.standard_normal(200)
    share = phases.inversions(*values).share
    assert share > 0.9
    assert phases.inversions_of_trends(*values).mean() < 0.6
    assert phases.inversions_of_other_accuracies(*values).mean() == pytest.approx(share, abs=0.03)


def test_a_relation_of_accuracy_is_more_than_that_of_other_accuracies():
    random = np.random.default_rng(6)
    values = random.standard_normal((2, 200))
    accuracy = -values[0] + 0.3 * random.standard_normal(200)
    assert phases.inversions(*values, accuracy).share > 0.9
    assert phases.inversions_of_other_accuracies(*values, accuracy).mean() < 0.6


def test_a_relation_beyond_the_trend_is_seen():
    """Accuracy that follows -I(X;T) from moment to moment around trends that are level."""
    random = np.random.default_rng(3)
    shared, other = random.standard_normal((2, 200))
    values = -shared, other, shared + 0.3 * random.standard_normal(200)
    assert phases.inversions(*values).share > 0.9
    assert phases.inversions_of_trends(*values).mean() < 0.6


def test_bootstrap_over_seeds_and_moments_covers_the_share():
    random = np.random.default_rng(4)
    runs = [random.random((3, 40)) for _ in range(4)]
    drawn = phases.inversions_resampled(runs, block=3, n_draws=300)
    mean = np.mean([phases.inversions(*values).share for values in runs])
    low, high = np.quantile(drawn, [0.01, 0.99])
    assert low < mean < high
    assert phases.inversions_resampled([runs[0]] * 2, block=40, n_draws=5).tolist() == pytest.approx(
        [phases.inversions(*runs[0]).share] * 5
    )  # one block: nothing is left to chance


def test_bootstrap_counts_every_run_alike():
    """One run with many inversions, all won, and two with few, all lost: the mean of the shares is a third."""
    random = np.random.default_rng(7)
    many, few, fewer = (random.standard_normal(n) for n in (200, 60, 60))
    runs = [[-many, -many, many], [few, -few, few], [fewer, -fewer, fewer]]
    assert [phases.inversions(*one).share for one in runs] == [1.0, 0.0, 0.0]
    drawn = phases.inversions_resampled(runs, n_draws=400)
    assert np.nanmean(drawn) == pytest.approx(1 / 3, abs=0.08)


# --------------------------------------------------------------------------------------------- a known answer


def dense():
    return models.dense([784, 256, 10], nn.ReLU)


@pytest.mark.slow
@pytest.mark.skipif(not (REAL_DATA / "MNIST").is_dir(), reason="MI_KIT_DATA does not lead to MNIST")
def test_a_dense_network_ends_on_mnist_where_others_saw_it_end(monkeypatch, tmp_path):
    """784-256-10, ReLU, SGD at rate 0.1 in batches of 128, 10 epochs: 4.4 and 3.24 bit, 97 % were seen."""
    monkeypatch.setenv("MI_KIT_DATA", str(REAL_DATA))
    run = training.train(
        dense, data.load("mnist"), optimizer="sgd", lr=0.1, batch_size=128,
        steps=4690, folder=tmp_path, device="cpu", progress=False,
    )  # fmt: skip
    end = phases.path_of(run).iloc[-1]
    assert end["i_xt"] == pytest.approx(4.4, abs=0.1)
    assert end["i_ty"] == pytest.approx(3.24, abs=0.02)
    assert end["accuracy"] == pytest.approx(0.97, abs=0.005)
