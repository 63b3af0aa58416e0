"""Figures of all protocols at once: ranks, and means over the size of the pretraining data."""

from dataclasses import replace

import pandas as pd
import pytest
import vl_convert

from hand_made import contrasts, crossed_rows, objective_means, row, tables, trained_tables
from wordsight.catalogue.cells import ALL_NEW
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.errors import DataError
from wordsight.figures import drawing
from wordsight.figures.export import VERSION
from wordsight.figures.pretraining_size import LOOK, sized
from wordsight.figures.ranks import OVERALL, ranks
from wordsight.tables.reading import Tables, comparable, over_datasets

pytestmark = pytest.mark.slow


def draw(name, drawn):
    return drawing.draw(name, drawn).to_dict()


def marks(spec, field="model"):
    return [record for data in spec["datasets"].values() for record in data if field in record]


def drawn_from(rows, datasets=("x", "y"), models=None):
    frame = pd.DataFrame(rows)
    models = list(dict.fromkeys(frame["model"])) if models is None else models
    return Tables(frame, contrasts().iloc[:0], dict.fromkeys(datasets, 4), models)


def accuracies(values, protocol="transfer"):
    """Rows of one protocol from a dict of models to their value by dataset."""
    return [
        row(protocol, model, dataset, "accuracy", value)
        for model, found in values.items()
        for dataset, value in found.items()
    ]


# What can be compared


def test_encoders_are_compared_at_the_largest_setting_on_the_datasets_that_all_share():
    rows = accuracies({"a": {"x": 0.5, "y": 0.6}, "b": {"x": 0.7}})
    rows += [row("few_shot", m, "x", "accuracy", 0.1 * s, "shots", s) for m in "ab" for s in (1, 5)]
    drawn = drawn_from(rows)
    found = comparable(drawn, "transfer")
    assert found[["dataset", "model"]].to_numpy().tolist() == [["x", "a"], ["x", "b"]]
    assert set(comparable(drawn, "few_shot")["setting"]) == {5}
    assert comparable(drawn_from(accuracies({"a": {"x": 1}, "b": {"y": 1}})), "transfer").empty


def test_across_styles_encoders_are_compared_where_all_is_new():
    rows = pd.DataFrame([found for model in "ab" for found in crossed_rows(model, "", 0)])
    found = comparable(Tables(rows, contrasts().iloc[:0], {}, ["a", "b"]), "cross_style_probe")
    assert found["dataset"].tolist() == [ALL_NEW] * 2


# Ranks


def test_ranks_are_means_over_datasets_and_equal_values_share_theirs():
    values = {"a": {"x": 0.9, "y": 0.5}, "b": {"x": 0.8, "y": 0.7}, "c": {"x": 0.8, "y": 0.6}}
    found = ranks(drawn_from(accuracies(values))).query("where == 'Transfer'").set_index("model")
    assert found["rank"].to_dict() == {"a": 2.0, "b": 1.75, "c": 2.25}
    assert found.loc["a", ["best", "worst", "over", "among"]].tolist() == [1, 3, 2, 3]


def test_the_overall_rank_is_over_the_protocols_that_all_encoders_ran_and_gives_the_order():
    one, two = {"a": {"x": 0.1}, "b": {"x": 0.2}, "c": {"x": 0.3}}, {"a": {"x": 0.9}, "b": {"x": 0.1}}
    rows = accuracies(one) + accuracies(two, "clustering")
    found = ranks(drawn_from(rows))
    overall = found[found["where"] == OVERALL]
    assert overall[["model", "rank", "over"]].to_numpy().tolist() == [["c", 1, 1], ["b", 2, 1], ["a", 3, 1]]
    assert list(dict.fromkeys(found["model"])) == ["c", "b", "a"]


def test_the_figure_says_if_no_protocol_ran_on_all_encoders_so_there_is_no_overall_rank():
    rows = accuracies({"a": {"x": 0.1}, "b": {"x": 0.2}})
    rows += accuracies({"c": {"x": 0.1}, "d": {"x": 0.2}}, "clustering")
    drawn = drawn_from(rows)
    assert OVERALL not in set(ranks(drawn)["where"])
    assert "there is no overall rank" in " ".join(draw("ranks", drawn)["title"]["subtitle"])


def test_seeds_of_an_objective_have_one_rank():
    found = ranks(trained_tables())
    assert found.groupby("where")["model"].nunique().to_dict() == dict.fromkeys(
        set(found["where"]), len(OBJECTIVES) + 1
    )
    assert set(found["among"]) == {len(OBJECTIVES) + 1}


def test_the_best_encoder_is_on_top_and_empty_cells_stay_empty():
    one, two = {"low": {"x": 0.1}, "high": {"x": 0.2}}, {"high": {"x": 0.9}}
    spec = draw("ranks", drawn_from(accuracies(one) + accuracies(two, "clustering")))
    cells = {(r["model"], r["where"]): r["rank"] for r in marks(spec, "rank")}
    assert cells[("high", "Transfer")] == 1
    assert ("low", "Clustering") not in cells
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == ["high", "low"]


