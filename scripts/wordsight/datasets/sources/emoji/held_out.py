"""Which concepts are kept from training, by classes and by groups of near copies."""

from collections import Counter, defaultdict
from typing import Literal

from wordsight.config.datasets import EmojiDataset
from wordsight.datasets.sources.emoji.concepts import Emoji
from wordsight.errors import ConfigError
from wordsight.seeds import derive_seed

Subset = Literal["training", "validation", "unseen"]


def split(emoji: list[Emoji], section: EmojiDataset) -> dict[str, Subset]:
    """Decide for each group of near copies what it is for.

    Whole classes are unseen first; of the groups that are left in the other classes, in equal shares, as many
    are unseen as bring the share of all concepts to ``unseen_concepts``. Of what is seen, a share
    ``validation_concepts`` of the groups of each class is for validation. A class that is not held out keeps
    a group for training.

    Raises
    ------
    ConfigError
        When fewer than two classes are left to train on.
    """
    homes: dict[str, str] = {}  # A group whose concepts are of several classes is drawn with the first one.
    for one in emoji:
        homes.setdefault(one.group, one.subcategory)
    classes = unseen_classes(emoji, section.unseen_classes)
    unseen = {one.group for one in emoji if one.subcategory in classes}
    if len({home for name, home in homes.items() if name not in unseen}) < 2:
        raise ConfigError(
            "emoji: unseen_classes: expected a number that leaves two classes to train on, "
            f"not {section.unseen_classes} of {len({one.subcategory for one in emoji})}"
        )
    left = sum(one.group not in unseen for one in emoji)
    wanted = section.unseen_concepts * len(emoji) - (len(emoji) - left)
    unseen |= _drawn(homes, unseen, max(wanted, 0) / left, "unseen")
    validation = _drawn(homes, unseen, section.validation_concepts, "validation")
    return {
        name: "unseen" if name in unseen else "validation" if name in validation else "training"
        for name in homes
    }


def unseen_classes(emoji: list[Emoji], count: int) -> set[str]:
    """Classes that are held out whole.

    First come those that share no group with another class, among them the middle half by number of groups.
    A larger ``count`` keeps what a smaller one held out.
    """
    groups = _groups_of_classes(emoji)
    uses = Counter(name for members in groups.values() for name in members)
    by_size = sorted(groups, key=lambda name: (len(groups[name]), name))
    middle = by_size[len(by_size) // 4 : len(by_size) * 3 // 4]

    def last(name: str) -> tuple[bool, bool, int]:
        shares = any(uses[member] > 1 for member in groups[name])
        return shares, name not in middle, derive_seed(0, "split", "emoji", "classes", name)

    return set(sorted(groups, key=last)[:count])


def _drawn(homes: dict[str, str], without: set[str], share: float, stream: str) -> set[str]:
    """Draw a share of the groups of each class, less those ``without``, and leave one.

    What rounding leaves is carried to the next class, since most classes are small.
    """
    members = defaultdict(list)
    for name in homes.keys() - without:
        members[homes[name]].append(name)
    drawn: set[str] = set()
    owed = 0.0
    for _, names in sorted(members.items()):
        owed += share * len(names)
        count = min(round(owed), len(names) - 1)
        owed -= count
        drawn.update(sorted(names, key=lambda name: derive_seed(0, "split", "emoji", stream, name))[:count])
    return drawn


def in_divisible_classes(emoji: list[Emoji]) -> list[Emoji]:
    """Leave out classes with a single group, which would be on one side of the split."""
    groups = _groups_of_classes(emoji)
    return [one for one in emoji if len(groups[one.subcategory]) > 1]


def _groups_of_classes(emoji: list[Emoji]) -> dict[str, set[str]]:
    groups = defaultdict(set)
    for one in emoji:
        groups[one.subcategory].add(one.group)
    return dict(groups)
