"""Concepts crossed with styles: each concept as drawn in each style, and what of it an encoder has met.

Seen styles and seen concepts are those of the training split. Unseen styles are in no training image, unseen
concepts have none. What training leaves out to choose by (``held_out``) is neither, and stays out.

A classifier is fitted on *support* concepts, half of the seen ones, in a seen style. It is tested on *query*
concepts in another style: the other half of the seen ones, or unseen ones. So it has met no concept and no
drawing that it is tested on, in any of the four cells, which differ only in what the encoder has met. Both
kinds of query concepts have the same number of each class.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from wordsight.datasets.reading import Split
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.logs import logger
from wordsight.protocols.checks import check_splits, unit_rows
from wordsight.seeds import derive_seed


@dataclass(frozen=True)
class Crossing:
    """Features of n concepts in every style.

    Attributes
    ----------
    concepts : n names, sorted
    labels : int64 array (n,), indices into the dataset's classes
    seen : bool array (n,)
    seen_styles, unseen_styles : sorted names
    drawings : for each style, features (n, d) in the order of ``concepts``
    """

    concepts: list[str]
    labels: np.ndarray
    seen: np.ndarray
    seen_styles: list[str]
    unseen_styles: list[str]
    drawings: dict[str, np.ndarray]

    def directions(self, *, seen_style: bool) -> list[tuple[str, str]]:
        """Pairs of a seen style and another one, which is seen or not: each is a trial of the cell."""
        others = self.seen_styles if seen_style else self.unseen_styles
        return [(fitted, tested) for fitted in self.seen_styles for tested in others if tested != fitted]

    def names(self, places: np.ndarray) -> list[str]:
        """Names of the concepts at ``places``."""
        return [self.concepts[place] for place in places]

    def unit_drawings(self, where: str) -> dict[str, np.ndarray]:
        """Drawings at unit L2 norm; :class:`DataError` names one without direction."""
        return {
            style: unit_rows(
                Features(values, self.labels, [f"{name} in {style}" for name in self.concepts]), where
            )
            for style, values in self.drawings.items()
        }


@dataclass(frozen=True)
class Division:
    """Concepts that a classifier is fitted on, and those that it is tested on, as places in a crossing.

    Attributes
    ----------
    classes : int64 array (c,), sorted labels
    support : int64 array
    queries : int64 arrays by whether their concepts are seen, with as many of each class
    """

    classes: np.ndarray
    support: np.ndarray
    queries: dict[bool, np.ndarray]


def cross(splits: tuple[Split, Split], features: tuple[Features, Features], where: str) -> Crossing:
    """Arrange features by concept and style.

    Concepts that lack a style are left out. Of several drawings of a concept in a style, the first serves.

    Parameters
    ----------
    splits, features : of train and test, joined by item id
    where : who asks, for messages: ``cross_style_probe of my-model on my-emoji``

    Raises
    ------
    DataError
        Unfit features (:func:`wordsight.protocols.checks.check_splits`) or those of other items, an item
        without concept or style, a concept of several classes, fewer than two seen styles, no unseen style.
    """
    train, test = splits
    check_splits(*features, len(train.classes), where)
    values = np.concatenate([_in_order(*pair, where) for pair in zip(splits, features, strict=True)])
    labels = np.concatenate([train.labels, test.labels])
    seen_styles, unseen_styles = _styles(train, test, where)
    styles = [*seen_styles, *unseen_styles]
    seen, drawn = _drawings(train, test, set(unseen_styles))
    concepts = _complete(drawn, styles, where)
    places = np.array([drawn[concept, style] for concept in concepts for style in styles], dtype=np.int64)
    places = places.reshape(len(concepts), len(styles))
    _check_labels(concepts, labels[places], where)
    return Crossing(
        concepts,
        labels[places[:, 0]],
        np.array([concept in seen for concept in concepts], dtype=bool),
        seen_styles,
        unseen_styles,
        {style: values[places[:, column]] for column, style in enumerate(styles)},
    )


def divide(crossing: Crossing, least: int, stream: tuple[int, str], where: str) -> Division:
    """Divide the seen concepts of each class into support and query, and take as many unseen ones as query.

    Parameters
    ----------
    least : support concepts that a class needs; one with fewer, or without query concepts, is left out
    stream : seed and dataset, on which the draw depends alone: it is the same for every protocol and model
    where : who asks, for messages

    Raises
    ------
    DataError
        When fewer than two classes are left.
    """
    seed, dataset = stream
    classes: list[int] = []
    support: list[np.ndarray] = []
    queries: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for label in map(int, np.unique(crossing.labels)):
        rng = np.random.default_rng(derive_seed(seed, "cross_style", dataset, "halves", label))
        seen, unseen = (
            rng.permutation(np.flatnonzero((crossing.labels == label) & (crossing.seen == kind)))
            for kind in (True, False)
        )
        half = (len(seen) + 1) // 2
        tested = min(len(seen) - half, len(unseen))
        if half >= least and tested:
            classes.append(label)
            support.append(seen[:half])
            queries[True].append(seen[half : half + tested])
            queries[False].append(unseen[:tested])
    if len(classes) < 2:
        raise DataError(
            f"{where}: expected at least 2 classes with {least} seen concepts to learn from, "
            f"another seen one and an unseen one, but there are {len(classes)}"
        )
    _log_division(crossing, len(classes), sum(map(len, queries[False])), where)
    together = {kind: np.concatenate(parts) for kind, parts in queries.items()}
    return Division(np.array(classes), np.concatenate(support), together)


def _log_division(crossing: Crossing, classes: int, tested: int, where: str) -> None:
    logger.info(
        "%s: %d of %d classes, tested on %d of %d unseen concepts and as many seen ones",
        *(where, classes, len(np.unique(crossing.labels)), tested, int(np.sum(~crossing.seen))),
    )


def _in_order(split: Split, features: Features, where: str) -> np.ndarray:
    """Values (n, d) in the order of the split's items."""
    place = {item: row for row, item in enumerate(features.ids)}
    lacking = [item for item in split.ids if item not in place]
    if lacking or len(place) > len(split):
        which = f"item {lacking[0]} has none" if lacking else f"there are {len(place)}"
        raise DataError(f"{where}: features do not belong to the {len(split)} items of {split.path}: {which}")
    order = [place[item] for item in split.ids]
    other = features.labels[order] != split.labels
    if other.any():
        item = split.ids[int(other.argmax())]
        raise DataError(f"{where}: the label of item {item} differs from that in {split.path}")
    return features.values[order]


