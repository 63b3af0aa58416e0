"""A file of weights runs nothing, whoever wrote it, and cannot exhaust the machine.

Every file is read by the functions that the sources of models use, in both formats of torch, as a TorchScript
archive, and as a pickle of numpy arrays. What is planted is tried on Python's own unpickler as well, to see that it
would have run.
"""

import argparse
import collections
import copyreg
import io
import os
import pathlib
import pickle
import re
import struct
import warnings
import zipfile
from contextlib import contextmanager, suppress

import numpy as np
import pytest
import torch
from torch import nn

from fixtures import mmv as published
from wordsight.errors import WeightsError
from wordsight.models.foreign import mmv, numpy_pickles, weights

STATM = pathlib.Path("/proc/self/statm")
FORMATS = ("zip", "legacy")
HEAD = b"\x80\x02"


class Called:
    """Calls what it was told to when it is unpickled."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


class Touched:
    """Leaves a file behind when it is made, in whatever way."""

    def __new__(cls, path="MARKER", **_):
        pathlib.Path(path).touch()
        return object.__new__(cls)

    def __reduce__(self):
        return Touched, ()


class Restored:
    """Leaves a file behind when its state is restored."""

    def __init__(self):
        self.value = 1

    def __setstate__(self, state):
        pathlib.Path("MARKER").touch()


class Slotted:
    """Leaves a file behind when it is made by ``copyreg.__newobj_ex__``."""

    __slots__ = ("a",)

    def __new__(cls, **_):
        pathlib.Path("MARKER").touch()
        return object.__new__(cls)

    def __reduce_ex__(self, protocol):
        return copyreg.__newobj_ex__, (Slotted, (), {"a": 1}), (None, {"a": 1})


class Options(dict):
    """A dictionary of another library, which leaves a file behind when it is filled."""

    def __setitem__(self, key, value):
        pathlib.Path("MARKER").touch()


class History(list):
    """A list of another library, which leaves a file behind when it is filled."""

    def append(self, value):
        pathlib.Path("MARKER").touch()

    def extend(self, values):
        pathlib.Path("MARKER").touch()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Folder of the file, where code that runs would leave ``MARKER``."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tensors(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "layer.weight": torch.randn(4, 3, generator=generator),
        "layer.bias": torch.randn(4, generator=generator).half(),
        "layer.count": torch.tensor(7),
        "layer.none": torch.zeros(0, 3),
        "layer.view": torch.arange(12.0).reshape(3, 4).t()[1:, 1:],
        "layer.mask": torch.tensor([True, False]),
        "layer.brain": torch.randn(3, generator=generator).bfloat16(),
    }


def saved(path, contents, form="zip", **options):
    torch.save(contents, path, _use_new_zipfile_serialization=form == "zip", **options)
    return path


# Files by hand


class Storage(str):
    """The key under which a file holds the numbers of a tensor."""

    size, kind = 4, "FloatStorage"


def storage(key="0", *, size=4, kind="FloatStorage"):
    named = Storage(key)
    named.size, named.kind = size, kind
    return named


def tensor(key="0", *, size=4, shape=(4,), stride=(1,), offset=0, kind="FloatStorage"):
    """A tensor as the options describe it, possible or not."""
    place = storage(key, size=size, kind=kind)
    return Called(torch._utils._rebuild_tensor_v2, place, offset, shape, stride, False, {})


def body(value):
    """Instructions that put a value on the stack."""

    class Writer(pickle._Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                return "storage", getattr(torch, value.kind), str(value), "cpu", value.size
            return None

    stream = io.BytesIO()
    Writer(stream, protocol=2).dump(value)
    return stream.getvalue()[2:-1]


def pickled(model, beside=b"N"):
    """A checkpoint with a model, and beside it an object of another library and the result of instructions."""
    return (
        HEAD
        + b"}X\x05\x00\x00\x00model"
        + body(model)
        + b"sX\x04\x00\x00\x00argscargparse\nNamespace\n)\x81sX\x06\x00\x00\x00beside"
        + beside
        + b"s."
    )


VALUES = torch.arange(4.0)
CONTENT = {"0": VALUES.numpy().tobytes()}
GOOD = {"w": tensor()}


def archive(path, content, storages=CONTENT, compression=zipfile.ZIP_STORED, **members):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, member in {"data.pkl": content, "version": "3\n", "byteorder": "little", **members}.items():
            file.writestr(f"w/{name}", member)
        for key, member in storages.items():
            file.writestr(f"w/data/{key}", member)
    return path


def legacy(path, content, storages=CONTENT):
    """As torch wrote before 1.6: two numbers, the machine, the contents, the keys, the storages."""
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    # The name of a storage has one part more than in an archive: of what other storage it is a part.
    content = re.sub(rb"t(q.)Q", rb"Nt\1Q", content, flags=re.DOTALL)
    parts = [pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001, machine)]
    parts += [content, pickle.dumps([*storages], protocol=2)]
    parts += [struct.pack("<q", len(member) // 4) + member for member in storages.values()]
    path.write_bytes(b"".join(parts))
    return path


WRITERS = {"zip": archive, "legacy": legacy}


def refused(path, pattern=None, **keys):
    with pytest.raises(WeightsError, match=pattern) as caught:
        weights.tensors(path, **keys)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line


def model_of(path):
    found = weights.tensors(path, key="model")
    torch.testing.assert_close(found, {"w": VALUES}, rtol=0, atol=0)
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_files_by_hand_are_files_of_torch(place, form):
    path = WRITERS[form](place / "w.pt", pickled(GOOD))
    model_of(path)
    torch.testing.assert_close(torch.load(path, weights_only=False)["model"], {"w": VALUES})


# What is read


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("form", FORMATS)
def test_tensors_are_those_that_torch_reads(place, form, protocol):
    given = tensors()
    contents = {
        "state_dict": {**given, "parameter": nn.Parameter(given["layer.weight"][1])},
        "args": argparse.Namespace(lr=0.1, path=pathlib.Path("runs")),
        "options": [Restored(), collections.defaultdict(list, a=[1]), {1, 2}, frozenset({3}), b"x", 1j],
        "numbers": [True, None, -1, 2**40, 2**80, 0.5, "x" * 300, (1,), (1, 2, 3, 4)],
        "random": np.random.default_rng(0),
    }
    path = saved(place / "w.pth", contents, form, pickle_protocol=protocol)
    found = weights.tensors(path, key="state_dict")
    assert list(found) == list(contents["state_dict"])
    torch.testing.assert_close(found, contents["state_dict"], rtol=0, atol=0, check_stride=True)
    assert not any(value.requires_grad for value in found.values())
    assert not (place / "MARKER").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_tensors_that_share_their_numbers_still_do(place, form):
    weight = torch.arange(6.0)
    contents = {"m": {"a": weight, "b": weight[2:]}, "args": argparse.Namespace()}
    found = weights.tensors(saved(place / "w.pt", contents, form), key="m")
    found["a"][2] = 9
    assert found["b"][0] == 9


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "beside",
    [
        collections.defaultdict(list, a=[1]),
        collections.deque([1, 2]),
        Options(a=1),
        History([1, 2]),
        np.random.RandomState(0),
        np.random.default_rng(0),
        np.array([{"a": 1}], dtype=object),
        torch.optim.SGD([torch.zeros(1)]),
        nn.Sequential(nn.Linear(2, 2)),
        torch.device("cpu"),
        torch.Size([1]),
        nn.functional.relu,
        len,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_lies_beside_the_tensors_may_be_anything(place, beside, form):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch misses the source of some
        path = saved(place / "w.pth", {"beside": beside, "model": tensors()}, form)
    torch.testing.assert_close(weights.tensors(path, key="model"), tensors())
    assert not (place / "MARKER").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_only_what_has_the_prefix_is_taken_from_the_file(place, form):
    contents = {"model": {"a.w": torch.ones(2), "b.w": argparse.Namespace()}, "args": argparse.Namespace()}
    path = saved(place / "w.pt", contents, form)
    torch.testing.assert_close(weights.tensors(path, key="model", prefix="a."), {"w": torch.ones(2)})
    assert "b.w" in refused(path, key="model", prefix="b.")


@pytest.mark.parametrize("form", FORMATS)
def test_a_state_with_metadata_is_read(place, form):
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))
    path = saved(place / "w.pt", {"m": network.state_dict(), "a": argparse.Namespace()}, form)
    torch.testing.assert_close(weights.tensors(path, key="m"), dict(network.state_dict()))


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_of_python_2_is_read(place, form):
    """An OrderedDict of pairs, and names and a long text that are bytes."""
    pair = b"](U\x01w" + body(tensor()) + b"e"
    model = b"ccollections\nOrderedDict\n(](" + pair + b"etR"
    beside = b"T\x2c\x01\x00\x00" + b"\xe9" * 300 + b"c__builtin__\nxrange\nK\x03\x85R0"
    path = WRITERS[form](place / "w.pt", HEAD + b"}U\x05model" + model + b"sU\x04text" + beside + b"s.")
    model_of(path)


@pytest.mark.parametrize("form", FORMATS)
def test_a_list_that_holds_itself_is_read(place, form):
    model_of(WRITERS[form](place / "w.pt", pickled(GOOD, b"]q\xc8h\xc8a")))


def test_a_part_of_a_storage_is_read(place):
    """Before torch 0.4 a storage could be a part of another: its own key, start and size."""
    part = body(("storage", torch.FloatStorage, "0", "cpu", 4, ("1", 1, 2))) + b"q\xc8Q"
    rebuilt = b"ctorch._utils\n_rebuild_tensor\n(" + part + b"K\x00K\x02\x85K\x01\x85tR"
    content = b"}X\x01\x00\x00\x00acargparse\nNamespace\nsX\x01\x00\x00\x00m}X\x01\x00\x00\x00w"
    path = legacy(place / "w.pt", HEAD + content + rebuilt + b"ss.")
    torch.testing.assert_close(weights.tensors(path, key="m"), {"w": VALUES[1:3]})


def scripted(path, network):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what replaces TorchScript
        torch.jit.save(torch.jit.script(network), path)
    return path


def test_a_network_of_torchscript_gives_its_state(place):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(2, 2))).half()
    found = weights.tensors(scripted(place / "w.pt", network))
    torch.testing.assert_close(found, dict(network.state_dict()), rtol=0, atol=0)
    assert weights.tensors(place / "w.pt", prefix="1.").keys() == network[1].state_dict().keys()


class Hooked(nn.Module):
    """A network whose own code runs when torch loads its TorchScript archive."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
        assert False, "restored"  # noqa: B011, PT015


