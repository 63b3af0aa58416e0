"""The loop: what it computes, that a seed decides it, that it goes on after a kill, and over several processes."""

import csv
import hashlib
import itertools
import json
import math
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

import small_images
from wordsight.catalogue.fitting import ProbeParameters
from wordsight.datasets.reading import open_split
from wordsight.errors import ConfigError, DataError, WordsightError
from wordsight.models import architectures, reading
from wordsight.models.encoder import Backbone
from wordsight.pretraining import augmentation, batches, launch, learning_rate, loop, objectives, saved_state
from wordsight.pretraining.image_set import image_set
from wordsight.pretraining.job import TrainingJob, fingerprint, run_job
from wordsight.pretraining.launch import train_and_write
from wordsight.pretraining.objectives.base import Objective
from wordsight.seeds import derive_seed

pytestmark = pytest.mark.slow

SCRIPTS = Path(launch.__file__).parents[2]
FILES = ("weights.safetensors", "network.json", "training.csv")


class KilledError(Exception):
    """The job was stopped."""


@pytest.fixture(autouse=True)
def _settings_of_torch():
    """A training sets them for its process."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Folder of the drawn images, and the file of their sentence vectors."""
    root = tmp_path_factory.mktemp("drawn")
    split = small_images.write(root / "shapes")
    return root / "shapes", small_images.write_vectors(root / "vectors.safetensors", split)


@pytest.fixture
def a_task(drawn, tmp_path):
    """Make tasks on the drawn images, none of which goes on where another was."""
    split, numbers = open_split(drawn[0], "train"), itertools.count()

    def make(*given, **changes):
        return small_images.task(split, drawn[1], tmp_path / f"checkpoint-{next(numbers)}", *given, **changes)

    return make


@pytest.fixture
def a_job(drawn, tmp_path):
    """Make jobs whose files go to a folder by its name."""
    return lambda name, *given, **changes: small_images.job(tmp_path / name, *drawn, *given, **changes)


def written(job):
    """Bytes of the files of a model."""
    return [Path(job.directory, name).read_bytes() for name in FILES]


def without_normalisation(architecture, seed=0):
    """A network in which a picture does not depend on the others of its batch."""
    return _network(seed, nn.Tanh())


def with_dropout(architecture, seed=0):
    """A network that draws random numbers itself."""
    return _network(seed, nn.Dropout(0.5))


def _network(seed, middle):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = nn.AvgPool2d(2), nn.Flatten(), nn.Linear(192, 16), middle, nn.Linear(16, 8)
    return Backbone(nn.Sequential(*layers), 8), small_images.preprocessing()


@pytest.fixture
def steps(monkeypatch):
    """What each step of the optimiser is given."""
    seen, real = [], torch.optim.AdamW.step

    def step(self, closure=None):
        groups = [{key: group[key] for key in ("lr", "weight_decay")} for group in self.param_groups]
        parameters = [p for group in self.param_groups for p in group["params"]]
        gradients = [p.grad.clone() for p in parameters]
        seen.append({"groups": groups, "gradients": gradients, "shapes": [p.shape for p in parameters]})
        return real(self)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    return seen


# What a training computes


