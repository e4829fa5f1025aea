"""The figures of notebook 05, each drawn from finished tables."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, PowerNorm

from ... import plots
from ...claims import interval
from . import observers
from .rules import LEAST
from .settings import METHODS, MINI, PAPER_L2, SHOWN
from .tables import MECHANISM

QUANTITY_NAMES = {"i_xt": "I(X;T)  [bit]", "i_ty": "I(T;Y)  [bit]"}
ACTIVATION_NAMES = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid", "leaky_relu": "leaky ReLU"}
ACTIVATION_COLOURS = {"relu": "#0072B2", "tanh": "#D55E00", "sigmoid": "#CC79A7", "leaky_relu": "#009E73"}
ESTIMATOR_COLOURS = dict(zip(MECHANISM, ("#000000", "#E69F00", "#0072B2", "#009E73", "#CC79A7"), strict=True))
PART_NAMES = {"sightings": "sightings", "12bit": "12-bit patterns"}
FALLS = LinearSegmentedColormap.from_list("falls", ["#FFFFFF", "#FDD49E", "#E34A33", "#5B0010"])
LETTERS = "abcdefghijkl"


def data_name(rows: pd.DataFrame) -> str:
    return str(rows["dataset"].iloc[0])


def cell_name(model: str, l2: float) -> str:
    """`tanh, L2 0.001`."""
    return f"{ACTIVATION_NAMES.get(model, model)}, {'no L2' if l2 == 0 else f'L2 {l2:g}'}"


# --------------------------------------------------------------------------------------------- planes and curves


def epoch_axis(ax: plt.Axes) -> None:
    """Epochs in logarithmic distance, with the untrained network at 0."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    low, high = 0, ax.get_xlim()[1]
    ticks = [0, *(10**k for k in range(6) if 10**k <= high)]
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.set_xlim(low, high)
    ax.set_xlabel("epoch")


def plot_curves(rows: pd.DataFrame, quantity: str, ax: plt.Axes) -> None:
    """One quantity of all layers over the epochs: mean over seeds thick, single seeds thin."""
    colours = plots.layer_colours(list(dict.fromkeys(rows["layer"])))
    for layer, one in rows.groupby("layer", sort=False):
        for _, seed in one.groupby("seed"):
            ax.plot(seed["epoch"], seed[quantity], color=colours[layer], lw=0.7, alpha=0.35)
        mean = one.groupby("epoch")[quantity].mean()
        ax.plot(mean.index, mean, color=colours[layer], lw=2.2, label=layer)
    bound, word = (rows["log2_n"], "log2 n") if quantity == "i_xt" else (rows["entropy_y"], "H(Y)")
    ax.axhline(bound.iloc[0], color=plots.MUTED, ls="--", lw=1)
    ax.annotate(word, (0.01, bound.iloc[0]), (2, 2), ("axes fraction", "data"), "offset points", fontsize=10,
                color=plots.MUTED)  # fmt: skip
    ax.set(ylabel=QUANTITY_NAMES[quantity], ylim=(-0.04 * bound.iloc[0], 1.1 * bound.iloc[0]))
    epoch_axis(ax)


def mark_tops(rows: pd.DataFrame, ax: plt.Axes) -> None:
    """A green dot where I(X;T), mean over seeds, is largest: the paper's tipping points."""
    for layer, one in rows.groupby("layer", sort=False):
        mean = one.groupby("step")[["i_xt", "i_ty"]].mean()
        top = mean.loc[mean["i_xt"].idxmax()]
        label = "largest I(X;T)" if layer == rows["layer"].iloc[0] else None
        ax.plot(*top, "o", color="#2ca02c", mec="white", ms=9, zorder=60, ls="", label=label)


