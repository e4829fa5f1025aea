"""The claims of notebook 05 and of the two papers that it stands against, each with the rule that decides it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ...claims import Claim, Judgement, Needs, above, all_of, below, words
from . import observers
from .settings import FULL, METHODS, MINI, PAPER_L2, SATURATING
from .tables import QUANTITIES, compressions_of, of_cells

LEAST = 0.1  # bit: a smaller fall is no compression, a smaller rise is none
VERY_SMALL = 0.5  # bit: the paper's "very small compression"
USEFUL = 0.95  # of the best accuracy of a run
SOON = 100  # epochs
LONG = 10_000  # epochs
NAMES = {"i_xt": "I(X;T)", "i_ty": "I(T;Y)"}


# --------------------------------------------------------------------------------------------- rules


def _of(rows: pd.DataFrame, quantity: str, column: str) -> pd.Series:
    """One value a seed; the rows are means over the hidden layers."""
    return rows[rows["quantity"] == quantity].set_index("seed")[column]


def _each(rows: pd.DataFrame) -> list[str]:
    return [quantity for quantity in QUANTITIES if quantity in set(rows["quantity"])]


def judge_rises(rows: pd.DataFrame) -> Judgement:
    """The last value minus that of the untrained network, mean over the hidden layers, within a seed, for I(X;T) and
    I(T;Y). Holds if both 95 % intervals lie above 0.1 bit; fails if one lies below; else undecided."""
    verdicts, measured = [], []
    for quantity in _each(rows):
        change = _of(rows, quantity, "final") - _of(rows, quantity, "start")
        verdicts.append(above(change, LEAST))
        measured.append(f"{NAMES[quantity]} by {words(change)} bit")
    return Judgement(all_of(verdicts), "; ".join(measured))


def judge_no_compression(rows: pd.DataFrame) -> Judgement:
    """The largest value of a path minus its last one, less what noise of the same roughness would give, mean over the
    hidden layers, for I(X;T) and I(T;Y). Holds if both 95 % intervals over seeds lie below 0.1 bit; fails if one lies
    above; else undecided."""
    return _no_compression(rows, "excess")


def judge_no_early_compression(rows: pd.DataFrame) -> Judgement:
    """The largest value of a path minus the last one of the first four fifths of the epochs (the claim leaves out some
    last epochs), less what noise of the same roughness would give, mean over the hidden layers, for I(X;T) and I(T;Y).
    Holds if both 95 % intervals over seeds lie below 0.1 bit; fails if one lies above; else undecided."""
    return _no_compression(rows, "early_excess")


def _no_compression(rows: pd.DataFrame, column: str) -> Judgement:
    verdicts, measured = [], []
    for quantity in _each(rows):
        fall = _of(rows, quantity, column)
        verdicts.append(below(fall, LEAST))
        measured.append(f"{NAMES[quantity]} falls by {words(fall)} bit beyond noise")
    return Judgement(all_of(verdicts), "; ".join(measured))


def judge_rises_then_falls(rows: pd.DataFrame) -> Judgement:
    """The largest value minus that of the untrained network, and the largest minus the last less what noise of the
    same roughness would give, mean over the hidden layers. Holds if both 95 % intervals over seeds lie above 0.1 bit;
    fails if one lies below; else undecided."""
    (quantity,) = _each(rows)
    rise, fall = _of(rows, quantity, "peak") - _of(rows, quantity, "start"), _of(rows, quantity, "excess")
    measured = f"{NAMES[quantity]} rises by {words(rise)}, falls by {words(fall)} bit beyond noise"
    return Judgement(all_of([above(rise, LEAST), above(fall, LEAST)]), measured)


def judge_very_small(rows: pd.DataFrame) -> Judgement:
    """The largest value minus the last, less what noise of the same roughness would give, mean over the hidden layers.
    Holds if the 95 % interval over seeds lies within 0 and 0.5 bit; fails if it lies beyond one of the two; else
    undecided."""
    (quantity,) = _each(rows)
    fall = _of(rows, quantity, "excess")
    verdict = all_of([above(fall, 0.0), below(fall, VERY_SMALL)])
    return Judgement(verdict, f"{NAMES[quantity]} falls by {words(fall)} bit beyond noise")


def judge_compresses(rows: pd.DataFrame) -> Judgement:
    """The largest I(X;T) of a path minus the last, less what noise of the same roughness would give, mean over the
    hidden layers, and the change of I(T;Y) from the untrained network to the end. Holds if both 95 % intervals over
    seeds lie above 0.1 bit; fails if one lies below; else undecided."""
    fall, gain = _of(rows, "i_xt", "excess"), _of(rows, "i_ty", "final") - _of(rows, "i_ty", "start")
    measured = f"I(X;T) falls by {words(fall)} bit beyond noise, I(T;Y) rises by {words(gain)} bit"
    return Judgement(all_of([above(fall, LEAST), above(gain, LEAST)]), measured)


def judge_by_saturation(rows: pd.DataFrame) -> Judgement:
    """The fall of I(X;T) beyond noise, mean over the hidden layers. Of tanh and sigmoid, holds if the 95 % interval
    over seeds lies above 0.1 bit, fails if it lies below; of ReLU and leaky ReLU the other way round; else
    undecided."""
    fall = _of(rows, "i_xt", "excess")
    saturates = rows["model"].iloc[0] in SATURATING
    return Judgement((above if saturates else below)(fall, LEAST), f"I(X;T) falls by {words(fall)} bit beyond noise")


def judge_needs_gradient_noise(rows: pd.DataFrame) -> Judgement:
    """The fall of I(X;T) beyond noise, mean over the hidden layers, in mini-batches minus with the full batch, within a
    seed. Holds if the 95 % interval lies above 0.1 bit; fails if it lies below; else undecided."""
    of_x = rows[rows["quantity"] == "i_xt"]
    wide = of_x.pivot_table(index="seed", columns="method", values="excess")
    measured = f"mini-batches {words(wide[MINI])}, full batch {words(wide[FULL])} bit beyond noise"
    return Judgement(above(wide[MINI] - wide[FULL], LEAST), measured)


def judge_loss_of_information(rows: pd.DataFrame) -> Judgement:
    """The fall of I(T;Y) beyond noise, mean over the hidden layers, estimated with noise relative to the variance of T,
    so that shrinking activations count for nothing. Holds if the 95 % interval over seeds lies above 0.1 bit; fails if
    it lies below; else undecided."""
    relative, fixed = (
        _of(rows[rows["estimator"] == name], "i_ty", "excess") for name in (observers.RELATIVE, observers.KERNEL)
    )
    measured = f"relative noise {words(relative)}, fixed noise {words(fixed)} bit"
    return Judgement(above(relative, LEAST), measured)


def judge_useful_soon(rows: pd.DataFrame) -> Judgement:
    """Test accuracy at the estimated moment nearest to 100 epochs, as a share of the run's best. Holds if the 95 %
    interval over seeds lies above 0.95; fails if it lies below; else undecided."""
    wide = rows.pivot_table(index="epoch", columns="seed", values="accuracy")
    soon = wide.iloc[abs(wide.index - SOON).argmin()]
    shares = soon / wide.max()
    measured = f"{words(shares, limits=(0, 1))} of the best accuracy, which is {words(wide.max(), limits=(0, 1))}"
    return Judgement(above(shares, USEFUL), measured)


def judge_overfits(rows: pd.DataFrame) -> Judgement:
    """Test loss at the last epoch minus its smallest value up to 10,000 epochs, within a seed. Holds if the 95 %
    interval lies above 0.1 bit; fails if it lies below; else undecided."""
    wide = rows.pivot_table(index="epoch", columns="seed", values="loss")
    early = wide[wide.index <= LONG]
    rise = wide.iloc[-1] - early.min()
    return Judgement(above(rise, LEAST), f"test loss rises by {words(rise)} bit from its smallest value")


# --------------------------------------------------------------------------------------------- rows


def _cell(model: str, l2: float, *quantities: str, method: str = MINI, part: str = "sightings",
          estimator: str = observers.KERNEL):  # fmt: skip
    """The scalars of one cell of the grid, mean over the hidden layers; all quantities where none is named."""

    def select(tables) -> pd.DataFrame:
        rows = tables["compression"]
        chosen = (rows["part"] == part) & (rows["model"] == model) & (rows["l2"] == l2) & (rows["method"] == method)
        rows = rows[chosen & (rows["estimator"] == estimator)]
        return of_cells(rows[rows["quantity"].isin(quantities or QUANTITIES)])

    return select


def _both(*selections):
    return lambda tables: pd.concat([select(tables) for select in selections], ignore_index=True)


def _test(model: str, method: str):
    """Loss and accuracy on the test samples, without L2."""

    def select(tables) -> pd.DataFrame:
        rows = tables["learning"]
        chosen = (rows["model"] == model) & (rows["method"] == method) & (rows["l2"] == 0)
        return rows[chosen & (rows["split"] == "test")].reset_index(drop=True)

    return select


# --------------------------------------------------------------------------------------------- claims

EPOCHS = 25_000
PATTERN_EPOCHS = 3_000
_SIGHTINGS = Needs(any_of=("pokemon", "pokemon-common"), seeds=10, values=("epochs", "epochs", (EPOCHS,)))
_PATTERNS = Needs("12bit", seeds=10, values=("epochs", "epochs", (PATTERN_EPOCHS,)))


def claims_of(method: str) -> list[Claim]:
    """The paper's claims in one of the two ways of training, about which it says nothing."""

    def cell(model, l2, *quantities):
        return _cell(model, l2, *quantities, method=method)

    return [
        Claim(
            "1a", "Without L2 both informations rise: ReLU.", "(almost always) increase (Figure 2)", cell("relu", 0.0),
            judge_rises, _SIGHTINGS, method,
        ),
        Claim(
            "1b", "Without L2 there is no compression phase: ReLU.", "there is no compression phase (Figure 2)",
            cell("relu", 0.0), judge_no_compression, _SIGHTINGS, method,
        ),
        Claim(
            "1c", "Without L2 both informations rise: tanh.", "increase, except for some of the last epochs (Figure 3)",
            cell("tanh", 0.0), judge_rises, _SIGHTINGS, method,
        ),
        Claim(
            "1d", "Without L2 there is no compression phase but for some last epochs: tanh.",
            "no compression phase can be observed (Figure 3)", cell("tanh", 0.0), judge_no_early_compression,
            _SIGHTINGS, method,
        ),
        Claim(
            "2a", "With L2, I(T;Y) rises and then falls: ReLU.", "increases ..., and decreases eventually (Figure 4)",
            cell("relu", PAPER_L2, "i_ty"), judge_rises_then_falls, _SIGHTINGS, method,
        ),
        Claim(
            "2b", "With L2, I(T;Y) rises and then falls: tanh.", "increases ..., and decreases eventually (Figure 5)",
            cell("tanh", PAPER_L2, "i_ty"), judge_rises_then_falls, _SIGHTINGS, method,
        ),
        Claim(
            "3a", "With L2, I(X;T) shows a very small compression: ReLU.", "a very small compression phase (Figure 4)",
            cell("relu", PAPER_L2, "i_xt"), judge_very_small, _SIGHTINGS, method,
        ),
        Claim(
            "3b", "With L2, I(X;T) shows a very small compression: tanh.", "a very small compression phase (Figure 5)",
            cell("tanh", PAPER_L2, "i_xt"), judge_very_small, _SIGHTINGS, method,
        ),
        Claim(
            "4a", "A useful network is there after about 100 epochs: ReLU.", "good result after about 100 epochs",
            _test("relu", method), judge_useful_soon, _SIGHTINGS, method,
        ),
        Claim(
            "4b", "Training for more than 10,000 epochs over-fits: ReLU.", "over-fitting is very probably unavoidable",
            _test("relu", method), judge_overfits, _SIGHTINGS, method,
        ),
        Claim(
            "4c", "Training for more than 10,000 epochs over-fits: tanh.", "over-fitting is very probably unavoidable",
            _test("tanh", method), judge_overfits, _SIGHTINGS, method,
        ),
        Claim(
            "6a", "Saxe et al.: tanh compresses I(X;T); sightings, without L2.",
            "will yield a compression phase (quoted in section III-B)", cell("tanh", 0.0, "i_xt"),
            judge_by_saturation, _SIGHTINGS, method,
        ),
        Claim(
            "6b", "Saxe et al.: ReLU does not compress I(X;T); 12-bit patterns, without L2.",
            "single-sided ... will not (quoted in section III-B)",
            _cell("relu", 0.0, "i_xt", method=method, part="12bit"), judge_no_compression, _PATTERNS, method,
        ),
        Claim(
            "7a", "Ours: the fall of I(T;Y) under L2 is a loss of information, not of scale: ReLU.",
            "nothing is said of scale or noise variance",
            _both(cell("relu", PAPER_L2, "i_ty"),
                  _cell("relu", PAPER_L2, "i_ty", method=method, estimator=observers.RELATIVE)),
            judge_loss_of_information, _SIGHTINGS, method,
        ),
        Claim(
            "7b", "Ours: the fall of I(T;Y) under L2 is a loss of information, not of scale: tanh.",
            "nothing is said of scale or noise variance",
            _both(cell("tanh", PAPER_L2, "i_ty"),
                  _cell("tanh", PAPER_L2, "i_ty", method=method, estimator=observers.RELATIVE)),
            judge_loss_of_information, _SIGHTINGS, method,
        ),
    ]  # fmt: skip


