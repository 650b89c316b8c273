"""The interface over HTTP: old bodies and new, waiting or not; who may speak; what is refused."""

from __future__ import annotations

import http.server
import json
import threading

import httpx
import pytest
from .conftest import fixture, until
from neural_codec.experiments import measure
from neural_codec.experiments.model import PHASES

SETTINGS = {"kind": "settings", "payload": {"settings": {"effort": 0, "quantizer": 40}}}
TOKEN = "a-token-of-enough-characters"


def ended(url: str, name: str) -> dict:
    def look():
        told = httpx.get(f"{url}/experiment/{name}").json()
        return told if told["status"] != "processing" else None

    return until(look)


def test_a_job_is_taken_at_once_and_its_result_comes(server):
    url = server().url
    taken = httpx.post(f"{url}/experiment", json={"experiment_id": "a", **SETTINGS})
    assert taken.status_code == 202 and set(taken.json()) >= {"experiment_id", "timestamp", "status"}
    assert isinstance(taken.json()["timestamp"], int)
    told = ended(url, "a")
    assert told["status"] == "completed" and [each["phase"] for each in told["phases"]] == list(PHASES)
    for link in told["download_links"].values():
        answer = httpx.get(url + link if link.startswith("/") else link)
        assert answer.status_code == 200 and answer.content
        assert "attachment" in answer.headers["content-disposition"] and "sandbox" in answer.headers["content-security-policy"]
    listed = httpx.get(f"{url}/api/experiments").json()
    assert [each["experiment_id"] for each in listed["successful"]] == ["a"] and listed["total"] == 1
    assert listed["in_progress"] == listed["failed"] == []


def test_a_caller_may_wait_by_header_or_query(server):
    url = server().url
    for name, more in (
        ("a", {"headers": {"prefer": "wait"}}),
        ("b", {"headers": {"prefer": "respond-async, wait=30"}}),
        ("c", {"params": {"wait": "30"}}),
    ):
        told = httpx.post(f"{url}/experiment", json={"experiment_id": name, **SETTINGS}, timeout=30, **more)
        assert told.status_code == 200 and told.json()["metrics"]["psnr_db"] > 20


def test_an_old_orchestrator_posts_and_waits_as_it_did(server, sandbox):
    url = server(wait_old_formats=True).url
    for name in ("v1.json", "v2.json"):
        told = httpx.post(f"{url}/experiment", json=fixture(name), timeout=60)
        assert told.status_code == 200 and told.json()["status"] == "completed", told.text
        assert (
            told.json()["metrics"]["psnr_db"] not in (50.0, 45.0)
            and told.json()["experiment_id"] == fixture(name)["experiment_id"]
        )
    test = httpx.post(f"{url}/experiment", json=fixture("test.json"))
    assert test.status_code == 200 and test.json()["status"] == "ok"
    assert httpx.get(f"{url}/api/experiments").json()["total"] == 2


def test_without_the_setting_old_formats_are_answered_at_once(server, sandbox):
    url = server(workers=0).url
    assert httpx.post(f"{url}/experiment", json=fixture("v1.json")).status_code == 202


def test_the_same_body_twice_is_one_experiment_and_another_of_its_name_a_second(server):
    url = server(workers=0).url
    first, again = (httpx.post(f"{url}/experiment", json={"experiment_id": "a", **SETTINGS}).json() for _ in range(2))
    assert first["new"] and not again["new"] and first["timestamp"] == again["timestamp"]
    other = httpx.post(f"{url}/experiment", json={"experiment_id": "a", **SETTINGS, "campaign": "x"}).json()
    assert other["new"] and other["timestamp"] > first["timestamp"]
    clash = httpx.post(
        f"{url}/experiment", json={"experiment_id": "a", "timestamp": first["timestamp"], **SETTINGS, "campaign": "y"}
    )
    assert clash.status_code == 400 and "another job" in clash.json()["error"]


def test_what_failed_or_was_cancelled_is_run_anew_when_it_is_sent_anew(server):
    url, body = server().url, {"experiment_id": "a", **SETTINGS, "clip": {"sha256": "2" * 64}}
    told = [httpx.post(f"{url}/experiment", json=body, params={"wait": "30"}, timeout=40).json() for _ in range(2)]
    assert [each["state"] for each in told] == ["failed"] * 2 and told[1]["timestamp"] > told[0]["timestamp"]


