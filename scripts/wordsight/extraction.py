"""Extract features: every image passes through an encoder once, and all protocols read the result."""

import re
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from PIL import Image

from wordsight.config.models import PreprocessingSection
from wordsight.datasets.reading import Split
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.logs import progress
from wordsight.models.encoder import Encoder
from wordsight.models.preprocessing import augment, to_tensor
from wordsight.seeds import derive_seed

# Features that differ by less than this, relative to the largest value, differ only by rounding.
ROUNDING = 1e-6


def extract(
    encoder: Encoder, split: Split, batch_size: int = 32, *, view: str = "plain", seed: int = 0
) -> Features:
    """Features of every image of a split, in its order. Memory does not grow with the number of images.

    Parameters
    ----------
    encoder : runs on the device that it was loaded on
    split : images, labels and ids
    batch_size : images of 224 x 224 pixels in one forward pass; more if images are smaller
    view : ``plain``, or ``augmented-K`` for the random crops and flips of epoch K
    seed : of the crops and flips; these depend only on seed, view and item, not on batch or order

    Returns
    -------
    Features
        Of shape (n, d), float32. The metadata hold model, dataset and view, ``images_per_second``, and
        ``peak_memory_mb``, the largest resident memory of the process so far.

    Raises
    ------
    DataError
        When a feature is not finite, all features of an image are equal, all images have the same features,
        or the split has fewer images than it says. The error names model and dataset.
    """
    (features,) = extract_all([encoder], split, batch_size, view=view, seed=seed)
    return features


def extract_all(
    encoders: Sequence[Encoder], split: Split, batch_size: int = 32, *, view: str = "plain", seed: int = 0
) -> list[Features]:
    """Features by several encoders, as :func:`extract` gives them.

    Encoders of the same preprocessing share the decoded images, and those that read the same network a pass
    through it. ``images_per_second`` is then that of all of them together.
    """
    sharing: dict[PreprocessingSection, list[Encoder]] = defaultdict(list)
    for encoder in encoders:
        sharing[encoder.card.preprocessing].append(encoder)
    passed = {
        id(encoder): features
        for group in sharing.values()
        for encoder, features in zip(
            group, _pass(group, split, group[0].batch_of(batch_size), view, seed), strict=True
        )
    }
    return [passed[id(encoder)] for encoder in encoders]


def _pass(encoders: list[Encoder], split: Split, size: int, view: str, seed: int) -> list[Features]:
    """Pass every image through encoders of the same preprocessing."""
    wheres = [f"{encoder.card.name} on {split.card.name}" for encoder in encoders]
    values = [np.empty((len(split), encoder.card.feature_size), dtype=np.float32) for encoder in encoders]
    started, done = time.perf_counter(), 0
    batches = -(-len(split) // size)
    for items, images in progress(_batches(encoders[0], split, size, view, seed), batches, "batches"):
        for features, where, filled in zip(_read(encoders, images), wheres, values, strict=True):
            _check_finite(features, items, where)
            filled[done : done + len(items)] = features
        done += len(items)
    if done != len(split):
        raise DataError(f"{wheres[0]}: expected {len(split)} images, found {done}")
    for where, filled in zip(wheres, values, strict=True):
        _check_variation(filled, split.ids, where)
    speed = len(encoders) * len(split) / (time.perf_counter() - started)
    shared = {
        "dataset": split.card.name,
        "view": view,
        "images_per_second": f"{speed:.2f}",
        "peak_memory_mb": f"{peak_memory_mb():.0f}",
    }
    return [
        Features(
            filled,
            np.asarray(split.labels, dtype=np.int64),
            list(split.ids),
            {"model": encoder.card.name, **shared},
        )
        for encoder, filled in zip(encoders, values, strict=True)
    ]


def _read(encoders: list[Encoder], images: torch.Tensor) -> list[np.ndarray]:
    """Features of a batch by each encoder, with one pass through each network."""
    by_network: dict[int, list[Encoder]] = defaultdict(list)
    for encoder in encoders:
        by_network[id(encoder.backbone)].append(encoder)
    found: dict[int, np.ndarray] = {}
    for sharing in by_network.values():
        first = sharing[0]
        with torch.inference_mode():
            features = first.read(images.to(first.device), [encoder.place for encoder in sharing])
        found |= {
            id(encoder): one.float().cpu().numpy() for encoder, one in zip(sharing, features, strict=True)
        }
    return [found[id(encoder)] for encoder in encoders]


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB of 10**6 bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _batches(
    encoder: Encoder, split: Split, size: int, view: str, seed: int
) -> Iterator[tuple[list[str], torch.Tensor]]:
    items: list[str] = []
    tensors: list[torch.Tensor] = []
    for item, image in split.images():
        items.append(item)
        tensors.append(_preprocess(encoder, image, item, view, seed))
        if len(items) == size:
            yield items, torch.stack(tensors)
            items, tensors = [], []
    if items:
        yield items, torch.stack(tensors)


def _preprocess(encoder: Encoder, image: Image.Image, item: str, view: str, seed: int) -> torch.Tensor:
    if view == "plain":
        return encoder.preprocess(image)
    if not re.fullmatch(r"augmented-\d+", view):
        raise ValueError(f"expected the view plain or augmented-K, not {view!r}")
    generator = np.random.default_rng(derive_seed(seed, "view", view, item))
    return to_tensor(augment(image, encoder.card.preprocessing, generator))


def _check_finite(values: np.ndarray, items: list[str], where: str) -> None:
    not_finite = ~np.isfinite(values).all(axis=1)
    if not_finite.any():
        raise DataError(f"{where}: the features of {items[int(not_finite.argmax())]} are not finite")


def _check_variation(values: np.ndarray, items: list[str], where: str) -> None:
    """Refuse features that say nothing: one number repeated in a vector, or one vector for all images."""
    if len(values) == 0:
        return
    constant = np.ptp(values, axis=1) == 0
    if constant.any():
        raise DataError(f"{where}: the features of {items[int(constant.argmax())]} all have the same value")
    if len(values) > 1 and np.ptp(values, axis=0).max() <= ROUNDING * np.abs(values).max():
        raise DataError(f"{where}: all {len(items)} images have the same features")
