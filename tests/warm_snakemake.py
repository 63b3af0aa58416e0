"""Snakemake whose steps fork from a process that has imported the library already.

``python tests/warm_snakemake.py - ARGUMENTS`` is ``snakemake ARGUMENTS``, in the folder of a project. Every script
still runs in a process of its own and as Snakemake wrote it; what is saved is the seconds that each needs to
import torch and the like. Runs of many short steps take it; jobs on SLURM and shorter runs show that steps also start from nothing.
A module of the tests in place of ``-`` is imported after the library, and may change it.
"""

import multiprocessing
import os
import runpy
import sys
import threading
from contextlib import nullcontext
from multiprocessing.connection import wait
from pathlib import Path

LIBRARY = Path("scripts/wordsight").resolve()
# What alone needs a library that takes long, and that few runs need.
SELDOM = {"wordsight.datasets.corrupting", "wordsight.datasets.sources.huggingface"}


def modules():
    """Names of the modules of the project's library, but for commands and what is seldom needed."""
    files = (path.relative_to(LIBRARY.parent).with_suffix("") for path in LIBRARY.rglob("*.py"))
    names = {".".join(file.parts) for file in files if file.name not in ("__init__", "__main__")}
    return sorted(names - SELDOM)


def run(file, go):
    """Run a script once it is told to: a step may end sooner than somebody begins to measure its process."""
    go.recv()
    runpy.run_path(file, run_name="__main__")


def main():
    """Run Snakemake's command line."""
    from snakemake.benchmark import benchmarked
    from snakemake.cli import main as snakemake
    from snakemake.exceptions import WorkflowError
    from snakemake.script import PythonScript

    # The process from which steps fork finds modules by its environment alone.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(LIBRARY.parent), str(Path(__file__).parent)])
    further = sys.argv.pop(1)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([*modules(), *([] if further == "-" else [further])])
    # Starting a process asks after all others, and two threads must not learn the end of the same one.
    lock = threading.Lock()

    def execute(script, file, edit=False):
        here, there = processes.Pipe()
        process = processes.Process(target=run, args=(file, there))
        with lock:
            process.start()
        with benchmarked(process.pid, script.bench_record) if script.bench_record else nullcontext():
            here.send("go")
            wait([process.sentinel])
        with lock:
            process.join()
        if process.exitcode:
            raise WorkflowError(f"{script.path} ended with status {process.exitcode}")

    PythonScript.execute_script = execute
    sys.exit(snakemake())


if __name__ == "__main__":
    main()
