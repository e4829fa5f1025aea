"""Information along the layers of a network: curves, where an inequality breaks, and diagrams of shared information."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Circle, FancyBboxPatch

from .style import _OKABE_ITO, MUTED

DIRECTION_COLOURS = {"forward": _OKABE_ITO["blue"], "backward": _OKABE_ITO["green"]}
DIRECTION_NAMES = {"forward": r"$I(X;T_k)$", "backward": r"$I(\delta_L;\delta_k)$"}
DIRECTION_MARKERS = {"forward": "o", "backward": "s"}
VERDICT_MAP = "RdYlBu"


def plot_chain(table: pd.DataFrame, direction: str, *, ax: plt.Axes | None = None) -> plt.Axes:
    """I along the layers of one network at one moment: mean over seeds thick, seeds thin.

    table: columns layer (in the order of the network), seed, value, whole (the entropy that I cannot exceed), in bits.
    direction: "forward" or "backward"; it gives colour and name. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    layers, colour = list(dict.fromkeys(table["layer"])), DIRECTION_COLOURS[direction]
    places = np.arange(len(layers))
    for _, one in table.groupby("seed"):
        ax.plot(places, one.set_index("layer").loc[layers, "value"], color=colour, lw=0.8, alpha=0.35)
    mean = table.groupby("layer")["value"].mean().loc[layers]
    marker = DIRECTION_MARKERS[direction]
    ax.plot(places, mean, marker=marker, ms=7, lw=2.2, color=colour, label=DIRECTION_NAMES[direction])
    ax.axhline(table["whole"].mean(), color=colour, ls=":", lw=1.2)
    ax.set_xticks(places, layers)
    return ax


def plot_breaks(table: pd.DataFrame, *, ax: plt.Axes | None = None) -> plt.Axes:
    """Where an inequality between neighbouring layers holds: a row a pair, a column a step, the share of seeds inside.

    table: columns pair (in order), step, holds (booleans, one a seed). Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    pairs, steps = list(dict.fromkeys(table["pair"])), sorted(set(table["step"]))
    wide = table.assign(holds=table["holds"].astype(float)).pivot_table(index="pair", columns="step", values="holds")
    share = wide.loc[pairs, steps].to_numpy()
    ax.imshow(share, aspect="auto", cmap=VERDICT_MAP, vmin=0, vmax=1, interpolation="nearest", alpha=0.85)
    for row, column in zip(*np.nonzero(share < 1), strict=True):
        colour = "white" if share[row, column] < 0.08 else "black"
        ax.text(column, row, f"{100 * share[row, column]:.0f}", ha="center", va="center", fontsize=9, color=colour)
    every = max(1, len(steps) // 6)
    ax.set_xticks(range(0, len(steps), every), [f"{step:,}" for step in steps[::every]])
    ax.set_yticks(range(len(pairs)), pairs)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def plot_redundancy(table: pd.DataFrame, *, ax: plt.Axes | None = None) -> plt.Axes:
    """I(X;C) of convolutional layers, and their redundancy, over training: mean over seeds, seeds thin.

    table: columns layer, seed, step, joint, redundancy, in bits. C1 is vermilion, C2 blue; redundancy is dashed.
    Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    styles = {"C1": (_OKABE_ITO["vermilion"], "o", "P"), "C2": (_OKABE_ITO["blue"], "^", "s")}
    for layer, rows in table.groupby("layer", sort=False):
        colour, of_joint, of_redundancy = styles[layer]
        for column, marker, line, name in (
            ("joint", of_joint, "-", f"I(X;{layer})"),
            ("redundancy", of_redundancy, "--", f"redundancy of {layer}"),
        ):
            for _, one in rows.groupby("seed"):
                ax.plot(one["step"], one[column], ls=line, lw=0.7, alpha=0.3, color=colour)
            mean = rows.groupby("step")[column].mean()
            filled = colour if column == "joint" else "white"
            ax.plot(mean.index, mean, line, marker=marker, ms=7, mfc=filled, lw=1.8, color=colour, label=name)
    ax.axhline(0, color=MUTED, lw=1)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(-0.15, 1.5 * max(1, table["step"].max()))  # room for the last markers
    return ax


