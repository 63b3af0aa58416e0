"""Figures that show single images: features in the plane, robust images, and confusions."""

import json
import re

import numpy as np
import pytest
import vl_convert
from PIL import Image

from hand_made import tables, trained, trained_tables, walk
from wordsight.errors import DataError
from wordsight.figures import drawing
from wordsight.figures.export import VERSION
from wordsight.figures.images.thumbnails import thumbnail
from wordsight.figures.style import WIDTH
from wordsight.tables.reading import Tables

pytestmark = pytest.mark.slow

NAMES = ["features", "robust_images", "adversarial_examples", "confusions"]
PICTURE = thumbnail(Image.new("RGB", (8, 8), (30, 60, 90)))
MODELS = trained(["simclr", "labels", "captions_contrastive"], seeds=2)
NASTY = '<b>&"x"</b>'


def embedded(classes=4, panels=6):
    """What examples.features gathers, of as many images as classes, twice."""
    rng = np.random.default_rng(0)
    items = [{"id": f"i{n}", "class": n % classes} for n in range(2 * classes)]
    return {
        "dataset": "toys", "classes": [f"class {n}" for n in range(classes)], "images": 2 * classes,
        "items": items,
        "panels": [
            {"model": model, "x": rng.uniform(-1, 1, len(items)).tolist(), "y": [0.0] * len(items)}
            for model in list(MODELS)[:panels]
        ],
    }  # fmt: skip


def robust(groups=2, name="ant, emmet, pismire"):
    """What examples.robust_images gathers."""

    def image(place, radius):
        radii = {f"group-{n}": radius for n in range(groups)}
        return {"item": f"i{place}", "class": name, "area": 0.5, "image": PICTURE, "radii": radii}

    ends = {"least": [image(0, 0.0), image(1, 0.001)], "most": [image(2, None), image(3, 0.5)]}
    return {"datasets": [{"dataset": name, "images": 20, **ends} for name in ("toys", "shapes")]}  # fmt: skip


def confused(names=("a", "b", "c"), gaps=(0.2, -0.1), contrasts=2):
    """What examples.confusions gathers; the rows are the first two classes."""
    classes = [{"place": 3 + n, "name": name, "image": PICTURE} for n, name in enumerate(names)]
    cells = [
        {"class": r, "predicted": c["place"], "treatment": 0.5 + gap / 2, "control": 0.5 - gap / 2}
        for r, gap in zip((3, 4), gaps, strict=True)
        for c in classes
    ]
    one = {
        "dataset": "toys", "images": 200, "rows": [3, 4], "classes": classes, "cells": cells,
        "treatments": ["captions_contrastive-0", "captions_contrastive-1"], "controls": ["labels-0"],
    }  # fmt: skip
    return {"contrasts": [one | {"contrast": f"contrast-{n}"} for n in range(contrasts)]}


def adversarial(name="ant, emmet, pismire", images=5):
    """What images.adversarial_examples gathers."""
    broken = {"radius": 0.01, "class": name, "attacked": PICTURE, "added": PICTURE}
    unbroken = {"radius": None, "class": None, "attacked": None, "added": None}
    wrong = unbroken | {"radius": 0.0, "class": name}
    attacks = [broken, unbroken, wrong, broken, broken][:images]
    shown = [{"item": f"i{n}", "class": name, "image": PICTURE} for n in range(images)]
    encoders = [{"group": group, "attacks": attacks} for group in ("labels", "simclr")]
    return {"datasets": [{"dataset": "toys", "images": shown, "encoders": encoders}]}


GATHERED = {
    "features": embedded,
    "robust_images": robust,
    "adversarial_examples": adversarial,
    "confusions": confused,
}


def drawn(examples):
    return Tables(**vars(trained_tables(MODELS)) | {"examples": examples})


def draw(name, examples):
    return drawing.draw(name, drawn(examples)).to_dict()


def svg(spec):
    return vl_convert.vegalite_to_svg(spec, vl_version=VERSION)


def texts(spec):
    return re.findall(r">([^<>]+)<", svg(spec))


