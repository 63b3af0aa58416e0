"""Text models and corpora in a real run: what they write, and what runs again after a change."""

import gzip
import json
import re

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
            "vectors": {
                "source": "word2vec",
                "path": "data/vectors.bin.gz",
                "by_hand": "https://example.org/",
            },
        }
        config["corpora"] = {"enwiki": {"source": "wikipedia", "path": "data/enwiki.xml.bz2"}}

    fresh.configure(add)
    return fresh


def would_run(project):
    """Rules of text that a run of the whole experiment would execute, with their wildcards."""
    output = project.snakemake("--dry-run").stdout
    jobs = re.findall(
        r"^rule (text_\w+|corpus):\n(?:    .*\n)*?    wildcards: (.*)$", output, flags=re.MULTILINE
    )
    return {(rule, *re.findall(r"=([^,\n]+)", wildcards)) for rule, wildcards in jobs}


def test_every_evaluated_dataset_has_vectors_and_a_change_runs_what_depends_on_it(project):
    asked = would_run(project)
    assert asked == {(rule, model) for rule in ("text_model", "text_features") for model in MODELS} | {
        ("corpus", "enwiki")
    }

    project.snakemake(*TARGETS)
    for path in FEATURES:
        found = read_features(project.path / path)
        dataset = path.split("/")[-1].split(".")[0]
        card = json.loads((project.path / f"resources/datasets/{dataset}/card.json").read_text())
        assert found.ids == card["classes"]
        assert found.values.shape == (len(card["classes"]), 24 if "gpt2" in path else 8)
    lines = gzip.decompress((project.path / "resources/corpora/enwiki/articles.txt.gz").read_bytes()).decode()
    assert lines.splitlines()[0] == published.PLAIN
    assert would_run(project) == set()

    project.configure(lambda config: config["text_models"]["gpt2"].update(template="one {class}"))
    assert would_run(project) == {("text_features", "gpt2")}
    published.write_word2vec(project.path / "data/vectors.bin.gz", WORDS, size=9)
    assert ("text_model", "vectors") in would_run(project)
    assert ("text_model", "gpt2") not in would_run(project)


def test_a_mistake_is_one_line_and_nothing_is_half_written(project):
    weights = project.path / "data/gpt2/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    (project.path / "data/enwiki.xml.bz2").write_text("<!DOCTYPE html><html>")
    folder = project.path / "resources"
    for target, words in {
        "resources/text_models/gpt2/card.json": "data/gpt2/model.safetensors: truncated or damaged",
        "resources/corpora/enwiki/card.json": "data/enwiki.xml.bz2: expected a dump of Wikipedia, but this is an HTML",
    }.items():
        done = project.snakemake(target, check=False)
        assert done.returncode
        lines = {line for line in done.stderr.splitlines() if line.startswith("wordsight: error: ")}
        assert len(lines) == 1
        assert words in lines.pop()
        assert not [path for path in folder.rglob("*") if path.is_file()]
    (project.path / "data/vectors.bin.gz").unlink()
    done = project.snakemake("resources/text_models/vectors/card.json", check=False)
    assert (
        "wordsight: error: config: text_models.vectors.path: expected a file or folder, but data/vectors.bin.gz does not exist; "
        "https://example.org/"
    ) in done.stderr
