"""The configurations that come with the project: each is valid, and says what it can of its encoders."""

from pathlib import Path

import pytest
import timm

from fixtures.weights import PUBLISHED
from wordsight.config.load import load, read
from wordsight.models.card import ModelCard
from wordsight.statistics.confounding import differences
from wordsight.workflow.pairing import resolve

FOLDER = Path(__file__).resolve().parents[2] / "config"
MMV = "https://storage.googleapis.com/deepmind-research-mmv/mmv_tsm_resnet_x1.pkl"


def configuration(name):
    return load(read(FOLDER / f"{name}.yaml"))


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
        assert section.addresses[0] in {*PUBLISHED, MMV}
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


def test_read_outs_and_fine_tunings_of_one_training_count_once():
    config = configuration("paper")
    families = {
        name: section.family for name, section in config.models.items() if getattr(section, "family", None)
    }
    assert families == {
        **dict.fromkeys(("tsm", "tsm-va", "tsm-vat"), "mmv"),
        **dict.fromkeys(("sin-in", "sin-in-ft"), "sin-in"),
    }
    files = {name: tuple(s.addresses) for name, s in config.models.items() if s.source == "checkpoint"}
    for name, addresses in files.items():
        same_file = {other for other in files if files[other] == addresses}
        assert len({families.get(other, other) for other in same_file}) == 1, name


def test_the_further_test_sets_of_imagenet_are_an_experiment_of_their_own_with_the_papers_entries():
    paper, others = configuration("paper"), configuration("imagenet_test_sets")
    assert {section.variant for section in others.datasets.values()} == {"v2", "sketch", "r", "objectnet"}
    assert list(paper.protocols.robustness.datasets) == ["imagenet"]
    with_classifier = {name: section for name, section in paper.models.items() if section.classifier}
    assert dict(others.models) == with_classifier


def test_matched_encoders_of_timm_are_on_its_hub_and_take_square_images():
    for section in configuration("matched").models.values():
        if section.source == "timm":
            known = timm.get_pretrained_cfg(section.name, allow_unregistered=False)
            assert known.hf_hub_id
            assert known.license


def test_the_sides_of_a_matched_group_differ_in_what_its_encoders_state():
    config = configuration("matched")
    cards = {
        name: ModelCard.model_construct(
            **section.model_dump()
            | {"architecture": config.architecture(name), "weights_sha256": name}
            | {"features": str(config.read_out(name))}
        )
        for name, section in config.models.items()
    }
    found = {comparison.name: differences(comparison, cards) for comparison in resolve(config)}
    recipe, views = "the training recipe", "the views of an image in each step"
    compute, size = "the compute of training (images seen times views)", "the size of their training data"
    assert found["captions_and_pixels-pixels_same_data"] == [recipe, views, compute]
    assert found["captions_and_pixels-captions"] == [recipe, views, compute]
    assert set(found["captions-pixels_same_data"]) == {"architecture", recipe, views, compute}
    assert found["captions-labels_same_data"] == [size]
    assert found["captions-words"] == found["captions-masked_words"] == found["rewritten-found"] == []
    assert found["matching-any"] == ["training data", size]
    for name in ("captions-pixels", "captions-labels", "captions-pixels_web"):
        assert "training data" in found[name]


def test_contrasts_about_language_have_captions_on_one_side_alone_and_the_others_on_both():
    config = configuration("matched")
    about_language = set(config.statistics.families["language"])
    assert about_language | set(config.statistics.families["captions"]) == set(config.contrasts)
    for comparison in resolve(config):
        treated, control = ({config.models[name].language for name in side} for side in comparison.sides)
        assert treated == {"captions"}
        assert (control == {"captions"}) == (comparison.name not in about_language)


def test_groups_of_matched_encoders_are_compared_within_themselves():
    config = configuration("matched")
    groups = {comparison.name: set(comparison.groups) for comparison in resolve(config)}
    assert groups["captions-pixels_same_data"] == {
        "slip-vit-s",
        "slip-vit-b",
        "slip-vit-l",
        "controlled-vit-b",
    }
    assert (len(groups["rewritten-found"]), len(groups["captions_and_pixels-captions"])) == (6, 5)
    compared = {name for one in resolve(config) for side in one.sides for name in side}
    compared = {model for name in compared for model in config.readings(name)}
    of_filters = {name for name, section in config.models.items() if section.group == "commonpool-l"}
    assert set(config.models) - compared <= of_filters
