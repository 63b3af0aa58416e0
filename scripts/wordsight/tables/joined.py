"""The tables that people read; ``docs/results.md`` describes their columns."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from wordsight.errors import DataError
from wordsight.statistics.model_means import KEYS

# What a contrast can choose and match by, and what was learned from.
TRAITS = ["source", "architecture", "language", "pretraining_data", "pretraining_images", "robust"]

Cards = Mapping[str, Mapping[str, Any]]


def results_table(summary: pd.DataFrame, model_cards: Cards) -> pd.DataFrame:
    """Join each figure of the summary with the traits of its model, and with the training that made it.

    Raises
    ------
    DataError
        When a model has no card.
    """
    for model in summary["model"].unique():
        if model not in model_cards:
            raise DataError(f"results: expected a card of the model {model!r}, but there is none")
    frame = summary.sort_values(KEYS, ignore_index=True)
    for trait in TRAITS:
        frame[trait] = [model_cards[model][trait] for model in frame["model"]]
    trained = [training(model_cards[model]) for model in frame["model"]]
    frame["objective"] = [card.get("objective", "") for card in trained]
    frame["training_seed"] = pd.array([card.get("seed") for card in trained], dtype="Int64")
    return frame


def objectives_table(means: pd.DataFrame, model_cards: Cards) -> pd.DataFrame:
    """Join the mean of each group with the number of its models that learned, empty where none was to learn.

    Parameters
    ----------
    means : as :func:`wordsight.statistics.group_means.describe` gives them
    """
    learned: dict[str, int] = {}
    for card in map(training, model_cards.values()):
        if card and card["learned"] is not None:
            learned[card["objective"]] = learned.get(card["objective"], 0) + card["learned"]
    return means.assign(learned=pd.array([learned.get(group) for group in means["group"]], dtype="Int64"))


def training(card: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a model's card says of its training by the workflow; nothing for one that came from elsewhere."""
    return card.get("training") or {}
