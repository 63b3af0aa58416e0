"""The paper's configuration from its addresses to the report, without a network.

A server on this machine stands for all publishers. What it serves is true in format, name, shape and size of the
networks, and random in value; datasets have a few small images of every class. What is changed of the
configuration is how much: fewer images, smaller pictures, shorter attacks, and one encoder of each kind, since
``tests/unit/test_models_paper.py`` reads the files of all by their entries and compares them with their libraries.
Every encoder meets a grey and a coloured dataset; those with hundreds of classes, and attacks, take a few encoders.
And digests are others, since no file of ours can meet those of the publishers.
"""

import csv
import io
import json
import os
from pathlib import Path

import open_clip
import pytest
import yaml

from fixtures import images, text, weights
from fixtures.publishing import Publishers, first_address
from mirror import Mirror
from wordsight.config.load import load
from wordsight.files import disk, feature_sets
from wordsight.workflow.targets import protocol_results

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(3000)

SMALL = {"image_size": 32, "resize": 36}
CLIP, BERT = "open_clip_model.safetensors", "google-bert/bert-base-uncased"
CLUSTERED = ["mnist", "cifar10"]
# At least one of every source and on each side of every contrast.
ENCODERS = ["resnet50", "sin", "robust-l2-3", "untrained", "clip-rn50", "virtex"]
# What is slow on datasets of hundreds of classes takes one encoder, and attacks one on each side of a contrast: not CLIP,
# whose images can't be smaller than 224 pixels.
CLASSIFIED = ["virtex"]
ATTACKED = ["robust-l2-3", "virtex"]
# The others run in tests/workflow/test_text.py.
TEXT_MODELS = ["bert", "clip-text"]


def paper():
    return yaml.safe_load((ROOT / "config/paper.yaml").read_text())


class Paper(Publishers):
    """Everything that the configuration asks the network for, and the copies that its user has to have."""

    def networks(self, config):
        for section in config["models"].values():
            if section["source"] == "checkpoint":
                digest = self.network(section)
                section["preprocessing"] = {**section["preprocessing"], **SMALL}
                if "sha256" in section:
                    section["sha256"] = digest
            elif section["source"] == "torchvision":
                section["sha256"] = self.network(section)
                section["preprocessing"] = SMALL
        file = self.folder / CLIP
        weights.openai_hub(file, "RN50-quickgelu", name="RN50-quickgelu", text=True)
        card = json.dumps({"model_cfg": open_clip.get_model_config("RN50-quickgelu")}).encode()
        self.mirror.publish_on_hub("timm/resnet50_clip.openai", {CLIP: file, "open_clip_config.json": card})

    def datasets(self, config, project):
        for section in config["datasets"].values():
            if section["source"] != "imagenet":
                self.dataset(section)
                continue
            path = images.imagenet_copy(project / section["path"], "validation", per_class=2, train=2)
            section["path"] = str(path.relative_to(project))
            section["images"] = 20

    def texts(self, config):
        text.write_bert(self.folder / BERT)
        files = {path.name: path for path in (self.folder / BERT).iterdir()}
        self.mirror.publish_on_hub(BERT, files)
        (corpus,) = config["corpora"].values()
        self.publish(first_address(corpus), text.write_wikipedia)


