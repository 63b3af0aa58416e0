"""The key ``contrasts``: which models are compared with which."""

from typing import Literal

from pydantic import Field

from wordsight.catalogue.section import Section
from wordsight.config.selector import Selector


class Contrast(Section):
    """Two groups of models, compared in pairs that share the traits in ``match``."""

    treatment: Selector = Field(description="Models of one side.")
    control: Selector = Field(description="Models of the other side; no model may be on both.")
    match: list[Literal["architecture", "group", "seed"]] = Field(
        default=[], description="Traits that the two models of a pair must share."
    )
    question: str = Field(default="", description="The question in words, for the report.")
