"""What a network computes inside: activations of any named module, for any `torch.nn.Module`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def block_names(module: nn.Module) -> list[str]:
    """The names of the top-level blocks, in order: the layers that `activations` takes when none are given."""
    return [name for name, _ in module.named_children()]


@torch.no_grad()
def activations(
    module: nn.Module, x: Tensor, layers: Iterable[str] | None = None, *, batch_size: int = 500
) -> dict[str, Tensor]:
    """What the modules named `layers` put out for the inputs `x`, in evaluation mode.

    x: (n, ...). layers: names as in `named_modules`, "" for the whole network. Of a module that is called several
    times in one forward pass, the last output counts.
    Returns {layer: (n, ...)}, each on the device of the network, in its dtype.
    Raises ValueError for a layer that the network does not have (the message lists those it has), or whose output is
    not a tensor.
    """
    layers = block_names(module) if layers is None else list(dict.fromkeys(layers))
    modules = dict(module.named_modules())
    if unknown := [layer for layer in layers if layer not in modules]:
        known = ", ".join(name for name in modules if name)
        raise ValueError(f"layers must be among {known}; got layers={unknown!r}.")
    found: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    latest: dict[str, Tensor] = {}
    hooks = [modules[layer].register_forward_hook(_keeper(latest, layer)) for layer in layers]
    device = next((parameter.device for parameter in module.parameters()), x.device)
    try:
        with evaluation_mode(module):
            for start in range(0, len(x), batch_size):
                latest.clear()
                module(x[start : start + batch_size].to(device))
                for layer in layers:
                    found[layer].append(_tensor_of(layer, latest))
    finally:
        for hook in hooks:
            hook.remove()
    return {layer: torch.cat(parts) for layer, parts in found.items()}


def _keeper(latest: dict[str, Tensor], layer: str):
    def keep(_module, _inputs, output):
        latest[layer] = output.detach().clone() if isinstance(output, Tensor) else output

    return keep


def _tensor_of(layer: str, latest: dict[str, Tensor]) -> Tensor:
    if layer not in latest:
        raise ValueError(f"layers must take part in the forward pass; {layer!r} was not called.")
    if not isinstance(latest[layer], Tensor):
        raise ValueError(f"layers must put out a tensor; {layer!r} puts out {type(latest[layer]).__name__}.")
    return latest[layer]


@contextlib.contextmanager
def evaluation_mode(module: nn.Module):
    """The module in evaluation mode; afterwards every part of it is in the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield module
    finally:
        for part, training in modes:
            part.training = training


@torch.no_grad()
def evaluate(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy in bits and accuracy. logits: (..., n, classes), y: (n,) -> two tensors of the batch shape."""
    log_p = torch.log_softmax(logits.float(), dim=-1)
    chosen = log_p.gather(-1, y.expand(logits.shape[:-1]).unsqueeze(-1)).squeeze(-1)
    loss = -chosen.mean(-1) / torch.log(torch.tensor(2.0))
    return loss, (logits.argmax(-1) == y).float().mean(-1)
