"""Weights of timm."""

from pathlib import Path

from wordsight.config.models import TimmNetwork
from wordsight.downloads import hub
from wordsight.errors import ConfigError
from wordsight.models.architectures.timm import weights_of
from wordsight.models.foreign import weights
from wordsight.models.pretrained import Pretrained


def acquire(section: TimmNetwork) -> Pretrained:
    """Read the local file, or download the weights as safetensors."""
    config = weights_of(section.name)
    if config.crop_mode not in (None, "center", "squash"):
        raise ConfigError(
            f"config: models: {section.name} of timm: expected crop mode center or squash, but it needs "
            f"{config.crop_mode!r}"
        )
    path = Path(section.path) if section.path else _download(section.name, config.hf_hub_id)
    sha256 = weights.verify(path, section.sha256)
    return Pretrained(
        tensors=weights.tensors(path),
        origin=section.path or f"https://huggingface.co/{config.hf_hub_id}",
        licence="unknown" if section.path else config.license or "unknown",
        sha256=sha256,
    )


def _download(name: str, repository: str | None) -> Path:
    if not repository:
        raise ConfigError(f"config: models: timm has no weights of {name!r} on its hub; set `path`")
    return hub.from_hub(repository, "model.safetensors")
