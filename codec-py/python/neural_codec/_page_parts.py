"""Parts of a report's page: what it says in text and tables, as HTML."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence

from ._page_data import OTHER_TARGETS, Measured, WorstFrame, floors_of, rate_varies, time_of
from ._settings import settings
from ._words import counted
from .records import Report, Scene, Total

_WORDS = {
    "min_psnr": "PSNR of RGB at least {} dB",
    "min_psnr_y": "PSNR-Y at least {} dB",
    "min_ssim_y": "SSIM-Y at least {}",
    "min_ms_ssim": "MS-SSIM at least {}",
    "min_ssimulacra2": "SSIMULACRA 2 at least {}",
    "min_vmaf": "VMAF at least {}",
    "min_xpsnr": "XPSNR at least {} dB",
    "quantizer": "quantizer {}",
    "bitrate_bps": "{} bits a second",
    "size_bytes": "{} bytes",
    "lambda": "least cost at lambda {}",
}


def target_of(report: Report) -> str:
    """What was asked for, in words."""
    floors = floors_of(report)
    asked = {**floors, **{name: report.settings[name] for name in OTHER_TARGETS if report.settings.get(name) is not None}}
    parts = [_WORDS.get(name, name.replace("_", " ") + " {}").format(_written(value)) for name, value in asked.items()]
    if not floors or report.photo is not None:
        return ", ".join(parts) or "none"
    frames = {"mean": "", "harmonic_mean": " (harmonic mean of frames)"}
    pooling = str(report.settings.get("pooling", "mean"))
    where = "over the whole clip" if report.settings.get("scope") == "clip" else "in every scene"
    return ", ".join(parts) + frames.get(pooling, f" ({pooling} of frames)") + f", {where}"


def _written(value: object) -> str:
    """A setting's value as the command line takes it."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def outcome(report: Report) -> str:
    """The target, and whether it was met."""
    met = report.total.target_met
    missed = [scene.index for scene in report.scenes if not scene.target_met]
    where = f" in {_scenes_text(missed)}" if missed and len(report.scenes) > 1 else ""
    verdict = "met" if met else f"missed{where}"
    return f'<p>Target: {html.escape(target_of(report))}: <b class="{"met" if met else "missed"}">{verdict}</b></p>'


def facts(report: Report) -> str:
    """The figures that matter, as tiles."""
    total, clip = report.total, report.coded
    rate = float(clip.frame_rate)
    psnr = number(total.quality.psnr_y, 2, "lossless")
    found = [
        (amount(total.bytes), f"{total.bytes:,} bytes".replace(",", " ")),
        (f"{_si(total.bitrate_bps)}bit/s", f"1/{total.compression_ratio:.0f} of raw"),
        (f"{psnr} dB" if psnr != "lossless" else psnr, f"PSNR-Y, worst frame {number(total.quality.worst_frame_psnr_y, 2, 'lossless')}"),
        (number(total.quality.ssim_y, 4), "SSIM-Y"),
        (_clock(total.duration_seconds, 2), f"{counted(total.frames, 'frame')} in {counted(len(report.scenes), 'scene')}"),
        (f"{clip.width}x{clip.height}", f"{rate:.5g} frames a second, {clip.pixel_format}"),
        (_clock(total.seconds) if total.seconds >= 60 else f"{total.seconds:.1f} s", f"to encode, {total.frames_per_second:.1f} frames a second"),
    ]
    return tiles(found)


def tiles(found: Iterable[tuple[str, str]]) -> str:
    """Figures, each with what it is."""
    return "<ul class=facts>" + "".join(f"<li><b>{_safe(big)}</b><small>{_safe(small)}</small></li>" for big, small in found) + "</ul>"


def sentences(texts: Iterable[str]) -> str:
    """What a person should know."""
    items = "".join(f"<li>{html.escape(text)}</li>" for text in texts)
    return f"<ul class=plain>{items}</ul>" if items else ""


def bytes_part(report: Report) -> str:
    """What the bytes are for."""
    total = report.total
    filters = sum(scene.filter.bytes for scene in report.scenes if scene.filter is not None and scene.filter.verdict == "kept")
    pictures = sum(scene.bytes for scene in report.scenes)
    return shares([
        ("picture" if not filters else "picture, AV1", pictures - filters),
        ("picture, filters", filters),
        ("sound", total.audio_bytes),
        ("container, metadata and other tracks", max(0, total.bytes - pictures - total.audio_bytes)),
    ])  # fmt: skip


