"""The three positions: in which cells of the grid each sentence of the three papers holds."""

from __future__ import annotations

import pandas as pd

from ... import cache
from ...claims import SATURATED_SHARE, UNDECIDED
from .rules import SENTENCES, Sentence
from .settings import ACTIVATIONS, METHODS, PARTS, Settings, identities
from .tables import compression, of_cells

CELL = ["part", "method", "model", "l2"]


def speaks_of(sentence: Sentence, l2: float) -> bool:
    """Whether a sentence is about a cell with this factor."""
    return sentence.l2 == "any" or (l2 == 0) == (sentence.l2 == "without")


def verdict_of(sentence: Sentence, rows: pd.DataFrame) -> str:
    """The verdict on one cell; undecided where the paths lie at a bound."""
    return UNDECIDED if rows["at_bound"].mean() > SATURATED_SHARE else sentence.rule(rows).verdict


def positions_of(cells: pd.DataFrame) -> pd.DataFrame:
    """A row a sentence, estimator and cell that it speaks of, with its verdict. cells: as `tables.of_cells` gives."""
    found = []
    for sentence in SENTENCES:
        spoken_of = cells[cells["quantity"].isin(sentence.quantities)]
        keys = ["estimator", "part", "model", "l2", *([] if sentence.pairs else ["method"])]
        for _, rows in spoken_of.groupby(keys, sort=False):
            if not speaks_of(sentence, rows["l2"].iloc[0]):
                continue
            more = {"position": sentence.position, "sentence": sentence.words, "verdict": verdict_of(sentence, rows),
                    "n_seeds": rows["seed"].nunique()}  # fmt: skip
            for method in dict.fromkeys(rows["method"]):
                first = rows[rows["method"] == method].iloc[0]
                found.append({key: first[key] for key in ("estimator", "dataset", *CELL, "n_samples")} | more)
    table = pd.DataFrame(found)
    cell = list(table[CELL].itertuples(index=False, name=None))
    order = {key: number for number, key in enumerate(sorted(set(cell), key=place_of))}
    return table.assign(place=[order[key] for key in cell])


def place_of(cell: tuple) -> tuple:
    """Where a cell (part, method, model, l2) stands in the figure."""
    part, method, model, l2 = cell
    return PARTS.index(part), METHODS.index(method), ACTIVATIONS.index(model), l2


@cache.cached(version=2, also=identities)
def positions(settings: Settings) -> pd.DataFrame:
    """`positions_of` the whole grid, for every estimator."""
    return positions_of(of_cells(compression(settings)))
