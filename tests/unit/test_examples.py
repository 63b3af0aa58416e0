"""What the figures of single images are drawn from: known answers on small datasets, and what is asked for."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from wordsight.config.datasets import ImageFolderDataset
from wordsight.config.load import load
from wordsight.datasets import building
from wordsight.datasets.reading import open_split
from wordsight.datasets.source import Item, Source
from wordsight.errors import DataError
from wordsight.figures.images.adversarial_examples import adversarial_examples
from wordsight.figures.images.confusions import ROWS, confusions, shares, shown
from wordsight.figures.images.features import MOST, features, plane
from wordsight.figures.images.robust_images import robust_images
from wordsight.figures.images.thumbnails import SIDE, thumbnail, thumbnails
from wordsight.files.disk import write_json
from wordsight.files.example_sets import NONE, Examples, read_examples, write_examples
from wordsight.files.feature_sets import Features
from wordsight.files.pixels import encode
from wordsight.protocols.rows import make_rows, write_rows
from wordsight.statistics.comparison import Comparison
from wordsight.workflow.targets import (
    attacked_models,
    confused,
    embedded_dataset,
    embedded_models,
    example_names,
    figure_names,
    pictured_datasets,
)

DEFAULT = Path(__file__).resolve().parents[2] / "config/config.yaml"
CLASSES = ["apple", "bear", "cup", "door"]


def prepared(folder, name, images=12):
    """Test split of grey images, each of a level of its own, the classes in turn."""
    items = [
        Item(f"{name}-{n:03d}", n % 4, lambda n=n: encode(np.full((8, 8, 3), n % 250, np.uint8)))
        for n in range(images)
    ]
    source = Source("here", "CC0", CLASSES, items[:4], items[4:])
    section = ImageFolderDataset(source="image_folder", path="unused")
    building.build(source, section, name, 0, folder / name)
    return open_split(folder / name, "test")


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    return {name: prepared(folder, name) for name in ("first", "second")}


def pixels(address):
    """Picture of an address."""
    start = "data:image/png;base64,"
    assert address.startswith(start)
    return Image.open(io.BytesIO(base64.b64decode(address.removeprefix(start)))).convert("RGB")


# Thumbnails


def test_a_small_image_is_magnified_by_a_whole_number_with_its_pixels_as_they_are():
    values = np.random.default_rng(0).integers(0, 2, (8, 6, 1), np.uint8).repeat(3, axis=2) * 255
    found = np.asarray(pixels(thumbnail(Image.fromarray(values))))
    assert found.shape == (64, 48, 3)
    assert (found == values.repeat(8, axis=0).repeat(8, axis=1)).all()


@pytest.mark.parametrize("size", [(500, 300), (65, 64), (3000, 2)])
def test_a_large_image_shrinks_and_keeps_its_shape(size):
    found = pixels(thumbnail(Image.new("RGB", size, (200, 10, 10))))
    assert found.size == (SIDE, max(1, round(SIDE * size[1] / size[0])))
    assert np.abs(np.asarray(found)[0, 0].astype(int) - (200, 10, 10)).max() <= 2


def test_thumbnails_are_those_of_their_places_whatever_the_order(splits):
    found = thumbnails(splits["first"], [5, 2, 5])
    assert sorted(found) == [2, 5]
    assert [np.asarray(pixels(found[place]))[0, 0, 0] for place in (2, 5)] == [6, 9]


# Features in the plane


def clustered(split, model, spread=0.05):
    """Features whose classes lie far apart in direction."""
    rng = np.random.default_rng(1)
    centres = np.eye(4, 8)[split.labels]
    values = centres + spread * rng.normal(size=(len(split), 8))
    return Features(values.astype(np.float32), split.labels, list(split.ids), {"model": model})


def test_images_of_a_class_are_neighbours_in_the_plane_where_their_features_are(tmp_path):
    split = prepared(tmp_path, "some", images=84)
    found = features([clustered(split, "m")], split, seed=0)
    places = np.array([found["panels"][0]["x"], found["panels"][0]["y"]]).T
    labels = np.array([item["class"] for item in found["items"]])
    distance = np.linalg.norm(places[:, None] - places[None], axis=2) + np.diag(np.full(len(places), np.inf))
    assert (labels[distance.argmin(axis=1)] == labels).mean() > 0.95
    assert np.abs(places).max() == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_equal_features_give_equal_places_and_all_panels_have_the_same_images(tmp_path):
    split = prepared(tmp_path, "some", images=MOST + 54)
    found = [features([clustered(split, "a"), clustered(split, "b", 1.0)], split, seed=3) for _ in range(2)]
    assert json.dumps(found[0]) == json.dumps(found[1])
    assert found[0]["images"] == MOST + 50
    shown = [item["id"] for item in found[0]["items"]]
    assert len(set(shown)) == len(shown) == MOST
    assert shown == [item for item in split.ids if item in shown]
    assert [len(panel["x"]) for panel in found[0]["panels"]] == [MOST, MOST]
    other = features([clustered(split, "a")], split, seed=4)
    assert [item["id"] for item in other["items"]] != shown


@pytest.mark.parametrize("items", range(1, 8))
def test_few_images_or_equal_features_have_places_too(items):
    values = np.random.default_rng(0).normal(size=(items, 3)).astype(np.float32)
    assert np.isfinite(plane(values, 0)).all()
    assert np.isfinite(plane(np.ones_like(values), 0)).all()


def test_few_images_lie_on_their_principal_components():
    values = np.array([[0, 0, 1], [3, 0, 1], [0, 1, 1]], np.float32)
    found = plane(values, 0)
    distance = [np.linalg.norm(found[a] - found[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert np.array(distance) / distance[0] == pytest.approx([1, 1 / 3, np.sqrt(10) / 3])


def test_features_of_other_items_are_refused(splits):
    part = clustered(splits["second"], "m")
    with pytest.raises(DataError, match="features of m on first: "):
        features([part], splits["first"], seed=0)


# Robust images


def attacked(path, model, dataset, radii):
    """Rows of robustness; the area is the place of the radius on a logarithmic scale from 0.001 to 1."""
    items, values = list(radii), np.array(list(radii.values()))
    common = {
        "protocol": "robustness",
        "model": model,
        "dataset": dataset,
        "mode": "sound",
        "seed": 0,
        "items": items,
    }
    area = 1 + np.log10(np.clip(values, 1e-3, 1)) / 3
    tables = [
        make_rows(metric=m, values=v, **common) for m, v in (("min_epsilon", values), ("robust_area", area))
    ]
    write_rows(path, tables)
    return path


def test_images_are_ordered_by_their_radius_over_groups_in_which_seeds_are_one(tmp_path, splits):
    ids = splits["first"].ids
    of = {
        "labels-0": [1.0, 0.01, 0.001, 0.0], "labels-1": [1.0, 0.1, 0.001, 0.0],
        "labels-2": [np.inf, 0.1, 0.001, 0.0], "own": [0.1, 0.1, 0.1, 0.0],
    }  # fmt: skip
    groups = {"labels-0": "labels", "labels-1": "labels", "labels-2": "labels", "own": "own"}
    paths = [
        attacked(tmp_path / f"{model}.parquet", model, "first", dict(zip(ids[:4], radii, strict=True)))
        for model, radii in of.items()
    ]
    found = robust_images(paths, splits, groups)
    (part,) = found["datasets"]  # the other dataset was not attacked
    assert (part["dataset"], part["images"]) == ("first", 4)
    assert [image["item"] for image in part["least"]] == [ids[3], ids[2]]
    assert [image["item"] for image in part["most"]] == [ids[0], ids[1]]
    best, second = part["most"]
    assert best["radii"] == {"labels": 1.0, "own": 0.1}
    assert second["radii"] == {"labels": 0.1, "own": 0.1}
    assert part["least"][0]["radii"] == {"labels": 0.0, "own": 0.0}
    # The mean over groups of a mean over seeds: not the one over models, in which labels would count three times.
    assert second["area"] == pytest.approx(((1 / 3 + 2 / 3 + 2 / 3) / 3 + 2 / 3) / 2, abs=1e-4)
    assert np.asarray(pixels(best["image"]))[0, 0, 0] == 4
    assert best["class"] == "apple"


def test_what_nothing_breaks_has_no_radius_and_what_is_wrong_comes_before_what_breaks_at_once(
    tmp_path, splits
):
    ids = splits["first"].ids
    path = attacked(tmp_path / "m.parquet", "m", "first", {ids[0]: np.inf, ids[1]: 0.001, ids[2]: 0.0})
    (part,) = robust_images([path], splits, {"m": "m"})["datasets"]
    assert [image["item"] for image in part["least"]] == [ids[2], ids[1]]
    assert [(image["item"], image["radii"]["m"]) for image in part["most"]] == [(ids[0], None)]
    write_json(tmp_path / "out.json", part)
    assert "Infinity" not in (tmp_path / "out.json").read_text()


# Adversarial examples


def made_of(split, radii=(0.0, 0.25, np.inf)):
    """Examples of the first images: one that is wrong, one that becomes the next class, one that resists."""
    places = range(len(radii))
    images = np.stack([np.asarray(image) for _, image in split.images(set(places))])
    changes = np.zeros(images.shape, dtype=np.float16)
    changes[1, :4], changes[1, 4:] = 0.25, -0.125
    return Examples(
        [split.ids[place] for place in places], images, changes, np.array(radii), np.array([2, 2, NONE])
    )


def test_each_image_has_what_it_became_and_what_was_added_by_encoder(tmp_path, splits):
    split, paths = splits["first"], []
    for model in ("labels-0", "given"):
        paths.append(tmp_path / model / "first.safetensors")
        write_examples(paths[-1], made_of(split))
    found = adversarial_examples(paths, splits, {"labels-0": "labels", "given": "given"})
    (part,) = found["datasets"]
    assert part["dataset"] == "first"
    assert [(one["item"], one["class"]) for one in part["images"]] == [
        (split.ids[place], CLASSES[split.labels[place]]) for place in range(3)
    ]
    assert [one["group"] for one in part["encoders"]] == ["labels", "given"]
    wrong, broken, resists = part["encoders"][0]["attacks"]
    assert (wrong["radius"], wrong["class"], wrong["added"]) == (0, "cup", None)
    assert resists == {"radius": None, "class": None, "attacked": None, "added": None}
    assert (broken["radius"], broken["class"]) == (0.25, "cup")
    # No change would be grey, 127 or 128; the largest one is white, and half of it the other way is dark.
    added, changed = pixels(broken["added"]), pixels(broken["attacked"])
    assert set(np.unique(added)) == {255, 64}
    grey = np.asarray(next(iter(split.images({1})))[1]).astype(int)
    assert np.unique(changed).tolist() == sorted({max(grey.flat[0] - 32, 0), grey.flat[0] + 64})


def test_adversarial_examples_are_read_as_they_were_written(tmp_path, splits):
    written = made_of(splits["first"])
    write_examples(tmp_path / "a.safetensors", written)
    found = read_examples(tmp_path / "a.safetensors")
    assert found.items == written.items
    for name in ("images", "changes", "radii", "classes"):
        assert np.array_equal(getattr(found, name), getattr(written, name))
    (tmp_path / "b.safetensors").write_bytes(b"none")
    for name in ("b", "gone"):
        with pytest.raises(DataError, match=rf"{name}\.safetensors: is not a file of adversarial examples"):
            read_examples(tmp_path / f"{name}.safetensors")


def test_a_single_attacked_image_is_shown_once(tmp_path, splits):
    path = attacked(tmp_path / "m.parquet", "m", "first", {splits["first"].ids[0]: 0.1})
    (part,) = robust_images([path], splits, {"m": "m"})["datasets"]
    assert (len(part["least"]), len(part["most"])) == (1, 0)


# Confusions


def predicted(folder, model, dataset, split, classes):
    path = folder / f"{model}-{dataset}.parquet"
    common = {"protocol": "transfer", "model": model, "dataset": dataset, "mode": "sound", "seed": 0}
    table = make_rows(metric="predicted", values=np.asarray(classes), items=list(split.ids), **common)
    write_rows(path, [table])
    return path


COMPARED = Comparison(name="words", pairs=[("t", "c"), ("t", "d")], groups=["", ""])


def test_the_dataset_and_the_classes_on_which_the_sides_differ_most_are_shown(tmp_path, splits):
    right = {name: split.labels for name, split in splits.items()}
    one = np.where(splits["second"].labels == 2, 3, splits["second"].labels)  # takes every cup for a door
    guesses = {"first": {"t": right["first"], "c": right["first"], "d": right["first"]}}
    guesses["second"] = {"t": right["second"], "c": one, "d": right["second"]}
    paths = [
        predicted(tmp_path, model, name, splits[name], found)
        for name, models in guesses.items()
        for model, found in models.items()
    ]
    (found,) = confusions(paths, [COMPARED], splits)["contrasts"]
    assert (found["contrast"], found["dataset"], found["images"]) == ("words", "second", 8)
    assert (found["treatments"], found["controls"]) == (["t"], ["c", "d"])
    assert found["rows"] == [2]
    names = {row["place"]: row["name"] for row in found["classes"]}
    assert names == dict(enumerate(CLASSES))
    cells = {cell["predicted"]: (cell["treatment"], cell["control"]) for cell in found["cells"]}
    assert cells == {0: (0, 0), 1: (0, 0), 2: (1, 0.5), 3: (0, 0.5)}
    shown_of = {row["name"]: np.asarray(pixels(row["image"]))[0, 0, 0] % 4 for row in found["classes"]}
    assert shown_of == {name: place for place, name in enumerate(CLASSES)}


def test_sides_that_predict_the_same_have_no_class_to_show(tmp_path, splits):
    split = splits["first"]
    paths = [predicted(tmp_path, model, "first", split, split.labels) for model in ("t", "c", "d")]
    (found,) = confusions(paths, [COMPARED], splits)["contrasts"]
    assert (found["dataset"], found["rows"], found["classes"], found["cells"]) == ("first", [], [], [])


def test_shares_are_means_over_models_of_the_confusion_matrices_of_scikit_learn():
    from sklearn.metrics import confusion_matrix

    rng = np.random.default_rng(0)
    labels, guesses = rng.integers(0, 5, 200), rng.integers(0, 5, (3, 200))
    peers = [confusion_matrix(labels, guess, normalize="true") for guess in guesses]
    assert shares(guesses, labels, 5) == pytest.approx(np.mean(peers, axis=0))
    assert not shares(guesses, labels, 6)[5].any()


def test_of_many_classes_those_that_differ_most_have_a_row_and_their_own_column():
    difference = np.zeros((40, 40))
    for place in range(20):
        difference[place, place], difference[place, 39 - place] = -place / 20, place / 20
    rows, columns = shown(difference)
    assert rows == list(range(20 - ROWS, 20))
    assert set(rows) < set(columns)
    assert columns == [*range(14, 20), 20, 21, 22, 23]


def test_rows_without_predicted_classes_are_refused(tmp_path, splits):
    common = {"protocol": "transfer", "model": "t", "dataset": "first", "mode": "sound", "seed": 0}
    write_rows(
        tmp_path / "t.parquet", [make_rows(metric="accuracy", values=[1.0], items=["first-004"], **common)]
    )
    with pytest.raises(
        DataError, match=r"t\.parquet: predicted classes are missing for test images of first"
    ):
        confusions([tmp_path / "t.parquet"], [COMPARED], splits)


# What a configuration asks for


def configured(**changes):
    """The default, without families, which name contrasts."""
    return load(yaml.safe_load(DEFAULT.read_text(encoding="utf-8")) | {"statistics": {}} | changes)


def protocols(*names):
    whole = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))["protocols"]
    return {name: whole[name] for name in names}


def test_the_default_shows_a_seed_of_each_compared_objective_on_what_all_encoders_pass():
    config = configured()
    assert embedded_dataset(config) == "mnist"
    models = ["captions_contrastive-0", "labels-0", "simclr-0", "captions_shuffled-0"]
    assert embedded_models(config) == [*models, "class_names-0", "untrained-0"]
    assert attacked_models(config) == [*models, "class_names-0", "untrained-0"]
    contrasts = [comparison.name for comparison in confused(config)]
    assert contrasts == ["captions-labels", "captions-self_supervised", "captions-shuffled"]
    assert pictured_datasets(config) == ["mnist", "digits", "faces"]


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (["clustering"], ["features"]),
        (["robustness"], ["robust_images", "adversarial_examples"]),
        (["transfer"], ["features", "confusions"]),
        (["cross_style_few_shot", "robustness"], ["features", "robust_images", "adversarial_examples"]),
    ],
)
def test_a_figure_is_there_only_where_its_protocol_runs(names, asked):
    config = configured(protocols=protocols(*names))
    assert example_names(config) == asked
    others = ["ranks", "pretraining_size", *asked, "training", "margins", "overview", "summary"]
    assert sorted(figure_names(config)) == sorted([*names, *others])


def test_without_a_contrast_or_in_the_papers_mode_there_are_no_confusions():
    assert "confusions" not in figure_names(configured(contrasts={}, conclusions={}))
    assert "confusions" not in figure_names(configured(mode="paper", protocols=protocols("transfer")))


def test_of_contrasts_about_anything_else_the_first_is_shown():
    sides = {"treatment": {"objective": "labels"}, "control": {"objective": "class_names"}}
    config = configured(contrasts={"one": sides, "two": sides}, conclusions={})
    assert [comparison.name for comparison in confused(config)] == ["one"]


def test_a_contrast_of_models_that_transfer_leaves_out_is_not_shown():
    some = protocols("transfer", "few_shot")
    some["transfer"]["models"] = {"objective": ["captions_contrastive", "simclr"]}
    config = configured(protocols=some)
    assert [comparison.name for comparison in confused(config)] == ["captions-self_supervised"]
