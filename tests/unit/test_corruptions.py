"""Corrupted images, what is measured on them, and how it is shown."""

import inspect
import io
from dataclasses import replace
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from scipy import ndimage
from sklearn.datasets import load_sample_image

from hand_made import make_run, objective_means, row, tables
from small_images import write
from wordsight.catalogue.protocols.corruptions import EXTRA_KINDS, KINDS, Parameters
from wordsight.datasets import corrupting
from wordsight.datasets.corrupting import MOST_ELONGATED, corrupt, render, scale
from wordsight.datasets.reading import open_split
from wordsight.datasets.versions import version_id, version_of
from wordsight.errors import DataError
from wordsight.figures.drawing import draw
from wordsight.files.feature_sets import Features
from wordsight.protocols import corruptions
from wordsight.protocols.task import Task
from wordsight.report.protocol_tables import primary_tables

SEED = 5
ALL = [*KINDS, *EXTRA_KINDS]


@pytest.fixture(scope="module")
def photo():
    """A photograph, at the size of the images that the reference implementation corrupts."""
    return Image.fromarray(load_sample_image("flower.jpg")).resize((341, 256)).crop((58, 16, 282, 240))


@pytest.fixture(scope="module")
def small(photo):
    return photo.resize((96, 64))


def changed(image, kind, severity, seed=SEED):
    return corrupt(image, kind, severity, seed).astype(float)


def whole(shares):
    """Shares of the range of a pixel as whole levels, which are cut off and not rounded."""
    return (np.clip(shares, 0, 1) * 255).astype(np.uint8).astype(float)


# Agreement with the reference implementation: its formulas, with the same random numbers


def test_noise_is_that_of_the_reference(photo):
    x = np.asarray(photo) / 255
    numbers = np.random.RandomState
    normal = numbers(SEED).normal(size=x.shape, scale=0.18)
    np.testing.assert_array_equal(changed(photo, "gaussian_noise", 3), whole(x + normal))
    np.testing.assert_array_equal(changed(photo, "shot_noise", 5), whole(numbers(SEED).poisson(x * 3) / 3.0))
    normal = numbers(SEED).normal(size=x.shape, scale=0.45)
    np.testing.assert_array_equal(changed(photo, "speckle_noise", 4), whole(x + x * normal))


def test_impulses_are_as_frequent_as_in_the_reference_half_of_them_white(photo):
    grey = Image.new("RGB", photo.size, (100, 110, 120))
    for severity, share in enumerate((0.03, 0.06, 0.09, 0.17, 0.27), start=1):
        found = changed(grey, "impulse_noise", severity)
        assert (found == 255).mean() == pytest.approx(share / 2, rel=0.06)
        assert (found == 0).mean() == pytest.approx(share / 2, rel=0.06)
        left = (found != 0) & (found != 255)
        np.testing.assert_array_equal(found[left], np.asarray(grey)[left])


def test_blur_is_that_of_the_reference(photo):
    x = np.asarray(photo) / 255
    blurred = [ndimage.gaussian_filter(x[..., c], 4, mode="nearest") for c in range(3)]
    assert np.abs(changed(photo, "gaussian_blur", 4) - whole(np.stack(blurred, -1))).max() <= 1
    place = np.arange(-8, 9)
    disc = (place[:, None] ** 2 + place**2 <= 3**2).astype(float)
    blurred = [ndimage.correlate(x[..., c], disc / disc.sum(), mode="mirror") for c in range(3)]
    assert np.abs(changed(photo, "defocus_blur", 1) - whole(np.stack(blurred, -1))).max() <= 1
    zoomed = [x]
    for factor in np.arange(1, 1.31, 0.03):
        kept = int(np.ceil(224 / factor))
        start = (224 - kept) // 2
        part = x[start : start + kept, start : start + kept]
        zoomed.append(ndimage.zoom(part, (factor, factor, 1), order=1)[:224, :224])
    assert np.abs(changed(photo, "zoom_blur", 5) - whole(np.mean(zoomed, axis=0))).max() <= 1


