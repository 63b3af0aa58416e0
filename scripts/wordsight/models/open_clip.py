"""Image towers of open_clip."""

from pathlib import Path
from typing import Any

from wordsight import downloads
from wordsight.config import OpenClipNetwork, PreprocessingSection, nearest
from wordsight.errors import ConfigError
from wordsight.models import compiler, weights
from wordsight.models.encoder import Backbone
from wordsight.storage import sha256

with compiler.left_out():
    import open_clip
    from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME
    from open_clip.model import _build_vision_tower
    from open_clip.pretrained import get_pretrained_cfg

# The rest of a CLIP: its text tower and what joins both.
TEXT = (
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


def build(name: str) -> tuple[Backbone, PreprocessingSection]:
    """Image tower by its name in open_clip. The text tower, often the larger one, is not built."""
    config = _config(name)
    tower = _build_vision_tower(config["embed_dim"], config["vision_cfg"], config.get("quick_gelu", False))
    if getattr(tower, "output_tokens", False):
        tower.output_tokens = False
    backbone = Backbone(tower, config["embed_dim"], trunk_name="visual.", unused=TEXT)
    return backbone, _preprocessing(config, _usual(name))


def acquire(section: OpenClipNetwork) -> weights.Pretrained:
    """Read the local file, or download the weights of a pretrained tag."""
    config, preset = _config(section.name), {}
    if section.pretrained is not None:
        preset = _preset(section.name, section.pretrained, config)
    elif section.path is None:
        raise ConfigError(f"config: models: {section.name} of open_clip: expected `pretrained` or `path`")
    else:
        preset = _usual(section.name)
    if preset.get("resize_mode", "shortest") not in ("shortest", "squash"):
        raise ConfigError(
            f"config: models: {section.name} of open_clip: expected resize mode shortest or squash, "
            f"but it needs {preset['resize_mode']!r}"
        )
    path = Path(section.path) if section.path else _download(preset)
    return weights.Pretrained(
        tensors=weights.tensors(path, section.sha256),
        origin=section.path or f"open_clip {section.name} {section.pretrained}",
        sha256=sha256(path),
        preprocessing=_preprocessing(config, preset),
    )


def _config(name: str) -> dict[str, Any]:
    valid = open_clip.list_models()
    if name not in valid:  # other names would make open_clip look on the hub
        raise ConfigError(f"config: models: open_clip has no model {name!r}; {nearest(name, valid)}")
    return open_clip.get_model_config(name)


def _usual(name: str) -> dict[str, Any]:
    """What open_clip knows of the first weights of a model; nothing where it has none."""
    tags = open_clip.list_pretrained_tags_by_model(name)
    return get_pretrained_cfg(name, tags[0]) if tags else {}


def _preset(name: str, tag: str, config: dict[str, Any]) -> dict[str, Any]:
    """What open_clip knows of the weights of a tag, refused where another network is meant."""
    preset = get_pretrained_cfg(name, tag)
    if not preset:
        hint = nearest(tag, open_clip.list_pretrained_tags_by_model(name))
        raise ConfigError(f"config: models: {name} of open_clip has no pretrained tag {tag!r}; {hint}")
    if preset.get("quick_gelu", False) != config.get("quick_gelu", False):
        other = name.removesuffix("-quickgelu") if name.endswith("-quickgelu") else f"{name}-quickgelu"
        raise ConfigError(
            f"config: models: {tag} was trained with another activation than {name}; name {other!r}"
        )
    return preset


def _preprocessing(config: dict[str, Any], preset: dict[str, Any]) -> PreprocessingSection:
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


def _download(preset: dict[str, Any]) -> Path:
    """Download from the hub, which has the weights of every tag, as safetensors where there are such."""
    repository, _, named = preset["hf_hub"].rpartition("/")
    usual = named or HF_WEIGHTS_NAME
    safe = HF_SAFE_WEIGHTS_NAME if usual == HF_WEIGHTS_NAME else f"{Path(usual).stem}.safetensors"
    try:
        return downloads.from_hub(repository, safe)
    except downloads.MissingFileError:
        return downloads.from_hub(repository, usual)
