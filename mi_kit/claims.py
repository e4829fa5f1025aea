"""Claims as code: what a claim needs to be tested, and the rule that turns a table into a verdict.

A rule is committed before the first table that could decide it is made; claims.csv carries the rule's words and its
commit.
"""

from __future__ import annotations

import inspect
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HOLDS, FAILS, UNDECIDED, NOT_TESTED = "holds", "fails", "undecided", "not tested"
SATURATED_SHARE = 0.2
FINDINGS = ("wrong", "vacuous", "fragile", "not tested")  # of a review, on a verdict


@dataclass(frozen=True)
class Needs:
    """What must be true of the rows that a claim is judged on; unmet means "not tested"."""

    dataset: str | tuple[str, ...] | None = None
    any_of: tuple[str, ...] = ()  # data sets of which one will do
    seeds: int = 3
    steps: int = 0
    exactly: bool = False  # whether more than `steps` is another claim
    values: tuple[str, str, tuple] | None = None  # a column, what it is called, and the values that it must have

    def unmet(self, rows: pd.DataFrame) -> str:
        """Why the claim cannot be tested on these rows; empty if it can."""
        wanted = {self.dataset} if isinstance(self.dataset, str) else set(self.dataset or ())
        if rows.empty:
            names = " and ".join(sorted(wanted)) or " or ".join(self.any_of)
            return f"needs {names or 'what it speaks of'}; nothing that the claim speaks of is in this run's data"
        reasons = []
        if wanted and set(rows["dataset"]) != wanted:
            found = ", ".join(sorted(set(rows["dataset"])))
            reasons.append(f"needs {' and '.join(sorted(wanted))}; this run has {found}")
        if self.any_of and not set(rows["dataset"]) <= set(self.any_of):
            found = ", ".join(sorted(set(rows["dataset"])))
            reasons.append(f"needs {' or '.join(self.any_of)}; this run has {found}")
        trained = rows.groupby([column for column in ("model", "method") if column in rows])
        n_seeds = trained["seed"].nunique().min()
        if n_seeds < self.seeds:
            reasons.append(f"needs {self.seeds} seeds; this run has {n_seeds}")
        last = trained["step"].max().min()
        if last < self.steps or (self.exactly and last != self.steps):
            reasons.append(f"needs {self.steps:,} iterations; this run has {last:,}")
        column, name, needed = self.values or ("", "", ())
        if needed and not set(needed) <= set(rows[column]):
            told = [", ".join(f"{value:,}" for value in sorted(each)) for each in (needed, set(rows[column]))]
            reasons.append(f"needs {told[0]} {name}; this run has {told[1]}")
        return "; ".join(reasons)


@dataclass(frozen=True)
class Judgement:
    """What a rule says: a verdict and the measured numbers in words."""

    verdict: str
    measured: str

    def __post_init__(self):
        if self.verdict not in (HOLDS, FAILS, UNDECIDED):
            raise ValueError(f"verdict must be {HOLDS}, {FAILS} or {UNDECIDED}; got verdict={self.verdict!r}.")


@dataclass(frozen=True)
class Claim:
    """One claim of a paper.

    select: from the tables of an experiment to the rows that the claim speaks of, with the columns dataset, model,
    seed, step, and at_bound where they are estimates. rule: from those rows to a `Judgement`; its docstring is the
    rule in words. needs: checked on the selected rows. Claims with the same id are one claim under several readings.
    """

    id: str
    statement: str
    paper: str
    select: Callable[[Mapping[str, pd.DataFrame]], pd.DataFrame]
    rule: Callable[[pd.DataFrame], Judgement]
    needs: Needs = Needs()
    reading: str = ""  # of the estimator, where a claim is judged under several


COLUMNS = ("claim", "reading", "statement", "paper", "measured", "verdict", "reason", "n_seeds", "dataset", "profile",
           "rule", "commit")  # fmt: skip


def judge(claims: list[Claim], tables: Mapping[str, pd.DataFrame], profile: str) -> pd.DataFrame:
    """The claims table: one row a claim, with what was measured, the verdict and its reason."""
    return pd.DataFrame([_judge_one(claim, tables, profile) for claim in claims])


