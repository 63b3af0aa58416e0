"""Every source becomes the same files, the same bytes each time, or nothing at all."""

import json
import os

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
from PIL import Image

from wordsight.config.load import validate
from wordsight.config.models import (
    CheckpointNetwork,
    Network,
    PreprocessingSection,
    RandomNetwork,
    TimmNetwork,
    Traits,
)
from wordsight.errors import ConfigError, WeightsError
from wordsight.files import hashing
from wordsight.models import architectures, building, card, reading
from wordsight.models.encoder import Backbone, Encoder, resolve_device

ARCHITECTURE = "timm/test_resnet"
PREPROCESSING = PreprocessingSection(image_size=32, resize=40, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.2))


def random(seed=0, **keys):
    return RandomNetwork(source="random", architecture=ARCHITECTURE, seed=seed, **keys)


def checkpoint(path, **keys):
    keys = {"preprocessing": PREPROCESSING, **keys}
    return CheckpointNetwork(source="checkpoint", architecture=ARCHITECTURE, path=str(path), **keys)


def state(seed=3):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return timm.create_model("test_resnet").state_dict()


def content(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


# The files


@pytest.mark.parametrize("source", ["random", "checkpoint", "timm"])
def test_fetching_twice_gives_the_same_bytes(tmp_path, source):
    torch.save(state(), tmp_path / "w.pth")
    section = {
        "random": random(),
        "checkpoint": checkpoint(tmp_path / "w.pth"),
        "timm": TimmNetwork(source="timm", name="test_resnet", path=str(tmp_path / "w.pth")),
    }[source]
    for name in "ab":
        building.fetch(section, "m", tmp_path / name)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert content(tmp_path / "a").keys() == {"weights.safetensors", "network.json"}


def test_a_section_survives_the_way_through_snakemake(tmp_path):
    section = random(classifier="imagenet-1k")
    building.fetch(validate(Network, section.model_dump(mode="json")), "m", tmp_path / "m")
    assert reading.load(tmp_path / "m").card.classifier == "imagenet-1k"


def test_the_card_says_what_was_fetched(tmp_path):
    torch.save(state(), tmp_path / "w.pth")
    card = building.fetch(checkpoint(tmp_path / "w.pth"), "m", tmp_path / "m")
    found, network = json.loads((tmp_path / "m/network.json").read_text()), timm.create_model("test_resnet")
    assert found == {
        "name": "m",
        "source": "checkpoint",
        "architecture": ARCHITECTURE,
        "origin": str(tmp_path / "w.pth"),
        "licence": "unknown",
        "sha256": hashing.sha256(tmp_path / "w.pth"),
        "weights_sha256": hashing.sha256(tmp_path / "m/weights.safetensors"),
        "preprocessing": json.loads(PREPROCESSING.model_dump_json()),
        "feature_size": timm.create_model("test_resnet").num_features,
        "places": {
            "pooled": network.num_features,
            "mean": network.num_features,
            **{f"layer {place}": info["num_chs"] for place, info in enumerate(network.feature_info) if place},
        },
        "parameters": sum(p.numel() for p in timm.create_model("test_resnet", num_classes=0).parameters()),
        "classifier": None,
        "seed": None,
        "training": None,
        "configuration": None,
    }
    assert reading.load(tmp_path / "m").card == card


def test_traits_join_the_card_and_leave_the_network_as_it_is(tmp_path):
    building.fetch(random(), "m", tmp_path)
    before = content(tmp_path)
    traits = Traits(language="captions", pretraining_images=5, pretraining_data="x", robust=True)
    described = card.describe(traits, tmp_path)
    assert card.read_card(tmp_path) == described
    assert (described.language, described.pretraining_images, described.robust, described.name) == (
        "captions",
        5,
        True,
        "m",
    )
    assert {name: content(tmp_path)[name] for name in before} == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 3}', "<html>"])
def test_a_card_that_is_none_is_named(tmp_path, text):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(WeightsError, match=f"^{tmp_path}/card.json: ") as caught:
        card.read_card(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["weights.safetensors", "network.json"])
