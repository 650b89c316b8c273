"""Groups that limit memory, on trees of files that look like those of version 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from neural_codec.experiments import cgroup


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """A group of this process alone, with memory that it may limit."""
    place = tmp_path / "sys" / "system.slice" / "worker.service"
    place.mkdir(parents=True)
    for name, text in (("cgroup.controllers", "cpu memory pids"), ("cgroup.subtree_control", ""), ("cgroup.procs", str(os.getpid()))):
        (place / name).write_text(text)
    (tmp_path / "self").write_text("0::/system.slice/worker.service\n")
    monkeypatch.setattr(cgroup, "_ROOT", tmp_path / "sys")
    monkeypatch.setattr(cgroup, "_PROC", tmp_path / "self")
    return place


def test_a_delegated_group_is_divided_once_and_each_run_has_its_limit(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(cgroup, "_remove", lambda place: None)
    with cgroup.memory_group(1 << 20) as first:
        assert first is not None and first.parent == tree
        assert (first / "memory.max").read_text() == str(1 << 20) and (first / "memory.swap.max").read_text() == "0"
    assert (tree / "cgroup.subtree_control").read_text() == "+memory"
    assert (tree / "neural-codec-worker" / "cgroup.procs").read_text() == str(os.getpid())
    # From now on this process is in the leaf.
    (tmp_path / "self").write_text("0::/system.slice/worker.service/neural-codec-worker\n")
    (tree / "cgroup.subtree_control").write_text("memory")
    with cgroup.memory_group(1 << 20) as second:
        assert second is not None and second.parent == tree and second != first


@pytest.mark.parametrize(
    ("name", "text"),
    [("cgroup.procs", f"1\n{os.getpid()}"), ("cgroup.controllers", "cpu pids"), ("cgroup.procs", "")],
    ids=["others are in it", "memory is not in it", "nobody is in it"],
)
def test_a_group_of_others_is_left_as_it_is(tree, name, text):
    (tree / name).write_text(text)
    with cgroup.memory_group(1 << 20) as group:
        assert group is None
    assert (tree / "cgroup.subtree_control").read_text() == "" and not (tree / "neural-codec-worker").exists()
