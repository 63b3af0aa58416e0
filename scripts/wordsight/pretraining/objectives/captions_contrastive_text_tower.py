r"""Captions, contrastive, with a text tower trained from scratch.

The loss is that of ``captions_contrastive``; :math:`g` is a transformer of one layer over the caption's
words, its outputs averaged over them, and learns with the image encoder as in CLIP.

References: Radford et al., Learning transferable visual models from natural language supervision, 2021,
section 2.4, https://arxiv.org/abs/2103.00020; Vaswani et al., Attention is all you need, 2017,
https://arxiv.org/abs/1706.03762
"""

import torch
import torch.nn.functional as F
from torch import nn

from wordsight.pretraining.image_set import ImageSet
from wordsight.pretraining.objectives import captions_contrastive
from wordsight.pretraining.vocabulary import PADDING, Vocabulary

HEADS = 4
LAYERS = 1


class Objective(captions_contrastive.Objective):
    """Match images with their captions, which a text tower learns to read."""

    def build_text(self, images: ImageSet) -> None:
        """Embeddings of the training captions' words, and the transformer."""
        width = captions_contrastive.WIDTH
        self.vocabulary = Vocabulary.of(images.captions)
        self.words = nn.Embedding(self.vocabulary.size, width, padding_idx=PADDING)
        self.positions = nn.Parameter(torch.zeros(self.vocabulary.longest, width))
        layer = nn.TransformerEncoderLayer(
            width, HEADS, dim_feedforward=2 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        nn.init.normal_(self.words.weight, std=0.02)

    def sentences(self, images: ImageSet) -> torch.Tensor:
        """Numbers of the words (n, longest), padded."""
        return self.vocabulary.numbers(images.captions)

    def encode_text(self, texts: torch.Tensor) -> torch.Tensor:
        """Unit vectors (b, k): mean over the words of a caption."""
        absent = texts == PADDING
        hidden = self.transformer(self.words(texts) + self.positions, src_key_padding_mask=absent)
        present = (~absent).float()[..., None]
        return F.normalize((hidden * present).sum(dim=1) / present.sum(dim=1), dim=1)
