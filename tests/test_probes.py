"""What a network computes inside, against a forward pass by hand; loss and accuracy against the slow formula."""

import numpy as np
import pytest
import torch
from torch import nn

from mi_kit import models, probes


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 4))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        hidden = self.encoder(x)
        return self.head(hidden + torch.sin(hidden))


@pytest.fixture
def network():
    return models.build(Residual, seed=0)


@pytest.fixture
def x():
    return torch.randn(23, 5, generator=torch.Generator().manual_seed(0))


def by_hand(network, x):
    with torch.no_grad():
        first = network.encoder[0](x)
        second = torch.tanh(first)
        third = network.encoder[2](second)
        return {
            "encoder.0": first,
            "encoder.1": second,
            "encoder": third,
            "head": network.head(third + torch.sin(third)),
        }


def test_activations_equal_a_forward_pass_by_hand(network, x):
    expected = by_hand(network, x)
    found = probes.activations(network, x, expected)
    assert list(found) == list(expected)
    for layer in expected:
        assert torch.equal(found[layer], expected[layer])  # the same operations on the same batch


def test_top_level_blocks_are_taken_when_none_are_named(network, x):
    assert list(probes.activations(network, x)) == ["encoder", "head"] == probes.block_names(network)


@pytest.mark.parametrize("batch_size", [1, 7, 22, 23, 24])
def test_batch_size_does_not_matter(network, x, batch_size):
    expected = by_hand(network, x)
    found = probes.activations(network, x, expected, batch_size=batch_size)
    for layer in expected:
        # a matrix product of another height may sum five float32 terms in another order
        torch.testing.assert_close(found[layer], expected[layer], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_activations_are_those_of_evaluation_and_the_mode_is_restored(training, x):
    network = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm1d(5), nn.Linear(5, 2)).train(training)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    found = probes.activations(network, x, ["0"])
    assert torch.equal(found["0"], x)
    assert all(module.training is training for module in network.modules())
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_part_that_was_in_evaluation_mode_stays_in_it(x):
    network = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 2)).train()
    network[0].eval()  # a frozen part of a network that is being trained
    probes.activations(network, x)
    assert [network.training, network[0].training, network[1].training] == [True, False, True]


def test_the_mode_is_restored_and_hooks_removed_after_an_error(network):
    network.train()
    with pytest.raises(RuntimeError):
        probes.activations(network, torch.zeros(3, 99))
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def test_no_hook_stays(network, x):
    probes.activations(network, x)
    assert not any(module._forward_hooks for module in network.modules())


def test_activations_carry_no_gradient(network, x):
    assert not any(t.requires_grad for t in probes.activations(network, x).values())


def test_an_in_place_activation_does_not_change_the_layer_before(x):
    network = models.build(lambda: nn.Sequential(nn.Linear(5, 4), nn.ReLU(inplace=True)), 0)
    assert (probes.activations(network, x)["0"] < 0).any()


def test_an_unknown_layer_lists_the_right_ones(network, x):
    with pytest.raises(ValueError, match=r"layers must be among encoder, encoder\.0.*head; got layers=\['decoder'\]"):
        probes.activations(network, x, ["encoder", "decoder"])


def test_activations_keep_the_dtype_of_the_network(network, x):
    assert probes.activations(network.double(), x.double())["head"].dtype == torch.float64


class SharedActivation(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.relu = nn.Linear(5, 4), nn.Linear(4, 4), nn.ReLU()

    def forward(self, x):
        return self.relu(self.second(self.relu(self.first(x))))


def test_a_module_that_is_used_twice_gives_one_row_a_sample(x):
    network = models.build(SharedActivation, 0)
    found = probes.activations(network, x, ["relu"], batch_size=10)["relu"]
    assert len(found) == len(x)


# --------------------------------------------------------------------------------------------- evaluate


def slow_evaluate(logits, y):
    """Mean of -log2 softmax(logits)[y], and the share of samples whose largest logit is y's."""
    losses, right = [], []
    for row, label in zip(logits, y, strict=True):
        p = np.exp(row - row.max())
        losses.append(-np.log2(p[label] / p.sum()))
        right.append(int(row.argmax()) == label)
    return np.mean(losses), np.mean(right)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)], ids=str)
