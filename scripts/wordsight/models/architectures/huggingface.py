"""Image encoders of transformers.

Code that comes with a model is never run: networks are those of the installed transformers. The model's card
has the settings of its network and preprocessing, so that steps that read the model do not need the hub.
"""

import importlib
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers  # not in `without_compiler`, since it needs more of the compiler at import
from torch import nn

from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError, first_line
from wordsight.models.encoder import Backbone
from wordsight.models.read_outs import Anatomy

FIRST_TOKEN, POOLED, EMBEDDING = "last_hidden_state", "pooler_output", "image_embeds"
PROJECTION = "visual_projection"


@dataclass(frozen=True)
class Family:
    """How a model type becomes an encoder.

    Attributes
    ----------
    network : class of transformers that reads images
    features : key of the network's output that the pooled features come from; ``last_hidden_state`` means its
        first token
    layers : name of the list of its layers
    width : key of the configuration with the width of the features
    configuration : class of the network's configuration, if it is not that of the model type
    options : further arguments of the network's class
    tokens : number of tokens before those of the patches, of which the first is the class token, without
        registers
    anatomy : further keys of the network's anatomy
    """

    network: str
    features: str
    layers: str
    width: str = "hidden_size"
    configuration: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    tokens: int = 0
    anatomy: dict[str, Any] = field(default_factory=dict)


WITHOUT_POOLER = {"add_pooling_layer": False}

CLIP = Family(
    "CLIPVisionModelWithProjection",
    EMBEDDING,
    "vision_model.encoder.layers",
    tokens=1,
    anatomy={"norm": "vision_model.post_layernorm"},
)

SIGLIP = Family("SiglipVisionModel", POOLED, "encoder.layers")

# These normalise the mean of the last map.
CONVNEXT: dict[str, Any] = {"width": "hidden_sizes", "anatomy": {"pooled_norm": "layernorm"}}

# By model type, as in config.json. A masked autoencoder that masks nothing is a Vision Transformer.
FAMILIES = {
    "beit": Family("BeitModel", POOLED, "layers", tokens=1),
    "clip": CLIP,
    "clip_vision_model": CLIP,
    "convnext": Family("ConvNextModel", POOLED, "encoder.stages", **CONVNEXT),
    "convnextv2": Family("ConvNextV2Model", POOLED, "encoder.stages", **CONVNEXT),
    "deit": Family("DeiTModel", FIRST_TOKEN, "layers", tokens=2, options=WITHOUT_POOLER),
    "dinov2": Family("Dinov2Model", FIRST_TOKEN, "encoder.layer", tokens=1),
    "dinov2_with_registers": Family("Dinov2WithRegistersModel", FIRST_TOKEN, "encoder.layer", tokens=1),
    "dinov3_convnext": Family(
        "DINOv3ConvNextModel",
        POOLED,
        "model.stages",
        width="hidden_sizes",
        anatomy={"last": "model.stages.3", "pooled_norm": "layer_norm"},
    ),
    "dinov3_vit": Family("DINOv3ViTModel", FIRST_TOKEN, "model.layer", tokens=1),
    "resnet": Family("ResNetModel", POOLED, "encoder.stages", width="hidden_sizes"),
    "siglip": SIGLIP,
    "siglip_vision_model": SIGLIP,
    "swin": Family("SwinModel", POOLED, "encoder.layers"),
    "swinv2": Family("Swinv2Model", POOLED, "encoder.layers"),
    "vit": Family("ViTModel", FIRST_TOKEN, "layers", tokens=1, options=WITHOUT_POOLER),
    "vit_mae": Family(
        "ViTModel", FIRST_TOKEN, "layers", tokens=1, configuration="ViTConfig", options=WITHOUT_POOLER
    ),
}

# Parts of published models that do not affect features: classifiers, text towers, decoders, masks, poolers.
UNUSED = (
    "classifier.",
    "cls_classifier.",
    "distillation_classifier.",
    "decoder.",
    "embeddings.mask_token",
    "head.",
    "lm_head.",
    "logit_bias",
    "logit_scale",
    "pooler.",
    "text_model.",
    "text_projection.",
)


