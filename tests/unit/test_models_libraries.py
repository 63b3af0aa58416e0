"""Encoders of torchvision, timm and open_clip are the libraries' own networks, and see what these show them."""

import json
import re
from pathlib import Path

import open_clip
import pytest
import safetensors.torch
import timm
import torch
import torchvision
import yaml
from PIL import Image

from mirror import Mirror
from wordsight.config.load import validate
from wordsight.config.models import (
    CheckpointNetwork,
    Model,
    OpenClipNetwork,
    RandomNetwork,
    TimmNetwork,
    TorchvisionNetwork,
)
from wordsight.downloads import cache, fetching, http, hub
from wordsight.errors import ConfigError, DownloadError, WeightsError
from wordsight.files import hashing
from wordsight.files.packages import package_folder
from wordsight.models import building, preprocessing, reading
from wordsight.models.architectures import open_clip as open_clip_architecture
from wordsight.models.architectures import open_clip as open_clip_networks
from wordsight.models.architectures import timm as timm_networks
from wordsight.models.architectures import torchvision as torchvision_networks
from wordsight.models.pretrained import Pretrained
from wordsight.models.sources import open_clip as open_clip_source
from wordsight.models.sources import timm as timm_source
from wordsight.models.sources import torchvision as torchvision_source

pytestmark = pytest.mark.slow

PHOTO = package_folder("foolbox") / "data" / "imagenet_00_243.jpg"


@pytest.fixture(scope="module")
def photo():
    """A photograph that is not square, for the crop to matter."""
    with Image.open(PHOTO) as image:
        return image.convert("RGB").resize((420, 300))


def untrained(build, **keys):
    """A library's network with statistics of normalisation that are not the initial ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = build(**keys).eval()
        for name, value in network.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif name.endswith(("running_mean", ".bias")):
                value.normal_(std=0.1)
    return network


def fetched(tmp_path, section, network, name="own"):
    """Encoder from a network's weights, which take the way over the disk."""
    path = tmp_path / "saved" / f"{name}.{'safetensors' if isinstance(section, TimmNetwork) else 'pth'}"
    path.parent.mkdir()
    tensors = network.state_dict()
    safetensors.torch.save_file(tensors, path) if path.suffix == ".safetensors" else torch.save(tensors, path)
    section = section.model_copy(update={"path": str(path)})
    building.fetch(section, name, tmp_path / name)
    return reading.load(tmp_path / name)


def input_of(network, layer, images):
    """What a layer of a network reads when the network runs."""
    seen = []
    hook = network.get_submodule(layer).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        logits = network(images)
    hook.remove()
    return seen[0], logits


def assert_sees(encoder, photo, transform):
    """The encoder's own preprocessing and normalisation give what the library's transform gives."""
    theirs = transform(photo)
    ours = encoder._normalise(encoder.preprocess(photo)[None])[0]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    return theirs[None]


