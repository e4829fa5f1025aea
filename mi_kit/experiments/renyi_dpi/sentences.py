"""What notebook 02 says of a run, computed from its tables."""

from __future__ import annotations

import itertools

import pandas as pd

from ... import data
from ...claims import interval, words
from .. import Experiment
from .beyond import KINDS
from .chains import best_share
from .figures import case_name, filters_of, of_case
from .settings import BASELINES, FILTERS, THIRD

ROUNDING = -1e-6  # bits; an information below it is negative
_PART_WORDS = {"mnist": "images", "fashion": "more_images"}


def facts(experiment: Experiment, table: pd.DataFrame) -> str:
    """Data sets, seeds and samples of a table, for captions; published results need no data for it."""
    if "block" in table:
        return f"Profile {experiment.profile}."
    if "dataset" not in table:
        table = experiment.table("chains")
    parts = [_facts_of(experiment, rows) for _, rows in table.groupby(["part", "dataset"], sort=False)]
    share = ""
    if "share" in table and (shares := sorted(set(table.loc[table["share"] > 0, "share"]))):
        what = "Squared bandwidth of the second reading" if "reading" in table else "Squared bandwidths"
        share = f" {what}: {_listed(shares)} of the variance."
    return f"Data: {'; '.join(parts)}.{share} Profile {experiment.profile}."


def _facts_of(experiment: Experiment, rows: pd.DataFrame) -> str:
    """`mnist (3 seeds, 128 images a mini-batch)`."""
    counts = []
    if "seed" in rows:
        seeds = rows.groupby("model")["seed"].nunique()
        least, most = seeds.min(), seeds.max()
        counts.append(f"{least}{f' to {most}' if most > least else ''} seed{'s' if most > 1 else ''}")
    if "n_samples" in rows:
        sizes = sorted(set(rows["n_samples"]))
        span = " to ".join(f"{n:,}" for n in (sizes[0], sizes[-1])[: len(sizes)])
        counts.append(f"{span} images a mini-batch")
    if "n_test" in rows:
        counts.append(f"{int(rows['n_test'].iloc[0]):,} test images")
    name = told(experiment, rows["dataset"].iloc[0], rows["part"].iloc[0])
    return f"{name} ({', '.join(counts)})" if counts else name


def _listed(values: list[float]) -> str:
    """`0.1, 0.3 and 1`."""
    *first, last = (f"{each:g}" for each in values)
    return f"{', '.join(first)} and {last}" if first else last


def told(experiment: Experiment, name: str, part: str) -> str:
    """The data set's name, with the one that it stands in for."""
    asked = THIRD if part == "third" else getattr(experiment.settings, _PART_WORDS[part])
    stands_in = (name in data.EMBEDDED and name != asked) or (part == "third" and not name.startswith(THIRD))
    return f"{name}, standing in for {asked}" if stands_in else name


def saturation_words(experiment: Experiment) -> str:
    """How much of the literal reading is at a bound, and which share the second reading takes."""
    table = experiment.table("saturation")
    parts = []
    for direction in ("forward", "backward"):
        every = table[(table["direction"] == direction) & (table["case"] == "all")]
        literal = float(every[every["reading"] == "literal"]["at_bound"].iloc[0])
        share, left = best_share(table, direction)
        parts.append(
            f"{direction}, **{literal:.0%}** of the literal points lie at a bound; with a squared bandwidth of "
            f"{share:g} of the variance, the second reading, {left:.0%} do"
        )
    return f"{parts[0][0].upper()}{parts[0][1:]}; {parts[1]}."


def chain_words(experiment: Experiment) -> str:
    """Shares of pairs that hold, of every baseline, direction and reading, as a list."""
    table, lines = experiment.table("inequalities"), []
    for case in BASELINES:
        rows = of_case(table, *case)
        parts = []
        for direction in ("forward", "backward"):
            for reading in ("literal", "second"):
                one = rows[(rows["direction"] == direction) & (rows["reading"] == reading)]
                shares = one.groupby("seed")["holds"].mean()
                bound = f", {one['at_bound'].mean():.0%} at a bound" if one["at_bound"].mean() >= 0.05 else ""
                parts.append(f"{direction} {words(shares, limits=(0, 1))} ({reading}{bound})")
        lines.append(f"- {case_name(rows)}: {'; '.join(parts)}")
    return "Share of neighbouring pairs and estimated moments at which the inequality holds:\n\n" + "\n".join(lines)


