"""Figures as data: what the artists show, not how the pixels look."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mi_kit import models, plots
from mi_kit.plots.architecture import shorten


@pytest.fixture
def plane():
    made = [
        {"layer": layer, "seed": seed, "step": step, "i_xt": 1.0 + step + seed, "i_ty": 0.1 * step,
         "at_bound": step == 2, "log2_n": 10.0, "entropy_y": 3.32}
        for layer in ("block1", "output") for seed in (0, 1) for step in (0, 1, 2)
    ]  # fmt: skip
    return pd.DataFrame(made)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_plane_shows_means_seeds_ends_and_bounds(plane):
    ax = plots.plot_information_plane(plane)
    labelled = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(labelled) == ["block1", "output"]
    np.testing.assert_allclose(labelled["block1"].get_xdata(), [1.5, 2.5, 3.5])  # mean over the two seeds
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert all(len(line.get_xdata()) == 1 for line in crosses)
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert {3.32} in [set(line.get_ydata()) for line in dashed]
    assert {10.0} in [set(line.get_xdata()) for line in dashed]
    assert "bit" in ax.get_xlabel()


def test_plane_until_a_step_with_one_layer_in_colour(plane):
    ax = plots.plot_information_plane(plane, until=1, highlight="output")
    colours = {line.get_label(): line.get_color() for line in ax.lines}
    assert colours["block1"] == "0.8"
    assert colours["output"] == plots.layer_colours(["output"])["output"]
    assert max(max(line.get_xdata()) for line in ax.lines if line.get_label() in colours and line.get_lw() == 2) == 2.5


def test_layers_keep_their_colours_in_every_network():
    one, other = plots.layer_colours(["a", "b", "output"]), plots.layer_colours(["x", "y", "z", "output"])
    assert (one["a"], one["b"], one["output"]) == (other["x"], other["y"], other["output"])
    many = plots.layer_colours([f"l{i}" for i in range(9)])
    assert len(set(many.values())) == 10


def test_training_curves_draw_one_line_a_network_with_units():
    table = pd.DataFrame(
        [{"model": m, "step": t, "quantity": "test_accuracy", "mean": 0.5 + 0.1 * t, "low": 0.4, "high": 0.9}
         for m in ("lenet", "relu_mlp") for t in (0, 1)]
    )  # fmt: skip
    ax = plots.plot_training_curves(table, "test_accuracy")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["LeNet", "ReLU-MLP"]
    assert ax.get_xlabel() == "iteration"


def test_architecture_names_blocks_shapes_and_parameters():
    ax = plots.plot_architecture(models.describe("lenet"), title="LeNet")
    texts = " ".join(text.get_text() for text in ax.texts)
    assert "24×14×14" in texts
    assert "2,477,418 parameters" in ax.get_title(loc="left")


def test_repeated_layers_are_told_once():
    assert [word.replace("\N{NO-BREAK SPACE}", " ") for word in shorten(["a", "b", "a", "b", "c"])] == [
        "2 × (a, b)",
        "c",
    ]
    assert shorten(["a", "Flatten", "b"]) == ["a", "b"]


def test_saved_figure_carries_caption_facts_and_numbers(tmp_path):
    figure, ax = plt.subplots()
    ax.plot([0, 1])
    table = pd.DataFrame({"x": [1, 2]})
    path = plots.save_figure(figure, tmp_path, "F1", table=table, caption="Größe", facts={"profile": "quick"})
    picture = Image.open(path)
    assert picture.text["Description"] == "Größe"
    assert json.loads(picture.text["Comment"]) == {"profile": "quick"}
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "F1.csv"), table)


def test_a_figure_of_more_than_300_kb_is_refused(tmp_path):
    figure = plt.figure(figsize=(12, 12))
    figure.figimage(np.random.default_rng(0).random((1500, 1500)), cmap="viridis")
    with pytest.raises(ValueError, match="at most 300,000 bytes"):
        plots.save_figure(figure, tmp_path, "F1", table=pd.DataFrame({"x": [1]}), caption="")
