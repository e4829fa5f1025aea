"""What `training.train` trains: networks of any kind, or dense networks stacked into one, and how an update is made.

Both kinds have the same face: `gradients` of one update, `activations`, `modules`, `weights`, `load`. On a CUDA device
an update of small networks is hundreds of kernels that end sooner than they are launched; `Captured` records them
once, the members side by side, and replays them.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from . import models, probes

LARGE_LAYER = 50_000  # weights; from there on the CPU's batched product is slower than one product a member (2x seen)
STATELESS = (nn.Tanh, nn.ReLU, nn.Sigmoid, nn.LeakyReLU, nn.Identity)
PRECISIONS = {"float32": None, "tf32": None, "bfloat16": torch.bfloat16}
EAGER_UPDATES = 3  # of every batch size, before it is captured: libraries set themselves up
KNOWN_PACKAGES = ("torch", "torchvision", "mi_kit")  # whose modules do the same in every update


def is_dense(module: nn.Module) -> bool:
    """Whether a network is only flattening, linear layers and plain activations, one after the other."""
    if type(module) is not nn.Sequential or len({*module}) < len(module):
        return False
    if not all(parameter.requires_grad for parameter in module.parameters()):
        return False
    return all(
        is_dense(child) if isinstance(child, nn.Sequential) else type(child) in (nn.Flatten, nn.Linear, *STATELESS)
        for child in module.children()
    ) and not any(getattr(child, "inplace", False) for child in module.children())


class Modules:
    """Networks of any kind; `train` gives it several at a time only on a CUDA device."""

    def __init__(self, modules: list[nn.Module], device: torch.device, precision: str = "float32"):
        self.networks, self.device, self.precision = modules, device, precision
        self.n_members = len(modules)
        self.has_maps = any(parameter.ndim == 4 for parameter in modules[0].parameters())
        self.channels_last = self.has_maps and (device.type == "cpu" or precision != "float32")
        for module in modules:
            module.to(device, memory_format=torch.channels_last if self.channels_last else torch.preserve_format)
        self.blocks = probes.block_names(modules[0])
        several = device.type == "cuda" and len(modules) > 1
        self.streams = [torch.cuda.Stream(device) for _ in modules] if several else []

    def owners(self) -> Iterator[tuple[str, nn.Parameter, list[int]]]:
        """(name, parameter, members that it belongs to)."""
        for member, module in enumerate(self.networks):
            for name, parameter in module.named_parameters():
                yield name, parameter, [member]

    def gradients(self, x: Tensor, y: Tensor, decays: list[float], noise_seed: int | None = None) -> Tensor:
        """The gradients of every member's loss; x (members, batch, ...), y (members, batch).

        Returns (members,) mean cross-entropies in nats. On a GPU every member has a stream: its kernels are too small
        to fill the device (ten LeNet-5: 2.3 ms an update side by side, one alone 0.47 ms), and are the same with and
        without company. On an H100 `vmap` takes 2.0 ms for these, but two to four times as long for deeper networks.
        """
        if not self.streams:
            return torch.stack([self._gradients(k, x[k], y[k], decays[k], noise_seed) for k in range(len(x))])
        here, losses = torch.cuda.current_stream(self.device), []
        for member, stream in enumerate(self.streams):
            stream.wait_stream(here)
            with torch.cuda.stream(stream):
                losses.append(self._gradients(member, x[member], y[member], decays[member], noise_seed))
        for stream in self.streams:
            here.wait_stream(stream)
        return torch.stack(losses)

    def _gradients(self, member: int, x: Tensor, y: Tensor, decay: float, noise_seed: int | None) -> Tensor:
        module, dtype = self.networks[member], PRECISIONS[self.precision]
        if self.channels_last and x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        module.train()
        with self._own_noise(noise_seed), torch.autocast(self.device.type, dtype, enabled=dtype is not None):
            logits = module(x)
        loss = nn.functional.cross_entropy(probes.class_logits(logits.float(), len(y)), y)
        penalty = decay / 2 * sum(parameter.square().sum() for parameter in module.parameters()) if decay else 0.0
        (loss + penalty).backward()
        return loss.detach()

    @contextlib.contextmanager
    def _own_noise(self, seed: int | None):
        """Dropout draws from a state of its own; the global random state is left alone."""
        if seed is None:
            yield
            return
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.default_generator.manual_seed(seed)
            if self.device.type == "cuda":
                torch.cuda.manual_seed(seed)
            yield

    def activations(self, layers, x: Tensor) -> dict[str, Tensor]:
        """{layer: (members, n, ...)}. In float32 where it is trained so, else in tf32: on an H100 the convolutions of
        channels-last networks are 5 to 10 times slower in float32."""
        how = {"batch_size": 128 if self.device.type == "cpu" else 2_500}
        how["precision"] = "float32" if self.precision == "float32" else "tf32"
        each = [probes.activations(module, x, layers, **how) for module in self.networks]
        return {layer: torch.stack([one[layer] for one in each]) for layer in each[0]}

    def modules(self) -> list[nn.Module]:
        return list(self.networks)

    def weights(self) -> list[dict[str, Tensor]]:
        return [module.state_dict() for module in self.networks]

    def load(self, weights: list[dict[str, Tensor]]) -> None:
        for module, own in zip(self.networks, weights, strict=True):
            module.load_state_dict(own)

    def member_part(self, value: Tensor, _parameter: Tensor, _member: int) -> Tensor:
        return value

    def join_parts(self, parts: list[Tensor], parameter: Tensor) -> Tensor:
        # a state that is shaped like its parameter must also lie in memory like it (channels-last)
        return torch.empty_like(parameter).copy_(parts[0]) if parts[0].shape == parameter.shape else parts[0]


class DenseEnsemble:
    """Dense networks of one shape, their weights stacked: one batched product a layer serves all members."""

    def __init__(self, modules: list[nn.Module], device: torch.device, precision: str = "float32"):
        self.n_members, self.device, self.precision, self.template = len(modules), device, precision, modules[0]
        self.blocks = probes.block_names(self.template)
        self._factors: Tensor | None = None  # of the members' weight decay
        states = [module.state_dict() for module in modules]
        self.parameters = {
            key: nn.Parameter(torch.stack([state[key] for state in states]).to(device)) for key in states[0]
        }

    def owners(self) -> Iterator[tuple[str, nn.Parameter, list[int]]]:
        """(name, parameter, members that it belongs to)."""
        for name, parameter in self.parameters.items():
            yield name, parameter, list(range(self.n_members))

    def gradients(self, x: Tensor, y: Tensor, decays: list[float], _noise_seed: int | None = None) -> Tensor:
        """As `Modules.gradients`."""
        dtype = PRECISIONS[self.precision]
        with torch.autocast(self.device.type, dtype, enabled=dtype is not None):
            logits = self._forward(x, {})
        logits = probes.class_logits(logits.float(), y.shape[1]).transpose(1, 2)
        losses = nn.functional.cross_entropy(logits, y, reduction="none").mean(1)
        (losses.sum() + self._decay(decays)).backward()
        return losses.detach()

    def _decay(self, decays: list[float]) -> Tensor | float:
        """The loss term whose gradient is each member's weight_decay times its weight."""
        if not any(decays):
            return 0.0
        if self._factors is None:
            self._factors = torch.tensor(decays, device=self.device) / 2
        factors = self._factors
        return sum((parameter.square().flatten(1).sum(1) * factors).sum() for parameter in self.parameters.values())

    @torch.no_grad()
    def activations(self, layers, x: Tensor) -> dict[str, Tensor]:
        layers = self.blocks if layers is None else list(layers)
        if unknown := [layer for layer in layers if layer not in ("", *self.blocks)]:
            raise ValueError(f"layers must be among {', '.join(self.blocks)}; got layers={unknown!r}.")
        collected: dict[str, Tensor] = {}
        with probes.same_rounding(self.device):
            collected[""] = self._forward(x.to(self.device).expand(self.n_members, *x.shape), collected)
        return {layer: collected[layer] for layer in layers}

    def _forward(self, x: Tensor, collected: dict[str, Tensor]) -> Tensor:
        """x: (members, n, ...) -> (members, n, outputs); the output of every top-level block goes to `collected`."""
        for name, block in self.template.named_children():
            x = self._through(block, name, x)
            collected[name] = x
        return x

    def _through(self, layer: nn.Module, name: str, x: Tensor) -> Tensor:
        if isinstance(layer, nn.Sequential):
            for child_name, child in layer.named_children():
                x = self._through(child, f"{name}.{child_name}", x)
            return x
        if isinstance(layer, nn.Flatten):
            return x.flatten(2)
        if isinstance(layer, nn.Linear):
            weight = self.parameters[f"{name}.weight"]
            bias = None if layer.bias is None else self.parameters[f"{name}.bias"]
            if self.device.type == "cpu" and layer.weight.numel() > LARGE_LAYER:
                biases = [None] * self.n_members if bias is None else bias.unbind()
                each = zip(x.unbind(), weight.unbind(), biases, strict=True)
                return torch.stack([nn.functional.linear(*one) for one in each])
            weight = weight.transpose(1, 2)
            return torch.bmm(x, weight) if bias is None else torch.baddbmm(bias.unsqueeze(1), x, weight)
        return layer(x)

    def modules(self) -> list[nn.Module]:
        modules = []
        for member, weights in enumerate(self.weights()):
            module = models.copy_with(self.template, weights)
            for name, parameter in module.named_parameters():
                gradient = self.parameters[name].grad
                parameter.grad = None if gradient is None else gradient[member].clone()
            modules.append(module)
        return modules

    def weights(self) -> list[dict[str, Tensor]]:
        return [
            {key: value.detach()[member] for key, value in self.parameters.items()} for member in range(self.n_members)
        ]

    def load(self, weights: list[dict[str, Tensor]]) -> None:
        with torch.no_grad():
            for key, parameter in self.parameters.items():
                parameter.copy_(torch.stack([one[key].to(self.device) for one in weights]))

    def member_part(self, value: Tensor, parameter: Tensor, member: int) -> Tensor:
        return value[member] if value.shape == parameter.shape else value

    def join_parts(self, parts: list[Tensor], parameter: Tensor) -> Tensor:
        return torch.stack(parts) if parts[0].shape == parameter.shape[1:] else parts[0]


