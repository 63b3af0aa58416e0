r"""Concept labels: cross-entropy where each concept, in all its styles, is a class.

The target is as fine as captions but has no words. So it separates the effect of a fine target from that of
language. The loss is that of ``labels``.

Reference: Dosovitskiy, Springenberg, Riedmiller and Brox, Discriminative unsupervised feature learning with
convolutional neural networks, 2014, equation 2, https://arxiv.org/abs/1406.6909, where each image is a
class.
"""

from typing import ClassVar

import torch
from torch import nn

from wordsight.pretraining.image_set import ImageSet, Requirement
from wordsight.pretraining.objectives import base, labels


class Objective(labels.Objective):
    """Name the concept of an image."""

    measure = "accuracy on training images"
    measured_on = "training"
    requires: ClassVar[tuple[Requirement, ...]] = ("concepts",)

    def __init__(self, feature_size: int, images: ImageSet) -> None:
        super().__init__(feature_size, images)
        self.concepts = {name: place for place, name in enumerate(sorted(set(images.concepts)))}
        self.classifier = nn.Linear(feature_size, len(self.concepts))

    def targets(self, images: ImageSet) -> base.Targets:
        """Number of the concept of each image (n,)."""
        return (torch.tensor([self.concepts[name] for name in images.concepts]),)
