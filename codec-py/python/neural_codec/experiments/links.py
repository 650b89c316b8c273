"""Experiments that were run before: the same job, clip and versions give the same result, which is linked and not made again."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import neural_codec

from .. import _native
from .artefacts import hash_of
from .aside import write_text
from .model import Job
from .services import Services


@functools.cache
def versions() -> dict[str, str]:
    """What may change a result although a job stays the same; of what was compiled its content too, as it may be built anew under the
    same version. The table of constants is part of the native module."""
    told = {"neural_codec": neural_codec.__version__, "native": hash_of(str(_native.__file__))}
    for name, (version, path) in (("encoder", _native.encoder_version()), ("decoder", _native.decoder_version())):
        told[name] = f"{version} {hash_of(path)}" if os.path.exists(path) else version
    return told


def key_of(job: Job, clip: str) -> str:
    """SHA-256 of all that decides a result: kind, payload, target, seed, device, clip and versions."""
    told = {
        "kind": job.kind, "payload": job.payload, "target": None if job.target is None else job.target.model_dump(),
        "seed": job.seed, "gpu": job.needs.gpu, "budget": job.budget.model_dump(), "clip": clip, "versions": versions(),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def remember(services: Services, key: str, job: Job) -> None:
    """Notes, in the worker's folder, which experiment has the result of a key; whether it has is looked up when it is asked for."""
    write_text(_place(services, key), json.dumps([job.experiment_id, job.timestamp]))


def find(services: Services, key: str) -> dict[str, Any] | None:
    """The result of a completed experiment of this key, with `linked` naming it; None where there is none, or an artefact is gone."""
    try:
        experiment_id, timestamp = json.loads(_place(services, key).read_text())
    except (OSError, ValueError, TypeError):
        return None
    row = services.store.get(experiment_id, timestamp)
    if row is None or row.state != "completed" or row.result is None or row.result.get("key") != key:
        return None
    if any(services.artefacts.size(each["sha256"]) is None for each in row.result.get("artefacts", {}).values()):
        return None
    return {**row.result, "linked": {"experiment_id": experiment_id, "timestamp": timestamp}}


def _place(services: Services, key: str) -> Path:
    return services.config.data / "results" / f"{key}.json"
