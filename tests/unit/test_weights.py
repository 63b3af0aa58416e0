"""A file of weights is read whole or refused in one line, and nothing in it is run."""

import argparse
import collections
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from wordsight.errors import WeightsError
from wordsight.files import hashing
from wordsight.models import tensors as own
from wordsight.models.foreign import layouts, numpy_pickles, weights


def tensors(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "layer.weight": torch.randn(4, 3, generator=generator),
        "layer.bias": torch.randn(4, generator=generator),
    }


def read(path, sha256=None, **keys):
    weights.verify(path, sha256)
    return weights.tensors(path, **keys)


def refused(pattern, path, **keys):
    """The one line that refuses a file, which names it."""
    with pytest.raises(WeightsError, match=pattern) as caught:
        read(path, **keys)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert len(line) < 400 + len(str(path))
    return line


def saved(tmp_path, contents, name="w.pth", **options):
    torch.save(contents, tmp_path / name, **options)
    return tmp_path / name


# Files that are read


@pytest.mark.parametrize("name", ["w.pth", "w.ckpt", "w.PTH", "w.pyth", "w", "w.pth.tar", "w.safetensors"])
@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_a_file_is_read_by_its_contents_whatever_its_name(tmp_path, name, kind):
    if kind == "safetensors":
        safetensors.torch.save_file(tensors(), tmp_path / name)
    else:
        saved(tmp_path, tensors(), name, _use_new_zipfile_serialization=kind == "zip")
    torch.testing.assert_close(weights.tensors(tmp_path / name), tensors(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "an HDF5 file"),
        (b"\x93NUMPY\x01\x00" + bytes(50), "a NumPy array"),
        (b"\x1f\x8b\x08" + bytes(50), "compressed with gzip"),
        (b"BZh91AY&SY" + bytes(50), "compressed with bzip2"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(50), "a TFLite file"),
        (b"<html><body>no</body></html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
    ],
)
@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_another_kind_of_file_is_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    refused(words, tmp_path / name)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "student.", "model.visual.trunk."])
def test_the_prefix_that_makes_names_fit_is_named(prefix):
    given = {f"{prefix}{name}": value for name, value in tensors().items()} | {"head.weight": torch.ones(1)}
    network = tensors(1)
    for removed, words in (
        ("", f"; set `prefix: {prefix}`"),
        ("net.", f"; set `prefix: net.{prefix}`"),
        (None, f"; use `source: checkpoint` with `prefix: {prefix}`"),
    ):
        with pytest.raises(WeightsError) as caught:
            own.fit(given, network, "w.pth", prefix=removed)
        assert str(caught.value).endswith(words)
    given.pop(f"{prefix}layer.bias")
    with pytest.raises(WeightsError) as caught:
        own.fit(given, network, "w.pth", prefix="")
    assert "prefix" not in str(caught.value)


NESTED = {"classy_state_dict": {"base_model": {"model": {"trunk": tensors()}, "meta": {"w": torch.ones(1)}}}}


def test_a_key_may_be_a_path(tmp_path):
    path = saved(tmp_path, {**NESTED, "epoch": 3})
    keys = ["classy_state_dict", "base_model", "model", "trunk"]
    torch.testing.assert_close(weights.tensors(path, key=keys), tensors())
    refused(
        "expected the key 'trnk' in classy_state_dict > base_model > model, found trunk",
        path,
        key=[*keys[:3], "trnk"],
    )
    refused(r"; set `key: \[classy_state_dict, base_model, model, trunk\]`$", path, keyed=True)
    refused(r"; use `source: checkpoint` with its `architecture` and `key: \[classy_state_dict, .*\]`$", path)


def test_a_training_checkpoint_says_where_its_tensors_are(tmp_path):
    """As timm writes them, with its arguments beside."""
    contents = {"arch": "resnet50", "args": argparse.Namespace(lr=0.1), "state_dict": tensors(), "epoch": 9}
    path = saved(tmp_path, contents)
    refused("holds arch, args, state_dict and 1 more, .* `source: checkpoint` .*`key: state_dict`$", path)
    torch.testing.assert_close(weights.tensors(path, key="state_dict"), tensors())


def test_a_prefix_without_its_dot_is_named(tmp_path):
    path = saved(tmp_path, {f"module.{name}": value for name, value in tensors().items()})
    refused("set `prefix: module.`$", path, prefix="module")
    torch.testing.assert_close(weights.tensors(path, prefix="module."), tensors())