def shares(parts: Sequence[tuple[str, int]]) -> str:
    """Parts of a whole, at most four: a bar, and each with its share; those that are empty are left out, but for the first."""
    whole = max(1, sum(size for _, size in parts))
    left, bars, rows = 0.0, [], []
    for index, (name, size) in enumerate(parts):
        width = 100 * size / whole
        bars.append(f'<rect class="p{index}" x="{left:.2f}" width="{width:.2f}" height="4"><title>{html.escape(name)}</title></rect>')
        hidden = "" if size or not index else " hidden"
        rows.append(f"<li{hidden}>{html.escape(name)}: {amount(size)}, {width:.1f} %</li>")
        left += width
    bar = f'<svg class=share viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">{"".join(bars)}</svg>'
    return f"{bar}<ul>{''.join(rows)}</ul>"


_HEADS = ("scene", "start", "frames", "class", "coded by", "quantizer", "preset", "tools", "kB", "kbit/s", "PSNR-Y", "SSIM-Y", "worst dB", "attempts")
_NUMBERS = (0, 1, 2, 5, 6, 8, 9, 10, 11, 12, 13)


def scenes_part(report: Report, found: Measured | None) -> str:
    """A table that sorts, and what is to be said of scenes, each sentence once."""
    rate = None if rate_varies(report) else float(report.source.frame_rate)
    rows = []
    for s in report.scenes:
        quality = s.quality
        cells: tuple[tuple[str, object], ...] = (
            (str(s.index), s.index), (_clock(s.first_frame / rate) if rate else f"frame {s.first_frame}", s.first_frame), (str(s.frames), s.frames),
            (s.profile.scene_class.replace("_", " "), ""), (s.strategy, ""), (f"{s.quantizer:g}", s.quantizer),
            (str(s.preset), s.preset), (s.tools or "–", ""), (f"{s.bytes / 1000:.1f}", s.bytes),
            (f"{s.bitrate_bps / 1000:.0f}", s.bitrate_bps), (number(quality.psnr_y, 2, "lossless"), quality.psnr_y),
            (number(quality.ssim_y, 4), quality.ssim_y), (number(quality.worst_frame_psnr_y, 2), quality.worst_frame_psnr_y),
            (str(len(s.attempts)), len(s.attempts)),
        )  # fmt: skip
        rows.append(f"<tr{'' if s.target_met else ' class=row-missed'}>" + "".join(map(_cell, range(len(cells)), cells)) + "</tr>")
    heads = "".join(f'<th scope="col"{_kind(column)}>{name}</th>' for column, name in enumerate(_HEADS))
    table = f"<table class=sorts><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class=scrolls tabindex=0 role=group aria-label="Scenes">{table}</div>{_why(report.scenes)}'


def _cell(column: int, given: tuple[str, object]) -> str:
    text, sort = given
    order = "" if sort == "" else f' data-sort="{_safe("" if sort is None else sort)}"'
    shown = _safe(text)
    if column == 0:
        shown = f'<button type=button data-scene-of="{shown}" title="Look at it alone">{shown}</button>'
    wide = ' class="wide"' if _HEADS[column] == "tools" and len(text) > 16 else _kind(column)
    return f"<td{wide}{order}>{shown}</td>"


def _kind(column: int) -> str:
    return ' class="n"' if column in _NUMBERS else ""


def _why(scenes: Sequence[Scene]) -> str:
    """Each sentence once, with the scenes that it is about."""
    about: dict[str, list[int]] = {}
    for scene in scenes:
        for text in (scene.reason, _filter(scene), f"{scene.profile.scene_class.replace('_', ' ')}: {scene.profile.class_reason}", _asked(scene)):
            if text:
                about.setdefault(text, []).append(scene.index)
    every = len(scenes)
    items = [
        f"<li><b>{'every scene' if len(indices) == every > 1 else _safe(_scenes_text(indices))}</b>: {html.escape(text)}</li>"
        for text, indices in sorted(about.items(), key=lambda each: -len(each[1]))
    ]
    return f"<details{' open' if every <= 8 else ''}><summary>Why scenes are coded as they are</summary><ul class=plain>{''.join(items)}</ul></details>"


def _asked(scene: Scene) -> str:
    return "asked for: " + ", ".join(f"{name} {value}" for name, value in scene.asked.items()) if scene.asked else ""


def _scenes_text(indices: Sequence[int]) -> str:
    """`scene 4`, or `scenes 0 to 3, 7`."""
    spans: list[list[int]] = []
    for index in indices:
        if spans and index == spans[-1][1] + 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    text = ", ".join(str(first) if first == last else f"{first} to {last}" if last > first + 1 else f"{first}, {last}" for first, last in spans)
    return f"scene{'' if len(indices) == 1 else 's'} {text}"


