"""An encoder of the user's own Python file: ten lines, and one line for each thing that can be wrong with it."""

import os
import py_compile
import re
import sys
from pathlib import Path

import pytest
import torch
import torchvision
import yaml
from safetensors.torch import load_file, save_file

from wordsight.config.load import validate
from wordsight.config.models import Model, PythonNetwork
from wordsight.errors import ConfigError, WeightsError
from wordsight.files.hashing import sha256
from wordsight.models import architectures, building, reading

HEAD = "from torch import nn\nfrom safetensors.torch import load_file\nfrom wordsight.models.python import encoder\n\n"
DECORATOR = "@encoder(image_size=16, mean=(0.5, 0.5, 0.5), std=(0.2, 0.3, 0.4))\n"
BODY = """def mine(weights):
    network = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if weights:
        network.load_state_dict(load_file(weights))
    return network
"""


def write(folder, text=HEAD + DECORATOR + BODY, name="my_encoder.py"):
    path = folder / name
    path.write_text(text)
    return str(path)


def section(path, **keys):
    return PythonNetwork(source="python", **{"name": "mine", "path": path, **keys})


@pytest.fixture
def weights(tmp_path):
    """Weights of the network, none of which has its initial value."""
    generator = torch.Generator().manual_seed(3)
    shapes = {
        "0.weight": (8, 3, 4, 4),
        "0.bias": (8,),
        "1.weight": (8,),
        "1.bias": (8,),
        "1.running_mean": (8,),
    }
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    tensors |= {
        "1.running_var": torch.rand(8, generator=generator) + 1,
        "1.num_batches_tracked": torch.tensor(4),
    }
    save_file(tensors, tmp_path / "mine.safetensors")
    return str(tmp_path / "mine.safetensors")


def test_features_are_those_of_the_users_network(tmp_path, weights):
    path = write(tmp_path)
    card = building.fetch(section(path, weights=weights), "m", tmp_path / "m")
    assert (card.architecture, card.feature_size, card.classifier) == ("python/mine", 8, None)
    assert (card.origin, card.sha256) == (weights, sha256(weights))
    assert card.configuration == {"path": path, "sha256": sha256(path), "weights": weights, "beside": {}}
    encoder = reading.load(tmp_path / "m")
    tensors, images = load_file(weights), torch.rand(4, 3, 16, 16)
    normalised = (images - 0.5) / torch.tensor([0.2, 0.3, 0.4])[:, None, None]
    maps = torch.nn.functional.conv2d(normalised, tensors["0.weight"], tensors["0.bias"], stride=4)
    expected = torch.nn.functional.batch_norm(
        maps, tensors["1.running_mean"], tensors["1.running_var"], tensors["1.weight"], tensors["1.bias"]
    ).mean(dim=(2, 3))
    torch.testing.assert_close(encoder(images), expected)


# Networks that a trial pass in inference mode would leave without a gradient.
USUAL = "return nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten())"
CACHED = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.cache = nn.Linear(3, 8), None

    def forward(self, images):
        if self.cache is None:
            self.cache = self.layer.weight * 2
        return nn.functional.linear(images.mean(dim=(2, 3)), self.cache)


