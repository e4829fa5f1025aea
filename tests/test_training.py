"""Training: what names a run, what is trained again, resuming to the bit, ensembles against the slow loop."""

import functools
import json
import math
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import Calls
from torch import nn

from mi_kit import data, models, probes, progress, runs, training

SETTINGS = {"lr": 1e-2, "batch_size": 60, "device": "cpu", "progress": False}  # 200 samples: the 4th batch is partial
MOMENTUM = {"optimizer": "sgd", "momentum": 0.9}

# Summing in another order changes a float32 sum by a few 1e-7 of its size; 12 steps of SGD add such errors up and do
# not magnify them. Adam divides by the gradient's size: where a gradient is itself almost rounding, a step (lr = 1e-2)
# can differ by a visible share, so its tolerance is a hundredth of one step.
TOLERANCE = {"sgd": {"rtol": 1e-5, "atol": 1e-6}, "adam": {"rtol": 1e-5, "atol": 1e-4}}


def told(value) -> str:
    """A test's name without addresses: every process must collect the same names."""
    return re.sub(r"<function (\w+) at 0x[0-9a-f]+>", r"\1", str(value))


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Bits depend on the thread count: one here and in the processes started here; on shared cores faster, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_KIT_HOME", str(tmp_path))
    monkeypatch.setenv("MI_KIT_OFFLINE", "1")
    monkeypatch.delenv("MI_KIT_PROGRESS", raising=False)
    return tmp_path


@functools.cache
def digits(n_train=200):
    return data.load("digits", n_train=n_train, n_test=50)


def small():
    return models.dense([784, 8, 6, 10], nn.Tanh)


def large():
    return models.dense([784, 70, 10], nn.Tanh)  # 54,880 weights in the first layer: above LARGE_LAYER


def convolutional():
    blocks = OrderedDict(
        block1=nn.Sequential(nn.Conv2d(1, 3, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2)),
        output=nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 6, 10)),
    )
    return nn.Sequential(blocks)


def noisy():
    blocks = OrderedDict(
        block1=nn.Sequential(nn.Conv2d(1, 3, 5, stride=2), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)),
        output=nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3 * 6 * 6, 10)),
    )
    return nn.Sequential(blocks)


class FunctionalDropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.output = nn.Linear(784, 8), nn.Linear(8, 10)

    def forward(self, x):
        hidden = torch.relu(self.hidden(x.flatten(1)))
        return self.output(nn.functional.dropout(hidden, 0.5, self.training))


def train(network=small, dataset=None, **changes):
    return training.train(network, dataset or digits(), **(SETTINGS | changes))


def weights_of(run, step):
    return [folder.weights(step) for folder in run.folders]


def assert_equal_weights(ours, theirs, **tolerance):
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            torch.testing.assert_close(one[key], other[key], **(tolerance or {"rtol": 0, "atol": 0}))


def assert_same_training(run, other):
    """Weights at every checkpoint and the state with its optimiser, to the bit."""
    assert run.steps == other.steps
    for step in run.steps:
        assert_equal_weights(weights_of(run, step), weights_of(other, step))
    assert [folder.trained_to() for folder in run.folders] == [folder.trained_to() for folder in other.folders]
    assert_equal_weights([folder.state() for folder in run.folders], [folder.state() for folder in other.folders])


def modified(run):
    return {
        path: path.stat().st_mtime_ns
        for folder in run.folders
        for path in folder.path.iterdir()
        if path.suffix in (".json", ".parquet", ".safetensors")
    }


@pytest.fixture
def groups(monkeypatch):
    """The seeds of every group that is really trained."""
    trained, original = [], training._Group.train

    def spy(group, *args, **more):
        trained.append([folder.seed for folder in group.folders])
        return original(group, *args, **more)

    monkeypatch.setattr(training._Group, "train", spy)
    return trained


@pytest.fixture
def updates(monkeypatch):
    """The steps of every update that is really made."""
    steps, original = [], training._Batches.at
    monkeypatch.setattr(training._Batches, "at", lambda self, step: steps.append(step) or original(self, step))
    return steps


def bias_rows(moment):
    """The gradient's size for each member; NaN where there is no gradient."""
    rows = []
    for member, module in enumerate(moment.modules()):
        gradient = next(module.parameters()).grad
        size = float("nan") if gradient is None else gradient.norm().item()
        rows.append({"member": member, "gradient": size, "bias": list(module.parameters())[1].sum().item()})
    return rows


# --------------------------------------------------------------------------------------------- what is trained again


def test_asking_again_trains_nothing(groups):
    arguments = {"seeds": range(2), "steps": 12, "checkpoints": [0, 5], "observe": bias_rows, "observe_at": [0, 6]}
    run = train(**arguments)
    before = modified(run)
    again = train(**arguments)
    assert groups == [[0, 1]]
    assert modified(again) == before
    assert again.steps == [0, 5, 12]


def test_more_seeds_train_only_the_new_ones(groups):
    before = modified(run := train(seeds=[0, 1], steps=4))
    more = train(seeds=[2, 0, 1, 3], steps=4)
    assert groups == [[0, 1], [2, 3]]
    assert more.seeds == [2, 0, 1, 3]
    assert modified(run) == before


def test_more_steps_continue_from_the_state(updates):
    train(steps=10)
    updates.clear()
    train(steps=16)
    assert updates == [11, 12, 13, 14, 15, 16]


