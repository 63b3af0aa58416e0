"""Networks of timm."""

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError
from wordsight.models.compiler import without_compiler
from wordsight.models.encoder import Backbone
from wordsight.models.read_outs import Anatomy, Passed, kept

with without_compiler():
    import timm
    from timm.data import infer_imagenet_subset
    from timm.layers import ClNormMlpClassifierHead, LayerNorm2d, NormMlpClassifierHead
    from timm.layers.activations import QuickGELU

# What timm calls blocks and stages, as opposed to the stem before them and the convolution behind them.
LAYER = re.compile(
    r"(^|\.)(layers?\.|layer(?=[1-9])|stages?[._]?|blocks?\.|levels\.|features\.|denseblock|s)\d+$"
)
# Classifiers of other labels than ImageNet's have more outputs than any space that images share with texts.
WIDEST_SPACE = 10_000


def build(name: str, configuration: dict[str, Any] | None = None) -> tuple[Backbone, PreprocessingSection]:
    """Network by its name in timm, with or without a tag, and the preprocessing of its weights.

    Parameters
    ----------
    configuration : arguments of the network that differ from timm's, such as ``img_size``
    """
    config = weights_of(name)
    network = timm.create_model(name, pretrained=False, **(configuration or {}))
    _check_activation(network, name, config)
    preprocessing = _preprocessing(network)
    return _split(network, name, config, configuration), preprocessing


def _check_activation(network: nn.Module, name: str, config: Any) -> None:
    """Refuse weights that timm notes as trained with QuickGELU in a network with another activation.

    The variant with the right activation has the same note, so the network itself tells. No tensor does.
    """
    noted = any("quickgelu" in note.lower() for note in config.notes or ())
    if noted and not any(isinstance(module, QuickGELU) for module in network.modules()):
        other = name.replace("_clip_", "_clip_quickgelu_")
        raise ConfigError(
            f"config: models: {name} of timm has another activation than its weights were trained with, "
            f"QuickGELU; use {other!r}"
        )


def weights_of(name: str) -> Any:
    """Timm's description of a model's weights; raises ConfigError if the name or the input is unsuitable."""
    valid = timm.list_models(include_tags=True) + timm.list_models()
    if name not in valid:
        tags = [other for other in valid if other.startswith(name.split(".")[0] + ".")]
        close = tags or difflib.get_close_matches(name, valid)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ConfigError(f"config: models: timm has no model {name!r}{hint}")
    config: Any = timm.get_pretrained_cfg(name)
    if config.input_size[1] != config.input_size[2]:
        size = " x ".join(map(str, config.input_size[1:]))
        raise ConfigError(f"config: models: {name} of timm: expected square images, but it needs {size}")
    return config


def _split(network: nn.Module, name: str, config: Any, configuration: dict[str, Any] | None) -> Backbone:
    """Split off the last layer: the classifier, or the projection into a space shared with texts.

    Without either if the network has several, as for distillation, or one that is not linear.
    """
    head = config.classifier if isinstance(config.classifier, str) else ""
    last = dict(network.named_modules()).get(head) if head else None
    if isinstance(last, nn.Linear):
        network.set_submodule(head, nn.Identity())
        part = "projection" if _projects(config) else "head"
        named: dict[str, Any] = {part: last, f"{part}_name": f"{head}."}
        return Backbone(
            network, last.in_features, configuration=configuration, anatomy=anatomy_of(network), **named
        )
    headless: Any = timm.create_model(name, pretrained=False, num_classes=0, **(configuration or {}))
    unused = tuple(sorted(set(network.state_dict()) - set(headless.state_dict())))
    return Backbone(
        headless,
        headless.num_features,
        unused=unused,
        configuration=configuration,
        anatomy=anatomy_of(headless),
    )


def _projects(config: Any) -> bool:
    """Whether the last layer of some weights is a projection: it has the outputs of no known label space."""
    return infer_imagenet_subset(config) is None and config.num_classes < WIDEST_SPACE


# Where features can be read


@dataclass(frozen=True)
class TimmAnatomy(Anatomy):
    """Anatomy of a network whose last tokens or map are what timm's ``forward_features`` gives.

    Attributes
    ----------
    channels : of each layer, as timm states them
    inside : name of timm's network, if it is a part of the network
    then : name of the part that reads what timm's network gives
    """

    channels: tuple[int, ...] = ()
    inside: str = ""
    then: str = ""

    def run(self, network: nn.Module, images: torch.Tensor, numbers: Sequence[int]) -> Passed:
        """Pass images through a network, and keep its last tokens and the layers with these numbers."""
        timms: Any = network.get_submodule(self.inside)
        names = {number: self.layers[number - 1] for number in numbers}
        with kept(network, set(names.values())) as found:
            last = timms.forward_features(images)
        output = timms.forward_head(last)
        if self.then:
            output = network.get_submodule(self.then)(output)
        return Passed(output, last, {number: found[name] for number, name in names.items()})

    def widths(self, network: nn.Module, images: torch.Tensor) -> dict[str, int]:
        """Width of the features at each place; without layers that have other channels than timm states."""
        widths = super().widths(network, images)
        layers = [place for place in widths if place.startswith("layer ")]
        if tuple(widths[place] for place in layers) == self.channels:
            return widths
        return {place: width for place, width in widths.items() if place not in layers}


def anatomy_of(network: Any, inside: str = "", then: str = "") -> Anatomy | None:
    """Where one of timm's networks has its last tokens or map and its layers; None if that is not known.

    Parameters
    ----------
    network : of timm, inside another network if ``inside`` is its name there
    inside, then : as for :class:`TimmAnatomy`
    """
    prefix = getattr(network, "num_prefix_tokens", None)
    with_class = any("cls_token" in name for name, _ in network.named_parameters())
    if not hasattr(network, "forward_head") or (prefix is None and with_class):
        return None
    modules = dict(network.named_modules())
    stated = getattr(network, "feature_info", [])
    layers = [info for info in stated if LAYER.search(info["module"]) and info["module"] in modules]
    norm = _pooled_norm(modules)
    path = f"{inside}." if inside else ""
    return TimmAnatomy(
        layers=tuple(path + info["module"] for info in layers),
        channels=tuple(info["num_chs"] for info in layers),
        prefix=prefix or 0,
        class_token=with_class and getattr(network, "has_class_token", True),
        channels_last=getattr(network, "output_fmt", "NCHW") == "NHWC",
        pooled_norm=norm and path + norm,
        norm_of_map=isinstance(modules.get(norm), LayerNorm2d),
        inside=inside,
        then=then,
    )


def _pooled_norm(modules: Mapping[str, nn.Module]) -> str:
    """Name of the module that normalises what was pooled; empty if none does."""
    if isinstance(modules.get("fc_norm", nn.Identity()), nn.Identity):
        heads = NormMlpClassifierHead | ClNormMlpClassifierHead
        return "head.norm" if isinstance(modules.get("head"), heads) else ""
    return "fc_norm"


def _preprocessing(network: nn.Module) -> PreprocessingSection:
    """Preprocessing of timm's own transform; ``crop_pct`` is the crop's side divided by the shorter side."""
    config = timm.data.resolve_model_data_config(network)
    size = config["input_size"][-1]
    return PreprocessingSection(
        image_size=size,
        resize=math.floor(size / config["crop_pct"]),
        interpolation=config["interpolation"],
        squash=config["crop_mode"] == "squash",
        mean=config["mean"],
        std=config["std"],
    )
