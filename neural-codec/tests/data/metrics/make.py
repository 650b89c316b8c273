"""Writes expected.tsv and bd_rate.tsv: what other people's tools say about pictures made by formula.

The formulas are repeated in tests/metrics_oracles.rs, so no picture is stored. Run with scikit-image,
pytorch-msssim, bjontegaard and numpy installed and `ffmpeg` on the path:
    python make.py
"""

import pathlib
import re
import subprocess
import tempfile
import warnings

import bjontegaard
import numpy as np
import torch
from pytorch_msssim import ms_ssim
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

HERE = pathlib.Path(__file__).parent
# name, kind, layout, bits, width, height, frames, noise, quantum
CASES = [
    ("even", "textured", "yuv420p", 8, 64, 48, 3, 6, 1),
    ("odd", "textured", "yuv420p", 8, 33, 21, 4, 9, 4),
    ("smallest", "textured", "yuv420p", 8, 11, 11, 2, 20, 1),
    ("too_small", "textured", "yuv420p", 8, 10, 40, 2, 3, 1),
    ("tall", "textured", "yuv420p", 8, 17, 300, 1, 5, 8),
    ("wide", "textured", "yuv420p", 8, 700, 13, 1, 4, 1),
    ("five_scales_even", "textured", "yuv420p", 8, 352, 288, 2, 12, 16),
    ("five_scales_odd", "textured", "yuv420p", 8, 179, 181, 2, 7, 1),
    ("five_scales_noisy", "textured", "yuv420p", 8, 270, 200, 1, 120, 1),
    ("ten_bits", "textured", "yuv420p10", 10, 208, 177, 2, 25, 8),
    ("one_step", "textured", "yuv420p10", 10, 256, 192, 2, 1, 1),
    ("dark", "flat", "yuv420p", 8, 192, 180, 1, 1, 1),
    ("dark_ten_bits", "flat", "yuv420p10", 10, 192, 180, 1, 2, 1),
    ("tall_chroma", "textured", "yuv422p", 8, 61, 47, 2, 6, 2),
    ("full_chroma", "textured", "yuv444p10", 10, 45, 39, 2, 14, 4),
    ("rgb", "textured", "gbrp", 8, 50, 30, 3, 8, 1),
]


def mix(value):
    """A 32-bit hash: multiply, shift, multiply, shift."""
    value = (value * 1664525 + 1013904223) & 0xFFFFFFFF
    value ^= value >> 15
    value = (value * 2246822519) & 0xFFFFFFFF
    return value ^ (value >> 13)


