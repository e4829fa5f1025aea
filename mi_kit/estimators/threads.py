"""Work in threads of one torch thread each, instead of threads inside every small operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import torch


def in_threads(function: Callable, parts: Iterable, device: torch.device) -> list:
    """What `function` gives for each part, in order; on a CPU as many at a time as torch has threads, else in turn.

    Threads inside an operation wait for the slowest of them, and spin: on a busy machine 20 times as long (seen).
    """
    n_threads = torch.get_num_threads()
    if n_threads == 1 or device.type != "cpu":
        return [function(part) for part in parts]
    try:
        with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(function, parts))
    finally:
        torch.set_num_threads(n_threads)  # what new threads start with, too
