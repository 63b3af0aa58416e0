"""Encoders of ``config/matched.yaml`` from their addresses to their features, without a network.

A server on this machine stands for all publishers. What it serves is true in container, names, types and width,
and random in value. Networks of blocks have one block, here and in the files, to save time;
``test_models_paper.py`` and ``test_models_hub.py`` compare whole networks with independent ones.
"""

import json
from functools import wraps
from pathlib import Path

import open_clip
import pytest
import timm
import torch
from open_clip.pretrained import get_pretrained_cfg

from fixtures import hub, weights
from mirror import Mirror
from wordsight.config.load import load, read
from wordsight.downloads import hub as downloads_hub
from wordsight.downloads import lock
from wordsight.files import hashing
from wordsight.models import building, reading

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MODELS = load(read(ROOT / "config/matched.yaml")).models


def kind(section):
    """What sets an encoder apart from others here; addresses and values don't."""
    place = json.dumps(section.model_dump(mode="json")["features"])
    if section.source != "checkpoint":
        return section.source, section.name, place
    writer = weights.PUBLISHED[section.addresses[0]]
    return section.architecture, place, writer.func, *writer.keywords.items()


# One encoder of each kind: its files differ from those of the others in their values alone.
ONE_OF_EACH = list({kind(section): name for name, section in reversed(MODELS.items())}.values())[::-1]


@pytest.fixture(scope="module", autouse=True)
def _one_block():
    """Let the libraries build networks of one block."""

    def shallow(kind, **depth):
        whole = kind.__init__

        @wraps(whole)
        def init(self, *arguments, **options):
            whole(self, *arguments, **options | depth)

        return init

    config_of = open_clip.get_model_config

    def shallow_config(name):
        config = config_of(name)
        config["vision_cfg"]["layers"] = 1
        return config

    with pytest.MonkeyPatch.context() as patched:
        for transformer in (timm.models.VisionTransformer, timm.models.Eva):
            patched.setattr(transformer, "__init__", shallow(transformer, depth=1))
        convnext = timm.models.ConvNeXt
        patched.setattr(convnext, "__init__", shallow(convnext, depths=(1, 1, 1, 1)))
        patched.setattr(open_clip, "get_model_config", shallow_config)
        weights._shapes.cache_clear()
        yield
    weights._shapes.cache_clear()


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A server that is asked before all publishers, from an empty cache."""
    with Mirror() as mirror:
        monkeypatch.setenv("WORDSIGHT_MIRROR", mirror.address)
        monkeypatch.setattr(downloads_hub, "HUB_ADDRESS", f"{mirror.address}/huggingface.co")
        monkeypatch.setenv("WORDSIGHT_CACHE", str(tmp_path / "cache"))
        monkeypatch.chdir(tmp_path)
        yield mirror


def publish(mirror, section, folder):
    """Publish the files of an encoder; the SHA-256 of its weights is returned."""
    if section.source == "checkpoint":
        file = weights.write(section.addresses[0], folder / Path(section.addresses[0].partition("?")[0]).name)
        mirror.publish(section.addresses[0], file)
    elif section.source == "huggingface":
        files = hub.write(section.name, folder / "hub", layers=1)
        file = files.get("model.safetensors") or files["pytorch_model.bin"]
        mirror.publish_on_hub(section.name, files, revision=section.revision or "main")
    elif section.source == "timm":
        known = timm.get_pretrained_cfg(section.name)
        file = weights.write(weights.timm_address(section.name), folder / "model.safetensors")
        card = {"num_classes": known.num_classes, "pretrained_cfg": {"mean": known.mean, "std": known.std}}
        files = {file.name: file, "config.json": json.dumps(card).encode()}
        mirror.publish_on_hub(known.hf_hub_id, files)
    else:
        repository = get_pretrained_cfg(section.name, section.pretrained)["hf_hub"].rstrip("/")
        if repository.startswith("timm/"):
            file = folder / "open_clip_model.safetensors"
            weights.openai_hub(file, section.name, name=section.name)
        else:
            file = weights.write(f"{weights.HUB}/{repository}", folder / "open_clip_pytorch_model.bin")
        mirror.publish_on_hub(repository, {file.name: file})
    return hashing.sha256(file)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_an_encoder_is_fetched_read_and_gives_features(web, tmp_path, name):
    section = MODELS[name]
    digest = publish(web, section, tmp_path)
    section = section.model_copy(update={"sha256": digest if section.sha256 else None})
    card = building.fetch(section, name, tmp_path / "m")
    assert card.sha256 == digest
    encoder = reading.load(tmp_path / "m")
    side = card.preprocessing.image_size
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = encoder(images)
    assert features.shape == (2, card.feature_size)
    assert torch.isfinite(features).all()
    assert (features[0] - features[1]).abs().max() > 1e-4 * features.abs().max()
    recorded = {entry.sha256 for entry in lock.entries().values()}
    assert section.sha256 or digest in recorded