def test_code_of_a_torchscript_archive_is_not_run(place):
    path = scripted(place / "w.pt", Hooked())
    refused(path)  # its state has no names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(torch.jit.Error, match="restored"):
            torch.jit.load(path)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_wanted_has_to_be_tensors(place, form):
    contents = {"model": tensors(), "args": argparse.Namespace(), "net": nn.Linear(1, 1), 1: 2}
    path = saved(place / "w.pt", contents, form)
    assert "state_dict" in refused(path, key="state_dict")
    assert all(name in refused(path) for name in ("model", "args", "net"))
    refused(path, key="net")
    refused(path, key="args")
    refused(saved(place / "n.pt", nn.Linear(2, 2), form), "Linear")
    refused(saved(place / "l.pt", [torch.ones(2), argparse.Namespace()], form))


# What is planted


def planted():
    touch = Called(pathlib.Path.touch, pathlib.Path("MARKER"))
    return {
        "called": touch,
        "as an argument": Called(dict, [("a", touch)]),
        "in a state": Called(argparse.Namespace, state={"a": touch}),
        "in an option": argparse.Namespace(hook=touch, nested=[{"a": (touch,)}]),
        "through a lookup": Called(getattr, touch, "x"),
        "through copyreg": Called(copyreg._reconstructor, Restored, object, None, state={"a": touch}),
        "in a key": {(touch, 1): 2},
        "in a set": Called(set, [touch]),
        "in a tensor": Called(torch._utils._rebuild_tensor_v2, touch, 0, (1,), (1,), False, {}),
        "in a parameter": Called(torch._utils._rebuild_parameter, touch, False, {}),
        "by a type of tensors": Called(torch._tensor._rebuild_from_type_v2, Touched, Touched, (), {}),
        "as a type of tensors": Called(torch._tensor._rebuild_from_type_v2, Restored, Restored, (), {}),
        "in a dictionary": Called(collections.OrderedDict, [["a", touch]]),
        "as the state of a dictionary": Called(collections.OrderedDict, state={"a": touch}),
        "in an array": np.array([touch], dtype=object),
        "a new object": Restored(),
        "a new object with options": object.__new__(Slotted),
        "a dictionary of its own": Options(a=1),
        "a list of its own": History([1]),
    }


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("where", planted())
def test_code_beside_the_tensors_does_nothing(place, where, form):
    path = saved(place / "w.pt", {"state_dict": tensors(), "beside": planted()[where]}, form)
    torch.testing.assert_close(weights.tensors(path, key="state_dict"), tensors())
    refused(path)
    refused(path, key="beside")
    assert not (place / "MARKER").exists()
    # The file does what it was kept from.
    with suppress(Exception):
        torch.load(path, weights_only=False)
    assert (place / "MARKER").exists()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("where", planted())
