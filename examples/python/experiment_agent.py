"""An experiment whose choices are made by code that nobody has to trust: experiment_agent.py VIDEO

The code runs in the sandbox and sees the profiles of scenes, no frame. It needs bubblewrap.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from neural_codec.experiments.config import load
from neural_codec.experiments.services import open_services
from neural_codec.experiments.wire import job_of
from neural_codec.experiments.worker import Worker

AGENT = """
def decide(profiles, target, probe):
    busiest = max(profiles, key=lambda scene: scene["temporal_information"])
    print("the busiest scene begins at frame", busiest["first_frame"])
    # One floor for the clip: where much moves, a viewer sees less of each frame.
    floor = 36.0 if busiest["temporal_information"] > 10 else 38.0
    return {"settings": {"min_psnr_y": floor}}
"""


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if shutil.which("bwrap") is None:
        sys.exit("skipped: bubblewrap is not installed, and without a sandbox agents are refused")
    with tempfile.TemporaryDirectory() as folder:
        services = open_services(load(None, {"data": Path(folder), "clip": Path(sys.argv[1])}))
        services.submit(
            job_of({"experiment_id": "agent", "kind": "agent", "payload": {"code": AGENT, "settings": {"effort": 1}}})
        )
        Worker(services).run(until_empty=True)
        row = services.store.get("agent")
        assert row is not None
        told = row.result or row.error or {}
        if "log" in told.get("artefacts", {}):
            print(b"".join(services.artefacts.read(told["artefacts"]["log"]["sha256"])).decode(), file=sys.stderr, end="")
        names = ("decisions", "metrics", "target_met", "message")
        print(json.dumps({"state": row.state, **{name: told[name] for name in names if name in told}}, indent=2))


if __name__ == "__main__":
    main()
