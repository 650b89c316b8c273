"""From frames to a stream: the whole clip in one call, or frame by frame."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _native
from ._frames import check_frame, check_layout
from ._jobs import Drive, Feed, ProgressArgument, drive
from ._library import suggest_libraries
from ._output import Output, check_distinct
from ._photo import picture_of
from ._progress import bar_for
from ._settings import as_texts, frame_rate
from ._sources import as_file, opened
from .errors import InvalidArgument, InvalidType, WrongOrder, naming
from .records import Lost, Report

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._settings import SettingArguments

# A file is written until its thread is done with it: at most a frame after an interruption.
WRITE_PATIENCE = 5.0

logger = logging.getLogger("neural_codec")

Scenes = Iterable["tuple[int, int]"]


def encode(
    source: Any,
    output: Any = None,
    *,
    scenes: Scenes | None = None,
    progress: ProgressArgument = None,
    fps: Any = None,
    layout: str = "THWC",
    on_lost: Callable[[list[Lost]], object] | None = None,
    cluster: str | None = None,
    **settings: Unpack[SettingArguments],
) -> Report:
    """Encodes a clip or a photo and reports what was done, how large it is and how good.

    `source`: a path, bytes, a binary file object, an array `(frames, height, width, 3)` of uint8 RGB (uint16: 10 bits
    in the low bits), anything with `__dlpack__`, or an iterable of frames; arrays need `fps`. One picture is a photo: a picture file or its bytes, an
    image of Pillow, or without `fps` an array `(height, width)` or `(height, width, channels)` of gray, gray and opacity, RGB, or RGB
    and opacity, of uint8, or of uint16 that fills all 16 bits.
    `output`: a path that ends in `.mp4`, `.mkv`, `.webm` or `.nvc` (written whole or not at all), a binary file object
    for a `.nvc` stream, or None for its bytes in `report.data`; of a photo `.nvc` or `.avif`.
    `scenes`: `[(start, end), ...]` instead of detected scenes. `progress`: a callable that takes `Progress` and may
    return False to cancel, or True for a bar. `on_lost`: is told, before the first frame is coded (with `cluster` at the end), what of the
    source will not be in the output; the report has it too. `cluster`: `"local"`, `"auto"` or `"ray://HOST:PORT"`, where Ray spreads the scenes of a file over
    nodes (extra `[ray]`, docs/CLUSTER.md); the bytes are the same. Settings by name: see `settings()`.
    """
    texts = as_texts(dict(settings))
    listed = _scene_list(scenes)
    path = named_output(output)
    check_distinct(source, output)
    suggest_libraries()
    if cluster is not None:
        from ._cluster import encode_on_cluster

        if scenes is not None or layout != "THWC":
            raise InvalidArgument("cluster: expected neither scenes nor layout beside it")
        report = encode_on_cluster(cluster, source, output, progress, fps, on_lost, texts)
        _log(report)
        return report
    lost = None if on_lost is None else lambda text: on_lost([Lost.from_dict(each) for each in json.loads(text)])
    picture = None if fps is not None else picture_of(source, check_layout(layout))
    if picture is not None:
        _expect_no_clip(None, listed)
        job = _native.encode_picture(picture.samples, picture.tags, texts, path)
        report = _encode_photo(job, output, path, progress, lost)
        report = dataclasses.replace(report, notes=[*report.notes, *picture.notes()])
        _log(report)
        return report
    with as_file(source) as file:
        if _is_photo(file, path):
            _expect_no_clip(fps, listed)
            with naming(file):
                report = _encode_photo(_native.encode_photo(file, texts, path), output, path, progress, lost)
        else:
            with opened(file, fps=fps, layout=layout, reading=texts) as (native, feeds), naming(file):
                if path is not None:
                    job = _native.encode(native, texts, listed, path)
                    report = Report.from_json(drive(job, feeds, progress=progress, patience=WRITE_PATIENCE, lost=lost))
                else:
                    report = stream_into(output, _native.encode(native, texts, listed), feeds, progress, lost)
    _log(report)
    return report


def _expect_no_clip(fps: Any, scenes: list[tuple[int, int]] | None) -> None:
    """Refuses for a photo what only a clip has."""
    if scenes is not None:
        raise InvalidArgument("scenes: expected none for a photo")
    if fps is not None:
        raise InvalidArgument(f"fps: expected none for a photo, found {fps}; a clip of one picture is written as .mkv, .mp4 or .webm")


def _is_photo(source: Any, path: str | None) -> bool:
    """Whether a picture file goes into a file, or bytes, that hold a photo."""
    if not isinstance(source, (str, os.PathLike)) or not _native.is_photo(source):
        return False
    return path is None or _native.output_kind(path) in ("stream", "avif")


def _encode_photo(
    job: _native.Job, output: Any, path: str | None, progress: ProgressArgument, lost: Callable[[str], object] | None
) -> Report:
    if path is None:
        return stream_into(output, job, [], progress, lost)
    return Report.from_json(drive(job, progress=progress, patience=WRITE_PATIENCE, lost=lost))


def named_output(output: Any) -> str | None:
    """The path of an output that is a file, checked before anything long begins; None for other outputs."""
    if not isinstance(output, (str, os.PathLike)):
        return None
    _native.output_kind(output)
    return os.fspath(output) if isinstance(os.fspath(output), str) else os.fsdecode(output)


def stream_into(
    output: Any,
    job: _native.Job,
    feeds: list[Feed],
    progress: ProgressArgument,
    lost: Callable[[str], object] | None = None,
) -> Report:
    """The report of a job that makes a stream; the stream goes whole to the output, or into the report, or nowhere."""
    try:
        target = Output(output)
        try:
            report = Report.from_json(drive(job, feeds, target.write, progress, lost=lost))
            target.commit()
        except BaseException:
            target.discard()
            raise
    finally:
        job.close(0.0)
    return dataclasses.replace(report, data=target.take())


class Encoder:
    """Encodes frames as they come.

    ```python
    with Encoder("clip.nvc", fps=30) as encoder:
        for frame in frames:
            encoder.send(frame)
    print(encoder.report.total.bytes)
    ```
    Leaving the block finishes the stream; leaving it by an exception discards it.
    """

    def __init__(
        self,
        output: Any = None,
        *,
        fps: Any,
        scenes: Scenes | None = None,
        progress: ProgressArgument = None,
        layout: str = "THWC",
        **settings: Unpack[SettingArguments],
    ) -> None:
        self._rate = frame_rate(fps)
        self._layout = check_layout(layout)
        self._texts = as_texts(dict(settings))
        self._scenes = _scene_list(scenes)
        self._bar = bar_for(progress)
        self._progress = self._bar.__enter__()
        self._path = named_output(output)
        self._output = Output(None if self._path is not None else output)
        self._feeder: _native.Feeder | None = None
        self._drive: Drive | None = None
        self._shape: Any = None
        self._sent = 0
        self._report: Report | None = None
        self._closed = False

    def send(self, frame: Any) -> None:
        """Takes the next frame; waits while the encoder has too many."""
        self._expect_open("send")
        picture = check_frame(frame, self._layout, f"frame {self._sent}")
        try:
            if self._drive is None or self._feeder is None:
                suggest_libraries()
                source, self._feeder = _native.fed(picture, self._rate)
                job = _native.encode(source, self._texts, self._scenes, self._path)
                self._drive = Drive(job, [self._feeder], self._output.write, self._progress)
            self._drive.put(self._feeder, picture)
        except BaseException:
            self.close()
            raise
        self._sent += 1

    def read(self) -> bytes:
        """Bytes of the stream that are ready and were not read yet, where no output was given."""
        if self._drive is not None and not self._closed:
            self._drive.take(0.0)
        data = None if self._path is not None else self._output.take()
        if data is None:
            raise WrongOrder("read: the bytes go to the output that was given")
        return data

    def finish(self) -> Report:
        """Ends the stream and reports."""
        self._expect_open("finish")
        if self._drive is None or self._feeder is None:
            self.close()
            raise InvalidArgument("frames: expected at least 1 frame, found 0")
        try:
            self._feeder.finish()
            self._report = Report.from_json(self._drive.wait())
            self._output.commit()
        finally:
            self.close()
        _log(self._report)
        if self._path is None:
            self._report = dataclasses.replace(self._report, data=self._output.take())
        return self._report

    @property
    def report(self) -> Report:
        """The report, once the stream was finished."""
        if self._report is None:
            raise WrongOrder("report: the stream was not finished")
        return self._report

    def close(self) -> None:
        """Lets go of everything; a stream that was not finished is discarded. May be called again."""
        if self._closed:
            return
        self._closed = True
        if self._drive is not None:
            self._drive.close()
        self._output.discard()
        self._bar.__exit__(None, None, None)

    def _expect_open(self, call: str) -> None:
        if self._closed:
            raise WrongOrder(f"{call}: the encoder is closed")

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Encoder: {self._sent} frames sent, {state}>"

    def __enter__(self) -> Encoder:
        self._expect_open("__enter__")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self._closed:
            self.finish()
        self.close()


def _scene_list(scenes: Scenes | None) -> list[tuple[int, int]] | None:
    """Scenes as numbers; entries may be anything that stands for a frame number, such as scenedetect's timecodes."""
    if scenes is None:
        return None
    try:
        listed = iter(scenes)
    except TypeError:
        # Also an array of no dimension, which says that it can be iterated.
        raise InvalidType(f"scenes: expected pairs of frame numbers, found {type(scenes).__name__}") from None
    out = []
    for index, scene in enumerate(listed):
        try:
            start, end = (frame_number(value) for value in scene)
        except (TypeError, ValueError, OverflowError):
            raise InvalidType(f"scenes[{index}]: expected a pair of frame numbers, found {scene!r:.80}") from None
        if not (0 <= start < 1 << 63 and 0 <= end < 1 << 63):
            raise InvalidArgument(f"scenes[{index}]: expected frame numbers from 0, found {scene!r:.80}")
        out.append((start, end))
    return out


def frame_number(value: Any) -> int:
    """A frame's number; of PySceneDetect's times too. Raises TypeError, ValueError or OverflowError for what is none."""
    if hasattr(value, "get_frames"):
        return int(value.get_frames())
    if isinstance(value, Real) and not isinstance(value, Integral):
        raise TypeError
    return int(value)


def _log(report: Report) -> None:
    for note in report.notes:
        logger.info("%s", note)
    for each in report.lost:
        logger.info("lost: %s: %s", each.what, each.why)
    total = report.total
    logger.info("%d frames in %d scenes, %d bytes, %.1f s", total.frames, total.scenes, total.bytes, total.seconds)
