"""The report: right words, every warning that is due, and a page that is safe, whole and offline."""

import base64
import gzip
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest

from hand_made import (
    OBJECTIVES,
    against,
    comparison,
    contrasts,
    dataset_card,
    effect,
    make_run,
    model_card,
    no_contrasts,
    results,
    row,
    sensitivity,
    tables,
    trained,
    trained_run,
    trained_tables,
    training_card,
    written,
)
from wordsight.catalogue import display
from wordsight.catalogue import protocols as catalogue
from wordsight.catalogue.cells import ALL_NEW, CELLS
from wordsight.catalogue.figures import FIGURES, caption
from wordsight.config.load import load
from wordsight.report import costs, made_with, page
from wordsight.report.answer import answers, opening, told
from wordsight.report.cautions import cautions
from wordsight.report.page import LARGEST_TABLE, Figure, download, packed, write_report, write_verdicts
from wordsight.report.page_tables import (
    cell_tables,
    contrast_tables,
    model_table,
    primary_tables,
    query,
    sensitivity_tables,
    sides,
    training_table,
)
from wordsight.report.sides import named_sides
from wordsight.report.wording import points
from wordsight.tables.csv import write_csv

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "</script><script>alert(1)</script>&\"'"
WHOLE = {"n": 1, "unit": "trials", "stderr": float("nan")}


def sentence(run):
    (answer,) = answers(run)
    return answer.lines[0].sentence


# Words


SIDES = "1 encoder trained with captions against 1 trained on labels, 2 datasets, 400 images"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"protocol": "few_shot", "parameter": "shots", "setting": 5.0, "effect": 0.312, "low": 0.25, "high": 0.37},
            f"Few-shot, 5 shots: helps by 31.2 points (95% interval 25.0 to 37.0; 6 matched architectures); {SIDES}.",
        ),
        (
            {"effect": -0.07, "low": -0.17, "high": -0.03, "verdict": "hurts", "n_datasets": 1, "n_items": 1},
            "Transfer: hurts by 7.0 points (95% interval −17.0 to −3.0; 6 matched architectures); "
            "1 encoder trained with captions against 1 trained on labels, 1 dataset, 1 image.",
        ),
        (
            {"effect": 0.004, "low": -0.01, "high": 0.018, "verdict": "equivalent", "p_adjusted": 0.4},
            "Transfer: equivalent within 3 points (effect 0.4, 95% interval −1.0 to 1.8; 6 matched architectures); "
            f"{SIDES}.",
        ),
        (
            {"effect": 0.012, "low": 0.004, "high": 0.02, "verdict": "equivalent", "margin": 0.025},
            "Transfer: equivalent within 2.5 points: an effect of 1.2 points is sure, but smaller "
            f"(95% interval 0.4 to 2.0; 6 matched architectures); {SIDES}.",
        ),
        (
            {"effect": 0.004, "low": -0.02, "high": 0.03, "verdict": "undecided", "confidence": 0.9},
            "Transfer: undecided: 0.4 points (90% interval −2.0 to 3.0; 6 matched architectures); about 12 more "
            f"architectures are needed to tell a difference of 3 points from none; {SIDES}.",
        ),
        (
            {"holds_for": "these models", "replicates": 3, "replicate": "models", "flags": "few replicates; ceiling"},
            "Transfer: helps by 20.0 points (95% interval 10.0 to 30.0; 3 models a side); "
            f"{SIDES}; flagged: fewer than five replicates; scores near the highest possible.",
        ),
    ],
)  # fmt: skip
def test_a_verdict_is_one_sentence(changes, words):
    assert sentence(make_run(compared=contrasts(effect(**changes)))) == words


@pytest.mark.parametrize(
    ("more", "replicate", "words"),
    [
        (0.3, "matched groups", "; about one more architecture is needed to tell a difference of 3 points from none;"),
        (7.2, "models", "; about 8 more models a side are needed to tell"),
        (4321.0, "matched groups", "; about 4,300 more architectures are needed to tell"),
        (
            float("inf"),
            "matched groups",
            "; no number of architectures would do to tell a difference of 3 points from none: the test images limit it;",
        ),
        (0.0, "matched groups", "(95% interval 10.0 to 30.0; 6 matched architectures); 1 encoder"),
        (float("nan"), "matched groups", "(95% interval 10.0 to 30.0; 6 matched architectures); 1 encoder"),
    ],
)  # fmt: skip
def test_an_undecided_comparison_says_what_it_would_take(more, replicate, words):
    row = effect(verdict="undecided", more_replicates=more, replicate=replicate)
    assert words in sentence(make_run(compared=contrasts(row)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"effect": -0.052, "low": -0.08, "high": -0.02, "reason": "too few models", "resampled": "trials, items", "replicate": "models"},
            "undecided: too few models for a verdict about training (one a side); between these models the control "
            "scores 5.2 points higher (95% interval −8.0 to −2.0, over trials and images alone)",
        ),
        (
            {"reason": "too few models", "replicate": "models", "n_controls": 4, "low": float("nan"), "high": float("nan")},
            "undecided: too few models for a verdict about training (one on one side); between these models the "
            "treatment scores 20.0 points higher",
        ),
        (
            {"reason": "constant", "effect": 0.0, "low": float("nan"), "high": float("nan")},
            "undecided: whatever is drawn, the difference is 0.0 points, so there is no variation to judge it by; "
            "look at the features and the metric",
        ),
        (
            {"effect": float("nan"), "low": float("nan"), "high": float("nan"), "reason": "constant"},
            "undecided: a value is missing, so there is no effect to judge",
        ),
    ],
)  # fmt: skip
def test_a_comparison_that_no_test_can_judge_says_why(changes, words):
    run = make_run(compared=contrasts(effect(verdict="undecided", **changes)))
    (answer,) = answers(run)
    assert answer.lines[0].claim == words
    assert not re.search("equal|same", answer.headline + answer.sentence)


@pytest.mark.parametrize(
    ("tests", "words"),
    [
        (
            {"p_value": 0.01, "p_adjusted": 0.2},
            "a difference by itself, but not after correction for 2 comparisons",
        ),
        ({"p_equivalence": 0.01}, "equivalent by itself, but not after correction for 2 comparisons"),
    ],
)
def test_what_the_correction_alone_leaves_undecided_is_said_to_be_so(tests, words):
    rows = [effect(verdict="undecided", more_replicates=0.0, **tests), effect("few_shot")]
    assert f"; {words}; 1 encoder" in sentence(make_run(compared=contrasts(*rows)))


def test_the_sentence_of_a_contrast_has_verdicts_effects_margins_replicates_and_flags():
    rows = [
        effect("clustering", effect=0.004, low=-0.01, high=0.018, verdict="equivalent", flags="near duplicates"),
        effect("few_shot", parameter="shots", setting=5.0, effect=0.052, low=0.031, high=0.073, flags="ceiling"),
        effect("few_shot", parameter="shots", setting=1.0, effect=0.01, family=""),
        effect("transfer", effect=-0.02, low=-0.05, high=0.01, verdict="undecided", flags="near duplicates"),
        effect("robustness", effect=-0.1, low=-0.15, high=-0.05, verdict="hurts", margin=0.02, replicates=4),
    ]  # fmt: skip
    (answer,) = answers(make_run(compared=contrasts(*rows)))
    assert answer.sentence == (
        "Encoders trained with captions against encoders trained on labels: helps on few-shot with 5 shots by "
        "5.2 points (3.1 to 7.3); hurts on robustness by 10.0 points (−15.0 to −5.0); equivalent within the margin "
        "on clustering (0.4, −1.0 to 1.8); undecided on transfer (−2.0, −5.0 to 1.0; needs about 12 more); 95% intervals, margins "
        "3 points of accuracy and 2 points of area under the robustness curve, 4 to 6 matched architectures; "
        "flagged: test images have near twins in training (clustering and transfer); scores near the highest "
        "possible (few-shot with 5 shots)."
    )
    assert answer.secondary == "At other settings, without a verdict: Few-shot, 1 shot 1.0 (10.0 to 30.0)."
    assert [line.heading for line in answer.lines] == [
        "Clustering",
        "Few-shot, 5 shots",
        "Transfer",
        "Robustness",
    ]
    assert answer.headline.endswith(
        ": helps on 1 of 4 protocols, hurts on 1, equivalent on 1, undecided on 1"
    )


