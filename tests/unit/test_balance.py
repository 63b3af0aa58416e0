"""Balanced accuracy and the recall of each class, against scikit-learn and closed forms, from images to flags."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score

from hand_made import comparison, dataset_card, model_card, sensitivity
from measures import MEASURES
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.catalogue.protocols.transfer import Parameters
from wordsight.config.statistics import StatisticsSection
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.files.parquet import read_frame
from wordsight.protocols import transfer
from wordsight.protocols.balance import balanced
from wordsight.protocols.rows import make_rows, write_rows
from wordsight.protocols.task import Task
from wordsight.statistics.audit import Evidence, audited
from wordsight.statistics.effects import compare
from wordsight.statistics.model_means import standard_error, summarise
from wordsight.statistics.paired_effects import Material
from wordsight.statistics.recall import recalls


def answers(seed=0, trials=6, sizes=(3, 40, 90)):
    """Right answers to images of classes that have 3, 40 and 90 of them, in an order that mixes them."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([5, 0, 7], sizes))
    return rng.random((trials, len(labels))) < np.where(labels == 7, 0.9, 0.3), labels


def test_the_mean_is_the_balanced_accuracy_of_scikit_learn():
    right, labels = answers()
    for row, values in zip(right, balanced(right, labels), strict=True):
        predicted = np.where(row, labels, np.where(labels == 7, 5, 7))
        assert values.mean() == pytest.approx(balanced_accuracy_score(labels, predicted), abs=1e-12)


def test_the_standard_error_is_that_of_classes_of_fixed_size():
    right, labels = answers(trials=1, sizes=(30, 40, 90))
    parts = [right[0, labels == label] for label in np.unique(labels)]
    expected = np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)) / len(parts)
    assert standard_error(balanced(right, labels)) == pytest.approx(expected, rel=0.02)


def test_the_standard_error_is_that_of_samples_of_fixed_classes():
    """Two thousand samples; images are draws within their class, as the formula counts them."""
    found = [balanced(*answers(seed, trials=1, sizes=(30, 40, 90))) for seed in range(2000)]
    spread = np.std([values.mean() for values in found])
    claimed = np.sqrt(np.mean([standard_error(values) ** 2 for values in found]))
    assert claimed == pytest.approx(spread, rel=0.05)


def test_what_all_get_right_has_no_error_and_equal_classes_have_the_accuracy():
    _, labels = answers()
    assert (balanced(np.ones((1, len(labels)), dtype=bool), labels) == 1).all()
    right, _ = answers(trials=3)
    equal = np.arange(right.shape[1]) % 7
    np.testing.assert_allclose(balanced(right, equal).mean(axis=1), right.mean(axis=1), atol=1e-12)
    assert balanced(right[0], labels).shape == (len(labels),)


# From features to a flag: 90 images of one class and 10 of the other, and features that say nothing.


def features(name, n, seed):
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 10 == 0).astype(np.int64)
    return Features(rng.normal(size=(n, 4)).astype(np.float32), labels, [f"{name}-{i}" for i in range(n)])


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """Files of transfer of two encoders whose features are noise."""
    folder, paths = tmp_path_factory.mktemp("noise"), []
    for place, model in enumerate(("first", "second")):
        tables = transfer.evaluate(
            Task("transfer", model, "d"),
            Parameters(regularisation=[1.0]),
            train=features("train", 400, place),
            test=features("test", 200, 10 + place),
            classes=2,
        )
        paths.append(folder / f"{model}.parquet")
        write_rows(paths[-1], tables)
    return paths


def contrasts_of(paths, by, card):
    """Contrasts of the two encoders, with their flags."""
    one = comparison().model_copy(update={"metrics": by})
    section, models = StatisticsSection(resamples=100), {n: model_card(n) for n in ("first", "second")}
    frame, _ = compare(paths, [one], Material(section, 0, MEASURES, models))
    evidence = Evidence(
        summarise(paths, MEASURES),
        pd.DataFrame([sensitivity()]),
        {one.name: one},
        models,
        {"d": card},
        MEASURES,
    )
    return audited(frame, evidence)


