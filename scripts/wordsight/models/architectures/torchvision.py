"""Classification networks of torchvision."""

from typing import Any

from torch import nn

from wordsight.catalogue.section import nearest
from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError
from wordsight.models.compiler import without_compiler
from wordsight.models.encoder import Backbone
from wordsight.models.read_outs import Anatomy

with without_compiler():
    import torchvision
    from torchvision.models import (
        ConvNeXt,
        MaxVit,
        RegNet,
        ResNet,
        SqueezeNet,
        SwinTransformer,
        VisionTransformer,
        Weights,
    )

# No auxiliary classifiers, since only training uses them. The weights expect the transformed input.
OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "transform_input": True, "init_weights": False},
    "inception_v3": {"aux_logits": False, "transform_input": True, "init_weights": False},
}

AUXILIARY = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}


def build(name: str) -> tuple[Backbone, PreprocessingSection]:
    """Network by its name in ``torchvision.models``, and the preprocessing of its default weights."""
    preset = preset_of(name, "DEFAULT")
    options = {"image_size": fixed_size(preset)} if name.startswith("vit_") else OPTIONS.get(name, {})
    network = torchvision.models.get_model(name, weights=None, **options)
    return _split(network, AUXILIARY.get(name, ())), preprocessing_of(preset)


def _split(network: nn.Module, unused: tuple[str, ...]) -> Backbone:
    """Split off the last layer: a linear one, or for SqueezeNet a convolution before the pooling."""
    if isinstance(network, SqueezeNet):
        pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        head: Any = nn.Sequential(*network.classifier, nn.Flatten())
        features = nn.Sequential()
        features.add_module("features", network.features)
        return Backbone(
            features,
            head[1].in_channels,
            pool=pool,
            head=head,
            head_name="classifier.",
            anatomy=Anatomy("features"),
        )
    name, last = [
        (name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)
    ][-1]
    network.set_submodule(name, nn.Identity())
    return Backbone(
        network,
        last.in_features,
        head=last,
        head_name=f"{name}.",
        unused=unused,
        anatomy=_anatomy_of(network),
    )


def _anatomy_of(network: nn.Module) -> Anatomy | None:
    """Where a network has its last tokens or map, and its layers; None if it has none that is a module's."""
    if isinstance(network, VisionTransformer):
        return Anatomy("encoder", _children(network, "encoder.layers"), prefix=1, class_token=True)
    if isinstance(network, SwinTransformer):
        return Anatomy("norm", _children(network, "features")[1::2], channels_last=True)
    if isinstance(network, ConvNeXt):  # its layers alternate with what makes maps smaller
        norm = "classifier.0"
        return Anatomy("features", _children(network, "features")[1::2], pooled_norm=norm, norm_of_map=True)
    if isinstance(network, ResNet):
        return Anatomy("layer4", ("layer1", "layer2", "layer3", "layer4"))
    for kind, part in ((RegNet, "trunk_output"), (MaxVit, "blocks")):
        if isinstance(network, kind):
            layers = _children(network, part)
            return Anatomy(layers[-1], layers)
    names = [name for name, _ in network.named_children()]
    return Anatomy(names[names.index("avgpool") - 1]) if "avgpool" in names else None


def _children(network: nn.Module, name: str) -> tuple[str, ...]:
    """Names of the modules in a part of a network."""
    return tuple(f"{name}.{child}" for child, _ in network.get_submodule(name).named_children())


def preset_of(name: str, weights_name: str) -> Weights:
    """Torchvision's description of the weights of a network; raises ConfigError if a name is unknown."""
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


def fixed_size(preset: Weights) -> int:
    """Side in pixels of the images that a Vision Transformer with these weights requires."""
    return preset.meta["min_size"][0]


def preprocessing_of(preset: Weights) -> PreprocessingSection:
    """Preprocessing of some weights."""
    transforms = preset.transforms()
    return PreprocessingSection(
        image_size=transforms.crop_size[0],
        resize=transforms.resize_size[0],
        interpolation=transforms.interpolation.value,
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
    )
