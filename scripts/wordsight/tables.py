"""The tables that people read; ``docs/results.md`` describes their columns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from wordsight.errors import DataError
from wordsight.schemas import columns_of, may_be_missing
from wordsight.statistics.summary import KEYS
from wordsight.storage import write_text

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
    means : as :func:`wordsight.statistics.objectives.describe` gives them
    """
    learned: dict[str, int] = {}
    for card in map(training, model_cards.values()):
        if card and card["learned"] is not None:
            learned[card["objective"]] = learned.get(card["objective"], 0) + card["learned"]
    return means.assign(learned=pd.array([learned.get(group) for group in means["group"]], dtype="Int64"))


def training(card: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a model's card says of its training by the workflow; nothing for one that came from elsewhere."""
    return card.get("training") or {}


def write_csv(path: Path | str, frame: pd.DataFrame) -> None:
    """Write a table as UTF-8 CSV, six significant digits a number, so that equal tables are equal bytes."""
    write_text(path, frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def read_csv(path: Path | str) -> pd.DataFrame:
    """Read a table that :func:`write_csv` wrote; :class:`DataError` names a file that is none."""
    counts = may_be_missing("count")
    try:
        return pd.read_csv(
            path,
            # As it stands: a model may be called `null` and a dataset `01`.
            dtype=dict.fromkeys(columns_of("text"), str) | dict.fromkeys(counts, "Int64"),
            keep_default_na=False,
            na_values={name: [""] for name in counts | may_be_missing("number")},
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a table of results ({error})") from None
