"""The networks of the papers, each a `torch.nn.Sequential` of named blocks.

A representation T is what a block puts out: `block1` of `lenet` is convolution, ReLU and pooling together.
`build("lenet", seed=0)` makes one, `describe("lenet")` tables it, `resolve` takes a name or a user's own function.
"""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from . import fingerprint, paths, probes


@dataclass(frozen=True)
class Network:
    """How to make one network: its name, the function that builds it, the shape of one input."""

    name: str
    build: Callable[[], nn.Module]
    input_shape: tuple[int, ...] = ()
    title: str = ""

    @property
    def source_hash(self) -> str:
        """Changes with the source of the builder, of all that it calls and of a user's own modules, and with what is
        built; runs carry it. Raises ValueError where a source cannot be had."""
        return paths.short_hash([fingerprint.of(self.build), structure_of(build(self))])

    def source_on(self, x: Tensor) -> str:
        """`source_hash`, or, where a source cannot be had, a hash of what the network with the weights of seed 0 puts
        out for `x`, to three digits."""
        try:
            return self.source_hash
        except ValueError:
            with torch.no_grad(), probes.evaluation_mode(build(self)) as module:
                return paths.short_hash([f"{value:.3g}" for value in module(x).flatten().tolist()])


def structure_of(module: nn.Module) -> list:
    """What a network is made of, but for its weights: its parts by name with the values that they were made with, the
    source of a user's own, what was put in the place of a `forward`, hooks and shapes."""
    shapes = [(key, tuple(value.shape)) for key, value in module.state_dict().items()]
    modules = [(name, type(part).__name__, _own_settings(part)) for name, part in module.named_modules()]
    own = [fingerprint.describe(each) for each in dict.fromkeys(map(type, module.modules()))]
    patched = [fingerprint.describe([vars(part).get("forward"), part._forward_hooks]) for part in module.modules()]
    return [modules, shapes, own, patched]


def _own_settings(part: nn.Module) -> list[tuple]:
    """The plain values that a module was made with, where they are not the defaults: those grow from one version of
    PyTorch to the next, and what `repr` prints with them."""
    found = []
    for name, parameter in inspect.signature(type(part).__init__).parameters.items():
        value = getattr(part, name, parameter.default)
        plain = value is None or isinstance(value, (bool, int, float, str, tuple))
        if plain and name not in ("self", "training") and value != parameter.default:
            found.append((name, value))
    return found


NETWORKS: dict[str, Network] = {}
_one_builds = threading.Lock()  # the random state is one for all threads


def _network(name: str, input_shape: tuple[int, ...], title: str):
    def register(build):
        NETWORKS[name] = Network(name, build, input_shape, title)
        return build

    return register


def names() -> list[str]:
    """The names that `build` and `training.train` know."""
    return sorted(NETWORKS)


def resolve(network: str | Callable[[], nn.Module]) -> Network:
    """The `Network` of a name, or of a user's own function that takes nothing and returns a `torch.nn.Module`."""
    if isinstance(network, Network):
        return network
    if callable(network) and not isinstance(network, nn.Module):
        return Network(getattr(network, "__name__", type(network).__name__), network)
    if network not in NETWORKS:
        raise ValueError(
            f"network must be one of {', '.join(names())} or a function that returns a torch.nn.Module; "
            f"got network={network!r}."
        )
    return NETWORKS[network]


