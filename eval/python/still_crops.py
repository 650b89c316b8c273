"""Crops of still pictures beside AVIF of as many bytes, to be looked at.

    python eval/python/still_crops.py PICTURE.png ... --output out/stills/crops.png [--settings effort=6 min_psnr=34]

Each picture is coded by this library with those settings, and by `avifenc` at its slowest speed, 4:4:4, at the coarsest quantizer that takes
at least as many bytes, so that AVIF has no fewer. Two rows of a picture: the place where AVIF is farther from the source than ours is, and
the place where ours is, each the most of all places. Columns: the source, ours, AVIF.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from still_codecs import CODECS, StillCodec, decode, encode
from stills import ANCHOR

import neural_codec

SIDE, ZOOM, MARGIN, CAPTION = 160, 2, 8, 40
"""A crop's side in pixels, how large it is shown, and what lies between crops and above them."""
COARSEST = 63
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Coded:
    """A picture as one coder gave it."""

    name: str
    picture: Picture
    """RGB, rows by columns by 3."""
    bytes: int

    def caption(self, source: Picture) -> str:
        found = neural_codec.compare(source[None], self.picture[None], metrics="ssimulacra2")
        return f"{self.name}: {self.bytes:,} bytes\n{found.psnr_rgb:.2f} dB, SSIMULACRA 2 {found.ssimulacra2:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Crops of still pictures beside AVIF of as many bytes.")
    parser.add_argument("pictures", nargs="+", type=Path, help="PNG files of eight bits")
    parser.add_argument("--output", type=Path, default=Path("out/stills/crops.png"))
    parser.add_argument("--settings", nargs="+", default=["effort=6", "min_psnr=34"], metavar="KEY=VALUE", help="of this library")
    options = parser.parse_args()
    avif = next(codec for codec in CODECS if codec.name == ANCHOR)
    ours = StillCodec(f"neural-codec, {' '.join(options.settings)}", "nvc", tuple(options.settings), (), ())
    rows = []
    for path in options.pictures:
        source = _opened(path)
        with tempfile.TemporaryDirectory(prefix="crops-") as folder:
            first = coded(ours, 0, path, Path(folder))
            second = at_least(first.bytes, avif, path, Path(folder))
        rows += [row(source, first, second, place) for place in places(source, first.picture, second.picture)]
        print(*(each.caption(source).replace("\n", ", ") for each in (first, second)), sep="\n", flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(options.output)


def coded(codec: StillCodec, quality: float, source: Path, folder: Path) -> Coded:
    target, decoded = folder / f"coded.{codec.ending}", folder / "decoded.png"
    encode(codec, quality, source, target)
    decode(codec, target, decoded)
    return Coded(codec.name, _opened(decoded), target.stat().st_size)


def at_least(size: int, codec: StillCodec, source: Path, folder: Path) -> Coded:
    """The coarsest of the quantizers 0 to 63 that takes at least `size` bytes; the finest where none does."""
    fine, coarse, found = 0, COARSEST, None
    while fine < coarse:
        middle = (fine + coarse + 1) // 2
        tried = coded(codec, middle, source, folder)
        if tried.bytes >= size:
            fine, found = middle, tried
        else:
            coarse = middle - 1
    return found or coded(codec, fine, source, folder)


def places(source: Picture, ours: Picture, other: Picture) -> list[tuple[int, int]]:
    """Top and left of the crop where the other's squared error exceeds ours by the most, and of that where ours exceeds the other's."""
    height, width = (min(SIDE, side) for side in source.shape[:2])
    error = [np.square(np.subtract(each, source, dtype=np.float64)).sum(axis=2) for each in (ours, other)]
    sums = np.pad(error[1] - error[0], ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    excess = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    tops, lefts = zip(*(np.unravel_index(at, excess.shape) for at in (excess.argmax(), excess.argmin())), strict=True)
    return [(int(top), int(left)) for top, left in zip(tops, lefts, strict=True)]


def row(source: Picture, ours: Coded, other: Coded, place: tuple[int, int]) -> Picture:
    """The place in the source and in both, side by side and with what each took."""
    top, left = place
    side = SIDE * ZOOM
    page = Image.new("RGB", (3 * side + 4 * MARGIN, side + CAPTION + MARGIN), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    cells = [("the source", source), (ours.caption(source), ours.picture), (other.caption(source), other.picture)]
    for column, (caption, picture) in enumerate(cells):
        x = MARGIN + column * (side + MARGIN)
        draw.multiline_text((x, 4), caption, "black", font)
        crop = Image.fromarray(picture[top : top + SIDE, left : left + SIDE])
        page.paste(crop.resize((crop.width * ZOOM, crop.height * ZOOM), Image.Resampling.NEAREST), (x, CAPTION))
    return np.asarray(page)


def _opened(path: Path) -> Picture:
    return np.asarray(Image.open(path).convert("RGB"))


if __name__ == "__main__":
    main()
