r"""Captions as targets: predict the words of the caption from the image.

With :math:`W_i` the words of caption i,

.. math:: L = -\frac1b \sum_i \frac1{|W_i|} \sum_{w \in W_i} \log \mathrm{softmax}(A f(x_i) + a)_w .

References: Joulin, van der Maaten, Jabri and Vasilache, Learning visual features from large weakly supervised
data, 2016, section 3.2, https://arxiv.org/abs/1511.02251. Related methods predict words at their positions:
Bulent Sariyildiz, Perez and Larlus, Learning visual representations with caption annotations (ICMLM), 2020,
https://arxiv.org/abs/2008.01392; Desai and Johnson, VirTex, 2021, https://arxiv.org/abs/2006.06666
"""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from wordsight.pretraining.image_set import ImageSet, Requirement
from wordsight.pretraining.objectives import base
from wordsight.pretraining.vocabulary import UNKNOWN, Vocabulary


class Objective(base.Objective):
    """Predict the words of the caption."""

    measure = "recall@1 of the caption by its words, on held-out concepts"
    requires: ClassVar[tuple[Requirement, ...]] = ("captions",)

    def __init__(self, feature_size: int, images: ImageSet) -> None:
        super().__init__(feature_size, images)
        self.vocabulary = Vocabulary.of(images.captions)
        self.classifier = nn.Linear(feature_size, self.vocabulary.size)

    def targets(self, images: ImageSet) -> base.Targets:
        """Numbers of the words (n, longest), padded."""
        return (self.vocabulary.numbers(images.captions),)

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Logits of the words (b, words)."""
        return self.classifier(features)

    def loss(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Cross-entropy with the uniform distribution over the known words of the caption."""
        return F.cross_entropy(outputs[0], self._distributions(targets[0]))

    def hits(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Whether the words of the image's own caption gain most from the image, on average.

        The gain of a word is its log-probability, minus the log of its mean probability over all images.
        """
        captions, own = torch.unique(targets[0], dim=0, return_inverse=True)
        log_probabilities = F.log_softmax(outputs[0], dim=1)
        gain = log_probabilities - (log_probabilities.logsumexp(dim=0) - math.log(len(log_probabilities)))
        return (gain @ self._distributions(captions).T).argmax(dim=1) == own

    def chance(self, targets: base.Targets) -> float:
        """Share of the most frequent caption."""
        return base.largest_share(torch.unique(targets[0], dim=0, return_inverse=True)[1])

    def _distributions(self, numbers: torch.Tensor) -> torch.Tensor:
        """Uniform distribution over the known words of each caption: float (n, words)."""
        present = torch.zeros(len(numbers), self.vocabulary.size, device=numbers.device)
        present.scatter_(1, numbers, 1.0)
        present[:, : UNKNOWN + 1] = 0
        return present / present.sum(dim=1, keepdim=True).clamp(min=1)
