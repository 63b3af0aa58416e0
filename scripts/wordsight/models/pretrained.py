"""What a source of networks delivers."""

from dataclasses import dataclass
from typing import Any

from wordsight.config.models import PreprocessingSection
from wordsight.models.tensors import Tensors


@dataclass(frozen=True)
class Pretrained:
    """Weights from a source, and what belongs to them.

    Attributes
    ----------
    tensors : weights by their names in the architecture's library
    origin : address, path or ``package==version``
    sha256 : of the file they came in, empty if there was none
    preprocessing : that of these weights; None if it is the default of their architecture
    configuration : settings to build their network from, None if its name is enough
    """

    tensors: Tensors
    origin: str
    licence: str = "unknown"
    sha256: str = ""
    preprocessing: PreprocessingSection | None = None
    seed: int | None = None
    configuration: dict[str, Any] | None = None
