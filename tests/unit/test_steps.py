"""A step that meets a mistake of the user ends in one line with status 1, and leaves a log and no target."""

import hashlib
import io
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from snakemake.iocontainers import Namedlist

from full_disk import full_disk
from in_process import run
from wordsight.errors import DataError, show
from wordsight.files import disk, stamps
from wordsight.logs import logger
from wordsight.steps import step

pytestmark = pytest.mark.usefixtures("as_in_a_process_of_its_own")


@pytest.fixture
def job(tmp_path, monkeypatch):
    """What a script is given, by Snakemake's own types; it reads one file and makes another."""
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("read")
    return SimpleNamespace(
        rule="some_step",
        log=["logs/some/step.log"],
        threads=1,
        input=Namedlist(fromdict={"text": "in.txt"}),
        output=Namedlist(fromdict={"text": "out.txt"}),
        params=Namedlist(fromdict={"seed": 1, "section": {"b": 2, "a": [1]}}),
        wildcards=["pets"],
        resources=Namedlist(fromdict={"mem_mb": 500}),
    )


def log():
    return Path("logs/some/step.log").read_text()


def test_a_step_that_ends_well_says_how_long_it_took(job, capsys):
    with step(job) as found:
        found.info("half of it")
        warnings.warn("mind the gap", RuntimeWarning, stacklevel=1)
        Path("out.txt").write_text("made")
    lines = log().splitlines()
    assert "half of it" in lines[0]
    assert "RuntimeWarning: mind the gap" in log()
    assert "INFO done in " in lines[-1]
    assert capsys.readouterr() == ("", "")


def test_a_step_stamps_what_it_made_with_what_it_was_made_from(job):
    with step(job):
        Path("in.txt").write_text("changed while the step ran")
        Path("out.txt").write_text("made")
    stamp = stamps.read("out.txt")
    assert (stamp.rule, stamp.sha256) == ("some_step", hashlib.sha256(b"made").hexdigest())
    assert stamp.inputs == {"in.txt": hashlib.sha256(b"read").hexdigest()}
    assert stamp.params == stamps.digests({"section": {"a": [1], "b": 2}, "seed": 1})
    assert stamp.state == stamps.state_of("out.txt")


def test_a_step_that_fails_stamps_nothing(job):
    Path("out.txt").write_text("half")
    with pytest.raises(SystemExit), step(job):
        raise DataError("torn")
    assert stamps.read("out.txt") is None


@pytest.mark.parametrize(
    "error", [DataError("cats: 1.png: is torn"), OSError(28, "No space left on device", "results/a.parquet")]
)
def test_a_mistake_and_a_full_disk_are_one_line_there_and_in_the_log(job, capsys, error):
    with pytest.raises(SystemExit) as end, step(job):
        raise error
    assert end.value.code == 1
    assert capsys.readouterr().err == f"wordsight: error: {error}\n"
    (line,) = log().splitlines()
    assert line.endswith(f" ERROR {error}")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        np._core._exceptions._ArrayMemoryError((10**12,), np.dtype("float64")),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    ],
)
def test_want_of_memory_is_one_line_with_what_to_do(job, capsys, error):
    with pytest.raises(SystemExit), step(job):
        raise error
    line = capsys.readouterr().err
    assert line.startswith("wordsight: error: some_step pets: the memory isn't enough; ")
    assert "CORES=1" in line
    assert "--set-resources some_step:mem_mb=1000\n" in line
    assert "Traceback" in log()


def test_secrets_in_addresses_are_in_no_log_and_no_line(job, capsys):
    address = "https://me:SECRET@host/w.pth?token=SECRET&v=1"

    def ask(found):
        found.info("downloading %s", address)
        warnings.warn(f"slow: {address}", RuntimeWarning, stacklevel=1)
        raise OSError(5, "cannot read", address)

    with pytest.raises(SystemExit), step(job) as found:
        ask(found)
    assert "SECRET" not in log() + capsys.readouterr().err
    assert log().count("https://***@host/w.pth?token=***&v=1") == 3


