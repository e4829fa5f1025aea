"""Experiments: settings, readings, published results."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import environment

from mi_kit import cache, data, experiments, fingerprint, paths, training
from mi_kit import estimators as est
from mi_kit.experiments import mi_visualisation as paper
from mi_kit.experiments.mi_visualisation import planes, settings


def test_explicit_settings_replace_the_profiles_and_none_does_not(home):
    opened = experiments.open("01", "smoke", steps=7, n_seeds=None)
    assert (opened.settings.steps, opened.settings.n_seeds) == (7, paper.PROFILES["smoke"].n_seeds)
    assert opened.folder.parent == paths.figures("01_mi_visualisation", "smoke")
    assert experiments.open("01", "smoke").folder == paths.figures("01_mi_visualisation", "smoke")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"notebook": "1"}, "name must be one of 00_estimators_on_known_answers, 01_mi_visualisation"),
        ({"profile": "fast"}, "profile must be one of smoke, quick, paper; got profile='fast'"),
        ({"stesp": 3}, "settings must be among images, more_images"),
        ({"steps": "many"}, "steps must be of type int; got steps='many'"),
        ({"steps": True}, "steps must be of type int; got steps=True"),
        ({"lr": "fast"}, "lr must be of type float"),
        ({"images": "cifar10"}, "images must be one of mnist, fashion-mnist, digits; got images='cifar10'"),
        ({"steps": 0}, "steps must be at least 1; got steps=0"),
        ({"n_samples": 20_000}, "n_samples must be at most n_test=500; got n_samples=20000"),
    ],
)
def test_wrong_names_and_types_are_refused(home, call, words):
    with pytest.raises(ValueError, match=words):
        experiments.open(**({"notebook": "01"} | call))


def test_unknown_tables_and_figures_list_the_right_ones(home):
    opened = experiments.open("01", "smoke")
    with pytest.raises(ValueError, match="table must be one of architectures"):
        opened.table("planes")
    with pytest.raises(ValueError, match="figure must be one of F1"):
        opened.figure("F99")


@pytest.mark.parametrize(("early", "even"), [(8, 50), (4, 5), (1, 5), (0, 5)])
def test_moments_start_untrained_hold_the_first_fifth_and_end_at_the_last_step(early, even):
    for steps in [*range(1, 2_000), 49_999, 50_000]:
        chosen = settings.moments(steps, early, even)
        assert chosen == sorted(set(chosen))
        assert {0, settings.first_fifth(steps), steps} <= set(chosen)
        assert len(chosen) <= 2 + early + even
    assert settings.first_fifth(50_000) == 10_000


def test_best_noise_is_the_smallest_under_5_percent_else_the_least():
    def shares(values):
        return pd.DataFrame({"model": "all", "noise": "relative", "noise_variance": [0.1, 1, 10], "share": values})

    assert planes.best_noise(shares([0.5, 0.04, 0.01]), "relative") == (1, 0.04)
    assert planes.best_noise(shares([0.5, 0.2, 0.3]), "relative") == (1, 0.2)


def test_total_variance_is_one_number_a_member_and_1_where_a_layer_is_constant():
    import torch

    t = torch.stack([torch.tensor([[0.0, 0], [2, 0]]), torch.full((2, 2), 0.1)])
    np.testing.assert_allclose(est.total_variance(t), [1.0, 1.0])
    np.testing.assert_allclose(est.total_variance(3 * t), [9.0, 1.0])


def test_a_point_is_at_a_bound_of_either_quantity():
    table = pd.DataFrame(
        {"i_xt": [5.0, 9.97, 5.0, 0.0], "i_ty": [1.0, 1.0, 3.3, 1.0], "log2_n": 10.0, "entropy_y": 3.32}
    )
    assert list(settings.at_bound(table)) == [False, True, True, True]


def published(home, version, table, profile="quick", most=10**6):
    stem = paths.results() / "01_mi_visualisation" / profile / "saturation"
    about = {"version": version, "commit": "abc1234", "rows": len(table)}
    about["sha256"] = cache.write_in_parts(table, stem, most)
    about["settings"] = fingerprint.describe(paper.PROFILES[profile])["fields"]
    stem.with_suffix(".json").write_text(json.dumps(about))


def test_published_table_is_read_without_data_or_training(home):
    table = pd.DataFrame({"share": [0.5]})
    published(home, planes.saturation.version, table)
    opened = experiments.open("01", "quick")
    pd.testing.assert_frame_equal(opened.table("saturation"), table)
    assert not (home / "data" / "runs").exists()
    assert "abc1234" in str(opened.published)


def test_published_table_of_another_version_is_shown_with_a_warning(home):
    published(home, planes.saturation.version - 1, pd.DataFrame({"share": [0.5]}))
    with pytest.warns(UserWarning, match="was published by version"):
        experiments.open("01", "quick").table("saturation")


def test_published_table_of_other_settings_or_under_fresh_is_not_shown(home, monkeypatch):
    published(home, planes.saturation.version, pd.DataFrame({"share": [0.5]}))
    assert experiments.open("01", "quick")._published_stem("saturation")
    assert not experiments.open("01", "quick", steps=7)._published_stem("saturation")
    assert not experiments.open("01", "smoke")._published_stem("saturation")
    with monkeypatch.context() as changed:
        changed.setitem(paper.PROFILES, "quick", dataclasses.replace(paper.PROFILES["quick"], steps=7))
        assert not experiments.open("01", "quick")._published_stem("saturation")
    monkeypatch.setenv("MI_KIT_FRESH", "1")
    assert not experiments.open("01", "quick")._published_stem("saturation")


def edited(stem):
    table = pd.read_parquet(stem.with_suffix(".0.parquet"))
    table.assign(share=0.9).to_parquet(stem.with_suffix(".0.parquet"), index=False)


def swapped(stem):
    first, second = stem.with_suffix(".0.parquet"), stem.with_suffix(".1.parquet")
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)


def doubled(stem):
    stem.with_suffix(".1.parquet").write_bytes(stem.with_suffix(".0.parquet").read_bytes())


@pytest.mark.parametrize("change", [edited, swapped, doubled])
def test_published_parts_that_are_not_what_was_published_are_refused_by_name(home, change, monkeypatch):
    table = pd.DataFrame({"share": np.random.default_rng(0).random(2000)})
    published(home, planes.saturation.version, table, most=10_000)
    stem = paths.results() / "01_mi_visualisation" / "quick" / "saturation"
    pd.testing.assert_frame_equal(experiments.open("01", "quick").table("saturation"), table)
    change(stem)
    with pytest.raises(ValueError, match=r"these files differ: .*saturation\.[01]\.parquet"):
        experiments.open("01", "quick").table("saturation")


def test_one_missing_published_table_starts_no_training(home, monkeypatch):
    monkeypatch.setattr(experiments.Experiment, "require_real_data", lambda self: None)
    published(home, planes.saturation.version, pd.DataFrame({"share": [0.5]}), profile="paper")
    with pytest.raises(ValueError, match=r"must hold every table; .*training_curves.* is missing"):
        experiments.open("01", "paper").table("training_curves")


def test_a_setting_that_no_table_reads_unpublishes_nothing(home, monkeypatch):
    published(home, planes.saturation.version, pd.DataFrame({"share": [0.5]}))
    for change, stays in (({"n_frames": 7}, True), ({"pruned_shares": (0.5,)}, True), ({"lr": 0.5}, False)):
        with monkeypatch.context() as changed:
            changed.setitem(paper.PROFILES, "quick", dataclasses.replace(paper.PROFILES["quick"], **change))
            assert bool(experiments.open("01", "quick")._published_stem("saturation")) == stays


def test_paper_profile_on_embedded_data_stops_and_says_so(home):
    with pytest.raises(ValueError, match="profile=paper needs the data set mnist"):
        experiments.open("01", "paper").table("training_curves")


SOURCES = """
import json
from mi_kit import experiments
modules = [experiments.module_of(name) for name in experiments.names()]
print(json.dumps([experiments._sources(module) for module in modules]))
"""


def test_names_of_tables_do_not_change_with_what_a_process_has_done(home):
    """A counter or a store in a module, read by what tables call, would name every table anew in every process."""
    dataset = data.load("digits", 60, 20)
    run = training.train("relu_mlp", dataset, steps=2, checkpoints=[0], device="cpu", progress=False)
    run.activations(0)
    est.kde_information(dataset.x_test.flatten(1), dataset.y_test, noise_variance=1.0)
    est.renyi_entropy(dataset.x_test.flatten(1), bandwidth=1.0)
    est.ksg_mutual_information(dataset.x_test[:, 0, 3], dataset.x_test[:, 0, 4])
    here = [dict(experiments._sources(experiments.module_of(name))) for name in experiments.names()]
    told = subprocess.run([sys.executable, "-c", SOURCES], env=environment(home), capture_output=True, text=True)
    assert json.loads(told.stdout) == here
