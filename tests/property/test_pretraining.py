"""What holds for any captions, any view, any number of images, and any damage to a checkpoint."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import small_images
from wordsight.config.pretraining import AugmentationSection
from wordsight.pretraining import augmentation, batches, loop, objectives, saved_state
from wordsight.pretraining.distributed import World
from wordsight.pretraining.image_set import ImageSet, groups
from wordsight.pretraining.objectives.stylised import randomly_convolved
from wordsight.pretraining.vocabulary import MAX_LENGTH, PADDING, UNKNOWN, Vocabulary, words

SHARES = st.floats(0, 0.95)
SECTIONS = st.builds(
    AugmentationSection,
    smallest_crop=st.floats(0.01, 1),
    flip=st.booleans(),
    brightness=SHARES,
    contrast=SHARES,
    saturation=SHARES,
    greyscale=st.floats(0, 1),
)
CAPTIONS = st.lists(st.text(max_size=40) | st.sampled_from(["a cat", "A dog's day", "cat"]), max_size=8)


@given(captions=CAPTIONS, others=CAPTIONS, mixed=st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_any_caption_becomes_numbers_in_range_with_padding_at_the_end_alone(captions, others, mixed):
    vocabulary = Vocabulary.of(captions)
    shuffled = mixed.sample(captions, len(captions))
    assert Vocabulary.of(shuffled + captions) == vocabulary
    assert sorted(vocabulary.index.values()) == list(range(UNKNOWN + 1, vocabulary.size))
    assert 1 <= vocabulary.longest <= MAX_LENGTH
    rows = vocabulary.numbers(captions + others)
    assert rows.shape == (len(captions) + len(others), vocabulary.longest)
    for row, caption in zip(rows.tolist(), captions + others, strict=True):
        length = min(max(1, len(words(caption))), vocabulary.longest)
        assert PADDING not in row[:length]
        assert row[length:] == [PADDING] * (vocabulary.longest - length)
        assert max(row) < vocabulary.size
        known = {number: word for word, number in vocabulary.index.items()}
        read = words(caption)[:length]
        assert all(n == UNKNOWN or known[n] == word for n, word in zip(row, read, strict=False))


@given(names=CAPTIONS)
@settings(max_examples=100, deadline=None)
def test_groups_are_equal_for_equal_names_alone(names):
    numbers = groups(names).tolist()
    assert all(
        (a == b) == (m == n)
        for a, m in zip(names, numbers, strict=True)
        for b, n in zip(names, numbers, strict=True)
    )
    assert set(numbers) == set(range(len(set(names))))


@given(section=SECTIONS, seed=st.integers(0, 2**32 - 1), count=st.integers(1, 6), size=st.integers(1, 12))
@settings(max_examples=200, deadline=None)
def test_any_view_is_of_the_picture_and_stays_in_range(section, seed, count, size):
    drawn = augmentation.draw(count, section, seed)
    centres, sides = drawn.boxes.split(2, dim=1)
    assert (sides > 0).all()
    assert (centres - sides / 2).min() >= -1e-6
    assert (centres + sides / 2).max() <= 1 + 1e-6
    pictures = torch.rand(count, 3, 9, 9, generator=torch.Generator().manual_seed(seed))
    seen = augmentation.crop(pictures, drawn, size)
    assert seen.shape == (count, 3, size, size)
    lowest, highest = pictures.amin(dim=(2, 3)), pictures.amax(dim=(2, 3))
    assert (seen.amin(dim=(2, 3)) >= lowest - 1e-6).all()
    assert (seen.amax(dim=(2, 3)) <= highest + 1e-6).all()
    coloured = augmentation.recolour(seen, drawn)
    assert coloured.min() >= 0
    assert coloured.max() <= 1
    if drawn.grey.any():
        assert (coloured[drawn.grey].std(dim=1) < 1e-5).all()


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 4), side=st.integers(1, 9), flat=st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_random_convolution_stays_in_range(seed, count, side, flat):
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.rand(count, 3, *([1, 1] if flat else [side, side]), generator=generator)
    seen = randomly_convolved(pictures.expand(count, 3, side, side), generator)
    assert seen.isfinite().all()
    assert seen.min() >= 0
    assert seen.max() <= 1 + 1e-6


@given(
    chosen=st.sets(st.integers(0, 120), min_size=4),
    group=st.integers(1, 50),
    batch=st.integers(2, 20),
    file=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=200, deadline=None)
def test_any_images_are_seen_once_an_epoch_at_most_and_all_but_less_than_a_batch(
    chosen, group, batch, file, seed
):
    places = np.array(sorted(chosen))
    kind = batches.FilePixels if file else batches.MemoryPixels
    pixels = kind.__new__(kind)
    pixels.starts = np.array([*range(0, 121, group), 121])
    section = small_images.section(batch_size=batch)
    seen = [plan.places for plan in batches.plans(places, pixels, section, seed, 0, 1)]
    assert [len(part) for part in seen] == [batch] * (len(places) // batch)
    flat = np.concatenate([*seen, []]).tolist()
    assert len(set(flat)) == len(flat)
    assert set(flat) <= chosen


@given(size=st.integers(1, 8), part=st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_processes_share_a_batch_without_rest(size, part):
    rows = np.arange(size * part)
    shares = [rows[World(rank, size).share(len(rows))] for rank in range(size)]
    assert np.concatenate(shares).tolist() == rows.tolist()
    assert {len(share) for share in shares} == {part}


@given(steps=st.integers(1, 300), warmup=st.floats(0, 0.99))
@settings(max_examples=100, deadline=None)
def test_the_learning_rate_rises_to_its_peak_and_falls_to_almost_nothing(steps, warmup):
    factors = [loop.schedule(step, steps, warmup) for step in range(steps)]
    top = int(np.argmax(factors))
    assert all(0 < factor <= 1 for factor in factors)
    assert max(factors) == pytest.approx(1)
    assert np.all(np.diff(factors[: top + 1]) > 0)
    assert np.all(np.diff(factors[top + 1 :]) < 0)
    assert top + 1 >= max(1, round(warmup * steps))


@given(
    captions=st.lists(
        st.sampled_from(["red bar", "blue bar", "red dot", "blue dot", "odd"]), min_size=4, max_size=9
    ),
    name=st.sampled_from(["captions_contrastive", "captions_contrastive_text_tower", "captions_shuffled"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_a_contrastive_loss_does_not_depend_on_the_order_of_a_batch(captions, name, seed):
    # What can't be shuffled is refused: all images of a class have the same caption.
    assume(name != "captions_shuffled" or len(set(captions)) > 1)
    generator = torch.Generator().manual_seed(seed)
    vectors = {caption: torch.randn(5, generator=generator) for caption in sorted(set(captions))}
    images = ImageSet(
        "few", np.arange(len(captions)), torch.zeros(len(captions), dtype=torch.int64), [], captions, captions,
        torch.stack([vectors[caption] for caption in captions]),
    )  # fmt: skip
    objective = objectives.build(name, 6, images, seed)
    outputs = objective.project(torch.randn(len(captions), 6, generator=generator))
    targets = objective.targets(images)
    order = torch.randperm(len(captions), generator=generator)
    with torch.no_grad():
        loss = float(objective.loss([outputs], targets))
        mixed = float(objective.loss([outputs[order]], tuple(target[order] for target in targets)))
    hits, mixed_hits = (
        objective.hits([outputs], targets),
        objective.hits([outputs[order]], tuple(target[order] for target in targets)),
    )
    entropies = [math.log(captions.count(caption)) for caption in captions]
    assert mixed == pytest.approx(loss, rel=1e-4)
    assert name == "captions_shuffled" or loss >= np.mean(entropies) - 1e-4
    assert mixed_hits.equal(hits[order])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Bytes of a checkpoint, its path, and what is to be restored."""
    path = tmp_path_factory.mktemp("checkpoint") / "c.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        modules = {name: torch.nn.Linear(3, 2) for name in ("backbone", "objective")}
    parameters = [p for module in modules.values() for p in module.parameters()]
    optimiser = torch.optim.AdamW(parameters)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    saved_state.write(path, modules, optimiser, [{"epoch": 0, "loss": None}, {"epoch": 1, "loss": 0.5}], "f")
    return SimpleNamespace(path=path, data=path.read_bytes(), modules=modules)


