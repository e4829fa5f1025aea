"""Every estimator against the formula or library that people use today, in one run on this machine.

    python benchmarks/run.py                        all; tables and figures go to figures/benchmarks
    python benchmarks/run.py --only kde ksg_1       these alone; the rows of the others stay
    python benchmarks/run.py --resume               what a stopped run had left to do
    python benchmarks/run.py --device cuda          ours on a GPU, the others on the CPU; to figures/benchmarks/cuda

Each measurement has a process of its own (measure.py). Sizes at which a call would take too long are not run.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
from pathlib import Path

import cases
import machine
import measure
import numpy as np
import pandas as pd
import report
import torch

from mi_kit import paths

LONGEST = {"ours": 120.0, "theirs": 60.0}  # seconds of one call
MOST_MEGABYTES = 8_000
NOT_RUN, DIFFER, FAILED = "not run: ", "answers differ", "failed: "
WRONG = f"{DIFFER}|{FAILED}"
NEVER_SECONDS = 900  # a process that takes this long is stopped
# every process is forked from one that has imported all and done nothing: libraries take seconds to import
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["mi_kit.estimators", "mi_kit.plots.style", "psutil", "scipy.integrate", "sklearn.feature_selection",
     "sklearn.metrics", "sklearn.neighbors"]
)  # fmt: skip


def measure_apart(name: str, n: int, side: str, device: str) -> dict:
    """A measurement in a process of its own; its error in one line where it fails."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=measure.send, args=(sender, name, n, side, device))
    process.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(NEVER_SECONDS) else {"failed": f"stopped after {NEVER_SECONDS} s"}
    except EOFError:  # it died: killed for its memory, say
        process.join()
        return {"failed": f"process ended with status {process.exitcode}"}
    finally:
        process.kill()
        process.join()


# ------------------------------------------------------------------------------------ one size of one case


def measured_or_not(case: cases.Case, n: int, side: str, device: str, before: dict[int, dict]) -> dict:
    """A measurement, or why there is none: foreseen from `before`, the same side's measurements at smaller sizes."""
    seconds, megabytes = (foreseen(n, before, quantity) for quantity in ("seconds", "megabytes"))
    longest = LONGEST["ours" if side == "ours" else "theirs"]
    if n > case.shown_n and (seconds > longest or megabytes > MOST_MEGABYTES):
        would = f"would take about {report.short_time(seconds)} and {megabytes / 1000:.1f} GB"
        return {"failed": NOT_RUN + would}
    found = measure_apart(case.name, n, side, device)
    if "failed" in found:
        return {"failed": FAILED + found["failed"]}
    before[n] = found
    return found


def foreseen(n: int, before: dict[int, dict], quantity: str) -> float:
    """What size n would take: the growth between the last two sizes goes on; from one size alone it is taken as n^2."""
    if not before:
        return 0.0
    sizes = sorted(before)[-2:]
    values = [max(before[size][quantity], 1e-6) for size in sizes]
    growth = 2.0
    if len(sizes) == 2:
        growth = min(max(math.log(values[1] / values[0]) / math.log(sizes[1] / sizes[0]), 0.0), 3.5)
    return values[-1] * (n / sizes[-1]) ** growth


def rows_of(case: cases.Case, n: int, device: str, rates: dict[str, float], before: dict) -> list[dict]:
    """One row a rival; `before` keeps what was measured at smaller sizes."""
    ours = measured_or_not(case, n, "ours", device, before.setdefault("ours", {}))
    limit = sum(amount / rates[kind] for kind, amount in case.work(n).items())
    rows = []
    for number, rival in enumerate(case.rivals):
        side = str(number)
        if "failed" in ours:
            theirs = {"failed": ""}
        else:
            theirs = measured_or_not(case, n, side, device, before.setdefault(side, {}))
        notes = [f"{who}: {each['failed']}" for who, each in (("ours", ours), ("theirs", theirs)) if each.get("failed")]
        rows.append(row(case, rival, n, device, ours, theirs, limit, notes))
    return rows