def test_a_training_is_a_plain_loop(a_task):
    task = a_task(learning_rate=0.02, images_seen=24 * 4)  # an epoch of three steps, and one step
    trained = loop.train(task)
    images, seed = image_set(task.split, None, None, held_out=False), derive_seed(0, "training", 0)
    backbone, _ = architectures.build("small/resnet_w4", derive_seed(0, "initialisation", 0))
    head = objectives.build("labels", 32, images, derive_seed(seed, "objective", "labels")).classifier
    both = nn.Sequential(backbone, head).train()
    weights, others = ([p for p in both.parameters() if (p.ndim > 1) == many] for many in (True, False))
    optimiser = torch.optim.AdamW(
        [{"params": weights, "weight_decay": 0.05}, {"params": others, "weight_decay": 0}]
    )
    pixels = batches.MemoryPixels(task.split, images.places, 16)
    mean, std = (torch.tensor(value)[:, None, None] for value in (task.split.card.mean, task.split.card.std))
    plans = [
        plan
        for epoch in (0, 1)
        for plan in batches.plans(images.places, pixels, task.section, seed, epoch, 1)
    ]
    losses = []
    for plan, factor in zip(plans[:4], [1, 1, 0.75, 0.25], strict=True):
        for group in optimiser.param_groups:
            group["lr"] = 0.02 * factor
        pictures = augmentation.recolour(pixels.load(plan)[0], plan.views[0])
        loss = F.cross_entropy(
            both((pictures - mean) / std), torch.from_numpy(task.split.labels[plan.places])
        )
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    for name, value in backbone.tensors().items():
        torch.testing.assert_close(trained.backbone.tensors()[name], value, atol=1e-4, rtol=1e-3)
    assert trained.curve[1]["loss"] == pytest.approx(np.mean(losses[:3]), rel=1e-5)
    assert trained.curve[2]["loss"] == trained.card.final_loss == pytest.approx(losses[3], rel=1e-4)


def test_the_learning_rate_rises_and_falls_and_the_gradient_is_clipped(a_task, steps):
    optimiser = {"warmup": 0.5, "weight_decay": 0.2, "clip_norm": 0.01}
    loop.train(a_task(learning_rate=0.1, optimiser=optimiser))
    rates = [step["groups"][0]["lr"] for step in steps]
    assert rates == pytest.approx([0.1 / 3, 0.2 / 3, 0.1, 0.1, 0.075, 0.025])
    assert rates == [step["groups"][1]["lr"] for step in steps]
    norms = [math.sqrt(sum(float((g**2).sum()) for g in step["gradients"])) for step in steps]
    assert norms == pytest.approx([0.01] * 6, rel=1e-3)
    decays = [group["weight_decay"] for group in steps[0]["groups"]]
    assert decays == [0.2, 0]
    dimensions = [len(shape) for shape in steps[0]["shapes"]]
    assert dimensions == sorted(dimensions, key=lambda count: count < 2)  # matrices decay, the rest does not


def test_counting_operations_and_checking_leave_no_trace(a_task, monkeypatch):
    """Private names, since no configuration leaves either out."""
    first = loop.train(a_task("barlow_twins"))
    monkeypatch.setattr(loop._Run, "_flops", lambda self, pixels: 0)
    monkeypatch.setattr(loop._Check, "row", lambda self, epoch, loss: {"loss": loss, "measure": 0.0})
    second = loop.train(a_task("barlow_twins"))
    assert all(v.equal(second.backbone.tensors()[k]) for k, v in first.backbone.tensors().items())
    assert first.card.flops > second.card.flops == 0


def test_a_fingerprint_tells_params_images_and_sentence_vectors_apart(tmp_path):
    for name, item in {"one": lambda item: item, "other": lambda item: replace(item, caption="a")}.items():
        small_images.write(tmp_path / name, item)
    (tmp_path / "v").write_bytes(b"v")
    (tmp_path / "w").write_bytes(b"w")
    given = [({"a": 1}, "one", None), ({"a": 2}, "one", None), ({"a": 1}, "other", None)]
    given += [({"a": 1}, "one", tmp_path / "v"), ({"a": 1}, "one", tmp_path / "w")]
    found = [fingerprint(values, tmp_path / images, vectors) for values, images, vectors in given]
    assert len(set(found)) == len(given)
    assert found[0] == fingerprint({"a": 1}, tmp_path / "one", None)


def test_the_encoder_stays_on_its_device_until_it_is_trained(a_task, steps, monkeypatch):
    moved, cpu = [], Backbone.cpu
    monkeypatch.setattr(Backbone, "cpu", lambda self: (moved.append(len(steps)), cpu(self))[1])
    loop.train(a_task())
    assert moved == [len(steps)]
    assert len(steps) > 1


# The same for every objective


def digest(*tensors):
    return hashlib.sha256(b"".join(tensor.detach().numpy().tobytes() for tensor in tensors)).hexdigest()


