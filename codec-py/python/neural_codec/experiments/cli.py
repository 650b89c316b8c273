"""The command line: `python -m neural_codec experiments {serve,work,launch,submit,status,list,show,cancel,export,doctor,campaign,modifier}`."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .._output import write_text
from .._parser import Parser
from . import ExperimentError, needed


def main(arguments: Sequence[str]) -> int:
    """Runs one command; gives the exit status."""
    options = _parser().parse_args(arguments)
    for package in ("pydantic", "httpx"):
        needed(package)
    from .config import load

    names = (
        "data",
        "store",
        "queue",
        "artefacts",
        "clip",
        "clips",
        "buckets",
        "host",
        "port",
        "worker_url",
        "wait_old_formats",
    )
    given = {name: getattr(options, name, None) for name in names}
    status: int | None = options.run(options, load(options.config, given))
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m neural_codec experiments", description="Experiments, and workers that measure them."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = command(commands, "serve", _serve, "a worker with an HTTP interface and a page")
    work = command(commands, "work", _work, "a worker that takes jobs from the queue of the configuration")
    launch = command(commands, "launch", _launch, "workers on the nodes of a Ray cluster, which do what 'work' does")
    doctor = command(commands, "doctor", _doctor, "look at everything that a job needs, and name the remedies")
    for each in (serve, work, launch, doctor):
        add_parts(each)
    serve.add_argument("--host", help="default: 127.0.0.1; others need a token in the configuration")
    serve.add_argument("--port", type=int, help="default: 8080")
    serve.add_argument("--workers", type=at_least(0), default=1, help="workers in this process, 0 for none; default: 1")
    serve.add_argument(
        "--wait-old-formats", action="store_true", default=None, help="answer jobs of the old formats at their end"
    )
    work.add_argument("--until-empty", action="store_true", help="stop when no job waits")
    launch.add_argument("--ray", default="auto", metavar="ADDRESS", help="auto, HOST:PORT, ray://HOST:PORT, or local; default: auto")
    launch.add_argument("--workers", type=at_least(1), default=1, help="how many; default: 1")
    launch.add_argument("--cpus", type=float, default=1.0, help="processors that each takes of its node; default: 1")
    launch.add_argument("--until-empty", action="store_true", help="stop when no job waits")
    doctor.add_argument("--url", dest="worker_url", help="the worker to reach")

    submit = command(commands, "submit", _submit, "send a job")
    submit.add_argument("job", nargs="?", help="a file of JSON, or - for the standard input; none: settings alone")
    submit.add_argument("--id", help="name of the experiment; default: a new one")
    submit.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of encode; may be repeated")
    submit.add_argument("--campaign", help="a name that experiments share; 'baseline' is drawn as a line")
    submit.add_argument("--wait", action="store_true", help="until it has ended")
    command(commands, "status", _status, "whether the worker lives, counts and alerts")
    listed = command(commands, "list", _list, "the newest experiments")
    listed.add_argument("--limit", type=at_least(1), default=20, help="how many; default: 20")
    show = command(commands, "show", _show, "one experiment")
    cancel = command(commands, "cancel", _cancel, "end one that waits or is under way")
    export = command(commands, "export", _export, "write results and artefacts into a folder")
    for each in (show, cancel, export):
        each.add_argument("experiment", help="its name")
    export.add_argument("folder", type=Path)
    for each in (submit, commands.choices["status"], listed, show, cancel, export):
        each.add_argument("--url", dest="worker_url", help="the worker; default: http://127.0.0.1:8080")
    from .campaign_cli import add_campaign

    add_campaign(commands, command, add_parts)
    from .modifier_cli import add_modifier

    add_modifier(commands, command, add_parts)
    return parser


def at_least(least: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number of so many and more."""

    def number(text: str) -> int:
        if (value := int(text)) < least:
            raise argparse.ArgumentTypeError(f"expected {least} or more, got {value}")
        return value

    number.__name__ = "whole number"
    return number


