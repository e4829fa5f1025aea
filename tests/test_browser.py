"""The sliders of an executed notebook, moved in JupyterLab in a real browser without running a cell."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from conftest import visit

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
VISIBLE_FRAME = """() => [...document.querySelectorAll('.jupyter-widgets.widget-image')]
    .filter(image => image.offsetParent !== null).map(image => image.src)"""


@pytest.fixture(scope="module")
def lab(smoke_on_digits):
    """The address of a JupyterLab that serves the executed notebooks."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ip=127.0.0.1", "--IdentityProvider.token=", f"--ServerApp.root_dir={smoke_on_digits}"]
    log = (smoke_on_digits.parents[1] / "lab.log").open("w")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=2)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(20)
        log.close()


SLIDERS = {"00_estimators_on_known_answers": [2, 2, 1, 2], "01_mi_visualisation": [2, 2, 3, 3],
           "02_renyi_dpi": [2, 2, 2], "03_capacity_framework": [2, 3],
           "04_cnnslicer_queries": [2, 2, 2], "05_compression_debate": [2, 2]}  # of each explorer  # fmt: skip


@pytest.fixture(scope="module", params=SLIDERS)
def page(lab, request):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 16_000})
        # a workspace of its own: JupyterLab would open the notebook of the test before, too
        visit(page, f"{lab}/lab/workspaces/{request.param}/tree/{request.param}/{request.param}.ipynb")
        page.wait_for_selector(".jupyter-widgets.widget-image", state="visible", timeout=90_000)
        page.sliders = SLIDERS[request.param]
        yield page
        browser.close()


def test_sliders_are_there_before_any_cell_is_run(page):
    handles = "number => document.querySelectorAll('.noUi-handle').length >= number"
    page.wait_for_function(handles, arg=sum(page.sliders), timeout=90_000)  # they are drawn one after the other
    assert page.locator(".noUi-handle").count() == sum(page.sliders)
    assert len(page.evaluate(VISIBLE_FRAME)) >= 1


def test_each_slider_of_each_explorer_shows_another_frame_without_a_kernel(page):
    boxes = page.locator(".jupyter-widgets.widget-vbox", has=page.locator(".noUi-handle"))
    assert [boxes.nth(n).locator(".noUi-handle").count() for n in range(boxes.count())] == page.sliders
    for number in range(boxes.count()):
        box = boxes.nth(number)
        handles = box.locator(".noUi-handle")
        seen = {shown_in(box)}
        for slider in range(handles.count()):
            handle = handles.nth(slider)
            at_start = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemin")
            handle.focus()
            page.keyboard.press("ArrowRight" if at_start else "ArrowLeft")
            for _ in range(100):
                if shown_in(box) not in seen:
                    break
                page.wait_for_timeout(100)
            seen.add(shown_in(box))
            assert len(seen) == slider + 2, f"slider {slider} of explorer {number} changed nothing"
        assert box.locator(".widget-readout").first.text_content() != ""


def shown_in(box) -> str:
    """The one frame of an explorer that can be seen."""
    (source,) = box.evaluate(
        "box => [...box.querySelectorAll('.widget-image')].filter(i => i.offsetParent !== null).map(i => i.src)"
    )
    return source
