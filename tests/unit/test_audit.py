"""The audit finds each planted reason not to believe a verdict, and no others."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from hand_made import (
    CHECKS,
    comparison,
    crossed_rows,
    dataset_card,
    effect,
    model_card,
    results,
    row,
    sensitivity,
    training_card,
)
from measures import MEASURES
from wordsight.catalogue.cells import ALL_NEW
from wordsight.statistics.audit import Evidence, audited
from wordsight.statistics.self_checks import ATTACK_CHECKS
from wordsight.statistics.sensitivity import ELSEWHERE, WITHOUT_DATASET, WITHOUT_MODEL
from wordsight.tables.schema import checked
from wordsight.tables.schemas import CONTRASTS, FLAGS

MODELS = ["first", "second", "raw"]


def cards(**changes):
    """Cards of the two models of the contrast, and of an untrained one of the same architecture."""
    found = {name: model_card(name) for name in MODELS[:2]} | {"raw": model_card("raw", "none", images=0)}
    return {name: card.model_copy(update=changes.get(name)) for name, card in found.items()}


def evidence(**changes):
    """Evidence without any reason to doubt the verdict."""
    values = {
        "summary": results(MODELS),
        "sensitivity": pd.DataFrame([sensitivity()]),
        "comparisons": {"language": comparison()},
        "models": cards(),
        "datasets": {name: dataset_card(name) for name in ("shapes", "toys")},
        "measures": MEASURES,
    }
    return Evidence(**values | changes)


def audit(row, **changes):
    """Audit of one row of the contrasts."""
    found = audited(pd.DataFrame([row]), evidence(**changes))
    assert len(found) == 1
    return found.iloc[0]


def flags(row, **changes):
    return audit(row, **changes)["flags"].split("; ") if audit(row, **changes)["flags"] else []


def measured(metric, value, protocol="transfer", dataset="toys", model="second", **changes):
    """Results with another value of one metric of one model."""
    whole = {"n": 1, "unit": "trials", "stderr": float("nan")} | changes
    rows = results(MODELS)
    keys = {"metric": metric, "protocol": protocol, "dataset": dataset, "model": model}
    same = np.all([rows[key] == wanted for key, wanted in keys.items()], axis=0)
    extra = pd.DataFrame([row(protocol, model, dataset, metric, value, **whole)])
    return pd.concat([rows[~same], extra], ignore_index=True)


def objective(learned):
    """What a card says of a training that learned or not; one of a model from elsewhere has none."""
    return {"training": training_card("labels", 0, learned)}


def left_out(analysis, verdict, **changes):
    """Sensitivity where one of two verdicts is this one."""
    rows = [sensitivity(analysis, "a", verdict="helps"), sensitivity(analysis, "b", verdict=verdict)]
    return pd.DataFrame([found | changes for found in rows])


def greedy(treatment, control, metric="accuracy_greedy", protocol="clustering", **changes):
    """Results with the authors' choice of a measurement on two datasets."""
    extra = [
        row(protocol, model, dataset, metric, value, **changes)
        for model, value in (("first", treatment), ("second", control))
        for dataset in ("shapes", "toys")
    ]
    return pd.concat([results(MODELS), pd.DataFrame(extra)], ignore_index=True)


def twins(**changes):
    """Cards of the two datasets, the second with these twins between training and test."""
    return {"shapes": dataset_card("shapes"), "toys": dataset_card("toys", **changes)}


