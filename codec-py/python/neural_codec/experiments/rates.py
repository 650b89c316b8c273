"""Rate against quality: which experiments may be compared, and how many bytes they save against the stored baseline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import neural_codec

from .model import Row

BASELINE = "baseline"
Point = tuple[float, float]
# Bjontegaard's delta needs as many points of each curve.
_FEWEST = 4


def point_of(row: Row) -> dict[str, Any] | None:
    """What the charts know of an experiment; None without a rate and a quality."""
    result = row.result or {}
    metrics, clip = result.get("metrics", {}), result.get("clip") or {}
    if metrics.get("psnr_db") is None or not metrics.get("bitrate_mbps"):
        return None
    names = ("bitrate_mbps", "psnr_db", "ssim", "bytes")
    told = {name: metrics.get(name) for name in names}
    return {
        "experiment_id": row.experiment_id, "campaign": row.campaign, "clip": clip.get("sha256", ""), "name": clip.get("name", ""),
        "encoder": result.get("base_encoder", ""), **told,
    }  # fmt: skip


def by_clip(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Experiments and baseline of each clip, and the delta rates of campaigns; the clip with the most experiments first."""
    clips: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        point = point_of(row)
        if point is not None:
            clips.setdefault(point["clip"], []).append(point)
    found = [_told(sha256, points) for sha256, points in clips.items()]
    return sorted(found, key=lambda clip: -len(clip["experiments"]) - len(clip["baseline"]))


def _told(sha256: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    baseline = [each for each in points if each["campaign"] == BASELINE]
    others = [each for each in points if each["campaign"] != BASELINE]
    for each in others:
        each["against"] = against(of_encoder(baseline, each["encoder"]), each)
    campaigns: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in others:
        campaigns.setdefault((each["campaign"], each["encoder"]), []).append(each)
    deltas = []
    for (campaign, encoder), members in campaigns.items():
        percent = bd_rate_of(of_encoder(baseline, encoder), members)
        if percent is not None:
            deltas.append({"campaign": campaign, "percent": percent, "points": len(members)})
    return {"clip": sha256, "name": points[0]["name"], "experiments": others, "baseline": baseline, "bd_rates": deltas}


def of_encoder(baseline: Sequence[dict[str, Any]], encoder: str) -> list[dict[str, Any]]:
    """The part of a baseline made by one version of the base layer's encoder; all of it where an experiment used none."""
    return [each for each in baseline if not encoder or each["encoder"] == encoder]


def curve(points: Iterable[dict[str, Any]]) -> list[Point]:
    """Points `(rate, quality)` that no other beats, so that quality rises with rate."""
    best: list[Point] = []
    for point in sorted({(each["bitrate_mbps"], each["psnr_db"]) for each in points}):
        if not best or point[1] > best[-1][1]:
            best.append(point)
    return best


def bd_rate_of(baseline: Iterable[dict[str, Any]], points: Iterable[dict[str, Any]]) -> float | None:
    """Bjontegaard's delta rate in percent, negative for fewer bits; None where curves are too short or do not overlap."""
    anchor, test = curve(baseline), curve(points)
    if min(len(anchor), len(test)) < _FEWEST:
        return None
    try:
        return neural_codec.bd_rate(anchor, test)
    except neural_codec.NeuralCodecError:
        return None


def against(baseline: Iterable[dict[str, Any]], point: dict[str, Any]) -> float | None:
    """How many more bits than the baseline one experiment takes at its own PSNR, in percent; None outside the baseline.

    Between points of the baseline the logarithm of the rate is linear in dB.
    """
    anchor = curve(baseline)
    for (low, from_db), (high, to_db) in zip(anchor, anchor[1:], strict=False):
        if from_db <= point["psnr_db"] <= to_db:
            share = (point["psnr_db"] - from_db) / (to_db - from_db)
            rate = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
            return float(100 * (point["bitrate_mbps"] / rate - 1))
    return None
