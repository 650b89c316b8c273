"""From a stream to frames: the whole stream in one call, or frame by frame."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from types import TracebackType
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._frames import Array, Picture, check_layout
from ._jobs import ProgressArgument, drive
from ._measure import clip_info, stream_info
from ._progress import bar_for
from ._sources import read_some, stream_from
from .errors import Cancelled, InvalidArgument, InvalidType, NeuralCodecError, OutOfMemory, WrongOrder
from .records import Progress, StreamInfo, Written

# A file is written until its thread is done with it: at most a frame after an interruption.
WRITE_PATIENCE = 5.0


@dataclass(frozen=True, eq=False)
class Frames:
    """A decoded clip. `video` offers `__dlpack__`, so other libraries take it without a copy."""

    video: Array = field(repr=False)
    """RGB, `(frames, height, width, 3)` or as `layout` said: uint8, or uint16 with 10 bits in the low bits."""
    fps: Fraction
    timestamps: NDArray[np.float64] = field(repr=False)
    """Seconds at which each frame is shown."""
    info: StreamInfo


class Decoder:
    """Decodes a stream frame by frame.

    ```python
    with Decoder("clip.nvc") as decoder:
        for frame in decoder:
            print(decoder.timestamp, frame.shape)
    ```
    Frames are RGB arrays `(height, width, 3)`; with `planes=True`, tuples `(y, u, v)` of the samples as coded.
    With `on_damage="skip"` a damaged scene costs that scene alone; its error is added to `errors`.
    """

    def __init__(
        self, source: Any, *, planes: bool = False, layout: str = "THWC", threads: int = 0, on_damage: str = "stop"
    ) -> None:
        if on_damage not in ("stop", "skip"):
            raise InvalidArgument(f"on_damage: expected 'stop' or 'skip', found {on_damage!r}")
        if not isinstance(threads, int) or not 0 <= threads <= 256:
            raise InvalidArgument(f"threads: expected a number from 0 to 256, found {threads!r}")
        self._planes = planes
        self._channels_first = check_layout(layout) == "TCHW"
        self._skip = on_damage == "skip"
        self._source = _stream(source, skip_damage=self._skip, threads=threads)
        self._closed = False
        self.errors: list[NeuralCodecError] = []
        self.timestamp: float | None = None
        """Seconds at which the last frame is shown."""
        values = self._source.describe()
        self.info = clip_info(values)
        self.fps = self.info.video.frame_rate
        self._time_base = Fraction(*values["time_base"])

    def next_frame(self) -> Any:
        """The next frame, None after the last."""
        if self._closed:
            raise WrongOrder("next_frame: the decoder is closed")
        while True:
            try:
                found = self._source.next_picture(self._planes)
            except NeuralCodecError as error:
                if not self._skip:
                    raise
                self.errors.append(error)
                continue
            if found is None:
                return None
            self.timestamp = float(found[0] * self._time_base)
            return self._arranged(found[1])

    def _arranged(self, picture: Picture) -> Picture:
        if self._channels_first and not isinstance(picture, tuple):
            return np.ascontiguousarray(picture.transpose(2, 0, 1))
        return picture

    def close(self) -> None:
        """Lets go of the source. May be called again."""
        self._closed = True
        self._source.close()

    def __iter__(self) -> Iterator[Any]:
        while True:
            frame = self.next_frame()
            if frame is None:
                return
            yield frame

    def __enter__(self) -> Decoder:
        if self._closed:
            raise WrongOrder("__enter__: the decoder is closed")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@overload
def decode(
    source: Any, output: None = None, *, layout: str = "THWC", progress: ProgressArgument = None, threads: int = 0
) -> Frames: ...
@overload
def decode(
    source: Any,
    output: str | os.PathLike[str],
    *,
    layout: str = "THWC",
    progress: ProgressArgument = None,
    threads: int = 0,
) -> Written: ...
def decode(
    source: Any,
    output: str | os.PathLike[str] | None = None,
    *,
    layout: str = "THWC",
    progress: ProgressArgument = None,
    threads: int = 0,
) -> Frames | Written:
    """Decodes a stream: into arrays, or with `output` into a file that holds the frames without loss.

    `source`: a path, bytes or a binary file object. `output`: a path whose ending says the kind, `.y4m`, `.mkv`,
    `.mp4`, or a pattern such as `frame_%04d.png`; it appears whole or not at all.
    """
    check_layout(layout)
    if output is None:
        return _decode_to_arrays(source, layout, progress, threads)
    if not isinstance(output, (str, os.PathLike)):
        raise InvalidType(f"output: expected a path or None, found {type(output).__name__}")
    start = time.monotonic()
    job = _native.write(_stream(source, threads=threads), output)
    frames = int(json.loads(drive(job, progress=progress, patience=WRITE_PATIENCE)))
    seconds = time.monotonic() - start
    return Written(os.fspath(output), frames, seconds, frames / max(seconds, 1e-9))


def _decode_to_arrays(source: Any, layout: str, progress: ProgressArgument, threads: int) -> Frames:
    if hasattr(source, "read"):
        source = read_some(source) + source.read()
    info = stream_info(source)
    with ExitStack() as stack:
        decoder = stack.enter_context(Decoder(source, layout=layout, threads=threads))
        tell = stack.enter_context(bar_for(progress))
        video = _empty_clip(info, decoder.info.bit_depth, layout)
        timestamps = np.zeros(info.frames)
        for index, frame in enumerate(decoder):
            video[index] = frame
            timestamps[index] = decoder.timestamp
            if tell is not None and tell(Progress(index + 1, info.frames, 0, 0)) is False:
                raise Cancelled("cancelled by the progress callback")
        return Frames(video, decoder.fps, timestamps, info)


def _empty_clip(info: StreamInfo, bit_depth: int, layout: str) -> Array:
    size = (info.video.height, info.video.width)
    shape = (info.frames, *size, 3) if layout == "THWC" else (info.frames, 3, *size)
    dtype: Any = np.uint8 if bit_depth == 8 else np.uint16
    try:
        return np.empty(shape, dtype)
    except MemoryError:
        need = int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize
        remedy = "use Decoder, which holds one frame at a time"
        raise OutOfMemory(f"out of memory allocating {need} bytes for {info.frames} frames; {remedy}") from None


def _stream(source: Any, *, skip_damage: bool = False, threads: int = 0) -> _native.Source:
    if isinstance(source, (str, os.PathLike)):
        return _native.Source.open(source, stream_only=True, skip_damage=skip_damage, threads=threads)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _native.Source.from_bytes(bytes(source), skip_damage=skip_damage, threads=threads)
    if hasattr(source, "read"):
        return stream_from(source, read_some(source), skip_damage=skip_damage, threads=threads)
    expected = "a path, bytes or a binary file object"
    raise InvalidType(f"source: expected {expected}, found {type(source).__name__}")
