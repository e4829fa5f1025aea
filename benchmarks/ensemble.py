"""Ten seeds of the network of notebook 05 as one ensemble, against ten runs one after the other.

python benchmarks/ensemble.py [updates]: milliseconds of one update of all ten, by number of rows, and whether the
target of four times is reached at 600 rows. Both ways take turns; each has the best of its rounds. An ensemble saves
calls and not arithmetic: what an update of a single row costs is nearly all calls, and tells how far it can go.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch

from mi_kit import models, trainees

N_SEEDS, N_CLASSES, TARGET, TARGET_ROWS, ROUNDS = 10, 3, 4.0, 600, 7
ROWS = (132, TARGET_ROWS, 3_276)


def updater(kind: type, n_members: int, rows: int) -> Callable[[], None]:
    """A function that makes one update of so many seeds, as `training.train` does with this kind of trainee."""
    modules = [models.build(models.compression("tanh"), seed) for seed in range(n_members)]
    trainee, generator = kind(modules, torch.device("cpu")), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam([parameter for _, parameter, _ in trainee.owners()], lr=1e-3, fused=True)
    x = torch.randn(n_members, rows, 4, generator=generator)
    y = torch.randint(N_CLASSES, (n_members, rows), generator=generator)

    def update() -> None:
        optimiser.zero_grad()
        trainee.gradients(x, y, [0.0] * n_members)
        optimiser.step()

    return update


def best_of_turns(functions: list[Callable[[], None]], updates: int) -> list[float]:
    """Seconds of one call of each function; they take turns, so that a busy machine slows all of them."""
    best = [float("inf")] * len(functions)
    for _ in range(ROUNDS):
        for number, function in enumerate(functions):
            start = time.perf_counter()
            for _ in range(updates):
                function()
            best[number] = min(best[number], (time.perf_counter() - start) / updates)
    return best


def main(updates: int = 50) -> None:
    torch.set_num_threads(1)  # what `training.train` gives to so small a step
    print(f"{N_SEEDS} seeds of {models.compression('tanh').title}, one thread, ms an update of all of them")
    for rows in ROWS:
        ways = [(trainees.DenseEnsemble, N_SEEDS, rows), (trainees.Modules, 1, rows)]
        ways += [(trainees.DenseEnsemble, N_SEEDS, 1), (trainees.Modules, 1, 1)]
        together, alone, calls_together, calls_alone = best_of_turns([updater(*way) for way in ways], updates)
        ratio = N_SEEDS * alone / together
        words = f"; target {TARGET:g}x {'reached' if ratio >= TARGET else 'missed'}" if rows == TARGET_ROWS else ""
        print(
            f"{rows:>6,} rows: together {1e3 * together:5.2f} (calls {1e3 * calls_together:4.2f}), one after the "
            f"other {1e3 * N_SEEDS * alone:5.2f} (calls {1e3 * N_SEEDS * calls_alone:4.2f}): {ratio:.1f}x{words}"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
