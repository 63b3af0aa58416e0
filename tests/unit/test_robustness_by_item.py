"""What attacks find out about an image depends on that image alone, so it can be kept, cut and joined."""

import logging

import numpy as np
import pyarrow as pa
import pytest
import torch

from wordsight.catalogue.protocols.robustness import Parameters
from wordsight.errors import DataError
from wordsight.protocols import robustness
from wordsight.protocols.robustness.finished import Finished
from wordsight.protocols.task import Task

GRID = [0.001, 0.01, 0.02, 0.05, 0.2]
EVERYTHING = {"targeted": True, "l2_epsilons": [0.05, 0.5, 2.0], "minimum_norm": True}
TASK = Task("robustness", "m", "d")


class Network(torch.nn.Module):
    """A classifier that counts the images that it gives gradients for, and stops when it is told to."""

    def __init__(self, stop_after=float("inf"), room=float("inf")):
        super().__init__()
        weight = np.random.default_rng(0).normal(size=(192, 4)).astype(np.float32)
        self.weight = torch.from_numpy(weight)
        self.seen, self.stop_after, self.room, self.batches = 0, stop_after, room, []

    def logits(self, images):
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        self.batches.append(len(images))
        self.seen += len(images) if images.requires_grad else 0
        if self.seen > self.stop_after:
            raise KeyboardInterrupt
        return torch.sin((images.flatten(1) - 0.5) @ self.weight * 0.5)


def draw(n=24):
    images = np.random.default_rng(0).uniform(0.3, 0.7, size=(n, 3, 8, 8)).astype(np.float32)
    labels = Network().logits(torch.from_numpy(images)).argmax(dim=1).numpy()
    labels[:2] = (labels[:2] + 1) % 4
    return images, labels, [f"i{i}" for i in range(n)]


def run(network=None, data=None, *, mode="sound", places=None, finished=None, rechecked=True, **section):
    images, labels, ids = data or draw()
    places = np.arange(len(ids)) if places is None else places
    tables = robustness.evaluate(
        Task("robustness", "m", "d", mode),
        Parameters(**{"epsilons": GRID, "steps": 10, "batch_size": 8, **section}),
        encoder=network or Network(),
        head=None,
        images=images[places],
        labels=labels[places],
        ids=[ids[place] for place in places],
        finished=finished,
        rechecked=rechecked,
    )
    return pa.concat_tables(tables)


def by_item(table):
    """Values of every metric of single images, in the order of their ids."""
    rows = table.to_pandas()
    return (
        rows[rows["item"] != ""].set_index(["metric", "parameter", "setting", "item"])["value"].sort_index()
    )


SHORT = {"epsilons": [0.01, 0.05], "l2_epsilons": [0.5], "minimum_norm": True}


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "section"), [("sound", EVERYTHING), ("paper", SHORT)])
def test_neither_batch_nor_order_nor_other_images_matter_to_any_attack(mode, section):
    whole = by_item(run(mode=mode, **section))
    assert len(set(whole.xs("min_epsilon").to_numpy())) >= 3
    rng = np.random.default_rng(1)
    for batch_size, places in ((24, np.arange(24)[::-1]), (3, rng.permutation(24)[:11])):
        found = by_item(run(mode=mode, places=places, batch_size=batch_size, **section))
        norms = found.index.get_level_values("metric") == "minimum_norm"
        assert found[~norms].equals(whole[found.index][~norms])
        # Of a batch of another size, the last bits of scores differ.
        np.testing.assert_allclose(found[norms], whole[found.index][norms], rtol=1e-3)


def test_a_killed_job_goes_on_where_it_was(tmp_path, caplog):
    path, whole = tmp_path / "kept.json", Network()
    expected = run(whole, **EVERYTHING)
    with pytest.raises(KeyboardInterrupt):
        run(Network(stop_after=0.8 * whole.seen), finished=Finished(path, "f", interval=0), **EVERYTHING)
    again = Network()
    with caplog.at_level(logging.INFO, logger="wordsight"):
        found = run(again, finished=Finished(path, "f"), **EVERYTHING)
    assert found.equals(expected)
    assert again.seen < 0.5 * whole.seen
    assert f"{path}: 24 images were attacked before the job was stopped" in caplog.text


