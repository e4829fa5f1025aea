"""Progress of long work: a bar in a terminal or notebook; under `mi-kit run` a line that the parent process shows."""

from __future__ import annotations

import os

from tqdm import tqdm
from tqdm.auto import tqdm as tqdm_auto


def bar(total: int, description: str, initial: int = 0, *, shown: bool = True):
    """A tqdm bar. With MI_KIT_PROGRESS set (a file name), it writes there and leaves the notebook clean."""
    settings = {"total": total, "initial": initial, "desc": description, "leave": False, "mininterval": 0.5}
    if not shown:
        return tqdm(**settings, disable=True)
    if target := os.environ.get("MI_KIT_PROGRESS"):
        return tqdm(**settings, file=open(target, "w", encoding="utf-8"))
    return tqdm_auto(**settings)
