"""The table of a search for learning rates."""

import pytest

from wordsight.pretraining.search_table import search_table


def run(objective, rate, loss, accuracy=0.5):
    return {
        "objective": objective,
        "learning_rate": rate,
        "held_out_loss": loss,
        "held_out_accuracy": accuracy,
        "final_loss": 1.0,
        "measured": 0.4,
        "chance": 0.1,
        "curve": [],
    }


def test_the_best_rate_has_the_smallest_mean_loss_over_its_seeds():
    losses = {0.001: (3.0, 3.0), 0.01: (2.0, 3.0), 0.1: (1.0, 6.0)}
    table = search_table([run("labels", rate, loss) for rate, both in losses.items() for loss in both])
    assert table["learning_rate"].tolist() == [0.001, 0.01, 0.1]
    assert table["held_out_loss"].tolist() == [3.0, 2.5, 3.5]
    assert table["held_out_loss_sd"].tolist() == pytest.approx([0, 0.5**0.5, 12.5**0.5])
    assert table["seeds"].tolist() == [2, 2, 2]
    assert table["best"].tolist() == [False, True, False]
    assert not table["at_edge"].any()


def test_a_best_rate_at_the_edge_is_marked_and_logged(caplog):
    runs = [run("labels", rate, loss) for rate, loss in ((0.1, 2.0), (0.01, 3.0), (0.001, 4.0))]
    runs += [run("simclr", rate, loss) for rate, loss in ((0.1, 2.0), (0.01, 1.0), (0.001, 4.0))]
    with caplog.at_level("WARNING", logger="wordsight"):
        table = search_table(runs)
    assert table["at_edge"].tolist() == [True, False, False, False, False, False]
    assert table["best"].tolist() == [True, False, False, False, True, False]
    assert "labels" in caplog.text
    assert "simclr" not in caplog.text
