"""The key ``contrasts``: which models are compared with which."""

from typing import Literal

from wordsight.catalogue.section import Section
from wordsight.config.selector import Selector


class Contrast(Section):
    """Two groups of models, compared pairwise within equal values of ``match``."""

    treatment: Selector
    control: Selector
    match: list[Literal["architecture", "group", "seed"]] = []
    question: str = ""
