"""What the command line prints about an encode."""

from __future__ import annotations

import sys

from ._photo_lines import photo_report_lines
from ._words import counted
from .records import Lost, Report


def report_lines(report: Report) -> list[str]:
    """A report as a table of scenes and a line of totals; of a photo, of attempts."""
    if report.photo is not None:
        return photo_report_lines(report, report.photo)
    total = report.total
    lines = ["scene  frames         bytes  class            strategy  quantizer  PSNR-Y dB  SSIM-Y"]
    for scene in report.scenes:
        psnr, ssim = _number(scene.quality.psnr_y, 2), _number(scene.quality.ssim_y, 4)
        lines.append(
            f"{scene.index:5}  {scene.frames:6}  {scene.bytes:12}  {scene.profile.scene_class:15}  {scene.strategy:8}"
            f"  {scene.quantizer:9}  {psnr:>9}  {ssim:>6}{'' if scene.target_met else '  misses the target'}"
        )
    lines.append(
        f"{counted(total.frames, 'frame')}, {total.bytes} bytes, {total.bitrate_bps / 1000:.0f} kbit/s,"
        f" 1/{total.compression_ratio:.1f} of raw, PSNR-Y {_number(total.quality.psnr_y, 2)} dB,"
        f" SSIM-Y {_number(total.quality.ssim_y, 4)}, {total.seconds:.1f} s with {report.base_encoder}"
    )
    # What a floor names beside these two.
    shown = ("psnr_y", "ssim_y") if report.settings.get("pooling", "mean") == "mean" else ()
    others = [f"{name} {value:.4f}" for name, value in total.pooled.items() if name not in shown]
    pooling, scope = (report.settings.get(name, "") for name in ("pooling", "scope"))
    if others:
        lines.append(f"over the clip, {pooling}: {', '.join(others)}" + (" (the floor's scope)" if scope == "clip" else ""))
    lines += [f"lost: {each.what}: {each.why}" for each in report.lost]
    return lines + [f"note: {note}" for note in report.notes]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def print_lost(lost: list[Lost]) -> None:
    """On standard error, what of the source will not be in the output."""
    for each in lost:
        print(f"lost: {each.what}: {each.why}", file=sys.stderr)


def say_missed(source: str, report: Report) -> None:
    """On standard error, what a missed target was and what can be done."""
    missed = [scene for scene in report.scenes if not scene.target_met]
    where = f"{len(missed)} of {len(report.scenes)} scenes miss" if report.scenes else "the photo misses"
    reason = f" (scene {missed[0].index}: {missed[0].reason})" if missed else ""
    print(f"{source}: {where} the target{reason}; a higher --effort or another target may do", file=sys.stderr)
