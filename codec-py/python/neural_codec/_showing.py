"""What commands share: which paths and options go together, and how they show what they do (a bar or lines of JSON) and what they found."""

from __future__ import annotations

import argparse
import sys
from typing import TextIO

from ._jobs import ProgressArgument
from ._progress import JsonLines
from .errors import InvalidArgument
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


def expect_no_folder_options(options: argparse.Namespace, output: str) -> None:
    """Refuses what is about a folder of outputs beside one output; `--to` also says what goes to standard output."""
    if options.skip_existing:
        raise InvalidArgument(f"skip-existing: expected a folder of outputs, found {output!r}")
    if options.to is not None and output != "-":
        raise InvalidArgument(f"to: expected a folder of outputs or standard output, found {output!r}, whose ending decides")
