"""The record of probe across styles."""

from collections.abc import Mapping
from typing import Any

from wordsight.catalogue.fitting import ProbeParameters, fitted_on
from wordsight.catalogue.prose import Sentence
from wordsight.catalogue.protocols.record import Drawing, Metric, Mode, Protocol


def method(section: Mapping[str, Any], _: Mode) -> Sentence:
    """Sentence for a paper."""
    fitted = fitted_on(dict(section), "drawings in one style")
    return [f"{fitted}, and tested on drawings of other concepts in another style"]


PROTOCOL = Protocol(
    name="cross_style_probe",
    title="Probe across styles",
    question="Does a classifier fitted in one style hold in another?",
    parameters=ProbeParameters,
    cells=True,
    fixed_trials=True,
    primary="accuracy",
    metrics={
        "accuracy": Metric(
            words="accuracy", meaning="1 when the drawing is classified right, else 0", chance="recorded"
        ),
        "converged": Metric(
            words="converged (1 = yes)",
            meaning="1 when the logistic regression converged, 0 when it stopped before",
            observed="trial",
            unit="",
        ),
        "chance": Metric(
            words="level of guessing",
            meaning="accuracy of guessing, the share of the most frequent class; once in a file",
            observed="trial",
        ),
    },
    method=method,
    drawing=Drawing(kind="cells"),
    caption=(
        "Accuracy of a linear classifier, in four cells: concepts that were in training or were not, in a "
        "style that was in training or was not. It is fitted on drawings of one style and tested on other "
        "concepts in another style. Further right is better; the fall from the first cell to the last is "
        "what an encoder loses when concepts and style are new to it. Bars are intervals over training runs, "
        "trials and concepts; the dashed line is guessing and the dotted one the untrained encoder."
    ),
)
