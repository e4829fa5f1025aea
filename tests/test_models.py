"""The networks: their tables, their seeds, what names their source."""

import functools
import importlib.util
import itertools

import pytest
import torch
from torch import nn

from mi_kit import models

DENSE = {
    "tanh_12": [12, 10, 7, 5, 4, 3, 2],
    "relu_mnist_narrow": [784, 1024, 20, 20, 20, 10],
    "relu_mlp": [784, 1024, 256, 128, 10],
}
# weights + biases, layer by layer, as the papers draw them
LENET = (49 * 24 + 24) + (24 * 49 * 48 + 48) + (48 * 7 * 7 * 1024 + 1024) + (1024 * 10 + 10)


def dense_block_parameters(n_in):
    """Four bottlenecks (1x1x48, 3x3x12) whose input grows by 12 maps each, then a 1x1x12 transition."""
    widths = [n_in + 12 * i for i in range(4)]
    return sum(n * 48 + 48 + 48 * 9 * 12 + 12 for n in widths) + (n_in + 48) * 12 + 12


DENSENET = (49 * 24 + 24) + dense_block_parameters(24) + dense_block_parameters(12) + (12 * 10 + 10)


def lenet5(*filters, padding=2, hidden=(120, 84)):
    """Weights and biases of 5x5 convolutions, each with a pool, and of three dense layers."""
    channels, side, count = 1, 28, 0
    for number, width in enumerate(filters):
        count, channels = count + (25 * channels + 1) * width, width
        side = (side if number == 0 or padding == 2 else side - 4) // 2
    for n_in, n_out in itertools.pairwise([channels * side**2, *hidden, 10]):
        count += (n_in + 1) * n_out
    return count


LENET5 = {
    f"lenet5_{activation}_{'_'.join(map(str, filters))}": lenet5(*filters)
    for activation in ("sigmoid", "relu")
    for filters in ((6,), (2, 2), (2, 6), (6, 16), (32, 64), (6, 16, 16))
}
PARAMETERS = {
    **LENET5,
    "lenet5_sigmoid_max_pool": lenet5(6, 16),
    "lenet5_sigmoid_default_weights": lenet5(6, 16),
    "lenet5_sigmoid_valid": lenet5(6, 16, padding=0),
    "lenet5_sigmoid_wide": lenet5(6, 16, hidden=(500, 500)),
    "resnet18": 11_689_512 - 990 * 513 - 2 * 64 * 49,  # torchvision's count, for 10 classes and one input channel
    "lenet": LENET,
    "lenet_stride2": LENET,
    "densenet": DENSENET,
    **{name: sum(a * b + b for a, b in itertools.pairwise(sizes)) for name, sizes in DENSE.items()},
}
LENET_SHAPES = {"block1": (24, 14, 14), "block2": (48, 7, 7), "fc": (1024,), "output": (10,)}
SHAPES = {
    "lenet": LENET_SHAPES,
    "lenet_stride2": LENET_SHAPES,
    "densenet": {"block1": (24, 14, 14), "block2": (12, 7, 7), "block3": (12, 3, 3), "output": (10,)},
    **{
        name: {f"layer{i}": (n,) for i, n in enumerate(sizes[1:-1], 1)} | {"output": (sizes[-1],)}
        for name, sizes in DENSE.items()
    },
}


def test_the_networks_are_known_by_name():
    assert models.names() == sorted(PARAMETERS)


@pytest.mark.parametrize("name", SHAPES)
def test_blocks_put_out_the_shapes_of_the_paper(name):
    table = models.describe(name)
    assert dict(table.groupby("block", sort=False)["output_shape"].last()) == SHAPES[name]


def test_the_network_with_stride_2_starts_from_the_same_weights():
    one, two = (models.build(name, seed=3).state_dict() for name in ("lenet", "lenet_stride2"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("name", SHAPES)
def test_blocks_put_out_what_their_table_says(name):
    x = torch.zeros(2, *models.resolve(name).input_shape)
    for block_name, block in models.build(name).named_children():
        x = block(x)
        assert tuple(x.shape) == (2, *SHAPES[name][block_name])


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_the_sum_over_layers(name):
    assert models.describe(name)["parameters"].sum() == PARAMETERS[name] == models.count_parameters(name)


def test_layers_are_in_the_words_of_the_papers():
    assert models.describe("lenet")["layer"].tolist()[:3] == ["conv 7x7x24", "ReLU", "max-pool 2x2 stride 2"]
    assert models.describe("densenet")["layer"].iloc[0] == "conv 7x7x24 stride 2"
    assert models.describe("tanh_12")["layer"].iloc[-1] == "fully connected 2"


def own_network():
    return nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))


