"""A local file of weights for a named architecture."""

from wordsight.config import CheckpointNetwork
from wordsight.models import weights
from wordsight.storage import sha256


def acquire(section: CheckpointNetwork) -> weights.Pretrained:
    """Read the file, take the tensors under ``key``, and cut ``prefix`` off their names."""
    contents = weights.read(section.path, section.sha256)
    return weights.Pretrained(
        tensors=weights.state_dict(contents, section.path, key=section.key, prefix=section.prefix),
        origin=section.path,
        sha256=sha256(section.path),
        preprocessing=section.preprocessing,
    )
