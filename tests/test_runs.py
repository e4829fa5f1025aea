"""Runs on disk: whole files without pickles, read back as a Run; a user's own network through the Recorder."""

import functools
import json
import os
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mi_kit import data, models, paths, phases, probes, runs, training
from mi_kit.hypercube import Hypercube


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_KIT_HOME", str(tmp_path))
    monkeypatch.setenv("MI_KIT_OFFLINE", "1")
    return tmp_path


@functools.cache
def digits():
    return data.load("digits", n_train=200, n_test=50)


def small():
    return models.dense([784, 6, 10], nn.Tanh)


def convolutional():
    return nn.Sequential(nn.Conv2d(1, 2, 7, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 8 * 8, 10))


def count(moment):
    return [{"member": member, "value": moment.step} for member in range(moment.n_members)]


def train(network=small, **changes):
    settings = {"seeds": range(2), "steps": 4, "checkpoints": [0, 2], "device": "cpu", "progress": False}
    return training.train(network, digits(), **(settings | changes))


# --------------------------------------------------------------------------------------------- the folder


@pytest.mark.parametrize("network", [small, convolutional])
def test_a_run_folder_holds_no_pickle(network, home):
    run = train(network, observe=count, observe_at=[1, 4])
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {path.suffix or path.name for path in files} == {".json", ".parquet", ".safetensors", ".lock", runs.IN_USE}
    assert sorted(path.name for path in run.folders[0].path.iterdir()) == [
        ".lock",
        "metrics.parquet",
        f"observed-{training.observer_name(count)}.parquet",
        "run.json",
        "state.safetensors",
        "step-00000000.safetensors",
        "step-00000002.safetensors",
        "step-00000004.safetensors",
    ]
    for path in files:  # pickles of torch are zip archives, plain ones begin with the protocol byte
        assert path.read_bytes()[:2] not in (b"PK", b"\x80\x04", b"\x80\x05")


def test_a_folder_names_the_devices_that_it_was_trained_on_in_order(home):
    folder = runs.RunFolder(home / "run", {"seed": 0})
    assert folder.devices == []
    for device in ("a GPU", "cpu", "cpu"):
        folder.write_record(device=device, threads=1)
    assert folder.devices == ["a GPU", "cpu"]


def test_only_the_state_keeps_the_optimiser():
    folder = train().folders[0]
    assert {key.split("/")[0] for key in folder.state()} == {"model", "optimizer", "recorder"}
    assert folder.weights(4).keys() == models.build(small).state_dict().keys()
    for key, value in folder.weights(4).items():
        assert torch.equal(folder.state()[f"model/{key}"], value)


def test_the_record_names_identity_device_and_versions():
    folder = train(seeds=[3], lr=0.02).folders[0]
    record = json.loads((folder.path / "run.json").read_text())
    assert record["format"] == runs.FORMAT
    assert record["identity"]["seed"] == 3
    assert record["identity"]["lr"] == 0.02
    assert record["identity"]["data"] == digits().identity
    (session,) = record["sessions"]
    assert session["torch"] == torch.__version__
    assert "cpu" in session["device"]


def test_another_session_is_recorded_and_the_same_one_is_not_repeated():
    folder = train(seeds=[0]).folders[0]
    train(seeds=[0], steps=6)
    folder.write_record(device="another")
    sessions = json.loads((folder.path / "run.json").read_text())["sessions"]
    assert len(sessions) == 2
    assert sessions[1] == {"device": "another"}


@pytest.mark.parametrize(
    "name", [".step-00000003.safetensors.17.42.part", ".state.safetensors.17.42.part", ".metrics.parquet.17.42.part"]
)
def test_a_half_written_file_is_ignored(name, home):
    run = train()
    metrics = run.metrics
    for folder in run.folders:
        (folder.path / name).write_bytes(b"half")
    again = train(steps=6)
    assert again.steps == [0, 2, 4, 6]
    shown = train().metrics
    pd.testing.assert_frame_equal(shown, metrics)


