"""Work side by side, each piece in a process of its own: one small network fills neither two cores nor a GPU."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .progress import Screen, last_line


@dataclass
class Worker:
    """A process at work, with the files in which it says how far it is, and what went wrong."""

    process: multiprocessing.Process
    progress: Path
    failure: Path
    started: float

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


def run(tasks: dict[str, Callable[[], object]], n_jobs: int) -> dict[str, str]:
    """Call all tasks, `n_jobs` at a time, with a line of progress each; what they return is dropped.

    tasks: by name; functions that can be pickled, such as a partial of a module's function. A failure stops no other
    task. Returns {name: error} of those that failed. Raises ValueError for n_jobs below 1.
    """
    if n_jobs < 1:
        raise ValueError(f"jobs must be at least 1; got jobs={n_jobs}.")
    n_threads = max(1, (os.cpu_count() or 1) // n_jobs)
    waiting, running, failed, screen = list(tasks), {}, {}, Screen()
    with tempfile.TemporaryDirectory() as folder:
        try:
            while waiting or running:
                while waiting and len(running) < n_jobs:
                    name = waiting.pop(0)
                    running[name] = _start(tasks[name], Path(folder) / str(len(waiting)), n_threads)
                time.sleep(0.1)
                for name in [name for name, worker in running.items() if not worker.process.is_alive()]:
                    worker = running.pop(name)
                    if error := _error_of(worker):
                        failed[name] = error
                    screen.say(f"{'FAILED' if error else 'done'} {name} in {worker.seconds:.1f} s")
                screen.show([f"{name}: {last_line(worker.progress)}" for name, worker in running.items()])
        finally:
            screen.show([])
            for worker in running.values():
                worker.process.terminate()
                worker.process.join()
    return failed


def _start(task: Callable[[], object], stem: Path, n_threads: int) -> Worker:
    progress, failure = stem.with_suffix(".progress"), stem.with_suffix(".failure")
    context = multiprocessing.get_context("spawn")  # CUDA cannot be used in a fork of a process that used it
    process = context.Process(target=_work, args=(task, n_threads, progress, failure))
    process.start()
    return Worker(process, progress, failure, time.monotonic())


def _work(task: Callable[[], object], n_threads: int, progress: Path, failure: Path) -> None:
    """In the process: end with the parent, however it goes; leave the error where the parent looks for it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["MI_KIT_PROGRESS"] = str(progress)
    import torch

    torch.set_num_threads(n_threads)
    try:
        task()
    except Exception as error:
        traceback.print_exc()
        failure.write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        sys.exit(1)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def _error_of(worker: Worker) -> str:
    if worker.failure.exists():
        return worker.failure.read_text(encoding="utf-8")
    return f"ended with exit status {worker.process.exitcode}" if worker.process.exitcode else ""
