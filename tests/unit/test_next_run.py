"""What `make plan` proposes, writes and prints."""

import copy
import os
from pathlib import Path

import pandas as pd
import pytest
import yaml

import snapshots
from hand_made import plan_row
from wordsight.config.load import load, read
from wordsight.errors import ConfigError
from wordsight.report import costs, made_with, plan
from wordsight.statistics.records import PlanRow, records
from wordsight.tables.csv import write_csv
from wordsight.workflow import next_run, targets

ROOT = Path(__file__).resolve().parents[2]
HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmean_load\tcpu_time\n"
TRAINED = ("captions_contrastive", "labels", "simclr", "captions_shuffled", "class_names")


@pytest.fixture
def values():
    """The default configuration, with as many seeds of each objective."""
    found = read(ROOT / "config/config.yaml")
    found["seeds_per_job"] = 5
    for name in TRAINED:
        found["pretraining"]["objectives"][name]["seeds"] = 9
    return found


def rows(*needed, **changes):
    """Rows of the plan of the default's contrasts, with what each needs."""
    contrasts = ["captions-labels", "captions-self_supervised", "captions-shuffled", "captions-class_names"]
    protocols = ["few_shot", "transfer"]
    places = [(contrast, protocol) for protocol in protocols for contrast in contrasts]
    table = [
        plan_row(number, contrast=contrast, protocol=protocol, replicates=9, **changes)
        for number, (contrast, protocol) in zip(needed, places, strict=False)
    ]
    return records(pd.DataFrame(table), PlanRow)


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Folder of a run whose jobs took known times, one after the other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(made_with, "GPUS", tmp_path / "none")
    ended = 0.0

    def job(name, seconds):
        nonlocal ended
        ended += seconds
        path = tmp_path / "results/benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEAD}{seconds}\t0\t200\t1\t90\t{seconds}\n")
        os.utime(path, (ended, ended))

    for objective in TRAINED:
        job(f"pretrain_seeds_0_to_4/{objective}-0", 50.0)
        job(f"pretrain_seeds_5_to_8/{objective}-5", 40.0)
        job(f"few_shot_seeds_0_to_4/{objective}-0", 5.0)
        job(f"few_shot_seeds_5_to_8/{objective}-5", 4.0)
    job("summary", 30.0)
    return tmp_path


def test_a_model_costs_its_share_of_the_jobs_that_cover_it(measured):
    jobs = costs.benchmarks("results/benchmarks", {f"{o}-{s}" for o in TRAINED for s in range(9)}, set())
    models = {name: [f"{name}-{seed}" for seed in range(9)] for name in TRAINED}
    found = costs.per_model(jobs, models, devices=4)
    assert found["labels"] == costs.PerModel(pytest.approx(11.0), pytest.approx(40.0))


def test_the_last_of_several_jobs_for_a_model_counts(measured):
    path = measured / "results/benchmarks/pretrain/labels-0.tsv"
    path.parent.mkdir()
    path.write_text(f"{HEAD}100\t0\t200\t1\t90\t100\n")
    os.utime(path, (1e6, 1e6))
    jobs = costs.benchmarks("results/benchmarks", {f"labels-{s}" for s in range(9)}, set())
    found = costs.per_model(jobs, {"labels": [f"labels-{seed}" for seed in range(9)]}, devices=1)
    assert found["labels"].seconds == pytest.approx((100 + 8 * 10) / 9 + 1)


def test_a_proposal_is_enough_for_half_and_says_what_it_costs(values, measured):
    config = load(values)
    proposal = next_run.proposed(config, rows(12.0, 14.0, 20.0, 90.0), [])
    assert (proposal.seeds, set(proposal.objectives)) == (14, set(TRAINED))
    assert [(step.seeds, step.enough) for step in proposal.steps] == [(12, 1), (14, 2), (20, 3), (90, 4)]
    # 5 objectives with 3 more seeds of 11 seconds each, and the summary again, without two jobs at once.
    assert proposal.steps[0].seconds == pytest.approx(5 * 3 * 11 + 30)
    assert proposal.steps[0].gpu_seconds == 0


