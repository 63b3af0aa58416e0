"""Which items are for training, validation and testing, and which are kept when a split is limited."""

from dataclasses import replace

import numpy as np

from wordsight.datasets.source import Item
from wordsight.errors import DataError
from wordsight.seeds import derive_seed


def halves(items: list[Item], name: str) -> tuple[list[Item], list[Item]]:
    """Split by class into two halves, training getting the odd item.

    The draw depends on ``name`` and on nothing that the user configures: a dataset without an official split
    has the same one in every study.
    """
    ranks, _ = _ranks(items, derive_seed(0, "split", name))
    sizes = np.bincount([item.label for item in items])
    train = [2 * rank < sizes[item.label] for rank, item in zip(ranks, items, strict=True)]
    return (
        [item for item, first in zip(items, train, strict=True) if first],
        [item for item, first in zip(items, train, strict=True) if not first],
    )


def hold_out(items: list[Item], share: float, name: str) -> list[Item]:
    """Mark a share of the training items as held out of training, all items of a concept together.

    The draw depends on ``name`` and on nothing that the user configures, as in :func:`halves`. Concepts are
    drawn until the next one would exceed the share, but one at least when there is a share; an item without a
    concept stands for itself.

    Raises
    ------
    DataError
        When all training items show one concept, so that nothing would be left to train on.
    """
    if not (items and share):
        return items
    groups = _concept_groups(items)
    drawn = np.random.default_rng(derive_seed(0, "validation", name)).permutation(np.unique(groups))
    if len(drawn) == 1:
        raise DataError(
            f"{name}: validation: has training images of one concept only, so none can be held out; set it "
            "to 0"
        )
    sizes = np.cumsum(np.bincount(groups)[drawn])
    within = int(np.searchsorted(sizes, share * len(items) + 1e-6, side="right"))  # 0.29 * 100 is below 29
    held_out = np.isin(groups, drawn[: np.clip(within, 1, len(drawn) - 1)])
    return [replace(item, held_out=True) if out else item for item, out in zip(items, held_out, strict=True)]


def limited(items: list[Item], limit: int | None, seed: int, name: str, split: str) -> list[Item]:
    """Draw at most ``limit`` items, by class in shares that differ by one at most while no class runs out.

    A larger limit keeps what a smaller one kept. The order of ``items`` stays.

    Raises
    ------
    DataError
        When the limit leaves a class without an item.
    """
    if limit is None or limit >= len(items):
        return items
    classes = len({item.label for item in items})
    if limit < classes:
        raise DataError(
            f"{name}: limit.{split}: expected at least one image for each of {classes} classes, not {limit}"
        )
    ranks, order = _ranks(items, derive_seed(seed, "limit", name, split))
    kept = np.lexsort((order[[item.label for item in items]], ranks))[:limit]
    return [items[index] for index in np.sort(kept)]


def _concept_groups(items: list[Item]) -> np.ndarray:
    """Group (n,) of each item: the place of the first item that shows the same concept."""
    groups = np.arange(len(items))
    first: dict[str, int] = {}
    for place, item in enumerate(items):
        if item.concept:
            groups[place] = first.setdefault(item.concept, place)
    return groups


def _ranks(items: list[Item], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Place (n,) of each item in a random order of its class, and a random order of the classes."""
    labels = np.array([item.label for item in items], dtype=np.int64)
    generator = np.random.default_rng(seed)
    ranks = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranks[members] = generator.permutation(len(members))
    return ranks, generator.permutation(labels.max(initial=0) + 1)  # 0: the class of items without a label
