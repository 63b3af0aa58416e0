import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from crossed import (
    by_class,
    by_nothing,
    by_style,
    encode,
    frames,
    given,
    means,
    rows_of,
    split,
    splits,
    vector,
)
from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.fitting import ProbeParameters
from wordsight.protocols import cross_style_probe
from wordsight.protocols.crossing import cross, divide
from wordsight.protocols.probe import Axes
from wordsight.protocols.task import Task


def run(parts, encoder, *, model="m", **section):
    task = Task("cross_style_probe", model, "d")
    return cross_style_probe.evaluate(task, ProbeParameters(**section), **given(parts, encoder))


def test_classes_that_look_alike_in_all_styles_are_all_right():
    tables = run(splits(classes=3, seen=10), by_class)
    assert set(means(tables, "accuracy").values()) == {1.0}
    assert set(means(tables, "converged").values()) == {1.0}


def test_features_of_the_style_alone_say_nothing_of_the_class():
    tables = run(splits(classes=4, seen=10), by_style)
    assert means(tables, "accuracy") == pytest.approx(dict.fromkeys(CELLS, 0.25))
    assert means(tables, "chance") == dict.fromkeys(CELLS, 0.25)


def test_without_information_the_most_frequent_class_is_guessed_and_that_is_chance():
    kept = {"seen": (4, 10, 4), "held": (0, 0, 0), "unseen": (1, 5, 1)}

    def fewer(part, name):
        rows = [row for row in rows_of(part) if row[2] < 3]
        places = [concept.split("-") for concept, *_ in rows]
        return split(
            name,
            [
                row
                for row, (kind, label, i) in zip(rows, places, strict=True)
                if int(i) < kept[kind][int(label)]
            ],
            3,
        )

    train, test = splits(classes=3, seen=10, unseen=5)
    tables = run((fewer(train, "train"), fewer(test, "test")), by_style)
    assert means(tables, "chance") == pytest.approx(dict.fromkeys(CELLS, 5 / 7))
    assert means(tables, "accuracy") == pytest.approx(dict.fromkeys(CELLS, 5 / 7))


def test_shuffled_classes_are_at_chance():
    classes = np.random.default_rng(0).integers(10, size=1000)

    def by_shuffled_class(concept, style, label):
        return vector("class", classes[sum(map(ord, concept)) * 31 % 1000]) + 0.5 * vector(concept, style)

    tables = run(splits(classes=10, seen=20, unseen=10), by_shuffled_class)
    assert means(tables, "accuracy") == pytest.approx(dict.fromkeys(CELLS, 0.1), abs=0.06)


def test_a_concept_that_was_met_in_training_is_told_apart_where_only_these_are():
    def by_class_if_seen(concept, style, label):
        return (by_class if concept.startswith("seen") else by_nothing)(concept, style, label)

    found = means(run(splits(classes=10, seen=20, unseen=10), by_class_if_seen), "accuracy")
    assert found["seen-concepts.seen-style"] == found["seen-concepts.unseen-style"] == 1
    assert found["unseen-concepts.seen-style"] == pytest.approx(0.1, abs=0.06)
    assert found["unseen-concepts.unseen-style"] == pytest.approx(0.1, abs=0.06)


def test_each_concept_agrees_with_scikit_learn():
    def noisy(concept, style, label):
        return vector("class", label) + 2 * vector("noise", concept, style)

    parts = splits(classes=4, seen=20, unseen=10)
    crossing = cross(parts, encode(parts, noisy), "here")
    division = divide(crossing, 2, (0, "d"), "here")
    tables = frames(run(parts, noisy, regularisation=[0.5]))

    def right(places, fitted, tested, queries):
        support = crossing.drawings[fitted][places]
        axes = Axes.of(support)
        peer = LogisticRegression(C=2.0, tol=1e-8, max_iter=5000)
        peer.fit(axes.coordinates(support), crossing.labels[places])
        return peer.predict(axes.coordinates(crossing.drawings[tested][queries])) == crossing.labels[queries]

    first, second = division.support[division.half], division.support[~division.half]
    for name, cell in CELLS.items():
        queries, expected = division.queries[cell.seen_concepts], []
        for fitted, tested in crossing.directions(seen_style=cell.seen_style):
            by_half = [right(places, fitted, tested, queries) for places in (first, second)]
            other = [np.where(np.isin(queries, first), by_half[1], by_half[0])]
            expected += other if cell.seen_concepts else by_half
        rows = tables[name][tables[name]["metric"] == "accuracy"]
        assert rows["trial"].nunique() == len(expected)
        for trial, values in enumerate(expected):
            part = rows[rows["trial"] == trial]
            assert part["item"].tolist() == crossing.names(queries)
            assert part["value"].tolist() == values.tolist()
            assert 0.3 < part["value"].mean() < 1


def test_one_probe_for_each_style_and_half_serves_all_cells(monkeypatch):
    fits = []
    monkeypatch.setattr(
        cross_style_probe,
        "chosen_logistic",
        lambda *a, fit=cross_style_probe.chosen_logistic, **k: fits.append(a) or fit(*a, **k),
    )
    run(splits(seen=10), by_class)
    assert len(fits) == 4


def test_an_unfinished_fit_is_reported_for_each_direction():
    tables = run(splits(seen=10), by_nothing, max_iterations=1, regularisation=[1e-3])
    for name, rows in frames(tables).items():
        directions = 2 if CELLS[name].seen_concepts else 4  # of unseen concepts, one for each half
        assert rows.loc[rows["metric"] == "converged", "value"].tolist() == [0] * directions
