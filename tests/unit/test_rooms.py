"""The rooms of the library: which imports which, how many modules lie outside of them, and what they are called."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "scripts/wordsight"
# From the ground up: a room imports from itself and from those before it.
ROOMS = [
    *(
        "errors",
        "logs",
        "seeds",
        "catalogue",
        "config",
        "files",
        "steps",
        "downloads",
        "datasets",
        "models",
        "text",
    ),
    *("protocols", "extraction", "checking", "pretraining"),
    *("statistics", "tables", "figures", "report", "workflow"),
]
MOST_LOOSE = 6
# Modules of one name that have one role: a library or a place that several rooms take things from, a protocol, a figure,
# and in each room of prepared things their card, their reader and their builder.
ROLES = {
    *("card", "reading", "building", "writing"),
    *("packaged", "huggingface", "open_clip", "torchvision", "timm", "python"),
    *("clustering", "few_shot", "transfer", "robustness", "corruptions"),
    *("cross_style_few_shot", "cross_style_probe", "cross_style_retrieval"),
    *("features", "robust_images", "adversarial_examples", "confusions", "cells", "word2vec"),
}


def modules():
    return sorted(path for path in LIBRARY.rglob("*.py") if not path.name.startswith("__"))


def room(path):
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def imported(path):
    """Rooms that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("wordsight."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "wordsight":
            yield from (alias.name for alias in node.names)


def test_no_room_imports_from_one_above_it():
    place = {name: index for index, name in enumerate(ROOMS)}
    backwards = {
        (path.relative_to(LIBRARY).as_posix(), other)
        for path in LIBRARY.rglob("*.py")
        if path.parent != LIBRARY or not path.name.startswith("__")
        for other in imported(path)
        if place[other] > place[room(path)]
    }
    assert backwards == set()


@pytest.mark.parametrize(("one", "other"), [("figures", "report"), ("report", "figures")])
def test_figures_and_report_share_words_through_the_rooms_below_them(one, other):
    for path in (LIBRARY / one).rglob("*.py"):
        assert other not in imported(path), path


def test_few_modules_lie_outside_of_a_room():
    loose = [path.stem for path in modules() if path.parent == LIBRARY]
    assert len(loose) <= MOST_LOOSE, loose


def test_modules_of_one_name_have_one_role():
    places = defaultdict(list)
    for path in modules():
        places[path.stem].append(path.relative_to(LIBRARY).as_posix())
    assert {name: found for name, found in places.items() if len(found) > 1 and name not in ROLES} == {}


def test_no_protocol_imports_another():
    records = {path.stem for path in (LIBRARY / "catalogue/protocols").glob("[a-z]*.py")} - {"record"}
    for path in (LIBRARY / "protocols").rglob("*.py"):
        name = path.relative_to(LIBRARY / "protocols").parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wordsight.protocols."):
                assert node.module.split(".")[2] not in records - {name}, path
