"""The record of retrieval across styles."""

from collections.abc import Mapping
from typing import Any

from wordsight.catalogue.prose import Sentence
from wordsight.catalogue.protocols.record import Drawing, Metric, Mode, Protocol


def method(_: Mapping[str, Any], __: Mode) -> Sentence:
    """Sentence for a paper."""
    return ["for each drawing, the drawing in another style with the largest cosine had to show its concept"]


PROTOCOL = Protocol(
    name="cross_style_retrieval",
    title="Retrieval across styles",
    question="Is the same concept the nearest drawing of another style?",
    cells=True,
    fixed_trials=True,
    primary="recall_at_1",
    metrics={
        "recall_at_1": Metric(
            words="recall at 1",
            meaning="1 when the most similar drawing of the other style shows the same concept, else 0",
            chance="recorded",
        ),
        "chance": Metric(
            words="level of guessing",
            meaning="recall of guessing, one over the number of drawings to search; once in a file",
            observed="trial",
        ),
    },
    method=method,
    drawing=Drawing(kind="cells", value="recall at 1"),
    caption=(
        "Share of drawings whose nearest neighbour in another style shows the same concept, in four cells: "
        "concepts that were in training or were not, in a style that was in training or was not. No label "
        "is used. Further right is better. Bars are intervals over training runs, trials and concepts; the "
        "dashed line is guessing and the dotted one the untrained encoder."
    ),
)
