"""The command line under bad input: one line that names what is wrong, and no traceback."""

from __future__ import annotations

import io
import json
import socket
import sys

import pytest
from neural_codec.experiments import ExperimentError, cli
from neural_codec.experiments.client import Client

SETTINGS = {"kind": "settings", "payload": {"settings": {"effort": 0}}}


@pytest.fixture
def sent(monkeypatch):
    """What the commands send, to nobody."""
    found: list[tuple] = []

    def call(self, method, path, body=None, **more):
        found.append((method, path, body))
        return {"experiment_id": "a", "state": "cancelled", "cancelled": True, "phases": [], "phase": ""}

    monkeypatch.setattr(Client, "call", call)
    return found


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"not JSON", "expected JSON"),
        (b"\xff\xfe", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (b'{"payload": {"settings": {"quantizer": NaN}}}', "found NaN"),
        (b"[1]", "a JSON object"),
        (b'"x"', "a JSON object"),
        (b'{"payload": 7}', "settings in its payload, found 7"),
        (b'{"payload": {"settings": []}}', "settings in its payload"),
        (b'{"payload": null}', "settings in its payload"),
    ],
)
def test_a_file_that_is_no_job_is_named_and_not_sent(sent, tmp_path, monkeypatch, text, word):
    file = tmp_path / "job.json"
    file.write_bytes(text)
    with pytest.raises(ExperimentError, match=word):
        cli.main(["submit", str(file), "--set", "effort=0"])
    if word != "expected JSON":
        monkeypatch.setattr(sys, "stdin", io.StringIO(text.decode()))
        with pytest.raises(ExperimentError, match=word):
            cli.main(["submit", "-", "--set", "effort=0"])
    assert sent == []


def test_what_the_command_line_sets_comes_above_the_file(sent, tmp_path, capsys):
    file = tmp_path / "job.json"
    file.write_text(json.dumps(SETTINGS))
    assert cli.main(["submit", str(file), "--set", "effort=3", "--set", "strategies=av1", "--set", "quantizer=NaN", "--id", "x", "--json"]) == 1
    ((method, path, body),) = sent
    assert (method, path) == ("POST", "/experiment") and body["experiment_id"] == "x"
    # What is no number of JSON goes as the text that it is, for the server to refuse.
    assert body["payload"]["settings"] == {"effort": 3, "strategies": "av1", "quantizer": "NaN"}
    assert json.loads(capsys.readouterr().out)["state"] == "cancelled"


@pytest.mark.parametrize("name", ["../metrics", "a?x=1#y", "a/b", "%2e%2e"])
def test_a_name_is_one_part_of_an_address(sent, name):
    cli.main(["show", name])
    cli.main(["cancel", name])
    for _, path, _ in sent:
        assert path.count("/") == 2 + path.endswith("/cancel") and not set("?#") & set(path)


@pytest.mark.parametrize(("arguments", "least"), [(["list", "--limit", "-1"], 1), (["list", "--limit", "0"], 1), (["serve", "--workers", "-2"], 0)])
def test_a_number_below_the_least_is_refused_by_name(sent, capsys, arguments, least):
    with pytest.raises(SystemExit):
        cli.main(arguments)
    assert f"{arguments[1]}: expected {least} or more, got {arguments[2]}" in capsys.readouterr().err
    assert not sent


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND (python -m neural_codec experiments --help"),
        (["nonsense"], "nonsense"),
        (["submit", "--bogus"], "--bogus"),
        (["list", "--limit", "many"], "many"),
        (["campaign", "start"], "file"),
        (["campaign", "nonsense"], "nonsense"),
        (["modifier", "report"], "name (python -m neural_codec experiments modifier report --help"),
    ],
)
def test_wrong_usage_is_one_line_and_has_a_code_of_its_own(sent, capsys, arguments, words):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    said = capsys.readouterr()
    assert ended.value.code == 2 and said.out == "" and not sent
    assert said.err.startswith("error: ") and said.err.count("\n") == 1 and words in said.err


def test_nothing_is_said_to_be_served_where_the_port_is_taken(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit):
            cli.main(["serve", "--data", str(tmp_path / "data"), "--port", port, "--workers", "0"])
    assert "serving on" not in capsys.readouterr().err
