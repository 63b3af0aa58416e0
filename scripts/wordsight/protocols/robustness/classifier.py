"""The classifier that is attacked, and what an attack wants of it."""

from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import numpy as np
import torch

from wordsight.errors import DataError
from wordsight.seeds import derive_seed

CLIP_SCALE = 100.0  # of its cosines, the largest that its training allows
PAPER_SHIFT = 800  # from the label of an image of ImageNet to the paper's target


class Head(Protocol):
    """A classifier of features."""

    def as_module(self) -> torch.nn.Module:
        """It as a module, from features (b, in_features) to scores (b, classes)."""


class ClassNames:
    """The nearest class name, as networks are used that were trained to match images with texts.

    A score is the cosine between the features and the vector of a class name, times the scale of CLIP.

    Parameters
    ----------
    vectors : of the class names, a float array (classes, width)
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = torch.nn.functional.normalize(torch.from_numpy(vectors), dim=1)

    def as_module(self) -> torch.nn.Module:  # noqa: D102
        return _Cosines(self.vectors)


class _Cosines(torch.nn.Module):
    vectors: torch.Tensor

    def __init__(self, vectors: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors)
        self.in_features = vectors.shape[1]

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return CLIP_SCALE * torch.nn.functional.normalize(features, dim=1) @ self.vectors.T


class Classifier(torch.nn.Module):
    """From images in [0, 1] to scores, by the encoder's own classifier or by a head on its features.

    With ``label_indices``, only those scores of the encoder's own classifier count that belong to classes of
    the dataset. A class with several scores has the largest of them. Without them, the classifier must have a
    score for each of the ``classes`` of the dataset, if their number is given.
    """

    def __init__(
        self,
        encoder: torch.nn.Module,
        head: Head | None,
        where: str,
        label_indices: list[list[int]] | None = None,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        weights = next(chain(encoder.parameters(), encoder.buffers()), torch.empty(0))
        self.encoder, self.where, self.device = encoder, where, weights.device
        self.classes = classes
        self.own: Any = getattr(encoder, "logits", None)
        self.head = None if head is None else head.as_module().to(self.device)
        if self.own is None and self.head is None:
            raise DataError(f"{where}: the encoder has no classifier of its own, expected a fitted head")
        self.columns = None if label_indices is None else _columns(label_indices).to(self.device)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores (b, classes) of images (b, 3, h, w); raises :class:`DataError` if one is NaN."""
        scores = self._own_scores(images) if self.head is None else self._scores(images, self.head)
        if images.requires_grad and not scores.requires_grad:
            raise DataError(
                f"{self.where}: the network has no gradient, as when it is quantised or exported, so it "
                "can't be attacked; leave it out of `protocols.robustness.models`"
            )
        # Where a score is NaN, argmax would call the image broken.
        if torch.isnan(scores).any():
            raise DataError(
                f"{self.where}: the classifier's scores are NaN; `make check-model` says what it makes"
            )
        return scores

    def _scores(self, images: torch.Tensor, head: Any) -> torch.Tensor:
        features = self.encoder(images)
        if features.shape[1:] != (head.in_features,):
            raise DataError(
                f"{self.where}: the encoder's features are {features.shape[1:].numel()} wide, but its head "
                f"is for features of {head.in_features}; make the features again that the head is from"
            )
        return head(features)

    def _own_scores(self, images: torch.Tensor) -> torch.Tensor:
        scores = self.own(images)
        if self.columns is None:
            if scores.shape[1] != (self.classes or scores.shape[1]):
                raise DataError(
                    f"{self.where}: the encoder's own classifier has {scores.shape[1]:,} classes, but the "
                    f"dataset has {self.classes:,}, so their labels differ; leave the dataset's "
                    "`label_space` out, and attack with `head: fitted`"
                )
            return scores
        if scores.shape[1] <= (last := int(self.columns.max())):
            raise DataError(
                f"{self.where}: label {last} of the label space is beyond the classifier's "
                f"{scores.shape[1]} classes"
            )
        return scores[:, self.columns].amax(dim=2)


def _columns(label_indices: list[list[int]]) -> torch.Tensor:
    """Indices (classes, most) of the scores of each class; the first is repeated if a class has fewer."""
    most = max(map(len, label_indices))
    return torch.tensor([[*group, *[group[0]] * (most - len(group))] for group in label_indices])


@dataclass(frozen=True)
class Goal:
    """What an attack wants: that images are not taken for a class, or if it is targeted, that they are.

    Attributes
    ----------
    classes : int tensor (n,); the labels of the images, or their target classes
    """

    classes: torch.Tensor
    targeted: bool = False

    def of(self, items: Any) -> "Goal":
        """The same for some of the images."""
        return Goal(self.classes[items], self.targeted)


def verdict(network: torch.nn.Module, points: torch.Tensor, goal: Goal) -> tuple[np.ndarray, torch.Tensor]:
    """Whether the goal is reached at each point, and the gradient along which it comes nearer."""
    points = points.detach().requires_grad_(True)
    with torch.enable_grad():
        scores = network(points)
        loss = torch.nn.functional.cross_entropy(scores, goal.classes, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, points)
    reached = (scores.argmax(dim=1) == goal.classes) == goal.targeted
    return reached.cpu().numpy(), -gradient if goal.targeted else gradient


def reaches(network: torch.nn.Module, points: torch.Tensor, goal: Goal) -> np.ndarray:
    """Whether the goal is reached at each point, a bool array (b,), without gradients."""
    with torch.no_grad():
        found = network(points).argmax(dim=1)
    return ((found == goal.classes) == goal.targeted).cpu().numpy()


def holds(network: torch.nn.Module, images: torch.Tensor, goal: Goal, batch_size: int) -> np.ndarray:
    """Whether the goal is not reached at each of many images, a bool array (n,)."""
    parts = torch.arange(len(images)).split(batch_size)
    return ~np.concatenate([reaches(network, images[part], goal.of(part)) for part in parts])


def target_classes(
    labels: np.ndarray, ids: list[str], classes: int, where: str, stream: int | None
) -> np.ndarray:
    """Class that each image shall be taken for, an int array (n,) without any image's own label.

    Parameters
    ----------
    labels, ids : of the images
    classes : number of classes that the classifier tells apart
    stream : seed of the draw, which doesn't depend on the other images; None for the paper's classes, which
        are those 800 further on

    Raises
    ------
    DataError
        When the paper's target is the label itself.
    """
    if stream is None:
        if PAPER_SHIFT % classes == 0:
            raise DataError(
                f"{where}: (label + {PAPER_SHIFT}) modulo {classes} classes is the label itself; remove "
                "`targeted`, or use `mode: sound`, which draws another class"
            )
        return (labels + PAPER_SHIFT) % classes
    shifts = [derive_seed(stream, item) % (classes - 1) for item in ids]
    return (labels + 1 + np.array(shifts)) % classes