"""
KINDS = {
    "half": USUAL + ".half()",
    "double": USUAL + ".double()",
    "bfloat16": USUAL + ".bfloat16()",
    "one half layer": USUAL.replace("4, 4)", "4, 4).half()"),
    "lazy": "return nn.Sequential(nn.Flatten(), nn.LazyLinear(8))",
    "frozen": USUAL + ".requires_grad_(False)",
    "left in training": USUAL + ".train()",
    "writes to its input": USUAL.replace("nn.Conv2d(", "nn.ReLU(inplace=True), nn.Conv2d("),
    "cached": "return Net()",
}


@pytest.mark.parametrize("kind", KINDS)
def test_features_have_a_gradient_whatever_the_network_is_made_of(tmp_path, kind):
    body = f"def mine(weights):\n    {KINDS[kind]}\n"
    text = HEAD + (CACHED if kind == "cached" else "") + DECORATOR + body
    building.fetch(section(write(tmp_path, text)), "m", tmp_path / "m")
    encoder, images = reading.load(tmp_path / "m"), torch.rand(2, 3, 16, 16, requires_grad=True)
    features = encoder(images)
    assert features.dtype == torch.float32
    (gradient,) = torch.autograd.grad(features.sum(), images)
    assert bool((gradient != 0).any())


def test_the_same_file_gives_the_same_bytes_and_leaves_the_generator_alone(tmp_path):
    path = write(tmp_path)
    state = torch.random.get_rng_state()
    cards = [building.fetch(section(path), "m", tmp_path / name) for name in ("a", "b")]
    assert cards[0] == cards[1]
    assert (cards[0].origin, cards[0].sha256) == (path, sha256(path))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not (tmp_path / "__pycache__").exists()


def test_preprocessing_is_what_the_decorator_says(tmp_path):
    text = DECORATOR.replace(
        "image_size=16", "image_size=16, resize=20, interpolation='bilinear', squash=True"
    )
    card = building.fetch(section(write(tmp_path, HEAD + text + BODY)), "m", tmp_path / "m")
    preprocessing = card.preprocessing
    assert (preprocessing.image_size, preprocessing.resize, preprocessing.squash) == (16, 20, True)
    assert (preprocessing.interpolation, preprocessing.mean) == ("bilinear", (0.5, 0.5, 0.5))


def test_weights_come_from_the_models_own_file_when_it_is_loaded(tmp_path, weights):
    building.fetch(section(write(tmp_path), weights=weights), "m", tmp_path / "m")
    images = torch.rand(2, 3, 16, 16)
    before = reading.load(tmp_path / "m")(images)
    save_file({name: value * 2 for name, value in load_file(weights).items()}, weights)
    assert torch.equal(reading.load(tmp_path / "m")(images), before)


def test_a_file_that_changed_since_is_refused(tmp_path):
    path = write(tmp_path)
    building.fetch(section(path), "m", tmp_path / "m")
    write(tmp_path, HEAD + DECORATOR + BODY + "# Changed.\n")
    with pytest.raises(
        ConfigError, match=f"^{path}: expected SHA-256 [0-9a-f]{{64}}, as the model's card says"
    ):
        reading.load(tmp_path / "m")
    (tmp_path / "my_encoder.py").unlink()
    with pytest.raises(ConfigError, match=f"^{path}: can't read"):
        reading.load(tmp_path / "m")


def test_a_file_may_define_its_own_classes_and_dataclasses(tmp_path):
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n" + HEAD + "@dataclass\n"
        "class Options:\n    width: int = 8\n\n\nclass Net(nn.Module):\n    def __init__(self, options):\n"
        "        super().__init__()\n        self.layer = nn.Linear(3, options.width)\n\n"
        "    def forward(self, images):\n        return self.layer(images.mean(dim=(2, 3)))\n\n\n"
    )
    text += DECORATOR + "def mine(weights):\n    return Net(Options())\n"
    assert building.fetch(section(write(tmp_path, text)), "m", tmp_path / "m").feature_size == 8


def test_the_digest_can_be_configured(tmp_path, weights):
    path = write(tmp_path)
    building.fetch(section(path, weights=weights, sha256=sha256(weights)), "m", tmp_path / "m")
    with pytest.raises(
        WeightsError, match=f"^{weights}: expected SHA-256 {'0' * 64}, found {sha256(weights)}"
    ):
        building.fetch(section(path, weights=weights, sha256="0" * 64), "m", tmp_path / "m")


# Modules beside the file

HELPER = "from torch import nn\n\n\ndef body(width):\n    return nn.Sequential(nn.Conv2d(3, width, 4, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten())\n"
USER = "from parts.bodies import body\n" + HEAD + DECORATOR + "def mine(weights):\n    return body(8)\n"


@pytest.fixture
def helped(tmp_path):
    """File that imports from a package beside it."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/__init__.py").write_text("")
    (tmp_path / "parts/bodies.py").write_text(HELPER)
    return write(tmp_path, USER)


