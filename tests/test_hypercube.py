"""dCNN(X, L, C, T): its slices against `run.activations`, its information against the estimators and slow loops."""

from __future__ import annotations

import contextlib
import functools
import math
import re
import sys
import threading

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from sklearn.datasets import load_digits
from torch import nn

from mi_kit import estimators as est
from mi_kit import models, training
from mi_kit.data import Dataset
from mi_kit.hypercube import Hypercube
from mi_kit.runs import Recorder, Run

N = 40  # inputs that are looked at
CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
STEPS, EPOCHS = [0, 1, 3, 6], [0, 1 / 3, 1, 2]  # 60 samples in batches of 20
SHAPES = {
    "input": (1, 8, 8), "conv1": (2, 8, 8), "relu1": (2, 8, 8), "norm1": (2, 8, 8), "pool1": (2, 4, 4),
    "conv2": (4, 4, 4), "relu2": (4, 4, 4), "norm2": (4, 4, 4), "pool2": (4, 2, 2),
    "conv3": (8, 2, 2), "relu3": (8, 2, 2), "norm3": (8, 2, 2), "pool3": (8, 1, 1),
    "fc.0": (8,), "fc.1": (8,), "fc.2": (8,), "output": (10,),
}  # fmt: skip
ROUNDING = 1e-5  # of activations of order 1: another batch may sum float32 terms in another order
EXACT = 1e-10  # bits: sums in float64 in another order
FLOAT32 = 1e-5  # bits below 16 in float32, and sums of two of them


@functools.cache
def images() -> Dataset:
    """Digits of 8x8 pixels; the inputs to look at hold no nine."""
    digits = load_digits()
    x = torch.from_numpy(digits.images).float().div(16).unsqueeze(1)
    y = torch.from_numpy(digits.target).long()
    test = (y[60:] != 9).nonzero()[:N, 0] + 60
    return Dataset(x[:60], y[:60], x[test], y[test], CLASSES, "digits-8x8", "scikit-learn")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """Two seeds of the network of notebook 04, a few steps long."""
    return train(tmp_path_factory.mktemp("runs"))


def train(folder, network=None, **changes) -> Run:
    settings = {"seeds": [0, 1], "steps": 6, "checkpoints": STEPS, "batch_size": 20, "lr": 0.02, "device": "cpu"}
    network = network or models.slicer((1, 8, 8), width=2)
    return training.train(network, images(), folder=folder, progress=False, **(settings | changes))


@pytest.fixture
def cube(run) -> Hypercube:
    """A new one, with nothing in memory."""
    return Hypercube(run)


@pytest.fixture(scope="module")
def any_cube(run) -> Hypercube:
    """For tests that compute nothing."""
    return Hypercube(run)


def values_of(run, layer, *, samples=None, step=6, member=0):
    """Of the test inputs, by `run.activations` alone."""
    x = images().x_test if samples is None else images().x_test[samples]
    return x if layer == "input" else run.activations(step, [layer], x)[layer][member]


def near(array, expected):
    np.testing.assert_allclose(np.asarray(array), np.asarray(expected), atol=ROUNDING, rtol=ROUNDING)


# ------------------------------------------------------------------------------------ what there is


def test_the_layers_are_the_input_and_every_module_without_parts_in_the_order_of_calls(any_cube):
    assert any_cube.layers == list(SHAPES)


def test_a_layer_has_the_shape_of_its_output(any_cube):
    part = any_cube.select(epoch=[0, 2], label="three")
    n = int((images().y_test == 3).sum())
    assert {layer: part.shape(layer) for layer in any_cube.layers} == {
        layer: (2, n, *shape) for layer, shape in SHAPES.items()
    }
    assert any_cube.select(layer="conv3", channel=[1, 5, 6]).shape() == (4, N, 3, 2, 2)


def test_epochs_are_those_of_the_metrics(any_cube):
    assert any_cube.steps == STEPS
    assert any_cube.epochs == pytest.approx(EPOCHS)
    assert [str(epoch) for epoch in any_cube.epochs[2:]] == ["1", "2"]


def test_the_classes_are_those_of_the_data_set(any_cube):
    assert any_cube.classes == list(CLASSES)


# ------------------------------------------------------------------------------------ values


@pytest.mark.parametrize("layer", SHAPES)
def test_values_are_those_of_run_activations(run, cube, layer):
    loaded = cube.select(layer=layer).load()
    assert loaded.shape == (4, N, *SHAPES[layer])
    for step, values in zip(STEPS, loaded, strict=True):
        near(values, values_of(run, layer, step=step))


@pytest.mark.parametrize(
    ("layer", "spatial"),
    [("input", ("height", "width")), ("conv2", ("height", "width")), ("fc.1", ()), ("output", ())],
)
def test_dimensions_and_coordinates_have_names(cube, layer, spatial):
    loaded = cube.select(layer=layer, label=[3, 5], epoch=slice(0.1, 2)).load()
    assert loaded.dims == ("epoch", "sample", "channel", *spatial)
    assert loaded.name == layer
    own = [number for number in range(N) if images().y_test[number] in (3, 5)]
    assert loaded["epoch"].values.tolist() == pytest.approx(EPOCHS[1:])
    assert loaded["sample"].values.tolist() == own
    assert loaded["channel"].values.tolist() == list(range(SHAPES[layer][0]))
    assert loaded["label"].dims == ("sample",)
    assert loaded["label"].values.tolist() == images().y_test[own].tolist()


def test_values_can_be_asked_for_by_coordinate(run, cube):
    loaded = cube.select(layer="conv2", channel=slice(1, 4), label="two").load()
    sample = int((images().y_test == 2).nonzero()[1, 0])
    one = loaded.sel(epoch=1, channel=3, sample=sample)
    near(one, values_of(run, "conv2", step=3)[sample, 3])
    near(loaded.sel(sample=loaded["label"] == 2), loaded)


