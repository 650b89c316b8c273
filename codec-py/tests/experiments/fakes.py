"""Workers that encode nothing: each job is answered by an answer that the test knows, so that what is tried is what is around them."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from typing import Any

from neural_codec.experiments.campaign_model import Campaign, campaign_from
from neural_codec.experiments.decisions import first_choice
from neural_codec.experiments.model import job_from
from neural_codec.experiments.modifier import table_of

PROFILES = {
    f"file:///clips/{name}.mkv": {
        "scene_class": kind, "spatial_information": 50.0, "temporal_information": 9.0, "motion": 0.1, "global_motion": 0.1,
        "changed_blocks": 0.2, "grain": grain, "flatness": 0.3, "hard_edges": 0.1,
    }
    for name, kind, grain in (
        ("a", "static", 0.5), ("b", "moderate_motion", 3.0), ("c", "synthetic", 0.0), ("d", "high_motion", 4.0), ("e", "static", 0.7),
        ("f", "high_motion", 4.0), ("g", "high_motion", 5.0), ("h", "moderate_motion", 6.0), ("i", "moderate_motion", 7.0),
    )
}  # fmt: skip
_ALL = [{"uri": uri} for uri in PROFILES]
CLIPS = _ALL[:5]
# As many as a claim needs, with grain in each.
GRAINY = [_ALL[3], *_ALL[5:]]


def campaign(**more: Any) -> Campaign:
    values = {
        "name": "first", "training": CLIPS[:3], "held_out": CLIPS[3:], "target": {"kind": "min_psnr_y", "value": 38.0},
        "settings": {"effort": 3}, "trials": 4, "planner": "random", **more,
    }  # fmt: skip
    return campaign_from(values)


def factor(job: Any) -> float:
    """What a job's bytes are to those of the baseline: pyramids of 3 levels save where there is grain, and cost elsewhere."""
    payload, profile = job.parsed(), PROFILES[job.clip.uri]
    if job.kind != "rules":
        return 0.97 if payload.settings.get("bit_depth") == 10 else 1.0
    tools = first_choice(payload, profile).tools or {}
    found = 1.0
    if "hierarchical_levels" in tools:
        found *= {3: 0.9, 4: 1.0, 5: 1.05}[tools["hierarchical_levels"]] if profile["grain"] > 2 else {3: 1.1, 4: 1.0, 5: 0.99}[tools["hierarchical_levels"]]
        found *= 1.02 if tools["adaptive_quantization"] == 0 else 1.0
    return found


def result(job: Any, ratio: float, psnr: float = 38.2) -> dict[str, Any]:
    sha256 = hashlib.sha256(job.clip.uri.encode()).hexdigest()
    scene = {"first_frame": 0, "frames": 10, "bytes": 1, "psnr_y": psnr, "ssim_y": 0.95, "profile": PROFILES[job.clip.uri]}
    return {
        "metrics": {"bytes": round(100_000 * ratio), "psnr_db": psnr, "ssim": 0.95, "bitrate_mbps": ratio}, "base_encoder": "fake 1",
        "clip": {"sha256": sha256, "name": job.clip.uri.rpartition("/")[2]}, "encode_cpu_seconds": 2.0, "artefacts": {},
        "least_scene": {"psnr_y": psnr, "ssim_y": 0.95, "spans": "0-10"}, "scenes": [scene], "scene_count": 1, "phases": [],
        "table": table_of(job.payload.get("patch", {}))["hash"],
    }  # fmt: skip


class FakeWorker:
    """Takes jobs of a store in a thread, as long as the block lasts; counts how often each was run."""

    def __init__(self, store: Any, answer: Any = factor, psnr: float = 38.2) -> None:
        self.store, self.answer, self.psnr = store, answer, psnr
        self.runs: Counter[str] = Counter()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> FakeWorker:
        self._hello()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.thread.join(10)

    def _hello(self) -> None:
        self.store.hello("fake", {"version": "1", "began": "", "finished": 0, "running": None})
        self.said = time.monotonic()

    def _work(self) -> None:
        while not self.stopping.wait(0.005):
            if time.monotonic() - self.said > 3:
                self._hello()
            for key in self.store.queued(16):
                claim = self.store.claim(key, "fake")
                if claim is None:
                    continue
                job = job_from(self.store.get(*key).job)
                self.runs[job.experiment_id] += 1
                try:
                    told = result(job, self.answer(job), self.psnr)
                except ValueError as error:
                    self.store.finish(claim, "failed", None, {"kind": "ValueError", "message": str(error)})
                else:
                    self.store.finish(claim, "completed", json.loads(json.dumps(told)), None)
