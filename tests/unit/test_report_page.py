"""The page: safe, whole and offline, whatever names it holds, and its texts as snapshots."""

import base64
import gzip
import hashlib
import html
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest

import snapshots
from hand_made import (
    OBJECTIVES,
    PAIRS,
    comparison,
    complete,
    contrasts,
    dataset_card,
    effect,
    make_run,
    model_card,
    no_contrasts,
    results,
    sensitivity,
    tables,
    trained,
    trained_run,
    trained_tables,
    training_card,
    written,
)
from wordsight.catalogue import protocols as catalogue
from wordsight.catalogue.figures import FIGURES, caption
from wordsight.config.load import load
from wordsight.report import page
from wordsight.report.page import LARGEST_TABLE, Figure, download, packed, write_report
from wordsight.tables.csv import write_csv

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "</script><script>alert(1)</script>&\"'"
VEGA_LITE = "https://vega.github.io/schema/vega-lite/v6.1.0.json"


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


def part(text, start, end):
    """Words of the page from one marker to another, a line a paragraph, without the numbers of tables."""
    shown = re.sub(r"<(script|style|svg|pre)\b.*?</\1>", "", text, flags=re.DOTALL)
    shown = shown[shown.index(start) : shown.index(end)].partition(">")[2]
    shown = shown if "answer" in start else re.sub(r"<tbody>.*?</tbody>", "", shown, flags=re.DOTALL)
    shown = re.sub(r"</(td|th)>", " | ", re.sub(r"\s+", " ", shown))
    shown = re.sub(r"</(p|li|h2|h3|tr|caption|summary)>", "\n", shown)
    lines = html.unescape(re.sub(r"<[^>]*>?", "", shown)).splitlines()
    return "\n".join(" ".join(line.split()) for line in lines if line.strip())


PARTS = {
    "answer": ('<div id="answer"', '<section class="cautions"'),
    "warnings": ('<section class="cautions"', "<nav"),
    "cells": ('<h2 id="cells"', '<h2 id="figures"'),
    "tables": ('<h2 id="tables"', '<h2 id="method"'),
    "method": ('<h2 id="method"', '<h3 id="paragraph"'),
    "limits": ('<h2 id="limits"', '<h2 id="cite"'),
}


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
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'; script-src 'sha256-"
    )
    assert "unsafe-eval" not in policy


def test_the_page_allows_its_own_scripts_and_no_other(text):
    page = Page(text)
    policy = next(meta["content"] for meta in page.named("meta") if "default-src" in meta.get("content", ""))
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    kinds = [attributes.get("type") for attributes in page.named("script")]
    code = [script for script, kind in zip(page.scripts, kinds, strict=True) if kind is None]
    assert {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in code} == allowed
    assert len(code) == 6


def test_the_page_is_small_enough_to_send(text):
    assert len(text.encode()) < 2_600_000


def test_the_answer_comes_before_figures_tables_and_method(text):
    parts = ["<h1>Does it help?</h1>", '<p class="opening">', '<section class="answer"']
    parts += [f'id="{name}"' for name in ("figures", "tables", "method", "provenance", "limits", "cite")]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def inner_targets(page):
    return {a["href"] for a in page.named("a") if not a["href"].startswith("data:")}


def unpacked(text):
    return gzip.decompress(base64.b64decode(text))


def specs_of(page):
    """Vega-Lite of each figure."""
    kinds = [attributes.get("type") for attributes in page.named("script")]
    packed = [script for script, kind in zip(page.scripts, kinds, strict=True) if kind == "text/plain"]
    return [json.loads(unpacked(text)) for text in packed]


def test_the_page_works_with_a_screen_reader(text):
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
    assert inner_targets(page) <= {f"#{name}" for name in ids}


def test_long_texts_in_tables_get_room(text):
    cells = re.findall(r"<td( class=\"long\")?>([^<]*)</td>", text)
    assert {bool(room) for room, said in cells if len(said) > 60} == {True}
    assert {bool(room) for room, said in cells if len(said) <= 60} == {False}


def test_each_figure_is_there_as_svg_and_as_data_with_its_caption_the_summary_first(text):
    page = Page(text)
    assert [attributes["data-figure"] for attributes in page.named("figure")] == ["summary", "transfer"]
    assert text.count('<div class="still" aria-hidden="true"><svg') == 2
    assert [spec["title"]["text"].split(":")[0] for spec in specs_of(page)] == ["Summary", "Transfer"]
    assert "Caption of transfer." in text


def test_warnings_stand_on_the_page(tmp_path, text):
    assert 'id="warnings"' not in text
    rows = results()
    rows.loc[(rows["metric"] == "zero_gradient") & (rows["model"] == "first"), "value"] = 0.25
    run = complete(rows=rows)
    flagged = written(run, tables(compared=contrasts()), tmp_path)
    assert "<summary>1 warning: " in flagged
    assert "first on toys (25%)" in flagged
    assert flagged.index('id="warnings"') < flagged.index('id="figures"')


