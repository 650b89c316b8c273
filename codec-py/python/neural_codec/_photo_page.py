"""What the page of a photo shows: size and quality, bytes apart, every attempt, and the places where it differs most, at 1:1."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ._frames import Array
from ._page_parts import amount, number, sentences, settings_part, shares, stages_part, tiles
from ._photo import decode_photo
from ._pictures import Corner, boxed, crop, difference, png, ramp, shrunk, small, worst_places
from .errors import NeuralCodecError
from .records import Attempt, Photo, Record, Report, Scene

# Differences are shown this many times as large.
GAIN = 8
CROPS, SIDES = 3, (224, 160, 112, 80)
# Bytes of text that pictures of a page may take.
MOST_CROPS, MOST_PAIR = 900_000, 900_000
OVERVIEW = 260


@dataclass(frozen=True)
class PhotoCrop(Record):
    """A square of source and result; pictures are data URIs."""

    x: int
    """Left edge, pixels."""
    y: int
    """Upper edge, pixels."""
    side: int
    """Width and height, pixels."""
    psnr_rgb: float | None
    """Of the square, dB; None where nothing differs."""
    source: str
    result: str
    difference: str


@dataclass(frozen=True)
class MeasuredPhoto(Record):
    """Pictures of a coded photo for its page; data URIs."""

    SCHEMA = "neural-codec/measured-photo/1"

    crops: list[PhotoCrop]
    """Where it differs most, the worst first."""
    overview: str
    """The whole result, made small, with the squares marked."""
    pair: list[str]
    """Source and result, whole; empty where that is too much."""
    notes: list[str] = field(default_factory=list)
    """What could not be shown, and why."""


def measured_photo(source: str | os.PathLike[str], output: str | os.PathLike[str]) -> MeasuredPhoto:
    """Pictures of a photo and what became of it. What fails becomes a note."""
    try:
        before, after = (eight_bits(decode_photo(path).image) for path in (source, output))
    except NeuralCodecError as error:
        return MeasuredPhoto([], "", [], [f"There are no pictures: {error}"])
    return of_pictures(before, after)


def of_pictures(before: Array, after: Array) -> MeasuredPhoto:
    """The same of two pictures `(height, width, 3)` of uint8."""
    if before.shape != after.shape:
        height, width, _ = before.shape
        sizes = f"source of {width}x{height}, result of {after.shape[1]}x{after.shape[0]}"
        return MeasuredPhoto([], "", [], [f"There are no pictures: expected pictures of one size, found a {sizes}."])
    crops: list[PhotoCrop] = []
    room = max(48, min(before.shape[:2]) // 2)
    for most in SIDES:
        side = min(most, room)
        crops = [_crop(before, after, corner, side) for corner in worst_places(before, after, side, CROPS)]
        if sum(len(each.source) + len(each.result) + len(each.difference) for each in crops) <= MOST_CROPS:
            break
    marks: list[Corner] = [(each.x, each.y) for each in crops]
    marked = boxed(after, marks, crops[0].side, thick=max(2, after.shape[1] // 200)) if crops else after
    pair: list[str] = []
    # Half a byte a sample is less than PNG takes of any photo.
    if before.size / 2 < MOST_PAIR:
        pair = [png(before), png(after)]
        if sum(map(len, pair)) > MOST_PAIR:
            pair = []
    return MeasuredPhoto(crops, small(shrunk(marked, OVERVIEW)), pair)


def _crop(before: Array, after: Array, corner: Corner, side: int) -> PhotoCrop:
    a, b = (crop(each, corner, side) for each in (before, after))
    lost = float(np.square(a.astype(np.float64) - b).mean())
    psnr = None if lost == 0 else float(10 * np.log10(255**2 / lost))
    return PhotoCrop(*corner, side, psnr, png(a), png(b), png(difference(a, b, GAIN)))


def eight_bits(image: Array) -> Array:
    """RGB of 8 bits, without opacity."""
    rgb = image[:, :, :3]
    return rgb if rgb.dtype == np.uint8 else (rgb >> 8).astype(np.uint8)


def photo_fragment(report: Report, photo: Photo, found: MeasuredPhoto | None) -> str:
    """All of a photo's page below its title."""
    notes = [*report.notes, *(found.notes if found is not None else [])]
    lost = [f"Not in the output: {each.what}: {each.why}" for each in report.lost]
    scene = report.scenes[0]
    return "".join([
        _facts(report, photo),
        sentences([f"{scene.reason}: {_coded_by(scene, photo)}.", *lost, *notes]),
        "<h2>Bytes</h2>",
        shares(_bytes(report, photo)),
        crops_part(found),
        _attempts_part(report),
        "<h2>Where the time went</h2>",
        stages_part(report.total),
        settings_part(report),
    ])  # fmt: skip


