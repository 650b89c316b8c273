"""The default planner: Optuna's TPE over a study in memory that is made anew from the trials each time it is asked.

Nothing of it has to be kept: the same trials, seed and slot give the same proposal, in whichever process.
"""

from __future__ import annotations

import warnings
from typing import Any

from . import needed
from .campaign_model import Campaign
from .planner import Context, Proposal, Trial
from .space import Between, Space, space_of

# Trials that are drawn at random before the sampler has something to go by.
_STARTUP = 12


class OptunaPlanner:
    """Fewest bytes with the floor met; where time has no limit, CPU seconds are a second objective."""

    def propose(self, context: Context) -> Proposal:
        optuna = needed("optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        campaign, space = context.campaign, space_of(context.campaign, context.profiles)
        distributions = {each.name: _distribution(optuna, each) for each in space.parameters}
        sampler = optuna.samplers.TPESampler(
            seed=(campaign.seed * 100_003 + context.slot) % (1 << 32), n_startup_trials=_STARTUP, constant_liar=campaign.parallel > 1
        )
        directions = ["minimize"] * (1 if campaign.most_time is not None else 2)
        study = optuna.create_study(directions=directions, sampler=sampler)
        # The trials in the order of their slots, whatever order they ended in.
        known = [each for each in sorted(context.trials, key=lambda each: each.slot) if _is_of(each, space)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.add_trials([_told(optuna, each, campaign, distributions) for each in known])
            asked = study.ask(distributions)
        point: dict[str, str | float] = dict(asked.params)
        return Proposal(space.kind, space.payload(point), "optuna", point)


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
