"""The worst frame of a coded clip as one picture with labels, and as a page with a slider beside it."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ._frames import Array
from ._output import write_text
from ._page import document
from ._pictures import Corner, boxed, crop, difference, png, ramp, worst_places

# Differences are shown this many times as large.
GAIN = 8
CROPS, SIDE, MARGIN, LINE = 3, 224, 16, 22
# Pages hold both frames whole up to that many bytes of text, and squares of them above.
MOST_PAGE = 6_000_000
_PAPER, _INK, _SOFT, _MARK = (255, 255, 255), (29, 36, 51), (91, 101, 119), (255, 214, 0)


def comparison(pillow: Any, source: Array, decoded: Array, title: str, note: str) -> Any:
    """A picture of Pillow: both frames with the squares that differ most marked, those at 1:1, their difference and its legend.

    Shapes: `source` and `decoded` `(height, width, 3)` uint8.
    """
    side = min(SIDE, max(48, min(source.shape[:2]) // 2))
    corners = worst_places(source, decoded, side, CROPS)
    sheet = _Sheet(pillow, 3 * side + 2 * MARGIN)
    sheet.text(title, big=True)
    sheet.text(note, soft=True)
    half = (sheet.width - MARGIN) // 2
    whole = [_fitted(pillow, boxed(each, corners, side, thick=max(2, each.shape[1] // 300)), half) for each in (source, decoded)]
    scale = whole[0].shape[1] / source.shape[1]
    marks = [(str(index + 1), round(x * scale), round(y * scale)) for index, (x, y) in enumerate(corners)]
    sheet.row([("source", whole[0]), ("result", whole[1])], marks)
    for index, (x, y) in enumerate(corners):
        before, after = (crop(each, (x, y), side) for each in (source, decoded))
        lost = float(np.square(before.astype(np.float64) - after).mean())
        psnr = "no loss" if lost == 0 else f"PSNR {10 * np.log10(255**2 / lost):.2f} dB in R, G, B"
        sheet.gap()
        sheet.text(f"{index + 1}: {side} pixels at 1:1 from ({x}, {y}), {psnr}")
        sheet.row([("source", before), ("result", after), (f"difference, {GAIN} times", difference(before, after, GAIN))])
    sheet.gap()
    sheet.legend(f"{255 / GAIN:.0f} or more")
    sheet.text("Levels of 255, the largest of R, G and B.", soft=True)
    return sheet.picture()


def _fitted(pillow: Any, picture: Array, width: int) -> Array:
    """Made smaller to a width, never larger."""
    if picture.shape[1] <= width:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    return np.asarray(pillow.fromarray(picture).resize((width, height), pillow.Resampling.LANCZOS))


class _Sheet:
    """Rows of pictures and text, one below the other."""

    def __init__(self, pillow: Any, width: int) -> None:
        from PIL import ImageDraw, ImageFont

        self.pillow, self.draw_on, self.width = pillow, ImageDraw.Draw, width
        self.fonts = {False: ImageFont.load_default(14), True: ImageFont.load_default(19)}
        self.parts: list[tuple[int, int, Any]] = []
        self.at = MARGIN

    def text(self, text: str, *, big: bool = False, soft: bool = False) -> None:
        """A paragraph, broken between words where it is too wide."""
        font, line = self.fonts[big], ""
        for word in [*text.split(), ""]:
            longer = f"{line} {word}".strip()
            if line and (not word or font.getlength(longer) > self.width):
                self.parts.append((0, self.at, (line, font, _SOFT if soft else _INK)))
                self.at += LINE + 6 * big
                longer = word
            line = longer

    def row(self, pictures: list[tuple[str, Array]], marks: Sequence[tuple[str, int, int]] = ()) -> None:
        """Pictures side by side, each under its name; `marks` are written onto each, at pixels of it."""
        step = (self.width + MARGIN) // len(pictures)
        for index, (name, picture) in enumerate(pictures):
            self.parts.append((index * step, self.at, (name, self.fonts[False], _SOFT)))
            self.parts.append((index * step, self.at + LINE, picture))
            self.parts += [(index * step + x + 4, self.at + LINE + y + 2, (mark, self.fonts[True], _MARK)) for mark, x, y in marks]
        self.at += LINE + max(picture.shape[0] for _, picture in pictures)

    def legend(self, most: str) -> None:
        """What the colors of differences stand for, from 0 to `most`."""
        bar = np.repeat(ramp(np.linspace(0, 1, 180))[None], 12, axis=0)
        self.parts += [(0, self.at, ("0", self.fonts[False], _INK)), (14, self.at + 3, bar)]
        self.parts.append((14 + 188, self.at, (most, self.fonts[False], _INK)))
        self.at += LINE

    def gap(self) -> None:
        self.at += MARGIN

    def picture(self) -> Any:
        out = self.pillow.new("RGB", (self.width + 2 * MARGIN, self.at + MARGIN), _PAPER)
        draw = self.draw_on(out)
        for x, y, part in self.parts:
            if isinstance(part, tuple):
                edge = 2 if part[2] == _MARK else 0
                draw.text((x + MARGIN, y), part[0], font=part[1], fill=part[2], stroke_width=edge, stroke_fill=(0, 0, 0))
            else:
                out.paste(self.pillow.fromarray(np.ascontiguousarray(part)), (x + MARGIN, y))
        return out


def comparison_page(source: Array, decoded: Array, title: str, note: str) -> str:
    """A page that compares two frames by a slider, at 1:1 or larger; whole ones where that is not too much, else their worst square."""
    place = ""
    pair = [png(each) for each in (source, decoded)]
    side = min(source.shape[:2])
    while sum(map(len, pair)) > MOST_PAGE and side > 256:
        side = max(256, side * 2 // 3)
        corner: Corner = worst_places(source, decoded, side)[0]
        pair = [png(crop(each, corner, side)) for each in (source, decoded)]
        place = f" The square of {side} pixels at {corner}, where it hurts most."
    images = "".join(f'<img alt="{name}" src="{uri}">' for name, uri in zip(("source", "result"), pair, strict=True))
    main = (
        f"<main class=report><h1>{html.escape(title)}</h1><p>{html.escape(note + place)}</p>"
        f'<figure class="pair"><div class="stage">{images}</div></figure></main>'
    )
    return document(title, main, ("uplot.js", "charts.js", "pictures.js"))


def save_comparison(
    pillow: Any, folder: Path, clip: str | os.PathLike[str], pictures: tuple[Array, Array], note: str
) -> None:
    """Writes `comparison.png` and `comparison.html` into a folder."""
    title = Path(clip).name
    comparison(pillow, *pictures, title, note).save(folder / "comparison.png", optimize=True)
    write_text(folder / "comparison.html", comparison_page(*pictures, title, note))