def test_a_file_imports_from_beside_it_and_the_card_says_what(tmp_path, helped):
    card = building.fetch(section(helped), "m", tmp_path / "m")
    names = ("parts/__init__.py", "parts/bodies.py")
    assert card.configuration["beside"] == {name: sha256(tmp_path / name) for name in names}
    assert reading.load(tmp_path / "m")(torch.rand(2, 3, 16, 16)).shape == (2, 8)
    assert str(tmp_path) not in sys.path
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_module_beside_it_that_changed_since_is_refused(tmp_path, helped):
    building.fetch(section(helped), "m", tmp_path / "m")
    bodies = tmp_path / "parts/bodies.py"
    bodies.write_text(HELPER + "# Changed.\n")
    with pytest.raises(
        ConfigError, match=rf"^{bodies}: expected SHA-256 \w+, as the model's card says, found "
    ):
        reading.load(tmp_path / "m")


def test_a_module_is_read_from_its_file_and_not_from_a_compiled_copy(tmp_path, helped):
    bodies = tmp_path / "parts/bodies.py"
    stat = bodies.stat()
    py_compile.compile(str(bodies))
    bodies.write_text(HELPER.replace("4, 4)", "8, 8)"))
    os.utime(bodies, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    building.fetch(section(helped), "m", tmp_path / "m")
    assert load_file(tmp_path / "m/weights.safetensors")["0.weight"].shape == (8, 3, 8, 8)


def test_files_of_two_folders_have_their_own_modules_of_one_name(tmp_path):
    sizes = {}
    for name, width in (("one", 8), ("two", 16)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "bodies.py").write_text(HELPER.replace("width,", f"{width},"))
        path = write(folder, USER.replace("parts.bodies", "bodies"))
        sizes[name] = building.fetch(section(path), name, tmp_path / f"out-{name}").feature_size
    assert sizes == {"one": 8, "two": 16}
    assert reading.load(tmp_path / "out-one")(torch.rand(1, 3, 16, 16)).shape == (1, 8)


def test_a_module_whose_edit_would_go_unnoticed_is_refused(tmp_path, helped):
    text = "import importlib\n" + USER.replace(
        "from parts.bodies import body", "body = importlib.import_module('parts.bodies').body"
    )
    write(tmp_path, text)
    with pytest.raises(
        ConfigError, match=rf"^{tmp_path}/parts/__init__\.py: an edit of it would go unnoticed"
    ):
        building.fetch(section(helped), "m", tmp_path / "m")


@pytest.mark.parametrize(
    ("text", "where"),
    [(HELPER + "1 / 0\n", "line 6: ZeroDivisionError"), ("def body(:\n", "line 1: SyntaxError")],
)
def test_a_mistake_in_a_module_beside_it_is_one_line_with_its_place(tmp_path, helped, text, where):
    (tmp_path / "parts/bodies.py").write_text(text)
    with pytest.raises(ConfigError, match=rf"^{tmp_path}/parts/bodies\.py, {where}"):
        building.fetch(section(helped), "m", tmp_path / "m")


CASES = {
    "syntax": (HEAD + "def mine(weights)\n", "line 5: SyntaxError: expected ':'"),
    "import": ("import torch\n\nimport no_such_library\n", "line 3: ModuleNotFoundError: No module named 'no_such_library'"),
    "other name": (HEAD + DECORATOR + BODY.replace("mine", "main"), "expected a function 'mine' decorated with @encoder(...); did you mean 'main'? valid: main"),
    "no decorator": (HEAD + BODY, "expected a function 'mine' decorated with @encoder(...); valid: none"),
    "wrong decorator": (HEAD + DECORATOR.replace("16", "0") + BODY, "line 5: ValueError: image_size: Input should be greater than or equal to 1"),
    "unknown key": (HEAD + DECORATOR.replace("image_size", "size") + BODY, "line 5: TypeError:"),
    "error inside": (HEAD + DECORATOR + "def mine(weights):\n    return 1 / 0\n", "line 7: ZeroDivisionError: division by zero"),
    "two lines": (HEAD + DECORATOR + "def mine(weights):\n    raise ValueError('one\\ntwo')\n", "line 7: ValueError: one two"),
    "other tensors": (HEAD + DECORATOR + "def mine(weights):\n    nn.Linear(2, 2).load_state_dict({'bias': nn.Linear(2, 3).bias})\n", "line 7: RuntimeError: Error(s) in loading state_dict for Linear: Missing key(s) in state_dict: \"weight\". size mismatch for bias:"),
    "no message": (HEAD + DECORATOR + "def mine(weights):\n    raise KeyError\n", "line 7: KeyError"),
    "it ends": (HEAD + DECORATOR + "def mine(weights):\n    exit(3)\n", "line 7: SystemExit: 3"),
    "no network": (HEAD + DECORATOR + "def mine(weights):\n    return None\n", "mine: expected a torch.nn.Module to be returned, found NoneType"),
    "a map": (HEAD + DECORATOR + "def mine(weights):\n    return nn.Conv2d(3, 8, 4, 4)\n", "mine: expected features of shape (b, d) for b images, found (1, 8, 4, 4)"),
    "a vector": (HEAD + DECORATOR + "def mine(weights):\n    return nn.Flatten(0)\n", "mine: expected features of shape (b, d) for b images, found (768,)"),
    "in forward": (
        HEAD + "class Net(nn.Module):\n    def forward(self, images):\n        return images.shape['b']\n\n\n" + DECORATOR + "def mine(weights):\n    return Net()\n",
        "line 7: TypeError:",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_in_the_file_is_one_line_with_its_place(tmp_path, case):
    text, expected = CASES[case]
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        building.fetch(section(path), "m", tmp_path / "m")
    assert str(caught.value).startswith(path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "m").exists()


def test_features_that_are_no_tensor_are_refused(tmp_path):
    text = HEAD + "class Net(nn.Module):\n    def forward(self, images):\n        return images, images\n\n\n"
    path = write(tmp_path, text + DECORATOR + "def mine(weights):\n    return Net()\n")
    with pytest.raises(ConfigError, match=r"expected features of shape \(b, d\) for b images, found tuple"):
        building.fetch(section(path), "m", tmp_path / "m")


def test_weights_that_are_not_finite_are_refused(tmp_path, weights):
    save_file({name: value / 0 for name, value in load_file(weights).items()}, weights)
    with pytest.raises(WeightsError, match="not finite"):
        building.fetch(section(write(tmp_path), weights=weights), "m", tmp_path / "m")


@pytest.mark.parametrize("key", ["path", "weights"])
def test_files_that_are_missing_are_named(tmp_path, key):
    keys = {"path": write(tmp_path), "weights": None, key: str(tmp_path / "gone")}
    with pytest.raises(ConfigError, match=f"^config: models: mine: {key}: .*no file .*gone"):
        building.fetch(section(**keys), "m", tmp_path / "m")


def test_a_classifier_is_not_kept(tmp_path):
    with pytest.raises(ConfigError, match=r"^config: models\.m\.classifier: this network has no classifier"):
        building.fetch(section(write(tmp_path), classifier="imagenet-1k"), "m", tmp_path / "m")


def test_a_name_that_is_no_python_file_is_refused(tmp_path):
    path = write(tmp_path, name="encoder.txt")
    with pytest.raises(ConfigError, match=f"^{path}: expected a Python file, whose name ends in .py"):
        building.fetch(section(path), "m", tmp_path / "m")


def test_an_architecture_of_a_file_needs_the_file():
    with pytest.raises(ConfigError, match=r"python/mine .* source python"):
        architectures.build("python/mine")


def test_the_ten_lines_of_the_guide_are_an_encoder(tmp_path, monkeypatch):
    guide = (Path(__file__).parents[2] / "docs" / "add-a-model.md").read_text(encoding="utf-8")
    (text,) = (block for block in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "@encoder" in block)
    (keys,) = (
        block for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL) if "source: python" in block
    )
    assert len([line for line in text.splitlines() if line]) <= 10
    monkeypatch.chdir(tmp_path)
    write(tmp_path, text)
    network = torchvision.models.resnet18(num_classes=128)
    torch.save(network.state_dict(), "my_encoder.pth")
    model = validate(Model, yaml.safe_load(keys)["models"]["my-encoder"])
    assert building.fetch(model, "my-encoder", "m").feature_size == 512
    network.fc = torch.nn.Identity()
    encoder, images = reading.load("m"), torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(encoder(images), network.eval()(encoder._normalise(images)))
