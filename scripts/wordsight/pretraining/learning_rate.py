"""How good a learning rate is: the loss of a linear classifier on the trained features, on held-out concepts.

Every objective is tuned by this measure, on images that neither its training nor any evaluation uses. The
loss can tell learning rates apart when the accuracy on a few hundred images is the same.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import log_softmax

from wordsight.datasets.reading import Split
from wordsight.errors import DataError
from wordsight.pretraining import batches
from wordsight.pretraining.image_set import ImageSet, image_set
from wordsight.pretraining.loop import Trained
from wordsight.protocols.probe import Probe, fit_logistic

if TYPE_CHECKING:
    from wordsight.catalogue.fitting import ProbeParameters

BATCH = 256


def held_out(
    trained: Trained, split: Split, styles: list[str] | None, probe: "ProbeParameters"
) -> tuple[float, float]:
    """Cross-entropy and accuracy on held-out concepts of a logistic regression fitted on the training images.

    The regression's best regularisation strength counts, so that the result depends only on the features.

    Raises
    ------
    DataError
        When the images have no labels, or no held-out image is of a class that is trained on.
    """
    train = image_set(split, styles, None, held_out=False)
    tested = image_set(split, styles, None, held_out=True)
    train.require("labels")
    known: np.ndarray = np.isin(tested.labels.numpy(), train.labels.numpy())
    if not known.any():
        raise DataError(f"{split.card.name}: no held-out image is of a class that is trained on")
    fits = fit_logistic(
        features(trained, split, train),
        train.labels.numpy(),
        sorted(probe.regularisation, reverse=True),
        classes=len(train.classes),
        max_iterations=probe.max_iterations,
    )
    values, labels = features(trained, split, tested)[known], tested.labels.numpy()[known]
    return min(_loss_and_accuracy(fit.probe, values, labels) for fit in fits)


def _loss_and_accuracy(probe: Probe, values: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    scores = log_softmax(probe.logits(values), axis=1)
    right = scores[np.arange(len(labels)), labels]
    return float(-right.mean()), float(np.mean(scores.argmax(axis=1) == labels))


def features(trained: Trained, split: Split, images: ImageSet) -> np.ndarray:
    """Features (n, d) of images as an evaluation sees them."""
    mean, std = (
        torch.tensor(value)[:, None, None]
        for value in (trained.preprocessing.mean, trained.preprocessing.std)
    )
    pictures = batches.plain(split, images.places, trained.preprocessing)
    with torch.inference_mode():
        parts = [trained.backbone((part - mean) / std) for part in pictures.split(BATCH)]
    return torch.cat(parts).numpy()
