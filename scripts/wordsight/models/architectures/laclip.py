"""Vision Transformers of LaCLIP, and of the CLIP that it is compared with, on CC3M, CC12M and RedCaps.

They are those of SLIP with queries and keys that are normalised over each head. On LAION-400M, LaCLIP's
networks are open_clip's. Features are the class token, before the projection that the loss sees.

Reference: Fan, Krishnan, Isola, Katabi and Tian, Improving CLIP training with language rewrites, 2023,
https://arxiv.org/abs/2305.20088
"""

from wordsight.config.models import PreprocessingSection
from wordsight.models.architectures import slip
from wordsight.models.encoder import Backbone


def build(name: str) -> tuple[Backbone, PreprocessingSection]:
    """Image tower by the name of the network of the same size in timm, without a classifier."""
    return slip.transformer("laclip", name, qk_norm=True)
