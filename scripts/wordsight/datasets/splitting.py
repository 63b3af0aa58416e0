"""Drawing the items for training, validation and testing, and those that a limit keeps."""

from dataclasses import replace

import numpy as np

from wordsight.datasets.source import Item
from wordsight.errors import DataError
from wordsight.seeds import derive_seed


def halves(items: list[Item], name: str) -> tuple[list[Item], list[Item]]:
    """Split each class into two halves; training gets the odd item.

    The draw depends only on ``name``, not on the configuration: a dataset without an official split has the
    same split in every study.
    """
    ranks, _ = _ranks(items, derive_seed(0, "split", name))
    sizes = np.bincount([item.label for item in items])
    in_train = [2 * rank < sizes[item.label] for rank, item in zip(ranks, items, strict=True)]
    return (
        [item for item, chosen in zip(items, in_train, strict=True) if chosen],
        [item for item, chosen in zip(items, in_train, strict=True) if not chosen],
    )


def hold_out(items: list[Item], share: float, name: str) -> list[Item]:
    """Mark a share of the training items as held out of training, all items of a concept together.

    The draw depends only on ``name``, as in :func:`halves`. Concepts are drawn until the next one would
    exceed the share, but at least one of them and never all. An item without a concept counts as a concept
    of its own.

    Raises
    ------
    DataError
        When all training items show the same concept, so that holding it out would leave nothing to train on.
    """
    if not (items and share):
        return items
    groups = _concept_groups(items)
    drawn = np.random.default_rng(derive_seed(0, "validation", name)).permutation(np.unique(groups))
    if len(drawn) == 1:
        raise DataError(
            f"{name}: validation: all training images show the same concept, so none can be held out; set "
            "this key to 0"
        )
    sizes = np.cumsum(np.bincount(groups)[drawn])
    within = int(np.searchsorted(sizes, share * len(items) + 1e-6, side="right"))  # 0.29 * 100 is below 29
    held_out = np.isin(groups, drawn[: np.clip(within, 1, len(drawn) - 1)])
    return [replace(item, held_out=True) if out else item for item, out in zip(items, held_out, strict=True)]


def limited(items: list[Item], limit: int | None, seed: int, name: str, split: str) -> list[Item]:
    """Draw at most ``limit`` items: equally many of each class, plus or minus one, until a class runs out.

    A larger limit keeps what a smaller one kept. The items stay in order.

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
    """Group of each item, of shape (n,): the index of the first item that shows the same concept."""
    groups = np.arange(len(items))
    first: dict[str, int] = {}
    for index, item in enumerate(items):
        if item.concept:
            groups[index] = first.setdefault(item.concept, index)
    return groups


def _ranks(items: list[Item], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rank of each item in a random order of its class, of shape (n,), and a random order of the classes."""
    labels = np.array([item.label for item in items], dtype=np.int64)
    generator = np.random.default_rng(seed)
    ranks = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranks[members] = generator.permutation(len(members))
    return ranks, generator.permutation(labels.max(initial=0) + 1)  # items without labels are one class
