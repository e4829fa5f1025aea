"""Beyond the paper, in notebook 02: orders, bandwidths and mini-batches, the silent choices, and ResNet-18."""

from __future__ import annotations

import itertools
import math
from functools import partial

import numpy as np
import pandas as pd
import torch

from ... import cache, probes, training
from ... import estimators as est
from ...progress import bar
from .chains import RUN, best_share, differences, of_reading, saturation, training_curves, with_tolerance
from .observers import OF_LABELS, batched, literal_chain, relative_chain, standardised
from .settings import BASE, LARGE, RELU, Settings, dataset_of, identities, observed, run_of

MOST_SEEDS = 3  # of what is estimated once more
UNIT_LAYERS = ("F1", "F2")
N_UNITS = 8  # on each side of the pairs of units
OUTPUT = ""  # the name of a network's own output


def signals_of(settings: Settings, part: str, network: str, step: int, member: int, n: int) -> tuple:
    """Activations and error signals of all hidden layers, on the first n test images: (x, y, {layer}, {layer})."""
    dataset, run = dataset_of(settings, part), run_of(settings, part, network)
    device = training.choose_device(settings.device)
    x, y = dataset.x_test[:n].to(device), dataset.y_test[:n].to(device)
    module = run.module(step, member).to(device)
    layers = [name for name in probes.block_names(module) if name != "output"]
    return x, y, *probes.activations_and_errors(module, x, y, [*layers, OUTPUT])


def chain_table(signals: tuple, n_batches: int, forward, backward) -> pd.DataFrame:
    """Rows like those of `observe_chains`; forward, backward: (variables, layers) to `RenyiChain`, leading orders."""
    x, y, activations, errors = signals
    layers = [layer for layer in activations if layer != OUTPUT]
    of_y = batched(torch.nn.functional.one_hot(y), n_batches)
    ahead = forward(
        [batched(x.flatten(1), n_batches), of_y], [batched(activations[layer], n_batches) for layer in layers]
    )
    back = backward([batched(errors[OUTPUT], n_batches)], [batched(errors[layer], n_batches) for layer in layers])
    ahead, back = (est.RenyiChain(*(each.cpu() for each in found)) for found in (ahead, back))
    shape = ahead.information.shape  # (orders, batches, 2, layers)
    rows = [
        {"order": o, "batch": b, "layer": layers[k], "i_xt": float(ahead.information[o, b, 0, k]),
         "i_ty": float(ahead.information[o, b, 1, k]), "h_x": float(ahead.of_variables[o, b, 0]),
         "h_t": float(ahead.of_layers[o, b, k]), "i_errors": float(back.information[o, b, 0, k]),
         "h_errors": float(back.of_layers[o, b, k]), "h_last": float(back.of_variables[o, b, 0])}
        for o in range(shape[0]) for b in range(shape[1]) for k in range(shape[3])
    ]  # fmt: skip
    return pd.DataFrame(rows)


def seeds_of(settings: Settings) -> range:
    return range(min(MOST_SEEDS, settings.n_seeds))


def alphas_of(settings: Settings) -> list[float]:
    """Orders at which Proposition 1 is tested, the one in use among them."""
    return sorted({*settings.alphas, settings.alpha})


def sizes_of(settings: Settings) -> list[int]:
    """Sizes of the mini-batch at which Proposition 1 is tested: the one in use, and the largest there is."""
    there_are = len(dataset_of(settings, "mnist").x_test)
    return sorted({min(settings.n_samples, there_are), max(n for n in settings.sizes if n <= there_are)})


# --------------------------------------------------------------------------------------------- tables


KINDS = {"i_xt": "I(X;T)", "i_ty": "I(T;Y)", "i_errors": "I(δL;δk)"}


@cache.cached(version=2, also=identities)
def orders(settings: Settings) -> pd.DataFrame:
    """All three informations of the two MNIST baselines for many orders, untrained and trained, under both readings.

    By Proposition 1 none is negative. One row a kind (of KINDS), order, layer, seed, step, reading and mini-batch size.
    """
    forward, backward = (best_share(saturation(settings), direction)[0] for direction in ("forward", "backward"))
    dataset, found, alphas = dataset_of(settings, "mnist"), [], alphas_of(settings)
    for network in (BASE, RELU):
        run, sizes = run_of(settings, "mnist", network), sizes_of(settings)
        for step, member, n in itertools.product((run.steps[0], run.steps[-1]), seeds_of(settings), sizes):
            signals = signals_of(settings, "mnist", network, step, member, n)
            for reading, along in (
                (
                    "literal",
                    [partial(literal_chain, h=h, alpha=alphas) for h in (settings.h_forward, settings.h_backward)],
                ),
                ("second", [partial(relative_chain, share=share, alpha=alphas) for share in (forward, backward)]),
            ):
                own = {"model": network, "seed": member, "step": step, "reading": reading, "n_samples": n}
                found.append(chain_table(signals, 1, *along).assign(**own))
    table = pd.concat(found, ignore_index=True)
    table["alpha"] = [alphas[order] for order in table["order"]]
    keys = ["model", "seed", "step", "reading", "n_samples", "alpha", "layer"]
    table = table.melt(keys, list(KINDS), var_name="kind", value_name="value")
    return table.assign(part="mnist", dataset=dataset.name)


