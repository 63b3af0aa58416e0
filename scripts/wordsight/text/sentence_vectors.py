"""Vectors of sentences from a frozen transformer: the mean output of its last layer over some of the tokens.

References
----------
Reimers and Gurevych, Sentence-BERT, 2019, section 3, https://arxiv.org/abs/1908.10084 (``mean``, ``cls``)
Devillers et al., 2021, https://arxiv.org/abs/2104.08313 (``class_token``, as in the authors' code)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from wordsight.config.text import Pooling, Wording
from wordsight.errors import ConfigError, DataError
from wordsight.logs import progress

BATCH = 64
MAX_TOKENS = 128  # later tokens of a sentence are not read


@dataclass(frozen=True)
class Phrase:
    """A sentence, and the position of a class name in it."""

    text: str
    start: int = 0
    end: int = 0

    @property
    def name(self) -> str:
        """The class name alone."""
        return self.text[self.start : self.end]


# From phrases to vectors (n, d), and to the words without one. A phrase without any known word gets zeros.
Encode = Callable[[Sequence[Phrase], Wording], tuple[np.ndarray, list[str]]]


def phrases(classes: Sequence[str], template: str) -> list[Phrase]:
    """Sentences from a template and class names; underscores in names become spaces."""
    before, after = template.split("{class}")
    names = [" ".join(name.replace("_", " ").split()) for name in classes]
    return [Phrase(before + name + after, len(before), len(before) + len(name)) for name in names]


def encode(
    model: Any, tokenizer: Any, sentences: Sequence[Phrase], pooling: Pooling, batch: int = BATCH
) -> torch.Tensor:
    """Vectors (n, d) of sentences, on the CPU.

    Parameters
    ----------
    model : of transformers; its device computes the vectors
    tokenizer : a fast one that pads on the right
    pooling : which tokens are averaged

    Raises
    ------
    ConfigError
        When the tokenizer has no token that ``pooling`` asks for.
    DataError
        When a class name has no token, or starts after the last token that is read.
    """
    if pooling == "cls" and tokenizer.cls_token_id is None:
        raise ConfigError(
            "config: text_models: pooling: this model's tokenizer has no cls token; choose another pooling"
        )
    # Sentences of about the same length need little padding, so batches follow the length.
    order = sorted(range(len(sentences)), key=lambda place: len(sentences[place].text))
    vectors = torch.empty(len(sentences), model.config.hidden_size)
    starts = range(0, len(order), batch)
    for start in progress(starts, len(starts), "batches of sentences"):
        places = order[start : start + batch]
        batch_phrases = [sentences[place] for place in places]
        tokens = tokenizer(
            [phrase.text for phrase in batch_phrases],
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_tensors="pt",
        )
        offsets, special = tokens.pop("offset_mapping"), tokens.pop("special_tokens_mask")
        chosen = _chosen(pooling, batch_phrases, tokens["attention_mask"], offsets, special).to(model.device)
        with torch.inference_mode():
            hidden = model(**tokens.to(model.device)).last_hidden_state.float()
        means = (hidden * chosen[..., None]).sum(dim=1) / chosen.sum(dim=1, keepdim=True)
        vectors[places] = means.cpu()
    return vectors


def _chosen(
    pooling: Pooling,
    batch_phrases: Sequence[Phrase],
    attended: torch.Tensor,
    offsets: torch.Tensor,
    special: torch.Tensor,
) -> torch.Tensor:
    """Which tokens (b, t) are averaged, as 0 and 1."""
    if pooling == "mean":
        return attended.float()
    places = torch.arange(attended.shape[1]).expand_as(attended)
    if pooling == "cls":
        return (places == 0).float()
    own = (attended == 1) & (special == 0)
    if pooling == "last":
        last = torch.where(own, places, -1).amax(dim=1, keepdim=True)
        return _checked(own & (places == last), batch_phrases)
    starts = torch.tensor([phrase.start for phrase in batch_phrases])[:, None]
    ends = torch.tensor([phrase.end for phrase in batch_phrases])[:, None]
    # A token of GPT-2 includes the space before its word, so it may start before the name.
    in_name = own & (offsets[..., 0] < ends) & (offsets[..., 1] > starts)
    if pooling == "class_token":
        in_name &= places == torch.where(in_name, places, attended.shape[1]).amin(dim=1, keepdim=True)
    return _checked(in_name, batch_phrases)


def _checked(chosen: torch.Tensor, batch_phrases: Sequence[Phrase]) -> torch.Tensor:
    """Chosen tokens as numbers; raises DataError if a sentence has none."""
    empty = ~chosen.any(dim=1)
    if empty.any():
        text = batch_phrases[int(empty.int().argmax())].text
        raise DataError(f"expected tokens of a class name in {text!r}, found none")
    return chosen.float()
