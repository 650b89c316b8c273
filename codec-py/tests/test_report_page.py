"""The page of a report: everything in one light file, drawn and used in a real browser; the picture of the worst frame."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neural_codec
from neural_codec import _page_data, _pictures
from neural_codec._comparison import comparison
from neural_codec._page import page, write_page
from neural_codec._page_data import Measured, WorstFrame, measured, worst_frames


@pytest.fixture(scope="module")
def encoded(two_scenes, tmp_path_factory) -> tuple[Path, neural_codec.Report]:
    """A page of a clip of two scenes, and its report."""
    folder = tmp_path_factory.mktemp("page")
    source, stream = folder / "clip.mkv", folder / "out.nvc"
    neural_codec.decode(neural_codec.encode(two_scenes, fps=24, quantizer=4, effort=0).data, source)
    report = neural_codec.encode(source, stream, min_psnr_y=34, effort=0)
    found = measured(report, source, stream, ms_ssim=True)
    assert found.notes == [] and set(found.values) == {"psnr_y", "ssim_y"} and len(found.values["psnr_y"]) == 48
    assert found.frame_bytes and [each.frame for each in found.worst] == worst_frames(report, found.values)
    assert Measured.from_json(found.to_json()) == found
    path = folder / "page.html"
    write_page(path, report, found, clip="folder/<b>clip.mkv", command="neural-codec encode '<b>' out.nvc")
    return path, report


def test_a_page_holds_everything_and_asks_nobody(encoded):
    path, report = encoded
    text = path.read_text()
    assert not re.search(r"(?:src|href)=.?(?:https?:)?//", text) and "@import" not in text and "default-src 'none'" in text
    assert "<h1>&lt;b&gt;clip.mkv</h1>" in text and "<b>clip" not in text and "encode &#x27;&lt;b&gt;&#x27; out.nvc" in text
    assert 'PSNR-Y at least 34 dB, in every scene: <b class="met">met' in text
    assert f"{report.total.bytes:,} bytes".replace(",", " ") in text
    data = json.loads(re.search(r'id="report-data">(.*?)</script>', text)[1])
    assert len(data["frames"]) == 48 and [each["floor"] for each in data["series"]] == [34, None, None]
    assert sum(data["series"][-1]["values"]) == 8 * sum(sum(scene.frame_bytes) for scene in neural_codec.info(path.parent / "out.nvc").scenes)
    assert len(data["attempts"]) == sum(len(scene.attempts) for scene in report.scenes)
    assert sum(each["stored"] for each in data["attempts"]) == len(report.scenes)
    # Each sentence once, however many scenes it is about.
    assert all(text.count(html.escape(scene.reason)) == 1 for scene in report.scenes)


def test_a_page_is_drawn_and_used_in_a_browser(encoded, web):
    path, report = encoded
    web.goto(path.as_uri())
    assert web.locator("#along .row canvas").count() == 3 and web.locator(".film button:not(.gone)").count() == 2
    drawn = "c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return d.some((v, i) => i % 4 < 3 && v) }"
    assert all(canvas.evaluate(drawn) for canvas in web.locator("#along canvas, #attempts canvas").all())
    web.locator("#along .row").first.focus()
    for _ in range(3):
        web.keyboard.press("ArrowRight")
    web.locator(".told", has_text="frame 3, scene 0").wait_for()
    attempts = int(web.locator("#attempts").get_attribute("data-points"))
    web.locator("#attempts").focus()
    web.keyboard.press("ArrowRight")
    web.locator("#attempts .tip", has_text="quantizer").wait_for()
    web.get_by_role("button", name="1", exact=True).click()
    assert int(web.locator("#attempts").get_attribute("data-points")) < attempts
    before = web.locator("table.sorts tbody tr").first.inner_text()
    web.get_by_role("button", name="scene", exact=True).click()
    web.get_by_role("button", name="scene", exact=True).click()
    assert web.locator("table.sorts tbody tr").first.inner_text() != before
    web.locator(".pair select").first.select_option("difference")
    web.locator(".pair .legend", has_text="levels of 255").first.wait_for()
    assert web.locator(".pair .stage canvas").first.evaluate(drawn)
    for width in (420, 1280, 1920):
        web.set_viewport_size({"width": width, "height": 900})
        web.wait_for_timeout(100)
        assert web.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"nothing sticks out at {width}"
        if os.environ.get("NEURAL_CODEC_SCREENSHOTS"):
            web.screenshot(path=os.path.join(os.environ["NEURAL_CODEC_SCREENSHOTS"], f"report-{width}.png"), full_page=True)


def test_the_command_line_writes_a_page_with_its_command(encoded, tmp_path):
    target = tmp_path / "page.html"
    command = ["encode", str(encoded[0].parent / "clip.mkv"), str(tmp_path / "out.mkv"), "--effort", "0", "--report", str(target), "--ms-ssim"]
    ran = subprocess.run([sys.executable, "-m", "neural_codec", *command], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    text = target.read_text()
    assert "<h1>clip.mkv</h1>" in text and html.escape("neural-codec " + shlex.join(command)) in text
    assert 'PSNR-Y at least 35 dB, SSIM-Y at least 0.95, in every scene' in text and '"bits a frame"' in text


def test_the_page_of_ten_minutes_is_light(report):
    """120 scenes, 18,000 frames, pictures that no compressor likes."""
    random = np.random.default_rng(0)
    scene, frames = report.scenes[0], 150
    scenes = [dataclasses.replace(scene, index=i, first_frame=i * frames, frames=frames) for i in range(120)]
    total = dataclasses.replace(report.total, frames=18_000, scenes=120)
    values = {"psnr_y": random.normal(38, 2, 18_000).tolist()}
    values |= {name: random.uniform(0.8, 0.99, 18_000).tolist() for name in ("ssim_y", "ms_ssim_y")}
    noise = {index: random.integers(0, 256, (480, 640, 3)).astype(np.uint8) for index in range(3)}
    worst = _page_data._worst([0, 1, 2], noise, {index: picture[::-1] for index, picture in noise.items()}, values)
    assert len(worst) == 3 and all(isinstance(each, WorstFrame) for each in worst)
    thumbnails = _page_data._thumbnails(scenes, {i: noise[0][:54, :96] for i in range(120)})
    assert 20 < len(thumbnails) <= 120
    found = Measured(values, [int(size) for size in random.integers(50, 50_000, 18_000)], worst, thumbnails)
    text = page(dataclasses.replace(report, scenes=scenes, total=total), found)
    print(f"page of ten minutes: {len(text.encode())} bytes")
    assert len(text.encode()) < 1_500_000


def test_what_is_stored_is_shown_with_its_filter(filtered):
    (scene,) = filtered.scenes
    shown = [each for each in _page_data._attempts(scene) if each["stored"]]
    assert [(each["stage"], each["psnr"]) for each in shown] == [("filter", round(scene.quality.psnr_y, 3))]
    plain = dataclasses.replace(scene, filter=dataclasses.replace(scene.filter, verdict="not_worth_its_bytes"))
    assert [each["stage"] for each in _page_data._attempts(plain) if each["stored"]] == ["store"]


def test_longer_clips_have_points_of_several_frames(report):
    values = {"psnr_y": [40.0] * 50_000}
    values["psnr_y"][31_007] = 20.0
    data = _page_data.chart_data(report, Measured(values, [], [], {}))
    assert len(data["frames"]) <= _page_data.MOST_POINTS and min(data["series"][0]["values"]) == 2000


def test_frames_that_are_shown_unevenly_have_numbers_and_no_wrong_times(encoded, tmp_path, web):
    _, report = encoded
    assert not _page_data.rate_varies(report) and "<td class=\"n\" data-sort=\"24\">0:01</td>" in page(report)
    pictures = [Image.fromarray(each) for each in np.random.default_rng(7).integers(0, 255, (12, 64, 80, 3), np.uint8)]
    pictures[0].save(tmp_path / "v.gif", save_all=True, append_images=pictures[1:], duration=[40] * 6 + [1000] * 6)
    report = neural_codec.encode(tmp_path / "v.gif", tmp_path / "v.mkv", effort=0, quantizer=50, scenes=[(0, 4), (4, 12)])
    assert _page_data.rate_varies(report)
    write_page(tmp_path / "page.html", report, measured(report, tmp_path / "v.gif", tmp_path / "v.mkv"))
    text = (tmp_path / "page.html").read_text()
    assert ">frame 4</td>" in text and re.search(r"<b>Frame \d+, scene \d: ", text) and '"fps":null' in text
    web.goto((tmp_path / "page.html").as_uri())
    web.locator("#along .row").first.focus()
    for _ in range(6):
        web.keyboard.press("ArrowRight")
    web.locator(".told", has_text=re.compile("^frame 6, scene 1 ")).wait_for()


def test_what_cannot_be_measured_becomes_a_note(encoded, tmp_path):
    path, report = encoded
    found = measured(report, path.parent / "clip.mkv", tmp_path / "gone.nvc")
    assert len(found.notes) == 3 and found.worst == []
    text = page(report, found)
    assert "Frames were not compared" in text and "gone.nvc" in text


def test_nothing_of_a_stored_report_becomes_markup(report):
    """Types of a record are not looked at when it is read: whatever a field holds is text on the page."""
    evil = "<img src=x onerror=alert(1)>"
    profile = dataclasses.replace(report.scenes[0].profile, scene_class=evil, class_reason=evil)
    shown = 0
    for name in ("index", "preset", "strategy", "tools", "reason", "width", "x"):
        scene = dataclasses.replace(report.scenes[0], profile=profile)
        scene = dataclasses.replace(scene, **({name: evil} if hasattr(scene, name) else {}))
        coded = dataclasses.replace(report.coded, pixel_format=evil, **({"width": evil} if name == "width" else {}))
        stages = {evil: dataclasses.replace(report.total.stages["store"], runs=evil)}
        changed = dataclasses.replace(
            report, scenes=[scene], coded=coded, notes=[evil], settings={evil: evil}, total=dataclasses.replace(report.total, stages=stages)
        )
        worst = WorstFrame(0, 30.0, 0.9, evil if name == "x" else 0, 0, 8, evil, f'data:image/png;"{evil}', evil)  # type: ignore[arg-type]
        try:
            text = page(changed, Measured({}, [], [worst], {"0": evil}), clip=evil, command=evil)
        except (TypeError, ValueError):
            continue
        shown += 1
        assert "<img src=x" not in text, name
    assert shown >= 5


def test_a_png_comes_back_as_it_was_and_smaller():
    y, x = np.mgrid[:90, :130]
    picture = np.stack([x + y, 2 * x, 255 - y], axis=2).astype(np.uint8)
    kept = base64.b64decode(_pictures.png(picture).partition(",")[2])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(kept))), picture) and len(kept) < picture.size / 20


def test_the_worst_places_are_where_frames_differ_and_apart():
    source = np.full((120, 200, 3), 90, np.uint8)
    result = source.copy()
    result[30:40, 150:160] += 60
    result[90:100, 10:20] += 30
    corners = _pictures.worst_places(source, result, 32, 3)
    for (x, y), (inner_x, inner_y) in zip(corners, ((150, 30), (10, 90)), strict=False):
        assert x <= inner_x and inner_x + 10 <= x + 32 and y <= inner_y and inner_y + 10 <= y + 32
    picture = np.asarray(comparison(Image, source, result, "clip", "a note " * 30))
    assert picture.shape[2] == 3 and picture.shape[1] == 3 * 60 + 4 * 16


def test_frames_are_those_of_the_file(encoded, two_scenes):
    path, _ = encoded
    indices = [0, 24, 47, 99]
    found = dict(_pictures.frames_at(path.parent / "clip.mkv", indices))
    assert sorted(found) == indices[:3] and found[24].shape == two_scenes[0].shape
    decoded = _pictures.decoded_at(path.parent / "out.nvc", indices[:3])
    one = neural_codec.decode(path.parent / "out.nvc").video
    assert all(np.array_equal(decoded[index], one[index]) for index in indices[:3])
