"""Published checkpoints, as their publishers write them, give what their own libraries make of them.

The entries of ``config/paper.yaml`` say how they are read, so that each of its encoders is shown to be read right.
"""

import shutil
import warnings
from functools import cache
from pathlib import Path

import dill
import numpy as np
import open_clip
import pytest
import safetensors.torch
import timm
import torch
import torchvision
import yaml
from open_clip.openai import load_openai_model

from fixtures import weights as published
from wordsight.config.load import load
from wordsight.config.models import CheckpointNetwork, OpenClipNetwork, PreprocessingSection, TimmNetwork
from wordsight.downloads import fetching
from wordsight.errors import ConfigError, WeightsError, WordsightError
from wordsight.files import hashing
from wordsight.models import architectures, building, reading
from wordsight.models.architectures import tsm
from wordsight.models.foreign import layouts
from wordsight.models.undrawn import Undrawn

pytestmark = pytest.mark.slow

IMAGENET = PreprocessingSection(
    image_size=224, resize=256, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)
HALF = PreprocessingSection(image_size=224, resize=256, mean=(0.5,) * 3, std=(0.5,) * 3)
ENTRIES = load(
    yaml.safe_load((Path(__file__).resolve().parents[2] / "config/paper.yaml").read_text(encoding="utf-8"))
).models


def address(part):
    """The one published address that contains it."""
    (found,) = [url for url in published.PUBLISHED if part in url]
    return found


def checkpoint(part, **keys):
    keys = {"architecture": "torchvision/resnet50", "preprocessing": IMAGENET, **keys}
    return CheckpointNetwork(source="checkpoint", url=address(part), **keys)


def local(path, **keys):
    keys = {"architecture": "torchvision/resnet50", "preprocessing": IMAGENET, **keys}
    return CheckpointNetwork(source="checkpoint", path=str(path), **keys)


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A web that holds what is published; the files lie here."""

    def fetch(urls, *, sha256=None, expected="a file", **_):
        name = urls[0].rsplit("/", maxsplit=1)[-1].split("?")[0]
        return published.write(urls[0], tmp_path / name)

    monkeypatch.setattr(fetching, "fetch", fetch)
    yield tmp_path
    shutil.rmtree(tmp_path)  # pytest would keep a hundred megabytes of each test


@pytest.fixture(scope="module")
def images():
    """Two different pictures with pixels in [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 7, 7, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=224, mode="bicubic").clamp(0, 1)


def normalised(images, preprocessing=IMAGENET):
    mean, std = (torch.tensor(values)[:, None, None] for values in (preprocessing.mean, preprocessing.std))
    return (images - mean) / std


def fetched(section, directory):
    card = building.fetch(section, "m", directory)
    return card, reading.load(directory)


def assert_equal(found, expected):
    """Features that agree to 1e-4 of the largest, are finite, and differ between images."""
    assert torch.isfinite(expected).all()
    assert (expected[0] - expected[1]).abs().max() > 0.01 * expected.abs().max()
    difference = ((found - expected).abs().max() / expected.abs().max()).item()
    assert difference <= 1e-4


# What the entries of the configuration say

# Encoders that are read in the same way as another: only their file and their training differ.
ALIKE = {
    "sin-in": "sin",
    "sin-in-ft": "sin",
    "robust-l2-3": "robust-linf-4",
    "robust-linf-8": "robust-linf-4",
    "swsl": "ssl",
    "gpv": "gpv-sce",
}
OF_A_FILE = {"url", "sha256", "pretraining_data", "pretraining_images", "family", "top1"}
RESNETS = ("resnet50", "sin", "robust-linf-4", "ssl", "virtex", "icmlm", "gpv-sce")
CLIP = {"clip-rn50": ("/RN50.pt", "archive"), "clip-b32": ("timm/vit_base_patch32_clip_224.openai", "hub")}
TSM = ("tsm", "tsm-va", "tsm-vat")
UNTRAINED = ("untrained",)


def entry(name, **changes):
    """Entry of an encoder, whose file here has another digest than the published one."""
    return ENTRIES[name].model_copy(update={"sha256": None, "classifier": None, **changes})


