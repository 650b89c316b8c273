"""The README's programs, pasted into empty projects outside the repository with the dependency lines that it shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# The profile of the workspace, so that dependencies that it has built are taken from the target folder; the codec itself is
# built without optimization, which takes a third of the time. What the environment says of debug information goes for both.
DEV = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]["dev"]
LEVELS = {name: profile["opt-level"] for name, profile in DEV.pop("package").items()} | {"neural-codec": 0}
PROFILE = {f"profile.dev.{name}": json.dumps(value) for name, value in DEV.items()}
PROFILE |= {f"profile.dev.package.{name}.opt-level": str(level) for name, level in LEVELS.items()}
if "CARGO_PROFILE_DEV_DEBUG" in os.environ:
    del PROFILE["profile.dev.debug"]


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)
    assert len(found) == 1, f"the README has {len(found)} blocks of {language}"
    return found[0]


def line(pattern: str) -> str:
    """The one line between backticks in the table of how to install that fits."""
    found = re.findall(rf"`({pattern})`", README)
    assert len(found) == 1, found
    return found[0]


def run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=580, cwd=folder, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty folder with a clip of two seconds, made here."""
    if shutil.which("ffmpeg") is None or shutil.which("cargo") is None:
        pytest.skip("no ffmpeg or no cargo on the PATH")
    source = ["-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25:duration=2", "-f", "lavfi", "-i", "sine=duration=2"]
    run(["ffmpeg", "-hide_banner", "-loglevel", "error", *source, "-pix_fmt", "yuv420p", "-c:v", "mpeg4", "clip.mp4"], tmp_path)
    return tmp_path


def test_the_rust_program_runs_with_the_line_that_is_shown(project):
    shown = line(r"neural-codec = \{[^`]*\}")
    here = shown.replace("../neural-codec/neural-codec", str(ROOT / "neural-codec"))
    assert here != shown, "the line names another path than that of a clone beside the project"
    (project / "src").mkdir()
    (project / "src/main.rs").write_text(block("rust"))
    (project / "Cargo.toml").write_text(
        f'[package]\nname = "outside"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n{here}\n\n[workspace]\n'
    )
    # The versions that were tested, from what cargo has already.
    shutil.copy(ROOT / "Cargo.lock", project)
    config = [word for key, value in PROFILE.items() for word in ("--config", f"{key}={value}")]
    shown = run(["cargo", "run", "--quiet", "--offline", *config], project, CARGO_TARGET_DIR=str(TARGET))
    lines = shown.splitlines()
    assert re.fullmatch(r"\d+ bytes, target met: true", lines[0]), shown
    assert lines[1] == "128x96 at 1.000 s" and lines[-1] == "128x96 at 1.960 s" and len(lines) == 26, shown


def test_an_error_of_the_rust_program_is_a_sentence(project):
    program = TARGET / "debug/outside"
    if not program.exists():
        pytest.skip("the program was not built")
    (project / "clip.mp4").unlink()
    done = subprocess.run([program], capture_output=True, text=True, cwd=project)
    assert done.returncode == 1 and done.stderr == "Error: clip.mp4: No such file or directory (os error 2)\n", done.stderr


def test_the_python_program_runs(project):
    shown = run([sys.executable, "-c", block("python")], project)
    first, last = shown.splitlines()
    assert re.fullmatch(r"\d+ bytes, target met: True", first) and 0.9 < float(last) <= 1, shown
    assert (project / "clip.mkv").stat().st_size > 0 and (project / "base.mp4").stat().st_size > 0


def test_the_c_program_runs_with_the_line_that_is_shown(project):
    # As codec-ffi/tests/run.sh builds it.
    built = ["--workspace", "--exclude", "codec-py", "--exclude", "benches", "--all-features", "--lib", "--test", "header"]
    run(["cargo", "build", "--quiet", *built], ROOT)
    prefix = project / "installed"
    run([str(ROOT / "scripts/capi.sh"), str(prefix), str(TARGET / "debug")], project)
    (project / "main.c").write_text(block("c"))
    found = {"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig"), "LD_LIBRARY_PATH": str(prefix / "lib")}
    run(["sh", "-c", line(r"cc main\.c [^`]*")], project, **found)
    shown = run(["./a.out"], project, **found)
    assert '"target_met":true' in shown.replace(" ", "") and (project / "clip.mkv").stat().st_size > 0, shown