def draw_f1(rows: pd.DataFrame) -> plt.Figure:
    """F1: the two phases, from a run: plane and curves of all hidden layers on the 12-bit patterns."""
    figure, axes = plt.subplots(1, 3, figsize=(16, 4.8), width_ratios=(1.25, 1, 1))
    plots.plot_information_plane(rows, ax=axes[0])
    mark_tops(rows, axes[0])
    handles = key_handles(axes[0])
    for ax, quantity in zip(axes[1:], QUANTITY_NAMES, strict=True):
        plot_curves(rows, quantity, ax)
    axes[2].legend(handles=handles, loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    letters(axes)
    return figure


def key_handles(ax: plt.Axes) -> list:
    """The layers, and what the markers of a plane mean."""
    handles, _ = ax.get_legend_handles_labels()
    key = {"color": plots.MUTED, "ls": ""}
    return [
        *handles,
        plt.Line2D([], [], marker="o", ms=9, mfc="white", mew=1.8, label="untrained", **key),
        plt.Line2D([], [], marker="o", ms=9, label="end", **key),
        plt.Line2D([], [], marker="x", ms=6, mew=1.5, label="at a bound", **key),
    ]


def letters(axes, titles=None) -> None:
    for number, (ax, letter) in enumerate(zip(np.ravel(axes), LETTERS, strict=False)):
        words = f"  {titles[number]}" if titles else ""
        ax.set_title(f"{letter}{words}", loc="left", fontsize=12)


def draw_cell(rows: pd.DataFrame) -> plt.Figure:
    """F2 to F5: one network, trained in mini-batches and with the full batch: plane, and curves over the epochs."""
    figure, axes = plt.subplots(2, 3, figsize=(16, 9.6), width_ratios=(1.25, 1, 1))
    for line, method in zip(axes, METHODS, strict=True):
        one = rows[rows["method"] == method]
        plots.plot_information_plane(one, ax=line[0])
        for ax, quantity in zip(line[1:], QUANTITY_NAMES, strict=True):
            plot_curves(one, quantity, ax)
    axes[0, 2].legend(handles=key_handles(axes[0, 0]), loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    name = cell_name(rows["model"].iloc[0], rows["l2"].iloc[0])
    letters(axes, [f"{name}: {method}" for method in METHODS for _ in range(3)])
    return figure


def draw_plane(paths: pd.DataFrame, *, network: str = "tanh, L2 0.001", layer: str = "all", epoch: int) -> plt.Figure:
    """The plane of one network in mini-batches up to an epoch, a layer in colour: what the sliders go through."""
    chosen = np.array([cell_name(*each) == network for each in zip(paths["model"], paths["l2"], strict=True)])
    rows = paths[chosen & (paths["method"] == MINI)]
    steps = rows[rows["epoch"] <= epoch + 1e-9]["step"]
    figure, ax = plt.subplots(figsize=(9, 5))
    plots.plot_information_plane(rows, highlight=layer, until=int(steps.max()), ax=ax)
    ax.set_title(f"{network} on {data_name(rows)}, epoch {epoch:,}", loc="left", fontsize=12)
    plots.plane_legend(ax)
    return figure


# --------------------------------------------------------------------------------------------- the headline


GRID = ["part", "quantity", "model", "l2", "estimator", "method"]


def grid_of(values: pd.Series, part: str, quantity: str) -> np.ndarray:
    """Activation and L2 down, estimator and batch across: one value a cell of the grid."""
    names = ("model", "l2", "estimator")
    shown, l2s, estimators = (list(dict.fromkeys(values.index.get_level_values(name))) for name in names)
    index = pd.MultiIndex.from_product([[part], [quantity], shown, sorted(l2s), estimators, METHODS])
    return values.reindex(index).to_numpy(float).reshape(len(shown) * len(l2s), -1)


def draw_heat(table: pd.DataFrame) -> plt.Figure:
    """The headline: compression of every cell of the grid; a dot: above noise by more than 0.1 bit; a stroke: more than
    a fifth of the paths' points lie at a bound."""
    means = table.set_index(GRID)
    figure, axes = plt.subplots(2, 2, figsize=(17, 12), sharex=True, sharey=True)
    norm = PowerNorm(0.5, 0, max(1.0, float(means["compression"].max())))
    for line, quantity in zip(axes, QUANTITY_NAMES, strict=True):
        for ax, part in zip(line, PART_NAMES, strict=True):
            grid = grid_of(means["compression"], part, quantity)
            shown = ax.pcolormesh(grid, cmap=FALLS, norm=norm, edgecolors="0.88", lw=0.4)
            mark_cells(ax, grid_of(means["excess_low"], part, quantity) > LEAST, "o", 22)
            mark_cells(ax, grid_of(means["at_bound"], part, quantity) > 0.2, "$/$", 45)
            name = data_name(table[table["part"] == part])
            ax.set_title(f"{QUANTITY_NAMES[quantity].split()[0]}, {name}", loc="left", fontsize=14)
    label_grid(axes, table)
    figure.colorbar(shown, ax=axes, shrink=0.6, pad=0.01, label="largest minus last value  [bit]")
    return figure


def mark_cells(ax: plt.Axes, chosen: np.ndarray, marker: str, size: float) -> None:
    rows, columns = np.nonzero(chosen)
    ax.scatter(columns + 0.5, rows + 0.5, s=size, marker=marker, color="#0072B2", lw=0)


def label_grid(axes: np.ndarray, table: pd.DataFrame) -> None:
    """Rows and columns of the grid by name, with white lines between activations and estimators."""
    l2s, estimators = sorted(set(table["l2"])), list(dict.fromkeys(table["estimator"]))
    shown = list(dict.fromkeys(table["model"]))
    for ax in axes.flat:
        for place in range(1, len(shown)):
            ax.axhline(place * len(l2s), color="black", lw=1.2)
        for place in range(1, len(estimators)):
            ax.axvline(2 * place, color="black", lw=0.6)
        ax.set_xticks([2 * k + 1 for k in range(len(estimators))], estimators, rotation=40, ha="right",
                      rotation_mode="anchor", fontsize=13)  # fmt: skip
        words = [f"{ACTIVATION_NAMES[model]}  {l2:g}" for model in shown for l2 in l2s]
        ax.set_yticks(np.arange(len(words)) + 0.5, words, fontsize=12)
        ax.tick_params(length=0)
    axes[0, 0].invert_yaxis()


def draw_null(table: pd.DataFrame) -> plt.Figure:
    """Compression of every cell beside what noise of the same roughness gives: above the line is compression."""
    figure, axes = plt.subplots(1, 2, figsize=(13.5, 5.4))
    for ax, quantity in zip(axes, QUANTITY_NAMES, strict=True):
        rows = table[table["quantity"] == quantity]
        for model, one in rows.groupby("model", sort=False):
            ax.plot(one["null"], one["compression"], "o", ms=4.5, alpha=0.6, color=ACTIVATION_COLOURS[model],
                    label=ACTIVATION_NAMES[model])  # fmt: skip
        top = 1.25 * max(0.2, rows[["null", "compression"]].to_numpy().max())
        ax.plot([0, top], [0, top], color=plots.MUTED, lw=1)
        ax.set_xscale("symlog", linthresh=0.01)
        ax.set_yscale("symlog", linthresh=0.01)
        ticks = [tick for tick in (0, 0.01, 0.1, 1, 10) if tick <= top]
        ax.set_xticks(ticks, map(str, ticks))
        ax.set_yticks(ticks, map(str, ticks))
        ax.set(xlim=(-0.002, top), ylim=(-0.002, top), xlabel="noise of the same roughness  [bit]",
               ylabel=f"compression of {QUANTITY_NAMES[quantity]}")  # fmt: skip
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    letters(axes)
    return figure


# --------------------------------------------------------------------------------------------- the mechanism


def draw_mechanism(
    mechanism: pd.DataFrame, scale: pd.DataFrame, noise_variance: float, n_bins: int, *, l2: float
) -> plt.Figure:
    """The lecturer's figure: activations under L2 beside the noise, and the estimates that do not see their scale."""
    figure, axes = plt.subplots(2, 3, figsize=(17.5, 9))
    for line, model in zip(axes, SHOWN, strict=True):
        plot_scale(scale[(scale["part"] == "sightings") & (scale["model"] == model)], line[0], l2)
        for value, word in ((noise_variance**0.5, "noise"), (2 / n_bins, "bin width")):
            line[0].axhline(value, color=plots.MUTED, ls="--", lw=1.2)
            line[0].annotate(word, (0.01, value), (2, 3), ("axes fraction", "data"), "offset points", fontsize=10,
                             color=plots.MUTED, zorder=0)  # fmt: skip
        rows = mechanism[(mechanism["model"] == model) & (mechanism["l2"] == l2)]
        for ax, quantity in zip(line[1:], ("i_ty", "i_xt"), strict=True):
            plot_estimators(rows, quantity, ax)
    axes[0, 0].legend(fontsize=10, title="L2", loc="upper left", bbox_to_anchor=(0, 1))
    axes[0, 2].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    names = [(ACTIVATION_NAMES[model], words) for model in SHOWN for words in ("", f", L2 {l2:g}", f", L2 {l2:g}")]
    letters(axes, [name + words for name, words in names])
    return figure


def plot_scale(rows: pd.DataFrame, ax: plt.Axes, chosen: float) -> None:
    """Standard deviation of a unit, mean over the hidden layers, one line a factor of L2, the chosen one thick."""
    l2s = sorted(set(rows["l2"]))
    for l2, colour in zip(l2s, plots.shades(len(l2s)), strict=True):
        mean = rows[rows["l2"] == l2].groupby("epoch")["deviation"].mean()
        ax.plot(mean.index, mean, color=colour, lw=4 if l2 == chosen else 1.6, label=f"{l2:g}")
    ax.set(yscale="log", ylabel="standard deviation of a unit")
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 0.03), 4 * max(high, 1))
    epoch_axis(ax)


