"""The digest of files changes with their bytes and names alone, and reads only what changed."""

import os

import pytest

from wordsight.files.listing import below
from wordsight.workflow import content


@pytest.fixture
def digest(tmp_path):
    """Digest of files below a folder of images, which are remembered from call to call."""
    (tmp_path / "images").mkdir()

    def made():
        memory = content.Memory(tmp_path / "memory.json")
        found = content.digest(below(tmp_path / "images"), memory)
        memory.keep()
        return found

    return made


def test_a_digest_follows_bytes_and_names_and_not_times(tmp_path, digest):
    file = tmp_path / "images/1.png"
    file.write_bytes(b"one")
    first = digest()
    os.utime(file, ns=(1, 1))
    assert digest() == first
    file.write_bytes(b"two")
    assert (second := digest()) != first
    file.rename(tmp_path / "images/2.png")
    assert digest() not in (first, second)


def test_a_digest_reads_unchanged_files_once(tmp_path, digest, monkeypatch):
    (tmp_path / "images/1.png").write_bytes(b"one")
    first = digest()
    monkeypatch.setattr(content, "sha256", lambda path: pytest.fail(f"{path} was read again"))
    assert digest() == first


def test_a_digest_sees_an_edit_that_keeps_size_and_time(tmp_path, digest):
    """As after a copy that keeps times, or while the clock is set back."""
    file = tmp_path / "images/1.png"
    file.write_bytes(b"one")
    before, stat = digest(), file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert digest() != before


def test_a_digest_has_a_digest_for_each_name_of_a_file(tmp_path, digest):
    (tmp_path / "images/0.png").write_bytes(b"one")
    (tmp_path / "images/again.png").symlink_to("0.png")
    before = digest()
    (tmp_path / "images/again.png").unlink()
    (tmp_path / "images/again.png").write_bytes(b"one")
    assert digest() == before
    (tmp_path / "images/again.png").write_bytes(b"two")
    assert digest() != before


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "[" * 100_000, '{"1": 3}', "\xff"])
def test_a_damaged_memory_is_as_good_as_none(tmp_path, digest, text):
    (tmp_path / "images/1.png").write_bytes(b"one")
    first = digest()
    (tmp_path / "memory.json").write_bytes(text.encode("latin-1"))
    assert digest() == first


def test_a_digest_tells_names_with_line_breaks_apart(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
    a, b = tmp_path / "a", tmp_path / "b"
    memory = content.Memory(tmp_path / "memory.json")
    assert content.digest({"x": a, "y": b}, memory) != content.digest({f"x {memory.sha256(a)}\ny": b}, memory)


def test_a_digest_works_where_nothing_can_be_remembered(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x")
    (tmp_path / "flat").write_text("")
    memory = content.Memory(tmp_path / "flat" / "memory.json")  # its parent is a file
    first = content.digest({"": file}, memory)
    memory.keep()
    assert content.digest({"": file}, content.Memory(memory.path)) == first
