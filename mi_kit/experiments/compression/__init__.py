"""Dong and Hisham: Using information theory to enhance the understanding of deep neural networks. Notebook 05.

settings: profiles, data and training; observers: what is estimated while training; measures: the scalar of the debate;
tables: what is computed from the paths; rules: the claims; debate: the three papers' sentences in every cell;
figures: what is drawn; sentences: what the notebook says of a run's numbers.
"""

from __future__ import annotations

from .. import Experiment, FigureSpec
from . import figures
from .debate import positions
from .figures import cell_name, draw_plane, draw_sweep
from .rules import CLAIMS
from .sentences import (
    cell_words,
    data_words,
    equation_words,
    facts,
    heat_table,
    heat_words,
    learning_words,
    mechanism_words,
    position_counts,
    position_table,
    position_words,
)
from .settings import PAPER_L2, PROFILES, SHOWN, Settings, datasets, trainings
from .tables import TABLES as _TABLES

__all__ = [
    "CLAIMS",
    "FIGURES",
    "NOTEBOOK",
    "PAPER_L2",
    "PROFILES",
    "SHOWN",
    "TABLES",
    "Settings",
    "cell_name",
    "cell_words",
    "data_words",
    "datasets",
    "draw_plane",
    "draw_sweep",
    "equation_words",
    "facts",
    "heat_table",
    "heat_words",
    "learning_words",
    "mechanism_words",
    "position_counts",
    "position_table",
    "position_words",
    "trainings",
]

NOTEBOOK = "05_compression_debate"
TABLES = {**_TABLES, "positions": positions}


def _figure(draw, name: str, caption: str, rows=lambda table: table):
    """A figure of one table."""

    def chosen(experiment: Experiment):
        return rows(experiment.table(name))

    return FigureSpec(lambda e: draw(chosen(e)), chosen, caption)


def _cell(model: str, l2: float):
    return lambda table: table[(table["model"] == model) & (table["l2"] == l2)]


def _mechanism(l2_of) -> FigureSpec:
    """The mechanism under one factor of L2, `l2_of` the table."""

    def shown(e: Experiment):
        table = e.table("mechanism")
        return table[table["model"].isin(SHOWN) & (table["l2"] == l2_of(table))]

    def draw(e: Experiment):
        rows = shown(e)
        return figures.draw_mechanism(
            rows, e.table("scale"), e.settings.noise_variance, e.settings.n_bins, l2=l2_of(rows)
        )

    return FigureSpec(
        draw, shown,
        "Mini-batches, mean over the hidden layers; bands: 95 % intervals over seeds. Equal counts and the 8-bit copy "
        "on training and test samples together.",
    )  # fmt: skip


def _main_positions(table):
    return table[table["estimator"] == "kernel"]


_PATHS = "Thick: mean over seeds, thin: single seeds. Kernel estimate, upper bound, on training samples."

FIGURES = {
    "F1": _figure(figures.draw_f1, "two_phases", "Each unit in 30 bins between -1 and 1. Thick: mean over seeds."),
    "F2": _figure(figures.draw_cell, "paths", _PATHS, _cell("relu", 0.0)),
    "F3": _figure(figures.draw_cell, "paths", _PATHS, _cell("tanh", 0.0)),
    "F4": _figure(figures.draw_cell, "paths", _PATHS, _cell("relu", PAPER_L2)),
    "F5": _figure(figures.draw_cell, "paths", _PATHS, _cell("tanh", PAPER_L2)),
    "heat": _figure(
        figures.draw_heat, "cells",
        "Largest minus last value, mean over hidden layers and seeds; left half of a column mini-batches, right half "
        "full batch. Dot: 95 % interval over seeds more than 0.1 bit above noise of the same roughness. Stroke: more "
        "than a fifth of the points at a bound.",
    ),
    "null": _figure(
        figures.draw_null, "cells", "A dot a cell and estimator: mean over hidden layers and seeds."
    ),
    "positions": _figure(figures.draw_positions, "positions", "Kernel estimate, upper bound.", _main_positions),
    "mechanism": _mechanism(lambda _table: PAPER_L2),
    "mechanism_strong": _mechanism(lambda table: table["l2"].max()),
    "saturation": _figure(
        figures.draw_saturation, "scale",
        "Mini-batches. Saturated: within a twentieth of the range from an end; ReLUs: not above 0.",
    ),
    "learning": _figure(
        figures.draw_learning, "learning",
        "Mini-batches, mean over seeds; grey: epoch 100. Information: mean over the hidden layers, equally many "
        "training and test samples.",
    ),
}  # fmt: skip
