"""A training that is killed at the moments of writing, again and again, and then goes on: are its results those of an
undisturbed one? `python tests/kills.py --kills 500` says so, with the seed of each that differs.

Half of the kills come right before a file is opened, renamed or deleted, half up to three milliseconds later, in the
middle of what is written. Every trial is killed one to three times before it may finish.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from unittest import mock

import torch
from torch import nn
from tqdm import tqdm

from mi_kit import data, fingerprint, training

STEPS, SEEDS = 24, range(3)
LATEST = 0.003  # seconds from a writing event to a kill


def dense() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 4), nn.Tanh(), nn.Linear(4, 10))


def convolutional() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 5, 4), nn.ReLU(), nn.Flatten(), nn.Linear(72, 10))


def biases(moment) -> list[dict]:
    """Some rows at most steps, none at every seventh."""
    each = moment.modules() if moment.step % 7 else []
    return [{"member": member, "bias": module[-1].bias.sum().item()} for member, module in enumerate(each)]


NETWORKS = {"dense": dense, "convolutional": convolutional}


def train(folder: Path, network: str, careful: bool = True, steps: int = STEPS):
    """A training whose state is kept many times a second, so that most of its time is writing.

    careful: end at the first warning. A kill damages nothing, so nothing may be put aside.
    """
    torch.set_num_threads(1)
    how = {"checkpoints": range(0, STEPS, 5), "observe": biases, "observe_at": range(steps + 1), "steps": steps}
    with mock.patch.object(training, "SECONDS_BETWEEN_STATES", 0.004), warnings.catch_warnings():
        warnings.simplefilter("error" if careful else "always")
        return training.train(
            NETWORKS[network], data.load("digits", 60, 20), seeds=SEEDS if network == "dense" else [0], folder=folder,
            progress=False, device="cpu", **how,
        )  # fmt: skip


def results_of(folder: Path, network: str, **how) -> dict:
    """All that a reader gets of a run, to the bit. how: as `train` takes it."""
    run = train(folder, network, **how)
    weights = {
        f"{seed} {step}": run.folders[seed].weights(step) for seed in range(len(run.seeds)) for step in run.steps
    }
    return {
        "metrics": fingerprint.of(run.metrics),
        "observed": fingerprint.of(run.observed("biases")),
        "weights": fingerprint.of(weights),
        "states": fingerprint.of([folder.state() for folder in run.folders]),
    }


def _child(folder: Path, network: str, kill_at: int | None, delay: float, counted) -> None:
    """Train; at the writing event number `kill_at`, `delay` seconds later, end without a chance to say anything."""
    events = 0

    def heard(event: str, arguments: tuple) -> None:
        nonlocal events
        writes = event in ("os.rename", "os.remove") or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if not writes or str(folder) not in str(arguments[0]):
            return
        events += 1
        counted.value = events
        if events == kill_at:
            if delay:
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
            else:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(heard)
    train(folder, network)


def run_once(folder: Path, network: str, kill_at: int | None = None, delay: float = 0.0) -> tuple[int, int]:
    """(exit code, number of writing events) of one training in a process of its own."""
    context = multiprocessing.get_context("fork")
    counted = context.Value("l", 0)
    process = context.Process(target=_child, args=(folder, network, kill_at, delay, counted))
    process.start()
    process.join()
    return process.exitcode, counted.value


def trial(folder: Path, network: str, seed: int, n_events: int) -> int:
    """One run, killed one to three times, then finished; returns how often it was killed."""
    draw, kills = random.Random(seed), 0
    for _ in range(draw.randint(1, 3)):
        code, _ = run_once(folder, network, draw.randint(1, n_events), draw.choice([0.0, draw.uniform(0, LATEST)]))
        if code not in (0, -signal.SIGKILL):
            raise AssertionError(f"seed {seed}, {network}: a run that went on ended with exit status {code}")
        kills += code != 0
    return kills


def compare(n_kills: int, network: str, base: Path, first_seed: int = 0) -> list[str]:
    """Kill `n_kills` times; what differs from the undisturbed run, a line each."""
    whole = base / f"{network}-whole"
    code, n_events = run_once(whole, network)
    if code:
        raise AssertionError(f"the undisturbed run of {network} ended with exit status {code}")
    expected, wrong, kills, seed = results_of(whole, network), [], 0, first_seed
    with tqdm(total=n_kills, desc=f"kills of {network}, {n_events} writing events", disable=None) as bar:
        while kills < n_kills:
            folder = base / f"{network}-{seed}"
            done = trial(folder, network, seed, n_events)
            found = results_of(folder, network)
            if different := [name for name in expected if found[name] != expected[name]]:
                wrong.append(f"seed {seed}: {', '.join(different)} differ")
            kills, seed = kills + done, seed + 1
            bar.update(done)
            shutil.rmtree(folder)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="of the first trial")
    options = parser.parse_args()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        wrong = [line for network in NETWORKS for line in compare(options.kills // 2, network, base, options.seed)]
    print("\n".join(wrong) or "no result differs", f"({time.monotonic() - began:.0f} s)")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