@pytest.mark.parametrize(
    "odd",
    [
        torch.eye(3).to_sparse(),
        torch.eye(3, dtype=torch.complex64),
        torch.empty(3, 3, device="meta"),
    ],
    ids=["sparse", "complex", "meta"],
)
def test_a_tensor_that_no_network_takes_is_named(tmp_path, odd):
    refused("w is no dense tensor of real numbers|damaged|refused", saved(tmp_path, {"w": odd}))


@pytest.mark.parametrize("name", ["w.pt", "w.npz"])
def test_a_small_file_that_would_fill_the_memory_is_refused(tmp_path, name):
    """torch itself compresses nothing, and reads compressed members."""
    saved(tmp_path, {"w": torch.zeros(1)})
    with (
        zipfile.ZipFile(tmp_path / "w.pth") as plain,
        zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for member in plain.namelist():
            large = bytes(100 << 20) if member.endswith("data/0") else plain.read(member)
            bomb.writestr("a.npy" if name.endswith("npz") and member.endswith("data/0") else member, large)
    assert (tmp_path / name).stat().st_size < 1 << 20
    tracemalloc.start()
    if name.endswith("npz"):
        with pytest.raises(WeightsError, match="would unpack to too many bytes"):
            layouts.bit(tmp_path / name)
    else:
        refused("would unpack to 1048[0-9]{5} bytes", tmp_path / name)
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()


def test_a_checkpoint_may_carry_numbers_of_numpy_beside_its_tensors(tmp_path):
    contents = {
        "model": tensors(),
        "epoch": 3,
        "best": np.float64(0.7),
        "history": np.arange(3.0),
        "step": np.int64(9),
        "order": collections.OrderedDict(a=1),
    }
    path = saved(tmp_path, contents)
    torch.testing.assert_close(weights.tensors(path, key="model"), tensors())


def test_a_prefix_is_cut_off_and_other_tensors_are_left_out(tmp_path):
    contents = {f"module.model.{name}": value for name, value in tensors().items()}
    path = saved(tmp_path, {"model": {**contents, "module.normalizer.mean": torch.zeros(3)}})
    found = weights.tensors(path, key="model", prefix="module.model.")
    torch.testing.assert_close(found, tensors())


def test_parameters_come_without_their_gradients(tmp_path):
    path = saved(tmp_path, {"w": nn.Parameter(torch.ones(2))})
    assert not weights.tensors(path)["w"].requires_grad


@pytest.mark.parametrize("digits", [8, 64])
def test_a_sha256_or_its_start_is_verified(tmp_path, digits):
    path = saved(tmp_path, tensors())
    sha256 = hashing.sha256(path)
    assert weights.verify(path, sha256[:digits]) == weights.verify(path) == sha256
    wrong = ("0" if sha256[0] != "0" else "1") + sha256[1:digits]
    refused(f"expected SHA-256 {wrong}, found {sha256}", path, sha256=wrong)


def test_written_tensors_are_read_back_and_equal_ones_are_equal_bytes(tmp_path):
    given = {"shared": torch.arange(6.0).reshape(2, 3).t(), "view": torch.arange(10.0)[2:5]}
    for name, order in (("a", list(given)), ("b", list(given)[::-1])):
        own.write(tmp_path / f"{name}.safetensors", {key: given[key] for key in order})
    torch.testing.assert_close(weights.tensors(tmp_path / "a.safetensors"), given)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


# Files that are no weights


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize(
    ("content", "pattern"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "this is an HTML page"),
        (b"\n <html>", "this is an HTML page"),
        (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "an error message of a server"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "Git LFS pointer; run `git lfs",
        ),
        (b"just some text\n" * 9, "truncated or damaged|expected a file that torch.save wrote"),
        (bytes(1000), "truncated or damaged|expected a file that torch.save wrote"),
        (bytes(range(256)) * 9, "truncated or damaged|expected a file that torch.save wrote"),
        (b"PK\x03\x04" + bytes(100), "truncated or damaged"),
    ],
)
def test_what_is_no_file_of_weights_is_named_with_what_it_is(tmp_path, name, content, pattern):
    (tmp_path / name).write_bytes(content)
    refused(pattern, tmp_path / name)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    refused("no such file", tmp_path / "w.pth")
    (tmp_path / "folder.pth").mkdir()
    refused("no such file", tmp_path / "folder.pth")


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_file_cut_short_anywhere_is_refused(tmp_path, kind):
    path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    if kind == "safetensors":
        safetensors.torch.save_file(tensors(), path)
    else:
        saved(tmp_path, tensors(), _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    for size in range(1, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:size])
        refused("damaged|expected a file that torch.save wrote", path)


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors", "numpy"])
def test_damaged_bytes_raise_nothing_but_the_one_line(tmp_path, kind):
    path = tmp_path / {"safetensors": "w.safetensors", "numpy": "w.pkl"}.get(kind, "w.pth")
    if kind == "safetensors":
        safetensors.torch.save_file(tensors(), path)
    elif kind == "numpy":
        path.write_bytes(pickle.dumps({"w": [np.arange(6.0), np.ones((2, 3), np.float32)]}))
    else:
        saved(tmp_path, tensors(), _use_new_zipfile_serialization=kind == "zip")
    whole, rng, refusals = path.read_bytes(), np.random.default_rng(0), []
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            if kind == "numpy":
                numpy_pickles.read(path)
            else:
                weights.tensors(path)
        except WeightsError as error:
            refusals.append(str(error))
    assert len(refusals) > 30
    assert all(line.startswith(f"{path}: ") and "\n" not in line for line in refusals)


