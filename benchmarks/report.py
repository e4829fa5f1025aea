"""What the benchmark writes: tables as CSV and to read, and two figures."""

from __future__ import annotations

import math
from pathlib import Path

import cases
import machine
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mi_kit import paths
from mi_kit.plots import style

COLUMNS = [
    "case", "title", "against", "floor", "n", "device", "ours_seconds", "theirs_seconds", "ratio", "ours_megabytes",
    "theirs_megabytes", "largest_difference_bits", "tolerance_bits", "ours_growth", "theirs_growth", "limit_seconds",
    "share_of_limit", "target", "reached", "limit_counts", "note",
]  # fmt: skip
OURS, THEIRS = style._OKABE_ITO["blue"], style._OKABE_ITO["vermilion"]

# ------------------------------------------------------------------------------------ the table


def whole_table(rows: list[dict]) -> pd.DataFrame:
    """Rows in the order of the cases, with growth, targets and whether they were reached."""
    table = pd.DataFrame(rows)
    order = {
        (case.name, rival.name): (c, r) for c, case in enumerate(cases.CASES) for r, rival in enumerate(case.rivals)
    }
    table = table[[key in order for key in zip(table["case"], table["against"], strict=True)]]  # not of older versions
    places = [order[key] for key in zip(table["case"], table["against"], strict=True)]
    table = table.assign(place=places).sort_values(["place", "n"], kind="stable")
    for who in ("ours", "theirs"):
        grown = {key: growth(part["n"], part[f"{who}_seconds"]) for key, part in table.groupby(["case", "against"])}
        table[f"{who}_growth"] = [grown[key] for key in zip(table["case"], table["against"], strict=True)]
    judged = [targets(each) for each in table.to_dict("records")]
    table["target"], table["reached"] = zip(*judged, strict=True)
    return table[COLUMNS].reset_index(drop=True)


def machine_table(rates: dict[str, float], device: str) -> pd.DataFrame:
    rows = [{"rate": name, "per_second": rates[name], "unit": machine.UNITS[name]} for name in machine.UNITS]
    return pd.DataFrame(rows).assign(device=device, machine=machine.described(device))


def growth(n: pd.Series, seconds: pd.Series) -> float:
    """The exponent g of seconds ~ n^g, by least squares; NaN from one size."""
    known = np.isfinite(seconds)
    if known.sum() < 2:
        return math.nan
    return float(np.polyfit(np.log(n[known]), np.log(seconds[known]), 1)[0])


def targets(row: dict) -> tuple[str, str]:
    """What was asked for at this size, and yes or no for each; empty where nothing was."""
    case = cases.BY_NAME[row["case"]]
    rival = next(each for each in case.rivals if each.name == row["against"])
    if row["n"] != case.target_n:
        return "", ""
    asked = []
    if rival.target:
        text = f"within {1 / rival.target:.2g}x of it" if rival.floor else f"{rival.target:g}x"
        asked.append((text, row["ratio"] >= rival.target))
    if case.target_share and rival is case.rivals[0]:
        asked.append((f"{case.target_share:.0%} of the limit", row["share_of_limit"] >= case.target_share))
    if not math.isfinite(row["ratio"]):
        return "; ".join(text for text, _ in asked), "not measured"
    return "; ".join(text for text, _ in asked), "; ".join("yes" if met else "no" for _, met in asked)


def write_tables(rows: list[dict], of_machine: pd.DataFrame, folder: Path) -> pd.DataFrame:
    table = whole_table(rows)
    paths.write_whole(folder / "estimators.csv", lambda part: table.to_csv(part, index=False, float_format="%.6g"))
    paths.write_whole(folder / "machine.csv", lambda part: of_machine.to_csv(part, index=False, float_format="%.6g"))
    text = page(table, of_machine)
    paths.write_whole(folder / "README.md", lambda part: part.write_text(text, encoding="utf-8"))
    return table


# ------------------------------------------------------------------------------------ the page

EXPLANATION = """\
Written by `make bench`; do not edit. Every estimator against the formula or library that people use today, on the same
made data, in the same run. **seconds**: the fastest of several calls (one alone where a call is long), after warming
up. **MB**: peak memory above the data, in a process of its own for each number. **difference**: the largest between
the answers, in bits. **growth**: g in seconds ~ n^g over the sizes measured. **share**: seconds at the rates of this
machine that are listed below, for work that the method cannot get around (last table), divided by our seconds.
A floor is no rival: it is a part of the work that every method has to do.
"""


