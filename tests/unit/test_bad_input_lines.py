"""What a user can get wrong, each in one line that says what, where and what to do, and leaves nothing behind.

The conditions pass through the entry points that make and Snakemake use: a configuration is read, checked and
resolved, and a step's script runs. ``docs/bad-input.md`` has every line; ``make snapshots`` writes it anew.
"""

import gzip
import io
import os
import pickle
import shutil
import socket
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch
import yaml
from PIL import Image

import attacked
import snapshots
from in_process import run
from wordsight.config.load import load, read
from wordsight.errors import WordsightError
from wordsight.workflow import inputs, own_files, params
from wordsight.workflow.pairing import resolve

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("as_in_a_process_of_its_own")]

PAGE = Path(__file__).resolve().parents[2] / "docs/bad-input.md"
HEAD = """# Bad input

What a user can get wrong, and the one line in which it ends, with status 1 and without a half-written file. A test makes each of
these mistakes and writes this page (`make snapshots`). `...` stands for the folder of the test.
"""
FEWEST = 120
CASES = {}  # by area and condition: a function of a folder, which does what ends in the line


def case(area, condition):
    """Enter a function as a condition of an area."""

    def enter(function):
        assert (area, condition) not in CASES, condition
        CASES[area, condition] = function
        return function

    return enter


# Configuration


CONFIG = {
    "datasets": {"digits": {"source": "packaged", "name": "sklearn_digits"}},
    "models": {
        "a": {"source": "random", "architecture": "timm/resnet18", "seed": 0},
        "b": {"source": "random", "architecture": "timm/resnet18", "seed": 1},
    },
    "protocols": {"clustering": {"datasets": ["digits"]}},
}
PREPROCESSING = {"image_size": 8, "resize": 8, "mean": [0.5] * 3, "std": [0.5] * 3}
TEXT = yaml.safe_dump(CONFIG)


def changed(path, value):
    """Configuration with one value changed; the path is keys with slashes."""
    values = yaml.safe_load(TEXT)
    *parents, key = path.split("/")
    section = values
    for parent in parents:
        section = section.setdefault(parent, {})
    section[key] = value
    return values


def as_file(content):
    """Read a file of these contents as a configuration, and check it."""

    def act(folder):
        path = folder / "my.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        resolve(load(read(path)))

    return act


def as_values(path, value):
    """Check the configuration with one value changed."""
    return lambda folder: resolve(load(changed(path, value)))


IN_FILE = {
    "a section twice": TEXT + "models: {}\n",
    "a name twice in a section": "models:\n  a: {}\n  a: {}\n",
    "a name that YAML reads as false": TEXT.replace("  b:", "  no:"),
    "a number as a name": TEXT.replace("  b:", "  50:"),
    "an octal number": TEXT + "seed: 010\n",
    "a time of day as a number": TEXT + "seed: 1:30\n",
    "a number of 5,000 digits": TEXT + f"seed: {'9' * 5000}\n",
    "a date that is none": TEXT + "title: 2024-13-45\n",
    "a tag that would make a Python object": TEXT + "title: !!python/object/apply:os.system [id]\n",
    "a value that contains itself": TEXT + "title: &a [*a]\n",
    "anchors that multiply to a billion": "a: &a [x, x]\n" + "\n".join(f"{now}: &{now} [{', '.join([f'*{before}'] * 9)}]" for before, now in zip("abcdefghi", "bcdefghij", strict=True)),
    "3,000 brackets": TEXT + "title: " + "[" * 3000,
    "a tab for an indentation": "datasets:\n\tdigits: {}\n",
    "a bracket that is never closed": "datasets: {digits: [\n",
    "a control character": TEXT + "title: a\x07b\n",
    "another encoding than UTF-8": b"title: caf\xe9\n",
    "an empty file": "",
    "a list at the top": "- datasets\n",
    "two documents in a file": TEXT + "---\n" + TEXT,
    "a million characters": TEXT + "# " + "x" * 1_000_000,
}  # fmt: skip
for condition, content in IN_FILE.items():
    case("configuration, the file", condition)(as_file(content))
case("configuration, the file", "a folder in place of the file")(lambda folder: read(folder))
case("configuration, the file", "a device in place of the file")(lambda folder: read("/dev/zero"))
case("configuration, the file", "a file that does not exist")(lambda folder: read(folder / "gone.yaml"))

CHECKPOINT = {"source": "checkpoint", "architecture": "timm/resnet18", "language": "none", "pretraining_images": 1, "preprocessing": PREPROCESSING}  # fmt: skip


def address(url):
    return as_values("models/c", {**CHECKPOINT, "url": url})


