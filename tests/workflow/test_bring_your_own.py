"""An encoder of one's own: checked alone in seconds, added to a finished run at the cost of its own steps."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

ENCODER = """from safetensors.torch import load_file
from torch import nn
from wordsight.models.python import encoder

@encoder(image_size=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
def mine(weights):
    network = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    network.load_state_dict(load_file(weights))
    return network
"""
SECTION = {
    "source": "python",
    "name": "mine",
    "path": "data/my_encoder.py",
    "weights": "data/mine.safetensors",
    "language": "labels",
    "pretraining_images": 10,
}
# Only few-shot learning takes models of every source in the small experiment.
OWN = {("model", "mine"), ("model_card", "mine")} | {
    (rule, "mine", dataset) for rule in ("features", "few_shot") for dataset in ("digits", "shapes")
}
WHOLE = {
    "summary",
    "contrasts",
    "objectives",
    "result_tables",
    "report",
    "figure",
    "figure_data",
}


def bring(project, encoder=ENCODER):
    """Lay an encoder with its weights into the project, and name it in the configuration."""
    (project.path / "data/my_encoder.py").write_text(encoder)
    generator = torch.Generator().manual_seed(4)
    tensors = {"0.weight": torch.randn(16, 3, 4, 4, generator=generator), "0.bias": torch.zeros(16)}
    save_file(tensors, project.path / "data/mine.safetensors")
    project.configure(lambda config: config["models"].update(mine=SECTION))


def own(jobs):
    """Jobs without those that every model joins."""
    return {job for job in jobs if job[0] not in WHOLE}


def test_an_encoder_of_ones_own_computes_its_own_steps_and_the_aggregate(copy):
    bring(copy)
    ran = copy.would_run()
    assert own(ran) == OWN
    assert {("summary",), ("contrasts",), ("result_tables",), ("report",)} <= ran
    before = {path: path.stat().st_mtime_ns for path in copy.path.glob("results/features/**/*.safetensors")}
    copy.snakemake("results/tables/results.csv")
    assert own(copy.would_run()) == set()
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert ",mine," in (copy.path / "results/tables/results.csv").read_text()
    # What the card and the features of the encoder depend on is its file and its weights, by their bytes.
    for file in ("my_encoder.py", "mine.safetensors"):
        shutil.copy2(copy.path / "data" / file, copy.path / "kept")
        if file.endswith(".py"):
            copy.edit("data/my_encoder.py", "nn.ReLU()", "nn.GELU()")
        else:
            tensors = {name: value + 1 for name, value in load_file(copy.path / "data" / file).items()}
            save_file(tensors, copy.path / "data" / file)
        assert own(copy.would_run()) == OWN
        shutil.copy2(copy.path / "kept", copy.path / "data" / file)
    assert own(copy.would_run()) == set()


def test_one_encoder_is_checked_alone(fresh):
    bring(fresh)
    done = fresh.snakemake("results/checks/mine.txt")
    text = (fresh.path / "results/checks/mine.txt").read_text()
    assert text.endswith("Nothing is plainly wrong.\n")
    assert "python: data/mine.safetensors" in text
    assert "64" in text.split("feature size")[1].splitlines()[0]
    assert "2 of 2 steps" in done.stderr + done.stdout
    assert not (fresh.path / "resources/datasets").exists()


def errors(done):
    return list(
        dict.fromkeys(line for line in done.stderr.splitlines() if line.startswith("wordsight: error: "))
    )


@pytest.mark.parametrize(
    ("encoder", "line", "found"),
    [
        (ENCODER.replace("    network.load_state_dict(load_file(weights))\n", ""), "models.mine: layers seem to have their initial values: 0.weight, 0.bias", "wrong: layers seem"),
        (ENCODER.replace("nn.ReLU()", "nn.Dropout(1.0), nn.ReLU(), nn.Threshold(9e9, 1)"), "models.mine: its features are the same for all photographs", "wrong: its features"),
        (ENCODER.replace("nn.Flatten()", "nn.Flaten()"), "data/my_encoder.py, line 7: AttributeError: module 'torch.nn' has no attribute 'Flaten'", ""),
    ],
)  # fmt: skip
def test_a_broken_encoder_fails_its_check_in_one_line(fresh, encoder, line, found):
    bring(fresh, encoder)
    done = fresh.snakemake("results/checks/mine.txt", check=False)
    assert done.returncode != 0
    assert len(errors(done)) == 1, done.stderr[-4000:]
    assert errors(done)[0].startswith(f"wordsight: error: {line}")
    assert found in done.stderr
    assert not (fresh.path / "results/checks/mine.txt").exists()


def test_a_check_of_an_unknown_model_names_the_nearest(fresh):
    bring(fresh)
    done = fresh.snakemake("results/checks/min.txt", check=False)
    assert done.returncode != 0
    assert errors(done)[0].startswith(
        "wordsight: error: config: models: unknown model 'min'; did you mean 'mine'?"
    )
    assert "Traceback" not in done.stderr
