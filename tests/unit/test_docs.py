"""What is documented of the results is what there is, column by column and metric by metric."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from wordsight import labels
from wordsight.config import RobustnessParameters
from wordsight.protocols import robustness
from wordsight.rows import SCHEMA, make_rows, write_rows
from wordsight.statistics import contrasts
from wordsight.statistics.summary import summarise
from wordsight.tables import TRAITS, results_table

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = dict(
    section.split("\n", 1)
    for section in (ROOT / "docs/results.md").read_text(encoding="utf-8").split("\n## ")
)


def table(section):
    """Rows of a section's table, without its head: cells by column."""
    rows = [line.strip("|").split("|") for line in SECTIONS[section].split("\n") if line.startswith("| `")]
    return [[cell.strip(" `") for cell in row] for row in rows]


def names(section):
    return [row[0] for row in table(section)]


class Dark(torch.nn.Module):
    """Two classes, told apart by the sum of the pixels."""

    def logits(self, images):
        total = images.flatten(1).sum(dim=1)
        return torch.stack([total, -total], dim=1)


@pytest.fixture(scope="module")
def emitted():
    """Metrics that protocols name in calls of ``make_rows``, and those that an attack adds."""
    found, variable = set(), set()
    for file in (ROOT / "scripts/wordsight/protocols").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for keyword in node.keywords if isinstance(node, ast.Call) else []:
                if keyword.arg == "metric":
                    constant = isinstance(keyword.value, ast.Constant)
                    (found.add(keyword.value.value) if constant else variable.add(file.name))
    assert variable <= {"robustness.py"}  # whose names a run tells
    rows = robustness.evaluate(
        encoder=Dark(),
        head=None,
        images=np.ones((1, 3, 2, 2), np.float32),
        labels=np.zeros(1, np.int64),
        ids=["i"],
        section=RobustnessParameters(epsilons=[0.1], steps=1),
        mode="sound",
        seed=0,
        model="m",
        dataset="d",
    )
    return found | {metric for part in rows for metric in part["metric"].to_pylist()}


def test_every_column_of_the_results_is_documented_in_order(tmp_path):
    common = {"protocol": "transfer", "model": "m", "dataset": "d", "mode": "sound", "metric": "accuracy"}
    write_rows(tmp_path / "rows.parquet", [make_rows(values=[1.0], seed=0, **common)])
    frame = results_table(summarise([tmp_path / "rows.parquet"]), {"m": dict.fromkeys(TRAITS, "")})
    assert names("results.csv") == list(frame.columns)


def test_every_column_of_the_contrasts_is_documented_in_order():
    assert names("contrasts.csv") == contrasts.COLUMNS


def test_every_column_of_the_rows_is_documented_in_order():
    assert names("{protocol}/{model}/{dataset}.parquet") == SCHEMA.names


def test_every_metric_is_documented_and_every_documented_metric_exists(emitted):
    assert set(names("Metrics")) == emitted
    assert names("Metrics") == sorted(emitted)


def test_every_metric_has_words(emitted):
    assert set(labels.METRICS) == emitted


def test_every_row_has_a_meaning():
    for section in ("results.csv", "contrasts.csv", "{protocol}/{model}/{dataset}.parquet", "Metrics"):
        assert all(row[-1] for row in table(section))
        assert len({len(row) for row in table(section)}) == 1


@pytest.mark.parametrize("file", sorted(ROOT.glob("docs/*.md")), ids=lambda file: file.name)
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
