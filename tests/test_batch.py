"""Planning, running and failing of notebooks, with small notebooks of the tests' own."""

import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest
from conftest import REPOSITORY, command, environment, hear_interrupts

from mi_kit import batch

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
GOOD = """
profile: str = "quick"  # smoke, quick or paper
steps: int = None  # how many
rate: float = 0.5  # how fast
label: str = None  # a word
loud: bool = False  # or not
"""


def write_notebook(home, name, *cells):
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    first = nbformat.v4.new_code_cell(GOOD.strip(), metadata={"tags": ["parameters"]})
    notebook.cells = [first, *(nbformat.v4.new_code_cell(cell) for cell in cells)]
    (home / "notebooks").mkdir(exist_ok=True)
    nbformat.write(notebook, home / "notebooks" / f"{name}.ipynb")


@pytest.fixture
def notebooks(home):
    write_notebook(home, "01_good", "print(profile, steps, rate, label, loud)")
    write_notebook(home, "02_bad", "x = 1", "raise KeyError('broken')")
    return home


def plan(names=(), profile="quick", given=None, grid=None):
    return batch.plan(list(names), profile, given or {}, grid or {}, 60.0, False)


def test_no_name_means_all_notebooks(notebooks):
    assert [job.notebook for job in plan()] == ["01_good", "02_bad"]


def test_parameters_get_the_declared_types(notebooks):
    given = {"steps": "3", "rate": "2", "label": "7", "loud": "True"}
    (job,) = plan(["01"], given=given)
    assert job.parameters == {"profile": "quick", "steps": 3, "rate": 2.0, "label": "7", "loud": True}
    assert isinstance(job.parameters["rate"], float)
    assert plan(["01"], given={"steps": "None"})[0].parameters["steps"] is None


def test_grid_makes_one_job_a_combination_in_folders_of_their_own(notebooks):
    jobs = plan(["01"], grid={"steps": ["1", "2"], "loud": ["True", "False"]})
    assert len(jobs) == 4
    assert len({job.folder for job in jobs}) == 4
    assert all(job.folder.parent == notebooks / "figures" / "quick" / "01_good" for job in jobs)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("stesp", "3", "steps: int"),
        ("steps", "3.5", "steps must be of type int"),
        ("steps", "many", "steps must be of type int"),
        ("steps", "True", "steps must be of type int"),
        ("loud", "1", "loud must be of type bool"),
        ("rate", "fast", "rate must be of type float"),
    ],
)
def test_wrong_parameter_stops_before_anything_runs(notebooks, key, text, words):
    with pytest.raises(batch.ParameterError, match=words):
        plan(["01"], given={key: text})


def test_equal_jobs_and_keys_given_twice_are_refused(notebooks):
    assert len(plan(["01", "01"])) == 1
    with pytest.raises(batch.ParameterError, match="every job must differ"):
        plan(["01"], grid={"steps": ["1", "1"]})
    with pytest.raises(batch.ParameterError, match="got steps in both"):
        plan(["01"], given={"steps": "1"}, grid={"steps": ["2"]})


def test_values_that_the_experiment_refuses_stop_the_call(home):
    (home / "notebooks").symlink_to(REPOSITORY / "notebooks")
    with pytest.raises(ValueError, match="images must be one of mnist, fashion-mnist, digits; got images='mnits'"):
        plan(["01"], given={"images": "mnits"})


def test_unknown_notebook_and_profile_are_named_with_the_right_ones(notebooks):
    with pytest.raises(ValueError, match="01_good, 02_bad; got name='99'"):
        plan(["99"])
    with pytest.raises(ValueError, match="smoke, quick, paper; got profile='fast'"):
        plan(profile="fast")


@pytest.mark.slow
def test_a_failing_notebook_stops_no_other_and_is_named_last_with_cell_and_error(notebooks):
    finished = command("run", "--jobs", "2", "-p", "steps", "3", home=notebooks)
    assert finished.returncode == 1
    last = finished.stdout.strip().splitlines()
    assert last[-2] == "1 of 2 notebooks done."
    assert last[-1].startswith("FAILED 02_bad steps=3, cell 4: KeyError: 'broken'")  # papermill adds a cell
    (executed,) = (notebooks / "figures" / "quick" / "01_good").glob("*/01_good.ipynb")
    assert "quick 3 0.5 None False" in executed.read_text()


