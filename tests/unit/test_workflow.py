"""What a run asks for, and what each step reads of the configuration and of other steps.

Snakemake runs a step again when its params or its inputs change. So these are the values that an edit of the
configuration has to change, and no others.
"""

import copy
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from small_project import CONFIG
from wordsight.catalogue import jobs
from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.config.load import load
from wordsight.errors import ConfigError
from wordsight.workflow import inputs, own_files, params, targets
from wordsight.workflow.pairing import resolve

RANDOM = {"source": "random", "architecture": "timm/test_resnet", "seed": 2}


def job(**wildcards):
    """Wildcards as Snakemake gives them: attributes, and ``get`` for those that a rule may not have."""
    return SimpleNamespace(**wildcards, get=wildcards.get)


def alone(config):
    """The cut with a job for each model."""
    return targets.cuts(config)[0]


def changed(change):
    """The small configuration after a change."""
    values = copy.deepcopy(CONFIG)
    change(values)
    return load(values)


@pytest.fixture(scope="module")
def config():
    return load(CONFIG)


# What an edit of the configuration changes


def read(config):
    """What the steps read of the configuration, by step and job; the files of other steps are named, not opened."""
    results, statistics = targets.protocol_results(config), params.values_of(config, "statistics")
    groups, comparisons = params.groups(config), resolve(config)
    compared = params.without_questions(comparisons)
    cards = inputs.model_cards(config), inputs.dataset_cards(config)
    found = {
        "summary": (results, params.measures()),
        "objectives": (results, params.measures(), statistics, groups),
        "contrasts": (results, params.measures(), statistics, compared, cards[0]),
        "result_tables": cards,
        "contrast_tables": (params.measures(), compared, cards),
        "figure": (groups, inputs.dataset_cards(config), targets.figure_names(config)),
        "figure overview": params.questions(config, comparisons),
        "report": (cards, comparisons, config.model_dump(mode="json")),
        "features": params.values_of(config, "features"),
    }
    found |= {f"dataset {name}": params.values_of(config, "datasets", name) for name in config.datasets}
    for model in config.models:
        found[f"model_card {model}"] = params.traits(config, model), params.place(config, model)
        if config.network(model) != model:
            continue
        if model in targets.trained_models(config):
            w = job(model=model)
            given = params.training(config, w), inputs.sentences(config, w)
            found[f"pretrain {model}"] = (params.network(config, model), *given)
        else:
            found[f"model {model}"] = params.network(config, model)
    for path in results:
        _, protocol, model, part = Path(path).with_suffix("").parts
        w = job(model=model) if part in CELLS else job(model=model, dataset=part)
        given = params.of_protocol(config, w, protocol), params.mode(config, w, protocol)
        if PROTOCOLS[protocol].runs_encoder:
            heads = inputs.head_features(config, w, protocol, alone(config))
            own = params.of_dataset(config, w, protocol), heads, params.places(config, w, alone(config))
        else:
            own = inputs.measured(config, w, protocol, alone(config))
        found[f"{protocol} {model} {part}"] = (*given, own)
    return found


def all_of(protocol, *models, parts=("digits", "shapes")):
    return {f"{protocol} {model} {part}" for model in models for part in parts}


