"""Shen and Shen (2020): An information-theoretic visual analysis framework for convolutional neural networks
(CNNSlicer). Notebook 04.

settings: profiles, data, training and the hypercubes; observers: what is counted while training; paper: the numbers
that it prints; tables: what is computed from runs and cubes; figures: what is drawn from them; rules: the claims;
sentences: what the notebook says of a run's numbers. The live views are in `mi_kit.live`.
"""

from __future__ import annotations

import functools

from .. import Experiment, FigureSpec
from . import figures
from .figures import draw_packing, draw_pair, draw_training
from .rules import CLAIMS, settling, verdicts_by_bins
from .sentences import (
    bin_words,
    chance_words,
    channel_words,
    class_words,
    deconvolution_words,
    facts,
    label_words,
    look_alike_words,
    reading_table,
    reading_words,
    requirements,
    settling_words,
)
from .settings import (
    DEPTHS,
    DIAGONAL,
    FALLING,
    FEW,
    LOOK_ALIKE_LAYER,
    MANY,
    MNIST,
    PAIRS,
    PROFILES,
    Settings,
    checkpoints,
    cube_of,
    datasets,
    live_cubes,
    queried_settings,
    shown_epoch,
    trainings,
)
from .tables import TABLES

__all__ = [
    "CLAIMS",
    "FIGURES",
    "LOOK_ALIKE_LAYER",
    "NOTEBOOK",
    "PAIRS",
    "PROFILES",
    "TABLES",
    "Settings",
    "bin_words",
    "chance_words",
    "channel_words",
    "checkpoints",
    "class_words",
    "cube_of",
    "datasets",
    "deconvolution_words",
    "draw_packing",
    "draw_pair",
    "draw_training",
    "facts",
    "label_words",
    "live_cubes",
    "look_alike_words",
    "queried_settings",
    "reading_table",
    "reading_words",
    "requirements",
    "settling_words",
    "shown_epoch",
    "trainings",
    "verdicts_by_bins",
]

NOTEBOOK = "04_cnnslicer_queries"


def _figure(draw, name: str, caption: str, *more: str, rows=lambda table: table, shown: dict | None = None, **fixed):
    """A figure of one table, drawn with the help of `more` tables and of settings (functions of an experiment).

    shown: {column: values (a function of an experiment)} of the rows that the figure shows; no others go to its CSV.
    """

    def chosen(experiment: Experiment):
        return _with_values(rows(experiment.table(name)), experiment, shown or {})

    def drawn(experiment: Experiment):
        values = {key: of(experiment) for key, of in fixed.items()}
        return draw(chosen(experiment), *(experiment.table(each) for each in more), **values)

    return FigureSpec(drawn, chosen, caption)


def _with_values(table, experiment: Experiment, shown: dict):
    for column, of in shown.items():
        table = table[table[column].isin(of(experiment))]
    return table


def _epoch(of_paper: int):
    return lambda experiment: shown_epoch(experiment.settings, of_paper)


def _epochs(*of_paper: int):
    return lambda experiment: [shown_epoch(experiment.settings, epoch) for epoch in of_paper]


def _size(place: int):
    return lambda experiment: experiment.settings.per_class[place]


def _sizes(*places: int):
    return lambda experiment: [experiment.settings.per_class[place] for place in places]


def _pair(*layers: int):
    def rows(table):
        return table[(table["layer_a"] == layers[0]) & (table["layer_b"] == layers[1])]

    return rows


def _from_first_layer(table):
    return table[(table["layer_a"] == 1) & table["layer_b"].isin(DEPTHS)]


def _first_and_last_layer(table):
    return table[table["layer"] != LOOK_ALIKE_LAYER]


def _of_first(table):
    return table[table["part"] == MNIST]


def _of_kind(kind: str):
    def rows(table):
        return table[table["kind"] == kind].drop(columns="map")

    return rows


def _pictures(draw, kind: str, caption: str):
    return FigureSpec(lambda e: draw(e.table("pictures")), lambda e: _of_kind(kind)(e.table("pictures")), caption)


def _capacities(experiment: Experiment):
    return verdicts_by_bins({"capacities": experiment.table("capacities")})


_FIRST = "First seed."
_CAPACITY = "First seed; brighter is smaller; sorted by the largest value of rows and columns."

