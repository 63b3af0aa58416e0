"""The tables of the page: what each cell says, and the rows of results.csv that it leads to."""

import re
from dataclasses import replace
from urllib.parse import parse_qs

import pandas as pd
import pytest

from hand_made import (
    OBJECTIVES,
    complete,
    conclusions,
    contrasts,
    dataset_card,
    effect,
    make_run,
    model_card,
    results,
    row,
    sensitivity,
    trained_run,
    training_card,
)
from wordsight.catalogue import display
from wordsight.report.card_tables import dataset_table, model_table, training_table
from wordsight.report.effect_tables import conclusion_tables, contrast_tables, sensitivity_tables, sides
from wordsight.report.protocol_tables import cell_tables, primary_tables
from wordsight.report.table import query

HOSTILE = "</script><script>alert(1)</script>&\"'"


def test_the_primary_tables_have_a_row_a_model_and_setting_and_a_column_a_dataset():
    few_shot = next(table for table in primary_tables(complete()) if table.caption.startswith("Few-shot"))
    assert few_shot.columns == ["model", "shots", "shapes", "toys"]
    assert few_shot.rows[0] == ["first", "1", "50.0 ± 2.0", "60.0 ± 2.0"]
    assert [r[:2] for r in few_shot.rows] == [
        ["first", "1"],
        ["second", "1"],
        ["first", "5"],
        ["second", "5"],
    ]


def unbalanced(run):
    """The same run, with four times as many test images of one class on one dataset, and balanced accuracy."""
    card = dataset_card("toys")
    sizes = card.splits.test.model_copy(update={"images_per_class": [140, 20, 20, 20]})
    splits = card.splits.model_copy(update={"test": sizes})
    run.datasets["toys"] = card.model_copy(update={"splits": splits})
    rows = run.results
    rows = rows[rows["protocol"].isin(["transfer", "few_shot"]) & (rows["metric"] == "accuracy")]
    more = rows.assign(metric="balanced_accuracy", value=rows["value"] - 0.1)
    return replace(run, results=pd.concat([run.results, more], ignore_index=True))


@pytest.mark.parametrize("made", [lambda: complete(), lambda: trained_run()])
def test_balanced_accuracy_follows_where_classes_have_unequal_sizes(made):
    plain, found = primary_tables(made()), primary_tables(unbalanced(made()))
    captions = [table.caption for table in found]
    added = [table for table in found if "balanced accuracy" in table.caption]
    assert [table.caption.split(":")[0] for table in added] == ["Few-shot", "Transfer"]
    assert [table.caption for table in plain] == [one for one in captions if "balanced accuracy" not in one]
    for table in added:
        assert table.columns[-1] == "toys"
        assert "shapes" not in table.columns
        assert (
            captions.index(table.caption)
            == captions.index(next(one for one in captions if one.startswith(table.caption.split(":")[0])))
            + 1
        )
    assert added[1].rows[0][-1].split()[0] == "50.0"
    assert "metric=balanced_accuracy" in added[1].links[0, 1]


def test_the_table_of_datasets_says_how_equal_their_classes_are():
    run = unbalanced(complete())
    table = dataset_table(run)
    place = table.columns.index("test images of a class")
    assert [row[place] for row in table.rows] == ["50", "20 to 140"]


def test_the_table_of_datasets_counts_what_was_left_out_where_anything_was():
    run = complete()
    assert "damaged, left out" not in dataset_table(run).columns
    card = run.datasets["toys"]
    split = card.splits.test.model_copy(update={"damaged": ["a", "b"]})
    run.datasets["toys"] = card.model_copy(update={"splits": card.splits.model_copy(update={"test": split})})
    table = dataset_table(run)
    assert [row[table.columns.index("damaged, left out")] for row in table.rows] == ["0", "2"]


def test_a_missing_measurement_is_a_dash():
    rows = results()
    rows = rows[(rows["protocol"] != "robustness") | (rows["model"] == "first") | (rows["dataset"] == "toys")]
    table = primary_tables(complete(rows=rows))[-1]
    assert table.rows[1] == ["second", "–", "30.5 ± 2.0"]


