"""The parser of all commands."""

from __future__ import annotations

import argparse
from typing import NoReturn

# What argparse gives for words that it does not know.
WRONG_USAGE = 2


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are, and say where to read on; those of its commands are of its class."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"error: {' '.join(message.split())} ({self.prog} --help lists what there is)\n")
