"""What notebook 04 says of a run, computed from its tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import claims, data
from ...claims import words
from .. import Experiment
from .paper import INPUT_ENTROPIES
from .rules import settling, steadiness
from .settings import DIAGONAL, LOOK_ALIKE_LAYER, MNIST, Settings
from .tables import ALL, READINGS


def facts(experiment: Experiment, table: pd.DataFrame) -> str:
    """Data set, seeds and samples of a table, for captions; published results need no data for it."""
    if "dataset" not in table:
        return f"Profile {experiment.profile}."
    parts = [_facts_of(experiment.settings, rows) for _, rows in table.groupby(["part", "dataset"], sort=False)]
    return f"Data: {'; '.join(parts)}. Profile {experiment.profile}."


def _facts_of(settings: Settings, rows: pd.DataFrame) -> str:
    """`mnist (5 seeds, trained on 1,000 to 20,000, estimates on 2,000)`."""
    name, part = rows["dataset"].iloc[0], rows["part"].iloc[0]
    asked = settings.images if part == MNIST else settings.more_images
    told = f"{name}, standing in for {asked}" if name in data.EMBEDDED and name != asked else name
    n_seeds = rows["seed"].nunique()
    counts = [f"{n_seeds} seed{'s' if n_seeds > 1 else ''}", f"trained on {_span(rows['n_train'])}"]
    if "n_samples" in rows:
        counts.append(f"estimates on {_span(rows['n_samples'])}")
    return f"{told} ({', '.join(counts)})"


def _span(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def requirements():
    """The paper's four requirements, each with the view that meets it."""
    rows = [
        ("R1", "overview and building blocks of a model", "query view: architecture; layer and channel view"),
        ("R2", "one data model for any CNN", "mi_kit.hypercube; query view: the cube"),
        ("R3", "information statistics of each block", "training view, layer view, small multiples and circles"),
        ("R4", "what features were learned", "layer view: feature maps; channel view: deconvolutions"),
    ]
    return claims.colour(pd.DataFrame(rows, columns=["requirement", "asks for", "met by"]))


def reading_table(table: pd.DataFrame):
    """Inter-sample entropies: a row a reading and k, a column an input size; the printed numbers in the last row.

    Where there are not so many other images, k is all of them.
    """
    wide = table.pivot_table(index=["reading", "asked"], columns="per_class", values="value", sort=False)
    wide.index = [f"{READINGS[reading]}, k = {k:,}" for reading, k in wide.index]
    wide.loc["printed in the paper"] = [INPUT_ENTROPIES.get(size, np.nan) for size in wide.columns]
    wide.columns = [f"{size:,} a class" for size in wide.columns]
    return wide.style.format("{:.2f}", na_rep="")


def reading_words(table: pd.DataFrame) -> str:
    """Which number of neighbours comes nearest to the printed numbers, and how near, under each reading."""
    known = table.dropna(subset=["printed"])
    if known.empty:
        return (
            "The paper prints the entropies of 100, 500, 1,000 and 2,000 images a class; this run has none of these "
            "sizes, so that no reading can be compared."
        )
    gaps = known.assign(gap=(known["value"] - known["printed"]).abs())
    worst = gaps.groupby(["reading", "asked"], sort=False)["gap"].max()
    nearest = [f"{READINGS[reading]}: k = {one.idxmin()[1]:,}, off by up to {one.min():.2f} bit"
               for reading, one in worst.groupby(level="reading", sort=False)]  # fmt: skip
    n_sizes = known["per_class"].nunique()
    verdict = "One matches" if worst.min() < 0.005 else "None matches"
    few = known[known["per_class"] == known["per_class"].min()]
    most = few.groupby("reading")["value"].max()
    return (
        f"Nearest to the {n_sizes} printed number{'s' if n_sizes > 1 else ''} that this run can be compared with: "
        f"{'; '.join(nearest)}. {verdict}. With {few['per_class'].iloc[0]:,} images a class the formula as printed "
        f"gives at most {most['printed']:.2f} bit and equal weights {most['equal weights']:.2f}; the paper has "
        f"{few['printed'].iloc[0]:.2f}."
    )


def settling_words(curves: pd.DataFrame) -> str:
    """When the loss is flat, in epochs and in updates, for the smallest and the largest input size."""
    found = settling(curves)
    told = []
    for size in (found["per_class"].min(), found["per_class"].max()):
        one = found[found["per_class"] == size].dropna(subset=["settled"])
        if len(one):
            epochs, updates = words(one["settled"], digits=0), words(one["updates"], digits=0)
            told.append(f"with {size:,} images a class after {epochs} epochs, which are {updates} updates")
    return f"The loss is flat {'; '.join(told)}." if told else "No loss fell."


