"""Type hints hold, stubs match the native module, documented code runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import neural_codec
from neural_codec import _native, _settings

ROOT = Path(__file__).resolve().parents[2]


def module(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=folder)


def test_the_package_is_typed(tmp_path):
    found = module("mypy", "--strict", "-p", "neural_codec", folder=tmp_path)
    assert found.returncode == 0, found.stdout
    use = tmp_path / "use.py"
    use.write_text(
        "import neural_codec\n"
        "report: neural_codec.Report = neural_codec.encode('a', quantizer=3)\n"
        "frames: neural_codec.Frames = neural_codec.decode(b'')\n"
        "written: neural_codec.Written = neural_codec.decode(b'', 'a.mkv')\n"
        "neural_codec.encode('a', quantizr=3)  # type: ignore[call-arg]\n"
        "neural_codec.encode('a', effort='fast')  # type: ignore[arg-type]\n"
        "neural_codec.encode('a', on_damage='ignore')  # type: ignore[arg-type]\n"
        "neural_codec.encode('a', strategies=['av1', 'magic'])  # type: ignore[list-item]\n"
        "neural_codec.encode('a', bit_depth=9)  # type: ignore[arg-type]\n"
        "neural_codec.encode('a', effort=3, min_psnr_y=38, strategies='hybrid', on_damage='continue', bit_depth=10, seed=None)\n"
    )
    found = module("mypy", "--strict", str(use), folder=tmp_path)
    assert found.returncode == 0, found.stdout


def test_stubs_match_the_native_module(tmp_path):
    found = module("mypy.stubtest", "neural_codec._native", "--ignore-missing-stub", folder=tmp_path)
    assert found.returncode == 0, found.stdout


def test_what_is_loaded_late_is_what_type_checkers_see():
    for name in neural_codec.__all__:
        assert getattr(neural_codec, name) is not None, name
    source = Path(neural_codec.__file__).read_text()
    seen = re.search(r"if TYPE_CHECKING:\n(.*?)\n\n", source, re.S).group(1)
    imported = {name for line in re.findall(r"import (.*)", seen) for name in line.split(", ")}
    assert imported == set(neural_codec.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        neural_codec.nonsense


def test_settings_for_editors_are_those_of_the_native_module():
    assert list(_settings.SettingArguments.__annotations__) == [name for name, *_ in _native.settings()]


def test_everything_public_is_documented():
    for name in neural_codec.__all__:
        if not name.startswith("__"):
            found = getattr(neural_codec, name)
            assert found.__doc__, name
            members = vars(found).items() if isinstance(found, type) else ()
            public = [member for member, value in members if callable(value) and not member.startswith("_")]
            undocumented = [member for member in public if not getattr(found, member).__doc__]
            assert not undocumented, f"{name}: {undocumented}"


def snippets(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S)


@pytest.mark.parametrize("name", ["docs/PYTHON.md", "docs/ORCHESTRATOR.md", "docs/TARGETS.md", "docs/FAQ.md"])
def test_documented_code_runs(name, tmp_path, carphone):
    code = snippets(ROOT / name)
    assert code, f"{name} has no Python in it"
    shutil.copy(carphone, tmp_path / "clip.mp4")
    text = "\n".join(code)
    found = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert found.returncode == 0, found.stderr


def test_every_kind_of_error_is_explained():
    text = (ROOT / "docs/FAQ.md").read_text()
    named = set(neural_codec.errors.__all__) - {"NeuralCodecError"}
    statuses = re.findall(r"#define (NCODEC_ERROR_\w+) -", (ROOT / "include/neural_codec.h").read_text())
    assert len(statuses) > 10
    assert [name for name in [*named, *statuses] if f"`{name}`" not in text] == []


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def example(name, *arguments, folder, place=ROOT / "examples" / "python") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, place / name, *map(str, arguments)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder, env={**os.environ})
    if found.returncode != 0 and found.stderr.startswith("skipped: "):
        pytest.skip(f"{name}: {found.stderr.strip()}")
    assert found.returncode == 0, found.stderr
    return found


@pytest.mark.parametrize("name", ["encode_decode.py", "camera_stream.py"])
def test_examples_run(name, tmp_path, carphone):
    assert "bytes" in example(name, carphone, folder=tmp_path).stdout


def test_the_example_of_metrics_tells_what_compare_tells(tmp_path, carphone, carphone_stream):
    told = example("metrics.py", carphone, carphone_stream, folder=tmp_path).stdout
    assert f"psnr_y: {neural_codec.compare(carphone, carphone_stream).psnr_y:.4f}" in told


USAGE = {
    "metrics.py": ["a.mp4"],
    **dict.fromkeys(["encode_decode.py", "experiment.py", "experiment_rules.py", "experiment_agent.py", "experiment_campaign.py"], []),
}


@pytest.mark.parametrize("name", USAGE)
def test_examples_say_what_they_take(name, tmp_path):
    command = [sys.executable, ROOT / "examples" / "python" / name, *USAGE[name]]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert found.returncode == 1 and f": {name} " in found.stderr and "Traceback" not in found.stderr, found.stderr


def test_the_example_of_training_trains(tmp_path, carphone_stream):
    told = example("train.py", carphone_stream, folder=tmp_path).stdout
    first, last = (float(number) for number in re.findall(r"(\d\.\d+) at", told))
    assert last < first


def test_the_example_experiment_meets_its_targets_by_its_own_count(tmp_path, carphone):
    result = json.loads(example("experiment.py", carphone, folder=tmp_path).stdout)
    assert result["status"] == "completed" and result["decoding_result"]["tops_per_frame"] < 1.33
    metrics = result["metrics"]
    assert metrics["bitrate_mbps"] <= 1 and metrics["psnr_db"] >= 35 and metrics["ssim"] >= 0.95


def test_the_page_of_profiles_shows_every_scene(tmp_path, carphone):
    example("profiles.py", carphone, folder=tmp_path, place=ROOT / "eval" / "python")
    assert (tmp_path / "out/profiles.html").stat().st_size > 1000
