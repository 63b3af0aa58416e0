"""Words of captions as numbers, for objectives that read or predict them without a sentence encoder."""

import re
from collections import Counter
from dataclasses import dataclass

import torch

PADDING, UNKNOWN = 0, 1
MAX_WORDS = 30_000  # of a vocabulary
MAX_LENGTH = 16  # words that are read of a caption
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def words(caption: str) -> list[str]:
    """Words of a caption in lower case, without punctuation.

    >>> words("Cat's face, grinning")
    ["cat's", 'face', 'grinning']
    """
    return WORD.findall(caption.lower())


@dataclass(frozen=True)
class Vocabulary:
    """Numbers of words.

    Attributes
    ----------
    index : number of each known word, above :data:`UNKNOWN`
    longest : number of words that are read of a caption, from its start
    """

    index: dict[str, int]
    longest: int

    @property
    def size(self) -> int:
        """Number of different numbers, with those for padding and for unknown words."""
        return len(self.index) + UNKNOWN + 1

    @classmethod
    def of(cls, captions: list[str]) -> "Vocabulary":
        """Take words of at least two captions, the most frequent first, up to :data:`MAX_WORDS`."""
        distinct = sorted(set(captions))
        counts = Counter(word for caption in distinct for word in set(words(caption)))
        common = sorted((word for word in counts if counts[word] > 1), key=lambda word: (-counts[word], word))
        longest = max((len(words(caption)) for caption in distinct), default=1)
        return cls(
            {word: place for place, word in enumerate(common[:MAX_WORDS], UNKNOWN + 1)},
            max(1, min(longest, MAX_LENGTH)),
        )

    def numbers(self, captions: list[str]) -> torch.Tensor:
        """Numbers (n, longest) of the captions' words, padded at the end.

        A caption without words has one unknown word.
        """
        rows = torch.full((len(captions), self.longest), PADDING)
        for row, caption in zip(rows, captions, strict=True):
            found = [self.index.get(word, UNKNOWN) for word in words(caption)[: self.longest]] or [UNKNOWN]
            row[: len(found)] = torch.tensor(found)
        return rows
