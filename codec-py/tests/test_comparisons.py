"""Comparisons with other encoders: what they keep is found by all that it depends on, and others code at the depth of ours."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import moving
from test_rd import write_y4m

av = pytest.importorskip("av", reason="av is not installed: nothing is compared")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "eval" / "python"))

import baselines  # noqa: E402
import exhaustive  # noqa: E402
import kept  # noqa: E402
import ladder  # noqa: E402
import rates  # noqa: E402
import rd  # noqa: E402
import searchers  # noqa: E402


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "tiny.y4m"
    write_y4m(path, moving(8, 64, 64, seed=4))
    return path


@pytest.fixture
def searched(tmp_path, monkeypatch):
    """Runs the comparison of searching encoders without them; what was asked of the others, run by run."""
    asked: list[tuple[str, float, int]] = []

    def theirs(source, way, program, target, floor, depth):
        if source.stem == "broken":
            raise KeyboardInterrupt
        asked.append((way, floor, depth))
        return searchers.Result(100, 1.0, floor, 36.0)

    monkeypatch.setattr(searchers, "theirs", theirs)
    monkeypatch.setattr(searchers, "ours", lambda *_: searchers.Result(50, 1.0, 95.0, 36.0))
    monkeypatch.setattr(searchers, "build_of", lambda name: f"{name} 1")
    monkeypatch.setattr(baselines, "ab_av1_score", lambda: ("vmaf", ""))

    def run(*arguments: object) -> list[tuple[str, float, int]]:
        monkeypatch.setattr(sys, "argv", ["searchers.py", *map(str, arguments), "--efforts", "0", "--output", str(tmp_path / "out")])
        asked.clear()
        searchers.main()
        return list(asked)

    return run


def test_what_searching_encoders_found_is_found_again_by_all_it_depends_on(searched, clip, monkeypatch):
    both = [("ab-av1, preset 8", 95.0, 10), ("ab-av1, preset 8", 36.0, 10)]
    arguments = [clip, "--presets", 8]
    assert searched(*arguments) == both and searched(*arguments) == []
    assert searched(*arguments, "--vmaf", 90) == [("ab-av1, preset 8", 90.0, 10)]
    assert len(searched(*arguments, "--frames", 3)) == 2 and len(searched(*arguments, "--depth", 8)) == 2
    monkeypatch.setattr(searchers, "build_of", lambda name: f"{name} 2")
    assert searched(*arguments) == both
    write_y4m(clip, moving(8, 64, 64, seed=5))
    assert searched(*arguments) == both


def test_no_run_takes_from_what_searching_encoders_found(searched, clip, tmp_path):
    searched(clip, "--presets", "8,6")
    assert len(searched(clip, "--presets", "", "--av1an", 6)) == 1
    broken = tmp_path / "broken.y4m"
    broken.write_bytes(clip.read_bytes())
    with pytest.raises(KeyboardInterrupt):
        searched(clip, broken, "--presets", 4)
    assert searched(clip, "--presets", "8,6,4", "--av1an", 6) == []
    told = [json.loads(line)["key"] for line in (tmp_path / "out" / "searchers.jsonl").read_text().splitlines()]
    assert {key["build"] for key in told if key["way"].startswith("ours")} == {kept.ours()}
    assert "others at 10 bits; Av1an 1; ab-av1 1; neural-codec" in (tmp_path / "out" / "searchers.md").read_text()


def test_clips_of_one_name_are_not_told_apart_and_refused(searched, clip, tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(SystemExit, match="different names"):
        searched(clip, tmp_path / "b" / "tiny.mkv")


def test_the_stored_attempt_is_taken_of_several_at_its_quantizer():
    def attempt(size: int, psnr: float, stage: str = "store") -> dict:
        same = {"preset": 4, "quantizer": 40.0, "tools": "default", "frames": 8, "ssim_y": 0.96}
        return {**same, "stage": stage, "bytes": size, "psnr_y": psnr}

    scene = {"index": 0, "preset": 4, "quantizer": 40.0, "tools": "default", "coded_frames": 8, "quality": {"psnr_y": 35.1, "ssim_y": 0.96}}
    attempts = [attempt(900, 34.8), attempt(1000, 35.1), attempt(950, 35.1, "pilot"), attempt(1100, 35.4)]
    assert exhaustive.taken_of({**scene, "attempts": attempts})["bytes"] == 1000
    with pytest.raises(SystemExit, match="none of 2 attempts"):
        exhaustive.taken_of({**scene, "attempts": attempts[2:]})


def test_told_presets_have_the_depth_of_ours_and_codings_are_kept_by_it(clip, tmp_path, monkeypatch):
    assert [kept.depth_of(efforts) for efforts in ([0, 2], [2, 3], [9], [])] == [8, 10, 10, 10]
    asked = []
    monkeypatch.setattr(ladder, "coded", lambda programs, y4m, preset, depth, quantizer: asked.append(depth) or ladder.Coding(quantizer, 1, 1.0, [36.0], [0.96]))
    for depth, frames in ((8, 8), (10, 8), (10, 8), (10, 4)):
        ladder.Clip(clip, frames, depth, tmp_path, tmp_path).coding(6, 40.0)
    assert asked == [8, 10, 10]
    write_y4m(clip, moving(8, 64, 64, seed=5))
    (tmp_path / "again").mkdir()
    monkeypatch.setattr(ladder, "kept_codings", lambda path: pytest.fail("kept") if path.exists() else {})
    ladder.Clip(clip, 8, 10, tmp_path, tmp_path)


@pytest.mark.parametrize("encoder", ["svt-av1:10", "x264:ultrafast", "x265:ultrafast"])
def test_baselines_code_at_the_depth_asked_for_and_are_measured_at_eight_bits(clip, tmp_path, encoder):
    (baseline,) = baselines.parse_baselines(encoder)
    for depth in (8, 10):
        output = tmp_path / f"{depth}.mkv"
        assert baselines.encode_with(baseline, str(clip), str(output), 20, depth) > 0
        with av.open(str(output)) as reader:
            frame = next(reader.decode(video=0))
            assert frame.format.name == kept.pixel_format(depth)
        (planes, *_), (source, *_) = list(rd.planes_of(output)), list(rd.planes_of(clip))
        assert [plane.shape for plane in planes] == [(64, 64), (32, 32), (32, 32)] and {plane.dtype for plane in planes} == {np.dtype(np.uint8)}
        assert np.abs(planes[0].astype(int) - source[0]).mean() < 12
        if depth == 10:
            exact = frame.to_ndarray()[:64].astype(float)
            assert np.abs(planes[0] - exact / 4).max() <= 0.5


def test_searching_encoders_are_asked_for_a_depth(tmp_path, clip, monkeypatch):
    said: list[list[str]] = []

    def run(command, **_):
        said.append(command)
        return type("Done", (), {"returncode": 1, "stdout": "", "stderr": "no"})()

    monkeypatch.setattr(baselines.subprocess, "run", run)
    for depth in (8, 10):
        baselines.encode_with_ab_av1(baselines.Baseline("ab-av1", "8"), str(clip), str(tmp_path / "o.mkv"), "vmaf", 95.0, depth)
        baselines.encode_with_av1an(8, str(clip), str(tmp_path / "o.mkv"), 95.0, depth)
    assert [command[command.index("--pix-format") + 1] for command in said] == ["yuv420p", "yuv420p", "yuv420p10le", "yuv420p10le"]


def test_a_clip_of_ten_bits_has_the_same_frames_shifted(clip, tmp_path):
    deep, plain = tmp_path / "deep.y4m", tmp_path / "plain.y4m"
    rates.convert(clip, deep, 8, 10)
    rates.convert(clip, plain, 8)
    for path, name in ((deep, "yuv420p10le"), (plain, "yuv420p")):
        with av.open(str(path)) as reader:
            assert reader.streams.video[0].format.name == name
    for before, after in zip(rd.planes_of(plain), rd.planes_of(deep), strict=True):
        assert all((a == b).all() for a, b in zip(before, after, strict=True))