def test_another_format_is_refused():
    folder = train().folders[0]
    record = json.loads((folder.path / "run.json").read_text())
    record |= {"format": runs.FORMAT + 1}
    record["sha256"] = paths.short_hash({key: value for key, value in record.items() if key != "sha256"})
    (folder.path / "run.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=rf"must have format {runs.FORMAT}; got format={runs.FORMAT + 1}"):
        runs.RunFolder(folder.path, {})


def test_an_empty_folder_has_nothing(home):
    folder = runs.RunFolder(home / "nothing", {"seed": 7})
    assert (folder.steps(), folder.trained_to(), folder.seed) == ([], None, 7)
    assert folder.table("metrics").empty
    assert not folder.path.exists()


def rows(steps, value=0.0, quantity=None):
    table = pd.DataFrame({"step": list(steps), "value": value})
    return table if quantity is None else table.assign(quantity=quantity)


def test_rows_of_the_same_step_are_replaced_and_others_added(home):
    folder = runs.RunFolder(home / "run", {"seed": 0})
    folder.write_rows("observed-x", rows([0, 4, 4, 8]))
    folder.write_rows("observed-x", rows([4, 6], 1.0))
    table = folder.table("observed-x")
    assert table["step"].tolist() == [0, 4, 6, 8]
    assert table["value"].tolist() == [0, 1, 1, 0]


def test_metrics_are_replaced_by_step_and_quantity(home):
    folder = runs.RunFolder(home / "run", {"seed": 0})
    folder.write_rows("metrics", rows([0, 4], quantity="loss"))
    folder.write_rows("metrics", rows([4], 1.0, quantity="accuracy"))
    folder.write_rows("metrics", rows([4], 2.0, quantity="loss"))
    found = folder.table("metrics").set_index(["step", "quantity"])["value"].to_dict()
    assert found == {(0, "loss"): 0, (4, "accuracy"): 1, (4, "loss"): 2}


def test_cut_tables_drops_what_is_later_and_leaves_the_rest(home):
    folder = runs.RunFolder(home / "run", {"seed": 0})
    folder.write_rows("observed-x", rows([0, 4, 8]))
    folder.write_rows("metrics", rows([0, 3], quantity="loss"))
    stamp = (folder.path / "metrics.parquet").stat().st_mtime_ns
    folder.cut_tables(4)
    assert folder.table("observed-x")["step"].tolist() == [0, 4]
    assert (folder.path / "metrics.parquet").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("what", ["weights", "state"])
def test_tensors_come_back_to_the_bit(what, home):
    folder = runs.RunFolder(home / "run", {"seed": 0})
    tensors = {
        "channels_last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "half": torch.randn(5).bfloat16(),
        "number": torch.tensor(3),
        "part": torch.randn(4, 4)[1:3],
    }
    tensors["shared"] = tensors["part"]
    if what == "weights":
        folder.write_checkpoint(12, tensors)
        found = folder.weights(12)
    else:
        folder.write_record()
        runs.write_states(12, [(folder, tensors)])
        found = folder.state()
        assert folder.trained_to() == 12
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[key], tensors[key]) and found[key].dtype == tensors[key].dtype for key in tensors)


@pytest.mark.parametrize("renamed", [0, 1, 2])
def test_states_of_runs_trained_together_are_renamed_all_or_none(home, monkeypatch, renamed):
    folders = [runs.RunFolder(home / name, {"seed": seed}) for seed, name in enumerate("abc")]
    for folder in folders:
        folder.path.mkdir()

    def states(step):
        return [(folder, {"model/w": torch.full((4,), float(step + folder.seed))}) for folder in folders]

    runs.write_states(5, states(5))
    replace, done = os.replace, []

    def killed(source, target):
        if str(target).endswith("state.safetensors"):
            if len(done) == renamed:
                raise KeyboardInterrupt
            done.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        runs.write_states(9, states(9))
    monkeypatch.setattr(os, "replace", replace)
    assert [folder.trained_to() for folder in folders] == [9] * renamed + [5] * (3 - renamed)
    runs.finish_states(folders)
    assert [folder.trained_to() for folder in folders] == [9, 9, 9]
    assert [float(folder.state()["model/w"][0]) for folder in folders] == [9, 10, 11]
    assert not [path for folder in folders for path in folder.path.glob(".*")]


