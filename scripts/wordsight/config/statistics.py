"""The key ``statistics``: how uncertainty is computed, and what a verdict is judged by."""

from typing import Annotated

from pydantic import Field

from wordsight.catalogue.section import Fraction, Name, Positive, Section


class StatisticsSection(Section):
    """Intervals, their resampling, and what a verdict is judged by.

    Attributes
    ----------
    margins : for each metric, the largest difference that counts as none; 0.03 where a metric is not named
    families : contrasts whose decisive comparisons are corrected together; those not named are one family
    power : with which a difference as large as the margin is to be found
    """

    confidence: Fraction = 0.95
    resamples: Annotated[int, Field(ge=100)] = 2000
    power: Fraction = 0.8
    margins: dict[str, Positive] = {}
    families: dict[Name, Annotated[list[str], Field(min_length=1)]] = {}
