"""The claims of notebook 03, each with the rule that decides it."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from ...claims import FAILS, HOLDS, UNDECIDED, Claim, Judgement, Needs, above, all_of, below, interval, words
from .settings import BGD, DEPTHS, SGD, Case
from .tables import DEEPEST, of_case, title_of

SECOND_SETS = ("cifar10", "cifar10-subset")
MNIST_STEPS = 23_450  # 50 epochs of 60,000 images in mini-batches of 128
CIFAR_STEPS = 7_812  # 50 epochs of the 20,000 images of a subset
SMALL_STEPS = 600  # of the four runs of T1: as many updates as the paper takes moments of a run
SAME = 0.05  # bits of I(T;Y): two that differ by less are called equal
SAME_SLOPE = 0.25  # of the mean size of two slopes: those that differ by less are called equal
NEVER, ALWAYS = 0.2, 0.8  # of seeds


def _wide(rows: pd.DataFrame, columns: str, values: str = "share") -> pd.DataFrame:
    """A row a seed; columns without any value stay."""
    return rows.pivot_table(index="seed", columns=columns, values=values, dropna=False)


def _told(shares: pd.Series) -> str:
    known = shares.dropna()
    return words(known, limits=(0, 1)) if len(known) else "no inversion"


def _few(values, rows: pd.DataFrame) -> bool:
    """Whether fewer than 0.8 of the seeds have a value."""
    return len(values) < ALWAYS * rows["seed"].nunique()


def _of_seeds(values, rows: pd.DataFrame) -> str:
    """` (3 of 5 seeds)` where some have no value."""
    n = rows["seed"].nunique()
    return f" ({len(values)} of {n} seeds)" if len(values) < n else ""


def _name(rows: pd.DataFrame) -> list[str]:
    return [f"{title_of(model)} {method}" for model, method in zip(rows["model"], rows["method"], strict=True)]


# --------------------------------------------------------------------------------------------- rules


def judge_above_half(rows: pd.DataFrame) -> Judgement:
    """The share of inversions that the moment with lower I(X;T) wins, a value a seed and network. Holds if every
    network's 95 % interval lies above 0.5; fails if one lies below; else undecided, as where fewer than 0.8 of the
    seeds have an inversion."""
    verdicts, measured = [], []
    for name, one in rows.assign(name=_name(rows)).groupby("name", sort=False):
        known = one["share"].dropna()
        verdicts.append(UNDECIDED if _few(known, one) else above(known, 0.5))
        measured.append(f"{name} {_told(known)}{_of_seeds(known, one)}")
    return Judgement(all_of(verdicts), "; ".join(measured))


def judge_above_other(rows: pd.DataFrame) -> Judgement:
    """The share of inversions that the moment with lower I(X;T) wins, minus that of paths with the same informations
    and an accuracy that does not follow them from moment to moment; both without the first window of moments, within a
    seed. Holds if every network's 95 % interval lies above 0; fails if one lies below; else undecided, as where fewer
    than 0.8 of the seeds have an inversion."""
    verdicts, measured = [], []
    for name, one in rows.assign(name=_name(rows)).groupby("name", sort=False):
        known = one.dropna(subset=["share_later", "other"])
        verdicts.append(UNDECIDED if _few(known, one) else above(known["share_later"] - known["other"], 0.0))
        against = f" against {known['other'].mean():.2f}" if len(known) else ""
        measured.append(f"{name} {_told(known['share_later'])}{against}{_of_seeds(known, one)}")
    return Judgement(all_of(verdicts), "; ".join(measured))


def judge_grows_with_depth(rows: pd.DataFrame) -> Judgement:
    """The share of inversions won, of each network minus that of the next shallower one, within a seed. Holds if
    all 95 % intervals lie above 0; fails if one lies below; else undecided, as where fewer than 0.8 of the seeds have
    both."""
    wide = _wide(rows, "model")[list(DEPTHS)]
    verdicts = [_judge_more(wide, deeper, other) for other, deeper in itertools.pairwise(DEPTHS)]
    measured = "; ".join(f"{title_of(model)} {_told(wide[model])}" for model in DEPTHS)
    return Judgement(all_of(verdicts), measured)


def judge_sgd_above_bgd(rows: pd.DataFrame) -> Judgement:
    """The share of inversions won under SGD minus that under BGD, within a seed. Holds if the 95 % interval lies
    above 0; fails if it lies below; else undecided, as where fewer than 0.8 of the seeds have both."""
    wide = _wide(rows, "method")
    return Judgement(_judge_more(wide, SGD, BGD), f"SGD {_told(wide[SGD])}, BGD {_told(wide[BGD])}")


def _judge_more(wide: pd.DataFrame, first: str, second: str) -> str:
    """Whether one column lies above another, within a seed; undecided where fewer than 0.8 of the seeds have both."""
    pair = wide[[first, second]].dropna()
    return UNDECIDED if len(pair) < ALWAYS * len(wide) else above(pair[first] - pair[second], 0.0)


def judge_second_stage(rows: pd.DataFrame) -> Judgement:
    """The share of inversions won among moments after the transition minus that among moments up to it, within a
    seed. Holds if the 95 % interval lies above 0; fails if it lies below; else undecided, as where fewer than 0.8 of
    the seeds have inversions in both stages."""
    both = rows.dropna(subset=["share_first", "share_second"])
    if both.empty:
        return Judgement(UNDECIDED, "no seed has inversions in both stages")
    measured = f"before {words(both['share_first'], limits=(0, 1))}, after {words(both['share_second'], limits=(0, 1))}"
    verdict = UNDECIDED if _few(both, rows) else above(both["share_second"] - both["share_first"], 0.0)
    return Judgement(verdict, measured + _of_seeds(both, rows))


def judge_two_phases(rows: pd.DataFrame) -> Judgement:
    """The share of seeds whose path has a phase of compression. Holds if it is at least 0.8 for every network;
    fails if it is at most 0.2 for one; else undecided."""
    shares = rows.groupby("model", sort=False)["compresses"].mean()
    measured = "; ".join(f"{title_of(model)} {share:.0%} of seeds" for model, share in shares.items())
    verdict = HOLDS if (shares >= ALWAYS).all() else FAILS if (shares <= NEVER).any() else UNDECIDED
    return Judgement(verdict, measured)


def judge_no_second_phase(rows: pd.DataFrame) -> Judgement:
    """The share of seeds whose path has a phase of compression. Holds if it is at most 0.2 for every network; fails
    if it is at least 0.8 for one; else undecided."""
    shares = rows.groupby("model", sort=False)["compresses"].mean()
    measured = "; ".join(f"{title_of(model)} {share:.0%} of seeds" for model, share in shares.items())
    verdict = HOLDS if (shares <= NEVER).all() else FAILS if (shares >= ALWAYS).any() else UNDECIDED
    return Judgement(verdict, measured)


def judge_mostly_compression(rows: pd.DataFrame) -> Judgement:
    """Epoch of the transition as a share of the epoch of convergence, mean over the networks that compress, a value
    a seed. Holds if the 95 % interval lies below 0.5; fails if it lies above; else undecided, as where fewer than 0.8
    of the seeds have a network that compresses."""
    turning = rows[rows["compresses"]]
    if turning.empty:
        return Judgement(UNDECIDED, "no path has a phase of compression")
    shares = (turning["epoch"] / turning["converged_epoch"]).groupby(turning["seed"]).mean()
    verdict = UNDECIDED if _few(shares, rows) else below(shares, 0.5)
    measured = f"transition after {words(100 * shares, '%', 1, (0, 100))} of the epochs to convergence"
    return Judgement(verdict, measured + _of_seeds(shares, rows))


def judge_cnn_lower(rows: pd.DataFrame) -> Judgement:
    """A quantity's mean over the CNNs minus its mean over the FCs, within a seed. Holds if the 95 % interval lies
    below 0; fails if it lies above; else undecided, as where fewer than 0.8 of the seeds have both. Networks without a
    value do not count."""
    means = rows.dropna(subset=["value"]).pivot_table(index="seed", columns="kind", values="value")
    if set(means.columns) != {"CNN", "FC"} or means.dropna().empty:
        return Judgement(UNDECIDED, "one kind has no value")
    means = means.dropna()
    verdict = UNDECIDED if _few(means, rows) else below(means["CNN"] - means["FC"], 0.0)
    measured = f"CNN {words(means['CNN'], digits=3)}, FC {words(means['FC'], digits=3)}"
    return Judgement(verdict, measured + _of_seeds(means, rows))


def judge_cnn_higher(rows: pd.DataFrame) -> Judgement:
    """A quantity's mean over the CNNs minus its mean over the FCs, within a seed. Holds if the 95 % interval lies
    above 0; fails if it lies below; else undecided, as where fewer than 0.8 of the seeds have both. Networks without a
    value do not count."""
    opposite = judge_cnn_lower(rows)
    return Judgement({HOLDS: FAILS, FAILS: HOLDS}.get(opposite.verdict, UNDECIDED), opposite.measured)


def judge_loses_label(rows: pd.DataFrame) -> Judgement:
    """I(T;Y) at the end of the smoothed path minus its height at the transition, within a seed that has one. Holds if
    every network's 95 % interval lies below 0; fails if one lies above, or if at most 0.2 of a network's seeds have a
    transition; else undecided, as where fewer than 0.8 have one."""
    verdicts, measured = [], []
    for model, one in rows.groupby("model", sort=False):
        turning = one[one["compresses"]]
        change = turning["final_i_ty"] - turning["height"]
        if len(turning) <= NEVER * len(one):
            verdicts.append(FAILS)
        else:
            verdicts.append(UNDECIDED if _few(turning, one) else below(change, 0.0))
        told = words(change, "bit") if len(turning) else "no transition"
        measured.append(f"{title_of(model)} {told}{_of_seeds(turning, one)}")
    return Judgement(all_of(verdicts), "; ".join(measured))


def judge_ranks_better(rows: pd.DataFrame) -> Judgement:
    """Kendall's tau with the final order, one epoch after the transition (or the nearest wait that was tried): of
    height - slope minus that of the loss on training images (the paper's curve), and minus that of the loss on
    validation images, within a seed. Holds if both 95 % intervals lie above 0; fails if one lies below; else
    undecided, as where fewer than 0.8 of the seeds have both."""
    return _judge_lead(rows, "training loss", "loss")


def judge_ranks_better_than_accuracy(rows: pd.DataFrame) -> Judgement:
    """Kendall's tau with the final order, one epoch after the transition (or the nearest wait that was tried): of
    height - slope minus that of validation accuracy at the same epoch, within a seed. Holds if the 95 % interval lies
    above 0; fails if it lies below; else undecided, as where fewer than 0.8 of the seeds have both."""
    return _judge_lead(rows, "accuracy")


def _judge_lead(rows: pd.DataFrame, *others: str) -> Judgement:
    wide = _wide(rows, "score", "tau")
    known = {score: wide[score].dropna() for score in ("combined", *others)}
    measured = "; ".join(
        f"{score} {words(taus, limits=(-1, 1)) if len(taus) else 'orders nothing'}" for score, taus in known.items()
    )
    return Judgement(all_of([_judge_more(wide, "combined", other) for other in others]), measured)


def judge_orders_classes(rows: pd.DataFrame) -> Judgement:
    """Spearman's correlation over classes between recall and a quantity, times its expected sign, for each network
    and seed; the mean over networks is a seed's value. Holds if the 95 % interval lies above 0; fails if it lies
    below; else undecided."""
    sign = rows["sign"].iloc[0]
    each = {}
    for (seed, model), one in rows.groupby(["seed", "model"]):
        each[seed, model] = sign * one["value"].corr(one["recall"], method="spearman")
    values = pd.Series(each).groupby(level=0).mean()
    return Judgement(above(values, 0.0), f"correlation {words(sign * values, limits=(-1, 1))}")


def judge_class_order(rows: pd.DataFrame) -> Judgement:
    """Recall of automobile minus airplane, and of airplane minus bird, within a seed. Holds if both 95 % intervals
    lie above 0; fails if one lies below; else undecided."""
    wide = _wide(rows, "class_name", "recall")
    verdicts = [
        above(wide[one] - wide[other], 0.0) for one, other in (("automobile", "airplane"), ("airplane", "bird"))
    ]
    return Judgement(all_of(verdicts), "; ".join(f"{name} {words(wide[name])}" for name in wide))


def judge_equal(rows: pd.DataFrame) -> Judgement:
    """A quantity of one class minus that of another, within a seed. Holds if the 95 % interval lies within 0.05 of
    0; fails if it lies beyond 0.05 on one side; else undecided, as where fewer than 0.8 of the seeds have both."""
    return _judge_pair(rows, lambda pair: _as_equal(pair, SAME))


def judge_equal_slopes(rows: pd.DataFrame) -> Judgement:
    """The slope of one class minus that of another, within a seed. Holds if the 95 % interval stays on both sides
    below a quarter of the mean size of the two slopes; fails if it lies beyond that on one side; else undecided, as
    where fewer than 0.8 of the seeds have both."""
    return _judge_pair(rows, lambda pair: _as_equal(pair, SAME_SLOPE * float(pair.abs().to_numpy().mean())))


def judge_first_lower(rows: pd.DataFrame) -> Judgement:
    """A quantity of the first class minus that of the second, within a seed. Holds if the 95 % interval lies below
    0; fails if it lies above; else undecided, as where fewer than 0.8 of the seeds have both."""
    return _judge_pair(rows, lambda pair: below(pair.iloc[:, 0] - pair.iloc[:, 1], 0.0))


def _judge_pair(rows: pd.DataFrame, decide) -> Judgement:
    """decide: from the values of two classes, a column each and a row a seed, to a verdict."""
    first, second = dict.fromkeys(rows["class_name"])
    pair = _wide(rows, "class_name", "value")[[first, second]].dropna()
    if pair.empty:
        return Judgement(UNDECIDED, "no seed has the quantity for both classes")
    verdict = UNDECIDED if _few(pair, rows) else decide(pair)
    measured = f"{first} {words(pair[first], digits=3)}, {second} {words(pair[second], digits=3)}"
    return Judgement(verdict, measured + _of_seeds(pair, rows))


def _as_equal(pair: pd.DataFrame, tolerance: float) -> str:
    _, low, high = interval(pair.iloc[:, 0] - pair.iloc[:, 1])
    if low > -tolerance and high < tolerance:
        return HOLDS
    return FAILS if low > tolerance or high < -tolerance else UNDECIDED


def judge_better_on_every_class(rows: pd.DataFrame) -> Judgement:
    """Recall of CNN-16 minus that of AlexNet, for each class within a seed. Holds if the 95 % interval of every
    class lies above 0; fails if one lies below; else undecided."""
    wide = rows.pivot_table(index=["class_name", "seed"], columns="model", values="recall")
    gains = (wide["cnn16"] - wide["alexnet"]).groupby(level="class_name", sort=False)
    verdicts = {name: above(one, 0.0) for name, one in gains}
    mean = gains.mean()
    measured = f"gain from {mean.min():+.3f} ({mean.idxmin()}) to {mean.max():+.3f} ({mean.idxmax()})"
    return Judgement(all_of(list(verdicts.values())), measured)


# --------------------------------------------------------------------------------------------- rows


def _no_estimate(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and recall cannot be saturated."""
    return rows.drop(columns="at_bound", errors="ignore")


def _cases(table: str, split: str, *cases: Case):
    def select(tables) -> pd.DataFrame:
        rows = tables[table]
        rows = rows[rows["split"] == split] if "split" in rows else rows
        return pd.concat([of_case(rows, case) for case in cases], ignore_index=True)

    return select


def _kinds(column: str, part: str):
    """The six networks of F4, with a quantity as `value` and the kind of network; slopes only where there are
    any."""

    def select(tables) -> pd.DataFrame:
        rows = tables["points"]
        rows = rows[(rows["part"] == part) & rows["model"].isin(("fc3", "fc6", "fc9", "cnn2", "cnn4", "cnn6"))]
        value = rows[column].where(rows["compresses"]) if column == "slope" else rows[column]
        rows = _no_estimate(rows) if column == "final_accuracy" else rows
        return rows.assign(value=value, kind=np.where(rows["model"].str.startswith("fc"), "FC", "CNN"))

    return select


def _ranking(part: str):
    def select(tables) -> pd.DataFrame:
        rows = tables["selection"]
        wait = min(set(rows["wait"]), key=lambda each: abs(each - 1.0))
        return rows[(rows["part"] == part) & (rows["wait"] == wait)]

    return select


def _of_classes(column: str, sign: int):
    def select(tables) -> pd.DataFrame:
        rows = tables["class_points"]
        return rows.assign(value=rows[column], sign=sign, at_bound=rows["end_at_bound"])

    return select


def _three_classes(column: str | None, *names: str):
    """Single classes of the deepest network, in the order named."""

    def select(tables) -> pd.DataFrame:
        rows = tables["class_points"]
        rows = rows[rows["model"] == DEEPEST]
        parts = [rows[rows["class_name"] == name] for name in names]
        if not all(map(len, parts)):
            return rows.iloc[:0]
        rows = pd.concat(parts, ignore_index=True)
        return _no_estimate(rows) if column is None else rows.assign(value=rows[column])

    return select


_MNIST = Needs(dataset="mnist", seeds=5, steps=MNIST_STEPS)
_CIFAR = Needs(any_of=SECOND_SETS, seeds=5, steps=CIFAR_STEPS)
_SMALL = Needs(any_of=SECOND_SETS, seeds=5, steps=SMALL_STEPS)
_METHODS = [Case("small", model, method) for model in ("cnn9", "linear") for method in (SGD, BGD)]
_DEPTHS = [Case("cifar", model) for model in DEPTHS]
_SIX = ("fc3", "fc6", "fc9", "cnn2", "cnn4", "cnn6")
_NAMES = {"mnist": "MNIST", "cifar": "CIFAR-10"}

CLAIMS = [
    Claim("1a", "Of two moments, the one with more accuracy in spite of less I(T;Y) has less I(X;T) more than half the "
          "time: CNN-9 and the linear network, SGD and BGD.", ".865 .821 .755 .594 (Table 1)",
          _cases("percentages", "train", *_METHODS), judge_above_half, _SMALL),
    Claim("1b", "The same on validation images, for the deepest network.", ".924 (Table 3)",
          _cases("percentages", "validation", Case("cifar", DEEPEST)), judge_above_half, _CIFAR),
    Claim("1c", "It says more than that I(X;T) and I(T;Y) move together (our addition).", "not asked",
          _cases("percentages", "train", *_METHODS), judge_above_other, _SMALL),
    Claim("2a", "The percentage grows with depth: CNN-2, -4, -9, -16.", ".56 .68 .87 .96 (Table 2)",
          _cases("percentages", "train", *_DEPTHS), judge_grows_with_depth, _CIFAR),
    Claim("2b", "It is larger under SGD than under BGD: CNN-9.", ".865 against .821 (Table 1)",
          _cases("percentages", "train", *_METHODS[:2]), judge_sgd_above_bgd, _SMALL),
    Claim("2c", "It is larger under SGD than under BGD: the linear network.", ".755 against .594 (Table 1)",
          _cases("percentages", "train", *_METHODS[2:]), judge_sgd_above_bgd, _SMALL),
    Claim("2d", "I(X;T) contributes mostly in the second stage: CNN-16.", "mostly at the second stage",
          _cases("percentages", "train", Case("cifar", DEEPEST)), judge_second_stage, _CIFAR),
    Claim("3a", "On MNIST every network has two phases.", "exactly two (Figure 4)",
          _cases("points", "", *(Case("mnist", model) for model in _SIX)), judge_two_phases, _MNIST),
    Claim("3b", "On CIFAR-10 FC-3, CNN-2 and CNN-4 have no phase of compression.", "do not show it (Figure 4)",
          _cases("points", "", *(Case("cifar", model) for model in ("fc3", "cnn2", "cnn4"))), judge_no_second_phase,
          _CIFAR),
    Claim("3c", "Most of the training time is compression: MNIST.", "1 of 50 to 56 epochs (Table 4)",
          _cases("points", "", *(Case("mnist", model) for model in _SIX)), judge_mostly_compression, _MNIST),
    Claim("3d", "Most of the training time is compression: CIFAR-10 (FC-6, FC-9, CNN-6, CNN-9, CNN-16).",
          "5 to 21 of 66 epochs (Table 4)",
          _cases("points", "", *(Case("cifar", model) for model in ("fc6", "fc9", "cnn6", "cnn9", "cnn16"))),
          judge_mostly_compression, _CIFAR),
    *(
        claim
        for part, needs in (("mnist", _MNIST), ("cifar", _CIFAR))
        for claim in (
            Claim(f"4a {_NAMES[part]}",
                  f"CNNs fit the label less than FCs at the transition (at the end if there is none): {_NAMES[part]}.",
                  "may have lower capabilities", _kinds("height", part), judge_cnn_lower, needs),
            Claim(f"4b {_NAMES[part]}", f"CNNs have a smaller (more negative) slope than FCs: {_NAMES[part]}.",
                  "smaller slope; Table 4: not for all", _kinds("slope", part), judge_cnn_lower, needs),
            Claim(f"4c {_NAMES[part]}", f"CNNs end with more validation accuracy than FCs: {_NAMES[part]}.",
                  "higher final accuracies", _kinds("final_accuracy", part), judge_cnn_higher, needs),
        )
    ),
    Claim("5", "On CIFAR-10 FC-6 and FC-9 lose I(T;Y) after the transition.", "2.60 and 2.55 to 2.22 bit (Table 4)",
          _cases("points", "", Case("cifar", "fc6"), Case("cifar", "fc9")), judge_loses_label, _CIFAR),
    Claim("6a", "Height and slope shortly after the transition predict the final order better than the loss: MNIST.",
          "more informative than loss", _ranking("mnist"), judge_ranks_better, _MNIST),
    Claim("6b", "Height and slope shortly after the transition predict the final order better than the loss: CIFAR-10.",
          "more informative than loss", _ranking("cifar"), judge_ranks_better, _CIFAR),
    Claim("6c", "They predict it better than validation accuracy at the same epoch (our addition): MNIST.", "not asked",
          _ranking("mnist"), judge_ranks_better_than_accuracy, _MNIST),
    Claim("6d", "They predict it better than validation accuracy at the same epoch (our addition): CIFAR-10.",
          "not asked", _ranking("cifar"), judge_ranks_better_than_accuracy, _CIFAR),
    Claim("7a", "Classes with more I(T;Y) have more recall.", "automobile against bird (Figure 6)",
          _of_classes("i_ty", 1), judge_orders_classes, _CIFAR),
    Claim("7b", "Classes with less I(X;T) have more recall.", "automobile against bird (Figure 6)",
          _of_classes("i_xt", -1), judge_orders_classes, _CIFAR),
    Claim("7c", "Recall of automobile > airplane > bird (CNN-16).", "automobile .961, airplane .921, bird .825",
          _three_classes(None, "automobile", "airplane", "bird"), judge_class_order, _CIFAR),
    Claim("7d", "Automobile and airplane have the same height (CNN-16).", "almost the same (Figure 7)",
          _three_classes("height", "automobile", "airplane"), judge_equal, _CIFAR),
    Claim("7e", "Automobile has the smaller slope (CNN-16).", "smaller slope (Figure 7)",
          _three_classes("slope", "automobile", "airplane"), judge_first_lower, _CIFAR),
    Claim("7f", "Airplane and bird have the same slope (CNN-16).", "almost equally (Figure 7)",
          _three_classes("slope", "airplane", "bird"), judge_equal_slopes, _CIFAR),
    Claim("7g", "Bird has the lower height (CNN-16).", "fits airplane better (Figure 7)",
          _three_classes("height", "bird", "airplane"), judge_first_lower, _CIFAR),
    Claim("7h", "CNN-16 recognises every class better than AlexNet.", "on each class (Figure 6)",
          lambda tables: _no_estimate(tables["class_points"]), judge_better_on_every_class, _CIFAR),
]  # fmt: skip
