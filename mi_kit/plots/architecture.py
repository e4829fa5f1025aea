"""Networks drawn as rows of blocks, from the table of `models.describe`."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.patches import FancyBboxPatch

from .style import MUTED, layer_colours

UNTOLD = ("ZeroPad2d", "Flatten")


def plot_architecture(table: pd.DataFrame, *, title: str = "", ax: plt.Axes | None = None) -> plt.Axes:
    """One network as a row of boxes: layers inside, output shape and parameters below, named as in every figure.

    table: columns block, layer, output_shape, parameters (`models.describe`). Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    blocks = list(dict.fromkeys(table["block"]))
    colours = layer_colours(blocks)
    for place, block in enumerate(blocks):
        rows = table[table["block"] == block]
        _draw_box(ax, place, block, rows, colours[block])
        if place:
            ax.annotate("", (place + 0.04, 0.5), (place - 0.08, 0.5), arrowprops={"arrowstyle": "->", "color": MUTED})
    ax.set(xlim=(-0.05, max(len(blocks), 1)), ylim=(-0.32, 1.02))
    ax.set_title(f"{title}   {table['parameters'].sum():,} parameters", loc="left", fontsize=12)
    ax.axis("off")
    return ax


def _draw_box(ax: plt.Axes, place: int, block: str, rows: pd.DataFrame, colour: str) -> None:
    box = FancyBboxPatch(
        (place + 0.06, 0.05), 0.84, 0.9, boxstyle="round,pad=0,rounding_size=0.04", facecolor="white",
        edgecolor=colour, lw=2,
    )  # fmt: skip
    ax.add_patch(box)
    ax.text(place + 0.48, 0.9, block, ha="center", va="top", fontsize=11, fontweight="bold", color=colour)
    lines = [line for word in shorten(list(rows["layer"])) for line in textwrap.wrap(word, 30)]
    ax.text(place + 0.48, 0.41, "\n".join(lines), ha="center", va="center", fontsize=9, linespacing=1.1)
    shape = "×".join(map(str, rows["output_shape"].iloc[-1]))
    below = f"T: {shape}\n{rows['parameters'].sum():,} parameters"
    ax.text(place + 0.48, -0.02, below, ha="center", va="top", fontsize=9, color=MUTED)


def shorten(layers: list[str]) -> list[str]:
    """Layers in words, a group of up to four that repeats told once: `4 × (ReLU, conv 1x1x48, ReLU, conv 3x3x12)`."""
    layers = [layer.replace(" ", "\N{NO-BREAK SPACE}") for layer in layers if layer not in UNTOLD]
    told, place = [], 0
    while place < len(layers):
        for length in (4, 3, 2, 1):
            group = layers[place : place + length]
            times = 1
            while layers[place + times * length : place + (times + 1) * length] == group:
                times += 1
            if times > 1 and len(group) == length:
                told.append(f"{times}\N{NO-BREAK SPACE}× ({', '.join(group)})")
                place += times * length
                break
        else:
            told.append(layers[place])
            place += 1
    return told