def test_states_whose_list_was_not_written_stay_as_they_were(home, monkeypatch):
    folders = [runs.RunFolder(home / name, {"seed": seed}) for seed, name in enumerate("ab")]
    for folder in folders:
        folder.path.mkdir()
    runs.write_states(5, [(folder, {"model/w": torch.zeros(4)}) for folder in folders])
    pack, packed = runs.RunFolder.pack_state, []

    def killed(folder, step, tensors):
        if packed:
            raise KeyboardInterrupt
        packed.append(folder)
        return pack(folder, step, tensors)

    monkeypatch.setattr(runs.RunFolder, "pack_state", killed)
    with pytest.raises(KeyboardInterrupt):
        runs.write_states(9, [(folder, {"model/w": torch.ones(4)}) for folder in folders])
    runs.finish_states(folders)
    assert [folder.trained_to() for folder in folders] == [5, 5]


def test_a_state_is_read_whole_while_another_one_replaces_it(home):
    folder = runs.RunFolder(home / "busy", {})
    folder.path.mkdir()
    sizes = {7: 10, 12_345_678: 20_000}  # by step: header and file differ in length
    states = [(step, [(folder, {"model/w": torch.full((size,), float(step))})]) for step, size in sizes.items()]
    runs.write_states(*states[0])
    done = threading.Event()

    def write():
        while not done.is_set():
            for state in states:
                runs.write_states(*state)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(500):
            assert folder.trained_to() in sizes
            weights = folder.state()["model/w"]
            assert len(weights) == sizes[int(weights[0])]
    finally:
        done.set()
        writer.join()


def test_checkpoints_beyond_eight_digits_are_found(home):
    folder = runs.RunFolder(home / "run", {"seed": 0})
    for step in (123_456_789, 5):
        folder.write_checkpoint(step, {"w": torch.zeros(1)})
    assert folder.steps() == [5, 123_456_789]


# --------------------------------------------------------------------------------------------- the run


def test_activations_are_stacked_over_the_seeds():
    run = train(seeds=[2, 0])
    x = digits().x_test[:9]
    found = run.activations(2, ["layer1"], x)
    assert found["layer1"].shape == (2, 9, 6)
    for member in range(2):
        assert torch.equal(found["layer1"][member], probes.activations(run.module(2, member), x)["layer1"])
    assert list(run.activations(2)) == ["layer1", "output"]
    assert run.activations(2)["output"].shape == (2, 50, 10)


def test_activations_of_a_convolution_keep_channels_height_and_width():
    assert train(convolutional).activations(4, ["0"])["0"].shape == (2, 50, 2, 8, 8)


def test_a_module_has_the_weights_of_its_step_and_seed():
    run = train(seeds=[2, 0])
    for member in range(2):
        module = run.module(4, member)
        assert not module.training
        expected = run.folders[member].weights(4)
        assert all(torch.equal(value, expected[key]) for key, value in module.state_dict().items())
    assert not torch.equal(run.module(4, 0).layer1[1].weight, run.module(4, 1).layer1[1].weight)


def test_a_step_without_checkpoint_lists_those_there_are():
    with pytest.raises(ValueError, match=r"step must be one of 0, 2, 4; got step=3"):
        train().activations(3)


def test_an_unknown_layer_of_a_run_lists_the_right_ones():
    with pytest.raises(ValueError, match=r"layers must be among layer1.*output.*got layers=\['fc'\]"):
        train().activations(4, ["fc"])


def test_a_run_without_data_asks_for_inputs(home):
    recorder = runs.Recorder(home / "mine", nn.Linear(2, 2))
    recorder.checkpoint(0)
    with pytest.raises(ValueError, match=r"x must be given.*got x=None"):
        recorder.run.activations(0, [""])


def test_metrics_are_tidy():
    metrics = train(steps=20, checkpoints=[0]).metrics
    assert {"seed", "step", "epoch", "quantity", "value"} <= set(metrics.columns)
    assert set(metrics["quantity"]) == {"train_loss", "test_loss", "test_accuracy"}
    assert metrics[metrics["quantity"] == "train_loss"]["step"].tolist() == [10, 20, 10, 20]