def test_several_layers_come_by_name_in_the_order_asked_for(run, cube):
    loaded = cube.select(layer=["fc.1", "conv1", "input"], epoch=2).load()
    assert list(loaded) == ["fc.1", "conv1", "input"]
    for layer, array in loaded.items():
        near(array[0], values_of(run, layer))


def test_no_layer_chosen_is_all_of_them(cube):
    assert list(cube.select(epoch=0, sample=0).load()) == list(SHAPES)


def test_the_bytes_of_a_slice_are_those_of_its_arrays(cube):
    part = cube.select(label="one", epoch=[0, 2])
    assert part.n_bytes == sum(array.nbytes for array in part.load().values())
    part = cube.select(layer="conv3", channel=[0, 7], sample=slice(0, 10))
    assert part.n_bytes == part.load().nbytes == 4 * 10 * 2 * 4 * 4


@pytest.mark.parametrize("member", [0, 1])
def test_of_a_run_with_two_seeds_the_chosen_one_is_used(run, member):
    cube = Hypercube(run, member=member)
    near(cube.select(layer="conv2", epoch=2).load()[0], values_of(run, "conv2", member=member))
    expected = est.intra_sample_entropy(values_of(run, "conv2", member=member))[1]
    entropy = cube.entropy(cube.select(layer="conv2", channel=1, epoch=2))
    assert entropy.item() == pytest.approx(float(expected), abs=FLOAT32)
    other = cube.select(layer="conv2", epoch=2).load()[0] - values_of(run, "conv2", member=1 - member).numpy()
    assert abs(other).max() > 0.01  # the seeds do differ


def test_inputs_of_ones_own_are_taken_in_place_of_the_test_part(run):
    x, y = images().x_train[:7], images().y_train[:7]
    cube = Hypercube(run, x, y)
    loaded = cube.select(layer="norm1", epoch=1).load()
    near(loaded[0], run.activations(3, ["norm1"], x)["norm1"][0])
    assert loaded["label"].values.tolist() == y.tolist()
    assert "label" not in Hypercube(run, x).select(layer="norm1").load().coords


def test_layers_can_be_named_also_those_that_have_parts(run):
    cube = Hypercube(run, layers=["conv2", "fc"])
    assert cube.layers == ["input", "conv2", "fc"]
    near(cube.select(layer="fc", epoch=0).load()[0], values_of(run, "fc", step=0))
    near(cube.select(layer=1, epoch=0).load()[0], values_of(run, "fc", step=0))


# ------------------------------------------------------------------------------------ slices


def test_nothing_is_computed_before_it_is_asked_for(cube, monkeypatch):
    monkeypatch.setattr(Run, "module", None)
    cube.select(label=3, layer="conv1", channel=1, epoch=slice(0, 1))
    assert cube.used == 0


OF_LABEL = {
    "number": (3, [3]),
    "number from numpy": (np.int64(3), [3]),
    "name": ("three", [3]),
    "several numbers": ([8, 0], [0, 8]),
    "several names": (("zero", "eight"), [0, 8]),
    "names and numbers": (["three", 4], [3, 4]),
    "array": (np.array([3, 4]), [3, 4]),
    "tensor": (torch.tensor([3, 4]), [3, 4]),
    "range": (range(2), [0, 1]),
}


@pytest.mark.parametrize("case", OF_LABEL)
def test_a_label_takes_the_inputs_of_its_classes(any_cube, case):
    label, numbers = OF_LABEL[case]
    expected = [place for place, y in enumerate(images().y_test.tolist()) if y in numbers]
    assert any_cube.select(label=label).samples == tuple(expected)
    assert len(expected) < N


def test_a_label_may_be_an_entry_of_the_labels(any_cube):
    assert any_cube.select(label=images().y_test[5]).samples == any_cube.select(label=int(images().y_test[5])).samples


OF_SAMPLE = {
    "integer": (7, [7]),
    "list": ([9, 2, 30], [9, 2, 30]),
    "array": (np.array([4, 1]), [4, 1]),
    "slice": (slice(3, 6), [3, 4, 5]),
    "slice with a step": (slice(None, 12, 5), [0, 5, 10]),
    "slice from the end": (slice(-2, None), [38, 39]),
}


@pytest.mark.parametrize("case", OF_SAMPLE)
def test_samples_are_chosen_by_number(run, cube, case):
    sample, numbers = OF_SAMPLE[case]
    loaded = cube.select(sample=sample, layer="conv1", epoch=2).load()
    assert loaded["sample"].values.tolist() == numbers
    near(loaded[0], values_of(run, "conv1", samples=numbers))


@pytest.mark.parametrize(("sample", "places"), [(1, [1]), ([2, 0], [2, 0]), (slice(0, 2), [0, 1])], ids=str)
def test_with_a_label_samples_are_those_of_the_class(any_cube, sample, places):
    own = (images().y_test == 6).nonzero()[:, 0].tolist()
    assert any_cube.select(label=6, sample=sample).samples == tuple(own[place] for place in places)


OF_LAYER = {
    "name": ("conv1", ["conv1"]),
    "input": ("input", ["input"]),
    "number 0": (0, ["conv1"]),
    "number 3": (3, ["pool1"]),
    "number from numpy": (np.int64(11), ["pool3"]),
    "last number": (15, ["output"]),
    "list": (["norm2", 0, "input"], ["norm2", "conv1", "input"]),
    "range": (range(3), ["conv1", "relu1", "norm1"]),
    "twice the same": (["conv1", 0], ["conv1"]),
}


@pytest.mark.parametrize("case", OF_LAYER)
def test_layers_are_chosen_by_name_or_number(any_cube, case):
    layer, names = OF_LAYER[case]
    assert any_cube.select(layer=layer).layers == tuple(names)


OF_CHANNEL = {
    "integer": (3, [3]),
    "number from numpy": (np.int64(2), [2]),
    "list": ([2, 0], [2, 0]),
    "array": (np.array([3, 1]), [3, 1]),
    "slice": (slice(1, 3), [1, 2]),
    "whole slice": (slice(None), [0, 1, 2, 3]),
    "slice with a step": (slice(None, None, 2), [0, 2]),
}


