"""Still pictures against AVIF, JPEG XL and WebP: rate, quality in RGB and processor time at every point of their curves.

    python eval/python/stills.py [PICTURE.png ...] --output out/stills [--only NAME ...]

Without pictures, those of the folder kodak/ in NEURAL_CODEC_MEDIA. Every point goes to points.tsv at once, with what its picture holds and the
builds of what coded it, and is not measured again by a later run; points of other builds stay in the file, before today's, and count in no mean. Delta
rates and a table are printed at the end. One thread each. Quality is measured by this library on what each coder's own decoder gives, as PNG of 8 bits.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from bd_rate import NotComparable, bd_rate
from PIL import Image
from still_codecs import CODECS, StillCodec, build, decode, encode

import kept
import neural_codec

COLUMNS = ("picture", "codec", "quality", "bytes", "pixels", "psnr_rgb", "ssimulacra2", "cpu_seconds", "content", "build")
METRICS = ("psnr_rgb", "ssimulacra2")
ANCHOR = "AVIF (libaom) 4:4:4, slowest"
Row = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description="Still pictures against AVIF, JPEG XL and WebP.")
    parser.add_argument("pictures", nargs="*", type=Path, help="PNG files; default: kodak/*.png in NEURAL_CODEC_MEDIA")
    parser.add_argument("--output", type=Path, default=Path("out/stills"))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="coders to measure, by the beginning of their name")
    options = parser.parse_args()
    pictures = options.pictures or default_pictures()
    kept.distinct(pictures)
    options.output.mkdir(parents=True, exist_ok=True)
    table = options.output / "points.tsv"
    contents, builds = {path.stem: kept.content(path) for path in pictures}, {codec.name: build(codec) for codec in CODECS}
    before, rows = of_today(read(table), contents, builds)
    write(table, [*before, *rows])
    known = {(row["picture"], row["codec"], row["quality"]) for row in rows}
    chosen = [codec for codec in CODECS if options.only is None or codec.name.startswith(tuple(options.only))]
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t")
        for picture in pictures:
            for codec in chosen:
                for quality in codec.qualities:
                    if (picture.stem, codec.name, f"{quality:g}") in known:
                        continue
                    row = {**measured(picture, codec, quality), "content": contents[picture.stem], "build": builds[codec.name]}
                    writer.writerow(row)
                    file.flush()
                    rows.append(row)
            print(f"{picture.stem} is measured", file=sys.stderr, flush=True)
    print("\n".join(summary(rows)))
    print("\n" + "\n".join(f"- {name}: {builds[name]}" for name in dict.fromkeys(row["codec"] for row in rows)))
    if before:
        print(f"\n{len(before)} points of other builds or pictures are left out.")


def default_pictures() -> list[Path]:
    folder = os.environ.get("NEURAL_CODEC_MEDIA")
    found = sorted(Path(folder, "kodak").glob("*.png")) if folder else []
    if not found:
        raise SystemExit("pictures: name some, or set NEURAL_CODEC_MEDIA to a folder with kodak/*.png")
    return found


def read(table: Path) -> list[Row]:
    """The points that were measured before, by whichever build; what their table did not tell yet is empty."""
    if not table.exists():
        return []
    with table.open(newline="") as file:
        return [{**dict.fromkeys(COLUMNS, ""), **row} for row in csv.DictReader(file, delimiter="\t")]


def write(table: Path, rows: Iterable[Row]) -> None:
    """All points, in the place of the table that was there."""
    new = table.with_suffix(".new")
    with new.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    new.replace(table)


def of_today(rows: Iterable[Row], contents: dict[str, str], builds: dict[str, str]) -> tuple[list[Row], list[Row]]:
    """The points of other builds, or of pictures that were others, and those that would be measured alike today."""
    found: tuple[list[Row], list[Row]] = [], []
    for row in rows:
        is_alike = row["build"] == builds.get(row["codec"]) and row["content"] == contents.get(row["picture"], row["content"])
        found[is_alike].append(row)
    return found


def measured(picture: Path, codec: StillCodec, quality: float) -> Row:
    """One point."""
    with tempfile.TemporaryDirectory(prefix="stills-") as folder:
        coded, decoded = Path(folder, f"coded.{codec.ending}"), Path(folder, "decoded.png")
        seconds = encode(codec, quality, picture, coded)
        decode(codec, coded, decoded)
        size = coded.stat().st_size
        before, after = (np.asarray(Image.open(path).convert("RGB")) for path in (picture, decoded))
    found = neural_codec.compare(before[None], after[None], metrics="ssimulacra2")
    return {
        "picture": picture.stem, "codec": codec.name, "quality": f"{quality:g}", "bytes": str(size),
        "pixels": str(before.shape[0] * before.shape[1]), "psnr_rgb": f"{found.psnr_rgb:.4f}",
        "ssimulacra2": f"{found.ssimulacra2:.4f}", "cpu_seconds": f"{seconds:.3f}",
    }  # fmt: skip


def summary(rows: Iterable[Row]) -> list[str]:
    """Delta rates against the anchor as a Markdown table: means over pictures, and the worst of them."""
    curves: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        curves.setdefault(row["codec"], {}).setdefault(row["picture"], []).append(row)
    lines = [f"| coder | pictures | {' | '.join(f'{name}: mean (worst)' for name in METRICS)} | processor seconds a picture |", "|---|---|---|---|---|"]
    for codec, pictures in curves.items():
        cells = [_delta(curves.get(ANCHOR, {}), pictures, metric) for metric in METRICS]
        times = [float(row["cpu_seconds"]) for points in pictures.values() for row in points]
        lines.append(f"| {codec} | {len(pictures)} | {' | '.join(cells)} | {sum(times) / len(times):.2f} |")
    return lines


def _delta(anchor: dict[str, list[Row]], test: dict[str, list[Row]], metric: str) -> str:
    found = []
    for picture in anchor.keys() & test.keys():
        try:
            found.append(bd_rate(_curve(anchor[picture], metric), _curve(test[picture], metric)))
        except NotComparable as error:
            print(f"{picture}, {metric}: {error}", file=sys.stderr)
    if not found:
        return "not measured"
    return f"{sum(found) / len(found):+.1f} % ({max(found):+.1f} %)" + (f" of {len(found)}" if len(found) < len(test) else "")


def _curve(points: Iterable[Row], metric: str) -> list[tuple[float, float]]:
    return [(float(row["bytes"]), float(row[metric])) for row in points]


if __name__ == "__main__":
    main()