def test_steps_are_those_that_every_seed_has():
    run = train()
    (run.folders[1].path / "step-00000002.safetensors").unlink()
    assert run.steps == [0, 4]


# --------------------------------------------------------------------------------------------- the recorder


class Own(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.encoder(x))


def own_loop(path, steps=6, seed=0, lr=0.1):
    """A user's own training loop, in ten lines."""
    torch.manual_seed(seed)
    model, x, kept = Own(), torch.randn(20, 3), {}
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    recorder = runs.Recorder(path, model, seed=seed)
    for step in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long()).backward()
        optimiser.step()
        if step % 2 == 0:
            recorder.checkpoint(step, test_accuracy=step / 10)
            kept[step] = {key: value.clone() for key, value in model.state_dict().items()}
    return recorder, model, x, kept


def test_a_network_of_your_own_gives_a_run(home):
    recorder, model, x, kept = own_loop(home / "mine")
    run = recorder.run
    assert run.steps == [0, 2, 4]
    assert run.seeds == [0]
    assert model.training  # recording and reading leave the model as it was
    for step, weights in kept.items():
        found = run.activations(step, ["encoder.1", "encoder", "head"], x)
        by_hand = torch.relu(x @ weights["encoder.0.weight"].T + weights["encoder.0.bias"])
        # dropout is off; float32 sums of three terms
        torch.testing.assert_close(found["encoder.1"], by_hand.unsqueeze(0), rtol=1e-5, atol=1e-6)
        assert torch.equal(found["encoder"], found["encoder.1"])
        assert found["head"].shape == (1, 20, 2)
    assert all(torch.equal(value, kept[4][key]) for key, value in run.module(4).state_dict().items())


def test_recorded_metrics_are_the_runs(home):
    metrics = own_loop(home / "mine")[0].run.metrics
    assert set(metrics["quantity"]) == {"test_accuracy"}
    assert metrics["step"].tolist() == [0, 2, 4]
    assert metrics["value"].tolist() == [0, 0.2, 0.4]


def test_a_run_taken_early_does_not_change_with_the_model(home):
    recorder, model, x, _ = own_loop(home / "mine")
    run = recorder.run
    before = run.activations(0, x=x)["head"]
    with torch.no_grad():
        model.head.weight.fill_(7)
    assert torch.equal(run.activations(0, x=x)["head"], before)


def test_a_second_recording_at_the_same_path_shows_only_itself_and_the_first_is_put_aside(home):
    own_loop(home / "mine")
    first = runs.open(home / "mine", Own).module(4).state_dict()
    recorder = runs.Recorder(home / "mine", Own())
    with pytest.warns(UserWarning, match=r"put aside as seed-0\.old-1.*resume=True"):
        recorder.checkpoint(2, loss=0.5)
    recorder.checkpoint(3)
    assert recorder.run.steps == [2, 3]
    assert recorder.run.metrics["quantity"].tolist() == ["loss"]
    assert sorted(path.name for path in (home / "mine").iterdir()) == ["seed-0", "seed-0.old-1"]
    aside = runs.open(home / "mine" / "seed-0.old-1", Own)
    assert aside.steps == [0, 2, 4]
    assert all(torch.equal(value, first[key]) for key, value in aside.module(4).state_dict().items())
    with pytest.warns(UserWarning, match=r"seed-0\.old-2"):
        runs.Recorder(home / "mine", Own(5)).checkpoint(0)  # of another network, too
    assert runs.open(home / "mine" / "seed-0.old-2", Own).steps == [2, 3]


def test_a_recorder_that_records_nothing_moves_nothing(home):
    own_loop(home / "mine")
    recorder = runs.Recorder(home / "mine", Own())
    with pytest.raises(ValueError, match=r"holds another recording than this run's.*runs\.open"):
        recorder.run.module(4)
    assert runs.open(home / "mine", Own).steps == [0, 2, 4]
    assert [path.name for path in (home / "mine").iterdir()] == ["seed-0"]


