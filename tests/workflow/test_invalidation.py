"""After an edit, only what the edit invalidates runs again. Real Snakemake decides in each test."""

import os

MODELS = ("saved", "untrained-0")
DATASETS = ("digits", "shapes")
TRAINED = ("labels-0", "captions_contrastive-0")
STATISTICS = {("summary",), ("contrasts",), ("objectives",)}
CROSSED = ("cross_style_few_shot", "cross_style_probe", "cross_style_retrieval")
OF_IMAGES = ("features", "robust_images", "confusions")  # which have data of their own
OVERALL = ("ranks", "pretraining_size", "training", "margins", "summary")
DRAWN = ("clustering", "few_shot", "transfer", "robustness", *CROSSED, *OVERALL, *OF_IMAGES)
FIGURES = {("figure", name) for name in DRAWN}
IMAGES = {("figure_data",)}
BELOW = STATISTICS | {("result_tables",), ("report",)} | FIGURES


def jobs(rule, models=MODELS, datasets=DATASETS):
    return {(rule, model, dataset) for model in models for dataset in datasets}


def together(rule, models=TRAINED):
    return {(f"{rule}_together", model) for model in models}


def of_trained(models=TRAINED):
    """Jobs below the weights of trained models."""
    evaluated = {(rule, model) for rule in CROSSED for model in models}
    cards = {("model_card", model) for model in models}
    return evaluated | cards | together("features", models) | together("few_shot", models)


def test_nothing_runs_after_comments_and_docstrings_everywhere(copy):
    for path in (copy.path / "scripts").rglob("*.py"):
        text = path.read_text()
        assert text.startswith(('"""', 'r"""')), f"{path} has no docstring to change"
        path.write_text(text.replace('"""', '"""In other words: ', 1) + "\n# A comment.\n")
    assert copy.would_run() == set()


def test_nothing_runs_after_touching_everything(copy):
    for folder in ("scripts", "config", "rules", "envs", "data", "resources", "results"):
        for path in (copy.path / folder).rglob("*"):
            os.utime(path)
    assert copy.would_run() == set()


def test_an_edit_of_one_protocol_reruns_it_and_what_is_below(copy):
    copy.edit("scripts/wordsight/protocols/clustering.py", "def evaluate(", "UNUSED = 1\n\n\ndef evaluate(")
    assert copy.would_run() == jobs("clustering") | BELOW


def test_an_edit_of_one_source_of_models_reruns_its_models(copy):
    with (copy.path / "scripts/wordsight/models/sources/checkpoint.py").open("a") as file:
        file.write("\nUNUSED = 1\n")
    ran = copy.would_run()
    assert ("model", "saved") in ran
    assert {job[1] for job in ran if job[0] in ("model", "features", "robustness")} == {"saved"}
    assert not {job for job in ran if job[0] == "dataset"}


def test_an_edit_of_one_figure_redraws_it_alone(copy):
    with (copy.path / "scripts/wordsight/figures/transfer.py").open("a") as file:
        file.write("\nUNUSED = 1\n")
    assert copy.would_run() == {("figure", "transfer"), ("report",)}


def test_an_edit_of_a_caption_redraws_its_figure_alone(copy):
    copy.edit("report/transfer.rst", "Accuracy", "Exactness")
    assert copy.would_run() == {("figure", "transfer"), ("report",)}


def test_an_edit_of_the_page_rewrites_the_report_alone(copy):
    copy.edit("scripts/wordsight/report/templates/style.css", "body", "body, .unused")
    assert copy.would_run() == {("report",)}


def test_a_value_reruns_the_steps_that_read_it(copy):
    copy.configure(lambda config: config["protocols"]["few_shot"].update(trials=4))
    assert copy.would_run() == jobs("few_shot") | together("few_shot") | BELOW


def test_the_title_redraws_the_report_alone(copy):
    copy.configure(lambda config: config.update(title="Another title"))
    assert copy.would_run() == {("report",)}


def test_resamples_rerun_the_contrasts(copy):
    copy.configure(lambda config: config["statistics"].update(resamples=300))
    assert copy.would_run() == BELOW - {("summary",)}


