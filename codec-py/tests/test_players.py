"""A browser plays our files: the same pixels with and without the neural layer, and those of the clip."""

from __future__ import annotations

import base64

import numpy as np
import pytest

import neural_codec

FRAMES = 6

# Shows frame after frame of a video and gives its pixels, as base64.
PLAY = """async ([url, rate, frames]) => {
  const video = document.createElement("video");
  video.muted = true;
  video.src = url;
  await new Promise((resolve, reject) => {
    video.onloadeddata = resolve;
    video.onerror = () => reject(new Error(video.error.message));
  });
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const found = [];
  for (let index = 0; index < frames; index++) {
    const seeked = new Promise((resolve) => { video.onseeked = resolve; });
    // What was sought is drawn once it is presented, which may be after the event; where it was there before, it is not again.
    const presented = new Promise((resolve) => { video.requestVideoFrameCallback(resolve); setTimeout(resolve, 2000); });
    video.currentTime = (index + 0.5) / rate;
    await Promise.all([seeked, presented]);
    context.drawImage(video, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let text = "";
    for (let at = 0; at < pixels.length; at += 32768) text += String.fromCharCode(...pixels.subarray(at, at + 32768));
    found.push(btoa(text));
  }
  video.currentTime = 0;
  await video.play();
  await new Promise((resolve) => { video.ontimeupdate = () => { if (video.currentTime > 0.1) resolve(); }; });
  return { width: canvas.width, height: canvas.height, frames: found };
}"""


@pytest.fixture(scope="module")
def page(browser):
    return browser.new_page()


def played(page, path, rate):
    kind = {"mp4": "video/mp4", "webm": "video/webm", "mkv": "video/x-matroska"}[path.suffix[1:]]
    found = page.evaluate(PLAY, [f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}", rate, FRAMES])
    shape = (found["height"], found["width"], 4)
    return [np.frombuffer(base64.b64decode(frame), np.uint8).reshape(shape)[..., :3] for frame in found["frames"]]


def test_chromium_shows_the_same_pixels_with_and_without_the_neural_layer(page, filtered, tmp_path):
    stream = tmp_path / "clip.nvc"
    stream.write_bytes(filtered.data)
    rate = float(neural_codec.info(stream).video.frame_rate)
    for ending in ("mp4", "webm", "mkv"):
        path, plain = tmp_path / f"clip.{ending}", tmp_path / f"plain.{ending}"
        neural_codec.remux(stream, path)
        neural_codec.export_base(stream, plain)
        assert neural_codec.info(path).scenes[0].filter_bytes > 0
        found, expected = played(page, path, rate), played(page, plain, rate)
        assert len({frame.tobytes() for frame in found}) > 1, "the pictures move"
        assert all(np.array_equal(one, other) for one, other in zip(found, expected)), ending


@pytest.mark.parametrize("ending", ["mp4", "webm", "mkv"])
def test_chromium_shows_each_frame_at_its_time(page, tmp_path, ending):
    rows, columns = np.mgrid[:64, :128]
    clip = np.stack([np.stack([(2 * columns + 20 * index) % 256, 3 * rows, 255 - columns], axis=2) for index in range(FRAMES)])
    path = tmp_path / f"clip.{ending}"
    neural_codec.encode(clip.astype(np.uint8), path, fps=25, quantizer=20, effort=0)
    decoded = neural_codec.decode(path).video.astype(int)
    for index, frame in enumerate(played(page, path, 25.0)):
        apart = np.abs(decoded - frame.astype(int)).mean(axis=(1, 2, 3))
        assert apart.argmin() == index and apart[index] < 8, f"frame {index} is apart from those of the clip by {apart} of 255"
