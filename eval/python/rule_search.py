"""Whether Optuna finds better rules than random search at equal trials, and whether what it finds holds on other clips.

    python eval/python/rule_search.py grid    TABLE FOLDER         # codes the excerpts once (needs NEURAL_CODEC_MEDIA and ffmpeg)
    python eval/python/rule_search.py search  TABLE FOUND          # minutes: both planners on the training clips of the table; no clip is needed
    python eval/python/rule_search.py real    TABLE FOLDER FOUND   # the best rules for real on the held-out clips
    python eval/python/rule_search.py picture FOUND CHART          # best so far against trials

FOLDER keeps excerpts, TABLE has the profiles beside it, FOUND is the JSON that `search` and `real` write.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import neural_codec
from neural_codec.experiments.campaign_model import Campaign, campaign_from
from neural_codec.experiments.decisions import first_choice
from neural_codec.experiments.model import RulesPayload
from neural_codec.experiments.plan_optuna import OptunaPlanner
from neural_codec.experiments.plan_random import RandomPlanner
from neural_codec.experiments.planner import Context, Planner, Trial
from neural_codec.experiments.score import ClipScore, Score, interval, score_of
from rule_grid import FRAMES, QUANTIZERS, Excerpt, Tools, at_floor, excerpt_file, excerpts, measure, profile, profiles_file, rows, split_hash

TRIALS, SEEDS, MOST_TIME = 200, 10, 1.05
# Runs for real: name, effort, frames, and which of the grid's floors. The effort that the grid stands for, the default, and longer scenes.
RUNS = (("real_effort_3", 3, FRAMES, (0, 1, 2)), ("real_longer", 3, 120, (1,)), ("real_effort_5", 5, FRAMES, (1,)))


class Grid:
    """The table, asked for what rules come to."""

    def __init__(self, table: Path) -> None:
        self.points: dict[tuple[str, Tools], list[tuple[float, int, float]]] = {}
        for (name, tools, _), (size, psnr, cpu) in rows(table):
            self.points.setdefault((name, tools), []).append((psnr, size, cpu))
        self.excerpts, self.known = excerpts(), dict[tuple[str, Tools], ClipScore]()
        self.profiles: dict[str, dict[str, Any]] = json.loads(profiles_file(table).read_text())

    def own(self, excerpt: Excerpt) -> Tools:
        """The tools that the encoder takes by itself."""
        return Tools(None, None, int(self.profiles[excerpt.name]["scene_class"] == "synthetic"))

    def floors(self, excerpt: Excerpt) -> list[float]:
        """The quality of the encoder's own tools at each quantizer, the least quantizer first."""
        return [psnr for psnr, _, _ in sorted(self.points[excerpt.name, self.own(excerpt)], reverse=True)]

    def tools(self, excerpt: Excerpt, choice: Mapping[str, int] | None) -> Tools:
        own = self.own(excerpt)
        if not choice:
            return own
        return Tools(choice.get("hierarchical_levels"), choice.get("adaptive_quantization"), choice.get("screen_content", own.screen))

    def clip_score(self, excerpt: Excerpt, tools: Tools) -> ClipScore:
        """Bytes and time at the middle floor beside those of the encoder's own tools."""
        if (excerpt.name, tools) not in self.known:
            self.known[excerpt.name, tools] = self._clip_score(excerpt, tools)
        return self.known[excerpt.name, tools]

    def _clip_score(self, excerpt: Excerpt, tools: Tools) -> ClipScore:
        floor = self.floors(excerpt)[len(QUANTIZERS) // 2]
        base, found = at_floor(self.points[excerpt.name, self.own(excerpt)], floor), at_floor(self.points[excerpt.name, tools], floor)
        assert base is not None
        size, cpu = found or base
        return ClipScore(excerpt.name, round(size), round(base[0]), cpu, base[1], 0.0 if found else 1.0)

    def score(self, side: str, choose: Callable[[Excerpt], Tools]) -> Score:
        """All excerpts of a side; those of one group count as one clip."""
        groups: dict[str, list[ClipScore]] = {}
        for each in self.excerpts:
            if each.side == side:
                groups.setdefault(each.group, []).append(self.clip_score(each, choose(each)))
        return score_of([together(name, scores) for name, scores in groups.items()])

    def of_rules(self, side: str, payload: dict[str, Any]) -> Score:
        rules = RulesPayload.model_validate_json(json.dumps(payload))
        return self.score(side, lambda each: self.tools(each, first_choice(rules, self.profiles[each.name]).tools))


def together(name: str, scores: Sequence[ClipScore]) -> ClipScore:
    """Several excerpts as one clip: geometric means."""
    whole = score_of(scores)
    return ClipScore(name, round(whole.bytes * 10**6), 10**6, whole.cpu, 1.0, whole.short_by)


def campaign(seed: int) -> Campaign:
    return campaign_from({
        "name": "rules", "training": [{"uri": "file:///excerpts"}], "target": {"kind": "min_psnr_y", "value": 38.0},
        "settings": {"effort": 3}, "trials": TRIALS, "most_time": MOST_TIME, "seed": seed,
    })  # fmt: skip


def search(grid: Grid, planner: Planner, seed: int) -> list[Trial]:
    """One run of a planner over the training clips."""
    wanted, trials = campaign(seed), list[Trial]()
    profiles = [grid.profiles[each.name] for each in grid.excerpts if each.side == "training"]
    for slot in range(TRIALS):
        proposal = planner.propose(Context(wanted, slot, trials, profiles))
        trials.append(Trial(slot, proposal, grid.of_rules("training", proposal.payload)))
    return trials


def best_so_far(trials: Sequence[Trial], wanted: Campaign) -> list[float]:
    best, found = 1.0, []
    for each in trials:
        if each.score is not None and each.score.is_allowed(wanted):
            best = min(best, each.score.bytes)
        found.append(round(best, 5))
    return found


def run_search(table: Path, output: Path) -> None:
    grid = Grid(table)
    runs: dict[str, list[list[float]]] = {"optuna": [], "random": []}
    winner: tuple[float, int, Trial] | None = None
    for seed in range(SEEDS):
        for name, planner in (("optuna", OptunaPlanner()), ("random", RandomPlanner())):
            trials = search(grid, planner, seed)
            runs[name].append(best_so_far(trials, campaign(seed)))
            print(f"{name} seed {seed}: {runs[name][-1][-1]:.4f}", file=sys.stderr, flush=True)
            best = Context(campaign(seed), 0, trials, []).best()
            # By the training clips alone; held-out clips are looked at once, below.
            if name == "optuna" and best is not None and best.score and (winner is None or best.score.bytes < winner[0]):
                winner = best.score.bytes, seed, best
    assert winner is not None
    held = grid.of_rules("held-out", winner[2].proposal.payload)
    told = {
        "split": split_hash(), "trials": TRIALS, "seeds": SEEDS, "most_time": MOST_TIME, "best_so_far": runs, "compared": compared(runs), "seed_of_best": winner[1],
        "payload": winner[2].proposal.payload, "training": shown(winner[2].score), "held_out_on_grid": shown(held),
        "constants_on_training": constants(grid), "each_scene_its_best": shown(oracle(grid, "training")),
        "each_held_out_scene_its_best": shown(oracle(grid, "held-out")),
    }  # fmt: skip
    output.write_text(json.dumps(told) + "\n")
    for marks, each in told["compared"].items():
        print(f"after {marks} trials: {json.dumps(each)}")
    print(json.dumps({name: told[name] for name in ("payload", "training", "held_out_on_grid")}, indent=1))


def compared(runs: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, Any]:
    """Best so far of both planners, means over seeds, and the interval of their ratio by seed."""
    found: dict[str, Any] = {}
    for marks in (25, 50, 100, TRIALS):
        if marks > TRIALS:
            continue
        optuna, chance = ([run[marks - 1] for run in runs[name]] for name in ("optuna", "random"))
        low, high = interval([a / b for a, b in zip(optuna, chance, strict=True)])
        found[str(marks)] = {
            "optuna": round(statistics.mean(optuna), 4), "random": round(statistics.mean(chance), 4),
            "seeds_below": sum(a < b for a, b in zip(optuna, chance, strict=True)), "interval_of_ratio": [round(low, 4), round(high, 4)],
        }  # fmt: skip
    return found


def shown(score: Score | None) -> dict[str, Any]:
    assert score is not None
    clips = {each.clip: round(each.ratio, 4) for each in score.clips}
    low, high = interval([each.ratio for each in score.clips])
    return {"bytes": round(score.bytes, 4), "cpu": round(score.cpu, 3), "interval": [round(low, 4), round(high, 4)],
            "floors_met": score.short_by <= 0, "clips": clips}  # fmt: skip


def choices(grid: Grid, excerpt: Excerpt) -> list[Tools]:
    return [tools for name, tools in grid.points if name == excerpt.name]


def oracle(grid: Grid, side: str) -> Score:
    """What rules cannot do better than: every scene with its own best tools, whatever the time."""

    def best(excerpt: Excerpt) -> Tools:
        scores = {tools: grid.clip_score(excerpt, tools) for tools in choices(grid, excerpt)}
        return min((tools for tools in scores if scores[tools].short_by <= 0), key=lambda tools: scores[tools].ratio)

    return grid.score(side, best)


def constants(grid: Grid) -> dict[str, float]:
    """The same tools for every training scene."""
    found = {}
    for levels in (3, 4, 5):
        for aq in (0, 1):
            score = grid.score("training", lambda each, levels=levels, aq=aq: Tools(levels, aq, grid.own(each).screen))  # type: ignore[misc]
            found[f"levels={levels} aq={aq}"] = round(score.bytes, 4) if score.short_by <= 0 else math.nan
    return {name: value for name, value in found.items() if not math.isnan(value)}


def run_real(table: Path, folder: Path, found: Path) -> None:
    """The best rules, encoded as anybody would: at three floors of each held-out excerpt, and on longer ones, of which the grid knows
    nothing. Floors are those of the grid."""
    told = json.loads(found.read_text())
    if told["split"] != split_hash():
        raise SystemExit("rules_clips.tsv: expected the split of the search, found another; run 'search' again")
    grid, rules = Grid(table), RulesPayload.model_validate_json(json.dumps(told["payload"]))
    for name, effort, frames, floors in RUNS:
        lines = list[dict[str, Any]]()
        for each in (each for each in grid.excerpts if each.side == "held-out"):
            clip = excerpt_file(each, folder, frames)
            tools = first_choice(rules, profile(clip, folder)).tools
            for floor in (grid.floors(each)[place] for place in floors):
                value = math.floor(floor * 100) / 100
                base, tried = (encoded(clip, value, effort, choice) for choice in (None, tools))
                lines.append({"excerpt": each.name, "group": each.group, "floor": value, "tools": tools, "baseline": base, "rules": tried})
                print(f"{name} {each.name} {value}: {tried['bytes'] / base['bytes']:.4f}", file=sys.stderr, flush=True)
        told[name] = {**shown(of_lines(lines)), "effort": effort, "frames": frames, "runs": lines}
        found.write_text(json.dumps(told) + "\n")
        print(f"{name}: {json.dumps({key: value for key, value in told[name].items() if key != 'runs'})}", flush=True)


def of_lines(lines: Sequence[Mapping[str, Any]]) -> Score:
    """Runs for real, each group counting once."""
    groups: dict[str, list[ClipScore]] = {}
    for each in lines:
        base, tried = each["baseline"], each["rules"]
        missed = max(0.0, each["floor"] - tried["psnr_y"])
        sizes, times = (tried["bytes"], base["bytes"]), (tried["cpu_s"], base["cpu_s"])
        score = ClipScore(each["excerpt"], *sizes, *times, missed if missed > 5e-3 else 0.0)
        groups.setdefault(each["group"], []).append(score)
    return score_of([together(name, scores) for name, scores in groups.items()])


def encoded(clip: Path, floor: float, effort: int, tools: Mapping[str, int] | None) -> dict[str, Any]:
    """One encode, its bytes counted and its quality measured on what the file decodes to."""
    options: dict[str, Any] = {"scene_settings": [{"tools": dict(tools)}]} if tools else {}
    frames = next(iter(neural_codec.profile_scenes(str(clip))[-1:])).end
    with tempfile.TemporaryDirectory() as folder:
        stream = Path(folder) / "clip.nvc"
        report = neural_codec.encode(
            str(clip), str(stream), effort=effort, min_psnr_y=floor, threads=1, scenes=[(0, frames)], **options
        )
        measured = neural_codec.compare(str(clip), str(stream))
        return {"bytes": stream.stat().st_size, "psnr_y": measured.psnr_y, "cpu_s": round(report.total.cpu_seconds, 2)}


def picture(found: Path, chart: Path) -> None:
    """Best so far against trials: the mean of the seeds as a line, the seeds as a band."""
    import matplotlib

    matplotlib.rcParams["svg.hashsalt"] = "rules"
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    told = json.loads(found.read_text())
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, color, style in (("optuna", "#D55E00", "-"), ("random", "#0072B2", "--")):
        runs = [[100 * (value - 1) for value in run] for run in told["best_so_far"][name]]
        places = range(1, len(runs[0]) + 1)
        columns = list(zip(*runs, strict=True))
        axes.plot(places, [statistics.mean(each) for each in columns], style, color=color, label=f"{name}, mean of {len(runs)} seeds")
        axes.fill_between(places, [min(each) for each in columns], [max(each) for each in columns], color=color, alpha=0.15, linewidth=0)
    axes.axhline(100 * (told["each_scene_its_best"]["bytes"] - 1), color="gray", linewidth=1, linestyle=":", label="every scene its best tools")
    axes.set(xlabel="trials", ylabel="bytes at the floor beside the baseline, %", title="Best rules so far, training clips (measured grid)")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(chart, metadata={"Date": None} if chart.suffix == ".svg" else None)


def main() -> None:
    given = sys.argv[1:]
    commands: dict[str, tuple[int, Callable[..., None]]] = {
        "grid": (2, measure), "search": (2, run_search), "real": (3, run_real), "picture": (2, picture),
    }  # fmt: skip
    if not given or given[0] not in commands or len(given) != commands[given[0]][0] + 1:
        raise SystemExit(__doc__)
    commands[given[0]][1](*map(Path, given[1:]))


if __name__ == "__main__":
    main()
