"""Which models a contrast compares, with and without matching."""

from pathlib import Path

import pytest
import yaml

from wordsight.config.load import load
from wordsight.errors import ConfigError
from wordsight.statistics.comparison import Comparison
from wordsight.workflow.pairing import pair, resolve

ROOT = Path(__file__).resolve().parents[2]


def model(architecture, language):
    return {
        "source": "checkpoint",
        "architecture": architecture,
        "path": "weights.pt",
        "language": language,
        "pretraining_images": 1,
        "preprocessing": {"image_size": 8, "resize": 8, "mean": [0, 0, 0], "std": [1, 1, 1]},
    }


MODELS = {
    "a-words": model("timm/a", "captions"),
    "a-plain": model("timm/a", "none"),
    "a-untrained": {"source": "random", "architecture": "timm/a", "seed": 0},
    "b-words": model("timm/b", "captions"),
    "b-labels": model("timm/b", "labels"),
    "c-words": model("timm/c", "captions"),
}
LANGUAGE = {"treatment": {"language": "captions"}, "control": {"language": ["none", "labels"]}}


def config(**contrasts):
    return load(
        {
            "datasets": {"d": {"source": "packaged", "name": "sklearn_digits"}},
            "models": MODELS,
            "protocols": {"clustering": {"datasets": ["d"]}},
            "contrasts": contrasts,
        }
    )


def test_without_match_every_treatment_meets_every_control_in_one_group():
    (comparison,) = resolve(config(language=LANGUAGE))
    treatments, controls = ("a-words", "b-words", "c-words"), ("a-plain", "a-untrained", "b-labels")
    assert comparison.pairs == [(t, c) for t in treatments for c in controls]
    assert set(comparison.groups) == {""}


def test_with_match_pairs_share_their_architecture_and_what_has_no_partner_is_left_out():
    (comparison,) = resolve(config(language={**LANGUAGE, "match": ["architecture"]}))
    assert comparison.pairs == [("a-words", "a-plain"), ("a-words", "a-untrained"), ("b-words", "b-labels")]
    assert comparison.groups == ["timm/a", "timm/a", "timm/b"]


def test_comparisons_keep_the_order_and_the_questions_of_the_configuration():
    second = {"treatment": {"models": ["b-words"]}, "control": {"models": ["c-words"]}, "question": "b or c?"}
    first, last = resolve(config(language=LANGUAGE, letters=second))
    assert (first.name, first.question) == ("language", "")
    assert (last.name, last.question, last.pairs) == ("letters", "b or c?", [("b-words", "c-words")])


def test_a_comparison_has_the_metrics_that_its_contrast_chose():
    values = {**LANGUAGE, "metrics": {"clustering": "accuracy"}}
    chosen, plain = resolve(config(language=values, other=LANGUAGE))
    assert (chosen.metrics, plain.metrics) == ({"clustering": "accuracy"}, {})
    assert chosen.metric_of("clustering", "primary") == "accuracy"
    assert plain.metric_of("clustering", "primary") == "primary"


def test_a_comparison_survives_its_way_through_params():
    (comparison,) = resolve(config(language={**LANGUAGE, "match": ["architecture"]}))
    assert Comparison.model_validate(comparison.model_dump(mode="json")) == comparison


def test_a_model_on_both_sides_is_refused():
    both = config(words={"treatment": {"language": "captions"}, "control": {"architecture": "timm/b"}})
    with pytest.raises(
        ConfigError,
        match=r"config: contrasts\.words: 'b-words' is both",
    ):
        pair(both, "words")


def test_sides_without_a_common_architecture_are_refused_with_the_models_of_both():
    apart = config(
        apart={
            "treatment": {"models": ["c-words"]},
            "control": {"models": ["a-plain", "b-labels"]},
            "match": ["architecture"],
        }
    )
    with pytest.raises(
        ConfigError,
        match=r"contrasts\.apart: .* equal architecture \(treatment c-words; control a-plain, b-labels\)",
    ):
        pair(apart, "apart")


