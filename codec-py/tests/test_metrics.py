"""Metrics agree with packages that others wrote."""

from __future__ import annotations

import bjontegaard
import numpy as np
import pytest
import skimage.metrics
from conftest import FAST, moving

import neural_codec


def luma(source) -> np.ndarray:
    with neural_codec.Decoder(source, planes=True) as decoder:
        return np.stack([y for y, _, _ in decoder])


def test_psnr_and_ssim_agree_with_scikit_image(carphone, carphone_stream, tmp_path):
    # The source as a lossless stream of its own luma: written once by FFmpeg through our reader.
    from neural_codec import _native

    source = _native.Source.open(carphone, audio=False)
    reference = []
    while (found := source.next_picture(True)) is not None:
        reference.append(found[1][0])
    decoded = luma(carphone_stream)
    metrics = neural_codec.compare(carphone, carphone_stream)
    assert metrics.frames == len(reference) == len(decoded)
    psnr = [skimage.metrics.peak_signal_noise_ratio(a, b, data_range=255) for a, b in zip(reference, decoded)]
    assert metrics.psnr_y == pytest.approx(np.mean(psnr), abs=1e-9)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    ssim = []
    for a, b in list(zip(reference, decoded))[::10]:
        full = skimage.metrics.structural_similarity(a, b, full=True, **options)[1]
        ssim.append(full[5:-5, 5:-5].mean())
    some = neural_codec.compare(
        [(a, a[::2, ::2], a[::2, ::2]) for a in reference[::10]], [(b, b[::2, ::2], b[::2, ::2]) for b in decoded[::10]]
    )
    assert some.ssim_y == pytest.approx(np.mean(ssim), abs=1e-4)


def test_the_report_says_what_a_fresh_decoder_finds(carphone, tmp_path):
    path = tmp_path / "a.nvc"
    report = neural_codec.encode(carphone, path, quantizer=45, **FAST)
    neural_codec.decode(path, tmp_path / "a.mkv")
    metrics = neural_codec.compare(carphone, tmp_path / "a.mkv", ms_ssim=True)
    assert metrics.psnr_y == pytest.approx(report.total.quality.psnr_y, abs=1e-9)
    assert metrics.psnr_yuv == pytest.approx(report.total.quality.psnr_yuv, abs=1e-9)
    assert metrics.ssim_y == pytest.approx(report.total.quality.ssim_y, abs=1e-9)
    assert report.total.bytes == path.stat().st_size == neural_codec.info(path).bytes
    assert report.total.seconds > 0.5 * max(scene.seconds for scene in report.scenes)
    rate = path.stat().st_size * 8 / report.total.duration_seconds
    assert report.total.bitrate_bps == pytest.approx(rate)


def test_rgb_arrays_are_measured_as_rgb_and_as_the_yuv_of_an_encode(clip, tmp_path):
    noise = np.random.default_rng(0).integers(-3, 4, clip.shape)
    other = np.clip(clip.astype(int) + noise, 0, 255).astype(np.uint8)
    metrics = neural_codec.compare(clip, other)
    error = np.mean((clip.astype(float) - other) ** 2)
    assert metrics.psnr_rgb == pytest.approx(10 * np.log10(255**2 / error), abs=1e-9)
    report = neural_codec.encode(clip, tmp_path / "a.nvc", fps=24, quantizer=58, effort=0)
    frames = neural_codec.decode(tmp_path / "a.nvc").video
    metrics = neural_codec.compare(clip, frames, ms_ssim=True, per_frame=True)
    # Luma by BT.601, from 16 to 235.
    luma = [np.rint(16 + frame @ (np.array([0.299, 0.587, 0.114]) * 219 / 255)) for frame in (clip, frames)]
    expected = 10 * np.log10(255**2 / np.mean((luma[0] - luma[1]) ** 2, axis=(1, 2)))
    assert [frame.psnr_y for frame in metrics.per_frame] == pytest.approx(list(expected), abs=0.02)
    assert metrics.psnr_y == pytest.approx(np.mean(expected), abs=0.02) and metrics.psnr_yuv > 30
    assert metrics.ssim_y == pytest.approx(report.total.quality.ssim_y, abs=3e-3)
    large = np.repeat(np.repeat(clip[:2], 4, 1), 4, 2)
    assert neural_codec.compare(large, 255 - large, ms_ssim=True).ms_ssim_y is not None


def test_equal_clips_have_no_psnr(clip):
    metrics = neural_codec.compare(clip, clip)
    assert metrics.psnr_rgb is None and metrics.lossless_frames == metrics.frames == len(clip)


def test_more_bits_are_better_on_average(carphone, tmp_path):
    """Two efforts at four quantizers: the slower one needs fewer bits for the same PSNR."""
    curves = {}
    for effort in (0, 4):
        points = []
        for quantizer in (25, 35, 45, 55):
            report = neural_codec.encode(carphone, quantizer=quantizer, effort=effort, threads=2)
            points.append((report.total.bitrate_bps, report.total.quality.psnr_y))
        rates, psnrs = zip(*points)
        assert list(rates) == sorted(rates, reverse=True) and list(psnrs) == sorted(psnrs, reverse=True)
        curves[effort] = points
    (slow, fast) = (np.array(curves[4][::-1]), np.array(curves[0][::-1]))
    gain = bjontegaard.bd_rate(fast[:, 0], fast[:, 1], slow[:, 0], slow[:, 1], method="pchip")
    assert gain < 0


def test_values_of_each_frame_come_on_request(clip, carphone, carphone_stream):
    changed = clip.copy()
    changed[3] = 255 - changed[3]
    metrics = neural_codec.compare(clip, changed, per_frame=True)
    assert [frame.psnr_rgb is None for frame in metrics.per_frame] == [index != 3 for index in range(len(clip))]
    error = np.mean((clip[3].astype(float) - changed[3]) ** 2)
    assert metrics.per_frame[3].psnr_rgb == pytest.approx(10 * np.log10(255**2 / error))
    assert neural_codec.compare(clip, changed).per_frame is None
    metrics = neural_codec.compare(carphone, carphone_stream, per_frame=True)
    assert len(metrics.per_frame) == metrics.frames
    assert np.mean([frame.psnr_y for frame in metrics.per_frame]) == pytest.approx(metrics.psnr_y)
    assert neural_codec.Metrics.from_json(metrics.to_json()) == metrics


def test_types_of_records_are_resolved_once_and_not_for_each_frame(monkeypatch):
    from neural_codec import _record, records

    asked = []
    real = _record.typing.get_type_hints
    monkeypatch.setattr(_record.typing, "get_type_hints", lambda cls: asked.append(cls) or real(cls))
    _record._hints.cache_clear()
    clip = moving(12)
    found = neural_codec.compare(clip, clip, per_frame=True)
    assert found.per_frame is not None and len(found.per_frame) == 12
    assert asked.count(records.FrameValues) == 1 and len(asked) == len(set(asked))