def test_a_module_of_your_own_needs_its_input_shape():
    module = nn.Sequential(nn.Linear(5, 3), nn.ReLU())
    with pytest.raises(ValueError, match=r"input_shape must be given.*got input_shape=None"):
        models.describe(module)
    table = models.describe(module, (5,))
    assert table["output_shape"].tolist() == [(3,), (3,)]
    assert table["parameters"].tolist() == [18, 0]


def test_a_function_of_your_own_needs_its_input_shape():
    with pytest.raises(ValueError, match=r"input_shape must be given"):
        models.describe(lambda: nn.Linear(5, 3))


def test_describing_a_module_does_not_change_it():
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    models.describe(module, (1, 8, 8))
    assert module.training
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert not module[0]._forward_hooks


def test_a_module_with_batch_normalisation_can_be_described():
    assert models.describe(own_network(), (5,))["output_shape"].iloc[-1] == (2,)


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_same_seed_gives_the_same_weights(name):
    first, second, other = (models.build(name, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_building_leaves_the_global_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    models.build("tanh_12", seed=0)
    models.describe("tanh_12")
    assert torch.equal(torch.rand(3), expected)


def test_seeds_do_not_depend_on_the_global_random_state():
    torch.manual_seed(1)
    first = models.build("tanh_12", seed=0).layer1[1].weight
    torch.manual_seed(2)
    assert torch.equal(first, models.build("tanh_12", seed=0).layer1[1].weight)


def test_a_function_of_your_own_is_a_network():
    network = models.resolve(own_network)
    assert network.name == "own_network"
    assert isinstance(models.build(own_network), nn.Sequential)
    assert models.count_parameters(models.build(own_network)) == 18 + 6 + 8


def test_a_class_of_your_own_is_a_network():
    assert models.resolve(nn.Identity).name == "Identity"
    assert isinstance(models.build(nn.Identity), nn.Identity)


def test_a_resolved_network_resolves_to_itself():
    network = models.resolve("lenet")
    assert models.resolve(network) is network


@pytest.mark.parametrize("unknown", ["vgg", nn.Linear(2, 2), 3], ids=["name", "module", "number"])
def test_an_unknown_network_lists_the_names(unknown):
    with pytest.raises(
        ValueError, match=r"network must be one of densenet, lenet, lenet5_relu_2_2,.* relu_mlp.*got network="
    ):
        models.resolve(unknown)


def hash_of(path, source):
    """The source hash of the function `net` in a file with this source."""
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return models.Network("net", module.net).source_hash


SOURCE = "from torch import nn\n\n\ndef part():\n    return 3\n\n\ndef net():\n    return nn.Linear(part(), 1)\n"


def test_source_hash_changes_with_the_builder(tmp_path):
    first = hash_of(tmp_path / "first.py", SOURCE)
    assert hash_of(tmp_path / "same.py", SOURCE) == first
    assert hash_of(tmp_path / "other.py", SOURCE.replace("part(), 1)", "part(), 2)")) != first


def test_source_hash_changes_with_what_the_builder_calls(tmp_path):
    first = hash_of(tmp_path / "first.py", SOURCE)
    assert hash_of(tmp_path / "other.py", SOURCE.replace("return 3", "return 3 + 0")) != first


def test_source_hashes_of_the_networks_differ():
    assert len({models.resolve(name).source_hash for name in models.names()}) == len(PARAMETERS)


class Builder:
    """A callable object: it has no source of its own."""

    def __init__(self, width):
        self.width = width

    def __call__(self):
        return nn.Linear(2, self.width)


@pytest.mark.parametrize(
    "make", [lambda: functools.partial(nn.Linear, 2, 3), lambda: Builder(3)], ids=["partial", "object"]
)
def test_source_hash_does_not_depend_on_where_an_object_lies_in_memory(make):
    kept = [make() for _ in range(2)]  # both alive: they cannot share an address
    hashes = {models.resolve(each).source_hash for each in kept}
    assert len(hashes) == 1


def test_a_copy_with_other_weights_leaves_the_first_alone():
    module = models.build("tanh_12", 0)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    copied = models.copy_with(module, models.build("tanh_12", 1).state_dict())
    assert torch.equal(copied.layer1[1].weight, models.build("tanh_12", 1).layer1[1].weight)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_the_12_bit_network_starts_from_fan_in_normal_weights():
    samples = torch.cat([models.build("tanh_12", seed).layer1[1].weight.flatten() for seed in range(50)])
    # 6,000 draws: the standard error of a standard deviation is std / sqrt(2 n), about 0.9 %; five of them
    assert samples.std().item() == pytest.approx(12**-0.5, rel=0.05)
    assert models.build("tanh_12").layer1[1].bias.abs().max() == 0


# --------------------------------------------------------------------------------------------- families by depth


@pytest.mark.parametrize("name", models.FAMILIES)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_families_take_images_of_both_shapes(name, shape):
    network = models.family(name, shape, width=2)
    module = models.build(network)
    assert module(torch.zeros(3, *shape)).shape == (3, 10)
    layers = models.describe(module, shape)["layer"]
    convolutions, dense = layers.str.startswith("conv").sum(), layers.str.startswith("fully").sum()
    expected = {"linear": (0, 1), "fc3": (0, 2), "fc6": (0, 5), "fc9": (0, 8), "cnn16": (13, 3), "cnn16_plain": (13, 3),
                "alexnet": (5, 3)}  # fmt: skip
    assert (convolutions, dense) == expected.get(name, (int(name[3:]) if name[3:].isdigit() else 0, 2))


def test_vgg16_of_width_64_has_the_channels_of_the_paper_it_is_from():
    layers = models.describe(models.build(models.family("cnn16", (3, 32, 32))), (3, 32, 32))["layer"]
    channels = [int(layer.split("x")[-1]) for layer in layers if layer.startswith("conv")]
    assert channels == [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]


def test_the_plain_deep_network_is_dead_and_the_normalised_one_is_not():
    x = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    spread = {}
    for name in ("cnn16_plain", "cnn16"):
        with torch.no_grad():
            spread[name] = float(models.build(models.family(name, (3, 32, 32), width=8))(x).std(0).mean())
    assert spread["cnn16_plain"] < 1e-5
    assert spread["cnn16"] > 0.1


def test_families_differ_in_their_source_hash():
    hashes = {models.family(name, (1, 28, 28), width=2).source_hash for name in models.FAMILIES}
    assert len(hashes) == len(models.FAMILIES)


@pytest.mark.parametrize("arguments", [("cnn5", (1, 28, 28), 4), ("cnn4", (1, 28, 28), 0), ("cnn4", (1, 0, 28), 4)])
def test_wrong_families_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        models.family(*arguments)


# --------------------------------------------------------------------------------------------- network of notebook 04

SLICER_LAYERS = [f"{kind}{stage}" for stage in (1, 2, 3) for kind in ("conv", "relu", "norm", "pool")]


def layers_of(module):
    """The modules without parts, by name."""
    return {name: part for name, part in module.named_modules() if not list(part.children())}


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 11, 17)])
def test_slicer_takes_images_of_any_shape(shape):
    network = models.slicer(shape, width=2)
    assert network.input_shape == shape
    assert models.build(network)(torch.zeros(3, *shape)).shape == (3, 10)