def test_a_new_checkpoint_in_the_middle_is_added_and_the_others_stay(updates):
    run = train(steps=20, checkpoints=[0, 10])
    before, state = modified(run), run.folders[0].state()
    tables = run.metrics
    updates.clear()
    more = train(steps=20, checkpoints=[0, 5, 10])
    assert updates == [1, 2, 3, 4, 5]
    assert more.steps == [0, 5, 10, 20]
    after = modified(more)
    assert {path: after[path] for path in before if path.suffix == ".safetensors"} == {
        path: stamp for path, stamp in before.items() if path.suffix == ".safetensors"
    }
    assert_equal_weights([more.folders[0].state()], [state])
    old = more.metrics[more.metrics["step"] != 5].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, tables, check_exact=True)
    uninterrupted = train(steps=5, folder=run.folders[0].path.parents[2] / "other")
    assert_equal_weights(weights_of(more, 5), weights_of(uninterrupted, 5))


@pytest.mark.parametrize(
    "changes",
    [
        {"lr": 2e-2},
        {"weight_decay": 1e-3},
        {"optimizer": "sgd"},
        {"momentum": 0.5},
        {"batch_size": 50},
        {"batch_size": None},
        {"precision": "bfloat16"},
        {"network": large},
        {"dataset": "part"},
    ],
    ids=told,
)
def test_another_setting_is_another_folder(changes):
    if "dataset" in changes:
        changes = {"dataset": digits(150)}
    assert train(steps=0).folders[0].path != train(steps=0, **changes).folders[0].path


def test_another_network_source_is_another_folder():
    def first():
        def net():
            return models.dense([784, 5, 10], nn.Tanh)

        return net

    def second():
        def net():
            return models.dense([784, 5, 10], nn.ReLU)

        return net

    assert train(first(), steps=0).folders[0].path != train(second(), steps=0).folders[0].path


def test_the_same_source_with_another_closure_is_another_folder():
    def of(activation):
        return lambda: models.dense([784, 5, 10], activation)

    tanh, relu = train(of(nn.Tanh), steps=0), train(of(nn.ReLU), steps=0)
    assert tanh.folders[0].path != relu.folders[0].path


def test_made_data_sets_are_told_apart_by_their_content():
    def made(shift):
        x, y = torch.arange(40.0).reshape(10, 4) / 40 + shift, torch.arange(10) % 2
        return data.Dataset(x, y, x, y, ("a", "b"), "made", "this test")

    def net():
        return models.dense([4, 3, 2], nn.Tanh)

    assert train(net, made(0.0), steps=0).folders[0].path != train(net, made(1.0), steps=0).folders[0].path


def test_device_and_steps_are_not_identity(groups):
    run = train(steps=4)
    assert train(steps=4, device="auto").folders[0].path == run.folders[0].path
    assert train(steps=2).folders[0].path == run.folders[0].path
    assert groups == [[0], [0]]  # the second call asked for nothing new, the third for a checkpoint at 2


@pytest.mark.parametrize("changes", [{"weight_decay": 0}, {"momentum": 0}, {"batch_size": np.int64(60)}], ids=str)
def test_settings_that_are_equal_numbers_name_the_same_run(changes):
    assert train(steps=0).folders[0].path == train(steps=0, **changes).folders[0].path


@pytest.mark.parametrize(
    "changes", [{"batch_size": np.int64(60)}, {"members": [{"seed": np.int64(0)}]}], ids=["batch_size", "seed"]
)
def test_a_run_with_numpy_settings_can_be_resumed(changes):
    train(steps=2, **changes)
    resumed = train(steps=4, **changes)
    assert resumed.steps == [2, 4]
    assert resumed.seeds == [0]
    assert resumed.metrics["seed"].tolist() == [0] * 2  # test loss and accuracy at step 4, all that was asked for


def test_fewer_steps_than_on_disk_show_only_what_was_asked_for():
    ask = functools.partial(train, observe=bias_rows)
    ask(steps=20, checkpoints=[0, 10], observe_at=[0, 10, 20])
    run = ask(steps=10, checkpoints=[0, 10], observe_at=[0, 10])
    assert run.steps == [0, 10]
    assert run.metrics["step"].max() == 10
    assert sorted(run.observed("bias_rows")["step"].unique()) == [0, 10]
    assert run.folders[0].steps() == [0, 10, 20]


def test_the_last_step_is_always_kept():
    assert train(steps=3).steps == [3]
    assert train(steps=0).steps == [0]


def test_step_zero_is_the_untrained_network():
    run = train(seeds=[4], steps=3, checkpoints=[0])
    assert_equal_weights(weights_of(run, 0), [models.build(small, 4).state_dict()])


