"""Image towers of open_clip."""

from typing import Any

from wordsight.catalogue.section import nearest
from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError
from wordsight.models.compiler import without_compiler
from wordsight.models.encoder import Backbone

with without_compiler():
    import open_clip
    from open_clip.model import _build_vision_tower
    from open_clip.pretrained import get_pretrained_cfg

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
    backbone = Backbone(
        tower,
        config["embed_dim"],
        trunk_name="visual.",
        unused=NOT_IMAGE_TOWER,
        refused={} if config.get("quick_gelu") else {OF_OPENAI: f"{QUICK_GELU}; use '{name}-quickgelu'"},
    )
    return backbone, preprocessing_of(config, default_preset(name))


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
