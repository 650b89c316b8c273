"""Speaks to a worker over HTTP, as orchestrators do."""

from __future__ import annotations

from typing import Any

import httpx

from .._output import Output
from . import ExperimentError
from .config import Config


class Unreachable(ExperimentError):
    """Nobody answers at an address; who waits there may answer later."""


class Client:
    """Calls of one worker. Every failure is an ExperimentError that names the address and the remedy."""

    def __init__(self, config: Config) -> None:
        self.url = config.worker_url.rstrip("/")
        token = None if config.token is None else config.token.get_secret_value()
        self.headers = {} if token is None else {"authorization": f"Bearer {token}"}

    def call(
        self, method: str, path: str, body: Any = None, *, wait: float = 30.0, accept: tuple[int, ...] = (200, 202)
    ) -> Any:
        """The JSON that was answered."""
        try:
            answer = httpx.request(
                method, self.url + path, json=body, headers=self.headers, timeout=httpx.Timeout(wait, connect=5.0)
            )
        except httpx.HTTPError as error:
            raise Unreachable(
                f"{self.url}: expected a worker, found none ({type(error).__name__}); start one with"
                " 'neural-codec experiments serve', or name it by --url"
            ) from None
        try:
            told = answer.json()
        except ValueError:
            told = {"error": answer.text[:200]}
        if answer.status_code not in accept and answer.status_code >= 500:
            raise Unreachable(f"{self.url}{path}: {answer.status_code}: {told.get('error', told)}; its log says why")
        if answer.status_code not in accept:
            raise ExperimentError(f"{self.url}{path}: {answer.status_code}: {told.get('error', told)}")
        return told

    def download(self, sha256: str, path: str) -> int:
        """Writes an artefact into a file, whole or not at all; gives its bytes."""
        size = 0
        with httpx.stream("GET", f"{self.url}/artefacts/{sha256}", headers=self.headers, timeout=60.0) as answer:
            if answer.status_code != 200:
                raise ExperimentError(f"{self.url}/artefacts/{sha256}: {answer.status_code}")
            file = Output(path)
            try:
                for piece in answer.iter_bytes(1 << 20):
                    file.write(piece)
                    size += len(piece)
                file.commit()
            except BaseException:
                file.discard()
                raise
        return size
