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
        encoder, encoder_file = _native.encoder_version()
    except MissingLibrary as error:
        encoder, encoder_file = "none", str(error)
    try:
        decoder, decoder_file = _native.decoder_version()
    except MissingLibrary as error:
        decoder, decoder_file = "none", str(error)
    return {
        "neural_codec": _native.__version__,
        "base encoder": encoder,
        "base encoder file": encoder_file,
        "base decoder": decoder,
        "base decoder file": decoder_file,
        "python": sys.version.split()[0],
        "numpy": numpy.__version__,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def show_versions() -> None:
    """Prints `versions()`, for reports of problems."""
    for name, value in versions().items():
        print(f"{name}: {value}")
