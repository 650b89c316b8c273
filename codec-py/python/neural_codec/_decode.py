"""From a stream to frames: the whole stream in one call, or frame by frame."""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._frames import Array, Picture, check_layout
from ._jobs import ProgressArgument, check_stop, drive
from ._library import suggest_libraries
from ._measure import clip_info, stream_info
from ._output import NUMBERED, check_distinct
from ._progress import bar_for
from ._receiving import Receiving
from ._settings import Decoding, decoding_of, whole_number
from ._sources import read_some, stream_from
from .errors import (
    Cancelled,
    Corrupt,
    FrameIndexError,
    InvalidArgument,
    InvalidType,
    NeuralCodecError,
    OutOfMemory,
    Truncated,
    naming,
)
from .records import Lost, Progress, StreamInfo, Written

# A file is written until its thread is done with it: at most a frame after an interruption.
WRITE_PATIENCE = 5.0


@dataclass(frozen=True, eq=False)
class Frames:
    """A decoded clip. `video` offers `__dlpack__`, so other libraries take it without a copy."""

    video: Array = field(repr=False)
    """RGB, `(frames, height, width, 3)` or as `layout` said: uint8, or uint16 with 10 bits in the low bits."""
    fps: Fraction
    """Frames a second: the mean where the rate varies."""
    timestamps: NDArray[np.float64] = field(repr=False)
    """Seconds at which each frame is shown."""
    info: StreamInfo
    """What the stream says about itself."""


