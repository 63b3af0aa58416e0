"""The key ``statistics``: how uncertainty is computed, and what a verdict is judged by."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from wordsight.catalogue.section import SOUND, Fraction, Name, Section


class Margin(Section):
    """A margin that is a share of what training gains over untrained encoders."""

    share: Fraction = Field(
        default=0.25,
        description="Share of what all objectives of the protocol gain over untrained encoders, on average.",
    )
    least: Fraction = Field(
        default=0.01,
        description=(
            "Smallest margin, however small the gain; three times as much is the margin where there is no "
            "untrained encoder to tell the gain."
        ),
    )


class StatisticsSection(Section):
    """Intervals, their resampling, and what a verdict is judged by."""

    confidence: Fraction = Field(
        default=0.95,
        description=(
            "Confidence level of every interval. Verdicts are tested at a significance level of 1 minus this."
        ),
    )
    resamples: Annotated[int, Field(ge=100), SOUND] = Field(
        default=2000, description="Resamples of the bootstrap."
    )
    power: Fraction = Field(
        default=0.8,
        description=(
            "Power that a plan aims at: with this probability, a difference as large as the margin is found, "
            "and equivalence where there is no difference."
        ),
    )
    margin: Fraction | Margin = Field(
        default=Margin(),
        description=(
            "Largest difference that counts as no difference: a number, such as 0.03, or a share of the gain "
            "over untrained encoders."
        ),
    )
    margins: dict[str, Fraction | Margin] = Field(
        default={},
        description=(
            "For some metrics, another margin, such as `{accuracy: 0.02, robust_area: {least: 0.03}}`."
        ),
    )
    clusters: dict[Name, Literal["concept", "items"]] = Field(
        default={},
        description=(
            "For a dataset whose test images have a concept, whether the images of one concept count once "
            "(`concept`, which is the default) or each by itself (`items`)."
        ),
    )
    families: dict[Name, Annotated[list[str], Field(min_length=1)]] = Field(
        default={},
        description=(
            "Contrasts whose verdicts are corrected together, by name of the family, such as "
            "`{language: [captions-labels]}`. All other contrasts form the family `all others`, except those "
            "with untrained encoders, which have no verdicts."
        ),
    )
    primary: list[str] = Field(
        default=[],
        description=(
            "Protocols that decide the question. Those of a family are corrected together, and its other "
            "protocols form a family of their own. Without this key, all protocols are corrected together."
        ),
    )
    looks: list[Annotated[int, Field(ge=2), SOUND]] = Field(
        default=[],
        description=(
            "Numbers of seeds at which verdicts are given, such as `[5, 10, 20]`, if you want to add seeds "
            "until a comparison is decided. The error rate is then spent over these looks, most of it at the "
            "last one. Declare them before the first run. Each objective of a contrast must have one of "
            "these numbers of seeds, and both sides the same. Without this key, each comparison is tested "
            "once."
        ),
    )

    @field_validator("looks")
    @classmethod
    def _refuse_disorder(cls, looks: list[int]) -> list[int]:
        if any(one >= other for one, other in pairwise(looks)):
            raise PydanticCustomError("looks", "list the numbers of seeds in ascending order, each once")
        return looks
