"""Single kernels in notebook 01: figures F5 to F10 and A3 to A8."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

from ... import cache, plots
from .. import Experiment
from .observers import LITERAL_VARIANCE, first_of_each_class
from .planes import ALLOWED_SHARE, over_seeds
from .settings import (
    KERNEL_NETWORKS,
    PARTS,
    Settings,
    at_bound,
    class_names,
    dataset_of,
    identities,
    observed,
)

EXTREMES = 4  # kernels of highest and of lowest information whose response maps are shown
ALLOWED_CHANCE = 0.1  # of H(Y), for shuffled labels: the second reading of kernels
MOST_BOXES = 26  # in one panel
MOST_PANELS = 11  # iterations in F9 and F10: every 5,000 of 50,000
BLOCK_NAMES = {
    ("lenet", "block1"): "LeNet, block 1",
    ("lenet", "block2"): "LeNet, block 2",
    ("densenet", "block1"): "DenseNet, block 1",
    ("densenet", "block2"): "DenseNet, dense block 1",
}
BLOCK_LINES = {"block1": "-", "block2": "--"}


# --------------------------------------------------------------------------------------------- tables


@cache.cached(version=2, also=identities)
def every_kernel(settings: Settings) -> pd.DataFrame:
    """I(T;Y), and I(T;[Y=y]) as class0, class1, ..., of every kernel, seed and moment under every noise."""
    tables = [observed(settings, network, part, "kernels") for part in PARTS for network in KERNEL_NETWORKS]
    table = pd.concat(tables, ignore_index=True)
    table["log2_n"] = np.log2(table["n_samples"])
    table["at_bound"] = at_bound(table) & ~table["constant"]  # a constant kernel knows nothing, under every noise
    return table


@cache.cached(version=2, also=identities)
def kernel_saturation(settings: Settings) -> pd.DataFrame:
    """For every noise, a block, and all together ("all"): how much the noise leaves to chance.

    share: of the kernels (not the constant ones) at a bound. by_chance: I(T;Y) with shuffled labels, median over the
    kernels, as a part of H(Y).
    """
    table = every_kernel(settings)
    table = table[(table["part"] == "main") & ~table["constant"]]
    table = table.assign(by_chance=table["i_ty_shuffled"] / table["entropy_y"])
    keys = ["noise", "model", "layer", "noise_variance"]
    of_block = table.groupby(keys, sort=False)
    each = of_block.agg(share=("at_bound", "mean"), by_chance=("by_chance", "median")).reset_index()
    together = each.groupby(["noise", "noise_variance"])[["share", "by_chance"]].mean().reset_index()
    return pd.concat([each, together.assign(model="all", layer="all")], ignore_index=True)


def best_kernel_noise(table: pd.DataFrame) -> tuple[float, float, float]:
    """The smallest relative noise that leaves under 5 % of the kernels at a bound and under 10 % of H(Y) to chance.

    table: that of `kernel_saturation`. If there is none, the noise that leaves least to chance. Returns the noise, the
    share at a bound and the part that shuffled labels get.
    """
    every = table[(table["model"] == "all") & (table["noise"] == "relative")].sort_values("noise_variance")
    fit = every[(every["share"] < ALLOWED_SHARE) & (every["by_chance"] < ALLOWED_CHANCE)]
    chosen = fit.iloc[0] if len(fit) else every.loc[every["by_chance"].idxmin()]
    return float(chosen["noise_variance"]), float(chosen["share"]), float(chosen["by_chance"])


def kernel_reading(table: pd.DataFrame, noise: str, value: float) -> pd.DataFrame:
    """The rows of one noise."""
    return table[(table["noise"] == noise) & (table["noise_variance"] == value)].reset_index(drop=True)


@cache.cached(version=2, also=identities)
def literal_kernels(settings: Settings) -> pd.DataFrame:
    """The kernels as the paper reads: noise variance 0.1."""
    return kernel_reading(every_kernel(settings), "absolute", LITERAL_VARIANCE)


@cache.cached(version=2, also=identities)
def second_kernels(settings: Settings) -> pd.DataFrame:
    """The kernels under noise relative to each kernel's own variance, its share by `best_kernel_noise`."""
    value, _, _ = best_kernel_noise(kernel_saturation(settings))
    return kernel_reading(every_kernel(settings), "relative", value)