class Decoder(Receiving):
    """Decodes a stream frame by frame, from front to back or from wherever it is told to.

    ```python
    with Decoder("clip.nvc") as decoder:
        for frame in decoder:
            print(decoder.timestamp, frame.shape)
        print(decoder.frame_count, decoder[120].shape, decoder[10:20].shape)
    ```
    Frames are RGB arrays `(height, width, 3)`; with `planes=True`, tuples `(y, u, v)` of the samples as coded.
    With `on_damage="skip"` a damaged scene costs that scene alone; its error is added to `errors`.

    `device` says where filters run: `auto`, `cpu`, `cuda` or `cuda:N`; the frames do not depend on it. With `on_device=True` frames
    stay on that GPU: objects with `__dlpack__`, which `torch.from_dlpack` and `cupy.from_dlpack` take without a copy, `shape`,
    `dtype`, and `numpy()` for a copy on the host. A frame for which the GPU has no room is an array of numpy.

    `limits` bounds what a stream may ask for before it is refused with `LimitExceeded`: `{"max_memory_bytes": 1 << 30}`. Names are those of
    the settings of decoders in docs/C.md.

    Going to a frame decodes those before it in its scene. It takes a path or bytes; a file object is read from front to
    back, a whole scene at a time: `PushDecoder` gives frames while their scene still arrives. A decoder of a path or bytes
    can be pickled, as for workers of a `DataLoader`; the copy begins at the first frame.
    """

    def __init__(
        self,
        source: Any,
        *,
        planes: bool = False,
        layout: str = "THWC",
        threads: int = 0,
        on_damage: str = "stop",
        device: str = "auto",
        on_device: bool = False,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        options: dict[str, Any] = {
            "planes": planes, "layout": layout, "threads": threads, "on_damage": on_damage, "device": device, "on_device": on_device,
            "limits": limits,
        }  # fmt: skip
        super().__init__(**options)
        self._given = source
        self._options = options | {"limits": self._decoding["limits"]}
        self._seeker: _native.Seeker | None = None
        self._at: int | None = None
        """The next frame, once it was sought."""
        self._source = _stream(source, self._decoding)
        values = self._source.describe()
        self.info = clip_info(values)
        """Size, format, color and rate."""
        self.fps = self.info.video.frame_rate
        """Frames a second: the mean where the rate varies."""
        self._time_base = Fraction(*values["time_base"])

    def next_frame(self) -> Any:
        """The next frame, None after the last."""
        self._expect_open("next_frame")
        while True:
            try:
                found = self._next()
            except NeuralCodecError as error:
                self._skipped(error)
                continue
            return None if found is None else self._shown(found)

    def _next(self) -> tuple[int, Picture] | None:
        if self._at is None:
            with naming(self._given):
                return self._source.next_picture(self._planes, self._channels_first)
        seeker, at = self._random("next_frame"), self._at
        try:
            with naming(self._given):
                found = seeker.picture(at, self._planes, self._channels_first)
        except NeuralCodecError:
            self._at = seeker.scene_end(at)
            raise
        self._at = at if found is None else at + 1
        return found

    def seek(self, frame: int) -> None:
        """Makes this frame the next one; negative numbers count from the end."""
        self._at = self._number("seek", frame, last=self.frame_count)

    def batches(self, size: int) -> Iterator[Any]:
        """The frames that are left as arrays `(frames, height, width, 3)` of `size` frames, the last maybe shorter."""
        count = whole_number("size", size)
        if not 0 < count <= sys.maxsize:
            raise InvalidArgument(f"size: expected a number from 1 to {sys.maxsize}, found {size!r}")
        while batch := list(itertools.islice(self, count)):
            yield self._stacked(batch)

    @property
    def frame_count(self) -> int:
        """Number of frames in the stream, from the table at its end. `len()` is the same."""
        return self._random("frame_count").frame_count()

    def __len__(self) -> int:
        self._expect_open("len")
        try:
            return self.frame_count
        except (Corrupt, Truncated) as error:
            # A TypeError, so that `list(decoder)`, which asks too, still decodes a stream that has lost its end.
            raise InvalidType(f"len: expected a stream with its end, found {error}") from error

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: Any) -> Any:
        """The frame of this number, or an array of the frames of a slice or of a list of numbers. Iteration goes on where it was."""
        if isinstance(index, list) or getattr(index, "ndim", 0) == 1:
            return self._stacked(self.__getitems__(index))
        if not isinstance(index, slice):
            number = self._number("index", index, last=self.frame_count - 1)
            return self._picture(number)
        try:
            numbers = range(self.frame_count)[index]
        except (TypeError, ValueError) as error:
            raise InvalidType(f"index: expected a slice of numbers, found {index!r}: {error}") from None
        if not numbers:
            raise InvalidArgument(f"index: expected a slice that holds a frame, found {index!r} of {self.frame_count} frames")
        # From front to back, so that no frame is decoded twice.
        frames = [self._picture(number) for number in sorted(numbers)]
        return self._stacked(frames if numbers.step > 0 else frames[::-1])

    def __getitems__(self, indices: Any) -> list[Any]:
        """The frames of these numbers, in their order; torch's `DataLoader` asks for a batch this way."""
        numbers = [self._number("index", index, last=self.frame_count - 1) for index in indices]
        if not numbers:
            raise InvalidArgument("index: expected at least one frame number, found none")
        # From front to back, so that no frame is decoded twice.
        frames = {number: self._picture(number) for number in sorted(set(numbers))}
        return [frames[number] for number in numbers]

    def _picture(self, number: int) -> Any:
        check_stop()
        with naming(self._given):
            found = self._random("index").picture(number, self._planes, self._channels_first)
        if found is None:
            raise InvalidArgument(f"index: expected a frame of the stream, found {number}")
        return self._shown(found)

    def _number(self, name: str, value: Any, last: int) -> int:
        number = whole_number(name, value, "a frame number" if name == "seek" else "a frame number or a slice")
        count = self.frame_count
        if not -count <= number <= last:
            raise FrameIndexError(f"{name}: expected a frame from {-count} to {last}, found {number}")
        return number + count if number < 0 else number

    def _random(self, call: str) -> _native.Seeker:
        self._expect_open(call)
        if self._seeker is None:
            given = self._given
            if isinstance(given, (str, os.PathLike)):
                with naming(given):
                    self._seeker = _native.Seeker.open(path=given, decoding=self._decoding)
            elif isinstance(given, (bytes, bytearray, memoryview)):
                self._seeker = _native.Seeker.open(bytes=bytes(given), decoding=self._decoding)
            else:
                kind = type(given).__name__
                raise InvalidType(f"source: expected a path or bytes to find frames by number, found {kind}; pass source.read()")
        return self._seeker

    def _stacked(self, frames: list[Any]) -> Any:
        if self._decoding["on_device"]:
            raise InvalidArgument("on_device: expected False for several frames in one array, found True; ask for one after the other")
        if self._planes:
            return tuple(np.stack(planes) for planes in zip(*frames, strict=True))
        return np.stack(frames)

    def _shown(self, found: tuple[int, Picture]) -> Picture:
        timestamp, picture = found
        self.timestamp = float(timestamp * self._time_base)
        return self._laid_out(picture)

    def close(self) -> None:
        """Lets go of the source. May be called again."""
        self._closed = True
        self._seeker = None
        self._source.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if not isinstance(self._given, (str, os.PathLike, bytes, bytearray)):
            kind = type(self._given).__name__
            raise InvalidType(f"source: expected a path or bytes of a decoder that is pickled, found {kind}")
        return _reopened, (self._given, self._options)

    def __repr__(self) -> str:
        given = self._given
        source = repr(os.fspath(given)) if isinstance(given, (str, os.PathLike)) else f"<{type(given).__name__}>"
        video = self.info.video
        state = ", closed" if self._closed else ""
        return f"<Decoder {source}: {video.width}x{video.height}, {float(self.fps):g} frames a second{state}>"

    def __enter__(self) -> Decoder:
        self._expect_open("__enter__")
        return self


