"""Figures as data: what the artists show, not how the pixels look."""

import io
import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mi_kit import models, plots
from mi_kit.plots import style
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


def kernels_over_time():
    made = [
        {"model": "lenet", "seed": seed, "step": step, "i_ty": 0.1 * kernel + 0.01 * step, "entropy_y": 3.32,
         "i_ty_shuffled": 0.05 if kernel == 0 else float("nan")}
        for seed in (0, 1) for step in (0, 10, 30) for kernel in range(5)
    ]  # fmt: skip
    return pd.DataFrame(made)


def test_boxes_show_the_median_of_every_moment_and_what_chance_gives():
    ax = plots.plot_boxes(kernels_over_time())
    medians = [line.get_ydata()[0] for line in ax.lines if line.get_color() == "black" and line.get_lw() == 1.8]
    assert medians == pytest.approx([0.2, 0.3, 0.5])
    (chance,) = [line for line in ax.lines if line.get_label() == "labels shuffled"]
    np.testing.assert_allclose(chance.get_ydata(), 0.05)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "10", "30"]
    assert "bit" in ax.get_ylabel()


def test_change_draws_every_seed_and_their_mean():
    table = pd.DataFrame({"step": [10, 30, 10, 30], "seed": [0, 0, 1, 1], "value": [1, 2, 3, 4.0], "model": "lenet"})
    ax = plots.plot_change(table)
    drawn = [list(line.get_ydata()) for line in ax.lines[1:]]
    assert drawn == [[1, 2], [3, 4], [2, 3]]


def test_heat_maps_stand_below_each_other_with_a_gap_and_the_names_of_the_classes():
    values = np.arange(2 * 4 * 3, dtype=float).reshape(2, 4, 3)
    ax = plots.plot_kernels_by_class(values, ["T-shirt", "Bag", "Coat"])
    shown = ax.images[0].get_array()
    assert shown.shape == (7, 4)
    np.testing.assert_array_equal(shown[:3], values[0].T)
    np.testing.assert_array_equal(shown[4:], values[1].T)
    assert np.ma.getmaskarray(np.ma.masked_invalid(shown))[3].all()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["T-shirt", "Bag", "Coat"] * 2


def test_a_mosaic_holds_every_picture_where_its_row_and_column_say():
    table = pd.DataFrame(
        [{"place": place, "class": c, "side": 14, "map": np.full((14, 14), 10 * place + c, np.uint8).tobytes()}
         for place in (2, 1) for c in (1, 0)]
    )  # fmt: skip
    pictures = plots.pictures_of(table, ["place"], "class")
    assert pictures[:, :, 0, 0].tolist() == [[20, 21], [10, 11]]  # rows as they come, columns in order
    ax = plots.plot_mosaic(pictures, rows=["two", "one"], columns=["a", "b"])
    whole = ax.images[0].get_array()
    assert whole.shape == (2 * 28 + 2, 2 * 28 + 2)  # small pictures are enlarged
    assert (whole[0, 0], whole[0, -1], whole[-1, 0], whole[28, 28]) == (20, 21, 10, 255)


def test_class_means_keep_the_networks_colours_and_leave_out_unknown_intervals():
    table = pd.DataFrame(
        [{"model": model, "class": c, "mean": 0.1 * c, "low": -np.inf, "high": np.inf}
         for model in ("lenet", "densenet") for c in range(3)]
    )  # fmt: skip
    ax = plots.plot_class_means(table, ["a", "b", "c"])
    colours = {line.get_label(): line.get_color() for line in ax.lines}
    assert colours == {"LeNet": plots.NETWORK_COLOURS["lenet"], "DenseNet": plots.NETWORK_COLOURS["densenet"]}
    assert ax.get_ylim()[0] == 0


def test_verdicts_are_words_in_coloured_fields():
    table = pd.DataFrame(
        {"claim": ["1", "1", "2"], "statement": ["one", "one", "two"], "variant": ["x", "y", "x"],
         "verdict": ["holds", "fails", "holds"]}
    )  # fmt: skip
    ax = plots.plot_verdicts(table, {"holds": "#00ff00", "fails": "#ff0000"})
    assert [text.get_text() for text in ax.texts] == ["holds", "fails", "holds"]
    assert [patch.get_facecolor()[:2] for patch in ax.patches] == [(0, 1), (1, 0), (0, 1)]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["one", "two"]


