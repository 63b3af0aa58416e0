"""Text towers of open_clip, from the same file as the image tower."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wordsight.config import OpenClipNetwork, OpenClipText, Wording
from wordsight.errors import ConfigError
from wordsight.models import compiler, weights
from wordsight.models import open_clip as images
from wordsight.models.encoder import resolve_device
from wordsight.storage import read_json, write_json
from wordsight.text.card import TextCard
from wordsight.text.encoder import BATCH, Phrase
from wordsight.text.models import TOKENIZER, WEIGHTS, Fetched

with compiler.left_out():
    import open_clip
    from open_clip.model import _build_text_tower

NAME = "model.json"
# The rest of a CLIP: its image tower, what joins both, and the decoder of CoCa.
REST = ("visual.", "logit_scale", "logit_bias", "text_decoder.", "attn_mask")


def fetch(section: OpenClipText, directory: Path) -> Fetched:
    """Write the tower's tensors, and the name by which open_clip builds it."""
    image_section = OpenClipNetwork(
        source="open_clip",
        name=section.name,
        pretrained=section.pretrained,
        path=section.path,
        sha256=section.sha256,
    )
    try:
        tower = _tower(section.name)
        pretrained = images.acquire(image_section)
    except ConfigError as error:  # the image tower has a section of its own
        raise ConfigError(str(error).replace("config: models:", "config: text_models:", 1)) from None
    given = {name.removeprefix("text."): value for name, value in pretrained.tensors.items()}
    network = tower.state_dict()
    weights.fit(given, network, pretrained.origin, REST)
    weights.write(directory / WEIGHTS, network)
    write_json(directory / TOKENIZER / NAME, {"open_clip": section.name})
    return Fetched(
        architecture=f"open_clip/{section.name}",
        origin=pretrained.origin,
        sha256=pretrained.sha256,
        size=tower.output_dim or tower.width,
        words=tower.vocab_size,
    )


def read(
    directory: Path, card: TextCard, phrases: Sequence[Phrase], wording: Wording, device: str
) -> tuple[np.ndarray, list[str]]:
    """Vectors (n, d) of phrases in the space that texts and images share, and no unknown words."""
    name = read_json(directory / TOKENIZER / NAME)["open_clip"]
    tower, path = _tower(name), directory / WEIGHTS
    weights.fit(weights.read(path), tower.state_dict(), str(path))
    where = resolve_device(device)
    tower = tower.eval().to(where)
    tokens = open_clip.get_tokenizer(name)([phrase.text for phrase in phrases])
    with torch.inference_mode():
        vectors = torch.cat([tower(part.to(where)).float().cpu() for part in tokens.split(BATCH)])
    if wording.normalise:
        vectors = torch.nn.functional.normalize(vectors, dim=1)
    return vectors.numpy(), []


def _tower(name: str) -> Any:
    """Text tower by its name in open_clip, with its initial weights. The image tower is not built."""
    config = images._config(name)
    text = config["text_cfg"]
    if "hf_model_name" in text or "hf_tokenizer_name" in text or "siglip" in name.lower():
        raise ConfigError(
            f"config: text_models: {name} of open_clip: expected a text tower with the tokenizer of CLIP, "
            "but it reads another, which open_clip does not ship"
        )
    tower = _build_text_tower(config["embed_dim"], text, config.get("quick_gelu", False))
    tower.output_tokens = False
    return tower