PLANTED = {
    "few replicates": [(effect(replicates=4), {}), (effect(dataset="toys", replicates=1), {})],
    "ceiling": [
        (effect(treatment=0.981, control=0.781), {}),
        (effect(effect=-0.2, treatment=0.79, control=0.99, verdict="hurts"), {}),
    ],
    "floor": [(effect(effect=0.01, treatment=0.26, control=0.25), {})],
    "unconverged": [
        (effect(), {"summary": measured("converged", 0.0)}),
        (effect(), {"summary": measured("converged", 0.5, model="first", dataset="shapes")}),
        (effect(dataset="toys"), {"summary": measured("converged", 0.0)}),
    ],
    "not learned": [
        (effect(), {"models": cards(first=objective(False))}),
        (effect(), {"models": cards(first=objective(True), second=objective(False))}),
    ],
    "near duplicates": [
        (effect(), {"datasets": twins(exact=1)}),
        (effect(), {"datasets": twins(near=11)}),  # of 200
        (effect(dataset="toys"), {"datasets": twins(exact=3)}),
    ],
    "flips without one model": [
        (effect(), {"sensitivity": left_out(WITHOUT_MODEL, "undecided")}),
        (effect(), {"sensitivity": left_out(WITHOUT_MODEL, "equivalent")}),
        (effect(effect=-0.2, verdict="equivalent"), {"sensitivity": left_out(WITHOUT_MODEL, "equivalent")}),
    ],
    "flips without one dataset": [(effect(), {"sensitivity": left_out(WITHOUT_DATASET, "hurts")})],
    "flips elsewhere": [
        (effect(), {"sensitivity": left_out(ELSEWHERE, "undecided")}),
        (effect(verdict="identical"), {"sensitivity": left_out(ELSEWHERE, "undecided", effect=0.01)}),
    ],
    "confounded": [
        (effect(), {"models": cards(second={"architecture": "timm/other"})}),
        (effect(), {"models": cards(second={"features": "embedding", "weights_sha256": "c" * 64})}),
        (effect(), {"models": cards(second={"pretraining_data": "other images"})}),
        (effect(), {"models": cards(second={"pretraining_images": 2000})}),
    ],
    "collapsed seed": [(effect(collapsed="first"), {})],
    "modes disagree": [
        (effect("clustering"), {"summary": greedy(0.4, 0.5)}),
        (effect("clustering", effect=-0.2, verdict="hurts"), {"summary": greedy(0.5, 0.4)}),
        (
            effect("few_shot", parameter="shots", setting=5.0),
            {"summary": greedy(0.4, 0.5, "accuracy_unnormalised", "few_shot", parameter="shots", setting=5.0)},
        ),
    ],
    "attack self-check": [
        (effect("robustness"), {"summary": measured(check, ATTACK_CHECKS.get(check, 0.0) + 0.01, "robustness")})
        for check in CHECKS
    ],
}  # fmt: skip

# What comes close to a flag and is none.
HARMLESS = {
    "few replicates": [(effect(replicates=5), {})],
    "ceiling": [(effect(treatment=0.98, control=0.78), {})],
    "floor": [
        (effect(effect=0.03, treatment=0.28, control=0.25), {}),
        (effect("clustering", effect=0.0, treatment=0.02, control=0.02), {}),  # whose guessing is not known
    ],
    "unconverged": [
        (effect(dataset="shapes"), {"summary": measured("converged", 0.0)}),
        (effect(), {"summary": measured("converged", 0.0, model="raw")}),
        (effect("few_shot"), {"summary": measured("converged", 0.0)}),
    ],
    "not learned": [
        (effect(), {"models": cards(first=objective(True), second=objective(None))}),
        (effect(), {"models": cards(raw=objective(False))}),
        (effect(), {"models": cards(first={"training": None})}),
    ],
    "near duplicates": [
        (effect(), {"datasets": twins(near=10)}),
        (effect(dataset="shapes"), {"datasets": twins(exact=3, near=50)}),
    ],
    "flips without one model": [
        (effect(), {"sensitivity": left_out(WITHOUT_MODEL, "helps")}),
        (effect(verdict="undecided"), {"sensitivity": left_out(WITHOUT_MODEL, "helps")}),
        (effect(), {"sensitivity": left_out(WITHOUT_MODEL, "hurts", contrast="other")}),
        (effect(dataset="toys"), {"sensitivity": left_out(WITHOUT_MODEL, "hurts")}),
    ],
    "flips without one dataset": [
        (effect(), {"sensitivity": left_out(WITHOUT_DATASET, "helps")}),
        (effect(), {"sensitivity": left_out(WITHOUT_DATASET, "hurts", protocol="few_shot")}),
    ],
    "flips elsewhere": [
        (effect(), {"sensitivity": left_out(ELSEWHERE, "helps")}),
        (effect(), {"sensitivity": left_out(ELSEWHERE, "hurts", contrast="other")}),
        (effect(verdict="identical"), {"sensitivity": left_out(ELSEWHERE, "undecided", effect=0.0)}),
    ],
    "confounded": [
        (effect(), {"models": cards(second={"language": "captions", "licence": "other"})}),
        # The same network on both sides: where it is read is the contrast.
        (effect(), {"models": cards(second={"features": "embedding"})}),
        # Nothing was learned on one side: that is the contrast.
        (effect(), {"models": cards(second={"pretraining_images": 0, "pretraining_data": "none"})}),
    ],
    "collapsed seed": [(effect(), {})],
    "modes disagree": [
        (effect("clustering"), {"summary": greedy(0.5, 0.4)}),
        (effect("clustering", verdict="undecided"), {"summary": greedy(0.4, 0.5)}),
        (effect("clustering", effect=0.01, verdict="equivalent"), {"summary": greedy(0.4, 0.5)}),
        (effect("transfer"), {"summary": greedy(0.4, 0.5)}),
        (
            effect("few_shot", parameter="shots", setting=5.0),
            {"summary": greedy(0.4, 0.5, "accuracy_unnormalised", "few_shot", parameter="shots", setting=1.0)},
        ),
    ],
    "attack self-check": [
        *(
            (effect("robustness"), {"summary": measured(check, limit, "robustness")})
            for check, limit in ATTACK_CHECKS.items()
        ),
        (effect("robustness"), {"summary": measured("randomised", 1.0, "robustness", model="raw")}),
        (effect("transfer"), {"summary": measured("randomised", 1.0, "robustness")}),
        (effect("robustness"), {"summary": measured("unbroken_at_largest", 0.5, "robustness").query("setting < 0.5")}),
    ],
}  # fmt: skip


