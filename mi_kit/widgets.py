"""Sliders that need no kernel: every frame is rendered once, the browser only shows another one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from . import cache
from .plots.style import png_bytes, source_hash

MAX_AXES = 3
MAX_FRAMES = 120
MAX_BYTES = 8_000_000
DPI = 80


def explore(
    draw: Callable[..., Figure],
    *,
    data: pd.DataFrame | Sequence[pd.DataFrame] = (),
    version: int = 1,
    max_frames: int = MAX_FRAMES,
    **axes: Sequence,
):
    """Sliders over the frames of `draw(**choice)`, for one to three axes such as iteration=[...] and layer=[...].

    draw: takes one value of every axis by name and returns a figure; the one that draws the static figure.
    data: the tables that the frames show; with `version` (of the draw function) they name the cached frames. Tables
    bound to `draw` by functools.partial count too.
    axes: at least one value each. The last axis is the outer one. Beyond `max_frames` frames the longest axis is
    thinned, then the next, down to two values each, and the widget says so. Returns an ipywidgets box that also moves
    in a notebook without a kernel.
    Raises ValueError for no axis, more than three, an empty one, or more than 8 MB of frames.
    """
    if not 1 <= len(axes) <= MAX_AXES or not all(len(values) for values in axes.values()):
        raise ValueError(
            f"axes must be one to three, none of them empty; got { ({k: len(v) for k, v in axes.items()}) }."
        )
    if not isinstance(max_frames, int) or not 2 <= max_frames <= MAX_FRAMES:
        raise ValueError(f"max_frames must lie between 2 and {MAX_FRAMES}; got max_frames={max_frames!r}.")
    chosen, note = _thin({name: _plain(values) for name, values in axes.items()}, max_frames)
    tables = [data] if isinstance(data, pd.DataFrame) else list(data)
    render = _Renderer()
    frames = {}
    for values in itertools.product(*chosen.values()):
        choice = dict(zip(chosen, values, strict=True))
        key = {"draw": draw, "version": version, "data": tables, "choice": choice, "dpi": DPI, "plots": source_hash()}
        frames[values] = cache.frame(key, lambda choice=choice: render(draw(**choice)))
    if (size := sum(map(len, frames.values()))) > MAX_BYTES:
        raise ValueError(
            f"frames must take at most {MAX_BYTES:,} bytes together; got {size:,} in {len(frames)} frames."
        )
    return _box(chosen, frames, note)


def _plain(values: Sequence) -> list:
    """Numbers of numpy, such as a table's column gives, as Python's own."""
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _thin(axes: dict[str, list], max_frames: int) -> tuple[dict[str, list], str]:
    """The longest axis thinned evenly, first and last value kept, so that there are at most `max_frames` frames; where
    two of its values are still too many, the next longest too."""
    kept = {name: len(values) for name, values in axes.items()}
    while math.prod(kept.values()) > max_frames and max(kept.values()) > 2:
        longest = max(kept, key=kept.get)
        others = math.prod(kept.values()) // kept[longest]
        kept[longest] = max(2, max_frames // others)
    fewer = {name: len(values) for name, values in axes.items() if kept[name] < len(values)}
    notes = [f"{kept[name]} of {n} values of {name}" for name, n in fewer.items()]
    return {name: _evenly(values, kept[name]) for name, values in axes.items()}, "; ".join(notes)


def _evenly(values: list, n: int) -> list:
    return values if n == len(values) else [values[round(k * (len(values) - 1) / (n - 1))] for k in range(n)]


class _Renderer:
    """Figures to PNG. The axes of all frames lie where those of the first do: nothing jumps when a slider moves."""

    def __init__(self):
        self.places = None

    def __call__(self, figure: Figure) -> bytes:
        if self.places is None or len(self.places) != len(figure.axes):
            figure.draw_without_rendering()  # lets the layout engine place the axes
            self.places = [ax.get_position() for ax in figure.axes]
        figure.set_layout_engine("none")
        for ax, place in zip(figure.axes, self.places, strict=True):
            ax.set_position(place)
        picture = png_bytes(figure, DPI)
        plt.close(figure)
        return picture


def _box(axes: dict[str, list], frames: dict[tuple, bytes], note: str):
    sliders = {name: _slider(name, values) for name, values in axes.items()}
    links = []
    picture = _stack(axes, list(axes)[::-1], {}, frames, sliders, links)
    parts = [*sliders.values(), *([ipywidgets.Label(f"Shown: {note}.")] if note else []), picture]
    box = ipywidgets.VBox(parts)
    box.links = links  # keeps them alive as long as the box
    return box


def _stack(axes: dict, names: list[str], choice: dict, frames: dict, sliders: dict, links: list):
    """The frames of a choice as stacks in stacks, the outermost over the first of `names`, all linked to sliders."""
    if not names:
        return ipywidgets.Image(value=frames[tuple(choice[name] for name in axes)])
    name, *inner = names
    children = [_stack(axes, inner, {**choice, name: value}, frames, sliders, links) for value in axes[name]]
    stack = ipywidgets.Stack(children, selected_index=sliders[name].index)
    links.append(ipywidgets.jslink((sliders[name], "index"), (stack, "selected_index")))
    return stack


def _slider(name: str, values: list):
    options = [(f"{value:,}" if isinstance(value, int) else str(value), place) for place, value in enumerate(values)]
    start = len(values) - 1 if all(isinstance(value, (int, float)) for value in values) else 0
    return ipywidgets.SelectionSlider(
        options=options,
        index=start,
        value=start,
        description=name.replace("_", " "),
        continuous_update=True,
        layout=ipywidgets.Layout(width="32em"),
    )
