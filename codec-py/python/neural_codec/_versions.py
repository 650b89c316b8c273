"""Versions of everything that matters in a report of a problem."""

from __future__ import annotations

import platform
import sys

import numpy

from . import _native
from ._library import suggest_libraries
from .errors import MissingLibrary


def versions() -> dict[str, str]:
    """Name and version of the library, its encoder and decoder with their files, Python, numpy and the system."""
    suggest_libraries()
    try:
        encoder, path = _native.encoder_version()
    except MissingLibrary as error:
        encoder, path = "none", str(error)
    try:
        decoder = _native.decoder_version()
    except MissingLibrary as error:
        decoder = f"none: {error}"
    return {
        "neural_codec": _native.__version__,
        "base encoder": encoder,
        "base encoder file": path,
        "base decoder": decoder,
        "python": sys.version.split()[0],
        "numpy": numpy.__version__,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def show_versions() -> None:
    """Prints `versions()`, for reports of problems."""
    for name, value in versions().items():
        print(f"{name}: {value}")
