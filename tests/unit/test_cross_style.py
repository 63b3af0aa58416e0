"""What the protocols across styles share: the crossing, its division, and the cells of their rows."""

import dataclasses
import logging
import re

import numpy as np
import pytest
from snakemake.iocontainers import Wildcards

from crossed import (
    SEEN,
    UNSEEN,
    by_class,
    by_concept,
    by_nothing,
    encode,
    frames,
    rows_of,
    split,
    splits,
    vector,
)
from wordsight.catalogue.cells import CELLS
from wordsight.catalogue.protocols import PROTOCOLS
from wordsight.config.load import load
from wordsight.errors import DataError
from wordsight.files.feature_sets import Features
from wordsight.protocols import cross_style_few_shot, cross_style_probe, cross_style_retrieval
from wordsight.protocols.crossing import cross, divide
from wordsight.protocols.rows import of_dataset, write_rows
from wordsight.protocols.task import Task
from wordsight.statistics.observations import read_observations, read_origin
from wordsight.workflow import inputs
from wordsight.workflow.targets import cuts, evaluated_datasets, protocol_results

CROSSED = {
    "cross_style_few_shot": (cross_style_few_shot.evaluate, {"shots": [1, 3], "trials": 4}),
    "cross_style_probe": (cross_style_probe.evaluate, {"regularisation": [0.1, 1.0]}),
    "cross_style_retrieval": (cross_style_retrieval.evaluate, {}),
}
every_protocol = pytest.mark.parametrize("protocol", CROSSED)


def run(protocol, parts=None, features=None, *, model="m", seed=0):
    parts = parts or splits()
    evaluate, values = CROSSED[protocol]
    train, test = features or encode(parts, by_nothing)
    task, section = Task(protocol, model, "d", seed=seed), PROTOCOLS[protocol].parameters(**values)
    return evaluate(task, section, train=train, test=test, splits=parts)


def crossing_of(parts, encoder=by_nothing):
    return cross(parts, encode(parts, encoder), "here")


def concepts_of(tables):
    """Concepts in the rows of every cell."""
    return {cell: set(rows["item"]) - {""} for cell, rows in frames(tables).items()}


def test_what_training_has_met_follows_from_the_splits():
    crossing = crossing_of(splits(classes=2, seen=3, unseen=2, held_out=1, unseen_classes=1))
    assert (crossing.seen_styles, crossing.unseen_styles) == (list(SEEN), list(UNSEEN))
    seen = [concept for concept, met in zip(crossing.concepts, crossing.seen, strict=True) if met]
    assert seen == ["seen-0-00", "seen-0-01", "seen-0-02", "seen-1-00", "seen-1-01", "seen-1-02"]
    assert set(crossing.concepts) - set(seen) == {f"unseen-{c}-{i:02d}" for c in range(3) for i in range(2)}


def test_every_drawing_is_the_concepts_own_in_that_style():
    crossing = crossing_of(splits())
    for style in (*SEEN, *UNSEEN):
        expected = [vector("nothing", concept, style) for concept in crossing.concepts]
        np.testing.assert_array_equal(crossing.drawings[style], np.array(expected, np.float32))
    assert [int(concept.split("-")[1]) for concept in crossing.concepts] == crossing.labels.tolist()


def test_directions_lead_from_a_seen_style_to_another_style():
    crossing = crossing_of(splits())
    assert crossing.directions(seen_style=True) == [("ink", "oil"), ("oil", "ink")]
    assert crossing.directions(seen_style=False) == [("ink", "wax"), ("oil", "wax")]
    many = crossing_of(splits(seen_styles=("a", "b", "c"), unseen_styles=("x", "y")))
    assert len(many.directions(seen_style=True)) == len(many.directions(seen_style=False)) == 6