def _styles(train: Split, test: Split, where: str) -> tuple[list[str], list[str]]:
    for split in (train, test):
        for item, *given in zip(split.ids, split.concepts, split.styles, strict=True):
            if not all(given):
                raise DataError(f"{where}: item {item} has no concept or no style, which every item needs")
    trained = _where(train.styles, ~train.held_out)
    seen, unseen = sorted(trained), sorted(set(test.styles) - set(train.styles))
    if len(seen) < 2 or not unseen:
        found = f"{', '.join(seen) or 'none'} and {', '.join(unseen) or 'none'}"
        raise DataError(f"{where}: expected at least 2 seen styles and 1 unseen style, but there are {found}")
    return seen, unseen


def _drawings(
    train: Split, test: Split, unseen_styles: set[str]
) -> tuple[set[str], dict[tuple[str, str], int]]:
    """Seen concepts, and the place in train and test together of each concept in each style.

    A seen concept in a seen style counts only where it was there to train on.
    """
    known = set(train.concepts)
    seen = known - _where(train.concepts, train.held_out)
    drawn: dict[tuple[str, str], int] = {}
    for place, key in enumerate(zip(train.concepts, train.styles, strict=True)):
        if key[0] in seen:
            drawn.setdefault(key, place)
    for place, key in enumerate(zip(test.concepts, test.styles, strict=True), start=len(train)):
        if key[0] not in known or (key[0] in seen and key[1] in unseen_styles):
            drawn.setdefault(key, place)
    return seen, drawn


def _complete(drawn: Collection[tuple[str, str]], styles: list[str], where: str) -> list[str]:
    """Concepts that are drawn in every style, sorted."""
    named = sorted({concept for concept, _ in drawn})
    kept = [concept for concept in named if all((concept, style) in drawn for style in styles)]
    if len(kept) < len(named):
        logger.info("%s: %d of %d concepts lack a style", where, len(named) - len(kept), len(named))
    return kept


def _where(names: Iterable[str], kept: np.ndarray) -> set[str]:
    return {name for name, keep in zip(names, kept, strict=True) if keep}


def _check_labels(concepts: list[str], labels: np.ndarray, where: str) -> None:
    mixed = (labels != labels[:, :1]).any(axis=1)
    if mixed.any():
        raise DataError(
            f"{where}: drawings of the concept {concepts[int(mixed.argmax())]} have different classes; "
            "a concept has one class"
        )