def rows_of(run, wanted):
    """Rows of results.csv that a query of a cell asks for, as the page finds them."""
    asked, found = parse_qs(wanted), run.results
    if "contrast" in asked:
        both = sides(run)[asked.pop("contrast")[0]]
        models = {model for side in asked.pop("side", both) for model in both[side]}
        found = found[found["model"].isin(models)]
    for name, values in asked.items():
        as_text = found[name].map("{:g}".format) if name == "setting" else found[name]
        found = found[as_text.isin(values)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "made", [lambda: complete(), lambda: trained_run(), lambda: unbalanced(trained_run())]
)
def test_each_number_of_the_results_links_to_the_rows_that_it_is_the_mean_of(made):
    run = made()
    numbers = 0
    for table in [*primary_tables(run), *cell_tables(run)]:
        datasets = [place for place, title in enumerate(table.columns) if title in ("shapes", "toys")]
        first = datasets[0] if datasets else len(table.columns) - 4
        for place, cells in enumerate(table.rows):
            for at in range(first, len(cells)):
                if cells[0] == "guessing" or cells[at] == "–":
                    assert (place, at) not in table.links
                    continue
                found = rows_of(run, table.links[place, at])
                assert found["value"].mean() == pytest.approx(float(cells[at].split()[0]) / 100, abs=0.00051)
                assert found["model"].nunique() == len(found)
                numbers += 1
    assert numbers > 10


def test_each_number_of_a_contrast_links_to_the_rows_of_its_models_on_its_datasets():
    run = trained_run(pairs=[("captions_contrastive", "labels")])
    (table,) = contrast_tables(run)
    for place, cells in enumerate(table.rows):
        found = {at: rows_of(run, table.links[place, at]) for at in (2, 3, 4)}
        assert set(found[2]["objective"]) == {"captions_contrastive"}
        assert set(found[3]["objective"]) == {"labels"}
        assert len(found[4]) == len(found[2]) + len(found[3])
        if cells[1] != "all datasets":
            assert {display.dataset(name) for name in found[4]["dataset"]} == {cells[1]}
    assert {"shapes", "toys"} == set(rows_of(run, table.links[0, 4])["dataset"])


def test_a_query_survives_names_that_an_address_would_read_as_its_own():
    assert parse_qs(query(model=HOSTILE, dataset=["a&b=c", "d e"])) == {
        "model": [HOSTILE],
        "dataset": ["a&b=c", "d e"],
    }


def test_effects_are_listed_by_contrast_with_the_pooled_one_first():
    rows = [effect(dataset="toys", contrast="b"), effect(contrast="b"), effect(contrast="a", n_datasets=1)]
    (table,) = contrast_tables(make_run(compared=contrasts(*rows)))
    assert [r[1] for r in table.rows] == ["all datasets", "toys"]
    assert table.rows[0][4:8] == ["+20.0", "+10.0 to +30.0", "–", "helps"]


def test_the_answer_of_random_effects_stands_beside_the_pooled_one():
    run = make_run(
        compared=contrasts(effect(over_datasets_low=-0.02, over_datasets_high=0.4), effect(dataset="toys"))
    )
    (table,) = contrast_tables(run)
    pooled, single = (dict(zip(table.columns, cells, strict=True)) for cells in table.rows)
    assert (pooled["interval"], pooled["over datasets like these"]) == ("+10.0 to +30.0", "−2.0 to +40.0")
    assert single["over datasets like these"] == "–"


def test_a_conclusion_is_a_row_a_protocol_with_what_decides_it():
    run = make_run(
        compared=contrasts(effect(), effect("few_shot", verdict="hurts"), effect("clustering", verdict="undecided")),
        conclusions=conclusions(
            ("transfer", "shown", "language"), ("few_shot", "not shown", "language"), ("clustering", "not shown", "language")
        ),
    )  # fmt: skip
    run.config["conclusions"] = {"meaning": {"question": "", "helps": ["language"], "equivalent": []}}
    (table,) = conclusion_tables(run)
    assert [row[1:4] for row in table.rows] == [
        ["Transfer", "holds", "weakest: language"],
        ["Few-shot", "fails", "language: hurts"],
        ["Clustering", "undecided", "weakest: language"],
    ]
    assert conclusion_tables(make_run()) == []


def test_a_row_of_a_contrast_has_the_data_behind_its_verdict():
    rows = [
        effect(verdict="undecided", more_replicates=12.4, flags="ceiling; floor"),
        effect("few_shot", p_adjusted=0.0001, relative=float("nan"), replicate="models", replicates=1, reason="too few models"),
        effect("robustness", low=float("nan"), high=float("nan"), more_replicates=float("inf"), p_adjusted=float("nan")),
    ]  # fmt: skip
    run = make_run(compared=contrasts(*rows, effect(dataset="toys"), effect(dataset="shapes")))
    table = next(table for table in contrast_tables(run))
    undecided, *_, few, none = (dict(zip(table.columns, cells, strict=True)) for cells in table.rows)
    assert undecided["p, difference"] == "0.400"  # corrected
    assert (undecided["margin"], undecided["smallest margin"], undecided["detectable"]) == (
        "3.0",
        "30.0",
        "14.0",
    )
    assert (undecided["more needed"], undecided["replicates"]) == ("≈13", "6 matched groups")
    assert undecided["% of gain over untrained"] == "+100"
    assert (
        undecided["remarks"] == "decides, corrected; scores near the highest possible; scores near guessing"
    )
    assert (few["p, difference"], few["% of gain over untrained"], few["replicates"]) == (
        "<0.001",
        "–",
        "1 model",
    )
    assert few["remarks"].endswith("too few models for a verdict about training")
    assert (none["interval"], none["p, difference"]) == ("–", "–")
    assert not re.search(r"\d", none["more needed"])
    assert dict(zip(table.columns, table.rows[1], strict=True))["remarks"] == "–"


