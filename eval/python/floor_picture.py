"""Draws the picture of the README: bytes for the same quality floor, by clip and encoder.

    python eval/python/floor_picture.py docs/images/floor.tsv docs/images/floor.svg

The table is that of docs/BENCHMARKS.md, where the command, the machine and the version stand. The same table gives the same bytes.
"""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path

from svg import FAINT, PAPER, text

ENCODERS = {"neural-codec": "#0969da", "SVT-AV1": "#d4a72c", "x265": "#8c959f"}
TITLES = {"neural-codec": "neural-codec, effort 5", "SVT-AV1": "SVT-AV1 4.1, preset 6", "x265": "x265, medium"}
WIDTH, LEFT, RIGHT, TOP, BAR, GAP = 860, 236, 64, 86, 12, 16


def main() -> None:
    table, picture = map(Path, sys.argv[1:])
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    picture.write_text(svg(rows))


def svg(rows: list[dict[str, str]]) -> str:
    """Bars by clip, in hundredths of SVT-AV1's bytes, and the geometric mean below them."""
    groups = [(row["clip"].replace("_", " "), {name: float(row[name]) for name in ENCODERS}) for row in rows]
    shares = [(clip, {name: sizes[name] / sizes["SVT-AV1"] for name in ENCODERS}) for clip, sizes in groups]
    mean = {name: math.exp(math.fsum(math.log(share[name]) for _, share in shares) / len(shares)) for name in ENCODERS}
    shares.append(("geometric mean", mean))
    height = TOP + len(shares) * (3 * BAR + GAP) + 14
    most = max(max(share.values()) for _, share in shares)
    scale = (WIDTH - LEFT - RIGHT) / most

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="13">',
        "<title>Bytes for the same quality floor, by clip and encoder</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="{PAPER}"/>',
        text(20, 28, "Bytes for the same quality: every scene at PSNR-Y of at least 35 dB and SSIM of at least 0.95", weight=600, size=15),
    ]
    x = 20
    for name, color in ENCODERS.items():
        parts += [f'<rect x="{x}" y="44" width="12" height="12" fill="{color}"/>', text(x + 18, 54.5, TITLES[name])]
        x += 190
    parts.append(text(x, 54.5, "100 % = SVT-AV1; shorter is better"))
    for percent in range(0, int(100 * most) + 1, 50):
        at = LEFT + percent / 100 * scale
        parts += [
            f'<line x1="{at:.1f}" y1="{TOP - 6}" x2="{at:.1f}" y2="{height - 14}" stroke="{FAINT}"/>',
            text(at, TOP - 10, f"{percent} %", anchor="middle", size=11),
        ]
    y = TOP
    for clip, share in shares:
        last = clip == "geometric mean"
        parts.append(text(LEFT - 12, y + 1.5 * BAR + 4.5, clip, anchor="end", weight=600 if last else 400))
        for name, color in ENCODERS.items():
            length = share[name] * scale
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 1}" fill="{color}"/>')
            parts.append(text(LEFT + length + 6, y + BAR - 2, f"{100 * share[name]:.0f} %", size=11))
            y += BAR
        y += GAP
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    main()
