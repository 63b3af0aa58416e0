"""Linear probe across styles: fitted on drawings of one style, tested on those of another.

Multinomial logistic regression as in sound transfer (:mod:`wordsight.protocols.probe` has the mathematics):
the strength is chosen on a part of the support drawings, the same concepts for every model and style, and the
probe is fitted again on all of them. One probe for each seen style and half of the support is tested in every
cell of seen and unseen concepts and styles (:mod:`wordsight.protocols.crossing`): on all unseen queries, and
on the seen ones of the other half. A trial is a direction, from the style it is fitted in to another one; of
unseen queries, one for each half. So no single choice of concepts decides what a probe learns from.

A probe learns how frequent the classes are, so ``chance`` is the accuracy of always naming the most frequent.
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wordsight.catalogue.cells import CELLS, Cell
from wordsight.datasets.reading import Split
from wordsight.files.feature_sets import Features
from wordsight.protocols.crossing import Crossing, Division, cross, divide
from wordsight.protocols.probe import Fit, chosen_logistic
from wordsight.protocols.task import Task

MIN_SUPPORT = (
    4  # support concepts of a class: two in each half, of which one is held out to choose the strength
)

if TYPE_CHECKING:
    from wordsight.catalogue.fitting import ProbeParameters


def evaluate(
    task: Task, section: "ProbeParameters", *, train: Features, test: Features, splits: tuple[Split, Split]
) -> list[pa.Table]:
    """Fit a probe on each half in every seen style, and score both in every cell on another style.

    Parameters
    ----------
    task : what is measured; the rows have the name of a cell as their dataset
    section : strengths, validation fraction, iterations
    train, test : features (n, d) of the two splits
    splits : the two splits, with the concepts and styles of their items

    Returns
    -------
    list of pyarrow.Table
        For each cell, the item-level metric ``accuracy`` (1 right, 0 wrong), in which an item is a concept;
        ``converged`` for each trial; and once ``chance``.

    Raises
    ------
    DataError
        Splits or features that can't be crossed (:func:`wordsight.protocols.crossing.cross`), or fewer than
        two classes with enough concepts (:func:`wordsight.protocols.crossing.divide`).
    """
    where, rows = task.where, task.rows
    crossing = cross(splits, (train, test), where)
    division = divide(crossing, MIN_SUPPORT, (task.seed, task.dataset), where)
    stream = task.stream("validation")
    fits = {style: _fits(crossing, division, style, section, stream) for style in crossing.seen_styles}
    tables = []
    for name, cell in CELLS.items():
        queries = division.queries[cell.seen_concepts]
        most_frequent = np.bincount(crossing.labels[queries]).max() / len(queries)
        tables.append(rows(dataset=name, metric="chance", values=[most_frequent]))
        predicted = [
            found
            for fitted, tested in crossing.directions(seen_style=cell.seen_style)
            for found in _predicted(fits[fitted], crossing.drawings[tested][queries], queries, division, cell)
        ]
        for trial, (labels, converged) in enumerate(predicted):
            observe = partial(rows, dataset=name, trial=trial)
            right = division.classes[labels] == crossing.labels[queries]
            tables += [
                observe(metric="accuracy", values=right, items=crossing.names(queries)),
                observe(metric="converged", values=[converged]),
            ]
    return tables


def _fits(
    crossing: Crossing, division: Division, style: str, section: "ProbeParameters", seed: int
) -> tuple[Fit, Fit]:
    """Probes of the division's classes, fitted on the drawings of either half of the support in one style."""
    first, second = (
        chosen_logistic(
            crossing.drawings[style][places],
            np.searchsorted(division.classes, crossing.labels[places]),
            section,
            classes=len(division.classes),
            seed=seed,
        )
        for places in (division.support[division.half], division.support[~division.half])
    )
    return first, second


def _predicted(
    fits: tuple[Fit, Fit], drawings: np.ndarray, queries: np.ndarray, division: Division, cell: Cell
) -> list[tuple[np.ndarray, bool]]:
    """Classes of the queries and whether fits ended: by either probe, or of seen ones by the other half's."""
    first, second = (fit.probe.predict(drawings) for fit in fits)
    if not cell.seen_concepts:
        return [(first, fits[0].converged), (second, fits[1].converged)]
    other = np.where(np.isin(queries, division.support[division.half]), second, first)
    return [(other, fits[0].converged and fits[1].converged)]
