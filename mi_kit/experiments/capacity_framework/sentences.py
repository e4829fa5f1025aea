"""What notebook 03 says of a run, computed from its tables; and the paper's five tables with ours beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ... import claims, data, phases
from ...claims import words
from .. import Experiment
from .paper import (
    COUNT_SHARES,
    DEPTH_SHARES,
    EPOCHS,
    FINAL_ACCURACIES,
    METHOD_SHARES,
    N_MOMENTS,
    PAPER_IMAGES,
    RECALLS,
    SMALL_IMAGES,
)
from .rules import CLAIMS
from .settings import BGD, COMPARED, DEPTHS, METHODS, SGD, Case, after_full_batches
from .tables import DEEPEST, FULL, known_later, of_case, title_of

_PART_WORDS = {"mnist": "images", "cifar": "more_images", "small": "more_images"}
PLACES = ("first", "second")
SHARES = (0, 1)


def facts(experiment: Experiment, table: pd.DataFrame) -> str:
    """Data sets, seeds and samples of a table, for captions; published results need no data for it."""
    if "dataset" not in table:
        return f"Profile {experiment.profile}."
    parts = dict.fromkeys(_facts_of(experiment, rows) for _, rows in table.groupby(["part", "dataset"], sort=False))
    return f"Data: {'; '.join(parts)}. Profile {experiment.profile}."


def _facts_of(experiment: Experiment, rows: pd.DataFrame) -> str:
    """`mnist (5 seeds, 10,000 images)`."""
    counts = []
    if "seed" in rows:
        n_seeds = rows["seed"].nunique()
        counts.append(f"{n_seeds} seed{'s' if n_seeds > 1 else ''}")
    if "n_train" in rows:
        counts.append(f"trained on {int(rows['n_train'].max()):,}")
    if "n_samples" in rows:
        sizes = sorted(set(rows["n_samples"]))
        counts.append(f"estimates on {' to '.join(f'{n:,}' for n in (sizes[0], sizes[-1])[: len(sizes)])}")
    name = told(experiment, rows["dataset"].iloc[0], rows["part"].iloc[0])
    return f"{name} ({', '.join(counts)})" if counts else name


def told(experiment: Experiment, name: str, part: str) -> str:
    """The data set's name, with the one that it stands in for."""
    asked = "12bit" if part == "12bit" else getattr(experiment.settings, _PART_WORDS[part])
    return f"{name}, standing in for {asked}" if name in data.EMBEDDED and name != asked else name


# --------------------------------------------------------------------------------------------- the paper's tables


def _shares(rows: pd.DataFrame, printed: float) -> dict:
    """One row of a table of percentages."""
    walks = f"{rows['walk_low'].mean():.2f} to {rows['walk_high'].mean():.2f}"
    span = f"{rows['low'].iloc[0]:.2f} to {rows['high'].iloc[0]:.2f}"
    later = known_later(rows)[["share_later", "trend", "other"]].mean()
    return {"paper": f"{printed:.3f}", "measured, interval over seeds": _told(rows["share"]),
            "bootstrap over seeds and pairs": span, "random walks": walks,
            "without the start": f"{later['share_later']:.3f}", "of this, trends alone": f"{later['trend']:.3f}",
            "of this, accuracy shuffled": f"{later['other']:.3f}",
            "inversions a seed": f"{rows['count'].mean():,.0f}",
            "moments": int(rows["n_moments"].iloc[0])}  # fmt: skip


def _told(shares: pd.Series, digits: int = 3) -> str:
    known = shares.dropna()
    return words(known, digits=digits, limits=SHARES) if len(known) else "no inversion"


def table_1(experiment: Experiment) -> pd.DataFrame:
    """T1: percentages on the training images, by network and method."""
    table = experiment.table("percentages")
    rows = {
        (title_of(model), method): _shares(
            of_case(table[table["split"] == "train"], Case("small", model, method)), METHOD_SHARES[model, method]
        )
        for model in METHODS for method in (SGD, BGD)
    }  # fmt: skip
    return pd.DataFrame(rows.values(), index=pd.MultiIndex.from_tuples(rows, names=["network", "trained by"]))


