"""What this machine can do at most, in operations a second: the rates that a case's declared work is divided by."""

from __future__ import annotations

import math
import platform
import time
from pathlib import Path

import numpy as np
import torch

IN_CACHE = 1 << 16  # numbers that stay in the cores' caches
SECONDS = 0.4  # for each rate: the fastest call within it counts
DTYPES = {"float32": torch.float32, "float64": torch.float64}

# name of the rate: what one unit of it is
UNITS = {
    "product_float32": "operations of matrix products",
    "product_float64": "operations of matrix products",
    "exponential_float32": "exponentials",
    "exponential_float64": "exponentials",
    "elementwise_float32": "subtractions of numbers in the cache",
    "elementwise_float64": "subtractions of numbers in the cache",
    "sort": "64-bit integers sorted, a million at a time",
    "tally": "increments of a small histogram",
    "stream": "bytes read or written, beyond the cache",
}


def synchronise(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def fastest(call, device: str, seconds: float = SECONDS) -> float:
    """Seconds of the fastest call: what the machine can do when nobody else uses it."""
    best, started = math.inf, time.perf_counter()
    while best == math.inf or time.perf_counter() - started < seconds:
        synchronise(device)
        before = time.perf_counter()
        call()
        synchronise(device)
        best = min(best, time.perf_counter() - before)
    return best


def rates(device: str = "cpu") -> dict[str, float]:
    """Units a second of everything in UNITS, on all cores or on the GPU."""
    found = {}
    for name, dtype in DTYPES.items():
        found[f"product_{name}"] = _product(dtype, device)
        found[f"exponential_{name}"] = _exponential(dtype, device)
        found[f"elementwise_{name}"] = _elementwise(dtype, device)
    return found | {"sort": _sort(device), "tally": _tally(device), "stream": _stream(device)}


def _product(dtype, device: str) -> float:
    size = 2048 if device == "cpu" else 8192
    a, b = (torch.rand(size, size, dtype=dtype, device=device) for _ in range(2))
    out = torch.empty_like(a)
    return 2 * size**3 / fastest(lambda: torch.mm(a, b, out=out), device)


def _exponential(dtype, device: str) -> float:
    numbers = -torch.rand(_length(device), dtype=dtype, device=device)
    out = torch.empty_like(numbers)
    return len(numbers) / fastest(lambda: torch.exp(numbers, out=out), device)


def _elementwise(dtype, device: str) -> float:
    a, b = (torch.rand(_length(device), dtype=dtype, device=device) for _ in range(2))
    out = torch.empty_like(a)
    return len(a) / fastest(lambda: torch.sub(a, b, out=out), device)


def _length(device: str) -> int:
    return IN_CACHE if device == "cpu" else 1 << 26  # a GPU needs many to be busy


def _sort(device: str) -> float:
    numbers = torch.randint(1 << 40, (1_000_000,), device=device)
    if device != "cpu":
        return len(numbers) / fastest(lambda: torch.sort(numbers), device)
    array = numbers.numpy()
    return len(array) / fastest(lambda: np.sort(array), device)  # one core, but far faster than torch's


def _tally(device: str) -> float:
    """On the CPU: of one core, times the cores."""
    numbers = torch.randint(1024, (IN_CACHE if device == "cpu" else 1 << 26,), device=device)
    if device != "cpu":
        return len(numbers) / fastest(lambda: torch.bincount(numbers, minlength=1024), device)
    array = numbers.numpy()
    return len(array) * torch.get_num_threads() / fastest(lambda: np.bincount(array, minlength=1024), device)


def _stream(device: str) -> float:
    source = torch.ones(1 << 26, device=device)
    target = torch.empty_like(source)
    return 2 * source.nbytes / fastest(lambda: target.copy_(source), device)


def described(device: str = "cpu") -> str:
    """Processor or GPU, threads and versions, in one line."""
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}"
    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name()}, {versions}"
    return f"{_processor()}, {torch.get_num_threads()} threads, {versions}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