def test_layers_0_to_11_of_slicer_are_those_of_its_three_stages():
    module = models.build(models.slicer((3, 32, 32), width=4))
    assert list(layers_of(module))[:12] == SLICER_LAYERS
    assert list(dict(module.named_children())) == [*SLICER_LAYERS, "fc", "output"]
    assert [type(layers_of(module)[name]) for name in SLICER_LAYERS] == 3 * [
        nn.Conv2d, nn.ReLU, nn.BatchNorm2d, nn.MaxPool2d
    ]  # fmt: skip


@pytest.mark.parametrize("width", [1, 5, 32])
def test_layers_of_slicer_put_out_the_shapes_of_the_docstring(width):
    table = models.describe(models.slicer((1, 28, 20), width=width))
    shapes = dict(table.groupby("block", sort=False)["output_shape"].last())
    expected = {}
    for stage, (channels, before, after) in enumerate(
        [(width, (28, 20), (14, 10)), (2 * width, (14, 10), (7, 5)), (4 * width, (7, 5), (3, 2))], start=1
    ):
        expected |= {f"{kind}{stage}": (channels, *before) for kind in ("conv", "relu", "norm")}
        expected[f"pool{stage}"] = (channels, *after)
    assert shapes == expected | {"fc": (4 * width,), "output": (10,)}
    assert table["layer"].iloc[0] == f"conv 3x3x{width}"
    assert table["layer"].iloc[3] == "max-pool 2x2 stride 2"


