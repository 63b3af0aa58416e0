"""Captions, shuffled: ``captions_contrastive`` with the captions permuted over the images.

The loss, the texts and their number are those of ``captions_contrastive``, but an image and its caption have
nothing to do with each other. What remains is the form of the objective and the fineness of its target.

Reference: Zhang, Bengio, Hardt, Recht and Vinyals, Understanding deep learning requires rethinking
generalization, 2017, section 2, https://arxiv.org/abs/1611.03530, who permute labels.
"""

from dataclasses import replace

import numpy as np

from wordsight.pretraining.image_set import ImageSet
from wordsight.pretraining.objectives import base, captions_contrastive
from wordsight.seeds import derive_seed


class Objective(captions_contrastive.Objective):
    """Match images with captions of other images."""

    measure = "recall@1 of the permuted caption, on training images"
    measured_on = "training"

    def targets(self, images: ImageSet) -> base.Targets:
        """Targets of ``captions_contrastive`` for permuted captions, in the same way for every seed."""
        return super().targets(permuted(images))


def permuted(images: ImageSet) -> ImageSet:
    """Images with each other's captions."""
    seed = derive_seed(0, "shuffled captions", len(images))
    order = np.random.default_rng(seed).permutation(len(images))
    return replace(
        images,
        captions=[images.captions[place] for place in order],
        caption_vectors=None if images.caption_vectors is None else images.caption_vectors[order],
    )
