"""A report as one self-contained HTML page: targets, bytes, quality and rate along time, attempts, scenes, the worst frames."""

from __future__ import annotations

import functools
import html
import json
import os
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from ._output import write_text
from ._page_data import Measured, chart_data
from ._page_parts import bytes_part, facts, outcome, scenes_part, sentences, settings_part, stages_part, worst_part
from ._photo_page import MeasuredPhoto, photo_fragment
from .records import Report

CHARTS = Path(__file__).parent / "_charts"
STYLES = ("uplot.css", "charts.css", "report.css", "page.css")
SCRIPTS = ("uplot.js", "charts.js", "pictures.js", "report.js", "photo.js")
# Nothing is loaded from anywhere, whoever opens the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(
    report: Report,
    found: Measured | MeasuredPhoto | None = None,
    *,
    clip: str = "clip",
    command: str = "",
    date: datetime | None = None,
) -> str:
    """The page of a report, and of what was measured frame by frame where that is given."""
    clip, date = os.path.basename(clip) or "clip", date or datetime.now(timezone.utc)
    summary = f"{date.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC · neural-codec {report.library_version} · {report.base_encoder}"
    head = f"<h1>{html.escape(clip)}</h1><p class=note>{html.escape(summary)}</p>"
    shown = f"<pre><code>{html.escape(command)}</code></pre>" if command else ""
    return document(f"{clip}: report", f"<main class=report>{head}{outcome(report)}{shown}{fragment(report, found)}</main>")


def document(title: str, main: str, scripts: Iterable[str] = SCRIPTS) -> str:
    """A whole page with styles and scripts inside."""
    styles = "".join(_read(name) for name in STYLES)
    code = "".join(f"<script>{_read(name)}</script>" for name in scripts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="content-security-policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{styles}</style>{code}</head><body>{main}</body></html>\n"
    )


@functools.cache
def _read(name: str) -> str:
    text = (CHARTS / name).read_text(encoding="utf-8")
    assert "</script" not in text and "</style" not in text
    return text


def fragment(report: Report, found: Measured | MeasuredPhoto | None = None) -> str:
    """What every page of a report shows: charts, tables and pictures, without a title; its styles and scripts are `STYLES`, `SCRIPTS`."""
    if report.photo is not None:
        return photo_fragment(report, report.photo, found if isinstance(found, MeasuredPhoto) else None)
    found = found if isinstance(found, Measured) else None
    data = json.dumps(chart_data(report, found), separators=(",", ":")).replace("<", "\\u003c")
    notes = [*report.notes, *(found.notes if found is not None else [])]
    lost = [f"Not in the output: {each.what}: {each.why}" for each in report.lost]
    shown = [
        facts(report),
        sentences([*lost, *notes]),
        "<h2>Bytes</h2>",
        bytes_part(report),
        "<h2>Along time</h2>",
        _along(report, found),
        "<h2>Attempts</h2>",
        '<div class=tools><label>of <select id="scene-choice"><option value="">all scenes</option></select></label>'
        "<span class=note>Point at one, or step by the arrow keys, for its quantizer and preset; a click looks at its scene alone.</span></div>",
        '<div id="attempts" class="chart" role="group" aria-label="PSNR of the luma against bits a frame, of every attempt"></div>',
        "<h2>Scenes</h2>",
        scenes_part(report, found),
        worst_part(report, found),
        "<h2>Where the time went</h2>",
        stages_part(report.total),
        settings_part(report),
        f'<script type="application/json" id="report-data">{data}</script>',
    ]
    return "".join(shown)


def _along(report: Report, found: Measured | None) -> str:
    detailed = found is not None and found.values
    text = "Drag to look closer, double-click for all; the arrow keys step." + (
        " A floor holds for the mean of a scene: single frames may be below." if detailed else " Means of scenes."
    )
    need = '<p class="needs-script note">The charts need script, which is off here.</p>'
    return (
        f"<div class=tools><button type=button id=whole>whole clip</button><span class=note>{text}</span></div>"
        f'{need}<div id="along" class="chart"></div>'
    )


def write_page(
    path: str | os.PathLike[str],
    report: Report,
    found: Measured | MeasuredPhoto | None = None,
    *,
    clip: str = "clip",
    command: str = "",
) -> None:
    """Writes the page to a file, whole or not at all."""
    write_text(path, page(report, found, clip=clip, command=command))