def plot_estimators(rows: pd.DataFrame, quantity: str, ax: plt.Axes) -> None:
    """One quantity over the epochs by every estimator: mean over seeds and its 95 % interval."""
    for estimator, one in rows.groupby("estimator", sort=False):
        each = np.array([interval(values) for _, values in one.groupby("epoch")[quantity]])
        epochs, colour = sorted(set(one["epoch"])), ESTIMATOR_COLOURS[estimator]
        name = "fixed noise" if estimator == observers.KERNEL else estimator
        ax.plot(epochs, each[:, 0], color=colour, lw=2.2, label=name)
        if np.isfinite(each).all():
            ax.fill_between(epochs, each[:, 1], each[:, 2], color=colour, alpha=0.15, lw=0)
    bound = rows["entropy_y" if quantity == "i_ty" else "log2_n"].max()
    ax.set(ylabel=QUANTITY_NAMES[quantity], ylim=(0, 1.06 * bound))
    epoch_axis(ax)


def draw_saturation(scale: pd.DataFrame) -> plt.Figure:
    """Saxe's mechanism: the share of saturated activations over the epochs, by data and L2."""
    shown = list(dict.fromkeys(scale["model"]))
    figure, axes = plt.subplots(2, len(shown), figsize=(5 + 3 * len(shown), 7.5), sharey=True)
    for line, part in zip(axes, PART_NAMES, strict=True):
        for ax, model in zip(line, shown, strict=True):
            rows = scale[(scale["part"] == part) & (scale["model"] == model)]
            l2s = sorted(set(rows["l2"]))
            for l2, colour in zip(l2s, plots.shades(len(l2s)), strict=True):
                mean = rows[rows["l2"] == l2].groupby("epoch")["saturated"].mean()
                ax.plot(mean.index, mean, color=colour, lw=2.2, label=f"{l2:g}")
            epoch_axis(ax)
            ax.set_title(f"{ACTIVATION_NAMES[model]}, {data_name(rows)}", loc="left", fontsize=12)
        line[0].set(ylabel="share saturated", ylim=(-0.02, 1.02))
    axes[0, -1].legend(title="L2", loc="upper left", bbox_to_anchor=(1, 1))
    return figure


