"""The training view: confusion, label entropies, diversity of the inputs, loss."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ..hypercube import Hypercube
from ..plots import class_colours, shades
from .answers import Answers
from .drawing import drawing, figure_of, heading
from .work import Work

DARKER_IS_MORE = [[0, "#ffffff"], [1, "#08306b"]]


class TrainingView:
    """How training went: confusion matrix, label entropies, diversity of the inputs and loss, for every input size."""

    def __init__(self, trainings: Mapping[str, Hypercube], work: Work, seed: int, entropies=None, losses=None):
        self.answers = {name: Answers(cube, seed) for name, cube in trainings.items()}
        self.work, self.entropies, self.epoch = work, dict(entropies or {}), None
        self.losses = {name: _loss(cube) for name, cube in trainings.items()} | dict(losses or {})
        self.classes = next(iter(trainings.values())).classes
        self.size = ipywidgets.Dropdown(options=list(trainings), description="input size")
        self.figure = self._drawn()
        self.size.observe(lambda _change: self.update(self.epoch), "value")
        hint = "A line stops where its class is never predicted: its entropy is not defined there."
        self.box = ipywidgets.VBox([heading("Training", hint), self.size, self.figure])

    def _drawn(self) -> go.FigureWidget:
        titles = ["confusion", "H(x.label | y = i)", "H(y | x.label = i)", "inter-sample entropy", "training loss"]
        figure = make_subplots(2, 3, specs=[[{}, {}, {}], [{}, {"colspan": 2}, None]], subplot_titles=titles,
                               horizontal_spacing=0.08, vertical_spacing=0.2)  # fmt: skip
        seen = "true %{y}, predicted %{x}: %{z}<extra></extra>"
        figure.add_heatmap(colorscale=DARKER_IS_MORE, showscale=False, texttemplate="%{z}", hovertemplate=seen,
                           x=self.classes, y=self.classes, textfont_size=9, row=1, col=1)  # fmt: skip
        of_classes = class_colours(self.classes)
        for column in (2, 3):
            for name in self.classes:
                line = {"color": of_classes[name], "width": 1.5}
                figure.add_scatter(name=name, legendgroup=name, showlegend=column == 2, mode="lines+markers",
                                   line=line, marker_size=4, row=1, col=column)  # fmt: skip
        names = list(self.answers)
        colours = shades(len(names))
        figure.add_bar(x=names, y=[self.entropies.get(name) for name in names], marker_color=colours,
                       showlegend=False, hovertemplate="%{y:.2f} bit<extra></extra>", row=2, col=1)  # fmt: skip
        for name, colour in zip(names, colours, strict=True):
            loss = self.losses[name]
            figure.add_scatter(x=loss["epoch"], y=loss["value"], name=f"{name} inputs", line_color=colour,
                               mode="lines", row=2, col=2, legend="legend2")  # fmt: skip
        return self._with_axes(figure)

    @staticmethod
    def _with_axes(figure: go.Figure) -> go.FigureWidget:
        figure.update_xaxes(title="predicted", type="category", row=1, col=1)
        figure.update_yaxes(title="true", autorange="reversed", type="category", row=1, col=1)
        figure.update_xaxes(title="epoch", row=1, col=2)
        figure.update_xaxes(title="epoch", row=1, col=3)
        figure.update_yaxes(title="bit", row=1, col=2)
        figure.update_yaxes(title="bit", row=2)
        figure.update_xaxes(title="inputs", type="category", row=2, col=1)
        figure.update_xaxes(title="epoch", row=2, col=2)
        legend = {"title": "class i", "x": 1.01, "y": 1}
        return figure_of(figure, 560, legend=legend, legend2={"x": 0.99, "y": 0.4, "xanchor": "right"},
                       margin={"l": 50, "r": 10, "t": 40, "b": 50})  # fmt: skip

    def update(self, epoch: float) -> None:
        self.epoch = epoch
        self.work.ask("training", self._job(self.size.value, epoch))

    def _job(self, name: str, epoch: float):
        answers, epochs = self.answers[name], self.answers[name].cube.epochs
        near = min(epochs, key=lambda one: abs(one - epoch))
        if self.classes:
            yield f"confusion matrix of {name} inputs at epoch {near:.4g}"
            found = answers.labels(near)
            yield lambda: self._show_confusion(found["confusion"].to_numpy(), near, len(answers.cube.x))
            tables = []
            for one in epochs:
                yield f"label entropies of {name} inputs at epoch {one:.4g}"
                tables.append(answers.labels(one))
            yield lambda: self._show_lines(epochs, tables)
        for other in self.answers:
            if other not in self.entropies:
                yield f"inter-sample entropy of {other} inputs"
                self.entropies[other] = self.answers[other].input_entropy()
        yield self._show_bars

    def _show_confusion(self, counts: np.ndarray, epoch: float, n: int) -> None:
        with drawing(self.figure):
            self.figure.data[0].z = counts
            self.figure.layout.annotations[0].text = f"confusion, epoch {epoch:.4g}, {n:,} inputs"

    def _show_lines(self, epochs: list[float], tables: list) -> None:
        n, chosen = len(self.classes), list(self.answers).index(self.size.value)
        with drawing(self.figure):
            for first, name in ((1, "true_given_predicted"), (1 + n, "predicted_given_true")):
                values = np.stack([table[name].to_numpy() for table in tables])  # (epochs, classes)
                for trace, line in zip(self.figure.data[first : first + n], values.T, strict=True):
                    trace.x, trace.y = epochs, line
            for number, trace in enumerate(self.figure.data[2 * n + 2 :]):
                trace.line.width = 3 if number == chosen else 1.2

    def _show_bars(self) -> None:
        with drawing(self.figure):
            self.figure.data[2 * len(self.classes) + 1].y = [self.entropies.get(name) for name in self.answers]


def _loss(cube: Hypercube) -> pd.DataFrame:
    """Training loss of the cube's seed over epochs, in bits: columns epoch and value."""
    table = cube.run.metrics
    if table.empty:
        return pd.DataFrame({"epoch": [], "value": []})
    own = table["quantity"].eq("train_loss") & table["seed"].eq(cube.run.seeds[cube.member])
    epoch = table["epoch"].fillna(table["step"])  # where no epoch was recorded, the cube counts steps, too
    return table.assign(epoch=epoch).loc[own, ["epoch", "value"]].reset_index(drop=True)
