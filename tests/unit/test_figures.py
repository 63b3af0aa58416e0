"""Figures: valid, complete, the same bytes for the same tables, and readable from one model to thirty."""

import json
import math
import re
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest
import vl_convert

import snapshots
from hand_made import (
    CROSSED,
    EPSILONS,
    OBJECTIVES,
    contrasts,
    crossed_rows,
    effect,
    learning_curves,
    objective_means,
    row,
    sensitivity,
    tables,
    trained,
    trained_tables,
    walk,
)
from wordsight.catalogue import display
from wordsight.catalogue.cells import CELLS
from wordsight.errors import DataError
from wordsight.figures import drawing, forest, verdict_marks
from wordsight.figures.export import VERSION, save
from wordsight.figures.style import COLOURS, SHAPES, WIDTH, look
from wordsight.tables import over_seeds
from wordsight.tables.csv import read_csv, write_csv
from wordsight.tables.reading import Tables, measured, read_training

pytestmark = pytest.mark.slow

PROTOCOLS = ["clustering", "few_shot", "transfer", "robustness"]
NAMES = [*PROTOCOLS, "ranks", "pretraining_size", "overview", "summary"]
TRAINED = [*NAMES, *CROSSED, "training", "margins"]
LONG = [f"{'a-model-with-a-name-as-long-as-the-configuration-allows-'[:56]}-{i:03d}" for i in range(30)]


def draw(name, drawn):
    return drawing.draw(name, drawn).to_dict()


def marks(spec, field="model"):
    """Records behind the marks of a figure that carry a field."""
    return [record for data in spec["datasets"].values() for record in data if field in record]


@pytest.fixture(scope="module")
def matched():
    """Tables of all objectives from three seeds each, with sixteen contrasts."""
    rows = [
        effect(protocol, dataset, contrast=f"contrast-{number}", n_datasets=1 if dataset else 4,
               verdict=("undecided", "helps", "hurts", "equivalent")[number % 4], effect=0.01 * number + 0.001 * place)
        for number in range(16)
        for place, protocol in enumerate((*PROTOCOLS, *CROSSED))
        for dataset in ("", *(CELLS if protocol in CROSSED else ("shapes", "toys")))
    ]  # fmt: skip
    return trained_tables(compared=contrasts(*rows))


@pytest.fixture(scope="module")
def drawings(matched):
    """SVG of every figure of the objectives."""
    return {name: vl_convert.vegalite_to_svg(draw(name, matched), vl_version=VERSION) for name in TRAINED}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "drawn",
    [
        tables(),
        tables(compared=contrasts()),
        tables(models=["only"], datasets=["one"], shots=[5]),
        tables(models=LONG, datasets=[f"data-{i}" for i in range(7)]),
    ],
    ids=["usual", "with contrasts", "one of each", "thirty long names"],
)
def test_every_figure_is_vega_lite_that_compiles(name, drawn):
    assert vl_convert.vegalite_to_vega(draw(name, drawn), vl_version=VERSION)["marks"]


@pytest.mark.parametrize(
    ("name", "settings"), [("clustering", 1), ("transfer", 1), ("few_shot", 2), ("robustness", 4)]
)
def test_there_is_one_mark_a_model_dataset_and_setting(name, settings):
    spec = draw(name, tables(models=["a", "b", "c"], datasets=["x", "y"]))
    keys = [(record["model"], record["dataset"], record["setting"]) for record in marks(spec, "setting")]
    assert len(keys) == len(set(keys)) == 3 * 2 * settings
    assert len(spec["concat"]) == 2


@pytest.mark.parametrize("name", NAMES)
def test_equal_tables_give_equal_bytes_whatever_the_order_of_their_rows(name):
    drawn = tables(compared=contrasts())
    shuffled = replace(drawn, results=drawn.results.sample(frac=1, random_state=1))
    first, second, other = (json.dumps(draw(name, t), sort_keys=True) for t in (drawn, drawn, shuffled))
    assert first == second == other


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("mode", ["sound", "paper"])
def test_the_subtitle_names_the_mode_and_the_bars(name, mode):
    drawn = tables()
    drawn.results["mode"] = mode
    subtitle = " ".join(draw(name, drawn)["title"]["subtitle"])
    assert f"{mode} mode" in subtitle
    assert "bars: 95% intervals over training runs, trials and images" in subtitle


def test_the_summary_names_each_mode_where_they_differ():
    drawn = tables()
    drawn.results.loc[drawn.results["protocol"] == "transfer", "mode"] = "paper"
    subtitle = " ".join(draw("summary", drawn)["title"]["subtitle"])
    assert "Transfer: paper mode" in subtitle
    assert "Few-shot: sound mode" in subtitle


def scales(spec, channel):
    """Value of a channel of each model, as every layer that encodes it says."""
    found = {}
    for node in walk(spec):
        encoding = node.get(channel)
        scale = (
            encoding.get("scale")
            if isinstance(encoding, dict) and encoding.get("type") == "nominal"
            else None
        )
        for model, value in zip(scale["domain"], scale["range"], strict=True) if scale else []:
            assert found.setdefault(model, value) == value
    return found


