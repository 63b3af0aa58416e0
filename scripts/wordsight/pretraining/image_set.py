"""What an encoder learns from: labels, captions, concepts, and the vectors of a sentence encoder."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from wordsight.datasets.reading import Split
from wordsight.errors import ConfigError, DataError
from wordsight.pretraining.sentences import Sentences

Requirement = Literal["labels", "captions", "concepts"]


@dataclass(frozen=True)
class ImageSet:
    """Images without their pixels: what objectives learn from.

    Attributes
    ----------
    name : of the dataset
    places : int array (n,), rows of the training split
    labels : int64 (n,); -1 for an image without a label
    classes : names, in the order of the labels
    captions, concepts : one per image; empty for an image without one
    caption_vectors : float (n, s) of the sentence encoder, or None if the objective does not read them
    class_vectors : float (classes, s), or None
    """

    name: str
    places: np.ndarray
    labels: torch.Tensor
    classes: list[str]
    captions: list[str]
    concepts: list[str]
    caption_vectors: torch.Tensor | None = None
    class_vectors: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.places)

    @property
    def sentence_vectors(self) -> torch.Tensor:
        """Vectors (n, s) of the captions."""
        assert self.caption_vectors is not None
        return self.caption_vectors

    @property
    def class_sentence_vectors(self) -> torch.Tensor:
        """Vectors (classes, s) of the class names."""
        assert self.class_vectors is not None
        return self.class_vectors

    def require(self, what: Requirement) -> None:
        """Raise DataError, with dataset and row, if an image lacks what an objective learns from."""
        values = {
            "labels": [label >= 0 for label in self.labels.tolist()],
            "captions": [bool(caption.strip()) for caption in self.captions],
            "concepts": [bool(concept) for concept in self.concepts],
        }[what]
        if not all(values):
            row = int(self.places[values.index(False)])
            raise DataError(
                f"{self.name}: expected {what} for every training image, but row {row} of the training split "
                f"has no {what[:-1]}"
            )
        if what == "labels" and len(torch.unique(self.labels)) < 2:
            raise DataError(f"{self.name}: all training images are of one class; at least two are needed")


def image_set(
    split: Split, styles: list[str] | None, sentences: Sentences | None, *, held_out: bool
) -> ImageSet:
    """Images of a training split to train on, or those that are held out of training.

    Parameters
    ----------
    styles : those to keep, None for all
    sentences : vectors of captions and class names, None if the objective does not read them

    Raises
    ------
    ConfigError
        When the split has no image in one of ``styles``.
    DataError
        When no image is left.
    """
    missing = sorted(set(styles or []) - set(split.styles))
    if missing:
        valid = ", ".join(sorted(set(split.styles) - {""})) or "none, since its images have no style"
        raise ConfigError(
            f"config: pretraining.styles: {split.card.name} has no style {missing[0]!r} to train on; "
            f"valid: {valid}"
        )
    kept = np.isin(split.styles, styles) if styles else np.ones(len(split), dtype=bool)
    places = np.flatnonzero(kept & (split.held_out == held_out))
    if len(places) == 0:
        what = "that are held out of training" if held_out else "to train on"
        raise DataError(f"{split.card.name}: there are no images {what}")
    captions = [split.captions[place] for place in places]
    return ImageSet(
        name=split.card.name,
        places=places,
        labels=torch.from_numpy(np.asarray(split.labels, dtype=np.int64)[places]),
        classes=split.classes,
        captions=captions,
        concepts=[split.concepts[place] for place in places],
        caption_vectors=sentences.of(captions) if sentences else None,
        class_vectors=sentences.of(split.classes) if sentences and split.classes else None,
    )


def groups(names: list[str]) -> torch.Tensor:
    """Number of each name (n,), equal for equal names."""
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    return torch.tensor([numbers[name] for name in names])
