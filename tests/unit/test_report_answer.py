"""The opening of the report: snapshots of the words of every verdict, and what they must never say."""

import re
from dataclasses import replace

import pandas as pd
import pytest

import snapshots
from hand_made import (
    PAIRS,
    against,
    comparison,
    conclusions,
    contrasts,
    dataset_card,
    effect,
    make_run,
    no_contrasts,
    trained,
    trained_run,
)
from wordsight.catalogue import objectives
from wordsight.catalogue.cells import CELLS
from wordsight.report.answer import answers, first_and_others
from wordsight.report.contrast import Contrast
from wordsight.report.headline import headline
from wordsight.report.page import write_verdicts

NAN = float("nan")
NO_INTERVAL = {"low": NAN, "high": NAN}

# Effects of one contrast, each with the others that are there beside it.
ROWS = {
    "helps": [effect("few_shot", parameter="shots", setting=5.0, effect=0.312, low=0.25, high=0.37)],
    "hurts": [effect(effect=-0.07, low=-0.17, high=-0.03, verdict="hurts", n_datasets=1, n_items=1)],
    "equivalent": [effect(effect=0.004, low=-0.01, high=0.018, verdict="equivalent", p_adjusted=0.4)],
    "equivalent, but sure": [effect(effect=0.012, low=0.004, high=0.02, verdict="equivalent", margin=0.025)],
    "equivalent within one point": [effect(effect=0.0, verdict="equivalent", margin=0.01, p_adjusted=0.5)],
    "undecided": [effect(effect=0.004, low=-0.02, high=0.03, verdict="undecided", confidence=0.9)],
    "a number that one decimal would hide": [effect(effect=0.05, low=-0.0003, high=0.1)],
    "few replicates and two flags": [
        effect(holds_for="these models", replicates=3, replicate="models", flags="few replicates; ceiling")
    ],
    "one more replicate needed": [effect(verdict="undecided", more_replicates=0.3)],
    "more models needed": [effect(verdict="undecided", more_replicates=7.2, replicate="models")],
    "many more needed": [effect(verdict="undecided", more_replicates=4321.0)],
    "no number would do": [effect(verdict="undecided", more_replicates=float("inf"))],
    "none needed": [effect(verdict="undecided", more_replicates=0.0)],
    "not known how many are needed": [effect(verdict="undecided", more_replicates=NAN)],
    "significant before correction": [
        effect(verdict="undecided", more_replicates=0.0, p_value=0.01, p_adjusted=0.2),
        effect("few_shot"),
    ],
    "equivalent before correction": [
        effect(verdict="undecided", more_replicates=0.0, p_equivalence=0.01),
        effect("few_shot"),
    ],
    "one model on each side": [
        effect(effect=-0.052, low=-0.08, high=-0.02, verdict="undecided", reason="too few models",
               resampled="trials, items", replicate="models")
    ],
    "one model on one side": [
        effect(verdict="undecided", reason="too few models", replicate="models", n_controls=4, **NO_INTERVAL)
    ],
    "one matched group": [effect(effect=0.0, verdict="undecided", reason="too few models", **NO_INTERVAL)],
    "nothing varies": [effect(effect=0.0, verdict="undecided", reason="constant", **NO_INTERVAL)],
}  # fmt: skip


def answer_of(*rows, **changes):
    (found,) = answers(make_run(compared=contrasts(*rows), **changes))
    return found


@pytest.fixture(scope="module")
def trained_answers():
    return answers(trained_run(pairs=PAIRS))


# One effect


def test_the_words_for_one_effect():
    snapshots.check(
        "answer_effects",
        snapshots.listed({name: answer_of(*rows).lines[0].sentence for name, rows in ROWS.items()}),
    )


@pytest.mark.parametrize("name", [name for name, rows in ROWS.items() if rows[0]["verdict"] == "undecided"])
def test_undecided_is_never_called_equal(name):
    found = answer_of(*ROWS[name])
    words = found.headline + found.sentence + found.lines[0].claim
    assert found.lines[0].claim.startswith("undecided")
    assert not re.search("equal|no difference|no effect", words)
    assert ("equivalent" in words) == (name == "equivalent before correction")
    assert any("does not mean equal" in note for note in found.notes)


def test_the_line_of_an_effect_has_its_size_numbers_and_flags():
    line = answer_of(*ROWS["few replicates and two flags"]).lines[0]
    assert (line.heading, line.verdict, line.size) == ("Transfer", "helps", "20.0 (10.0 to 30.0)")
    assert len(line.flags) == 2
    assert "400 images" in line.material


