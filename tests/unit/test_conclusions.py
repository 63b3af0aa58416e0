"""A conclusion holds where each of its contrasts does what it needs, by the largest of their p."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from hand_made import contrasts, effect
from wordsight.config.contrasts import Conclusion
from wordsight.config.load import load
from wordsight.config.statistics import StatisticsSection
from wordsight.errors import ConfigError
from wordsight.statistics.conclusions import COLUMNS, conclude
from wordsight.statistics.looks import level
from wordsight.tables.schema import checked
from wordsight.tables.schemas import CONCLUSIONS

ROOT = Path(__file__).resolve().parents[2]
MEANING = {"meaning": Conclusion(helps=["a", "b"])}
FORM = {"form": Conclusion(helps=["a"], equivalent=["b"], question="Is it the form?")}


def rows(*given):
    """Contrasts ``a``, ``b``, ... on one protocol each: pairs of an effect and the p of its test."""
    return [
        effect(contrast=name, effect=size, low=size - 1, high=size + 1, p_value=p, p_equivalence=1 - p)
        for name, (size, p) in zip("abc", given, strict=False)
    ]


def concluded(frame, conclusions, **section):
    table = conclude(frame, conclusions, StatisticsSection(**section))
    assert list(table.columns) == COLUMNS
    return checked(table, CONCLUSIONS)


def test_the_largest_p_counts_and_its_contrast_is_named():
    (row,) = concluded(contrasts(*rows((0.1, 0.01), (0.2, 0.04))), MEANING).to_dict("records")
    assert (row["verdict"], row["weakest"]) == ("shown", "b")
    assert (row["p_value"], row["p_adjusted"], row["comparisons"]) == (0.04, 0.04, 1)


@pytest.mark.parametrize(
    ("given", "weakest"),
    [([(0.1, 0.01), (0.2, 0.06)], "b"), ([(-0.1, 0.001), (0.2, 0.001)], "a")],
    ids=["one of them is not sure", "one of them hurts"],
)
def test_one_contrast_that_fails_is_enough(given, weakest):
    (row,) = concluded(contrasts(*rows(*given)), MEANING).to_dict("records")
    assert (row["verdict"], row["weakest"]) == ("not shown", weakest)


def test_a_difference_that_counts_as_none_is_no_help():
    frame = contrasts(*rows((0.1, 0.01), (0.02, 0.01)))
    frame.loc[1, "verdict"] = "equivalent"
    (row,) = concluded(frame, MEANING).to_dict("records")
    assert (row["verdict"], row["weakest"], row["p_value"]) == ("not shown", "b", 1.0)


def test_equivalence_is_judged_by_its_own_p():
    frame = contrasts(*rows((0.1, 0.01), (0.0, 0.99)))
    (row,) = concluded(frame, FORM).to_dict("records")
    assert (row["verdict"], row["question"]) == ("shown", "Is it the form?")
    assert row["p_value"] == pytest.approx(0.01)
    (row,) = concluded(frame, MEANING).to_dict("records")
    assert (row["verdict"], row["weakest"]) == ("not shown", "b")


def test_all_conclusions_and_protocols_are_corrected_together():
    few_shot = [row | {"protocol": "few_shot"} for row in rows((0.1, 0.01), (0.2, 0.02))]
    table = concluded(contrasts(*rows((0.1, 0.01), (0.2, 0.02)), *few_shot), MEANING | FORM)
    assert list(zip(table["conclusion"], table["protocol"], strict=True)) == [
        ("meaning", "transfer"), ("meaning", "few_shot"), ("form", "transfer"), ("form", "few_shot")
    ]  # fmt: skip
    assert set(table["comparisons"]) == {4}
    assert table["p_adjusted"].tolist() == pytest.approx([0.08, 0.08, 1, 1])
    assert set(table["verdict"]) == {"not shown"}


def test_a_contrast_without_a_test_or_without_results_shows_nothing():
    untested = rows((0.1, 0.01), (0.2, 0.02))
    untested[1] |= {"p_value": float("nan"), "p_equivalence": float("nan")}
    (row,) = concluded(contrasts(*untested), MEANING).to_dict("records")
    assert (row["verdict"], row["weakest"]) == ("not shown", "b")
    assert pd.isna(row["p_value"])
    assert concluded(contrasts(*rows((0.1, 0.01))), MEANING).empty


def test_rows_that_do_not_stand_for_their_protocol_are_left_out():
    small = [
        row | {"main": False, "decides": False, "family": ""} for row in rows((-1.0, 0.001), (-1.0, 0.001))
    ]
    table = concluded(contrasts(*small, *rows((0.1, 0.01), (0.2, 0.04))), MEANING)
    assert table["verdict"].tolist() == ["shown"]


def test_a_conclusion_is_at_the_look_of_the_contrast_that_has_reached_the_fewest():
    looks = [5, 10, 20]
    given = rows((0.1, 0.01), (0.2, 0.02))
    for row, replicates in zip(given, (20, 10), strict=True):
        row |= {"replicates": replicates, "look": "x"}
    (row,) = concluded(contrasts(*given), MEANING, looks=looks).to_dict("records")
    assert row["level"] == pytest.approx(level(10, looks, 0.05))
    assert (row["p_adjusted"], row["verdict"]) == (0.02, "not shown")
    given[1]["replicates"] = 20
    (row,) = concluded(contrasts(*given), MEANING, looks=looks).to_dict("records")
    assert row["verdict"] == "shown"


@pytest.mark.parametrize(
    ("conclusion", "named"),
    [({}, "conclusions.x"), ({"helps": ["captions-label"]}, "captions-labels"), ({"hurts": []}, "hurts")],
    ids=["nothing", "an unknown contrast", "an unknown key"],
)
def test_a_conclusion_from_nothing_or_from_what_is_not_there_is_refused(conclusion, named):
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match=named) as caught:
        load(config | {"conclusions": {"x": conclusion}})
    assert "\n" not in str(caught.value)