def test_code_in_place_of_a_tensor_is_refused(place, where, form):
    path = saved(place / "w.pt", {"m": {**tensors(), "layer.x": planted()[where]}}, form)
    refused(path, key="m")
    assert not (place / "MARKER").exists()


@pytest.mark.parametrize("function", [os.system, os.popen, eval, exec, compile, open, __import__])
@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_names_what_only_planted_code_does_is_refused(place, function, form):
    beside = [argparse.Namespace(a=Called(function, "touch MARKER"))]
    path = saved(place / "w.pt", {"state_dict": tensors(), "beside": beside}, form)
    assert f".{function.__name__}" in refused(path, key="state_dict")
    assert not (place / "MARKER").exists()


NAME = f"{__name__}\nTouched\n".encode()
INSTRUCTIONS = {
    "INST": b"(S'MARKER'\ni" + NAME,
    "OBJ": b"(c" + NAME + b"S'MARKER'\no",
    "OBJ without arguments": b"(c" + NAME + b"o",
    "REDUCE": b"c" + NAME + b"(S'MARKER'\ntR",
    "STACK_GLOBAL": b"X" + struct.pack("<I", len(__name__)) + __name__.encode() + b"\x8c\x07Touched\x93)R",
    "NEWOBJ": b"c" + NAME + b"(X\x06\x00\x00\x00MARKERt\x81",
    "NEWOBJ_EX": b"c" + NAME + b"\x8c\x06MARKER\x85}\x92",
    "EXT1": b"\x82\xf0)R",
    "EXT2": b"\x83\xf0\x00)R",
    "EXT4": b"\x84\xf0\x00\x00\x00)R",
}


