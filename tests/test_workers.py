"""Work in processes side by side: how many at once, what a failure leaves, and that none outlives its parent."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mi_kit import experiments, workers


def note(folder: Path, name: str, seconds: float = 0.0):
    import torch

    (folder / name).write_text(f"{os.getpid()} {torch.get_num_threads()} {time.time()}")
    time.sleep(seconds)
    with (folder / name).open("a") as file:
        file.write(f" {time.time()}")


def fail():
    raise ValueError("width must be at least 1; got width=0.")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def read(folder: Path) -> dict[str, list[float]]:
    return {file.name: [float(word) for word in file.read_text().split()] for file in folder.iterdir()}


def test_tasks_run_in_processes_of_their_own_as_many_at_a_time_as_asked(tmp_path, capfd):
    tasks = {name: functools.partial(note, tmp_path, name, 1.0) for name in "abc"}
    assert workers.run(tasks, 2) == {}
    found = read(tmp_path)
    assert len({pid for pid, *_ in found.values()} - {os.getpid()}) == 3
    assert {threads for _, threads, *_ in found.values()} == {max(1, os.cpu_count() // 2)}
    spans = [(start, end) for *_, start, end in found.values()]
    assert max(sum(start <= moment < end for start, end in spans) for moment, _ in spans) <= 2
    out = capfd.readouterr().out
    assert all(f"done {name} in" in out for name in "abc")


def test_a_failure_is_told_and_stops_no_other_task(tmp_path, capfd):
    found = workers.run({"bad": fail, "gone": die, "good": functools.partial(note, tmp_path, "good")}, 2)
    assert found == {
        "bad": "ValueError: width must be at least 1; got width=0.",
        "gone": f"ended with exit status -{int(signal.SIGKILL)}",
    }
    assert len(read(tmp_path)["good"]) == 4
    assert "FAILED bad" in capfd.readouterr().out


@pytest.mark.parametrize("n_jobs", [0, -1])
def test_fewer_than_one_at_a_time_is_refused(n_jobs):
    with pytest.raises(ValueError, match=f"jobs must be at least 1; got jobs={n_jobs}"):
        workers.run({}, n_jobs)


def test_no_process_outlives_a_parent_that_was_killed(tmp_path):
    code = (
        "import functools, sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "import test_workers as own; from mi_kit import workers\n"
        "if __name__ == '__main__':\n"
        "    workers.run({'long': functools.partial(own.note, Path(sys.argv[2]), 'long', 600)}, 1)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    (folder := tmp_path / "notes").mkdir()
    parent = subprocess.Popen([sys.executable, str(script), str(Path(__file__).parent), str(folder)])
    try:
        pid = int(_wait_for(lambda: read(folder)["long"][0]))
    finally:
        parent.kill()
        parent.wait()
    _wait_for(lambda: not _is_alive(pid))


def _wait_for(found, seconds: float = 60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if value := found():
                return value
        except (KeyError, IndexError):
            pass
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("notebook", experiments.names())
def test_every_experiment_names_what_it_trains(notebook):
    opened = experiments.open(notebook, "smoke")
    trainings = opened.module.trainings(opened.settings)
    assert trainings
    assert all(
        function.func.__name__ == "run_of" and opened.settings in function.args for function in trainings.values()
    )


def test_what_is_trained_side_by_side_is_what_the_tables_read(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_KIT_HOME", str(tmp_path))
    opened = experiments.open("00", "smoke")
    assert opened.train(2) == {}
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "data" / "runs").rglob("step-*.safetensors")}
    assert stamps
    opened.module.run_of(opened.settings)
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
