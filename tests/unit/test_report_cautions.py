"""Every warning that is due, and no other: where each finds its reason, and its words as snapshots."""

import pandas as pd
import pytest

import snapshots
from hand_made import (
    CHECKS,
    OBJECTIVES,
    PAIRS,
    comparison,
    complete,
    contrasts,
    dataset_card,
    effect,
    make_run,
    model_card,
    no_contrasts,
    results,
    row,
    trained,
    trained_run,
    training_card,
)
from wordsight.catalogue.cells import ALL_NEW
from wordsight.report.cautions import MEANINGS, cautions

WHOLE = {"n": 1, "unit": "trials", "stderr": float("nan")}


def changed(metric, value, protocol="robustness", model="first"):
    """Results of which one metric of one model on one dataset has another value."""
    rows = results()
    place = (rows["metric"] == metric) & (rows["protocol"] == protocol)
    rows.loc[place & (rows["model"] == model) & (rows["dataset"] == "toys"), "value"] = value
    return rows


def with_training(run, model, **changes):
    """Give one training run of a run another end."""
    card = run.models[model]
    values = training_card(card.training.objective, card.training.seed, **changes)
    run.models[model] = card.model_copy(update={"training": values})


def with_small_radii():
    run = complete(rows=changed("unbroken_at_largest", 0.1))
    run.config["protocols"]["robustness"]["epsilons"] = [0.001]
    return run


def twins():
    found = {"shapes": dataset_card("shapes", exact=2, near=5), "toys": dataset_card("toys", near=7)}
    return complete(datasets=found)


def unlike():
    run = complete(comparisons=[comparison(groups=[""])])
    values = {"architecture": "timm/other", "pretraining_images": 9}
    run.models["second"] = run.models["second"].model_copy(update=values)
    return run


def few_images():
    rows = results()
    rows.loc[(rows["protocol"] == "robustness") & (rows["unit"] == "items"), "n"] = 20
    return complete(rows=rows)


def many_places():
    models = [f"m{i}" for i in range(9)]
    rows = results(models, ["toys"])
    rows.loc[rows["metric"] == "randomised", "value"] = 1.0
    return complete(rows=rows, models={name: model_card(name) for name in [*models, "first", "second"]})


def not_learned():
    run = trained_run()
    for seed in (1, 2):
        with_training(run, f"simclr-{seed}", learned=False)
    with_training(run, "labels-0", learned=False, measured=0.25, chance=0.2)
    return run


def few_of_some():
    models = trained(["simclr"], 1) | trained(["labels"], 5) | trained(["untrained"], 2)
    return trained_run(models, pairs=[("labels", "simclr")], comparisons=[], compared=no_contrasts())


def flagged(flag):
    run = complete()
    chosen = run.contrasts["protocol"].isin(["transfer", "few_shot"])
    run.contrasts.loc[chosen, "flags"] = f"few replicates; {flag}"
    return run


def flagged_often():
    run = trained_run(pairs=[(name, "labels") for name in OBJECTIVES if name != "labels"])
    run.contrasts.loc[run.contrasts["protocol"] == "transfer", "flags"] = "ceiling"
    return run


def with_reason(reason, protocol):
    run = complete()
    chosen = run.contrasts["decides"] & (run.contrasts["protocol"] == protocol)
    run.contrasts.loc[chosen, "reason"] = reason
    return run


def without_a_value():
    rows = results()
    rows.loc[(rows["protocol"] == "transfer") & (rows["model"] == "first"), "value"] = float("nan")
    return complete(rows=rows)


def partly_measured():
    run = trained_run()
    run.contrasts["n_pairs"] = 3
    run.contrasts.loc[run.contrasts["protocol"] == "robustness", "n_pairs"] = 2
    return run


def collapsed():
    run = trained_run()
    chosen = run.contrasts["protocol"].isin(["transfer", "few_shot"])
    run.contrasts.loc[chosen, "collapsed"] = "labels-1"
    return run


def not_everywhere(lacking):
    """Run whose contrasts have no results of some protocols."""
    run = trained_run(pairs=PAIRS)
    second = run.contrasts["contrast"] == run.comparisons[1].name
    dropped = run.contrasts["protocol"].isin(["robustness", "cross_style_probe"])
    chosen = {"all": second | ~second, "one": second, "others": ~second}[lacking]
    return trained_run(pairs=PAIRS, compared=run.contrasts[~(dropped & chosen)])


