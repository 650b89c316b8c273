"""A report as tables and figures of other libraries, and as a notebook shows it."""

from __future__ import annotations

import html
from importlib import import_module
from typing import Any

from ._page_data import rate_varies
from ._page_parts import amount, number, target_of
from .errors import InvalidArgument, MissingLibrary
from .records import Report, Scene

TABLES = ("scenes", "attempts")
# A notebook shows the first scenes of a long clip.
_MOST_ROWS = 20


def scene_row(scene: Scene) -> dict[str, Any]:
    """One scene, flat: its own fields, and those of its quality and its profile."""
    own = ("index", "first_frame", "frames", "coded_frames", "strategy", "quantizer", "preset", "bit_depth", "tools", "verdict", "target_met", "bytes", "bitrate_bps")
    row = {name: getattr(scene, name) for name in own}
    return {**row, **scene.quality.to_dict(), **scene.profile.to_dict(), "attempts": len(scene.attempts), "seconds": scene.seconds}


def to_pandas(report: Report, table: str) -> Any:
    """A DataFrame with a row for each scene or each attempt."""
    if table not in TABLES:
        raise InvalidArgument(f"table: expected one of {', '.join(TABLES)}, found {table!r:.80}")
    pandas = _needed("pandas", "pandas")
    if table == "scenes":
        return pandas.DataFrame([scene_row(scene) for scene in report.scenes])
    rows = [{"scene": scene.index, **attempt.to_dict()} for scene in report.scenes for attempt in scene.attempts]
    return pandas.DataFrame(rows)


def plot(report: Report) -> Any:
    """A figure of matplotlib: rate and quality of scenes along time, and of all attempts."""
    figures = _needed("matplotlib.figure", "plot")
    figure = figures.Figure(figsize=(9, 7), layout="constrained")
    along, attempts = figure.subplots(2, 1)
    varies = rate_varies(report)
    rate = 1.0 if varies else float(report.source.frame_rate)
    starts = [scene.first_frame / rate for scene in report.scenes]
    widths = [scene.frames / rate for scene in report.scenes]
    along.bar(starts, [scene.bitrate_bps / 1000 for scene in report.scenes], widths, align="edge", color="#c2571a55", edgecolor="#c2571a")
    along.set(xlabel="frames" if varies else "seconds", ylabel="kbit/s", title=f"{report.total.bytes} bytes; target: {target_of(report)}")
    quality = along.twinx()
    for scene, start, width in zip(report.scenes, starts, widths, strict=True):
        if scene.quality.psnr_y is not None:
            quality.hlines(scene.quality.psnr_y, start, start + width, color="#2563a8")
    quality.set_ylabel("PSNR-Y, dB", color="#2563a8")
    for scene in report.scenes:
        known = [each for each in scene.attempts if each.psnr_y is not None]
        attempts.scatter([8 * each.bytes / each.frames for each in known], [each.psnr_y for each in known], s=22, label=f"scene {scene.index}")
    attempts.set(xlabel="bits a frame", ylabel="PSNR-Y, dB", xscale="log", title="attempts")
    attempts.grid(alpha=0.3)
    if 1 < len(report.scenes) <= 12:
        attempts.legend(fontsize="small")
    return figure


def _needed(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise MissingLibrary(f"missing package {name}: pip install neural-codec[{extra}]") from None


def repr_html(report: Report) -> str:
    """What a notebook shows."""
    total = report.total
    met = "met" if total.target_met else "<b>missed</b>"
    names = ("scene", "frames", "class", "coded by", "quantizer", "bytes", "kbit/s", "PSNR-Y", "SSIM-Y")
    rows = [
        (
            str(s.index), str(s.frames), s.profile.scene_class, s.strategy, f"{s.quantizer:g}", str(s.bytes), f"{s.bitrate_bps / 1000:.0f}",
            number(s.quality.psnr_y, 2, "lossless"), number(s.quality.ssim_y, 4),
        )
        for s in report.scenes[:_MOST_ROWS]
    ]  # fmt: skip
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    more = f"<p>and {len(report.scenes) - _MOST_ROWS} scenes more</p>" if len(report.scenes) > _MOST_ROWS else ""
    head = "".join(f"<th>{name}</th>" for name in names)
    text = (
        f"{total.frames} frames in {amount(total.bytes)}, {total.bitrate_bps / 1000:.0f} kbit/s,"
        f" {number(total.quality.psnr_y, 2, 'lossless')} dB; target: {html.escape(target_of(report))}: {met}"
    )
    return f"<p>{text}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
