"""Words for protocols, metrics and settings."""

import pytest

from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS


def test_every_cell_has_words_and_a_dataset_keeps_its_name():
    assert list(display.CELLS) == list(CELLS)
    assert display.dataset("seen-concepts.unseen-style") == "seen concepts, unseen style"
    assert display.dataset("mnist") == "mnist"


def test_names_without_words_are_spelled_out():
    assert display.protocol("unseen_classes") == "Unseen classes"
    assert display.metric("mean_rank") == "mean rank"
    assert display.metric("nmi") == "normalised mutual information"


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
    assert display.setting(parameter, value) == words


def test_a_comparison_names_the_setting_where_there_is_one():
    assert display.comparison("few_shot", "shots", 5.0) == "Few-shot, 5 shots"
    assert display.comparison("transfer", "", 0.0) == "Transfer"
