"""The report: right words, every warning that is due, and a page that is safe, whole and offline."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from hand_made import (
    comparison,
    contrasts,
    dataset_card,
    effect,
    make_run,
    model_card,
    no_contrasts,
    results,
    row,
    tables,
    written,
)
from wordsight.config import load
from wordsight.report import record
from wordsight.report.answer import answers, opening, points
from wordsight.report.cautions import cautions
from wordsight.report.page import download, write_verdicts
from wordsight.report.tables import contrast_tables, full_table, model_table, primary_tables

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "</script><script>alert(1)</script>&\"'"
WHOLE = {"n": 1, "unit": "trials", "stderr": float("nan")}


def sentence(run):
    (answer,) = answers(run)
    return answer.lines[0].sentence


# Words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"protocol": "few_shot", "parameter": "shots", "setting": 5.0, "effect": 0.31, "low": 0.25, "high": 0.37},
            "Few-shot, 5 shots: higher by 31 points (95% interval 25 to 37); "
            "1 encoder trained with captions against 1 trained on labels, 2 datasets, 400 images.",
        ),
        (
            {"effect": -0.07, "low": -0.17, "high": -0.03, "verdict": "lower", "n_datasets": 1, "n_items": 1},
            "Transfer: lower by 7 points (95% interval −17 to −3); "
            "1 encoder trained with captions against 1 trained on labels, 1 dataset, 1 image.",
        ),
        (
            {"effect": 0.004, "low": -0.02, "high": 0.03, "verdict": "undecided", "confidence": 0.9},
            "Transfer: undecided, 0.4 points (90% interval −2.0 to 3.0, which holds zero); "
            "1 encoder trained with captions against 1 trained on labels, 2 datasets, 400 images.",
        ),
        (
            {"low": float("nan"), "high": float("nan"), "verdict": "undecided"},
            "Transfer: undecided, 20 points without an interval: there is nothing to resample; "
            "1 encoder trained with captions against 1 trained on labels, 2 datasets, 400 images.",
        ),
        (
            {"holds_for": "these models", "replicates": 1},
            "Transfer: higher by 20 points (95% interval 10 to 30); 1 encoder trained with captions against "
            "1 trained on labels, 2 datasets, 400 images, holds for these models only (1 replicate).",
        ),
    ],
)  # fmt: skip
def test_a_verdict_is_one_sentence(changes, words):
    assert sentence(make_run(compared=contrasts(effect(**changes)))) == words


def test_the_number_of_models_is_that_of_the_row_and_both_sides_are_named():
    run = make_run(("none", "labels"), compared=contrasts(effect(n_treatments=3, n_controls=2)))
    run.models["first"]["pretraining_images"] = 0
    assert "3 encoders untrained against 2 trained on labels" in sentence(run)
    assert answers(run)[0].headline.startswith("Untrained encoders against encoders trained on labels: ")


def test_sides_that_were_trained_alike_are_called_treatment_and_control():
    run = make_run(("labels", "labels"), compared=contrasts(effect(n_controls=2)))
    assert "1 treatment against 2 controls" in sentence(run)
    assert answers(run)[0].headline == "Contrast language: higher in 1 of 1 comparison"


def test_points_are_whole_unless_that_hides_a_number():
    assert points(0.2149, 0.1432, 0.3176) == ["21", "14", "32"]
    assert points(0.05, 0.0044, 0.1) == ["5.0", "0.4", "10.0"]
    assert points(0.05, -0.0003, 0.1) == ["5.00", "−0.03", "10.00"]
    assert points(0.0, 0.0, 0.0) == ["0", "0", "0"]


def test_datasets_that_disagree_are_named():
    (answer,) = answers(make_run())
    assert answer.lines[0].by_dataset == "By dataset: higher on shapes; undecided on toys."


def test_undecided_is_never_called_equal():
    (answer,) = answers(make_run(compared=contrasts(effect(verdict="undecided", low=-0.1))))
    assert answer.note.startswith("Undecided does not mean equal.")
    assert answers(make_run())[0].note.startswith("Undecided does not mean equal.")  # on one dataset
    assert not re.search("equal|same|no difference|no effect", sentence(make_run()) + answer.headline)


def test_few_replicates_are_explained_and_many_are_not():
    few, many = (
        answers(make_run(compared=contrasts(effect(holds_for=f"{kind} models"))))[0].note
        for kind in ("these", "such")
    )
    assert "too narrow for a claim about other training runs" in few
    assert many == ""


def test_a_run_without_captions_says_so_first_and_gives_its_own_question():
    asked = [comparison(question="Do labels help?")]
    assert opening(make_run(("labels", "none"), comparisons=asked)) == (
        "This run cannot say whether language helps: none of its 2 encoders was trained with captions. "
        "What it asks instead: Do labels help?"
    )


def test_captions_that_no_contrast_sets_apart_answer_nothing():
    both = make_run(("captions", "captions"), comparisons=[comparison(question="")])
    assert opening(both) == (
        "This run cannot say whether language helps: no contrast that ran sets encoders trained with captions "
        "against others. What it asks instead: What does the contrast language change?"
    )


@pytest.mark.parametrize("languages", [("captions", "labels"), ("none", "captions")])
def test_a_contrast_of_captions_is_the_answer(languages):
    rows = [effect(), effect("few_shot", verdict="lower"), effect("clustering", verdict="undecided")]
    text = opening(make_run(languages, compared=contrasts(*rows)))
    assert "trained with captions" in text
    assert text.endswith(": higher in 1 of 3 comparisons, lower in 1, undecided in 1.")
    assert "cannot" not in text


def test_a_run_without_contrasts_compares_nothing():
    run = make_run(compared=no_contrasts(), comparisons=[])
    assert opening(run).endswith("It makes no comparison: what follows are measurements.")
    assert answers(run) == []


def test_the_terminal_shows_the_verdicts_the_warnings_and_where_the_report_is(tmp_path):
    run = make_run(datasets={"shapes": dataset_card("shapes", near=3), "toys": dataset_card("toys")})
    write_verdicts(tmp_path / "verdicts.txt", run, "results/report.html")
    lines = (tmp_path / "verdicts.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "Does it help?"
    assert lines[2] == opening(run)
    assert f"  {sentence(run)}" in lines
    assert "  Test images with a near twin in training" in lines
    assert lines[-1] == "Report: results/report.html"


# Warnings


def titles(run):
    return [caution.title for caution in cautions(run)]


def only(run):
    (caution,) = cautions(run)
    return f"{caution.title}. {caution.text}"


def changed(metric, value, protocol="robustness", model="first"):
    """Results of which one metric of one model on one dataset has another value."""
    rows = results()
    place = (rows["metric"] == metric) & (rows["protocol"] == protocol)
    rows.loc[place & (rows["model"] == model) & (rows["dataset"] == "toys"), "value"] = value
    return rows


def complete(**changes):
    """Run whose contrast covers every protocol on both datasets, so that nothing is to be warned of."""
    names = ("clustering", "few_shot", "transfer", "robustness")
    rows = [effect(name, dataset) for name in names for dataset in ("", "shapes", "toys")]
    return make_run(compared=contrasts(*rows), **changes)


def test_a_clean_run_has_no_warning():
    assert titles(complete()) == []


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("zero_gradient", "share of zero gradients"),
        ("randomised", "randomised"),
        ("softmax_outputs", "probabilities as scores"),
    ],
)
def test_a_failed_self_check_of_the_attack_is_shown_with_its_place(metric, words):
    text = only(complete(rows=changed(metric, 0.25)))
    assert text.startswith(f"Attack self-check failed: {words}")
    assert "robustness shown is too good" in text
    assert "first on toys (25%)" in text


def test_images_that_survive_a_radius_that_nothing_can_survive_mean_a_failed_attack():
    text = only(complete(rows=changed("unbroken_at_largest", 0.1)))
    assert "largest radius, 1, where no classifier can resist" in text
    assert "first on toys (10%)" in text


def test_images_that_survive_a_small_radius_mean_a_curve_that_ends_early():
    run = complete(rows=changed("unbroken_at_largest", 0.1))
    run.config["protocols"]["robustness"]["epsilons"] = [0.001]
    assert "the curve ends above zero" in only(run)


def test_a_probe_that_did_not_converge_is_shown():
    assert "first on toys: its accuracy may be too low" in only(
        complete(rows=changed("converged", 0.0, "transfer"))
    )


def test_twins_are_counted_by_dataset_exact_ones_first():
    run = complete(
        datasets={"shapes": dataset_card("shapes", exact=2, near=5), "toys": dataset_card("toys", near=7)}
    )
    exact, near = cautions(run)
    assert "shapes 2 of 200" in exact.text
    assert "toys" not in exact.text
    assert "shapes 5 of 200 and toys 7 of 200" in near.text


def test_an_unmatched_contrast_says_in_what_else_its_sides_differ():
    run = complete(comparisons=[comparison(groups=[""])])
    run.models["second"] |= {"architecture": "timm/other", "pretraining_images": 9}
    assert "They also differ in architecture and the size of their training data." in only(run)


def test_untrained_controls_are_not_blamed_for_having_no_data():
    run = complete(languages=("labels", "none"))
    run.models["second"] |= {"pretraining_images": 0, "pretraining_data": "none"}
    assert titles(run) == []


def test_a_dataset_that_no_contrast_could_use_is_named():
    rows = [
        effect(name, d) for name in ("clustering", "few_shot", "transfer") for d in ("", "shapes", "toys")
    ]
    run = make_run(compared=contrasts(*rows, effect("robustness", "toys")))
    assert "Robustness on shapes" in only(run)


def test_few_images_are_named_for_the_protocol_they_weaken():
    rows = results()
    rows.loc[(rows["protocol"] == "robustness") & (rows["unit"] == "items"), "n"] = 20
    assert only(complete(rows=rows)).endswith("on the smallest dataset: Robustness (20 images).")


def test_many_places_are_counted_after_the_first():
    models = [f"m{i}" for i in range(9)]
    rows = results(models, ["toys"])
    rows.loc[rows["metric"] == "randomised", "value"] = 1.0
    run = complete(rows=rows, models={name: model_card(name) for name in [*models, "first", "second"]})
    text = next(c.text for c in cautions(run) if "randomised" in c.title)
    assert "m5 on toys (100%) and 3 more." in text


# Tables


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


def test_what_was_not_measured_is_a_dash():
    rows = results()
    rows = rows[(rows["protocol"] != "robustness") | (rows["model"] == "first") | (rows["dataset"] == "toys")]
    table = primary_tables(complete(rows=rows))[-1]
    assert table.rows[1] == ["second", "–", "30.5 ± 2.0"]


def test_the_full_table_has_every_row_with_its_words():
    run = complete(
        rows=pd.DataFrame([row("robustness", "first", "toys", "min_epsilon", float("inf"), stderr=None)])
    )
    assert full_table(run).rows == [
        ["first", "toys", "Robustness", "smallest breaking radius", "", "inf", "–", "200 items", "1", "sound"]
    ]


def test_effects_are_listed_by_contrast_with_the_pooled_one_first():
    rows = [effect(dataset="toys", contrast="b"), effect(contrast="b"), effect(contrast="a", n_datasets=1)]
    (table,) = contrast_tables(make_run(compared=contrasts(*rows)))
    assert [r[1] for r in table.rows] == ["all datasets", "toys"]
    assert table.rows[0][4:7] == ["+20.0", "+10.0 to +30.0", "higher"]


def test_digests_of_models_are_short_and_an_untrained_one_has_no_source():
    run = make_run(models={"first": model_card("first", sha256="")})
    assert model_table(run).rows[0][-2:] == ["–", "b" * 12]


# What the run took


def bench(folder, name, seconds, memory="100.0"):
    path = folder / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{memory}\n")


def test_costs_are_summed_by_rule_without_the_files_of_another_configuration(tmp_path):
    bench(tmp_path, "features/m.1/d", 2.0, "300.0")
    bench(tmp_path, "features/m.1/e", 6.0, "200.0")
    bench(tmp_path, "augmented_features/m.1/d/3", 1.0)
    bench(tmp_path, "features/gone/d", 50.0)
    bench(tmp_path, "robustness/m.1/d", 70.0)
    bench(tmp_path, "summary", 0.4, "NA")
    jobs = record.benchmarks(tmp_path, {"m.1", "d", "e"}, {"robustness"})
    found = {cost.rule: cost for cost in record.costs(jobs)}
    assert list(found) == ["features", "augmented_features", "summary"]
    assert (found["features"].jobs, found["features"].seconds, found["features"].longest) == (2, 8.0, 6.0)
    assert found["features"].memory_mb == 300.0
    assert pd.isna(found["summary"].memory_mb)
    cards = {name: dataset_card(name) for name in ("d", "e")}
    assert record.speeds(jobs, cards) == {"m.1": pytest.approx(800 / 8.0)}


def test_a_run_without_benchmarks_has_no_costs(tmp_path):
    assert record.costs(record.benchmarks(tmp_path / "absent", set(), set())) == []


def test_versions_are_those_installed_or_else_those_locked():
    versions = dict(record.software())
    assert versions["python"].startswith("3.")
    assert versions["pandas"] == pd.__version__
    assert versions["torch"][0].isdigit()


# The page


class Page(HTMLParser):
    """Elements of a page with their attributes, and the text of scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.inside = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data

    def named(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return written(complete(), tables(compared=contrasts()), tmp_path_factory.mktemp("page"))


def test_nothing_is_loaded_from_anywhere(text):
    page = Page(text)
    for attributes in (attributes for _, attributes in page.elements):
        for key in ("src", "href", "xlink:href", "data", "poster", "srcset", "action"):
            assert re.match("#|data:", attributes.get(key, "#")), attributes
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL))
    assert "@import" not in styles
    assert "url(" not in styles
    policy = next(
        meta["content"]
        for meta in page.named("meta")
        if "content" in meta and "default-src" in meta["content"]
    )
    assert policy.startswith(
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'sha256-"
    )
    assert "unsafe-eval" not in policy


