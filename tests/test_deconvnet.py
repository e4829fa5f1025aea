"""Feature maps pushed back to the input: against a network undone step by step, and against transposed Jacobians."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from mi_kit import models
from mi_kit.deconvnet import deconvolve

SHAPE = (2, 11, 9)  # odd sides: every pool of the network leaves an edge out
LAYERS = {
    "conv1": 3, "relu1": 3, "norm1": 3, "pool1": 3, "conv2": 6, "relu2": 6, "norm2": 6, "pool2": 6,
    "conv3": 12, "relu3": 12, "norm3": 12, "pool3": 12, "fc.0": 12, "fc.1": 12, "fc.2": 12, "fc": 12, "output": 4,
}  # fmt: skip
EXACT = 1e-12  # sums of a few hundred float64 terms of order 1, in another order


def inputs(n=5, shape=SHAPE, seed=0):
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_statistics(module):
    """The module in float64 with batch norms as after a training: means, variances, and scales of both signs."""
    generator = torch.Generator().manual_seed(1)
    for part in module.double().modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(generator=generator)
            part.running_var.uniform_(0.5, 3, generator=generator)
            nn.init.normal_(part.weight, generator=generator)
            nn.init.normal_(part.bias, generator=generator)
    return module.eval()


@pytest.fixture
def network():
    return with_statistics(models.build(models.slicer(SHAPE, width=3, n_classes=4), seed=0))


def undone(module, signal, before, switches):
    """What one layer's transpose makes of `signal`; `before` is what went into the layer."""
    match module:
        case nn.ReLU():
            return functional.relu(signal)
        case nn.MaxPool2d():
            return functional.max_unpool2d(signal, switches, module.kernel_size, output_size=before.shape)
        case nn.Conv2d():
            left = [(side + 2 * p - k) % s for side, p, k, s in
                    zip(before.shape[2:], module.padding, module.kernel_size, module.stride, strict=True)]  # fmt: skip
            return functional.conv_transpose2d(
                signal, module.weight, stride=module.stride, padding=module.padding, output_padding=left
            )
        case nn.BatchNorm2d():
            scale = module.weight / (module.running_var + module.eps).sqrt()
            return signal * scale[:, None, None]
        case nn.Linear():
            return signal @ module.weight
        case nn.Flatten():
            return signal.reshape(before.shape)
    raise NotImplementedError(type(module))


@torch.no_grad()
def step_by_step(network, x, layer, channel):
    """Zeiler and Fergus (2013), section 2.1, for a chain of layers: forward with switches, then every step undone."""
    leaves = [(name, part) for name, part in network.named_modules() if not list(part.children())]
    last = max(place for place, (name, _) in enumerate(leaves) if name == layer or name.startswith(f"{layer}."))
    passed = []
    for _, part in leaves[: last + 1]:
        switches = functional.max_pool2d(x, 2, return_indices=True)[1] if isinstance(part, nn.MaxPool2d) else None
        passed.append((part, x, switches))
        x = part(x)
    signal = x.clone()
    if channel is not None:
        signal[:, :channel] = 0
        signal[:, channel + 1 :] = 0
    for part, before, switches in reversed(passed):
        signal = undone(part, signal, before, switches)
    return signal


# ------------------------------------------------------------------------------------ the slow version


