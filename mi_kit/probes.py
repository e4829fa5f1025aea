"""What a network computes inside: activations of any named module, for any `torch.nn.Module`."""

from __future__ import annotations

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

    x: (n, ...). Returns {layer: (n, ...)}, each on the device of the network, in its dtype.
    Raises ValueError for a layer that the network does not have; the message lists those it has.
    """
    layers = block_names(module) if layers is None else list(layers)
    modules = dict(module.named_modules())
    if unknown := [layer for layer in layers if layer not in modules]:
        known = ", ".join(name for name in modules if name)
        raise ValueError(f"layers must be among {known}; got layers={unknown!r}.")
    collected: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    hooks = [modules[layer].register_forward_hook(_collector(collected[layer])) for layer in layers]
    device = next((parameter.device for parameter in module.parameters()), x.device)
    was_training = module.training
    module.eval()
    try:
        for start in range(0, len(x), batch_size):
            module(x[start : start + batch_size].to(device))
    finally:
        for hook in hooks:
            hook.remove()
        module.train(was_training)
    return {layer: torch.cat(parts) for layer, parts in collected.items()}


def _collector(parts: list[Tensor]):
    def collect(_module, _inputs, output):
        parts.append(output.detach().clone())

    return collect


@torch.no_grad()
def evaluate(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy in bits and accuracy. logits: (..., n, classes), y: (n,) -> two tensors of the batch shape."""
    log_p = torch.log_softmax(logits.float(), dim=-1)
    chosen = log_p.gather(-1, y.expand(logits.shape[:-1]).unsqueeze(-1)).squeeze(-1)
    loss = -chosen.mean(-1) / torch.log(torch.tensor(2.0))
    return loss, (logits.argmax(-1) == y).float().mean(-1)
