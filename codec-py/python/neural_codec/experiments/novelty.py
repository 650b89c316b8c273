"""Whether a proposal would decide anything new: rules that choose the same for every scene, and the same code, are not run again."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Sequence
from typing import Any

from . import ExperimentError
from .decisions import first_choice
from .model import RulesPayload
from .planner import Proposal, Trial
from .score import Score


def tree_of(code: str) -> ast.Module:
    """Code as Python reads it. Raises ExperimentError for what is no Python."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExperimentError(f"code: expected Python, found: {type(error).__name__}: {str(error)[:200]}") from None


def code_of(proposal: Proposal) -> str | None:
    """What stays of code when comments and layout are left out, with its settings; None of what has no code."""
    if proposal.kind != "agent":
        return None
    return json.dumps([ast.dump(tree_of(proposal.payload["code"])), proposal.payload.get("settings", {})], sort_keys=True)


def decides(kind: str, payload: dict[str, Any], profiles: Sequence[dict[str, Any]] | None) -> str | None:
    """What rules or settings come to on scenes of these profiles, or as they stand where not all scenes are known; None of what only
    running it can tell."""
    if kind not in ("settings", "rules"):
        return None
    if profiles is None:
        return json.dumps([kind, payload], sort_keys=True)
    if kind == "settings":
        return json.dumps([payload.get("settings", {}), [{}] * len(profiles)], sort_keys=True)
    rules = RulesPayload.model_validate_json(json.dumps(payload))
    choices = [first_choice(rules, profile).asked() for profile in profiles]
    return json.dumps([rules.settings, choices], sort_keys=True)


def known_score(
    proposal: Proposal, trials: Iterable[Trial], baseline: tuple[dict[str, Any], Score], profiles: Sequence[dict[str, Any]] | None
) -> Score | None:
    """The score of what decided the same before: an earlier trial, or the baseline, given as its settings and score."""
    code = code_of(proposal)
    if code is not None:
        return next((each.score for each in trials if each.score is not None and code_of(each.proposal) == code), None)
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
