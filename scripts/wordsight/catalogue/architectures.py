"""Names of architectures: ``family/name``; a family is a module of :mod:`wordsight.models.architectures`."""

from pathlib import Path
from typing import Any

# A user's own network has no name that tells how to build it.
FAMILIES = sorted(
    {path.stem for path in Path(__file__).parents[1].glob("models/architectures/[a-z]*.py")} - {"python"}
)


def architecture_of(section: Any) -> str:
    """Architecture of a network by its section of the configuration; trained or not, it is the same."""
    named: str | None = getattr(section, "architecture", None)
    return named or f"{section.source}/{section.name}"
