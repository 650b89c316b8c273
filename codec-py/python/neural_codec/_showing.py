"""What commands share: how many paths they take, and how they show what they do (a bar or lines of JSON) and what they found."""

from __future__ import annotations

import argparse
import sys
from typing import TextIO

from ._jobs import ProgressArgument
from ._progress import JsonLines
from .records import Record


def progress_of(options: argparse.Namespace) -> ProgressArgument:
    """A bar in a terminal, lines of JSON for machines, nothing where that is asked for."""
    if options.quiet:
        return None
    return JsonLines() if options.json else sys.stderr.isatty()


def show(options: argparse.Namespace, record: Record, lines: list[str], file: TextIO | None = None) -> None:
    """A result as it was asked for; on standard output where no other file is given."""
    print(record.to_json() if options.json else "\n".join(lines), file=file)


def expect_two_paths(options: argparse.Namespace) -> None:
    """Other numbers of paths without a folder for outputs are wrong usage."""
    if (count := len(options.paths)) != 2:
        options.command.error(f"expected an input and an output, or inputs and --output-dir, found {count} path{'s' if count > 1 else ''}")