@pytest.mark.parametrize("case", OF_CHANNEL)
def test_channels_are_chosen_by_number(run, cube, case):
    channel, numbers = OF_CHANNEL[case]
    part = cube.select(layer="conv2", channel=channel, epoch=2)
    loaded = part.load()
    assert part.channels == tuple(numbers)
    assert loaded["channel"].values.tolist() == numbers
    near(loaded[0], values_of(run, "conv2")[:, numbers])


def test_a_channel_may_be_one_of_several_layers(run, cube):
    loaded = cube.select(layer=["conv1", "conv3"], channel=1, epoch=2).load()
    near(loaded["conv1"][0], values_of(run, "conv1")[:, [1]])
    near(loaded["conv3"][0], values_of(run, "conv3")[:, [1]])


OF_EPOCH = {
    "none": (None, [0, 1, 3, 6]),
    "integer": (1, [3]),
    "float": (2.0, [6]),
    "list": ([0, 2], [0, 6]),
    "list out of order": ([2, 0], [0, 6]),
    "array": (np.array([0, 1]), [0, 3]),
    "slice": (slice(0, 1), [0, 1, 3]),
    "slice whose end has no checkpoint": (slice(0.5, 1.9), [3]),
    "slice from": (slice(1, None), [3, 6]),
    "slice until": (slice(None, 1), [0, 1, 3]),
    "slice of one": (slice(2, 2), [6]),
    "whole slice": (slice(None), [0, 1, 3, 6]),
}


@pytest.mark.parametrize("case", OF_EPOCH)
def test_epochs_are_chosen_by_value_with_both_ends_of_a_slice_included(run, cube, case):
    epoch, steps = OF_EPOCH[case]
    part = cube.select(epoch=epoch, layer="fc.1")
    assert part.steps == tuple(steps)
    loaded = part.load()
    assert loaded["epoch"].values.tolist() == pytest.approx([step / 3 for step in steps])
    for step, values in zip(steps, loaded, strict=True):
        near(values, values_of(run, "fc.1", step=step))


def test_an_epoch_of_the_cube_can_be_chosen_by_its_own_value(any_cube):
    for step, epoch in zip(any_cube.steps, any_cube.epochs, strict=True):
        assert any_cube.select(epoch=epoch).steps == (step,)


def test_a_slice_of_several_layers_has_no_single_layer(any_cube):
    assert any_cube.select(layer="conv1").layer == "conv1"
    with pytest.raises(ValueError, match=r"^layer must be chosen .* conv1, relu1"):
        _ = any_cube.select(layer=[0, 1]).layer


REFUSED = [
    ({"label": 10}, "label", "label=10"),
    ({"label": -1}, "label", "label=-1"),
    ({"label": "ten"}, "label", "label='ten'"),
    ({"label": [0, "ten"]}, "label", "label='ten'"),
    ({"label": 1.5}, "label", "label=1.5"),
    ({"label": []}, "label", "label=[]"),
    ({"label": "nine"}, "label", "label='nine'"),  # a class without an input
    ({"sample": N}, "sample", f"sample={N}"),
    ({"sample": -1}, "sample", "sample=-1"),
    ({"sample": [0, 99]}, "sample", "sample=99"),
    ({"sample": 1.5}, "sample", "sample=1.5"),
    ({"sample": True}, "sample", "sample=True"),
    ({"sample": []}, "sample", "sample=[]"),
    ({"sample": slice(50, 60)}, "sample", "sample=slice(50, 60, None)"),
    ({"label": 3, "sample": 30}, "sample", "sample=30"),
    ({"layer": "conv9"}, "layer", "layer='conv9'"),
    ({"layer": "fc"}, "layer", "layer='fc'"),  # it has parts of its own
    ({"layer": 16}, "layer", "layer=16"),
    ({"layer": -1}, "layer", "layer=-1"),
    ({"layer": 1.0}, "layer", "layer=1.0"),
    ({"layer": True}, "layer", "layer=True"),
    ({"layer": [0, "conv9"]}, "layer", "layer='conv9'"),
    ({"layer": []}, "layer", "layer=[]"),
    ({"layer": "conv1", "channel": 2}, "channel", "channel=2"),
    ({"layer": "conv1", "channel": -1}, "channel", "channel=-1"),
    ({"layer": "conv1", "channel": [0, 7]}, "channel", "channel=7"),
    ({"layer": "conv1", "channel": "0"}, "channel", "channel='0'"),
    ({"layer": "conv1", "channel": False}, "channel", "channel=False"),
    ({"layer": "conv1", "channel": []}, "channel", "channel=[]"),
    ({"layer": "conv1", "channel": slice(2, 5)}, "channel", "channel=slice(2, 5, None)"),
    ({"layer": ["conv2", "conv1"], "channel": 3}, "channel", "channel=3"),
    ({"layer": ["conv1", "conv2"], "channel": slice(None)}, "channel", "channel=slice(None, None, None)"),
    ({"epoch": 0.5}, "epoch", "epoch=0.5"),
    ({"epoch": 7}, "epoch", "epoch=7"),
    ({"epoch": [0, 7]}, "epoch", "epoch=7"),
    ({"epoch": "last"}, "epoch", "epoch='last'"),
    ({"epoch": []}, "epoch", "epoch=[]"),
    ({"epoch": slice(3, None)}, "epoch", "epoch=slice(3, None, None)"),
    ({"epoch": slice(0.4, 0.9)}, "epoch", "epoch=slice(0.4, 0.9, None)"),
    ({"epoch": slice(2, 0)}, "epoch", "epoch=slice(2, 0, None)"),
]


@pytest.mark.parametrize(("wanted", "name", "got"), REFUSED, ids=lambda value: str(value).replace(" ", ""))
def test_what_is_not_there_is_refused_by_name_and_value(any_cube, wanted, name, got):
    # "label and sample must leave at least one input": either may be to blame, both are named
    with pytest.raises(ValueError, match=rf"^(label and )?{name}\b.*; got .*{re.escape(got)}|^{name}.*got {name}"):
        any_cube.select(**wanted)


