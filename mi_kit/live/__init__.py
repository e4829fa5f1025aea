"""CNNSlicer, live: four linked views of a `Hypercube` that answer queries in JupyterLab.

    views = live.CnnSlicer(cube)
    views        # choose layers, channel, epoch and class, press Query, then click cells and circles

Everything is computed through the cube and `estimators`, in one thread in the background: newer requests go first, a
request of the same kind replaces an older one, and what was replaced is never shown. Source: Shen and Shen (2020),
section 5.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import pandas as pd

from ..hypercube import INPUT, Hypercube
from .answers import Answers, Query
from .channels import ChannelView
from .drawing import keep_state
from .layers import LayerView
from .query import QueryView
from .training import TrainingView
from .work import Work

__all__ = ["Answers", "CnnSlicer", "Query", "Work", "show"]


class CnnSlicer(ipywidgets.VBox):
    """The four views of CNNSlicer, linked: one query updates all of them.

    cube: whose layers and channels are shown. trainings: {input size: cube} of the training view, None for this cube
    alone. layers: names of the layers offered, None for all but the input. n_inputs: how many inputs capacities and
    intra-sample entropies are taken over, drawn from `seed`, as many of each class. input_entropies: {input size: bits}
    for those that need not be computed here; losses: {input size: table with epoch and value in bits}, None takes the
    run's own.

    Raises ValueError for bad arguments. Errors of a query are said in the status line, and the views stay.
    """

    def __init__(
        self,
        cube: Hypercube,
        trainings: Mapping[str, Hypercube] | None = None,
        *,
        layers: Sequence[str] | None = None,
        n_inputs: int = 100,
        seed: int = 0,
        input_entropies: Mapping[str, float] | None = None,
        losses: Mapping[str, pd.DataFrame] | None = None,
    ):
        layers = [layer for layer in cube.layers if layer != INPUT] if layers is None else list(layers)
        if not layers or (unknown := [layer for layer in layers if layer not in cube.layers]):
            raise ValueError(
                f"layers must be among {', '.join(cube.layers)}; got layers={unknown if layers else []!r}."
            )
        if isinstance(n_inputs, bool) or not isinstance(n_inputs, int) or n_inputs < 2:
            raise ValueError(f"n_inputs must be an integer of at least 2; got n_inputs={n_inputs!r}.")
        if trainings is None:
            trained = cube.run.dataset
            trainings = {"all" if trained is None else f"{len(trained.x_train):,}": cube}
        if not trainings:
            raise ValueError("trainings must hold at least one cube; got trainings={}.")
        self.status = ipywidgets.HTML()
        self.work = Work(self._say)
        answers = Answers(cube, seed)
        self.training = TrainingView(trainings, self.work, seed, input_entropies, losses)
        self.layer, self.channel = LayerView(answers, self.work), ChannelView(answers, self.work)
        self.query = QueryView(cube, layers, n_inputs, self.ask)
        line = ipywidgets.HBox([self.query.button, self.status])
        super().__init__([self.query.box, line, self.training.box, self.layer.box, self.channel.box])
        self.ask(self.query.query)

    def ask(self, query: Query) -> None:
        """A query for all views; whatever was being worked on is dropped."""
        self.work.drop()
        self.training.update(query.epoch)
        self.channel.update(query)
        self.layer.update(query)  # asked last, it comes first

    def _repr_mimebundle_(self, **settings):
        circles = self.channel.circles.figure
        for figure in (
            self.query.figure,
            self.training.figure,
            self.layer.figure,
            self.channel.multiples.figure,
            circles,
        ):
            keep_state(figure)  # a browser that was loading the widgets' code has missed what came before
        return super()._repr_mimebundle_(**settings)

    def wait(self, timeout: float = 60) -> bool:
        """Whether everything asked for is shown within `timeout` seconds."""
        return self.work.wait(timeout)

    def _say(self, text: str) -> None:
        colour = "#b00020" if text.startswith("Error") else "#333"
        self.status.value = f"<span style='color:{colour}'>{html.escape(text)}</span>"


def show(make: Callable[[], CnnSlicer]):
    """The views that `make` gives, where somebody can click them; a note in a notebook that is executed headlessly.

    A saved notebook would hold plotly's script once for each of five figures (25 MB), and nothing would move.
    """
    from IPython import get_ipython
    from IPython.display import Markdown

    kernel = getattr(get_ipython(), "kernel", None)
    if getattr(kernel, "_allow_stdin", False):  # a front end that can ask its user; a headless run cannot
        return make()
    return Markdown("*The live views are made when this cell is run in JupyterLab.*")
