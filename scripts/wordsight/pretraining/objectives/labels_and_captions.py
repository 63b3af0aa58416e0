"""Labels and captions: the sum of the losses of ``labels`` and ``captions_contrastive``.

Reference: Yu et al., CoCa: contrastive captioners are image-text foundation models, 2022, equation 4,
https://arxiv.org/abs/2205.01917, who add a contrastive loss and a predictive one with fixed weights.
"""

import torch

from wordsight.pretraining.image_set import ImageSet
from wordsight.pretraining.objectives import base, captions_contrastive, labels


class Objective(base.Objective):
    """Name the class of an image and match it with its caption."""

    measure = "accuracy on held-out concepts"

    def __init__(self, feature_size: int, images: ImageSet) -> None:
        super().__init__(feature_size, images)
        self.labels = labels.Objective(feature_size, images)
        self.captions = captions_contrastive.Objective(feature_size, images)

    def targets(self, images: ImageSet) -> base.Targets:
        """Labels (n,), then the targets of ``captions_contrastive``."""
        return *self.labels.targets(images), *self.captions.targets(images)

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, then unit vectors: (b, classes + k)."""
        return torch.cat([self.labels.project(features), self.captions.project(features)], dim=1)

    def loss(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Sum of both losses."""
        logits, vectors = self._parts(outputs[0])
        return self.labels.loss([logits], targets[:1]) + self.captions.loss([vectors], targets[1:])

    def hits(self, outputs: base.Outputs, targets: base.Targets) -> torch.Tensor:
        """Whether the class is right."""
        return self.labels.hits([self._parts(outputs[0])[0]], targets[:1])

    def chance(self, targets: base.Targets) -> float:
        """Share of the largest class."""
        return self.labels.chance(targets[:1])

    def _parts(self, outputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return outputs.tensor_split([outputs.shape[1] - captions_contrastive.WIDTH], dim=1)
