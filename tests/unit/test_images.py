"""Every kind of image becomes the RGB pixels that a viewer shows; what is no whole image is refused."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wordsight.errors import DataError
from wordsight.files.pixels import MAX_BYTES, decode, encode

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

RNG = np.random.default_rng(0)
NOISE = Image.fromarray(RNG.integers(0, 256, (24, 16, 3), dtype=np.uint8))


def saved(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def pixels(data):
    image = decode(data, "item")
    assert image.mode == "RGB"
    return np.asarray(image)


GREY, RGB, RGBA = 0, 2, 6  # colour types of PNG


def png_header(width, height, kind=RGB):
    """A PNG that ends after its header."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
        + chunk(b"IDAT", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_formats_keep_every_pixel(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(pixels(saved(NOISE, kind, **options)), np.asarray(NOISE))


def test_encode_is_undone_by_decode():
    grey = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
    np.testing.assert_array_equal(pixels(encode(grey)), np.repeat(grey[:, :, None], 3, axis=2))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_greyscale_is_scaled_and_not_clipped(kind):
    values = np.array([[0, 128, 129, 257, 32768, 65535]], dtype=np.uint16)
    found = pixels(saved(Image.fromarray(values), kind))
    np.testing.assert_array_equal(found[0, :, 0], [0, 0, 1, 1, 128, 255])


def test_16_bit_pgm_has_the_same_scale():
    data = b"P5 3 1 65535\n" + np.array([0, 32768, 65535], dtype=">u2").tobytes()
    np.testing.assert_array_equal(pixels(data)[0, :, 0], [0, 128, 255])


def test_16_bit_greyscale_with_a_transparent_level_is_laid_on_white():
    values = np.array([[0, 257, 514]], dtype=np.uint16)
    data = bytearray(saved(Image.fromarray(values)))
    level = struct.pack(">H", 257)
    chunk = struct.pack(">I", 2) + b"tRNS" + level + struct.pack(">I", zlib.crc32(b"tRNS" + level))
    data[33:33] = chunk  # The header chunk ends at byte 33.
    np.testing.assert_array_equal(pixels(bytes(data))[0, :, 0], [0, 255, 2])


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (0, 51), (204, 204, 204)),
        ("L", 7, (7, 7, 7)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_transparency_is_laid_on_white(mode, colour, expected):
    np.testing.assert_array_equal(pixels(saved(Image.new(mode, (1, 1), colour)))[0, 0], expected)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_the_transparent_colour_of_a_palette_is_white(kind):
    image = Image.new("P", (2, 1))
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.putdata([0, 1])
    found = pixels(saved(image, kind, transparency=0))
    np.testing.assert_array_equal(found[0], [[255, 255, 255], [0, 0, 200]])


def test_cmyk_becomes_rgb():
    found = pixels(saved(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG", quality=95))
    np.testing.assert_allclose(found[4, 4], (0, 255, 255), atol=6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_exif_is_applied(orientation):
    upright = np.asarray(NOISE)
    undo = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation](upright)))
    np.testing.assert_array_equal(pixels(saved(stored, exif=exif)), upright)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_of_an_animation_is_taken(kind):
    red, blue = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(red, kind, save_all=True, append_images=[blue], duration=50, **options)
    np.testing.assert_array_equal(pixels(data)[0, 0], (255, 0, 0))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "an HTML page"),
        (b"\n  <html>", "an HTML page"),
        (b"label,path\n1,a.png\n", "text ('label,path"),
        (b"PK\x03\x04\x00\x00", "an unknown format .*504b0304"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "text ('%!ps-adobe"),
        (saved(NOISE)[:60], "a PNG file that cannot be decoded"),
        (saved(NOISE, "JPEG")[:300], "a JPEG file that cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG file that cannot be decoded"),
        (saved(Image.new("F", (2, 2), 0.5), "TIFF"), "a TIFF file .*floating-point"),
        (saved(Image.new("I", (2, 2), 70_000), "TIFF"), "a TIFF file .*32-bit"),
    ],
)
def test_what_is_no_image_is_named_with_what_it_is(data, found):
    pattern = found if ".*" in found else found.replace("(", r"\(")
    with pytest.raises(DataError, match=f"^faces: 12: expected an image, found {pattern}") as caught:
        decode(data, "faces: 12")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["EPS", "TGA", "ICO", "PCX"])
def test_formats_beyond_the_listed_ones_are_not_tried(kind):
    """Reading EPS would start another program."""
    with pytest.raises(DataError, match=r"found (text|an unknown format)"):
        decode(saved(NOISE, kind), "item")


@pytest.mark.parametrize(
    ("width", "height", "kind", "words"),
    [
        (10_001, 10_000, RGB, "3 bytes, which need 600 MB; the limit is 600 MB"),
        (100_000, 1_001, RGB, "100000 x 1001 pixels"),
        (10_000, 8_572, RGBA, "4 bytes, which need 600 MB"),
        (10_000, 10_000, RGBA, "4 bytes, which need 700 MB"),
        (10_000, 15_001, GREY, "pixels"),
        (60_000, 60_000, GREY, "pixels"),
        (60_000, 60_000, RGB, "pixels"),
    ],
)
def test_what_needs_too_much_memory_is_refused_before_decoding(width, height, kind, words):
    """By bytes: pixels with transparency need more of them than others."""
    with pytest.raises(DataError, match=f"^bomb: has .*{words}.* make it smaller"):
        decode(png_header(width, height, kind), "bomb")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16", "P"])
def test_bands_give_the_same_pixels_as_the_whole(monkeypatch, mode):
    rng = np.random.default_rng(0)
    shape = {"RGBA": (37, 23, 4), "LA": (37, 23, 2)}.get(mode, (37, 23))
    kind = np.uint16 if mode == "I;16" else np.uint8
    image = Image.fromarray(rng.integers(0, np.iinfo(kind).max, shape, dtype=kind))
    options = {"transparency": 7} if mode in ("I;16", "P") else {}
    if mode == "P":
        image = image.convert("P")
    data = saved(image, **options)
    whole = pixels(data)
    monkeypatch.setattr("wordsight.files.pixels.BAND", 5 * 23)
    np.testing.assert_array_equal(pixels(data), whole)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16"])
def test_the_largest_image_takes_the_memory_that_it_was_counted_with(tmp_path, mode):
    """A quarter of the limit, since making it takes a while."""
    side = {"RGB": 5000, "RGBA": 4629, "I;16": 5477}[mode]
    Image.new(mode, (side, side), 1).save(tmp_path / "a.png", compress_level=1)
    code = (
        "import resource, sys; from wordsight.files.pixels import decode\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "data = open(sys.argv[1], 'rb').read(); before = peak()\n"
        "decode(data, 'a'); print(peak() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a.png"],
        capture_output=True, text=True, check=True, cwd=SCRIPTS,
    )  # fmt: skip
    assert int(done.stdout) * 1024 < MAX_BYTES / 4 + 150e6


def test_what_pillow_only_warns_of_is_accepted():
    data = saved(Image.new("1", (10_000, 9_000)))
    assert decode(data, "large").size == (10_000, 9_000)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM", "TIFF"])
def test_a_cut_file_is_refused_unless_only_its_trailer_is_missing(kind):
    data = saved(NOISE, kind)
    whole = pixels(data)
    refused = 0
    for size in range(len(data)):
        try:
            found = pixels(data[:size])
        except DataError:
            refused += 1
        else:
            np.testing.assert_array_equal(found, whole)
    assert refused >= 0.9 * len(data)
