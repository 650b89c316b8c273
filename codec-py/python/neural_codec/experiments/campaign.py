"""The loop of a campaign: propose, store, send, collect, and at the end try the best on clips that it was not found on.

Whatever moment the process is killed at, the next one reads the store and goes on: slots are stored before their jobs are sent, the
names of experiments follow from slot and clip, and workers take the same job once.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from . import ExperimentError
from .alerts import DEGRADED, WITHOUT_WORKERS, Watch
from .campaign_model import Campaign
from .campaign_report import progress_of
from .carrier import Carrier, Outcome, attempt_of
from .ledger import Ledger, Standing
from .model import ClipRef, Job, job_from
from .novelty import known_score
from .planner import Context, Planner, Proposal, Trial
from .rates import BASELINE
from .score import Score, clip_score, score_of
from .services import Services
from .stages import decided_by_code, early_score, short_payload, short_score
from .verdict import LEAST_CLIPS, against, copy_among, verdict_of

logger = logging.getLogger("neural_codec.experiments.campaign")
# How often it is shown which workers live.
_CHECK_S = 2.0


class Halt(Exception):
    """The loop is to end before the campaign has: it was stopped, or the process is."""


class Loop:
    """One campaign; `run` returns when it has ended, was stopped, or the process is to stop."""

    def __init__(
        self, services: Services, campaign: Campaign, carrier: Carrier, planner: Planner, ledger: Ledger, check_s: float = 0.2
    ) -> None:
        self.services, self.campaign, self.carrier, self.planner, self.ledger = services, campaign, carrier, planner, ledger
        self.check_s = check_s
        self.watch = Watch(services)
        self.trials: dict[int, Trial] = {}
        self.profiles: list[dict[str, Any]] = []
        self.clips: list[list[dict[str, Any]]] = []
        # Whether these are all scenes of the training clips: a result tells the first of a clip of many.
        self.is_whole = True
        self.decided: dict[str, int] = {}
        self.sent: set[str] = set()
        self.checked = -_CHECK_S
        self.baseline: list[dict[str, Any]] = []
        self.short: dict[str, Any] | None = None
        self.passed: set[int] = set()

    def run(self) -> Standing:
        """Begins or resumes."""
        standing = self.ledger.begin(self.campaign)
        if 0 < len(self.campaign.held_out) < LEAST_CLIPS:
            logger.warning("%s: fewer than %d held-out clips are too few for a claim", self.campaign.name, LEAST_CLIPS)
        self.began = standing.began
        if standing.state != "finished":
            try:
                self.carrier.check()
            except ExperimentError:
                self.ledger.move("stopped")
                raise
            self.ledger.move("running")
            if standing.told.get("ended"):
                self.ledger.tell(ended="")
            try:
                self._search()
                self._try_held_out()
                self.ledger.move("finished")
                self._check(now=True)
            except Halt:
                self.ledger.move("stopped")
                logger.info("%s halts; 'campaign start' resumes it", self.campaign.name)
            except Exception as error:
                # Whatever it was, nobody runs the campaign any longer; where the store is away, it cannot be told.
                with contextlib.suppress(Exception):
                    self.ledger.move("stopped")
                    self.ledger.tell(ended=f"it failed: {str(error)[:400]}")
                raise
            finally:
                with contextlib.suppress(Exception):
                    for alert in (self._degraded, self._without_workers):
                        self.watch.end(alert)
        return self.ledger.standing()

    def _search(self) -> None:
        self.baseline = self._results(self._attempts(self._baseline_jobs("base", self.campaign.training)))
        if self.campaign.short is not None:
            short = self._short_job("sbase", "settings", {"settings": self.campaign.settings}, BASELINE)
            self.short = self._results(self._attempts([short]))[0]
        copied = copy_among([], self.baseline)
        if copied:
            raise ExperimentError(f"training: expected clips of different content, found that {copied}")
        self.clips = [[_profile(scene) for scene in result["scenes"]] for result in self.baseline]
        self.profiles = [profile for clip in self.clips for profile in clip]
        self.is_whole = all(len(result["scenes"]) == result.get("scene_count") for result in self.baseline)
        self._read_slots()
        while True:
            self._collect()
            running = [each for each in self.trials.values() if each.is_running]
            ended = self._why_ended()
            if ended and not running:
                self.ledger.tell(ended=ended)
                return
            if not ended and len(running) < self.campaign.parallel:
                self._pause(0.0)
                self._next()
            else:
                self._pause(self.check_s)

    def _read_slots(self) -> None:
        """All that was proposed before; jobs without an outcome are sent again, which changes nothing where they had arrived."""
        slot = 0
        while (trial := self.ledger.trial(slot)) is not None:
            self.trials[slot] = trial
            if trial.is_running:
                self._send(slot, trial.proposal)
            slot += 1

    def _next(self) -> None:
        slot = len(self.trials)
        if slot > 0 and self.campaign.wait_s > 0:
            self._pause(self.campaign.wait_s)
        proposal = self.planner.propose(self._context(slot))
        proposal = self.ledger.propose(slot, proposal)
        self._tell_degraded(proposal)
        self.trials[slot] = Trial(slot, proposal)
        self.ledger.tell(progress=progress_of(self.campaign, self._context(slot).trials))
        self._send(slot, proposal)

    def _check(self, now: bool = False) -> None:
        """Shows which workers live, and says so where none does; now and then, unless it is to be now."""
        if not now and time.monotonic() - self.checked < _CHECK_S:
            return
        self.checked = time.monotonic()
        workers = self.carrier.workers()
        self.ledger.tell(workers=workers)
        if any(each["live"] for each in workers):
            self.watch.end(self._without_workers)
        else:
            self.watch.tell(self._without_workers, "its jobs wait, and no worker lives")

    @property
    def _without_workers(self) -> str:
        return f"{WITHOUT_WORKERS}: {self.campaign.name}"

    @property
    def _degraded(self) -> str:
        return f"{DEGRADED}: {self.campaign.name}"

    def _context(self, slot: int) -> Context:
        return Context(self.campaign, slot, [self.trials[each] for each in sorted(self.trials)], self.profiles, _classes(self.clips))

    def _tell_degraded(self, proposal: Proposal) -> None:
        """Another planner than the campaign's own is said aloud: in the store, on the page and as an alert."""
        self.ledger.tell(degraded=proposal.degraded)
        if proposal.degraded:
            self.watch.tell(self._degraded, f"{proposal.planner} plans in place of {self.campaign.planner}: {proposal.degraded}")
        else:
            self.watch.end(self._degraded)

    def _send(self, slot: int, proposal: Proposal) -> None:
        baseline = self.campaign.settings, self._baseline_score()
        try:
            known = known_score(proposal, self.trials.values(), baseline, self.profiles if self.is_whole else None)
            known = self._same_decisions(slot, proposal) if known is None else known
        except ExperimentError as error:
            # Rules that cannot be applied to a profile, or code that fails on one: what a worker would say too.
            self._end(slot, None, str(error))
            return
        if known is not None:
            self._end(slot, known, "")
            return
        if self.short is not None:
            # The clips follow once the short scene is passed.
            self._send_once(self._short_job(f"{slot:04d}-short", proposal.kind, proposal.payload, self.campaign.name))
            return
        jobs = self._jobs(slot, proposal)
        # Where a bad beginning ends a trial, the next clip waits for the one before.
        for job in jobs if self.campaign.stop_early_above is None else jobs[:1]:
            self._send_once(job)

    def _send_once(self, job: Job) -> None:
        if job.experiment_id not in self.sent:
            self.sent.add(job.experiment_id)
            self.carrier.send(job)

    def _same_decisions(self, slot: int, proposal: Proposal) -> Score | None:
        """The score of code that decided the same on every training clip, where that can be told without a worker."""
        told = decided_by_code(proposal, self.campaign, self.clips, self.services.stopping.is_set)
        if not self.is_whole:
            return None
        before = None if told is None else self.trials.get(self.decided.setdefault(told, slot))
        return before.score if before is not None and before.slot != slot else None

    def _collect(self) -> None:
        for slot, trial in list(self.trials.items()):
            if not trial.is_running or not self._passes_short(slot, trial.proposal):
                continue
            jobs = self._jobs(slot, trial.proposal)
            outcomes: list[Outcome] = []
            for job in jobs:
                # In their order, so that one that was sent by a process that was killed is found again.
                self._send_once(job)
                outcome = self.carrier.outcome(job)
                if outcome is None and self.campaign.stop_early_above is not None:
                    break
                outcomes += [] if outcome is None else [outcome]
                if self._ended_by(slot, outcomes):
                    break
            else:
                if len(outcomes) == len(jobs):
                    self._score(slot, outcomes)
        self._check()

    def _passes_short(self, slot: int, proposal: Proposal) -> bool:
        """Whether a slot has stood the short scene, where there is one; one that has not has ended."""
        if self.short is None or slot in self.passed:
            return True
        outcome = self.carrier.outcome(self._short_job(f"{slot:04d}-short", proposal.kind, proposal.payload, self.campaign.name))
        if outcome is None:
            return False
        if outcome.result is None:
            self._end(slot, None, outcome.error or outcome.state)
            return False
        try:
            score = short_score(self.campaign, outcome.result, self.short)
        except ExperimentError as error:
            self._end(slot, None, str(error))
            return False
        if score is not None:
            self._end(slot, score, "")
            return False
        self.passed.add(slot)
        return True

    def _ended_by(self, slot: int, outcomes: Sequence[Outcome]) -> bool:
        """Whether an outcome ended its slot: it failed, or the clips so far are bad enough."""
        bad = next((each for each in outcomes if not each.is_completed), None)
        if bad is not None:
            self._end(slot, None, bad.error or bad.state)
            return True
        if self.campaign.stop_early_above is None:
            return False
        try:
            early = early_score(self.campaign, against(self.campaign.target, outcomes, self.baseline[: len(outcomes)]).clips)
        except ExperimentError as error:
            self._end(slot, None, str(error))
            return True
        if early is not None:
            self._end(slot, early, "")
        return early is not None

    def _score(self, slot: int, outcomes: Sequence[Outcome]) -> None:
        try:
            score = against(self.campaign.target, outcomes, self.baseline)
        except ExperimentError as error:
            self._end(slot, None, str(error))
        else:
            self._end(slot, score, "")

    def _end(self, slot: int, score: Score | None, error: str) -> None:
        self.ledger.end(slot, score, error)
        trial = self.ledger.trial(slot)
        assert trial is not None
        self.trials[slot] = trial
        self.ledger.tell(progress=progress_of(self.campaign, self._context(slot).trials))
        logger.info("%s slot %d: %s", self.campaign.name, slot, error or f"bytes x {score.bytes:.4f}" if score else error)

    def _why_ended(self) -> str:
        """Why no further slot is proposed; empty while one is."""
        campaign, best = self.campaign, self._context(0).best()
        if len(self.trials) >= campaign.trials:
            return f"all {campaign.trials} trials are done"
        since = len(self.trials) - (0 if best is None else best.slot + 1)
        if campaign.patience is not None and since >= campaign.patience:
            return f"{since} trials brought nothing better"
        if campaign.most_hours is not None and time.time() - self.began > campaign.most_hours * 3600:
            return f"{campaign.most_hours:g} hours are over"
        return ""

    def _try_held_out(self) -> None:
        """The best trial on clips that played no part in finding it, each beside its own baseline."""
        best = self._context(0).best()
        if best is None or not best.score or best.score.bytes >= 1:
            self.ledger.tell(verdict={"found": False, "why": "no trial has fewer bytes than the baseline with every floor met"})
            return
        if not self.campaign.held_out:
            self.ledger.tell(verdict={"found": False, "slot": best.slot, "why": "no clips were held out, so nothing is claimed"})
            return
        base = self._attempts(self._baseline_jobs("hbase", self.campaign.held_out))
        tried = [self._job(f"held-{index}", each, best.proposal) for index, each in enumerate(self.campaign.held_out)]
        # What fails by itself is part of the verdict; what was lost is tried again.
        tried = [attempt_of(self.carrier, [job], lambda outcome: not outcome.is_lost)[0] for job in tried]
        for job in (*base, *tried):
            self.carrier.send(job)
        baseline, outcomes = self._results(base), self._outcomes(tried)
        for job, outcome in zip(tried, outcomes, strict=True):
            if outcome.is_lost:
                raise ExperimentError(f"{job.experiment_id}: expected an outcome, found {outcome.state}: {outcome.error}")
        trained = [*self.baseline, *([] if self.short is None else [self.short])]
        self.ledger.tell(verdict={"slot": best.slot, **verdict_of(self.campaign, outcomes, baseline, trained)})

    def _baseline_score(self) -> Score:
        return score_of([clip_score(self.campaign.target, each, each) for each in self.baseline])

    def _jobs(self, slot: int, proposal: Proposal) -> list[Job]:
        return [self._job(f"{slot:04d}-{index}", clip, proposal) for index, clip in enumerate(self.campaign.training)]

    def _job(self, name: str, clip: ClipRef, proposal: Proposal) -> Job:
        return self._made(name, clip, proposal.kind, proposal.payload, self.campaign.name)

    def _baseline_jobs(self, name: str, clips: Sequence[ClipRef]) -> list[Job]:
        payload = {"settings": self.campaign.settings}
        return [self._made(f"{name}-{index}", clip, "settings", payload, BASELINE) for index, clip in enumerate(clips)]

    def _short_job(self, name: str, kind: str, payload: dict[str, Any], campaign: str) -> Job:
        assert self.campaign.short is not None
        return self._made(name, self.campaign.short, kind, short_payload(payload), campaign)

    def _made(self, name: str, clip: ClipRef, kind: str, payload: dict[str, Any], campaign: str) -> Job:
        return job_from({
            "experiment_id": f"{self.campaign.name}-{name}", "timestamp": self.began, "kind": kind, "payload": payload,
            "clip": clip.model_dump(), "target": self.campaign.target.model_dump(), "campaign": campaign,
            "seed": self.campaign.seed, "budget": self.campaign.budget.model_dump(),
            # A result of another day would have the time of another day.
            "fresh": True,
        })  # fmt: skip

    def _attempts(self, jobs: Sequence[Job]) -> list[Job]:
        """Jobs that must not fail, each under the name of its first attempt that did not."""
        return [attempt_of(self.carrier, [job], lambda outcome: outcome.is_completed)[0] for job in jobs]

    def _results(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """Results of jobs that must not fail. Raises ExperimentError naming the one that did."""
        found: list[dict[str, Any]] = []
        for job, outcome in zip(jobs, self._outcomes(jobs), strict=True):
            if outcome.result is None:
                raise ExperimentError(f"{job.experiment_id}: expected a baseline, found {outcome.state}: {outcome.error}")
            found.append(outcome.result)
        return found

    def _outcomes(self, jobs: Sequence[Job]) -> list[Outcome]:
        for job in jobs:
            self.carrier.send(job)
        ended: dict[str, Outcome] = {}
        while True:
            for job in jobs:
                if job.experiment_id not in ended and (outcome := self.carrier.outcome(job)) is not None:
                    ended[job.experiment_id] = outcome
            self._check()
            if len(ended) == len(jobs):
                return [ended[job.experiment_id] for job in jobs]
            self._pause(self.check_s)

    def _pause(self, seconds: float) -> None:
        """Waits. Raises Halt where the campaign or the process is to stop."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            if self.services.stopping.wait(max(0.0, min(left, 1.0))):
                raise Halt
            if self.ledger.standing().state in ("stopping", "stopped"):
                self.ledger.move("stopped")
                raise Halt
            if left <= 1.0:
                return


def _profile(scene: dict[str, Any]) -> dict[str, Any]:
    """A scene of a result as planners and agents know scenes."""
    return {"first_frame": scene["first_frame"], "frames": scene["frames"], **scene["profile"]}


def _classes(clips: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    """The class of most frames of each clip."""
    found: list[str] = []
    for scenes in clips:
        frames: Counter[str] = Counter()
        for scene in scenes:
            frames[scene["scene_class"]] += scene["frames"]
        found.append(frames.most_common(1)[0][0])
    return found