# The sides


def test_the_number_of_models_comes_from_the_row():
    run = make_run(("none", "labels"), compared=contrasts(effect(n_treatments=3, n_controls=2)))
    run.models["first"] = run.models["first"].model_copy(update={"pretraining_images": 0})
    (found,) = answers(run)
    assert found.lines[0].material.startswith("3 untrained encoders against 2 trained on labels")
    assert found.headline.startswith("Untrained encoders against encoders trained on labels: ")


def test_sides_that_were_trained_alike_are_called_treatment_and_control():
    run = make_run(("labels", "labels"), compared=contrasts(effect(n_controls=2, replicate="models")))
    (found,) = answers(run)
    assert found.lines[0].material.startswith("1 treatment against 2 controls")
    assert "6 models on the smaller side" in found.lines[0].claim
    assert found.headline.startswith("Contrast language: ")


def test_contrasts_between_the_same_kinds_of_training_are_told_apart_by_their_names():
    asked = [comparison(name="language"), comparison(name="language_same_network")]
    named = [Contrast(one, make_run(comparisons=asked)).title for one in asked]
    assert named[0].endswith(" (language)")
    assert named[1] == named[0].replace("(language)", "(language_same_network)")
    assert "(language)" not in Contrast(asked[0], make_run(comparisons=asked[:1])).title


def test_sides_of_one_objective_each_are_named_by_it():
    (found,) = answers(trained_run())
    assert found.headline.startswith("Contrastive captions against labels: ")
    assert found.lines[2].material.startswith("3 training runs of contrastive captions against 3 of labels")


def test_a_side_of_several_objectives_is_named_by_what_they_have_in_common():
    models = trained()
    both = [against(name, "labels", models).pairs for name in ("captions_contrastive", "captions_targets")]
    mixed = comparison("captions_contrastive-or-labels", pairs=both[0] + both[1], groups=["a"] * 6)
    (found,) = answers(trained_run(models, comparisons=[mixed]))
    assert found.headline.startswith("Encoders trained with captions against encoders trained on labels: ")


# One contrast


def test_the_sentence_of_a_contrast():
    rows = [
        effect("clustering", effect=0.004, low=-0.01, high=0.018, verdict="equivalent", flags="near duplicates"),
        effect("few_shot", parameter="shots", setting=5.0, effect=0.052, low=0.031, high=0.073, flags="ceiling"),
        effect("few_shot", parameter="shots", setting=1.0, effect=0.01, family=""),
        effect("transfer", effect=-0.02, low=-0.05, high=0.01, verdict="undecided", flags="near duplicates"),
        effect("robustness", effect=-0.1, low=-0.15, high=-0.05, verdict="hurts", margin=0.02, replicates=4),
    ]  # fmt: skip
    found = answer_of(*rows)
    parts = {"headline": found.headline, "sentence": found.sentence, "secondary": found.secondary}
    snapshots.check("answer_contrast", snapshots.listed(parts))
    headings = ["Clustering", "Few-shot, 5 shots", "Transfer", "Robustness"]
    assert [line.heading for line in found.lines] == headings


def test_a_contrast_not_measured_at_the_setting_that_decides_has_no_verdict():
    found = answer_of(*(effect("cross_style_probe", dataset) for dataset in list(CELLS)[:2]))
    assert "no verdict" in found.headline
    assert "no verdict" in found.sentence
    assert found.lines == []


def test_datasets_and_cells_that_disagree_are_named():
    cells = [
        effect("cross_style_probe", dataset, value, value - 0.1, value + 0.1, verdict, n_items=118, n_datasets=1)
        for dataset, value, verdict in zip(
            ["", *CELLS],
            (0.0, 0.3, 0.3, 0.0, -0.2),
            ["undecided", "helps", "helps", "undecided", "hurts"],
            strict=True,
        )
    ]  # fmt: skip
    (alike,) = answers(trained_run())
    said = {
        "datasets": answer_of().lines[0].by_dataset,
        "cells": answer_of(*cells).lines[0].by_dataset,
        "cells that agree": alike.lines[-1].by_dataset,
        "the cell that decides": answer_of(*cells).lines[0].sentence,
    }
    snapshots.check("answer_by_dataset", snapshots.listed(said))
    assert answer_of(*cells).headline.endswith(": hurts on 1 of 1 protocol")


