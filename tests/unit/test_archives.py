"""Archives, among them those that someone made to write where they should not."""

import io
import stat
import tarfile
import zipfile

import pytest

from wordsight import archives
from wordsight.errors import DataError

FILES = {"a/one.txt": b"one", "a/b/two.txt": b"two" * 1000, "three": b""}


def tar(path, files, kind=tarfile.REGTYPE, **fields):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.size = kind, len(content)
            for key, value in fields.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(content))
    return path


def zipped(path, files, mode=0):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


def refused(tmp_path, path, words):
    """Have an archive refused, with nothing left beside or outside the folder."""
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=words) as caught:
        archives.unpack(path, tmp_path / "x" / "out")
    assert str(caught.value).startswith(f"{path}: ")
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "x"}


@pytest.mark.parametrize("write", [tar, zipped])
def test_an_archive_is_unpacked_or_read_file_by_file(tmp_path, write):
    path = write(tmp_path / "archive", FILES)
    read = {}
    for member in archives.members(path):
        with member.open() as file:
            read[member.name] = file.read()
        assert member.size == len(read[member.name])
    assert read == FILES
    folder = archives.unpack(path, tmp_path / "deep" / "out")
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert list((tmp_path / "deep").iterdir()) == [folder]
    with pytest.raises(DataError, match="out: expected no such folder yet, to unpack"):
        archives.unpack(path, folder)


@pytest.mark.parametrize("write", [tar, zipped])
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil", "a\\..\\..\\evil"])
def test_a_file_outside_its_folder_is_refused(tmp_path, write, name):
    path = write(tmp_path / "archive", {"good": b"good", name: b"evil"})
    refused(tmp_path, path, "refused: .*evil would lie outside its folder")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "refused: l is a link"),
        (tarfile.LNKTYPE, "refused: l is a link"),
        (tarfile.CHRTYPE, "refused: l is a device"),
        (tarfile.BLKTYPE, "refused: l is a device"),
        (tarfile.FIFOTYPE, "refused: l is a device"),
    ],
)
def test_a_link_or_a_device_in_a_tar_archive_is_refused(tmp_path, kind, words):
    refused(tmp_path, tar(tmp_path / "archive", {"l": b""}, kind, linkname="/etc/passwd"), words)


@pytest.mark.parametrize(("mode", "words"), [(stat.S_IFLNK, "l is a link"), (stat.S_IFCHR, "l is a device")])
def test_a_link_or_a_device_in_a_zip_archive_is_refused(tmp_path, mode, words):
    refused(tmp_path, zipped(tmp_path / "archive", {"l": b"/etc/passwd"}, mode), words)


@pytest.mark.parametrize("write", [tar, zipped])
def test_a_bomb_is_refused(tmp_path, monkeypatch, write):
    monkeypatch.setattr(archives, "FREE", 2**16)
    path = write(tmp_path / "archive", {f"{number}": b"\0" * 2**20 for number in range(4)})
    refused(tmp_path, path, r"refused: it would unpack to more than \d+ bytes")


def test_a_zip_archive_that_lies_about_a_size_is_refused(tmp_path):
    path = zipped(tmp_path / "archive", {"f": b"\0" * 5000})
    data = path.read_bytes()
    path.write_bytes(data.replace((5000).to_bytes(4, "little"), (7).to_bytes(4, "little")))
    refused(tmp_path, path, "expected a whole tar or zip archive")


@pytest.mark.parametrize("write", [tar, zipped])
def test_a_truncated_archive_is_refused(tmp_path, write):
    path = write(tmp_path / "archive", {"f": bytes(range(256)) * 100, "g": b"g"})
    path.write_bytes(path.read_bytes()[:-40])
    refused(tmp_path, path, "expected a whole tar or zip archive")


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x1f\x8b\x08\x00damaged"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "archive").write_bytes(content)
    refused(tmp_path, tmp_path / "archive", "expected a whole tar or zip archive")


def test_a_name_that_comes_twice_is_refused(tmp_path):
    path = tmp_path / "archive"
    with tarfile.open(path, "w") as archive:
        for content in (b"first", b"second"):
            entry = tarfile.TarInfo("f")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    refused(tmp_path, path, "File exists")
