"""The tables of notebook 05: paths, their compression, the mechanism, learning, and one run under many estimators."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import torch

from ... import cache, models
from ... import estimators as est
from ...claims import interval
from ...progress import bar
from . import observers
from .measures import compression as compression_of
from .measures import null_compression
from .settings import (
    LAYERED,
    METHODS,
    MINI,
    PAPER_L2,
    PARTS,
    SHOWN,
    Case,
    Settings,
    cases,
    dataset_of,
    identities,
    members_of,
    moments,
    network_of,
    observed,
    run_of,
)

CELL = ["part", "dataset", "model", "method", "l2", "epochs"]
QUANTITIES = {"i_xt": "log2_n", "i_ty": "entropy_y"}  # each with its upper bound
EARLY = 0.8  # of the epochs: what comes later are the paper's "last epochs"
SCALE_FREE = (observers.UNIT, observers.RELATIVE, observers.COUNTS, observers.QUANTISED)
MECHANISM = (observers.KERNEL, *SCALE_FREE)


def of_case(table: pd.DataFrame, case: Case) -> pd.DataFrame:
    chosen = (table["part"] == case.part) & (table["model"] == case.model) & (table["method"] == case.method)
    return table[chosen]


def estimators_of(settings: Settings) -> list[str]:
    """The names of all estimators, in the order in which they are shown."""
    more = [f"{observers.KERNEL} {v:g}" for v in settings.more_variances]
    return [observers.KERNEL, observers.LOWER, *more, observers.RENYI, observers.FIXED, observers.OWN, observers.UNIT,
            observers.RELATIVE, observers.COUNTS, observers.QUANTISED]  # fmt: skip


def is_bound(rows: pd.DataFrame, quantity: str) -> np.ndarray:
    """Whether an estimate lies within 0.05 bit of its upper bound or of 0."""
    return est.at_bound(torch.tensor(rows[quantity].to_numpy()), torch.tensor(rows[QUANTITIES[quantity]].to_numpy()))


def with_bounds(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(at_bound=(is_bound(rows, "i_xt") | is_bound(rows, "i_ty")).numpy())


# --------------------------------------------------------------------------------------------- paths


@cache.cached(version=1, also=identities)
def architectures(settings: Settings) -> pd.DataFrame:
    """Blocks, layers, shapes and parameters of the networks, one activation a part (they differ in nothing else)."""
    tables = []
    for case in (Case("sightings", "relu"), Case("12bit", "relu"), Case("12bit", LAYERED)):
        network = network_of(settings, case)
        described = models.describe(models.build(network), network.input_shape)
        tables.append(described.assign(part=case.part, network=network.title))
    table = pd.concat(tables, ignore_index=True)
    table["output_shape"] = ["×".join(map(str, shape)) for shape in table["output_shape"]]
    return table[["part", "network", "block", "layer", "output_shape", "parameters"]]


@cache.cached(version=1, also=identities)
def two_phases(settings: Settings) -> pd.DataFrame:
    """F1: the paths of the hidden layers of the tanh network on the 12-bit patterns, 30 bins a unit."""
    rows = observed(settings, Case("12bit", LAYERED), "information")
    return with_bounds(rows[rows["estimator"] == observers.FIXED].reset_index(drop=True))


@cache.cached(version=1, also=identities)
def paths(settings: Settings) -> pd.DataFrame:
    """F2 to F5: the sightings' paths with the paper's estimator, its two activations, without and with its L2."""
    found = []
    for model, method in itertools.product(SHOWN, METHODS):
        rows = observed(settings, Case("sightings", model, method), "information")
        found.append(rows[(rows["estimator"] == observers.KERNEL) & rows["l2"].isin((0.0, PAPER_L2))])
    return with_bounds(pd.concat(found, ignore_index=True))


# --------------------------------------------------------------------------------------------- the grid


def compressions_of(rows: pd.DataFrame, n_draws: int) -> pd.DataFrame:
    """Of the rows of one case, the scalars of every path: a row a factor, seed, layer, estimator and quantity.

    compression: largest value minus the last; null: what noise of the same roughness gives; excess: the difference;
    early_excess: the same of the first four fifths of the epochs; at_bound: the share of the path's points at a bound.
    """
    keys, found = ["l2", "seed", "layer", "estimator"], []
    rows = rows.sort_values([*keys, "step"])
    n_moments = rows["step"].nunique()
    first, last = rows.iloc[::n_moments], rows.iloc[n_moments - 1 :: n_moments]
    epochs = rows["epoch"].to_numpy().reshape(-1, n_moments)
    n_early = max(3, int((epochs[0] <= EARLY * epochs[0, -1]).sum()))
    for quantity in QUANTITIES:
        values = rows[quantity].to_numpy(float).reshape(-1, n_moments)
        null = null_compression(values, n_draws=n_draws)
        early = compression_of(values[:, :n_early]) - null_compression(values[:, :n_early], n_draws=n_draws)
        bounds = is_bound(rows, quantity).numpy().reshape(-1, n_moments).mean(1)
        table = first[[*CELL, "seed", "layer", "estimator", "n_samples"]].reset_index(drop=True)
        found.append(
            table.assign(
                quantity=quantity, step=last["step"].to_numpy(), n_moments=n_moments, start=values[:, 0],
                peak=values.max(1), peak_epoch=np.take_along_axis(epochs, values.argmax(1)[:, None], 1)[:, 0],
                final=values[:, -1], compression=compression_of(values), null=null,
                excess=compression_of(values) - null, early_excess=early, at_bound=bounds,
            )
        )  # fmt: skip
    return pd.concat(found, ignore_index=True)


@cache.cached(version=2, also=identities)
def compression(settings: Settings) -> pd.DataFrame:
    """The headline: the compression of every cell of the grid, see `compressions_of`."""
    found = []
    with bar(len(cases(settings)), "cells of the grid") as shown:
        for case in cases(settings):
            found.append(compressions_of(observed(settings, case, "information"), settings.n_draws))
            shown.update()
    order = {name: place for place, name in enumerate(estimators_of(settings))}
    return pd.concat(found).sort_values("estimator", key=lambda name: name.map(order), kind="stable", ignore_index=True)


def of_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean over the hidden layers: a row a cell, estimator, quantity and seed."""
    keys = [*CELL, "estimator", "quantity", "seed"]
    values = ["step", "n_samples", "start", "peak", "final", "compression", "null", "excess", "early_excess",
              "at_bound"]  # fmt: skip
    return rows.groupby(keys, sort=False)[values].mean().reset_index()


