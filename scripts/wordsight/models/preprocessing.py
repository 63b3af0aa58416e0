"""Resize and crop images for a network, centrally or at random."""

import math

import numpy as np
import torch
from PIL import Image

from wordsight.config.models import PreprocessingSection

Box = tuple[float, float, float, float]

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def resize_and_crop(image: Image.Image, preprocessing: PreprocessingSection) -> Image.Image:
    """Resize the shorter side to ``resize``, then cut out the central square of ``image_size``.

    Gives the same pixels as torchvision's ``Resize`` and ``CenterCrop``. With ``squash`` both sides become
    ``resize``, which changes the aspect ratio.
    """
    if preprocessing.squash:
        side = preprocessing.resize
        small = image.resize((side, side), RESAMPLING[preprocessing.interpolation])
    else:
        small = _keep_aspect_ratio(image, preprocessing)
    size = preprocessing.image_size
    left, top = (round((side - size) / 2) for side in small.size)
    return small.crop((left, top, left + size, top + size))


def _keep_aspect_ratio(image: Image.Image, preprocessing: PreprocessingSection) -> Image.Image:
    """Resize the shorter side to ``resize``.

    An image more than 16 times as long as wide first loses its ends, which the central square does not reach.
    Otherwise 1 x 100,000 pixels would become 224 x 22,400,000.
    """
    middle = _without_ends(image, 16 * min(image.size))
    resized = [int(preprocessing.resize * side / min(middle.size)) for side in middle.size]
    return middle.resize((resized[0], resized[1]), RESAMPLING[preprocessing.interpolation])


def _without_ends(image: Image.Image, longest: int) -> Image.Image:
    """Shorten a side to ``longest``, by the same amount at both ends, so that the centre stays in place."""
    if max(image.size) <= longest:
        return image
    across, down = (max(0, (side - longest) // 2) for side in image.size)
    return image.crop((across, down, image.width - across, image.height - down))


def augment(
    image: Image.Image, preprocessing: PreprocessingSection, generator: np.random.Generator
) -> Image.Image:
    """Random resized crop, then a horizontal flip with probability 1/2.

    Area between 8% and 100% of the image's, aspect ratio between 3/4 and 4/3, both as in Szegedy et al.
    (2015), "Going deeper with convolutions", section 6, https://arxiv.org/abs/1409.4842. The reference
    implementation of the paper first shrinks the image's shorter side, which changes the smoothing but not
    the distribution of crops.
    """
    size = (preprocessing.image_size, preprocessing.image_size)
    box = random_box(image.width, image.height, generator)
    view = image.resize(size, RESAMPLING[preprocessing.interpolation], box=box)
    return view.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if generator.random() < 0.5 else view


def to_tensor(image: Image.Image) -> torch.Tensor:
    """Float tensor of shape (3, h, w) in [0, 1]."""
    return torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).float() / 255


def random_box(width: int, height: int, generator: np.random.Generator) -> Box:
    """Left, top, right and bottom of a crop whose area and aspect ratio are drawn as :func:`augment` says."""
    for _ in range(10):
        area = width * height * generator.uniform(0.08, 1)
        ratio = math.exp(generator.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = int(generator.integers(width - w + 1)), int(generator.integers(height - h + 1))
            return left, top, left + w, top + h
    # No crop of such a shape fits a long, narrow image: take the largest central one that does.
    w, h = min(width, max(1, round(height * 4 / 3))), min(height, max(1, round(width * 4 / 3)))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h
