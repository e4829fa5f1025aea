"""Redundancy of filters in notebook 02: over training, and for pairs of trained filters."""

from __future__ import annotations

import itertools

import pandas as pd
import torch

from ... import cache, probes
from ... import estimators as est
from .chains import RUN, best_share, of_reading, saturation
from .observers import batched, literal_bandwidth, standardised
from .settings import BASE, FILTERS, Settings, dataset_of, identities, observed, run_of


@cache.cached(version=1, also=identities)
def redundancy(settings: Settings) -> pd.DataFrame:
    """Redundancy of the convolutions of the four filter settings, under both readings: a row a layer, seed and step."""
    share, _ = best_share(saturation(settings), "forward")
    rows = pd.concat([observed(settings, "mnist", network, "redundancy") for network in FILTERS], ignore_index=True)
    table = pd.concat([of_reading(rows, reading, share) for reading in ("literal", "second")], ignore_index=True)
    upper = torch.tensor(table["h_x"].to_numpy())
    at_bound = est.at_bound(torch.tensor(table["joint"].to_numpy()), upper).numpy()
    columns = ["layer", "reading", "share", "n_filters", "n_samples", "of_maps", "joint", "redundancy", "h_x"]
    return table.assign(at_bound=at_bound)[[*RUN, *columns, "at_bound"]]


@cache.cached(version=2, also=identities)
def filter_pairs(settings: Settings) -> pd.DataFrame:
    """Pairs of filters of one layer, untrained and trained: I(X;T^a), I(X;T^b), I(X;{T^a,T^b}), in bits.

    co_information = I(X;T^a) + I(X;T^b) - I(X;{T^a,T^b}): redundancy minus synergy. Of the baseline with sigmoids, on
    one mini-batch, under both readings.
    """
    share, _ = best_share(saturation(settings), "forward")
    dataset, run = dataset_of(settings, "mnist"), run_of(settings, "mnist", BASE)
    x, rows = dataset.x_test[: settings.n_samples], []
    for step in (run.steps[0], run.steps[-1]):
        for member, seed in enumerate(run.seeds):
            for layer, t in probes.activations(run.module(step, member), x, ["C1", "C2"]).items():
                for reading in ("literal", "second"):
                    table = pairs_of(batched(x.flatten(1), 1), batched(t, 1), reading, share, settings)
                    table["at_bound"] = est.at_bound(torch.tensor(table["joint"].to_numpy()), table["h_x"].iloc[0])
                    own = {"reading": reading, "share": share if reading == "second" else 0.0}
                    rows.append(table.assign(layer=layer, seed=seed, step=step, **own))
    more = {"part": "mnist", "dataset": dataset.name, "model": BASE, "n_samples": len(x)}
    return pd.concat(rows, ignore_index=True).assign(**more)


def pairs_of(x: torch.Tensor, maps: torch.Tensor, reading: str, share: float, settings: Settings) -> pd.DataFrame:
    """x: (1, n, d), maps: (1, n, C, d). One row a pair of maps, counted from 1."""
    if reading == "literal":
        s_x, s_map = literal_bandwidth(x, settings.h_forward), literal_bandwidth(maps, settings.h_forward)
    else:
        x, s_x, s_map = standardised(x), share**0.5, share**0.5
        maps = standardised(maps).unflatten(2, maps.shape[2:])
    n_maps = maps.shape[2]
    pairs = list(itertools.combinations(range(n_maps), 2))
    layers = [*maps.unbind(2), *(maps[:, :, list(pair)] for pair in pairs)]
    found = est.renyi_chain([x], layers, alpha=settings.alpha, bandwidth=([s_x], [s_map] * len(layers)))
    information = found.information[0, 0].tolist()
    rows = [
        {"first": a + 1, "second": b + 1, "i_first": information[a], "i_second": information[b], "joint": joint,
         "co_information": information[a] + information[b] - joint, "h_x": float(found.of_variables[0, 0])}
        for (a, b), joint in zip(pairs, information[n_maps:], strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


TABLES = {"redundancy": redundancy, "filter_pairs": filter_pairs}