@pytest.mark.parametrize("mode", ["sound", "paper"])
def test_a_finished_job_attacks_nothing_again(tmp_path, mode):
    kept = Finished(tmp_path / "kept.json", "f")
    expected = run(finished=kept, mode=mode, **EVERYTHING | {"targeted": mode == "sound"})
    kept.save()
    again, before = Network(), Finished(tmp_path / "kept.json", "f")
    assert run(again, finished=before, mode=mode, **EVERYTHING | {"targeted": mode == "sound"}).equals(
        expected
    )
    assert again.seen <= 2 * 24  # of the checks before the attack
    before.remove()
    assert not (tmp_path / "kept.json").exists()


@pytest.mark.parametrize("spoiled", [False, True])
def test_results_from_other_inputs_or_damaged_ones_are_not_used(tmp_path, caplog, spoiled):
    path = tmp_path / "kept.json"
    kept = Finished(path, "f")
    kept.note("attack", "i0", [0, 0, 0, 1])
    kept.save()
    if spoiled:
        path.write_text(path.read_text().replace('"i0"', '"i1"'))
    with caplog.at_level(logging.INFO, logger="wordsight"):
        found = Finished(path, "f" if spoiled else "g")
    assert found.of("attack") == {}
    assert ("is damaged" if spoiled else "is from other settings, code or files") in caplog.text


def test_the_fingerprint_of_a_job_is_of_its_params_and_its_inputs(tmp_path):
    read = tmp_path / "read.txt"
    read.write_text("a")

    def fingerprint(output="m/d.parquet", **params):
        return Finished.of_job(tmp_path / output, {"code": "c", **params}, [str(read)]).fingerprint

    first = fingerprint()
    assert fingerprint() == first
    assert len({first, fingerprint(code="other"), fingerprint(seed=1), fingerprint("n/d.parquet")}) == 4
    read.write_text("b")
    assert fingerprint() != first


def test_pieces_give_what_one_job_gives(tmp_path):
    """Not even the self-checks of a sample differ."""
    places = np.arange(24)
    expected = run(**EVERYTHING)
    for number, piece in enumerate(np.array_split(np.random.default_rng(2).permutation(places), 3)):
        part = Finished()
        run(places=np.sort(piece), finished=part, rechecked=False, **EVERYTHING)
        part.write(tmp_path / f"{number}.json")
    joined, network = Finished(), Network()
    joined.add(sorted(tmp_path.iterdir()))
    assert run(network, finished=joined, **EVERYTHING).equals(expected)
    whole = Network()
    run(whole, **EVERYTHING)
    assert network.seen < 0.5 * whole.seen
    (tmp_path / "0.json").write_text("{}")
    with pytest.raises(DataError, match=r"0\.json: is damaged; remove it"):
        Finished().add([tmp_path / "0.json"])


def test_every_radius_of_an_image_is_attacked_once_too(tmp_path):
    """A network that is wrong in a shell alone, so that the search for the smallest radius can't be believed."""

    class Shell(Network):
        def logits(self, images):
            moved = images.flatten(1).mean(dim=1) - 0.5
            super().logits(images)
            inside = (moved > 0.0093) & (moved < 0.0097)
            margin = torch.where(inside, -1.0, 1.0).detach() - (moved - moved.detach())
            return torch.stack([margin, -margin], dim=1)

    data = (
        np.full((20, 3, 8, 8), 0.5, dtype=np.float32),
        np.zeros(20, dtype=np.int64),
        [f"i{i}" for i in range(20)],
    )
    section = {"epsilons": [0.001, 0.01, 0.9, 1.0], "steps": 50}
    whole = Shell()
    expected = run(whole, data, **section)
    path = tmp_path / "kept.json"
    with pytest.raises(KeyboardInterrupt):
        run(Shell(stop_after=0.8 * whole.seen), data, finished=Finished(path, "", interval=0), **section)
    again = Shell()
    assert run(again, data, finished=Finished(path), **section).equals(expected)
    assert again.seen < 0.5 * whole.seen


def test_too_little_memory_halves_the_batch_and_says_so(caplog):
    expected = run(**EVERYTHING)
    network = Network(room=3)
    with caplog.at_level(logging.WARNING, logger="wordsight"):
        found = run(network, **EVERYTHING)
    for before, after in ((8, 4), (4, 2)):
        words = f"robustness of m on d: the memory isn't enough for {before} images at a time; it goes on with {after}"
        assert words in caplog.text
    assert max(network.batches) <= 3
    assert by_item(found).drop("minimum_norm").equals(by_item(expected).drop("minimum_norm"))
    with pytest.raises(torch.OutOfMemoryError):
        run(Network(room=0))
