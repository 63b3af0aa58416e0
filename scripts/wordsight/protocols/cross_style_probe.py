"""Linear probe across styles: fitted on drawings of one style, tested on those of another.

Multinomial logistic regression as in sound transfer (:mod:`wordsight.protocols.probe` has the mathematics):
the strength is chosen on a part of the support drawings, the same concepts for every model and style, and the
probe is fitted again on all of them. One probe per seen style is tested in every cell of seen and unseen
concepts and styles (:mod:`wordsight.protocols.crossing`). A trial is a direction, from the style it is fitted
in to another one.

A probe learns how frequent the classes are, so ``chance`` is the accuracy of always naming the most frequent.
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wordsight.catalogue.cells import CELLS
from wordsight.datasets.reading import Split
from wordsight.files.feature_sets import Features
from wordsight.protocols.crossing import Crossing, Division, cross, divide
from wordsight.protocols.probe import Fit, chosen_logistic
from wordsight.protocols.task import Task

MIN_SUPPORT = 2  # support concepts of a class: one is held out to choose the strength

if TYPE_CHECKING:
    from wordsight.catalogue.fitting import ProbeParameters


def evaluate(
    task: Task, section: "ProbeParameters", *, train: Features, test: Features, splits: tuple[Split, Split]
) -> list[pa.Table]:
    """Fit a probe in every seen style, and score it in every cell on another style.

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
    fits = {style: _fit(crossing, division, style, section, stream) for style in crossing.seen_styles}
    tables = []
    for name, cell in CELLS.items():
        queries = division.queries[cell.seen_concepts]
        most_frequent = np.bincount(crossing.labels[queries]).max() / len(queries)
        tables.append(rows(dataset=name, metric="chance", values=[most_frequent]))
        for trial, (fitted, tested) in enumerate(crossing.directions(seen_style=cell.seen_style)):
            fit, observe = fits[fitted], partial(rows, dataset=name, trial=trial)
            predicted = division.classes[fit.probe.predict(crossing.drawings[tested][queries])]
            right = predicted == crossing.labels[queries]
            tables += [
                observe(metric="accuracy", values=right, items=crossing.names(queries)),
                observe(metric="converged", values=[fit.converged]),
            ]
    return tables


def _fit(crossing: Crossing, division: Division, style: str, section: "ProbeParameters", seed: int) -> Fit:
    """Probe of the division's classes, fitted on the support drawings of one style."""
    return chosen_logistic(
        crossing.drawings[style][division.support],
        np.searchsorted(division.classes, crossing.labels[division.support]),
        section,
        classes=len(division.classes),
        seed=seed,
    )
