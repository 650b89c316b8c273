"""A server on this machine that answers as language models do: recorded answers in order, and what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RECORDED = json.loads((Path(__file__).parent / "fixtures" / "model_answers.json").read_text())


class FakeModel:
    """`answers`: names of recorded ones, or numbers for a status, or seconds to hold an answer back as `("slow", s)`; the last repeats."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers, self.asked, self.headers = answers, list[dict[str, Any]](), list[dict[str, str]]()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                answer = fake.answers[min(len(fake.asked), len(fake.answers) - 1)]
                fake.asked.append(body)
                fake.headers.append({name.lower(): value for name, value in self.headers.items()})
                if isinstance(answer, tuple):
                    time.sleep(answer[1])
                status = answer if isinstance(answer, int) else 200
                told = {"error": "busy"} if status != 200 else RECORDED[answer if isinstance(answer, str) else "rules"]
                text = (told if isinstance(told, str) else json.dumps(told)).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


@contextmanager
def model(*answers: Any) -> Iterator[FakeModel]:
    fake = FakeModel(list(answers))
    threading.Thread(target=fake.server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield fake
    finally:
        fake.server.shutdown()
        fake.server.server_close()
