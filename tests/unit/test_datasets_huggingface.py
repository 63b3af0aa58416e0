"""Datasets of the Hugging Face library: from every local form, and from a hub on this machine."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import datasets as library
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mirror import COMMIT, HUB, Mirror
from wordsight import datasets
from wordsight.config.datasets import Dataset, HuggingFaceDataset
from wordsight.config.load import load, validate
from wordsight.datasets import building, reading
from wordsight.datasets.sources import huggingface
from wordsight.errors import ConfigError, DataError
from wordsight.files.pixels import encode

FEATURES = library.Features(
    {
        "image": library.Image(),
        "text": library.Value("string"),
        "kind": library.ClassLabel(names=["dog", "cat", "bird"]),
        "group": library.Value("string"),
    }
)

# The library closes the table of a folder when Python collects it, which can be under any filter of warnings.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:unclosed file .*metadata.csv:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """Every test has downloads of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORDSIGHT_CACHE", str(tmp_path / "cache"))
    library.disable_progress_bars()


def image(seed, size=7):
    return encode(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))


def rows(first, count, features=FEATURES, **columns):
    numbers = range(first, first + count)
    values = {
        "image": [{"bytes": image(number), "path": None} for number in numbers],
        "text": [f"picture {number} " for number in numbers],
        "kind": [number % 2 for number in numbers],
        "group": [f"g{number // 2}" for number in numbers],
        **columns,
    }
    return library.Dataset.from_dict({name: values[name] for name in features}, features=features)


def parquet(root, train, test):
    root.mkdir(parents=True, exist_ok=True)
    train.to_parquet(root / "train.parquet")
    test.to_parquet(root / "test.parquet")
    return root


def image_folder(root):
    """Files of their own, with a table of captions."""
    for split, numbers in (("train", range(4)), ("test", range(4, 6))):
        (root / split).mkdir(parents=True)
        for number in numbers:
            (root / split / f"{number}.png").write_bytes(image(number))
        lines = ["file_name,text,kind", *(f"{n}.png,picture {n} ,{('dog', 'cat')[n % 2]}" for n in numbers)]
        (root / split / "metadata.csv").write_text("\n".join(lines) + "\n")
    return root


def saved(root):
    library.DatasetDict(train=rows(0, 4), test=rows(4, 2)).save_to_disk(root)
    return root


FORMS = {
    "parquet": lambda root: parquet(root, rows(0, 4), rows(4, 2)),
    "imagefolder": image_folder,
    "save_to_disk": saved,
}


def section(root, **keys):
    keys = {"caption_column": "text", "label_column": "kind", "validation": 0, **keys}
    return HuggingFaceDataset(source="huggingface", path=str(root), **keys)


def prepare(root, **keys):
    return building.prepare(section(root, **keys), "hf", 0, "out")


def opened(split):
    return reading.open_split("out", split)


@pytest.mark.parametrize("form", FORMS)
def test_every_local_form_is_read(form):
    root = FORMS[form](Path("mine"))
    card = prepare(root)
    train, test = opened("train"), opened("test")
    assert card.classes == (["cat", "dog"] if form == "imagefolder" else ["dog", "cat", "bird"])
    assert [train.classes[label] for label in train.labels] == ["dog", "cat", "dog", "cat"]
    assert (card.origin, card.source, card.captions) == ("mine", "huggingface", True)
    assert train.captions == [f"picture {number}" for number in range(4)]
    assert (train.ids[3], test.ids) == ("train-0000003", ["test-0000000", "test-0000001"])
    assert [encode(np.asarray(pixels)) for _, pixels in train.images()] == [image(n) for n in range(4)]
    written = {path.name for path in Path().iterdir()}
    assert written <= {"mine", "out", "resources"}


def test_a_single_file_is_split_by_slices():
    root = Path("mine")
    root.mkdir()
    rows(0, 10).to_parquet(root / "all.parquet")
    card = prepare(root / "all.parquet", splits={"train": "train[:70%]", "test": "train[70%:]"})
    assert (card.splits.train.items, card.splits.test.items) == (7, 3)
    assert opened("test").ids == ["train-0000007", "train-0000008", "train-0000009"]
    assert opened("test").captions[0] == "picture 7"


def test_a_dataset_saved_without_splits_is_the_training_split():
    rows(0, 6).save_to_disk("mine")
    card = prepare("mine", splits={"train": "train[2:]", "test": "train[:2]"})
    assert (card.splits.train.items, card.splits.test.items) == (4, 2)


def test_slices_that_share_a_row_are_refused():
    FORMS["parquet"](Path("mine"))
    with pytest.raises(DataError, match=r"^hf: train-0000002: two images"):
        prepare("mine", splits={"train": "train[:3]", "test": "train[2:]"})


