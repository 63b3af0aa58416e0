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
from wordsight.text.sentence_vectors import BATCH, Encode, Phrase

with without_compiler():
    import open_clip
    from open_clip.model import _build_text_tower

NAME = "model.json"


def load(directory: Path, card: TextCard, device: str) -> Encode:
    """Read the tower; the result makes vectors in the space of texts and images. No word is unknown."""
    name = read_json(directory / TOKENIZER / NAME)["open_clip"]
    tower, path = tower_of(name), directory / WEIGHTS
    tensors.fit(tensors.read_safetensors(path), tower.state_dict(), str(path))
    tokenize, target = open_clip.get_tokenizer(name), resolve_device(device)
    tower = tower.eval().to(target)
    causal = tower.attn_mask

    def encode(phrases: Sequence[Phrase], wording: Wording) -> tuple[np.ndarray, list[str]]:
        tokens = tokenize([phrase.text for phrase in phrases])
        if not _reads_padding(tower):
            # CLIP pads every text to 77 tokens, most of the work for a class name. The token of the highest
            # number ends a text.
            length = 1 + int(tokens.argmax(dim=1).max())
            tokens, tower.attn_mask = tokens[:, :length], causal[:length, :length]
        with torch.inference_mode():
            vectors = torch.cat([tower(part.to(target)).float().cpu() for part in tokens.split(BATCH)])
        if wording.normalise:
            vectors = torch.nn.functional.normalize(vectors, dim=1)
        return vectors.numpy(), []

    return encode


def _reads_padding(tower: Any) -> bool:
    """Whether the vector of a text depends on the tokens after its end."""
    return tower.attn_mask is None or tower.cls_emb is not None or tower.pool_type not in ("argmax", "eos")


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
