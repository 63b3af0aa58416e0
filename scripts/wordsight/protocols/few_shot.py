r"""Few-shot classification: the nearest class prototype.

With unit features :math:`\hat x = x / \|x\|`, the prototype of class c in a trial is the mean of N training
features

.. math:: p_c = \frac1N \sum_{i \in S_c} \hat x_i, \qquad
          \text{prediction}(x) = \arg\max_c \langle \hat x, \hat p_c \rangle.

``sound`` puts the prototypes back to unit norm, so that the argmax is the nearest direction; ``paper`` leaves
them as means, which favours classes whose images agree, and draws 10 trials. In both, shots come from the
training split only. The draw depends on the seed, the dataset, the trial and the class, never on the model,
so models are paired item by item; the shots of a smaller N are the first of the larger.

All trials are one matrix product: the prototypes of T trials are T*c rows.

Reference: Snell, Swersky and Zemel, Prototypical networks for few-shot learning, 2017, equations 1 and 2,
https://arxiv.org/abs/1703.05175
"""

from functools import partial

import numpy as np
import pyarrow as pa

from wordsight.checks import check_splits, unit_rows
from wordsight.config import FewShotParameters, Mode
from wordsight.errors import DataError
from wordsight.rows import make_rows
from wordsight.seeds import derive_seed
from wordsight.storage import Features

PAPER_TRIALS = 10
SCORE_BYTES = 64 * 2**20  # of the scores that are held at once


def evaluate(
    *,
    train: Features,
    test: Features,
    classes: int,
    section: FewShotParameters,
    mode: Mode,
    seed: int,
    model: str,
    dataset: str,
) -> list[pa.Table]:
    """Classify every test item by its nearest prototype, for every number of shots and trial.

    Parameters
    ----------
    train, test : features (n, d) of the two splits
    classes : number of classes of the dataset; one without any item in either split is left out
    section : shots and trials
    mode : see the module
    seed : configured seed
    model, dataset : names for the rows

    Returns
    -------
    list of pyarrow.Table
        Per number of shots and trial, the item-level metric ``accuracy`` (1 right, 0 wrong), parameter
        ``shots``.

    Raises
    ------
    DataError
        Unfit features (:func:`wordsight.checks.check_splits`), or a class with fewer images than shots.
    """
    where = f"few_shot of {model} on {dataset}"
    check_splits(train, test, classes, where)
    _check_shots(train, test, max(section.shots), where)
    trials = PAPER_TRIALS if mode == "paper" else section.trials
    unit_train, unit_test = unit_rows(train, where), unit_rows(test, where)
    present = np.unique(train.labels)
    chosen = draw(train.labels, max(section.shots), trials, (seed, dataset))
    rows = partial(make_rows, protocol="few_shot", model=model, dataset=dataset, mode=mode, seed=seed)
    tables = []
    for shots in sorted(set(section.shots)):
        prototypes = unit_train[chosen[:, :, :shots]].mean(axis=2)
        if mode == "sound":
            prototypes /= np.maximum(
                np.linalg.norm(prototypes, axis=-1, keepdims=True), np.finfo(np.float32).tiny
            )
        for trial, nearest in enumerate(classify(unit_test, prototypes)):
            right = present[nearest] == test.labels
            tables.append(
                rows(
                    metric="accuracy",
                    values=right,
                    trial=trial,
                    items=test.ids,
                    parameter="shots",
                    setting=shots,
                )
            )
    return tables


def draw(labels: np.ndarray, shots: int, trials: int, stream: tuple[int, str]) -> np.ndarray:
    """Training items that serve as shots.

    Parameters
    ----------
    labels : int array (n,)
    shots : items per class
    trials : number of independent draws
    stream : seed and dataset

    Returns
    -------
    int array (trials, classes present, shots)
        Indices into ``labels``, without repetition inside a trial.
    """
    seed, dataset = stream
    members = {label: np.flatnonzero(labels == label) for label in np.unique(labels)}
    chosen = [
        [
            np.random.default_rng(derive_seed(seed, "few_shot", dataset, trial, int(label))).permutation(
                items
            )[:shots]
            for label, items in members.items()
        ]
        for trial in range(trials)
    ]
    return np.array(chosen)


def classify(queries: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """Nearest prototype by dot product.

    Parameters
    ----------
    queries : float array (n, d)
    prototypes : float array (trials, classes, d)

    Returns
    -------
    int array (trials, n)
    """
    trials, classes, width = prototypes.shape
    block = max(1, SCORE_BYTES // (len(queries) * classes * queries.itemsize))
    nearest = np.empty((trials, len(queries)), dtype=np.int64)
    for start in range(0, trials, block):
        part = prototypes[start : start + block]
        scores = queries @ part.reshape(-1, width).T
        nearest[start : start + block] = scores.reshape(len(queries), -1, classes).argmax(axis=2).T
    return nearest


def _check_shots(train: Features, test: Features, shots: int, where: str) -> None:
    for label in np.union1d(train.labels, test.labels):
        count = int(np.sum(train.labels == label))
        if count < shots:
            raise DataError(
                f"{where}: class {label} has {count} training images, expected at least {shots} for its shots"
            )
