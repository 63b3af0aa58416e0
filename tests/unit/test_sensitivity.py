"""Sensitivity analyses against direct estimates and statsmodels, and notes where one is impossible."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.meta_analysis import combine_effects

from hand_made import effect, model_card
from measures import MEASURES
from wordsight.config.statistics import StatisticsSection
from wordsight.protocols.rows import make_rows, write_rows
from wordsight.statistics import verdicts
from wordsight.statistics.comparison import Comparison
from wordsight.statistics.components import Part, Stratum, estimate
from wordsight.statistics.effects import compare
from wordsight.statistics.paired_effects import Material
from wordsight.statistics.random_effects import random_effects
from wordsight.statistics.sensitivity import (
    COLUMNS,
    ELSEWHERE,
    META,
    MIXED,
    WITHOUT_DATASET,
    WITHOUT_MODEL,
    read_elsewhere,
    sensitivities,
)
from wordsight.tables.schema import checked
from wordsight.tables.schemas import SENSITIVITY

SECTION = StatisticsSection()


def observed(rng, units, shift=0.0, spread=0.03):
    """Observations of units that differ, of shape (units, trials, items)."""
    return 0.5 + shift + spread * rng.normal(size=(units, 1, 1)) + 0.1 * rng.normal(size=(units, 2, 20))


def matched(groups=5, datasets="xyz", shift=0.1):
    """Differences of matched groups by dataset."""
    rng = np.random.default_rng(0)
    names = tuple(f"seed {place}" for place in range(groups))
    return {name: Part(name, (Stratum(1, names, observed(rng, groups, shift - 0.5)),)) for name in datasets}


def sides(treatments=4, controls=4, datasets="xy", values=observed):
    """Models of two sides by dataset, each easier for all than the one before."""
    rng = np.random.default_rng(1)
    return {
        name: Part(
            name,
            tuple(
                Stratum(
                    sign, tuple(f"{side}{i}" for i in range(units)), values(rng, units, shift) + 0.05 * place
                )
                for side, sign, units, shift in (("t", 1, treatments, 0.1), ("c", -1, controls, 0.0))
            ),
        )
        for place, name in enumerate(datasets)
    }


def of_models(between):
    """Draw observations of models that keep their level over datasets."""

    def values(rng, units, shift):
        levels = between * np.random.default_rng(units).normal(size=(units, 1, 1))
        return observed(rng, units, shift + levels, 0.02)

    return values


def traits(architecture=lambda _: "timm/net", size=lambda _: 1000, models=110):
    """Architecture and number of images by model."""
    names = [f"{side}{place}" for side in "tc" for place in range(models)]
    return {name: model_card(name, architecture=architecture(name), images=size(name)) for name in names}


def analyse(parts, cards=None, **changes):
    """Analyses of one row that decides."""
    row = pd.DataFrame([effect(**changes)])
    found = sensitivities(row, [parts], SECTION, traits() if cards is None else cards)
    assert list(found.columns) == COLUMNS
    return checked(found, SENSITIVITY)


def only(frame, analysis):
    frame = frame[frame["analysis"] == analysis]
    assert len(frame) == 1
    return frame.iloc[0]


def check(row, found, margin=0.03):
    """Compare a row with a direct estimate."""
    expected = (found.effect, *verdicts.interval(found, 0.95), verdicts.p_difference(found))
    assert tuple(row[["effect", "low", "high", "p_value"]]) == pytest.approx(expected)
    equivalence = verdicts.p_equivalence(found, margin)
    assert row["verdict"] == verdicts.judge(found.effect, expected[3], equivalence, 0.05)


def test_only_rows_that_decide_are_analysed():
    frame = pd.DataFrame([effect(), effect(dataset="x"), effect(contrast="other")])
    found = sensitivities(frame, [matched()] * 3, SECTION, {})
    assert set(found["contrast"]) == {"language", "other"}
    assert len(found) == 2 * (5 + 3 + 2)
    assert sensitivities(frame.iloc[1:2], [matched()], SECTION, {}).columns.tolist() == COLUMNS


def test_without_each_group_the_effect_is_that_of_the_others():
    parts = matched()
    found = analyse(parts)
    found = found[found["analysis"] == WITHOUT_MODEL]
    assert found["left_out"].tolist() == [f"seed {place}" for place in range(5)]
    for place, row in enumerate(found.to_dict("records")):
        kept = [index for index in range(5) if index != place]
        rest = [
            Part(name, (Stratum(1, tuple("abcd"), part.strata[0].observations[kept]),))
            for name, part in parts.items()
        ]
        check(pd.Series(row), estimate(rest))
        assert row["n"] == 4


def test_without_each_model_of_a_side_the_other_side_stays():
    parts = sides(treatments=3, controls=4)
    found = analyse(parts)
    found = found[found["analysis"] == WITHOUT_MODEL].set_index("left_out")
    assert found.index.tolist() == ["t0", "t1", "t2", "c0", "c1", "c2", "c3"]
    rest = [
        Part(name, (part.strata[0], Stratum(-1, tuple("abc"), part.strata[1].observations[[0, 1, 3]])))
        for name, part in parts.items()
    ]
    check(found.loc["c2"], estimate(rest))
    assert found["n"].tolist() == [2, 2, 2, 3, 3, 3, 3]


def test_no_model_is_left_out_of_a_side_of_two():
    found = analyse(sides(treatments=2, controls=4))
    left_out = found.loc[found["analysis"] == WITHOUT_MODEL, "left_out"]
    assert left_out.tolist() == ["c0", "c1", "c2", "c3"]
    assert WITHOUT_MODEL not in set(analyse(matched(groups=2))["analysis"])


def test_without_each_dataset_the_effect_is_the_mean_over_the_others():
    parts = matched()
    found = analyse(parts)
    found = found[found["analysis"] == WITHOUT_DATASET].set_index("left_out")
    assert found.index.tolist() == ["x", "y", "z"]
    for name in parts:
        check(found.loc[name], estimate([part for other, part in parts.items() if other != name]))
    assert set(found["n"]) == {2}


def test_leaving_one_out_can_change_a_verdict():
    numbers = np.array([0.02, -0.01, 0.015, 0.01, 0.6])
    values = numbers[:, None, None] + np.zeros((1, 1, 4))
    parts = {"x": Part("x", (Stratum(1, tuple("abcde"), values),))}
    found = analyse(parts).set_index("left_out")["verdict"]
    assert found.to_dict() == dict.fromkeys("abcd", "undecided") | {"e": "equivalent"}


def test_one_dataset_has_no_analysis_over_datasets():
    assert set(analyse(matched(datasets="x"))["analysis"]) == {WITHOUT_MODEL}


# Meta-analysis.


@pytest.mark.parametrize("spread", [0.0, 0.01, 0.1, 1.0])
@pytest.mark.parametrize("datasets", [2, 3, 8])
def test_random_effects_are_those_of_statsmodels(spread, datasets):
    rng = np.random.default_rng([datasets, int(spread * 100)])
    variances = rng.uniform(0.01, 0.05, size=datasets) ** 2
    effects = 0.05 + spread * rng.normal(size=datasets) + np.sqrt(variances) * rng.normal(size=datasets)
    mean, stderr, heterogeneity = random_effects(effects, variances)
    with np.errstate(invalid="ignore"):
        peer = combine_effects(effects, variances, method_re="dl", use_t=True)
    # It lets the variance between datasets be negative; held at zero, random effects are the fixed ones.
    kind = "re" if peer.tau2 > 0 else "fe"
    weighted, adjusted = getattr(peer, f"sd_eff_w_{kind}"), getattr(peer, f"sd_eff_w_{kind}_hksj")
    assert mean == pytest.approx(getattr(peer, f"mean_effect_{kind}"))
    assert stderr == pytest.approx(max(weighted, adjusted))
    assert heterogeneity == pytest.approx(max(peer.i2, 0.0))


def test_the_standard_error_over_datasets_is_the_larger_of_the_two():
    alike, apart = np.array([0.1, 0.101, 0.099]), np.array([0.0, 0.2, 0.4])
    variances = np.full(3, 0.01**2)
    assert random_effects(alike, variances)[1:] == pytest.approx((0.01 / np.sqrt(3), 0.0))
    assert random_effects(apart, variances)[1] == pytest.approx(0.2 / np.sqrt(3))
    assert random_effects(apart, variances)[2] == pytest.approx(1 - 2 / 800)
    assert random_effects(np.full(3, 0.1), variances) == pytest.approx((0.1, 0.01 / np.sqrt(3), 0.0))


def test_the_row_over_datasets_has_the_interval_of_hartung_and_knapp():
    rng = np.random.default_rng(4)
    parts = {
        name: Part(name, (Stratum(1, tuple("abcde"), observed(rng, 5, shift - 0.5, 0.01)),))
        for name, shift in (("x", 0.1), ("y", 0.3), ("z", 0.15))
    }
    row = only(analyse(parts), META)
    found = [estimate([part]) for part in parts.values()]
    effects, variances = np.array([e.effect for e in found]), np.array([e.stderr**2 for e in found])
    peer = combine_effects(effects, variances, method_re="dl", use_t=True)
    assert peer.sd_eff_w_re_hksj > peer.sd_eff_w_re
    assert row["effect"] == pytest.approx(peer.mean_effect_re)
    low, high = peer.conf_int(alpha=0.05, use_t=True)[3]
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    p = 2 * stats.t.sf(peer.mean_effect_re / peer.sd_eff_w_re_hksj, 2)
    assert (row["p_value"], row["heterogeneity"]) == pytest.approx((p, peer.i2))
    assert (row["n"], row["verdict"], row["note"]) == (3, "", "")


def test_a_dataset_without_a_standard_error_is_said_and_has_no_mean():
    parts = matched(datasets="xy") | {"z": Part("z", (Stratum(1, ("a", "b"), np.full((2, 1, 3), 0.3)),))}
    row = only(analyse(parts), META)
    assert row["note"] == "a dataset has no standard error"
    assert row[["effect", "low", "high", "p_value", "heterogeneity"]].isna().all()


# The mixed model.


def by_size(name):
    return 10 ** (3 + int(name[1:]) % 4)


def by_number(name):
    return f"timm/net{int(name[1:]) % 2}"


def means(parts):
    """Mean of every model on every dataset."""
    rows = [
        (name, unit, float(stratum.sign > 0), values.mean())
        for name, part in parts.items()
        for stratum in part.strata
        for unit, values in zip(stratum.units, stratum.observations, strict=True)
    ]
    return pd.DataFrame(rows, columns=["dataset", "model", "treated", "value"])


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ConvergenceWarning")
def test_the_mixed_model_is_that_of_a_direct_fit():
    parts, cards = sides(treatments=8, controls=9, datasets="wxyz"), traits(by_number, by_size)
    row = only(analyse(parts, cards), MIXED)
    frame = means(parts).assign(one=1)
    frame["size"] = np.log10([cards[unit].pretraining_images for unit in frame["model"]])
    frame["second"] = [float(cards[unit].architecture == "timm/net1") for unit in frame["model"]]
    peer = MixedLM.from_formula(
        "value ~ treated + size + second",
        frame,
        groups="one",
        vc_formula={"dataset": "0 + C(dataset)", "model": "0 + C(model)"},
    ).fit(method="powell")
    reach = stats.t.ppf(0.975, 17 - 4) * peer.bse["treated"]  # the models beyond the coefficients
    p = 2 * stats.t.sf(abs(peer.params["treated"]) / peer.bse["treated"], 17 - 4)
    expected = [peer.params["treated"], peer.params["treated"] - reach, peer.params["treated"] + reach, p]
    assert row[["effect", "low", "high", "p_value"]].tolist() == pytest.approx(expected, rel=1e-3)
    assert row["n"] == 17


def test_a_family_has_the_covariates_of_its_members():
    parts = sides(treatments=4, controls=4)
    cards = traits(size=by_size)
    expected = only(analyse(parts, cards), MIXED)
    renamed = {
        name: replace(
            part,
            strata=tuple(
                replace(s, units=tuple("f (treatment)" if unit == "t0" else unit for unit in s.units))
                for s in part.strata
            ),
        )
        for name, part in parts.items()
    }
    family = {name: one for name, one in cards.items() if name != "t0"} | {
        name: cards["t0"].model_copy(update={"name": name, "family": "f"}) for name in ("a", "b")
    }
    found = only(analyse(renamed, family), MIXED)
    columns = ["effect", "low", "high", "p_value"]
    assert found[columns].tolist() == pytest.approx(expected[columns].tolist(), rel=1e-4)
    assert np.isfinite(found["effect"])
    assert found["note"] == expected["note"]


def test_of_as_many_models_on_every_dataset_the_mixed_model_has_the_error_of_a_pooled_t_test():
    parts = sides(treatments=6, controls=9, datasets="wxyz", values=of_models(0.05))
    row = only(analyse(parts), MIXED)
    by_model = means(parts).groupby(["treated", "model"])["value"].mean()
    t, c = by_model[1.0], by_model[0.0]
    pooled = (5 * t.var() + 8 * c.var()) / 13 * (1 / 6 + 1 / 9)
    reach = stats.t.ppf(0.975, 13) * np.sqrt(pooled)
    assert row["effect"] == pytest.approx(t.mean() - c.mean())
    assert (row["high"] - row["low"]) / 2 == pytest.approx(reach, rel=1e-3)


def test_the_mixed_model_tells_a_contrast_from_the_size_that_goes_with_it():
    def values(rng, units, shift):
        sizes = np.array([by_size(f"t{place}") * (100 if shift else 1) for place in range(units)])
        return (
            observed(rng, units, 0.05 * np.log10(sizes), 0.005)
            if False
            else (0.05 * np.log10(sizes)[:, None, None] + 0.01 * rng.normal(size=(units, 2, 20)))
        )

    cards = traits(size=lambda name: by_size(name) * (100 if name[0] == "t" else 1))
    parts = sides(treatments=8, controls=8, values=values)
    assert estimate(list(parts.values())).effect == pytest.approx(0.1, abs=0.01)
    row = only(analyse(parts, cards), MIXED)
    assert row["effect"] == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    ("parts", "cards", "note"),
    [
        (matched(), {}, "matched groups have no covariate left: their difference is the effect"),
        (sides(3, 2), {}, "5 models are too few, expected 6 or more"),
        (sides(), traits(lambda name: f"timm/{name[0]}"), "a covariate is confounded with the contrast"),
        (
            sides(),
            traits(size=lambda name: 10 if name[0] == "t" else 100),
            "a covariate is confounded with the contrast",
        ),
        (sides(values=lambda _, n, shift: np.full((n, 2, 7), 0.3 + shift)), {}, "all values are equal"),
    ],
    ids=["matched", "few", "architecture", "size", "constant"],
)
def test_where_a_mixed_model_cannot_be_fitted_a_note_says_why(parts, cards, note):
    row = only(analyse(parts, cards), MIXED)
    assert row["note"] == note
    assert row[["effect", "low", "high", "p_value"]].isna().all()
    assert row["n"] == len({unit for part in parts.values() for s in part.strata for unit in s.units})


@pytest.mark.parametrize(
    ("cards", "note"),
    [
        (traits(), "the same for all: pretraining size, architecture"),
        (traits(by_number), "the same for all: pretraining size"),
        (traits(size=by_size), "the same for all: architecture"),
        (traits(by_number, by_size), ""),
    ],
)
def test_covariates_that_all_models_share_are_said_to_be_left_out(cards, note):
    row = only(analyse(sides(8, 8, "wxyz"), cards), MIXED)
    assert row["note"].removesuffix("the fit is singular").removesuffix("; ") == note  # its variance is small
    assert row["low"] < row["effect"] < row["high"]


def test_a_group_replaces_the_architecture_and_names_of_weights_are_ignored():
    parts, names = sides(8, 8, "wxyz"), traits(size=by_size)
    confounded = {
        name: card.model_copy(update={"architecture": f"timm/{name[0]}"}) for name, card in names.items()
    }
    grouped = {name: card.model_copy(update={"group": "vit"}) for name, card in confounded.items()}
    tagged = {
        name: card.model_copy(update={"architecture": f"timm/net.{name}"}) for name, card in names.items()
    }
    wanted = analyse(parts, names)
    pd.testing.assert_frame_equal(analyse(parts, grouped), wanted)
    pd.testing.assert_frame_equal(analyse(parts, tagged), wanted)
    assert only(analyse(parts, confounded), MIXED)["note"] == "a covariate is confounded with the contrast"


def test_only_a_singular_fit_has_a_note_about_it():
    spread = sides(9, 10, "uvwxyz", values=of_models(0.02))
    # What is a good model on one dataset is a bad one on the next, so that no model is better than another.
    alike = {}
    for name, part in sides(9, 10, "uwy", values=of_models(0.02)).items():
        turned = [replace(s, observations=2 * s.observations.mean() - s.observations) for s in part.strata]
        alike |= {name: part, f"{name}, turned": Part(f"{name}, turned", tuple(turned))}
    cards = traits(by_number, by_size)
    notes = [only(analyse(parts, cards), MIXED)["note"] for parts in (alike, spread)]
    assert notes == ["the fit is singular", ""]


def test_a_dataset_where_one_group_is_left_makes_no_mixed_model_of_groups_and_models():
    parts = matched(datasets="xy", groups=6) | {"z": sides(3, 3, "z")["z"]}
    assert only(analyse(parts), MIXED)["note"].startswith("matched groups have no covariate left")


@pytest.mark.parametrize(
    "name", ["a'b", '<b>"x"</b>', r"$\alpha_1\\$ & 50% {#} ~", "Q('x') + 1", "first\nsecond"]
)
def test_architectures_with_markup_are_fitted_as_plain_ones_are(name):
    parts = sides(5, 5)
    found, plain = (
        analyse(parts, traits(lambda model, name=name: name if int(model[1:]) % 2 else "plain"))
        for name in (name, "q")
    )
    pd.testing.assert_frame_equal(found, plain)


def test_two_hundred_models_are_each_left_out_in_a_moment():
    parts = matched(groups=200, datasets="xy")
    start = time.monotonic()
    found = analyse(parts)
    assert time.monotonic() - start < 10
    assert (found["analysis"] == WITHOUT_MODEL).sum() == 200
    assert set(found.loc[found["analysis"] == WITHOUT_MODEL, "n"]) == {199}


# Features read elsewhere


def measured(tmp_path, levels, dataset="d"):
    """Files of rows of few-shot learning, of models with these mean accuracies."""
    rng = np.random.default_rng(5)
    shared = 0.1 * rng.normal(size=(4, 50))
    paths = []
    for model, level in levels.items():
        values = (rng.random((4, 50)) < level + shared).astype(float)
        keys = {
            "protocol": "few_shot",
            "model": model,
            "dataset": dataset,
            "mode": "sound",
            "metric": "accuracy",
        }
        items = [f"i{place:02}" for place in range(50)]
        tables = [make_rows(trial=t, seed=0, items=items, values=row, **keys) for t, row in enumerate(values)]
        paths.append(tmp_path / f"{model}.parquet")
        write_rows(paths[-1], tables)
    return paths


def test_an_effect_is_estimated_again_with_the_features_of_another_place(tmp_path):
    levels = {
        "a": 0.9,
        "a-embedding": 0.3,
        "b": 0.88,
        "b-embedding": 0.32,
        "d": 0.91,
        "c": 0.5,
        "e": 0.52,
        "f": 0.49,
    }
    paths = measured(tmp_path, levels)
    pairs = [(one, other) for one in "abd" for other in "cef"]
    there = {"embedding": {"a": "a-embedding", "b": "b-embedding"}}
    contrasts = [
        Comparison(name="language", pairs=pairs, groups=[""] * 9, elsewhere=there),
        Comparison(name="other", pairs=[("c", "e")], groups=[""]),
    ]
    material = Material(StatisticsSection(resamples=100), 0, MEASURES)
    frame, parts = compare(paths, contrasts, material)
    elsewhere = read_elsewhere(paths, contrasts, material)
    found = sensitivities(frame, parts, SECTION, traits(), elsewhere)
    row = only(checked(found, SENSITIVITY), ELSEWHERE)
    assert (row["contrast"], row["left_out"], row["n"]) == ("language", "embedding", 3)
    # As if these models had been compared in the first place.
    pairs = contrasts[0].at("embedding").pairs
    direct, direct_parts = compare(paths, [Comparison(name="x", pairs=pairs, groups=[""] * 9)], material)
    check(row, estimate(list(direct_parts[-1].values())))
    assert row["effect"] == pytest.approx(direct.iloc[-1]["effect"])
    main = frame[(frame["contrast"] == "language") & frame["decides"]].iloc[0]
    assert main["effect"] > 0.3 > 0.1 > row["effect"]
    assert found[found["contrast"] == "other"]["analysis"].ne(ELSEWHERE).all()


def test_without_further_places_nothing_is_estimated_again(tmp_path):
    material = Material(SECTION, 0, MEASURES)
    plain = Comparison(name="language", pairs=[("a", "c")], groups=[""])
    assert read_elsewhere(measured(tmp_path, {"a": 0.9, "c": 0.5}), [plain], material) == {}
