r"""Captions, contrastive: an image and its caption lie closer together than an image and another caption.

With unit vectors :math:`u_i = A f(x_i) / \|\cdot\|` of images and :math:`t_i = B g(c_i) / \|\cdot\|` of
captions, g a frozen sentence encoder, and a learned temperature :math:`\tau`,

.. math:: L = -\frac1{2b} \sum_i \left[ \log \frac{\exp(\langle u_i, t_i\rangle / \tau)}
          {\sum_j \exp(\langle u_i, t_j\rangle / \tau)}
          + \log \frac{\exp(\langle u_i, t_i\rangle / \tau)}
          {\sum_j \exp(\langle u_j, t_i\rangle / \tau)} \right].

Images of one concept in two styles have the same caption and so the same t. Summed over both, the loss is the
same as if the caption of each counted as a match of the other as well.

Reference: Radford et al., Learning transferable visual models from natural language supervision, 2021,
figure 3, https://arxiv.org/abs/2103.00020
"""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from wordsight.pretraining.image_set import ImageSet, Requirement, groups
from wordsight.pretraining.objectives import base

WIDTH = 128
TEMPERATURE = 0.07
LARGEST_SCALE = 100.0  # of the inverse temperature


class Objective(base.Objective):
    """Match images with their captions, which a frozen sentence encoder reads."""

    measure = "recall@1 of the caption, on held-out concepts"
    requires: ClassVar[tuple[Requirement, ...]] = ("captions",)

    def __init__(self, feature_size: int, images: ImageSet) -> None:
        super().__init__(feature_size, images)
        self.image_projection = nn.Linear(feature_size, WIDTH, bias=False)
        self.scale = nn.Parameter(torch.tensor(math.log(1 / TEMPERATURE)))
        self.build_text(images)

    def build_text(self, images: ImageSet) -> None:
        """Make the layers that read the text."""
        size = self.sentences(images).shape[1]
        self.text_projection = nn.Linear(size, WIDTH, bias=False)

    def sentences(self, images: ImageSet) -> torch.Tensor:
        """Vectors (n, s) of the images' captions."""
        return images.sentence_vectors

    def names(self, images: ImageSet) -> list[str]:
        """Text of each image; equal texts count as one."""
        return images.captions

    def targets(self, images: ImageSet) -> base.Targets:
        """Number of each image's text (n,), equal for equal texts, and input of the text layers (n, s)."""
        return groups(self.names(images)), self.sentences(images)

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Unit vectors (b, k) of images."""
        return F.normalize(self.image_projection(features), dim=1)

    def encode_text(self, texts: torch.Tensor) -> torch.Tensor:
        """Unit vectors (b, k) of texts."""
        return F.normalize(self.text_projection(texts), dim=1)

    def loss(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Symmetric cross-entropy of the matching pairs."""
        scale = self.scale.exp().clamp(max=LARGEST_SCALE)
        scores = scale * outputs[0].float() @ self.encode_text(targets[1]).float().T
        own = torch.arange(len(scores), device=scores.device)
        return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2

    def hits(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Whether the nearest of the distinct texts is the image's own."""
        text, read = targets
        distinct, first = unique_rows(text)
        scores = outputs[0].float() @ self.encode_text(read[first]).float().T
        return distinct[scores.argmax(dim=1)] == text

    def chance(self, targets: base.Targets) -> float:
        """Share of the most frequent text."""
        return base.largest_share(targets[0])


def unique_rows(text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Distinct numbers of texts, sorted, and the first place of each."""
    distinct, inverse = torch.unique(text, return_inverse=True)
    places = torch.arange(len(text), device=text.device)
    first = torch.full((len(distinct),), len(text), device=text.device).scatter_reduce(
        0, inverse, places, reduce="amin"
    )
    return distinct, first
