"""The benchmark says what it compares, and compares the same thing: every case at a tiny size, the table, the exits."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
sys.path.insert(0, str(FOLDER))
import cases  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402

from mi_kit import estimators as est  # noqa: E402

RATES = dict.fromkeys(machine.UNITS, 1e9)
PAIRS = [(case, number) for case in cases.CASES for number in range(len(case.rivals))]


@pytest.fixture
def quick(monkeypatch):
    """One call a measurement, in this process, and no measuring of the machine."""
    monkeypatch.setattr(measure, "MOST_CALLS", 1)
    monkeypatch.setattr(run, "measure_apart", measure.measured)
    monkeypatch.setattr(machine, "rates", lambda device: RATES)


@pytest.mark.parametrize(("case", "number"), PAIRS, ids=[f"{case.name}-{number}" for case, number in PAIRS])
def test_ours_and_theirs_agree(case, number):
    data, rival = case.made(case.small), case.rivals[number]
    ours = measure.numbers(case.ours(*data))
    theirs = measure.numbers((rival.compared or rival.answer)(*rival.prepared(*data)))
    assert len(ours) == len(theirs) > 0
    # the case's own tolerance, which states its reason
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=case.tolerance)


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_case_declares_what_the_table_needs(case):
    assert case.work(1000) and set(case.work(1000)) <= set(machine.UNITS)
    assert all(math.isfinite(amount) and amount > 0 for amount in case.work(1000).values())
    assert list(case.sizes) == sorted(case.sizes) and case.shown_n in case.sizes
    assert 0 < case.tolerance <= (0.3 if "probes" in case.because else 2e-3) and case.because and case.work_in_words
    assert case.sizes[-1] >= 16 * case.shown_n  # at four and sixteen times the notebooks' size
    assert any(rival.target for rival in case.rivals) == (case.target_n is not None)


def test_every_estimator_has_a_case():
    timed = {
        "binned_class_information", "binned_information", "channel_capacity", "exact_information",
        "inter_sample_entropy", "intra_sample_entropy",
        "kde_information", "kozachenko_leonenko_entropy", "ksg_mutual_information", "label_entropies",
        "mixture_information", "renyi_chain", "renyi_entropy", "renyi_mutual_information", "stochastic_renyi_entropy",
    }  # fmt: skip
    beside = {"at_bound", "discrete_information", "distance_entropy", "is_constant", "label_entropy", "quantise",
              "renyi_joint_entropy", "silverman_bandwidth", "total_variance"}  # parts of those  # fmt: skip
    functions = {name for name in est.__all__ if name.islower()}
    assert functions == timed | beside
    source = (FOLDER / "cases.py").read_text(encoding="utf-8")
    assert all(f"est.{name}(" in source for name in timed)


def test_run_writes_all_columns_and_figures(quick, tmp_path, capsys):
    arguments = ["--only", "label_entropies", "ksg_1", "--n", "100", "200", "--folder", str(tmp_path)]
    assert run.main(arguments) == 0
    table = pd.read_csv(tmp_path / "estimators.csv")
    assert list(table.columns) == report.COLUMNS
    assert list(zip(table["case"], table["n"], strict=True)) == [
        ("label_entropies", 100), ("label_entropies", 200), ("ksg_1", 100), ("ksg_1", 200)
    ]  # fmt: skip
    measured = ["ours_seconds", "theirs_seconds", "ratio", "ours_megabytes", "largest_difference_bits", "ours_growth",
                "share_of_limit"]  # fmt: skip
    assert np.isfinite(table[measured].to_numpy()).all()
    assert set(pd.read_csv(tmp_path / "machine.csv")["rate"]) == set(machine.UNITS)
    assert "label entropies" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert 1_000 < (tmp_path / "growth.png").stat().st_size <= 300_000
    assert "ksg_1" in capsys.readouterr().out


def test_resumed_run_measures_only_what_is_missing(quick, tmp_path, monkeypatch):
    arguments = ["--only", "label_entropies", "--folder", str(tmp_path)]
    run.main([*arguments, "--n", "100"])
    asked = []

    def counted(name, n, side, device):
        asked.append(n)
        return measure.measured(name, n, side, device)

    monkeypatch.setattr(run, "measure_apart", counted)
    run.main([*arguments, "--n", "100", "200", "--resume"])
    assert set(asked) == {200}
    assert list(pd.read_csv(tmp_path / "estimators.csv")["n"]) == [100, 200]


def test_sizes_that_take_too_long_are_foreseen_and_not_run(monkeypatch):
    def slow_rival(name, n, side, device):
        seconds = 1e-9 * n**2 * (1 if side == "ours" else 1000)  # at n = 5,000: 25 ms, and 25 s
        return {"seconds": seconds, "megabytes": 1.0, "answer": [1.0]}

    monkeypatch.setattr(run, "measure_apart", slow_rival)
    before: dict = {}
    rows = [run.rows_of(cases.BY_NAME["kde_narrow"], n, "cpu", RATES, before)[0] for n in (1_250, 5_000, 20_000)]
    assert [math.isfinite(each["theirs_seconds"]) for each in rows] == [True, True, False]
    assert all(math.isfinite(each["ours_seconds"]) for each in rows)
    assert rows[2]["note"] == "theirs: not run: would take about 7 min and 0.0 GB"  # 16 times 25 s
    table = report.whole_table(rows)
    assert table["ours_growth"].iloc[0] == pytest.approx(2)


def test_targets_are_judged_at_their_size_alone():
    made = {"case": "kde", "against": cases.BY_NAME["kde"].rivals[0].name, "floor": False, "share_of_limit": 0.2}
    assert report.targets({**made, "n": 5_000, "ratio": 26.0}) == ("25x; 30% of the limit", "yes; no")
    assert report.targets({**made, "n": 1_250, "ratio": 26.0}) == ("", "")
    assert report.targets({**made, "n": 5_000, "ratio": math.nan})[1] == "not measured"


def test_answers_that_differ_end_with_status_1(quick, tmp_path, monkeypatch, capsys):
    def wrong(name, n, side, device):
        return {"seconds": 1.0, "megabytes": 1.0, "answer": [1.0 if side == "ours" else 1.1]}

    monkeypatch.setattr(run, "measure_apart", wrong)
    assert run.main(["--only", "ksg_1", "--n", "5000", "--folder", str(tmp_path)]) == 1
    assert (tmp_path / "speed.png").stat().st_size <= 300_000  # drawn at the notebooks' size alone
    assert "answers differ by more than 0.0001 bits" in capsys.readouterr().err


def test_nan_is_no_agreement_and_is_measured_again(quick, tmp_path, monkeypatch):
    def empty(name, n, side, device):
        return {"seconds": 1.0, "megabytes": 1.0, "answer": [math.nan]}

    arguments = ["--only", "ksg_1", "--n", "100", "--folder", str(tmp_path)]
    with monkeypatch.context() as patched:
        patched.setattr(run, "measure_apart", empty)
        assert run.main(arguments) == 1
    assert run.main([*arguments, "--resume"]) == 0


def test_unknown_name_exits_with_2_and_the_list(capsys):
    with pytest.raises(SystemExit) as stopped:
        run.main(["--only", "kde", "nonsense"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "nonsense" in said and all(case.name in said for case in cases.CASES)


def test_measurement_in_a_process_of_its_own_sees_memory():
    found = run.measure_apart("renyi_2", 1500, "0", "cpu")
    matrix = 1500**2 * 8 / 1e6
    assert matrix < found["megabytes"] < 10 * matrix  # numpy holds several matrices at once
    assert found["seconds"] > 0 and len(found["answer"]) == 1


def test_failure_in_a_process_of_its_own_is_told():
    assert "KeyError" in run.measure_apart("nonsense", 100, "ours", "cpu")["failed"]
