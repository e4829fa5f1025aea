"""The one scalar of the debate: how far a path has fallen from its highest point, and what noise alone would give."""

from __future__ import annotations

import math

import numpy as np

from ... import phases


def compression(values: np.ndarray) -> np.ndarray:
    """The largest value of each path minus its last one, (paths, moments) -> (paths,), in the unit of the values."""
    return values.max(-1) - values[..., -1]


def null_compression(values: np.ndarray, *, n_draws: int = 200, seed: int = 0) -> np.ndarray:
    """What a path of the same roughness without trend would give, (paths, moments) -> (paths,): a mean of draws.

    Paths are drawn, with replacement, from what `phases.smooth` takes away of a path: the largest value of noise lies
    above its last one. The ends are left out, where neighbours on one side alone would count a trend as roughness. A
    mean of w neighbours takes away only (w - 1)/w of the variance of noise, which is made up for. Where a path bends
    within the window, the bend counts as roughness: the value is then too high, not too low.
    """
    random = np.random.default_rng(seed)
    window, n_moments = phases.window_for(values[0]), values.shape[1]
    inner = slice(window // 2, n_moments - window // 2)
    rest = np.stack([one - phases.smooth(one) for one in values])[:, inner] * math.sqrt(window / (window - 1))
    total = np.zeros(len(values))
    for _ in range(n_draws):
        total += compression(rest[:, random.integers(rest.shape[1], size=n_moments)])
    return total / n_draws
