"""Encodes frames as they come, as from a camera, and hands the bytes on as soon as they are there."""

import numpy as np

import neural_codec


def camera(frames: int, height: int = 120, width: int = 160):
    """Stands for a camera: a bright ball that moves over a gradient."""
    y, x = np.mgrid[:height, :width]
    for t in range(frames):
        picture = np.stack([x, y, x + y], axis=-1).astype(np.uint8)
        picture[(y - height / 2) ** 2 + (x - 20 - t) ** 2 < 100] = (255, 220, 40)
        yield picture


sent = 0
with neural_codec.Encoder(fps=30, effort=0, max_scene_seconds=0.5) as encoder:
    for frame in camera(60):
        encoder.send(frame)
        sent += len(encoder.read())  # here a program would send these bytes over a network
sent += len(encoder.report.data)
print(f"{encoder.report.total.frames} frames, {sent} bytes in {encoder.report.total.scenes} scenes")
