"""Features are what the encoder gives image by image, whatever the batch, and memory is bounded."""

import gc
import logging
import re
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from wordsight.config.datasets import PackagedDataset
from wordsight.config.models import PreprocessingSection
from wordsight.datasets import building, reading
from wordsight.errors import DataError
from wordsight.extraction import extract, peak_memory_mb
from wordsight.files import feature_sets
from wordsight.logs import logger
from wordsight.models.card import NetworkCard
from wordsight.models.encoder import Backbone, Encoder
from wordsight.models.preprocessing import augment, to_tensor
from wordsight.seeds import derive_seed

WIDTH = 6


@pytest.fixture(autouse=True)
def _batches_as_configured(monkeypatch):
    """Take the small images of these tests for as large as those that a configured batch counts."""
    monkeypatch.setattr("wordsight.models.encoder.USUAL_SIZE", 16)


def encoder_of(*layers, width=WIDTH):
    card = NetworkCard(
        name="m",
        source="random",
        architecture="timm/none",
        origin="",
        licence="",
        sha256="",
        weights_sha256="0" * 64,
        preprocessing=PreprocessingSection(image_size=16, resize=18, mean=(0.5,) * 3, std=(0.25,) * 3),
        feature_size=width,
        places={"pooled": width},
        parameters=0,
        classifier=None,
        seed=0,
    )
    return Encoder(Backbone(nn.Sequential(*layers), width), card)


@pytest.fixture(scope="module")
def encoder():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return encoder_of(
            nn.Conv2d(3, 8, 3, stride=2),
            nn.BatchNorm2d(8),
            nn.GELU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, WIDTH),
        )


class Images:
    """A split whose images are drawn anew each time they are asked for."""

    def __init__(self, n, seed=0, paint=None):
        self.card = SimpleNamespace(name="d")
        self.ids = [f"i{place}" for place in range(n)]
        self.labels = np.arange(n) % 3
        self.seed, self.paint = seed, paint or {}

    def __len__(self):
        return len(self.ids)

    def image(self, place):
        if place in self.paint:
            return Image.new("RGB", (20, 20), self.paint[place])
        rng = np.random.default_rng([self.seed, place])
        height, width = rng.integers(10, 40, 2)
        return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))

    def images(self):
        for place, item in enumerate(self.ids):
            yield item, self.image(place)


def test_values_are_those_of_one_image_after_another(encoder):
    split = Images(11)
    found = extract(encoder, split, 4)
    with torch.inference_mode():
        one = [encoder(encoder.preprocess(split.image(place))[None])[0].numpy() for place in range(11)]
    np.testing.assert_allclose(found.values, np.stack(one), rtol=0, atol=1e-5)
    assert found.values.dtype == np.float32
    assert found.labels.dtype == np.int64
    assert (found.ids, found.labels.tolist()) == (split.ids, split.labels.tolist())
    assert found.values.std() > 0.01


@pytest.mark.parametrize("view", ["plain", "augmented-0"])
def test_the_batch_changes_nothing(encoder, view):
    whole = extract(encoder, Images(10), 10, view=view, seed=5).values
    for size in (1, 3, 5, 64):
        np.testing.assert_allclose(
            extract(encoder, Images(10), size, view=view, seed=5).values, whole, rtol=0, atol=1e-5
        )


def test_the_same_call_gives_the_same_bytes(encoder):
    first, second = (extract(encoder, Images(9), 4, view="augmented-2", seed=1).values for _ in range(2))
    assert first.tobytes() == second.tobytes()


# Views


def test_an_augmented_view_is_the_crop_of_its_seed_epoch_and_item(encoder):
    split = Images(5)
    found = extract(encoder, split, 2, view="augmented-3", seed=7).values
    for place, item in enumerate(split.ids):
        generator = np.random.default_rng(derive_seed(7, "view", "augmented-3", item))
        crop = to_tensor(augment(split.image(place), encoder.card.preprocessing, generator))
        with torch.inference_mode():
            np.testing.assert_allclose(found[place], encoder(crop[None])[0], rtol=0, atol=1e-5)


def test_seeds_epochs_and_items_have_views_of_their_own(encoder):
    def view(epoch, seed):
        return extract(encoder, Images(6), 4, view=f"augmented-{epoch}", seed=seed).values

    views = [view(0, 0), view(1, 0), view(0, 1), extract(encoder, Images(6), 4).values]
    for place, first in enumerate(views):
        assert all((np.abs(first - other).max(axis=1) > 1e-3).all() for other in views[place + 1 :])
    same = Images(6)
    same.image = lambda place: Images(6).image(0)
    values = extract(encoder, same, 4, view="augmented-0").values
    assert len({row.tobytes() for row in values}) == 6