@pytest.mark.filterwarnings("ignore:.*put aside")
def test_what_was_put_aside_is_neither_added_to_nor_read_as_the_new_one(home):
    recorder, _, x, _ = own_loop(home / "mine")
    run = recorder.run
    runs.Recorder(home / "mine", Own()).checkpoint(0)
    with pytest.raises(ValueError, match=r"another recording was begun"):
        recorder.checkpoint(6)
    for use in (lambda: run.activations(0, x=x), lambda: run.metrics, lambda: run.steps):
        with pytest.raises(ValueError, match="holds another recording than this run's"):
            use()
    assert runs.open(home / "mine", Own).steps == [0]


def test_resume_goes_on_and_replaces_a_step_with_its_metrics(home):
    own_loop(home / "mine")
    model = Own()
    recorder = runs.Recorder(home / "mine", model, resume=True)
    recorder.checkpoint(9, test_accuracy=0.9)
    recorder.checkpoint(4, loss=1.5)
    run = recorder.run
    assert run.steps == [0, 2, 4, 9]
    found = run.metrics.set_index(["step", "quantity"])["value"].to_dict()
    assert found == {(0, "test_accuracy"): 0.0, (2, "test_accuracy"): 0.2, (4, "loss"): 1.5, (9, "test_accuracy"): 0.9}
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in run.module(4).state_dict().items())
    assert [path.name for path in (home / "mine").iterdir()] == ["seed-0"]


def test_a_step_that_is_replaced_without_metrics_has_none(home):
    recorder = own_loop(home / "mine")[0]
    recorder.checkpoint(4)
    assert recorder.run.metrics["step"].tolist() == [0, 2]


def test_resume_begins_where_nothing_is(home):
    recorder = runs.Recorder(home / "mine", Own(), resume=True)
    recorder.checkpoint(3)
    assert recorder.run.steps == [3]


def test_a_repetition_has_a_seed_of_its_own(home):
    own_loop(home / "mine", seed=0)
    run = own_loop(home / "mine", seed=1)[0].run
    assert run.seeds == [1]
    assert sorted(path.name for path in (home / "mine").iterdir()) == ["seed-0", "seed-1"]


@pytest.mark.parametrize("other", [Own(5), nn.Linear(3, 2)], ids=["width", "class"])
def test_another_network_cannot_resume(home, other):
    own_loop(home / "mine")
    with pytest.raises(ValueError, match=r"path must hold a recording of the same network.*mine"):
        runs.Recorder(home / "mine", other, resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_a_recording_does_not_replace_what_train_made(home, resume):
    run = train()
    with pytest.raises(ValueError, match=r"path must not hold a run of training\.train"):
        runs.Recorder(run.folders[0].path.parent, small(), resume=resume)
    assert train().steps == [0, 2, 4]


@pytest.mark.parametrize("seed", [range(3), -1, 1.5, "0", None, True], ids=str)
def test_a_seed_that_is_no_seed_is_refused(home, seed):
    with pytest.raises(ValueError, match=r"seed must be an integer of at least 0; got seed="):
        runs.Recorder(home / "mine", Own(), seed=seed)
    assert not (home / "mine").exists()


def test_whole_numbers_of_numpy_are_seeds_and_steps(home):
    recorder = runs.Recorder(home / "mine", Own(), seed=np.int64(2))
    recorder.checkpoint(np.int64(7), epoch=np.float32(0.5))
    assert (recorder.run.seeds, recorder.run.steps) == ([2], [7])


@pytest.mark.parametrize("step", [1.5, -1, "3", None])
def test_a_step_that_is_no_step_is_refused(home, step):
    recorder = runs.Recorder(home / "mine", Own())
    with pytest.raises(ValueError, match=r"step must be an integer of at least 0; got step="):
        recorder.checkpoint(step)
    assert recorder.run.steps == []


@pytest.mark.parametrize("model", [Own, "lenet", None], ids=["class", "name", "None"])
def test_what_is_no_module_is_refused(home, model):
    with pytest.raises(ValueError, match=r"model must be a torch\.nn\.Module; got"):
        runs.Recorder(home / "mine", model)
    assert not (home / "mine").exists()


def test_an_unknown_step_or_layer_of_your_own_run_lists_the_right_ones(home):
    recorder, _, x, _ = own_loop(home / "mine")
    with pytest.raises(ValueError, match=r"step must be one of 0, 2, 4; got step=1"):
        recorder.run.activations(1, x=x)
    with pytest.raises(ValueError, match=r"encoder, encoder\.0, .*head; got layers=\['encoder\.9'\]"):
        recorder.run.activations(0, ["encoder.9"], x)


def test_recordings_of_other_training_have_other_identities(home):
    """Caches name results by them: two loops that record the same class must not share results."""
    first, second = (own_loop(home / f"rate_{lr}", lr=lr)[0].run for lr in (0.1, 0.5))
    assert first.identities != second.identities


def test_identities_of_trained_runs_name_seed_and_settings():
    one, other = train(seeds=[0, 1], steps=0, checkpoints=None), train(lr=0.5, steps=0, checkpoints=None)
    assert len({*one.identities, *other.identities}) == 4
    assert train(seeds=[0, 1], steps=0, checkpoints=None).identities == one.identities


NUMBERS = {
    "numpy": np.float32(0.5),
    "numpy array": np.array(0.5),
    "tensor": torch.tensor(0.5),
    "loss": torch.tensor(0.5, requires_grad=True) * 1,
    "half": torch.tensor(0.5, dtype=torch.bfloat16),
}


@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS)
def test_numbers_of_numpy_and_torch_are_metrics_too(home, value):
    recorder = runs.Recorder(home / "mine", Own())
    recorder.checkpoint(0, train_loss=value, epoch=value)
    recorder.checkpoint(1, train_loss=0.25, test_accuracy=1)
    assert recorder.run.metrics["value"].tolist() == [0.5, 0.25, 1.0]
    assert recorder.run.metrics["epoch"].tolist()[0] == 0.5