def test_a_seen_concept_counts_in_a_seen_style_only_where_it_was_trained_on():
    train, test = splits(classes=2, seen=4)
    rows = rows_of(train)
    moved = rows.pop(train.concepts.index("seen-0-01"))
    assert "seen-0-01" in crossing_of((train, test)).concepts
    later = split("train", rows, 3), split("test", [*rows_of(test), moved], 3)
    assert "seen-0-01" not in crossing_of(later).concepts


def test_a_concept_with_one_drawing_held_out_is_neither_seen_nor_unseen():
    train, test = splits(classes=2)
    held_out = train.held_out.copy()
    held_out[train.concepts.index("seen-0-03")] = True
    concepts = crossing_of((dataclasses.replace(train, held_out=held_out), test)).concepts
    assert "seen-0-03" not in concepts
    assert not any(concept.startswith("held") for concept in concepts)


def test_a_held_out_concept_stays_out_even_where_all_its_drawings_are_tested():
    train, test = splits(classes=2)
    again = [row for row in rows_of(train) if row[0] == "held-1-00"]
    more = split("test", [*rows_of(test), *again], 3)
    more = dataclasses.replace(more, ids=[f"test/{item}" for item in more.ids])
    assert {style for concept, style, *_ in rows_of(more) if concept == "held-1-00"} == {*SEEN, *UNSEEN}
    assert "held-1-00" not in crossing_of((train, more)).concepts


def test_a_style_of_held_out_drawings_alone_is_neither_seen_nor_unseen():
    train, test = splits(classes=2)
    pen = split("train", [*rows_of(train), ("held-0-00", "pen", 0, True)], 3)
    tested = split("test", [*rows_of(test), ("unseen-0-00", "pen", 0, False)], 3)
    assert list(crossing_of((pen, tested)).drawings) == [*SEEN, *UNSEEN]


def test_concepts_that_lack_a_style_are_left_out_and_counted(caplog):
    train, test = splits(classes=2, seen=3, unseen=2, held_out=0, unseen_classes=0)
    fewer = split("test", [row for row in rows_of(test) if row[:2] != ("unseen-1-01", "wax")], 2)
    with caplog.at_level(logging.INFO, logger="wordsight"):
        crossing = crossing_of((train, fewer))
    assert "unseen-1-01" not in crossing.concepts
    assert "here: 1 of 10 concepts lack a style" in caplog.text


def test_features_are_joined_by_id_and_not_by_place():
    parts = splits()
    features = encode(parts, by_nothing)
    order = np.random.default_rng(0).permutation(len(parts[1]))
    shuffled = Features(
        features[1].values[order], features[1].labels[order], [features[1].ids[p] for p in order]
    )
    expected, found = cross(parts, features, "here"), cross(parts, (features[0], shuffled), "here")
    for style in expected.drawings:
        np.testing.assert_array_equal(expected.drawings[style], found.drawings[style])


def test_all_seen_concepts_are_support_in_halves_and_queries_have_equal_classes():
    crossing = crossing_of(splits(classes=4, seen=9, unseen=6))
    division = divide(crossing, 9, (0, "d"), "here")
    assert sorted(division.support) == np.flatnonzero(crossing.seen).tolist()
    assert set(division.queries[True]) < set(division.support)
    known = ~crossing.seen & np.isin(crossing.labels, division.classes)
    assert sorted(division.queries[False]) == np.flatnonzero(known).tolist()
    by_kind = [np.bincount(crossing.labels[division.queries[kind]]) for kind in (True, False)]
    assert by_kind[0].tolist() == by_kind[1].tolist() == [6, 6, 6, 6]
    assert np.bincount(crossing.labels[division.support[division.half]]).tolist() == [5, 5, 5, 5]
    assert division.classes.tolist() == [0, 1, 2, 3]


def test_the_division_depends_on_seed_and_dataset_and_each_class_has_its_own():
    small, large = (crossing_of(splits(classes=classes, seen=20)) for classes in (2, 3))

    def first(crossing, *stream):
        division = divide(crossing, 2, stream, "here")
        return {name for name in crossing.names(division.support[division.half]) if name < "seen-2"}

    assert first(small, 0, "d") == first(large, 0, "d")
    assert first(small, 0, "d") != first(small, 1, "d")
    assert first(small, 0, "d") != first(small, 0, "other")


