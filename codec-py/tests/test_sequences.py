"""Pictures of a sequence are there together or not at all, however the process that writes them ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import FAST, moving

import neural_codec
from neural_codec import errors


@pytest.fixture(scope="module")
def long_stream(tmp_path_factory) -> Path:
    """So many frames that a decode can be met in the middle."""
    path = tmp_path_factory.mktemp("long") / "clip.nvc"
    neural_codec.encode(moving(200, height=192, width=320), path, fps=24, quantizer=50, **FAST)
    return path


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def hidden(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if each.name.startswith(".unfinished-")]


def ended_in_the_middle(stream: Path, output: Path, place: Path, number: int) -> int:
    """Decodes with the command line and sends the signal once some pictures are there, in a hidden folder of `place`; the exit status."""
    process = subprocess.Popen([sys.executable, "-m", "neural_codec", "decode", str(stream), str(output), "--quiet"])
    try:
        end = time.monotonic() + 60
        while not any(len(list(folder.glob("*.png"))) > 2 for folder in hidden(place)):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.002)
        process.send_signal(number)
        return process.wait(timeout=60)
    finally:
        process.kill()


def test_a_folder_that_is_not_there_is_made(stream, tmp_path):
    written = neural_codec.decode(stream, tmp_path / "frames" / "%03d.png")
    assert written.frames == 12 and names(tmp_path) == ["frames"]
    assert names(tmp_path / "frames") == [f"{number:03}.png" for number in range(12)]
    assert neural_codec.info(tmp_path / "frames").frames == 12
    with pytest.raises(errors.FileMissing, match="no folder"):
        neural_codec.decode(stream, tmp_path / "no" / "frames" / "%03d.png")


def test_other_files_of_a_folder_stay_and_pictures_are_replaced(stream, tmp_path):
    for name in ("notes.txt", "003.png", "099.png"):
        (tmp_path / name).write_text("earlier")
    neural_codec.decode(stream, tmp_path / "%03d.png")
    assert names(tmp_path) == [*(f"{number:03}.png" for number in range(12)), "099.png", "notes.txt"]
    assert (tmp_path / "notes.txt").read_text() == (tmp_path / "099.png").read_text() == "earlier"
    assert (tmp_path / "003.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("is_there", [False, True])
def test_of_a_killed_process_nothing_is_left_that_counts_and_the_next_cleans_up(long_stream, tmp_path, is_there):
    folder = tmp_path / "frames"
    place = folder if is_there else tmp_path
    if is_there:
        folder.mkdir()
        (folder / "00001.png").write_text("earlier")
    assert ended_in_the_middle(long_stream, folder / "%05d.png", place, signal.SIGKILL) == -signal.SIGKILL
    (left,) = hidden(place)
    assert names(place) == ([left.name, "00001.png"] if is_there else [left.name])
    assert not is_there or (folder / "00001.png").read_text() == "earlier"
    long_ago = time.time() - 3600
    os.utime(left, (long_ago, long_ago))
    neural_codec.decode(long_stream, folder / "%05d.png")
    assert names(tmp_path) == ["frames"] and names(folder) == [f"{number:05}.png" for number in range(200)]


def test_a_process_that_is_asked_to_end_leaves_nothing(long_stream, tmp_path):
    assert ended_in_the_middle(long_stream, tmp_path / "frames" / "%05d.png", tmp_path, signal.SIGTERM) == 128 + signal.SIGTERM
    assert names(tmp_path) == []


def test_a_full_disk_leaves_no_picture(long_stream, small_disk):
    disk = small_disk("400k")
    for output in (disk / "%05d.png", disk / "frames" / "%05d.png"):
        with pytest.raises(errors.FileIO) as caught:
            neural_codec.decode(long_stream, output)
        assert caught.value.errno == 28 and names(disk) == []
