"""The comparison with other encoders: properties of the delta rate, what is asked for, and one small run from clip to picture."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from conftest import moving

import neural_codec

FOLDER = Path(__file__).resolve().parents[2] / "eval" / "python"
sys.path.insert(0, str(FOLDER))

import bd_rate  # noqa: E402
import tables  # noqa: E402

ANCHOR = [(512.0, 30.2), (1100.0, 33.9), (2300.0, 36.1), (5100.0, 37.7)]
OTHER = [(480.0, 30.9), (990.0, 33.2), (2500.0, 37.0), (4400.0, 38.4)]


def needs(*names: str) -> None:
    for name in names:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is missing: pip install {name}")


def scaled(factor: float) -> list[tuple[float, float]]:
    return [(rate * factor, quality) for rate, quality in ANCHOR]


def test_a_curve_saves_nothing_over_itself():
    assert bd_rate.bd_rate(ANCHOR, ANCHOR) == 0
    assert bd_rate.bd_rate(ANCHOR, ANCHOR[::-1] + ANCHOR[:1]) == 0


@pytest.mark.parametrize("factor", [0.1, 0.8, 1.5, 20])
def test_a_scaled_rate_is_the_answer(factor):
    assert bd_rate.bd_rate(ANCHOR, scaled(factor)) == pytest.approx((factor - 1) * 100)


def test_exchanging_the_curves_inverts_the_ratio():
    there, back = bd_rate.bd_rate(ANCHOR, OTHER), bd_rate.bd_rate(OTHER, ANCHOR)
    assert there < 0 < back
    assert (1 + there / 100) * (1 + back / 100) == pytest.approx(1)


def test_a_published_example_comes_out():
    """x264 against x265 on one clip (videonerd.website/how-compute-bd-rate): -12.098 % by a single cubic polynomial, which
    differs a little from a piecewise one."""
    x264 = list(zip([9.525, 14.27, 19.113, 24.393], [37.73, 39.07, 40.07, 40.95], strict=True))
    x265 = list(zip([8.914, 13.33, 17.88, 22.99], [37.02, 38.37, 39.42, 40.35], strict=True))
    assert bd_rate.bd_rate(x265, x264) == pytest.approx(-12.098, abs=0.05)


def test_the_bjontegaard_package_agrees():
    needs("bjontegaard")
    import bjontegaard

    random = np.random.default_rng(3)
    for _ in range(50):
        a, b = ((np.cumsum(random.uniform(50, 900, 5)), 30 + np.cumsum(random.uniform(1, 2, 5))) for _ in "ab")
        expected = bjontegaard.bd_rate(*a, *b, method="pchip", min_overlap=0)
        assert bd_rate.bd_rate(list(zip(*a, strict=True)), list(zip(*b, strict=True))) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("curve", "why"),
    [
        ([(1.0, 40.0), (2.0, 41.0), (3.0, 42.0), (4.0, 43.0)], "no overlap"),
        ([(1.0, 37.6), (2.0, 41.0), (3.0, 42.0), (4.0, 43.0)], "no overlap"),
        (ANCHOR[:3], "3 points"),
        ([ANCHOR[0]] * 4, "1 point"),
        ([], "0 points"),
        ([(1.0, 30.0), (2.0, 35.0), (3.0, 34.0), (4.0, 37.0)], "not rising"),
        ([(1.0, 30.0), (2.0, 35.0), (2.0, 36.0), (4.0, 37.0)], "not rising"),
        ([(0.0, 30.0), (2.0, 34.0), (3.0, 35.0), (4.0, 37.0)], "not finite"),
        ([(1.0, 30.0), (2.0, 34.0), (3.0, 35.0), (4.0, math.inf)], "not finite"),
    ],
)
def test_curves_that_cannot_be_compared_say_why(curve, why):
    for anchor, test in [(ANCHOR, curve), (curve, ANCHOR)]:
        with pytest.raises(bd_rate.NotComparable, match=f"^{why}$"):
            bd_rate.bd_rate(anchor, test)


def curve(clip: str, encoder: str, label: str, factor: float, cpu: float, up: float = 0) -> list[tables.Point]:
    return [
        tables.Point(clip, encoder, label, "", 1, rate * factor, q + up, q + up, 1 - 10 ** (-(q + up) / 20), cpu, cpu)
        for rate, q in ANCHOR
    ]


def test_means_over_clips_are_geometric_and_leave_out_what_does_not_overlap():
    points = curve("a", "ours", "effort 5", 0.5, 4) + curve("b", "ours", "effort 5", 2, 1)
    points += curve("a", "x265", "x265:slow", 1, 1) + curve("b", "x265", "x265:slow", 1, 1)
    a, b, both = tables.comparisons(points)
    assert a.rates == pytest.approx(dict.fromkeys(tables.METRICS, -50)) and a.cpu == 4
    assert b.rates == pytest.approx(dict.fromkeys(tables.METRICS, 100))
    assert both.rates == pytest.approx(dict.fromkeys(tables.METRICS, 0), abs=1e-9) and both.cpu == 2
    points = points[:-4] + curve("b", "x265", "x265:slow", 1, 1, up=9)
    text = tables.curve_tables(points)
    assert "| b | effort 5 | x265:slow | no overlap | no overlap | no overlap | x 1.00 |" in text
    assert "| all clips (2) | effort 5 | x265:slow | -50.0 % (of 1) |" in text


def test_the_svt_av1_of_equal_time_is_named():
    points = curve("a", "ours", "effort 5", 1, 4)
    for preset, factor, cpu in [("8", 2, 1), ("4", 1.25, 3.8), ("2", 0.9, 20)]:
        points += curve("a", "svt-av1", f"svt-av1:{preset}", factor, cpu)
    (line,) = tables.equal_time_lines(tables.comparisons(points))
    assert "svt-av1:4 (ours takes x 1.05): psnr_y -20.0 %" in line
    (line,) = tables.equal_time_lines(tables.comparisons(points[:8]))
    assert "svt-av1:8 (ours takes x 4.00, no nearer preset was given)" in line


def test_baselines_are_parsed_with_their_presets():
    needs("av")
    import baselines

    found = baselines.parse_baselines("svt-av1,svt-av1:4, x265:slow,x264,")
    assert [baseline.name for baseline in found] == ["svt-av1:6", "svt-av1:4", "x265:slow", "x264:medium"]
    assert baselines.parse_baselines("") == []
    for text in ["vp9", "svt-av1:slow", "svt-av1:14", "x265:", "x264:4", "svt-av1,svt-av1:6", ":4"]:
        with pytest.raises(ValueError, match="^baselines: expected"):
            baselines.parse_baselines(text)


def test_ab_av1_that_cannot_run_says_why(tmp_path, monkeypatch):
    needs("av")
    import baselines

    def program(name: str, prints: str = "") -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\ncat <<'END'\n{prints}\nEND\n")
        (tmp_path / name).chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{no_programs(tmp_path)}")
    assert baselines.ab_av1_score() == (None, "no ab-av1 on the PATH (cargo install ab-av1)")
    program("ab-av1", "      --min-xpsnr <MIN_XPSNR>")
    assert baselines.ab_av1_score() == (None, "no ffmpeg on the PATH")
    program("ffmpeg")
    program("ffprobe")
    assert baselines.ab_av1_score() == (None, "this ffmpeg has no libsvtav1")
    program("ffmpeg", " V..... libsvtav1  SVT-AV1\n ... vmafmotion        V->V       Motion score.")
    assert baselines.ab_av1_score() == (None, "this ffmpeg has neither libvmaf nor xpsnr")
    program("ffmpeg", " V..... libsvtav1  SVT-AV1\n .. libvmaf           VV->V      VMAF.")
    assert baselines.ab_av1_score() == ("vmaf", "")
    program("ffmpeg", " V..... libsvtav1  SVT-AV1\n T. xpsnr             VV->V      XPSNR.")
    assert baselines.ab_av1_score() == ("xpsnr", "")
    program("ab-av1", "      --min-vmaf <MIN_VMAF>")
    assert baselines.ab_av1_score() == (None, "this ffmpeg has xpsnr alone, for which this ab-av1 is too old")


def no_programs(folder: Path) -> Path:
    """A folder with nothing but what the fake drivers need."""
    (folder / "bin").mkdir()
    (folder / "bin" / "cat").symlink_to("/bin/cat")
    return folder / "bin"


def test_the_metrics_of_a_clip_come_from_its_scenes():
    needs("av")
    import rd

    random = np.random.default_rng(5)
    planes = [(32, 48), (16, 24), (16, 24)]
    reference = [tuple(random.integers(0, 256, size, np.uint8) for size in planes) for _ in range(7)]
    noise = [tuple(np.clip(p + random.normal(0, 1 + 3 * t, p.shape), 0, 255).astype(np.uint8) for p in frame)
             for t, frame in enumerate(reference)]  # fmt: skip
    noise[1] = reference[1]
    whole = rd.quality(neural_codec.compare(iter(reference), iter(noise)))
    parts = [neural_codec.compare(iter(reference[a:b]), iter(noise[a:b])) for a, b in [(0, 1), (1, 2), (2, 5), (5, 7)]]
    joined = rd.joined(parts)
    assert (joined.psnr_y, joined.psnr_yuv, joined.ssim_y) == pytest.approx((whole.psnr_y, whole.psnr_yuv, whole.ssim_y))


def test_quantizers_are_spread_over_the_wanted_range():
    needs("av")
    import rd

    known = {20: 44.0, 40: 36.0, 48: 33.0}
    assert rd.estimated_quantizer(known, 40, range(1, 64)) == 30
    assert rd.estimated_quantizer(known, 30, range(1, 64)) == 56
    assert rd.estimated_quantizer(known, 10, range(1, 64)) == 63
    assert rd.spread(20, 60, range(1, 64), 5) == [20, 30, 40, 50, 60]
    assert rd.spread(63, 63, range(1, 64), 5) == [59, 60, 61, 62, 63]
    assert rd.spread(1, 2, range(1, 64), 5) == [1, 2, 3, 4, 5]


def test_a_small_run_gives_tables_and_pictures(tmp_path):
    needs("av", "matplotlib")
    clip = tmp_path / "tiny.y4m"
    write_y4m(clip, moving(8, 64, 64, seed=4))
    arguments = [str(clip), "--effort", "0", "--baselines", "x264:ultrafast,svt-av1:8", "--output", str(tmp_path / "out")]
    found = subprocess.run(
        [sys.executable, str(FOLDER / "rd.py"), *arguments, "--curves", "--points", "min_psnr_y=30,33,36,39"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    text = (tmp_path / "out" / "rd.md").read_text()
    assert text in found.stdout and text.startswith("First 300 frames; baselines at 8 bits; neural-codec ")
    assert (tmp_path / "out" / "tiny.svt-av1-8.8-bit.mkv").exists()
    assert "| tiny | ours | effort 0 |" in text and "| tiny | effort 0 | x264:ultrafast |" in text
    assert "- tiny, effort 0 at equal processor time: svt-av1:8 (" in text
    points = json.loads((tmp_path / "out" / "curves.json").read_text())
    assert len([p for p in points if p["encoder"] == "ours"]) >= 4
    assert len([p for p in points if p["label"] == "x264:ultrafast"]) == 5
    for metric in tables.METRICS:
        picture = ElementTree.parse(tmp_path / "out" / f"tiny.{metric}.svg").getroot()
        assert picture.tag.endswith("svg") and len(list(picture.iter())) > 50
    assert not list((tmp_path / "out").glob("*.y4m"))


def test_without_matplotlib_curves_say_what_to_install(tmp_path):
    needs("av")
    (tmp_path / "matplotlib.py").write_text("raise ImportError")
    found = subprocess.run(
        [sys.executable, str(FOLDER / "rd.py"), "any.mp4", "--curves", "--baselines", "x264"],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert found.returncode == 1 and "pip install matplotlib" in found.stderr


def write_y4m(path: Path, frames: np.ndarray) -> None:
    """The first channel as luma, without color."""
    _, height, width, _ = frames.shape
    chroma = bytes([128]) * (height // 2 * (width // 2) * 2)
    header = f"YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(header + b"".join(b"FRAME\n" + frame[:, :, 0].tobytes() + chroma for frame in frames))


def test_the_picture_of_the_readme_shows_the_numbers_of_the_benchmarks():
    import csv

    import floor_picture

    images = FOLDER.parents[1] / "docs" / "images"
    rows = list(csv.DictReader((images / "floor.tsv").read_text().splitlines(), delimiter="\t"))
    assert (images / "floor.svg").read_text() == floor_picture.svg(rows)
    page = (FOLDER.parents[1] / "docs" / "BENCHMARKS.md").read_text()
    for row in rows:
        sizes = [f"{int(row[name]):,}" for name in floor_picture.ENCODERS]
        line = next(line for line in page.splitlines() if line.startswith(f"| {row['clip']} | "))
        assert all(f"| {size} " in line for size in sizes), line
