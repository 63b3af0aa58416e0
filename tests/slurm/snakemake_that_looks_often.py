"""Snakemake's command, but SLURM is asked every half second for its jobs.

The executor asks ten seconds later each time that no job has ended, and no option bounds that: with short jobs
a run would mostly wait.
"""

import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor

Executor.next_seconds_between_status_checks = property(lambda _: 0.5, lambda _, seconds: None)

if __name__ == "__main__":
    sys.exit(main())
