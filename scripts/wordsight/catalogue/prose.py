"""Words for numbers and lists, and sentences that name their sources."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cite:
    """Keys of the sources to cite for the words before it."""

    keys: tuple[str, ...]


Piece = str | Cite
Sentence = list[Piece]


def counted(number: int, one: str, many: str = "") -> str:
    """Say a number with its noun.

    >>> counted(1, "image"), counted(1560, "image")
    ('1 image', '1,560 images')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def join(words: Sequence[str], last: str = "and") -> str:
    """Join words as a sentence does.

    >>> join(["a", "b", "c"])
    'a, b and c'
    """
    return f" {last} ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def some(words: Sequence[str], most: int, rest: str = "more") -> str:
    """Join the first words of a list, and count the others.

    >>> some(["a", "b", "c"], 1)
    'a and 2 more'
    """
    left = len(words) - most
    return join([*words[:most], *([f"{left:,} {rest}"] if left > 0 else [])])


class _Lines(textwrap.TextWrapper):
    wordsep_re = re.compile(r"(\s+|[^\s_-]*[_-]+(?=[^\s_-]))")


def lines(text: str, width: int) -> list[str]:
    """Break a text into lines: at spaces, and in names after underscores and hyphens.

    >>> lines("captions_of_others as labels", 12)
    ['captions_of_', 'others as', 'labels']
    """
    return _Lines(width).wrap(text)