def test_every_encoder_of_the_paper_is_among_those_that_are_read_here():
    assert {*RESNETS, *CLIP, *TSM, *UNTRAINED, "bit-m", *ALIKE} == set(ENTRIES)
    for name, other in ALIKE.items():
        assert ENTRIES[name].addresses[0] in published.PUBLISHED
        section, kept = (dict(ENTRIES[model]) for model in (name, other))
        assert {key for key in section if section[key] != kept[key]} <= OF_A_FILE, name


def test_the_entries_of_tsm_have_the_networks_that_its_own_tests_compare():
    for name in TSM:
        section = ENTRIES[name]
        assert (section.layout, section.key, section.prefix) == ("mmv", None, "")
        assert section.architecture == f"tsm/resnet50{name.removeprefix('tsm')}-f1"
        assert section.preprocessing == tsm.PREPROCESSING


# ResNet-50 under torchvision's names


def loaded(file):
    """What torch and dill make of a file, with all the objects in it."""
    with published.robustness():
        return torch.load(file, map_location="cpu", weights_only=False, pickle_module=dill)


# A file of VirTex that config/matched.yaml alone has.
CAPTIONING = {"key": "model", "prefix": "visual.cnn."}


@pytest.mark.parametrize("name", [*RESNETS, "captioning"])
def test_a_resnet_is_torchvisions_with_the_weights_of_the_file(web, images, name):
    section = entry(name) if name in ENTRIES else checkpoint("/captioning", **CAPTIONING)
    card, encoder = fetched(section, web / "m")
    (file,) = (path for path in web.iterdir() if path.is_file())
    key, prefix = getattr(section, "key", None), getattr(section, "prefix", "")
    assert (card.sha256, card.feature_size) == (hashing.sha256(file), 2048)
    if name != "resnet50":
        assert (card.origin, card.licence) == (section.addresses[0], "unknown")
    contents = loaded(file)[key] if key else loaded(file)
    state = {name[len(prefix) :]: value for name, value in contents.items() if name.startswith(prefix)}
    peer = resnet50()
    missing, unexpected = peer.load_state_dict(state, strict=False)
    assert set(unexpected) <= {"fc.weight", "fc.bias"}
    assert all("num_batches_tracked" in name for name in missing)
    with torch.inference_mode():
        assert_equal(encoder(images), peer(normalised(images)))


@cache
def resnet50():
    peer = torchvision.models.resnet50(weights=None).eval()
    peer.fc = torch.nn.Identity()
    return peer


