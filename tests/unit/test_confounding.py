"""Differences between sides that a contrast does not ask about, and groups that prevent them."""

import json

import pytest

from hand_made import comparison, model_card
from wordsight.config.load import load
from wordsight.errors import ConfigError
from wordsight.models.card import read_card
from wordsight.statistics.confounding import differences, unstated
from wordsight.workflow.pairing import pair, resolve

CARD = model_card(
    "m",
    images=10,
    architecture="timm/a",
    pretraining_data="photos",
    images_seen=30,
    views=2,
    recipe="SGD",
)
SIZE, SEEN, COMPUTE = (
    "the size of their training data",
    "the images seen in training",
    "the compute of training (images seen times views)",
)
RECIPE, VIEWS = "the training recipe", "the views of an image in each step"


def other_card(**changes):
    return CARD.model_copy(update=changes)


def between(cards, pairs=(("one", "other"),), groups=None):
    compared = comparison(pairs=list(pairs), groups=groups or [""] * len(pairs))
    return differences(compared, cards)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, []),
        ({"architecture": "timm/b"}, ["architecture"]),
        ({"pretraining_data": "web"}, ["training data"]),
        ({"pretraining_images": 11}, [SIZE]),
        ({"images_seen": 60}, [SEEN, COMPUTE]),
        ({"images_seen": 60, "views": 1}, [SEEN, VIEWS]),
        ({"recipe": "AdamW"}, [RECIPE]),
        ({"recipe": None}, [RECIPE]),
        ({"views": 1}, [VIEWS, COMPUTE]),
        ({"views": None}, [VIEWS, COMPUTE]),
        ({"pretraining_images": 0, "pretraining_data": "none", "images_seen": None}, []),
    ],
)
def test_differences_between_sides_are_named(other, words):
    assert between({"one": CARD, "other": other_card(**other)}) == words
    assert between({"one": other_card(**other), "other": CARD}) == words


def test_what_is_not_known_of_either_side_is_no_difference():
    unknown = other_card(views=None, recipe=None, images_seen=None)
    assert between({"one": unknown, "other": unknown}) == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, []),
        ({"recipe": None, "views": None}, [RECIPE, VIEWS]),
        ({"images_seen": None}, [SEEN]),
        ({"images_seen": None, "recipe": None, "pretraining_images": 0}, []),
    ],
)
def test_what_no_one_states_of_an_encoder_is_named(other, words):
    compared = comparison(pairs=[("one", "other")])
    assert unstated(compared, {"one": CARD, "other": other_card(**other)}) == words
    assert unstated(compared, {"one": other_card(**other), "other": CARD}) == words


def test_sides_of_the_same_values_in_another_order_do_not_differ():
    cards = {"a": CARD, "b": other_card(architecture="timm/b")}
    assert between({**cards, "c": cards["b"], "d": cards["a"]}, [("a", "c"), ("b", "d")]) == []


def test_matched_sides_differ_where_those_of_a_group_do():
    cards = {"a": CARD, "b": other_card(recipe="AdamW")}
    pairs, values = [("a", "c"), ("b", "d")], {**cards, "c": cards["b"], "d": cards["a"]}
    assert between(values, pairs) == []
    assert between(values, pairs, ["base", "small"]) == [RECIPE]
    assert between(values, [("a", "d"), ("b", "c")], ["base", "small"]) == []


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
