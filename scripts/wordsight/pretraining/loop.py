"""The loop that all objectives share: the same initial weights, images, order, views, steps and optimiser.

Only the objective's own layers, its loss and its number of views differ. The first view is the same for all.

If ``micro_batch_size`` splits a batch into pieces, their outputs are first computed without a graph, then the
loss on all of them, then each piece again with the gradient of its outputs (Gao, Zhang, Han and Callan,
Scaling deep contrastive learning batch size under memory limited setup, 2021, section 3.2,
https://arxiv.org/abs/2101.06983). So memory depends on the size of a piece, while a contrastive loss sees the
whole batch.
"""

import math
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from wordsight.config.models import PreprocessingSection, PretrainNetwork
from wordsight.config.pretraining import TrainingSection
from wordsight.datasets.reading import Split
from wordsight.errors import ConfigError, DataError
from wordsight.logs import logger
from wordsight.models import architectures
from wordsight.models.card import TrainingCard
from wordsight.models.encoder import Backbone, resolve_device
from wordsight.pretraining import augmentation, batches, distributed, objectives, saved_state
from wordsight.pretraining.image_set import ImageSet, image_set
from wordsight.pretraining.objectives.base import Objective, Targets
from wordsight.pretraining.sentences import Sentences
from wordsight.seeds import derive_seed

CHECK_IMAGES = 512  # most images that the objective's own measure is taken on
NO_DECAY_NDIM = 1  # parameters with at most so many dimensions have no decay: biases, normalisation
LEARNED_MARGIN = 2.0  # standard errors above chance and start that count as learned


@dataclass(frozen=True)
class Task:
    """One training.

    Attributes
    ----------
    network : architecture, objective, its seed and learning rate
    section : settings that all objectives share
    split : training split of the image set
    sentences : file of sentence vectors, None if the objective does not read them
    seed : the configured seed
    checkpoint : file for the state after each epoch
    fingerprint : digest of everything that the weights depend on
    """

    network: PretrainNetwork
    section: TrainingSection
    split: Split
    sentences: Path | None
    seed: int
    checkpoint: Path
    fingerprint: str


@dataclass(frozen=True)
class Trained:
    """Result of a training: encoder, preprocessing, card and learning curve."""

    backbone: Backbone
    preprocessing: PreprocessingSection
    card: TrainingCard
    curve: saved_state.Curve


def train(task: Task) -> Trained:
    """Train an encoder, or resume an earlier run of the same task that was stopped.

    Raises
    ------
    ConfigError
        When there are fewer images than a batch needs, or the machine has no such device.
    DataError
        When the images lack what the objective learns from, or the loss is no longer finite.
    """
    preprocessing = _preprocessing(task)
    backbone, _ = architectures.build(
        task.network.architecture, derive_seed(task.seed, "initialisation", task.network.seed)
    )
    backbone.drop_head()
    backbone.check(task.section.resolution, f"{task.network.objective}-{task.network.seed}")
    if task.network.objective == "untrained":
        card = TrainingCard(objective="untrained", seed=task.network.seed, images=0, images_seen=0, flops=0)
        return Trained(backbone.eval(), preprocessing, card, [])
    run = _Run(task, backbone, preprocessing)
    try:
        card = run.finish()
        return Trained(backbone.cpu().eval(), preprocessing, card, run.curve)
    finally:
        distributed.leave()


def _preprocessing(task: Task) -> PreprocessingSection:
    """Images at the training's resolution, normalised by the image set's own statistics."""
    card, size = task.split.card, task.section.resolution
    std = tuple(max(value, 1e-3) for value in card.std)
    return PreprocessingSection(image_size=size, resize=size, mean=card.mean, std=(std[0], std[1], std[2]))


