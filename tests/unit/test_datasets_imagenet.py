"""Test sets with ImageNet's classes, on small copies in the layouts in which they are published."""

import base64
import io
import json
import shutil
import tarfile
import zipfile
from collections import Counter

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from fixtures.images import OBJECTS, archive, devkit, imagenet_copy, pictures, tar
from wordsight.catalogue.protocols.robustness import Parameters
from wordsight.config.datasets import ImagenetDataset
from wordsight.datasets import archives, building, reading, synsets
from wordsight.datasets.archives import list_files
from wordsight.datasets.sources import imagenet
from wordsight.errors import DataError
from wordsight.figures.images.thumbnails import thumbnails
from wordsight.files import inflation
from wordsight.protocols import robustness
from wordsight.protocols.task import Task

LABELS = [0, 7, 134, 517, 639, 999]  # both cranes and a maillot, whose first names are not distinct
WNIDS = synsets.synsets()


def section(path, variant="validation", images=12, **keys):
    return ImagenetDataset(source="imagenet", path=str(path), variant=variant, images=images, **keys)


def prepare(path, out, variant="validation", images=12, **keys):
    return building.prepare(section(path, variant, images, **keys), "imagenet", 0, out)


def shown(directory, split="test"):
    """Label space's labels, and pixels, of each image by its id."""
    opened = reading.open_split(directory, split)
    indices = opened.card.label_indices or [[index] for index in range(1000)]
    return {
        item: (indices[label], np.asarray(image))
        for (item, image), label in zip(opened.images(), opened.labels, strict=True)
    }


def same(first, second):
    assert first.keys() == second.keys()
    for item, (labels, pixels) in first.items():
        assert labels == second[item][0]
        np.testing.assert_array_equal(pixels, second[item][1])


@pytest.mark.parametrize("variant", ["validation", "v2", "sketch", "r"])
def test_an_archive_and_its_folders_give_the_same_images(tmp_path, variant):
    packed = imagenet_copy(tmp_path / "packed", variant, classes=LABELS)
    unpacked = imagenet_copy(tmp_path / "unpacked", variant, classes=LABELS, packed=False)
    for path, out in ((packed, "a"), (unpacked, "b")):
        card = prepare(path, tmp_path / out, variant)
        assert card.label_space == "imagenet-1k"
        assert card.label_indices == [[label] for label in LABELS]
        assert card.classes == [synsets.class_names()[label] for label in LABELS]
        assert (card.splits.train.items, card.splits.test.items) == (0, 12)
    same(shown(tmp_path / "a"), shown(tmp_path / "b"))


@pytest.mark.parametrize("variant", ["validation", "v2", "sketch", "r"])
def test_every_image_has_the_label_that_it_was_drawn_for(tmp_path, variant):
    """Classes are told apart by their patterns, whatever order files and numbers have."""
    prepare(imagenet_copy(tmp_path, variant, classes=LABELS), tmp_path / "out", variant)
    clean = pictures("ImageNet", "other", np.array(LABELS), 64).astype(float)
    for labels, pixels in shown(tmp_path / "out").values():
        distances = ((clean - pixels) ** 2).mean(axis=(1, 2, 3))
        assert [LABELS[distances.argmin()]] == labels


def test_all_classes_need_no_indices(tmp_path):
    path = imagenet_copy(tmp_path, "validation", classes=1000, per_class=1, size=8)
    card = prepare(path, tmp_path / "out", images=1000)
    assert card.label_indices is None
    assert card.classes == synsets.class_names()
    assert len(set(card.classes)) == 1000
    split = reading.open_split(tmp_path / "out", "test")
    assert sorted(split.labels) == list(range(1000))


def test_names_of_classes_are_plain():
    names = synsets.class_names()
    assert [names[label] for label in (0, 134, 517, 638, 639)] == [
        "tench",
        "crane (n02012849)",
        "crane (n03126707)",
        "maillot",
        "maillot, tank suit",
    ]


@pytest.mark.parametrize("packed", [True, False])
def test_training_images_of_imagenet_are_read_when_they_are_there(tmp_path, packed):
    path = imagenet_copy(tmp_path, "validation", classes=LABELS, train=3, packed=packed)
    card = prepare(path, tmp_path / "out")
    assert (card.splits.train.items, card.splits.test.items) == (18, 12)
    train = shown(tmp_path / "out", "train")
    assert Counter(labels[0] for labels, _ in train.values()) == dict.fromkeys(LABELS, 3)
    assert f"{WNIDS[134]}_2.JPEG" in train


