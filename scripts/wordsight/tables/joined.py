"""Joins the statistics with the cards of the models, for the tables that people read."""

from collections.abc import Mapping

import pandas as pd

from wordsight.datasets.card import DatasetCard
from wordsight.errors import DataError
from wordsight.models.card import ModelCard
from wordsight.statistics.model_means import KEYS

# Traits by which a contrast can choose and match models, and the data that the models learned from.
TRAITS = ["source", "architecture", "language", "pretraining_data", "pretraining_images", "robust"]

Cards = Mapping[str, ModelCard]


def results_table(summary: pd.DataFrame, model_cards: Cards) -> pd.DataFrame:
    """Join each row of the summary with the traits of its model, and its objective and training seed.

    Raises
    ------
    DataError
        When a model has no card.
    """
    for model in summary["model"].unique():
        if model not in model_cards:
            raise DataError(f"results: the model {model!r} has no card")
    frame = summary.sort_values(KEYS, ignore_index=True)
    for trait in TRAITS:
        frame[trait] = [getattr(model_cards[model], trait) for model in frame["model"]]
    trained = [model_cards[model].training for model in frame["model"]]
    frame["objective"] = [card.objective if card else "" for card in trained]
    frame["training_seed"] = pd.array([card.seed if card else None for card in trained], dtype="Int64")
    return frame


def recall_table(recalls: pd.DataFrame, cards: Mapping[str, DatasetCard]) -> pd.DataFrame:
    """Join the recall of each class with its name.

    Parameters
    ----------
    recalls : as :func:`wordsight.statistics.recall.recalls` gives them
    """
    names = [
        cards[dataset].classes[label]
        for dataset, label in zip(recalls["dataset"], recalls["label"], strict=True)
    ]
    return recalls.assign(**{"class": pd.Series(names, recalls.index, dtype=object)})


def objectives_table(means: pd.DataFrame, model_cards: Cards) -> pd.DataFrame:
    """Join the mean of each group with the number of its models that learned.

    The number is empty for groups of models whose learning was not measured.

    Parameters
    ----------
    means : as :func:`wordsight.statistics.group_means.describe` gives them
    """
    learned: dict[str, int] = {}
    for training in (card.training for card in model_cards.values()):
        if training and training.learned is not None:
            learned[training.objective] = learned.get(training.objective, 0) + training.learned
    return means.assign(learned=pd.array([learned.get(group) for group in means["group"]], dtype="Int64"))
