"""What the statistics need to know about a protocol: values of its record, from the params of the step."""

from collections.abc import Mapping

from pydantic import Field

from wordsight.catalogue.chance import Chance
from wordsight.catalogue.section import Section


class Measure(Section):
    """How to read the numbers of a protocol.

    Attributes
    ----------
    primary : the metric that is compared where a contrast chooses no other
    curves : metric and parameter of the curves of its figure, where these show another metric
    fixed_trials : whether trials are conditions that a repetition would not draw anew
    chance : level of guessing by metric, for those where it is known
    labelled : whether each image's class is recorded, as the metric ``label``
    authors : the metric by the authors' choice, recorded in addition to the primary one
    medians : metrics summarised by their median, because observations can be infinite
    without_mean : metrics that have neither mean nor median, such as a predicted class
    """

    primary: str
    curves: tuple[str, str] | None = None
    fixed_trials: bool = False
    chance: dict[str, Chance] = Field(default_factory=dict)
    labelled: bool = False
    authors: str | None = None
    medians: tuple[str, ...] = ()
    without_mean: tuple[str, ...] = ()


Measures = Mapping[str, Measure]
