r"""SimCLR: two views of an image lie closer together than views of different images.

With unit vectors :math:`z` of the 2b views of a batch, projected by layers that are dropped after training,

.. math:: L = -\frac1{2b} \sum_{(i, j)} \log
          \frac{\exp(\langle z_i, z_j\rangle / \tau)}{\sum_{k \ne i} \exp(\langle z_i, z_k\rangle / \tau)}

over the ordered pairs of views of one image.

Reference: Chen, Kornblith, Norouzi and Hinton, A simple framework for contrastive learning of visual
representations, 2020, equation 1, https://arxiv.org/abs/2002.05709
"""

import torch
import torch.nn.functional as F
from torch import nn

from wordsight.pretraining.image_set import ImageSet
from wordsight.pretraining.objectives import base

WIDTH = 128
TEMPERATURE = 0.2


class Objective(base.Objective):
    """Find the other view of an image."""

    views = 2
    measure = "recall@1 of the other view, on held-out concepts"

    def __init__(self, feature_size: int, images: ImageSet) -> None:
        super().__init__(feature_size, images)
        self.projector = nn.Sequential(
            nn.Linear(feature_size, feature_size), nn.ReLU(), nn.Linear(feature_size, WIDTH)
        )

    def targets(self, images: ImageSet) -> base.Targets:
        """Number of each image (n,); only their count matters."""
        return (torch.arange(len(images)),)

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Unit vectors (b, k)."""
        return F.normalize(self.projector(features), dim=1)

    def loss(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Cross-entropy of the other view among all views except the view itself."""
        views = torch.cat(outputs).float()
        scores = views @ views.T / TEMPERATURE
        scores.fill_diagonal_(float("-inf"))
        other = torch.arange(len(views), device=views.device).roll(len(views) // 2)
        return F.cross_entropy(scores, other)

    def hits(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Whether the nearest second view is of the same image."""
        scores = outputs[0] @ outputs[1].T
        return scores.argmax(dim=1) == torch.arange(len(scores), device=scores.device)

    def chance(self, targets: base.Targets) -> float:
        """One in the number of images."""
        return 1 / len(targets[0])
