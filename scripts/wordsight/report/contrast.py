"""A contrast as the report speaks of it: what it asks, and how the encoders on its two sides were trained."""

from collections.abc import Iterable
from dataclasses import dataclass

from wordsight.catalogue import display
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.catalogue.prose import join
from wordsight.models.card import ModelCard
from wordsight.report.run import Run
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.records import ContrastRow, records

# What a matched group is called, by the traits that it is matched by.
MATCHED = {("seed",): "matched seed", ("architecture",): "matched architecture"}


@dataclass(frozen=True)
class Side:
    """The encoders on one side of a contrast."""

    cards: list[ModelCard]

    @property
    def objective(self) -> str:
        """The one objective that the workflow trained all of them with; empty where there is none."""
        found = {card.training.objective if card.training else "" for card in self.cards}
        return found.pop() if len(found) == 1 else ""

    @property
    def kind(self) -> str:
        """How they were trained, such as ``trained on labels``."""
        kinds = [display.training(card.language, card.pretraining_images, card.robust) for card in self.cards]
        return join(list(dict.fromkeys(kinds)), "or")

    @property
    def encoders(self) -> str:
        """The same as a noun, such as ``encoders trained on labels``."""
        return "untrained encoders" if self.kind == "untrained" else f"encoders {self.kind}"

    @property
    def question(self) -> str:
        """What a comparison of captions with their objective asks, where it isolates a part of language."""
        return OBJECTIVES[self.objective].question if self.objective else ""

    def learned_from(self, *, captions: bool) -> bool:
        """Whether all were trained, and all with captions, or all without."""
        return all(
            card.pretraining_images > 0 and (card.language == "captions") == captions for card in self.cards
        )


@dataclass(frozen=True)
class Contrast:
    """A contrast with the run that measured it."""

    comparison: Comparison
    run: Run

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.comparison.name

    @property
    def rows(self) -> list[ContrastRow]:
        """All its effects."""
        return records(self.run.contrasts[self.run.contrasts["contrast"] == self.name], ContrastRow)

    @property
    def main(self) -> list[ContrastRow]:
        """The effect of each protocol that stands for it; those of baselines have no verdict."""
        return [row for row in self.rows if row.main]

    @property
    def sides(self) -> tuple[Side, Side]:
        """Treatment and control."""
        treatments, controls = self.comparison.sides
        return self._side(treatments), self._side(controls)

    def _side(self, models: Iterable[str]) -> Side:
        return Side([self.run.models[model] for model in models])

    @property
    def title(self) -> str:
        """What its sides learned from, with its name where that is not enough to tell contrasts apart."""
        words = self._learned
        if not words:
            return f"Contrast {self.name}"
        same = [one for one in self.run.comparisons if Contrast(one, self.run)._learned == words]
        return f"{words} ({self.name})" if len(same) > 1 else words

    @property
    def _learned(self) -> str:
        """What the sides learned from, against each other; nothing where that is the same."""
        objectives = self.objectives
        one, other = objectives or (side.encoders for side in self.sides)
        return f"{one[0].upper()}{one[1:]} against {other}" if one != other else ""

    @property
    def objectives(self) -> tuple[str, str] | None:
        """Words for the objective of either side, where the workflow trained each with one."""
        treatment, control = (side.objective for side in self.sides)
        return (display.group(treatment), display.group(control)) if treatment and control else None

    @property
    def question(self) -> str:
        """What it asks: as configured, or what it isolates of language where that is known."""
        models = {model for pair in self.comparison.pairs for model in pair}
        others = [self.run.models[model] for model in sorted(models)]
        return self.comparison.question or Side([c for c in others if c.language != "captions"]).question

    @property
    def isolates(self) -> bool:
        """Whether its controls keep a part of captions and drop the rest."""
        return bool(self.sides[1].question)

    @property
    def about_language(self) -> bool:
        """Whether all models of one side learned from captions, and all of the other from something else."""
        one, other = self.sides
        return any(
            one.learned_from(captions=captions) and other.learned_from(captions=not captions)
            for captions in (True, False)
        )

    @property
    def captions_are_controls(self) -> bool:
        """Whether the captions are on the side of the controls."""
        return self.sides[1].learned_from(captions=True)

    @property
    def matched(self) -> str:
        """What one of its matched groups is called."""
        match = self.run.config.get("contrasts", {}).get(self.name, {}).get("match", [])
        return MATCHED.get(tuple(match), "matched group")


def contrasts(run: Run) -> list[Contrast]:
    """The contrasts that have results, in the order of the configuration."""
    measured = set(run.contrasts["contrast"])
    return [Contrast(one, run) for one in run.comparisons if one.name in measured]