@pytest.mark.parametrize("channel", ["color", "shape"])
def test_a_model_looks_the_same_in_every_figure_even_if_others_are_missing(channel):
    models = ["a", "b", "c"]
    drawn = tables(models=models)
    attacked = drawn.results["protocol"] == "robustness"
    drawn = Tables(
        drawn.results[~attacked | (drawn.results["model"] == "c")], *list(vars(drawn).values())[1:]
    )
    everywhere = [scales(draw(name, drawn), channel) for name in PROTOCOLS]
    assert everywhere[3] == {"c": everywhere[0]["c"]}
    assert everywhere[0] == everywhere[1] == everywhere[2]
    assert list(everywhere[0]) == models


def test_forty_two_models_differ_in_colour_or_shape_and_neighbours_in_both():
    models = [f"m{i}" for i in range(42)]
    channels = look(models, models)
    pairs = list(
        zip(*(channels[channel].to_dict()["scale"]["range"] for channel in ("color", "shape")), strict=True)
    )
    assert len(set(pairs)) == 42
    assert all(one[0] != other[0] and one[1] != other[1] for one, other in pairwise(pairs))
    assert len(COLOURS) * len(SHAPES) == math.lcm(len(COLOURS), len(SHAPES)) == 42


@pytest.mark.parametrize("name", ["few_shot", "transfer", "robustness"])
def test_guessing_is_marked_at_one_over_the_classes(name):
    assert {record["level"] for record in marks(draw(name, tables()), "level")} == {0.25}


def test_guessing_is_not_marked_for_clusters_that_get_their_best_assignment():
    assert not marks(draw("clustering", tables()), "level")


def test_bars_are_the_intervals_of_objectives_in_range_and_absent_where_none_is_known():
    values = {"a": 0.5, "b": 0.95, "c": 0.5, "d": 0.05}
    rows = pd.DataFrame([row("transfer", model, "x", "accuracy", value) for model, value in values.items()])
    means = objective_means(rows).query("scope == 'dataset'").set_index("group")
    reach = pd.Series({"a": 0.2, "b": 0.1, "c": float("nan"), "d": 0.1})
    means = means.assign(low=means["value"] - reach, high=means["value"] + reach).reset_index()
    spec = draw("transfer", Tables(rows, contrasts().iloc[:0], {"x": 4}, list(values), means))
    bars = {record["model"]: (record["low"], record["high"]) for record in marks(spec)}
    assert bars["a"] == pytest.approx((0.3, 0.7))
    assert bars["b"] == pytest.approx((0.85, 1.0))
    assert bars["c"] == (None, None)
    assert bars["d"] == pytest.approx((0.0, 0.15))
    told = {record["model"]: record["between"] for record in marks(spec)}
    assert told == {"a": "30.0% to 70.0%", "b": "85.0% to 100.0%", "c": "–", "d": "0.0% to 15.0%"}


@pytest.mark.parametrize("name", [*PROTOCOLS, "pretraining_size", "summary"])
def test_every_mark_with_a_bar_tells_its_interval_and_without_intervals_there_are_no_bars(name):
    found = [record for record in marks(draw(name, tables())) if "low" in record]
    assert found
    assert all(record["low"] < record["value"] < record["high"] for record in found if record["value"])
    spec = draw(name, replace(tables(), objectives=None))
    assert {record["low"] for record in marks(spec) if "low" in record} == {None}
    assert "no interval is known" in " ".join(spec["title"]["subtitle"])


def test_bars_have_the_confidence_that_was_configured():
    drawn = tables()
    drawn.objectives["confidence"] = 0.9
    assert "bars: 90% intervals" in " ".join(draw("clustering", drawn)["title"]["subtitle"])


def test_clean_images_stand_apart_at_the_left_and_radii_where_they_belong():
    spec = draw("robustness", tables(models=["only"]))
    place = {record["setting"]: record["position"] for record in marks(spec, "position")}
    assert [place[e] for e in EPSILONS] == pytest.approx(EPSILONS)
    assert 0 < place[0.0] < EPSILONS[0] / 2
    pieces = {record["setting"]: record["piece"] for record in marks(spec, "position")}
    assert pieces[0.0] not in {pieces[e] for e in EPSILONS}
    assert ">clean<" in vl_convert.vegalite_to_svg(spec, vl_version=VERSION)


def test_the_area_and_the_median_radius_of_each_model_stand_beside_its_curve():
    drawn = tables(models=["a", "b", "c"], datasets=["x"])
    medians = zip(["a", "b", "c"], (0.005, 0.0, float("inf")), strict=True)
    rows = [row("robustness", m, "x", "min_epsilon", value, statistic="median") for m, value in medians]
    results = pd.concat([drawn.results, pd.DataFrame(rows)], ignore_index=True)
    spec = draw("robustness", Tables(**vars(drawn) | {"results": results}))
    beside = {r["model"]: r for r in marks(spec, "median") if "position" not in r}
    assert {model: r["median"] for model, r in beside.items()} == {"a": "0.005", "b": "0", "c": "none"}
    assert [beside[model]["value"] for model in "abc"] == pytest.approx([0.25, 0.255, 0.26])
    curve = {(r["area"], r["median"]) for r in marks(spec, "position") if r["model"] == "a"}
    assert curve == {(0.25, "0.005")}


@pytest.mark.parametrize("name", ["few_shot", "robustness", "pretraining_size"])
def test_every_panel_with_continuous_axes_zooms_but_not_by_the_wheel_alone(name):
    spec = draw(name, tables(datasets=["x", "y", "z"]))
    zooms = [param for param in spec["params"] if param.get("bind") == "scales"]
    assert len(zooms) == len(spec["concat"])
    assert len({param["name"] for param in zooms}) == len(zooms)
    assert all("ctrlKey" in param["select"]["zoom"] for param in zooms)


