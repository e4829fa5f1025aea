"""What every estimator and every reading of a path gives on small fixed inputs, and the VERSION it was made under.

A number that changes without a raised `estimators.VERSION` would be taken from old caches for ever.
`python tests/golden_numbers.py` writes the file anew, and refuses to while a number differs and VERSION was not raised.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch

from mi_kit import estimators as est
from mi_kit import phases

FILE = Path(__file__).with_suffix(".json")
# Another CPU adds in another order: 1e-15 of a sum, magnified by eigenvalues, Lanczos steps and differences of
# entropies to 1e-12 at most. What anyone changes on purpose is far above 1e-9.
TOLERANCE = 1e-9


def made(*shape: int, salt: int = 0) -> torch.Tensor:
    """Scattered numbers between -1 and 1 without ties; roots, because every machine rounds them alike."""
    places = np.arange(math.prod(shape), dtype=np.int64) + 17 * salt
    return torch.from_numpy(np.sqrt(1 + (places**3 * 7919 + places * 31) % 10007) / 50 - 1).reshape(shape)


def _run():
    """What `path_of` reads of a run: outputs of two seeds at four steps."""
    logits = {step: (1 + step) * made(2, 40, 3, salt=step) for step in range(4)}
    metrics = pd.DataFrame({"step": range(4), "epoch": [0.0, 0.5, 1.0, 1.5]})
    activations = lambda step, layers, x: {"": logits[step]}  # noqa: E731
    return SimpleNamespace(dataset=None, steps=range(4), seeds=(0, 1), metrics=metrics, activations=activations)


def _information_of_path() -> np.ndarray:
    """Without loss and accuracy: they are float32, and not this module's."""
    path = phases.path_of(_run(), torch.zeros(40, 1), Y % 3, n_bins=5)
    return path.drop(columns=["loss", "accuracy"]).to_numpy(float)


def _path(salt: int = 0) -> pd.DataFrame:
    """A rise and a fall of I(X;T), with scatter."""
    step = np.arange(60)
    rise, scatter = step / (step + 4), made(3, 60, salt=salt).numpy() / 20
    i_xt, i_ty, accuracy = 4 * rise - step / 40 + scatter[0], 2 * rise + scatter[1], rise + scatter[2]
    return pd.DataFrame({"step": step, "epoch": step / 10, "i_xt": i_xt, "i_ty": i_ty, "accuracy": accuracy})


def _quantities(salt: int = 0) -> list[np.ndarray]:
    return [_path(salt)[column].to_numpy() for column in ("i_xt", "i_ty", "accuracy")]


Y = torch.arange(40) ** 2 % 3 + torch.arange(40) % 2  # four classes, of 7 to 13 samples
T, MAPS = made(2, 40, 3), made(40, 4, 3, salt=1)
X, WEIGHTS = T[0], made(40, salt=2) + 2
LONG, WIDE = made(300, 2, salt=3), made(300, 8, salt=4)  # more samples than KSG takes without a tree
STATES = est.quantise(T, n_levels=4, range=(-1, 1))

