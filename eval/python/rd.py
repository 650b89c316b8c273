"""Compares this library with SVT-AV1, x265, x264 and ab-av1 on any clips: bytes for a quality floor, and time.

    python eval/python/rd.py CLIP... [--effort 5] [--baselines svt-av1,svt-av1:2,x265] [--frames 300] [--depth 10] [--output out/rd]
    python eval/python/rd.py CLIP... --curves [--points min_psnr_y=32,34,36,38,40]

Every encoder gets the same 4:2:0 frames. Ours meets the floor in every scene it finds; each baseline gets the coarsest
single quantizer that meets the same floor in every one of the same scenes, found by bisection, with one key frame, at --depth
bits a sample: by default those that the highest of our efforts stores with. What is decoded of 10 bits is rounded to 8, as ours is.
Only the baseline's last encode is counted, not its search. Quality is measured on decoded frames by `neural_codec.compare`.
Processor time is that of the whole encode: for ours with its search, decoding and measuring; for baselines the encode alone.
baselines are svt-av1 (preset 6), x265 and x264 (medium), or another preset as in `svt-av1:2,x265:slow`.
ab-av1 searches by itself for a floor in XPSNR of as many dB (or VMAF 95), and its processor time is with its search; where
it cannot run, a line says why.

With --curves, each encoder also codes each clip at five or so qualities from about the lowest to the highest of ours, and the
tables give Bjontegaard's delta rate over whole clips: in psnr_y, psnr_yuv and ssim_y. Ours takes the values of --points, of
any one setting (`quantizer=...`, `lambda=...`); a floor spends bits so that every scene has the same quality, one quantizer
for the clip does not. Pictures of the curves go to the output folder as CLIP.METRIC.svg.
Needs PyAV, whose wheels carry the baselines and the SVT-AV1 that this library then uses as well; and matplotlib for --curves.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt

import neural_codec
from neural_codec.records import Quality as Measured

import kept
import plots
import baselines
from baselines import Baseline
from tables import METRICS, Outcome, Point, curve_tables, table, unique

FLOOR = {"psnr_y": 35.0, "ssim_y": 0.95}
POINTS = "min_psnr_y=32,34,36,38,40"
POINTS_OF_A_BASELINE = 5
# What ab-av1 is asked for where it has no XPSNR: its usual floor, and those of a curve.
VMAF, VMAFS = 95.0, (70.0, 80.0, 88.0, 93.0, 96.0)


@dataclasses.dataclass(frozen=True)
class Source:
    """A clip as every encoder gets it."""

    clip: str
    path: Path
    rate: Fraction
    folder: Path


@dataclasses.dataclass(frozen=True)
class Quality:
    """Of a scene or a clip; PSNR in dB, 100 where nothing differs."""

    psnr_y: float
    psnr_yuv: float
    ssim_y: float


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One encode of a clip, measured."""

    setting: str
    bytes: int
    frames: int
    scenes: list[Quality]
    whole: Quality
    cpu_seconds: float
    wall_seconds: float

    def kbit_per_s(self, source: Source) -> float:
        return float(self.bytes * 8 * source.rate / self.frames / 1000)

    def outcome(self, source: Source, encoder: str, setting: str = "") -> Outcome:
        psnr, ssim = min(q.psnr_y for q in self.scenes), min(q.ssim_y for q in self.scenes)
        met = psnr >= FLOOR["psnr_y"] and ssim >= FLOOR["ssim_y"]
        of = (source.clip, encoder, setting or self.setting, self.bytes, self.kbit_per_s(source))
        return Outcome(*of, met, psnr, ssim, self.cpu_seconds, self.wall_seconds)

    def point(self, source: Source, encoder: str, label: str) -> Point:
        of = (source.clip, encoder, label, self.setting, self.bytes, self.kbit_per_s(source))
        return Point(*of, **dataclasses.asdict(self.whole), cpu_seconds=self.cpu_seconds, wall_seconds=self.wall_seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--effort", type=int, action="append", help="ours at this effort; may be given again")
    parser.add_argument("--baselines", default=",".join(baselines.ENCODERS), help="ENCODER or ENCODER:PRESET, by commas")
    parser.add_argument("--frames", type=int, default=300, help="use the first frames of each clip only")
    parser.add_argument("--depth", type=int, choices=(8, 10), help="bits a sample of the baselines; default: those of the highest effort")
    parser.add_argument("--output", type=Path, default=Path("out/rd"))
    parser.add_argument("--curves", action="store_true", help="rate-distortion curves, their delta rates and pictures")
    parser.add_argument("--points", default=POINTS, metavar="SETTING=VALUES", help="ours along a curve (%(default)s)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(**json.loads(options.child))))
        return
    try:
        against, along = baselines.parse_baselines(options.baselines), parse_points(options.points)
    except ValueError as error:
        parser.error(str(error))
    if options.curves:
        plots.require_matplotlib()
    score = score_of_ab_av1(against)
    against = [baseline for baseline in against if baseline.encoder != "ab-av1" or score]
    options.output.mkdir(parents=True, exist_ok=True)
    kept.distinct(options.clips)
    efforts = options.effort or [5]
    depth = options.depth or kept.depth_of(efforts)
    heading = f"First {options.frames} frames; baselines at {depth} bits; {kept.ours()}.\n\n"
    outcomes: list[Outcome] = []
    points: list[Point] = []
    for path in options.clips:
        clip = Clip(path, options.frames, depth, options.output, score)
        outcomes += clip.at_the_floor(efforts, against)
        write(options.output / "rd.json", outcomes)
        if options.curves:
            points += clip.curves(efforts, against, *along)
            write(options.output / "curves.json", points)
            draw(points, path.stem, options.output)
        clip.close()
        tables = heading + table(outcomes) + ("\n" + curve_tables(points) if points else "")
        (options.output / "rd.md").write_text(tables)
    print((options.output / "rd.md").read_text() if options.clips else heading + table(outcomes))


def parse_points(text: str) -> tuple[str, list[float]]:
    """`min_psnr_y=32,34`: a setting of ours and its values along a curve. Raises ValueError."""
    name, _, values = text.partition("=")
    if name not in neural_codec.settings():
        raise ValueError(f"points: expected a setting of neural_codec.encode, found {name!r}")
    try:
        return name, [float(value) for value in values.split(",")]
    except ValueError:
        raise ValueError(f"points: expected numbers by commas after {name}=, found {values!r}") from None


def score_of_ab_av1(against: list[Baseline]) -> str | None:
    """What ab-av1 measures by; None where it is not asked for, or cannot run and a line says why."""
    if all(baseline.encoder != "ab-av1" for baseline in against):
        return None
    score, why_not = baselines.ab_av1_score()
    if score is None:
        print(f"ab-av1: skipped: {why_not}", flush=True)
    return score


def write(path: Path, found: Sequence[Outcome] | Sequence[Point]) -> None:
    path.write_text(json.dumps([dataclasses.asdict(each) for each in found], indent=2))


def draw(points: list[Point], clip: str, folder: Path) -> None:
    """A picture a metric."""
    ours = [p for p in points if p.clip == clip]
    for metric in METRICS:
        lines: list[plots.Line] = []
        for encoder, label in unique((p.encoder, p.label) for p in ours):
            line = [(p.kbit_per_s, float(getattr(p, metric))) for p in ours if p.label == label]
            lines.append((encoder, f"ours, {label}" if encoder == "ours" else label, line))
        plots.draw(folder / f"{clip}.{metric}.svg", clip, metric, lines, FLOOR.get(metric))


class Clip:
    """All encoders on one clip. What a baseline has coded once is not coded again."""

    def __init__(self, path: Path, frames: int, depth: int, folder: Path, score: str | None) -> None:
        copy = folder / f"{path.stem}.y4m"
        self.source = Source(path.stem, copy, convert(path, copy, frames), folder)
        self.score, self.depth = score, depth
        self.scenes: list[tuple[int, int]] = []
        self.tried: dict[tuple[Baseline, int], Attempt] = {}

    def close(self) -> None:
        self.source.path.unlink()

    def at_the_floor(self, efforts: list[int], against: list[Baseline]) -> list[Outcome]:
        """The way of each encoder to meet the floor."""
        found = []
        for effort in efforts:
            attempt = self.ours(f"{self.source.clip}.nvc", effort=effort)
            found.append(attempt.outcome(self.source, "ours", f"effort {effort}"))
        for baseline in against:
            with self.skipping(baseline):
                chosen = self.baseline_at_the_floor(baseline)
                if chosen is not None:
                    found.append(chosen.outcome(self.source, baseline.name))
        for outcome in found:
            print(json.dumps(dataclasses.asdict(outcome)), flush=True)
        return found

    def curves(self, efforts: list[int], against: list[Baseline], setting: str, values: list[float]) -> list[Point]:
        """Points of each encoder, by rising rate; the baselines' over the qualities of ours."""
        found: list[Point] = []
        for effort in efforts:
            attempts = self.our_curve(effort, setting, values)
            found += [attempt.point(self.source, "ours", f"effort {effort}") for attempt in attempts]
        best, worst = (choose(point.psnr_y for point in found) for choose in (max, min))
        for baseline in against:
            with self.skipping(baseline):
                if baseline.quantizers:
                    attempts = self.baseline_curve(baseline, best, worst)
                else:
                    attempts = self.ab_av1_curve(baseline, setting, values)
                found += [attempt.point(self.source, baseline.encoder, baseline.name) for attempt in by_rate(attempts)]
        for point in found:
            print(json.dumps(dataclasses.asdict(point)), flush=True)
        return found

    @contextlib.contextmanager
    def skipping(self, baseline: Baseline) -> Iterator[None]:
        """Where a baseline fails or writes what cannot be decoded, a line says so and the others go on."""
        try:
            yield
        except (av.FFmpegError, subprocess.CalledProcessError) as error:
            print(f"{baseline.name} on {self.source.clip}: skipped: {error}", flush=True)

    def ours(self, name: str, **settings: Any) -> Attempt:
        """One encode of ours, by whose scenes the baselines are measured."""
        stream = self.source.folder / name
        told = run_child(encoder="ours", source=str(self.source.path), output=str(stream), settings=settings)
        report = neural_codec.Report.from_json(told["report"])
        self.scenes = [(s.first_frame, s.first_frame + s.frames) for s in report.scenes]
        setting = ", ".join(f"{key} {value:g}" for key, value in settings.items() if key != "effort")
        qualities = [quality(scene.quality) for scene in report.scenes]
        whole = quality(report.total.quality)
        size = stream.stat().st_size
        return Attempt(setting, size, report.total.frames, qualities, whole, told["cpu"], told["wall"])

    def our_curve(self, effort: int, setting: str, values: list[float]) -> list[Attempt]:
        """Ours at each value; higher floors follow while a clip exceeds the lowest ones at the coarsest quantizer."""
        attempts: dict[int, Attempt] = {}
        name = f"{self.source.clip}.curve.nvc"
        more = itertools.count(values[-1] + 2, 2) if setting == "min_psnr_y" else []
        for count, value in enumerate(itertools.chain(values, more)):
            if count >= len(values) and (len(attempts) >= 4 or value > 60):
                break
            attempt = self.ours(name, effort=effort, **{setting: value})
            attempts.setdefault(attempt.bytes, attempt)
        (self.source.folder / name).unlink()
        return by_rate(list(attempts.values()))

    def baseline(self, baseline: Baseline, quantizer: int) -> Attempt:
        """One encode of a baseline with one quantizer."""
        if (baseline, quantizer) not in self.tried:
            told = self.code(baseline, quantizer=quantizer)
            self.tried[baseline, quantizer] = self.measured(baseline, f"crf {quantizer}", told)
        return self.tried[baseline, quantizer]

    def baseline_at_the_floor(self, baseline: Baseline) -> Attempt | None:
        """The coarsest quantizer of a baseline that meets the floor in every scene, by bisection."""
        if not baseline.quantizers:
            return self.ab_av1(baseline, FLOOR["psnr_y"] if self.score == "xpsnr" else VMAF)
        quantizers = baseline.quantizers
        low, high = 0, len(quantizers) - 1
        met = missed = None
        while low <= high:
            # Floors lie in the coarse half more often than not.
            middle = (low + high + 1) // 2
            attempt = self.baseline(baseline, quantizers[middle])
            if attempt.outcome(self.source, baseline.name).met:
                low, met = middle + 1, attempt
            else:
                high, missed = middle - 1, attempt
        return met or missed

    def baseline_curve(self, baseline: Baseline, best: float, worst: float) -> list[Attempt]:
        """Quantizers evenly spread between those that give about the best and the worst luma PSNR of ours."""
        fine, coarse = (self.quantizer_near(baseline, psnr) for psnr in (best, worst))
        return [self.baseline(baseline, q) for q in spread(fine, coarse, baseline.quantizers, POINTS_OF_A_BASELINE)]

    def quantizer_near(self, baseline: Baseline, psnr: float) -> int:
        """The quantizer that gives about a luma PSNR in dB, from those tried and at most two more."""
        for _ in range(3):
            known = {q: attempt.whole.psnr_y for (other, q), attempt in self.tried.items() if other == baseline}
            quantizer = estimated_quantizer(known, psnr, baseline.quantizers)
            if quantizer in known:
                break
            self.baseline(baseline, quantizer)
        return quantizer

    def ab_av1(self, baseline: Baseline, floor: float) -> Attempt | None:
        """What ab-av1 makes of a floor in its own score; where it finds nothing, None and a line says why."""
        told = self.code(baseline, score=self.score, floor=floor)
        if "failed" in told:
            print(f"{baseline.name} on {self.source.clip}: skipped {self.score} {floor:g}: {told['failed']}", flush=True)
            return None
        return self.measured(baseline, f"{self.score} {floor:g}, crf {told['quantizer']:g}", told)

    def ab_av1_curve(self, baseline: Baseline, setting: str, values: list[float]) -> list[Attempt]:
        """ab-av1 at the floors of ours, where they are in dB."""
        default = parse_points(POINTS)[1]
        floors = VMAFS if self.score == "vmaf" else values if setting == "min_psnr_y" else default
        return [attempt for floor in floors if (attempt := self.ab_av1(baseline, floor)) is not None]

    def code(self, baseline: Baseline, **arguments: Any) -> dict[str, Any]:
        output = self.output(baseline)
        return run_child(encoder=baseline.name, source=str(self.source.path), output=str(output), depth=self.depth, **arguments)

    def output(self, baseline: Baseline) -> Path:
        return self.source.folder / f"{self.source.clip}.{baseline.encoder}-{baseline.preset}.{self.depth}-bit.mkv"

    def measured(self, baseline: Baseline, setting: str, told: dict[str, Any]) -> Attempt:
        """The encode that a baseline has just made, measured in the scenes of ours."""
        metrics = compared(self.source.path, self.output(baseline), self.scenes)
        frames = sum(each.frames for each in metrics)
        qualities = [quality(each) for each in metrics]
        return Attempt(setting, told["bytes"], frames, qualities, joined(metrics), told["cpu"], told["wall"])


def by_rate(attempts: list[Attempt]) -> list[Attempt]:
    return sorted(attempts, key=lambda attempt: attempt.bytes)


def spread(fine: int, coarse: int, quantizers: range, count: int) -> list[int]:
    """Quantizers from `fine` to `coarse`, evenly; where these lie too near to each other, finer ones first."""
    fine = max(quantizers[0], min(fine, coarse - count + 1))
    coarse = min(quantizers[-1], max(coarse, fine + count - 1))
    return [round(fine + (coarse - fine) * i / (count - 1)) for i in range(count)]


def estimated_quantizer(known: dict[int, float], psnr: float, quantizers: range) -> int:
    """On the line through the two known quantizers whose PSNR comes nearest; at least two are known."""
    (q0, p0), (q1, p1) = sorted(known.items(), key=lambda pair: abs(pair[1] - psnr))[:2]
    estimate = q0 if p0 == p1 else q0 + (psnr - p0) * (q1 - q0) / (p1 - p0)
    return min(max(round(estimate), quantizers[0]), quantizers[-1])


def run_child(**arguments: Any) -> dict[str, Any]:
    """An encode in a process of its own, so that its processor time is its own."""
    command = [sys.executable, __file__, "--child", json.dumps(arguments)]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return cast(dict[str, Any], told)


def child(encoder: str, source: str, output: str, **arguments: Any) -> dict[str, Any]:
    before, start = processor_seconds(), time.monotonic()
    told: dict[str, Any] = {}
    if encoder == "ours":
        told["report"] = neural_codec.encode(source, output, **arguments["settings"]).to_json()
    else:
        (baseline,) = baselines.parse_baselines(encoder)
        if baseline.encoder == "ab-av1":
            told = baselines.encode_with_ab_av1(baseline, source, output, **arguments)
        else:
            told["bytes"] = baselines.encode_with(baseline, source, output, **arguments)
    return {**told, "cpu": processor_seconds() - before, "wall": time.monotonic() - start}


def processor_seconds() -> float:
    """Of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def convert(path: Path, output: Path, frames: int) -> Fraction:
    """The first frames as 8-bit 4:2:0 in a Y4M file; the frame rate."""
    with av.open(str(path)) as reader, av.open(str(output), "w", format="yuv4mpegpipe") as writer:
        video = reader.streams.video[0]
        rate = Fraction(video.guessed_rate or video.average_rate or 25)
        stream = writer.add_stream("wrapped_avframe", rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        for index, frame in enumerate(itertools.islice(reader.decode(video), frames)):
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = index, 1 / rate
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    return rate


def compared(source: Path, output: Path, scenes: list[tuple[int, int]]) -> list[neural_codec.Metrics]:
    """How each scene of a decoded clip differs from the source."""
    reference, clip = planes_of(source), planes_of(output)
    return [
        neural_codec.compare(itertools.islice(reference, end - start), itertools.islice(clip, end - start))
        for start, end in scenes
    ]


def quality(measured: Measured | neural_codec.Metrics) -> Quality:
    def or_else(value: float | None, lossless: float) -> float:
        return lossless if value is None else value

    return Quality(or_else(measured.psnr_y, 100.0), or_else(measured.psnr_yuv, 100.0), or_else(measured.ssim_y, 1.0))


def joined(scenes: list[neural_codec.Metrics]) -> Quality:
    """The metrics of a clip from those of its scenes, exactly: psnr_y is a mean over frames with a difference, psnr_yuv
    comes from the mean squared error of all samples, ssim_y is a mean over frames."""

    def mean(value: Callable[[neural_codec.Metrics], float], weight: Callable[[neural_codec.Metrics], int]) -> float | None:
        total = sum(weight(scene) for scene in scenes)
        return sum(value(scene) * weight(scene) for scene in scenes) / total if total else None

    psnr_y = mean(lambda s: s.psnr_y or 0.0, lambda s: s.frames - s.lossless_frames)
    error = mean(lambda s: 0.0 if s.psnr_yuv is None else 10 ** (-s.psnr_yuv / 10), lambda s: s.frames)
    ssim_y = mean(lambda s: 1.0 if s.ssim_y is None else s.ssim_y, lambda s: s.frames)
    psnr_yuv = -10 * float(np.log10(error)) if error else 100.0
    return Quality(100.0 if psnr_y is None else psnr_y, psnr_yuv, 1.0 if ssim_y is None else ssim_y)


def planes_of(path: Path) -> Iterator[tuple[npt.NDArray[np.uint8], ...]]:
    """Frames of 8 bits; those of 10 are rounded as the decoder of ours rounds them."""
    with av.open(str(path)) as reader:
        for frame in reader.decode(video=0):
            is_deep = frame.format.name == kept.pixel_format(10)
            sample = np.dtype(np.uint16 if is_deep else np.uint8)
            planes = (
                np.frombuffer(cast(Any, plane), sample).reshape(-1, plane.line_size // sample.itemsize)[: plane.height, : plane.width]
                for plane in frame.planes
            )
            yield tuple(np.minimum((each + 2) >> 2, 255).astype(np.uint8) if is_deep else each for each in planes)


if __name__ == "__main__":
    os.environ.setdefault("SVT_LOG", "1")
    main()
