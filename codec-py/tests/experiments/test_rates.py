"""What experiments save against the stored baseline: of the same clip and encoder, at equal quality."""

from __future__ import annotations

import pytest
from neural_codec.experiments.model import Row
from neural_codec.experiments.rates import against, by_clip, curve
from neural_codec.experiments.store import Store
from neural_codec.experiments.wire import job_of


def row(name: str, campaign: str, rate: float, psnr: float, clip: str = "a", encoder: str = "SVT-AV1 4.2.0") -> Row:
    result = {
        "metrics": {"bitrate_mbps": rate, "psnr_db": psnr, "ssim": 0.9, "bytes": 1},
        "clip": {"sha256": clip, "name": f"{clip}.mp4"}, "base_encoder": encoder,
    }  # fmt: skip
    return Row(name, 1, "settings", "completed", {}, 0.0, campaign=campaign, result=result)


CURVE = [(1.0, 30.0), (2.0, 33.0), (4.0, 36.0), (8.0, 39.0)]
BASELINE = [row(f"b{psnr}", "baseline", rate, psnr) for rate, psnr in CURVE]


def test_a_campaign_of_fewer_bits_has_a_negative_delta_rate():
    found = by_clip([*BASELINE, *(row(f"e{psnr}", "better", 0.8 * rate, psnr) for rate, psnr in CURVE)])
    (clip,) = found
    assert [each["campaign"] for each in clip["bd_rates"]] == ["better"]
    assert clip["bd_rates"][0]["percent"] == pytest.approx(-20) and clip["bd_rates"][0]["points"] == 4
    assert all(each["against"] == pytest.approx(-20) for each in clip["experiments"])


def test_only_what_can_be_compared_is():
    other = [row(f"o{psnr}", "", rate, psnr, clip="other") for rate, psnr in CURVE]
    newer = [row(f"n{psnr}", "", rate, psnr, encoder="SVT-AV1 5") for rate, psnr in CURVE]
    clips = {clip["clip"]: clip for clip in by_clip([*BASELINE, *other, *newer])}
    assert set(clips) == {"a", "other"} and clips["other"]["baseline"] == []
    assert all(each["against"] is None for clip in clips.values() for each in clip["experiments"])
    assert all(clip["bd_rates"] == [] for clip in clips.values())


def test_rows_of_a_stores_page_are_compared_as_whole_rows_are(store: Store):
    """Lists have no whole results; which clip and encoder a result is of they have."""
    faster = [row(f"f{psnr}", "faster", 0.8 * rate, psnr) for rate, psnr in CURVE]
    other = [row(f"o{psnr}", "faster", 0.1 * rate, psnr, clip="other") for rate, psnr in CURVE]
    newer = [row(f"n{psnr}", "faster", 0.5 * rate, psnr, encoder="SVT-AV1 5") for rate, psnr in CURVE]
    for each in (*BASELINE, *faster, *other, *newer):
        name = each.experiment_id.replace(".", "_")
        job = job_of({"experiment_id": name, "timestamp": 1, "kind": "settings", "campaign": each.campaign, "payload": {}})
        store.add(job)
        claim = store.claim((name, 1), "w")
        assert claim is not None and store.finish(claim, "completed", each.result, None)
    clips = {clip["clip"]: clip for clip in by_clip(store.page(("completed",)))}
    assert set(clips) == {"a", "other"} and clips["a"]["name"] == "a.mp4" and clips["other"]["baseline"] == []
    (delta,) = clips["a"]["bd_rates"]
    assert delta["campaign"] == "faster" and delta["percent"] == pytest.approx(-20) and clips["other"]["bd_rates"] == []
    assert sum(each["against"] is not None for each in clips["a"]["experiments"]) == len(faster)


def test_between_points_the_logarithm_is_linear_and_outside_there_is_nothing():
    points = [{"bitrate_mbps": rate, "psnr_db": psnr} for rate, psnr in CURVE]
    assert against(points, {"bitrate_mbps": 2**0.5, "psnr_db": 31.5}) == pytest.approx(0)
    assert against(points, {"bitrate_mbps": 1.0, "psnr_db": 41.0}) is None
    assert curve([*points, {"bitrate_mbps": 5.0, "psnr_db": 31.0}]) == CURVE