@cache.cached(version=2, also=identities)
def rank_agreement(settings: Settings) -> pd.DataFrame:
    """How far the kernels of a block stand in one order, under both readings: see `agreement_of`."""
    tables = agreement_of(literal_kernels(settings), "literal"), agreement_of(second_kernels(settings), "second")
    return pd.concat(tables, ignore_index=True)


def agreement_of(table: pd.DataFrame, reading: str) -> pd.DataFrame:
    """Spearman correlations of the kernels' order, for every block, seed and moment: between_classes and with_start.

    between_classes: mean over pairs of classes; 1 where a kernel ranked high for one class is so for all.
    with_start: mean over classes of the order now with the order at iteration 0. Constant kernels tie at the end.
    """
    keys = ["part", "dataset", "model", "layer", "seed"]
    rows = []
    for key, block in table.sort_values([*keys, "step", "kernel"]).groupby(keys, sort=False):
        steps = sorted(set(block["step"]))
        values = block[class_columns(block)].to_numpy().reshape(len(steps), -1, len(class_columns(block)))
        bounds = block["at_bound"].to_numpy().reshape(len(steps), -1).mean(1)
        n_classes = values.shape[2]
        for step, now, share in zip(steps, values, bounds, strict=True):
            r = spearman(np.hstack([now, values[0]]))
            between = r[:n_classes, :n_classes][np.triu_indices(n_classes, 1)]
            kept = np.diagonal(r[:n_classes, n_classes:])
            rows.append((reading, *key, step, _mean(between), _mean(kept), share))
    return pd.DataFrame(rows, columns=["reading", *keys, "step", "between_classes", "with_start", "at_bound"])


def class_columns(table: pd.DataFrame) -> list[str]:
    """class0, class1, ...: those of the classes that there are."""
    return [name for name in table.filter(regex=r"^class\d+$") if table[name].notna().any()]


def spearman(values: np.ndarray) -> np.ndarray:
    """Spearman correlations of the columns of (n, columns); ties share their mean rank; nan for a constant column."""
    ranks = stats.rankdata(values, axis=0)
    ranks = ranks - ranks.mean(0)
    norms = np.linalg.norm(ranks, axis=0)
    ranks = ranks / np.where(norms > 0, norms, np.nan)
    return ranks.T @ ranks


def _mean(values: np.ndarray) -> float:
    """The mean of the numbers that are defined; nan where none is."""
    return float(values[~np.isnan(values)].mean()) if (~np.isnan(values)).any() else float("nan")


def class_values(rows: pd.DataFrame) -> pd.DataFrame:
    """(kernels, classes) I(T;[Y=y]) of one seed, step and block; the index numbers the kernels."""
    return rows.set_index("kernel")[class_columns(rows)].sort_index()


@cache.cached(version=2, also=identities)
def class_information(settings: Settings) -> pd.DataFrame:
    """What the kernels of a block know of each class at the last iteration, under both readings: see `means_of`."""
    tables = means_of(literal_kernels(settings), "literal"), means_of(second_kernels(settings), "second")
    return pd.concat(tables, ignore_index=True)


def means_of(table: pd.DataFrame, reading: str) -> pd.DataFrame:
    """The mean of I(T;[Y=y]) over the kernels of a block at the last iteration, for every seed and class."""
    last = table[table["step"] == table["step"].max()]
    keys = ["part", "dataset", "model", "layer", "seed", "step"]
    means = last.groupby(keys, sort=False)[[*last.filter(regex=r"^class\d+$"), "at_bound"]].mean().reset_index()
    long = means.melt([*keys, "at_bound"], var_name="class", value_name="value").dropna(subset="value")
    return long.assign(**{"class": long["class"].str[5:].astype(int)}, reading=reading)