@cache.cached(version=1, also=identities)
def cells(settings: Settings) -> pd.DataFrame:
    """The headline in one row a cell, estimator and quantity: means and 95 % intervals over seeds."""
    found = []
    for keys, one in of_cells(compression(settings)).groupby([*CELL, "estimator", "quantity"], sort=False):
        row = dict(zip([*CELL, "estimator", "quantity"], keys, strict=True)) | {"n_seeds": one["seed"].nunique()}
        row |= one[["n_samples", "start", "peak", "final", "null", "at_bound"]].mean().to_dict()
        for name in ("compression", "excess"):
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), interval(one[name]), strict=True))
        found.append(row)
    return pd.DataFrame(found)


# --------------------------------------------------------------------------------------------- the mechanism


@cache.cached(version=1, also=identities)
def scale(settings: Settings) -> pd.DataFrame:
    """How large the activations are, and how many saturated, over the epochs: every cell trained in mini-batches."""
    keys = [*CELL, "layer", "step", "epoch", "n_samples"]
    tables = []
    for part, model in itertools.product(PARTS, settings.activations):
        rows = observed(settings, Case(part, model, MINI), "scale")
        means = rows.groupby(keys, sort=False)[["deviation", "saturated"]].mean().reset_index()
        tables.append(means.assign(n_seeds=rows["seed"].nunique()))
    return pd.concat(tables, ignore_index=True)


