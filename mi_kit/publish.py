"""What git keeps of paper-scale runs: tables in data/results, figures with a page to read in figures/paper."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd

from . import cache, claims, experiments, fingerprint, paths

MOST = 300_000  # bytes of a file that git keeps
MOST_READINGS = 3  # of a claim; more become lines, not columns


def publish() -> list[str]:
    """Publish every notebook with a finished paper-scale run, and write the pages of the others again from what is
    published; returns the names of all.

    Raises ValueError where an embedded data set stands in for the one asked for.
    """
    commit = claims.commit_of()  # before the first file is written: published ones are in git
    source, published = paths.figures("any", "paper").parent, []
    for notebook in experiments.names():
        folder = source / notebook
        target = paths.root() / "figures" / "paper" / notebook
        if not (folder / "manifest.json").exists():
            published += [notebook] if _write_again(notebook, target) else []
            continue
        _publish_tables(notebook, commit)
        left = _publish_figures(folder, target)
        _write_page(notebook, target)
        if left:
            print(f"{notebook}: {', '.join(left)} too large for git; the tables in data/results hold their numbers.")
        published.append(notebook)
        print(f"{notebook} -> {target}")
    return published


def _write_again(notebook: str, target: Path) -> bool:
    """The page alone, of a notebook that is published and has no run here; whether there is one."""
    if not (target / "claims.csv").exists() or not experiments.open(notebook, "paper").is_published:
        return False
    _write_page(notebook, target)
    print(f"{notebook}: no finished paper-scale run here; only its page is written again, from what is published.")
    return True


def _publish_tables(notebook: str, commit: str) -> None:
    experiment = experiments.open(notebook, "paper")
    experiment.require_real_data()
    datasets = experiment.module.datasets(experiment.settings)
    for name, function in experiment.module.TABLES.items():
        table = function(experiment.settings)
        stem = paths.results() / notebook / "paper" / name
        about = {
            "function": function.__name__,
            "version": function.version,
            "settings": fingerprint.describe(experiment.settings)["fields"],
            "commit": commit,
            "data": experiments.describe_data(datasets),
            "banner": " ".join(dataset.banner() for dataset in datasets),
            "rows": len(table),
        }
        about["sha256"] = cache.write_in_parts(table, stem, MOST)
        paths.write_json(stem.with_suffix(".json"), about)


def _publish_figures(folder: Path, target: Path) -> list[str]:
    """Copy figures and numbers; returns the names of those too large."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    files = sorted([*folder.glob("*.png"), *folder.glob("*.csv")])
    for path in files:
        if path.stat().st_size <= MOST:
            shutil.copy2(path, target / path.name)
    return [path.name for path in files if path.stat().st_size > MOST]


# --------------------------------------------------------------------------------------------- the page


def _write_page(notebook: str, target: Path) -> None:
    """README.md beside the figures: what the run found, and every figure with its caption, to be read where git is."""
    experiment = experiments.open(notebook, "paper")
    judged = pd.read_csv(target / "claims.csv", keep_default_na=False, dtype=str)
    lines = "reading" if judged["reading"].nunique() > MOST_READINGS else None
    verdicts = claims.show_verdicts(judged, lines=lines).data
    parts = [
        f"# {_title(notebook)}",
        f"{experiment.banner()} `mi-kit run {notebook.split('_')[0]} --profile paper` shows them in the notebook, with "
        "its text, the rule of every claim and sliders, from the tables in data/results.",
        *(["## What a later review found", review.strip()] if (review := experiment.review()) else []),
        "## What did this run find?",
        claims.summary(judged) + (" Numbers are those of the last reading." if any(judged["reading"]) else ""),
        claims.markdown(verdicts),
        "## Figures",
    ]
    for name in experiment.module.FIGURES:
        if (target / f"{name}.png").exists():
            parts.append(f"**{name}.** {_caption(target / f'{name}.png')}\n\n![{name}]({name}.png)")
    text = "\n\n".join(parts) + "\n"
    paths.write_whole(target / "README.md", lambda part: part.write_text(text, encoding="utf-8"))


def _title(notebook: str) -> str:
    """The heading of a notebook."""
    page = json.loads((paths.notebooks() / f"{notebook}.ipynb").read_text(encoding="utf-8"))
    return "".join(page["cells"][0]["source"]).splitlines()[0].lstrip("# ")


def _caption(picture: Path) -> str:
    """The caption that a figure carries in its file."""
    from PIL import Image

    with Image.open(picture) as image:
        return image.info.get("Description", "")