def test_models_are_moved_sideways_by_a_few_percent_around_the_true_setting():
    spec = draw("few_shot", tables(models=["a", "b", "c"]))
    ratios = {record["model"]: record["position"] / record["setting"] for record in marks(spec)}
    assert ratios["a"] < 1 < ratios["c"]
    assert ratios["b"] == pytest.approx(1)
    assert all(abs(ratio - 1) < 0.1 for ratio in ratios.values())


def test_of_forty_models_accuracies_under_attack_are_a_table_beside_their_areas():
    names = [f"model-{number:02d}" for number in range(40)]
    drawn = tables(models=names, datasets=["one", "two"])
    spec = draw("robustness", drawn)
    cells = {(r["model"], r["dataset"], r["radius"]): r["percent"] for r in marks(spec, "radius")}
    rows = drawn.results.query("protocol == 'robustness' and metric == 'accuracy'")
    expected = {
        (r["model"], r["dataset"], f"{r['setting']:g}" if r["setting"] else "clean"): 100 * r["value"]
        for r in rows.to_dict("records")
    }
    assert cells == pytest.approx(expected, abs=0.06)
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VERSION)
    assert int(re.search(r'<svg [^>]*width="(\d+)"', svg).group(1)) <= WIDTH + 24
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert [shown.count(name) for name in names] == [2] * 40  # once in each table, and in no legend
    for panel in spec["vconcat"]:
        grid, areas = panel["hconcat"]
        assert grid["height"] == areas["height"]


def test_a_table_of_accuracies_has_the_rows_of_its_areas_where_a_dataset_lacks_a_model():
    names = [f"model-{number:02d}" for number in range(12)]
    drawn = tables(models=names, datasets=["one", "two"])
    missing = (drawn.results["dataset"] == "two") & (drawn.results["model"] == names[3])
    spec = draw("robustness", replace(drawn, results=drawn.results[~missing]))
    for panel, expected in zip(spec["vconcat"], (names, [*names[:3], *names[4:]]), strict=True):
        for part in panel["hconcat"]:
            assert {
                tuple(n["scale"]["domain"]) for n in walk(part) if n.get("field") == "model" and "axis" in n
            } == {tuple(expected)}


def test_six_datasets_of_seventy_models_are_in_one_row_that_fits_the_page_and_is_low():
    names = [f"an-encoder-with-a-name-{number:02d}" for number in range(70)]
    drawn = tables(models=names, datasets=[f"data-{number}" for number in range(6)])
    spec = draw("transfer", replace(drawn, results=drawn.results.assign(value=0.5)))
    assert spec["columns"] == 6
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VERSION)
    width, height = (
        int(re.search(rf'<svg [^>]*{side}="(\d+)"', svg).group(1)) for side in ("width", "height")
    )
    assert width <= WIDTH + 24
    assert height < 70 * 14 + 200
    assert_labels_apart(svg)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_name_of_a_model_is_cut(name):
    svg = vl_convert.vegalite_to_svg(draw(name, tables(models=LONG)), vl_version=VERSION)
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert set(LONG) <= set(shown)
    assert not [text for text in shown if "…" in text]


def assert_labels_apart(svg):
    """Check that no two labels of an axis overlap; upright ones are left out."""
    for group in re.findall(r'<g class="mark-text role-axis-label"[^>]*>(.*?)</g>', svg):
        found = re.findall(
            r'<text text-anchor="(\w+)" transform="translate\(([-\d.]+),([-\d.]+)\)"[^>]*opacity="1">([^<]*)<',
            group,
        )
        rows = {}
        for anchor, x, y, text in found:
            width = 6 * len(text)
            left = float(x) - {"start": 0, "middle": width / 2, "end": width}[anchor]
            rows.setdefault(round(float(y)), []).append((left, left + width))
        assert rows or "<text" not in group or "rotate" in group
        for spans in rows.values():
            spans.sort()
            assert all(one[1] <= other[0] for one, other in pairwise(spans))
        heights = sorted(rows)
        assert all(other - one >= 10 for one, other in pairwise(heights))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 30])
def test_labels_of_an_axis_do_not_overlap(name, count):
    assert_labels_apart(
        vl_convert.vegalite_to_svg(draw(name, tables(models=LONG[:count])), vl_version=VERSION)
    )


def looks(spec):
    """Colour, fill and shape of each verdict, as every layer that encodes them says."""
    return {channel: scales(spec, channel) for channel in ("stroke", "fill", "shape")}


def test_effects_are_in_points_the_pooled_one_first_and_only_what_decides_has_a_verdict():
    spec = draw("summary", tables(compared=contrasts()))
    found = {record["label"]: record for record in marks(spec, "effect")}
    assert found["all datasets"]["effect"] == pytest.approx(20)
    assert (found["toys"]["low"], found["toys"]["high"]) == pytest.approx((-10, 30))
    assert [found[name]["look"] for name in ("all datasets", "shapes", "toys")] == [
        "helps",
        *["no verdict"] * 2,
    ]
    domains = [node["domain"] for node in walk(spec) if isinstance(node.get("domain"), list)]
    assert ["all datasets", "shapes", "toys"] in domains
    assert any(record.get("zero") == 0 for record in marks(spec, "zero"))


