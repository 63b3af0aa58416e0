"""How the two sides of a contrast differ, apart from the kind of training that it asks about."""

from collections.abc import Mapping, Sequence

from wordsight.models.card import ModelCard
from wordsight.statistics.comparison import Comparison

ALWAYS = {"architecture": "architecture", "features": "where features are read"}
# Compared only where both sides are trained: an untrained side has no training data that could differ.
OF_TRAINED = {
    "pretraining_data": "training data",
    "pretraining_images": "the size of their training data",
    "images_seen": "the images seen in training",
    "recipe": "the training recipe",
    "views": "the views of an image in each step",
    "passes": "the compute of training (images seen times views)",
}

STATED = ("images_seen", "recipe", "views")  # traits that may be left out of a configuration


def differences(comparison: Comparison, models: Mapping[str, ModelCard]) -> list[str]:
    """Traits, in words, that have different values on the two sides of some matched group.

    Parameters
    ----------
    comparison : sides that are not matched are one group
    models : cards by name
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for group, pair in zip(comparison.groups, comparison.pairs, strict=True):
        groups.setdefault(group, []).append(pair)
    found = {
        word
        for pairs in groups.values()
        for word in _between([[models[pair[side]] for pair in pairs] for side in (0, 1)])
    }
    return [word for word in {**ALWAYS, **OF_TRAINED}.values() if word in found]


def unstated(comparison: Comparison, models: Mapping[str, ModelCard]) -> list[str]:
    """Traits, in words, that no one states of some encoder that was trained elsewhere.

    They may differ between the sides as well, although :func:`differences` can't tell.

    Parameters
    ----------
    models : cards by name
    """
    cards = [models[model] for pair in comparison.pairs for model in pair]
    elsewhere = [card for card in cards if card.pretraining_images and card.training is None]
    return [OF_TRAINED[trait] for trait in STATED if any(getattr(card, trait) is None for card in elsewhere)]


def _between(sides: Sequence[Sequence[ModelCard]]) -> list[str]:
    """Traits that have different values on two sides."""
    trained = all(card.pretraining_images for side in sides for card in side)
    words = {**ALWAYS, **OF_TRAINED} if trained else dict(ALWAYS)
    if len({_values(side, "weights_sha256") for side in sides}) == 1:
        del words["features"]  # a contrast of the same networks asks about nothing else
    return [word for trait, word in words.items() if len({_values(side, trait) for side in sides}) > 1]


def _values(side: Sequence[ModelCard], trait: str) -> frozenset[str]:
    return frozenset(str(getattr(card, trait)) for card in side)