def _filter(scene: Scene) -> str:
    """What a filter takes and does to the quality, where the scene has one, and why."""
    found = scene.filter
    if found is None:
        return ""
    is_network = found.network_size != "Wiener"
    if found.verdict != "kept":
        return f"no {'neural' if is_network else 'Wiener'} filter: {found.reason}"
    name = f"neural filter {found.network_size}" if is_network else "Wiener filter"
    psnr = f"psnr_y {number(found.base_psnr_y, 2)} to {number(scene.quality.psnr_y, 2)} dB"
    ssim = f"ssim_y {number(found.base_ssim_y, 4)} to {number(scene.quality.ssim_y, 4)}"
    return f"{name}, {found.bytes} bytes: {psnr}, {ssim} ({found.reason})"


def worst_part(report: Report, found: Measured | None) -> str:
    """The worst frames with the part where it hurts most, to be compared by a slider."""
    if found is None or not found.worst:
        return ""
    figures = "".join(_worst(each, report) for each in found.worst)
    return f"<h2>The worst frames</h2><div class=worst>{figures}</div>"


def _worst(each: WorstFrame, report: Report) -> str:
    scene = next((s.index for s in report.scenes if s.first_frame <= each.frame < s.first_frame + s.frames), 0)
    time = time_of(report, each.frame)
    when = "" if time is None else f" at {_clock(time, digits=2)}"
    title = f"Frame {each.frame}{when}, scene {scene}: {number(each.psnr_y, 2, 'lossless')} dB"
    if each.ssim_y is not None:
        title += f", SSIM-Y {each.ssim_y:.4f}"
    place = _safe(f"The square of {each.side} pixels at ({each.x}, {each.y}), marked in the frame:")
    overview = f'<figcaption class=note>{place}</figcaption><img class="whole" alt="the whole frame" src="{_image(each.whole)}">'
    if each.side >= max(report.coded.width, report.coded.height):
        overview = "<figcaption class=note>The whole frame.</figcaption>"
    return (
        f"<figure><figcaption><b>{_safe(title)}</b></figcaption>"
        f'<div class="pair"><div class="stage"><img alt="source" src="{_image(each.source)}">'
        f'<img alt="result" src="{_image(each.result)}"></div></div>'
        f"{overview}</figure>"
    )


def _image(uri: str) -> str:
    return html.escape(uri) if uri.startswith("data:image/") else ""


def stages_part(total: Total) -> str:
    """Seconds by stage, and what is left of the processor's: reading the source, and writing."""
    rest = total.cpu_seconds - sum(stage.cpu_seconds for stage in total.stages.values())
    rows = [(name, str(s.runs), f"{s.seconds:.2f}", f"{s.cpu_seconds:.2f}") for name, s in total.stages.items()]
    rows += [("everything else", "", "", f"{max(rest, 0.0):.2f}"), ("the encode", "", f"{total.seconds:.2f}", f"{total.cpu_seconds:.2f}")]
    cells = "".join(
        f'<tr><td>{html.escape(name)}</td><td class=n>{_safe(runs)}</td><td class=n>{wall}</td><td class=n>{cpu}</td></tr>'
        for name, runs, wall, cpu in rows
    )
    heads = '<th scope="col">stage</th>' + "".join(f'<th scope="col" class=n>{name}</th>' for name in ("runs", "seconds", "processor seconds"))
    note = "<p class=note>Stages run side by side, so that their seconds may exceed those of the encode.</p>"
    return f"<div class=scrolls tabindex=0 role=group aria-label=Stages><table class=narrow><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table></div>{note}"


def settings_part(report: Report) -> str:
    """Settings that are not the defaults; floors are told as the target."""
    usual = {name: setting.default for name, setting in settings().items()}
    written = {name: _written(value) for name, value in report.settings.items() if name not in floors_of(report)}
    changed = {name: value for name, value in written.items() if value != usual.get(name)}
    listed = ", ".join(f"<code>{html.escape(name)}={html.escape(value[:200])}</code>" for name, value in changed.items())
    return f"<h2>Settings</h2><p>{listed or 'All but the target are the defaults.'}</p>"


def _safe(value: object) -> str:
    """Whatever it is, as text: stored reports are read without a look at their types."""
    return html.escape(str(value))


def amount(count: int) -> str:
    """Bytes with a unit."""
    return f"{count} bytes" if count < 10_000 else f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.2f} MB"


def number(value: float | None, digits: int, none: str = "–") -> str:
    """A number, or what stands for none."""
    return none if value is None else f"{value:.{digits}f}"


def _si(value: float) -> str:
    return f"{value / 1e6:.2f} M" if value >= 1e6 else f"{value / 1e3:.0f} k"


def _clock(seconds: float, digits: int = 0) -> str:
    """Minutes and seconds."""
    whole, rest = int(seconds), seconds - int(seconds)
    text = f"{whole // 60}:{whole % 60:02}"
    return text + (f"{rest:.{digits}f}"[1:] if digits else "")
