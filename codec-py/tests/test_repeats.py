"""Frames that equal the one before: coded once, and counted, measured, charted and decoded as all others."""

from __future__ import annotations

import numpy as np
import pytest

import neural_codec
from neural_codec.__main__ import main
from neural_codec.errors import InvalidArgument

from conftest import moving


@pytest.fixture(scope="module")
def slides() -> np.ndarray:
    """Four pictures that stand for ten frames each."""
    return np.repeat(moving(4), 10, axis=0)


def test_each_picture_is_coded_once_and_shown_ten_times(slides, tmp_path):
    report = neural_codec.encode(slides, tmp_path / "clip.nvc", fps=25, effort=3)
    assert sum(scene.coded_frames for scene in report.scenes) == 4
    assert report.total.frames == 40 and report.total.target_met
    assert "36 frames show the one before again and are not coded." in report.notes
    frames = np.stack(list(neural_codec.Decoder(tmp_path / "clip.nvc")))
    assert frames.shape == slides.shape
    assert all((frames[at] == frames[at - at % 10]).all() for at in range(40))
    found = neural_codec.compare(slides, tmp_path / "clip.nvc")
    assert found.frames == 40 and found.psnr_y == pytest.approx(report.total.quality.psnr_y)
    sizes = [size for scene in neural_codec.info(tmp_path / "clip.nvc").scenes for size in scene.frame_bytes]
    assert len(sizes) == 40 and [at for at, size in enumerate(sizes) if size] == [0, 10, 20, 30]


def test_all_frames_are_coded_where_that_is_asked_for_and_for_players(slides, tmp_path):
    off = neural_codec.encode(slides, tmp_path / "off.nvc", fps=25, effort=3, repeats="off")
    players = neural_codec.encode(slides, tmp_path / "clip.mp4", fps=25, effort=3)
    for report in (off, players):
        assert all(scene.coded_frames == scene.frames for scene in report.scenes)
    assert neural_codec.info(tmp_path / "clip.mp4").frames == 40
    with pytest.raises(InvalidArgument, match="repeats: expected auto or off, found on"):
        neural_codec.encode(slides, tmp_path / "bad.nvc", fps=25, repeats="on")


def test_the_command_line_names_frames_that_are_shown_for_longer(slides, tmp_path, capsys):
    neural_codec.encode(slides, tmp_path / "clip.nvc", fps=25, effort=3)
    assert main(["remux", str(tmp_path / "clip.nvc"), str(tmp_path / "clip.mkv")]) == 0
    said = capsys.readouterr()
    assert "lost: frames: 36 that show the one before again" in said.err
    assert "4 frames" in said.out
