"""CUB-200-2011, on a small archive in the true layout."""

import gzip
import hashlib
import io
import shutil
from pathlib import Path

import numpy as np
import pytest

from fixtures.images import BIRDS, PUBLISHED, archive, cub, pictures
from wordsight.config.datasets import Cub200Dataset
from wordsight.datasets import archives, building, reading
from wordsight.datasets.sources import cub200
from wordsight.downloads import fetching
from wordsight.errors import DataError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Archive at its address."""
    path = tmp_path_factory.mktemp("published") / "CUB_200_2011.tgz"
    PUBLISHED[cub200.ADDRESS](path)
    return path


@pytest.fixture(scope="module")
def members(published):
    """Content of the archive by name."""
    return {name: read() for name, read in archives.list_files(published).items()}


@pytest.fixture
def asked(monkeypatch, published):
    """What is asked of the downloads, which give the archive, or the file at the path that is asked for."""
    calls = []

    def fetch(urls, **keys):
        calls.append((list(urls), keys))
        return Path(keys["path"]) if keys["path"] else published

    monkeypatch.setattr(fetching, "fetch", fetch)
    return calls


def prepare(out, **keys):
    return building.prepare(Cub200Dataset(source="cub200", **keys), "birds", 0, out)


def images(directory, split):
    opened = reading.open_split(directory, split)
    return {item: np.asarray(image) for item, image in opened.images()}, opened


def test_official_splits_and_plain_names_of_the_classes(tmp_path, asked):
    card = prepare(tmp_path / "out")
    assert card.classes[:2] == ["Black footed Albatross", "Painted Bird 2"]
    assert len(card.classes) == 200
    assert "non-commercial" in card.licence
    for split, per_class in (("train", 8), ("test", 2)):
        found, opened = images(tmp_path / "out", split)
        assert np.bincount(opened.labels).tolist() == [per_class] * 200
        for item, label in zip(opened.ids, opened.labels, strict=True):
            assert item.startswith(BIRDS[label])
        places = {int(item.split("_")[-2]) for item in found}
        assert places == (set(range(8)) if split == "train" else {8, 9})


def test_every_image_has_the_label_that_it_was_drawn_for(tmp_path, asked):
    prepare(tmp_path / "out", limit={"train": 200, "test": 400})
    clean = pictures("CUB", "other", np.arange(200), 40).astype(float)
    found, opened = images(tmp_path / "out", "test")
    for pixels, label in zip(found.values(), opened.labels, strict=True):
        assert ((clean - pixels) ** 2).mean(axis=(1, 2, 3)).argmin() == label


def test_the_archive_is_verified_by_the_published_sum_or_the_configured_one(tmp_path, asked, published):
    cub200.load(Cub200Dataset(source="cub200"))
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    cub200.load(Cub200Dataset(source="cub200", sha256=digest, path=str(published)))
    first, second = (keys for _, keys in asked)
    assert (first["md5"], first["sha256"], first["path"]) == (cub200.MD5, None, None)
    assert (second["md5"], second["sha256"], second["path"]) == (None, digest, str(published))
    assert [urls for urls, _ in asked] == [[cub200.ADDRESS]] * 2


@pytest.fixture(scope="module")
def unpacked(published, tmp_path_factory):
    """Folder that the archive was unpacked into."""
    folder = tmp_path_factory.mktemp("unpacked") / "birds"
    shutil.unpack_archive(published, folder, "gztar", filter="data")
    return folder


@pytest.mark.parametrize("top", ["", "CUB_200_2011"])
def test_an_unpacked_folder_gives_the_same_images(asked, unpacked, top):
    archived = cub200.load(Cub200Dataset(source="cub200"))
    asked.clear()
    source = cub200.load(Cub200Dataset(source="cub200", path=str(unpacked / top)))
    assert asked == []
    assert source.origin == str(unpacked / top)
    assert source.classes == archived.classes
    for split in ("train", "test"):
        first, second = (
            [(item.id, item.label, item.read()) for item in getattr(found, split)]
            for found in (archived, source)
        )
        assert first == second


def test_the_archive_is_read_forwards(tmp_path, asked, monkeypatch):
    """Once for its index, its tables and each split: to go back takes a whole new start."""
    starts = []

    class Counting(gzip.GzipFile):
        def seek(self, offset, whence=io.SEEK_SET):
            if whence == io.SEEK_SET and offset < self.tell():
                starts.append(offset)
            return super().seek(offset, whence)

    monkeypatch.setattr(archives.gzip, "GzipFile", Counting)
    source = cub200.load(Cub200Dataset(source="cub200"))
    for item in (*source.train, *source.test):
        item.read()
    assert len(starts) <= 4  # also back to the block that ends a tar file


@pytest.mark.parametrize("name", cub200.TABLES)
def test_a_missing_table_is_named(tmp_path, asked, members, name):
    path = tmp_path / "birds.tgz"
    left = {member: data for member, data in members.items() if not member.endswith(f"/{name}")}
    path.write_bytes(archive(left))
    with pytest.raises(DataError, match=rf"birds\.tgz: has no file CUB_200_2011/{name}"):
        prepare(tmp_path / "out", path=str(path))


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("image_class_labels.txt", lambda t: t.replace(b"\n7 1\n", b"\n7 201\n"), r"image 7: .* '201'"),
        ("train_test_split.txt", lambda t: t.replace(b"\n7 1\n", b"\n7 2\n"), r"image 7: .* '2'"),
        (
            "train_test_split.txt",
            lambda t: t.replace(b"\n7 1\n", b"\n"),
            r"train_test_split\.txt: .* images\.txt: .* image 7$",
        ),
        ("classes.txt", lambda t: b"one\n" + t, r"line 1: expected a number and a value, found 'one'"),
        ("images.txt", lambda t: t.replace(b"Albatross_0006_7", b"x"), r"x\.jpg: images\.txt names"),
    ],
)
def test_a_table_that_does_not_fit_is_named(tmp_path, asked, members, name, change, expected):
    path, member = tmp_path / "birds.tgz", f"CUB_200_2011/{name}"
    changed = change(members[member])
    assert changed != members[member]
    path.write_bytes(archive({**members, member: changed}))
    with pytest.raises(DataError, match=expected):
        prepare(tmp_path / "out", path=str(path))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cut", [0.5, 0.999])
def test_an_archive_cut_short_is_refused(tmp_path, asked, published, cut):
    path = tmp_path / "birds.tgz"
    data = published.read_bytes()
    path.write_bytes(data[: int(cut * len(data))])
    with pytest.raises(DataError, match=r"birds\.tgz: the (gzip|tar) file is (damaged|cut short)"):
        prepare(tmp_path / "out", path=str(path))


def test_a_damaged_archive_is_refused(tmp_path, asked, published):
    path = tmp_path / "birds.tgz"
    data = bytearray(published.read_bytes())
    data[-6] ^= 255  # of the checksum
    path.write_bytes(data)
    with pytest.raises(DataError, match="the gzip file is damaged"):
        prepare(tmp_path / "out", path=str(path))


def test_a_file_that_leads_out_of_the_archive_is_refused(tmp_path, asked, members):
    path = tmp_path / "birds.tgz"
    path.write_bytes(archive({"../outside.jpg": b"x", **members}))
    with pytest.raises(DataError, match="leads out of the archive"):
        prepare(tmp_path / "out", path=str(path))
    assert not (tmp_path.parent / "outside.jpg").exists()


def test_the_same_call_writes_the_same_archive(published):
    assert cub() == published.read_bytes()