def test_a_contrast_that_was_not_measured_where_it_is_judged_says_so():
    rows = [effect("cross_style_probe", dataset) for dataset in list(CELLS)[:2]]
    (answer,) = answers(make_run(compared=contrasts(*rows)))
    assert answer.headline.endswith(": nothing to judge")
    assert answer.sentence.endswith("nothing to judge, since no protocol was measured where it is judged.")
    assert answer.lines == []


def test_the_number_of_models_is_that_of_the_row_and_both_sides_are_named():
    run = make_run(("none", "labels"), compared=contrasts(effect(n_treatments=3, n_controls=2)))
    run.models["first"]["pretraining_images"] = 0
    assert "3 encoders untrained against 2 trained on labels" in sentence(run)
    assert answers(run)[0].headline.startswith("Untrained encoders against encoders trained on labels: ")


def test_sides_that_were_trained_alike_are_called_treatment_and_control():
    run = make_run(("labels", "labels"), compared=contrasts(effect(n_controls=2, replicate="models")))
    assert "1 treatment against 2 controls" in sentence(run)
    assert "; 6 models on the smaller side)" in sentence(run)
    assert answers(run)[0].headline == "Contrast language: helps on 1 of 1 protocol"


def test_contrasts_between_the_same_kinds_of_training_are_told_apart_by_their_names():
    asked = [comparison(name="language"), comparison(name="language_same_network")]
    named = [named_sides(one, make_run(comparisons=asked)) for one in asked]
    assert named[0].endswith(" (language)")
    assert named[1] == named[0].replace("(language)", "(language_same_network)")
    assert "(language)" not in named_sides(asked[0], make_run(comparisons=asked[:1]))


def test_points_have_one_decimal_unless_that_hides_a_number():
    assert points(0.2149, 0.1432, 0.3176) == ["21.5", "14.3", "31.8"]
    assert points(0.05, -0.0003, 0.1) == ["5.00", "−0.03", "10.00"]
    assert points(0.0, -0.0, 0.00000001) == ["0.00", "0.00", "0.00"]
    assert points(-0.0) == ["0.0"]


def test_datasets_that_disagree_are_named():
    (answer,) = answers(make_run())
    assert answer.lines[0].by_dataset == "By dataset, uncorrected: helps on shapes; undecided on toys."


def test_undecided_is_never_called_equal():
    (answer,) = answers(make_run(compared=contrasts(effect(verdict="undecided", low=-0.1))))
    assert answer.notes == [
        "Undecided does not mean equal: a difference can neither be claimed nor be ruled out."
    ]
    assert not re.search(
        "equal|equivalent|same|no difference|no effect", sentence(make_run()) + answer.headline
    )


def test_a_correction_is_told_where_there_is_more_than_one_comparison():
    one = contrasts(effect())
    several = contrasts(effect(), effect("few_shot"))
    families = contrasts(effect(), effect("few_shot"), effect("clustering", family="own"))
    notes = [answers(make_run(compared=compared))[0].notes for compared in (one, several, families)]
    assert notes[0] == []
    assert notes[1][0].startswith(
        "Verdicts are corrected by Holm's method for 2 comparisons; intervals are not"
    )
    assert len(notes[2]) == 1
    assert "for 2 comparisons (family all); " in notes[2][0]


def test_few_replicates_are_explained_and_many_are_not():
    few, many = (
        answers(make_run(compared=contrasts(effect(holds_for=f"{kind} models"))))[0].notes
        for kind in ("these", "such")
    )
    assert few[0].startswith("With fewer than five replicates")
    assert many == []
    assert "models only" not in sentence(make_run(compared=contrasts(effect(holds_for="these models"))))


def test_a_run_without_captions_says_so_first_and_gives_its_own_question():
    asked = [comparison(question="Do labels help?")]
    assert opening(make_run(("labels", "none"), comparisons=asked)) == (
        "This run cannot say whether language helps: none of its 2 encoders was trained with captions. "
        "What it asks instead: Do labels help?"
    )


def test_captions_that_no_contrast_sets_apart_answer_nothing():
    both = make_run(("captions", "captions"), comparisons=[comparison(question="")])
    assert opening(both) == (
        "This run cannot say whether language helps: no contrast that ran sets encoders trained with captions "
        "against others that were trained. What it asks instead: What does the contrast language change?"
    )


@pytest.mark.parametrize("languages", [("captions", "labels"), ("none", "captions")])
def test_a_contrast_of_captions_is_the_answer(languages):
    rows = [effect(), effect("few_shot", verdict="hurts"), effect("clustering", verdict="undecided")]
    text = opening(make_run(languages, compared=contrasts(*rows)))
    assert "trained with captions" in text
    assert text.endswith(
        ": helps on 1 of 3 protocols (transfer), hurts on 1 (few-shot), undecided on 1. Undecided does not mean "
        "equal. Verdicts are corrected for 3 comparisons."
    )
    assert "cannot" not in text


def test_a_run_without_contrasts_compares_nothing():
    run = make_run(compared=no_contrasts(), comparisons=[])
    assert opening(run).endswith("It makes no comparison: what follows are measurements.")
    assert answers(run) == []


def test_the_terminal_shows_the_verdicts_the_warnings_and_where_the_report_is(tmp_path):
    run = make_run(datasets={"shapes": dataset_card("shapes", near=3), "toys": dataset_card("toys")})
    write_verdicts(tmp_path / "verdicts.txt", run, "results/report.html")
    lines = (tmp_path / "verdicts.txt").read_text(encoding="utf-8").splitlines()
    (answer,) = answers(run)
    assert lines[0] == "Does it help?"
    text = " ".join(" ".join(lines).split())
    assert text.startswith(f"Does it help? {opening(run)} language: Do captions help? {answer.sentence}")
    assert max(map(len, lines)) <= 100
    assert "  Test images with a near twin in training" in lines
    assert lines[-1] == "Report: results/report.html"


def test_the_terminal_shows_effects_at_other_settings_and_is_the_same_each_time(tmp_path):
    shots = {"parameter": "shots", "family": ""}
    run = make_run(compared=contrasts(effect(), effect("few_shot", setting=1.0, **shots)))
    for name in ("first.txt", "second.txt"):
        write_verdicts(tmp_path / name, run, "r.html")
    text = (tmp_path / "first.txt").read_text(encoding="utf-8")
    assert text == (tmp_path / "second.txt").read_text(encoding="utf-8")
    assert "  At other settings, without a verdict: Few-shot, 1 shot 20.0 (10.0 to 30.0).\n" in text


# Contrasts of objectives, from several seeds each