@pytest.mark.parametrize("n_classes", [2, 10, 100])
def test_parameters_of_slicer_are_the_sum_over_layers(n_classes):
    width = 4
    convolutions = [(3, width), (width, 2 * width), (2 * width, 4 * width)]
    count = sum(9 * n_in * n_out + n_out + 2 * n_out for n_in, n_out in convolutions)  # batch norm: scale and shift
    count += 4 * width * 4 * 4 * 4 * width + 4 * width + 4 * width * n_classes + n_classes  # 32 / 2^3 = 4
    assert models.count_parameters(models.build(models.slicer((3, 32, 32), width, n_classes))) == count


def test_slicer_starts_from_the_weights_of_pytorch():
    module = models.build(models.slicer((1, 8, 8), width=2), seed=7)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        first = nn.Conv2d(1, 2, 3, padding=1)
    assert torch.equal(module.conv1.weight, first.weight)
    assert torch.equal(module.conv1.bias, first.bias)
    for layer in layers_of(module).values():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            bound = layer.weight[0].numel() ** -0.5  # uniform within 1 / sqrt(fan-in), weights and biases
            assert 0 < layer.bias.abs().max() <= bound
            assert bound / 2 < layer.weight.abs().max() <= bound
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.running_mean == 0).all()
            assert (layer.running_var == 1).all()


def test_slicers_differ_in_their_source_hash():
    made = [((1, 28, 28), 2, 10), ((1, 28, 28), 3, 10), ((1, 28, 28), 2, 5), ((3, 32, 32), 2, 10)]
    assert len({models.slicer(*arguments).source_hash for arguments in made}) == len(made)
    assert models.slicer((1, 8, 8), 2).source_hash == models.slicer((1, 8, 8), 2).source_hash


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_slicers_of_different_shapes_and_widths_have_different_names(shape):
    names = {models.slicer(shape, width).name for width in (2, 3)} | {models.slicer((1, 8, 8), 2).name}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((28, 28),), r"^input_shape must .*; got \(28, 28\)"),
        (((1, 1, 28, 28),), r"^input_shape must .*; got \(1, 1, 28, 28\)"),
        (((0, 28, 28),), r"^input_shape must .*; got \(0, 28, 28\)"),
        (((1, 7, 28),), r"^input_shape must .* from 8; got \(1, 7, 28\)"),
        (((1, 28, 7),), r"^input_shape must .* from 8; got \(1, 28, 7\)"),
        (((1, 28, 28), 0), r"^width must be at least 1.*; got width=0"),
        (((1, 28, 28), 4, 1), r"n_classes 2; got .*n_classes=1"),
    ],
    ids=str,
)
def test_wrong_slicers_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.slicer(*arguments)


def test_a_file_that_is_edited_meanwhile_does_not_change_the_source_hash(tmp_path):
    file = tmp_path / "edited.py"
    file.write_text("from torch import nn\n\n\ndef net():\n    return nn.Linear(2, 2)\n")
    spec = importlib.util.spec_from_file_location("edited", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = models.Network("net", module.net).source_hash
    file.write_text("# a line that moves all others\n\n\n\n" + file.read_text())
    assert models.Network("net", module.net).source_hash == before


class Unhashable:
    __hash__ = None

    def __call__(self):
        return torch.nn.Linear(2, 2)


def test_an_object_that_cannot_be_hashed_can_build_a_network():
    assert models.Network("net", Unhashable()).source_hash