WRONG = {"text": "0.5", "none": None, "several": torch.zeros(3), "one in a list": [0.5], "array": np.zeros(1),
         "bool": True, "complex": torch.tensor(1j)}  # fmt: skip


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
def test_a_metric_that_is_no_number_is_refused_before_anything_is_written(home, value):
    recorder = runs.Recorder(home / "mine", Own())
    with pytest.raises(ValueError, match=r"test_accuracy must be one number.*; got "):
        recorder.checkpoint(1, loss=0.5, test_accuracy=value)
    assert not (home / "mine").exists()
    with pytest.raises(ValueError, match=r"epoch must be one number" if value is not None else "loss must be"):
        recorder.checkpoint(1, epoch=value, loss=None)
    assert recorder.run.steps == []


@pytest.mark.parametrize("epoch", [-1, float("nan"), float("inf")])
def test_an_epoch_is_finite_and_not_negative(home, epoch):
    recorder = runs.Recorder(home / "mine", Own())
    with pytest.raises(ValueError, match=r"epoch must be a finite number of at least 0; got epoch="):
        recorder.checkpoint(1, epoch=epoch)
    assert recorder.run.steps == []


def test_a_loss_that_is_not_a_number_any_more_is_recorded(home):
    recorder = runs.Recorder(home / "mine", Own())
    recorder.checkpoint(0, train_loss=float("inf"))
    assert recorder.run.metrics["value"].tolist() == [float("inf")]


def recorded(home, **metrics):
    """Three checkpoints of ten steps an epoch, of a network that changes in between."""
    model = Own()
    recorder = runs.Recorder(home / "mine", model)
    for step in (0, 10, 25):
        recorder.checkpoint(step, epoch=step / 10, **metrics)
        with torch.no_grad():
            model.head.weight.mul_(-1.5)
    return recorder.run


@pytest.mark.parametrize("metrics", [{}, {"train_loss": 0.5}], ids=["alone", "with a metric"])
def test_the_epochs_of_a_recording_are_those_of_paths_cubes_and_views(home, metrics):
    from mi_kit.live.training import _loss

    run, x = recorded(home, **metrics), torch.randn(40, 3)
    y = (x[:, 0] > 0).long()
    assert run.metrics["epoch"].tolist() == [0, 1, 2.5]
    assert phases.path_of(run, x, y)["epoch"].tolist() == [0, 1, 2.5]
    cube = Hypercube(run, x, y)
    assert cube.epochs == [0, 1, 2.5]
    assert _loss(cube)["epoch"].tolist() == ([0, 1, 2.5] if metrics else [])