def assert_equal_features(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    assert expected.std() > 1e-4


# torchvision


@pytest.mark.parametrize(
    ("name", "options", "last"),
    [
        ("resnet18", {}, "fc"),
        ("mobilenet_v3_small", {}, "classifier.3"),
        ("googlenet", {"transform_input": True, "init_weights": False}, "fc"),
        ("densenet121", {}, "classifier"),
    ],
)
def test_torchvision_gives_what_its_last_layer_reads(tmp_path, photo, name, options, last):
    network = untrained(torchvision.models.get_model, name=name, weights=None, **options)
    preset = torchvision.models.get_model_weights(name).DEFAULT
    section = TorchvisionNetwork(source="torchvision", name=name, classifier="imagenet-1k")
    encoder = fetched(tmp_path, section, network)
    images = assert_sees(encoder, photo, preset.transforms())
    expected, logits = input_of(network, last, images)
    with torch.inference_mode():
        assert_equal_features(encoder(encoder.preprocess(photo)[None]), expected)
        assert_equal_features(encoder.logits(encoder.preprocess(photo)[None]), logits)


def test_squeezenet_gives_the_mean_of_what_its_last_convolution_reads(tmp_path, photo):
    network = untrained(torchvision.models.squeezenet1_1)
    section = TorchvisionNetwork(source="torchvision", name="squeezenet1_1", classifier="imagenet-1k")
    encoder = fetched(tmp_path, section, network)
    images = assert_sees(encoder, photo, torchvision.models.SqueezeNet1_1_Weights.DEFAULT.transforms())
    with torch.inference_mode():
        assert_equal_features(
            encoder(encoder.preprocess(photo)[None]), network.features(images).mean(dim=(2, 3))
        )
        assert_equal_features(encoder.logits(encoder.preprocess(photo)[None]), network(images))


@pytest.mark.parametrize(
    ("weights", "resize"), [("IMAGENET1K_V1", 256), ("IMAGENET1K_V2", 232), ("DEFAULT", 232)]
)
def test_each_of_torchvisions_weights_has_its_own_preprocessing(tmp_path, photo, weights, resize):
    network = untrained(torchvision.models.mobilenet_v2)
    encoder = fetched(
        tmp_path, TorchvisionNetwork(source="torchvision", name="mobilenet_v2", weights=weights), network
    )
    assert encoder.card.preprocessing.resize == resize
    assert_sees(encoder, photo, torchvision.models.MobileNet_V2_Weights[weights].transforms())


def test_names_of_published_files_are_brought_up_to_date(tmp_path, photo):
    """As torchvision does itself: for DenseNet on loading, for ViT inside the module."""
    network = untrained(torchvision.models.densenet121)
    state = network.state_dict()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12]\.)", r"\1.\2", name): state[name] for name in state}
    assert old.keys() != state.keys()
    assert {torchvision_source._current_name(name) for name in old} == state.keys()
    block = torchvision.models.vision_transformer.MLPBlock(4, 8, 0.0)
    state = {
        f"encoder.layers.encoder_layer_0.mlp.{name}": value for name, value in block.state_dict().items()
    }
    old = {
        name.replace(".0.", ".linear_1.").replace(".3.", ".linear_2."): value for name, value in state.items()
    }
    assert {torchvision_source._current_name(name): value for name, value in old.items()} == state
    block.load_state_dict({name.rsplit(".mlp.")[1]: value for name, value in old.items()})


def test_a_vision_transformer_takes_images_of_one_size():
    section = TorchvisionNetwork(source="torchvision", name="vit_b_16", weights="IMAGENET1K_SWAG_E2E_V1")
    with pytest.raises(ConfigError, match="expected weights for images of 224 pixels, but these need 384"):
        torchvision_source.acquire(section)


def test_every_file_of_torchvision_is_named_after_its_digest():
    presets = [
        preset.value
        for name in torchvision.models.list_models(module=torchvision.models)
        for preset in torchvision.models.get_model_weights(name)
    ]
    assert len(presets) > 100
    assert all(re.search(r"-[0-9a-f]{8,10}\.pth$", preset.url) for preset in presets)


# timm


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet", "test_convnext.r160_in1k"])
def test_timm_gives_its_features_without_a_classifier(tmp_path, photo, name):
    network = untrained(timm.create_model, model_name=name)
    encoder = fetched(tmp_path, TimmNetwork(source="timm", name=name, classifier="imagenet-1k"), network)
    config = timm.data.resolve_model_data_config(network)
    images = assert_sees(encoder, photo, timm.data.create_transform(**config, is_training=False))
    own = encoder.preprocess(photo)[None]
    with torch.inference_mode():
        pooled = network.forward_head(network.forward_features(images), pre_logits=True)
        assert_equal_features(encoder(own), pooled)
        assert_equal_features(encoder.logits(own), network(images))
        headless = timm.create_model(name, num_classes=0).eval()
        headless.load_state_dict(network.state_dict(), strict=False)
        assert_equal_features(encoder(own), headless(images))


