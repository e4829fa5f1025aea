"""What a network computes inside: activations of any named module, for any `torch.nn.Module`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from .rounding import same_rounding


def block_names(module: nn.Module) -> list[str]:
    """The names of the top-level blocks, in order: the layers that `activations` takes when none are given."""
    return [name for name, _ in module.named_children()]


@torch.no_grad()
def activations(
    module: nn.Module,
    x: Tensor,
    layers: Iterable[str] | None = None,
    *,
    batch_size: int = 500,
    precision: str = "float32",
) -> dict[str, Tensor]:
    """What the modules named `layers` put out for the inputs `x`, in evaluation mode.

    x: (n, ...). layers: names as in `named_modules`, "" for the whole network. Of a module that is called several
    times in one forward pass, the last output counts. precision: "float32", or "tf32", which counts on CUDA alone.
    Returns {layer: (n, ...)}, each on the device of the network, in its dtype.
    Raises ValueError for a layer that the network does not have (the message lists those it has), or whose output is
    not a tensor.
    """
    layers = block_names(module) if layers is None else list(dict.fromkeys(layers))
    modules = _modules_of(module, layers)
    found: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    latest: dict[str, Tensor] = {}
    hooks = [modules[layer].register_forward_hook(_keeper(latest, layer)) for layer in layers]
    device = next((parameter.device for parameter in module.parameters()), x.device)
    module = _up_to(module, layers)
    try:
        with evaluation_mode(module), same_rounding(device, precision):
            for start in range(0, len(x), batch_size):
                latest.clear()
                module(x[start : start + batch_size].to(device))
                for layer in layers:
                    found[layer].append(_tensor_of(layer, latest))
    finally:
        for hook in hooks:
            hook.remove()
    return {layer: torch.cat(parts) for layer, parts in found.items()}


def error_signals(
    module: nn.Module, x: Tensor, y: Tensor, layers: Iterable[str] | None = None, *, batch_size: int = 500
) -> dict[str, Tensor]:
    """The error signal of every sample at the layers named: the gradient of its loss with respect to their output.

    x: (n, ...), y: (n,) class numbers; the loss is the cross-entropy in nats, of each sample and not of their mean.
    layers: as for `activations`; "" is the network's output, whose error signal is softmax minus one-hot label.
    Returns {layer: (n, ...)}, shaped like the activations, from one backward pass for all layers, in evaluation mode:
    no sample's signal depends on another sample. A layer that the loss does not depend on has the signal 0. Gradients
    of the parameters are left as they are.
    Raises ValueError as `activations` does.

    Source: Yu, Jenssen and Principe (2018), Figure 1, whose text leaves the definition open.
    """
    return activations_and_errors(module, x, y, layers, batch_size=batch_size)[1]


def activations_and_errors(
    module: nn.Module, x: Tensor, y: Tensor, layers: Iterable[str] | None = None, *, batch_size: int = 500
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What `activations` and `error_signals` give, from one pass forward and one backward."""
    layers = block_names(module) if layers is None else list(dict.fromkeys(layers))
    modules = _modules_of(module, layers)
    found: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    errors: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    latest: dict[str, Tensor] = {}
    hooks = [modules[layer].register_forward_hook(_tapper(latest, layer)) for layer in layers]
    device = next((parameter.device for parameter in module.parameters()), x.device)
    try:
        with evaluation_mode(module), torch.enable_grad(), same_rounding(device):
            for start in range(0, len(x), batch_size):
                latest.clear()
                some = slice(start, start + batch_size)
                logits = module(x[some].to(device).detach().requires_grad_())
                logits = logits if logits.dtype == torch.float64 else logits.float()
                loss = nn.functional.cross_entropy(logits, y[some].to(device), reduction="sum")
                outputs = [_tensor_of(layer, latest) for layer in layers]
                signals = torch.autograd.grad(loss, outputs, allow_unused=True)
                for layer, output, signal in zip(layers, outputs, signals, strict=True):
                    found[layer].append(output.detach())
                    errors[layer].append(torch.zeros_like(output) if signal is None else signal)
    finally:
        for hook in hooks:
            hook.remove()
    return tuple({layer: torch.cat(parts) for layer, parts in each.items()} for each in (found, errors))


def _modules_of(module: nn.Module, layers: list[str]) -> dict[str, nn.Module]:
    modules = dict(module.named_modules())
    if unknown := [layer for layer in layers if layer not in modules]:
        known = ", ".join(name for name in modules if name)
        raise ValueError(f"layers must be among {known}; got layers={unknown!r}.")
    return modules


def _up_to(module: nn.Module, layers: list[str]) -> nn.Module:
    """The blocks of a plain sequence that these layers need: what comes later need not be computed."""
    blocks, parts = dict(module.named_children()), [part for _, part in module.named_modules(remove_duplicate=False)]
    if type(module) is not nn.Sequential or "" in layers or not layers or len(set(parts)) < len(parts):
        return module
    needed = {layer.split(".")[0] for layer in layers}
    last = max(place for place, name in enumerate(blocks) if name in needed)
    return nn.Sequential(*list(blocks.values())[: last + 1])


def _tapper(latest: dict[str, Tensor], layer: str):
    def tap(_module, _inputs, output):
        latest[layer] = output
        return output.clone() if isinstance(output, Tensor) else None  # what follows may change it in place

    return tap


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
