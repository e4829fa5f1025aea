"""Information planes of notebook 01: figures F1 to F4, A1, A2, and the planes under other estimators."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from ... import cache, models, plots
from ...claims import interval
from .. import Experiment
from .observers import LITERAL_VARIANCE
from .settings import (
    IMAGE_NETWORKS,
    PLANE_NETWORKS,
    TRAINED,
    Settings,
    at_bound,
    dataset_of,
    first_fifth,
    identities,
    observed,
    run_of,
)

ALLOWED_SHARE = 0.05  # of points at a bound, for the second reading
N_EXAMPLES = 8  # images of each class in A1


# --------------------------------------------------------------------------------------------- tables


@cache.cached(version=1, also=identities)
def architectures(settings: Settings) -> pd.DataFrame:
    """Blocks, layers, shapes and parameters of the five networks."""
    tables = [models.describe(network).assign(model=network) for network in (*IMAGE_NETWORKS, *PLANE_NETWORKS)]
    table = pd.concat(tables, ignore_index=True)
    table["output_shape"] = ["×".join(map(str, shape)) for shape in table["output_shape"]]
    return table[["model", "block", "layer", "output_shape", "parameters"]]


@cache.cached(version=2, also=identities)
def examples(settings: Settings) -> pd.DataFrame:
    """The first test images of every class of the appendix's data set, as bytes."""
    dataset = dataset_of(settings, "lenet", "appendix")
    n = min(N_EXAMPLES, int(torch.bincount(dataset.y_test).min()))  # of every class alike
    rows = []
    for c, name in enumerate(dataset.classes):
        chosen = dataset.x_test[dataset.y_test == c][:n, 0]
        pixels = np.rint(255 * chosen.numpy()).astype(np.uint8)
        rows += [
            {"dataset": dataset.name, "part": "appendix", "class": c, "class_name": name, "number": number,
             "map": image.tobytes(), "side": image.shape[-1]}
            for number, image in enumerate(pixels)
        ]  # fmt: skip
    return pd.DataFrame(rows)


@cache.cached(version=3, also=identities)
def training_curves(settings: Settings) -> pd.DataFrame:
    """Losses (bits) and test accuracy of the three networks over training, on both data sets."""
    tables = []
    for part, network in TRAINED:
        if network in IMAGE_NETWORKS:
            dataset = dataset_of(settings, network, part)
            more = {"part": part, "model": network, "dataset": dataset.name, "n_test": len(dataset.x_test)}
            tables.append(run_of(settings, network, part).metrics.assign(**more))
    columns = ["part", "dataset", "model", "seed", "step", "epoch", "quantity", "value", "n_test"]
    return pd.concat(tables, ignore_index=True)[columns]


@cache.cached(version=5, also=identities)
def every_estimate(settings: Settings) -> pd.DataFrame:
    """I(X;T) and I(T;Y) of every network, seed, step and layer, under every estimator and noise, with `at_bound`."""
    table = pd.concat([observed(settings, network, part, "plane") for part, network in TRAINED], ignore_index=True)
    table["log2_n"] = np.log2(table["n_samples"])
    table["at_bound"] = at_bound(table)
    columns = ["part", "dataset", "model", "seed", "step", "epoch", "layer", "estimator", "noise", "noise_variance"]
    return table[[*columns, "i_xt", "i_ty", "at_bound", "log2_n", "entropy_y", "n_samples"]]


def plane_estimates(settings: Settings) -> pd.DataFrame:
    """The rows of `every_estimate` that the paper's estimator gave, on all samples."""
    table = every_estimate(settings)
    most = table.groupby(["part", "model"])["n_samples"].transform("max")
    return table[(table["estimator"] == "kde upper") & (table["n_samples"] == most)].reset_index(drop=True)


@cache.cached(version=5, also=identities)
def saturation(settings: Settings) -> pd.DataFrame:
    """The share of points at a bound for every noise, each network and all together (output as softmax).

    Of the five networks of the paper's text: the noise that is chosen on them serves the appendix too.
    """
    table = plane_estimates(settings)
    table = table[(table["part"] == "main") & (table["layer"] != "output")]
    keys = ["noise", "model", "noise_variance"]
    each = table.groupby(keys, sort=False)["at_bound"].mean().rename("share").reset_index()
    together = each.groupby(["noise", "noise_variance"])["share"].mean().reset_index()  # every network counts alike
    return pd.concat([each, together.assign(model="all")], ignore_index=True)


def best_noise(shares: pd.DataFrame, noise: str) -> tuple[float, float]:
    """The smallest noise with under 5 % of all points at a bound, or, if there is none, the one with the least.

    shares: the table of `saturation`. noise: "absolute" or "relative". Returns the noise and its share of points.
    """
    every = shares[(shares["model"] == "all") & (shares["noise"] == noise)].sort_values("noise_variance")
    under = every[every["share"] < ALLOWED_SHARE]
    chosen = under.iloc[0] if len(under) else every.loc[every["share"].idxmin()]
    return float(chosen["noise_variance"]), float(chosen["share"])


