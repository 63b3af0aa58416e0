"""Vectors of phrases from a text tower of open_clip."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wordsight.config.text import Wording
from wordsight.errors import ConfigError
from wordsight.files.disk import read_json
from wordsight.models import tensors
from wordsight.models.architectures.open_clip import config_of
from wordsight.models.compiler import without_compiler
from wordsight.models.encoder import resolve_device
from wordsight.text.card import TOKENIZER, WEIGHTS, TextCard
from wordsight.text.sentence_vectors import BATCH, Phrase

with without_compiler():
    import open_clip
    from open_clip.model import _build_text_tower

NAME = "model.json"


def read(
    directory: Path, card: TextCard, phrases: Sequence[Phrase], wording: Wording, device: str
) -> tuple[np.ndarray, list[str]]:
    """Vectors (n, d) of phrases in the space of texts and images, and an empty list of unknown words."""
    name = read_json(directory / TOKENIZER / NAME)["open_clip"]
    tower, path = tower_of(name), directory / WEIGHTS
    tensors.fit(tensors.read_safetensors(path), tower.state_dict(), str(path))
    target = resolve_device(device)
    tower = tower.eval().to(target)
    tokens = open_clip.get_tokenizer(name)([phrase.text for phrase in phrases])
    with torch.inference_mode():
        vectors = torch.cat([tower(part.to(target)).float().cpu() for part in tokens.split(BATCH)])
    if wording.normalise:
        vectors = torch.nn.functional.normalize(vectors, dim=1)
    return vectors.numpy(), []


def tower_of(name: str) -> Any:
    """Text tower by its name in open_clip, with its initial weights. The image tower is not built."""
    config = config_of(name)
    text = config["text_cfg"]
    if "hf_model_name" in text or "hf_tokenizer_name" in text or "siglip" in name.lower():
        raise ConfigError(
            f"config: text_models: {name} of open_clip: its text tower needs a tokenizer that open_clip "
            "does not ship; only towers with the tokenizer of CLIP can be used"
        )
    tower = _build_text_tower(config["embed_dim"], text, config.get("quick_gelu", False))
    tower.output_tokens = False
    return tower