def _coded_by(scene: Scene, photo: Photo) -> str:
    """What the stored attempt was made with."""
    if scene.strategy == "still":
        return f"a still of {photo.macs_per_pixel} multiplications a pixel"
    made = f"quantizer {scene.quantizer:g}, preset {scene.preset}"
    return f"{made}, a filter of {photo.macs_per_pixel} multiplications a pixel" if photo.macs_per_pixel else made


def _facts(report: Report, photo: Photo) -> str:
    total, clip = report.total, report.coded
    quality = total.pooled
    ssimulacra2 = quality.get("ssimulacra2")
    attempts = len(report.scenes[0].attempts)
    kind = "gray" if photo.is_gray else "RGB"
    depth = 10 if clip.pixel_format.endswith("10") else 8
    found = [
        (amount(total.bytes), f"{total.bytes:,} bytes".replace(",", " ")),
        (f"{photo.bits_per_pixel:.3f}", "bits a pixel"),
        (_decibels(quality.get("psnr_rgb")), "PSNR of red, green and blue"),
        (number(ssimulacra2, 2), "SSIMULACRA 2") if ssimulacra2 is not None else (number(quality.get("ssim_y"), 4), "SSIM-Y"),
        (f"{clip.width}x{clip.height}", f"{clip.width * clip.height / 1e6:.2f} megapixels, {kind} of {depth} bits"),
        (f"{total.seconds:.1f} s", f"to encode, {attempts} {'attempt' if attempts == 1 else 'attempts'}"),
    ]
    return tiles(found)


def _decibels(value: float | None) -> str:
    return "lossless" if value is None else f"{value:.2f} dB"


def _bytes(report: Report, photo: Photo) -> list[tuple[str, int]]:
    tags = photo.icc_bytes + photo.exif_bytes + photo.xmp_bytes
    # What a file does not keep is counted in the report, and named as lost.
    lost = {each.what for each in report.lost}
    alpha = 0 if "alpha" in lost else photo.alpha_bytes
    kept = [
        (name, size)
        for name, size in (("profile", photo.icc_bytes), ("exif", photo.exif_bytes), ("xmp", photo.xmp_bytes))
        if size and name not in lost
    ]
    tags = sum(size for _, size in kept)
    names = {"profile": "ICC", "exif": "EXIF", "xmp": "XMP"}
    detail = " (" + ", ".join(f"{names[name]} {amount(size)}" for name, size in kept) + ")" if kept else ""
    rest = max(0, report.total.bytes - photo.coded_bytes - tags - alpha)
    return [("picture", photo.coded_bytes), ("opacity", alpha), (f"metadata{detail}", tags), ("container", rest)]


def crops_part(found: MeasuredPhoto | None) -> str:
    """The places where source and result differ most, at 1:1, and both whole under a slider."""
    if found is None or not found.crops:
        return ""
    rows = "".join(map(_crop_row, range(1, 1 + len(found.crops)), found.crops))
    legend = f'<p class=note>Differences are {GAIN} times as large: {_scale()} 0 to {255 / GAIN:.0f} or more of 255 levels, the largest of R, G and B.</p>'
    overview = f'<figure class=overview><img class="whole" alt="the whole result with the squares marked" src="{_image(found.overview)}"></figure>'
    pair = ""
    if found.pair:
        source, result = map(_image, found.pair)
        pair = (
            "<h2>The whole picture</h2>"
            f'<div class="pair"><div class="stage"><img alt="source" src="{source}"><img alt="result" src="{result}"></div></div>'
        )
    return f"<h2>Where it differs most</h2>{overview}{rows}{legend}{pair}"