def test_classes_with_too_few_concepts_to_learn_from_are_left_out():
    train, test = splits(classes=3, seen=8)
    dropped = {f"seen-1-{index:02d}" for index in range(4)}
    crossing = crossing_of((train, test))
    keep = [concept not in dropped for concept in crossing.concepts]
    fewer = dataclasses.replace(
        crossing,
        concepts=[concept for concept, kept in zip(crossing.concepts, keep, strict=True) if kept],
        labels=crossing.labels[keep],
        seen=crossing.seen[keep],
    )
    assert divide(fewer, 2, (0, "d"), "here").classes.tolist() == [0, 1, 2]
    assert divide(fewer, 5, (0, "d"), "here").classes.tolist() == [0, 2]
    with pytest.raises(
        DataError, match=r"^here: expected at least 2 classes with 9 seen concepts .* found 0$"
    ):
        divide(fewer, 9, (0, "d"), "here")


@every_protocol
def test_rows_are_crossed_and_name_the_cell_in_the_place_of_the_dataset(protocol, tmp_path):
    tables = run(protocol)
    for name in CELLS:
        write_rows(tmp_path / f"{name}.parquet", of_dataset(tables, name))
        origin = read_origin(tmp_path / f"{name}.parquet")
        assert (origin.protocol, origin.dataset, origin.mode) == (protocol, name, "sound")
        found = read_observations(tmp_path / f"{name}.parquet")
        assert {cell.metric for cell in found} >= {PROTOCOLS[protocol].primary, "chance"}
        assert all(cell.matrix.shape[0] >= 2 for cell in found if cell.metric == PROTOCOLS[protocol].primary)
        assert [cell.matrix.shape for cell in found if cell.metric == "chance"] == [(1, 1)]


@every_protocol
def test_cells_have_the_concepts_that_they_say_and_as_many_in_each(protocol):
    concepts = concepts_of(run(protocol))
    for name, cell in CELLS.items():
        assert {concept.split("-")[0] for concept in concepts[name]} == (
            {"seen"} if cell.seen_concepts else {"unseen"}
        )
    assert concepts["seen-concepts.seen-style"] == concepts["seen-concepts.unseen-style"]
    assert concepts["unseen-concepts.seen-style"] == concepts["unseen-concepts.unseen-style"]
    assert len({len(found) for found in concepts.values()}) == 1


@every_protocol
def test_held_out_concepts_are_never_used(protocol):
    parts = splits()
    features = encode(parts, by_nothing)

    def poisoned(concept, style, label):
        scale = 1e6 if concept.startswith("held") else 1.0
        return scale * by_nothing(concept, style, label)

    plain, other = run(protocol, parts, features), run(protocol, parts, encode(parts, poisoned))
    assert all(a.equals(b) for a, b in zip(plain, other, strict=True))


@every_protocol
def test_two_models_have_the_same_draws(protocol):
    parts = splits()
    first, second = run(protocol, parts), run(protocol, parts, encode(parts, by_class), model="other")
    keys = ["dataset", "metric", "setting", "trial", "item", "seed"]
    for cell, rows in frames(first).items():
        assert rows[keys].equals(frames(second)[cell][keys])
    again = run(protocol, parts, model="other")
    for cell, rows in frames(first).items():
        assert rows["value"].equals(frames(again)[cell]["value"])