def page(table: pd.DataFrame, of_machine: pd.DataFrame) -> str:
    """The README of the figures' folder."""
    parts = ["# Speed and memory", EXPLANATION, "![times as fast](speed.png)", "![seconds against n](growth.png)"]
    parts += ["## Targets", markdown(_targets_told(table)), "## All sizes", markdown(_all_told(table))]
    parts += [f"## The machine\n\n{of_machine['machine'].iloc[0]}", markdown(_rates_told(of_machine))]
    parts += ["## What the limit counts, and how near the answers are", markdown(_work_told(table))]
    return "\n\n".join(parts) + "\n"


def _targets_told(table: pd.DataFrame) -> list[dict]:
    return [
        {"estimator": each["title"], "n": f"{each['n']:,}", "against": each["against"], "target": each["target"],
         "measured": _measured(each), "reached": each["reached"]}
        for each in table.to_dict("records") if each["target"]
    ]  # fmt: skip


def _measured(row: dict) -> str:
    """In the words of the target."""
    if math.isnan(row["ratio"]):
        return "–"
    times = f"{1 / row['ratio']:.3g}x of it" if row["floor"] else f"{row['ratio']:.3g}x"
    return f"{times}; {row['share_of_limit']:.0%} of the limit" if "limit" in row["target"] else times


def _all_told(table: pd.DataFrame) -> list[dict]:
    return [
        {"estimator": each["title"], "against": ("floor: " if each["floor"] else "") + each["against"],
         "n": f"{each['n']:,}", "ours s": short(each["ours_seconds"]), "theirs s": short(each["theirs_seconds"]),
         "ratio": short(each["ratio"]), "ours MB": short(each["ours_megabytes"]),
         "theirs MB": short(each["theirs_megabytes"]), "difference": short(each["largest_difference_bits"]),
         "growth": f"{short(each['ours_growth'])} / {short(each['theirs_growth'])}",
         "share": "" if math.isnan(each["share_of_limit"]) else f"{each['share_of_limit']:.2g}", "note": each["note"]}
        for each in table.to_dict("records")
    ]  # fmt: skip


def _rates_told(of_machine: pd.DataFrame) -> list[dict]:
    return [
        {"rate": each["rate"], "billions a second": f"{each['per_second'] / 1e9:.3g}", "of": each["unit"]}
        for each in of_machine.to_dict("records")
    ]


def _work_told(table: pd.DataFrame) -> list[dict]:
    chosen = [cases.BY_NAME[name] for name in table["case"].unique()]
    return [
        {"estimator": case.title, "the limit counts": case.work_in_words,
         "answers may differ by": f"{case.tolerance:g} bits: {case.because}"}
        for case in chosen
    ]  # fmt: skip


def markdown(rows: list[dict]) -> str:
    if not rows:
        return "(none)"
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(value) for value in each.values()] for each in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def short(value: float) -> str:
    """Three digits, without exponents where a reader wants none."""
    if not isinstance(value, (int, float)) or math.isnan(value):
        return "–"
    if 1e-3 <= abs(value) < 1e5 or value == 0:
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:.1e}"


def short_time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def told(row: dict) -> str:
    """One line for the screen."""
    numbers = f"ours {short(row['ours_seconds'])} s, theirs {short(row['theirs_seconds'])} s, {short(row['ratio'])}x"
    memory = f"{short(row['ours_megabytes'])} against {short(row['theirs_megabytes'])} MB"
    difference = f"difference {short(row['largest_difference_bits'])} bits"
    note = f"  ({row['note']})" if row["note"] else ""
    return f"n={row['n']:,}  {numbers}, {memory}, {difference}  [{row['against']}]{note}"


# ------------------------------------------------------------------------------------ the figures


def write_figures(table: pd.DataFrame, folder: Path) -> None:
    style.use_style()
    for name, drawn in (("speed", plot_speed(table)), ("growth", plot_growth(table))):
        if drawn is None:
            continue
        figure, caption = drawn
        style.add_caption(figure, caption)
        picture = style.picture_of(figure, name, caption)
        plt.close(figure)
        paths.write_whole(folder / f"{name}.png", lambda part, picture=picture: part.write_bytes(picture))


