"""Numbers are written in one way, and an unknown number is a dash."""

import math

import pytest

from wordsight.catalogue import display, numbers

NAN = float("nan")


@pytest.mark.parametrize(
    "write",
    [numbers.fixed, numbers.points, numbers.percent, numbers.probability, numbers.span],
)
def test_an_unknown_number_is_a_dash(write):
    assert write(None) == "–"
    if write is not numbers.span:
        assert write(NAN) == "–"


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [(3.21, "3.2", "+3.2"), (-0.5, "−0.5", "−0.5"), (0.0, "0.0", "0.0"), (-0.01, "0.0", "0.0"), (math.inf, "inf", "+inf")],
)  # fmt: skip
def test_a_number_has_a_true_minus_and_zero_no_sign(value, plain, signed):
    assert numbers.fixed(value) == plain
    assert numbers.fixed(value, sign=True) == signed


def test_shares_are_percentage_points_or_percent():
    assert numbers.points(0.2149) == "21.5"
    assert numbers.span((-0.01, 0.032)) == "−1.0 to +3.2"
    assert (numbers.percent(0.95), numbers.percent(0.4567, 1), numbers.percent(-0.1, sign=True)) == (
        "95%",
        "45.7%",
        "−10%",
    )
    assert (numbers.shortest(0.03), numbers.shortest(0.025)) == ("3", "2.5")


def test_numbers_that_stand_together_have_one_decimal_unless_that_hides_one():
    assert numbers.alike(0.2149, 0.1432, 0.3176) == ["21.5", "14.3", "31.8"]
    assert numbers.alike(0.05, -0.0003, 0.1) == ["5.00", "−0.03", "10.00"]
    assert numbers.alike(0.0, -0.0, 0.00000001) == ["0.00", "0.00", "0.00"]
    assert numbers.alike(-0.0) == ["0.0"]


@pytest.mark.parametrize(
    ("p", "words"), [(0.04, "0.040"), (0.001, "0.001"), (0.0009, "<0.001"), (1.0, "1.000")]
)
def test_a_p_value_has_three_decimals(p, words):
    assert numbers.probability(p) == words


@pytest.mark.parametrize(
    ("more", "words"), [(0.3, "1"), (7.2, "8"), (100.0, "100"), (138.2, "140"), (4321.0, "4,300")]
)
def test_an_estimated_number_is_rounded_up_and_has_two_digits_where_it_is_large(more, words):
    assert numbers.estimated(more) == words
    assert display.more_needed(more) == f"≈{words}"


def test_how_many_replicates_are_needed_may_be_none_unknown_or_beyond_any_number():
    assert display.more_needed(0.0) == "0"
    assert display.more_needed(None) == display.more_needed(NAN) == ""
    assert not any(sign.isdigit() for sign in display.more_needed(math.inf))