# Pretraining size


def with_sizes(sizes, languages=None):
    """Rows of transfer, one encoder a size."""
    languages = languages or ["labels"] * len(sizes)
    return [
        row("transfer", f"m{i}", dataset, "accuracy", 0.5 + 0.01 * i, pretraining_images=n, language=language)
        for i, (n, language) in enumerate(zip(sizes, languages, strict=True))
        for dataset in ("x", "y")
    ]


def test_a_mark_is_the_mean_over_datasets_with_its_interval():
    rows = with_sizes([1000, 2000])
    rows[1]["value"] = 0.7
    means = objective_means(pd.DataFrame(rows))
    means.loc[means["scope"] == "pooled", "low"] = 0.35
    found = sized(replace(drawn_from(rows), objectives=means)).set_index("model")
    assert found.loc["m0", ["value", "low", "high"]].tolist() == pytest.approx([0.6, 0.35, 0.64])
    assert found.loc["m0", "over"] == 2


def test_across_styles_a_mark_has_the_interval_of_the_cell_where_all_is_new():
    drawn = trained_tables()
    cell = drawn.objectives.query("protocol == 'cross_style_probe' and dataset == @ALL_NEW")
    found = over_datasets(drawn, "cross_style_probe")
    assert set(found["over"]) == {1}
    assert sorted(found["low"]) == pytest.approx(sorted(cell["low"].clip(0)))


def test_untrained_encoders_stand_apart_and_each_kind_of_learning_has_its_look():
    rows = with_sizes([0, 1000, 1000, 100_000], ["none", "none", "labels", "captions"])
    found = sized(drawn_from(rows)).set_index("model")
    assert found["learned"].to_dict() == {
        "m0": "untrained", "m1": "no language", "m2": "labels", "m3": "captions"
    }  # fmt: skip
    assert found.loc["m0", "position"] < 0.3 * found["position"].drop("m0").min()
    assert found.loc["m1", "position"] < 1000 < found.loc["m2", "position"]
    assert found.loc["m3", "position"] == pytest.approx(100_000)
    spec = draw("pretraining_size", drawn_from(rows))
    assert ">none<" in vl_convert.vegalite_to_svg(spec, vl_version=VERSION)
    assert len({colour for colour, _ in LOOK.values()}) == len({shape for _, shape in LOOK.values()}) == 4


def test_encoders_of_equal_size_are_never_spread_over_the_next_size():
    rows = with_sizes([1000] * 5 + [1200] * 5)
    found = sized(drawn_from(rows))
    assert (
        found.loc[found["images"] == 1000, "position"].max()
        < found.loc[found["images"] == 1200, "position"].min()
    )


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([30_000, 30_000, 0], "30,000 images, so this shows nothing about size"),
        ([0, 0], "no encoder was trained"),
        ([10, 20, 20], "2 sizes; "),
    ],
)
def test_the_figure_says_how_many_sizes_there_are(sizes, said):
    subtitle = " ".join(draw("pretraining_size", drawn_from(with_sizes(sizes)))["title"]["subtitle"])
    assert said in subtitle


def test_sizes_are_labelled_below_the_smallest_and_a_billion_is_a_b():
    spec = draw("pretraining_size", drawn_from(with_sizes([118_287, 2_000_000_000, 2_000_000_000])))
    drawn = vl_convert.vegalite_to_svg(spec, vl_version=VERSION)
    for label, there in {"100k": True, "1M": True, "1B": True, "1G": False}.items():
        assert (f">{label}<" in drawn) == there


def test_there_is_a_panel_a_protocol_and_each_names_its_metric():
    spec = draw("pretraining_size", trained_tables())
    titles = {panel["title"]["text"]: panel["title"]["subtitle"] for panel in spec["concat"]}
    assert titles["Robustness"] == "area under the robustness curve, 2 datasets"
    assert titles["Retrieval across styles"] == "recall at 1, 1 dataset"
    assert len(titles) == 7


@pytest.mark.parametrize("name", ["ranks", "pretraining_size"])
def test_two_hundred_encoders_are_drawn(name):
    drawn = tables(models=[f"m{i}" for i in range(200)])
    found = {record["model"] for record in marks(draw(name, drawn))}
    assert len(found) == 200


@pytest.mark.parametrize("name", ["ranks", "pretraining_size"])
def test_encoders_that_share_no_dataset_are_refused_in_one_line(name):
    drawn = drawn_from(accuracies({"a": {"x": 1}, "b": {"y": 1}}))
    with pytest.raises(DataError, match=r"^results: [^\n]*$"):
        draw(name, drawn)
