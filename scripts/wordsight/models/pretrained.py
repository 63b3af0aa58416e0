"""What a source of networks delivers."""

from dataclasses import dataclass
from typing import Any

from wordsight.config.models import PreprocessingSection
from wordsight.models.tensors import Tensors


@dataclass(frozen=True)
class Pretrained:
    """Weights as a source delivers them.

    Attributes
    ----------
    tensors : weights by their name in the architecture's library
    origin : address, path or ``package==version``
    sha256 : of the file they came in, empty when there was none
    preprocessing : that of these weights, where it differs from their architecture's
    configuration : what their network is built from, where its name does not say it
    """

    tensors: Tensors
    origin: str
    licence: str = "unknown"
    sha256: str = ""
    preprocessing: PreprocessingSection | None = None
    seed: int | None = None
    configuration: dict[str, Any] | None = None