def test_a_limit_keeps_training_images_unread(tmp_path):
    path = imagenet_copy(tmp_path, "validation", classes=LABELS, train=3)
    card = prepare(path, tmp_path / "out", limit={"train": 6})
    assert card.splits.train.items == 6


def test_flat_folders_are_read_with_the_development_kit_unpacked_or_not(tmp_path):
    imagenet_copy(tmp_path, "validation", classes=LABELS)
    prepare(tmp_path, tmp_path / "a")
    shutil.unpack_archive(tmp_path / "ILSVRC2012_img_val.tar", tmp_path / "val", filter="data")
    (tmp_path / "ILSVRC2012_img_val.tar").unlink()
    prepare(tmp_path, tmp_path / "b")
    shutil.unpack_archive(tmp_path / "ILSVRC2012_devkit_t12.tar.gz", tmp_path, filter="data")
    (tmp_path / "ILSVRC2012_devkit_t12.tar.gz").unlink()
    prepare(tmp_path, tmp_path / "c")
    for other in ("b", "c"):
        same(shown(tmp_path / "a"), shown(tmp_path / other))


def test_a_folder_without_val_and_train_may_hold_the_classes_themselves(tmp_path):
    path = imagenet_copy(tmp_path, "validation", classes=LABELS, packed=False)
    (path / "val" / ".DS_Store").write_text("hidden")
    prepare(path, tmp_path / "a")
    prepare(path / "val", tmp_path / "b")
    same(shown(tmp_path / "a"), shown(tmp_path / "b"))


# ObjectNet


def test_objectnet_keeps_the_classes_of_imagenet_without_their_border(tmp_path):
    path = imagenet_copy(tmp_path, "objectnet", classes=9)
    card = prepare(path, tmp_path / "out", "objectnet", 18)
    assert card.classes == [label for _, label, names in OBJECTS if names]
    assert card.border == "red"
    assert "never to tune" in card.licence
    lemmas = synsets.lemmas()
    for indices, (_, _, names) in zip(card.label_indices, OBJECTS[1:], strict=True):
        assert "; ".join(lemmas[index] for index in indices) == names
    drawn = pictures("ObjectNet", "test", np.repeat(np.arange(10), 2), 64)
    for item, (_, pixels) in shown(tmp_path / "out").items():
        np.testing.assert_array_equal(pixels, drawn[int(item.partition("/")[2].removesuffix(".png"), 16)])


def test_a_small_picture_of_objectnet_has_its_border_again(tmp_path):
    prepare(imagenet_copy(tmp_path, "objectnet", classes=3), tmp_path / "out", "objectnet", 6)
    split = reading.open_split(tmp_path / "out", "test")
    address = thumbnails(split, [1])[1]
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (edge == (255, 0, 0)).all()
    assert not (pixels[1:-1, 1:-1] == (255, 0, 0)).all(axis=2).any()


@pytest.mark.parametrize("name", [imagenet.FOLDERS, imagenet.LABELS])
def test_a_missing_or_damaged_table_of_objectnet_is_named(tmp_path, name):
    path = imagenet_copy(tmp_path, "objectnet", classes=2)
    table = path / "mappings" / name
    for text, expected in (
        ("[]", ": expected an object"),
        ("{", ": is not valid JSON"),
        (None, " is missing"),
    ):
        table.unlink() if text is None else table.write_text(text)
        with pytest.raises(DataError, match=rf"mappings/{name}{expected}"):
            prepare(path, tmp_path / "out", "objectnet", 4)


@pytest.mark.parametrize(
    ("name", "table", "expected"),
    [
        (imagenet.LABELS, {"Banana": "bananna"}, r"unknown class 'bananna'; did you mean 'banana'"),
        (imagenet.LABELS, {"Teapot": "teapot"}, r"'Teapot'"),
        (imagenet.FOLDERS, {"banana": "Banana"}, r"'Alarm clock'"),
    ],
)
def test_tables_of_objectnet_that_do_not_fit_are_refused(tmp_path, name, table, expected):
    path = imagenet_copy(tmp_path, "objectnet", classes=3)
    (path / "mappings" / name).write_text(json.dumps(table))
    with pytest.raises(DataError, match=expected):
        prepare(path, tmp_path / "out", "objectnet", 4)


