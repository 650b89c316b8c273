"""An experiment whose choices are rules over the profiles of scenes: experiment_rules.py VIDEO

Everything runs in this process, in a folder that is removed: `neural-codec experiments serve` does the same for good.
"""

import json
import sys
import tempfile
from pathlib import Path

from neural_codec.experiments.config import load
from neural_codec.experiments.services import open_services
from neural_codec.experiments.wire import job_of
from neural_codec.experiments.worker import Worker

JOB = {
    "experiment_id": "rules",
    "kind": "rules",
    "payload": {
        # The first rule that holds decides: noise and detail hide errors, flat scenes show them.
        "rules": [
            {"when": [["grain", ">", 3.0]], "choose": {"quantizer": 46.0}},
            {"when": [["scene_class", "==", "talking_head"]], "choose": {"quantizer": 38.0}},
            {"when": [["flatness", ">", 0.5], ["motion", "<", 1.0]], "choose": {"quantizer": 34.0}},
        ],
        "otherwise": {"quantizer": 40.0},
        "settings": {"effort": 0},
    },
}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        services = open_services(load(None, {"data": Path(folder), "clip": Path(sys.argv[1])}))
        services.submit(job_of(JOB))
        Worker(services).run(until_empty=True)
        row = services.store.get("rules")
        assert row is not None
        told = row.result or row.error or {}
        names = ("decisions", "metrics", "message")
        print(json.dumps({"state": row.state, **{name: told[name] for name in names if name in told}}, indent=2))


if __name__ == "__main__":
    main()