def test_each_verdict_has_a_colour_and_a_shape_of_its_own_and_undecided_is_hollow():
    found = [
        effect(protocol, verdict=verdict)
        for protocol, verdict in zip(PROTOCOLS, ("helps", "hurts", "equivalent", "undecided"), strict=True)
    ]
    few = looks(draw("summary", tables(compared=contrasts(*found, effect("transfer", "toys")))))
    verdicts = ["helps", "hurts", "equivalent", "undecided", "no verdict"]
    assert list(few["shape"]) == verdicts
    assert len(set(few["stroke"].values())) == len(set(few["shape"].values())) == 5
    assert {few["stroke"][name] for name in verdicts[:3]} <= set(COLOURS)
    assert [name for name, fill in few["fill"].items() if fill == "white"] == ["undecided"]
    rows = [effect(r["protocol"], verdict=r["verdict"], contrast=f"c{i}") for r in found for i in range(5)]
    many = looks(draw("summary", tables(compared=contrasts(*rows))))
    assert all(many[channel] == {v: few[channel][v] for v in verdicts[:4]} for channel in many)


@pytest.mark.parametrize("name", ["summary", "margins"])
@pytest.mark.parametrize("contrast_count", [1, 6])
def test_a_click_on_a_verdict_in_the_legend_is_heard_by_the_layer_that_the_legend_is_made_from(
    name, contrast_count
):
    rows = [effect(p, contrast=f"c{i}") for i in range(contrast_count) for p in ("transfer", "few_shot")]
    spec = draw(name, tables(compared=contrasts(*rows)))
    first = next(n for n in walk(spec) if "stroke" in n.get("encoding", {}) and "data" in n)
    (picked,) = spec["params"]
    assert picked["bind"] == "legend"
    assert picked["views"] == [first["name"]]
    assert picked["select"]["fields"] == ["look"]


def test_the_margin_of_each_metric_is_a_band_around_zero():
    rows = [effect(), effect("robustness", margin=0.015)]
    spec = draw("summary", tables(compared=contrasts(*rows)))
    assert [(r["from"], r["to"]) for r in marks(spec, "from")] == [(-3, 3), (-1.5, 1.5)]


def overview(rows, **questions):
    """Specification of the overview of some rows."""
    return draw("overview", Tables(**vars(tables(compared=contrasts(*rows))) | {"questions": questions}))


def test_the_overview_has_a_panel_for_each_question_with_all_protocols():
    rows = [effect(p, contrast=c) for c in ("one", "two") for p in ("transfer", "few_shot")]
    spec = overview(
        rows, one="Is it the one?", two="Or is it, after a long question that needs lines, the two?"
    )
    titles = [" ".join(panel["title"]["text"]) for panel in spec["concat"]]
    assert titles == ["Is it the one?", "Or is it, after a long question that needs lines, the two?"]
    assert max(len(line) for panel in spec["concat"] for line in panel["title"]["text"]) <= 40
    assert [record["label"] for record in marks(spec, "cut_left")] == ["Transfer", "Few-shot"] * 2
    assert spec["usermeta"]["beside"] > 0


def test_the_overview_leaves_out_effects_over_untrained_encoders_and_counts_contrasts_that_do_not_fit():
    rows = [effect(contrast=f"c{number}") for number in range(8)]
    rows += [effect(contrast="baseline", main=True, decides=False, verdict="", family="")]
    spec = overview(rows)
    assert [panel["title"]["text"] for panel in spec["concat"]] == [[f"c{number}"] for number in range(6)]
    assert "2 more contrasts" in " ".join(spec["title"]["subtitle"])


def test_the_overview_marks_margins_by_protocol_and_what_untrained_encoders_and_guessing_reach():
    rows = [
        effect(effect=0.1, control=0.5, untrained=0.48, chance=0.02),
        effect("few_shot", effect=0.1, control=0.4, untrained=0.35, chance=0.7, margin=0.01),
    ]
    spec = overview(rows)
    bands = {(r["label"], r["from"], r["to"]) for r in marks(spec, "from")}
    assert bands == {("Transfer", -3, 3), ("Few-shot", -1, 1)}
    shown = {
        (r["label"], r["meaning"]): (r["effect"], r["at"], layer["mark"]["shape"])
        for layer in spec["concat"][0]["layer"]
        for r in spec["datasets"][layer["data"]["name"]]
        if "meaning" in r and "at" in r
    }
    # Effects, intervals and margins reach from -3 to 15 points; what is beyond is marked at the edges.
    line, left, right = forest.LEVELS["untrained"].shape, forest.BEYOND["left"], forest.BEYOND["right"]
    assert shown == {
        ("Transfer", "what untrained encoders reach"): (-2, -2, line),
        ("Transfer", "guessing"): (-48, -3.72, left),
        ("Few-shot", "what untrained encoders reach"): (-5, -3.72, left),
        ("Few-shot", "guessing"): (30, 15.72, right),
    }
    assert "further away" in " ".join(spec["title"]["subtitle"])


def test_of_one_encoder_on_each_side_the_overview_shows_the_verdict_of_these_encoders():
    one = effect(verdict="undecided", reason="too few models", encoders_verdict="lower", encoders_low=-0.3,
                 encoders_high=-0.1, effect=-0.2, low=float("nan"), high=float("nan"))  # fmt: skip
    (record,) = marks(overview([one]), "cut_left")
    assert (record["look"], record["low"], record["high"]) == ("lower", -30, -10)