@pytest.mark.parametrize(
    ("wanted", "listed"),
    [
        ({"label": "ten"}, CLASSES),
        ({"layer": "conv9"}, tuple(SHAPES)),
        ({"epoch": 7}, ("0", "0.333333", "1", "2")),
        ({"sample": 99}, ("0 and 39",)),
        ({"layer": "conv2", "channel": 99}, ("0 and 3",)),
    ],
    ids=str,
)
def test_the_message_lists_what_is_there(any_cube, wanted, listed):
    with pytest.raises(ValueError, match=re.escape(", ".join(listed))):
        any_cube.select(**wanted)


def test_a_label_is_refused_where_the_inputs_have_no_classes(run):
    cube = Hypercube(run, images().x_test)
    assert len(cube.select().samples) == N
    with pytest.raises(ValueError, match=r"^label .*no classes"):
        cube.select(label=3)
    with pytest.raises(ValueError, match=r"^label entropies need classes"):
        cube.label_entropies()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"member": 2}, r"^member must lie between 0 and 1; got member=2"),
        ({"member": -1}, r"^member must lie between 0 and 1; got member=-1"),
        ({"memory": 0}, r"^memory must be at least 1 byte; got memory=0"),
        ({"y": torch.zeros(3)}, r"^y must have a class for each of the 40 inputs; got shape=\(3,\)"),
        ({"y": torch.zeros(N, 1)}, r"^y must have a class for each of the 40 inputs; got shape=\(40, 1\)"),
        ({"layers": ["conv9"]}, r"^layers must be among .*conv1.*; got layers=\['conv9'\]"),
        ({"layers": ["input", "conv1"]}, r"^layers must not hold \"input\".*; got layers=\['input', 'conv1'\]"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(run, arguments, message):
    with pytest.raises(ValueError, match=message):
        Hypercube(run, **arguments)


# ------------------------------------------------------------------------------------ entropy


@pytest.mark.parametrize("n_bins", [4, 32])
@pytest.mark.parametrize("layer", ["input", "conv1", "pool2", "fc.1"])
def test_the_entropy_of_channels_is_the_intra_sample_entropy(run, cube, layer, n_bins):
    channels = [0] if layer == "input" else [1, 0]
    entropy = cube.entropy(cube.select(layer=layer, channel=channels), n_bins=n_bins)
    assert entropy.dims == ("epoch", "channel")
    assert entropy["epoch"].values.tolist() == pytest.approx(EPOCHS)
    assert entropy["channel"].values.tolist() == channels
    assert entropy.attrs["units"] == "bit"
    for step, values in zip(STEPS, entropy, strict=True):
        expected = est.intra_sample_entropy(values_of(run, layer, step=step)[:, channels], n_bins=n_bins)
        np.testing.assert_allclose(values, expected, atol=FLOAT32)


@pytest.mark.parametrize(("options", "n_neighbors"), [({}, 15), ({"n_neighbors": 4}, 4), ({"n_neighbors": 999}, 39)])
@pytest.mark.parametrize("layer", ["input", "conv1", "fc.1"])
def test_the_entropy_of_a_layer_is_the_inter_sample_entropy(run, cube, layer, options, n_neighbors):
    entropy = cube.entropy(cube.select(layer=layer, epoch=slice(1, 2)), **options)
    assert entropy.dims == ("epoch",)
    assert entropy["epoch"].values.tolist() == [1, 2]
    for step, value in zip([3, 6], entropy, strict=True):
        points = values_of(run, layer, step=step).flatten(1)
        expected = est.inter_sample_entropy(points, n_neighbors=n_neighbors)
        assert float(value) == pytest.approx(float(expected), abs=FLOAT32)


def test_the_neighbours_of_a_class_are_cut_to_its_other_inputs(run, cube):
    own = (images().y_test == 6).nonzero()[:, 0]
    assert len(own) < 10
    points = values_of(run, "conv2", samples=own).flatten(1)
    expected = est.inter_sample_entropy(points, n_neighbors=len(own) - 1)
    entropy = cube.entropy(cube.select(label="six", layer="conv2", epoch=2))
    assert entropy.item() == pytest.approx(float(expected), abs=FLOAT32)


def test_the_entropy_of_a_class_is_of_its_inputs_alone(run, cube):
    own = (images().y_test == 4).nonzero()[:, 0]
    expected = est.intra_sample_entropy(values_of(run, "norm1", samples=own))
    entropy = cube.entropy(cube.select(label=4, layer="norm1", epoch=2, channel=slice(None)))
    np.testing.assert_allclose(entropy[0], expected, atol=FLOAT32)


@pytest.mark.parametrize("channel", [None, 1])
def test_the_entropies_of_several_layers_are_those_of_each(cube, channel):
    names = ["conv2", "fc.1", "conv1"]
    entropy = cube.entropy(cube.select(layer=names, channel=channel, epoch=[0, 2]), n_bins=8, n_neighbors=5)
    assert entropy.dims == (("layer", "epoch") if channel is None else ("layer", "epoch", "channel"))
    assert entropy["layer"].values.tolist() == names
    for name in names:
        alone = cube.entropy(cube.select(layer=name, channel=channel, epoch=[0, 2]), n_bins=8, n_neighbors=5)
        np.testing.assert_array_equal(entropy.sel(layer=name), alone)


@pytest.mark.parametrize("n", [1, 2])
def test_a_layers_entropy_needs_three_inputs_and_a_channels_does_not(cube, n):
    with pytest.raises(ValueError, match=rf"at least 3 inputs; got {n}"):
        cube.entropy(cube.select(layer="conv1", sample=slice(0, n)))
    assert cube.entropy(cube.select(layer="conv1", sample=slice(0, 3))).notnull().all()
    assert cube.entropy(cube.select(layer="conv1", sample=slice(0, n), channel=0)).notnull().all()


# ------------------------------------------------------------------------------------ capacity


def bits(counts) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum())


