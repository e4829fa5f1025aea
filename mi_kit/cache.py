"""Results on disk: tables and rendered frames, named by what they were computed from.

An entry is named by the source of its function and of what that calls, by `estimators.VERSION`, and by its arguments
(settings, runs, data sets, tables); `fingerprint` says how. A damaged entry is noticed, reported and computed again;
two processes may write the same one. MI_KIT_FRESH=1 computes everything anew, once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import inspect
import io
import json
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from . import fingerprint, paths


class DamagedError(ValueError):
    """A file does not hold what was written to it, or belongs to something else; the message names it."""


def cached(version: int = 1, also: Callable[..., object] | None = None):
    """Decorate a function that returns a DataFrame: its result is kept under data/cache.

    version: told beside published tables; raise it where the meaning of a column changes.
    also: called with the same arguments, returns what else names the result (data and run identities).
    """

    def decorate(function: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            key = {"function": f"{function.__module__}.{function.__qualname__}", "source": fingerprint.of(function)}
            key["arguments"] = {name: _argument(value, function) for name, value in bound.arguments.items()}
            if also:
                key["identities"] = fingerprint.describe(also(*args, **kwargs))
            path = paths.cache() / function.__name__ / f"{paths.short_hash(key)}.parquet"
            return _fetch(path, read_table, write_table, lambda: function(*args, **kwargs), key)

        wrapper.version = version
        return wrapper

    return decorate


def _argument(value, function: Callable):
    """What names an argument of a function; of settings only what the function reads."""
    is_settings = dataclasses.is_dataclass(value) and not hasattr(type(value), "identity")
    return fingerprint.read_by(value, function) if is_settings else fingerprint.describe(value)


def frame(key: dict, render: Callable[[], bytes]) -> bytes:
    """The PNG picture that belongs to `key`, rendered at most once."""
    path = paths.cache() / "frames" / f"{fingerprint.of(key)}.png"
    return _fetch(path, _read_png, lambda picture, part: part.write_bytes(picture), render, None)


def _fetch(path: Path, read, write, compute, key: dict | None):
    if is_current(path):
        try:
            return read(path)
        except FileNotFoundError:  # cleaned away since
            pass
        except Exception as error:  # whatever is wrong with the file, the answer is the same
            warnings.warn(f"The cache entry {path} is damaged ({error}); it is computed again.", stacklevel=3)
    value = compute()
    paths.write_whole(path, lambda part: write(value, part))
    if key is not None:
        paths.write_json(path.with_suffix(".json"), key)
    return value


def is_current(path: Path) -> bool:
    """Whether a file is there and, under MI_KIT_FRESH, was written since."""
    try:
        return path.stat().st_mtime > fresh_since()
    except FileNotFoundError:
        return False


def fresh_since() -> float:
    """When this call with MI_KIT_FRESH began, by the clock that stamps files; 0 without it.

    The moment takes the place of the variable's value, so that the processes started from here know it too, and what
    one of them has made anew is not made again.
    """
    asked = os.environ.get("MI_KIT_FRESH")
    if not asked or asked == "0":
        return 0.0
    if "." not in asked:
        os.environ["MI_KIT_FRESH"] = asked = f"{paths.file_clock():.6f}"
    return float(asked)


# --------------------------------------------------------------------------------------------- tables


def read_table(path: Path) -> pd.DataFrame:
    """A table that `write_table` wrote. Raises DamagedError where it does not hold what was written."""
    return read_noted(path)[0]


def read_noted(path: Path) -> tuple[pd.DataFrame, dict]:
    """A table and what was noted with it. Raises as `read_table` does."""
    content = path.read_bytes()
    try:
        found = pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
        table, noted = found.to_pandas(), json.loads((found.schema.metadata or {}).get(b"mi_kit", b"{}"))
    except Exception as error:  # whatever a reader makes of a file that is not what it was
        raise DamagedError(f"{path} is damaged: {error}") from error
    if noted.pop("sha256", None) != digest_of(table, noted):
        raise DamagedError(f"{path} is damaged: its checksum does not belong to its rows.")
    return table, noted


def write_table(table: pd.DataFrame, path: Path, **noted) -> None:
    """A table as parquet with a checksum over its rows and what is noted, and as small as it gets without losing a
    bit."""
    made = pa.Table.from_pandas(table)  # with an index that is more than the numbers of the rows
    about = {**noted, "sha256": digest_of(made.to_pandas(), json.loads(json.dumps(noted)))}
    made = made.replace_schema_metadata({**(made.schema.metadata or {}), b"mi_kit": json.dumps(about).encode()})
    floats = [str(column) for column in table if pd.api.types.is_float_dtype(table[column])]
    others = [str(column) for column in table if str(column) not in floats]
    packed = {"use_byte_stream_split": floats, "use_dictionary": others} if floats else {}
    pq.write_table(made, path, write_page_checksum=True, compression="zstd", compression_level=9, **packed)


def digest_of(table: pd.DataFrame, noted: dict) -> str:
    """A checksum of columns, their types and rows, as they are read, and of what is noted."""
    plain = {
        place: table[column].map(repr) if table[column].dtype == object else table[column]
        for place, column in enumerate(table)
    }
    about = [[str(column), str(table[column].dtype)] for column in table] + [[repr(name)] for name in table.index.names]
    rows = pd.util.hash_pandas_object(pd.DataFrame(plain, index=table.index)).to_numpy() if plain else b""
    return hashlib.sha256(json.dumps([about, noted, len(table)], sort_keys=True).encode() + bytes(rows)).hexdigest()


def write_in_parts(table: pd.DataFrame, stem: Path, most_bytes: int) -> dict[str, str]:
    """A table as `stem`.parquet, or, where that is larger, as `stem`.0.parquet, `stem`.1.parquet, ... of its rows.

    Returns {file name: sha256}, in the order of the rows.
    """
    for old in parts_of(stem):
        old.unlink()
    paths.write_whole(whole := stem.with_suffix(".parquet"), lambda part: write_table(table, part))
    n_parts = math.ceil(whole.stat().st_size / most_bytes)
    while 1 < n_parts <= len(table):
        whole.unlink(missing_ok=True)
        edges = [len(table) * k // n_parts for k in range(n_parts + 1)]
        files = [stem.with_name(f"{stem.name}.{k}.parquet") for k in range(n_parts)]
        for file, first, end in zip(files, edges, edges[1:], strict=False):
            paths.write_whole(file, lambda part, rows=table.iloc[first:end]: write_table(rows, part))
        if max(file.stat().st_size for file in files) <= most_bytes:
            break
        for file in files:
            file.unlink()
        n_parts += 1
    return {file.name: paths.checksum(file) for file in parts_of(stem)}


def parts_of(stem: Path) -> list[Path]:
    """The files of a table that `write_in_parts` wrote, in their order; none where there is none."""
    whole = stem.with_suffix(".parquet")
    if whole.exists():
        return [whole]
    return sorted(stem.parent.glob(f"{stem.name}.[0-9]*.parquet"), key=lambda file: int(file.suffixes[-2][1:]))


def read_parts(stem: Path, sums: dict[str, str]) -> pd.DataFrame:
    """The table that `write_in_parts` wrote. Raises DamagedError where its files are not those of `sums`."""
    found = {file.name: paths.checksum(file) for file in parts_of(stem)}
    if found != sums:
        wrong = sorted(name for name in {**found, **sums} if found.get(name) != sums.get(name))
        raise DamagedError(f"{stem.parent} must hold what was published; these files differ: {', '.join(wrong)}.")
    return pd.concat([pd.read_parquet(stem.with_name(name)) for name in sums], ignore_index=True)


def _read_png(path: Path) -> bytes:
    from PIL import Image

    picture = path.read_bytes()
    Image.open(io.BytesIO(picture)).verify()
    return picture


def clean(keep_bytes: int = 0) -> tuple[int, list[Path]]:
    """Delete the oldest files of data/cache and data/runs until at most `keep_bytes` are left.

    A run goes as a whole (a seed's folder), never a part of it, and not while a process uses it.
    Returns the bytes freed and the folders that are in use.
    """
    from . import runs

    entries = [(path, [path]) for path in paths.cache().rglob("*") if path.is_file() and not paths.is_part(path)]
    entries += [(record.parent, list(record.parent.iterdir())) for record in paths.runs().rglob("run.json")]
    sized, freed, used = [], 0, []
    for path, files in entries:
        with contextlib.suppress(FileNotFoundError):  # two may clean at once
            stats = [file.stat() for file in files]
            sized.append((max(stat.st_mtime for stat in stats), sum(stat.st_size for stat in stats), path))
    total = sum(size for _, size, _ in sized)
    for _, size, path in sorted(sized, key=lambda entry: entry[0]):
        if total - freed <= keep_bytes:
            break
        if paths.cache() in path.parents:
            path.unlink(missing_ok=True)
        elif not runs.remove(path):
            used.append(path)
            continue
        freed += size
    return freed, used
