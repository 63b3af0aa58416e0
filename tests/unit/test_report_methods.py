"""The methods paragraphs say what ran, with its numbers and sources, and nothing of what did not."""

import ast
import re
from pathlib import Path

import bibtexparser
import pandas as pd
import pytest

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
from wordsight.statistics.analyses import ANALYSES, META, MIXED

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


def test_a_small_run_in_whole_sentences():
    run = in_mode("sound", compared=contrasts(effect(), effect("robustness", margin=0.05, replicates=4)))
    run.config["datasets"]["toys"] = {"source": "packaged", "name": "sklearn_digits"}
    assert methods_text(run, SOFTWARE).split("\n\n") == [
        "2 frozen image encoders were evaluated with wordsight 0.1.0, which re-implements a published evaluation "
        "(Devillers et al., 2021). 2 encoders came with their weights: first (timm/net, trained with captions, 1,000 "
        "images of some images); second (timm/net, trained on labels, 1,000 images of some images). The data were "
        "shapes (200 training and 200 test images, 4 classes); toys (Alpaydin and Kaynak, 1998) (200 training and "
        "200 test images, 4 classes).",
        "Protocols were clustering, few-shot, transfer and robustness with the corrections of wordsight's sound mode. "
        "Clustering (shapes and toys): test features were clustered spectrally (von Luxburg, 2007) on the absolute cosine into as many "
        "clusters as there are classes, from 5 seeds of k-means, and assigned to classes one to one (Kuhn, 1955). "
        "Few-shot (shapes and toys): test images went to the prototype with the largest dot product, the mean of the unit features of "
        "1 or 5 training images a class, put back to unit norm (Snell et al., 2017), over 20 draws. "
        "Transfer (shapes and toys): a multinomial logistic regression was fitted on standardised features of the training split, its "
        "L2 strength chosen from 3 between 0.1 and 10 on 20% of them. "
        "Robustness (shapes): images were attacked by untargeted projected gradient descent in an L-infinity ball "
        "(Madry et al., 2018), 20 steps from a random start, for the smallest of 3 radii from 0.001 to 1 of the pixel "
        "range that breaks each; attacked were a logistic regression on training features on 20 images of shapes.",
        "1 contrast compared treatments with controls on the same images and draws, by accuracy and area under the "
        "robustness curve. Effects are differences of means, over datasets in equal parts. Their 95% intervals and "
        "tests are of Student's t on the components of variance between replicates, trials and images, with "
        "degrees of freedom after Satterthwaite (Satterthwaite, 1946), held low where replicates are few; beside them stand percentile intervals of a "
        "bootstrap over the same levels with 2,000 resamples (Owen, 2007). Replicates are matched groups (4 to 6), "
        "never images. At a level of 0.05, a treatment is said to help or hurt when no difference is rejected, and "
        "to be equivalent when two one-sided tests (Schuirmann, 1987) reject a difference as large as the margin of "
        "0.03 of accuracy and 0.05 of area under the robustness curve. Both p were corrected by Holm's method (Holm, "
        "1979) within families: all (2 comparisons). Minimum detectable effects are for a power of 80%.",
        "Computed with Python 3.13.1; NumPy 2.4.6 or 2.5.5 (Harris et al., 2020); PyTorch 2.9.0 (Paszke et al., "
        "2019); timm 1.0.0 (Wightman, 2019). Every random draw derives from the seed 0.\n",
    ]  # fmt: skip


def test_transformers_is_named_where_an_encoder_is_one_of_its_models():
    run, software = make_run(), [*SOFTWARE, ("transformers", "5.24.0")]
    assert "Transformers" not in methods_text(run, software)
    run.models["first"]["architecture"] = "huggingface/owner/model"
    assert "Transformers 5.24.0 (Wolf et al., 2020)" in methods_text(run, software)


def test_paper_mode_says_what_the_authors_chose():
    text = methods_text(in_mode("paper"), SOFTWARE)
    for words in (
        "robustness with the authors' choices.",
        "each class took the cluster that it overlaps most, greedily.",
        "training images a class (Snell et al., 2017), over 10 draws.",
        "a softmax classifier of the features was trained by Adam for 20 epochs.",
        "(Madry et al., 2018; Rauber et al., 2020), at each of 3 radii from 0.001 to 1 of the pixel range;",
        "Foolbox 3.3.4",
    ):
        assert words in text
    assert "sound" not in text


