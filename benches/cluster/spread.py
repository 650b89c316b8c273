"""What a clip should take on so many nodes: the scenes' measured times, and what else was seen to take time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass


@dataclass(frozen=True)
class Scenes:
    """Seconds of each scene, and what goes with them."""

    cuts: list[float]
    """To read it and to cut it out, which the head does one after the other."""
    encodes: list[float]
    """To encode it on a node."""
    first: float
    """From the begin until the first scene may be cut."""
    gap: float
    """Of a node between two scenes."""
    last: float
    """From the end of the last scene, whatever their number: its way back, and the file."""
    join: float
    """To join all."""
    head: float
    """Processor time of all that runs beside the nodes: reading, cutting, joining and Ray's own processes."""

    def repeated(self, count: int) -> Scenes:
        """So many scenes like these."""
        share = count / len(self.cuts)

        def cycled(values: list[float]) -> list[float]:
            return [values[at % len(values)] for at in range(count)]

        return Scenes(cycled(self.cuts), cycled(self.encodes), self.first, self.gap, self.last, self.join * share, self.head * share)


def seconds(scenes: Scenes, nodes: int, processors: int | None = None, ahead: int = 2, depth: int = 2) -> float:
    """Until the clip is whole: scenes are cut one after the other, as far ahead as there is room, and each goes to the node that is free first.

    `processors`: how many there are in all, where nodes of one processor and the head share them; None where the head has its own. What the head
    takes of the nodes' processors, all of them wait for.
    """
    free, ends, clock, last = [scenes.first] * nodes, [], scenes.first, 0.0
    for cut, encode in zip(scenes.cuts, scenes.encodes):
        # Room for the scene: fewer than all nodes can have, and some more, are not finished.
        while len(ends) >= nodes * depth + ahead:
            clock = max(clock, heapq.heappop(ends))
        clock += cut
        end = max(clock, heapq.heappop(free)) + encode + scenes.gap
        heapq.heappush(free, end)
        heapq.heappush(ends, end)
        last = max(last, end)
    has_own = processors is None or processors > nodes
    return last + scenes.last + scenes.join + (0.0 if has_own else scenes.head / nodes)
