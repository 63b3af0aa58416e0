"""From plans to pixels: every image once an epoch, held-out ones never, and the same out of memory and file."""

import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import small_images
from wordsight.errors import ConfigError, DataError
from wordsight.files.pixels import decode
from wordsight.models.preprocessing import resize_and_crop, to_tensor
from wordsight.pretraining import augmentation, batches
from wordsight.pretraining.image_set import groups, image_set
from wordsight.pretraining.sentences import Sentences

SECTION = small_images.section(batch_size=12)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Training split in row groups of 10 images."""
    return small_images.write(tmp_path_factory.mktemp("drawn") / "shapes", row_group=10)


@pytest.fixture(scope="module")
def places(split):
    return image_set(split, None, None, held_out=False).places


@pytest.fixture(scope="module", params=["memory", "file"])
def pixels(request, split, places):
    if request.param == "memory":
        return batches.MemoryPixels(split, places, SECTION.resolution)
    return batches.FilePixels(split, SECTION.resolution)


def planned(places, pixels, section=SECTION, seed=5, epoch=0, views=1):
    return list(batches.plans(places, pixels, section, seed, epoch, views))


def order_of(plans):
    return np.concatenate([plan.places for plan in plans]).tolist()


# Plans


def test_every_training_image_is_seen_once_an_epoch_and_no_held_out_one(split, places, pixels):
    for epoch in range(3):
        seen = order_of(planned(places, pixels, epoch=epoch))
        assert sorted(seen) == places.tolist()
        assert not split.held_out[seen].any()
        held_out = {split.concepts[place] for place in np.flatnonzero(split.held_out)}
        assert held_out.isdisjoint(split.concepts[place] for place in seen)


def test_epochs_and_seeds_have_orders_of_their_own_and_objectives_have_not(places, pixels):
    first = planned(places, pixels)
    assert order_of(planned(places, pixels, epoch=1)) != order_of(first)
    assert order_of(planned(places, pixels, seed=6)) != order_of(first)
    assert order_of(first) != sorted(order_of(first))
    for one, two in zip(first, planned(places, pixels, views=2), strict=True):
        assert one.places.tolist() == two.places.tolist()
        assert one.views[0].boxes.equal(two.views[0].boxes)
        assert not two.views[0].boxes.equal(two.views[1].boxes)


def test_every_step_of_every_epoch_has_views_of_its_own(places, pixels):
    plans = [plan for epoch in range(3) for plan in planned(places, pixels, epoch=epoch, views=2)]
    drawn = {tuple(view.boxes.ravel().tolist()) for plan in plans for view in plan.views}
    assert len(drawn) == 3 * 6 * 2


def test_images_too_few_for_a_batch_are_left_out_and_others_the_next_time(places, pixels):
    section = small_images.section(batch_size=16)
    epochs = [order_of(planned(places, pixels, section, epoch=epoch)) for epoch in range(4)]
    assert all(len(set(seen)) == len(seen) == 64 for seen in epochs)
    assert set().union(*epochs) == set(places.tolist())


def test_out_of_a_file_a_few_row_groups_at_a_time_are_shuffled(split, places, monkeypatch):
    monkeypatch.setattr(batches, "GROUPS_AT_ONCE", 2)
    pixels = batches.FilePixels(split, SECTION.resolution)
    plans = planned(places, pixels)
    seen = [place // 10 for place in order_of(plans)]
    windows = list(dict.fromkeys(seen))  # groups in the order in which they begin
    assert sorted(windows) == list(range(10))
    assert windows != sorted(windows)
    for start in range(0, 10, 2):
        pair = windows[start : start + 2]
        length = sum(group in pair for group in (place // 10 for place in places))
        part, seen = seen[:length], seen[length:]
        assert sorted(set(part)) == sorted(pair)
        assert part != sorted(part)  # within the two, they are mixed
        assert part != sorted(part, reverse=True)
    for plan in plans:
        pixels.load(plan)
        assert len(pixels._groups) <= 2


def digests(split, places, views, seed, epochs=(0, 1)):
    """What the first view of each batch shows, as the training loop makes it."""
    pixels = batches.MemoryPixels(split, places, SECTION.resolution)
    found = []
    for epoch in epochs:
        for plan in planned(places, pixels, seed=seed, epoch=epoch, views=views):
            seen = augmentation.recolour(pixels.load(plan)[0], plan.views[0])
            found.append(hashlib.sha256(seen.numpy().tobytes()).hexdigest())
    return found


def test_objectives_of_one_and_of_two_views_see_the_same_pictures_first(split, places):
    labels, simclr = (digests(split, places, views, seed=5) for views in (1, 2))
    assert len(labels) == 12
    assert labels == simclr
    assert set(labels).isdisjoint(digests(split, places, 1, seed=6))
    assert set(labels[:6]).isdisjoint(labels[6:])


# Pixels


def whole(places, flips=False):
    """A plan that shows whole pictures."""
    count = len(places)
    drawn = augmentation.draw(count, SECTION.augmentation, 0)
    boxes = torch.tensor([[0.5, 0.5, 1.0, 1.0]]).repeat(count, 1)
    view = replace(drawn, boxes=boxes, flips=torch.full((count,), flips))
    return batches.Plan(np.asarray(places), [view])


def test_a_whole_picture_is_the_picture(split, places, pixels):
    chosen = places[[30, 4, 41]]
    pictures = dict(enumerate(image for _, image in split.images()))
    small = [pictures[p].resize((16, 16), Image.Resampling.BICUBIC) for p in chosen]
    expected = torch.stack([to_tensor(picture) for picture in small])
    for flips in (False, True):
        (seen,) = pixels.load(whole(chosen, flips))
        wanted = expected.flip(3) if flips else expected
        assert seen.shape == (3, 3, 16, 16)
        assert float((seen - wanted).abs().mean()) < 0.01


def assert_alike(split, places):
    """Crops out of memory and out of the file differ by how they are sharpened, and by nothing more."""
    memory, file = batches.MemoryPixels(split, places, 16), batches.FilePixels(split, 16)
    for plan in planned(places, memory, views=2):
        for one, two in zip(memory.load(plan), file.load(plan), strict=True):
            assert one.shape == two.shape
            assert min(one.min(), two.min()) >= 0
            assert max(one.max(), two.max()) <= 1
            apart = (one - two).abs().mean(dim=(1, 2, 3))
            others = (one - two.roll(1, dims=0)).abs().mean(dim=(1, 2, 3))
            assert float(apart.max()) < 0.04
            assert float(others.mean()) > 0.08


def test_crops_out_of_the_file_are_those_out_of_memory(split, places):
    assert_alike(split, places)


def oblong(data, width, height):
    """The picture with wide bands of two colours beside or above it."""
    image = Image.new("RGB", (width, height), (250, 120, 0))
    image.paste((0, 120, 250), (0, 0, width // 2, height // 2))
    image.paste(decode(data, ""), ((width - 24) // 2, (height - 24) // 2))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(("width", "height"), [(48, 24), (24, 60)])
def test_crops_of_oblong_pictures_are_of_the_same_square(width, height, tmp_path):
    def change(item):
        return replace(item, read=lambda: oblong(item.read(), width, height))

    split = small_images.write(tmp_path / "shapes", change, row_group=10)
    assert_alike(split, image_set(split, None, None, held_out=False).places)


def test_an_evaluation_sees_pictures_as_an_encoder_does(split, places):
    preprocessing = small_images.preprocessing()
    pictures = dict(enumerate(image for _, image in split.images()))
    expected = [to_tensor(resize_and_crop(pictures[place], preprocessing)) for place in places[:5]]
    assert batches.plain(split, places[:5], preprocessing).equal(torch.stack(expected))


def test_workers_load_the_same_batches_in_the_same_order(places, pixels):
    plans = planned(places, pixels, views=2)
    here, elsewhere = (list(batches.load_all(pixels, plans, workers)) for workers in (0, 2))
    assert len(here) == len(elsewhere) == 6
    for (plan, one), (same, two), expected in zip(here, elsewhere, plans, strict=True):
        assert plan is same is expected
        assert all(a.equal(b) for a, b in zip(one, two, strict=True))


def test_pixels_stay_in_the_file_where_they_exceed_the_memory(split, places):
    # 72 pictures of 3 * 24^2 bytes are 0.12 MB; with 3 * 96^2 bytes, they are 1.99 MB.
    for resolution, memory_mb, kind in (
        (16, 1, batches.MemoryPixels),
        (64, 2, batches.MemoryPixels),
        (64, 1, batches.FilePixels),
    ):
        section = small_images.section(resolution=resolution, memory_mb=memory_mb)
        assert type(batches.open_pixels(split, places, section)) is kind


# Which images


def test_images_are_those_to_train_on_or_those_held_out(split):
    parts = [image_set(split, None, None, held_out=held_out) for held_out in (False, True)]
    assert [len(part) for part in parts] == [72, 24]
    assert sorted(np.concatenate([part.places for part in parts]).tolist()) == list(range(96))
    for part in parts:
        assert part.captions == [split.captions[place] for place in part.places]
        assert part.concepts == [split.concepts[place] for place in part.places]
        assert part.labels.tolist() == split.labels[part.places].tolist()
        assert part.caption_vectors is None


def test_styles_are_kept_that_are_named(split):
    outline = image_set(split, ["outline"], None, held_out=False)
    assert len(outline) == 36
    assert {split.styles[place] for place in outline.places} == {"outline"}
    assert len(image_set(split, ["outline", "filled"], None, held_out=False)) == 72


def test_an_unknown_style_is_named_beside_those_that_there_are(split):
    with pytest.raises(ConfigError) as error:
        image_set(split, ["filled", "etched"], None, held_out=False)
    assert str(error.value) == (
        "config: pretraining.styles: shapes has no style 'etched' to train on; valid: filled, outline"
    )


def test_images_that_are_all_for_training_leave_none_to_check_by(tmp_path):
    split = small_images.write(tmp_path / "shapes", lambda item: replace(item, held_out=False))
    with pytest.raises(DataError, match="shapes: there are no images that are held out of training"):
        image_set(split, None, None, held_out=True)


def test_vectors_are_those_of_each_images_caption(split, tmp_path):
    path = small_images.write_vectors(tmp_path / "vectors.safetensors", split)
    images = image_set(split, None, Sentences.read(path, "shapes"), held_out=False)
    by_caption = {}
    for caption, vector in zip(images.captions, images.sentence_vectors, strict=True):
        assert by_caption.setdefault(caption, vector).equal(vector)
    assert len({tuple(vector.tolist()) for vector in by_caption.values()}) == 36
    assert images.class_sentence_vectors.shape == (4, 32)
    assert groups(images.captions).tolist() == [sorted(by_caption).index(text) for text in images.captions]