def _last_hidden_layer(tables) -> pd.DataFrame:
    """The scalars of F1's network in its last hidden layer: all others lie near log2 n."""
    rows = tables["two_phases"]
    scalars = compressions_of(rows, n_draws=200)
    return of_cells(scalars[scalars["layer"] == scalars["layer"].max()])


def _noise_claim(id: str, statement: str, part: str, needs: Needs) -> Claim:
    select = _both(*(_cell("tanh", 0.0, "i_xt", method=method, part=part) for method in METHODS))
    paper = "random diffusion-like behavior of stochastic gradient descent (quoted in section II-B)"
    return Claim(id, statement, paper, select, judge_needs_gradient_noise, needs)


CLAIMS = sorted(
    [
        *(claim for pair in zip(claims_of(FULL), claims_of(MINI), strict=True) for claim in pair),
        Claim(
            "5a", "Shwartz-Ziv and Tishby: I(T;Y) rises, I(X;T) rises and falls; last hidden layer of Figure 1.",
            "two phases happen sequentially (Figure 1)", _last_hidden_layer, judge_compresses, _PATTERNS,
        ),
        _noise_claim(
            "5b", "Shwartz-Ziv and Tishby: compression comes from gradient noise; tanh, 12-bit patterns.", "12bit",
            _PATTERNS,
        ),
        _noise_claim(
            "5c", "Shwartz-Ziv and Tishby: compression comes from gradient noise; tanh, sightings.", "sightings",
            _SIGHTINGS,
        ),
    ],
    key=lambda claim: claim.id,
)  # fmt: skip