def _reopened(source: Any, options: dict[str, Any]) -> Decoder:
    return Decoder(source, **options)


@overload
def decode(
    source: Any,
    output: None = None,
    *,
    layout: str = "THWC",
    progress: ProgressArgument = None,
    threads: int = 0,
    device: str = "auto",
    limits: Mapping[str, int] | None = None,
) -> Frames: ...
@overload
def decode(
    source: Any,
    output: str | os.PathLike[str],
    *,
    layout: str = "THWC",
    progress: ProgressArgument = None,
    threads: int = 0,
    device: str = "auto",
    limits: Mapping[str, int] | None = None,
) -> Written: ...
def decode(
    source: Any,
    output: str | os.PathLike[str] | None = None,
    *,
    layout: str = "THWC",
    progress: ProgressArgument = None,
    threads: int = 0,
    device: str = "auto",
    limits: Mapping[str, int] | None = None,
) -> Frames | Written:
    """Decodes a stream: into arrays, or with `output` into a file that holds the frames without loss.

    `source`: a path, bytes or a binary file object. `output`: a path whose ending says the kind, `.y4m`, `.mkv`,
    `.mp4`, or a pattern such as `frames/%04d.png`; it appears whole or not at all, of pictures the folder where it is not there
    yet. `device`: where filters run, and `limits`, as for `Decoder`.
    """
    check_layout(layout)
    decoding = decoding_of(threads=threads, device=device, limits=limits)
    if output is None:
        return _decode_to_arrays(source, layout, progress, decoding)
    if not isinstance(output, (str, os.PathLike)):
        raise InvalidType(f"output: expected a path or None, found {type(output).__name__}")
    check_distinct(source, output)
    _check_pattern(output)
    start = time.monotonic()
    if isinstance(source, (str, os.PathLike)) and _is_picture_name(output):
        with naming(source):
            job = _native.decode_photo(source, output, decoding)
            report = json.loads(drive(job, progress=progress, patience=WRITE_PATIENCE))
        seconds = time.monotonic() - start
        return Written(os.fspath(output), 1, seconds, 1 / max(seconds, 1e-9), _lost(report["lost"]))
    job = _native.write(_stream(source, decoding), output)
    with naming(source):
        frames, lost = json.loads(drive(job, progress=progress, patience=WRITE_PATIENCE))
    seconds = time.monotonic() - start
    return Written(os.fspath(output), frames, seconds, frames / max(seconds, 1e-9), _lost(lost))


def _lost(found: list[dict[str, str]]) -> list[Lost]:
    return [Lost(**each) for each in found]


def _check_pattern(output: str | os.PathLike[str]) -> None:
    """Refuses a pattern of pictures with two numbers, of which one would stay as it is."""
    name = os.path.basename(os.fsdecode(output))
    if len(numbers := re.findall(r"%(?:0\d+)?d", name)) > 1:
        raise InvalidArgument(f"output: expected one number such as %04d in the name of pictures, found {len(numbers)}: {name}")


def _is_picture_name(output: str | os.PathLike[str]) -> bool:
    """Whether an output is one picture, and no pattern of many."""
    name = os.fsdecode(output)
    return name.lower().endswith((".png", ".tif", ".tiff")) and NUMBERED.fullmatch(os.path.basename(name)) is None


def _decode_to_arrays(source: Any, layout: str, progress: ProgressArgument, decoding: Decoding) -> Frames:
    if hasattr(source, "read"):
        source = read_some(source) + source.read()
    with ExitStack() as stack:
        threads, device, limits = decoding["threads"], decoding["device"], decoding["limits"]
        decoder = stack.enter_context(Decoder(source, layout=layout, threads=threads, device=device, limits=limits))
        # Frames are counted where limits allow what the stream asks for.
        info = stream_info(source)
        on_progress = stack.enter_context(bar_for(progress))
        video = _empty_clip(info, decoder.info.bit_depth, layout)
        timestamps = np.zeros(info.frames)
        for index, frame in enumerate(decoder):
            video[index] = frame
            timestamps[index] = decoder.timestamp
            check_stop()
            if on_progress is not None and on_progress(Progress(index + 1, info.frames, 0, 0)) is False:
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


def _stream(source: Any, decoding: Decoding) -> _native.Source:
    suggest_libraries()
    if isinstance(source, (str, os.PathLike)):
        with naming(source):
            return _native.Source.open(source, stream_only=True, decoding=decoding)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _native.Source.from_bytes(bytes(source), decoding=decoding)
    if hasattr(source, "read"):
        return stream_from(source, read_some(source), decoding=decoding)
    expected = "a path, bytes or a binary file object"
    raise InvalidType(f"source: expected {expected}, found {type(source).__name__}")
