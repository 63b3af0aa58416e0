"""Networks of timm."""

import difflib
import math
from typing import Any

from torch import nn

from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError
from wordsight.models.compiler import without_compiler
from wordsight.models.encoder import Backbone

with without_compiler():
    import timm
    from timm.layers.activations import QuickGELU


def build(name: str, configuration: dict[str, Any] | None = None) -> tuple[Backbone, PreprocessingSection]:
    """Network by its name in timm, with or without a tag, and the preprocessing of its weights.

    Parameters
    ----------
    configuration : arguments of the network that differ from timm's, such as ``img_size``
    """
    config = weights_of(name)
    network = timm.create_model(name, pretrained=False, **(configuration or {}))
    _check_activation(network, name, config)
    heads = config.classifier or ()
    backbone = _split(network, name, (heads,) if isinstance(heads, str) else heads, configuration)
    return backbone, _preprocessing(network)


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


def _split(
    network: nn.Module, name: str, heads: tuple[str, ...], configuration: dict[str, Any] | None
) -> Backbone:
    """Split off the last layer as the classifier.

    Without a classifier if the network has several, as for distillation, or one that is not linear.
    """
    last = dict(network.named_modules()).get(heads[0]) if len(heads) == 1 else None
    if isinstance(last, nn.Linear):
        network.set_submodule(heads[0], nn.Identity())
        head_name = f"{heads[0]}."
        return Backbone(
            network, last.in_features, head=last, head_name=head_name, configuration=configuration
        )
    headless: Any = timm.create_model(name, pretrained=False, num_classes=0, **(configuration or {}))
    unused = tuple(sorted(set(network.state_dict()) - set(headless.state_dict())))
    return Backbone(headless, headless.num_features, unused=unused, configuration=configuration)


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