def row(case, rival, n: int, device: str, ours: dict, theirs: dict, limit: float, notes: list[str]) -> dict:
    fast, slow = (each.get("seconds", math.nan) for each in (ours, theirs))
    both = "answer" in ours and "answer" in theirs
    difference = float(np.abs(np.subtract(ours["answer"], theirs["answer"])).max()) if both else math.nan
    if both and not difference <= case.tolerance:  # NaN is no agreement
        notes = [*notes, f"{DIFFER} by more than {case.tolerance:g} bits"]
    return {
        "case": case.name, "title": case.title, "against": rival.name, "floor": rival.floor, "n": n, "device": device,
        "ours_seconds": fast, "theirs_seconds": slow, "ratio": slow / fast,
        "ours_megabytes": ours.get("megabytes", math.nan), "theirs_megabytes": theirs.get("megabytes", math.nan),
        "largest_difference_bits": difference, "tolerance_bits": case.tolerance,
        "limit_seconds": limit, "share_of_limit": limit / fast, "limit_counts": case.work_in_words,
        "note": "; ".join(notes),
    }  # fmt: skip


# ------------------------------------------------------------------------------------ all of them


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="cases to run; without it all")
    parser.add_argument("--n", nargs="+", type=int, help="sizes instead of each case's own")
    parser.add_argument("--device", default="cpu", help="where ours runs: cpu or cuda")
    parser.add_argument("--resume", action="store_true", help="keep what is measured already, do the rest")
    parser.add_argument("--folder", type=Path, help="instead of figures/benchmarks")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.only or []) - set(cases.BY_NAME)):
        parser.error(f"--only must name cases among {', '.join(cases.BY_NAME)}; got {', '.join(unknown)}")
    if options.device != "cpu" and not (options.device.startswith("cuda") and torch.cuda.is_available()):
        parser.error(f"--device must be cpu, or cuda where there is one; got {options.device}")
    if options.folder is None:
        folder = paths.root() / "figures" / "benchmarks"
        options.folder = folder if options.device == "cpu" else folder / "cuda"
    return options


def main(arguments: list[str] | None = None) -> int:
    options = options_of(arguments)
    chosen = [case for case in cases.CASES if not options.only or case.name in options.only]
    rates = machine.rates(options.device)
    machine_table = report.machine_table(rates, options.device)
    rows = kept_rows(options, [case.name for case in chosen])
    print(machine_table["machine"].iloc[0], flush=True)
    for number, case in enumerate(chosen, start=1):
        print(f"[{number}/{len(chosen)}] {case.name}", flush=True)
        run_case(case, options, rates, machine_table, rows)
    table = report.write_tables(rows, machine_table, options.folder)
    report.write_figures(table, options.folder)
    wrong = table[table["note"].str.contains(WRONG)]
    for _, each in wrong.iterrows():
        print(f"{each['case']}, n={each['n']:,}: {each['note']}", file=sys.stderr)
    return 1 if len(wrong) else 0


def kept_rows(options: argparse.Namespace, names: list[str]) -> list[dict]:
    """Rows of an earlier run that stay: those of other cases, with --resume those of all, but none that failed."""
    path = options.folder / "estimators.csv"
    if not path.exists():
        return []
    table = pd.read_csv(path, dtype={"note": str}).fillna({"note": ""})
    redone = (not options.resume) & table["case"].isin(names) | table["note"].str.contains(WRONG)
    return table[~redone & table["case"].isin(cases.BY_NAME)].to_dict("records")


def run_case(case: cases.Case, options: argparse.Namespace, rates: dict, machine_table, rows: list[dict]) -> None:
    """All sizes; the tables are written after each, so that a kill loses one at most."""
    before: dict = {}
    for n in options.n or case.sizes:
        done = [each for each in rows if each["case"] == case.name and each["n"] == n]
        if done:
            remember(case, done, before)
            continue
        rows += rows_of(case, n, options.device, rates, before)
        report.write_tables(rows, machine_table, options.folder)
        for each in rows[-len(case.rivals) :]:
            print("  " + report.told(each), flush=True)


def remember(case: cases.Case, done: list[dict], before: dict) -> None:
    """Measurements of an earlier run, so that larger sizes can be foreseen from them."""
    for number, rival in enumerate(case.rivals):
        for each in (each for each in done if each["against"] == rival.name):
            for side, who in (("ours", "ours"), (str(number), "theirs")):
                found = {quantity: each[f"{who}_{quantity}"] for quantity in ("seconds", "megabytes")}
                if math.isfinite(found["seconds"]):
                    before.setdefault(side, {})[each["n"]] = found


if __name__ == "__main__":
    sys.exit(main())
