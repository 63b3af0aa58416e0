"""Encoders that the user's own Python file builds."""

from pathlib import Path

from wordsight.catalogue.architectures import architecture_of
from wordsight.config.models import PythonNetwork
from wordsight.errors import ConfigError
from wordsight.files.hashing import sha256
from wordsight.models import architectures
from wordsight.models.pretrained import Pretrained


def acquire(section: PythonNetwork) -> Pretrained:
    """Build the network and take the weights that the user's function gave it."""
    for key, file in (("path", section.path), ("weights", section.weights)):
        if file is not None and not Path(file).is_file():
            raise ConfigError(f"config: models: {section.name}: {key}: there is no file {file}")
    configuration = {"path": section.path, "sha256": sha256(section.path), "weights": section.weights}
    backbone, _ = architectures.build(architecture_of(section), configuration=configuration)
    origin = section.weights or section.path
    return Pretrained(
        tensors=backbone.tensors(), origin=origin, sha256=sha256(origin), configuration=backbone.configuration
    )