IN_VALUES = {
    "an unknown key": ("sed", 1),
    "an unknown key of a dataset": ("datasets/digits/limits", {"train": 3}),
    "a required key is missing": ("datasets/pets", {"source": "image_folder"}),
    "text for a number": ("seed", "zero"),
    "true for a number": ("seed", True),
    "a negative seed": ("seed", -1),
    "a seed that no table holds": ("seed", 2**64),
    "not a number": ("statistics/margin", float("nan")),
    "a number for a text": ("title", 3),
    "false for a text": ("datasets/digits/label_space", False),
    "half of a character": ("title", "a\ud83d"),
    "a misspelt mode": ("mode", "sund"),
    "a misspelt source": ("datasets/digits/source", "package"),
    "a misspelt name of a packaged set": ("datasets/digits/name", "sklearn_digit"),
    "capital letters and a space in a name": ("datasets/My Pets", {"source": "packaged", "name": "orl_faces"}),
    "a name of 60 equal letters": ("datasets/" + "a" * 60, {"source": "packaged", "name": "orl_faces"}),
    "a name of 61 letters": ("datasets/" + "ab1" * 20 + "c", {"source": "packaged", "name": "orl_faces"}),
    "an empty path": ("datasets/pets", {"source": "image_folder", "path": ""}),
    "the folder of an unknown user": ("datasets/pets", {"source": "image_folder", "path": "~nobody-here/pets"}),
    "no protocol": ("protocols", {}),
    "a misspelt protocol": ("protocols/clusterin", {"datasets": ["digits"]}),
    "a protocol without datasets": ("protocols/clustering/datasets", []),
    "a dataset twice in a protocol": ("protocols/clustering/datasets", ["digits", "digits"]),
    "a misspelt dataset in a protocol": ("protocols/clustering/datasets", ["digit"]),
    "no shots": ("protocols/few_shot", {"datasets": ["digits"], "shots": []}),
    "a number of shots twice": ("protocols/few_shot", {"datasets": ["digits"], "shots": [1, 1]}),
    "zero shots": ("protocols/few_shot", {"datasets": ["digits"], "shots": [0]}),
    "a radius above 1": ("protocols/robustness", {"datasets": {"digits": {"head": "fitted"}}, "epsilons": [8]}),
    "a negative radius": ("protocols/robustness", {"datasets": {"digits": {"head": "fitted"}}, "epsilons": [-0.1]}),
    "a radius twice": ("protocols/robustness", {"datasets": {"digits": {"head": "fitted"}}, "epsilons": [0.1, 0.1]}),
    "radii that descend": ("protocols/robustness", {"datasets": {"digits": {"head": "fitted"}}, "epsilons": [0.1, 0.01]}),
    "no radius": ("protocols/robustness", {"datasets": {"digits": {"head": "fitted"}}, "epsilons": []}),
    "an attack without steps": ("protocols/robustness", {"datasets": {"digits": {"head": "fitted"}}, "steps": 0}),
    "an own classifier that no model has": ("protocols/robustness", {"datasets": {"digits": {"head": "own"}}}),
    "class names without a text tower": ("protocols/robustness", {"datasets": {"digits": {"head": "text"}}}),
    "an attack without Auto-PGD steps": ("protocols/robustness", {"datasets": {"digits": {"head": "fitted"}}, "apgd_steps": 0}),
    "attacks on no image": ("images_per_job", 0),
    "a margin of 5": ("statistics/margins", {"accuracy": 5.0}),
    "a margin for an unknown metric": ("statistics/margins", {"acuracy": 0.1}),
    "a confidence of 95": ("statistics/confidence", 95),
    "a share of damaged images above 1": ("datasets/digits/skip_damaged", 1.5),
    "a contrast with an unknown model": ("contrasts/c", {"treatment": {"models": ["x"]}, "control": {"models": ["b"]}}),
    "a contrast whose side matches nothing": ("contrasts/c", {"treatment": {"language": "captions"}, "control": {}}),
    "a model on both sides of a contrast": ("contrasts/c", {"treatment": {"seed": 0}, "control": {"language": "none"}}),
    "a contrast by an unknown metric": ("contrasts/c", {"treatment": {"seed": 0}, "control": {"seed": 1}, "metrics": {"clustering": "acc"}}),
    "a conclusion from no contrast": ("conclusions/c", {"question": "why?"}),
    "an architecture without its family": ("models/c", {"source": "random", "architecture": "resnet50", "seed": 0}),
    "no model": ("models", {}),
    "an encoder without what it learned from": ("models/c", {"source": "timm", "name": "resnet18.a1_in1k"}),
    "jobs by objective without a training": ("jobs_by", "objective"),
    "training on an unknown dataset": ("pretraining", {"images": "emojis", "objectives": {"labels": {}}}),
    "a misspelt objective": ("pretraining", {"images": "digits", "objectives": {"label": {}}}),
    "a hub dataset by name and by path": ("datasets/h", {"source": "huggingface", "name": "u/d", "path": "p", "caption_column": "c"}),
    "a hub dataset without columns": ("datasets/h", {"source": "huggingface", "name": "u/d"}),
    "a hub dataset whose name leads out of the cache": ("datasets/h", {"source": "huggingface", "name": "../../etc", "label_column": "c"}),
    "a line break in the name of a hub model": ("text_models/g", {"source": "huggingface", "name": "gpt2\nx"}),
    "a revision of a hub model that is none": ("text_models/g", {"source": "huggingface", "name": "gpt2", "revision": "a b"}),
    "a checkpoint from nowhere": ("models/c", CHECKPOINT),
    "a template without the class": ("text_models/g", {"source": "huggingface", "name": "gpt2", "template": "a photo"}),
}  # fmt: skip
for condition, (place, value) in IN_VALUES.items():
    case("configuration, its values", condition)(as_values(place, value))

