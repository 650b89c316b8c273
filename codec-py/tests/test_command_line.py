"""The command line: results, exit codes, one line for an error."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import pytest
from PIL import Image

import neural_codec


def run(*arguments) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neural_codec", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def result(*arguments):
    found = run(*arguments)
    assert found.returncode == 0, found.stderr
    assert all(line.startswith('{"progress": ') for line in found.stderr.splitlines()), found.stderr
    assert "--json" in arguments or found.stderr == ""
    return found.stdout


def test_a_clip_goes_through_all_commands(carphone, tmp_path):
    stream, decoded = tmp_path / "a.nvc", tmp_path / "a.mkv"
    report = neural_codec.Report.from_json(
        result("encode", carphone, stream, "--json", "--quantizer", 45, "--effort", 0, "--scenes", "0-60,60-120")
    )
    assert report.total.bytes == stream.stat().st_size and len(report.scenes) == 2
    info = neural_codec.StreamInfo.from_json(result("info", stream, "--json"))
    assert info.frames == report.total.frames
    assert str(info.frames) in result("info", stream)
    exported = json.loads(result("export", "--base", tmp_path / "base.mp4", stream, "--json"))
    assert exported["frames"] == info.frames and (tmp_path / "base.mp4").stat().st_size > exported["base_bytes"]
    assert "176x144 at 8 bits" in result("export", "--base", tmp_path / "base.mp4", stream)
    assert "176x144" in result("info", carphone)
    assert json.loads(result("decode", stream, decoded, "--json"))["frames"] == info.frames
    metrics = neural_codec.Metrics.from_json(result("compare", carphone, decoded, "--json"))
    assert metrics.psnr_y == pytest.approx(report.total.quality.psnr_y)
    assert "psnr_y" in result("compare", carphone, stream, "--ms-ssim")
    scenes = json.loads(result("detect-scenes", carphone, "--json"))
    assert scenes[0][0] == 0 and scenes[-1][1] == info.frames
    assert result("detect-scenes", carphone) == "0-120\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["encode", "nowhere.mp4", "out.nvc"], "nowhere.mp4"),
        (["decode", "nowhere.nvc", "out.mkv"], "nowhere.nvc"),
        (["info", "/"], "folder"),
        (["export", "--base", "TMP/out.mp4", "CLIP"], "stream"),
        (["compare", "nowhere.mp4", "nowhere.mp4"], "nowhere.mp4"),
        (["demo", "nowhere.mp4", "--output", "TMP"], "nowhere.mp4"),
        (["encode", "CLIP", "TMP/out.nvc", "--quantizer", "99"], "1 to 70"),
        (["encode", "CLIP", "TMP/out.nvc", "--scenes", "nonsense"], "START-END"),
        (["encode", "CLIP", "TMP/out.nvc", "--fps", "0"], "fps"),
        (["encode", "CLIP", "TMP/no/out.nvc"], "no folder TMP/no"),
        (["encode", "CLIP", "TMP/out.nvc", "--strategies", "magic"], "av1, hybrid or still"),
        (["encode", "CLIP", "TMP/out.nvc", "--report", "TMP/no/page.html"], "no folder TMP/no"),
        (["encode", "COPY", "COPY"], "another file"),
        (["decode", "STREAM", "STREAM"], "another file"),
        (["export", "--base", "STREAM", "STREAM"], "another file"),
        (["export", "--base", "TMP/out.avi", "STREAM"], "use .mkv, .mp4 or .webm"),
        (["export", "--base", "TMP/out.mov", "STREAM"], "AV1 in a .mov"),
        (["export", "--base", "TMP/out.mp4", "CUT"], "CUT: "),
        (["remux", "CUT", "TMP/out.mkv"], "CUT: "),
        (["encode", "CLIP", "-", "--to", "foo"], "--to: expected mkv, mp4, webm, nvc, found foo"),
        (["encode", "CLIP", "-", "--to", "avif"], "--to: expected mkv, mp4, webm, nvc, found avif"),
        (["decode", "STREAM", "TMP/out.avi"], ".y4m"),
        (["encode", "CLIP", "TMP/out.nvc", "--to", "mkv"], "to: expected a folder of outputs or standard output"),
        (["encode", "CLIP", "TMP/out.nvc", "--skip-existing"], "skip-existing: expected a folder"),
        (["encode", "CLIP", "TMP/out.nvc", "--ms-ssim"], "ms-ssim: expected --report"),
        (["decode", "STREAM", "TMP/out.png", "--to", "tiff"], "to: expected a folder of outputs"),
        (["decode", "STREAM", "TMP/out.mkv", "--skip-existing"], "skip-existing: expected a folder"),
        (["decode", "TMP/f_0000.png", "TMP/f_%04d.png"], "another file than the source"),
        (["decode", "STREAM", "TMP/out_%d_%d.png"], "one number such as %04d in the name of pictures, found 2"),
    ],
)
def test_an_error_is_one_line_and_a_code_and_changes_no_file(carphone, carphone_stream, tmp_path, arguments, words):
    stream, copy = tmp_path / "a.mp4", tmp_path / "b.mp4"
    shutil.copy(carphone_stream, stream)
    shutil.copy(carphone, copy)
    cut = tmp_path / "cut.nvc"
    cut.write_bytes(stream.read_bytes()[: stream.stat().st_size // 2])
    names = {"CLIP": str(carphone), "STREAM": str(stream), "COPY": str(copy), "CUT": str(cut)}
    before = stream.read_bytes(), copy.read_bytes()
    words = words.replace("TMP", str(tmp_path)).replace("CUT", str(cut))
    found = run(*(names.get(a, a.replace("TMP", str(tmp_path))) for a in arguments))
    assert (stream.read_bytes(), copy.read_bytes()) == before and not list(tmp_path.glob("out*"))
    assert found.returncode == 1 and found.stdout == ""
    assert found.stderr.startswith("error: ") and found.stderr.count("\n") == 1 and words in found.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8 are files of Linux")
def test_names_that_are_no_utf_8_or_no_ascii_are_shown_escaped(carphone, tmp_path):
    odd, stream = os.fsencode(tmp_path) + b"/b\xe4d.mp4", tmp_path / "a.nvc"
    shutil.copy(carphone, odd)
    odd = os.fsdecode(odd)
    for place in ("page.html", "/dev/null"):
        page = tmp_path / place
        done = run("encode", odd, stream, "--effort", 0, "--quantizer", 45, "--report", page)
        assert done.returncode == 0, done.stderr
    assert "b\\udce4d.mp4" in (tmp_path / "page.html").read_text(encoding="utf-8")
    folder = tmp_path / "out"
    command = [sys.executable, "-m", "neural_codec", "encode", odd, carphone, "--output-dir", folder, "--effort", "0", "--quantizer", "45"]
    ascii_alone = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(list(map(os.fspath, command)), capture_output=True, text=True, timeout=120, env=ascii_alone)
    assert done.returncode == 0 and "b\\udce4d.mp4" in done.stdout, done.stderr
    assert "2 encoded" in done.stdout + done.stderr


def test_a_file_that_begins_as_an_option_is_named_as_one(carphone, tmp_path):
    shutil.copy(carphone, tmp_path / "-dash.mp4")
    command = [sys.executable, "-m", "neural_codec", "encode", "--effort", "0", "--quantizer", "45", "-dash.mp4", "out.nvc"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 2 and "did you mean the file ./-dash.mp4?" in done.stderr, done.stderr
    command[-2] = "./-dash.mp4"
    assert subprocess.run(command, capture_output=True, timeout=120, cwd=tmp_path).returncode == 0


def test_a_metric_that_was_asked_for_and_has_no_value_is_said(carphone, carphone_stream, tmp_path):
    lines = result("compare", carphone, carphone_stream, "--metric", "ms_ssim,xpsnr").splitlines()
    assert "ms_ssim_y: no value, the pictures are too small for it (docs/GLOSSARY.md)" in lines
    assert any(line.startswith("xpsnr_y: ") and "no value" not in line for line in lines)
    same = result("compare", carphone, carphone, "--ms-ssim")
    assert "no value" not in same and "(120 lossless)" in same


def test_splits_of_long_scenes_are_told_from_cuts(tmp_path):
    clip = tmp_path / "long.y4m"
    header = b"YUV4MPEG2 W64 H48 F5:1 Ip A1:1 C420jpeg\n"
    half = [b"FRAME\n" + bytes([60 + 4 * (i % 2)]) * (64 * 48) + bytes([128]) * (64 * 24) for i in range(70)]
    other = [b"FRAME\n" + bytes(range(256)) * 12 + bytes([90]) * (64 * 24)] * 20
    clip.write_bytes(header + b"".join(half + other))
    lines = result("detect-scenes", clip).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["0-50", "50-70", "70-90"]
    assert ["split" in line for line in lines] == [False, True, False]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
        (["encode"], "PATH"),
        (["encode", "a.mp4"], "an input and an output, or inputs and --output-dir, found 1 path ("),
        (["decode", "a.nvc", "b.nvc", "c.nvc"], "found 3 paths (python -m neural_codec decode --help"),
        (["encode", "a.mp4", "b.nvc", "--min-pnsr-y", "38"], "did you mean --min-psnr-y? (python -m neural_codec encode --help"),
        (["encode", "a.mp4", "b.nvc", "--bitrate_bps=9"], "did you mean --bitrate-bps?"),
    ],
)
def test_wrong_usage_is_one_line_and_has_a_code_of_its_own(arguments, words):
    found = run(*arguments)
    assert found.returncode == 2 and found.stdout == ""
    assert found.stderr.startswith("error: ") and found.stderr.count("\n") == 1 and words in found.stderr


def test_a_missed_target_is_said_and_is_an_error_where_asked(carphone, tmp_path):
    arguments = ["encode", carphone, tmp_path / "a.nvc", "--min-psnr-y", "80", "--effort", "0", "--scenes", "0-20,20-120"]
    found = run(*arguments)
    assert found.returncode == 0 and (tmp_path / "a.nvc").exists()
    assert f"{carphone}: 2 of 2 scenes miss the target (scene 0: the closest that was found to psnr_y >= 80)" in found.stderr
    assert run(*arguments, "--require-target").returncode == 3


def test_a_missed_target_of_one_of_many_is_an_error_where_asked(carphone, tmp_path):
    easy, hard, broken = (tmp_path / name for name in ("easy.mp4", "hard.mp4", "broken.mp4"))
    shutil.copy(carphone, hard)
    black = ["-f", "lavfi", "-i", "color=black:size=64x64:rate=25", "-frames:v", "5"]
    subprocess.run(["ffmpeg", "-v", "error", *black, easy], check=True)
    broken.write_bytes(b"no video")
    options = ["--output-dir", tmp_path / "out", "--min-psnr-y", "80", "--effort", "0"]
    assert "misses the target" in run("encode", easy, hard, *options).stdout
    assert run("encode", easy, hard, *options, "--require-target").returncode == 3
    assert (tmp_path / "out/hard.mkv").exists()
    assert run("encode", easy, *options, "--require-target").returncode == 0
    assert run("encode", hard, broken, *options, "--require-target").returncode == 1


def test_every_setting_is_an_option():
    text = result("encode", "--help")
    assert all("--" + name.replace("_", "-") in text for name in neural_codec.settings())
    assert neural_codec.__version__ in result("--version")


def test_the_demo_shows_what_it_measured(carphone, tmp_path):
    from PIL import Image

    summary = json.loads(result("demo", carphone, "--output", tmp_path, "--json"))
    report = neural_codec.Report.from_json((tmp_path / "report.json").read_text())
    assert summary["bytes"] == report.total.bytes == (tmp_path / "carphone_pristine.av1.mkv").stat().st_size
    assert summary["file"] == str(tmp_path / "carphone_pristine.av1.mkv")
    assert summary["psnr_y"] == pytest.approx(report.total.quality.psnr_y)
    assert f"{report.total.frames} frames in" in (tmp_path / "report.html").read_text()
    with Image.open(tmp_path / "comparison.png") as picture:
        # Three squares of half the height of a picture side by side, and margins.
        assert picture.width == 3 * 72 + 4 * 16 and picture.height > 3 * 72
    assert (tmp_path / "comparison.html").read_text().count('src="data:image/png') == 2


def test_the_selftest_says_that_all_is_well_or_what_is_not():
    found = json.loads(result("selftest", "--json"))
    assert found["psnr_y"] >= 35 and {"encode", "decode", "seek", "compare", "export"} <= set(found["seconds"])
    assert result("selftest").endswith("all is well\n")
    command = [sys.executable, "-m", "neural_codec", "selftest"]
    environment = {**os.environ, "NEURAL_CODEC_SVTAV1": "/nowhere/libSvtAv1Enc.so"}
    broken = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert broken.returncode == 1 and "/nowhere/libSvtAv1Enc.so" in broken.stderr


def test_the_demo_finds_its_own_clip():
    from neural_codec._demo import sample_clip

    assert sample_clip().name == "bigbuckbunny.mp4"


def test_what_a_filter_takes_and_gains_is_told(filtered, stream, tmp_path):
    from neural_codec._page import page

    (tmp_path / "a.nvc").write_bytes(filtered.data)
    (tmp_path / "b.nvc").write_bytes(stream)
    told = filtered.scenes[0].filter
    assert f"filter of {neural_codec.info(filtered.data).scenes[0].filter_bytes} bytes, 1008 mult" in result("info", tmp_path / "a.nvc")
    assert "filter" not in result("info", tmp_path / "b.nvc")
    text = page(filtered)
    assert ">hybrid</td>" in text
    assert f"neural filter M, {told.bytes} bytes: psnr_y {told.base_psnr_y:.2f} to {filtered.scenes[0].quality.psnr_y:.2f} dB" in text
    without = dataclasses.replace(told, verdict="not_worth_its_bytes", reason="no filter is worth its bytes")
    scene = dataclasses.replace(filtered.scenes[0], strategy="av1", filter=without)
    assert "no neural filter: no filter is worth its bytes" in page(dataclasses.replace(filtered, scenes=[scene]))
