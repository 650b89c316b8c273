"""The stages before a clip is encoded whole: code is tried on profiles in the sandbox, and a trial that starts badly ends early."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable, Sequence
from typing import Any

from . import ExperimentError
from .campaign_model import Campaign, allowed_settings
from .decisions import decide
from .model import job_from
from .novelty import tree_of
from .planner import Proposal
from .score import ClipScore, Score, clip_score, score_of, short_by

_FLAT = {
    "scene_class": "static", "class_reason": "made up", "spatial_information": 5.0, "temporal_information": 0.0, "motion": 0.0,
    "motion_direction": [0.0, 0.0], "global_motion": 0.0, "changed_blocks": 0.0, "grain": 0.0, "flatness": 1.0, "hard_edges": 0.0,
    "repeated_frames": 0, "black_frames": 0, "fades_in": False, "fades_out": False,
}  # fmt: skip
# Scenes that no training clip may have: nothing at all, everything at once, and a black screen that fades.
SYNTHETIC: tuple[dict[str, Any], ...] = (
    _FLAT,
    {**_FLAT, "scene_class": "high_motion", "spatial_information": 150.0, "temporal_information": 80.0, "motion": 2.0,
     "motion_direction": [2.0, -1.0], "global_motion": 1.0, "changed_blocks": 1.0, "grain": 12.0, "flatness": 0.0, "hard_edges": 1.0},
    {**_FLAT, "scene_class": "synthetic", "black_frames": 1, "repeated_frames": 0, "fades_in": True, "fades_out": True},
)  # fmt: skip


def synthetic() -> list[dict[str, Any]]:
    """A clip of made-up scenes: one of a single frame among them."""
    lengths = (1, 250, 24)
    starts = (0, 1, 251)
    return [{"first_frame": start, "frames": frames, **each} for start, frames, each in zip(starts, lengths, SYNTHETIC, strict=True)]


def decided_by_code(
    proposal: Proposal, campaign: Campaign, clips: Sequence[Sequence[dict[str, Any]]], stopped: Callable[[], bool]
) -> str | None:
    """What an agent decides on the profiles of each clip, after it has stood the made-up ones.

    None where only a worker can tell: the code probes, or there is no sandbox here. Raises ExperimentError where the code fails.
    """
    if proposal.kind != "agent" or shutil.which("bwrap") is None or probes(proposal.payload["code"]):
        return None
    told = [_decisions(proposal, campaign, profiles, stopped) for profiles in (synthetic(), *clips)]
    return json.dumps(told[1:], sort_keys=True)


def _decisions(
    proposal: Proposal, campaign: Campaign, profiles: Sequence[dict[str, Any]], stopped: Callable[[], bool]
) -> dict[str, Any]:
    job = job_from({"experiment_id": "stage", "timestamp": 0, "kind": proposal.kind, "payload": proposal.payload,
                    "target": campaign.target.model_dump()})  # fmt: skip
    decisions = decide(job, lambda: list(profiles), stopped).decisions
    try:
        allowed_settings(decisions.settings)
    except ValueError as error:
        raise ExperimentError(f"decide: {error}") from None
    found: dict[str, Any] = json.loads(decisions.model_dump_json(exclude_none=True))
    return found


def probes(code: str) -> bool:
    """Whether code names `probe` other than as the parameter that it has to have. Raises ExperimentError for what is no Python."""
    return any(isinstance(node, ast.Name) and node.id == "probe" for node in ast.walk(tree_of(code)))


def short_payload(payload: dict[str, Any]) -> dict[str, Any]:
    """A payload as the short scene is encoded: with the least effort, whatever preset it would have."""
    settings = {name: value for name, value in payload.get("settings", {}).items() if name != "preset"}
    return {**payload, "settings": {**settings, "effort": 0}}


def short_score(campaign: Campaign, result: dict[str, Any], baseline: dict[str, Any]) -> Score | None:
    """The score of the short scene, where it is reason enough to encode no clip whole. Raises ExperimentError as `clip_score` does."""
    score = score_of([clip_score(campaign.target, result, baseline)])
    is_short = score.short_by > short_by(campaign.target, baseline)
    if is_short or (campaign.short_above is not None and score.bytes > campaign.short_above):
        return Score(score.bytes, score.cpu, score.short_by, score.clips, early=True)
    return None


def early_score(campaign: Campaign, clips: Sequence[ClipScore]) -> Score | None:
    """The score of the clips so far, where they are reason enough to encode no further one."""
    if campaign.stop_early_above is None or not clips:
        return None
    score = score_of(clips)
    if score.short_by <= 0 and score.bytes <= campaign.stop_early_above:
        return None
    return Score(score.bytes, score.cpu, score.short_by, score.clips, early=len(clips) < len(campaign.training))