PAIRS = [
    ("captions_contrastive", "labels"),
    ("captions_contrastive", "captions_shuffled"),
    ("labels", "untrained"),
    ("captions_targets", "simclr"),
    ("captions_contrastive", "untrained"),
    ("captions_contrastive", "class_names"),
    ("adversarial", "labels"),
]


def test_sides_of_one_objective_each_are_named_by_it():
    (answer,) = answers(trained_run())
    assert answer.headline == "Contrastive captions against labels: helps on 7 of 7 protocols"
    assert answer.lines[2].sentence == (
        "Transfer: helps by 20.0 points (95% interval 10.0 to 30.0; 3 matched seeds); 3 training runs of "
        "contrastive captions against 3 of labels, 2 datasets, 400 images."
    )


def test_a_side_of_several_objectives_is_named_by_what_they_have_in_common():
    models = trained()
    both = [against(name, "labels", models).pairs for name in ("captions_contrastive", "captions_targets")]
    mixed = comparison("captions_contrastive-or-labels", pairs=both[0] + both[1], groups=["a"] * 6)
    run = trained_run(models, comparisons=[mixed])
    assert answers(run)[0].headline.startswith(
        "Encoders trained with captions against encoders trained on labels: "
    )


def test_across_styles_a_comparison_is_judged_where_all_is_new_and_cells_are_named():
    rows = [
        effect(
            "cross_style_probe", dataset, value, value - 0.1, value + 0.1, verdict, n_items=118, n_datasets=1
        )
        for dataset, value, verdict in zip(
            ["", *CELLS],
            (0.0, 0.3, 0.3, 0.0, -0.2),
            ["undecided", "helps", "helps", "undecided", "hurts"],
            strict=True,
        )
    ]
    (answer,) = answers(make_run(compared=contrasts(*rows)))
    (line,) = answer.lines
    assert line.sentence == (
        "Probe across styles: hurts by 20.0 points (95% interval −30.0 to −10.0; 6 matched architectures); 1 encoder "
        "trained with captions against 1 trained on labels, on unseen concepts in an unseen style, 118 concepts."
    )
    assert line.by_dataset == (
        "By cell, uncorrected: helps on seen concepts in a seen style and seen concepts in an unseen style; "
        "hurts on unseen concepts in an unseen style; undecided on unseen concepts in a seen style."
    )
    assert answer.headline.endswith(": hurts on 1 of 1 protocol")


def test_cells_that_agree_are_told_at_once():
    (answer,) = answers(trained_run())
    assert answer.lines[-1].by_dataset == "Uncorrected, helps in all 4 cells."


def test_a_margin_of_a_single_point_is_one():
    run = make_run(compared=contrasts(effect(verdict="equivalent", effect=0.0, margin=0.01, p_adjusted=0.5)))
    assert "equivalent within 1 point (effect 0.0," in sentence(run)


def test_captions_against_untrained_is_about_training_and_not_about_language():
    run = trained_run(pairs=[("captions_contrastive", "untrained")])
    assert opening(run).startswith(
        "This run cannot say whether language helps: no contrast that ran sets encoders"
    )
    assert not answers(run)[0].about_language


def test_contrasts_about_language_come_first_and_the_others_apart():
    about, others = told(answers(trained_run(pairs=PAIRS)))
    assert [answer.contrast for answer in about] == [
        "captions_contrastive-or-labels", "captions_contrastive-or-captions_shuffled",
        "captions_targets-or-simclr", "captions_contrastive-or-class_names",
    ]  # fmt: skip
    assert [answer.contrast for answer in others] == [
        "labels-or-untrained", "captions_contrastive-or-untrained", "adversarial-or-labels",
    ]  # fmt: skip
    about, others = told(answers(trained_run(pairs=[("labels", "untrained")])))
    assert [len(about), len(others)] == [1, 0]


def test_a_contrast_that_isolates_a_part_of_language_is_opened_by_its_question():
    pair = ("captions_contrastive", "captions_shuffled")
    text = opening(trained_run(pairs=[pair]))
    assert text.startswith(
        "How much is due to captions that belong to their images? Contrastive captions against "
    )
    asked = against(*pair, question="Must captions match?")
    assert opening(trained_run(pairs=[pair], comparisons=[asked])).startswith(
        "Must captions match? Contrastive"
    )
    assert opening(trained_run()).startswith("Contrastive captions against labels: ")


def test_many_contrasts_about_language_are_counted_together_from_the_side_of_captions():
    run = trained_run(pairs=PAIRS)
    turned = against("labels", "labels_and_captions")
    run.comparisons[2] = turned
    run.contrasts.loc[run.contrasts["contrast"] == "labels-or-untrained", "contrast"] = turned.name
    for protocol, verdict in (("clustering", "undecided"), ("transfer", "equivalent")):
        run.contrasts.loc[run.contrasts["protocol"] == protocol, "verdict"] = verdict
    run.contrasts.loc[run.contrasts["verdict"] == "undecided", "reason"] = "overlap"
    run.contrasts.loc[run.contrasts.query("protocol == 'clustering'").index[0], "reason"] = "too few models"
    text = opening(run)
    part = "helps on 5 of 7 protocols, equivalent on 1, undecided on 1."
    assert text == (
        "Against encoders trained without captions, in 35 comparisons of 5 contrasts, captions help in 20, hurt in 5 "
        "and are equivalent within the margin in 5; 5 are undecided (1 for too few models), which does not mean equal. "
        f"Contrastive captions against contrastive shuffled captions: {part} "
        f"Contrastive captions against contrastive class names: {part} "
        "Verdicts are corrected for 49 comparisons."
    )


def test_a_run_with_many_other_questions_asks_the_first_of_them():
    pairs = [
        (name, "untrained") for name in ("labels", "simclr", "barlow_twins", "concept_labels", "stylised")
    ]
    text = opening(trained_run(pairs=pairs))
    assert text.count("What does the contrast") == 3
    assert text.endswith("And 2 more.")


def test_of_many_contrasts_the_terminal_shows_what_is_decided_and_a_line_for_each_of_the_others(tmp_path):
    pairs = [(name, "labels") for name in ("captions_contrastive", "captions_targets", "labels_and_captions")]
    run = trained_run(pairs=[*pairs, *PAIRS[1:]])
    run.contrasts.loc[run.contrasts["protocol"] == "clustering", ["verdict", "reason"]] = (
        "undecided",
        "overlap",
    )
    write_verdicts(tmp_path / "verdicts.txt", run, "r.html")
    lines = (tmp_path / "verdicts.txt").read_text(encoding="utf-8").splitlines()
    text = " ".join(" ".join(lines).split())
    assert text.count("undecided on clustering (20.0, 10.0 to 30.0)") == 6
    others = lines[lines.index("Other contrasts:") + 1 :][:3]
    assert others[0] == (
        "  Labels against untrained: helps on 6 of 7 protocols, undecided on 1 (contrast labels-or-untrained)."
    )
    assert sum(line.startswith("Undecided does not mean equal") for line in lines) == 1
    assert len(lines) < 75


# Warnings


def titles(run):
    return [caution.title for caution in cautions(run)]


def only(run):
    (caution,) = cautions(run)
    return f"{caution.title}. {caution.text}"


def changed(metric, value, protocol="robustness", model="first"):
    """Results of which one metric of one model on one dataset has another value."""
    rows = results()
    place = (rows["metric"] == metric) & (rows["protocol"] == protocol)
    rows.loc[place & (rows["model"] == model) & (rows["dataset"] == "toys"), "value"] = value
    return rows