def decide(claim: Claim, rows: pd.DataFrame) -> tuple[str, str, str]:
    """The verdict of a claim on the rows it selects, the reason where there is one, and what was measured.

    Where its needs are unmet the rule is not called: it may assume classes, moments and seeds that are not there.
    """
    if reason := claim.needs.unmet(rows):
        return NOT_TESTED, reason, ""
    found = claim.rule(rows)
    saturated = float(rows["at_bound"].mean()) if "at_bound" in rows else 0.0
    if saturated > SATURATED_SHARE:
        reason = f"saturated: {saturated:.0%} of its points lie within 0.05 bit of a bound"
        return UNDECIDED, reason, found.measured
    return found.verdict, "", found.measured


def _judge_one(claim: Claim, tables: Mapping[str, pd.DataFrame], profile: str) -> dict:
    rows = claim.select(tables)
    verdict, reason, measured = decide(claim, rows)
    return {
        "claim": claim.id,
        "reading": claim.reading,
        "statement": claim.statement,
        "paper": claim.paper,
        "measured": measured,
        "verdict": verdict,
        "reason": reason,
        "n_seeds": int(rows["seed"].nunique()) if len(rows) else 0,
        "dataset": ", ".join(sorted(set(rows["dataset"]))) if len(rows) else "",
        "profile": profile,
        "rule": " ".join((inspect.getdoc(claim.rule) or "").split()),
        "commit": commit_of(Path(inspect.getfile(claim.rule)), claim.rule.__name__),
    }