@cache.cached(version=2, also=identities)
def response_maps(settings: Settings) -> pd.DataFrame:
    """The maps of the kernels of highest and of lowest I(T;Y) at every moment, of the first seed, as bytes.

    Second reading. `place` counts from the highest (1, 2, ...) and from the lowest (-1, -2, ...); place 0 is the image.
    """
    kernels, tables = second_kernels(settings), []
    for part in PARTS:
        for network in KERNEL_NETWORKS:
            maps = observed(settings, network, part, "maps")
            maps = maps[maps["seed"] == 0]
            known = kernels[(kernels["part"] == part) & (kernels["model"] == network) & (kernels["seed"] == 0)]
            order = known.sort_values(["step", "layer", "i_ty"], ascending=[True, True, False], kind="stable")
            of_block = order.groupby(["step", "layer"], sort=False)
            highest = order.assign(place=of_block.cumcount() + 1)
            lowest = order.assign(place=of_block.cumcount(ascending=False) * -1 - 1)
            chosen = pd.concat([highest[highest["place"] <= EXTREMES], lowest[lowest["place"] >= -EXTREMES]])
            chosen = chosen[["step", "layer", "kernel", "i_ty", "constant", "place"]]
            tables += [chosen.merge(maps, on=["step", "layer", "kernel"]), shown_images(settings, part, network)]
    columns = ["part", "dataset", "model", "seed", "step", "layer", "place", "kernel", "i_ty", "constant", "class"]
    return pd.concat(tables, ignore_index=True)[[*columns, "map", "side", "low", "high"]]


def shown_images(settings: Settings, part: str, network: str) -> pd.DataFrame:
    """The images that the maps answer to: one test image of each class."""
    dataset = dataset_of(settings, network, part)
    more = {"part": part, "dataset": dataset.name, "model": network, "seed": 0, "step": -1, "layer": "input"}
    more |= {"kernel": -1, "i_ty": 0.0, "constant": False, "place": 0, "low": 0.0, "high": 1.0}
    pixels = np.rint(255 * dataset.x_test[first_of_each_class(dataset), 0].numpy()).astype(np.uint8)
    rows = [{"class": c, "map": image.tobytes(), "side": image.shape[-1]} for c, image in enumerate(pixels)]
    return pd.DataFrame(rows).assign(**more)


TABLES = {
    "kernel_saturation": kernel_saturation,
    "literal_kernels": literal_kernels,
    "second_kernels": second_kernels,
    "rank_agreement": rank_agreement,
    "class_information": class_information,
    "response_maps": response_maps,
}


# --------------------------------------------------------------------------------------------- figures


def of_block(table: pd.DataFrame, part: str, network: str, layer: str) -> pd.DataFrame:
    return table[(table["part"] == part) & (table["model"] == network) & (table["layer"] == layer)]


def of_layer(table: pd.DataFrame, layer: str) -> pd.DataFrame:
    """What boxes show: one row a kernel, without the classes."""
    rows = table[table["layer"] == layer]
    return rows.drop(columns=list(rows.filter(regex=r"^class\d+$")))


def of_first_seed(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["seed"] == table["seed"].min()]


