r"""Few-shot classification: the nearest class prototype.

With unit features :math:`\hat x = x / \|x\|`, the prototype of class c in a trial is the mean of N training
features

.. math:: p_c = \frac1N \sum_{i \in S_c} \hat x_i, \qquad
          \text{prediction}(x) = \arg\max_c \langle \hat x, \hat p_c \rangle.

``sound`` scales the prototypes to unit norm, so that the argmax is the nearest direction. It also reports the
accuracy with the means themselves, as ``accuracy_unnormalised``. ``paper`` uses the means, which favours
classes whose images agree, and draws 10 trials. In both modes, shots come from the training split only. The
draw depends on the seed, the dataset, the trial and the class, never on the model, so models are paired item
by item. The shots of a smaller N are the first ones of a larger N.

All trials are one matrix product: the prototypes of T trials are T*c rows.

Reference: Snell, Swersky and Zemel, Prototypical networks for few-shot learning, 2017, equations 1 and 2,
https://arxiv.org/abs/1703.05175
"""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from wordsight.catalogue.prose import counted
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols.balance import balanced, labels_of
from wordsight.protocols.checks import check_splits, unit_rows
from wordsight.protocols.prototypes import classify, draw, prototypes
from wordsight.protocols.task import Task

if TYPE_CHECKING:
    from wordsight.catalogue.protocols.few_shot import Parameters

PAPER_TRIALS = 10


def evaluate(
    task: Task, section: "Parameters", *, train: Features, test: Features, classes: int
) -> list[pa.Table]:
    """Classify every test item by its nearest prototype, for every number of shots and trial.

    Parameters
    ----------
    task : what is measured, in the mode ``sound`` or ``paper``
    section : shots and trials
    train, test : features (n, d) of the two splits
    classes : number of classes of the dataset; a class without any item is left out

    Returns
    -------
    list of pyarrow.Table
        Per number of shots and trial, the item-level metrics ``accuracy`` (1 right, 0 wrong) and
        ``balanced_accuracy`` (:mod:`wordsight.protocols.balance`), parameter ``shots``; once ``label``, the
        class of each item. ``sound`` also, of the whole trial, ``accuracy_unnormalised``.

    Raises
    ------
    DataError
        Unfit features (:func:`wordsight.protocols.checks.check_splits`), or a class with fewer images than
        shots.
    """
    where = task.where
    check_splits(train, test, classes, where)
    _check_shots(train, test, max(section.shots), task)
    trials = PAPER_TRIALS if task.mode == "paper" else section.trials
    unit_train, unit_test = unit_rows(train, where), unit_rows(test, where)
    present = np.unique(train.labels)
    chosen = draw(train.labels, max(section.shots), trials, (task.seed, task.protocol, task.dataset))
    tables = []
    for shots in sorted(set(section.shots)):
        observe = partial(task.rows, parameter="shots", setting=shots)
        few = chosen[:, :, :shots]
        centres = prototypes(unit_train, few, normalise=task.mode == "sound")
        right = present[classify(unit_test, centres)] == test.labels
        tables += [
            observe(metric="accuracy", values=row, trial=trial, items=test.ids)
            for trial, row in enumerate(right)
        ]
        tables += [
            observe(metric="balanced_accuracy", values=row, trial=trial, items=test.ids)
            for trial, row in enumerate(balanced(right, test.labels))
        ]
        if task.mode == "sound":
            means = prototypes(unit_train, few, normalise=False)
            for trial, nearest in enumerate(classify(unit_test, means)):
                accuracy = (present[nearest] == test.labels).mean()
                tables.append(observe(metric="accuracy_unnormalised", values=[accuracy], trial=trial))
    return [*tables, labels_of(task, test.labels, test.ids)]


def _check_shots(train: Features, test: Features, shots: int, task: Task) -> None:
    for label in np.union1d(train.labels, test.labels):
        count = int(np.sum(train.labels == label))
        if count < shots:
            found = f"class {task.name_of(int(label))} has {counted(count, 'training image')}"
            raise DataError(
                f"{task.where}: {found}, fewer than the {shots} of protocols.few_shot.shots; add images, or "
                "ask for fewer shots"
            )