def test_splits_can_be_added():
    FORMS["parquet"](Path("mine"))
    prepare("mine", splits={"test": "test+train[:1]"})
    assert opened("test").ids == ["test-0000000", "test-0000001", "train-0000000"]


def test_concepts_styles_and_plain_labels_are_columns():
    features = library.Features({**FEATURES, "kind": library.Value("int64")})
    kinds = [10, 9, 10, 9]
    parquet(Path("mine"), rows(0, 4, features, kind=kinds), rows(4, 2, features, kind=[10, 9]))
    card = prepare("mine", concept_column="group", style_column="kind", validation=0.5)
    train = opened("train")
    assert card.classes == ["9", "10"]
    assert train.labels.tolist() == [1, 0, 1, 0]
    assert train.styles == ["10", "9", "10", "9"]
    assert train.concepts == ["g0", "g0", "g1", "g1"]
    assert train.held_out.tolist() in ([True, True, False, False], [False, False, True, True])


def test_captions_without_labels_are_enough():
    FORMS["parquet"](Path("mine"))
    card = prepare("mine", label_column=None)
    assert card.classes == []
    assert set(opened("train").labels) == {-1}


def test_of_several_captions_the_first_is_taken():
    features = library.Features({**FEATURES, "text": library.List(library.Value("string"))})
    train = rows(0, 2, features, text=[["one", "two"], ["three"]])
    parquet(Path("mine"), train, rows(2, 1, features, text=[["four", ""]]))
    prepare("mine")
    assert opened("train").captions == ["one", "three"]


def test_images_may_be_plain_bytes():
    features = library.Features({**FEATURES, "image": library.Value("binary")})
    parquet(
        Path("mine"),
        rows(0, 2, features, image=[image(0), image(1)]),
        rows(2, 1, features, image=[image(2)]),
    )
    prepare("mine")
    assert [encode(np.asarray(pixels)) for _, pixels in opened("train").images()] == [image(0), image(1)]


def test_images_are_not_decoded_before_they_are_read(monkeypatch):
    FORMS["parquet"](Path("mine"))

    def refuse(*arguments, **keys):
        raise AssertionError("decoded")

    monkeypatch.setattr(library.Image, "decode_example", refuse)
    source = huggingface.load(section("mine"))
    assert source.train[2].read() == image(2)


def test_items_can_be_sent_to_other_processes():
    FORMS["parquet"](Path("mine"))
    (item, *_) = huggingface.load(section("mine")).test
    assert pickle.loads(pickle.dumps(item)).read() == image(4)


def test_a_changed_file_is_read_again():
    FORMS["parquet"](Path("mine"))
    prepare("mine")
    rows(4, 2, text=["new", "newer"]).to_parquet("mine/test.parquet")
    prepare("mine")
    assert opened("test").captions == ["new", "newer"]


# What is wrong


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"caption_column": "txt"},
            r"mine: caption_column: unknown column 'txt'; did you mean 'text'\? valid: image",
        ),
        (
            {"image_column": "picture"},
            r"mine: image_column: unknown column 'picture'; valid: image, text, kind, gr",
        ),
        ({"label_column": "kinds"}, r"mine: label_column: unknown column 'kinds'; did you mean 'kind'\?"),
        ({"style_column": "style"}, r"mine: style_column: unknown column 'style'; "),
        ({"image_column": "text"}, r"mine: image_column: expected images in text, found Value\('string'\)$"),
        ({"caption_column": "image"}, r"mine: train-0000000: expected text as image, found "),
        ({"splits": {"test": "tset"}}, r"mine: splits\.test: unknown split 'tset'; did you mean 'test'\?"),
        (
            {"splits": {"test": "tset[:3]"}},
            r"mine: splits\.test: unknown split 'tset\[:3\]'; did you mean 'test'\?",
        ),
        ({"splits": {"test": "test[a]"}}, r"mine: splits\.test: unknown split 'test\[a\]'; "),
        ({"splits": {"train": "train"}}, r"hf: has no test images$"),
    ],
)
def test_what_is_wrong_with_a_key_is_named(keys, message):
    FORMS["parquet"](Path("mine"))
    with pytest.raises(DataError, match="^" + message) as caught:
        prepare("mine", **keys)
    assert "\n" not in str(caught.value)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a", ""]}, r"mine: test-0000001: the column text is empty$"),
        ({"text": ["a", None]}, r"mine: test-0000001: the column text is empty$"),
        ({"kind": [0, None]}, r"mine: test-0000001: the column kind is empty$"),
        ({"kind": [0, -1]}, r"mine: test-0000001: the column kind is -1, which marks what has no label; "),
        (
            {"image": [None, None]},
            r"hf: 2 images can't be read; .*: test-0000000: cannot be read \(no image in the column",
        ),
        (
            {"image": [{"bytes": b"<html>", "path": None}] * 2},
            r"hf: 2 images can't be read; .*: test-0000000: expected an image, found an HTML",
        ),
    ],
)
def test_what_is_wrong_with_a_row_is_named(columns, message):
    library.DatasetDict(train=rows(0, 4), test=rows(4, 2, **columns)).save_to_disk("mine")
    with pytest.raises(DataError, match="^" + message):
        prepare("mine")