def test_the_page_allows_its_own_scripts_and_no_other(text):
    page = Page(text)
    policy = next(meta["content"] for meta in page.named("meta") if "default-src" in meta.get("content", ""))
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    kinds = [attributes.get("type") for attributes in page.named("script")]
    code = [script for script, kind in zip(page.scripts, kinds, strict=True) if kind is None]
    assert {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in code} == allowed
    assert len(code) == 3


def test_the_page_is_small_enough_to_send(text):
    assert len(text.encode()) < 2_000_000


def test_the_answer_comes_before_figures_tables_and_method(text):
    parts = ["<h1>Does it help?</h1>", '<p class="opening">', '<section class="answer"']
    parts += [f'id="{name}"' for name in ("figures", "tables", "method", "provenance", "limits", "cite")]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_the_page_can_be_read_without_seeing_it(text):
    page = Page(text)
    assert page.named("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.named("th"))
    images = [attributes for _, attributes in page.elements if attributes.get("role") == "img"]
    assert len(images) == 2
    assert all(len(attributes["aria-label"]) > 40 for attributes in images)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"] for attributes in page.named("a")}
    assert targets <= {f"#{name}" for name in ids}


def test_each_figure_is_there_as_svg_and_as_data_with_its_caption_the_summary_first(text):
    page = Page(text)
    assert [attributes["data-figure"] for attributes in page.named("figure")] == ["summary", "transfer"]
    assert text.count('<svg xmlns="http://www.w3.org/2000/svg"') == 2
    specs = [
        json.loads(script)
        for script, a in zip(page.scripts, page.named("script"), strict=True)
        if a.get("type")
    ]
    assert [spec["title"]["text"].split(":")[0] for spec in specs] == ["Summary", "Transfer"]
    assert "Caption of transfer." in text


def test_warnings_stand_on_the_page(tmp_path, text):
    assert 'id="warnings"' not in text
    run = complete(rows=changed("zero_gradient", 0.25))
    flagged = written(run, tables(compared=contrasts()), tmp_path)
    assert "1 warning</h2>" in flagged
    assert "first on toys (25%)" in flagged
    assert flagged.index('id="warnings"') < flagged.index('id="figures"')


def hostile_run():
    names = {"first": f"first{HOSTILE}", "toys": f"toys{HOSTILE}"}
    rows = results((names["first"], "second"), ("shapes", names["toys"]))
    rows.loc[rows["metric"] == "randomised", "value"] = 1.0
    compared = contrasts(effect(), effect(dataset="shapes"), effect(dataset=names["toys"], verdict="lower"))
    run = make_run(
        title=f"Title{HOSTILE}",
        rows=rows,
        compared=compared,
        models={name: model_card(name, licence=HOSTILE) for name in (names["first"], "second")},
        datasets={name: dataset_card(name, near=1, origin=HOSTILE) for name in ("shapes", names["toys"])},
        comparisons=[comparison(question=f"Why{HOSTILE}", pairs=[(names["first"], "second")])],
    )
    drawn = tables((names["first"], "second"), ("shapes", names["toys"]), compared)
    return run, drawn


def test_names_cannot_become_markup_or_scripts(tmp_path):
    run, drawn = hostile_run()
    text = written(run, drawn, tmp_path)
    page = Page(text)
    assert "<script>alert(1)" not in text
    assert not [script for script in page.scripts if script.startswith("alert")]
    assert len(page.scripts) == 5
    assert not any("<" in s for s, a in zip(page.scripts, page.named("script"), strict=True) if a.get("type"))
    specs = [json.loads(s) for s, a in zip(page.scripts, page.named("script"), strict=True) if a.get("type")]
    assert f"first{HOSTILE}" in json.dumps(specs[1]).encode().decode("unicode_escape")
    assert "Title&lt;/script&gt;&lt;script&gt;alert(1)" in text


def test_tables_can_be_saved_from_the_page_and_large_ones_are_named(tmp_path):
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text("a,b\n1,2\n")
    large.write_text("x" * 500_001)
    text = written(complete(), tables(), tmp_path, [download(small), download(large)])
    (link,) = [attributes for attributes in Page(text).named("a") if "download" in attributes]
    assert base64.b64decode(link["href"].partition("base64,")[2]) == small.read_bytes()
    assert f"<code>{large}</code>" in text


@pytest.mark.parametrize("protocols", [["transfer"], ["clustering", "robustness"]])
@pytest.mark.parametrize("mode", ["sound", "paper"])
def test_method_and_tables_tell_only_of_what_ran(tmp_path, protocols, mode):
    rows = results(protocols=protocols).assign(mode=mode)
    run = make_run(rows=rows, compared=no_contrasts(), comparisons=[])
    run.config["protocols"] |= {
        n: None for n in ("clustering", "few_shot", "transfer", "robustness") if n not in protocols
    }
    drawn = tables(protocols=[*protocols, "transfer"])
    text = written(run, drawn, tmp_path)
    described = re.findall(r"<strong>(\S+)</strong> \((\w+) mode\)", text)
    assert described == [(name.capitalize(), mode) for name in protocols]
    assert "Points are percentage points" not in text


def test_the_default_configuration_is_shown_as_run(tmp_path):
    import yaml

    config = load(yaml.safe_load((ROOT / "config/config.yaml").read_text())).model_dump(mode="json")
    run = make_run(config=config)
    text = written(run, tables(), tmp_path)
    shown = re.search(r"<pre[^>]*>(title: .*?)</pre>", text, flags=re.DOTALL).group(1)
    assert yaml.safe_load(shown.replace("&#39;", "'").replace("&gt;", ">")) == config


def test_every_figure_has_a_caption_of_one_plain_paragraph():
    for path in sorted((ROOT / "report").glob("*.rst")):
        words = path.read_text(encoding="utf-8")
        assert len(words.split("\n\n")) == 1
        assert not re.search(r"[`*_|{}]|::", words)
    modules = {"clustering", "few_shot", "transfer", "robustness", "summary"}
    assert {path.stem for path in (ROOT / "report").glob("*.rst")} == modules
