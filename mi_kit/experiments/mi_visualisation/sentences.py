"""What notebook 01 says of a run, computed from its tables."""

from __future__ import annotations

import pandas as pd

from ... import data, plots
from ...claims import NOT_TESTED, interval, words
from .. import Experiment
from .advice import ORDERS
from .kernels import BLOCK_NAMES, best_kernel_noise
from .observers import LITERAL_VARIANCE
from .planes import best_noise
from .rules import PAPER_ACCURACY, accuracies
from .settings import KERNEL_NETWORKS, class_names


def facts(experiment: Experiment, table: pd.DataFrame) -> str:
    """Data sets, seeds and samples of a table, for captions; published results need no data for it."""
    if "dataset" not in table:
        name = _source_of(table)
        if name is None:
            return f"Profile {experiment.profile}."
        table = experiment.table(name)
        table = table[table["part"] == "main"].drop(columns="noise")
    parts = [_facts_of(experiment, rows) for _, rows in table.groupby(["part", "dataset"], sort=False)]
    noise = ""
    if "noise" in table and set(table["noise"]) == {"relative"}:
        of = "kernel" if "kernel" in table else "layer"
        noise = f" Noise: {table['noise_variance'].iloc[0]:g} of each {of}'s variance."
    return f"Data: {'; '.join(parts)}.{noise} Profile {experiment.profile}."


def _source_of(table: pd.DataFrame) -> str | None:
    """The table that a summary without data sets (shares at a bound, verdicts) was made from."""
    if "share" in table:
        return "second_kernels" if "layer" in table else "second_planes"
    if "kind" in table:
        return "second_kernels" if set(table["kind"]) == {"kernels"} else "second_planes"
    return None


def _facts_of(experiment: Experiment, rows: pd.DataFrame) -> str:
    """`mnist (3 seeds, 1,000 samples)`."""
    counts = []
    if "seed" in rows:
        seeds = rows.groupby("model")["seed"].nunique().min()
        counts.append(f"{seeds} seed{'s' if seeds > 1 else ''}")
    for column, of in (("n_samples", "samples"), ("n_test", "test images"), ("n_pruned", "test images")):
        if column in rows:
            counts.append(f"{int(rows[column].iloc[0]):,} {of}")
    name = told(experiment, rows["dataset"].iloc[0], rows["part"].iloc[0])
    return f"{name} ({', '.join(counts)})" if counts else name


def told(experiment: Experiment, name: str, part: str = "main") -> str:
    """The data set's name, with the one that it stands in for."""
    images = experiment.settings.images if part == "main" else experiment.settings.more_images
    asked = "12bit" if "12bit" in name else images
    return f"{name}, standing in for {asked}" if name in data.EMBEDDED and name != asked else name


def accuracy_words(experiment: Experiment) -> str:
    """The final accuracies of this run beside the paper's."""
    rows = accuracies({"training_curves": experiment.table("training_curves")})
    parts = []
    for model, one in rows.groupby("model", sort=False):
        ours, theirs = words(100 * one["value"], limits=(0, 100)), f"{100 * PAPER_ACCURACY[model]:.2f}"
        parts.append(f"{plots.NETWORK_NAMES[model]} {ours} % (paper: {theirs} %)")
    return (
        f"Here, {told(experiment, rows['dataset'].iloc[0])}, after {rows['step'].max():,} iterations, on "
        f"{rows['n_test'].iloc[0]:,} test images: {'; '.join(parts)}. The paper's numbers are of MNIST after 50,000 "
        "iterations. Brackets: 95 % interval over seeds; it does not cover the choice of test images."
    )


def saturation_words(experiment: Experiment) -> str:
    """What the figure of saturation shows, in numbers of this run."""
    shares = experiment.table("saturation")
    planes = experiment.table("literal_planes")
    literal = planes[planes["part"] == "main"].groupby("model")["at_bound"].mean().mean()
    absolute, of_absolute = best_noise(shares, "absolute")
    relative, of_relative = best_noise(shares, "relative")
    chosen = shares[(shares["noise"] == "relative") & (shares["noise_variance"] == relative)]
    of_each = chosen.set_index("model")["share"].drop("all")
    worst = of_each.idxmax()
    return (
        f"Shares are means over the five networks. At the literal noise variance 0.1, with logits, {literal:.0%} of "
        f"the points sit at a bound; the best single variance, {absolute:g}, with softmax, leaves {of_absolute:.0%}. "
        f"Noise of {relative:g} times each layer's own variance leaves {of_relative:.0%} (most in "
        f"{plots.NETWORK_NAMES[worst]}: {of_each[worst]:.0%}): the second reading below uses it for all networks."
    )


