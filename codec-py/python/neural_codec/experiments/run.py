"""One experiment from its clip to its result. Nothing that an agent says is taken for a measurement."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neural_codec

from .. import _native
from .._jobs import STOP
from .._page import page
from .._page_data import measured
from ..records import FrameValues, Report
from . import ExperimentError, links, measure
from .decisions import apply_decisions, check, decide
from .jail import Call, Limits, call
from .model import CompatPayload
from .offered import offered_packages
from .profiles import profiles_of
from .services import Run


# Pictures of the worst frames cost a pass over the clip: what is encoded in less time than this goes without.
PICTURES_FROM_S = 5.0
# So many scenes of a clip are told in its row; all are in the report that is kept beside.
MOST_SCENES = 64
# Of what an agent says of itself.
MOST_TOLD = 32


@dataclass(frozen=True)
class Made:
    """What an encode and its decode left in the scratch folder."""

    figures: dict[str, Any]
    files: dict[str, Path]
    encoding: dict[str, Any]
    decoding: dict[str, Any]
    details: dict[str, Any]


def run(run: Run, folder: Path) -> dict[str, Any]:
    """Runs an experiment and gives its result; its artefacts are kept before it returns."""
    if run.job.kind == "test":
        return {"type": "test", "answer": "ok", "worker": run.claim.worker, "message": run.job.payload.get("message", {})}
    began, cpu = time.monotonic(), time.process_time()
    STOP.set(run.stop)
    with run.step("received"):
        check(run.job)
    with run.step("downloaded"):
        clip, sha256 = run.services.clips.find(run.job.clip)
        key = links.key_of(run.job, sha256)
        known = None if run.job.fresh else links.find(run.services, key)
    if known is not None:
        return {**known, "phases": run.phases, "worker": run.claim.worker}
    made = _agents(run, folder, clip) if run.job.kind == "compat" else _decided(run, folder, clip, sha256)
    kept: dict[str, dict[str, Any]] = {}
    # Each waits for the disk or the network: all at once they wait once.
    with ThreadPoolExecutor(len(made.files)) as pool:
        put = {name: pool.submit(run.services.artefacts.put, path) for name, path in made.files.items()}
        for phase, names in (("video", ("video", "stream")), ("decoder", ("decoder", "encoder")), ("stored", tuple(made.files))):
            with run.step(phase):
                for name in (each for each in names if each in put and each not in kept):
                    path = made.files[name]
                    kept[name] = {"sha256": put[name].result(), "bytes": path.stat().st_size, "name": path.name}
    links.remember(run.services, key, run.job)
    run.phases.append({"phase": "shown", "began": run.phases[-1]["ended"], "ended": run.phases[-1]["ended"]})
    return {
        "metrics": made.figures,
        "encoding_result": {**made.encoding, "compressed_data": kept["stream"]},
        "decoding_result": {
            **made.decoding,
            "reconstructed_video": kept["video"],
            "quality_metrics": {"psnr": made.figures["psnr_db"], "ssim": made.figures["ssim"]},
        },
        "artefacts": kept,
        "key": key,
        "clip": {"sha256": sha256, "name": clip.name},
        "phases": run.phases,
        "worker": run.claim.worker,
        "versions": {"neural_codec": neural_codec.__version__, "python": sys.version.split()[0]},
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time() - cpu,
        **made.details,
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    return work(), time.monotonic() - began


def _decided(run: Run, folder: Path, clip: Path, sha256: str) -> Made:
    """The kinds whose decisions the library carries out."""
    stream, video, report_file = folder / "stream.nvc", folder / "video.mkv", folder / "report.json"
    settings = getattr(run.job.parsed(), "settings", {})
    profiles = functools.partial(profiles_of, clip, sha256, run.services.config.data / "profiles", settings)
    with run.step("encoded"):
        found = decide(run.job, profiles, lambda: run.stopped, clip)
        report, seconds = _timed(lambda: apply_decisions(clip, found.decisions, run.job, stream))
    # Who decides over scenes does not decide over which frames a floor is measured.
    spans = [(each.first_frame, each.frames) for each in report.scenes]
    if run.job.kind == "agent":
        spans = [(each["first_frame"], each["frames"]) for each in profiles()]
    with run.step("decoded"):
        _, decoding = _timed(lambda: measure.decode_fresh(stream, video, lambda: run.stopped))
    with run.step("measured"):
        figures, frames = measure.of_stream(clip, stream, video)
        pages = _pages(folder, report, clip, stream, frames)
    files = {"stream": stream, "video": video, "report": report_file, **pages}
    report_file.write_text(report.to_json())
    if run.job.kind == "agent":
        files["encoder"] = folder / "agent.py"
        files["encoder"].write_text(run.job.payload["code"])
    if found.log:
        files["log"] = folder / "log.txt"
        files["log"].write_text(found.log)
    details = {
        "decisions": json.loads(found.decisions.model_dump_json(exclude_none=True)),
        "target_met": report.total.target_met,
        "base_encoder": report.base_encoder,
        "table": (report.settings.get("defaults") or {}).get("hash") or _compiled_table(),
        # To look is part of the work: what is found by probes costs them each time.
        "encode_cpu_seconds": report.total.cpu_seconds + found.probe_cpu_seconds,
        "probe_cpu_seconds": found.probe_cpu_seconds,
        **_scenes(report, frames, spans),
    }
    return Made(figures, files, {"device_used": "cpu", "seconds": seconds}, {"seconds": decoding}, details)


@functools.cache
def _compiled_table() -> str:
    """The hash of the table of constants that is compiled in."""
    found: str = json.loads(_native.defaults("none"))["hash"]
    return found


def _scenes(report: Report, frames: list[FrameValues], spans: list[tuple[int, int]]) -> dict[str, Any]:
    """The least of the scenes that a floor is measured over, and the first scenes that were encoded with what they look like."""
    shown = zip(measure.of_scenes(report, frames)[:MOST_SCENES], report.scenes, strict=False)
    scenes = [{**each, "profile": scene.profile.to_dict()} for each, scene in shown]
    return {"least_scene": least_over(spans, frames), "scenes": scenes, "scene_count": len(report.scenes)}


def least_over(spans: list[tuple[int, int]], frames: list[FrameValues]) -> dict[str, Any]:
    """The least mean of any span, given as first frame and number of frames, with `spans`, a hash that names them.

    A value is None where all frames are lossless. Raises ExperimentError where a span has no frames.
    """
    scenes = [frames[first : first + number] for first, number in spans]
    if not all(scenes):
        raise ExperimentError(f"scenes: expected frames of each of {len(spans)} scenes, found {len(frames)} frames")
    least: dict[str, Any] = {"spans": hashlib.sha256(json.dumps(spans).encode()).hexdigest()[:16]}
    for name in ("psnr_y", "ssim_y"):
        values = [[value for frame in scene if (value := getattr(frame, name)) is not None] for scene in scenes]
        least[name] = min((sum(each) / len(each) for each in values if each), default=None)
    return least


def _pages(folder: Path, report: Report, clip: Path, stream: Path, frames: list[FrameValues]) -> dict[str, Path]:
    """The page of the report, and what its charts are drawn from."""
    found = measured(report, clip, stream, frames=frames, pictures=report.total.seconds >= PICTURES_FROM_S)
    path, charts = folder / "report.html", folder / "charts.json"
    path.write_text(page(report, found, clip=clip.name), encoding="utf-8")
    charts.write_text(found.to_json(indent=None))
    return {"page": path, "charts": charts}


def _agents(run: Run, folder: Path, clip: Path) -> Made:
    """The old formats: code that encodes, and code that decodes, which sees the stream and nothing else."""
    payload = run.job.parsed()
    assert isinstance(payload, CompatPayload)
    config, budget = run.services.config, run.job.budget
    frames, stream, raw = folder / "frames", folder / "stream.bin", folder / "decoded"
    with run.step("encoded"):
        shape, fps = measure.source_frames(clip, frames, config.most_frame_bytes, lambda: run.stopped)
        size = frames.stat().st_size
        frames.chmod(0o644)
        limits = Limits(
            wall_s=budget.wall_s, cpu_s=budget.cpu_s, disk_bytes=min(4 << 30, max(256 << 20, size)), processes=64,
            memory_bytes=min(budget.memory_mb, config.agent_memory_mb) << 20, output_bytes=size,
        )  # fmt: skip
        told = {
            "fps": fps,
            "duration": shape[0] / fps,
            "resolution": [shape[2], shape[1]],
            **payload.config.model_dump(exclude_none=True),
        }
        common = {"config": told, "device": payload.device}
        packages, gpu = offered_packages(), run.job.needs.gpu or payload.device == "cuda"
        request = {"mode": "encode", "code": payload.encoder, "shape": list(shape), **common}
        asked = Call(request, limits, {"/in/frames": frames}, packages, gpu, stream)
        encoded, encoding = _timed(lambda: call(asked, lambda: run.stopped))
    with run.step("decoded"):
        stream.chmod(0o644)
        request = {"mode": "decode", "code": payload.decoder, **common}
        asked = Call(request, limits, {"/in/stream": stream}, packages, gpu, raw)
        decoded, decoding = _timed(lambda: call(asked, lambda: run.stopped))
        if decoded.get("shape") != list(shape) or raw.stat().st_size != size:
            raise neural_codec.errors.InvalidArgument(
                f"reconstructed_frames: expected {list(shape)} of frames, height, width and colors, found {str(decoded.get('shape'))[:80]}"
            )
    with run.step("measured"):
        # A decoder may hold pictures in its code: every byte of it is a byte of the stream.
        code_bytes, stream_bytes = len(payload.decoder.encode()), stream.stat().st_size
        before, after = measure.frames_in(frames, shape), measure.frames_in(raw, shape)
        figures = measure.of_frames(before, after, fps, stream_bytes + code_bytes)
        figures |= {"stream_bytes": stream_bytes, "decoder_bytes": code_bytes}
    video = folder / "video.npy"
    _write_npy(video, raw, shape)
    files = {"stream": stream, "video": video}
    for name, text in (("decoder", payload.decoder), ("encoder", payload.encoder), ("log", encoded["log"] + decoded["log"])):
        if text:
            files[name] = folder / ("log.txt" if name == "log" else f"{name}.py")
            files[name].write_text(text)
    told_by = {"encoder": scalars_of(encoded.get("told")), "decoder": scalars_of(decoded.get("told"))}
    report = folder / "report.json"
    report.write_text(json.dumps({"metrics": figures, "told": told_by}))
    # What agents say of themselves is kept apart, under a name that says so.
    details = {"told_by_agents": told_by}
    device = {"device_used": payload.device, "seconds": encoding}
    return Made(figures, {**files, "report": report}, device, {"seconds": decoding}, details)


def scalars_of(told: Any) -> dict[str, str | int | float | bool]:
    """What of an agent's words is kept: the first scalars under short names, text cut. The sandbox answers as its code likes."""
    found: dict[str, str | int | float | bool] = {}
    for key, value in told.items() if isinstance(told, dict) else ():
        if isinstance(value, str):
            value = value[:256]
        if isinstance(value, (str, float)) or (isinstance(value, int) and abs(value) < 1 << 53):
            found[key[:64]] = value
        if len(found) == MOST_TOLD:
            break
    return found


def _write_npy(path: Path, raw: Path, shape: tuple[int, ...]) -> None:
    import shutil

    from numpy.lib import format as npy

    with open(path, "wb") as file, open(raw, "rb") as frames:
        npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        shutil.copyfileobj(frames, file, 1 << 20)
