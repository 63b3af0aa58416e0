"""The configuration of matched encoders from its addresses to the report, without a network.

A server on this machine stands for all publishers. Of the configuration there are encoders of each library and
of most groups, with all contrasts among them, and one dataset for all protocols. Networks of blocks have one
block, in their files and in the steps, to save time; ``tests/unit/test_matched.py`` reads one encoder of each other kind.
"""

import os
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from fixtures import images
from fixtures.publishing import MATCHED, Publishers
from fixtures.shallow import one_block
from mirror import Mirror
from wordsight.config.load import load
from wordsight.workflow.pairing import resolve
from wordsight.workflow.targets import protocol_results

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(1500)

DATASET = "cifar10"


def fewer(config):
    """Change how much is computed, and nothing else."""
    config["models"] = {name: config["models"][name] for name in MATCHED}
    for section in config["models"].values():
        if section.get("architecture") == "torchvision/resnet50":  # takes images of any size
            section["preprocessing"] = {**section["preprocessing"], "image_size": 64, "resize": 72}
    config["datasets"] = {DATASET: config["datasets"][DATASET] | {"limit": {"train": 20, "test": 10}}}
    config["features"]["batch_size"] = 10
    for section in config["protocols"].values():
        section["datasets"] = [DATASET]
    config["protocols"]["clustering"]["seeds"] = 1
    config["protocols"]["few_shot"] |= {"shots": [1], "trials": 2}
    config["protocols"]["transfer"]["regularisation"] = [1.0]
    config["statistics"]["resamples"] = 200
    for contrast in config["contrasts"].values():
        for side in (contrast["treatment"], contrast["control"]):
            if "models" in side:
                side["models"] = [name for name in side["models"] if name in MATCHED]


@pytest.fixture(scope="module")
def run(tmp_path_factory, bare_project):
    """The configuration, run to its end."""
    base = tmp_path_factory.mktemp("matched")
    project = bare_project(base / "project")
    config = yaml.safe_load((ROOT / "config/matched.yaml").read_text())
    fewer(config)
    with Mirror() as mirror:
        publishers = Publishers(mirror, base / "published")
        with one_block():
            for section in config["models"].values():
                digest = publishers.network(section)
                if "sha256" in section:
                    section["sha256"] = digest
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(images, "NOISE", 150.0)  # so that encoders differ
            publishers.dataset(config["datasets"][DATASET])
        (project.path / "config/small.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        environment = os.environ | mirror.environment | {"WORDSIGHT_CACHE": str(base / "cache")}
        environment["HF_ENDPOINT"] = f"{mirror.address}/huggingface.co"  # asked for what a repository lacks
        project.snakemake(env=environment, warm="fixtures.shallow_steps")
    return project.path, load(config)


def table(path, name):
    return pd.read_csv(path / f"results/tables/{name}.csv")


def test_every_protocol_ran_on_every_encoder_and_the_report_answers_every_question(run):
    path, config = run
    found = set(table(path, "results")[["protocol", "model", "dataset"]].itertuples(index=False, name=None))
    assert found == {tuple(Path(file).with_suffix("").parts[1:]) for file in protocol_results(config)}
    assert {protocol for protocol, _, _ in found} == set(config.protocols.running)
    assert {model for _, model, _ in found} == set(config.models)
    page = (path / "results/report.html").read_text()
    said = (path / "results/verdicts.txt").read_text()
    for name, contrast in config.contrasts.items():
        assert contrast.question in page
        first = name in config.statistics.families["language"]  # the text has those about language alone
        assert (contrast.question in said) == first


def test_contrasts_of_matched_encoders_pair_them_within_their_group(run):
    path, config = run
    pairs = {one.name: one.pairs for one in resolve(config)}
    measured = table(path, "contrasts").groupby("contrast")["n_pairs"].max()
    assert measured.to_dict() == {name: len(found) for name, found in pairs.items()}
    assert pairs["captions-pixels_same_data"] == [
        ("clip-s", "simclr-s"),
        ("controlled-clip", "controlled-dino"),
    ]
    for name, found in pairs.items():
        if config.contrasts[name].match == ["group"]:
            assert all(config.models[one].group == config.models[other].group for one, other in found)


def test_both_sides_of_a_projection_are_measured_and_the_first_decides(run):
    path, config = run
    behind = [model for model in config.models if config.network(model) != model]
    assert behind == ["metaclip-400m-l-embedding", "openai-clip-b-embedding"]
    assert not {model for one in resolve(config) for pair in one.pairs for model in pair} & set(behind)
    read = table(path, "sensitivity").query("analysis == 'features read elsewhere'")
    assert set(read["contrast"]) == {"captions-pixels_web", "captions-pixels", "captions-labels"}


def test_what_still_differs_within_a_group_is_said_from_the_columns_of_its_encoders(run):
    path, _ = run
    page = (path / "results/report.html").read_text().replace("<wbr>", "")
    cautions = re.findall(
        r"Contrast ([\w-]+): the sides also differ in other ways.*?they differ in (.*?), which may cause",
        page,
        re.DOTALL,
    )
    differ = dict(cautions)
    for difference in (
        "the training recipe",
        "the views of an image in each step",
        "the compute of training",
    ):
        assert difference in differ["captions-pixels_same_data"]
    assert "captions-words" not in differ  # VirTex's tasks share all else
