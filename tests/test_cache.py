"""The cache of tables and frames: keys, damage, concurrent writers."""

import dataclasses
import functools
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Calls, environment
from PIL import Image

from mi_kit import cache, data, fingerprint

CALLS = Calls()


@cache.cached(version=1)
def squares(n: int, power: int = 2) -> pd.DataFrame:
    CALLS.append(n)
    return pd.DataFrame({"x": range(n), "y": [x**power for x in range(n)]})


@cache.cached(version=1, also=lambda n: {"seen": len(CALLS_ALSO)})
def counted(n: int) -> pd.DataFrame:
    return pd.DataFrame({"x": [n]})


CALLS_ALSO = Calls()


@dataclasses.dataclass(frozen=True)
class Settings:
    n: int = 3
    power: int = 2
    of_a_slider: int = fingerprint.unnamed(5)


def helper(settings: Settings) -> list[int]:
    return [x**settings.power for x in range(settings.n)]


@cache.cached()
def of_settings(settings: Settings) -> pd.DataFrame:
    CALLS.append(settings)
    return pd.DataFrame({"x": helper(settings)})


@pytest.fixture(autouse=True)
def fresh(home):
    CALLS.clear()


def entries(home, ending):
    return sorted((home / "data" / "cache").rglob(f"*.{ending}"))


def test_second_call_reads_and_equals_the_first(home):
    first = squares(5)
    pd.testing.assert_frame_equal(squares(n=5, power=2), first)
    assert CALLS == [5]
    assert '"source"' in entries(home, "json")[0].read_text()


def test_other_arguments_and_other_identities_are_other_entries(home):
    squares(5)
    squares(5, power=3)
    counted(1)
    CALLS_ALSO.append(1)
    counted(1)
    assert len(entries(home, "parquet")) == 4


@pytest.mark.parametrize(("change", "n_calls"), [("of_a_slider", 1), ("power", 2), ("n", 2)])
def test_settings_of_sliders_are_in_no_name(change, n_calls):
    of_settings(Settings())
    of_settings(dataclasses.replace(Settings(), **{change: 4}))
    assert len(CALLS) == n_calls


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_damaged_table_is_reported_and_computed_again(home, damage):
    first = squares(1000)
    (path,) = entries(home, "parquet")
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 4] ^= 0xFF
    path.write_bytes({"truncated": content[:-100], "flipped": content, "empty": b""}[damage])
    with pytest.warns(UserWarning, match="is damaged"):
        again = squares(1000)
    pd.testing.assert_frame_equal(again, first)
    pd.testing.assert_frame_equal(squares(1000), first)
    assert CALLS == [1000, 1000]


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").save(buffer, "png")
    return buffer.getvalue()


