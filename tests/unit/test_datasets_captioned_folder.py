"""Folders with a table of captions: what it says is what is stored, and what is wrong in it is named by line."""

import csv
import io
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wordsight.config.datasets import CaptionedFolderDataset, Limit
from wordsight.datasets import building, reading
from wordsight.datasets.source import Item, Source, class_names
from wordsight.datasets.sources import captioned_folder
from wordsight.datasets.splitting import hold_out
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.files.pixels import encode
from wordsight.protocols.checks import check_features

HEADER = "image,split,caption,label,concept,style"
ROWS = [
    'cats/1.png,train,"a cat, asleep",cat,tabby,photo',
    "cats/2.png,train,a cat on a roof,cat,tabby,drawing",
    "dogs/3.png,train,ein Hündchen 🐶,dog,,",
    "dogs/4.png,test,a dog,dog,spaniel,photo",
    "5.png,test,a cat,cat,,",
]


def image(seed, size=7):
    return encode(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pets"
    for seed, name in enumerate(("cats/1.png", "cats/2.png", "dogs/3.png", "dogs/4.png", "5.png")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(image(seed))
    write(root, HEADER, *ROWS)
    return root


def write(root, *lines, end="\n"):
    (root / "captions.csv").write_bytes(end.join([*lines, ""]).encode())


def section(root, **keys):
    return CaptionedFolderDataset(source="captioned_folder", path=str(root), **{"validation": 0, **keys})


def prepare(root, **keys):
    return building.prepare(section(root, **keys), "pets", 0, root.parent / "out")


def opened(root, split):
    return reading.open_split(root.parent / "out", split)


def test_what_the_table_says_is_what_is_stored(folder):
    card = prepare(folder)
    train, test = opened(folder, "train"), opened(folder, "test")
    assert (card.classes, card.captions, card.source) == (["cat", "dog"], True, "captioned_folder")
    assert train.ids == ["cats/1.png", "cats/2.png", "dogs/3.png"]
    assert train.captions == ["a cat, asleep", "a cat on a roof", "ein Hündchen 🐶"]
    assert train.labels.tolist() == [0, 0, 1]
    assert train.concepts == ["tabby", "tabby", ""]
    assert train.styles == ["photo", "drawing", ""]
    assert (test.ids, test.labels.tolist()) == (["dogs/4.png", "5.png"], [1, 0])
    assert [encode(np.asarray(pixels)) for _, pixels in train.images()] == [image(0), image(1), image(2)]


def test_a_table_of_a_spreadsheet_is_read_as_well(folder):
    write(folder, "\ufeff" + HEADER, *ROWS[:3], "", *ROWS[3:], end="\r\n")
    assert prepare(folder).splits.train.items == 3
    (folder / "lists").mkdir()
    (folder / "captions.csv").rename(folder / "lists" / "mine.csv")
    assert prepare(folder, table="lists/mine.csv").splits.test.items == 2


def test_labels_without_captions_are_enough(folder):
    write(folder, "image,split,label", *(",".join(r.rsplit(",", 5)[i] for i in (0, 1, 3)) for r in ROWS[1:]))
    card = prepare(folder)
    assert (card.captions, card.classes) == (False, ["cat", "dog"])


def test_captions_without_labels_can_be_trained_on_and_not_be_evaluated(folder):
    write(
        folder, "image,split,caption", "5.png,train,a cat", "cats/1.png,train,cats", "dogs/4.png,test,a dog"
    )
    card = prepare(folder, limit=Limit(train=1))
    train = opened(folder, "train")
    assert (card.classes, card.captions, train.labels.tolist()) == ([], True, [-1])
    with pytest.raises(DataError, match=r"^few_shot of m on pets: item .*png has no class"):
        check_features(Features(np.ones((1, 2)), train.labels, train.ids), 0, "few_shot of m on pets")


@pytest.mark.parametrize("item", [Item("a", -1, bytes), Item("a", 0, bytes, "a caption")])
def test_a_dataset_without_labels_has_captions_and_no_labels(tmp_path, item):
    source = Source("here", "CC0", [], [], [Item("b", -1, bytes, "a caption"), item])
    with pytest.raises(DataError, match=r"^pets: a: has no caption"):
        building.build(source, section(tmp_path), "pets", 0, tmp_path / "out")


def test_whole_numbers_are_classes_in_their_order():
    assert class_names(["10", "2", "2", "0"]) == ["0", "2", "10"]
    assert class_names(["10", "2", "b"]) == ["10", "2", "b"]


def test_items_can_be_sent_to_other_processes(folder):
    (item, *_) = captioned_folder.load(section(folder)).test
    assert pickle.loads(pickle.dumps(item)).read() == image(3)


# What is wrong


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "6.png,train,a,cat,,",
            r", line 7: 6\.png: .* below .*pets \(No such file or directory\)$",
        ),
        ("cats,train,a,cat,,", r", line 7: cats: expected a file, found a folder$"),
        (
            "../out.png,train,a,cat,,",
            r", line 7: \.\./out\.png: expected a path below .*pets without '\.\.'$",
        ),
        ("cats/../5.png,train,a,cat,,", r", line 7: cats/\.\./5\.png: expected a path below .*$"),
        ("/etc/hostname,train,a,cat,,", r", line 7: /etc/hostname: expected a path below .*$"),
        (
            "link.png,train,a,cat,,",
            r", line 7: link\.png: expected .* found a symbolic link that leads out of it$",
        ),
        (
            "way/secret.png,train,a,cat,,",
            r", line 7: way/secret\.png: .* a symbolic link that leads out of it$",
        ),
        ("a\0.png,train,a,cat,,", r", line 7: a\\x00\.png: expected a path below .*$"),
        ("5.png,train,a,cat,,", r", line 7: 5\.png: an earlier row"),
        (".//5.png,train,a,cat,,", r", line 7: 5\.png: an earlier row"),
        ("6.png,tain,a,cat,,", r", line 7: unknown split 'tain'; did you mean 'train'\? valid: train, test$"),
        ("6.png,,a,cat,,", r", line 7: the column split is empty$"),
        (",train,a,cat,,", r", line 7: the column image is empty$"),
        ("6.png,train, ,cat,,", r", line 7: the column caption is empty$"),
        ("6.png,train,a,,,", r", line 7: the column label is empty$"),
        ("6.png,train,a,cat", r", line 7: expected 6 cells, found 4$"),
        ("6.png,train,a,cat,,,", r", line 7: expected 6 cells, found 7$"),
        ('6.png,train,"a" b,cat,,', r", line 7: is not valid CSV \("),
        ('6.png,train,"a,cat,,', r", line 7: is not valid CSV \("),
        ("6.png,train," + "a" * 200_000 + ",cat,,", r", line 7: is not valid CSV \(field larger"),
    ],
)
def test_what_is_wrong_with_a_row_is_named_with_its_line(folder, row, message):
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(image(9))
    (folder / "link.png").symlink_to(outside / "secret.png")
    (folder / "way").symlink_to(outside)
    write(folder, HEADER, *ROWS, row)
    with pytest.raises(DataError, match=r"pets/captions\.csv" + message) as caught:
        prepare(folder)
    assert str(caught.value).isprintable()
    assert not (folder.parent / "out").exists()