def with_output(rows: pd.DataFrame, output: str) -> pd.DataFrame:
    """The output taken as "logits" or "softmax", and called `output`."""
    dropped, kept = ("softmax", "output") if output == "logits" else ("output", "softmax")
    rows = rows[rows["layer"] != dropped]
    return rows.assign(layer=rows["layer"].replace({kept: "output"})).reset_index(drop=True)


def reading(table: pd.DataFrame, noise: str, value: float, output: str) -> pd.DataFrame:
    """The rows of one noise, with the output taken as "logits" or "softmax" and called `output`."""
    return with_output(table[(table["noise"] == noise) & (table["noise_variance"] == value)], output)


@cache.cached(version=5, also=identities)
def literal_planes(settings: Settings) -> pd.DataFrame:
    """The planes as the paper reads: noise variance 0.1, logits."""
    return reading(plane_estimates(settings), "absolute", LITERAL_VARIANCE, "logits")


@cache.cached(version=5, also=identities)
def second_planes(settings: Settings) -> pd.DataFrame:
    """The planes of the second reading: softmax, noise relative to each layer's variance, its share by `best_noise`."""
    value, _ = best_noise(saturation(settings), "relative")
    return reading(plane_estimates(settings), "relative", value, "softmax")


@cache.cached(version=1, also=identities)
def other_planes(settings: Settings) -> pd.DataFrame:
    """The planes once more under other estimators, noises and numbers of samples, each a `variant`."""
    table = every_estimate(settings)
    share, _ = best_noise(saturation(settings), "relative")
    whole = table.groupby(["part", "model"])["n_samples"].transform("max")
    of_all = table["n_samples"] == whole
    is_share = (table["noise"] == "relative") & (table["noise_variance"] == share)
    upper = table["estimator"] == "kde upper"
    chosen = {"second reading": with_output(table[upper & of_all & is_share], "softmax")}
    chosen["lower bound"] = with_output(table[(table["estimator"] == "kde lower") & is_share], "softmax")
    for part in (2, 4):
        rows = with_output(table[upper & is_share & (table["n_samples"] == whole // part)], "softmax")
        chosen[f"1/{part} of the samples"] = rows
    for value in settings.noise_shares:
        if value != share:
            chosen[f"noise share {value:g}"] = reading(table[upper & of_all], "relative", value, "softmax")
    for value in settings.noise_variances:
        name = "literal reading" if value == LITERAL_VARIANCE else f"noise variance {value:g}"
        chosen[name] = reading(table[upper & of_all], "absolute", value, "logits")
    chosen["binning"] = with_output(table[table["estimator"] == "binning"], "softmax")
    chosen["Rényi"] = with_output(table[table["estimator"] == "renyi"], "softmax")
    return pd.concat([rows.assign(variant=name) for name, rows in chosen.items()], ignore_index=True)


TABLES = {
    "architectures": architectures,
    "examples": examples,
    "training_curves": training_curves,
    "saturation": saturation,
    "literal_planes": literal_planes,
    "second_planes": second_planes,
    "other_planes": other_planes,
}


# --------------------------------------------------------------------------------------------- figures


def draw_architectures(experiment: Experiment) -> plt.Figure:
    """F1: the five networks as rows of blocks."""
    table = experiment.table("architectures")
    table = table.assign(output_shape=[tuple(shape.split("×")) for shape in table["output_shape"]])
    networks = (*IMAGE_NETWORKS, *PLANE_NETWORKS)
    figure, axes = plt.subplots(len(networks), figsize=(12.5, 2.15 * len(networks)))
    for ax, network in zip(axes, networks, strict=True):
        plots.plot_architecture(table[table["model"] == network], title=plots.NETWORK_NAMES[network], ax=ax)
    return figure


def draw_examples(table: pd.DataFrame) -> plt.Figure:
    """A1: images of every class."""
    names = table.drop_duplicates("class")["class_name"].tolist()
    figure, ax = plt.subplots(figsize=(12, 9.2))
    pictures = plots.pictures_of(table.sort_values(["number", "class"]), ["number"], "class")
    plots.plot_mosaic(pictures, rows=[""] * len(pictures), columns=names, ax=ax)
    return figure


def draw_training(table: pd.DataFrame) -> plt.Figure:
    """F2: loss and test accuracy, mean and t interval over seeds."""
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.4))
    means = over_seeds(table, ["model", "step", "quantity"])
    means["low"] = means["low"].clip(lower=0)
    means.loc[means["quantity"] == "test_accuracy", "high"] = means["high"].clip(upper=1)
    plots.plot_training_curves(means, "train_loss", ax=axes[0])
    plots.plot_training_curves(means, "test_accuracy", ax=axes[1])
    axes[0].set_title("a  Training loss")
    axes[1].set_title("b  Test accuracy")
    axes[0].get_legend().remove()
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def over_seeds(table: pd.DataFrame, keys: list[str], column: str = "value") -> pd.DataFrame:
    """Mean and 95 % t interval over seeds for every group: columns mean, low, high."""
    means = table.groupby(keys, sort=False)[column].agg(lambda values: interval(values)).reset_index()
    means[["mean", "low", "high"]] = pd.DataFrame(means[column].tolist(), index=means.index)
    return means.drop(columns=column)


def slider_steps(table: pd.DataFrame, networks: tuple) -> list[int]:
    """The iterations at which any of the networks was estimated: the positions of a slider."""
    return sorted(int(step) for step in set(table.loc[table["model"].isin(networks), "step"]))


def layer_at(table: pd.DataFrame, place: str) -> str:
    """The layer of one network at a place: "all", "1", "2", ... or "output"."""
    layers = list(dict.fromkeys(table["layer"]))
    if place in ("all", "output"):
        return place
    return layers[int(place) - 1] if int(place) < len(layers) else "none"


def draw_planes(
    table: pd.DataFrame, networks: tuple, *, iteration: int | None = None, layer: str = "all"
) -> plt.Figure:
    """The planes of several networks side by side, up to an iteration, with one layer in colour or all of them."""
    table = table[table["part"] == "main"]
    figure, axes = plt.subplots(1, len(networks), figsize=(5.6 * len(networks), 4.4), squeeze=False)
    for ax, network, letter in zip(axes[0], networks, "abc", strict=False):
        rows = table[table["model"] == network]
        _plane(rows, network, iteration, layer_at(rows, layer), ax, letter)
        plots.plane_legend(ax)
    return figure


def _plane(rows: pd.DataFrame, network: str, until: int | None, highlight: str, ax: plt.Axes, letter: str) -> None:
    plots.plot_information_plane(rows, highlight=highlight, until=until, ax=ax)
    last = rows["step"].max() if until is None else min(until, rows["step"].max())
    ax.set_title(f"{letter}  {plots.NETWORK_NAMES[network]}, iterations 0 to {last:,}", fontsize=11, loc="left")


def draw_f3(table: pd.DataFrame) -> plt.Figure:
    """F3: the planes of the two dense networks that the paper takes from earlier work."""
    return draw_planes(table, PLANE_NETWORKS)


def draw_f4(table: pd.DataFrame) -> plt.Figure:
    """F4 and A2: three networks, the first fifth of the iterations (10,000 of 50,000 in the paper) and all of them."""
    figure, axes = plt.subplots(3, 2, figsize=(11.5, 12))
    for row, network in enumerate(IMAGE_NETWORKS):
        rows = table[table["model"] == network]
        early = first_fifth(int(rows["step"].max()))
        for column, until in enumerate((early, None)):
            _plane(rows, network, until, "all", axes[row, column], "abcdef"[2 * row + column])
        plots.plane_legend(axes[row, 1])
    return figure


def draw_saturation(table: pd.DataFrame) -> plt.Figure:
    """The noise decides: share of points at a bound, for absolute and for relative noise."""
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.6), sharey=True)
    for ax, noise, name in zip(
        axes, ("absolute", "relative"), ("variance", "share of the layer's variance"), strict=True
    ):
        marks = {"chosen" if noise == "relative" else "best": best_noise(table, noise)[0]}
        if noise == "absolute":
            marks["literal"] = LITERAL_VARIANCE
        plots.plot_saturation(table[table["noise"] == noise], marks=marks, ax=ax)
        ax.set_xlabel(f"noise {name}")
    axes[0].set_title("a  One noise variance for all layers", loc="left", pad=22)
    axes[1].set_title("b  Noise relative to each layer", loc="left", pad=22)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=10)
    return figure


