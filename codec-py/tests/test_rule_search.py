"""The program that compares planners of rules: reads its table rightly, and its committed result follows from its committed table."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

pytest.importorskip("pydantic", reason="the extra [experiments] is not installed: rules are not searched")
pytest.importorskip("optuna", reason="optuna is not installed: rules are not searched")

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "eval" / "python"))

import rule_grid  # noqa: E402
import rule_search  # noqa: E402

TABLE = ROOT / "docs" / "experiments" / "rules" / "grid.tsv"
FOUND = ROOT / "docs" / "experiments" / "rules" / "found.json"


def test_bytes_at_a_floor_lie_on_a_line_of_their_logarithm():
    points = [(36.0, 1000, 1.0), (38.0, 4000, 3.0), (40.0, 8000, 3.0)]
    size, cpu = rule_grid.at_floor(points, 37.0)
    assert size == pytest.approx(2000) and cpu == pytest.approx(2.0)
    assert rule_grid.at_floor(points, 38.0)[0] == pytest.approx(4000)
    assert rule_grid.at_floor(points, 35.9) is None and rule_grid.at_floor(points, 40.1) is None


def test_films_and_sets_are_on_one_side_of_the_split():
    sides: dict[str, set[str]] = {}
    for each in rule_grid.excerpts():
        sides.setdefault(each.group, set()).add(each.side)
    assert all(len(each) == 1 for each in sides.values()) and {min(each) for each in sides.values()} == {"held-out", "training"}


def test_the_encoders_own_tools_are_the_baseline_and_groups_count_once():
    grid = rule_search.Grid(TABLE)
    score = grid.of_rules("training", {"rules": [], "settings": {}})
    assert score.bytes == pytest.approx(1) and score.cpu == pytest.approx(1) and score.short_by == 0
    assert {each.clip for each in score.clips} == {each.group for each in grid.excerpts if each.side == "training"}


def test_the_committed_result_follows_from_the_committed_table():
    told, grid = json.loads(FOUND.read_text()), rule_search.Grid(TABLE)
    assert told["split"] == rule_grid.split_hash(), "the split is the one that was written down"
    for side, name in (("training", "training"), ("held-out", "held_out_on_grid")):
        assert rule_search.shown(grid.of_rules(side, told["payload"])) == told[name]
    assert told["training"]["bytes"] >= told["each_scene_its_best"]["bytes"], "no rules are better than each scene's best"
    ends = [run[-1] for run in told["best_so_far"]["optuna"]]
    assert min(ends) == pytest.approx(told["training"]["bytes"], abs=1e-4) and all(len(run) == told["trials"] for run in told["best_so_far"]["random"])


def test_the_page_says_what_was_measured():
    told = json.loads(FOUND.read_text())
    page = (ROOT / "docs" / "experiments" / "rules-by-optuna.md").read_text()
    real = [name for name in told if name.startswith("real_")]
    assert "real_effort_3" in real
    for name in real:
        score = told[name]
        ratios = [run["rules"]["bytes"] / run["baseline"]["bytes"] for run in score["runs"]]
        assert math.isfinite(sum(ratios)) and f"{score['bytes']:.4f}" in page
        assert all(f"{edge:.4f}" in page for edge in score["interval"])
    for name in ("training", "held_out_on_grid", "each_scene_its_best"):
        assert f"{told[name]['bytes']:.4f}" in page


def test_a_short_search_ends_with_planners_on_equal_terms(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(rule_search, "TRIALS", 14)
    monkeypatch.setattr(rule_search, "SEEDS", 1)
    rule_search.run_search(TABLE, tmp_path / "found.json")
    told = json.loads((tmp_path / "found.json").read_text())
    assert [len(run) for name in ("optuna", "random") for run in told["best_so_far"][name]] == [14, 14]
    assert "after 14 trials: " in capsys.readouterr().out
