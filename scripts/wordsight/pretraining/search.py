"""How good a learning rate is: the loss of a linear classifier on the trained features, on held-out concepts.

The same question for every objective, whatever it learned from, so that each is tuned by the same measure and
on images that neither its training nor any evaluation uses. The loss tells learning rates apart where the
accuracy on a few hundred images does not.
"""

from functools import partial

import numpy as np
import torch
from scipy.special import log_softmax

from wordsight.config import ProbeParameters
from wordsight.datasets import Split
from wordsight.pretraining import loading
from wordsight.pretraining.images import ImageSet, image_set
from wordsight.pretraining.training import Trained
from wordsight.probe import choose, fit_logistic
from wordsight.seeds import derive_seed

BATCH = 256


def held_out(trained: Trained, split: Split, styles: list[str] | None, seed: int) -> tuple[float, float]:
    """Cross-entropy and accuracy on held-out concepts of a logistic regression fitted on the training images.

    Raises
    ------
    DataError
        When the images have no labels.
    """
    train = image_set(split, styles, None, held_out=False)
    tested = image_set(split, styles, None, held_out=True)
    train.require("labels")
    parameters = ProbeParameters()
    fit = choose(
        partial(fit_logistic, classes=len(train.classes), max_iterations=parameters.max_iterations),
        features(trained, split, train),
        train.labels.numpy(),
        strengths=parameters.regularisation,
        fraction=parameters.validation_fraction,
        seed=derive_seed(seed, "search", split.card.name),
    )
    scores = log_softmax(fit.probe.logits(features(trained, split, tested)), axis=1)
    known = np.isin(tested.labels.numpy(), train.labels.numpy())
    right = scores[known, tested.labels.numpy()[known]]
    hits = scores.argmax(axis=1) == tested.labels.numpy()
    return float(-right.mean()), float(hits.mean())


def features(trained: Trained, split: Split, images: ImageSet) -> np.ndarray:
    """Features (n, d) of images as an evaluation sees them."""
    mean, std = (
        torch.tensor(value)[:, None, None]
        for value in (trained.preprocessing.mean, trained.preprocessing.std)
    )
    pictures = loading.plain(split, images.places, trained.preprocessing)
    with torch.inference_mode():
        parts = [trained.backbone((part - mean) / std) for part in pictures.split(BATCH)]
    return torch.cat(parts).numpy()
