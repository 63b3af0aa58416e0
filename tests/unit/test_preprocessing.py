"""What a network sees is what its library would show it."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as peer

from wordsight.config.models import PreprocessingSection
from wordsight.models import preprocessing

RNG = np.random.default_rng(0)


def section(image_size, resize, interpolation="bicubic", squash=False):
    return PreprocessingSection(
        image_size=image_size,
        resize=resize,
        interpolation=interpolation,
        squash=squash,
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
    )


def noise(width, height):
    return Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8))


def ramp(width, height):
    """Red grows along the width, green along the height, and blue is 99."""
    red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([red, green, np.full_like(red, 99)], axis=2).round().astype(np.uint8))


@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_pixels_are_those_of_torchvision(interpolation, squash):
    for _ in range(150):
        width, height = (int(side) for side in RNG.integers(16, 200, 2))
        image_size = int(RNG.integers(1, 50))
        keys = section(image_size, image_size + int(RNG.integers(0, 20)), interpolation, squash)
        image = noise(width, height)
        sides = [keys.resize] * (2 if squash else 1)
        resized = peer.resize(image, sides, InterpolationMode(interpolation))
        np.testing.assert_array_equal(
            np.asarray(preprocessing.resize_and_crop(image, keys)),
            np.asarray(peer.center_crop(resized, [image_size])),
        )


@pytest.mark.parametrize("size", [(17, 1), (1, 40), (400, 7), (5, 333)])
def test_a_strip_is_seen_at_its_centre(size):
    """Torchvision's crop may lie half a pixel of the resized strip aside."""
    image = ramp(*size)
    seen = np.asarray(preprocessing.resize_and_crop(image, section(32, 32, "bilinear")), dtype=float)
    resized = peer.resize(image, [32], InterpolationMode.BILINEAR)
    expected = np.asarray(peer.center_crop(resized, [32]), dtype=float)
    step = 255 / (max(resized.size) - 1)
    assert np.abs(seen - expected).max() <= step + 1
    assert np.abs(seen[..., 0 if size[0] > size[1] else 1].mean() - 127.5) <= step + 1


def test_a_squashed_picture_shows_all_of_itself():
    seen = np.asarray(preprocessing.resize_and_crop(ramp(400, 50), section(32, 32, "bilinear", squash=True)))
    assert seen[:, 0, 0].max() <= 255 / 32
    assert seen[:, -1, 0].min() >= 255 - 255 / 32


def test_a_very_long_strip_needs_no_more_memory_than_sixteen_squares(monkeypatch):
    resize = Image.Image.resize

    def bounded(image, size, *arguments, **keys):
        assert size[0] * size[1] <= 16 * 256 * 256 + 256
        return resize(image, size, *arguments, **keys)

    monkeypatch.setattr(Image.Image, "resize", bounded)
    assert preprocessing.resize_and_crop(noise(100_000, 1), section(224, 256)).size == (224, 224)


def test_a_tensor_has_channels_first_between_0_and_1():
    tensor = preprocessing.to_tensor(ramp(3, 2))
    assert tensor.shape == (3, 2, 3)
    assert tensor.dtype == torch.float32
    torch.testing.assert_close(tensor[0], torch.tensor([[0, 128, 255]] * 2) / 255)
    torch.testing.assert_close(tensor[1], torch.tensor([[0] * 3, [255] * 3]) / 255)
    torch.testing.assert_close(tensor[2], torch.full((2, 3), 99 / 255))


def boxes(n, width, height):
    generator = np.random.default_rng(3)
    return np.array([preprocessing.random_box(width, height, generator) for _ in range(n)], dtype=float)


def test_random_crops_have_the_distribution_of_torchvision():
    torch.manual_seed(0)
    ours = boxes(4000, 120, 90)
    theirs = np.array(
        [
            RandomResizedCrop.get_params(torch.empty(3, 90, 120), (0.08, 1.0), (3 / 4, 4 / 3))
            for _ in range(4000)
        ]
    )
    left, top, right, bottom = ours.T
    sides = np.stack([top, left, bottom - top, right - left], axis=1)
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (right <= 120).all()
    assert (bottom <= 90).all()
    # Four standard errors of a difference of means, and quartiles within two pixels.
    error = 4 * math.sqrt(2 / 4000) * theirs.std(axis=0)
    assert (np.abs(sides.mean(axis=0) - theirs.mean(axis=0)) < error).all()
    quartiles = [np.quantile(values, [0.25, 0.5, 0.75], axis=0) for values in (sides, theirs)]
    assert np.abs(quartiles[0] - quartiles[1]).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (300, 2)])
def test_a_strip_has_a_random_crop_too(size):
    left, top, right, bottom = boxes(50, *size).T
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (right <= size[0]).all()
    assert (bottom <= size[1]).all()
    assert (right > left).all()
    assert (bottom > top).all()


def test_augmented_views_are_crops_of_which_half_are_mirrored():
    image = ramp(90, 60)
    views = [
        np.asarray(preprocessing.augment(image, section(16, 16), np.random.default_rng(seed)), dtype=float)
        for seed in range(200)
    ]
    assert all(view.shape == (16, 16, 3) for view in views)
    mirrored = [view[:, 0, 0].mean() > view[:, -1, 0].mean() for view in views]
    assert 75 <= sum(mirrored) <= 125
    assert all(view[0, :, 1].mean() < view[-1, :, 1].mean() for view in views)
    assert len({view.tobytes() for view in views}) == 200
