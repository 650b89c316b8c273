"""The configuration: a file, above it the environment, above that the command line; wrong values are named, secrets never shown."""

from __future__ import annotations

import json

import neural_codec
import pytest
from neural_codec._native import check_settings
from neural_codec.experiments import ExperimentError
from neural_codec.experiments.config import load
from neural_codec.experiments.model import CompatConfig

TOKEN = "a-token-of-enough-characters"


def test_what_is_nearer_wins(tmp_path):
    file = tmp_path / "worker.toml"
    file.write_text('port = 1\nhost = "127.0.0.1"\nlease_s = 90.0\nclips = ["/a"]\n')
    environment = {
        "NEURAL_CODEC_EXPERIMENTS_PORT": "2",
        "NEURAL_CODEC_EXPERIMENTS_BUCKETS": "x,y",
        "NEURAL_CODEC_EXPERIMENTS_CLIPS": "/b:/c",
    }
    assert load(str(file), {}, {}).port == 1
    config = load(str(file), {"port": None}, environment)
    assert (
        config.port == 2
        and config.lease_s == 90
        and config.buckets == ["x", "y"]
        and [str(each) for each in config.clips] == ["/b", "/c"]
    )
    assert load(str(file), {"port": 3}, environment).port == 3
    assert load(None, {}, {"NEURAL_CODEC_EXPERIMENTS_CONFIG": str(file)}).port == 1


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"port": 70_000}, "port"),
        ({"prot": 1}, "prot"),
        ({"host": "0.0.0.0"}, "token"),
        ({"host": "0.0.0.0", "token": "short"}, "16 characters"),
        ({"lease_s": 10, "beat_s": 5}, "beat_s"),
        ({"lease_s": float("nan")}, "lease_s"),
    ],
)
def test_what_is_wrong_is_named(given, word):
    with pytest.raises(ExperimentError, match=word) as error:
        load(None, given, {})
    assert "short" not in str(error.value) and "job" not in str(error.value)


def test_a_file_that_is_none_is_named(tmp_path):
    file = tmp_path / "worker.toml"
    with pytest.raises(ExperimentError, match=r"worker\.toml"):
        load(str(file), {}, {})
    file.write_text("port = ")
    with pytest.raises(ExperimentError, match=r"worker\.toml"):
        load(str(file), {}, {})


def test_secrets_are_not_shown(tmp_path):
    config = load(None, {"token": TOKEN, "webhook": "https://hooks.example/secret-path", "data": tmp_path}, {})
    text = json.dumps(config.shown()) + repr(config)
    assert TOKEN not in text and "secret-path" not in text and "**" in text
    assert config.shown()["store"] == f"sqlite://{tmp_path}/experiments.db"


@pytest.mark.parametrize(
    "name, setting, scale, least, most",
    [
        ("target_bitrate_mbps", "bitrate_bps", 1_000_000, 0.001, 1000), ("target_quality_ssim", "min_ssim_y", 1, 0.1, 0.9999),
        ("target_quality_psnr", "min_psnr_y", 1, 10, 80), ("effort", "effort", 1, 0, 9),
    ],
)  # fmt: skip
def test_numbers_of_old_formats_have_the_bounds_of_the_codec(name, setting, scale, least, most):
    def codec_takes(value: float) -> None:
        check_settings({setting: f"{value * scale:g}"} if scale == 1 else {setting: str(round(value * scale))})

    for value in (least, most):
        codec_takes(value)
        assert getattr(CompatConfig.model_validate({name: value}), name) == value
    step = 1 if isinstance(least, int) else least / 100
    for value in (least - step, most + step):
        with pytest.raises(neural_codec.NeuralCodecError):
            codec_takes(value)
        with pytest.raises(ValueError, match=name):
            CompatConfig.model_validate({name: value})