def plot_shared(only_a: float, only_b: float, shared: float, names: Sequence[str], *, ax: plt.Axes | None = None):
    """Two overlapping circles inside X, with the three numbers in bits; the areas are not to scale. Returns the axes.

    only_a = I(X;a|b), only_b = I(X;b|a), shared = redundancy minus synergy: negative where synergy prevails.
    """
    ax = plt.gca() if ax is None else ax
    gap = 0.42 if shared > 0 else 0.72
    for x, name, side in ((-gap, names[0], -1), (gap, names[1], 1)):
        ax.add_patch(Circle((x, 0), 0.8, color=_OKABE_ITO["sky"], alpha=0.35, lw=0))
        ax.add_patch(Circle((x, 0), 0.8, fill=False, ec=_OKABE_ITO["blue"], lw=1.8))
        ax.text(x + 0.3 * side, 0.92, name, ha="center", va="bottom", fontsize=12)
    ax.text(-gap - 0.32, 0, f"{only_a:.2f}", ha="center", va="center", fontsize=13)
    ax.text(gap + 0.32, 0, f"{only_b:.2f}", ha="center", va="center", fontsize=13)
    ax.text(0, 0, f"{shared:.2f}", ha="center", va="center", fontsize=13, fontweight="bold")
    ax.set(xlim=(-1.75, 1.75), ylim=(-1.05, 1.25), aspect="equal")
    ax.set_axis_off()
    return ax


def plot_two_chains(layers: Sequence[str], *, ax: plt.Axes | None = None) -> plt.Axes:
    """The forward chain X -> T_1 -> ... and the backward chain delta_L -> delta_K -> ... as boxes. Returns the axes."""
    ax = plt.gca() if ax is None else ax
    n = len(layers)
    ahead = ["X", *(f"$T_{k}$\n{layer}" for k, layer in enumerate(layers, start=1)), r"$\hat y$"]
    back = ["", *(rf"$\delta_{k}$" for k in range(1, n + 1)), r"$\delta_L$"]
    for row, (words, direction) in enumerate(((ahead, "forward"), (back, "backward"))):
        colour, height = DIRECTION_COLOURS[direction], 0.62 - 0.5 * row
        for place, word in enumerate(words):
            if not word:
                continue
            box = FancyBboxPatch((place - 0.33, height - 0.14), 0.66, 0.28, boxstyle="round,pad=0.02", lw=1.6)
            box.set(facecolor=(*plt.matplotlib.colors.to_rgb(colour), 0.12), edgecolor=colour)
            ax.add_patch(box)
            ax.text(place, height, word, ha="center", va="center", fontsize=12)
            ends = (place - 0.37, place - 0.63) if direction == "forward" else (place - 0.63, place - 0.37)
            if place > (0 if direction == "forward" else 1):
                arrow = {"arrowstyle": "->", "color": colour, "lw": 1.6, "ls": "-" if direction == "forward" else "--"}
                ax.annotate("", (ends[0], height), (ends[1], height), arrowprops=arrow)
    words = r"$\hat y$ and y give the loss; its gradient at $\hat y$ is $\delta_L$"
    ax.annotate(words, (n + 1, -0.14), ha="right", fontsize=11, color=MUTED)
    ax.set(xlim=(-0.5, n + 1.5), ylim=(-0.2, 0.85))
    ax.set_axis_off()
    return ax


def plot_union(n_maps: int, size: float, title: str, *, ax: plt.Axes | None = None) -> plt.Axes:
    """X as one circle, the maps of a layer as circles over its edge; what they share with X is shaded.

    size: radius of a map's circle, X has 1. A drawing: nothing in it is measured. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    whole = Circle((0, 0), 1, fill=False, ec=_OKABE_ITO["vermilion"], lw=2)
    angles = np.linspace(0.3 * np.pi, -0.3 * np.pi, n_maps)
    for number, angle in enumerate(angles, start=1):
        centre = 1.05 * np.cos(angle), 1.05 * np.sin(angle)
        shade = Circle(centre, size, color=_OKABE_ITO["blue"], alpha=0.3, lw=0)
        ax.add_patch(shade)
        shade.set_clip_path(Circle((0, 0), 1, transform=ax.transData))
        ax.add_patch(Circle(centre, size, fill=False, ec=_OKABE_ITO["blue"], lw=1.6))
        outside = 1.05 + 0.55 * size
        ax.text(
            outside * np.cos(angle), outside * np.sin(angle), f"$T^{number}$", ha="center", va="center", fontsize=12
        )
    ax.add_patch(whole)
    ax.text(-0.55, 0, "X", ha="center", va="center", fontsize=14)
    ax.set_title(title, loc="left", fontsize=12)
    ax.set(xlim=(-1.1, 1.8), ylim=(-1.5, 1.5), aspect="equal")
    ax.set_axis_off()
    return ax
