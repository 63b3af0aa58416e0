"""An encoder of one's own: checked alone in seconds, added to a finished run at the cost of its own steps."""

import shutil

import torch
from safetensors.torch import load_file, save_file

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
TABLES = {("summary",), ("contrasts",), ("objectives",), ("result_tables",)}
WHOLE = {"summary", "contrasts", "objectives", "result_tables", "report", "figure", "figure_data"}


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
    before = {path: path.stat().st_mtime_ns for path in copy.path.glob("results/features/**/*.safetensors")}
    assert copy.snakemake("results/tables/results.csv").jobs == OWN | TABLES
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert ",mine," in (copy.path / "results/tables/results.csv").read_text()
    # What it depends on is its file and its weights, by their bytes.
    weights = copy.path / "data/mine.safetensors"
    shutil.copy2(weights, copy.path / "kept")
    save_file({name: value + 1 for name, value in load_file(weights).items()}, weights)
    assert own(copy.would_run()) == OWN
    shutil.copy2(copy.path / "kept", weights)
    assert own(copy.would_run()) == set()


def test_encoders_are_checked_alone_and_a_broken_one_ends_its_check_in_one_line(fresh):
    bring(fresh, "mine", "forgotten")
    done = fresh.snakemake(
        "results/checks/mine.txt", "results/checks/forgotten.txt", "--keep-going", check=False
    )
    assert done.jobs == {(rule, name) for rule in ("model", "check_model") for name in ("mine", "forgotten")}
    text = (fresh.path / "results/checks/mine.txt").read_text()
    assert text.endswith("Nothing is plainly wrong.\n")
    assert "python: data/mine.safetensors" in text
    assert "64" in text.split("feature size")[1].splitlines()[0]
    assert done.status != 0
    assert len(done.errors) == 1, done.stderr[-4000:]
    assert "models.forgotten: " in done.errors[0]
    assert "0.weight and 0.bias" in done.errors[0]
    assert "wrong: layers seem" in done.stderr  # the whole of what was found, and not its first line alone
    assert not (fresh.path / "results/checks/forgotten.txt").exists()


def test_a_check_of_an_unknown_model_names_the_nearest(fresh):
    bring(fresh, "mine")
    done = fresh.snakemake("results/checks/min.txt", check=False)
    assert done.status != 0
    assert "'min'; did you mean 'mine'?" in done.errors[0]
    assert "Traceback" not in done.stderr
