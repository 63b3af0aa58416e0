"""A small real experiment in a copy of the project, and real Snakemake that runs it."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PARTS = (
    *("Snakefile", "rules", "scripts", "config", "docs", "envs", "profiles", "report"),
    *("uv.lock", "CITATION.cff"),
)
SNAKEMAKE = Path(sys.executable).with_name("snakemake")
WARM = ROOT / "tests/warm_snakemake.py"


def warm_program(module: str = "-") -> tuple[str, ...]:
    """Snakemake whose steps fork from a process that has imported the library, and a module of the tests."""
    return (sys.executable, str(WARM), module)


GIVEN = {"source": ["checkpoint", "random"]}
TRAINED = {"source": "pretrain"}
CONFIG = {
    "title": "A small experiment",
    "seed": 1,
    "jobs_by": "model",
    "datasets": {
        "digits": {"source": "packaged", "name": "sklearn_digits", "limit": {"train": 60, "test": 40}},
        "shapes": {"source": "image_folder", "path": "data/shapes"},
        "pictures": {"source": "captioned_folder", "path": "data/pictures", "validation": 0.15},
    },
    "pretraining": {
        "images": "pictures",
        "architecture": "small/resnet_w4",
        "resolution": 16,
        "images_seen": 120,
        "batch_size": 12,
        "objectives": {"labels": {"seeds": 1}, "captions_contrastive": {"seeds": 1}},
    },
    "models": {
        "saved": {
            "source": "checkpoint",
            "architecture": "timm/test_resnet",
            "path": "data/weights.safetensors",
            "language": "labels",
            "pretraining_images": 10,
            "preprocessing": {
                "image_size": 64,
                "resize": 64,
                "mean": [0.5, 0.5, 0.5],
                "std": [0.5, 0.5, 0.5],
            },
        },
        "untrained-0": {"source": "random", "architecture": "timm/test_resnet", "seed": 0},
    },
    "protocols": {
        "clustering": {"datasets": ["digits", "shapes"], "models": GIVEN, "seeds": 2},
        "few_shot": {"datasets": ["digits", "shapes"], "shots": [1, 2], "trials": 3},
        "transfer": {"datasets": ["digits"], "models": GIVEN, "regularisation": [0.1, 1.0]},
        "cross_style_few_shot": {
            "dataset": "pictures",
            "models": TRAINED,
            "shots": [1],
            "trials": 2,
        },
        "cross_style_probe": {"dataset": "pictures", "models": TRAINED, "regularisation": [1.0]},
        "cross_style_retrieval": {"dataset": "pictures", "models": TRAINED},
        "robustness": {
            "datasets": {"shapes": {"head": "fitted", "images": 4}},
            "models": GIVEN,
            "epsilons": [0.001, 0.1],
            "steps": 3,
        },
    },
    "contrasts": {
        "training": {
            "treatment": {"language": "labels", **GIVEN},
            "control": {"language": "none"},
            "match": ["architecture"],
        },
        "captions": {
            "treatment": {"objective": "captions_contrastive"},
            "control": {"objective": "labels"},
            "match": ["seed"],
        },
    },
    "statistics": {"resamples": 200},
}


@dataclass(frozen=True)
class Run:
    """What a run of Snakemake said and how it ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        """Everything: jobs that run are announced on one stream, those of a dry run on the other."""
        return self.stdout + self.stderr

    @property
    def jobs(self) -> set[tuple[str, ...]]:
        """Jobs that ran, or would: the rule and the values of its wildcards. Those of a group are indented."""
        found = re.findall(r"^ *(?:local)?rule (\w+):\n((?:    .*\n)*)", self.said, flags=re.MULTILINE)
        assert found or "Nothing to be done" in self.said, self.said
        wildcards = [re.search(r"wildcards: (.*)", body) for _, body in found]
        values = [tuple(re.findall(r"=([^,\n]+)", line.group(1))) if line else () for line in wildcards]
        return {(rule, *value) for (rule, _), value in zip(found, values, strict=True)} - {("all",)}

    @property
    def errors(self) -> list[str]:
        """Lines that name an error of the user, once each: the log of a job that failed repeats its line."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("wordsight: error: ")]
        return list(dict.fromkeys(lines))


@dataclass
class Project:
    """Copy of the project in a folder of its own, and what the run that finished it wrote to the terminal."""

    path: Path
    said: str = ""

    def snakemake(self, *arguments: str, check: bool = True, warm: bool | str = False, **options) -> Run:
        """Run Snakemake on the small configuration.

        Parameters
        ----------
        warm : whether steps fork from a process that has imported the library, or a module of the tests that it
            imports as well
        """
        program = warm_program(warm if isinstance(warm, str) else "-") if warm else (str(SNAKEMAKE),)
        # Targets come first: `--configfile` takes every word that follows it.
        command = [*program, *arguments, "--cores", "2", "--configfile", "config/small.yaml"]
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True, check=False, **options)
        assert not check or done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
        return Run(done.returncode, done.stdout, done.stderr)

    def would_run(self) -> set[tuple[str, ...]]:
        """Jobs that a run would execute."""
        return self.snakemake("--dry-run").jobs

    def configure(self, change) -> None:
        """Change the small configuration by a function of it."""
        path = self.path / "config/small.yaml"
        config = yaml.safe_load(path.read_text())
        change(config)
        path.write_text(yaml.safe_dump(config, sort_keys=False))

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a piece of a file that occurs in it."""
        path = self.path / file
        text = path.read_text()
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new, 1))

    def tables(self, *but: str) -> dict[str, bytes]:
        """Bytes of every table of results, but for those of some names."""
        files = [*self.path.glob("results/tables/*.csv"), *self.path.glob("results/statistics/*.parquet")]
        return {f.relative_to(self.path).as_posix(): f.read_bytes() for f in files if f.name not in but}


