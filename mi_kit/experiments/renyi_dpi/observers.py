"""What is estimated while the networks of notebook 02 train: the two chains, redundancy, and the blocks of ResNet-18.

Two readings everywhere. "literal": the paper's bandwidths, s = h n^(-1/(1+d)) with h = 5 for activations and 0.1 for
error signals, d the dimension of one map. "relative": the squared bandwidth is a share of the variable's own variance
(times the number of maps, each taken by its own variance), so that rescaling a layer changes nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ... import estimators as est
from ... import probes, training

PRINTED_OFFSET = 1  # of the exponent in the paper: s = h n^(-1/(1+d))
OF_LABELS = 0.1  # bandwidth for one-hot labels, which are sqrt(2) apart: classes are told apart, and nothing else


def mini_batches(moment: training.Moment, n_samples: int, n_batches: int) -> tuple[Tensor, Tensor]:
    """The first test images and their labels."""
    n = n_samples * n_batches
    if n > len(moment.dataset.x_test):
        raise ValueError(
            f"n_samples times n_batches must be at most the {len(moment.dataset.x_test)} test samples; got {n}."
        )
    return moment.dataset.x_test[:n], moment.dataset.y_test[:n]


def batched(t: Tensor, n_batches: int) -> Tensor:
    """(n, ...) as (mini-batches, n, ...), maps flattened: (batches, n, d) or (batches, n, maps, d)."""
    t = t.unflatten(0, (n_batches, -1)).float()
    return t.flatten(3) if t.ndim > 3 else t


def literal_bandwidth(t: Tensor, h: float, offset: float = PRINTED_OFFSET) -> float:
    """The paper's bandwidth for (..., n, d) or (..., n, maps, d), d of one map."""
    n = t.shape[-2] if t.ndim == 3 else t.shape[-3]
    return est.silverman_bandwidth(n, t.shape[-1], h, exponent_offset=offset)


def standardised(t: Tensor) -> Tensor:
    """(batches, n, d) or (batches, n, maps, d) as (batches, n, D), the total variance of every map at 1/maps."""
    maps = t if t.ndim == 4 else t.unsqueeze(2)
    of_map = est.total_variance(maps.transpose(1, 2))  # (batches, maps)
    return (maps / (of_map * maps.shape[2]).sqrt()[:, None, :, None]).flatten(2)


def literal_chain(
    variables: list[Tensor],
    layers: list[Tensor],
    h: float,
    *,
    alpha=1.01,
    offset: float = PRINTED_OFFSET,
    factor: float = 1.0,
    of_labels: float = OF_LABELS,
) -> est.RenyiChain:
    """I(X; T_k) with the paper's bandwidths times `factor`; the mini-batches are the batch.

    variables: the input or the output's error (batches, n, d), then, if any, one-hot labels (batches, n, classes).
    layers: (batches, n, d) or (batches, n, maps, d).
    """
    first, *labels = variables
    of_first, *of_layers = (factor * literal_bandwidth(t, h, offset) for t in (first, *layers))
    return est.renyi_chain(
        variables, layers, alpha=alpha, bandwidth=([of_first, *[of_labels] * len(labels)], of_layers)
    )


def relative_chain(variables: list[Tensor], layers: list[Tensor], share: float, *, alpha=1.01) -> est.RenyiChain:
    """The same with squared bandwidths that are a share of each variable's variance, labels excepted."""
    first, *labels = variables
    s = math.sqrt(share)
    widths = [s, *[OF_LABELS] * len(labels)], [s] * len(layers)
    return est.renyi_chain(
        [standardised(first), *labels], [standardised(layer) for layer in layers], alpha=alpha, bandwidth=widths
    )


def chain(variables: list[Tensor], layers: list[Tensor], reading: str, share: float, h: float, alpha: float):
    """`literal_chain` or `relative_chain`."""
    if reading == "literal":
        return literal_chain(variables, layers, h, alpha=alpha)
    return relative_chain(variables, layers, share, alpha=alpha)


def readings(shares: tuple) -> list[tuple[str, float]]:
    return [("literal", 0.0), *(("relative", share) for share in shares)]


def observe_chains(
    moment: training.Moment, *, n_samples: int, n_batches: int, alpha: float, h: tuple, shares: tuple
) -> list[dict]:
    """Both chains of every hidden layer: I(X;T_k), I(T_k;Y), and I(delta_L; delta_k), on each mini-batch.

    One row a mini-batch, reading and layer, in bits: i_xt, i_ty, h_t, h_x, h_y of the activations, i_errors, h_errors,
    h_last of the error signals.
    """
    x, y = mini_batches(moment, n_samples, n_batches)
    layers = [block for block in moment.blocks if block != "output"]
    rows = []
    for member, module in enumerate(moment.modules()):
        activations, errors = probes.activations_and_errors(module, x, y, [*layers, ""])
        rows += [
            {"member": member, **row} for row in chain_rows(x, y, activations, errors, n_batches, alpha, h, shares)
        ]
    return rows


