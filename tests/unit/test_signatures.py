"""What lies in the place of a file is recognised, and no file is taken for it."""

import gzip

import pytest

from wordsight.files import signatures


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"<!DOCTYPE html><html>", signatures.HTML_PAGE),
        (b"\xef\xbb\xbf\n <HTML lang=en>", signatures.HTML_PAGE),
        (b'<?xml version="1.0"?>\n<!-- a\nb --><!-- c -->\n<html>', signatures.HTML_PAGE),
        (b"<head><title>Sign in</title>", signatures.HTML_PAGE),
        (b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code>", "an error message of a server"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", signatures.LFS_POINTER),
        (b"", "an empty file"),
    ],
)
def test_what_servers_and_git_put_in_the_place_of_a_file_is_told(tmp_path, start, what):
    (tmp_path / "file").write_bytes(start)
    assert signatures.misplaced(signatures.start_of(tmp_path / "file")) == what
    assert signatures.describe_start(start).startswith(what)


@pytest.mark.parametrize(
    "start",
    [
        b"<?xml version='1.0'?>\n<mediawiki>",
        b'<?xml version="1.0"?>\n<!-- html -->\n<!DOCTYPE ldml SYSTEM "x">\n<ldml>',
        b"<header>",
        b"<Errors>",
        b"image,caption\n<html>,x\n",
        b"version 3\n",
        bytes(512),
    ],
)
def test_other_files_are_not_taken_for_it(start):
    assert signatures.misplaced(start) == signatures.describe_start(start) == ""


def test_archives_are_told_but_not_as_misplaced():
    start = gzip.compress(b"text")
    assert "gzip" in signatures.describe_start(start)
    assert signatures.misplaced(start) == ""
    assert "zip" in signatures.describe_start(b"PK\x03\x04")


def test_of_a_pointer_it_is_said_how_to_come_by_the_file():
    assert "git lfs pull" in signatures.describe_start(b"version https://git-lfs.github.com/spec/v1\n")