def test_what_was_cancelled_and_is_sent_anew_waits_anew_and_what_waits_is_one(server):
    url, body = server(workers=0).url, {"experiment_id": "a", **SETTINGS, "fresh": True}
    first, again = (httpx.post(f"{url}/experiment", json=body).json() for _ in range(2))
    assert first["timestamp"] == again["timestamp"] and not again["new"]
    assert httpx.post(f"{url}/experiment/a/cancel", json={}).json()["cancelled"]
    anew = httpx.post(f"{url}/experiment", json=body).json()
    assert anew["new"] and anew["status"] == "processing" and anew["timestamp"] > first["timestamp"]


def test_what_is_to_be_fresh_is_run_anew_once_it_has_completed(server):
    url = server().url
    for fresh, new in ((False, False), (True, True)):
        body = {"experiment_id": f"fresh-{fresh}", **SETTINGS, "fresh": fresh}
        told = [httpx.post(f"{url}/experiment", json=body, params={"wait": "30"}, timeout=40).json() for _ in range(2)]
        assert [each["state"] for each in told] == ["completed"] * 2
        assert (told[1]["timestamp"] > told[0]["timestamp"]) is new and "linked" not in told[1]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"not JSON", 400, "JSON"),
        (b"[1]", 400, "object"),
        (b'{"kind": "settings", "payload": {"settings": {"quantizer": NaN}}}', 400, "JSON"),
        (b"[" * 100_000, 400, "JSON"),
        (b" " * 300_000, 413, "at most"),
        ({}, 400, "kind"),
        ({"protocol": 3}, 400, "protocol: expected 2"),
        ({"kind": "magic", "payload": {}}, 400, "kind"),
        ({"kind": "settings", "payload": {"settings": {"speed": 1}}}, 400, "speed"),
        ({"kind": "settings", "payload": {"settings": {"cache_dir": "/etc"}}}, 400, "cache_dir"),
        (
            {"kind": "settings", "payload": {"settings": {"quantizer": 3}}, "target": {"kind": "quantizer", "value": 2.0}},
            400,
            "target",
        ),
        ({"kind": "settings", "payload": {"choices": [{"speed": 1}]}}, 400, "speed"),
        ({**SETTINGS, "experiment_id": "../x"}, 400, "experiment_id"),
        ({**SETTINGS, "experiment_id": "a" * 65}, 400, "experiment_id"),
        ({**SETTINGS, "timestamp": -1}, 400, "timestamp"),
        ({**SETTINGS, "nonsense": 1}, 400, "nonsense"),
        ({**SETTINGS, "budget": {"wall_s": 10**6}}, 400, "wall_s"),
        ({"kind": "agent", "payload": {"code": ""}}, 400, "code"),
        ({"kind": "agent", "payload": {"code": "#" * 70_000}}, 400, "code"),
        ({"encoding_agent_code": "x = 1"}, 400, "decoding_agent_code"),
        ({"generated_code": "x = 1", "encoding_agent_code": "y = 1"}, 400, "generated_code"),
    ],
)
def test_what_is_no_job_is_refused_by_name(server, body, status, word):
    url = server(workers=0).url
    headers = {"content-type": "application/json"}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = httpx.post(f"{url}/experiment", content=data, headers=headers)
    assert answer.status_code == status and word in answer.json()["error"], answer.text
    assert httpx.get(f"{url}/api/experiments").json()["total"] == 0


def test_what_waits_can_be_cancelled_once(server):
    url = server(workers=0).url
    httpx.post(f"{url}/experiment", json={"experiment_id": "a", **SETTINGS})
    assert httpx.post(f"{url}/experiment/a/cancel", json={}).json() | {"timestamp": 0} == {
        "experiment_id": "a",
        "timestamp": 0,
        "cancelled": True,
        "state": "cancelled",
    }
    assert httpx.post(f"{url}/experiment/a/cancel", json={}).status_code == 409
    assert httpx.post(f"{url}/experiment/b/cancel", json={}).status_code == 404
    assert [each["state"] for each in httpx.get(f"{url}/api/experiments").json()["failed"]] == ["cancelled"]


def test_health_says_whether_a_worker_lives(server):
    started = server()
    assert until(lambda: httpx.get(f"{started.url}/health").json()["status"] == "healthy")
    alone = server(workers=0, data=started.services.config.data / "other")
    answer = httpx.get(f"{alone.url}/health")
    assert answer.status_code == 503 and answer.json()["status"] == "no live worker"


def test_metrics_count_what_is_there(server):
    url = server(workers=0).url
    httpx.post(f"{url}/experiment", json={"experiment_id": "a", **SETTINGS})
    text = httpx.get(f"{url}/metrics").text
    assert 'neural_codec_experiments{state="queued"} 1' in text and "neural_codec_workers_live 0" in text