def draw_kernel_saturation(table: pd.DataFrame) -> plt.Figure:
    """What relative noise leaves to chance: kernels at a bound, and what shuffled labels get; one line a block."""
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.4), sharey=True)
    rows = table[table["noise"] == "relative"].sort_values("noise_variance")
    chosen = best_kernel_noise(table)[0]
    for ax, column, allowed in zip(axes, ("share", "by_chance"), (ALLOWED_SHARE, ALLOWED_CHANCE), strict=True):
        for (network, layer), one in rows[rows["model"] != "all"].groupby(["model", "layer"], sort=False):
            ax.plot(
                one["noise_variance"], one[column], "o", ls=BLOCK_LINES[layer], ms=4, lw=1.5,
                color=plots.NETWORK_COLOURS[network], label=BLOCK_NAMES[network, layer],
            )  # fmt: skip
        every = rows[rows["model"] == "all"]
        ax.plot(every["noise_variance"], every[column], "o-", ms=6, lw=2.5, color="black", label="all blocks together")
        plots.mark_level(ax, allowed, f"{allowed:.0%}")
        ax.axvline(chosen, color=plots.MUTED, ls="--", lw=1.2)
        ax.annotate(
            f"chosen {chosen:g}", (chosen, 1.0), (0, 2), ("data", "axes fraction"), "offset points", fontsize=10,
            color=plots.MUTED, va="bottom", ha="center",
        )  # fmt: skip
        ax.set(xscale="log", xlabel="noise, share of the kernel's variance", ylim=(-0.03, 1.03))
    axes[0].set_ylabel("share of kernels at a bound")
    axes[1].set_ylabel("I(T; shuffled Y) / H(Y)")
    axes[0].set_title("a  Saturated", loc="left", pad=22)
    axes[1].set_title("b  Known by chance", loc="left", pad=22)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=10)
    return figure


def shown_steps(table: pd.DataFrame, most: int) -> list[int]:
    """Step 0 and evenly spaced moments up to the last: at most `most` of them."""
    steps = sorted(set(table["step"]))
    wanted = np.linspace(0, steps[-1], most)
    return sorted({min(steps, key=lambda step: abs(step - value)) for value in wanted})


def draw_boxes(table: pd.DataFrame, part: str, layer: str, *, change: bool = True) -> plt.Figure:
    """F5, F8, A3, A6: boxes of a block's kernels over training, both networks, and how fast their mean changes."""
    rows = 2 if change else 1
    figure, axes = plt.subplots(rows, 2, figsize=(13, 4 * rows), squeeze=False, sharey="row")
    drawn = table[(table["part"] == part) & (table["layer"] == layer)]
    top = min(1.1 * drawn["entropy_y"].max(), 1.2 * drawn["i_ty"].max() + 0.05)
    for column, network in enumerate(KERNEL_NETWORKS):
        block = of_block(table, part, network, layer)
        kept = block[block["step"].isin(shown_steps(block, MOST_BOXES))]
        ax = plots.plot_boxes(kept, top=top, ax=axes[0, column])
        ax.set_title(f"{'ab'[column]}  {BLOCK_NAMES[network, layer]}", loc="left")
        if change:
            ax = plots.plot_change(changes(kept).assign(model=network), ax=axes[1, column])
            ax.set_title(f"{'cd'[column]}  how fast their mean changes", loc="left")
    for ax in axes[:, 1]:
        ax.set_ylabel("")
    return figure


def changes(block: pd.DataFrame) -> pd.DataFrame:
    """The change of the kernels' mean I(T;Y) per iteration between the moments shown: columns step, seed, value."""
    mean = block.pivot_table(index="step", columns="seed", values="i_ty")
    slope = mean.diff().div(np.diff(mean.index, prepend=np.nan), axis=0).iloc[1:]
    return slope.reset_index().melt("step", var_name="seed")