GIVEN, TRAINED = ("saved", "untrained-0"), ("labels-0", "captions_contrastive-0")
OVER_RESULTS = {"summary", "objectives", "contrasts", "report"}
CROSSED = ("cross_style_few_shot", "cross_style_probe", "cross_style_retrieval")
EDITS = {
    "title": (lambda c: c.update(title="Another"), {"report"}),
    "resamples": (
        lambda c: c["statistics"].update(resamples=300),
        {"objectives", "contrasts", "report"},
    ),
    "trait": (
        lambda c: c["models"]["saved"].update(pretraining_images=11),
        {"model_card saved", "report"},
    ),
    "question": (
        lambda c: c["contrasts"]["training"].update(question="Does it?"),
        {"figure overview", "report"},
    ),
    "matching of a contrast": (
        lambda c: c["contrasts"]["captions"].update(match=[]),
        {"contrasts", "contrast_tables", "report"},
    ),
    "parameter of a protocol": (
        lambda c: c["protocols"]["few_shot"].update(trials=4),
        all_of("few_shot", *GIVEN, *TRAINED) | {"report"},
    ),
    "mode of a protocol": (
        lambda c: c["protocols"]["clustering"].update(mode="paper"),
        all_of("clustering", *GIVEN) | {"report"},
    ),
    "batch of features": (
        lambda c: c.update(features={"batch_size": 8}),
        {"features", "report"},
    ),
    "limit of a dataset": (
        lambda c: c["datasets"]["digits"].update(limit={"train": 50, "test": 40}),
        {"dataset digits", "report"},
    ),
    "preprocessing of a model": (
        lambda c: c["models"]["saved"]["preprocessing"].update(resize=72),
        {"model saved", "report"},
    ),
    "another place of a model": (
        lambda c: c["models"]["saved"].update(features="mean"),
        {"model saved", "model_card saved", "robustness saved shapes", "report"},
    ),
    "further place of a model": (
        lambda c: c["models"]["saved"].update(features=["pooled", "mean"]),
        {"model saved", "model_card saved", "model_card saved-mean", "figure"}
        | {"result_tables", "contrast_tables", "robustness saved-mean shapes", "transfer saved-mean digits"}
        | all_of("clustering", "saved-mean")
        | all_of("few_shot", "saved-mean")
        | OVER_RESULTS,
    ),
    "budget of training": (
        lambda c: c["pretraining"].update(images_seen=132),
        {f"{step} {model}" for step in ("pretrain", "model_card") for model in TRAINED} | {"report"},
    ),
    "learning rate of an objective": (
        lambda c: c["pretraining"]["objectives"]["labels"].update(learning_rate=0.01),
        {"pretrain labels-0", "report"},
    ),
    "search": (
        lambda c: c["pretraining"].update(search={"learning_rates": [0.1, 1]}),
        {"report"},
    ),
    "new seed": (
        lambda c: c["pretraining"]["objectives"]["labels"].update(seeds=2),
        {"pretrain labels-1", "model_card labels-1", "figure", "result_tables", "contrast_tables"}
        | all_of("few_shot", "labels-1")
        | {key for protocol in CROSSED for key in all_of(protocol, "labels-1", parts=CELLS)}
        | OVER_RESULTS,
    ),
    "new model": (
        lambda c: c["models"].update(new=RANDOM),
        {"model new", "model_card new", "figure", "figure overview", "result_tables", "contrast_tables"}
        | {"robustness new shapes", "transfer new digits"}
        | all_of("clustering", "new")
        | all_of("few_shot", "new")
        | OVER_RESULTS,
    ),
    "new dataset of a protocol": (
        lambda c: c["protocols"]["transfer"]["datasets"].append("shapes"),
        all_of("transfer", *GIVEN, parts=("shapes",)) | OVER_RESULTS,
    ),
    "dataset that no protocol runs on": (
        lambda c: c["datasets"].update(faces={"source": "packaged", "name": "orl_faces"}),
        {"dataset faces", "report"},
    ),
    "attack on the images of a dataset": (
        lambda c: c["protocols"]["robustness"]["datasets"]["shapes"].update(images=5),
        all_of("robustness", *GIVEN, parts=("shapes",)) | {"report"},
    ),
    "how jobs are cut": (lambda c: c.update(jobs_by="dataset"), {"report"}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_the_configuration_changes_what_its_steps_read_and_no_more(config, edit):
    change, expected = EDITS[edit]
    before, after = read(config), read(changed(change))
    assert {key for key in before | after if before.get(key) != after.get(key)} == expected


def test_a_seed_of_the_study_does_not_touch_the_networks(config):
    before, after = read(config), read(changed(lambda c: c.update(seed=2)))
    assert {key for key in before if before[key] != after[key]} == {"report"}  # others take it as it is


# Values


def test_traits_and_network_share_a_section_between_them(config):
    network, traits = params.network(config, "saved"), params.traits(config, "saved")
    assert not network.keys() & traits.keys()
    assert network | traits == config.models["saved"].model_dump(mode="json", exclude={"features"})
    assert {"language", "pretraining_images"} <= traits.keys()
    assert {"source", "architecture", "path", "preprocessing"} <= network.keys()


def test_wording_and_files_share_a_section_of_a_text_model_between_them():
    config = changed(lambda c: c.update(text_models={"gpt2": {"source": "huggingface", "name": "gpt2"}}))
    files, wording = params.text_network(config, "gpt2"), params.wording(config, "gpt2")
    assert not files.keys() & wording.keys()
    assert files | wording == config.text_models["gpt2"].model_dump(mode="json")
    assert "template" in wording


def test_the_candidates_of_a_search_have_the_rate_to_try_and_a_seed_each(config):
    found = params.candidates(config, job(objective="labels", learning_rate="0.03"))
    assert [(one["objective"], one["learning_rate"], one["seed"]) for one in found] == [
        ("labels", 0.03, seed) for seed in (1000, 1001, 1002)
    ]
    assert {one["architecture"] for one in found} == {CONFIG["pretraining"]["architecture"]}


def test_without_pretraining_nothing_can_be_trained():
    def alone(values):
        del values["pretraining"], values["contrasts"]["captions"]
        for protocol in CROSSED:
            del values["protocols"][protocol]

    config = changed(alone)
    assert inputs.searched(config) == []
    with pytest.raises(ConfigError, match="pretraining"):
        params.pretraining(config)


def test_primary_metrics_are_among_those_that_the_statistics_are_told_of():
    found = params.measures()
    assert list(found) == list(PROTOCOLS)
    for protocol, measure in found.items():
        metrics = PROTOCOLS[protocol].metrics
        assert measure["primary"] in metrics
        assert set(measure["medians"]) | set(measure["without_mean"]) <= metrics.keys()


# The user's own files


@pytest.fixture
def at(tmp_path, monkeypatch):
    """Folder from which Snakemake reads the paths of the configuration."""
    monkeypatch.chdir(tmp_path)
    for name in ("weights.pt", "mine.py"):
        (tmp_path / name).write_text(name)
    return tmp_path


def content(section, *path):
    config = changed(lambda c: c[path[0]].update({path[1]: {**c[path[0]].get(path[1], {}), **section}}))
    return own_files.user_content(config, *path)


MINE = {
    "source": "python",
    "name": "mine",
    "path": "mine.py",
    "weights": "weights.pt",
    "language": "none",
    "pretraining_images": 1,
}
PUBLISHED = {"url": "https://example.org/weights.pt", "sha256": "0" * 64}


def test_a_network_of_ones_own_is_its_file_and_its_weights(at):
    before = content(MINE, "models", "new")
    assert len(set(before)) == 2
    for place, name in enumerate(("mine.py", "weights.pt")):
        (at / name).write_text("another")
        after = content(MINE, "models", "new")
        assert [old == new for old, new in zip(before, after, strict=True)] == [place != 0, place != 1]
        before = after


def test_what_names_no_file_of_the_users_has_no_content(at):
    assert content({}, "datasets", "digits") == []
    assert content({}, "models", "untrained-0") == []


def test_a_file_with_an_address_counts_where_it_lies_and_need_not(at):
    assert len(content({"path": "weights.pt", **PUBLISHED}, "models", "saved")) == 1
    assert content({"path": "gone.pt", **PUBLISHED}, "models", "saved") == []


@pytest.mark.parametrize(
    ("section", "path", "words"),
    [
        ({"path": "gone.pt"}, ("models", "saved"), ["models.saved.path", "gone.pt"]),
        ({"path": "gone"}, ("datasets", "shapes"), ["datasets.shapes.path", "docs/add-a-dataset.md"]),
        (
            {"source": "word2vec", "path": "gone.bin", "by_hand": "https://example.org/"},
            ("text_models", "vectors"),
            ["text_models.vectors.path", "https://example.org/"],
        ),
    ],
)
def test_a_file_that_is_missing_is_named_by_its_key_with_what_to_do(at, section, path, words):
    values = copy.deepcopy(CONFIG)
    values.setdefault("text_models", {})
    values[path[0]][path[1]] = {**values[path[0]].get(path[1], {}), **section}
    with pytest.raises(ConfigError) as caught:
        own_files.user_content(load(values), *path)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_files_that_are_missing_are_listed_at_once_with_their_sources_and_what_else_names_them(at):
    values = copy.deepcopy(CONFIG)
    values["datasets"]["photos"] = {"source": "imagenet", "path": "data/imagenet"}
    values["models"]["saved"]["path"] = "lost.pth"
    values["protocols"]["few_shot"]["datasets"].append("photos")
    values["protocols"]["transfer"]["datasets"] = ["photos"]
    values["protocols"]["clustering"]["models"] = {"models": ["saved", "untrained-0"]}
    values["contrasts"]["training"]["treatment"] = {"models": ["saved"]}
    values["text_models"] = {"vectors": {"source": "word2vec", "path": "gone.bin", "by_hand": "ask them"}}
    with pytest.raises(ConfigError) as caught:
        own_files.user_content(load(values), "text_models", "vectors")
    for words in (
        "datasets.photos.path: data/imagenet does not exist (get it from https://image-net.org/download;",
        "remove datasets.photos, its name in protocols.few_shot.datasets and all of protocols.transfer, which names nothing else)",
        "models.saved.path: lost.pth does not exist (remove models.saved, its name in "
        "protocols.clustering.models.models and all of contrasts.training, which names nothing else)",
        "text_models.vectors.path: gone.bin does not exist (ask them; or remove text_models.vectors)",
    ):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# Modules that are imported by a configured name


def test_modules_are_those_of_the_source_and_of_the_network(config):
    assert params.model_modules(config, "saved") == ["models.sources.checkpoint", "models.architectures.timm"]
    assert params.network_modules(config, ["saved"]) == ["models.architectures.timm"]
    trained = params.training_modules(config, job(model="labels-0"))
    assert trained == ["models.architectures.small", "pretraining.objectives.labels"]
    assert params.training_modules(config, job(objective="labels", learning_rate="1")) == trained


def test_a_network_that_its_source_describes_is_built_by_the_source_too():
    config = changed(lambda c: c["models"].update(new={**RANDOM, "architecture": "huggingface/openai/clip"}))
    assert "models.sources.huggingface" in params.model_modules(config, "new")


# Files


def test_a_job_covers_its_dataset_or_all_of_its_model(config):
    every = ["digits", "shapes", "pictures"]
    assert inputs.images(config, job(model="labels-0"), "card.json") == [
        f"resources/datasets/{name}/card.json" for name in every
    ]
    one = inputs.measured(config, job(model="saved", dataset="shapes"), "few_shot", alone(config))
    assert one == {
        "dataset": ["resources/datasets/shapes/card.json"],
        "train": ["results/features/saved/shapes/train.safetensors"],
        "test": ["results/features/saved/shapes/test.safetensors"],
    }
    both = inputs.measured(config, job(model="labels-0"), "few_shot", alone(config))
    assert both["test"] == [
        f"results/features/labels-0/{name}/test.safetensors" for name in ("digits", "shapes")
    ]


# How jobs are cut


def by_objective(seeds, **more):
    """The small configuration with jobs that cover two seeds, and a number of seeds for each objective."""

    def change(values):
        values.update(jobs_by="objective", seeds_per_job=2)
        values["pretraining"]["objectives"] = {name: {"seeds": count} for name, count in seeds.items()}
        for protocol, models in more.items():
            values["protocols"][protocol]["models"] = models

    return changed(change)


def rules_of(config, protocol):
    return [evaluation.rule for evaluation in targets.evaluations(config) if evaluation.protocol == protocol]


def test_jobs_by_dataset_have_one_rule_for_each_step():
    config = changed(lambda c: c.update(jobs_by="dataset"))
    assert [cut.rule("pretrain") for cut in targets.cuts(config)] == ["pretrain"]
    assert {evaluation.rule for evaluation in targets.evaluations(config)} <= PROTOCOLS.keys()


def test_jobs_by_model_cover_all_datasets_of_a_trained_model(config):
    together = {evaluation.rule for evaluation in targets.evaluations(config)} - PROTOCOLS.keys()
    assert together == {"few_shot_together"}  # no other protocol of datasets measures trained models
    assert [cut.rule("model_card") for cut in targets.cuts_of_models(config)] == ["model_card"]
    (_, cut) = targets.cuts(config)
    assert sorted(cut.names) == sorted(TRAINED)
    assert cut.covered(job(model="labels-0")) == ["labels-0"]


def test_jobs_by_objective_cover_its_seeds_and_the_last_ones_alone():
    config = by_objective({"labels": 3, "captions_contrastive": 2})
    alone, both, last = targets.cuts(config)
    assert sorted(both.names) == ["captions_contrastive", "labels"]
    assert both.covered(job(objective="labels")) == ["labels-0", "labels-1"]
    assert last.covered(job(objective="labels")) == ["labels-2"]
    assert last.names == ["labels"]
    assert set(both.all_models + last.all_models) == set(targets.trained_models(config))
    assert set(alone.names) == set(config.models)
    assert targets.cuts_of_models(config) == targets.cuts(config)


def test_new_seeds_leave_the_jobs_of_the_others_as_they_are():
    few, more = (by_objective({"labels": seeds, "captions_contrastive": 2}) for seeds in (2, 4))
    before, after = ({cut.suffix: cut for cut in targets.cuts(config)} for config in (few, more))
    (new,) = after.keys() - before.keys()
    assert after[new].all_models == ["labels-2", "labels-3"]
    w = job(objective="labels")
    (same,) = before.keys() & after.keys() - {""}
    for config, found in ((few, before), (more, after)):
        assert found[same].covered(w) == ["labels-0", "labels-1"]
        assert list(params.networks(config, w, found[same])) == ["labels-0", "labels-1"]
        assert inputs.measured(config, w, "few_shot", found[same]) == inputs.measured(
            few, w, "few_shot", before[same]
        )


def jobs_of(config, objective):
    """First and last seed of the jobs of an objective."""
    return [
        jobs.parsed(f"x{cut.suffix}").seeds
        for cut in targets.cuts(config)
        if objective in cut.names and cut.several
    ]


def read_in_places(**changes):
    """The small configuration with one network that is read in three places, and one in two."""

    def change(values):
        values.update(changes)
        values["models"]["saved"]["features"] = ["pooled", "mean", {"layer": 2}]
        values["models"]["new"] = {**RANDOM, "features": ["mean", "pooled"]}

    return changed(change)


def test_each_place_of_a_network_is_a_model_of_one_family_and_reads_its_files():
    config = read_in_places()
    saved = ["saved", "saved-mean", "saved-layer-2"]
    assert config.readings("saved") == saved
    assert [params.place(config, model) for model in saved] == [
        "pooled",
        "mean",
        {"layer": 2, "pool": "mean"},
    ]
    assert {config.models[model].family for model in saved} == {"saved"}
    assert targets.fetched_models(config) == ["saved", "untrained-0", "new"]
    w = job(model="saved-mean", dataset="digits")
    assert inputs.of_models(config, w, alone(config), "network.json") == [
        "resources/models/saved/network.json"
    ]
    assert inputs.of_known_model(config, w, "network.json") == "resources/models/saved/network.json"
    assert params.network(config, "saved")["features"] == ["pooled", "mean", {"layer": 2, "pool": "mean"}]
    assert "resources/models/saved-layer-2/card.json" in inputs.model_cards(config)
    results = targets.protocol_results(config)
    assert "results/few_shot/saved-layer-2/shapes.parquet" in results


@pytest.mark.parametrize("jobs_by", ["dataset", "model"])
def test_one_job_reads_all_places_of_a_network(jobs_by):
    config = read_in_places(jobs_by=jobs_by)
    cuts = {cut.rule("features"): cut for cut in targets.cuts_of_features(config)}
    assert {"features", "features_at_mean_layer_2", "features_at_pooled"} <= cuts.keys()
    cut = cuts["features_at_mean_layer_2"]
    assert cut.names == ["saved"]
    w = job(model="saved", dataset="digits")
    assert params.models(config, w, cut) == ["saved", "saved-mean", "saved-layer-2"]
    assert inputs.of_models(config, w, cut, "weights.safetensors") == ["resources/models/saved/weights.safetensors"] * 3  # fmt: skip
    made = targets.features(config, cut, "train")
    # Only trained models have all datasets in one job, where there are any.
    assert "results/features/{model}-layer-2/{dataset}/train.safetensors" in made
    assert len(made) == 3
    assert jobs.parsed("features_at_mean_layer_2") == jobs.Rule("features", None)
    # No other job than this one, and the one for a model alone that it comes before, makes these features.
    others = [cut for rule, cut in cuts.items() if rule not in ("features", "features_at_mean_layer_2")]
    assert not {"saved", "saved-mean", "saved-layer-2"} & {
        model for one in others for model in one.all_models
    }


def test_the_classifier_of_a_network_is_attacked_once_wherever_it_is_read():
    def attack(values):
        photos = {"source": "packaged", "name": "imagenet_samples", "label_space": "imagenet-1k"}
        values["datasets"]["photos"] = photos
        new = {
            **RANDOM,
            "architecture": "timm/resnet18",
            "classifier": "imagenet-1k",
            "features": ["pooled", "mean"],
        }
        values["models"]["new"] = new
        values["protocols"]["robustness"]["datasets"]["photos"] = {"head": "own", "images": 2}

    config = changed(attack)
    assert targets.models_for(config, "robustness", "photos") == ["new"]
    assert "new-mean" in targets.models_for(config, "robustness", "shapes")


def test_a_name_that_a_place_takes_is_refused():
    def taken(values):
        values["models"]["saved"]["features"] = ["pooled", "mean"]
        values["models"]["saved-mean"] = RANDOM

    with pytest.raises(ConfigError, match=r"^config: models\.saved-mean: this name is taken by a place in models\.saved\.features"):  # fmt: skip
        changed(taken)


def test_jobs_end_where_they_are_told_to_and_at_looks():
    config = by_objective({"labels": 7, "captions_contrastive": 7})
    assert jobs_of(config, "labels") == [(0, 1), (2, 3), (4, 5), (6, 6)]
    section = config.pretraining
    told = section.objectives["labels"].model_copy(update={"job_ends": [3, 7, 90]})
    section = section.model_copy(update={"objectives": section.objectives | {"labels": told}})
    config = config.model_copy(update={"pretraining": section})
    assert jobs_of(config, "labels") == [(0, 1), (2, 2), (3, 4), (5, 6)]
    assert jobs_of(config, "captions_contrastive") == [(0, 1), (2, 3), (4, 5), (6, 6)]
    looked = config.statistics.model_copy(update={"looks": [5, 7]})
    config = config.model_copy(update={"statistics": looked})
    assert jobs_of(config, "captions_contrastive") == [(0, 1), (2, 3), (4, 4), (5, 6)]


@given(st.integers(1, 60), st.integers(2, 9), st.lists(st.integers(1, 70), max_size=4))
def test_every_seed_is_in_one_job_and_more_seeds_leave_jobs_as_they_are_after_an_end(seeds, size, ends):
    cut = jobs.cut_seeds(seeds, size, ends)
    assert [seed for first, last in cut for seed in range(first, last + 1)] == list(range(seeds))
    assert all(last - first < size for first, last in cut)
    assert cut == jobs.cut_seeds(seeds + 11, size, [*ends, seeds])[: len(cut)]


@pytest.mark.parametrize("step", ["features", "cross_style_few_shot"])
def test_the_name_of_a_rule_says_its_step_and_models(step):
    assert jobs.parsed(step) == jobs.parsed(step + jobs.TOGETHER) == jobs.Rule(step, None)
    rule = jobs.parsed(step + jobs.of_seeds(5, 8))
    assert (rule.step, rule.seeds, rule.models, list(rule.covered)) == (step, (5, 8), 4, [5, 6, 7, 8])


def test_a_job_for_several_models_makes_and_reads_the_files_of_each():
    config = by_objective({"labels": 2, "captions_contrastive": 2})
    (evaluation,) = [e for e in targets.evaluations(config) if e.rule == "few_shot_seeds_0_to_1"]
    files = [f"labels-{seed}/{name}" for seed in (0, 1) for name in ("digits", "shapes")]
    assert evaluation.outputs == [
        f"results/few_shot/{name}.parquet".replace("labels", "{objective}") for name in files
    ]
    assert evaluation.job == "{objective}-0"
    read = inputs.measured(config, job(objective="labels"), "few_shot", evaluation.cut)
    assert read["train"] == [f"results/features/{name}/train.safetensors" for name in files]
    assert len(read["dataset"]) == 2
    made = targets.features(config, evaluation.cut, "test")
    assert len(made) == len(set(made)) == 2 * 3


def test_a_job_covers_several_models_only_where_all_are_measured():
    config = by_objective(
        {"labels": 2, "captions_contrastive": 2}, cross_style_probe={"models": ["labels-0"]}
    )
    assert rules_of(config, "cross_style_probe") == ["cross_style_probe"]
    assert rules_of(config, "cross_style_few_shot") == [
        "cross_style_few_shot",
        "cross_style_few_shot_seeds_0_to_1",
    ]


def test_an_attack_on_several_models_is_on_one_dataset():
    config = by_objective({"labels": 2, "captions_contrastive": 2}, robustness={"source": "pretrain"})
    _, cut = targets.cuts_of_protocol(config, "robustness")
    assert cut.files("{model}/{dataset}") == ["{objective}-0/{dataset}", "{objective}-1/{dataset}"]
    assert cut.job() == "{objective}-0/{dataset}"
    w = job(objective="labels", dataset="shapes")
    assert inputs.head_features(config, w, "robustness", cut) == [
        f"results/features/labels-{seed}/shapes/train.safetensors" for seed in (0, 1)
    ]


def in_pieces(images, images_per_job):
    def attack(values):
        values["images_per_job"] = images_per_job
        values["protocols"]["robustness"]["datasets"]["shapes"]["images"] = images

    return changed(attack)


def test_images_are_attacked_in_pieces_if_told_to():
    config, w = in_pieces(250, 100), job(model="untrained-0", dataset="shapes", piece="2")
    assert targets.pieces(config, "robustness", "shapes") == [(0, 100), (100, 200), (200, 250)]
    assert params.piece(config, w, "robustness") == (200, 250)
    assert inputs.pieces(config, w, "robustness", alone(config)) == [
        f"results/robustness_pieces/untrained-0/shapes/{piece}.json" for piece in range(3)
    ]
    whole = in_pieces(250, None)
    assert inputs.pieces(whole, w, "robustness", alone(whole)) == []
    with pytest.raises(ConfigError, match="images_per_job: shapes has 0 pieces, and 2 is none"):
        params.piece(whole, w, "robustness")


def test_more_images_leave_full_pieces_as_they_are():
    fewer, more = in_pieces(200, 100), in_pieces(300, 100)
    for piece in range(2):
        w = job(model="untrained-0", dataset="shapes", piece=str(piece))
        found = [
            (params.piece(config, w, "robustness"), params.of_protocol(config, w, "robustness"))
            for config in (fewer, more)
        ]
        assert found[0] == found[1]


def test_a_job_of_several_models_reads_the_pieces_of_each():
    config = by_objective({"labels": 2, "captions_contrastive": 2}, robustness={"source": "pretrain"})
    config = config.model_copy(update={"images_per_job": 1})
    _, cut = targets.cuts_of_protocol(config, "robustness")
    number = len(targets.pieces(config, "robustness", "shapes"))
    found = inputs.pieces(config, job(objective="labels", dataset="shapes"), "robustness", cut)
    assert number > 1
    assert found == [
        f"results/robustness_pieces/labels-{seed}/shapes/{piece}.json"
        for seed in (0, 1)
        for piece in range(number)
    ]


def test_jobs_by_objective_need_objectives():
    def without(values):
        values["jobs_by"] = "objective"
        del values["pretraining"], values["contrasts"]["captions"]
        for protocol in CROSSED:
            del values["protocols"][protocol]

    with pytest.raises(ConfigError, match="jobs_by"):
        changed(without)


def corrupted(**changes):
    """The small configuration with corrupted images of one dataset, in paper mode where that is possible."""

    def add(values):
        section = {
            "datasets": ["shapes"],
            "baseline": "saved",
            "models": {"source": ["checkpoint", "random"]},
        }
        values["protocols"]["corruptions"] = {**section, **changes}
        values["mode"] = "paper"

    return changed(add)


def test_corrupted_images_are_read_by_each_model_alone_and_the_rows_of_the_baseline_by_all_others():
    config = corrupted()
    assert rules_of(config, "corruptions") == ["corruptions"]
    w = job(model="untrained-0", dataset="shapes")
    assert inputs.measured(config, w, "corruptions", alone(config)) == {
        "dataset": ["resources/datasets/shapes/card.json"],
        "train": ["results/features/untrained-0/shapes/train.safetensors"],
        "corrupted": ["results/features/untrained-0/shapes/corrupted.safetensors"],
        "baseline": ["results/corruptions/saved/shapes.parquet"],
    }
    baseline = job(model="saved", dataset="shapes")
    assert inputs.measured(config, baseline, "corruptions", alone(config))["baseline"] == []
    assert params.mode(config, w, "corruptions") == "sound"
    assert [path for path in targets.protocol_results(config) if "/corruptions/" in path] == [
        f"results/corruptions/{model}/shapes.parquet" for model in GIVEN
    ]


def test_images_are_corrupted_anew_only_where_their_versions_change():
    w = job(dataset="shapes")
    before = params.versions(corrupted(), w)
    assert set(before) == {"kinds", "extra_kinds", "severities", "images", "pixels"}
    assert params.versions(corrupted(baseline="untrained-0", regularisation=[1.0]), w) == before
    assert params.versions(corrupted(severities=[1]), w) != before
    with pytest.raises(ConfigError, match=r"^config: protocols\.corruptions: this key is required"):
        params.versions(load(CONFIG), w)


def test_only_paper_mode_reads_augmented_views(config):
    w = job(model="saved", dataset="digits")
    assert inputs.measured(config, w, "transfer", alone(config)).get("views", []) == []

    def paper(values):
        values["mode"] = "paper"
        values["protocols"]["transfer"]["epochs"] = 2

    assert inputs.measured(changed(paper), w, "transfer", alone(config))["views"] == [
        f"results/features/saved/digits/augmented/{epoch}.safetensors" for epoch in (0, 1)
    ]


def test_paper_mode_augments_no_images_for_clip():
    def paper(values):
        values["mode"] = "paper"
        values["models"]["clip"] = {**RANDOM, "architecture": "open_clip/RN50"}
        values["protocols"]["transfer"]["epochs"] = 2

    config = changed(paper)
    w = job(model="clip", dataset="digits")
    assert inputs.measured(config, w, "transfer", alone(config))["views"] == []


def test_a_head_is_fitted_on_features_and_an_own_one_on_nothing():
    def attack(values):
        photos = {"source": "packaged", "name": "imagenet_samples", "label_space": "imagenet-1k"}
        values["datasets"]["photos"] = photos
        values["models"]["new"] = {**RANDOM, "architecture": "timm/resnet18", "classifier": "imagenet-1k"}
        values["protocols"]["robustness"]["datasets"]["photos"] = {"head": "own", "images": 2}

    config = changed(attack)
    fitted = inputs.head_features(config, job(model="new", dataset="shapes"), "robustness", alone(config))
    assert fitted == ["results/features/new/shapes/train.safetensors"]
    photos = job(model="new", dataset="photos")
    assert inputs.head_features(config, photos, "robustness", alone(config)) == []
    assert targets.models_for(config, "robustness", "photos") == ["new"]  # the only one with that classifier


def test_an_own_classifier_is_attacked_where_there_is_one_and_a_fitted_one_where_not():
    def attack(values):
        photos = {"source": "packaged", "name": "imagenet_samples", "label_space": "imagenet-1k"}
        values["datasets"]["photos"] = photos
        new = {**RANDOM, "architecture": "timm/resnet18", "classifier": "imagenet-1k"}
        values["models"]["new"] = {**new, "features": ["pooled", "mean"]}
        attacked = values["protocols"]["robustness"]["datasets"]
        attacked["photos"] = {"head": "own_or_fitted", "images": 2}
        attacked["shapes"]["head"] = "own_or_fitted"

    config = changed(attack)
    cut = alone(config)
    photos, shapes = (
        {model: job(model=model, dataset=dataset) for model in config.models}
        for dataset in ("photos", "shapes")
    )
    assert params.heads(config, photos["new"], "robustness", cut) == ["own"]
    assert inputs.head_features(config, photos["new"], "robustness", cut) == []
    assert params.heads(config, photos["saved"], "robustness", cut) == ["fitted"]
    fitted = ["results/features/saved/photos/train.safetensors"]
    assert inputs.head_features(config, photos["saved"], "robustness", cut) == fitted
    # Another place has the same classifier, and classes without a label space are those of no classifier.
    assert targets.models_for(config, "robustness", "photos") == ["saved", "untrained-0", "new"]
    assert params.heads(config, shapes["new"], "robustness", cut) == ["fitted"]
    assert "new-mean" in targets.models_for(config, "robustness", "shapes")


def test_sentences_are_read_by_the_objectives_that_need_them(config):
    assert inputs.sentences(config, job(model="labels-0")) == []
    assert inputs.sentences(config, job(model="captions_contrastive-0")) == [
        "resources/sentences/pictures.safetensors"
    ]


def test_a_search_tries_each_rate_of_each_objective_but_of_the_untrained(config):
    def search(values):
        values["pretraining"]["search"] = {"learning_rates": [0.1, 1]}
        values["pretraining"]["objectives"]["untrained"] = {"seeds": 1}
        values["models"]["random"] = values["models"].pop("untrained-0")

    assert inputs.searched(changed(search)) == [
        f"results/search/{objective}/{rate}.json"
        for objective in ("labels", "captions_contrastive")
        for rate in (0.1, 1.0)
    ]


def test_a_figure_reads_the_data_or_the_curves_that_it_shows(config):
    examples = {
        name: inputs.figure_examples(config, job(figure=name)) for name in targets.figure_names(config)
    }
    assert {name for name, files in examples.items() if files} == {
        *("features", "robust_images", "adversarial_examples", "confusions")
    }
    curves = {name: inputs.learning_curves(config, job(figure=name)) for name in examples}
    assert {name for name, files in curves.items() if files} == {"training"}
    assert len(curves["training"]) == len(TRAINED)


@pytest.mark.parametrize(
    ("objective", "rate", "words"),
    [
        ("nonsense", "0.001", "'nonsense'.*labels"),
        ("simclr", "0.001", "'simclr'.*valid: labels, captions_contrastive"),
        ("labels", "much", "'much' is no learning rate"),
        ("labels", "-1", "'-1' is no learning rate"),
        ("labels", "nan", "'nan' is no learning rate"),
    ],
)
def test_a_search_that_cannot_be_is_named(config, objective, rate, words):
    with pytest.raises(ConfigError, match=words):
        params.candidates(config, job(objective=objective, learning_rate=rate))


def test_a_target_of_a_protocol_that_does_not_run_is_named(config):
    def remove(values):
        del values["protocols"]["transfer"], values["protocols"]["robustness"]

    without, w = changed(remove), job(model="saved", dataset="digits")
    for function in (params.of_protocol, params.mode):
        with pytest.raises(ConfigError, match=r"^config: protocols\.transfer: this key is required"):
            function(without, w, "transfer")
    with pytest.raises(ConfigError, match=r"^config: protocols\.transfer: this key is required"):
        inputs.measured(without, w, "transfer", alone(without))
    with pytest.raises(ConfigError, match=r"^config: protocols\.robustness: this key is required"):
        inputs.head_features(without, w, "robustness", alone(without))
    with pytest.raises(
        ConfigError, match=r"^config: protocols\.robustness\.datasets: 'digits' .*valid: shapes"
    ):
        inputs.head_features(config, w, "robustness", alone(config))


def test_a_path_that_no_system_takes_is_named():
    long = changed(lambda values: values["datasets"]["shapes"].update(path="x" * 300))
    with pytest.raises(ConfigError, match=r"^config: datasets\.shapes: x+: file name too long$"):
        own_files.user_content(long, "datasets", "shapes")


def test_texts_are_asked_for_by_every_run_that_names_them():
    def add(values):
        values["text_models"] = {"gpt2": {"source": "huggingface", "name": "gpt2"}}
        values["corpora"] = {"enwiki": {"source": "wikipedia", "path": "dump.xml.bz2"}}

    expected = [f"results/text_features/gpt2/{name}.safetensors" for name in ("digits", "shapes", "pictures")]
    expected.append("resources/corpora/enwiki/card.json")
    assert set(expected) <= set(targets.targets(changed(add)))


def test_an_unknown_model_is_named_beside_the_nearest(config):
    with pytest.raises(ConfigError, match=r"'save'.*'saved'"):
        inputs.of_known_model(config, job(model="save"), "network.json")
    assert (
        inputs.of_known_model(config, job(model="saved"), "network.json")
        == "resources/models/saved/network.json"
    )