@cache.cached(version=1, also=identities)
def unit_pairs(settings: Settings) -> pd.DataFrame:
    """I(u;v) of units of one fully connected layer, trained, for many orders: where Proposition 1 fails.

    X and a layer depend on each other so closely that their information stays far from 0; two units need not. Pairs are
    of the first N_UNITS units that vary with the next N_UNITS, of the first seed; the squared bandwidth is a share of a
    unit's variance. One row a network, layer, mini-batch size, share, order and pair, in bits.
    """
    dataset, found, alphas = dataset_of(settings, "mnist"), [], alphas_of(settings)
    for network, n in itertools.product((BASE, RELU), sizes_of(settings)):
        step = run_of(settings, "mnist", network).steps[-1]
        _, _, activations, _ = signals_of(settings, "mnist", network, step, 0, n)
        for layer, share in itertools.product(UNIT_LAYERS, settings.shares):
            values = unit_information(activations[layer], share, alphas)
            rows = pd.DataFrame(
                [(alphas[order], pair, float(values[order].flatten()[pair]))
                 for order in range(len(alphas)) for pair in range(values[order].numel())],
                columns=["alpha", "pair", "value"],
            )  # fmt: skip
            found.append(rows.assign(model=network, step=step, n_samples=n, layer=layer, share=share))
    return pd.concat(found, ignore_index=True).assign(part="mnist", dataset=dataset.name, seed=0)