@pytest.fixture
def seen(monkeypatch):
    """Digest of each view that a loop sees, and of the weights at its start."""
    found, real = {"views": [], "start": []}, Objective.disturb

    def disturb(self, images, targets, project, generator):
        found["views"].append(digest(images))
        found["start"].append(digest(*project.__self__.backbone.tensors().values()))
        return real(self, images, targets, project, generator)

    monkeypatch.setattr(Objective, "disturb", disturb)

    def of(task):
        for value in found.values():
            value.clear()
        loop.train(task)
        return list(found["views"]), found["start"][0]

    return of


def test_objectives_start_alike_and_see_the_same_pictures_in_the_same_order(a_task, seen):
    views, start = seen(a_task("labels"))
    assert len(views) == 7  # of six steps, and of the one that counts operations
    assert len(set(views[1:])) == 6
    for objective in ("captions_contrastive", "captions_targets", "concept_labels"):
        assert seen(a_task(objective)) == (views, start)
    for objective in ("simclr", "barlow_twins"):
        both, same_start = seen(a_task(objective))
        assert both[::2] == views
        assert set(both[1::2]).isdisjoint(views)
        assert same_start == start
    others, other_start = seen(a_task("labels", 1))
    assert set(others).isdisjoint(views)
    assert other_start != start


def test_untrained_is_where_all_others_start(a_task, a_job, seen):
    _, start = seen(a_task("simclr", 1))
    job = a_job("untrained", "untrained", 1)
    train_and_write(job)
    encoder = reading.load(job.directory)
    assert digest(*encoder.backbone.tensors().values()) == start
    card = encoder.card
    assert card.origin == "initialisation of small/resnet_w4, objective untrained, seed 1"
    assert (card.training.images_seen, card.training.flops, card.training.learned) == (0, 0, None)
    assert Path(job.curve).read_text() == "epoch,loss,held_out_loss,measure\n"


# One seed, one result


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(a_job):
    jobs = [a_job("a"), a_job("b"), a_job("c", seed=1)]
    for job in jobs:
        train_and_write(job)
        assert not Path(job.checkpoint).exists()
        assert sorted(path.name for path in Path(job.directory).iterdir()) == sorted(FILES)
    first, same, other = map(written, jobs)
    assert first == same
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_a_model_is_what_was_trained_and_says_how(a_job, drawn):
    job = a_job("model", "captions_contrastive", learning_rate=0.02)
    train_and_write(job)
    encoder, card = reading.load(job.directory), reading.load(job.directory).card
    assert card.origin == "training on shapes of small/resnet_w4, objective captions_contrastive, seed 0"
    assert (card.source, card.architecture, card.seed) == ("pretrain", "small/resnet_w4", 0)
    split = open_split(drawn[0], "train")
    assert card.preprocessing.mean == tuple(split.card.mean)
    assert card.preprocessing.std == tuple(split.card.std)
    assert (card.preprocessing.image_size, card.preprocessing.resize) == (16, 16)
    how = card.training
    assert (how.objective, how.images, how.images_seen, how.learning_rate) == (
        "captions_contrastive",
        72,
        144,
        0.02,
    )
    with Path(job.curve).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert rows[0]["loss"] == ""
    assert float(rows[2]["loss"]) == how.final_loss
    assert float(rows[0]["measure"]) == how.at_start
    assert float(rows[2]["measure"]) == how.measured
    # Its features are those that its learning rate is judged by.
    trained = run_job(job)
    images = image_set(split, None, None, held_out=True)
    pictures = dict(enumerate(picture for _, picture in split.images()))
    with torch.inference_mode():
        expected = encoder(torch.stack([encoder.preprocess(pictures[place]) for place in images.places]))
    torch.testing.assert_close(
        torch.from_numpy(learning_rate.features(trained, split, images)), expected, atol=1e-5, rtol=1e-4
    )


# A kill


