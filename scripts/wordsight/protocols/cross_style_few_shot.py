"""Few-shot classification across styles: prototypes from drawings of one style, queries of another.

As sound few-shot classification (:mod:`wordsight.protocols.few_shot` has the mathematics), once in each cell
of seen and unseen concepts and styles (:mod:`wordsight.crossing`). A trial is one draw of shots in one
direction, from a seen style to another style. The shots of a draw are the same concepts in every direction
and every cell, and those of a smaller number are the first of the larger.
"""

from functools import partial

import numpy as np
import pyarrow as pa

from wordsight.cells import CELLS, Cell
from wordsight.config import FewShotParameters
from wordsight.crossing import Crossing, Division, cross, divide
from wordsight.datasets import Split
from wordsight.prototypes import classify, draw, prototypes
from wordsight.rows import make_rows
from wordsight.storage import Features


def evaluate(
    *,
    splits: tuple[Split, Split],
    features: tuple[Features, Features],
    section: FewShotParameters,
    seed: int,
    model: str,
    dataset: str,
) -> dict[str, list[pa.Table]]:
    """Classify the query concepts of every cell by the nearest prototype of another style.

    Parameters
    ----------
    splits, features : of train and test
    section : shots and trials, the draws in each direction
    seed : configured seed
    model, dataset : names for draws and messages; the rows name the cell in the place of the dataset

    Returns
    -------
    dict of lists of pyarrow.Table
        For each cell, the item-level metric ``accuracy`` (1 right, 0 wrong) with the parameter ``shots``, in
        which an item is a concept, and once ``chance``.

    Raises
    ------
    DataError
        Splits or features that can't be crossed (:func:`wordsight.crossing.cross`), or fewer than two classes
        with enough concepts for their shots (:func:`wordsight.crossing.divide`).
    """
    where = f"cross_style_few_shot of {model} on {dataset}"
    crossing = cross(splits, features, where)
    division = divide(crossing, max(section.shots), (seed, dataset), where)
    unit = crossing.unit_drawings(where)
    drawn = draw(
        crossing.labels[division.support],
        max(section.shots),
        section.trials,
        (seed, "cross_style_few_shot", dataset),
    )
    chosen = division.support[drawn]
    rows = partial(make_rows, protocol="cross_style_few_shot", model=model, mode="sound", seed=seed)
    tables = {}
    for name, cell in CELLS.items():
        items = crossing.names(division.queries[cell.seen_concepts])
        observe = partial(rows, dataset=name, metric="accuracy", parameter="shots", items=items)
        tables[name] = [rows(dataset=name, metric="chance", values=[1 / len(division.classes)])]
        for shots in sorted(set(section.shots)):
            right = _right(crossing, division, unit, chosen[:, :, :shots], cell)
            tables[name] += [observe(values=row, trial=t, setting=shots) for t, row in enumerate(right)]
    return tables


def _right(
    crossing: Crossing, division: Division, unit: dict[str, np.ndarray], chosen: np.ndarray, cell: Cell
) -> np.ndarray:
    """Whether each query concept of a cell is classified right: bool (directions times draws, queries)."""
    queries = division.queries[cell.seen_concepts]
    nearest = [
        classify(unit[tested][queries], prototypes(unit[fitted], chosen, normalise=True))
        for fitted, tested in crossing.directions(seen_style=cell.seen_style)
    ]
    return division.classes[np.concatenate(nearest)] == crossing.labels[queries]
