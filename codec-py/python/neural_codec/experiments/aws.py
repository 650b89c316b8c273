"""Clients of AWS, by the credentials and the region of the environment; nothing of either is kept or told."""

from __future__ import annotations

import functools
from typing import Any

from . import needed

# A worker that cannot reach a service says so within seconds.
_CONNECT_S, _READ_S, _TRIES = 5, 60, 4


@functools.cache
def client(service: str) -> Any:
    """A client of a service. Raises ExperimentError where boto3 is not installed."""
    boto3, config = needed("boto3", "aws"), needed("botocore.config", "aws")
    options = config.Config(
        connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"max_attempts": _TRIES, "mode": "standard"}
    )
    return boto3.session.Session().client(service, config=options)


def code_of(error: Exception) -> str:
    """The code of an error that a service answered, or nothing."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
