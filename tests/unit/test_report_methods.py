"""The methods paragraphs say what ran, with its numbers and sources, and nothing of what did not."""

import ast
import re
from pathlib import Path

import bibtexparser
import pandas as pd
import pytest

import snapshots
from hand_made import (
    PROTOCOLS,
    contrasts,
    dataset_card,
    effect,
    make_run,
    model_card,
    no_contrasts,
    results,
    sensitivity,
    trained,
)
from hand_made import trained_run as make_trained
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.report import made_with
from wordsight.report.methods import (
    LEFT_OUT,
    MOST_NAMED,
    cited_keys,
    methods_latex,
    methods_text,
)
from wordsight.report.references import (
    BIBLIOGRAPHY,
    OF_ARCHITECTURE,
    OF_DATASET,
    OF_PACKAGE,
    latex,
    misc,
    references,
)
from wordsight.statistics.analyses import ANALYSES, ELSEWHERE, INTERQUARTILE, META, MIXED

LIBRARY = Path(__file__).resolve().parents[2] / "scripts/wordsight"
SOFTWARE = [
    ("wordsight", "0.1.0"),
    ("python", "3.13.1"),
    ("numpy", "2.4.6 2.5.5 (locked)"),
    ("torch", "2.9.0 (locked)"),
    ("timm", "1.0.0"),
    ("foolbox", "3.3.4"),
    ("pandas", "not installed"),
]


def in_mode(mode, protocols=PROTOCOLS, **changes):
    return make_run(rows=results(protocols=protocols).assign(mode=mode), **changes)


def small_run():
    """Run of two protocols' contrasts in sound mode, with a known dataset."""
    run = in_mode("sound", compared=contrasts(effect(), effect("robustness", margin=0.05, replicates=4)))
    run.config["datasets"]["toys"] = {"source": "packaged", "name": "sklearn_digits"}
    return run


def test_the_words_of_a_small_run():
    snapshots.check("methods_small", methods_text(small_run(), SOFTWARE))
    snapshots.check("methods_small_latex", methods_latex(small_run(), SOFTWARE))


def test_the_words_of_paper_mode():
    text = methods_text(in_mode("paper"), SOFTWARE)
    snapshots.check("methods_paper", text)
    assert "sound" not in text
    assert "Foolbox 3.3.4" in text


def test_the_words_of_a_run_that_trained_its_encoders():
    objectives = trained(["labels", "simclr", "captions_contrastive", "untrained"], seeds=2)
    text = methods_text(make_trained(objectives), SOFTWARE)
    snapshots.check("methods_trained", text)
    for words in ("SimCLR (Chen et al., 2020), 2 seeds", "40,000 views", "The learning rate was 0.003."):
        assert words in text


def test_every_number_is_that_of_the_run():
    text = methods_text(small_run(), SOFTWARE)
    for words in (
        "95% intervals",
        "2,000 resamples",
        "5 seeds of k-means",
        "20 draws",
        "the seed 0",
        "power of 80%",
    ):
        assert words in text


def test_transformers_is_named_where_an_encoder_is_one_of_its_models():
    run, software = make_run(), [*SOFTWARE, ("transformers", "5.24.0")]
    assert "Transformers" not in methods_text(run, software)
    card = run.models["first"].model_copy(update={"architecture": "huggingface/owner/model"})
    run.models["first"] = card
    assert "Transformers 5.24.0 (Wolf et al., 2020)" in methods_text(run, software)


def test_what_did_not_run_is_not_mentioned():
    run = in_mode("sound", protocols=["transfer"], compared=no_contrasts())
    text = methods_text(run, SOFTWARE)
    assert not re.search(
        "few-shot|cluster|attack|style|contrast|interval|family|trained from scratch|random weights|Foolbox|"
        "statsmodels",
        text,
        flags=re.IGNORECASE,
    )
    assert text.count("\n\n") == 2
    assert "Transfer ran in sound mode" in text


def test_sensitivity_analyses_are_mentioned_with_their_numbers_if_there_are_any():
    nothing = {"effect": float("nan"), "low": float("nan"), "high": float("nan"), "note": "too few models"}
    rows = [
        sensitivity("leave one model out", "a"),
        sensitivity("leave one dataset out", "toys"),
        sensitivity(),
    ]
    mixed = sensitivity("mixed model")
    runs = {
        "three analyses": [*rows, sensitivity("mixed model", **nothing)],
        "another place": [sensitivity("features read elsewhere", "embedding")],
        "a mixed model": [mixed],
        "none that could be fitted": [sensitivity("mixed model", **nothing)],
    }
    texts = {
        name: methods_text(make_run(sensitivity=pd.DataFrame(rows)), SOFTWARE) for name, rows in runs.items()
    }
    without = methods_text(make_run(), SOFTWARE)
    assert texts["none that could be fitted"] == without
    before, after = without.split("power of 80%.")
    said = {name: text.removeprefix(before).removesuffix(after) for name, text in texts.items()}
    snapshots.check("methods_sensitivity", snapshots.listed(said))
    assert "at a time" not in texts["a mixed model"]


def test_declared_looks_and_their_level_are_said_once():
    rows = [effect(look="1 of 3", level=0.003), effect("few_shot", look="1 of 3", level=0.002)]
    run = make_run(compared=contrasts(*rows))
    run.config["statistics"]["looks"] = [5, 10, 20]
    (said,) = (line for line in methods_text(run, SOFTWARE).split(". ") if "Lan and DeMets" in line)
    for words in ("5, 10 and 20 seeds", "1 of 3", "0.002 to 0.003", "DeMets, 1983)"):
        assert words in said
    assert "Lan and DeMets" not in methods_text(make_run(), SOFTWARE)


