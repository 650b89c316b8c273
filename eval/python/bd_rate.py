"""Delta rates for tables: `neural_codec.bd_rate`, and in few words why two curves have none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import neural_codec

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
    a, b = checked(anchor), checked(test)
    low, high = max(a[0][1], b[0][1]), min(a[-1][1], b[-1][1])
    narrower = min(a[-1][1] - a[0][1], b[-1][1] - b[0][1])
    if high - low < LEAST_OVERLAP * narrower:
        raise NotComparable("no overlap")
    return neural_codec.bd_rate(a, b)


def ssim_decibels(ssim: float) -> float:
    """SSIM on the scale -10 log10(1 - SSIM), on which equal steps are about equally visible; infinite at 1."""
    return math.inf if ssim >= 1 else -10 * math.log10(1 - ssim)


def checked(curve: Sequence[Point]) -> list[Point]:
    """The points by rising rate; one given twice counts once."""
    points = sorted(set(curve))
    if any(not math.isfinite(value) for point in points for value in point) or any(rate <= 0 for rate, _ in points):
        raise NotComparable("not finite")
    if len(points) < LEAST_POINTS:
        raise NotComparable(f"{len(points)} point{'' if len(points) == 1 else 's'}")
    if any(a[0] >= b[0] or a[1] >= b[1] for a, b in zip(points, points[1:], strict=False)):
        raise NotComparable("not rising")
    return points