def build(name: str, configuration: dict[str, Any] | None = None) -> tuple[Backbone, PreprocessingSection]:
    """Network of a model on the hub, and its preprocessing.

    Parameters
    ----------
    name : ``owner/model``
    configuration : settings from the model's card; if None, they are downloaded from the hub: two small files
    """
    if configuration is None:
        # Only steps that fetch or train a model get here. Their digests include the module of the source.
        source = importlib.import_module("wordsight.models.sources.huggingface")
        configuration = source.configuration(name)
    kind, config, family = parts_of(configuration["network"], name)
    width = getattr(config, family.width)
    network = kind(config, **family.options)
    backbone = Backbone(
        network,
        width[-1] if isinstance(width, list | tuple) else width,
        pool=_Features(family.features),
        projection=_without_projection(network),
        projection_name=f"{PROJECTION}.",
        unused=UNUSED,
        configuration=configuration,
        anatomy=_anatomy(network, config, family),
    )
    return backbone, PreprocessingSection.model_validate(configuration["preprocessing"])


def _without_projection(network: nn.Module) -> nn.Module | None:
    """Take the projection into the space that is shared with texts out of a network; None if it has none."""
    projection = getattr(network, PROJECTION, None)
    if projection is not None:
        network.set_submodule(PROJECTION, nn.Identity())
    return projection


def _anatomy(network: nn.Module, config: Any, family: Family) -> Anatomy:
    """Where a network has its last tokens and its layers."""
    registers = getattr(config, "num_register_tokens", 0) if family.tokens else 0
    pooled_norm = "pooler.layernorm" if getattr(config, "use_mean_pooling", False) else ""
    keys = {"pooled_norm": pooled_norm, **family.anatomy}
    count = len(list(network.get_submodule(family.layers).children()))
    return Anatomy(
        layers=tuple(f"{family.layers}.{number}" for number in range(count)),
        prefix=family.tokens + registers,
        class_token=family.tokens > 0,
        **keys,
    )


class _Features(nn.Module):
    """Take the pooled features out of the output of a network of transformers."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, output: Any) -> torch.Tensor:
        """Shape (b, d)."""
        if self.kind == FIRST_TOKEN:
            return output.last_hidden_state[:, 0]
        return output[self.kind].flatten(1)


def configuration_of(values: dict[str, Any], name: str) -> Any:
    """Configuration of the part of a model that reads images; ConfigError if the model is not supported."""
    kind = values.get("model_type")
    if kind not in FAMILIES:
        raise ConfigError(
            f"config: models: {name} of Hugging Face: the model type {kind!r} is not "
            f"supported; valid: {', '.join(FAMILIES)}"
        )
    if "quantization_config" in values:
        raise ConfigError(f"config: models: {name} of Hugging Face: quantised weights are not supported")
    try:
        config = transformers.CONFIG_MAPPING[kind].from_dict(values)
    except Exception as error:  # transformers raises error types of its own
        reason = first_line(error)
        raise ConfigError(
            f"config: models: {name} of Hugging Face: config.json does not fit the model type {kind} "
            f"({reason})"
        ) from None
    if kind == "clip":
        config.vision_config.projection_dim = config.projection_dim
    config = getattr(config, "vision_config", config)
    if not getattr(config, "vision_use_head", True):
        raise ConfigError(
            f"config: models: {name} of Hugging Face: it has no features, since it does not pool its tokens "
            "(vision_use_head is false)"
        )
    return config


def parts_of(values: dict[str, Any], name: str) -> tuple[Any, Any, Family]:
    """Class of a network, its configuration, and how it becomes an encoder."""
    config = configuration_of(values, name)
    family = FAMILIES[config.model_type]
    if family.configuration:
        settings = {key: value for key, value in config.to_dict().items() if key != "model_type"}
        config = getattr(transformers, family.configuration)(**settings)
    return getattr(transformers, family.network), config, family
