"""A pickle is read without doing anything that it says, and what it says cannot exhaust the machine."""

import argparse
import collections
import copyreg
import io
import os
import pathlib
import pickle
import pickletools
import warnings
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import torch
from torch import nn

from wordsight.errors import WeightsError
from wordsight.models.foreign import inert, weights


class Called:
    """Calls what it was told to when it is unpickled."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


class Restored:
    """Has a ``__setstate__`` of its own."""

    def __init__(self):
        self.value = 1

    def __setstate__(self, state):
        raise AssertionError("restored")


class Slotted:
    __slots__ = ("a",)

    def __new__(cls, **options):
        raise AssertionError("made")

    def __reduce_ex__(self, protocol):
        return copyreg.__newobj_ex__, (Slotted, (), {"a": 1}), (None, {"a": 1})


def tensors(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "layer.weight": torch.randn(4, 3, generator=generator),
        "layer.bias": torch.randn(4, generator=generator).half(),
        "layer.count": torch.tensor(7),
        "layer.none": torch.zeros(0, 3),
        "layer.view": torch.arange(12.0).reshape(3, 4).t()[1:, 1:],
    }


def saved(path, contents, *, legacy=False):
    torch.save(contents, path, _use_new_zipfile_serialization=not legacy)
    return path


# What is read


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_are_those_that_torch_reads(tmp_path, legacy):
    given = tensors()
    shared = given["layer.weight"]
    contents = {
        "state_dict": {**given, "parameter": nn.Parameter(shared[1]), "again": shared},
        "args": argparse.Namespace(lr=0.1, path=pathlib.Path("runs")),
        "options": [Restored(), collections.defaultdict(list, a=[1]), {1, 2}, frozenset({3}), b"x", 1j],
        "numbers": [True, None, -1, 2**40, 2**80, 0.5, "x" * 300, (1,), (1, 2, 3, 4)],
        "random": np.random.default_rng(0),
    }
    path = saved(tmp_path / "w.pth", contents, legacy=legacy)
    found = weights.tensors(path, key="state_dict")
    assert list(found) == list(contents["state_dict"])
    torch.testing.assert_close(found, contents["state_dict"], rtol=0, atol=0)
    assert not any(value.requires_grad for value in found.values())
    assert inert.read(path)["numbers"] == contents["numbers"]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    "beside",
    [
        collections.defaultdict(list, a=[1]),
        np.random.RandomState(0),
        np.random.default_rng(0),
        torch.optim.SGD([torch.zeros(1)]),
        nn.Sequential(nn.Linear(2, 2)),
        torch.device("cpu"),
        torch.Size([1]),
        nn.functional.relu,
        len,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_lies_beside_the_tensors_may_be_anything(tmp_path, beside, legacy):
    path = saved(tmp_path / "w.pth", {"beside": beside, "model": tensors()}, legacy=legacy)
    torch.testing.assert_close(weights.tensors(path, key="model"), tensors())
    torch.testing.assert_close(inert.read(path, key="model")["model"], tensors())


@pytest.mark.parametrize("legacy", [False, True])
def test_only_what_has_the_prefix_is_taken_from_the_file(tmp_path, legacy):
    contents = {"model": {"a.w": torch.ones(2), "b.w": argparse.Namespace()}, "args": argparse.Namespace()}
    path = saved(tmp_path / "w.pt", contents, legacy=legacy)
    torch.testing.assert_close(weights.tensors(path, key="model", prefix="a."), {"w": torch.ones(2)})
    with pytest.raises(WeightsError, match=r"expected tensors only, but b\.w are none"):
        weights.tensors(path, key="model", prefix="b.")


@pytest.mark.parametrize("legacy", [False, True])
def test_a_state_with_metadata_is_read(tmp_path, legacy):
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))
    path = saved(tmp_path / "w.pt", {"m": network.state_dict(), "a": argparse.Namespace()}, legacy=legacy)
    torch.testing.assert_close(weights.tensors(path, key="m"), dict(network.state_dict()))


def test_pairs_of_an_ordered_dictionary_are_taken_once():
    """As Python 2 wrote it: a list of pairs, which here a second dictionary shares."""
    once = b"ccollections\nOrderedDict\n((l(lS'a'\naI1\naap1\ntR"
    assert inert.follow(io.BytesIO(once + b"."))[0] == {"a": 1}
    assert inert.follow(io.BytesIO(once + b"0ccollections\nOrderedDict\n(g1\ntR."))[0] == {}


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_gives_plain_values(protocol):
    value = {"a": [1, 2.5, (), (None,), "ü", {"b": True}], 3: -(2**70), "long": "x" * 70_000}
    assert inert.follow(io.BytesIO(pickle.dumps(value, protocol=protocol)))[0] == value
    assert inert.follow(io.BytesIO(pickle._dumps(value, protocol=protocol)))[0] == value


def test_a_list_that_holds_itself_is_read():
    loop = []
    loop.append(loop)
    found = inert.follow(io.BytesIO(pickle.dumps(loop)))[0]
    assert found[0] is found


def test_a_network_of_torchscript_gives_its_state(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(2, 2))).half()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(network), tmp_path / "w.pt")
    torch.testing.assert_close(weights.tensors(tmp_path / "w.pt"), dict(network.state_dict()), rtol=0, atol=0)


def test_a_wrong_key_is_refused_with_what_is_there(tmp_path):
    contents = {"model": tensors(), "args": argparse.Namespace(), "net": nn.Linear(1, 1)}
    path = saved(tmp_path / "w.pt", contents)
    with pytest.raises(WeightsError, match=r"expected the key 'state_dict', found model, args, net$"):
        weights.tensors(path, key="state_dict")
    with pytest.raises(
        WeightsError, match="expected tensors only, but model, args, net are none; is `key` missing"
    ):
        weights.tensors(path)
    with pytest.raises(WeightsError, match=r"refused: would run code: argparse\.Namespace"):
        weights.tensors(path, key="net")


# What is planted


def planted(marker):
    touch = Called(pathlib.Path.touch, pathlib.Path(marker))
    return {
        "called": touch,
        "as an argument": Called(dict, [("a", touch)]),
        "in a state": Called(argparse.Namespace, state={"a": touch}),
        "in an option": argparse.Namespace(hook=touch, nested=[{"a": (touch,)}]),
        "through a lookup": Called(getattr, touch, "x"),
        "through copyreg": Called(copyreg._reconstructor, Restored, object, None, state={"a": touch}),
        "in a key": {(touch, 1): 2},
        "in a set": Called(set, [touch]),
    }


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("place", planted(""))
def test_code_beside_the_tensors_does_nothing(tmp_path, place, legacy):
    marker = tmp_path / "marker"
    path = saved(
        tmp_path / "w.pt", {"state_dict": tensors(), "beside": planted(marker)[place]}, legacy=legacy
    )
    torch.testing.assert_close(weights.tensors(path, key="state_dict"), tensors())
    assert not marker.exists()
    with pytest.raises(WeightsError):
        weights.tensors(path)
    assert not marker.exists()
    # The file does what it was kept from.
    with suppress(AssertionError, TypeError, AttributeError):
        torch.load(path, weights_only=False)
    assert marker.exists()


@pytest.mark.parametrize("make", [Restored, Slotted])
def test_no_method_of_an_object_is_called(tmp_path, make):
    instance = object.__new__(make) if make is Slotted else make()
    path = saved(tmp_path / "w.pt", {"state_dict": tensors(), "beside": instance})
    torch.testing.assert_close(weights.tensors(path, key="state_dict"), tensors())
    with pytest.raises(AssertionError, match=r"made|restored"):
        torch.load(path, weights_only=False)


@pytest.mark.parametrize("function", [os.system, os.popen, eval, exec, compile, open, __import__])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_names_what_only_planted_code_does_is_refused(tmp_path, function, legacy):
    beside = [argparse.Namespace(a=Called(function, f"touch {tmp_path}/marker"))]
    path = saved(tmp_path / "w.pt", {"state_dict": tensors(), "beside": beside}, legacy=legacy)
    with pytest.raises(
        WeightsError, match=r"refused: would run code: (posix|os|builtins|io|__builtin__)\."
    ) as caught:
        weights.tensors(path, key="state_dict")
    assert str(caught.value).startswith(f"{path}: ")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    "pickled",
    [
        b"(S'MARKER'\nicodecs\nopen\n.",  # INST
        b"(ccodecs\nopen\nS'MARKER'\no.",  # OBJ
        b"ccodecs\nopen\n(S'MARKER'\nS'w'\ntR.",  # GLOBAL, REDUCE
        b"\x80\x04\x8c\x06codecs\x8c\x04open\x93\x8c\x06MARKER\x8c\x01w\x86R.",  # STACK_GLOBAL
        b"\x80\x02ccodecs\nopen\n(X\x06\x00\x00\x00MARKERt\x81.",  # NEWOBJ
        b"\x80\x04\x8c\x06codecs\x8c\x04open\x93\x8c\x06MARKER\x85}\x92.",  # NEWOBJ_EX
        b"\x80\x02\x82\xf0(X\x06\x00\x00\x00MARKERtR.",  # EXT1
        b"\x80\x02\x83\xf0\x00(X\x06\x00\x00\x00MARKERtR.",  # EXT2
        b"\x80\x02\x84\xf0\x00\x00\x00(X\x06\x00\x00\x00MARKERtR.",  # EXT4
    ],
)
def test_no_instruction_calls_anything(tmp_path, monkeypatch, pickled):
    monkeypatch.chdir(tmp_path)
    copyreg.add_extension("codecs", "open", 0xF0)
    try:
        pickle.loads(b"\x80\x02\x82\xf0.")  # from now on pickle has it at hand
        found = inert.follow(io.BytesIO(pickled))[0]
    finally:
        copyreg.remove_extension("codecs", "open", 0xF0)
        copyreg.clear_extension_cache()
    assert isinstance(found, inert.Made)
    assert found.maker.name in ("codecs.open", "copyreg.extension.240")
    assert not list(tmp_path.iterdir())


def test_a_function_cannot_be_given_a_state():
    pickled = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x01\x00\x00\x00aK\x01sb."
    found = inert.follow(io.BytesIO(pickled))[0]
    assert found.name == "torch._utils._rebuild_tensor_v2"
    assert not hasattr(torch._utils._rebuild_tensor_v2, "a")


# What would exhaust the machine


def archive(path, pickled, storages=None, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("w/data.pkl", pickled)
        for key, content in (storages or {}).items():
            file.writestr(f"w/data/{key}", content)
    return path


class Place(str):
    """Where a pickle names a storage."""


def tensors_in(places, *, size=4, shape=(4,), stride=(1,), offset=0, kind="FloatStorage"):
    """Pickle of tensors as they are told, each in a storage of its own."""

    class Writer(pickle._Pickler):
        def persistent_id(self, value):
            if not isinstance(value, Place):
                return None
            return "storage", getattr(torch, kind), str(value), "cpu", size

    stream = io.BytesIO()
    rebuilt = {
        place: Called(torch._utils._rebuild_tensor_v2, Place(place), offset, shape, stride, False, {})
        for place in places
    }
    Writer(stream, protocol=2).dump(rebuilt)
    return stream.getvalue()


def tensor(*, key="0", **options):
    return tensors_in([key], **options)


def test_the_tensor_of_these_tests_is_one(tmp_path):
    values = np.arange(4, dtype=np.float32)
    path = archive(tmp_path / "w.pt", tensor(), {"0": values.tobytes()})
    torch.testing.assert_close(inert.read(path), {"0": torch.from_numpy(values)})


@pytest.mark.parametrize(
    "options",
    [
        {"size": 5},
        {"size": 2**60, "shape": (2**60,)},
        {"size": -1},
        {"shape": (5,)},
        {"shape": (2,), "stride": (4,)},
        {"shape": (2**40,), "stride": (0,)},
        {"shape": (-1,)},
        {"shape": (2,), "stride": (-1,), "offset": 3},
        {"offset": 1},
        {"offset": -1},
        {"offset": 2**70},
        {"offset": "1"},
        {"shape": (4, 1)},
        {"shape": "4"},
        {"key": "1"},
        {"key": "../0"},
        {"kind": "Tensor"},
        {"kind": "ComplexFloatStorage"},
    ],
)
def test_a_tensor_outside_its_storage_is_refused(tmp_path, options):
    path = archive(tmp_path / "w.pt", tensor(**options), {"0": bytes(16)})
    with pytest.raises(WeightsError, match="truncated or damaged") as caught:
        inert.read(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_compressed_archive_is_refused(tmp_path):
    path = archive(tmp_path / "w.pt", tensor(size=10**7), {"0": bytes(4 * 10**7)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match="without compression"):
        inert.read(path)


def test_an_archive_of_another_byte_order_is_refused(tmp_path):
    path = archive(tmp_path / "w.pt", tensor(), {"0": bytes(16)})
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("w/byteorder", "big")
    with pytest.raises(WeightsError, match="expected the byte order little"):
        inert.read(path)


def test_members_that_overlap_give_no_more_than_the_file_holds(tmp_path):
    """Many tensors, each of which has a storage of its own in the same bytes."""
    places = [str(place) for place in range(50)]
    pickled = tensors_in(places, size=10**5, shape=(10**5,))
    path = archive(tmp_path / "w.pt", pickled, {"0": bytes(4 * 10**5)})
    with zipfile.ZipFile(path, "a") as file:
        first = file.getinfo("w/data/0")
        for place in places[1:]:
            entry = zipfile.ZipInfo(f"w/data/{place}")
            entry.header_offset, entry.CRC = first.header_offset, first.CRC
            entry.file_size = entry.compress_size = first.file_size
            file.filelist.append(entry)
            file.NameToInfo[entry.filename] = entry
        file._didModify = True
    with zipfile.ZipFile(path) as file:
        assert file.getinfo("w/data/49").file_size == 4 * 10**5
    with pytest.raises(WeightsError, match=r"expected data/\d+ as it is"):
        inert.read(path)


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02X\xff\xff\xff\x7fabc.",  # strings, bytes and a number longer than the file
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x0fabc.",
        b"\x80\x02\x8b\xff\xff\xff\x7fabc.",
        b"L" + b"9" * 100_000 + b"L\n.",  # a number that takes long to convert
        b"(" * 100_000 + b".",
    ],
)
def test_a_pickle_that_promises_more_than_it_holds_is_refused(tmp_path, pickled):
    path = archive(tmp_path / "w.pt", pickled)
    with pytest.raises(WeightsError, match="truncated or damaged"):
        inert.read(path)


def test_a_key_that_takes_forever_to_hash_is_not_hashed():
    pairs = b")" + b"2\x86" * 60  # of the pair of the pair ...: 2 ** 60 empty tuples
    found = inert.follow(io.BytesIO(b"\x80\x02}" + pairs + b"K\x01s."))[0]
    assert list(found.values()) == [1]
    assert isinstance(next(iter(found)), inert.Named)


def test_names_of_a_torchscript_network_cannot_grow_without_end(tmp_path):
    depth = 3000
    module = b"c__torch__.M\nM\n)\x81}X\x01\x00\x00\x00a"
    path = archive(tmp_path / "w.pt", b"\x80\x02" + module * depth + b"N" + b"sb" * depth + b".")
    with pytest.raises(WeightsError, match="expected names of at most 1000 letters"):
        inert.read(path)


# What is damaged


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_cut_short_or_damaged_raises_nothing_but_the_one_line(tmp_path, legacy):
    path = saved(tmp_path / "w.pt", {"m": tensors(), "args": argparse.Namespace(a=1)}, legacy=legacy)
    whole, rng, refusals = path.read_bytes(), np.random.default_rng(0), []
    cut = [whole[:size] for size in range(1, len(whole), max(1, len(whole) // 40))]
    changed = []
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=3):
            damaged[place] = rng.integers(256)
        changed.append(bytes(damaged))
    for content in cut + changed:
        path.write_bytes(content)
        try:
            inert.read(path, key="m")
        except WeightsError as error:
            refusals.append(str(error))
    assert all(line.startswith(f"{path}: ") and "\n" not in line for line in refusals)
    assert len(refusals) > len(cut)


def test_every_instruction_of_the_format_is_known():
    machine = inert._Machine()
    unknown = [
        code.name
        for code in pickletools.opcodes
        if not hasattr(machine, f"_{code.name.lower()}")
        and not inert.LITERALS.fullmatch(code.name)
        and code.name not in (*inert.WITHOUT_EFFECT, "STOP")
    ]
    # What no file holds: buffers outside the pickle, and names of storages as text.
    assert unknown == ["NEXT_BUFFER", "READONLY_BUFFER", "PERSID"]
