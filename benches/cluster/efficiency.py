"""How well one clip spreads over nodes: python benches/cluster/efficiency.py CLIP... [--effort N] [--runs N] [--table FILE]

The clips are joined into one of six scenes from each. It is encoded on simulated clusters of this machine, of one node and of two, each of one
processor, turn by turn; a model that is fed with what was measured of one node says what two should take, and what 64 would, with 20 scenes
for each. Efficiency is the time of one node over that of `n` nodes times `n`. Needs Ray, and two processors.

Where other work runs beside, wall times say little. So nodes are timed by the processor too: a scene then takes the processor time of its
process, and all between scenes what the clock says.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np
from neural_codec import _cluster
from spread import Scenes, seconds

SCENE_FRAMES = 16
SCENES_A_CLIP = 6


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
            # As sources usually are: what is lossless takes the head three times as long to decode.
            command += ["-c:v", "libx264", "-crf", "16", "-preset", "veryfast"]
            subprocess.run([*command, str(part)], check=True)
            parts.append(part)
    names = folder / "parts.txt"
    names.write_text("".join(f"file '{part}'\n" for part in parts))
    whole = folder / "joined.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(names), "-c", "copy", str(whole)], check=True)
    return whole


@dataclass(frozen=True)
class Begun:
    """A scene on a node, by the clock and by the processor."""

    node: str
    index: int
    start: float
    end: float
    cpu: float


@dataclass(frozen=True)
class Run:
    """An encode on so many nodes."""

    nodes: int
    start: float
    end: float
    scenes: list[Begun]
    head: Head
    reader_cpu: float
    ray_cpu: float
    load: float
    data: bytes

    @property
    def wall(self) -> float:
        return self.end - self.start

    @property
    def first(self) -> float:
        return min(scene.start for scene in self.scenes) - self.start

    @property
    def join(self) -> float:
        return self.end - max(scene.end for scene in self.scenes)

    def of_nodes(self) -> list[list[Begun]]:
        names = sorted({scene.node for scene in self.scenes})
        return [sorted((scene for scene in self.scenes if scene.node == name), key=lambda scene: scene.start) for name in names]

    @property
    def gaps(self) -> list[float]:
        return [later.start - earlier.end for node in self.of_nodes() for earlier, later in zip(node, node[1:])]

    @property
    def by_processor(self) -> float:
        """Seconds, had every scene had its processor all the while."""
        ends = [node[-1].end - self.start - sum(scene.end - scene.start - scene.cpu for scene in node) for node in self.of_nodes()]
        return max(ends) + self.join


def timed(log: Path) -> type:
    """The encoder of nodes, which notes what each scene takes."""
    import ray

    class Timed(_cluster._Encoder):
        def encode(self, scene, texts, start):
            begun, cpu = time.time(), time.process_time()
            found = super().encode(scene, texts, start)
            ended, used = time.time(), time.process_time() - cpu
            index = -1 if isinstance(found, Exception) else found.report.index
            with log.open("a") as file:
                file.write(json.dumps([ray.get_runtime_context().get_node_id(), index, begun, ended, used]) + "\n")
            return found

    return Timed


@dataclass(frozen=True)
class Head:
    """Processor time that the head takes for each scene, and seconds to join all, with nothing else at work."""

    decode: float
    cut: float
    join: float

    def scene(self, processors: int) -> float:
        """Seconds of a scene on a head of so many processors: decoders have threads of their own, the rest is one after the other."""
        return self.decode + self.cut if processors == 1 else max(self.cut, self.decode / (processors - 1))


def of_head(clip: Path, texts: dict[str, str], scenes: list[bytes]) -> Head:
    """What reading, cutting and the way into the object store take."""
    import ray
    from neural_codec import _native
    from neural_codec._jobs import drive
    from neural_codec._sources import opened

    def of_threads() -> dict[str, float]:
        return {task.name: int((task / "schedstat").read_text().split()[0]) / 1e9 for task in Path("/proc/self/task").iterdir()}

    before = of_threads()
    count, start = 0, time.process_time()
    with opened(clip, reading=texts) as (native, _):
        cutter = _native.SceneCutter(native, texts)
        while True:
            parts: list[bytes] = []
            if drive(cutter.next(), write=parts.append) == "null":
                break
            ray.put(np.frombuffer(parts[0], np.uint8))
            count += 1
        # Of the threads that came, those of decoders are still there.
        whole, decode = time.process_time() - start, sum(taken for thread, taken in of_threads().items() if thread not in before)
        start = time.perf_counter()
        drive(cutter.concat(scenes, texts), write=lambda data: None)
        return Head(decode / count, (whole - decode) / count, time.perf_counter() - start)


def keeping(scenes: list[bytes]) -> type:
    """The run of the head, which keeps what nodes gave."""

    class Keeping(_cluster._Run):
        def scenes(self):
            found = super().scenes()
            scenes.extend(scene.data for scene in found)
            return found

    return Keeping


def ray_seconds() -> float:
    """Processor time of Ray's own processes, workers left out."""
    ticks = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            name = (folder / "cmdline").read_bytes()
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if b"/ray/" in name and not name.startswith(b"ray::"):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def on_nodes(clip: Path, nodes: int, settings: dict[str, int], folder: Path) -> Run:
    """An encode on a cluster of so many nodes of one processor."""
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
    output, log = folder / f"{nodes}.nvc", folder / "scenes.json"
    log.write_text("")
    encoder, run = _cluster._Encoder, _cluster._Run
    encoded: list[bytes] = []
    _cluster._Encoder, _cluster._Run = timed(log), keeping(encoded)
    try:
        # Workers that have loaded what they need.
        warm = ray.remote(num_cpus=1)(lambda: neural_codec.versions()["base encoder"])
        ray.get([warm.remote() for _ in range(4 * nodes)])
        load, others, cpu, start = os.getloadavg()[0], ray_seconds(), time.process_time(), time.time()
        neural_codec.encode(clip, output, cluster="auto", **settings)
        end, cpu, others = time.time(), time.process_time() - cpu, ray_seconds() - others
        scenes = [Begun(*json.loads(line)) for line in log.read_text().splitlines()]
        head = of_head(clip, {name: str(value) for name, value in settings.items()}, encoded)
        return Run(nodes, start, end, scenes, head, cpu, others, load, output.read_bytes())
    finally:
        _cluster._Encoder, _cluster._Run = encoder, run
        ray.shutdown()
        cluster.shutdown()