def complete(**changes):
    """Run whose contrast covers every protocol on both datasets, so that nothing is to be warned of."""
    names = ("clustering", "few_shot", "transfer", "robustness")
    rows = [effect(name, dataset) for name in names for dataset in ("", "shapes", "toys")]
    return make_run(compared=contrasts(*rows), **changes)


def test_a_clean_run_has_no_warning():
    assert titles(complete()) == []


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("zero_gradient", "share of zero gradients"),
        ("randomised", "randomised"),
        ("softmax_outputs", "probabilities as scores"),
    ],
)
def test_a_failed_self_check_of_the_attack_is_shown_with_its_place(metric, words):
    text = only(complete(rows=changed(metric, 0.25)))
    assert text.startswith(f"Attack self-check failed: {words}")
    assert "robustness shown is too good" in text
    assert "first on toys (25%)" in text


def test_images_that_survive_a_radius_that_nothing_can_survive_mean_a_failed_attack():
    text = only(complete(rows=changed("unbroken_at_largest", 0.1)))
    assert "largest radius, 1, where no classifier can resist" in text
    assert "first on toys (10%)" in text


def test_images_that_survive_a_small_radius_mean_a_curve_that_ends_early():
    run = complete(rows=changed("unbroken_at_largest", 0.1))
    run.config["protocols"]["robustness"]["epsilons"] = [0.001]
    assert "the curve ends above zero" in only(run)


def test_a_probe_that_did_not_converge_is_shown():
    assert "first on toys: its accuracy may be too low" in only(
        complete(rows=changed("converged", 0.0, "transfer"))
    )


def test_twins_are_counted_by_dataset_exact_ones_first():
    run = complete(
        datasets={"shapes": dataset_card("shapes", exact=2, near=5), "toys": dataset_card("toys", near=7)}
    )
    exact, near = cautions(run)
    assert "shapes 2 of 200" in exact.text
    assert "toys" not in exact.text
    assert "shapes 5 of 200 and toys 7 of 200" in near.text


def test_an_unmatched_contrast_says_in_what_else_its_sides_differ():
    run = complete(comparisons=[comparison(groups=[""])])
    run.models["second"] |= {"architecture": "timm/other", "pretraining_images": 9}
    assert "They also differ in architecture and the size of their training data." in only(run)


def test_untrained_controls_are_not_blamed_for_having_no_data():
    run = complete(languages=("labels", "none"))
    run.models["second"] |= {"pretraining_images": 0, "pretraining_data": "none"}
    assert titles(run) == []


def test_a_dataset_that_no_contrast_could_use_is_named():
    rows = [
        effect(name, d) for name in ("clustering", "few_shot", "transfer") for d in ("", "shapes", "toys")
    ]
    run = make_run(compared=contrasts(*rows, effect("robustness", "toys")))
    assert "Robustness on shapes" in only(run)


def test_few_images_are_named_for_the_protocol_they_weaken():
    rows = results()
    rows.loc[(rows["protocol"] == "robustness") & (rows["unit"] == "items"), "n"] = 20
    assert only(complete(rows=rows)).endswith("on the smallest dataset: Robustness (20 images).")


def test_many_places_are_counted_after_the_first():
    models = [f"m{i}" for i in range(9)]
    rows = results(models, ["toys"])
    rows.loc[rows["metric"] == "randomised", "value"] = 1.0
    run = complete(rows=rows, models={name: model_card(name) for name in [*models, "first", "second"]})
    text = next(c.text for c in cautions(run) if "randomised" in c.title)
    assert "m5 on toys (100%) and 3 more." in text


def test_training_that_did_not_learn_is_named_with_what_it_reached_and_with_chance():
    run = trained_run()
    run.models["simclr-1"]["training"] = training_card("simclr", 1, learned=False)
    run.models["simclr-2"]["training"] = training_card("simclr", 2, learned=False)
    run.models["labels-0"]["training"] = training_card("labels", 0, learned=False, measured=0.25, chance=0.2)
    first = cautions(run)[0]
    assert first.title == "Training that did not learn"
    assert first.text.startswith(
        "Did not learn: labels in 1 of 3 runs (seed 0; nearest caption of 512: 25.0%, chance 20.0%) and SimCLR in "
        "2 of 3 runs (seeds 1 and 2; nearest caption of 512: 1.2% and 1.2%, chance 1.0%)."
    )
    assert "untrained" not in first.text
    assert "Training that did not learn" not in titles(trained_run())


def test_few_training_runs_are_counted_by_objective():
    assert "Fewer than five training runs" in titles(trained_run())
    caution = next(c for c in cautions(trained_run()) if c.title == "Fewer than five training runs")
    assert caution.text.startswith("3 runs of every objective: so few")
    models = trained(["simclr"], 1) | trained(["labels"], 5) | trained(["untrained"], 2)
    run = trained_run(models, pairs=[("labels", "simclr")], comparisons=[], compared=no_contrasts())
    (caution,) = [c for c in cautions(run) if c.title == "Fewer than five training runs"]
    assert caution.text.startswith("1 run of SimCLR; 2 runs of untrained: so few")
    run = trained_run(trained(["labels"], 5), comparisons=[], compared=no_contrasts())
    assert "Fewer than five training runs" not in titles(run)


def test_objectives_that_the_workflow_matched_are_not_called_confounded():
    run = trained_run(pairs=PAIRS)
    assert not [title for title in titles(run) if "differ in more" in title]
    run.models["labels-0"]["architecture"] = "timm/other"
    assert "Contrast captions_contrastive-or-labels: the sides differ in more than what is asked" in titles(
        run
    )


def test_a_contrast_that_the_audit_calls_confounded_is_warned_of_even_where_cards_agree():
    run = complete()
    run.contrasts["flags"] = "few replicates; confounded"
    assert "go together with another trait" in only(run)


@pytest.mark.parametrize(
    ("flag", "title"),
    [
        ("ceiling", "Flagged: scores near the highest possible"),
        ("floor", "Flagged: scores near guessing"),
        ("flips without one model", "Flagged: another verdict without one replicate"),
        ("flips without one dataset", "Flagged: another verdict without one dataset"),
        ("modes disagree", "Flagged: sound and paper mode disagree"),
    ],
)
def test_flags_of_comparisons_are_gathered_with_what_they_mean(flag, title):
    run = complete()
    chosen = run.contrasts["protocol"].isin(["transfer", "few_shot"])
    run.contrasts.loc[chosen, "flags"] = f"few replicates; {flag}"
    (caution,) = cautions(run)
    assert caution.title == title
    assert caution.text.endswith("Seen for language (Few-shot, Transfer).")


def test_models_that_are_too_few_for_a_verdict_and_values_that_do_not_vary_are_warned_of():
    run = complete()
    decides = run.contrasts["family"] != ""
    run.contrasts.loc[decides & (run.contrasts["protocol"] == "transfer"), "reason"] = "constant"
    run.contrasts.loc[decides & (run.contrasts["protocol"] == "few_shot"), "reason"] = "too few models"
    constant, few = cautions(run)
    assert constant.title == "Comparisons in which nothing varies"
    assert "language (Transfer)" in constant.text
    assert few.title == "Contrast language: too few models for a verdict"


def test_a_value_that_is_missing_is_warned_of_with_its_place():
    rows = results()
    rows.loc[(rows["protocol"] == "transfer") & (rows["model"] == "first"), "value"] = float("nan")
    caution = next(c for c in cautions(complete(rows=rows)) if c.title == "Measurements without a value")
    assert "first on shapes, first on toys" in caution.text


