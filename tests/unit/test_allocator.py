"""Processes keep the memory that they free, so that the system doesn't have to clear pages again."""

import os
import platform
import subprocess
import sys

import pytest

from wordsight.workflow import allocator

FREES = """
import numpy, resource, sys
size = int(sys.argv[1])
numpy.ones(size)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    numpy.ones(size)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Let every test begin without the settings, and none keep them."""
    for name in allocator.SETTINGS:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def faults(size):
    """Pages that a process asks the system for while it frees and allocates so many bytes fifty times."""
    done = subprocess.run(
        [sys.executable, "-c", FREES, str(size // 8)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
@pytest.mark.parametrize("part", [1 / 32, 1 / 2])
def test_a_process_that_frees_memory_asks_for_it_once(monkeypatch, part):
    size = int(part * allocator.SETTINGS["MALLOC_MMAP_THRESHOLD_"])
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", str(2**17))  # as it is before the library has learned
    anew = faults(size)
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_")
    allocator.keep_freed()
    assert faults(size) < anew / 20


def test_what_the_user_sets_stays(monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    allocator.keep_freed()
    assert os.environ["MALLOC_TRIM_THRESHOLD_"] == "131072"
    assert int(os.environ["MALLOC_MMAP_THRESHOLD_"]) == allocator.SETTINGS["MALLOC_MMAP_THRESHOLD_"]
