"""A mistake of the user ends a real run in one line, with a non-zero exit and no half-written target."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

PNG = "data/shapes/train/disc/0.png"
WEIGHTS = "data/weights.safetensors"


def errors(done) -> list[str]:
    """Lines that name an error of the user, once each."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.startswith("wordsight: error: ")]
    return list(dict.fromkeys(lines))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_html(path: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>Please log in</body></html>")


def widen(config: dict) -> None:
    config["models"]["saved"]["architecture"] = "timm/test_vit"
    del config["contrasts"]  # which asks for equal architectures


def rewrite(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def unknown_style(config: dict) -> None:
    config["pretraining"]["styles"] = ["painted"]
    for protocol in ("cross_style_few_shot", "cross_style_probe", "cross_style_retrieval"):
        del config["protocols"][protocol]


def drop_class(project) -> None:
    shutil.rmtree(project.path / "data/shapes/test/disc")


def one_class(project) -> None:
    for split in ("train", "test"):
        for name in ("disc", "square"):
            shutil.rmtree(project.path / "data/shapes" / split / name)


def empty_split(project) -> None:
    shutil.rmtree(project.path / "data/shapes/test")
    (project.path / "data/shapes/test").mkdir()


def huge_image(project) -> None:
    Image.new("1", (20_000, 20_000)).save(project.path / PNG)


def hostile_weights(project) -> None:
    """Write a pickle whose loading would leave a file behind."""

    class Code:
        def __reduce__(self):
            return Path.touch, (project.path / "resources/models/saved/card.json",)

    (project.path / "data/weights.pt").write_bytes(pickle.dumps({"weight": Code()}))
    project.configure(lambda config: config["models"]["saved"].update(path="data/weights.pt"))


def overflowing_weights(project) -> None:
    tensors = load_file(project.path / WEIGHTS)
    save_file({name: value * 1e30 for name, value in tensors.items()}, project.path / WEIGHTS)


CASES = {
    "truncated image": (lambda p: cut(p.path / PNG), "resources/datasets/shapes/card.json", ["train/disc/0.png"]),
    "empty image": (lambda p: (p.path / PNG).write_bytes(b""), "resources/datasets/shapes/card.json", ["train/disc/0.png"]),
    "html image": (lambda p: write_html(p.path / PNG), "resources/datasets/shapes/card.json", ["train/disc/0.png"]),
    "huge image": (huge_image, "resources/datasets/shapes/card.json", ["train/disc/0.png", "megapixel"]),
    "class missing in a split": (drop_class, "resources/datasets/shapes/card.json", ["shapes", "disc"]),
    "one class": (one_class, "resources/datasets/shapes/card.json", ["shapes", "stripes"]),
    "empty split": (empty_split, "resources/datasets/shapes/card.json", ["shapes", "test"]),
    "truncated weights": (lambda p: cut(p.path / WEIGHTS), "resources/models/saved/card.json", [WEIGHTS]),
    "html weights": (lambda p: write_html(p.path / WEIGHTS), "resources/models/saved/card.json", [WEIGHTS, "HTML"]),
    "weights of another network": (lambda p: p.configure(widen), "resources/models/saved/card.json", [WEIGHTS]),
    "a pickle with code": (hostile_weights, "resources/models/saved/card.json", ["data/weights.pt", "would run code"]),
    "features that overflow": (overflowing_weights, "results/features/saved/shapes/test.safetensors", ["saved on shapes", "train/disc/0.png"]),
    "wrong digest": (
        lambda p: p.configure(lambda c: c["models"]["saved"].update(sha256="0" * 64)),
        "resources/models/saved/card.json",
        [WEIGHTS, "SHA-256", "0" * 64],
    ),
    "an empty caption": (
        lambda p: rewrite(p.path / "data/pictures/captions.csv", ",a red disc,", ", ,"),
        "resources/sentences/pictures.safetensors",
        ["pictures", "caption"],
    ),
    "fewer images than a batch": (
        lambda p: p.configure(lambda c: c["pretraining"].update(batch_size=200)),
        "resources/models/labels-0/weights.safetensors",
        ["pretraining.batch_size", "pictures", "200"],
    ),
    "a style that no image has": (
        lambda p: p.configure(unknown_style),
        "resources/models/labels-0/weights.safetensors",
        ["pretraining.styles", "painted", "filled, outlined"],
    ),
    "too few images for the shots": (
        lambda p: p.configure(lambda c: c["protocols"]["few_shot"].update(shots=[9])),
        "results/few_shot/untrained-0/shapes.parquet",
        ["shapes", "9"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_ends_the_run_in_one_line_and_leaves_nothing(fresh, case):
    spoil, target, words = CASES[case]
    spoil(fresh)
    done = fresh.snakemake(target, check=False)
    assert done.returncode != 0
    lines = errors(done)
    assert len(lines) == 1, done.stderr[-4000:]
    for word in words:
        assert word in lines[0]
    assert not (fresh.path / target).exists()
    assert not list(fresh.path.glob("res*/**/.*"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda c: c.update(sed=1), "config: top level: unknown key 'sed'; did you mean 'seed'?"),
        (lambda c: c["models"]["saved"].update(path="data/gone.pt"), "config: models.saved.path: expected a file or folder, but data/gone.pt does not exist"),
        (lambda c: c["datasets"]["shapes"].update(path="data/gone"), "config: datasets.shapes.path: expected a file or folder, but data/gone does not exist; docs/add-a-dataset.md says what has to lie there"),
        (lambda c: c["protocols"].update(few_shots={}), "config: protocols: unknown key 'few_shots'; did you mean 'few_shot'?"),
        (lambda c: c["protocols"]["few_shot"].update(datasets=["shape"]), "config: protocols.few_shot.datasets: unknown dataset 'shape'; did you mean 'shapes'?"),
        (lambda c: c["contrasts"]["training"].update(treatment={"models": ["save"]}), "config: contrasts.training.treatment.models: unknown model 'save'; did you mean 'saved'?"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_ends_before_anything_runs(fresh, change, line):
    fresh.configure(change)
    done = fresh.snakemake(check=False)
    assert done.returncode != 0
    assert any(found.startswith(f"wordsight: error: {line}") for found in errors(done)), done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    assert not (fresh.path / "results").exists()
    assert not (fresh.path / "resources").exists()


def test_odd_images_pass_through(fresh):
    generator = np.random.default_rng(0)
    folder = fresh.path / "data/shapes/train/disc"
    pixels = generator.integers(0, 256, (40, 30, 4), dtype=np.uint8)
    odd = {
        "greyscale": Image.fromarray(pixels[..., 0]),
        "palette": Image.fromarray(pixels[..., :3]).quantize(16),
        "rgba": Image.fromarray(pixels),
        "sixteen-bit": Image.fromarray(pixels[..., 0].astype(np.uint16) * 257),
        "one-pixel": Image.new("RGB", (1, 1), "red"),
        "strip": Image.fromarray(pixels[..., :3].repeat(50, axis=0)),
    }
    for name, image in odd.items():
        image.save(folder / f"{name}.png")
    fresh.snakemake("results/features/untrained-0/shapes/test.safetensors")
    features = load_file(fresh.path / "results/features/untrained-0/shapes/train.safetensors")["features"]
    assert len(features) == 3 * 8 + len(odd)


def test_a_file_that_is_no_yaml_ends_before_anything_runs(fresh):
    (fresh.path / "config/small.yaml").write_text("datasets: [\n")
    done = fresh.snakemake(check=False)
    assert done.returncode != 0
    assert "Config file is not valid JSON or YAML" in done.stderr
    assert "Traceback" not in done.stderr