def test_training_leaves_the_global_random_state_alone():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    train(noisy, steps=2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_same_seed_twice_does_not_wait_for_itself(monkeypatch):
    lock = runs.fcntl.flock  # refused at once instead of waiting for ever
    monkeypatch.setattr(runs.fcntl, "flock", lambda file, how: lock(file, how | runs.fcntl.LOCK_NB))
    try:
        assert train(seeds=[0, 0], steps=2).seeds == [0, 0]
    except ValueError as error:
        assert "seeds" in str(error)  # refusing it would do as well


# --------------------------------------------------------------------------------------------- side by side


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.fixture
def where(monkeypatch):
    """The thread of every training, and how many threads its products may take."""
    seen, original = {}, training._Group.train

    def spy(group, *args, **more):
        seen[group.folders[0].seed] = threading.current_thread().name, torch.get_num_threads()
        return original(group, *args, **more)

    monkeypatch.setattr(training._Group, "train", spy)
    return seen


@pytest.mark.parametrize("n_seeds", [2, 3, 5])
def test_seeds_of_a_convolutional_network_are_trained_side_by_side(n_seeds, two_threads, where, home):
    random_state = torch.get_rng_state()
    together = train(convolutional, seeds=range(n_seeds), steps=12, observe=bias_rows, observe_at=[0, 6, 12])
    assert len({name for name, _ in where.values()} - {"MainThread"}) >= 2
    assert {threads for _, threads in where.values()} == {1}
    assert torch.get_num_threads() == 2
    assert torch.equal(torch.get_rng_state(), random_state)
    torch.set_num_threads(1)
    settings = {"steps": 12, "observe": bias_rows, "observe_at": [0, 6, 12], "folder": home / "apart"}
    apart = [train(convolutional, seeds=[seed], **settings) for seed in range(n_seeds)]
    assert where[0][0] == "MainThread"
    for seed, alone in enumerate(apart):
        assert_equal_weights([together.folders[seed].state()], [alone.folders[0].state()])
    pd.testing.assert_frame_equal(together.metrics, train(convolutional, seeds=range(n_seeds), **settings).metrics)


@pytest.mark.parametrize("network", [small, noisy, FunctionalDropout])
def test_ensembles_and_networks_with_noise_are_trained_in_the_main_thread(network, two_threads, where):
    train(network, seeds=range(2), steps=2)
    assert {name for name, _ in where.values()} == {"MainThread"}


def test_the_seed_that_is_left_goes_on_in_as_many_threads_as_before(two_threads, where, home):
    train(convolutional, seeds=range(2), steps=5)
    train(convolutional, seeds=[1], steps=10)
    assert torch.get_num_threads() == 2
    sessions = json.loads((next(home.rglob("seed-1")) / "run.json").read_text(encoding="utf-8"))["sessions"]
    assert [session["threads"] for session in sessions] == [1]
    whole = train(convolutional, seeds=range(2), steps=10, folder=home / "whole")
    left = train(convolutional, seeds=[1], steps=10)
    assert_equal_weights([left.folders[0].state()], [whole.folders[1].state()])


def test_an_error_in_one_seed_stops_the_others_and_what_was_done_is_kept(two_threads, monkeypatch, home):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_STATES", 0)
    one_breaks = threading.Lock()

    def breaks(moment):
        if moment.step == 5 and one_breaks.acquire(blocking=False):
            raise RuntimeError("the first seed to come here")
        return []

    settings = {"seeds": range(2), "steps": 80, "observe": breaks, "observe_at": range(81)}
    with pytest.raises(RuntimeError, match="the first seed to come here"):
        train(convolutional, **settings)
    assert torch.get_num_threads() == 2
    found = [runs.RunFolder(path, {}).trained_to() for path in home.rglob("seed-*")]
    assert 4 in found
    assert max(found) < 80
    assert [folder.trained_to() for folder in train(convolutional, **settings).folders] == [80, 80]


# --------------------------------------------------------------------------------------------- resuming


@pytest.mark.parametrize("settings", [{}, MOMENTUM], ids=["adam", "sgd"])
@pytest.mark.parametrize("network", [small, convolutional, noisy, FunctionalDropout])
def test_resumed_training_equals_uninterrupted(network, settings, home):
    whole = train(network, seeds=range(2), steps=20, checkpoints=[10], **settings)
    train(network, seeds=range(2), steps=10, folder=home / "resumed", **settings)
    resumed = train(network, seeds=range(2), steps=20, checkpoints=[10], folder=home / "resumed", **settings)
    assert_same_training(resumed, whole)
    pd.testing.assert_frame_equal(resumed.metrics, whole.metrics, check_exact=True)


def test_training_loss_does_not_depend_on_where_training_was_resumed(home):
    whole = train(steps=20)
    train(steps=7, folder=home / "resumed")
    resumed = train(steps=20, folder=home / "resumed")
    losses = [run.metrics[run.metrics["quantity"] == "train_loss"].reset_index(drop=True) for run in (resumed, whole)]
    pd.testing.assert_frame_equal(*losses, check_exact=True)


KILLED = """
    import functools, time
    from collections import OrderedDict
    from torch import nn
    from mi_kit import data, models, training

    def dense():
        return models.dense([784, 8, 10], nn.Tanh)

    def convolutional():
        return nn.Sequential(OrderedDict(
            block1=nn.Sequential(nn.Conv2d(1, 3, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2)),
            output=nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(108, 10)),
        ))

    def gradients(moment):
        time.sleep(gradients.pause)
        sizes = [next(module.parameters()).grad for module in moment.modules()]
        return [{"member": m, "gradient": -1.0 if g is None else g.norm().item()} for m, g in enumerate(sizes)]

    gradients.pause = 0.0
    STEPS = 30

    def go(network, folder):
        dataset = data.load("digits", n_train=200, n_test=50)
        return training.train(
            network, dataset, seeds=range(2), lr=1e-2, batch_size=60, steps=STEPS, checkpoints=[0, 10, 15],
            observe=gradients, observe_at=range(0, STEPS + 1), device="cpu", progress=False, folder=folder,
        )

    if __name__ == "__main__":
        import sys
        training.SECONDS_BETWEEN_STATES = 0
        gradients.pause = 0.01
        go(globals()[sys.argv[1]], sys.argv[2])
"""


@pytest.fixture(scope="module", params=["dense", "convolutional"])
def killed_and_whole(request, tmp_path_factory, one_thread):
    """A run that was killed in another process and resumed in this one, and one that was left in peace."""
    folder = tmp_path_factory.mktemp(f"killed_{request.param}")
    script = folder / f"kill_{request.param}.py"
    script.write_text(textwrap.dedent(KILLED))
    environment = os.environ | {"MI_KIT_HOME": str(folder), "MI_KIT_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    victim = subprocess.Popen([sys.executable, script, request.param, folder / "killed"], env=environment)
    try:
        stopped_at = wait_for_state(folder / "killed", victim, at_least=13)
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    module = load_script(script)
    assert 13 <= stopped_at < module.STEPS
    network = getattr(module, request.param)
    return module.go(network, folder / "killed"), module.go(network, folder / "whole")


def wait_for_state(folder, process, at_least):
    for _ in range(6000):
        steps = [runs.RunFolder(path.parent, {}).trained_to() for path in folder.glob("*/seed-*/state.safetensors")]
        if steps and max(steps) >= at_least:
            return max(steps)
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.005)
    raise AssertionError("no state was written within 30 s")


def load_script(path):
    import importlib.util

    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where inspect looks for the source
    spec.loader.exec_module(module)
    return module


def test_killed_training_has_the_weights_of_an_uninterrupted_one(killed_and_whole):
    assert_same_training(*killed_and_whole)


@pytest.mark.parametrize("quantity", ["test_loss", "test_accuracy", "train_loss"])
def test_killed_training_has_the_metrics_of_an_uninterrupted_one(killed_and_whole, quantity):
    tables = [run.metrics[run.metrics["quantity"] == quantity].reset_index(drop=True) for run in killed_and_whole]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_killed_training_has_the_observed_rows_of_an_uninterrupted_one(killed_and_whole):
    resumed, whole = (run.observed("gradients") for run in killed_and_whole)
    pd.testing.assert_frame_equal(resumed, whole, check_exact=True)


def test_rows_later_than_the_state_are_cut_and_not_doubled(home):
    arguments = {"steps": 12, "checkpoints": [4, 8], "observe": bias_rows, "observe_at": range(13)}
    whole = train(**arguments)
    folder = train(steps=6, observe=bias_rows, observe_at=range(7), folder=home / "cut").folders[0]
    late = pd.DataFrame([{"gradient": -5.0, "bias": -5.0, "step": step, "epoch": -5.0} for step in (6, 7, 8, 11)])
    # as if killed after the rows and before the state
    folder.write_rows(f"observed-{training.observer_name(bias_rows)}", late[1:])
    folder.write_rows("metrics", late.assign(quantity="train_loss", value=-5.0)[["step", "epoch", "quantity", "value"]])
    resumed = train(**arguments, folder=home / "cut")
    rows = resumed.observed("bias_rows")
    assert rows["step"].tolist() == list(range(13))
    assert (rows[rows["step"] > 6]["bias"] != -5).all()
    bias = [run.observed("bias_rows")["bias"] for run in (resumed, whole)]
    pd.testing.assert_series_equal(*bias, check_exact=True)
    assert not (resumed.metrics[resumed.metrics["step"] > 6]["value"] == -5).any()
    assert not resumed.metrics.duplicated(["seed", "step", "quantity"]).any()


def stops_at(step):
    """An observer, always of the same name, that is interrupted at a step."""

    def interrupted(moment):
        if moment.step == step:
            raise KeyboardInterrupt
        return [{"member": member, "value": 1.0} for member in range(moment.n_members)]

    return interrupted


@pytest.mark.parametrize("steps", [20, 30])
def test_an_interrupted_repetition_never_moves_the_state_backwards(monkeypatch, steps):
    folder = train(steps=20).folders[0]
    monkeypatch.setattr(training, "SECONDS_BETWEEN_STATES", 0)
    with pytest.raises(KeyboardInterrupt):
        train(steps=steps, observe=stops_at(5), observe_at=[0, 5, 20])
    assert folder.trained_to() == 20


def test_metrics_survive_an_interrupted_repetition(monkeypatch):
    before = train(steps=20, checkpoints=[15]).metrics
    monkeypatch.setattr(training, "SECONDS_BETWEEN_STATES", 0)
    with pytest.raises(KeyboardInterrupt):
        train(steps=20, observe=stops_at(5), observe_at=[2, 5, 20])
    train(steps=20, observe=stops_at(None), observe_at=[2, 5, 20])
    pd.testing.assert_frame_equal(train(steps=20, checkpoints=[15]).metrics, before, check_exact=True)


def test_a_checkpoint_of_an_interrupted_run_has_its_metrics():
    with pytest.raises(KeyboardInterrupt):
        train(steps=20, checkpoints=[5], observe=stops_at(8), observe_at=[8])
    shorter = train(steps=5)
    assert shorter.steps == [5]
    assert "test_accuracy" in shorter.metrics.get("quantity", pd.Series(dtype=str)).tolist()


# --------------------------------------------------------------------------------------------- observers


def test_observers_see_no_gradient_at_step_zero_and_one_later():
    run = train(seeds=range(2), steps=4, observe=bias_rows, observe_at=range(5))
    rows = run.observed("bias_rows")
    assert rows[rows["step"] == 0]["gradient"].isna().all()
    assert (rows[rows["step"] > 0]["gradient"] > 0).all()


@pytest.mark.parametrize("network", [small, convolutional])
def test_observed_gradients_survive_more_steps(network, home):
    arguments = {"observe": bias_rows, "seeds": range(2)}
    train(network, steps=10, observe_at=[0, 5, 10], **arguments)
    resumed = train(network, steps=15, observe_at=[0, 5, 10, 15], **arguments).observed("bias_rows")
    whole = train(network, steps=15, observe_at=[0, 5, 10, 15], folder=home / "whole", **arguments)
    pd.testing.assert_frame_equal(resumed, whole.observed("bias_rows"), check_exact=True)


@pytest.mark.parametrize("network", [small, convolutional])
def test_gradients_are_those_of_the_last_update(network):
    run = train(network, seeds=[2], steps=3, checkpoints=[2], observe=bias_rows, observe_at=[3])
    module = run.module(2).train()  # the third update started from these weights
    chosen = np.random.default_rng([2, 0]).permutation(200)[120:180]
    x, y = digits().x_train[chosen], digits().y_train[chosen]
    nn.functional.cross_entropy(module(x), y).backward()
    observed = run.observed("bias_rows")["gradient"].item()
    assert observed == pytest.approx(next(module.parameters()).grad.norm().item(), rel=1e-5)  # float32 sums


def test_observed_rows_belong_to_their_seed_in_order():
    seeds = [5, 1, 3]
    run = train(seeds=seeds, steps=4, checkpoints=[0, 4], observe=bias_rows, observe_at=[0, 4])
    rows = run.observed("bias_rows")
    for step in (0, 4):
        found = rows[rows["step"] == step].set_index("seed")["bias"]
        for seed, weights in zip(seeds, weights_of(run, step), strict=True):
            # the rows come from the same float32 numbers, summed in the same order
            assert found[seed] == pytest.approx(weights["layer1.1.bias"].sum().item(), rel=1e-6)
    assert rows.columns.isin(["seed", "step", "epoch"]).sum() == 3


def test_epoch_counts_passes_over_the_training_data():
    run = train(steps=6, observe=bias_rows, observe_at=[2, 4, 6])  # four batches of at most 60 make 200
    assert run.observed("bias_rows")["epoch"].tolist() == [0.5, 1.0, 1.5]


def plain_inplace():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.ReLU(inplace=True), nn.Linear(8, 10))


