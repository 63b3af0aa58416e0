"""Image towers of open_clip."""

from typing import Any

import torch
from torch import nn

from wordsight.catalogue.section import nearest
from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError
from wordsight.models.architectures import timm
from wordsight.models.compiler import without_compiler
from wordsight.models.encoder import Backbone
from wordsight.models.read_outs import Anatomy

with without_compiler():
    import open_clip
    from open_clip.model import _build_vision_tower
    from open_clip.modified_resnet import ModifiedResNet
    from open_clip.pretrained import get_pretrained_cfg
    from open_clip.timm_model import TimmModel
    from open_clip.transformer import VisionTransformer

# Tensors outside the image tower: the text tower and what joins both towers.
NOT_IMAGE_TOWER = (
    "transformer.",
    "token_embedding.",
    "positional_embedding",
    "ln_final.",
    "text_projection",
    "text.",
    "text_decoder.",
    "attn_mask",
    "logit_scale",
    "logit_bias",
    "input_resolution",  # three numbers in OpenAI's own archives
    "context_length",
    "vocab_size",
)


OF_OPENAI = "input_resolution"  # a tensor that only OpenAI's own archives have
QUICK_GELU = "OpenAI trained these weights with another activation than this network's, QuickGELU"


def build(name: str) -> tuple[Backbone, PreprocessingSection]:
    """Image tower by its name in open_clip. The text tower, often the larger one, is not built."""
    config = config_of(name)
    tower = _build_vision_tower(config["embed_dim"], config["vision_cfg"], config.get("quick_gelu", False))
    if getattr(tower, "output_tokens", False):
        tower.output_tokens = False
    projection, projection_name, width = _without_projection(tower, config["embed_dim"])
    backbone = Backbone(
        tower,
        width,
        trunk_name="visual.",
        projection=projection,
        projection_name=f"visual.{projection_name}",
        unused=NOT_IMAGE_TOWER,
        refused={} if config.get("quick_gelu") else {OF_OPENAI: f"{QUICK_GELU}; use '{name}-quickgelu'"},
        anatomy=_anatomy_of(tower),
    )
    return backbone, preprocessing_of(config, default_preset(name))


def _without_projection(tower: Any, embedded: int) -> tuple[nn.Module | None, str, int]:
    """Take the projection into the space that is shared with texts out of an image tower.

    Returns
    -------
    projection : None if the tower has none, as for SigLIP, whose pooled features are compared with texts
    name : start of the names of its tensors
    width : of what it reads
    """
    if isinstance(tower, VisionTransformer):
        matrix, tower.proj = Matrix(tower.proj), None
        return matrix, "", len(matrix.proj)
    if isinstance(tower, ModifiedResNet):
        last = tower.attnpool.c_proj
        tower.attnpool.c_proj = Same(last.in_features)
        return last, "attnpool.c_proj.", last.in_features
    for name in ("head.proj", "head.mlp", f"trunk.{tower.trunk.default_cfg.get('classifier')}"):
        module: Any = dict(tower.named_modules()).get(name)
        if module is not None and not isinstance(module, nn.Identity):
            tower.set_submodule(name, nn.Identity())
            return module, f"{name}.", next(module.parameters()).shape[1]
    return None, "", embedded


class Matrix(nn.Module):
    """Multiplication by a matrix, under the name that open_clip gives it."""

    def __init__(self, proj: nn.Parameter) -> None:
        super().__init__()
        self.proj = proj

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """From (b, d) to (b, e)."""
        return pooled @ self.proj


class Same(nn.Module):
    """Stands for the last matrix of attention and changes nothing, so that what it would read can be read."""

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.eye(width), persistent=False)
        self.register_buffer("bias", torch.zeros(width), persistent=False)


def _anatomy_of(tower: Any) -> Anatomy | None:
    """Where an image tower has its last tokens or map, and its layers; None for one with CoCa's pooling."""
    if isinstance(tower, TimmModel):
        return timm.anatomy_of(tower.trunk, inside="trunk", then="head")
    if isinstance(tower, ModifiedResNet):
        return Anatomy("layer4", ("layer1", "layer2", "layer3", "layer4"))
    if tower.attn_pool is not None:
        return None
    blocks = range(len(tower.transformer.resblocks))
    return Anatomy(
        "transformer",
        tuple(f"transformer.resblocks.{block}" for block in blocks),
        prefix=1,
        class_token=True,
        norm="" if tower.final_ln_after_pool else "ln_post",
        pooled_norm="ln_post" if tower.final_ln_after_pool else "",
    )


def config_of(name: str) -> dict[str, Any]:
    """Configuration of a network of open_clip; raises :class:`ConfigError` if the name is unknown."""
    valid = open_clip.list_models()
    if name not in valid:  # for other names, open_clip would ask the hub
        raise ConfigError(f"config: models: open_clip has no model {name!r}; {nearest(name, valid)}")
    return open_clip.get_model_config(name)


def default_preset(name: str) -> dict[str, Any]:
    """open_clip's description of the first weights that it lists for a model; empty if it lists none."""
    tags = open_clip.list_pretrained_tags_by_model(name)
    return get_pretrained_cfg(name, tags[0]) if tags else {}


def preprocessing_of(config: dict[str, Any], preset: dict[str, Any]) -> PreprocessingSection:
    """Preprocessing of a network with the weights that a preset describes."""
    size = config["vision_cfg"].get("image_size", 224)
    size = size if isinstance(size, int) else size[0]
    return PreprocessingSection(
        image_size=size,
        resize=size,
        interpolation=preset.get("interpolation", "bicubic"),
        squash=preset.get("resize_mode") == "squash",
        mean=preset.get("mean", open_clip.OPENAI_DATASET_MEAN),
        std=preset.get("std", open_clip.OPENAI_DATASET_STD),
    )
