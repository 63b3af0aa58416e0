"""Twins across splits: distances agree with a plain loop, memory is bounded, the hash forgives enough."""

import io
import tracemalloc

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from wordsight.config.datasets import PackagedDataset
from wordsight.datasets import building, near_duplicates, reading
from wordsight.datasets.near_duplicates import (
    THRESHOLD,
    Signatures,
    count_duplicates,
    nearest_distances,
    perceptual_hash,
    pixel_digest,
)

HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=20)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("photographs")
    building.prepare(
        PackagedDataset(source="packaged", name="imagenet_samples"), "photographs", 0, directory / "p"
    )
    return [image for _, image in reading.open_split(directory / "p", "test").images()]


def compressed(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=quality)
    with Image.open(buffer) as again:
        return again.convert("RGB")


CHANGES = {
    "compressed": lambda image: compressed(image, 30),
    "halved": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "brightened": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
}


@given(queries=HASHES, references=HASHES, pairs=st.integers(1, 50))
@settings(deadline=None)
def test_distances_agree_with_a_plain_loop(queries, references, pairs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_duplicates, "PAIRS_PER_BLOCK", pairs)
        found = nearest_distances(np.array(queries, np.uint64), np.array(references, np.uint64))
    assert found.tolist() == [min(((q ^ r).bit_count() for r in references), default=65) for q in queries]


def test_memory_does_not_grow_with_the_number_of_pairs():
    rng = np.random.default_rng(0)
    queries, references = (rng.integers(0, 2**64, n, dtype=np.uint64) for n in (4_000, 20_000))
    tracemalloc.start()
    nearest_distances(queries, references)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80e6  # All pairs at once would take 640 MB.


def test_the_hash_is_that_of_imagehash(photographs):
    first, second = photographs[:2]
    expected = imagehash.phash(first) - imagehash.phash(second)
    assert (perceptual_hash(first) ^ perceptual_hash(second)).bit_count() == expected


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_photograph_is_a_near_twin_and_another_one_is_not(photographs, change):
    train, test = Signatures(), Signatures()
    for index, image in enumerate(photographs):
        (train if index % 2 else test).add(image)
    assert count_duplicates(train, test).near == 0
    for image in photographs[1::2]:
        test.add(CHANGES[change](image))
    found = count_duplicates(train, test)
    assert (found.exact, found.near, found.threshold) == (0, len(photographs) // 2, THRESHOLD)


def test_equal_pixels_in_another_shape_are_no_twin():
    wide, tall = Image.new("RGB", (2, 3)), Image.new("RGB", (3, 2))
    assert pixel_digest(wide) != pixel_digest(tall)
    assert pixel_digest(wide) == pixel_digest(wide.copy())


def test_an_exact_twin_is_not_counted_as_near(photographs):
    train, test = Signatures(), Signatures()
    train.add(photographs[0])
    test.add(photographs[0])
    test.add(photographs[1])
    found = count_duplicates(train, test)
    assert (found.exact, found.near) == (1, 0)
