"""Figures of a hypercube: its slices, confusion matrices, capacities of channel pairs, entropies of channels."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.patches import Polygon

from .style import MUTED

ALL = "all"
ALL_COLOUR = "black"
OBLIQUE = np.array([0.45, 0.32])  # how far the third axis goes to the right and up, a unit
CAPACITY_MAP = "viridis_r"  # brighter is smaller, as in the paper; the same as in the live views
AXES = ("layers L", "channels C", "epochs T")


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """A colour for each class, the same in every figure of a notebook; all inputs together are black."""
    colours = sns.color_palette("tab10" if len(classes) <= 10 else "husl", len(classes)).as_hex()
    return dict(zip(classes, colours, strict=True)) | {ALL: ALL_COLOUR}


# ------------------------------------------------------------------------------------ the cube


def plot_cube(
    lit: Sequence[tuple[float, float]], *, title: str = "", names: Sequence[str] = AXES, ax: plt.Axes | None = None
) -> plt.Axes:
    """A cube of layers, channels and epochs in oblique projection, with a part of it lit.

    lit: for each of the three axes where the part begins and ends, from 0 to 1. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    _draw_box(ax, [(0, 1)] * 3, MUTED, "none", 1.0)
    _draw_box(ax, lit, "#D55E00", "#E69F00", 1.4)
    corner = _project(np.array([[0.5, 0, 0], [0, 0.5, 0], [1, 0, 0.5]]))
    for (x, y), name, shift, turn, side in zip(
        corner, names, ((0, -0.07), (-0.05, 0), (0.06, -0.04)), (0, 90, 0), ("center", "center", "left"), strict=True
    ):
        ax.text(x + shift[0], y + shift[1], name, rotation=turn, ha=side, va="center", fontsize=10)
    ax.set_title(title, loc="left", fontsize=11)
    ax.set_aspect("equal")
    ax.set(xlim=(-0.18, 1.85), ylim=(-0.2, 1.42))
    ax.axis("off")
    return ax


def _project(points: np.ndarray) -> np.ndarray:
    return points[:, :2] + points[:, 2:] * OBLIQUE


def _draw_box(ax: plt.Axes, span: Sequence[tuple[float, float]], edge: str, face: str, width: float) -> None:
    """The three visible faces of a box: front, top and right."""
    (x0, x1), (y0, y1), (z0, z1) = span
    faces = (
        [(x0, y0, z0), (x1, y0, z0), (x1, y1, z0), (x0, y1, z0)],
        [(x0, y1, z0), (x1, y1, z0), (x1, y1, z1), (x0, y1, z1)],
        [(x1, y0, z0), (x1, y0, z1), (x1, y1, z1), (x1, y1, z0)],
    )
    for shade, corners in zip((0.95, 0.7, 0.5), faces, strict=True):
        filled = face != "none"
        ax.add_patch(
            Polygon(_project(np.array(corners, dtype=float)), closed=True, ec=edge, lw=width, zorder=3 if filled else 2,
                    fc=face if filled else "white", alpha=shade if filled else 1.0)
        )  # fmt: skip


# ------------------------------------------------------------------------------------ labels


def plot_confusion(
    counts: np.ndarray, classes: Sequence[str], *, title: str = "", ax: plt.Axes | None = None
) -> plt.Axes:
    """A confusion matrix: a row a true class, a column a predicted one. Darker is more, on a logarithmic scale, and
    only 0 is white: a single error must show beside a thousand right answers. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    greys = ListedColormap(plt.get_cmap("Greys")(np.linspace(0.12, 1, 256))).with_extremes(under="white", bad="white")
    image = ax.imshow(counts, cmap=greys, norm=LogNorm(1, max(2, counts.max())), interpolation="nearest")
    ax.set_xticks(range(len(classes)), classes, rotation=60 if max(map(len, classes)) > 2 else 0, fontsize=9)
    ax.set_yticks(range(len(classes)), classes, fontsize=9)
    ax.tick_params(length=0)
    ax.set(xlabel="predicted", ylabel="true")
    ax.set_title(title, loc="left", fontsize=11)
    scale = ax.figure.colorbar(image, ax=ax, pad=0.02, fraction=0.045)
    scale.outline.set_visible(False)
    scale.set_label("images", fontsize=9)
    return ax


def plot_label_entropies(
    table: pd.DataFrame, column: str, classes: Sequence[str], *, title: str = "", ax: plt.Axes | None = None
) -> plt.Axes:
    """The entropy of every class over the epochs, one seed; a gap where a class does not occur on the given side.

    table: columns epoch, class, and `column` in bits. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    colours = class_colours(classes)
    wide = table.pivot_table(index="epoch", columns="class", values=column, dropna=False)
    for number in wide:
        ax.plot(wide.index, wide[number], color=colours[classes[number]], lw=1.5, label=classes[number])
    ax.axhline(np.log2(len(classes)), color=MUTED, ls="--", lw=1)
    ax.annotate(f"log2 {len(classes)}", (1, np.log2(len(classes))), (-2, 3), ("axes fraction", "data"),
                "offset points", fontsize=9, color=MUTED, ha="right")  # fmt: skip
    given = {"true_given_predicted": "H(x.label | y = i)", "predicted_given_true": "H(y | x.label = i)"}
    ax.set(xlabel="epoch", ylabel=f"{given.get(column, column)}  [bit]", ylim=(-0.05, 1.12 * np.log2(len(classes))))
    ax.set_title(title, loc="left", fontsize=11)
    return ax


# ------------------------------------------------------------------------------------ capacities


