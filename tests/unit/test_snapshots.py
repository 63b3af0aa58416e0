"""Snapshots fail on a change, are written when they are renewed, and none stays that no test asks for."""

import re
from pathlib import Path

import pytest

import snapshots

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "FOLDER", tmp_path)
    monkeypatch.delenv(snapshots.RENEW, raising=False)
    (tmp_path / "known.txt").write_text("one\ntwo\n")
    return tmp_path


def test_a_text_that_is_as_before_passes(folder):
    snapshots.check("known", "one\ntwo")


@pytest.mark.parametrize(("name", "text"), [("known", "one\nthree"), ("unknown", "one")])
def test_a_text_that_changed_or_is_new_fails_with_the_difference(folder, name, text):
    with pytest.raises(pytest.fail.Exception, match=rf"(?m)^\+{text.splitlines()[-1]}$"):
        snapshots.check(name, text)


def test_a_run_that_renews_them_writes_the_text(folder, monkeypatch):
    monkeypatch.setenv(snapshots.RENEW, "1")
    snapshots.check("known", "three")
    assert (folder / "known.txt").read_text() == "three\n"


def test_every_snapshot_is_asked_for():
    calls = [
        name
        for path in (TESTS / "unit").glob("test_*.py")
        for name in re.findall(r'snapshots\.check\(\s*f?"([^"]+)"', path.read_text(encoding="utf-8"))
    ]
    patterns = [re.sub(r"\\\{.*?\\\}", ".+", re.escape(name)) for name in calls]
    for path in (TESTS / "snapshots").iterdir():
        assert any(re.fullmatch(pattern, path.stem) for pattern in patterns), path.name
