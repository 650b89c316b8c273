"""Versions of everything that matters in a report of a problem."""

from __future__ import annotations

import platform
import sys

import numpy

from . import _native
from ._library import suggest_library
from .errors import MissingLibrary


def versions() -> dict[str, str]:
    """Name and version of the library, its encoder, Python, numpy and the system."""
    suggest_library()
    try:
        encoder, path = _native.versions()
    except MissingLibrary as error:
        encoder, path = "none", str(error)
    return {
        "neural_codec": _native.__version__,
        "base encoder": encoder,
        "base encoder file": path,
        "python": sys.version.split()[0],
        "numpy": numpy.__version__,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def show_versions() -> None:
    """Prints `versions()`, for reports of problems."""
    for name, value in versions().items():
        print(f"{name}: {value}")
