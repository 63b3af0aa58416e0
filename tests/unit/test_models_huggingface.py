"""Encoders of transformers are its own models, and see what its image processors show them."""

import json
import re

import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

from wordsight.config.models import HuggingfaceNetwork, PreprocessingSection, RandomNetwork
from wordsight.downloads import fetching
from wordsight.downloads import hub as downloads_hub
from wordsight.errors import ConfigError, WeightsError, WordsightError
from wordsight.files.disk import read_json
from wordsight.files.hashing import sha256
from wordsight.files.packages import package_folder
from wordsight.models import architectures, building, preprocessing, reading
from wordsight.models.sources import huggingface

PHOTO = package_folder("foolbox") / "data" / "imagenet_00_243.jpg"
TRANSFORMER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
VIT = {**TRANSFORMER, "image_size": 32, "patch_size": 8}
WINDOWS = {
    "image_size": 32,
    "patch_size": 2,
    "embed_dim": 16,
    "depths": [1, 1],
    "num_heads": [2, 2],
    "window_size": 4,
}
STAGES = {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 24, 32]}
TOWERS = {"vision_config": VIT, "text_config": {**TRANSFORMER, "vocab_size": 99}}


def first_token(output):
    return output.last_hidden_state[:, 0]


def pooled(output):
    return output.pooler_output.flatten(1)


# Of each family: the model as it is published, what its settings are, and what of AutoModel is the feature.
FAMILIES = {
    "beit": ("BeitForImageClassification", {**VIT, "use_mean_pooling": True}, pooled),
    "convnext": ("ConvNextForImageClassification", STAGES, pooled),
    "convnextv2": ("ConvNextV2ForImageClassification", STAGES, pooled),
    "deit": ("DeiTForImageClassificationWithTeacher", VIT, first_token),
    "dinov2": ("Dinov2Model", VIT, first_token),
    "dinov2_with_registers": ("Dinov2WithRegistersForImageClassification", VIT, first_token),
    "dinov3_convnext": ("DINOv3ConvNextModel", STAGES, pooled),
    "dinov3_vit": ("DINOv3ViTModel", {**VIT, "num_register_tokens": 2}, first_token),
    "resnet": ("ResNetForImageClassification", {**STAGES, "embedding_size": 8, "layer_type": "basic"}, pooled),
    "siglip_vision_model": ("SiglipVisionModel", VIT, pooled),
    "swin": ("SwinForImageClassification", WINDOWS, pooled),
    "swinv2": ("Swinv2ForImageClassification", WINDOWS, pooled),
    "vit": ("ViTForImageClassification", VIT, first_token),
}  # fmt: skip


@pytest.fixture(scope="module")
def photo():
    """A photograph that is not square, for the crop to matter."""
    with Image.open(PHOTO) as image:
        return image.convert("RGB").resize((84, 60))


def settings(kind, values):
    return transformers.CONFIG_MAPPING[kind](**values)


def saved(folder, network, **processor):
    """Folder in the layout of the hub, of a network whose values are all drawn anew."""
    generator = torch.Generator().manual_seed(5)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            noise = torch.randn(value.shape, generator=generator)
            value.copy_(1 + 0.1 * noise if name.endswith("running_var") else 0.2 * noise)
    network.save_pretrained(folder)
    keys = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 32, "width": 32},
        "resample": 2,
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.3, 0.2, 0.1],
        **processor,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(keys))
    return folder


def fetched(folder, tmp_path, name="owner/model"):
    section = HuggingfaceNetwork(source="huggingface", name=name, path=str(folder))
    building.fetch(section, "m", tmp_path / "out")
    return reading.load(tmp_path / "out")


def images(count=3, size=32):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def assert_features(encoder, expected):
    with torch.inference_mode():
        found = encoder(images())
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    assert expected.std(dim=0).max() > 1e-4


def normalised(encoder):
    return encoder._normalise(images())


# Networks


@pytest.mark.parametrize("kind", FAMILIES)
def test_features_are_those_of_the_auto_model(tmp_path, kind):
    published, values, feature = FAMILIES[kind]
    saved(tmp_path / "in", getattr(transformers, published)(settings(kind, values)).eval())
    encoder = fetched(tmp_path / "in", tmp_path)
    theirs = transformers.AutoModel.from_pretrained(tmp_path / "in").eval()
    with torch.inference_mode():
        expected = feature(theirs(normalised(encoder)))
    assert_features(encoder, expected)
    assert encoder.card.feature_size == expected.shape[1]