@pytest.fixture
def extension():
    """An entry in the registry of copyreg, which a pickle may use without naming anything."""
    copyreg.add_extension(__name__, "Touched", 0xF0)
    yield
    copyreg.remove_extension(__name__, "Touched", 0xF0)
    copyreg.clear_extension_cache()


@pytest.mark.parametrize("instruction", INSTRUCTIONS)
@pytest.mark.parametrize("form", [*FORMATS, "plain", "numpy", "mmv"])
def test_no_instruction_calls_anything(place, extension, form, instruction):
    """Not even one that pickle has carried out before, and keeps at hand."""
    code = INSTRUCTIONS[instruction]
    assert isinstance(pickle.loads(HEAD + code + b"."), Touched)
    (place / "MARKER").unlink()
    if form in WRITERS:
        path = WRITERS[form](place / "w.pt", pickled(GOOD, code))
        with suppress(WeightsError):
            model_of(path)
    else:
        (place / "w.pt").write_bytes(HEAD + b"}X\x06\x00\x00\x00params" + code + b"s.")
        read = {"plain": weights.tensors, "numpy": numpy_pickles.read, "mmv": mmv.tensors}[form]
        with pytest.raises(WeightsError):
            read(place / "w.pt")
    assert not (place / "MARKER").exists()


FUNCTIONS = {
    "torch._utils _rebuild_tensor_v2": torch._utils._rebuild_tensor_v2,
    "torch._utils _rebuild_parameter": torch._utils._rebuild_parameter,
    "torch._tensor _rebuild_from_type_v2": torch._tensor._rebuild_from_type_v2,
    "torch FloatStorage": torch.FloatStorage,
    "torch.nn.parameter Parameter": nn.Parameter,
    "torch Tensor": torch.Tensor,
    "collections OrderedDict": collections.OrderedDict,
    "argparse Namespace": argparse.Namespace,
    "numpy._core.numeric _frombuffer": np._core.numeric._frombuffer,
    "numpy._core.multiarray _reconstruct": np._core.multiarray._reconstruct,
    "numpy ndarray": np.ndarray,
    "numpy dtype": np.dtype,
    "dill._dill _create_array": None,
    "haiku._src.data_structures FlatMapping": None,
}
STATES = {
    "a state": body({"planted": 1}),
    "slots": body((None, {"planted": 1, "__doc__": "x"})),
    "defaults": body((None, {"__defaults__": (1, 2, 3)})),
    "its own restoring": body((None, {"__setstate__": 1})),
}


