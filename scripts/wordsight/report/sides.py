"""The two sides of a contrast in words, and whether captions are what they differ in."""

from collections.abc import Iterable, Mapping
from typing import Any

from wordsight.catalogue import display
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.catalogue.prose import counted, join
from wordsight.report.run import Run
from wordsight.statistics.comparison import Comparison
from wordsight.tables.joined import training


def counted_sides(row: Mapping[Any, Any], comparison: Comparison, run: Run) -> str:
    """Say how many models stand on either side of a row, and how they were trained."""
    one, other = _objectives(comparison, run)
    if one and other:
        runs = counted(row["n_treatments"], "training run")
        return f"{runs} of {one} against {row['n_controls']} of {other}"
    treatments, controls = _sides(comparison, run)
    if treatments == controls:
        return f"{counted(row['n_treatments'], 'treatment')} against {counted(row['n_controls'], 'control')}"
    return f"{counted(row['n_treatments'], 'encoder')} {treatments} against {row['n_controls']} {controls}"


def _sides(comparison: Comparison, run: Run) -> tuple[str, str]:
    """Say how the encoders of either side were trained."""

    def words(names: Iterable[str]) -> str:
        cards = [run.models[name] for name in names]
        kinds = [
            display.training(card["language"], card["pretraining_images"], card["robust"]) for card in cards
        ]
        return join(list(dict.fromkeys(kinds)), "or")

    treatments, controls = comparison.sides
    return words(treatments), words(controls)


def _objective_of(models: Iterable[str], run: Run) -> str:
    """Objective that all models of a side were trained with by the workflow; empty where there is not one."""
    found = {training(run.models[model]).get("objective", "") for model in models}
    return found.pop() if len(found) == 1 else ""


def _objectives(comparison: Comparison, run: Run) -> tuple[str, str]:
    """Words for the objective of either side, or nothing."""
    treatments, controls = comparison.sides
    return display.group(_objective_of(treatments, run)), display.group(_objective_of(controls, run))


def named_sides(comparison: Comparison, run: Run) -> str:
    """Name a contrast by what its sides learned from, and by its own name where that tells too little."""
    words = _learned(comparison, run)
    if not words:
        return f"Contrast {comparison.name}"
    alike = sum(_learned(one, run) == words for one in run.comparisons) > 1
    return f"{words} ({comparison.name})" if alike else words


def _learned(comparison: Comparison, run: Run) -> str:
    """What the sides learned from, against each other; nothing where that is the same."""
    one, other = _objectives(comparison, run)
    if not (one and other):
        one, other = (
            f"encoders {kind}" if kind != "untrained" else "untrained encoders"
            for kind in _sides(comparison, run)
        )
    return f"{one[0].upper()}{one[1:]} against {other}" if one != other else ""


def question(comparison: Comparison, run: Run) -> str:
    """What a contrast asks: as configured, or what it isolates where that is known."""
    side = {
        model for pair in comparison.pairs for model in pair if run.models[model]["language"] != "captions"
    }
    return comparison.question or _asked_by(side, run)


def _asked_by(controls: Iterable[str], run: Run) -> str:
    """Question of a contrast of captions with controls whose one objective keeps a part of captions."""
    objective = _objective_of(controls, run)
    return OBJECTIVES[objective].question if objective else ""


def isolates(comparison: Comparison, run: Run) -> bool:
    """Whether the controls of a contrast keep a part of captions and drop the rest."""
    return bool(_asked_by(comparison.sides[1], run))


def is_about_language(comparison: Comparison, run: Run) -> bool:
    """Whether all models on one side learned from captions, and all on the other from something else."""
    cards = [[run.models[model] for model in side] for side in comparison.sides]
    captioned = [{card["language"] == "captions" for card in side} for side in cards]
    learned = all(card["pretraining_images"] > 0 for side in cards for card in side)
    return learned and captioned in ([{True}, {False}], [{False}, {True}])
