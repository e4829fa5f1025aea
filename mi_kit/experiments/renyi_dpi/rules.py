"""The claims of notebook 02, each with the rule that decides it."""

from __future__ import annotations

import itertools

import pandas as pd

from ...claims import FAILS, HOLDS, UNDECIDED, Claim, Judgement, Needs, words
from ...claims import above as _above  # the names that the rules were committed with
from ...claims import all_of as _all_of
from .chains import READINGS
from .settings import BASE, BASELINES, FILTERS, RELU, TOPOLOGIES

THIRD_SETS = ("svhn-grey28", "cifar10-grey28", "cifar10-subset-grey28")
TEN_EPOCHS = 4_690  # of 60,000 images in mini-batches of 128
THREE_EPOCHS = 1_407
MOST = 0.8  # "most of the cases"
NOTHING = 0.05  # bit
COMPRESSION = 0.1  # bit
GAIN = 0.005  # of accuracy: half a percentage point


# --------------------------------------------------------------------------------------------- rules


def judge_most_pairs(rows: pd.DataFrame) -> Judgement:
    """The share of neighbouring pairs of layers and estimated steps at which the inequality holds (difference above
    minus two standard errors over mini-batches), one share a seed. Holds if the 95 % interval over seeds lies above
    0.8; fails if it lies below; else undecided."""
    shares = rows.groupby("seed")["holds"].mean()
    worst = rows.groupby("pair", sort=False)["holds"].mean()
    measured = f"{words(shares, limits=(0, 1))} of the pairs; least often {worst.idxmin()} ({worst.min():.2f})"
    return Judgement(_above(shares, MOST), measured)


def judge_mended(rows: pd.DataFrame) -> Judgement:
    """In the second half of training, the share of backward pairs that hold with bandwidths relative to each error's
    variance, minus the share with the paper's, within a seed. Holds if the 95 % interval lies above 0; fails if it lies
    below; else undecided."""
    late = rows[rows["step"] >= rows.groupby("model")["step"].transform("max") / 2]
    shares = late.groupby(["seed", "reading"])["holds"].mean().reset_index()
    wide = shares.pivot_table(index="seed", columns="reading", values="holds")
    measured = f"paper's {words(wide['literal'], limits=(0, 1))}, relative {words(wide['second'], limits=(0, 1))}"
    return Judgement(_above(wide["second"] - wide["literal"], 0.0), measured)


def judge_relu_keeps_more(rows: pd.DataFrame) -> Judgement:
    """I(X;T) at the last step, mean over the hidden layers, of the network with ReLU minus the one with sigmoids,
    within a seed. Holds if the 95 % interval lies above 0; fails if it lies below; else undecided."""
    wide = rows.pivot_table(index="seed", columns="model", values="value")
    measured = f"ReLU {words(wide[RELU])} bit, sigmoid {words(wide[BASE])} bit"
    return Judgement(_above(wide[RELU] - wide[BASE], 0.0), measured)


def judge_is_zero(rows: pd.DataFrame) -> Judgement:
    """One layer's information, a value a seed. Holds if the 95 % interval lies below 0.05 bit; fails if it lies above;
    else undecided."""
    verdict = {HOLDS: FAILS, FAILS: HOLDS}.get(_above(rows["value"], NOTHING), UNDECIDED)
    of = rows["whole"].mean()
    return Judgement(verdict, f"{rows['layer'].iloc[0]}: {words(rows['value'], digits=3)} of {of:.2f} bit")


def judge_no_gain(rows: pd.DataFrame) -> Judgement:
    """Accuracy of the larger network minus that of the smaller one, within a seed. Holds if the 95 % interval lies
    below half a percentage point; fails if it lies above; else undecided."""
    gain = _gain(rows)
    verdict = {HOLDS: FAILS, FAILS: HOLDS}.get(_above(gain, GAIN), UNDECIDED)
    return Judgement(verdict, f"gain {words(100 * gain)} percentage points")


def judge_gain(rows: pd.DataFrame) -> Judgement:
    """Accuracy of the larger network minus that of the smaller one, within a seed. Holds if the 95 % interval lies
    above half a percentage point; fails if it lies below; else undecided."""
    gain = _gain(rows)
    return Judgement(_above(gain, GAIN), f"gain {words(100 * gain)} percentage points")


def _gain(rows: pd.DataFrame) -> pd.Series:
    """The second model named minus the first, in the order of the rows."""
    small, large = dict.fromkeys(rows["model"])
    wide = rows.pivot_table(index="seed", columns="model", values="value")
    return wide[large] - wide[small]


def judge_grows_in_training(rows: pd.DataFrame) -> Judgement:
    """Redundancy at the last step minus that of the untrained network, within a seed, for both convolutions. Holds if
    both 95 % intervals lie above 0; fails if one lies below; else undecided."""
    verdicts, measured = [], []
    for layer, one in rows.groupby("layer", sort=False):
        wide = one.pivot_table(index="seed", columns="step", values="redundancy")
        first, last = wide.iloc[:, 0], wide.iloc[:, -1]
        verdicts.append(_above(last - first, 0.0))
        measured.append(f"{layer} from {words(first)} to {words(last)} bit")
    return Judgement(_all_of(verdicts), "; ".join(measured))