def draw_heatmaps(table: pd.DataFrame, part: str, network: str) -> plt.Figure:
    """F9, F10, A7, A8: what every kernel knows of every class, and its rank, over training (first seed).

    The kernels of a block stand in the order of their I(T;Y) at iteration 0, the highest left.
    """
    rows = table[(table["part"] == part) & (table["model"] == network) & (table["seed"] == table["seed"].min())]
    steps = shown_steps(rows, MOST_PANELS if len(set(rows["step"])) > MOST_PANELS else 6)
    classes = class_names(rows["dataset"].iloc[0])
    figure, axes = plt.subplots(1, 4, figsize=(15, 0.9 + 1.75 * len(steps)))
    panels = [("block1", False), ("block1", True), ("block2", False), ("block2", True)]
    for ax, (layer, rank), letter in zip(axes, panels, "abcd", strict=True):
        _heatmap(rows[rows["layer"] == layer], steps, classes, rank, ax)
        if ax is not axes[0]:
            ax.set_yticks([])
        ax.tick_params(axis="y", labelsize=8)
        ax.tick_params(axis="x", labelsize=9)
        ax.set_title(f"{letter}  {_short(network, layer)}: {'rank' if rank else 'value'}")
        ax.set_xlabel("kernel, by I(T;Y) at iteration 0", fontsize=11)
    n_classes = len(axes[0].get_yticks()) // len(steps)
    for number, step in enumerate(steps):
        middle = number * (n_classes + 1) + (n_classes - 1) / 2
        axes[0].annotate(
            f"iteration\n{step:,}", (0, middle), (-70, 0), ("axes fraction", "data"), "offset points", rotation=90,
            ha="center", va="center", fontsize=10,
        )  # fmt: skip
    return figure


def _short(network: str, layer: str) -> str:
    return {"block1": "block 1", "block2": "dense block 1" if network == "densenet" else "block 2"}[layer]


def _heatmap(block: pd.DataFrame, steps: list[int], classes: tuple, rank: bool, ax: plt.Axes) -> plt.Axes:
    """The kernels of one block (of one seed) at some steps, one map below the other."""
    start = block[block["step"] == block["step"].min()].sort_values("i_ty", ascending=False, kind="stable")
    each = [class_values(block[block["step"] == step]).loc[start["kernel"]] for step in steps]
    largest = float(block.filter(regex=r"^class\d+$").max().max())
    values = [one.rank(ascending=False, method="min") if rank else one for one in each]
    chosen = [classes[int(name[5:])] for name in each[0].columns]
    return plots.plot_kernels_by_class(np.array(values), chosen, rank=rank, largest=largest, ax=ax)


def draw_heatmap(table: pd.DataFrame, *, iteration: int, block: str, network: str) -> plt.Figure:
    """One block of one network at one iteration, value above and rank below: what the sliders go through."""
    name = {"LeNet": "lenet", "DenseNet": "densenet"}[network]
    rows = of_block(table, "main", name, f"block{block}")
    rows = rows[rows["seed"] == rows["seed"].min()]
    classes = class_names(rows["dataset"].iloc[0])
    figure, axes = plt.subplots(2, 1, figsize=(9.5, 6.6), sharex=True)
    for ax, rank in zip(axes, (False, True), strict=True):
        _heatmap(rows, [iteration], classes, rank, ax)
    axes[0].set_title(f"{BLOCK_NAMES[name, f'block{block}']}, iteration {iteration:,}", loc="left")
    axes[1].set_xlabel("kernel, by I(T;Y) at iteration 0")
    return figure


def draw_responses(table: pd.DataFrame, part: str, network: str, layer: str = "block1", step: int | None = None):
    """F6, F7, A4, A5: what the kernels of highest and lowest information answer to one image of each class."""
    rows = table[(table["part"] == part) & (table["model"] == network)]
    step = int(rows["step"].max()) if step is None else step
    now = rows[(rows["layer"] == layer) & (rows["step"] == step)]
    highest = now[now["place"] > 0].sort_values("place")
    lowest = now[now["place"] < 0].sort_values("place")
    classes = class_names(rows["dataset"].iloc[0])
    figure, axes = plt.subplots(
        3, 1, figsize=(11, 10.2), gridspec_kw={"height_ratios": [1, EXTREMES, EXTREMES]}, layout="constrained"
    )
    images = plots.pictures_of(rows[rows["place"] == 0], ["place"], "class")
    names = [classes[c] for c in sorted(set(now["class"]))]
    plots.plot_mosaic(images, rows=["image"], columns=names, ax=axes[0])
    axes[0].set_title(f"{BLOCK_NAMES[network, layer]}, iteration {step:,}", loc="left", pad=10)
    for ax, part_of, word in ((axes[1], highest, "highest"), (axes[2], lowest, "lowest")):
        kernels = part_of.drop_duplicates("place")
        labels = [_kernel_words(kernel) for _, kernel in kernels.iterrows()]
        blank = [""] * len(names)
        plots.plot_mosaic(plots.pictures_of(part_of, ["place"], "class"), rows=labels, columns=blank, ax=ax)
        ax.set_ylabel(f"{word} I(T;Y)", fontsize=12)
    return figure