def test_pairs_that_were_not_measured_are_counted():
    run = trained_run()
    lacking = run.contrasts["protocol"] == "robustness"
    run.contrasts["n_pairs"] = 3
    assert "Comparisons that lack pairs of models" not in titles(run)
    run.contrasts.loc[lacking, "n_pairs"] = 2
    caution = next(c for c in cautions(run) if c.title == "Comparisons that lack pairs of models")
    assert caution.text.endswith(": captions_contrastive-or-labels on Robustness (2 of 3).")


def test_what_is_listed_of_many_contrasts_is_the_first_and_the_number_of_the_others():
    run = trained_run(pairs=[(name, "labels") for name in OBJECTIVES if name != "labels"])
    run.contrasts.loc[run.contrasts["protocol"] == "transfer", "flags"] = "ceiling"
    caution = next(c for c in cautions(run) if c.title.startswith("Flagged"))
    assert caution.text.endswith("(Transfer) and 6 more contrasts.")


def test_contrasts_that_lack_the_same_are_named_together():
    run = trained_run(pairs=PAIRS)
    lacking = run.contrasts["protocol"].isin(["robustness", "cross_style_probe"])
    second = run.contrasts["contrast"] == run.comparisons[1].name
    for dropped, words in (
        (lacking, "All 7 contrasts"),
        (lacking & second, f"Contrast {run.comparisons[1].name}"),
        (lacking & ~second, f"Contrasts {run.comparisons[0].name}, "),
    ):
        changed_run = trained_run(pairs=PAIRS, compared=run.contrasts[~dropped])
        (caution,) = [c for c in cautions(changed_run) if "not compared everywhere" in c.title]
        assert caution.title.startswith(words)
        assert "Robustness on shapes, Robustness on toys and Probe across styles: " in caution.text


def test_a_probe_across_styles_that_did_not_converge_names_its_cell():
    extra = row("cross_style_probe", "first", ALL_NEW, "converged", 0.0, **WHOLE)
    rows = pd.concat([results(), pd.DataFrame([extra])], ignore_index=True)
    texts = [caution.text for caution in cautions(make_run(rows=rows))]
    assert any("first on unseen concepts in an unseen style: its accuracy" in text for text in texts)


# Tables


def test_the_primary_tables_have_a_row_a_model_and_setting_and_a_column_a_dataset():
    few_shot = next(table for table in primary_tables(complete()) if table.caption.startswith("Few-shot"))
    assert few_shot.columns == ["model", "shots", "shapes", "toys"]
    assert few_shot.rows[0] == ["first", "1", "50.0 ± 2.0", "60.0 ± 2.0"]
    assert [r[:2] for r in few_shot.rows] == [
        ["first", "1"],
        ["second", "1"],
        ["first", "5"],
        ["second", "5"],
    ]


def test_what_was_not_measured_is_a_dash():
    rows = results()
    rows = rows[(rows["protocol"] != "robustness") | (rows["model"] == "first") | (rows["dataset"] == "toys")]
    table = primary_tables(complete(rows=rows))[-1]
    assert table.rows[1] == ["second", "–", "30.5 ± 2.0"]


def rows_of(run, wanted):
    """Rows of results.csv that a query of a cell asks for, as the page finds them."""
    asked, found = parse_qs(wanted), run.results
    if "contrast" in asked:
        both = sides(run)[asked.pop("contrast")[0]]
        models = {model for side in asked.pop("side", both) for model in both[side]}
        found = found[found["model"].isin(models)]
    for name, values in asked.items():
        as_text = found[name].map("{:g}".format) if name == "setting" else found[name]
        found = found[as_text.isin(values)]
    return found


@pytest.mark.parametrize("made", [lambda: complete(), lambda: trained_run()])
def test_each_number_of_the_results_leads_to_the_rows_that_it_is_the_mean_of(made):
    run = made()
    numbers = 0
    for table in [*primary_tables(run), *cell_tables(run)]:
        first = table.columns.index("shapes") if "shapes" in table.columns else len(table.columns) - 4
        for place, cells in enumerate(table.rows):
            for at in range(first, len(cells)):
                if cells[0] == "guessing" or cells[at] == "–":
                    assert (place, at) not in table.links
                    continue
                found = rows_of(run, table.links[place, at])
                assert found["value"].mean() == pytest.approx(float(cells[at].split()[0]) / 100, abs=0.00051)
                assert found["model"].nunique() == len(found)
                numbers += 1
    assert numbers > 10


def test_each_number_of_a_contrast_leads_to_the_rows_of_its_models_on_its_datasets():
    run = trained_run(pairs=[("captions_contrastive", "labels")])
    (table,) = contrast_tables(run)
    for place, cells in enumerate(table.rows):
        found = {at: rows_of(run, table.links[place, at]) for at in (2, 3, 4)}
        assert set(found[2]["objective"]) == {"captions_contrastive"}
        assert set(found[3]["objective"]) == {"labels"}
        assert len(found[4]) == len(found[2]) + len(found[3])
        if cells[1] != "all datasets":
            assert {display.dataset(name) for name in found[4]["dataset"]} == {cells[1]}
    assert {"shapes", "toys"} == set(rows_of(run, table.links[0, 4])["dataset"])


def test_a_query_survives_names_that_an_address_would_read_as_its_own():
    assert parse_qs(query(model=HOSTILE, dataset=["a&b=c", "d e"])) == {
        "model": [HOSTILE],
        "dataset": ["a&b=c", "d e"],
    }


def test_effects_are_listed_by_contrast_with_the_pooled_one_first():
    rows = [effect(dataset="toys", contrast="b"), effect(contrast="b"), effect(contrast="a", n_datasets=1)]
    (table,) = contrast_tables(make_run(compared=contrasts(*rows)))
    assert [r[1] for r in table.rows] == ["all datasets", "toys"]
    assert table.rows[0][4:7] == ["+20.0", "+10.0 to +30.0", "helps"]


def test_a_line_of_a_contrast_says_what_its_verdict_rests_on():
    rows = [
        effect(verdict="undecided", more_replicates=12.4, flags="ceiling; floor"),
        effect("few_shot", p_adjusted=0.0001, relative=float("nan"), replicate="models", replicates=1, reason="too few models"),
        effect("robustness", low=float("nan"), high=float("nan"), more_replicates=float("inf"), p_adjusted=float("nan")),
    ]  # fmt: skip
    run = make_run(compared=contrasts(*rows, effect(dataset="toys"), effect(dataset="shapes")))
    table = next(table for table in contrast_tables(run))
    undecided, *_, few, none = (dict(zip(table.columns, cells, strict=True)) for cells in table.rows)
    assert undecided["p, difference"] == "0.400"  # corrected
    assert (undecided["margin"], undecided["smallest margin"], undecided["detectable"]) == (
        "3.0",
        "30.0",
        "14.0",
    )
    assert (undecided["more needed"], undecided["replicates"]) == ("13", "6 matched groups")
    assert undecided["% of gain over untrained"] == "+100"
    assert (
        undecided["remarks"] == "decides, corrected; scores near the highest possible; scores near guessing"
    )
    assert (few["p, difference"], few["% of gain over untrained"], few["replicates"]) == (
        "<0.001",
        "–",
        "1 model",
    )
    assert few["remarks"].endswith("too few models for a verdict about training")
    assert (none["interval"], none["more needed"], none["p, difference"]) == ("–", "no number", "–")
    assert dict(zip(table.columns, table.rows[1], strict=True))["remarks"] == "–"


