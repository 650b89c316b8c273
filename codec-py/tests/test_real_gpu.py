"""Frames of torch and cupy on a real NVIDIA GPU. Skipped where there is none, or neither library."""

from __future__ import annotations

import numpy as np
import pytest

import neural_codec
from conftest import moving

FAST = {"fps": 24, "effort": 0}


@pytest.fixture(scope="module")
def torch():
    found = pytest.importorskip("torch", reason="torch is not installed: frames on a real GPU are not tried")
    if not found.cuda.is_available():
        pytest.skip("no NVIDIA GPU: frames on a real GPU are not tried")
    return found


@pytest.fixture(scope="module")
def cupy(torch):
    return pytest.importorskip("cupy", reason="cupy is not installed: its frames on a real GPU are not tried")


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    return moving(12, 360, 640, seed=1)


@pytest.fixture(scope="module")
def stream(clip) -> bytes:
    return neural_codec.encode(clip, device="cpu", **FAST).data


def test_frames_on_the_gpu_encode_to_the_bytes_of_those_on_the_host(torch, cupy, clip, stream):
    for frames in (clip, torch.from_numpy(clip).cuda(), cupy.asarray(clip)):
        assert neural_codec.encode(frames, **FAST).data == stream


def test_a_tensor_that_another_stream_still_writes_is_waited_for(torch, clip, stream):
    there = torch.from_numpy(clip).cuda()
    with torch.cuda.stream(torch.cuda.Stream()):
        late = torch.zeros_like(there)
        torch.cuda._sleep(200_000_000)
        late.copy_(there)
        assert neural_codec.encode(late, **FAST).data == stream


def test_metrics_are_those_of_the_cpu(torch, cupy, clip):
    other = moving(12, 360, 640, seed=2)
    expected = neural_codec.compare(other, clip, device="cpu")
    for frames in (torch.from_numpy(other).cuda(), cupy.asarray(other)):
        assert neural_codec.compare(frames, torch.from_numpy(clip).cuda()) == expected


def test_decoded_frames_stay_there_and_their_memory_comes_back(torch, cupy, stream):
    expected = neural_codec.decode(stream, device="cpu").video
    with neural_codec.Decoder(stream, device="cuda", on_device=True) as decoder:
        frames = list(decoder)
    assert np.array_equal(torch.stack([torch.from_dlpack(frame) for frame in frames]).cpu().numpy(), expected)
    assert np.array_equal(np.stack([cupy.asnumpy(cupy.from_dlpack(frame)) for frame in frames]), expected)
    del frames
    free = []
    for _ in range(30):
        with neural_codec.Decoder(stream, device="cuda", on_device=True) as decoder:
            for frame in decoder:
                torch.from_dlpack(frame).float().mean()
        free.append(torch.cuda.mem_get_info()[0])
    assert free[9] - free[-1] < 1 << 20