def distances(maps):
    """Between all pairs of inputs, for every channel."""
    return [pdist(channel.reshape(len(channel), -1)) for channel in maps.double().numpy().swapaxes(0, 1)]


def slow_capacity(maps_a, maps_b, n_bins):
    """Shen and Shen (2020), section 6.2: H(A) + H(B) - H(A, B) of the binned distances, by numpy.histogram2d."""
    result = np.zeros((maps_a.shape[1], maps_b.shape[1]))
    for i, of_a in enumerate(distances(maps_a)):
        for j, of_b in enumerate(distances(maps_b)):
            counts = np.histogram2d(of_a, of_b, n_bins)[0]
            result[i, j] = bits(counts.sum(1)) + bits(counts.sum(0)) - bits(counts)
    return result


PAIRS = [("conv1", "conv2"), ("input", "conv1"), ("conv2", "fc.1"), ("output", "input"), ("norm2", "norm2")]


@pytest.mark.parametrize("n_bins", [5, 32])
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_capacity_is_that_of_a_slow_loop_over_pairs_of_channels(run, cube, a, b, n_bins):
    capacity = cube.capacity(cube.select(layer=a), cube.select(layer=b), n_bins=n_bins)
    assert capacity.shape == (4, SHAPES[a][0], SHAPES[b][0])
    for step, values in zip(STEPS, capacity, strict=True):
        expected = slow_capacity(values_of(run, a, step=step), values_of(run, b, step=step), n_bins)
        np.testing.assert_allclose(values, expected, atol=FLOAT32)


def test_capacity_has_the_names_of_its_epochs_and_channels(run, cube):
    of_class = {"label": [2, 7], "epoch": slice(1, None)}
    a, b = cube.select(layer="conv2", channel=[3, 1], **of_class), cube.select(layer="conv3", **of_class)
    capacity = cube.capacity(a, b)
    assert capacity.dims == ("epoch", "channel_a", "channel_b")
    assert capacity["epoch"].values.tolist() == [1, 2]
    assert capacity["channel_a"].values.tolist() == [3, 1]
    assert capacity["channel_b"].values.tolist() == list(range(8))
    assert capacity.attrs["units"] == "bit"
    own = [place for place, y in enumerate(images().y_test.tolist()) if y in (2, 7)]
    maps_a, maps_b = (values_of(run, layer, samples=own, step=3) for layer in ("conv2", "conv3"))
    np.testing.assert_allclose(capacity[0], slow_capacity(maps_a[:, [3, 1]], maps_b, 32), atol=FLOAT32)


@pytest.mark.parametrize("n_bins", [5, 32])
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_conditional_entropy_and_capacity_add_up_to_the_entropy_of_distances(run, cube, a, b, n_bins):
    parts = cube.select(layer=a, epoch=[0, 2]), cube.select(layer=b, epoch=[0, 2])
    given, capacity = cube.conditional_entropy(*parts, n_bins=n_bins), cube.capacity(*parts, n_bins=n_bins)
    assert given.dims == ("epoch", "channel_a", "channel_b")
    assert given.shape == capacity.shape
    for step, both in zip([0, 6], (given + capacity).values, strict=True):
        own = [bits(np.histogram(each, n_bins)[0]) for each in distances(values_of(run, a, step=step))]
        np.testing.assert_allclose(both, np.repeat(np.array(own)[:, None], SHAPES[b][0], 1), atol=FLOAT32)
        library = est.distance_entropy(values_of(run, a, step=step), n_bins=n_bins)
        np.testing.assert_allclose(both, library[:, None].expand(both.shape), atol=FLOAT32)
    assert (given > -FLOAT32).all()


def test_conditional_entropy_takes_channels(cube):
    a, b = cube.select(layer="conv2", channel=[3, 0]), cube.select(layer="conv3", channel=slice(2, 5))
    given = cube.conditional_entropy(a, b)
    whole = cube.conditional_entropy(cube.select(layer="conv2"), cube.select(layer="conv3"))
    assert given["channel_a"].values.tolist() == [3, 0]
    np.testing.assert_allclose(given, whole.sel(channel_a=[3, 0], channel_b=[2, 3, 4]), atol=FLOAT32)


def test_a_channel_leaves_nothing_open_about_itself(cube):
    part = cube.select(layer="conv2", channel=2)
    np.testing.assert_allclose(cube.conditional_entropy(part, part), 0, atol=FLOAT32)
    assert (cube.capacity(part, part) > 1).all()


@pytest.mark.parametrize(
    ("of_a", "of_b", "message"),
    [
        ({"layer": [0, 1]}, {"layer": 0}, r"^a must have one layer; got conv1, relu1"),
        ({"layer": 0}, {}, r"^b must have one layer; got input, conv1"),
        ({"layer": 0, "label": 1}, {"layer": 1}, r"^b must have the inputs and the epochs of a; got 40 inputs at 0 to"),
        ({"layer": 0, "label": 1}, {"layer": 1, "label": 2}, r"^b must have the inputs and the epochs of a"),
        ({"layer": 0, "epoch": 1}, {"layer": 1, "epoch": 2}, r"^b must .* epochs of a; got .* at 2 and .* at 1"),
        ({"layer": 0, "sample": 1}, {"layer": 1, "sample": 1}, r"^a must have at least 2 inputs.*got 1"),
    ],
    ids=str,
)
@pytest.mark.parametrize("query", ["capacity", "conditional_entropy"])
def test_slices_that_do_not_match_are_refused(any_cube, query, of_a, of_b, message):
    with pytest.raises(ValueError, match=message):
        getattr(any_cube, query)(any_cube.select(**of_a), any_cube.select(**of_b))


# ------------------------------------------------------------------------------------ labels


def confusion_by_hand(y, predicted, n_classes=10):
    confusion = np.zeros((n_classes, n_classes), int)
    for true, answer in zip(y.tolist(), predicted.tolist(), strict=True):
        confusion[true, answer] += 1
    return confusion


def entropies_of_rows(confusion):
    return [bits(row) if row.sum() else math.nan for row in confusion]


