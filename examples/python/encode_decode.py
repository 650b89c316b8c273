"""Encodes a video file, decodes the stream and measures the result: encode_decode.py VIDEO"""

import sys

import neural_codec

if len(sys.argv) != 2:
    sys.exit(__doc__)
source = sys.argv[1]
report = neural_codec.encode(source, "encoded.nvc", quantizer=35, effort=2)
for scene in report.scenes:
    print(f"scene {scene.index}: {scene.frames} frames, {scene.bytes} bytes, PSNR-Y {scene.quality.psnr_y:.2f} dB")

neural_codec.decode("encoded.nvc", "decoded.mkv")
metrics = neural_codec.compare(source, "decoded.mkv")
print(f"{report.total.bytes} bytes, 1/{report.total.compression_ratio:.0f} of the raw size")
print(f"measured on the decoded file: PSNR-Y {metrics.psnr_y:.2f} dB, SSIM-Y {metrics.ssim_y:.4f}")