def plain_shared():
    tanh = nn.Tanh()
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 8), tanh, nn.Linear(8, 6), tanh, nn.Linear(6, 10))


class FlatMLP(nn.Sequential):
    """A Sequential whose forward does more than its children."""

    def __init__(self):
        super().__init__(nn.Linear(784, 8), nn.Tanh(), nn.Linear(8, 10))

    def forward(self, x):
        return super().forward(x.flatten(1) - 0.5)


class OutputFirst(nn.Module):
    """The layer that gives the logits is defined first."""

    def __init__(self):
        super().__init__()
        self.output, self.hidden = nn.Linear(10, 10), nn.Linear(784, 10)

    def forward(self, x):
        return self.output(torch.tanh(self.hidden(x.flatten(1))))


ODD_NETWORKS = [plain_inplace, plain_shared, FlatMLP, OutputFirst]


@pytest.mark.parametrize("network", [small, large, convolutional, noisy, plain_inplace])
def test_moment_activations_equal_those_of_the_checkpoint(network):
    seen = []

    def keep(moment):
        x = digits().x_test
        seen.append({name: t.clone() for name, t in moment.activations(None, x).items()})
        assert moment.blocks == list(seen[-1])
        return [{"member": member, "value": 0.0} for member in range(moment.n_members)]

    run = train(network, seeds=[0, 1], steps=5, observe=keep, observe_at=[5])
    loaded = run.activations(5)
    members = seen[0] if len(seen) == 1 else {k: torch.cat([one[k] for one in seen]) for k in seen[0]}
    for layer, expected in loaded.items():
        # the batched product sums 784 float32 terms in another order: errors of about sqrt(784) * 6e-8 * their size
        torch.testing.assert_close(members[layer], expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("network", ODD_NETWORKS)
def test_test_loss_is_that_of_the_logits_the_network_gives(network):
    run = train(network, steps=5)
    with torch.no_grad():
        logits = run.module(5)(digits().x_test)
    expected = nn.functional.cross_entropy(logits, digits().y_test).item() / math.log(2)
    found = run.metrics[run.metrics["quantity"] == "test_loss"]["value"].item()
    assert found == pytest.approx(expected, abs=1e-5)  # float32, 50 samples


def test_activations_of_an_unknown_layer_list_the_right_ones():
    def ask(moment):
        with pytest.raises(ValueError, match=r"layer1, layer2, output; got .*layer9"):
            moment.activations(["layer9"], digits().x_test)
        return [{"member": 0, "value": 0.0}]

    train(steps=1, observe=ask, observe_at=[1])


def scaled(moment, *, factor):
    return [{"member": member, "value": factor * moment.step} for member in range(moment.n_members)]


def test_bound_settings_change_the_name_that_rows_are_kept_under():
    twice, thrice = functools.partial(scaled, factor=2), functools.partial(scaled, factor=3)
    assert training.observer_name(twice) != training.observer_name(thrice)
    assert training.observer_name(twice) == training.observer_name(functools.partial(scaled, factor=2))
    for observe, expected in ((twice, 6), (thrice, 9)):
        run = train(steps=3, observe=observe, observe_at=[3])
        assert run.observed(training.observer_name(observe))["value"].tolist() == [expected]


def test_a_declared_version_changes_the_name_that_rows_are_kept_under(monkeypatch):
    first = training.observer_name(functools.partial(scaled, factor=2)), training.observer_name(scaled)
    monkeypatch.setattr(scaled, "version", 2, raising=False)
    second = training.observer_name(functools.partial(scaled, factor=2)), training.observer_name(scaled)
    assert not set(first) & set(second)


def test_fresh_trains_and_observes_anew_once(monkeypatch):
    asked = Calls()

    def watched(moment):
        asked.append(moment.step)
        return bias_rows(moment)

    arguments = {"steps": 4, "observe": watched, "observe_at": [0, 4]}
    first = train(**arguments)
    train(**arguments)
    assert asked == [0, 4]
    monkeypatch.setenv("MI_KIT_FRESH", "1")
    for _ in range(2):
        again = train(**arguments)
    assert asked == [0, 4, 0, 4]
    pd.testing.assert_frame_equal(again.observed("watched"), first.observed("watched"))
    pd.testing.assert_frame_equal(again.metrics, first.metrics)
    monkeypatch.delenv("MI_KIT_FRESH")
    train(**arguments)
    assert asked == [0, 4, 0, 4]


def test_an_observer_that_changes_what_it_is_given_changes_no_metric(home):
    def spoils(moment):
        for values in moment.activations(None, moment.dataset.x_test).values():
            values.zero_()
        return []

    spoilt = train(steps=4, observe=spoils, observe_at=[0, 4]).metrics
    whole = train(steps=4, observe=bias_rows, observe_at=[0, 4], folder=home / "whole").metrics
    pd.testing.assert_frame_equal(spoilt, whole, check_exact=True)


def test_an_observer_that_changes_what_it_reads_is_told_of():
    seen = []

    def remembers(moment):
        seen.append(moment.step)
        return []

    with pytest.warns(UserWarning, match="remembers changes what it reads"):
        train(steps=2, observe=remembers, observe_at=[2])


@pytest.mark.parametrize(("row", "got"), [({"member": 1}, "1"), ({"value": 2}, "the columns value")])
def test_rows_of_no_member_are_refused(row, got):
    with pytest.raises(ValueError, match=rf"member must be 0 to 0 in every row that .* returns; got .*{got}"):
        train(steps=2, observe=lambda moment: [row], observe_at=[2])


def test_observers_can_be_named():
    run = train(
        steps=2, observe={"one": bias_rows, "two": functools.partial(scaled, factor=2)}, observe_at=iter([1, 2])
    )
    assert run.observed("two")["value"].tolist() == [2, 4]
    assert run.observed("one")["step"].tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"one, two; got name='three'"):
        run.observed("three")


