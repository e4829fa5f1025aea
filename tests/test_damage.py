"""What is lost or damaged of a run is noticed, named and made again, to the bit."""

import json
import random
import subprocess
import sys
import warnings
from pathlib import Path

import kills
import pandas as pd
import pytest
from conftest import environment

from mi_kit import cache, fingerprint, paths, runs

MORE = kills.STEPS + 8
FILES = ["run.json", "step-00000010.safetensors", "state.safetensors", "metrics.parquet", "observed-*.parquet"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """{network: results of an undisturbed run, of one that then goes on}."""
    base = tmp_path_factory.mktemp("whole")
    return {
        name: [kills.results_of(base / name, name), kills.results_of(base / name, name, steps=MORE)]
        for name in kills.NETWORKS
    }


def damage(path: Path, kind: str, seed: int) -> None:
    content, draw = bytearray(path.read_bytes()), random.Random(seed)
    if kind == "deleted":
        path.unlink()
    elif kind == "flipped":
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
    elif kind == "truncated":
        path.write_bytes(content[: draw.randrange(len(content))])
    else:
        path.write_bytes(draw.randbytes(len(content)))


@pytest.mark.parametrize("network", kills.NETWORKS)
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", ["flipped", "truncated", "garbled", "deleted"])
def test_damage_is_named_and_made_again_to_the_bit(home, whole, network, file, kind):
    (path,) = kills.train(home / "run", network).folders[0].path.glob(file)
    damage(path, kind, seed=len(file) + len(kind))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run = kills.train(home / "run", network, careful=False)
    assert fingerprint.of(run.metrics) == whole[network][0]["metrics"]
    assert fingerprint.of(run.observed("biases")) == whole[network][0]["observed"]
    if told:
        assert str(path) in str(told[0].message)
        assert list(path.parent.glob(f".{runs.ASIDE}-*/{path.name}"))
    else:  # a bit may lie where nothing is read
        assert kind == "deleted" or (kind == "flipped" and path.suffix == ".parquet")
    assert kills.results_of(home / "run", network, careful=False, steps=MORE) == whole[network][1]


def test_a_run_in_two_parts_is_the_run_in_one(home, whole):
    for network in kills.NETWORKS:
        run = kills.train(home / network, network, steps=MORE)
        assert fingerprint.of(run.observed("biases")) == whole[network][1]["observed"]
        assert fingerprint.of([folder.state() for folder in run.folders]) == whole[network][1]["states"]
        assert fingerprint.of(run.metrics) == whole[network][1]["metrics"]


def test_every_flipped_bit_of_a_checkpoint_is_seen(home):
    folder = kills.train(home / "run", "dense").folders[0]
    path = folder.path / FILES[1]
    content = path.read_bytes()
    for place in [*range(0, 400), *range(400, len(content), 997)]:
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            weights = folder.weights(10)
        except cache.DamagedError:
            continue
        path.write_bytes(content)  # spaces behind the header's last brace mean nothing
        expected = folder.weights(10)
        assert all((weights[key] == expected[key]).all() for key in expected)
        assert content[place : place + 1] == b" "


def test_every_flipped_bit_of_a_table_is_seen(tmp_path):
    table = pd.DataFrame({"seed": [0, 1, 2], "layer": ["a", "b", "a"], "value": [0.5, float("nan"), 2.0]})
    path = tmp_path / "t.parquet"
    cache.write_table(table, path, done=[1, 2])
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            found, noted = cache.read_noted(path)
        except cache.DamagedError:
            continue
        pd.testing.assert_frame_equal(found, table)  # what is not seen changes nothing that is read
        assert noted == {"done": [1, 2]}


def test_a_record_of_other_settings_is_not_believed(home, whole):
    folder = kills.train(home / "run", "dense").folders[1]
    file = folder.path / "run.json"
    record = json.loads(file.read_text())
    record.pop("sha256")
    record["identity"]["lr"] = 0.5
    file.write_text(json.dumps({**record, "sha256": paths.short_hash(record)}))  # whole, but not this folder's
    with pytest.warns(UserWarning, match="names another run"):
        assert kills.results_of(home / "run", "dense", careful=False) == whole["dense"][0]


def test_a_checkpoint_of_another_run_is_not_believed(home, whole):
    first, second, _ = kills.train(home / "run", "dense").folders
    (first.path / FILES[1]).write_bytes((second.path / FILES[1]).read_bytes())
    with pytest.warns(UserWarning, match="belongs to another run"):
        assert kills.results_of(home / "run", "dense", careful=False) == whole["dense"][0]


def test_a_run_that_is_read_names_what_is_damaged(home):
    run = kills.train(home / "run", "dense")
    path = run.folders[0].path / FILES[1]
    damage(path, "flipped", seed=1)
    with pytest.raises(cache.DamagedError, match=str(path)):
        run.activations(10)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}"])
def test_a_recording_whose_record_is_damaged_is_named(home, content):
    recorder = runs.Recorder(home / "mine", kills.dense())
    recorder.checkpoint(0)
    file = home / "mine" / "seed-0" / "run.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=str(file)):
        runs.open(home / "mine", kills.dense)
    with pytest.raises(ValueError, match=r"seed-0 has no whole run.json"):
        runs.Recorder(home / "mine", kills.dense(), resume=True)


def test_a_user_s_own_files_in_a_run_stay_where_they_are(home):
    folder = kills.train(home / "run", "dense").folders[0]
    pd.DataFrame({"x": [1]}).to_parquet(folder.path / "mine.parquet")
    (folder.path / "metrics.parquet").write_bytes(b"x")
    with pytest.warns(UserWarning):
        kills.train(home / "run", "dense", careful=False)
    assert (folder.path / "mine.parquet").exists()


def test_ten_kills_change_nothing(tmp_path):
    script = [sys.executable, kills.__file__, "--kills", "10"]
    finished = subprocess.run(script, env=environment(tmp_path), capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stdout + finished.stderr
