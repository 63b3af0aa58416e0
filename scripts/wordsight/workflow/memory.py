"""How much memory a job asks for: more with each try, but no more than a machine of the cluster has.

A job that asks SLURM for more than any machine has isn't run: it is refused, or waits for ever.
"""

import shutil
import subprocess
from functools import cache

from wordsight.workflow.running import say

ANY = ""  # the partition that SLURM takes where none is named


def asked_for(mem_mb: int, attempt: int, rule: str, partition: str | None) -> int:
    """Memory of a job in MB: twice that of the last try, up to what a machine of its partition has.

    Parameters
    ----------
    mem_mb : of the first try, which is never cut
    attempt : number of the try, from 1
    partition : of SLURM where the job will run; None for a job that runs on this machine
    """
    wanted = mem_mb * 2 ** (attempt - 1)
    if attempt == 1 or partition is None:
        return wanted
    largest = max(mem_mb, largest_mb().get(partition, wanted))
    if largest < wanted:
        _tell(rule, largest, wanted, partition)
    return min(largest, wanted)


@cache
def largest_mb() -> dict[str, int]:
    """Memory in MB of the largest machine of each partition of SLURM; empty where there is no SLURM."""
    if not shutil.which("sinfo"):
        return {}
    command = ["sinfo", "--noheader", "--Node", "--format", "%P|%m"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    found: dict[str, int] = {}
    for line in done.stdout.splitlines():
        name, _, memory = line.strip().partition("|")
        if memory.isdigit():
            for known in (name.rstrip("*"), *([ANY] if name.endswith("*") else [])):
                found[known] = max(found.get(known, 0), int(memory))
    return found


@cache
def _tell(rule: str, largest: int, wanted: int, partition: str) -> None:
    say(
        f"{rule} failed and is tried again with {largest} MB, which is all that a machine of the partition "
        f"{partition or 'that SLURM takes'} has (twice as much as before would be {wanted} MB)"
    )
