"""Text towers of open_clip, from the same file as the image tower."""

from pathlib import Path

from wordsight.config.models import OpenClipNetwork
from wordsight.config.text import OpenClipText
from wordsight.errors import ConfigError
from wordsight.files.disk import write_json
from wordsight.models import tensors
from wordsight.models.sources import open_clip as images
from wordsight.text.building import Fetched
from wordsight.text.card import TOKENIZER, WEIGHTS
from wordsight.text.readers.open_clip import NAME, tower_of

# Tensors outside the text tower: the image tower, what joins both towers, and the decoder of CoCa.
NOT_TEXT_TOWER = ("visual.", "logit_scale", "logit_bias", "text_decoder.", "attn_mask")


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
        tower = tower_of(section.name)
        pretrained = images.acquire(image_section)
    except ConfigError as error:  # it names the section of the image tower
        raise ConfigError(str(error).replace("config: models:", "config: text_models:", 1)) from None
    weights = {name.removeprefix("text."): value for name, value in pretrained.tensors.items()}
    network = tower.state_dict()
    tensors.fit(weights, network, pretrained.origin, NOT_TEXT_TOWER)
    tensors.write(directory / WEIGHTS, network)
    write_json(directory / TOKENIZER / NAME, {"open_clip": section.name})
    return Fetched(
        architecture=f"open_clip/{section.name}",
        origin=pretrained.origin,
        sha256=pretrained.sha256,
        size=tower.output_dim or tower.width,
        words=tower.vocab_size,
    )
