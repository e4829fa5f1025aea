"""One module a paper: its settings per profile, its tables, figures and claims.

`open("01_mi_visualisation", profile="quick")` gives an `Experiment`, which a notebook cell, `mi-kit compute`,
`mi-kit figure` and the tests all use. A table comes from data/results if it was published for the profile, else from
the cache, else it is computed.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.metadata
import json
import platform
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch

from .. import cache, claims, fingerprint, paths, workers
from ..data import Dataset
from ..paths import PAPERS, PROFILES

__all__ = [
    "PAPERS",
    "PROFILES",
    "Experiment",
    "FigureSpec",
    "check",
    "choose",
    "describe_data",
    "module_of",
    "names",
    "open",
]


def names() -> list[str]:
    """The notebooks that have an experiment."""
    return list(PAPERS)


def module_of(notebook: str):
    """The module of a notebook's paper; a prefix such as `01` is enough."""
    matching = [name for name in PAPERS if name == notebook or name.split("_")[0] == notebook]
    if not matching:
        raise ValueError(f"name must be one of {', '.join(names())}; got name={notebook!r}.")
    return importlib.import_module(f".{PAPERS[matching[0]]}", __name__)


def open(notebook: str, profile: str = "quick", **explicit) -> Experiment:
    """The experiment of a notebook; explicit settings replace the profile's, None leaves the profile's."""
    module = module_of(notebook)
    return Experiment(module, choose(module.PROFILES, profile, explicit), profile, given(explicit))


def given(explicit: dict) -> dict:
    """The settings that were given a value."""
    return {key: value for key, value in explicit.items() if value is not None}


def choose(profiles: Mapping[str, object], profile: str, explicit: dict):
    """The settings of a profile with some replaced. Raises ValueError for an unknown profile or setting."""
    if profile not in profiles:
        raise ValueError(f"profile must be one of {', '.join(profiles)}; got profile={profile!r}.")
    settings = profiles[profile]
    known = {each.name: each.type for each in dataclasses.fields(settings)}
    if unknown := sorted(set(explicit) - set(known)):
        raise ValueError(f"settings must be among {', '.join(known)}; got {', '.join(unknown)}.")
    hints = typing.get_type_hints(type(settings))
    chosen = given(explicit)
    for name, value in chosen.items():
        accepted = typing.get_args(hints[name]) or (hints[name],)
        accepted = tuple(typing.get_origin(each) or each for each in accepted)
        accepted = (*accepted, int) if float in accepted else accepted
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
            words = " or ".join(each.__name__ for each in accepted)
            raise ValueError(f"{name} must be of type {words}; got {name}={value!r}.")
    return dataclasses.replace(settings, **chosen)


def check(settings, images: tuple = (), minima: Mapping[str, float] | None = None, positive: tuple = ()) -> None:
    """The rules that settings share: which data sets may stand for `images` and `more_images`, what is the least value
    of a setting, which must be larger than 0. Raises ValueError for the first one that is broken."""
    for name in ("images", "more_images") if images else ():
        if getattr(settings, name) not in images:
            raise ValueError(f"{name} must be one of {', '.join(images)}; got {name}={getattr(settings, name)!r}.")
    for name, least in (minima or {}).items():
        if getattr(settings, name) < least:
            raise ValueError(f"{name} must be at least {least}; got {name}={getattr(settings, name)}.")
    for name in positive:
        if not getattr(settings, name) > 0:
            raise ValueError(f"{name} must be larger than 0; got {name}={getattr(settings, name)}.")


def describe_data(datasets: list[Dataset]) -> dict[str, str]:
    """Names, identities and the checksums of the files, for the record."""
    found = {}
    for dataset in datasets:
        found[dataset.label] = dataset.identity
        found |= {f"sha256 of {file}": checksum for file, checksum in dataset.checksums.items()}
    return found


@functools.lru_cache(maxsize=20)
def _sources(module) -> dict[str, str]:
    """What the source of every table is called."""
    return {name: fingerprint.of(getattr(table, "__wrapped__", table)) for name, table in module.TABLES.items()}


