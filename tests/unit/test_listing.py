"""One list of the files below a folder: links are followed, loops end, and what can't be read is named."""

import os
import socket
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wordsight.errors import DataError
from wordsight.files import listing


@pytest.fixture
def folder(tmp_path):
    """Folder beside another one, to which links can lead."""
    (tmp_path / "images").mkdir()
    (tmp_path / "elsewhere/deeper").mkdir(parents=True)
    for name in ("elsewhere/1.png", "elsewhere/deeper/2.png"):
        (tmp_path / name).write_text(name)
    return tmp_path / "images"


def fill(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("content")


def test_a_folder_stands_at_its_name_among_the_files(folder):
    fill(folder, "b.png", "a/z.png", "a-b/y.png", "a.png", "10.png", "2.png")
    assert list(listing.below(folder)) == ["10.png", "2.png", "a/z.png", "a-b/y.png", "a.png", "b.png"]


def test_links_to_files_and_folders_are_followed_under_their_own_names(folder):
    (folder / "way").symlink_to("../elsewhere")
    (folder / "0.png").symlink_to("../elsewhere/1.png")
    found = listing.below(folder)
    assert list(found) == ["0.png", "way/1.png", "way/deeper/2.png"]
    assert found["0.png"].read_text() == "elsewhere/1.png"


def test_a_folder_may_have_two_names(folder):
    for name in ("one", "two"):
        (folder / name).symlink_to("../elsewhere/deeper")
    assert list(listing.below(folder)) == ["one/2.png", "two/2.png"]


def test_a_folder_that_lies_in_itself_is_listed_once(folder):
    fill(folder, "a/b/1.png")
    (folder / "a/b/loop").symlink_to(folder)
    (folder / "a/self").symlink_to(".")
    (folder / "round").symlink_to("../elsewhere/deeper")
    (folder.parent / "elsewhere/deeper/back").symlink_to("..")
    assert list(listing.below(folder)) == ["a/b/1.png", "round/2.png", "round/back/1.png"]


def test_more_folders_in_one_another_than_python_calls_functions(folder):
    place = folder / "/".join(["d"] * 1100)
    subprocess.run(["mkdir", "-p", place], check=True)
    (place / "1.png").write_text("")
    (name,) = listing.below(folder)
    assert name.endswith("d/1.png")
    subprocess.run(["rm", "-r", folder / "d"], check=True)


def test_hidden_names_are_listed_only_where_they_are_asked_for(folder):
    fill(folder, ".DS_Store", ".git/config", "a/.hidden", "a/1.png")
    assert list(listing.below(folder)) == ["a/1.png"]
    assert list(listing.below(folder, hidden=True)) == [".DS_Store", ".git/config", "a/.hidden", "a/1.png"]


def pipe(path):
    os.mkfifo(path)


def bound(path):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.path.relpath(path))


def device(path):
    path.symlink_to("/dev/null")


def nothing(path):
    path.symlink_to("gone")


def itself(path):
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (pipe, "expected a file, found a named pipe; remove it"),
        (bound, "expected a file, found a socket; remove it"),
        (device, "expected a file, found a device; remove it"),
        (nothing, "is a link to nothing; remove it"),
        (itself, "is a link to nothing; remove it"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name_or_left_out(folder, monkeypatch, make, words):
    fill(folder, "cat/1.png")
    monkeypatch.chdir(folder / "cat")
    make(folder / "cat/odd")
    with pytest.raises(DataError) as caught:
        listing.below(folder)
    assert str(caught.value) == f"{folder}/cat/odd: {words}"
    assert list(listing.below(folder, strict=False)) == ["cat/1.png"]


@pytest.mark.parametrize("place", [b"caf\xe9.png", b"caf\xe9/1.png"])
def test_a_name_that_is_not_utf8_is_shown_with_escapes(folder, place):
    fill(folder, os.fsdecode(place))
    with pytest.raises(DataError) as caught:
        listing.below(folder)
    shown = place.split(b"/")[0].decode(errors="backslashreplace")
    assert str(caught.value) == f"{folder}/{shown}: the name is not UTF-8; rename it"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.tar", ["0.tar"]),
        ("way/*.tar", ["way/1.tar"]),
        ("**/*.tar", ["0.tar", "way/1.tar", "way/deeper/2.tar"]),
        ("way/**/2.tar", ["way/deeper/2.tar"]),
        ("**/deeper/**/[0-9].tar", ["way/deeper/2.tar"]),
        ("w?y/**", ["way/1.tar", "way/deeper/2.tar"]),
        ("none/*", []),
    ],
)
def test_patterns_follow_links(folder, pattern, names):
    fill(folder, "0.tar")
    fill(folder.parent, "shards/1.tar", "shards/deeper/2.tar")
    (folder / "way").symlink_to("../shards")
    (folder / "way/loop").symlink_to("../images")
    assert [path.relative_to(folder).as_posix() for path in listing.matching(folder, pattern)] == names


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sets(
        st.lists(st.sampled_from(["a", "b", "a-b", "a b", "ä", "1", "10"]), min_size=1, max_size=3).map(tuple)
    )
)
def test_the_order_is_that_of_the_parts_of_the_names(tmp_path_factory, places):
    root = tmp_path_factory.mktemp("order")
    # A leaf gets an ending, so that no file stands where a folder belongs.
    names = ["/".join((*place[:-1], f"{place[-1]}.png")) for place in places]
    fill(root, *names)
    assert list(listing.below(root)) == sorted(names, key=lambda name: name.split("/"))
