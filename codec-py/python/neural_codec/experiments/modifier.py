"""A modifier: constants of the encoder that are tried in place of others, and accepted only where they pay on every side.

```text
table + patch -> checked -> training clips, before and after -> the rule -> held-out clips, before and after -> the rule -> accepted
```
Both sides are jobs like any other, run by the same workers; what is compared was measured of decoded frames.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .. import _native
from .._settings import as_texts
from . import ExperimentError
from .campaign_model import Campaign
from .carrier import Carrier, Outcome, attempt_of
from .model import ClipRef, Job, job_from
from .score import Score, clip_score, score_of, short_by
from .services import Services
from .verdict import copy_among

# The rule. Means are geometric, of ratios to the table before.
LEAST_GAIN = 0.005
MOST_LOSS = 0.01
MOST_MORE_TIME = 0.05
_RECORDS = "modifiers"


class Halted(ExperimentError):
    """The process is to stop; the same command goes on where this one was."""


@dataclass(frozen=True)
class Check:
    """One part of the rule."""

    side: str
    what: str
    limit: float
    found: float

    @property
    def ok(self) -> bool:
        return self.found <= self.limit

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}


def table_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """A table as the library reads it, by what differs from the one that is compiled in: `hash`, `toml`, `changes`, `constants`.

    Raises InvalidArgument that names key, range and value.
    """
    found: dict[str, Any] = json.loads(_native.defaults(as_texts({"defaults": dict(changes)})["defaults"]))
    return found


def changes_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a table changes, by key."""
    compiled = {each["key"]: each["value"] for each in table_of({})["constants"]}
    return {each["key"]: each["value"] for each in told["constants"] if each["value"] != compiled[each["key"]]}


def checks_of(side: str, score: Score, least_gain: float) -> list[Check]:
    """The rule on the clips of one side: they gain so much in the mean, none loses much, time hardly grows, and every floor is met."""
    return [
        Check(side, "mean bytes", 1 - least_gain, score.bytes),
        Check(side, "bytes of the worst clip", 1 + MOST_LOSS, max(each.ratio for each in score.clips)),
        Check(side, "processor time", 1 + MOST_MORE_TIME, score.cpu),
        Check(side, "miss of the worst scene's floor", 0.0, score.short_by),
    ]


class Modifier:
    """One patch on its way. Jobs have names that follow from campaign, table and patch: a second run finds the results of the first."""

    def __init__(
        self, services: Services, campaign: Campaign, carrier: Carrier, base: Mapping[str, Any], patch: Mapping[str, Any], check_s: float = 0.2
    ) -> None:
        if not campaign.held_out:
            raise ExperimentError("modifier: expected held-out clips in the campaign, found none: nothing could be accepted")
        self.services, self.campaign, self.carrier, self.check_s = services, campaign, carrier, check_s
        self.before = table_of(base)
        self.base = changes_of(self.before)
        self.after = table_of({**self.base, **patch})
        self.changed = changes_of(self.after)
        self.trained: list[dict[str, Any]] = []
        if self.after["hash"] == self.before["hash"]:
            raise ExperimentError("modifier: expected constants that differ from the table before, found none")
        told = [campaign.model_dump(mode="json", exclude={"workers"}), self.before["hash"], self.after["hash"]]
        self.name = f"{campaign.name}-{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]}"

    def run(self) -> dict[str, Any]:
        """Tries the patch, or resumes; gives the record, which is stored. Raises Halted, and ExperimentError where a job fails."""
        values = {"began": int(time.time()), "told": None}
        self.services.store.keep(_RECORDS, self.name, values)
        kept = self.services.store.kept(_RECORDS, self.name)
        assert kept is not None
        if kept.value["told"] is None:
            self.began = kept.value["began"]
            self.carrier.check()
            told = self._tried()
            self.services.store.change(kept, {**kept.value, "told": told})
        return record(self.services, self.name)

    def _tried(self) -> dict[str, Any]:
        training = self._score("training", self.campaign.training)
        checks = checks_of("training", training, LEAST_GAIN)
        held_out = None
        # Clips that are looked at in vain are worth less the next time.
        if all(each.ok for each in checks):
            held_out = self._score("held out", self.campaign.held_out)
            checks += checks_of("held out", held_out, 0.0)
        return {
            "name": self.name, "campaign": self.campaign.model_dump(mode="json"), "accepted": all(each.ok for each in checks),
            "before": self.before["hash"], "after": self.after["hash"], "toml": self.after["changes"],
            "changes": self._differences(), "checks": [each.to_dict() for each in checks],
            "training": training.to_dict(), "held_out": None if held_out is None else held_out.to_dict(), "encoder": self.encoder,
        }  # fmt: skip

    def _differences(self) -> dict[str, list[Any]]:
        pairs = zip(self.before["constants"], self.after["constants"], strict=True)
        return {old["key"]: [old["value"], new["value"]] for old, new in pairs if old["value"] != new["value"]}

    def _score(self, side: str, clips: Sequence[ClipRef]) -> Score:
        mark = "t" if side == "training" else "h"
        pairs = [
            [self._job(f"{mark}b{index}", clip, self.base), self._job(f"{mark}a{index}", clip, self.changed)]
            for index, clip in enumerate(clips)
        ]
        # One beside the other, so that a machine that grows slower does so for both, and both again where one failed.
        pairs = [attempt_of(self.carrier, pair, lambda outcome: outcome.is_completed) for pair in pairs]
        found = self._outcomes([job for pair in pairs for job in pair])
        copied = copy_among(self.trained, [_result(old, found[old.experiment_id]) for old, _ in pairs])
        if copied:
            raise ExperimentError(f"modifier: expected clips of different content, found that {copied}")
        scores = []
        for old, new in pairs:
            results = [_result(job, found[job.experiment_id]) for job in (old, new)]
            if results[0]["table"] != self.before["hash"]:
                raise ExperimentError(
                    f"{old.experiment_id}: expected the table {self.before['hash']}, found {results[0]['table']}; its worker is of another build"
                )
            missed = short_by(self.campaign.target, results[0])
            if missed > 0:
                raise ExperimentError(
                    f"{old.experiment_id}: expected a table that meets every floor before the patch, found a miss of {missed:.4f}"
                    f" on {results[0]['clip']['name']}"
                )
            scores.append(clip_score(self.campaign.target, results[1], results[0], self.after["hash"]))
            self.encoder = results[0].get("base_encoder", "")
            self.trained.append(results[0])
        return score_of(scores)

    def _job(self, mark: str, clip: ClipRef, changes: Mapping[str, Any]) -> Job:
        return job_from({
            "experiment_id": f"{self.name}-{mark}", "timestamp": self.began, "kind": "modifier", "campaign": self.name,
            "payload": {"settings": self.campaign.settings, "patch": dict(changes)}, "clip": clip.model_dump(),
            "target": self.campaign.target.model_dump(), "seed": self.campaign.seed, "budget": self.campaign.budget.model_dump(),
            # A result of another day would have the time of another day.
            "fresh": True,
        })  # fmt: skip

    def _outcomes(self, jobs: Sequence[Job]) -> dict[str, Outcome]:
        for job in jobs:
            self.carrier.send(job)
        ended: dict[str, Outcome] = {}
        while len(ended) < len(jobs):
            for job in jobs:
                if job.experiment_id not in ended and (outcome := self.carrier.outcome(job)) is not None:
                    ended[job.experiment_id] = outcome
            if len(ended) < len(jobs) and self.services.stopping.wait(self.check_s):
                raise Halted("modifier: stopped before its end; the same command resumes it")
        return ended