def table_2(experiment: Experiment) -> pd.DataFrame:
    """T2: percentages on the training images, by depth."""
    table = experiment.table("percentages")
    train = table[table["split"] == "train"]
    rows = {title_of(model): _shares(of_case(train, Case("cifar", model)), DEPTH_SHARES[model]) for model in DEPTHS}
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="network"))


def table_3(experiment: Experiment) -> pd.DataFrame:
    """T3: percentage of the deepest network on validation images, by number of moments."""
    rows, measured = [], dict(list(experiment.table("sample_counts").groupby("n_moments")))
    for count in sorted({*measured, *COUNT_SHARES}):
        row = {"moments": count, "paper": f"{COUNT_SHARES[count]:.3f}" if count in COUNT_SHARES else "–"}
        if count in measured:
            one = measured[count]
            row |= {"measured, interval over seeds": _told(one["share"]),
                    "random walks": f"{one['walk_low'].mean():.2f} to {one['walk_high'].mean():.2f}",
                    "inversions a seed": f"{one['count'].mean():,.0f}"}  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows).set_index("moments").fillna("–")


def table_4(experiment: Experiment) -> pd.DataFrame:
    """T4: transition and convergence of six networks on two data sets, the paper's numbers and ours (mean of seeds)."""
    ours, theirs = experiment.table("points"), experiment.table("paper_points").set_index(["part", "model"])
    columns = {"height": "I(T;Y)", "i_xt": "I(X;T)", "epoch": "epoch", "accuracy": "accuracy"}
    rows = {}
    for part in ("mnist", "cifar"):
        for model in COMPARED:
            one, printed, row = of_case(ours, Case(part, model)), theirs.loc[part, model], {}
            for column, name in columns.items():
                row["transition", name] = f"{one[column].mean():.3g} ({printed[column]:g})"
            for column, name in columns.items():
                ending = f"converged_{'i_ty' if column == 'height' else column}"
                row["convergence", name] = f"{one[ending].mean():.3g} ({printed[ending]:g})"
            mean = one["slope"].mean() if one["compresses"].any() else np.nan
            row["", "slope"] = " ".join(
                (f"{mean:+.3f}" if np.isfinite(mean) else "none",
                 f"({printed['slope']:+.3f})" if np.isfinite(printed["slope"]) else "(none)")
            )  # fmt: skip
            row["", "compresses"] = f"{one['compresses'].mean():.0%} of seeds"
            rows[part, told(experiment, one["dataset"].iloc[0], part), title_of(model)] = row
    named = pd.MultiIndex.from_tuples([key[1:] for key in rows], names=["data", "network"])
    table = pd.DataFrame(list(rows.values()), index=named)
    table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table


def table_5(experiment: Experiment) -> pd.DataFrame:
    """T5: percentages beside the final validation accuracy, by depth."""
    shares, ends = experiment.table("percentages"), experiment.table("points")
    rows = {}
    for model in DEPTHS:
        case = Case("cifar", model)
        rows[title_of(model)] = {
            "percentage, paper": f"{DEPTH_SHARES[model]:.2f}",
            "percentage, measured": _told(of_case(shares[shares["split"] == "train"], case)["share"], 2),
            "accuracy, paper": f"{FINAL_ACCURACIES[model]:.2f}",
            "accuracy, measured": words(of_case(ends, case)["final_accuracy"], digits=3, limits=SHARES),
        }
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="network"))


