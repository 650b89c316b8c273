"""What a planner is: shown what was tried and measured, it proposes the next trial. It never sees a worker, a queue or a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from .campaign_model import Campaign
from .score import Score


@dataclass(frozen=True)
class Proposal:
    """A trial that is to be run."""

    kind: str
    payload: dict[str, Any]
    planner: str
    parameters: dict[str, str | float] | None = None
    """The point of the search space; None of a proposal that is not one."""
    parents: tuple[int, ...] = ()
    """Slots that it was made from."""
    degraded: str = ""
    """Why another planner than the campaign's own made it."""
    note: str = ""
    """What the planner says of it, to be shown and for nothing else."""
    model: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "parents": list(self.parents)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Proposal:
        return cls(**{**values, "parents": tuple(values["parents"])})


@dataclass(frozen=True)
class Trial:
    """A proposal and what became of it: a score, an error, or neither while it runs."""

    slot: int
    proposal: Proposal
    score: Score | None = None
    error: str = ""

    @property
    def is_running(self) -> bool:
        return self.score is None and not self.error


@dataclass(frozen=True)
class Context:
    """What a planner may know. The same context gives the same proposal, unless a model is asked."""

    campaign: Campaign
    slot: int
    trials: Sequence[Trial]
    profiles: Sequence[dict[str, Any]]
    """Of every scene of the training clips."""
    classes: Sequence[str] = ()
    """The class of most frames of each training clip."""

    def best(self) -> Trial | None:
        """The allowed trial of the fewest bytes so far."""
        allowed = [each for each in self.trials if each.score is not None and each.score.is_allowed(self.campaign)]
        return min(allowed, key=_bytes, default=None)


def _bytes(trial: Trial) -> float:
    assert trial.score is not None
    return trial.score.bytes


class Planner(Protocol):
    """See the module's own words."""

    def propose(self, context: Context) -> Proposal:
        """The trial of `context.slot`."""