def interval(values, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean and its t interval over seeds: (mean, low, high); infinite width for a single value."""
    from scipy import stats

    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, -np.inf, np.inf
    half = float(stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def above(values, limit: float) -> str:
    """A verdict for "more than `limit`": holds if the 95 % interval over seeds lies above it, fails if below, else
    undecided."""
    _, low, high = interval(values)
    return HOLDS if low > limit else FAILS if high < limit else UNDECIDED


def below(values, limit: float) -> str:
    """The same for "less than `limit`"."""
    return {HOLDS: FAILS, FAILS: HOLDS}.get(above(values, limit), UNDECIDED)


def all_of(verdicts: list[str]) -> str:
    """Fails if one of them does, holds if all do, else undecided."""
    if FAILS in verdicts:
        return FAILS
    return HOLDS if set(verdicts) == {HOLDS} else UNDECIDED


def words(values, unit: str = "", digits: int = 2, limits: tuple[float, float] = (-np.inf, np.inf)) -> str:
    """`1.23 [1.10, 1.36] bit`: mean and 95 % interval over seeds, the interval cut to the values that are possible."""
    mean, low, high = interval(values)
    known = np.isfinite(low)
    low, high = max(low, limits[0]), min(high, limits[1])
    span = f" [{low:z.{digits}f}, {high:z.{digits}f}]" if known else " (one seed)"
    return f"{mean:z.{digits}f}{span}{' ' + unit if unit else ''}"


def commit_of(file: Path | None = None, function: str | None = None) -> str:
    """The commit that last changed `file`, or one function in it (the newest of all for None).

    Marked when the file is changed since; "unknown" outside a checkout.
    """

    folder = Path(__file__).parent if file is None else file.parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    whole = [] if file is None else ["--", str(file)]
    try:
        last = ["-s", "-L", f":{function}:{file}"] if function else whole
        commit = git("log", "-1", "--format=%h", *last)
        changed = git("status", "--porcelain", "--untracked-files=no", *whole)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit or 'none'}{' (changed since)' if changed else ''}"


def summary(table: pd.DataFrame) -> str:
    """How many claims hold, fail, stay undecided or could not be tested; of several readings the last one counts, and
    how many claims get another verdict under the first."""
    first, last = (table.drop_duplicates("claim", keep=which).set_index("claim") for which in ("first", "last"))
    last = last.loc[first.index]
    parts = [f"**{int((last['verdict'] == verdict).sum())}** {word}" for verdict, word in WORDS.items()]
    text = f"Of {len(last)} claims {', '.join(parts[:-1])} and {parts[-1]} here"
    several = table["claim"].duplicated(keep=False)
    if not several.any():
        return f"{text}."
    readings = list(dict.fromkeys(table.loc[several, "reading"]))
    differ = int((first["verdict"] != last["verdict"]).sum())
    first_name, last_name = readings[0], readings[-1]
    return f"{text}; counted under *{last_name}*, with another verdict for **{differ}** of them under *{first_name}*."


WORDS = {HOLDS: "hold", FAILS: "fail", UNDECIDED: "are undecided", NOT_TESTED: "cannot be tested"}
COLOURS = {HOLDS: "#d5efdb", FAILS: "#f9d6d0", UNDECIDED: "#f7ecc9", NOT_TESTED: "#e8e8e8"}


def show(table: pd.DataFrame):
    """The whole claims table for a page, the verdict in colour and in words."""
    columns = ["claim", "reading", "statement", "paper", "measured", "verdict", "reason", "n_seeds", "dataset"]
    return _styled(table[[*columns, "rule", "commit"]], ["verdict"])


def show_verdicts(table: pd.DataFrame, *, lines: str | None = None):
    """One line a claim for the top of a page: what the paper says, what was measured, the verdict of each reading.

    lines: the heading for readings that are too many for columns, such as "estimator": each gets a line of its own.
    """
    if lines:
        columns = {"claim": "claim", "statement": "statement", "paper": "source", "reading": lines,
                   "measured": "measured here", "verdict": "verdict", "reason": "reason"}  # fmt: skip
        return _styled(table[list(columns)].rename(columns=columns), ["verdict"])
    readings = [reading for reading in dict.fromkeys(table["reading"]) if reading]
    rows = []
    for claim, each in table.groupby("claim", sort=False):
        last = each.iloc[-1]
        row = {
            "claim": claim,
            "statement": last["statement"],
            "paper": last["paper"],
            "measured here": last["measured"],
        }
        for reading in readings:
            row[f"{reading} reading"] = each.loc[each["reading"].isin([reading, ""]), "verdict"].iloc[0]
        rows.append((row if readings else row | {"verdict": last["verdict"]}) | {"reason": last["reason"]})
    shown = pd.DataFrame(rows)
    shown = shown if any(shown["reason"]) else shown.drop(columns="reason")
    return _styled(shown, [f"{reading} reading" for reading in readings] or ["verdict"])


def notices(file: Path, commits: Iterable[str]) -> pd.DataFrame:
    """What a later review found of verdicts that are published still: a notice ends when its commit's results do.

    Columns: claim (or several), reading (all where empty), verdict, finding, why, commit.
    """
    columns = ["claim", "reading", "verdict", "finding", "why", "commit"]
    table = pd.read_csv(file, keep_default_na=False, dtype=str) if file.exists() else pd.DataFrame(columns=columns)
    return table[table["commit"].isin(set(commits))]


def notice_words(table: pd.DataFrame) -> str:
    """One sentence and the table of `notices`, as Markdown; empty where there is none."""
    if table.empty:
        return ""
    counts = (table["claim"].str.count(", ") + 1).groupby(table["finding"]).sum()
    *first, last = (f"{finding} ({counts[finding]})" for finding in FINDINGS if finding in counts)
    found = f"{', '.join(first)} or {last}" if first else last
    claim = table["claim"].where(table["reading"] == "", table["claim"] + " (" + table["reading"] + ")")
    shown = pd.DataFrame(
        {"claim": claim, "published": table["verdict"], "found": table["finding"], "why": table["why"]}
    )
    return (
        f"A later review found these of the verdicts below {found}; they stand as published until the notebook is made "
        f"anew.\n\n{markdown(shown)}"
    )


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown."""
    lines = [list(table), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def colour(table: pd.DataFrame):
    """Any table for a page, with the cells that are verdicts in colour."""
    return _styled(table, [column for column in table if set(table[column]) <= set(COLOURS)])


def text_table(table: pd.DataFrame):
    """A table of sentences for a page: whole, and wrapped."""
    return (
        table.style.hide(axis="index")
        .set_properties(**{"text-align": "left", "vertical-align": "top", "white-space": "normal"})
        .set_table_styles([{"selector": "th", "props": "text-align: left"}])
    )


def _styled(table: pd.DataFrame, verdicts: list[str]):
    return (
        text_table(table)
        .map(lambda verdict: f"background-color: {COLOURS[verdict]}; font-weight: bold", subset=verdicts)
        .set_properties(subset=verdicts, color="#111")
    )