def cases(table):
    return [
        pytest.param(flag, *case, id=f"{flag}-{place}")
        for flag, found in table.items()
        for place, case in enumerate(found)
    ]


def test_every_flag_has_a_case_with_and_without_it():
    assert list(PLANTED) == list(HARMLESS) == list(FLAGS)


@pytest.mark.parametrize("protocol", ["clustering", "few_shot", "transfer", "robustness"])
def test_a_comparison_without_problems_has_no_flag(protocol):
    assert flags(effect(protocol)) == []


@pytest.mark.parametrize(("flag", "row", "changes"), cases(PLANTED))
def test_a_planted_reason_is_flagged_and_no_other(flag, row, changes):
    assert flags(row, **changes) == [flag]


@pytest.mark.parametrize(("flag", "row", "changes"), cases(HARMLESS))
def test_a_near_miss_is_not_flagged(flag, row, changes):
    assert flags(row, **changes) == []


def test_several_flags_keep_their_order():
    row = effect(replicates=2, treatment=0.99, control=0.79)
    models = cards(second={"architecture": "timm/other"} | objective(False))
    assert audit(row, models=models)["flags"] == "few replicates; ceiling; not learned; confounded"


def test_with_several_architectures_on_either_side_only_a_difference_between_sides_confounds():
    names = ["t0", "t1", "c0", "c1"]
    both = {"language": comparison(pairs=[("t0", "c0"), ("t1", "c1")], groups=["a", "b"])}
    for last, expected in (("b", []), ("c", ["confounded"])):
        of = dict(zip(names, ["a", "b", "a", last], strict=True))
        models = {name: model_card(name, architecture=of[name]) for name in names}
        assert flags(effect(), comparisons=both, models=models, summary=results(names)) == expected


# Baselines.


def test_guessing_is_one_in_the_number_of_classes_over_the_datasets_of_the_row():
    datasets = {
        "shapes": dataset_card("shapes", classes=["a", "b"]),
        "toys": dataset_card("toys", classes=list("abcde")),
    }
    assert audit(effect(), datasets=datasets)["chance"] == pytest.approx((1 / 2 + 1 / 5) / 2)
    assert audit(effect(dataset="toys"), datasets=datasets)["chance"] == pytest.approx(1 / 5)


def test_guessing_is_the_share_of_the_most_frequent_class_and_for_balanced_accuracy_of_each_alike():
    sizes = {"items": 200, "sha256": "c" * 64, "images_per_class": [160, 40, 0, 0]}
    datasets = {
        "shapes": dataset_card("shapes"),
        "toys": dataset_card("toys", splits={"train": sizes, "test": sizes}),
    }
    assert audit(effect(), datasets=datasets)["chance"] == pytest.approx((1 / 4 + 4 / 5) / 2)
    assert audit(effect(dataset="toys"), datasets=datasets)["chance"] == pytest.approx(4 / 5)
    rows = results(MODELS)
    rows.loc[rows["metric"] == "accuracy", "metric"] = "balanced_accuracy"
    row = effect(dataset="toys", metric="balanced_accuracy")
    assert audit(row, datasets=datasets, summary=rows)["chance"] == pytest.approx(1 / 2)


def test_recorded_guessing_is_used():
    rows = pd.DataFrame([row for name in MODELS for row in crossed_rows(name, "", 0)])
    rows.loc[rows["metric"] == "chance", "value"] = 0.07
    found = audit(effect("cross_style_retrieval", ALL_NEW), summary=rows)
    assert found["chance"] == pytest.approx(0.07)


def test_a_dataset_with_results_of_only_one_side_is_left_out():
    rows = results(MODELS).query("model != 'second' or dataset != 'toys'")
    datasets = {"shapes": dataset_card("shapes"), "toys": dataset_card("toys", 3, classes=["a", "b"])}
    found = audit(effect(), summary=rows, datasets=datasets)
    assert (found["chance"], found["flags"]) == (pytest.approx(1 / 4), "")
    shapes = rows.query("model == 'raw' and dataset == 'shapes' and protocol == 'transfer'")
    assert found["untrained"] == pytest.approx(shapes.query("metric == 'accuracy'")["value"].item())


