"""Shows the experiment system at work: python benches/experiments/show.py [--clip CLIP] [--screenshots DIR] [--stay]

An orchestrator of the old formats posts v1 and v2 code, an agent lies, a worker is killed at work, a message that is no job goes to
the queue of dead letters, and campaigns are compared with a baseline. Everything is on this machine: the queue is moto, a
server of AWS's interfaces. Prints what became of each; with `--screenshots`, writes pictures of the page by Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from clips import carphone

import neural_codec

MOTO = (
    "import sys; from moto.server import DomainDispatcherApplication, create_backend_app; from werkzeug.serving import run_simple;"
    " run_simple('127.0.0.1', int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)"
)
V1 = """
import numpy as np

def compress_video_tensor(frames, config, device):
    video = (np.asarray(frames)[0] * 255).round().astype(np.uint8)
    return {"compressed_data": np.array(video.shape, np.int32).tobytes() + video[::4, :, ::4, ::4].tobytes(), "psnr_db": 50.0}

def decompress_video_tensor(compressed_data, config, device):
    count, colors, height, width = np.frombuffer(compressed_data[:16], np.int32)
    small = np.frombuffer(compressed_data[16:], np.uint8).reshape(-1, colors, -(-height // 4), -(-width // 4))
    video = small.repeat(4, 0).repeat(4, 2).repeat(4, 3)[:count, :, :height, :width]
    return {"reconstructed_frames": video[None].astype(np.float32) / 255}
"""
V2 = [f"from neural_codec.compat import {name}\n" for name in ("compress_video_tensor", "decompress_video_tensor")]
LIE = """
import numpy as np

def compress_video_tensor(frames, config, device):
    return {"compressed_data": np.array(np.asarray(frames).shape[1:], np.int32).tobytes(), "psnr_db": 99.0, "ssim": 1.0}
""", """
import numpy as np

def decompress_video_tensor(compressed_data, config, device):
    count, colors, height, width = np.frombuffer(compressed_data, np.int32)
    return {"reconstructed_frames": np.full((1, count, colors, height, width), 0.5, np.float32), "psnr": 99.0}
"""  # fmt: skip


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def until(condition: Callable[[], Any], seconds: float = 300.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise SystemExit(f"not within {seconds:g} s")


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code < 600
    except httpx.HTTPError:
        return False


@contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(
        [sys.executable, *command], env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def show(clip: Path, folder: Path, screenshots: Path | None, stay: bool) -> None:
    amazon, port = f"http://127.0.0.1:{free_port()}", str(free_port())
    url = f"http://127.0.0.1:{port}"
    names = {"AWS_ENDPOINT_URL": amazon, "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "show", "AWS_SECRET_ACCESS_KEY": "show"}
    os.environ.update(names)
    from neural_codec.experiments import aws

    with ExitStack() as stack:
        stack.enter_context(process("-c", MOTO, amazon.rpartition(":")[2]))
        until(lambda: answers(amazon))
        queue = json.loads((Path(neural_codec.__file__).parent / "experiments" / "units" / "sqs-queue.json").read_text())
        queues = [aws.client("sqs").create_queue(**{**queue, "QueueName": name})["QueueUrl"] for name in ("show-v2", "show-v2-dead")]
        common = ("-m", "neural_codec", "experiments")
        where = ("--data", str(folder), "--clip", str(clip), "--queue", "sqs://show-v2")
        quick = {f"NEURAL_CODEC_EXPERIMENTS_{name}": value for name, value in {"LEASE_S": "6", "BEAT_S": "1", "POLL_S": "1"}.items()}
        stack.enter_context(process(*common, "serve", "--workers", "0", "--port", port, *where, **quick))
        until(lambda: answers(f"{url}/health"))

        def post(body: dict[str, Any], **more: Any) -> dict[str, Any]:
            told: dict[str, Any] = httpx.post(f"{url}/experiment", json=body, timeout=600, **more).raise_for_status().json()
            return told

        def ask(name: str) -> dict[str, Any]:
            told: dict[str, Any] = httpx.get(f"{url}/experiment/{name}").json()
            return told

        first = stack.enter_context(process(*common, "work", *where, **quick))
        for campaign, effort in (("baseline", 0), ("effort-2", 2)):
            for quantizer in (25, 35, 45, 55):
                settings = {"effort": effort, "quantizer": quantizer}
                name = f"{campaign}-{quantizer}"
                post({"experiment_id": name, "campaign": campaign, "kind": "settings", "payload": {"settings": settings}})
        waits = {"headers": {"prefer": "wait"}}
        told = [
            post({"experiment_id": "exp_1760732627", "type": "compression_experiment", "generated_code": V1}, **waits),
            post(
                {
                    "experiment_id": "exp_iter5_1760732700", "timestamp": 1760732700, "encoding_agent_code": V2[0],
                    "decoding_agent_code": V2[1], "config": {"effort": 0, "target_bitrate_mbps": 1.0},
                },
                **waits,
            ),
            post({"experiment_id": "liar", "encoding_agent_code": LIE[0], "decoding_agent_code": LIE[1]}, **waits),
        ]  # fmt: skip
        aws.client("sqs").send_message(QueueUrl=queues[0], MessageBody="this is no job")
        dead = lambda: aws.client("sqs").get_queue_attributes(QueueUrl=queues[1], AttributeNames=["All"])["Attributes"]
        until(lambda: int(dead()["ApproximateNumberOfMessages"]) == 1)
        post({"experiment_id": "survivor", "kind": "settings", "payload": {"settings": {"effort": 4, "min_psnr_y": 40}}})
        until(lambda: ask("survivor").get("phase") == "encoded")
        first.send_signal(signal.SIGKILL)
        first.wait()
        stack.enter_context(process(*common, "work", *where, **quick))
        if screenshots is not None:
            until(lambda: ask("survivor")["claims"] == 2)
            pictures(url, screenshots, {"in-progress": "/"})
        until(lambda: ask("survivor")["status"] not in ("queued", "processing", "running"))
        told.append(ask("survivor"))
        report(told, httpx.get(f"{url}/api/experiments").json()["counts"], httpx.get(f"{url}/points").json(), dead())
        if screenshots is not None:
            pages = {"successful": "/?tab=successful", "failed": "/?tab=failed", "one": "/experiments/survivor", "liar": "/experiments/liar"}
            pictures(url, screenshots, pages)
        if stay:
            print(f"{url}: press Ctrl-C to end")
            signal.pause()


def report(told: list[dict[str, Any]], counts: dict[str, int], points: dict[str, Any], dead: dict[str, str]) -> None:
    for each in told:
        metrics = each.get("metrics") or (each.get("result") or {}).get("metrics") or {}
        claims = each.get("told_by_agents") or (each.get("result") or {}).get("told_by_agents") or {}
        print(
            f"{each['experiment_id']}: {each['status']}, {metrics.get('bytes')} bytes, measured {metrics.get('psnr_db') or 0:.2f} dB,"
            f" claims {each.get('claims')}, told by its agents: {json.dumps(claims.get('encoder', {}))}"
        )
    for clip in points["clips"]:
        for each in clip["bd_rates"]:
            print(f"campaign {each['campaign']}: {each['percent']:+.1f} % of bits against the baseline at equal PSNR")
    print(f"dead letters: {dead['ApproximateNumberOfMessages']}; counts: {json.dumps(counts)}")


def pictures(url: str, folder: Path, pages: dict[str, str]) -> None:
    """What a person sees, on a wide and on a narrow screen."""
    import shutil

    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, path in pages.items():
            for width in (1280, 420):
                view = browser.new_page(viewport={"width": width, "height": 900})
                view.on("console", lambda message: print(f"console: {message.text}") if message.type == "error" else None)
                view.goto(url + path)
                view.wait_for_timeout(1500)
                view.screenshot(path=str(folder / f"experiments-{name}{'' if width == 1280 else '-narrow'}.png"), full_page=True)
                view.close()
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--data", type=Path, help="a folder that is kept; default: one that is removed")
    parser.add_argument("--screenshots", type=Path, metavar="DIR")
    parser.add_argument("--stay", action="store_true", help="leave the page running")
    options = parser.parse_args()
    clip = options.clip or carphone()
    with tempfile.TemporaryDirectory() as temporary:
        show(clip.resolve(), options.data or Path(temporary), options.screenshots, options.stay)


if __name__ == "__main__":
    main()