def plain(root, path):
    """Parquet without the library's own marks, whose images are files of their own."""
    images = [{"bytes": None, "path": str(path.resolve())}] * 2
    root.mkdir()
    pq.write_table(pa.table({"image": images, "text": ["a", "b"]}), root / "test.parquet")


def test_a_file_outside_is_not_read():
    Path("outside.png").write_bytes(image(0))
    plain(Path("mine"), Path("outside.png"))
    with pytest.raises(
        DataError, match=r"^hf: 2 images .*test-0000001: .* \(/.*/outside\.png lies outside /.*/mine\)$"
    ):
        prepare("mine", splits={"test": "test"}, label_column=None)


def test_a_snapshot_of_the_hubs_cache_links_to_blobs_beside_it():
    snapshot = Path("datasets--me--mine/snapshots/0123")
    blob = Path("datasets--me--mine/blobs/abc")
    for folder in (snapshot, blob.parent):
        folder.mkdir(parents=True)
    blob.write_bytes(image(0))
    for name in ("1.png", "2.png"):
        (snapshot / name).symlink_to(Path("../../blobs/abc"))
    (snapshot / "metadata.csv").write_text("file_name,text\n1.png,a\n2.png,b\n")
    prepare(str(snapshot), splits={"test": "train"}, label_column=None)
    assert opened("test").captions == ["a", "b"]


def test_a_link_to_a_folder_is_named_since_the_library_would_leave_it_out():
    for place in ("mine/train/cat", "mine/test/cat", "elsewhere"):
        Path(place).mkdir(parents=True)
        Path(place, "1.png").write_bytes(image(0))
    Path("mine/train/dog").symlink_to(Path("elsewhere").resolve())
    with pytest.raises(DataError, match=r"^/.*/mine/train/dog: is a link to a folder, which "):
        prepare("mine", caption_column=None, label_column="label")


def test_a_file_that_changed_is_read_again_whatever_its_time():
    FORMS["parquet"](Path("mine"))
    file = next(Path("mine").rglob("*test*.parquet"))
    prepare("mine")
    before, stat = opened("test").captions, file.stat()
    table = pq.read_table(file)
    texts = pa.array([f"new {text}" for text in table["text"].to_pylist()])
    pq.write_table(table.set_column(table.column_names.index("text"), "text", texts), file)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    prepare("mine")
    assert opened("test").captions == [f"new {text}" for text in before]


def test_a_file_inside_is_read():
    plain(Path("mine"), Path("mine/inside.png"))
    Path("mine/inside.png").write_bytes(image(0))
    prepare("mine", splits={"test": "test"}, label_column=None)
    assert len(opened("test")) == 2


def test_splits_with_other_classes_are_refused():
    other = library.Features({**FEATURES, "kind": library.ClassLabel(names=["cat", "dog"])})
    library.DatasetDict(train=rows(0, 4), test=rows(4, 2, other)).save_to_disk("mine")
    with pytest.raises(DataError, match=r"^mine: label_column: .* different class names"):
        prepare("mine")


def web_page(root):
    root.mkdir()
    (root / "train.parquet").write_text("<!DOCTYPE html>\n<html>\n")


def script(root):
    root.mkdir()
    (root / "mine.py").write_text("raise SystemExit('code of a dataset ran')")