def test_a_margin_of_the_robust_area_is_told_in_radii():
    found = answer_of(effect("robustness", margin=0.05), effect("transfer", margin=0.0361462))
    # The radii of the test go from 0.001 to 1: 0.05 of three decades is a factor of 1.4.
    assert "5 points for robustness (a factor of 1.4 in radius)" in found.sentence
    assert "3.61 points for transfer" in found.sentence
    assert "radius" not in answer_of(effect("transfer")).sentence


def test_the_interval_over_datasets_like_these_stands_beside_that_of_the_pooled_effect():
    line = answer_of(effect(over_datasets_low=-0.02, over_datasets_high=0.4)).lines[0]
    assert "−2.0 to 40.0" in line.claim
    assert "like these" not in answer_of(effect()).lines[0].claim


def test_notes_say_how_verdicts_are_to_be_read():
    runs = {
        "one comparison": contrasts(effect(comparisons=1)),
        "two comparisons": contrasts(effect(), effect("few_shot")),
        "two families": contrasts(
            effect(), effect("few_shot"), effect("clustering", family="own", comparisons=1)
        ),
        "few replicates": contrasts(effect(holds_for="these models", comparisons=1)),
        "undecided": contrasts(effect(verdict="undecided", low=-0.1, comparisons=1)),
    }
    notes = {name: answers(make_run(compared=compared))[0].notes for name, compared in runs.items()}
    snapshots.check(
        "answer_notes", snapshots.listed({name: "\n".join(found) for name, found in notes.items()})
    )
    assert {name: len(found) for name, found in notes.items()} == {
        "one comparison": 0, "two comparisons": 3, "two families": 3, "few replicates": 1, "undecided": 1,
    }  # fmt: skip


# The first sentences


def many():
    """Run of many contrasts about language, one of them turned round, with verdicts of all kinds."""
    run = trained_run(pairs=PAIRS)
    turned = against("labels", "labels_and_captions")
    run.comparisons[2] = turned
    run.contrasts.loc[run.contrasts["contrast"] == "labels-or-untrained", "contrast"] = turned.name
    for protocol, verdict in (("clustering", "undecided"), ("transfer", "equivalent")):
        run.contrasts.loc[run.contrasts["protocol"] == protocol, "verdict"] = verdict
    run.contrasts.loc[run.contrasts["verdict"] == "undecided", "reason"] = "overlap"
    run.contrasts.loc[run.contrasts.query("protocol == 'clustering'").index[0], "reason"] = "too few models"
    return run


def opened(run):
    """The first sentence with the lines below it."""
    said = headline(run)
    counts = [said.counts] if said.counts else []
    return "\n".join([said.sentence, *counts, *(f"- {limit}" for limit in said.limits)])


def by_dataset(*rows):
    """Rows of contrasts.csv with those of single datasets."""
    places = ("shapes", "toys")
    return contrasts(*rows, *(effect(row["protocol"], dataset) for row in rows for dataset in places))


def baselines(*names):
    """Run that compares objectives with untrained encoders alone."""
    pairs = [(name, "untrained") for name in names]
    return trained_run(pairs=pairs, comparisons=[against(*pair, baseline=True) for pair in pairs])


def few_encoders(languages, verdict, found):
    """Run of one encoder on each side, which allows no verdict about training."""
    one = effect(verdict="undecided", reason="too few models", replicate="models", replicates=1)
    rows = [one | {"encoders_verdict": found}, one | {"protocol": "few_shot", "encoders_verdict": verdict}]
    return make_run(languages, compared=by_dataset(*rows))


def together(*states, question="Does meaning help?"):
    """Run of two contrasts with two conclusions: for each protocol the verdict of both, and of the first conclusion."""
    names = ["captions_contrastive-or-labels", "captions_contrastive-or-captions_shuffled"]
    run = trained_run(pairs=[("captions_contrastive", name.split("-or-")[1]) for name in names])
    places = list(zip(("few_shot", "transfer", "robustness"), states, strict=False))
    found = run.contrasts[run.contrasts["protocol"].isin([protocol for protocol, _ in places])]
    for protocol, (*verdicts, _) in places:
        for name, verdict in zip(names, verdicts, strict=True):
            chosen = (found["contrast"] == name) & (found["protocol"] == protocol)
            found.loc[chosen, ["verdict", "reason"]] = verdict, "overlap" if verdict == "undecided" else ""
    run.config["conclusions"] = {
        "meaning": {"question": question, "helps": names, "equivalent": []},
        "form": {"question": "", "helps": names[:1], "equivalent": names[1:]},
    }
    rows = [(protocol, shown, names[1]) for protocol, (*_, shown) in places]
    other = conclusions(
        *((protocol, "not shown", names[1]) for protocol, *_ in rows), name="form", question=""
    )
    table = pd.concat([conclusions(*rows, question=question), other], ignore_index=True)
    return replace(run, contrasts=found, conclusions=table)


