"""What a trial is worth: its bytes at the floor beside the baseline's on the same clips, and whether it may be compared at all.

The floor has to be met in every scene of the baseline, by the frames that were decoded and not by what the encoder says of itself.
Neither scenes nor settings of a trial may change what that means.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from . import ExperimentError
from .campaign_model import Campaign, allowed_settings
from .model import Target

# Of a floor in its own unit: what two ways to add the same numbers may differ by.
_TOLERANCE = {"min_psnr_y": 5e-3, "min_ssim_y": 5e-5}
_VALUE = {"min_psnr_y": "psnr_y", "min_ssim_y": "ssim_y"}


@dataclass(frozen=True)
class ClipScore:
    """One clip of a trial beside its baseline."""

    clip: str
    bytes: int
    baseline_bytes: int
    cpu_s: float
    baseline_cpu_s: float
    short_by: float
    """By how much the worst scene misses the floor, in the floor's unit; 0 where it is met."""

    @property
    def ratio(self) -> float:
        return self.bytes / self.baseline_bytes


@dataclass(frozen=True)
class Score:
    """A trial on all its clips: geometric means of ratios to the baseline, below 1 for less."""

    bytes: float
    cpu: float
    short_by: float
    clips: tuple[ClipScore, ...] = ()
    early: bool = False
    """Ended before all clips were encoded, as it began badly."""

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "clips": [asdict(each) for each in self.clips]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Score:
        return cls(**{**values, "clips": tuple(ClipScore(**each) for each in values.get("clips", []))})

    def is_allowed(self, campaign: Campaign) -> bool:
        """Whether all clips were encoded, every scene meets the floor, and the time is within its limit where there is one."""
        return not self.early and self.short_by <= 0 and (campaign.most_time is None or self.cpu <= campaign.most_time)


def clip_score(target: Target, result: dict[str, Any], baseline: dict[str, Any], table: str | None = None) -> ClipScore:
    """Two results of the same clip, by the same table of constants, or the result by one whose hash is `table`.

    Raises ExperimentError where they cannot be compared.
    """
    if result["clip"]["sha256"] != baseline["clip"]["sha256"]:
        raise ExperimentError("score: expected a result and a baseline of the same clip")
    if result.get("base_encoder") != baseline.get("base_encoder"):
        raise ExperimentError(
            f"score: expected the base encoder of the baseline, {baseline.get('base_encoder')}, found {result.get('base_encoder')};"
            " workers of one campaign need the same version"
        )
    expected = baseline["table"] if table is None else table
    if result["table"] != expected:
        raise ExperimentError(
            f"score: expected the table of constants {expected}, found {result['table']}; workers of one campaign need the same build"
        )
    if result["least_scene"].get("spans") != baseline["least_scene"].get("spans"):
        raise ExperimentError("score: expected a floor that was measured over the scenes of the baseline, found other scenes")
    try:
        allowed_settings(result.get("decisions", {}).get("settings", {}))
    except ValueError as error:
        raise ExperimentError(f"score: {error}") from None
    sizes = result["metrics"]["bytes"], baseline["metrics"]["bytes"]
    times = float(result["encode_cpu_seconds"]), float(baseline["encode_cpu_seconds"])
    return ClipScore(result["clip"]["name"], *sizes, *times, short_by(target, result))


def short_by(target: Target, result: dict[str, Any]) -> float:
    """By how much the worst scene misses a floor; 0 where every scene meets it."""
    least = result["least_scene"][_VALUE[target.kind]]
    # A scene without a value is lossless.
    missing = 0.0 if least is None else target.value - float(least)
    return missing if missing > _TOLERANCE[target.kind] else 0.0


def score_of(clips: Sequence[ClipScore]) -> Score:
    """All clips together, each counting the same."""
    return Score(
        bytes=_mean([each.ratio for each in clips]),
        cpu=_mean([each.cpu_s / each.baseline_cpu_s if each.baseline_cpu_s > 0 else 1.0 for each in clips]),
        short_by=max((each.short_by for each in clips), default=0.0),
        clips=tuple(clips),
    )


def _mean(ratios: Sequence[float]) -> float:
    return math.exp(sum(math.log(each) for each in ratios) / len(ratios)) if ratios else 1.0


def interval(ratios: Sequence[float], seed: int = 0, draws: int = 10_000, share: float = 0.95) -> tuple[float, float]:
    """The bootstrap interval of a geometric mean of paired ratios: clips are drawn again with replacement."""
    if not ratios:
        return 1.0, 1.0
    drawn = random.Random(seed)
    means = sorted(_mean(drawn.choices(ratios, k=len(ratios))) for _ in range(draws))
    edge = round((1 - share) / 2 * draws)
    return means[edge], means[draws - 1 - edge]
