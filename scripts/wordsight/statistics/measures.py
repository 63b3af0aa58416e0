"""What the statistics ask of a protocol; the values are its record's, and reach a step through its params."""

from collections.abc import Mapping
from typing import Literal

from wordsight.catalogue.section import Section


class Measure(Section):
    """How the numbers of a protocol are read.

    Attributes
    ----------
    primary : the metric that is compared
    fixed_trials : whether trials are conditions that a repetition would not draw anew
    chance : level of guessing: one over the number of ``classes``, or ``recorded`` as the metric ``chance``
    authors : the metric with the authors' choice, recorded beside the protocol's own
    medians : metrics whose observations can be infinite, so that their mean says nothing
    without_mean : metrics that have neither, such as the name of a class
    """

    primary: str
    fixed_trials: bool = False
    chance: Literal["classes", "recorded", "unknown"] = "unknown"
    authors: str | None = None
    medians: tuple[str, ...] = ()
    without_mean: tuple[str, ...] = ()


Measures = Mapping[str, Measure]
