"""Folders of images: what a user may get wrong is named."""

import shutil

import numpy as np
import pytest
from PIL import Image

from wordsight.config.datasets import ImageFolderDataset
from wordsight.datasets import building, reading
from wordsight.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Two classes, two splits, three file types; hidden files; one class with a subfolder."""
    root = tmp_path / "pets"
    rng = np.random.default_rng(0)
    for path in (
        "train/cat/1.png",
        "train/cat/2.jpg",
        "train/dog/more/3.bmp",
        "train/dog/4.png",
        "test/cat/1.png",
        "test/dog/2.png",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)).save(root / path)
    (root / "train" / ".DS_Store").write_text("hidden")
    (root / "train" / "cat" / ".hidden").write_text("hidden")
    return root


def prepare(root, **keys):
    section = ImageFolderDataset(source="image_folder", path=str(root), **keys)
    return building.prepare(section, "pets", 0, root.parent / "out")


def test_folders_become_splits_and_classes(folder):
    card = prepare(folder)
    assert card.classes == ["cat", "dog"]
    train = reading.open_split(folder.parent / "out", "train")
    assert train.ids == ["train/cat/1.png", "train/cat/2.jpg", "train/dog/4.png", "train/dog/more/3.bmp"]
    assert train.labels.tolist() == [0, 0, 1, 1]
    assert [image.size for _, image in train.images()] == [(11, 9)] * 4


def test_a_test_split_alone_is_enough(folder):
    card = prepare(folder, splits={"test": "test"})
    assert (card.splits.train.items, card.splits.test.items) == (0, 2)


def test_class_order_is_the_same_in_both_splits(folder):
    """Folders are listed in no fixed order, and labels must not depend on it."""
    for split in ("train", "test"):
        shutil.copytree(folder / split / "dog", folder / split / "Ant")
    prepare(folder)
    for split in ("train", "test"):
        opened = reading.open_split(folder.parent / "out", split)
        assert opened.classes == ["Ant", "cat", "dog"]
        assert [opened.classes[label] for label in opened.labels] == [
            item.split("/")[1] for item in opened.ids
        ]


def test_folders_named_by_number_are_in_the_order_of_their_numbers(tmp_path):
    """So labels are those numbers, as they are for captions and shards."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    for number, image in enumerate(pixels):
        (tmp_path / f"pets/test/{number}").mkdir(parents=True)
        Image.fromarray(image).save(tmp_path / f"pets/test/{number}/a.png")
    card = prepare(tmp_path / "pets", splits={"test": "test"}, label_space="mine")
    assert card.classes == [str(number) for number in range(12)]
    split = reading.open_split(tmp_path / "out", "test")
    assert [item.split("/")[1] for item in split.ids] == [str(label) for label in split.labels]


def test_a_folder_of_another_name_is_named_with_the_key_that_takes_it(folder):
    (folder / "test").rename(folder / "val")
    with pytest.raises(
        DataError, match=r"pets/test: does not exist; .* has train and val; .*`splits: \{test: val\}`$"
    ):
        prepare(folder)
    assert prepare(folder, splits={"train": "train", "test": "val"}).splits.test.items == 2


def remove_class(root):
    shutil.rmtree(root / "test" / "dog")


def empty_class(root):
    (root / "test" / "dog" / "2.png").unlink()


def extra_class(root):
    shutil.copytree(root / "test" / "dog", root / "test" / "bird")


def empty_split(root):
    shutil.rmtree(root / "test")
    (root / "test").mkdir()


def one_class(root):
    shutil.rmtree(root / "train" / "dog")
    shutil.rmtree(root / "test" / "dog")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (shutil.rmtree, r"pets/train: does not exist"),
        (lambda root: shutil.rmtree(root / "test"), r"pets/test: does not exist"),
        (empty_split, r"pets/test: is empty"),
        (remove_class, r"pets/test/dog: .* another split has the class 'dog'$"),
        (extra_class, r"pets/train/bird: .* another split has the class 'bird'$"),
        (empty_class, r"pets/test/dog: has no images of the class 'dog'$"),
        (one_class, r"pets: has only one class, cat;"),
        (
            lambda root: (root / "train" / "labels.csv").write_text("a"),
            r"train/labels\.csv: is a file",
        ),
        (
            lambda root: (root / "test" / "cat" / "n.txt").write_text("hello"),
            r"^pets: test/cat/n\.txt: .* text \('hello'\)$",
        ),
        (
            lambda root: (root / "test" / "cat" / "0.png").write_bytes(b""),
            r"^pets: test/cat/0\.png: .* an empty file$",
        ),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(folder, harm, message):
    harm(folder)
    with pytest.raises(DataError, match=message):
        prepare(folder)
    assert not (folder.parent / "out").exists()


def test_splits_that_share_a_folder_are_refused(folder):
    with pytest.raises(DataError, match="expected two different folders, found train, train"):
        prepare(folder, splits={"train": "train", "test": "train"})


def test_a_training_split_alone_is_refused(folder):
    with pytest.raises(DataError, match=r"^pets: has no test images"):
        prepare(folder, splits={"train": "train"})


def test_twins_across_the_splits_are_counted(folder):
    rng = np.random.default_rng(1)
    photo = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(
        (96, 96), Image.Resampling.BICUBIC
    )
    photo.save(folder / "train" / "cat" / "twin.png")
    photo.save(folder / "test" / "cat" / "exact.bmp")
    photo.save(folder / "test" / "cat" / "near.jpg", quality=60)
    duplicates = prepare(folder).duplicates
    assert (duplicates.exact, duplicates.near, duplicates.threshold) == (1, 1, 4)


def test_all_damaged_images_are_named_at_once(folder, caplog):
    whole = (folder / "train/cat/1.png").read_bytes()
    for number in range(50):
        (folder / f"{'train' if number < 40 else 'test'}/cat/damaged-{number:02d}.png").write_bytes(
            whole[:40]
        )
    with pytest.raises(DataError) as caught, caplog.at_level("WARNING", logger="wordsight"):
        prepare(folder)
    line = str(caught.value)
    assert line.startswith("pets: 50 images can't be read; ")
    named = [f"train/cat/damaged-{number:02d}.png" for number in range(50)]
    assert [name in line for name in named] == [True] * 10 + [False] * 40
    assert "; and 40 more" in line
    assert sum("damaged-" in record.message for record in caplog.records) == 50
    assert not (folder.parent / "out").exists()


def test_one_damaged_image_is_named_alone(folder):
    (folder / "test/cat/1.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"^pets: test/cat/1\.png: expected an image, found an empty file$"):
        prepare(folder)