def not_compared():
    rows = [
        effect(name, d) for name in ("clustering", "few_shot", "transfer") for d in ("", "shapes", "toys")
    ]
    return make_run(compared=contrasts(*rows, effect("robustness", "toys")))


def unconverged_in_a_cell():
    extra = row("cross_style_probe", "first", ALL_NEW, "converged", 0.0, **WHOLE)
    return complete(rows=pd.concat([results(), pd.DataFrame([extra])], ignore_index=True))


def guesses(value=0.25):
    rows = results()
    clean = (rows["protocol"] == "robustness") & (rows["metric"] == "accuracy") & (rows["setting"] == 0)
    rows.loc[clean & (rows["model"] == "first") & (rows["dataset"] == "toys"), "value"] = value
    return complete(rows=rows)


def unbalanced():
    sizes = dataset_card("toys").splits.test.model_copy(update={"images_per_class": [160, 20, 20, 0]})
    splits = {"train": dataset_card("toys").splits.train, "test": sizes}
    return complete(datasets={"shapes": dataset_card("shapes"), "toys": dataset_card("toys", splits=splits)})


def damaged():
    splits = dataset_card("toys").splits
    split = splits.train.model_copy(update={"damaged": [f"a/{place}.png" for place in range(9)]})
    card = dataset_card("toys", splits=splits.model_copy(update={"train": split}))
    return complete(datasets={"shapes": dataset_card("shapes"), "toys": card})


