"""The digest of code changes with its meaning alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wordsight.files import project
from wordsight.workflow import provenance

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Small library with a script that imports one module, which imports another by its package."""
    files = {
        "run.py": '"""Run."""\nfrom wordsight.first import go\ngo()\n',
        "other.py": "from wordsight.second import value\n",
        "typed.py": "from wordsight import config\nfrom wordsight.config import Limit, sections\nfrom wordsight.config.sections import Limit\nimport wordsight.config.sections\nfrom wordsight.second import value\n",
        "wordsight/__init__.py": "",
        "wordsight/first.py": '"""First."""\nimport numpy as np\nfrom wordsight import second\n\ndef go():\n    """Go."""\n    return np.abs(second.value)\n',
        "wordsight/second.py": "value = -1  # a comment\n",
        "wordsight/config/__init__.py": "from wordsight.config.sections import Limit\n",
        "wordsight/config/sections.py": "import numpy as np\nfrom wordsight.bounds import bound\nLimit = 1\n",
        "wordsight/bounds.py": "bound = 1\n",
        "wordsight/chosen.py": "name = 'chosen'\n",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(provenance, "SCRIPTS", tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1_000_000))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("wordsight/second.py", "# a comment", "# another"),
        ("wordsight/second.py", "value = -1", "value = (\n    -1\n)"),
        ("wordsight/first.py", '"""Go."""', '"""Go further."""'),
        ("run.py", '"""Run."""', ""),
    ],
)
def test_comments_layout_and_docstrings_change_nothing(tree, file, old, new):
    before = provenance.code_digest("run.py")
    edit(tree / file, old, new)
    assert provenance.code_digest("run.py") == before


@pytest.mark.parametrize(
    ("file", "old", "new"), [("wordsight/second.py", "-1", "-2"), ("run.py", "go()", "go(); go()")]
)
def test_a_change_of_meaning_is_seen_through_imports(tree, file, old, new):
    before, other = provenance.code_digest("run.py"), provenance.code_digest("other.py")
    edit(tree / file, old, new)
    assert provenance.code_digest("run.py") != before
    assert (provenance.code_digest("other.py") != other) == (file != "run.py")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("wordsight/config/__init__.py", "import Limit", "import Limit as Bound"),
        ("wordsight/config/sections.py", "Limit = 1", "Limit = 2"),
        ("wordsight/bounds.py", "bound = 1", "bound = 2"),
    ],
)
def test_no_file_of_the_configuration_counts_nor_what_it_imports(tree, file, old, new):
    before = provenance.code_digest("typed.py")
    edit(tree / file, old, new)
    assert provenance.code_digest("typed.py") == before
    trees, packages = provenance.closure("typed.py")
    assert (set(trees), packages) == ({"typed.py", "wordsight/second.py"}, set())
    edit(tree / "wordsight/second.py", "-1", "-2")
    assert provenance.code_digest("typed.py") != before


def test_no_step_of_the_library_depends_on_the_configuration():
    assert (project.SCRIPTS / "wordsight/config/__init__.py").is_file()
    scripts = [path.name for path in project.SCRIPTS.glob("*.py")]
    files = set().union(*(provenance.closure(script)[0] for script in scripts))
    assert {"features.py", "wordsight/extraction.py", "wordsight/models/reading.py"} < files
    assert not [file for file in files if file.startswith("wordsight/config")]


def test_a_module_chosen_by_name_counts_when_it_is_named(tree):
    before, with_module = (
        provenance.code_digest("run.py"),
        provenance.code_digest("run.py", "wordsight.chosen"),
    )
    edit(tree / "wordsight/chosen.py", "'chosen'", "'changed'")
    assert provenance.code_digest("run.py") == before
    assert provenance.code_digest("run.py", "wordsight.chosen") != with_module


def test_digests_are_kept_until_any_file_the_lock_or_python_changes(tree, tmp_path, monkeypatch):
    place = tmp_path / "kept/code.json"
    (tmp_path / "uv.lock").write_text("")
    monkeypatch.setattr(provenance, "LOCK", tmp_path / "uv.lock")
    computed = []

    def code_digest(*names):
        computed.append(names)
        return f"digest {len(computed)}"

    monkeypatch.setattr(provenance, "code_digest", code_digest)

    def found(*names):
        memory = provenance.Memory(place)
        digest = memory.code_digest(*names)
        memory.keep()
        return digest

    assert (found("run.py"), found("run.py")) == ("digest 1", "digest 1")
    assert found("run.py", "wordsight.chosen") == "digest 2"
    assert found("run.py") == "digest 1"
    edit(tree / "wordsight/bounds.py", "= 1", "= 2")
    assert (found("run.py"), found("run.py")) == ("digest 3", "digest 3")
    (tree / "wordsight/new.py").write_text("")
    assert found("run.py") == "digest 4"
    (tmp_path / "uv.lock").write_text("version = 2\n")
    assert found("run.py") == "digest 5"
    monkeypatch.setattr(sys, "version", "another")
    assert found("run.py") == "digest 6"
    assert len(json.loads(place.read_text())) == 1


def test_digests_made_while_a_file_was_edited_are_not_kept(tree, tmp_path):
    memory = provenance.Memory(tmp_path / "code.json")
    memory.code_digest("run.py")
    edit(tree / "wordsight/second.py", "-1", "-2")
    memory.keep()
    assert not memory.path.exists()


def test_a_locked_version_counts_for_those_that_import_the_package(tree, monkeypatch):
    before, other = provenance.code_digest("run.py"), provenance.code_digest("other.py")
    newer = {**project.locked_versions(project.LOCK), "numpy": "99"}
    monkeypatch.setattr(provenance, "locked_versions", lambda _: newer)
    assert provenance.code_digest("run.py") != before
    assert provenance.code_digest("other.py") == other


def test_every_package_that_the_library_imports_is_locked():
    locked = project.locked_versions(project.LOCK)
    scripts = [path.relative_to(project.SCRIPTS).as_posix() for path in project.SCRIPTS.rglob("*.py")]
    imported = set().union(*(provenance.closure(script)[1] for script in scripts))
    assert imported - set(sys.stdlib_module_names) - locked.keys() - {"snakemake"} == set()


def test_scripts_import_nothing_of_snakemake():
    library = [path.relative_to(project.SCRIPTS) for path in (project.SCRIPTS / "wordsight").rglob("*.py")]
    assert not [path for path in library if "snakemake" in provenance.closure(path.as_posix())[1]]


def test_the_snakefile_needs_little_to_read_the_configuration():
    code = "import sys; import wordsight.config, wordsight.workflow.targets, wordsight.workflow.provenance; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    loaded = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert {"numpy", "pandas", "torch", "pyarrow"}.isdisjoint(loaded.stdout.split())