# What goes wrong


@pytest.mark.parametrize("variant", ["validation", "v2", "sketch", "r", "objectnet"])
def test_a_copy_that_is_not_whole_says_how_to_go_on(tmp_path, variant):
    path = imagenet_copy(tmp_path, variant, classes=3)
    whole = imagenet.VARIANTS[variant].images
    with pytest.raises(DataError, match=rf"expected {whole:,} images .*'{variant}', found 6; .*`images: 6`"):
        prepare(path, tmp_path / "out", variant, None)
    with pytest.raises(DataError, match=r"expected 7 images"):
        prepare(path, tmp_path / "out", variant, 7)
    assert not (tmp_path / "out").exists()


def test_nothing_to_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"missing: cannot be read \(No such file"):
        prepare(tmp_path / "missing", tmp_path / "out", "r")
    with pytest.raises(DataError, match=r"has no images: expected ILSVRC2012_img_val\.tar, a folder val"):
        prepare(tmp_path, tmp_path / "out")
    with pytest.raises(DataError, match=r"has no images in one folder for each class"):
        prepare(tmp_path, tmp_path / "out", "sketch")


def test_training_images_alone_are_no_copy(tmp_path):
    path = imagenet_copy(tmp_path, "validation", classes=3, train=1, packed=False)
    shutil.rmtree(path / "val")
    with pytest.raises(DataError, match="has a folder train, but no folder val"):
        prepare(path, tmp_path / "out")


@pytest.mark.parametrize(("variant", "hint"), [("r", "n01440764"), ("v2", "such as '0'")])
def test_a_folder_of_no_class_is_named(tmp_path, variant, hint):
    path = imagenet_copy(tmp_path, variant, classes=3, packed=False)
    odd = path / ("n01440763" if variant == "r" else "tench")
    odd.mkdir()
    (odd / "1.JPEG").write_bytes(b"x")
    with pytest.raises(DataError, match=rf"{odd.name}/1\.JPEG: the folder '{odd.name}'.*{hint}"):
        prepare(path, tmp_path / "out", variant, 6)


@pytest.mark.parametrize("variant", ["validation", "v2", "sketch", "r"])
def test_an_archive_cut_short_is_refused(tmp_path, variant):
    path = imagenet_copy(tmp_path, variant, classes=3)
    file = path / imagenet.VALIDATION if path.is_dir() else path
    data = file.read_bytes()
    for size in (len(data) * 2 // 3, len(data) - 10_300, 700):
        file.write_bytes(data[:size])
        with pytest.raises(DataError, match=rf"{file.name}.*(cut short|damage)") as caught:
            prepare(path, tmp_path / "out", variant, 6)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"<!DOCTYPE html><html>Sign in</html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"", "an empty file"),
        (b"7z\xbc\xaf" * 200, "damage"),
    ],
)
def test_something_else_in_place_of_an_archive_is_named(tmp_path, data, found):
    path = imagenet_copy(tmp_path, "validation", classes=3)
    for file in (path / imagenet.VALIDATION, path / imagenet.DEVKIT[0], path / imagenet.TRAIN):
        kept = file.read_bytes() if file.exists() else None
        file.write_bytes(data)
        with pytest.raises(DataError, match=rf"{file.name}.*{found}"):
            prepare(path, tmp_path / "out", images=6)
        file.unlink() if kept is None else file.write_bytes(kept)


def test_a_zip_file_with_a_password_is_refused(tmp_path):
    path = imagenet_copy(tmp_path, "sketch", classes=3)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="has a password"):
        prepare(path, tmp_path / "out", "sketch", 6)


def test_a_damaged_file_in_a_zip_file_is_named(tmp_path):
    path = imagenet_copy(tmp_path, "sketch", classes=3)
    with zipfile.ZipFile(path) as opened:
        entry = opened.infolist()[2]
    data = bytearray(path.read_bytes())
    data[entry.header_offset + 200] ^= 255
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"{entry.filename}: is damaged"):
        prepare(path, tmp_path / "out", "sketch", 6)