# --------------------------------------------------------------------------------------------- the three positions


@dataclass(frozen=True)
class Sentence:
    """One sentence of a paper as a rule for one cell of the grid; `pairs`: for both batches of a cell together."""

    position: str
    words: str
    rule: Callable[[pd.DataFrame], Judgement]
    quantities: tuple = tuple(QUANTITIES)
    l2: str = "any"  # any, "with" or "without": of which cells it speaks
    pairs: bool = False


SENTENCES = (
    Sentence("Shwartz-Ziv & Tishby", "I(T;Y) rises, then I(X;T) is compressed", judge_compresses),
    Sentence("Shwartz-Ziv & Tishby", "compression comes from gradient noise", judge_needs_gradient_noise, ("i_xt",),
             pairs=True),
    Sentence("Saxe et al.", "tanh, sigmoid compress I(X;T), ReLUs do not", judge_by_saturation, ("i_xt",)),
    Sentence("Dong & Hisham", "without L2 nothing is compressed", judge_no_compression, l2="without"),
    Sentence("Dong & Hisham", "with L2, I(T;Y) rises and then falls", judge_rises_then_falls, ("i_ty",), "with"),
    Sentence("Dong & Hisham", "with L2, I(X;T) is compressed very little", judge_very_small, ("i_xt",), "with"),
)  # fmt: skip
