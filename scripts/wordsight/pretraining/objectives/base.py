"""What all objectives have in common: targets of images, outputs for features, a loss over a batch."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import nn

from wordsight.pretraining.image_set import ImageSet, Requirement

Outputs = list[torch.Tensor]
Targets = tuple[torch.Tensor, ...]


class Objective(nn.Module):
    """An objective and its own layers, which are thrown away after training.

    Parameters
    ----------
    feature_size : width d of the encoder's features
    images : the training images, which say how many classes, concepts or words there are

    Attributes
    ----------
    views : number of random views of each image in a step
    measure : name of the measure that shows whether the objective was learned at all
    measured_on : ``held-out`` images of concepts that were not trained on, or ``training`` images if the
        objective has no targets for other images
    requires : what every image must have

    Raises
    ------
    DataError
        When an image lacks what is required.
    """

    views: ClassVar[int] = 1
    requires: ClassVar[tuple[Requirement, ...]] = ()
    measure: ClassVar[str]
    measured_on: ClassVar[str] = "held-out"

    def __init__(self, feature_size: int, images: ImageSet) -> None:
        super().__init__()
        for requirement in self.requires:
            images.require(requirement)

    def targets(self, images: ImageSet) -> Targets:
        """Tensors with one row per image: what its outputs are compared with."""
        raise NotImplementedError

    def disturb(
        self,
        images: torch.Tensor,
        targets: Targets,
        project: Callable[[torch.Tensor], torch.Tensor],
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Change a view before the encoder sees it; most objectives leave it as it is.

        Parameters
        ----------
        images : float (b, 3, h, w) in [0, 1]
        project : outputs (b, k) for such images
        """
        return images

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """From features (b, d) to outputs (b, k)."""
        raise NotImplementedError

    def loss(self, outputs: Outputs, targets: Targets) -> torch.Tensor:
        """Loss of a batch, a scalar, from the outputs (b, k) of each view."""
        raise NotImplementedError

    def hits(self, outputs: Outputs, targets: Targets) -> torch.Tensor:
        """Whether the outputs of each image match its target: bool (n,)."""
        raise NotImplementedError

    def chance(self, targets: Targets) -> float:
        """Share of hits of an encoder that knows nothing."""
        raise NotImplementedError


def largest_share(labels: torch.Tensor) -> float:
    """Share of the most frequent label: the accuracy of always giving the same answer."""
    return float(torch.bincount(labels).max() / len(labels))