def test_motion_blurs_along_a_line_within_45_degrees_with_the_weights_of_the_reference():
    point = np.zeros((101, 101, 3), np.uint8)
    point[50, 50] = 255
    found = changed(Image.fromarray(point), "motion_blur", 3)[..., 0]
    weights = np.exp(-(np.arange(31) ** 2) / (2 * 8**2))
    assert np.sort(found[found > 0])[::-1] == pytest.approx(
        np.floor(255 * weights / weights.sum())[: (found > 0).sum()]
    )
    rows, columns = np.nonzero(found)
    assert len(rows) > 20
    assert np.ptp(columns) >= np.ptp(rows)
    angles = {
        round(
            float(
                np.degrees(
                    np.arctan2(
                        *np.ptp(
                            np.nonzero(changed(Image.fromarray(point), "motion_blur", 3, s)[..., 0]), axis=1
                        )
                    )
                )
            )
        )
        for s in range(8)
    }
    assert len(angles) > 3
    assert max(angles) <= 46


def test_colours_are_those_of_the_reference(photo):
    x = np.asarray(photo) / 255
    mean = x.mean(axis=(0, 1))
    np.testing.assert_allclose(changed(photo, "contrast", 2), whole((x - mean) * 0.3 + mean), atol=1)
    largest, smallest = x.max(axis=-1, keepdims=True), x.min(axis=-1, keepdims=True)
    some = (largest > 0) & (largest > smallest)
    with np.errstate(divide="ignore", invalid="ignore"):
        brighter = np.where(largest > 0, x * np.clip(largest + 0.3, 0, 1) / largest, 0.3)
        saturation = (largest - smallest) / largest
        saturated = largest - (largest - x) * np.clip(saturation * 5 + 0.1, 0, 1) / saturation
    np.testing.assert_allclose(changed(photo, "brightness", 3), whole(brighter), atol=1)
    expected = whole(np.where(some, saturated, 0))
    np.testing.assert_allclose(np.where(some, changed(photo, "saturate", 4), 0), expected, atol=1)


def test_compression_is_that_of_the_reference(photo):
    for severity, quality in enumerate((25, 18, 15, 10, 7), start=1):
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=quality)
        np.testing.assert_array_equal(
            changed(photo, "jpeg_compression", severity), np.asarray(Image.open(file))
        )
    for severity, share in enumerate((0.6, 0.5, 0.4, 0.3, 0.25), start=1):
        side = int(224 * share)
        coarse = photo.resize((side, side), Image.Resampling.BOX).resize((224, 224), Image.Resampling.BOX)
        # The library enlarges by the nearest pixel, which differs from a box where two of them meet.
        assert np.abs(changed(photo, "pixelate", severity) - np.asarray(coarse)).mean() < 0.5


def test_weather_is_within_what_the_formulas_of_the_reference_allow(photo):
    x = np.asarray(photo) / 255
    for severity, amount in enumerate((1.5, 2.0, 2.5, 2.5, 3.0), start=1):
        share = x.max() / (x.max() + amount)
        found = changed(photo, "fog", severity) / 255
        assert (found >= x * share - 1 / 255).all()
        assert (found <= (x + amount) * share + 1 / 255).all()
    for severity, (kept, ice) in enumerate(
        [(1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)], start=1
    ):
        found = changed(photo, "frost", severity) / 255
        assert (found >= np.clip(kept * x, 0, 1) - 1 / 255).all()
        assert (found <= np.clip(kept * x + ice, 0, 1) + 1 / 255).all()
    # Snow lightens before it falls; mud and water of spatter are of one colour.
    assert (changed(photo, "snow", 5) >= np.floor(255 * 0.55 * x)).all()
    splashed = changed(photo, "spatter", 5)
    mud = np.array([63, 42, 20])
    assert (splashed >= np.minimum(255 * x, mud) - 1).all()
    assert (splashed <= np.maximum(255 * x, mud) + 1).all()
    assert 0.05 < (np.abs(splashed - 255 * x).max(axis=-1) > 1).mean() < 0.6