def assert_label_entropies(found, confusion):
    np.testing.assert_array_equal(found["confusion"], confusion)
    np.testing.assert_allclose(found["predicted_given_true"], entropies_of_rows(confusion), atol=EXACT)
    np.testing.assert_allclose(found["true_given_predicted"], entropies_of_rows(confusion.T), atol=EXACT)


def predictions(run, step, samples=None):
    return values_of(run, "output", step=step, samples=samples).argmax(1)


def test_label_entropies_are_those_of_a_count_by_hand(run, cube):
    found = cube.label_entropies()
    assert found["confusion"].dims == ("epoch", "true", "predicted")
    assert found["predicted_given_true"].dims == found["true_given_predicted"].dims == ("epoch", "class")
    assert found["epoch"].values.tolist() == pytest.approx(EPOCHS)
    for name in ("class", "true", "predicted"):
        assert found[name].values.tolist() == list(CLASSES)
    for place, step in enumerate(STEPS):
        confusion = confusion_by_hand(images().y_test, predictions(run, step))
        assert_label_entropies(found.isel(epoch=place), confusion)


def test_classes_that_are_never_predicted_and_never_there_are_nan(run, cube):
    found = cube.label_entropies(cube.select(epoch=2)).isel(epoch=0)
    never = sorted(set(range(10)) - set(predictions(run, 6).tolist()))
    assert 0 < len(never) < 10  # a network of six steps
    nan = np.isnan(found["true_given_predicted"].values).nonzero()[0].tolist()
    assert nan == never
    assert np.isnan(found["predicted_given_true"].values).nonzero()[0].tolist() == [9]  # there is no nine


def test_label_entropies_of_a_slice_are_of_its_inputs_and_epochs(run, cube):
    own = [place for place, y in enumerate(images().y_test.tolist()) if y in (1, 8)]
    found = cube.label_entropies(cube.select(label=["one", "eight"], epoch=1, layer="conv1", channel=0))
    assert found["epoch"].values.tolist() == [1]
    assert_label_entropies(found.isel(epoch=0), confusion_by_hand(images().y_test[own], predictions(run, 3, own)))


@pytest.mark.parametrize("layers", [["conv1"], ["fc.1"], ["output", "fc.1"]], ids=str)
def test_the_predicted_class_does_not_depend_on_the_layers_of_the_cube(run, layers):
    found = Hypercube(run, layers=layers).label_entropies()
    for place, step in enumerate(STEPS):
        assert_label_entropies(found.isel(epoch=place), confusion_by_hand(images().y_test, predictions(run, step)))


class Turned(nn.Module):
    """Its answer is no module's output: the smallest value wins."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return -self.head(x.flatten(1))


def test_the_predicted_class_is_that_of_the_whole_network(tmp_path):
    network = models.build(Turned, 0)
    recorder = Recorder(tmp_path, network, dataset=images())
    recorder.checkpoint(0)
    with torch.no_grad():
        predicted = network(images().x_test).argmax(1)
    found = Hypercube(recorder.run).label_entropies()
    assert_label_entropies(found.isel(epoch=0), confusion_by_hand(images().y_test, predicted))


# ------------------------------------------------------------------------------------ memory


CONV1 = N * 2 * 64 * 4  # bytes of conv1 at one epoch, the largest layer


def queries(cube):
    """Several of every kind, in numbers."""
    conv1, conv2 = cube.select(layer="conv1"), cube.select(layer="conv2")
    yield cube.select(layer="conv1", epoch=1).load()
    yield cube.entropy(conv1)
    yield cube.entropy(cube.select(layer=["conv1", "norm1", "pool2"], channel=1))
    yield cube.capacity(conv1, conv2, n_bins=6)
    yield cube.conditional_entropy(conv2, cube.select(layer="fc.1"), n_bins=6)
    yield cube.select(label=3, layer="norm1").load()
    yield cube.select(sample=[9, 2], layer="norm1", channel=1).load()
    yield cube.label_entropies()["confusion"]
    yield cube.select(layer="input", epoch=0).load()
    yield cube.entropy(conv1)


@pytest.fixture(scope="module")
def answers(run):
    return list(queries(Hypercube(run)))


@pytest.mark.parametrize("memory", [2 * CONV1, 3 * CONV1, 1 << 30])
def test_no_more_than_the_memory_is_used_and_the_answers_do_not_depend_on_it(run, answers, memory):
    cube = Hypercube(run, memory=memory)
    largest = 0
    for found, expected in zip(queries(cube), answers, strict=True):
        assert cube.used <= memory
        largest = max(largest, cube.used)
        np.testing.assert_allclose(found, expected, atol=ROUNDING, rtol=ROUNDING)
    assert largest > memory / 3 if memory < 1 << 20 else largest > 10 * CONV1  # there was something to forget


def test_what_is_in_memory_is_not_computed_again(run, monkeypatch):
    cube = Hypercube(run)
    part = cube.select(layer="conv1")
    first = part.load()
    assert cube.used == first.nbytes
    entropy = cube.entropy(part)
    monkeypatch.setattr(Run, "module", None)
    np.testing.assert_array_equal(part.load(), first)
    np.testing.assert_array_equal(cube.entropy(part), entropy)


def test_what_was_loaded_may_be_changed(run, cube):
    for part in (cube.select(layer="conv1", epoch=2), cube.select(layer="input", epoch=2)):
        loaded = part.load()
        expected = loaded.values.copy()
        loaded.values[:] = 7
        np.testing.assert_array_equal(part.load(), expected)
    assert images().x_test.max() <= 1


@pytest.mark.parametrize("sample", [list(reversed(range(N))), [0] * N], ids=["reversed", "one of them again and again"])
def test_as_many_samples_in_another_order_are_not_taken_for_all(run, cube, sample):
    near(cube.select(sample=sample, layer="conv1", epoch=2).load()[0], values_of(run, "conv1")[sample])
    near(cube.select(layer="conv1", epoch=2).load()[0], values_of(run, "conv1"))


@pytest.mark.parametrize("wanted", [{"layer": "conv1"}, {"epoch": 1}, {}], ids=str)
def test_too_large_a_query_is_refused_and_the_error_says_how_large(run, wanted):
    cube = Hypercube(run, memory=CONV1)
    part = cube.select(**wanted)
    words = rf"memory={CONV1 / 1e6:.3g} MB; got .*{part.n_bytes / CONV1:.1f} times too large"
    with pytest.raises(ValueError, match=words) as caught:
        part.load()
    for count in (f"{len(part.steps)} epochs", f"{N} inputs", f"{len(part.layers)} layers"):
        assert count in str(caught.value)
    assert cube.used == 0


def test_a_query_that_just_fits_is_answered(run):
    cube = Hypercube(run, memory=CONV1)
    near(cube.select(layer="conv1", epoch=2).load()[0], values_of(run, "conv1"))
    assert cube.used == CONV1
    assert cube.select(layer="conv1").n_bytes > CONV1
    assert cube.entropy(cube.select(layer="conv1")).shape == (4,)  # an epoch at a time


def test_entropies_are_refused_where_one_epoch_does_not_fit(run):
    cube = Hypercube(run, memory=CONV1 - 1)
    for channel in (None, [0, 1]):
        with pytest.raises(ValueError, match=r"got .* times too large"):
            cube.entropy(cube.select(layer="conv1", epoch=2, channel=channel))


@pytest.mark.parametrize("query", ["capacity", "conditional_entropy"])
@pytest.mark.parametrize("order", [("conv1", "pool3"), ("pool3", "conv1")], ids=str)
def test_capacity_is_refused_where_one_of_both_layers_does_not_fit(run, order, query):
    cube = Hypercube(run, memory=CONV1 - 1)
    a, b = (cube.select(layer=layer, epoch=2) for layer in order)
    with pytest.raises(ValueError, match=r"got .* times too large"):
        getattr(cube, query)(a, b)


@contextlib.contextmanager
def quick_changes_of_threads():
    """Threads change places within a few lines, not after 5 ms."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def ask(cube, wanted, barrier, found, failed):
    barrier.wait()
    try:
        for name, layer in wanted:
            part = cube.select(layer=layer)
            found.append((name, layer, cube.entropy(part) if name == "entropy" else part.load()))
    except BaseException as error:
        failed.append(error)