def test_the_overview_of_a_run_without_verdicts_is_its_summary():
    assert overview([effect(family="", verdict="")]) == draw(
        "summary", tables(compared=contrasts(effect(family="", verdict="")))
    )


def test_with_one_dataset_the_row_with_the_verdict_has_its_name():
    rows = [effect(n_datasets=1), effect(dataset="toys", verdict="undecided")]
    (record,) = marks(draw("summary", tables(compared=contrasts(*rows))), "effect")
    assert (record["label"], record["look"]) == ("toys", "helps")


def test_an_effect_without_an_interval_is_shown_without_one():
    compared = contrasts(effect(dataset="toys", low=float("nan"), high=float("nan"), verdict="undecided"))
    (record,) = marks(draw("summary", tables(compared=compared)), "effect")
    assert (record["low"], record["text"]) == (None, "+20.0")


def test_the_estimate_with_random_effects_stands_below_the_datasets_with_its_heterogeneity():
    rows = [sensitivity(effect=0.15, low=-0.05, high=0.35), sensitivity("leave one model out", "first")]
    drawn = Tables(**vars(tables(compared=contrasts())) | {"sensitivity": pd.DataFrame(rows)})
    found = {record["label"]: record for record in marks(draw("summary", drawn), "effect")}
    assert list(found) == ["all datasets", "shapes", "toys", "random effects, I² 40%"]
    last = found["random effects, I² 40%"]
    assert [last[name] for name in ("effect", "low", "high")] == pytest.approx([15, -5, 35])
    assert last["look"] == "no verdict"
    assert found["all datasets"]["random"] == "+15.0 (−5.0 to +35.0), I² 40%"


def test_an_interval_far_longer_than_any_effect_is_cut_and_has_arrows():
    rows = [effect(low=-5, high=0.25), effect("few_shot", effect=0.1, low=0.05, high=0.15)]
    spec = draw("summary", tables(compared=contrasts(*rows)))
    first, second = marks(spec, "effect")
    assert (first["left"], first["cut_left"], first["cut_right"]) == (-30, -30, None)
    assert first["low"] == -500
    assert (second["left"], second["right"], second["cut_left"]) == (5, 15, None)
    domains = {tuple(node["domain"]) for node in walk(spec) if isinstance(node.get("domain"), list)}
    assert all(-40 < end < 40 for domain in domains for end in domain if not isinstance(end, str))


def test_a_tooltip_has_every_statistic_of_a_comparison():
    row_ = effect(
        verdict="undecided", p_value=0.0123, p_adjusted=0.246, p_equivalence=0.5, p_equivalence_adjusted=1.0,
        bootstrap_low=0.11, bootstrap_high=0.29, more_replicates=7.4, flags="ceiling; near duplicates",
    )  # fmt: skip
    spec = draw("summary", tables(compared=contrasts(row_, effect("few_shot", more_replicates=float("inf")))))
    found, other = marks(spec, "effect")
    said = [f"{title}: {found[name]}" for name, title in verdict_marks.LINES.items()]
    snapshots.check("figure_pointer", "\n".join(said))
    assert (found["size"], found["bootstrap"]) == ("+20.0 (95% interval +10.0 to +30.0)", "+11.0 to +29.0")
    assert re.findall(r"[\d.]+", found["difference"]) == ["0.012", "0.246"]
    assert re.findall(r"[\d.]+", found["equivalence"]) == ["0.500", "1.000"]
    assert found["needed"] == "≈8"
    assert not re.search(r"\d", other["needed"])
    shown = {t["field"] for node in walk(spec) for t in node.get("tooltip", []) if isinstance(t, dict)}
    assert shown <= {*found, "meaning"}
    assert not [t for node in walk(spec) for t in [node.get("title")] if isinstance(t, str) and "_" in t]


def test_every_contrast_and_protocol_has_its_panel():
    rows = [
        effect(dataset="toys", contrast=c, protocol=p)
        for c in ("one", "two")
        for p in ("transfer", "few_shot")
    ]
    spec = draw("summary", tables(compared=contrasts(*rows)))
    assert [part["title"]["text"] for part in spec["concat"]] == ["Contrast: one", "Contrast: two"]
    assert [len(part["vconcat"]) for part in spec["concat"]] == [2, 2]


def test_without_contrasts_the_summary_is_the_mean_over_the_datasets_that_all_models_share():
    rows = [
        row("transfer", "a", "x", "accuracy", 0.4),
        row("transfer", "a", "y", "accuracy", 0.6),
        row("transfer", "a", "z", "accuracy", 1.0),
        row("transfer", "b", "x", "accuracy", 0.5),
        row("transfer", "b", "y", "accuracy", 0.9),
    ]
    means = objective_means(pd.DataFrame(rows)).assign(low=0.1, high=0.2)
    means.loc[means["scope"] == "pooled", ["low", "high"]] = [0.3, 0.8]
    drawn = Tables(pd.DataFrame(rows), contrasts().iloc[:0], dict.fromkeys("xyz", 4), ["a", "b"], means)
    spec = draw("summary", drawn)
    found = {record["model"]: record for record in marks(spec)}
    assert found["a"]["value"] == pytest.approx(0.5)
    assert found["b"]["value"] == pytest.approx(0.7)
    assert {(record["low"], record["high"]) for record in found.values()} == {(0.3, 0.8)}
    assert "no contrast" in " ".join(spec["title"]["subtitle"])


