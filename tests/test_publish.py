"""Published pages: what stands on them, and what a later review found of their verdicts."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from mi_kit import claims, experiments, publish
from mi_kit.experiments import compression

REPOSITORY = Path(__file__).resolve().parent.parent
REVIEWED = sorted(path.parent.name for path in REPOSITORY.glob("data/results/*/notices.csv"))


@pytest.mark.parametrize("notebook", REVIEWED)
def test_every_notice_names_claims_that_were_published_with_that_verdict(notebook):
    published = pd.read_csv(REPOSITORY / "figures/paper" / notebook / "claims.csv", keep_default_na=False)
    found = pd.read_csv(REPOSITORY / "data/results" / notebook / "notices.csv", keep_default_na=False)
    tables = REPOSITORY.glob(f"data/results/{notebook}/paper/*.json")
    commits = {json.loads(table.read_text(encoding="utf-8"))["commit"] for table in tables}
    assert len(found)
    for notice in found.itertuples():
        for claim in notice.claim.split(", "):
            rows = published[published["claim"] == claim]
            rows = rows[rows["reading"] == notice.reading] if notice.reading else rows
            assert ", ".join(dict.fromkeys(rows["verdict"])) == notice.verdict, f"{claim} {notice.reading}"
        assert notice.finding in claims.FINDINGS
        assert notice.why.endswith(".")
        assert notice.commit in commits


@pytest.fixture(autouse=True)
def repository(monkeypatch):
    for name in ("MI_KIT_HOME", "MI_KIT_FRESH"):
        monkeypatch.delenv(name, raising=False)


def test_a_published_page_says_once_that_the_data_are_not_read():
    experiment = experiments.open("05", "paper")
    told = compression.data_words(experiment) + compression.equation_words(experiment)
    assert told.count("The data are not read here") == 1


def test_the_reviewed_notebooks_are_those_with_published_pages():
    assert sorted(path.parent.name for path in REPOSITORY.glob("figures/paper/*/claims.csv")) == REVIEWED


@pytest.mark.parametrize("notebook", REVIEWED)
def test_published_pages_are_what_publish_writes_with_the_notices_above_the_verdicts(notebook, tmp_path):
    page = (REPOSITORY / "figures/paper" / notebook / "README.md").read_text(encoding="utf-8")
    folder = shutil.copytree(REPOSITORY / "figures/paper" / notebook, tmp_path / notebook)
    (folder / "README.md").unlink()
    publish._write_page(notebook, folder)
    assert (folder / "README.md").read_text(encoding="utf-8") == page
    assert page.count("## What a later review found") == 1
    assert page.index("## What a later review found") < page.index("## What did this run find?")


@pytest.mark.parametrize("notebook", REVIEWED)
def test_a_notebook_shows_the_notices_with_published_results_only(notebook):
    assert "experiment.review()" in (REPOSITORY / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8")
    review = experiments.open(notebook, "paper").review().strip()
    assert review in (REPOSITORY / "figures/paper" / notebook / "README.md").read_text(encoding="utf-8")
    assert "A later review found" in review
    assert experiments.open(notebook, "smoke").review() == ""


def test_a_notice_ends_when_the_notebook_is_published_again(tmp_path):
    file = tmp_path / "notices.csv"
    file.write_text("claim,reading,verdict,finding,why,commit\n1a,second,holds,wrong,Because.,abc\n")
    words = claims.notice_words(claims.notices(file, ["abc"]))
    assert "wrong (1)" in words
    assert "| 1a (second) | holds | wrong | Because. |" in words
    assert claims.notice_words(claims.notices(file, ["def"])) == ""
    assert claims.notice_words(claims.notices(tmp_path / "none.csv", ["abc"])) == ""