def draw_shapes(folder: Path) -> None:
    """Discs, squares and stripes, of random size and place, as PNG files in class folders."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :48]
    for split in ("train", "test"):
        for name in ("disc", "square", "stripes"):
            (folder / split / name).mkdir(parents=True)
            for index in range(8):
                y, x = generator.integers(14, 34, size=2)
                size = generator.integers(6, 14)
                distance = {
                    "disc": np.hypot(rows - y, columns - x) < size,
                    "square": np.maximum(abs(rows - y), abs(columns - x)) < size,
                    "stripes": (rows + x) // (size // 2) % 2 == 0,
                }[name]
                pixels = np.where(
                    distance[..., None], generator.integers(128, 256, 3), generator.integers(0, 96, 3)
                )
                noise = generator.integers(-8, 8, pixels.shape)
                image = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
                image.save(folder / split / name / f"{index}.png")


def write_odd_images(folder: Path) -> None:
    """Images of every kind that an encoder takes only once they are RGB, and of extreme sizes."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 4), dtype=np.uint8)
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


COLOURS = ["red", "green", "blue", "orange", "purple", "brown", "grey", "pink"]


def draw_pictures(folder: Path) -> None:
    """Shapes of eight colours, filled, outlined and dotted; two colours and the dots are never trained on."""
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[:32, :32]
    lines = ["image,split,caption,label,concept,style"]
    for shape, distance in {
        "disc": np.hypot(rows - 16, columns - 16),
        "square": np.maximum(abs(rows - 16), abs(columns - 16)),
        "diamond": abs(rows - 16) + abs(columns - 16),
    }.items():
        for place, colour in enumerate(COLOURS):
            for style, inside in {
                "filled": distance < 11,
                "outlined": abs(distance - 9) < 2,
                "dotted": (distance < 11) & (rows % 3 == 0) & (columns % 3 == 0),
            }.items():
                image = Image.new("RGB", (32, 32), "white")
                image.paste(Image.new("RGB", (32, 32), colour), mask=Image.fromarray(inside))
                name = f"{shape}-{colour}-{style}.png"
                image.save(folder / name)
                split = "train" if place < 6 and style != "dotted" else "test"
                lines.append(f"{name},{split},a {colour} {shape},{shape},{colour} {shape},{style}")
    (folder / "captions.csv").write_text("\n".join(lines) + "\n")


def copy_of_the_project(path: Path) -> Path:
    """Copy what the workflow needs."""
    path.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            # Compiled modules are copied too, which saves seconds of the first jobs, except those being written.
            shutil.copytree(source, path / part, ignore=shutil.ignore_patterns("*.pyc.*"))
        else:
            shutil.copy2(source, path / part)
    return path


def make_project(path: Path) -> Project:
    """Copy of the project with the small experiment and its data."""
    import timm
    import torch
    from safetensors.torch import save_file

    copy_of_the_project(path)
    draw_shapes(path / "data/shapes")
    write_odd_images(path / "data/shapes/train/disc")
    draw_pictures(path / "data/pictures")
    torch.manual_seed(7)
    save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), path / "data/weights.safetensors")
    (path / "config/small.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    return Project(path)
