"""Reading a path in the information plane: its transition point, height and slope, and its inversions.

The framework of Cheng et al. (2018) for any recorded run: `read(path_of(run))` says how well a network fits the label
(the height of its transition point) and how well it generalises (the slope after it), in one line a seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from . import estimators as est
from . import probes
from .estimators import inputs
from .runs import Run

LEAST = 0.1  # bit: a smaller fall of I(X;T) is no phase of compression
SETTLED = 0.05  # bit: a path that stays so close to its end has arrived
FITTED = 0.5  # of the largest I(T;Y): what comes before is the start of training, not its transition
NOISES = 3.0  # a fall, or a distance, must exceed so many standard deviations around the smoothed path
NORMAL = 1.4826  # standard deviation of a normal distribution over its median distance from 0
COLUMNS = ("step", "epoch", "i_xt", "i_ty")


@dataclass(frozen=True)
class Phases:
    """What a path shows. Informations in bits; steps, epochs and informations of the smoothed path.

    compresses: whether I(X;T) falls after the transition by more than the rule asks for. Where it does not, transition
    and convergence are both the last point and the slope is NaN. slope: (change of I(T;Y)) / (change of I(X;T)) from
    the transition to the end of the path (end_i_ty, end_i_xt: means of its last points); negative where I(T;Y) rises
    while I(X;T) falls.
    """

    compresses: bool
    step: int
    epoch: float
    height: float
    i_xt: float
    converged_step: int
    converged_epoch: float
    converged_i_ty: float
    converged_i_xt: float
    end_i_ty: float
    end_i_xt: float
    slope: float

    def __str__(self) -> str:
        if not self.compresses:
            return (
                f"no compression: I(X;T) ends at {self.converged_i_xt:.2f} bit and does not fall by what the rule asks "
                f"for; I(T;Y) {self.converged_i_ty:.2f} bit."
            )
        return (
            f"fits {self.height:.2f} bit of the label by epoch {self.epoch:.3g}, then compresses "
            f"{self.i_xt - self.converged_i_xt:.2f} bit until epoch {self.converged_epoch:.3g}; "
            f"slope {self.slope:+.3f}."
        )


def softmax_information(logits: Tensor, y: Tensor, **options) -> est.BinnedInformation:
    """`binned_information` of the softmax of a network's output, cut into bins over [0, 1].

    logits: (..., n, classes), or one a sample (`probes.class_logits`); y: (n,).
    options: as `estimators.binned_information`; n_bins is 10 where not given.
    Source: Cheng et al. (2018), section 3.3.
    """
    return est.binned_information(
        softmax(probes.class_logits(logits, len(y))), y, **{"n_bins": 10, "range": (0, 1)} | options
    )


def softmax(logits: Tensor) -> Tensor:
    """Softmax in float64, within [0, 1] to the last place."""
    return torch.softmax(inputs.tensor_of("logits", logits).double(), dim=-1).clamp_(0, 1)


def path_of(run: Run, x: Tensor | None = None, y: Tensor | None = None, **options) -> pd.DataFrame:
    """The path of a recorded run's output: one row a seed and checkpoint.

    x: (n, ...), y: (n,); None for the test samples of the run's data set. options: as `softmax_information`.
    Columns: seed, step, epoch, i_xt, i_ty (bits), loss (bits), accuracy. epoch is the step where the run records none.
    Raises ValueError for a run without a data set where x and y are not given.
    """
    if (x is None) != (y is None):
        raise ValueError(f"x and y must be given together; got x={type(x).__name__} and y={type(y).__name__}.")
    if x is None and run.dataset is None:
        raise ValueError("x and y must be given for a run without a data set; got x=None.")
    x, y = (run.dataset.x_test, run.dataset.y_test) if x is None else (x, inputs.tensor_of("y", y))
    metrics, rows = run.metrics, []
    epochs = dict(zip(metrics["step"], metrics["epoch"], strict=True)) if len(metrics) else {}
    for step in run.steps:
        logits = run.activations(step, [""], x)[""]
        found, (loss, accuracy) = softmax_information(logits, y, **options), probes.evaluate(logits, y)
        epoch = epochs.get(step, math.nan)
        rows += [
            {"seed": seed, "step": step, "epoch": step if math.isnan(epoch) else epoch,
             "i_xt": float(found.i_xt[k]), "i_ty": float(found.i_ty[k]), "loss": float(loss[k]),
             "accuracy": float(accuracy[k])}
            for k, seed in enumerate(run.seeds)
        ]  # fmt: skip
    return pd.DataFrame(rows)


def smooth(values, window: int | None = None) -> np.ndarray:
    """The mean of `window` neighbouring values around each, of fewer at the ends; None is `window_for(values)`."""
    values = np.asarray(values, float)
    half = (window_for(values) if window is None else window) // 2
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    first, last = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def window_for(values) -> int:
    """A twentieth of the points, odd and at least 3."""
    return max(3, len(values) // 20 | 1)


def read(path: pd.DataFrame, *, window: int | None = None) -> Phases:
    """Transition, convergence, height and slope of one path by one rule, the same for every network.

    path: one seed's points with the columns step, epoch, i_xt, i_ty, in the order of steps. window: of `smooth`.

    Smoothed, the transition is the point of largest I(X;T) among those at which I(T;Y) has reached half of its largest
    value (an untrained softmax can lie anywhere). There is a phase of compression if I(X;T) ends lower than there, in
    the mean of the last `window` points, by more than 0.1 bit and more than three standard deviations around the
    smoothed path (from the median distance: at the start the path itself turns within a window). The convergence is
    the first later point from which on both informations stay as close to those means as 0.05 bit and three such
    deviations allow, whichever is larger. The slope leads from the transition to those means: they hold all of the
    fall, of which a noisy path leaves little before its convergence.
    Raises ValueError for fewer than three points, missing columns, or values that are not finite.

    Source: Cheng et al. (2018), section 4.2, which finds the points by eye.
    """
    path = _checked(path)
    rough = {column: path[column].to_numpy(float) for column in ("i_xt", "i_ty")}
    smoothed = {column: smooth(values, window) for column, values in rough.items()}
    noise = {column: _noise(rough[column] - smoothed[column]) for column in rough}
    i_xt, i_ty = smoothed["i_xt"], smoothed["i_ty"]
    fitted = i_ty >= FITTED * i_ty.max()
    top = int(np.where(fitted, i_xt, -np.inf).argmax())
    size = window_for(path) if window is None else window
    last = {column: float(values[-size:].mean()) for column, values in rough.items()}
    compresses = bool(i_xt[top] - last["i_xt"] > max(LEAST, NOISES * noise["i_xt"]))
    top = top if compresses else len(path) - 1
    near = [np.abs(smoothed[column] - last[column]) <= max(SETTLED, NOISES * noise[column]) for column in rough]
    apart = np.flatnonzero(~np.logical_and(*near))
    end = min(max(top, int(apart[-1]) + 1 if len(apart) else 0), len(path) - 1)
    fall, gain = last["i_xt"] - i_xt[top], last["i_ty"] - i_ty[top]
    return Phases(
        compresses, int(path["step"].iloc[top]), float(path["epoch"].iloc[top]), float(i_ty[top]), float(i_xt[top]),
        int(path["step"].iloc[end]), float(path["epoch"].iloc[end]), float(i_ty[end]), float(i_xt[end]),
        last["i_ty"], last["i_xt"], float(gain / fall) if compresses else math.nan,
    )  # fmt: skip


def _noise(rest: np.ndarray) -> float:
    return NORMAL * float(np.median(np.abs(rest)))


def slope_after(path: pd.DataFrame, epochs: float, *, window: int | None = None) -> float:
    """(Change of I(T;Y)) / (change of I(X;T)) in the `epochs` after the transition of the smoothed path.

    NaN where the path ends before that, or has no phase of compression. path, window: as `read`.
    """
    found, path = read(path, window=window), _checked(path)
    later = path["epoch"].to_numpy(float) >= found.epoch + epochs
    if not found.compresses or not later.any():
        return math.nan
    place = int(later.argmax())
    i_xt, i_ty = (smooth(path[column], window)[place] for column in ("i_xt", "i_ty"))
    change = i_xt - found.i_xt
    return float((i_ty - found.height) / change) if change else math.nan


def _checked(path: pd.DataFrame) -> pd.DataFrame:
    if missing := [column for column in COLUMNS if column not in path]:
        raise ValueError(f"path must have the columns {', '.join(COLUMNS)}; got none called {', '.join(missing)}.")
    if len(path) < 3:
        raise ValueError(f"path must have at least 3 points; got {len(path)}.")
    if not np.isfinite(path[list(COLUMNS)].to_numpy(float)).all():
        raise ValueError("path must be finite in every column; got a NaN or infinite value.")
    if not path["step"].is_monotonic_increasing or path["step"].duplicated().any():
        raise ValueError("path must be one seed's points in the order of steps; got steps that do not rise.")
    return path


# --------------------------------------------------------------------------------------------- inversions


@dataclass(frozen=True)
class Inversions:
    """count: pairs of moments of which one has more accuracy in spite of less I(T;Y). share: of those, in how many it
    has less I(X;T) too; equal I(X;T) counts as a half. NaN where there is none."""

    share: float
    count: int


def inversions(i_xt, i_ty, accuracy) -> Inversions:
    """The paper's percentage: among inversions, how often the moment of higher accuracy has the lower I(X;T).

    i_xt, i_ty, accuracy: (moments,) of one run. Pairs with equal I(T;Y) or equal accuracy are no inversions.
    Raises ValueError for arrays of different length or values that are not finite.

    Source: Cheng et al. (2018), section 4.1.
    """
    given = [np.asarray(each, float) for each in (i_xt, i_ty, accuracy)]
    if len({each.shape for each in given}) > 1 or given[0].ndim != 1:
        raise ValueError(
            "i_xt, i_ty and accuracy must have the shape (moments,), the same for all; "
            f"got {', '.join(str(each.shape) for each in given)}."
        )
    if not all(np.isfinite(each).all() for each in given):
        raise ValueError("i_xt, i_ty and accuracy must be finite; got a NaN or infinite value.")
    wins, count = _wins(*(each[None] for each in given))
    return Inversions(float(wins[0] / count[0]) if count[0] else math.nan, int(count[0]))


def _wins(i_xt: np.ndarray, i_ty: np.ndarray, accuracy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of (draws, moments) arrays: the inversions won, ties a half, and all inversions, (draws,) each."""
    wins, count = np.zeros(len(i_xt)), np.zeros(len(i_xt))
    for place in range(i_xt.shape[1]):  # one moment against all: memory of (draws, moments)
        inverted = (i_ty[:, place, None] < i_ty) & (accuracy[:, place, None] > accuracy)
        lower = i_xt[:, place, None] - i_xt
        count += inverted.sum(1)
        wins += (inverted & (lower < 0)).sum(1) + (inverted & (lower == 0)).sum(1) / 2
    return wins, count


