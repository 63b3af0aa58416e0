"""Plans: the power of tests whose power is known, and numbers that are enough, and no smaller ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower, tt_ind_solve_power

from hand_made import effect
from wordsight.config.statistics import StatisticsSection
from wordsight.statistics import planning, verdicts
from wordsight.statistics.components import Part, Stratum, estimate
from wordsight.statistics.moderation import Prior
from wordsight.statistics.planning import Aim, Design, Side
from wordsight.tables.schema import checked
from wordsight.tables.schemas import PLAN

NOTHING = (0.0, float("nan"))
WIDE = 1e3  # so wide a margin that there is no question of equivalence


def paired(units, variance=1.0, **changes):
    return Design((Side(units, variance, units - 1, 0.0, **changes),), NOTHING, NOTHING)


def two_sides(units=5, variance=1.0, items=0.0, interaction=0.0, prior=None):
    side = Side(units, variance, units - 1, interaction, prior)
    return Design((side, side), (items, 200.0) if items else NOTHING, NOTHING)


def aim(margin, level=0.05, power=0.8):
    return Aim(margin, power, lambda _: level)


@pytest.mark.parametrize("level", [0.05, 0.05 / 28])
@pytest.mark.parametrize("units", [2, 3, 6, 40])
def test_the_power_of_one_side_is_that_of_both_t_tests(units, level):
    margin = verdicts.minimum_detectable(1 / np.sqrt(units), units - 1, level, 0.8)
    rng = np.random.default_rng(0)
    means = rng.normal(size=400_000) / np.sqrt(units)
    stderr = np.sqrt(rng.chisquare(units - 1, means.size) / (units - 1) / units)
    two_sided, one_sided = (stats.t.isf(tail, units - 1) * stderr for tail in (level / 2, level))
    equivalent = np.abs(means) + one_sided < margin
    different = means + margin > two_sided
    assert different.mean() == pytest.approx(TTestPower().power(margin, units, level), abs=0.003)
    different &= np.abs(means + margin) + one_sided >= margin
    expected = min(equivalent.mean(), different.mean())
    assert planning.power(paired(units), margin, level) == pytest.approx(expected, abs=0.004)


@pytest.mark.parametrize("power", [0.5, 0.8])
def test_of_many_units_the_number_is_that_of_statsmodels_for_two_sides(power):
    level, margin = 0.001, 0.4
    # Equivalence needs z(1 - level) + z(1 - (1 - power) / 2), a difference z(1 - level / 2) + z(power): the larger.
    n_difference = tt_ind_solve_power(effect_size=margin, alpha=level, power=power)
    n_equivalence = 2 * ((stats.norm.isf(level) + stats.norm.isf((1 - power) / 2)) / margin) ** 2
    needed = 5 + planning.more_replicates(two_sides(), aim(margin, level, power))
    assert needed == pytest.approx(max(n_difference, n_equivalence), rel=0.03)


def unequal(treatments, controls, prior=None):
    sides = (Side(units, 1.0, units - 1, 0.0, prior) for units in (treatments, controls))
    return Design(tuple(sides), NOTHING, NOTHING)


def test_more_seeds_go_to_the_smaller_side_until_the_other_has_no_more():
    assert planning.power(unequal(20, 10), 1.0, 0.05, more=5) == planning.power(unequal(20, 15), 1.0, 0.05)
    assert planning.power(unequal(20, 10), 1.0, 0.05, more=15) == planning.power(unequal(25, 25), 1.0, 0.05)
    # The control and three other objectives then tell more of how much seeds vary.
    now, later = (Prior(1.0, 30.0, total, frozenset("abcde")) for total in (55, 55 + 4 * 4))
    found = planning.power(unequal(20, 10, now), 1.0, 0.05, more=4)
    assert found == planning.power(unequal(20, 14, later), 1.0, 0.05)


def test_a_number_is_enough_and_one_fewer_is_not():
    design, wanted = two_sides(items=0.01), aim(1.0)
    more = int(planning.more_replicates(design, wanted))
    assert (
        planning.power(design, 1.0, 0.05, more=more) >= 0.8 > planning.power(design, 1.0, 0.05, more=more - 1)
    )
    assert planning.more_replicates(design, aim(10.0)) == 0


def test_no_number_of_replicates_makes_up_for_images_and_more_images_do():
    design, wanted = two_sides(variance=0.01, items=0.2, interaction=0.005), aim(1.0)
    assert planning.more_replicates(design, wanted) == np.inf
    times = planning.images_for_replicates(design, wanted)
    assert 1 < times < np.inf
    assert planning.more_replicates(design, wanted, images=times) < np.inf
    alone = planning.images_alone(design, wanted)
    assert (
        planning.power(design, 1.0, 0.05, images=alone)
        >= 0.8
        > planning.power(design, 1.0, 0.05, images=0.95 * alone)
    )


def test_images_alone_are_not_enough_where_seeds_differ_too_much():
    assert planning.images_alone(two_sides(variance=2.0, items=0.01), aim(1.0)) == np.inf
    assert planning.images_for_replicates(two_sides(variance=2.0), aim(1.0)) == 1


def test_advice_ends_at_a_number_that_nobody_could_follow():
    assert planning.more_replicates(two_sides(), aim(0.02)) < planning.MOST_REPLICATES
    assert planning.more_replicates(two_sides(), aim(0.005)) == np.inf


def test_strength_from_other_objectives_lowers_the_number():
    prior = Prior(1.0, np.inf, 40, frozenset("abcde"))
    alone, borrowed = (
        planning.more_replicates(two_sides(3, prior=known), aim(2.5, 0.05 / 28)) for known in (None, prior)
    )
    assert 0 < borrowed < alone


def test_a_larger_variance_of_the_units_needs_more_and_the_interval_holds_the_number():
    design, wanted = two_sides(5), aim(1.0)
    low, high = planning.replicates_interval(design, wanted, 0.95)
    more = planning.more_replicates(design, wanted)
    assert low < more < high < np.inf
    narrow = planning.replicates_interval(design, wanted, 0.5)
    assert low <= narrow[0] <= more <= narrow[1] <= high
    # Of units that say more, the interval is shorter.
    surer = replace(design, sides=tuple(replace(side, df=40.0) for side in design.sides))
    assert planning.replicates_interval(surer, wanted, 0.95)[1] < high


@given(st.integers(2, 30), st.floats(0.05, 3), st.floats(0, 0.5), st.sampled_from([0.05, 0.005]))
def test_power_is_a_probability_and_grows_with_replicates_and_images(units, margin, items, level):
    design = two_sides(units, 0.5, items, interaction=0.1)
    now = planning.power(design, margin, level)
    assert 0 <= now <= 1
    assert planning.power(design, margin, level, more=5) >= now - 0.01
    assert planning.power(design, margin, level, images=3) >= now - 0.01
    assert planning.power(design, margin, level / 10) <= now + 1e-9 or now > 0.9


def test_only_a_look_is_advised_and_at_its_own_level():
    section = StatisticsSection(looks=[5, 10, 20])
    wanted = planning.aim_of(1.0, 5, 1, section.looks, section)
    assert wanted.steps == (5, 15)
    assert wanted.level(0) < wanted.level(5) < wanted.level(15) < 0.05
    assert planning.more_replicates(two_sides(5, variance=0.15), wanted) == 5
    assert planning.more_replicates(two_sides(5, variance=0.4), wanted) == 15
    assert planning.more_replicates(two_sides(5, variance=4.0), wanted) == np.inf
    last = planning.aim_of(1.0, 20, 1, section.looks, section)
    assert planning.more_replicates(two_sides(20, variance=4.0), last) == np.inf


def drawn(rng, units, items, effect=0.0, seeds=1.0, interaction=1.0):
    """Two sides of crossed observations, with four more objectives that vary alike."""
    names = tuple(map(str, range(units)))
    sides = [
        Stratum(
            sign,
            names,
            (
                seeds * rng.normal(size=(units, 1, 1))
                + interaction * rng.normal(size=(units, 1, items))
                + sign * effect / 2
            ),
            name,
        )
        for sign, name in ((1, "t"), (-1, "c"))
    ]
    deviation = np.sqrt(seeds**2 + interaction**2 / items)
    means = {name: dict(zip(names, deviation * rng.normal(size=units), strict=True)) for name in "wxyz"}
    means |= {
        side.objective: dict(zip(names, side.observations.mean(axis=(1, 2)), strict=True)) for side in sides
    }
    return [Part("d", tuple(sides), means)]


def test_the_parts_of_a_variance_are_those_that_were_drawn():
    rng = np.random.default_rng(0)
    found = [planning.designed(drawn(rng, 5, 40, interaction=3.0)) for _ in range(200)]
    sides = [side for design in found for side in design.sides]
    assert np.mean([side.interaction for side in sides]) == pytest.approx(9 / 40, rel=0.05)
    assert np.mean([side.variance for side in sides]) == pytest.approx(1 + 9 / 40, rel=0.1)
    assert np.median([side.df for side in sides]) > 8  # of its own it would have 4


@pytest.mark.slow
def test_the_power_is_the_share_of_decided_experiments():
    rng = np.random.default_rng(0)
    level, margin, runs = 0.01, 2.0, 1500
    prior = Prior(1.0, np.inf, 24, frozenset("tcwxyz"))
    side = Side(5, 1 + 1 / 50, 24, 1 / 50, prior)
    expected = planning.power(Design((side, side), NOTHING, NOTHING), margin, level)
    decided = []
    for truth in (0.0, margin):
        found = [estimate(drawn(rng, 5, 50, truth)) for _ in range(runs)]
        equivalent = np.array([verdicts.p_equivalence(one, margin) <= level for one in found])
        different = np.array([verdicts.p_difference(one) <= level for one in found]) & ~equivalent
        decided.append((different if truth else equivalent).mean())
    assert min(decided) == pytest.approx(expected, abs=0.05)


def test_a_side_of_one_unit_tells_nothing():
    one = Stratum(1, ("a",), np.zeros((1, 1, 4)))
    many = Stratum(-1, ("b", "c"), np.random.default_rng(0).normal(size=(2, 1, 4)))
    assert planning.designed([Part("d", (one, many))]) is None
    assert np.isnan(planning.more_replicates(None, aim(1.0)))
    assert np.isnan(planning.images_alone(None, aim(1.0)))


def test_where_nothing_varies_nothing_is_known():
    assert np.isnan(planning.power(two_sides(variance=0.0), 1.0, 0.05))
    assert np.isnan(planning.more_replicates(two_sides(variance=0.0), aim(1.0)))


def test_the_table_has_a_row_for_each_effect_that_decides():
    rng = np.random.default_rng(1)
    rows = [
        effect(replicates=5, comparisons=28, margin=2.0, verdict="undecided", n_clusters=40),
        effect(dataset="shapes"),
        effect("few_shot", replicates=5, verdict="identical", comparisons=28),
    ]
    parts = [{"shapes": drawn(rng, 5, 40)[0]}] * 3
    table = checked(planning.plan(pd.DataFrame(rows), parts, StatisticsSection(primary=["transfer"])), PLAN)
    assert table["protocol"].tolist() == ["transfer", "few_shot"]
    assert table["primary"].tolist() == [True, False]
    first, identical = table.to_dict("records")
    assert 5 < first["needed_low"] <= first["needed"] <= first["needed_high"]
    assert first["images"] == 40
    assert 0 < first["power"] < 0.8
    assert np.isnan(identical["needed"])
