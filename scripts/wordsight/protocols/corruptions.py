r"""Corruptions: how well a linear classifier of clean images does on corrupted ones.

A multinomial logistic regression (:mod:`wordsight.protocols.probe` has its mathematics) is fitted on the
features of the clean training split, its strength chosen on a part of it. It is tested on corrupted versions
of test images, of every kind c and severity s, which are the same for every encoder.

With the errors :math:`e_{ics}` (1 wrong, 0 right) of image i and those :math:`b_{ics}` of the baseline, the
mean corruption error is

.. math:: \mathrm{mCE} = \frac1{|C|} \sum_{c \in C} \frac{\sum_{is} e_{ics}}{\sum_{is} b_{ics}}
          = \frac1n \sum_i \Big( \frac1{|C|} \sum_{c \in C} \frac{\bar e_{ic}}{\bar b_c} \Big),

where bars are means over severities, and of the baseline over images too. What is in large brackets is the
value of an image. The errors of the baseline are taken as known, so a standard error is that of the encoder.

References: Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and
perturbations, 2019, section 4.1, https://arxiv.org/abs/1903.12261
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wordsight.datasets.versions import CLEAN, version_of
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols.checks import check_disjoint, check_fittable, check_splits
from wordsight.protocols.probe import Probe, chosen_logistic
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.corruptions import Parameters

Right = dict[tuple[str, int], np.ndarray]  # whether each image is right, by kind and severity


def evaluate(
    task: Task,
    section: "Parameters",
    *,
    train: Features,
    corrupted: Features,
    classes: int,
    baseline: pa.Table | None = None,
) -> list[pa.Table]:
    """Fit a linear classifier on ``train`` and score it on ``corrupted``.

    Parameters
    ----------
    task : what is measured
    section : kinds and severities; strengths, validation fraction, iterations
    train : features (n, d) of clean images
    corrupted : features of versions of the test images, with ids as :mod:`wordsight.datasets.versions` has
    classes : number of classes of the dataset
    baseline : rows of the baseline; None where the model is the baseline itself

    Returns
    -------
    list of pyarrow.Table
        Item-level metrics: ``accuracy`` by ``severity``, of clean images at 0 and else the share of kinds
        that are right, and by kind and severity (1 right, 0 wrong); ``corrupted_accuracy``, the share of
        kinds and severities that are right; ``corruption_error``, whose mean is the mean corruption error.
        Of the whole trial: ``kinds_compared``, how many kinds this mean is over, since one without an error
        of the baseline has none; and ``converged``.

    Raises
    ------
    DataError
        Unfit features (:func:`wordsight.protocols.checks.check_splits`), training images from which no part
        can be held out, or other versions than those of the section.
    """
    check_splits(train, corrupted, classes, task.where)
    check_fittable(train.labels, task)
    split = task.stream("validation")
    fit = chosen_logistic(train.values, train.labels, section, classes=classes, seed=split)
    items, right = _score(task, section, fit.probe, corrupted)
    check_disjoint(train.ids, items, task.where)
    errors: dict[str, np.ndarray] = {
        kind: 1 - np.mean([right[kind, s] for s in section.severities], axis=0) for kind in section.kinds
    }
    return [
        *_accuracies(task, section, items, right),
        task.rows(
            metric="corrupted_accuracy", values=1 - np.mean(list(errors.values()), axis=0), items=items
        ),
        *_relative(task, items, errors, baseline),
        task.rows(metric="converged", values=[fit.converged]),
    ]


def _accuracies(task: Task, section: "Parameters", items: list[str], right: Right) -> list[pa.Table]:
    """Rows of accuracy by severity, and by kind and severity."""
    means: dict[int, np.ndarray] = {
        s: np.mean([right[kind, s] for kind in section.kinds], axis=0) for s in section.severities
    }
    by_severity = {("severity", 0): right[CLEAN, 0]} | {("severity", s): means[s] for s in sorted(means)}
    by_kind = {version: found for version, found in sorted(right.items()) if version[0] != CLEAN}
    return [
        task.rows(metric="accuracy", values=values, items=items, parameter=parameter, setting=severity)
        for (parameter, severity), values in (by_severity | by_kind).items()
    ]


def _relative(
    task: Task, items: list[str], errors: dict[str, np.ndarray], baseline: pa.Table | None
) -> list[pa.Table]:
    """Rows of the corruption error, and the number of kinds that it is over.

    Parameters
    ----------
    errors : share of severities at which each image is wrong, by kind
    baseline : as in :func:`evaluate`
    """
    units = {kind: float(found.mean()) for kind, found in errors.items()}
    if baseline is not None:
        units = _units(baseline, errors)
    compared = [found / units[kind] for kind, found in errors.items() if units[kind] > 0]
    number = task.rows(metric="kinds_compared", values=[len(compared)])
    if not compared:
        return [number]
    return [task.rows(metric="corruption_error", values=np.mean(compared, axis=0), items=items), number]


def _units(rows: pa.Table, kinds: Iterable[str]) -> dict[str, float]:
    """Share of errors under each kind in the rows of the baseline."""
    accuracy = rows.filter(pc.field("metric") == "accuracy")
    by_kind = accuracy.group_by("parameter").aggregate([("value", "mean")])
    means = dict(zip(by_kind["parameter"].to_pylist(), by_kind["value_mean"].to_pylist(), strict=True))
    return {kind: 1 - means[kind] for kind in kinds}


def _score(task: Task, section: "Parameters", probe: Probe, corrupted: Features) -> tuple[list[str], Right]:
    """Ids of the images, and whether each is right under every kind and severity; one of these at a time."""
    places: dict[tuple[str, int], list[int]] = defaultdict(list)
    items: dict[tuple[str, int], list[str]] = defaultdict(list)
    for place, name in enumerate(corrupted.ids):
        kind, severity, item = version_of(name)
        places[kind, severity].append(place)
        items[kind, severity].append(item)
    kinds = (*section.kinds, *section.extra_kinds)
    expected = {(CLEAN, 0), *((kind, severity) for kind in kinds for severity in section.severities)}
    images = items[CLEAN, 0]
    if set(places) != expected or any(found != images for found in items.values()):
        raise DataError(f"{task.where}: expected every test image in each of {len(expected)} versions")
    right = {
        version: probe.predict(corrupted.values[found]) == corrupted.labels[found]
        for version, found in places.items()
    }
    return images, right