@dataclass(frozen=True)
class FigureSpec:
    """One figure of a paper: from an experiment's tables to a drawing, with the table whose numbers it shows."""

    draw: Callable[[Experiment], object]
    table: Callable[[Experiment], pd.DataFrame]
    caption: str


@dataclass
class Experiment:
    """The tables, figures and claims of one paper under one choice of settings."""

    module: object
    settings: object
    profile: str
    explicit: dict = field(default_factory=dict)
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    published: dict[str, dict] = field(default_factory=dict, repr=False)

    @property
    def notebook(self) -> str:
        return self.module.NOTEBOOK

    @property
    def folder(self) -> Path:
        """Where this run's figures, numbers and claims go."""
        return paths.figures(self.notebook, self.profile, self.explicit)

    def table(self, name: str) -> pd.DataFrame:
        """One of the paper's tables: published, cached or computed."""
        if name not in self.module.TABLES:
            raise ValueError(f"table must be one of {', '.join(self.module.TABLES)}; got table={name!r}.")
        if name not in self._tables:
            self._tables[name] = self._published(name)
        return self._tables[name]

    def _published(self, name: str) -> pd.DataFrame:
        function = self.module.TABLES[name]
        stem = self._published_stem(name)
        if not stem:
            if self.profile == "paper":
                self.require_real_data()
                self._require_all_published()
            return function(self.settings)
        about = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        if about["version"] != function.version:
            warnings.warn(
                f"{name} was published by version {about['version']} of {function.__name__}; "
                f"version {function.version} may give other numbers.",
                stacklevel=3,
            )
        self.published[name] = about
        table = cache.read_parts(stem, about["sha256"])
        if len(table) != about["rows"]:
            raise ValueError(f"{stem} must have {about['rows']:,} rows, in all its parts; got {len(table):,}.")
        return table

    def _published_stem(self, name: str) -> Path | None:
        """Where a published table lies; None where there is none for these settings, or all is computed anew."""
        stem = paths.results() / self.notebook / self.profile / name
        if self.explicit or cache.fresh_since() or not stem.with_suffix(".json").exists():
            return None
        told = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))["settings"]
        table = self.module.TABLES[name]
        read = fingerprint.read_by(self.settings, getattr(table, "__wrapped__", table))
        now = json.loads(json.dumps(read["fields"]))
        return stem if all(now[key] == told[key] for key in now.keys() & told.keys()) else None

    def _require_all_published(self) -> None:
        """Raise ValueError where some tables are published and one is not: nobody asked for hours of training."""
        there = [name for name in self.module.TABLES if self._published_stem(name)]
        if there:
            lacking = ", ".join(name for name in self.module.TABLES if name not in there)
            raise ValueError(
                f"{paths.results() / self.notebook / self.profile} must hold every table; {lacking} is missing. Take "
                "it from git again, or compute all of them anew with --fresh."
            )

    @property
    def is_published(self) -> bool:
        """Whether every table is a published one: the page then needs neither data nor training."""
        return all(map(self._published_stem, self.module.TABLES))

    def require_real_data(self) -> None:
        """Raise ValueError where an embedded data set stands in: paper-scale results are of the paper's data."""
        for dataset in self.datasets():
            if dataset.is_default:
                raise ValueError(
                    f"profile=paper needs the data set {dataset.requested}, and there is no published result; "
                    f"got {dataset.name}. data/README.md says where it goes."
                )

    def train(self, n_jobs: int) -> dict[str, str]:
        """Train every network, `n_jobs` at a time, each in a process of its own; what is trained costs nothing.

        Returns {network: error} of those that failed. Nothing is trained where the tables are published.
        """
        if self.is_published:
            return {}
        if self.profile == "paper":
            self.require_real_data()
        return workers.run(self.module.trainings(self.settings), n_jobs)

    def compute(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """All tables, one after the other."""
        for name in self.module.TABLES:
            yield name, self.table(name)

    def banner(self) -> str:
        """Which data are in use, and which tables are published results, for the top of the page."""
        if not self.is_published:
            return " ".join(dataset.banner() for dataset in self.datasets())
        banners = sorted({about["banner"] for about in self._abouts()})
        return f"Published results of commit {', '.join(self._commits())} are shown. {' '.join(banners)}"

    def review(self) -> str:
        """What a later review found of the published verdicts, in Markdown, to stand above them; else empty."""
        if not self.is_published:
            return ""
        words = claims.notice_words(claims.notices(paths.results() / self.notebook / "notices.csv", self._commits()))
        return f"{words}\n\n" if words else ""

    def _commits(self) -> list[str]:
        return sorted({about["commit"] for about in self._abouts()})

    def _abouts(self) -> list[dict]:
        """What is known of every published table."""
        for name in self.module.TABLES:
            self.table(name)
        return list(self.published.values())

    def provenance(self) -> dict[str, str]:
        """Identity and checksums of the data that the tables were made from."""
        if self.is_published:
            return next(iter(self.published.values()), {}).get("data", {})
        return describe_data(self.datasets())

    def show(self, name: str):
        """Figure `name` for a notebook page: saved with its numbers, and shown as saved."""
        from IPython.display import Image

        return Image(self.figure(name), alt=f"Figure {name}")

    def figure(self, name: str) -> Path:
        """Draw figure `name` (or take it from the cache), save it with its numbers, and return where it is."""
        from .. import plots

        if name not in self.module.FIGURES:
            raise ValueError(f"figure must be one of {', '.join(self.module.FIGURES)}; got figure={name!r}.")
        spec = self.module.FIGURES[name]
        table = spec.table(self)
        caption = f"{spec.caption} {self.module.facts(self, table)}"
        facts = {"profile": self.profile, "settings": dataclasses.asdict(self.settings)}
        source = [plots.source_hash(), fingerprint.of(spec.draw)]
        key = {"figure": name, "table": table, "caption": caption, "made of": self._made_of(), "source": source}

        def render() -> bytes:
            import matplotlib.pyplot as plt

            plots.use_style()
            drawn = spec.draw(self)
            plots.add_caption(drawn, caption)
            picture = plots.picture_of(drawn, name, caption, {**facts, "commit": claims.commit_of()})
            plt.close(drawn)
            return picture

        return plots.save_picture(cache.frame(key, render), self.folder, name, table=table)

    def datasets(self) -> list[Dataset]:
        """The data sets that the tables are made of."""
        return self.module.datasets(self.settings)

    def _made_of(self) -> dict:
        """What every table was made of: a figure may look at others than the one whose numbers it shows."""
        sources = _sources(self.module)
        if self.is_published:
            return {"sources": sources, "published": {name: self.published.get(name) for name in sources}}
        settings = dataclasses.asdict(self.settings)  # a figure may show what changes no table
        return {"sources": sources, "settings": settings, "data": [each.identity for each in self.datasets()]}

    def claims(self) -> pd.DataFrame:
        """Judge every claim, write claims.csv, and return the table."""
        tables = {name: self.table(name) for name in self.module.TABLES}
        judged = claims.judge(self.module.CLAIMS, tables, self.profile)
        paths.write_whole(self.folder / "claims.csv", lambda part: judged.to_csv(part, index=False))
        return judged

    def footer(self) -> pd.DataFrame:
        """Versions, device, data and settings; also written to provenance.json."""
        facts = {
            "mi_kit": f"{importlib.import_module('mi_kit').__version__}, commit {claims.commit_of()}",
            "Python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": importlib.metadata.version("torchvision"),  # to load it takes seconds
            "numpy": importlib.metadata.version("numpy"),
            "pandas": pd.__version__,
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU ({platform.machine()})",
            "threads": torch.get_num_threads(),
            "profile": self.profile,
            **{f"setting: {key}": value for key, value in dataclasses.asdict(self.settings).items()},
            **{f"data: {key}": value for key, value in self.provenance().items()},
        }
        paths.write_json(self.folder / "provenance.json", facts)
        return pd.DataFrame({"value": map(str, facts.values())}, index=list(facts))