@pytest.mark.parametrize("severity", [1, 2, 3, 5])
def test_elastic_transform_is_that_of_the_reference(photo, severity):
    """It turns by a triangle of corners, then moves each pixel; both by linear interpolation."""
    x, numbers = np.asarray(photo) / 255, np.random.RandomState(SEED)
    alpha, sigma, jitter = (
        np.array([(2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (), (0.12, 0.01, 0.02)][severity - 1])
        * 244
    )
    corners = np.array([[186, 186], [186, 38], [38, 38]])
    moved = corners + numbers.uniform(-jitter, jitter, (3, 2))
    back = np.linalg.solve(np.column_stack([moved, np.ones(3)]), corners)  # from (x, y, 1) to (x, y)
    rows, columns = np.mgrid[:224, :224]
    across, down = np.moveaxis(np.stack([columns, rows, np.ones_like(rows)], -1) @ back, -1, 0)
    turned = [ndimage.map_coordinates(x[..., c], [down, across], order=1, mode="mirror") for c in range(3)]
    across, down = (
        ndimage.gaussian_filter(numbers.uniform(-1, 1, (224, 224)), sigma, mode="reflect", truncate=3) * alpha
        for _ in range(2)
    )
    places = [rows + down, columns + across]
    found = [ndimage.map_coordinates(one, places, order=1, mode="reflect") for one in turned]
    # OpenCV takes places in steps of 1/32 of a pixel.
    assert np.abs(changed(photo, "elastic_transform", severity) - whole(np.stack(found, -1))).mean() < 1


def test_elastic_transform_of_a_small_image_moves_pixels_by_the_same_share(photo, small):
    """At the full length in pixels, the corners would be moved out of a small image."""
    large, tiny = (
        np.abs(changed(image, "elastic_transform", 5) - np.asarray(image)).mean() for image in (photo, small)
    )
    assert tiny < 2 * large


# What holds for every kind


@pytest.mark.parametrize("kind", ALL)
def test_a_version_depends_on_its_seed_alone(small, kind):
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = changed(small, kind, 3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(changed(small, kind, 3), first)
    assert first.shape == (64, 96, 3)
    assert not np.array_equal(first, np.asarray(small))
    fixed = {
        "defocus_blur",
        "zoom_blur",
        "gaussian_blur",
        "brightness",
        "contrast",
        "saturate",
        "pixelate",
        "jpeg_compression",
    }
    assert np.array_equal(changed(small, kind, 3, SEED + 1), first) == (kind in fixed)


def test_kinds_that_draw_for_themselves_are_given_the_seed():
    takes = {
        kind
        for kind, function in corrupting.KINDS.items()
        if "seed" in inspect.signature(function).parameters
    }
    assert takes == corrupting.OWN_SEED
    assert set(corrupting.KINDS) == set(ALL)


@pytest.mark.slow
def test_the_more_severe_the_further_from_the_image(photo):
    """But some of the reference's middle ones of glass, frost, snow and spatter are a little out of order."""
    distance = {
        kind: [np.abs(changed(photo, kind, s) - np.asarray(photo)).mean() for s in range(1, 6)]
        for kind in ALL
    }
    distance.pop("saturate")  # which takes colour away at severities 1 and 2, and adds some at the others
    distance.pop("elastic_transform")  # the reference turns by more at severities 1 and 2
    for kind, found in distance.items():
        assert found[4] > 1.15 * found[0], kind
        assert (np.diff(found) > -0.2 * found[2]).all(), (kind, found)


def test_a_small_image_without_a_drop_stays_as_it_is():
    grey = Image.new("RGB", (32, 32), (90, 120, 150))
    found = [changed(grey, "spatter", 1, seed) for seed in range(200)]
    assert any(np.array_equal(one, np.asarray(grey)) for one in found)
    assert all((one >= np.asarray(grey) - 1).all() for one in found)


def drawings_are_scaled_by_their_shorter_side():
    assert scale(Image.new("RGB", (30, 20)), 64, "d: i").size == (96, 64)
    assert scale(Image.new("RGB", (300, 900)), 64, "d: i").size == (64, 192)
    with pytest.raises(DataError, match=r"^d: strip: has 9 x 90 pixels; .* more than 8 times .* crop"):
        scale(Image.new("RGB", (9, 9 * MOST_ELONGATED + 18)), 64, "d: strip")


# The versions of a dataset


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    return write(tmp_path_factory.mktemp("shapes"))


def made(
    split, directory, *, kinds=("fog", "jpeg_compression"), severities=(1, 4), images=4, pixels=40, seed=3
):
    options = {"kinds": kinds, "severities": severities, "images": images, "pixels": pixels, "seed": seed}
    render(split, directory, **options)
    return open_split(directory, "test")


def pixels_of(split):
    return {name: np.asarray(image) for name, image in split.images()}


def test_versions_have_the_form_of_a_dataset(drawings, tmp_path):
    split = made(drawings, tmp_path / "c")
    assert len(split) == split.card.splits.test.items == 4 * 5
    assert split.card.name == drawings.card.name
    assert split.classes == drawings.classes
    found = [version_of(name) for name in split.ids]
    assert [(kind, severity) for kind, severity, _ in found[:5]] == [
        ("clean", 0), ("fog", 1), ("fog", 4), ("jpeg_compression", 1), ("jpeg_compression", 4),
    ]  # fmt: skip
    labels = dict(zip(drawings.ids, drawings.labels.tolist(), strict=True))
    assert [labels[item] for *_, item in found] == split.labels.tolist()
    assert sum(split.card.splits.test.images_per_class) == len(split)
    assert len(open_split(tmp_path / "c", "train")) == 0
    originals = pixels_of(drawings)
    for name, pixels in pixels_of(split).items():
        kind, _, item = version_of(name)
        scaled = np.asarray(scale(Image.fromarray(originals[item]), 40, ""))
        assert np.array_equal(pixels, scaled) == (kind == "clean")


def test_a_version_is_the_same_whatever_else_is_made(drawings, tmp_path):
    few = pixels_of(made(drawings, tmp_path / "few", kinds=["snow"], severities=[2], images=3))
    many = pixels_of(made(drawings, tmp_path / "many", kinds=["fog", "snow"], severities=[3, 2], images=5))
    assert len(few) == 3 * 2
    for name, pixels in few.items():
        np.testing.assert_array_equal(pixels, many[name])
    again = made(drawings, tmp_path / "again", kinds=["snow"], severities=[2], images=3)
    assert again.path.read_bytes() == (tmp_path / "few/test.parquet").read_bytes()
    other = pixels_of(made(drawings, tmp_path / "other", kinds=["snow"], severities=[2], images=3, seed=4))
    assert any(not np.array_equal(other.get(name), pixels) for name, pixels in few.items())


def test_all_images_are_taken_where_there_are_fewer(drawings, tmp_path):
    split = made(drawings, tmp_path / "c", kinds=["contrast"], severities=[1], images=10**6)
    assert len(split) == 2 * len(drawings)


# What is measured


def features(names, labels, values):
    return Features(np.asarray(values, np.float32), np.asarray(labels), names)


def measured_on(
    wrong, *, model="m", baseline=None, kinds=("fog", "snow"), extra_kinds=(), train_ids=None, drop=None
):
    """Rows of a model whose classifier errs on given versions; classes 0 and 1 are told apart by one number."""
    section = Parameters(
        baseline="base",
        kinds=list(kinds),
        extra_kinds=list(extra_kinds),
        severities=[1, 3],
        regularisation=[1.0],
    )
    labels = np.arange(20) % 2
    train = features(
        train_ids or [f"t{i}" for i in range(20)], labels, np.stack([labels * 2.0 - 1, np.zeros(20)], 1)
    )
    items = ["a", "b", "c", "d"]
    versions = [("clean", 0), *((kind, s) for kind in (*kinds, *extra_kinds) for s in (1, 3))]
    names, truth, values = [], [], []
    for place, item in enumerate(items):
        for kind, severity in versions:
            name = version_id(kind, severity, item)
            if name == drop:
                continue
            names.append(name)
            truth.append(place % 2)
            side = (place % 2) * 2.0 - 1
            values.append([-side if (kind, severity, item) in wrong else side, 0.0])
    task = Task("corruptions", model, "d")
    found = corruptions.evaluate(
        task, section, train=train, corrupted=features(names, truth, values), classes=2, baseline=baseline
    )
    return pa.concat_tables(found)


def values(rows, metric, parameter="", setting=0.0):
    frame = rows.to_pandas()
    kept = (frame["metric"] == metric) & (frame["parameter"] == parameter) & (frame["setting"] == setting)
    return dict(zip(frame.loc[kept, "item"], frame.loc[kept, "value"], strict=True))


WRONG = {
    ("fog", 1, "a"),
    ("fog", 3, "a"),
    ("snow", 3, "a"),
    ("snow", 3, "b"),
    ("fog", 3, "d"),
    ("clean", 0, "d"),
}


def test_accuracy_is_by_image_kind_and_severity():
    rows = measured_on(WRONG, extra_kinds=["spatter"])
    assert values(rows, "accuracy", "fog", 1) == {"a": 0, "b": 1, "c": 1, "d": 1}
    assert values(rows, "accuracy", "snow", 3) == {"a": 0, "b": 0, "c": 1, "d": 1}
    assert values(rows, "accuracy", "severity", 0) == {"a": 1, "b": 1, "c": 1, "d": 0}
    assert values(rows, "accuracy", "severity", 1) == {"a": 0.5, "b": 1, "c": 1, "d": 1}
    assert values(rows, "accuracy", "severity", 3) == {"a": 0, "b": 0.5, "c": 1, "d": 0.5}
    assert values(rows, "corrupted_accuracy") == {"a": 0.25, "b": 0.75, "c": 1, "d": 0.75}
    assert values(rows, "converged") == {"": 1}


def test_extra_kinds_count_in_no_mean():
    bad = {("spatter", s, item) for s in (1, 3) for item in "abcd"}
    without, rows = measured_on(WRONG), measured_on(WRONG | bad, extra_kinds=["spatter"])
    assert values(rows, "accuracy", "spatter", 1) == dict.fromkeys("abcd", 0)
    for metric in ("corrupted_accuracy", "corruption_error"):
        assert values(rows, metric) == values(without, metric)


def test_the_mean_corruption_error_is_relative_to_the_baseline_kind_by_kind():
    base = measured_on(WRONG, model="base")
    assert np.mean(list(values(base, "corruption_error").values())) == pytest.approx(1)
    better = measured_on({("fog", 3, "a"), ("snow", 1, "c"), ("snow", 3, "c")}, baseline=base)
    # Of 8 versions each: the baseline errs on 3 in fog and 2 in snow, the other on 1 and 2.
    assert np.mean(list(values(better, "corruption_error").values())) == pytest.approx((1 / 3 + 2 / 2) / 2)
    assert values(better, "corruption_error")["b"] == 0
    assert values(better, "kinds_compared") == {"": 2}


def test_kinds_on_which_the_baseline_never_errs_have_no_corruption_error():
    base = measured_on({("fog", 1, "a")}, model="base")
    rows = measured_on({("snow", 1, "a"), ("fog", 1, "b"), ("fog", 3, "b")}, baseline=base)
    assert values(rows, "kinds_compared") == {"": 1}
    assert np.mean(list(values(rows, "corruption_error").values())) == pytest.approx(2)
    perfect = measured_on(set(), model="base")
    rows = measured_on(WRONG, baseline=perfect)
    assert values(rows, "corruption_error") == {}
    assert values(rows, "kinds_compared") == {"": 0}


def test_versions_that_are_missing_and_leaks_are_refused():
    where = r"^corruptions of m on d: "
    with pytest.raises(DataError, match=where + "expected every test image in each of 5 versions"):
        measured_on(set(), drop="snow/3/c")
    with pytest.raises(DataError, match=where + "leak: 1 items are in train and in test, such as c"):
        measured_on(set(), train_ids=["c", *(f"t{i}" for i in range(19))])


# What is shown


def shown(models=("first", "second")):
    rows = []
    for place, model in enumerate(models):
        rows += [
            row("corruptions", model, "shapes", "accuracy", 0.9 - 0.1 * s - 0.02 * place, "severity", s)
            for s in range(4)
        ]
        rows += [
            row("corruptions", model, "shapes", "accuracy", 0.8 - 0.1 * s - 0.02 * place, kind, s)
            for kind in ("fog", "spatter")
            for s in (1, 2, 3)
        ]
        rows.append(row("corruptions", model, "shapes", "corrupted_accuracy", 0.7 - 0.02 * place))
        rows.append(row("corruptions", model, "shapes", "corruption_error", 1 + 0.1 * place))
    return rows


def test_the_figure_has_a_curve_over_the_severity_for_each_model():
    spec = draw("corruptions", replace(tables(), results=pd.DataFrame(shown()))).to_dict()
    marks = [one for data in spec["datasets"].values() for one in data if "setting" in one]
    assert {(one["model"], one["setting"]) for one in marks} == {
        (m, s) for m in ("first", "second") for s in range(4)
    }
    for one in marks:
        assert abs(one["position"] - one["setting"]) < 0.3
        assert one["value"] == pytest.approx(0.9 - 0.1 * one["setting"] - 0.02 * (one["model"] == "second"))
    assert len({one["position"] for one in marks if one["setting"] == 2}) == 2


def test_bars_of_the_curve_are_the_intervals_at_each_severity():
    rows = pd.DataFrame(shown())
    spec = draw("corruptions", replace(tables(), results=rows, objectives=objective_means(rows))).to_dict()
    marks = [one for data in spec["datasets"].values() for one in data if "setting" in one]
    assert all(one["high"] - one["low"] == pytest.approx(0.08) for one in marks)
    assert "95% intervals" in " ".join(spec["title"]["subtitle"])


def test_many_models_have_a_row_each_with_a_large_mark_for_the_largest_severity():
    models = [f"m{number}" for number in range(12)]
    drawn = replace(tables(models), results=pd.DataFrame(shown(models)))
    spec = draw("corruptions", drawn).to_dict()
    assert "large marks: severity 3; small: 0, 1, 2" in " ".join(spec["title"]["subtitle"])
    large, small = (
        {one["setting"] for layer in spec["concat"][0]["layer"] if layer["mark"].get("size") == size
         for one in spec["datasets"][layer["data"]["name"]]}
        for size in (55, 16)
    )  # fmt: skip
    assert (large, small) == ({3}, {0, 1, 2})


def test_a_table_has_the_accuracy_by_kind_the_clean_one_and_the_mean_corruption_error():
    run = make_run(rows=pd.DataFrame(shown()))
    run.config["protocols"] = {"corruptions": {"datasets": ["shapes"]}}
    primary, by_kind = primary_tables(run)
    assert [line[:2] for line in primary.rows] == [["first", "70.0 ± 2.0"], ["second", "68.0 ± 2.0"]]
    assert by_kind.columns == ["model", "clean", "fog", "spatter", "mCE"]
    assert by_kind.rows == [
        ["first", "90.0", "60.0", "60.0", "100.0"],
        ["second", "88.0", "58.0", "58.0", "110.0"],
    ]
    assert by_kind.numeric == {1, 2, 3, 4}
    # Each number leads to the rows that it is the mean of.
    for (line, column), asked in by_kind.links.items():
        behind = run.results
        for key, value in parse_qsl(asked):
            behind = behind[behind[key].astype(str) == (f"{value}.0" if key == "setting" else value)]
        assert by_kind.rows[line][column] == f"{100 * behind['value'].mean():.1f}"
    assert len(by_kind.links) == 2 * 4