ADDRESSES = {
    "a port that is none": "https://host:99999/w.pth",
    "another protocol": "ftp://host/w.pth",
    "a path on this machine": "file:///etc/passwd",
    "a line break": "https://host/w.pth\nhttps://other",
    "a space": "https://host/my weights.pth",
    "a password": "https://:SECRET@host/w.pth",
    "a token": "https://host/w.pth?token=SECRET",
    "a token after #": "https://host/w.pth#access_token=SECRET",
    "no host": "https:///w.pth",
}
for condition, url in ADDRESSES.items():
    case("configuration, addresses", f"{condition} in an address")(address(url))


def own_path(path, kind="image_folder"):
    def act(folder):
        section = {"source": kind, "path": str(folder / path)}
        section |= {"splits": {"train": "a.tar", "test": "b.tar"}} if kind == "webdataset" else {}
        config = load(changed("datasets/pets", section))
        own_files.user_content(config, "datasets", "pets")

    return act


case("configuration, the user's files", "a folder that does not exist")(own_path("gone"))
case("configuration, the user's files", "a name of 300 letters")(own_path("x" * 300))
case("configuration, the user's files", "shards that do not exist")(own_path(".", "webdataset"))


@case("configuration, the user's files", "several files that are missing at once")
def _(folder):
    values = changed("datasets/pets", {"source": "image_folder", "path": str(folder / "pets")})
    values["models"]["c"] = {
        **CHECKPOINT,
        "path": str(folder / "w.pth"),
        "by_hand": "get it from the authors",
    }
    own_files.user_content(load(values), "datasets", "pets")


# Command line


def job(**wildcards):
    return SimpleNamespace(**wildcards, get=wildcards.get)


@case("command line", "make check-model with a misspelt MODEL")
def _(folder):
    inputs.of_known_model(load(CONFIG), job(model="aa"), "network.json")


@case("command line", "make check-model with a path as MODEL")
def _(folder):
    inputs.of_known_model(load(CONFIG), job(model="../a"), "network.json")


@case("command line", "a search for an objective that is not trained")
def _(folder):
    values = changed("pretraining", {"images": "digits", "objectives": {"labels": {}}})
    params.candidates(load(values), job(objective="nonsense", learning_rate="0.001"))


@case("command line", "a search with a rate that is no number")
def _(folder):
    values = changed("pretraining", {"images": "digits", "objectives": {"labels": {}}})
    params.candidates(load(values), job(objective="labels", learning_rate="much"))


@case("command line", "a target of a protocol that does not run")
def _(folder):
    params.of_protocol(load(CONFIG), job(model="a", dataset="digits"), "transfer")


@case("command line", "a target of a training that is not configured")
def _(folder):
    params.training_device(load(CONFIG), job(dataset="digits"))


# Images and folders


def picture(seed=0, size=(9, 9), mode="RGB", kind="PNG", **options):
    """Bytes of an image file of noise."""
    shape = (*size, 3) if mode == "RGB" else size
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind, **options)
    return buffer.getvalue()


