"""Whatever the bytes, decoding gives RGB pixels or a DataError of one line."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wordsight.errors import DataError
from wordsight.files.pixels import FORMATS, decode

STARTS = [
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"BM",
    b"RIFF\0\0\0\0WEBPVP8 ",
    b"II*\0",
    b"MM\0*",
    b"P5 ",
    b"P6 9 9 255\n",
]
MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"],
    "JPEG": ["L", "RGB", "CMYK", "YCbCr"],
    "GIF": ["L", "P", "RGB"],
    "BMP": ["1", "L", "P", "RGB"],
    "PPM": ["1", "L", "RGB", "I;16"],
    "WEBP": ["L", "RGB", "RGBA"],
}


def outcome(data):
    """Size of the decoded image, or None when it is refused in one line that names the item."""
    try:
        image = decode(data, "item-7")
    except DataError as error:
        message = str(error)
    else:
        assert image.mode == "RGB"
        assert np.asarray(image).shape == (image.height, image.width, 3)
        return image.size
    assert message.startswith("item-7: ")
    assert "\n" not in message
    return None


def sample(mode, width, height, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    if mode == "I;16":
        return Image.fromarray(pixels[:, :, :2].copy().view(np.uint16)[:, :, 0])
    return (
        Image.fromarray(pixels, "RGBA").convert(mode)
        if mode != "YCbCr"
        else Image.fromarray(pixels[:, :, :3]).convert(mode)
    )


@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_random_bytes_raise_nothing_but_data_errors(start, rest):
    outcome(start + rest)


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(
    kind=st.sampled_from(FORMATS),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8),
)
@settings(max_examples=300, deadline=None)
def test_damaged_files_raise_nothing_but_data_errors(kind, changes):
    buffer = io.BytesIO()
    sample("RGB", 9, 7, 0).save(buffer, format=kind)
    data = bytearray(buffer.getvalue())
    for place, value in changes:
        data[place % len(data)] = value
    outcome(bytes(data))


@given(
    kind_mode=st.sampled_from([(kind, mode) for kind, modes in MODES.items() for mode in modes]),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    seed=st.integers(0, 1000),
)
@settings(max_examples=300, deadline=None)
def test_every_mode_and_size_becomes_rgb_of_that_size(kind_mode, width, height, seed):
    kind, mode = kind_mode
    buffer = io.BytesIO()
    sample(mode, width, height, seed).save(buffer, format=kind)
    assert outcome(buffer.getvalue()) == (width, height)
