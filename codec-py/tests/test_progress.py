"""Progress on standard error: lines of JSON for machines, a bar in a terminal, nothing where that is asked for."""

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping

import pytest

import neural_codec
from neural_codec import _progress

ENCODE = [sys.executable, "-m", "neural_codec", "encode"]
FLOOR = ["--effort", "3", "--scenes", "0-40,40-80,80-120"]


def test_machines_get_lines_of_json_and_quiet_is_quiet(carphone, tmp_path):
    done = subprocess.run([*ENCODE, str(carphone), str(tmp_path / "a.nvc"), *FLOOR, "--json"], capture_output=True, text=True, check=True)
    lines = [json.loads(line)["progress"] for line in done.stderr.splitlines() if line.startswith('{"progress"')]
    assert json.loads(done.stdout)["total"]["frames"] == 120
    assert lines[-1]["frames_done"] == lines[-1]["frames_total"] == 120 and lines[-1]["seconds_left"] in (0.0, None)
    assert lines[-1]["attempts"] >= 6 and lines[-1]["frames_coded"] > 120
    for before, after in zip(lines, lines[1:]):
        assert before["frames_coded"] <= after["frames_coded"] and before["seconds"] <= after["seconds"]
    quiet = subprocess.run([*ENCODE, str(carphone), str(tmp_path / "b.nvc"), *FLOOR, "--json", "--quiet"], capture_output=True, text=True)
    assert quiet.returncode == 0 and "progress" not in quiet.stderr


def _in_a_terminal(arguments: list[str], environment: Mapping[str, str] = os.environ) -> str:
    """What a command that works writes to standard error where that is a terminal."""
    own, terminal = pty.openpty()
    with subprocess.Popen(arguments, stderr=terminal, env=environment) as process:
        os.close(terminal)
        shown = b""
        # A terminal whose other end is closed is an error on Linux.
        with contextlib.suppress(OSError):
            while piece := os.read(own, 4096):
                shown += piece
        os.close(own)
    assert process.returncode == 0
    return shown.decode()


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_a_terminal_that_reports_no_size_shows_the_stages(carphone, tmp_path, has_tqdm):
    if has_tqdm and not _progress._has_tqdm():
        pytest.skip("tqdm is not installed")
    program = (
        "import sys, neural_codec; from neural_codec import _progress; _progress._has_tqdm = lambda: sys.argv[3] == 'True'; "
        "neural_codec.encode(sys.argv[1], sys.argv[2], effort=5, progress=True)"
    )
    arguments = [sys.executable, "-c", program, str(carphone), str(tmp_path / "a.nvc"), str(has_tqdm)]
    text = _in_a_terminal(arguments, {**os.environ, "COLUMNS": "", "LINES": ""})
    # The stage that takes longest: another may begin and end between two looks.
    assert "store, attempt" in text and "of 120 frames" in text, text
    assert max(map(len, text.replace("\n", "\r").split("\r"))) <= _progress.COLUMNS, text


def test_a_batch_has_one_line_and_none_where_that_is_asked_for(carphone, tmp_path):
    arguments = [*ENCODE, str(carphone), "--output-dir", str(tmp_path), "--effort", "0", "--quantizer", "50"]
    assert f"[1/1] {carphone.name}: " in _in_a_terminal(arguments)
    assert "[1/1]" not in _in_a_terminal([*arguments, "--quiet"])


def test_every_kind_of_work_tells_how_far_it_is(carphone, carphone_stream, tmp_path):
    told: dict[str, list[neural_codec.Progress]] = {"decode": [], "compare": [], "detect": [], "export": []}
    neural_codec.decode(carphone_stream, tmp_path / "a.y4m", progress=told["decode"].append)
    neural_codec.compare(carphone, carphone_stream, progress=told["compare"].append)
    neural_codec.detect_scenes(carphone, progress=told["detect"].append)
    neural_codec.export_base(carphone_stream, tmp_path / "a.mp4", progress=told["export"].append)
    for name, found in told.items():
        assert found[-1].frames_done == 120 and found[-1].stage is None, name
    assert told["decode"][0].frames_total == 120
