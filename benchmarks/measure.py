"""One measurement: seconds, peak memory and the answer of ours or of a rival at one size.

It warms up, makes the data, takes the peak memory above the data during the first call, and the seconds of the fastest
of several calls.
"""

from __future__ import annotations

import contextlib
import gc
import math
import threading
import time
from pathlib import Path

import cases
import machine
import psutil
import torch

MOST_CALLS, ENOUGH_SECONDS = 20, 3.0


def measured(name: str, n: int, side: str, device: str = "cpu") -> dict:
    """Seconds, megabytes above the data, and the answer of "ours" or of the rival of this number."""
    case = cases.BY_NAME[name]
    rival = None if side == "ours" else case.rivals[int(side)]
    place = device if rival is None else "cpu"

    def prepared(size: int) -> tuple:
        data = case.made(size)
        return rival.prepared(*data) if rival else tuple(each.to(place) for each in data)

    call = case.ours if rival is None else rival.answer
    small = prepared(min(n, case.small))
    call(*small)  # libraries, threads and kernels are loaded
    del small
    data = prepared(n)
    gc.collect()
    with Memory(place) as memory:
        seconds, answer = timed(call, data, place)
    best = fastest_after(seconds, lambda: timed(call, data, place)[0])
    if rival and rival.compared:
        answer = rival.compared(*data)
    return {"seconds": best, "megabytes": memory.megabytes, "answer": numbers(answer)}


def numbers(answer) -> list[float]:
    return answer.double().flatten().tolist() if isinstance(answer, torch.Tensor) else [float(each) for each in answer]


def timed(call, data: tuple, device: str) -> tuple[float, object]:
    machine.synchronise(device)
    started = time.perf_counter()
    answer = call(*data)
    machine.synchronise(device)
    return time.perf_counter() - started, answer


def fastest_after(first: float, again) -> float:
    """The fastest of several calls, the first among them: what the machine can do when nobody else uses it."""
    times = [first]
    while len(times) < MOST_CALLS and (sum(times) < ENOUGH_SECONDS or (len(times) == 1 and first < 5 * ENOUGH_SECONDS)):
        times.append(again())
    return min(times)


class Memory:
    """The peak of memory in use above what was in use before.

    On Linux by the kernel's own high-water mark, elsewhere by looking every few milliseconds; on a GPU by torch.
    """

    def __init__(self, device: str):
        self.device, self.megabytes = device, math.nan
        self.process, self.highest, self.running = psutil.Process(), 0, True

    def __enter__(self):
        if self.device != "cpu":
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
            return self
        self.marked = reset_high_water_mark()
        self.before = self.highest = self.process.memory_info().rss
        if not self.marked:
            self.watcher = threading.Thread(target=self.watch)
            self.watcher.start()
        return self

    def watch(self) -> None:
        while self.running:
            self.highest = max(self.highest, self.process.memory_info().rss)
            time.sleep(0.003)

    def __exit__(self, *_):
        if self.device != "cpu":
            self.highest = torch.cuda.max_memory_allocated()
        elif self.marked:
            self.highest = high_water_mark()
        else:
            self.running = False
            self.watcher.join()
        self.megabytes = max(0.0, (self.highest - self.before) / 1e6)


def reset_high_water_mark() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5")
        high_water_mark()
    except (OSError, StopIteration):
        return False
    return True


def high_water_mark() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def send(sender, name: str, n: int, side: str, device: str) -> None:
    """What a process of its own does: the measurement, or its error in one line, through the pipe."""
    try:
        found = measured(name, n, side, device)
    except Exception as error:
        found = {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}
    with contextlib.suppress(BrokenPipeError):  # whoever asked has been stopped
        sender.send(found)
