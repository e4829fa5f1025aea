"""The figures of notebook 03, each drawn from finished tables."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from ... import phases, plots
from ...claims import interval
from .paper import COUNT_SHARES, DEPTH_SHARES, FINAL_ACCURACIES, METHOD_SHARES, RECALLS
from .settings import BGD, COMPARED, DEPTHS, METHODS, SELECTED, SGD, Case
from .tables import DEEPEST, SCORES, known_later, of_case, title_of

COLOURS = {
    "fc3": "#CDB100", "fc6": "#E69F00", "fc9": "#D55E00", "cnn2": "#56B4E9", "cnn4": "#0072B2", "cnn6": "#009E73",
    "cnn9": "#7B3294", "cnn16": "#000000", "alexnet": "#CC79A7", "linear": "#8C6D31",
}  # fmt: skip
PART_NAMES = {"mnist": "first data set", "cifar": "second data set"}
LETTERS = "abcdefghijkl"
PAPER = {"marker": "D", "mfc": "white", "mec": "black", "mew": 1.6, "ms": 8, "ls": "", "zorder": 6}


def data_name(rows: pd.DataFrame) -> str:
    return str(rows["dataset"].iloc[0])


# --------------------------------------------------------------------------------------------- single paths


def plot_path(rows: pd.DataFrame, colour: str, label: str, ax: plt.Axes, *, smoothed: bool = True) -> None:
    """The path of one network: mean over seeds thick, single seeds thin; a ring at the transition, a dot at the end."""
    each = []
    for _, one in rows.groupby("seed"):
        one = one.sort_values("step")
        x, y = (phases.smooth(one[column]) if smoothed else one[column].to_numpy() for column in ("i_xt", "i_ty"))
        ax.plot(x, y, color=colour, lw=0.7, alpha=0.4)
        each.append((x, y))
    x, y = np.mean(each, axis=0)
    ax.plot(x, y, color=colour, lw=2.2, label=label)
    ax.plot(x[-1], y[-1], "o", color=colour, ms=8, zorder=5)


def _until(mean: pd.DataFrame, epoch: float) -> tuple[np.ndarray, np.ndarray]:
    """I(X;T) and I(T;Y) of the smoothed path, with epochs as its index, up to one of them: what is drawn stays as it is
    when the slider moves on."""
    n = int((mean.index <= epoch + 1e-9).sum())
    return phases.smooth(mean["i_xt"])[:n], phases.smooth(mean["i_ty"])[:n]


def mark_transitions(points: pd.DataFrame, colour: str, ax: plt.Axes) -> None:
    """A ring at the mean transition of the seeds that have one."""
    turning = points[points["compresses"]]
    if len(turning):
        ax.plot(turning["i_xt"].mean(), turning["height"].mean(), "o", mfc="white", mec=colour, mew=2, ms=10, zorder=6)


def label_plane(ax: plt.Axes, title: str, *, left: bool = True) -> None:
    ax.set_title(title, loc="left", fontsize=12)
    ax.set_xlabel("I(X;T)  [bit]")
    if left:
        ax.set_ylabel("I(T;Y)  [bit]")


def path_key(ax: plt.Axes, *more: plt.Line2D) -> None:
    """The networks, and what ring, dot and `more` mean, to the right of the plane."""
    handles, _ = ax.get_legend_handles_labels()
    ring = plt.Line2D([], [], marker="o", ls="", mfc="white", mec=plots.MUTED, mew=2, ms=10, label="transition")
    dot = plt.Line2D([], [], marker="o", ls="", color=plots.MUTED, ms=8, label="end of training")
    ax.legend(handles=[*handles, ring, dot, *more], loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)


def draw_f1(table: pd.DataFrame) -> plt.Figure:
    """F1: the two phases, layer by layer, of a tanh network on the 12-bit patterns."""
    figure, ax = plt.subplots(figsize=(9.5, 5.2))
    plots.plot_information_plane(table, ax=ax)
    plots.plane_legend(ax)
    return figure


def draw_f2(_experiment) -> plt.Figure:
    """F2: how T is read off a network."""
    figure, ax = plt.subplots(figsize=(12, 3.4))
    boxes = [
        ("X", "an image;\neach counts\nas a state"), ("network", "any"), ("logits", "10 numbers"),
        ("softmax", "in [0, 1],\nsum 1"), ("T", "each cut into\n10 equal bins:\none state"),
    ]  # fmt: skip
    for place, (name, words) in enumerate(boxes):
        end = name in ("X", "T")
        box = FancyBboxPatch((place, 0), 0.72, 1, boxstyle="round,pad=0,rounding_size=0.06",
                             facecolor="#DCEBF7" if end else "white", edgecolor="#0072B2" if end else plots.MUTED,
                             lw=2)  # fmt: skip
        ax.add_patch(box)
        ax.text(place + 0.36, 0.78, name, ha="center", va="center", fontsize=14, fontweight="bold")
        ax.text(place + 0.36, 0.36, words, ha="center", va="center", fontsize=11, linespacing=1.25)
        if place:
            ax.add_patch(FancyArrowPatch((place - 0.26, 0.5), (place - 0.02, 0.5), arrowstyle="->", mutation_scale=16,
                                         color=plots.MUTED))  # fmt: skip
    ax.text(0.36, -0.22, "H(X) = log2 n", ha="center", fontsize=12)
    ax.text(4.36, -0.22, "I(X;T) = H(T)", ha="center", fontsize=12)
    ax.text(2.36, -0.22, "Y → X → T: a Markov chain", ha="center", fontsize=12, color=plots.MUTED)
    ax.set(xlim=(-0.1, 4.85), ylim=(-0.35, 1.08))
    ax.axis("off")
    return figure


def draw_f3(paths: pd.DataFrame, points: pd.DataFrame) -> plt.Figure:
    """F3: the framework on a measured path: transition, height and slope."""
    case = Case("mnist", "cnn2")
    rows = of_case(paths[paths["split"] == "validation"], case)
    seed = rows["seed"].min()
    one, point = rows[rows["seed"] == seed].sort_values("step"), of_case(points, case).set_index("seed").loc[seed]
    figure, ax = plt.subplots(figsize=(9, 5.2))
    ax.plot(one["i_xt"], one["i_ty"], ".", color="0.7", ms=5, label="measured")
    x, y = phases.smooth(one["i_xt"]), phases.smooth(one["i_ty"])
    ax.plot(x, y, color=COLOURS["cnn2"], lw=2.2, label="smoothed")
    ax.plot(one["i_xt"].iloc[0], one["i_ty"].iloc[0], "s", color="0.45", ms=8, label="untrained")
    low = min(float(one["i_ty"].min()), 0.9 * point["height"])
    ax.plot([point["i_xt"]] * 2, [low, point["height"]], color=plots.MUTED, ls="--")
    ax.plot(point["i_xt"], point["height"], "o", mfc="white", mec="black", mew=2, ms=12, zorder=5,
            label="transition" if point["compresses"] else "end: no transition")  # fmt: skip
    ax.annotate(f"height\n{point['height']:.2f} bit", (point["i_xt"], (low + point["height"]) / 2), (6, 0),
                textcoords="offset points", va="center", fontsize=12)  # fmt: skip
    if point["compresses"]:
        end = point["end_i_xt"], point["end_i_ty"]
        ax.annotate("", end, (point["i_xt"], point["height"]),
                    arrowprops={"arrowstyle": "->", "lw": 2, "color": "#D55E00"})  # fmt: skip
        ax.annotate(f"slope {point['slope']:+.3f}", ((end[0] + point["i_xt"]) / 2, (end[1] + point["height"]) / 2),
                    (-6, -10), textcoords="offset points", color="#D55E00", fontsize=12, ha="right",
                    va="top")  # fmt: skip
    label_plane(ax, f"CNN-2 on {data_name(rows)}, seed {seed}")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_f4(paths: pd.DataFrame, points: pd.DataFrame) -> plt.Figure:
    """F4: smoothed validation paths of six networks on two data sets."""
    figure, axes = plt.subplots(1, 2, figsize=(14, 5.4))
    for ax, part, letter in zip(axes, PART_NAMES, LETTERS, strict=False):
        draw_networks(paths, points, part, COMPARED, ax)
        label_plane(ax, f"{letter}  {data_name(paths[paths['part'] == part])}", left=part == "mnist")
    path_key(axes[1])
    return figure


def draw_networks(paths, points, part: str, networks, ax: plt.Axes, *, split: str = "validation") -> None:
    """The paths of several networks on one part of the data; on validation images with their transitions."""
    for model in networks:
        case = Case(part, model)
        plot_path(of_case(paths[paths["split"] == split], case), COLOURS[model], title_of(model), ax)
        if split == "validation":
            mark_transitions(of_case(points, case), COLOURS[model], ax)


def draw_f5(paths: pd.DataFrame, points: pd.DataFrame) -> plt.Figure:
    """F5: paths on training and validation images and the training loss, by depth."""
    figure, axes = plt.subplots(1, 3, figsize=(16.5, 5.2))
    for ax, split, letter in zip(axes, ("train", "validation"), LETTERS, strict=False):
        draw_networks(paths, points, "cifar", DEPTHS, ax, split=split)
        name = "training" if split == "train" else split
        label_plane(ax, f"{letter}  {name} images", left=split == "train")
    for model in DEPTHS:
        rows = of_case(paths[paths["split"] == "train"], Case("cifar", model))
        for small, style in ((False, "-"), (True, ".")):
            mean = rows[rows["small_batch"] == small].groupby("epoch")["loss"].mean()
            axes[2].plot(
                mean.index, mean, style, color=COLOURS[model], lw=2, ms=5, label="" if small else title_of(model)
            )
    axes[2].set(xlabel="epoch", ylabel="loss  [bit]")
    axes[2].set_title("c  loss on training images", loc="left", fontsize=12)
    dots = plt.Line2D([], [], marker=".", ls="", color=plots.MUTED, label="after a smaller batch")
    path_key(axes[2], *([dots] if paths["small_batch"].any() else []))
    return figure


# --------------------------------------------------------------------------------------------- classes


def draw_f6(table: pd.DataFrame) -> plt.Figure:
    """F6: every class at the end of training, AlexNet beside CNN-16."""
    quantities = {"share_of_x": "I(X;T) / H(X)", "i_ty": "I(T;Y)  [bit]", "recall": "recall"}
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.8), sharey=True)
    names = list(dict.fromkeys(table.sort_values("class")["class_name"]))
    for ax, (column, name), letter in zip(axes, quantities.items(), LETTERS, strict=False):
        for model, shift in (("alexnet", -0.17), ("cnn16", 0.17)):
            rows = table[table["model"] == model]
            for place, each in enumerate(names):
                values = rows[rows["class_name"] == each][column]
                if not len(values):
                    continue
                mean, low, high = interval(values)
                ax.plot(
                    mean, place + shift, "o", color=COLOURS[model], ms=7, label=title_of(model) if not place else ""
                )
                if np.isfinite(low):
                    ax.plot([max(low, 0), min(high, 1)], [place + shift] * 2, color=COLOURS[model], lw=1.6)
        ax.set(xlim=(0, 1.03), xlabel=name)
        ax.set_title(letter, loc="left", fontsize=12)
        ax.grid(axis="y", color="0.92")
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    printed = {name: recall for name, recall in RECALLS.items() if name in names}
    if printed:
        axes[2].plot(printed.values(), [names.index(name) for name in printed], label="paper, VGG-16", **PAPER)
    axes[2].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#000000", "#882255", "#999933",
                 "#332288")  # fmt: skip


def draw_f7(table: pd.DataFrame) -> plt.Figure:
    """F7: the paths of the first three classes, of the deepest network."""
    return draw_classes(table, network="CNN-16", epoch=float(table["epoch"].max()), class_name="first three")


def draw_classes(table: pd.DataFrame, *, network: str, epoch: float, class_name: str = "all") -> plt.Figure:
    """Paths of classes up to an epoch, some in colour: what the sliders go through."""
    rows = table[[title_of(model) == network for model in table["model"]]]
    names = list(dict.fromkeys(rows.sort_values("class")["class_name"]))
    lit = names[:3] if class_name == "first three" else names if class_name == "all" else [class_name]
    some = class_name != "all"
    colours = {name: CLASS_COLOURS[names.index(name) % len(CLASS_COLOURS)] for name in lit}
    figure, ax = plt.subplots(figsize=(9.5, 5.4))
    for name in sorted(names, key=lambda each: each in lit):
        mean = rows[rows["class_name"] == name].groupby("epoch")[["step", "i_xt", "i_ty"]].mean()
        x, y = _until(mean, epoch)
        colour = colours.get(name, "0.85")
        ax.plot(x, y, color=colour, lw=2.2 if name in lit else 1, label=name if name in lit else None)
        ax.plot(x[-1], y[-1], "o", color=colour, ms=8 if name in lit and some else 5)
        read = phases.read(mean.reset_index())
        if name in lit and some and read.compresses and read.epoch <= epoch:
            ax.plot(read.i_xt, read.height, "o", mfc="white", mec=colour, mew=2, ms=9, zorder=6)
    ax.axhline(1, color=plots.MUTED, ls="--", lw=1)
    ax.set(xlim=(0, 1.04 * rows["h_x"].max()), ylim=(0, 1.05))
    label_plane(ax, f"{network} on {data_name(rows)}, epoch {epoch:.3g}")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return figure


# --------------------------------------------------------------------------------------------- tables, drawn


def draw_percentages(table: pd.DataFrame) -> plt.Figure:
    """T1, T2 drawn: the measured percentages, the paper's, and the null models."""
    figure, axes = plt.subplots(1, 2, figsize=(14.5, 4.6), sharey=True)
    train = table[table["split"] == "train"]
    groups = [
        [(Case("small", model, method), f"{title_of(model)}\n{method}", METHOD_SHARES[model, method])
         for model in METHODS for method in (SGD, BGD)],
        [(Case("cifar", model), title_of(model), DEPTH_SHARES[model]) for model in DEPTHS],
    ]  # fmt: skip
    for ax, group, title in zip(axes, groups, ("a  network and method (T1)", "b  depth (T2)"), strict=True):
        for place, (case, _, printed) in enumerate(group):
            rows = of_case(train, case)
            ax.plot([place] * 2, [rows["walk_low"].mean(), rows["walk_high"].mean()], color="0.85", lw=14,
                    solid_capstyle="butt", label="random walks, 95 %" if not place else "")  # fmt: skip
            later = known_later(rows)
            ax.plot(place, later["trend"].mean(), "_", color="#D55E00", ms=22, mew=2.5,
                    label="trends alone" if not place else "")  # fmt: skip
            ax.plot(place, later["other"].mean(), "_", color="#009E73", ms=22, mew=2.5,
                    label="accuracy shuffled" if not place else "")  # fmt: skip
            ax.plot(place - 0.17, later["share_later"].mean(), "o", mfc="white", mec="#0072B2", mew=1.8, ms=7, zorder=5,
                    label="without the start" if not place else "")  # fmt: skip
            ax.plot([place] * 2, [rows["low"].iloc[0], rows["high"].iloc[0]], color="#0072B2", lw=2)
            ax.plot(place, rows["share"].mean(), "o", color="#0072B2", ms=9, zorder=5,
                    label="measured, 95 %" if not place else "")  # fmt: skip
            ax.plot(place + 0.25, printed, label="paper" if not place else "", **PAPER)
        ax.axhline(0.5, color=plots.MUTED, lw=1, ls="--")
        ax.set_xticks(range(len(group)), [words for _, words, _ in group])
        ax.set(ylim=(-0.02, 1.02), xlim=(-0.5, len(group) - 0.4))
        ax.set_title(title, loc="left", fontsize=12)
    axes[0].set_ylabel("inversions won by the lower I(X;T)")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_counts(table: pd.DataFrame) -> plt.Figure:
    """T3 drawn: the percentage from fewer moments of the same run."""
    figure, ax = plt.subplots(figsize=(8.5, 4.2))
    for _, one in table.groupby("seed"):
        ax.plot(one["n_moments"], one["share"], color=COLOURS[DEEPEST], lw=0.8, alpha=0.5)
    mean = table.groupby("n_moments")["share"].mean()
    ax.plot(mean.index, mean, "o-", color=COLOURS[DEEPEST], lw=2, ms=7, label="measured: mean and seeds")
    ax.plot(list(COUNT_SHARES), list(COUNT_SHARES.values()), label="paper", **PAPER)
    ax.axhline(0.5, color=plots.MUTED, lw=1, ls="--")
    ax.set(ylim=(-0.02, 1.02), xlabel="moments of the run", ylabel="inversions won by the lower I(X;T)")
    ax.set_xlim(0, 1.04 * max(COUNT_SHARES))
    ax.set_title("CNN-16, validation images (T3)", loc="left", fontsize=12)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_slopes(points: pd.DataFrame, printed: pd.DataFrame) -> plt.Figure:
    """T4 drawn: height and slope of six networks, the paper's numbers and ours."""
    quantities = {"height": "height of the transition  [bit]", "slope": "slope after it"}
    figure, axes = plt.subplots(2, 2, figsize=(13.5, 8), sharex=True)
    for row, part in enumerate(PART_NAMES):
        theirs = printed[printed["part"] == part].set_index("model")
        for column, (name, words) in enumerate(quantities.items()):
            ax = axes[row, column]
            for place, model in enumerate(COMPARED):
                rows = of_case(points, Case(part, model))
                values = rows.loc[rows["compresses"], name] if name == "slope" else rows[name]
                ax.plot([place] * len(values), values, "o", color=COLOURS[model], ms=5, alpha=0.5)
                if len(values):
                    ax.plot(place, values.mean(), "_", color=COLOURS[model], ms=26, mew=3)
                else:
                    ax.annotate("no\ncompression", (place, 0.5), xycoords=("data", "axes fraction"), ha="center",
                                va="center", fontsize=9, color=plots.MUTED)  # fmt: skip
                ax.plot(place + 0.22, theirs.loc[model, name], **PAPER)
            if name == "slope":
                ax.axhline(0, color=plots.MUTED, lw=1, ls="--")
            dataset = data_name(points[points["part"] == part])
            ax.set_title(f"{LETTERS[2 * row + column]}  {dataset}: {words}", loc="left", fontsize=12)
            ax.set_xticks(range(len(COMPARED)), [title_of(model) for model in COMPARED])
            ax.set_xlim(-0.5, len(COMPARED) - 0.4)
    dot = plt.Line2D([], [], marker="o", ls="", ms=5, alpha=0.6, color=plots.MUTED, label="ours: a seed")
    bar = plt.Line2D([], [], marker="_", ls="", ms=20, mew=3, color=plots.MUTED, label="ours: mean")
    paper = plt.Line2D([], [], label="paper's Table 4", **PAPER)
    axes[0, 1].legend(handles=[dot, bar, paper], loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_accuracies(percentages: pd.DataFrame, points: pd.DataFrame) -> plt.Figure:
    """T5 drawn: the percentage beside the final validation accuracy, by depth."""
    figure, ax = plt.subplots(figsize=(8.5, 4.6))
    for model in DEPTHS:
        case = Case("cifar", model)
        share = of_case(percentages[percentages["split"] == "train"], case)["share"]
        ax.plot(share, of_case(points, case)["final_accuracy"], "o", color=COLOURS[model], ms=7, label=title_of(model))
        ax.plot(DEPTH_SHARES[model], FINAL_ACCURACIES[model], "D", mfc="white", mec=COLOURS[model], mew=2, ms=8)
    ax.plot([], [], label="paper", **PAPER)
    ax.set(
        xlim=(-0.02, 1.02), ylim=(0, 1), xlabel="inversions won by the lower I(X;T)", ylabel="final validation accuracy"
    )
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


# --------------------------------------------------------------------------------------------- ours


def draw_binning(table: pd.DataFrame) -> plt.Figure:
    """What the estimator decides: start, height, slope and percentage of the same runs under each of them."""
    rows = table[(table["part"] == "cifar") & table["model"].isin(DEPTHS) & (table["method"] == SGD)]
    found = list(dict.fromkeys(rows["estimator"]))
    estimators = sorted(found, key=lambda name: int(name.split()[-1]) if name.startswith("binned") else 10**6)
    columns = {"start_i_xt": "I(X;T) of the untrained network  [bit]", "height": "height of the transition  [bit]",
               "slope": "slope after it", "share": "inversions won (training images)"}  # fmt: skip
    figure, axes = plt.subplots(2, 2, figsize=(14, 8.4), sharex=True)
    for ax, (column, words), letter in zip(axes.flat, columns.items(), LETTERS, strict=False):
        split, empty = "train" if column == "share" else "validation", True
        for model in DEPTHS:
            one = rows[(rows["model"] == model) & (rows["split"] == split)]
            one = one[one["compresses"]] if column == "slope" else one
            mean = one.groupby("estimator")[column].mean().reindex(estimators)
            empty = empty and mean.isna().all()
            ax.plot(range(len(estimators)), mean, "o-", color=COLOURS[model], ms=6, lw=1.4, label=title_of(model))
        ax.set_title(f"{letter}  {words}", loc="left", fontsize=12)
        if empty:
            words = "no path compresses" if column == "slope" else "no inversion"
            ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", color=plots.MUTED)
            ax.set_yticks([])
        ax.set_xticks(range(len(estimators)), [each.replace("binned ", "bins: ") for each in estimators], rotation=20)
        if column == "share":
            ax.axhline(0.5, color=plots.MUTED, lw=1, ls="--")
            ax.set_ylim(-0.02, 1.02)
    axes[0, 1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


SCORE_COLOURS = {
    "height": "#009E73",
    "slope": "#D55E00",
    "combined": "#0072B2",
    "accuracy": "#000000",
    "loss": "#CC79A7",
    "training loss": "#E69F00",
}


def draw_selection(table: pd.DataFrame) -> plt.Figure:
    """How well each score, some epochs after the transition, orders the networks by their final accuracy."""
    parts = list(dict.fromkeys(table["part"]))
    figure, axes = plt.subplots(1, len(parts), figsize=(14, 4.8), sharey=True)
    for ax, part, letter in zip(axes, parts[::-1], LETTERS, strict=False):
        rows = table[table["part"] == part]
        waits = sorted(set(rows["wait"]))
        for order, score in enumerate(SCORES):
            each = [interval(rows[(rows["wait"] == wait) & (rows["score"] == score)]["tau"]) for wait in waits]
            places = np.arange(len(waits)) + 0.09 * (order - 2.5)
            ax.plot(places, [mean for mean, _, _ in each], "o-", color=SCORE_COLOURS[score], ms=6, label=score)
            for place, (_, low, high) in zip(places, each, strict=True):
                if np.isfinite(low):
                    ax.plot([place] * 2, [max(low, -1), min(high, 1)], color=SCORE_COLOURS[score], lw=1.2, alpha=0.7)
        n = int(rows["n_networks"].max())
        ax.set_title(f"{letter}  {data_name(rows)}, {n} networks", loc="left", fontsize=12)
        ax.set_xticks(range(len(waits)), [f"{wait:g}" for wait in waits])
        ax.set(xlabel="epochs after the transition", ylim=(-1.05, 1.05))
        ax.axhline(0, color=plots.MUTED, lw=1, ls="--")
    axes[0].set_ylabel("Kendall's tau with the final order")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


LEAST_SPREAD = 1e-9  # on a logarithmic axis


def draw_plain(table: pd.DataFrame) -> plt.Figure:
    """The plain deep network is dead: how far its logits lie apart, untrained and after a few updates."""
    figure, ax = plt.subplots(figsize=(8, 3.8))
    table = table.assign(
        name=[f"{kind}, step {step:,}" for kind, step in zip(table["kind"], table["step"], strict=True)]
    )
    names = list(dict.fromkeys(table["name"]))
    for place, name in enumerate(names):
        rows = table[table["name"] == name]
        shown, dead = rows["spread"].clip(lower=LEAST_SPREAD), (rows["spread"] < LEAST_SPREAD).any()
        colour = "#D55E00" if name.startswith("plain") else "#0072B2"
        ax.plot(shown, [place] * len(rows), "o", ms=9, color=colour)
        words = f"{'or less; ' if dead else ''}accuracy {100 * rows['accuracy'].mean():.0f} %"
        ax.annotate(words, (shown.max(), place), (10, 0), textcoords="offset points", va="center", fontsize=11)
    ax.set_yticks(range(len(names)), names)
    ax.set(xscale="log", xlabel="standard deviation of the logits over images", ylim=(-0.6, len(names) - 0.4))
    ax.set_xlim(right=30 * table["spread"].max())
    return figure


def draw_paths(paths: pd.DataFrame, *, epoch: float, network: str = "all") -> plt.Figure:
    """Validation paths on both data sets up to an epoch, one network in colour or all: what the sliders go through."""
    figure, axes = plt.subplots(1, 2, figsize=(13.5, 5))
    for ax, part, letter in zip(axes, PART_NAMES, LETTERS, strict=False):
        rows = paths[(paths["part"] == part) & (paths["split"] == "validation") & (paths["method"] == SGD)]
        chosen = COMPARED if part == "mnist" else SELECTED
        for model in sorted(chosen, key=lambda each: title_of(each) == network):
            mean = rows[rows["model"] == model].groupby("epoch")[["i_xt", "i_ty"]].mean()
            lit = network in ("all", title_of(model))
            x, y = _until(mean, epoch)
            ax.plot(x, y, color=COLOURS[model] if lit else "0.88", lw=2 if lit else 1, label=title_of(model))
            ax.plot(x[-1], y[-1], "o", color=COLOURS[model] if lit else "0.88", ms=7 if lit else 4)
        ax.set(xlim=(0, 1.03 * rows["i_xt"].max()), ylim=(0, 1.05 * rows["i_ty"].max()))
        label_plane(ax, f"{letter}  {data_name(rows)}, until epoch {epoch:.3g}", left=part == "mnist")
    handles = {title_of(model): plt.Line2D([], [], color=COLOURS[model], lw=2) for model in SELECTED}
    axes[1].legend(handles.values(), handles, loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return figure