def test_a_file_that_is_missing_is_named(tmp_path, file):
    building.fetch(random(), "m", tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(WeightsError, match=f"^{tmp_path}/{file}: "):
        reading.load(tmp_path)


def test_weights_that_are_not_the_recorded_ones_are_refused(tmp_path):
    card = building.fetch(random(0), "m", tmp_path / "a")
    building.fetch(random(1), "m", tmp_path / "b")
    (tmp_path / "a/weights.safetensors").write_bytes((tmp_path / "b/weights.safetensors").read_bytes())
    with pytest.raises(
        WeightsError, match=rf"weights\.safetensors: expected SHA-256 {card.weights_sha256}, found"
    ):
        reading.load(tmp_path / "a")


# Untrained networks


def test_seeds_give_different_networks_and_equal_seeds_the_same(tmp_path):
    digests = [
        building.fetch(random(seed), "m", tmp_path / str(place)).weights_sha256
        for place, seed in enumerate([0, 1, 0])
    ]
    assert digests[0] == digests[2] != digests[1]


def test_the_random_generator_is_left_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    building.fetch(random(), "m", tmp_path)
    reading.load(tmp_path)
    assert torch.equal(torch.rand(3), expected)


def test_an_untrained_network_is_the_librarys_own_initialisation(tmp_path):
    card = building.fetch(random(3), "m", tmp_path)
    found = safetensors.torch.load_file(tmp_path / "weights.safetensors")
    headless = {name: value for name, value in state(3).items() if not name.startswith("fc.")}
    torch.testing.assert_close(
        found, {name: value for name, value in headless.items() if "num_batches" not in name}, rtol=0, atol=0
    )
    assert (card.seed, card.sha256, card.licence) == (3, "", "none")


def test_trained_and_untrained_networks_share_the_name_of_their_architecture(tmp_path):
    torch.save(state(), tmp_path / "w.pth")
    trained = TimmNetwork(source="timm", name="test_resnet", path=str(tmp_path / "w.pth"))
    cards = [
        building.fetch(section, "m", tmp_path / section.source)
        for section in (trained, random(), checkpoint(tmp_path / "w.pth"))
    ]
    assert {card.architecture for card in cards} == {ARCHITECTURE}
    assert {card.parameters for card in cards} == {cards[0].parameters}


def test_a_digest_of_an_untrained_network_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=f"expected SHA-256 {'0' * 64}, found no file"):
        building.fetch(random(sha256="0" * 64), "m", tmp_path / "m")


# Checkpoints


def test_a_checkpoint_is_read_by_its_key_and_prefix(tmp_path):
    plain, wrapped = tmp_path / "plain.pth", tmp_path / "wrapped.pth.tar"
    torch.save(state(), plain)
    contents = {f"module.model.{name}": value for name, value in state().items()}
    torch.save({"model": {**contents, "module.attacker.x": torch.ones(2)}, "epoch": np.int64(90)}, wrapped)
    digests = {
        building.fetch(section, "m", tmp_path / str(place)).weights_sha256
        for place, section in enumerate(
            [checkpoint(plain), checkpoint(wrapped, key="model", prefix="module.model.")]
        )
    }
    assert len(digests) == 1


def test_a_checkpoint_without_a_classifier_fits_unless_it_is_asked_for(tmp_path):
    headless = {name: value for name, value in state().items() if not name.startswith("fc.")}
    torch.save(headless, tmp_path / "w.pth")
    building.fetch(checkpoint(tmp_path / "w.pth"), "m", tmp_path / "m")
    with pytest.raises(WeightsError, match=r"w\.pth: 2 tensors are missing: fc\.weight, fc\.bias"):
        building.fetch(checkpoint(tmp_path / "w.pth", classifier="imagenet-1k"), "n", tmp_path / "n")


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def damage(kind, path):
    tensors = state()
    if kind == "truncated":
        torch.save(tensors, path)
        path.write_bytes(path.read_bytes()[:-1000])
    elif kind == "code":
        torch.save({**tensors, "x": Payload(path.with_name("marker"))}, path)
    elif kind == "html":
        path.write_text("<!doctype html><title>404</title>")
    else:
        name = "layer1.0.conv1.weight"
        changed = {
            "missing": {},
            "extra": {name: tensors[name], "extra": torch.ones(1)},
            "shape": {name: tensors[name][:1]},
            "nan": {name: tensors[name] * torch.nan},
        }[kind]
        torch.save({**{k: v for k, v in tensors.items() if k != name}, **changed}, path)


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("truncated", "truncated or damaged"),
        ("code", r"refused: would run code: (posix|nt)\.system"),
        ("html", "this is an HTML page"),
        ("missing", r"1 tensor is missing: layer1\.0\.conv1\.weight$"),
        ("extra", "1 tensor is unexpected: extra$"),
        ("shape", r"layer1\.0\.conv1\.weight is 1x\d+x\d+x\d+ instead of \d+x\d+x\d+x\d+$"),
        ("nan", r"1 tensor is not finite: layer1\.0\.conv1\.weight$"),
    ],
)
def test_bad_weights_are_one_line_and_leave_nothing_behind(tmp_path, kind, pattern):
    path = tmp_path / "w.pth"
    damage(kind, path)
    with pytest.raises(WeightsError, match=pattern) as caught:
        building.fetch(checkpoint(path), "m", tmp_path / "m")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["w.pth"]


def test_bad_weights_leave_earlier_ones_as_they_are(tmp_path):
    building.fetch(random(), "m", tmp_path / "m")
    before = content(tmp_path / "m")
    damage("nan", tmp_path / "w.pth")
    with pytest.raises(WeightsError):
        building.fetch(checkpoint(tmp_path / "w.pth"), "m", tmp_path / "m")
    assert content(tmp_path / "m") == before


