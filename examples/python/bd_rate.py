"""Bjontegaard's delta rate: how many more or fewer bits one encoder needs than another at the same quality.

The logarithm of the rate is interpolated over quality by a monotone piecewise cubic (PCHIP) and integrated exactly over
the interval of quality that both curves cover, as `neural-codec/src/metrics/bd_rate.rs` does. Sources: Bjontegaard,
VCEG-M33, 2001; the slopes are those of Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5(2), 1984.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Point = tuple[float, float]
"""Rate, in any positive unit that both curves share; and quality, in any unit that rises with it."""

LEAST_POINTS = 4
LEAST_OVERLAP = 0.25
"""Of the narrower curve's interval of quality."""


class NotComparable(ValueError):
    """Two curves that have no delta rate; the text is short enough for the cell of a table."""


def bd_rate(anchor: Sequence[Point], test: Sequence[Point]) -> float:
    """Mean difference in rate of `test` against `anchor` at equal quality, in percent; negative is saved.

    Raises NotComparable for fewer than 4 different points, for rates that are not positive, for a quality that does not
    rise with rate, and for curves that share less than a quarter of the narrower one's interval of quality.
    """
    quality_a, rate_a = checked(anchor)
    quality_b, rate_b = checked(test)
    low, high = max(quality_a[0], quality_b[0]), min(quality_a[-1], quality_b[-1])
    narrower = min(quality_a[-1] - quality_a[0], quality_b[-1] - quality_b[0])
    if high - low < LEAST_OVERLAP * narrower:
        raise NotComparable("no overlap")
    difference = integral(quality_b, rate_b, low, high) - integral(quality_a, rate_a, low, high)
    return float((10 ** (difference / (high - low)) - 1) * 100)


def ssim_decibels(ssim: float) -> float:
    """SSIM on the scale -10 log10(1 - SSIM), on which equal steps are about equally visible; infinite at 1."""
    return math.inf if ssim >= 1 else -10 * math.log10(1 - ssim)


def checked(curve: Sequence[Point]) -> tuple[Floats, Floats]:
    """Qualities and decimal logarithms of the rates, by rising quality; a point given twice counts once."""
    points = np.array(sorted(set(curve)), np.float64).reshape(-1, 2)
    if not np.isfinite(points).all() or (points[:, 0] <= 0).any():
        raise NotComparable("not finite")
    if len(points) < LEAST_POINTS:
        raise NotComparable(f"{len(points)} point{'' if len(points) == 1 else 's'}")
    if (np.diff(points, axis=0) <= 0).any():
        raise NotComparable("not rising")
    return points[:, 1], np.log10(points[:, 0])


def integral(x: Floats, y: Floats, low: float, high: float) -> float:
    """Of the interpolated curve from `low` to `high`, both within `x`."""
    width, rise, slope = np.diff(x), np.diff(y), slopes(x, y)
    s0, s1 = slope[:-1] * width, slope[1:] * width
    # y + s0 t + b t^2 + c t^3 takes the values and slopes of both ends for t from 0 to 1.
    b, c = 3 * rise - 2 * s0 - s1, s0 + s1 - 2 * rise

    def antiderivative(limit: float) -> Floats:
        t = np.clip((limit - x[:-1]) / width, 0, 1)
        return np.asarray(width * t * (y[:-1] + t * (s0 / 2 + t * (b / 3 + t * c / 4))))

    return float((antiderivative(high) - antiderivative(low)).sum())


def slopes(x: Floats, y: Floats) -> Floats:
    """At each of at least 3 points, such that the curve stays monotone: inside, a weighted harmonic mean of both sides."""
    step = np.diff(x)
    secant = np.diff(y) / step
    before, after = step[:-1], step[1:]
    w0, w1 = 2 * after + before, after + 2 * before
    inside = (w0 + w1) / (w0 / secant[:-1] + w1 / secant[1:])
    first = end_slope(step[0], step[1], secant[0], secant[1])
    last = end_slope(step[-1], step[-2], secant[-1], secant[-2])
    return np.concatenate([[first], inside, [last]])


def end_slope(step: float, next_step: float, secant: float, next_secant: float) -> float:
    """At an end: that of the parabola through three points, or 0 where that would fall."""
    return max(0.0, ((2 * step + next_step) * secant - step * next_secant) / (step + next_step))