@pytest.mark.parametrize(("kind", "model"), [("clip", "CLIPModel"), ("siglip", "SiglipModel")])
def test_features_beside_a_text_tower_are_compared_with_texts_where_they_are_asked_to(tmp_path, kind, model):
    values = {**TOWERS, "projection_dim": 24} if kind == "clip" else TOWERS
    network = saved(tmp_path / "in", getattr(transformers, model)(settings(kind, values)).eval())
    pooled = fetched(network, tmp_path)
    # SigLIP compares what it has pooled; CLIP projects it first.
    encoder = reading.load(tmp_path / "out", place="embedding" if kind == "clip" else "pooled")
    theirs = transformers.AutoModel.from_pretrained(tmp_path / "in").eval()
    with torch.inference_mode():
        output = theirs.get_image_features(normalised(encoder))
        before = theirs.vision_model(normalised(encoder)).pooler_output
    assert_features(pooled, before)
    assert_features(encoder, output if isinstance(output, torch.Tensor) else output.pooler_output)
    assert encoder.card.feature_size == (24 if kind == "clip" else 32)


def test_a_masked_autoencoder_masks_nothing(tmp_path):
    network = transformers.ViTMAEForPreTraining(settings("vit_mae", {**VIT, "decoder_hidden_size": 16, "decoder_num_attention_heads": 2}))  # fmt: skip
    encoder = fetched(saved(tmp_path / "in", network), tmp_path)
    theirs = transformers.AutoModel.from_pretrained(tmp_path / "in", mask_ratio=0.0).eval()
    with torch.inference_mode():
        expected = first_token(theirs(normalised(encoder)))
    assert_features(encoder, expected)
    with torch.inference_mode():
        assert torch.equal(encoder(images()), encoder(images()))


def test_weights_of_half_precision_become_single(tmp_path):
    network = transformers.ViTModel(settings("vit", VIT)).half()
    encoder = fetched(saved(tmp_path / "in", network), tmp_path)
    assert {value.dtype for value in encoder.backbone.tensors().values()} == {torch.float32}
    with torch.inference_mode():
        expected = first_token(network.float().eval()(normalised(encoder)))
    assert_features(encoder, expected)


def test_a_model_is_built_again_without_its_folder_and_with_equal_bytes(tmp_path, monkeypatch):
    folder = saved(tmp_path / "in", transformers.Dinov2Model(settings("dinov2", VIT)))
    section = HuggingfaceNetwork(source="huggingface", name="owner/model", path=str(folder))
    cards = [building.fetch(section, "m", tmp_path / name) for name in ("a", "b")]
    assert cards[0] == cards[1]
    assert cards[0].sha256 == sha256(folder / "model.safetensors")
    assert cards[0].architecture == "huggingface/owner/model"
    folder.rename(tmp_path / "gone")
    monkeypatch.setattr(downloads_hub, "from_hub", None)
    assert reading.load(tmp_path / "a").card == cards[0]
    assert "id2label" not in json.dumps(read_json(tmp_path / "a" / "network.json"))