@pytest.mark.parametrize("name", ["deit_tiny_distilled_patch16_224", "levit_128s", "dla46_c"])
def test_a_network_of_timm_without_one_linear_classifier_gives_features_only(tmp_path, photo, name):
    network = untrained(timm.create_model, model_name=name)
    encoder = fetched(tmp_path, TimmNetwork(source="timm", name=name), network)
    with torch.inference_mode():
        images = encoder._normalise(encoder.preprocess(photo)[None])
        headless = timm.create_model(name, num_classes=0).eval()
        headless.load_state_dict(network.state_dict(), strict=False)
        assert_equal_features(encoder(encoder.preprocess(photo)[None]), headless(images))
    section = RandomNetwork(source="random", architecture=f"timm/{name}", seed=0, classifier="imagenet-1k")
    with pytest.raises(ConfigError, match=r"^config: models\.m\.classifier: this network has no classifier"):
        building.fetch(section, "m", tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "name",
    [
        "resnet50.a1_in1k",
        "vit_base_patch16_224.augreg_in21k",
        "convnext_tiny.fb_in22k",
        "tf_efficientnet_b0.ns_jft_in1k",
        "vit_base_patch32_clip_384.openai_ft_in12k_in1k",
        "vit_base_patch16_siglip_224.webli",
    ],
)
def test_preprocessing_of_timms_weights_is_that_of_its_transform(photo, name):
    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    with torch.device("meta"):
        _, keys = timm_networks.build(name)
    theirs = timm.data.create_transform(**config, is_training=False)(photo)
    ours = preprocessing.to_tensor(preprocessing.resize_and_crop(photo, keys))
    ours = (ours - torch.tensor(keys.mean)[:, None, None]) / torch.tensor(keys.std)[:, None, None]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        (
            "deepseek_vit_412m.deepseek_v4_1_flash",
            "expected crop mode center or squash, but it needs 'border'",
        ),
        ("vit_base_patch16_sapiens2.fb", "expected square images, but it needs 1024 x 768"),
    ],
)
def test_weights_of_timm_that_see_images_otherwise_are_refused(name, pattern):
    with pytest.raises(ConfigError, match=f"^config: models: {re.escape(name)} of timm: {pattern}"):
        timm_source.acquire(TimmNetwork(source="timm", name=name))


@pytest.mark.parametrize(
    "section",
    [
        TimmNetwork(source="timm", name="vit_base_patch16_clip_224.openai"),
        TimmNetwork(source="timm", name="vit_base_patch16_clip_224.metaclip_400m", path="w.safetensors"),
        RandomNetwork(source="random", architecture="timm/vit_base_patch16_clip_224.openai", seed=0),
    ],
    ids=lambda section: f"{section.source} {getattr(section, 'path', None)}",
)
def test_weights_of_timm_in_a_network_with_another_activation_are_refused_before_they_are_read(
    tmp_path, section
):
    with pytest.raises(ConfigError, match=r"another activation .* use 'vit_base_patch16_clip_quickgelu_224"):
        building.fetch(section, "m", tmp_path / "m")


def test_the_variant_with_the_activation_of_the_weights_is_built_and_every_advice_is_a_name():
    with torch.device("meta"):
        timm_networks.build("vit_base_patch16_clip_quickgelu_224.openai")
    names = timm.list_models("*_clip_*", include_tags=True)
    noted = [name for name in names if timm.get_pretrained_cfg(name).notes and "quickgelu" not in name]
    assert len(noted) > 5
    assert {name.replace("_clip_", "_clip_quickgelu_") for name in noted} <= set(names)


def test_a_classifier_of_another_number_of_classes_is_refused(tmp_path):
    architecture = "timm/vit_tiny_patch16_224.augreg_in21k"
    section = RandomNetwork(source="random", architecture=architecture, seed=0, classifier="imagenet-1k")
    with pytest.raises(ConfigError, match=r"^config: models\.m\.classifier: imagenet-1k has 1000 .* 21843"):
        building.fetch(section, "m", tmp_path / "m")


def test_names_of_older_files_are_brought_up_to_date_by_timm(tmp_path, photo):
    network = untrained(timm.create_model, model_name="deit3_small_patch16_224", num_classes=0)
    state = network.state_dict()
    old = {re.sub(r"ls([12])\.gamma", r"gamma_\1", name): value for name, value in state.items()}
    assert old.keys() != state.keys()
    old |= {"head.weight": torch.zeros(1000, 384), "head.bias": torch.zeros(1000)}
    safetensors.torch.save_file(old, tmp_path / "old.safetensors")
    section = TimmNetwork(
        source="timm", name="deit3_small_patch16_224.fb_in1k", path=str(tmp_path / "old.safetensors")
    )
    building.fetch(section, "m", tmp_path / "m")
    encoder = reading.load(tmp_path / "m")
    images = encoder.preprocess(photo)[None]
    with torch.inference_mode():
        assert_equal_features(encoder(images), network(encoder._normalise(images)))


