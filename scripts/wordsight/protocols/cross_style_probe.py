"""Linear probe across styles: fitted on drawings of one style, tested on those of another.

Multinomial logistic regression as in sound transfer (:mod:`wordsight.probe` has the mathematics): the
strength is chosen on a part of the support drawings, the same concepts for every model and style, and the
probe is fitted again on all of them. One probe a seen style serves every cell of seen and unseen concepts and
styles (:mod:`wordsight.crossing`); a trial is a direction, from the style it is fitted in to another one.

A probe learns how frequent the classes are. So guessing, its ``chance``, is to name the most frequent one.
"""

from functools import partial

import numpy as np
import pyarrow as pa

from wordsight.cells import CELLS
from wordsight.config import ProbeParameters
from wordsight.crossing import Crossing, Division, cross, divide
from wordsight.datasets import Split
from wordsight.probe import Fit, choose, fit_logistic
from wordsight.rows import make_rows
from wordsight.seeds import derive_seed
from wordsight.storage import Features

LEAST = 2  # support concepts of a class, one of which is held out to choose the strength


def evaluate(
    *,
    splits: tuple[Split, Split],
    features: tuple[Features, Features],
    section: ProbeParameters,
    seed: int,
    model: str,
    dataset: str,
) -> dict[str, list[pa.Table]]:
    """Fit a probe in every seen style, and score it in every cell on another style.

    Parameters
    ----------
    splits, features : of train and test
    section : strengths, validation fraction, iterations
    seed : configured seed
    model, dataset : names for draws and messages; the rows name the cell in the place of the dataset

    Returns
    -------
    dict of lists of pyarrow.Table
        For each cell, the item-level metric ``accuracy`` (1 right, 0 wrong), in which an item is a concept;
        of each trial ``converged``; and once ``chance``.

    Raises
    ------
    DataError
        Splits or features that can't be crossed (:func:`wordsight.crossing.cross`), or fewer than two classes
        with enough concepts (:func:`wordsight.crossing.divide`).
    """
    where = f"cross_style_probe of {model} on {dataset}"
    crossing = cross(splits, features, where)
    division = divide(crossing, LEAST, (seed, dataset), where)
    stream = derive_seed(seed, "cross_style_probe", dataset, "validation")
    fits = {style: _fit(crossing, division, style, section, stream) for style in crossing.seen_styles}
    rows = partial(make_rows, protocol="cross_style_probe", model=model, mode="sound", seed=seed)
    tables = {}
    for name, cell in CELLS.items():
        queries = division.queries[cell.seen_concepts]
        most_frequent = np.bincount(crossing.labels[queries]).max() / len(queries)
        tables[name] = [rows(dataset=name, metric="chance", values=[most_frequent])]
        for trial, (fitted, tested) in enumerate(crossing.directions(seen_style=cell.seen_style)):
            fit, observe = fits[fitted], partial(rows, dataset=name, trial=trial)
            predicted = division.classes[fit.probe.predict(crossing.drawings[tested][queries])]
            right = predicted == crossing.labels[queries]
            tables[name] += [
                observe(metric="accuracy", values=right, items=crossing.names(queries)),
                observe(metric="converged", values=[fit.converged]),
            ]
    return tables


def _fit(crossing: Crossing, division: Division, style: str, section: ProbeParameters, seed: int) -> Fit:
    """Probe of the division's classes, fitted on the support drawings of one style."""
    return choose(
        partial(fit_logistic, classes=len(division.classes), max_iterations=section.max_iterations),
        crossing.drawings[style][division.support],
        np.searchsorted(division.classes, crossing.labels[division.support]),
        strengths=section.regularisation,
        fraction=section.validation_fraction,
        seed=seed,
    )
