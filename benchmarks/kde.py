"""Kernel bounds: ours against the formula that people use today, in one run on this machine.

The formula: one full matrix of squared distances, then one logsumexp for every quantity (H(T), ten H(T|c), ten
H(T|not c), each for both bounds), as in the public code of Saxe et al. (2018) and its descendants; in numpy (float64)
and in torch (float32). Answers are compared. Memory is measured in processes of their own.

    python benchmarks/kde.py            table on the screen and in figures/benchmarks/kde.csv
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import psutil
import torch
from scipy.special import logsumexp

from mi_kit import paths
from mi_kit.estimators import kde_information

N_CLASSES, NOISE_VARIANCE = 10, 0.1
DIVISORS = {"upper": 2, "lower": 8}


def made_activations(n: int, d: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ten overlapping classes; distances such that the bounds lie between 0 and log2 n."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n) % N_CLASSES
    centres = torch.randn(N_CLASSES, d, generator=generator)
    noise = torch.randn(n, d, generator=generator)
    return (0.5 * centres[y] + noise) * (1.5 * math.sqrt(NOISE_VARIANCE / d)), y


def numpy_formula(t: np.ndarray, y: np.ndarray) -> dict:
    squares = np.sum(np.square(t), axis=1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * t @ t.T, 0)

    def entropy(rows, divisor):
        part = distances if rows is None else distances[np.ix_(rows, rows)]
        return -np.mean(logsumexp(-part / (divisor * NOISE_VARIANCE), axis=1) - np.log(len(part))) / np.log(2)

    return {bound: _quantities(entropy, y, divisor) for bound, divisor in DIVISORS.items()}


def torch_formula(t: torch.Tensor, y: torch.Tensor) -> dict:
    squares = t.square().sum(1)
    distances = (squares[:, None] + squares[None] - 2 * t @ t.T).clamp(min=0)

    def entropy(rows, divisor):
        part = distances if rows is None else distances[rows][:, rows]
        summed = torch.logsumexp(-part / (divisor * NOISE_VARIANCE), dim=1) - math.log(len(part))
        return -float(summed.mean()) / math.log(2)

    return {bound: _quantities(entropy, y.numpy(), divisor) for bound, divisor in DIVISORS.items()}


def _quantities(entropy, y: np.ndarray, divisor: float) -> list[float]:
    """I(X;T), I(T;Y) and the ten one-against-rest I(T;[Y=c])."""
    whole = entropy(None, divisor)
    shares = [np.mean(y == c) for c in range(N_CLASSES)]
    own = [entropy(np.flatnonzero(y == c), divisor) for c in range(N_CLASSES)]
    rest = [entropy(np.flatnonzero(y != c), divisor) for c in range(N_CLASSES)]
    of_class = [whole - p * a - (1 - p) * b for p, a, b in zip(shares, own, rest, strict=True)]
    return [whole, whole - float(np.dot(shares, own)), *of_class]


def ours(t: torch.Tensor, y: torch.Tensor) -> dict:
    both = kde_information(t, y, noise_variance=NOISE_VARIANCE, bound="both")
    return {
        bound: [float(one.i_xt), float(one.i_ty), *one.i_ty_per_class.tolist()]
        for bound, one in (("upper", both.upper), ("lower", both.lower))
    }


def seconds_of(call, repeats: int) -> tuple[float, dict]:
    """The fastest of several calls: what the machine can do when nobody else uses it."""
    times, result = [], None
    for _ in range(repeats):
        started = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - started)
    return min(times), result


def compare(n: int, d: int) -> list[dict]:
    t, y = made_activations(n, d)
    ours(t[:500], y[:500])  # warm up
    fast, answers = seconds_of(lambda: ours(t, y), 5)
    rows = []
    for name, call in (
        ("numpy", lambda: numpy_formula(t.double().numpy(), y.numpy())),
        ("torch", lambda: torch_formula(t, y)),
    ):
        slow, theirs = seconds_of(call, 2)
        difference = max(
            abs(a - b) for bound in DIVISORS for a, b in zip(answers[bound], theirs[bound], strict=True)
        )  # fmt: skip
        rows.append(
            {"n": n, "d": d, "against": name, "theirs_seconds": slow, "ours_seconds": fast, "ratio": slow / fast,
             "largest_difference_bits": difference}
        )  # fmt: skip
    return rows


def memory(n: int, d: int) -> dict:
    """Seconds and peak memory above the data, in a process of its own."""
    command = [sys.executable, __file__, "--memory", str(n), str(d)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _measure_memory(n: int, d: int) -> None:
    ours(*made_activations(200, d))  # what the libraries take for themselves
    t, y = made_activations(n, d)
    process = psutil.Process()
    before, highest, running = process.memory_info().rss, 0, True

    def watch():
        nonlocal highest
        while running:
            highest = max(highest, process.memory_info().rss)
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    ours(t, y)
    seconds = time.perf_counter() - started
    running = False
    watcher.join()
    print(json.dumps({"n": n, "d": d, "seconds": seconds, "megabytes_above_data": (highest - before) / 1e6}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", nargs=2, type=int, metavar=("N", "D"))
    options = parser.parse_args()
    if options.memory:
        return _measure_memory(*options.memory)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}; both bounds, {N_CLASSES} classes, in seconds")
    table = pd.DataFrame([*compare(1_000, 784), *compare(5_000, 784), *compare(2_000, 49)])
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    large = pd.DataFrame([memory(15_000, 784), memory(60_000, 784)])
    print(large.to_string(index=False, float_format=lambda value: f"{value:.1f}"))
    folder = paths.root() / "figures" / "benchmarks"
    paths.write_whole(folder / "kde.csv", lambda part: table.to_csv(part, index=False))
    paths.write_whole(folder / "kde_memory.csv", lambda part: large.to_csv(part, index=False))


if __name__ == "__main__":
    main()
