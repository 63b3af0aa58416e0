"""Shards of a WebDataset: samples as the convention groups them, and damage named by shard and key."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import tarfile
import tracemalloc

import datasets as library
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordsight.config.datasets import WebDataset
from wordsight.datasets import building, reading
from wordsight.datasets.shards import expand
from wordsight.datasets.sources import webdataset
from wordsight.errors import DataError
from wordsight.files.hashing import sha256
from wordsight.files.pixels import encode


def image(seed, size=7):
    return encode(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))


def shard(path, members, **keys):
    """Tar file of members, given as pairs of name and content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", **keys) as archive:
        for name, content in members:
            entry = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            content = b"" if entry is content else content
            content = content if isinstance(content, bytes) else json.dumps(content).encode()
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def captioned(first, count, extension="png"):
    """Members of samples with nothing but an image and a caption."""
    for number in range(first, first + count):
        yield f"{number:04d}.{extension}", image(number)
        yield f"{number:04d}.txt", f"picture {number}\n".encode()


@pytest.fixture
def shards(tmp_path):
    root = tmp_path / "cc"
    shard(root / "cc-train-08.tar", captioned(0, 3))
    shard(root / "cc-train-09.tar", captioned(3, 2, "JPG"))
    shard(root / "cc-train-10.tar", captioned(5, 2, "webp"))
    shard(root / "cc-test.tar", captioned(7, 2, "jpeg"))
    return root


def prepare(root, train="cc-train-{08..10}.tar", test="cc-test.tar", **keys):
    splits = {split: pattern for split, pattern in (("train", train), ("test", test)) if pattern is not None}
    section = WebDataset(source="webdataset", path=str(root), splits=splits, **{"validation": 0, **keys})
    return building.prepare(section, "cc", 0, root.parent / "out")


def opened(root, split):
    return reading.open_split(root.parent / "out", split)


def test_shards_become_splits(shards):
    card = prepare(shards)
    train, test = opened(shards, "train"), opened(shards, "test")
    assert (card.classes, card.captions, card.source) == ([], True, "webdataset")
    assert train.ids[:4] == ["cc-train-08/0000", "cc-train-08/0001", "cc-train-08/0002", "cc-train-09/0003"]
    assert train.captions == [f"picture {number}" for number in range(7)]
    assert [encode(np.asarray(pixels)) for _, pixels in train.images()] == [image(n) for n in range(7)]
    assert test.captions == ["picture 7", "picture 8"]
    assert set(train.labels) == set(test.labels) == {-1}


def test_labels_concepts_and_styles_are_those_of_the_sample(tmp_path):
    members = [
        ("a.png", image(0)),
        ("a.json", {"caption": "json", "label": 10, "concept": "c1", "style": 3, "url": ["unused"]}),
        ("b.png", image(1)),
        ("b.json", {"caption": "json", "label": 10, "concept": None}),
        ("b.txt", b"own file"),
        ("b.cls", b"9\n"),
    ]
    card = prepare(shard(tmp_path / "cc" / "one.tar", members).parent, train=None, test="one.tar")
    test = opened(tmp_path / "cc", "test")
    assert card.classes == ["9", "10"]
    assert test.labels.tolist() == [1, 0]
    assert test.captions == ["json", "own file"]
    assert (test.concepts, test.styles) == (["c1", ""], ["3", ""])


def test_samples_are_grouped_as_the_library_datasets_groups_them(tmp_path):
    members = [
        ("./deep.dir/one.png", image(0)),
        ("./deep.dir/one.txt", b"first"),
        ("./deep.dir/one.seg.txt", b"another member"),
        ("./deep.dir/two.seg.txt", b"a key ends at the first dot of the file name"),
        ("./deep.dir/two.png", image(1)),
        ("./deep.dir/two.txt", "zweite €".encode()),
    ]
    path = shard(tmp_path / "cc" / "peer.tar", members)
    library.disable_progress_bars()
    (peer,) = library.load_dataset(
        "webdataset", data_files=str(path), cache_dir=str(tmp_path / "cache")
    ).values()
    ours = list(webdataset.read_shard(path))
    assert [sample.key for sample in ours] == peer["__key__"][:]
    assert [sample.caption for sample in ours] == peer["txt"][:]
    peer = peer.cast_column("png", library.Image(decode=False))
    assert [sample.image.read() for sample in ours] == [row["bytes"] for row in peer["png"]]