@pytest.mark.parametrize("memory", [4 * CONV1, 1 << 30])
def test_two_threads_that_ask_at_once_get_right_answers(run, memory):
    cube, alone = Hypercube(run, memory=memory), Hypercube(run)
    layers = ["conv1", "conv2", "norm1", "fc.1"]
    wanted = [(name, layer) for layer in layers for name in ("load", "entropy")]
    expected = {one: alone.entropy(alone.select(layer=one[1])) if one[0] == "entropy"
                else alone.select(layer=one[1]).load() for one in wanted}  # fmt: skip
    barrier, found, failed = threading.Barrier(2), [], []
    threads = [
        threading.Thread(target=ask, args=(cube, order, barrier, found, failed)) for order in (wanted, wanted[::-1])
    ]
    with quick_changes_of_threads():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not failed
    assert len(found) == 2 * len(wanted)
    for name, layer, array in found:
        np.testing.assert_allclose(array, expected[name, layer], atol=ROUNDING, rtol=ROUNDING)
    assert cube.used <= memory


def test_the_memory_used_can_be_read_while_another_thread_asks(run):
    cube = Hypercube(run, memory=CONV1)
    failed, barrier, stop = [], threading.Barrier(2), threading.Event()
    wanted = [("load", layer) for layer in ("conv3", "pool2", "fc.1", "norm3", "output", "fc.2")]

    def ask_all():
        ask(cube, wanted * 3, barrier, [], failed)
        stop.set()

    asking = threading.Thread(target=ask_all)
    seen = []
    with quick_changes_of_threads():
        asking.start()
        try:
            barrier.wait()
            while not stop.is_set():
                seen.append(cube.used)
        finally:
            asking.join(60)
    assert not failed
    assert 0 < max(*seen, cube.used) <= CONV1


# ------------------------------------------------------------------------------------ any network


