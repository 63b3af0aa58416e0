"""TSM-ResNet-50 of MMV against its definition by DeepMind, and the reading of its pickles.

``Reference`` below follows, layer by layer, ``mmv/models/tsm_resnet.py``, ``tsm_utils.py`` (``gpu`` mode),
``normalization.py`` and ``mm_embeddings.py`` of https://github.com/google-deepmind/deepmind-research (commit
f5de0ed) in NumPy, by haiku's names and in its layout: channels last, padding ``SAME``, frames beside images.

Beyond these tests, DeepMind's own modules were run under haiku 0.0.17 and jax 0.10.2 with random weights and
batch statistics at full width, pickled by dill 0.4.1, and read by ``mmv.tensors``: still images of 32 to 75 pixels
as clips of 1, 2, 3, 4 and 32 frames, and clips of 5 and 8 different frames. Of values up to 6.2, 3.9 and 2.3 in
the features and the two heads, the largest differences were 2.1e-6, 2.0e-6 and 1.3e-6. The names and shapes of
``fixtures.mmv`` are those of that run.
"""

import os
import pickle
import re
from functools import partial
from unittest import mock

import numpy as np
import pytest
import torch
from timm.layers import BatchNormAct2d, create_conv2d
from timm.models.resnetv2 import ResNetV2
from torch import nn

from fixtures import mmv as published
from wordsight.config.models import RandomNetwork
from wordsight.errors import ConfigError, WeightsError
from wordsight.models import architectures, building, reading
from wordsight.models.architectures import tsm
from wordsight.models.foreign import mmv, numpy_pickles

pytestmark = pytest.mark.slow

NORM = "cross_replica_batch_norm"


@pytest.fixture(scope="module")
def contents():
    return published.contents()


@pytest.fixture(scope="module")
def tensors(contents, tmp_path_factory):
    return mmv.tensors(published.write(tmp_path_factory.mktemp("mmv") / "mmv_tsm_resnet_x1.pkl", contents))


def network(tensors, name):
    with mock.patch.object(
        tsm, "_initialise"
    ):  # drawing values that the tensors replace takes most of the time
        backbone, _ = architectures.build(f"tsm/{name}")
    backbone.load(tensors, "published")
    return backbone.eval()


def outline(name):
    """A network whose tensors have shapes but no values, which take long to draw."""
    with torch.device("meta"):
        return architectures.build(f"tsm/{name}")[0]