def test_what_belongs_to_no_sample_is_passed_over_and_nothing_is_unpickled(tmp_path, monkeypatch):
    def refuse(*arguments, **keys):
        raise AssertionError("unpickled")

    link = tarfile.TarInfo("a.cls")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    folder = tarfile.TarInfo("some.dir")
    folder.type = tarfile.DIRTYPE
    members = [
        ("README", b"no dot"),
        (".hidden.txt", b"no key"),
        ("", folder),
        ("a.png", image(0)),
        ("a.txt", b"caption"),
        ("a.pyd", b"cos\nsystem\n(S'false'\ntR."),
        ("a.pkl", b"cos\nsystem\n(S'false'\ntR."),
        ("", link),
    ]
    path = shard(tmp_path / "one.tar", members)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    (sample,) = webdataset.read_shard(path)
    assert (sample.key, sample.caption, sample.label) == ("a", "caption", "")


def test_nothing_is_written_beside_the_shards(shards):
    before = {path: sha256(path) for path in shards.rglob("*")}
    prepare(shards)
    assert {path: sha256(path) for path in shards.rglob("*")} == before


def test_items_can_be_sent_to_other_processes(shards):
    section = WebDataset(source="webdataset", path=str(shards), splits={"test": "cc-test.tar"})
    item = webdataset.load(section).test[1]
    assert pickle.loads(pickle.dumps(item)).read() == image(8)


def test_a_share_of_the_training_images_is_held_out(shards):
    prepare(shards, validation=0.5)
    assert opened(shards, "train").held_out.sum() == 3
    assert not opened(shards, "test").held_out.any()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_are_read_in_every_form_of_tar(tmp_path, form):
    key = "x/" * 60 + ("long" if form == tarfile.USTAR_FORMAT else "läng" * 40)
    path = shard(tmp_path / "one.tar", [(f"{key}.png", image(0)), (f"{key}.txt", b"caption")], format=form)
    (sample,) = webdataset.read_shard(path)
    assert (sample.key, sample.image.read()) == (key, image(0))


# Patterns


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.tar", ["a.tar"]),
        ("{0..2}", ["0", "1", "2"]),
        ("{8..11}", ["8", "9", "10", "11"]),
        ("{0008..0011}", ["0008", "0009", "0010", "0011"]),
        ("{08..100}", [f"{number:03d}" for number in range(8, 101)]),
        ("{a,b}-{0..1}.tar", ["a-0.tar", "a-1.tar", "b-0.tar", "b-1.tar"]),
        ("{x,{1..2}}", ["x", "1", "2"]),
    ],
)
def test_braces_are_expanded_as_in_bash(pattern, names):
    assert sorted(expand(pattern, "")) == sorted(names)


def test_globs_and_folders_are_matched(shards):
    (shards / "more").mkdir()
    (shards / "cc-test.tar").rename(shards / "more" / "cc-test.tar")
    (shards / "cc-train-99.tar").mkdir()  # a folder is no shard
    card = prepare(shards, train="cc-train-*.tar", test="**/cc-test.tar")
    assert (card.splits.train.items, card.splits.test.items) == (7, 2)
    assert opened(shards, "test").ids == ["more/cc-test/0007", "more/cc-test/0008"]


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (
            {"train": "cc-train-{08..11}.tar"},
            r"cc: splits\.train: there is no shard cc-train-11\.tar$",
        ),
        ({"test": "cc-*.gz"}, r"cc: splits\.test: there is no shard cc-\*\.gz$"),
        ({"test": "{10..08}.tar"}, r"cc: splits\.test: expected a rising range .* not \{10\.\.08\}$"),
        ({"test": "{x}.tar"}, r"cc: splits\.test: expected a rising range .* not \{x\}$"),
        (
            {"test": "../cc/cc-test.tar"},
            r"cc: splits\.test: expected a pattern for files below .*cc, not '\.\./cc",
        ),
        (
            {"test": "/cc-test.tar"},
            r"cc: splits\.test: expected a pattern for files below .*cc, not '/cc-test\.tar'$",
        ),
        (
            {"test": "cc-*-1*.tar"},
            r"cc: splits\.test: the shard .*cc-train-10\.tar is in splits\.train too$",
        ),
        (
            {"train": "{cc-train-08,cc-train-*}.tar"},
            r"cc: splits\.train: the shard .*cc-train-08\.tar is in splits\.train too$",
        ),
    ],
)
def test_what_is_wrong_with_a_pattern_is_named(shards, patterns, message):
    with pytest.raises(DataError, match=message):
        prepare(shards, **patterns)