@pytest.mark.parametrize("name", ["../n01440764/1.JPEG", "/n01440764/1.JPEG", "a/../../n01440764/1.JPEG"])
def test_a_name_that_leads_out_of_an_archive_is_refused(tmp_path, name):
    path = tmp_path / "imagenet-r.tar"
    path.write_bytes(tar({name: b"x"}))
    with pytest.raises(DataError, match="leads out of the archive"):
        prepare(path, tmp_path / "out", "r", 1)


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_a_bomb_is_refused_before_it_fills_anything(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(inflation, "FREE", 1 << 16)
    path, zeros = tmp_path / f"imagenet-r.{kind}", {f"n01440764/{n}.jpg": bytes(1 << 16) for n in range(40)}
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, data in zeros.items():
                opened.writestr(name, data)
    else:
        path.write_bytes(archive(zeros))
    with pytest.raises(DataError, match=r"would unpack to \d+ bytes or more"):
        list_files(path)


def test_a_file_in_an_archive_that_fills_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", 100)
    path = tmp_path / "imagenet-r.tar"
    path.write_bytes(tar({"n01440764/1.jpg": bytes(101)}))
    with pytest.raises(DataError, match=r"imagenet-r.tar: n01440764/1.jpg: has 101 bytes.* limit is 100"):
        list_files(path)


def test_links_and_hidden_files_are_passed_over(tmp_path):
    path = tmp_path / "imagenet-r.tar"
    with tarfile.open(path, "w") as opened:
        link = tarfile.TarInfo("./imagenet-r/n01440764/2.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)
        for name in ("./imagenet-r/n01440764/1.jpg", "./imagenet-r/n01440764/._1.jpg"):
            entry = tarfile.TarInfo(name)
            entry.size = 3
            opened.addfile(entry, io.BytesIO(b"abc"))
    listed = list_files(path)
    assert list(listed) == ["imagenet-r/n01440764/1.jpg"]
    assert listed["imagenet-r/n01440764/1.jpg"]() == b"abc"


@pytest.mark.parametrize(
    ("kit", "expected"),
    [
        (archive({"ILSVRC2012_devkit_t12/readme.txt": b""}), r"has no file data/meta\.mat"),
        (devkit([0] * 5), r"ground_truth\.txt has no line 6 .* has 5 lines"),
        (
            archive({f"k/{imagenet.META}": b"x" * 600, f"k/{imagenet.GROUND_TRUTH}": b"1"}),
            r"meta\.mat: is not the table of ImageNet's synsets",
        ),
        (None, "is missing; this development kit"),
    ],
)
def test_a_development_kit_that_does_not_fit_is_refused(tmp_path, kit, expected):
    path = imagenet_copy(tmp_path, "validation", classes=3)
    file = path / imagenet.DEVKIT[0]
    file.unlink() if kit is None else file.write_bytes(kit)
    with pytest.raises(DataError, match=expected) as caught:
        prepare(path, tmp_path / "out", images=6)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", [b"1001\n", b"0\n", b"tench\n"])
def test_a_line_of_the_ground_truth_that_is_no_class_is_named(tmp_path, line):
    """1001 is the number of a synset above the classes."""
    path = imagenet_copy(tmp_path, "validation", classes=3)
    tables = {name: read() for name, read in list_files(path / imagenet.DEVKIT[0]).items()}
    truth = f"ILSVRC2012_devkit_t12/{imagenet.GROUND_TRUTH}"
    (path / imagenet.DEVKIT[0]).write_bytes(archive({**tables, truth: tables[truth] + line}))
    with pytest.raises(DataError, match=rf"line 7: expected the number of a class .*{line.strip().decode()}"):
        prepare(path, tmp_path / "out", images=6)


def test_the_development_kit_is_read_as_torchvision_reads_it(tmp_path, monkeypatch):
    from torchvision.datasets import imagenet as peer

    labels = np.random.default_rng(0).permutation(1000).tolist()
    (tmp_path / imagenet.DEVKIT[0]).write_bytes(devkit(labels))
    monkeypatch.setattr(peer, "_verify_archive", lambda *arguments: None)
    peer.parse_devkit_archive(tmp_path)
    _, wnids = peer.load_meta_file(tmp_path)
    assert [WNIDS[label] for label in imagenet._ground_truth(tmp_path)] == wnids
    assert imagenet._ground_truth(tmp_path) == labels


def test_a_table_of_other_synsets_is_refused(tmp_path):
    path = imagenet_copy(tmp_path, "validation", classes=3)
    table = np.zeros(1, dtype=[(name, object) for name in ("ILSVRC2012_ID", "WNID", "num_children")])
    table[0] = (1, "n99999999", 0)
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"synsets": np.concatenate([table, table])})
    kit = {f"k/{imagenet.META}": buffer.getvalue(), f"k/{imagenet.GROUND_TRUTH}": b"1\n"}
    (path / imagenet.DEVKIT[0]).write_bytes(archive(kit))
    with pytest.raises(DataError, match="n99999999"):
        prepare(path, tmp_path / "out", images=6)


