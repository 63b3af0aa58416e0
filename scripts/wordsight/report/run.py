"""Everything that a report is written from."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.protocols.record import Mode
from wordsight.datasets.card import DatasetCard
from wordsight.models.card import ModelCard, TrainingCard
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.records import ContrastRow, records
from wordsight.tables.reading import Tables


class Trained(NamedTuple):
    """A model that the workflow trained, and how it was trained."""

    card: ModelCard
    training: TrainingCard


@dataclass(frozen=True)
class Run:
    """The outcome of one configuration.

    Attributes
    ----------
    results, contrasts : rows of ``results.csv`` and ``contrasts.csv``
    models, datasets : cards by name, in the order of the configuration
    comparisons : the contrasts with their models
    config : the configuration as run, defaults included
    objectives : rows of ``objectives.csv``
    sensitivity : rows of ``sensitivity.csv``, if there are any
    conclusions : rows of ``conclusions.csv``, if there are any
    """

    results: pd.DataFrame
    contrasts: pd.DataFrame
    models: dict[str, ModelCard]
    datasets: dict[str, DatasetCard]
    comparisons: list[Comparison]
    config: dict[str, Any]
    objectives: pd.DataFrame
    sensitivity: pd.DataFrame | None = None
    conclusions: pd.DataFrame | None = None

    def tables(self) -> Tables:
        """The tables in the form that figures take, with all numbers of classes set to 0."""
        classes = dict.fromkeys(self.datasets, 0)
        return Tables(
            self.results,
            self.contrasts,
            classes,
            list(self.models),
            self.objectives,
            sensitivity=self.sensitivity,
        )

    def deciding(self) -> list[ContrastRow]:
        """The effects of all contrasts that verdicts are about."""
        return records(self.contrasts[self.contrasts["decides"]], ContrastRow)

    def trained(self) -> dict[str, list[Trained]]:
        """Models that the workflow trained, by objective, in the order of the configuration."""
        found: dict[str, list[Trained]] = {}
        for card in self.models.values():
            if card.training:
                found.setdefault(card.training.objective, []).append(Trained(card, card.training))
        return found

    def not_trained_here(self) -> list[ModelCard]:
        """Models that the workflow did not train."""
        return [card for card in self.models.values() if not card.training]

    def passed(self) -> list[str]:
        """Datasets whose features are read for all encoders that the workflow trained, or else for all."""
        models = {name for name, card in self.models.items() if card.training} or set(self.models)
        found: dict[str, None] = {}
        for protocol, section in self.config["protocols"].items():
            if section is None or PROTOCOLS[protocol].runs_encoder:
                continue
            measured = self.results.loc[self.results["protocol"] == protocol, "model"]
            if models <= set(measured):
                found |= dict.fromkeys(section.get("datasets") or [section["dataset"]])
        return list(found)

    def shown(self, model: str) -> str:
        """Name shown for a model: the title of its objective if the workflow trained it, else its name."""
        training = self.models[model].training
        return display.group(training.objective if training else model)

    def modes(self) -> dict[str, Mode]:
        """Mode of each protocol that ran, in the order of the configuration."""
        found = dict(zip(self.results["protocol"], self.results["mode"], strict=True))
        return {name: found[name] for name in self.config["protocols"] if name in found}


def place(dataset: str) -> str:
    """Words for a dataset or a cell inside a sentence.

    >>> place("digits"), place("unseen-concepts.seen-style")
    ('digits', 'unseen concepts in a seen style')
    """
    if dataset not in CELLS:
        return dataset
    concepts, _, style = display.dataset(dataset).partition(", ")
    return f"{concepts} in {'an' if style.startswith('unseen') else 'a'} {style}"