@pytest.mark.parametrize(
    "secret",
    [
        "ftp://me:SECRET@host/x",
        "https://host/x?X-Amz-Credential=SECRET&X-Amz-Signature=SECRET",
        "https://host/x#access_token=SECRET",
        "https://host/x?user=me;pw=SECRET",
        "Authorization: Bearer SECRET",
        "the key hf_SECRETSECRETSECRETSECRETSECRETSECRETSECR is wrong",
    ],
)
def test_secrets_of_every_kind_are_masked(secret):
    assert "SECRET" not in str(DataError(secret))
    assert "***" in str(DataError(secret))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "gbk", "ascii", "utf-8"])
def test_what_a_terminal_cannot_show_ends_nothing(monkeypatch, encoding):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    show("\N{MINUS SIGN}3 points \x1b[31mred\x1b[0m\nend")
    sys.stdout.flush()
    said = written.getvalue().decode(encoding)
    sign = "\N{MINUS SIGN}" if encoding in ("utf-8",) else "?"
    assert said == f"{sign}3 points \\x1b[31mred\\x1b[0m\nend\n"


def test_a_defect_of_wordsight_leaves_its_traceback_in_the_log(job):
    for error in (ZeroDivisionError, RuntimeError):
        with pytest.raises(error), step(job):
            raise error
        assert "Traceback" in log()
        assert error.__name__ in log()


def test_a_log_holds_the_last_run_alone_and_is_closed(job):
    for word in ("first", "second"):
        with step(job) as found:
            found.info(word)
            Path("out.txt").write_text(word)
    assert "first" not in log()
    logger.error("said between two steps")
    assert "between" not in log()


def test_a_full_disk_is_one_line_also_where_the_log_lies(job, capsys):
    """As on one disk for everything: neither the log nor anything else can be written."""
    text = "x" * 5000
    with full_disk(100), pytest.raises(SystemExit), step(job) as found:
        found.info(text) or disk.write_text("out.txt", text)
    assert capsys.readouterr().err == "wordsight: error: cannot write out.txt: file too large\n"


def test_a_log_that_cannot_be_opened_is_one_line(job, capsys):
    Path("logs").write_text("in the way")
    with pytest.raises(SystemExit) as end, step(job):
        pytest.fail("the step began")
    assert end.value.code == 1
    assert capsys.readouterr().err == "wordsight: error: cannot write logs/some: not a directory\n"


# Scripts, as Snakemake runs them


@pytest.fixture
def images(tmp_path):
    """Folders of noise in two classes and splits."""
    generator = np.random.default_rng(0)
    for place in ("train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png"):
        path = tmp_path / "images" / place
        path.parent.mkdir(parents=True)
        Image.fromarray(generator.integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(path)
    return tmp_path / "images"


def prepare(images):
    section = {"source": "image_folder", "path": str(images)}
    files = ("card.json", "train.parquet", "test.parquet")
    run("dataset.py", images.parent, files, {"dataset": "pets"}, section=section, seed=0)


def fetch(weights):
    preprocessing = {"image_size": 8, "resize": 8, "mean": [0.5] * 3, "std": [0.5] * 3}
    section = {"source": "checkpoint", "architecture": "small/resnet_w4", "path": str(weights)}
    files = ("weights.safetensors", "network.json")
    run(
        "model.py",
        weights.parent,
        files,
        {"model": "mine"},
        section={**section, "preprocessing": preprocessing},
    )


def test_a_script_writes_its_targets_and_its_log(images):
    prepare(images)
    made = {"card.json", "train.parquet", "test.parquet"}
    assert {path.name for path in (images.parent / "out").iterdir()} == made | {
        f".{name}.stamp" for name in made
    }
    assert "done in " in (images.parent / "logs/it.log").read_text()


def one_line(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("wordsight: error: ")
    return line


def test_a_torn_image_ends_its_script_in_one_line_without_a_target(images, capsys):
    image = images / "test/dog/2.png"
    image.write_bytes(image.read_bytes()[:60])
    with pytest.raises(SystemExit) as end:
        prepare(images)
    assert end.value.code == 1
    assert "pets: test/dog/2.png: " in one_line(capsys)
    assert not (images.parent / "out").exists()


def test_a_web_page_in_place_of_weights_ends_its_script_in_one_line_without_a_target(tmp_path, capsys):
    (tmp_path / "w.pt").write_text("<!DOCTYPE html><html><body>Please log in</body></html>")
    with pytest.raises(SystemExit) as end:
        fetch(tmp_path / "w.pt")
    assert end.value.code == 1
    assert f"{tmp_path}/w.pt: " in one_line(capsys)
    assert not (tmp_path / "out").exists()