@pytest.mark.parametrize(
    ("architecture", "preprocessing", "pattern"),
    [
        (
            "timm/deit_tiny_patch16_224",
            PREPROCESSING,
            r"expected features of shape \(1, 192\) from an image of 32 x 32 pixels",
        ),
        (
            ARCHITECTURE,
            PREPROCESSING.model_copy(update={"resize": 31}),
            "preprocessing.resize: expected at least",
        ),
    ],
)
def test_preprocessing_that_the_network_cannot_take_is_refused(
    tmp_path, architecture, preprocessing, pattern
):
    torch.save(timm.create_model(architecture.removeprefix("timm/")).state_dict(), tmp_path / "w.pth")
    section = checkpoint(tmp_path / "w.pth", preprocessing=preprocessing)
    with pytest.raises(ConfigError, match=rf"^config: models\.m.*{pattern}") as caught:
        building.fetch(section.model_copy(update={"architecture": architecture}), "m", tmp_path / "m")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "m").exists()


# The encoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    root = tmp_path_factory.mktemp("encoder")
    torch.save(state(), root / "w.pth")
    building.fetch(checkpoint(root / "w.pth", classifier="imagenet-1k"), "m", root / "m")
    return reading.load(root / "m")


def pixels(n=2, size=32):
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_an_encoder_is_frozen_and_normalises_its_input(encoder):
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    network = timm.create_model("test_resnet").eval()
    network.load_state_dict(state())
    mean, std = (torch.tensor(v)[:, None, None] for v in (PREPROCESSING.mean, PREPROCESSING.std))
    with torch.inference_mode():
        torch.testing.assert_close(
            encoder.logits(pixels()), network((pixels() - mean) / std), rtol=1e-5, atol=1e-5
        )


def test_an_image_is_seen_in_0_to_1(encoder):
    seen = encoder.preprocess(Image.new("RGB", (50, 60), (255, 0, 51)))
    torch.testing.assert_close(seen, torch.tensor([1, 0, 0.2])[:, None, None].expand(3, 32, 32))


@pytest.mark.parametrize("output", ["features", "logits"])
def test_gradients_reach_the_pixels_through_the_normalisation(encoder, output):
    function = encoder if output == "features" else encoder.logits
    images = pixels().requires_grad_()
    function(images)[:, 0].sum().backward()
    # The same derivative, taken behind the normalisation, is smaller by the standard deviation of each channel.
    behind = encoder._normalise(pixels()).requires_grad_()
    backbone = encoder.backbone if output == "features" else encoder.backbone.logits
    backbone(behind)[:, 0].sum().backward()
    assert images.grad.abs().max() > 0
    torch.testing.assert_close(images.grad * encoder.std, behind.grad, rtol=1e-4, atol=1e-6)
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_a_gradient_is_the_limit_of_differences(encoder):
    double = Encoder(encoder.backbone, encoder.card).double()
    images = pixels(1).double().requires_grad_()
    (gradient,) = torch.autograd.grad(double.logits(images)[0, 3], images)
    direction = torch.randn(images.shape, generator=torch.Generator().manual_seed(1)).double()
    step = 1e-6 * direction
    with torch.no_grad():
        change = (double.logits(images + step) - double.logits(images - step))[0, 3] / 2e-6
    double.float()
    torch.testing.assert_close(change, (gradient * direction).sum(), rtol=1e-4, atol=1e-6)


def test_logits_of_a_model_without_a_classifier_are_refused(tmp_path):
    building.fetch(random(), "m", tmp_path)
    with pytest.raises(ConfigError, match=r"^config: models\.m\.classifier: this key is required"):
        reading.load(tmp_path).logits(pixels())


def test_a_network_that_has_no_classifier_keeps_none():
    backbone = Backbone(torch.nn.Flatten(), 3072)
    backbone.drop_head()
    assert backbone(pixels()).shape == (2, 3072)
    with pytest.raises(ConfigError, match=r"^config: models\.m\.classifier: this network has no classifier"):
        backbone.keep_head("imagenet-1k", "m")


@pytest.mark.parametrize("name", ["cuda", "mps", "tpu", "cuda:3"])
def test_a_device_that_is_not_there_is_one_line(tmp_path, monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    building.fetch(random(), "m", tmp_path)
    with pytest.raises(ConfigError) as caught:
        reading.load(tmp_path, name)
    assert str(caught.value).startswith("config: features.device: ")
    assert str(caught.value).endswith(f" {name!r}")
    assert reading.load(tmp_path, "auto").device == torch.device("cpu")


def test_the_automatic_device_is_a_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto").type == "cuda"
    assert resolve_device("cpu").type == "cpu"


def test_a_seed_decides_the_initialisation_alone():
    torch.manual_seed(1)
    first, _ = architectures.build(ARCHITECTURE, 4)
    torch.manual_seed(2)
    second, _ = architectures.build(ARCHITECTURE, 4)
    torch.testing.assert_close(first.tensors(), second.tensors(), rtol=0, atol=0)