def scale(experiment: Experiment) -> pd.DataFrame:
    """What the paper's runs are made of, and this one."""
    paths, moments = experiment.table("paths"), experiment.table("percentages")["n_moments"].max()
    sgd, small = paths[paths["method"] == SGD], paths[paths["part"] == "small"]
    rows = {}
    names = {part: told(experiment, sgd.loc[sgd["part"] == part, "dataset"].iloc[0], part) for part in PAPER_IMAGES}
    if len(set(names.values())) < len(names):  # both were chosen to be the same
        names = {part: f"{name} ({place} data set)" for (part, name), place in zip(names.items(), PLACES, strict=True)}
    for part, (n_train, n_test) in PAPER_IMAGES.items():
        one, of = sgd[sgd["part"] == part], names[part]
        n = one.groupby("split")["n_samples"].max()
        rows[f"training images, {of}"] = (f"{n_train:,}", f"{one['n_train'].max():,}")
        rows[f"images that an estimate is made on, {of}"] = (
            f"all; validation {n_test:,}", f"training {n['train']:,}, validation {n['validation']:,}",
        )  # fmt: skip
        rows[f"largest I(X;T) on validation images, {of}"] = tuple(
            f"log2 n = {np.log2(each):.2f} bit" for each in (n_test, n["validation"])
        )
        rows[f"epochs, {of}"] = (EPOCHS[part], f"{one['epoch'].max():.0f}")
    rows["training images of Table 1"] = (f"{SMALL_IMAGES:,}", f"{small['n_train'].max():,}")
    rows["moments of a run"] = (f"{N_MOMENTS}", f"{moments:,}")
    rows["runs of each network"] = ("one, as it seems", f"{paths['seed'].nunique()}")
    rows["trained on"] = ("not said", "; ".join(sorted(set(paths["device"]))))
    return pd.DataFrame(rows.values(), columns=["paper", "here"], index=pd.Index(rows, name=""))


def widths(experiment: Experiment) -> pd.DataFrame:
    """Convolutions, dense layers and parameters of every network on the second data set."""
    table, rows = experiment.table("architectures"), {}
    for model, one in table.groupby("model", sort=False):
        convolutions = [layer.removeprefix("conv 3x3x") for layer in one["layer"] if layer.startswith("conv")]
        dense = [layer.removeprefix("fully connected ") for layer in one["layer"] if layer.startswith("fully")]
        rows[title_of(model)] = {
            "channels of the 3x3 convolutions": " ".join(convolutions) or "none",
            "dense layers": " ".join(dense),
            "parameters": f"{one['parameters'].sum():,}",
        }
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="network"))


BY_ESTIMATOR = ("1a", "1b", "2a", "2b", "2c", "3a", "3b", "3c", "3d", "4a MNIST", "4b MNIST", "4a CIFAR-10",
                "4b CIFAR-10", "5")  # fmt: skip


def verdicts_by_estimator(experiment: Experiment) -> pd.DataFrame:
    """What the rules say of the same runs under each estimator, whether or not the run could decide the claim."""
    table, made = experiment.table("binning"), {}
    for estimator, rows in table.groupby("estimator", sort=False):
        points = rows[rows["split"] == "validation"].drop(columns="split")
        made[estimator] = {"percentages": rows, "points": points}
    return _verdicts(made, BY_ESTIMATOR)


BY_WINDOW = ("3a", "3b", "3c", "3d", "4a MNIST", "4b MNIST", "4c MNIST", "4a CIFAR-10", "4b CIFAR-10", "4c CIFAR-10",
             "5")  # fmt: skip


def verdicts_by_window(experiment: Experiment) -> pd.DataFrame:
    """What the rules that read points of a path say of the same runs, smoothed over other numbers of moments."""
    made = {"as ruled": {"points": experiment.table("points")}}
    made |= {f"{n} moments": {"points": rows} for n, rows in experiment.table("windows").groupby("window")}
    return _verdicts(made, BY_WINDOW)


def _verdicts(made: dict[str, dict], ids: tuple) -> pd.DataFrame:
    """A row a claim, a column for each choice of tables, and the claim in words."""
    chosen = [claim for claim in CLAIMS if claim.id in ids]
    verdicts = pd.DataFrame(
        {
            name: {claim.id: claims.decide(claim, claim.select(tables))[0] for claim in chosen}
            for name, tables in made.items()
        }
    )
    verdicts.insert(0, "claim", [f"{claim.id}  {claim.statement}" for claim in chosen])
    return verdicts


def verdict_words(verdicts: pd.DataFrame) -> str:
    """Which claims' verdicts differ between the columns. verdicts: of `verdicts_by_estimator` or `_by_window`."""
    verdicts = verdicts.drop(columns="claim")
    tested = verdicts[(verdicts != claims.NOT_TESTED).any(axis=1)]
    if tested.empty:
        return NONE_TESTED
    moved = [claim for claim, row in tested.iterrows() if len(set(row)) > 1]
    if not moved:
        return f"Each of the {len(tested)} rules gives the same answer in every column."
    return f"Of {len(tested)} rules, {len(moved)} do not answer the same in every column: {', '.join(moved)}."