def attributes(function):
    names = ("__doc__", "__defaults__", "__kwdefaults__", "__setstate__", "planted")
    return [getattr(function, name, None) for name in names], dict(getattr(function, "__dict__", {}))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_or_class_cannot_be_given_a_state(place, name, state):
    """Neither one of a library nor one of ours, in whose place the next file would be read otherwise."""
    before = attributes(FUNCTIONS[name])
    code = b"c" + name.replace(" ", "\n").encode() + b"\n" + STATES[state] + b"b"
    for form in FORMATS:
        with suppress(WeightsError):
            model_of(WRITERS[form](place / "w.pt", pickled(GOOD, code)))
        model_of(WRITERS[form](place / "good.pt", pickled(GOOD)))
    (place / "w.pkl").write_bytes(HEAD + b"}X\x06\x00\x00\x00params" + code + b"s.")
    for read in (numpy_pickles.read, mmv.tensors):
        with pytest.raises(WeightsError):
            read(place / "w.pkl")
    stem = f"{published.TRUNK}/tsm_resnet_stem"
    values = {"params": {stem: {"w": np.ones((1, 1, 2, 3), np.float32)}}, "state": {}}
    for arrays in (None, "dill._dill._create_array"):
        path = published.write(place / "good.pkl", values, arrays, "haiku._src.data_structures.FlatMapping")
        assert mmv.tensors(path)["stem.weight"].shape == (3, 2, 1, 1)
    assert attributes(FUNCTIONS[name]) == before