ONE_HOLDS = (
    ("helps", "helps", "shown"),
    ("helps", "equivalent", "not shown"),
    ("helps", "undecided", "not shown"),
)
OTHERS = ("labels", "simclr", "barlow_twins", "concept_labels", "stylised")
THREE = by_dataset(effect(), effect("few_shot", verdict="hurts"), effect("clustering", verdict="undecided"))
FOUR = [("captions_contrastive", rival) for rival in ("labels", "simclr", "captions_shuffled", "class_names")]
ISOLATED = ("captions_contrastive", "captions_shuffled")
OPENINGS = {
    "no captions": lambda: make_run(("labels", "none"), comparisons=[comparison(question="Do labels help?")]),
    "captions on both sides": lambda: make_run(
        ("captions", "captions"), comparisons=[comparison(question="")]
    ),
    "captions": lambda: make_run(compared=THREE),
    "captions as controls": lambda: make_run(("none", "captions"), compared=THREE),
    "no contrast": lambda: make_run(compared=no_contrasts(), comparisons=[]),
    "captions against untrained": lambda: baselines("captions_contrastive"),
    "captions against labels": trained_run,
    "a part of language": lambda: trained_run(pairs=[ISOLATED]),
    "a part of language, asked in own words": lambda: trained_run(
        pairs=[ISOLATED], comparisons=[against(*ISOLATED, question="Must captions match?")]
    ),
    "four rivals": lambda: trained_run(pairs=FOUR),
    "one encoder on each side": lambda: few_encoders(("captions", "labels"), "undecided", "higher"),
    "one encoder on each side, captions as controls": lambda: few_encoders(
        ("labels", "captions"), "equivalent", "higher"
    ),
    "nothing decided": lambda: make_run(compared=by_dataset(effect(verdict="undecided"))),
    "identical": lambda: make_run(compared=by_dataset(effect(effect=0.0, verdict="identical"))),
    "many about language": many,
    "baselines": lambda: baselines(*OTHERS),
    "a conclusion that holds, fails and is open": lambda: together(*ONE_HOLDS),
    "a conclusion that is open everywhere": lambda: together(*[("undecided", "undecided", "not shown")] * 2),
    "a conclusion from one protocol": lambda: together(("undecided", "helps", "not shown")),
    "many others": lambda: trained_run(pairs=[(name, "class_names") for name in OTHERS]),
}


def test_the_first_sentences():
    snapshots.check(
        "answer_openings", snapshots.listed({name: opened(made()) for name, made in OPENINGS.items()})
    )


@pytest.mark.parametrize("name", OPENINGS)
def test_a_run_says_whether_it_can_answer_about_language(name):
    cannot = {
        "no captions",
        "captions on both sides",
        "no contrast",
        "captions against untrained",
        "baselines",
        "many others",
    }
    assert ("cannot say" in headline(OPENINGS[name]()).sentence) == (name in cannot)


def test_many_verdicts_are_counted_from_the_side_of_the_captions():
    text = headline(many()).sentence
    better, worse, equivalent, undecided = (
        int(re.search(pattern, text)[1])
        for pattern in (r"better in (\d+)", r"worse in (\d+)", r"margin, in (\d+)", r"; (\d+) of 35")
    )
    # Five contrasts of seven protocols; the one that is turned round hurts where its captions are controls.
    assert (better, worse, equivalent, undecided) == (20, 5, 5, 5)


def test_the_first_sentence_says_on_which_datasets_and_of_encoders_alone_that_it_is_about_them():
    for name, made in OPENINGS.items():
        said = headline(made())
        if said.limits:
            assert "On shapes and toys, taken as they are" in said.sentence
            assert len(said.limits) == 3
        assert ("not about how they were trained" in said.sentence) == ("one encoder" in name)


def test_the_first_sentence_answers_the_question_of_each_conclusion_test_by_test():
    said = headline(together(*ONE_HOLDS)).sentence
    assert said.startswith(
        "On shapes and toys, taken as they are, and for training like this, “Does meaning help?”"
    )
    # Its second contrast is equivalent on transfer, which contradicts it; undecided contradicts nothing.
    assert "yes in 1 of 3 tests (few-shot)" in said
    assert "no in 1 (transfer)" in said
    # Form needs the second contrast to be equivalent, which a difference contradicts.
    assert "the conclusion form is answered no in 1 of 3 tests (few-shot)" in said
    assert "42 comparisons" not in said


