"""One clip over many nodes: the bytes of one machine, whatever happens to nodes."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

import pytest

import neural_codec
from neural_codec import errors

FAST = {"effort": 0, "quantizer": 45, "max_scene_seconds": 0.5}


def test_without_ray_the_error_names_the_extra(carphone, tmp_path):
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "import neural_codec\n"
        "try: neural_codec.encode(sys.argv[1], sys.argv[2], cluster='local')\n"
        "except neural_codec.errors.MissingLibrary as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(carphone), str(tmp_path / "a.nvc")]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "neural-codec[ray]" in found.stdout and not (tmp_path / "a.nvc").exists()


def test_the_extra_brings_what_addresses_of_clusters_elsewhere_need():
    needs = [need for need in metadata.requires("neural_codec") or [] if "extra == 'ray'" in need.replace('"', "'")]
    assert len(needs) == 1 and needs[0].startswith("ray[client]")


def test_where_no_cluster_is_the_error_says_how_to_start_one_and_what_a_client_needs(carphone, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="Ray is not installed: no cluster is tested")

    def init(**_):
        raise ConnectionError("ray client connection timeout")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(errors.Unsupported, match="timeout; start one with `ray start --head`$"):
        neural_codec.encode(carphone, tmp_path / "a.nvc", cluster="auto", **FAST)
    with pytest.raises(errors.Unsupported, match="timeout; start one.*RAY_AUTH_TOKEN"):
        neural_codec.encode(carphone, tmp_path / "a.nvc", cluster="ray://127.0.0.1:9", **FAST)


def test_what_a_cluster_cannot_do_is_refused_before_it_is_asked(carphone, tmp_path):
    for arguments, error, word in [
        ({"bitrate_bps": 90_000}, errors.Unsupported, "lambda"),
        ({"scope": "clip"}, errors.Unsupported, "clip"),
        ({"scenes": [(0, 120)]}, errors.InvalidArgument, "scenes"),
    ]:
        with pytest.raises(error, match=word):
            neural_codec.encode(carphone, tmp_path / "a.nvc", cluster="local", **arguments)
    with pytest.raises(errors.InvalidType, match="path"):
        neural_codec.encode([], tmp_path / "a.nvc", cluster="local")


def test_a_lost_node_costs_its_scenes_and_no_byte_differs(carphone, tmp_path, cluster):
    made, nodes = cluster
    whole = neural_codec.encode(carphone, tmp_path / "whole.mkv", **FAST)
    assert len(whole.scenes) == 8
    seen = []

    def progress(at):
        seen.append((at.frames_done, at.scenes_done))
        if at.scenes_done == 2 and len(nodes) == 2:
            made.remove_node(nodes.pop(), allow_graceful=False)

    report = neural_codec.encode(carphone, tmp_path / "spread.mkv", cluster="local", progress=progress, **FAST)
    assert (tmp_path / "spread.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()
    assert report.total.quality == whole.total.quality and len(report.scenes) == 8
    assert seen == sorted(seen) and seen[-1] == (120, 8) and len(nodes) == 1


def test_files_for_players_are_without_filters_there_too(carphone, tmp_path, cluster):
    settings = {"effort": 0, "min_psnr_y": 33, "max_scene_seconds": 2, "defaults": {"wiener.from_effort": 0, "wiener.least_bytes": 0}}
    for ending, strategies in [("mkv", {"av1"}), ("nvc", {"hybrid"})]:
        whole = neural_codec.encode(carphone, tmp_path / f"whole.{ending}", **settings)
        neural_codec.encode(carphone, tmp_path / f"spread.{ending}", cluster="local", **settings)
        assert {scene.strategy for scene in whole.scenes} == strategies
        assert (tmp_path / f"spread.{ending}").read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()


def test_scenes_that_start_warm_wait_for_those_before(carphone, cluster):
    settings = {"effort": 0, "quantizer": 50, "strategies": "hybrid", "max_scene_seconds": 1.4}
    whole = neural_codec.encode(carphone, **settings)
    assert len(whole.scenes) == 3
    assert neural_codec.encode(carphone, cluster="local", **settings).data == whole.data


def test_a_cluster_without_processors_enough_is_an_error_in_the_end(carphone, cluster, monkeypatch):
    monkeypatch.setattr("neural_codec._places.NODE_PATIENCE", 0.5)
    with pytest.raises(errors.Unsupported, match="no node has had 3 processors"):
        neural_codec.encode(carphone, cluster="local", threads=3, **FAST)


def test_cancelling_ends_the_tasks_and_leaves_no_file(carphone, tmp_path, cluster):
    with pytest.raises(errors.Cancelled):
        neural_codec.encode(carphone, tmp_path / "a.nvc", cluster="local", progress=lambda at: at.scenes_done < 1, **FAST)
    assert not list(tmp_path.iterdir())


def test_an_error_of_a_scene_is_the_callers(tmp_path, cluster):
    source = tmp_path / "broken.y4m"
    source.write_bytes(b"YUV4MPEG2 W64 H48 F25:1 C420jpeg\n" + (b"FRAME\n" + bytes(64 * 48 * 3 // 2)) * 30 + b"FRAME\n" + bytes(100))
    with pytest.raises(errors.Truncated, match="broken.y4m|frame"):
        neural_codec.encode(source, tmp_path / "a.nvc", cluster="local", **FAST)
    assert os.listdir(tmp_path) == ["broken.y4m"]