@pytest.mark.parametrize("which", ["first", "middle", "last", "all"])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_channel_comes_back_as_when_every_step_is_undone_in_turn(network, layer, which):
    channel = {"first": 0, "middle": LAYERS[layer] // 2, "last": LAYERS[layer] - 1, "all": None}[which]
    x = inputs()
    back = deconvolve(network, x, layer, channel)
    assert back.shape == x.shape
    torch.testing.assert_close(back, step_by_step(network, x, layer, channel), atol=EXACT, rtol=0)


@pytest.mark.parametrize("layer", ["conv1", "norm2", "pool3", "output"])
def test_what_is_compared_is_not_nothing(network, layer):
    # far above the tolerance of the comparison, in every input
    assert (deconvolve(network, inputs(), layer).flatten(1).abs().amax(1) > 1e7 * EXACT).all()


def test_float32_is_near_float64(network):
    expected = {layer: deconvolve(network, inputs(), layer, 1) for layer in LAYERS}
    for layer, slow in expected.items():
        back = deconvolve(network.float(), inputs().float(), layer, 1)
        assert back.dtype == torch.float32
        scale = float(slow.abs().max())
        # a few hundred products in each of up to eight layers, eps = 6e-8
        torch.testing.assert_close(back.double(), slow, atol=1e-4 * scale, rtol=0)
        network.double()


def test_a_trained_network_is_undone_too():
    network = models.build(models.slicer(SHAPE, width=3, n_classes=4), seed=2).double().train()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    for step in range(5):
        optimiser.zero_grad()
        functional.cross_entropy(network(inputs(8, seed=step)), torch.arange(8) % 4).backward()
        optimiser.step()
    back = deconvolve(network, inputs(), "norm3", 5)
    torch.testing.assert_close(back, step_by_step(network.eval(), inputs(), "norm3", 5), atol=EXACT, rtol=0)


def test_a_relu_rectifies_the_signal_and_does_not_gate_it():
    # forward: the first unit is off, the second on; the signal at both is 1 and -1
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(2))
        network[2].weight.copy_(torch.tensor([[1.0, -1.0]]))
        network[2].bias.fill_(10)
    back = deconvolve(network, torch.tensor([[-5.0, 3.0]]), "2", 0)
    # output 10 - 3 = 7, back (7, -7), rectified (7, 0); gated by the forward pass it would be (0, -7)
    assert back.tolist() == [[7.0, 0.0]]


def test_a_pool_puts_a_value_back_where_the_maximum_was():
    x = torch.tensor([[[[1.0, 5.0, 2.0, 2.5], [0.0, 3.0, 9.0, 4.0]]]])
    assert deconvolve(nn.Sequential(nn.MaxPool2d(2)), x, "0", 0).tolist() == [[[[0, 5, 0, 0], [0, 0, 9, 0]]]]


# ------------------------------------------------------------------------------------ the transposed Jacobian


def linear():
    """No ReLU: strides, paddings, groups, batch norm, average pool, dense layers."""
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.AvgPool2d(2),
        nn.Conv2d(4, 4, 2, groups=2), nn.Flatten(), nn.Linear(8, 5), nn.Linear(5, 3),
    )  # fmt: skip
    return with_statistics(models.build(lambda: network, 0))


@pytest.mark.parametrize("channel", [0, 2, None])
@pytest.mark.parametrize("last", range(7))
def test_without_relus_it_is_the_transposed_jacobian_times_the_feature_map(last, channel):
    network, x = linear(), inputs(3)
    until = network[: last + 1]
    back = deconvolve(network, x, str(last), channel)
    for one, of_one in zip(x, back, strict=True):
        jacobian = torch.autograd.functional.jacobian(until, one[None]).flatten(4 if last < 4 else 2)
        maps = until(one[None]).detach()
        kept = torch.zeros_like(maps)
        chosen = slice(None) if channel is None else slice(channel, channel + 1)
        kept[:, chosen] = maps[:, chosen]
        matrix = jacobian.reshape(maps.numel(), one.numel())
        torch.testing.assert_close(of_one.flatten(), matrix.T @ kept.flatten(), atol=EXACT, rtol=0)


@pytest.mark.parametrize("layer", ["0", "3", "4", "6"])
def test_without_relus_the_channels_add_up_to_all_of_them(layer):
    network, x = linear(), inputs(3)
    n_channels = {"0": 4, "3": 4, "4": 8, "6": 3}[layer]
    each = sum(deconvolve(network, x, layer, channel) for channel in range(n_channels))
    torch.testing.assert_close(deconvolve(network, x, layer), each, atol=EXACT, rtol=0)
    torch.testing.assert_close(deconvolve(network, x, layer, None), each, atol=EXACT, rtol=0)