def plot_speed(table: pd.DataFrame):
    """How many times as fast as each rival at the size of the notebooks, sorted, with the targets."""
    shown = table[[cases.BY_NAME[name].shown_n == n for name, n in zip(table["case"], table["n"], strict=True)]]
    shown = shown[shown["ratio"].notna()].sort_values("ratio")
    if shown.empty:
        return None
    figure, ax = plt.subplots(figsize=(15, 0.33 * len(shown) + 1.6))
    heights = np.arange(len(shown))
    colours = [style.MUTED if floor else OURS for floor in shown["floor"]]
    ax.hlines(heights, 1, shown["ratio"], color=colours, linewidth=4)
    ax.scatter(shown["ratio"], heights, s=70, c=colours, zorder=3)
    asked = [_ratio_asked(each) for each in shown.to_dict("records")]
    ax.scatter(asked, heights, s=260, marker="|", color=THEIRS, linewidth=3, zorder=4, label="target")
    for height, ratio, target in zip(heights, shown["ratio"], asked, strict=True):
        _written_beside(ax, height, ratio, target)
    names = [f"{each.title}, n = {each.n:,}  ·  {each.against}" for each in shown.itertuples()]
    ax.set_yticks(heights, names, fontsize=11)
    ax.axvline(1, color=style.MUTED, linewidth=1)
    low, high = min(0.5, shown["ratio"].min() / 3), max(10, shown["ratio"].max() * 2.5)
    ax.set(xscale="log", xlim=(low, high), xlabel="times as fast as the formula or library of today")
    ax.legend(loc="lower right", markerscale=0.8)
    return figure, f"Grey: a floor, not a rival: part of the work of every method. {_where(table)}"


def _written_beside(ax, height: float, ratio: float, target: float) -> None:
    """The ratio as text, beside its mark, or beside its target's where that would cover it."""
    slower = ratio < 1
    near = 1 / 1.8 < target / ratio < 1 if slower else 1 < target / ratio < 1.8
    end = target if near else ratio
    place, side = (-9, "right") if slower else (9, "left")
    text = f"{ratio:.2g}x" if ratio < 100 else f"{ratio:.0f}x"
    ax.annotate(text, (end, height), (place, 0), textcoords="offset points", va="center", ha=side, fontsize=11)


def _ratio_asked(row: dict) -> float:
    case = cases.BY_NAME[row["case"]]
    rival = next(each for each in case.rivals if each.name == row["against"])
    return rival.target or math.nan


def plot_growth(table: pd.DataFrame):
    """Seconds against n, one panel a case."""
    known = table[table["ours_seconds"].notna()]
    names = list(known["case"].unique())
    if not names:
        return None
    columns = min(5, len(names))
    lines = math.ceil(len(names) / columns)
    figure, axes = plt.subplots(lines, columns, figsize=(2.9 * columns, 2.5 * lines + 0.8), squeeze=False)
    empty = list(axes.flat[len(names) :])
    for ax in empty:
        ax.set_axis_off()
    for ax, name in zip(axes.flat, names, strict=False):
        _panel(ax, known[known["case"] == name])
    _legend(figure, empty)
    for ax in axes[:, 0]:
        ax.set_ylabel("seconds")
    caption = f"Below each title: g of seconds ~ n^g, ours / theirs. What takes too long is not run. {_where(table)}"
    return figure, caption


def _legend(figure, empty: list) -> None:
    """In the first empty panel, or above all where there is none."""
    found = {}
    for ax in figure.axes:
        handles, labels = ax.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    if empty:
        empty[0].legend(found.values(), found, loc="center", fontsize=12)
    else:
        figure.legend(found.values(), found, loc="outside upper right", ncols=len(found), fontsize=12)


def _panel(ax, rows: pd.DataFrame) -> None:
    """Ours against the rivals of one case; floors are left out."""
    ours = rows.drop_duplicates("n").sort_values("n")
    ax.plot(ours["n"], ours["ours_seconds"], "o-", color=OURS, linewidth=2.5, label="ours")
    rivals = rows[~rows["floor"]]
    for number, (_, part) in enumerate(rivals.groupby("against", sort=False)):
        marked = dict(color=THEIRS, linestyle=("--", ":")[number % 2], marker=("s", "^")[number % 2])
        ax.plot(part["n"], part["theirs_seconds"], **marked, label="theirs" if number == 0 else "theirs, second")
    first = rivals.iloc[0]
    ax.set_title(f"{first['title']}\n", fontsize=12, pad=2)
    ax.text(0.5, 1.02, f"{first['ours_growth']:.1f} / {first['theirs_growth']:.1f}", transform=ax.transAxes,
            ha="center", fontsize=10, color=style.MUTED)  # fmt: skip
    ax.set(xscale="log", yscale="log", xticks=list(ours["n"]), xticklabels=[_brief(n) for n in ours["n"]])
    ax.minorticks_off()
    ax.tick_params(labelsize=10)


def _brief(n: int) -> str:
    return f"{n / 1000:.3g}k" if n >= 1000 else str(n)


def _where(table: pd.DataFrame) -> str:
    return f"Seconds of the fastest call; ours on {table['device'].iloc[0]}."