def judge_grows_with_filters(rows: pd.DataFrame) -> Judgement:
    """Redundancy of C2 at the last step: 6/16 filters minus 2/2, and 32/64 minus 6/16, within a seed. Holds if both
    95 % intervals lie above 0; fails if one lies below; else undecided."""
    wide = rows.pivot_table(index="seed", columns="n_filters", values="redundancy")
    counts = sorted(wide.columns)
    steps = [wide[more] - wide[fewer] for fewer, more in itertools.pairwise(counts)]
    measured = "; ".join(f"{count} filters {words(wide[count])} bit" for count in counts)
    return Judgement(_all_of([_above(step, 0.0) for step in steps]), measured)


def judge_no_compression(rows: pd.DataFrame) -> Judgement:
    """Per network, layer and seed, the largest I(X;T) minus the last, and the same of I(T;Y). Holds if every 95 %
    interval lies below 0.1 bit; fails if one lies above; else undecided."""
    verdicts, falls = [], []
    for (model, layer), one in rows.groupby(["model", "layer"], sort=False):
        for column, name in (("value", "I(X;T)"), ("i_ty", "I(T;Y)")):
            wide = one.pivot_table(index="step", columns="seed", values=column)
            fall = wide.max() - wide.iloc[-1]
            verdicts.append({HOLDS: FAILS, FAILS: HOLDS}.get(_above(fall, COMPRESSION), UNDECIDED))
            falls.append((fall.mean(), f"{name} of {layer}{_filters(model)} falls by {words(fall)} bit"))
    return Judgement(_all_of(verdicts), f"most: {max(falls)[1]}")


def _filters(model: str) -> str:
    return "" if model in (BASE, RELU) else f" ({'/'.join(model.split('_')[2:])} filters)"


# --------------------------------------------------------------------------------------------- rows


def _pairs(direction: str, reading: str | None, part: str, network: str):
    def select(tables) -> pd.DataFrame:
        rows = tables["inequalities"]
        chosen = (rows["direction"] == direction) & (rows["part"] == part) & (rows["model"] == network)
        return rows[chosen & rows["reading"].isin([reading] if reading else READINGS)]

    return select


def _both_pairs(part: str, network: str):
    """Backward pairs under both readings; the claim is about saturation, which so does not stop it."""
    select = _pairs("backward", None, part, network)
    return lambda tables: select(tables).drop(columns="at_bound")


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["step"] == rows.groupby(["part", "model"])["step"].transform("max")]


def _kept(reading: str):
    """I(X;T) of both baselines on MNIST at the last step, mean over layers."""

    def select(tables) -> pd.DataFrame:
        rows = tables["chains"]
        chosen = (rows["direction"] == "forward") & (rows["reading"] == reading) & (rows["part"] == "mnist")
        return _last(rows[chosen & rows["model"].isin([BASE, RELU])])

    return select


def _nearest(rows: pd.DataFrame, share: float) -> pd.DataFrame:
    """The rows of the estimated step that is nearest to a share of the training."""
    steps = pd.Series(sorted(set(rows["step"])))
    return rows[rows["step"] == steps[(steps - share * steps.iloc[-1]).abs().argmin()]]


def _one_layer(direction: str, place: int, reading: str):
    """One layer of the network with three convolutions after three tenths of the training; zero is what is claimed."""

    def select(tables) -> pd.DataFrame:
        rows = tables["chains"]
        chosen = (rows["direction"] == direction) & (rows["reading"] == reading) & (rows["model"] == TOPOLOGIES[2])
        return _nearest(rows[chosen & (rows["place"] == place)], 0.3).drop(columns="at_bound")

    return select


def _accuracies(small: str, large: str, share: float = 1.0):
    """Test accuracy of two networks on MNIST at a share of the training, the smaller first."""

    def select(tables) -> pd.DataFrame:
        rows = tables["training_curves"]
        chosen = (rows["quantity"] == "test_accuracy") & (rows["part"] == "mnist")
        return pd.concat([_nearest(rows[chosen & (rows["model"] == network)], share) for network in (small, large)])

    return select


def _redundancy(reading: str, networks: tuple, layers: tuple = ("C1", "C2"), *, last: bool = False):
    def select(tables) -> pd.DataFrame:
        rows = tables["redundancy"]
        chosen = (rows["reading"] == reading) & rows["model"].isin(networks) & rows["layer"].isin(layers)
        return _last(rows[chosen]) if last else rows[chosen]

    return select


def _paths(reading: str, part: str, networks: tuple):
    def select(tables) -> pd.DataFrame:
        rows = tables["chains"]
        chosen = (rows["direction"] == "forward") & (rows["reading"] == reading) & (rows["part"] == part)
        return rows[chosen & rows["model"].isin(networks)]

    return select