def build(network: str | Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """The network with the initial weights that belong to `seed`; the global random state is left alone."""
    with _one_builds, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # the CPU's alone, which initial weights come from
        return resolve(network).build()


def copy_with(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    """A copy of the module with other weights."""
    copied = copy.deepcopy(module)
    copied.load_state_dict(weights)
    return copied


def describe(network: str | nn.Module, input_shape: tuple[int, ...] | None = None) -> pd.DataFrame:
    """One row a layer: block, layer, output shape for one sample, parameters.

    network: a name, or a module together with the `input_shape` of one sample.
    """
    if not isinstance(network, nn.Module):
        input_shape = input_shape or resolve(network).input_shape
        network = build(network)
    if not input_shape:
        raise ValueError(f"input_shape must be given for a network of your own; got input_shape={input_shape!r}.")
    rows, hooks = [], []
    for name, layer in network.named_modules():
        if not list(layer.children()):
            hooks.append(layer.register_forward_hook(_row_writer(rows, name)))
    try:
        with probes.evaluation_mode(network), torch.no_grad():
            network(torch.zeros(1, *input_shape))
    finally:
        for hook in hooks:
            hook.remove()
    return pd.DataFrame(rows, columns=["block", "layer", "output_shape", "parameters"])


def _row_writer(rows: list, name: str):
    def write(layer, _inputs, output):
        n_parameters = sum(parameter.numel() for parameter in layer.parameters())
        rows.append((name.split(".")[0], _words(layer), tuple(output.shape[1:]), n_parameters))

    return write


def _words(layer: nn.Module) -> str:
    """A layer in the words of the papers: `conv 7x7x24 stride 2`."""
    match layer:
        case nn.Conv2d():
            stride = f" stride {layer.stride[0]}" if layer.stride[0] > 1 else ""
            return f"conv {layer.kernel_size[0]}x{layer.kernel_size[1]}x{layer.out_channels}{stride}"
        case nn.Linear():
            return f"fully connected {layer.out_features}"
        case nn.MaxPool2d():
            return f"max-pool {layer.kernel_size}x{layer.kernel_size} stride {layer.stride}"
        case nn.AvgPool2d():
            return f"average-pool {layer.kernel_size}x{layer.kernel_size} stride {layer.stride}"
        case nn.AdaptiveAvgPool2d():
            return "global average-pool"
        case _:
            return type(layer).__name__


def count_parameters(network: str | nn.Module) -> int:
    """Number of trainable parameters."""
    module = network if isinstance(network, nn.Module) else build(network)
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


# --------------------------------------------------------------------------------------------- dense networks


def dense(sizes: list[int], activation: type[nn.Module], initialise: Callable[[nn.Linear], None] | None = None):
    """Fully connected layers named layer1, layer2, ..., output; the activation follows all but the last."""
    blocks = OrderedDict()
    for number, (n_in, n_out) in enumerate(itertools.pairwise(sizes), start=1):
        linear = nn.Linear(n_in, n_out)
        if initialise:
            initialise(linear)
        last = number == len(sizes) - 1
        layers = [linear] if last else [linear, activation()]
        if number == 1:
            layers.insert(0, nn.Flatten())
        blocks["output" if last else f"layer{number}"] = nn.Sequential(*layers)
    return nn.Sequential(blocks)


def _fan_in_normal(linear: nn.Linear) -> None:
    """Weights from N(0, 1/fan-in), no bias: what the 12-bit experiment of Shwartz-Ziv and Tishby starts from."""
    nn.init.trunc_normal_(linear.weight, std=linear.in_features**-0.5)
    nn.init.zeros_(linear.bias)


@_network("tanh_12", (12,), "tanh 12-10-7-5-4-3-2")
def _tanh_12() -> nn.Module:
    return dense([12, 10, 7, 5, 4, 3, 2], nn.Tanh, _fan_in_normal)


@_network("relu_mnist_narrow", (1, 28, 28), "ReLU 784-1024-20-20-20-10")
def _relu_mnist_narrow() -> nn.Module:
    return dense([784, 1024, 20, 20, 20, 10], nn.ReLU)


@_network("relu_mlp", (1, 28, 28), "ReLU-MLP 784-1024-256-128-10")
def _relu_mlp() -> nn.Module:
    return dense([784, 1024, 256, 128, 10], nn.ReLU)


UNITS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "leaky_relu": nn.LeakyReLU}


def compression(activation: str, n_inputs: int = 4, n_classes: int = 3) -> Network:
    """The network of notebook 05, n_inputs-16-16-8-n_classes, as `train` and `build` take it.

    activation: `relu`, `tanh`, `sigmoid` or `leaky_relu` (slope 0.01). Weights are Glorot's uniform ones, biases 0, as
    Keras has them. Raises ValueError for an unknown activation and numbers below 1 (2 for n_classes).
    Source: Dong and Hisham, section III; they give no initial weights.
    """
    if activation not in UNITS:
        raise ValueError(f"activation must be one of {', '.join(UNITS)}; got activation={activation!r}.")
    if n_inputs < 1 or n_classes < 2:
        raise ValueError(
            f"n_inputs must be at least 1 and n_classes 2; got n_inputs={n_inputs}, n_classes={n_classes}."
        )
    sizes = (n_inputs, 16, 16, 8, n_classes)
    title = f"{activation.replace('_', ' ')} {'-'.join(map(str, sizes))}"
    build = functools.partial(_compression, activation, sizes)
    return Network(f"{activation}-{'-'.join(map(str, sizes))}", build, (n_inputs,), title)


def _compression(activation: str, sizes: tuple[int, ...]) -> nn.Sequential:
    return dense(list(sizes), UNITS[activation], _glorot_uniform)


def _glorot_uniform(linear: nn.Linear) -> None:
    nn.init.xavier_uniform_(linear.weight)
    nn.init.zeros_(linear.bias)


# --------------------------------------------------------------------------------------------- convolutional networks


@_network("lenet", (1, 28, 28), "LeNet")
def _lenet() -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            block1=nn.Sequential(nn.Conv2d(1, 24, 7, padding=3), nn.ReLU(), nn.MaxPool2d(2)),
            block2=nn.Sequential(nn.Conv2d(24, 48, 7, padding=3), nn.ReLU(), nn.MaxPool2d(2)),
            fc=nn.Sequential(nn.Flatten(), nn.Linear(48 * 7 * 7, 1024), nn.ReLU()),
            output=nn.Sequential(nn.Linear(1024, 10)),
        )
    )


