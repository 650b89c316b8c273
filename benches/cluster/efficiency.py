"""How well one clip spreads over nodes: python benches/cluster/efficiency.py CLIP... [--effort N] [--table FILE]

The clips are joined into one of six scenes from each. It is encoded on simulated clusters of this machine, of one node and of two, each of one
processor, turn by turn; a model that is fed with the scenes' measured times says what two nodes should take, and what 64 would, with 20 scenes
for each. Efficiency is the time of one node over that of `n` nodes times `n`. Needs Ray, and two processors that do nothing else.
"""

from __future__ import annotations

import argparse
import heapq
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

SCENE_FRAMES = 16
SCENES_A_CLIP = 6
RUNS = 3


def joined(clips: list[str], folder: Path) -> Path:
    """One clip of scenes from all of them, in turn, so that each begins with a cut."""
    parts = []
    for number in range(SCENES_A_CLIP):
        for index, clip in enumerate(clips):
            part = folder / f"{number}-{index}.mkv"
            frames = f"trim=start_frame={number * SCENE_FRAMES}:end_frame={(number + 1) * SCENE_FRAMES},setpts=N/25/TB"
            picture = f"fps=25,{frames},scale=640:360:force_original_aspect_ratio=decrease,pad=640:360:-1:-1,format=yuv420p"
            # A short clip is repeated.
            command = ["ffmpeg", "-v", "error", "-y", "-stream_loop", "9", "-i", clip, "-an", "-vf", picture, "-frames:v", str(SCENE_FRAMES)]
            command += ["-c:v", "libx264", "-qp", "0", "-preset", "ultrafast"]
            subprocess.run([*command, str(part)], check=True)
            parts.append(part)
    names = folder / "parts.txt"
    names.write_text("".join(f"file '{part}'\n" for part in parts))
    whole = folder / "joined.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(names), "-c", "copy", str(whole)], check=True)
    return whole


def cut_seconds(clip: Path, texts: dict[str, str]) -> list[float]:
    """How long it takes to read and to cut out each scene, with nothing else at work."""
    from neural_codec import _native
    from neural_codec._jobs import drive
    from neural_codec._sources import opened

    seconds = []
    with opened(clip, audio=False, reading=texts) as (native, _):
        cutter = _native.SceneCutter(native, texts)
        while True:
            start = time.perf_counter()
            if drive(cutter.next(), write=lambda data: None) == "null":
                return seconds
            seconds.append(time.perf_counter() - start)


def on_nodes(clip: Path, nodes: int, settings: dict[str, int], output: Path):
    """Seconds of an encode on a cluster of so many nodes of one processor, and its report."""
    import ray
    from ray.cluster_utils import Cluster

    import neural_codec

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 400 << 20})
    # A node's processes inherit the one processor that they may use: what has one thread still takes more, where it can.
    processors = sorted(os.sched_getaffinity(0))
    for node in range(nodes):
        os.sched_setaffinity(0, {processors[-1 - node]})
        cluster.add_node(num_cpus=1, object_store_memory=200 << 20)
    os.sched_setaffinity(0, processors)
    ray.init(address=cluster.address, logging_level="error")
    try:
        # Workers that have loaded what they need.
        warm = ray.remote(num_cpus=1)(lambda: neural_codec.versions()["base encoder"])
        ray.get([warm.remote() for _ in range(4 * nodes)])
        start = time.perf_counter()
        report = neural_codec.encode(clip, output, cluster="auto", **settings)
        return time.perf_counter() - start, report
    finally:
        ray.shutdown()
        cluster.shutdown()


def modelled(cuts: list[float], scenes: list[float], nodes: int, ahead: int = 2) -> float:
    """Seconds until the last scene is encoded: scenes are cut one after the other, as far ahead as there is room, and each goes to the node that is free first."""
    free, ends, clock, last = [0.0] * nodes, [], 0.0, 0.0
    for cut, scene in zip(cuts, scenes):
        # Room for the scene: fewer than `nodes + ahead` that are not finished.
        while len(ends) >= nodes + ahead:
            clock = max(clock, heapq.heappop(ends))
        clock += cut
        end = max(clock, heapq.heappop(free)) + scene
        heapq.heappush(free, end)
        heapq.heappush(ends, end)
        last = max(last, end)
    return last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--effort", type=int, default=3)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    settings = {"effort": options.effort}
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        folder = Path(name)
        clip = joined(options.clips, folder)
        cuts = cut_seconds(clip, {"effort": str(options.effort), "threads": "1"})
        times: dict[int, list[float]] = {1: [], 2: []}
        encoded: list[bytes] = []
        scene_seconds: list[float] = []
        for _ in range(RUNS):
            for nodes in times:
                output = folder / f"{nodes}.nvc"
                seconds, report = on_nodes(clip, nodes, settings, output)
                times[nodes].append(seconds)
                encoded.append(output.read_bytes())
                if nodes == 1 and not scene_seconds:
                    scene_seconds = [sum(attempt.seconds for attempt in scene.attempts) for scene in report.scenes]
                print(f"{nodes} nodes: {seconds:.1f} s, {len(report.scenes)} scenes", file=sys.stderr, flush=True)
    if len(set(encoded)) != 1:
        raise SystemExit("the bytes depend on the number of nodes")
    one, two = median(times[1]), median(times[2])
    # What a scene takes beside its attempts: analysis, the way to the node and back.
    beside = max(one - modelled(cuts, scene_seconds, 1), 0.0) / len(scene_seconds)
    whole = [seconds + beside for seconds in scene_seconds]
    predicted = modelled(cuts, whole, 2)
    many = 20 * 64
    repeated = [(cuts[at % len(cuts)], whole[at % len(whole)]) for at in range(many)]
    all_cuts, all_scenes = [cut for cut, _ in repeated], [scene for _, scene in repeated]
    rows = [
        ("scenes, frames of each", f"{len(cuts)}, {SCENE_FRAMES}"),
        (f"time of one node, of two (medians, runs: {RUNS})", f"{one:.1f} s, {two:.1f} s"),
        ("efficiency of two nodes", f"{one / (2 * two):.3f}"),
        ("the model's time of two nodes, against the measured one", f"{predicted:.1f} s, {predicted / two - 1:+.1%}"),
        ("reading and cutting a scene, encoding it (means)", f"{sum(cuts) / len(cuts):.3f} s, {sum(whole) / len(whole):.2f} s"),
    ]
    for nodes in (4, 16, 64):
        count = 20 * nodes
        alone, apart = modelled(all_cuts[:count], all_scenes[:count], 1), modelled(all_cuts[:count], all_scenes[:count], nodes)
        rows.append((f"modelled efficiency of {nodes} nodes, {count} scenes", f"{alone / (nodes * apart):.3f}"))
    table = "| what | found |\n|---|---|\n" + "".join(f"| {what} | {found} |\n" for what, found in rows)
    print(table, end="")
    if options.table:
        options.table.parent.mkdir(parents=True, exist_ok=True)
        options.table.write_text(table)


if __name__ == "__main__":
    main()
