"""The pages that people read: all experiments, one experiment, and what the interface takes; told of changes as they happen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import neural_codec

from .._page import CHARTS, fragment
from .._page_data import Measured
from ..records import Report
from . import ExperimentError
from .alerts import Liveness
from .campaign_report import status_of
from .described import openapi
from .guard import number_in
from .ledger import campaigns
from .model import ENDED, IN_PROGRESS, Row, State
from .rates import BASELINE, against, by_clip, of_encoder, point_of
from .services import Services
from .store import ORDERS
from .wire import answer_of

HERE = Path(__file__).parent
TABS: dict[str, tuple[State, ...]] = {
    "in_progress": IN_PROGRESS, "successful": ("completed",), "failed": tuple(state for state in ENDED if state != "completed"), "tests": (),
}  # fmt: skip
_ROWS, _POINTS = 100, 500
# A stored report that is larger is offered for download alone.
_MOST_REPORT = 8 << 20


class Live:
    """The routes of people."""

    def __init__(self, services: Services, liveness: Liveness) -> None:
        self.services, self.store, self.liveness = services, services.store, liveness
        # A store of this machine is asked more often than one that costs money by the question.
        self.pause = 0.25 if services.config.store_url.startswith("sqlite:") else 0.8
        self.counted: tuple[int, dict[str, int]] = (-1, {})
        self.pages = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        self.pages.filters |= {"time": _time, "number": _number}

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.index),
            Route("/rows", self.rows),
            Route("/points", self.points),
            Route("/events", self.events),
            Route("/experiments/{experiment_id}", self.one),
            Route("/openapi.json", self.spec),
            Route("/docs", self.docs),
            Mount("/static", StaticFiles(directory=HERE / "static")),
            Mount("/charts", StaticFiles(directory=CHARTS)),
        ]

    def _html(self, name: str, **values: Any) -> Response:
        page = self.pages.get_template(name).render(version=neural_codec.__version__, **values)
        return HTMLResponse(page)

    def _asked(self, request: Request) -> dict[str, Any]:
        """What of the list is shown."""
        given = request.query_params
        tab = given.get("tab", "in_progress")
        order = given.get("order", "created")
        return {
            "tab": tab if tab in TABS else "in_progress",
            "order": order if order in ORDERS else "created",
            "down": given.get("down", "1") != "0",
            "text": given.get("text", "")[:64],
            "offset": number_in(given.get("offset", ""), 8) or 0,
        }

    def _table(self, asked: dict[str, Any]) -> dict[str, Any]:
        keys = {name: asked[name] for name in ("order", "down", "text", "offset")}
        rows = self.store.page(TABS[asked["tab"]], tests=asked["tab"] == "tests", limit=_ROWS + 1, **keys)
        return {"rows": rows[:_ROWS], "more": len(rows) > _ROWS, "asked": asked, "step": _ROWS}

    def _state(self) -> dict[str, Any]:
        revision = self.store.revision()
        if self.counted[0] != revision:
            self.counted = revision, self.store.counts()
        counts = self.counted[1]
        workers = self.store.workers()
        live = self.liveness.check(workers)
        shown = {name: sum(counts[state] for state in states) for name, states in TABS.items()} | {"tests": counts["tests"]}
        return {
            "counts": shown,
            "dead": counts["dead"],
            "workers": [{**each, "live": live.get(each["worker"], False)} for each in workers],
            "alerts": self.store.alerts(),
            "campaigns": [status_of(each) for each in campaigns(self.store)],
        }

    async def index(self, request: Request) -> Response:
        """All experiments."""
        asked = self._asked(request)
        revision = await run_in_threadpool(self.store.revision)
        table, state = await run_in_threadpool(self._table, asked), await run_in_threadpool(self._state)
        return await run_in_threadpool(self._html, "index.html", revision=revision, **table, **state)

    async def rows(self, request: Request) -> Response:
        """The table and the state above it, for a page that is open."""
        asked = self._asked(request)
        table, state = await run_in_threadpool(self._table, asked), await run_in_threadpool(self._state)
        return await run_in_threadpool(self._html, "rows.html", **table, **state)

    async def points(self, request: Request) -> Response:
        """Rate and quality of what completed, and the baseline of the same clips."""
        return JSONResponse(await run_in_threadpool(self._points))

    def _points(self) -> dict[str, Any]:
        return {"clips": by_clip(self._compared())}

    def _compared(self) -> list[Row]:
        """The newest that completed, and of the baseline as many, however old."""
        newest = self.store.page(("completed",), order="finished", limit=_POINTS)
        baseline = self.store.page(("completed",), order="finished", text=BASELINE, limit=_POINTS)
        return list({row.key: row for row in (*newest, *(row for row in baseline if row.campaign == BASELINE))}.values())

    async def events(self, request: Request) -> Response:
        """Server-sent events: a message with each change."""
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        after = request.headers.get("last-event-id") or request.query_params.get("after", "")
        return StreamingResponse(self._events(request, after), media_type="text/event-stream", headers=headers)

    async def _events(self, request: Request, after: str) -> AsyncIterator[str]:
        known = number_in(after)
        revision = await run_in_threadpool(self.store.revision) if known is None else known
        seen, quiet = "", 0.0
        yield "retry: 1000\n\n"
        while not self.services.stopping.is_set() and not await request.is_disconnected():
            rows = await run_in_threadpool(self.store.changes, revision)
            state = await run_in_threadpool(self._state)
            lives = [(each["worker"], each["live"]) for each in state["workers"]]
            mark = json.dumps([state["counts"], state["alerts"], lives, state["campaigns"]])
            if rows or mark != seen:
                revision = rows[-1].revision if rows else revision
                seen, quiet = mark, 0.0
                told = [{"experiment_id": row.experiment_id, "state": row.state, "phase": row.phase} for row in rows]
                yield f"id: {revision}\nevent: change\ndata: {json.dumps({'rows': told, 'counts': state['counts']})}\n\n"
            elif quiet > 15:
                quiet = 0.0
                yield ": still here\n\n"
            await asyncio.sleep(self.pause)
            quiet += self.pause

    async def one(self, request: Request) -> Response:
        """One experiment: its phases, metrics, code, logs and downloads."""
        timestamp = number_in(request.query_params.get("timestamp", ""))
        row = await run_in_threadpool(self.store.get, request.path_params["experiment_id"], timestamp)
        if row is None:
            return HTMLResponse("<!doctype html><title>None</title><p>There is no such experiment.", 404)
        payload = row.job.get("payload", {})
        codes = {
            name: payload[name]
            for name in ("code", "generated_code", "encoding_agent_code", "decoding_agent_code")
            if payload.get(name)
        }
        rest = {name: value for name, value in payload.items() if name not in codes}
        log, report, rate = await run_in_threadpool(lambda: (self._log(row), self._report(row), self._rate(row)))
        told = {
            "row": row,
            "result": row.result or {},
            "error": row.error or {},
            "codes": codes,
            "rest": json.dumps(rest, indent=2),
            "log": log,
            "report": report,
            "rate": rate,
        }
        whole = json.dumps(answer_of(row), indent=2)
        revision = await run_in_threadpool(self.store.revision)
        return await run_in_threadpool(self._html, "one.html", whole=whole, revision=revision, **told)

    def _rate(self, row: Row) -> float | None:
        """More or fewer bits than the baseline at equal quality, in percent."""
        point = point_of(row)
        if point is None or row.campaign == BASELINE:
            return None
        known = [point_of(each) for each in self.store.page(("completed",), order="finished", text=BASELINE, limit=_POINTS)]
        baseline = [each for each in known if each is not None and (each["campaign"], each["clip"]) == (BASELINE, point["clip"])]
        return against(of_encoder(baseline, point["encoder"]), point)

    def _report(self, row: Row) -> Markup | None:
        """The charts and tables of a stored report. It is read as data, and what it says is escaped."""
        kept = (row.result or {}).get("artefacts", {})
        if "charts" not in kept or "report" not in kept:
            return None
        try:
            report, charts = (json.loads(self._text(kept[name]["sha256"])) for name in ("report", "charts"))
            return Markup(fragment(Report.from_dict(report), Measured.from_dict(charts)))
        except (ValueError, LookupError, TypeError, AttributeError, ExperimentError, neural_codec.NeuralCodecError):
            return None

    def _text(self, sha256: str) -> bytes:
        size = self.services.artefacts.size(sha256)
        if size is None or size > _MOST_REPORT:
            raise LookupError(sha256)
        return b"".join(self.services.artefacts.read(sha256))

    def _log(self, row: Row) -> str:
        kept = (row.result or {}).get("artefacts", {}).get("log") or (row.error or {}).get("log")
        if kept is None or self.services.artefacts.size(kept["sha256"]) is None:
            return ""
        return next(self.services.artefacts.read(kept["sha256"]), b"").decode("utf-8", "replace")[-20_000:]

    async def spec(self, request: Request) -> Response:
        return JSONResponse(openapi())

    async def docs(self, request: Request) -> Response:
        return await run_in_threadpool(self._html, "docs.html", spec=openapi())


def _time(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:,.{digits}f}".replace(",", " ")