def test_a_linked_folder_of_shards_is_read_at_any_depth(shards):
    elsewhere = shards.parent / "elsewhere/deeper"
    shard(elsewhere / "more.tar", captioned(20, 2))
    (shards / "way").symlink_to(shards.parent / "elsewhere")
    (shards / "way/loop").symlink_to(shards)
    assert prepare(shards, train="**/mor?.tar").splits.train.items == 2
    assert opened(shards, "train").ids == ["way/deeper/more/0020", "way/deeper/more/0021"]
    assert prepare(shards, train="way/*/more.tar").splits.train.items == 2


def test_a_shard_that_a_link_puts_into_both_splits_is_refused(shards):
    (shards / "again.tar").symlink_to("cc-train-08.tar")
    with pytest.raises(DataError, match=r"splits\.test: the shard .*again\.tar is in splits\.train too$"):
        prepare(shards, test="again.tar")


# Samples


def test_labels_without_captions_are_enough(shards):
    """As in the shards that zero-shot benchmarks are published in."""

    def labelled(first, count):
        for number in range(first, first + count):
            yield f"{number}.png", image(number)
            yield f"{number}.cls", str(number % 12).encode()

    shard(shards / "train.tar", labelled(0, 12))
    shard(shards / "test.tar", labelled(12, 12))
    card = prepare(shards, train="train.tar", test="test.tar")
    assert (card.classes, card.captions) == ([str(number) for number in range(12)], False)
    assert opened(shards, "test").labels.tolist() == list(range(12))


PICTURE = ("a.png", image(0))
CAPTION = ("a.txt", b"caption")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([PICTURE], r": has neither a caption .* nor a label "),
        (
            [PICTURE, ("a.txt", b" \n")],
            r": has neither a caption .* nor a label ",
        ),
        ([PICTURE, ("a.json", {"caption": ""})], r": has neither a caption .* nor a label "),
        ([PICTURE, ("a.json", {"text": "caption"})], r": has neither a caption .* nor a label "),
        ([PICTURE, ("a.json", {"caption": ["x"]})], r": expected text as caption, found list$"),
        (
            [PICTURE, ("a.json", b'{"caption": "\\ud83d"}')],
            r": the caption is not valid UTF-8",
        ),
        ([PICTURE, CAPTION, ("a.json", {"label": True})], r": expected text as label, found bool$"),
        ([PICTURE, CAPTION, ("a.json", {"style": 0.5})], r": expected text as style, found float$"),
        ([PICTURE, CAPTION, ("a.json", b"{")], r": its \.json is not valid JSON \("),
        ([PICTURE, CAPTION, ("a.json", b"[" * 100_000)], r": its \.json is not valid JSON \("),
        ([PICTURE, CAPTION, ("a.json", [1])], r": expected an object in its \.json, found list$"),
        ([PICTURE, CAPTION, ("a.cls", b"")], r": its \.cls is empty"),
        ([PICTURE, ("a.txt", "é".encode("latin-1"))], r": its \.txt is not valid UTF-8 \("),
        ([CAPTION], r": expected one image \(\.jpg, \.jpeg, \.png, \.webp\), found \.txt$"),
        ([CAPTION, ("a.tiff", b"")], r": expected one image \(.*\), found \.txt, \.tiff$"),
        ([PICTURE, ("a.jpg", image(1)), CAPTION], r": expected one image \(.*\), found \.png, \.jpg, \.txt$"),
        ([PICTURE, CAPTION, PICTURE], r": has two files \.png$"),
        ([PICTURE, ("a.PNG", image(1)), CAPTION], r": has two files \.png$"),
        (
            [PICTURE, CAPTION, ("b.png", image(1)), ("b.txt", b"b"), PICTURE, CAPTION],
            r": the files of this sample are not next to each other",
        ),
    ],
)
def test_what_is_wrong_with_a_sample_is_named_with_its_shard_and_key(shards, members, message):
    shard(shards / "cc-test.tar", members)
    with pytest.raises(DataError, match=r"cc/cc-test\.tar: a" + message) as caught:
        prepare(shards)
    assert str(caught.value).isprintable()
    assert not (shards.parent / "out").exists()