def test_labels_of_pictures_that_keep_their_shape_are_not_cut():
    plots.use_style()
    for width in (9, 10, 11, 12, 13):
        shape = {"figsize": (width, 10.2), "gridspec_kw": {"height_ratios": [1, 4, 4]}, "layout": "constrained"}
        figure, axes = plt.subplots(3, 1, **shape)
        for ax, rows in zip(axes, (1, 4, 4), strict=True):
            pictures = np.zeros((rows, 10, 14, 14), dtype=np.uint8)
            plots.plot_mosaic(pictures, rows=["kernel 10\n1.78 bit"] * rows, columns=[""] * 10, ax=ax)
            ax.set_ylabel("highest I(T;Y)")
        plots.add_caption(figure, "a caption " * 30)
        plots.style.png_bytes(figure, 130)
        assert min(ax.yaxis.label.get_window_extent().x0 for ax in axes) >= 0, width
        plt.close(figure)


def test_a_picture_of_many_colours_is_tinted_less_than_by_the_usual_choice_of_256():
    figure, ax = plt.subplots(figsize=(5, 3))
    draw = np.random.default_rng(0)
    ax.scatter(draw.random(300), draw.random(300), s=300 * draw.random(300), c=draw.random((300, 3)), alpha=0.5, lw=0)
    figure.canvas.draw()
    whole = np.asarray(figure.canvas.buffer_rgba())[..., :3]

    def tinted(picture: Image.Image) -> float:
        return (np.abs(whole.astype(int) - np.asarray(picture.convert("RGB"), dtype=int)).max(-1) > style.TINT).mean()

    usual = tinted(Image.fromarray(whole).quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE))
    assert usual > style.TINTED_SHARE
    assert tinted(Image.open(io.BytesIO(style.png_bytes(figure, figure.dpi, careful=True)))) < usual / 3
    plt.close(figure)


def pixels_of(figure: plt.Figure, careful: bool) -> tuple[np.ndarray, np.ndarray]:
    """A figure before and after it was saved, as (height, width, 3)."""
    saved = Image.open(io.BytesIO(style.png_bytes(figure, figure.dpi, careful=careful))).convert("RGB")
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int), np.asarray(saved, dtype=int)


@pytest.mark.parametrize("careful", [False, True])
def test_greys_stay_grey_and_white_stays_white_beside_many_colours(careful):
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    draw = np.random.default_rng(0)
    plots.plot_confusion(draw.integers(0, 1000, (10, 10)), [str(number) for number in range(10)], ax=left)
    right.scatter(draw.random(400), draw.random(400), s=300 * draw.random(400), c=draw.random((400, 3)), alpha=0.5)
    whole, saved = pixels_of(figure, careful)
    grey = np.ptp(whole, axis=-1) == 0
    assert len(np.unique(whole[~grey], axis=0)) > 1000  # far more than a palette holds
    assert (np.ptp(saved[grey], axis=-1) == 0).all()
    assert np.abs(saved[grey] - whole[grey]).max() <= 4  # of 255: half a step between two of 35 greys
    white = (whole == 255).all(-1)
    assert (saved[white] == 255).all()


def test_a_picture_of_few_colours_keeps_them_all():
    figure, ax = plt.subplots()
    ax.imshow(np.arange(100).reshape(10, 10), cmap="viridis", interpolation="nearest")
    ax.axis("off")
    whole, saved = pixels_of(figure, careful=False)
    assert (whole == saved).all()


def test_one_wrong_image_of_a_thousand_is_seen_in_a_confusion_matrix():
    counts = np.diag([1000] * 10)
    counts[2, 7] = 1
    ax = plots.plot_confusion(counts, [str(number) for number in range(10)])
    shade = ax.images[0].cmap(ax.images[0].norm(counts))[..., 0]
    assert shade[2, 7] < 0.95
    assert (shade[counts == 0] == 1).all()
    assert shade[0, 0] < 0.1
