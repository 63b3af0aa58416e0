"""docs/encoders.md has every published encoder as the configurations and the libraries have it."""

import re
from pathlib import Path

import open_clip
import pytest
import torch
import yaml

from wordsight.catalogue.places import word
from wordsight.config.load import load
from wordsight.config.models import LibraryNetwork
from wordsight.models import architectures
from wordsight.models.architectures import open_clip as open_clip_networks
from wordsight.models.architectures import timm as timm_networks
from wordsight.models.architectures import torchvision as torchvision_networks
from wordsight.models.sources import open_clip as open_clip_source

ROOT = Path(__file__).resolve().parents[2]
NORMALISATION = {
    "ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "CLIP": (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD),
    "0.5": ((0.5,) * 3, (0.5,) * 3),
    "none": ((0, 0, 0), (1, 1, 1)),
}
POOLING = {"token": "first token", "tok": "first token", "map": "attention", "avg": "mean"}
# What the column of features adds to the pooling, by the places where the entry reads them.
BEHIND = {
    ("pooled",): "",
    ("cls",): "",
    ("embedding",): ", then projection",
    ("pooled", "embedding"): ", and its projection",
}


def tables():
    """Rows of the tables that are written by hand, by configuration and encoder."""
    text = (ROOT / "docs/encoders.md").read_text(encoding="utf-8")
    parts = re.findall(r"<!-- generated: (\w+) -->.*?<!-- end -->\n(.*?)(?=\n## )", text, flags=re.DOTALL)
    head = ("encoder", "activation", "features", "normalisation", "resize", "crop", "interpolation", "read")
    found = {}
    for name, part in parts:
        lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| `")]
        found[name] = {line[0].strip("`"): dict(zip(head, line, strict=True)) for line in lines}
    return found


TABLES = tables()
CONFIGURATIONS = {
    name: load(yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))) for name in TABLES
}
ENTRIES = [
    pytest.param(section, TABLES[name].get(model), id=model)
    for name, config in CONFIGURATIONS.items()
    for model, section in config.models.items()
    if section.source != "random" and config.network(model) == model
]
PLACES = {
    model: tuple(word(config.read_out(reading)) for reading in config.readings(model))
    for config in CONFIGURATIONS.values()
    for model in config.models
}


def test_every_trained_encoder_has_a_row_in_the_order_of_its_configuration():
    assert set(TABLES) == {"paper", "matched"}
    for name, config in CONFIGURATIONS.items():
        assert list(TABLES[name]) == [
            model
            for model, section in config.models.items()
            if section.source != "random" and config.network(model) == model
        ]


def test_every_row_says_where_it_was_read():
    for rows in TABLES.values():
        previous = ""
        for row in rows.values():
            source = previous if row["read"].startswith("the same") else row["read"]
            commit = re.search(r"https://github.com/[\w.-]+/[\w.-]+/tree/[0-9a-f]{40}\)", source)
            assert commit or row["encoder"] in ("`resnet50`", "`icmlm`"), row["encoder"]
            previous = source


def stated(section):
    """Preprocessing that the entry ends with; None if only the hub knows what its library states."""
    if section.source == "checkpoint":
        return section.preprocessing
    if section.source == "torchvision":
        preset = torchvision_networks.preset_of(section.name, section.weights)
        found = torchvision_networks.preprocessing_of(preset)
    elif section.source == "timm":
        with torch.device("meta"):
            _, found = timm_networks.build(section.name)
    elif section.source == "open_clip":
        config = open_clip.get_model_config(section.name)
        preset = open_clip_source._preset(section.name, section.pretrained, config)
        found = open_clip_networks.preprocessing_of(config, preset)
    else:
        return section.preprocessing
    changes = section.preprocessing if isinstance(section, LibraryNetwork) else None
    return changes.applied_to(found) if changes else found


@pytest.mark.slow
@pytest.mark.parametrize(("section", "row"), ENTRIES)
def test_an_encoder_sees_images_as_its_row_says(section, row):
    found = stated(section)
    if found is None:
        return
    assert f"{found.resize}{', squashed' if found.squash else ''}" == row["resize"]
    assert (str(found.image_size), found.interpolation) == (row["crop"], row["interpolation"])
    if found.mean is not None:
        mean, std = NORMALISATION[row["normalisation"]]
        assert found.mean == pytest.approx(mean, abs=1e-6)
        assert found.std == pytest.approx(std, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("section", "row"), [entry for entry in ENTRIES if "huggingface" not in str(entry)])
def test_an_encoder_has_the_activation_and_pooling_of_its_row(section, row):
    architecture = getattr(section, "architecture", None) or f"{section.source}/{section.name}"
    with torch.device("meta"):
        backbone, _ = architectures.build(architecture)
    modules = {type(module).__name__ for module in backbone.modules()}
    found = [name for name in ("QuickGELU", "GELU", "ReLU") if name in modules]
    if found:  # TSM calls a function instead
        assert row["activation"] == found[0]
    network = getattr(backbone.trunk, "trunk", backbone.trunk)  # in a tower of open_clip, that of timm
    pool = getattr(network, "global_pool", getattr(network, "pool_type", None))
    places = PLACES[row["encoder"].strip("`")]
    if isinstance(pool, str):
        assert row["features"] == POOLING["token" if places == ("cls",) else pool] + BEHIND[places]
    assert "embedding" not in places or backbone.projection is not None
    assert "cls" not in places or backbone.anatomy.class_token
