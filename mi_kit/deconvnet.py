"""What a channel saw: its feature maps, projected back to the input by a deconvolutional network."""

from __future__ import annotations

import contextlib
import numbers

import torch
from torch import Tensor, nn

from . import probes


def deconvolve(
    module: nn.Module, x: Tensor, layer: str, channel: int | None = None, *, batch_size: int = 100
) -> Tensor:
    """The feature maps of one channel of `layer`, pushed back through the network to the shape of its input.

    From the layer down, every step is undone in turn: a max-pool puts each value back to where the maximum was (the
    recorded switch) and 0 elsewhere, a ReLU rectifies what comes back, a convolution or dense layer is applied
    transposed, a batch norm (in evaluation mode, as everything here) only scales. All other channels are set to 0.

    module: any network whose ReLUs are modules (`torch.nn.ReLU`). x: (n, ...), its inputs. layer: a name as in
    `named_modules`. channel: number along the first axis after the samples, None for all channels together.
    Returns (n, ...), shaped like x, on the device of the network.
    Raises ValueError for an unknown layer or channel, and for a layer whose output is no tensor (n, channels, ...).

    How: what is described is the transposed chain of layers with the switches of the forward pass, so it is computed as
    a vector-Jacobian product in which ReLUs rectify the signal and do not gate it. Without ReLUs it is the transpose of
    the network's Jacobian, times the feature map.
    When it fails: a ReLU that is called as a function (`torch.relu`) gates instead, as in a gradient. What comes back
    shows where and how strongly an input excites the channel; its scale means nothing.

    Source: Zeiler, Taylor and Fergus (2011); Zeiler and Fergus (2013), section 2.1; one channel at a time as Shen and
    Shen (2020), section 5.4.1.
    """
    modules = dict(module.named_modules())
    if layer not in modules or not layer:
        raise ValueError(f"layer must be one of {', '.join(name for name in modules if name)}; got layer={layer!r}.")
    device = next((parameter.device for parameter in module.parameters()), x.device)
    found = []
    with probes.evaluation_mode(module), _rectifying(module), torch.enable_grad():
        for part in x.split(batch_size):
            part = part.to(device).detach().clone().requires_grad_()
            maps = _maps_of(module, part, modules[layer], layer)
            seed = _only(maps.detach(), channel)
            (back,) = torch.autograd.grad(maps, part, seed, allow_unused=True)
            found.append(torch.zeros_like(part).detach() if back is None else back)
    return torch.cat(found)


def _maps_of(module: nn.Module, x: Tensor, target: nn.Module, layer: str) -> Tensor:
    """The output of `target`, still connected to x."""
    kept: list = []
    hook = target.register_forward_hook(lambda _module, _inputs, output: _keep(kept, output))
    try:
        module(x)
    finally:
        hook.remove()
    if not kept or not isinstance(kept[-1], Tensor) or kept[-1].ndim < 2:
        raise ValueError(f"layer must put out a tensor (n, channels, ...); {layer!r} does not.")
    return kept[-1]


def _keep(kept: list, output):
    kept.append(output)
    return output.clone() if isinstance(output, Tensor) else output  # what follows may change it in place


def _only(maps: Tensor, channel: int | None) -> Tensor:
    """The maps with all channels but one set to 0."""
    if channel is None:
        return maps
    whole = isinstance(channel, numbers.Integral) and not isinstance(channel, bool)
    if not whole or not 0 <= channel < maps.shape[1]:
        raise ValueError(f"channel must lie between 0 and {maps.shape[1] - 1}; got channel={channel!r}.")
    alone = torch.zeros_like(maps)
    alone[:, channel] = maps[:, channel]
    return alone


class _Rectify(torch.autograd.Function):
    """ReLU on the way forward, ReLU of what comes back on the way back."""

    @staticmethod
    def forward(_context, x: Tensor) -> Tensor:
        return x.clamp(min=0)

    @staticmethod
    def backward(_context, signal: Tensor) -> Tensor:
        return signal.clamp(min=0)


@contextlib.contextmanager
def _rectifying(module: nn.Module):
    """The module with its ReLUs as `_Rectify`; afterwards as it was."""
    own = {part: part.__dict__.get("forward") for part in module.modules() if isinstance(part, nn.ReLU)}
    try:
        for part in own:
            part.forward = _Rectify.apply
        yield
    finally:
        for part, forward in own.items():
            if forward is None:
                del part.forward
            else:
                part.forward = forward