def inversions_of_walks(i_xt, i_ty, accuracy, *, n_draws: int = 200, seed: int = 0) -> np.ndarray:
    """The share that three random walks of the same values would give, (n_draws,): no relation, but trends of chance.

    Each quantity's values are put in the order of the ranks of a Gaussian random walk of its own. The spread of the
    draws is what a percentage of one run has to exceed: neighbouring moments are alike, so a run holds far fewer
    independent pairs than pairs.
    """
    random = np.random.default_rng(seed)
    drawn = []
    for values in (i_xt, i_ty, accuracy):
        walks = random.standard_normal((n_draws, len(values))).cumsum(1)
        drawn.append(np.sort(np.asarray(values, float))[walks.argsort(1).argsort(1)])
    return _shares(*drawn)


def inversions_of_trends(
    i_xt, i_ty, accuracy, *, window: int | None = None, n_draws: int = 200, seed: int = 0
) -> np.ndarray:
    """The share that the smoothed path alone would give, (n_draws,): its trends, with the rest of each put elsewhere.

    What `smooth` took away of each quantity is shuffled among neighbours, each on its own: a percentage no larger than
    this says that I(X;T) falls while accuracy rises, and nothing about moments of equal I(T;Y). Neighbours are blocks
    of the size of the window, cut at random: scatter that shrinks in training stays where it is. At a steep start the
    rest is not scatter but what smoothing cut off: leave the first window out, here and of the share itself.
    """
    random = np.random.default_rng(seed)
    return _shares(*(_shuffled_around_trend(values, window, n_draws, random) for values in (i_xt, i_ty, accuracy)))


