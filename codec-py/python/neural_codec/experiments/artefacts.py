"""Files that experiments leave behind, each under the SHA-256 of its content: written once, never changed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from . import ExperimentError
from .aside import aside

PIECE = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Artefacts(Protocol):
    """Content by its hash."""

    def put(self, path: Path) -> str:
        """Keeps a file and gives its hash; a file that is there already is not written again."""

    def size(self, sha256: str) -> int | None:
        """Bytes, or None where there is no such content."""

    def read(self, sha256: str) -> Iterator[bytes]:
        """The content in pieces. Raises ExperimentError where there is none."""


def hash_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


class Folder:
    """A folder of files `ab/abcdef...`; written aside and renamed, so that none is ever seen half."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where content lies, or would lie."""
        if not _SHA256.fullmatch(sha256):
            raise ExperimentError(f"artefact: expected 64 hexadecimal digits, found {sha256[:80]!r}")
        return self.root / sha256[:2] / sha256

    def put(self, path: Path) -> str:
        sha256 = hash_of(path)
        place = self.path(sha256)
        if not place.exists():
            with aside(self.root) as new:
                with open(path, "rb") as source, open(new, "wb") as file:
                    while piece := source.read(PIECE):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                self.adopt(new, sha256)
        return sha256

    def adopt(self, new: Path, sha256: str) -> Path:
        """Renames a file of the folder's file system to where content of this hash lies; gives that place."""
        place = self.path(sha256)
        place.parent.mkdir(exist_ok=True)
        os.replace(new, place)
        return place

    def size(self, sha256: str) -> int | None:
        place = self.path(sha256)
        return place.stat().st_size if place.exists() else None

    def read(self, sha256: str) -> Iterator[bytes]:
        place = self.path(sha256)
        if not place.exists():
            raise ExperimentError(f"{sha256}: there is no such artefact")
        return _pieces(place)


def _pieces(place: Path) -> Iterator[bytes]:
    with open(place, "rb") as file:
        while piece := file.read(PIECE):
            yield piece


def open_artefacts(url: str) -> Artefacts:
    """The artefacts of a URL: `file:///folder` or `s3://bucket/prefix`."""
    scheme, _, place = url.partition("://")
    if scheme == "file" and place.startswith("/"):
        return Folder(place)
    if scheme == "s3" and place:
        from .artefacts_s3 import Bucket

        bucket, _, prefix = place.partition("/")
        return Bucket(bucket, prefix)
    raise ExperimentError(f"artefacts: expected file:///folder or s3://bucket/prefix, found {url!r}")
