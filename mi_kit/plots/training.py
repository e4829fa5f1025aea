"""Loss and accuracy over training."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from .style import NETWORK_COLOURS, NETWORK_NAMES

AXIS_NAMES = {
    "train_loss": "training loss  [bit]",
    "test_loss": "test loss  [bit]",
    "test_accuracy": "test accuracy",
}


def plot_training_curves(table: pd.DataFrame, quantity: str, *, ax: plt.Axes | None = None) -> plt.Axes:
    """One quantity over the iterations, one colour a network, mean and 95 % interval over seeds.

    table: columns model, seed, step, quantity, value. quantity: train_loss, test_loss or test_accuracy.
    Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    rows = table[table["quantity"] == quantity]
    for model, one in rows.groupby("model", sort=False):
        colour = NETWORK_COLOURS.get(model)
        label = NETWORK_NAMES.get(model, model)
        marker = "o" if one["step"].nunique() < 30 else None
        sns.lineplot(
            one, x="step", y="value", color=colour, label=label, ax=ax, marker=marker, markeredgecolor=colour,
            markersize=4, errorbar=("ci", 95), seed=0, n_boot=200,
        )  # fmt: skip
    ax.set(xlabel="iteration", ylabel=AXIS_NAMES.get(quantity, quantity))
    if quantity == "test_accuracy":
        ax.set_ylim(top=1.0)
    else:
        ax.set_ylim(bottom=0)
    return ax
