"""The commands of campaigns: `neural-codec experiments campaign {start,status,stop,report}`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

AddCommand = Callable[[Any, str, Any, str], argparse.ArgumentParser]


def add_campaign(commands: Any, command: AddCommand, add_parts: Callable[[argparse.ArgumentParser], None]) -> None:
    """Adds the commands to those of experiments."""
    text = "search for what saves bytes: propose, measure, learn, and try the best on held-out clips"
    parser = commands.add_parser("campaign", help=text, description=text)
    under = parser.add_subparsers(required=True, metavar="COMMAND")
    start = command(under, "start", _start, "begin a campaign, or resume it where it stopped; returns when it has ended")
    start.add_argument("file", type=Path, help="the campaign as TOML")
    start.add_argument(
        "--url", dest="urls", action="append", default=[], metavar="URL",
        help="a worker to send jobs to over HTTP, may be repeated; default: WORKER_URL, the file's workers, or the store's queue",
    )  # fmt: skip
    status = command(under, "status", _status, "how far campaigns are")
    status.add_argument("name", nargs="?", help="one campaign; default: all")
    stop = command(under, "stop", _stop, "let a campaign propose nothing more; 'start' resumes it")
    report = command(under, "report", _report, "what a campaign found, or that it found nothing")
    for each in (stop, report):
        each.add_argument("name", help="the campaign")
    for each in (start, status, stop, report):
        add_parts(each)


def _start(options: argparse.Namespace, config: Any) -> int:
    from .campaign import Loop
    from .campaign_open import open_campaign, open_planner
    from .campaign_report import report_lines, report_of

    opened = open_campaign(options.file, options.urls, config)
    planner = open_planner(opened.campaign, opened.ledger, opened.services.stopping.wait)
    standing = Loop(opened.services, opened.campaign, opened.carrier, planner, opened.ledger, opened.check_s).run()
    told = report_of(opened.ledger)
    _print(options, told, report_lines(told))
    return 0 if standing.state == "finished" else 3


def _status(options: argparse.Namespace, config: Any) -> int:
    from .campaign_report import status_lines, status_of
    from .ledger import Ledger, campaigns

    store = _store(config)
    found = [Ledger(store, options.name).standing()] if options.name else campaigns(store)
    told = [status_of(each, Ledger(store, each.campaign.name).trials()) for each in found]
    lines = [line for each in told for line in status_lines(each)]
    _print(options, told, lines or ["none"])
    return 0


def _stop(options: argparse.Namespace, config: Any) -> int:
    from .ledger import Ledger

    state = Ledger(_store(config), options.name).move("stopping", but=("finished", "stopped"))
    _print(options, {"name": options.name, "state": state}, [f"{options.name}: {state}"])
    return 0


def _report(options: argparse.Namespace, config: Any) -> int:
    from .campaign_report import report_lines, report_of
    from .ledger import Ledger

    told = report_of(Ledger(_store(config), options.name))
    _print(options, told, report_lines(told))
    return 0


def _store(config: Any) -> Any:
    from .store import open_store

    return open_store(config.store_url)


def _print(options: argparse.Namespace, told: Any, lines: list[str]) -> None:
    print(json.dumps(told, indent=2) if options.json else "\n".join(lines))