def test_a_classifier_is_kept_where_it_is_asked_for(web, images):
    assert ENTRIES["robust-linf-4"].classifier == "imagenet-1k"
    _, encoder = fetched(ENTRIES["robust-linf-4"], web / "m")
    state = loaded(web / "imagenet_linf_4.pt")["model"]
    with torch.inference_mode():
        expected = encoder(images) @ state["module.model.fc.weight"].T + state["module.model.fc.bias"]
        torch.testing.assert_close(encoder.logits(images), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(WeightsError, match=r"2 tensors are missing: fc\.weight, fc\.bias"):
        building.fetch(checkpoint("ICMLM", classifier="imagenet-1k", key="cnn"), "m", web / "n")


def test_tensors_of_other_parts_are_named_when_the_prefix_lets_them_in(web):
    with pytest.raises(WeightsError, match=r"tensors are missing: conv1\.weight"):
        building.fetch(checkpoint("linf_4", key="model", prefix="module."), "m", web / "m")
    with pytest.raises(WeightsError, match=r"expected names that start with 'backbone', found module\."):
        building.fetch(checkpoint("gpv_all_gpv", key="model", prefix="backbone"), "m", web / "m")
    with pytest.raises(
        WeightsError, match="expected the key 'state_dict', found model, optimizer, schedule and"
    ):
        building.fetch(checkpoint("linf_4", key="state_dict"), "m", web / "m")
    with pytest.raises(WeightsError, match=r"model, optimizer, .*set `key: model`$"):
        building.fetch(checkpoint("linf_4"), "m", web / "m")


# BiT


BIT = {"architecture": "timm/resnetv2_50x1_bit.goog_in21k", "layout": "bit", "preprocessing": HALF}


def test_bit_is_what_timm_makes_of_its_file(web, images):
    published.bit(web / "w.npz", "seed", classes=10)
    _, encoder = fetched(entry("bit-m", path=str(web / "w.npz")), web / "m")
    with Undrawn():
        peer = timm.create_model("resnetv2_50x1_bit.goog_in21k", pretrained=False, num_classes=0).eval()
    peer.load_pretrained(str(web / "w.npz"))
    with torch.inference_mode():
        assert_equal(encoder(images), peer(normalised(images, HALF)))


def test_bit_gives_every_tensor_that_timm_has(web):
    published.write(address("BiT"), web / "w.npz")
    found = layouts.bit(web / "w.npz")
    with torch.device("meta"):
        expected = timm.create_model("resnetv2_50x1_bit.goog_in21k", pretrained=False).state_dict()
    assert {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in expected.items()
    }


@pytest.mark.parametrize(
    ("arrays", "pattern"),
    [
        (b"PK", r"NumPy file, \.npz"),
        (
            {"resnet/w": np.array([{"a": 1}], dtype=object)},
            "NumPy file.*allow_pickle",
        ),
        (
            {"resnet/block1/unit01/d/group_norm/gamma": np.ones(1)},
            "BiT.* found 'resnet/block1",
        ),
        (
            {"resnet/block1/unit01/a/batch_norm/gamma": np.ones(1)},
            "BiT.* found 'resnet/block1",
        ),
        ({"conv1.weight": np.ones(1)}, "BiT.* found 'conv1"),
    ],
)
def test_what_is_not_in_bits_layout_is_refused(tmp_path, arrays, pattern):
    path = tmp_path / "w.npz"
    path.write_bytes(arrays) if isinstance(arrays, bytes) else np.savez(path, **arrays)
    with pytest.raises(WeightsError, match=pattern) as caught:
        building.fetch(local(path, **BIT), "m", tmp_path / "m")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


# SLIP


@pytest.mark.parametrize("part", ["/clip_small_25ep", "/slip_small_25ep"])
def test_slip_is_timms_vision_transformer_with_the_heads_of_moco(web, images, part):
    keys = {"key": "state_dict", "prefix": "module.visual.", "architecture": "slip/vit_small_patch16_224"}
    card, encoder = fetched(checkpoint(part, **keys), web / "m")
    options = {"img_size": 224, "patch_size": 16, "num_heads": 12, "num_classes": 0, "depth": 12}
    with Undrawn():
        peer = timm.models.VisionTransformer(embed_dim=card.feature_size, **options).eval()
    state = torch.load(web / f"{part[1:]}.pt", map_location="cpu", weights_only=False)["state_dict"]
    prefix = "module.visual."
    peer.load_state_dict(
        {n.removeprefix(prefix): value for n, value in state.items() if n.startswith(prefix)}
    )
    with torch.inference_mode():
        assert_equal(encoder(images), peer(normalised(images)))


def test_the_number_of_heads_is_that_of_the_paper():
    for size, heads, timms in (("small", 12, 6), ("base", 12, 12), ("large", 16, 16)):
        with torch.device("meta"):
            network = timm.create_model(f"vit_{size}_patch16_224", pretrained=False)
        assert network.blocks[0].attn.num_heads == timms
        with torch.device("meta"):
            backbone, _ = architectures.build(f"slip/vit_{size}_patch16_224")
        assert backbone.trunk.blocks[0].attn.num_heads == heads
    with pytest.raises(
        ConfigError, match="slip has no network 'vit_smal'; did you mean 'vit_small_patch16_224'"
    ):
        architectures.build("slip/vit_smal")


def test_the_large_files_of_slip_have_the_tensors_of_its_large_network():
    shapes = published._shapes("timm", "vit_large_patch16_224", num_classes=0)
    with torch.device("meta"):
        backbone, _ = architectures.build("slip/vit_large_patch16_224")
    assert {name: tuple(value.shape) for name, value in backbone.tensors().items()} == shapes


# LaCLIP


def layer_norm(x, state, name):
    mean, variance = x.mean(dim=-1, keepdim=True), x.var(dim=-1, keepdim=True, correction=0)
    return (x - mean) / (variance + 1e-6).sqrt() * state[f"{name}.weight"] + state[f"{name}.bias"]


def linear(x, state, name):
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def transformer_with_normalised_queries(images, state, heads, depth):
    """LaCLIP's definition written out: queries and keys are normalised over each head, with the same epsilon."""
    patches = images.unfold(2, 16, 16).unfold(3, 16, 16).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
    kernel = state["patch_embed.proj.weight"].flatten(1)
    x = patches @ kernel.T + state["patch_embed.proj.bias"]
    x = torch.cat([state["cls_token"].expand(len(x), -1, -1), x], dim=1) + state["pos_embed"]
    for block in (f"blocks.{place}" for place in range(depth)):
        qkv = linear(layer_norm(x, state, f"{block}.norm1"), state, f"{block}.attn.qkv")
        q, k, v = qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = layer_norm(q, state, f"{block}.attn.q_norm"), layer_norm(k, state, f"{block}.attn.k_norm")
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1)
        x = x + linear((weights @ v).transpose(1, 2).flatten(2), state, f"{block}.attn.proj")
        hidden = linear(layer_norm(x, state, f"{block}.norm2"), state, f"{block}.mlp.fc1")
        x = x + linear(hidden * (1 + torch.erf(hidden / 2**0.5)) / 2, state, f"{block}.mlp.fc2")
    return layer_norm(x[:, 0], state, "norm")