def break_words(experiment: Experiment) -> str:
    """The pair that breaks most often, forward and backward, under the second reading."""
    table = experiment.table("inequalities")
    parts = []
    for direction in ("forward", "backward"):
        rows = table[(table["direction"] == direction) & (table["reading"] == "second")]
        rows = rows[[case in BASELINES for case in zip(rows["part"], rows["model"], strict=True)]]
        shares = rows.groupby(["part", "model", "pair"], sort=False)["holds"].mean()
        part, model, pair = shares.idxmin()
        where = f"most often {pair} on {case_name(of_case(rows, part, model))}, which holds in {shares.min():.0%}"
        parts.append(f"{direction} it is broken {where if shares.min() < 1 else 'nowhere'}")
    return f"Under the second reading of the inequality, {'; '.join(parts)}."


def fall_words(experiment: Experiment) -> str:
    """Of every baseline and reading, the layer whose I(X;T) ends farthest below its largest value, and when that was
    (median over seeds): what falls from the start was not fitted before it was compressed."""
    table, lines = experiment.table("chains"), []
    table = table[table["direction"] == "forward"]
    for case in BASELINES:
        rows, parts = of_case(table, *case), []
        for reading, one in rows.groupby("reading", sort=False):
            paths = one.pivot_table(index="step", columns=["layer", "seed"], values="value", sort=False).sort_index()
            falls = paths.max() - paths.iloc[-1]
            layer = falls.groupby("layer").mean().idxmax()
            when = paths.idxmax()[layer].median() / paths.index[-1]
            parts.append(f"{reading} {layer} by {words(falls[layer])} bit, largest after {when:.0%} of the training")
        lines.append(f"- {case_name(rows)}: {'; '.join(parts)}")
    return (
        "The layer whose I(X;T) ends farthest below its largest value, and when that was (median over seeds):\n\n"
        + "\n".join(lines)
        + "\n\nA value that is largest near 0 % fell from the start: nothing was fitted before it."
    )


def redundancy_words(experiment: Experiment) -> str:
    """Redundancy per filter setting at the end, and its part that any layer with so many maps would have."""
    table, lines = experiment.table("redundancy"), []
    for network in FILTERS:
        rows = table[table["model"] == network]
        parts = []
        for layer, one in rows[rows["reading"] == "literal"].groupby("layer", sort=False):
            first, last = (one[one["step"] == step]["redundancy"] for step in (one["step"].min(), one["step"].max()))
            parts.append(f"{layer} {words(first)} bit untrained, {words(last)} trained")
        lines.append(f"- {filters_of(network)} filters: {'; '.join(parts)}")
    return (
        "Redundancy, literal reading:\n\n"
        + "\n".join(lines)
        + "\n\nThe joint information cannot exceed S(X), while the "
        "sum of C single ones grows with C: where each map alone keeps a fixed part of X, redundancy grows with C "
        "whatever the network has learned. The untrained numbers show that part."
    )


def order_words(experiment: Experiment) -> str:
    """How many informations are negative, for the order that is used and for others, and where."""
    table, used = experiment.table("orders"), experiment.settings.alpha
    told, negative = _negative(table, used, "informations")
    if negative.empty:
        return f"{told}; at no other order is there one either, the smallest of all is {table['value'].min():.4f} bit."
    lowest = negative.loc[negative["value"].idxmin()]
    where = " and ".join(KINDS[kind] for kind in dict.fromkeys(negative["kind"]))
    return (
        f"{told}. At orders {_orders_of(negative)} some are ({len(negative)} of {len(table):,} in all, of {where}); "
        f"the lowest is {lowest['value']:.3f} bit, {KINDS[lowest['kind']]} of {lowest['layer']} at order "
        f"{lowest['alpha']:g}."
    )