def test_an_edit_of_one_objective_trains_its_models_alone(copy):
    with (copy.path / "scripts/wordsight/pretraining/objectives/captions_contrastive.py").open("a") as file:
        file.write("\nUNUSED = 1\n")
    only = ("captions_contrastive-0",)
    assert copy.would_run() == {("pretrain", *only)} | of_trained(only) | BELOW | IMAGES


def test_a_value_of_pretraining_trains_all_its_models_and_no_other(copy):
    copy.configure(lambda config: config["pretraining"].update(images_seen=132))
    expected = {("pretrain", model) for model in TRAINED} | of_trained() | BELOW | IMAGES
    assert copy.would_run() == expected


def test_a_new_seed_trains_one_model(copy):
    copy.configure(lambda config: config["pretraining"]["objectives"]["labels"].update(seeds=2))
    only = ("labels-1",)
    assert copy.would_run() == {("pretrain", *only)} | of_trained(only) | BELOW | IMAGES


def test_a_changed_caption_trains_anew_and_encodes_sentences_anew(copy):
    path = copy.path / "data/pictures/captions.csv"
    path.write_text(path.read_text().replace("a red disc", "a scarlet disc"))
    ran = copy.would_run()
    assert {("dataset", "pictures"), ("sentences", "pictures")} <= ran
    assert {("pretrain", model) for model in TRAINED} <= ran
    assert not jobs("features") & ran


def test_a_trait_of_a_model_reruns_no_encoder(copy):
    copy.configure(lambda config: config["models"]["saved"].update(pretraining_images=11))
    ran = copy.would_run()
    assert ("model_card", "saved") in ran
    assert {job[0] for job in ran} <= {"model_card", "contrasts", "result_tables", "figure", "report"}


def test_a_new_model_computes_its_own_steps(copy):
    new = {"source": "random", "architecture": "timm/test_resnet", "seed": 2}
    copy.configure(lambda config: config["models"].update(new=new))
    only = ("new",)
    expected = {("model", "new"), ("model_card", "new")}
    expected |= jobs("features", only) | jobs("clustering", only) | jobs("few_shot", only)
    expected |= jobs("transfer", only, ("digits",)) | jobs("robustness", only, ("shapes",))
    assert copy.would_run() == expected | BELOW | IMAGES


def test_a_new_dataset_of_a_protocol_reruns_no_other(copy):
    copy.configure(lambda config: config["protocols"]["transfer"]["datasets"].append("shapes"))
    assert copy.would_run() == jobs("transfer", datasets=("shapes",)) | BELOW | IMAGES


def test_a_changed_byte_of_an_image_is_noticed(copy):
    path = copy.path / "data/shapes/train/disc/0.png"
    path.write_bytes(path.read_bytes() + b"\n")
    ran = copy.would_run()
    assert ("dataset", "shapes") in ran
    assert jobs("features", datasets=("shapes",)) <= ran
    assert not {job for job in ran if job[1:] and job[-1] == "digits"}


def test_a_changed_byte_of_a_weight_file_is_noticed(copy):
    path = copy.path / "data/weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    ran = copy.would_run()
    assert ("model", "saved") in ran
    assert jobs("features", ("saved",)) <= ran
    assert not jobs("features", MODELS[1:]) & ran


def test_changed_results_of_a_step_are_noticed_and_refused(copy):
    path = copy.path / "resources/models/saved/weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert jobs("features", ("saved",)) <= copy.would_run()
    done = copy.snakemake(check=False)
    assert done.returncode != 0
    assert "saved/weights.safetensors: expected SHA-256" in done.stderr


def test_an_edit_that_runs_ends_with_nothing_to_do(copy):
    copy.edit("scripts/wordsight/protocols/clustering.py", "def evaluate(", "UNUSED = 1\n\n\ndef evaluate(")
    before = copy.tables()
    features = {path: path.stat().st_mtime_ns for path in copy.path.glob("results/features/**/*.safetensors")}
    copy.snakemake()
    assert copy.tables() == before
    assert {path: path.stat().st_mtime_ns for path in features} == features
    assert copy.would_run() == set()