def unit_information(t: torch.Tensor, share: float, alphas: list[float]) -> torch.Tensor:
    """I(u;v) of the first units of t (n, units) that vary with the next ones: (orders, first, next), in bits."""
    units = [unit.unsqueeze(1) for unit in t.float().unbind(1) if not est.is_constant(unit.unsqueeze(1))]
    if len(units) < 2:
        return torch.empty(len(alphas), 0, 0)
    units = [standardised(unit.unsqueeze(0))[0] for unit in units[: 2 * N_UNITS]]
    first, second = units[: len(units) // 2], units[len(units) // 2 :]
    widths = [math.sqrt(share)] * len(first), [math.sqrt(share)] * len(second)
    return est.renyi_chain(first, second, alpha=alphas, bandwidth=widths).information.cpu()


@cache.cached(version=1, also=identities)
def flips(settings: Settings) -> pd.DataFrame:
    """Where the verdict flips: the share of pairs that hold, for every order, bandwidth and size of the mini-batch.

    Of the two MNIST baselines after training, literal bandwidths times a factor; pairs judged as in `inequalities`.
    """
    dataset, found = dataset_of(settings, "mnist"), []
    sizes = [size for size in settings.sizes if settings.n_batches * size <= len(dataset.x_test)]
    todo = [(network, member, n) for network in (BASE, RELU) for member in seeds_of(settings) for n in sizes]
    with bar(len(todo), "orders, bandwidths, mini-batches") as shown:
        for network, member, n in todo:
            step = run_of(settings, "mnist", network).steps[-1]
            signals = signals_of(settings, "mnist", network, step, member, n * settings.n_batches)
            for factor in settings.factors:
                more = {"part": "mnist", "dataset": dataset.name, "model": network, "seed": member, "step": step}
                more |= {"epoch": 0.0, "reading": "literal", "share": 0.0, "n_samples": n}
                table = estimated_again(signals, settings, alpha=list(settings.alphas), factor=factor)
                found.append(judged(table.assign(**more)).assign(factor=factor))
            shown.update()
    table = pd.concat(found, ignore_index=True)
    return table.assign(alpha=[settings.alphas[order] for order in table["order"]]).drop(columns="order")


def estimated_again(signals: tuple, settings: Settings, *, alpha, factor=1.0, offset=1.0, of_labels=OF_LABELS):
    """The literal rows of one network's signals under other choices of the estimator."""
    options = {"alpha": alpha, "factor": factor, "offset": offset, "of_labels": of_labels}

    def along(h: float):
        return lambda variables, layers: literal_chain(variables, layers, h, **options)

    return chain_table(signals, settings.n_batches, along(settings.h_forward), along(settings.h_backward))


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    """The shares of pairs that hold, and that are at a bound, in each direction, for every run and order."""
    found = []
    for direction, column in (("forward", "i_xt"), ("backward", "i_errors")):
        table = with_tolerance(differences(rows, direction, column, ("order",)), ("order",))
        groups = table.groupby([*RUN, "n_samples", "order", "direction"], sort=False)
        found.append(groups[["holds", "at_bound"]].mean().reset_index())
    return pd.concat(found, ignore_index=True)


CHOICES = {  # what the paper leaves open, and another way to do it: arguments of `estimated_again`
    "as in the literal reading": {},
    "order alpha = 2": {"alpha": 2.0},
    "kernel exp(-d²/s²)": {"factor": 2**-0.5},
    "exponent of the bandwidth 1/(4+d)": {"offset": 4.0},
    "kernel of Y as wide as that of X": {"of_labels": "as X"},
}
NETWORK_CHOICES = {
    "max_pool": "maximum in place of mean pooling",
    "valid": "no padding in the second convolution",
    "wide": "fully connected layers of 500 and 500",
    "default_weights": "initial weights of PyTorch",
}


@cache.cached(version=1, also=identities)
def choices(settings: Settings) -> pd.DataFrame:
    """The silent choices, one at a time: what becomes of the verdicts after training, of the baseline with sigmoids.

    A row a choice and seed: shares of pairs that hold forward and backward, I(X;T) of the first and the last hidden
    layer, I(T;Y) of the last, in bits, and test accuracy.
    """
    curves, rows = training_curves(settings), []
    dataset = dataset_of(settings, "mnist")
    n = settings.n_samples * settings.n_batches
    networks = {
        **dict.fromkeys(CHOICES, BASE),
        **{NETWORK_CHOICES[name]: f"lenet5_sigmoid_{name}" for name in settings.variants},
    }
    for choice, network in networks.items():
        run = run_of(settings, "mnist", network)
        options = {"alpha": settings.alpha} | CHOICES.get(choice, {})
        if options.get("of_labels") == "as X":
            options["of_labels"] = est.silverman_bandwidth(
                settings.n_samples, len(dataset.classes), settings.h_forward, exponent_offset=1
            )
        accuracy = curves[
            (curves["model"] == network) & (curves["quantity"] == "test_accuracy") & (curves["part"] == "mnist")
        ]
        for member, seed in enumerate(run.seeds):
            step = run.steps[-1]
            table = estimated_again(
                signals_of(settings, "mnist", network, step, member, n),
                settings,
                **options | {"alpha": [options["alpha"]]},
            )
            more = {
                "part": "mnist",
                "dataset": dataset.name,
                "model": network,
                "seed": seed,
                "step": step,
                "epoch": 0.0,
            }
            shares = judged(table.assign(**more, reading="literal", share=0.0, n_samples=settings.n_samples))
            of = shares.set_index("direction")["holds"]
            means, layers = (
                table.groupby("layer", sort=False)[["i_xt", "i_ty"]].mean(),
                list(dict.fromkeys(table["layer"])),
            )
            own = accuracy[(accuracy["seed"] == seed) & (accuracy["step"] == step)]["value"]
            rows.append(
                {**more, "choice": choice, "n_samples": settings.n_samples, "forward": of["forward"],
                 "backward": of["backward"], "i_xt_first": means.loc[layers[0], "i_xt"],
                 "i_xt_last": means.loc[layers[-1], "i_xt"], "i_ty_last": means.loc[layers[-1], "i_ty"],
                 "accuracy": float(own.iloc[0])}
            )  # fmt: skip
    return pd.DataFrame(rows)


@cache.cached(version=1, also=identities)
def blocks(settings: Settings) -> pd.DataFrame:
    """I(X;T) along ResNet-18 under both readings: stem, block outputs, and branches inside the blocks (`inside`)."""
    share, _ = best_share(saturation(settings), "forward")
    rows = observed(settings, "mnist", LARGE, "blocks")
    table = pd.concat([of_reading(rows, reading, share) for reading in ("literal", "second")], ignore_index=True)
    keys = [*RUN, "reading", "share", "layer", "inside", "n_samples"]
    means = table.groupby(keys, sort=False)[["i_xt", "h_t", "h_x"]].mean().reset_index()
    at_bound = est.at_bound(torch.tensor(means["i_xt"].to_numpy()), torch.tensor(means["h_x"].to_numpy())).numpy()
    return means.assign(at_bound=at_bound, log2_n=np.log2(means["n_samples"]))


TABLES = {"orders": orders, "unit_pairs": unit_pairs, "flips": flips, "choices": choices, "blocks": blocks}