def test_effects_of_features_from_another_place_have_a_table_with_their_verdicts():
    rows = [sensitivity("features read elsewhere", "embedding", 0.1, verdict="undecided")]
    (table,) = sensitivity_tables(make_run(sensitivity=pd.DataFrame(rows)))
    assert table.caption.startswith("Features read elsewhere")
    (cells,) = table.rows
    assert (cells[2], cells[3], cells[-1]) == ("embedding", "+10.0", "undecided")


def test_where_features_are_read_is_a_column_if_encoders_differ_in_it():
    def titles(**changes):
        cards = {name: model_card(name, **changes.get(name, {})) for name in ("first", "second")}
        return model_table(make_run(models=cards)).columns

    assert "features" not in titles()
    assert "features" in titles(second={"features": "embedding"})


def test_each_sensitivity_analysis_has_a_table_and_leaving_one_out_shows_the_extremes():
    rows = pd.DataFrame([
        *(sensitivity("leave one model out", str(n), value, verdict=verdict)
          for n, value, verdict in ((0, 0.1, "helps"), (1, -0.02, "undecided"), (2, 0.3, "helps"))),
        sensitivity(), sensitivity("mixed model", effect=float("nan"), low=float("nan"), high=float("nan"),
                                   p_value=float("nan"), note="too few models"),
    ])  # fmt: skip
    without, meta, mixed = sensitivity_tables(make_run(sensitivity=rows))
    assert sensitivity_tables(make_run()) == []
    assert without.caption == "Leave one model out: effects in percentage points"
    assert without.rows == [["language", "Transfer", "3", "−2.0 (1)", "+30.0 (2)", "2 helps, 1 undecided"]]
    assert meta.rows == [["language", "Transfer", "+20.0", "+10.0 to +30.0", "0.001", "40", "2", "–"]]
    assert mixed.rows[0][2:] == ["–", "–", "–", "–", "2", "too few models"]


def test_effects_that_could_not_be_estimated_for_the_same_reason_share_a_row():
    gaps = dict.fromkeys(["effect", "low", "high", "p_value"], float("nan")) | {"note": "too few models"}
    rows = [sensitivity("mixed model"), *(sensitivity("mixed model", n=n, **gaps) for n in (2, 3))]
    (table,) = sensitivity_tables(make_run(sensitivity=pd.DataFrame(rows)))
    assert [row[:3] for row in table.rows] == [
        ["language", "Transfer", "+20.0"],
        ["language", "2 comparisons", "–"],
    ]
    assert table.rows[1][-2:] == ["2 to 3", "too few models"]
    other = sensitivity("mixed model", contrast="other", **gaps)
    (table,) = sensitivity_tables(make_run(sensitivity=pd.DataFrame([*rows, other])))
    assert table.rows[1][:2] == ["2 contrasts", "3 comparisons"]


def test_digests_of_models_are_short_and_an_untrained_one_has_no_source():
    run = make_run(models={"first": model_card("first", sha256="")})
    assert model_table(run).rows[0][-2:] == ["–", "b" * 12]


def test_optional_columns_of_encoders_appear_if_one_has_a_value():
    models = make_run().models
    without = model_table(make_run())
    first, *others = models
    known = {first: models[first].model_copy(update={"group": "vit-b", "images_seen": 12_800_000})}
    table = model_table(make_run(models=known | {name: models[name] for name in others}))
    assert set(table.columns) - set(without.columns) == {"group", "images seen"}
    places = [table.columns.index(title) for title in ("group", "images seen")]
    assert [table.rows[0][place] for place in places] == ["vit-b", "12,800,000"]
    assert places[1] in table.numeric


def test_preprocessing_says_if_images_are_squashed():
    card = model_card("first")
    plain = model_table(make_run(models={"first": card})).rows[0]
    squash = card.preprocessing.model_copy(update={"squash": True})
    changed = {"first": card.model_copy(update={"preprocessing": squash})}
    squashed = model_table(make_run(models=changed)).rows[0]
    assert any(cell.startswith("bicubic to 64, centre 64 pixels") for cell in plain)
    assert any(cell.startswith("bicubic to 64 x 64, centre 64 pixels") for cell in squashed)