def test_a_transformer_of_timm_takes_images_of_another_size(tmp_path, photo):
    network = untrained(timm.create_model, model_name="test_vit")
    changes = {"image_size": 96, "interpolation": "bilinear"}
    section = TimmNetwork(source="timm", name="test_vit.r160_in1k", preprocessing=changes)
    encoder = fetched(tmp_path, section, network)
    seen = encoder.card.preprocessing
    assert (seen.image_size, seen.interpolation) == (96, "bilinear")
    assert seen.resize == round(timm_networks.build("test_vit.r160_in1k")[1].resize * 96 / 160)
    smaller = timm.create_model("test_vit", img_size=96, num_classes=0).eval()
    state = {name: value for name, value in network.state_dict().items() if not name.startswith("head.")}
    smaller.load_state_dict(timm.models.vision_transformer.checkpoint_filter_fn(state, smaller))
    images = encoder.preprocess(photo)[None]
    with torch.inference_mode():
        assert_equal_features(encoder(images), smaller(encoder._normalise(images)))


def test_another_normalisation_is_taken_for_a_file_of_ones_own_alone(tmp_path, monkeypatch):
    network = untrained(timm.create_model, model_name="test_resnet")
    changes = {"mean": (0.1, 0.2, 0.3), "resize": 200}
    section = TimmNetwork(source="timm", name="test_resnet.r160_in1k", preprocessing=changes)
    seen = fetched(tmp_path, section, network).card.preprocessing
    assert (seen.mean, seen.resize) == ((0.1, 0.2, 0.3), 200)
    published = Pretrained(tensors=network.state_dict(), origin="there")
    monkeypatch.setattr(timm_source, "acquire", lambda _: published)
    with pytest.raises(ConfigError, match=r"^config: models\.m\.preprocessing\.mean: timm states"):
        building.fetch(section, "m", tmp_path / "m")


# open_clip

SMALL = "ViT-S-32-alt"


@pytest.fixture(scope="module")
def clip():
    return untrained(open_clip.create_model, model_name=SMALL)


def test_open_clip_gives_the_image_embedding_of_the_whole_model_where_it_is_asked_to(tmp_path, photo, clip):
    fetched(tmp_path, OpenClipNetwork(source="open_clip", name=SMALL), clip)
    encoder = reading.load(tmp_path / "own", place="embedding")
    config = open_clip.transform.PreprocessCfg(**clip.visual.preprocess_cfg)
    images = assert_sees(encoder, photo, open_clip.transform.image_transform_v2(config, is_train=False))
    with torch.inference_mode():
        expected = clip.encode_image(images)
        assert_equal_features(encoder(encoder.preprocess(photo)[None]), expected)
    assert encoder.card.feature_size == expected.shape[1]
    assert encoder.card.parameters == sum(p.numel() for p in clip.visual.parameters())


def test_a_training_checkpoint_of_open_clip_is_read_by_its_key_and_prefix(tmp_path, photo, clip):
    state = {f"module.{name}": value for name, value in clip.state_dict().items()}
    torch.save(
        {"epoch": 3, "name": "run", "state_dict": state, "optimizer": {"state": {}}}, tmp_path / "e.pt"
    )
    own = fetched(tmp_path, OpenClipNetwork(source="open_clip", name=SMALL), clip)
    section = CheckpointNetwork(
        source="checkpoint",
        architecture=f"open_clip/{SMALL}",
        path=str(tmp_path / "e.pt"),
        key="state_dict",
        prefix="module.",
        preprocessing=own.card.preprocessing,
    )
    card = building.fetch(section, "m", tmp_path / "m")
    assert card.weights_sha256 == own.card.weights_sha256


def test_every_image_tower_of_open_clip_is_built():
    """On no device, so that neither values nor memory are needed."""
    for name in ("RN50", "ViT-B-32", "coca_ViT-B-32", "ViT-B-16-SigLIP", "convnext_base", "EVA02-B-16"):
        with torch.device("meta"):
            backbone, keys = open_clip_networks.build(name)
            features = backbone.eval()(torch.empty(1, 3, keys.image_size, keys.image_size))
        assert features.shape == (1, backbone.feature_size), name