def test_the_default_contrasts_pair_encoders_that_differ_in_nothing_but_their_objective():
    default = load(yaml.safe_load((ROOT / "config/config.yaml").read_text()))
    for comparison in resolve(default):
        treatments, controls = comparison.sides
        assert len(comparison.pairs) == len(treatments) * len(controls)
        assert comparison.baseline == all(name.startswith("untrained") for name in controls)
        paired = comparison.by_seed()
        assert len(paired.pairs) == len(set(paired.groups)) == min(len(treatments), len(controls)) >= 3
        for names in paired.pairs:
            treatment, control = (default.models[name] for name in names)
            assert treatment.objective != control.objective
            assert (treatment.seed, treatment.architecture) == (control.seed, control.architecture)


def test_pairs_of_equal_seed_and_architecture_are_named_by_both():
    trained = {
        "images": "d",
        "objectives": {"labels": {"seeds": 2}, "untrained": {"seeds": 3}},
    }
    given = load(
        {
            "datasets": {"d": {"source": "packaged", "name": "sklearn_digits"}},
            "pretraining": trained,
            "protocols": {"clustering": {"datasets": ["d"]}},
            "contrasts": {
                "c": {
                    "treatment": {"objective": "labels"},
                    "control": {"objective": "untrained"},
                    "match": ["architecture", "seed"],
                }
            },
        }
    )
    (comparison,) = resolve(given)
    assert comparison.pairs == [("labels-0", "untrained-0"), ("labels-1", "untrained-1")]
    assert comparison.groups == ["small/patch_resnet_w32, 0", "small/patch_resnet_w32, 1"]


# Networks that are read in several places

BOTH = {**MODELS, "a-words": {**MODELS["a-words"], "features": ["pooled", "embedding", {"layer": 3}]}}


def read_in_places(**contrasts):
    return load(
        {
            "datasets": {"d": {"source": "packaged", "name": "sklearn_digits"}},
            "models": BOTH,
            "protocols": {"clustering": {"datasets": ["d"]}},
            "contrasts": contrasts,
        }
    )


def test_a_contrast_compares_the_first_place_and_knows_the_others():
    (plain,) = resolve(config(language=LANGUAGE))
    (comparison,) = resolve(read_in_places(language=LANGUAGE))
    assert comparison.pairs == plain.pairs
    assert comparison.families == {}
    assert comparison.elsewhere == {
        "embedding": {"a-words": "a-words-embedding"}, "layer 3": {"a-words": "a-words-layer-3"}
    }  # fmt: skip
    there = comparison.at("embedding")
    assert ("a-words-embedding", "a-plain") in there.pairs
    assert ("b-words", "a-plain") in there.pairs
    assert "a-words" not in {model for pair in there.pairs for model in pair}
    assert Comparison.model_validate(comparison.model_dump(mode="json")) == comparison


def test_places_that_a_contrast_names_are_compared_and_count_once():
    named = {
        "treatment": {"models": ["a-words", "a-words-embedding", "b-words"]},
        "control": {"language": "none"},
    }
    (comparison,) = resolve(read_in_places(language=named))
    assert comparison.sides[0] == ["a-words", "a-words-embedding", "b-words"]
    assert comparison.families == {"a-words": "a-words", "a-words-embedding": "a-words"}
    assert comparison.elsewhere == {"layer 3": {"a-words": "a-words-layer-3"}}
    places = {"treatment": {"features": ["embedding", {"layer": 3}]}, "control": {"models": ["a-words"]}}
    (comparison,) = resolve(read_in_places(places=places))
    assert comparison.pairs == [("a-words-embedding", "a-words"), ("a-words-layer-3", "a-words")]


def test_a_family_of_fine_tunings_stays_one_where_a_member_is_read_in_several_places():
    models = {
        "one": {**MODELS["a-words"], "family": "run", "features": ["pooled", "mean"]},
        "two": {**MODELS["b-words"], "family": "run"},
        "plain": MODELS["a-plain"],
    }
    values = {
        "datasets": {"d": {"source": "packaged", "name": "sklearn_digits"}},
        "models": models,
        "protocols": {"clustering": {"datasets": ["d"]}},
        "contrasts": {"language": LANGUAGE},
    }
    (comparison,) = resolve(load(values))
    assert comparison.families == {"one": "run", "two": "run"}
    assert comparison.at("mean").families == {"one-mean": "run", "two": "run"}