def test_two_jobs_at_once_halve_the_time_and_a_gpu_counts_its_steps(values, measured, monkeypatch):
    for path in (measured / "results/benchmarks").rglob("*.tsv"):
        os.utime(path, (path.stat().st_mtime / 2,) * 2)
    values["pretraining"]["device"] = "cuda"
    step = next_run.proposed(load(values), rows(12.0), []).steps[0]
    assert step.seconds == pytest.approx((2 * 3 * 11 + 30) / 2, rel=0.15)
    assert step.gpu_seconds == pytest.approx(2 * 3 * 10)


def test_without_a_recorded_cost_it_is_not_known(values, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (step,) = next_run.proposed(load(values), rows(12.0), []).steps
    assert step.seconds != step.seconds
    assert "unknown time" in plan.text(next_run.proposed(load(values), rows(12.0), []), rows(12.0), 0.8, "t")


def test_seeds_go_to_the_next_look(values, measured):
    values["statistics"]["looks"] = [9, 18, 30]
    proposal = next_run.proposed(load(values), rows(18.0, 30.0, float("inf")), [9, 18, 30])
    assert proposal.seeds == 18
    assert [step.seeds for step in proposal.steps] == [18, 30]


def test_comparisons_that_are_decided_or_beside_the_question_ask_for_nothing(values, measured):
    config = load(values)
    none = next_run.proposed(config, rows(12.0, 14.0, verdict="helps"), [])
    assert (none.seeds, none.rows, none.steps) == (0, [], [])
    some = [*rows(12.0, 30.0, primary=False), *rows(14.0)]
    assert next_run.proposed(config, some, []).seeds == 14
    assert next_run.proposed(config, some, [], seeds=25).seeds == 25


def test_an_objective_that_has_enough_seeds_already_gets_no_more(values, measured):
    values["pretraining"]["objectives"]["captions_contrastive"]["seeds"] = 18
    config = load(values)
    proposal = next_run.proposed(config, rows(12.0, 14.0, 20.0, 90.0), [])
    assert [step.seeds for step in proposal.steps] == [12, 14, 20, 90]
    # Four objectives get three more seeds of 11 seconds each, and the summary runs again.
    assert proposal.steps[0].seconds == pytest.approx(4 * 3 * 11 + 30)
    new = next_run.continued(values, proposal, next_run._seeds(config))["pretraining"]["objectives"]
    assert (new["captions_contrastive"]["seeds"], new["labels"]["seeds"]) == (18, 14)


def cuts(config):
    return {(cut.suffix, name) for cut in targets.cuts(config) if cut.several for name in cut.names}


def test_the_run_of_the_configuration_leaves_every_finished_job_as_it_is(values, measured):
    config = load(values)
    proposal = next_run.proposed(config, rows(14.0), [], seeds=16)
    new = next_run.continued(
        values, proposal, {name: b.seeds for name, b in config.pretraining.objectives.items()}
    )
    after = load(yaml.safe_load(yaml.safe_dump(new)))
    assert cuts(config) <= cuts(after)
    assert after.pretraining.objectives["captions_contrastive"].seeds == 16
    assert after.pretraining.objectives["simclr"].seeds == 9
    # Nothing but seeds and the ends of jobs has changed.
    for budget in new["pretraining"]["objectives"].values():
        budget.pop("job_ends", None)
        budget.pop("seeds")
    before = copy.deepcopy(values)
    for budget in before["pretraining"]["objectives"].values():
        budget.pop("seeds")
    assert new == before
    # And once more.
    again = next_run.continued(
        yaml.safe_load(yaml.safe_dump(next_run.continued(values, proposal, next_run._seeds(config)))),
        next_run.proposed(after, rows(19.0), [], seeds=19),
        next_run._seeds(after),
    )
    assert cuts(after) <= cuts(load(again))


def test_seeds_at_a_multiple_need_no_further_key(values, measured):
    for budget in values["pretraining"]["objectives"].values():
        budget["seeds"] = 5
    config = load(values)
    proposal = next_run.proposed(config, rows(10.0), [], seeds=10)
    new = next_run.continued(values, proposal, next_run._seeds(config))
    assert all("job_ends" not in budget for budget in new["pretraining"]["objectives"].values())


def test_a_pilot_has_two_seeds_and_its_plan_is_for_the_configuration(values, measured):
    values["statistics"]["looks"] = [9, 18]
    pilot = load(next_run.piloted(values, 2))
    assert {budget.seeds for budget in pilot.pretraining.objectives.values()} == {2}
    assert pilot.statistics.looks == []
    proposal = next_run.proposed(pilot, rows(14.0), [9, 18])
    after = load(next_run.continued(values, proposal, next_run._seeds(pilot)))
    assert after.pretraining.objectives["labels"].seeds == 9
    assert after.pretraining.objectives["untrained"].seeds == 5
    assert cuts(pilot) <= cuts(after)


@pytest.mark.parametrize(("change", "words"), [({"pretraining": None}, "pretraining"), ({}, "2 seeds")])
def test_a_pilot_needs_trainings_and_two_seeds(values, change, words):
    with pytest.raises(ConfigError, match=words):
        next_run.piloted(values | change, 1)


def test_images_are_added_where_seeds_are_not_enough_and_there_are_more(values, measured):
    values["datasets"]["mnist"]["limit"]["test"] = 100
    proposal = next_run.proposed(load(values), rows(12.0, images=1000.0), [])
    assert proposal.images == {"datasets.mnist.limit.test": (100, 250)}
    assert proposal.used_up == ["digits", "faces"]
    new = next_run.continued(values, proposal, next_run._seeds(load(values)))
    assert load(new).datasets["mnist"].limit.test == 250
    attacked = records(
        pd.DataFrame([plan_row(contrast="captions-labels", protocol="robustness", images=900.0)]), PlanRow
    )
    proposal = next_run.proposed(load(values), attacked, [])
    assert proposal.images == {"protocols.robustness.datasets.digits.images": (200, 450)}


def test_other_encoders_get_a_number_and_no_configuration(measured):
    config = load(read(ROOT / "config/matched.yaml"))
    found = records(pd.DataFrame([plan_row(contrast="captions-pixels", replicate="models")]), PlanRow)
    proposal = next_run.proposed(config, found, [])
    assert (proposal.seeds, proposal.steps) == (0, [])
    assert "Encoders on each side" in plan.text(proposal, found, 0.8, "plan.csv")


def proposals(values):
    """Plans with what they are about."""
    many = rows(12.0, 14.0, 20.0, 40.0, 90.0, float("inf"), float("nan"), 9.0)
    config = load(values)
    yield "undecided", config, many, []
    yield "decided", config, rows(12.0, verdict="helps"), []
    yield "more images", config, rows(30.0, images=1000.0), []
    yield "looks", config, many, [9, 18, 30]


def test_texts(values, measured):
    texts = {}
    for name, config, found, looks in proposals(values):
        proposal = next_run.proposed(config, found, looks)
        texts[name] = plan.text(proposal, found, 0.8, "results/tables/plan.csv")
        lines = texts[name].splitlines()
        assert len(lines) <= 25
        assert max(map(len, lines)) <= 100
    snapshots.check("plan", snapshots.listed(texts))


def test_the_command_writes_a_valid_configuration_and_prints(values, measured, monkeypatch, capsys):
    (measured / "results/tables").mkdir()
    write_csv(
        "results/tables/plan.csv", pd.DataFrame([plan_row(14.0, contrast="captions-labels", replicates=9)])
    )
    Path("mine.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.setattr("sys.argv", ["next_run", "mine.yaml"])
    next_run.main()
    assert load(read("results/plan.yaml")).pretraining.objectives["labels"].seeds == 14
    assert "make report CONFIG=results/plan.yaml" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["next_run", "mine.yaml", "--pilot", "3"])
    next_run.main()
    assert load(read("results/pilot.yaml")).pretraining.objectives["labels"].seeds == 3
