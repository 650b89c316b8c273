"""Which earlier trials a new one is made from: the best of its island, and the best by scene class, so that variety is not lost.

Slots go to islands in turn. An island sees its own trials, and now and then the best of the island before it, as in a ring. Nothing is
kept: the trials, their slots and their scores say it all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from .planner import Context, Trial

# After so many trials of each island, the best of its neighbor is seen by it.
MIGRATION = 8
_BEST, _MOST = 3, 6


def island_of(slot: int, islands: int) -> int:
    """The island of a slot."""
    return slot % islands


def seen(context: Context) -> list[Trial]:
    """Scored trials that the island of the context's slot knows: its own, and those that came to it."""
    islands = context.campaign.islands
    mine = island_of(context.slot, islands)
    scored = [each for each in context.trials if each.score is not None and not each.score.early]
    own = [each for each in scored if island_of(each.slot, islands) == mine]
    settled = context.slot - context.slot % (MIGRATION * islands)
    before = [each for each in scored if island_of(each.slot, islands) == (mine - 1) % islands and each.slot < settled]
    return own + ([min(before, key=lambda each: _rank(context, each))] if islands > 1 and before else [])


def _rank(context: Context, trial: Trial) -> tuple[bool, float]:
    assert trial.score is not None
    return not trial.score.is_allowed(context.campaign), trial.score.bytes


def elites(context: Context, trials: Iterable[Trial]) -> dict[str, Trial]:
    """By scene class the trial of the fewest bytes on clips of that class, with their floors met."""
    best: dict[str, tuple[float, Trial]] = {}
    for each in trials:
        for kind in sorted(set(context.classes)):
            value = _on_class(context, each, kind)
            if value is not None and (kind not in best or value < best[kind][0]):
                best[kind] = value, each
    return {kind: trial for kind, (_, trial) in best.items()}


def _on_class(context: Context, trial: Trial, kind: str) -> float | None:
    assert trial.score is not None
    clips = [clip for clip, of in zip(trial.score.clips, context.classes, strict=False) if of == kind]
    if not clips or any(clip.short_by > 0 for clip in clips):
        return None
    return math.exp(sum(math.log(clip.ratio) for clip in clips) / len(clips))


def parents(context: Context) -> list[Trial]:
    """What the next trial of the slot's island is made from, the best first."""
    known = sorted(seen(context), key=lambda each: _rank(context, each))
    chosen = known[:_BEST] + [trial for _, trial in sorted(elites(context, known).items())]
    return list({each.slot: each for each in chosen}.values())[:_MOST]
