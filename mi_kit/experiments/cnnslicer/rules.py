"""The claims of notebook 04, each with the rule that decides it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd

from ...claims import FAILS, HOLDS, UNDECIDED, Claim, Judgement, Needs, above, all_of, below, words
from .paper import CONFUSION_EPOCH, SETTLED, STEADY
from .settings import CHANNEL_LAYERS, DEPTHS, DIAGONAL, FALLING, FEW, LOOK_ALIKE_LAYER, MANY, MNIST
from .tables import ALL

SECOND_SETS = ("cifar10", "cifar10-subset")
SIZES = (100, 500, 1_000, 2_000)  # images a class that the paper compares
MNIST_STEPS = 8 * 150  # 150 epochs of the smallest set in mini-batches of 128
CIFAR_STEPS = 18_720  # 120 epochs of the 20,000 images of a subset
FLAT = 0.05  # of the loss's fall: what is left of it where it counts as flat
STEADY_BITS = 0.1  # from its final level, where an entropy counts as steady
OFTEN, SELDOM = 0.8, 0.2  # of seeds
AIRPLANE = "airplane"


# --------------------------------------------------------------------------------------------- moments


def flat_from(epochs: np.ndarray, loss: np.ndarray) -> float:
    """The first epoch from which a loss stays within 5 % of its fall above its final level, the mean of the last tenth.

    NaN where it falls by nothing.
    """
    order = np.argsort(epochs)
    epochs, loss = np.asarray(epochs)[order], np.asarray(loss)[order]
    final = loss[-max(1, len(loss) // 10) :].mean()
    fall = loss[0] - final
    if fall <= 0:
        return math.nan
    return _first_of_last(epochs, loss <= final + FLAT * fall)


def steady_from(epochs: np.ndarray, entropies: np.ndarray) -> float:
    """The first epoch from which entropies (epochs, classes) stay on average within 0.1 bit of their final levels.

    The final level of a class is its mean over the last tenth of the epochs. A class that is never predicted counts as
    not steady.
    """
    order = np.argsort(epochs)
    epochs, entropies = np.asarray(epochs)[order], np.asarray(entropies)[order]
    last = entropies[-max(1, len(entropies) // 10) :]
    final = last.mean(0)  # NaN where a class is not predicted at the end
    away = np.abs(entropies - final)
    return _first_of_last(epochs, np.where(np.isnan(entropies).any(1), np.inf, away.mean(1)) <= STEADY_BITS)


def _first_of_last(epochs: np.ndarray, within: np.ndarray) -> float:
    """The epoch at which the last unbroken stretch of True begins; infinity where the last value is False."""
    outside = np.flatnonzero(~within)
    first = 0 if not len(outside) else outside[-1] + 1
    return float(epochs[first]) if first < len(epochs) else math.inf


def settling(curves: pd.DataFrame) -> pd.DataFrame:
    """When the training loss of every run of the first data set is flat: epoch, and updates made by then."""
    rows = curves[(curves["part"] == MNIST) & (curves["quantity"] == "train_loss")]
    found = []
    for (per_class, seed), one in rows.groupby(["per_class", "seed"]):
        epoch = flat_from(one["epoch"].to_numpy(), one["value"].to_numpy())
        last = one.loc[one["epoch"].idxmax()]
        found.append({**_first(one), "per_class": per_class, "seed": seed, "settled": epoch,
                      "updates": epoch * last["step"] / last["epoch"], "step": last["step"],
                      "last_epoch": last["epoch"]})  # fmt: skip
    return _shortest(pd.DataFrame(found))


def _shortest(found: pd.DataFrame) -> pd.DataFrame:
    """With the number of updates of the smallest input size as `step`: all sizes have as many epochs."""
    return found.assign(step=found["step"].min())


def steadiness(labels: pd.DataFrame) -> pd.DataFrame:
    """When H(x.label | y) of every run of the first data set is steady."""
    found = []
    for (per_class, seed), one in labels[labels["part"] == MNIST].groupby(["per_class", "seed"]):
        wide = one.pivot_table(index="epoch", columns="class", values="true_given_predicted", dropna=False)
        found.append({**_first(one), "per_class": per_class, "seed": seed, "step": one["step"].max(),
                      "steady": steady_from(wide.index.to_numpy(), wide.to_numpy())})  # fmt: skip
    return _shortest(pd.DataFrame(found))


def _first(rows: pd.DataFrame) -> dict:
    return {key: rows[key].iloc[0] for key in ("part", "dataset", "model", "n_train")}


# --------------------------------------------------------------------------------------------- rules


def judge_rises_with_size(rows: pd.DataFrame) -> Judgement:
    """The inter-sample entropy of each input size minus that of the next smaller one, within a draw. Holds if every
    95 % interval lies above 0; fails if one lies below; else undecided."""
    wide = rows.pivot_table(index="seed", columns="per_class", values="value")
    steps = wide.diff(axis=1).iloc[:, 1:]
    measured = ", ".join(f"{words(wide[size])}" for size in wide)
    return Judgement(all_of([above(steps[size], 0.0) for size in steps]), f"{measured} bit")


def judge_rises_beyond_count(rows: pd.DataFrame) -> Judgement:
    """What an input size adds to the inter-sample entropy beyond log2 of the ratio of sizes, largest minus
    smallest, within a draw. Holds if the 95 % interval lies above 0; fails if it lies below; else undecided."""
    wide = rows.assign(value=rows["value"] - rows["lowest"]).pivot_table(
        index="seed", columns="per_class", values="value"
    )
    beyond = wide[wide.columns.max()] - wide[wide.columns.min()]
    return Judgement(above(beyond, 0.0), f"{words(beyond, digits=3)} bit beyond log2 of the number of images")


def judge_settles_sooner(rows: pd.DataFrame) -> Judgement:
    """The epoch from which the training loss stays within 5 % of its fall: of the largest input size minus that of
    the smallest, within a seed. Holds if the 95 % interval lies below 0; fails if it lies above; else undecided."""
    return _difference_of_sizes(rows, "settled", "epoch")


def judge_fewer_updates(rows: pd.DataFrame) -> Judgement:
    """The number of updates after which the training loss stays within 5 % of its fall: of the largest input size
    minus that of the smallest, within a seed. Holds if the 95 % interval lies below 0; fails if it lies above; else
    undecided."""
    return _difference_of_sizes(rows, "updates", "updates", digits=0)


def judge_settling_epochs(rows: pd.DataFrame) -> Judgement:
    """The epoch from which the training loss stays within 5 % of its fall. Holds if the 95 % interval of 100 images
    a class lies above 150 and that of 2,000 below 75 ("about 50"); fails if the first lies below 150 or the second
    above 75; else undecided."""
    wide = rows.pivot_table(index="seed", columns="per_class", values="settled", dropna=False)
    few, many = wide.columns.min(), wide.columns.max()
    verdicts = [above(wide[few], SETTLED[min(SETTLED)]), below(wide[many], 1.5 * SETTLED[max(SETTLED)])]
    return Judgement(all_of(verdicts), f"epoch {words(wide[few], digits=0)} and {words(wide[many], digits=0)}")


def judge_steady_sooner(rows: pd.DataFrame) -> Judgement:
    """The epoch from which H(x.label | y) stays within 0.1 bit of its final level, mean over classes: of 10,000
    images minus that of 1,000, within a seed; a run that is never steady counts with its last epoch. Holds if the
    95 % interval lies below 0; fails if it lies above; else undecided."""
    return _difference_of_sizes(rows, "steady", "epoch")


def _difference_of_sizes(rows: pd.DataFrame, column: str, unit: str, digits: int = 1) -> Judgement:
    wide = rows.pivot_table(index="seed", columns="per_class", values=column, dropna=False)
    small, large = wide.columns.min(), wide.columns.max()
    if not np.isfinite(wide[[small, large]].to_numpy()).all():
        return Judgement(UNDECIDED, f"a run does not settle: {wide[small].tolist()} and {wide[large].tolist()}")
    told = f"{words(wide[small], digits=digits)} with {small:,}, {words(wide[large], digits=digits)} with {large:,}"
    return Judgement(below(wide[large] - wide[small], 0.0), f"{unit} {told} a class")


def judge_over_predicted(rows: pd.DataFrame) -> Judgement:
    """Spearman's correlation over classes between how often a class is predicted and H(x.label | y = class), at an
    early epoch with 1,000 images; classes never predicted do not count. Holds if the 95 % interval over seeds lies
    above 0; fails if it lies below; else undecided."""
    known = rows[rows["n_predicted"] > 0]
    each = known.groupby("seed")[["n_predicted", "true_given_predicted"]].apply(
        lambda one: one["n_predicted"].corr(one["true_given_predicted"], method="spearman") if len(one) > 2 else np.nan
    )
    if each.isna().any():
        return Judgement(UNDECIDED, "a seed has no correlation: too few classes are predicted, or all alike")
    return Judgement(above(each, 0.0), f"correlation {words(each, limits=(-1, 1))}")


def judge_never_predicted(rows: pd.DataFrame) -> Judgement:
    """The share of seeds in which, at some epoch from 1 to 10 with 1,000 images, a class is never predicted. Holds
    if it is at least 0.8; fails if it is at most 0.2; else undecided."""
    share = rows.groupby("seed")["n_predicted"].min().eq(0).mean()
    verdict = HOLDS if share >= OFTEN else FAILS if share <= SELDOM else UNDECIDED
    return Judgement(verdict, f"{share:.0%} of seeds")


def judge_diagonal(rows: pd.DataFrame) -> Judgement:
    """The share of channels whose capacity with themselves behind the max-pool is larger than with any other
    channel, smallest over the epochs shown, a value a seed. Holds if the 95 % interval lies above 0.9; fails if it
    lies below; else undecided."""
    each = rows.groupby("seed")["diagonal_highest"].min()
    mean = rows.groupby("seed")[["diagonal", "others"]].mean()
    measured = f"{words(100 * each, '% of channels', 0, (0, 100))}; {words(mean['diagonal'])} against"
    return Judgement(above(each, 0.9), f"{measured} {words(mean['others'])} bit")


def judge_falls(rows: pd.DataFrame) -> Judgement:
    """Mean capacity at the last epoch minus that at epoch 0, within a seed. Holds if the 95 % interval lies below
    0; fails if it lies above; else undecided."""
    return _change(rows, "mean", "bit", below)


def judge_largest_falls(rows: pd.DataFrame) -> Judgement:
    """The largest capacity at the last epoch minus that at epoch 0, within a seed. Holds if the 95 % interval lies
    below 0; fails if it lies above; else undecided."""
    return _change(rows, "largest", "bit", below)


def judge_fewer_look_alikes(rows: pd.DataFrame) -> Judgement:
    """The share of channel pairs whose patterns in the capacity map correlate by 0.95 or more: at the last epoch
    minus that at epoch 0, within a seed. Holds if the 95 % interval lies below 0; fails if it lies above; else
    undecided."""
    return _change(rows.assign(look_alikes=100 * rows["look_alikes"]), "look_alikes", "% of pairs", below)


def _change(rows: pd.DataFrame, column: str, unit: str, judge) -> Judgement:
    wide = rows.pivot_table(index="seed", columns="epoch", values=column)
    first, last = wide.columns.min(), wide.columns.max()
    told = f"{words(wide[first], digits=3)} at epoch {first:g}, {words(wide[last], digits=3)} at {last:g}"
    return Judgement(judge(wide[last] - wide[first], 0.0), f"{told} {unit}")


def judge_falls_with_depth(rows: pd.DataFrame) -> Judgement:
    """Mean capacity of layer 1 with layers 3, 5 and 7 at the last epoch: each minus the one before, within a seed.
    Holds if both 95 % intervals lie below 0; fails if one lies above; else undecided."""
    wide = rows.pivot_table(index="seed", columns="layer_b", values="mean")
    verdicts = [below(wide[deep] - wide[shallow], 0.0) for shallow, deep in itertools.pairwise(DEPTHS)]
    return Judgement(all_of(verdicts), ", ".join(words(wide[layer], digits=3) for layer in DEPTHS) + " bit")


def judge_alike_maps(rows: pd.DataFrame) -> Judgement:
    """Spearman's correlation over pairs of channels between how alike their patterns in the capacity map are and
    how alike their feature maps, a value a seed. Holds if the 95 % interval lies above 0; fails if it lies below;
    else undecided."""
    each = rows.groupby("seed")[["pattern", "likeness"]].apply(
        lambda one: one["pattern"].corr(one["likeness"], method="spearman")
    )
    return Judgement(above(each, 0.0), f"correlation {words(each, limits=(-1, 1))}")


def judge_lower_layers_higher(rows: pd.DataFrame) -> Judgement:
    """Intra-sample entropy of layer 1 minus that of layer 11, mean over channels and all inputs, within a seed.
    Holds if the 95 % interval lies above 0; fails if it lies below; else undecided."""
    return _between_layers(rows, "value", above)


def judge_lower_layers_consistent(rows: pd.DataFrame) -> Judgement:
    """Standard deviation over classes of a channel's intra-sample entropies, mean over channels: of layer 1 minus
    that of layer 11, within a seed. Holds if the 95 % interval lies below 0; fails if it lies above; else
    undecided."""
    return _between_layers(rows, "spread", below)


def _between_layers(rows: pd.DataFrame, column: str, judge) -> Judgement:
    wide = rows.pivot_table(index="seed", columns="layer", values=column)
    low, high = CHANNEL_LAYERS[0], CHANNEL_LAYERS[-1]
    told = f"layer {low} {words(wide[low])}, layer {high} {words(wide[high])} bit"
    return Judgement(judge(wide[low] - wide[high], 0.0), told)


def judge_airplane_lowest(rows: pd.DataFrame) -> Judgement:
    """Intra-sample entropy of airplane, mean over the channels of layer 3, minus the lowest of the other classes',
    within a seed. Holds if the 95 % interval lies below 0; fails if it lies above; else undecided."""
    wide = rows.pivot_table(index="seed", columns="class_name", values="value")
    others = wide.drop(columns=[AIRPLANE, ALL]).min(axis=1)
    lowest = wide.drop(columns=ALL).mean().idxmin()
    return Judgement(
        below(wide[AIRPLANE] - others, 0.0),
        f"airplane {words(wide[AIRPLANE])}, lowest of the others {words(others)} bit; lowest on average: {lowest}",
    )


def judge_poorer_likeness(rows: pd.DataFrame) -> Judgement:
    """Spearman's correlation over the living channels of layer 3 between intra-sample entropy and the correlation
    of their deconvolutions with the images, a value a seed. Holds if the 95 % interval lies above 0; fails if it
    lies below; else undecided."""
    return _with_entropy(rows, "likeness")


def judge_poorer_area(rows: pd.DataFrame) -> Judgement:
    """Spearman's correlation over the living channels of layer 3 between intra-sample entropy and the share of the
    image that comes back, a value a seed. Holds if the 95 % interval lies above 0; fails if it lies below; else
    undecided."""
    return _with_entropy(rows, "area")


def _with_entropy(rows: pd.DataFrame, column: str) -> Judgement:
    living = rows[~rows["dead"]]
    each = living.groupby("seed")[["value", column]].apply(
        lambda one: one["value"].corr(one[column], method="spearman")
    )
    if each.isna().any() or each.empty:
        return Judgement(UNDECIDED, "a seed has too few living channels")
    return Judgement(above(each, 0.0), f"correlation {words(each, limits=(-1, 1))}")


# --------------------------------------------------------------------------------------------- rows


def _settling(tables) -> pd.DataFrame:
    """The smallest and the largest input size."""
    found = settling(tables["curves"])
    return found[found["per_class"].isin((found["per_class"].min(), found["per_class"].max()))]


def _steady(tables) -> pd.DataFrame:
    """The smallest input size and the one of ten times as many images: the third."""
    found = steadiness(tables["labels"])
    sizes = sorted(set(found["per_class"]))
    last = tables["labels"].loc[tables["labels"]["part"] == MNIST, "epoch"].max()
    return found[found["per_class"].isin((sizes[FEW], sizes[MANY]))].assign(steady=found["steady"].clip(upper=last))


def _early(*, exactly: bool):
    """Label entropies of the run with the fewest images: at epoch 10, or at all epochs from 1 to 10."""

    def select(tables) -> pd.DataFrame:
        rows = tables["labels"]
        rows = rows[rows["part"] == MNIST]
        rows = rows[rows["per_class"] == rows["per_class"].min()]
        whole = rows.assign(step=rows["step"].max())  # how long the run went on
        wanted = whole["epoch"] == CONFUSION_EPOCH if exactly else whole["epoch"].between(1, CONFUSION_EPOCH)
        return whole[wanted]

    return select


def _pair(layer_a: int, layer_b: int, *, n_bins: int = 32):
    def select(tables) -> pd.DataFrame:
        rows = tables["capacities"]
        chosen = (rows["layer_a"] == layer_a) & (rows["layer_b"] == layer_b) & (rows["n_bins"] == n_bins)
        return rows[chosen]

    return select


def _depths(tables) -> pd.DataFrame:
    rows = tables["capacities"]
    chosen = (rows["layer_a"] == 1) & rows["layer_b"].isin(DEPTHS) & (rows["n_bins"] == 32)
    return rows[chosen & (rows["epoch"] == rows["epoch"].max())]


def _classes(reading: str, *, layer: int | None = None, names: tuple = (ALL,)):
    """Entropies of all inputs at the last epoch; or of every class at one layer, at the earlier of the two epochs."""

    def select(tables) -> pd.DataFrame:
        rows = tables["class_entropies"]
        rows = rows[rows["reading"] == reading]
        at = rows["epoch"].max() if layer is None else rows["epoch"].min()
        rows = rows[(rows["epoch"] == at) & ((rows["layer"] == layer) if layer else rows["class_name"].isin(names))]
        if layer and AIRPLANE not in set(rows["class_name"]):
            return rows.iloc[:0]
        bound = (rows["value"] < 0.05) | (rows["value"] > rows["top"] - 0.05)
        return rows.assign(at_bound=bound)

    return select


_INPUTS = Needs(dataset="mnist", seeds=5, values=("per_class", "images a class", SIZES))
_ENDS = Needs(
    dataset="mnist", seeds=5, steps=MNIST_STEPS, values=("per_class", "images a class", (min(SETTLED), max(SETTLED)))
)
_TWO = Needs(
    dataset="mnist", seeds=5, steps=MNIST_STEPS, values=("per_class", "images a class", (min(STEADY), max(STEADY)))
)
_FEWEST = Needs(dataset="mnist", seeds=5, steps=MNIST_STEPS, values=("per_class", "images a class", (min(STEADY),)))
_CIFAR = Needs(any_of=SECOND_SETS, seeds=5, steps=CIFAR_STEPS)
_SECOND = Needs(any_of=SECOND_SETS, seeds=5, steps=CIFAR_STEPS * 2 // 3)  # read at epoch 80 or 100 of 120

CLAIMS = [
    Claim("1a", "More images a class: higher inter-sample entropy of the inputs.", "19.9, 23.0, 24.1, 25.2 bit",
          lambda tables: tables["input_entropies"], judge_rises_with_size, _INPUTS),
    Claim("1b", "It rises by more than the number of images alone does (our addition).", "not asked",
          lambda tables: tables["input_entropies"], judge_rises_beyond_count, _INPUTS),
    Claim("1c", "More images a class: the loss converges after fewer epochs.", "yes (Figure 5)",
          _settling, judge_settles_sooner, _ENDS),
    Claim("1d", "The loss is flat after more than 150 epochs at 100 images a class, after about 50 at 2,000.",
          "> 150, about 50", _settling, judge_settling_epochs, _ENDS),
    Claim("1e", "More images a class: the loss converges after fewer updates (our addition).", "not asked",
          _settling, judge_fewer_updates, _ENDS),
    Claim("2a", "H(x.label|y) is steady after fewer epochs with 10,000 images than with 1,000.", "25 against 70",
          _steady, judge_steady_sooner, _TWO),
    Claim("2b", "Classes that are predicted too often early on have a high H(x.label|y).", "yes (Figure 7)",
          _early(exactly=True), judge_over_predicted, _FEWEST),
    Claim("2c", "Early on, with 1,000 images, some classes are never predicted.", "5 and 9 (Figure 7)",
          _early(exactly=False), judge_never_predicted, _FEWEST),
    Claim("3", "Before and after a max-pool a channel shares most with itself: the diagonal of layers 2 and 3.",
          "highest (Figure 10)", _pair(*DIAGONAL), judge_diagonal, _CIFAR),
    Claim("4a", "The capacity between layers 1 and 5 falls over the training: mean.", "getting brighter (Figure 11)",
          _pair(*FALLING), judge_falls, _CIFAR),
    Claim("4b", "The capacity between layers 1 and 5 falls over the training: largest value.",
          "getting lower (Figure 11)", _pair(*FALLING), judge_largest_falls, _CIFAR),
    Claim("4c", "The capacity with layer 1 falls with depth: layers 3, 5, 7.", "getting brighter (Figure 12)",
          _depths, judge_falls_with_depth, _CIFAR),
    Claim("5a", "Channels of layer 2 that look alike in the map of layers 2 and 3 become fewer.", "fewer (Figure 10)",
          _pair(*DIAGONAL), judge_fewer_look_alikes, _CIFAR),
    Claim("5b", "Channels with similar patterns in the map of layers 3 and 4 have similar feature maps.",
          "filters 8 and 30 (Figure 9)", lambda tables: tables["alike_pairs"], judge_alike_maps, _SECOND),
    *(
        Claim(number, statement, paper, _classes(reading), rule, _CIFAR, reading=reading)
        for number, statement, paper, rule in (
            ("6a", "Layer 1 has a higher intra-sample entropy than layer 11.", "relatively higher (Figure 14)",
             judge_lower_layers_higher),
            ("6b", "Layer 1 is more consistent over the classes than layer 11.", "more consistent (Figure 14)",
             judge_lower_layers_consistent),
        )
        for reading in ("literal", "equal values")
    ),
    Claim("6c", "Of the classes airplane has the lowest intra-sample entropy in layer 3.", "smallest (Figure 13)",
          _classes("literal", layer=LOOK_ALIKE_LAYER), judge_airplane_lowest, _SECOND),
    Claim("7a", "Channels with a low entropy give poorer deconvolutions: less like images.", "channel 31 (Figure 15)",
          lambda tables: tables["deconvolved"], judge_poorer_likeness, _SECOND),
    Claim("7b", "Channels with a low entropy give poorer deconvolutions: less of the image comes back.",
          "less details (Figure 15)", lambda tables: tables["deconvolved"], judge_poorer_area, _SECOND),
]  # fmt: skip


def verdicts_by_bins(tables) -> pd.DataFrame:
    """What the rules of the claims on capacities say with other numbers of bins: claim, statement, variant, verdict."""
    rows = tables["capacities"]
    last = rows["epoch"].max()
    found = []
    for n_bins in sorted(set(rows["n_bins"])):
        of_bins = rows[rows["n_bins"] == n_bins]
        ends = of_bins[of_bins["epoch"].isin((0, last))]
        diagonal = ends[(ends["layer_a"] == DIAGONAL[0]) & (ends["layer_b"] == DIAGONAL[1])]
        falling = ends[(ends["layer_a"] == FALLING[0]) & (ends["layer_b"] == FALLING[1])]
        deep = ends[(ends["layer_a"] == 1) & ends["layer_b"].isin(DEPTHS) & (ends["epoch"] == last)]
        for claim, rule, chosen in (
            ("3", judge_diagonal, diagonal), ("4a", judge_falls, falling), ("4b", judge_largest_falls, falling),
            ("4c", judge_falls_with_depth, deep), ("5a", judge_fewer_look_alikes, diagonal),
        ):  # fmt: skip
            statement = next(each.statement for each in CLAIMS if each.id == claim)
            judged = rule(chosen)
            found.append({"claim": claim, "statement": statement, "variant": f"{n_bins} bins",
                          "verdict": judged.verdict, "measured": judged.measured})  # fmt: skip
    return pd.DataFrame(found)