NONE_TESTED = "This run can test none of these claims: what each of them needs stands in the table of claims."


def moment_words(experiment: Experiment) -> str:
    """What moments right after smaller batches change in the verdicts that this run can give."""
    if not experiment.table("paths")["small_batch"].any():
        return "All batches of this run have the same size."
    if after_full_batches(experiment.settings) is experiment.settings:
        return "Too few moments of this run would be left."
    made = [{name: experiment.table(name + way) for name in FULL} for way in ("", "_full")]
    answers = {claim.id: [claims.decide(claim, claim.select(tables)) for tables in made] for claim in CLAIMS}
    tested = {claim: both for claim, both in answers.items() if claims.NOT_TESTED not in (both[0][0], both[1][0])}
    if not tested:
        return NONE_TESTED
    lines = [
        f"- {claim}: {whole} with all moments ({whole_measured}), {full} without these ({full_measured})"
        for claim, ((whole, _, whole_measured), (full, _, full_measured)) in tested.items()
        if whole != full
    ]
    if not lines:
        return f"Without these moments each of the {len(tested)} rules gives the same answer."
    return (
        f"Without these moments {len(tested) - len(lines)} of the {len(tested)} rules give the same answer, "
        f"{len(lines)} another:\n\n" + "\n".join(lines)
    )


# --------------------------------------------------------------------------------------------- sentences


def percentage_words(experiment: Experiment) -> str:
    """What the percentages say beside the null models."""
    table = experiment.table("percentages")
    runs = table[table["split"] == "train"]
    inside = ((runs["share"] >= runs["walk_low"]) & (runs["share"] <= runs["walk_high"])).sum()
    found = (
        f"Of {len(runs)} runs, {(runs['share'] > 0.5).sum()} have a percentage above one half on the training images; "
        f"in {inside} of the {len(runs)} it lies where random walks with the same values lie in 95 of 100 cases."
    )
    later = known_later(runs)
    if later.empty:
        return f"{found} Without the first window of moments no run has an inversion."
    more = (later["share_later"] > later["trend"]).sum()
    worth = (later["share_later"] - later["other"]).groupby([later["part"], later["model"], later["method"]]).mean()
    low, high = (", ".join((title_of(key[1]), key[2], _PART_NAMES[key[0]])) for key in (worth.idxmin(), worth.idxmax()))
    return (
        f"{found} {len(later)} have inversions without the first window of moments, too: {more} of them more than the "
        "smoothed path alone gives. The relation that the paper speaks of is what is left above both informations as "
        "they are and an accuracy that does not follow them from moment to moment: between "
        f"{worth.min():+.2f} ({low}) and {worth.max():+.2f} ({high}), by network and method."
    )


_PART_NAMES = {"mnist": "first data set", "cifar": "second data set", "small": "Table 1"}


def update_words(experiment: Experiment) -> str:
    """What Table 1 cannot tell apart."""
    rows = experiment.table("percentages")
    steps = rows[(rows["part"] == "small") & (rows["split"] == "train")].groupby("method")["step"].max()
    return (
        f"A run by mini-batches makes {steps[SGD]:,} updates, one by full batches {steps[BGD]:,}: how far a network "
        "has come and how it is trained are not told apart here (2b, 2c)."
    )


def stage_words(experiment: Experiment) -> str:
    """What the comparison of stages (2d) rests on, and what the percentage of Table 3 has to be compared with."""
    rows = of_case(experiment.table("percentages"), Case("cifar", DEEPEST))
    train, validation = (rows[rows["split"] == split] for split in ("train", "validation"))
    name, n_pairs = title_of(DEEPEST), validation["n_moments"].iloc[0] * (validation["n_moments"].iloc[0] - 1) / 2
    later = known_later(validation)
    nulls = (
        f" Without the first window of moments the percentage is {later['share_later'].mean():.2f}; trends alone give "
        f"{later['trend'].mean():.2f}, accuracy shuffled {later['other'].mean():.2f}." if len(later) else ""
    )  # fmt: skip
    return (
        f"On validation images {validation['count'].mean() / n_pairs:.0%} of all pairs of moments of {name} are "
        f"inversions.{nulls} The two stages of 2d (training images) hold {train['count_first'].mean():,.0f} and "
        f"{train['count_second'].mean():,.0f} inversions a seed."
    )