# --------------------------------------------------------------------------------------------- learning, and the sweep


def draw_learning(table: pd.DataFrame) -> plt.Figure:
    """Loss, accuracy and information on training and test samples over the epochs, in mini-batches."""
    names = {"loss": "loss  [bit]", "accuracy": "accuracy", **QUANTITY_NAMES}
    figure, axes = plt.subplots(2, 4, figsize=(19, 8.5), sharey="col")
    for line, l2 in zip(axes, (0.0, PAPER_L2), strict=True):
        for ax, (column, name) in zip(line, names.items(), strict=True):
            for model, split in ((model, split) for model in SHOWN for split in ("train", "test")):
                chosen = (table["model"] == model) & (table["split"] == split) & (table["l2"] == l2)
                one = table[chosen & (table["method"] == MINI)]
                mean = one.groupby("epoch")[column].mean()
                ax.plot(mean.index, mean, color=ACTIVATION_COLOURS[model], lw=2.2, ls="-" if split == "test" else ":",
                        label=f"{ACTIVATION_NAMES[model]}, {split}")  # fmt: skip
            ax.set_ylabel(name)
            epoch_axis(ax)
            ax.axvline(100, color="0.85", lw=1, zorder=0)
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=11)
    letters(axes, ["no L2"] * 4 + ["L2 0.001"] * 4)
    return figure