def test_sensitivity_has_a_table_an_analysis_and_the_ends_of_what_leaves_one_out():
    rows = pd.DataFrame([
        *(sensitivity("leave one model out", str(n), value, verdict=verdict)
          for n, value, verdict in ((0, 0.1, "helps"), (1, -0.02, "undecided"), (2, 0.3, "helps"))),
        sensitivity(), sensitivity("mixed model", effect=float("nan"), low=float("nan"), high=float("nan"),
                                   p_value=float("nan"), note="too few models"),
    ])  # fmt: skip
    without, meta, mixed = sensitivity_tables(make_run(sensitivity=rows))
    assert sensitivity_tables(make_run()) == []
    assert without.caption == "Leave one model out: effects in percentage points"
    assert without.rows == [["language", "Transfer", "3", "−2.0 (1)", "+30.0 (2)", "2 helps, 1 undecided"]]
    assert meta.rows == [["language", "Transfer", "+20.0", "+10.0 to +30.0", "0.001", "40", "2", "–"]]
    assert mixed.rows[0][2:] == ["–", "–", "–", "–", "2", "too few models"]


def test_effects_that_could_not_be_estimated_for_one_reason_have_one_row():
    gaps = dict.fromkeys(["effect", "low", "high", "p_value"], float("nan")) | {"note": "too few models"}
    rows = [sensitivity("mixed model"), *(sensitivity("mixed model", n=n, **gaps) for n in (2, 3))]
    (table,) = sensitivity_tables(make_run(sensitivity=pd.DataFrame(rows)))
    assert [row[:3] for row in table.rows] == [
        ["language", "Transfer", "+20.0"],
        ["language", "2 comparisons", "–"],
    ]
    assert table.rows[1][-2:] == ["2 to 3", "too few models"]
    other = sensitivity("mixed model", contrast="other", **gaps)
    (table,) = sensitivity_tables(make_run(sensitivity=pd.DataFrame([*rows, other])))
    assert table.rows[1][:2] == ["2 contrasts", "3 comparisons"]


def test_digests_of_models_are_short_and_an_untrained_one_has_no_source():
    run = make_run(models={"first": model_card("first", sha256="")})
    assert model_table(run).rows[0][-2:] == ["–", "b" * 12]


def test_what_is_known_of_some_encoders_alone_has_a_column_where_there_is_some():
    models = make_run().models
    without = model_table(make_run())
    first, *others = models
    known = {first: models[first] | {"group": "vit-b", "images_seen": 12_800_000}}
    table = model_table(make_run(models=known | {name: models[name] for name in others}))
    assert set(table.columns) - set(without.columns) == {"group", "images seen"}
    places = [table.columns.index(title) for title in ("group", "images seen")]
    assert [table.rows[0][place] for place in places] == ["vit-b", "12,800,000"]
    assert places[1] in table.numeric


def test_a_squashed_picture_is_said_to_be():
    card = model_card("first")
    plain = model_table(make_run(models={"first": card})).rows[0]
    card["preprocessing"]["squash"] = True
    squashed = model_table(make_run(models={"first": card})).rows[0]
    assert any(cell.startswith("bicubic to 64, centre 64 pixels") for cell in plain)
    assert any(cell.startswith("bicubic to 64 x 64, centre 64 pixels") for cell in squashed)


def test_the_primary_tables_show_each_objective_once_with_its_interval():
    found = {table.caption: table for table in primary_tables(trained_run())}
    assert list(found) == [
        "Clustering: accuracy, sound mode", "Few-shot: accuracy, sound mode", "Transfer: accuracy, sound mode",
        "Robustness: area under the robustness curve, sound mode", "Few-shot across styles: accuracy, sound mode",
    ]  # fmt: skip
    table = found["Few-shot: accuracy, sound mode"]
    assert table.columns == ["encoder", "training runs", "shots", "shapes", "toys"]
    assert [r[:3] for r in table.rows[:2]] == [["first", "1", "1"], ["labels", "3", "1"]]
    assert len(table.rows) == 2 * 14
    means = trained_run().objectives.query("protocol == 'transfer' and group == 'labels'")
    first = means.iloc[0]
    assert found["Transfer: accuracy, sound mode"].rows[1][2] == (
        f"{100 * first['value']:.1f} [{100 * first['low']:.1f}, {100 * first['high']:.1f}]"
    )


def test_the_tables_of_cells_have_a_row_an_objective_a_column_a_cell_and_guessing_below():
    few_shot, probe, retrieval = cell_tables(trained_run())
    assert few_shot.caption == "Few-shot across styles, 5 shots: accuracy, sound mode"
    assert retrieval.caption == "Retrieval across styles: recall at 1, sound mode"
    assert probe.columns == [
        "encoder", "training runs", "seen concepts, seen style", "seen concepts, unseen style",
        "unseen concepts, seen style", "unseen concepts, unseen style",
    ]  # fmt: skip
    assert [r[0] for r in probe.rows][:3] == ["first", "labels", "contrastive captions"]
    assert [r[0] for r in probe.rows][-2:] == ["untrained", "guessing"]
    assert probe.rows[1] == [
        "labels", "3", "25.0 [21.0, 29.0]", "20.0 [16.0, 24.0]", "15.0 [11.0, 19.0]", "10.0 [6.0, 14.0]",
    ]  # fmt: skip
    assert probe.rows[-1] == ["guessing", "–", "10.0", "10.0", "10.0", "10.0"]
    assert cell_tables(complete()) == []


def test_what_the_workflow_trained_is_a_row_an_objective_and_the_rest_a_row_a_model():
    run = trained_run()
    run.models["simclr-1"]["training"] = training_card("simclr", 1, learned=False, measured=0.1)
    table = training_table(run)
    assert table.caption == "Encoders that this workflow trained: small/resnet_w16, 900 training images"
    found = {cells[0]: dict(zip(table.columns, cells, strict=True)) for cells in table.rows}
    assert len(found) == len(OBJECTIVES)
    assert found["SimCLR"] == {
        "objective": "SimCLR", "runs": "3", "language": "none", "learned": "2 of 3", "reached": "30.0%",
        "chance": "1.0%", "own measure": "nearest caption of 512", "final loss": "0.6", "images seen": "40,000",
        "learning rate": "0.003", "TFLOP a run": "2.5",
    }  # fmt: skip
    assert list(found["untrained"].values()) == ["untrained", "3", "none", *["–"] * 5, "0", "–", "0"]
    assert [cells[0] for cells in model_table(run).rows] == ["first"]
    assert training_table(complete()).rows == []


def test_many_effects_keep_what_decides_them():
    many = trained_run(pairs=[(one, two) for one in OBJECTIVES for two in OBJECTIVES if one < two][:30])
    shown = contrast_tables(many)
    assert len(shown) == 30
    assert {cells[1] for cells in shown[0].rows} == {"all datasets", "seen concepts, seen style", *(
        f"{kind} concepts, {style} style" for kind, style in (("seen", "unseen"), ("unseen", "seen"), ("unseen", "unseen"))
    )}  # fmt: skip
    (few,) = contrast_tables(trained_run())
    assert {"shapes", "toys", "all datasets"} < {cells[1] for cells in few.rows}


# What the run took


def bench(folder, name, seconds, memory="100.0"):
    path = folder / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{memory}\n")