def test_an_observer_may_return_a_table():
    run = train(
        seeds=[0, 1], steps=2, observe={"table": lambda moment: pd.DataFrame(bias_rows(moment))}, observe_at=[2]
    )
    assert run.observed("table")["seed"].tolist() == [0, 1]


def test_an_observer_without_rows_at_a_step_is_not_asked_again(groups):
    def gradients_only(moment):
        return bias_rows(moment) if moment.step else []  # there is no gradient before the first update

    for _ in range(2):
        train(steps=3, observe=gradients_only, observe_at=[0, 3])
    assert groups == [[0]]


# --------------------------------------------------------------------------------------------- against the slow loop


def slow_loop(network, dataset, seed, steps, batch_size, optimizer="sgd", lr=1e-2, weight_decay=0.0):
    """One network, one batch after the other, torch's own optimiser: (module, losses in nats)."""
    module, losses, n = models.build(network, seed), [], len(dataset.x_train)
    if optimizer == "adam":
        optimiser = torch.optim.Adam(module.parameters(), lr=lr, weight_decay=weight_decay)
    else:
        optimiser = torch.optim.SGD(module.parameters(), lr=lr, momentum=0.9, weight_decay=weight_decay)
    per_epoch = math.ceil(n / batch_size)
    for step in range(steps):
        epoch, place = divmod(step, per_epoch)
        order = np.random.default_rng([seed, epoch]).permutation(n)
        chosen = order[place * batch_size : (place + 1) * batch_size]
        loss = nn.functional.cross_entropy(module(dataset.x_train[chosen]), dataset.y_train[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return module, losses


def settings_for(optimizer):
    return {"optimizer": "adam"} if optimizer == "adam" else MOMENTUM


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("network", [small, large])
def test_ensemble_equals_each_seed_alone(network, optimizer, home):
    settings = settings_for(optimizer)
    together = train(network, seeds=range(3), steps=12, **settings)
    for seed in range(3):
        alone = train(network, seeds=[seed], steps=12, folder=home / "alone", **settings)
        assert_equal_weights(weights_of(alone, 12), [together.folders[seed].weights(12)], **TOLERANCE[optimizer])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("network", [small, large, convolutional, plain_shared, FlatMLP])
def test_training_equals_the_slow_loop(network, optimizer):
    run = train(network, seeds=[0, 3], steps=12, **settings_for(optimizer))
    for seed, weights in zip(run.seeds, weights_of(run, 12), strict=True):
        module, losses = slow_loop(network, digits(), seed, 12, 60, optimizer)
        assert_equal_weights([weights], [module.state_dict()], **TOLERANCE[optimizer])
        found = run.metrics[(run.metrics["quantity"] == "train_loss") & (run.metrics["seed"] == seed)]
        assert found["step"].tolist() == [10]
        expected = np.mean(losses[:10]) / math.log(2)
        assert found["value"].item() == pytest.approx(expected, rel=1e-4)  # float32, weights within TOLERANCE


@pytest.mark.parametrize("network", [small, convolutional])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weight_decay_of_each_member_is_that_of_torch(network, optimizer):
    members = [{"seed": 0, "weight_decay": 0.0}, {"seed": 0, "weight_decay": 0.1}, {"seed": 1, "weight_decay": 0.02}]
    run = train(network, members=members, steps=12, **settings_for(optimizer))
    assert run.seeds == [0, 0, 1]
    for member, weights in zip(members, weights_of(run, 12), strict=True):
        module, _ = slow_loop(network, digits(), member["seed"], 12, 60, optimizer, weight_decay=member["weight_decay"])
        assert_equal_weights([weights], [module.state_dict()], **TOLERANCE[optimizer])


def test_members_of_a_grid_are_told_apart_in_the_metrics():
    run = train(members=[{"seed": 0, "weight_decay": decay} for decay in (0.0, 0.5)], steps=2)
    assert not run.metrics.duplicated(["seed", "weight_decay", "step", "quantity"]).any()
    assert len(run.metrics) == 4


@pytest.mark.parametrize("network", [small, convolutional])
@pytest.mark.parametrize("batch_size", [None, 500])
def test_a_batch_of_all_samples_is_full_batch(network, batch_size):
    run = train(network, steps=5, batch_size=batch_size, observe=bias_rows, observe_at=[5], **MOMENTUM)
    module, _ = slow_loop(network, digits(), 0, 5, len(digits().x_train))
    assert_equal_weights(weights_of(run, 5), [module.state_dict()], **TOLERANCE["sgd"])
    assert run.observed("bias_rows")["epoch"].tolist() == [5.0]


@pytest.mark.parametrize("batch_size", [200, 199, 7, 1])
def test_one_epoch_takes_every_sample_once(batch_size):
    batches = training._Batches(digits(), batch_size, [0, 4], torch.device("cpu"))
    labels = [batches.at(step)[1] for step in range(1, batches.per_epoch + 1)]
    taken, _ = torch.cat(labels, 1).sort(1)
    expected, _ = digits().y_train.sort()
    assert torch.equal(taken, expected.expand(2, -1))
    assert labels[-1].shape[1] == (200 % batch_size or batch_size)


def test_the_metrics_are_those_of_the_checkpoint_in_bits():
    run = train(seeds=[0, 2], steps=8, checkpoints=[0, 8])
    for step in (0, 8):
        for seed, logits in zip(run.seeds, run.activations(step)["output"], strict=True):
            loss, accuracy = probes.evaluate(logits, digits().y_test)
            rows = run.metrics[(run.metrics["step"] == step) & (run.metrics["seed"] == seed)]
            found = rows.set_index("quantity")["value"]
            assert found["test_loss"] == pytest.approx(loss.item(), abs=1e-5)  # float32 in another order
            assert found["test_accuracy"] == pytest.approx(accuracy.item(), abs=1e-7)


def test_frozen_layers_stay_as_they_are():
    def frozen():
        network = models.dense([784, 8, 10], nn.Tanh)
        network.layer1.requires_grad_(False)
        return network

    run = train(frozen, steps=4, checkpoints=[0])
    assert torch.equal(run.folders[0].weights(0)["layer1.1.weight"], run.folders[0].weights(4)["layer1.1.weight"])


@pytest.mark.parametrize(
    "network, expected",
    [
        pytest.param(small, True, id="dense"),
        pytest.param(convolutional, False, id="convolutional"),
        pytest.param(FunctionalDropout, False, id="functional_dropout"),
        pytest.param(FlatMLP, False, id="forward_of_its_own"),
        pytest.param(lambda: nn.Sequential(nn.Linear(3, 2), nn.Dropout()), False, id="dropout"),
        pytest.param(
            lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))), False, id="weight_norm"
        ),
    ],
)
def test_only_plain_chains_of_linear_layers_are_dense(network, expected):
    assert training.is_dense(network()) is expected