def fewer(config):
    """Change how much is computed, and nothing else."""
    config["models"] = {name: config["models"][name] for name in ENCODERS}
    config["text_models"] = {name: config["text_models"][name] for name in TEXT_MODELS}
    config["jobs_by"] = "model"
    config["features"]["batch_size"] = 32
    few = {name: {"train": 20, "test": 10} for name in ("mnist", "fashion-mnist", "cifar10", "svhn")}
    few |= {"cifar100": {"train": 200, "test": 150}, "cub200": {"train": 400, "test": 300}}
    for name, limit in few.items():
        config["datasets"][name]["limit"] = limit
    protocols = config["protocols"]
    protocols["clustering"] |= {"seeds": 2, "datasets": CLUSTERED}
    protocols["few_shot"] |= {"shots": [1, 2], "trials": 2, "models": {"models": CLASSIFIED}}
    protocols["transfer"] |= {"regularisation": [0.1, 1.0], "models": {"models": CLASSIFIED}}
    protocols["robustness"] |= {
        "epsilons": [0.001, 0.1],
        "steps": 2,
        "batch_size": 8,
        "regularisation": [1.0],
        "models": {"models": ATTACKED},
    }
    for section in protocols["robustness"]["datasets"].values():
        section["images"] = 4
    config["statistics"]["resamples"] = 200


@pytest.fixture(scope="module")
def run(tmp_path_factory, bare_project):
    """The configuration, run to its end."""
    base = tmp_path_factory.mktemp("paper")
    project = bare_project(base / "project")
    config = paper()
    fewer(config)
    with Mirror() as mirror:
        publishers = Paper(mirror, base / "published")
        publishers.networks(config)
        publishers.datasets(config, project.path)
        publishers.texts(config)
        (project.path / "config/small.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        environment = os.environ | mirror.environment | {"WORDSIGHT_CACHE": str(base / "cache")}
        project.snakemake("--keep-going", env=environment, warm=True)
        yield project, load(config), publishers, environment


def test_every_protocol_ran_on_every_model_and_dataset_and_the_report_is_there(run):
    project, config, _, _ = run
    table = (project.path / "results/tables/results.csv").read_text()
    found = {(r["protocol"], r["model"], r["dataset"]) for r in csv.DictReader(io.StringIO(table))}
    expected = {tuple(Path(path).with_suffix("").parts[1:]) for path in protocol_results(config)}
    assert found == expected
    assert {dataset for _, _, dataset in found} == set(config.datasets)
    assert {model for _, model, _ in found} == set(config.models)
    assert {protocol for protocol, _, _ in found} == set(config.protocols.running)
    assert (project.path / "results/report.html").stat().st_size > 100_000
    question = config.contrasts["captions-labels"].question
    assert question in (project.path / "results/verdicts.txt").read_text()


def test_every_text_model_read_the_classes_of_every_dataset(run):
    project, config, _, _ = run
    for name in config.text_models:
        for dataset in config.datasets:
            found = feature_sets.read_features(
                project.path / f"results/text_features/{name}/{dataset}.safetensors"
            )
            card = disk.read_json(project.path / f"resources/datasets/{dataset}/card.json")
            assert found.ids == card["classes"]
    assert (project.path / "resources/corpora/enwiki/articles.txt.gz").stat().st_size


def test_every_network_gives_features_that_differ_between_images(run):
    project, config, _, _ = run
    for model in config.models:
        values = feature_sets.read_features(
            project.path / f"results/features/{model}/cifar10/test.safetensors"
        ).values
        assert len({row.tobytes() for row in values}) == len(values), model


def test_every_file_was_fetched_once_and_its_digest_is_kept(run):
    project, config, publishers, _ = run
    for address in publishers.addresses:
        assert publishers.mirror.count(address) == 1, address
    lock = (project.path / "downloads.lock").read_text()
    for section in config.models.values():
        if section.source == "checkpoint" and section.sha256 is None:
            assert section.addresses[0] in lock
    assert f"{BERT}/model.safetensors" in lock


def test_nothing_is_left_to_do_and_an_edit_needs_no_network(run):
    project, _, publishers, environment = run
    asked = len(publishers.mirror.requests)
    assert project.would_run() == set()
    lost = "resources/models/sin/weights.safetensors"
    before = (project.path / lost).read_bytes()
    (project.path / lost).unlink()
    project.snakemake(lost, env=environment | {"WORDSIGHT_OFFLINE": "1"})
    assert (project.path / lost).read_bytes() == before
    assert len(publishers.mirror.requests) == asked