SHOWN_VARIANTS = ("second reading", "lower bound", "1/4 of the samples", "literal reading", "noise variance 10",
                  "noise variance 100", "binning", "Rényi")  # fmt: skip


def draw_variants(table: pd.DataFrame, network: str = "lenet") -> plt.Figure:
    """One run of one network, its plane under eight estimates."""
    figure, axes = plt.subplots(2, 4, figsize=(15, 7.4))
    rows = table[(table["model"] == network) & (table["part"] == "main")]
    shown = [variant for variant in SHOWN_VARIANTS if variant in set(rows["variant"])]
    for ax in axes.flat[len(shown) :]:
        ax.set_axis_off()
    for ax, variant, letter in zip(axes.flat, shown, "abcdefgh", strict=False):
        plots.plot_information_plane(rows[rows["variant"] == variant], ax=ax)
        ax.set_title(f"{letter}  {variant}", fontsize=11, loc="left")
        ax.set(xlim=(-0.04 * rows["log2_n"].max(), 1.06 * rows["log2_n"].max()))
        ax.set(ylim=(-0.05 * rows["entropy_y"].max(), 1.1 * rows["entropy_y"].max()))
        ax.label_outer()
    plots.plane_legend(axes[0, -1])
    return figure


def part_of(name: str, part: str, networks: tuple | None = None):
    """The rows of a table that are of one part of the paper, and of some networks: for a figure's numbers."""

    def select(experiment: Experiment) -> pd.DataFrame:
        table = experiment.table(name)
        rows = table[table["part"] == part]
        return rows if networks is None else rows[rows["model"].isin(networks)]

    return select
