"""VMAF, SSIMULACRA 2 and XPSNR: in `compare` as FFmpeg has them, and as floors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from conftest import FAST, python

import neural_codec
from neural_codec.__main__ import main

# Where `make setup` puts it; tests that need it fail where it is missing.
LIBVMAF = Path(sys.prefix) / "libraries/libvmaf.so.3"


def noted(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    assert LIBVMAF.is_file(), "make setup fetches libvmaf"
    return python(code, **{"NEURAL_CODEC_VMAF": str(LIBVMAF), **environment})


@pytest.fixture(scope="module")
def pair(tmp_path_factory, carphone) -> tuple[Path, Path]:
    """Twelve frames of a clip, and the same coded: files that FFmpeg reads too."""
    folder = tmp_path_factory.mktemp("pair")
    source, coded = folder / "source.y4m", folder / "coded.y4m"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y"]
    subprocess.run([*ffmpeg, "-i", carphone, "-frames:v", "12", "-pix_fmt", "yuv420p", source], check=True)
    neural_codec.encode(source, folder / "coded.nvc", quantizer=45, **FAST)
    neural_codec.decode(folder / "coded.nvc", coded)
    return source, coded


def printed(pair: tuple[Path, Path], graph: str) -> str:
    source, coded = pair
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", source, "-i", coded, "-lavfi", graph, "-f", "null", "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def test_xpsnr_is_what_ffmpeg_prints(pair):
    found = re.search(r"XPSNR\s+y: ([\d.]+)", printed(pair, "[0:v][1:v]xpsnr"))
    metrics = neural_codec.compare(*pair, metrics=["xpsnr"], per_frame=True)
    assert found and metrics.xpsnr_y == pytest.approx(float(found[1]), abs=0.6e-4)
    assert metrics.ssim_y is None and metrics.vmaf is None and metrics.psnr_y is not None
    assert len(metrics.per_frame) == 12 and all(frame.xpsnr_y > 20 for frame in metrics.per_frame)


def test_vmaf_is_what_ffmpeg_prints(pair):
    found = re.search(r"VMAF score: ([\d.]+)", printed(pair, "[1:v][0:v]libvmaf"))
    done = noted(
        "import json, neural_codec\n"
        f"metrics = neural_codec.compare({str(pair[0])!r}, {str(pair[1])!r}, metrics='vmaf', per_frame=True)\n"
        "print(json.dumps([metrics.vmaf, [frame.vmaf for frame in metrics.per_frame], neural_codec.versions()['vmaf']]))"
    )
    assert done.returncode == 0, done.stderr
    vmaf, frames, version = json.loads(done.stdout)
    assert found and vmaf == pytest.approx(float(found[1]), abs=0.6e-6)
    assert np.mean(frames) == pytest.approx(vmaf) and version.startswith("libvmaf ")


def test_without_libvmaf_the_error_names_the_remedy():
    code = "import neural_codec; neural_codec.compare('a', 'a', metrics='vmaf')"
    settings = "import neural_codec; neural_codec.encode(__import__('numpy').zeros((2, 96, 96, 3), 'u1'), fps=25, min_vmaf=90)"
    done = python(settings, NEURAL_CODEC_VMAF="/nowhere/libvmaf.so")
    assert done.returncode != 0 and "MissingLibrary" in done.stderr
    assert all(part in done.stderr for part in ("/nowhere/libvmaf.so", "apt install", "PyPI", "NEURAL_CODEC_VMAF"))
    assert "MissingLibrary" not in python(code, NEURAL_CODEC_VMAF="/nowhere/libvmaf.so").stderr, "a missing file comes first"


def test_ssimulacra2_takes_arrays_and_orders_them(clip):
    noise = np.random.default_rng(0).integers(-30, 31, clip.shape)
    near, far = (np.clip(clip + noise // part, 0, 255).astype(np.uint8) for part in (10, 1))
    scores = [neural_codec.compare(clip, other, metrics=["ssimulacra2"]).ssimulacra2 for other in (clip, near, far)]
    assert scores[0] == 100.0 and scores[0] > scores[1] > scores[2]


def test_metrics_are_named_or_refused(clip):
    with pytest.raises(neural_codec.errors.InvalidArgument, match="butteraugli"):
        neural_codec.compare(clip, clip, metrics="butteraugli")
    with pytest.raises(neural_codec.errors.InvalidType, match="metrics"):
        neural_codec.compare(clip, clip, metrics=[1])


def test_the_command_line_measures_and_meets_a_floor_of_the_clip(pair, tmp_path, capsys):
    assert main(["compare", "--metric", "xpsnr", "--metric", "ssimulacra2,ms_ssim", *map(str, pair)]) == 0
    shown = capsys.readouterr().out
    assert "xpsnr_y: " in shown and "ssimulacra2: " in shown and "ssim_y: " in shown and "vmaf" not in shown
    output = tmp_path / "floor.nvc"
    arguments = ["--min-xpsnr", "36", "--scope", "clip", "--effort", "0", "--json", str(pair[0]), str(output)]
    assert main(["encode", *arguments]) == 0
    report = neural_codec.Report.from_json(capsys.readouterr().out)
    assert report.total.target_met and 36 <= report.total.pooled["xpsnr_y"] < 36.6
    assert report.total.quality.xpsnr_y == report.total.pooled["xpsnr_y"]
