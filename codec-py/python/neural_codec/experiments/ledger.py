"""What a campaign has in the store: itself, its slots and the answers of models. Whoever reads it can go on where it stopped.

The order is what makes that true: a proposal is stored before its jobs are sent, and an answer of a model before it is used.
A slot, a result and a question are each written once, by whoever comes first.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Literal

from . import ExperimentError
from .campaign_model import Campaign, campaign_from
from .planner import Proposal, Trial
from .score import Score
from .store import StoredRecord, Store

logger = logging.getLogger("neural_codec.experiments.ledger")
_CAMPAIGNS = "campaigns"
CampaignState = Literal["running", "stopping", "stopped", "finished"]


@dataclass(frozen=True)
class Standing:
    """A campaign as it stands."""

    campaign: Campaign
    state: CampaignState
    began: int
    """Seconds of UTC: half of the key of each of its experiments."""
    told: dict[str, Any]
    """What the loop last said: workers, why it is degraded, the verdict."""


class Ledger:
    """The records of one campaign."""

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.name = store, name

    def begin(self, campaign: Campaign) -> Standing:
        """The campaign, stored; the one that is there where it is the same. Raises ExperimentError for another of its name."""
        values = {"campaign": campaign.model_dump(mode="json"), "state": "running", "began": int(time.time()), "told": {}}
        self.store.keep(_CAMPAIGNS, self.name, values)
        standing = self.standing()
        if _without_workers(standing.campaign) != _without_workers(campaign):
            raise ExperimentError(
                f"campaign: expected {self.name!r} as it was started, found other values in the file; give what you change another name"
            )
        return standing

    def standing(self) -> Standing:
        """The campaign as it is now. Raises ExperimentError where there is none."""
        return _standing(self._record())

    def _record(self) -> StoredRecord:
        kept = self.store.kept(_CAMPAIGNS, self.name)
        if kept is None:
            raise ExperimentError(f"campaign: expected one that was started, found none of the name {self.name!r} in this store")
        return kept

    def move(self, state: CampaignState, *, but: tuple[CampaignState, ...] = ()) -> CampaignState:
        """Sets the state, unless it is one of `but`; the state afterwards."""
        while True:
            kept = self._record()
            now: CampaignState = kept.value["state"]
            if now == state or now in but or self.store.change(kept, {**kept.value, "state": state}):
                return now if now in but else state

    def tell(self, **told: Any) -> None:
        """Says what others may know; what is not named stays."""
        while True:
            kept = self._record()
            changed = {**kept.value["told"], **told}
            if changed == kept.value["told"] or self.store.change(kept, {**kept.value, "told": changed}):
                return

    def propose(self, slot: int, proposal: Proposal) -> Proposal:
        """The proposal of a slot: this one, or the one that was stored first."""
        self.store.keep(self._slots, _number(slot), proposal.to_dict())
        found = self.proposal(slot)
        assert found is not None
        return found

    def proposal(self, slot: int) -> Proposal | None:
        kept = self.store.kept(self._slots, _number(slot))
        return None if kept is None else Proposal.from_dict(kept.value)

    def end(self, slot: int, score: Score | None, error: str) -> None:
        """The outcome of a slot; the first that is told stays."""
        values = {"score": None if score is None else score.to_dict(), "error": error, "ended": time.time()}
        self.store.keep(self._outcomes, _number(slot), values)

    def trial(self, slot: int) -> Trial | None:
        """A slot with its outcome, where it has one."""
        proposal = self.proposal(slot)
        if proposal is None:
            return None
        kept = self.store.kept(self._outcomes, _number(slot))
        if kept is None:
            return Trial(slot, proposal)
        score = kept.value["score"]
        return Trial(slot, proposal, None if score is None else Score.from_dict(score), kept.value["error"])

    def trials(self) -> list[Trial]:
        """All slots there are, in order; they have no gaps."""
        outcomes = {each.name: each.value for each in self.store.all_kept(self._outcomes)}
        found: list[Trial] = []
        for kept in self.store.all_kept(self._slots):
            value = outcomes.get(kept.name, {"score": None, "error": ""})
            score = None if value["score"] is None else Score.from_dict(value["score"])
            found.append(Trial(int(kept.name), Proposal.from_dict(kept.value), score, value["error"]))
        return found

    @property
    def _slots(self) -> str:
        return f"slots/{self.name}"

    @property
    def _outcomes(self) -> str:
        return f"outcomes/{self.name}"

    def note(self, what: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
        """A record of another kind, written once; what is there afterwards."""
        self.store.keep(f"{what}/{self.name}", name, values)
        kept = self.store.kept(f"{what}/{self.name}", name)
        assert kept is not None
        return kept.value

    def noted(self, what: str, name: str) -> dict[str, Any] | None:
        kept = self.store.kept(f"{what}/{self.name}", name)
        return None if kept is None else kept.value

    def all_noted(self, what: str) -> dict[str, dict[str, Any]]:
        return {each.name: each.value for each in self.store.all_kept(f"{what}/{self.name}")}

    def note_first(self, what: str, name: str, values: dict[str, Any]) -> bool:
        """Whether this call was the first to write the record."""
        return self.store.keep(f"{what}/{self.name}", name, values)


def state_of(store: Store, name: str) -> CampaignState | None:
    """The state of a campaign of a store, whatever version wrote it; None where there is none of the name."""
    kept = store.kept(_CAMPAIGNS, name)
    return None if kept is None else kept.value["state"]


def campaigns(store: Store) -> list[Standing]:
    """Every campaign of a store, by name; one that this version cannot read is logged and left out, so that it hides no other."""
    found: list[Standing] = []
    for each in store.all_kept(_CAMPAIGNS):
        try:
            found.append(_standing(each))
        except ExperimentError as error:
            logger.warning("campaign %s is left out: %s", each.name, error)
    return found


def _standing(kept: StoredRecord) -> Standing:
    value = kept.value
    return Standing(campaign_from(value["campaign"]), value["state"], value["began"], value["told"])


def _without_workers(campaign: Campaign) -> dict[str, Any]:
    """Workers may come and go; all else is the campaign."""
    return campaign.model_dump(mode="json", exclude={"workers"})


def _number(slot: int) -> str:
    return f"{slot:04d}"
