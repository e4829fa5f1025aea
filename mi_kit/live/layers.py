"""The layer view: capacities between the channels of two layers, and their feature maps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import ipywidgets
import numpy as np
import plotly.graph_objects as go

from ..plots import sort_order
from .answers import Answers, Query
from .drawing import CLEAR, N_PICTURES, SIDE, drawing, epoch_slider, figure_of, heading, picture_of
from .work import Work


class LayerView:
    """Capacity between all channels of two layers; a click on a cell shows what both channels make of five inputs."""

    def __init__(self, answers: Answers, work: Work):
        self.answers, self.work, self.query, self.shown = answers, work, None, None
        self.cell = (0, 0)  # the channels whose maps are shown
        self.values, self.rows, self.columns = np.zeros((1, 1)), np.arange(1), np.arange(1)  # z: (b, a), and orders
        orders = ["none", "mean", "maximum"]
        self.sort_columns = ipywidgets.Dropdown(options=orders, description="columns by")
        self.sort_rows = ipywidgets.Dropdown(options=orders, description="rows by")
        self.epoch = epoch_slider(answers.cube)
        self.epoch.observe(lambda _change: self._ask(), "value")
        for control in (self.sort_columns, self.sort_rows):
            control.observe(lambda _change: self._show(self.values), "value")
        figure = go.Figure(go.Heatmap(colorscale="Viridis", reversescale=True, colorbar={"title": "bit"}))
        margin = {"l": 60, "r": 10, "t": 50, "b": 60}
        self.figure = figure_of(figure, SIDE, SIDE + 20, margin=margin, title_font_size=14)
        self.figure.data[0].on_click(lambda _trace, points, _state: self.click(points.xs, points.ys))
        self.image = ipywidgets.Image(format="png")
        hint = "Brighter is smaller. Click a cell for the feature maps of both channels."
        controls = ipywidgets.HBox([self.epoch, self.sort_columns, self.sort_rows])
        shown = ipywidgets.HBox([self.figure, self.image], layout={"align_items": "center"})
        self.box = ipywidgets.VBox([heading("Layers", hint), controls, shown])

    def update(self, query: Query) -> None:
        self.query = None  # the slider's move below asks for nothing
        self.epoch.value = query.epoch
        self.query = query
        self._ask(first=True)

    def _ask(self, first: bool = False) -> None:
        if self.query:
            self.work.ask("layers", self._job(self.query, self.epoch.value, first))

    def _job(self, query: Query, epoch: float, first: bool):
        values = yield from self.answers.capacity(query.layer_a, query.layer_b, epoch, query.label, query.n_inputs)
        yield lambda: self._show(values.T, (query, epoch))
        if first:  # the channel asked for, and the one of layer B that it shares most with
            self.cell = (query.channel, int(values[query.channel].argmax()))
        yield from self._maps(query, epoch, *self.cell)

    def _show(self, values: np.ndarray, shown: tuple[Query, float] | None = None) -> None:
        """Heat map in the order asked for; `shown` where it is another query's."""
        self.values, self.shown = values, shown or self.shown
        self.rows = sort_order(values, self.sort_rows.value, 0)
        self.columns = sort_order(values, self.sort_columns.value, 1)
        names = np.broadcast_to(self.columns, values.shape), np.broadcast_to(self.rows[:, None], values.shape)
        with drawing(self.figure):
            trace, layout = self.figure.data[0], self.figure.layout
            trace.z, trace.customdata = values[self.rows][:, self.columns], np.stack(names, -1)
            layout.shapes = [self._mark()] if shown is None else []
            for axis, order in ((layout.xaxis, self.columns), (layout.yaxis, self.rows)):
                places = np.arange(0, len(order), math.ceil(len(order) / 16))
                axis.tickvals, axis.ticktext = places, [str(order[place]) for place in places]
            if shown:
                query, epoch = shown
                a, b = query.layer_a, query.layer_b
                trace.hovertemplate = f"{a} %{{customdata[0]}}, {b} %{{customdata[1]}}: %{{z:.3f}} bit<extra></extra>"
                layout.xaxis.title, layout.yaxis.title = f"channel of {a} (A)", f"channel of {b} (B)"
                layout.title.text = f"capacity, epoch {epoch:.4g}, {self._inputs(query)}"

    def _inputs(self, query: Query) -> str:
        n = len(self.answers.samples(query.label, query.n_inputs))
        return f"{n} inputs" + ("" if query.label is None else f" of class {self.answers.cube.classes[query.label]}")

    def click(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        """A cell clicked, by its place in the sorted heat map."""
        if self.shown and xs:
            a, b = int(self.columns[round(xs[0])]), int(self.rows[round(ys[0])])
            self.work.ask("maps", self._maps(*self.shown, a, b))

    def _maps(self, query: Query, epoch: float, channel_a: int, channel_b: int):
        answers, samples = self.answers, self.answers.samples(query.label, query.n_inputs)[:N_PICTURES]
        rows = [("inputs", answers.cube.x[list(samples)].cpu().numpy(), "input")]
        for name, layer, channel in (("A", query.layer_a, channel_a), ("B", query.layer_b, channel_b)):
            title = f"{name}: channel {channel} of {layer}, epoch {epoch:.4g}"
            rows.append((title, answers.pictures(layer, channel, epoch, samples), "maps"))
        png = picture_of(rows)
        yield lambda: self._show_maps(png, channel_a, channel_b)

    def _show_maps(self, png: bytes, channel_a: int, channel_b: int) -> None:
        self.cell, self.image.value = (channel_a, channel_b), png
        with drawing(self.figure):
            self.figure.layout.shapes = [self._mark()]

    def _mark(self) -> dict:
        """A frame around the cell whose maps are shown."""
        x, y = list(self.columns).index(self.cell[0]), list(self.rows).index(self.cell[1])
        ends = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
        return {"type": "rect", "line": {"color": "red", "width": 2.5}, "fillcolor": CLEAR, "opacity": 1, **ends}