class _Run:
    """State of a training in progress."""

    def __init__(self, task: Task, backbone: Backbone, preprocessing: PreprocessingSection) -> None:
        self.task, self.section = task, task.section
        self.device = resolve_device(task.section.device, "pretraining.device")
        self.world = distributed.join(self.device)
        self.sentences = Sentences.read(task.sentences, task.split.card.name) if task.sentences else None
        self.images = image_set(task.split, self.section.styles, self.sentences, held_out=False)
        self.steps = _steps(self.images, self.section)
        self.stream = derive_seed(task.seed, "training", task.network.seed)
        seed = derive_seed(self.stream, "objective", task.network.objective)
        objective = objectives.build(task.network.objective, backbone.feature_size, self.images, seed)
        self.backbone = backbone.to(self.device).to(memory_format=torch.channels_last)
        self.objective: Objective = objective.to(self.device)
        self.targets = self.objective.targets(self.images)
        self.row_of = {int(place): row for row, place in enumerate(self.images.places)}
        self.mean, self.std = (
            torch.tensor(value, device=self.device)[:, None, None]
            for value in (preprocessing.mean, preprocessing.std)
        )
        self.check = _Check(self, preprocessing)
        self.optimiser = _optimiser(self.modules, task)
        self.curve: saved_state.Curve = []

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        return {"backbone": self.backbone, "objective": self.objective}

    def finish(self) -> TrainingCard:
        """Train to the end, from the checkpoint if there is one, and return the card."""
        pixels = batches.open_pixels(self.task.split, self.images.places, self.section)
        flops = self._flops(pixels)
        restored = saved_state.restore(
            self.task.checkpoint, self.modules, self.optimiser, self.task.fingerprint
        )
        self.curve = restored or [self.check.row(0, None)]
        epochs = math.ceil(self.steps / self._steps_of_epoch(0))
        started, first = time.perf_counter(), len(self.curve)
        for epoch in range(first - 1, epochs):
            loss = self._epoch(pixels, epoch)
            self.curve.append(self.check.row(epoch + 1, loss))
            self._report(started, first, epochs)
            if self.world.rank == 0:
                saved_state.write(
                    self.task.checkpoint, self.modules, self.optimiser, self.curve, self.task.fingerprint
                )
        return self._card(flops)

    def _steps_of_epoch(self, epoch: int) -> int:
        whole = len(self.images) // self.section.batch_size
        return min(whole, self.steps - epoch * whole)

    def _plans(self, pixels: batches.Pixels, epoch: int) -> Iterator[batches.Plan]:
        """Share of this process in the batches of an epoch, each drawn when it is needed."""
        planned = batches.plans(
            self.images.places, pixels, self.section, self.stream, epoch, self.objective.views
        )
        share = self.world.share(self.section.batch_size)
        for plan in islice(planned, self._steps_of_epoch(epoch)):
            yield batches.Plan(plan.places[share], [view[share] for view in plan.views])

    def _epoch(self, pixels: batches.Pixels, epoch: int) -> float:
        """Train for one epoch and return the mean loss."""
        done = epoch * self._steps_of_epoch(0)
        losses = []
        planned = list(self._plans(pixels, epoch))
        for step, (plan, crops) in enumerate(batches.load_all(pixels, planned, self.section.workers)):
            for group in self.optimiser.param_groups:
                group["lr"] = self.task.network.learning_rate * schedule(
                    done + step, self.steps, self.section.optimiser.warmup
                )
            loss = self._gradients(
                plan, crops, derive_seed(self.stream, "noise", epoch, step, self.world.rank)
            )
            parameters = [p for module in self.modules.values() for p in module.parameters()]
            self.world.average_gradients(parameters)
            torch.nn.utils.clip_grad_norm_(parameters, self.section.optimiser.clip_norm)
            self.optimiser.step()
            losses.append(loss)
        self.world.average_buffers(self.modules.values())
        mean = float(torch.stack(losses).mean())
        if not math.isfinite(mean):
            raise DataError(
                f"{self.task.network.objective}-{self.task.network.seed}: the loss of epoch "
                f"{epoch + 1} is {mean}; a lower learning_rate may help"
            )
        return mean

    def _gradients(self, plan: batches.Plan, crops: list[torch.Tensor], seed: int) -> torch.Tensor:
        """Loss of a batch. Its gradients are stored in the parameters."""
        targets = self._targets_of(plan)
        generator = torch.Generator().manual_seed(seed)
        views = [
            augmentation.recolour(crop.to(self.device), view)
            for crop, view in zip(crops, plan.views, strict=True)
        ]
        self.train(False)
        views = [self.objective.disturb(view, targets, self.project, generator) for view in views]
        self.train(True)
        self.optimiser.zero_grad()
        images = torch.cat(views)
        count = math.ceil(len(images) / (self.section.micro_batch_size or len(images)))
        pieces = images.tensor_split(count)
        with torch.set_grad_enabled(len(pieces) == 1):
            outputs = torch.cat([self._seeded(piece, seed + place) for place, piece in enumerate(pieces)])
        leaves = [self.world.gather(part).requires_grad_() for part in outputs.detach().chunk(len(views))]
        loss = self.objective.loss(leaves, tuple(self.world.gather(target) for target in targets))
        loss.backward()
        share = self.world.share(len(leaves[0]))
        parts = [leaf.grad[share] for leaf in leaves if leaf.grad is not None]
        gradients = torch.cat(parts) * self.world.size
        if len(pieces) == 1:
            outputs.backward(gradients)
        else:
            split = gradients.tensor_split(count)
            for place, (piece, gradient) in enumerate(zip(pieces, split, strict=True)):
                self._seeded(piece, seed + place).backward(gradient)
        return loss.detach()

    def _targets_of(self, plan: batches.Plan) -> Targets:
        rows = [self.row_of[int(place)] for place in plan.places]
        return tuple(target[rows].to(self.device) for target in self.targets)

    def project(self, images: torch.Tensor) -> torch.Tensor:
        """Outputs (b, k) of the objective for images (b, 3, h, w) in [0, 1]."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.section.precision == "bfloat16"):
            normalised = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
            return self.objective.project(self.backbone(normalised)).float()

    def _seeded(self, piece: torch.Tensor, seed: int) -> torch.Tensor:
        """Outputs of a piece; if the network draws random numbers, ``seed`` determines them."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(seed)
            return self.project(piece)

    def train(self, mode: bool) -> None:
        """Set training mode, where batch normalisation uses the batch, or evaluation mode."""
        for module in self.modules.values():
            module.train(mode)

    def _flops(self, pixels: batches.Pixels) -> int:
        """Floating-point operations of the whole training, counted in one step that changes nothing."""
        before = deepcopy({name: module.state_dict() for name, module in self.modules.items()})
        plan = next(self._plans(pixels, 0))
        with FlopCounterMode(display=False) as counter:
            self._gradients(plan, pixels.load(plan), 0)
        for name, module in self.modules.items():
            module.load_state_dict(before[name])
        return counter.get_total_flops() * self.world.size * self.steps

    def _report(self, started: float, first: int, epochs: int) -> None:
        """Log the last epoch: loss, speed, time left."""
        row, done = self.curve[-1], len(self.curve) - 1
        seconds = time.perf_counter() - started
        seen = sum(self._steps_of_epoch(e) for e in range(first - 1, done)) * self.section.batch_size
        left = seconds / (done - first + 1) * (epochs - done)
        logger.info(
            "epoch %d of %d: loss %.4f, %s %.3f; %.0f images/s, %.0f s left",
            *(done, epochs, row["loss"], self.objective.measure, row["measure"], seen / seconds, left),
        )

    def _card(self, flops: int) -> TrainingCard:
        first, last = self.curve[0], self.curve[-1]
        measured, at_start = float(last["measure"] or 0), float(first["measure"] or 0)
        baseline = max(self.check.chance, at_start)
        margin = LEARNED_MARGIN * math.sqrt(baseline * (1 - baseline) / self.check.count)
        return TrainingCard(
            objective=self.task.network.objective,
            seed=self.task.network.seed,
            learning_rate=self.task.network.learning_rate,
            images=len(self.images),
            images_seen=self.steps * self.section.batch_size,
            flops=flops,
            final_loss=last["loss"],
            measure=self.objective.measure,
            measured=measured,
            at_start=at_start,
            chance=self.check.chance,
            learned=measured > baseline + margin,
        )