def kernel_words(experiment: Experiment) -> str:
    """What each reading leaves to chance, and how many kernels are constant."""
    shares = experiment.table("kernel_saturation")
    every = shares[shares["model"] == "all"]
    literal = every[(every["noise"] == "absolute") & (every["noise_variance"] == LITERAL_VARIANCE)].iloc[0]
    chosen, left, by_chance = best_kernel_noise(shares)
    kernels = experiment.table("second_kernels")
    last = kernels[(kernels["part"] == "main") & (kernels["step"] == kernels["step"].max())]
    constant = last.groupby(["model", "layer"], sort=False)["constant"].mean()
    named = "; ".join(f"{BLOCK_NAMES[key]} {share:.0%}" for key, share in constant.items())
    return (
        f"At noise variance 0.1, {literal['share']:.0%} of the kernels' points sit at a bound, and shuffled labels, of "
        f"which a kernel can know nothing, get {literal['by_chance']:.0%} of H(Y). Noise of {chosen:g} times each "
        f"kernel's own variance leaves {left:.0%} at a bound and gives shuffled labels {by_chance:.0%}: the second "
        f"reading uses it. Constant kernels (they answer every image alike) at the last iteration: {named}."
    )


def specialisation_words(experiment: Experiment) -> str:
    """The agreement of the kernels' order between classes at the last iteration, and the classes known least."""
    table = experiment.table("rank_agreement")
    rows = table[(table["part"] == "main") & (table["reading"] == "second") & (table["step"] == table["step"].max())]
    parts = [
        f"{BLOCK_NAMES[key]} {words(one['between_classes'], limits=(-1, 1))}"
        for key, one in rows.groupby(["model", "layer"], sort=False)
    ]
    return f"Spearman correlation between the classes after {rows['step'].max():,} iterations: {'; '.join(parts)}."


def class_words(experiment: Experiment) -> str:
    """The five classes that the second block's kernels know least of."""
    table = experiment.table("class_information")
    rows = table[(table["part"] == "appendix") & (table["reading"] == "second") & (table["layer"] == "block2")]
    names = class_names(rows["dataset"].iloc[0])
    parts = []
    for network in KERNEL_NETWORKS:
        means = rows[rows["model"] == network].groupby("class")["value"].mean().sort_values()
        lowest = ", ".join(names[c] for c in means.index[:5])
        parts.append(f"{plots.NETWORK_NAMES[network]}: {lowest}")
    return (
        f"The five classes known least, from the least on, after {rows['step'].max():,} iterations. {'; '.join(parts)}."
    )


def advice_words(experiment: Experiment) -> str:
    """Accuracy lost by pruning half of LeNet's kernels, in each order."""
    table = experiment.table("pruning")
    parts = []
    for (part, layer), block in table.groupby(["part", "layer"], sort=False):
        whole = block[block["order"] == "none"].set_index("seed")["accuracy"]
        half = block[block["share"] == 0.5].pivot_table(index="seed", columns="order", values="accuracy")
        lost = [f"{order} {words(100 * (whole - half[order]), digits=1)}" for order in ORDERS]
        name = told(experiment, table.loc[table["part"] == part, "dataset"].iloc[0], part)
        parts.append(f"**{name}, {layer}**: {', '.join(lost)}")
    return f"Percentage points of accuracy lost when half of a block's kernels is set to zero. {'; '.join(parts)}."


def survival_words(experiment: Experiment) -> str:
    """Which conclusions keep their verdict under every estimate, and which depend on it."""
    table = experiment.table("survival")
    parts = []
    for kind, rows in table.groupby("kind", sort=False):
        rows = rows[rows["verdict"] != NOT_TESTED]
        if rows.empty:
            parts.append(f"{kind}: none of the conclusions can be tested on this run")
            continue
        same, other = [], []
        for claim, one in rows.groupby("claim", sort=False):
            verdicts = set(one["verdict"]) - {"saturated"}
            (same if len(verdicts) == 1 else other).append(claim)
        saturated = (rows["verdict"] == "saturated").mean()
        parts.append(
            f"{kind}: {len(same)} of {len(same) + len(other)} conclusions have one and the same verdict "
            f"(undecided counts as one) wherever the estimate is not saturated "
            f"({', '.join(same) or 'none'}); the others depend on the estimate "
            f"({', '.join(other) or 'none'}); {saturated:.0%} of the fields are saturated"
        )
    return f"{'. '.join(part[0].upper() + part[1:] for part in parts)}."


def stride_words(experiment: Experiment) -> str:
    """The last accuracies with stride 1 and stride 2."""
    table = experiment.table("strides")
    rows = table[(table["quantity"] == "test_accuracy") & (table["step"] == table["step"].max())]
    values = 100 * rows.pivot_table(index="seed", columns="stride", values="value")
    name, cost = told(experiment, rows["dataset"].iloc[0]), words(values[1] - values[2])
    return (
        f"{name}, after {table['step'].max():,} iterations: stride 1 {interval(values[1])[0]:.2f} %, stride 2 "
        f"{interval(values[2])[0]:.2f} %; the larger stride costs {cost} percentage points."
    )