# --------------------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"network": "lenett"}, r"network must be one of .*lenet.*got network='lenett'"),
        ({"optimizer": "rmsprop"}, r"optimizer must be one of adam, sgd; got optimizer='rmsprop'"),
        ({"precision": "float16"}, r"precision must be one of float32, tf32, bfloat16; got precision='float16'"),
        ({"device": "tpu"}, r"device must be .*cpu.*got device='tpu'"),
        ({"steps": -1}, r"steps must be .*at least 0; got steps=-1"),
        ({"steps": 1.5}, r"steps must be an integer.*got steps=1\.5"),
        ({"steps": 5, "checkpoints": [0, 6]}, r"checkpoints must lie between 0 and steps=5; got checkpoints=.*6"),
        ({"steps": 5, "checkpoints": [-1]}, r"checkpoints must lie between 0 and steps=5; got checkpoints=.*-1"),
        ({"observe": bias_rows}, r"observe_at must .*got none"),
        (
            {"steps": 5, "observe": bias_rows, "observe_at": [9]},
            r"observe_at must lie between 0 and steps=5; got .*9",
        ),
        (
            {"members": [{"seed": 0, "wieght_decay": 1.0}]},
            r"members may have the keys seed.*weight_decay.*; got wieght_decay",
        ),
        ({"members": [{"weight_decay": 1.0}]}, r"members must .*seed"),
        ({"members": [{"seed": 0, "lr": -1.0}]}, r"lr must be .*got lr=-1\.0"),
        ({"seeds": []}, r"seeds must .*got none"),
        ({"seeds": [-1]}, r"seeds must .*-1"),
        ({"members": []}, r"(members|seeds) must .*got none"),
        ({"lr": float("nan")}, r"lr must be .*at least 0; got lr=nan"),
        ({"lr": float("inf")}, r"lr must be a finite.*got lr=inf"),
        ({"momentum": -0.1}, r"momentum must be .*got momentum=-0\.1"),
        ({"weight_decay": -1e-3}, r"weight_decay must be .*got weight_decay=-0\.001"),
        ({"batch_size": 0}, r"batch_size must be at least 1.*got batch_size=0"),
        ({"batch_size": 2.5}, r"batch_size must be .*got batch_size=2\.5"),
    ],
    ids=told,
)
def test_bad_arguments_are_refused_by_name_rule_and_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        train(**arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"device must be auto or one of cpu.*; got device='cuda'"):
        training.choose_device("cuda")
    assert training.choose_device("auto") == torch.device("cpu")