def label_words(labels: pd.DataFrame) -> str:
    """When the label entropies are steady, and how long classes are never predicted."""
    found = steadiness(labels)
    parts = []
    for size, one in found.groupby("per_class"):
        known = one[np.isfinite(one["steady"])]
        steady = words(known["steady"], digits=0, limits=(0, labels["epoch"].max())) if len(known) == len(one) else ""
        told = f"epoch {steady}" if steady else "not within this run"
        parts.append(f"{size:,} a class: {told}")
    rows = labels[labels["part"] == MNIST]
    few = rows[rows["per_class"] == rows["per_class"].min()]
    missing = few[few["n_predicted"] == 0]
    last = f"the last time at epoch {missing['epoch'].max():g}" if len(missing) else ""
    never = f"In {missing['seed'].nunique()} of {few['seed'].nunique()} seeds a class is never predicted, {last}."
    return (
        f"H(x.label | y) is steady from, {'; '.join(parts)}. {never if len(missing) else 'No class is ever left out.'}"
    )


def chance_words(capacities: pd.DataFrame, n_bins: int) -> str:
    """How much of a capacity an estimate gives by chance."""
    rows = capacities[capacities["n_bins"] == n_bins]
    return (
        f"With the inputs of one layer in another order, so that nothing is shared, the estimate gives "
        f"{words(rows.groupby('seed')['by_chance'].mean(), digits=3)} bit; the mean of all maps here is "
        f"{words(rows.groupby('seed')['mean'].mean(), digits=3)} bit."
    )


def look_alike_words(capacities: pd.DataFrame, n_bins: int) -> str:
    """The share of look-alikes before and after training."""
    rows = capacities[(capacities["n_bins"] == n_bins) & (capacities["layer_a"] == DIAGONAL[0])]
    rows = rows[rows["layer_b"] == DIAGONAL[1]]
    first, last = (100 * rows[rows["epoch"] == end].groupby("seed")["look_alikes"].mean()
                   for end in (rows["epoch"].min(), rows["epoch"].max()))  # fmt: skip
    return (
        f"Pairs of channels of layer {DIAGONAL[0]} whose patterns correlate by 0.95 or more: "
        f"{words(first, '%', 1, (0, 100))} before training, {words(last, '%', 1, (0, 100))} after it."
    )


def bin_words(verdicts: pd.DataFrame) -> str:
    """Which claims on capacities depend on the number of bins."""
    counts = verdicts.groupby("claim", sort=False)["verdict"].nunique()
    moving = [claim for claim, count in counts.items() if count > 1]
    if not moving:
        return "With every number of bins the rules say the same of every claim on capacities."
    return f"The answer depends on the number of bins for claim{'s' if len(moving) > 1 else ''} {', '.join(moving)}."


def channel_words(classes: pd.DataFrame) -> str:
    """Layers 1 and 11 under both readings."""
    rows = classes[(classes["class_name"] == ALL) & (classes["epoch"] == classes["epoch"].max())]
    told = []
    for reading, one in rows.groupby("reading", sort=False):
        wide = one.pivot_table(index="seed", columns="layer", values="value")
        values = ", ".join(f"layer {layer} {words(wide[layer])}" for layer in wide)
        told.append(f"{reading}: {values} bit")
    return "; ".join(told) + "."


def class_words(classes: pd.DataFrame) -> str:
    """The classes of layer 3 in order of their entropy."""
    rows = classes[(classes["layer"] == LOOK_ALIKE_LAYER) & (classes["reading"] == "literal")]
    rows = rows[(rows["epoch"] == rows["epoch"].min()) & (rows["class_name"] != ALL)]
    order = rows.groupby("class_name")["value"].mean().sort_values()
    return f"From the lowest to the highest: {', '.join(f'{name} {value:.2f}' for name, value in order.items())} bit."


def deconvolution_words(table: pd.DataFrame) -> str:
    """How many channels are dead, and how entropy and what comes back go together."""
    dead = 100 * table.groupby("seed")["dead"].mean()
    parts = []
    for column, name in (("likeness", "likeness to the image"), ("area", "share that comes back")):
        each = (
            table[~table["dead"]]
            .groupby("seed")[["value", column]]
            .apply(lambda one, of=column: one["value"].corr(one[of], method="spearman"))
        )
        parts.append(f"{name} {words(each, limits=(-1, 1))}")
    return (
        f"Spearman's correlation with the entropy: {'; '.join(parts)}. Dead channels: {words(dead, '%', 1, (0, 100))}."
    )