def test_the_primary_tables_show_each_objective_once_with_its_interval():
    found = {table.caption: table for table in primary_tables(trained_run())}
    assert list(found) == [
        "Clustering: accuracy, sound mode", "Few-shot: accuracy, sound mode", "Transfer: accuracy, sound mode",
        "Robustness: area under the robustness curve, sound mode", "Few-shot across styles: accuracy, sound mode",
    ]  # fmt: skip
    table = found["Few-shot: accuracy, sound mode"]
    assert table.columns == ["encoder", "training runs", "shots", "shapes", "toys"]
    assert [r[:3] for r in table.rows[:2]] == [["first", "1", "1"], ["labels", "3", "1"]]
    assert len(table.rows) == 2 * (1 + len(OBJECTIVES))
    means = trained_run().objectives.query("protocol == 'transfer' and group == 'labels'")
    first = means.iloc[0]
    assert found["Transfer: accuracy, sound mode"].rows[1][2] == (
        f"{100 * first['value']:.1f} [{100 * first['low']:.1f}, {100 * first['high']:.1f}]"
    )


def test_the_tables_of_cells_have_a_row_an_objective_a_column_a_cell_and_guessing_below():
    few_shot, probe, retrieval = cell_tables(trained_run())
    assert few_shot.caption == "Few-shot across styles, 5 shots: accuracy, sound mode"
    assert retrieval.caption == "Retrieval across styles: recall at 1, sound mode"
    assert probe.columns == [
        "encoder", "training runs", "seen concepts, seen style", "seen concepts, unseen style",
        "unseen concepts, seen style", "unseen concepts, unseen style",
    ]  # fmt: skip
    assert [r[0] for r in probe.rows][:3] == ["first", "labels", "contrastive captions"]
    assert [r[0] for r in probe.rows][-2:] == ["untrained", "guessing"]
    assert probe.rows[1] == [
        "labels", "3", "25.0 [21.0, 29.0]", "20.0 [16.0, 24.0]", "15.0 [11.0, 19.0]", "10.0 [6.0, 14.0]",
    ]  # fmt: skip
    assert probe.rows[-1] == ["guessing", "–", "10.0", "10.0", "10.0", "10.0"]
    assert cell_tables(complete()) == []


def test_what_the_workflow_trained_is_a_row_an_objective_and_the_rest_a_row_a_model():
    run = trained_run()
    training = training_card("simclr", 1, learned=False, measured=0.1)
    run.models["simclr-1"] = run.models["simclr-1"].model_copy(update={"training": training})
    table = training_table(run)
    assert table.caption == "Encoders that this workflow trained: small/resnet_w16, 900 training images"
    found = {cells[0]: dict(zip(table.columns, cells, strict=True)) for cells in table.rows}
    assert len(found) == len(OBJECTIVES)
    assert found["SimCLR"] == {
        "objective": "SimCLR", "runs": "3", "language": "none", "learned": "2 of 3", "reached": "30.0%",
        "chance": "1.0%", "own measure": "nearest caption of 512", "final loss": "0.6", "images seen": "40,000",
        "learning rate": "0.003", "TFLOP a run": "2.5",
    }  # fmt: skip
    assert list(found["untrained"].values()) == ["untrained", "3", "none", *["–"] * 5, "0", "–", "0"]
    assert [cells[0] for cells in model_table(run).rows] == ["first"]
    assert training_table(complete()).rows == []


def test_with_many_effects_the_tables_leave_out_single_datasets_but_keep_cells():
    many = trained_run(pairs=[(one, two) for one in OBJECTIVES for two in OBJECTIVES if one < two][:30])
    shown = contrast_tables(many)
    assert len(shown) == 30
    assert {cells[1] for cells in shown[0].rows} == {"all datasets", "seen concepts, seen style", *(
        f"{kind} concepts, {style} style" for kind, style in (("seen", "unseen"), ("unseen", "seen"), ("unseen", "unseen"))
    )}  # fmt: skip
    (few,) = contrast_tables(trained_run())
    assert {"shapes", "toys", "all datasets"} < {cells[1] for cells in few.rows}


def test_a_table_has_the_share_of_images_that_each_attack_breaks_at_the_smallest_radius():
    rows = [
        *(row("robustness", model, "shapes", "robust_area", 0.5) for model in ("first", "second")),
        *(
            row("robustness", "first", "shapes", "strongest", share, name)
            for name, share in (("pgd", 0.75), ("one_step", 0.2))
        ),
        row("robustness", "second", "shapes", "strongest", 0.4, "one_step"),
    ]
    run = make_run(rows=pd.DataFrame(rows))
    run.config["protocols"] = {"robustness": {"datasets": {"shapes": {}}}}
    _, by_attack = primary_tables(run)
    assert by_attack.columns == ["model", "one step", "descent"]
    assert by_attack.rows == [["first", "20.0", "75.0"], ["second", "40.0", "–"]]
    assert set(by_attack.links) == {(0, 1), (0, 2), (1, 1)}
