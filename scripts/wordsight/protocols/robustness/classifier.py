"""The classifier that is attacked, and checks of the classifier and its images.

Reference for the checks: Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of
diverse parameter-free attacks, 2020, https://arxiv.org/abs/2003.01690
"""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch

from wordsight.errors import DataError
from wordsight.protocols.checks import check_items
from wordsight.protocols.probe import Probe
from wordsight.seeds import derive_seed

PAPER_SHIFT = 800  # from the label of an image of ImageNet to the paper's target


class Classifier(torch.nn.Module):
    """From images in [0, 1] to scores, by the encoder's own classifier or by a head on its features.

    With ``label_indices``, only those scores of the encoder's own classifier count that belong to classes of
    the dataset. A class with several scores has the largest of them. Without them, the classifier must have a
    score for each of the ``classes`` of the dataset, if their number is given.
    """

    def __init__(
        self,
        encoder: torch.nn.Module,
        head: Probe | None,
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
        scores = self._own_scores(images) if self.head is None else self.head(self.encoder(images))
        # Where a score is NaN, argmax would call the image broken.
        if torch.isnan(scores).any():
            raise DataError(f"{self.where}: the classifier's scores are NaN")
        return scores

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


def holds(network: torch.nn.Module, images: torch.Tensor, goal: Goal, batch_size: int) -> np.ndarray:
    """Whether the goal is not reached at each image, a bool array (n,)."""
    with torch.no_grad():
        scores = torch.cat([network(part) for part in images.split(batch_size)])
    return ((scores.argmax(dim=1) == goal.classes) != goal.targeted).cpu().numpy()


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
        When there is no other class, or the paper's is the label itself.
    """
    if classes < 2:
        raise DataError(f"{where}: a targeted attack needs two classes, but the classifier has {classes}")
    if stream is None:
        if PAPER_SHIFT % classes == 0:
            raise DataError(
                f"{where}: (label + {PAPER_SHIFT}) modulo {classes} classes is the label itself; remove "
                "`targeted`, or use `mode: sound`, which draws another class"
            )
        return (labels + PAPER_SHIFT) % classes
    shifts = [derive_seed(stream, item) % (classes - 1) for item in ids]
    return (labels + 1 + np.array(shifts)) % classes


def check_network(
    network: Classifier, images: torch.Tensor, labels: torch.Tensor, batch_size: int
) -> tuple[np.ndarray, dict[str, float], int]:
    """Which images are right without attack, signs that gradients mislead, and the number of classes."""
    with torch.no_grad():
        first = network(images[:batch_size])
        again = network(images[:batch_size])
    if int(labels.max()) >= first.shape[1]:
        raise DataError(
            f"{network.where}: label {int(labels.max())} is beyond the classifier's {first.shape[1]} classes"
        )
    parts = [
        verdict(network, x, Goal(y))
        for x, y in zip(images.split(batch_size), labels.split(batch_size), strict=True)
    ]
    zero = torch.cat([(gradient == 0).flatten(1).all(dim=1) for _, gradient in parts])
    sums_to_one = torch.allclose(first.sum(dim=1), torch.ones(len(first), device=first.device), atol=1e-4)
    return (
        ~np.concatenate([wrong for wrong, _ in parts]),
        {
            "zero_gradient": float(zero.float().mean()),
            "randomised": float(not torch.equal(first, again)),
            "softmax_outputs": float(sums_to_one and bool((first >= 0).all())),
        },
        first.shape[1],
    )


def check_images(images: np.ndarray, labels: np.ndarray, ids: list[str], where: str) -> None:
    """Refuse images that are not (n, 3, h, w) in [0, 1] with a label and an id each."""
    if images.ndim != 4 or not len(images) == len(labels) == len(ids):
        raise DataError(
            f"{where}: expected images (n, 3, h, w) with a label and an id each, "
            f"not {images.shape} with {len(labels)} labels and {len(ids)} ids"
        )
    check_items(labels, ids, where)
    # A comparison with NaN is false.
    unfit = ~((images >= 0) & (images <= 1)).all(axis=(1, 2, 3))
    if unfit.any():
        raise DataError(f"{where}: the pixels of item {ids[int(unfit.argmax())]} are not all in [0, 1]")
