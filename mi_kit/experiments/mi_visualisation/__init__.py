"""Fang, Wang and Yamaguchi (2018): Dissecting deep learning networks, visualizing mutual information. Notebook 01.

settings: profiles, data and training; observers: what is estimated while training; planes, kernels, advice: the tables
and figures of the paper's three levels; rules: its claims; sentences: what the notebook says of a run's numbers.
"""

from __future__ import annotations

from functools import partial

from .. import Experiment, FigureSpec
from . import advice, kernels, planes
from .advice import draw_correlations, draw_pruning, draw_strides, draw_survival
from .kernels import draw_boxes, draw_heatmap, draw_heatmaps, draw_response, draw_responses
from .planes import draw_f3, draw_f4, draw_planes, part_of, slider_steps
from .rules import CLAIMS
from .sentences import (
    accuracy_words,
    advice_words,
    class_words,
    facts,
    kernel_words,
    saturation_words,
    specialisation_words,
    stride_words,
    survival_words,
)
from .settings import IMAGE_NETWORKS, KERNEL_NETWORKS, PLANE_NETWORKS, PROFILES, Settings, datasets, trainings

__all__ = [
    "CLAIMS",
    "FIGURES",
    "IMAGE_NETWORKS",
    "KERNEL_NETWORKS",
    "NOTEBOOK",
    "PLANE_NETWORKS",
    "PROFILES",
    "TABLES",
    "Settings",
    "accuracy_words",
    "advice_words",
    "class_words",
    "datasets",
    "draw_heatmap",
    "draw_planes",
    "draw_response",
    "facts",
    "kernel_words",
    "saturation_words",
    "slider_steps",
    "specialisation_words",
    "stride_words",
    "survival_words",
    "trainings",
]

NOTEBOOK = "01_mi_visualisation"
TABLES = {**planes.TABLES, **kernels.TABLES, **advice.TABLES}


def _figure(draw, name: str, caption: str, part: str | None = "main", networks: tuple | None = None, numbers=None):
    """A figure of one table: drawn from the whole of it (of one part, if `part` says so), its numbers beside it."""
    chosen = part_of(name, part, networks) if part else lambda experiment: experiment.table(name)
    return FigureSpec(lambda experiment: draw(chosen(experiment)), numbers or chosen, caption)


def _whole(draw, name: str, caption: str, numbers=None):
    """A figure that picks its own rows from a table."""
    return FigureSpec(
        lambda experiment: draw(experiment.table(name)), numbers or (lambda experiment: experiment.table(name)), caption
    )


def _boxes(part: str, layer: str, name: str, caption: str, change: bool = True):
    rows = part_of(name, part)
    return FigureSpec(
        lambda experiment: draw_boxes(experiment.table(name), part, layer, change=change),
        lambda experiment: kernels.of_layer(rows(experiment), layer),
        caption,
    )


def _heatmaps(part: str, network: str, caption: str):
    rows = part_of("second_kernels", part, (network,))
    return FigureSpec(
        lambda experiment: draw_heatmaps(experiment.table("second_kernels"), part, network),
        lambda experiment: kernels.of_first_seed(rows(experiment)),
        caption,
    )


def _responses(part: str, network: str, caption: str):
    return FigureSpec(
        lambda experiment: draw_responses(experiment.table("response_maps"), part, network),
        kernels.numbers_of_maps(part, network),
        caption,
    )


def _survival(kind: str):
    def rows(experiment: Experiment):
        table = experiment.table("survival")
        return table[table["kind"] == kind]

    return FigureSpec(lambda experiment: draw_survival(rows(experiment)), rows, _SURVIVAL)


_LITERAL, _SECOND = "Noise variance 0.1, logits.", "Output as softmax."
_BOX = (
    "Boxes: quartiles over the kernels of all seeds, median black, whiskers 1.5 times the box. Dotted: mean of the "
    "same estimate with shuffled labels."
)
_LINES = "Lines: mean over seeds, band: 95 % interval."
_RESPONSES = "First seed; grey from each kernel's smallest answer to its largest over the ten images."
_HEAT = "First seed. Rank 1 is the kernel that knows most of the class."
_SURVIVAL = "The rules of the claims at the end of this run; saturated: more than 20 % of the points are at a bound."

FIGURES = {
    "F1": FigureSpec(
        planes.draw_architectures, lambda e: e.table("architectures"),
        "The networks as built; T is what a block puts out.",
    ),
    "F2": _figure(planes.draw_training, "training_curves", "Mean and 95 % interval over seeds."),
    "saturation": _whole(
        planes.draw_saturation, "saturation", "A point is at a bound within 0.05 bit of 0, log2 n or H(Y)."
    ),
    "F3_literal": _figure(draw_f3, "literal_planes", _LITERAL, networks=PLANE_NETWORKS),
    "F3": _figure(draw_f3, "second_planes", _SECOND, networks=PLANE_NETWORKS),
    "F4_literal": _figure(draw_f4, "literal_planes", _LITERAL, networks=IMAGE_NETWORKS),
    "F4": _figure(draw_f4, "second_planes", _SECOND, networks=IMAGE_NETWORKS),
    "kernel_saturation": _whole(
        kernels.draw_kernel_saturation, "kernel_saturation",
        "A kernel is at a bound within 0.05 bit of 0, log2 n or H(Y); constant kernels are left out. "
        "Shuffled labels: median over kernels.",
    ),
    "F5_literal": _boxes("main", "block1", "literal_kernels", f"Noise variance 0.1. {_BOX}", change=False),
    "F5": _boxes("main", "block1", "second_kernels", f"{_BOX} Below: single seeds thin, their mean thick."),
    "F6": _responses("main", "lenet", _RESPONSES),
    "F7": _responses("main", "densenet", _RESPONSES),
    "F8": _boxes("main", "block2", "second_kernels", f"{_BOX} Below: single seeds thin, their mean thick."),
    "F9": _heatmaps("main", "lenet", _HEAT),
    "F10": _heatmaps("main", "densenet", _HEAT),
    "specialisation": _figure(kernels.draw_agreement, "rank_agreement", f"Second reading. {_LINES}"),
    "A1": _whole(
        planes.draw_examples, "examples", "Test images.", lambda e: kernels.with_pixels(e.table("examples"))
    ),
    "A2": _figure(draw_f4, "second_planes", _SECOND, "appendix"),
    "A3": _boxes("appendix", "block1", "second_kernels", f"{_BOX} Below: single seeds thin, their mean thick."),
    "A4": _responses("appendix", "lenet", _RESPONSES),
    "A5": _responses("appendix", "densenet", _RESPONSES),
    "A6": _boxes("appendix", "block2", "second_kernels", f"{_BOX} Below: single seeds thin, their mean thick."),
    "A7": _heatmaps("appendix", "lenet", _HEAT),
    "A8": _heatmaps("appendix", "densenet", _HEAT),
    "classes": _figure(kernels.draw_classes, "class_information", "Second reading, last iteration.", "appendix"),
    "strides": _whole(draw_strides, "strides", "Mean and 95 % interval over seeds."),
    "correlations": _whole(
        draw_correlations, "correlations", "A dot is a kernel, of any seed; the bar is the median; last iteration."
    ),
    "pruning": _whole(draw_pruning, "pruning", f"Not trained again. {_LINES}"),
    "variants": _figure(
        partial(planes.draw_variants, network="lenet"), "other_planes", "LeNet, one run under eight estimates.",
        networks=("lenet",),
    ),
    "survival_planes": _survival("planes"),
    "survival_kernels": _survival("kernels"),
}  # fmt: skip