def slope_words(experiment: Experiment) -> str:
    """What the paper's own Table 4 says about its claim that CNNs have the smaller slopes, and ours."""
    printed = experiment.table("paper_points")
    mnist, cifar = (printed[printed["part"] == part].set_index("model") for part in ("mnist", "cifar"))
    means = mnist.groupby("kind")["slope"].mean()
    steepest = mnist.loc[mnist["kind"] == "FC", "slope"].min()
    late = ", ".join(
        f"{title_of(model)} ({slope:+.3f})" for model, slope in mnist["slope"].items()
        if model.startswith("cnn") and slope > steepest
    )  # fmt: skip
    turning = ", ".join(f"{title_of(model)} {slope:+.3f}" for model, slope in cifar["slope"].dropna().items())
    highest = cifar["height"].idxmax()
    ours = experiment.table("points")
    ours = ours[ours["model"].isin(COMPARED) & ours["compresses"]]
    found = []
    for part in ("mnist", "cifar"):
        one = ours[ours["part"] == part]
        kinds = one.groupby(one["model"].str.startswith("fc"))["slope"].mean()
        if {True, False} <= set(kinds.index):
            signs = ", none of them negative" if (one["slope"] > 0).all() else ""
            found.append(f"on {one['dataset'].iloc[0]} FCs {kinds[True]:+.3f}, CNNs {kinds[False]:+.3f}{signs}")
    told_ours = f" Here {'; '.join(found)}." if found else ""
    return (
        f"The slopes that the paper's Table 4 implies, on MNIST: FCs {means['FC']:+.3f}, CNNs {means['CNN']:+.3f} on "
        f"average; but {late} is less steep than the steepest FC ({steepest:+.3f}). On CIFAR-10 it has three networks "
        f"that compress ({turning}), and its highest transition is that of {title_of(highest)}, a CNN. FC-6 and FC-9 "
        f"share both numbers of their convergence, which can hardly be.{told_ours}"
    )


def slopes(experiment: Experiment) -> pd.DataFrame:
    """The slope some epochs after the transition and at the end, median over seeds; how I(T;Y) changes until then."""
    points, rows = experiment.table("points"), {}
    for part in ("mnist", "cifar"):
        for model in dict.fromkeys(points[(points["part"] == part) & (points["method"] == SGD)]["model"]):
            one = of_case(points, Case(part, model))
            turning = one[one["compresses"]]
            row = {f"after {wait:g} epochs": turning[f"slope_{wait:g}"] for wait in experiment.settings.waits}
            row["at the end"] = turning["slope"]
            told_row = {name: f"{slope.median():+.3f}" if slope.notna().any() else "–" for name, slope in row.items()}
            change = (turning["end_i_ty"] - turning["height"]).mean()
            told_row["I(T;Y) from transition to end"] = f"{change:+.2f} bit" if len(turning) else "–"
            rows[told(experiment, one["dataset"].iloc[0], part), title_of(model)] = told_row
    return pd.DataFrame(list(rows.values()), index=pd.MultiIndex.from_tuples(rows, names=["data", "network"]))


def wait_words(experiment: Experiment) -> str:
    """In how many runs the slope is negative soon after the transition, and at the end."""
    points, lines = experiment.table("points"), []
    waits = [*(f"slope_{wait:g}" for wait in experiment.settings.waits), "slope"]
    for part in ("mnist", "cifar"):
        one = points[(points["part"] == part) & points["compresses"]]
        if one.empty:
            continue
        shares = [(one[wait].dropna() < 0).mean() if one[wait].notna().any() else np.nan for wait in waits]
        each = [f"{share:.0%} after {wait:g}" for share, wait in zip(shares, experiment.settings.waits, strict=False)
                if np.isfinite(share)]  # fmt: skip
        name = told(experiment, one["dataset"].iloc[0], part)
        lost = (one["end_i_ty"] < one["height"]).sum()
        lines.append(
            f"- {name}: negative in {', '.join(each) or 'none'} epochs, {shares[-1]:.0%} at the end; I(T;Y) ends below "
            f"its height in {lost} of {len(one)} runs that compress."
        )
    if not lines:
        return "No run of this profile has a phase of compression, and so no slope."
    return "The slope depends on when it is taken. Of the runs with a phase of compression it is\n\n" + "\n".join(lines)


