"""The small experiment from images to report, and again."""

import csv
import io
import json

from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.protocols import PROTOCOLS

FIGURES = (
    "clustering",
    "few_shot",
    "transfer",
    "robustness",
    "training",
    "ranks",
    "pretraining_size",
    "features",
    "robust_images",
    "confusions",
    "margins",
    "summary",
    *tuple(f"cross_style_{measure}" for measure in ("few_shot", "probe", "retrieval")),
)
TRAINED = ("labels-0", "captions_contrastive-0")


def test_every_target_is_there_and_nothing_is_left_to_do(finished):
    results = finished.path / "results"
    assert (results / "report.html").stat().st_size > 100_000
    for figure in FIGURES:
        assert (results / f"figures/{figure}.svg").read_text().startswith("<svg")
        assert (results / f"figures/{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert (results / f"figures/{figure}.png").read_bytes().startswith(b"\x89PNG")
        assert "vega-lite" in json.loads((results / f"figures/{figure}.json").read_text())["$schema"]
    assert finished.would_run() == set()


def test_the_answer_ends_a_run_that_wrote_it_and_no_other(finished, copy):
    answer = (finished.path / "results/verdicts.txt").read_text()
    assert answer.rstrip().endswith("Report: results/report.html")
    assert answer in finished.said
    assert "Report:" not in copy.snakemake("results/tables/results.csv", "--force").stdout


def test_the_report_of_snakemake_has_every_figure_with_its_caption(copy):
    copy.snakemake("--report", "snakemake.html")
    page = (copy.path / "snakemake.html").read_text()
    for figure in FIGURES:
        assert f"results/figures/{figure}.svg" in page
        assert (copy.path / f"report/{figure}.rst").read_text()[:50] in page


def test_every_job_has_a_log_and_a_benchmark(finished):
    logs = {
        path.relative_to(finished.path / "logs").with_suffix("")
        for path in finished.path.glob("logs/**/*.log")
    }
    folder = finished.path / "results/benchmarks"
    benchmarks = {path.relative_to(folder).with_suffix("") for path in folder.glob("**/*.tsv")}
    assert logs == benchmarks
    assert len(logs) > 20


def test_the_table_has_every_protocol_model_and_dataset(finished):
    rows = list(csv.DictReader(io.StringIO((finished.path / "results/tables/results.csv").read_text())))
    found = {(row["protocol"], row["model"], row["dataset"]) for row in rows}
    models = ("saved", "untrained-0")
    expected = {(p, m, d) for p in ("clustering", "few_shot") for m in models for d in ("digits", "shapes")}
    expected |= {("transfer", m, "digits") for m in models} | {("robustness", m, "shapes") for m in models}
    expected |= {("few_shot", m, d) for m in TRAINED for d in ("digits", "shapes")}
    expected |= {(p, m, c) for p in PROTOCOLS if p.startswith("cross_style") for m in TRAINED for c in CELLS}
    assert found == expected
    assert all(row["n"] and row["seed"] for row in rows)


def test_no_partial_file_is_left(finished):
    assert not list(finished.path.glob("res*/**/*.partial"))


def test_a_second_run_gives_the_same_bytes(finished, fresh):
    fresh.snakemake()
    assert fresh.tables() == finished.tables()
    assert len(fresh.tables()) == 8
    for model in TRAINED:
        weights = f"resources/models/{model}/weights.safetensors"
        assert (fresh.path / weights).read_bytes() == (finished.path / weights).read_bytes()


def test_a_card_says_how_its_model_was_trained(finished):
    card = json.loads((finished.path / "resources/models/labels-0/card.json").read_text())
    training = card["training"]
    assert (training["objective"], training["seed"], training["images_seen"]) == ("labels", 0, 120)
    assert card["language"] == "labels"
    assert training["flops"] > 0
    assert training["learned"] in (True, False)
    assert not (finished.path / "resources/models/labels-0/checkpoint.safetensors").exists()


def test_the_search_for_learning_rates_measures_each_on_held_out_concepts(copy):
    rates = {"learning_rates": [0.001, 0.01]}
    copy.configure(lambda config: config["pretraining"].update(search=rates))
    copy.snakemake("results/tables/learning_rates.csv")
    table = (copy.path / "results/tables/learning_rates.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["objective"], row["learning_rate"]) for row in rows] == [
        (objective, rate) for objective in ("labels", "captions_contrastive") for rate in ("0.001", "0.01")
    ]
    for objective in ("labels", "captions_contrastive"):
        tried = [row for row in rows if row["objective"] == objective]
        best = min(tried, key=lambda row: float(row["held_out_loss"]))
        assert [row["best"] for row in tried] == [str(row is best) for row in tried]


def test_paper_mode_runs_to_the_end(copy):
    def paper(config):
        config["mode"] = "paper"
        config["protocols"]["transfer"]["epochs"] = 2

    copy.configure(paper)
    copy.snakemake()
    table = (copy.path / "results/tables/results.csv").read_text()
    modes = {(row["protocol"], row["mode"]) for row in csv.DictReader(io.StringIO(table))}
    assert modes == {(p, "sound" if p.startswith("cross_style") else "paper") for p in PROTOCOLS}
    assert len(list(copy.path.glob("results/features/*/digits/augmented/*.safetensors"))) == 2 * 2
