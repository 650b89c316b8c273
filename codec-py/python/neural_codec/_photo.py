"""Photos as arrays: pictures of numpy, Pillow and torch as `encode` takes them, and decoded photos."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _native
from ._frames import Array, as_array, is_array
from ._library import suggest_libraries
from ._settings import decoding_of
from ._sources import read_some
from .errors import InvalidArgument, InvalidType, NeuralCodecError, naming
from .records import Lost

# Modes of Pillow that are taken as they are, and what others become without a loss.
_AS_THEY_ARE = ("L", "LA", "RGB", "RGBA", "I;16", "I;16L", "I;16B")
_BECOME = {"1": "L", "P": "RGB", "PA": "RGBA", "La": "LA", "RGBa": "RGBA"}
_EXIF = b"Exif\0\0"
_TEN_BITS = 1023


@dataclass(frozen=True, eq=False)
class PictureArray:
    """A picture on its way to the native module."""

    samples: Array
    """`(height, width, channels)`, contiguous, of uint8 or uint16."""
    tags: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    """ICC, EXIF and XMP."""

    def notes(self) -> list[str]:
        """What a person should know."""
        if self.samples.dtype != np.uint16 or int(self.samples.max()) > _TEN_BITS:
            return []
        return [
            f"No sample is above {_TEN_BITS} of 65535, so that the picture is nearly black; if samples have 10 bits in the low bits, shift them left by 6."
        ]


@dataclass(frozen=True, eq=False)
class DecodedPhoto:
    """A decoded photo."""

    image: Array = field(repr=False)
    """`(height, width, 3)`, or with opacity `(height, width, 4)`: uint8, or uint16 that fills all 16 bits."""
    icc: bytes = field(repr=False)
    """ICC profile; empty where there is none, here and below."""
    exif: bytes = field(repr=False)
    """EXIF from its TIFF header on; the picture is upright, whatever it says."""
    xmp: bytes = field(repr=False)
    """XMP packet."""
    lost: list[Lost]
    """What of the file is not here."""


def decode_photo(source: Any, *, threads: int = 0, limits: Mapping[str, int] | None = None) -> DecodedPhoto:
    """Decodes one picture into an array, with its opacity, profile, EXIF and XMP.

    `source`: the path of a `.nvc` photo or of a picture file, or bytes or a binary file object of a `.nvc` photo. `limits`: what it may ask
    for, as for `Decoder`.
    """
    decoding = decoding_of(threads=threads, limits=limits)
    suggest_libraries()
    if hasattr(source, "read"):
        source = read_some(source) + source.read()
    if isinstance(source, (str, os.PathLike)):
        with naming(source):
            found = _native.decode_picture(decoding, path=source)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        found = _native.decode_picture(decoding, bytes=bytes(source))
    else:
        raise InvalidType(f"source: expected a path, bytes or a binary file object, found {type(source).__name__}")
    image, icc, exif, xmp, lost = found
    return DecodedPhoto(image, icc, exif, xmp, [Lost.from_dict(each) for each in json.loads(lost)])


def rgb_of_files(*paths: str | os.PathLike[str]) -> list[Array] | None:
    """Pictures in files as clips of one frame, `(1, height, width, 3)` of 10 bits in the low bits; None where one is no single picture."""
    try:
        images = [decode_photo(path).image for path in paths]
    except NeuralCodecError:
        return None
    # White stays white.
    return [((image[None, :, :, :3].astype(np.uint32) * _TEN_BITS * 2 + most) // (2 * most)).astype(np.uint16) for image in images for most in [np.iinfo(image.dtype).max]]


def picture_of(source: Any, layout: str) -> PictureArray | None:
    """The one picture that a source is; None for clips, files and everything else."""
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(source, pillow.Image):
        return _of_pillow(source)
    if is_array(source) and len(getattr(source, "shape", ())) in (2, 3):
        return PictureArray(_checked(source, layout))
    return None


def _checked(source: Any, layout: str) -> Array:
    array = as_array(source, "source")
    if isinstance(array, _native.DeviceArray):
        raise InvalidType("source: expected a picture in the memory of the CPU, found one on a GPU; pass source.cpu()")
    if array.dtype.kind != "u" or array.dtype.itemsize > 2:
        hint = "; scale to 0..255 and convert with .astype(numpy.uint8)" if array.dtype.kind == "f" else ""
        raise InvalidType(f"source: expected uint8, or uint16 that fills 16 bits, found {array.dtype}{hint}")
    shape = array.shape
    if array.ndim == 2:
        array = array[:, :, None]
    elif layout == "TCHW":
        array = array.transpose(1, 2, 0)
    if not 1 <= array.shape[2] <= 4:
        expected = "(height, width, channels)" if layout == "THWC" else "(channels, height, width)"
        other = "; for (channels, height, width) pass layout='TCHW'" if layout == "THWC" and 1 <= shape[0] <= 4 else ""
        raise InvalidArgument(
            f"source: expected a picture of shape (height, width), or {expected} with 1 to 4 channels, found {shape}{other};"
            " a clip has four dimensions"
        )
    if 0 in array.shape:
        raise InvalidArgument(f"source: expected at least 1x1 pixels, found {array.shape[1]}x{array.shape[0]}")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _of_pillow(image: Any) -> PictureArray:
    """Upright, with profile, EXIF and XMP."""
    if getattr(image, "n_frames", 1) > 1:
        raise InvalidArgument(f"source: expected one picture, found {image.n_frames}; pass image.copy() for the one that is shown")
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    mode = image.mode
    if mode in ("P", "RGB", "L") and "transparency" in image.info:
        image = image.convert("RGBA")
    elif mode in _BECOME:
        image = image.convert(_BECOME[mode])
    elif mode not in _AS_THEY_ARE:
        raise InvalidType(f"source: expected a picture of mode L, LA, RGB, RGBA or I;16, found {mode}; pass image.convert('RGB')")
    icc, exif = image.info.get("icc_profile") or b"", image.info.get("exif") or b""
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    tags = (icc, exif.removeprefix(_EXIF), xmp.encode() if isinstance(xmp, str) else xmp)
    return PictureArray(_checked(np.asarray(image), "THWC"), tags)