def pets(folder):
    """Folders of noise in two classes and splits."""
    places = ("train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png")
    for seed, place in enumerate(places):
        (folder / "pets" / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pets" / place).write_bytes(picture(seed))
    return folder / "pets"


def prepare(folder, **section):
    files = ("card.json", "train.parquet", "test.parquet")
    run("dataset.py", folder, files, {"dataset": "pets"}, section=section, seed=0)


def with_pets(change, **keys):
    """Prepare the folders of images after a change of them."""

    def act(folder):
        root = pets(folder)
        change(root)
        prepare(folder, source="image_folder", path=str(root), **keys)

    return act


def with_image(content):
    """Prepare the folders with one file of other contents."""
    return with_pets(lambda root: (root / "test/dog/2.png").write_bytes(content))


IMAGES = {
    "an image that is cut short": picture()[:60],
    "an empty image": b"",
    "a page in place of an image": b"<!DOCTYPE html><html><body>404</body></html>",
    "a text in place of an image": b"label,path\n",
    "a zip file in place of an image": b"PK\x03\x04" + bytes(40),
    "a pointer of Git LFS in place of an image": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "a drawing in SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "a PostScript file, which would start a program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
    "pixels of floating point": None,
    "an image of 3.6 billion pixels": None,
}
for condition, content in IMAGES.items():
    if content is not None:
        case("images", condition)(with_image(content))


@case("images", "pixels of floating point")
def _(folder):
    buffer = io.BytesIO()
    Image.new("F", (3, 3), 0.5).save(buffer, "TIFF")
    with_image(buffer.getvalue())(folder)


@case("images", "an image of 3.6 billion pixels")
def _(folder):
    data = bytearray(picture())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with_image(bytes(data))(folder)


@case("images", "12 images that are damaged")
def _(folder):
    def harm(root):
        for number in range(12):
            (root / f"train/cat/bad-{number:02d}.png").write_bytes(b"")

    with_pets(harm)(folder)


@case("images", "more damaged images than may be left out")
def _(folder):
    def harm(root):
        for number in range(3):
            (root / f"train/cat/bad-{number}.png").write_bytes(b"")

    with_pets(harm, skip_damaged=0.2)(folder)


FOLDERS = {
    "a split that is missing": lambda root: shutil.rmtree(root / "test"),
    "a split of another name": lambda root: (root / "test").rename(root / "val"),
    "an empty split": lambda root: (shutil.rmtree(root / "test"), (root / "test").mkdir()),
    "a class that a split lacks": lambda root: shutil.rmtree(root / "test/dog"),
    "a class without images": lambda root: (root / "test/dog/2.png").unlink(),
    "a single class": lambda root: [shutil.rmtree(root / split / "dog") for split in ("train", "test")],
    "a file beside the classes": lambda root: (root / "train/labels.csv").write_text("a"),
    "a text beside the images": lambda root: (root / "train/cat/notes.txt").write_text("hello"),
    "a link to nothing": lambda root: (root / "train/cat/9.png").symlink_to(root / "gone.png"),
    "a named pipe": lambda root: os.mkfifo(root / "train/cat/9.png"),
    "a name that is not UTF-8": lambda root: (root / "train/cat/1.png").rename(root / "train/cat" / os.fsdecode(b"caf\xe9.png")),
}  # fmt: skip
for condition, change in FOLDERS.items():
    case("folders", condition)(with_pets(change))
case("folders", "both splits in one folder")(
    with_pets(lambda root: None, splits={"train": "train", "test": "train"})
)
case("folders", "no test split")(with_pets(lambda root: None, splits={"train": "train"}))
case("folders", "a part of ImageNet's classes as its label space")(
    with_pets(lambda root: None, label_space="imagenet-1k")
)
case("folders", "a limit below the number of classes")(
    with_pets(lambda root: None, limit={"train": 1, "test": 1})
)


@case("folders", "a socket")
def _(folder):
    root = pets(folder)
    here = Path.cwd()
    os.chdir(root / "train/cat")  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("9.png")
        os.chdir(here)
        prepare(folder, source="image_folder", path=str(root))


# Archives


def archive(make, variant="v2"):
    """Prepare a variant of ImageNet from an archive."""

    def act(folder):
        path = folder / "images.archive"
        make(path)
        prepare(folder, source="imagenet", variant=variant, path=str(path))

    return act


def tar(path, *members, **options):
    with tarfile.open(path, "w", **options) as file:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))


def zipped(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)


@case("archives", "an archive that is cut short")
@archive
def _(path):
    tar(path, ("0/a.png", picture()))
    path.write_bytes(path.read_bytes()[:700])


@case("archives", "a page in place of an archive")
@archive
def _(path):
    path.write_bytes(b"<html>log in</html>")


@case("archives", "a compressed archive that is damaged")
@archive
def _(path):
    path.write_bytes(gzip.compress(bytes(2000))[:60])


@case("archives", "a zip file that is damaged")
@archive
def _(path):
    path.write_bytes(b"PK\x03\x04" + bytes(100))


@case("archives", "a name that leads out of the archive")
@archive
def _(path):
    tar(path, ("../../0/a.png", picture()))


