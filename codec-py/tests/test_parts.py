"""An encode in parts gives the bytes of the whole."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import neural_codec
from neural_codec.errors import InvalidArgument, InvalidType, NeuralCodecError


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    """Four scenes of ten frames: tiles that move, larger and brighter from scene to scene."""
    y, x = np.mgrid[:96, :128]
    frames = []
    for index in range(40):
        scene, step = divmod(index, 10)
        tile = 6 + 5 * scene
        luma = 30 + 45 * scene + 40 * (((x + 2 * step) // tile + (y + step) // tile) % 2)
        frames.append(np.repeat(luma[..., None], 3, axis=2).astype(np.uint8))
    return np.stack(frames)


def test_scenes_that_travelled_as_pickles_join_to_the_bytes_of_the_whole(clip):
    options = {"fps": 25, "effort": 1}
    whole = neural_codec.encode(clip, **options)
    ranges = neural_codec.split(clip, **options)
    assert len(ranges) > 2 and ranges[0][0] == 0 and ranges[-1][1] == 40
    scenes = []
    for index, scene in enumerate(ranges):
        start = neural_codec.warm_start(index, scenes)
        encoded = neural_codec.encode_scene(clip, scene, index, warm_start=start, **options)
        scenes.append(pickle.loads(pickle.dumps(encoded)))
    joined = neural_codec.concat(clip, scenes, **options)
    assert joined.data == whole.data
    assert joined.total.quality == whole.total.quality
    assert scenes[1].report.bytes == whole.scenes[1].bytes and "index=1" in repr(scenes[1])


def test_what_does_not_fit_is_refused_by_name(clip):
    options = {"fps": 25, "effort": 0}
    scene = neural_codec.encode_scene(clip, (0, 10), 0, **options)
    assert isinstance(scene, neural_codec.EncodedScene)
    for call, error, word in [
        (lambda: neural_codec.encode_scene(clip, (30, 50), 0, **options), InvalidArgument, "40 frames"),
        (lambda: neural_codec.encode_scene(clip, (5, 5), 0, **options), InvalidArgument, "scene"),
        (lambda: neural_codec.encode_scene(clip, "ab", 0, **options), InvalidType, "scene"),
        (lambda: neural_codec.encode_scene(clip, (0.9, 2.7), 0, **options), InvalidType, "scene"),
        (lambda: neural_codec.encode_scene(clip, (0, np.float32(2.7)), 0, **options), InvalidType, "scene"),
        (lambda: neural_codec.encode_scene(clip, (0, 1 << 70), 0, **options), InvalidArgument, "scene"),
        (lambda: neural_codec.encode_scene(clip, (0, 5), True, **options), InvalidType, "index"),
        (lambda: neural_codec.encode_scene(clip, (0, 5), -1, **options), InvalidArgument, "index"),
        (lambda: neural_codec.encode_scene(clip, (0, 5), 0, warm_start=b"no", **options), InvalidArgument, "warm_start"),
        (lambda: neural_codec.encode_scene(clip, (0, 5), 0, warm_start="no", **options), InvalidType, "warm_start"),
        (lambda: neural_codec.encode_scene(clip, (0, 5), 0, fps=25, bitrate_bps=9000), NeuralCodecError, "lambda"),
        (lambda: neural_codec.concat(clip, [scene, scene], **options), InvalidArgument, "frame|scene"),
        (lambda: neural_codec.concat(clip, [b"scene"], **options), InvalidType, "EncodedScene"),
        (lambda: neural_codec.concat(clip, 3, **options), InvalidType, "scenes"),
        (lambda: neural_codec.concat(clip, [neural_codec.EncodedScene(b"x", scene.report)], **options), InvalidArgument, "scene"),
        (lambda: neural_codec.warm_start("1", []), InvalidArgument, "index"),
    ]:
        with pytest.raises(error, match=word):
            call()