def kill_after(monkeypatch, epoch):
    """Stop the training once the checkpoint of an epoch is written."""
    real = saved_state.write

    def write(path, modules, optimiser, curve, fingerprint):
        real(path, modules, optimiser, curve, fingerprint)
        if len(curve) - 1 == epoch:
            raise KilledError

    monkeypatch.setattr(saved_state, "write", write)


def killed(job, epoch):
    """Run a job until the end of an epoch."""
    with pytest.MonkeyPatch.context() as patched:
        kill_after(patched, epoch)
        with pytest.raises(KilledError):
            train_and_write(job)
    assert Path(job.checkpoint).exists()
    assert not Path(job.directory).exists()


@pytest.fixture
def epochs(monkeypatch):
    """Numbers of the epochs after which a checkpoint is written."""
    found, real = [], saved_state.write

    def write(path, modules, optimiser, curve, fingerprint):
        found.append(curve[-1]["epoch"])
        real(path, modules, optimiser, curve, fingerprint)

    monkeypatch.setattr(saved_state, "write", write)
    return found


@pytest.mark.parametrize(
    ("objective", "epoch"),
    [("labels", 1), ("labels", 4), ("captions_contrastive", 2), ("barlow_twins", 2), ("adversarial", 3)],
)
def test_a_killed_training_goes_on_to_the_same_bytes(objective, epoch, a_job, epochs):
    whole, broken = (a_job(name, objective, images_seen=240) for name in ("whole", "broken"))
    train_and_write(whole)
    assert epochs == [1, 2, 3, 4]  # the last one of a single step
    killed(broken, epoch)
    epochs.clear()
    train_and_write(broken)
    assert epochs == [1, 2, 3, 4][epoch:]
    assert written(broken) == written(whole)
    assert not Path(broken.checkpoint).exists()


def test_a_network_that_draws_random_numbers_goes_on_to_the_same_bytes(a_job, monkeypatch):
    monkeypatch.setattr(architectures, "build", with_dropout)
    whole, broken = a_job("whole", images_seen=240), a_job("broken", images_seen=240)
    train_and_write(whole)
    killed(broken, 2)
    train_and_write(broken)
    assert written(broken) == written(whole)


def test_a_process_that_is_killed_leaves_what_another_goes_on_from(a_job):
    whole, broken = a_job("whole", images_seen=72 * 24), a_job("broken", images_seen=72 * 24)
    path = Path(f"{broken.checkpoint}.json")
    path.parent.mkdir()
    path.write_text(broken.model_dump_json())
    command = [sys.executable, "-m", "wordsight.pretraining.launch", str(path)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(SCRIPTS)})
    try:
        while not Path(broken.checkpoint).exists():
            assert process.poll() is None
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not Path(broken.directory).exists()
    for job in (whole, broken):
        train_and_write(job)
    assert written(broken) == written(whole)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def rubbish(path):
    path.write_bytes(b"<html>")


def of_another(path):
    with_metadata = {
        "fingerprint": "other",
        "curve": json.dumps([{"epoch": 0, "loss": None, "measure": 0.5}]),
    }
    save_file(load_file(path), path, with_metadata)


@pytest.mark.parametrize("damage", [cut, rubbish, of_another])
def test_a_checkpoint_that_is_damaged_or_of_something_else_is_not_used(damage, a_job, epochs, caplog):
    whole, broken = a_job("whole"), a_job("broken")
    train_and_write(whole)
    # With this learning rate, the weights of its checkpoint are not those that the training passes through.
    killed(a_job("broken", learning_rate=0.1), 1)
    damage(Path(broken.checkpoint))
    epochs.clear()
    with caplog.at_level("INFO", logger="wordsight"):
        train_and_write(broken)
    assert epochs == [1, 2]
    assert "training starts anew" in caplog.text
    assert written(broken) == written(whole)


# Pieces and processes