def clips(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


class Reference:
    """DeepMind's definition in NumPy, by haiku's names. Videos are (b, t, h, w, c) with values in [0, 1]."""

    def __init__(self, contents):
        self.params, self.state = contents["params"], contents["state"]

    def __call__(self, video):
        self.frames, x = video.shape[1], video.reshape(-1, *video.shape[2:])
        x = self.conv(f"{published.TRUNK}/tsm_resnet_stem", x, 2)
        x = windows(x, 3, 2, -np.inf).max(axis=(-2, -1))
        for unit, (blocks, _) in enumerate(published.UNITS):
            for number in range(blocks):
                stride = 2 if unit and not number else 1
                x = self.block(
                    f"{published.TRUNK}/tsm_resnet_unit_{unit}/block_{number}", x, stride, number == 0
                )
        x = relu(self.norm(f"{published.TRUNK}/__{NORM}", x)).mean(axis=(1, 2))
        visual = x.reshape(len(video), self.frames, -1).mean(axis=1)
        audio = self.audio(f"{published.HEADS}/vid2audio_embd", visual)
        text = self.linear(f"{published.HEADS}/vis_embd/final_projection", relu(audio))
        return {"": visual, "-va": audio, "-vat": self.norm(f"{published.HEADS}/vis_embd/__{NORM}", text)}

    def block(self, name, inputs, stride, projected):
        preact = relu(self.norm(f"{name}/__{NORM}", inputs))
        shortcut = self.conv(f"{name}/shortcut_conv", preact, stride) if projected else inputs
        x = self.conv(f"{name}/conv_0", self.shift(preact), 1)
        x = self.conv(f"{name}/conv_1", relu(self.norm(f"{name}/__{NORM}_1", x)), stride)
        return shortcut + self.conv(f"{name}/conv_2", relu(self.norm(f"{name}/__{NORM}_2", x)), 1)

    def shift(self, x):
        video = x.reshape(-1, self.frames, *x.shape[1:])
        n = int(video.shape[-1] * 0.125)
        shifted = np.zeros_like(video)
        shifted[:, :-1, :, :, :n] = video[:, 1:, :, :, -n:]
        shifted[..., n:-n] = video[..., n:-n]
        shifted[:, 1:, :, :, -n:] = video[:, :-1, :, :, :n]
        return shifted.reshape(x.shape)

    def audio(self, name, x):
        x = relu(self.norm(f"{name}/__{NORM}", self.linear(f"{name}/final_projection_inner", x)))
        return self.norm(f"{name}/__{NORM}_1", self.linear(f"{name}/final_projection", x))

    def conv(self, name, x, stride):
        kernel = self.params[name]["w"]
        return np.einsum("nhwcij,ijco->nhwo", windows(x, len(kernel), stride, 0), kernel, optimize=True)

    def linear(self, name, x):
        return x @ self.params[name]["w"] + self.params[name].get("b", 0)

    def norm(self, name, x):
        mean, var = (self.state[f"{name}/~/{kind}_ema"]["average"] for kind in ("mean", "var"))
        return (x - mean) / np.sqrt(var + 1e-5) * self.params[name]["scale"] + self.params[name]["offset"]


def relu(x):
    return np.maximum(x, 0)


def windows(x, size, stride, value):
    """Windows (n, h, w, c, size, size) of an image padded as TensorFlow's ``SAME`` pads it."""
    padding = []
    for side in x.shape[1:3]:
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        padding.append((total // 2, total - total // 2))
    padded = np.pad(x, [(0, 0), *padding, (0, 0)], constant_values=value)
    every = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    return every[:, ::stride, ::stride]


# The network


@pytest.mark.parametrize(("frames", "side"), [(1, 64), (4, 48), (5, 33)])
def test_a_still_image_gives_what_deepminds_definition_gives_of_equal_frames(contents, tensors, frames, side):
    images = clips(2, 3, side, side)
    expected = Reference(contents)(images.permute(0, 2, 3, 1)[:, None].expand(-1, frames, -1, -1, -1).numpy())
    assert expected.keys() == {"", "-va", "-vat"}
    for space, wanted in expected.items():
        with torch.inference_mode():
            found = network(tensors, f"resnet50{space}-f{frames}")(images).numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5, err_msg=space)


def test_an_attack_can_follow_the_gradient_to_the_pixels(tensors):
    images = clips(1, 3, 16, 16).requires_grad_()
    network(tensors, "resnet50-f1")(images).sum().backward()
    assert images.grad.abs().max() > 0


def test_frames_that_differ_give_what_deepminds_definition_gives(contents, tensors):
    video = clips(2, 6, 3, 40, 32)
    expected = Reference(contents)(video.permute(0, 1, 3, 4, 2).numpy())
    with torch.inference_mode():
        found = network(tensors, "resnet50-f6").trunk.clip(video).numpy()
        backwards = network(tensors, "resnet50-f6").trunk.clip(video.flip(1)).numpy()
    np.testing.assert_allclose(found, expected[""], rtol=0, atol=1e-5)
    assert np.abs(backwards - found).max() > 0.01


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 32, 33, 40])
def test_computing_only_the_frames_that_differ_changes_nothing(tensors, frames):
    trunk = network(tensors, f"resnet50-f{frames}").trunk.double()
    images = clips(1, 3, 16, 16).double()
    with torch.inference_mode():
        plain = trunk.clip(images[:, None].expand(-1, frames, -1, -1, -1))
        torch.testing.assert_close(trunk(images), plain, rtol=0, atol=1e-12)


def test_fewer_frames_are_computed_than_there_are():
    trunk, computed = architectures.build("tsm/resnet50-f32")[0].trunk.eval(), []
    for module in trunk.modules():
        if isinstance(module, tsm.Block):
            module.register_forward_pre_hook(lambda _, given: computed.append(given[0].shape[1]))
    with torch.inference_mode():
        trunk(torch.rand(1, 3, 8, 8))
    assert computed == [3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 32]


def test_in_training_the_batch_statistics_are_over_all_frames():
    images = clips(2, 3, 16, 16)
    found, plain = (architectures.build("tsm/resnet50-f5")[0].trunk.train() for _ in range(2))
    with torch.no_grad():
        torch.testing.assert_close(found(images), plain.clip(images[:, None].expand(-1, 5, -1, -1, -1)))
    torch.testing.assert_close(found.norm0.running_var, plain.norm0.running_var)


def test_channels_of_the_next_frame_come_first_and_those_of_the_previous_one_last():
    x = torch.arange(1, 49, dtype=torch.float32).reshape(1, 3, 16, 1, 1)
    frames = x[0, :, :, 0, 0]
    found = tsm.shift(x)[0, :, :, 0, 0]
    assert found[:, :2].tolist() == [frames[1, -2:].tolist(), frames[2, -2:].tolist(), [0, 0]]
    assert found[:, -2:].tolist() == [[0, 0], frames[0, :2].tolist(), frames[1, :2].tolist()]
    assert found[:, 2:-2].equal(frames[:, 2:-2])