def hostile_run():
    names = {"first": f"first{HOSTILE}", "toys": f"toys{HOSTILE}"}
    rows = results((names["first"], "second"), ("shapes", names["toys"]))
    rows.loc[rows["metric"] == "randomised", "value"] = 1.0
    compared = contrasts(effect(), effect(dataset="shapes"), effect(dataset=names["toys"], verdict="hurts"))
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
    assert len(page.scripts) == 6 + 2 + 1
    assert not any("<" in s for s, a in zip(page.scripts, page.named("script"), strict=True) if a.get("type"))
    assert f"first{HOSTILE}" in json.dumps(specs_of(page)[1]).encode().decode("unicode_escape")
    (known,) = (
        json.loads(s)
        for s, a in zip(page.scripts, page.named("script"), strict=True)
        if a.get("id") == "sides"
    )
    assert known == {"language": {"treatment": [f"first{HOSTILE}"], "control": ["second"]}}
    queries = [parse_qs(a["data-rows"]) for a in page.named("a") if "data-rows" in a]
    assert [f"first{HOSTILE}"] in [wanted.get("model") for wanted in queries]
    assert "Title&lt;/script&gt;&lt;script&gt;alert(1)" in text


def test_tables_can_be_saved_from_the_page_and_large_ones_are_named(tmp_path):
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text("a,b\n1,2\n")
    large.write_bytes(np.random.default_rng(0).bytes(LARGEST_TABLE))
    text = written(complete(), tables(), tmp_path, [download(small), download(large)])
    (link,) = [attributes for attributes in Page(text).named("a") if "data-packed" in attributes]
    assert link["download"] == "small.csv.gz"
    assert unpacked(link["href"].partition("base64,")[2]) == small.read_bytes()
    assert f"<code>{large}</code>" in text


def test_equal_tables_are_packed_alike_at_any_time(tmp_path):
    paths = [tmp_path / "results.csv", tmp_path / "again" / "results.csv"]
    paths[1].parent.mkdir()
    for path in paths:
        path.write_text("a\n1\n")
    one, other = map(download, paths)
    assert one.packed == other.packed == packed(b"a\n1\n")


def test_the_smallest_pdfs_are_in_the_page_and_the_others_are_linked(tmp_path, monkeypatch):
    drawn = [
        Figure(name, "", "<svg/>", {"$schema": VEGA_LITE, "description": ""}, b"x" * size)
        for name, size in (("a", 30), ("b", 9), ("c", 0))
    ]
    monkeypatch.setattr(page, "MOST_PDF", 35)
    write_report(tmp_path / "r.html", complete(), drawn, [], benchmarks=tmp_path, digests={})
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    links = [a["href"] for a in Page(text).named("a") if "PDF" in a.get("aria-label", "")]
    assert links == [
        "figures/a.pdf",
        f"data:application/pdf;base64,{base64.b64encode(b'x' * 9).decode()}",
        "figures/c.pdf",
    ]


def test_the_page_has_the_methods_licences_sources_and_sensitivity_of_the_run(tmp_path):
    run = replace(complete(), sensitivity=pd.DataFrame([sensitivity()]))
    write_report(tmp_path / "r.html", run, [], [], benchmarks=tmp_path, digests={})
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Random effects over datasets: effects in percentage points" in text
    assert r"\cite{" in text
    assert "@inproceedings{devillers2021" in text
    assert "Licences of data and weights" in text
    without = written(complete(), tables(), tmp_path)
    assert "Sensitivity" not in without


def test_the_page_of_two_hundred_models_of_any_name_is_whole_and_can_be_sent(tmp_path):
    names = [f"m{number} {HOSTILE} \\x & 50% of $y_{{1}}$" for number in range(200)]
    rows = results(names)
    run = make_run(
        rows=rows,
        models={
            name: model_card(name, "captions" if place % 2 else "labels") for place, name in enumerate(names)
        },
        comparisons=[comparison(pairs=[(names[1], names[0])])],
    )
    write_csv(tmp_path / "results.csv", rows)
    text = written(run, tables(names, compared=contrasts()), tmp_path, [download(tmp_path / "results.csv")])
    assert "<script>alert" not in text
    assert len(text.encode()) < 8_000_000
    page_of = Page(text)
    assert len(page_of.scripts) == 6 + 2 + 1
    linked = {
        model
        for a in page_of.named("a")
        if "data-rows" in a
        for model in parse_qs(a["data-rows"]).get("model", [])
    }
    assert linked == set(names)
    (link,) = [a for a in page_of.named("a") if "data-packed" in a]
    assert set(pd.read_csv(io.BytesIO(unpacked(link["href"].partition("base64,")[2])))["model"]) == set(names)


@pytest.mark.parametrize("protocols", [["transfer"], ["clustering", "robustness"]])
@pytest.mark.parametrize("mode", ["sound", "paper"])
def test_method_and_tables_describe_only_what_ran(tmp_path, protocols, mode):
    rows = results(protocols=protocols).assign(mode=mode)
    run = make_run(rows=rows, compared=no_contrasts(), comparisons=[])
    run.config["protocols"] |= {
        n: None for n in ("clustering", "few_shot", "transfer", "robustness") if n not in protocols
    }
    drawn = tables(protocols=[*protocols, "transfer"])
    text = written(run, drawn, tmp_path)
    described = re.findall(r"<strong>(\S+): [^<]*\?</strong> \((\w+) mode, on ", text)
    assert described == [(name.capitalize(), mode) for name in protocols]
    limits = [catalogue.PROTOCOLS[name].limit for name in ("clustering", "robustness")]
    assert [f"<li>{limit}</li>" in text for limit in limits] == [
        name in protocols for name in ("clustering", "robustness")
    ]
    assert "Points are percentage points" not in text


