"""Names of architectures: ``family/name``; a family is a module of :mod:`wordsight.models.architectures`."""

from pathlib import Path
from typing import Any

# Without `python`, the module for a user's own network, because its name doesn't say how to build it.
FAMILIES = sorted(
    {path.stem for path in Path(__file__).parents[1].glob("models/architectures/[a-z]*.py")} - {"python"}
)


def architecture_of(section: Any) -> str:
    """Name of the architecture in a network's section of the configuration, the same trained or untrained."""
    named: str | None = getattr(section, "architecture", None)
    return named or f"{section.source}/{section.name}"