def test_what_was_trained_is_told_with_objectives_seeds_and_images():
    run = make_trained(trained(["labels", "simclr", "captions_contrastive", "untrained"], seeds=2))
    text = methods_text(run, SOFTWARE)
    for words in (
        "2 encoders of the architecture small/resnet_w16 kept their random initial weights.",
        "6 encoders of one architecture (small/resnet_w16, 1,000,000 parameters) were trained from scratch on 900 "
        "images of toys, in 40,000 views of 32 by 32 pixels and batches of 128, by AdamW (Loshchilov and Hutter, "
        "2019) with a weight decay of 0.05.",
        "They differ in the training objective alone: labels, 2 seeds; SimCLR (Chen et al., 2020), 2 seeds; "
        "contrastive captions (Radford et al., 2021), 2 seeds.",
        "The learning rate was 0.003.",
        "Sentences were vectors of the frozen all-MiniLM-L6-v2 (Reimers and Gurevych, 2019).",
        "Few-shot across styles (drawings): drawings of other concepts in another style went to the prototype",
        "over 20 draws for each pair of styles.",
        "a multinomial logistic regression was fitted on drawings in one style, with an L2 strength of 1,",
        "1 encoder came with its weights: first (",
    ):
        assert words in text


def test_nothing_is_said_of_what_did_not_run():
    run = in_mode("sound", protocols=["transfer"], compared=no_contrasts())
    text = methods_text(run, SOFTWARE)
    assert not re.search(
        "few-shot|cluster|attack|style|contrast|interval|family|trained from scratch|random weights|Foolbox|"
        "statsmodels",
        text,
        flags=re.IGNORECASE,
    )
    assert text.count("\n\n") == 2
    assert "Protocols were transfer with the corrections" in text


def test_other_estimates_are_told_with_their_number_as_far_as_there_are_any():
    nothing = {"effect": float("nan"), "low": float("nan"), "high": float("nan"), "note": "too few models"}
    rows = [
        sensitivity("leave one model out", "a"),
        sensitivity("leave one dataset out", "toys"),
        sensitivity(),
    ]
    text = methods_text(
        make_run(sensitivity=pd.DataFrame([*rows, sensitivity("mixed model", **nothing)])), SOFTWARE
    )
    assert (
        "Effects that decide were estimated again without one replicate or dataset at a time. For 1 effect over "
        "several datasets, a meta-analysis took datasets as random effects (DerSimonian and Laird, 1986; Hartung and "
        "Knapp, 2001), with I squared as the measure of heterogeneity (Higgins and Thompson, 2002). None of these is "
        "corrected for the number of comparisons."
    ) in text
    fitted = methods_text(make_run(sensitivity=pd.DataFrame([sensitivity("mixed model")])), SOFTWARE)
    assert "For 1 effect, a linear mixed model had the logarithm of pretraining size" in fitted
    assert "at a time" not in fitted
    none = methods_text(make_run(sensitivity=pd.DataFrame([sensitivity("mixed model", **nothing)])), SOFTWARE)
    assert none == methods_text(make_run(), SOFTWARE)


def test_the_names_of_other_estimates_are_those_of_the_table():
    named = ["leave one model out", "leave one dataset out", "random effects over datasets", "mixed model"]
    assert [*LEFT_OUT, META, MIXED] == named == list(ANALYSES)


def test_an_effect_outside_a_family_claims_no_correction():
    text = methods_text(make_run(compared=contrasts(effect(dataset="shapes"))), SOFTWARE)
    assert "Holm" not in text
    assert "Minimum detectable" in text


def test_many_encoders_are_counted_and_random_ones_are_a_baseline():
    cards = {f"m{place}": model_card(f"m{place}") for place in range(MOST_NAMED + 1)}
    cards["chance"] = model_card("chance", "none", 0, source="random")
    text = methods_text(make_run(models=cards), SOFTWARE)
    assert f"{MOST_NAMED + 1} encoders came with their weights: {MOST_NAMED + 1} trained on labels." in text
    assert "1 encoder with random weights served as a baseline: chance." in text


def test_a_dataset_without_training_images_or_classes_has_neither():
    card = dataset_card("pictures", classes=[])
    card["splits"]["train"]["items"] = 0
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
    assert {"madry2018", "holm1979", "snell2017"} <= cited
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
    assert known["holm1979"].bibtex.split("\n")[:3] == [
        "@article{holm1979,",
        "  author = {Holm, Sture},",
        "  title = {A simple sequentially rejective multiple test procedure},",
    ]
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
