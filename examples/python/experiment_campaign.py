"""A campaign that a language model plans: experiment_campaign.py VIDEO [HELD_OUT_VIDEO ...]

The model here is a server in this process that answers twice: once with rules, once with prose, which is planned around. A real one
is named the same way: any address that speaks as OpenAI's does. A claim takes five held-out videos. Everything runs in a folder that
is removed.
"""

import json
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from neural_codec.experiments.campaign import Loop
from neural_codec.experiments.campaign_model import campaign_from
from neural_codec.experiments.campaign_open import open_carrier, open_planner
from neural_codec.experiments.campaign_report import report_lines, report_of
from neural_codec.experiments.config import load
from neural_codec.experiments.ledger import Ledger
from neural_codec.experiments.services import open_services
from neural_codec.experiments.worker import Worker

RULES = {
    "kind": "rules",
    "hypothesis": "Short pyramids suit scenes with grain.",
    "rules": [{"when": [["grain", ">", 0.5]], "choose": {"tools": {"hierarchical_levels": 3, "screen_content": 0}}}],
}
ANSWERS = [json.dumps(RULES), "I would try a shorter pyramid next."]


class Model(BaseHTTPRequestHandler):
    """Answers as a chat completion does, one of ANSWERS after the other."""

    asked = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        content = ANSWERS[min(Model.asked, len(ANSWERS) - 1)]
        Model.asked += 1
        usage = {"prompt_tokens": 900, "completion_tokens": 70}
        told = json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        return None


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    clips = [Path(each).resolve() for each in sys.argv[1:]]
    model = HTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    uris = [{"uri": each.as_uri()} for each in clips]
    campaign = campaign_from(
        {
            "name": "example",
            "training": uris[:1],
            "held_out": uris[1:],
            "target": {"kind": "min_psnr_y", "value": 34.0},
            "settings": {"effort": 0},
            "trials": 2,
            "planner": "llm",
            "models": [{"url": f"http://127.0.0.1:{model.server_port}/v1", "model": "example"}],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        config = load(None, {"data": Path(folder), "clips": [each.parent for each in clips]})
        services, worker = open_services(config), Worker(open_services(config))
        working = threading.Thread(target=worker.run, daemon=True)
        working.start()
        ledger = Ledger(services.store, campaign.name)
        planner = open_planner(campaign, ledger, services.stopping.wait)
        Loop(services, campaign, open_carrier(services, campaign, ledger), planner, ledger).run()
        worker.services.stopping.set()
        working.join()
        told = report_of(ledger)
    print("\n".join(report_lines(told)), file=sys.stderr)
    names = ("state", "planned_by", "degraded_slots", "models", "best_so_far", "verdict")
    print(json.dumps({name: told[name] for name in names}, indent=2))


if __name__ == "__main__":
    main()
