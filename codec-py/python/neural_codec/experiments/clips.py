"""Source clips: found by hash, by place under folders that the configuration allows, or fetched once and kept by hash."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from . import ExperimentError
from .aside import aside
from .artefacts import Artefacts, Folder, hash_of
from .model import ClipRef

# What a system answers where a place was named that is none; all else is the machine's fault, such as a share that is away.
_OF_THE_SENDER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EACCES)


class Clips:
    """Clips of one worker. A job that names none gets `default`; a path in a job must lie under one of `roots`."""

    def __init__(
        self,
        cache: Path,
        artefacts: Artefacts,
        default: Path | None = None,
        roots: Sequence[Path] = (),
        buckets: Sequence[str] = (),
    ) -> None:
        self.cache, self.artefacts, self.buckets = Folder(cache), artefacts, buckets
        self.default = None if default is None else default.resolve()
        self.roots = [root.resolve() for root in roots]
        # Hashes of files in place, by path, size and time of change: a clip of gigabytes is hashed once.
        self.hashes: dict[tuple[str, int, int], str] = {}

    def check(self) -> None:
        """Raises ExperimentError where the clip of jobs that name none, or a folder whose clips jobs may name, is not there."""
        if self.default is not None:
            try:
                with open(self.default, "rb") as file:
                    file.read(1)
            except OSError as error:
                raise ExperimentError(f"clip: expected a file, found {self.default}: {error.strerror}") from None
        for root in self.roots:
            if not root.is_dir():
                raise ExperimentError(f"clips: expected a folder, found {root}{'' if root.exists() else ', which is not there'}")

    def find(self, clip: ClipRef | None) -> tuple[Path, str]:
        """A readable file and its hash. Raises ExperimentError that says what was looked for and where."""
        if clip is None or (clip.sha256 is None and clip.uri is None):
            if self.default is None:
                raise ExperimentError("clip: expected one in the job, as this worker was started without --clip")
            return self.default, self.hash_in_place(self.default)
        if clip.sha256 is not None:
            known = self._by_hash(clip.sha256)
            if known is not None:
                return known, clip.sha256
        if clip.uri is None:
            raise ExperimentError(f"clip: no clip {clip.sha256} in the cache, among the artefacts, or in an allowed folder")
        path = self._fetch(clip.uri)
        found = self.hash_in_place(path)
        if clip.sha256 is not None and found != clip.sha256:
            raise ExperimentError(f"clip: expected content {clip.sha256}, found {found} at the place given")
        return path, found

    def hash_in_place(self, path: Path) -> str:
        """The hash of a file where it lies."""
        try:
            status = os.stat(path)
        except OSError as error:
            if error.errno not in _OF_THE_SENDER:
                raise
            raise ExperimentError(f"clip: {path.name}: {error.strerror}") from None
        if not stat.S_ISREG(status.st_mode):
            raise ExperimentError(f"clip: {path.name}: expected a file")
        mark = str(path), status.st_size, status.st_mtime_ns
        if mark not in self.hashes:
            self.hashes[mark] = hash_of(path)
        return self.hashes[mark]

    def _by_hash(self, sha256: str) -> Path | None:
        cached = self.cache.path(sha256)
        if cached.exists():
            return cached
        files = [each for root in self.roots for each in sorted(root.iterdir()) if each.is_file()]
        for path in [*([self.default] if self.default else []), *files]:
            if self.hash_in_place(path) == sha256:
                return path
        if self.artefacts.size(sha256) is None:
            return None
        with aside(self.cache.root) as new:
            with open(new, "wb") as file:
                for piece in self.artefacts.read(sha256):
                    file.write(piece)
            if hash_of(new) != sha256:
                raise ExperimentError(f"clip: what was fetched is not {sha256}")
            return self.cache.adopt(new, sha256)

    def _fetch(self, uri: str) -> Path:
        try:
            parts = urlsplit(uri)
            path = Path(unquote(parts.path)).resolve()
        except ValueError:
            # A place that can be none, such as one with a null byte in it, is the sender's mistake.
            raise ExperimentError(f"clip: expected a URI of file:// or s3://, found {uri[:80]!r}") from None
        if parts.scheme == "file":
            if path != self.default and not any(path.is_relative_to(root) for root in self.roots):
                raise ExperimentError("clip: expected a file in a folder that this worker allows (--clips)")
            return path
        if parts.scheme == "s3":
            if parts.netloc not in self.buckets:
                raise ExperimentError(f"clip: expected a bucket that this worker allows, found {parts.netloc!r}")
            from .artefacts_s3 import fetch_once

            return fetch_once(parts.netloc, parts.path.lstrip("/"), self.cache)
        raise ExperimentError(f"clip: expected a URI of file:// or s3://, found {uri[:80]!r}")
