"""The interface that programs speak: submit, ask, list, cancel, download."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import neural_codec

from . import ExperimentError
from .alerts import Liveness
from .decisions import check
from .guard import MOST_BODY_BYTES, STORED_POLICY, number_in
from .model import ENDED, IN_PROGRESS, PROTOCOL, Job, Row, State
from .queue import UnknownProtocol
from .services import Services
from .wire import answer_of, job_of

# How often a caller that waits has its row looked at.
_CHECK_S = 0.1
_MOST_WAIT_S = 3900.0


class Api:
    """The routes of programs."""

    def __init__(self, services: Services, liveness: Liveness) -> None:
        self.services, self.store, self.liveness = services, services.store, liveness

    def routes(self) -> list[Route]:
        key = "/experiment/{experiment_id}"
        return [
            Route("/experiment", self.submit, methods=["POST"]),
            Route("/api/experiments", self.submit, methods=["POST"]),
            Route(key, self.show),
            Route(f"/api{key[:11]}s/{{experiment_id}}", self.show),
            Route(f"{key}/cancel", self.cancel, methods=["POST"]),
            Route("/api/experiments", self.list),
            Route("/artefacts/{sha256}", self.artefact),
            Route("/health", self.health),
            Route("/metrics", self.metrics),
        ]

    async def submit(self, request: Request) -> Response:
        """202 and the key at once; the result at the end where the caller waits."""
        body = await _body(request)
        if isinstance(body, Response):
            return body
        try:
            row, new = await run_in_threadpool(self._add, body)
        except UnknownProtocol as error:
            return JSONResponse({"error": str(error), "protocols": [PROTOCOL]}, 400)
        except (ExperimentError, neural_codec.NeuralCodecError) as error:
            return JSONResponse({"error": str(error)}, 400)
        seconds = self._wait_of(request, row)
        if seconds > 0:
            row = await self._ended(request, row, seconds)
            if row.state in ENDED:
                return JSONResponse(answer_of(row, _base(request)))
        status = "processing" if row.state in IN_PROGRESS else row.state
        told = {"experiment_id": row.experiment_id, "timestamp": row.timestamp, "status": status, "new": new}
        if row.kind == "test":
            return JSONResponse({**told, "type": "test", "status": "ok"}, 200)
        return JSONResponse(told, 202, {"location": f"/experiment/{row.experiment_id}"})

    def _add(self, body: dict[str, Any]) -> tuple[Row, bool]:
        job = job_of(body)
        check(job)
        before = self.store.get(job.experiment_id)
        if before is not None and "timestamp" not in body and _answers(before, job):
            return before, False
        while "timestamp" not in body and self.store.get(job.experiment_id, job.timestamp) is not None:
            job = job.model_copy(update={"timestamp": job.timestamp + 1})
        new = self.store.get(job.experiment_id, job.timestamp) is None
        self.services.submit(job)
        row = self.store.get(job.experiment_id, job.timestamp)
        assert row is not None
        return row, new

    def _wait_of(self, request: Request, row: Row) -> float:
        """Seconds that the caller wants to wait: by `Prefer: wait[=N]`, `?wait=N`, or the setting for old formats."""
        asked = re.search(r"(?:^|[,;\s])wait(?:\s*=\s*([0-9]+))?", request.headers.get("prefer", ""))
        if asked:
            return min(float(asked[1] or _MOST_WAIT_S), _MOST_WAIT_S)
        seconds = number_in(request.query_params.get("wait", ""))
        if seconds is not None:
            return min(float(seconds), _MOST_WAIT_S)
        old = row.job.get("origin") in ("v1", "v2") and self.services.config.wait_old_formats
        return _MOST_WAIT_S if old else 0.0

    async def _ended(self, request: Request, row: Row, seconds: float) -> Row:
        deadline = time.monotonic() + seconds
        while row.state in IN_PROGRESS and time.monotonic() < deadline and not await request.is_disconnected():
            await asyncio.sleep(_CHECK_S)
            found = await run_in_threadpool(self.store.get, *row.key)
            row = row if found is None else found
        return row

    async def show(self, request: Request) -> Response:
        """One experiment; the latest of the name, or the one of `?timestamp=`."""
        row = await self._row(request)
        if row is None:
            return _missing(request)
        return JSONResponse(answer_of(row, _base(request)))

    async def _row(self, request: Request) -> Row | None:
        timestamp = number_in(request.query_params.get("timestamp", ""))
        return await run_in_threadpool(self.store.get, request.path_params["experiment_id"], timestamp)

    async def cancel(self, request: Request) -> Response:
        """Ends one that is queued or under way."""
        row = await self._row(request)
        if row is None:
            return _missing(request)
        done = await run_in_threadpool(self.store.cancel, row.key)
        after = await run_in_threadpool(self.store.get, *row.key) or row
        told = {"experiment_id": row.experiment_id, "timestamp": row.timestamp, "cancelled": done, "state": after.state}
        return JSONResponse(told, 200 if done else 409)

    async def list(self, request: Request) -> Response:
        """`successful`, `in_progress`, `failed`: the newest of each, `?limit=` of them; `total` and `counts` of all."""
        asked = number_in(request.query_params.get("limit", ""))
        limit = 100 if asked is None else min(asked, 10_000)
        return JSONResponse(await run_in_threadpool(self._listed, limit))

    def _listed(self, limit: int) -> dict[str, Any]:
        counts = self.store.counts()
        failed = tuple(state for state in ENDED if state != "completed")
        groups: dict[str, tuple[State, ...]] = {"successful": ("completed",), "in_progress": IN_PROGRESS, "failed": failed}
        told: dict[str, Any] = {}
        for name, states in groups.items():
            told[name] = [answer_of(row) for row in self.store.page(states, limit=limit)]
        total = sum(counts[state] for state in (*IN_PROGRESS, *ENDED))
        return {**told, "total": total, "counts": counts}

    async def artefact(self, request: Request) -> Response:
        """What was kept, by its hash; `?as=page` for a stored HTML page, which gets no script and no origin."""
        sha256 = request.path_params["sha256"]
        try:
            size = await run_in_threadpool(self.services.artefacts.size, sha256)
            pieces = None if size is None else self.services.artefacts.read(sha256)
        except ExperimentError as error:
            return JSONResponse({"error": str(error)}, 400)
        if pieces is None:
            return _missing(request)
        headers = {"content-length": str(size), "cache-control": "private, max-age=31536000, immutable", "etag": f'"{sha256}"'}
        shown = request.query_params.get("as") == "page"
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", request.query_params.get("name", sha256))[:80]
        headers |= {"content-security-policy": STORED_POLICY}
        if not shown:
            headers["content-disposition"] = f'attachment; filename="{name}"'
        return StreamingResponse(
            pieces, headers=headers, media_type="text/html; charset=utf-8" if shown else "application/octet-stream"
        )

    async def health(self, request: Request) -> Response:
        """Whether the store answers and a worker lives; 503 where not."""
        try:
            workers = await run_in_threadpool(self.store.workers)
            live = self.liveness.check(workers)
        except Exception as error:
            return JSONResponse({"status": "unhealthy", "store": type(error).__name__}, 503)
        told = {
            "status": "healthy" if any(live.values()) else "no live worker",
            "workers": live,
            "version": neural_codec.__version__,
        }
        return JSONResponse({**told, "protocol": PROTOCOL}, 200 if any(live.values()) else 503)

    async def metrics(self, request: Request) -> Response:
        """Counters as Prometheus reads them."""
        counts = await run_in_threadpool(self.store.counts)
        workers = await run_in_threadpool(self.store.workers)
        alerts = await run_in_threadpool(self.store.alerts)
        lines = ["# TYPE neural_codec_experiments gauge"]
        lines += [f'neural_codec_experiments{{state="{state}"}} {number}' for state, number in counts.items()]
        lines += [
            "# TYPE neural_codec_workers_live gauge",
            f"neural_codec_workers_live {sum(self.liveness.check(workers).values())}",
        ]
        lines += ["# TYPE neural_codec_alerts_open gauge", f"neural_codec_alerts_open {len(alerts)}"]
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _answers(row: Row, job: Job) -> bool:
    """Whether a row is the answer to a job that is sent without a timestamp: it holds the same job, and waits, runs, or completed.
    One that failed or was cancelled is run anew, and one that is to be fresh also where it completed."""
    if {**row.job, "timestamp": 0} != {**job.model_dump(mode="json"), "timestamp": 0}:
        return False
    return row.state in IN_PROGRESS or (row.state == "completed" and not job.fresh)


async def _body(request: Request) -> dict[str, Any] | Response:
    text = b""
    async for piece in request.stream():
        text += piece
        if len(text) > MOST_BODY_BYTES:
            return JSONResponse({"error": f"body: expected at most {MOST_BODY_BYTES} bytes"}, 413)
    try:
        body = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return JSONResponse({"error": "body: expected JSON"}, 400)
    return body if isinstance(body, dict) else JSONResponse({"error": "body: expected a JSON object"}, 400)


def _no_constant(name: str) -> Any:
    raise ValueError(f"expected numbers, found {name}")


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _missing(request: Request) -> Response:
    return JSONResponse({"error": f"{request.url.path}: there is none"}, 404)