@pytest.mark.parametrize("name", ["items", "keys", "__iter__", "__class__", "__getitem__"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_state_of_a_dictionary_does_not_replace_its_methods(place, form, name):
    ordered = b"ccollections\nOrderedDict\n)R" + body({name: None}) + b"b"
    model = ordered + b"X\x01\x00\x00\x00w" + body(tensor()) + b"s"
    for args in (b"", b"X\x04\x00\x00\x00argscargparse\nNamespace\ns"):
        content = HEAD + ordered + b"X\x05\x00\x00\x00model" + model + b"s" + args + b"."
        model_of(WRITERS[form](place / "w.pt", content))


@pytest.mark.parametrize(
    "identity",
    [
        "storage",
        ("module", Touched, "file", "source"),
        ("module", Called(Touched), "file", "source"),
        ("storage", Touched, "0", "cpu", 4),
        ("storage", torch.FloatStorage, "0", "meta", 2**60),
        ("storage", torch.FloatStorage, ["0"], "cpu", 4),
        ("storage", torch.FloatStorage, "0", "cpu", [4]),
        ("storage", torch.FloatStorage, "0", "cpu", 4, ("1", -4, 4)),
        ("storage", torch.FloatStorage, "0", "cpu", 4, ("1", 2**62, 2**62)),
        ("storage",),
        (),
        None,
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_what_names_a_storage_runs_nothing(place, form, identity):
    path = WRITERS[form](place / "w.pt", pickled(GOOD, body(identity) + b"Q"))
    with suppress(WeightsError):
        model_of(path)
    rebuilt = b"ctorch._utils\n_rebuild_tensor_v2\n(" + body(identity) + b"QK\x00K\x04\x85K\x01\x85\x89}tR"
    content = (
        HEAD
        + b"}X\x01\x00\x00\x00m}X\x01\x00\x00\x00w"
        + rebuilt
        + b"ssX\x01\x00\x00\x00acargparse\nNamespace\ns."
    )
    refused(WRITERS[form](place / "n.pt", content), key="m")
    assert not (place / "MARKER").exists()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_is_not_of_torch_is_refused_by_what_it_names(place, protocol):
    (place / "w.pt").write_bytes(pickle.dumps({"w": Called(pathlib.Path.touch, "MARKER")}, protocol=protocol))
    assert refused(place / "w.pt").endswith(("getattr", "touch"))
    (place / "w.pt").write_bytes(pickle.dumps({"w": [1, 2]}, protocol=protocol))
    refused(place / "w.pt")
    assert not (place / "MARKER").exists()


# Arrays of numpy


ARRAYS = {
    "single": np.arange(6, dtype=np.float32).reshape(2, 3),
    "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "neither": np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2),
    "every other": np.arange(6.0)[::2],
    "empty": np.zeros((0, 3)),
    "one": np.array(2.5),
    "half": np.float16([1, 2]),
    "big-endian": np.array([1, 2], dtype=">i4"),
    "truth": np.array([True, False]),
    "complex": np.array([1j]),
    "scalar": np.float64(0.5),
    "step": np.int64(9),
}


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_are_those_that_numpy_reads(place, protocol):
    contents = {"w": [ARRAYS], "n": 3, "pair": (None, "x", True)}
    (place / "w.pkl").write_bytes(pickle.dumps(contents, protocol=protocol))
    found, expected = numpy_pickles.read(place / "w.pkl"), pickle.loads((place / "w.pkl").read_bytes())
    assert {**found, "w": None} == {**contents, "w": None}
    assert found["w"][0].keys() == ARRAYS.keys()
    for name, value in found["w"][0].items():
        np.testing.assert_array_equal(value, expected["w"][0][name], strict=True)


@pytest.mark.parametrize(
    "value",
    [
        object.__new__(Touched),
        np.load,
        np.random.default_rng,
        io.BytesIO,
        collections.OrderedDict,
        print,
        eval,
    ],
)
def test_a_pickle_that_names_anything_but_arrays_is_refused(place, value):
    (place / "w.pkl").write_bytes(pickle.dumps({"w": value}))
    (place / "MARKER").unlink(missing_ok=True)
    with pytest.raises(WeightsError) as caught:
        numpy_pickles.read(place / "w.pkl")
    name = getattr(value, "__name__", type(value).__name__)
    assert str(caught.value).startswith(f"{place / 'w.pkl'}: ")
    assert str(caught.value).endswith(f".{name}")
    assert not (place / "MARKER").exists()


def test_a_pickle_of_arrays_that_is_cut_short_is_refused(place):
    whole = pickle.dumps({"w": np.arange(6.0)})
    for size in range(1, len(whole)):
        (place / "w.pkl").write_bytes(whole[:size])
        with pytest.raises(WeightsError):
            numpy_pickles.read(place / "w.pkl")


def array(kind, *, shape=(1,), state=None, content=b"A" * 8):
    """An array as a pickle describes it, whose type may be changed by a state."""
    kind = Called(np.dtype, kind, False, True, state=state)
    made = (np._core.multiarray._reconstruct, np.ndarray, (0,), b"b")
    return Called(*made, state=(1, shape, kind, False, content))


OBJECTS = {"a": (np.dtype("O"), 0)}
POINTERS = {
    "objects that are said to be none": array("O8", state=(3, "|", None, None, None, -1, -1, 0)),
    "a field of objects": array("V8", state=(3, "|", None, ("a",), OBJECTS, 8, 1, 0)),
    "a part of objects": array("V8", state=(3, "|", (np.dtype("O"), (1,)), None, None, 8, 1, 0)),
    "a scalar with a field of objects": Called(
        np._core.multiarray.scalar,
        Called(np.dtype, "V8", False, True, state=(3, "|", None, ("a",), OBJECTS, 8, 1, 0)),
        b"A" * 8,
    ),
    "a buffer of objects": Called(
        np._core.numeric._frombuffer,
        bytearray(b"A" * 8),
        Called(np.dtype, "V8", False, True, state=(3, "|", None, ("a",), OBJECTS, 8, 1, 0)),
        (1,),
        "C",
    ),
    "objects": array("O8", content=[1]),
    "more values than there are": array("f4", shape=(2**40,)),
    "fewer values than there are": array("f4", shape=(1,)),
    "a negative shape": array("f4", shape=(-2,)),
    "no bytes": array("f4", content=[1.0, 2.0]),
    "wider values": array("f4", state=(3, "<", None, None, None, 64, 64, 0), shape=(2,), content=b"A" * 128),
}


@pytest.mark.parametrize("what", POINTERS)
def test_bytes_of_a_pickle_are_not_taken_for_objects(place, what):
    """Where numpy expects objects, it would follow the bytes as addresses."""
    (place / "w.pkl").write_bytes(pickle.dumps({"w": POINTERS[what]}, protocol=4))
    with pytest.raises(WeightsError):
        numpy_pickles.read(place / "w.pkl")
    with pytest.raises(WeightsError):
        mmv.tensors(place / "w.pkl")


# What would exhaust the machine


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
@pytest.mark.parametrize("form", FORMATS)
def test_a_tensor_outside_its_storage_is_refused(place, form, options):
    refused(WRITERS[form](place / "w.pt", pickled({"w": tensor(**options)})), key="model")


def test_a_compressed_archive_is_refused(place):
    content = pickled({"w": tensor(size=10**7, shape=(10**7,))})
    path = archive(place / "w.pt", content, {"0": bytes(4 * 10**7)}, zipfile.ZIP_DEFLATED)
    refused(path, key="model")


def test_an_archive_of_another_byte_order_is_refused(place):
    refused(archive(place / "w.pt", pickled(GOOD), byteorder="big"), key="model")


def test_members_that_overlap_give_no_more_than_the_file_holds(place):
    """Many tensors, each of which has a storage of its own in the same bytes."""
    keys = [str(key) for key in range(50)]
    content = pickled({key: tensor(key, size=10**5, shape=(10**5,)) for key in keys})
    path = archive(place / "w.pt", content, {"0": bytes(4 * 10**5)})
    with zipfile.ZipFile(path, "a") as file:
        first = file.getinfo("w/data/0")
        for key in keys[1:]:
            entry = zipfile.ZipInfo(f"w/data/{key}")
            entry.header_offset, entry.CRC = first.header_offset, first.CRC
            entry.file_size = entry.compress_size = first.file_size
            file.filelist.append(entry)
            file.NameToInfo[entry.filename] = entry
        file._didModify = True
    with zipfile.ZipFile(path) as file:
        assert file.getinfo("w/data/49").file_size == 4 * 10**5
    refused(path, key="model")


@pytest.mark.parametrize(
    "content",
    [
        b"X\xff\xff\xff\x7fabc.",  # strings, bytes and a number longer than the file
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x0fabc.",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x0fabc.",
        b"\x8b\xff\xff\xff\x7fabc.",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\x0f.",
        b"L" + b"9" * 100_000 + b"L\n.",  # a number that takes long to convert
        b"(" * 100_000 + b".",
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_a_pickle_that_promises_more_than_it_holds_is_refused(place, form, content):
    content = HEAD + b"cargparse\nNamespace\n" + content
    refused(WRITERS[form](place / "w.pt", content))
    (place / "w.pkl").write_bytes(content.replace(b"cargparse\nNamespace\n", b""))
    with pytest.raises(WeightsError):
        numpy_pickles.read(place / "w.pkl")


@pytest.mark.skipif(not STATM.exists(), reason="the size of the process is not to be had")
@pytest.mark.parametrize("form", FORMATS)
def test_a_far_place_of_the_memory_takes_none(place, form):
    """The machine of pickle keeps values by number, and here the numbers would fill many gigabytes."""
    with limited_memory():
        model_of(WRITERS[form](place / "w.pt", pickled(GOOD, b"Nr\xff\xff\xff\x7f")))


@contextmanager
def limited_memory(extra=2**32):
    """Refuse the process more memory than it has plus some bytes."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(STATM.read_text(encoding="ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_names_of_a_torchscript_network_cannot_grow_without_end(place):
    depth = 3000
    module = b"c__torch__.M\nM\n)\x81}X\x01\x00\x00\x00a"
    content = HEAD + module * depth + b"N" + b"sb" * depth + b"."
    refused(archive(place / "w.pt", content, **{"constants.pkl": b"\x80\x02)."}))


# What is damaged


@pytest.mark.parametrize("form", [*FORMATS, "TorchScript"])
def test_a_file_cut_short_or_damaged_raises_nothing_but_the_one_line(place, form):
    path, key = place / "w.pt", "m"
    if form == "TorchScript":
        scripted(path, nn.Linear(3, 4))
        key = None
    else:
        saved(path, {"m": tensors(), "args": argparse.Namespace(a=1)}, form)
    whole, rng, refusals = path.read_bytes(), np.random.default_rng(0), []
    cut = [whole[:size] for size in range(1, len(whole), max(1, len(whole) // 40))]
    changed = []
    for _ in range(300):
        damaged = bytearray(whole)
        for position in rng.integers(len(whole), size=3):
            damaged[position] = rng.integers(256)
        changed.append(bytes(damaged))
    for content in cut + changed:
        path.write_bytes(content)
        try:
            weights.tensors(path, key=key)
        except WeightsError as error:
            refusals.append(str(error))
    assert all(line.startswith(f"{path}: ") and "\n" not in line for line in refusals)
    assert len(refusals) > len(cut)