def test_something_else_under_the_name_of_an_image_is_found_when_it_is_read(tmp_path):
    path = imagenet_copy(tmp_path, "r", classes=3, packed=False)
    (path / "n01440764/art_0.jpg").write_text("<html>")
    with pytest.raises(DataError, match=r"imagenet: n01440764/art_0\.jpg: expected an image, found an HTML"):
        prepare(path, tmp_path / "out", "r", 6)


# A classifier of all classes on some of them


class Thousand(torch.nn.Module):
    """Scores of 1,000 classes that are linear in the pixels, with a place for the image's mean colour."""

    def __init__(self, classes=1000):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.layer = torch.nn.Linear(3 * 8 * 8, classes).requires_grad_(False)

    def logits(self, images):
        return self.layer(images.flatten(1))


def evaluate(network, images, labels, indices, mode="sound"):
    tables = robustness.evaluate(
        Task("robustness", "m", "d", mode),
        Parameters(epsilons=[0.001, 0.01, 0.1], steps=5),
        encoder=network,
        head=None,
        images=images,
        labels=labels,
        ids=[f"i{place}" for place in range(len(images))],
        label_indices=indices,
    )
    rows = {}
    for table in tables:
        rows.setdefault(table["metric"][0].as_py(), []).append(table["value"].to_pylist())
    return rows


@pytest.mark.parametrize("mode", ["sound", "paper"])
def test_the_scores_of_the_classes_that_are_there_are_attacked(mode):
    """As a classifier that has these outputs alone."""
    indices = [[409, 530], [954], [423, 559, 765]]
    network = Thousand()
    images = np.random.default_rng(0).uniform(size=(12, 3, 8, 8)).astype(np.float32)

    class Some(torch.nn.Module):
        def logits(self, images):
            scores = network.logits(images)
            return torch.stack([scores[:, group].max(dim=1).values for group in indices], dim=1)

    labels = Some().logits(torch.from_numpy(images)).argmax(dim=1).numpy()
    labels[0] = (labels[0] + 1) % 3
    found = evaluate(network, images, labels, indices, mode)
    assert found == evaluate(Some(), images, labels, None, mode)
    assert np.mean(found["accuracy"][0]) == pytest.approx(11 / 12)
    assert np.mean(found["accuracy"][-1]) < 11 / 12


def test_a_classifier_without_the_classes_is_refused():
    images = np.full((2, 3, 8, 8), 0.5, dtype=np.float32)
    with pytest.raises(DataError, match="label 954 of the label space is beyond the classifier's 10 classes"):
        evaluate(Thousand(10), images, np.array([0, 1]), [[1], [954]])


def test_an_encoders_own_classifier_is_asked_for_the_classes_of_the_dataset(tmp_path, monkeypatch):
    prepare(imagenet_copy(tmp_path, "r", classes=LABELS), tmp_path / "out", "r")
    split = reading.open_split(tmp_path / "out", "test")
    given = []
    monkeypatch.setattr(
        robustness.encoders, "evaluate", lambda *_, **keys: given.append(keys["label_indices"]) or []
    )

    class Encoder(torch.nn.Module):
        card = split.card

        def preprocess(self, image):
            return torch.zeros(3, 8, 8)

        def batch_of(self, size):
            return size

        def logits(self, images):
            return images.mean(dim=(1, 2, 3))[:, None] * torch.arange(1000)

    task = Task("robustness", "m", "d")
    robustness.evaluate_encoder(task, Parameters(), encoder=Encoder(), test=split, images=4, train=None)
    assert given == [[[label] for label in LABELS]]
