"""What the two sides of a contrast differ in beside the kind of training that it asks about."""

from collections.abc import Iterable, Sequence

from wordsight.models.card import ModelCard

ALWAYS = {"architecture": "architecture"}
# Asked where both sides learned from something: an untrained side has no data to differ in.
OF_TRAINED = {
    "pretraining_data": "training data",
    "pretraining_images": "the size of their training data",
    "images_seen": "the images seen in training",
}


def differences(sides: Iterable[Sequence[ModelCard]]) -> list[str]:
    """Traits, in words, whose values on one side are not those on the other.

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
