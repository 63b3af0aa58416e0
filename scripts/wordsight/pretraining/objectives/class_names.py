"""Class names: ``captions_contrastive`` with only the name of the class as the caption.

The target has the form of language, with the information of a label.

Reference: Yang et al., Unified contrastive learning in image-text-label space, 2022,
https://arxiv.org/abs/2204.03610, who join captions and class names in one loss.
"""

from typing import ClassVar

import torch

from wordsight.pretraining.image_set import ImageSet, Requirement
from wordsight.pretraining.objectives import captions_contrastive


class Objective(captions_contrastive.Objective):
    """Match images with the names of their classes."""

    measure = "accuracy by class names, on held-out concepts"
    requires: ClassVar[tuple[Requirement, ...]] = ("labels",)

    def names(self, images: ImageSet) -> list[str]:
        """Class name of each image."""
        return [images.classes[label] for label in images.labels.tolist()]

    def sentences(self, images: ImageSet) -> torch.Tensor:
        """Vectors (n, s) of the images' class names."""
        return images.class_sentence_vectors[images.labels]
