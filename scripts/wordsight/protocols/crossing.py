"""Concepts crossed with styles: each concept drawn in each style, and whether the encoder has seen them.

Seen styles and seen concepts are those that encoders are trained on. Unseen styles and unseen concepts are in
no image of the training split. Concepts that are held out of training (``held_out``) are neither, and are
left out.

A classifier is fitted on *support* concepts, which are seen ones, in a seen style. It is tested on *query*
concepts in another style, seen ones or unseen ones. All seen concepts are support, and those that are queries
too are tested by what was not fitted on them. So in all four cells a classifier meets new concepts and new
drawings, and the cells differ only in what the encoder has seen. Seen and unseen query concepts have the same
number of each class.
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
        """Pairs of a seen style to fit in and another style, seen or not, to test in. Each is a trial."""
        others = self.seen_styles if seen_style else self.unseen_styles
        return [(fitted, tested) for fitted in self.seen_styles for tested in others if tested != fitted]

    def names(self, places: np.ndarray) -> list[str]:
        """Names of the concepts at ``places``."""
        return [self.concepts[place] for place in places]

    def unit_drawings(self, where: str) -> dict[str, np.ndarray]:
        """Drawings at unit L2 norm; raises :class:`DataError` if one has no direction."""
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
    half : bool array, True for those of ``support`` that are of the first half of their class
    queries : int64 arrays of seen (True) and unseen (False) concepts, with the same number of each class
    """

    classes: np.ndarray
    support: np.ndarray
    half: np.ndarray
    queries: dict[bool, np.ndarray]


def cross(splits: tuple[Split, Split], features: tuple[Features, Features], where: str) -> Crossing:
    """Arrange features by concept and style.

    Concepts that lack a style are left out. If a concept has several drawings in a style, the first counts.

    Parameters
    ----------
    splits, features : of train and test, joined by item id
    where : start of messages, such as ``cross_style_probe of my-model on my-emoji``

    Raises
    ------
    DataError
        Unfit features (:func:`wordsight.protocols.checks.check_splits`), features of other items, an item
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


def divide(crossing: Crossing, min_support: int, stream: tuple[int, str], where: str) -> Division:
    """Choose support in two halves and queries of each class among seen concepts, and as many unseen queries.

    Parameters
    ----------
    min_support : support concepts that a class needs; a class with fewer, or without queries, is left out
    stream : seed and dataset; the draw depends on nothing else, so every protocol and model has the same one
    where : start of messages

    Raises
    ------
    DataError
        When fewer than two classes are left.
    """
    seed, dataset = stream
    classes: list[int] = []
    support: list[np.ndarray] = []
    first: list[np.ndarray] = []
    queries: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for label in map(int, np.unique(crossing.labels)):
        rng = np.random.default_rng(derive_seed(seed, "cross_style", dataset, "halves", label))
        seen, unseen = (
            rng.permutation(np.flatnonzero((crossing.labels == label) & (crossing.seen == kind)))
            for kind in (True, False)
        )
        tested = min(len(seen), len(unseen))
        if len(seen) >= min_support and tested:
            classes.append(label)
            support.append(seen)
            first.append(np.arange(len(seen)) < (len(seen) + 1) // 2)
            queries[True].append(rng.permutation(seen)[:tested])
            queries[False].append(unseen[:tested])
    if len(classes) < 2:
        raise DataError(
            f"{where}: expected at least 2 classes with {min_support} seen concepts to learn from and an "
            f"unseen one, found {len(classes)}"
        )
    _log_division(crossing, len(classes), sum(map(len, queries[False])), where)
    joined = {kind: np.concatenate(parts) for kind, parts in queries.items()}
    return Division(np.array(classes), np.concatenate(support), np.concatenate(first), joined)


def _log_division(crossing: Crossing, classes: int, tested: int, where: str) -> None:
    logger.info(
        "%s: %d of %d classes, tested on %d of %d unseen concepts and as many seen ones",
        *(where, classes, len(np.unique(crossing.labels)), tested, int(np.sum(~crossing.seen))),
    )


def _in_order(split: Split, features: Features, where: str) -> np.ndarray:
    """Values (n, d) in the order of the split's items."""
    place = {item: row for row, item in enumerate(features.ids)}
    missing = [item for item in split.ids if item not in place]
    if missing or len(place) > len(split):
        problem = f"item {missing[0]} has none" if missing else f"there are {len(place)}"
        raise DataError(f"{where}: features do not match the {len(split)} items of {split.path}: {problem}")
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
    trained = _kept_names(train.styles, ~train.held_out)
    seen, unseen = sorted(trained), sorted(set(test.styles) - set(train.styles))
    if len(seen) < 2 or not unseen:
        found = f"seen: {', '.join(seen) or 'none'}; unseen: {', '.join(unseen) or 'none'}"
        raise DataError(f"{where}: expected at least 2 seen styles and 1 unseen style; {found}")
    return seen, unseen


def _drawings(
    train: Split, test: Split, unseen_styles: set[str]
) -> tuple[set[str], dict[tuple[str, str], int]]:
    """Seen concepts, and the place of each concept in each style; places count on from train to test.

    The drawing of a seen concept in a seen style is one that encoders are trained on.
    """
    known = set(train.concepts)
    seen = known - _kept_names(train.concepts, train.held_out)
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


def _kept_names(names: Iterable[str], kept: np.ndarray) -> set[str]:
    return {name for name, keep in zip(names, kept, strict=True) if keep}


def _check_labels(concepts: list[str], labels: np.ndarray, where: str) -> None:
    mixed = (labels != labels[:, :1]).any(axis=1)
    if mixed.any():
        raise DataError(
            f"{where}: drawings of the concept {concepts[int(mixed.argmax())]} have different classes; "
            "a concept has one class"
        )
