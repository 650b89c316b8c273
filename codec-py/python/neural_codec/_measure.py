"""What clips and streams are, where their scenes begin and end, and how much they differ."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import ExitStack
from fractions import Fraction
from typing import Any

from . import _native
from ._jobs import ProgressArgument, drive
from ._photo import rgb_of_files
from ._settings import check_flag, device_text, settings
from ._sources import opened, read_some
from .errors import InvalidArgument, InvalidType, naming
from .records import Clip, ClipInfo, Metrics, StreamInfo


def compare(
    reference: Any,
    clip: Any,
    *,
    layout: str = "THWC",
    metrics: str | Iterable[str] = "ssim",
    ms_ssim: bool = False,
    device: str = "auto",
    progress: ProgressArgument = None,
    per_frame: bool = False,
) -> Metrics:
    """Measures a clip against a reference, frame by frame in order. With `per_frame=True`, `Metrics.per_frame` has the values of each.

    Both may be anything that `encode` takes, and streams too. Files and streams are measured as YUV, in the format of `clip`;
    arrays as RGB (`psnr_rgb`), and as the YUV that an encode makes of them. Different sizes or lengths are an error. The values do not depend on `device`: `auto`,
    `cpu`, `cuda` or `cuda:N`.

    `metrics`: names out of `psnr`, `ssim`, `ms_ssim`, `ssimulacra2`, `vmaf` and `xpsnr`, as a list or with commas between them; PSNR is
    measured in any case, and `ms_ssim=True` adds MS-SSIM. VMAF needs libvmaf, and raises MissingLibrary with the remedy where it is not
    to be had.
    """
    check_flag("ms_ssim", ms_ssim)
    names = _metric_names(metrics) + (["ms_ssim"] if ms_ssim else [])
    check_flag("per_frame", per_frame)
    # FFmpeg gives the coded YUV of an AVIF file; of pictures it is RGB that is measured.
    if isinstance(clip, (str, os.PathLike)) and isinstance(reference, (str, os.PathLike)) and os.fsdecode(clip).lower().endswith(".avif"):
        reference, clip = rgb_of_files(reference, clip) or (reference, clip)
    with ExitStack() as stack:
        enter = stack.enter_context
        first, feeds = enter(opened(reference, fps=_rate_of(reference), layout=layout, audio=False, name="reference"))
        second, more = enter(opened(clip, fps=_rate_of(clip), layout=layout, audio=False, name="clip"))
        job = _native.compare(first, second, ",".join(names) or "psnr", device_text(device), per_frame)
        values = json.loads(drive(job, [*feeds, *more], progress=progress))
    return Metrics.from_dict({"schema": Metrics.SCHEMA, "per_frame": None, **values})


def _metric_names(metrics: str | Iterable[str]) -> list[str]:
    if isinstance(metrics, str):
        return metrics.split(",")
    if not isinstance(metrics, (list, tuple, set, frozenset)) or not all(isinstance(name, str) for name in metrics):
        raise InvalidType(f"metrics: expected names of metrics, found {type(metrics).__name__}")
    return list(metrics)


def _rate_of(source: Any) -> int | None:
    """A nominal rate for frames from Python: pairing goes by order, so that none matters."""
    named = isinstance(source, (str, bytes, bytearray, memoryview, os.PathLike)) or hasattr(source, "read")
    return None if named else 25


def detect_scenes(
    source: Any,
    *,
    fps: Any = None,
    layout: str = "THWC",
    max_scene_seconds: float | None = None,
    device: str = "auto",
    progress: ProgressArgument = None,
) -> list[tuple[int, int]]:
    """The scenes of a clip as `[(start, end), ...]` in frames, `end` exclusive, as `encode` would find them."""
    if max_scene_seconds is None:
        max_scene_seconds = float(settings()["max_scene_seconds"].default)
    if isinstance(max_scene_seconds, bool) or not isinstance(max_scene_seconds, (int, float)):
        raise InvalidType(f"max_scene_seconds: expected a number, found {max_scene_seconds!r}")
    if not 0.5 <= max_scene_seconds <= 60:
        raise InvalidArgument(f"max_scene_seconds: expected a number from 0.5 to 60, found {max_scene_seconds!r}")
    with opened(source, fps=fps, layout=layout, audio=False) as (native, feeds):
        job = _native.detect_scenes(native, float(max_scene_seconds), device_text(device))
        return [(start, end) for start, end in json.loads(drive(job, feeds, progress=progress))]


def bd_rate(anchor: Iterable[tuple[float, float]], test: Iterable[tuple[float, float]]) -> float:
    """Bjontegaard's delta rate: how many more (or, negative, fewer) bits `test` takes than `anchor` at equal quality, in percent.

    Points are `(rate, quality)`, four or more, in any unit that both curves share; quality rises strictly with rate. The
    logarithm of the rate is interpolated by PCHIP and integrated over the interval of quality that both cover. Raises
    InvalidArgument, naming the curve, for curves that have no delta rate.
    """
    return _native.bd_rate(_points("anchor", anchor), _points("test", test))


def _points(name: str, curve: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    try:
        return [(float(rate), float(quality)) for rate, quality in curve]
    except (TypeError, ValueError):
        raise InvalidType(f"{name}: expected pairs (rate, quality) of numbers, found {curve!r}") from None


def info(source: Any) -> StreamInfo | ClipInfo:
    """What a stream says about itself; for other video files, what is known before the first frame.

    `source`: a path, bytes or a binary file object. A stream is read whole and checked, pictures aside.
    """
    if hasattr(source, "read"):
        source = read_some(source) + source.read()
    if not isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)):
        raise InvalidType(f"source: expected a path, bytes or a binary file object, found {type(source).__name__}")
    with opened(source, audio=False) as (native, _):
        values = native.describe()
        native.close()
    return stream_info(source) if values["stream"] is not None else clip_info(values)


def stream_info(source: Any) -> StreamInfo:
    """The summary of a stream in a file or in memory."""
    if isinstance(source, (str, os.PathLike)):
        with naming(source):
            text = _native.inspect(path=source)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        text = _native.inspect(bytes=bytes(source))
    else:
        raise InvalidType(f"source: expected a path, bytes or a binary file object, found {type(source).__name__}")
    return StreamInfo.from_dict({"schema": StreamInfo.SCHEMA, **json.loads(text)})


def clip_info(values: dict[str, Any]) -> ClipInfo:
    """A record of what the native module says about a source."""
    names = ("pixel_format", "color_range", "color_primaries", "color_transfer", "color_matrix")
    color = {name: values[name] for name in names}
    rate = Fraction(*values["frame_rate"])
    video = Clip(width=values["width"], height=values["height"], frame_rate=rate, **color)
    return ClipInfo(video, values["bit_depth"], values["declared_frames"])