def test_a_symbolic_link_that_stays_inside_is_followed(folder):
    (folder / "same.png").symlink_to(folder / "cats" / "1.png")
    (folder / "more").symlink_to(folder / "dogs")
    write(folder, HEADER, *ROWS, "same.png,test,a cat,cat,,", "more/3.png,test,a dog,dog,,")
    assert prepare(folder).duplicates.exact == 2


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "image,split,caption,lable",
            r"line 1: unknown column 'lable'; did you mean 'label'\? valid: image, ",
        ),
        ("image;split;caption", r"line 1: unknown column 'image;split;caption'; "),
        ("image,split,caption,image", r"line 1: the column image"),
        ("split,caption", r"line 1: expected a column image, found split, caption$"),
        ("image,caption", r"line 1: expected a column split, found image, caption$"),
        (
            "image,split,style",
            r"line 1: expected a column caption, label or both, found image, split, style$",
        ),
        ("", r"line 1: expected a column image, found none$"),
    ],
)
def test_what_is_wrong_with_the_header_is_named(folder, header, message):
    write(folder, header, "a,b,c")
    with pytest.raises(DataError, match=r"pets/captions\.csv, " + message):
        prepare(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n<!DOCTYPE html><html>", r": expected a CSV file, found an HTML page$"),
        (b"version https://git-lfs.github.com/spec/v1\n", r": expected a CSV file, found a Git LFS pointer"),
        (b"PK\x03\x04", r": expected a CSV file, found a zip file$"),
        (b"", r": expected a CSV file, found an empty file$"),
        (
            "image,split,caption\n1.png,train,a\n2.png,train,é\n".encode("latin-1"),
            r", line 3: is not valid UTF-8 \(",
        ),
        ("image,split,caption\n".encode("utf-16"), r", line 1: is not valid UTF-8 \("),
    ],
)
def test_what_is_no_table_is_named(folder, content, message):
    (folder / "captions.csv").write_bytes(content)
    if b"train,a" in content:
        (folder / "1.png").write_bytes(image(1))
    with pytest.raises(DataError, match=r"pets/captions\.csv" + message):
        prepare(folder)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("none.csv", r"none\.csv: table: .* below .* \(No such file"),
        ("../captions.csv", r"captions\.csv: table: expected a path below "),
        ("cats", r"cats: table: expected a file, found a folder$"),
    ],
)
def test_a_table_is_a_file_in_the_folder(folder, table, message):
    (folder.parent / "captions.csv").write_bytes((folder / "captions.csv").read_bytes())
    with pytest.raises(DataError, match=message):
        prepare(folder, table=table)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS[:3], "^pets: has no test images$"),
        ([ROWS[0], ROWS[4]], "^pets: has only one class, cat;"),
    ],
)
def test_a_table_that_is_fit_for_nothing_is_refused(folder, rows, message):
    write(folder, HEADER, *rows)
    with pytest.raises(DataError, match=message):
        prepare(folder)


