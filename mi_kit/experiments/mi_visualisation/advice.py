"""The paper's advice tested (section 6), and its conclusions under other estimators."""

from __future__ import annotations

import dataclasses
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ... import cache, claims, plots, probes
from ...claims import COLOURS, UNDECIDED
from ...progress import bar
from . import rules
from .kernels import BLOCK_NAMES, agreement_of, every_kernel, kernel_reading, means_of, second_kernels
from .observers import KERNEL_BLOCKS, some_numbers
from .planes import draw_training, other_planes, over_seeds, training_curves
from .settings import (
    KERNEL_NETWORKS,
    PARTS,
    STRIDES,
    Settings,
    dataset_of,
    identities,
    number_of_test_images,
    run_of,
)

ORDERS = ("lowest first", "random", "highest first")
ORDER_COLOURS = {"lowest first": "#0072B2", "random": "0.45", "highest first": "#D55E00"}


# --------------------------------------------------------------------------------------------- stride


@cache.cached(version=1, also=identities)
def strides(settings: Settings) -> pd.DataFrame:
    """Test accuracy over training of LeNet with stride 1 and 2 in its first block."""
    curves = training_curves(settings)
    one = curves[(curves["model"] == STRIDES[1]) & (curves["part"] == "main")].assign(stride=1)
    dataset = dataset_of(settings, STRIDES[2])
    more = {"part": "main", "dataset": dataset.name, "model": STRIDES[2], "n_test": len(dataset.x_test), "stride": 2}
    table = pd.concat([one, run_of(settings, STRIDES[2]).metrics.assign(**more)], ignore_index=True)
    columns = ["part", "dataset", "model", "stride", "seed", "step", "epoch", "quantity", "value", "n_test"]
    return table.loc[table["quantity"] != "test_loss", columns].reset_index(drop=True)


# --------------------------------------------------------------------------------------------- pruning


@cache.cached(version=1, also=identities)
def pruning(settings: Settings) -> pd.DataFrame:
    """Accuracy of LeNet after the last iteration with kernels set to zero, not trained again.

    A share of one block's kernels is pruned: those of lowest I(T;Y) first (second reading), of highest first, or random
    ones (`repeat`). share 0 is the whole network.
    """
    kernels, rows = second_kernels(settings), []
    jobs = [(part, seed) for part in PARTS for seed in range(settings.n_seeds)]
    with bar(len(jobs), "pruning LeNet") as shown:
        for part, seed in jobs:
            dataset, run = dataset_of(settings, "lenet", part), run_of(settings, "lenet", part)
            x, y, n = *pruning_samples(settings, part), number_of_test_images(settings, part)
            module, step = run.module(settings.steps, seed), settings.steps
            more = {"part": part, "dataset": dataset.name, "model": "lenet", "seed": seed, "step": step, "n_pruned": n}
            for layer in KERNEL_BLOCKS:
                known = kernels[(kernels["part"] == part) & (kernels["model"] == "lenet") & (kernels["seed"] == seed)]
                known = known[(known["layer"] == layer) & (known["step"] == step)].sort_values("kernel")
                chosen = prunings(known["i_ty"].to_numpy(), settings.pruned_shares, settings.n_repeats, seed)
                found = pruned_accuracy(module, x, y, layer, [each["kept"] for each in chosen])
                rows += [
                    {**more, "layer": layer, "order": each["order"], "repeat": each["repeat"], "share": each["share"],
                     "accuracy": accuracy}
                    for each, accuracy in zip(chosen, found, strict=True)
                ]  # fmt: skip
            shown.update()
    return pd.DataFrame(rows)


def pruning_samples(settings: Settings, part: str) -> tuple[Tensor, Tensor]:
    """The test images that pruned networks are tested on."""
    dataset = dataset_of(settings, "lenet", part)
    chosen = some_numbers(len(dataset.x_test), number_of_test_images(settings, part))
    return dataset.x_test[chosen], dataset.y_test[chosen]


def prunings(information: np.ndarray, shares: tuple, n_repeats: int, seed: int) -> list[dict]:
    """Which kernels to keep, for every order, share and repeat: `kept` is a mask of the kernels."""
    n = len(information)
    upwards = np.argsort(information, kind="stable")
    random = np.random.default_rng([seed, n])
    orders = [("lowest first", 0, upwards), ("highest first", 0, upwards[::-1])]
    orders += [("random", repeat, random.permutation(n)) for repeat in range(n_repeats)]
    found = [{"order": "none", "repeat": 0, "share": 0.0, "kept": np.ones(n, dtype=bool)}]
    for order, repeat, numbers in orders:
        for share in shares:
            kept = np.ones(n, dtype=bool)
            kept[numbers[: round(share * n)]] = False
            found.append({"order": order, "repeat": repeat, "share": share, "kept": kept})
    return found