# The hub


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub of one model, which remembers what was asked of it."""
    folder = saved(tmp_path / "hub", transformers.ViTModel(settings("vit", VIT)))
    (folder / "README.md").write_text("---\nlicense: apache-2.0\ntags: [vision]\n---\n# A model\n")
    asked = []

    def from_hub(repository, file, *, revision=None, kind="model"):
        asked.append((repository, file, revision))
        if not (folder / file).exists():
            raise fetching.DownloadError(f"{repository}/{file}: expected weights, but there are none")
        return folder / file

    monkeypatch.setattr(downloads_hub, "from_hub", from_hub)
    return folder, asked


def test_files_come_from_the_hub_at_the_revision(tmp_path, hub):
    _, asked = hub
    section = HuggingfaceNetwork(source="huggingface", name="owner/model", revision="abc")
    card = building.fetch(section, "m", tmp_path / "m")
    assert {repository for repository, _, _ in asked} == {"owner/model"}
    assert {revision for _, _, revision in asked} == {"abc"}
    files = {file for _, file, _ in asked}
    assert files == {"config.json", "preprocessor_config.json", "model.safetensors", "README.md"}
    assert (card.origin, card.licence) == ("https://huggingface.co/owner/model/tree/abc", "apache-2.0")


def test_a_model_without_a_page_has_an_unknown_licence(tmp_path, hub):
    (hub[0] / "README.md").unlink()
    card = building.fetch(HuggingfaceNetwork(source="huggingface", name="owner/model"), "m", tmp_path / "m")
    assert (card.origin, card.licence) == ("https://huggingface.co/owner/model", "unknown")


def test_a_model_without_safetensors_ends_in_one_line(tmp_path, hub):
    (hub[0] / "model.safetensors").unlink()
    with pytest.raises(fetching.DownloadError, match=r"^owner/model/model\.safetensors: expected weights"):
        building.fetch(HuggingfaceNetwork(source="huggingface", name="owner/model"), "m", tmp_path / "m")


def test_an_untrained_network_has_the_architecture_of_the_model(tmp_path, hub, monkeypatch):
    section = RandomNetwork(source="random", architecture="huggingface/owner/model", seed=3)
    card = building.fetch(section, "m", tmp_path / "m")
    assert {file for _, file, _ in hub[1]} == {"config.json", "preprocessor_config.json"}
    monkeypatch.setattr(downloads_hub, "from_hub", None)
    encoder = reading.load(tmp_path / "m")
    fresh, _ = architectures.build(card.architecture, 3, card.configuration)
    assert all(
        torch.equal(encoder.backbone.tensors()[name], value) for name, value in fresh.tensors().items()
    )


# Preprocessing

BIT = {"image_processor_type": "BitImageProcessor", "resample": 3}
CONVNEXT = {"image_processor_type": "ConvNextImageProcessor", "resample": 3, "crop_pct": 0.875}


def older(name):
    """How files name the processor that were written before it was called one."""
    return {"image_processor_type": None, "feature_extractor_type": f"{name}FeatureExtractor"}


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ({}, (32, 32, "bilinear", True)),
        ({"size": 48}, (48, 48, "bilinear", True)),
        ({**older("ViT"), "size": 48}, (48, 48, "bilinear", True)),
        ({**older("DeiT"), "size": 40, "do_center_crop": True, "crop_size": 32}, (40, 32, "bilinear", True)),
        ({**older("ConvNext"), "size": 28, "crop_pct": 0.875}, (32, 28, "bilinear", False)),
        ({**older("CLIP"), "size": 40, "crop_size": 32, "resample": 3}, (40, 32, "bicubic", False)),
        ({"image_processor_type": None, "size": 48}, (48, 48, "bilinear", True)),
        ({**BIT, "size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}}, (40, 32, "bicubic", False)),
        ({**BIT, "size": 40, "crop_size": 32}, (40, 32, "bicubic", False)),
        ({"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 32}, "crop_size": 32}, (32, 32, "bilinear", False)),
        ({"image_processor_type": "BeitImageProcessor", "size": 40, "do_center_crop": True, "crop_size": 32, "resample": 3}, (40, 32, "bicubic", True)),
        ({"image_processor_type": "SiglipImageProcessor", "resample": 3}, (32, 32, "bicubic", True)),
        ({"image_processor_type": "DINOv3ViTImageProcessorFast"}, (32, 32, "bilinear", True)),
        ({**CONVNEXT, "size": {"shortest_edge": 28}}, (32, 28, "bicubic", False)),
        ({**CONVNEXT, "size": {"shortest_edge": 384}}, (384, 384, "bicubic", True)),
    ],
)  # fmt: skip
def test_preprocessing_is_that_of_the_image_processor(tmp_path, photo, processor, expected):
    folder = saved(tmp_path / "in", transformers.ViTModel(settings("vit", VIT)), **processor)
    files = {file: folder / file for file in (huggingface.NETWORK, huggingface.IMAGES)}
    keys = huggingface.describe(files, "owner/model")["preprocessing"]
    assert (keys["resize"], keys["image_size"], keys["interpolation"], keys["squash"]) == expected
    assert (keys["mean"], keys["std"]) == ([0.5, 0.4, 0.3], [0.3, 0.2, 0.1])
    section = PreprocessingSection.model_validate(keys)
    pixels = preprocessing.to_tensor(preprocessing.resize_and_crop(photo, section))
    ours = (pixels - torch.tensor(section.mean)[:, None, None]) / torch.tensor(section.std)[:, None, None]
    theirs = transformers.AutoImageProcessor.from_pretrained(folder)(photo, return_tensors="pt").pixel_values[
        0
    ]
    # Theirs resizes tensors, ours pictures: they round differently, by one level of 255.
    levels = (ours - theirs).abs() * torch.tensor([0.3, 0.2, 0.1])[:, None, None] * 255
    assert levels.max() <= 1.001
    assert levels.mean() < 0.3


@pytest.mark.parametrize(
    ("processor", "pattern"),
    [
        ({"do_resize": False}, "expected do_resize to be true in preprocessor_config.json"),
        ({"do_normalize": False}, "expected do_normalize to be true"),
        ({"do_pad": True}, "expected do_pad to be false"),
        ({"rescale_factor": 0.5}, "expected rescale_factor 1/255, but it is 0.5"),
        ({"resample": 1}, "expected resample 0, 2 or 3, but it is 1"),
        ({"size": {"height": 32, "width": 48}}, "expected size with shortest_edge or a square"),
        ({"size": {"longest_edge": 48}}, "expected size with shortest_edge or a square"),
        ({"size": {"shortest_edge": 48}}, "expected a square crop_size of at most 48 pixels, found none"),
        ({**BIT, "size": 32, "crop_size": {"height": 32, "width": 16}}, "expected a square crop_size of at most 32 pixels"),
        ({**BIT, "size": 32, "crop_size": 48}, "expected a square crop_size of at most 32 pixels"),
        ({"image_processor_type": "NoSuchProcessor"}, ".*image processor "),
    ],
)  # fmt: skip
def test_preprocessing_that_is_no_resize_and_crop_is_refused(tmp_path, processor, pattern):
    folder = saved(tmp_path / "in", transformers.ViTModel(settings("vit", VIT)), **processor)
    with pytest.raises(
        ConfigError, match=f"^config: models: owner/model of Hugging Face: {pattern}"
    ) as caught:
        fetched(folder, tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


# Refusals


def rewrite(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "pattern"),
    [
        ({"model_type": "bert"}, "model type 'bert' .* valid: beit, clip, "),
        ({"model_type": None}, "model type None "),
        ({"model_type": "theirs", "auto_map": {"AutoModel": "code.Model"}}, "model type 'theirs' "),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"hidden_size": "wide"}, r"config\.json .* vit \("),
    ],
)  # fmt: skip
def test_a_model_that_is_no_image_encoder_is_refused(tmp_path, changes, pattern):
    folder = saved(tmp_path / "in", transformers.ViTModel(settings("vit", VIT)))
    rewrite(folder, **changes)
    with pytest.raises(
        ConfigError, match=f"^config: models: owner/model of Hugging Face: .*{pattern}"
    ) as caught:
        fetched(folder, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda tensors: tensors.pop("encoder.layer.1.output.dense.weight"), "1 tensor is missing: layers.1."),
        (lambda tensors: tensors.update({"encoder.layer.7.output.dense.weight": torch.ones(2)}), "1 tensor is unexpected: .*7"),
        (lambda tensors: tensors.update({"layernorm.weight": torch.ones(2)}), "layernorm.weight is 2 instead of 32"),
        (lambda tensors: tensors.update({"layernorm.weight": torch.full((32,), torch.nan)}), "not finite: layernorm.weight"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_refused(tmp_path, change, pattern):
    folder = saved(tmp_path / "in", transformers.ViTModel(settings("vit", VIT)))
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=pattern):
        fetched(folder, tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_folder_without_one_of_the_files_is_refused(tmp_path, file):
    folder = saved(tmp_path / "in", transformers.ViTModel(settings("vit", VIT)))
    (folder / file).unlink()
    with pytest.raises(WordsightError, match=re.escape(f"{folder}/{file}: ")):
        fetched(folder, tmp_path)


def test_settings_that_are_no_object_are_refused(tmp_path):
    folder = saved(tmp_path / "in", transformers.ViTModel(settings("vit", VIT)))
    (folder / "config.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"config\.json: .*JSON object.* list"):
        fetched(folder, tmp_path)


def test_a_siglip_that_does_not_pool_is_refused(tmp_path):
    network = transformers.SiglipVisionModel(
        settings("siglip_vision_model", {**VIT, "vision_use_head": False})
    )
    with pytest.raises(ConfigError, match="vision_use_head"):
        fetched(saved(tmp_path / "in", network), tmp_path)
