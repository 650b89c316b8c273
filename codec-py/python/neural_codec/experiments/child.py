"""What runs inside the sandbox: gives up every right, reads one request, runs the code, and answers.

It is started as a plain script, with nothing of this package imported, and must not trust the code that it runs: whoever
reads the answer checks it. The answer is one line of JSON, and after it as many bytes as it says.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterable, Iterator
from typing import Any

Answer = tuple[Any, Iterable[bytes]]


def main() -> None:
    request = json.loads(sys.stdin.buffer.readline())
    lock_down(request["limits"], request.get("uid"))
    # What code prints is its log; the answer has a way of its own.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.path[:0] = request.get("packages", [])
    request["ask"] = Asking(answer)
    head, body = {"decide": decide, "encode": encode, "decode": decode}[request["mode"]](request)
    for printed in (sys.stdout, sys.stderr):
        printed.flush()
    answer.write(json.dumps(head, allow_nan=False).encode() + b"\n")
    for piece in body:
        answer.write(piece)
    answer.flush()
    os._exit(0)


def lock_down(limits: dict[str, int], uid: int | None) -> None:
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if 0 in (os.getuid(), os.geteuid(), os.getgid()):
        raise SystemExit("sandbox: still root")


def run(code: str, name: str) -> Any:
    space: dict[str, Any] = {"__name__": "agent"}
    exec(compile(code, name + ".py", "exec"), space)
    if not callable(space.get(name)):
        raise SystemExit(f"agent: expected code that defines {name}, found none")
    return space[name]


class Asking:
    """What code may ask of whoever started the sandbox: one line of JSON there, one line back."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __call__(self, scene: int, choice: Any, frames: Any = None) -> Any:
        asked = {"scene": scene, "choice": choice, "frames": frames}
        self.answer.write(json.dumps({"probe": asked}, allow_nan=False).encode() + b"\n")
        self.answer.flush()
        line = sys.stdin.buffer.readline()
        told = json.loads(line) if line else {"error": "probe: there are no probes here"}
        if "error" in told:
            raise RuntimeError(told["error"])
        return told


def decide(request: dict[str, Any]) -> Answer:
    return run(request["code"], "decide")(request["profiles"], request["target"], request["ask"]), []


def tensor(array: Any, code: str, device: str) -> Any:
    """A tensor of torch where the code speaks of torch and it is there, else the array."""
    if "torch" in code:
        try:
            import torch  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            return array
        return torch.from_numpy(array).to(device)
    return array


def encode(request: dict[str, Any]) -> Answer:
    import numpy as np

    shape = request["shape"]
    video = np.memmap("/in/frames", np.uint8, "r", shape=tuple(shape))
    frames = np.empty((1, shape[0], 3, shape[1], shape[2]), np.float32)
    for index, picture in enumerate(video):
        np.multiply(np.moveaxis(picture, -1, 0), np.float32(1 / 255), out=frames[0, index])
    code, device = request["code"], request["device"]
    given = run(code, "compress_video_tensor")(tensor(frames, code, device), request["config"], device)
    data = given["compressed_data"] if isinstance(given, dict) else given
    if hasattr(data, "tobytes") and not isinstance(data, memoryview):
        data = data.tobytes()
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise SystemExit(f"compressed_data: expected bytes, found {type(data).__name__}")
    data = bytes(data)
    told: dict[str, Any] = {}
    for key, value in given.items() if isinstance(given, dict) else ():
        if isinstance(value, (int, float, str, bool)) and len(told) < 32 and value == value and abs_finite(value):
            told[str(key)[:64]] = value if not isinstance(value, str) else value[:256]
    return {"bytes": len(data), "told": told}, [data]


def abs_finite(value: Any) -> bool:
    return not isinstance(value, float) or abs(value) != float("inf")


def decode(request: dict[str, Any]) -> Answer:
    import numpy as np

    with open("/in/stream", "rb") as file:
        data = file.read()
    code, device = request["code"], request["device"]
    if "torch" in code:
        # Frames come as its tensors only where it was imported before.
        tensor(np.zeros(1, np.float32), code, "cpu")
    given = run(code, "decompress_video_tensor")(data, request["config"], device)
    frames = given["reconstructed_frames"] if isinstance(given, dict) else given
    if hasattr(frames, "detach"):
        frames = frames.detach().cpu().numpy()
    frames = np.asarray(frames)
    if frames.ndim == 5 and frames.shape[0] == 1:
        frames = frames[0]
    if frames.ndim != 4 or frames.shape[1] != 3:
        raise SystemExit(f"reconstructed_frames: expected [1, T, 3, H, W], found {list(frames.shape)}")
    shape = [frames.shape[0], frames.shape[2], frames.shape[3], 3]

    def pictures() -> Iterator[bytes]:
        for frame in frames:
            picture = np.moveaxis(frame, 0, -1)
            if picture.dtype != np.uint8:
                if not np.isfinite(picture).all():
                    raise SystemExit("reconstructed_frames: expected finite values")
                picture = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
            yield np.ascontiguousarray(picture).tobytes()

    tops = given.get("tops_per_frame") if isinstance(given, dict) else None
    told = {"tops_per_frame": tops} if isinstance(tops, (int, float)) and tops == tops and abs_finite(tops) else {}
    return {"shape": shape, "bytes": int(np.prod(shape)), "told": told}, pictures()


if __name__ == "__main__":
    main()
