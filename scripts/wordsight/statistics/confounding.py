"""How the two sides of a contrast differ, apart from the kind of training that it asks about."""

from collections.abc import Iterable, Sequence

from wordsight.models.card import ModelCard

ALWAYS = {"architecture": "architecture"}
# Compared only where both sides are trained: an untrained side has no training data that could differ.
OF_TRAINED = {
    "pretraining_data": "training data",
    "pretraining_images": "the size of their training data",
    "images_seen": "the images seen in training",
}


def differences(sides: Iterable[Sequence[ModelCard]]) -> list[str]:
    """Traits, in words, that have different values on the two sides.

    Parameters
    ----------
    sides : cards of the models of each side
    """
    cards = [list(side) for side in sides]
    trained = all(card.pretraining_images for side in cards for card in side)
    words = {**ALWAYS, **OF_TRAINED} if trained else ALWAYS
    return [word for trait, word in words.items() if len({_values(side, trait) for side in cards}) > 1]


def _values(side: Sequence[ModelCard], trait: str) -> frozenset[str]:
    return frozenset(str(getattr(card, trait)) for card in side)
