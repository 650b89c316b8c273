"""The file of constants that accepted modifiers change, and what it was before each, so that each can be taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .._settings import as_texts
from . import ExperimentError
from .aside import write_text
from .config import read_toml
from .modifier import changes_of, table_of


class TableFile:
    """A file of constants, and beside it `NAME.history.json`. A file that is not there is the table that is compiled in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.history = path.with_name(f"{path.name}.history.json")

    def changes(self) -> dict[str, Any]:
        """What the file changes of the table that is compiled in, by key. Raises ExperimentError, InvalidArgument."""
        return changes_of(table_of(flat(self.path))) if self.path.exists() else {}

    def accept(self, told: Mapping[str, Any], report: str) -> Path:
        """Writes the table of an accepted modifier, and its report beside; gives the report's place. The same one again changes nothing."""
        now = table_of(self.changes())["hash"]
        page = self.path.with_name(f"{self.path.stem}-{told['name']}.md")
        if now != told["after"]:
            if now != told["before"]:
                raise ExperimentError(f"{self.path}: expected the table that was tried, {told['before']}, found {now}: try the patch on it anew")
            entry = {
                "modifier": told["name"], "before": told["before"], "after": told["after"],
                "text": self.path.read_text() if self.path.exists() else None,
                "accepted": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            }  # fmt: skip
            # The history first: a table is never without the way back.
            write_text(self.history, json.dumps([*self.entries(), entry], indent=2) + "\n")
            write_text(self.path, f"# Accepted: {told['name']}, see {page.name}.\n{told['toml']}")
        write_text(page, report)
        return page

    def entries(self) -> list[dict[str, Any]]:
        """What was accepted, oldest first."""
        if not self.history.exists():
            return []
        found: list[dict[str, Any]] = json.loads(self.history.read_text())
        return found

    def rollback(self) -> dict[str, Any]:
        """Takes the last accepted modifier back. Raises ExperimentError where there is none, or the file was changed since."""
        entries = self.entries()
        now = table_of(self.changes())["hash"]
        # One that was noted and not written any more, as the process was killed between.
        while entries and entries[-1]["before"] == now and entries[-1]["after"] != now:
            entries.pop()
        if not entries:
            raise ExperimentError(f"{self.path}: expected a modifier that was accepted, found none")
        last = entries[-1]
        if now != last["after"]:
            raise ExperimentError(f"{self.path}: expected the table of {last['modifier']}, {last['after']}, found {now}: it was changed since")
        if last["text"] is None:
            self.path.unlink()
        else:
            write_text(self.path, last["text"])
        write_text(self.history, json.dumps(entries[:-1], indent=2) + "\n")
        return last


def flat(path: Path) -> dict[str, Any]:
    """The constants of a TOML file by key. Raises ExperimentError for what is no TOML."""
    found: dict[str, Any] = {}
    for section, values in read_toml(str(path)).items():
        found |= {f"{section}.{name}": each for name, each in values.items()} if isinstance(values, dict) else {section: values}
    return found


def patch_of(files: list[Path], pairs: list[str]) -> dict[str, Any]:
    """A patch from files and `KEY=VALUE`, later ones above earlier. Raises ExperimentError, InvalidArgument."""
    patch: dict[str, Any] = {}
    for file in files:
        patch |= flat(file)
    for pair in pairs:
        key, sign, value = pair.partition("=")
        try:
            patch[key] = json.loads(value)
        except ValueError:
            sign = ""
        if not sign:
            raise ExperimentError(f"--set: expected KEY=NUMBER or KEY=[NUMBER, ...], found {pair!r}")
    as_texts({"defaults": patch})
    return patch