def test_one_dimensional_networks_come_back_in_their_shape():
    network = models.build(lambda: nn.Sequential(nn.Conv1d(2, 3, 4, stride=2), nn.Flatten(), nn.Linear(12, 2)), 0)
    x = torch.rand(4, 2, 10, generator=torch.Generator().manual_seed(0))
    kernel, maps = network[0].weight[[1]], network[0](x)[:, [1]]
    back = functional.conv_transpose1d(maps, kernel, stride=2)  # of 10 values: 4 + 3 2
    torch.testing.assert_close(deconvolve(network, x, "0", 1), back.detach())
    assert deconvolve(network, x, "2", 1).shape == x.shape


# ------------------------------------------------------------------------------------ other networks


def in_place(network):
    for part in network.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = True
    return network


@pytest.mark.parametrize("channel", [1, None])
@pytest.mark.parametrize("layer", LAYERS)
def test_in_place_relus_change_nothing(network, layer, channel):
    expected = deconvolve(network, inputs(), layer, channel)
    assert torch.equal(deconvolve(in_place(network), inputs(), layer, channel), expected)


def test_an_in_place_relu_on_the_input_leaves_the_input_alone():
    network, x = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten()), inputs() - 0.5
    before = x.clone()
    torch.testing.assert_close(deconvolve(network, x, "1"), before.clamp(min=0))
    assert torch.equal(x, before)


