"""The two chains of notebook 02: what they keep, where the data processing inequality holds, and the planes."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import torch

from ... import cache, models
from ... import estimators as est
from .settings import BASELINES, LARGE, TOPOLOGIES, Settings, cases, dataset_of, identities, observed, run_of

ALLOWED_SHARE = 0.05  # of points at a bound, for the second reading
RUN = ["part", "dataset", "model", "seed", "step", "epoch"]
READINGS = ("literal", "second")
DIRECTIONS = {"forward": "i_xt", "backward": "i_errors"}
WHOLE = {"forward": "h_x", "backward": "h_last"}  # the entropy that an information cannot exceed
STANDARD_ERRORS = 2  # a difference that lies farther below 0 breaks the inequality


# --------------------------------------------------------------------------------------------- tables


@cache.cached(version=1, also=identities)
def architectures(settings: Settings) -> pd.DataFrame:
    """Blocks, layers, shapes and parameters of the three topologies."""
    tables = [models.describe(network).assign(model=network) for network in TOPOLOGIES]
    table = pd.concat(tables, ignore_index=True)
    table["output_shape"] = ["×".join(map(str, shape)) for shape in table["output_shape"]]
    return table[["model", "block", "layer", "output_shape", "parameters"]]


@cache.cached(version=1, also=identities)
def training_curves(settings: Settings) -> pd.DataFrame:
    """Losses (bits) and test accuracy over training of everything that is trained."""
    tables = []
    for part, network in [*cases(settings), ("mnist", LARGE)]:
        dataset = dataset_of(settings, part)
        more = {"part": part, "model": network, "dataset": dataset.name, "n_test": len(dataset.x_test)}
        tables.append(run_of(settings, part, network).metrics.assign(**more))
    return pd.concat(tables, ignore_index=True)[[*RUN, "quantity", "value", "n_test"]]


@cache.cached(version=1, also=identities)
def every_chain(settings: Settings) -> pd.DataFrame:
    """The rows of `observe_chains` of all networks: a row a mini-batch, reading, share and layer."""
    tables = [observed(settings, part, network, "chains") for part, network in cases(settings)]
    return pd.concat(tables, ignore_index=True)


def with_bounds(rows: pd.DataFrame) -> pd.DataFrame:
    """Whether an information lies at a bound: within 0.05 bit of 0, or of the entropy of X or of the output's error."""
    columns = {}
    for direction, column in DIRECTIONS.items():
        upper = torch.tensor(rows[WHOLE[direction]].to_numpy())
        columns[f"at_bound_{direction}"] = est.at_bound(torch.tensor(rows[column].to_numpy()), upper).numpy()
    return rows.assign(**columns)


@cache.cached(version=1, also=identities)
def saturation(settings: Settings) -> pd.DataFrame:
    """The share of points at a bound for every reading, direction and bandwidth, each baseline and all together."""
    rows = with_bounds(every_chain(settings))
    rows = rows[[pair in BASELINES for pair in zip(rows["part"], rows["model"], strict=True)]]
    rows = rows.assign(case=rows["part"] + " " + rows["model"])
    keys, found = ["reading", "share", "case"], []
    for direction in DIRECTIONS:
        each = rows.groupby(keys, sort=False)[f"at_bound_{direction}"].mean().rename("at_bound").reset_index()
        together = each.groupby(keys[:2], sort=False)["at_bound"].mean().reset_index().assign(case="all")
        found += [each.assign(direction=direction), together.assign(direction=direction)]
    return pd.concat(found, ignore_index=True)


def best_share(table: pd.DataFrame, direction: str) -> tuple[float, float]:
    """The smallest share with under 5 % of all points at a bound, or the one with the least; and how many those are."""
    chosen = (table["direction"] == direction) & (table["reading"] == "relative") & (table["case"] == "all")
    every = table[chosen].sort_values("share")
    under = every[every["at_bound"] < ALLOWED_SHARE]
    best = under.iloc[0] if len(under) else every.loc[every["at_bound"].idxmin()]
    return float(best["share"]), float(best["at_bound"])


def of_reading(rows: pd.DataFrame, reading: str, share: float) -> pd.DataFrame:
    """The rows of the literal reading, or those of one share."""
    if reading == "literal":
        return rows[rows["reading"] == "literal"]
    return rows[(rows["reading"] == "relative") & (rows["share"] == share)].assign(reading="second")


def both_readings(settings: Settings, direction: str) -> pd.DataFrame:
    """Every row of the literal reading and of the second one, whose share is that of the direction."""
    rows, (share, _) = every_chain(settings), best_share(saturation(settings), direction)
    return pd.concat([of_reading(rows, reading, share) for reading in READINGS], ignore_index=True)