def test_a_figure_has_the_version_of_vega_lite_that_draws_it():
    drawn = Figure("a", "", "<svg/>", {"$schema": VEGA_LITE})
    assert drawn.vega_lite == "6.1"


def test_the_default_configuration_is_shown_as_run(tmp_path):
    import yaml

    config = load(yaml.safe_load((ROOT / "config/config.yaml").read_text())).model_dump(mode="json")
    run = make_run(config=config)
    text = written(run, tables(), tmp_path)
    shown = re.search(r"<pre[^>]*>(title: .*?)</pre>", text, flags=re.DOTALL).group(1)
    assert yaml.safe_load(shown.replace("&#39;", "'").replace("&gt;", ">")) == config


@pytest.mark.parametrize("name", [*catalogue.PROTOCOLS, *FIGURES])
def test_every_figure_has_a_caption_of_one_plain_paragraph(name):
    words = caption(name)
    assert words.endswith(".")
    assert not re.search(r"[`*_|{}\n]|::", words)


# The page of a run that trained its encoders


@pytest.fixture(scope="module")
def trained_text(tmp_path_factory):
    run = trained_run(
        pairs=[(name, "labels") for name in OBJECTIVES if name.startswith("captions")] + PAIRS[1:]
    )
    folder = tmp_path_factory.mktemp("trained")
    return written(
        run, trained_tables(compared=run.contrasts), folder, names=("cross_style_probe", "training")
    )


def test_the_four_cells_stand_between_the_answer_and_the_figures(trained_text, text):
    parts = ['id="answer"', 'id="warnings"', 'id="cells"', "Probe across styles: accuracy", 'id="figures"']
    places = [trained_text.index(part) for part in parts]
    assert places == sorted(places)
    assert 'id="cells"' not in text
    assert "Matched training" not in text
    assert "Matched training" in trained_text


@pytest.fixture(scope="module")
def small_text(tmp_path_factory):
    """Page of three objectives and two contrasts, with everything that a page can have but figures."""
    objectives = trained(["labels", "captions_contrastive", "untrained"], seeds=2)
    pairs = [("captions_contrastive", "labels"), ("labels", "untrained")]
    run = trained_run(objectives, pairs=pairs)
    analyses = pd.DataFrame([sensitivity(contrast="labels-or-untrained")])
    folder = tmp_path_factory.mktemp("small")
    return written(replace(run, sensitivity=analyses), trained_tables(objectives), folder, names=())


@pytest.mark.parametrize("name", PARTS)
def test_the_words_of_each_part_of_the_page(name, small_text):
    snapshots.check(f"page_{name}", part(small_text, *PARTS[name]))


def test_the_words_of_the_method_in_paper_mode(tmp_path):
    run = make_run(rows=results().assign(mode="paper"))
    text = written(run, tables(compared=contrasts()), tmp_path, names=())
    snapshots.check("page_method_in_paper_mode", part(text, *PARTS["method"]))


def test_with_many_contrasts_the_page_folds_those_that_are_not_about_language(
    trained_text,
):
    assert trained_text.count('<section class="answer"') == 6
    (glance,) = re.findall(r'<table class="glance">.*?</table>', trained_text, flags=re.DOTALL)
    assert glance.count('<th scope="row">') == 6
    assert glance.count('<span class="verdict helps">') == 6 * 7
    assert "20.0</span>" in glance
    assert "(10.0 to 30.0)" in glance
    (folded,) = re.findall(r'<details class="answer">.*?</details>', trained_text, flags=re.DOTALL)
    assert folded.count("<li>") == 5


def test_the_page_of_fifty_models_is_small_and_works_with_a_screen_reader(trained_text):
    assert len(trained_text.encode()) < 2_500_000
    page = Page(trained_text)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.named("th"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert inner_targets(page) <= {f"#{name}" for name in ids}


def test_no_single_seed_is_in_a_table(trained_text):
    tables_shown = " ".join(re.findall(r"<table.*?</table>", trained_text, flags=re.DOTALL))
    assert "SimCLR" in tables_shown
    assert "simclr-0" not in tables_shown


def test_text_from_a_training_card_cannot_become_markup(tmp_path):
    run = trained_run()
    for model, seed in (("labels-0", 0), ("labels-1", 1)):
        training = training_card("labels", seed, learned=seed > 0, measure=HOSTILE)
        run.models[model] = run.models[model].model_copy(update={"training": training})
    text = written(run, trained_tables(), tmp_path, names=("training",))
    assert "<script>alert(1)" not in text
    assert text.count("&lt;script&gt;alert(1)") == 2  # in the warning and in the table