class Residual(nn.Module):
    """One block with a shortcut; its one ReLU is used twice, in place, and the sum is in place too."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(3 * 11 * 9, 4))

    def forward(self, x):
        hidden = self.relu(self.first(x))
        after = self.second(hidden)
        after += hidden
        return self.head(self.relu(after))


@pytest.mark.parametrize("channel", [0, 3])
def test_both_ways_of_a_residual_block_are_undone_and_added(channel):
    network, x = models.build(Residual, 0).double(), inputs()
    with torch.no_grad():
        kept = network(x) * (torch.arange(4) == channel)
        signal = functional.relu((kept @ network.head[1].weight).reshape(len(x), 3, 11, 9))
        signal = signal + functional.conv_transpose2d(signal, network.second.weight, padding=1)
        expected = functional.conv_transpose2d(functional.relu(signal), network.first.weight, padding=1)
    torch.testing.assert_close(deconvolve(network, x, "head", channel), expected, atol=EXACT, rtol=0)


def test_a_layer_whose_output_is_changed_in_place_later_gives_what_it_put_out():
    network, x = models.build(Residual, 0).double(), inputs()
    with torch.no_grad():
        hidden = functional.relu(network.first(x))
        signal = network.second(hidden)  # without what is added to it
        signal[:, [0, 1]] = 0
        signal = functional.conv_transpose2d(signal, network.second.weight, padding=1)
        expected = functional.conv_transpose2d(functional.relu(signal), network.first.weight, padding=1)
    torch.testing.assert_close(deconvolve(network, x, "second", 2), expected, atol=EXACT, rtol=0)


@pytest.mark.parametrize("layer", ["conv1", "layer1.0", "layer2.0.downsample", "layer4", "fc"])
def test_a_residual_network_of_torchvision_runs(layer):
    x = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    back = deconvolve(models.build("resnet18"), x, layer, 3)
    assert back.shape == x.shape
    assert torch.isfinite(back).all()
    assert back.abs().amax() > 0


def test_a_layer_used_twice_counts_as_it_was_last():
    network, x = models.build(Residual, 0).double(), inputs()
    with torch.no_grad():
        hidden = functional.relu(network.first(x))
        signal = functional.relu(network.second(hidden) + hidden)
        signal[:, [0, 2]] = 0
        signal = signal + functional.conv_transpose2d(signal, network.second.weight, padding=1)
        expected = functional.conv_transpose2d(functional.relu(signal), network.first.weight, padding=1)
    torch.testing.assert_close(deconvolve(network, x, "relu", 1), expected, atol=EXACT, rtol=0)


# ------------------------------------------------------------------------------------ what does not matter, what stays


@pytest.mark.parametrize("batch_size", [1, 2, 5, 6, 1000])
def test_batch_size_does_not_matter(network, batch_size):
    expected = torch.cat([deconvolve(network, one[None], "norm3", 2) for one in inputs()])
    back = deconvolve(network, inputs(), "norm3", 2, batch_size=batch_size)
    torch.testing.assert_close(back, expected, atol=EXACT, rtol=0)


def gradients(network, x):
    network.zero_grad()
    network(x).square().sum().backward()
    return [parameter.grad.clone() for parameter in network.parameters()]


def state_of(network):
    return {key: value.clone() for key, value in network.state_dict().items()}


@pytest.mark.parametrize("channel", [2, 99], ids=["asked well", "asked badly"])
@pytest.mark.parametrize("inplace", [False, True])
def test_the_network_is_afterwards_as_it_was(network, inplace, channel):
    network, x = in_place(network) if inplace else network, inputs()
    network.train()
    network.norm1.eval()  # a frozen part of a network that is being trained
    modes, state = [part.training for part in network.modules()], state_of(network)
    for number, parameter in enumerate(network.parameters()):
        parameter.grad = torch.full_like(parameter, number)
    if channel == 99:
        with pytest.raises(ValueError, match="channel"):
            deconvolve(network, x, "conv3", channel)
    else:
        deconvolve(network, x, "conv3", channel)
    assert [part.training for part in network.modules()] == modes
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert all((parameter.grad == number).all() for number, parameter in enumerate(network.parameters()))
    assert not any(part._forward_hooks for part in network.modules())


def test_forward_and_backward_are_afterwards_as_they_were(network):
    x = inputs()
    logits, expected = network(x).detach(), gradients(network, x)
    deconvolve(network, x, "output", 0)
    with pytest.raises(ValueError, match="channel"):
        deconvolve(network, x, "output", 99)
    assert torch.equal(network(x), logits)
    assert all(torch.equal(one, other) for one, other in zip(gradients(network, x), expected, strict=True))


def test_evaluation_mode_is_used_whatever_the_mode_is(network):
    expected = deconvolve(network, inputs(), "norm3", 1)
    assert torch.equal(deconvolve(network.train(), inputs(), "norm3", 1), expected)


def test_the_input_is_left_alone_and_nothing_carries_a_gradient(network):
    x = inputs().requires_grad_()
    before = x.detach().clone()
    back = deconvolve(network, x, "conv2", 1)
    assert not back.requires_grad
    assert x.grad is None
    assert torch.equal(x, before)


def test_it_works_under_no_grad_and_for_frozen_networks(network):
    expected = deconvolve(network, inputs(), "conv2", 1)
    network.requires_grad_(False)
    with torch.no_grad():
        assert torch.equal(deconvolve(network, inputs(), "conv2", 1), expected)


def test_a_dead_channel_comes_back_as_nothing(network):
    with torch.no_grad():
        network.conv2.weight[3], network.conv2.bias[3] = 0, -1
    assert deconvolve(network, inputs(), "relu2", 3).abs().max() == 0
    assert deconvolve(network, inputs(), "relu2", 2).abs().max() > 0


# ------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("layer", ["", "conv9", "fc.7", "input"])
def test_an_unknown_layer_lists_the_right_ones(network, layer):
    with pytest.raises(ValueError, match=rf"^layer must be one of conv1, relu1,.*fc\.1.*output; got layer='{layer}'"):
        deconvolve(network, inputs(), layer)


@pytest.mark.parametrize("channel", [6, -1, 100, 1.0, True, "1"])
def test_an_unknown_channel_is_refused(network, channel):
    with pytest.raises(ValueError, match=rf"^channel must lie between 0 and 5; got channel={channel!r}"):
        deconvolve(network, inputs(), "conv2", channel)


class Odd(nn.Module):
    """Layers that put out a tuple, one number a sample, and nothing."""

    def __init__(self):
        super().__init__()
        self.memory, self.sum, self.unused = nn.GRU(3, 4, batch_first=True), nn.Flatten(0), nn.Linear(2, 2)
        self.last = nn.Linear(4, 1)

    def forward(self, x):
        return self.sum(self.last(self.memory(x)[0][:, -1]))


@pytest.mark.parametrize("layer", ["memory", "sum", "unused"])
def test_a_layer_without_channels_is_refused(layer):
    with pytest.raises(ValueError, match=rf"^layer must put out a tensor \(n, channels, \.\.\.\); '{layer}'"):
        deconvolve(Odd(), torch.rand(2, 5, 3), layer)
