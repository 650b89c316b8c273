"""The default planner: the simplest points first, then Optuna's TPE over a study in memory made anew from the trials each time.

Nothing of it has to be kept: the same trials, seed and slot give the same proposal, in whichever process.
"""

from __future__ import annotations

import warnings
from typing import Any

from . import needed
from .campaign_model import Campaign
from .planner import Context, Proposal, Trial
from .space import Between, Space, space_of

# Trials, the simplest points among them, before the sampler has something to go by; until then it draws at random.
_STARTUP = 12


class OptunaPlanner:
    """Fewest bytes with the floor met; where time has no limit, CPU seconds are a second objective."""

    def __init__(self) -> None:
        # The study of the last call and what it was told: where trials were only added since, only they are told.
        self.study: Any = None
        self.told: list[Trial] = []

    def propose(self, context: Context) -> Proposal:
        optuna = needed("optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        campaign, space = context.campaign, space_of(context.campaign, context.profiles)
        simple = space.simple()
        if context.slot < len(simple):
            return Proposal(space.kind, space.payload(simple[context.slot]), "optuna", simple[context.slot])
        distributions = {each.name: _distribution(optuna, each) for each in space.parameters}
        # The trials in the order of their slots, whatever order they ended in.
        known = [each for each in sorted(context.trials, key=lambda each: each.slot) if _is_of(each, space)]
        study = self._study(optuna, campaign, known, distributions)
        # A sampler of its own, so that a proposal depends on the seed and the slot and not on what was asked before.
        study.sampler = optuna.samplers.TPESampler(seed=(campaign.seed * 100_003 + context.slot) % (1 << 32), n_startup_trials=_STARTUP)
        asked = study.ask(distributions)
        point: dict[str, str | float] = dict(asked.params)
        # What comes of it is told as a trial of its slot; this one is nobody's.
        study.tell(asked, state=optuna.trial.TrialState.FAIL)
        return Proposal(space.kind, space.payload(point), "optuna", point)

    def _study(self, optuna: Any, campaign: Campaign, known: list[Trial], distributions: dict[str, Any]) -> Any:
        """A study that knows these trials and no others."""
        if self.study is None or known[: len(self.told)] != self.told:
            directions = ["minimize"] * (1 if campaign.most_time is not None else 2)
            self.study, self.told = optuna.create_study(directions=directions), []
        new = known[len(self.told) :]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self.study.add_trials([_told(optuna, each, campaign, distributions) for each in new])
        # One that still runs will be told otherwise later, which no study can unlearn.
        study, self.told = self.study, [*self.told, *new]
        if any(each.is_running for each in new):
            self.study, self.told = None, []
        return study


def _is_of(trial: Trial, space: Space) -> bool:
    """Whether a trial is a point of the space; those of models are not."""
    return trial.proposal.parameters is not None and set(trial.proposal.parameters) == {each.name for each in space.parameters}


def _distribution(optuna: Any, parameter: Any) -> Any:
    if isinstance(parameter, Between):
        return optuna.distributions.FloatDistribution(parameter.low, parameter.high)
    return optuna.distributions.CategoricalDistribution(parameter.options)


def _told(optuna: Any, trial: Trial, campaign: Campaign, distributions: dict[str, Any]) -> Any:
    states, score = optuna.trial.TrialState, trial.score
    common = {"params": dict(trial.proposal.parameters or {}), "distributions": distributions}
    if score is None:
        return optuna.trial.create_trial(state=states.RUNNING if trial.is_running else states.FAIL, **common)
    # Floats throughout: whole numbers as values end the sampler with an error where there are two objectives.
    constraints = {"floor": float(score.short_by), "early": float(score.early)}
    values = [float(score.bytes)]
    if campaign.most_time is not None:
        constraints["time"] = float(score.cpu - campaign.most_time)
    else:
        values.append(float(score.cpu))
    return optuna.trial.create_trial(values=values, constraints=constraints, **common)