# --------------------------------------------------------------------------------------------- two processes, progress

TOGETHER = """
    import sys, time
    from pathlib import Path
    from torch import nn
    from mi_kit import data, models, training

    def dense():
        return models.dense([784, 8, 10], nn.Tanh)

    def slowly(moment):
        time.sleep(0.02)
        return [{"member": member, "value": moment.step} for member in range(moment.n_members)]

    trained, original = [], training._Group.train
    training._Group.train = lambda *args, **more: trained.append(1) or original(*args, **more)
    dataset = data.load("digits", n_train=200, n_test=50)
    Path(sys.argv[1], "ready-" + sys.argv[2]).touch()
    while not Path(sys.argv[1], "go").exists():
        time.sleep(0.001)
    run = training.train(dense, dataset, seeds=map(int, sys.argv[3]), steps=20, checkpoints=[0, 10], observe=slowly,
                         observe_at=range(21), device="cpu", progress=False, folder=sys.argv[1])
    print(run.steps, len(run.metrics), len(run.observed("slowly")), len(trained))
"""


def test_two_processes_that_want_the_same_run_both_get_it_whole(home):
    script = home / "together.py"
    script.write_text(textwrap.dedent(TOGETHER))
    processes = [
        subprocess.Popen(
            [sys.executable, script, home, str(number), seeds],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, seeds in enumerate(["01", "10"])  # the same two seeds in another order: locks must not cross
    ]
    while len(list(home.glob("ready-*"))) < 2 and all(process.poll() is None for process in processes):
        time.sleep(0.01)
    (home / "go").touch()
    try:
        answers = [process.communicate(timeout=60) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], answers
    # 3 checkpoints, 21 observed steps; metrics of a seed: 2 a moment and 2 averaged training losses
    answers = sorted(out.strip() for out, _ in answers)
    assert answers == [f"[0, 10, 20] {2 * (2 * 21 + 2)} {2 * 21} {trained}" for trained in (0, 1)]


def test_progress_goes_to_the_file_that_the_parent_process_reads(home, monkeypatch, capfd):
    monkeypatch.setenv("MI_KIT_PROGRESS", str(home / "progress"))
    with progress.bar(3, "lenet seed 0", 1) as shown:
        shown.update()
    assert "lenet seed 0" in (home / "progress").read_text()
    assert capfd.readouterr() == ("", "")


def test_no_progress_is_shown_where_none_is_asked_for(home, monkeypatch, capfd):
    monkeypatch.setenv("MI_KIT_PROGRESS", str(home / "progress"))
    with progress.bar(3, "lenet", shown=False) as shown:
        shown.update(3)
    assert not (home / "progress").exists()
    assert capfd.readouterr() == ("", "")


def test_training_shows_its_progress(home, monkeypatch):
    monkeypatch.setenv("MI_KIT_PROGRESS", str(home / "progress"))
    train(seeds=range(2), steps=2, progress=True)
    assert "small seeds 0 to 1" in (home / "progress").read_text()


# --------------------------------------------------------------------------------------------- one logit


def two_classes():
    chosen = digits()
    return data.Dataset.of(chosen.x_train, chosen.y_train >= 5, x_test=chosen.x_test, y_test=chosen.y_test >= 5)


def one_logit_dense():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 6), nn.Tanh(), nn.Linear(6, 1))


