"""What the views share: figures of plotly that change in one go, small pictures, headings, sliders."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from contextlib import contextmanager
from copy import deepcopy

import ipywidgets
import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageDraw, ImageFont

from ..hypercube import Hypercube

WIDTH = 960  # pixels: a notebook beside JupyterLab's file browser
SIDE = 500  # of heat map and circle packing
TILE = 84  # of a small picture
N_PICTURES = 5
COLOUR_A, COLOUR_B, PALE, CLEAR = "#0072B2", "#D55E00", "#D0D0D0", "rgba(0,0,0,0)"
DRAWING = threading.RLock()  # clicks and the background thread must not change a figure at the same time


@contextmanager
def drawing(figure: go.FigureWidget):
    """Changes of a figure go to the browser together, and into the widget's state."""
    with DRAWING:
        with figure.batch_update():
            yield
        keep_state(figure)


def keep_state(figure: go.FigureWidget) -> None:
    """The state from which a view is drawn first: plotly updates it only for a figure that is displayed by itself.

    A saved notebook holds it, too.
    """
    figure._widget_data, figure._widget_layout = deepcopy(figure._data), deepcopy(figure._layout_obj._props)


def figure_of(figure: go.Figure, height: int, width: int = WIDTH, **layout) -> go.FigureWidget:
    layout = {"margin": {"l": 50, "r": 10, "t": 40, "b": 40}, "dragmode": False, "hovermode": "closest"} | layout
    figure.update_layout(template="simple_white", width=width, height=height, font_size=12, **layout)
    figure.update_annotations(font_size=13)  # the titles of subplots
    widget = go.FigureWidget(figure)
    widget._config = {"displayModeBar": False}
    return widget


def picture_of(rows: Sequence[tuple[str, np.ndarray, str]]) -> bytes:
    """A PNG of rows of small pictures: (title, values (n, ...), "input", "maps" or "signed"). One scale a row."""
    width, height = N_PICTURES * (TILE + 4), TILE + 24
    canvas = Image.new("RGB", (width, height * len(rows)), "white")
    write, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for place, (title, values, kind) in enumerate(rows):
        write.text((0, place * height + 3), title, fill="black", font=font)
        for number, tile in enumerate(_tiles(np.asarray(values, dtype=float), kind)):
            canvas.paste(
                tile.resize((TILE, TILE), Image.Resampling.NEAREST), (number * (TILE + 4), place * height + 20)
            )
    stored = io.BytesIO()
    canvas.save(stored, format="png")
    return stored.getvalue()


def _tiles(values: np.ndarray, kind: str) -> list[Image.Image]:
    """Pictures of values (n, ...): colours for three channels, else one row or one plane of numbers."""
    low, high = (-np.abs(values).max(), np.abs(values).max()) if kind == "signed" else (values.min(), values.max())
    scaled = (values - low) / (high - low) if high > low else np.full_like(values, 0.5)
    if scaled.ndim == 4 and scaled.shape[1] == 3:
        return [Image.fromarray((255 * one.transpose(1, 2, 0)).astype(np.uint8)) for one in scaled]
    scaled = scaled[:, 0] if scaled.ndim == 4 else scaled
    scaled = scaled if scaled.ndim == 3 else scaled.reshape(len(scaled), 1, -1)
    colours = mpl.colormaps["viridis" if kind == "maps" else "gray"]
    return [Image.fromarray((255 * colours(one)[..., :3]).astype(np.uint8)) for one in scaled]


def heading(title: str, hint: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(f"<b style='font-size:16px'>{title}</b> <span style='color:#666'>{hint}</span>")


def epoch_slider(cube: Hypercube) -> ipywidgets.SelectionSlider:
    options = [(f"{epoch:.4g}", epoch) for epoch in cube.epochs]
    return ipywidgets.SelectionSlider(options=options, value=cube.epochs[-1], description="epoch")


def pale(colour: str) -> str:
    red, green, blue = (int(255 * part) for part in mpl.colors.to_rgb(colour))
    return f"rgba({red},{green},{blue},0.2)"
