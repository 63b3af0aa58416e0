"""Encoders of ``config/matched.yaml`` from their addresses to their features, without a network.

A server on this machine stands for all publishers. What it serves is true in container, names, types and width,
and random in value. Networks of blocks have one block, here and in the files, to save time;
``test_models_paper.py`` and ``test_models_hub.py`` compare whole networks with independent ones.
"""

import json
from pathlib import Path

import pytest
import torch

from fixtures import weights
from fixtures.publishing import MATCHED, Publishers
from fixtures.shallow import one_block
from mirror import Mirror
from wordsight.config.load import load, read
from wordsight.downloads import hub as downloads_hub
from wordsight.downloads import lock
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


# One encoder of each kind, whose files differ from those of the others in their values alone. Those of the kinds that
# tests/workflow/test_matched.py runs to the report are left out.
RUN = {kind(MODELS[name]) for name in MATCHED}
ONE_OF_EACH = list(
    {kind(section): name for name, section in reversed(MODELS.items()) if kind(section) not in RUN}.values()
)[::-1]


@pytest.fixture(scope="module", autouse=True)
def _one_block():
    with one_block():
        yield


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A server that is asked before all publishers, from an empty cache."""
    with Mirror() as mirror:
        monkeypatch.setenv("WORDSIGHT_MIRROR", mirror.address)
        monkeypatch.setattr(downloads_hub, "HUB_ADDRESS", f"{mirror.address}/huggingface.co")
        monkeypatch.setenv("WORDSIGHT_CACHE", str(tmp_path / "cache"))
        monkeypatch.chdir(tmp_path)
        yield mirror


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_an_encoder_is_fetched_read_and_gives_features(web, tmp_path, name):
    section = MODELS[name]
    digest = Publishers(web, tmp_path / "published").network(section.model_dump(mode="json"))
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
