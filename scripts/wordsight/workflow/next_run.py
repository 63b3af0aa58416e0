"""What to run after a run: ``make plan`` prints it and writes its configuration.

It runs after Snakemake has made the table of the plan. A pilot is the same experiment with a few seeds, and
its plan is for the whole one:

    python -m wordsight.workflow.next_run config/config.yaml
    python -m wordsight.workflow.next_run config/config.yaml --seeds 20
    python -m wordsight.workflow.next_run config/config.yaml --pilot 2         write the pilot's configuration
    python -m wordsight.workflow.next_run config/config.yaml --after-pilot 2
"""

import argparse
import copy
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from wordsight.catalogue import jobs
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.config.experiment import Config
from wordsight.config.load import load, read
from wordsight.errors import ConfigError, WordsightError, show
from wordsight.files.disk import write_text
from wordsight.report import costs, made_with, plan
from wordsight.statistics.records import PlanRow, records
from wordsight.statistics.verdicts import Verdict
from wordsight.tables.csv import read_csv
from wordsight.workflow import targets
from wordsight.workflow.pairing import resolve

BENCHMARKS, TABLE = "results/benchmarks", "results/tables/plan.csv"
NEXT, PILOT = "results/plan.yaml", "results/pilot.yaml"
SHARE = 0.5  # of the undecided comparisons, for which a proposal is enough
CHOICES = 4  # numbers of seeds that are shown

Values = dict[str, Any]


def proposed(
    config: Config, rows: Sequence[PlanRow], declared: Sequence[int], seeds: int = 0
) -> plan.Proposal:
    """Choose how many seeds to run.

    Parameters
    ----------
    config : that ran
    rows : of the plan
    declared : looks, to the next of which seeds are added
    seeds : the number, if the user chose one
    """
    undecided = [row for row in rows if row.verdict == Verdict.UNDECIDED]
    undecided = [row for row in undecided if row.primary] or undecided
    compared = _objectives(config)
    objectives = [
        name for name in _seeds(config) if any(name in compared.get(row.contrast, []) for row in undecided)
    ]
    seedable = [row for row in undecided if compared.get(row.contrast)]
    finite = sorted({int(need) for need in map(_needed, seedable) if math.isfinite(need)})
    now = min((_seeds(config)[name] for name in objectives), default=0)
    choices = [number for number in declared or finite if number > now]
    chosen = next(iter(choices), 0) if declared else _enough(seedable, now)
    if seeds:
        choices, chosen = sorted({*choices, seeds}), seeds
    recorded = _recorded(config, objectives) if choices else None
    steps = [_step(config, seedable, recorded, number) for number in _some(choices, chosen)]
    images, used_up = _images(config, undecided)
    return plan.Proposal(
        sorted(undecided, key=_needed),
        steps,
        chosen,
        objectives,
        images,
        used_up,
        list(declared),
        ", ".join(made_with.gpus()),
    )


def _objectives(config: Config) -> dict[str, list[str]]:
    """Objectives of which each contrast compares seeds; none for one with other models."""
    trained = set(targets.trained_models(config))
    found = {}
    for comparison in resolve(config):
        models = {model for pair in comparison.pairs for model in pair}
        names = {targets.group(config, model) for model in models}
        found[comparison.name] = sorted(names) if models <= trained else []
    return found


def _seeds(config: Config) -> dict[str, int]:
    section = config.pretraining
    return {name: budget.seeds for name, budget in section.objectives.items()} if section else {}


def _needed(row: PlanRow) -> float:
    return math.inf if row.needed is None else row.needed


def _enough(rows: Sequence[PlanRow], now: int) -> int:
    """Fewest seeds that are enough for a share of the comparisons, or for those for which any number is."""
    numbers = sorted(map(_needed, rows))
    finite = [number for number in numbers if math.isfinite(number)]
    wanted = math.ceil(SHARE * len(numbers))
    chosen = int(finite[min(wanted, len(finite)) - 1]) if finite else 0
    return chosen if chosen > now else 0


def _some(choices: Sequence[int], chosen: int) -> list[int]:
    """A few of the numbers, from the smallest to the largest, with the chosen one."""
    if len(choices) <= CHOICES:
        return list(choices)
    places = {round(place * (len(choices) - 1) / (CHOICES - 1)) for place in range(CHOICES)}
    return sorted({*(choices[place] for place in places), *([chosen] if chosen else [])})


@dataclass(frozen=True)
class _Recorded:
    """What the jobs of a run took.

    Attributes
    ----------
    models : of each objective, what one more seed takes
    again : seconds of the jobs that any new seed makes run again
    at_once : jobs that ran at the same time, on average
    """

    models: dict[str, costs.PerModel]
    again: float
    at_once: float


def _recorded(config: Config, objectives: Sequence[str]) -> _Recorded | None:
    """Read what the jobs took; None where a trained model has no record."""
    left_out = {name for name in PROTOCOLS if name not in config.protocols.running}
    names = {*config.models, *config.datasets, *targets.figure_names(config)}
    ran = costs.benchmarks(BENCHMARKS, names, left_out)
    models = {name: [f"{name}-{seed}" for seed in range(_seeds(config)[name])] for name in objectives}
    found = costs.per_model(ran, models, config.pretraining.devices if config.pretraining else 1)
    wall = costs.wall_time(ran)
    if not wall or not all(one.seconds for one in found.values()):
        return None
    again = float(ran.loc[(ran["wildcards"] == ()) | (ran["rule"] == "figure"), "s"].sum())
    return _Recorded(found, again, ran["s"].sum() / wall)


