"""An encode in parts, for many processes or machines: split a clip, encode each scene where there is time, concat the scenes.

```python
ranges = neural_codec.split("clip.mp4", effort=4)
scenes = [neural_codec.encode_scene("clip.mp4", scene, index, effort=4) for index, scene in enumerate(ranges)]
report = neural_codec.concat("clip.mp4", scenes, "clip.nvc", effort=4)
```
The bytes are those of `encode` with the same settings. Where neural filters are asked for, pass each scene its
`warm_start(index, scenes)` too. Scenes of a file for players want `strategies="av1"` and `repeats="off"`, as `encode` has it there.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _native
from ._encode import frame_number, stream_into
from ._export import remux
from ._jobs import Feed, ProgressArgument, drive
from ._output import check_distinct
from ._settings import as_texts
from ._sources import opened
from .errors import InvalidArgument, InvalidType
from .records import Report, Scene, Total

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._settings import SettingArguments


@dataclass(frozen=True)
class EncodedScene:
    """One scene, encoded apart from its clip. It can be pickled, and sent to where scenes are joined."""

    data: bytes
    """What `concat` and `warm_start` take; its length is not that of the scene in a stream."""
    report: Scene
    """The account of the scene, as in a `Report`."""

    def __repr__(self) -> str:
        return f"EncodedScene(index={self.report.index}, frames={self.report.frames}, bytes={self.report.bytes})"


def split(
    source: Any,
    *,
    fps: Any = None,
    layout: str = "THWC",
    progress: ProgressArgument = None,
    **settings: Unpack[SettingArguments],
) -> list[tuple[int, int]]:
    """The scenes of a clip as `[(start, end), ...]` in frames, `end` exclusive, as `encode` finds them with these settings."""
    texts = as_texts(dict(settings))
    with opened(source, fps=fps, layout=layout, audio=False, reading=texts) as (native, feeds):
        job = _native.split(native, texts)
        return [(start, end) for start, end in json.loads(drive(job, feeds, progress=progress))]


def frame_span(scene: tuple[int, int]) -> tuple[int, int]:
    """First frame of a scene and the frame after its last. Raises InvalidType and InvalidArgument for what is none."""
    try:
        start, end = (frame_number(value) for value in scene)
    except (TypeError, ValueError, OverflowError):
        raise InvalidType(f"scene: expected a pair of frame numbers, found {scene!r:.80}") from None
    if not 0 <= start < end < 1 << 63:
        raise InvalidArgument(f"scene: expected frame numbers that rise from 0, found {scene!r:.80}")
    return start, end


def encode_scene(
    source: Any,
    scene: tuple[int, int],
    index: int,
    *,
    warm_start: bytes | None = None,
    fps: Any = None,
    layout: str = "THWC",
    progress: ProgressArgument = None,
    **settings: Unpack[SettingArguments],
) -> EncodedScene:
    """Encodes frames `scene[0]` to `scene[1]`, exclusive, of a clip as its scene number `index`.

    `source`: the whole clip, as for `encode`; it is read from its first frame on. Settings have to be those of all other
    scenes; a bitrate or a size, which scenes share, is an error. `warm_start`: what `warm_start` gave for this scene.
    """
    texts = as_texts(dict(settings))
    start, end = frame_span(scene)
    if isinstance(index, bool) or not isinstance(index, int):
        raise InvalidType(f"index: expected the number of the scene, found {index!r}")
    if not 0 <= index < 1 << 32:
        raise InvalidArgument(f"index: expected the number of the scene, found {index!r}")
    start_from = _native.warm_start(0, []) if warm_start is None else _checked_bytes("warm_start", warm_start)
    parts: list[bytes] = []
    with opened(source, fps=fps, layout=layout, audio=False, reading=texts) as (native, feeds):
        job = _native.encode_scene(native, (start, end), index, texts, start_from)
        report = Scene.from_json(drive(job, feeds, parts.append, progress))
    return EncodedScene(b"".join(parts), report)


def warm_start(index: int, scenes: Sequence[EncodedScene]) -> bytes:
    """What scene `index` begins from in a whole encode, out of `scenes` encoded before it, as bytes for `encode_scene`.

    Only scenes `index - 9` to `index - 2` matter, and they have to be there for the bytes to be those of `encode`.
    """
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < 1 << 32:
        raise InvalidArgument(f"index: expected the number of the scene, found {index!r}")
    return _native.warm_start(index, _data_of(scenes))


def concat(
    source: Any,
    scenes: Iterable[EncodedScene],
    output: Any = None,
    *,
    fps: Any = None,
    layout: str = "THWC",
    progress: ProgressArgument = None,
    **settings: Unpack[SettingArguments],
) -> Report:
    """Joins the scenes of a clip, in order, into a stream, with the audio of `source`.

    `output` as for `encode`: a file for players shows what the base layer holds, so its scenes are to be encoded with `strategies="av1"` and
    `repeats="off"`. Scenes that do not follow one another, or were encoded with another preset or bit depth, are an
    error.
    """
    texts = as_texts(dict(settings))
    listed = _data_of(scenes)
    check_distinct(source, output)
    with opened(source, fps=fps, layout=layout, reading=texts) as (native, feeds):
        return joined_into(output, _native.concat(native, listed, texts), feeds, progress)


def joined_into(output: Any, job: _native.Job, feeds: list[Feed], progress: ProgressArgument) -> Report:
    """The report of a job that joins scenes; the stream goes to the output, in the container that its name asks for."""
    if is_stream(output):
        return stream_into(output, job, feeds, progress)
    with tempfile.TemporaryDirectory(prefix="neural-codec-") as folder:
        stream = os.path.join(folder, "joined.nvc")
        report = stream_into(stream, job, feeds, progress)
        lost = [*report.lost, *remux(stream, output).lost]
        return dataclasses.replace(report, lost=lost, total=_of_file(report.total, os.path.getsize(output)))


def _of_file(total: Total, size: int) -> Total:
    """The account of a stream, of a file of so many bytes that holds it."""
    ratio, rate = total.compression_ratio * total.bytes / size, 8 * size / total.duration_seconds
    return dataclasses.replace(total, bytes=size, compression_ratio=ratio, bitrate_bps=rate)


def is_stream(output: Any) -> bool:
    return not isinstance(output, (str, os.PathLike)) or _native.output_kind(output) == "stream"


def _data_of(scenes: Iterable[EncodedScene]) -> list[bytes]:
    try:
        listed = list(scenes)
    except TypeError:
        raise InvalidType(f"scenes: expected encoded scenes, found {type(scenes).__name__}") from None
    for index, scene in enumerate(listed):
        if not isinstance(scene, EncodedScene):
            raise InvalidType(f"scenes[{index}]: expected an EncodedScene, found {type(scene).__name__}")
    return [_checked_bytes(f"scenes[{index}].data", scene.data) for index, scene in enumerate(listed)]


def _checked_bytes(name: str, value: Any) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise InvalidType(f"{name}: expected bytes, found {type(value).__name__}")
    return bytes(value)