def test_what_is_no_image_is_named(folder):
    (folder / "5.png").write_text("<html>")
    with pytest.raises(DataError, match=r"^pets: 5\.png: expected an image, found an HTML page$"):
        prepare(folder)


def listed(root, *rows):
    """Test items of a table with these rows; none of them is opened."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["image", "split", "caption"], *rows])
    (root / "captions.csv").write_bytes(text.getvalue().encode())
    return captioned_folder.load(section(root)).test


NAMES = st.text(st.sampled_from("ab./\\\0~é "), min_size=1, max_size=8) | st.text(min_size=1, max_size=8)


@given(name=NAMES)
@settings(deadline=None, max_examples=200)
def test_no_path_leads_out_of_the_folder(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp() / "jail" / "inner"
    root.mkdir(parents=True, exist_ok=True)
    for path in (root / "a", root.parent / "a", root.parent / "b"):
        path.write_text(f"{path.parent.name}/{path.name}")
    try:
        (item,) = listed(root, [name, "test", "a caption"])
    except DataError:
        return
    assert item.read() == b"inner/a"


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1, max_size=20
).filter(str.strip)


@given(captions=st.lists(TEXTS, min_size=1, max_size=5))
@settings(deadline=None, max_examples=100)
def test_any_text_that_csv_can_hold_is_read_back(tmp_path_factory, captions):
    root = tmp_path_factory.getbasetemp() / "any"
    root.mkdir(exist_ok=True)
    rows = [[f"{number}.png", "test", caption] for number, caption in enumerate(captions)]
    for name, *_ in rows:
        (root / name).touch()
    assert [item.caption for item in listed(root, *rows)] == [text.strip() for text in captions]


def test_a_caption_may_hold_a_line_break(folder):
    write(folder, HEADER, '5.png,test,"a cat\n  asleep",cat,,', "cats/1.png,tset,a,cat,,")
    with pytest.raises(DataError, match=r"line 4: unknown split 'tset'"):
        prepare(folder)


# Validation


def items(concepts):
    return [Item(f"i{place}", 0, bytes, concept=concept) for place, concept in enumerate(concepts)]


def held(marked):
    return [item.id for item in marked if item.held_out]


def test_a_share_of_the_training_images_is_held_out(folder):
    prepare(folder, validation=0.4)
    assert opened(folder, "train").held_out.tolist() in ([True, True, False], [False, False, True])
    assert not opened(folder, "test").held_out.any()


@pytest.mark.parametrize(
    ("share", "count"), [(0, 0), (0.01, 1), (0.1, 10), (0.29, 29), (0.295, 29), (0.999, 99)]
)
def test_images_without_a_concept_are_held_out_one_by_one(share, count):
    assert len(held(hold_out(items([""] * 100), share, "pets"))) == count


@given(concepts=st.lists(st.sampled_from(["", "a", "b", "c", "i1"]), min_size=2), share=st.floats(0.01, 0.99))
@settings(deadline=None)
def test_concepts_are_held_out_whole_and_within_the_share(concepts, share):
    sizes = Counter(concept or place for place, concept in enumerate(concepts))
    assume(len(sizes) > 1)
    marked = hold_out(items(concepts), share, "pets")
    flags = {(item.concept or place, item.held_out) for place, item in enumerate(marked)}
    assert len(flags) == len(sizes)
    chosen = [concept for concept, out in flags if out]
    assert 1 <= len(chosen) < len(sizes)
    assert len(chosen) == 1 or sum(sizes[concept] for concept in chosen) <= share * len(concepts) + 1e-6


def test_what_is_held_out_depends_on_the_name_alone():
    everything = items([""] * 50)
    draw = held(hold_out(everything, 0.2, "pets"))
    assert draw == held(hold_out(everything, 0.2, "pets")) != held(hold_out(everything, 0.2, "cars"))
    assert set(draw) < set(held(hold_out(everything, 0.4, "pets")))


def test_the_seed_of_a_study_does_not_move_what_is_held_out(folder):
    flags = []
    for seed in (0, 1):
        building.prepare(section(folder, validation=0.4), "pets", seed, folder.parent / "out")
        flags.append(opened(folder, "train").held_out.tolist())
    assert flags[0] == flags[1]


def test_a_share_of_a_single_concept_is_refused():
    with pytest.raises(DataError, match=r"^pets: validation:"):
        hold_out(items(["a", "a"]), 0.1, "pets")
    assert held(hold_out(items(["a", "a"]), 0, "pets")) == []
    assert hold_out([], 0.1, "pets") == []
