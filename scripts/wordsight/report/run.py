"""What a report is written from."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from wordsight.statistics.pairs import Comparison


@dataclass(frozen=True)
class Run:
    """The outcome of one configuration.

    Attributes
    ----------
    results, contrasts : rows of ``results.csv`` and ``contrasts.csv``
    models, datasets : cards by name, in the order of the configuration
    comparisons : the contrasts with their models
    config : the configuration as run, defaults included
    """

    results: pd.DataFrame
    contrasts: pd.DataFrame
    models: dict[str, dict[str, Any]]
    datasets: dict[str, dict[str, Any]]
    comparisons: list[Comparison]
    config: dict[str, Any]

    def modes(self) -> dict[str, str]:
        """Mode of each protocol that ran, in the order of the configuration."""
        found = dict(zip(self.results["protocol"], self.results["mode"], strict=True))
        return {name: found[name] for name in self.config["protocols"] if name in found}


def join(words: list[str], last: str = "and") -> str:
    """Join words as a sentence does.

    >>> join(["a", "b", "c"])
    'a, b and c'
    """
    return f" {last} ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
