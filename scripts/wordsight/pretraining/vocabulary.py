"""Words of captions as numbers, for objectives that read or predict them without a sentence encoder."""

import re
from collections import Counter
from dataclasses import dataclass

import torch

PADDING, UNKNOWN = 0, 1
LARGEST = 30_000
LONGEST = 16
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
    longest : words of a caption that are read, the first ones
    """

    index: dict[str, int]
    longest: int

    @property
    def size(self) -> int:
        """Numbers in use, those for padding and for unknown words included."""
        return len(self.index) + UNKNOWN + 1

    @classmethod
    def of(cls, captions: list[str]) -> "Vocabulary":
        """Take the words that two captions have or more, the most frequent first, up to :data:`LARGEST`."""
        distinct = sorted(set(captions))
        counts = Counter(word for caption in distinct for word in set(words(caption)))
        common = sorted((word for word in counts if counts[word] > 1), key=lambda word: (-counts[word], word))
        longest = max((len(words(caption)) for caption in distinct), default=1)
        return cls(
            {word: place for place, word in enumerate(common[:LARGEST], UNKNOWN + 1)},
            max(1, min(longest, LONGEST)),
        )

    def numbers(self, captions: list[str]) -> torch.Tensor:
        """Numbers (n, longest) of the captions' words, padded at the end; a caption has at least one."""
        rows = torch.full((len(captions), self.longest), PADDING)
        for row, caption in zip(rows, captions, strict=True):
            found = [self.index.get(word, UNKNOWN) for word in words(caption)[: self.longest]] or [UNKNOWN]
            row[: len(found)] = torch.tensor(found)
        return rows