def test_the_names_of_other_estimates_are_those_of_the_table():
    named = ["leave one model out", "leave one dataset out", "features read elsewhere", "interquartile mean"]
    named += ["random effects over datasets", "mixed model"]
    assert [*LEFT_OUT, ELSEWHERE, INTERQUARTILE, META, MIXED] == named == list(ANALYSES)


def test_an_effect_outside_a_family_claims_no_correction():
    text = methods_text(make_run(compared=contrasts(effect(dataset="shapes"))), SOFTWARE)
    assert "Holm" not in text
    assert "Minimum detectable" in text


def test_many_encoders_are_counted_and_random_ones_are_a_baseline():
    cards = {f"m{place}": model_card(f"m{place}") for place in range(MOST_NAMED + 1)}
    cards["chance"] = model_card("chance", "none", 0, source="random")
    text = methods_text(make_run(models=cards), SOFTWARE)
    assert f": {MOST_NAMED + 1} trained on labels." in text
    assert "m0 (" not in text
    assert "baseline: chance." in text


def test_a_dataset_without_training_images_or_classes_has_neither():
    splits = {split: {"items": size, "sha256": "c" * 64} for split, size in (("train", 0), ("test", 200))}
    card = dataset_card("pictures", classes=[], splits=splits)
    assert "The data were pictures (200 test images)." in methods_text(
        make_run(datasets={"pictures": card}), SOFTWARE
    )


HOSTILE = r"50%_a&b#c$d{e}f\g~h^i<j>k"
ESCAPED = r"50\%\_a\&b\#c\$d\{e\}f{\textbackslash}g{\textasciitilde}h{\textasciicircum}i\ensuremath{<}j\ensuremath{>}k"


def test_latex_escapes_what_is_special_and_cites_by_key():
    cards = {"x": model_card("x", pretraining_data=HOSTILE)}
    run = make_run(models=cards, datasets={HOSTILE: dataset_card(HOSTILE)})
    written = methods_latex(run, SOFTWARE)
    assert f"1,000 images of {ESCAPED})" in written
    assert f"The data were {ESCAPED} (200" in written
    assert r"95\% intervals" in written
    assert r"~\cite{devillers2021}" in written
    bare = re.sub(r"\{\\text(backslash|asciitilde|asciicircum)\}|\\ensuremath\{[<>]\}", "", written)
    bare = re.sub(r"~\\cite\{[a-z0-9,]+\}|\\[%_&#${}]", "", bare)
    assert not set(bare) & set(r"\%_&#${}~^<>")
    assert HOSTILE in methods_text(run, SOFTWARE)


@pytest.mark.parametrize("run", [in_mode("paper"), make_trained()], ids=["paper", "trained"])
def test_every_key_that_is_cited_has_an_entry_in_the_citations(run):
    software = made_with.software()
    groups = re.findall(r"\\cite\{([^}]*)\}", methods_latex(run, software))
    keys = {key for group in groups for key in group.split(",")}
    assert keys == set(cited_keys(run, software))
    assert len(keys) > 10
    assert keys <= {citation.key for citation in made_with.citations(run)}


def cited_in_code():
    """Keys in every ``Cite(...)`` of the library that holds keys alone."""
    for path in LIBRARY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Cite":
                yield from (
                    key.value
                    for key in ast.walk(node)
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                )


def test_every_key_that_is_referred_to_is_one_of_a_source():
    cited = set(cited_in_code())
    assert {"madry2018", "owen2007", "snell2017"} <= cited
    cited |= {record.source for record in OBJECTIVES.values() if record.source}
    cited |= {*OF_DATASET.values(), *OF_ARCHITECTURE.values()}
    cited |= {key for _, key in OF_PACKAGE.values()}
    assert cited <= references().keys()


def test_the_bibliography_is_read_in_whole_and_cited_in_whole():
    read = bibtexparser.parse_file(str(BIBLIOGRAPHY))
    assert read.failed_blocks == []
    assert len(read.entries) == BIBLIOGRAPHY.read_text(encoding="utf-8").count("\n@")
    cited = {record.source for record in OBJECTIVES.values()} | set(cited_in_code())
    cited |= {*OF_DATASET.values(), *OF_ARCHITECTURE.values(), *(key for _, key in OF_PACKAGE.values())}
    assert read.entries_dict.keys() <= cited


def test_an_entry_has_its_fields_a_line_each_and_words_for_a_text():
    known = references()
    assert known["owen2007"].bibtex.split("\n")[:2] == ["@article{owen2007,", "  author = {Owen, Art B.},"]
    assert known["molder2021"].words == "Mölder et al., 2021"
    assert known["loshchilov2019"].words == "Loshchilov and Hutter, 2019"
    assert known["torchvision2016"].words == "TorchVision, 2016"
    assert "author = {{The wordsight maintainers}}" in known["wordsight"].bibtex
    for reference in known.values():
        assert reference.bibtex.count("{") == reference.bibtex.count("}")
        assert re.fullmatch(r"[a-z]+[0-9]{4}|wordsight", reference.key)


def test_text_of_a_user_is_escaped_in_an_entry_and_plain_in_words():
    found = misc("origin1", "50% of \u00e9_{x}", "a & b", "licence: none")
    assert found.words == "50% of \u00e9_{x}"
    assert bibtexparser.parse_string(found.bibtex).entries_dict["origin1"]["title"] == latex(
        "50% of \u00e9_{x}"
    )
    assert r"50\% of \'e\_\{x\}" in found.bibtex