def test_epochs_that_are_recorded_are_taken_as_they_are(home):
    """A last epoch with fewer steps: a share of the last step would be wrong."""
    recorder = runs.Recorder(home / "mine", Own())
    for step, epoch in ((0, 0), (10, 1), (12, 2)):
        recorder.checkpoint(step, epoch=epoch)
    assert Hypercube(recorder.run, torch.randn(4, 3)).epochs == [0, 1, 2]


def test_several_checkpoints_of_one_whole_epoch_are_told_apart(home):
    recorder = runs.Recorder(home / "mine", Own())
    for step in range(0, 20, 5):
        recorder.checkpoint(step, epoch=step // 10)
    cube = Hypercube(recorder.run, torch.randn(4, 3))
    assert len({*cube.epochs}) == 4
    assert cube.epochs[-1] == 1


def test_a_recorded_loss_without_epochs_stands_at_its_steps(home):
    from mi_kit.live.training import _loss

    recorder = runs.Recorder(home / "mine", Own())
    for step in (3, 8):
        recorder.checkpoint(step, train_loss=step)
    cube = Hypercube(recorder.run, torch.randn(4, 3))
    assert _loss(cube)["epoch"].tolist() == cube.epochs == [3, 8]


@pytest.mark.parametrize("member", [0, 1])
def test_before_any_checkpoint_a_run_says_so(home, member):
    recorder = runs.Recorder(home / "mine", Own())
    for use in (recorder.run.module, lambda step: recorder.run.activations(step, x=torch.zeros(2, 3))):
        with pytest.raises(ValueError, match=r"there is no checkpoint yet.*seed-0; got step=0"):
            use(0)
    if member:
        other = runs.Recorder(home / "mine", Own(), seed=1)
        recorder.checkpoint(0)
        other.checkpoint(1)
        with pytest.raises(ValueError, match=r"no step has a checkpoint of every seed"):
            runs.open(home / "mine", Own)


# --------------------------------------------------------------------------------------------- data sets


@pytest.mark.parametrize("given", ["mnist", torch.zeros(3), {}], ids=["name", "tensor", "dict"])
def test_what_is_no_data_set_is_refused(home, given):
    message = r"dataset must be a data\.Dataset.*; got (str|Tensor|dict)"
    with pytest.raises(ValueError, match=message):
        runs.Recorder(home / "mine", Own(), dataset=given)
    own_loop(home / "mine")
    with pytest.raises(ValueError, match=message):
        runs.open(home / "mine", Own, given)
    with pytest.raises(ValueError, match=message):
        training.train(small, given, progress=False)
    for take in (data.grey, data.centred, data.part):
        with pytest.raises(ValueError, match=message):
            take(given)


def test_a_data_set_of_torch_is_sent_to_dataset_of(home):
    given = torch.utils.data.TensorDataset(torch.zeros(4, 3), torch.zeros(4))
    with pytest.raises(ValueError, match=r"got TensorDataset.*data\.Dataset\.of\(\*dataset\.tensors\)"):
        runs.Recorder(home / "mine", Own(), dataset=given)


# --------------------------------------------------------------------------------------------- opened again


def test_seeds_that_were_recorded_one_by_one_are_opened_as_one_run(home):
    each = {seed: own_loop(home / "mine", seed=seed) for seed in (2, 0, 11)}
    run = runs.open(home / "mine", Own, digits())
    assert (run.seeds, run.steps) == ([0, 2, 11], [0, 2, 4])
    assert run.dataset is digits()
    assert run.network.name == "Own"
    x = each[0][2]
    found = run.activations(4, ["head"], x)["head"]
    for member, seed in enumerate(run.seeds):
        network = models.copy_with(Own(), each[seed][3][4])
        assert torch.equal(found[member], probes.activations(network, x, ["head"])["head"])
    assert run.metrics.groupby("seed").size().to_dict() == {0: 3, 2: 3, 11: 3}


@pytest.mark.parametrize("make", [Own, Own(), lambda: Own()], ids=["class", "module", "function"])
def test_a_run_is_opened_with_anything_that_gives_the_network(home, make):
    kept = own_loop(home / "mine")[3]
    run = runs.open(str(home / "mine"), make)
    assert torch.equal(run.module(4).head.weight, kept[4]["head.weight"])


@pytest.mark.parametrize("network", [small, "lenet"])
def test_what_train_made_is_opened_too(home, network):
    run = train(network, seeds=[1, 0])
    for path in (run.folders[0].path.parent, run.folders[0].path.parent.parent):
        opened = runs.open(path, network, digits())
        assert (opened.seeds, opened.steps) == ([0, 1], [0, 2, 4])
        weights = run.module(4, 0).state_dict()
        assert all(torch.equal(value, weights[key]) for key, value in opened.module(4, 1).state_dict().items())
        assert opened.metrics["quantity"].value_counts().to_dict() == {"test_loss": 6, "test_accuracy": 6}


def test_runs_of_several_settings_are_not_joined(home):
    base = train().folders[0].path.parent.parent
    train(lr=0.5)
    with pytest.raises(ValueError, match=r"path must hold one run; got 2: .*, .*"):
        runs.open(base, small)


def test_one_seed_is_opened_by_its_folder(home):
    for seed in (0, 1):
        own_loop(home / "mine", seed=seed)
    assert runs.open(home / "mine" / "seed-1", Own).seeds == [1]


class Renamed(Own):
    pass


OTHERS = {
    "width": (lambda: Own(5), r"encoder\.0\.bias.*\(5,\).*\(4,\)"),
    "class": (Renamed, r"got a Renamed, and .* holds the checkpoints of a Own"),
    "parts": (lambda: nn.Linear(3, 2), "got a Linear"),
    "no module": (lambda: None, r"make_model must .*; got NoneType"),
    "no function": (3, r"make_model must .*; got int"),
}


@pytest.mark.parametrize("make, message", OTHERS.values(), ids=OTHERS)
def test_another_network_than_the_recorded_one_is_refused(home, make, message):
    own_loop(home / "mine")
    with pytest.raises(ValueError, match=message):
        runs.open(home / "mine", make)


def test_another_network_than_the_trained_one_is_refused(home):
    base = train().folders[0].path.parent
    with pytest.raises(ValueError, match=r"layer1\.1\.bias.*\(7,\).*\(6,\)"):
        runs.open(base, models.dense([784, 7, 10], nn.Tanh))


@pytest.mark.filterwarnings("ignore:.*put aside")
def test_seeds_of_different_networks_are_not_joined(home):
    for seed in (0, 1):
        own_loop(home / "mine", seed=seed)
    runs.Recorder(home / "mine", Own(5), seed=1).checkpoint(0)
    with pytest.raises(ValueError, match=r"seeds must be of the same network.*seed-1"):
        runs.open(home / "mine", Own)


def test_a_folder_without_a_run_is_refused(home):
    for path in (home / "nothing", home):
        with pytest.raises(ValueError, match=r"path must be a folder with a run"):
            runs.open(path, Own)


def test_an_opened_run_says_that_forward_was_edited(home):
    def version(bend):
        space = {"nn": nn, "bend": bend, "__name__": "__main__"}
        text = """
class Edited(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(784, 10)

    def forward(self, x):
        return bend(self.last(x.flatten(1)))
"""
        exec(text, space)
        return space["Edited"]

    first, second = version(torch.relu), version(torch.tanh)
    runs.Recorder(home / "mine", first()).checkpoint(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs.open(home / "mine", first)
    with pytest.warns(UserWarning, match="The source of Edited has changed"):
        runs.open(home / "mine", second)


def test_an_opened_run_says_that_a_value_of_a_layer_was_edited(home):
    make = lambda slope: nn.Sequential(nn.Flatten(), nn.LeakyReLU(slope), nn.Linear(784, 10))  # noqa: E731
    runs.Recorder(home / "mine", make(0.1)).checkpoint(0)
    with pytest.warns(UserWarning, match="The source of Sequential has changed"):
        runs.open(home / "mine", lambda: make(0.9))