@_network("lenet_stride2", (1, 28, 28), "LeNet, first block with stride 2")
def _lenet_stride2() -> nn.Module:
    # Stride 2 halves where the pool did, so the pool's is 1, as in DenseNet; initial weights too are LeNet's.
    network = _lenet()
    convolution, relu, _ = network.block1
    convolution.stride = (2, 2)
    network.block1 = nn.Sequential(convolution, relu, nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2, stride=1))
    return network


class Bottleneck(nn.Module):
    """ReLU, 1x1x48 convolution, ReLU, 3x3x12 convolution; its 12 maps are appended to the input's."""

    def __init__(self, n_in: int, width: int = 48, growth: int = 12):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(), nn.Conv2d(n_in, width, 1), nn.ReLU(), nn.Conv2d(width, growth, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], dim=1)


def _dense_block(n_in: int, n_bottlenecks: int = 4, growth: int = 12) -> nn.Sequential:
    """Four bottlenecks and a transition: ReLU, 1x1x12 convolution, 2x2 average-pool."""
    bottlenecks = [Bottleneck(n_in + growth * i) for i in range(n_bottlenecks)]
    n_out = n_in + growth * n_bottlenecks
    return nn.Sequential(*bottlenecks, nn.ReLU(), nn.Conv2d(n_out, growth, 1), nn.AvgPool2d(2))


@_network("densenet", (1, 28, 28), "DenseNet")
def _densenet() -> nn.Module:
    # The paper has stride 2 and a 2x2 pool, and kernels of 14x14 values after both: the pool's stride must be 1.
    return nn.Sequential(
        OrderedDict(
            block1=nn.Sequential(
                nn.Conv2d(1, 24, 7, stride=2, padding=3), nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2, stride=1)
            ),
            block2=_dense_block(24),
            block3=_dense_block(12),
            output=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10)),
        )
    )


def lenet5(
    filters: tuple[int, ...] = (6, 16),
    activation: type[nn.Module] = nn.Sigmoid,
    *,
    hidden: tuple[int, int] = (120, 84),
    padding: int = 2,
    pool: type[nn.Module] = nn.AvgPool2d,
    spread: float | None = None,
) -> nn.Sequential:
    """A network like LeNet-5: C1, P1, C2, P2, ... of 5x5 convolutions and 2x2 pools, then F1, F2 and the output.

    filters: of each convolution. padding: of all convolutions but the first, which always has 2 (LeNet-5 takes images
    of 32x32); with 0 the third convolution leaves maps of 1x1, which are not pooled. hidden: widths of F1 and F2.
    spread: initial weights are uniform with Glorot's variance times spread squared, biases 0; None takes 4 for sigmoids
    (whose slope is at most 1/4) and sqrt(2) for ReLU, 0 leaves PyTorch's own initial weights.
    """
    blocks: OrderedDict[str, nn.Module] = OrderedDict()
    channels, side = 1, 28
    for number, width in enumerate(filters, start=1):
        own = 2 if number == 1 else padding
        blocks[f"C{number}"] = nn.Sequential(nn.Conv2d(channels, width, 5, padding=own), activation())
        channels, side = width, side + 2 * own - 4
        if side > 1:
            blocks[f"P{number}"] = nn.Sequential(pool(2))
            side //= 2
    blocks["F1"] = nn.Sequential(nn.Flatten(), nn.Linear(channels * side**2, hidden[0]), activation())
    blocks["F2"] = nn.Sequential(nn.Linear(*hidden), activation())
    blocks["output"] = nn.Sequential(nn.Linear(hidden[1], 10))
    network = nn.Sequential(blocks)
    spread = spread if spread is not None else 4.0 if activation is nn.Sigmoid else 2**0.5
    for layer in network.modules() if spread else ():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight, gain=spread if layer is not blocks["output"][0] else 1.0)
            nn.init.zeros_(layer.bias)
    return network


