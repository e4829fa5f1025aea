"""What a network computes inside: activations of any named module, for any `torch.nn.Module`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping

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
    sample_axis: int | Mapping[str, int] = 0,
) -> dict[str, Tensor]:
    """What the modules named `layers` put out for the inputs `x`, in evaluation mode.

    x: (n, ...). layers: names as in `named_modules`, "" for the whole network. Of a module that is called several
    times in one forward pass, the last output counts. precision: "float32", or "tf32", which counts on CUDA alone.
    sample_axis: which axis of an output the samples are, for all layers or {layer: axis}, 0 for those not named;
    inside a `TransformerEncoder` with batch_first=False it is 1.
    Returns {layer: (n, ...)}, each on the device of the network, in its dtype.
    Raises ValueError for a layer that the network does not have (the message lists those it has), or whose output is
    not a tensor or does not have the samples on that axis. Where another axis happens to be as long as the batch, two
    or three samples are run once more to see which one follows their number.
    """
    layers = block_names(module) if layers is None else list(dict.fromkeys(layers))
    modules = _modules_of(module, layers)
    found: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    latest: dict[str, Tensor] = {}
    hooks = [modules[layer].register_forward_hook(_keeper(latest, layer)) for layer in layers]
    device = next((parameter.device for parameter in module.parameters()), x.device)
    module = _up_to(module, layers)
    axes = sample_axis if isinstance(sample_axis, Mapping) else dict.fromkeys(layers, sample_axis)
    try:
        with evaluation_mode(module), same_rounding(device, precision):
            for start in range(0, len(x), batch_size):
                latest.clear()
                some = x[start : start + batch_size]
                module(some.to(device))
                for layer, output in zip(layers, _outputs(latest, layers, len(some), axes), strict=True):
                    found[layer].append(output)
                if start == 0:
                    _check_axes(module, some, device, latest, layers, axes)
    finally:
        for hook in hooks:
            hook.remove()
    return {layer: torch.cat(parts) for layer, parts in found.items()}


def error_signals(
    module: nn.Module, x: Tensor, y: Tensor, layers: Iterable[str] | None = None, *, batch_size: int = 500
) -> dict[str, Tensor]:
    """The error signal of every sample at the layers named: the gradient of its loss with respect to their output.

    x: (n, ...), y: (n,) class numbers; the loss is the cross-entropy in nats, of each sample and not of their mean. A
    network of one logit has the binary cross-entropy (`class_logits`).
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
                logits = class_logits(logits, len(y[some]))
                loss = nn.functional.cross_entropy(logits, y[some].to(device), reduction="sum")
                outputs = _outputs(latest, layers, len(logits), {})
                signals = torch.autograd.grad(loss, outputs, allow_unused=True)
                for layer, output, signal in zip(layers, outputs, signals, strict=True):
                    found[layer].append(output.detach())
                    errors[layer].append(torch.zeros_like(output) if signal is None else signal)
                if start == 0:
                    _check_axes(module, x[some], device, latest, layers, {})
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


def _outputs(latest: dict[str, Tensor], layers: list[str], n: int, axes: Mapping[str, int]) -> list[Tensor]:
    """What the layers put out for n samples, each with the samples first."""
    outputs = []
    for layer in layers:
        output, axis = _tensor_of(layer, latest), axes.get(layer, 0)
        shape = tuple(output.shape)
        if not -len(shape) <= axis < len(shape) or shape[axis] != n:
            hint = f"; sample_axis={{{layer!r}: {shape.index(n)}}} may be meant" if n in shape else ""
            raise ValueError(
                f"layers must put out the samples on their axis {axis}; {layer!r} puts out {shape} for n={n}{hint}."
            )
        outputs.append(output.movedim(axis, 0) if axis else output)  # untouched: gradients are taken of it
    return outputs


@torch.no_grad()
def _check_axes(run: Callable, x: Tensor, device, latest: dict[str, Tensor], layers: list[str], axes) -> None:
    """Where two axes are as long as the batch `x`: ValueError if it is not the named one that follows the samples."""
    if not any(list(latest[layer].shape).count(len(x)) > 1 for layer in layers):
        return
    n = 3 if len(x) == 2 else 2
    run(x[torch.arange(n) % len(x)].to(device))
    _outputs(latest, layers, n, axes)


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


def class_logits(logits: Tensor, n: int) -> Tensor:
    """(..., n, classes) as it is; one logit z a sample, (..., n, 1) or (..., n), as the two classes' logits 0 and z.

    So a network that was trained with `BCEWithLogitsLoss` is one of two classes everywhere: its cross-entropy is the
    binary one, and class 1 is predicted where z > 0.
    Raises ValueError for any other shape.
    """
    shape = tuple(logits.shape)
    if shape[-1:] == (n,) and shape[-2:-1] != (n,):
        logits = logits.unsqueeze(-1)
    elif shape[-2:-1] != (n,):
        raise ValueError(f"a network must put out (n, classes), or (n, 1) or (n,) for two; got {shape} for n={n}.")
    return torch.cat([torch.zeros_like(logits), logits], -1) if logits.shape[-1] == 1 else logits


@torch.no_grad()
def evaluate(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy in bits and accuracy. logits: (..., n, classes), y: (n,) -> two tensors of the batch shape.

    One logit a sample counts as two classes (`class_logits`).
    """
    logits = class_logits(logits, len(y))
    log_p = torch.log_softmax(logits.float(), dim=-1)
    chosen = log_p.gather(-1, y.expand(logits.shape[:-1]).unsqueeze(-1)).squeeze(-1)
    loss = -chosen.mean(-1) / torch.log(torch.tensor(2.0))
    return loss, (logits.argmax(-1) == y).float().mean(-1)