def test_without_the_shift_it_is_the_resnet_v2_of_timm(tensors, monkeypatch):
    """timm's with the padding ``SAME``, which its own weights of Google use."""
    monkeypatch.setattr(tsm, "shift", lambda x: x)
    peer = ResNetV2(
        [3, 4, 6, 3],
        num_classes=0,
        stem_type="same",
        conv_layer=partial(create_conv2d, padding="same"),
        norm_layer=BatchNormAct2d,
        act_layer=nn.ReLU,
    ).eval()

    def timm_name(name):
        name = re.sub(r"^stem\.", "stem.conv.", name)
        name = re.sub(r"^units\.(\d)\.(\d)\.", r"stages.\1.blocks.\2.", name)
        name = name.replace("shortcut", "downsample.conv")
        if name.startswith("norm0"):
            return name.replace("norm0", "norm")
        return re.sub(r"(conv|norm)(\d)", lambda match: f"{match[1]}{int(match[2]) + 1}", name)

    trunk = {timm_name(name): value for name, value in tensors.items() if not name.startswith("va")}
    missing, unexpected = peer.load_state_dict(trunk, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    for side in (64, 75):
        images = clips(2, 3, side, side)
        with torch.inference_mode():
            found = network(tensors, "resnet50-f3")(images)
            torch.testing.assert_close(found, peer(images), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("resnet50", 2048, 23_500_352),
        ("resnet50-va", 512, 24_813_632),
        ("resnet50x2-vat-f2", 256, 96_385_408),
        ("resnet50-f999", 2048, 23_500_352),
    ],
)
def test_a_name_says_width_space_and_frames(name, size, parameters):
    backbone, preprocessing = outline(name), tsm.PREPROCESSING
    assert (backbone.feature_size, backbone.head) == (size, None)
    assert sum(parameter.numel() for parameter in backbone.parameters()) == parameters
    frames = re.search(r"-f(\d+)", name)
    assert backbone.trunk.frames == (int(frames[1]) if frames else 32)
    assert (preprocessing.image_size, preprocessing.mean, preprocessing.std) == (224, (0, 0, 0), (1, 1, 1))


@pytest.mark.parametrize(
    "name", ["resnet101", "resnet50-f0", "resnet50-f1000", "resnet50-f8-va", "resnet50x3", "resnet50-audio"]
)
def test_an_unknown_name_is_told_the_form_of_the_known_ones(name):
    with pytest.raises(ConfigError) as error:
        architectures.build(f"tsm/{name}")
    assert str(error.value) == (
        f"config: models: tsm has no network {name!r}; valid: resnet50 or resnet50x2, then -va or -vat, then -f "
        "and a number of frames, such as resnet50-vat-f8"
    )


def test_an_untrained_network_goes_the_way_of_every_model(tmp_path):
    section = RandomNetwork(source="random", architecture="tsm/resnet50-va-f2", seed=1)
    building.fetch(section, "untrained", tmp_path)
    encoder, images = reading.load(tmp_path), clips(2, 3, 32, 32)
    backbone, _ = architectures.build("tsm/resnet50-va-f2", seed=1)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(images), backbone.eval()(images), rtol=1e-4, atol=1e-5)
    std = backbone.trunk.units[1][0].conv1.weight.std().item()
    # Of a normal distribution cut off at two standard deviations 0.88 of one remains.
    assert std == pytest.approx(0.88 * (128 * 9) ** -0.5, rel=0.01)


# The file


def test_every_tensor_of_the_network_is_in_the_file_and_no_other(tensors):
    expected = outline("resnet50-vat").tensors()
    assert {name: value.shape for name, value in tensors.items()} == {
        name: value.shape for name, value in expected.items()
    }


def small(contents):
    """Of the contents the first layer and one batch norm, which are read without the rest."""
    taken = (f"{published.TRUNK}/tsm_resnet_stem", f"{published.TRUNK}/__{NORM}")
    return {
        part: {module: values for module, values in modules.items() if module.startswith(taken)}
        for part, modules in contents.items()
    }