def test_costs_are_summed_by_rule_without_the_files_of_another_configuration(tmp_path):
    bench(tmp_path, "features/m.1/d", 2.0, "300.0")
    bench(tmp_path, "features/m.1/e", 6.0, "200.0")
    bench(tmp_path, "augmented_features/m.1/d/3", 1.0)
    bench(tmp_path, "features/gone/d", 50.0)
    bench(tmp_path, "robustness/m.1/d", 70.0)
    bench(tmp_path, "summary", 0.4, "NA")
    jobs = costs.benchmarks(tmp_path, {"m.1", "d", "e"}, {"robustness"})
    found = {cost.rule: cost for cost in costs.costs(jobs)}
    assert list(found) == ["features", "augmented_features", "summary"]
    assert (found["features"].jobs, found["features"].seconds, found["features"].longest) == (2, 8.0, 6.0)
    assert found["features"].memory_mb == 300.0
    assert pd.isna(found["summary"].memory_mb)
    cards = {name: dataset_card(name) for name in ("d", "e")}
    assert costs.speeds(jobs, cards, {"m.1": "m.1"}) == {"m.1": pytest.approx(800 / 8.0)}


def test_speeds_are_those_of_an_objective(tmp_path):
    bench(tmp_path, "features/simclr-0/d", 3.0)
    bench(tmp_path, "features/simclr-1/e", 5.0)
    bench(tmp_path, "features_together/simclr-1", 9.0)
    jobs = costs.benchmarks(tmp_path, {"simclr-0", "simclr-1", "d", "e"}, set())
    cards = {name: dataset_card(name) for name in ("d", "e")}
    shown = {"simclr-0": "SimCLR", "simclr-1": "SimCLR"}
    assert costs.speeds(jobs, cards, shown) == {"SimCLR": pytest.approx(800 / 8.0)}


def test_a_run_without_benchmarks_has_no_costs(tmp_path):
    assert costs.costs(costs.benchmarks(tmp_path / "absent", set(), set())) == []


def test_versions_are_those_installed_or_else_those_locked():
    versions = dict(made_with.software())
    assert versions["python"].startswith("3.")
    assert versions["pandas"] == pd.__version__
    assert versions["torch"][0].isdigit()


# The page


