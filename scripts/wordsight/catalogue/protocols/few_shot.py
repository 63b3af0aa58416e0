"""The record of few-shot."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from wordsight.catalogue.prose import Cite, Sentence, counted, join
from wordsight.catalogue.protocols.record import BALANCED_ACCURACY, LABEL, Drawing, Metric, Mode, Protocol
from wordsight.catalogue.section import Count, Section
from wordsight.catalogue.values import UNIQUE

PAPER_DRAWS = 10  # draws of shots in paper mode


class Parameters(Section):
    """Nearest class prototype from a few labelled images."""

    shots: Annotated[list[Count], Field(min_length=1), UNIQUE] = Field(
        default=[1, 5, 10],
        description="Numbers of labelled images of each class; verdicts are about the largest.",
    )
    trials: Count = Field(
        default=20, description="Draws of those images, the same for every model; paper mode takes 10."
    )


def method(section: Mapping[str, Any], mode: Mode) -> Sentence:
    """Sentence for a paper."""
    draws = counted(PAPER_DRAWS if mode == "paper" else section["trials"], "draw")
    noun = "training image" if list(section["shots"]) == [1] else "training images"
    images = f"{shots_of(section)} {noun} of a class"
    return ["each test image got the class of ", *prototype_of(images, mode), f", in {draws} of these images"]


def shots_of(section: Mapping[str, Any]) -> str:
    """Numbers of shots in words."""
    return join([f"{shots:g}" for shots in section["shots"]], "or")


def prototype_of(images: str, mode: Mode) -> Sentence:
    """Say what the nearest prototype is, and which images it is the mean of."""
    norm = "" if mode == "paper" else ", scaled back to unit length"
    mean = f"the mean of the unit-length features of {images}{norm}"
    return [f"the prototype with the largest dot product, {mean}", Cite(("snell2017",))]


PROTOCOL = Protocol(
    name="few_shot",
    title="Few-shot",
    question="How well do a few labelled images tell the classes apart?",
    parameters=Parameters,
    primary="accuracy",
    metrics={
        "accuracy": Metric(
            words="accuracy", meaning="1 when the image is classified right, else 0", chance="most_frequent"
        ),
        "balanced_accuracy": BALANCED_ACCURACY,
        "label": LABEL,
        "accuracy_unnormalised": Metric(
            words="accuracy, prototypes not normalised",
            meaning=(
                "share of images that are right with the authors' prototypes, which keep the length of the "
                "mean"
            ),
            observed="trial",
            mode="sound",
        ),
    },
    authors="accuracy_unnormalised",
    method=method,
    drawing=Drawing(kind="own"),
    caption=(
        "Accuracy on the test images over the number of labelled images of each class, by dataset. More is "
        "better. Each mark is a mean over draws of those images, the same for every model; bars are "
        "confidence intervals over test images, draws and, where there are several, training runs. "
        "Curves are moved sideways a little so that none hides another; many models have a row each instead, "
        "with a large mark for the most labelled images and small ones for fewer. The dashed line is "
        "guessing: always naming the most frequent class."
    ),
)
