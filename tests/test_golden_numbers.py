"""No estimate changes unnoticed: the numbers of today against those in golden_numbers.json."""

import json

import golden_numbers as golden
import pytest

from mi_kit import estimators as est

HOW = "raise estimators.VERSION and run python tests/golden_numbers.py"


@pytest.mark.parametrize("name", golden.CASES)
def test_numbers_are_those_of_the_version(name):
    assert golden.alike(golden.numbers(name), golden.stored()["numbers"].get(name, [])), (
        f"the numbers of {name} changed: {HOW}"
    )


def test_the_file_was_made_under_the_version_of_the_code():
    made_under = golden.stored()["version"]
    assert made_under == est.VERSION, (
        f"the numbers were made under version {made_under}, not {est.VERSION}: run python tests/golden_numbers.py"
    )


def test_every_estimator_and_every_reading_of_a_path_has_golden_numbers():
    assert set(golden.CASES) == set(golden.stored()["numbers"]) == golden.functions()
    assert all(any(each) for each in golden.stored()["numbers"].values())


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Another file, written under the present version, of one case."""
    monkeypatch.setattr(golden, "FILE", tmp_path / "golden.json")
    monkeypatch.setattr(golden, "CASES", {"label_entropy": golden.CASES["label_entropy"]})
    golden.write()
    return golden.FILE


@pytest.mark.parametrize("change", [1e-8, -1e-8, 1.0])
def test_a_changed_number_is_not_written_under_the_same_version(file, monkeypatch, change):
    before, entropy = file.read_text(encoding="utf-8"), est.label_entropy
    monkeypatch.setattr(est, "label_entropy", lambda y: entropy(y) + change)
    with pytest.raises(SystemExit, match=f"label_entropy changed: raise estimators.VERSION above {est.VERSION}"):
        golden.write()
    assert file.read_text(encoding="utf-8") == before
    monkeypatch.setattr(est, "VERSION", est.VERSION + 1)
    golden.write()
    assert json.loads(file.read_text(encoding="utf-8"))["version"] == est.VERSION
    assert golden.stored()["numbers"]["label_entropy"][0][0] == pytest.approx(entropy(golden.Y) + change, abs=1e-12)


def test_the_rounding_of_another_machine_is_no_change(file, monkeypatch):
    entropy = est.label_entropy
    monkeypatch.setattr(est, "label_entropy", lambda y: entropy(y) * (1 + 1e-12))
    golden.write()
    assert golden.stored()["version"] == est.VERSION
