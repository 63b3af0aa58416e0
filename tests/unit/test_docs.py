"""What is written by hand of the method and the results holds, and links lead somewhere."""

import ast
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from hand_made import contrasts, effect, objective_means, results, sensitivity, trained_results
from wordsight.catalogue import display
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.protocols.robustness import Parameters
from wordsight.config.statistics import Margin, StatisticsSection
from wordsight.protocols import robustness
from wordsight.protocols.task import Task
from wordsight.statistics import audit
from wordsight.statistics.effect_row import ENOUGH_REPLICATES, UNKNOWN_GAIN
from wordsight.statistics.self_checks import ATTACK_CHECKS, HOPELESS_RADIUS
from wordsight.tables.csv import write_csv
from wordsight.tables.schema import checked
from wordsight.tables.schemas import FLAGS, SCHEMAS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/results.md").read_text(encoding="utf-8")
METHOD = (ROOT / "docs/method.md").read_text(encoding="utf-8")


class Dark(torch.nn.Module):
    """Two classes, told apart by the sum of the pixels."""

    def logits(self, images):
        total = images.flatten(1).sum(dim=1)
        return torch.stack([total, -total], dim=1)


@pytest.fixture(scope="module")
def emitted():
    """Metrics that protocols name where they make rows, and those that an attack adds."""
    found, variable = set(), set()
    for file in (ROOT / "scripts/wordsight/protocols").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for keyword in node.keywords if isinstance(node, ast.Call) else []:
                if keyword.arg == "metric":
                    constant = isinstance(keyword.value, ast.Constant)
                    (found.add(keyword.value.value) if constant else variable.add(file.name))
    assert variable <= {
        "task.py",
        "evaluation.py",
    }  # which passes them on, and robustness, whose names a run tells
    attacked = robustness.evaluate(
        Task("robustness", "m", "d"),
        Parameters(epsilons=[0.1], steps=1, targeted=True, l2_epsilons=[0.1], minimum_norm=True),
        encoder=Dark(),
        head=None,
        images=np.ones((1, 3, 2, 2), np.float32),
        labels=np.zeros(1, np.int64),
        ids=["i"],
    )
    return found | {metric for part in attacked for metric in part["metric"].to_pylist()}


def test_the_method_has_the_rule_of_every_flag_with_its_threshold():
    rules = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", METHOD.split("### Flags")[1], flags=re.MULTILINE))
    assert tuple(rules) == FLAGS
    assert f"below {ENOUGH_REPLICATES}" in rules["few replicates"]
    assert f"above {audit.CEILING}" in rules["ceiling"]
    assert f"`chance` + {audit.NEAR_CHANCE}" in rules["floor"]
    assert set(re.findall(r"`(accuracy_\w+)`", rules["modes disagree"])) == {
        record.authors for record in PROTOCOLS.values()
    } - {None}
    assert f"more than {audit.NEAR_TWINS}" in rules["near duplicates"]
    checks = (*ATTACK_CHECKS, "unbroken_at_largest")
    assert tuple(re.findall(r"`(\w+)`", rules["attack self-check"])) == checks
    assert f"{HOPELESS_RADIUS} or more" in rules["attack self-check"]
    assert f"at most {audit.SMALLEST_GAIN}" in METHOD


def test_the_method_has_the_default_margin():
    section, margin = METHOD.split("### The margin")[1].partition("###")[0], Margin()
    assert f"{margin.share} of the mean gain" in section
    assert f"at least {margin.least}." in section
    assert f"encoders it is {UNKNOWN_GAIN * margin.least:g}." in section
    example = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", section, flags=re.DOTALL)[0])
    assert StatisticsSection(**example["statistics"]).margin == margin


def test_the_documented_line_loads_every_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (line,) = re.findall(r"^results = (pandas\.read_csv\(.*\))$", TEXT, flags=re.MULTILINE)
    frames = {
        "results": results(models=("null",)).astype({"training_seed": "Int64"}),
        "objectives": objective_means(trained_results()),
        "contrasts": contrasts(effect(more_replicates=np.inf, dataset="shapes")),
        "sensitivity": pd.DataFrame([sensitivity()]),
    }
    for name, frame in frames.items():
        schema = SCHEMAS[name]
        write_csv(f"results/tables/{schema.file}", checked(frame, schema))
        loaded = eval(line.replace("results.csv", schema.file), {"pandas": pd})
        assert list(loaded.columns) == schema.names
        assert len(loaded) == len(frame)
        for column in schema.columns:
            empty = frame[column.name].isin([""]) | frame[column.name].isna()
            assert loaded[column.name].isna().tolist() == empty.tolist()
            if column.kind != "text":
                assert loaded[column.name].dtype.kind in "iufb"


def test_every_metric_has_words(emitted):
    assert set(display.METRICS) == emitted


@pytest.mark.parametrize(
    "file", [*sorted(ROOT.glob("docs/*.md")), ROOT / "config/README.md"], ids=lambda file: file.name
)
def test_links_lead_somewhere(file):
    text = file.read_text(encoding="utf-8")
    for target, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", text)):
        if target.startswith("http"):
            continue
        page = (file.parent / target) if target else file
        assert page.exists(), f"{file.name}: {target}"
        heads = (
            re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE) if anchor else []
        )
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in heads}


def test_every_condition_that_once_ended_wrong_has_a_test_and_its_relatives():
    """All 42 cases but one, which is about conclusions."""
    text = (ROOT / "docs/cases.md").read_text(encoding="utf-8")
    rows = [row.split(" | ") for row in re.findall(r"^\| (\d.*) \|$", text, flags=re.MULTILINE)]
    assert [int(row[0]) for row in rows] == [number for number in range(1, 43) if number != 26]
    for row in rows:
        assert len(row) == 4
        assert all(row)
    for file, name in re.findall(r"`(\w+/\w+\.py)::(\w+)`", text):
        assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}::{name}"
