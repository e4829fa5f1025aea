"""What is trained: members side by side equal members alone; what may be recorded; the same on a GPU to the bit."""

import copy
import json

import pytest
import torch
from torch import nn

from mi_kit import data, models, probes, trainees, training

CPU = torch.device("cpu")
NETWORKS = {
    "lenet5": (lambda: models.lenet5((3, 4)), (1, 28, 28)),
    "batch norm": (models.slicer((3, 8, 8), width=2), (3, 8, 8)),
    "residual": (models.resolve("resnet18"), (1, 28, 28)),
    "dense": (lambda: models.dense([12, 5, 3], nn.Tanh), (12,)),
}
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


def made(name, n_members=3, n=6):
    """Networks of different seeds with (members, n, ...) inputs and labels."""
    network, shape = NETWORKS[name]
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(n_members, n, *shape, generator=generator)
    y = torch.randint(0, 3, (n_members, n), generator=generator)
    return [models.build(network, seed) for seed in range(n_members)], x, y


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_members_side_by_side_have_the_gradients_and_buffers_of_members_alone(name, precision):
    modules, x, y = made(name)
    alone, decays = copy.deepcopy(modules), [0.0, 0.1, 0.2]
    losses = trainees.Modules(modules, CPU, precision).gradients(x, y, decays)
    for k, module in enumerate(alone):
        loss = trainees.Modules([module], CPU, precision).gradients(x[k : k + 1], y[k : k + 1], decays[k : k + 1])
        assert torch.equal(losses[k : k + 1], loss)
        for together, one in zip(modules[k].parameters(), module.parameters(), strict=True):
            assert torch.equal(together.grad, one.grad)
        for together, one in zip(modules[k].buffers(), module.buffers(), strict=True):
            assert torch.equal(together, one)


def test_weight_decay_adds_its_share_of_every_weight_to_the_gradient():
    (module,), x, y = made("lenet5", n_members=1)
    other = copy.deepcopy(module)
    trainees.Modules([module], CPU).gradients(x, y, [0.0])
    trainees.Modules([other], CPU).gradients(x, y, [0.5])
    for plain, decayed in zip(module.parameters(), other.parameters(), strict=True):
        assert torch.allclose(decayed.grad, plain.grad + 0.5 * plain, rtol=1e-5, atol=1e-6)  # float32 sums


@pytest.mark.parametrize("kind", [trainees.Modules, trainees.DenseEnsemble])
def test_every_parameter_has_the_members_it_belongs_to(kind):
    modules, _, _ = made("dense")
    names = [name for name, _ in modules[0].named_parameters()]
    owned = [(name, member) for name, _, members in kind(modules, CPU).owners() for member in members]
    assert sorted(owned) == sorted((name, member) for name in names for member in range(3))


class Counting(nn.Module):
    """A user's own part, which may do something else in every update."""

    def forward(self, x):
        return x


def test_only_networks_without_a_users_own_part_are_recorded():
    assert trainees.does_the_same_every_time(models.build("densenet"))
    assert trainees.does_the_same_every_time(models.build("resnet18"))
    assert not trainees.does_the_same_every_time(nn.Sequential(nn.Linear(2, 2), Counting()))


def test_rounding_of_the_processor_is_left_alone():
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    with probes.same_rounding(CPU, "tf32"):
        assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic) == before


# --------------------------------------------------------------------------------------------- on a GPU


def trained(folder, network, **more):
    settings = {"optimizer": "sgd", "lr": 0.05, "batch_size": 60, "device": "cuda", "progress": False, "steps": 20}
    return training.train(network, data.load("digits", 200, 50), folder=folder, **settings | more)


def weights(run, step=20):
    return [folder.weights(step) for folder in run.folders]


def assert_same_bits(ours, others):
    for own, other in zip(ours, others, strict=True):
        assert all(torch.equal(own[key], other[key]) for key in own)


@on_gpu
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("network", ["lenet5_sigmoid_6_16", models.slicer((1, 28, 28), 4)], ids=["lenet5", "slicer"])
def test_recorded_resumed_and_single_updates_give_the_same_bits(network, optimizer, tmp_path, monkeypatch):
    more = {"optimizer": optimizer}
    whole = weights(trained(tmp_path / "whole", network, seeds=range(3), **more))
    trained(tmp_path / "parts", network, seeds=range(3), steps=9, **more)
    assert_same_bits(weights(trained(tmp_path / "parts", network, seeds=range(3), **more)), whole)
    assert_same_bits(weights(trained(tmp_path / "alone", network, seeds=[1], **more)), whole[1:2])
    monkeypatch.setattr(trainees, "EAGER_UPDATES", 10**9)
    assert_same_bits(weights(trained(tmp_path / "eager", network, seeds=range(3), **more)), whole)


@on_gpu
def test_a_run_of_a_gpu_goes_on_on_the_processor(tmp_path):
    trained(tmp_path, "lenet5_sigmoid_6_16", seeds=range(2), steps=10)
    ours = trained(tmp_path, "lenet5_sigmoid_6_16", seeds=range(2), device="cpu")
    whole = trained(tmp_path / "cpu", "lenet5_sigmoid_6_16", seeds=range(2), device="cpu")
    for own, other in zip(weights(ours), weights(whole), strict=True):
        assert all(torch.allclose(own[key], other[key], atol=1e-5) for key in own)  # 20 float32 updates, two devices
    assert [session["device"].startswith("cpu") for session in _sessions(ours)] == [False, True]


def _sessions(run):
    return json.loads((run.folders[0].path / "run.json").read_text())["sessions"]