def add_parts(parser: argparse.ArgumentParser) -> None:
    """The options that name the parts of a worker."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the worker; default: experiments-data")
    parser.add_argument(
        "--store", metavar="URL", help="sqlite:///path or dynamodb://table; default: a file in the data folder"
    )
    parser.add_argument("--queue", metavar="URL", help="sqs://name; default: the store")
    parser.add_argument(
        "--artefacts", metavar="URL", help="file:///folder or s3://bucket/prefix; default: in the data folder"
    )
    parser.add_argument("--clip", type=Path, help="the clip of jobs that name none")
    parser.add_argument(
        "--clips", type=Path, action="append", metavar="DIR", help="a folder whose clips jobs may name; may be repeated"
    )
    parser.add_argument(
        "--buckets", action="append", metavar="BUCKET", help="a bucket whose clips jobs may name; may be repeated"
    )


def command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--config", metavar="FILE", help="a TOML file; the environment and the command line come above it")
    parser.set_defaults(run=run)
    return parser


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)


def _serve(options: argparse.Namespace, config: Any) -> int:
    for package in ("starlette", "uvicorn", "jinja2"):
        needed(package)
    from .serve import Served
    from .services import open_services

    _log()
    services = open_services(config)
    services.clips.check()
    return Served(services, options.workers).run()


def _work(options: argparse.Namespace, config: Any) -> int:
    from .queue import UnknownProtocol
    from .services import open_services
    from .worker import EXIT_UNKNOWN_PROTOCOL, Worker

    _log()
    worker = Worker(open_services(config))
    worker.services.clips.check()

    def stop(*_: object) -> None:
        # Set at once; the rest may wait for a lock that the interrupted thread holds.
        worker.services.stopping.set()
        threading.Thread(target=worker.stop).start()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    try:
        worker.run(until_empty=options.until_empty)
    except UnknownProtocol as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_UNKNOWN_PROTOCOL
    return 0


def _launch(options: argparse.Namespace, config: Any) -> int:
    from .launch import Launch

    _log()
    launch = Launch(config, options.ray, options.workers, options.cpus)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: launch.stop())
    return launch.run(until_empty=options.until_empty)


def _doctor(options: argparse.Namespace, config: Any) -> int:
    from .doctor import examine

    findings = examine(config)
    if options.json:
        print(json.dumps({"configuration": config.shown(), "findings": [vars(each) for each in findings]}, indent=2))
    else:
        for each in findings:
            mark = "ok  " if each.ok else "BAD " if each.needed else "note"
            print(f"{mark} {each.name}: {each.found}" + (f"\n     remedy: {each.remedy}" if each.remedy else ""))
    return 0 if all(each.ok or not each.needed for each in findings) else 1


def _client(config: Any) -> Any:
    from .client import Client

    return Client(config)


def _submit(options: argparse.Namespace, config: Any) -> int:
    body = _body(options)
    if options.id:
        body["experiment_id"] = options.id
    if options.campaign:
        body["campaign"] = options.campaign
    query = "?wait=3900" if options.wait else ""
    told = _client(config).call("POST", f"/experiment{query}", body, wait=3950.0 if options.wait else 30.0)
    _print(options, told, [_line(told)])
    return 0 if told.get("state", "completed") in ("completed", "queued", "running") else 1


def _body(options: argparse.Namespace) -> dict[str, Any]:
    """The job of a file, and above it what the command line sets."""
    body: dict[str, Any] = {"kind": "settings", "payload": {"settings": {}}}
    if options.job is not None:
        try:
            text = sys.stdin.read() if options.job == "-" else Path(options.job).read_text(encoding="utf-8")
            given = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ExperimentError(f"{options.job}: expected JSON, found: {error}") from None
        if not isinstance(given, dict):
            raise ExperimentError(f"{options.job}: expected a JSON object")
        body = given
    for pair in options.set:
        name, sign, value = pair.partition("=")
        if not sign:
            raise ExperimentError(f"--set: expected NAME=VALUE, found {pair!r}")
        payload = body.setdefault("payload", {})
        settings = payload.setdefault("settings", {}) if isinstance(payload, dict) else None
        if not isinstance(settings, dict):
            raise ExperimentError(f"--set: expected a job with settings in its payload, found {str(payload)[:80]}")
        settings[name] = _value(value)
    return body


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(f"expected numbers, found {name}")


def _address(name: str) -> str:
    return f"/experiment/{quote(name, safe='')}"


def _status(options: argparse.Namespace, config: Any) -> int:
    client = _client(config)
    health, listed = client.call("GET", "/health", accept=(200, 503)), client.call("GET", "/api/experiments?limit=0")
    told = {
        "status": health["status"],
        "workers": health.get("workers", {}),
        "counts": listed["counts"],
        "total": listed["total"],
    }
    lines = [
        f"{config.worker_url}: {told['status']}",
        ", ".join(f"{state} {number}" for state, number in told["counts"].items()),
    ]
    _print(options, told, lines)
    return 0 if health["status"] == "healthy" else 1


def _list(options: argparse.Namespace, config: Any) -> None:
    told = _client(config).call("GET", f"/api/experiments?limit={options.limit}")
    rows = sorted(
        (row for name in ("in_progress", "successful", "failed") for row in told[name]),
        key=lambda row: row["created"],
        reverse=True,
    )
    _print(options, told, [_line(row) for row in rows[: options.limit]] or ["none"])


def _show(options: argparse.Namespace, config: Any) -> None:
    told = _client(config).call("GET", _address(options.experiment))
    lines = [_line(told), *(f"  {each['phase']}: {each['began']}" for each in told["phases"])]
    lines += [f"  {name}: {value}" for name, value in told.get("metrics", {}).items() if value is not None]
    _print(options, told, lines)


def _line(row: dict[str, Any]) -> str:
    metrics, error = row.get("metrics") or {}, row.get("error") or {}
    parts = [row["experiment_id"], str(row.get("state", row.get("status"))), row.get("phase", "")]
    if metrics.get("psnr_db") is not None:
        parts.append(f"{metrics['bytes']} bytes, {metrics['bitrate_mbps']:.4f} Mbit/s, PSNR-Y {metrics['psnr_db']:.2f} dB")
    return "  ".join(part for part in (*parts, error.get("message", "")) if part)


def _cancel(options: argparse.Namespace, config: Any) -> int:
    told = _client(config).call("POST", f"{_address(options.experiment)}/cancel", {}, accept=(200, 409))
    _print(options, told, [f"{told['experiment_id']}  {told['state']}"])
    return 0 if told["cancelled"] else 1


def _export(options: argparse.Namespace, config: Any) -> None:
    client = _client(config)
    told = client.call("GET", _address(options.experiment))
    options.folder.mkdir(parents=True, exist_ok=True)
    write_text(options.folder / "result.json", json.dumps(told, indent=2))
    kept = dict(told.get("artefacts", {}))
    if "log" in (told.get("error") or {}):
        kept["log"] = told["error"]["log"]
    lines = [f"{options.folder / 'result.json'}"]
    for each in kept.values():
        path = options.folder / Path(each["name"]).name
        lines.append(f"{path}  {client.download(each['sha256'], str(path))} bytes")
    _print(options, {"folder": str(options.folder), "files": lines}, lines)


def _print(options: argparse.Namespace, told: Any, lines: list[str]) -> None:
    print(json.dumps(told, indent=2) if options.json else "\n".join(lines))