def marks(spec, field):
    return [record for data in spec["datasets"].values() for record in data if field in record]


@pytest.mark.parametrize("name", NAMES)
def test_the_figure_compiles_fits_the_page_and_describes_itself(name):
    spec = draw(name, GATHERED[name]())
    assert int(re.search(r'<svg [^>]*width="(\d+)"', svg(spec)).group(1)) <= WIDTH + 24
    assert len(spec["description"]) > 40
    assert json.dumps(spec, sort_keys=True) == json.dumps(draw(name, GATHERED[name]()), sort_keys=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_without_its_data_says_so(name):
    with pytest.raises(DataError, match=name.replace("_", " ")):
        drawing.draw(name, tables())


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_tooltip_has_a_plain_title(name):
    tips = [tip for node in walk(draw(name, GATHERED[name]())) for tip in node.get("tooltip") or []]
    assert tips
    assert not [tip for tip in tips if "_" in tip.get("title", tip["field"])]


@pytest.mark.parametrize("name", ["robust_images", "adversarial_examples", "confusions"])
def test_images_are_in_the_figure_itself(name):
    spec = draw(name, GATHERED[name]())
    found = re.findall(r'(?:xlink:)?href="([^"]+)"', svg(spec))
    assert found
    assert set(found) == {PICTURE}


# Features


def test_each_panel_has_the_words_of_its_objective_and_the_name_of_its_training_run():
    spec = draw("features", embedded())
    titles = [(panel["title"]["text"], panel["title"]["subtitle"]) for panel in spec["concat"]]
    assert titles[0] == ("SimCLR", "simclr-0")
    assert len(titles) == 6


@pytest.mark.parametrize(("classes", "legend"), [(4, True), (10, True), (11, False), (200, False)])
def test_classes_have_a_legend_when_they_are_few_and_each_mark_tells_its_class(classes, legend):
    spec = draw("features", embedded(classes, panels=2))
    shown = [text for text in texts(spec) if text.startswith("class ")]
    assert shown == ([f"class {n}" for n in range(classes)] if legend else [])
    assert {record["class"] for record in marks(spec, "class")} == {f"class {n}" for n in range(classes)}


def test_ten_classes_differ_in_colour_and_thirty_in_colour_or_shape():
    channels = draw("features", embedded(30, panels=1))["concat"][0]["encoding"]
    colours, shapes = (channels[name]["scale"]["range"] for name in ("color", "shape"))
    assert len(set(colours[:10])) == 10
    assert len(set(zip(colours, shapes, strict=True))) == 30


def test_a_click_on_a_class_fades_the_others_in_all_panels_and_each_panel_zooms():
    spec = draw("features", embedded(panels=3))
    (picked,) = [param for param in spec["params"] if param.get("bind") == "legend"]
    assert picked["select"]["fields"] == ["class"]
    conditions = [panel["encoding"]["opacity"]["condition"][0]["param"] for panel in spec["concat"]]
    assert conditions == ["picked"] * 3
    assert len([param for param in spec["params"] if param.get("bind") == "scales"]) == 3


# Robust images


def test_each_image_has_its_radius_in_words_and_one_for_each_group_in_the_tooltip():
    spec = draw("robust_images", robust())
    found = {record["item"]: record for record in marks(spec, "item")}
    words = {item: record["broken"] for item, record in found.items()}
    assert words == {
        "i0": "wrong without attack", "i1": "broken at 0.001", "i2": "never broken", "i3": "broken at 0.5"
    }  # fmt: skip
    assert (found["i2"]["end"], found["i2"]["place"], found["i2"]["group1"]) == (
        "most robust",
        1,
        "never broken",
    )
    tips = {tip["title"] for node in walk(spec) for tip in node.get("tooltip") or []}
    assert {"group-0", "group-1", "class", "image"} <= tips


def test_with_many_groups_the_tooltip_has_the_smallest_and_the_largest_radius():
    examples = robust(groups=200)
    examples["datasets"][0]["least"][1]["radii"]["group-7"] = None
    spec = draw("robust_images", examples)
    found = [record["range"] for record in marks(spec, "range") if record["item"] == "i1"]
    assert found == ["broken at 0.001; never broken"]
    assert not marks(spec, "group0")


def test_synonyms_and_the_ends_of_long_names_are_left_out_below_an_image():
    assert "ant" in texts(draw("robust_images", robust()))
    shown = texts(draw("robust_images", robust(name="a-name-that-is-far-too-long-to-fit")))
    assert "a-name-that-is-far…" in shown


def test_each_attack_has_its_class_and_radius_below_and_pictures_only_if_it_changed_something():
    spec = draw("adversarial_examples", adversarial())
    said = texts(spec)
    assert said.count("at 0.01") == 2 * 3
    assert said.count("never broken") == said.count("without attack") == 2
    assert said.count("ant") == 5 + 2 * 4
    drawn_images = svg(spec).count("<image")
    assert drawn_images == 5 + 2 * 3 * 2


def test_a_single_image_has_one_end():
    examples = robust()
    for part in examples["datasets"]:
        part["least"], part["most"] = part["least"][:1], []
    assert "most robust" not in texts(draw("robust_images", examples))


# Confusions


def test_cells_are_differences_in_points_and_right_answers_are_framed():
    spec = draw("confusions", confused())
    found = {(r["true"], r["predicted"]): (r["difference"], r["text"]) for r in marks(spec, "difference")}
    assert found[("a", "c")] == (pytest.approx(20), "+20")
    assert found[("b", "b")] == (pytest.approx(-10), "−10")
    assert ("c", "a") not in found
    frames = [node for node in walk(spec) if node.get("mark", {}) and "strokeWidth" in str(node.get("mark"))]
    filters = [transform["filter"] for frame in frames for transform in frame.get("transform", [])]
    assert filters == ["datum.predicted === datum.true"] * 2


def test_all_panels_share_one_scale_of_colours():
    examples = confused()
    examples["contrasts"][0]["cells"][0]["treatment"] = 1.0
    spec = draw("confusions", examples)
    domains = [node["color"]["scale"]["domain"] for node in walk(spec) if "scale" in str(node.get("color"))]
    assert domains == [[pytest.approx(-60), 0, pytest.approx(60)]] * 2


def test_a_panel_names_its_sides_by_the_words_of_their_objectives():
    spec = draw("confusions", confused())
    subtitle = spec["concat"][0]["title"]["subtitle"]
    assert subtitle == "toys, 200 test images; contrastive captions minus labels"


def test_a_side_of_many_encoders_is_counted():
    examples = confused(contrasts=1)
    examples["contrasts"][0]["controls"] = ["own-1", "own-2", "own-3"]
    assert draw("confusions", examples)["concat"][0]["title"]["subtitle"].endswith("minus 3 encoders")


def test_sides_that_agree_have_a_line_instead_of_a_table():
    examples = confused()
    examples["contrasts"][0] |= {"rows": [], "classes": [], "cells": []}
    shown = texts(draw("confusions", examples))
    assert shown.count("both sides predict the same class for every image") == 1


@pytest.mark.parametrize(
    ("names", "columns"), [("abcdefghij", 2), ([f"a long class name {n}" for n in range(10)], 1)]
)
def test_panels_stand_side_by_side_where_their_names_leave_room(names, columns):
    spec = draw("confusions", confused(names=list(names)))
    assert spec["columns"] == columns
    assert int(re.search(r'<svg [^>]*width="(\d+)"', svg(spec)).group(1)) <= WIDTH + 24


@pytest.mark.parametrize("name", NAMES)
def test_markup_in_names_stays_text(name):
    examples = {
        "features": embedded() | {"classes": [NASTY, "b", "c", "d"]},
        "robust_images": robust(name=NASTY),
        "adversarial_examples": adversarial(name=NASTY),
        "confusions": confused(names=(NASTY, "b", "c")),
    }[name]
    page = svg(draw(name, examples))
    assert "<b>" not in page
    assert "&lt;b" in page