def test_loss_is_in_bits_and_accuracy_a_share(batch):
    generator = np.random.default_rng(0)
    logits, y = generator.normal(size=(*batch, 40, 5)) * 3, generator.integers(0, 5, size=40)
    loss, accuracy = probes.evaluate(torch.tensor(logits), torch.tensor(y))
    assert loss.shape == accuracy.shape == batch
    expected = [slow_evaluate(one, y) for one in logits.reshape(-1, 40, 5)]
    # evaluate works in float32: about 1e-7 of a loss of a few bits
    np.testing.assert_allclose(loss.flatten().numpy(), [one[0] for one in expected], rtol=1e-5)
    np.testing.assert_allclose(accuracy.flatten().numpy(), [one[1] for one in expected], rtol=1e-6)


def test_equal_logits_cost_log2_of_the_number_of_classes():
    loss, _ = probes.evaluate(torch.zeros(7, 8), torch.arange(7))
    assert loss.item() == pytest.approx(3.0, rel=1e-6)  # log2(8) bits, float32


def test_a_sure_and_right_network_loses_nothing():
    loss, accuracy = probes.evaluate(200 * torch.eye(4), torch.arange(4))
    assert (loss.item(), accuracy.item()) == (0.0, 1.0)


# --------------------------------------------------------------------------------------------- error signals


class InPlace(nn.Module):
    """Convolution, batch normalisation, a ReLU in place and an addition in place, dropout: what a ResNet has."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3 * 16, 4))
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        hidden = self.relu(self.norm(self.first(x)))
        after = self.second(hidden)
        after += hidden
        return self.head(self.relu(after))


def in_place():
    network = models.build(InPlace, seed=0).double()
    x = torch.randn(7, 1, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return network, x, torch.tensor([0, 1, 2, 3, 0, 1, 2])


def loss_of_one(network, x, y, layer, change):
    """A sample's loss when `change` is added to what the layer puts out."""
    hook = network.get_submodule(layer).register_forward_hook(lambda _m, _i, output: output + change)
    try:
        with torch.no_grad():
            return nn.functional.cross_entropy(network.eval()(x), y).item()
    finally:
        hook.remove()


@pytest.mark.parametrize("layer", ["first", "norm", "second", "head"])
def test_error_signals_are_the_differences_of_each_samples_loss(layer):
    network, x, y = in_place()
    signals = probes.error_signals(network, x, y, [layer])[layer]
    shape, step = signals.shape[1:], 1e-6
    for sample in (0, 5):
        for place in (0, signals[0].numel() // 2, signals[0].numel() - 1):
            change = torch.zeros(shape.numel(), dtype=torch.float64)
            change[place] = step
            change = change.reshape(1, *shape)
            one = x[sample : sample + 1], y[sample : sample + 1]
            up, down = (loss_of_one(network, *one, layer, sign * change) for sign in (1, -1))
            expected = (up - down) / (2 * step)  # error of order step^2, and 1e-16 / step = 1e-10 by rounding
            assert signals[sample].flatten()[place].item() == pytest.approx(expected, abs=1e-8)


def test_the_error_signal_of_the_output_is_softmax_minus_label():
    network, x, y = in_place()
    expected = torch.softmax(network.eval()(x), 1) - nn.functional.one_hot(y, 4)
    torch.testing.assert_close(probes.error_signals(network, x, y, [""])[""], expected)


def test_error_signals_of_all_layers_come_together_and_do_not_depend_on_the_batch():
    network, x, y = in_place()
    layers = ["first", "norm", "second", "head", ""]
    whole = probes.error_signals(network, x, y, layers)
    parts = probes.error_signals(network, x, y, layers, batch_size=3)
    for layer in layers:
        torch.testing.assert_close(whole[layer], parts[layer])
        torch.testing.assert_close(whole[layer], probes.error_signals(network, x, y, [layer])[layer])


def test_activations_come_with_the_errors_as_they_come_alone():
    network, x, y = in_place()
    layers = ["first", "norm", "second", "head", ""]
    found, errors = probes.activations_and_errors(network, x, y, layers, batch_size=3)
    for layer, alone in probes.activations(network, x, layers).items():
        torch.testing.assert_close(found[layer], alone)
        assert not found[layer].requires_grad
        torch.testing.assert_close(errors[layer], probes.error_signals(network, x, y, layers)[layer])


def test_error_signals_leave_the_network_as_it_was():
    network, x, y = in_place()
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    probes.error_signals(network, x, y, ["first"])
    assert network.training
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not network.first._forward_hooks


def test_error_signals_work_under_no_grad_and_for_frozen_networks():
    network, x, y = in_place()
    expected = probes.error_signals(network, x, y, ["norm"])["norm"]
    network.requires_grad_(False)
    with torch.no_grad():
        torch.testing.assert_close(probes.error_signals(network, x, y, ["norm"])["norm"], expected)


def test_error_signals_name_a_layer_that_is_not_there_or_not_called():
    network, x, y = in_place()
    with pytest.raises(ValueError, match="layers must be among first, norm"):
        probes.error_signals(network, x, y, ["third"])
    with pytest.raises(ValueError, match="'unused' was not called"):
        probes.error_signals(network, x, y, ["unused"])


class Unreached(nn.Module):
    def forward(self, x):
        raise AssertionError("computed for nothing")


def test_a_plain_sequence_is_computed_only_as_far_as_its_layers_are_wanted():
    network = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 2)), Unreached())
    x = torch.rand(5, 4)
    found = probes.activations(network, x, ["0", "1.1"])
    assert torch.equal(found["1.1"], network[1](network[0](x)))
    with pytest.raises(AssertionError, match="for nothing"):
        probes.activations(network, x, ["0", ""])