@cache.cached(version=2, also=identities)
def mechanism(settings: Settings) -> pd.DataFrame:
    """The paths under every L2 factor by an estimate with fixed noise and by four that do not see the scale of T.

    Mean over the hidden layers; a row a network, seed, moment and estimator. Sightings, mini-batches.
    """
    tables = []
    for model in settings.activations:
        rows = observed(settings, Case("sightings", model, MINI), "information")
        tables.append(rows[rows["estimator"].isin(MECHANISM)])
    keys = [*CELL, "estimator", "seed", "step", "epoch", "n_samples", "log2_n", "entropy_y"]
    table = pd.concat(tables, ignore_index=True)
    return table.groupby(keys, sort=False)[["i_xt", "i_ty"]].mean().reset_index()


# --------------------------------------------------------------------------------------------- learning, and the sweep


@cache.cached(version=1, also=identities)
def learning(settings: Settings) -> pd.DataFrame:
    """Loss, accuracy and information on training and test samples over the epochs, without and with the paper's L2."""
    found = []
    for model, method in itertools.product(SHOWN, METHODS):
        rows = observed(settings, Case("sightings", model, method), "learning")
        found.append(rows[rows["l2"].isin((0.0, PAPER_L2))])
    return pd.concat(found, ignore_index=True)


@cache.cached(version=2, also=identities)
def sweep(settings: Settings) -> pd.DataFrame:
    """The same runs under many noise variances and many numbers of bins (of the layer's own range), by layer.

    kind: `noise` or `bins`; value: the variance or the number. Training samples, mean over some seeds.
    """
    found = []
    for model, l2 in itertools.product(SHOWN, (0.0, PAPER_L2)):
        case = Case("sightings", model, MINI)
        members = [each for each in members_of(settings, case) if each["weight_decay"] == 2 * l2]
        found.append(swept(settings, case, members[: settings.sweep_seeds]).assign(model=model, l2=l2))
    about = {"part": "sightings", "method": MINI, "dataset": dataset_of(settings, "sightings").name}
    return with_bounds(pd.concat(found, ignore_index=True)).assign(**about)


def swept(settings: Settings, case: Case, members: list[dict]) -> pd.DataFrame:
    """The rows of `sweep` of one network's members."""
    run, dataset, rows = run_of(settings, case, members), dataset_of(settings, case.part), []
    x, y = dataset.x_train[: settings.n_samples], dataset.y_train[: settings.n_samples]
    per_epoch = moments(settings, case)[-1] / settings.epochs
    for step in moments(settings, case):
        layers = run.activations(step, None, x)
        for layer, t in list(layers.items())[:-1]:
            more = {"step": step, "epoch": step / per_epoch, "layer": layer, "n_seeds": len(members)}
            more |= {"n_samples": len(x), "log2_n": np.log2(len(x)), "entropy_y": est.label_entropy(y)}
            of_noise = est.kde_information(t, y, noise_variance=settings.sweep_variances)
            for k, value in enumerate(settings.sweep_variances):
                rows.append(mean_row(of_noise.i_xt[k], of_noise.i_ty[k], kind="noise", value=value, **more))
            for value in settings.sweep_bins:
                binned = est.binned_information(t, y, n_bins=value)
                rows.append(mean_row(binned.i_xt, binned.i_ty, kind="bins", value=float(value), **more))
    return pd.DataFrame(rows)


def mean_row(i_xt: torch.Tensor, i_ty: torch.Tensor, **more) -> dict:
    return {**more, "i_xt": float(i_xt.mean()), "i_ty": float(i_ty.mean())}


TABLES = {
    "architectures": architectures, "two_phases": two_phases, "paths": paths, "compression": compression,
    "cells": cells,
    "scale": scale, "mechanism": mechanism, "learning": learning, "sweep": sweep,
}  # fmt: skip
