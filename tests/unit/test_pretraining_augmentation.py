"""Random views: their numbers, the crops against torchvision and by hand, the colours against torchvision."""

from dataclasses import replace

import pytest
import torch
import torchvision.transforms.functional as tv

from wordsight.config.pretraining import AugmentationSection
from wordsight.pretraining import augmentation
from wordsight.pretraining.augmentation import View

MANY = 4000


def view(count, **changes):
    """A view that changes nothing, apart from what is given."""
    values = {
        "boxes": torch.tensor([[0.5, 0.5, 1.0, 1.0]]).repeat(count, 1),
        "flips": torch.zeros(count, dtype=torch.bool),
        "brightness": torch.ones(count),
        "contrast": torch.ones(count),
        "saturation": torch.ones(count),
        "grey": torch.zeros(count, dtype=torch.bool),
    }
    return View(**{**values, **changes})


def pictures(count=3, side=12, seed=0):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


# The numbers


def test_numbers_stay_within_what_is_configured_and_use_all_of_it():
    section = AugmentationSection(
        smallest_crop=0.3, brightness=0.4, contrast=0.2, saturation=0.1, greyscale=0.25
    )
    drawn = augmentation.draw(MANY, section, seed=3)
    for name, strength in (("brightness", 0.4), ("contrast", 0.2), ("saturation", 0.1)):
        values = getattr(drawn, name)
        assert values.min() == pytest.approx(1 - strength, abs=0.01)
        assert values.max() == pytest.approx(1 + strength, abs=0.01)
        assert (values - 1).abs().max() <= strength + 1e-6
    assert float(drawn.grey.float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float(drawn.flips.float().mean()) == pytest.approx(0.5, abs=0.03)
    x, y, w, h = drawn.boxes.unbind(dim=1)
    assert ((w / h).log().abs() <= augmentation.ASPECT + 1e-5).all()
    whole = (w < 1) & (h < 1)
    assert (w * h)[whole].min() == pytest.approx(0.3, abs=0.01)
    assert (w * h).max() == pytest.approx(1, abs=0.01)
    assert float((w * h < 0.65).float().mean()) == pytest.approx(0.5, abs=0.03)  # uniform in the area
    for centre, size in ((x, w), (y, h)):
        assert (centre - size / 2).min() >= -1e-6
        assert (centre + size / 2).max() <= 1 + 1e-6
        room = size < 0.8
        assert float(((centre - size / 2) / (1 - size))[room].mean()) == pytest.approx(0.5, abs=0.03)


def test_numbers_of_different_kinds_have_nothing_to_do_with_each_other():
    drawn = augmentation.draw(MANY, AugmentationSection(greyscale=0.5), seed=1)
    columns = [drawn.flips, drawn.grey, drawn.brightness, drawn.contrast, drawn.saturation, *drawn.boxes.T]
    correlations = torch.corrcoef(torch.stack([column.float() for column in columns]))
    alone = correlations - torch.eye(len(columns))
    alone[7:, 7:] = 0  # width and height of a crop share its area
    assert alone.abs().max() < 0.06


def test_a_section_that_changes_nothing_draws_a_view_that_changes_nothing():
    section = AugmentationSection(
        smallest_crop=1, flip=False, brightness=0, contrast=0, saturation=0, greyscale=0
    )
    drawn = augmentation.draw(5, section, seed=9)
    assert not drawn.flips.any()
    images = pictures(5)
    torch.testing.assert_close(augmentation.recolour(images, drawn), images, atol=1e-6, rtol=0)
    # Of the whole picture, the aspect ratio alone is drawn.
    assert (drawn.boxes[:, 2:].amax(dim=1) > 1 - 1e-6).all()


def test_a_seed_gives_one_view_and_another_seed_another():
    first, same, other = (augmentation.draw(6, AugmentationSection(), seed) for seed in (7, 7, 8))
    assert all(value.equal(getattr(same, name)) for name, value in vars(first).items())
    assert not any(getattr(first, name).equal(getattr(other, name)) for name in ("boxes", "brightness"))


def test_drawing_leaves_the_global_generator_alone():
    state = torch.random.get_rng_state()
    augmentation.draw(6, AugmentationSection(), 7)
    assert torch.random.get_rng_state().equal(state)


def test_a_part_of_a_view_is_the_view_of_a_part():
    drawn, images = augmentation.draw(6, AugmentationSection(), seed=2), pictures(6)
    part = slice(2, 5)
    for change in (lambda i, v: augmentation.crop(i, v, 8), augmentation.recolour):
        assert change(images[part], drawn[part]).equal(change(images, drawn)[part])


# The crops


def test_the_whole_picture_at_its_size_is_itself_and_flipped_it_is_mirrored():
    images = pictures(2)
    seen = augmentation.crop(images, view(2, flips=torch.tensor([False, True])), 12)
    torch.testing.assert_close(seen[0], images[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[1], images[1].flip(2), atol=1e-5, rtol=0)


def test_a_box_of_twice_the_size_is_the_mean_of_four_pixels():
    # Columns 4 to 12 and rows 2 to 10 of 12 pixels, to 4 x 4: the centre of a new pixel is a corner of old ones.
    images = pictures(1)
    box = torch.tensor([[8 / 12, 6 / 12, 8 / 12, 8 / 12]])
    expected = torch.nn.functional.avg_pool2d(images[:, :, 2:10, 4:12], 2)
    torch.testing.assert_close(augmentation.crop(images, view(1, boxes=box), 4), expected, atol=1e-5, rtol=0)


def test_enlarged_crops_are_those_of_torchvision_within_the_box():
    images = pictures(1, side=16)
    box = torch.tensor([[9 / 16, 7 / 16, 8 / 16, 6 / 16]])  # columns 5 to 13, rows 4 to 10
    seen = augmentation.crop(images, view(1, boxes=box), 24)
    expected = tv.resized_crop(images, top=4, left=5, height=6, width=8, size=[24, 24], antialias=False)
    inner = (..., slice(2, -2), slice(2, -2))  # beyond, torchvision repeats the box's edge
    torch.testing.assert_close(seen[inner], expected[inner], atol=1e-5, rtol=0)


def test_each_picture_has_its_own_crop():
    images = pictures(1).repeat(2, 1, 1, 1)
    boxes = torch.tensor([[0.25, 0.25, 0.5, 0.5], [0.75, 0.25, 0.5, 0.5]])
    left, right = augmentation.crop(images, view(2, boxes=boxes), 6)
    torch.testing.assert_close(left, images[0, :, :6, :6], atol=1e-5, rtol=0)
    torch.testing.assert_close(right, images[0, :, :6, 6:], atol=1e-5, rtol=0)


def test_crops_are_those_of_affine_grid(monkeypatch):
    drawn, images = augmentation.draw(64, AugmentationSection(), seed=3), pictures(64)
    seen = augmentation.crop(images, drawn, 12)

    def grid(view, size):
        x, y, w, h = view.boxes.unbind(dim=1)
        none = torch.zeros_like(x)
        across, down = [torch.where(view.flips, -w, w), none, 2 * x - 1], [none, h, 2 * y - 1]
        matrix = torch.stack([torch.stack(across, dim=1), torch.stack(down, dim=1)], dim=1)
        return torch.nn.functional.affine_grid(matrix, [len(x), 3, size, size], align_corners=False)

    monkeypatch.setattr(augmentation, "_grid", grid)
    torch.testing.assert_close(augmentation.crop(images, drawn, 12), seen, atol=1e-5, rtol=0)


# The colours


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.5])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_a_change_of_colour_is_that_of_torchvision(name, factor):
    images = pictures(2)
    seen = augmentation.recolour(images, view(2, **{name: torch.tensor([factor, 1.0])}))
    expected = getattr(tv, f"adjust_{name}")(images[:1], factor)
    torch.testing.assert_close(seen[:1], expected, atol=1e-3, rtol=0)  # its weight of red is 0.2989
    torch.testing.assert_close(seen[1], images[1], atol=1e-6, rtol=0)


def test_a_picture_without_colour_is_its_luma_whatever_its_saturation():
    images = pictures(2)
    plain = view(2, grey=torch.tensor([True, False]))
    for given in (plain, replace(plain, saturation=torch.tensor([1.7, 1.0]))):
        seen = augmentation.recolour(images, given)
        luma = 0.299 * images[0, 0] + 0.587 * images[0, 1] + 0.114 * images[0, 2]
        torch.testing.assert_close(seen[0], luma.expand(3, -1, -1), atol=1e-6, rtol=0)
        torch.testing.assert_close(seen[1], images[1], atol=1e-6, rtol=0)