def _crop_row(index: int, each: PhotoCrop) -> str:
    psnr = "no loss" if each.psnr_rgb is None else f"PSNR {each.psnr_rgb:.2f} dB"
    title = html.escape(f"{index}: {each.side} pixels at 1:1 from ({each.x}, {each.y}), {psnr}")
    pictures = (("source", each.source), ("result", each.result), ("difference", each.difference))
    images = "".join(
        f'<figure><img alt="{name} of place {index}" width="{each.side}" src="{_image(uri)}"><figcaption class=note>{name}</figcaption></figure>'
        for name, uri in pictures
    )
    return f"<p><b>{title}</b></p><div class=crops>{images}</div>"


def _scale() -> str:
    bar = np.repeat(ramp(np.linspace(0, 1, 120))[None], 10, axis=0)
    return f'<img alt="from dark to light" width=120 height=10 src="{png(bar)}">'


def _image(uri: str) -> str:
    return html.escape(uri) if uri.startswith("data:image/") else ""


_MEASURES = {
    "psnr_rgb": ("PSNR of RGB, dB", 2),
    "ssimulacra2": ("SSIMULACRA 2", 2),
    "psnr_y": ("PSNR-Y, dB", 2),
    "ssim_y": ("SSIM-Y", 4),
    "ms_ssim_y": ("MS-SSIM-Y", 4),
}
_FLOORS = {"psnr_rgb": "min_psnr", "ssimulacra2": "min_ssimulacra2", "psnr_y": "min_psnr_y", "ssim_y": "min_ssim_y", "ms_ssim_y": "min_ms_ssim"}


def _attempts_part(report: Report) -> str:
    """Every attempt in a table, by bytes; and where there are several, bytes against quality as a chart."""
    attempts = sorted(report.scenes[0].attempts, key=lambda each: (each.bytes, each.seconds))
    stored = _stored(report, attempts)
    shown = [name for name in _MEASURES if any(getattr(each, name) is not None for each in attempts)]
    pixels = report.coded.width * report.coded.height
    heads = [("stage", ""), ("preset", " class=n"), ("quantizer", " class=n"), ("bytes", " class=n"), ("bits a pixel", " class=n")]
    heads += [(_MEASURES[name][0], " class=n") for name in shown] + [("seconds", " class=n")]
    rows = []
    for each in attempts:
        values = [number(getattr(each, name), _MEASURES[name][1], "lossless" if name == "psnr_rgb" else "–") for name in shown]
        coded_by = ["–", "–"] if each.stage == "still" else [str(each.preset), f"{each.quantizer:g}"]
        numbers = [*coded_by, f"{each.bytes:,}".replace(",", " "), f"{8 * each.bytes / pixels:.3f}", *values, f"{each.seconds:.2f}"]
        label = f"{html.escape(each.stage)}{', <b>stored</b>' if each is stored else ''}"
        rows.append(f"<tr><td>{label}</td>" + "".join(f"<td class=n>{html.escape(text)}</td>" for text in numbers) + "</tr>")
    head = "".join(f'<th scope="col"{kind}>{html.escape(name)}</th>' for name, kind in heads)
    table = (
        '<div class=scrolls tabindex=0 role=group aria-label="Attempts"><table class=narrow>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
    tools = ", ".join(sorted({each.tools for each in attempts if each.tools not in ("", "default")}))
    note = f"<p class=note>Options of the base encoder: {html.escape(tools)}.</p>" if tools else ""
    return f"<h2>Attempts</h2>{_chart(report, attempts, stored, shown)}{table}{note}"


def _chart(report: Report, attempts: Sequence[Attempt], stored: Attempt | None, shown: Sequence[str]) -> str:
    if len(attempts) < 2:
        return ""
    floor = next((name for name in shown if report.settings.get(_FLOORS[name]) is not None), "psnr_rgb")
    label, digits = _MEASURES[floor]
    points = [
        {
            "bytes": each.bytes, "value": getattr(each, floor), "stored": each is stored, "stage": each.stage, "preset": each.preset,
            "quantizer": each.quantizer,
        }
        for each in attempts
    ]  # fmt: skip
    data = json.dumps({"label": label, "digits": digits, "points": points}, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<div id="tries" class="chart" role="group" aria-label="{label} against bytes, of every attempt"></div>'
        f'<script type="application/json" id="photo-data">{data}</script>'
    )


def _stored(report: Report, attempts: Sequence[Attempt]) -> Attempt | None:
    scene = report.scenes[0]
    stage = "still" if scene.strategy == "still" else "store"
    same = [each for each in attempts if each.stage == stage and (each.quantizer, each.preset) == (scene.quantizer, scene.preset)]
    return same[-1] if same else None