ACTIVATIONS = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}
LENET5_FILTERS = ((6,), (2, 2), (2, 6), (6, 16), (32, 64), (6, 16, 16))
LENET5_VARIANTS = {  # of the baseline with sigmoids: what the paper of notebook 02 leaves open
    "max_pool": {"pool": nn.MaxPool2d},
    "valid": {"padding": 0},
    "wide": {"hidden": (500, 500)},
    "default_weights": {"spread": 0},
}
for _name, _activation in ACTIVATIONS.items():
    for _filters in LENET5_FILTERS:
        _network(
            f"lenet5_{_name}_{'_'.join(map(str, _filters))}", (1, 28, 28),
            f"LeNet-5-like, {'/'.join(map(str, _filters))} filters, {_name}",
        )(functools.partial(lenet5, _filters, _activation))  # fmt: skip
for _name, _options in LENET5_VARIANTS.items():
    _network(f"lenet5_sigmoid_{_name}", (1, 28, 28), f"LeNet-5-like, {_name.replace('_', ' ')}")(
        functools.partial(lenet5, **_options)
    )


@_network("resnet18", (1, 28, 28), "ResNet-18 (torchvision), one input channel")
def _resnet18() -> nn.Module:
    from torchvision.models import resnet18

    network = resnet18(num_classes=10)
    network.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return network


# --------------------------------------------------------------------------------------------- families by depth

STAGES = {  # channels of each convolution as multiples of a width; a number per stage, each stage ends with a pool
    "cnn2": ((1,), (2,)),
    "cnn4": ((1, 1), (2, 2)),
    "cnn6": ((1, 1), (2, 2), (4, 4)),
    "cnn9": ((1, 1), (2, 2), (4, 4, 4), (8, 8)),
    "cnn16": ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8)),  # VGG-16: 13 convolutions and 3 dense layers
    "alexnet": ((1,), (3,), (6, 4, 4)),
}
DENSE_LAYERS = {"cnn16": (8, 8), "alexnet": (16, 16)}  # hidden ones, as multiples of a width; 8 where not named
NORMALISED = ("cnn9", "cnn16")  # by batch norm: without it, and from PyTorch's initial weights, the deepest are dead
HIDDEN_LAYERS = {"linear": 0, "fc3": 1, "fc6": 4, "fc9": 7}  # each of 8 widths
FAMILIES = (*HIDDEN_LAYERS, *STAGES, "cnn16_plain")


def family(name: str, input_shape: tuple[int, ...], width: int = 64, n_classes: int = 10) -> Network:
    """One of the networks that notebook 03 compares, for images of any shape, as `train` and `build` take it.

    name: `fc3`, `fc6`, `fc9` (layers counted with input and output), `linear` (no hidden layer: its loss is convex),
    `cnn2` to `cnn9` (number of 3x3 convolutions), `cnn16` (VGG-16), `alexnet` (3x3 convolutions, three pools: for 32x32
    images), or `cnn16_plain` (VGG-16 without batch norm, from PyTorch's initial weights). width: channels of the first
    convolution; all others are multiples of it, and dense layers have 8 or 16 times as many units.
    Initial weights are He's, biases 0. Raises ValueError for an unknown name and a shape or number below 1.
    """
    if name not in FAMILIES:
        raise ValueError(f"name must be one of {', '.join(FAMILIES)}; got name={name!r}.")
    if width < 1 or n_classes < 2 or min(input_shape) < 1:
        raise ValueError(
            "width must be at least 1, n_classes 2, and input_shape of numbers from 1; "
            f"got width={width}, n_classes={n_classes}, input_shape={input_shape}."
        )
    shape = "x".join(map(str, input_shape))
    title = name.replace("_", " ").replace("alexnet", "AlexNet").replace("linear", "Linear")
    title = title.replace("cnn", "CNN-").replace("fc", "FC-")
    build = functools.partial(_of_family, name, tuple(input_shape), width, n_classes)
    return Network(f"{name}-{width}-{shape}", build, tuple(input_shape), title)