@every_protocol
def test_what_cannot_be_crossed_is_one_line_with_protocol_model_and_dataset(protocol):
    where = f"^{protocol} of m on d"
    train, test = parts = splits()
    features = encode(parts, by_concept)
    without = tuple(dataclasses.replace(part, styles=[""] * len(part)) for part in parts)
    with pytest.raises(DataError, match=f"{where}: item seen-0-00"):
        run(protocol, without, features)
    flat = dataclasses.replace(train, styles=["ink"] * len(train))
    with pytest.raises(
        DataError,
        match=f"{where}: expected at least 2 seen styles and 1 unseen style; seen: ink; unseen: ",
    ):
        run(protocol, (flat, test), features)
    familiar = splits(unseen_styles=())
    with pytest.raises(DataError, match="1 unseen style; seen: ink, oil; unseen: none"):
        run(protocol, familiar)
    damaged = Features(features[0].values.copy(), features[0].labels, features[0].ids)
    damaged.values[3, 1] = np.nan
    with pytest.raises(DataError, match=f"{where}, train: the features of item {train.ids[3]} are not all"):
        run(protocol, parts, (damaged, features[1]))
    with pytest.raises(DataError, match=f"{where}: expected at least 2"):
        run(protocol, splits(unseen=0))


@pytest.mark.parametrize("protocol", ["cross_style_few_shot", "cross_style_probe"])
def test_one_class_is_refused_where_classes_are_told_apart(protocol):
    with pytest.raises(DataError, match=f"^{protocol} of m on d: expected at least 2 classes .* found 1$"):
        run(protocol, splits(classes=1))


def test_features_of_other_items_or_labels_are_refused():
    parts = splits()
    train, test = encode(parts, by_concept)
    lacking = Features(test.values[1:], test.labels[1:], test.ids[1:])
    with pytest.raises(DataError, match=re.escape(f"items of test.parquet: item {test.ids[0]} has none")):
        cross(parts, (train, lacking), "here")
    more = Features(np.vstack([test.values, test.values[:1]]), np.append(test.labels, 0), [*test.ids, "new"])
    with pytest.raises(DataError, match=f"there are {len(more)}"):
        cross(parts, (train, more), "here")
    relabelled = Features(train.values, np.roll(train.labels, 1), train.ids)
    with pytest.raises(DataError, match=r"label of item seen-0-00/ink"):
        cross(parts, (relabelled, test), "here")


def test_a_concept_of_two_classes_is_refused():
    parts = splits()
    labels = parts[1].labels.copy()
    labels[parts[1].ids.index("unseen-1-00/oil")] = 0
    mixed = parts[0], dataclasses.replace(parts[1], labels=labels)
    with pytest.raises(DataError, match="unseen-1-00 have different classes"):
        crossing_of(mixed)


def test_results_across_styles_are_one_file_a_cell_and_their_dataset_is_the_real_one():
    config = load(
        {
            "mode": "paper",
            "datasets": {"glyphs": {"source": "emoji"}},
            "models": {"plain": {"source": "random", "architecture": "timm/resnet18", "seed": 0}},
            "protocols": {
                "clustering": {"datasets": ["glyphs"]},
                "cross_style_probe": {"dataset": "glyphs"},
            },
        }
    )
    assert protocol_results(config) == [
        "results/clustering/plain/glyphs.parquet",
        "results/cross_style_probe/plain/seen-concepts.seen-style.parquet",
        "results/cross_style_probe/plain/seen-concepts.unseen-style.parquet",
        "results/cross_style_probe/plain/unseen-concepts.seen-style.parquet",
        "results/cross_style_probe/plain/unseen-concepts.unseen-style.parquet",
    ]
    assert evaluated_datasets(config) == ["glyphs"]
    wildcards = Wildcards(fromdict={"model": "plain"})
    (alone,) = cuts(config)
    assert inputs.measured(config, wildcards, "cross_style_probe", alone) == {
        "train": ["results/features/plain/glyphs/train.safetensors"],
        "test": ["results/features/plain/glyphs/test.safetensors"],
        "dataset": ["resources/datasets/glyphs/card.json"],
        "train_images": ["resources/datasets/glyphs/train.parquet"],
        "test_images": ["resources/datasets/glyphs/test.parquet"],
    }
    assert config.protocol_mode("cross_style_probe") == "sound"
