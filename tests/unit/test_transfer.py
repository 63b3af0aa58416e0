import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from wordsight.catalogue.protocols.transfer import Parameters
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols import transfer
from wordsight.protocols.task import Task


def split(name: str, n: int, classes: int, noise: float = 1.0, width: int = 8) -> Features:
    rng = np.random.default_rng(len(name))
    centres = np.random.default_rng(0).normal(size=(classes, width))
    labels = np.arange(n) % classes
    values = centres[labels] + noise * rng.normal(size=(n, width))
    return Features(values.astype(np.float32), labels, [f"{name}-{i}" for i in range(n)])


def run(train, test, *, classes=3, mode="sound", model="m", views=None, **section):
    task = Task("transfer", model, "d", mode, 0)
    given = {"train": train, "test": test, "classes": classes, "views": views}
    tables = transfer.evaluate(task, Parameters(**section), **given)
    return {table["metric"][0].as_py(): table.to_pandas() for table in tables}


def test_separated_classes_are_all_right_in_both_modes():
    train, test = split("train", 60, 3, noise=0.05), split("test", 30, 3, noise=0.05)
    rows = run(train, test)
    assert (rows["accuracy"]["value"] == 1).all()
    assert (rows["accuracy_ridge"]["value"] == 1).all()
    assert rows["accuracy"]["item"].tolist() == test.ids
    assert rows["converged"]["value"].tolist() == [1]
    assert rows["iterations"]["value"][0] >= 1
    assert rows["converged"]["item"].tolist() == [""]
    paper = run(split("train", 1920, 3, noise=0.05), test, mode="paper", epochs=30)
    assert list(paper) == ["accuracy", "balanced_accuracy", "label"]
    assert (paper["accuracy"]["value"] == 1).all()


def test_balanced_accuracy_and_the_classes_go_with_the_predictions():
    train, test = split("train", 60, 3, noise=2), split("test", 31, 3, noise=2)
    rows = run(train, test)
    assert rows["label"]["value"].tolist() == test.labels.tolist()
    assert rows["label"]["item"].tolist() == rows["balanced_accuracy"]["item"].tolist() == test.ids
    expected = balanced_accuracy_score(test.labels, rows["predicted"]["value"])
    assert rows["balanced_accuracy"]["value"].mean() == pytest.approx(expected)


def test_the_predicted_class_of_each_image_is_kept_and_says_the_same_as_the_accuracy():
    train, test = split("train", 60, 3, noise=2), split("test", 30, 3, noise=2)
    rows = run(train, test)
    predicted = rows["predicted"]
    assert predicted["item"].tolist() == test.ids
    assert set(predicted["value"]) <= {0, 1, 2}
    right = rows["accuracy"]["value"]
    assert 0 < right.mean() < 1
    assert ((predicted["value"] == test.labels) == (right == 1)).all()


def test_shuffled_labels_are_at_chance():
    train, test = split("train", 300, 3), split("test", 600, 3)
    shuffled = Features(train.values, np.random.default_rng(1).permutation(train.labels), train.ids)
    rows = run(shuffled, test)
    assert 0.2 < rows["accuracy"]["value"].mean() < 0.46
    assert 0.2 < rows["accuracy_ridge"]["value"].mean() < 0.46


def test_test_labels_do_not_reach_the_classifier():
    train, test = split("train", 90, 3, noise=2), split("test", 90, 3, noise=2)
    rolled = Features(test.values, (test.labels + 1) % 3, test.ids)
    first, second = run(train, test), run(train, rolled)
    for metric in ("chosen_regularisation", "chosen_regularisation_ridge", "iterations"):
        assert first[metric]["value"].equals(second[metric]["value"])
    right = first["accuracy"]["value"] + second["accuracy"]["value"]
    assert right.max() <= 1


def test_an_unfinished_fit_is_reported():
    rows = run(split("train", 90, 3), split("test", 30, 3), max_iterations=1, regularisation=[1e-3])
    assert rows["converged"]["value"].tolist() == [0]


def test_paper_trains_on_the_views_in_turn():
    train, test = split("train", 1920, 3, noise=0.1), split("test", 30, 3, noise=0.1)
    flipped = Features(-train.values, train.labels, train.ids)
    assert (run(train, test, mode="paper", epochs=30)["accuracy"]["value"] == 1).all()
    wrong = run(train, test, mode="paper", epochs=30, views=[flipped])
    assert wrong["accuracy"]["value"].mean() < 0.5
    # One epoch sees the first view only.
    one = run(train, test, mode="paper", epochs=1, views=[train, flipped])["accuracy"]["value"]
    assert one.equals(run(train, test, mode="paper", epochs=1, views=[train])["accuracy"]["value"])


@pytest.mark.parametrize("mode", ["sound", "paper"])
def test_equal_input_gives_equal_rows(mode):
    train, test = split("train", 90, 3, noise=2), split("test", 60, 3, noise=2)
    first, second = (run(train, test, mode=mode, epochs=2)["accuracy"]["value"] for _ in range(2))
    assert first.equals(second)


def test_unfit_input_is_refused():
    train, test = split("train", 60, 3), split("test", 30, 3)
    with pytest.raises(DataError, match="class 3 has test images but no training image"):
        run(train, split("test", 40, 4), classes=4)
    with pytest.raises(DataError, match="at least 2 classes"):
        run(split("train", 9, 1), split("test", 9, 1))
    single = Features(train.values[:5], np.array([0, 0, 1, 1, 2]), train.ids[:5])
    with pytest.raises(DataError, match="class 2 has 1 training image"):
        run(single, test)
    with pytest.raises(DataError, match=r"training features have 8 .* have 9"):
        run(train, split("test", 30, 3, width=9))
    with pytest.raises(DataError, match="view 0 has other items"):
        run(train, test, mode="paper", views=[split("train", 57, 3)])
