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
    assert "lost: frames: 36 repeat the picture before" in said.err
    assert "4 frames" in said.out
    assert main(["export", str(tmp_path / "clip.nvc"), "--base", str(tmp_path / "base.mkv")]) == 0
    assert "lost: frames: 36 repeat the picture before" in capsys.readouterr().err


def test_scenes_are_joined_into_the_container_that_the_name_asks_for(slides, tmp_path):
    options = {"fps": 25, "effort": 3, "strategies": "av1", "repeats": "off"}
    scenes = [neural_codec.encode_scene(slides, (0, 40), 0, **options)]
    report = neural_codec.concat(slides, scenes, tmp_path / "clip.mp4", **options)
    assert report.total.frames == 40
    found = neural_codec.info(tmp_path / "clip.mp4")
    written = (tmp_path / "clip.mp4").read_bytes()
    assert found.frames == 40 and written[4:8] == b"ftyp"
    assert report.total.bytes == len(written)
    assert report.total.bitrate_bps == pytest.approx(8 * len(written) / report.total.duration_seconds)


def test_the_last_picture_lasts_as_long_in_a_lossless_file(slides, tmp_path):
    neural_codec.encode(slides, tmp_path / "clip.nvc", fps=25, effort=3)
    neural_codec.remux(tmp_path / "clip.nvc", tmp_path / "clip.mp4")
    assert main(["decode", str(tmp_path / "clip.mp4"), str(tmp_path / "again.mp4"), "--quiet"]) == 0
    lengths = [float(neural_codec.encode(tmp_path / name, effort=0, quantizer=60).total.duration_seconds) for name in ("clip.mp4", "again.mp4")]
    assert lengths == pytest.approx([1.6, 1.6], abs=0.02)


def test_operations_of_a_decoder_are_those_of_frames_that_are_coded(slides, tmp_path):
    weights = {"wiener.from_effort": 0, "wiener.least_bytes": 0, "wiener.worth": 0.0}
    neural_codec.encode(slides, tmp_path / "clip.nvc", fps=25, effort=4, defaults=weights)
    scenes = neural_codec.info(tmp_path / "clip.nvc").scenes
    expected = sum(scene.coded_frames * 2 * scene.macs_per_pixel for scene in scenes) * 96 * 64 / 40 / 1e12
    found = neural_codec.compat.estimate_decoder_tops((tmp_path / "clip.nvc").read_bytes())
    assert [scene.coded_frames for scene in scenes] == [4] and found == pytest.approx(expected) and found > 0
