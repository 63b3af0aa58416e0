"""Checks of the features that a protocol is given, before any mathematics."""

import numpy as np

from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols.task import Task


def check_features(features: Features, classes: int, where: str) -> None:
    """Refuse features that no protocol can use.

    Parameters
    ----------
    features : values (n, d), labels (n,), n ids
    classes : number of classes of the dataset
    where : start of the message, such as ``few_shot of my-model on my-images``

    Raises
    ------
    DataError
        No item, shapes that disagree, an id twice, a label outside the classes, NaN or infinity.
    """
    values, labels, ids = features.values, features.labels, features.ids
    if values.ndim != 2 or values.shape[1] == 0 or not len(values) == len(labels) == len(ids):
        shape = f"{values.shape} values, {len(labels)} labels and {len(ids)} ids"
        raise DataError(f"{where}: expected one feature vector, label and id per item, not {shape}")
    check_items(labels, ids, where)
    if int(np.max(labels)) >= classes:
        item = int(np.argmax(labels))
        raise DataError(f"{where}: item {ids[item]} has label {labels[item]}, expected 0 to {classes - 1}")
    damaged = ~np.isfinite(values).all(axis=1)
    if damaged.any():
        raise DataError(f"{where}: the features of item {ids[int(damaged.argmax())]} are not all finite")


def check_items(labels: np.ndarray, ids: list[str], where: str) -> None:
    """Refuse a split without items, with an id twice or with a negative label."""
    if not ids:
        raise DataError(f"{where}: the split has no items")
    if len(set(ids)) < len(ids):
        repeated = next(item for position, item in enumerate(ids) if item in ids[:position])
        raise DataError(f"{where}: the id {repeated} occurs twice, expected one item per id")
    if int(np.min(labels)) < 0:
        item = int(np.argmin(labels))
        raise DataError(f"{where}: item {ids[item]} has no class (label {labels[item]})")


def check_splits(train: Features, test: Features, classes: int, where: str) -> None:
    """Refuse a train and a test split if one of them is unfit, or if they do not belong together.

    Raises
    ------
    DataError
        As :func:`check_features`; features of different widths; a leak: an item in both splits.
    """
    check_features(train, classes, f"{where}, train")
    check_features(test, classes, f"{where}, test")
    widths = train.values.shape[1], test.values.shape[1]
    if widths[0] != widths[1]:
        raise DataError(
            f"{where}: training features have {widths[0]} values an item, but test features have {widths[1]}"
        )
    check_disjoint(train.ids, test.ids, where)


def check_fittable(labels: np.ndarray, task: Task) -> None:
    """Refuse training labels from which no part can be held out: one class, or a class with one item."""
    where = task.where
    present, counts = np.unique(labels, return_counts=True)
    if len(present) < 2:
        raise DataError(f"{where}: expected training images of at least 2 classes, not {len(present)}")
    if counts.min() < 2:
        name = task.name_of(int(present[counts.argmin()]))
        raise DataError(f"{where}: class {name} has 1 training image, expected at least 2; add more of it")


def check_disjoint(train: list[str], test: list[str], where: str) -> None:
    """Refuse a leak: ids that are in both splits."""
    shared = sorted(set(train) & set(test))
    if shared:
        raise DataError(f"{where}: leak: {len(shared)} items are in train and in test, such as {shared[0]}")


def unit_rows(features: Features, where: str) -> np.ndarray:
    """Feature vectors at unit L2 norm, float32 (n, d); raises :class:`DataError` if one has no direction."""
    values = np.asarray(features.values, dtype=np.float32)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    unfit = ~(np.isfinite(norms) & (norms > 0))[:, 0]
    if unfit.any():
        item = features.ids[int(unfit.argmax())]
        raise DataError(
            f"{where}: the feature vector of item {item} has norm 0 or a norm too large for float32"
        )
    return values / norms
