import numpy as np
import pytest

from wordsight.catalogue.protocols.few_shot import Parameters
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols import few_shot
from wordsight.protocols.prototypes import draw
from wordsight.protocols.task import Task


def split(name: str, values, labels) -> Features:
    return Features(
        np.asarray(values, np.float32),
        np.asarray(labels, np.int64),
        [f"{name}-{i}" for i in range(len(labels))],
    )


def random_split(name: str, n: int, classes: int, noise: float = 1.0, width: int = 8) -> Features:
    rng = np.random.default_rng(len(name))
    centres = np.random.default_rng(0).normal(size=(classes, width))
    labels = np.arange(n) % classes
    return split(name, centres[labels] + noise * rng.normal(size=(n, width)), labels)


def run(train, test, *, classes=3, mode="sound", model="m", dataset="d", seed=0, **section):
    task = Task("few_shot", model, dataset, mode, seed)
    tables = few_shot.evaluate(task, Parameters(**section), train=train, test=test, classes=classes)
    return [table.to_pandas() for table in tables]


def of(metric, tables):
    return [table for table in tables if table["metric"][0] == metric]


def test_separated_classes_are_all_right():
    train, test = random_split("train", 30, 3, noise=0.01), random_split("test", 12, 3, noise=0.01)
    tables = of("accuracy", run(train, test, shots=[1, 5], trials=4))
    assert len(tables) == 8
    assert all((table["value"] == 1).all() for table in tables)
    assert [(t["setting"][0], t["trial"][0]) for t in tables] == [(s, k) for s in (1, 5) for k in range(4)]
    assert tables[0]["item"].tolist() == test.ids
    assert set(tables[0]["metric"]) == {"accuracy"}
    assert set(tables[0]["parameter"]) == {"shots"}


def test_balanced_accuracy_is_the_mean_recall_of_each_trial():
    train, test = random_split("train", 60, 3), random_split("test", 40, 3)
    tables = run(train, test, shots=[1, 5], trials=3)
    (labels,) = of("label", tables)
    assert labels["value"].tolist() == test.labels.tolist()
    plain, balanced = of("accuracy", tables), of("balanced_accuracy", tables)
    assert len(plain) == len(balanced) == 6
    for one, other in zip(plain, balanced, strict=True):
        assert other[["setting", "trial", "item"]].equals(one[["setting", "trial", "item"]])
        recall = [one["value"][test.labels == label].mean() for label in range(3)]
        assert other["value"].mean() == pytest.approx(np.mean(recall))


def test_each_item_agrees_with_a_loop_over_prototypes():
    train, test = random_split("train", 60, 3), random_split("test", 40, 3)
    chosen = draw(train.labels, 5, 3, (0, "few_shot", "d"))
    for table in of("accuracy", run(train, test, shots=[5], trials=3)):
        trial = table["trial"][0]
        prototypes = []
        for label in range(3):
            shots = train.values[chosen[trial, label]]
            mean = np.mean([x / np.linalg.norm(x) for x in shots], axis=0)
            prototypes.append(mean / np.linalg.norm(mean))
        expected = [
            np.argmax([p @ x for p in prototypes]) == y for x, y in zip(test.values, test.labels, strict=True)
        ]
        assert table["value"].tolist() == expected


def test_a_short_prototype_loses_in_paper_and_wins_in_sound():
    # Means (0.6, 0) for class 0 and (0.8, 0.6) for class 1: the query (1, .1) is nearest in angle to class 0.
    train = split("train", [[0.6, 0.8], [0.6, -0.8], [0.8, 0.6], [0.8, 0.6]], [0, 0, 1, 1])
    query = split("query", [[1.0, 0.1]], [0])
    assert run(train, query, classes=2, shots=[2], trials=1)[0]["value"].tolist() == [1]
    tables = of("accuracy", run(train, query, classes=2, mode="paper", shots=[2]))
    assert [t["value"].tolist() for t in tables] == [[0]] * 10
    (beside,) = of("accuracy_unnormalised", run(train, query, classes=2, shots=[2], trials=1))
    assert (beside["value"][0], beside["item"][0], beside["setting"][0]) == (0, "", 2)


def test_sound_says_what_the_paper_mode_would_have_measured():
    train, test = random_split("train", 60, 3, noise=2), random_split("test", 40, 3, noise=2)
    sound = run(train, test, shots=[1, 5], trials=few_shot.PAPER_TRIALS)
    paper = run(train, test, mode="paper", shots=[1, 5])
    beside = [table["value"][0] for table in of("accuracy_unnormalised", sound)]
    assert beside == [pytest.approx(table["value"].mean()) for table in of("accuracy", paper)]
    assert beside != [pytest.approx(table["value"].mean()) for table in of("accuracy", sound)]


def test_too_few_images_are_named_by_their_class_and_the_key():
    train, test = random_split("train", 12, 3), random_split("test", 12, 3)
    task = Task("few_shot", "m", "pets", classes=("cat", "dog", "eel"))
    with pytest.raises(
        DataError, match=r"few_shot of m on pets: class 'cat' has 4 .*protocols\.few_shot\.shots"
    ):
        few_shot.evaluate(task, Parameters(shots=[5]), train=train, test=test, classes=3)


def test_models_with_equal_features_have_equal_rows():
    train, test = random_split("train", 60, 3), random_split("test", 40, 3)
    first, second = (run(train, test, model=m, shots=[1], trials=5) for m in ("a", "b"))
    assert all(a["value"].equals(b["value"]) for a, b in zip(first, second, strict=True))


def test_labels_that_are_not_consecutive_are_kept():
    train, test = random_split("train", 30, 3, noise=0.01), random_split("test", 12, 3, noise=0.01)
    train, test = (Features(f.values, f.labels * 10, f.ids) for f in (train, test))
    assert (run(train, test, classes=21, shots=[2], trials=1)[0]["value"] == 1).all()


def test_too_few_images_name_dataset_class_count_and_shots():
    train, test = random_split("train", 14, 3), random_split("test", 12, 3)
    with pytest.raises(
        DataError,
        match=r"few_shot of m on d: class 2 has 4 training images, fewer than the 5 of protocols\.few_shot\.shots; ",
    ):
        run(train, test, shots=[1, 5])


def test_a_class_that_only_the_test_split_has_is_refused():
    with pytest.raises(DataError, match="class 2 has 0 training images"):
        run(random_split("train", 20, 2), random_split("test", 12, 3), shots=[1])


def test_a_leak_is_refused():
    train = random_split("train", 30, 3)
    with pytest.raises(DataError, match="leak: 30 items"):
        run(train, train, shots=[1])
