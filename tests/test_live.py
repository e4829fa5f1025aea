"""The live views of CNNSlicer: what they show after queries, clicks and errors; once in JupyterLab in a browser."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import visit

from mi_kit import data, live, models, plots, training
from mi_kit.hypercube import Hypercube
from mi_kit.live import answers, drawing
from mi_kit.plots import packing

CHROMIUM = shutil.which("chromium")
SETTINGS = {
    "optimizer": "sgd",
    "lr": 0.05,
    "batch_size": 50,
    "steps": 40,
    "checkpoints": [0, 20, 40],
    "progress": False,
}


@pytest.fixture(scope="module")
def cube(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("MI_KIT_HOME", str(tmp_path_factory.mktemp("live")))
    patch.setenv("MI_KIT_OFFLINE", "1")
    patch.delenv("MI_KIT_DATA", raising=False)
    digits = data.load("digits", n_train=300, n_test=200)
    run = training.train(models.slicer(digits.input_shape, width=4), digits, **SETTINGS)
    yield Hypercube(run)
    patch.undo()


@pytest.fixture
def views(cube):
    views = live.CnnSlicer(cube, n_inputs=40)
    assert views.wait()
    return views


def seen(views) -> dict:
    """What every view shows."""
    return {
        "confusion": np.array(views.training.figure.data[0].z),
        "capacity": np.array(views.layer.figure.data[0].z),
        "multiples": views.channel.multiples.figure.layout.title.text,
        "circles": views.channel.circles.figure.layout.title.text,
        "maps": views.layer.image.value,
        "deconvolutions": views.channel.circles.image.value,
    }


def test_one_query_updates_all_views(views, cube):
    before = seen(views)
    views.query.layer_a.value, views.query.layer_b.value = "relu1", "pool2"
    views.query.epoch.value = cube.epochs[0]
    assert seen(views)["circles"] == before["circles"]  # moving a slider does not ask
    views.query.button.click()
    assert views.wait()
    after = seen(views)
    assert all(not np.array_equal(before[name], after[name]) for name in before)
    assert after["capacity"].shape == (8, 4)  # rows are the channels of layer B
    assert views.layer.epoch.value == views.channel.circles.epoch.value == cube.epochs[0]


def test_the_numbers_shown_are_those_of_the_cube(views, cube):
    samples = views.layer.answers.samples(None, 40)
    assert len(set(samples)) == 40
    assert torch.bincount(cube.y[list(samples)]).tolist() == [4] * 10
    a, b = (cube.select(sample=samples, layer=layer, epoch=cube.epochs[-1]) for layer in ("pool1", "conv2"))
    np.testing.assert_array_equal(views.layer.values, cube.capacity(a, b).to_numpy()[0].T)
    own = views.channel.circles.answers.entropies("pool1", cube.epochs[-1], 40)
    whole = cube.entropy(cube.select(sample=samples, layer="pool1", channel=slice(None), epoch=cube.epochs[-1]))
    np.testing.assert_allclose(own[-1], whole.to_numpy()[0], rtol=1e-5)


def test_capacities_taken_in_blocks_of_channels_are_the_same(cube, monkeypatch):
    def whole():
        job = live.Answers(cube).capacity("pool1", "conv2", cube.epochs[-1], None, 30)
        while True:
            try:
                next(job)
            except StopIteration as end:
                return end.value

    at_once = whole()
    monkeypatch.setattr(answers, "MAX_PAIRS", 12)
    np.testing.assert_array_equal(at_once, whole())


def test_a_class_that_is_never_predicted_leaves_a_gap(views, cube):
    predicted = cube.label_entropies(cube.select(epoch=cube.epochs[0]))["confusion"].sum("true").to_numpy()[0]
    never = int(np.flatnonzero(predicted == 0)[0])  # the untrained network does not use all classes
    of_predicted, of_true = views.training.figure.data[1 + never], views.training.figure.data[11 + never]
    assert np.isnan(of_predicted.y[0])
    assert np.isfinite(of_true.y).all()
    assert not of_predicted.connectgaps


def test_classes_have_one_colour_in_all_views(views):
    colours = list(plots.class_colours([str(number) for number in range(10)]).values())
    assert len(set(colours)) == 11
    figures = views.training.figure, views.channel.multiples.figure
    assert [trace.line.color for trace in figures[0].data[1:11]] == colours[:10]
    assert [trace.line.color for trace in figures[1].data] == colours
    outlines = views.channel.circles.figure.layout.shapes[:11]
    assert [shape.line.color for shape in outlines] == colours


def test_sorting_is_that_of_the_paper():
    values = np.array([[1.0, 5.0, 0.0], [2.0, 0.0, 0.0]])
    assert plots.sort_order(values, "maximum", 1).tolist() == [2, 0, 1]  # the columns' maxima are 2, 5, 0
    assert plots.sort_order(values, "mean", 0).tolist() == [1, 0]
    assert plots.sort_order(values, "none", 1).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="how must be one of none, mean, maximum; got how='size'"):
        plots.sort_order(values, "size", 0)


def test_a_click_on_a_sorted_cell_shows_its_own_channels(views):
    views.layer.sort_columns.value = views.layer.sort_rows.value = "maximum"
    z = np.array(views.layer.figure.data[0].z)
    assert (np.diff(z.max(0)) >= 0).all()
    assert (np.diff(z.max(1)) >= 0).all()
    asked = []
    views.layer.answers.pictures = lambda layer, channel, *rest: asked.append((layer, channel)) or np.ones((5, 2, 2))
    views.layer.click([3], [0])
    assert views.wait()
    assert asked == [("pool1", views.layer.columns[3]), ("conv2", views.layer.rows[0])]
    b, a = asked[1][1], asked[0][1]
    assert views.layer.values[b, a] == z[0, 3]
    (mark,) = views.layer.figure.layout.shapes
    assert (mark.x0, mark.y0) == (2.5, -0.5)


def test_small_multiples_are_eleven_lines(views):
    figure = views.channel.multiples.figure
    assert len(figure.data) == 11
    assert len(figure.layout.annotations) == 4
    assert np.isnan(figure.data[0].y[3::4]).all()  # three checkpoints and a gap in each panel


def test_circles_of_channels_lie_in_their_class_and_none_overlap(views):
    circles = views.channel.circles
    assert circles.classes.shape == (11, 3)
    assert circles.channels.shape == (11, 4, 3)
    assert apart(circles.classes) > 0
    for outer, inner in zip(circles.classes, circles.channels, strict=True):
        inner = inner[inner[:, 2] > 0]  # a dead channel has no circle
        assert apart(inner) > -1e-9
        assert (np.linalg.norm(inner[:, :2] - outer[:2], axis=1) + inner[:, 2] < outer[2]).all()
    assert (np.linalg.norm(circles.classes[:, :2], axis=1) + circles.classes[:, 2] <= 1 + 1e-9).all()


def apart(circles: np.ndarray) -> float:
    """The smallest gap between two circles (n, 3)."""
    gaps = np.linalg.norm(circles[:, None, :2] - circles[:, :2], axis=2) - circles[:, None, 2] - circles[:, 2]
    return gaps[np.triu_indices(len(circles), 1)].min()


@pytest.mark.parametrize("n", [1, 2, 3, 20, 128])
def test_packed_circles_do_not_overlap(n):
    for seed in range(10):
        radii = np.random.default_rng(seed).uniform(0.01, 1, n)
        centres, whole = packing.pack(radii)
        assert (np.linalg.norm(centres, axis=1) + radii).max() <= whole * (1 + 1e-12)
        if n > 1:
            assert apart(np.column_stack([centres, radii])) > -1e-9


def test_areas_are_entropies_of_channels_and_totals_of_classes_and_0_bit_is_no_circle():
    entropies = np.array([[1.0, 4.0, 0.0], [2.0, 2.0, np.nan], [3.5, 0.0, 1e-7], [0.0, 0.0, 0.0]])
    classes, channels = plots.pack_classes(entropies)
    area = channels[..., 2] ** 2 / channels[0, 0, 2] ** 2
    np.testing.assert_allclose(area, [[1, 4, 0], [2, 2, 0], [3.5, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(classes[:, 2] ** 2 / classes[0, 2] ** 2, [1, 4 / 5, 3.5 / 5, 0])
    for circles in (classes, channels):
        np.testing.assert_array_equal(np.isnan(circles[..., :2]).any(-1), circles[..., 2] == 0)


def test_a_layer_of_one_value_a_map_has_no_circles_and_says_so(views):
    circles, multiples = views.channel.circles, views.channel.multiples
    nothing = np.zeros((11, 4))
    circles._show(circles.query, circles.epoch.value, nothing, *plots.pack_classes(nothing))
    assert "no circle" in circles.figure.layout.title.text
    assert [shape.path for shape in circles.figure.layout.shapes] == []
    assert not circles.figure.layout.annotations
    assert all(np.isnan(trace.x).all() for trace in circles.figure.data)
    multiples._show(circles.query, [0.0, 1.0], np.full((11, 4, 2), 1e-9))
    assert "every entropy is 0 bit" in multiples.figure.layout.title.text
    heights = np.array(multiples.figure.data[0].y) % 1
    assert np.nanmax(heights) == pytest.approx(0.05)  # on the floor of its panel


def test_a_class_circle_zooms_in_and_out_and_a_channel_shows_its_deconvolutions(views):
    circles = views.channel.circles
    around = circles.figure.layout.xaxis.range
    size = circles.figure.data[1].marker.size[0]
    circles.click_class([3])
    x, _, r = circles.classes[3]
    assert circles.figure.layout.xaxis.range == pytest.approx((x - 1.05 * r, x + 1.05 * r))
    assert circles.figure.data[1].marker.size[0] == pytest.approx(size / r)  # what is hovered over grows too
    before = circles.image.value
    circles.click_channel([3 * 4 + 2])
    assert views.wait()
    assert circles.image.value != before
    assert circles.zoomed == 3
    circles.click_class([3])
    assert circles.figure.layout.xaxis.range == around


def test_the_first_click_on_a_layer_is_a_and_the_second_b(views):
    query = views.query
    query.pick([5])
    query.pick([2])
    assert (query.layer_a.value, query.layer_b.value) == ("relu2", "norm1")
    assert query.channel.max == 7
    assert [bar == drawing.COLOUR_A for bar in query.figure.data[0].marker.color].index(True) == 5


def test_the_cube_is_drawn_anew_before_a_query(views):
    point = views.query.figure.data[6].y[0]
    views.query.channel.value = 3
    assert views.query.figure.data[6].y[0] > point
    assert "channel 3" in views.query.figure.layout.annotations[1].text


def test_a_query_that_was_replaced_is_never_shown(views, cube, monkeypatch):
    started, go_on, shown = threading.Event(), threading.Event(), []
    computed, show = views.layer.answers._capacity, views.layer._show

    def slow(*key):
        started.set()
        assert go_on.wait(20)
        return computed(*key)

    monkeypatch.setattr(views.layer.answers, "_capacity", slow)
    monkeypatch.setattr(views.layer, "_show", lambda values, about=None: shown.append(about) or show(values, about))
    old = replace(views.query.query, layer_a="conv1")
    new = replace(old, layer_a="conv3")
    views.ask(old)
    assert started.wait(20)
    views.ask(new)
    go_on.set()
    assert views.wait()
    assert [query for query, _ in shown] == [new]
    assert views.layer.values.shape == (8, 16)


AT_WORK_AT_THE_END = """
import torch
from mi_kit.live.work import Work