def chain_rows(
    x: Tensor, y: Tensor, activations: dict, errors: dict, n_batches: int, alpha: float, h: tuple, shares: tuple
) -> list[dict]:
    """The rows of `observe_chains` for one network."""
    layers = [layer for layer in activations if layer]
    of_x = batched(x.flatten(1).to(activations[layers[0]].device), n_batches)
    of_y = batched(torch.nn.functional.one_hot(y).to(of_x.device), n_batches)
    of_t = [batched(activations[layer], n_batches) for layer in layers]
    of_errors = [batched(errors[layer], n_batches) for layer in layers]
    last = batched(errors[""], n_batches)
    rows = []
    for reading, share in readings(shares):
        forward = chain([of_x, of_y], of_t, reading, share, h[0], alpha)
        backward = chain([last], of_errors, reading, share, h[1], alpha)
        for batch in range(n_batches):
            h_x, h_y = forward.of_variables[batch].tolist()
            shared = {"reading": reading, "share": share, "batch": batch, "n_samples": of_x.shape[1]}
            for k, layer in enumerate(layers):
                i_xt, i_ty = forward.information[batch, :, k].tolist()
                rows.append(
                    {**shared, "layer": layer, "i_xt": i_xt, "i_ty": i_ty, "h_x": h_x, "h_y": h_y,
                     "h_t": float(forward.of_layers[batch, k]), "i_errors": float(backward.information[batch, 0, k]),
                     "h_errors": float(backward.of_layers[batch, k]), "h_last": float(backward.of_variables[batch, 0])}
                )  # fmt: skip
    return rows


def observe_redundancy(
    moment: training.Moment, *, n_samples: int, n_batches: int, alpha: float, h: tuple, shares: tuple
) -> list[dict]:
    """Of every convolution: sum over its maps of I(X;T^c), minus I(X;{T^1..T^C}); on the first mini-batch.

    One row a reading and layer, in bits. Negative: the maps together tell more than each alone (synergy).
    """
    x, _ = mini_batches(moment, n_samples, n_batches)
    x = x[:n_samples]
    convolutions = [block for block in moment.blocks if block.startswith("C")]
    rows = []
    for member, module in enumerate(moment.modules()):
        activations = probes.activations(module, x, convolutions)
        for layer, t in activations.items():
            of_x, maps = batched(x.flatten(1).to(t.device), 1), batched(t, 1)
            for reading, share in readings(shares):
                each, joint, h_x = information_of_maps(of_x, maps, reading, share, h[0], alpha)
                rows.append(
                    {"member": member, "layer": layer, "reading": reading, "share": share, "n_filters": maps.shape[2],
                     "n_samples": n_samples, "of_maps": float(each.sum()), "joint": joint, "h_x": h_x,
                     "redundancy": float(each.sum()) - joint}
                )  # fmt: skip
    return rows


def information_of_maps(x: Tensor, maps: Tensor, reading: str, share: float, h: float, alpha: float):
    """I(X;T^c) of each map (C,), I(X;{T^1..T^C}) and S(X). x: (1, n, d), maps: (1, n, C, d)."""
    if reading == "literal":
        s_x, s_map = literal_bandwidth(x, h), literal_bandwidth(maps, h)
    else:
        x, s_x, s_map = standardised(x), math.sqrt(share), math.sqrt(share)
        maps = standardised(maps).unflatten(2, maps.shape[2:])
    each = list(maps.unbind(2))
    found = est.renyi_chain([x], [*each, maps], alpha=alpha, bandwidth=([s_x], [s_map] * (len(each) + 1)))
    return found.information[0, 0, :-1], float(found.information[0, 0, -1]), float(found.of_variables[0, 0])


def observe_blocks(
    moment: training.Moment, *, n_samples: int, n_batches: int, alpha: float, h: tuple, shares: tuple
) -> list[dict]:
    """I(X;T) along ResNet-18: after its stem, after every residual block, and of the branch inside each block.

    One row a mini-batch, reading and place, in bits; `inside` marks a branch, before the skip connection is added.
    """
    x, _ = mini_batches(moment, n_samples, n_batches)
    rows = []
    for member, module in enumerate(moment.modules()):
        layers = residual_layers(module)
        activations = probes.activations(module, x, layers)
        of_x = batched(x.flatten(1).to(activations[layers[0]].device), n_batches)
        of_t = [batched(activations[layer], n_batches) for layer in layers]
        for reading, share in readings(shares):
            found = chain([of_x], of_t, reading, share, h[0], alpha)
            rows += [
                {"member": member, "layer": layer, "inside": layer.endswith("bn2"), "reading": reading, "share": share,
                 "batch": batch, "n_samples": n_samples, "i_xt": float(found.information[batch, 0, k]),
                 "h_t": float(found.of_layers[batch, k]), "h_x": float(found.of_variables[batch, 0])}
                for batch in range(n_batches) for k, layer in enumerate(layers)
            ]  # fmt: skip
    return rows


def residual_layers(module: torch.nn.Module) -> list[str]:
    """The stem, then of every residual block its branch (before the addition) and its output, in order."""
    blocks = [name for name, part in module.named_modules() if hasattr(part, "bn2")]
    return ["maxpool", *(name for block in blocks for name in (f"{block}.bn2", block))]
