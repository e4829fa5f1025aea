"""The command `mi-kit`: run notebooks, compute their tables, re-render figures, look after data and results."""

from __future__ import annotations

import argparse
import ast
import math
import re
import signal
import sys
from pathlib import Path

from . import __version__, paths

# The other modules are imported by the commands that need them: torch takes seconds to load.

USAGE_ERROR = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 something failed, 2 the call was wrong, 130 interrupted."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a running `mi-kit run` then ends its children
    try:
        return options.command(options)
    except (ValueError, FileNotFoundError) as error:
        print(f"mi-kit: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("mi-kit: interrupted; what was finished is kept.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mi-kit", description=__doc__)
    parser.add_argument("--version", action="version", version=f"mi-kit {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = _add(commands, "run", _run, "execute notebooks, each in its own process")
    run.add_argument("names", nargs="*", metavar="NAME", help="notebooks, such as 01 (default: all)")
    _add_profile(run)
    run.add_argument("-p", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="a parameter")
    run.add_argument("--grid", action="append", default=[], metavar="KEY=A,B", help="run once for each value")
    run.add_argument("--jobs", type=int, default=1, metavar="N", help="notebooks at a time (default: 1)")
    run.add_argument("--timeout", type=float, metavar="S", help="seconds for each (default: 3600; paper: no limit)")
    run.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster, such as tcp://host:8786")
    run.add_argument("--fresh", action="store_true", help="compute cached tables and frames anew")

    compute = _add(commands, "compute", _compute, "compute a notebook's tables; needs no Jupyter")
    compute.add_argument("name", metavar="NAME")
    _add_profile(compute)
    compute.add_argument("-p", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="a setting")
    compute.add_argument("--jobs", type=int, default=1, metavar="N", help="networks trained at a time (default: 1)")

    figure = _add(commands, "figure", _figure, "render one figure again, such as 01/F4")
    figure.add_argument("id", metavar="NOTEBOOK/FIGURE")
    _add_profile(figure)

    about = _add(commands, "data", _data, "say which data sets are found, or load some")
    about.add_argument("names", nargs="*", metavar="NAME")

    collected = _add(commands, "claims", _claims, "collect all claims tables of a profile into one table and a page")
    _add_profile(collected)

    _add(commands, "publish", _publish, "copy paper-scale figures, claims and tables to where git keeps them")

    clean = _add(commands, "clean", _clean, "delete the oldest runs and cache entries")
    clean.add_argument("--keep-size", default="0", metavar="SIZE", help="such as 10GB (default: 0, delete all)")
    return parser


def _add(commands, name: str, command, summary: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.set_defaults(command=command)
    return parser


def _add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", default="quick", help="smoke, quick (default) or paper")


def _check_profile(profile: str) -> None:
    if profile not in paths.PROFILES:
        raise ValueError(f"profile must be one of {', '.join(paths.PROFILES)}; got profile={profile!r}.")


def _run(options) -> int:
    try:
        from . import batch
    except ImportError as error:
        raise ValueError(f"mi-kit run needs papermill and JupyterLab ({error}); `mi-kit compute` does not.") from error
    timeout = options.timeout or (math.inf if options.profile == "paper" else 3600)
    jobs = batch.plan(options.names, options.profile, _pairs(options.p), _grid(options.grid), timeout, options.fresh)
    outcomes = batch.run(jobs, options.jobs, options.scheduler)
    failed = [outcome for outcome in outcomes if not outcome.ok]
    try:
        _collect(options.profile)
    finally:
        print(f"{len(outcomes) - len(failed)} of {len(outcomes)} notebooks done.")
        for outcome in failed:
            cell = f", cell {outcome.cell}" if outcome.cell else ""
            print(f"FAILED {outcome.job.name}{cell}: {outcome.error}")
    return 1 if failed else 0


def _pairs(pairs: list[list[str]]) -> dict[str, str]:
    keys = [key for key, _ in pairs]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"p must give a parameter once; got {', '.join(twice)} more than once.")
    return dict(pairs)


def _grid(pairs: list[str]) -> dict[str, list[str]]:
    grid = {}
    for pair in pairs:
        key, equals, values = pair.partition("=")
        if not equals or not key or not values:
            raise ValueError(f"grid must look like key=a,b; got grid={pair!r}.")
        grid[key] = values.split(",")
    return grid


def _compute(options) -> int:
    from . import experiments

    given = {key: _literal(text) for key, text in _pairs(options.p).items()}
    experiment = experiments.open(options.name, options.profile, **given)
    if options.jobs != 1 and (failed := experiment.train(options.jobs)):
        for name, error in failed.items():
            print(f"FAILED {name}: {error}")
        return 1
    for name, table in experiment.compute():
        path = experiment.folder / "tables" / f"{name}.csv"
        paths.write_whole(path, lambda part, table=table: table.to_csv(part, index=False))
        print(f"{name}: {len(table):,} rows -> {path}", flush=True)
    judged = experiment.claims()
    print(judged[["claim", "reading", "verdict", "measured", "reason"]].to_string(index=False))
    return 0


def _literal(text: str):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _figure(options) -> int:
    from . import experiments

    notebook, slash, name = options.id.partition("/")
    if not slash:
        raise ValueError(f"id must look like 01/F4; got id={options.id!r}.")
    experiment = experiments.open(notebook, options.profile)
    print(experiment.figure(name))
    return 0


def _data(options) -> int:
    from . import data

    if options.names:
        for name in options.names:
            print(data.load(name).banner())
        return 0
    for name in data.names():
        found = data.find(name)
        words = "not found" if found is None else "embedded" if found == Path() else str(found)
        print(f"{name:20} {words}")
    return 0


def _claims(options) -> int:
    _check_profile(options.profile)
    collected = _collect(options.profile)
    if collected is None:
        print(f"mi-kit: no claims yet; run `mi-kit run --profile {options.profile}` first.", file=sys.stderr)
        return 1
    print(collected[["notebook", "claim", "reading", "verdict", "measured", "reason"]].to_string(index=False))
    return 0


def _collect(profile: str):
    """All claims tables of a profile, but for notebooks that failed last, as figures/<profile>/claims.csv and .html."""
    import pandas as pd

    from . import claims

    base = paths.figures("any", profile).parent
    if profile == "paper" and not list(base.glob("[!.]*/claims.csv")):
        base = paths.root() / "figures" / "paper"  # nothing was run here: the published ones
    files = [file for file in sorted(base.glob("[!.]*/claims.csv")) if not (file.parent / "failure.json").exists()]
    tables = {}
    for file in files:
        try:
            tables[file.parent.name] = pd.read_csv(file, keep_default_na=False)[list(claims.COLUMNS)]
        except (ValueError, KeyError) as error:  # of another notebook, perhaps, than the one that was run
            print(f"mi-kit: {file} is damaged and left out ({error}); run its notebook again.", file=sys.stderr)
    if not tables:
        return None
    collected = pd.concat([table.assign(notebook=name) for name, table in tables.items()], ignore_index=True)
    paths.write_whole(base / "claims.csv", lambda part: collected.to_csv(part, index=False))
    page = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Claims, profile {profile}</title>"
        "<style>body{font:15px/1.45 sans-serif;margin:2em;max-width:90em}td,th{padding:.4em .7em;border-bottom:1px "
        f"solid #ddd}}</style><h1>Claims of the papers, judged from real runs (profile {profile})</h1>"
    )
    for name, table in tables.items():
        page += f"<h2>{name}</h2>{claims.show(table).to_html()}"
    paths.write_whole(base / "claims.html", lambda part: part.write_text(page + "</html>", encoding="utf-8"))
    return collected


def _publish(_options) -> int:
    from . import publish

    if publish.publish():
        return 0
    print("mi-kit: nothing to publish; run `mi-kit run --profile paper` first.", file=sys.stderr)
    return 1


UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def _clean(options) -> int:
    from . import cache

    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)?", options.keep_size.strip(), re.IGNORECASE)
    if not match:
        raise ValueError(f"keep-size must look like 10GB; got keep-size={options.keep_size!r}.")
    freed, used = cache.clean(int(float(match[1]) * UNITS[(match[2] or "").upper()]))
    print(f"{freed / 1e6:,.1f} MB freed.")
    if used:
        print(f"{len(used)} runs are in use by another process and stay, such as {used[0]}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