@pytest.mark.parametrize("objective", ["labels", "captions_contrastive", "simclr", "labels_and_captions"])
def test_pieces_of_a_batch_give_the_gradient_of_the_batch(objective, a_task, steps, monkeypatch):
    monkeypatch.setattr(architectures, "build", without_normalisation)
    for size in (None, 4, 8, 7, 24, 100):
        changes = {"micro_batch_size": size, "images_seen": 24, "optimiser": {"clip_norm": 1e9}}
        loop.train(a_task(objective, **changes))
    expected, *others = [step["gradients"] for step in steps]
    assert len(others) == 5
    assert any(float(gradient.abs().max()) > 1e-3 for gradient in expected)
    for gradients in others:
        for one, two in zip(gradients, expected, strict=True):
            torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)


def test_a_piece_is_seen_the_same_both_times(a_task, monkeypatch):
    passes = []

    def build(architecture, seed=0):
        backbone, preprocessing = with_dropout(architecture, seed)
        backbone.register_forward_hook(
            lambda module, given, output: passes.append(output.detach().clone()) if module.training else None
        )
        return backbone, preprocessing

    monkeypatch.setattr(architectures, "build", build)
    loop.train(a_task(images_seen=24, micro_batch_size=8))
    assert len(passes) == 12  # of two steps, the first of which counts operations
    for first, second in ((0, 3), (1, 4), (2, 5), (6, 9), (7, 10), (8, 11)):
        torch.testing.assert_close(passes[first], passes[second])
    assert not passes[6].equal(passes[7])


@pytest.mark.parametrize("objective", ["labels", "barlow_twins"])
def test_pieces_that_do_not_divide_a_batch_leave_none_of_a_single_picture(objective, a_task):
    # One picture has no variance, which batch normalisation would ask for.
    views = 1 if objective == "labels" else 2
    trained = loop.train(a_task(objective, images_seen=24, micro_batch_size=24 * views - 1))
    assert math.isfinite(trained.card.final_loss)


