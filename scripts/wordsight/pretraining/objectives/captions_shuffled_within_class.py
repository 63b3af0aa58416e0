"""Captions, shuffled within the class: each concept has the captions of another concept of its class.

As in ``captions_shuffled``, but a caption still says which class an image is of. So a comparison with
``captions_contrastive`` shows what captions say beyond the class, in equally many and equally varied texts.
"""

from typing import ClassVar

from wordsight.pretraining.image_set import ImageSet, Requirement
from wordsight.pretraining.objectives import base, captions_contrastive, captions_shuffled


class Objective(captions_shuffled.Objective):
    """Match images with captions of other concepts of their class."""

    requires: ClassVar[tuple[Requirement, ...]] = ("captions", "labels")

    def targets(self, images: ImageSet) -> base.Targets:
        """Targets of ``captions_contrastive`` for permuted captions, in the same way for every seed."""
        shuffled = captions_shuffled.permuted(images, images.labels.numpy())
        return captions_contrastive.Objective.targets(self, shuffled)
