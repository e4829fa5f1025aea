"""Fixtures that several test files share."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # torch is not loaded yet; two processes of two threads wait for each other
    os.environ["OMP_NUM_THREADS"] = "1"
REPOSITORY = Path(__file__).resolve().parent.parent
DATA = os.environ.get("MI_KIT_DATA")


def pytest_collection_modifyitems(items):
    """Two workers take whole files: first the one that runs the notebooks, last those that look at what it left."""
    after = {item.path for item in items if "smoke_on_digits" in item.fixturenames}
    for item in items:
        if "smoke_on_digits" in item.fixturenames:  # whichever is first runs all notebooks
            item.add_marker(pytest.mark.timeout(1_500))
    items.sort(key=lambda item: 0 if item.path.name == "test_notebooks.py" else 2 if item.path in after else 1)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty project folder of the test's own: no data, no network."""
    monkeypatch.setenv("MI_KIT_HOME", str(tmp_path))
    monkeypatch.setenv("MI_KIT_OFFLINE", "1")
    monkeypatch.delenv("MI_KIT_DATA", raising=False)
    monkeypatch.delenv("MI_KIT_FRESH", raising=False)
    return tmp_path


class Calls(list):
    """What was called, kept by the called: as a list it would be a global that they read, and rename what they make."""

    identity = "calls"


def command(*arguments, home: Path, data: str | None = None, **more):
    """The finished process of `mi-kit ...` in a project folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mi_kit.cli", *arguments],
        env=environment(home, data),
        capture_output=True,
        text=True,
        timeout=900,
        **more,
    )


def hear_interrupts() -> None:
    """For Popen: a process started in the background of a shell ignores interrupts, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def environment(home: Path, data: str | None = None) -> dict:
    """The environment of a command that must touch only `home` and the data given."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MI_KIT_")}
    kept |= {"MI_KIT_HOME": str(home), "MI_KIT_OFFLINE": "1"}
    return kept | ({"MI_KIT_DATA": data} if data else {})


def smoke_run(home: Path) -> Path:
    """All notebooks executed by `mi-kit run --profile smoke`, without data; the folder with a folder for each."""
    shutil.copytree(REPOSITORY / "notebooks", home / "notebooks")
    finished = command("run", "--profile", "smoke", home=home)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return home / "figures" / "smoke"


@pytest.fixture(scope="session")
def smoke_on_digits(tmp_path_factory, worker_id):
    """The smoke runs with no data set on disk and no network: once, whichever worker comes first."""
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "digits"
    home.mkdir(exist_ok=True)
    with (home / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        return home / "figures" / "smoke" if (home / "notebooks").exists() else smoke_run(home)


def visit(page, address: str) -> None:
    """Open a page of JupyterLab; on a busy machine the browser now and then gives a first request up (ERR_ABORTED)."""
    from playwright.sync_api import Error

    for attempt in range(3):
        try:
            page.goto(address)
            return
        except Error:
            if attempt == 2:
                raise
            page.wait_for_timeout(2_000)
