"""The parts that a campaign names: its planner, and how its jobs are carried; and what each command that runs one begins with."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .campaign_model import Campaign, read_campaign
from .carrier import Carrier, QueueCarrier
from .config import Config
from .ledger import Ledger
from .planner import Planner
from .services import Services, open_services


@dataclass(frozen=True)
class Opened:
    """A campaign with its parts, as a command runs it."""

    campaign: Campaign
    services: Services
    ledger: Ledger
    carrier: Carrier
    # Seconds between two questions to the store or the workers.
    check_s: float


def open_campaign(file: Path, urls: list[str], config: Config) -> Opened:
    """Reads a campaign, logs to the terminal, stops its services by signals, and opens its parts."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    # What httpx says of each request would bury what the campaign says.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    campaign = read_campaign(file, urls or [each.strip() for each in os.environ.get("WORKER_URL", "").split(",") if each.strip()])
    services = open_services(config)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: services.stopping.set())
    ledger = Ledger(services.store, campaign.name)
    # A store of this machine is asked more often than one that costs money by the question, or a worker elsewhere.
    check_s = 0.2 if config.store_url.startswith("sqlite:") and not campaign.workers else 1.0
    return Opened(campaign, services, ledger, open_carrier(services, campaign, ledger), check_s)


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