def _of_family(name: str, input_shape: tuple[int, ...], width: int, n_classes: int) -> nn.Sequential:
    if name in HIDDEN_LAYERS:
        sizes = [functools.reduce(int.__mul__, input_shape), *[8 * width] * HIDDEN_LAYERS[name], n_classes]
        network = dense(sizes, nn.ReLU)
    else:
        kind, blocks, channels = name.removesuffix("_plain"), OrderedDict(), input_shape[0]
        for number, multiples in enumerate(STAGES[kind], start=1):
            blocks[f"block{number}"] = _stage(channels, [width * each for each in multiples], name in NORMALISED)
            channels = width * multiples[-1]
        n_in = _flat_size(nn.Sequential(blocks), input_shape)
        for number, multiple in enumerate(DENSE_LAYERS.get(kind, (8,)), start=1):
            layers = [nn.Linear(n_in, multiple * width), nn.ReLU()]
            blocks[f"fc{number}"] = nn.Sequential(*([nn.Flatten()] if number == 1 else []), *layers)
            n_in = multiple * width
        network = nn.Sequential(blocks | {"output": nn.Sequential(nn.Linear(n_in, n_classes))})
    for layer in network.modules() if not name.endswith("_plain") else ():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu" if name != "linear" else "linear")
            nn.init.zeros_(layer.bias)
    return network


def _stage(channels: int, widths: list[int], normalised: bool) -> nn.Sequential:
    """3x3 convolutions with ReLU, each normalised or not, then a 2x2 max-pool that keeps an odd edge."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [
            nn.Conv2d(channels, width, 3, padding=1),
            *([nn.BatchNorm2d(width)] if normalised else []),
            nn.ReLU(),
        ]
        channels = width
    return nn.Sequential(*layers, nn.MaxPool2d(2, ceil_mode=True))


def slicer(input_shape: tuple[int, ...], width: int = 32, n_classes: int = 10) -> Network:
    """The network of notebook 04 for images of any shape from 8x8, as `train` and `build` take it.

    Three stages of 3x3 convolution, ReLU, batch norm and 2x2 max-pool, with width, 2 and 4 times width channels; each
    of the four is a layer of its own, so that layers 0 to 11 are conv1, relu1, norm1, pool1, conv2, ..., pool3. Then a
    dense layer of 4 widths and the output. Weights are PyTorch's own initial ones.
    Raises ValueError for a shape that is not (channels, height, width) or a number below 1 (2 for n_classes).
    """
    if len(input_shape) != 3 or input_shape[0] < 1 or min(input_shape[1:]) < 8:
        raise ValueError(f"input_shape must be channels, height, width, the last two from 8; got {input_shape}.")
    if width < 1 or n_classes < 2:
        raise ValueError(f"width must be at least 1 and n_classes 2; got width={width}, n_classes={n_classes}.")
    name = f"slicer-{width}-{'x'.join(map(str, input_shape))}"
    build = functools.partial(_slicer, tuple(input_shape), width, n_classes)
    return Network(name, build, tuple(input_shape), "CNNSlicer's network")


def _slicer(input_shape: tuple[int, ...], width: int, n_classes: int) -> nn.Sequential:
    layers, channels = OrderedDict(), input_shape[0]
    for stage, filters in enumerate((width, 2 * width, 4 * width), start=1):
        layers[f"conv{stage}"] = nn.Conv2d(channels, filters, 3, padding=1)
        layers[f"relu{stage}"] = nn.ReLU()
        layers[f"norm{stage}"] = nn.BatchNorm2d(filters)
        layers[f"pool{stage}"] = nn.MaxPool2d(2)
        channels = filters
    flat = _flat_size(nn.Sequential(layers), input_shape)
    layers["fc"] = nn.Sequential(nn.Flatten(), nn.Linear(flat, 4 * width), nn.ReLU())
    layers["output"] = nn.Linear(4 * width, n_classes)
    return nn.Sequential(layers)


@torch.no_grad()
def _flat_size(network: nn.Module, input_shape: tuple[int, ...]) -> int:
    with probes.evaluation_mode(network):
        return network(torch.zeros(1, *input_shape)).numel()
