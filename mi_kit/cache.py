"""Results on disk: tables and rendered frames, named by what they were computed from.

An entry is named by function, declared version and arguments (settings, runs, data sets, tables). A damaged entry is
noticed, reported and computed again; two processes may write the same one. MI_KIT_FRESH=1 computes everything anew.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import io
import math
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from . import paths
from .data import Dataset
from .runs import Run


def cached(version: int, also: Callable[..., object] | None = None):
    """Decorate a function that returns a DataFrame: its result is kept under data/cache.

    Raise `version` whenever the function, or an estimator that it calls, gives another answer than before.
    also: called with the same arguments, returns what else names the result (data and run identities).
    """

    def decorate(function: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            key = {"function": _name(function), "version": version, "arguments": describe(dict(bound.arguments))}
            if also:
                key["identities"] = describe(also(*args, **kwargs))
            path = paths.cache() / function.__name__ / f"{paths.short_hash(key)}.parquet"
            return _fetch(path, read_table, write_table, lambda: function(*args, **kwargs), key)

        wrapper.version = version
        return wrapper

    return decorate


def frame(key: dict, render: Callable[[], bytes]) -> bytes:
    """The PNG picture that belongs to `key`, rendered at most once."""
    described = describe(key)
    path = paths.cache() / "frames" / f"{paths.short_hash(described)}.png"
    return _fetch(path, _read_png, lambda picture, part: part.write_bytes(picture), render, None)


def _fetch(path: Path, read, write, compute, key: dict | None):
    if path.exists() and not os.environ.get("MI_KIT_FRESH"):
        try:
            return read(path)
        except Exception as error:  # whatever is wrong with the file, the answer is the same
            warnings.warn(f"The cache entry {path} is damaged ({error}); it is computed again.", stacklevel=3)
    value = compute()
    paths.write_whole(path, lambda part: write(value, part))
    if key is not None:
        paths.write_json(path.with_suffix(".json"), key)
    return value


def read_table(path: Path) -> pd.DataFrame:
    """A table; pages whose checksum is wrong raise an error."""
    return pd.read_parquet(path, page_checksum_verification=True)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """A table as parquet, every page with its checksum, and as small as it gets without losing a bit."""
    floats = [str(column) for column in table if pd.api.types.is_float_dtype(table[column])]
    others = [str(column) for column in table if str(column) not in floats]
    packed = {"use_byte_stream_split": floats, "use_dictionary": others} if floats else {}
    table.to_parquet(path, index=False, write_page_checksum=True, compression="zstd", compression_level=9, **packed)


def write_in_parts(table: pd.DataFrame, stem: Path, most_bytes: int) -> None:
    """A table as `stem`.parquet, or, where that is larger, as `stem`.0.parquet, `stem`.1.parquet, ... of its rows."""
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
            return
        for file in files:
            file.unlink()
        n_parts += 1


def parts_of(stem: Path) -> list[Path]:
    """The files of a table that `write_in_parts` wrote, in their order; none where there is none."""
    whole = stem.with_suffix(".parquet")
    if whole.exists():
        return [whole]
    return sorted(stem.parent.glob(f"{stem.name}.[0-9]*.parquet"), key=lambda file: int(file.suffixes[-2][1:]))


def read_parts(stem: Path) -> pd.DataFrame:
    """The table that `write_in_parts` wrote."""
    return pd.concat([read_table(file) for file in parts_of(stem)], ignore_index=True)


def _read_png(path: Path) -> bytes:
    from PIL import Image

    picture = path.read_bytes()
    Image.open(io.BytesIO(picture)).verify()
    return picture


def describe(value):
    """`value` as plain JSON types that name it: runs and data sets by identity, tables by content."""
    if isinstance(value, Dataset):
        return value.identity
    if isinstance(value, Run):
        return {"run": value.identities, "steps": value.steps}
    if isinstance(value, pd.DataFrame):
        hashed = pd.util.hash_pandas_object(value.reset_index(drop=True), index=False)
        return {"columns": [str(column) for column in value.columns], "rows": paths.short_hash(hashed.tolist())}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return describe({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if isinstance(value, dict):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [describe(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, functools.partial):
        return {"function": _name(value.func), "bound": describe([*value.args, value.keywords])}
    if callable(value):
        return _name(value)
    raise ValueError(f"arguments of a cached function must be plain values, tables, runs or data sets; got {value!r}.")


def _name(function: Callable) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def clean(keep_bytes: int = 0) -> int:
    """Delete the oldest files of data/cache and data/runs until at most `keep_bytes` are left; returns bytes freed.

    A run goes as a whole (a seed's folder), never a part of it.
    """
    entries = [(path, [path]) for path in paths.cache().rglob("*") if path.is_file()]
    entries += [(record.parent, list(record.parent.iterdir())) for record in paths.runs().rglob("run.json")]
    sized = [(max(f.stat().st_mtime for f in files), sum(f.stat().st_size for f in files), p) for p, files in entries]
    total, freed = sum(size for _, size, _ in sized), 0
    for _, size, path in sorted(sized, key=lambda entry: entry[0]):
        if total - freed <= keep_bytes:
            break
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        freed += size
    return freed
