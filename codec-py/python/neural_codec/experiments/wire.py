"""The bodies that orchestrators send: our own, both old formats, and tests; and results as the old ones read them."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any

from . import ExperimentError
from .model import PROTOCOL, Job, Row, job_from
from .queue import UnknownProtocol

_OWN = ("settings", "rules", "agent", "filter", "modifier", "compat")
_OLD = ("generated_code", "encoding_agent_code", "decoding_agent_code")
_CONFIG = ("target_bitrate_mbps", "target_quality_ssim", "target_quality_psnr", "i_frame_interval", "effort")
_MOST_NOTES = 4096


def job_of(body: dict[str, Any]) -> Job:
    """The job that a body asks for; `timestamp` is set here where it has none. Raises ExperimentError, UnknownProtocol."""
    if "protocol" in body and body["protocol"] != PROTOCOL:
        raise UnknownProtocol(f"protocol: expected {PROTOCOL}, found {str(body['protocol'])[:40]}")
    if body.get("type") == "test":
        return job_from({**_key(body), "kind": "test", "origin": "test", "payload": {"message": _notes(body, ())}})
    old = [name for name in _OLD if body.get(name) is not None]
    if old and "payload" not in body:
        return _old(body, old)
    if body.get("kind") not in _OWN:
        raise ExperimentError(
            f"kind: expected one of {', '.join(_OWN)}, or {' or '.join(_OLD[:2])}; found {str(body.get('kind'))[:40]!r}"
        )
    return job_from({**body, **_key(body)})


def _old(body: dict[str, Any], names: list[str]) -> Job:
    """v1 has `generated_code`; v2 `encoding_agent_code` and `decoding_agent_code`. What else they carry is kept as notes."""
    config = {**body, **(body.get("config") if isinstance(body.get("config"), dict) else {})}  # type: ignore[dict-item]
    payload: dict[str, Any] = {name: body[name] for name in names}
    payload["config"] = {name: config[name] for name in _CONFIG if isinstance(config.get(name), (int, float))}
    if body.get("device") in ("cpu", "cuda"):
        payload["device"] = body["device"]
    origin = "v1" if names == ["generated_code"] else "v2"
    extra = {"clip": body["clip"]} if isinstance(body.get("clip"), dict) else {}
    return job_from(
        {**_key(body), "kind": "compat", "origin": origin, "payload": payload, "notes": _notes(body, (*_OLD, "clip")), **extra}
    )


def _key(body: dict[str, Any]) -> dict[str, Any]:
    name = body.get("experiment_id") or f"exp_{uuid.uuid4().hex[:16]}"
    stamp = body.get("timestamp")
    if isinstance(stamp, float) and stamp.is_integer() or isinstance(stamp, str) and re.fullmatch(r"[0-9]{1,15}", stamp):
        stamp = int(stamp)
    if stamp is None or isinstance(stamp, str):
        # Old orchestrators wrote a date as text, or nothing; the key of the store is a whole number.
        stamp = int(time.time())
    return {"experiment_id": name, "timestamp": stamp, "protocol": PROTOCOL}


def _notes(body: dict[str, Any], without: tuple[str, ...]) -> dict[str, Any]:
    notes = {
        key: value for key, value in body.items() if key not in (*without, "experiment_id", "timestamp", "protocol", "type")
    }
    return notes if len(json.dumps(notes)) <= _MOST_NOTES else {"cut": f"more than {_MOST_NOTES} bytes of other fields"}


def answer_of(row: Row, base: str = "") -> dict[str, Any]:
    """A row as callers read it: with the fields of old results, each measured, and links to what was kept."""
    result, error = row.result or {}, row.error or {}
    told: dict[str, Any] = {
        "experiment_id": row.experiment_id,
        "timestamp": row.timestamp,
        "status": "processing" if row.state in ("queued", "running") else row.state,
        "state": row.state,
        "kind": row.kind,
        "campaign": row.campaign,
        "phase": row.phase,
        "phases": row.phases,
        "worker": row.worker,
        "claims": row.claims,
        "lease": {"fence": row.fence, "beat": row.beat},
        "created": row.created,
        "started": row.started,
        "finished": row.finished,
        "dead": row.dead,
    }
    if result:
        told |= {key: value for key, value in result.items() if key not in told}
        told["download_links"] = {
            name: f"{base}/artefacts/{each['sha256']}" for name, each in result.get("artefacts", {}).items()
        }
        for part, name, link in (
            ("encoding_result", "compressed_data", "stream"),
            ("decoding_result", "reconstructed_video", "video"),
        ):
            if name in told.get(part, {}):
                told[part] = {**told[part], name: told["download_links"].get(link)}
    if error:
        told["error"] = error
        if "log" in error:
            told["download_links"] = {"log": f"{base}/artefacts/{error['log']['sha256']}"}
    return told