def inversions_of_other_accuracies(
    i_xt, i_ty, accuracy, *, window: int | None = None, n_draws: int = 200, seed: int = 0
) -> np.ndarray:
    """The share if accuracy did not follow I(X;T) from moment to moment, (n_draws,).

    Both informations stay as they are; of accuracy the smoothed curve stays, and the rest is shuffled among neighbours,
    as in `inversions_of_trends` (leave the first window out here, too). The two informations come from the same binned
    T and move together, so whoever has less I(T;Y) mostly has less I(X;T) too, whatever the accuracy: a percentage no
    larger than this says only that.
    """
    random = np.random.default_rng(seed)
    kept = [np.broadcast_to(np.asarray(values, float), (n_draws, len(values))) for values in (i_xt, i_ty)]
    return _shares(*kept, _shuffled_around_trend(accuracy, window, n_draws, random))


def _shuffled_around_trend(values, window: int | None, n_draws: int, random: np.random.Generator) -> np.ndarray:
    size = window_for(values) if window is None else window
    trend = smooth(values, size)
    rest, shape = np.asarray(values, float) - trend, (n_draws, len(trend))
    blocks = (np.arange(len(trend)) + random.integers(size, size=(n_draws, 1))) // size
    return trend + rest[(blocks + random.random(shape)).argsort(1)]


