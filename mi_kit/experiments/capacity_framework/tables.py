"""The tables of notebook 03: paths and their points, percentages of inversions, classes, the choice of a network."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pandas as pd
import torch

from ... import cache, models, phases, probes
from ... import estimators as est
from ...progress import bar
from .paper import POINTS
from .settings import (
    BY_CLASS,
    LAYERED,
    METHODS,
    PLAIN,
    SELECTED,
    Case,
    Settings,
    after_full_batches,
    cases,
    dataset_of,
    even_moments,
    identities,
    network_of,
    observed,
    run_of,
)

CASE = ["part", "dataset", "model", "method"]
VALUES = ["i_xt", "i_ty", "accuracy"]
SPLITS = ("train", "validation")
WINDOWS = (3, 5, 21)  # moments that paths are smoothed over, beside a twentieth of them
DEEPEST = "cnn16"  # of T3


def main_estimator(settings: Settings) -> str:
    return f"binned {settings.n_bins}"


def of_case(table: pd.DataFrame, case: Case) -> pd.DataFrame:
    chosen = (table["part"] == case.part) & (table["model"] == case.model) & (table["method"] == case.method)
    return table[chosen]


def title_of(model: str) -> str:
    """`CNN-9` for `cnn9`."""
    return models.family(model, (1, 28, 28)).title


# --------------------------------------------------------------------------------------------- paths


@cache.cached(version=1, also=identities)
def architectures(settings: Settings) -> pd.DataFrame:
    """Blocks, layers, shapes and parameters of all networks on the second data set."""
    tables = []
    for model in dict.fromkeys([*SELECTED, *METHODS, PLAIN]):
        network = network_of(settings, Case("cifar", model))
        tables.append(models.describe(models.build(network), network.input_shape).assign(model=model))
    table = pd.concat(tables, ignore_index=True)
    table["output_shape"] = ["×".join(map(str, shape)) for shape in table["output_shape"]]
    return table[["model", "block", "layer", "output_shape", "parameters"]]


@cache.cached(version=2, also=identities)
def every_path(settings: Settings) -> pd.DataFrame:
    """The rows of `observe_path` of all cases: a row a seed, step, split and estimator; `even` marks even moments,
    `small_batch` those right after a smaller batch; `device`: on which the seed was trained."""
    found = []
    for case in cases():
        rows, run = observed(settings, case, "path"), run_of(settings, case)
        devices = {folder.seed: ", then ".join(folder.devices) for folder in run.folders}
        even = rows["step"].isin(even_moments(settings, case))
        found.append(rows.assign(even=even, device=rows["seed"].map(devices)))
    return pd.concat(found, ignore_index=True)


@cache.cached(version=3, also=identities)
def paths(settings: Settings) -> pd.DataFrame:
    """The paths as the paper bins them, with `at_bound`: I(X;T) within 0.05 bit of log2 n or 0."""
    rows = every_path(settings)
    return with_bounds(rows[rows["estimator"] == main_estimator(settings)].reset_index(drop=True))


def with_bounds(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with `at_bound`. I(T;Y) at H(Y) does not count: a network that has learned its images is there."""
    at_bound = est.at_bound(torch.tensor(rows["i_xt"].to_numpy()), torch.tensor(rows["log2_n"].to_numpy()))
    return rows.assign(at_bound=at_bound.numpy())


def points_of(rows: pd.DataFrame, waits: tuple = (), window: int | None = None) -> pd.DataFrame:
    """Transition, convergence, height and slope of every seed's path of one case, and the slopes `waits` epochs later.

    accuracy, converged_accuracy: of the smoothed path at the two points; final_accuracy: at its end. at_bound: I(X;T)
    lies within 0.05 bit of log2 n or of 0 at the transition. window: of the smoothing, None for the rule's own.
    """
    same = {key: rows[key].iloc[0] for key in (*CASE, "n_samples", "log2_n", "entropy_y")}
    found = []
    for seed, one in rows.sort_values("step")[["seed", *phases.COLUMNS, "accuracy"]].groupby("seed"):
        read = phases.read(one, window=window)
        accuracy = pd.Series(phases.smooth(one["accuracy"], window), index=one["step"])
        row = same | {"seed": seed, **dataclasses.asdict(read), "accuracy": accuracy[read.step],
                      "converged_accuracy": accuracy[read.converged_step], "final_accuracy": accuracy.iloc[-1],
                      "final_i_ty": phases.smooth(one["i_ty"], window)[-1], "last_step": one["step"].iloc[-1],
                      "at_bound": bool(est.at_bound(read.i_xt, same["log2_n"]))}  # fmt: skip
        found.append(row | {f"slope_{wait:g}": phases.slope_after(one, wait) for wait in waits})
    return pd.DataFrame(found).rename(columns={"step": "transition_step"})