def test_a_label_for_some_samples_only_is_refused(shards):
    shard(shards / "cc-test.tar", [PICTURE, CAPTION, ("a.cls", b"3")])
    with pytest.raises(DataError, match=r"cc-train-08\.tar: 0000: has no label, .* other samples have one$"):
        prepare(shards)


def test_what_is_no_image_is_named(shards):
    shard(shards / "cc-test.tar", [("a.jpg", b"<html>"), CAPTION])
    with pytest.raises(DataError, match=r"^cc: cc-test/a: expected an image, found an HTML page$"):
        prepare(shards)


# Shards


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>", "expected a tar file, found an HTML page$"),
        (b"version https://git-lfs.github.com/spec/v1\n", "expected a tar file, found a Git LFS pointer"),
        (b"", "expected a tar file, found an empty file$"),
        (gzip.compress(b"a", mtime=0), "expected a tar file, found a file compressed with gzip$"),
        (bz2.compress(b"a"), "expected a tar file, found a file compressed with bzip2$"),
        (lzma.compress(b"a"), "expected a tar file, found a file compressed with xz$"),
        (b"not a tar", r"the tar file is damaged \("),
        (b"x" * 2000, r"the tar file is damaged \("),
        (bytes(10240), "has no samples"),
    ],
)
def test_what_is_no_shard_is_named(shards, content, message):
    (shards / "cc-test.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"cc/cc-test\.tar: " + message):
        prepare(shards)


def test_a_shard_that_was_cut_short_anywhere_is_refused_or_whole(shards):
    path = shards / "cc-train-08.tar"
    whole, data = list(webdataset.read_shard(path)), path.read_bytes()
    end = len(data.rstrip(b"\0")) // 512 * 512 + 512  # where the zeros begin that end the file
    for size in range(0, len(data), 100):
        os.truncate(path, 0)
        path.write_bytes(data[:size])
        if size >= end + 512:
            assert list(webdataset.read_shard(path)) == whole
        else:
            with pytest.raises(DataError, match=r"cc-train-08\.tar: "):
                list(webdataset.read_shard(path))


def test_a_name_that_looks_like_another_kind_of_file_is_only_a_name(tmp_path):
    members = [m for key in ("BZh9", "PK") for m in ((f"{key}.png", image(0)), (f"{key}.txt", b"caption"))]
    assert len(list(webdataset.read_shard(shard(tmp_path / "one.tar", members)))) == 2


def test_a_member_that_was_cut_short_is_named(shards):
    path = shards / "cc-train-08.tar"
    place = next(webdataset.read_shard(path)).image.offset
    path.write_bytes(path.read_bytes()[: place + 5])
    with pytest.raises(
        DataError, match=rf"cc-train-08\.tar: 0000\.png: is cut short; .* {len(image(0))} bytes"
    ):
        prepare(shards)


@given(place=st.integers(0, 511), value=st.integers(0, 255))
@settings(deadline=None, max_examples=150)
def test_a_damaged_header_is_refused_or_without_effect(tmp_path_factory, place, value):
    path = tmp_path_factory.getbasetemp() / "damaged.tar"
    shard(path, captioned(0, 3))
    whole, data = list(webdataset.read_shard(path)), bytearray(path.read_bytes())
    data[1024 + place] = value  # the second of six headers
    path.write_bytes(data)
    try:
        found = list(webdataset.read_shard(path))
    except DataError:
        return
    assert found == whole


def test_a_negative_size_does_not_lead_round_in_circles(tmp_path):
    entry = tarfile.TarInfo("a")
    entry.size = -512
    (tmp_path / "one.tar").write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(DataError, match=r"one\.tar: a: .* -512 bytes"):
        list(webdataset.read_shard(tmp_path / "one.tar"))


def test_a_name_that_is_no_unicode_is_refused(tmp_path):
    path = shard(tmp_path / "one.tar", [("\udcff.png", image(0))], format=tarfile.GNU_FORMAT)
    with pytest.raises(DataError, match=r"one\.tar: the tar file is damaged \(.*utf-8"):
        list(webdataset.read_shard(path))


def test_memory_is_that_of_the_texts_and_not_of_the_images(tmp_path):
    big = os.urandom(100_000)
    members = [m for n in range(100) for m in ((f"{n}.jpg", big), (f"{n}.txt", b"caption"))]
    path = shard(tmp_path / "one.tar", members)
    tracemalloc.start()
    samples = list(webdataset.read_shard(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(samples) == 100
    assert peak < 500_000  # 10 MB of images