@torch.no_grad()
def pruned_accuracy(module: nn.Sequential, x: Tensor, y: Tensor, layer: str, kept: list[np.ndarray]) -> list[float]:
    """Accuracy with some kernels of a block answering 0, for every mask; what lies before the block runs once."""
    names = probes.block_names(module)
    place = names.index(layer) + 1
    device = next(module.parameters()).device
    with probes.evaluation_mode(module):
        before = torch.cat([module[:place](part) for part in x.to(device).split(500)])
        found = []
        for mask in kept:
            zeroed = before * torch.from_numpy(mask).to(before)[:, None, None]
            predicted = torch.cat([module[place:](part).argmax(-1) for part in zeroed.split(500)])
            found.append(float((predicted.cpu() == y).float().mean()))
    return found


# --------------------------------------------------------------------------------------------- correlation


@cache.cached(version=1, also=identities)
def correlations(settings: Settings) -> pd.DataFrame:
    """Each kernel's largest |r| with another kernel of its block: response maps, over images and places, at the end."""
    rows = []
    for part in PARTS:
        for network in KERNEL_NETWORKS:
            dataset, run = dataset_of(settings, network, part), run_of(settings, network, part)
            x, _ = pruning_samples(settings, part)
            for seed in range(settings.n_seeds):
                for layer, maps in probes.activations(run.module(settings.steps, seed), x, KERNEL_BLOCKS).items():
                    more = {"part": part, "dataset": dataset.name, "model": network, "seed": seed, "layer": layer}
                    table = largest_correlations(maps)
                    rows.append(table.assign(**more, step=settings.steps, n_samples=len(x)))
    return pd.concat(rows, ignore_index=True)


def largest_correlations(maps: Tensor) -> pd.DataFrame:
    """Every kernel's largest |r| with another kernel, and which (`partner`). maps: (n, kernels, height, width).

    Kernels that answer everything alike have no correlation and are left out.
    """
    values = maps.transpose(0, 1).flatten(1).double()
    values = values - values.mean(1, keepdim=True)
    norms, largest = values.norm(dim=1), maps.abs().max()
    alive = torch.nonzero(norms > 1e-6 * largest * values.shape[1] ** 0.5).flatten()
    values = values[alive] / norms[alive, None]
    r = (values @ values.T).abs().clamp(max=1).fill_diagonal_(-1)
    best = r.max(1) if len(alive) > 1 else (alive.new_full((0,), 0), alive[:0])
    alive = alive if len(alive) > 1 else alive[:0]
    return pd.DataFrame({"kernel": alive.tolist(), "partner": alive[best[1]].tolist(), "correlation": best[0].tolist()})


# --------------------------------------------------------------------------------------------- other estimators


@cache.cached(version=1, also=identities)
def survival(settings: Settings) -> pd.DataFrame:
    """What the rules say of the same runs under other estimators, noises and numbers of samples.

    The rules are applied to the data sets that they speak of, however few the iterations: a change of verdict from
    column to column is the estimator's doing. "saturated": more than 20 % of the points at a bound.
    """
    planes, kernels, rows = other_planes(settings), every_kernel(settings), []
    tables = {"training_curves": training_curves(settings)}
    for variant, table in planes.groupby("variant", sort=False):
        found = _judged(rules.claims_of_planes("", "planes"), {**tables, "planes": table})
        rows += [{"kind": "planes", "variant": variant, **row} for row in found]
    for noise, value in kernel_noises(settings):
        table = kernel_reading(kernels, noise, value)
        name = f"noise {'share' if noise == 'relative' else 'variance'} {value:g}"
        derived = {
            "kernels": table,
            "rank_agreement": agreement_of(table, ""),
            "class_information": means_of(table, ""),
        }
        found = _judged(rules.claims_of_kernels("", "kernels"), {**tables, **derived})
        rows += [{"kind": "kernels", "variant": name, **row} for row in found]
    return pd.DataFrame(rows)


def kernel_noises(settings: Settings) -> list[tuple[str, float]]:
    shares = [("relative", value) for value in settings.kernel_shares]
    return [*shares, *(("absolute", value) for value in settings.kernel_variances)]


