"""Pictures of rate-distortion curves by matplotlib: one SVG a clip and metric, rate in kbit/s on a log axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bd_rate import ssim_decibels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colors, which the color-blind can tell apart: one an encoder, whatever else is in the picture.
COLORS = {"ours": "#D55E00", "svt-av1": "#0072B2", "x265": "#009E73", "x264": "#CC79A7", "ab-av1": "#E69F00"}
# Efforts and presets of one encoder share its color and differ in these.
STYLES = (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D"), ((0, (1, 1)), "v"), ((0, (5, 1, 1, 1, 1, 1)), "P"))
TITLES = {"psnr_y": "luma PSNR, dB", "psnr_yuv": "PSNR of Y, U and V, dB", "ssim_y": "luma SSIM"}
STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0), tuple(i / 10 for i in range(10, 100, 2)))
SSIMS = (0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.992, 0.994, 0.995,
         0.996, 0.997, 0.998, 0.9985, 0.999, 0.9995, 0.9998, 0.9999)  # fmt: skip

Line = tuple[str, str, Sequence[tuple[float, float]]]
"""Encoder, label, and points of rate in kbit/s and quality."""


def require_matplotlib() -> None:
    """Ends the program with what to install where it is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise SystemExit("--curves draws with matplotlib, found none: pip install matplotlib") from None


def draw(path: Path, title: str, metric: str, lines: Sequence[Line], floor: float | None) -> None:
    """One picture, in the format that the path's name ends with; `floor` in the metric's own unit."""
    import matplotlib

    matplotlib.rcParams["svg.hashsalt"] = "rd"
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(8, 4.8), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    scale = ssim_decibels if metric == "ssim_y" else float
    used: dict[str, int] = {}
    for encoder, label, points in lines:
        style, marker = STYLES[used.get(encoder, 0) % len(STYLES)]
        used[encoder] = used.get(encoder, 0) + 1
        finite = sorted((rate, scale(quality)) for rate, quality in points if math.isfinite(scale(quality)))
        axes.plot(
            *([p[i] for p in finite] for i in (0, 1)),
            label=label, color=COLORS[encoder], linestyle=style, marker=marker, markersize=5, linewidth=1.6,
            zorder=3 if encoder == "ours" else 2,
        )  # fmt: skip
    if floor is not None:
        label = f"floor {floor:g}, each scene"
        axes.axhline(scale(floor), color="0.35", linestyle=(0, (6, 3)), linewidth=1, zorder=1, label=label)
    axes.set_xscale("log")
    axes.margins(0.05)
    rate_ticks(axes)
    if metric == "ssim_y":
        ssim_ticks(axes)
    axes.set_title(title, loc="left", fontsize=11, pad=10)
    axes.set_xlabel("rate, kbit/s")
    axes.set_ylabel(TITLES[metric])
    axes.grid(color="0.88", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9, handlelength=3.2)
    # Without a date, the same points give the same file.
    metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, metadata=metadata, dpi=120)


def rate_ticks(axes: Axes) -> None:
    """Round rates as plain numbers, at least four where the range has them, and no nearer than labels are wide."""
    low, high = axes.get_xlim()
    span = math.log(high / low)
    ticks: list[float] = []
    for steps in STEPS:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        ticks = spaced([tick for tick in ticks if low <= tick <= high], [], lambda tick: math.log(tick) / span, 0.08)
        if len(ticks) >= 4:
            break
    axes.set_xticks(ticks, [f"{tick:,.6g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def ssim_ticks(axes: Axes) -> None:
    """SSIM as it is, on an axis of decibels."""
    low, high = axes.get_ylim()
    inside = [ssim for ssim in SSIMS if low <= ssim_decibels(ssim) <= high]
    ticks = spaced(inside, [0.9, 0.95, 0.99], lambda ssim: ssim_decibels(ssim) / (high - low), 0.05)
    axes.set_yticks([ssim_decibels(ssim) for ssim in ticks], [f"{ssim:g}" for ssim in ticks])


def spaced(ticks: list[float], first: list[float], position: Any, least: float) -> list[float]:
    """The ticks that keep a least distance, as a share of the axis; those in `first` are chosen before others."""
    kept: list[float] = []
    for tick in sorted(ticks, key=lambda tick: (tick not in first, tick)):
        if all(abs(position(tick) - position(other)) >= least for other in kept):
            kept.append(tick)
    return sorted(kept)
