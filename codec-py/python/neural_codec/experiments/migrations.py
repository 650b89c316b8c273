"""The schemas of the SQLite store, one step a version: a store of any released version becomes one of today's, nothing lost."""

from __future__ import annotations

import sqlite3

from . import ExperimentError

# What leads from each version to the next; a step that was released never changes.
_STEPS = (
    """
CREATE TABLE experiments (
  experiment_id TEXT NOT NULL, timestamp INTEGER NOT NULL, kind TEXT NOT NULL, campaign TEXT NOT NULL, state TEXT NOT NULL,
  job TEXT NOT NULL, created REAL NOT NULL, phase TEXT NOT NULL DEFAULT '', phases TEXT NOT NULL DEFAULT '[]',
  fence INTEGER NOT NULL DEFAULT 0, claims INTEGER NOT NULL DEFAULT 0, beat INTEGER NOT NULL DEFAULT 0,
  worker TEXT NOT NULL DEFAULT '', started REAL, finished REAL, result TEXT, error TEXT, dead INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL, bytes INTEGER, psnr_db REAL, ssim REAL, bitrate_mbps REAL,
  PRIMARY KEY (experiment_id, timestamp)
);
CREATE INDEX by_state ON experiments (state, created);
CREATE INDEX by_created ON experiments (created);
CREATE UNIQUE INDEX by_revision ON experiments (revision);
CREATE TABLE counter (value INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
CREATE TABLE workers (worker TEXT PRIMARY KEY, beat INTEGER NOT NULL, told TEXT NOT NULL);
CREATE TABLE alerts (name TEXT PRIMARY KEY, text TEXT NOT NULL, opened REAL NOT NULL);
""",
    # Version 2: records of campaigns, each written once or changed by who knows its version.
    """
CREATE TABLE records (
  "group" TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY ("group", name)
);
""",
    # Version 3: what says which results may be compared, so that lists know it without the whole result.
    """
ALTER TABLE experiments ADD COLUMN clip_sha256 TEXT;
ALTER TABLE experiments ADD COLUMN clip_name TEXT;
ALTER TABLE experiments ADD COLUMN base_encoder TEXT;
UPDATE experiments SET clip_sha256 = json_extract(result, '$.clip.sha256'), clip_name = json_extract(result, '$.clip.name'),
  base_encoder = json_extract(result, '$.base_encoder') WHERE result IS NOT NULL;
""",
)
SCHEMA_VERSION = len(_STEPS)


def migrate(db: sqlite3.Connection, path: str, upto: int = SCHEMA_VERSION) -> None:
    """Brings a store to a version, inside the caller's transaction. Raises ExperimentError for a newer one."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > upto:
        raise ExperimentError(f"{path}: expected a store of version {upto} or lower, found {version}; install a newer neural-codec")
    for step in _STEPS[version:upto]:
        for statement in step.split(";\n"):
            db.execute(statement)
    if version < upto:
        db.execute(f"PRAGMA user_version = {upto}")
