"""An experiment as an orchestrator's worker runs it: experiment.py VIDEO

The encoding and the decoding agent come as code, each in a name space of its own. What counts is counted here, not taken
from the agents: the bytes, and the quality of frames that a fresh process decodes from them.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import neural_codec

ENCODING_AGENT = "from neural_codec.compat import compress_video_tensor"
DECODING_AGENT = "from neural_codec.compat import decompress_video_tensor"
MOST_FRAMES = 60

IN_A_FRESH_PROCESS = """
import sys
import numpy
namespace = {}
exec(sys.argv[1], namespace)
decoded = namespace["decompress_video_tensor"](open(sys.argv[2], "rb").read(), {}, "cpu")
numpy.save(sys.argv[3], decoded["reconstructed_frames"])
print(decoded["tops_per_frame"])
"""


def clip(path):
    """The first frames of a video as `[1, T, 3, H, W]` floats, and its rate."""
    near_lossless = neural_codec.encode(path, quantizer=1, effort=0)
    video = neural_codec.decode(near_lossless.data).video[:MOST_FRAMES]
    return np.moveaxis(video, -1, 1)[np.newaxis].astype(np.float32) / 255, float(near_lossless.source.frame_rate)


def planes(frames):
    """Each frame as `(y, u, v)`, luma by BT.601 from 16 to 235 as video has it: what is measured is the luma alone.

    Luma from 0 to 255 would come out 1.3 dB lower, 20 log10(255 / 219), for the same pictures.
    """
    gray = np.full((frames.shape[3] // 2, frames.shape[4] // 2), 128, np.uint8)
    for frame in frames[0]:
        luma = np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), frame, 1)
        yield np.rint(16 + 219 * luma).astype(np.uint8), gray, gray


def pictures(frames):
    """All frames as `(T, H, W, 3)`, for the PSNR of R, G and B, which chroma at half resolution lowers."""
    return np.rint(np.moveaxis(frames[0], 1, -1) * 255).astype(np.uint8)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    frames, fps = clip(sys.argv[1])
    seconds = frames.shape[1] / fps
    config = {"fps": fps, "duration": seconds, "target_bitrate_mbps": 1.0, "target_quality_ssim": 0.95, "effort": 2}
    result = {"experiment_id": "example", "status": "running"}

    namespace = {}
    exec(ENCODING_AGENT, namespace)
    start = time.perf_counter()
    encoded = namespace["compress_video_tensor"](frames, config, "cpu")
    result["encoding_result"] = {"seconds": time.perf_counter() - start, "strategy": encoded["strategy"]}

    with tempfile.TemporaryDirectory() as folder:
        stream, decoded = Path(folder, "stream.nvc"), Path(folder, "decoded.npy")
        stream.write_bytes(encoded["compressed_data"])
        command = [sys.executable, "-c", IN_A_FRESH_PROCESS, DECODING_AGENT, str(stream), str(decoded)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        result["decoding_result"] = {"tops_per_frame": float(told)}
        reconstructed = np.load(decoded)
        size = stream.stat().st_size

    measured = neural_codec.compare(planes(frames), planes(reconstructed))
    as_rgb = neural_codec.compare(pictures(frames), pictures(reconstructed))
    result["metrics"] = {
        "bitrate_mbps": size * 8 / seconds / 1e6,
        "compression_ratio": frames[0, :, 0].size * 1.5 / size,
        "psnr_db": measured.psnr_y,
        "ssim": measured.ssim_y,
        "psnr_rgb_db": as_rgb.psnr_rgb,
    }
    result["status"] = "completed"
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
