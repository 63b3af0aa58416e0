"""The key ``statistics``: how uncertainty is computed, and what a verdict is judged by."""

from typing import Annotated

from pydantic import Field

from wordsight.catalogue.section import Fraction, Name, Positive, Section


class StatisticsSection(Section):
    """Intervals, their resampling, and what a verdict is judged by."""

    confidence: Fraction = Field(
        default=0.95,
        description=(
            "Confidence level of every interval. Verdicts are tested at a significance level of 1 minus this."
        ),
    )
    resamples: Annotated[int, Field(ge=100)] = Field(default=2000, description="Resamples of the bootstrap.")
    power: Fraction = Field(
        default=0.8,
        description="Power with which a difference as large as the margin should be found.",
    )
    margins: dict[str, Positive] = Field(
        default={},
        description=(
            "For each metric, the largest difference that counts as no difference, such as `{accuracy: "
            "0.02}`. It is 0.03 for all other metrics."
        ),
    )
    families: dict[Name, Annotated[list[str], Field(min_length=1)]] = Field(
        default={},
        description=(
            "Contrasts whose verdicts are corrected together, by name of the family, such as "
            "`{language: [captions-labels]}`. All other contrasts form the family `all others`."
        ),
    )
