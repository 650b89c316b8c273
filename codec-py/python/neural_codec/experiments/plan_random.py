"""The planner that knows nothing: every other one has to beat it at the same number of trials."""

from __future__ import annotations

import random

from .planner import Context, Proposal
from .space import Options, space_of


class RandomPlanner:
    """Draws each trial alone, from the campaign's seed and the slot."""

    def propose(self, context: Context) -> Proposal:
        space = space_of(context.campaign, context.profiles)
        drawn = random.Random(f"{context.campaign.seed}/{context.slot}")
        point: dict[str, str | float] = {}
        for each in space.parameters:
            point[each.name] = drawn.choice(each.options) if isinstance(each, Options) else drawn.uniform(each.low, each.high)
        return Proposal(space.kind, space.payload(point), "random", point)