def one_logit_convolution():
    return nn.Sequential(nn.Conv2d(1, 2, 7, stride=3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 1))


def one_logit_flat():
    return nn.Sequential(one_logit_convolution(), nn.Flatten(0))


@pytest.mark.parametrize("network", [one_logit_dense, one_logit_convolution, one_logit_flat])
def test_a_network_of_one_logit_is_trained_by_the_binary_loss(network):
    dataset, steps = two_classes(), 3
    run = training.train(network, dataset, seeds=[0, 1], steps=steps, batch_size=None, optimizer="sgd", lr=0.1,
                         device="cpu", progress=False)  # fmt: skip
    for member, seed in enumerate(run.seeds):
        module = models.build(network, seed)
        optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
        for _ in range(steps):
            optimiser.zero_grad()
            nn.BCEWithLogitsLoss()(module(dataset.x_train).flatten(), dataset.y_train.float()).backward()
            optimiser.step()
        for key, value in run.module(steps, member).state_dict().items():
            # float32 sums over 784 pixels and all samples, in another order
            torch.testing.assert_close(value, module.state_dict()[key], rtol=1e-4, atol=1e-6)
        with torch.no_grad():
            logits = module.eval()(dataset.x_test).flatten()
        found = run.metrics[run.metrics["seed"].eq(seed) & run.metrics["step"].eq(steps)]
        found = found.set_index("quantity")["value"]
        loss = nn.BCEWithLogitsLoss()(logits, dataset.y_test.float()).item() / math.log(2)
        assert found["test_loss"] == pytest.approx(loss, rel=1e-4)
        assert found["test_accuracy"] == pytest.approx(float(((logits > 0) == dataset.y_test).float().mean()))


# --------------------------------------------------------------------------------------------- golden numbers

GOLDEN = {  # test loss in bits after 0 and 8 steps of training.VERSION 1; float32 sums differ by 1e-6 between machines
    ("dense", "sgd"): [0.994782, 0.995304],
    ("dense", "adam"): [0.994782, 0.985353],
    ("convolutional", "sgd"): [3.327724, 3.323018],
    ("convolutional", "adam"): [3.327724, 3.156229],
}


@pytest.mark.parametrize(("network", "optimizer"), GOLDEN)
def test_the_same_settings_give_the_numbers_of_the_version(network, optimizer):
    """Where this fails on purpose, raise training.VERSION, so that the runs of before are not taken for new ones."""
    chosen = {"dense": "tanh_12", "convolutional": convolutional}[network]
    dataset = data.load("digits-12bit", 300, 100) if network == "dense" else data.load("digits", 200, 100)
    how = {"optimizer": optimizer, "lr": 0.01, "weight_decay": 1e-3, "momentum": 0.5 if optimizer == "sgd" else 0.0}
    run = training.train(chosen, dataset, seeds=[3], steps=8, batch_size=70, checkpoints=[0], device="cpu", **how)
    found = run.metrics[run.metrics["quantity"] == "test_loss"]["value"].tolist()
    assert training.VERSION == 1
    assert found == pytest.approx(GOLDEN[network, optimizer], abs=1e-5)