class Page(HTMLParser):
    """Elements of a page with their attributes, and the text of scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.inside = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data

    def named(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return written(complete(), tables(compared=contrasts()), tmp_path_factory.mktemp("page"))


def test_nothing_is_loaded_from_anywhere(text):
    page = Page(text)
    for attributes in (attributes for _, attributes in page.elements):
        for key in ("src", "href", "xlink:href", "data", "poster", "srcset", "action"):
            assert re.match("#|data:", attributes.get(key, "#")), attributes
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL))
    assert "@import" not in styles
    assert "url(" not in styles
    policy = next(
        meta["content"]
        for meta in page.named("meta")
        if "content" in meta and "default-src" in meta["content"]
    )
    assert policy.startswith(
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'sha256-"
    )
    assert "unsafe-eval" not in policy


def test_the_page_allows_its_own_scripts_and_no_other(text):
    page = Page(text)
    policy = next(meta["content"] for meta in page.named("meta") if "default-src" in meta.get("content", ""))
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    kinds = [attributes.get("type") for attributes in page.named("script")]
    code = [script for script, kind in zip(page.scripts, kinds, strict=True) if kind is None]
    assert {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in code} == allowed
    assert len(code) == 6


def test_the_page_is_small_enough_to_send(text):
    assert len(text.encode()) < 2_600_000


def test_the_answer_comes_before_figures_tables_and_method(text):
    parts = ["<h1>Does it help?</h1>", '<p class="opening">', '<section class="answer"']
    parts += [f'id="{name}"' for name in ("figures", "tables", "method", "provenance", "limits", "cite")]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def inner_targets(page):
    return {a["href"] for a in page.named("a") if not a["href"].startswith("data:")}


def unpacked(text):
    return gzip.decompress(base64.b64decode(text))


def specs_of(page):
    """Vega-Lite of each figure."""
    kinds = [attributes.get("type") for attributes in page.named("script")]
    packed = [script for script, kind in zip(page.scripts, kinds, strict=True) if kind == "text/plain"]
    return [json.loads(unpacked(text)) for text in packed]


def test_the_page_can_be_read_without_seeing_it(text):
    page = Page(text)
    assert page.named("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.named("th"))
    images = [attributes for _, attributes in page.elements if attributes.get("role") == "img"]
    assert len(images) == 2
    assert all(len(attributes["aria-label"]) > 40 for attributes in images)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert inner_targets(page) <= {f"#{name}" for name in ids}


def test_each_figure_is_there_as_svg_and_as_data_with_its_caption_the_summary_first(text):
    page = Page(text)
    assert [attributes["data-figure"] for attributes in page.named("figure")] == ["summary", "transfer"]
    assert text.count('<div class="still" aria-hidden="true"><svg') == 2
    assert [spec["title"]["text"].split(":")[0] for spec in specs_of(page)] == ["Summary", "Transfer"]
    assert "Caption of transfer." in text


def test_warnings_stand_on_the_page(tmp_path, text):
    assert 'id="warnings"' not in text
    run = complete(rows=changed("zero_gradient", 0.25))
    flagged = written(run, tables(compared=contrasts()), tmp_path)
    assert "1 warning</h2>" in flagged
    assert "first on toys (25%)" in flagged
    assert flagged.index('id="warnings"') < flagged.index('id="figures"')


def hostile_run():
    names = {"first": f"first{HOSTILE}", "toys": f"toys{HOSTILE}"}
    rows = results((names["first"], "second"), ("shapes", names["toys"]))
    rows.loc[rows["metric"] == "randomised", "value"] = 1.0
    compared = contrasts(effect(), effect(dataset="shapes"), effect(dataset=names["toys"], verdict="lower"))
    run = make_run(
        title=f"Title{HOSTILE}",
        rows=rows,
        compared=compared,
        models={name: model_card(name, licence=HOSTILE) for name in (names["first"], "second")},
        datasets={name: dataset_card(name, near=1, origin=HOSTILE) for name in ("shapes", names["toys"])},
        comparisons=[comparison(question=f"Why{HOSTILE}", pairs=[(names["first"], "second")])],
    )
    drawn = tables((names["first"], "second"), ("shapes", names["toys"]), compared)
    return run, drawn


def test_names_cannot_become_markup_or_scripts(tmp_path):
    run, drawn = hostile_run()
    text = written(run, drawn, tmp_path)
    page = Page(text)
    assert "<script>alert(1)" not in text
    assert not [script for script in page.scripts if script.startswith("alert")]
    assert len(page.scripts) == 6 + 2 + 1
    assert not any("<" in s for s, a in zip(page.scripts, page.named("script"), strict=True) if a.get("type"))
    assert f"first{HOSTILE}" in json.dumps(specs_of(page)[1]).encode().decode("unicode_escape")
    (known,) = (
        json.loads(s)
        for s, a in zip(page.scripts, page.named("script"), strict=True)
        if a.get("id") == "sides"
    )
    assert known == {"language": {"treatment": [f"first{HOSTILE}"], "control": ["second"]}}
    queries = [parse_qs(a["data-rows"]) for a in page.named("a") if "data-rows" in a]
    assert [f"first{HOSTILE}"] in [wanted.get("model") for wanted in queries]
    assert "Title&lt;/script&gt;&lt;script&gt;alert(1)" in text


def test_tables_can_be_saved_from_the_page_and_large_ones_are_named(tmp_path):
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text("a,b\n1,2\n")
    large.write_bytes(np.random.default_rng(0).bytes(LARGEST_TABLE))
    text = written(complete(), tables(), tmp_path, [download(small), download(large)])
    (link,) = [attributes for attributes in Page(text).named("a") if "data-packed" in attributes]
    assert link["download"] == "small.csv.gz"
    assert unpacked(link["href"].partition("base64,")[2]) == small.read_bytes()
    assert f"<code>{large}</code>" in text


def test_equal_tables_are_packed_alike_at_any_time(tmp_path):
    paths = [tmp_path / "results.csv", tmp_path / "again" / "results.csv"]
    paths[1].parent.mkdir()
    for path in paths:
        path.write_text("a\n1\n")
    one, other = map(download, paths)
    assert one.packed == other.packed == packed(b"a\n1\n")


def test_pdfs_are_carried_while_they_fit_the_smallest_first_and_the_others_lie_beside(tmp_path, monkeypatch):
    drawn = [
        Figure(name, "", "<svg/>", {"description": ""}, b"x" * size)
        for name, size in (("a", 30), ("b", 9), ("c", 0))
    ]
    monkeypatch.setattr(page, "MOST_PDF", 35)
    write_report(tmp_path / "r.html", complete(), drawn, [], benchmarks=tmp_path, digests={})
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    links = [a["href"] for a in Page(text).named("a") if "PDF" in a.get("aria-label", "")]
    assert links == [
        "figures/a.pdf",
        f"data:application/pdf;base64,{base64.b64encode(b'x' * 9).decode()}",
        "figures/c.pdf",
    ]


def test_the_page_has_the_methods_licences_sources_and_sensitivity_of_the_run(tmp_path):
    run = replace(complete(), sensitivity=pd.DataFrame([sensitivity()]))
    write_report(tmp_path / "r.html", run, [], [], benchmarks=tmp_path, digests={})
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Random effects over datasets: effects in percentage points" in text
    assert r"\cite{" in text
    assert "@inproceedings{devillers2021" in text
    assert "Licences of data and weights" in text
    without = written(complete(), tables(), tmp_path)
    assert "Sensitivity" not in without


def test_the_page_of_two_hundred_models_of_any_name_is_whole_and_can_be_sent(tmp_path):
    names = [f"m{number} {HOSTILE} \\x & 50% of $y_{{1}}$" for number in range(200)]
    rows = results(names)
    run = make_run(
        rows=rows,
        models={
            name: model_card(name, "captions" if place % 2 else "labels") for place, name in enumerate(names)
        },
        comparisons=[comparison(pairs=[(names[1], names[0])])],
    )
    write_csv(tmp_path / "results.csv", rows)
    text = written(run, tables(names, compared=contrasts()), tmp_path, [download(tmp_path / "results.csv")])
    assert "<script>alert" not in text
    assert len(text.encode()) < 8_000_000
    html = Page(text)
    assert len(html.scripts) == 6 + 2 + 1
    linked = {
        model
        for a in html.named("a")
        if "data-rows" in a
        for model in parse_qs(a["data-rows"]).get("model", [])
    }
    assert linked == set(names)
    (link,) = [a for a in html.named("a") if "data-packed" in a]
    assert set(pd.read_csv(io.BytesIO(unpacked(link["href"].partition("base64,")[2])))["model"]) == set(names)


@pytest.mark.parametrize("protocols", [["transfer"], ["clustering", "robustness"]])
@pytest.mark.parametrize("mode", ["sound", "paper"])
def test_method_and_tables_tell_only_of_what_ran(tmp_path, protocols, mode):
    rows = results(protocols=protocols).assign(mode=mode)
    run = make_run(rows=rows, compared=no_contrasts(), comparisons=[])
    run.config["protocols"] |= {
        n: None for n in ("clustering", "few_shot", "transfer", "robustness") if n not in protocols
    }
    drawn = tables(protocols=[*protocols, "transfer"])
    text = written(run, drawn, tmp_path)
    described = re.findall(r"<strong>(\S+)</strong> \((\w+) mode\)", text)
    assert described == [(name.capitalize(), mode) for name in protocols]
    assert "Points are percentage points" not in text


def test_the_default_configuration_is_shown_as_run(tmp_path):
    import yaml

    config = load(yaml.safe_load((ROOT / "config/config.yaml").read_text())).model_dump(mode="json")
    run = make_run(config=config)
    text = written(run, tables(), tmp_path)
    shown = re.search(r"<pre[^>]*>(title: .*?)</pre>", text, flags=re.DOTALL).group(1)
    assert yaml.safe_load(shown.replace("&#39;", "'").replace("&gt;", ">")) == config


@pytest.mark.parametrize("name", [*catalogue.PROTOCOLS, *FIGURES])
def test_every_figure_has_a_caption_of_one_plain_paragraph(name):
    words = caption(name)
    assert words.endswith(".")
    assert not re.search(r"[`*_|{}\n]|::", words)


# The page of a run that trained its encoders


@pytest.fixture(scope="module")
def trained_text(tmp_path_factory):
    run = trained_run(
        pairs=[(name, "labels") for name in OBJECTIVES if name.startswith("captions")] + PAIRS[1:]
    )
    folder = tmp_path_factory.mktemp("trained")
    return written(
        run, trained_tables(compared=run.contrasts), folder, names=("cross_style_probe", "training")
    )


def test_the_four_cells_stand_between_the_answer_and_the_figures(trained_text, text):
    parts = ['id="answer"', 'id="warnings"', 'id="cells"', "Probe across styles: accuracy", 'id="figures"']
    places = [trained_text.index(part) for part in parts]
    assert places == sorted(places)
    assert "nothing can be remembered" in " ".join(trained_text.split())
    assert 'id="cells"' not in text
    assert "Matched training" not in text
    assert "Matched training" in trained_text


def test_of_many_contrasts_the_page_tells_what_is_decided_and_folds_those_that_are_not_about_language(
    trained_text,
):
    assert trained_text.count('<section class="answer"') == 6
    (glance,) = re.findall(r'<table class="glance">.*?</table>', trained_text, flags=re.DOTALL)
    assert glance.count('<th scope="row">') == 6
    assert glance.count('<span class="verdict helps">') == 6 * 7
    assert "20.0</span>" in glance
    assert "(10.0 to 30.0)" in glance
    (folded,) = re.findall(r'<details class="answer">.*?</details>', trained_text, flags=re.DOTALL)
    assert "4 contrasts that are not about language" in folded
    assert folded.count("<li>") == 4
    assert "Contrastive captions against untrained: helps on " in folded


def test_the_page_of_fifty_models_can_be_sent_and_read_without_seeing_it(trained_text):
    assert len(trained_text.encode()) < 2_500_000
    page = Page(trained_text)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.named("th"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert inner_targets(page) <= {f"#{name}" for name in ids}


def test_no_single_seed_is_in_a_table(trained_text):
    tables_shown = " ".join(re.findall(r"<table.*?</table>", trained_text, flags=re.DOTALL))
    assert "SimCLR" in tables_shown
    assert "simclr-0" not in tables_shown


def test_what_a_training_says_of_itself_cannot_become_markup(tmp_path):
    run = trained_run()
    for model, seed in (("labels-0", 0), ("labels-1", 1)):
        run.models[model]["training"] = training_card("labels", seed, learned=seed > 0, measure=HOSTILE)
    text = written(run, trained_tables(), tmp_path, names=("training",))
    assert "<script>alert(1)" not in text
    assert text.count("&lt;script&gt;alert(1)") == 2  # in the warning and in the table
