"""What a comparison found, and the Markdown tables of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from bd_rate import NotComparable, bd_rate, ssim_decibels

T = TypeVar("T")
METRICS: dict[str, Callable[[float], float]] = {"psnr_y": float, "psnr_yuv": float, "ssim_y": ssim_decibels}
"""Each with the scale on which its delta rate is taken."""


@dataclasses.dataclass
class Outcome:
    """One way to meet the floor on one clip."""

    clip: str
    encoder: str
    setting: str
    bytes: int
    kbit_per_s: float
    met: bool
    psnr_y: float
    ssim_y: float
    """The least means of a scene."""
    cpu_seconds: float
    wall_seconds: float


@dataclasses.dataclass
class Point:
    """One point of a rate-distortion curve: a whole clip, coded once."""

    clip: str
    encoder: str
    label: str
    """The curve: an effort of ours, or a baseline with its preset."""
    setting: str
    bytes: int
    kbit_per_s: float
    psnr_y: float
    psnr_yuv: float
    ssim_y: float
    """Of the whole clip."""
    cpu_seconds: float
    wall_seconds: float


@dataclasses.dataclass
class Comparison:
    """A curve of ours against one of a baseline: on one clip, or the geometric means over clips."""

    clip: str
    ours: str
    baseline_encoder: str
    baseline: str
    rates: dict[str, float | str]
    """By metric: the delta rate in percent, negative is saved, or why there is none."""
    cpu: float
    """Our processor time as a multiple of the baseline's."""
    note: str = ""


def table(outcomes: list[Outcome]) -> str:
    """Markdown: a row a clip and encoder, and the geometric means of ours against each baseline."""
    lines = [
        "| clip | encoder | setting | bytes | kbit/s | least psnr_y | least ssim_y | met | cpu s | wall s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {o.clip} | {o.encoder} | {o.setting} | {o.bytes} | {o.kbit_per_s:.0f} | {o.psnr_y:.2f} | {o.ssim_y:.4f}"
        f" | {'yes' if o.met else 'no'} | {o.cpu_seconds:.1f} | {o.wall_seconds:.1f} |"
        for o in outcomes
    ]
    for setting in unique(o.setting for o in outcomes if o.encoder == "ours"):
        ours = {o.clip: o for o in outcomes if (o.encoder, o.setting) == ("ours", setting)}
        for name in unique(o.encoder for o in outcomes if o.encoder != "ours"):
            pairs = [(ours[o.clip], o) for o in outcomes if o.encoder == name and o.met and ours[o.clip].met]
            if pairs:
                ratios = [a.bytes / b.bytes for a, b in pairs]
                cpu = geometric_mean([a.cpu_seconds / b.cpu_seconds for a, b in pairs])
                lines.append(
                    f"\n{setting} against {name}: bytes x {geometric_mean(ratios):.3f} (worst {max(ratios):.3f}),"
                    f" processor time x {cpu:.2f}, over {len(pairs)} clips."
                )
    return "\n".join(lines) + "\n"


def curve_tables(points: Sequence[Point]) -> str:
    """Markdown: the delta rates of ours against each baseline, the SVT-AV1 that takes as long as ours, and all points."""
    compared = comparisons(points)
    lines = [
        "Delta rate of ours (Bjontegaard, PCHIP; negative: fewer bits at the same quality), ssim_y as -10 log10(1 - ssim_y):",
        "",
        "| clip | ours | against | psnr_y | psnr_yuv | ssim_y | cpu |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {c.clip}{c.note} | {c.ours} | {c.baseline} | {' | '.join(cell(c.rates[m]) for m in METRICS)} | x {c.cpu:.2f} |"
        for c in compared
    ]
    lines += ["", *equal_time_lines(compared), ""]
    lines += [
        "| clip | encoder | setting | bytes | kbit/s | psnr_y | psnr_yuv | ssim_y | cpu s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {p.clip} | {p.label} | {p.setting} | {p.bytes} | {p.kbit_per_s:.0f} | {p.psnr_y:.2f} | {p.psnr_yuv:.2f}"
        f" | {p.ssim_y:.4f} | {p.cpu_seconds:.1f} |"
        for p in points
    ]
    return "\n".join(lines) + "\n"


def comparisons(points: Sequence[Point]) -> list[Comparison]:
    """Each curve of ours against each of the baselines': on every clip that has both, then over all of them."""
    found: list[Comparison] = []
    for ours in unique(p.label for p in points if p.encoder == "ours"):
        for baseline in unique(p.label for p in points if p.encoder != "ours"):
            of_clips = []
            for clip in unique(p.clip for p in points):
                a, b = ([p for p in points if (p.clip, p.label) == (clip, label)] for label in (ours, baseline))
                if a and b:
                    of_clips.append(on_one_clip(a, b))
            found += of_clips
            if len(of_clips) > 1:
                found.append(over_clips(of_clips))
    return found


def on_one_clip(ours: list[Point], baseline: list[Point]) -> Comparison:
    rates: dict[str, float | str] = {}
    for metric, scale in METRICS.items():
        a, b = ([(p.kbit_per_s, scale(getattr(p, metric))) for p in curve] for curve in (ours, baseline))
        try:
            rates[metric] = bd_rate(b, a)
        except NotComparable as why:
            rates[metric] = str(why)
    # The points of both curves span about the same qualities.
    cpu = mean([p.cpu_seconds for p in ours]) / mean([p.cpu_seconds for p in baseline])
    return Comparison(ours[0].clip, ours[0].label, baseline[0].encoder, baseline[0].label, rates, cpu)


def over_clips(compared: list[Comparison]) -> Comparison:
    """Geometric means; a metric that some clips have no delta rate in is that of the others, and says so."""
    rates: dict[str, float | str] = {}
    for metric in METRICS:
        numbers = [rate for c in compared if not isinstance(rate := c.rates[metric], str)]
        if len(numbers) == len(compared):
            rates[metric] = percent_mean(numbers)
        elif numbers:
            rates[metric] = f"{cell(percent_mean(numbers))} (of {len(numbers)})"
        else:
            rates[metric] = "none"
    first = compared[0]
    cpu = geometric_mean([c.cpu for c in compared])
    return Comparison("all clips", first.ours, first.baseline_encoder, first.baseline, rates, cpu, f" ({len(compared)})")


def equal_time_lines(compared: Sequence[Comparison]) -> list[str]:
    """For each clip and all: the SVT-AV1 preset whose processor time is nearest to ours, and the delta rate against it."""
    lines = []
    presets = [c for c in compared if c.baseline_encoder == "svt-av1"]
    for ours, clip in unique((c.ours, c.clip) for c in presets):
        nearest = min(
            (c for c in presets if (c.ours, c.clip) == (ours, clip)), key=lambda c: abs(math.log(c.cpu))
        )
        rates = ", ".join(f"{metric} {cell(nearest.rates[metric])}" for metric in METRICS)
        far = "" if 0.8 <= nearest.cpu <= 1.25 else ", no nearer preset was given"
        lines.append(
            f"- {clip}, {ours} at equal processor time: {nearest.baseline} (ours takes x {nearest.cpu:.2f}{far}): {rates}"
        )
    return lines


def cell(rate: float | str) -> str:
    return rate if isinstance(rate, str) else f"{rate:+.1f} %"


def unique(values: Iterable[T]) -> list[T]:
    """Each once, in the order of their first."""
    return list(dict.fromkeys(values))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def percent_mean(percents: Sequence[float]) -> float:
    """The change in percent whose factor is the geometric mean of those given."""
    return (geometric_mean([1 + percent / 100 for percent in percents]) - 1) * 100
