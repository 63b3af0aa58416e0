"""The section ``pretraining``: which models it makes, with which traits, and what it refuses."""

import copy
from pathlib import Path
from typing import get_args

import pytest

from wordsight.catalogue.objectives import OBJECTIVES, ObjectiveName, reads_sentences
from wordsight.config import selector
from wordsight.config.load import load
from wordsight.errors import ConfigError
from wordsight.pretraining import objectives

IMAGES = {"source": "captioned_folder", "path": "data/shapes"}
HAND_MADE = {"source": "random", "architecture": "small/resnet_w16", "seed": 0}
BASE = {
    "datasets": {"shapes": IMAGES, "digits": {"source": "packaged", "name": "sklearn_digits"}},
    "pretraining": {
        "images": "shapes",
        "architecture": "small/resnet_w16",
        "images_seen": 5000,
        "objectives": {"labels": {"seeds": 2, "learning_rate": 0.003}, "captions_contrastive": {"seeds": 2}},
    },
    "protocols": {"few_shot": {"datasets": ["digits"]}},
}


def changed(path, value):
    """The configuration above with one value changed."""
    config = copy.deepcopy(BASE)
    *parents, key = path.split("/")
    section = config
    for parent in parents:
        section = section.setdefault(parent, {})
    section[key] = value
    return config


def refusal(config):
    with pytest.raises(ConfigError) as error:
        load(config)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_each_seed_of_each_objective_is_a_model():
    config = load(changed("models", {"by-hand": HAND_MADE}))
    assert list(config.models) == [
        "by-hand",
        "labels-0",
        "labels-1",
        "captions_contrastive-0",
        "captions_contrastive-1",
    ]
    second = config.models["labels-1"]
    assert (second.source, second.objective, second.seed, second.learning_rate) == (
        "pretrain",
        "labels",
        1,
        0.003,
    )
    assert (second.architecture, second.pretraining_data) == ("small/resnet_w16", "shapes")
    assert config.architecture("labels-1") == "small/resnet_w16"


@pytest.mark.parametrize(
    ("objective", "language", "robust"),
    [
        ("labels", "labels", False),
        ("captions_contrastive", "captions", False),
        ("captions_contrastive_text_tower", "captions", False),
        ("captions_targets", "captions", False),
        ("labels_and_captions", "captions", False),
        ("simclr", "none", False),
        ("barlow_twins", "none", False),
        ("adversarial", "labels", True),
        ("stylised", "labels", False),
        ("captions_shuffled", "none", False),
        ("captions_shuffled_within_class", "labels", False),
        ("class_names", "labels", False),
        ("concept_labels", "labels", False),
        ("untrained", "none", False),
    ],
)
def test_a_trained_model_has_the_traits_of_its_objective(objective, language, robust):
    model = load(changed("pretraining/objectives", {objective: {}})).models[f"{objective}-0"]
    assert (model.language, model.robust) == (language, robust)
    seen = (0, "none") if objective == "untrained" else (5000, "shapes")
    assert (model.pretraining_images, model.pretraining_data) == seen


def test_every_objective_has_a_language_and_all_but_the_untrained_a_module():
    assert set(OBJECTIVES) == set(get_args(ObjectiveName))
    folder = Path(objectives.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "base"}
    assert modules == set(OBJECTIVES) - {"untrained"}
    assert any(map(reads_sentences, OBJECTIVES))


def test_models_are_selected_by_objective_and_by_seed():
    config = changed("contrasts/words", {
        "treatment": {"objective": "captions_contrastive"},
        "control": {"objective": ["labels", "simclr"]},
        "match": ["seed"],
    })  # fmt: skip
    config = load(config)
    selected = [config.select(getattr(config.contrasts["words"], side)) for side in ("treatment", "control")]
    assert selected == [["captions_contrastive-0", "captions_contrastive-1"], ["labels-0", "labels-1"]]
    by_seed = selector.Selector(seed=1)
    assert config.select(by_seed) == ["labels-1", "captions_contrastive-1"]
    assert config.select(selector.Selector(source="pretrain", seed=[0], language="labels")) == ["labels-0"]


def test_a_configuration_without_models_and_without_pretraining_is_refused():
    config = copy.deepcopy(BASE)
    del config["pretraining"]
    line = refusal(config)
    assert line.startswith("config: models: ")
    assert "pretraining.objectives" in line


def test_models_of_the_section_need_no_others():
    assert len(load(BASE).models) == 4
    assert len(load({**BASE, "models": {}}).models) == 4


def test_a_name_of_a_trained_model_is_taken():
    line = refusal(changed("models", {"other": HAND_MADE, "labels-1": HAND_MADE}))
    assert line.startswith("config: models.labels-1: ")
    assert "labels-2" in load(changed("models", {"labels-2": HAND_MADE})).models


def test_a_trained_model_is_not_written_by_hand():
    by_hand = {
        "source": "pretrain", "architecture": "small/resnet_w16", "objective": "labels", "seed": 0,
        "learning_rate": 0.01, "language": "labels", "pretraining_images": 10,
    }  # fmt: skip
    line = refusal(changed("models", {"mine": by_hand}))
    assert line.startswith("config: models.mine.source: ")
    assert "pretraining.objectives" in line


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("pretraining/images", "shape", "pretraining.images", ["did you mean 'shapes'"]),
        ("pretraining/objectives", {}, "pretraining.objectives", ["1"]),
        ("pretraining/objectives", {"label": {}}, "pretraining.objectives.label", ["did you mean 'labels'"]),
        ("pretraining/objectives/labels/seeds", 0, "pretraining.objectives.labels.seeds", ["1", "0"]),
        ("pretraining/objectives/labels/seeds", 10**12, "pretraining.objectives.labels.seeds", ["1000"]),
        ("pretraining/objectives/labels/learning_rate", 0, "pretraining.objectives.labels.learning_rate", ["0"]),
        ("pretraining/objectives/labels/rate", 1, "pretraining.objectives.labels", ["'rate'"]),
        ("pretraining/architecture", "resnet_w16", "pretraining.architecture", ["'resnet_w16'"]),
        ("pretraining/batch_size", 1, "pretraining.batch_size", ["2", "1"]),
        ("pretraining/batch_sizes", 8, "pretraining", ["did you mean 'batch_size'"]),
        ("pretraining/precision", "float16", "pretraining.precision", ["'float16'"]),
        ("pretraining/devices", 0, "pretraining.devices", ["1", "0"]),
        ("pretraining/optimiser/warmup", 1, "pretraining.optimiser.warmup", ["1"]),
        ("pretraining/augmentation/smallest_crop", 0, "pretraining.augmentation.smallest_crop", ["0"]),
        ("pretraining/search/learning_rates", [0.1], "pretraining.search.learning_rates", ["2", "[0.1]"]),
        ("contrasts/words", {"treatment": {"objective": "captions"}, "control": {}}, "contrasts.words.treatment.objective", ["'captions'"]),
        ("contrasts/words", {"treatment": {"objective": "simclr"}, "control": {}}, "contrasts.words.treatment", ["objective: simclr"]),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_path(path, value, where, words):
    line = refusal(changed(path, value))
    assert line.startswith(f"config: {where}: ")
    assert [word for word in words if word not in line.removeprefix(f"config: {where}: ")] == []
