"""Sliders that need no kernel: every frame is rendered once, the browser only shows another one."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from numbers import Real

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from . import cache, fingerprint
from .plots.style import png_bytes, source_hash

MAX_AXES = 3
MAX_FRAMES = 120
MAX_BYTES = 8_000_000
DPI = 80
TIME = ("epoch", "iteration", "step", "until", "part_of_training")


def explore(
    draw: Callable[..., Figure],
    *,
    data: pd.DataFrame | Sequence[pd.DataFrame] = (),
    max_frames: int = MAX_FRAMES,
    **axes: Sequence,
):
    """Sliders over the frames of `draw(**choice)`, for one to three axes such as iteration=[...] and layer=[...].

    draw: takes one value of every axis by name and returns a figure; the one that draws the static figure.
    data: tables that the frames show, where `draw` reads them in a way that its source does not tell. A frame is kept
    under the source of `draw`, of what it calls, and the tables and values that it reads or that are bound to it: a
    `draw` that is defined anew is drawn anew.
    axes: at least one value each. The last axis is the outer one. Beyond `max_frames` frames axes of numbers are
    thinned, time (epoch, iteration, step) first, down to two values each, and the widget says so; an axis of names
    keeps every value, so that more frames may be left. Returns an ipywidgets box that also moves in a notebook without
    a kernel.
    Raises ValueError for no axis, more than three, an empty one, or more than 8 MB of frames.
    """
    if not 1 <= len(axes) <= MAX_AXES or not all(len(values) for values in axes.values()):
        raise ValueError(
            f"axes must be one to three, none of them empty; got { ({k: len(v) for k, v in axes.items()}) }."
        )
    if not isinstance(max_frames, int) or not 2 <= max_frames <= MAX_FRAMES:
        raise ValueError(f"max_frames must lie between 2 and {MAX_FRAMES}; got max_frames={max_frames!r}.")
    chosen, note = _thin({name: _plain(values) for name, values in axes.items()}, max_frames)
    name = _name_of(draw, data)
    render = _Renderer()
    frames = {}
    for values in itertools.product(*chosen.values()):
        choice = dict(zip(chosen, values, strict=True))
        drawn = functools.partial(lambda choice: render(draw(**choice)), choice)
        frames[values] = cache.frame({**name, "choice": choice}, drawn) if name else drawn()
    if (size := sum(map(len, frames.values()))) > MAX_BYTES:
        raise ValueError(
            f"frames must take at most {MAX_BYTES:,} bytes together; got {size:,} in {len(frames)} frames."
        )
    return _box(chosen, frames, note)


def _name_of(draw: Callable, data) -> dict | None:
    """What names the frames of `draw`; None where it holds something that has no name, and its frames are not kept."""
    try:
        style = fingerprint.of(dict(plt.rcParams))
        read = {"draw": fingerprint.of(draw), "data": fingerprint.of(data)}
        return {**read, "style": style, "dpi": DPI, "plots": source_hash()}
    except ValueError:
        return None


def _plain(values: Sequence) -> list:
    """Numbers of numpy, such as a table's column gives, as Python's own."""
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _thin(axes: dict[str, list], max_frames: int) -> tuple[dict[str, list], str]:
    """Numbers thinned evenly to two values or more, time first and then the longest, first and last kept, until at most
    `max_frames` frames are left. Names stand for things of which none may be missing: all stay."""
    kept = {name: len(values) for name, values in axes.items()}
    numbers = [name for name, values in axes.items() if all(isinstance(value, Real) for value in values)]
    for name in sorted(numbers, key=lambda name: (name not in TIME, -kept[name])):
        others = math.prod(kept.values()) // kept[name]
        kept[name] = min(kept[name], max(2, max_frames // others))
    thinned = [name for name in axes if kept[name] < len(axes[name])]
    fewer = [f"{kept[name]} of {len(axes[name])} values of {name}" for name in thinned]
    whole = [f"all {kept[name]} of {name}" for name in axes if thinned and name not in numbers]
    return {name: _evenly(values, kept[name]) for name, values in axes.items()}, "; ".join(fewer + whole)


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
