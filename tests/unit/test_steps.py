"""A step that meets a mistake of the user ends in one line with status 1, and leaves a log and no target."""

import io
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from in_process import run
from wordsight.errors import DataError, show
from wordsight.logs import logger, step

pytestmark = pytest.mark.usefixtures("as_in_a_process_of_its_own")


@pytest.fixture
def log(tmp_path):
    return tmp_path / "logs/some/step.log"


def test_a_step_that_ends_well_says_how_long_it_took(log, capsys):
    with step(log) as found:
        found.info("half of it")
        warnings.warn("mind the gap", RuntimeWarning, stacklevel=1)
    lines = log.read_text().splitlines()
    assert "half of it" in lines[0]
    assert "RuntimeWarning: mind the gap" in log.read_text()
    assert "INFO done in " in lines[-1]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "error", [DataError("cats: 1.png: is torn"), OSError(28, "No space left on device", "results/a.parquet")]
)
def test_a_mistake_and_a_full_disk_are_one_line_there_and_in_the_log(log, capsys, error):
    with pytest.raises(SystemExit) as end, step(log):
        raise error
    assert end.value.code == 1
    assert capsys.readouterr().err == f"wordsight: error: {error}\n"
    (line,) = log.read_text().splitlines()
    assert line.endswith(f" ERROR {error}")


def test_a_defect_of_wordsight_leaves_its_traceback_in_the_log(log):
    with pytest.raises(ZeroDivisionError), step(log):
        1 / 0  # noqa: B018
    assert "Traceback" in log.read_text()
    assert "ZeroDivisionError" in log.read_text()


def test_a_full_disk_is_one_line_there_without_the_log_that_has_no_room(capsys):
    """The logging module writes a traceback to the terminal for each line that it can't write."""

    def write(found):
        for number in range(12):
            found.info("line %d", number)
        raise DataError("cannot write a: no space left on device")

    with pytest.raises(SystemExit), step("/dev/full") as found:
        write(found)
    assert capsys.readouterr() == ("", "wordsight: error: cannot write a: no space left on device\n")


def test_a_log_that_cannot_be_opened_is_one_line(tmp_path, capsys):
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(SystemExit) as end, step(tmp_path / "logs/some.log"):
        pass
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("wordsight: error: ")
    assert str(tmp_path / "logs") in line


def test_secrets_in_addresses_are_in_no_log_and_no_line(log, capsys):
    address = "https://me:SECRET@host/w.pth?token=SECRET&v=1"

    def ask(found):
        found.info("downloading %s", address)
        warnings.warn(f"slow: {address}", RuntimeWarning, stacklevel=1)
        raise OSError(5, "cannot read", address)

    with pytest.raises(SystemExit), step(log) as found:
        ask(found)
    assert "SECRET" not in log.read_text() + capsys.readouterr().err
    assert log.read_text().count("https://***@host/w.pth?token=***&v=1") == 3


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "gbk", "ascii", "utf-8"])
def test_what_a_terminal_cannot_show_ends_nothing(monkeypatch, encoding):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    show("\N{MINUS SIGN}3 points \x1b[31mred\x1b[0m\nend")
    sys.stdout.flush()
    said = written.getvalue().decode(encoding)
    sign = "\N{MINUS SIGN}" if encoding in ("utf-8",) else "?"
    assert said == f"{sign}3 points \\x1b[31mred\\x1b[0m\nend\n"


def test_a_log_holds_the_last_run_alone_and_is_closed(log):
    for word in ("first", "second"):
        with step(log) as found:
            found.info(word)
    assert "first" not in log.read_text()
    logger.error("said between two steps")
    assert "between" not in log.read_text()


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
    assert {path.name for path in (images.parent / "out").iterdir()} == {
        "card.json",
        "train.parquet",
        "test.parquet",
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