class Own(nn.Module):
    """Nested parts, a recurrent layer (its output is a tuple), a layer of two inputs, one that is never called."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(2, 2)
        self.head = nn.Linear(5, 3)  # made before what it follows
        self.encoder = nn.ModuleDict({"first": nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(inplace=True))})
        self.memory = nn.GRU(7, 3, batch_first=True)
        self.pair = nn.Bilinear(12, 18, 5)

    def forward(self, x):
        states, _ = self.memory(self.encoder["first"](x))
        return self.head(self.pair(states.flatten(1), x.flatten(1)))


@pytest.fixture
def own(tmp_path):
    """A recording of three checkpoints, its inputs and their classes."""
    network = models.build(Own, 0)
    recorder = Recorder(tmp_path / "own", network)
    generator = torch.Generator().manual_seed(0)
    for step in (0, 10, 25):
        recorder.checkpoint(step, test_accuracy=0.5)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return recorder.run, torch.rand(12, 2, 9, generator=generator), torch.arange(12) % 3


OWN_SHAPES = {"input": (2, 9), "encoder.first.0": (4, 7), "encoder.first.1": (4, 7), "pair": (5,), "head": (3,)}


def test_a_recorded_network_of_ones_own_is_a_hypercube(own):
    run, x, y = own
    cube = Hypercube(run, x, y)
    assert cube.layers == list(OWN_SHAPES)
    assert cube.epochs == cube.steps == [0, 10, 25]
    assert cube.classes == ["0", "1", "2"]
    for layer in cube.layers[1:]:
        loaded = cube.select(layer=layer, epoch=slice(5, 25)).load()
        assert loaded["epoch"].values.tolist() == [10, 25]
        assert loaded.shape == (2, 12, *OWN_SHAPES[layer])
        for step, values in zip([10, 25], loaded, strict=True):
            near(values, run.activations(step, [layer], x)[layer][0])
    assert (cube.select(layer="encoder.first.0").load() < 0).any()  # before the ReLU in place


def test_maps_of_one_dimension_have_positions(own):
    run, x, y = own
    loaded = Hypercube(run, x, y).select(layer=0, label="2", channel=3).load()
    assert loaded.dims == ("epoch", "sample", "channel", "position")
    assert loaded.shape == (3, 4, 1, 7)
    assert Hypercube(run, x).select(layer="pair").load().dims == ("epoch", "sample", "channel")


def test_information_of_a_network_of_ones_own(own):
    run, x, y = own
    cube = Hypercube(run, x, y)
    maps = {layer: run.activations(25, [layer], x)[layer][0] for layer in cube.layers[1:]}
    entropy = cube.entropy(cube.select(layer="encoder.first.0", channel=[1], epoch=25))
    expected = est.intra_sample_entropy(maps["encoder.first.0"][:, [1]])
    np.testing.assert_allclose(entropy[0], expected, atol=FLOAT32)
    entropy = cube.entropy(cube.select(layer="pair", epoch=25), n_neighbors=3)
    np.testing.assert_allclose(entropy[0], est.inter_sample_entropy(maps["pair"], n_neighbors=3), atol=FLOAT32)
    parts = cube.select(layer="encoder.first.0", epoch=25), cube.select(layer="pair", epoch=25)
    slow = slow_capacity(maps["encoder.first.0"], maps["pair"], 4)
    np.testing.assert_allclose(cube.capacity(*parts, n_bins=4)[0], slow, atol=FLOAT32)
    found = cube.label_entropies(cube.select(epoch=25)).isel(epoch=0)
    assert_label_entropies(found, confusion_by_hand(y, maps["head"].argmax(1), 3))
    assert found["class"].values.tolist() == ["0", "1", "2"]


@pytest.mark.parametrize("flat", [False, True])
def test_a_network_of_one_logit_predicts_both_classes(tmp_path, flat):
    network = models.build(lambda: nn.Sequential(nn.Linear(3, 1), *([nn.Flatten(0)] if flat else [])), 0)
    recorder = Recorder(tmp_path, network)
    recorder.checkpoint(0)
    x, y = torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 2
    predicted = (network(x).flatten() > 0).long()
    assert 0 < predicted.sum() < 60
    found = Hypercube(recorder.run, x, y).label_entropies().isel(epoch=0)
    assert_label_entropies(found, confusion_by_hand(y, predicted, 2))


@pytest.mark.parametrize("layer", ["memory", "unused"])
def test_a_layer_that_puts_out_no_tensor_is_refused(own, layer):
    run, x, _ = own
    with pytest.raises(ValueError, match=rf"^layers must .*'{layer}'"):
        Hypercube(run, x, layers=[layer])


def test_a_layer_whose_first_axis_is_not_the_samples_is_refused(tmp_path):
    recorder = Recorder(tmp_path, nn.Sequential(nn.Unflatten(1, (4, 1)), nn.Flatten(0, 1), nn.Linear(1, 2)))
    recorder.checkpoint(0)
    with pytest.raises(
        ValueError, match=r"^layers must put out the samples on their axis 0; '1' puts out \(4, 1\) for n=1"
    ):
        Hypercube(recorder.run, torch.rand(3, 4), layers=["1"])


def test_words_are_a_layer_too(tmp_path):
    network = models.build(lambda: nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Linear(15, 2)), 0)
    recorder = Recorder(tmp_path, network)
    recorder.checkpoint(0)
    words = torch.randint(7, (6, 5), generator=torch.Generator().manual_seed(0))
    cube = Hypercube(recorder.run, words)
    assert {layer: cube.select(layer=layer).shape()[2:] for layer in cube.layers} == {
        "input": (5,), "0": (5, 3), "1": (15,), "2": (2,)
    }  # fmt: skip
    near(cube.select(layer="0").load()[0], network[0](words).detach())
    near(cube.select(layer="input").load()[0], words)
    part = cube.select()
    assert part.n_bytes == sum(array.nbytes for array in part.load().values())
    assert cube.entropy(cube.select(layer="input"), n_neighbors=3).notnull().all()


def test_a_dense_network_has_channels_without_places(tmp_path):
    run = train(tmp_path, network=functools.partial(models.dense, [64, 6, 5, 10], nn.Tanh), seeds=[0])
    cube = Hypercube(run)
    loaded = cube.select(layer="layer2.0", channel=[4, 1], epoch=2).load()
    assert loaded.dims == ("epoch", "sample", "channel")
    near(loaded[0], run.activations(6, ["layer2.0"])["layer2.0"][0][:, [4, 1]])
    assert (cube.entropy(cube.select(layer="layer2.0", channel=2)) == 0).all()  # maps of one value
    a, b = cube.select(layer="layer1.1"), cube.select(layer="layer2.0")
    maps = [run.activations(6, [part.layer])[part.layer][0] for part in (a, b)]
    np.testing.assert_allclose(cube.capacity(a, b, n_bins=7)[-1], slow_capacity(*maps, 7), atol=FLOAT32)


def test_the_epochs_of_checkpoints_from_another_call_of_train_are_epochs_too(tmp_path):
    train(tmp_path, seeds=[0], steps=3, checkpoints=[0, 2])
    run = train(tmp_path, seeds=[0], steps=3, checkpoints=[1])
    assert run.steps == [0, 1, 2, 3]
    assert Hypercube(run).epochs == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_a_run_without_data_set_needs_inputs(own):
    with pytest.raises(ValueError, match=r"^x must be given .*; got x=None"):
        Hypercube(own[0])


def test_a_run_without_checkpoints_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^run must have at least one checkpoint"):
        Hypercube(Recorder(tmp_path, nn.Linear(2, 2)).run, torch.rand(3, 2))


def test_the_random_state_is_left_alone(run):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    cube = Hypercube(run)
    cube.entropy(cube.select(layer="conv1"))
    assert torch.equal(torch.get_rng_state(), before)
