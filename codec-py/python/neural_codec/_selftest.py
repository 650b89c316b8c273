"""A check that an installation works: generated frames through the whole codec and back, with the time each part took."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from ._decode import Decoder, decode
from ._encode import encode
from ._export import export_base
from ._frames import Array
from ._measure import compare
from ._versions import versions
from .errors import InternalError

T = TypeVar("T")
FRAMES, HEIGHT, WIDTH, CUT = 24, 96, 128, 13


def selftest() -> dict[str, object]:
    """Encodes, decodes, seeks, measures and exports a generated clip. Raises the first error, InternalError where frames differ."""
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        result = work()
        seconds[name] = round(time.perf_counter() - start, 3)
        return result

    clip = _clip()
    report = timed("encode", lambda: encode(clip, fps=24, effort=0))
    again = timed("encode with one thread", lambda: encode(clip, fps=24, effort=0, threads=1))
    _expect("bytes", again.data == report.data, "the same for any number of threads")
    video = timed("decode", lambda: decode(report.data).video)
    with Decoder(report.data) as decoder:
        frame = timed("seek", lambda: decoder[CUT + 4])
    _expect("a frame by number", bool((frame == video[CUT + 4]).all()), "that of a decode from front to back")
    with tempfile.TemporaryDirectory() as folder:
        lossless, base = os.path.join(folder, "a.mkv"), os.path.join(folder, "a.mp4")
        timed("decode into a file", lambda: decode(report.data, lossless))
        metrics = timed("compare", lambda: compare(report.data, lossless))
        _expect("frames of a file", metrics.lossless_frames == FRAMES, f"{FRAMES} that do not differ")
        timed("export", lambda: export_base(report.data, base))
    _expect("the floor", report.total.target_met, "met on a clip this easy")
    return {"versions": versions(), "bytes": report.total.bytes, "psnr_y": report.total.quality.psnr_y, "seconds": seconds}


def _clip() -> Array:
    """A gradient that moves, and from the cut on another one with a disc."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    frames = []
    for t in range(FRAMES):
        first = t < CUT
        base = (x + 2 * y + 2 * t) % 256 if first else 255 - (2 * x + y) // 2
        disc = (x - 30 - 2 * t) ** 2 + (y - HEIGHT // 2) ** 2 < 400
        frames.append(np.stack([base, base // 2 + 60, np.where(disc & (not first), 20, 160)], axis=-1).clip(0, 255))
    return np.stack(frames).astype(np.uint8)


def _expect(what: str, holds: bool, expected: str) -> None:
    if not holds:
        raise InternalError(f"selftest: {what}: expected {expected}, found otherwise")
