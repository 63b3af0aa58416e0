"""What all models of a protocol score, beside those of one contrast.

The other objectives say how much seeds vary (:mod:`wordsight.statistics.moderation`), whether seeds of two
objectives go together, and how much training gains over an untrained encoder, which margins are measured by.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from wordsight.models.card import ModelCard
from wordsight.statistics.moderation import Means

Cards = Mapping[str, ModelCard]


@dataclass(frozen=True)
class Peers:
    """Scores of all models of a protocol on one dataset at one setting.

    Attributes
    ----------
    means : of each objective that the workflow trained, the mean of each seed
    gain : mean over objectives, and models from elsewhere, of what they score above the untrained models;
        NaN where none is untrained or none is trained
    """

    means: Means = field(default_factory=dict)
    gain: float = float("nan")


NONE = Peers()


def gathered(scores: Mapping[str, float], cards: Cards) -> Peers:
    """Sort the mean score of each model by what trained it.

    Parameters
    ----------
    scores : of each model, by name
    cards : of the models; one without a card is left out
    """
    means: dict[str, dict[str, float]] = defaultdict(dict)
    levels: dict[str, list[float]] = defaultdict(list)
    untrained = []
    for name, score in scores.items():
        card = cards.get(name)
        if card is None:
            continue
        if not card.pretraining_images:
            untrained.append(score)
            continue
        objective = objective_of(card)
        if card.training:
            means[objective][str(card.training.seed)] = score
        levels[objective or name].append(score)
    gain = float("nan")
    if untrained and levels:
        gain = float(np.mean([np.mean(level) for level in levels.values()]) - np.mean(untrained))
    return Peers(dict(means), gain)


def objective_of(card: ModelCard | None) -> str:
    """What the workflow trained a model on; empty for other models and untrained ones."""
    return card.training.objective if card and card.training and card.pretraining_images else ""