def job(x=torch.ones(100)):
    while True:
        for _ in range(1000):
            x + x
        yield "sums"

for _ in range(4):
    Work(lambda text: None).ask("sums", job())
"""


def test_a_script_that_ends_while_views_are_at_work_ends_cleanly():
    # a daemon thread inside torch aborts the process at the end, one of four nearly every time
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", AT_WORK_AT_THE_END], capture_output=True, text=True, timeout=120)
        assert (ended.returncode, ended.stderr) == (0, "")


def test_an_error_is_said_in_words_and_the_views_stay(views, cube, monkeypatch):
    before = seen(views)
    monkeypatch.setattr(cube, "memory", 10)
    views.query.layer_a.value = "conv1"
    views.query.button.click()
    assert views.wait()
    assert "a query must take at most memory=" in views.status.value
    np.testing.assert_array_equal(seen(views)["capacity"], before["capacity"])
    monkeypatch.undo()
    views.query.button.click()
    assert views.wait()
    assert "Error" not in views.status.value


def test_an_answer_is_computed_once(views, cube, monkeypatch):
    query = views.query.query
    views.ask(replace(query, layer_a="conv1"))
    assert views.wait()
    monkeypatch.setattr(cube, "capacity", None)
    views.ask(query)
    assert views.wait()
    assert "Error" not in views.status.value


def test_answers_in_memory_are_bounded(cube, monkeypatch):
    monkeypatch.setattr(answers, "MAX_KEPT", 3)
    kept = live.Answers(cube)
    for number in range(5):
        kept.kept(abs, -number)
    assert len(kept._kept) == 3


def test_another_input_size_has_its_own_matrix_and_lines(cube):
    other = Hypercube(cube.run, cube.x[:70], cube.y[:70])
    views = live.CnnSlicer(cube, {"300": cube, "70": other}, n_inputs=20, input_entropies={"70": 9.5})
    assert views.wait()
    assert np.sum(views.training.figure.data[0].z) == 200
    views.training.size.value = "70"
    assert views.wait()
    assert np.sum(views.training.figure.data[0].z) == 70
    bars = views.training.figure.data[21]
    assert bars.y[1] == 9.5
    assert bars.y[0] > np.log2(300)
    assert len(views.training.figure.data[22].x) == 4  # the loss of every tenth step


def test_a_network_without_classes_and_pictures_has_views(tmp_path):
    from mi_kit.runs import Recorder

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    recorder = Recorder(tmp_path / "own", model)
    recorder.checkpoint(0)
    views = live.CnnSlicer(Hypercube(recorder.run, torch.randn(20, 3)), n_inputs=10)
    assert views.wait()
    assert "Error" not in views.status.value
    assert len(views.channel.circles.classes) == 1
    views.channel.circles.click_channel([1])
    assert views.wait()
    assert "Error" not in views.status.value


def test_bad_arguments_name_the_rule(cube):
    with pytest.raises(ValueError, match=r"layers must be among input, conv1, .*; got layers=\['conv9'\]"):
        live.CnnSlicer(cube, layers=["conv9"])
    with pytest.raises(ValueError, match="n_inputs must be an integer of at least 2; got n_inputs=1"):
        live.CnnSlicer(cube, n_inputs=1)
    with pytest.raises(ValueError, match="trainings must hold at least one cube"):
        live.CnnSlicer(cube, {})


def test_jobs_go_newest_first_and_an_error_does_not_stop_the_others():
    said, done = [], []

    def job(name, wrong=False):
        yield f"{name} begins"
        if wrong:
            raise KeyError(name)
        yield lambda: done.append(name)

    work = live.Work(said.append)
    with work._lock:  # nothing begins before all have been asked
        work.ask("first", job("first"))
        work.ask("second", job("second", wrong=True))
        work.ask("third", job("replaced"))
        work.ask("third", job("third"))
    assert work.wait()
    assert done == ["third", "first"]
    assert "replaced" not in " ".join(said)
    assert said[-1].startswith("Error: KeyError: 'second' · Done")


# ------------------------------------------------------------------------------------ in a browser


CELL = """\
from mi_kit import data, live, models, plots, training
from mi_kit.hypercube import Hypercube
from mi_kit.live import answers, drawing
from mi_kit.plots import packing

