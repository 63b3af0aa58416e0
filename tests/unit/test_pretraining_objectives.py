"""Objectives: their losses against independent computations, and that each can be learned."""

import math
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from open_clip.loss import ClipLoss
from safetensors.torch import load_file
from scipy.special import log_softmax
from torch import nn

import small_images
from wordsight.catalogue.objectives import OBJECTIVES
from wordsight.errors import DataError
from wordsight.pretraining import batches, loop, objectives
from wordsight.pretraining.image_set import ImageSet, image_set
from wordsight.pretraining.objectives import adversarial, barlow_twins, captions_shuffled, simclr, stylised
from wordsight.pretraining.sentences import Sentences
from wordsight.protocols.robustness.sweep import import_foolbox

pytestmark = pytest.mark.slow

TRAINED = [name for name in OBJECTIVES if name != "untrained"]
WIDTH = 6  # of features by hand
CAPTIONS = ["red circle", "red bar", "blue circle", "blue bar", "red circle", "green bar"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Training split of the drawn images, and the file of its sentence vectors."""
    root = tmp_path_factory.mktemp("drawn")
    split = small_images.write(root / "shapes")
    return split, small_images.write_vectors(root / "vectors.safetensors", split)


def images(captions=CAPTIONS, **changes):
    """What is known of a few images, of as many captions."""
    generator = torch.Generator().manual_seed(3)
    vectors = {
        text: torch.randn(5, generator=generator) for text in (*sorted(set(captions)), "bar", "circle")
    }
    values = {
        "name": "few",
        "places": np.arange(len(captions)),
        "labels": torch.tensor([int("circle" in caption) for caption in captions]),
        "classes": ["bar", "circle"],
        "captions": captions,
        "concepts": captions,
        "caption_vectors": torch.stack([vectors[caption] for caption in captions]),
        "class_vectors": torch.stack([vectors["bar"], vectors["circle"]]),
        **changes,
    }
    return ImageSet(**values)


def built(name, given=None):
    return objectives.build(name, WIDTH, given or images(), seed=1)


def loss_of(objective, outputs, targets):
    """Loss as a plain number."""
    return float(objective.loss(outputs, targets).detach())


def outputs_of(objective, count=6, views=None, seed=0):
    """Outputs of an objective for random features, of each view."""
    generator = torch.Generator().manual_seed(seed)
    return [
        objective.project(torch.randn(count, WIDTH, generator=generator))
        for _ in range(views or objective.views)
    ]


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# The losses


@pytest.mark.parametrize("name", ["labels", "adversarial", "stylised", "concept_labels"])
def test_labels_are_asked_for_by_the_cross_entropy_of_a_linear_classifier(name):
    objective, given = built(name), images()
    features = np.random.default_rng(0).normal(size=(6, WIDTH)).astype(np.float32)
    weight, bias = (p.detach().numpy().astype(np.float64) for p in objective.classifier.parameters())
    concepts = [sorted(set(CAPTIONS)).index(caption) for caption in CAPTIONS]
    truth = concepts if name == "concept_labels" else given.labels.tolist()
    logits = features @ weight.T + bias
    expected = -log_softmax(logits, axis=1)[np.arange(6), truth].mean()
    targets = objective.targets(given)
    outputs = [objective.project(torch.from_numpy(features))]
    assert loss_of(objective, outputs, targets) == pytest.approx(expected, rel=1e-6)
    assert objective.hits(outputs, targets).tolist() == (logits.argmax(axis=1) == np.array(truth)).tolist()


def test_concepts_are_classes_of_their_own_that_styles_share():
    objective, given = built("concept_labels"), images()
    (numbers,) = objective.targets(given)
    assert len(objective.classifier.weight) == len(set(numbers.tolist())) == len(set(CAPTIONS))
    assert numbers[0] == numbers[4]


def clip(name="captions_contrastive", captions=CAPTIONS, scale=None):
    """Objective, its outputs and targets for images with such captions."""
    objective, given = built(name, images(captions)), images(captions)
    if scale is not None:
        objective.scale.data.fill_(math.log(scale))
    return objective, outputs_of(objective, len(captions)), objective.targets(given)


DISTINCT = ["red circle", "red bar", "blue circle", "blue bar", "green circle", "green bar"]


@pytest.mark.parametrize("captions", [DISTINCT, CAPTIONS], ids=["distinct", "equal"])
@pytest.mark.parametrize("name", ["captions_contrastive", "captions_contrastive_text_tower"])
def test_the_loss_and_its_gradients_are_those_of_clip(name, captions):
    # With equal captions too: their vectors are equal, so that it does not matter which of them is the target.
    objective, outputs, targets = clip(name, captions)
    leaf = outputs[0].detach().requires_grad_()
    losses = [
        objective.loss([leaf], targets),
        ClipLoss()(leaf, objective.encode_text(targets[1]), objective.scale.exp()),
    ]
    assert float(losses[0].detach()) == pytest.approx(float(losses[1].detach()), abs=1e-6)
    parameters = [leaf, *(p for n, p in objective.named_parameters() if n != "image_projection.weight")]
    for ours, theirs in zip(*(torch.autograd.grad(loss, parameters) for loss in losses), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_images_of_equal_captions_are_all_right():
    objective, outputs, targets = clip()
    image = outputs[0].detach().numpy().astype(np.float64)
    text = unit(images().caption_vectors.numpy() @ objective.text_projection.weight.detach().numpy().T)
    scores = image @ text.T / 0.07
    expected = 0.0
    for i, caption in enumerate(CAPTIONS):
        equal = [j for j, other in enumerate(CAPTIONS) if other == caption]
        expected -= np.mean(log_softmax(scores, axis=1)[i, equal]) / 12
        expected -= np.mean(log_softmax(scores, axis=0)[equal, i]) / 12
    assert loss_of(objective, outputs, targets) == pytest.approx(expected, rel=1e-5)


def test_the_inverse_temperature_is_never_above_a_hundred():
    at_limit, above = (clip(scale=scale) for scale in (100, 1000))
    assert loss_of(*at_limit) == pytest.approx(loss_of(*above), rel=1e-5)
    below = clip(scale=50)
    assert loss_of(*below) != pytest.approx(loss_of(*at_limit), rel=1e-2)


def test_the_nearest_of_the_distinct_captions_is_what_counts():
    objective, _, targets = clip()
    own = objective.encode_text(targets[1])
    assert objective.hits([own], targets).all()  # an equal caption of another image does no harm
    others = own.roll(2, dims=0)  # of images 0 and 4, which share a caption, not one gets its own
    expected = [CAPTIONS[(i - 2) % 6] == caption for i, caption in enumerate(CAPTIONS)]
    assert objective.hits([others], targets).tolist() == expected
    assert objective.chance(targets) == pytest.approx(2 / 6)


def test_the_text_tower_reads_every_word_and_no_padding():
    captions = ["a red bar", "a bar", "a red bar", "a circle", "a circle", "a blue bar", "a blue circle"]
    objective = built("captions_contrastive_text_tower", images(captions))
    read = objective.targets(images(captions))[1]
    vectors = objective.encode_text(read)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(7))
    torch.testing.assert_close(vectors[0], vectors[2])
    assert (vectors[0] - vectors[5]).norm() > 1e-3  # they differ in one word
    with torch.no_grad():
        objective.words.weight[0] += 5.0  # what padding looks like
    torch.testing.assert_close(objective.encode_text(read), vectors)
    with torch.no_grad():
        objective.positions += torch.randn(objective.positions.shape)
    backwards = read[:1].flip(1)
    assert (objective.encode_text(read[:1]) - objective.encode_text(backwards)).norm() > 1e-3


def test_predicted_words_cost_what_a_sum_by_hand_says():
    captions = ["red bar", "red circle", "blue bar bar", "blue circle", "zebra", "red zebu bar"]
    objective, given = built("captions_targets", images(captions)), images(captions)
    known = {
        "bar": 2,
        "red": 3,
        "blue": 4,
        "circle": 5,
    }  # by frequency, then by letters; 0 and 1 are no words
    assert objective.vocabulary.index == known
    outputs, targets = outputs_of(objective), objective.targets(given)
    scores = log_softmax(outputs[0].detach().numpy().astype(np.float64), axis=1)
    expected = 0.0
    for i, caption in enumerate(captions):
        numbers = {known[word] for word in caption.split() if word in known}
        expected -= sum(scores[i, number] for number in numbers) / max(1, len(numbers)) / len(captions)
    assert loss_of(objective, outputs, targets) == pytest.approx(expected, rel=1e-6)


def test_a_caption_is_found_by_words_that_gain_from_the_image_whatever_all_images_have():
    captions = ["a red bar", "a red circle", "a blue bar", "a blue circle"]
    objective, given = built("captions_targets", images(captions)), images(captions)
    targets, index = objective.targets(given), objective.vocabulary.index
    says = torch.zeros(4, objective.vocabulary.size)
    for row, caption in enumerate(captions):
        for word in caption.split():
            says[row, index[word]] = 1
    says[:, index["a"]] = 9  # the likeliest word of every image tells none apart
    assert objective.hits([says], targets).all()
    assert not objective.hits([says.roll(1, dims=0)], targets).any()
    assert objective.chance(targets) == pytest.approx(0.25)
    twice = objective.targets(images([*captions[:2], *captions[:2]]))
    assert objective.chance(twice) == pytest.approx(0.5)
    assert objective.hits([says[[0, 1, 0, 1]]], twice).all()


def test_simclr_is_a_loop_over_all_views():
    objective = built("simclr")
    outputs, targets = outputs_of(objective), objective.targets(images())
    views = np.concatenate([part.detach().numpy() for part in outputs]).astype(np.float64)
    expected = 0.0
    for i, view in enumerate(views):
        others = [np.exp(view @ views[k] / simclr.TEMPERATURE) for k in range(12) if k != i]
        expected -= np.log(np.exp(view @ views[(i + 6) % 12] / simclr.TEMPERATURE) / sum(others)) / 12
    assert np.linalg.norm(views, axis=1) == pytest.approx(1)
    assert loss_of(objective, outputs, targets) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["simclr", "barlow_twins"])
def test_the_other_view_is_found_where_it_is_the_nearest(name):
    objective = built(name)
    first = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    first = first / first.norm(dim=1, keepdim=True)
    targets = objective.targets(images())
    assert objective.hits([first, first + 0.01], targets).all()
    swapped = first[[1, 0, 2, 3, 4, 5]]
    assert objective.hits([first, swapped], targets).tolist() == [False, False, True, True, True, True]
    assert objective.chance(targets) == pytest.approx(1 / 6)


def test_barlow_twins_is_the_formula_of_the_paper():
    objective = built("barlow_twins")
    one, two = (torch.randn(40, 7, generator=torch.Generator().manual_seed(s)) * 3 + 1 for s in (0, 1))
    a, b = (view.numpy().astype(np.float64) for view in (one, two + one))
    correlation = np.zeros((7, 7))
    for i in range(7):
        for j in range(7):
            x, y = a[:, i] - a[:, i].mean(), b[:, j] - b[:, j].mean()
            correlation[i, j] = x @ y / (np.sqrt(x @ x) * np.sqrt(y @ y))
    own = np.eye(7, dtype=bool)
    expected = ((1 - correlation[own]) ** 2).sum() + 0.005 * (correlation[~own] ** 2).sum()
    assert barlow_twins.REDUNDANCY == 0.005
    assert loss_of(objective, [one, two + one], ()) == pytest.approx(expected / 7, rel=1e-4)


def test_labels_and_captions_are_the_sum_of_both():
    given, objective = images(), built("labels_and_captions")
    features = torch.randn(6, WIDTH, generator=torch.Generator().manual_seed(0))
    outputs, targets = [objective.project(features)], objective.targets(given)
    parts = [objective.labels, objective.captions]
    losses = [loss_of(part, [part.project(features)], part.targets(given)) for part in parts]
    assert loss_of(objective, outputs, targets) == pytest.approx(sum(losses), rel=1e-6)
    hits = parts[0].hits([parts[0].project(features)], parts[0].targets(given))
    assert objective.hits(outputs, targets).equal(hits)
    assert objective.chance(targets) == parts[0].chance(parts[0].targets(given)) == pytest.approx(0.5)


def test_class_names_are_captions_that_a_class_shares():
    given = images()
    text, vectors = built("class_names", given).targets(given)
    assert text.tolist() == given.labels.tolist()
    assert vectors.equal(given.class_vectors[given.labels])
    named = replace(given, captions=[given.classes[label] for label in given.labels], caption_vectors=vectors)
    by_name, by_caption = built("class_names", given), built("captions_contrastive", named)
    by_caption.load_state_dict(by_name.state_dict())
    losses = [loss_of(o, outputs_of(o), o.targets(i)) for o, i in ((by_name, given), (by_caption, named))]
    assert losses[0] == losses[1]


def test_shuffled_captions_are_the_same_captions_of_other_images():
    captions = [f"{colour} {shape}" for colour in "abcdefgh" for shape in ("bar", "circle")]
    given = images(captions)
    moved = captions_shuffled.permuted(given)
    assert sorted(moved.captions) == sorted(captions)
    assert sum(a == b for a, b in zip(moved.captions, captions, strict=True)) < 5
    vector_of = dict(zip(captions, given.caption_vectors, strict=True))
    assert all(vector_of[c].equal(v) for c, v in zip(moved.captions, moved.caption_vectors, strict=True))
    first, second = (
        objectives.build("captions_shuffled", WIDTH, given, seed).targets(given) for seed in (0, 1)
    )
    assert first[0].equal(second[0])
    assert first[1].equal(moved.caption_vectors)
    plain = built("captions_contrastive", given).targets(given)
    assert not plain[0].equal(first[0])


def test_half_precision_outputs_lose_nothing_in_a_contrastive_loss():
    for name in ("captions_contrastive", "simclr", "barlow_twins"):
        objective = built(name)
        targets = objective.targets(images())
        halves = [part.detach().bfloat16() for part in outputs_of(objective)]
        assert objective.loss(halves, targets).dtype == torch.float32
        whole = [half.float() for half in halves]
        assert loss_of(objective, halves, targets) == pytest.approx(loss_of(objective, whole, targets))


# Changed pictures


def neighbourhoods(picture, side):
    """Rows (h * w, 3 side^2 + 1): what a kernel sees around each pixel, edges repeated, and a one."""
    half = side // 2
    padded = np.pad(picture, ((0, 0), (half, half), (half, half)), mode="edge")
    height, width = picture.shape[1:]
    rows = [
        [*padded[:, y : y + side, x : x + side].ravel(), 1.0] for y in range(height) for x in range(width)
    ]
    return np.array(rows)


@pytest.mark.parametrize("side", [1, 3, 5])
def test_a_random_convolution_is_one_matrix_for_all_pixels_of_a_picture(side, monkeypatch):
    monkeypatch.setattr(stylised, "KERNELS", (side,))
    pictures = torch.rand(4, 3, 12, 12, generator=torch.Generator().manual_seed(5))
    pictures[1] = pictures[0]
    seen = stylised.randomly_convolved(pictures, torch.Generator().manual_seed(6)).numpy()
    assert seen.min(axis=(1, 2, 3)) == pytest.approx(0)
    assert seen.max(axis=(1, 2, 3)) == pytest.approx(1)
    assert np.abs(seen[0] - seen[1]).max() > 0.1  # each picture has weights of its own
    for before, after in zip(pictures.numpy().astype(np.float64), seen, strict=True):
        wanted = after.reshape(3, -1).T
        rows = neighbourhoods(before, side)
        matrix = np.linalg.lstsq(rows, wanted, rcond=None)[0]
        assert np.abs(rows @ matrix - wanted).max() < 1e-4
        if side > 1:
            smaller = neighbourhoods(before, side - 2)
            rest = smaller @ np.linalg.lstsq(smaller, wanted, rcond=None)[0] - wanted
            assert np.abs(rest).max() > 1e-2


def test_a_random_convolution_follows_its_generator_and_survives_one_colour():
    pictures = torch.rand(2, 3, 8, 8)
    same = [stylised.randomly_convolved(pictures, torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert same[0].equal(same[1])
    assert not same[0].equal(same[2])
    assert stylised.randomly_convolved(torch.ones(2, 3, 8, 8), torch.Generator()).isfinite().all()


def attacked(monkeypatch=None, seed=0):
    """Pictures, what the attack makes of them, and the loss of both."""
    if monkeypatch:  # half of the range is no noise
        monkeypatch.setattr(torch, "rand", lambda shape, generator: torch.full(shape, 0.5))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 24), nn.Tanh(), nn.Linear(24, WIDTH))
        pictures = torch.randint(0, 256, (6, 3, 8, 8)) / 255
    objective = built("adversarial")
    targets = objective.targets(images())
    project = nn.Sequential(network, objective.classifier).eval()
    found = objective.disturb(pictures, targets, project, torch.Generator().manual_seed(seed))
    losses = [loss_of(objective, [project(x)], targets) for x in (pictures, found)]
    return pictures, found, losses, project


def test_an_attack_stays_within_its_radius_and_raises_the_loss():
    pictures, found, losses, project = attacked()
    assert (found - pictures).abs().max() <= adversarial.EPSILON + 1e-6
    assert (found - pictures).abs().mean() > adversarial.EPSILON / 4
    assert found.min() >= 0
    assert found.max() <= 1
    assert not found.requires_grad
    assert all(parameter.grad is None for parameter in project.parameters())
    assert losses[1] > losses[0]
    assert found.equal(attacked()[1])
    assert not found.equal(attacked(seed=1)[1])


def test_an_attack_without_random_start_is_that_of_foolbox(monkeypatch):
    pictures, found, _, project = attacked(monkeypatch)
    foolbox = import_foolbox()
    attack = foolbox.attacks.LinfProjectedGradientDescentAttack(
        abs_stepsize=adversarial.STEP, steps=adversarial.STEPS, random_start=False
    )
    model = foolbox.PyTorchModel(project, bounds=(0, 1), device="cpu")
    _, expected, _ = attack(model, pictures, images().labels, epsilons=adversarial.EPSILON)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_attacks_of_a_training_leave_its_statistics_and_gradients_alone(drawn, tmp_path, monkeypatch):
    real, raised = adversarial.Objective.disturb, []

    def watched(self, pictures, targets, project, generator):
        run = project.__self__
        before = deepcopy(run.backbone.state_dict())
        gradients = [deepcopy(parameter.grad) for parameter in run.backbone.parameters()]
        changed = real(self, pictures, targets, project, generator)
        assert all(value.equal(before[name]) for name, value in run.backbone.state_dict().items())
        for parameter, gradient in zip(run.backbone.parameters(), gradients, strict=True):
            assert (parameter.grad is gradient is None) or parameter.grad.equal(gradient)
        assert (changed - pictures).abs().max() <= adversarial.EPSILON + 1e-6
        assert not any(module.training for module in run.backbone.modules())
        losses = [loss_of(self, [project(x)], targets) for x in (pictures, changed)]
        raised.append(losses[1] > losses[0])
        return changed

    monkeypatch.setattr(adversarial.Objective, "disturb", watched)
    loop.train(small_images.task(*drawn, tmp_path / "c", "adversarial", images_seen=240))
    assert len(raised) == 11  # ten steps, and the one that counts operations
    assert sum(raised) >= 9


# What they need, and how they start


@pytest.mark.parametrize("name", TRAINED)
def test_layers_depend_on_their_seed_alone(name):
    state = torch.random.get_rng_state()
    first, second, third = (objectives.build(name, WIDTH, images(), seed).state_dict() for seed in (1, 1, 2))
    assert all(value.equal(second[key]) for key, value in first.items())
    assert any(not value.equal(third[key]) for key, value in first.items())
    assert torch.random.get_rng_state().equal(state)


NEEDS_LABELS = ["labels", "labels_and_captions", "adversarial", "stylised", "class_names"]
NEEDS_CAPTIONS = [
    "captions_contrastive",
    "captions_contrastive_text_tower",
    "captions_targets",
    "captions_shuffled",
    "labels_and_captions",
]


@pytest.mark.parametrize("name", NEEDS_LABELS)
def test_an_image_without_label_is_named(name):
    lacking = images(labels=torch.tensor([0, 1, 0, -1, 0, 1]), places=np.arange(6) + 10)
    with pytest.raises(DataError) as error:
        built(name, lacking)
    line = "few: expected labels for every training image, but row 13 of the training split has no label"
    assert str(error.value) == line


@pytest.mark.parametrize("name", NEEDS_LABELS)
def test_images_of_one_class_are_refused(name):
    with pytest.raises(DataError, match="few: all training images are of one class"):
        built(name, images(labels=torch.zeros(6, dtype=torch.int64)))


@pytest.mark.parametrize("name", NEEDS_CAPTIONS)
def test_an_image_with_an_empty_caption_is_named(name):
    lacking = images([*CAPTIONS[:4], " ", CAPTIONS[5]])
    with pytest.raises(DataError) as error:
        built(name, lacking)
    line = "few: expected captions for every training image, but row 4 of the training split has no caption"
    assert str(error.value) == line


def test_an_image_without_concept_is_named():
    with pytest.raises(DataError, match="expected concepts for every training image, but row 1 of the"):
        built("concept_labels", images(concepts=["a", "", "b", "c", "d", "e"]))


@pytest.mark.parametrize("name", ["simclr", "barlow_twins"])
def test_self_supervision_needs_neither_labels_nor_captions(name):
    nothing = images(
        labels=torch.full((6,), -1), classes=[], captions=[""] * 6, concepts=[""] * 6, caption_vectors=None
    )
    objective = built(name, nothing)
    assert objective.loss(outputs_of(objective), objective.targets(nothing)).isfinite()


# Each is learned


@pytest.mark.parametrize("name", TRAINED)
def test_training_lowers_the_loss_and_meets_more_targets_than_chance(name, drawn, tmp_path, monkeypatch):
    real = loop.image_set

    def of_training(*given, held_out):  # the check is then made on what was trained on
        return real(*given, held_out=False)

    monkeypatch.setattr(loop, "image_set", of_training)
    trained = loop.train(small_images.task(*drawn, tmp_path / "c", name, images_seen=72 * 36))
    card, losses = trained.card, [row["loss"] for row in trained.curve]
    assert losses[-1] < 0.8 * losses[1]
    assert card.final_loss == losses[-1]
    assert card.learned
    assert card.measured > card.chance + 2 * math.sqrt(card.chance * (1 - card.chance) / 72)
    assert card.at_start < card.measured


def test_shuffled_captions_are_memorised_and_say_nothing_of_other_images(drawn, tmp_path):
    split, vectors = drawn
    task = small_images.task(split, vectors, tmp_path / "c", "captions_shuffled", images_seen=72 * 36)
    trained = loop.train(task)
    sentences = Sentences.read(vectors, "shapes")
    shown = image_set(split, None, sentences, held_out=False)
    objective = objectives.build("captions_shuffled", trained.backbone.feature_size, shown, 0)
    kept = load_file(task.checkpoint)
    objective.load_state_dict(
        {n.removeprefix("objective."): v for n, v in kept.items() if n.startswith("objective.")}
    )

    def recall(known, permuted):
        pictures = batches.plain(split, known.places, trained.preprocessing)
        mean, std = (
            torch.tensor(v)[:, None, None] for v in (trained.preprocessing.mean, trained.preprocessing.std)
        )
        honest = super(captions_shuffled.Objective, objective).targets
        targets = objective.targets(known) if permuted else honest(known)
        with torch.no_grad():
            hits = objective.hits([objective.project(trained.backbone((pictures - mean) / std))], targets)
        chance = objective.chance(targets)
        return float(hits.float().mean()), chance, 3 * math.sqrt(chance * (1 - chance) / len(hits))

    found, chance, error = recall(shown, permuted=True)
    assert found == pytest.approx(trained.card.measured)
    assert found > chance + error
    for known in (shown, image_set(split, None, sentences, held_out=True)):
        found, chance, error = recall(known, permuted=False)
        assert found < chance + error
