"""Numbers as people say them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """So many of a thing, as people say it."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
