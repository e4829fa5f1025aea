"""Progress of long work: a bar in a terminal or notebook; under `mi-kit run` a line that the parent process shows."""

from __future__ import annotations

import io
import os

from tqdm import tqdm
from tqdm.auto import tqdm as tqdm_auto


def bar(total: int, description: str, initial: int = 0, *, shown: bool = True):
    """A tqdm bar. With MI_KIT_PROGRESS set (a file name), it writes there and leaves the notebook clean."""
    settings = {"total": total, "initial": initial, "desc": description, "leave": False, "mininterval": 0.5}
    if not shown:
        return tqdm(**settings, disable=True)
    if target := os.environ.get("MI_KIT_PROGRESS"):
        unbuffered = open(target, "wb", buffering=0)  # noqa: SIM115 (tqdm writes until it closes)
        return tqdm(**settings, file=io.TextIOWrapper(unbuffered, encoding="utf-8", write_through=True))
    return tqdm_auto(**settings)
