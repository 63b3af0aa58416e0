"""What a step reads of the user's files is what is digested: an edit of any of it, behind any link, is seen."""

import os

import numpy as np
import pytest
from PIL import Image

from small_project import CONFIG
from wordsight.config.load import load
from wordsight.datasets import building, reading
from wordsight.errors import ConfigError, DataError
from wordsight.files import python_imports
from wordsight.workflow import own_files


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def draw(tmp_path):
    """Write an image of noise; the same seed gives the same bytes."""

    def drawn(path, seed=0):
        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, format="PNG")
        return path

    return drawn


@pytest.fixture
def pets(draw, tmp_path):
    """Folders of two splits and classes."""
    for number, place in enumerate(
        ("train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png")
    ):
        draw(f"pets/{place}", number)
    return tmp_path / "pets"


def content(kind="datasets", **section):
    """Digests of the files of a new section."""
    values = {**CONFIG, kind: {**CONFIG.get(kind, {}), "new": section}}
    values["pretraining"] = None
    values["models"] = {**values["models"]}
    return own_files.user_content(load(without_training(values)), kind, "new")


def without_training(values):
    return {
        **values,
        "protocols": {"few_shot": CONFIG["protocols"]["few_shot"]},
        "contrasts": {"training": CONFIG["contrasts"]["training"]},
    }


def of_folder(**keys):
    return content(source="image_folder", path="pets", **keys)


def prepared(tmp_path, **keys):
    """Ids of the images that the step reads."""
    values = without_training({**CONFIG, "pretraining": None})
    values["datasets"] = {**values["datasets"], "new": {"source": "image_folder", "path": "pets", **keys}}
    section = load(values).datasets["new"]
    building.prepare(section, "new", 0, tmp_path / "out")
    return [name for split in ("train", "test") for name in reading.open_split(tmp_path / "out", split).ids]


def linked_class(pets, draw):
    (pets / "train/dog").rename(pets.parent / "elsewhere")
    (pets / "train/dog").symlink_to("../../elsewhere")
    return "elsewhere/1.png", {}


def linked_split(pets, draw):
    (pets / "test").rename(pets.parent / "elsewhere")
    (pets / "test").symlink_to(pets.parent / "elsewhere")
    return "elsewhere/cat/2.png", {}


def split_beside(pets, draw):
    (pets / "test").rename(pets.parent / "test")
    return "test/dog/2.png", {"splits": {"train": "train", "test": "../test"}}


def linked_image(pets, draw):
    (pets / "test/dog/2.png").rename(pets.parent / "elsewhere.png")
    (pets / "test/dog/2.png").symlink_to(pets.parent / "elsewhere.png")
    return "elsewhere.png", {}


def linked_root(pets, draw):
    pets.rename(pets.parent / "elsewhere")
    pets.symlink_to("elsewhere")
    return "elsewhere/train/cat/1.png", {}


@pytest.mark.parametrize("change", [linked_class, linked_split, split_beside, linked_image, linked_root])
def test_an_image_behind_a_link_is_read_and_its_edit_is_seen(pets, draw, tmp_path, change):
    image, keys = change(pets, draw)
    assert len(prepared(tmp_path, **keys)) == 4
    before, bytes_before = of_folder(**keys), (tmp_path / "out/train.parquet").read_bytes()
    draw(image, seed=9)
    assert of_folder(**keys) != before
    prepared(tmp_path, **keys)
    changed = [(tmp_path / "out" / f"{split}.parquet").read_bytes() for split in ("train", "test")]
    assert changed[0] != bytes_before or "2.png" in image or "elsewhere.png" in image


def test_a_name_more_for_the_same_bytes_is_an_image_more(pets, tmp_path):
    before = of_folder()
    (pets / "train/cat/again.png").symlink_to("1.png")
    assert of_folder() != before
    assert "train/cat/again.png" in prepared(tmp_path)


def test_what_is_not_read_does_not_count(pets):
    before = of_folder()
    (pets / "README.md").write_text("Pets.")
    (pets / "train/cat/.DS_Store").write_text("")
    (pets / "more").mkdir()
    assert of_folder() == before


def test_a_pipe_among_images_is_refused_by_name_in_the_plan_and_in_the_step(pets, tmp_path):
    os.mkfifo(pets / "train/cat/odd.png")
    with pytest.raises(
        ConfigError, match=r"datasets\.new\.path: pets/train/cat/odd\.png: .*found a named pipe"
    ):
        of_folder()
    with pytest.raises(DataError, match=r"^pets/train/cat/odd\.png: .*found a named pipe"):
        prepared(tmp_path)


