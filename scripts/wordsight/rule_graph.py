"""Which rule of the workflow reads what another makes, from the jobs of a configuration.

Only the standard library is imported, since the Snakefile reads this module wherever Snakemake is.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any


def rule_graph(
    jobs: Iterable[Any], depends_on: Callable[[Any], Iterable[Any]], target: str
) -> dict[str, list[Any]]:
    """Rules that a target needs, in the order of their names.

    Parameters
    ----------
    jobs : of the whole run, each with ``rule.name``
    depends_on : gives the jobs whose files a job reads
    target : name of the rule that is asked for; where no job is of it, all jobs count

    Returns
    -------
    dict
        ``rules``, pairs of a rule's name and the number of its jobs, and ``edges``, pairs of the rule that
        makes a file and the rule that reads it: lists, so that Snakemake can record and compare them.
    """
    every = list(jobs)
    left = [job for job in every if job.rule.name == target] or every
    needed = set(left)
    while left:
        found = set(depends_on(left.pop())) - needed
        needed |= found
        left += found
    counts = Counter(job.rule.name for job in needed)
    edges = {(made.rule.name, job.rule.name) for job in needed for made in depends_on(job)}
    return {
        "rules": [list(pair) for pair in sorted(counts.items())],
        "edges": [list(edge) for edge in sorted(edges)],
    }
