"""After an edit, only what the edit invalidates runs again: a test for each row of the README's table.

Real Snakemake decides. Which step's code an edit changes, line by line, is in ``tests/unit/test_digests.py``; which
values of the configuration and which files each step reads, in ``tests/unit/test_workflow.py``.
"""

import os

MODELS = ("saved", "untrained-0")
DATASETS = ("digits", "shapes")
TRAINED = ("labels-0", "captions_contrastive-0")
STATISTICS = {("summary",), ("contrasts",), ("objectives",)}
CROSSED = ("cross_style_few_shot", "cross_style_probe", "cross_style_retrieval")
OF_IMAGES = (
    "features",
    "robust_images",
    "adversarial_examples",
    "confusions",
)  # which have data of their own
OVERALL = ("ranks", "pretraining_size", "training", "margins", "overview", "summary")
DRAWN = ("clustering", "few_shot", "transfer", "robustness", *CROSSED, *OVERALL, *OF_IMAGES)
FIGURES = {("figure", name) for name in DRAWN}
IMAGES = {("figure_data",)}
TABLES = {("result_tables",), ("contrast_tables",)}
BELOW = STATISTICS | TABLES | {("report",)} | FIGURES


def jobs(rule, models=MODELS, datasets=DATASETS):
    return {(rule, model, dataset) for model in models for dataset in datasets}


def together(rule, models=TRAINED):
    return {(f"{rule}_together", model) for model in models}


def of_trained(models=TRAINED):
    """Jobs below the weights of trained models."""
    evaluated = {(rule, model) for rule in CROSSED for model in models}
    cards = {("model_card", model) for model in models}
    return evaluated | cards | together("features", models) | together("few_shot", models)


def flip_last_byte(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_nothing_runs_after_comments_docstrings_and_layout_everywhere(copy):
    for path in (copy.path / "scripts").rglob("*.py"):
        text = path.read_text()
        assert text.startswith(('"""', 'r"""')), f"{path} has no docstring to change"
        path.write_text("\n" + text.replace('"""', '"""In other words: ', 1) + "\n\n\n# A comment.\n")
    assert copy.would_run() == set()


def test_nothing_runs_after_touching_everything(copy):
    for folder in ("scripts", "config", "rules", "envs", "data", "resources", "results"):
        for path in (copy.path / folder).rglob("*"):
            os.utime(path)
    assert copy.would_run() == set()


def test_the_mathematics_of_a_protocol_run_it_and_what_is_below_and_then_nothing(copy):
    copy.edit("scripts/wordsight/protocols/clustering.py", "def evaluate(", "UNUSED = 1\n\n\ndef evaluate(")
    assert copy.would_run() == jobs("clustering") | BELOW
    before = copy.tables()
    features = {path: path.stat().st_mtime_ns for path in copy.path.glob("results/features/**/*.safetensors")}
    copy.snakemake("results/tables/contrasts.csv", warm=True)
    assert copy.tables() == before
    assert {path: path.stat().st_mtime_ns for path in features} == features
    # The tables have the bytes that they had, so that what is made from them is up to date.
    assert copy.would_run() == set()


def test_a_value_of_the_configuration_runs_the_steps_that_read_it(copy):
    def change(config):
        config["protocols"]["few_shot"]["trials"] = 4
        config["models"]["saved"]["pretraining_images"] = 11

    copy.configure(change)
    few_shot = jobs("few_shot") | together("few_shot")
    assert copy.would_run() == few_shot | {("model_card", "saved")} | BELOW


def test_a_contrast_is_computed_with_the_figures_that_show_it_and_its_question_is_words_alone(copy):
    copy.configure(lambda config: config["contrasts"]["training"].update(question="Does it?"))
    assert copy.would_run() == {("figure", "overview"), ("report",)}
    copy.configure(lambda config: config["contrasts"]["captions"].update(match=[]))
    compared = {("figure", name) for name in ("margins", "overview", "summary")}
    assert copy.would_run() == {("contrasts",), ("contrast_tables",), ("report",)} | compared


def test_a_new_model_and_a_new_dataset_of_a_protocol_run_their_own_steps_and_what_is_below(copy):
    def add(config):
        config["models"]["new"] = {"source": "random", "architecture": "timm/test_resnet", "seed": 2}
        config["pretraining"]["objectives"]["labels"]["seeds"] = 2
        config["protocols"]["transfer"]["datasets"].append("shapes")

    copy.configure(add)
    new, trained = ("new",), ("labels-1",)
    expected = {("model", "new"), ("model_card", "new")}
    expected |= jobs("features", new) | jobs("clustering", new) | jobs("few_shot", new)
    expected |= jobs("transfer", new) | jobs("robustness", new, ("shapes",))
    expected |= {("pretrain", *trained)} | of_trained(trained)
    expected |= jobs("transfer", datasets=("shapes",))
    assert copy.would_run() == expected | BELOW | IMAGES


def test_the_mathematics_of_an_objective_train_its_encoders_and_run_what_is_below(copy):
    with (copy.path / "scripts/wordsight/pretraining/objectives/captions_contrastive.py").open("a") as file:
        file.write("\nUNUSED = 1\n")
    only = ("captions_contrastive-0",)
    assert copy.would_run() == {("pretrain", *only)} | of_trained(only) | BELOW | IMAGES


def test_a_byte_of_an_image_or_of_weights_runs_what_was_made_from_it(copy):
    image = copy.path / "data/shapes/train/disc/0.png"
    image.write_bytes(image.read_bytes() + b"\n")
    flip_last_byte(copy.path / "data/weights.safetensors")
    captions = copy.path / "data/pictures/captions.csv"
    captions.write_text(captions.read_text().replace("a red disc", "a scarlet disc"))
    ran = copy.would_run()
    assert {("dataset", "shapes"), ("dataset", "pictures"), ("model", "saved")} <= ran
    assert {("sentences", "pictures"), *(("pretrain", model) for model in TRAINED)} <= ran
    assert jobs("features", datasets=("shapes",)) | jobs("features", ("saved",)) <= ran
    other = ("untrained-0", "digits")
    assert not {job for job in ran if job[1:] == other or job in {("dataset", "digits"), ("model", other[0])}}


def test_the_locked_version_of_a_package_runs_the_steps_that_import_it(copy):
    lock = copy.path / "uv.lock"
    before, name, after = lock.read_text().partition('name = "altair"\nversion = "')
    assert name
    lock.write_text(f"{before}{name}0.{after}")
    assert copy.would_run() == FIGURES | {("report",)}


def test_changed_results_of_a_step_are_noticed_and_made_again(copy):
    weights = copy.path / "resources/models/saved/weights.safetensors"
    before = weights.read_bytes()
    flip_last_byte(weights)
    done = copy.snakemake("results/features/saved/shapes/test.safetensors")
    assert done.jobs == {("model", "saved"), ("features", "saved", "shapes")}
    assert "saved/weights.safetensors: was changed after its step had made it" in done.stderr
    assert weights.read_bytes() == before