def test_the_summary_leaves_out_what_did_not_run():
    titles = [
        panel["title"]["text"]
        for panel in draw("summary", tables(protocols=["few_shot", "transfer"]))["concat"]
    ]
    assert titles == ["Few-shot, 5 shots", "Transfer"]


def test_a_figure_of_a_protocol_without_rows_says_so():
    with pytest.raises(DataError, match=r"clustering.*accuracy"):
        draw("clustering", tables(protocols=["transfer"]))


def test_a_figure_has_a_description_for_screen_readers():
    for name in NAMES:
        assert len(draw(name, tables(compared=contrasts()))["description"]) > 40


def test_names_that_look_like_numbers_or_nothing_stay_names(tmp_path):
    frame = pd.DataFrame([row("transfer", "null", "01", "accuracy", 0.5, stderr=float("nan"))])
    write_csv(tmp_path / "results.csv", frame)
    read = read_csv(tmp_path / "results.csv")
    assert read.loc[0, ["model", "dataset", "language", "parameter"]].tolist() == ["null", "01", "none", ""]
    assert read["stderr"].isna().all()
    found = measured(Tables(read, read.iloc[:0], {"01": 2}, ["null"]), "transfer", "accuracy")
    assert found["high"].isna().all()


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv"):
        read_csv(tmp_path / "absent.csv")


def test_all_formats_are_written_and_the_comparable_ones_twice_the_same(tmp_path):
    chart = drawing.draw("transfer", tables())
    written = []
    for folder in ("one", "two"):
        paths = {kind: tmp_path / folder / f"transfer.{kind}" for kind in ("json", "svg", "png", "pdf")}
        save(chart, **paths)
        written.append({kind: path.read_bytes() for kind, path in paths.items()})
    first, second = written
    assert first["json"] == second["json"]
    assert first["svg"] == second["svg"]
    assert first["svg"].startswith(b"<svg")
    assert first["png"].startswith(b"\x89PNG")
    assert first["pdf"].startswith(b"%PDF")
    assert "vega-lite" in json.loads(first["json"])["$schema"]


# Objectives, each of several seeds


@pytest.mark.parametrize("name", TRAINED)
def test_thirteen_objectives_fit_the_page_and_nothing_of_them_is_cut_or_overlaps(name, drawings):
    svg = drawings[name]
    width = int(re.search(r'<svg [^>]*width="(\d+)"', svg).group(1))
    assert width <= WIDTH + 24
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert not [text for text in shown if "…" in text]
    assert not [text for text in shown if re.search(r"-\d$", text) and not text.startswith("contrast-")]
    assert_labels_apart(svg)


@pytest.mark.parametrize("name", [*PROTOCOLS, *CROSSED])
def test_every_objective_is_named_once_in_each_figure_or_table(name, drawings):
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", drawings[name])
    names = [display.group(objective) for objective in OBJECTIVES]
    tables = 2 if name == "robustness" else 1  # one for each dataset
    assert [shown.count(words) for words in ["first", *names]] == [tables] * (len(OBJECTIVES) + 1)


def test_every_objective_has_words_of_its_own():
    assert len(set(map(display.group, OBJECTIVES))) == len(OBJECTIVES)
    assert display.group("my-model") == "my-model"


def test_the_seeds_of_an_objective_are_one_mark_whose_error_counts_seeds_and_images():
    rows = [
        row("transfer", f"simclr-{seed}", "x", "accuracy", value, stderr=0.03, objective="simclr")
        for seed, value in enumerate((0.4, 0.6, 0.5))
    ]
    rows.append(row("transfer", "own", "x", "accuracy", 0.9, stderr=0.02))
    frame = pd.DataFrame(rows)
    found = measured(Tables(frame, frame.iloc[:0], {"x": 4}, frame["model"].tolist()), "transfer", "accuracy")
    assert found["model"].tolist() == ["SimCLR", "own"]
    assert found["seeds"].tolist() == [3, 1]
    assert found["value"].tolist() == pytest.approx([0.5, 0.9])
    assert found["stderr"].tolist() == pytest.approx([math.sqrt(0.01 / 3 + 0.03**2), 0.02])


def test_an_unknown_error_of_a_seed_leaves_that_of_the_objective_unknown():
    errors = (0.1, float("nan"))
    rows = [
        row("transfer", f"m{i}", "x", "accuracy", 0.5, stderr=e, objective="simclr")
        for i, e in enumerate(errors)
    ]
    assert over_seeds.over_seeds(pd.DataFrame(rows))["stderr"].isna().all()


def test_an_objective_looks_the_same_in_every_figure(matched):
    found = [scales(draw(name, matched), "color") for name in ("clustering", "robustness", *CROSSED)]
    assert len(found[0]) == len(OBJECTIVES) + 1
    assert all(colours == found[0] for colours in found)


@pytest.mark.parametrize("name", ["few_shot", "robustness", "cross_style_few_shot", "training"])
def test_objectives_give_equal_bytes_whatever_the_order_of_rows(name, matched):
    parts = {
        key: value.sample(frac=1, random_state=1)
        for key, value in vars(matched).items()
        if key in ("results", "objectives")
    }
    shuffled = Tables(**(vars(matched) | parts))
    first, other = (json.dumps(draw(name, drawn), sort_keys=True) for drawn in (matched, shuffled))
    assert first == other


