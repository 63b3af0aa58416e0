import numpy as np
import pytest

from crossed import by_concept, by_nothing, by_style, encode, frames, given, means, splits, vector
from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.protocols.record import NoParameters
from wordsight.errors import DataError
from wordsight.protocols import cross_style_retrieval
from wordsight.protocols.crossing import cross
from wordsight.protocols.task import Task


def run(parts, encoder, *, model="m", seed=0):
    task = Task("cross_style_retrieval", model, "d", seed=seed)
    return cross_style_retrieval.evaluate(task, NoParameters(), **given(parts, encoder))


def test_features_of_the_concept_alone_find_every_concept():
    assert set(means(run(splits(), by_concept), "recall_at_1").values()) == {1.0}


@pytest.mark.parametrize("encoder", [by_style, by_nothing])
def test_features_of_the_style_alone_or_of_nothing_are_at_chance(encoder):
    tables = run(splits(classes=10, seen=10, unseen=5), encoder)
    assert means(tables, "chance") == dict.fromkeys(CELLS, 1 / 55)
    assert means(tables, "recall_at_1") == pytest.approx(dict.fromkeys(CELLS, 1 / 55), abs=0.04)


def test_a_style_that_hides_the_concept_fails_its_cells_alone():
    def by_concept_but_in_wax(concept, style, label):
        return (by_nothing if style == "wax" else by_concept)(concept, style, label)

    found = means(run(splits(classes=10, seen=10, unseen=5), by_concept_but_in_wax), "recall_at_1")
    assert found["seen-concepts.seen-style"] == found["unseen-concepts.seen-style"] == 1
    assert max(found["seen-concepts.unseen-style"], found["unseen-concepts.unseen-style"]) < 0.1


@pytest.mark.parametrize(("seen", "unseen", "size"), [(8, 4, 16), (4, 5, 12), (4, 3, 12)])
def test_galleries_have_equal_size_whichever_kind_is_rarer(seen, unseen, size):
    tables = run(splits(seen=seen, unseen=unseen), by_concept)
    for rows in frames(tables).values():
        assert rows.loc[rows["metric"] == "recall_at_1", "item"].nunique() == size
    assert means(tables, "chance") == dict.fromkeys(CELLS, 1 / size)


def test_classes_without_a_seen_concept_are_searched_too():
    rows = frames(run(splits(classes=3, unseen=4, unseen_classes=2), by_concept))
    items = set(rows["unseen-concepts.seen-style"]["item"])
    assert {"unseen-3-00", "unseen-4-03"} <= items


def test_galleries_depend_on_the_seed_and_on_nothing_of_the_model():
    first, again, other = (
        set(frames(run(splits(), encoder, model=model, seed=seed))["seen-concepts.seen-style"]["item"])
        for encoder, model, seed in ((by_concept, "a", 0), (by_nothing, "b", 0), (by_concept, "a", 1))
    )
    assert first == again
    assert first != other


def test_trials_are_the_pairs_of_styles_in_both_orders():
    def noisy(concept, style, label):
        return vector("concept", concept) + 1.5 * vector(concept, style)

    parts = splits(classes=6)
    crossing = cross(parts, encode(parts, noisy), "here")
    unit = {s: x / np.linalg.norm(x, axis=1, keepdims=True) for s, x in crossing.drawings.items()}
    expected = {
        True: [("ink", "oil"), ("oil", "ink")],
        False: [("ink", "wax"), ("oil", "wax"), ("wax", "ink"), ("wax", "oil")],
    }
    for name, rows in frames(run(parts, noisy)).items():
        rows = rows[rows["metric"] == "recall_at_1"]
        assert sorted(set(rows["trial"])) == list(range(len(expected[CELLS[name].seen_style])))
        for trial, (asked, searched) in enumerate(expected[CELLS[name].seen_style]):
            part = rows[rows["trial"] == trial]
            places = [crossing.concepts.index(concept) for concept in part["item"]]
            for place, value in zip(places, part["value"], strict=True):
                scores = [unit[asked][place] @ unit[searched][other] for other in places]
                assert value == (places[int(np.argmax(scores))] == place)
        assert 0 < rows["value"].mean() < 1


def test_blocks_do_not_change_what_is_found(monkeypatch):
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(50, 6)), rng.normal(size=(40, 6))
    whole = cross_style_retrieval.most_similar(queries, gallery)
    monkeypatch.setattr(cross_style_retrieval, "SCORE_BYTES", 7 * 40 * 8)
    np.testing.assert_array_equal(whole, cross_style_retrieval.most_similar(queries, gallery))


def test_too_few_concepts_are_counted():
    with pytest.raises(
        DataError, match=r"cross_style_retrieval of m on d: .* drawn in every style, but there are 24 and 0"
    ):
        run(splits(unseen=0), by_concept)