# For each run, the words that its warning has in its title, and what it has to name.
CASES = {
    "guesses": (guesses, "classifiers that guess", ["first on toys (25%)"]),
    "zero gradients": (lambda: complete(rows=changed("zero_gradient", 0.25)), "zero gradients", ["first on toys (25%)"]),
    "randomised": (lambda: complete(rows=changed("randomised", 1.0)), "scores that vary", ["first on toys (100%)"]),
    "probabilities": (lambda: complete(rows=changed("softmax_outputs", 1.0)), "probabilities", ["first on toys"]),
    "unbroken where nothing can resist": (
        lambda: complete(rows=changed("unbroken_at_largest", 0.1)), "unbroken", ["radius, 1,", "first on toys (10%)"]
    ),
    "unbroken at a small radius": (with_small_radii, "unbroken", ["radius, 0.001,", "first on toys (10%)"]),
    "unconverged": (lambda: complete(rows=changed("converged", 0.0, "transfer")), "converge", ["first on toys"]),
    "unconverged in a cell": (unconverged_in_a_cell, "converge", ["first on unseen concepts in an unseen style"]),
    "exact twins": (twins, "also in training", ["shapes 2 of 200"]),
    "near twins": (twins, "near twin", ["shapes 5 of 200", "toys 7 of 200"]),
    "damaged images": (damaged, "Damaged", ["toys 9 of 209 training images (a/0.png", "and 3 more"]),
    "unequal classes": (unbalanced, "unequal size", ["toys (80% of the test images are of one class of 3)"]),
    "sides that differ": (unlike, "Contrast language", ["architecture and the size of their training data"]),
    "not compared everywhere": (not_compared, "Contrast language", ["Robustness on shapes"]),
    "few images": (few_images, "Few test images", ["Robustness (20 images)"]),
    "many places": (many_places, "scores that vary", ["m5 on toys (100%) and 3 more"]),
    "not learned": (
        not_learned, "did not learn",
        ["labels in 1 of 3 runs (seed 0;", "25.0%, chance 20.0%", "SimCLR in 2 of 3 runs (seeds 1 and 2;"],
    ),
    "collapsed": (collapsed, "collapsed: labels-1", ["labels-1", "labels (Few-shot, Transfer)"]),
    "few runs of every objective": (trained_run, "Fewer than five", ["3 runs of every objective"]),
    "few runs of some objectives": (few_of_some, "Fewer than five", ["1 run of SimCLR; 2 runs of untrained"]),
    **{
        flag: (lambda flag=flag: flagged(flag), "Flagged", ["language (Few-shot, Transfer)"]) for flag in MEANINGS
    },
    "flagged often": (flagged_often, "Flagged", ["(Transfer) and 7 more contrasts"]),
    "constant": (lambda: with_reason("constant", "transfer"), "nothing varies", ["language (Transfer)"]),
    "too few models": (lambda: with_reason("too few models", "few_shot"), "too few models", []),
    "without a value": (without_a_value, "without a value", ["first on shapes", "first on toys"]),
    "partly measured": (partly_measured, "missing pairs", ["captions_contrastive-or-labels on Robustness (2 of 3)"]),
    "all not compared": (lambda: not_everywhere("all"), "All 7 contrasts", ["Robustness on toys", "Probe across styles"]),
    "one not compared": (
        lambda: not_everywhere("one"), "Contrast captions_contrastive-or-captions_shuffled", ["Robustness on toys"]
    ),
    "some not compared": (lambda: not_everywhere("others"), "Contrasts captions_contrastive-or-labels, ", ["Robustness"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def found():
    """The warning of each case."""
    said = {}
    for name, (made, title, _) in CASES.items():
        chosen = [caution for caution in cautions(made()) if title in caution.title]
        assert len(chosen) == 1, name
        said[name] = chosen[0]
    return said


def titles(run):
    return [caution.title for caution in cautions(run)]


def test_the_words_of_every_warning(found):
    snapshots.check(
        "cautions", snapshots.listed({name: f"{one.title}. {one.text}" for name, one in found.items()})
    )


@pytest.mark.parametrize("name", CASES)
def test_a_warning_names_its_place_and_its_numbers(found, name):
    for words in CASES[name][2]:
        assert words in found[name].text


def test_a_clean_run_has_no_warning():
    assert titles(complete()) == []


@pytest.mark.parametrize("metric", CHECKS)
def test_one_reason_gives_one_warning(metric):
    assert len(cautions(complete(rows=changed(metric, 0.25)))) == 1


def test_guessing_is_what_the_most_frequent_class_gives():
    assert titles(guesses(0.26)) == []
    run = guesses(0.26)
    sizes = run.datasets["toys"].splits.test.model_copy(update={"images_per_class": [140, 20, 20, 20]})
    splits = run.datasets["toys"].splits.model_copy(update={"test": sizes})
    run.datasets["toys"] = run.datasets["toys"].model_copy(update={"splits": splits})
    assert "Attacked classifiers that guess" in titles(run)


def test_the_most_serious_come_first():
    assert "did not learn" in cautions(not_learned())[0].title
    assert not [title for title in titles(trained_run()) if "did not learn" in title]
    exact, near = cautions(twins())
    assert "also in training" in exact.title
    assert "near twin" in near.title


def test_pairs_that_are_only_not_matched_by_seed_are_not_missing():
    run = trained_run()
    (one,) = run.comparisons
    seeds = {name: int(name[-1]) for side in one.sides for name in side}
    pairs = [(treatment, control) for treatment in one.sides[0] for control in one.sides[1]]
    crossed = one.model_copy(update={"pairs": pairs, "groups": [""] * len(pairs), "seeds": seeds})
    run = trained_run(comparisons=[crossed])
    for replicate, n_pairs, missing in (("matched groups", 3, 0), ("matched groups", 2, 1), ("models", 9, 0)):
        run.contrasts[["replicate", "n_pairs"]] = replicate, n_pairs
        assert sum("missing pairs" in title for title in titles(run)) == missing


def test_untrained_controls_are_not_blamed_for_having_no_data():
    run = complete(languages=("labels", "none"))
    values = {"pretraining_images": 0, "pretraining_data": "none"}
    run.models["second"] = run.models["second"].model_copy(update=values)
    assert titles(run) == []


def test_enough_training_runs_are_no_reason_for_a_warning():
    run = trained_run(trained(["labels"], 5), comparisons=[], compared=no_contrasts())
    assert not [title for title in titles(run) if title.startswith("Fewer than five")]


def test_objectives_that_the_workflow_matched_are_not_called_confounded():
    run = trained_run(pairs=PAIRS)
    assert not [title for title in titles(run) if "differ" in title]
    run.models["labels-0"] = run.models["labels-0"].model_copy(update={"architecture": "timm/other"})
    told = [title for title in titles(run) if "differ" in title]
    assert [title.split(":")[0] for title in told] == [
        f"Contrast {name}"
        for name in ("captions_contrastive-or-labels", "labels-or-untrained", "adversarial-or-labels")
    ]


def test_complete_comparisons_have_no_missing_pairs():
    run = trained_run()
    run.contrasts["n_pairs"] = 3
    assert not [title for title in titles(run) if "missing pairs" in title]