@pytest.mark.parametrize("name", CROSSED)
def test_the_four_cells_stand_side_by_side_in_order_with_a_row_an_objective(name, matched):
    spec = draw(name, matched)
    assert len(spec["concat"]) == spec["columns"] == 4
    titles = [(panel["title"]["text"], panel["title"]["subtitle"]) for panel in spec["concat"]]
    assert titles == [
        (f"{concepts} concepts", f"{style} style; 120 concepts")
        for concepts in ("seen", "unseen")
        for style in ("seen", "unseen")
    ]
    found = pd.DataFrame(marks(spec))
    rows = found[found["setting"] == found["setting"].max()].groupby("dataset")["model"].nunique()
    assert rows.to_dict() == dict.fromkeys(CELLS, len(OBJECTIVES) + 1)


def test_a_dot_of_a_cell_has_the_mean_and_the_interval_of_the_objective(matched):
    means = matched.objectives.query("protocol == 'cross_style_probe' and group == 'simclr'")
    found = [r for r in marks(draw("cross_style_probe", matched)) if r["model"] == "SimCLR"]
    for column in ("value", "low", "high"):
        assert [r[column] for r in found] == pytest.approx(means[column].tolist(), abs=1e-5)


def test_each_cell_marks_guessing_and_the_untrained_encoder(matched):
    spec = draw("cross_style_probe", matched)
    untrained = matched.objectives.query("protocol == 'cross_style_probe' and group == 'untrained'")
    levels = {
        meaning: [r["level"] for r in marks(spec, "level") if r["meaning"] == meaning]
        for meaning in ("guessing", "untrained")
    }
    assert set(levels["guessing"]) == {0.1}
    assert sorted(levels["untrained"]) == pytest.approx(sorted(untrained["value"]))
    subtitle = " ".join(spec["title"]["subtitle"])
    assert "95% intervals over training runs, trials and concepts" in subtitle
    assert "dashed: guessing; dotted: untrained" in subtitle


def test_cells_of_ordinary_models_alone_have_no_untrained_encoder_to_show():
    rows = pd.DataFrame(crossed_rows("own", "", 0))
    drawn = Tables(rows, contrasts().iloc[:0], {}, ["own"], objective_means(rows))
    spec = draw("cross_style_retrieval", drawn)
    assert {r["meaning"] for r in marks(spec, "level")} == {"guessing"}
    assert "untrained" not in " ".join(spec["title"]["subtitle"])


@pytest.mark.parametrize("name", ["few_shot", "cross_style_few_shot"])
def test_of_many_models_the_largest_setting_has_the_bar_and_the_subtitle_says_which(name, matched):
    spec = draw(name, matched)
    assert "large marks: 5 shots; small: 1" in " ".join(spec["title"]["subtitle"])
    layers = spec["concat"][0]["layer"]
    settings = {
        layer["mark"]["type"]: {r["setting"] for r in spec["datasets"][layer["data"]["name"]]}
        for layer in layers
        if "setting" in spec["datasets"][layer["data"]["name"]][0] and layer["mark"].get("size") != 16
    }
    assert settings == {"rule": {5}, "point": {5}}
    small = [layer for layer in layers if layer["mark"].get("size") == 16]
    assert {r["setting"] for layer in small for r in spec["datasets"][layer["data"]["name"]]} == {1}


def test_cells_without_objectives_say_so():
    with pytest.raises(DataError, match=r"objectives.*cross_style_probe"):
        draw("cross_style_probe", tables())


def test_many_contrasts_have_a_panel_a_protocol_and_below_a_table_with_a_row_each(matched):
    spec = draw("summary", matched)
    decided = pd.DataFrame([r for r in marks(spec, "effect") if "left" in r])
    assert len(decided) == 16 * 7
    assert decided["look"].value_counts().to_dict() == dict.fromkeys(
        ("helps", "hurts", "equivalent", "undecided"), 28
    )
    table = pd.DataFrame([r for r in marks(spec, "effect") if "ink" in r])
    assert table["contrast"].nunique() == 16
    assert len(table) == 16 * (4 + 3 * 4)
    one = table[table["contrast"] == "contrast-3"].groupby("look")["text"].agg(set).to_dict()
    assert one["equivalent"] == {f"■ +3.{place}" for place in range(7)}
    assert one["no verdict"] == {"+3.4", "+3.5", "+3.6"}
    assert set(table.loc[table["look"] == "undecided", "text"].str[0]) == {"+", "0"}
    assert set(table["column"]) == {
        "Clustering", "Few-shot", "Transfer", "Robustness", "seen concepts, seen style",
        "seen concepts, unseen style", "unseen concepts, seen style", "unseen concepts, unseen style",
    }  # fmt: skip


def test_few_contrasts_show_cells_by_name_and_no_mean_over_them():
    rows = [effect("cross_style_probe", cell, n_datasets=4 if not cell else 1) for cell in ("", *CELLS)]
    found = marks(draw("summary", tables(compared=contrasts(*rows))), "effect")
    assert [(r["label"], r["look"]) for r in found] == [
        ("seen concepts, seen style", "no verdict"), ("seen concepts, unseen style", "no verdict"),
        ("unseen concepts, seen style", "no verdict"), ("unseen concepts, unseen style", "helps"),
    ]  # fmt: skip


@pytest.mark.parametrize(("datasets", "columns"), [(["toys"], 2), (list(CELLS), 1)])
def test_two_contrasts_are_side_by_side_if_the_page_has_room(datasets, columns):
    rows = [effect("cross_style_probe", name, contrast=c) for c in ("one", "two") for name in datasets]
    spec = draw("summary", tables(compared=contrasts(*rows)))
    assert spec["columns"] == columns
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VERSION)
    assert int(re.search(r'<svg [^>]*width="(\d+)"', svg).group(1)) <= WIDTH + 24


