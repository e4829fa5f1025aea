"""The channel view: intra-sample entropies over epochs, packed circles, deconvolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import ipywidgets
import numpy as np
import plotly.graph_objects as go
import seaborn as sns

from ..plots import class_colours, pack_classes
from ..plots.packing import NOTHING
from .answers import Answers, Query
from .drawing import (
    CLEAR,
    COLOUR_A,
    N_PICTURES,
    PALE,
    SIDE,
    drawing,
    epoch_slider,
    figure_of,
    heading,
    pale,
    picture_of,
)
from .work import Work

K = 0.5523  # of the Bezier curve that comes closest to a quarter of a circle
ROUND = np.array([(1, 0), (1, K), (K, 1), (0, 1), (-K, 1), (-1, K), (-1, 0), (-1, -K), (-K, -1), (0, -1), (K, -1),
                  (1, -K), (1, 0)])  # fmt: skip


def _circles(circles: np.ndarray) -> str:
    """Circles (n, 3) as one SVG path, each of four Bezier curves."""
    paths = []
    circles = circles[circles[:, 2] > 0]
    for points in circles[:, None, :2] + circles[:, None, 2:] * ROUND:
        start, *turns = [f"{x:.5f},{y:.5f}" for x, y in points]
        curves = "".join(f"C{' '.join(turns[k : k + 3])}" for k in range(0, 12, 3))
        paths.append(f"M{start}{curves}Z")
    return "".join(paths)


def _shape(circles: np.ndarray, fill: str, line: str) -> dict:
    look = {"fillcolor": fill, "line": {"color": line, "width": 1.5}, "opacity": 1}
    return {"type": "path", "path": _circles(circles), **look}


class SmallMultiples:
    """Intra-sample entropy of every channel over epochs, a line for each class: a panel for each channel."""

    def __init__(self, answers: Answers, work: Work):
        self.answers, self.work = answers, work
        figure = go.Figure()
        for name, colour in class_colours(answers.cube.classes).items():
            seen = "%{text}%{customdata:.2f} bit<extra>%{fullData.name}</extra>"
            line = {"color": colour, "width": 2 if name == "all" else 1}
            figure.add_scatter(name=name, mode="lines", line=line, hovertemplate=seen)
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        margin = {"l": 10, "r": 10, "t": 40, "b": 10}
        self.figure = figure_of(figure, 330, margin=margin, legend_title="class", title_font_size=14)

    def update(self, query: Query) -> None:
        self.work.ask("multiples", self._job(query))

    def _job(self, query: Query):
        epochs, rows = self.answers.cube.epochs, []
        for epoch in epochs:
            yield f"intra-sample entropy of {query.layer_a} at epoch {epoch:.4g}"
            rows.append(self.answers.entropies(query.layer_a, epoch, query.n_inputs))
        yield lambda: self._show(query, epochs, np.stack(rows, -1))

    def _show(self, query: Query, epochs: list[float], values: np.ndarray) -> None:
        """All panels in one pair of axes, each moved to its place. values: (classes + 1, channels, epochs)."""
        n_channels, most = values.shape[1], float(np.nanmax(values))
        n_columns = math.ceil(math.sqrt(2 * n_channels))
        n_rows = math.ceil(n_channels / n_columns)
        places = [(number % n_columns, n_rows - 1 - number // n_columns) for number in range(n_channels)]
        left, low = np.array(places).T[..., None]
        values = np.pad(values, ((0, 0), (0, 0), (0, 1)), constant_values=math.nan)  # a gap between panels
        heights_of = 0.72 / most if most > NOTHING else 0
        times = np.append(np.array(epochs) - epochs[0], math.nan) / max(epochs[-1] - epochs[0], 1e-9)
        x, y = left + 0.06 + 0.88 * times, low + 0.05 + heights_of * values
        text = [f"channel {number}, epoch {one}: " for number in range(n_channels) for one in [*epochs, ""]]
        with drawing(self.figure):
            for trace, heights, bits in zip(self.figure.data, y, values, strict=True):
                trace.x, trace.y, trace.text, trace.customdata = x.ravel(), heights.ravel(), text, bits.ravel()
            layout = self.figure.layout
            layout.height = max(310, 60 + n_rows * (75 if n_channels <= 64 else 55))  # the legend takes 310
            layout.xaxis.range, layout.yaxis.range = [0, n_columns], [0, n_rows]
            layout.shapes = _panels(places, query.channel)
            layout.annotations = [_panel_label(*place, number) for number, place in enumerate(places)]
            layout.title.text = self._title(query, n_channels, epochs, most)

    def _title(self, query: Query, n_shown: int, epochs: list[float], most: float) -> str:
        n_all = self.answers.cube.shapes[query.layer_a][0]
        which = f"all {n_all}" if n_shown == n_all else f"the first {n_shown} of {n_all}"
        height = f"0 to {most:.2f} bit" if most > NOTHING else "every entropy is 0 bit"
        ends = f"each panel epoch {epochs[0]:.4g} to {epochs[-1]:.4g} and {height}"
        return f"intra-sample entropy, {which} channels of {query.layer_a}: {ends}"


def _panels(places: list[tuple[int, int]], channel: int) -> list[dict]:
    """The frames of all panels as one path, and a stronger one around the channel asked for."""
    frames = [f"M{x + 0.03},{y + 0.03}H{x + 0.97}V{y + 0.97}H{x + 0.03}Z" for x, y in places]
    looks = [("".join(frames), PALE, 1), *((frame, COLOUR_A, 2.5) for frame in frames[channel : channel + 1])]
    return [{"type": "path", "path": path, "line": {"color": colour, "width": width}, "fillcolor": CLEAR, "opacity": 1}
            for path, colour, width in looks]  # fmt: skip


def _panel_label(x: int, y: int, number: int) -> dict:
    corner = {"xanchor": "left", "yanchor": "top", "showarrow": False}
    return {"x": x + 0.03, "y": y + 0.99, "text": f"{number}", "font": {"size": 10}, **corner}


class CirclePacking:
    """Circles at one epoch: a channel's area is its entropy, a class's the total; a click shows deconvolutions.

    Marks that cannot be seen lie on the circles and take hovering and clicks.
    """

    def __init__(self, answers: Answers, work: Work):
        self.answers, self.work, self.query, self.shown, self.zoomed = answers, work, None, None, None
        self.names = [*answers.cube.classes, "all"]
        self.colours = list(class_colours(answers.cube.classes).values())
        self.channel: tuple[int, int | None] = (0, None)  # and class: what the deconvolutions are of
        self.classes, self.channels = np.zeros((0, 3)), np.zeros((0, 0, 3))  # x, y, radius
        self.epoch = epoch_slider(answers.cube)
        self.epoch.observe(lambda _change: self._ask(), "value")
        figure = go.Figure()
        for _ in ("classes", "channels"):
            unseen = {"color": CLEAR, "line": {"width": 0}}
            figure.add_scatter(mode="markers", marker=unseen, hovertemplate="%{text}<extra></extra>")
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        margin = {"l": 5, "r": 5, "t": 35, "b": 5}
        self.figure = figure_of(figure, SIDE + 30, SIDE, showlegend=False, margin=margin, title_font_size=14)
        self.figure.data[0].on_click(lambda _trace, points, _state: self.click_class(points.point_inds))
        self.figure.data[1].on_click(lambda _trace, points, _state: self.click_channel(points.point_inds))
        self.image = ipywidgets.Image(format="png")
        self.box = ipywidgets.HBox([self.figure, self.image], layout={"align_items": "center"})

    def update(self, query: Query) -> None:
        self.query = None  # the slider's move below asks for nothing
        self.epoch.value = query.epoch
        self.query, self.zoomed = query, None
        self._ask(first=True)

    def _ask(self, first: bool = False) -> None:
        if self.query:
            self.work.ask("circles", self._job(self.query, self.epoch.value, first))

    def _job(self, query: Query, epoch: float, first: bool):
        yield f"intra-sample entropy of {query.layer_a} at epoch {epoch:.4g}"
        entropies = self.answers.entropies(query.layer_a, epoch, query.n_inputs)
        circles = pack_classes(entropies)
        yield lambda: self._show(query, epoch, entropies, *circles)
        self.channel = (query.channel, query.label) if first else self.channel
        yield f"deconvolutions of channel {self.channel[0]} of {query.layer_a}"
        yield from self._deconvolutions(query, epoch, *self.channel)

    def _show(
        self, query: Query, epoch: float, entropies: np.ndarray, classes: np.ndarray, channels: np.ndarray
    ) -> None:
        self.shown, self.classes, self.channels = (query, epoch), classes, channels
        with drawing(self.figure):
            for trace, circles in zip(self.figure.data, (classes, channels.reshape(-1, 3)), strict=True):
                trace.x, trace.y = circles[:, 0], circles[:, 1]
            self.figure.data[0].text, self.figure.data[1].text = self._texts(entropies)
            layout = self.figure.layout
            layout.shapes = self._shapes()
            layout.annotations = [
                {"x": x, "y": y + r, "text": name, "bgcolor": "white", "bordercolor": colour, "showarrow": False}
                for name, (x, y, r), colour in zip(self.names, classes, self.colours, strict=True)
                if r
            ]
            reading = "area is entropy (a class: the total), colour channel"
            if not classes[:, 2].any():
                reading = "every entropy is 0 bit: no circle"
            layout.title.text = f"{query.layer_a}, epoch {epoch:.4g}: {reading}"
        self._zoom(self.zoomed)

    def _texts(self, entropies: np.ndarray) -> tuple[list[str], list[str]]:
        """What hovering over the classes and the channels says."""
        heads, texts = [], []
        for name, row in zip(self.names, entropies, strict=True):
            heads.append(f"class {name}: {np.nansum(row):.1f} bit in {len(row)} channels")
            texts += [f"channel {number}, class {name}: {bits:.6f} bit" for number, bits in enumerate(row)]
        return heads, texts

    def _shapes(self) -> list[dict]:
        """A path for each class, and one for each channel in all classes: few shapes are drawn fast."""
        shapes = [
            _shape(circle[None], pale(colour), colour)
            for circle, colour in zip(self.classes, self.colours, strict=True)
            if circle[2]
        ]
        for number, colour in enumerate(sns.color_palette("viridis", self.channels.shape[1]).as_hex()):
            if self.channels[:, number, 2].any():
                shapes.append(_shape(self.channels[:, number], colour, colour))
        return shapes

    def _zoom(self, number: int | None) -> None:
        """The axes around one class, or all where it has no circle; the unseen marks grow with the circles."""
        self.zoomed = number if number is not None and self.classes[number, 2] else None
        x, y, r = (0, 0, 1) if self.zoomed is None else self.classes[number]
        pixels = (SIDE - 10) / (2.1 * r)
        with drawing(self.figure):
            self.figure.layout.xaxis.range = [x - 1.05 * r, x + 1.05 * r]
            self.figure.layout.yaxis.range = [y - 1.05 * r, y + 1.05 * r]
            for trace, circles in zip(self.figure.data, (self.classes, self.channels), strict=True):
                trace.marker.size = 2 * pixels * circles[..., 2].ravel()

    def click_class(self, numbers: Sequence[int]) -> None:
        """A class circle clicked: zoom in, or out again."""
        if numbers:
            self._zoom(numbers[0] if self.zoomed is None else None)

    def click_channel(self, numbers: Sequence[int]) -> None:
        """A channel circle clicked: its deconvolutions of inputs of that class; from afar, zoom in too."""
        if not numbers or not self.shown:
            return
        number, channel = divmod(numbers[0], self.channels.shape[1])
        label = number if number < len(self.names) - 1 else None
        self.channel = (channel, label)
        self.work.ask("deconvolutions", self._deconvolutions(*self.shown, channel, label))
        if self.zoomed is None:
            self._zoom(number)

    def _deconvolutions(self, query: Query, epoch: float, channel: int, label: int | None):
        """Part of a job: inputs, feature maps and what of the inputs they hold."""
        answers, asked = self.answers, (query.layer_a, channel, epoch)
        samples = answers.samples(label, query.n_inputs)[:N_PICTURES]
        name = "all classes" if label is None else f"class {self.names[label]}"
        rows = [(f"inputs, {name}", answers.cube.x[list(samples)].cpu().numpy(), "input")]
        title = f"channel {channel} of {query.layer_a}, epoch {epoch:.4g}"
        rows.append((title, answers.pictures(*asked, samples), "maps"))
        rows.append(("projected back to the input (grey: 0)", answers.deconvolutions(*asked, samples), "signed"))
        png = picture_of(rows)
        yield lambda: setattr(self.image, "value", png)


class ChannelView:
    """Intra-sample entropies of the channels of layer A: small multiples over epochs, and packed circles at one."""

    def __init__(self, answers: Answers, work: Work):
        self.multiples, self.circles = SmallMultiples(answers, work), CirclePacking(answers, work)
        hint = "Click a class to zoom in, between its channels to zoom out, a channel for its deconvolutions."
        self.box = ipywidgets.VBox(
            [heading("Channels", hint), self.multiples.figure, self.circles.epoch, self.circles.box]
        )

    def update(self, query: Query) -> None:
        self.multiples.update(query)
        self.circles.update(query)