@cache.cached(version=4, also=identities)
def points(settings: Settings) -> pd.DataFrame:
    """T4: what `phases.read` says of the validation path of every case and seed; one row each."""
    rows = paths(settings)
    rows = rows[rows["split"] == "validation"]
    table = pd.concat([points_of(of_case(rows, case), settings.waits) for case in cases()], ignore_index=True)
    return table.assign(step=table["last_step"])


@cache.cached(version=1, also=identities)
def windows(settings: Settings) -> pd.DataFrame:
    """The points once more, smoothed over other numbers of moments; `window` says how many. One row each."""
    rows, found = paths(settings), []
    for case, window in itertools.product((case for case in cases() if case.part != "small"), WINDOWS):
        chosen = of_case(rows[rows["split"] == "validation"], case)
        found.append(points_of(chosen, window=window).assign(window=window))
    table = pd.concat(found, ignore_index=True)
    return table.assign(step=table["last_step"])


@cache.cached(version=2, also=identities)
def layers(settings: Settings) -> pd.DataFrame:
    """F1: the paths of all layers of the tanh network on the 12-bit patterns."""
    return with_bounds(observed(settings, Case("12bit", LAYERED), "layers"))


@cache.cached(version=2, also=identities)
def plain(settings: Settings) -> pd.DataFrame:
    """VGG-16 without batch norm, from PyTorch's initial weights: spread of its logits and accuracy, before and after a
    few updates, beside the network that is used, before and after all of its training."""
    tables = [observed(settings, Case("cifar", PLAIN), "spread").assign(kind="plain")]
    run = run_of(settings, Case("cifar", DEEPEST))
    dataset = dataset_of(settings, "cifar")
    for (member, seed), step in itertools.product(enumerate(run.seeds), (run.steps[0], run.steps[-1])):
        logits = probes.activations(run.module(step, member), dataset.x_test, [""])[""]
        row = {"seed": seed, "step": step, "spread": float(logits.std(0).mean()),
               "accuracy": float(probes.evaluate(logits, dataset.y_test)[1]), "n_samples": len(logits)}  # fmt: skip
        more = {"part": "cifar", "dataset": dataset.name, "model": DEEPEST, "method": "SGD", "kind": "batch norm"}
        tables.append(pd.DataFrame([row | more]))
    return pd.concat(tables, ignore_index=True)


@cache.cached(version=1, also=identities)
def shifted(settings: Settings) -> pd.DataFrame:
    """The paper's example on a trained network: its outputs moved on by one class know as much of Y, and are wrong."""
    case = Case("mnist", "cnn2")
    run, dataset = run_of(settings, case), dataset_of(settings, "mnist")
    rows = []
    for member, seed in enumerate(run.seeds):
        logits = probes.activations(run.module(run.steps[-1], member), dataset.x_test, [""])[""]
        for shift in (0, 1):
            moved = logits.roll(shift, dims=1)
            found = phases.softmax_information(moved, dataset.y_test, n_bins=settings.n_bins)
            accuracy = float(probes.evaluate(moved, dataset.y_test)[1])
            rows.append(
                {"seed": seed, "shift": shift, "i_xt": float(found.i_xt), "i_ty": float(found.i_ty),
                 "accuracy": accuracy, "step": run.steps[-1], "n_samples": len(logits)}
            )  # fmt: skip
    return pd.DataFrame(rows).assign(part=case.part, dataset=dataset.name, model=case.model, method=case.method)


# --------------------------------------------------------------------------------------------- inversions