def test_margins_start_at_the_smallest_margin_of_equivalence():
    rows = [
        effect(verdict="equivalent", effect=0.0, smallest_margin=0.012),
        effect(contrast="other", verdict="undecided", smallest_margin=0.05),
        effect("few_shot", smallest_margin=float("nan"), margin=0.01),
        effect("few_shot", contrast="other", smallest_margin=3.0),
        effect("few_shot", "toys", smallest_margin=0.01),
    ]
    spec = draw("margins", tables(compared=contrasts(*rows)))
    found = {(r["contrast"], r["where"]): r for r in marks(spec, "at")}
    assert len(found) == len(marks(spec, "at")) == 4
    first, other = found["language", "Transfer"], found["other", "Transfer"]
    assert (first["at"], first["look"]) == (pytest.approx(1.2), "equivalent within the chosen margin")
    assert (other["at"], other["look"]) == (pytest.approx(5), "not shown to be equivalent")
    assert not found["language", "Few-shot"]["known"]
    assert found["other", "Few-shot"]["beyond"]
    assert [r["margin"] for r in marks(spec, "margin")] == [1, 3]
    assert [panel["title"]["text"] for panel in spec["concat"]] == [["Few-shot"], ["Transfer"]]
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", vl_convert.vegalite_to_svg(spec, vl_version=VERSION))
    assert shown.count("unknown") == 1


def test_margins_without_a_comparison_say_so():
    spec = draw("margins", tables())
    assert "nothing is compared" in " ".join(spec["title"]["subtitle"])
    assert vl_convert.vegalite_to_vega(spec, vl_version=VERSION)["marks"]


@pytest.mark.parametrize("name", ["summary", "margins"])
def test_two_hundred_contrasts_with_names_of_markup_are_drawn_whole(name):
    rows = [effect(p, contrast=f"<b>&contrast</b>-{i}") for i in range(200) for p in ("transfer", "few_shot")]
    svg = vl_convert.vegalite_to_svg(draw(name, tables(compared=contrasts(*rows))), vl_version=VERSION)
    assert "<b>" not in svg
    assert len(set(re.findall(r"&lt;b&gt;&amp;contrast&lt;/b&gt;-\d+", svg))) == 200
    assert int(re.search(r'<svg [^>]*width="(\d+)"', svg).group(1)) <= WIDTH + 24


def test_learning_curves_have_a_panel_an_objective_and_a_line_a_seed(matched):
    spec = draw("training", matched)
    names = [" ".join(panel["title"]["text"]) for panel in spec["concat"]]
    assert names == [display.group(name) for name in OBJECTIVES if name != "untrained"]
    lines = {(r["model"], r["epoch"]) for r in marks(spec)}
    runs = 3 * (len(OBJECTIVES) - 1)
    assert len(lines) == runs * 8
    assert f"{runs} training runs" in " ".join(spec["title"]["subtitle"])


def test_an_objective_without_a_held_out_loss_has_neither_line_nor_tooltip_for_it():
    curves = learning_curves(trained(["simclr", "concept_labels"], 1))
    drawn = draw("training", Tables(*[None] * 4, training=curves))["concat"]
    kinds = [[layer["encoding"]["y"]["field"] for layer in panel["layer"]] for panel in drawn]
    assert kinds == [["loss", "held_out_loss"], ["loss"]]
    told = {line["field"] for line in drawn[1]["layer"][0]["encoding"]["tooltip"]}
    assert told == {"model", "epoch", "loss"}


def test_a_long_curve_keeps_its_ends():
    curves = learning_curves(trained(["simclr"], 1), epochs=200)
    found = [r["epoch"] for r in marks(draw("training", Tables(*[None] * 4, training=curves)))]
    assert (min(found), max(found)) == (0, 199)
    assert len(set(found)) == 30


def test_curves_are_read_with_their_model_and_objective_and_an_untrained_one_has_none(tmp_path):
    (tmp_path / "simclr-0.csv").write_text("epoch,loss,held_out_loss,measure\n1,0.5,0.6,0.1\n2,0.25,,0.2\n")
    (tmp_path / "untrained-0.csv").write_text("epoch,loss,held_out_loss,measure\n")
    names = ("simclr-0", "untrained-0")
    paths = {name: tmp_path / f"{name}.csv" for name in names}
    found = read_training(paths, {"simclr-0": "simclr", "untrained-0": "untrained"})
    assert found[["group", "model", "epoch", "loss"]].to_numpy().tolist() == [
        ["simclr", "simclr-0", 1, 0.5],
        ["simclr", "simclr-0", 2, 0.25],
    ]
    none = read_training({"untrained-0": paths["untrained-0"]}, {"untrained-0": "untrained"})
    assert none.empty
    spec = draw("training", Tables(*[None] * 4, training=none))
    assert vl_convert.vegalite_to_vega(spec, vl_version=VERSION)["marks"]


def test_a_damaged_curve_is_named_and_a_figure_without_any_says_so(tmp_path):
    (tmp_path / "m.csv").write_text("epoch\n1\n")
    with pytest.raises(DataError, match=r"m\.csv"):
        read_training({"m": tmp_path / "m.csv"}, {"m": "m"})
    with pytest.raises(DataError, match="training"):
        draw("training", tables())
