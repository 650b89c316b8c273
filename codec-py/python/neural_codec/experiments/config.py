"""The configuration of workers: a TOML file, above it the environment, above that the command line; checked, and told
without its secrets."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from . import ExperimentError, needed
from .model import told

PREFIX = "NEURAL_CODEC_EXPERIMENTS_"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Config(BaseModel):
    """See docs/EXPERIMENTS.md for each field."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    data: Path = Path("experiments-data")
    store: str | None = None
    queue: str | None = None
    artefacts: str | None = None
    clip: Path | None = None
    clips: list[Path] = []
    buckets: list[str] = []
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    token: SecretStr | None = None
    worker_url: str = "http://127.0.0.1:8080"
    wait_old_formats: bool = False
    lease_s: Annotated[float, Field(ge=0.5, le=600)] = 60.0
    beat_s: Annotated[float, Field(ge=0.1, le=150)] = 15.0
    poll_s: Annotated[float, Field(ge=0, le=20)] = 20.0
    retry_s: Annotated[float, Field(ge=0, le=600)] = 15.0
    most_frame_bytes: Annotated[int, Field(ge=1 << 20)] = 4 << 30
    agent_memory_mb: Annotated[int, Field(ge=256)] = 4096
    webhook: SecretStr | None = None
    sns_topic: str | None = None
    cloudwatch_namespace: str | None = None
    least_free_mb: Annotated[int, Field(ge=0)] = 1024

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.beat_s * 3 > self.lease_s:
            raise ValueError(f"beat_s: expected at most a third of lease_s, {self.lease_s:g}, found {self.beat_s:g}")
        if self.host not in LOOPBACK and self.token is None:
            raise ValueError(f"token: expected one, as host {self.host} is not of this machine alone")
        if self.token is not None and len(self.token.get_secret_value()) < 16:
            raise ValueError("token: expected at least 16 characters")
        return self

    @property
    def store_url(self) -> str:
        return self.store or f"sqlite://{self.data.resolve()}/experiments.db"

    @property
    def queue_url(self) -> str | None:
        return self.queue

    @property
    def artefacts_url(self) -> str:
        return self.artefacts or f"file://{self.data.resolve()}/artefacts"

    def shown(self) -> dict[str, Any]:
        """Every field as JSON takes it; secrets as stars."""
        values: dict[str, Any] = json.loads(self.model_dump_json())
        return {**values, "store": self.store_url, "artefacts": self.artefacts_url}


def load(file: str | None, given: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Config:
    """The configuration. Raises ExperimentError that names each field that is wrong, never its value."""
    environment = os.environ if environment is None else environment
    file = file or environment.get(f"{PREFIX}CONFIG")
    values: dict[str, Any] = {} if file is None else read_toml(file)
    lists = ("clips", "buckets")
    for name in Config.model_fields:
        text = environment.get(f"{PREFIX}{name.upper()}")
        if text is not None:
            values[name] = text.split(os.pathsep if name == "clips" else ",") if name in lists else text
    values |= {name: value for name, value in given.items() if value is not None and value != []}
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ExperimentError(f"configuration: {told(error, whole='')}") from None


def read_toml(file: str) -> dict[str, Any]:
    parser = needed("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        with open(file, "rb") as opened:
            found: dict[str, Any] = parser.load(opened)
    except (OSError, parser.TOMLDecodeError) as error:
        raise ExperimentError(f"configuration: {file}: {error}") from None
    return found