def stages(one: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The even moments of a path up to its transition, and after it; without a phase of compression all are the first
    stage. The transition is that of the whole path, early moments included."""
    read, even = phases.read(one), one[one["even"]]
    before = even["step"] <= read.step
    return {"first": even[before], "second": even[~before]}


def walks_of(values: list, n_draws: int) -> tuple[float, float]:
    """The range in which 95 of 100 random walks with the same values lie."""
    walks = phases.inversions_of_walks(*values, n_draws=n_draws)
    return tuple(np.nanquantile(walks, [0.025, 0.975])) if np.isfinite(walks).any() else (math.nan, math.nan)


def mean_of(draws: np.ndarray) -> float:
    known = draws[np.isfinite(draws)]
    return float(known.mean()) if len(known) else math.nan


def percentage_of(one: pd.DataFrame, n_draws: int) -> dict:
    """The percentage of one seed's path, beside the null models, and for each of its two stages."""
    even = one[one["even"]]
    later = even.iloc[phases.window_for(even) :]
    values, after = ([rows[column] for column in VALUES] for rows in (even, later))
    found = phases.inversions(*values)
    low, high = walks_of(values, n_draws)
    row = {"share": found.share, "count": found.count, "walk_low": low, "walk_high": high,
           "share_later": phases.inversions(*after).share,
           "trend": mean_of(phases.inversions_of_trends(*after, n_draws=n_draws)),
           "other": mean_of(phases.inversions_of_other_accuracies(*after, n_draws=n_draws))}  # fmt: skip
    for stage, part in stages(one).items():
        of_stage = phases.inversions(*(part[column] for column in VALUES))
        row |= {f"share_{stage}": of_stage.share, f"count_{stage}": of_stage.count}
    return row


def known_later(rows: pd.DataFrame) -> pd.DataFrame:
    """The runs that have inversions without the first window of moments, and so have the null models for them."""
    return rows.dropna(subset=["share_later", "trend", "other"])


@cache.cached(version=3, also=identities)
def percentages(settings: Settings) -> pd.DataFrame:
    """T1, T2, T5: how often the moment with lower I(X;T) wins an inversion; a row a case, split and seed.

    walk_low, walk_high: 95 % range of random walks with the same values. share_later: without the first window of
    moments; to be compared with trend, the mean over paths that keep the smoothed path alone, and with other, the mean
    over paths with both informations and an accuracy that does not follow them. low, high: bootstrap over seeds and
    blocks of moments, the same for all seeds of a case.
    """
    rows, found = paths(settings), []
    todo = list(itertools.product(cases(), SPLITS))
    with bar(len(todo), "inversions and null models") as shown:
        for case, split in todo:
            chosen = of_case(rows[rows["split"] == split], case)
            each = [one.sort_values("step") for _, one in chosen.groupby("seed")]
            even = [one[one["even"]] for one in each]
            drawn = phases.inversions_resampled(
                [[one[column] for column in VALUES] for one in even],
                block=phases.window_for(even[0]), n_draws=settings.n_resamples,
            )  # fmt: skip
            low, high = np.nanquantile(drawn, [0.025, 0.975]) if np.isfinite(drawn).any() else (math.nan, math.nan)
            for one, counted in zip(each, even, strict=True):
                first = {key: one[key].iloc[0] for key in (*CASE, "seed", "n_samples")}
                more = {"split": split, "n_moments": len(counted), "step": one["step"].iloc[-1]}
                more |= {"low": low, "high": high, "at_bound": counted["at_bound"].mean()}
                found.append(first | more | percentage_of(one, settings.n_draws))
            shown.update()
    return pd.DataFrame(found)


@cache.cached(version=1, also=identities)
def sample_counts(settings: Settings) -> pd.DataFrame:
    """T3: the percentage of the deepest network on validation images, from fewer moments of the same run."""
    rows = paths(settings)
    rows = of_case(rows[rows["even"] & (rows["split"] == "validation")], Case("cifar", DEEPEST))
    found = []
    for (seed, one), count in itertools.product(rows.groupby("seed"), settings.sample_counts):
        one = one.sort_values("step")
        places = np.unique(np.linspace(0, len(one) - 1, min(count, len(one))).round().astype(int))
        part = one.iloc[places]
        values = [part[column] for column in VALUES]
        measured, (low, high) = phases.inversions(*values), walks_of(values, settings.n_draws)
        first = {key: part[key].iloc[0] for key in (*CASE, "n_samples")}
        found.append({**first, "seed": seed, "n_moments": count, "share": measured.share, "count": measured.count,
                      "walk_low": low, "walk_high": high, "step": one["step"].iloc[-1]})  # fmt: skip
    return pd.DataFrame(found)


@cache.cached(version=4, also=identities)
def binning(settings: Settings) -> pd.DataFrame:
    """The percentages and points once more for every estimator; a row a case, split, estimator and seed."""
    found = []
    for (*_, split, estimator), chosen in every_path(settings).groupby([*CASE, "split", "estimator"], sort=False):
        numbers = chosen.sort_values("step")[["seed", "even", *VALUES]]
        starts = numbers.groupby("seed")["i_xt"].first()
        counted = {
            seed: phases.inversions(*(one[column] for column in VALUES))
            for seed, one in numbers[numbers["even"]].groupby("seed")
        }
        read = points_of(chosen)
        more = {"share": [counted[seed].share for seed in read["seed"]],
                "count": [counted[seed].count for seed in read["seed"]],
                "start_i_xt": starts[read["seed"]].to_numpy()}  # fmt: skip
        found.append(read.assign(**more, split=split, estimator=estimator, step=read["last_step"]))
    return pd.concat(found, ignore_index=True)


# --------------------------------------------------------------------------------------------- classes


@cache.cached(version=2, also=identities)
def classes(settings: Settings) -> pd.DataFrame:
    """F6, F7: each class against the rest, over training; I(X;T) also as a share of H(X)."""
    found = []
    for model in BY_CLASS:
        case = Case("cifar", model)
        rows, names = observed(settings, case, "classes"), dataset_of(settings, "cifar").classes
        found.append(rows.assign(class_name=[names[number] for number in rows["class"]]))
    table = pd.concat(found, ignore_index=True)
    return table.assign(share_of_x=table["i_xt"] / table["h_x"])


@cache.cached(version=4, also=identities)
def class_points(settings: Settings) -> pd.DataFrame:
    """The path of each class read like that of a network: height, slope; and its recall at the end.

    at_bound, end_at_bound: I(X;T) lies within 0.05 bit of H(X) or of 0, at the transition and at the end.
    """
    found = []
    for (_, seed, number), one in classes(settings).groupby(["model", "seed", "class"], sort=False):
        one = one.sort_values("step")
        if not np.isfinite(one[["i_xt", "i_ty"]].to_numpy()).all():
            continue  # no validation image of the class
        read = phases.read(one)
        first = {key: one[key].iloc[0] for key in (*CASE, "class_name", "n_samples", "h_x")}
        ends = {name: phases.smooth(one[name])[-1] for name in ("i_xt", "i_ty", "recall", "share_of_x")}
        found.append({**first, "seed": seed, "class": number, "step": one["step"].iloc[-1], "height": read.height,
                      "slope": read.slope, "compresses": read.compresses,
                      "at_bound": bool(est.at_bound(read.i_xt, first["h_x"])),
                      "end_at_bound": bool(est.at_bound(ends["i_xt"], first["h_x"])), **ends})  # fmt: skip
    return pd.DataFrame(found)


# --------------------------------------------------------------------------------------------- the choice of a network


@cache.cached(version=4, also=identities)
def candidates(settings: Settings) -> pd.DataFrame:
    """What is known of every network some epochs after its transition, and its accuracy at the end.

    The transition is that of the whole path, so it is known in hindsight: who trains would first have to be sure of it.
    A network without a transition is looked at when the others are: at the median of their epochs. height, slope: of
    the path up to then; combined: height - slope, the I(T;Y) that the path would reach by compressing one bit more.
    One row a part, seed, wait and network.
    """
    rows, read = paths(settings), points(settings)
    found = []
    for part, wait in itertools.product(("mnist", "cifar"), settings.waits):
        for seed, of_seed in read[read["part"] == part].groupby("seed"):
            turning = of_seed[of_seed["compresses"]]
            usual = turning["epoch"].median() if len(turning) else of_seed["epoch"].max() / 2
            for _, point in of_seed.iterrows():
                one = of_case(rows[rows["seed"] == seed], Case(part, point["model"], point["method"]))
                train, path = (one[one["split"] == split].sort_values("step").set_index("step") for split in SPLITS)
                path = path.assign(training_loss=train["loss"]).reset_index()
                found.append(known_of(path, point, usual, wait) | {"wait": wait, "seed": seed})
    return pd.DataFrame(found)


def known_of(path: pd.DataFrame, point: pd.Series, usual: float, wait: float) -> dict:
    """One row of `candidates`."""
    at = (point["epoch"] if point["compresses"] else usual) + wait
    seen = path[path["epoch"] <= max(at, path["epoch"].iloc[min(2, len(path) - 1)])]
    now = phases.read(seen)
    slope = 0.0 if math.isnan(now.slope) else now.slope
    return {
        **{key: path[key].iloc[0] for key in (*CASE, "n_samples")}, "step": path["step"].iloc[-1],
        "looked_at": seen["epoch"].iloc[-1], "last_epoch": path["epoch"].iloc[-1], "height": now.height,
        "slope": slope, "combined": now.height - slope, "accuracy": phases.smooth(seen["accuracy"])[-1],
        "loss": phases.smooth(seen["loss"])[-1], "training loss": phases.smooth(seen["training_loss"])[-1],
        "final_accuracy": point["final_accuracy"],
    }  # fmt: skip


# -1: the lower the better; accuracy and loss are those on validation images
SCORES = {"height": 1, "slope": -1, "combined": 1, "accuracy": 1, "loss": -1, "training loss": -1}


@cache.cached(version=4, also=identities)
def selection(settings: Settings) -> pd.DataFrame:
    """Kendall's tau between the order of networks by each score and their order by final accuracy.

    One row a part, seed, wait and score; chosen: final accuracy of the network that the score puts first, minus that of
    the best one; saved: of the epochs of all networks, those that are not run if all but the chosen one stop when they
    are looked at.
    """
    from scipy.stats import kendalltau

    found = []
    for (part, wait, seed), rows in candidates(settings).groupby(["part", "wait", "seed"]):
        best, left = rows["final_accuracy"].max(), rows["last_epoch"] - rows["looked_at"]
        for score, sign in SCORES.items():
            first = (sign * rows[score]).idxmax()
            tau = kendalltau(sign * rows[score], rows["final_accuracy"]).statistic
            found.append(
                {"part": part, "dataset": rows["dataset"].iloc[0], "model": score, "method": "SGD", "seed": seed,
                 "wait": wait, "score": score, "tau": tau, "n_networks": len(rows), "step": rows["step"].min(),
                 "chosen": rows.loc[first, "final_accuracy"] - best,
                 "saved": float((left.sum() - left[first]) / rows["last_epoch"].sum())}
            )  # fmt: skip
    return pd.DataFrame(found)


# --------------------------------------------------------------------------------------------- the paper's numbers


@cache.cached(version=1)
def paper_points(settings: Settings) -> pd.DataFrame:
    """The paper's Table 4, with the slope between its two points, which the paper does not print."""
    table = pd.DataFrame(POINTS, columns=["part", "model", *_POINT_COLUMNS])
    change = table["converged_i_xt"] - table["i_xt"]
    slope = (table["converged_i_ty"] - table["height"]) / change.where(change != 0)
    return table.assign(slope=slope, kind=["FC" if model.startswith("fc") else "CNN" for model in table["model"]])


_POINT_COLUMNS = ["height", "i_xt", "epoch", "accuracy", "converged_i_ty", "converged_i_xt", "converged_epoch",
                  "converged_accuracy"]  # fmt: skip


def _after_full_batches(table):
    """The same table without the moments right after smaller batches."""

    def chosen(settings: Settings) -> pd.DataFrame:
        return table(after_full_batches(settings))

    chosen.__name__, chosen.version = f"{table.__name__}_full", table.version
    return chosen


FULL = {each.__name__: _after_full_batches(each) for each in (points, percentages, class_points, selection)}
TABLES = {
    "architectures": architectures, "paths": paths, "points": points, "windows": windows, "layers": layers,
    "plain": plain, "shifted": shifted, "percentages": percentages, "sample_counts": sample_counts, "binning": binning,
    "classes": classes, "class_points": class_points, "candidates": candidates, "selection": selection,
    "paper_points": paper_points, **{f"{name}_full": table for name, table in FULL.items()},
}  # fmt: skip
