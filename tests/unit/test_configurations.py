"""The configurations that come with the project: each is valid, and says what it can of its encoders."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import timm
import yaml

from fixtures.weights import PUBLISHED
from wordsight.config.load import load
from wordsight.statistics.confounding import differences
from wordsight.workflow.pairing import resolve

FOLDER = Path(__file__).resolve().parents[2] / "config"
MMV = "https://storage.googleapis.com/deepmind-research-mmv/mmv_tsm_resnet_x1.pkl"


def configuration(name):
    return load(yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_configuration_is_valid_and_its_contrasts_find_models(path):
    config = configuration(path.stem)
    assert all(comparison.pairs for comparison in resolve(config)) or not config.contrasts
    about_language = {name for contrasts in config.statistics.families.values() for name in contrasts}
    assert about_language <= set(config.contrasts)


@pytest.mark.parametrize("name", ["paper", "matched"])
def test_every_checkpoint_is_one_whose_format_the_tests_know(name):
    config = configuration(name)
    sections = [section for section in config.models.values() if section.source == "checkpoint"]
    assert len(sections) > 5
    for section in sections:
        assert section.url in {*PUBLISHED, MMV}
        assert section.pretraining_data != "unknown"


def test_the_paper_has_its_encoders_datasets_and_text_models():
    config = configuration("paper")
    assert set(config.models) == {
        *("resnet50", "bit-m", "sin", "sin-in", "sin-in-ft", "robust-l2-3", "robust-linf-4", "robust-linf-8"),
        *("ssl", "swsl", "clip-rn50", "clip-b32", "virtex", "icmlm", "tsm", "tsm-va", "tsm-vat"),
        *("gpv", "gpv-sce", "untrained"),
    }
    assert {section.source for section in config.text_models.values()} == {
        "huggingface",
        "open_clip",
        "word2vec",
    }
    assert config.select(config.contrasts["robust-not"].treatment) == [
        "robust-l2-3",
        "robust-linf-4",
        "robust-linf-8",
    ]


def test_matched_encoders_of_timm_are_on_its_hub_and_take_square_images():
    for section in configuration("matched").models.values():
        if section.source == "timm":
            known = timm.get_pretrained_cfg(section.name, allow_unregistered=False)
            assert known.hf_hub_id
            assert known.license


def test_the_pairs_of_slip_differ_in_nothing_but_language_and_the_others_say_in_what():
    config = configuration("matched")
    found = {}
    for comparison in resolve(config):
        sides = [
            [
                SimpleNamespace(
                    **config.models[name].model_dump() | {"architecture": config.architecture(name)}
                )
                for name in side
            ]
            for side in comparison.sides
        ]
        found[comparison.name] = differences(sides)
        languages = [{card.language for card in side} for side in sides]
        assert languages[0] == {"captions"}
        assert not languages[0] & languages[1]
    assert found["captions-pixels_same_data"] == []
    assert found["captions_and_pixels-pixels_same_data"] == []
    assert "training data" in found["captions-pixels"]
    assert "training data" in found["captions-labels"]