def test_open_clip_squashes_for_weights_that_were_trained_so(photo):
    preset = open_clip_networks.default_preset("ViT-B-16-SigLIP")
    keys = open_clip_networks.preprocessing_of(open_clip.get_model_config("ViT-B-16-SigLIP"), preset)
    config = open_clip.transform.PreprocessCfg(size=224, **{key: preset[key] for key in ("mean", "std", "interpolation", "resize_mode")})  # fmt: skip
    assert keys.squash
    ours = preprocessing.to_tensor(preprocessing.resize_and_crop(photo, keys))
    ours = (ours - torch.tensor(keys.mean)[:, None, None]) / torch.tensor(keys.std)[:, None, None]
    theirs = open_clip.transform.image_transform_v2(config, is_train=False)(photo)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("key", ["pretrained", "path"])
def test_a_resize_mode_that_pads_is_refused(monkeypatch, key):
    for module in (open_clip_source, open_clip_architecture):
        monkeypatch.setattr(module, "get_pretrained_cfg", lambda *_: {"resize_mode": "longest"})
    section = OpenClipNetwork(source="open_clip", name="ViT-B-32", **{key: "openai"})
    with pytest.raises(ConfigError, match="expected resize mode shortest or squash, but it needs 'longest'"):
        open_clip_source.acquire(section)


@pytest.mark.parametrize(
    ("keys", "pattern"),
    [
        ({"name": "ViT-B-32", "pretrained": "openai"}, "openai was trained with another activation than ViT-B-32; use 'ViT-B-32-quickgelu'"),
        ({"name": "ViT-B-32", "pretrained": "laion2b"}, "has no pretrained tag 'laion2b'; did you mean 'laion2b_"),
        ({"name": "ViT-B-32"}, "ViT-B-32 of open_clip: set `pretrained` or `path`"),
        ({"name": "ViT-B/32", "pretrained": "openai"}, "open_clip has no model 'ViT-B/32'; did you mean 'ViT-B-32'"),
        ({"name": "hf-hub:laion/CLIP", "pretrained": "openai"}, "open_clip has no model 'hf-hub:laion/CLIP'"),
    ],
)  # fmt: skip
def test_what_open_clip_lacks_or_would_show_otherwise_is_refused(keys, pattern):
    with pytest.raises(ConfigError, match=f"^config: models: .*{re.escape(pattern)}"):
        open_clip_source.acquire(OpenClipNetwork(source="open_clip", **keys))


# Names