@pytest.mark.parametrize(
    ("contents", "keys", "pattern"),
    [
        (
            {"model": {}, "epoch": 1},
            {"key": "state_dict"},
            "expected the key 'state_dict', found model, epoch",
        ),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, {"key": "x"}, "found a, b, c and 1 more"),
        ([1, 2], {"key": "state_dict"}, "expected the key 'state_dict', found list"),
        ({"model": 3}, {"key": "model"}, "found int"),
        ([torch.zeros(1)], {}, "found list"),
        (
            {"model": {"w": torch.zeros(1)}, "epoch": 1},
            {"keyed": True},
            "model, epoch, .*; set `key: model`$",
        ),
        ({0: torch.zeros(1)}, {"keyed": True}, "holds 0, which"),
        ({"w": torch.zeros(1)}, {"prefix": "module."}, "expected names that start with 'module.', found w"),
        ({}, {}, "expected tensors by name, but it is empty"),
    ],
)
def test_a_wrong_key_or_prefix_is_refused_with_what_is_there(tmp_path, contents, keys, pattern):
    refused(pattern, saved(tmp_path, contents), **keys)


# Tensors that do not fit


def network():
    return {"layer.weight": torch.zeros(4, 3), "layer.bias": torch.zeros(4)}


def test_weights_that_fit_are_copied_and_those_of_unused_parts_are_left_out():
    filled, given = (
        network(),
        {**tensors(), "head.weight": torch.ones(2), "bn.num_batches_tracked": torch.tensor(3)},
    )
    own.fit(given, filled, "origin", unused=("head.",))
    torch.testing.assert_close(filled, tensors())


def test_half_precision_is_widened():
    filled = network()
    own.fit({name: value.half() for name, value in tensors().items()}, filled, "origin")
    assert all(value.dtype == torch.float32 for value in filled.values())
    torch.testing.assert_close(filled, tensors(), rtol=1e-3, atol=1e-3)


MANY = {f"extra.{i}": torch.zeros(1) for i in range(5)}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"layer.bias": None}, "origin: 1 tensor is missing: layer.bias"),
        (
            {"layer.bias": None, "layer.weight": None},
            "origin: 2 tensors are missing: layer.weight, layer.bias",
        ),
        (
            {"layer.bias": None, "module.layer.bias": torch.zeros(4)},
            "origin: 1 tensor is missing: layer.bias; unexpected: module.layer.bias",
        ),
        ({"head.weight": torch.zeros(2)}, "origin: 1 tensor is unexpected: head.weight"),
        (MANY, "origin: 5 tensors are unexpected: extra.0, extra.1, extra.2 and 2 more"),
        (
            {"layer.weight": torch.zeros(3, 4)},
            "origin: 1 tensor is of a wrong shape: layer.weight is 3x4 instead of 4x3",
        ),
        (
            {"layer.bias": torch.tensor(1.0)},
            "origin: 1 tensor is of a wrong shape: layer.bias is scalar instead of 4",
        ),
        ({"layer.bias": torch.tensor([0, 1, torch.nan, 2])}, "origin: 1 tensor is not finite: layer.bias"),
        ({"layer.bias": torch.tensor([0, 1, torch.inf, 2])}, "origin: 1 tensor is not finite: layer.bias"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_nothing_is_copied(changes, line):
    given = {name: value for name, value in {**tensors(), **changes}.items() if value is not None}
    filled = network()
    with pytest.raises(WeightsError) as caught:
        own.fit(given, filled, "origin")
    assert str(caught.value) == line
    assert all((value == 0).all() for value in filled.values())
