"""The model of how a clip spreads over nodes, of `benches/cluster`: cases that can be worked out by hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benches/cluster/spread.py"


@pytest.fixture(scope="module")
def spread():
    made = importlib.util.spec_from_file_location("spread", FILE)
    found = importlib.util.module_from_spec(made)
    sys.modules["spread"] = found
    made.loader.exec_module(found)
    return found


def test_equal_scenes_take_a_share_for_each_node_and_what_comes_before_and_after(spread):
    scenes = spread.Scenes(cuts=[0.0] * 12, encodes=[1.0] * 12, first=0.5, gap=0.1, last=0.2, join=0.3, head=4.0)
    for nodes, rounds in [(1, 12), (2, 6), (5, 3), (12, 1), (99, 1)]:
        assert spread.seconds(scenes, nodes) == pytest.approx(0.5 + rounds * 1.1 + 0.2 + 0.3)
    assert spread.seconds(scenes, 2, processors=3) == spread.seconds(scenes, 2)
    assert spread.seconds(scenes, 2, processors=2) == pytest.approx(spread.seconds(scenes, 2) + 4.0 / 2)


def test_a_head_that_cuts_slower_than_nodes_encode_bounds_them(spread):
    scenes = spread.Scenes(cuts=[1.0] * 10, encodes=[2.0] * 10, first=0.0, gap=0.0, last=0.0, join=0.0, head=0.0)
    assert spread.seconds(scenes, 4) == spread.seconds(scenes, 64) == 12.0


def test_the_head_cuts_no_further_ahead_than_there_is_room(spread):
    scenes = spread.Scenes(cuts=[0.0] * 4 + [5.0], encodes=[2.0] * 5, first=0.0, gap=0.0, last=0.0, join=0.0, head=0.0)
    # With one node and room for two, the last scene is cut when the third has ended: at 6, and 5 seconds long.
    assert spread.seconds(scenes, 1, ahead=0, depth=2) == 6.0 + 5.0 + 2.0
    assert spread.seconds(scenes, 1, ahead=9) == 10.0


def test_scenes_are_repeated_with_what_grows_with_them(spread):
    scenes = spread.Scenes(cuts=[1.0, 2.0], encodes=[3.0, 4.0], first=5.0, gap=6.0, last=7.0, join=8.0, head=9.0)
    assert scenes.repeated(5) == spread.Scenes([1.0, 2.0, 1.0, 2.0, 1.0], [3.0, 4.0, 3.0, 4.0, 3.0], 5.0, 6.0, 7.0, 20.0, 22.5)
