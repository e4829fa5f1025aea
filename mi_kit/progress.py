"""Progress of long work: a bar in a terminal or notebook; of work in other processes, a line each that one shows."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import time
from pathlib import Path

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


def last_line(file: Path) -> str:
    """How far a process is whose bar goes to a file; "" before it has one."""
    with contextlib.suppress(OSError):
        return file.read_bytes().decode(errors="replace").split("\r")[-1].strip()
    return ""


class Screen:
    """One line for each running process, rewritten in a terminal; elsewhere only what is new, now and then."""

    def __init__(self):
        self.shown, self.live, self.last = 0, sys.stderr.isatty(), 0.0

    def show(self, lines: list[str]) -> None:
        if self.live:
            width = max(20, shutil.get_terminal_size().columns - 1)
            erase = f"\x1b[{self.shown}F\x1b[J" if self.shown else ""
            sys.stderr.write(erase + "".join(line[:width] + "\n" for line in lines))
            self.shown = len(lines)
        elif lines and time.monotonic() - self.last > 15:
            sys.stderr.write("".join(line + "\n" for line in lines))
            self.last = time.monotonic()
        sys.stderr.flush()

    def say(self, line: str) -> None:
        """A line that stays, on standard output."""
        self.show([])
        print(line, flush=True)
