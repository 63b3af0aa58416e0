r"""Captions as targets: predict the words of the caption from the image.

With :math:`W_i` the words of caption i,

.. math:: L = -\frac1b \sum_i \frac1{|W_i|} \sum_{w \in W_i} \log \mathrm{softmax}(A f(x_i) + a)_w .

References: Joulin, van der Maaten, Jabri and Vasilache, Learning visual features from large weakly supervised
data, 2016, section 3.2, https://arxiv.org/abs/1511.02251. Its kin predict words in their places: Bulent
Sariyildiz, Perez and Larlus, Learning visual representations with caption annotations (ICMLM), 2020,
https://arxiv.org/abs/2008.01392; Desai and Johnson, VirTex, 2021, https://arxiv.org/abs/2006.06666
"""

import torch
import torch.nn.functional as F
from torch import nn

from wordsight.pretraining.images import ImageSet
from wordsight.pretraining.objectives import base
from wordsight.pretraining.words import UNKNOWN, Vocabulary


class Objective(base.Objective):
    """Predict the words of the caption."""

    measure = "precision of the first word, on held-out concepts"

    def __init__(self, feature_size: int, images: ImageSet) -> None:
        super().__init__(feature_size, images)
        images.require("captions")
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
        present = self._present(targets[0])
        wanted = present / present.sum(dim=1, keepdim=True).clamp(min=1)
        return F.cross_entropy(outputs[0], wanted)

    def hits(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Whether the most likely word is in the caption."""
        best = outputs[0].argmax(dim=1, keepdim=True)
        return self._present(targets[0]).gather(1, best)[:, 0] > 0

    def chance(self, targets: base.Targets) -> float:
        """Share of captions with the most frequent word."""
        return float(self._present(targets[0]).mean(dim=0).max())

    def _present(self, numbers: torch.Tensor) -> torch.Tensor:
        """1 for each known word of a caption: float (n, words)."""
        present = torch.zeros(len(numbers), self.vocabulary.size, device=numbers.device)
        present.scatter_(1, numbers, 1.0)
        present[:, : UNKNOWN + 1] = 0
        return present