@case("archives", "an archive that unpacks to 200 MB")
@archive
def _(path):
    zipped(path, ("0/a.png", bytes(200 << 20)))


@case("archives", "an archive of fewer images than were published")
@archive
def _(path):
    tar(path, ("0/a.png", picture()), ("1/a.png", picture(1)))


@case("archives", "an archive with folders of no class")
@archive
def _(path):
    tar(path, ("cats/a.png", picture()))


# Tables of captions


def table(text, name="captions.csv"):
    """Prepare a folder with two images and a table."""

    def act(folder):
        root = folder / "pets"
        (root / "photos").mkdir(parents=True)
        for number in (1, 2):
            (root / f"photos/{number}.png").write_bytes(picture(number))
        if text is not None:
            (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        prepare(folder, source="captioned_folder", path=str(root), validation=0)

    return act


ROWS = "image,split,caption,label\nphotos/1.png,train,a cat,cat\n"
TABLES = {
    "no table": None,
    "a column that is missing": "image,caption\nphotos/1.png,a cat\n",
    "a misspelt column": "image,splitt,caption\n",
    "a column twice": "image,split,caption,caption\n",
    "neither captions nor labels": "image,split\nphotos/1.png,train\n",
    "a row with a cell too few": ROWS + "photos/2.png,test,a dog\n",
    "an empty caption": ROWS + "photos/2.png,test,,dog\n",
    "an unknown split": ROWS + "photos/2.png,val,a dog,dog\n",
    "an image that does not exist": ROWS + "photos/3.png,test,a dog,dog\n",
    "an image twice": ROWS + "photos/1.png,test,a cat,cat\n",
    "a path that leads out of the folder": ROWS + "../../etc/passwd,test,a dog,dog\n",
    "an absolute path": ROWS + "/etc/passwd,test,a dog,dog\n",
    "a quote that is never closed": ROWS + 'photos/2.png,test,"a dog,dog\n',
    "another encoding than UTF-8": ROWS.encode() + b"photos/2.png,test,caf\xe9,dog\n",
    "a table of Excel": b"PK\x03\x04" + bytes(60),
    "labels of which one is -1": ROWS.replace("cat,cat", "cat,0") + "photos/2.png,test,a dog,-1\n",
}
for condition, text in TABLES.items():
    case("caption tables", condition)(table(text))


# Shards


def shards(*test, train=None, make=None, splits=None):
    """Prepare a WebDataset of two shards."""

    def act(folder):
        root = folder / "pets"
        root.mkdir()
        tar(root / "a.tar", *(train or (("1.png", picture(1)), ("1.txt", b"a cat"))))
        tar(root / "b.tar", *(test or (("2.png", picture(2)), ("2.txt", b"a dog"))))
        if make:
            make(root)
        prepare(folder, source="webdataset", path=str(root), splits=splits or {"train": "a.tar", "test": "b.tar"}, validation=0)  # fmt: skip

    return act


OK = (("1.png", picture(1)), ("1.txt", b"a cat"))
SHARDS = {
    "a shard that is cut short": shards(make=lambda root: (root / "b.tar").write_bytes((root / "b.tar").read_bytes()[:700])),
    "a compressed shard": shards(make=lambda root: (root / "b.tar").write_bytes(gzip.compress((root / "b.tar").read_bytes()))),
    "a shard without samples": shards(("readme", b"hello")),
    "a sample without an image": shards(("2.txt", b"a dog")),
    "a sample with two images": shards(("2.png", picture()), ("2.jpg", picture()), ("2.txt", b"a dog")),
    "a sample without a text": shards(("2.png", picture())),
    "a caption that is not UTF-8": shards(("2.png", picture()), ("2.txt", b"caf\xe9")),
    "a .json that is none": shards(("2.png", picture()), ("2.json", b"{")),
    "a .json that is a list": shards(("2.png", picture()), ("2.json", b"[1]")),
    "a key of a .json twice": shards(("2.png", picture()), ("2.json", b'{"caption": "a", "caption": "b"}')),
    "a caption that is a number with a fraction": shards(("2.png", picture()), ("2.json", b'{"caption": 1.5}')),
    "files of a sample apart": shards(("2.png", picture()), ("3.txt", b"a"), ("3.png", picture()), ("2.txt", b"b")),
    "labels for some samples only": shards(("2.png", picture()), ("2.txt", b"a dog"), ("2.cls", b"1")),
    "a pattern that leads out of the folder": shards(splits={"train": "../a.tar", "test": "b.tar"}),
    "a range that falls": shards(splits={"train": "{9..1}.tar", "test": "b.tar"}),
    "a shard in both splits": shards(splits={"train": "*.tar", "test": "b.tar"}),
}  # fmt: skip
for condition, act in SHARDS.items():
    case("shards", condition)(act)


# Hub folders


def hub(make, **keys):
    """Prepare a local folder in the hub's formats."""

    def act(folder):
        root = folder / "pets"
        root.mkdir()
        make(root)
        prepare(
            folder,
            source="huggingface",
            path=str(root),
            **{"caption_column": "text", "validation": 0, **keys},
        )

    return act


def parquet(root, text="a cat", label=0):
    import pyarrow as pa
    import pyarrow.parquet as pq

    for split in ("train", "test"):
        image = [{"bytes": picture(len(split)), "path": None}]
        pq.write_table(pa.table({"image": image, "text": [text], "kind": [label]}), root / f"{split}.parquet")


HUB = {
    "a folder without data": hub(lambda root: None),
    "a table that is no Parquet": hub(lambda root: (root / "train.parquet").write_bytes(b"PAR1 no")),
    "a column that is missing": hub(parquet, caption_column="txt"),
    "a split that is missing": hub(parquet, splits={"train": "train", "test": "validation"}),
    "a column of texts as images": hub(parquet, image_column="text"),
    "an empty caption": hub(lambda root: parquet(root, text="")),
    "a program in place of data": hub(lambda root: (root / "pets.py").write_text("import os")),
}
for condition, act in HUB.items():
    case("hub folders", condition)(act)


# Weights


def weights(make, name="w.pth", **keys):
    """Fetch a model from a file."""

    def act(folder):
        path = folder / name
        make(path)
        section = {"source": "checkpoint", "architecture": "small/resnet_w4", "path": str(path)}
        files = ("weights.safetensors", "network.json")
        run(
            "model.py",
            folder,
            files,
            {"model": "mine"},
            section={**section, "preprocessing": PREPROCESSING, **keys},
        )

    return act


class Command:
    """What a malicious pickle does when it is loaded."""

    def __reduce__(self):
        return os.system, ("touch /tmp/pwned-by-wordsight-test",)


def network():
    from wordsight.models import architectures

    backbone, _ = architectures.build("small/resnet_w4", 0)
    backbone.drop_head()
    return backbone.tensors()


def bomb(path):
    torch.save({"w": torch.zeros(1)}, path)
    with zipfile.ZipFile(path) as plain:
        members = {name: plain.read(name) for name in plain.namelist()}
    zipped(
        path,
        *((name, bytes(100 << 20) if name.endswith("data/0") else data) for name, data in members.items()),
    )


def bytes_of(content):
    return lambda path: path.write_bytes(content)


WEIGHTS = {
    "a page in place of weights": weights(bytes_of(b"<!DOCTYPE html><html>Please log in</html>")),
    "a pointer of Git LFS": weights(bytes_of(b"version https://git-lfs.github.com/spec/v1\n")),
    "an empty file": weights(bytes_of(b"")),
    "a file that is cut short": weights(lambda path: (torch.save(network(), path), path.write_bytes(path.read_bytes()[:5000]))),
    "weights of Keras": weights(bytes_of(b"\x89HDF\r\n\x1a\n" + bytes(99)), "w.h5"),
    "an archive": weights(bytes_of(gzip.compress(b"weights")), "w.tar.gz"),
    "a pickle that runs a command": weights(lambda path: path.write_bytes(pickle.dumps(Command()))),
    "a file that unpacks to 100 MB": weights(bomb),
    "a list of tensors": weights(lambda path: torch.save([torch.zeros(1)], path)),
    "no tensor": weights(lambda path: torch.save({}, path)),
    "tensors one level down": weights(lambda path: torch.save({"epoch": 3, "model": network()}, path)),
    "tensors four levels down": weights(lambda path: torch.save({"a": {"b": {"c": {"d": network()}}}, "epoch": 1}, path)),
    "a wrong key": weights(lambda path: torch.save({"model": network()}, path), key="state_dict"),
    "a path of keys that ends too early": weights(lambda path: torch.save({"a": {"b": network()}}, path), key=["a", "c"]),
    "names with a prefix": weights(lambda path: torch.save({f"module.{n}": v for n, v in network().items()}, path)),
    "a prefix without its dot": weights(lambda path: torch.save({f"module.{n}": v for n, v in network().items()}, path), prefix="module"),
    "a prefix that no name has": weights(lambda path: torch.save(network(), path), prefix="module."),
    "weights of another network": weights(lambda path: torch.save({"fc.weight": torch.zeros(3, 3)}, path)),
    "a tensor of another shape": weights(lambda path: torch.save({n: v[:1] if v.ndim > 1 else v for n, v in network().items()}, path)),
    "a tensor that is not finite": weights(lambda path: torch.save({n: v * float("nan") for n, v in network().items()}, path)),
    "a sparse tensor": weights(lambda path: torch.save({"w": torch.eye(3).to_sparse()}, path)),
    "complex numbers": weights(lambda path: torch.save({"w": torch.eye(3, dtype=torch.complex64)}, path)),
    "another digest": weights(lambda path: torch.save(network(), path), sha256="0" * 64),
    "safetensors that are damaged": weights(lambda path: (safetensors.torch.save_file(network(), path), path.write_bytes(path.read_bytes()[:900])), "w.safetensors"),
    "BiT's layout for a file of torch": weights(lambda path: torch.save(network(), path), layout="bit"),
    "MMV's layout for a file of torch": weights(lambda path: torch.save(network(), path), layout="mmv"),
    "a classifier that the network lacks": weights(lambda path: torch.save(network(), path), classifier="imagenet-1k"),
    "features at a place that the network lacks": weights(lambda path: torch.save(network(), path), features="cls"),
}  # fmt: skip
for condition, act in WEIGHTS.items():
    case("weights", condition)(act)


# Python files of encoders

HEADER = "from torch import nn\nfrom wordsight.models.python import encoder\n\n"
DECORATED = HEADER + "@encoder(image_size=16, mean=(0, 0, 0), std=(1, 1, 1))\ndef mine(weights):\n"


def python(text, name="mine"):
    """Fetch a model that a file of the user's builds."""

    def act(folder):
        (folder / "mine.py").write_text(text)
        section = {"source": "python", "name": name, "path": str(folder / "mine.py")}
        run("model.py", folder, ("weights.safetensors", "network.json"), {"model": "mine"}, section=section)

    return act


PYTHON = {
    "a syntax error": python("def mine(:\n"),
    "an import of what is not installed": python("import nothing_of_this_name\n"),
    "a function of another name": python(DECORATED + "    return nn.Flatten()\n", "my"),
    "a function without the decorator": python("def mine(weights):\n    return None\n"),
    "a function that returns no network": python(DECORATED + "    return 3\n"),
    "an error in the function": python(DECORATED + "    return 1 / 0\n"),
    "features of a wrong shape": python(DECORATED + "    return nn.Identity()\n"),
    "a size that is none": python(HEADER + "@encoder(image_size=0, mean=(0, 0, 0), std=(1, 1, 1))\ndef mine(w):\n    pass\n"),
    "an exit of Python": python("import sys\nsys.exit(3)\n"),
}  # fmt: skip
for condition, act in PYTHON.items():
    case("Python files of encoders", condition)(act)


# Text


def text_model(section, make=None):
    def act(folder):
        path = folder / "t"
        if make:
            make(path)
        outputs = ("weights.safetensors", "tokenizer", "card.json")
        run("text_model.py", folder, outputs, {"text_model": "words"}, section={**section, "path": str(path)})

    return act


def corpus(content, **keys):
    def act(folder):
        (folder / "dump.xml.bz2").write_bytes(content)
        section = {"source": "wikipedia", "path": str(folder / "dump.xml.bz2"), **keys}
        run("corpus.py", folder, ("articles.txt.gz", "card.json"), {"corpus": "wiki"}, section=section)

    return act


WORD2VEC = {"source": "word2vec"}
TEXTS = {
    "word vectors that are a page": text_model(WORD2VEC, bytes_of(b"<html>no</html>")),
    "word vectors that are cut short": text_model(WORD2VEC, bytes_of(b"2 3\ncat " + bytes(5))),
    "word vectors without a header": text_model(WORD2VEC, bytes_of(b"cat 0.1 0.2\n")),
    "a language model without its files": text_model({"source": "huggingface", "name": "gpt2"}, lambda path: path.mkdir()),
    "a language model whose config is damaged": text_model({"source": "huggingface", "name": "gpt2"}, lambda path: (path.mkdir(), (path / "config.json").write_text("{"))),
    "a dump that is a page": corpus(b"<html>no</html>"),
    "a dump that is no XML": corpus(b"hello"),
    "a dump that is damaged": corpus(b"BZh91AY&SY" + bytes(40)),
}  # fmt: skip
for condition, act in TEXTS.items():
    case("text", condition)(act)


# Attacks


def attack(scores, images=8, head=None, **options):
    """Attack a network that is given by a function from images to scores."""

    def act(_):
        import torch

        class Network(torch.nn.Module):
            def forward(self, points):
                return points.flatten(1)

            def logits(self, points):
                return scores(torch, points)

        pixels = np.full((2, 3, images, images), 0.5, dtype=np.float32)
        attacked.run(Network(), (pixels, np.zeros(2, dtype=np.int64), ["a", "b"]), head=head, **options)

    return act


def two(_, points):
    return points.flatten(1)[:, :2]


def head_of_another_width(folder):
    from wordsight.protocols.probe import Probe

    attack(two, head=Probe(np.zeros(5), np.zeros((2, 5)), np.zeros(2)))(folder)


ATTACKS = {
    "a target that is the label itself": attack(two, mode="paper", targeted=True),
    "a classifier of one class": attack(lambda _, points: points.flatten(1)[:, :1]),
    "a network without gradients": attack(lambda _, points: two(_, points.detach())),
    "images smaller than the network takes": attack(lambda torch, points: torch.nn.functional.conv2d(points, torch.ones(2, 3, 11, 11))),
    "a head of another width than the features": head_of_another_width,
    "scores that are not numbers": attack(lambda _, points: two(_, points) * float("nan")),
}  # fmt: skip
for condition, act in ATTACKS.items():
    case("attacks", condition)(act)


# Environment


def environment(action, **variables):
    """Act with variables of the environment."""

    def act(folder):
        patch = pytest.MonkeyPatch()
        for name, value in variables.items():
            patch.setenv(name, value.replace("FOLDER", str(folder)))
        try:
            action(folder)
        finally:
            patch.undo()

    return act


def download(folder):
    section = {"source": "checkpoint", "architecture": "small/resnet_w4", "url": "https://example.org/w.pth", "preprocessing": PREPROCESSING}  # fmt: skip
    run("model.py", folder, ("weights.safetensors", "network.json"), {"model": "mine"}, section=section)


def file_as_cache(folder):
    (folder / "cache").write_text("a file")
    download(folder)


ENVIRONMENT = {
    "no network, and the file is not in the cache": environment(download, WORDSIGHT_OFFLINE="1", WORDSIGHT_CACHE="FOLDER/cache"),
    "a mirror that is no address": environment(download, WORDSIGHT_MIRROR="example.org", WORDSIGHT_CACHE="FOLDER/cache"),
    "a file in place of the cache": environment(file_as_cache, WORDSIGHT_CACHE="FOLDER/cache"),
    "a file in place of the folder of logs": lambda folder: ((folder / "logs").write_text("x"), prepare(folder, source="packaged", name="sklearn_digits")),
    "a file in place of the folder of results": lambda folder: ((folder / "out").write_text("x"), prepare(folder, source="image_folder", path=str(pets(folder)))),
}  # fmt: skip
for condition, act in ENVIRONMENT.items():
    case("environment", condition)(act)


# What each gives


def line_of(act, folder, capsys):
    """The one line in which an action ends, as a user sees it."""
    try:
        act(folder)
    except WordsightError as error:  # `make`, the Snakefile or the step prints it
        return f"wordsight: error: {error}"
    except SystemExit as end:
        status = end.code
    else:
        pytest.fail("it was accepted")
    (line,) = capsys.readouterr().err.splitlines()
    assert status == 1
    return line


@pytest.fixture(scope="module")
def lines():
    return {}


@pytest.mark.parametrize(("area", "condition"), CASES)
def test_it_ends_in_one_line_and_leaves_nothing(area, condition, tmp_path, monkeypatch, capsys, lines):
    folder = tmp_path / "x"
    folder.mkdir()
    monkeypatch.chdir(folder)
    line = line_of(CASES[area, condition], folder, capsys)
    assert line.startswith("wordsight: error: ")
    assert "\n" not in line
    assert "Traceback" not in line
    assert "SECRET" not in line
    assert len(line.replace(str(folder), "")) < 900  # the first ten of many images take most
    assert not [path for path in (folder / "out").rglob("*") if path.is_file()]
    assert not list(folder.rglob("*.partial"))
    assert not Path("/tmp/pwned-by-wordsight-test").exists()
    lines[area, condition] = line.removeprefix("wordsight: error: ").replace(str(folder), "...")


def test_the_page_has_every_line(lines):
    if len(lines) < len(CASES):
        pytest.skip("only some of the lines were made")
    assert len(CASES) >= FEWEST
    parts = [HEAD, f"\n{len(CASES)} conditions.\n"]
    for area in dict.fromkeys(area for area, _ in CASES):
        parts.append(f"\n## {area[0].upper()}{area[1:]}\n\n| condition | line |\n|---|---|\n")
        parts += [
            f"| {condition} | `{line.replace('|', chr(92) + '|')}` |\n"
            for (of, condition), line in lines.items()
            if of == area
        ]
    text = "".join(parts)
    if os.environ.get(snapshots.RENEW):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "read the lines, and run `make snapshots`"