def _kernel_words(kernel: pd.Series) -> str:
    """`kernel 7\\n1.23 bit`, counted from 1."""
    told = "constant" if kernel["constant"] else f"{kernel['i_ty']:.2f} bit"
    return f"kernel {kernel['kernel'] + 1}\n{told}"


def draw_response(table: pd.DataFrame, *, iteration: int, block: str, network: str) -> plt.Figure:
    """The response maps of one block at one iteration: what the sliders go through."""
    name = {"LeNet": "lenet", "DenseNet": "densenet"}[network]
    return draw_responses(table, "main", name, f"block{block}", iteration)


def draw_agreement(table: pd.DataFrame) -> plt.Figure:
    """Do kernels specialise? Agreement of their order between classes, and with the order at iteration 0."""
    rows = table[(table["part"] == "main") & (table["reading"] == "second")]
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.4), sharey=True)
    for ax, column in zip(axes, ("between_classes", "with_start"), strict=True):
        for (network, layer), block in rows.groupby(["model", "layer"], sort=False):
            means = over_seeds(block, ["step"], column)
            colour = plots.NETWORK_COLOURS[network]
            label = BLOCK_NAMES[network, layer]
            ax.plot(means["step"], means["mean"], "o", ls=BLOCK_LINES[layer], ms=4, color=colour, label=label)
            known = means[np.isfinite(means["low"])]
            low, high = known["low"].clip(lower=-1), known["high"].clip(upper=1)
            ax.fill_between(known["step"], low, high, color=colour, alpha=0.12, lw=0)
        ax.axhline(0, color=plots.MUTED, lw=1)
        ax.set(xlabel="iteration", ylim=(-0.6, 1.05))
    axes[0].set(title="a  Between the classes", ylabel="Spearman correlation\nof the kernels' order")
    axes[1].set(title="b  With iteration 0")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_classes(table: pd.DataFrame) -> plt.Figure:
    """Which classes do the kernels of the second block know least of? Fashion-MNIST, at the last iteration."""
    rows = table[(table["part"] == "appendix") & (table["reading"] == "second") & (table["layer"] == "block2")]
    figure, ax = plt.subplots(figsize=(11, 4.8))
    means = over_seeds(rows, ["model", "class"])
    names = class_names(rows["dataset"].iloc[0])
    plots.plot_class_means(means, [names[c] for c in sorted(set(rows["class"]))], ax=ax)
    return figure


def numbers_of_maps(part: str, network: str):
    """The pixels of F6, F7, A4 and A5 as text, so that others can draw them."""

    def select(experiment: Experiment) -> pd.DataFrame:
        table = experiment.table("response_maps")
        rows = table[(table["part"] == part) & (table["model"] == network)]
        return with_pixels(rows[rows["step"].isin([-1, rows["step"].max()]) & (rows["layer"] != "block2")])

    return select


def with_pixels(rows: pd.DataFrame) -> pd.DataFrame:
    """The map's bytes as the numbers 0 to 255 in one text column."""
    pixels = [" ".join(map(str, np.frombuffer(each, np.uint8))) for each in rows["map"]]
    return rows.drop(columns="map").assign(pixels=pixels)