@pytest.mark.parametrize("nested", [False, True])
def test_a_block_that_is_called_twice_counts_the_last_time(nested):
    block = nn.Linear(3, 3)
    again = nn.Sequential(block, nn.Tanh()) if nested else block
    network = nn.Sequential(block, nn.Tanh(), again, nn.Tanh())
    x = torch.rand(5, 3)
    assert torch.equal(probes.activations(network, x, ["0"])["0"], block(torch.tanh(block(x))))


# ------------------------------------------------------------------------------------------ which axis is the samples


class Tokens(nn.Module):
    """A transformer with PyTorch's default: inside it the tokens come first, then the samples."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, dim_feedforward=8, dropout=0.0)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encoder(x.transpose(0, 1)).mean(0))


def tokens(n, length=5):
    return models.build(Tokens, seed=0), torch.randn(n, length, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("n, batch_size", [(7, 500), (12, 6), (12, 5), (5, 500), (10, 5), (2, 500)])
def test_a_layer_whose_first_axis_is_not_the_samples_is_refused(n, batch_size):
    """With 5 tokens: also where a batch, or all of them, has as many samples as tokens."""
    network, x = tokens(n)
    message = r"layers must put out the samples on their axis 0; 'encoder' puts out \(5, \d, 4\) for n=\d"
    with pytest.raises(ValueError, match=message + r"; sample_axis=\{'encoder': 1\}"):
        probes.activations(network, x, ["encoder"], batch_size=batch_size)
    with pytest.raises(ValueError, match=message):
        probes.activations_and_errors(network, x, torch.arange(n) % 2, ["head", "encoder"], batch_size=batch_size)


@pytest.mark.parametrize("sample_axis", [{"encoder": 1}, {"encoder": -2, "head": 0}], ids=str)
def test_the_axis_of_the_samples_is_named_by_layer(sample_axis):
    network, x = tokens(11)
    with torch.no_grad():
        expected = network.eval().encoder(x.transpose(0, 1)).transpose(0, 1)
    found = probes.activations(network, x, ["encoder", "head"], sample_axis=sample_axis, batch_size=5)
    assert found["head"].shape == (11, 2)
    # another batch sums float32 products in another order
    torch.testing.assert_close(found["encoder"], expected, rtol=1e-5, atol=1e-6)
    of_all = probes.activations(network, x, ["encoder"], sample_axis=1, batch_size=5)
    assert torch.equal(of_all["encoder"], found["encoder"])


@pytest.mark.parametrize("n", [5, 11])
def test_a_wrong_sample_axis_is_refused(n):
    network, x = tokens(n)
    for axis, shape in ((0, r"\(5,"), (2, r"\(5,"), (3, r"\(5,")):
        with pytest.raises(ValueError, match=rf"on their axis {axis}; 'encoder' puts out {shape}"):
            probes.activations(network, x, ["encoder"], sample_axis={"encoder": axis})
    with pytest.raises(ValueError, match=r"on their axis 1; 'head' puts out"):
        probes.activations(network, x, ["head"], sample_axis=1)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_layer_with_as_many_channels_as_samples_is_taken(n):
    network, x = models.build(lambda: nn.Sequential(nn.Linear(4, n), nn.Tanh()), 0), torch.randn(n, 4)
    assert torch.equal(probes.activations(network, x)["1"], network(x))
    found, errors = probes.activations_and_errors(network, x, torch.zeros(n, dtype=torch.int64), ["0"])
    assert found["0"].shape == errors["0"].shape == (n, n)


def test_a_sum_over_the_samples_is_no_layer():
    class Summed(nn.Module):
        def forward(self, x):
            return x.sum()

    with pytest.raises(ValueError, match=r"'1' puts out \(\) for n=4"):
        probes.activations(nn.Sequential(nn.Linear(3, 2), Summed()), torch.zeros(4, 3), ["1"])


# --------------------------------------------------------------------------------------------- one logit


def one_logit(flat=False):
    parts = [nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)]
    network = models.build(lambda: nn.Sequential(*parts, *([nn.Flatten(0)] if flat else [])), seed=0).double()
    x = torch.randn(9, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return network, x, torch.arange(9) % 2


@pytest.mark.parametrize("flat", [False, True])
def test_one_logit_has_the_binary_loss_and_class_1_above_0(flat):
    network, x, y = one_logit(flat)
    logits = network(x).detach()
    loss, accuracy = probes.evaluate(logits, y)
    expected = nn.BCEWithLogitsLoss()(logits.flatten(), y.double()).item() / np.log(2)
    assert loss.item() == pytest.approx(expected, rel=1e-6)  # evaluate works in float32
    assert accuracy.item() == pytest.approx(float(((logits.flatten() > 0) == y).double().mean()))
    assert 0 < accuracy.item() < 1


@pytest.mark.parametrize("flat", [False, True])
def test_several_networks_of_one_logit_are_evaluated_at_once(flat):
    logits, y = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(2)), torch.arange(9) % 2
    loss, accuracy = probes.evaluate(logits if flat else logits.unsqueeze(-1), y)
    assert loss.shape == accuracy.shape == (2, 4)
    for place in np.ndindex(2, 4):
        torch.testing.assert_close(
            torch.stack([loss[place], accuracy[place]]), torch.stack(probes.evaluate(logits[place][:, None], y))
        )


@pytest.mark.parametrize("flat", [False, True])
def test_error_signals_of_one_logit_are_those_of_the_binary_loss(flat):
    network, x, y = one_logit(flat)
    hidden = network[:2](x).detach().requires_grad_()
    logits = network[2:](hidden)
    loss = nn.functional.binary_cross_entropy_with_logits(logits.flatten(), y.double(), reduction="sum")
    expected = torch.autograd.grad(loss, [hidden, logits])
    signals = probes.error_signals(network, x, y, ["1", ""], batch_size=4)
    torch.testing.assert_close(signals["1"], expected[0])
    torch.testing.assert_close(signals[""], expected[1])


def test_two_logits_and_more_stay_as_they_are():
    for shape in ((5, 2), (3, 5, 10), (5, 5)):
        logits = torch.randn(shape)
        assert probes.class_logits(logits, 5) is logits


@pytest.mark.parametrize("shape", [(), (4,), (4, 3), (5, 2, 3, 3)], ids=str)
def test_an_output_without_classes_is_refused(shape):
    with pytest.raises(ValueError, match=r"must put out \(n, classes\).*for n=5"):
        probes.evaluate(torch.zeros(shape), torch.zeros(5, dtype=torch.int64))
