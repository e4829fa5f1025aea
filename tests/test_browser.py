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


SLIDERS = {  # how many, and the keys that move the first two: those over numbers start at the last
    "00_estimators_on_known_answers": (7, ("ArrowLeft", "ArrowLeft")),
    "01_mi_visualisation": (4, ("ArrowLeft", "ArrowRight")),
}


@pytest.fixture(scope="module", params=SLIDERS)
def page(lab, request):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 24_000})
        # a workspace of its own: JupyterLab would open the notebook of the test before, too
        page.goto(f"{lab}/lab/workspaces/{request.param}/tree/{request.param}/{request.param}.ipynb")
        page.wait_for_selector(".jupyter-widgets.widget-image", state="visible", timeout=90_000)
        page.sliders, page.keys = SLIDERS[request.param]
        yield page
        browser.close()


def test_sliders_are_there_before_any_cell_is_run(page):
    handles = "number => document.querySelectorAll('.noUi-handle').length >= number"
    page.wait_for_function(handles, arg=page.sliders, timeout=60_000)  # they are drawn one after the other
    assert page.locator(".noUi-handle").count() == page.sliders
    assert len(page.evaluate(VISIBLE_FRAME)) >= 1


def test_each_slider_shows_another_frame_without_a_kernel(page):
    box = page.locator(".jupyter-widgets.widget-vbox").first
    handles = box.locator(".noUi-handle")
    assert handles.count() == 2
    seen = [page.evaluate(VISIBLE_FRAME)[0]]
    for number, key in enumerate(page.keys):
        handles.nth(number).focus()
        page.keyboard.press(key)
        page.wait_for_function(f"before => ({VISIBLE_FRAME})()[0] !== before", arg=seen[-1], timeout=10_000)
        seen.append(page.evaluate(VISIBLE_FRAME)[0])
    assert len(set(seen)) == 3
    assert box.locator(".widget-readout").first.text_content() != ""
