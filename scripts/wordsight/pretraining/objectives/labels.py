r"""Labels: cross-entropy of a linear classifier.

.. math:: L = -\frac1b \sum_i \log \mathrm{softmax}(W f(x_i) + v)_{y_i}

Reference: Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks,
2012, section 3, https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from wordsight.pretraining.image_set import ImageSet, Requirement
from wordsight.pretraining.objectives import base


class Objective(base.Objective):
    """Name the class of an image."""

    measure = "accuracy on held-out concepts"
    requires: ClassVar[tuple[Requirement, ...]] = ("labels",)

    def __init__(self, feature_size: int, images: ImageSet) -> None:
        super().__init__(feature_size, images)
        self.classifier = nn.Linear(feature_size, len(images.classes))

    def targets(self, images: ImageSet) -> base.Targets:
        """Labels (n,)."""
        return (images.labels,)

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (b, classes)."""
        return self.classifier(features)

    def loss(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Cross-entropy."""
        return F.cross_entropy(outputs[0], targets[0])

    def hits(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Whether the class is right."""
        return outputs[0].argmax(dim=1) == targets[0]

    def chance(self, targets: base.Targets) -> float:
        """Share of the largest class."""
        return base.largest_share(targets[0])
