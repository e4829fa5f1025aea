"""Information planes: I(X;T) against I(T;Y), one path a layer."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from .style import MUTED, NETWORK_COLOURS, NETWORK_NAMES, layer_colours


def plot_information_plane(
    table: pd.DataFrame,
    *,
    highlight: str | None = None,
    until: int | None = None,
    ax: plt.Axes | None = None,
) -> plt.Axes:
    """The paths of all layers of one network through the information plane.

    table: columns layer, seed, step, i_xt, i_ty (bits), at_bound, and the bounds log2_n and entropy_y (one value each).
    highlight: a layer to show in colour, the others grey; None or "all" for all. until: the last step to draw.
    ax: where to draw. A path is the mean over seeds, thin lines are single seeds; it starts at the open marker and
    ends at the full one; crosses are points at a bound. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    log2_n, entropy_y = float(table["log2_n"].iloc[0]), float(table["entropy_y"].iloc[0])
    layers = list(dict.fromkeys(table["layer"]))
    colours = layer_colours(layers)
    shown = table if until is None else table[table["step"] <= until]
    for order, layer in enumerate(layers):
        focus = highlight in (None, "all", layer)
        colour = colours[layer] if focus else "0.8"
        end_size = 8 + 1.8 * (len(layers) - 1 - order)  # ends that coincide stay visible as rings
        _plot_path(ax, shown[shown["layer"] == layer], layer, colour, 3 + 2 * order + 20 * focus, end_size)
    _reference_lines(ax, log2_n, entropy_y)
    ax.set(xlim=(-0.04 * log2_n, 1.06 * log2_n), ylim=(-0.05 * entropy_y, 1.1 * entropy_y))
    ax.set(xlabel="I(X;T)  [bit]", ylabel="I(T;Y)  [bit]")
    return ax


def _plot_path(ax: plt.Axes, rows: pd.DataFrame, layer: str, colour: str, order: int, end_size: float) -> None:
    for _, one in rows.groupby("seed"):
        ax.plot(one["i_xt"], one["i_ty"], color=colour, lw=0.8, alpha=0.35, zorder=order)
    mean = rows.groupby("step")[["i_xt", "i_ty", "at_bound"]].mean()
    ax.plot(mean["i_xt"], mean["i_ty"], color=colour, lw=2, zorder=order, label=layer)
    saturated = mean[mean["at_bound"] > 0.5]
    free = mean[mean["at_bound"] <= 0.5]
    ax.plot(free["i_xt"], free["i_ty"], "o", ms=4, color=colour, zorder=order)
    ax.plot(saturated["i_xt"], saturated["i_ty"], "x", ms=6, mew=1.5, color=colour, zorder=order)
    ends = {"markersize": end_size, "markeredgewidth": 1.8, "markeredgecolor": colour, "zorder": order + 1}
    ax.plot(*mean.iloc[0][["i_xt", "i_ty"]], "o", markerfacecolor="white", **ends)
    ax.plot(*mean.iloc[-1][["i_xt", "i_ty"]], "o", markerfacecolor=colour, **ends)
    if mean["at_bound"].iloc[-1] > 0.5:
        ax.plot(*mean.iloc[-1][["i_xt", "i_ty"]], "x", ms=6, mew=1.5, color="white", zorder=order + 1)


def _reference_lines(ax: plt.Axes, log2_n: float, entropy_y: float) -> None:
    ax.axhline(entropy_y, color=MUTED, ls="--", lw=1, zorder=1)
    ax.axvline(log2_n, color=MUTED, ls="--", lw=1, zorder=1)
    n = round(2**log2_n)
    ax.annotate(
        f"H(Y) = {entropy_y:.2f}", (0.01, entropy_y), (2, 3), ("axes fraction", "data"), "offset points",
        fontsize=9, color=MUTED,
    )  # fmt: skip
    ax.annotate(
        f"log2 {n:,} = {log2_n:.2f}", (log2_n, 0.02), (-3, 2), ("data", "axes fraction"), "offset points",
        fontsize=9, color=MUTED, rotation=90, ha="right", va="bottom",
    )  # fmt: skip


def plane_legend(ax: plt.Axes) -> None:
    """The layers, and what the markers mean, to the right of the plane."""
    handles, labels = ax.get_legend_handles_labels()
    key = {"color": MUTED, "ls": ""}
    handles += [
        plt.Line2D([], [], marker="o", mfc="white", ms=9, mew=1.8, **key),
        plt.Line2D([], [], marker="o", ms=9, **key),
        plt.Line2D([], [], marker="x", ms=6, mew=1.5, **key),
    ]
    ax.legend(handles, [*labels, "start", "end", "at a bound"], fontsize=10, loc="upper left", bbox_to_anchor=(1, 1))


def plot_saturation(table: pd.DataFrame, *, marks: dict[str, float], ax: plt.Axes | None = None) -> plt.Axes:
    """The share of points at a bound against the noise, one line a network.

    table: columns model, noise_variance, share; the model "all" is drawn black. marks: {word: noise} to point out.
    Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    for model, rows in table.groupby("model", sort=False):
        every = model == "all"
        ax.plot(
            rows["noise_variance"], rows["share"], "o-", ms=6 if every else 4, lw=2.5 if every else 1.5,
            color="black" if every else NETWORK_COLOURS.get(model),
            label="all networks together" if every else NETWORK_NAMES.get(model, model),
        )  # fmt: skip
    for value in dict.fromkeys(marks.values()):
        word = " and ".join(each for each, marked in marks.items() if marked == value)
        ax.axvline(value, color=MUTED, ls="--", lw=1.2)
        ax.annotate(
            f"{word} {value:g}", (value, 1.0), (0, 2), ("data", "axes fraction"), "offset points", fontsize=10,
            color=MUTED, va="bottom", ha="center",
        )  # fmt: skip
    ax.axhline(0.05, color=MUTED, lw=1)
    ax.annotate(
        "5 %", (1, 0.05), (-2, 2), ("axes fraction", "data"), "offset points", fontsize=9, color=MUTED, ha="right"
    )
    ax.set(xscale="log", ylim=(-0.03, 1.03), ylabel="share of points at a bound")
    return ax
