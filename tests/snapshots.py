"""Texts that people read, compared whole with the files of ``tests/snapshots/``.

``make snapshots`` writes them anew; what changed is then read in the diff, and committed with the change.
"""

import difflib
import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).with_name("snapshots")
RENEW = "WORDSIGHT_RENEW_SNAPSHOTS"  # environment variable


def check(name, text):
    """Compare a text with the one that was read before; in a run that renews them, write it instead."""
    path = FOLDER / f"{name}.txt"
    text = text.rstrip("\n") + "\n"
    if os.environ.get(RENEW):
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if text != before:
        lines = difflib.unified_diff(before.splitlines(), text.splitlines(), str(path), "now", lineterm="")
        pytest.fail("\n".join([*lines, "If this is meant, run `make snapshots`."]), pytrace=False)


def listed(cases):
    """One text of several, each under its name."""
    return "\n\n".join(f"[{name}]\n{text}" for name, text in cases.items())
