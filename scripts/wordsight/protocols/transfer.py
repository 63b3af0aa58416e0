"""Transfer: how well a linear classifier on frozen features does on a new dataset.

``sound``: multinomial logistic regression, and also a ridge classifier (:mod:`wordsight.protocols.probe` has
their mathematics). The strength of each is chosen on a stratified part of the training split, the same items
for every model. Then the classifier is fitted again on the whole training split. Test labels are read once,
to score.

``paper``: a softmax probe on raw features by 20 epochs of Adam, on augmented training images whose features
are cached per epoch. The probe of the last epoch is scored, as by the authors.

References: Kornblith, Shlens and Le, Do better ImageNet models transfer better?, 2019, appendix A.1,
https://arxiv.org/abs/1805.08974
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols.balance import balanced, labels_of
from wordsight.protocols.checks import check_features, check_fittable, check_splits
from wordsight.protocols.probe import choose, chosen_logistic, fit_adam, fit_ridge
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.transfer import Parameters


def evaluate(
    task: Task,
    section: "Parameters",
    *,
    train: Features,
    test: Features,
    classes: int,
    views: list[Features] | None = None,
) -> list[pa.Table]:
    """Fit linear classifiers on ``train`` and score them once on ``test``.

    Parameters
    ----------
    task : what is measured, in the mode ``sound`` or ``paper``
    section : strengths, validation fraction, iterations, epochs
    train, test : features (n, d) of the two splits
    classes : number of classes of the dataset
    views : features of augmented passes over the training items, for ``paper``; ``train`` if there are none

    Returns
    -------
    list of pyarrow.Table
        Item-level metrics ``accuracy`` (1 right, 0 wrong), ``balanced_accuracy``
        (:mod:`wordsight.protocols.balance`) and ``label``, the class. In ``sound`` also ``accuracy_ridge``
        and ``predicted``, the index of the class that the logistic regression gave, and of the whole trial
        ``converged``, ``iterations``, ``chosen_regularisation`` and ``chosen_regularisation_ridge``.

    Raises
    ------
    DataError
        Unfit features (:func:`wordsight.protocols.checks.check_splits`), a class with a single training
        image, a class that only the test split has, or views of other items.
    """
    where, rows = task.where, task.rows
    check_splits(train, test, classes, where)
    _check_classes(train, test, task)
    score = partial(rows, items=test.ids)
    if task.mode == "paper":
        passes = _passes(train, views, classes, where)
        stream = task.stream("adam")
        probe = fit_adam(passes, train.labels, classes=classes, epochs=section.epochs, seed=stream)
        return _scores(task, test, probe.predict(test.values))
    split = task.stream("validation")
    fit = chosen_logistic(train.values, train.labels, section, classes=classes, seed=split)
    ridge = choose(
        partial(fit_ridge, classes=classes),
        train.values,
        train.labels,
        strengths=section.regularisation,
        fraction=section.validation_fraction,
        seed=split,
    )
    predicted = fit.probe.predict(test.values)
    return [
        *_scores(task, test, predicted),
        score(metric="predicted", values=predicted),
        score(metric="accuracy_ridge", values=ridge.probe.predict(test.values) == test.labels),
        rows(metric="converged", values=[fit.converged]),
        rows(metric="iterations", values=[fit.iterations]),
        rows(metric="chosen_regularisation", values=[fit.strength]),
        rows(metric="chosen_regularisation_ridge", values=[ridge.strength]),
    ]


def _scores(task: Task, test: Features, predicted: np.ndarray) -> list[pa.Table]:
    right = predicted == test.labels
    return [
        task.rows(metric="accuracy", values=right, items=test.ids),
        task.rows(metric="balanced_accuracy", values=balanced(right, test.labels), items=test.ids),
        labels_of(task, test.labels, test.ids),
    ]


def _check_classes(train: Features, test: Features, task: Task) -> None:
    unseen = np.setdiff1d(test.labels, train.labels)
    if len(unseen):
        name = task.name_of(int(unseen[0]))
        raise DataError(f"{task.where}: class {name} has test images but no training image")
    check_fittable(train.labels, task)


def _passes(train: Features, views: list[Features] | None, classes: int, where: str) -> list[np.ndarray]:
    """Features of each pass over the training items, in the order of ``train``."""
    for index, view in enumerate(views or []):
        check_features(view, classes, f"{where}, view {index}")
        same = view.ids == train.ids and np.array_equal(view.labels, train.labels)
        if not same or view.values.shape != train.values.shape:
            raise DataError(f"{where}: view {index} has other items, labels or width than the training split")
    return [view.values for view in views or [train]]