# by function: calls, each with other options that have a formula of their own
CASES = {
    "at_bound": [lambda: est.at_bound(made(20), 0.5, -0.5)],
    "binned_class_information": [
        lambda: est.binned_class_information(T, Y, n_bins=4),
        lambda: est.binned_class_information(T, Y, n_bins=3, spacing="equal_count", n_classes=6),
    ],
    "binned_information": [
        lambda: est.binned_information(T, Y, n_bins=4),
        lambda: est.binned_information(T, Y, n_bins=4, range=(-1.5, 1.5), correction="miller_madow"),
        lambda: est.binned_information(T, Y, bin_width=0.6, weights=WEIGHTS),
        lambda: est.binned_information(T, Y, n_bins=3, spacing="equal_count", per_neuron=True),
        lambda: est.binned_information(made(40, 50), Y),  # rows by a hash
    ],
    "channel_capacity": [lambda: est.channel_capacity(MAPS, MAPS[:, :2] ** 2, n_bins=6)],
    "discrete_information": [lambda: est.discrete_information(1 + made(2, 4, 5))],
    "distance_entropy": [lambda: est.distance_entropy(MAPS), lambda: est.distance_entropy(MAPS, n_bins=5)],
    "exact_information": [
        lambda: est.exact_information(STATES, Y),
        lambda: est.exact_information(STATES, Y, weights=WEIGHTS),
    ],
    "inter_sample_entropy": [lambda: est.inter_sample_entropy(T, n_neighbors=5)],
    "intra_sample_entropy": [
        lambda: est.intra_sample_entropy(MAPS),
        lambda: est.intra_sample_entropy(MAPS, n_bins=3, range=(-2, 2)),
    ],
    "is_constant": [lambda: est.is_constant(torch.stack([X, 0 * X + 3, 1e-3 * X + 1e3]))],
    "kde_information": [
        lambda: est.kde_information(T, Y, noise_variance=[0.01, 0.1, 1.0], bound="both", n_classes=6),
        lambda: est.kde_information(T, Y),
        lambda: est.kde_information(WIDE, torch.arange(300) % 3, noise_variance=0.03, tile_elements=1 << 12),
    ],
    "kozachenko_leonenko_entropy": [
        lambda: est.kozachenko_leonenko_entropy(T),
        lambda: est.kozachenko_leonenko_entropy(LONG, n_neighbors=4),
        lambda: est.kozachenko_leonenko_entropy(WIDE),
    ],
    "ksg_mutual_information": [
        lambda: est.ksg_mutual_information(T, T[..., :1] ** 2 + T[..., 1:2]),
        lambda: est.ksg_mutual_information(T, T[..., :1] ** 2 + T[..., 1:2], variant=2, n_neighbors=5),
        lambda: est.ksg_mutual_information(LONG, LONG[:, :1] + LONG[:, 1:] ** 3),
        lambda: est.ksg_mutual_information(LONG, LONG[:, :1] + LONG[:, 1:] ** 3, variant=2),
        lambda: est.ksg_mutual_information(STATES, Y.expand(2, 40)[..., None]),  # ties
    ],
    "label_entropies": [lambda: est.label_entropies(Y, Y.roll(3), n_classes=5)],
    "label_entropy": [lambda: est.label_entropy(Y)],
    "mixture_information": [
        lambda: est.mixture_information(T[..., :1], Y, noise_variance=0.03),
        lambda: est.mixture_information(T[..., :1], Y, weights=WEIGHTS),
    ],
    "quantise": [lambda: est.quantise(X[:4], n_levels=7, range=(-0.5, 0.9))],
    "renyi_chain": [
        lambda: est.renyi_chain([X, X**2], [X[:, :1], MAPS], alpha=[1.01, 2], bandwidth=([0.5, 0.6], [0.4, 2.0]))
    ],
    "renyi_entropy": [lambda: est.renyi_entropy(T, alpha=[0.6, 1, 1.01, 2, 5], bandwidth=0.5)],
    "renyi_joint_entropy": [
        lambda: est.renyi_joint_entropy(MAPS, bandwidth=[1.0, 1.5, 2.0, 3.0]),
        lambda: est.renyi_joint_entropy([T, X], alpha=2, bandwidth=1.0),
    ],
    "renyi_mutual_information": [
        lambda: est.renyi_mutual_information(T, MAPS, alpha=[1.01, 1, 2], bandwidth=(0.5, 2.0)),
        lambda: est.renyi_mutual_information(T, MAPS, alpha=2, bandwidth=(0.5, 2.0)),
    ],
    "silverman_bandwidth": [lambda: est.silverman_bandwidth(40, 3, 5.0, exponent_offset=1)],
    "stochastic_renyi_entropy": [
        lambda: est.stochastic_renyi_entropy(LONG, bandwidth=0.3, n_leading=6, n_probes=4, n_steps=8),
        lambda: est.stochastic_renyi_entropy(LONG, alpha=0.6, bandwidth=0.3, n_leading=6, n_probes=4, n_steps=8),
        lambda: est.stochastic_renyi_entropy(LONG, alpha=2, bandwidth=0.3),
        lambda: est.stochastic_renyi_entropy([X, X**2], alpha=1, bandwidth=[0.5, 0.4]),
    ],
    "total_variance": [lambda: est.total_variance(torch.stack([X, 0 * X + 3, 1e-3 * X + 1e3]))],
    "inversions": [lambda: phases.inversions(*_quantities())],
    "inversions_of_other_accuracies": [lambda: phases.inversions_of_other_accuracies(*_quantities(), n_draws=5)],
    "inversions_of_trends": [lambda: phases.inversions_of_trends(*_quantities(), n_draws=5)],
    "inversions_of_walks": [lambda: phases.inversions_of_walks(*_quantities(), n_draws=5)],
    "inversions_resampled": [
        lambda: phases.inversions_resampled([_quantities(), _quantities(5)], block=7, n_draws=5),
    ],
    "path_of": [_information_of_path],
    "read": [lambda: phases.read(_path()), lambda: phases.read(_path().iloc[:9], window=3)],
    "slope_after": [lambda: phases.slope_after(_path(), 2.0)],
    "smooth": [lambda: phases.smooth(_path()["i_xt"][:9]), lambda: phases.smooth(_path()["i_ty"][:9], 5)],
    "softmax": [lambda: phases.softmax(3 * X[:4])],
    "softmax_information": [lambda: phases.softmax_information(3 * T, Y % 3)],
    "window_for": [lambda: phases.window_for(range(101))],
}


def functions() -> set[str]:
    """What needs a golden number."""
    of_phases = inspect.getmembers(phases, lambda each: getattr(each, "__module__", "") == phases.__name__)
    public = [(name, each) for name, each in of_phases if not name.startswith("_")]
    public += [(name, getattr(est, name)) for name in est.__all__]
    return {name for name, each in public if inspect.isfunction(each)}


def numbers(name: str) -> list[list[float]]:
    """All numbers that each call of a function gives, in a row."""
    return [_flat(call()) for call in CASES[name]]


def _flat(result) -> list[float]:
    if dataclasses.is_dataclass(result):
        result = dataclasses.astuple(result)
    if isinstance(result, tuple):
        return [number for part in result for number in _flat(part)]
    return np.asarray(result, float).ravel().tolist()


def alike(one: list[list[float]], other: list[list[float]]) -> bool:
    return [len(each) for each in one] == [len(each) for each in other] and all(
        np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True) for a, b in zip(one, other, strict=True)
    )


def stored() -> dict:
    return json.loads(FILE.read_text(encoding="utf-8"))


def write() -> None:
    """The file anew; SystemExit where a number differs from the one in it and VERSION was not raised."""
    found = {name: numbers(name) for name in sorted(CASES)}
    before = stored() if FILE.exists() else {"version": 0, "numbers": {}}
    changed = [name for name, old in before["numbers"].items() if name in found and not alike(found[name], old)]
    raised = before["version"] < est.VERSION
    if changed and not raised:
        sys.exit(f"the numbers of {', '.join(changed)} changed: raise estimators.VERSION above {before['version']}")
    rows = ",\n".join(f'  "{name}": {json.dumps(each)}' for name, each in found.items())
    FILE.write_text(f'{{\n"version": {est.VERSION},\n"numbers": {{\n{rows}\n}}\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    write()
