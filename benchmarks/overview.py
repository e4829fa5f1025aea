"""The README's picture: what the layers of a network learn of the label, beside what chance alone would give.

    python benchmarks/overview.py        trains three seeds on MNIST, minutes on a CPU; writes figures/overview.png

It prints the caption, which also lies in the picture and stands in the README.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch

from mi_kit import data, models, paths, plots, runs, training
from mi_kit import estimators as est

NETWORK, SHARE = "relu_mlp", 0.1  # noise: of a layer's total variance
STEPS = (0, 1, 2, 4, 8, 16, 32, 64, 125, 250, 500)
SMALL, LARGE = 15, 18  # points: a slide of 1,280 pixels is read from the back of a room
ESTIMATE, CHANCE = "#0072B2", "#D55E00"


def measure(run: runs.Run) -> pd.DataFrame:
    """I(T;Y) of every layer, seed and checkpoint, and the same estimate with permuted labels, in bits."""
    y, rows = run.dataset.y_test, []
    permuted = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))]
    for step in run.steps:
        for layer, t in run.activations(step).items():
            noise = SHARE * t.var(1, correction=0).sum(-1)  # (seeds,)
            found, chance = (
                est.kde_information(t, labels, noise_variance=noise[None]).i_ty[0] for labels in (y, permuted)
            )
            rows += [
                {"layer": layer, "step": step, "seed": seed, "i_ty": float(found[k]), "chance": float(chance[k])}
                for k, seed in enumerate(run.seeds)
            ]
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, entropy_y: float) -> plt.Figure:
    """A panel a layer: the estimate over training, its floor, and the ceiling H(Y); thin lines are seeds."""
    layers = list(dict.fromkeys(table["layer"]))
    figure, axes = plt.subplots(1, len(layers), figsize=(12.8, 5.6), sharey=True)
    for ax, layer in zip(axes, layers, strict=True):
        rows = table[table["layer"] == layer]
        mean = rows.groupby("step")[["i_ty", "chance"]].mean()
        ax.fill_between(mean.index, mean["chance"], mean["i_ty"], color=ESTIMATE, alpha=0.18, lw=0)
        for _, one in rows.groupby("seed"):
            ax.plot(one["step"], one["i_ty"], color=ESTIMATE, lw=1, alpha=0.5)
        ax.plot(mean["i_ty"], color=ESTIMATE, lw=4)
        ax.plot(mean["chance"], color=CHANCE, lw=4, ls=(0, (2.5, 1.2)))
        ax.axhline(entropy_y, color=plots.MUTED, lw=2, ls=":")
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xticks([0, 10, 100], ["0", "10", "100"], fontsize=SMALL)
        ax.set_xlim(-0.2, 1.2 * rows["step"].max())
        ax.set_title(layer.replace("layer", "layer "), fontsize=LARGE, loc="left")
    axes[0].set(ylim=(0, 1.13 * entropy_y))
    axes[0].set_ylabel("I(T;Y)  [bit]", fontsize=LARGE)
    axes[0].tick_params(labelsize=SMALL)
    figure.supxlabel("iteration", fontsize=LARGE)
    _label(axes, table, entropy_y)
    return figure


def _label(axes: Sequence[plt.Axes], table: pd.DataFrame, entropy_y: float) -> None:
    """Words beside the lines instead of a legend."""
    first = table[(table["layer"] == table["layer"].iloc[0]) & (table["step"] == 0)]
    bold = {"fontsize": LARGE, "weight": "bold"}
    axes[0].text(0, 1.02 * entropy_y, f"H(Y) = {entropy_y:.2f} bit", fontsize=SMALL, color="0.35")
    axes[0].text(0, first["i_ty"].max() + 0.05, "estimate", color=ESTIMATE, **bold)
    axes[0].text(0, 0.22 * first["chance"].min(), "labels\npermuted:\nchance", color=CHANCE, va="center", **bold)
    axes[-1].text(0.97, 0.4, "beyond\nchance", color=ESTIMATE, ha="right", transform=axes[-1].transAxes, **bold)


def caption(run: runs.Run, table: pd.DataFrame) -> str:
    """What is seen, in numbers: means over seeds."""
    mean = table.groupby(["layer", "step"], sort=False)[["i_ty", "chance"]].mean()
    layers = list(dict.fromkeys(table["layer"]))
    start, end = mean.loc[(layers[0], 0)], mean.loc[(layers[-1], run.steps[-1])]
    accuracy = run.metrics[(run.metrics["quantity"] == "test_accuracy") & (run.metrics["step"] == run.steps[-1])]
    return (
        f"A network learns ({models.resolve(NETWORK).title}, {run.dataset.name}, {len(run.seeds)} seeds; estimated on "
        f"{len(run.dataset.y_test):,} test images with noise of {SHARE:g} of each layer's variance). Solid: I(T;Y), "
        "what a layer seems to know of the label; dashed: the same estimate with permuted labels, where there is "
        f"nothing to know. What counts lies between. Untrained, the first layer has {start['i_ty']:.2f} bit, of which "
        f"{start['chance']:.2f} are chance; after {run.steps[-1]:,} iterations the {layers[-1]} has {end['i_ty']:.2f}, "
        f"{end['chance']:.2f} by chance, and {100 * accuracy['value'].mean():.1f} % of the answers are right."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=paths.root() / "figures")
    options = parser.parse_args()
    dataset = data.load("mnist", n_train=20_000, n_test=2_000)
    run = training.train(NETWORK, dataset, seeds=range(3), steps=STEPS[-1], checkpoints=STEPS)
    table = measure(run)
    print(table.pivot_table(["i_ty", "chance"], "step", "layer").round(2).to_string())
    words = caption(run, table)
    print(words)
    plots.use_style()
    picture = plots.picture_of(draw(table, est.label_entropy(dataset.y_test)), "overview", words)
    paths.write_whole(options.out / "overview.png", lambda part: part.write_bytes(picture))


if __name__ == "__main__":
    main()
