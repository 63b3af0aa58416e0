"""Weights of timm."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from wordsight.config.models import TimmNetwork
from wordsight.downloads import hub
from wordsight.errors import ConfigError
from wordsight.models import published_card
from wordsight.models.architectures.timm import build, weights_of
from wordsight.models.compiler import without_compiler
from wordsight.models.foreign import weights
from wordsight.models.pretrained import Pretrained
from wordsight.models.tensors import Tensors
from wordsight.models.undrawn import Undrawn

with without_compiler():
    import timm


def acquire(section: TimmNetwork) -> Pretrained:
    """Read the local file, or download the weights as safetensors."""
    config = weights_of(section.name)
    if config.crop_mode not in (None, "center", "squash"):
        raise ConfigError(
            f"config: models: {section.name} of timm: expected crop mode center or squash, but it needs "
            f"{config.crop_mode!r}"
        )
    options = _options(section, config)
    _on_paper(lambda: build(section.name, options))  # refuses a network before its weights are downloaded
    if not section.path:
        _check_card(section.name, config)
    path = Path(section.path) if section.path else _download(section.name, config.hf_hub_id)
    sha256 = weights.verify(path, section.sha256)
    return Pretrained(
        tensors=_as_timm_loads(weights.tensors(path), section.name, options or {}),
        origin=section.path or f"https://huggingface.co/{config.hf_hub_id}",
        licence="unknown" if section.path else config.license or "unknown",
        sha256=sha256,
        configuration=options,
    )


def _options(section: TimmNetwork, config: Any) -> dict[str, Any] | None:
    """Arguments for a network that is built for one size of images, if another is asked for."""
    size = section.preprocessing and section.preprocessing.image_size
    if not size or not config.fixed_input_size or size == config.input_size[-1]:
        return None
    return {"img_size": size}


def _as_timm_loads(tensors: Tensors, name: str, options: dict[str, Any]) -> Tensors:
    """Tensors by their names in the network, after timm's own conversion of what its files hold.

    timm renames tensors of older files, and resamples the positions for images of another size. If timm
    can't load them, they stay as they are, so that :func:`wordsight.models.tensors.fit` says what is wrong.
    """
    overlay = {"state_dict": dict(tensors)}
    try:
        with torch.random.fork_rng(devices=[]), Undrawn():
            network = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **options)
    except Exception:  # each family of networks has its own conversion, with errors of every type
        return tensors
    return network.state_dict()


def _download(name: str, repository: str | None) -> Path:
    if not repository:
        raise ConfigError(f"config: models: timm has no weights of {name!r} on its hub; set `path`")
    return hub.from_hub(repository, "model.safetensors")


def _check_card(name: str, config: Any) -> None:
    """Refuse a network whose classes, pooling or normalisation differ from those on the card of its weights.

    The card is ``config.json`` beside the weights. The installed timm states the same of the network.
    """
    if not config.hf_hub_id:
        return
    card = published_card.of_hub(config.hf_hub_id, "config.json")
    network = _on_paper(lambda: timm.create_model(name, pretrained=False))
    installed = {
        "num_classes": config.num_classes,
        "global_pool": _pooling(network),
        "mean": list(config.mean),
        "std": list(config.std),
    }
    published_card.agree(name, "timm", {**card, **card.get("pretrained_cfg", {})}, installed)


def _pooling(network: Any) -> str | None:
    """How a network pools, as timm writes it to a card: from the head, if that pools, or else from itself."""
    head = getattr(network, "head", None)
    for pool in (getattr(head, "global_pool", None), getattr(network, "global_pool", None)):
        kind = getattr(pool, "pool_type", pool)
        if isinstance(kind, str):
            return kind
    return None


def _on_paper(make: Callable[[], Any]) -> Any:
    """Make a network without memory for its weights; None if its code needs their values."""
    try:
        with torch.device("meta"):
            return make()
    except (NotImplementedError, RuntimeError):
        return None