def test_without_replicates_nothing_is_concluded_about_training():
    run = few_encoders(("captions", "labels"), "undecided", "higher")
    run.config["conclusions"] = {"meaning": {"question": "", "helps": ["language"], "equivalent": []}}
    table = conclusions(("transfer", "not shown", "language")).assign(p_value=NAN, p_adjusted=NAN)
    said = headline(replace(run, conclusions=table))
    assert "training like this" not in said.sentence
    assert said.counts == ""


def test_an_objective_is_better_than_all_its_rivals_only_in_tests_that_it_wins_against_each():
    run = trained_run(pairs=FOUR)
    lost = run.contrasts["contrast"].str.endswith("simclr") & (run.contrasts["protocol"] != "transfer")
    run.contrasts.loc[lost, "verdict"] = "undecided"
    found = re.search(r"than all 4 others .* in (\d) of 7 tests \((\w+)\)", headline(run).sentence)
    assert found.groups() == ("1", "transfer")
    run.contrasts.loc[run.contrasts["contrast"].str.endswith("simclr"), "verdict"] = "undecided"
    assert "none of 7 tests shows" in headline(run).sentence


# All contrasts


def test_contrasts_about_language_come_first_and_the_others_apart(trained_answers):
    about, others = first_and_others(trained_answers)
    assert [answer.contrast for answer in about] == [
        "captions_contrastive-or-labels", "captions_contrastive-or-captions_shuffled",
        "captions_targets-or-simclr", "captions_contrastive-or-class_names",
    ]  # fmt: skip
    assert [answer.contrast for answer in others] == [
        "labels-or-untrained", "captions_contrastive-or-untrained", "adversarial-or-labels",
    ]  # fmt: skip
    about, others = first_and_others(answers(trained_run(pairs=[("labels", "untrained")])))
    assert [len(about), len(others)] == [1, 0]


def test_a_run_without_contrasts_has_no_answer():
    assert answers(make_run(compared=no_contrasts(), comparisons=[])) == []


# The terminal


def terminal(run, tmp_path, name="verdicts.txt"):
    write_verdicts(tmp_path / name, run, "results/report.html")
    return (tmp_path / name).read_text(encoding="utf-8")


def test_the_terminal_shows_the_answer_the_number_of_warnings_and_where_the_report_is(tmp_path):
    shots = {"parameter": "shots", "family": ""}
    run = make_run(
        compared=by_dataset(
            effect(), effect("few_shot", setting=1.0, **shots), effect("few_shot", setting=5.0)
        ),
        datasets={"shapes": dataset_card("shapes", near=3), "toys": dataset_card("toys")},
    )
    text = terminal(run, tmp_path)
    snapshots.check("terminal", text)
    assert text == terminal(run, tmp_path, "again.txt")
    assert text.splitlines()[-1] == "Report: results/report.html"


def test_of_many_contrasts_the_terminal_lists_the_first_and_counts_the_others(tmp_path):
    pairs = [(name, "labels") for name in ("captions_contrastive", "captions_targets", "labels_and_captions")]
    run = trained_run(pairs=[*pairs, *PAIRS[1:], ("captions_targets", "barlow_twins")])
    undecided = run.contrasts["protocol"] == "clustering"
    run.contrasts.loc[undecided, ["verdict", "reason"]] = ("undecided", "overlap")
    text = terminal(run, tmp_path)
    snapshots.check("terminal_of_many", text)
    assert text.count("▲ 6  ○ 1") == 6
    assert "4 more contrasts" in text


def test_one_encoder_on_each_side_is_listed_with_the_verdict_of_these_encoders(tmp_path):
    text = terminal(few_encoders(("captions", "labels"), "equivalent", "higher"), tmp_path)
    assert "▲ 1  ■ 1" in text


@pytest.mark.parametrize("name", OPENINGS)
def test_the_terminal_is_never_longer_than_a_screen(name, tmp_path):
    lines = terminal(OPENINGS[name](), tmp_path).splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 100


def test_the_terminal_stays_short_and_safe_whatever_the_names(tmp_path):
    name = "\x1b[31m" + "a-name-as-long-as-can-be " * 20 + "\n" * 30
    run = trained_run(pairs=[(one, "labels") for one in objectives.OBJECTIVES if one.startswith("captions")])
    asked = [one.model_copy(update={"question": name}) for one in run.comparisons]
    run = replace(run, comparisons=asked, config=run.config | {"title": name})
    text = terminal(run, tmp_path)
    assert len(text.splitlines()) <= 25
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text
