"""Pictures of pages: frames of clips, crops where two frames differ most, small copies, and their difference with its scale."""

from __future__ import annotations

import base64
import io
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from . import _native
from ._frames import Array
from .errors import InvalidArgument, NeuralCodecError

# From no difference to the largest one that is told apart: colors of "magma" of matplotlib, which grow lighter evenly.
RAMP = ((0, 0, 4), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191))


def frames_at(path: str | os.PathLike[str], indices: Iterable[int]) -> Iterator[tuple[int, Array]]:
    """Frames of a video file or stream with their index, in order: `(height, width, 3)` RGB at 8 bits.

    Reads from the front to the last that is wanted; frames beyond the end are left out. Raises InvalidArgument where the clip has
    no frame at all.
    """
    wanted = sorted(set(indices))
    source = _native.Source.open(path, audio=False)
    try:
        count = 0
        while wanted and count <= wanted[-1] and (given := source.next_picture(False)) is not None:
            if count in wanted:
                yield count, _eight_bits(given[1])
            count += 1
        if wanted and count == 0:
            raise InvalidArgument(f"{path}: expected at least 1 frame, found 0")
    finally:
        source.close()


def decoded_at(path: str | os.PathLike[str], indices: Iterable[int]) -> dict[int, Array]:
    """Frames by index, of what this library wrote: seeks where the file can."""
    wanted = sorted(set(indices))
    try:
        seeker = _native.Seeker.open(path=path)
        given = {index: seeker.picture(index, False) for index in wanted}
        return {index: _eight_bits(each[1]) for index, each in given.items() if each is not None}
    except NeuralCodecError:
        return dict(frames_at(path, wanted))


def _eight_bits(picture: object) -> Array:
    if not isinstance(picture, np.ndarray):
        raise InvalidArgument(f"frame: expected an array of RGB, found {type(picture).__name__}")
    return picture if picture.dtype == np.uint8 else (picture >> 2).astype(np.uint8)


Corner = tuple[int, int]


def worst_places(source: Array, decoded: Array, side: int, count: int = 1) -> list[Corner]:
    """Corners `(x, y)` in pixels of the squares in which two frames differ most, apart from each other, the worst first."""
    error = np.square(source.astype(np.float64) - decoded.astype(np.float64)).sum(axis=2)
    height, width = (min(side, each) for each in error.shape)
    sums = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    squares = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    found: list[Corner] = []
    for _ in range(count):
        y, x = (int(each) for each in np.unravel_index(int(squares.argmax()), squares.shape))
        if squares[y, x] < 0:
            break
        found.append((x, y))
        squares[max(0, y - height + 1) : y + height, max(0, x - width + 1) : x + width] = -1
    return found


def crop(picture: Array, corner: Corner, side: int) -> Array:
    """The square of `side` pixels at a corner, or what the picture has of it."""
    x, y = corner
    return picture[y : y + side, x : x + side]


def difference(source: Array, decoded: Array, gain: float) -> Array:
    """How much two pictures differ: the largest of R, G and B, times `gain`, in the colors of `RAMP`."""
    most = np.abs(source.astype(np.int16) - decoded.astype(np.int16)).max(axis=2)
    return ramp(np.minimum(most * (gain / 255), 1))


def ramp(share: Array) -> Array:
    """Colors `(..., 3)` uint8 of numbers from 0 to 1."""
    at = np.linspace(0, 1, len(RAMP))
    colors = np.array(RAMP, np.float64)
    return np.stack([np.interp(share, at, colors[:, channel]) for channel in range(3)], axis=-1).round().astype(np.uint8)


def boxed(picture: Array, corners: Sequence[Corner], side: int, *, thick: int = 2) -> Array:
    """A copy with a bright frame around each square."""
    out = picture.copy()
    for x, y in corners:
        inner = crop(picture, (x, y), side).copy()
        height, width = inner.shape[:2]
        top, left = max(0, y - thick), max(0, x - thick)
        out[top : y + height + thick, left : x + width + thick] = (255, 214, 0)
        out[y : y + height, x : x + width] = inner
    return out


def shrunk(picture: Array, height: int) -> Array:
    """A copy of about that height, or the picture where it is no higher: means of whole squares of pixels."""
    by = max(1, round(picture.shape[0] / height))
    rows, columns = (max(1, side // by) for side in picture.shape[:2])
    cut = picture[: rows * by, : columns * by]
    if by == 1 or cut.shape[0] < by or cut.shape[1] < by:
        return picture
    means: Array = cut.reshape(rows, by, columns, by, 3).mean(axis=(1, 3))
    return means.round().astype(np.uint8)


def small(picture: Array) -> str:
    """A data URI of a picture that is only to be recognized: JPEG where Pillow is installed, else PNG."""
    try:
        from PIL import Image
    except ImportError:
        return png(picture)
    kept = io.BytesIO()
    Image.fromarray(picture).save(kept, "JPEG", quality=72)
    return "data:image/jpeg;base64," + base64.b64encode(kept.getvalue()).decode()


def png(picture: Array) -> str:
    """A picture `(height, width, 3)` of uint8 as a data URI of PNG. Source: PNG specification, 3rd edition, clauses 5, 9 and 11."""
    height, width, _ = picture.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(_filtered(picture))) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def _filtered(picture: Array) -> bytes:
    """Rows by the filter that leaves least, as clause 12.7 advises; each with the number of its filter before it."""
    rows = picture.reshape(picture.shape[0], -1).astype(np.int16)
    up = np.pad(rows, ((1, 0), (0, 0)))[:-1]
    left, corner = (np.pad(each, ((0, 0), (3, 0)))[:, :-3] for each in (rows, up))
    far = np.abs(np.stack([up - corner, left - corner, left + up - 2 * corner]))
    paeth = np.where((far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], up, corner))
    left_over = np.stack([rows, rows - left, rows - up, rows - (left + up) // 2, rows - paeth]).astype(np.uint8)
    best = np.abs(left_over.view(np.int8).astype(np.int32)).sum(axis=2).argmin(axis=0)
    chosen = left_over[best, np.arange(len(rows))]
    return np.concatenate([best[:, None].astype(np.uint8), chosen], axis=1).tobytes()
