"""Differences between sides that a contrast does not ask about, and groups that prevent them."""

import json

import pytest

from hand_made import model_card
from wordsight.config.load import load
from wordsight.errors import ConfigError
from wordsight.models.card import read_card
from wordsight.statistics.confounding import differences
from wordsight.workflow.pairing import pair, resolve

CARD = model_card("m", images=10, architecture="timm/a", pretraining_data="photos", images_seen=30)


def other_card(**changes):
    return CARD.model_copy(update=changes)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, []),
        ({"architecture": "timm/b"}, ["architecture"]),
        ({"pretraining_data": "web"}, ["training data"]),
        ({"pretraining_images": 11}, ["the size of their training data"]),
        ({"images_seen": 60}, ["the images seen in training"]),
        ({"pretraining_images": 0, "pretraining_data": "none", "images_seen": None}, []),
    ],
)
def test_differences_between_sides_are_named(other, words):
    assert differences([[CARD], [other_card(**other)]]) == words
    assert differences([[other_card(**other)], [CARD]]) == words


def test_sides_of_the_same_values_in_another_order_do_not_differ():
    one, other = CARD, other_card(architecture="timm/b")
    assert differences([[one, other], [other, one, one]]) == []


def config(*groups):
    models = {
        f"m{place}-{language}": {
            "source": "random",
            "architecture": "timm/test_resnet",
            "seed": place,
            **({"group": group} if group else {}),
        }
        for place, group in enumerate(groups)
        for language in ("a", "b")
    }
    sides = [{"models": [name for name in models if name.endswith(side)]} for side in "ab"]
    return load(
        {
            "datasets": {"digits": {"source": "packaged", "name": "sklearn_digits"}},
            "models": models,
            "protocols": {"clustering": {"datasets": ["digits"]}},
            "contrasts": {"language": {"treatment": sides[0], "control": sides[1], "match": ["group"]}},
        }
    )


def test_a_contrast_pairs_within_groups():
    found = config("base", "small")
    assert pair(found, "language") == [("m0-a", "m0-b"), ("m1-a", "m1-b")]
    assert resolve(found)[0].groups == ["base", "small"]


def test_a_group_that_is_written_otherwise_is_refused():
    values = config("base").model_dump(exclude_none=True)
    values["models"]["m0-b"]["group"] = "bsae"
    with pytest.raises(ConfigError, match="no treatment and control have equal group"):
        resolve(load(values))


def test_a_configured_licence_replaces_that_of_the_source(tmp_path):
    from wordsight.config.models import RandomNetwork, Traits, with_traits
    from wordsight.models.building import fetch
    from wordsight.models.card import describe

    network = RandomNetwork(source="random", architecture="timm/test_resnet", seed=0)
    fetch(network, "m", tmp_path)
    traits = set(Traits.model_fields)
    model = with_traits(RandomNetwork)(**network.model_dump(), licence="CC-BY-NC-4.0", images_seen=7)
    describe(Traits(**model.model_dump(include=traits)), tmp_path)
    assert read_card(tmp_path).licence == "CC-BY-NC-4.0"
    describe(Traits(**model.model_dump(include=traits) | {"licence": None}), tmp_path)
    assert read_card(tmp_path).licence == "none"
    assert json.loads((tmp_path / "card.json").read_text())["images_seen"] == 7