def fit_words(experiment: Experiment) -> str:
    """Accuracy at the end on training and validation images, by depth, beside the paper's."""
    rows = experiment.table("paths")
    each = []
    for model in DEPTHS:
        one = of_case(rows, Case("cifar", model))
        train, validation = (
            np.mean([phases.smooth(run.sort_values("step")["accuracy"])[-1] for _, run in part.groupby("seed")])
            for part in (one[one["split"] == split] for split in ("train", "validation"))
        )
        each.append(f"{title_of(model)} {train:.2f} and {validation:.2f} ({FINAL_ACCURACIES[model]:.2f})")
    n_train = int(of_case(rows, Case("cifar", DEPTHS[0]))["n_train"].iloc[0])
    return (
        f"Accuracy at the end, from {n_train:,} training images: on these, on validation images and, in brackets, the "
        f"paper's on validation images: {', '.join(each)}. Where the first is far above the second, the path on "
        "validation images is that of a network that learns its images by heart. CNN-9 and CNN-16 have batch norm, "
        "CNN-2 and CNN-4 have not: depth is not all that differs."
    )


def class_words(experiment: Experiment) -> str:
    """The paper's argument for three classes, with this run's numbers."""
    rows = experiment.table("class_points")
    rows = rows[rows["model"] == DEEPEST]
    if not set(RECALLS) <= set(rows["class_name"]):
        return "This data set has no airplane, automobile and bird."
    means = rows.groupby("class_name")[["height", "slope", "recall"]].mean()
    each = "; ".join(
        f"{name}: height {means.loc[name, 'height']:.2f} bit, slope {means.loc[name, 'slope']:+.3f}, recall "
        f"{means.loc[name, 'recall']:.2f} ({RECALLS[name]:.3f})" for name in ("automobile", "airplane", "bird")
    )  # fmt: skip
    return (
        "The paper says of VGG-16 that automobile and airplane have almost the same height, automobile the smaller "
        "slope and so the higher accuracy; that airplane and bird have almost the same slope, bird the lower height "
        f"and so the lower accuracy. Here, the paper's accuracy in brackets: {each}."
    )


def point_words(experiment: Experiment) -> str:
    """The one-line reading of every network's first seed."""
    table = experiment.table("paths")
    lines = []
    for part in ("mnist", "cifar"):
        rows = table[(table["part"] == part) & (table["split"] == "validation") & (table["method"] == SGD)]
        for model in dict.fromkeys(rows["model"]):
            one = rows[(rows["model"] == model) & (rows["seed"] == rows["seed"].min())].sort_values("step")
            lines.append(f"- {one['dataset'].iloc[0]}, {title_of(model)}: {phases.read(one)}")
    return "\n".join(lines)


def batch_words(experiment: Experiment) -> str:
    """The peaks of the training loss: moments right after the last batch of an epoch."""
    rows = experiment.table("paths")
    rows = rows[(rows["part"] == "cifar") & (rows["split"] == "train") & rows["model"].isin(DEPTHS)]
    settled = rows[rows["epoch"] > 1]
    if settled["small_batch"].nunique() < 2:
        return "All batches have the same size, or all moments lie after the same one."
    loss = settled.pivot_table(index="model", columns="small_batch", values="loss")
    each = ", ".join(f"{title_of(model)} {loss.loc[model, True]:.2f} against {loss.loc[model, False]:.2f}"
                     for model in DEPTHS)  # fmt: skip
    size, last = experiment.settings.batch_size, int(rows["n_train"].iloc[0]) % experiment.settings.batch_size
    return (
        f"The dots in c are {settled['small_batch'].mean():.0%} of the moments: those right after the last batch of an "
        f"epoch, which holds {last} images instead of {size}. Loss there and elsewhere, in bit: {each}."
    )