@pytest.mark.parametrize("place", [b"pets/train/caf\xe9", b"pets/train/cat/caf\xe9.png"])
def test_a_name_that_is_not_utf8_is_refused_by_name_in_the_plan_and_in_the_step(pets, tmp_path, place):
    (pets / "train/dog" if place.endswith(b"\xe9") else pets / "train/cat/1.png").rename(os.fsdecode(place))
    for read in (of_folder, lambda: prepared(tmp_path)):
        with pytest.raises((ConfigError, DataError)) as caught:
            read()
        assert r"caf\xe9" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_splits_that_are_one_folder_by_a_link_are_refused(pets, tmp_path):
    (pets / "same").symlink_to("train")
    with pytest.raises(DataError, match="splits: expected two different folders"):
        prepared(tmp_path, splits={"train": "train", "test": "same"})


@pytest.mark.parametrize("name", ["pipe.bin", "/dev/null"])
def test_a_pipe_or_a_device_in_place_of_a_file_is_refused(name):
    os.mkfifo("pipe.bin")
    with pytest.raises(ConfigError, match=rf"models\.new\.path: {name}: expected a file, found a "):
        content("models", **{**CONFIG["models"]["saved"], "path": name})


def test_shards_that_no_split_names_do_not_count(tmp_path):
    for name in ("train-0.tar", "train-1.tar", "test.tar", "other.tar"):
        (tmp_path / name).write_text(name)
    (tmp_path / "linked.tar").symlink_to("train-1.tar")
    splits = {"train": "{train-0,linked}.tar", "test": "test.tar"}

    def of_shards():
        return content(source="webdataset", path=str(tmp_path), splits=splits)

    before = of_shards()
    (tmp_path / "other.tar").write_text("another")
    assert of_shards() == before
    (tmp_path / "train-1.tar").write_text("another")
    assert of_shards() != before


@pytest.mark.parametrize("source", ["huggingface", "captioned_folder", "imagenet", "cub200"])
def test_of_other_folders_every_file_behind_a_link_counts(tmp_path, source):
    (tmp_path / "set").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_text("one")
    (tmp_path / "set/way").symlink_to("../elsewhere")
    (tmp_path / "set/loop").symlink_to("..")
    keys = {"huggingface": {"label_column": "label"}}.get(source, {})
    before = content(source=source, path="set", **keys)
    (tmp_path / "elsewhere/file").write_text("two")
    assert content(source=source, path="set", **keys) != before


# A Python file of the user's

MODEL = {"source": "python", "name": "mine", "path": "mine.py", "language": "none", "pretraining_images": 1}
CODE = {
    "mine.py": "import torch, blocks\nfrom nets import wide\n",
    "blocks.py": "import json\n",
    "nets/__init__.py": "",
    "nets/wide.py": "from . import deep\nfrom .parts.tail import end\n",
    "nets/deep.py": "def build():\n    import late\n",
    "nets/parts/tail.py": "end = 1\n",
    "late.py": "from __future__ import annotations\n",
    "torch_like.py": "",
}


@pytest.fixture
def code(tmp_path):
    for name, text in CODE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_what_a_python_file_imports_from_beside_it_counts(code):
    assert list(python_imports.beside(code / "mine.py")) == [
        "blocks.py",
        "late.py",
        "nets/__init__.py",
        "nets/deep.py",
        "nets/parts/tail.py",
        "nets/wide.py",
    ]
    for name in CODE:
        before = content("models", **MODEL)
        (code / name).write_text(CODE[name] + "# Edited.\n")
        assert (content("models", **MODEL) != before) == (name != "torch_like.py"), name


def test_a_linked_python_file_imports_from_beside_the_file_itself(code):
    (code / "configs").mkdir()
    (code / "configs/mine.py").symlink_to("../mine.py")
    linked = {**MODEL, "path": "configs/mine.py"}
    before = content("models", **linked)
    (code / "blocks.py").write_text("value = 2\n")
    assert content("models", **linked) != before


@pytest.mark.parametrize("text", ["def mine(:\n", "import " + "a." * 5 + "\n", "\0", "mine = " + "(" * 5000])
def test_a_file_that_is_no_python_imports_nothing(code, text):
    (code / "mine.py").write_text(text)
    assert python_imports.beside(code / "mine.py") == {}
    assert content("models", **MODEL)
