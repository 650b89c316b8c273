"""The page in a real browser: it follows what happens, takes keys and narrow screens, and runs nothing that is not its own."""

from __future__ import annotations

import os
import time
from pathlib import Path

import httpx
import pytest
from neural_codec.experiments.model import Row
from neural_codec.experiments.wire import job_of

SETTINGS = {"kind": "settings", "payload": {"settings": {"effort": 0, "quantizer": 40}}}


@pytest.fixture
def page(web):
    """The page in a browser."""
    return web


def shot(page, name: str) -> None:
    folder = os.environ.get("NEURAL_CODEC_SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_a_new_experiment_is_shown_and_followed_without_a_reload(server, page):
    url = server().url
    page.goto(url)
    page.locator("#connection", has_text="live").wait_for()
    httpx.post(f"{url}/experiment", json={"experiment_id": "seen-live", **SETTINGS})
    began = time.monotonic()
    page.locator("#count-in_progress, #count-successful", has_text="1").first.wait_for()
    shown = time.monotonic() - began
    page.locator("#count-successful", has_text="1").wait_for()
    page.get_by_role("link", name="Successful").click()
    page.locator("#live td", has_text="seen-live").wait_for()
    assert "completed" in page.locator("#live tbody").inner_text()
    assert shown < 5, "a second on an idle machine"
    page.locator("#chart canvas").wait_for()
    shot(page, "list")


def test_one_experiment_shows_phases_figures_report_and_downloads(server, page):
    url = server().url
    httpx.post(f"{url}/experiment", params={"wait": "30"}, json={"experiment_id": "one", **SETTINGS}, timeout=40)
    page.goto(f"{url}/experiments/one")
    assert page.locator(".phases li").count() == 9
    assert "psnr_db" in page.locator("dl").nth(1).inner_text()
    page.locator("#chart canvas").wait_for()
    assert page.locator("#along .row canvas").count() == 3 and page.locator("#attempts canvas").count() == 1
    page.locator("#along .row").first.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".told", has_text="frame 1, scene 0").wait_for()
    shot(page, "one")
    with page.expect_download() as download:
        page.get_by_role("link", name="stream", exact=True).click()
    assert download.value.suggested_filename == "stream.nvc"


def test_words_of_agents_are_words_and_never_run(server, services, page):
    attack = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    opened = services()
    opened.store.add(
        job_of({"experiment_id": "x", "encoding_agent_code": attack, "decoding_agent_code": "x", "hypothesis": attack})
    )
    claim = opened.store.claim(opened.store.queued()[0], attack)
    opened.store.finish(claim, "failed", None, {"kind": "JailError", "message": attack})
    started = server(workers=0)
    path = opened.config.data / "page.html"
    path.write_text(f"<h1>stored</h1><script>parent.document.title='taken'</script>{attack}")
    sha256 = opened.artefacts.put(path)
    for place in ("/?tab=failed", "/experiments/x", f"/artefacts/{sha256}?as=page"):
        page.goto(started.url + place)
        page.wait_for_timeout(200)
        assert page.title() != "taken" and (place.startswith("/art") or attack in page.locator("main").inner_text())
    blocked = [
        text
        for text in page.complaints
        if "Blocked script execution" in text or "sandbox" in text or "Content Security Policy" in text or "404" in text
    ]
    assert blocked == page.complaints and blocked
    page.complaints.clear()
    answer = httpx.get(f"{started.url}/experiments/x")
    assert "script-src" not in answer.headers["content-security-policy"] and "<script>document" not in answer.text


def test_the_page_is_usable_by_keys_and_on_a_narrow_screen(server, services, page):
    opened = services()
    for index in range(3):
        opened.store.add(job_of({"experiment_id": f"wait{index}", **SETTINGS, "campaign": "c" * 40}))
    opened.store.open_alert("poison job: " + "x" * 64, "claimed 3 times")
    url = server(workers=0).url
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(url)
    # Rows come after the page.
    page.get_by_text("wait2").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(30):
        page.keyboard.press("Tab")
        if "wait2" in (page.evaluate("document.activeElement.textContent") or ""):
            break
    page.keyboard.press("Enter")
    page.locator("h2", has_text="wait2").wait_for()
    page.go_back()
    page.locator("#live td", has_text="wait0").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out"
    shot(page, "narrow")
    page.get_by_role("searchbox").fill("wait1")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=wait1**")
    assert page.locator("#live tbody tr").count() == 1


def test_ten_thousand_experiments_are_one_light_page(server, services):
    opened = services()
    fill(opened.store, 10_000)
    url = server(workers=0).url
    httpx.get(url)
    times = []
    for query in ("/", "/?tab=successful&order=psnr_db", "/?tab=successful&text=e99"):
        began = time.monotonic()
        answer = httpx.get(url + query)
        times.append(time.monotonic() - began)
        assert answer.status_code == 200 and len(answer.content) <= 200_000
    print(f"page over 10,000 rows: {min(times) * 1000:.0f} ms, {len(answer.content)} bytes")
    assert "10000" in answer.text and min(times) < 5, "half a second on an idle machine"


def fill(store, count: int) -> None:
    """Rows of completed experiments, by one transaction."""
    job = job_of({"experiment_id": "e", **SETTINGS})
    with store._change() as db:
        for index in range(count):
            row = Row(f"e{index}", index, "settings", "completed", {}, float(index))
            db.execute("UPDATE counter SET value = value + 1")
            db.execute(
                "INSERT INTO experiments (experiment_id, timestamp, kind, campaign, state, job, created, revision, bytes, psnr_db, ssim,"
                " bitrate_mbps, phase) VALUES (?, ?, 'settings', '', 'completed', ?, ?, (SELECT value FROM counter), ?, ?, 0.9, ?, 'shown')",
                (
                    row.experiment_id,
                    index,
                    job.model_dump_json(),
                    row.created,
                    index,
                    30 + index % 100 / 10,
                    0.1 + index % 97 / 50,
                ),
            )
