"""Loss and accuracy over training."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from .style import NETWORK_COLOURS, NETWORK_NAMES

AXIS_NAMES = {
    "train_loss": "training loss  [bit]",
    "test_loss": "test loss  [bit]",
    "test_accuracy": "test accuracy",
}


def plot_training_curves(table: pd.DataFrame, quantity: str, *, ax: plt.Axes | None = None) -> plt.Axes:
    """One quantity over the iterations, one colour a network: mean, and a band for its interval.

    table: columns model, step, quantity, mean, low, high (an infinite interval, of a single seed, is not drawn).
    quantity: train_loss, test_loss or test_accuracy. Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    rows = table[table["quantity"] == quantity]
    widths = np.linspace(3.4, 1.6, max(2, rows["model"].nunique()))  # lines that coincide stay visible
    for width, (model, one) in zip(widths, rows.groupby("model", sort=False), strict=False):
        one = one.sort_values("step")
        colour = NETWORK_COLOURS.get(model)
        marker = "o" if len(one) < 30 else None
        name = NETWORK_NAMES.get(model, model)
        ax.plot(one["step"], one["mean"], color=colour, lw=width, marker=marker, ms=2 + width, label=name)
        known = one[np.isfinite(one["low"]) & np.isfinite(one["high"])]
        ax.fill_between(known["step"], known["low"], known["high"], color=colour, alpha=0.2, lw=0)
    ax.legend()
    ax.set(xlabel="iteration", ylabel=AXIS_NAMES.get(quantity, quantity))
    if quantity == "test_accuracy":
        ax.set_ylim(0, 1.0)
    else:
        ax.set_ylim(0, 1.1 * rows["mean"].max())
    return ax
