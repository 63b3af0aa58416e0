"""The key ``features``: how images pass through the encoders."""

from typing import Literal

from wordsight.config.section import Count, Section


class FeaturesSection(Section):
    """How images pass through the encoders."""

    batch_size: Count = 32
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