def test_laclip_is_a_transformer_that_normalises_queries_and_keys(web, images):
    keys = {"key": "state_dict", "prefix": "module.visual.", "architecture": "laclip/vit_base_patch16_224"}
    card, encoder = fetched(checkpoint("/cc3m_laclip", **keys), web / "m")
    assert card.feature_size == 768
    state = torch.load(web / "cc3m_laclip.pt", map_location="cpu", weights_only=False)["state_dict"]
    prefix = "module.visual."
    state = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    with torch.inference_mode():
        expected = transformer_with_normalised_queries(normalised(images), state, heads=12, depth=12)
        assert_equal(encoder(images), expected)
    other = local(web / "cc3m_laclip.pt", **{**keys, "architecture": "slip/vit_base_patch16_224"})
    with pytest.raises(WeightsError, match=r"48 tensors are unexpected: blocks\.0\.attn\.q_norm\.weight"):
        building.fetch(other, "m", web / "n")


def test_laclip_has_networks_of_three_sizes():
    with pytest.raises(ConfigError, match="laclip has no network 'vit_tiny_patch16_224'; did you mean"):
        architectures.build("laclip/vit_tiny_patch16_224")


def test_laclip_on_laion_is_open_clips(web, images):
    keys = {"key": "state_dict", "architecture": "open_clip/ViT-B-32"}
    fetched(checkpoint("/laion400m_laclip.pt", **keys), web / "m")
    encoder = reading.load(web / "m", place="embedding")
    state = torch.load(web / "laion400m_laclip.pt", map_location="cpu", weights_only=False)["state_dict"]
    with Undrawn():
        peer = open_clip.CLIP(**published.clip_config("ViT-B-32")).eval()
    peer.load_state_dict(state)
    with torch.inference_mode():
        assert_equal(encoder(images), peer.encode_image(normalised(images)))


# OpenAI's CLIP


@pytest.mark.parametrize("name", CLIP)
def test_openais_clip_is_open_clips(web, images, name):
    part, kind = CLIP[name]
    file = published.write(address(part), web / f"w.{'pt' if kind == 'archive' else 'safetensors'}")
    section = entry(name, path=str(file))
    card, _ = fetched(section, web / "m")
    encoder = reading.load(web / "m", place=section.features)
    if kind == "archive":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            peer = load_openai_model(str(file), precision="fp32", device="cpu").eval()
    else:
        with Undrawn():
            peer = open_clip.CLIP(**published.clip_config(section.name)).eval()
        peer.load_state_dict(safetensors.torch.load_file(file))
    with torch.inference_mode():
        assert_equal(encoder(images), peer.encode_image(normalised(images, card.preprocessing)))


# Where the file comes from


