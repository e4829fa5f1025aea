"""The figures of notebook 04, each drawn from finished tables."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from ... import plots
from ...claims import COLOURS, interval
from .paper import CONFUSION_EPOCH, INPUT_ENTROPIES
from .settings import CHANNEL_LAYERS, DEPTHS, DIAGONAL, LOOK_ALIKE_LAYER, MNIST, PAIRS
from .tables import ALL, READINGS

LAYER_COLOURS = {1: "#0072B2", 3: "#009E73", 11: "#D55E00"}
PAIR_COLOURS = {(2, 3): "#0072B2", (1, 3): "#56B4E9", (1, 5): "#009E73", (1, 7): "#E69F00", (3, 4): "#CC79A7"}
READING_COLOURS = dict(zip(READINGS, ("#0072B2", "#D55E00", "0.45"), strict=True))
QUANTITIES = {"true_given_predicted": "of the input's class, given the answer",
              "predicted_given_true": "of the answer, given the input's class"}  # fmt: skip


def size_colours(table: pd.DataFrame) -> dict[int, str]:
    """A colour an input size, from dark to light."""
    sizes = sorted(set(table.loc[table["part"] == MNIST, "per_class"]))
    return dict(zip(sizes, plots.shades(len(sizes)), strict=True))


def names_of(table: pd.DataFrame) -> list[str]:
    """The ten digits, or whatever classes a table numbers."""
    return [str(number) for number in range(int(table["class"].max()) + 1)]


# --------------------------------------------------------------------------------------------- drawings


def draw_f1(_experiment) -> plt.Figure:
    """F1: a communication system, and which part of a network plays which part in it."""
    figure, ax = plt.subplots(figsize=(11, 3.0))
    boxes = ("information\nsource", "transmitter", "channel", "receiver", "destination")
    parts = ("image", "layers up to a", "layers between\na and b", "layers from b on", "class")
    for place, (box, part) in enumerate(zip(boxes, parts, strict=True)):
        lit = place == 2
        ax.add_patch(
            FancyBboxPatch((place * 2, 0), 1.5, 0.9, boxstyle="round,pad=0,rounding_size=0.08", lw=2,
                           fc="#fdf1dc" if lit else "white", ec="#E69F00" if lit else plots.MUTED)
        )  # fmt: skip
        ax.text(place * 2 + 0.75, 0.45, box, ha="center", va="center", fontsize=12)
        ax.text(place * 2 + 0.75, -0.15, part, ha="center", va="top", fontsize=11, color=plots.MUTED)
        if place:
            arrow = FancyArrowPatch((place * 2 - 0.46, 0.45), (place * 2 - 0.04, 0.45), arrowstyle="-|>",
                                    mutation_scale=14, color=plots.MUTED)  # fmt: skip
            ax.add_patch(arrow)
    arrow = FancyArrowPatch((4.75, 1.6), (4.75, 0.94), arrowstyle="-|>", mutation_scale=14, color="#E69F00")
    ax.add_patch(arrow)
    ax.text(4.75, 1.65, "noise: what is lost between layers a and b", ha="center", va="bottom", fontsize=11)
    ax.set(xlim=(-0.1, 9.7), ylim=(-0.75, 2.0))
    ax.axis("off")
    return figure


SLICES = (
    ("all of layer l", [(0.45, 0.6), (0, 1), (0, 1)]),
    ("layer l at epoch t", [(0.45, 0.6), (0, 1), (0.4, 0.55)]),
    ("channel c of layer l", [(0.45, 0.6), (0.3, 0.45), (0, 1)]),
    ("channel c of layer l at epoch t", [(0.45, 0.6), (0.3, 0.45), (0.4, 0.55)]),
)


def draw_f2(_experiment) -> plt.Figure:
    """F2: slices of the cube, for the inputs of one class."""
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.8))
    formulas = ("dCNN(x, l, -, -)", "dCNN(x, l, -, t)", "dCNN(x, l, c, -)", "dCNN(x, l, c, t)")
    for ax, (title, lit), formula in zip(axes, SLICES, formulas, strict=True):
        plots.plot_cube(lit, title=f"{formula}\n{title}", ax=ax)
    return figure


def draw_f3(table: pd.DataFrame) -> plt.Figure:
    """F3: the query view: the architecture with two layers picked, and the cube with the slice that they make."""
    figure, (top, *below) = _one_over(2, figsize=(13.5, 6.8))
    layers = table.reset_index(drop=True)
    n = len(layers)
    largest = np.log2(layers["output_shape"].str.split("×").str[0].astype(int)).max()
    for place, row in layers.iterrows():
        channels = int(row["output_shape"].split("×")[0])
        height, picked = 0.25 + 0.75 * np.log2(channels) / largest, place in PAIRS[0]
        top.add_patch(plt.Rectangle((place + 0.1, 0), 0.8, height, lw=2, fc="#fdf1dc" if picked else "0.95",
                                    ec="#D55E00" if picked else plots.MUTED))  # fmt: skip
        name = row["block"] if row["block"] != "fc" else row["layer"].split()[0].lower().replace("fully", "dense")
        top.text(place + 0.5, height + 0.04, f"{place}\n{name}", ha="center", va="bottom", fontsize=9)
        top.text(place + 0.5, -0.05, row["output_shape"], ha="center", va="top", fontsize=8, color=plots.MUTED,
                 rotation=30)  # fmt: skip
    top.set(xlim=(0, n), ylim=(-0.32, 1.35))
    top.axis("off")
    top.set_title("(a)  pick layers in the architecture", loc="left", fontsize=12)
    wide = [place / n for place in PAIRS[0]]
    plots.plot_cube([(wide[0], wide[-1] + 1 / n), (0, 1), (0.8, 0.87)], ax=below[0],
                    title="(b)  or in the cube: layers 3 and 4 at one epoch")  # fmt: skip
    plots.plot_cube([(wide[0], wide[0] + 1 / n), (0.3, 0.36), (0, 1)], ax=below[1],
                    title="(c)  a channel: where the slices of layer and channel meet")  # fmt: skip
    return figure


def _one_over(n: int, **more) -> tuple[plt.Figure, list[plt.Axes]]:
    """A wide panel over n others."""
    figure = plt.figure(**more)
    grid = figure.add_gridspec(2, n)
    return figure, [figure.add_subplot(grid[0, :]), *(figure.add_subplot(grid[1, k]) for k in range(n))]


# --------------------------------------------------------------------------------------------- training


def confusion_of(table: pd.DataFrame, per_class: int, epoch: float, part: str = MNIST) -> tuple[np.ndarray, float]:
    """The counts of the first seed at the epoch nearest to the one wanted, and that epoch."""
    rows = table[(table["part"] == part) & (table["per_class"] == per_class)]
    rows = rows[rows["seed"] == rows["seed"].min()]
    nearest = min(set(rows["epoch"]), key=lambda each: abs(each - epoch))
    n_classes = int(max(table["true"].max(), table["predicted"].max())) + 1
    counts = np.zeros((n_classes, n_classes), dtype=int)
    rows = rows[rows["epoch"] == nearest]
    counts[rows["true"], rows["predicted"]] = rows["count"]
    return counts, nearest


def draw_training(
    labels: pd.DataFrame, confusions: pd.DataFrame, inputs: pd.DataFrame, curves: pd.DataFrame, per_class: int,
    epoch: float,
) -> plt.Figure:  # fmt: skip
    """F4: the training view for one input size: confusion matrix, both label entropies, input entropies, loss."""
    figure = plt.figure(figsize=(14, 7.6))
    grid = figure.add_gridspec(2, 3)
    places = [figure.add_subplot(grid[place]) for place in ((0, 0), (0, 1), (0, 2), (1, 0), (1, slice(1, 3)))]
    counts, at = confusion_of(confusions, per_class, epoch)
    names = names_of(labels)
    plots.plot_confusion(counts, names, title=f"(a)  epoch {at:g}", ax=places[0])
    rows = labels[(labels["part"] == MNIST) & (labels["per_class"] == per_class)]
    rows = rows[rows["seed"] == rows["seed"].min()]
    for letter, ax, column in zip("bc", places[1:3], QUANTITIES, strict=True):
        plots.plot_label_entropies(rows, column, names, title=f"({letter})  {QUANTITIES[column]}", ax=ax)
        ax.axvline(at, color=plots.MUTED, lw=1, ls=":")
    places[2].legend(title="class", loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)
    plot_input_entropies(inputs, places[3], "(d)", lit=per_class)
    plot_losses(curves, places[4], "(e)", lit=per_class)
    return figure


def plot_input_entropies(table: pd.DataFrame, ax: plt.Axes, letter: str, lit: int | None = None) -> None:
    """A bar an input size, mean and interval over draws; ticks show log2 n, below which it cannot lie."""
    colours = size_colours(table)
    for place, (size, one) in enumerate(table.groupby("per_class")):
        mean, low, high = interval(one["value"])
        strong = lit in (None, size)
        ax.bar(place, mean, color=colours[size], alpha=1.0 if strong else 0.35, width=0.7)
        if np.isfinite(low):
            ax.vlines(place, low, high, color="black", lw=2)
        ax.hlines(one["lowest"].iloc[0], place - 0.35, place + 0.35, color="black", ls=":", lw=1.5)
        top = max(mean, high) if np.isfinite(high) else mean
        ax.annotate(f"{mean:.2f}", (place, top), (0, 4), textcoords="offset points", ha="center", fontsize=9)
        if size in INPUT_ENTROPIES:
            ax.plot(place, INPUT_ENTROPIES[size], "D", mfc="white", mec="black", mew=1.6, ms=8)
    ax.set_xticks(range(len(colours)), [f"{size:,}" for size in colours])
    ax.set(xlabel="images a class", ylabel="inter-sample entropy  [bit]")
    ax.set_title(f"{letter}  inputs; dotted: log2 n", loc="left", fontsize=11)
    ax.margins(y=0.12)


def plot_losses(table: pd.DataFrame, ax: plt.Axes, letter: str, lit: int | None = None) -> None:
    """The training loss of every input size over the epochs: mean over seeds."""
    rows = table[(table["part"] == MNIST) & (table["quantity"] == "train_loss")]
    colours = size_colours(table)
    for size, one in rows.groupby("per_class"):
        mean = one.groupby("epoch")["value"].mean()
        strong = lit in (None, size)
        ax.plot(mean.index, mean, color=colours[size], lw=2.6 if strong else 1.2, alpha=1.0 if strong else 0.6,
                label=f"{size:,} images a class")  # fmt: skip
    ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel="training loss  [bit]")
    ax.set_title(f"{letter}  training loss", loc="left", fontsize=11)
    ax.legend(fontsize=9)


def draw_f5(curves: pd.DataFrame, inputs: pd.DataFrame, settled: pd.DataFrame) -> plt.Figure:
    """F5: loss and inter-sample entropy for four input sizes; and when the loss is flat, in epochs and in updates."""
    figure, axes = plt.subplots(1, 4, figsize=(16, 4.4), width_ratios=(1.4, 1.2, 0.8, 0.8))
    plot_losses(curves, axes[0], "(a)")
    plot_input_entropies(inputs, axes[1], "(b)")
    colours = size_colours(curves)
    for ax, column, title in ((axes[2], "settled", "(c)  epochs until flat"), (axes[3], "updates", "(d)  updates")):
        for place, (size, one) in enumerate(settled.groupby("per_class")):
            known = one[np.isfinite(one[column])]
            ax.plot([place] * len(known), known[column], "o", color=colours[size], alpha=0.6)
            ax.hlines(known[column].mean(), place - 0.3, place + 0.3, color=colours[size], lw=3)
        ax.set_xticks(range(len(colours)), [f"{size:,}" for size in colours], rotation=35)
        ax.set(xlabel="images a class", ylim=(0, None))
        ax.set_title(title, loc="left", fontsize=11)
    return figure


def draw_readings(table: pd.DataFrame) -> plt.Figure:
    """The inter-sample entropy over the number of neighbours, for three readings, beside the printed numbers."""
    sizes = sorted(set(table["per_class"]))
    figure, axes = plt.subplots(1, len(sizes), figsize=(14, 4.2), sharey=True)
    for ax, (size, one) in zip(axes, table.groupby("per_class"), strict=True):
        for reading, rows in one.groupby("reading", sort=False):
            ax.plot(rows["n_neighbors"], rows["value"], "o-", color=READING_COLOURS[reading], label=READINGS[reading])
        if size in INPUT_ENTROPIES:
            ax.axhline(INPUT_ENTROPIES[size], color="black", ls="--", lw=1.5, label="printed in the paper")
        ax.set_xscale("log")
        known = sorted(set(one["n_neighbors"]))
        shown = [k for place, k in enumerate(known) if place == len(known) - 1 or known[place + 1] > 1.6 * k]
        ax.set_xticks(shown, [f"{k:,}" for k in shown], rotation=45)
        ax.minorticks_off()
        ax.set_title(f"{size:,} a class", loc="left", fontsize=12)
        ax.set_xlabel("neighbours k")
    axes[0].set_ylabel("inter-sample entropy  [bit]")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return figure


def draw_f6(table: pd.DataFrame, few: int, many: int) -> plt.Figure:
    """F6: H(x.label | y = i) with few and with many images, and the segments of the classes first never predicted."""
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), width_ratios=(1, 1, 0.8))
    rows = table[table["part"] == MNIST]
    names = names_of(table)
    for letter, ax, size in zip("ab", axes, (few, many), strict=False):
        one = rows[(rows["per_class"] == size) & (rows["seed"] == rows["seed"].min())]
        plots.plot_label_entropies(one, "true_given_predicted", names, ax=ax,
                                   title=f"({letter})  {one['n_train'].iloc[0]:,} images")  # fmt: skip
    axes[1].legend(title="class", loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)
    plot_never_predicted(rows[rows["per_class"] == few], names, axes[2])
    return figure


def plot_never_predicted(rows: pd.DataFrame, names: list[str], ax: plt.Axes) -> None:
    """A line a class and seed over the epochs at which it was never predicted."""
    colours = plots.class_colours(names)
    seeds = sorted(set(rows["seed"]))
    missing = rows[rows["n_predicted"] == 0]
    last = max(float(missing["epoch"].max()) if len(missing) else 1.0, 1.0)
    for (number, seed), one in missing.groupby(["class", "seed"]):
        place = number + 0.7 * (seeds.index(seed) + 0.5) / len(seeds) - 0.35
        ax.plot(one["epoch"], [place] * len(one), "s", ms=4, color=colours[names[number]])
    ax.set_yticks(range(len(names)), names)
    ax.set(xlim=(-0.5, last + 0.5), ylim=(len(names) - 0.4, -0.6), xlabel="epoch", ylabel="class")
    ax.set_title("(c)  never predicted; a row a seed", loc="left", fontsize=11)


def draw_f7(table: pd.DataFrame, few: int) -> plt.Figure:
    """F7: the confusion matrix at epoch 10 with few images, beside the start and the end of the training."""
    figure, axes = plt.subplots(1, 3, figsize=(14.5, 4.6))
    rows = table[(table["part"] == MNIST) & (table["per_class"] == few)]
    names = [str(number) for number in range(int(table["true"].max()) + 1)]
    for letter, ax, epoch in zip("abc", axes, (1, CONFUSION_EPOCH, rows["epoch"].max()), strict=True):
        counts, at = confusion_of(table, few, epoch)
        plots.plot_confusion(counts, names, title=f"({letter})  epoch {at:g}", ax=ax)
    return figure


# --------------------------------------------------------------------------------------------- layers


def map_of(table: pd.DataFrame, pair: tuple[int, int], epoch: float) -> np.ndarray:
    """(channels of the first layer, of the second) of one capacity map."""
    rows = table[(table["layer_a"] == pair[0]) & (table["layer_b"] == pair[1]) & (table["epoch"] == epoch)]
    return rows.pivot_table(index="channel_a", columns="channel_b", values="value").to_numpy()


def draw_pair(table: pd.DataFrame, layers: str, epoch: float) -> plt.Figure:
    """The capacity map of two layers such as "2 and 3", sorted and not; the same colours at every epoch."""
    pair = tuple(int(number) for number in layers.split(" and "))
    figure, axes = plt.subplots(1, 2, figsize=(12, 5.4))
    rows = table[(table["layer_a"] == pair[0]) & (table["layer_b"] == pair[1])]
    for ax, by, letter in zip(axes, ("none", "maximum"), "ab", strict=True):
        plots.plot_capacity(map_of(table, pair, epoch), layers=pair, by=by, largest=float(rows["value"].max()),
                            title=f"({letter})  epoch {epoch:g}", scale=by == "maximum", ax=ax)  # fmt: skip
    return figure


def draw_f8(table: pd.DataFrame, pictures: pd.DataFrame, epoch: float) -> plt.Figure:
    """F8: the capacity of layers 3 and 4, sorted by maximum and by mean, and the maps of its highest cell."""
    figure = plt.figure(figsize=(15, 8.6))
    grid = figure.add_gridspec(2, 2, height_ratios=(1.5, 1))
    values = map_of(table, PAIRS[0], epoch)
    for place, (by, letter) in enumerate((("maximum", "a"), ("mean", "b"))):
        plots.plot_capacity(values, layers=PAIRS[0], by=by, title=f"({letter})  epoch {epoch:g}",
                            ax=figure.add_subplot(grid[0, place]))  # fmt: skip
    ax = figure.add_subplot(grid[1, :])
    plot_pictures(pictures[pictures["kind"] == "F8"], ax)
    ax.set_title("(c)  feature maps of the pair with the highest capacity", loc="left", fontsize=11)
    return figure


def plot_pictures(rows: pd.DataFrame, ax: plt.Axes) -> None:
    """Inputs, feature maps and deconvolutions in rows, each picture over its own range of values."""
    names = list(dict.fromkeys(rows["row"]))
    side = int(rows["side"].max())
    n_columns = int(rows["column"].max()) + 1
    whole = np.full((len(names) * (side + 2) - 2, n_columns * (side + 2) - 2, 3), 255, dtype=np.uint8)
    for _, one in rows.iterrows():
        image = picture_of(one, side)
        top, left = names.index(one["row"]) * (side + 2), one["column"] * (side + 2)
        whole[top : top + side, left : left + side] = image
    ax.imshow(whole, interpolation="nearest")
    ax.set_yticks([place * (side + 2) + side / 2 for place in range(len(names))], names, fontsize=10)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def picture_of(row: pd.Series, side: int) -> np.ndarray:
    """(side, side, 3) from a row of pictures; small maps are enlarged, every value a square."""
    own = int(row["side"])
    image = np.frombuffer(row["map"], np.uint8).reshape(own, own, int(row["channels"]))
    places = np.arange(side) * own // side
    return np.broadcast_to(image[np.ix_(places, places)], (side, side, 3))


def draw_f9(pictures: pd.DataFrame) -> plt.Figure:
    """F9: inputs and the maps of two other channels and of the two with the most similar patterns."""
    figure, ax = plt.subplots(figsize=(8.0, 7.4))
    plot_pictures(pictures[pictures["kind"] == "F9"], ax)
    return figure


def draw_alike(table: pd.DataFrame) -> plt.Figure:
    """Pairs of channels of layer 3: likeness of their patterns against likeness of their maps."""
    figure, ax = plt.subplots(figsize=(7.6, 5.2))
    for _, one in table.groupby("seed"):
        ax.plot(one["pattern"], one["likeness"], ".", ms=4, alpha=0.35, color=LAYER_COLOURS[LOOK_ALIKE_LAYER])
    ax.axhline(0, color=plots.MUTED, lw=1)
    ax.set(xlabel="correlation of patterns in the capacity map", ylabel="mean correlation of feature maps")
    return figure


def draw_maps(table: pd.DataFrame, pair: tuple[int, int], epochs: list) -> plt.Figure:
    """F10, F11: one pair of layers at several epochs, in the same colours."""
    chosen = table[(table["layer_a"] == pair[0]) & (table["layer_b"] == pair[1]) & table["epoch"].isin(epochs)]
    epochs = sorted(set(chosen["epoch"]))
    figure, axes = plt.subplots(1, len(epochs), figsize=(4.4 * len(epochs) + 1, 4.4), squeeze=False)
    largest = float(chosen["value"].max())
    for place, (ax, epoch) in enumerate(zip(axes[0], epochs, strict=True)):
        last = place == len(epochs) - 1
        plots.plot_capacity(map_of(table, pair, epoch), layers=pair, largest=largest, scale=last,
                            title=f"({'abcd'[place]})  epoch {epoch:g}", ax=ax)  # fmt: skip
    return figure


def draw_f12(table: pd.DataFrame, epoch: float) -> plt.Figure:
    """F12: layer 1 with layers 3, 5 and 7 at the end of the training, in the same colours."""
    pairs = [(1, deep) for deep in DEPTHS]
    figure, axes = plt.subplots(1, 3, figsize=(14.5, 4.6))
    maps = [map_of(table, pair, epoch) for pair in pairs]
    largest = max(float(values.max()) for values in maps)
    for place, (ax, pair, values) in enumerate(zip(axes, pairs, maps, strict=True)):
        plots.plot_capacity(values, layers=pair, largest=largest, scale=place == 2, ax=ax,
                            title=f"({'abc'[place]})  layers {pair[0]} and {pair[1]}")  # fmt: skip
    return figure


def draw_over_training(table: pd.DataFrame, n_bins: int) -> plt.Figure:
    """Mean capacity of every pair of layers over the epochs, what the estimate gives by chance, and look-alikes."""
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.6))
    rows = table[table["n_bins"] == n_bins]
    widths = np.linspace(4.5, 1.8, len(PAIR_COLOURS))  # lines that coincide stay visible
    for width, (pair, colour) in zip(widths, PAIR_COLOURS.items(), strict=True):
        one = rows[(rows["layer_a"] == pair[0]) & (rows["layer_b"] == pair[1])]
        label = f"{pair[0]} and {pair[1]}"
        for ax, column, style in ((axes[0], "mean", "o-"), (axes[0], "by_chance", ":"), (axes[1], "largest", "o-")):
            _curves(one, column, style, colour, label if style == "o-" else None, ax, width)
        if pair == DIAGONAL:
            _curves(one.assign(look_alikes=100 * one["look_alikes"]), "look_alikes", "o-", colour, label, axes[2], 2.2)
    for ax, letter, title, name in zip(
        axes, "abc", ("mean; dotted: by chance", "largest", f"look-alikes, layers {DIAGONAL[0]} and {DIAGONAL[1]}"),
        ("capacity  [bit]", "capacity  [bit]", "pairs of channels  [%]"), strict=True,
    ):  # fmt: skip
        ax.set(xlabel="epoch", ylabel=name, ylim=(0, None))
        ax.set_title(f"({letter})  {title}", loc="left", fontsize=11)
    axes[1].legend(title="layers", loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return figure


def _curves(
    rows: pd.DataFrame, column: str, style: str, colour: str, label: str | None, ax: plt.Axes, width: float
) -> None:
    """Mean over seeds thick, single seeds thin."""
    wide = rows.pivot_table(index="epoch", columns="seed", values=column)
    if style != ":":
        ax.plot(wide.index, wide, color=colour, lw=0.7, alpha=0.5)
    ax.plot(wide.index, wide.mean(axis=1), style, color=colour, lw=width, ms=2 + width, label=label)


def draw_bins(table: pd.DataFrame) -> plt.Figure:
    """What the rules say of the claims on capacities with other numbers of bins."""
    figure, ax = plt.subplots(figsize=(13, 3.6))
    plots.plot_verdicts(table, COLOURS, ax=ax)
    return figure


# --------------------------------------------------------------------------------------------- channels


def classes_of(table: pd.DataFrame) -> list[str]:
    return [name for name in dict.fromkeys(table["class_name"]) if name != ALL]


def draw_packing(table: pd.DataFrame, layer: int, epoch: float) -> plt.Figure:
    """The circles of a layer at one epoch: ten classes and all inputs, channels inside."""
    figure, ax = plt.subplots(figsize=(8.4, 8.2))
    rows = table[(table["layer"] == layer) & (table["epoch"] == epoch)]
    plots.plot_packing(plots.pack_table(rows), classes_of(table), title=f"layer {layer}, epoch {epoch:g}", ax=ax)
    return figure


def draw_f13(table: pd.DataFrame, classes: pd.DataFrame, epoch: float) -> plt.Figure:
    """F13: the channel view of layer 3: small multiples, circles, and the classes in order."""
    figure = plt.figure(figsize=(16, 10.5))
    grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1), height_ratios=(2.2, 1))
    rows = table[table["layer"] == LOOK_ALIKE_LAYER]
    names = classes_of(table)
    ax = figure.add_subplot(grid[:, 0])
    plots.plot_small_multiples(rows, names, columns=4, title=f"(a)  layer {LOOK_ALIKE_LAYER}", ax=ax)
    circles = plots.pack_table(rows[rows["epoch"] == epoch])
    plots.plot_packing(circles, names, title=f"(b)  epoch {epoch:g}", ax=figure.add_subplot(grid[0, 1]))
    ax = figure.add_subplot(grid[1, 1])
    chosen = classes[(classes["layer"] == LOOK_ALIKE_LAYER) & (classes["reading"] == "literal")]
    chosen = chosen[(chosen["epoch"] == epoch) & (chosen["class_name"] != ALL)]
    colours = plots.class_colours(names)
    order = chosen.groupby("class_name")["value"].mean().sort_values().index
    for place, name in enumerate(order):
        one = chosen[chosen["class_name"] == name]
        ax.plot([place] * len(one), one["value"], "o", color=colours[name], alpha=0.7)
    ax.set_xticks(range(len(order)), order, rotation=30, ha="right", fontsize=10)
    ax.set(ylabel="mean entropy  [bit]")
    ax.set_title("(c)  classes in order; a dot a seed", loc="left", fontsize=11)
    return figure


MULTIPLES = 32  # channels of a layer that are shown


def draw_f14(table: pd.DataFrame, classes: pd.DataFrame) -> plt.Figure:
    """F14: small multiples of layers 1 and 11 (32 of its channels), and both layers compared."""
    figure = plt.figure(figsize=(16, 9.6))
    grid = figure.add_gridspec(2, 2, height_ratios=(2.4, 1))
    names = classes_of(table)
    for place, layer in enumerate((CHANNEL_LAYERS[0], CHANNEL_LAYERS[-1])):
        rows = table[table["layer"] == layer]
        n_channels, shown = rows["channel"].nunique(), rows[rows["channel"] < MULTIPLES]
        more = f", channels 0 to {MULTIPLES - 1} of {n_channels}" if n_channels > MULTIPLES else ""
        ax = figure.add_subplot(grid[0, place])
        plots.plot_small_multiples(shown, names, title=f"({'ab'[place]})  layer {layer}{more}", ax=ax)
    for place, (column, name) in enumerate(
        (("value", "mean entropy  [bit]"), ("spread", "spread over classes  [bit]"))
    ):
        plot_layers(classes, column, name, "cd"[place], figure.add_subplot(grid[1, place]))
    return figure


def plot_layers(classes: pd.DataFrame, column: str, name: str, letter: str, ax: plt.Axes) -> None:
    """A quantity of all inputs for every layer at the last epoch, under both readings; a dot a seed."""
    rows = classes[(classes["class_name"] == ALL) & (classes["epoch"] == classes["epoch"].max())]
    marks = {"literal": "o", "equal values": "s"}
    for place, layer in enumerate(CHANNEL_LAYERS):
        for shift, (reading, mark) in zip((-0.12, 0.12), marks.items(), strict=True):
            one = rows[(rows["layer"] == layer) & (rows["reading"] == reading)]
            ax.plot([place + shift] * len(one), one[column], mark, ms=8, color=LAYER_COLOURS[layer], alpha=0.7)
    handles = [plt.Line2D([], [], marker=mark, ls="", color=plots.MUTED, ms=8, label=reading)
               for reading, mark in marks.items()]  # fmt: skip
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    ax.set_xticks(range(len(CHANNEL_LAYERS)), [f"layer {layer}" for layer in CHANNEL_LAYERS])
    ax.set(ylabel=name, ylim=(0, 1.1 * rows[column].max()), xlim=(-0.5, len(CHANNEL_LAYERS) - 0.5))
    ax.set_title(f"({letter})  all inputs; a dot a seed", loc="left", fontsize=11)


def draw_f15(pictures: pd.DataFrame) -> plt.Figure:
    """F15: maps and deconvolutions of the active channels of layer 3 with the lowest and the highest entropy."""
    figure, ax = plt.subplots(figsize=(8.6, 7.8))
    plot_pictures(pictures[pictures["kind"] == "F15"], ax)
    return figure


def draw_deconvolved(table: pd.DataFrame) -> plt.Figure:
    """Every living channel of layer 3: its entropy against how much of the image comes back."""
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.8))
    colours = plots.shades(table["seed"].nunique())
    names = {"likeness": "|correlation| with the image", "area": "share of the image that comes back"}
    for ax, letter, column in zip(axes, "ab", names, strict=True):
        for colour, (seed, one) in zip(colours, table[~table["dead"]].groupby("seed"), strict=False):
            ax.plot(one["value"], one[column], "o", ms=5, alpha=0.6, color=colour, label=f"seed {seed}")
        ax.set(xlabel="intra-sample entropy of the channel  [bit]", ylabel=names[column], ylim=(0, None))
        ax.set_title(f"({letter})", loc="left", fontsize=11)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return figure