def draw_sweep(table: pd.DataFrame, *, network: str = "tanh, L2 0.001", noise_variance: float, n_bins: int):
    """One run seen with a noise variance (left) and with a number of bins (right)."""
    chosen = np.array([cell_name(*each) == network for each in zip(table["model"], table["l2"], strict=True)])
    figure, axes = plt.subplots(1, 2, figsize=(13.5, 5), sharey=True)
    for ax, kind, value in zip(axes, ("noise", "bins"), (noise_variance, n_bins), strict=True):
        rows = table[chosen & (table["kind"] == kind) & (table["value"] == value)].assign(seed=0)
        plots.plot_information_plane(rows, ax=ax)
        words = f"noise variance {value:g}" if kind == "noise" else f"{value:g} bins over a layer's range"
        ax.set_title(f"{network}: {words}", loc="left", fontsize=12)
    axes[1].set_ylabel("")
    axes[1].legend(handles=key_handles(axes[0]), loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return figure


# --------------------------------------------------------------------------------------------- the positions

VERDICT_COLOURS = {"holds": "#009E73", "fails": "#D55E00", "undecided": "#F0E442", "not spoken of": "#E8E8E8"}


def draw_positions(table: pd.DataFrame) -> plt.Figure:
    """Every sentence of the three papers against every cell of the grid: a panel a sentence."""
    sentences = list(dict.fromkeys(zip(table["position"], table["sentence"], strict=True)))
    cells = table.sort_values("place")
    columns = list(dict.fromkeys(zip(cells["part"], cells["method"], strict=True)))
    lines = list(dict.fromkeys(zip(cells["model"], cells["l2"], strict=True)))
    figure, axes = plt.subplots(2, 3, figsize=(16, 11), sharex=True, sharey=True)
    for ax, (position, sentence) in zip(axes.flat, sentences, strict=True):
        rows = table[(table["position"] == position) & (table["sentence"] == sentence)]
        plot_verdicts(rows, lines, columns, ax)
        ax.set_title(f"{position}:\n{sentence}", loc="left", fontsize=13)
    names = dict(zip(table["part"], table["dataset"], strict=True))
    for ax in axes.flat:
        methods = [method.replace("-", "-\n").replace(" ", "\n") for _, method in columns]
        ax.set_xticks(np.arange(len(columns)) + 0.5, methods, fontsize=12)
        ax.set_yticks(np.arange(len(lines)) + 0.5, [f"{ACTIVATION_NAMES[model]}  {l2:g}" for model, l2 in lines],
                      fontsize=12)  # fmt: skip
        ax.tick_params(length=0)
    for ax in axes[1]:
        for part in dict.fromkeys(part for part, _ in columns):
            middle = np.mean([place + 0.5 for place, column in enumerate(columns) if column[0] == part])
            ax.annotate(names[part], (middle, 0), (0, -40), ("data", "axes fraction"), "offset points", fontsize=12,
                        ha="center", va="top", fontweight="bold")  # fmt: skip
    axes[0, 0].invert_yaxis()
    keys = [plt.Rectangle((0, 0), 1, 1, color=colour, label=word) for word, colour in VERDICT_COLOURS.items()]
    axes[0, 2].legend(handles=keys, loc="upper left", bbox_to_anchor=(1, 1), fontsize=12)
    return figure


def plot_verdicts(rows: pd.DataFrame, lines: list, columns: list, ax: plt.Axes) -> None:
    """The verdicts on one sentence: activation and L2 down, data and batch across."""
    codes = list(VERDICT_COLOURS)
    grid = np.full((len(lines), len(columns)), codes.index("not spoken of"))
    for row in rows.itertuples():
        grid[lines.index((row.model, row.l2)), columns.index((row.part, row.method))] = codes.index(row.verdict)
    colours = ListedColormap(sns.color_palette(list(VERDICT_COLOURS.values())))
    ax.pcolormesh(grid, cmap=colours, vmin=-0.5, vmax=len(codes) - 0.5, edgecolors="white", lw=1.5)
    for place in range(1, len(lines)):
        if lines[place][0] != lines[place - 1][0]:
            ax.axhline(place, color="black", lw=1.2)
