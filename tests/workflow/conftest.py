"""The small experiment, made and run once for all tests that start from it."""

import json
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from small_project import Project, copy_of_the_project, make_project


@pytest.fixture(scope="session")
def bare_project():
    """Make a copy of the project at a path, without data and configuration of its own."""
    return lambda path: Project(copy_of_the_project(path))


@pytest.fixture(scope="session")
def once(tmp_path_factory, worker_id):
    """Make a project once for all workers of a test run; those that come later wait for the first."""
    root = tmp_path_factory.getbasetemp()
    shared = root if worker_id == "master" else root.parent

    def made(name: str, make) -> Project:
        path, note = shared / name, shared / f"{name}.json"
        with FileLock(f"{note}.lock"):
            if not note.exists():
                shutil.rmtree(path, ignore_errors=True)
                note.write_text(json.dumps(make(path).said))
        return Project(path, json.loads(note.read_text()))

    return made


@pytest.fixture(scope="session")
def new_project(once):
    """Make the small experiment at a path, with its data; nothing of it has run."""
    template = once("template", make_project)

    def copied(path: Path) -> Project:
        shutil.copytree(template.path, path, copy_function=shutil.copy2)
        return Project(path)

    return copied


@pytest.fixture(scope="session")
def finished(once, new_project) -> Project:
    """Small experiment that ran to its end. Tests copy it and leave it as it is."""

    def run(path: Path) -> Project:
        project = new_project(path)
        return Project(path, project.snakemake(warm=True).stdout)

    return once("finished", run)


@pytest.fixture
def fresh(new_project, tmp_path) -> Project:
    """Small experiment of which nothing has run."""
    return new_project(tmp_path / "project")


@pytest.fixture
def copy(finished, tmp_path) -> Project:
    """Copy of the finished experiment, with the times of its files."""
    shutil.copytree(finished.path, tmp_path / "project", copy_function=shutil.copy2)
    return Project(tmp_path / "project")


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch):
    """Snakemake of the tests reads no settings but the project's."""
    for name in [name for name in os.environ if name.startswith("SNAKEMAKE_")]:
        monkeypatch.delenv(name)
