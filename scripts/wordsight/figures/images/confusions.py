"""The classes on which the two sides of a contrast differ most, and what each side predicts for them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wordsight.datasets.reading import Split
from wordsight.errors import DataError
from wordsight.figures.images.thumbnails import thumbnails
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.observations import read_observations, read_origin

ROWS, COLUMNS = 6, 10  # classes shown: true ones, and all that are predicted

Predictions = Mapping[str, Mapping[str, np.ndarray]]  # of each dataset and model, in the order of the split


def confusions(
    paths: Iterable[Path | str], comparisons: Sequence[Comparison], splits: Mapping[str, Split]
) -> dict[str, Any]:
    """Confusions of each contrast on the dataset on which the accuracies of its sides differ most.

    Parameters
    ----------
    paths : rows of transfer, a file each model and dataset
    comparisons : the contrasts to show, of models that have such rows
    splits : test split of each dataset, of others too

    Returns
    -------
    dict
        ``contrasts``, each as :func:`compared` describes it.

    Raises
    ------
    DataError
        When a file has no predicted classes, or other items than its dataset.
    """
    predictions = _read(paths, splits)
    return {"contrasts": [compared(comparison, predictions, splits) for comparison in comparisons]}


def _read(paths: Iterable[Path | str], splits: Mapping[str, Split]) -> Predictions:
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in splits}
    for path in paths:
        origin = read_origin(path)
        split = splits[origin.dataset]
        observed = read_observations(path, {"predicted"})
        if not observed or list(observed[0].items) != sorted(split.ids):
            raise DataError(f"{path}: predicted classes are missing for test images of {origin.dataset}")
        by_item = dict(zip(observed[0].items, observed[0].matrix[0].astype(int), strict=True))
        found[origin.dataset][origin.model] = np.array([by_item[item] for item in split.ids])
    return found


def compared(comparison: Comparison, predictions: Predictions, splits: Mapping[str, Split]) -> dict[str, Any]:
    """Describe one contrast.

    Returns
    -------
    dict
        ``contrast``, ``dataset``, ``images``, ``treatments`` and ``controls`` (models),
        ``classes`` (``place``, ``name``, ``image``) of the columns, ``rows`` (places of the true
        classes), and
        ``cells``: the share of the test images of ``class`` that each side ``predicted`` as another.
    """
    sides = comparison.sides
    dataset = _farthest(sides, predictions, splits)
    split = splits[dataset]
    guesses = [np.stack([predictions[dataset][model] for model in side]) for side in sides]
    treatment, control = (shares(guess, split.labels, len(split.classes)) for guess in guesses)
    shared = {"treatment": treatment, "control": control}
    rows, columns = shown(treatment - control)
    pictures = _pictures(guesses, split, columns)
    return {
        "contrast": comparison.name, "dataset": dataset, "images": len(split), "treatments": sides[0],
        "controls": sides[1], "rows": rows,
        "classes": [{"place": c, "name": split.classes[c], "image": pictures.get(c)} for c in columns],
        "cells": [
            {"class": r, "predicted": c, **{side: _digits(share[r, c]) for side, share in shared.items()}}
            for r in rows for c in columns
        ],
    }  # fmt: skip


def _farthest(sides: Sequence[Sequence[str]], predictions: Predictions, splits: Mapping[str, Split]) -> str:
    """Dataset on which the mean accuracies of the sides differ most, out of those that all models ran on."""
    gaps = {}
    for name, found in predictions.items():
        if {model for side in sides for model in side} <= found.keys():
            labels = splits[name].labels
            right = [np.mean([np.mean(found[model] == labels) for model in side]) for side in sides]
            gaps[name] = abs(right[0] - right[1])
    return max(gaps, key=lambda name: gaps[name])


def shares(guesses: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean confusion matrix (c, c) over models: the share of the images of a class predicted as each class.

    Parameters
    ----------
    guesses : int array (models, n), the classes that each model predicted
    labels : int array (n,), the true ones; the row of a class without images is zero
    """
    counts = np.zeros((classes, classes))
    for guess in guesses:
        np.add.at(counts, (labels, guess), 1 / len(guesses))
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def shown(difference: np.ndarray) -> tuple[list[int], list[int]]:
    """Classes to show, ascending: the true classes that differ most, and the classes predicted for them.

    True classes are ranked by half the sum of their absolute differences: the share of their images whose
    prediction would have to change to make the sides equal. If the sides are equal, no class is shown.

    Parameters
    ----------
    difference : of two confusion matrices, array (c, c)
    """
    size = np.abs(difference)
    far = size.sum(axis=1) / 2
    rows = np.argsort(-far, kind="stable")[: min(ROWS, np.count_nonzero(far))]
    if not len(rows):
        return [], []
    among = size[rows].max(axis=0)
    among[rows] = np.inf  # every row needs its own column, which has the correct answers
    columns = np.argsort(-among, kind="stable")[:COLUMNS]
    return sorted(rows.tolist()), sorted(columns.tolist())


def _pictures(guesses: Sequence[np.ndarray], split: Split, classes: Sequence[int]) -> dict[int, str]:
    """For each class with images, a thumbnail of the image on which the two sides differ most."""
    right = [(guess == split.labels).mean(axis=0) for guess in guesses]
    apart = np.abs(right[0] - right[1])
    members = {c: np.flatnonzero(split.labels == c) for c in classes}
    chosen = {c: int(found[apart[found].argmax()]) for c, found in members.items() if len(found)}
    pictures = thumbnails(split, chosen.values())
    return {c: pictures[place] for c, place in chosen.items()}


def _digits(share: float) -> float:
    return round(float(share), 4)
