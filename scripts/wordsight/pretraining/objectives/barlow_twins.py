r"""Barlow Twins: outputs of two views agree, and no output repeats another; there are no negatives.

With :math:`C` the cross-correlation (k, k) over the batch of the standardised outputs of two views,

.. math:: L = \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \ne j} C_{ij}^2 .

Reference: Zbontar, Jing, Misra, LeCun and Deny, Barlow Twins: self-supervised learning via redundancy
reduction, 2021, equation 1, https://arxiv.org/abs/2103.03230. The loss is divided by k, so that the size of
the gradient does not depend on the number of outputs.
"""

import torch
import torch.nn.functional as F
from torch import nn

from wordsight.pretraining.image_set import ImageSet
from wordsight.pretraining.objectives import base, simclr

WIDTH = 256
REDUNDANCY = 0.005


class Objective(simclr.Objective):
    """Agree on two views with outputs that are not redundant."""

    def __init__(self, feature_size: int, images: ImageSet) -> None:
        base.Objective.__init__(self, feature_size, images)
        self.projector = nn.Sequential(
            nn.Linear(feature_size, WIDTH, bias=False),
            nn.BatchNorm1d(WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, WIDTH),
        )

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Outputs (b, k), not standardised."""
        return self.projector(features)

    def loss(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Distance between the cross-correlation and the identity matrix."""
        one, two = (standardise(view.float()) for view in outputs)
        correlation = one.T @ two / len(one)
        diagonal = torch.diagonal(correlation)
        agreement = ((1 - diagonal) ** 2).sum()
        redundancy = (correlation**2).sum() - (diagonal**2).sum()
        return (agreement + REDUNDANCY * redundancy) / correlation.shape[0]

    def hits(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Whether the most correlated second view is of the same image."""
        return super().hits([F.normalize(standardise(view), dim=1) for view in outputs], targets)


def standardise(outputs: torch.Tensor) -> torch.Tensor:
    """Outputs (b, k) with mean 0 and variance 1 over the batch."""
    centred = outputs - outputs.mean(dim=0)
    return centred / (centred.var(dim=0, unbiased=False) + 1e-6).sqrt()
