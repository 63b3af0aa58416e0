"""A protocol is added to a copy of the project in four files beside its test, and runs to the report."""

import subprocess
import sys

import pandas as pd
import pytest
import yaml

RECORD = '''"""Neighbours: does the nearest training image have the same class?"""

from pydantic import Field

from wordsight.catalogue.prose import counted
from wordsight.catalogue.protocols.record import Drawing, Metric, Protocol
from wordsight.catalogue.section import Count, Section


class Parameters(Section):
    """Majority among the nearest training images."""

    neighbours: Count = Field(1, description="Training images that vote.")


def method(section, mode):
    """Sentence for a paper."""
    return [f"test images got the class of {counted(section['neighbours'], 'nearest training image')}"]


PROTOCOL = Protocol(
    name="neighbours",
    title="Neighbours",
    question="Does the nearest training image have the same class?",
    parameters=Parameters,
    primary="agreement",
    metrics={
        "agreement": Metric(
            words="agreement", meaning="1 when the nearest images have its class, else 0", chance="classes"
        )
    },
    method=method,
    drawing=Drawing(value="agreement", below="test images", alternative="Agreement of the nearest neighbour"),
    caption="Share of test images whose nearest training images have their class.",
)
'''
MATHEMATICS = '''"""Neighbours: the class of the majority among the k nearest training features by the cosine."""

import numpy as np

from wordsight.protocols.checks import check_splits, unit_rows


def evaluate(task, section, *, train, test, classes):
    """Classify each test item by its nearest training items."""
    check_splits(train, test, classes, task.where)
    nearest = np.argsort(-unit_rows(test, task.where) @ unit_rows(train, task.where).T)[:, : section.neighbours]
    votes = np.apply_along_axis(np.bincount, 1, train.labels[nearest], minlength=classes)
    return [task.rows("agreement", votes.argmax(axis=1) == test.labels, items=test.ids)]
'''
LIBRARY = "scripts/wordsight"
REGISTRY = f"{LIBRARY}/catalogue/protocols/__init__.py"


def add_a_protocol(project):
    """Write the record and the mathematics, and name the record; return the files that were written by hand."""
    written = {
        f"{LIBRARY}/catalogue/protocols/neighbours.py": RECORD,
        f"{LIBRARY}/protocols/neighbours.py": MATHEMATICS,
    }
    for file, text in written.items():
        (project.path / file).write_text(text)
    project.edit(
        REGISTRY, "    few_shot,\n    robustness,", "    few_shot,\n    neighbours,\n    robustness,"
    )
    project.edit(REGISTRY, "        few_shot,\n", "        few_shot,\n        neighbours,\n")
    return [*written, REGISTRY, "config/small.yaml", "tests/unit/test_neighbours.py"]


@pytest.fixture(scope="module")
def extended(tmp_path_factory, new_project):
    project = new_project(tmp_path_factory.mktemp("extended") / "project")
    assert len(add_a_protocol(project)) <= 5

    def alone(config):
        config["datasets"] = {"digits": config["datasets"]["digits"]}
        config["protocols"] = {"neighbours": {"datasets": ["digits"], "neighbours": 3}}
        # Against untrained encoders there would be no verdict.
        config["models"]["packaged"] = {"source": "packaged", "name": "squeezenet1_1", "language": "none"}
        config["models"]["packaged"] |= {"pretraining_data": "ImageNet-1k", "pretraining_images": 10}
        config["contrasts"] = {
            "training": {"treatment": {"models": ["saved"]}, "control": {"language": "none"}}
        }
        del config["models"]["untrained-0"]
        config["jobs_by"] = "dataset"
        del config["pretraining"]

    project.configure(alone)
    project.snakemake(warm=True)
    return project


def test_its_rows_effects_and_verdicts_are_in_the_tables(extended):
    results, contrasts = (
        pd.read_csv(extended.path / f"results/tables/{name}.csv", keep_default_na=False)
        for name in ("results", "contrasts")
    )
    assert set(zip(results["protocol"], results["metric"], strict=True)) == {("neighbours", "agreement")}
    assert set(results["model"]) == {"saved", "packaged"}
    assert results["value"].astype(float).between(0, 1).all()
    (decisive,) = contrasts[contrasts["decides"].astype(str) == "True"].to_dict("records")
    assert (decisive["contrast"], decisive["protocol"]) == ("training", "neighbours")
    assert float(decisive["chance"]) == pytest.approx(0.1)
    assert decisive["verdict"] == "undecided"


def test_its_figure_and_its_words_are_in_the_report(extended):
    report = (extended.path / "results/report.html").read_text(encoding="utf-8")
    assert "Neighbours: does the nearest training image have the same class?" in report
    assert "Share of test images whose nearest training images have their class." in report
    assert "Neighbours (digits): test images got the class of 3 nearest training images." in report
    assert "undecided" in (extended.path / "results/verdicts.txt").read_text(encoding="utf-8")
    assert (extended.path / "results/figures/neighbours.svg").stat().st_size > 1000


def test_its_rule_has_its_name(extended):
    done = extended.snakemake(
        "--dry-run", "--forcerun", "neighbours", "--set-resources", "neighbours:mem_mb=4000"
    )
    assert "rule neighbours:" in done.stdout
    assert "mem_mb=4000" in done.stdout


def test_its_documentation_follows_from_its_record(extended):
    command = [sys.executable, "-m", "wordsight.workflow.documentation"]
    subprocess.run(command, cwd=extended.path, env={"PYTHONPATH": "scripts", "PATH": ""}, check=True)
    assert "| `neighbours` |" in (extended.path / "config/README.md").read_text(encoding="utf-8")
    assert "Training images that vote." in (extended.path / "config/README.md").read_text(encoding="utf-8")
    results = (extended.path / "docs/results.md").read_text(encoding="utf-8")
    assert "1 when the nearest images have its class, else 0" in results
    schema = yaml.safe_load((extended.path / "config/schema.json").read_text(encoding="utf-8"))
    assert "NeighboursSection" in schema["$defs"]
