"""Weights of torchvision."""

import re
from pathlib import Path

from wordsight.config.models import TorchvisionNetwork
from wordsight.downloads import fetching
from wordsight.errors import ConfigError
from wordsight.models.architectures.torchvision import fixed_size, preprocessing_of, preset_of
from wordsight.models.foreign import weights
from wordsight.models.pretrained import Pretrained


def acquire(section: TorchvisionNetwork) -> Pretrained:
    """Read the local file, or download the weights."""
    preset = preset_of(section.name, section.weights)
    default = preset_of(section.name, "DEFAULT")
    if section.name.startswith("vit_") and fixed_size(preset) != fixed_size(default):
        raise ConfigError(
            f"config: models: {section.name} {section.weights} of torchvision: expected weights for images "
            f"of {fixed_size(default)} pixels, but these need {fixed_size(preset)}"
        )
    path = Path(section.path) if section.path else _download(preset.url, section.sha256)
    sha256 = weights.verify(path, section.sha256)
    return Pretrained(
        tensors={_current_name(name): value for name, value in weights.tensors(path).items()},
        origin=section.path or preset.url,
        licence="unknown" if section.path else preset.meta.get("license", "BSD-3-Clause"),
        sha256=sha256,
        preprocessing=preprocessing_of(preset),
    )


def _current_name(name: str) -> str:
    """Name in the installed torchvision of a published tensor; those of DenseNet and ViT were renamed."""
    name = re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", name)
    return re.sub(r"\.mlp\.linear_([12])\.", lambda layer: f".mlp.{3 * (int(layer[1]) - 1)}.", name)


def _download(url: str, sha256: str | None) -> Path:
    """Download a file and check it; its name ends in the first digits of its SHA-256."""
    digits = Path(url).stem.rsplit("-", maxsplit=1)[-1]
    return fetching.fetch([url], sha256=sha256 or digits, expected="weights")
