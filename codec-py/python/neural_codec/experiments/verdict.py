"""What may be said of the best trial once it was encoded on clips that it was not found on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .campaign_model import Campaign
from .carrier import Outcome
from .model import Target
from .score import Score, clip_score, interval, score_of

# What changes nothing has fewer bytes on a clip one time in two: on 5 of 5, 1 time in 32, which a claim of 95 % may be wrong.
LEAST_CLIPS = 5


def against(target: Target, outcomes: Sequence[Outcome], baseline: Sequence[dict[str, Any]]) -> Score:
    """Outcomes that have results beside the baseline's of the same clips. Raises ExperimentError where they cannot be compared."""
    return score_of([clip_score(target, each.result or {}, base) for each, base in zip(outcomes, baseline, strict=True)])


def copy_among(known: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]]) -> str:
    """Which clip of some results has the content of another of them, or of a known one, in words; empty where none has."""
    names = {each["clip"]["sha256"]: each["clip"]["name"] for each in known}
    for each in results:
        clip = each["clip"]
        if clip["sha256"] in names:
            return f"{clip['name']} has the content of {names[clip['sha256']]}"
        names[clip["sha256"]] = clip["name"]
    return ""


def verdict_of(
    campaign: Campaign, outcomes: Sequence[Outcome], baseline: Sequence[dict[str, Any]], trained: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Whether something was found, why, and the paired score with its interval; `trained` are results of clips that it was found on."""
    copied = copy_among(trained, baseline)
    if copied:
        return {"found": False, "why": f"expected held-out clips that are others, found that {copied}"}
    bad = [each for each in outcomes if not each.is_completed]
    if bad:
        return {"found": False, "why": f"the best trial fails on {len(bad)} held-out clips: {bad[0].error or bad[0].state}"}
    score = against(campaign.target, outcomes, baseline)
    low, high = interval([each.ratio for each in score.clips], campaign.seed)
    told = {"score": score.to_dict(), "interval": [low, high]}
    if score.short_by > 0:
        return {**told, "found": False, "why": f"a held-out scene misses the floor by {score.short_by:.3f}"}
    if not score.is_allowed(campaign):
        return {**told, "found": False, "why": f"it takes {score.cpu:.2f} of the baseline's CPU time on held-out clips"}
    if high >= 1:
        return {**told, "found": False, "why": "the interval of the held-out clips has no gain in it for certain"}
    if len(baseline) < LEAST_CLIPS:
        why = f"{len(baseline)} held-out clips are too few: by chance alone all are better 1 time in {2 ** len(baseline)}; {LEAST_CLIPS} can tell"
        return {**told, "found": False, "why": why}
    return {**told, "found": True, "why": "fewer bytes on clips that it was not found on"}
