"""Draws rate against quality of still pictures, as eval/python/stills.py measured them.

    python eval/python/stills_picture.py out/stills/points.tsv docs/images/stills.tsv docs/images/stills.svg

The first table has a line for each point, the second the means over the pictures that every coder drawn has, of each coder's points those of
one build, that of its last line. The same table gives the same bytes. Of all 24 pictures of Kodak, what Cool-chic publishes for them is drawn beside.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from svg import FAINT, PAPER, text

# Okabe and Ito's colors.
COLORS = {
    "neural-codec, effort 4": "#D55E00",
    "neural-codec, SSIMULACRA 2 floor": "#E69F00",
    "AVIF (libaom) 4:4:4, slowest": "#0072B2",
    "AVIF (libaom) 4:2:0, speed 3": "#56B4E9",
    "JPEG XL, slowest": "#009E73",
    "WebP, slowest": "#CC79A7",
}
PUBLISHED = "Cool-chic 5.0, as published"
POINTS = ((0.0839, 27.435), (0.2186, 30.859), (0.4819, 34.521), (0.7594, 37.247), (1.3571, 41.167))
"""Bits a pixel and psnr_rgb in dB of Cool-chic 5.0: means over Kodak of the results in its repository (github.com/Orange-OpenSource/Cool-Chic)."""
DRAWN = {**COLORS, PUBLISHED: "#555555"}
PANELS = (("psnr_rgb", "PSNR of R, G and B, dB"), ("ssimulacra2", "SSIMULACRA 2"))
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, GAP = 940, 420, 48, 16, 96, 44, 56
Row = dict[str, str]
Curve = list[tuple[float, float]]


def main() -> None:
    points, table, picture = map(Path, sys.argv[1:])
    with points.open(newline="") as file:
        means = means_of(list(csv.DictReader(file, delimiter="\t")))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(means[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(means)
    picture.write_text(svg(means))


def means_of(rows: Sequence[Row]) -> list[Row]:
    """A line for each coder and quality, over the pictures of all coders."""
    # Of several builds the one of today stands last.
    builds, contents = {row["codec"]: row.get("build") for row in rows}, {row["picture"]: row.get("content") for row in rows}
    rows = [row for row in rows if (row.get("build"), row.get("content")) == (builds[row["codec"]], contents[row["picture"]])]
    by_codec: dict[str, set[str]] = {}
    for row in rows:
        by_codec.setdefault(row["codec"], set()).add(row["picture"])
    shown = [name for name in COLORS if name in by_codec]
    pictures = set.intersection(*(by_codec[name] for name in shown))
    found: list[Row] = []
    for name in shown:
        for quality in sorted({row["quality"] for row in rows if row["codec"] == name}, key=float):
            points = [row for row in rows if (row["codec"], row["quality"]) == (name, quality) and row["picture"] in pictures]
            if len(points) < len(pictures):
                continue
            bits = [8 * int(row["bytes"]) / int(row["pixels"]) for row in points]
            means = {metric: f"{math.fsum(float(row[metric]) for row in points) / len(points):.3f}" for metric, _ in PANELS}
            rate = math.fsum(bits) / len(bits)
            found.append({"codec": name, "quality": quality, "pictures": str(len(points)), "bits_per_pixel": f"{rate:.4f}", **means})
    return found


def svg(rows: Sequence[Row]) -> str:
    """Two panels: bits a pixel, on a log axis, against each metric."""
    count = rows[0]["pictures"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="13">',
        "<title>Rate against quality of still pictures</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{PAPER}"/>',
        text(20, 28, f"Still pictures: means of {count} of Kodak's; up and to the left is better", weight=600, size=15),
    ]
    x, y = 14.0, 43.0
    named = {row["codec"] for row in rows} | ({PUBLISHED} if count == "24" else set())
    for name, color in DRAWN.items():
        if name in named:
            width = 26 + 5.3 * len(name)
            if x + width > WIDTH:
                x, y = 14.0, y + 15
            parts += [f'<circle cx="{x + 5}" cy="{y}" r="5" fill="{color}"/>', text(x + 14, y + 4.5, name, size=10)]
            x += width
    side = (WIDTH - LEFT - RIGHT - GAP) / 2
    for index, (metric, title) in enumerate(PANELS):
        curves = {name: curve(rows, name, metric) for name in COLORS}
        if PUBLISHED in named and metric == "psnr_rgb":
            curves[PUBLISHED] = list(POINTS)
        parts += panel(LEFT + index * (side + GAP), side, title, {name: points for name, points in curves.items() if points})
    return "\n".join([*parts, "</svg>", ""])


def curve(rows: Sequence[Row], name: str, metric: str) -> Curve:
    return sorted((float(row["bits_per_pixel"]), float(row[metric])) for row in rows if row["codec"] == name)


def panel(left: float, width: float, title: str, curves: dict[str, Curve]) -> list[str]:
    points = [point for each in curves.values() for point in each]
    low, high = (math.log(f(x for x, _ in points)) for f in (min, max))
    least, most = (f(y for _, y in points) for f in (min, max))
    step = next(step for step in (1, 2, 5, 10, 20) if (most - least) / step <= 9)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (math.log(x) - low) / (high - low) * width, HEIGHT - BOTTOM - (y - least) / (most - least) * (HEIGHT - TOP - BOTTOM)

    parts = [text(left, TOP - 14, title, weight=600)]
    for mark in range(math.ceil(least / step) * step, math.floor(most) + 1, step):
        _, y = at(math.exp(low), mark)
        parts += [f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{left + width:.1f}" y2="{y:.1f}" stroke="{FAINT}"/>', text(left - 6, y + 4, str(mark), "end", size=11)]
    for mark_bits in (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4):
        if low <= math.log(mark_bits) <= high:
            x, _ = at(mark_bits, least)
            parts += [f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="{FAINT}"/>', text(x, HEIGHT - BOTTOM + 16, f"{mark_bits:g}", "middle", size=11)]
    parts.append(text(left + width / 2, HEIGHT - 10, "bits a pixel", "middle", size=12))
    for name, each in curves.items():
        places = [at(*point) for point in each]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{DRAWN[name]}" stroke-width="1.8"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{DRAWN[name]}"/>' for x, y in places]
    return parts


if __name__ == "__main__":
    main()
