"""Decodes each stream in a process that was never used: `python -m neural_codec.experiments.fresh`, one line of JSON a decode.

The server itself only loads the library and waits; each line makes it fork, and what was forked decodes one stream and ends.
It has seen neither the source nor another stream, and costs a tenth of an interpreter that starts anew.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import NoReturn

import neural_codec

from .faults import is_of_machine

_PR_SET_PDEATHSIG = 1


def main() -> int:
    _end_with_parent()
    # What a decode needs is loaded before the first.
    assert neural_codec.decode is not None
    for line in sys.stdin:
        told = json.loads(line)
        # By a pipe, and not by a file, an error is told on a full disk too.
        source, sink = os.pipe()
        child = os.fork()
        if child == 0:
            _decode(told["stream"], told["output"], sink)
        os.close(sink)
        with open(source, "rb") as pipe:
            error = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"status": status, "error": json.loads(error or b"null")}), flush=True)
    return 0


def _end_with_parent() -> None:
    # Without a worker nobody wants the frames.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _decode(stream: str, output: str, sink: int) -> NoReturn:
    _end_with_parent()
    status = 1
    try:
        neural_codec.decode(stream, output)
        status = 0
    except BaseException as error:
        text = " ".join(str(error).split())[:500] or type(error).__name__
        os.write(sink, json.dumps({"message": text, "of_machine": is_of_machine(error)}).encode())
    finally:
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
