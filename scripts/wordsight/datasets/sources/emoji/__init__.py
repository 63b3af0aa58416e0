"""The same emoji in several drawing styles, to test generalisation with the concept held fixed.

A *concept* is an emoji without its skin tone, gender, age and direction; each style has one drawing of it.
Concepts that differ only in a detail, such as the hour of a clock face or the colour of a heart, are one
*group*. Styles, concepts and whole classes can be kept from training. A group is kept together, so that no
unseen concept has a near copy in training.

Each module answers one question: ``variants`` which emoji are one concept, ``near_copies`` which concepts are
one group, ``concepts`` which concepts there are and what they are called, ``styles`` how they are drawn, and
``held_out`` which are kept from training.
"""

from collections.abc import Iterable, Iterator
from functools import partial

from wordsight.config.datasets import EmojiDataset
from wordsight.datasets.source import Item, Source
from wordsight.datasets.sources.emoji.concepts import TABLES, Emoji, drawn_in
from wordsight.datasets.sources.emoji.held_out import Subset, in_divisible_classes, split
from wordsight.datasets.sources.emoji.styles import STYLES, Style
from wordsight.files.packages import origin


def load(section: EmojiDataset) -> Source:
    """Concepts that all styles draw, labelled by subcategory and captioned by name and keywords.

    The training split has the seen concepts in ``styles``; ``held_out`` marks those for validation. The test
    split has the unseen concepts in every style, and the training ones in ``unseen_styles``. The seed of the
    configuration decides nothing of this.

    Raises
    ------
    ConfigError
        When ``unseen_classes`` leaves fewer than two classes.
    DataError
        When a package is missing.
    """
    seen = [STYLES[name]() for name in section.styles]
    unseen = [STYLES[name]() for name in section.unseen_styles]
    emoji = in_divisible_classes(drawn_in([*seen, *unseen]))
    classes = sorted({one.subcategory for one in emoji})
    subset = split(emoji, section)

    def items(styles: Iterable[Style], subsets: set[Subset]) -> Iterator[Item]:
        for style in styles:
            for one in emoji:
                if subset[one.group] in subsets:
                    yield _item(one, style, classes, held_out=subset[one.group] == "validation")

    train = [*items(seen, {"training", "validation"})]
    test = [*items([*seen, *unseen], {"unseen"}), *items(unseen, {"training"})]
    packages = origin(*(style.distribution for style in (*seen, *unseen)), *TABLES)
    licences = [f"{style.name}: {style.licence}" for style in (*seen, *unseen)]
    return Source(packages, "; ".join([*licences, "names and keywords: MIT"]), classes, train, test)


def _item(one: Emoji, style: Style, classes: list[str], *, held_out: bool) -> Item:
    return Item(
        id=f"{style.name}/{one.unified}",
        label=classes.index(one.subcategory),
        read=partial(style.draw, one.unified),
        caption=one.caption,
        concept=one.concept,
        style=style.name,
        held_out=held_out,
    )
