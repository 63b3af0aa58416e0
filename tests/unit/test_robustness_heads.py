"""The classifier by class names, which is attacked through the encoder like any other head."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from attacked import GRID, Network, curve, draw, run
from small_project import CONFIG
from wordsight.catalogue.protocols.robustness import Parameters
from wordsight.config.load import load
from wordsight.errors import ConfigError, DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols import robustness
from wordsight.protocols.robustness.classifier import CLIP_SCALE, Classifier, ClassNames, Goal, verdict
from wordsight.protocols.task import Task
from wordsight.workflow import inputs, params, targets

TASK = Task("robustness", "m", "d")


def names(classes=4):
    return np.random.default_rng(0).normal(size=(classes, 200)).astype(np.float32)


def test_a_score_is_the_cosine_with_the_name_of_a_class_and_has_a_gradient():
    network, vectors = Network(), names()
    images = torch.from_numpy(draw(network)[0])
    classifier = Classifier(network, ClassNames(7 * vectors), "")
    features = network(images).numpy()
    cosines = (
        features @ vectors.T / np.linalg.norm(features, axis=1)[:, None] / np.linalg.norm(vectors, axis=1)
    )
    assert classifier(images).numpy() == pytest.approx(CLIP_SCALE * cosines, abs=1e-4)
    labels = torch.zeros(len(images), dtype=torch.int64)
    _, gradients = verdict(classifier, images, Goal(labels))
    step = 1e-2 * gradients / gradients.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    before, after = (
        torch.nn.functional.cross_entropy(classifier(points), labels, reduction="none")
        for points in (images, images + step)
    )
    assert (after > before).all()


def test_class_names_are_attacked_like_any_other_head():
    network, vectors = Network(), names()
    images, _, ids = draw(network)
    with torch.no_grad():
        right = Classifier(network, ClassNames(vectors), "")(torch.from_numpy(images)).argmax(dim=1).numpy()
    found = curve(run(network, (images, right, ids), head=ClassNames(vectors)))
    assert found[0].all()
    assert found[-1].mean() < 0.5
    with pytest.raises(DataError, match="features are 200 wide, but its head is for features of 5"):
        run(network, (images, right, ids), head=ClassNames(vectors[:, :5]))


class Encoder(Network):
    def batch_of(self, batch_size):
        return batch_size

    def preprocess(self, image):
        return torch.from_numpy(image)


def attack(texts):
    images, labels, ids = draw(Network())
    card = SimpleNamespace(label_indices=[[3], [2], [1], [0]])
    test = SimpleNamespace(
        labels=labels,
        ids=ids,
        classes=[*"abcd"],
        card=card,
        images=lambda places: [(ids[i], images[i]) for i in sorted(places)],
    )
    section = Parameters(epsilons=GRID, steps=3)
    options = {"encoder": Encoder(), "test": test, "images": 10, "train": None}
    return robustness.evaluate_encoder(TASK, section, **options, texts=texts, named=True).tables


def test_the_classes_of_the_names_are_those_of_the_dataset_whatever_the_networks_own_are():
    vectors = names()
    tables = {
        table["metric"][0].as_py(): table
        for table in reversed(attack(Features(vectors, np.arange(4), [*"abcd"])))
    }
    assert tables["own_head"]["value"].to_pylist() == [0]
    assert "converged" not in tables
    images, labels, ids = draw(Network())
    with torch.no_grad():
        scores = (
            Classifier(Network(), ClassNames(vectors), "")(torch.from_numpy(images)).argmax(dim=1).numpy()
        )
    right = dict(zip(ids, scores == labels, strict=True))
    clean = tables["accuracy"]
    assert clean["setting"][0].as_py() == 0
    assert clean["value"].to_pylist() == [right[item] for item in clean["item"].to_pylist()]


def test_a_class_without_a_vector_of_its_name_is_one_line():
    with pytest.raises(
        DataError, match="robustness of m on d: 3 of 4 classes have a vector of their name"
    ) as caught:
        attack(Features(names(3), np.array([0, 1, 3]), [*"abd"]))
    assert "\n" not in str(caught.value)


# Which models are attacked by class names


CLIP = {"source": "open_clip", "name": "RN50", "pretrained": "openai"}
SEEN = {"language": "captions", "pretraining_data": "WIT", "pretraining_images": 400_000_000}


def configured(**text):
    values = copy.deepcopy(CONFIG)
    values["models"]["clip"] = {**CLIP, **SEEN, "features": ["embedding", "pooled"]}
    values["models"]["other"] = {**CLIP, **SEEN, "name": "RN101", "features": "embedding"}
    values["text_models"] = {"words": {**CLIP, "pretrained": "yfcc15m"}, "tower": {**CLIP, **text}}
    values["protocols"]["robustness"].update(datasets={"shapes": {"head": "text", "images": 2}}, models={})
    return load(values)


def test_the_models_with_a_text_tower_are_attacked_by_its_class_names():
    config = configured()
    cut, w = targets.cuts(config)[0], SimpleNamespace(model="clip", dataset="shapes")
    w.get = vars(w).get
    assert targets.models_for(config, "robustness", "shapes") == ["clip"]
    assert params.heads(config, w, "robustness", cut) == ["text"]
    assert inputs.head_features(config, w, "robustness", cut) == []
    assert inputs.head_texts(config, w, "robustness", cut) == [
        "results/text_features/tower/shapes.safetensors"
    ]


def test_without_the_other_half_of_any_network_nothing_can_be_attacked_by_class_names():
    with pytest.raises(
        ConfigError,
        match=r"protocols\.robustness\.datasets\.shapes\.head: no measured model has a text tower",
    ):
        configured(name="RN101", pretrained="yfcc15m")
