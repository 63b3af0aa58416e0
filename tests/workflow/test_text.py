"""Text models and corpora in a real run: what they write, and what runs again after a change."""

import gzip
import json

import pytest

from fixtures import text as published
from wordsight.files.feature_sets import read_features

MODELS = ("gpt2", "vectors")
DATASETS = ("digits", "shapes", "pictures")
FEATURES = [
    f"results/text_features/{model}/{dataset}.safetensors" for model in MODELS for dataset in DATASETS
]
TARGETS = (*FEATURES, "resources/corpora/enwiki/card.json")
WORDS = ("disc", "square", "diamond", "stripes", *"0123456789")


@pytest.fixture
def project(fresh):
    """Small experiment with a language model, word vectors and a dump, of which nothing has run."""
    published.write_gpt2(fresh.path / "data/gpt2")
    published.write_word2vec(fresh.path / "data/vectors.bin.gz", WORDS, size=8)
    published.write_wikipedia(fresh.path / "data/enwiki.xml.bz2")

    def add(config):
        config["text_models"] = {
            "gpt2": {"source": "huggingface", "name": "openai-community/gpt2", "path": "data/gpt2"},
            "vectors": {"source": "word2vec", "path": "data/vectors.bin.gz"},
        }
        config["corpora"] = {"enwiki": {"source": "wikipedia", "path": "data/enwiki.xml.bz2"}}

    fresh.configure(add)
    return fresh


def about_text(jobs):
    return {job for job in jobs if job[0] in ("text_model", "text_features", "corpus")}


def test_every_evaluated_dataset_has_vectors_and_a_change_runs_what_depends_on_it(project):
    ran = project.snakemake(*TARGETS, warm=True).jobs
    models = {(rule, model) for rule in ("text_model", "text_features") for model in MODELS}
    assert about_text(ran) == models | {("corpus", "enwiki")}
    for path in FEATURES:
        found = read_features(project.path / path)
        dataset = path.split("/")[-1].split(".")[0]
        card = json.loads((project.path / f"resources/datasets/{dataset}/card.json").read_text())
        assert found.ids == card["classes"]
        assert found.values.shape == (len(card["classes"]), 24 if "gpt2" in path else 8)
    lines = gzip.decompress((project.path / "resources/corpora/enwiki/articles.txt.gz").read_bytes()).decode()
    assert lines.splitlines()[0] == published.PLAIN
    # The wording of one model and the file of the other; a run of the whole experiment asks for them as well.
    project.configure(lambda config: config["text_models"]["gpt2"].update(template="one {class}"))
    published.write_word2vec(project.path / "data/vectors.bin.gz", WORDS, size=9)
    assert about_text(project.would_run()) == models - {("text_model", "gpt2")}


def test_a_mistake_is_one_line_and_nothing_is_half_written(project):
    weights = project.path / "data/gpt2/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    (project.path / "data/enwiki.xml.bz2").write_text("<!DOCTYPE html><html>")
    targets = ("resources/text_models/gpt2/card.json", "resources/corpora/enwiki/card.json")
    done = project.snakemake(*targets, "--keep-going", check=False)
    assert done.status != 0
    dump, network = sorted(done.errors)
    assert "data/enwiki.xml.bz2: " in dump
    assert "data/gpt2/model.safetensors: " in network
    assert not [path for path in (project.path / "resources").rglob("*") if path.is_file()]