def one_of_two(job, rank, port, path):
    """Train as one of two processes; the first writes the weights."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    trained = run_job(job)
    if rank == 0:
        save_file(trained.backbone.tensors(), path, {"curve": json.dumps(trained.curve)})


@pytest.mark.parametrize(
    ("objective", "pieces"), [("labels", None), ("captions_contrastive", 5), ("simclr", None)]
)
def test_two_processes_do_what_one_does(objective, pieces, a_job, tmp_path, monkeypatch):
    monkeypatch.setattr(architectures, "build", without_normalisation)
    alone = run_job(a_job("one", objective))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    job = a_job("two", objective, devices=2, micro_batch_size=pieces)
    context = multiprocessing.get_context("fork")  # so that the small network is theirs too
    path = tmp_path / "two.safetensors"
    processes = [context.Process(target=one_of_two, args=(job, rank, port, path)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    together = load_file(path)
    start = without_normalisation("", derive_seed(0, "initialisation", 0))[0].tensors()
    for name, value in alone.backbone.tensors().items():
        torch.testing.assert_close(together[name], value, atol=1e-4, rtol=0)
        assert (value - start[name]).abs().max() > 1e-2


def test_torchrun_trains_a_model_that_can_be_loaded(a_job):
    job = a_job("two", devices=2)
    train_and_write(job)
    encoder = reading.load(job.directory)
    assert encoder(torch.rand(2, 3, 16, 16)).isfinite().all()
    how = encoder.card.training
    assert (how.images_seen, how.images) == (144, 72)
    alone = a_job("one")
    train_and_write(alone)
    assert how.flops == reading.load(alone.directory).card.training.flops
    assert Path(job.curve).read_text().splitlines()[:2] == Path(alone.curve).read_text().splitlines()[:2]
    assert sorted(path.name for path in Path(job.checkpoint).parent.iterdir()) == ["model"]


def test_a_failed_process_is_one_line(a_job, monkeypatch):
    jobs = []

    def run(command, env, check):
        jobs.append(TrainingJob.model_validate_json(Path(command[-1]).read_text()))
        assert env["PYTHONPATH"] == str(SCRIPTS)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(launch.subprocess, "run", run)
    job = a_job("two", devices=2)
    with pytest.raises(WordsightError) as error:
        train_and_write(job)
    assert str(error.value) == "model: one of 2 training processes failed; see its error above"
    assert jobs == [job]
    assert not list(Path(job.checkpoint).parent.iterdir())


# Precision, memory, styles


def checked_on_training_images(monkeypatch):
    real = loop.image_set
    monkeypatch.setattr(loop, "image_set", lambda *given, held_out: real(*given, held_out=False))


def test_half_precision_learns_too(a_task, monkeypatch):
    checked_on_training_images(monkeypatch)
    changes = {"images_seen": 72 * 20}
    half = loop.train(a_task(precision="bfloat16", **changes))
    assert half.card.learned
    assert half.card.measured > 0.6
    assert half.card.final_loss < 0.8 * half.curve[1]["loss"]
    assert all(value.dtype == torch.float32 for value in half.backbone.tensors().values())
    whole = loop.train(a_task(**changes))
    assert whole.card.final_loss != half.card.final_loss
    assert whole.curve[1]["loss"] == pytest.approx(half.curve[1]["loss"], rel=0.1)


def test_images_that_stay_in_their_file_are_learned_too(a_task, monkeypatch):
    checked_on_training_images(monkeypatch)
    monkeypatch.setattr(batches, "open_pixels", lambda split, places, section: batches.FilePixels(split, 16))
    first, second = (loop.train(a_task(images_seen=72 * 10, workers=workers)) for workers in (0, 1))
    assert first.card.learned
    assert second.card == first.card
    assert second.curve == first.curve


def test_styles_that_are_not_named_are_not_trained_on(a_task):
    assert loop.train(a_task(styles=["outline"])).card.images == 36


# What the card says


def test_a_training_that_cannot_learn_says_so(a_task):
    card = loop.train(a_task(learning_rate=1e-12)).card
    assert card.learned is False
    assert card.measured == pytest.approx(card.at_start, abs=0.1)


@pytest.mark.parametrize(
    ("measures", "chance", "learned"),
    [
        ([0.25, 0.6], 0.25, True),
        ([0.25, 0.4], 0.25, False),
        ([0.5, 0.6], 0.25, False),
        ([0.0, 0.01], 0.0, True),
    ],
)
def test_learned_is_two_standard_errors_above_both_chance_and_the_start(
    measures, chance, learned, a_task, monkeypatch
):
    # Of 24 held-out images: the standard error of 0.25 is 0.088, that of 0.5 is 0.102.
    shares = iter(torch.tensor([measure]) for measure in measures)
    monkeypatch.setattr(objectives.labels.Objective, "hits", lambda self, outputs, targets: next(shares))
    monkeypatch.setattr(objectives.labels.Objective, "chance", lambda self, targets: chance)
    card = loop.train(a_task(images_seen=72)).card
    assert (card.at_start, card.measured) == pytest.approx(measures)
    assert card.chance == chance
    assert card.learned is learned


def test_operations_follow_the_images_seen_and_the_objective(a_task):
    def flops(*given, **changes):
        return loop.train(a_task(*given, **changes)).card.flops

    labels = flops("labels")
    assert labels > 0
    assert flops("labels", images_seen=288) == 2 * labels
    assert flops("labels", batch_size=12) == pytest.approx(labels, rel=0.01)
    assert flops("simclr") == pytest.approx(2 * labels, rel=0.3)
    assert flops("adversarial") > 1.9 * labels  # two steps of attack, each forth and back
    assert 1.2 * labels < flops("labels", micro_batch_size=8) < 1.5 * labels  # once more forth


def test_operations_of_a_linear_network_are_its_products(a_task, monkeypatch):
    monkeypatch.setattr(architectures, "build", without_normalisation)
    # Forth, and back to the weights, of each layer; back to the input of each layer but the first.
    sizes = [(192, 16), (16, 8), (8, 4)]
    products = sum(a * b for a, b in sizes) * 2 + sum(a * b for a, b in sizes[1:])
    assert loop.train(a_task()).card.flops == 2 * products * 144


# The learning rate is chosen by held-out concepts


def test_a_learning_rate_is_judged_by_a_linear_classifier_on_held_out_concepts(a_task, monkeypatch):
    task = a_task(learning_rate=0.02, images_seen=72 * 10)
    trained = loop.train(task)
    loss, accuracy = learning_rate.held_out(trained, task.split, None, ProbeParameters())
    assert 0 < loss < math.log(4)
    assert accuracy * 24 == pytest.approx(round(accuracy * 24))
    assert accuracy > 0.5

    def one_hot(shift, size):
        def features(trained, split, images):
            shown = bool(split.held_out[images.places[0]])
            return size * np.eye(4, dtype=np.float32)[(images.labels.numpy() + shift * shown) % 4]

        return features

    answers = {}
    for shift, size in ((0, 1), (1, 1), (0, 0)):
        monkeypatch.setattr(learning_rate, "features", one_hot(shift, size))
        answers[shift, size] = learning_rate.held_out(trained, task.split, None, ProbeParameters())
    assert answers[0, 1][1] == 1
    assert answers[0, 1][0] < 0.1
    assert answers[1, 1][1] == 0
    assert answers[1, 1][0] > math.log(4)
    assert answers[0, 0][0] == pytest.approx(math.log(4), rel=1e-3)  # nothing is known of four equal classes


def test_a_learning_rate_cannot_be_judged_without_labels(tmp_path):
    split = small_images.write(tmp_path / "shapes", lambda item: replace(item, label=-1), classes=())
    with pytest.raises(DataError, match="shapes: expected labels for every training image"):
        learning_rate.held_out(None, split, None, ProbeParameters())


# What a user can get wrong


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"batch_size": 73}, "config: pretraining.batch_size: expected at most 72, the number of training images of shapes, found 73"),
        ({"styles": ["etched"]}, "config: pretraining.styles: shapes has no style 'etched' to train on; valid: filled, outline"),
        ({"device": "mps"}, "config: pretraining.device: this machine has no device 'mps'"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_section_is_one_line(changes, line, a_task, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigError) as error:
        loop.train(a_task(**changes))
    assert str(error.value) == line


def test_a_learning_rate_cannot_be_judged_where_no_held_out_image_is_of_a_trained_class(tmp_path):
    split = small_images.write(
        tmp_path / "shapes", lambda item: replace(item, label=item.label // 2 + 2 * item.held_out)
    )
    with pytest.raises(DataError, match="shapes: no held-out image"):
        learning_rate.held_out(None, split, None, ProbeParameters())


def test_a_loss_that_is_no_longer_finite_names_the_model_and_the_learning_rate(a_task):
    with pytest.raises(DataError) as error:
        loop.train(a_task("labels", 3, learning_rate=1e6, images_seen=72 * 10))
    message = str(error.value)
    assert message.startswith("labels-3: the loss of epoch ")
    assert message.endswith("; a lower learning_rate may help")


def test_a_network_for_larger_pictures_is_named_before_anything_is_trained(a_task):
    task = a_task(resolution=2)
    task = replace(task, network=small_images.network(architecture="packaged/squeezenet1_1"))
    with pytest.raises(ConfigError, match=r"models\.labels-0: .* from an image of 2 x 2 pixels") as error:
        loop.train(task)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("objective", "change", "line"),
    [
        ("labels", {"label": -1}, "shapes: expected labels for every training image, but row 2 of the training split has no label"),
        ("captions_targets", {"caption": ""}, "shapes: expected captions for every training image, but row 2 of the training split has no caption"),
        ("concept_labels", {"concept": ""}, "shapes: expected concepts for every training image, but row 2 of the training split has no concept"),
        ("labels", {"held_out": False}, "shapes: there are no images that are held out of training"),
        ("labels", {"held_out": True}, "shapes: there are no images to train on"),
    ],
)  # fmt: skip
def test_images_that_lack_what_an_objective_needs_are_named(objective, change, line, tmp_path):
    classes = () if "label" in change else small_images.SHAPES
    split = small_images.write(tmp_path / "shapes", lambda item: replace(item, **change), classes)
    with pytest.raises(DataError) as error:
        loop.train(small_images.task(split, None, tmp_path / "c", objective))
    assert str(error.value) == line
