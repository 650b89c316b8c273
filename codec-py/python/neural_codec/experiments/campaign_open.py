"""The parts that a campaign names: its planner, and how its jobs are carried."""

from __future__ import annotations

from collections.abc import Callable

from .campaign_model import Campaign
from .carrier import Carrier, QueueCarrier
from .ledger import Ledger
from .planner import Planner
from .services import Services


def open_planner(campaign: Campaign, ledger: Ledger, pause: Callable[[float], object]) -> Planner:
    """The planner of a campaign. Raises ExperimentError where its package is missing."""
    if campaign.planner == "random":
        from .plan_random import RandomPlanner

        return RandomPlanner()
    from . import needed
    from .plan_optuna import OptunaPlanner

    # Before the first job rather than at the first slot; where models plan, it is what plans without them.
    needed("optuna")
    if campaign.planner == "optuna":
        return OptunaPlanner()
    from .plan_llm import LlmPlanner

    return LlmPlanner(ledger, OptunaPlanner(), pause)


def open_carrier(services: Services, campaign: Campaign, ledger: Ledger) -> Carrier:
    """Over HTTP where the campaign names workers, else by the store and its queue."""
    if not campaign.workers:
        return QueueCarrier(services)
    from .carrier_http import HttpCarrier

    return HttpCarrier(services.config, campaign.workers, ledger, campaign.move_after_s)
