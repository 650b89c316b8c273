"""The commands of modifiers: `neural-codec experiments modifier {constants,try,report,rollback}`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

AddCommand = Callable[[Any, str, Any, str], argparse.ArgumentParser]


def add_modifier(commands: Any, command: AddCommand, add_parts: Callable[[argparse.ArgumentParser], None]) -> None:
    """Adds the commands to those of experiments."""
    text = "try other constants of the encoder on a campaign's clips, and keep those that pay on every side"
    parser = commands.add_parser("modifier", help=text, description=text)
    under = parser.add_subparsers(required=True, metavar="COMMAND")
    constants = command(under, "constants", _constants, "every constant that may be changed, with its range")
    tried = command(under, "try", _try, "run a patch beside the table before it; accepted, it is written into the table's file")
    tried.add_argument("file", type=Path, help="the campaign as TOML, whose clips, target and settings are taken")
    tried.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a constant; may be repeated")
    tried.add_argument("--patch", action="append", default=[], type=Path, metavar="FILE", help="a TOML file of constants; may be repeated")
    tried.add_argument("--dry-run", action="store_true", help="check the patch, say what it changes, and run nothing")
    tried.add_argument(
        "--url", dest="urls", action="append", default=[], metavar="URL",
        help="a worker to send jobs to over HTTP, may be repeated; default: WORKER_URL, the file's workers, or the store's queue",
    )  # fmt: skip
    report = command(under, "report", _report, "what became of a patch")
    report.add_argument("name", help="its name, as 'try' says it")
    rollback = command(under, "rollback", _rollback, "take the last accepted patch back")
    for each in (constants, tried, rollback):
        each.add_argument("--table", type=Path, default=Path("defaults.toml"), metavar="FILE", help="the table's file; default: defaults.toml")
    for each in (tried, report):
        add_parts(each)


def _constants(options: argparse.Namespace, config: Any) -> int:
    from .modifier import table_of
    from .modifier_table import TableFile

    told = table_of(TableFile(options.table).changes())
    lines = [
        f"{each['key']} = {json.dumps(each['value'])}  ({'whole, ' if each['is_whole'] else ''}{each['low']:g} to {each['high']:g}) {each['meaning']}"
        for each in told["constants"]
    ]
    _print(options, told, [f"table {told['hash']}", *lines])
    return 0


def _try(options: argparse.Namespace, config: Any) -> int:
    from .campaign_open import open_campaign
    from .modifier import Halted, Modifier, report_lines
    from .modifier_table import TableFile, patch_of

    opened = open_campaign(options.file, options.urls, config)
    table = TableFile(options.table)
    patch = patch_of(options.patch, options.set)
    modifier = Modifier(opened.services, opened.campaign, opened.carrier, table.changes(), patch, opened.check_s)
    if options.dry_run:
        told = {"name": modifier.name, "before": modifier.before["hash"], "after": modifier.after["hash"], "toml": modifier.after["changes"]}
        _print(options, told, [f"{modifier.name}: {told['before']} -> {told['after']}", modifier.after["changes"].rstrip()])
        return 0
    try:
        told = modifier.run()
    except Halted as error:
        print(error, file=sys.stderr)
        return 3
    lines = report_lines(told)
    if told["accepted"]:
        page = table.accept(told, "\n".join(lines) + "\n")
        print(f"{options.table} is the table of {told['name']}; report: {page}", file=sys.stderr)
    _print(options, told, lines)
    return 0 if told["accepted"] else 1


def _report(options: argparse.Namespace, config: Any) -> int:
    from .modifier import record, report_lines
    from .services import open_services

    told = record(open_services(config), options.name)
    _print(options, told, report_lines(told))
    return 0


def _rollback(options: argparse.Namespace, config: Any) -> int:
    from .modifier import table_of
    from .modifier_table import TableFile

    table = TableFile(options.table)
    last = table.rollback()
    told = {"modifier": last["modifier"], "table": table_of(table.changes())["hash"], "exists": table.path.exists()}
    left = f"is table {told['table']} again" if told["exists"] else "is gone, as before: the table that is compiled in holds"
    _print(options, told, [f"{last['modifier']} is taken back; {options.table} {left}"])
    return 0


def _print(options: argparse.Namespace, told: Any, lines: list[str]) -> None:
    print(json.dumps(told, indent=2) if options.json else "\n".join(lines))