def _judged(chosen: list, tables: dict) -> list[dict]:
    """Every claim with its verdict on these tables; of what it needs, data sets, and two seeds of any length."""
    found = []
    for claim in chosen:
        needs = dataclasses.replace(claim.needs, seeds=2, steps=0, exactly=False)
        verdict, reason, measured = claims.decide(dataclasses.replace(claim, needs=needs), claim.select(tables))
        verdict = "saturated" if verdict == UNDECIDED and reason.startswith("saturated") else verdict
        found.append({"claim": claim.id, "statement": claim.statement, "verdict": verdict, "measured": measured})
    return found


TABLES = {
    "strides": strides,
    "pruning": pruning,
    "correlations": correlations,
    "survival": survival,
}


# --------------------------------------------------------------------------------------------- figures


def draw_strides(table: pd.DataFrame) -> plt.Figure:
    """Stride 1 and 2, side by side: training loss and test accuracy."""
    return draw_training(table)


def draw_pruning(table: pd.DataFrame) -> plt.Figure:
    """Accuracy against the share of kernels pruned: a row a data set, a column a block, a colour an order."""
    figure, axes = plt.subplots(len(PARTS), 2, figsize=(12.5, 4 * len(PARTS)), sharex=True, sharey="row")
    for row, part in enumerate(PARTS):
        for column, layer in enumerate(KERNEL_BLOCKS):
            ax, block = axes[row, column], table[(table["part"] == part) & (table["layer"] == layer)]
            whole = block[block["order"] == "none"]
            for order in ORDERS:
                rows = pd.concat([whole, block[block["order"] == order]])
                of_seed = rows.groupby(["seed", "share"])["accuracy"].mean().reset_index()
                means = over_seeds(of_seed, ["share"], "accuracy").sort_values("share")
                colour = ORDER_COLOURS[order]
                ax.plot(means["share"], means["mean"], "o-", ms=5, lw=2, color=colour, label=order)
                ax.fill_between(
                    means["share"], means["low"].clip(0, 1), means["high"].clip(0, 1), color=colour, alpha=0.15, lw=0
                )
            name = f"{block['dataset'].iloc[0]}: {BLOCK_NAMES['lenet', layer]}"
            ax.set_title(f"{'abcd'[2 * row + column]}  {name}", loc="left")
            ax.set(ylim=(0, 1.02))
        axes[row, 0].set_ylabel("test accuracy")
    for ax in axes[-1]:
        ax.set_xlabel("share of the block's kernels set to zero")
    axes[0, 1].legend(title="pruned, by I(T;Y)", loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_correlations(table: pd.DataFrame) -> plt.Figure:
    """Every kernel's largest |r| with another kernel of its block, all seeds: one dot a kernel, black the median."""
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.6), sharey=True)
    random = np.random.default_rng(0)
    for ax, part, letter in zip(axes, PARTS, "ab", strict=True):
        rows = table[table["part"] == part]
        for place, ((network, _), block) in enumerate(rows.groupby(["model", "layer"], sort=False)):
            spread = place + 0.3 * (random.random(len(block)) - 0.5)
            ax.plot(spread, block["correlation"], "o", ms=4, alpha=0.4, mew=0, color=plots.NETWORK_COLOURS[network])
            ax.plot([place - 0.3, place + 0.3], [block["correlation"].median()] * 2, color="black", lw=2.5)
        names = [BLOCK_NAMES[key].replace(", ", ",\n") for key, _ in rows.groupby(["model", "layer"], sort=False)]
        ax.set_xticks(range(len(names)), names)
        ax.set(ylim=(0, 1.03))
        ax.set_title(f"{letter}  {rows['dataset'].iloc[0]}", loc="left")
        ax.grid(axis="y", color="0.9")
    axes[0].set_ylabel("largest |r| with another kernel")
    return figure


def draw_survival(rows: pd.DataFrame) -> plt.Figure:
    """Which conclusions survive? Verdicts of the same rules on the same runs, a column an estimate."""
    rows = rows.assign(statement=[_shorter(s, c) for s, c in zip(rows["statement"], rows["claim"], strict=True)])
    n_claims, n_variants = rows["claim"].nunique(), rows["variant"].nunique()
    figure, ax = plt.subplots(figsize=(5.2 + 0.78 * n_variants, 1.6 + 0.46 * n_claims))
    plots.plot_verdicts(rows, {**COLOURS, "saturated": "#d9d3e8"}, ax=ax)
    return figure


def _shorter(statement: str, claim: str) -> str:
    return textwrap.fill(f"{claim}  {statement}", 62)