@pytest.mark.parametrize(
    "mapping", [None, "haiku._src.data_structures.FlatMapping", "haiku._src.data_structures.frozendict"]
)
@pytest.mark.parametrize(
    "arrays",
    [
        None,
        "dill._dill._create_array",
        "jax._src.array._reconstruct_array",
        "jax._src.device_array.reconstruct_device_array",
    ],
)
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_and_dictionaries_of_dill_jax_and_haiku_are_read_without_them(
    contents, tmp_path, arrays, mapping, protocol
):
    values = small(contents)
    values["params"]["counters"] = {"step": np.int64(3)}
    found = mmv.tensors(published.write(tmp_path / "w.pkl", values, arrays, mapping, protocol))
    params, state = values["params"], values["state"]
    norm = f"{published.TRUNK}/__{NORM}"
    expected = {
        "stem.weight": params[f"{published.TRUNK}/tsm_resnet_stem"]["w"].transpose(3, 2, 0, 1),
        "norm0.weight": params[norm]["scale"].ravel(),
        "norm0.bias": params[norm]["offset"].ravel(),
        "norm0.running_mean": state[f"{norm}/~/mean_ema"]["average"].ravel(),
        "norm0.running_var": state[f"{norm}/~/var_ema"]["average"].ravel(),
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name].numpy(), value)


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("part", ["params", "state", "step"])
def test_code_in_the_pickle_is_named_and_not_run(contents, tmp_path, part):
    values = small(contents)
    values[part] = {**values.get(part, {}), "planted": {"w": Payload(tmp_path / "marker")}}
    path = published.write(tmp_path / "w.pkl", values)
    with pytest.raises(
        WeightsError, match=rf"^{re.escape(str(path))}: refused: would run code: posix\.system$"
    ):
        mmv.tensors(path)
    assert not (tmp_path / "marker").exists()
    # The payload does what it is refused for.
    pickle.loads(pickle.dumps(values[part]["planted"]["w"]))
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    "function", [b"cbuiltins\neval\n", b"cos\nsystem\n", b"cdill._dill\n_create_function\n"]
)
def test_an_array_is_made_by_nothing_but_numpys_function(tmp_path, function):
    """Protocol 0 by hand: dill's function for arrays, given a function that is to make one."""
    (tmp_path / "w.pkl").write_bytes(b"cdill._dill\n_create_array\n(" + function + b"(Vtouch marker\ntNNtR.")
    with pytest.raises(WeightsError, match="refused: would run code: "):
        mmv.tensors(tmp_path / "w.pkl")
    allowed = b"cdill._dill\n_create_array\n(ccollections\nOrderedDict\n(tNNtR."
    (tmp_path / "w.pkl").write_bytes(allowed)
    with pytest.raises(WeightsError, match=r"damaged \(.*NumPy array\)$"):
        mmv.tensors(tmp_path / "w.pkl")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1], "expected variables by module under 'params', as haiku writes them"),
        ({"params": {}}, "expected variables by module under 'state', as haiku writes them"),
        (
            {"params": {"a": 1}, "state": {}},
            "expected variables by module under 'params', as haiku writes them",
        ),
        (
            {"params": {"text_audio_video/visual_module/~/s3d/conv": {"w": np.ones(2)}}, "state": {}},
            "expected a TSMResNetV2 among its haiku modules, found none",
        ),
        (
            {"params": {"m/TSMResNetV2/tsm_resnet_stem": {"w": np.ones(2, int)}}, "state": {}},
            "m/TSMResNetV2/tsm_resnet_stem/w: expected an array of floating-point numbers, found int64",
        ),
        (
            {"params": {"m/TSMResNetV2/tsm_resnet_stem": {"w": [1.0]}}, "state": {}},
            "m/TSMResNetV2/tsm_resnet_stem/w: expected an array of floating-point numbers, found list",
        ),
    ],
)
def test_another_file_is_refused_with_what_was_expected(tmp_path, values, message):
    path = published.write(tmp_path / "w.pkl", values)
    with pytest.raises(WeightsError) as error:
        mmv.tensors(path)
    assert str(error.value) == f"{path}: {message}"


def test_weights_of_another_width_or_without_a_head_do_not_fit(tensors):
    with pytest.raises(
        WeightsError, match=r"^x1: \d+ tensors are of a wrong shape: stem.weight is 64x3x7x7 instead"
    ):
        outline("resnet50x2-f1").load(tensors, "x1")
    trunk = {name: value for name, value in tensors.items() if not name.startswith("va")}
    with pytest.raises(WeightsError, match=r"^cut: \d+ tensors are missing: va\.inner\.weight"):
        outline("resnet50-va-f1").load(trunk, "cut")
    assert network(trunk, "resnet50-f1").tensors().keys() == trunk.keys()


def test_the_published_file_of_twice_the_width_has_the_shapes_of_that_network(monkeypatch):
    def array(shape):
        return np.broadcast_to(np.float32(0), shape)

    weights_of, norms = published.shapes(width=2)
    params = {
        module: {name: array(shape) for name, shape in one.items()} for module, one in weights_of.items()
    }
    params |= {module: {"scale": array(shape), "offset": array(shape)} for module, shape in norms.items()}
    state = {
        f"{module}/~/{kind}_ema": {"average": array(shape)}
        for module, shape in norms.items()
        for kind in ("mean", "var")
    }
    monkeypatch.setattr(numpy_pickles, "read", lambda *_: {"params": params, "state": state})
    found, expected = mmv.tensors("x2.pkl"), outline("resnet50x2-vat").tensors()
    assert {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in expected.items()
    }
