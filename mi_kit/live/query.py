"""The query view: architecture and hypercube, with what chooses a slice of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import ipywidgets
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ..hypercube import Hypercube
from .answers import Query
from .drawing import COLOUR_A, COLOUR_B, PALE, drawing, epoch_slider, figure_of, heading, pale


class QueryView:
    """Architecture and hypercube, with the sliders that choose a slice of it; `on_query` gets a `Query`."""

    def __init__(self, cube: Hypercube, layers: list[str], n_inputs: int, on_query: Callable[[Query], None]):
        self.cube, self.layers, self.on_query = cube, layers, on_query
        first = min(3, max(0, len(layers) - 2))  # layers 3 and 4, with which the paper begins
        slider, n_most = ipywidgets.SelectionSlider, len(cube.x)
        self.layer_a = slider(options=layers, value=layers[first], description="layer A")
        self.layer_b = slider(options=layers, value=layers[min(first + 1, len(layers) - 1)], description="layer B")
        self.channel = ipywidgets.IntSlider(0, 0, self._n_channels() - 1, description="channel")
        self.epoch = epoch_slider(cube)
        classes = [("all", None), *((name, number) for number, name in enumerate(cube.classes))]
        self.label = ipywidgets.Dropdown(options=classes, description="class")
        self.n_inputs = ipywidgets.BoundedIntText(min(n_inputs, n_most), min=2, max=n_most, description="inputs")
        self.button = ipywidgets.Button(description="Query", button_style="primary")
        self.figure, self._next = self._drawn(), "layer_a"
        self.figure.data[0].on_click(lambda _trace, points, _state: self.pick(points.point_inds))
        for control in (self.layer_a, self.layer_b, self.channel, self.epoch):
            control.observe(self._moved, "value")
        self.button.on_click(lambda _button: self.on_query(self.query))
        self._moved()
        top = ipywidgets.HBox([self.layer_a, self.channel, self.label])
        bottom = ipywidgets.HBox([self.layer_b, self.epoch, self.n_inputs])
        hint = "Click two layers or move the sliders, then press Query: every view below follows."
        self.box = ipywidgets.VBox([heading("Query", hint), self.figure, top, bottom])

    @property
    def query(self) -> Query:
        chosen = (self.layer_a, self.layer_b, self.channel, self.epoch, self.label, self.n_inputs)
        return Query(*(control.value for control in chosen))

    def _n_channels(self) -> int:
        return self.cube.shapes[self.layer_a.value][0]

    def pick(self, numbers: Sequence[int]) -> None:
        """A layer clicked: the first click is layer A, the second layer B, and so on."""
        if numbers:
            getattr(self, self._next).value = self.layers[numbers[0]]
            self._next = "layer_b" if self._next == "layer_a" else "layer_a"

    def _drawn(self) -> go.FigureWidget:
        counts = [self.cube.shapes[layer][0] for layer in self.layers]
        shapes = ["x".join(map(str, self.cube.shapes[layer])) for layer in self.layers]
        figure = make_subplots(1, 2, column_widths=[0.56, 0.44], horizontal_spacing=0.04,
                               subplot_titles=["layers and their channels (log scale)", " "])  # fmt: skip
        figure.add_bar(x=self.layers, y=np.log2(np.array(counts) + 1), text=[f"{count}" for count in counts],
                       customdata=shapes, hovertemplate="%{x}: %{customdata}<extra></extra>", textposition="outside",
                       cliponaxis=False, row=1, col=1)  # fmt: skip
        lines = {"hoverinfo": "skip", "mode": "lines", "row": 1, "col": 2}
        figure.add_scatter(**lines, line_color="#888", line_width=1)  # the box
        for colour in (COLOUR_A, COLOUR_B, "#888888"):  # layer A, layer B, the epoch
            figure.add_scatter(**lines, line_color=colour, line_width=1, fill="toself", fillcolor=pale(colour))
        figure.add_scatter(**lines, line_color="black", line_width=3)  # where they meet
        figure.add_scatter(hoverinfo="skip", mode="markers", marker={"size": 11, "color": "black"}, row=1, col=2)
        figure.update_yaxes(visible=False)
        figure.update_xaxes(visible=False, col=2)
        figure.update_xaxes(tickangle=-45, col=1)
        for text, at in (("layer →", (0.3, -0.08)), ("channel ↑", (-0.07, 0.5)), ("epoch ↗", (0.93, 0.05))):
            turned = -90 if text.startswith("channel") else -37 if text.startswith("epoch") else 0
            figure.add_annotation(x=at[0], y=at[1], text=text, textangle=turned, showarrow=False, row=1, col=2)
        return figure_of(figure, 300, showlegend=False, margin={"l": 10, "r": 10, "t": 40, "b": 60})

    def _moved(self, _change=None) -> None:
        """What the sliders say, drawn; nothing is computed."""
        self.channel.max = self._n_channels() - 1
        a, b = self.layer_a.value, self.layer_b.value
        text = f"dCNN({a} × {b}; channel {self.channel.value} of {a}; epoch {self.epoch.value:.4g})"
        outlines = self._outlines()
        with drawing(self.figure):
            colours = [COLOUR_A if layer == a else COLOUR_B if layer == b else PALE for layer in self.layers]
            self.figure.data[0].marker.color = colours
            for trace, (x, y) in zip(self.figure.data[1:], outlines, strict=True):
                trace.x, trace.y = x, y
            self.figure.layout.annotations[1].text = text

    def _outlines(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Box, layer A, layer B, epoch, their crossings and the channel, in the plane."""
        n, epochs = len(self.layers), self.cube.epochs
        a, b = ((self.layers.index(slider.value) + 0.5) / n for slider in (self.layer_a, self.layer_b))
        channel = (self.channel.value + 0.5) / self._n_channels()
        epoch = epochs.index(self.epoch.value) / max(1, len(epochs) - 1)
        front = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]]
        gap = [math.nan] * 3
        back = [[x, y, 1] for x, y, _ in front]
        edges = [point for x, y in ((0, 0), (1, 0), (1, 1), (0, 1)) for point in ([x, y, 0], [x, y, 1], gap)]
        slabs = [[[at, y, z] for y, z in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))] for at in (a, b)]
        when = [[x, y, epoch] for x, y, _ in front]
        crossings = [[a, 0, epoch], [a, 1, epoch], gap, [b, 0, epoch], [b, 1, epoch], gap]
        crossings += [[a, channel, 0], [a, channel, 1]]
        shapes = [[*front, gap, *back, gap, *edges], *slabs, when, crossings, [[a, channel, epoch]]]
        return [_oblique(np.array(shape, dtype=float)) for shape in shapes]


def _oblique(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(layer, channel, epoch), each from 0 to 1, seen from the front, right and above."""
    return 0.62 * points[:, 0] + 0.38 * points[:, 2], 0.7 * points[:, 1] + 0.3 * points[:, 2]