def unit_words(experiment: Experiment) -> str:
    """The same between two units of a layer."""
    table, used = experiment.table("unit_pairs"), experiment.settings.alpha
    told, negative = _negative(table, used, "informations between two units")
    smallest = table.loc[table["alpha"] == used, "value"].min()
    told += "" if pd.isna(smallest) else f", the smallest is {smallest:.1e} bit"
    if negative.empty:
        return f"{told}; at no other order is there one either."
    lowest = negative.loc[negative["value"].idxmin()]
    others = table[table["alpha"] != used]
    shares = (others["value"] < ROUNDING).groupby(others["alpha"]).mean()
    each = ", ".join(f"{share:.0%} at {alpha:g}" for alpha, share in shares.items())
    return (
        f"{told}. At other orders: {each}. The lowest is {lowest['value']:.3f} bit, between two units of "
        f'{lowest["layer"]} at order {lowest["alpha"]:g} and n = {lowest["n_samples"]}. A negative "information" at '
        "such an order is no mistake of the program, but what the definition gives."
    )


def _negative(table: pd.DataFrame, used: float, what: str) -> tuple[str, pd.DataFrame]:
    """A sentence on the order that is used, and the rows that are below 0 by more than rounding."""
    at_used = table[table["alpha"] == used]["value"]
    share = f"{(at_used < ROUNDING).mean():.0%}" if len(at_used) else "none"
    return f"At order {used:g}, {share} of {len(at_used):,} {what} are negative", table[table["value"] < ROUNDING]


def _orders_of(rows: pd.DataFrame) -> str:
    return ", ".join(f"{alpha:g}" for alpha in sorted(set(rows["alpha"])))


def choice_words(experiment: Experiment) -> str:
    """Which silent choices move a share of pairs by more than a tenth."""
    table = experiment.table("choices")
    means = table.groupby("choice", sort=False)[["forward", "backward"]].mean()
    base = means.iloc[0]
    moved = [
        f"{choice} ({direction} {base[direction]:.2f} → {row[direction]:.2f})"
        for choice, row in means.iloc[1:].iterrows()
        for direction in ("forward", "backward")
        if abs(row[direction] - base[direction]) > 0.1
    ]
    if not moved:
        return "None of these choices moves a share of pairs by more than a tenth."
    return f"These choices move a share of pairs by more than a tenth: {'; '.join(moved)}."


def block_words(experiment: Experiment) -> str:
    """Along the trained ResNet-18, second reading: how often a block loses information, and what its branch holds."""
    table = experiment.table("blocks")
    rows = table[(table["reading"] == "second") & (table["step"] == table["step"].max())]
    wide = rows.pivot_table(index="seed", columns="layer", values="i_xt", sort=False)
    outputs = [layer for layer in wide.columns if not layer.endswith("bn2")]
    falls = pd.concat([wide[a] - wide[b] >= 0 for a, b in itertools.pairwise(outputs)])
    inside = pd.concat([wide[f"{layer}.bn2"] - wide[layer] for layer in outputs[1:]])
    return (
        f"From block to block the mean I(X;T) does not rise in {falls.mean():.0%} of the steps along the network; in "
        f"{(inside < 0).mean():.0%} of the blocks the branch inside knows less of X than the block's output after it, "
        f"by {abs(inside[inside < 0].mean()) if (inside < 0).any() else 0:.2f} bit on average."
    )


def accuracy_words(experiment: Experiment) -> str:
    """Test accuracy at the end of all networks of the paper's figures."""
    table = experiment.table("training_curves")
    table = table[table["quantity"] == "test_accuracy"]
    parts = []
    for part, network in dict.fromkeys([*BASELINES, *(("mnist", each) for each in FILTERS)]):
        rows = of_case(table, part, network)
        last = 100 * rows[rows["step"] == rows["step"].max()]["value"]
        name = case_name(rows) if (part, network) in BASELINES else f"{filters_of(network)} filters"
        mean, _, _ = interval(last)
        parts.append(f"{name} {words(last, limits=(0, 100))} %" if len(last) > 1 else f"{name} {mean:.1f} %")
    return f"Test accuracy at the end: {'; '.join(parts)}."
