"""The small experiment from images to report, and again."""

import csv
import io
import json

import pytest
from safetensors.numpy import load_file

from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.figures import caption
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
    "adversarial_examples",
    "confusions",
    "margins",
    "overview",
    "summary",
    *tuple(f"cross_style_{measure}" for measure in ("few_shot", "probe", "retrieval")),
)
TRAINED = ("labels-0", "captions_contrastive-0")
OF_MORE_MODELS = ("few_shot/labels-1/digits", "few_shot/labels-1/shapes", "robustness/labels-1/shapes")
OBJECTIVES = ("labels", "captions_contrastive")


def rows_of(project, table):
    return list(csv.DictReader(io.StringIO((project.path / f"results/tables/{table}.csv").read_text())))


def test_every_target_is_there_and_nothing_is_left_to_do(finished):
    results = finished.path / "results"
    assert (results / "report.html").stat().st_size > 100_000
    for figure in FIGURES:
        assert (results / f"figures/{figure}.svg").read_text().startswith("<svg")
        assert (results / f"figures/{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert (results / f"figures/{figure}.png").read_bytes().startswith(b"\x89PNG")
        assert "vega-lite" in json.loads((results / f"figures/{figure}.json").read_text())["$schema"]
    assert finished.would_run() == set()


def test_the_answer_ends_the_run_that_wrote_it(finished):
    answer = (finished.path / "results/verdicts.txt").read_text()
    assert answer.rstrip().endswith("Report: results/report.html")
    assert answer in finished.said


def test_a_run_ends_with_its_last_job(copy):
    """Snakemake's timers would keep it for the span of a limit on jobs, here an hour."""
    table = "results/tables/contrasts.csv"
    limit = ("--max-jobs-per-timespan", "100/1h")
    done = copy.snakemake(table, "--forcerun", "contrast_tables", *limit, timeout=300)
    assert done.jobs == {("contrast_tables",)}


def test_the_report_of_snakemake_has_every_figure_with_its_caption(copy):
    copy.snakemake("--report", "snakemake.html")
    page = (copy.path / "snakemake.html").read_text()
    for figure in FIGURES:
        assert f"results/figures/{figure}.svg" in page
        assert caption(figure)[:40] in page


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
    rows = rows_of(finished, "results")
    found = {(row["protocol"], row["model"], row["dataset"]) for row in rows}
    models = ("saved", "untrained-0")
    expected = {(p, m, d) for p in ("clustering", "few_shot") for m in models for d in ("digits", "shapes")}
    expected |= {("transfer", m, "digits") for m in models} | {("robustness", m, "shapes") for m in models}
    expected |= {("few_shot", m, d) for m in TRAINED for d in ("digits", "shapes")}
    expected |= {(p, m, c) for p in PROTOCOLS if p.startswith("cross_style") for m in TRAINED for c in CELLS}
    assert found == expected
    assert all(row["n"] and row["seed"] for row in rows)


def test_odd_images_pass_through(finished):
    features = load_file(finished.path / "results/features/untrained-0/shapes/train.safetensors")["features"]
    assert len(features) == len(list((finished.path / "data/shapes/train").rglob("*.png"))) == 3 * 8 + 6


def test_no_partial_file_is_left(finished):
    assert not list(finished.path.glob("res*/**/*.partial"))


def test_a_card_says_how_its_model_was_trained(finished):
    card = json.loads((finished.path / "resources/models/labels-0/card.json").read_text())
    training = card["training"]
    assert (training["objective"], training["seed"], training["images_seen"]) == ("labels", 0, 120)
    assert card["language"] == "labels"
    assert training["flops"] > 0
    assert training["learned"] in (True, False)
    assert not (finished.path / "resources/models/labels-0/checkpoint.safetensors").exists()


# Once more, with jobs for several seeds


TABLES = ("results/tables/contrasts.csv", "results/tables/learning_rates.csv")


@pytest.fixture(scope="module")
def again(tmp_path_factory, new_project):
    """A second run, with jobs for several seeds of an objective, with attacks on pieces of the images, and with a
    search for learning rates beside it.
    """
    project = new_project(tmp_path_factory.mktemp("again") / "project")

    def change(config):
        config.update(jobs_by="objective", seeds_per_job=2, images_per_job=3)
        config["pretraining"]["objectives"]["labels"]["seeds"] = 2
        config["pretraining"]["search"] = {"learning_rates": [0.001, 0.01]}
        config["protocols"]["robustness"]["models"] = {}

    project.configure(change)
    done = project.snakemake(*TABLES, "--set-resources", "few_shot:mem_mb=1501", warm=True)
    return project, done


def made(project):
    """Bytes of the weights of every model, and of every measurement of it."""
    files = (
        *project.path.glob("resources/models/*/weights.safetensors"),
        *project.path.glob("results/*/*/*.parquet"),
    )
    return {file.relative_to(project.path).as_posix(): file.read_bytes() for file in files}


def test_a_second_run_gives_the_same_bytes_however_its_jobs_are_cut(finished, again):
    first, second = made(finished), made(again[0])
    assert len(first) == 4 + 4 + 8 + 2 + 2 + 2 * 4 * 3
    assert {file for file in first if first[file] != second[file]} == set()
    assert {f"results/{name}.parquet" for name in OF_MORE_MODELS} <= second.keys() - first.keys()


def test_a_job_covers_the_seeds_of_an_objective_and_takes_the_options_of_its_step(again):
    _, done = again
    assert {job[0] for job in done.jobs if job[1:2] == ("labels",)} - {"learning_rate"} == {
        f"{step}_seeds_0_to_1"
        for step in ("pretrain", "model_card", "features", "few_shot", "robustness", *PROTOCOLS)
        if step
        not in ("clustering", "transfer", "corruptions")  # two measure no trained models, one doesn't run
    }
    assert "mem_mb=1501" in done.said


def test_images_are_attacked_in_pieces(again):
    project, done = again
    pieces = {job[1:] for job in done.jobs if job[0] == "robustness_piece"}
    assert {("labels-1", "shapes", "0"), ("labels-1", "shapes", "1")} <= pieces
    assert list(project.path.glob("results/robustness*/**/*.attacked.json")) == []


def test_a_run_without_a_report_ends_without_an_answer(again):
    assert "Report:" not in again[1].said


def test_the_search_for_learning_rates_measures_each_on_held_out_concepts(again):
    rows = rows_of(again[0], "learning_rates")
    assert [(row["objective"], row["learning_rate"]) for row in rows] == [
        (objective, rate) for objective in OBJECTIVES for rate in ("0.001", "0.01")
    ]
    for objective in OBJECTIVES:
        tried = [row for row in rows if row["objective"] == objective]
        best = min(tried, key=lambda row: float(row["held_out_loss"]))
        assert [row["best"] for row in tried] == [str(row is best) for row in tried]


def test_more_seeds_run_alone(again):
    project, _ = again
    assert project.snakemake(*TABLES, "--dry-run").jobs == set()

    def more_seeds(config):
        config["seeds_per_job"] = 5
        config["pretraining"]["objectives"]["labels"].update(seeds=4, job_ends=[2])

    project.configure(more_seeds)
    jobs = project.snakemake("results/statistics/summary.parquet", "--dry-run").jobs
    assert ("pretrain_seeds_2_to_3", "labels") in jobs
    assert {job[0] for job in jobs if not job[0].endswith("_seeds_2_to_3")} == {
        "summary",
        "robustness_piece",
    }


# As in the paper


def test_paper_mode_measures_every_protocol_of_the_paper(copy):
    def paper(config):
        protocols = {name: config["protocols"][name] for name in ("clustering", "few_shot", "transfer")}
        for section in protocols.values():
            section["datasets"] = ["digits"]
        protocols["robustness"] = config["protocols"]["robustness"]
        # One encoder for what takes long.
        protocols["transfer"].update(epochs=2, models={"models": ["saved"]})
        protocols["robustness"]["models"] = {"models": ["saved"]}
        config.update(mode="paper", protocols=protocols)
        del config["pretraining"], config["contrasts"]["captions"]

    copy.configure(paper)
    copy.snakemake("results/tables/results.csv", warm=True)
    assert {(row["protocol"], row["mode"]) for row in rows_of(copy, "results")} == {
        (protocol, "paper") for protocol in ("clustering", "few_shot", "transfer", "robustness")
    }
    assert len(list(copy.path.glob("results/features/*/digits/augmented/*.safetensors"))) == 2