def sort_order(values: np.ndarray, how: str, axis: int) -> np.ndarray:
    """The order of rows (axis 0) or columns (axis 1) by their mean or maximum, smallest first; "none" leaves them.

    Source: Shen and Shen (2020), section 5.3.2. Which end comes first it does not say.
    """
    if how not in ("none", "mean", "maximum"):
        raise ValueError(f"how must be one of none, mean, maximum; got how={how!r}.")
    if how == "none":
        return np.arange(values.shape[axis])
    return np.argsort((np.mean if how == "mean" else np.max)(values, axis=1 - axis), kind="stable")


def plot_capacity(
    values: np.ndarray,
    *,
    layers: tuple[int, int],
    by: str = "maximum",
    largest: float | None = None,
    title: str = "",
    scale: bool = True,
    ax: plt.Axes | None = None,
) -> plt.Axes:
    """The capacity of every channel of one layer (across) with every one of another (up), brighter is smaller.

    values: (channels of the first layer, of the second) in bits. by: how rows and columns are sorted. largest: end of
    the colours. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    rows, columns = (sort_order(values, by, axis) for axis in (0, 1))
    shown = values[np.ix_(rows, columns)].T
    image = ax.imshow(shown, cmap=CAPACITY_MAP, vmin=0, vmax=largest or float(values.max()) or 1.0, origin="lower",
                      aspect="auto", interpolation="nearest")  # fmt: skip
    order = "" if by == "none" else f", sorted by {by}"
    ax.set(xlabel=f"channel of layer {layers[0]}{order}", ylabel=f"channel of layer {layers[1]}")
    for axis, places in ((ax.xaxis, rows), (ax.yaxis, columns)):
        every = max(1, len(places) // 8)
        axis.set_ticks(range(0, len(places), every), places[::every], fontsize=8)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(title, loc="left", fontsize=11)
    if scale:
        bar = ax.figure.colorbar(image, ax=ax, pad=0.02, fraction=0.045)
        bar.outline.set_visible(False)
        bar.set_label("capacity  [bit]", fontsize=9)
    return ax


# ------------------------------------------------------------------------------------ channels


def plot_small_multiples(
    table: pd.DataFrame, classes: Sequence[str], *, columns: int = 8, title: str = "", ax: plt.Axes | None = None
) -> plt.Axes:
    """A small panel a channel: its intra-sample entropy over the epochs, a line a class, black for all inputs.

    table: columns channel, class_name, epoch, value (bit). All panels have the same axes and are drawn in one. Returns
    the axes.
    """
    ax = plt.gca() if ax is None else ax
    channels = sorted(set(table["channel"]))
    top = max(1.0, 1.05 * float(table["value"].max()))
    last = float(table["epoch"].max()) or 1.0
    n_rows = -(-len(channels) // columns)
    colours = class_colours(classes)
    for (channel, name), one in table.groupby(["channel", "class_name"], sort=False):
        row, column = divmod(channels.index(channel), columns)
        one = one.sort_values("epoch")
        x = column + 0.05 + 0.85 * one["epoch"] / last
        y = n_rows - 1 - row + 0.06 + 0.74 * one["value"] / top
        ax.plot(x, y, color=colours[name], lw=1.6 if name == ALL else 0.8, zorder=3 if name == ALL else 2)
    for place, channel in enumerate(channels):
        row, column = divmod(place, columns)
        box = plt.Rectangle((column + 0.03, n_rows - 1 - row + 0.04), 0.9, 0.79, fc="none", ec="0.8", lw=0.8)
        ax.add_patch(box)
        ax.text(column + 0.04, n_rows - row - 0.02, str(channel), va="top", fontsize=8, color=MUTED)
    ax.set(xlim=(0, columns), ylim=(0, n_rows + 0.02))
    ax.axis("off")
    note = f"each panel: epochs 0 to {last:g}, 0 to {top:.1f} bit"
    ax.set_title(f"{title}\n{note}" if title else note, loc="left", fontsize=11)
    return ax


def plot_packing(
    circles: pd.DataFrame, classes: Sequence[str], *, title: str = "", ax: plt.Axes | None = None
) -> plt.Axes:
    """Ten class circles and an eleventh for all inputs, channels inside, coloured by their number.

    circles: what `pack_table` gives; those of radius 0 are not drawn. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    ax.axis("off")
    ax.set_aspect("equal")
    nothing = "" if circles["radius"].any() else "\nevery entropy is 0 bit: no circle"
    ax.set_title(f"{title}{nothing}".strip(), loc="left", fontsize=11)
    colours = class_colours(classes)
    n_channels = int(circles["channel"].max()) + 1
    of_channels = sns.color_palette("viridis", n_channels)
    circles = circles[circles["radius"] > 0].sort_values("channel")
    for _, one in circles.iterrows():
        centre, channel = (one["x"], one["y"]), int(one["channel"])
        whole = channel < 0
        ax.add_patch(
            plt.Circle(centre, one["radius"], fc="white" if whole else of_channels[channel], lw=2.5 if whole else 0,
                       ec=colours[one["class_name"]] if whole else "none")
        )  # fmt: skip
        if whole:
            ax.text(centre[0], centre[1] + one["radius"], one["class_name"], ha="center", va="center",
                    fontsize=9, color=colours[one["class_name"]], fontweight="bold", zorder=5,
                    bbox={"fc": "white", "ec": "none", "pad": 1})  # fmt: skip
    if len(ends := circles[circles["channel"] < 0]):
        ax.set(xlim=((ends["x"] - ends["radius"]).min() - 0.02, (ends["x"] + ends["radius"]).max() + 0.02),
               ylim=((ends["y"] - ends["radius"]).min() - 0.02, (ends["y"] + ends["radius"]).max() + 0.09))  # fmt: skip
    return ax