def restored(written, data):
    """Curve, or None, from such bytes; the modules and the optimiser that were to take over the state."""
    written.path.write_bytes(data)
    modules = {name: torch.nn.Linear(3, 2) for name in written.modules}
    for module in modules.values():
        torch.nn.init.constant_(module.weight, 7.0)
    optimiser = torch.optim.AdamW([p for module in modules.values() for p in module.parameters()])
    return saved_state.restore(written.path, modules, optimiser, "f"), modules, optimiser


def assert_taken_over(written, curve, modules):
    assert curve == [{"epoch": 0, "loss": None}, {"epoch": 1, "loss": 0.5}]
    for name, module in modules.items():
        assert all(v.equal(written.modules[name].state_dict()[k]) for k, v in module.state_dict().items())


@given(place=st.integers(0, 10**6), value=st.integers(1, 255), cut=st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_checkpoint_that_lost_or_changed_a_byte_is_left_alone(written, place, value, cut):
    place %= len(written.data)
    data = bytearray(written.data)
    data[place] ^= value
    curve, modules, optimiser = restored(written, written.data[:place] if cut else bytes(data))
    if curve is not None:  # such as another space at the end of the header
        assert_taken_over(written, curve, modules)
        return
    assert all((module.weight == 7).all() for module in modules.values())
    assert not optimiser.state


def test_a_whole_checkpoint_is_taken_over(written):
    curve, modules, optimiser = restored(written, written.data)
    assert_taken_over(written, curve, modules)
    assert len(optimiser.state) == 4