def _result(job: Job, outcome: Outcome) -> dict[str, Any]:
    if outcome.result is None:
        raise ExperimentError(f"{job.experiment_id}: expected a result, found {outcome.state}: {outcome.error}")
    return outcome.result


def record(services: Services, name: str) -> dict[str, Any]:
    """What became of a modifier. Raises ExperimentError where there is none, or it has not ended."""
    kept = services.store.kept(_RECORDS, name)
    if kept is None or kept.value["told"] is None:
        known = [each.name for each in services.store.all_kept(_RECORDS) if each.value["told"] is not None]
        raise ExperimentError(f"modifier: expected one that has ended ({', '.join(known) or 'none yet'}), found {name!r}")
    told: dict[str, Any] = kept.value["told"]
    return told


def report_lines(told: Mapping[str, Any]) -> list[str]:
    """The record as Markdown."""
    campaign = told["campaign"]
    lines = [
        f"# Modifier {told['name']}", "",
        f"**{'Accepted' if told['accepted'] else 'Refused'}.** Table {told['before']} before, {told['after']} after; {told['encoder']}; "
        f"{campaign['target']['kind']} {campaign['target']['value']:g}, settings {campaign['settings'] or 'of the codec'}.", "",
        "| constant | before | after |", "|---|---|---|",
        *(f"| {key} | {old} | {new} |" for key, (old, new) in told["changes"].items()), "",
        "| clips | what | at most | found | |", "|---|---|---|---|---|",
        *(f"| {each['side']} | {each['what']} | {each['limit']:g} | {each['found']:.4f} | {'ok' if each['ok'] else 'no'} |" for each in told["checks"]),
        "", "Bytes and processor time are ratios to the table before, means are geometric.", "",
        "| clip | side | bytes before | bytes after | ratio | time |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for side in ("training", "held_out"):
        for each in (told[side] or {"clips": []})["clips"]:
            ratio, cpu = each["bytes"] / each["baseline_bytes"], each["cpu_s"] / (each["baseline_cpu_s"] or 1)
            lines.append(f"| {each['clip']} | {side.replace('_', ' ')} | {each['baseline_bytes']} | {each['bytes']} | {ratio:.4f} | {cpu:.2f} |")
    if told["held_out"] is None:
        lines += ["", "Held-out clips were not looked at, as the training clips refused it already."]
    return lines


