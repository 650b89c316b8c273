"""A process that decodes one stream and knows nothing else: `python -m neural_codec.experiments.fresh STREAM OUTPUT`."""

from __future__ import annotations

import ctypes
import signal
import sys

import neural_codec

_PR_SET_PDEATHSIG = 1


def main() -> int:
    # Without a worker nobody wants the frames.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        neural_codec.decode(sys.argv[1], sys.argv[2])
    except neural_codec.NeuralCodecError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