@pytest.mark.parametrize(
    ("section", "pattern"),
    [
        (TorchvisionNetwork(source="torchvision", name="resnet81"), "'resnet81'; did you mean 'resnet18'?"),
        (TorchvisionNetwork(source="torchvision", name="deeplabv3_resnet50"), "no classification model 'deep"),
        (TorchvisionNetwork(source="torchvision", name="resnet50", weights="IMAGENET1K_V3"), "no weights 'IMAGENET1K_V3'; did you mean 'IMAGENET1K_V"),
        (TimmNetwork(source="timm", name="resnet81"), "timm has no model 'resnet81'; did you mean 'resnet18"),
        (TimmNetwork(source="timm", name="test_vit.laion"), "'test_vit.laion'; did you mean 'test_vit.r160_in1k'?"),
        (RandomNetwork(source="random", architecture="packaged/squeezenet", seed=0), "no package has a model 'squeezenet'; did you mean 'squeezenet1_1'"),
        (RandomNetwork(source="random", architecture="packaged/resnet18", seed=0), "no package has a model 'resnet18'"),
        (RandomNetwork(source="random", architecture="timm/resnet81", seed=0), "timm has no model 'resnet81'"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_refused_with_the_nearest_one(tmp_path, section, pattern):
    with pytest.raises(ConfigError, match=re.escape(pattern)) as caught:
        building.fetch(section, "m", tmp_path / "m")
    assert str(caught.value).startswith("config: models")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "m").exists()


def test_the_examples_of_the_guide_are_valid():
    guide = (Path(__file__).parents[2] / "docs" / "add-a-model.md").read_text(encoding="utf-8")
    examples = [
        yaml.safe_load(block)["models"] for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    ]
    sections = {name: validate(Model, keys) for example in examples for name, keys in example.items()}
    assert {section.source for section in sections.values()} == {
        "torchvision", "timm", "open_clip", "huggingface", "python", "checkpoint", "random"
    }  # fmt: skip
    torchvision_networks.preset_of(sections["resnet50"].name, sections["resnet50"].weights)
    timm_networks.weights_of(sections["vit-augreg"].name)
    timm_networks.weights_of(sections["resnet50-local"].name)
    clip = sections["clip-b32"]
    assert open_clip_source._preset(clip.name, clip.pretrained, open_clip.get_model_config(clip.name))


# Downloads


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    """Server that stands for all others, with a cache that is empty."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(http, "BACKOFF_S", 0.001)
    monkeypatch.setenv("WORDSIGHT_CACHE", str(tmp_path / "cache"))
    with Mirror() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(hub, "hubs", lambda: [f"{running.address}/huggingface.co"])
        monkeypatch.setattr(fetching, "_addresses", lambda urls: [cache.mirrored(url) for url in urls])
        yield running


RESNET18 = TorchvisionNetwork(source="torchvision", name="resnet18")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>Sign in</html>", "HTML page"),
        (b"other", "SHA-256 d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"),
        (None, "404 Not Found"),
    ],
)
def test_a_download_of_torchvision_that_is_another_file_is_refused_and_not_kept(mirror, content, words):
    address = torchvision.models.ResNet18_Weights.DEFAULT.url
    if content:
        mirror.publish(address, content)
    with pytest.raises(DownloadError) as caught:
        torchvision_source.acquire(RESNET18)
    assert str(caught.value).startswith("resnet18-f37072fd.pth: ")
    assert "weights with SHA-256 f37072fd (" in str(caught.value)
    assert words in str(caught.value)
    assert not list(cache.cache().rglob("*.pth"))


def test_a_download_of_torchvision_is_read_once_its_digest_is_right(monkeypatch, tmp_path, mirror):
    torch.save(untrained(torchvision.models.squeezenet1_1).state_dict(), tmp_path / "w.pth")
    sha256, preset = (
        hashing.sha256(tmp_path / "w.pth"),
        torchvision.models.SqueezeNet1_1_Weights.DEFAULT.value,
    )
    monkeypatch.setattr(preset, "url", f"https://example.org/squeezenet1_1-{sha256[:8]}.pth")
    mirror.publish(preset.url, tmp_path / "w.pth")
    section = TorchvisionNetwork(source="torchvision", name="squeezenet1_1")
    for name in "mn":
        card = building.fetch(section, name, tmp_path / name)
        assert (card.origin, card.sha256, card.licence) == (preset.url, sha256, "BSD-3-Clause")
    assert mirror.count(preset.url) == 1
    wrong = section.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(
        DownloadError, match=f"weights with SHA-256 {'0' * 64} .* a file with SHA-256 {sha256}"
    ):
        building.fetch(wrong, "o", tmp_path / "o")


def test_what_timm_and_open_clip_do_not_find_ends_in_one_line(mirror):
    with pytest.raises(
        DownloadError, match=r"^hf://timm/test_resnet\.r160_in1k/model\.safetensors: .*no such repository"
    ):
        timm_source.acquire(TimmNetwork(source="timm", name="test_resnet.r160_in1k"))
    section = OpenClipNetwork(source="open_clip", name="ViT-B-32", pretrained="laion2b_s34b_b79k")
    with pytest.raises(
        DownloadError, match=r"^hf://laion/CLIP-ViT-B-32-laion2B-s34B-b79K/open_clip_model\.safetensors: "
    ):
        open_clip_source.acquire(section)


def test_a_download_from_a_hub_is_verified_when_its_digest_is_configured(mirror, tmp_path, clip):
    small = untrained(timm.create_model, model_name="test_resnet")
    safetensors.torch.save_file(small.state_dict(), tmp_path / "model.safetensors")
    torch.save(clip.state_dict(), tmp_path / "open_clip_pytorch_model.bin")
    for section, repository, file in (
        (
            TimmNetwork(source="timm", name="test_resnet.r160_in1k"),
            "timm/test_resnet.r160_in1k",
            "model.safetensors",
        ),
        (
            OpenClipNetwork(source="open_clip", name="ViT-B-32", pretrained="laion2b_s34b_b79k"),
            "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
            "open_clip_pytorch_model.bin",
        ),
    ):
        mirror.publish_on_hub(repository, {file: (tmp_path / file).read_bytes()})
        sha256 = hashing.sha256(tmp_path / file)
        acquire = (timm_source if section.source == "timm" else open_clip_source).acquire
        assert acquire(section.model_copy(update={"sha256": sha256})).sha256 == sha256
        with pytest.raises(WeightsError, match=f"expected SHA-256 {'0' * 64}, found {sha256}"):
            acquire(section.model_copy(update={"sha256": "0" * 64}))


@pytest.mark.parametrize(
    ("card", "key"),
    [
        ({"num_classes": 21843}, "num_classes"),
        ({"pretrained_cfg": {"mean": [0.1, 0.2, 0.3]}}, "mean"),
        ({"global_pool": "avg"}, "global_pool"),
    ],
)
def test_weights_whose_own_card_states_otherwise_are_refused_before_their_download(mirror, card, key):
    mirror.publish_on_hub("timm/test_vit.r160_in1k", {"config.json": json.dumps(card).encode()})
    with pytest.raises(ConfigError, match=rf"^config: models: test_vit\.r160_in1k of timm: .* {key} "):
        timm_source.acquire(TimmNetwork(source="timm", name="test_vit.r160_in1k"))


def test_the_pooling_of_a_network_that_leaves_it_to_a_module_is_compared_too(mirror):
    for name in ("test_resnet.r160_in1k", "test_convnext.r160_in1k"):
        mirror.publish_on_hub(f"timm/{name}", {"config.json": json.dumps({"global_pool": "max"}).encode()})
        with pytest.raises(ConfigError, match=r"card of the weights states global_pool max, .* timm avg;"):
            timm_source.acquire(TimmNetwork(source="timm", name=name))


@pytest.mark.parametrize(
    ("card", "pattern"),
    [
        ({"model_cfg": {"quick_gelu": True}}, "quick_gelu True, and the installed open_clip False"),
        (
            {"model_cfg": {"vision_cfg": {"pool_type": "avg"}}},
            "pool_type avg, and the installed open_clip tok",
        ),
        ({"preprocess_cfg": {"std": [0.5, 0.5, 0.5]}}, "std "),
    ],
)
def test_weights_of_open_clip_whose_card_states_otherwise_are_refused_before_their_download(
    mirror, card, pattern
):
    repository = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
    mirror.publish_on_hub(repository, {"open_clip_config.json": json.dumps(card).encode()})
    section = OpenClipNetwork(source="open_clip", name="ViT-B-32", pretrained="laion2b_s34b_b79k")
    with pytest.raises(ConfigError, match=rf"^config: models: ViT-B-32 of open_clip: the card .* {pattern}"):
        open_clip_source.acquire(section)


def test_a_card_of_open_clip_that_agrees_is_taken(mirror, tmp_path, clip):
    config = open_clip.get_model_config("ViT-B-32")
    seen = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    card = {"model_cfg": config, "preprocess_cfg": seen}
    torch.save(clip.state_dict(), tmp_path / "open_clip_pytorch_model.bin")
    files = {
        "open_clip_config.json": json.dumps(card).encode(),
        "open_clip_pytorch_model.bin": tmp_path / "open_clip_pytorch_model.bin",
    }
    mirror.publish_on_hub("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", files)
    section = OpenClipNetwork(source="open_clip", name="ViT-B-32", pretrained="laion2b_s34b_b79k")
    assert open_clip_source.acquire(section).tensors


def test_a_card_that_agrees_is_taken(mirror, tmp_path):
    network = untrained(timm.create_model, model_name="test_vit")
    known = timm.get_pretrained_cfg("test_vit.r160_in1k")
    card = {
        "num_classes": known.num_classes,
        "global_pool": network.global_pool,
        "pretrained_cfg": {"mean": list(known.mean), "std": list(known.std)},
    }
    safetensors.torch.save_file(network.state_dict(), tmp_path / "w.safetensors")
    files = {"config.json": json.dumps(card).encode(), "model.safetensors": tmp_path / "w.safetensors"}
    mirror.publish_on_hub("timm/test_vit.r160_in1k", files)
    assert timm_source.acquire(TimmNetwork(source="timm", name="test_vit.r160_in1k")).tensors


def test_weights_that_timm_does_not_publish_are_asked_for():
    with pytest.raises(ConfigError, match="timm has no weights of 'test_resnet_x' on its hub; set `path`"):
        timm_source._download("test_resnet_x", None)
