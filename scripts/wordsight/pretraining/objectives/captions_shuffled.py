"""Captions, shuffled: ``captions_contrastive`` where each concept has the captions of another concept.

The loss, the texts and their number are those of ``captions_contrastive``, and the images of a concept in its
styles still share a caption if they did before. But the caption of an image says nothing about it. What
remains is the form of the objective, the fineness of its target, and which images belong together. Images
without a concept are a concept each.

Reference: Zhang, Bengio, Hardt, Recht and Vinyals, Understanding deep learning requires rethinking
generalization, 2017, section 2, https://arxiv.org/abs/1611.03530, who permute labels.
"""

from dataclasses import replace

import numpy as np

from wordsight.errors import DataError
from wordsight.logs import logger
from wordsight.pretraining.image_set import ImageSet
from wordsight.pretraining.objectives import base, captions_contrastive
from wordsight.seeds import derive_seed


class Objective(captions_contrastive.Objective):
    """Match images with captions of other concepts."""

    measure = "recall@1 of the permuted caption, on training images"
    measured_on = "training"

    def targets(self, images: ImageSet) -> base.Targets:
        """Targets of ``captions_contrastive`` for permuted captions, in the same way for every seed."""
        return super().targets(permuted(images, np.zeros(len(images), dtype=np.int64)))


def permuted(images: ImageSet, groups: np.ndarray) -> ImageSet:
    """Images with the captions of another concept of the same group.

    The concepts of a group are arranged in a random cycle, and each gets the captions of the next one: its
    first image the first caption, and so on. A concept that is alone in its group keeps its captions.

    Parameters
    ----------
    groups : int array (n,), group of each image; a concept belongs to one group

    Raises
    ------
    DataError
        When every concept is alone in its group. The error names the dataset.
    """
    members: dict[str, list[int]] = {}
    for place, concept in enumerate(images.concepts):
        members.setdefault(concept or f"image {place}", []).append(place)
    generator = np.random.default_rng(derive_seed(0, "shuffled captions", len(images)))
    order = np.empty(len(images), dtype=np.int64)
    alone = 0
    for group in np.unique(groups):
        cycle = [concept for concept, places in members.items() if groups[places[0]] == group]
        generator.shuffle(cycle)
        alone += len(cycle) == 1
        for concept, following in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            own, others = members[concept], members[following]
            order[own] = [others[place % len(others)] for place in range(len(own))]
    if alone == len(members):
        raise DataError(f"{images.name}: captions can't be shuffled, because no two concepts can swap theirs")
    if alone:
        logger.info("%d of %d concepts keep their captions: no other can give one", alone, len(members))
    return replace(
        images,
        captions=[images.captions[place] for place in order],
        caption_vectors=None if images.caption_vectors is None else images.caption_vectors[order],
    )
