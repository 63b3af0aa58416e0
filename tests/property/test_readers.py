"""Readers of files that others wrote: whatever became of a file, it is read or refused in one line.

Each test damages whole files of one format: bytes are changed, taken out, doubled, or the end is cut off. A
longer search, in which each format has 5,000 damaged files:

    WORDSIGHT_FUZZ=5000 .venv/bin/python -m pytest tests/property/test_readers.py
"""

import gzip
import io
import os
import tarfile
import tempfile
import warnings
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import safetensors.numpy
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fixtures import mmv as mmv_files
from fixtures import text as texts
from wordsight.config.datasets import CaptionedFolderDataset
from wordsight.config.load import load, read
from wordsight.config.text import Word2vecText
from wordsight.datasets import archives
from wordsight.datasets.sources import captioned_folder, webdataset
from wordsight.errors import WordsightError
from wordsight.files.feature_sets import Features, read_features, write_features
from wordsight.files.parquet import read_table, write_table
from wordsight.models.foreign import layouts, mmv, weights
from wordsight.text import wikipedia, wikitext
from wordsight.text.sources import word2vec

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("WORDSIGHT_FUZZ", 20))
SHOWN = 2000  # characters of a message
TABLE = "image,split,caption\na.png,train,a cat\nb.png,test,'a \"dog\"'\nc.png,train,ein Haus\n"
YAML = """title: A
datasets: {d: {source: packaged, name: sklearn_digits, limit: {train: 20}}}
models:
  a: {source: random, architecture: timm/resnet18, seed: 0}
  b: {source: random, architecture: timm/resnet18, seed: 1}
protocols: {clustering: {datasets: [d]}}
"""


def image():
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (250, 10, 10)).save(buffer, "PNG")
    return buffer.getvalue()


def tar(mode, files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def saved(legacy):
    buffer = io.BytesIO()
    state = {"epoch": 3, "state_dict": {"conv.weight": torch.ones(2, 3, 3, 3), "fc.bias": torch.zeros(5)}}
    torch.save(state, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def arrays():
    buffer = io.BytesIO()
    np.savez(buffer, **{"resnet/root_block/standardized_conv2d/kernel": np.ones((2, 2, 3, 4), np.float32)})
    return buffer.getvalue()


def written(write):
    """Bytes that a function writes to a path."""

    def content(folder):
        path = folder / "whole"
        write(path)
        return path.read_bytes()

    return content


def read_archive(path):
    for number, read_file in enumerate(archives.list_files(path).values()):
        assert number < 100
        read_file()


def read_captions(path):
    (path.parent / "captions.csv").write_bytes(path.read_bytes())
    for name in "abc":
        (path.parent / f"{name}.png").write_bytes(image())
    captioned_folder.load(CaptionedFolderDataset(source="captioned_folder", path=str(path.parent)))


def read_vectors(path):
    word2vec.fetch(Word2vecText(source="word2vec", path=str(path)), path.parent / "out")


PICTURES = {"cat/1.png": image(), "dog/2.png": image()}
SAMPLES = {
    "1.png": image(),
    "1.txt": b"a cat",
    "2.png": image(),
    "2.json": b'{"caption": "a dog", "label": "x"}',
}
# By format: the content of a whole file, or a function of a folder that makes it, and what reads it.
READERS = {
    "torch": (saved(legacy=False), lambda path: weights.tensors(path, key="state_dict")),
    "legacy torch": (saved(legacy=True), lambda path: weights.tensors(path, key="state_dict")),
    "safetensors": (safetensors.numpy.save({"a": np.ones((2, 3), np.float32)}), weights.tensors),
    "BiT": (arrays(), layouts.bit),
    "MMV": (
        written(lambda path: mmv_files.write(path, {"params": {"a": {"w": np.ones(3, np.float32)}}, "state": {}})),
        mmv.tensors,
    ),
    "tar": (tar("w", PICTURES), read_archive),
    "compressed tar": (tar("w:gz", PICTURES), read_archive),
    "zip": (zipped(PICTURES), read_archive),
    "shard": (tar("w", SAMPLES), lambda path: list(webdataset.read_shard(path))),
    "captions": (TABLE.encode(), read_captions),
    "word2vec": (written(lambda path: texts.write_word2vec(path, ["cat", "dog"], size=6)), read_vectors),
    "dump": (
        written(texts.write_wikipedia),
        lambda path: list(wikipedia.pages(path)),
    ),
    "parquet": (
        written(lambda path: write_table(path, pa.table({"a": [1, 2], "b": ["x", "y"]}))),
        read_table,
    ),
    "features": (
        written(
            lambda path: write_features(
                path, Features(np.ones((2, 3), np.float32), np.zeros(2, np.int64), ["a", "b"], {})
            )
        ),
        read_features,
    ),
    "configuration": (YAML.encode(), lambda path: load(read(path))),
}  # fmt: skip


@cache
def whole(name):
    content, _ = READERS[name]
    if isinstance(content, bytes):
        return content
    with tempfile.TemporaryDirectory() as folder:
        return content(Path(folder))


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "double", "insert", "end"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 40),
        st.binary(min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=5,
)


def damaged(content, changes):
    """Content after some changes, each at a place between 0 and 1."""
    data = bytearray(content)
    for kind, where, length, new in changes:
        place = int(where * len(data))
        if kind == "set":
            data[place : place + len(new)] = new[: max(0, len(data) - place)]
        elif kind == "cut":
            del data[place : place + length]
        elif kind == "double":
            data[place:place] = data[place : place + length]
        elif kind == "insert":
            data[place:place] = new
        else:
            del data[place:]
    return bytes(data)


def refusal(reader, path):
    """The message with which a file is refused; None if it is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            reader(path)
        except WordsightError as error:
            return str(error)
    return None


@pytest.mark.parametrize("name", READERS)
@given(changes=CHANGES)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path_factory, name, changes):
    path = tmp_path_factory.mktemp("fuzz") / "file"
    path.write_bytes(damaged(whole(name), changes))
    message = refusal(READERS[name][1], path)
    assert message is None or 0 < len(message) < SHOWN
    assert "\n" not in (message or "")
    assert not list(path.parent.rglob("*.partial"))


@pytest.mark.parametrize("name", READERS)
def test_the_whole_file_is_read(tmp_path, name):
    """Otherwise all of its damaged copies would be refused for another reason."""
    path = tmp_path / "file"
    path.write_bytes(whole(name))
    if name == "MMV":
        with pytest.raises(WordsightError, match="expected a TSMResNetV2"):
            mmv.tensors(path)
    else:
        READERS[name][1](path)


@given(text=st.text(st.sampled_from("[]{}|<>!=-'&;#*: \nabref/"), max_size=300))
@settings(max_examples=10 * EXAMPLES, deadline=None)
def test_any_wikitext_becomes_text(text):
    assert isinstance(wikitext.plain(text), str)


@given(content=st.binary(max_size=300))
@settings(max_examples=10 * EXAMPLES, deadline=None)
def test_any_compressed_bytes_are_an_archive_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "file"
    path.write_bytes(gzip.compress(content))
    assert "\n" not in (refusal(read_archive, path) or "")