def _step(config: Config, rows: Sequence[PlanRow], recorded: _Recorded | None, seeds: int) -> plan.Step:
    enough = sum(_needed(row) <= seeds for row in rows)
    if recorded is None:
        return plan.Step(seeds, enough, math.nan, math.nan)
    new = {name: max(seeds - _seeds(config)[name], 0) for name in recorded.models}
    seconds = recorded.again + sum(new[name] * one.seconds for name, one in recorded.models.items())
    on_gpu = sum(new[name] * one.gpu_seconds for name, one in recorded.models.items())
    return plan.Step(seeds, enough, seconds / recorded.at_once, on_gpu if _uses_gpu(config) else 0.0)


def _uses_gpu(config: Config) -> bool:
    """Whether trainings ran on a GPU: as configured, or because this machine has one."""
    device = config.pretraining.device if config.pretraining else "cpu"
    return device == "cuda" or (device == "auto" and bool(made_with.gpus()))


def _images(config: Config, rows: Sequence[PlanRow]) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Keys that set a number of test images, with the present number and the one that is needed."""
    found: dict[str, tuple[int, int]] = {}
    used_up: dict[str, None] = {}
    for row in rows:
        if row.images is None or not row.n_clusters < row.images < math.inf:
            continue
        times = row.images / row.n_clusters
        for name in config.protocols.running[row.protocol].covered:
            attacked = targets.attacked(config, row.protocol).get(name)
            if attacked is not None:
                key, now = f"protocols.{row.protocol}.datasets.{name}.images", attacked.images
            else:
                key, now = f"datasets.{name}.limit.test", config.datasets[name].limit.test
            if now is None:
                used_up[name] = None
            else:
                found[key] = (now, max(math.ceil(now * times), found.get(key, (0, 0))[1]))
    return found, list(used_up)


def continued(values: Mapping[str, Any], proposal: plan.Proposal, finished: Mapping[str, int]) -> Values:
    """Configuration with more seeds and images, whose run leaves what is finished as it is.

    Parameters
    ----------
    finished : seeds of each objective that ran
    """
    new = copy.deepcopy(dict(values))
    config = load(values)
    looks = config.statistics.looks
    for name, seeds in _seeds(config).items():
        wanted = max(proposal.seeds, finished[name]) if name in proposal.objectives else seeds
        budget = new["pretraining"]["objectives"][name] or {}
        ends = [*budget.get("job_ends", []), *looks]
        before, after = (jobs.cut_seeds(n, config.seeds_per_job, ends) for n in (finished[name], wanted))
        changed: Values = {"seeds": wanted}
        if not set(before) <= set(after):
            changed["job_ends"] = sorted({*budget.get("job_ends", []), finished[name]})
        new["pretraining"]["objectives"][name] = {**budget, **changed}
    for key, (_, then) in proposal.images.items():
        *path, last = key.split(".")
        section = new
        for part in path:
            section = section.setdefault(part, {})
        section[last] = then
    return new


def piloted(values: Mapping[str, Any], seeds: int) -> Values:
    """Configuration of a pilot: the same with a few seeds of each objective."""
    if not values.get("pretraining"):
        raise ConfigError("config: pretraining: a pilot needs encoders to train; add this key")
    if seeds < 2:
        raise ConfigError(
            "PILOT: set it to 2 seeds or more, since a single one doesn't tell how much they differ"
        )
    new = copy.deepcopy(dict(values))
    for name, budget in new["pretraining"]["objectives"].items():
        new["pretraining"]["objectives"][name] = {**(budget or {}), "seeds": seeds}
    new.get("statistics", {}).pop("looks", None)  # of a pilot, no verdict counts
    return new


def write_config(path: str, values: Values) -> None:
    """Write a configuration, after a check that it is valid."""
    load(values)
    write_text(path, yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100))


def main() -> None:
    """Print the plan and write the configuration, or write that of a pilot."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", help="configuration of the finished run")
    parser.add_argument("--seeds", type=int, default=0, help="seeds of each objective, instead of a proposal")
    parser.add_argument("--pilot", type=int, default=0, help=f"write {PILOT} with so many seeds, and stop")
    parser.add_argument("--after-pilot", type=int, default=0, help="the run was a pilot with so many seeds")
    arguments = parser.parse_args()
    values = read(arguments.config)
    base = load(values)
    if arguments.pilot:
        write_config(PILOT, piloted(values, arguments.pilot))
        return
    ran = load(piloted(values, arguments.after_pilot)) if arguments.after_pilot else base
    rows = records(read_csv(TABLE), PlanRow)
    proposal = proposed(ran, rows, base.statistics.looks, arguments.seeds)
    if proposal.seeds or proposal.images:
        write_config(NEXT, continued(values, proposal, _seeds(ran)))
        proposal = replace(proposal, path=NEXT)
    show(plan.text(proposal, rows, base.statistics.power, TABLE).removesuffix("\n"))


if __name__ == "__main__":
    try:
        main()
    except WordsightError as error:
        sys.exit(f"wordsight: error: {error}")
