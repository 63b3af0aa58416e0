"""The small experiment from images to report, and again."""

import csv
import io
import json

import pytest

pytestmark = pytest.mark.xdist_group("workflow")


def test_every_target_is_there_and_nothing_is_left_to_do(finished):
    results = finished.path / "results"
    assert (results / "report.html").stat().st_size > 100_000
    for figure in ("clustering", "few_shot", "transfer", "robustness", "summary"):
        assert (results / f"figures/{figure}.svg").read_text().startswith("<svg")
        assert (results / f"figures/{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert (results / f"figures/{figure}.png").read_bytes().startswith(b"\x89PNG")
        assert "vega-lite" in json.loads((results / f"figures/{figure}.json").read_text())["$schema"]
    assert finished.would_run() == set()


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
    assert found == expected
    assert all(row["n"] and row["seed"] for row in rows)


def test_no_partial_file_is_left(finished):
    assert not list(finished.path.glob("res*/**/*.partial"))


def test_a_second_run_gives_the_same_bytes(finished, fresh):
    fresh.snakemake()
    assert fresh.tables() == finished.tables()
    assert len(fresh.tables()) == 4


def test_paper_mode_runs_to_the_end(copy):
    def paper(config):
        config["mode"] = "paper"
        config["protocols"]["transfer"]["epochs"] = 2

    copy.configure(paper)
    copy.snakemake()
    table = (copy.path / "results/tables/results.csv").read_text()
    assert "paper" in table
    assert "sound" not in table
    assert len(list(copy.path.glob("results/features/*/digits/augmented/*.safetensors"))) == 2 * 2