def test_the_interface_is_described(server):
    url = server(workers=0).url
    spec = httpx.get(f"{url}/openapi.json").json()
    assert spec["openapi"].startswith("3.1") and {"/experiment", "/api/experiments", "/health"} <= set(spec["paths"])
    assert {"Job", "OldV1", "OldV2", "CompatPayload"} <= set(spec["components"]["schemas"])
    page = httpx.get(f"{url}/docs")
    assert "POST /experiment" in page.text and page.headers["content-security-policy"].startswith("default-src 'self'")


def test_a_token_is_asked_of_all_but_health(server):
    url = server(workers=0, token=TOKEN).url
    for path in ("/", "/api/experiments", "/metrics", "/events", "/artefacts/" + "0" * 64):
        assert httpx.get(url + path).status_code == 401
        assert httpx.get(url + path, headers={"authorization": "Bearer wrong"}).status_code == 401
    assert httpx.post(f"{url}/experiment", json=SETTINGS).status_code == 401
    assert httpx.get(f"{url}/health").status_code == 503
    assert httpx.post(f"{url}/experiment", json=SETTINGS, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 202
    with httpx.Client(base_url=url) as browser:
        entered = browser.get(f"/?token={TOKEN}")
        assert entered.status_code == 303 and entered.headers["location"] == "/" and "HttpOnly" in entered.headers["set-cookie"]
        assert browser.get("/").status_code == 200


def test_other_pages_and_other_names_cannot_speak_for_a_user(server):
    url = server(workers=0).url
    assert httpx.get(f"{url}/", headers={"host": "evil.example"}).status_code == 403
    form = httpx.post(f"{url}/experiment", content=b'{"type": "test"}', headers={"content-type": "text/plain"})
    assert form.status_code == 415


def test_artefacts_are_asked_by_their_hash_alone(server):
    url = server(workers=0).url
    assert httpx.get(f"{url}/artefacts/{'0' * 64}").status_code == 404
    for path in ("..%2f..%2fetc%2fpasswd", "experiments.db", "%00", "A" * 64):
        assert httpx.get(f"{url}/artefacts/{path}").status_code in (400, 404)


@pytest.mark.parametrize("number", ["%C2%B2", "%D9%A3", "-1", "1e9", "0x1", "9" * 400, "%00", ""])
def test_numbers_in_addresses_that_are_none_break_nothing(server, number):
    url = server(workers=0).url
    httpx.post(f"{url}/experiment", json={"experiment_id": "a", **SETTINGS})
    for place in (
        f"/?offset={number}", f"/rows?offset={number}&tab={number}&order={number}", f"/api/experiments?limit={number}",
        f"/experiment/a?timestamp={number}", f"/experiments/a?timestamp={number}",
    ):  # fmt: skip
        assert httpx.get(url + place, timeout=60).status_code == 200, place
    assert httpx.post(f"{url}/experiment?wait={number}", json={"experiment_id": "b", **SETTINGS}).status_code == 202
    with httpx.stream("GET", f"{url}/events?after={number}", timeout=60) as events:
        assert events.status_code == 200 and next(events.iter_lines()) == "retry: 1000"
    assert httpx.post(f"{url}/experiment/a/cancel?timestamp={number}", json={}).status_code == 200


def test_no_address_leads_elsewhere_once_the_token_was_right(server):
    url = server(workers=0, token=TOKEN).url
    answer = httpx.get(f"{url}//elsewhere.example/", params={"token": TOKEN})
    assert answer.status_code == 303 and answer.headers["location"] == "/elsewhere.example/"


def test_changes_are_told_as_they_happen(server, monkeypatch):
    told: list[dict] = []

    def phases() -> set[str]:
        return {row["phase"] for each in told for row in each["rows"]}

    for name, phase in (("decode_fresh", "decoded"), ("of_stream", "measured")):
        real = getattr(measure, name)
        # Each phase lasts until it was heard of.
        monkeypatch.setattr(measure, name, lambda *given, real=real, phase=phase: (until(lambda: phase in phases()), real(*given))[1])
    started = server()

    def listen():
        with httpx.stream("GET", f"{started.url}/events", timeout=60) as events:
            for line in events.iter_lines():
                if line.startswith("data: "):
                    told.append(json.loads(line[6:]))
                    if any(row["state"] == "completed" for row in told[-1]["rows"]):
                        return

    thread = threading.Thread(target=listen)
    thread.start()
    until(lambda: told)
    httpx.post(f"{started.url}/experiment", json={"experiment_id": "a", **SETTINGS})
    thread.join(60)
    assert not thread.is_alive() and told[-1]["counts"]["successful"] == 1
    assert {"decoded", "measured", "shown"} <= phases()
