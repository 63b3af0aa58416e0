"""Vision Transformers of SLIP, and of the CLIP and SimCLR that it is compared with.

They are timm's, except that the small one has 12 heads, as in MoCo v3, instead of 6. The shapes of tensors do
not depend on the number of heads, so the weights would also load into the wrong network. Features are the
class token, before the projection that the losses see.

Reference: Mu, Kirillov, Wagner and Xie, SLIP: self-supervision meets language-image pre-training, 2021,
section 4 and table 9, https://arxiv.org/abs/2112.12750
"""

from typing import Any

from wordsight.catalogue.section import nearest
from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError
from wordsight.models.architectures.timm import anatomy_of
from wordsight.models.compiler import without_compiler
from wordsight.models.encoder import Backbone

with without_compiler():
    import timm

HEADS = {"vit_small_patch16_224": 12, "vit_base_patch16_224": 12, "vit_large_patch16_224": 16}

PREPROCESSING = PreprocessingSection(
    image_size=224, resize=256, interpolation="bicubic", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)


def build(name: str) -> tuple[Backbone, PreprocessingSection]:
    """Image tower by the name of the network of the same size in timm, without a classifier."""
    return transformer("slip", name)


def transformer(family: str, name: str, **options: Any) -> tuple[Backbone, PreprocessingSection]:
    """Timm's network of a size with as many heads as SLIP's, and with other options of timm's.

    Raises
    ------
    ConfigError
        When the family has no network of that name.
    """
    if name not in HEADS:
        raise ConfigError(f"config: models: {family} has no network {name!r}; {nearest(name, list(HEADS))}")
    network: Any = timm.create_model(name, pretrained=False, num_classes=0, num_heads=HEADS[name], **options)
    return Backbone(network, network.num_features, anatomy=anatomy_of(network)), PREPROCESSING