# --------------------------------------------------------------------------------------------- updates on a GPU


def does_the_same_every_time(module: nn.Module) -> bool:
    """Whether an update can be recorded once: no part is a user's own, which may count, choose or draw in Python."""
    return all(type(part).__module__.split(".")[0] in KNOWN_PACKAGES for part in module.modules())


@dataclass
class _Recording:
    """One captured update for one batch size: where its samples' numbers go, what it puts out."""

    graph: torch.cuda.CUDAGraph
    chosen: Tensor
    losses: Tensor
    gradients: list[Tensor | None]


class Captured:
    """Updates of all members as CUDA graphs, one for each batch size.

    The first updates of a size are made as on any device, then one is captured.
    """

    def __init__(self, trainee: Modules | DenseEnsemble, optimiser, x: Tensor, y: Tensor, decays: list[float]):
        self.trainee, self.optimiser, self.x, self.y, self.decays = trainee, optimiser, x, y, decays
        self.seen: collections.Counter[int] = collections.Counter()
        self.recordings: dict[int, _Recording] = {}
        self.latest: _Recording | None = None

    def update(self, chosen: Tensor) -> Tensor:
        """One update with the samples numbered `chosen` (members, batch); (members,) losses in nats."""
        size = chosen.shape[1]
        if self.seen[size] < EAGER_UPDATES:
            self.seen[size] += 1
            self.latest = None
            return self._update(chosen)
        if size not in self.recordings:
            self.recordings[size] = self._record(chosen)
        recording = self.recordings[size]
        recording.chosen.copy_(chosen)
        recording.graph.replay()
        if recording is not self.latest:  # observers read the gradients of the last update
            self.latest = recording
            for (_, parameter, _), gradient in zip(self.trainee.owners(), recording.gradients, strict=True):
                parameter.grad = gradient
        return recording.losses.clone()

    def _update(self, chosen: Tensor) -> Tensor:
        self.optimiser.zero_grad()
        losses = self.trainee.gradients(self.x[chosen], self.y[chosen], self.decays)
        self.optimiser.step()
        return losses

    def _record(self, chosen: Tensor) -> _Recording:
        graph, own = torch.cuda.CUDAGraph(), chosen.clone()
        self.optimiser.zero_grad()
        with torch.cuda.graph(graph):
            losses = self._update(own)
        return _Recording(graph, own, losses, [parameter.grad for _, parameter, _ in self.trainee.owners()])
