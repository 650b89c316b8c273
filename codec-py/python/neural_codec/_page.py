"""A report as one self-contained HTML page: scenes along time, rate against quality, the worst frame."""

from __future__ import annotations

import base64
import html
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ._frames import Array
from .records import Report, Scene, Total

WIDTH, CROP = 960, 240
COLORS = {
    "static": "#7f8c8d",
    "talking_head": "#e67e22",
    "moderate_motion": "#2980b9",
    "high_motion": "#c0392b",
    "synthetic": "#27ae60",
}
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; } td, th { padding: .2em .8em .2em 0; text-align: left; }
td { font-variant-numeric: tabular-nums; } th { border-bottom: 1px solid #999; }
svg { display: block; width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: #444; }
figure { display: inline-block; margin: 0 1em 1em 0; } figure img { width: 300px; image-rendering: pixelated; }
.missed { color: #c0392b; }
"""


def page(report: Report, worst: tuple[Array, Array] | None = None) -> str:
    """The page. `worst`: source and decoded of the worst frame, `(height, width, 3)` uint8."""
    total = report.total
    met = "" if total.target_met else '<p class="missed">The target is missed; see the scenes below.</p>'
    parts = [
        f"<h1>{total.frames} frames in {_bytes(total.bytes)}</h1>",
        f"<p>{total.bitrate_bps / 1000:.0f} kbit/s, 1/{total.compression_ratio:.0f} of raw, psnr_y"
        f" {_number(total.quality.psnr_y, 2)} dB, ssim_y {_number(total.quality.ssim_y, 4)};"
        f" {html.escape(report.base_encoder)}, {total.seconds:.1f} s.</p>",
        met,
        "<h2>Scenes along time</h2>",
        _strip(report.scenes),
        "<h2>Rate and quality of every attempt</h2>",
        "<p>One color a scene; the ring is what was stored.</p>",
        _plot(report.scenes),
        "<h2>Scenes</h2>",
        _table(report.scenes),
        "<h2>Time</h2>",
        _stages(report.total),
        *(f"<p>{html.escape(note)}</p>" for note in report.notes),
    ]
    if worst is not None:
        parts.append(f"<h2>The worst frame, {total.quality.worst_frame}</h2>")
        parts += [
            f'<figure><img alt="{name}" src="{_png(crop)}"><figcaption>{name}</figcaption></figure>'
            for name, crop in zip(("source", "decoded"), _crops(*worst), strict=True)
        ]
    head = f'<meta charset="utf-8"><title>neural-codec report</title><style>{STYLE}</style>'
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def write_page(path: str | os.PathLike[str], report: Report, worst: tuple[Array, Array] | None = None) -> None:
    """Writes the page to a file."""
    Path(path).write_text(page(report, worst), encoding="utf-8")


def _strip(scenes: Sequence[Scene]) -> str:
    """Bars along time: as wide as a scene, as high as its bitrate, colored by class; a line for its PSNR."""
    frames = sum(scene.frames for scene in scenes)
    top = max(scene.bitrate_bps for scene in scenes)
    psnr = [scene.quality.psnr_y for scene in scenes if scene.quality.psnr_y is not None]
    low, high = (min(psnr) - 1, max(psnr) + 1) if psnr else (0.0, 1.0)
    shapes = []
    for scene in scenes:
        x, width = WIDTH * scene.first_frame / frames, WIDTH * scene.frames / frames
        height = 150 * scene.bitrate_bps / top
        name = scene.profile.scene_class
        tip = (
            f"scene {scene.index}: {name}, {scene.bitrate_bps / 1000:.0f} kbit/s,"
            f" {_number(scene.quality.psnr_y, 2)} dB, {_number(scene.quality.ssim_y, 4)}"
        )
        shapes.append(
            f'<rect x="{x:.1f}" y="{170 - height:.1f}" width="{max(width - 1, 0.5):.1f}" height="{height:.1f}"'
            f' fill="{COLORS.get(name, "#000")}"><title>{html.escape(tip)}</title></rect>'
        )
        if scene.quality.psnr_y is not None:
            y = 170 - 150 * (scene.quality.psnr_y - low) / (high - low)
            shapes.append(f'<path d="M{x:.1f} {y:.1f}h{width:.1f}" stroke="#000" stroke-width="2"/>')
    legend = "".join(
        f'<rect x="{150 * i}" y="185" width="12" height="12" fill="{color}"/><text x="{150 * i + 18}" y="196">{name}</text>'
        for i, (name, color) in enumerate(COLORS.items())
    )
    text = f"bars: up to {top / 1000:.0f} kbit/s; black: psnr_y, {low:.1f} to {high:.1f} dB"
    return f'<svg viewBox="0 0 {WIDTH} 205" role="img"><text y="12">{text}</text>{"".join(shapes)}{legend}</svg>'


def _plot(scenes: Sequence[Scene]) -> str:
    """Points of all attempts: bits a frame, on a logarithmic scale, against PSNR."""
    points = [
        (scene, attempt.bytes * 8 / attempt.frames, attempt.psnr_y, (attempt.stage, attempt.quantizer) == ("store", scene.quantizer))
        for scene in scenes
        for attempt in scene.attempts
        if attempt.psnr_y is not None
    ]
    if not points:
        return "<p>Every attempt is lossless.</p>"
    rates = np.log10([rate for _, rate, _, _ in points])
    levels = np.array([psnr for _, _, psnr, _ in points])
    xs = 40 + (WIDTH - 60) * (rates - rates.min()) / max(float(np.ptp(rates)), 1e-6)
    ys = 280 - 250 * (levels - levels.min()) / max(float(np.ptp(levels)), 1e-6)
    shapes = []
    for (scene, rate, psnr, stored), x, y in zip(points, xs, ys, strict=True):
        color = f"hsl({scene.index * 137 % 360} 65% 42%)"
        ring = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="none" stroke="{color}" stroke-width="2"/>' if stored else ""
        tip = f"scene {scene.index}: {rate:.0f} bits a frame, {psnr:.2f} dB"
        shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"><title>{tip}</title></circle>{ring}')
    text = (
        f'<text x="40" y="305">{10 ** rates.min():.0f} bits a frame</text>'
        f'<text x="{WIDTH - 20}" y="305" text-anchor="end">{10 ** rates.max():.0f}</text>'
        f'<text y="30">{levels.max():.1f} dB</text><text y="284">{levels.min():.1f} dB</text>'
    )
    return f'<svg viewBox="0 0 {WIDTH} 312" role="img">{"".join(shapes)}{text}</svg>'


def _table(scenes: Iterable[Scene]) -> str:
    names = ("scene", "frames", "class", "strategy", "quantizer", "tools", "bytes", "psnr_y", "ssim_y", "attempts", "why")
    rows = []
    for s in scenes:
        cells = (
            s.index, s.frames, s.profile.scene_class, s.strategy, s.quantizer, s.tools, s.bytes, _number(s.quality.psnr_y, 2),
            _number(s.quality.ssim_y, 4), len(s.attempts), _why(s),
        )  # fmt: skip
        style = "" if s.target_met else ' class="missed"'
        rows.append(f"<tr{style}>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>")
    return "<table><tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>" + "".join(rows) + "</table>"


def _why(scene: Scene) -> str:
    return "; ".join(text for text in (scene.reason, _filter(scene), scene.profile.class_reason) if text)


def _filter(scene: Scene) -> str:
    """What a neural filter takes and does to the quality, where the scene has one, and why."""
    found = scene.filter
    if found is None:
        return ""
    if found.verdict != "kept":
        return f"no neural filter: {found.reason}"
    psnr = f"psnr_y {_number(found.base_psnr_y, 2)} to {_number(scene.quality.psnr_y, 2)} dB"
    ssim = f"ssim_y {_number(found.base_ssim_y, 4)} to {_number(scene.quality.ssim_y, 4)}"
    return f"neural filter {found.network_size}, {found.bytes} bytes: {psnr}, {ssim} ({found.reason})"


def _stages(total: Total) -> str:
    """Seconds by stage, and what is left of the processor's: reading the source, and writing."""
    rows = [(name, s.runs, s.seconds, s.cpu_seconds) for name, s in total.stages.items()]
    rest = total.cpu_seconds - sum(stage.cpu_seconds for stage in total.stages.values())
    cells = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{runs}</td><td>{seconds:.2f}</td><td>{cpu:.2f}</td></tr>"
        for name, runs, seconds, cpu in rows
    )
    cells += f"<tr><td>everything else</td><td></td><td></td><td>{max(rest, 0.0):.2f}</td></tr>"
    cells += f"<tr><th>the encode</th><th></th><th>{total.seconds:.2f}</th><th>{total.cpu_seconds:.2f}</th></tr>"
    return f"<table><tr><th>stage</th><th>runs</th><th>seconds</th><th>processor seconds</th></tr>{cells}</table>"


def _crops(source: Array, decoded: Array) -> tuple[Array, Array]:
    """The square in which both differ most."""
    error = np.square(source.astype(np.float64) - decoded.astype(np.float64)).sum(axis=2)
    height, width = (min(CROP, side) for side in error.shape)
    sums = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    squares = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    y, x = np.unravel_index(int(squares.argmax()), squares.shape)
    cut = np.s_[y : y + height, x : x + width]
    return source[cut], decoded[cut]


def _png(picture: Array) -> str:
    """A picture `(height, width, 3)` of uint8 as a data URI. Source: PNG specification, 3rd edition, clauses 5 and 11."""
    height, width, _ = picture.shape
    rows = np.pad(picture.reshape(height, -1), ((0, 0), (1, 0)))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def _bytes(count: int) -> str:
    return f"{count} bytes" if count < 10_000 else f"{count / 1000:.0f} kB" if count < 10_000_000 else f"{count / 1e6:.1f} MB"


def _number(value: float | None, digits: int) -> str:
    return "lossless" if value is None else f"{value:.{digits}f}"
