"""What became of a campaign, for programs as JSON and for people as lines of Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .campaign_model import Campaign
from .ledger import Ledger, Standing
from .plan_llm import spent
from .planner import Trial


def progress_of(campaign: Campaign, trials: Sequence[Trial]) -> dict[str, Any]:
    """How far trials are."""
    best = best_of(campaign, trials)
    score = None if best is None else best.score
    return {
        "proposed": len(trials), "ended": sum(not each.is_running for each in trials), "failed": sum(bool(each.error) for each in trials),
        "best": None if best is None or score is None else {"slot": best.slot, "bytes": score.bytes, "cpu": score.cpu},
    }  # fmt: skip


def status_of(standing: Standing, trials: Sequence[Trial] | None = None) -> dict[str, Any]:
    """A campaign in a few numbers: of the trials given, or as its loop last told."""
    progress = standing.told.get("progress") if trials is None else progress_of(standing.campaign, trials)
    return {
        "name": standing.campaign.name, "state": standing.state, "planner": standing.campaign.planner, "of": standing.campaign.trials,
        **(progress or progress_of(standing.campaign, [])),
        "degraded": standing.told.get("degraded", ""), "workers": standing.told.get("workers", []),
        "why_ended": standing.told.get("ended", ""), "verdict": standing.told.get("verdict"),
    }  # fmt: skip


def report_of(ledger: Ledger) -> dict[str, Any]:
    """All of a campaign: the status, every trial, the best so far after each, and what models took."""
    standing, trials = ledger.standing(), ledger.trials()
    campaign = standing.campaign
    return {
        **status_of(standing, trials), "campaign": campaign.model_dump(mode="json"),
        "planned_by": dict(Counter(each.proposal.planner for each in trials)),
        "degraded_slots": [each.slot for each in trials if each.proposal.degraded], "models": spent(ledger),
        "best_so_far": best_so_far(campaign, trials), "trials": [shown(each) for each in trials],
    }  # fmt: skip


def shown(trial: Trial) -> dict[str, Any]:
    """A trial as plain data."""
    score = None if trial.score is None else trial.score.to_dict()
    return {"slot": trial.slot, **trial.proposal.to_dict(), "score": score, "error": trial.error}


def best_of(campaign: Campaign, trials: Sequence[Trial]) -> Trial | None:
    """The allowed trial of the fewest bytes."""
    allowed = [each for each in trials if each.score is not None and each.score.is_allowed(campaign)]
    return min(allowed, key=lambda each: each.score.bytes if each.score else 1.0, default=None)


def best_so_far(campaign: Campaign, trials: Sequence[Trial]) -> list[float]:
    """After each trial the fewest bytes of the allowed ones, beside the baseline, which is there from the start."""
    found, best = [], 1.0
    for each in trials:
        if each.score is not None and each.score.is_allowed(campaign):
            best = min(best, each.score.bytes)
        found.append(best)
    return found


def status_lines(told: dict[str, Any]) -> list[str]:
    """The status in words."""
    lines = [f"{told['name']}: {told['state']}, planner {told['planner']}, {told['ended']} of {told['of']} trials ended"
             + (f", {told['failed']} failed" if told["failed"] else "")]  # fmt: skip
    if told["degraded"]:
        lines.append(f"  degraded: {told['degraded']}")
    if told["best"]:
        best = told["best"]
        lines.append(f"  best: slot {best['slot']}, bytes x {best['bytes']:.4f}, CPU time x {best['cpu']:.2f}")
    for each in told["workers"] if told["state"] == "running" else []:
        jobs = f", holds {', '.join(each['jobs'])}" if each["jobs"] else ""
        lines.append(f"  worker {each['worker']}: {'lives' if each['live'] else 'dead'}{jobs}")
    if told["why_ended"]:
        lines.append(f"  ended: {told['why_ended']}")
    return lines


def report_lines(told: dict[str, Any]) -> list[str]:
    """The report as Markdown."""
    campaign, verdict = told["campaign"], told["verdict"]
    planned = ", ".join(f"{name} {number}" for name, number in told["planned_by"].items()) or "none"
    lines = [
        f"# Campaign {told['name']}", "",
        f"State: {told['state']}{'; ' + told['why_ended'] if told['why_ended'] else ''}.",
        f"Searched: {campaign['space']}, {told['ended']} of {told['of']} trials, planned by: {planned}; "
        f"{len(campaign['training'])} training clips, {len(campaign['held_out'])} held out, "
        f"{campaign['target']['kind']} {campaign['target']['value']:g}, settings {campaign['settings'] or 'of the codec'}.",
    ]  # fmt: skip
    if told["degraded_slots"]:
        lines.append(f"Degraded: {len(told['degraded_slots'])} slots were not planned by {told['planner']}.")
    if told["models"]["questions"]:
        models = told["models"]
        lines.append(f"Models: {models['questions']} questions, {models['tokens']} tokens, {models['dollars']:.4f} dollars.")
    lines += ["", *_verdict_lines(verdict), ""]
    if told["best"]:
        best = told["best"]
        lines += [f"Best on training clips: slot {best['slot']}, bytes x {best['bytes']:.4f}, CPU time x {best['cpu']:.2f}.", ""]
        lines += _clip_table(told["trials"][best["slot"]]["score"]["clips"])
    return lines


def _verdict_lines(verdict: dict[str, Any] | None) -> list[str]:
    if verdict is None:
        return ["No verdict yet."]
    lines = [f"**{'Found' if verdict['found'] else 'Nothing found'}:** {verdict['why']}."]
    if "score" in verdict:
        low, high = verdict["interval"]
        score = verdict["score"]
        lines += [f"Held out: bytes x {score['bytes']:.4f}, 95 % interval {low:.4f} to {high:.4f} (bootstrap over"
                  f" {len(score['clips'])} clips), CPU time x {score['cpu']:.2f}.", "", *_clip_table(score["clips"])]  # fmt: skip
    return lines


def _clip_table(clips: list[dict[str, Any]]) -> list[str]:
    rows = [
        f"| {each['clip']} | {each['baseline_bytes']} | {each['bytes']} | {each['bytes'] / each['baseline_bytes']:.4f} |"
        f" {'met' if each['short_by'] <= 0 else 'missed'} |"
        for each in clips
    ]
    return ["| clip | baseline bytes | bytes | ratio | floor |", "|---|---|---|---|---|", *rows]
