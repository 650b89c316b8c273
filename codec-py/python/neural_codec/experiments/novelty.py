"""Whether a proposal would decide anything new: rules that choose the same for every scene are not run again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from .decisions import first_choice
from .model import RulesPayload
from .planner import Proposal, Trial
from .score import Score


def decides(kind: str, payload: dict[str, Any], profiles: Sequence[dict[str, Any]]) -> str | None:
    """What rules or settings come to on scenes of these profiles; None of what only running it can tell."""
    if kind == "settings":
        return json.dumps([payload.get("settings", {}), [{}] * len(profiles)], sort_keys=True)
    if kind != "rules":
        return None
    rules = RulesPayload.model_validate_json(json.dumps(payload))
    choices = [first_choice(rules, profile).asked() for profile in profiles]
    return json.dumps([rules.settings, choices], sort_keys=True)


def known_score(
    proposal: Proposal, trials: Iterable[Trial], baseline: tuple[dict[str, Any], Score], profiles: Sequence[dict[str, Any]]
) -> Score | None:
    """The score of what decided the same before: an earlier trial, or the baseline, given as its settings and score."""
    wanted = decides(proposal.kind, proposal.payload, profiles)
    if wanted is None:
        return None
    settings, score = baseline
    if wanted == decides("settings", {"settings": settings}, profiles):
        return score
    for each in trials:
        if each.score is not None and decides(each.proposal.kind, each.proposal.payload, profiles) == wanted:
            return each.score
    return None