def other_columns(root):
    parquet(root, rows(0, 4), rows(4, 2)).joinpath("train-2.parquet")
    rows(0, 2).remove_columns("text").to_parquet(root / "train-2.parquet")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, r"\(FileNotFoundError: Couldn't find any data file at .*mine\.\)$"),
        (Path.mkdir, r"\(EmptyDatasetError: The directory at .*mine doesn't contain any data files\)$"),
        (web_page, r"\(ArrowInvalid: .*\)$"),
        (script, r"\(RuntimeError: Dataset scripts are no longer supported, but found mine\.py\)$"),
        (other_columns, r"\(\w+: .*\)$"),
    ],
)
def test_what_is_no_dataset_is_named(make, message):
    make(Path("mine"))
    with pytest.raises(DataError, match="^mine: cannot be read " + message) as caught:
        prepare("mine")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"caption_column": "c"}, r"datasets\.d: set name or path, and not both"),
        ({"name": "u/d", "path": "p", "caption_column": "c"}, r"datasets\.d: set name or path"),
        (
            {"path": "p", "revision": "main", "caption_column": "c"},
            r"datasets\.d: revision goes with name",
        ),
        ({"name": "u/d"}, r"datasets\.d: set caption_column, label_column or both"),
        ({"name": "u/d", "trust_remote_code": True}, r"datasets\.d: unknown key 'trust_remote_code'"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(keys, message):
    model = {"source": "random", "architecture": "timm/resnet18", "seed": 0}
    values = {"datasets": {"d": {"source": "huggingface", **keys}}, "models": {"m": model}, "protocols": {}}
    with pytest.raises(ConfigError, match=message):
        load(values)


# The hub


@pytest.fixture
def hub():
    """Environment in which a server on this machine is the hub; it has the dataset u/d."""
    parquet(Path("remote/data"), rows(0, 4), rows(4, 2))
    files = {f"data/{path.name}": path.read_bytes() for path in Path("remote/data").iterdir()}
    shutil.rmtree("remote")
    with Mirror() as mirror:
        mirror.publish_on_hub("datasets/u/d", files)
        yield {
            **os.environ,
            "HF_ENDPOINT": f"{mirror.address}/{HUB}",
            "HOME": str(Path("home").resolve()),
        }


CODE = """
import json, sys
from wordsight.config.datasets import Dataset
from wordsight.config.load import validate
from wordsight.datasets import building
from wordsight.errors import DataError
try:
    print(building.prepare(validate(Dataset, json.loads(sys.argv[1])), "hf", 0, "out").model_dump_json())
except DataError as error:
    print(f"DataError: {error}")
assert "torch" not in sys.modules
"""


def prepare_from_hub(environment, name, **more):
    keys = {"source": "huggingface", "name": name, "caption_column": "text", "label_column": "kind"}
    assert validate(Dataset, keys).name == name
    environment = {**environment, "PYTHONPATH": str(Path(datasets.__file__).parents[2]), **more}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE, json.dumps(keys)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr


def test_a_dataset_of_the_hub_is_kept_and_read_without_a_network(hub):
    Path("u/d").mkdir(parents=True)  # a folder of the same name is not what the hub has
    answer, errors = prepare_from_hub(hub, "u/d")
    card = json.loads(answer)
    assert card["origin"] == f"{hub['HF_ENDPOINT']}/datasets/u/d@{COMMIT}"
    assert card["splits"]["train"]["items"] == 4
    assert errors == ""
    assert opened("test").captions == ["picture 4", "picture 5"]
    assert {path.name for path in Path().iterdir()} == {"u", "out", "resources", "cache"}
    again, _ = prepare_from_hub(hub, "u/d", HF_HUB_OFFLINE="1")
    assert json.loads(again)["splits"] == card["splits"]


def test_a_mirror_is_asked_first_and_our_variables_hold_too(hub):
    mirror = hub.pop("HF_ENDPOINT").removesuffix(f"/{HUB}")
    closed = {"HF_ENDPOINT": "http://127.0.0.1:9", "WORDSIGHT_MIRROR": mirror}
    card = json.loads(prepare_from_hub(hub, "u/d", **closed)[0])
    assert card["origin"] == f"http://127.0.0.1:9/datasets/u/d@{COMMIT}"
    assert list(Path("cache").rglob("*.parquet"))
    shutil.rmtree("out")
    again = json.loads(prepare_from_hub(hub, "u/d", **closed, WORDSIGHT_OFFLINE="1")[0])
    assert again["splits"] == card["splits"]


def test_a_dataset_that_the_hub_lacks_is_named(hub):
    answer, _ = prepare_from_hub(hub, "u/none")
    assert answer.startswith("DataError: u/none: cannot be read (DatasetNotFoundError: ")


def test_without_a_network_one_line_says_what_to_do(hub):
    answer, _ = prepare_from_hub(hub, "u/other", HF_HUB_OFFLINE="1")
    assert answer.startswith("DataError: u/other: cannot be read (ConnectionError: ")
    assert answer.endswith("; without a network, set path to a copy of its files")
    assert "\n" not in answer


def test_settings_of_the_library_are_as_before_afterwards():
    before = dict(vars(huggingface.constants)), dict(vars(library.config))
    FORMS["parquet"](Path("mine"))
    huggingface.load(section("mine"))
    with pytest.raises(DataError):
        huggingface.load(section("none"))
    assert (dict(vars(huggingface.constants)), dict(vars(library.config))) == before