def kept(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.slow
def test_a_job_that_is_done_is_skipped_until_something_changes(notebooks):
    run = lambda *more: command("run", "01", *more, home=notebooks).stdout  # noqa: E731
    folder = notebooks / "figures" / "quick" / "01_good"
    assert "done 01_good" in run()
    before = kept(folder)
    assert "unchanged 01_good" in run()
    assert kept(folder) == before
    assert "done 01_good" in run("--fresh")
    (folder / "01_good.ipynb").write_text("{}")
    assert "done 01_good" in run()
    page = notebooks / "notebooks" / "01_good.ipynb"
    page.write_text(page.read_text().replace("print(", "print(1, "))
    assert "done 01_good" in run()
    assert "unchanged 01_good" in run()


@pytest.mark.slow
def test_a_run_takes_the_place_of_the_former_one_as_a_whole(notebooks):
    folder = notebooks / "figures" / "quick" / "01_good"
    below = folder / "of_other_parameters"
    below.mkdir(parents=True)
    (below / "F1.png").write_text("stays")
    (folder / "F1.png").write_text("of an earlier run on other data")
    command("run", "01", home=notebooks)
    assert sorted(path.name for path in folder.iterdir()) == ["01_good.ipynb", "manifest.json", "of_other_parameters"]
    assert (below / "F1.png").read_text() == "stays"
    assert [path.name for path in folder.parent.iterdir()] == ["01_good"]


@pytest.mark.slow
def test_a_killed_run_leaves_the_former_one_and_the_next_one_tidies_up(home):
    write_notebook(
        home, "01_slow", "import os; open('pid', 'w').write(str(os.getpid()))", "import time; time.sleep(99)"
    )
    folder = home / "figures" / "quick" / "01_slow"
    folder.mkdir(parents=True)
    (folder / "claims.csv").write_text("of a run that ended")
    process = subprocess.Popen([sys.executable, "-m", "mi_kit.cli", "run"], env=environment(home))
    while not (home / "notebooks" / "pid").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.wait()
    assert_gone(home)
    assert kept(folder) == {"claims.csv": b"of a run that ended"}
    write_notebook(home, "01_slow", "print(1)")
    command("run", home=home)
    assert sorted(kept(folder)) == ["01_slow.ipynb", "manifest.json"]
    assert [path.name for path in folder.parent.iterdir()] == ["01_slow"]


@pytest.mark.parametrize("reached", [0, 1, 2])
def test_a_kill_while_a_folder_is_put_in_place_leaves_one_of_the_two(tmp_path, reached, monkeypatch):
    folder, calls = tmp_path / "01", []
    (folder / "below").mkdir(parents=True)
    (folder / "old").touch()
    made = batch.begin(folder)
    (made / "new").touch()
    rename, remove = batch.Path.rename, batch.shutil.rmtree

    def until(function):
        def called(*arguments, **more):
            if len(calls) == reached:
                raise KeyboardInterrupt
            calls.append(arguments)
            return function(*arguments, **more)

        return called

    with monkeypatch.context() as changed:
        changed.setattr(batch.Path, "rename", until(rename))
        changed.setattr(batch.shutil, "rmtree", until(remove))
        with pytest.raises(KeyboardInterrupt):
            batch.put_in_place(made, folder)
    batch.shutil.rmtree(batch.begin(folder))
    left = {path.name for path in folder.iterdir()}
    assert left == ({"old", "below"} if reached < 2 else {"new", "below"})
    assert [path.name for path in tmp_path.iterdir()] == ["01"]


@pytest.mark.slow
def test_timeout_ends_the_notebook_and_its_kernel(home):
    write_notebook(
        home, "01_slow", "import os; open('pid', 'w').write(str(os.getpid()))", "import time; time.sleep(99)"
    )
    started = time.monotonic()
    finished = command("run", "--timeout", "20", home=home)
    assert time.monotonic() - started < 80
    assert finished.returncode == 1
    assert "TimeoutError: more than 20 s" in finished.stdout.splitlines()[-1]
    assert "TimeoutError" in (home / "figures" / "quick" / "01_slow" / "failure.json").read_text()
    assert_gone(home)


@pytest.mark.slow
def test_interrupt_ends_the_children(home):
    write_notebook(
        home, "01_slow", "import os; open('pid', 'w').write(str(os.getpid()))", "import time; time.sleep(99)"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "mi_kit.cli", "run"], env=environment(home), stderr=subprocess.PIPE, text=True,
        preexec_fn=hear_interrupts,
    )  # fmt: skip
    while not (home / "notebooks" / "pid").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 130
    assert "interrupted" in process.stderr.read()
    assert_gone(home)


def assert_gone(home) -> None:
    kernel = int((home / "notebooks" / "pid").read_text())
    for _ in range(100):
        if not psutil.pid_exists(kernel) or psutil.Process(kernel).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    raise AssertionError("the kernel is still running")


@pytest.mark.slow
def test_the_same_jobs_run_on_a_dask_cluster(notebooks, monkeypatch):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        good, bad = batch.run(plan(), scheduler=cluster.scheduler_address)
    assert good.ok
    assert (bad.ok, bad.cell, bad.error) == (False, 4, "KeyError: 'broken'")
