"""Where things lie: one place that knows the folders."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from pathlib import Path

PROFILES = ("smoke", "quick", "paper")
PAPERS = {  # notebook: its module in mi_kit/experiments
    "00_estimators_on_known_answers": "known_answers",
    "01_mi_visualisation": "mi_visualisation",
    "02_renyi_dpi": "renyi_dpi",
    "03_capacity_framework": "capacity_framework",
    "04_cnnslicer_queries": "cnnslicer",
    "05_compression_debate": "compression",
}


def root() -> Path:
    """The checkout: `MI_KIT_HOME` if set, else the folder above the package, else the current folder."""
    if home := os.environ.get("MI_KIT_HOME"):
        return Path(home).resolve()
    above = Path(__file__).resolve().parent.parent
    return above if (above / "notebooks").is_dir() else Path.cwd()


def data() -> Path:
    return root() / "data"


def runs() -> Path:
    return data() / "runs"


def cache() -> Path:
    return data() / "cache"


def results() -> Path:
    return data() / "results"


def notebooks() -> Path:
    return root() / "notebooks"


def figures(notebook: str, profile: str, parameters: dict | None = None) -> Path:
    """The folder that a run of `notebook` writes to; explicit `parameters` get a folder of their own below it.

    A run of the paper profile writes to figures/paper-run: figures/paper is in git and written by `mi-kit publish`.
    A notebook that `mi-kit run` executes writes to a folder of its own, put in place when it ends (MI_KIT_RUN_FOLDER).
    """
    if within := os.environ.get("MI_KIT_RUN_FOLDER"):
        return Path(within)
    folder = root() / "figures" / ("paper-run" if profile == "paper" else profile) / notebook
    explicit = {key: value for key, value in (parameters or {}).items() if value is not None and key != "profile"}
    return folder / short_hash(explicit) if explicit else folder


def short_hash(value) -> str:
    """Twelve hexadecimal digits naming any value made of plain Python types."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]


def checksum(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_clock() -> float:
    """Now, by the clock that stamps files: `time.time()` runs some milliseconds ahead of it."""
    with tempfile.NamedTemporaryFile() as file:
        return os.stat(file.name).st_mtime


def is_part(path: Path) -> bool:
    """Whether a file is one that `write_whole` is still writing, or was killed at."""
    return path.name.startswith(".") and path.name.endswith(".part")


def write_whole(path: Path, write) -> None:
    """Call `write(temporary_path)`, then rename: whoever looks finds the whole old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value) -> None:
    """`value` as readable JSON, written whole."""
    write_whole(path, lambda part: part.write_text(json.dumps(value, indent=1, default=str) + "\n", encoding="utf-8"))