class _Check:
    """Computes an objective's own measure, on images of held-out concepts or on training images."""

    def __init__(self, run: _Run, preprocessing: PreprocessingSection) -> None:
        self.run, task = run, run.task
        self.held_out = run.objective.measured_on == "held-out"
        images = run.images
        if self.held_out:
            images = image_set(task.split, run.section.styles, run.sentences, held_out=True)
        seed = derive_seed(task.seed, "check", task.split.card.name)
        rows = np.sort(np.random.default_rng(seed).permutation(len(images))[:CHECK_IMAGES])
        self.count = len(rows)
        self.targets = tuple(target[rows].to(run.device) for target in run.objective.targets(images))
        self.chance = run.objective.chance(self.targets)
        pictures = batches.plain(task.split, images.places[rows], preprocessing)
        self.views = [pictures.to(run.device)] * run.objective.views
        if run.objective.views > 1:
            self.views = [
                augmentation.recolour(augmentation.crop(view, drawn, run.section.resolution), drawn)
                for place, view in enumerate(self.views)
                for drawn in [augmentation.draw(self.count, run.section.augmentation, seed + 2 * place)]
            ]

    def row(self, epoch: int, loss: float | None) -> dict[str, float | None]:
        """One row of the learning curve."""
        self.run.train(False)
        with torch.no_grad():
            outputs = [
                torch.cat([self.run.project(part) for part in view.split(self.run.section.batch_size)])
                for view in self.views
            ]
            hits = self.run.objective.hits(outputs, self.targets)
            held_out = float(self.run.objective.loss(outputs, self.targets)) if self.held_out else None
        return {
            "epoch": epoch,
            "loss": loss,
            "held_out_loss": held_out,
            "measure": float(hits.float().mean()),
        }


def _steps(images: ImageSet, section: TrainingSection) -> int:
    if len(images) < section.batch_size:
        raise ConfigError(
            f"config: pretraining.batch_size: expected at most {len(images)}, the number of training "
            f"images of {images.name}, found {section.batch_size}"
        )
    return max(1, section.images_seen // section.batch_size)


def _optimiser(modules: dict[str, torch.nn.Module], task: Task) -> torch.optim.Optimizer:
    parameters = [p for module in modules.values() for p in module.parameters()]
    decayed = [p for p in parameters if p.ndim > NO_DECAY_NDIM]
    kept = [p for p in parameters if p.ndim <= NO_DECAY_NDIM]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": task.section.optimiser.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=task.network.learning_rate)


def schedule(step: int, steps: int, warmup: float) -> float:
    """Factor of the learning rate: a linear rise, then half a cosine."""
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