def shift_words(experiment: Experiment) -> str:
    """The network that is wrong by one class everywhere."""
    means = experiment.table("shifted").groupby("shift")[["i_ty", "accuracy"]].mean()
    return (
        f"CNN-2's outputs moved on by one class: I(T;Y) {means.loc[0, 'i_ty']:.3f} → {means.loc[1, 'i_ty']:.3f} bit, "
        f"accuracy {100 * means.loc[0, 'accuracy']:.1f} → {100 * means.loc[1, 'accuracy']:.1f} %. I(T;Y) counts what "
        "could be said about the label, not what is said."
    )


def binning_words(experiment: Experiment) -> str:
    """What the untrained networks have under each estimator, and how many paths have a phase of compression."""
    rows = experiment.table("binning")
    rows = rows[(rows["split"] == "validation") & (rows["method"] == SGD)]
    starts = rows.groupby("estimator", sort=False)["start_i_xt"].mean()
    phases_found = rows.groupby("estimator", sort=False)["compresses"].mean()
    each = "; ".join(
        f"{name}: {starts[name]:.2f} bit, {phases_found[name]:.0%} of paths compress" for name in starts.index
    )
    return f"I(X;T) of the untrained networks, and the share of paths with a phase of compression: {each}."


def selection_words(experiment: Experiment) -> str:
    """Which score orders the networks best, and what looking early would have cost."""
    table, known = experiment.table("selection"), experiment.table("candidates")
    wait = min(set(table["wait"]), key=lambda each: abs(each - 1.0))
    lines = []
    for part in ("mnist", "cifar"):
        rows = table[(table["wait"] == wait) & (table["part"] == part)]
        taus = rows.groupby("score", sort=False)["tau"].mean().dropna().sort_values(ascending=False)
        if taus.empty:
            continue
        best = [score for score, tau in taus.items() if np.isclose(tau, taus.iloc[0])]
        rest = ", ".join(f"{score} {tau:.2f}" for score, tau in taus.items() if score not in best)
        lost = 100 * abs(rows[rows["score"] == best[0]]["chosen"].mean())
        name = told(experiment, rows["dataset"].iloc[0], part)
        slopes_now = known[(known["part"] == part) & (known["wait"] == wait)]["slope"]
        wide = rows.pivot_table(index="seed", columns="score", values="tau")
        lead = (wide["combined"] - wide["training loss"]).dropna() if {"combined", "training loss"} <= set(wide) else []
        lines.append(
            f"- {name}: best ordered by {' and '.join(best)} (tau {taus.iloc[0]:.2f}){f'; {rest}' if rest else ''}. "
            f"Taking the first one by {best[0]} would have cost {lost:.1f} points of final accuracy and saved "
            f"{rows[rows['score'] == best[0]]['saved'].mean():.0%} of all epochs, with that one trained to its end. "
            f"By then {(slopes_now != 0).mean():.0%} of the networks show a slope (where none does, height alone "
            "orders them)." + (f" Combined minus training loss, the paper's curve: {words(lead)}." if len(lead) else "")
        )
    return f"{wait:g} epoch{'s' if wait != 1 else ''} after the transitions:\n\n" + "\n".join(lines)


def plain_words(experiment: Experiment) -> str:
    """How dead the plain network is."""
    table = experiment.table("plain")
    start = table[table["step"] == 0].groupby("kind")["spread"].mean()
    ends = table[table["step"] > 0].groupby("kind")[["step", "accuracy"]].mean()
    return (
        f"Untrained, the logits of different images differ by {start['plain']:.1e} in the plain network and by "
        f"{start['batch norm']:.2f} in the one used here. After {ends.loc['plain', 'step']:,.0f} updates the plain one "
        f"is right in {100 * ends.loc['plain', 'accuracy']:.1f} % of the validation images; the one used here, after "
        f"{ends.loc['batch norm', 'step']:,.0f}, in {100 * ends.loc['batch norm', 'accuracy']:.1f} %."
    )