def source_plane(kind, plane, frame, width, height, peak):
    y, x = np.mgrid[0:height, 0:width].astype(np.uint64)
    if kind == "flat":
        return np.full((height, width), peak // 16, np.int64)
    ramp = (x + 2 * y + 5 * frame + 31 * plane) % 192
    ramp = np.minimum(ramp, 192 - ramp) * peak // 192
    steps = (x // 13 + y // 9 + plane) % 3 * peak // 8
    grain = mix((x + 4099 * y + 1000003 * frame + 7919 * plane) & 0xFFFFFFFF) % (peak // 8 + 1)
    textured = (x // 32 + y // 32) % 2
    return (ramp + steps + grain * textured).astype(np.int64)


def decoded_plane(source, plane, frame, noise, quantum, peak):
    height, width = source.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.uint64)
    value = source // quantum * quantum + quantum // 2
    random = mix((77 + 8209 * x + 3 * y + 500009 * frame + 104729 * plane) & 0xFFFFFFFF)
    value = value + (random % (2 * noise + 1)).astype(np.int64) - noise
    return np.clip(value, 0, peak)


def plane_sizes(layout, width, height):
    across, down = (width + 1) // 2, (height + 1) // 2
    if "420" in layout:
        return [(width, height), (across, down), (across, down)]
    if "422" in layout:
        return [(width, height), (across, height), (across, height)]
    return [(width, height)] * 3


def ffmpeg_average(case, clips):
    """The PSNR filter's average over the clip, frames paired by index."""
    _, _, layout, bits, width, height, _, _, _ = case
    pixels = layout + ("le" if bits > 8 else "")
    kind = np.uint8 if bits == 8 else "<u2"
    with tempfile.TemporaryDirectory() as folder:
        inputs = []
        for name, clip in zip(("decoded", "source"), reversed(clips)):
            path = f"{folder}/{name}.yuv"
            with open(path, "wb") as file:
                for planes in clip:
                    for plane in planes:
                        file.write(plane.astype(kind).tobytes())
            inputs += ["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{width}x{height}", "-i", path]
        graph = "[0:v]setpts=N[a];[1:v]setpts=N[b];[a][b]psnr"
        log = subprocess.run(
            ["ffmpeg", "-hide_banner", *inputs, "-lavfi", graph, "-f", "null", "-"],
            capture_output=True, text=True, check=True,
        ).stderr
    return float(re.search(r"PSNR .*average:([\d.]+)", log).group(1))


def mean(values):
    return repr(float(np.mean(values)))


def expected(case):
    name, kind, layout, bits, width, height, frames, noise, quantum = case
    peak = (1 << bits) - 1
    source, decoded = [], []
    for frame in range(frames):
        planes = [
            source_plane(kind, plane, frame, w, h, peak)
            for plane, (w, h) in enumerate(plane_sizes(layout, width, height))
        ]
        source.append(planes)
        decoded.append([decoded_plane(p, i, frame, noise, quantum, peak) for i, p in enumerate(planes)])
    if layout.startswith("gbrp"):
        value = peak_signal_noise_ratio(np.array(source), np.array(decoded), data_range=peak)
        return ["null", "null", repr(float(value)), "null", "null"]
    pairs = [(s[0].astype(np.float64), d[0].astype(np.float64)) for s, d in zip(source, decoded)]
    psnr_y = mean([peak_signal_noise_ratio(s, d, data_range=peak) for s, d in pairs])
    psnr_yuv = repr(ffmpeg_average(case, (source, decoded)))
    ssim_y = ms_ssim_y = "null"
    if min(width, height) >= 11:
        options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=peak)
        ssim_y = mean([structural_similarity(s, d, **options) for s, d in pairs])
    if min(width, height) >= 176:
        tensors = [[torch.from_numpy(p)[None, None] for p in pair] for pair in pairs]
        ms_ssim_y = mean([ms_ssim(s, d, data_range=peak).item() for s, d in tensors])
    return [psnr_y, psnr_yuv, "null", ssim_y, ms_ssim_y]


# name, (rate, quality) of the anchor, of the test
CURVES = [
    ("parallel", [(1000, 32), (2000, 35), (4000, 38), (8000, 41)], [(900, 32), (1800, 35), (3600, 38), (7200, 41)]),
    ("bent", [(512, 30.2), (1100, 33.9), (2300, 36.1), (5100, 37.7)], [(480, 30.9), (990, 33.2), (2500, 37.0), (4400, 38.4)]),
    ("knee", [(100, 20.0), (110, 29.0), (900, 29.5), (1000, 38.0)], [(95, 21.0), (130, 27.0), (700, 31.5), (1500, 37.0)]),
    ("many", [(10, 0.81), (21, 0.88), (39, 0.92), (88, 0.955), (170, 0.97), (400, 0.981)],
     [(11, 0.80), (19, 0.885), (44, 0.931), (81, 0.95), (150, 0.969)]),
    ("little_overlap", [(100, 30), (200, 33), (400, 35), (800, 36)], [(700, 35.5), (1500, 38), (3000, 40), (6000, 41)]),
]


def curve(points):
    return ",".join(f"{rate}:{quality}" for rate, quality in points)


def main():
    torch.set_num_threads(1)
    fields = "name kind layout bits width height frames noise quantum psnr_y psnr_yuv psnr_rgb ssim_y ms_ssim_y"
    lines = ["\t".join(fields.split())]
    for case in CASES:
        lines.append("\t".join([*map(str, case), *expected(case)]))
    (HERE / "expected.tsv").write_text("\n".join(lines) + "\n")

    warnings.simplefilter("ignore")
    lines = ["name\tanchor\ttest\tbd_rate"]
    for name, anchor, test in CURVES:
        value = bjontegaard.bd_rate(
            *map(list, zip(*anchor)), *map(list, zip(*test)), method="pchip",
            require_matching_points=False, min_overlap=0,
        )
        lines.append(f"{name}\t{curve(anchor)}\t{curve(test)}\t{float(value)!r}")
    (HERE / "bd_rate.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
