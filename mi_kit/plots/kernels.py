"""Kernels: boxes of their information over training, heat maps against the classes, and what they answer to images."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from .style import MUTED, NETWORK_COLOURS, NETWORK_NAMES

GAP = 2  # pixels between the pictures of a mosaic
PIXELS = 28  # of its pictures, at least


def plot_boxes(table: pd.DataFrame, *, top: float | None = None, ax: plt.Axes | None = None) -> plt.Axes:
    """A box a moment: the kernels' I(T;Y), quartiles, whiskers at 1.5 times their distance, outliers as circles.

    table: columns step, i_ty, entropy_y, model (one), and i_ty_shuffled, whose mean is drawn as a dotted line: what the
    estimate gives by chance. The black line is the median. top: the end of the scale in bits, None for just above H(Y);
    where it is lower, H(Y) is told and not drawn. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    steps = sorted(set(table["step"]))
    colour = NETWORK_COLOURS.get(table["model"].iloc[0], MUTED)
    ax.boxplot(
        [table.loc[table["step"] == step, "i_ty"] for step in steps], positions=range(len(steps)), widths=0.65,
        patch_artist=True, manage_ticks=False, medianprops={"color": "black", "lw": 1.8},
        boxprops={"facecolor": colour, "alpha": 0.6}, flierprops={"marker": "o", "ms": 3, "mec": MUTED},
    )  # fmt: skip
    by_chance = table.groupby("step")["i_ty_shuffled"].mean()
    ax.plot(range(len(steps)), by_chance[steps], ":", color="black", lw=2, label="labels shuffled")
    ax.legend(loc="upper right", bbox_to_anchor=(1, 1.16), fontsize=10)
    _step_ticks(ax, steps)
    entropy_y = float(table["entropy_y"].iloc[0])
    top = 1.1 * entropy_y if top is None else top
    inside = entropy_y <= top
    ax.axhline(entropy_y, color=MUTED, ls="--", lw=1)
    ax.annotate(
        f"H(Y) = {entropy_y:.2f}{'' if inside else ' (above)'}", (0.01, entropy_y if inside else top),
        (0, 3 if inside else -12), ("axes fraction", "data"), "offset points", fontsize=9, color=MUTED,
    )  # fmt: skip
    ax.set(xlabel="iteration", ylabel="I(T;Y) of a kernel  [bit]", ylim=(-0.05 * top, top))
    return ax


