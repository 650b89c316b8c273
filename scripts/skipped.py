"""Says which of the tests that passed left something out: skipped.py JUNIT

A Rust test that lacks a clip or a program says so on standard error and returns, which counts as passed.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

SAID = re.compile(r"^.*\bskipped: .*$", re.MULTILINE | re.IGNORECASE)


def main() -> None:
    report = Path(sys.argv[1])
    if not report.is_file():
        return
    found: dict[str, list[str]] = {}
    for case in xml.parse(report).iter("testcase"):
        said = "\n".join(case.findtext(stream) or "" for stream in ("system-out", "system-err"))
        for line in dict.fromkeys(SAID.findall(said)):
            found.setdefault(line, []).append(f"{case.get('classname')} {case.get('name')}")
    for line, tests in found.items():
        print(line)
        for test in tests:
            print(f"    {test}")


if __name__ == "__main__":
    main()