def test_noise_on_nine_in_ten_of_one_class_is_at_guessing_by_either_metric(noise):
    """Guessing among two classes is not a half: always naming the larger one is right nine times in ten."""
    sizes = {"items": 200, "sha256": "c" * 64, "images_per_class": [180, 20]}
    card = dataset_card("d", classes=["a", "b"], splits={"train": sizes, "test": sizes})
    found = contrasts_of(noise, {}, card)
    assert set(found["metric"]) == {"accuracy"}
    assert found["treatment"].between(0.85, 0.92).all()
    assert found["chance"].tolist() == [0.9, 0.9]
    assert all("floor" in flags for flags in found["flags"])
    found = contrasts_of(noise, {"transfer": "balanced_accuracy"}, card)
    assert set(found["metric"]) == {"balanced_accuracy"}
    assert found["treatment"].between(0.45, 0.55).all()
    assert found["chance"].tolist() == [0.5, 0.5]


def test_a_contrast_by_another_metric_has_the_means_of_that_metric(noise):
    card = dataset_card("d", classes=["a", "b"])
    summary = summarise(noise, MEASURES).set_index(["metric", "model"])["value"]
    for metric in ("accuracy", "balanced_accuracy", "accuracy_ridge"):
        row = contrasts_of(noise, {"transfer": metric}, card).iloc[0]
        assert row["metric"] == metric
        assert (row["treatment"], row["control"]) == (summary[metric, "first"], summary[metric, "second"])


# Recall.


def test_recall_is_that_of_scikit_learn_with_its_number_of_images(noise):
    found = recalls(noise, MEASURES)
    assert found[["model", "label", "n"]].to_numpy().tolist() == [
        ["first", 0, 180], ["first", 1, 20], ["second", 0, 180], ["second", 1, 20],
    ]  # fmt: skip
    for path, model in zip(noise, ("first", "second"), strict=True):
        rows = read_frame(path)
        values = {metric: part["value"].to_numpy() for metric, part in rows.groupby("metric")}
        expected = recall_score(values["label"], values["predicted"], average=None)
        assert found.loc[found["model"] == model, "value"].tolist() == pytest.approx(expected)


def test_recall_counts_trials_and_images_of_the_class_as_draws(tmp_path):
    right, labels = answers()
    items = [f"i{place:03}" for place in range(len(labels))]
    common = {
        "protocol": "few_shot",
        "model": "m",
        "dataset": "d",
        "mode": "sound",
        "seed": 0,
        "items": items,
    }
    tables = [make_rows(metric="label", values=labels, **common)]
    tables += [
        make_rows(metric="accuracy", values=row, trial=trial, parameter="shots", setting=5, **common)
        for trial, row in enumerate(right)
    ]
    write_rows(tmp_path / "rows.parquet", tables)
    found = recalls([tmp_path / "rows.parquet"], MEASURES)
    assert found["label"].tolist() == [0, 5, 7]
    assert found["n"].tolist() == [40, 3, 90]
    assert set(zip(found["parameter"], found["setting"], found["trials"], strict=True)) == {("shots", 5, 6)}
    for row in found.itertuples():
        part = right[:, labels == row.label]
        assert (row.value, row.stderr) == (part.mean(), standard_error(part))
    write_rows(tmp_path / "none.parquet", tables[1:])
    with pytest.raises(DataError, match=r"none\.parquet: has no rows of label"):
        recalls([tmp_path / "none.parquet"], MEASURES)
    other = make_rows(
        metric="label", values=labels, **common | {"items": [f"j{i}" for i in range(len(labels))]}
    )
    write_rows(tmp_path / "other.parquet", [other, *tables[1:]])
    with pytest.raises(DataError, match=r"other\.parquet: accuracy and label: expected the same items"):
        recalls([tmp_path / "other.parquet"], MEASURES)


@pytest.mark.parametrize("mode", ["sound", "paper"])
def test_every_protocol_that_classifies_images_records_what_recall_needs(mode):
    found = {name for name, record in PROTOCOLS.items() if "balanced_accuracy" in record.metrics}
    assert found == {"few_shot", "transfer"}
    assert all(MEASURES[name].labelled for name in found)
    assert all(PROTOCOLS[name].metrics["label"].mode in (None, mode) for name in found)