def scenes_of(runs: list[Run], by_processor: bool, head_processors: int) -> Scenes:
    """What the model is fed with, out of runs on one node: medians over the runs."""

    def encode(index: int) -> float:
        found = [scene for run in runs for scene in run.scenes if scene.index == index]
        return median(scene.cpu if by_processor else scene.end - scene.start for scene in found)

    count, cut = len(runs[0].scenes), median(run.head.scene(head_processors) for run in runs)
    return Scenes(
        cuts=[cut] * count,
        encodes=[encode(index) for index in range(count)],
        first=median(run.first for run in runs) - cut,
        gap=median(mean(run.gaps) for run in runs),
        last=median(run.join - run.head.join for run in runs),
        join=median(run.head.join for run in runs),
        head=median(run.reader_cpu + run.ray_cpu for run in runs),
    )


def table_of(runs: list[Run], effort: int) -> list[tuple[str, str]]:
    one, two = ([run for run in runs if run.nodes == nodes] for nodes in (1, 2))
    walls = [median(run.wall for run in some) for some in (one, two)]
    clocks = [median(run.by_processor for run in some) for some in (one, two)]
    processors = len(os.sched_getaffinity(0))
    by_wall, by_clock = scenes_of(one, False, 1), scenes_of(one, True, 1)
    wall_model, clock_model = seconds(by_wall, 2, processors), seconds(by_clock, 2)
    busy = [mean(sum(scene.end - scene.start for scene in node) for node in run.of_nodes()) / run.wall for run in two]
    reader, ray = median(run.reader_cpu for run in two), median(run.ray_cpu for run in two)
    decode, cut = (1000 * median(value) for value in ([run.head.decode for run in one], [run.head.cut for run in one]))
    rows = [
        ("effort, scenes, frames of each, processors", f"{effort}, {len(by_wall.cuts)}, {SCENE_FRAMES}, {processors}"),
        ("load before each run, of one node and of two by turns", ", ".join(f"{run.load:.1f}" for run in runs)),
        ("time of one node, of two, by the clock (medians)", f"{walls[0]:.1f} s, {walls[1]:.1f} s"),
        ("the same by the nodes' processor time", f"{clocks[0]:.1f} s, {clocks[1]:.1f} s"),
        ("efficiency of two nodes, by the clock", f"{walls[0] / (2 * walls[1]):.3f}"),
        ("the same by the nodes' processor time", f"{clocks[0] / (2 * clocks[1]):.3f}"),
        ("the model's time of two nodes, against the measured one", f"{wall_model:.1f} s, {wall_model / walls[1] - 1:+.1%}"),
        ("the same by the nodes' processor time", f"{clock_model:.1f} s, {clock_model / clocks[1] - 1:+.1%}"),
        ("part of the time that two nodes encode", f"{median(busy):.3f}"),
        ("until the first scene begins; between two scenes of a node; from the last one's end", f"{median(run.first for run in two):.2f} s; {1000 * by_wall.gap:.0f} ms; {median(run.join for run in two):.2f} s"),
        ("processor time beside two nodes: the head's process, Ray's own", f"{reader:.1f} s, {ray:.1f} s"),
        ("processor time of a scene: decoding, cutting it out and storing it; encoding it", f"{decode:.0f} ms, {cut:.0f} ms; {mean(by_clock.encodes):.2f} s"),
    ]
    for nodes in (4, 16, 64):
        for own in (1, 4):
            many = scenes_of(one, True, own).repeated(20 * nodes)
            found = seconds(many, 1) / (nodes * seconds(many, nodes))
            rows.append((f"modelled efficiency of {nodes} nodes, {20 * nodes} scenes, the head with {own} processor{'s' * (own > 1)} of its own", f"{found:.3f}"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--effort", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    settings = {"effort": options.effort}
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        folder = Path(name)
        clip = joined(options.clips, folder)
        runs = []
        for nodes in [1, 2] * options.runs:
            run = on_nodes(clip, nodes, settings, folder)
            runs.append(run)
            print(f"{nodes} nodes: {run.wall:.1f} s, by the processor {run.by_processor:.1f} s, load {run.load:.1f}", file=sys.stderr, flush=True)
    if len({run.data for run in runs}) != 1:
        raise SystemExit("the bytes depend on the number of nodes")
    table = "| what | found |\n|---|---|\n" + "".join(f"| {what} | {found} |\n" for what, found in table_of(runs, options.effort))
    print(table, end="")
    if options.table:
        options.table.parent.mkdir(parents=True, exist_ok=True)
        options.table.write_text(table)


if __name__ == "__main__":
    main()