def _step_ticks(ax: plt.Axes, steps: list[int], most: int = 9) -> None:
    """The iterations below equally wide places: at most `most` of them, the last one always."""
    every = max(1, -(-len(steps) // most))
    places = [place for place in range(len(steps)) if (len(steps) - 1 - place) % every == 0]
    ax.set_xticks(places, [f"{steps[place]:,}" for place in places])
    ax.set_xlim(-0.7, len(steps) - 0.3)


def plot_change(table: pd.DataFrame, *, ax: plt.Axes | None = None) -> plt.Axes:
    """The change of the kernels' mean information between moments, per iteration: single seeds thin, their mean thick.

    table: columns step (where a change ends), seed, value, model (one). Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    of_seeds = table.pivot_table(index="step", columns="seed", values="value")
    colour = NETWORK_COLOURS.get(table["model"].iloc[0], MUTED)
    ax.axhline(0, color=MUTED, lw=1)
    ax.plot(range(len(of_seeds)), of_seeds, color=colour, lw=0.8, alpha=0.5)
    ax.plot(range(len(of_seeds)), of_seeds.mean(axis=1), "o-", ms=4, lw=2, color=colour)
    _step_ticks(ax, list(of_seeds.index))
    ax.set(xlabel="up to iteration", ylabel="change of mean I(T;Y)\n[bit / iteration]")
    largest = float(of_seeds.abs().max().max()) or 1.0
    ax.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(largest / 100)), linscale=0.8)
    return ax


def plot_kernels_by_class(
    values: np.ndarray,
    classes: Sequence[str],
    *,
    rank: bool = False,
    largest: float | None = None,
    ax: plt.Axes | None = None,
) -> plt.Axes:
    """Heat maps, one below the other: one column a kernel, one row a class; information in bits, or a kernel's rank.

    values: (maps, kernels, classes). classes: their names. rank: values are ranks for the class, 1 the highest.
    largest: end of the colour scale. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    n_maps, n_kernels, n_classes = values.shape
    colours, low, high = ("mako_r", 1, n_kernels) if rank else ("rocket", 0.0, largest or float(values.max()) or 1.0)
    whole = np.full((n_maps * (n_classes + 1) - 1, n_kernels), np.nan)  # an empty row between two maps
    for number, one in enumerate(values):
        whole[number * (n_classes + 1) :][:n_classes] = one.T
    shown = sns.color_palette(colours, as_cmap=True)
    image = ax.imshow(whole, aspect="auto", cmap=shown, vmin=low, vmax=high, interpolation="nearest")
    places = [number * (n_classes + 1) + c for number in range(n_maps) for c in range(n_classes)]
    ax.set_yticks(places, [*classes] * n_maps)
    every = max(4, n_kernels // 4)
    kernels = [0, *range(every, n_kernels, every)]
    ax.set_xticks(kernels, [kernel + 1 for kernel in kernels])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    scale = ax.figure.colorbar(
        image, ax=ax, pad=0.01, fraction=0.04, aspect=40, shrink=min(1.0, 2.5 / n_maps + 0.2), anchor=(0, 1)
    )
    scale.outline.set_visible(False)
    scale.set_label("rank (1: highest)" if rank else "I(T;[Y=y])  [bit]", fontsize=10)
    if rank:
        scale.ax.invert_yaxis()
    return ax


def plot_class_means(table: pd.DataFrame, classes: Sequence[str], *, ax: plt.Axes | None = None) -> plt.Axes:
    """What a block's kernels know of each class: mean over kernels, interval over seeds; one colour a network.

    table: columns model, class, mean, low, high. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    models = list(dict.fromkeys(table["model"]))
    for number, model in enumerate(models):
        rows = table[table["model"] == model].sort_values("class")
        places = np.arange(len(rows)) + 0.25 * (number - (len(models) - 1) / 2)
        colour = NETWORK_COLOURS.get(model)
        finite = rows[["low", "high"]].clip(lower=0).where(np.isfinite(rows[["low", "high"]]), np.nan)
        ax.vlines(places, finite["low"], finite["high"], color=colour, lw=2)
        ax.plot(places, rows["mean"], "o", ms=8, color=colour, label=NETWORK_NAMES.get(model, model))
    ax.set_xticks(range(len(classes)), classes, rotation=30, ha="right")
    ax.set(ylabel="mean I(T;[Y=y])  [bit]", ylim=(0, None))
    ax.grid(axis="y", color="0.9")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def pictures_of(table: pd.DataFrame, row_keys: list[str], column_key: str) -> np.ndarray:
    """(rows, columns, side, side) uint8 from a table of maps: columns `map` (bytes) and `side`, and the keys.

    Rows come in the order of their first appearance, columns in the order of `column_key`.
    """
    rows = []
    for _, one in table.groupby(row_keys, sort=False):
        one = one.sort_values(column_key)
        rows.append([np.frombuffer(m, np.uint8).reshape(s, s) for m, s in zip(one["map"], one["side"], strict=True)])
    return np.array(rows)


def plot_mosaic(
    pictures: np.ndarray, *, rows: Sequence[str], columns: Sequence[str], ax: plt.Axes | None = None
) -> plt.Axes:
    """Small grey pictures in rows and columns, drawn as one image.

    pictures: (rows, columns, side, side), 0 black to 255 white. rows, columns: their labels. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    n_rows, n_columns, side, _ = pictures.shape
    times = max(1, PIXELS // side)  # small pictures are enlarged: rows of all sizes align
    pictures, side = pictures.repeat(times, axis=2).repeat(times, axis=3), side * times
    step = side + GAP
    whole = np.full((n_rows * step - GAP, n_columns * step - GAP), 255, dtype=np.uint8)
    for row in range(n_rows):
        for column in range(n_columns):
            whole[row * step : row * step + side, column * step : column * step + side] = pictures[row, column]
    ax.imshow(whole, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set_xticks([column * step + side / 2 for column in range(n_columns)], columns)
    ax.set_yticks([row * step + side / 2 for row in range(n_rows)], rows)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def plot_verdicts(table: pd.DataFrame, colours: dict[str, str], *, ax: plt.Axes | None = None) -> plt.Axes:
    """Claims against estimators: a coloured field with a word for every verdict.

    table: columns claim, statement, variant, verdict. colours: of each verdict. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    claims = list(dict.fromkeys(table["claim"]))
    variants = list(dict.fromkeys(table["variant"]))
    for _, row in table.iterrows():
        place = variants.index(row["variant"]), claims.index(row["claim"])
        ax.add_patch(plt.Rectangle((place[0], place[1]), 0.96, 0.92, color=colours[row["verdict"]], lw=0))
        ax.text(place[0] + 0.48, place[1] + 0.46, row["verdict"], ha="center", va="center", fontsize=9)
    statements = table.drop_duplicates("claim").set_index("claim")["statement"]
    ax.set_yticks([place + 0.46 for place in range(len(claims))], [statements[claim] for claim in claims], fontsize=10)
    ax.set_xticks([place + 0.48 for place in range(len(variants))], variants, rotation=35, ha="left", fontsize=10)
    ax.xaxis.tick_top()
    ax.set(xlim=(0, len(variants)), ylim=(len(claims), 0))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax
