"""The ladder: what each effort takes and saves, beside the base encoder that is told its quantizer.

    python eval/python/ladder.py CLIP... [--efforts 3,4,5,6] [--presets 6,5,4,3] [--frames 100] [--depth 10] [--output out/ladder]

Bytes and processor time relative to SVT-AV1 at preset 6 that an oracle tells the coarsest quarter step meeting the floor, geometric means over
the clips. Everything is coded by one SVT-AV1, the one that `neural_codec.versions()` names. Told is printed in two meanings: the quantizer that meets the floor
on the clip's mean, and the one that meets it in every scene. The real alternative is bisection: eight whole encodes find a quarter step among
277. Presets are told at `--depth` bits a sample, by default those that the highest of the efforts stores with. Ours meets the floor in every scene; its processor time is everything, with search, decoding and measuring, the oracle's that of one encode alone. All use one
thread: with two, SVT-AV1 takes a tenth more processor time.
1080p clips get a third table: their rate at the floor beside 1 Mb/s, a tenth of a 10 Mb/s HEVC stream.

Codings by the base encoder alone are kept in OUTPUT/codings, by clip and what its frames hold, depth, and version and build of the encoder: a second run on the
same machine measures the efforts anew and nothing else. Remove the folder where `grid` gives the encoder other options than before.

Needs PyAV and the programs `grid` and `encode` of the crate `eval` (`make ladder` builds them).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path


import av

import kept
import neural_codec

FLOOR = (35.0, 0.95)
BISECTION = 8


@dataclasses.dataclass(frozen=True)
class Coding:
    """One encode by the base encoder alone."""

    quantizer: float
    bytes: int
    seconds: float
    psnr: list[float]
    ssim: list[float]

    def margin(self, scenes: Sequence[range]) -> float:
        """By how many dB the worst of the scenes lies above the floor, SSIM as -10 log10(1 - ssim)."""
        return min(min(mean(self.psnr, s) - FLOOR[0], decibels(mean(self.ssim, s)) - decibels(FLOOR[1])) for s in scenes)


@dataclasses.dataclass(frozen=True)
class Point:
    """Bytes and processor seconds of one way to meet the floor; `met` is false where the finest step misses it."""

    bytes: int
    seconds: float
    met: bool


class Clip:
    """A clip as Y4M, its scenes, and every coding made so far."""

    def __init__(self, path: Path, frames: int, depth: int, folder: Path, programs: Path) -> None:
        self.name, self.depth = path.stem, depth
        self.y4m = folder / f"{path.stem}.y4m"
        self.rate, self.width, self.height = convert(path, self.y4m, frames)
        self.programs = programs
        self.scenes = [range(first, end) for first, end in neural_codec.detect_scenes(self.y4m)]
        version = kept.base_encoder().replace(" ", "-")
        self.kept = folder / "codings" / f"{path.stem}.{kept.content(self.y4m)}.{frames}.{depth}-bit.{version}.jsonl"
        self.codings = kept_codings(self.kept)
        self.found = 180  # quarter steps

    @property
    def frames(self) -> int:
        return self.scenes[-1].stop

    def coding(self, preset: int, quantizer: float) -> Coding:
        key = (preset, quantizer)
        if key not in self.codings:
            self.codings[key] = coded(self.programs, self.y4m, preset, self.depth, quantizer)
            self.kept.parent.mkdir(exist_ok=True)
            with self.kept.open("a") as file:
                file.write(json.dumps([preset, dataclasses.asdict(self.codings[key])]) + "\n")
        return self.codings[key]

    def told(self, preset: int, scenes: Sequence[range]) -> Point:
        """The coarsest quarter step from 1 to 70 that meets the floor: bracketed from the one found last on this clip, then bisected."""
        met, missed = 3, 281  # in quarter steps; neither is coded
        asked, step = self.found, 6
        while missed - met > 1:
            if self.coding(preset, asked / 4).margin(scenes) >= 0:
                met = asked
                asked = min(asked + step, 280) if missed == 281 else (met + missed) // 2
            else:
                missed = asked
                asked = max(asked - step, 4) if met == 3 else (met + missed) // 2
            step *= 2
        self.found = max(met, 4)
        coding = self.coding(preset, self.found / 4)
        return Point(coding.bytes, coding.seconds, met >= 4)

    def ours(self, effort: int) -> Point:
        total = json.loads(run([self.programs / "encode", self.y4m, f"effort={effort}", "threads=1"]))["total"]
        return Point(total["bytes"], total["cpu_seconds"], total["target_met"])


def coded(programs: Path, y4m: Path, preset: int, depth: int, quantizer: float, tools: str = "") -> Coding:
    """A clip by the base encoder alone. `depth`: bits a sample; `tools`: its options, NAME=VALUE with spaces between them."""
    settings = y4m.with_suffix(".settings")
    settings.write_text(f"{preset} {depth} {quantizer:g} {tools}\n")
    row = json.loads(run([programs / "grid", y4m, settings]))
    return Coding(quantizer, row["bytes"], row["seconds"], row["psnr"], row["ssim"])


def kept_codings(path: Path) -> dict[tuple[int, float], Coding]:
    """What an earlier run has coded."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {(preset, row["quantizer"]): Coding(**row) for preset, row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--efforts", type=numbers, default=[3, 4, 5, 6])
    parser.add_argument("--presets", type=numbers, default=[6, 5, 4, 3])
    parser.add_argument("--frames", type=int, default=100, help="use the first frames of each clip only")
    parser.add_argument("--depth", type=int, choices=(8, 10), help="bits a sample of the presets; default: those of the highest effort")
    parser.add_argument("--programs", type=Path, default=Path("target/release"))
    parser.add_argument("--output", type=Path, default=Path("out/ladder"))
    options = parser.parse_args()
    kept.distinct(options.clips)
    depth = options.depth or kept.depth_of(options.efforts)
    options.output.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, Point]] = {}
    clips = []
    for path in options.clips:
        clip = Clip(path, options.frames, depth, options.output, options.programs)
        clips.append(clip)
        rows[clip.name] = dict(ways(clip, options.presets, options.efforts))
        clip.y4m.unlink()
        (options.output / "ladder.json").write_text(json.dumps(rows, default=dataclasses.asdict, indent=2))
        print(f"{clip.name}: " + ", ".join(f"{way} {p.bytes} B {p.seconds:.1f} s" for way, p in rows[clip.name].items()), flush=True)
    heading = f"First {options.frames} frames; presets at {depth} bits; {kept.ours()}.\n\n"
    text = heading + table(rows) + large(clips, rows)
    (options.output / "ladder.md").write_text(text)
    picture(rows, options.output / "ladder.svg")
    print(text)


def ways(clip: Clip, presets: list[int], efforts: list[int]) -> Iterable[tuple[str, Point]]:
    whole = [range(clip.frames)]
    for preset in sorted({6, *presets}, reverse=True):
        mean_of_clip = clip.told(preset, whole)
        yield f"preset {preset}, told", mean_of_clip
        yield f"preset {preset}, told for every scene", clip.told(preset, clip.scenes)
        yield f"preset {preset}, bisected", Point(mean_of_clip.bytes, mean_of_clip.seconds * BISECTION, mean_of_clip.met)
    for effort in efforts:
        yield f"effort {effort}", clip.ours(effort)


def means(rows: dict[str, dict[str, Point]], way: str, of: Callable[[Point], float]) -> float:
    ratios = [of(points[way]) / of(points["preset 6, told"]) for points in rows.values()]
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def table(rows: dict[str, dict[str, Point]]) -> str:
    lines = ["| | bytes | worst and best clip | processor time | floor met |", "|---|---|---|---|---|"]
    for way in next(iter(rows.values())):
        ratios = [points[way].bytes / points["preset 6, told"].bytes for points in rows.values()]
        met = sum(points[way].met for points in rows.values())
        lines.append(
            f"| {way} | {means(rows, way, lambda p: p.bytes):.3f} | {max(ratios):.2f}, {min(ratios):.2f} "
            f"| {means(rows, way, lambda p: p.seconds):.2f} | {met} of {len(rows)} |"
        )
    return "\n".join(lines) + "\n"


def large(clips: Sequence[Clip], rows: dict[str, dict[str, Point]]) -> str:
    """The rate at the floor of clips of 1080 lines."""
    lines = ["", "| 1080p clip | effort | Mb/s at the floor | at most 1 Mb/s |", "|---|---|---|---|"]
    for clip in (clip for clip in clips if clip.height >= 1080):
        for way, point in rows[clip.name].items():
            if way.startswith("effort"):
                rate = float(point.bytes * 8 * clip.rate / clip.frames) / 1e6
                lines.append(f"| {clip.name} | {way.split()[1]} | {rate:.3f} | {'yes' if rate <= 1 and point.met else 'no'} |")
    return "\n".join(lines) + "\n" if len(lines) > 3 else ""


def picture(rows: dict[str, dict[str, Point]], path: Path) -> None:
    """Efforts and told presets on the same axes; nothing where matplotlib is not installed, and a line says so."""
    try:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: pip install matplotlib", file=sys.stderr)
        return
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    for kind, ending, label, color, marker in (
        ("preset", ", told", "SVT-AV1, told its quantizer", "#0072B2", "s"),
        ("preset", ", bisected", "SVT-AV1, its quantizer found by bisection", "#009E73", "^"),
        ("effort", "", "neural-codec, by effort", "#D55E00", "o"),
    ):
        found = [w for w in next(iter(rows.values())) if w.startswith(kind) and w.endswith(ending)]
        points = [(means(rows, w, lambda p: p.seconds), means(rows, w, lambda p: p.bytes), w.split()[1].rstrip(",")) for w in found]
        axes.plot([p[0] for p in points], [p[1] for p in points], color=color, marker=marker, label=label)
        for x, y, name in points:
            axes.annotate(name, (x, y), textcoords="offset points", xytext=(5, 5), color=color)
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    axes.set_xlabel("processor time, preset 6 told = 1")
    axes.set_ylabel("bytes at the floor, preset 6 told = 1")
    axes.grid(alpha=0.3)
    # Room for the marks and names of the ends, and the legend where it covers none.
    axes.margins(0.08)
    figure.legend(loc="outside upper center", ncols=2, fontsize="small")
    figure.savefig(path)


def convert(path: Path, target: Path, frames: int, depth: int = 8) -> tuple[Fraction, int, int]:
    """The first frames of a clip as 4:2:0 Y4M, of 8 bits and those shifted to more where asked; its nominal rate and size."""
    with av.open(str(path)) as source, target.open("wb") as out:
        stream = source.streams.video[0]
        rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
        width, height = stream.width, stream.height
        chroma = "420jpeg" if depth == 8 else f"420p{depth} XYSCSS=420P{depth}"
        out.write(f"YUV4MPEG2 W{width} H{height} F{rate.numerator}:{rate.denominator} Ip A1:1 C{chroma}\n".encode())
        for number, frame in enumerate(source.decode(stream)):
            if number == frames:
                break
            out.write(b"FRAME\n")
            planes = frame.reformat(format="yuv420p").to_ndarray()
            out.write((planes if depth == 8 else planes.astype("<u2") << (depth - 8)).tobytes())
    return rate, width, height


def run(command: Sequence[Path | str]) -> str:
    library = neural_codec.versions()["base encoder file"]
    environment = {**os.environ, "NEURAL_CODEC_SVTAV1": library}
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",") if word]


def mean(values: list[float], over: range) -> float:
    return sum(values[over.start : over.stop]) / len(over)


def decibels(ssim: float) -> float:
    return -10 * math.log10(max(1 - ssim, 1e-10))


if __name__ == "__main__":
    main()
