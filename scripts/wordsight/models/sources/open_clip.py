"""Weights of the image towers of open_clip."""

from pathlib import Path
from typing import Any

from wordsight.catalogue.section import nearest
from wordsight.config.models import OpenClipNetwork
from wordsight.downloads import hub
from wordsight.errors import ConfigError
from wordsight.models import published_card
from wordsight.models.architectures.open_clip import config_of, default_preset, preprocessing_of
from wordsight.models.compiler import without_compiler
from wordsight.models.foreign import weights
from wordsight.models.pretrained import Pretrained

with without_compiler():
    import open_clip
    from open_clip.constants import HF_CONFIG_NAME, HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME
    from open_clip.model import CLIPVisionCfg
    from open_clip.pretrained import get_pretrained_cfg

# Settings of an image tower that say how it makes one vector of its tokens or its map.
POOLING = ("attentional_pool", "final_ln_after_pool", "pool_type", "timm_pool", "timm_proj")


def acquire(section: OpenClipNetwork) -> Pretrained:
    """Read the local file, or download the weights of a pretrained tag."""
    config, preset = config_of(section.name), {}
    if section.pretrained is not None:
        preset = _preset(section.name, section.pretrained, config)
    elif section.path is None:
        raise ConfigError(f"config: models: {section.name} of open_clip: set `pretrained` or `path`")
    else:
        preset = default_preset(section.name)
    if preset.get("resize_mode", "shortest") not in ("shortest", "squash"):
        raise ConfigError(
            f"config: models: {section.name} of open_clip: expected resize mode shortest or squash, "
            f"but it needs {preset['resize_mode']!r}"
        )
    if not section.path:
        _check_card(section.name, config, preset)
    path = Path(section.path) if section.path else _download(preset)
    sha256 = weights.verify(path, section.sha256)
    return Pretrained(
        tensors=weights.tensors(path),
        origin=section.path or f"open_clip {section.name} {section.pretrained}",
        sha256=sha256,
        preprocessing=preprocessing_of(config, preset),
    )


def _preset(name: str, tag: str, config: dict[str, Any]) -> dict[str, Any]:
    """open_clip's description of the weights of a tag; ConfigError if they are for another network."""
    preset = get_pretrained_cfg(name, tag)
    if not preset:
        hint = nearest(tag, open_clip.list_pretrained_tags_by_model(name))
        raise ConfigError(f"config: models: {name} of open_clip has no pretrained tag {tag!r}; {hint}")
    if preset.get("quick_gelu", False) != config.get("quick_gelu", False):
        other = name.removesuffix("-quickgelu") if name.endswith("-quickgelu") else f"{name}-quickgelu"
        raise ConfigError(
            f"config: models: {tag} was trained with another activation than {name}; use {other!r}"
        )
    return preset


def _check_card(name: str, config: dict[str, Any], preset: dict[str, Any]) -> None:
    """Refuse weights whose card states another activation, pooling or normalisation than the network has.

    The card is ``open_clip_config.json`` beside the weights. The installed open_clip states the same.
    """
    repository = preset["hf_hub"].rpartition("/")[0]
    card = published_card.of_hub(repository, HF_CONFIG_NAME)
    network, images = card.get("model_cfg", {}), card.get("preprocess_cfg", {})
    seen = preprocessing_of(config, preset)
    installed = {
        "quick_gelu": config.get("quick_gelu", False),
        "embed_dim": config["embed_dim"],
        **{
            key: value for key, value in vars(CLIPVisionCfg(**config["vision_cfg"])).items() if key in POOLING
        },
        "mean": list(seen.mean),
        "std": list(seen.std),
    }
    stated = {**network, **network.get("vision_cfg", {}), **images}
    published_card.agree(name, "open_clip", stated, installed)


def _download(preset: dict[str, Any]) -> Path:
    """Download weights from the hub, which has those of every tag, as safetensors if possible."""
    repository, _, file_name = preset["hf_hub"].rpartition("/")
    default = file_name or HF_WEIGHTS_NAME
    safe = HF_SAFE_WEIGHTS_NAME if default == HF_WEIGHTS_NAME else f"{Path(default).stem}.safetensors"
    return hub.first_of(repository, (safe, default))