FIGURES = {
    "F1": _figure(figures.draw_f1, "architecture", "A drawing; nothing in it is measured."),
    "F2": _figure(figures.draw_f2, "architecture", "A drawing; nothing in it is measured."),
    "F3": _figure(figures.draw_f3, "architecture", "The network on the second data set; height: channels."),
    "F4": _figure(draw_training, "labels",
                  "Smallest size, first seed; (d), (e): all sizes, means over seeds. Diamonds: paper.", "confusions",
                  "input_entropies", "curves", rows=_of_first, shown={"per_class": _sizes(FEW)},
                  per_class=_size(FEW), epoch=lambda e: 10),
    "F5": FigureSpec(
        lambda e: figures.draw_f5(e.table("curves"), e.table("input_entropies"), settling(e.table("curves"))),
        lambda e: _of_first(e.table("curves")), "Means and 95 % intervals over seeds. Diamonds: paper.",
    ),
    "readings": _figure(figures.draw_readings, "readings", "One draw of images."),
    "F6": _figure(figures.draw_f6, "labels", "First seed in (a) and (b). Dashed: all classes alike.",
                  rows=_of_first, shown={"per_class": _sizes(FEW, MANY)}, few=_size(FEW), many=_size(MANY)),
    "F7": _figure(figures.draw_f7, "confusions", "Smallest input size, first seed; test images.",
                  rows=lambda table: _of_first(table).query("seed == seed.min()"), shown={"per_class": _sizes(FEW)},
                  few=_size(FEW)),
    "F8": FigureSpec(
        lambda e: figures.draw_f8(e.table("capacity_maps"), e.table("pictures"), shown_epoch(e.settings, 100)),
        lambda e: _with_values(_pair(*PAIRS[0])(e.table("capacity_maps")), e, {"epoch": _epochs(100)}),
        "First seed; brighter is smaller. Pictures: own ranges.",
    ),
    "F9": _pictures(figures.draw_f9, "F9", "First seed. The last two rows have the most similar patterns."),
    "alike": _figure(figures.draw_alike, "alike_pairs", "A dot a pair of channels of layer 3; all seeds."),
    "F10": _figure(functools.partial(figures.draw_maps, pair=DIAGONAL), "capacity_maps", _CAPACITY,
                   rows=_pair(*DIAGONAL), shown={"epoch": _epochs(0, 40, 120)}, epochs=_epochs(0, 40, 120)),
    "F11": _figure(functools.partial(figures.draw_maps, pair=FALLING), "capacity_maps", _CAPACITY,
                   rows=_pair(*FALLING), shown={"epoch": _epochs(0, 20, 80, 120)}, epochs=_epochs(0, 20, 80, 120)),
    "F12": _figure(figures.draw_f12, "capacity_maps", _CAPACITY, rows=_from_first_layer,
                   shown={"epoch": _epochs(120)}, epoch=_epoch(120)),
    "capacities": _figure(figures.draw_over_training, "capacities",
                          "Thick: mean over seeds, thin: seeds. By chance: inputs in another order.",
                          n_bins=lambda e: e.settings.n_bins),
    "bins": FigureSpec(lambda e: figures.draw_bins(_capacities(e)), _capacities, "The rules of the claims, all seeds."),
    "F13": _figure(figures.draw_f13, "channel_entropies",
                   f"{_FIRST} Black: all inputs. Areas: entropies, of a class the total; 0 bit is nothing.",
                   "class_entropies", rows=lambda table: table[table["layer"] == LOOK_ALIKE_LAYER], epoch=_epoch(80)),
    "F14": FigureSpec(
        lambda e: figures.draw_f14(_first_and_last_layer(e.table("channel_entropies")), e.table("class_entropies")),
        lambda e: _first_and_last_layer(e.table("channel_entropies")).query(f"channel < {figures.MULTIPLES}"),
        "(a), (b): first seed. Black: all inputs.",
    ),
    "F15": _pictures(figures.draw_f15, "F15", "First seed. Maps and what they give back, each over its own range."),
    "deconvolved": _figure(figures.draw_deconvolved, "deconvolved", "A dot a living channel of layer 3."),
}  # fmt: skip
