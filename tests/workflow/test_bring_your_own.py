"""An encoder of one's own: checked alone in seconds, added to a finished run at the cost of its own steps."""

import os
import shutil
import subprocess
import sys

import torch
from safetensors.torch import load_file, save_file

from mirror import Mirror
from small_project import ROOT
from wordsight.files.disk import read_json
from wordsight.files.feature_sets import read_features

ENCODERS = """from safetensors.torch import load_file
from torch import nn
from wordsight.models.python import encoder

def network():
    return nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())

@encoder(image_size=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
def mine(weights):
    mine = network()
    mine.load_state_dict(load_file(weights))
    return mine

@encoder(image_size=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
def forgotten(weights):
    return network()
"""
SECTION = {
    "source": "python",
    "name": "mine",
    "path": "data/my_encoders.py",
    "weights": "data/mine.safetensors",
    "language": "labels",
    "pretraining_images": 10,
}
# Only few-shot learning takes models of every source in the small experiment.
OWN = {("model", "mine"), ("model_card", "mine")} | {
    (rule, "mine", dataset) for rule in ("features", "few_shot") for dataset in ("digits", "shapes")
}
# A network of a library that is read in two places, in one pass.
READ = {
    "source": "timm",
    "name": "test_resnet",
    "path": "data/weights.safetensors",
    "features": ["pooled", {"layer": 2}],
    "language": "labels",
    "pretraining_images": 10,
}
OF_READ = {("model", "read"), *(("model_card", name) for name in ("read", "read-layer-2"))} | {
    (rule, name, dataset)
    for rule, name in (("features_at_layer_2", "read"), ("few_shot", "read"), ("few_shot", "read-layer-2"))
    for dataset in ("digits", "shapes")
}
TABLES = {(rule,) for rule in ("summary", "contrasts", "objectives", "result_tables", "contrast_tables")}
WHOLE = {*(rule for (rule,) in TABLES), "report", "figure", "figure_data"}


def bring(project, *names):
    """Lay encoders with their weights into the project, and name them in the configuration."""
    (project.path / "data/my_encoders.py").write_text(ENCODERS)
    generator = torch.Generator().manual_seed(4)
    tensors = {"0.weight": torch.randn(16, 3, 4, 4, generator=generator), "0.bias": torch.zeros(16)}
    save_file(tensors, project.path / "data/mine.safetensors")
    project.configure(lambda config: config["models"].update({n: {**SECTION, "name": n} for n in names}))


def own(jobs):
    """Jobs without those that every model joins."""
    return {job for job in jobs if job[0] not in WHOLE}


def test_an_encoder_of_ones_own_computes_its_own_steps_and_the_aggregate(copy):
    bring(copy, "mine")
    copy.configure(lambda config: config["models"].update(read=READ))
    before = {path: path.stat().st_mtime_ns for path in copy.path.glob("results/features/**/*.safetensors")}
    assert copy.snakemake("results/tables/contrasts.csv", warm=True).jobs == OWN | OF_READ | TABLES
    assert {path: path.stat().st_mtime_ns for path in before} == before
    table = (copy.path / "results/tables/results.csv").read_text()
    assert ",mine," in table
    assert ",read-layer-2," in table
    # Both places have the weights of one network, and features of their own.
    cards = [read_json(copy.path / f"resources/models/{name}/card.json") for name in ("read", "read-layer-2")]
    assert [(card["name"], card["features"]) for card in cards] == [
        ("read", "pooled"),
        ("read-layer-2", "layer 2"),
    ]
    assert cards[0]["weights_sha256"] == cards[1]["weights_sha256"]
    assert not (copy.path / "resources/models/read-layer-2/weights.safetensors").exists()
    widths = [
        read_features(copy.path / f"results/features/{card['name']}/digits/test.safetensors").values.shape[1]
        for card in cards
    ]
    assert widths == [card["feature_size"] for card in cards] != widths[:1] * 2
    # What it depends on is its file and its weights, by their bytes.
    weights = copy.path / "data/mine.safetensors"
    shutil.copy2(weights, copy.path / "kept")
    save_file({name: value + 1 for name, value in load_file(weights).items()}, weights)
    assert own(copy.would_run()) == OWN
    shutil.copy2(copy.path / "kept", weights)
    assert own(copy.would_run()) == set()


OTHER = {
    "source": "checkpoint",
    "architecture": "timm/test_resnet",
    "url": "https://weights.example.org/other.pth",
    "sha256": "0123456789abcdef",
    "language": "labels",
    "pretraining_images": 10,
    "preprocessing": {"image_size": 64, "resize": 64, "mean": [0.5] * 3, "std": [0.5] * 3},
}
LOST = {**OTHER, "path": "data/lost.pth", "url": None}


def make(project, *arguments, **environment):
    """Run make with the project's own Makefile, in the environment of the tests."""
    (project.path / ".venv").symlink_to(sys.prefix)
    command = ["make", "--file", str(ROOT / "Makefile"), "--assume-old", ".venv/report", *arguments]
    return subprocess.run(
        [*command, "CONFIG=config/small.yaml", "CORES=2", f"PYTHON={sys.executable}"],
        cwd=project.path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_everything_is_fetched_and_checked_and_each_problem_is_a_line_that_stops_nothing_else(copy, tmp_path):
    bring(copy, "mine", "forgotten")
    copy.configure(lambda config: config["models"].update({"other": OTHER, "lost": LOST}))
    with Mirror() as mirror:
        mirror.publish(OTHER["url"], b"PK" + bytes(5000))
        proxy = {"https_proxy": "http://127.0.0.1:9", "WORDSIGHT_CACHE": str(tmp_path / "cache")}
        done = make(copy, "fetch", **mirror.environment, **proxy)
    assert done.returncode != 0
    rows = [line.split() for line in done.stdout.splitlines()]
    states = {row[1]: row[2] for row in rows if row[:1] in (["images"], ["encoder"])}
    assert states == {
        **dict.fromkeys(("digits", "shapes", "pictures", "mine"), "ok"),
        **dict.fromkeys(("saved", "untrained-0"), "odd"),
        **dict.fromkeys(("forgotten", "other", "lost"), "wrong"),
    }, done.stdout + done.stderr
    wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong: ")]
    assert len(wrong) == 3
    assert "encoder forgotten: models.forgotten: layers seem" in wrong[0]
    assert "0.weight and 0.bias" in wrong[0]
    assert "encoder other: other.pth: cannot download weights with SHA-256 0123456789abcdef (" in wrong[1]
    assert "a file with SHA-256" in wrong[1]
    assert "encoder lost: models.lost.path: data/lost.pth does not exist" in wrong[2]
    details = (copy.path / "results/fetch.txt").read_text()
    assert str(copy.path) not in details
    assert str(tmp_path) not in details
    assert "<cache>/weights.example.org/other.pth" in details
    assert "Traceback" not in done.stdout + done.stderr
    # The check of one encoder alone is the same, and shows all that it found.
    text = (copy.path / "results/checks/mine.txt").read_text()
    assert text.endswith("Nothing is plainly wrong.\n")
    assert "python: data/mine.safetensors" in text
    assert "64" in text.split("feature size")[1].splitlines()[0]
    assert "wrong: layers seem" in done.stderr
    assert not (copy.path / "results/checks/forgotten.txt").exists()


def test_a_check_of_an_unknown_model_names_the_nearest(fresh):
    bring(fresh, "mine")
    done = fresh.snakemake("results/checks/min.txt", check=False)
    assert done.status != 0
    assert "'min'; did you mean 'mine'?" in done.errors[0]
    assert "Traceback" not in done.stderr
