"""Yu, Jenssen and Principe (2018): Understanding CNN training with information theory. Notebook 02.

settings: profiles, data and training; observers: what is estimated while training; chains, filters, beyond: the tables;
figures: what is drawn from them; rules: the claims; sentences: what the notebook says of a run's numbers.
"""

from __future__ import annotations

from .. import Experiment, FigureSpec
from . import beyond, chains, figures, filters
from .chains import best_share
from .figures import draw_chains, draw_planes, draw_redundancy, filters_of
from .rules import CLAIMS
from .sentences import (
    accuracy_words,
    block_words,
    break_words,
    chain_words,
    choice_words,
    facts,
    fall_words,
    order_words,
    redundancy_words,
    saturation_words,
    unit_words,
)
from .settings import BASELINES, FILTERS, PROFILES, Settings, datasets, trainings

__all__ = [
    "BASELINES",
    "CLAIMS",
    "FIGURES",
    "FILTERS",
    "NOTEBOOK",
    "PROFILES",
    "TABLES",
    "Settings",
    "accuracy_words",
    "block_words",
    "break_words",
    "chain_words",
    "choice_words",
    "datasets",
    "draw_chains",
    "draw_planes",
    "draw_redundancy",
    "facts",
    "fall_words",
    "filters_of",
    "of_reading",
    "order_words",
    "redundancy_words",
    "saturation_words",
    "trainings",
    "unit_words",
]

NOTEBOOK = "02_renyi_dpi"
TABLES = {**chains.TABLES, **filters.TABLES, **beyond.TABLES}


def of_reading(experiment: Experiment, name: str, reading: str):
    """The rows of one reading of a table."""
    table = experiment.table(name)
    return table[table["reading"] == reading].reset_index(drop=True)


def _figure(draw, name: str, caption: str, *more: str, reading: str | None = None, rows=lambda table: table):
    """A figure of one table (of one reading of it), drawn with the help of `more` tables."""

    def chosen(experiment: Experiment):
        table = of_reading(experiment, name, reading) if reading else experiment.table(name)
        return rows(table)

    return FigureSpec(lambda e: draw(chosen(e), *(e.table(each) for each in more)), chosen, caption)


def _baselines(table):
    return table[[case in BASELINES for case in zip(table["part"], table["model"], strict=True)]]


def _accuracies(table):
    return table[table["quantity"] == "test_accuracy"]


def _first_seed(table):
    return table[table["seed"] == table["seed"].min()]


def _lowest_pairs(table):
    keys = [column for column in table if column not in ("pair", "value")]
    return table.groupby(keys, sort=False)["value"].min().reset_index()


def _forward(table):
    return _baselines(table[table["direction"] == "forward"])


def _topologies(table):
    return table[table["model"].isin(chains.TOPOLOGIES) & (table["part"] == "mnist")]


def _backward(table):
    return _baselines(table[table["direction"] == "backward"])


def _draw_saturation(experiment: Experiment):
    table = experiment.table("saturation")
    return figures.draw_saturation(
        table, {direction: best_share(table, direction)[0] for direction in chains.DIRECTIONS}
    )


_SEEDS = "Thick: mean over seeds and mini-batches, thin: single seeds."
_ONE_BATCH = "Thick: mean over seeds, thin: single seeds; on one mini-batch."
_ENTROPIES = "Dotted: means of H(X) and H(δL); a seed's curve cannot exceed its own."
_SHARES = "Numbers: percent of seeds for which it holds, where not 100."
_DRAWN = "A drawing; nothing in it is measured."

FIGURES = {
    "F1": FigureSpec(figures.draw_f1, lambda e: e.table("architectures"), _DRAWN),
    "F2": FigureSpec(figures.draw_f2, lambda e: e.table("architectures"), _DRAWN),
    "accuracy": _figure(
        figures.draw_training, "training_curves", "Mean and 95 % interval over seeds.", rows=_accuracies
    ),
    "saturation": FigureSpec(
        _draw_saturation, lambda e: e.table("saturation"),
        "A point is at a bound within 0.05 bit of 0, or of H(X) (forward), H(δL) (backward).",
    ),
    "F3_literal": _figure(
        figures.draw_f3, "chains", f"{_SEEDS} {_ENTROPIES}", reading="literal", rows=_baselines
    ),
    "F3": _figure(figures.draw_f3, "chains", f"{_SEEDS} {_ENTROPIES}", reading="second", rows=_baselines),
    "breaks_literal": _figure(figures.draw_breaks, "inequalities", _SHARES, reading="literal", rows=_baselines),
    "breaks": _figure(figures.draw_breaks, "inequalities", _SHARES, reading="second", rows=_baselines),
    "errors": _figure(
        figures.draw_errors, "inequalities", "Mean and 95 % interval over seeds.", rows=_backward
    ),
    "F4_literal": _figure(
        figures.draw_f4, "chains", f"{_SEEDS} {_ENTROPIES}", "training_curves", reading="literal", rows=_topologies
    ),
    "F4": _figure(
        figures.draw_f4, "chains", f"{_SEEDS} {_ENTROPIES}", "training_curves", reading="second", rows=_topologies
    ),
    "F5": _figure(
        figures.draw_f5, "filter_pairs",
        "First seed, one mini-batch, literal reading. Circles: outside I(X;a|b) and I(X;b|a), inside redundancy minus "
        "synergy, in bits; areas are not to scale.", reading="literal", rows=_first_seed,
    ),
    "F6_literal": _figure(figures.draw_f6, "redundancy", _ONE_BATCH, "training_curves", reading="literal"),
    "F6": _figure(figures.draw_f6, "redundancy", _ONE_BATCH, "training_curves", reading="second"),
    "F7_literal": _figure(figures.draw_f7, "chains", "Mini-batches' mean.", reading="literal", rows=_forward),
    "F7": _figure(figures.draw_f7, "chains", "Mini-batches' mean.", reading="second", rows=_forward),
    "orders": _figure(figures.draw_orders, "orders", "After training; mean over seeds. Shaded: below 0."),
    "unit_pairs": _figure(
        figures.draw_unit_pairs, "unit_pairs", "After training, first seed; up to 64 pairs a layer. Shaded: below 0.",
        rows=_lowest_pairs,
    ),
    "flips": _figure(
        figures.draw_flips, "flips",
        "Literal bandwidths times a factor, both MNIST networks after training. Brackets: more than 20 % at a bound.",
    ),
    "choices": _figure(
        figures.draw_choices, "choices", "Large dots: mean over seeds; lines: 95 % interval; dotted: as first row."
    ),
    "blocks": _figure(figures.draw_blocks, "blocks", "Dotted: H(X)."),
}  # fmt: skip
