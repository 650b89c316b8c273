"""Measures a clip against a reference: metrics.py REFERENCE CLIP (video files, streams, or both)"""

import sys

import neural_codec

if len(sys.argv) != 3:
    sys.exit(__doc__)
reference, clip = sys.argv[1:]
metrics = neural_codec.compare(reference, clip, metrics=["ms_ssim", "ssimulacra2", "xpsnr"])
print(f"{metrics.frames} frames, {metrics.lossless_frames} of them lossless, measured as {metrics.pixel_format}")
for name in ("psnr_y", "psnr_yuv", "psnr_rgb", "ssim_y", "ms_ssim_y", "ssimulacra2", "xpsnr_y"):
    if metrics[name] is not None:
        print(f"{name}: {metrics[name]:.4f}")
