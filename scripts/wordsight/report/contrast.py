"""A contrast in the words of the report: its question and how the encoders on its two sides were trained."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from wordsight.catalogue import display
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.catalogue.prose import join
from wordsight.models.card import ModelCard
from wordsight.report.run import Run
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.records import ContrastRow, records

# Noun for a matched group, by the traits that it is matched by.
MATCHED = {("seed",): "matched seed", ("architecture",): "matched architecture"}


@dataclass(frozen=True)
class Side:
    """The encoders on one side of a contrast."""

    cards: list[ModelCard]

    @property
    def objective(self) -> str:
        """The objective, if the workflow trained all of them with the same one; else empty."""
        found = {card.training.objective if card.training else "" for card in self.cards}
        return found.pop() if len(found) == 1 else ""

    @property
    def kind(self) -> str:
        """How they were trained, such as ``trained on labels``."""
        kinds = [display.training(card.language, card.pretraining_images, card.robust) for card in self.cards]
        return join(list(dict.fromkeys(kinds)), "or")

    @property
    def encoders(self) -> str:
        """``kind`` as a noun, such as ``encoders trained on labels``."""
        return "untrained encoders" if self.kind == "untrained" else f"encoders {self.kind}"

    @property
    def question(self) -> str:
        """The question that comparing captions with its objective answers; empty if there is none."""
        return OBJECTIVES[self.objective].question if self.objective else ""

    def learned_from(self, *, captions: bool) -> bool:
        """Whether all were trained, and all of them with captions (or all without)."""
        return all(
            card.pretraining_images > 0 and (card.language == "captions") == captions for card in self.cards
        )


@dataclass(frozen=True)
class Contrast:
    """A contrast and the run that measured it."""

    comparison: Comparison
    run: Run

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.comparison.name

    @cached_property
    def rows(self) -> list[ContrastRow]:
        """All its effects."""
        return records(self.run.contrasts[self.run.contrasts["contrast"] == self.name], ContrastRow)

    @cached_property
    def main(self) -> list[ContrastRow]:
        """The row of each protocol that stands for it; those of baselines have no verdict."""
        return [row for row in self.rows if row.main]

    @cached_property
    def sides(self) -> tuple[Side, Side]:
        """Treatment and control."""
        treatments, controls = self.comparison.sides
        return self._side(treatments), self._side(controls)

    def _side(self, models: Iterable[str]) -> Side:
        return Side([self.run.models[model] for model in models])

    @property
    def title(self) -> str:
        """What its sides learned from; its name is added if another contrast has the same words."""
        words = self._learned
        if not words:
            return f"Contrast {self.name}"
        same = [one for one in self.run.comparisons if Contrast(one, self.run)._learned == words]
        return f"{words} ({self.name})" if len(same) > 1 else words

    @property
    def _learned(self) -> str:
        """What one side learned from against what the other did; empty if that is the same."""
        objectives = self.objectives
        one, other = objectives or (side.encoders for side in self.sides)
        return f"{one[0].upper()}{one[1:]} against {other}" if one != other else ""

    @property
    def objectives(self) -> tuple[str, str] | None:
        """Words for the objectives of the two sides, if the workflow trained each side with a single one."""
        treatment, control = (side.objective for side in self.sides)
        return (display.group(treatment), display.group(control)) if treatment and control else None

    @property
    def question(self) -> str:
        """Its question: as configured, or about the part of language that it isolates, or empty."""
        models = {model for pair in self.comparison.pairs for model in pair}
        others = [self.run.models[model] for model in sorted(models)]
        return self.comparison.question or Side([c for c in others if c.language != "captions"]).question

    @property
    def isolates(self) -> bool:
        """Whether its controls keep a part of what captions offer and drop the rest."""
        return bool(self.sides[1].question)

    @property
    def about_language(self) -> bool:
        """Whether one side was trained with captions only and the other without any."""
        one, other = self.sides
        return any(
            one.learned_from(captions=captions) and other.learned_from(captions=not captions)
            for captions in (True, False)
        )

    @property
    def captions_are_controls(self) -> bool:
        """Whether the controls are the side trained with captions."""
        return self.sides[1].learned_from(captions=True)

    @property
    def matched(self) -> str:
        """Noun for one of its matched groups."""
        match = self.run.config.get("contrasts", {}).get(self.name, {}).get("match", [])
        return MATCHED.get(tuple(match), "matched group")


def contrasts(run: Run) -> list[Contrast]:
    """The contrasts that have results, in the order of the configuration."""
    measured = set(run.contrasts["contrast"])
    return [Contrast(one, run) for one in run.comparisons if one.name in measured]
