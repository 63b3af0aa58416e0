"""A mistake of the user ends a real run in one line, with a non-zero exit and no half-written target.

Here is one mistake for each kind of step. All others are in the unit tests of what finds them, and
``tests/unit/test_steps.py`` shows that a step ends every one of them alike.
"""

import shutil

PNG = "data/shapes/train/disc/0.png"
WEIGHTS = "data/weights.safetensors"


def test_a_mistake_ends_its_step_in_one_line_and_leaves_nothing(fresh):
    mistakes = {
        "resources/datasets/shapes/card.json": ["shapes: train/disc/0.png: "],
        "resources/models/saved/network.json": [WEIGHTS],
        "resources/models/labels-0/weights.safetensors": ["pretraining.batch_size", "pictures", "200"],
        "results/few_shot/untrained-0/digits.parquet": ["digits", "99"],
    }
    image = fresh.path / PNG
    image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    (fresh.path / WEIGHTS).write_text("<!DOCTYPE html><html><body>Please log in</body></html>")

    def change(config):
        config["pretraining"]["batch_size"] = 200
        config["protocols"]["few_shot"]["shots"] = [99]

    fresh.configure(change)
    done = fresh.snakemake(*mistakes, "--keep-going", check=False, warm=True)
    assert done.status != 0
    assert len(done.errors) == len(mistakes), done.errors
    for target, words in mistakes.items():
        assert [line for line in done.errors if all(word in line for word in words)], words
        assert not (fresh.path / target).exists()
    hidden = {path.name for path in fresh.path.glob("res*/**/.*")}
    assert all(name.endswith(".stamp") for name in hidden), hidden


def refused(project):
    """The one line in which a run ends before anything of it has run."""
    done = project.snakemake(check=False)
    assert done.status != 0
    assert len(done.errors) == 1
    assert "Traceback" not in done.stderr
    assert not (project.path / "results").exists()
    assert not (project.path / "resources").exists()
    return done.errors[0]


def test_a_wrong_configuration_ends_before_anything_runs(fresh):
    fresh.configure(lambda config: config.update(sed=1))
    assert "'sed'; did you mean 'seed'?" in refused(fresh)


def test_a_file_of_the_users_that_is_missing_ends_before_anything_runs(fresh):
    shutil.rmtree(fresh.path / "data/shapes")
    assert "datasets.shapes.path: " in refused(fresh)


def test_a_file_that_is_no_yaml_ends_before_anything_runs(fresh):
    (fresh.path / "config/small.yaml").write_text("datasets: [\n")
    done = fresh.snakemake(check=False)
    assert done.status != 0
    assert "Config file is not valid JSON or YAML" in done.stderr
    assert "Traceback" not in done.stderr
