import numpy as np
import pytest

from crossed import by_class, by_concept, by_nothing, by_style, encode, frames, given, means, splits
from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.protocols.few_shot import Parameters
from wordsight.errors import DataError
from wordsight.protocols import cross_style_few_shot
from wordsight.protocols.crossing import cross, divide
from wordsight.protocols.prototypes import draw
from wordsight.protocols.task import Task


def run(parts, encoder, *, shots=(1, 5), trials=4, model="m"):
    task, section = Task("cross_style_few_shot", model, "d"), Parameters(shots=list(shots), trials=trials)
    return cross_style_few_shot.evaluate(task, section, **given(parts, encoder))


def test_classes_that_look_alike_in_all_styles_are_all_right():
    parts = splits(classes=3, seen=10)
    assert set(means(run(parts, by_class), "accuracy").values()) == {1.0}


def test_features_of_the_style_alone_say_nothing_of_the_class():
    tables = run(splits(classes=4, seen=10), by_style)
    for cell, accuracy in means(tables, "accuracy").items():
        assert accuracy == pytest.approx(0.25), cell
    assert set(means(tables, "chance").values()) == {0.25}


def test_features_without_information_are_at_chance():
    tables = run(splits(classes=10, seen=20, unseen=10), by_nothing, trials=20)
    assert means(tables, "accuracy") == pytest.approx(dict.fromkeys(CELLS, 0.1), abs=0.03)


def test_a_class_that_the_unseen_style_hides_is_lost_in_its_cells_alone():
    def by_class_but_in_wax(concept, style, label):
        return (by_class if style != "wax" else by_nothing)(concept, style, label)

    found = means(run(splits(classes=10, seen=20, unseen=10), by_class_but_in_wax), "accuracy")
    assert found["seen-concepts.seen-style"] == found["unseen-concepts.seen-style"] == 1
    assert max(found["seen-concepts.unseen-style"], found["unseen-concepts.unseen-style"]) < 0.25


@pytest.mark.parametrize("cell", ["unseen-concepts.unseen-style", "seen-concepts.unseen-style"])
def test_each_concept_agrees_with_a_loop_over_prototypes_that_it_is_not_in(cell):
    parts = splits(classes=3, seen=9, unseen=5)
    crossing = cross(parts, encode(parts, by_nothing), "here")
    division = divide(crossing, 4, (0, "d"), "here")
    labels = crossing.labels[division.support]
    chosen = division.support[draw(labels, 4, 2, (0, "cross_style_few_shot", "d"))]
    rows = frames(run(parts, by_nothing, shots=[2, 3], trials=2))[cell]
    rows = rows[(rows["metric"] == "accuracy") & (rows["setting"] == 3)]
    unit = {s: x / np.linalg.norm(x, axis=1, keepdims=True) for s, x in crossing.drawings.items()}
    replaced = 0
    for direction, fitted in enumerate(("ink", "oil")):
        for trial in range(2):
            part = rows[rows["trial"] == direction * 2 + trial]
            for concept, value in zip(part["item"], part["value"], strict=True):
                place, scores = crossing.concepts.index(concept), []
                for *shots, spare in chosen[trial].tolist():
                    replaced += place in shots
                    centre = unit[fitted][[spare if shot == place else shot for shot in shots]].mean(axis=0)
                    scores.append(centre @ unit["wax"][place] / np.linalg.norm(centre))
                assert value == (np.argmax(scores) == crossing.labels[place])
    assert (replaced > 0) == (cell == "seen-concepts.unseen-style")


def test_a_seen_concept_is_not_classified_by_its_own_drawing():
    """Features that only the concept shares would find it in every prototype that it is in."""
    found = means(run(splits(classes=10, seen=20, unseen=10), by_concept, shots=[1], trials=20), "accuracy")
    assert found == pytest.approx(dict.fromkeys(CELLS, 0.1), abs=0.04)


def test_every_unseen_concept_is_tested_and_another_seed_tests_the_same():
    parts = splits(classes=3, seen=9, unseen=5)
    section = Parameters(shots=[5], trials=2)
    items = []
    for seed in (0, 1):
        task = Task("cross_style_few_shot", "m", "d", seed=seed)
        tables = cross_style_few_shot.evaluate(task, section, **given(parts, by_nothing))
        items.append(set(frames(tables)["unseen-concepts.unseen-style"]["item"]) - {""})
    assert items[0] == items[1]
    assert len(items[0]) == 3 * 5


def test_every_number_of_shots_has_each_draw_in_each_direction():
    for rows in frames(run(splits(seen=10), by_nothing, shots=[5, 1], trials=3)).values():
        accuracy = rows[rows["metric"] == "accuracy"]
        assert set(accuracy["parameter"]) == {"shots"}
        assert accuracy.groupby("setting")["trial"].unique().map(list).to_dict() == {
            1.0: [*range(6)],
            5.0: [*range(6)],
        }


def test_too_few_concepts_for_the_shots_name_their_number():
    with pytest.raises(
        DataError, match=r"cross_style_few_shot of m on d: expected at least 2 classes with 6 seen concepts"
    ):
        run(splits(seen=5), by_nothing, shots=[1, 5])


def test_a_drawing_without_direction_is_named():
    def blank(concept, style, label):
        vector = by_nothing(concept, style, label)
        return 0 * vector if (concept, style) == ("unseen-1-00", "wax") else vector

    with pytest.raises(DataError, match="m on d: the feature vector of item unseen-1-00 in wax has norm 0"):
        run(splits(seen=10), blank)
