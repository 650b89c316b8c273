"""What filters gain over the very same AV1 streams, every byte counted.

    python eval/python/filters.py CLIP... [--effort 6] [--preset 4] [--quantizers 36,44,52,60 | --lambdas 100,250,600,1600]

Each clip is coded at each quantizer, with neural filters, or for each weight of rate, with Wiener filters. The report of one encode has both curves: the base layer alone, and the stream with its
filter. A third one has the filtered quality at the bytes of the base layer. Candidates that were not taken are judged by
the squared error that they leave of patches of the scene, and by their bytes. Rates are the Bjontegaard delta over psnr_yuv
and psnr_y; below zero is a gain.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import neural_codec
from neural_codec import Report
from neural_codec.records import FilterCandidate, Scene

PACKET_HEADER = 16


@dataclass(frozen=True)
class Point:
    """Bytes and PSNR in dB of one coding, and of what it might have been."""

    bytes: int
    psnr: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--effort", type=int, default=6)
    parser.add_argument("--preset", type=int, default=4)
    parser.add_argument("--quantizers", default="36,44,52,60")
    parser.add_argument("--lambdas", help="Wiener filters, of scenes coded for these weights of rate")
    options = parser.parse_args()
    print("| clip | filter yuv | weights free | filter y | base only | gains only | weights | kept | bytes of filters | seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    rows = [row(clip, options) for clip in options.clips]
    means = [sum(values) / len(values) for values in zip(*rows, strict=True)]
    print("| mean | " + " | ".join(f"{value:+.2f} %" for value in means) + " | | | |")


def row(clip: Path, options: argparse.Namespace) -> list[float]:
    # A quantizer that is asked for gets plain AV1 or a network, and a weight of rate what the search takes.
    asked = ("lambda", options.lambdas) if options.lambdas else ("quantizer", options.quantizers)
    reports = [encoded(clip, {asked[0]: value}, options) for value in asked[1].split(",")]
    rates = [
        delta(reports, lambda r: Point(r.total.bytes, yuv(r))),
        delta(reports, lambda r: Point(r.total.bytes - filter_bytes(r), yuv(r))),
        delta(reports, lambda r: Point(r.total.bytes, luma(r)), luma=True),
        *(delta(reports, lambda r, name=name: candidate(r, name)) for name in ("base", "gains", "weights")),
    ]
    scenes = [scene.filter for report in reports for scene in report.scenes if scene.filter]
    kept = sum(found.verdict == "kept" for found in scenes)
    seconds = sum(report.total.stages["filter"].seconds for report in reports)
    sizes = "/".join(str(filter_bytes(report)) for report in reports)
    cells = " | ".join(f"{rate:+.2f} %" for rate in rates)
    print(f"| {clip.stem} | {cells} | {kept}/{len(scenes)} | {sizes} | {seconds:.0f} |", flush=True)
    return rates


def encoded(clip: Path, target: dict[str, str], options: argparse.Namespace) -> Report:
    settings = {"effort": options.effort, "preset": options.preset, **target}
    if "quantizer" in target:
        settings["strategies"] = "hybrid"
    with tempfile.TemporaryDirectory() as folder:
        return neural_codec.encode(clip, Path(folder) / "clip.nvc", **settings)


def filter_bytes(report: Report) -> int:
    return sum(scene.filter.bytes + PACKET_HEADER for scene in report.scenes if scene.filter and scene.filter.verdict == "kept")


def mean_error(report: Report, error_of: Callable[[Scene], float]) -> float:
    """Squared error of all scenes, by their frames."""
    return sum(scene.frames * error_of(scene) for scene in report.scenes) / report.total.frames


def error(psnr: float | None) -> float:
    return 0.0 if psnr is None else 10 ** (-psnr / 10)


def decibels(mean: float) -> float:
    return -10 * math.log10(mean)


def base_yuv(scene: Scene) -> float:
    return error(scene.filter.base_psnr_yuv if scene.filter else scene.quality.psnr_yuv)


def yuv(report: Report) -> float:
    return decibels(mean_error(report, lambda scene: error(scene.quality.psnr_yuv)))


def luma(report: Report) -> float:
    return sum(scene.frames * (scene.quality.psnr_y or 0) for scene in report.scenes) / report.total.frames


def base_luma(report: Report) -> float:
    values = ((s.frames, s.filter.base_psnr_y if s.filter else s.quality.psnr_y) for s in report.scenes)
    return sum(frames * (value or 0) for frames, value in values) / report.total.frames


def candidate(report: Report, name: str) -> Point:
    """As if every scene had taken this candidate."""
    found = {scene.index: next(iter(of(scene, name)), None) for scene in report.scenes}
    size = report.total.bytes - filter_bytes(report) + sum(one.bytes + 27 for one in found.values() if one)

    def left(scene: Scene) -> float:
        one = found[scene.index]
        return base_yuv(scene) * (one.error_left if one else 1.0)

    return Point(size, decibels(mean_error(report, left)))


def of(scene: Scene, name: str) -> Iterator[FilterCandidate]:
    candidates = scene.filter.candidates if scene.filter else []
    return islice((one for one in candidates if one.name == name), 1)


def delta(reports: list[Report], point: Callable[[Report], Point], *, luma: bool = False) -> float:
    """Rate of the points against the base layers alone, in percent."""
    psnr = base_luma if luma else (lambda report: decibels(mean_error(report, base_yuv)))
    base = [Point(report.total.bytes - filter_bytes(report), psnr(report)) for report in reports]
    points = [point(report) for report in reports]
    return neural_codec.bd_rate([(p.bytes, p.psnr) for p in base], [(p.bytes, p.psnr) for p in points])


if __name__ == "__main__":
    main()
