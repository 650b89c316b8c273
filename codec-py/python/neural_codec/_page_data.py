"""What a report's page shows beyond the report: values of each frame, frames where the loss is greatest, a picture of each scene."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ._frames import Array
from ._measure import compare, stream_info
from ._pictures import boxed, crop, decoded_at, frames_at, png, shrunk, small, worst_places
from .errors import NeuralCodecError
from .records import FrameValues, Record, Report, Scene

# The largest number of points along time; of longer clips each point stands for several frames.
MOST_POINTS = 20_000
# Seconds that times may be off by before a page tells frames instead: containers round them.
MOST_OFF_S = 0.1
# Bytes of text that pictures of a page may take, so that the page of ten minutes stays below 1.5 MB.
MOST_CROPS, MOST_THUMBNAILS = 480_000, 200_000
SIDES = (240, 208, 176, 144, 112, 80, 56)
WORST, THUMBNAIL, OVERVIEW = 3, 54, 150
# What a clip is coded for where nothing else is asked for (docs/TARGETS.md).
OTHER_TARGETS = ("quantizer", "bitrate_bps", "size_bytes", "lambda")
# Title, what values are multiplied by to be whole, digits, unit, color, least height of the axis, its end, and the floor's setting.
MEASURES: dict[str, tuple[str, int, int, str, str, float, float | None, str]] = {
    "psnr_y": ("PSNR-Y, dB", 100, 2, "dB", "--ink1", 0.5, None, "min_psnr_y"),
    "ssim_y": ("SSIM-Y", 10_000, 4, "", "--ink3", 0.002, 1.0, "min_ssim_y"),
    "ms_ssim_y": ("MS-SSIM-Y", 10_000, 4, "", "--ink4", 0.002, 1.0, "min_ms_ssim_y"),
}


@dataclass(frozen=True)
class WorstFrame(Record):
    """A frame where the loss is greatest, and the square of it where it hurts most; pictures are data URIs."""

    frame: int
    """Index in the clip."""
    psnr_y: float | None
    """Of the luma, dB."""
    ssim_y: float | None
    """Of the luma."""
    x: int
    """Left edge of the square, pixels."""
    y: int
    """Its upper edge, pixels."""
    side: int
    """Its width and height, pixels."""
    whole: str
    """The whole frame of the result, made small, with the square marked."""
    source: str
    """The square of the source."""
    result: str
    """The square of the result."""


@dataclass(frozen=True)
class Measured(Record):
    """What was measured of a coded clip for its page."""

    SCHEMA = "neural-codec/measured/1"

    values: dict[str, list[float | None]]
    """By the name of the measure, a value a frame."""
    frame_bytes: list[int]
    """Of the base layer, by frame; empty where they are not known."""
    worst: list[WorstFrame]
    """The worst first."""
    thumbnails: dict[str, str]
    """Data URIs by the number of the scene."""
    notes: list[str] = field(default_factory=list)
    """What could not be measured, and why."""


def _shown() -> list[str]:
    """Measures along time, those with a place of their own first; PSNR of all planes says little beside that of luma."""
    others = [each.name for each in dataclasses.fields(FrameValues) if each.name not in ("psnr_yuv", "psnr_rgb")]
    return [*MEASURES, *(name for name in others if name not in MEASURES)]


def measured(
    report: Report,
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    ms_ssim: bool = False,
    frames: list[FrameValues] | None = None,
    pictures: bool = True,
) -> Measured:
    """Compares every frame, unless `frames` has their values, and takes pictures of the worst ones and of each scene.

    What fails becomes a note.
    """
    values: dict[str, list[float | None]] = {}
    frame_bytes: list[int] = []
    worst: list[WorstFrame] = []
    thumbnails: dict[str, str] = {}
    notes: list[str] = []
    try:
        if frames is None:
            frames = compare(source, output, ms_ssim=ms_ssim, per_frame=True).per_frame or []
        by_name = {name: [getattr(frame, name) for frame in frames] for name in _shown()}
        values = {name: row for name, row in by_name.items() if any(value is not None for value in row)}
    except NeuralCodecError as error:
        notes.append(f"Frames were not compared: {error}")
    try:
        frame_bytes = [size for scene in stream_info(output).scenes for size in scene.frame_bytes]
    except NeuralCodecError as error:
        notes.append(f"The bytes of single frames are not known: {error}")
    try:
        if pictures:
            worst, thumbnails = _pictures(report, source, output, values)
    except NeuralCodecError as error:
        notes.append(f"There are no pictures: {error}")
    return Measured(values, frame_bytes, worst, thumbnails, notes)


def _pictures(
    report: Report, source: str | os.PathLike[str], output: str | os.PathLike[str], values: dict[str, list[float | None]]
) -> tuple[list[WorstFrame], dict[str, str]]:
    """The worst frames, and a picture of each scene, by one pass over the source."""
    chosen = worst_frames(report, values)
    middles = {scene.first_frame + scene.frames // 2: scene.index for scene in report.scenes}
    before, pictures = {}, {}
    for index, picture in frames_at(source, {*middles, *chosen}):
        if index in middles:
            pictures[middles[index]] = shrunk(picture, THUMBNAIL)
        if index in chosen:
            before[index] = picture
    return _worst(chosen, before, decoded_at(output, chosen), values), _thumbnails(report.scenes, pictures)


def worst_frames(report: Report, values: dict[str, list[float | None]]) -> list[int]:
    """Frames of least PSNR, at most one a scene, or in a single scene at least a second apart; the worst first."""
    psnr = values.get("psnr_y")
    if psnr is None:
        worst = report.total.quality.worst_frame
        return [] if worst is None else [worst]
    scene_of = {frame: scene.index for scene in report.scenes for frame in range(scene.first_frame, scene.first_frame + scene.frames)}
    apart = max(1, round(float(report.source.frame_rate)))
    found: list[int] = []
    order = sorted((value, index) for index, value in enumerate(psnr) if value is not None)
    for _, index in order:
        near = any(abs(index - other) < apart for other in found)
        same = len(report.scenes) > 1 and any(scene_of.get(index) == scene_of.get(other) for other in found)
        if not near and not same:
            found.append(index)
        if len(found) == WORST:
            break
    return found


def _worst(
    chosen: list[int], before: dict[int, Array], after: dict[int, Array], values: dict[str, list[float | None]]
) -> list[WorstFrame]:
    """The worst frames with squares as large as the page has room for."""
    known = [index for index in chosen if index in before and index in after and before[index].shape == after[index].shape]
    found: list[WorstFrame] = []
    for side in SIDES:
        found = []
        for index in known:
            source, result = before[index], after[index]
            x, y = worst_places(source, result, side)[0]
            here = {name: row[index] for name, row in values.items()}
            cut = [png(crop(each, (x, y), side)) for each in (source, result)]
            thick = max(2, source.shape[0] // 150)
            whole = small(shrunk(boxed(result, [(x, y)], side, thick=thick), OVERVIEW))
            found.append(WorstFrame(index, here.get("psnr_y"), here.get("ssim_y"), x, y, side, whole, *cut))
        if sum(len(each.source) + len(each.result) + len(each.whole) for each in found) <= MOST_CROPS:
            break
    return found


def _thumbnails(scenes: Sequence[Scene], pictures: dict[int, Array]) -> dict[str, str]:
    """A picture of as many scenes as there is room for, the longest first."""
    kept: dict[int, str] = {}
    left = MOST_THUMBNAILS
    for scene in sorted(scenes, key=lambda scene: -scene.frames):
        text = small(pictures[scene.index]) if scene.index in pictures else ""
        if text and len(text) <= left:
            kept[scene.index] = text
            left -= len(text)
    return {str(index): kept[index] for index in sorted(kept)}


def rate_varies(report: Report) -> bool:
    """Whether frames are not shown at even distances, as far as a report tells: the bits a second of scenes say how long they last."""
    rate, total = float(report.source.frame_rate), report.total
    lasting = [(scene.frames, 8 * scene.bytes / scene.bitrate_bps) for scene in report.scenes if scene.bitrate_bps]
    return any(abs(frames / rate - seconds) > max(1 / rate, MOST_OFF_S) for frames, seconds in [*lasting, (total.frames, total.duration_seconds)])


def time_of(report: Report, frame: int) -> float | None:
    """Seconds at which a frame is shown; None where the rate varies and a report does not tell."""
    return None if rate_varies(report) else frame / float(report.source.frame_rate)


def floors_of(report: Report) -> dict[str, float]:
    """The floors that an encode had to keep, by setting."""
    numbers = {name: value for name, value in report.settings.items() if isinstance(value, (int, float))}
    return {name: value for name, value in numbers.items() if name.startswith("min_")}


def chart_data(report: Report, found: Measured | None) -> dict[str, Any]:
    """What the charts of a page draw, as JSON: whole numbers where that is shorter."""
    floors = floors_of(report)
    values = dict(found.values) if found is not None else {}
    count = len(next(iter(values.values()))) if values else 0
    sizes = found.frame_bytes if found is not None else []
    detailed = count > 0 and len(sizes) in (0, count)
    if not detailed:
        frames, values, bits = _by_scene(report)
    else:
        step = -(-count // MOST_POINTS)
        frames = list(range(0, count, step))
        values = {name: [_least(row[at : at + step]) for at in frames] for name, row in values.items()}
        bits = [8 * sum(sizes[at : at + step]) / len(sizes[at : at + step]) for at in frames] if sizes else []
    series = []
    for name in _shown():
        label, by, digits, unit, color, least, most, setting = MEASURES.get(name, (name, 1000, 3, "", "--ink4", 0.01, None, f"min_{name}"))
        if name in values:
            whole = [None if value is None else round(value * by) for value in values[name]]
            shown = {"label": label, "by": by, "digits": digits, "unit": unit, "color": color, "least": least, "most": most}
            means = [getattr(scene.quality, name, None) for scene in report.scenes] if detailed else []
            known = {"means": means} if any(mean is not None for mean in means) else {}
            series.append({**shown, **known, "values": whole, "floor": floors.get(setting)})
    if bits:
        shown = {"label": "bits a frame", "by": 1, "digits": 0, "unit": "bits", "color": "--ink2", "least": 1, "zero": True}
        series.append({**shown, "values": [round(value) for value in bits], "floor": None})
    thumbnails = found.thumbnails if found is not None else {}
    return {
        "fps": None if rate_varies(report) else float(report.source.frame_rate),
        "frames": frames,
        "series": series,
        "scenes": [
            {"first": scene.first_frame, "frames": scene.frames, "image": thumbnails.get(str(scene.index))}
            for scene in report.scenes
        ],
        "attempts": [attempt for scene in report.scenes for attempt in _attempts(scene)],
    }


def _least(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return min(known) if known else None


def _by_scene(report: Report) -> tuple[list[int], dict[str, list[float | None]], list[float]]:
    """The same of the report alone: each scene's means, at its first and its last frame."""
    frames: list[int] = []
    values: dict[str, list[float | None]] = {"psnr_y": [], "ssim_y": []}
    bits: list[float] = []
    for scene in report.scenes:
        for frame in (scene.first_frame, scene.first_frame + max(1, scene.frames - 1)):
            frames.append(frame)
            values["psnr_y"].append(scene.quality.psnr_y)
            values["ssim_y"].append(scene.quality.ssim_y)
            bits.append(8 * scene.bytes / scene.frames)
    return frames, {name: row for name, row in values.items() if any(value is not None for value in row)}, bits


def _attempts(scene: Scene) -> list[dict[str, Any]]:
    # What is stored has its filter over it.
    stage = "filter" if scene.filter is not None and scene.filter.verdict == "kept" else "store"
    stored = next((each for each in reversed(scene.attempts) if each.stage == stage and each.quantizer == scene.quantizer), None)
    return [
        {
            "scene": scene.index,
            "stage": each.stage,
            "preset": each.preset,
            "quantizer": each.quantizer,
            "tools": each.tools,
            "rate": round(8 * each.bytes / each.frames, 1),
            "psnr": None if each.psnr_y is None else round(each.psnr_y, 3),
            "ssim": None if each.ssim_y is None else round(each.ssim_y, 4),
            "part": each.frames < scene.coded_frames,
            "stored": each is stored,
        }
        for each in scene.attempts
    ]
