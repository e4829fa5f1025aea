"""Estimates beside the truth: lines with intervals over seeds, heat maps of errors, bounds around a value."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from .style import _OKABE_ITO, MUTED

ESTIMATOR_COLOURS = {
    "KSG 1": _OKABE_ITO["blue"],
    "KSG 2": _OKABE_ITO["sky"],
    "3 entropies": _OKABE_ITO["green"],
    "binning": _OKABE_ITO["orange"],
    "binning, equal count": _OKABE_ITO["vermilion"],
    "counting states": _OKABE_ITO["vermilion"],
    "Miller-Madow": _OKABE_ITO["green"],
    "plug-in": _OKABE_ITO["orange"],
    "Rényi": _OKABE_ITO["purple"],
    "KDE upper, 0.1": "#444444",
    "KDE lower, 0.1": "#9a9a9a",
    "KDE upper, 0.001": "#7a5c2e",
    "KDE lower, 0.001": "#c9ab7c",
}
MARKERS = dict(zip(ESTIMATOR_COLOURS, "osD^vv<^P" + "XX" + "pp", strict=True))


def plot_estimates(
    table: pd.DataFrame,
    *,
    x: str,
    hue: str = "estimator",
    log: bool = False,
    each: bool = False,
    ax: plt.Axes | None = None,
) -> plt.Axes:
    """Mean estimate and its 95 % interval over seeds against the column x, one line for every value of `hue`.

    table: columns x, hue, seed and value (bits). each: show the single seeds as dots instead of the interval (where
    they are few). The colour of an estimator is the same in every figure.
    """
    ax = plt.gca() if ax is None else ax
    for name, rows in table.dropna(subset="value").groupby(hue, sort=False):
        of_x = rows.groupby(x)["value"]
        mean, n = of_x.mean(), of_x.count()
        half = _t_quantile(n) * of_x.std() / np.sqrt(n)
        style = {"color": ESTIMATOR_COLOURS.get(name), "label": str(name)}
        ax.plot(mean.index, mean, marker=MARKERS.get(name, "o"), ms=5, lw=1.8, **style)
        colour = ax.lines[-1].get_color()
        if each:
            ax.plot(rows[x], rows["value"], "o", ms=2.5, color=colour, alpha=0.6)
        else:
            ax.fill_between(mean.index, mean - half, mean + half, color=colour, alpha=0.18, lw=0)
    if log:
        log_axis(ax, sorted(set(table[x])))
    return ax


def log_axis(ax: plt.Axes, values: list) -> None:
    """A logarithmic x axis whose ticks are the values themselves."""
    ax.set_xscale("log")
    ax.set_xticks(values, [f"{value:,}" for value in values])
    ax.minorticks_off()


def _t_quantile(n: pd.Series) -> np.ndarray:
    from scipy import stats

    return stats.t.ppf(0.975, np.maximum(n.to_numpy() - 1, 1))


def plot_truth(table: pd.DataFrame, *, x: str, ax: plt.Axes, label: str = "exact") -> plt.Axes:
    """The exact value as a black line over the same x."""
    truth = table.groupby(x)["truth"].mean()
    ax.plot(truth.index, truth, color="black", ls="--", lw=2.2, label=label, zorder=10)
    return ax


def plot_errors(
    errors: pd.DataFrame,
    *,
    limit: float,
    label: str | None = "estimate minus exact value  [bit]",
    ax: plt.Axes | None = None,
) -> plt.Axes:
    """A heat map of mean errors (rows: cases, columns: estimators): blue is too little, red too much, white right.

    Numbers are printed in every cell; colours end at plus and minus `limit`; a grey cell was not estimated. label: of
    the colour bar, None for no bar.
    """
    ax = plt.gca() if ax is None else ax
    ax.set_facecolor("0.88")
    sns.heatmap(
        errors, cmap="RdBu_r", center=0, vmin=-limit, vmax=limit, annot=True, fmt="+.2f", annot_kws={"size": 9},
        linewidths=1, linecolor="white", cbar=label is not None, ax=ax,
        cbar_kws={"label": label, "extend": "both"} if label else None,
    )  # fmt: skip
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0)
    return ax


def plot_bounds(table: pd.DataFrame, *, ax: plt.Axes | None = None) -> plt.Axes:
    """Lower bound, exact value, upper bound against the noise variance, with log2 n as a line.

    table: columns noise_variance, lower, exact, upper and log2_n (one value).
    """
    ax = plt.gca() if ax is None else ax
    x, log2_n = table["noise_variance"], float(table["log2_n"].iloc[0])
    ax.fill_between(x, table["lower"], table["upper"], color=_OKABE_ITO["sky"], alpha=0.3, lw=0)
    ax.plot(x, table["upper"], color="#444444", lw=1.6, marker="v", ms=4, label="KDE upper bound")
    ax.plot(x, table["lower"], color="#9a9a9a", lw=1.6, marker="^", ms=4, label="KDE lower bound")
    ax.plot(x, table["exact"], color="black", ls="--", lw=2.2, label="exact (quadrature)")
    mark_level(ax, log2_n, f"log2 n = {log2_n:.2f}")
    ax.set(xscale="log", ylim=(-0.06 * log2_n, 1.16 * log2_n))
    return ax


def mark_level(ax: plt.Axes, level: float, text: str, *, right: bool = True) -> None:
    """A horizontal reference line with its name."""
    ax.axhline(level, color=MUTED, ls=":", lw=1.3, zorder=1)
    ax.annotate(
        text, (0.99 if right else 0.01, level), (0, 3), ("axes fraction", "data"), "offset points", fontsize=9,
        color=MUTED, ha="right" if right else "left",
    )  # fmt: skip
