"""The notebooks, executed headlessly and looked at as files."""

import ast
import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import pandas as pd
import papermill
import psutil
import pytest
from conftest import REPOSITORY, command, environment, hear_interrupts
from PIL import Image

from mi_kit import claims, experiments
from mi_kit.batch import declared_parameters
from mi_kit.experiments import PAPERS

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("[0-9]*.ipynb"))


def parameters_cell(path) -> str:
    cells = [c for c in nbformat.read(path, 4).cells if "parameters" in c.metadata.get("tags", [])]
    assert len(cells) == 1, f"{path.name} must have one cell tagged parameters; got {len(cells)}"
    return cells[0].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_papermill_sees_every_parameter_of_the_cell(path):
    assigned = {node.target.id: node for node in ast.parse(parameters_cell(path)).body}
    seen = papermill.inspect_notebook(str(path))
    assert list(seen) == list(assigned)
    for name, node in assigned.items():
        assert seen[name]["inferred_type_name"] == ast.unparse(node.annotation)
        assert ast.literal_eval(seen[name]["default"]) == ast.literal_eval(node.value)
        assert seen[name]["help"], f"{name} has no comment"
    assert next(iter(assigned)) == "profile"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs_and_has_an_experiment(path):
    notebook = nbformat.read(path, 4)
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in notebook.cells)
    assert path.stem in PAPERS
    settings = set(vars(experiments.module_of(path.stem).PROFILES["quick"]))
    assert set(declared_parameters(path.stem)) - {"profile"} <= settings


@pytest.mark.slow
@pytest.mark.parametrize("notebook", PAPERS)
def test_smoke_run_leaves_figures_numbers_claims_and_manifest(smoke_on_digits, notebook):
    folder, module = smoke_on_digits / notebook, experiments.module_of(notebook)
    for name in module.FIGURES:
        picture = Image.open(folder / f"{name}.png")
        assert len(set(picture.convert("L").resize((200, 200)).tobytes())) > 10, f"{name} is empty"
        assert (folder / f"{name}.png").stat().st_size < 300_000
        assert picture.text["Description"]
        assert len(pd.read_csv(folder / f"{name}.csv")) > 5
    judged = pd.read_csv(folder / "claims.csv", keep_default_na=False)
    assert len(judged) == len(module.CLAIMS)
    assert set(judged["verdict"]) <= {claims.HOLDS, claims.FAILS, claims.UNDECIDED, claims.NOT_TESTED}
    assert (judged["rule"].str.len() > 50).all()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["parameters"] == {"profile": "smoke"}
    assert manifest["seconds"] > 0
    assert manifest["peak_memory_bytes"] > 1e8


@pytest.mark.slow
def test_embedded_data_are_named_in_banner_and_captions(smoke_on_digits):
    folder = smoke_on_digits / "01_mi_visualisation"
    page = nbformat.read(folder / "01_mi_visualisation.ipynb", 4)
    shown = json.dumps([cell.get("outputs", []) for cell in page.cells])
    assert "digits (standing in for mnist)" in shown
    assert "digits-12bit (standing in for 12bit)" in shown
    assert "digits, standing in for mnist" in Image.open(folder / "F2.png").text["Description"]
    judged = pd.read_csv(folder / "claims.csv", keep_default_na=False)
    assert set(judged["verdict"]) == {claims.NOT_TESTED}
    assert judged["reason"].str.contains("needs mnist|needs 12bit|needs fashion-mnist").all()
    caption = Image.open(smoke_on_digits / "00_estimators_on_known_answers" / "quantised_network.png").text[
        "Description"
    ]
    assert "digits-12bit (standing in for 12bit)" in caption


@pytest.mark.slow
@pytest.mark.parametrize("notebook", PAPERS)
def test_every_output_is_free_of_errors_and_warnings(smoke_on_digits, notebook):
    page = nbformat.read(smoke_on_digits / notebook / f"{notebook}.ipynb", 4)
    outputs = [output for cell in page.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] in ("error", "stream")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("notebook", "figures"),
    [("00_estimators_on_known_answers", ("strength", "quantised_network")), ("01_mi_visualisation", ("F3", "F4"))],
)
def test_second_run_is_answered_from_what_is_on_disk(smoke_on_digits, notebook, figures):
    home, folder = smoke_on_digits.parents[1], smoke_on_digits / notebook
    before = times_of(home)
    tables = [pd.read_csv(folder / f"{name}.csv") for name in figures]
    (folder / "manifest.json").unlink()  # with it the notebook would not be executed at all
    finished = command("run", notebook, "--profile", "smoke", home=home)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert times_of(home) == before
    for name, table in zip(figures, tables, strict=True):
        pd.testing.assert_frame_equal(pd.read_csv(folder / f"{name}.csv"), table)


@pytest.mark.slow
def test_kill_in_the_middle_ends_the_kernel_and_loses_nothing_finished(tmp_path):
    (tmp_path / "notebooks").symlink_to(REPOSITORY / "notebooks")
    arguments = ["run", "01", "--profile", "smoke", "-p", "tanh_steps", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mi_kit.cli", *arguments],
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    states = lambda: sorted((tmp_path / "data" / "runs" / "tanh_12").rglob("state.safetensors"))  # noqa: E731
    waited_until(states, 120)  # the first state of the last network but one: the others are finished
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    waited_until(lambda: not any(alive(child) for child in children), 30)
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "data" / "runs" / "lenet").rglob("*.safetensors")}
    assert finished
    reached = states()[0]
    before = reached.stat().st_mtime_ns
    again = subprocess.Popen(
        [sys.executable, "-m", "mi_kit.cli", *arguments],
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=hear_interrupts,
    )
    try:
        waited_until(lambda: reached.stat().st_mtime_ns > before, 120)  # it trains on
        assert {path: path.stat().st_mtime_ns for path in finished} == finished  # and nothing finished again
    finally:
        again.send_signal(signal.SIGINT)
        assert again.wait(90) == 130


def times_of(home) -> dict:
    """When the files of runs and the cached tables were written; pictures carry the commit, which may change."""
    files = [*(home / "data" / "runs").rglob("*"), *(home / "data" / "cache").rglob("*.parquet")]
    return {path: path.stat().st_mtime_ns for path in files if path.is_file()}


def waited_until(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