def test_a_view_does_not_depend_on_the_other_images(encoder):
    some, all_ = Images(4), Images(9)
    some.ids, some.image = ["i8", "i2", "i5", "i0"], lambda place: all_.image([8, 2, 5, 0][place])
    found = extract(encoder, some, 3, view="augmented-1").values
    expected = extract(encoder, all_, 3, view="augmented-1").values[[8, 2, 5, 0]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("view", ["augmented", "augmented-x", "other"])
def test_an_unknown_view_is_an_error(encoder, view):
    with pytest.raises(ValueError, match="expected the view plain or augmented-K"):
        extract(encoder, Images(1), view=view)


# Features that cannot be used


class Reciprocal(nn.Module):
    """Infinite on grey images of the mean colour."""

    def forward(self, images):
        return 1 / images.mean(dim=(2, 3))


def test_an_infinite_feature_names_model_dataset_and_item():
    split = Images(9, paint={7: (128, 128, 128)})
    encoder = encoder_of(Reciprocal(), width=3)
    encoder.mean.fill_(128 / 255)
    with pytest.raises(DataError, match=r"^m on d: the features of i7 are not finite"):
        extract(encoder, split, 4)


def test_a_nan_names_the_first_item():
    encoder = encoder_of(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, WIDTH))
    encoder.backbone.trunk[2].weight.fill_(torch.nan)
    with pytest.raises(DataError, match="the features of i0 are not finite"):
        extract(encoder, Images(9), 4)


def test_a_vector_of_one_number_names_its_item():
    """A grey image has the same mean in all channels, as dead units have the same output."""
    encoder = encoder_of(nn.AdaptiveAvgPool2d(1), nn.Flatten(), width=3)
    split = Images(9, paint={4: (77, 77, 77)})
    with pytest.raises(DataError, match=r"^m on d: the features of i4 all have the same value"):
        extract(encoder, split, 4)


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_features_that_are_the_same_for_all_items_are_refused(noise):
    encoder = encoder_of(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, WIDTH))
    encoder.backbone.trunk[2].weight.mul_(noise)
    with pytest.raises(DataError, match=r"^m on d: all 9 images "):
        extract(encoder, Images(9), 4)


def test_a_split_that_ends_early_is_refused(encoder):
    split = Images(5)
    split.images = lambda: list(Images(5).images())[:3]
    with pytest.raises(DataError, match=r"^m on d: expected 5 images, found 3$"):
        extract(encoder, split, 2)


# Bounds and records


def test_no_more_than_a_batch_of_images_is_alive(encoder):
    drawn, alive, seen = [], [], []

    class Watched(Images):
        def images(self):
            for item, image in super().images():
                assert len(drawn) - sum(seen) <= 4
                drawn.append(weakref.ref(image))
                gc.collect(0)
                alive.append(sum(reference() is not None for reference in drawn))
                yield item, image
                del image

    hook = encoder.backbone.trunk.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    extract(encoder, Watched(30), 4)
    hook.remove()
    assert seen == [4] * 7 + [2]
    assert max(alive) <= 4


def test_a_batch_of_smaller_images_has_more_of_them(encoder, monkeypatch):
    assert encoder.batch_of(4) == 4
    monkeypatch.setattr("wordsight.models.encoder.USUAL_SIZE", 224)
    assert encoder.batch_of(4) == 4 * 14**2
    monkeypatch.setattr("wordsight.models.encoder.USUAL_SIZE", 8)
    assert encoder.batch_of(4) == 4


def test_metadata_name_the_pair_and_its_cost(encoder, tmp_path):
    features = extract(encoder, Images(12), 4, view="augmented-1")
    feature_sets.write_features(tmp_path / "f.safetensors", features)
    metadata = feature_sets.read_features(tmp_path / "f.safetensors").metadata
    assert (metadata["model"], metadata["dataset"], metadata["view"]) == ("m", "d", "augmented-1")
    assert float(metadata["images_per_second"]) > 0
    assert 50 < float(metadata["peak_memory_mb"]) <= peak_memory_mb() + 1


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the kernel's own count")
def test_peak_memory_is_what_the_kernel_counts():
    status = Path("/proc/self/status").read_text()
    kilobytes = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    assert peak_memory_mb() == pytest.approx(kilobytes * 1024 / 1e6, rel=0.05)


def test_an_empty_split_has_no_rows(encoder, tmp_path):
    section = PackagedDataset(source="packaged", name="imagenet_samples")
    building.prepare(section, "photos", 0, tmp_path)
    empty = extract(encoder, reading.open_split(tmp_path, "train"))
    assert (empty.values.shape, empty.labels.shape, empty.ids) == ((0, WIDTH), (0,), [])
    photos = extract(encoder, reading.open_split(tmp_path, "test"), 8)
    assert photos.values.shape == (20, WIDTH)
    assert photos.metadata["dataset"] == "photos"


@pytest.fixture
def lines():
    """Lines of the log."""
    found, level, handler = [], logger.level, logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_progress_is_lines_of_the_log_where_there_is_no_terminal(encoder, monkeypatch, lines):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    extract(encoder, Images(10), 4)
    assert len(lines) == 1
    assert lines[0].startswith("3 of 3 batches, ")
