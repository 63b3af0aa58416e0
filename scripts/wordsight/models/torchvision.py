"""Classification networks and weights of torchvision."""

import re
from pathlib import Path
from typing import Any

from torch import nn

from wordsight import downloads
from wordsight.config import PreprocessingSection, TorchvisionNetwork, nearest
from wordsight.errors import ConfigError
from wordsight.models import compiler, weights
from wordsight.models.encoder import Backbone
from wordsight.storage import sha256

with compiler.left_out():
    import torchvision
    from torchvision.models import SqueezeNet, Weights

# Without the auxiliary classifiers, which only training uses, and with the change of input that the weights
# expect.
OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "transform_input": True, "init_weights": False},
    "inception_v3": {"aux_logits": False, "transform_input": True, "init_weights": False},
}
AUXILIARY = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}


def build(name: str) -> tuple[Backbone, PreprocessingSection]:
    """Network by its name in ``torchvision.models``, and the preprocessing of its default weights."""
    preset = _weights(name, "DEFAULT")
    options = {"image_size": _fixed_size(preset)} if name.startswith("vit_") else OPTIONS.get(name, {})
    network = torchvision.models.get_model(name, weights=None, **options)
    return _split(network, AUXILIARY.get(name, ())), _preprocessing(preset)


def acquire(section: TorchvisionNetwork) -> weights.Pretrained:
    """Read the local file, or download the weights."""
    preset = _weights(section.name, section.weights)
    usual = _weights(section.name, "DEFAULT")
    if section.name.startswith("vit_") and _fixed_size(preset) != _fixed_size(usual):
        raise ConfigError(
            f"config: models: {section.name} {section.weights} of torchvision: expected weights for images "
            f"of {_fixed_size(usual)} pixels, but these need {_fixed_size(preset)}"
        )
    path = Path(section.path) if section.path else _download(preset.url, section.sha256)
    tensors = weights.state_dict(weights.read(path, section.sha256), path)
    return weights.Pretrained(
        tensors={_present_name(name): value for name, value in tensors.items()},
        origin=section.path or preset.url,
        licence="unknown" if section.path else preset.meta.get("license", "BSD-3-Clause"),
        sha256=sha256(path),
        preprocessing=_preprocessing(preset),
    )


def _split(network: nn.Module, unused: tuple[str, ...]) -> Backbone:
    """Take off the last layer: a linear one, or for SqueezeNet a convolution before the pooling."""
    if isinstance(network, SqueezeNet):
        pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        head: Any = nn.Sequential(*network.classifier, nn.Flatten())
        features = nn.Sequential()
        features.add_module("features", network.features)
        return Backbone(features, head[1].in_channels, pool=pool, head=head, head_name="classifier.")
    name, last = [
        (name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)
    ][-1]
    network.set_submodule(name, nn.Identity())
    return Backbone(network, last.in_features, head=last, head_name=f"{name}.", unused=unused)


def _weights(name: str, weights_name: str) -> Weights:
    """What torchvision knows of the weights of a classification network."""
    valid = torchvision.models.list_models(module=torchvision.models)
    if name not in valid:
        raise ConfigError(
            f"config: models: torchvision has no classification model {name!r}; {nearest(name, valid)}"
        )
    presets = torchvision.models.get_model_weights(name)
    if weights_name not in presets.__members__:
        hint = nearest(weights_name, list(presets.__members__))
        raise ConfigError(f"config: models: torchvision's {name} has no weights {weights_name!r}; {hint}")
    return presets[weights_name].value


def _fixed_size(preset: Weights) -> int:
    """Side in pixels of the only images that a Vision Transformer with these weights takes."""
    return preset.meta["min_size"][0]


def _present_name(name: str) -> str:
    """Name in today's torchvision of a tensor in a published file: DenseNet and ViT were renamed since."""
    name = re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", name)
    return re.sub(r"\.mlp\.linear_([12])\.", lambda layer: f".mlp.{3 * (int(layer[1]) - 1)}.", name)


def _preprocessing(preset: Weights) -> PreprocessingSection:
    transforms = preset.transforms()
    return PreprocessingSection(
        image_size=transforms.crop_size[0],
        resize=transforms.resize_size[0],
        interpolation=transforms.interpolation.value,
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
    )


def _download(url: str, sha256: str | None) -> Path:
    """Download a file, whose name ends in the first digits of its SHA-256."""
    named = Path(url).stem.rsplit("-", maxsplit=1)[-1]
    return downloads.fetch([url], sha256=sha256 or named, expected="weights")
