"""How the jobs of a step are cut, and the names of the rules that say so.

Some jobs cover several models or datasets. Each way to cut a step into jobs has a rule of its own, whose name
is that of the step with one of the suffixes here. The benchmark files of Snakemake have these names too.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

TOGETHER = "_together"  # one model on all datasets
RULE = re.compile(
    rf"(?P<step>.+?)(?:(?P<together>{TOGETHER})|_seeds_(?P<first>\d+)_to_(?P<last>\d+)|_at_(?P<places>\w+))?"
)


class Rule(NamedTuple):
    """What the name of a rule says.

    Attributes
    ----------
    step : what its jobs do
    seeds : first and last seed of the objective that a job covers; None for one model
    """

    step: str
    seeds: tuple[int, int] | None

    @property
    def covered(self) -> range:
        """Seeds of the objective that a job covers; empty for one model."""
        return range(self.seeds[0], self.seeds[1] + 1) if self.seeds else range(0)

    @property
    def models(self) -> int:
        """Number of models that a job covers."""
        return len(self.covered) or 1


def of_seeds(first: int, last: int) -> str:
    """Suffix of a rule whose jobs cover some seeds of an objective, on all datasets."""
    return f"_seeds_{first}_to_{last}"


def of_places(places: Iterable[str]) -> str:
    """Suffix of a rule whose jobs read a network in several places, those after the first.

    >>> of_places(["-embedding", "-layer-6"])
    '_at_embedding_layer_6'
    """
    return "_at" + "".join(places).replace("-", "_")


def parsed(rule: str) -> Rule:
    """Take the name of a rule apart.

    >>> parsed("few_shot_seeds_5_to_8"), parsed("features_together").step, parsed("features_at_mean").step
    (Rule(step='few_shot', seeds=(5, 8)), 'features', 'features')
    """
    found = RULE.fullmatch(rule)
    if found is None or found["first"] is None:
        return Rule(found["step"] if found else rule, None)
    return Rule(found["step"], (int(found["first"]), int(found["last"])))


def cut_seeds(seeds: int, size: int, ends: Iterable[int]) -> list[tuple[int, int]]:
    """First and last seed of each job of an objective.

    Parameters
    ----------
    seeds : how many there are; they are 0, 1 and so on
    size : seeds of a job, of which the last one before an end may have fewer
    ends : numbers of seeds at which a job ends

    >>> cut_seeds(12, 5, [9])
    [(0, 4), (5, 8), (9, 11)]
    """
    starts = [0, *sorted({end for end in ends if 0 < end < seeds})]
    return [
        (first, min(first + size, end) - 1)
        for start, end in zip(starts, [*starts[1:], seeds], strict=True)
        for first in range(start, end, size)
    ]
