"""Cheng, Lian, Gao and Geng (2018): Evaluating capability of deep neural networks for image classification via the
information plane. Notebook 03.

settings: profiles, data and training; observers: what is estimated while training; paper: the numbers that it prints;
tables: what is computed from the paths; figures: what is drawn from them; rules: the claims; sentences: what the
notebook says of a run's numbers.
"""

from __future__ import annotations

from .. import Experiment, FigureSpec
from . import figures
from .figures import draw_classes, draw_paths
from .rules import CLAIMS
from .sentences import (
    batch_words,
    binning_words,
    class_words,
    facts,
    fit_words,
    moment_words,
    percentage_words,
    plain_words,
    point_words,
    scale,
    selection_words,
    shift_words,
    slope_words,
    slopes,
    stage_words,
    table_1,
    table_2,
    table_3,
    table_4,
    table_5,
    update_words,
    verdict_words,
    verdicts_by_estimator,
    verdicts_by_window,
    wait_words,
    widths,
)
from .settings import BY_CLASS, DEPTHS, PROFILES, SELECTED, Settings, datasets, trainings
from .tables import TABLES, title_of

__all__ = [
    "BY_CLASS",
    "CLAIMS",
    "FIGURES",
    "NOTEBOOK",
    "PROFILES",
    "SELECTED",
    "TABLES",
    "Settings",
    "batch_words",
    "binning_words",
    "class_words",
    "datasets",
    "draw_classes",
    "draw_paths",
    "facts",
    "fit_words",
    "moment_words",
    "percentage_words",
    "plain_words",
    "point_words",
    "scale",
    "selection_words",
    "shift_words",
    "slope_words",
    "slopes",
    "stage_words",
    "table_1",
    "table_2",
    "table_3",
    "table_4",
    "table_5",
    "title_of",
    "trainings",
    "update_words",
    "verdict_words",
    "verdicts_by_estimator",
    "verdicts_by_window",
    "wait_words",
    "widths",
]

NOTEBOOK = "03_capacity_framework"


def _figure(draw, name: str, caption: str, *more: str, rows=lambda table: table):
    """A figure of one table, drawn with the help of `more` tables."""

    def chosen(experiment: Experiment):
        return rows(experiment.table(name))

    return FigureSpec(lambda e: draw(chosen(e), *(e.table(each) for each in more)), chosen, caption)


def _compared(table):
    return table[table["part"].isin(("mnist", "cifar")) & (table["split"] == "validation") & (table["method"] == "SGD")]


def _depths(table):
    return table[(table["part"] == "cifar") & table["model"].isin(DEPTHS)]


def _counted(table):
    """What Tables 1 and 2 hold: training images of the second data set."""
    rows = table[table["split"] == "train"]
    return rows[(rows["part"] == "small") | (rows["part"] == "cifar") & rows["model"].isin(DEPTHS)]


def _deepest(table):
    return table[table["model"] == "cnn16"]


def _framework(table):
    return table[(table["part"] == "mnist") & (table["model"] == "cnn2") & (table["split"] == "validation")]


def _by_class(experiment: Experiment):
    return experiment.table("class_points")


_PATHS = "Thick: mean over seeds, thin: single seeds, smoothed. Ring: mean of the seeds' transitions; large dot: end."

FIGURES = {
    "F1": _figure(figures.draw_f1, "layers", "Each unit in 30 bins; thick: mean over seeds."),
    "F2": FigureSpec(figures.draw_f2, lambda e: e.table("architectures"), "A drawing; nothing in it is measured."),
    "plain": _figure(
        figures.draw_plain, "plain",
        "VGG-16 from PyTorch's initial weights without batch norm, and from He's with batch norm; a dot a seed.",
    ),
    "F3": _figure(figures.draw_f3, "paths", "One seed.", "points", rows=_framework),
    "F4": _figure(figures.draw_f4, "paths", _PATHS, "points", rows=_compared),
    "T4": _figure(
        figures.draw_slopes, "points",
        "Dots: seeds; bars: their mean; diamonds: paper, which gives the end where it sees no transition (FC-3, CNN-2 "
        "and CNN-4 on CIFAR-10).", "paper_points",
    ),
    "F5": _figure(figures.draw_f5, "paths", f"{_PATHS} Rings in b only.", "points", rows=_depths),
    "T1_T2": _figure(
        figures.draw_percentages, "percentages",
        "Training images. Bars: bootstrap over seeds and pairs. Grey: random walks with the same values. Open dots: "
        "without the first window of moments, to be compared with the paths that keep the smoothed path alone "
        "(orange) and those whose accuracy is shuffled around its trend (green).",
        rows=_counted,
    ),
    "T3": _figure(figures.draw_counts, "sample_counts", "Moments thinned evenly."),
    "T5": _figure(figures.draw_accuracies, "percentages", "Dots: seeds; diamonds: paper.", "points", rows=_depths),
    "F6": FigureSpec(
        lambda e: figures.draw_f6(_by_class(e)), _by_class,
        "End of training; mean and 95 % interval over seeds. Diamonds, of airplane, automobile and bird: the paper.",
    ),
    "F7": _figure(
        figures.draw_f7, "classes",
        "Mean over seeds, smoothed; ring: transition of this mean path; dot: end. H(Y) = 1.", rows=_deepest,
    ),
    "binning": _figure(figures.draw_binning, "binning", "Mean over seeds.", rows=_depths),
    "selection": _figure(figures.draw_selection, "selection", "Mean and 95 % interval over seeds."),
}  # fmt: skip
