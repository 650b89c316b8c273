"""Folders of pictures and clips, into others and into themselves: each input has an output of its own, and nothing is lost."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neural_codec
from neural_codec.__main__ import main

FRAMES = np.random.default_rng(7).integers(0, 255, (3, 64, 80, 3), np.uint8)
QUICK = ("--effort", 0, "--quantizer", 50)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neural_codec", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """A picture, an animation and a clip that no encode wrote."""
    folder = tmp_path_factory.mktemp("sources")
    images = [Image.fromarray(each) for each in FRAMES]
    images[0].save(folder / "rgb.png")
    images[0].save(folder / "anim.gif", save_all=True, append_images=images[1:])
    neural_codec.encode(FRAMES, folder / "clip.nvc", fps=25, effort=0, quantizer=40)
    neural_codec.decode(folder / "clip.nvc", folder / "other.mkv")
    (folder / "clip.nvc").unlink()
    return folder


@pytest.fixture
def mixed(sources, tmp_path) -> Path:
    return Path(shutil.copytree(sources, tmp_path / "mixed"))


def test_clips_of_a_folder_are_decoded_and_others_left_out(mixed, tmp_path):
    out, back = tmp_path / "out", tmp_path / "back"
    assert run("encode", mixed, out, *QUICK).returncode == 0
    assert names(out) == {"rgb.nvc", "anim.mkv", "other.mkv"}
    shutil.copy(mixed / "other.mkv", out / "foreign.mkv")
    (out / "broken.mkv").write_bytes((out / "anim.mkv").read_bytes()[:300])
    told = run("decode", out, back)
    assert told.returncode == 1 and "3 decoded, 0 skipped, 1 failed" in told.stdout, told
    assert f"left out, of another kind: {out / 'foreign.mkv'}\n" in told.stdout and "broken.mkv  failed: " in told.stdout
    assert names(back) == {"rgb.png", "anim.mkv", "other.mkv"}
    assert neural_codec.compare(out / "other.mkv", back / "other.mkv").lossless_frames == 3


def test_to_avif_is_for_photos_and_clips_stay_clips(mixed, tmp_path):
    told = run("encode", mixed, tmp_path / "out", "--to", "avif", *QUICK)
    assert told.returncode == 0 and names(tmp_path / "out") == {"rgb.avif", "anim.mkv", "other.mkv"}, told


def test_a_folder_encoded_into_itself_resumes_and_loses_nothing(mixed):
    Image.fromarray(FRAMES[0]).save(mixed / "rgb.bmp")
    # One that looks like a result of anim.gif, and is none.
    shutil.copy(mixed / "other.mkv", mixed / "anim.mkv")
    before = {name: (mixed / name).read_bytes() for name in names(mixed)}
    told = run("encode", mixed, mixed, *QUICK)
    assert told.returncode == 0 and "5 encoded, 0 skipped, 0 failed" in told.stdout, told
    made = {"rgb.bmp.nvc", "rgb.png.nvc", "anim.gif.mkv", "anim.mkv.mkv", "other.mkv.mkv"}
    assert names(mixed) == {*before, *made}
    told = run("encode", mixed, mixed, *QUICK, "--skip-existing")
    assert told.returncode == 0 and "0 encoded, 5 skipped, 0 failed" in told.stdout and "left out, written before" in told.stdout, told
    assert run("encode", mixed, mixed, *QUICK).returncode == 0
    assert names(mixed) == {*before, *made} and {name: (mixed / name).read_bytes() for name in before} == before


def test_avif_beside_photos_takes_no_file_and_resumes(mixed, tmp_path):
    (mixed / "rgb.avif").write_bytes(b"of another program")
    shutil.copy(mixed / "rgb.png", mixed / "new.png")
    before = {name: (mixed / name).read_bytes() for name in names(mixed)}
    made = {"rgb.png.avif", "new.png.avif", "anim.mkv", "other.mkv.mkv"}
    for flags, said in (((), "4 encoded, 0 skipped"), (("--skip-existing",), "0 encoded, 4 skipped"), ((), "4 encoded, 0 skipped")):
        told = run("encode", mixed, mixed, "--to", "avif", *QUICK, *flags)
        assert told.returncode == 0 and said in told.stdout and names(mixed) == {*before, *made}, told
    assert {name: (mixed / name).read_bytes() for name in before} == before
    # A folder of its own has short names, also below the one that is read.
    for out in (tmp_path / "out", mixed / "out"):
        assert run("encode", mixed / "rgb.png", "--output-dir", out, "--to", "avif", *QUICK).returncode == 0
        told = run("encode", mixed, out, "--to", "avif", *QUICK, "--skip-existing")
        assert told.returncode == 0 and re.search(r"rgb\.png +skipped", told.stdout) and {"rgb.avif", "new.avif"} <= names(out), told


def test_results_beside_their_sources_are_no_inputs(mixed):
    (mixed / "other.mkv").unlink()
    for made in ({"anim.mkv", "rgb.nvc"}, set()):
        before = names(mixed)
        told = run("encode", mixed, mixed, *QUICK)
        assert told.returncode == 0 and "2 encoded, 0 skipped, 0 failed" in told.stdout and names(mixed) - before == made, told


def test_a_folder_of_outputs_below_its_sources_does_not_grow(mixed):
    for _ in range(2):
        assert run("encode", mixed, mixed / "out", *QUICK).returncode == 0
        assert names(mixed / "out") == {"rgb.nvc", "anim.mkv", "other.mkv"}


def test_decoding_beside_streams_writes_over_no_original(mixed):
    original = (mixed / "rgb.png").read_bytes()
    assert run("encode", mixed, mixed, *QUICK).returncode == 0
    told = run("decode", mixed, mixed)
    assert told.returncode == 0 and (mixed / "rgb.png").read_bytes() == original, told
    assert {"rgb.nvc.png", "anim.mkv.mkv", "other.mkv.mkv.mkv"} <= names(mixed)


def test_an_original_beside_a_stream_is_not_what_was_decoded(mixed):
    assert run("encode", mixed / "rgb.png", mixed / "rgb.nvc", *QUICK).returncode == 0
    assert run("encode", mixed / "anim.gif", mixed / "once.nvc", *QUICK).returncode == 0
    os.utime(mixed / "rgb.png", (1, 1))
    before = names(mixed)
    for said in ("2 decoded, 0 skipped, 0 failed", "0 decoded, 2 skipped, 0 failed"):
        told = run("decode", mixed, mixed, "--skip-existing")
        assert told.returncode == 0 and said in told.stdout and names(mixed) - before == {"rgb.nvc.png", "once.mkv"}, told


def test_what_has_no_name_of_its_own_fails_alone(mixed, tmp_path):
    other = Path(shutil.copytree(mixed, tmp_path / "again"))
    told = run("encode", mixed / "rgb.png", other / "rgb.png", mixed / "anim.gif", "--output-dir", tmp_path / "out", *QUICK)
    assert told.returncode == 1 and told.stdout.count("failed: expected a name of its own") == 2, told
    assert "1 encoded, 0 skipped, 2 failed" in told.stdout and names(tmp_path / "out") == {"anim.mkv"}


def test_a_folder_that_cannot_be_read_fails_and_the_others_are_coded(mixed, tmp_path, monkeypatch, capsys):
    scandir = os.scandir

    def denied(path):
        if os.path.basename(path) == "locked":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    (mixed / "sub" / "locked").mkdir(parents=True)
    assert main(["encode", str(mixed), str(tmp_path / "out"), *map(str, QUICK)]) == 1
    told = capsys.readouterr().out
    assert "3 encoded, 0 skipped, 1 failed" in told and re.search(r"^locked +failed: Permission denied$", told, re.MULTILINE), told
    assert main(["decode", str(mixed / "sub"), str(tmp_path / "back")]) == 1 and "0 decoded, 0 skipped, 1 failed" in capsys.readouterr().out


def test_a_folder_in_the_place_of_an_output_is_none_of_its_own(mixed, tmp_path):
    (tmp_path / "out" / "rgb.nvc").mkdir(parents=True)
    told = run("encode", mixed, tmp_path / "out", *QUICK, "--skip-existing")
    assert told.returncode == 1 and "2 encoded, 0 skipped, 1 failed" in told.stdout, told


def test_what_is_for_a_page_is_an_error_without_one(mixed, tmp_path):
    told = run("encode", mixed, tmp_path / "out", "--ms-ssim")
    assert (told.returncode, told.stdout) == (1, "") and told.stderr.startswith("error: report, ms-ssim, scenes: "), told


def test_a_table_is_no_json(mixed, tmp_path):
    for command in ("encode", "decode"):
        told = run(command, mixed, tmp_path / "out", "--json")
        assert (told.returncode, told.stdout) == (1, "") and told.stderr.startswith("error: json: expected one input"), told
