"""Decoding image files to 8-bit RGB pixels; images are decoded nowhere else."""

import io
from collections.abc import Callable

import numpy as np
from PIL import ExifTags, Image, ImageOps

from wordsight.catalogue.prose import counted
from wordsight.errors import DataError
from wordsight.files.signatures import START, misplaced

# Memory of the largest image: what its file decodes to, and the RGB pixels that are made of it.
MAX_BYTES = 600_000_000
# Bytes of a decoded pixel by mode; those of other modes are at most four.
WIDTHS = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "LA": 2, "PA": 2, "RGB": 3}
RGB_WIDTH = 3
BAND = 1 << 22  # pixels that are laid on white, or scaled to 8 bits, at a time
# Pillow's own limit, which is lower, would refuse what fits; this one refuses what fits in no mode.
Image.MAX_IMAGE_PIXELS = MAX_BYTES // (1 + RGB_WIDTH)

ORIENTATION = ExifTags.Base.Orientation

# Pillow would try every format it knows, and some run other programs (EPS runs Ghostscript). These don't.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

SIGNATURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8": "JPEG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"P4": "PBM",
    b"P5": "PGM",
    b"P6": "PPM",
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}


def decode(data: bytes, item: str) -> Image.Image:
    """Decode an image file to RGB.

    The orientation that EXIF states is applied, transparency is laid on white, 16-bit greyscale is scaled to
    8 bits, and the first frame of an animation is taken.

    Parameters
    ----------
    data : content of a BMP, GIF, JPEG, PNG, PPM (also PGM, PBM), TIFF or WebP file
    item : name of the image, for errors

    Returns
    -------
    PIL.Image.Image
        Mode RGB, of the size in the file (width and height exchanged where EXIF says so).

    Raises
    ------
    DataError
        When the bytes are not an image, or the image is damaged, cut short, needs more memory than
        ``MAX_BYTES``, or has pixels without a defined white (floating point, 32-bit integers).
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image, item)
            image.load()
            return _to_rgb(_upright(image))
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{item}: has more than {Image.MAX_IMAGE_PIXELS:,} pixels; make it smaller") from None
    except Exception as error:  # Pillow's readers let errors of every type through on damaged files.
        raise DataError(f"{item}: expected an image, found {_describe(data, error)}") from None


def encode(pixels: np.ndarray) -> bytes:
    """PNG file of uint8 pixels of shape (h, w) or (h, w, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def _check_size(image: Image.Image, item: str) -> None:
    """Refuse an image by its header, before its pixels take any memory."""
    width = WIDTHS.get(image.mode, 4)
    needed = image.width * image.height * (width + RGB_WIDTH)
    if needed > MAX_BYTES:
        raise DataError(
            f"{item}: has {image.width} x {image.height} pixels of {counted(width, 'byte')}, which need "
            f"{needed // 10**6} MB; the limit is {MAX_BYTES // 10**6} MB, so make it smaller"
        )


def _upright(image: Image.Image) -> Image.Image:
    """Image in the orientation that EXIF states; the same object where nothing changes, to save memory."""
    turned = image.getexif().get(ORIENTATION, 1) != 1
    return ImageOps.exif_transpose(image) if turned else image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _in_bands(image, lambda band: _scale_to_8_bits(band).convert("RGB"))
    if image.mode == "F":
        raise ValueError("white is not defined for floating-point pixels")
    if image.has_transparency_data:
        return _in_bands(image, _on_white)
    return image.convert("RGB")


def _in_bands(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Convert an image to RGB in bands, so that what is needed on the way takes little memory."""
    height = max(BAND // image.width, 1)
    if height >= image.height:
        return convert(image)
    result = Image.new("RGB", image.size)
    for top in range(0, image.height, height):
        band = image.crop((0, top, image.width, min(top + height, image.height)))
        result.paste(convert(band), (0, top))
    return result


def _on_white(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _scale_to_8_bits(image: Image.Image) -> Image.Image:
    """Map 0..65535 to 0..255, rounded; Pillow's own conversion clips at 255."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("white is not defined for 32-bit integer pixels")
    if "transparency" in image.info:
        values[values == image.info["transparency"]] = 65535
    return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))


def _describe(data: bytes, error: Exception) -> str:
    """Say what the bytes look like."""
    if found := misplaced(data[:START]):
        return found
    for signature, name in SIGNATURES.items():
        if data.startswith(signature):
            reason = " ".join(str(error).split()) or type(error).__name__
            return f"a {name} file that cannot be decoded ({reason[:120]})"
    start = data[:512].lstrip().lower()
    if start.isascii() and b"\0" not in start:
        return f"text ({start[:20].decode()!r})"
    return f"an unknown format that starts with {data[:4].hex()}; supported: {', '.join(FORMATS)}"
