"""The command line: what it prints, and the status it ends with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import DATA, command, environment
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mi_kit import cache, claims, cli, experiments, fingerprint
from mi_kit.experiments import mi_visualisation


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--profile", "fast"], "profile must be one of smoke, quick, paper; got profile='fast'"),
        (["run", "-p", "steps", "1", "-p", "steps", "2"], "p must give a parameter once; got steps more than once"),
        (["run", "--grid", "steps"], "grid must look like key=a,b; got grid='steps'"),
        (
            ["compute", "77"],
            "name must be one of 00_estimators_on_known_answers, 01_mi_visualisation, 02_renyi_dpi, "
            "03_capacity_framework, 04_cnnslicer_queries, 05_compression_debate; got name='77'",
        ),
        (["compute", "00", "-p", "n_seeds", "many"], "n_seeds must be of type int; got n_seeds='many'"),
        (["compute", "00", "-p", "speed", "1"], "settings must be among n_seeds"),
        (["compute", "00", "--profile", "smoke", "--jobs", "0"], "jobs must be at least 1; got jobs=0"),
        (["figure", "F1"], "id must look like 01/F4; got id='F1'"),
        (["figure", "01/F99"], "figure must be one of F1, F2"),
        (["data", "imagenet"], "name must be one of 12bit, cifar10"),
        (["data", "pokemon"], "300k.csv"),
        (["claims", "--profile", "fast"], "profile must be one of"),
        (["clean", "--keep-size", "much"], "keep-size must look like 10GB; got keep-size='much'"),
    ],
)
def test_a_wrong_call_ends_with_status_2_and_says_what_is_right(home, capsys, arguments, words):
    assert cli.main(arguments) == 2
    assert words in capsys.readouterr().err


def test_an_unknown_command_ends_with_status_2(home):
    with pytest.raises(SystemExit) as ended:
        cli.main(["fly"])
    assert ended.value.code == 2


def test_data_lists_what_is_found(home, capsys):
    assert cli.main(["data"]) == 0
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["digits"] == "embedded"
    assert lines["mnist"] == "not found"


def test_claims_of_all_notebooks_become_one_table_and_a_page(home, capsys):
    assert cli.main(["claims"]) == 1
    row = dict.fromkeys(claims.COLUMNS, "x")
    for notebook in ("01_a", "02_b", "03_failed", "04_empty", "05_garbled", ".06_under_way"):
        folder = home / "figures" / "quick" / notebook
        folder.mkdir(parents=True)
        table = pd.DataFrame([row | {"claim": "1", "statement": f"of {notebook}", "verdict": claims.FAILS}])
        table.to_csv(folder / "claims.csv", index=False)
    quick = home / "figures" / "quick"
    (quick / "03_failed" / "failure.json").write_text("{}")  # what stands there is of an earlier run
    (quick / "04_empty" / "claims.csv").write_text("")
    (quick / "05_garbled" / "claims.csv").write_text("x,y\n1,2\n")
    capsys.readouterr()
    assert cli.main(["claims"]) == 0
    told = capsys.readouterr().err
    assert "04_empty/claims.csv is damaged" in told
    assert "05_garbled/claims.csv is damaged" in told
    collected = pd.read_csv(home / "figures" / "quick" / "claims.csv")
    assert list(collected["notebook"]) == ["01_a", "02_b"]
    assert "of 02_b" in (home / "figures" / "quick" / "claims.html").read_text()


def test_clean_keeps_the_newest_within_the_size(home, capsys):
    folder = home / "data" / "cache" / "frames"
    folder.mkdir(parents=True)
    for age, name in enumerate(["new", "old"]):
        (folder / name).write_bytes(bytes(1000))
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    assert cli.main(["clean", "--keep-size", "1KB"]) == 0
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_publish_without_a_paper_run_says_so(home, capsys):
    assert cli.main(["publish"]) == 1
    assert "nothing to publish" in capsys.readouterr().err


def test_publish_with_nothing_new_writes_the_published_pages_again(home, capsys):
    repository = Path(__file__).resolve().parent.parent
    for name in ("notebooks", "data/results", "figures/paper/02_renyi_dpi"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(repository / name, home / name)
    page = home / "figures" / "paper" / "02_renyi_dpi" / "README.md"
    before = {file: file.read_bytes() for file in home.rglob("*") if file.is_file() and file != page}
    page.write_text("of another time")
    assert cli.main(["publish"]) == 0
    assert "only its page is written again" in capsys.readouterr().out
    assert page.read_text(encoding="utf-8") == (repository / page.relative_to(home)).read_text(encoding="utf-8")
    assert {file: file.read_bytes() for file in home.rglob("*") if file.is_file() and file != page} == before


@pytest.fixture
def paper_run(home, monkeypatch):
    """A finished run of the paper profile, which is as small here as the smoke profile."""
    monkeypatch.setitem(mi_visualisation.PROFILES, "paper", mi_visualisation.PROFILES["smoke"])
    folder = home / "figures" / "paper-run" / "01_mi_visualisation"
    folder.mkdir(parents=True)
    for name in ("manifest.json", "F1.csv", "01_mi_visualisation.ipynb"):
        (folder / name).write_text("{}")
    about = PngInfo()
    about.add_text("Description", "Two planes. Profile paper.")
    Image.new("RGB", (4, 3)).save(folder / "F1.png", pnginfo=about)
    row = dict.fromkeys(["reason", "n_seeds", "dataset", "rule", "commit", "profile"], "")
    row |= {"claim": "1", "statement": "I(X;T) falls|rises.", "paper": "Figure 1", "measured": "0.1 bit"}
    verdicts = [("literal", claims.FAILS), ("second", claims.HOLDS)]
    rows = [row | {"reading": reading, "verdict": verdict} for reading, verdict in verdicts]
    pd.DataFrame(rows).to_csv(folder / "claims.csv", index=False)
    notebooks = home / "notebooks"
    shutil.copytree(Path(__file__).parents[1] / "notebooks", notebooks)
    return folder


def test_publish_refuses_embedded_data(paper_run, capsys):
    assert cli.main(["publish"]) == 2
    assert "needs the data set mnist" in capsys.readouterr().err
    assert not (paper_run.parents[1] / "paper").exists()


@pytest.mark.slow
def test_published_tables_open_without_data_or_training(smoke_on_digits, paper_run, home, monkeypatch):
    shutil.copytree(smoke_on_digits.parents[1] / "data", home / "data", dirs_exist_ok=True)  # its runs and tables
    monkeypatch.setattr(experiments.Experiment, "require_real_data", lambda _self: None)
    monkeypatch.setenv("MI_KIT_PROGRESS", str(home / "progress"))
    assert cli.main(["publish"]) == 0
    published = home / "figures" / "paper" / "01_mi_visualisation"
    assert sorted(path.name for path in published.iterdir()) == ["F1.csv", "F1.png", "README.md", "claims.csv"]
    page = (published / "README.md").read_text(encoding="utf-8")
    assert page.startswith("# 01 · ")
    assert "Data: digits" in page
    assert "| 1 | I(X;T) falls\\|rises. | Figure 1 | 0.1 bit | fails | holds |" in page
    assert "**F1.** Two planes. Profile paper.\n\n![F1](F1.png)" in page
    shutil.rmtree(home / "data" / "runs")
    shutil.rmtree(home / "data" / "cache")
    opened = experiments.open("01", "paper")
    assert opened.is_published
    assert "Published results of commit" in opened.banner()
    assert "Data: digits" in opened.banner()
    assert len(opened.claims()) == len(mi_visualisation.CLAIMS)
    assert not (home / "data" / "runs").exists()


@pytest.mark.slow
def test_compute_gives_tables_and_verdicts_of_real_data_without_jupyter(home):
    # a module set to None cannot be imported: the same as an environment without it
    blocked = ["papermill", "ipywidgets", "IPython", "jupyterlab", "nbformat"]
    code = (
        "import sys; "
        f"sys.modules.update(dict.fromkeys({blocked!r})); "
        "from mi_kit import cli; sys.exit(cli.main(['compute', '05', '--profile', 'smoke']))"
    )
    data = str(Path(DATA).resolve()) if DATA else None
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment(home, data), capture_output=True, text=True, timeout=400
    )
    assert finished.returncode == 0, finished.stderr
    assert "not tested" in finished.stdout
    cells = pd.read_csv(home / "figures" / "smoke" / "05_compression_debate" / "tables" / "cells.csv")
    assert set(cells["dataset"]) == ({"pokemon-common", "12bit"} if DATA else {"iris", "digits-12bit"})
    assert len(cells) > 100
    rendered = command("figure", "05/F2", "--profile", "smoke", home=home, data=data)
    assert rendered.returncode == 0, rendered.stderr
    numbers = pd.read_csv(home / "figures" / "smoke" / "05_compression_debate" / "F2.csv")
    assert set(numbers["dataset"]) == {"pokemon-common" if DATA else "iris"}


def test_a_published_table_that_lacks_a_part_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments.paths, "results", lambda: tmp_path)
    opened = experiments.open("02", "paper")
    table = pd.DataFrame({"value": [1.0, 2.0]})
    stem = tmp_path / opened.notebook / "paper" / "chains"
    about = {
        "version": opened.module.TABLES["chains"].version,
        "settings": fingerprint.describe(opened.settings)["fields"],
    }
    about |= {"rows": 3, "sha256": cache.write_in_parts(table, stem, 10**6)}
    experiments.paths.write_json(stem.with_suffix(".json"), about)
    with pytest.raises(ValueError, match=r"chains must have 3 rows.*got 2"):
        opened.table("chains")