@cache.cached(version=1, also=identities)
def chains(settings: Settings) -> pd.DataFrame:
    """I along both chains under both readings: a row a layer, direction, seed and step; mean over the mini-batches.

    value, entropy (of the layer), whole (of X or of the output's error), spread (standard deviation over mini-batches)
    and i_ty, in bits; place counts the layers from 1. at_bound: most mini-batches lie at a bound.
    """
    found = []
    for direction, column in DIRECTIONS.items():
        rows = with_bounds(both_readings(settings, direction))
        entropy, whole = "h_t" if direction == "forward" else "h_errors", WHOLE[direction]
        groups = rows.groupby([*RUN, "reading", "share", "layer", "n_samples"], sort=False)
        table = groups.agg(
            value=(column, "mean"), spread=(column, "std"), entropy=(entropy, "mean"), whole=(whole, "mean"),
            i_ty=("i_ty", "mean"), entropy_y=("h_y", "mean"), at_bound=(f"at_bound_{direction}", "mean"),
        ).reset_index()  # fmt: skip
        places = {model: places_of(one) for model, one in table.groupby("model", sort=False)}
        of_layer = [places[model][layer] for model, layer in zip(table["model"], table["layer"], strict=True)]
        found.append(table.assign(direction=direction, place=of_layer, at_bound=table["at_bound"] > 0.5))
    return pd.concat(found, ignore_index=True).assign(log2_n=lambda table: np.log2(table["n_samples"]))


def places_of(rows: pd.DataFrame) -> dict[str, int]:
    """{layer: its number from 1}, in the order of the network."""
    return {layer: place for place, layer in enumerate(dict.fromkeys(rows["layer"]), start=1)}


@cache.cached(version=1, also=identities)
def inequalities(settings: Settings) -> pd.DataFrame:
    """Every neighbouring pair of layers at every step of every seed: does the data processing inequality hold?

    difference: of the two informations, in bits, mean over mini-batches; below 0 the inequality is broken. tolerance:
    two standard errors of that mean, from the spread over mini-batches, pooled over the seeds and steps of a network.
    direction "forward", "backward", and "pooling": H(C_i) - H(P_i). holds: difference >= -tolerance. at_bound: both
    sides lie at a bound, so that their difference says nothing.
    """
    found = []
    for direction, column in {**DIRECTIONS, "pooling": "h_t"}.items():
        rows = both_readings(settings, "backward" if direction == "backward" else "forward")
        for _, one in rows.groupby(["part", "model", "reading"], sort=False):
            found.append(with_tolerance(differences(one, direction, column)))
    return pd.concat(found, ignore_index=True)


def differences(rows: pd.DataFrame, direction: str, column: str, more: tuple = ()) -> pd.DataFrame:
    """Of one network and reading: the difference of each neighbouring pair on every mini-batch, for all `more` keys.

    Forward, and for entropies over a pool, the earlier layer minus the later one; backward the other way round.
    """
    layers = list(dict.fromkeys(rows["layer"]))
    upper = np.log2(rows["n_samples"]) if direction == "pooling" else rows[WHOLE[direction]]
    at_bound = est.at_bound(torch.tensor(rows[column].to_numpy()), torch.tensor(upper.to_numpy())).numpy()
    keys = [*RUN, "reading", "share", "n_samples", *more, "batch"]
    cells = rows.assign(at_bound=at_bound).set_index([*keys, "layer"])
    values = cells[column].unstack()  # noqa: PD010 (one value a cell: ten times faster than pivot_table)
    bounds = cells["at_bound"].unstack(fill_value=False)  # noqa: PD010
    pairs = [pair for pair in itertools.pairwise(layers) if direction != "pooling" or pair[1].startswith("P")]
    if direction == "backward":
        pairs = [(second, first) for first, second in pairs]
    of_source, of_target = (list(each) for each in zip(*pairs, strict=True))
    difference = values[of_source].to_numpy() - values[of_target].to_numpy()  # a column a pair
    both = bounds[of_source].to_numpy() & bounds[of_target].to_numpy()
    keys_of, names = values.index.to_frame(index=False), [f"{source} → {target}" for source, target in pairs]
    table = keys_of.take(np.tile(np.arange(len(keys_of)), len(pairs))).reset_index(drop=True)
    table["pair"] = np.repeat(names, len(keys_of))
    return table.assign(difference=difference.T.ravel(), at_bound=both.T.ravel(), direction=direction)


def with_tolerance(rows: pd.DataFrame, more: tuple = ()) -> pd.DataFrame:
    """Mean over mini-batches, its tolerance, and whether the inequality holds, for all `more` keys."""
    keys = [*RUN, "reading", "share", "n_samples", *more, "direction", "pair"]
    groups = rows.groupby(keys, sort=False)
    table = groups["difference"].agg(["mean", "var", "size"])
    table = table.assign(at_bound=groups["at_bound"].mean() > 0.5).reset_index()
    pooled = table.groupby(["pair", *more], sort=False)["var"].transform("mean")
    tolerance = STANDARD_ERRORS * np.sqrt(pooled / table["size"])
    table = table.assign(tolerance=tolerance, holds=table["mean"] >= -tolerance, strict=table["mean"] >= 0)
    return table.rename(columns={"mean": "difference"}).drop(columns=["var", "size"])


TABLES = {
    "architectures": architectures,
    "training_curves": training_curves,
    "saturation": saturation,
    "chains": chains,
    "inequalities": inequalities,
}
