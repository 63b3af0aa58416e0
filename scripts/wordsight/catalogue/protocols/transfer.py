"""The record of transfer."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from wordsight.catalogue.fitting import ProbeParameters, fitted_on
from wordsight.catalogue.prose import Sentence, counted
from wordsight.catalogue.protocols.record import BALANCED_ACCURACY, LABEL, Drawing, Metric, Mode, Protocol
from wordsight.catalogue.section import Count


class Parameters(ProbeParameters):
    """Linear probe on the features of the whole training split."""

    epochs: Count = Field(default=20, description="Epochs of paper mode, each with its own augmented images.")


def method(section: Mapping[str, Any], mode: Mode) -> Sentence:
    """Sentence for a paper."""
    if mode == "paper":
        epochs = counted(section["epochs"], "epoch")
        trained = f"a softmax classifier was trained by Adam for {epochs} on features of augmented images"
        return [f"{trained}; nothing was chosen on the test split"]
    return [fitted_on(dict(section), "features of the training split, scaled along their principal axes")]


PROTOCOL = Protocol(
    name="transfer",
    title="Transfer",
    question="How well does a linear classifier on the features do?",
    parameters=Parameters,
    reads=("train", "test", "views"),
    primary="accuracy",
    metrics={
        "accuracy": Metric(
            words="accuracy", meaning="1 when the image is classified right, else 0", chance="most_frequent"
        ),
        "balanced_accuracy": BALANCED_ACCURACY,
        "accuracy_ridge": Metric(
            words="accuracy, ridge probe",
            meaning="`accuracy` of the ridge classifier",
            mode="sound",
            chance="most_frequent",
            compared=True,
        ),
        "label": LABEL,
        "predicted": Metric(
            words="predicted class",
            meaning=(
                "index of the class that the logistic regression gave, among the `classes` of the dataset's "
                "`card.json`; it has no mean, so results.csv leaves it out"
            ),
            unit="class",
            mode="sound",
            statistic="none",
        ),
        "converged": Metric(
            words="converged (1 = yes)",
            meaning="1 when the logistic regression converged, 0 when it stopped before",
            observed="trial",
            unit="",
            mode="sound",
        ),
        "iterations": Metric(
            words="iterations",
            meaning="iterations of the solver in the final fit",
            observed="trial",
            unit="iterations",
            mode="sound",
        ),
        "chosen_regularisation": Metric(
            words="chosen regularisation",
            meaning="strength chosen for the logistic regression",
            observed="trial",
            unit="",
            mode="sound",
        ),
        "chosen_regularisation_ridge": Metric(
            words="chosen regularisation, ridge probe",
            meaning="strength chosen for the ridge classifier",
            observed="trial",
            unit="",
            mode="sound",
        ),
    },
    method=method,
    drawing=Drawing(below="test images", alternative="Accuracy of a linear classifier on the features"),
    caption=(
        "Accuracy on the test images of a linear classifier fitted on the features of the whole training "
        "split, by dataset. Further right is better. Bars are confidence intervals over test images, and "
        "over training runs where there are several. The dashed line is guessing: always naming the most "
        "frequent class."
    ),
)
