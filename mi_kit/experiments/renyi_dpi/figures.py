"""The figures of notebook 02, each drawn from finished tables."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ... import plots
from ...claims import SATURATED_SHARE, interval
from .beyond import KINDS
from .chains import DIRECTIONS
from .settings import BASELINES, FILTERS, TOPOLOGIES

TOPOLOGY_NAMES = dict(
    zip(TOPOLOGIES, ("1 convolution (6)", "2 convolutions (6/16)", "3 convolutions (6/16/16)"), strict=True)
)
CASE_COLOURS = dict(zip(BASELINES, ("#CC79A7", "#E69F00", "#0072B2", "#009E73"), strict=True))
LETTERS = "abcdefghijkl"
FORBIDDEN = "#D55E00"  # by Proposition 1


def of_case(table: pd.DataFrame, part: str, network: str) -> pd.DataFrame:
    return table[(table["part"] == part) & (table["model"] == network)]


def case_name(rows: pd.DataFrame) -> str:
    """`mnist, sigmoid`: the data set as it was used, and the activation."""
    return f"{rows['dataset'].iloc[0]}, {'sigmoid' if 'sigmoid' in rows['model'].iloc[0] else 'ReLU'}"


def filters_of(network: str) -> str:
    return "/".join(network.split("_")[2:])


def epoch_words(rows: pd.DataFrame) -> str:
    return f"epoch {rows['epoch'].iloc[0]:.3g}"


# --------------------------------------------------------------------------------------------- the paper's


def draw_f1(_experiment) -> plt.Figure:
    """F1: the forward and the backward chain of the baseline."""
    figure, ax = plt.subplots(figsize=(13, 3.4))
    plots.plot_two_chains(["C1", "P1", "C2", "P2", "F1", "F2"], ax=ax)
    return figure


def draw_f2(_experiment) -> plt.Figure:
    """F2: what the maps of a layer share with the input, before and after pooling."""
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.6))
    plots.plot_union(4, 0.52, "a  a convolution: $I(X;\\{T^1,…,T^4\\})$", ax=axes[0])
    plots.plot_union(4, 0.36, "b  its pool: every circle shrinks", ax=axes[1])
    return figure


def steps_shown(rows: pd.DataFrame) -> list[int]:
    """Step 0, the one nearest to the moment that the paper shows (epoch 3 of 10; of the third data set 10 of 30), and
    the last one."""
    steps, share = np.array(sorted(set(rows["step"]))), 1 / 3 if rows["part"].iloc[0] == "third" else 0.3
    return [int(steps[0]), int(steps[np.abs(steps - share * steps[-1]).argmin()]), int(steps[-1])]


def draw_f3(table: pd.DataFrame) -> plt.Figure:
    """F3: both chains of three data sets at the start, after about a third of the training, and at its end."""
    cases = [BASELINES[0], BASELINES[2], BASELINES[3]]
    figure, axes = plt.subplots(3, 3, figsize=(13.5, 10.5), sharey="row")
    for row, case in enumerate(cases):
        rows = of_case(table, *case)
        for column, step in enumerate(steps_shown(rows)):
            ax, now = axes[row, column], rows[rows["step"] == step]
            draw_both(now, ax)
            words = f"{LETTERS[3 * row + column]}  {case_name(rows)}, {epoch_words(now)}"
            ax.set_title(words, loc="left", fontsize=11)
        axes[row, 0].set(ylabel="information  [bit]", ylim=limits(rows))
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def limits(rows: pd.DataFrame) -> tuple[float, float]:
    """From 0, or the lowest value, to a little above the highest entropy that bounds a curve."""
    top = 1.05 * max(rows["whole"].max(), rows["value"].max())
    return min(-0.04 * top, 1.1 * rows["value"].min()), top


def draw_both(rows: pd.DataFrame, ax: plt.Axes, layer: str = "all") -> None:
    """Both chains at one moment; a layer may be marked."""
    for direction in DIRECTIONS:
        one = rows[rows["direction"] == direction]
        plots.plot_chain(one, direction, ax=ax)
        if layer in set(one["layer"]):
            layers = list(dict.fromkeys(one["layer"]))
            value = one[one["layer"] == layer]["value"].mean()
            ax.plot(layers.index(layer), value, "o", ms=16, mfc="none", mec="black", mew=1.8)
            ax.annotate(f"{value:.2f}", (layers.index(layer), value), (0, 11), textcoords="offset points", ha="center")


def draw_chains(table: pd.DataFrame, *, part_of_training: int, layer: str = "all") -> plt.Figure:
    """The two chains of the four baselines at one moment: what the sliders go through.

    part_of_training: percent of each network's steps; the nearest estimate is shown.
    """
    figure, axes = plt.subplots(1, 4, figsize=(15.5, 4.2), sharey=True)
    for ax, case, letter in zip(axes, BASELINES, LETTERS, strict=False):
        rows = of_case(table, *case)
        steps = np.array(sorted(set(rows["step"])))
        now = rows[rows["step"] == steps[np.abs(steps - part_of_training / 100 * steps[-1]).argmin()]]
        draw_both(now, ax, layer)
        ax.set_title(f"{letter}  {case_name(rows)}\n{epoch_words(now)}", loc="left", fontsize=11)
    axes[0].set(ylabel="information  [bit]", ylim=limits(table))
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_f4(table: pd.DataFrame, curves: pd.DataFrame) -> plt.Figure:
    """F4: both chains of one, two and three convolutions, and their accuracy."""
    figure, axes = plt.subplots(1, 3, figsize=(14, 4.4), sharey=True)
    for ax, network, letter in zip(axes, TOPOLOGIES, LETTERS, strict=False):
        rows = of_case(table, "mnist", network)
        now = rows[rows["step"] == steps_shown(rows)[1]]
        draw_both(now, ax)
        mean = accuracy_at(curves, network, now["step"].iloc[0]).mean()
        ax.set_title(
            f"{letter}  {TOPOLOGY_NAMES[network]}\n{epoch_words(now)}, accuracy {100 * mean:.1f} %",
            loc="left",
            fontsize=11,
        )
    axes[0].set(ylabel="information  [bit]", ylim=limits(table))
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def accuracy_at(curves: pd.DataFrame, network: str, step: int, part: str = "mnist") -> pd.Series:
    """Test accuracy of every seed at a step."""
    chosen = of_case(curves, part, network)
    return chosen[(chosen["quantity"] == "test_accuracy") & (chosen["step"] == step)].set_index("seed")["value"]


def draw_f5(table: pd.DataFrame) -> plt.Figure:
    """F5 with measured values of one seed: two pairs of trained filters, and redundancy minus synergy of all pairs."""
    last = table[table["step"] == table["step"].max()]
    figure, axes = plt.subplot_mosaic([["a", "c", "d"], ["b", "e", "f"]], figsize=(14.5, 8.4))
    pairs = last[last["layer"] == "C1"].sort_values("co_information")
    for key, pair, word in (("a", pairs.iloc[-1], "most"), ("b", pairs.iloc[0], "least")):
        only = pair["joint"] - pair["i_second"], pair["joint"] - pair["i_first"]
        names = f"filter {pair['first']}", f"filter {pair['second']}"
        plots.plot_shared(*only, pair["co_information"], names, ax=axes[key])
        axes[key].set_title(f"{key}  C1, trained: the pair that shares {word}", loc="left", fontsize=11)
    top = float(table["co_information"].abs().max())
    for keys, layer in (("ce", "C1"), ("df", "C2")):
        for key, step in zip(keys, sorted(set(table["step"])), strict=True):
            rows = table[(table["layer"] == layer) & (table["step"] == step)]
            n = int(rows["second"].max())
            matrix = np.full((n, n), np.nan)
            matrix[rows["second"] - 1, rows["first"] - 1] = rows["co_information"]
            matrix[rows["first"] - 1, rows["second"] - 1] = rows["co_information"]
            image = axes[key].imshow(matrix, cmap="RdBu", vmin=-top, vmax=top)
            places = range(0, n, max(1, n // 6))
            axes[key].set_xticks(places, [place + 1 for place in places])
            axes[key].set_yticks(places, [place + 1 for place in places])
            axes[key].set_title(f"{key}  {layer}, iteration {step:,}", loc="left", fontsize=11)
            axes[key].set(xlabel="filter", ylabel="filter")
    bar = figure.colorbar(image, ax=[axes[key] for key in "cdef"], shrink=0.6)
    bar.set_label("redundancy minus synergy  [bit]")
    return figure


def draw_f6(table: pd.DataFrame, curves: pd.DataFrame) -> plt.Figure:
    """F6: what the convolutions keep of X, and how redundant their filters are, for four filter settings."""
    figure, axes = plt.subplots(2, 2, figsize=(13, 8.6), sharex=True)
    for ax, network, letter in zip(axes.flat, FILTERS, LETTERS, strict=False):
        rows = table[table["model"] == network]
        plots.plot_redundancy(rows, ax=ax)
        mean = accuracy_at(curves, network, int(rows["step"].max())).mean()
        ax.set_title(f"{letter}  {filters_of(network)} filters, accuracy {100 * mean:.1f} %", loc="left", fontsize=12)
    for ax in axes[:, 0]:
        ax.set_ylabel("information  [bit]")
    for ax in axes[1]:
        ax.set_xlabel("iteration")
    axes[0, 1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_redundancy(table: pd.DataFrame, *, filters: str, until: int) -> plt.Figure:
    """One filter setting up to an iteration: what the sliders go through."""
    network = next(each for each in FILTERS if filters_of(each) == filters)
    rows = table[table["model"] == network]
    figure, ax = plt.subplots(figsize=(9.5, 4.6))
    plots.plot_redundancy(rows[rows["step"] <= max(until, 0)], ax=ax)
    low, high = rows[["joint", "redundancy"]].min().min(), rows[["joint", "redundancy"]].max().max()
    ax.set(xlabel="iteration", ylabel="information  [bit]", xlim=(0, 1.2 * rows["step"].max()))
    ax.set(ylim=(min(-0.05 * high, 1.1 * low), 1.1 * high))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def plane_rows(table: pd.DataFrame, part: str, network: str) -> pd.DataFrame:
    """The forward rows of one network as an information plane."""
    rows = of_case(table[table["direction"] == "forward"], part, network)
    return rows.rename(columns={"value": "i_xt"})


def draw_f7(table: pd.DataFrame) -> plt.Figure:
    """F7: the information planes of three data sets, and the ends of their paths once more, larger."""
    figure, axes = plt.subplots(3, 2, figsize=(12.5, 12.5))
    for row, case in enumerate((BASELINES[0], BASELINES[2], BASELINES[3])):
        rows = plane_rows(table, *case)
        for column, ax in enumerate(axes[row]):
            plots.plot_information_plane(rows, ax=ax)
            letter = LETTERS[2 * row + column]
            if column:
                zoom(ax, rows)
            words = f"{letter}  {case_name(rows)}" + (", the second half of training" if column else "")
            ax.set_title(words, loc="left", fontsize=11)
        plots.plane_legend(axes[row, 1])
    return figure


def zoom(ax: plt.Axes, rows: pd.DataFrame) -> None:
    """Limits around the second half of the training, of the layer that keeps least of X and knows most to all."""
    late = rows[rows["step"] >= rows["step"].max() / 2]
    for column, limit in (("i_xt", ax.set_xlim), ("i_ty", ax.set_ylim)):
        low, high = late[column].min(), late[column].max()
        limit(low - 0.06 * (high - low) - 0.02, high + 0.06 * (high - low) + 0.02)
    for words in list(ax.texts):  # the names of bounds that lie outside
        words.remove()


def draw_planes(table: pd.DataFrame, *, part_of_training: int, layer: str = "all") -> plt.Figure:
    """The planes of the four baselines up to a moment, one layer in colour or all: what the sliders go through."""
    figure, axes = plt.subplots(1, 4, figsize=(17.5, 4.2))
    for ax, case, letter in zip(axes, BASELINES, LETTERS, strict=False):
        rows = plane_rows(table, *case)
        until = max(0, round(part_of_training / 100 * rows["step"].max()))
        plots.plot_information_plane(rows, highlight=layer, until=until, ax=ax)
        ax.set_title(f"{letter}  {case_name(rows)}", loc="left", fontsize=11)
        ax.label_outer()
    plots.plane_legend(axes[-1])
    return figure


# --------------------------------------------------------------------------------------------- ours


def draw_saturation(table: pd.DataFrame, marks: dict[str, float]) -> plt.Figure:
    """The bandwidth decides: share of points at a bound, forward and backward; the literal reading as stars."""
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.8), sharey=True)
    colours = {f"{part} {network}": colour for (part, network), colour in CASE_COLOURS.items()} | {"all": "black"}
    for ax, direction, letter in zip(axes, DIRECTIONS, "ab", strict=True):
        rows = table[table["direction"] == direction]
        shares = sorted(set(rows.loc[rows["reading"] == "relative", "share"]))
        for case, one in rows.groupby("case", sort=False):
            relative = one[one["reading"] == "relative"].sort_values("share")
            label = "all networks together" if case == "all" else case_words(case)
            width = 2.8 if case == "all" else 1.5
            ax.plot(relative["share"], relative["at_bound"], "o-", color=colours[case], lw=width, label=label)
            literal = one[one["reading"] == "literal"]["at_bound"]
            left = 0.5 * relative["share"].min()
            ax.plot([left], literal, "*", ms=15, color=colours[case], mec="white", clip_on=False, zorder=5)
        ax.axvline(marks[direction], color=plots.MUTED, ls="--", lw=1.2)
        ax.annotate("chosen", (marks[direction], 1.0), (4, -2), textcoords="offset points", va="top", color=plots.MUTED)
        ax.set(xscale="log", ylim=(-0.03, 1.05), xlabel="squared bandwidth, as a share of the variance")
        ax.set_xticks(shares, [f"{share:g}" for share in shares])
        ax.minorticks_off()
        ax.set_title(f"{letter}  {direction}: {plots.DIRECTION_NAMES[direction]}   (stars: literal)", loc="left")
    axes[0].set_ylabel("share of points at a bound")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def case_words(case: str) -> str:
    part, network = case.split(" ")
    data_set = {"mnist": "first data set", "fashion": "second data set", "third": "third data set"}[part]
    return f"{data_set}, {'sigmoid' if 'sigmoid' in network else 'ReLU'}"


def draw_breaks(table: pd.DataFrame) -> plt.Figure:
    """Where the inequalities hold, of one reading: a row a baseline, a column a direction."""
    figure, axes = plt.subplots(len(BASELINES), 3, figsize=(15, 12.5))
    for row, case in enumerate(BASELINES):
        rows = of_case(table, *case)
        for column, direction in enumerate((*DIRECTIONS, "pooling")):
            ax = axes[row, column]
            plots.plot_breaks(rows[rows["direction"] == direction], ax=ax)
            name = {"pooling": r"$H(C_i) \geq H(P_i)$"}.get(direction, f"{direction} chain")
            ax.set_title(f"{LETTERS[3 * row + column]}  {case_name(rows)}: {name}", loc="left", fontsize=11)
    for ax in axes[-1]:
        ax.set_xlabel("iteration")
    return figure


def draw_errors(table: pd.DataFrame) -> plt.Figure:
    """Does a bandwidth that follows the errors mend the backward chain? Share of pairs that hold, both readings."""
    rows = table[table["direction"] == "backward"]
    figure, axes = plt.subplots(1, len(BASELINES), figsize=(15.5, 4.2), sharey=True)
    for ax, case, letter in zip(axes, BASELINES, LETTERS, strict=False):
        one = of_case(rows, *case)
        for reading, style, colour in (
            ("literal", "o--", "0.35"),
            ("second", "s-", plots.DIRECTION_COLOURS["backward"]),
        ):
            of_seed = one[one["reading"] == reading].groupby(["step", "seed"])["holds"].mean().reset_index()
            bands(
                ax, of_seed, "holds", style, colour, {"literal": "h = 0.1", "second": "relative to the errors"}[reading]
            )
        ax.set_title(f"{letter}  {case_name(one)}", loc="left", fontsize=11)
        ax.set(xlabel="iteration", ylim=(-0.03, 1.05))
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xlim(-0.15, 1.5 * max(1, one["step"].max()))
    axes[0].set_ylabel("share of backward pairs that hold")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1), title="bandwidth")
    return figure


def bands(ax: plt.Axes, rows: pd.DataFrame, column: str, style: str, colour, label: str, x: str = "step") -> None:
    """Mean over seeds and its 95 % interval."""
    each = rows.groupby(x)[column].agg(lambda values: interval(values))
    mean, low, high = (np.array([one[place] for one in each]) for place in range(3))
    ax.plot(each.index, mean, style, color=colour, lw=1.8, ms=5, label=label)
    known = np.isfinite(low)
    ax.fill_between(each.index[known], low[known].clip(0, 1), high[known].clip(0, 1), color=colour, alpha=0.15, lw=0)


def draw_orders(table: pd.DataFrame) -> plt.Figure:
    """Proposition 1 on real activations: the three informations against the order, one colour a layer; literal."""
    networks, sizes = list(dict.fromkeys(table["model"])), sorted(set(table["n_samples"]))
    table = table[(table["step"] == table.groupby("model")["step"].transform("max")) & (table["reading"] == "literal")]
    figure, axes = plt.subplots(len(networks), len(KINDS), figsize=(14.5, 8), sharex=True)
    for (row, network), (column, kind) in itertools.product(enumerate(networks), enumerate(KINDS)):
        ax, rows = axes[row, column], table[(table["model"] == network) & (table["kind"] == kind)]
        colours = plots.layer_colours(list(dict.fromkeys(rows["layer"])))
        for n, style in zip(sizes, ("o-", "o:"), strict=False):
            for layer, one in rows[rows["n_samples"] == n].groupby("layer", sort=False):
                mean = one.groupby("alpha")["value"].mean()
                ax.plot(mean.index, mean, style, color=colours[layer], ms=4, label=layer if style == "o-" else None)
        low, high = rows["value"].min(), rows["value"].max()
        ax.set_ylim(min(-0.03 * high, 1.15 * low), 1.05 * high)
        ax.axhspan(ax.get_ylim()[0], 0, color=FORBIDDEN, alpha=0.12, lw=0)
        mark_proposition(ax, table["alpha"].max())
        activation = "sigmoid" if "sigmoid" in network else "ReLU"
        ax.set_title(f"{LETTERS[len(KINDS) * row + column]}  {activation}: {KINDS[kind]}", loc="left", fontsize=11)
    for ax in axes[-1]:
        ax.set_xlabel(r"order $\alpha$")
    for ax in axes[:, 0]:
        ax.set_ylabel("information  [bit]")
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1), title=size_words(sizes), fontsize=10, title_fontsize=10)
    return figure


def draw_unit_pairs(table: pd.DataFrame) -> plt.Figure:
    """Proposition 1 between two units: the lowest information of all pairs against the order, a line a bandwidth."""
    cases = list(dict.fromkeys(zip(table["model"], table["layer"], strict=True)))
    sizes, shares = sorted(set(table["n_samples"])), sorted(set(table["share"]))
    figure, axes = plt.subplots(1, len(cases), figsize=(15.5, 4.2), sharey=True)
    colours = dict(zip(shares, plt.get_cmap("viridis")(np.linspace(0.05, 0.85, len(shares))), strict=True))
    for ax, (network, layer), letter in zip(axes, cases, LETTERS, strict=False):
        rows = table[(table["model"] == network) & (table["layer"] == layer)]
        for (n, share), one in rows.groupby(["n_samples", "share"]):
            lowest = one.groupby("alpha")["value"].min()
            solid = n == sizes[0]
            ax.plot(lowest.index, lowest, "o-" if solid else "o:", color=colours[share], ms=4,
                    label=f"{share:g} of the variance" if solid else None)  # fmt: skip
        mark_proposition(ax, table["alpha"].max())
        ax.set_title(
            f"{letter}  {'sigmoid' if 'sigmoid' in network else 'ReLU'}: two units of {layer}", loc="left", fontsize=11
        )
        ax.set_xlabel(r"order $\alpha$")
    low, high = table.groupby(["model", "layer", "n_samples", "share", "alpha"])["value"].min().agg(["min", "max"])
    axes[0].set(ylabel="lowest of all pairs  [bit]", ylim=(min(1.15 * low, -0.05), max(1.05 * high, 0.05)))
    for ax in axes:
        ax.axhspan(axes[0].get_ylim()[0], 0, color=FORBIDDEN, alpha=0.12, lw=0)
    title = f"squared bandwidth;\n{size_words(sizes)}"
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1), title=title, fontsize=10, title_fontsize=10)
    return figure


def mark_proposition(ax: plt.Axes, largest: float) -> None:
    """A logarithmic axis of orders, with the one in use."""
    ax.axvline(1.01, color=plots.MUTED, ls="--", lw=1.2)
    ax.set_xscale("log")
    ticks = [alpha for alpha in (0.5, 1, 2, 5) if alpha <= largest]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def size_words(sizes: list[int]) -> str:
    return "n = " + " and ".join(f"{n} ({word})" for n, word in zip(sizes, ("solid", "dotted"), strict=False))


def draw_flips(table: pd.DataFrame) -> plt.Figure:
    """Where the verdict flips: share of pairs that hold, by order and bandwidth, for every size of the mini-batch."""
    sizes = sorted(set(table["n_samples"]))
    figure, axes = plt.subplots(
        2, len(sizes), figsize=(3.4 * len(sizes) + 2, 7.4), sharex=True, sharey=True, squeeze=False
    )
    for row, direction in enumerate(DIRECTIONS):
        for ax, n in zip(axes[row], sizes, strict=True):
            rows = table[(table["direction"] == direction) & (table["n_samples"] == n)]
            wide = rows.pivot_table(index="alpha", columns="factor", values="holds")
            saturated = (
                rows.pivot_table(index="alpha", columns="factor", values="at_bound").to_numpy() > SATURATED_SHARE
            )
            image = ax.imshow(wide, cmap=plots.VERDICT_MAP, vmin=0, vmax=1, alpha=0.8, aspect="auto", origin="lower")
            for (i, j), value in np.ndenumerate(wide.to_numpy()):
                words = f"({100 * value:.0f})" if saturated[i, j] else f"{100 * value:.0f}"
                dark = abs(value - 0.5) > 0.42
                ax.text(j, i, words, ha="center", va="center", fontsize=9, color="white" if dark else "black")
            ax.set_xticks(range(wide.shape[1]), [f"{factor:g}" for factor in wide.columns])
            ax.set_yticks(range(wide.shape[0]), [f"{alpha:g}" for alpha in wide.index])
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
            ax.set_title(f"{direction}, n = {n}", fontsize=11)
        axes[row, 0].set_ylabel(r"order $\alpha$")
    for ax in axes[-1]:
        ax.set_xlabel("bandwidth, times the paper's")
    figure.colorbar(image, ax=axes, shrink=0.6).set_label("share of pairs that hold")
    return figure


def draw_choices(table: pd.DataFrame) -> plt.Figure:
    """The silent choices: shares of pairs that hold, forward and backward, and the accuracy."""
    names = list(dict.fromkeys(table["choice"]))
    figure, axes = plt.subplots(1, 4, figsize=(15, 0.5 * len(names) + 1.8), sharey=True)
    places = np.arange(len(names))[::-1]
    columns = (("forward", "forward pairs that hold"), ("backward", "backward pairs that hold"),
               ("i_ty_last", "I(T;Y) of F2  [bit]"), ("accuracy", "test accuracy"))  # fmt: skip
    for ax, (column, label) in zip(axes, columns, strict=True):
        for place, name in zip(places, names, strict=True):
            values = table[table["choice"] == name][column]
            mean, low, high = interval(values)
            colour = "black" if place == places[0] else plots.DIRECTION_COLOURS.get(column, "#0072B2")
            if np.isfinite(low):
                ax.plot([low, high], [place, place], color=colour, lw=2.2)
            ax.plot(values, [place] * len(values), "o", ms=4, color=colour, alpha=0.35)
            ax.plot(mean, place, "o", ms=9, color=colour)
        base = table[table["choice"] == names[0]][column].mean()
        ax.axvline(base, color=plots.MUTED, ls=":", lw=1.2)
        ax.set_xlabel(label)
        ax.set_xlim(-0.04, 1.06 if column != "i_ty_last" else max(1.06, 1.1 * table[column].max()))
        ax.grid(axis="y", color="0.93")
    axes[0].set_yticks(places, names)
    return figure


def draw_blocks(table: pd.DataFrame) -> plt.Figure:
    """ResNet-18: I(X;T) after every block, and of the branch inside it, untrained and trained, both readings."""
    figure, axes = plt.subplots(2, 2, figsize=(14.5, 8.2), sharex=True, sharey="row")
    steps = [table["step"].min(), table["step"].max()]
    for row, reading in enumerate(("literal", "second")):
        for column, step in enumerate(steps):
            ax, rows = axes[row, column], table[(table["reading"] == reading) & (table["step"] == step)]
            outputs = rows[~rows["inside"]]
            layers = list(dict.fromkeys(outputs["layer"]))
            mean = outputs.groupby("layer")["i_xt"].mean().loc[layers]
            for _, one in outputs.groupby("seed"):
                ax.plot(
                    range(len(layers)), one.set_index("layer").loc[layers, "i_xt"], color="#0072B2", lw=0.8, alpha=0.4
                )
            ax.plot(range(len(layers)), mean, "o-", color="#0072B2", ms=7, lw=2.2, label="after the block")
            inside = rows[rows["inside"]].groupby("layer")["i_xt"].mean()
            branch = [inside.get(f"{layer}.bn2", np.nan) for layer in layers]
            ax.plot(np.arange(len(layers)) - 0.35, branch, "v", color="#D55E00", ms=9, label="branch inside the block")
            ax.axhline(rows["h_x"].mean(), color=plots.MUTED, ls=":", lw=1.2)
            ax.set_title(f"{LETTERS[2 * row + column]}  {reading} reading, iteration {step:,}", loc="left", fontsize=11)
            names = [layer.replace("maxpool", "stem").replace("layer", "") for layer in layers]
            ax.set_xticks(range(len(layers)), names)
            ax.set_ylim(bottom=0)
        axes[row, 0].set_ylabel("I(X;T)  [bit]")
    for ax in axes[1]:
        ax.set_xlabel("residual block")
    axes[0, 1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_training(curves: pd.DataFrame) -> plt.Figure:
    """Test accuracy over the epochs: baselines, topologies, filter settings."""
    groups = (("data sets", BASELINES), ("convolutions", [("mnist", network) for network in TOPOLOGIES]),
              ("filters", [("mnist", network) for network in FILTERS]))  # fmt: skip
    figure, axes = plt.subplots(1, 3, figsize=(15.5, 4.4), sharey=True)
    for ax, (title, cases), letter in zip(axes, groups, "abc", strict=True):
        colours = CASE_COLOURS.values() if title == "data sets" else plots.shades(len(cases))
        for (part, network), colour in zip(cases, colours, strict=True):
            rows = of_case(curves, part, network)
            rows = rows[rows["quantity"] == "test_accuracy"]
            label = case_name(rows) if title == "data sets" else filters_of(network)
            bands(ax, rows, "value", "o-", colour, label, x="epoch")
        ax.set(xlabel="epoch", ylim=(0, 1.02))
        ax.set_title(f"{letter}  {title}", loc="left")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), fontsize=9, ncols=2)
    axes[0].set_ylabel("test accuracy")
    return figure
