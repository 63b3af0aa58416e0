"""Words for protocols, metrics and settings."""

import pytest

from wordsight import labels
from wordsight.cells import CELLS
from wordsight.config import ProtocolsSection


def test_every_protocol_has_a_title():
    assert list(labels.PROTOCOLS) == list(ProtocolsSection.model_fields)


def test_every_cell_has_words_and_a_dataset_keeps_its_name():
    assert list(labels.CELLS) == list(CELLS)
    assert labels.dataset("seen-concepts.unseen-style") == "seen concepts, unseen style"
    assert labels.dataset("mnist") == "mnist"


def test_names_without_words_are_spelled_out():
    assert labels.protocol("unseen_classes") == "Unseen classes"
    assert labels.metric("mean_rank") == "mean rank"
    assert labels.metric("nmi") == "normalised mutual information"


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        ("", 0.0, ""),
        ("shots", 1.0, "1 shot"),
        ("shots", 10.0, "10 shots"),
        ("epsilon", 0.0, "clean images"),
        ("epsilon", 0.0001, "radius 0.0001"),
        ("label_noise", 0.5, "label noise 0.5"),
    ],
)
def test_settings_have_words_and_numbers_in_their_shortest_form(parameter, value, words):
    assert labels.setting(parameter, value) == words


def test_a_comparison_names_the_setting_where_there_is_one():
    assert labels.comparison("few_shot", "shots", 5.0) == "Few-shot, 5 shots"
    assert labels.comparison("transfer", "", 0.0) == "Transfer"
