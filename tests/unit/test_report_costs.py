"""What the steps of a run took."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hand_made import dataset_card, make_run, model_card, results
from wordsight.config.load import load, read
from wordsight.report import costs
from wordsight.workflow import targets

ROOT = Path(__file__).resolve().parents[2]

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
    write(tmp_path, "views/first/digits/3", (1.0, "0:00:01", "NA", "NA", "NA", "NA"), ended=1101)
    write(tmp_path, "transfer/first/digits", (50.0, "0:00:50", 300.0, 1, 200, 40.0))
    return costs.benchmarks(tmp_path, {"first", "second", "digits"}, {"transfer"})


def test_costs_are_summed_by_rule_and_energy_is_busy_seconds_times_watts(jobs):
    few_shot, summary, views = costs.costs(jobs)
    assert few_shot == costs.Cost("few_shot", 2, seconds=30.0, longest=20.0, busy=49.0, memory_mb=300.0)
    assert few_shot.energy_kj == 49 * 12 / 1000
    assert (summary.rule, summary.jobs, summary.seconds, summary.busy) == ("summary", 1, 2.0, 2.0)
    assert summary.energy_kj == 0.024
    assert np.isnan(summary.memory_mb)
    assert (views.rule, views.jobs) == ("views", 1)


def test_the_note_names_the_assumption_and_its_source():
    assert "times 12 W" in costs.energy_note()
    assert "doi:10.1002/advs.202100707" in costs.energy_note()


def test_wall_time_counts_seconds_with_a_job_once_and_leaves_pauses_out(jobs):
    # 1000-1010 and 1000-1020 overlap; 1098-1100 and 1100-1101 stand alone.
    assert costs.wall_time(jobs) == pytest.approx(23.0)
    nested = pd.DataFrame({"ended": [100.0, 50.0, 101.0], "s": [100.0, 10.0, 2.0]})
    assert costs.wall_time(nested) == pytest.approx(101.0)


def test_a_folder_without_benchmarks_costs_nothing(tmp_path):
    none = costs.benchmarks(tmp_path, [], [])
    assert costs.costs(none) == []
    assert costs.wall_time(none) == 0


def test_older_benchmark_files_without_cpu_time_count_as_one_busy_core(tmp_path):
    (tmp_path / "report.tsv").write_text("s\tmax_rss\n4.0\t100\n")
    (cost,) = costs.costs(costs.benchmarks(tmp_path, [], []))
    assert cost.energy_kj == pytest.approx(0.048)


def test_speeds_are_those_of_an_objective(tmp_path):
    for name, seconds in (("simclr-0/d", 3.0), ("simclr-1/e", 5.0)):
        write(tmp_path, f"features/{name}", (seconds, "0:00:05", 200.0, 1, 90, 9.0))
    jobs = costs.benchmarks(tmp_path, {"simclr-0", "simclr-1", "d", "e"}, set())
    cards = {name: dataset_card(name) for name in ("d", "e")}
    shown = {"simclr-0": "SimCLR", "simclr-1": "SimCLR"}
    assert costs.speeds(jobs, cards, shown, []) == {"SimCLR": pytest.approx(800 / 8.0)}


def test_speeds_count_all_models_and_datasets_of_a_job(tmp_path):
    write(tmp_path, "features_together/own", (4.0, "0:00:09", 200.0, 1, 90, 9.0))
    write(tmp_path, "features_seeds_0_to_4/simclr-0", (8.0, "0:00:09", 200.0, 1, 90, 9.0))
    write(tmp_path, "features_seeds_5_to_6/simclr-5", (6.0, "0:00:09", 200.0, 1, 90, 9.0))
    write(tmp_path, "features/own/far", (1.0, "0:00:09", 200.0, 1, 90, 9.0))
    write(tmp_path, "few_shot_seeds_0_to_4/simclr-0", (99.0, "0:00:09", 200.0, 1, 90, 9.0))
    write(tmp_path, "summary", (99.0, "0:00:09", 200.0, 1, 90, 9.0))
    jobs = costs.benchmarks(tmp_path, {"own", "simclr-0", "simclr-5", "far"}, set())
    cards = {name: dataset_card(name) for name in ("d", "e", "far")}
    found = costs.speeds(jobs, cards, {"own": "own", "simclr-0": "SimCLR", "simclr-5": "SimCLR"}, ["d", "e"])
    assert found == {"own": pytest.approx(1200 / 5.0), "SimCLR": pytest.approx(7 * 800 / 14.0)}


def test_datasets_that_all_trained_encoders_pass_are_those_of_the_workflow():
    config = load(read(ROOT / "config/config.yaml"))
    models = {
        name: model_card(
            name, training={"objective": name, "seed": 0, "images": 1, "images_seen": 1, "flops": 1}
        )
        if name in targets.trained_models(config)
        else model_card(name)
        for name in config.models
    }
    rows = [
        {"protocol": protocol, "model": model}
        for protocol, section in config.protocols.running.items()
        for model in config.select(section.models)
    ]
    run = make_run(models=models, rows=results(), config=config.model_dump(mode="json"))
    run = replace(run, results=pd.DataFrame(rows))
    assert set(run.passed()) == set(targets.passed_by_all(config))
