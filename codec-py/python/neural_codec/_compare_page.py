"""A comparison of two clips or two pictures as one self-contained page: what was measured, and the places that differ most."""

from __future__ import annotations

import html
import os

from ._page import document
from ._page_parts import sentences, tiles
from ._photo_page import MeasuredPhoto, crops_part, measured_photo, of_pictures
from ._pictures import decoded_at, frames_at
from .errors import NeuralCodecError
from .records import Metrics

_TITLES = {
    "psnr_rgb": ("PSNR of red, green and blue", 2),
    "psnr_y": ("PSNR-Y", 2),
    "psnr_yuv": ("PSNR of Y, U and V", 2),
    "ssim_y": ("SSIM-Y", 4),
    "ms_ssim_y": ("MS-SSIM-Y", 4),
    "ssimulacra2": ("SSIMULACRA 2", 2),
    "vmaf": ("VMAF", 2),
    "xpsnr_y": ("XPSNR-Y", 2),
}


def comparison_of_files(reference: str, clip: str, metrics: Metrics, command: str) -> str:
    """The page; `metrics` of clips with the values of each frame, of which the worst is shown."""
    what, found = _pictures(reference, clip, metrics)
    names = [name for name in _TITLES if metrics[name] is not None]
    figures = [(f"{metrics[name]:.{_TITLES[name][1]}f}" + (" dB" if "psnr" in name else ""), _TITLES[name][0]) for name in names]
    sizes = [(f"{os.path.getsize(path):,}".replace(",", " "), f"bytes of {name}") for name, path in (("the reference", reference), ("the other", clip)) if os.path.isfile(path)]
    count = [] if metrics.frames == 1 else [(str(metrics.frames), f"frames, {metrics.lossless_frames} without a difference")]
    if metrics.lossless_frames == metrics.frames:
        figures = [("none", "difference")]
    title = f"{os.path.basename(clip)} against {os.path.basename(reference)}"
    main = (
        f"<main class=report><h1>{html.escape(title)}</h1><p class=note>compared as {html.escape(metrics.pixel_format)}{html.escape(what)}</p>"
        f"<pre><code>{html.escape(command)}</code></pre>{tiles([*figures, *count, *sizes])}{sentences(found.notes)}{crops_part(found)}</main>"
    )
    return document(title, main, ("uplot.js", "charts.js", "pictures.js"))


def _pictures(reference: str, clip: str, metrics: Metrics) -> tuple[str, MeasuredPhoto]:
    """What is shown, and the pictures of it."""
    if metrics.frames == 1:
        return "", measured_photo(reference, clip)
    # PSNR is None where nothing differs.
    values = [(each.psnr_y, index) for index, each in enumerate(metrics.per_frame or []) if each.psnr_y is not None]
    worst = min(values)[1] if values else 0
    note = f"; pictures are of frame {worst}, of least PSNR-Y"
    try:
        before, after = dict(frames_at(reference, [worst])), decoded_at(clip, [worst])
        return note, of_pictures(before[worst], after[worst])
    except NeuralCodecError as error:
        return note, MeasuredPhoto([], "", [], [f"There are no pictures: {error}"])
