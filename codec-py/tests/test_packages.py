"""The wheel works in a virtual environment that holds nothing else, without the tools that built it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_works_in_a_clean_environment():
    wheels = list((ROOT / "dist").glob("*.whl"))
    if len(wheels) != 1:
        pytest.skip(f"expected one wheel in dist/, found {len(wheels)}: scripts/wheel.sh builds it")
    command = [sys.executable, str(ROOT / "scripts" / "clean-install.py"), str(wheels[0])]
    found = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert found.returncode == 0, found.stderr
    assert "neural_codec: " in found.stdout and "dav1d" in found.stdout
    assert wheels[0].stat().st_size < 40e6
