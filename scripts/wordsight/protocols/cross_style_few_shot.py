"""Few-shot classification across styles: prototypes from drawings of one style, queries of another.

This is sound few-shot classification (:mod:`wordsight.protocols.few_shot` has the mathematics), once in each
cell of seen and unseen concepts and styles (:mod:`wordsight.protocols.crossing`). A trial is one draw of
shots in one direction, from a seen style to another style. The shots of a draw are the same concepts in every
direction and every cell. A smaller number of shots takes the first ones of a larger number.

Shots are drawn from all seen concepts, so that the draws vary as much as shots do. A seen query that is among
the shots of its class would be classified by itself: for that query alone, the next concept of the draw takes
its place in the prototype.
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wordsight.catalogue.cells import CELLS, Cell
from wordsight.datasets.reading import Split
from wordsight.files.feature_sets import Features
from wordsight.protocols.crossing import Crossing, Division, cross, divide
from wordsight.protocols.prototypes import classify, draw, prototypes
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.few_shot import Parameters


def evaluate(
    task: Task, section: "Parameters", *, train: Features, test: Features, splits: tuple[Split, Split]
) -> list[pa.Table]:
    """Classify the query concepts of every cell by the nearest prototype of another style.

    Parameters
    ----------
    task : what is measured; the rows have the name of a cell as their dataset
    section : numbers of shots, and trials, the number of draws in each direction
    train, test : features (n, d) of the two splits
    splits : the two splits, with the concepts and styles of their items

    Returns
    -------
    list of pyarrow.Table
        For each cell, the item-level metric ``accuracy`` (1 right, 0 wrong) with the parameter ``shots``, in
        which an item is a concept, and once ``chance``.

    Raises
    ------
    DataError
        Splits or features that can't be crossed (:func:`wordsight.protocols.crossing.cross`), or fewer than
        two classes with enough concepts for their shots (:func:`wordsight.protocols.crossing.divide`).
    """
    where, rows = task.where, task.rows
    crossing = cross(splits, (train, test), where)
    most = max(section.shots) + 1  # with the one that takes the place of a query
    division = divide(crossing, most, (task.seed, task.dataset), where)
    unit = crossing.unit_drawings(where)
    drawn = draw(
        crossing.labels[division.support],
        most,
        section.trials,
        (task.seed, task.protocol, task.dataset),
    )
    chosen = division.support[drawn]
    tables = []
    for name, cell in CELLS.items():
        items = crossing.names(division.queries[cell.seen_concepts])
        observe = partial(rows, dataset=name, metric="accuracy", parameter="shots", items=items)
        tables.append(rows(dataset=name, metric="chance", values=[1 / len(division.classes)]))
        for shots in sorted(set(section.shots)):
            right = _right(crossing, division, unit, chosen[:, :, : shots + 1], cell)
            tables += [observe(values=row, trial=t, setting=shots) for t, row in enumerate(right)]
    return tables


def _right(
    crossing: Crossing, division: Division, unit: dict[str, np.ndarray], chosen: np.ndarray, cell: Cell
) -> np.ndarray:
    """Whether each query concept of a cell is classified right: bool (directions times draws, queries).

    The last of ``chosen`` takes the place of a query among the others.
    """
    queries = division.queries[cell.seen_concepts]
    row = np.full(len(crossing.labels), -1)
    row[queries] = np.arange(len(queries))
    nearest = []
    for fitted, tested in crossing.directions(seen_style=cell.seen_style):
        centres = prototypes(unit[fitted], chosen[:, :, :-1], normalise=True)
        found = classify(unit[tested][queries], centres)
        if cell.seen_concepts:
            for one, means, places in zip(found, centres, chosen, strict=True):
                _leave_queries_out(one, row, unit[tested], unit[fitted], means, places)
        nearest.append(found)
    return division.classes[np.concatenate(nearest)] == crossing.labels[queries]


def _leave_queries_out(
    nearest: np.ndarray,
    row: np.ndarray,
    tested: np.ndarray,
    fitted: np.ndarray,
    centres: np.ndarray,
    chosen: np.ndarray,
) -> None:
    """Classify the queries of a trial that are among its shots again, without themselves.

    Parameters
    ----------
    nearest : class of each query, which is changed
    row : of each of n concepts, its row in ``nearest``; -1 where it is no query
    tested, fitted : unit drawings (n, d) of the two styles
    centres : prototypes (classes, d) of all shots
    chosen : places (classes, shots + 1), of which the last takes the place of a query
    """
    shots, spare = chosen[:, :-1], chosen[:, -1]
    label, place = np.nonzero(row[shots] >= 0)
    query = shots[label, place]
    others = shots[label]
    others[np.arange(len(query)), place] = spare[label]
    (without,) = prototypes(fitted, others[None], normalise=True)
    scores = tested[query] @ centres.T
    # By the change, so that a prototype that stays the same keeps its score to the last bit, and ties remain.
    change = np.einsum("qd,qd->q", tested[query], without - centres[label])
    scores[np.arange(len(query)), label] += change
    nearest[row[query]] = scores.argmax(axis=1)
