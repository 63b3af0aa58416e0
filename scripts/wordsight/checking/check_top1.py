"""Compare the accuracy of an encoder's own classifier with the one that its publisher states.

Some thousand images of ImageNet's validation set are enough to find weights, classes or pixels that are not
those of the publisher, and few enough for a machine without a GPU.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from wordsight.checking.check_model import Report
from wordsight.datasets.reading import open_split
from wordsight.errors import DataError
from wordsight.models.card import NetworkCard
from wordsight.models.encoder import Encoder
from wordsight.models.reading import load
from wordsight.seeds import derive_seed

IMAGES = 2_000
BATCH = 32
# Percentage points that another decoder or resize may make; beyond, only chance is allowed for.
ROUNDING, STANDARD_ERRORS = 0.5, 3.0


def check(
    directory: Path | str, dataset: Path | str, published: float, device: str, seed: int
) -> tuple[Report, NetworkCard]:
    """Measure the accuracy on images drawn from a test split, and compare it with the published one.

    Parameters
    ----------
    directory : of the encoder
    dataset : folder of a dataset with the label space of the encoder's classifier
    published : percent
    seed : of the draw; every encoder gets the same images

    Raises
    ------
    DataError
        When the labels of the dataset are not those of the classifier.
    ConfigError
        When the machine has no such device.
    """
    encoder, split = load(directory, device), open_split(dataset, "test")
    if split.card.label_space != encoder.card.classifier:
        raise DataError(
            f"{split.card.name}: expected the label space {encoder.card.classifier} of the classifier of "
            f"{encoder.card.name}, found {split.card.label_space}"
        )
    generator = np.random.default_rng(derive_seed(seed, "top1", split.card.name))
    drawn = np.sort(generator.permutation(len(split))[:IMAGES])
    named = _named(encoder, (image for _, image in split.images(set(drawn.tolist()))))
    covered = split.card.label_indices or [[label] for label in range(len(split.classes))]
    right = np.array([name in covered[split.labels[place]] for name, place in zip(named, drawn, strict=True)])
    accuracy = right.mean()
    margin = ROUNDING + 100 * STANDARD_ERRORS * np.sqrt(accuracy * (1 - accuracy) / len(right))
    found = f"{100 * accuracy:.1f}% of {len(right):,} images of {split.card.name}"
    report = Report({"top-1": f"{found}; published: {published:g}%"})
    if abs(100 * accuracy - published) > margin:
        report.problems.append(
            f"its classifier is right for {found}, and its publisher states {published:g}%; check its "
            "preprocessing, its weights and `top1`"
        )
    return report, encoder.card


def _named(encoder: Encoder, images: Iterator[Image.Image]) -> list[int]:
    """Class that the encoder's own classifier gives each image."""
    found: list[int] = []
    for batch in batched(images, BATCH):
        pixels = torch.stack([encoder.preprocess(image) for image in batch]).to(encoder.device)
        with torch.inference_mode():
            found += encoder.logits(pixels).argmax(dim=1).tolist()
    return found


def batched(images: Iterator[Image.Image], size: int) -> Iterator[list[Image.Image]]:
    """Images in lists of a size, the last one shorter."""
    while batch := list(islice(images, size)):
        yield batch
