"""What holds for every test."""

import gc
import logging
import os
import sys
import warnings

import pytest

# One thread a worker: several libraries that each take all cores slow one another down many times over.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Tests start hundreds of processes: each module is compiled once for all, whatever Python is set to do elsewhere.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Whole runs come first, the longest before the others: a worker that got one last would leave the other idle.
FIRST = (
    "paper",
    "end_to_end",
    "slurm",
    "invalidation",
    "add_a_protocol",
    "bring_your_own",
    "faults",
    "bad_input",
    "text",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for garbage neither while libraries are imported nor, later, in what these have made."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Order files of tests by how long they take."""
    places = {f"test_{name}": place for place, name in enumerate(FIRST)}

    def place(item):
        if item.path.parent.name == "workflow":
            return places.get(item.path.stem, len(places))
        return len(places) + 1 + (item.path.parent.name != "browser")

    items.sort(key=place)


@pytest.fixture
def as_in_a_process_of_its_own(monkeypatch):
    """Keep what a step sets up for its process, logging and warnings, from the tests that follow."""
    from wordsight.logs import logger

    monkeypatch.setattr(sys, "path", [*sys.path])
    level, propagate = logger.level, logger.propagate
    with warnings.catch_warnings():
        yield
    logging.captureWarnings(False)
    logger.setLevel(level)
    logger.propagate = propagate
