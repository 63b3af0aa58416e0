"""The keys ``contrasts`` and ``conclusions``: which models are compared, and what that shows together."""

from typing import Literal

from pydantic import Field

from wordsight.catalogue.section import Name, Section, Text
from wordsight.config.selector import Selector


class Contrast(Section):
    """Two groups of models, compared in pairs that share the traits in ``match``."""

    treatment: Selector = Field(description="Models of one side.")
    control: Selector = Field(description="Models of the other side; no model may be on both.")
    match: list[Literal["architecture", "group", "seed"]] = Field(
        default=[], description="Traits that the two models of a pair must share."
    )
    metrics: dict[str, Text] = Field(
        default={},
        description=(
            "Metric to compare by, for protocols where it isn't the main one, such as `{transfer: "
            "balanced_accuracy}`."
        ),
    )
    question: str = Field(default="", description="The question in words, for the report.")


class Conclusion(Section):
    """What several contrasts show together: it holds where each of them has the verdict that it needs."""

    question: str = Field(default="", description="The question in words, for the report.")
    helps: list[Name] = Field(default=[], description="Contrasts whose treatment has to help.")
    equivalent: list[Name] = Field(default=[], description="Contrasts whose sides have to be equivalent.")