@pytest.mark.parametrize("protocol", ["clustering", "robustness"])
def test_guessing_is_not_known_of_clusters_and_attacks(protocol):
    assert np.isnan(audit(effect(protocol))["chance"])


def test_untrained_is_the_mean_of_untrained_encoders_of_the_same_architecture_at_the_same_setting():
    extra = {
        "raw1": model_card("raw1", "none", 0),
        "odd": model_card("odd", "none", 0, architecture="timm/odd"),
    }
    rows = results([*MODELS, *extra])
    found = audit(effect("few_shot", parameter="shots", setting=5.0), models=cards() | extra, summary=rows)
    same = (rows["protocol"] == "few_shot") & (rows["setting"] == 5) & rows["model"].isin(["raw", "raw1"])
    assert found["untrained"] == pytest.approx(rows.loc[same, "value"].mean())
    one = audit(
        effect("few_shot", "toys", parameter="shots", setting=5.0), models=cards() | extra, summary=rows
    )
    assert one["untrained"] == pytest.approx(rows.loc[same & (rows["dataset"] == "toys"), "value"].mean())


def test_the_relative_effect_is_its_share_of_what_the_control_gains_over_untrained():
    found = audit(effect(effect=0.05, treatment=0.75, control=0.7))
    gain = 0.7 - results(["a", "b", "raw"]).query("model == 'raw' and protocol == 'transfer' and metric == 'accuracy'")["value"].mean()  # fmt: skip
    assert gain > 0.1
    assert found["relative"] == pytest.approx(0.05 / gain)


@pytest.mark.parametrize("above", [0.009, 0.0, -0.2])
def test_a_gain_too_small_to_divide_by_has_no_relative_effect(above):
    untrained = audit(effect())["untrained"]
    control = untrained + above
    assert np.isnan(audit(effect(effect=0.1, treatment=control + 0.1, control=control))["relative"])


@pytest.mark.parametrize(
    "changes",
    [
        {"models": {name: model_card(name) for name in MODELS[:2]}},
        {"models": cards(raw={"architecture": "timm/other"})},
        {"summary": results(MODELS[:2])},
        {"summary": results(MODELS).query("model != 'raw' or dataset == 'toys'")},
    ],
    ids=["none", "of another architecture", "without results", "without results of a dataset"],
)
def test_without_an_untrained_encoder_the_relative_effect_is_unknown(changes):
    found = audit(effect(), **changes)
    assert np.isnan([found["untrained"], found["relative"]]).all()


def test_the_audit_adds_four_columns_and_fits_the_schema():
    frame = pd.DataFrame([effect(), effect(dataset="shapes"), effect(dataset="toys")])
    found = checked(audited(frame, evidence()), CONTRASTS)
    added = ["chance", "untrained", "relative", "flags"]
    pd.testing.assert_frame_equal(found.drop(columns=added), frame[found.columns].drop(columns=added))


def test_an_empty_table_stays_empty():
    found = audited(pd.DataFrame([effect()]).iloc[:0], evidence())
    assert found.empty
    assert {"chance", "untrained", "relative", "flags"} <= set(found.columns)


def test_names_with_markup_do_not_change_the_audit():
    names = {"first": '<b>"t"</b>', "second": r"$\alpha$ & {50%}", "raw": "<script>", "shapes": r"\d[a-z]+(", "toys": "~|^"}  # fmt: skip
    plain = evidence(models=cards(second={"architecture": "timm/other"}))
    models = {
        names[name]: card.model_copy(update={"name": names[name]}) for name, card in plain.models.items()
    }
    strange = dataclasses.replace(
        plain,
        summary=plain.summary.replace({"model": names, "dataset": names}),
        comparisons={"<i>$x_1$</i>": comparison(pairs=[(names["first"], names["second"])])},
        models=models,
        datasets={names[name]: card for name, card in plain.datasets.items()},
    )
    added = ["chance", "untrained", "relative", "flags"]
    found = audited(
        pd.DataFrame([effect(contrast="<i>$x_1$</i>"), effect(dataset="~|^", contrast="<i>$x_1$</i>")]),
        strange,
    )
    expected = audited(pd.DataFrame([effect(), effect(dataset="toys")]), plain)
    pd.testing.assert_frame_equal(found[added], expected[added])
    assert set(found["flags"]) == {"confounded"}


def test_two_hundred_models_are_audited():
    names = [f"m{place}" for place in range(200)]
    pairs = list(zip(names[::2], names[1::2], strict=True))
    found = audit(
        effect(replicates=100),
        comparisons={"language": comparison(pairs=pairs, groups=names[::2])},
        models={name: model_card(name) for name in names} | {"m7": model_card("m7", **objective(False))},
        summary=results(names, protocols=("transfer",)),
    )
    assert found["flags"] == "not learned"