# --------------------------------------------------------------------------------------------- claims

_NEEDS = {
    "mnist": Needs("mnist", seeds=5, steps=TEN_EPOCHS),
    "fashion": Needs("fashion-mnist", seeds=5, steps=TEN_EPOCHS),
    "third": Needs(any_of=THIRD_SETS, seeds=5, steps=TEN_EPOCHS),
}
_THREE = Needs("mnist", seeds=5, steps=THREE_EPOCHS)
_ON = {"mnist": "MNIST with sigmoids", "fashion": "Fashion-MNIST with ReLU", "third": "a third data set with ReLU"}
_PAPER_CASES = [BASELINES[0], BASELINES[2], BASELINES[3]]


def claims_of(reading: str) -> list[Claim]:
    """The claims that rest on an estimate, under one reading."""
    found = []
    for letter, (part, network) in zip("abc", _PAPER_CASES, strict=True):
        found += [
            Claim(
                f"1{letter}", f"I(X;T1) >= ... >= I(X;T6) in most of the cases: {_ON[part]}.",
                "in most of the cases (Figure 3)", _pairs("forward", reading, part, network), judge_most_pairs,
                _NEEDS[part], reading,
            ),
            Claim(
                f"2{letter}", f"I(δL;δ6) >= ... >= I(δL;δ1) with few breaks: {_ON[part]}.",
                "a few disruptions (Figure 3)", _pairs("backward", reading, part, network), judge_most_pairs,
                _NEEDS[part], reading,
            ),
            Claim(
                f"6{letter}", f"No compression phase in the information plane: {_ON[part]}.",
                "without the so-called compression phase (Figure 7)", _paths(reading, part, (network,)),
                judge_no_compression, _NEEDS[part], reading,
            ),
        ]  # fmt: skip
    return [
        *found,
        Claim(
            "1d", "Pooling loses information: H(C_i) >= H(P_i).", "the joint entropy satisfies (Figure 2)",
            _pairs("pooling", reading, "mnist", BASE), judge_most_pairs, _NEEDS["mnist"], reading,
        ),
        Claim(
            "3", "ReLU keeps more information on the input than sigmoids do (both on MNIST).",
            "can more efficiently preserve input information", _kept(reading), judge_relu_keeps_more, _NEEDS["mnist"],
            reading,
        ),
        Claim(
            "4a", "With a third convolution, I(X;T3) is already zero after 3 epochs.", "already zero (Figure 4c)",
            _one_layer("forward", 3, reading), judge_is_zero, _THREE, reading,
        ),
        Claim(
            "4b", "With a third convolution, I(δL;δ4) goes to zero.", "also goes to zero (Figure 4c)",
            _one_layer("backward", 4, reading), judge_is_zero, _THREE, reading,
        ),
        Claim(
            "5a", "Redundancy is small at the start and grows in training (6/16 filters).",
            "small at the beginning stage", _redundancy(reading, (BASE,)), judge_grows_in_training, _NEEDS["mnist"],
            reading,
        ),
        Claim(
            "5b", "Redundancy grows with the number of filters.", "grows rapidly with the increase of filters",
            _redundancy(reading, (FILTERS[0], BASE, FILTERS[3]), ("C2",), last=True), judge_grows_with_filters,
            _NEEDS["mnist"], reading,
        ),
        Claim(
            "6d", "No compression phase whatever the number of filters (MNIST, sigmoids).",
            "independently of the number of filters", _paths(reading, "mnist", FILTERS), judge_no_compression,
            _NEEDS["mnist"], reading,
        ),
    ]  # fmt: skip


CLAIMS = sorted(
    [
        *(claim for pair in zip(claims_of("literal"), claims_of("second"), strict=True) for claim in pair),
        *(
            Claim(
                f"2{letter}", f"The breaks come from a bandwidth too wide for small errors: {_ON[part]}.",
                "we cannot select a proper scale parameter", _both_pairs(part, network), judge_mended, _NEEDS[part],
            )
            for letter, (part, network) in zip("def", _PAPER_CASES, strict=True)
        ),
        Claim(
            "4c", "A third convolution does not improve accuracy after 3 epochs.", "not better (Figure 4)",
            _accuracies(TOPOLOGIES[1], TOPOLOGIES[2], 0.3), judge_no_gain, _THREE,
        ),
        Claim(
            "5c", "From 6/16 to 32/64 filters accuracy gains nothing.", "do not always lead to performance gain",
            _accuracies(BASE, FILTERS[3]), judge_no_gain, _NEEDS["mnist"],
        ),
        Claim(
            "5d", "From 2/2 to 6/16 filters accuracy gains.", "an adequate number of filters are still necessary",
            _accuracies(FILTERS[0], BASE), judge_gain, _NEEDS["mnist"],
        ),
    ],
    key=lambda claim: claim.id,
)  # fmt: skip
