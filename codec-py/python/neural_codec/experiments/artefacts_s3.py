"""Artefacts in a bucket of S3, and clips that are fetched from one once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from . import ExperimentError
from .aside import aside, write_text
from .artefacts import PIECE, Folder, hash_of
from .aws import client, code_of

_GONE = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
_FORBIDDEN = ("403", "AccessDenied", "Forbidden")


class Bucket:
    """Objects `prefix/ab/abcdef...`; written only where there is none yet."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self.bucket, self.prefix = bucket, prefix.strip("/")

    def _key(self, sha256: str) -> str:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ExperimentError(f"artefact: expected 64 hexadecimal digits, found {sha256[:80]!r}")
        return "/".join(part for part in (self.prefix, sha256[:2], sha256) if part)

    def put(self, path: Path) -> str:
        sha256 = hash_of(path)
        if self.size(sha256) is None:
            # In parts where it is large: one request takes 5 GiB at most. Who writes at the same time writes the same.
            client("s3").upload_file(str(path), self.bucket, self._key(sha256))
        return sha256

    def size(self, sha256: str) -> int | None:
        try:
            return int(client("s3").head_object(Bucket=self.bucket, Key=self._key(sha256))["ContentLength"])
        except Exception as error:
            if code_of(error) in _GONE:
                return None
            raise

    def read(self, sha256: str) -> Iterator[bytes]:
        try:
            body = client("s3").get_object(Bucket=self.bucket, Key=self._key(sha256))["Body"]
        except Exception as error:
            if code_of(error) in _GONE:
                raise ExperimentError(f"{sha256}: there is no such artefact") from None
            raise
        pieces: Iterator[bytes] = body.iter_chunks(PIECE)
        return pieces


def fetch_once(bucket: str, key: str, cache: Folder) -> Path:
    """A clip of a bucket in the cache; fetched only where this very version is not there. Raises ExperimentError where there is
    none, or none that this worker may read; what else a bucket answers is a fault of the service."""
    s3 = client("s3")
    try:
        version = s3.head_object(Bucket=bucket, Key=key)["ETag"]
    except Exception as error:
        if code_of(error) not in (*_GONE, *_FORBIDDEN):
            raise
        raise ExperimentError(f"clip: s3://{bucket}/{key}: {code_of(error)}") from None
    note = cache.root / f"s3-{hashlib.sha256(f'{bucket}/{key}/{version}'.encode()).hexdigest()[:32]}.json"
    if note.exists():
        known = cache.path(json.loads(note.read_text())["sha256"])
        if known.exists():
            return known
    with aside(cache.root) as new:
        s3.download_file(bucket, key, str(new))
        sha256 = hash_of(new)
        place = cache.adopt(new, sha256)
    write_text(note, json.dumps({"sha256": sha256}))
    return place
