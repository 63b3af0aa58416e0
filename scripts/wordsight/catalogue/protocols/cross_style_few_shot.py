"""The record of few-shot across styles."""

from collections.abc import Mapping
from typing import Any

from wordsight.catalogue.prose import Sentence, counted
from wordsight.catalogue.protocols.few_shot import Parameters, prototype_of, shots_of
from wordsight.catalogue.protocols.record import Drawing, Metric, Mode, Protocol


def method(section: Mapping[str, Any], mode: Mode) -> Sentence:
    """Sentence for a paper."""
    draws = f"{counted(section['trials'], 'draw')} for each pair of styles"
    images = f"{shots_of(section)} drawings of a class in one style"
    queries = "each drawing of another concept in another style got the class of "
    return [queries, *prototype_of(images, mode), f", in {draws}"]


PROTOCOL = Protocol(
    name="cross_style_few_shot",
    title="Few-shot across styles",
    question="Do a few drawings of one style tell the classes apart in another?",
    parameters=Parameters,
    cells=True,
    primary="accuracy",
    metrics={
        "accuracy": Metric(
            words="accuracy", meaning="1 when the drawing is classified right, else 0", chance="recorded"
        ),
        "chance": Metric(
            words="level of guessing",
            meaning="accuracy of guessing, one over the number of classes; once in a file",
            observed="trial",
        ),
    },
    method=method,
    drawing=Drawing(kind="cells"),
    caption=(
        "Accuracy of the nearest prototype, in four cells: concepts that were in training or were not, in a "
        "style that was in training or was not. Prototypes come from a few drawings of one style and are "
        "tested on other concepts in another style. Further right is better; the fall from the first cell to "
        "the last is what an encoder loses when concepts and style are new to it. Bars are intervals over "
        "training runs, trials and concepts; the dashed line is guessing and the dotted one the untrained "
        "encoder."
    ),
)
