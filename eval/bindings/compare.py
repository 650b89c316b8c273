"""What the C and the Python bindings add to the time of an encode in Rust: compare.py CLIP [ROUNDS]; `make overhead` builds all three.

The same encode, file to file, in a process of its own each, the three taken in turn so that what else the machine does
hits all alike. Printed: medians of the times, and the median over rounds of the ratio within a round.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import neural_codec

ROOT = Path(__file__).resolve().parents[2]
IN_PYTHON = """
import sys, time
import neural_codec
neural_codec.versions(), neural_codec.encode  # loaded when first used
wall, cpu = time.perf_counter(), time.process_time()
neural_codec.encode(sys.argv[1], sys.argv[2], quantizer=sys.argv[3], effort=0, threads=2)
print(time.perf_counter() - wall, time.process_time() - cpu)
"""
QUANTIZER = "40"


def main() -> None:
    clip, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 15
    with tempfile.TemporaryDirectory() as folder:
        c = f"{folder}/time_encode"
        libraries = str(ROOT / "target/release")
        subprocess.run(
            ["cc", "-O2", "-D_POSIX_C_SOURCE=200809L", f"-I{ROOT}/include", f"{ROOT}/eval/bindings/time_encode.c", "-o", c]
            + [f"{libraries}/libneuralcodec.so", f"-Wl,-rpath,{folder}"], check=True,
        )  # fmt: skip
        Path(folder, "libneuralcodec.so.1").symlink_to(f"{libraries}/libneuralcodec.so")
        # Python would find newer libraries than the others: all use what it finds.
        found = neural_codec.versions()
        environment = {**os.environ, "NEURAL_CODEC_SVTAV1": found["base encoder file"], "NEURAL_CODEC_DAV1D": found["base decoder file"]}
        print(f"{found['base encoder']}, {found['base decoder']}, {rounds} rounds of {Path(clip).name}\n")
        commands = {
            "rust": [f"{libraries}/time_encode"],
            "c": [c],
            "python": [sys.executable, "-c", IN_PYTHON],
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        outputs = set()
        for turn in range(rounds):
            # Another one begins each round.
            order = list(commands)[turn % 3 :] + list(commands)[: turn % 3]
            for name in order:
                done = subprocess.run(
                    [*commands[name], clip, f"{folder}/out.nvc", QUANTIZER], check=True, capture_output=True, text=True, env=environment,
                )
                wall, cpu = map(float, done.stdout.split())
                times[name].append((wall, cpu))
                outputs.add(Path(folder, "out.nvc").read_bytes())
        assert len(outputs) == 1, "all three write the same bytes"
    print("| binding | wall s | processor s | wall, to Rust | processor, to Rust |")
    print("|---|---|---|---|---|")
    for name, taken in times.items():
        medians = [statistics.median(each) for each in zip(*taken, strict=True)]
        ratios = [
            statistics.median(mine[kind] / rust[kind] for mine, rust in zip(taken, times["rust"], strict=True))
            for kind in (0, 1)
        ]
        print(f"| {name} | {medians[0]:.3f} | {medians[1]:.3f} | x {ratios[0]:.3f} | x {ratios[1]:.3f} |")


if __name__ == "__main__":
    main()
