"""The tables that people read, ``results.csv`` and ``contrasts.csv``; ``docs/results.md`` describes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from wordsight.errors import DataError
from wordsight.statistics.summary import KEYS
from wordsight.storage import write_text

# What a contrast can choose and match by, and what was learned from.
TRAITS = ["source", "architecture", "language", "pretraining_data", "pretraining_images", "robust"]

# Read as they stand: a model may be called `null` and a dataset `01`.
TEXT = [
    *("protocol", "model", "dataset", "mode", "metric", "parameter", "unit", "statistic"),
    *("source", "architecture", "language", "pretraining_data"),
    *("contrast", "scope", "verdict", "holds_for", "interval", "resampled"),
]
UNKNOWN_WHEN_EMPTY = ["stderr", "low", "high"]


def results_table(summary: pd.DataFrame, model_cards: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Join each figure of the summary with the traits of its model.

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
    return frame


def write_csv(path: Path | str, frame: pd.DataFrame) -> None:
    """Write a table as UTF-8 CSV, six significant digits a number, so that equal tables are equal bytes."""
    write_text(path, frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def read_csv(path: Path | str) -> pd.DataFrame:
    """Read ``results.csv`` or ``contrasts.csv``; :class:`DataError` names a file that is none."""
    try:
        return pd.read_csv(
            path,
            dtype=dict.fromkeys(TEXT, str),
            keep_default_na=False,
            na_values={name: [""] for name in UNKNOWN_WHEN_EMPTY},
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a table of results ({error})") from None