def _shares(i_xt: np.ndarray, i_ty: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    wins, count = _wins(i_xt, i_ty, accuracy)
    return np.divide(wins, count, out=np.full(len(wins), math.nan), where=count > 0)


def inversions_resampled(paths, *, block: int = 1, n_draws: int = 200, seed: int = 0) -> np.ndarray:
    """The mean share over runs, drawn again: runs with replacement, and of each its moments, in blocks; (n_draws,).

    paths: a sequence of (i_xt, i_ty, accuracy), one a run, each (moments,). block: neighbouring moments that are drawn
    together, since they are alike. The quantiles of the draws are a bootstrap interval over seeds and pairs. Runs
    without inversions do not count.
    """
    random = np.random.default_rng(seed)
    stacked = [np.stack([np.asarray(values, float) for values in one]) for one in paths]
    shares, counts = np.zeros(n_draws), np.zeros(n_draws)
    chosen = random.integers(len(stacked), size=(n_draws, len(stacked)))
    for number, values in enumerate(stacked):
        length = values.shape[1]
        size = min(block, length)
        for copy in range(int((chosen == number).sum(1).max(initial=0))):
            starts = random.integers(length - size + 1, size=(n_draws, math.ceil(length / size)))
            places = (starts[:, :, None] + np.arange(size)).reshape(n_draws, -1)[:, :length]
            share = _shares(*values[:, places])
            taken = ((chosen == number).sum(1) > copy) & np.isfinite(share)
            shares += np.where(taken, share, 0)
            counts += taken
    return np.divide(shares, counts, out=np.full(n_draws, math.nan), where=counts > 0)