def small(path, seed=0):
    """Checkpoint of a network that takes no time, and its section without an origin."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.save(timm.create_model("test_resnet").state_dict(), path)
    return {
        "source": "checkpoint",
        "architecture": "timm/test_resnet",
        "preprocessing": IMAGENET.model_copy(update={"image_size": 32, "resize": 32}),
    }


def refused(section, directory):
    with pytest.raises(WordsightError) as caught:
        building.fetch(section, "m", directory)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("digits", [8, 63, 64])
def test_the_first_digits_of_a_digest_are_enough(tmp_path, digits):
    keys, path = small(tmp_path / "w.pt"), tmp_path / "w.pt"
    digest = hashing.sha256(path)
    card = building.fetch(
        CheckpointNetwork(path=str(path), sha256=digest[:digits], **keys), "m", tmp_path / "m"
    )
    assert (card.sha256, card.origin, card.licence) == (digest, str(path), "unknown")
    wrong = ("0" if digest[0] != "0" else "1") + digest[1:digits]
    line = refused(CheckpointNetwork(path=str(path), sha256=wrong, **keys), tmp_path / "n")
    assert line == (
        f"{path}: expected SHA-256 {wrong}, found {digest}; get the file again, or correct `sha256`"
    )


@pytest.mark.parametrize("present", [True, False])
def test_an_address_is_asked_only_where_there_is_no_local_file(tmp_path, monkeypatch, present):
    path, url = tmp_path / "local.pt", "https://example.org/w.pt"
    keys = small(path)
    small(tmp_path / "remote.pt", seed=1)
    if not present:
        path.unlink()
    asked = []

    def fetch(urls, **keys):
        asked.append((urls, keys))
        return tmp_path / "remote.pt"

    monkeypatch.setattr(fetching, "fetch", fetch)
    section = CheckpointNetwork(path=str(path), url=url, **keys)
    card = building.fetch(section, "m", tmp_path / "m")
    used = path if present else tmp_path / "remote.pt"
    assert (card.origin, card.sha256) == (str(path) if present else url, hashing.sha256(used))
    assert asked == ([] if present else [([url], {"sha256": None, "expected": "weights"})])


@pytest.mark.parametrize("source", ["open_clip", "checkpoint"])
def test_an_archive_of_openai_is_refused_in_a_network_with_another_activation(tmp_path, source):
    path = str(published.write(address("40d365715913"), tmp_path / "ViT-B-32.pt"))
    if source == "open_clip":
        section = OpenClipNetwork(source=source, name="ViT-B-32", path=path)
    else:
        section = local(path, architecture="open_clip/ViT-B-32")
    line = refused(section, tmp_path / "m")
    assert line.startswith(f"{path}: ")
    assert "'ViT-B-32-quickgelu'" in line


def test_all_addresses_are_asked_and_the_first_names_the_file(tmp_path, monkeypatch):
    keys, asked = small(tmp_path / "w.pt"), []

    def fetch(urls, **_):
        asked.extend(urls)
        return tmp_path / "w.pt"

    monkeypatch.setattr(fetching, "fetch", fetch)
    urls = ["https://example.org/w.pt", "https://mirror.example.org/w.pt"]
    card = building.fetch(CheckpointNetwork(url=urls, **keys), "m", tmp_path / "m")
    assert asked == urls
    assert card.origin == urls[0]


BY_HAND = "download gpv.pth from https://drive.google.com/x and put it there"


def test_what_is_to_be_had_by_hand_alone_is_said_with_the_steps(tmp_path, monkeypatch):
    keys, path = small(tmp_path / "w.pt"), tmp_path / "weights/gpv.pth"
    line = refused(CheckpointNetwork(path=str(path), by_hand=BY_HAND, **keys), tmp_path / "m")
    assert line == f"{path}: expected weights, but there is no such file; {BY_HAND}"
    line = refused(CheckpointNetwork(path=str(path), **keys), tmp_path / "m")
    assert line == f"{path}: expected weights, but there is no such file"

    def fetch(urls, **_):
        raise fetching.DownloadError(f"{urls[0]}: expected weights, but it is gone")

    monkeypatch.setattr(fetching, "fetch", fetch)
    url = "https://example.org/w.pt"
    line = refused(CheckpointNetwork(url=url, by_hand=BY_HAND, **keys), tmp_path / "m")
    assert line == f"{url}: expected weights, but it is gone; {BY_HAND}"


# What is published


def test_an_address_of_timm_is_known_by_its_name(tmp_path):
    url = published.timm_address("test_resnet.r160_in1k")
    published.write(url, tmp_path / "w.safetensors")
    section = TimmNetwork(
        source="timm",
        name="test_resnet.r160_in1k",
        path=str(tmp_path / "w.safetensors"),
        classifier="imagenet-1k",
    )
    assert building.fetch(section, "m", tmp_path / "m").feature_size > 0
    with pytest.raises(KeyError, match="example"):
        published.write("https://example.org/w.pt", tmp_path / "w.pt")
