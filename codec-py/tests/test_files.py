"""Ordinary video files in and out: by extension, by remux, in batches and through pipes."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import neural_codec
from neural_codec import Lost, aio
from neural_codec.errors import InvalidArgument

FRAMES = np.random.default_rng(7).integers(0, 255, (6, 48, 64, 3), np.uint8)


def run(*arguments, **options):
    command = [sys.executable, "-m", "neural_codec", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=120, **options)


@pytest.fixture
def stream(tmp_path):
    path = tmp_path / "clip.nvc"
    neural_codec.encode(FRAMES, path, fps=25, quantizer=40, effort=0)
    return path


@pytest.mark.parametrize("ending", ["mkv", "mp4", "webm"])
def test_the_output_s_extension_decides_and_the_frames_are_those_of_the_stream(tmp_path, stream, ending):
    path = tmp_path / f"clip.{ending}"
    report = neural_codec.encode(FRAMES, path, fps=25, quantizer=40, effort=0)
    assert report.total.bytes == path.stat().st_size
    # Of 64x48, SVT-AV1 codes 64x64.
    assert [lost.what for lost in report.lost] == ["shown size"]
    expected = neural_codec.decode(stream)
    found = neural_codec.decode(path)
    assert np.array_equal(found.video, expected.video) and np.array_equal(found.timestamps, expected.timestamps)
    assert np.array_equal(neural_codec.decode(path.read_bytes()).video, expected.video)
    assert neural_codec.info(path).frames == 6
    assert np.array_equal(neural_codec.Decoder(path)[4], expected.video[4])
    assert neural_codec.compare(stream, path).lossless_frames == 6


def test_a_remux_goes_there_and_back(tmp_path, stream):
    there, back = tmp_path / "there.mkv", tmp_path / "back.nvc"
    assert neural_codec.remux(stream, there).frames == 6
    assert asyncio.run(aio.remux(there, back)).lost == []
    assert np.array_equal(neural_codec.decode(back).video, neural_codec.decode(stream).video)


@pytest.mark.parametrize("name", ["clip", "clip.avi", "clip.mkv.part"])
def test_an_unknown_extension_lists_those_that_are_known(tmp_path, name):
    with pytest.raises(InvalidArgument, match=r"\.mkv, \.webm or \.nvc"):
        neural_codec.encode(FRAMES, tmp_path / name, fps=25)
    with pytest.raises(InvalidArgument, match=r"\.mkv"):
        neural_codec.Encoder(tmp_path / name, fps=25)


def told_and_reported(source, clip):
    """What is told as lost before the encode of a clip that FFmpeg makes of these arguments, and the report."""
    try:
        subprocess.run(["ffmpeg", "-v", "error", *source, clip], check=True)
    except FileNotFoundError:
        pytest.skip("there is no ffmpeg command here")
    told: list[Lost] = []
    report = neural_codec.encode(clip, clip.with_name("out.mkv"), effort=0, quantizer=50, on_lost=told.extend)
    return told, report


def test_what_is_lost_is_told_and_in_the_report(tmp_path):
    clip = tmp_path / "clip.mov"
    source = ["-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.2", "-vf", "format=yuva444p10le", "-c:v", "prores_ks", "-profile:v", "4444"]
    told, report = told_and_reported(source, clip)
    assert [each.what for each in told] == ["alpha", "bits"] and report.lost == told


def test_a_batch_skips_what_is_there_and_says_what_failed(tmp_path, stream):
    folder, bad = tmp_path / "50% out", tmp_path / "bad.mp4"
    bad.write_bytes(b"no film")
    options = ("--output-dir", folder, "--skip-existing", "--effort", 0, "--quantizer", 50)
    found = run("encode", stream, bad, *options)
    assert found.returncode == 1 and b"1 encoded, 0 skipped, 1 failed" in found.stdout, found
    assert [each.name for each in folder.iterdir()] == ["clip.mkv"]
    found = run("encode", stream, *options)
    assert found.returncode == 0 and b"0 encoded, 1 skipped, 0 failed" in found.stdout


def test_pipes_take_a_clip_in_and_give_a_file_out(tmp_path, stream):
    y4m = tmp_path / "clip.y4m"
    neural_codec.decode(stream, y4m)
    found = run("encode", "-", "-", "--to", "webm", "--effort", 0, "--quantizer", 50, input=y4m.read_bytes())
    assert found.returncode == 0 and found.stdout.startswith(b"\x1aE\xdf\xa3"), found.stderr
    assert neural_codec.info(found.stdout).frames == 6


@pytest.fixture(scope="module")
def png(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "rgb.png"
    Image.fromarray(FRAMES[0]).save(path)
    return path


def test_a_picture_through_a_pipe_is_a_photo_as_in_a_file(tmp_path, png):
    found = run("encode", png, "-", "--effort", 0, "--quantizer", 50)
    assert found.returncode == 0 and neural_codec.info(found.stdout).photo is not None, found.stderr
    into = tmp_path / "p.nvc"
    assert run("encode", "-", into, "--effort", 0, "--quantizer", 50, input=png.read_bytes()).returncode == 0
    assert into.read_bytes() == found.stdout
    report = neural_codec.encode(png.read_bytes(), effort=0, quantizer=50)
    assert report.photo is not None and report.data == found.stdout
    found = run("encode", "-", tmp_path / "x.nvc", input=png.read_bytes()[:200])
    assert (found.returncode, found.stderr) == (1, b"error: standard input: corrupt picture: expected a whole file, found a shorter one\n")


@pytest.mark.parametrize("output", ["-", "out.mkv"])
def test_a_clip_through_a_pipe_has_its_page_and_its_json(tmp_path, stream, output):
    page = tmp_path / "page.html"
    options = ("--effort", 0, "--quantizer", 50, "--report", page, "--json", "--quiet")
    found = run("encode", "-", output, *options, input=stream.read_bytes(), cwd=tmp_path)
    # What is lost is said before.
    told = (found.stderr if output == "-" else found.stdout).decode()
    assert found.returncode == 0 and neural_codec.Report.from_json(told[told.index("{") :]).total.frames == 6
    assert "<h1>standard input</h1>" in page.read_text()
    assert neural_codec.info(found.stdout if output == "-" else tmp_path / output).frames == 6


@pytest.mark.parametrize("page", ["clip.nvc", "link", "hard", "out.mkv", "folder", "f_0000.png"])
def test_a_page_never_takes_the_place_of_what_it_is_about(tmp_path, stream, page):
    (tmp_path / "link").symlink_to(stream)
    (tmp_path / "hard").hardlink_to(stream)
    (tmp_path / "folder").mkdir()
    for index in range(2):
        Image.fromarray(FRAMES[index]).save(tmp_path / f"f_{index:04}.png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    source = "f_%04d.png" if page.endswith(".png") else "clip.nvc"
    found = run("encode", source, "out.mkv", "--effort", 0, "--report", page, cwd=tmp_path)
    assert found.returncode == 1 and found.stderr.startswith(b"error: report: expected "), found
    if page != "out.mkv":
        assert run("compare", "clip.nvc", source, "--report", page, cwd=tmp_path).returncode == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_a_page_on_a_full_disk_is_an_error_that_leaves_none(small_disk, tmp_path, stream):
    page = small_disk("16k") / "page.html"
    for command in (["encode", stream, tmp_path / "out.mkv", "--effort", 0], ["compare", stream, stream]):
        found = run(*command, "--report", page)
        assert found.returncode == 1 and f"error: {page}: No space".encode() in found.stderr, found.stderr
        assert not page.exists()
    assert (tmp_path / "out.mkv").exists()


def test_the_demo_does_not_write_over_its_clip(tmp_path):
    path = tmp_path / "comparison.png"
    Image.fromarray(FRAMES[0]).save(path)
    before = path.read_bytes()
    found = run("demo", path, "--output", tmp_path)
    assert found.returncode == 1 and b"another file than the source" in found.stderr and path.read_bytes() == before


def test_the_command_line_goes_on_after_damage_and_says_so():
    text = " ".join(run("encode", "--help").stdout.decode().split())
    assert neural_codec.settings()["on_damage"].default == "stop"
    assert "Default: continue." in text[text.rindex("--on-damage VALUE") :].split("--audio VALUE")[0]


def test_counts_that_grow_while_a_source_is_read_say_so(tmp_path):
    clip = tmp_path / "fields.mpg"
    source = ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=50:d=3", "-vf", "interlace", "-c:v", "mpeg2video", "-flags", "+ildct+ilme"]
    told, report = told_and_reported(source, clip)
    first, last = ([each.why for each in lost if each.what == "fields"] for lost in (told, report.lost))
    assert " pictures are interlaced so far; " in first[0] and last[0].startswith(f"{report.total.frames} pictures are interlaced; ")