def test_damaged_frame_is_rendered_again(home):
    drawn = cache.frame({"a": 1}, picture)
    (path,) = entries(home, "png")
    path.write_bytes(drawn[: len(drawn) // 2])
    with pytest.warns(UserWarning, match="is damaged"):
        assert cache.frame({"a": 1}, picture) == drawn
    assert path.read_bytes() == drawn


def test_fresh_computes_anew_once(home, monkeypatch):
    squares(3)
    monkeypatch.setenv("MI_KIT_FRESH", "1")
    for _ in range(3):
        squares(3)
    assert CALLS == [3, 3]
    # a process that is started from here knows what is fresh already
    code = "import test_cache as t; t.squares(3); t.squares(4); print(list(t.CALLS))"
    told = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True,
                          env=environment(home) | {"MI_KIT_FRESH": os.environ["MI_KIT_FRESH"]}, check=True)  # fmt: skip
    assert told.stdout == "[4]\n"


def runs_of(home) -> list[Path]:
    return sorted((home / "data" / "runs").rglob("run.json"))


TRAINS = """
import sys
from mi_kit import data, training
training.train("tanh_12", data.load("12bit"), steps=3, seeds=[int(sys.argv[1])], device="cpu", progress=False)
print("trained", flush=True)
sys.stdin.readline()
"""


def test_what_a_process_uses_is_not_cleaned_away(home):
    process = subprocess.Popen([sys.executable, "-c", TRAINS, "0"], env=environment(home), text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert process.stdout.readline() == "trained\n"
    (squares(5), cache.frame({"a": 1}, picture))
    freed, used = cache.clean()
    assert freed > 0
    assert used == [path.parent for path in runs_of(home)]
    assert not entries(home, "parquet") + entries(home, "png")
    process.communicate("\n", timeout=60)
    assert cache.clean()[1] == []
    assert runs_of(home) == []


def test_cleaning_in_a_loop_stops_no_training(home):
    codes = [subprocess.Popen([sys.executable, "-c", TRAINS, str(seed)], env=environment(home), text=True,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) for seed in range(3)]  # fmt: skip
    while any(process.poll() is None for process in codes):
        cache.clean()
    assert [process.returncode for process in codes] == [0, 0, 0], [process.stderr.read() for process in codes]


def write_many() -> None:
    """What each of the concurrent processes does."""
    for n in range(100, 130):
        assert len(squares(n)) == n


def test_concurrent_writers_leave_whole_entries(home):
    code = "import test_cache; test_cache.write_many()"
    command = [sys.executable, "-W", "error", "-c", code]  # a damaged entry would be a warning
    writers = [subprocess.Popen(command, cwd=Path(__file__).parent, env=environment(home)) for _ in range(3)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert len(entries(home, "parquet")) == 30
    assert not list((home / "data" / "cache").rglob("*.part"))
    for path in entries(home, "parquet"):
        cache.read_table(path)


def test_tables_data_sets_and_bound_functions_are_named_by_content(home):
    one, other = pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [1, 3]})
    assert fingerprint.describe(one) == fingerprint.describe(one.copy()) != fingerprint.describe(other)
    assert len({fingerprint.of(functools.partial(picture, each)) for each in (one, other, one.copy())}) == 2
    digits = data.load("digits")
    assert fingerprint.describe({"a": digits}) == [["a", digits.identity]]
    with pytest.raises(ValueError, match="plain values"):
        fingerprint.describe(number for number in range(2))


def test_a_large_table_is_written_in_parts_and_read_as_it_was(tmp_path):
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"seed": range(5000), "layer": ["a", "b"] * 2500, "value": draw.random(5000)})
    table["held"] = table["value"] > 0.5
    for most, several in ((10_000, True), (10**6, False)):
        sums = cache.write_in_parts(table, tmp_path / "chains", most)
        files = cache.parts_of(tmp_path / "chains")
        assert (len(files) > 1) == several
        assert all(file.stat().st_size <= most for file in files)
        assert set(tmp_path.iterdir()) == set(files)  # none is left of the time before
        pd.testing.assert_frame_equal(cache.read_parts(tmp_path / "chains", sums), table)
    assert cache.parts_of(tmp_path / "chain") == []


@cache.cached()
def indexed() -> pd.DataFrame:
    return pd.DataFrame({"v": [4, 2]}, index=pd.Index(["a", "b"], name="layer"))


def test_a_cached_table_keeps_its_index(home):
    first = indexed()
    pd.testing.assert_frame_equal(indexed(), first)
    assert indexed().index.name == "layer"


OPENS = """
import sys
from mi_kit import data, models, runs
run = runs.open(sys.argv[1], "tanh_12")
print("opened", flush=True)
sys.stdin.readline()
print(len(run.activations(3, x=data.load("12bit").x_test)))
"""


def test_what_a_process_has_opened_is_not_cleaned_away(home):
    subprocess.run([sys.executable, "-c", TRAINS, "0"], env=environment(home), check=True, stdin=subprocess.DEVNULL)
    (record,) = runs_of(home)
    process = subprocess.Popen([sys.executable, "-c", OPENS, str(record.parent)], env=environment(home), text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert process.stdout.readline() == "opened\n"
    assert cache.clean()[1] == [record.parent]
    assert process.communicate("\n", timeout=60)[0] == "6\n"