digits = data.load("digits", n_train=300, n_test=200)
run = training.train(models.slicer(digits.input_shape, width=4), digits, **{settings})
views = live.CnnSlicer(Hypercube(run), n_inputs=40)
views"""
PLOT = "document.querySelectorAll('.js-plotly-plot')"
STATUS = "() => [...document.querySelectorAll('.widget-html')].some(e => e.innerText.startsWith('Done'))"
PLACE = """(number) => {
    const plot = document.querySelectorAll('.js-plotly-plot')[4], layout = plot._fullLayout;
    const trace = plot._fullData[1], at = plot.getBoundingClientRect();
    return [at.x + layout._size.l + layout.xaxis.c2p(trace.x[number]),
            at.y + layout._size.t + layout.yaxis.c2p(trace.y[number])];
}"""


@pytest.fixture
def lab(cube, tmp_path):
    """The address of a JupyterLab with a notebook of one cell."""
    cell = {"cell_type": "code", "id": "views", "metadata": {}, "execution_count": None, "outputs": [],
            "source": CELL.format(settings=SETTINGS)}  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "views.ipynb").write_text(json.dumps(notebook))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ip=127.0.0.1", "--IdentityProvider.token=", f"--ServerApp.root_dir={tmp_path}"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def test_a_headless_notebook_gets_a_note_and_no_views(monkeypatch):
    def make():
        raise AssertionError("nobody watches")

    assert "JupyterLab" in live.show(make).data  # no kernel at all
    import IPython

    for asks, watched in ((False, False), (True, True)):
        shell = SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=asks))
        monkeypatch.setattr(IPython, "get_ipython", lambda shell=shell: shell)
        assert (live.show(lambda: "views") == "views") is watched


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_clicks_sliders_and_queries_change_what_a_browser_shows(lab):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 2800})
        visit(page, f"{lab}/lab/workspaces/live/tree/views.ipynb")
        page.locator(".jp-CodeCell .cm-content").first.click(timeout=60_000)
        page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=60_000)
        page.keyboard.press("Shift+Enter")
        page.wait_for_function(f"() => {PLOT}.length === 5", timeout=120_000)
        page.wait_for_function(STATUS, timeout=60_000)
        look(page)
        browser.close()


def look(page) -> None:
    """Click a cell and a circle, sort, slide and ask; each must change what is shown."""
    shown = SimpleNamespace(
        image=lambda number: f"document.querySelectorAll('.jp-OutputArea .widget-image')[{number}].src",
        ticks=f"JSON.stringify({PLOT}[2].layout.xaxis.ticktext)",
        heat=f"{PLOT}[2].layout.title.text",
        cube=f"{PLOT}[0].layout.annotations[1].text",
        zoom=f"JSON.stringify({PLOT}[4].layout.xaxis.range)",
    )

    def changes(value: str, act) -> None:
        before = page.evaluate(value)
        act()
        page.wait_for_function(f"before => {value} !== before", arg=before, timeout=60_000)

    def click_circle(number: int) -> None:
        page.locator(".js-plotly-plot").nth(4).scroll_into_view_if_needed()
        page.mouse.move(*page.evaluate(PLACE, number))
        page.wait_for_timeout(300)  # plotly takes up to 50 ms to see what is under the mouse
        page.mouse.click(*page.evaluate(PLACE, number))

    def click_heat(place: dict) -> None:
        heat = page.locator(".js-plotly-plot").nth(2).locator(".nsewdrag").first
        heat.hover(position=place)
        page.wait_for_timeout(300)
        heat.click(position=place)

    changes(shown.image(0), lambda: click_heat({"x": 20, "y": 20}))
    around = page.evaluate(shown.zoom)
    changes(shown.image(1), lambda: click_circle(1))
    page.wait_for_function(f"before => {shown.zoom} !== before", arg=around, timeout=60_000)  # from afar it zooms, too
    changes(shown.image(1), lambda: click_circle(2))
    selects, handles = page.locator(".jp-OutputArea select"), page.locator(".jp-OutputArea .noUi-handle")
    changes(shown.ticks, lambda: selects.nth(2).select_option("maximum"))
    changes(shown.heat, lambda: (handles.nth(4).focus(), page.keyboard.press("ArrowLeft")))
    changes(shown.cube, lambda: (handles.nth(0).focus(), page.keyboard.press("ArrowLeft")))
    title = f"{PLOT}[3].layout.title.text"
    changes(title, lambda: page.get_by_role("button", name="Query").click())
    assert "norm1" in page.evaluate(title)
