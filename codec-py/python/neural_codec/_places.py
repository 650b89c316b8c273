"""Places on the nodes of a Ray cluster: actors that encode, each with its next scene on the way while one is at work.

```text
open -> actors, wherever a node has processors -> submit -> [one at work, one whose frames travel] -> finished, or lost with its node
```
Ray starts actors and moves bytes. Which scene goes where, and again where a node was lost, is decided here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .errors import NeuralCodecError, Unsupported

# Scenes of one place: one is encoded, the frames of the other come to its node meanwhile.
DEPTH = 2
# How often a scene whose node was lost is encoded again, and how often in a row a place may fail to begin.
RETRIES = 5
# Seconds between two looks at which nodes there are.
LOOK = 1.0
# Seconds without a node that has processors enough for a scene, after which the encode ends: one that scales by itself may need them.
NODE_PATIENCE = 300.0

Scene = TypeVar("Scene")


@dataclass(eq=False)
class _Place(Generic[Scene]):
    """An actor, and the scenes it has, in the order in which it takes them."""

    actor: Any
    is_ready: bool = False
    tasks: dict[Any, Scene] = field(default_factory=dict)


class Places(Generic[Scene]):
    """All places that a clip has on a cluster."""

    def __init__(self, ray: Any, encoder: type, threads: int, *wanted: Any) -> None:
        self._ray = ray
        self._threads = threads
        # What each place is asked to have, by `begin`.
        self._wanted = wanted
        # How often a place and a scene begin again is decided here, not by Ray.
        self._remote = ray.remote(num_cpus=threads, max_restarts=0, max_task_retries=0)(encoder)
        self._places: list[_Place[Scene]] = []
        self._coming: dict[Any, _Place[Scene]] = {}
        self._lost: Counter[Scene] = Counter()
        self._failed = 0
        self._looked = self._last_node = time.monotonic()
        self.most = 0
        self.store = 0.0
        self._look()

    @property
    def held(self) -> list[Scene]:
        """The scenes that places have."""
        return [scene for place in self._places for scene in place.tasks.values()]

    def open(self, scenes: int) -> None:
        """Makes places for so many scenes, and one more than nodes have room for, by which a cluster that scales itself knows of it.

        Errors: Unsupported where for long no node has been there that could encode a scene.
        """
        if time.monotonic() - self._looked >= LOOK or not self.most:
            self._look()
        while len(self._places) < min(scenes, self.most + 1):
            place: _Place[Scene] = _Place(self._remote.remote())
            self._places.append(place)
            self._coming[place.actor.begin.remote(*self._wanted)] = place

    def _look(self) -> None:
        """Reads how many places there is room for, and the size of the object store. Errors: Unsupported."""
        self._looked = now = time.monotonic()
        alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        self.most = sum(int(node.get("CPU", 0.0)) // self._threads for node in alive)
        self.store = sum(node.get("object_store_memory", 0.0) for node in alive)
        if self.most:
            self._last_node = now
        elif now - self._last_node > NODE_PATIENCE:
            raise Unsupported(f"unsupported cluster: for {NODE_PATIENCE:.0f} s no node has had {self._threads} processors; start nodes, or lower threads")

    def submit(self, scene: Scene, *arguments: Any) -> bool:
        """Gives a scene to the place that has the least to do; False where all have enough."""
        place = min((place for place in self._places if place.is_ready), key=lambda place: len(place.tasks), default=None)
        if place is None or len(place.tasks) >= DEPTH:
            return False
        place.tasks[place.actor.encode.remote(*arguments)] = scene
        return True

    def taken_back(self) -> Scene | None:
        """A scene that waits behind another while some place has nothing to do; it has to be submitted again."""
        if all(place.tasks or not place.is_ready for place in self._places):
            return None
        for place in self._places:
            if len(place.tasks) > 1:
                task, scene = place.tasks.popitem()
                # Where it has begun just now it is encoded twice, to the same bytes, and this one is not looked at.
                self._ray.cancel(task)
                return scene
        return None

    def finished(self, seconds: float) -> Iterator[tuple[Scene, Any]]:
        """What has ended, after waiting so long for something: scenes with what `encode` gave, or with None where the node was lost.

        Errors: Unsupported where a scene's node was lost too often, or a node cannot encode.
        """
        tasks = {task: place for place in self._places for task in place.tasks}
        waited = [*tasks, *self._coming]
        ended, _ = self._ray.wait(waited, timeout=seconds) if waited else ([], [])
        if not waited:
            time.sleep(seconds)
        for task in ended:
            if task in self._coming:
                self._begun(task, self._coming.pop(task))
            else:
                yield from self._taken(task, tasks[task])

    def _begun(self, task: Any, place: _Place[Scene]) -> None:
        try:
            refusal = self._ray.get(task)
        except self._ray.exceptions.RayActorError as error:
            self._failed += 1
            self._drop(place)
            if self._failed > RETRIES:
                raise Unsupported(f"unsupported cluster: {self._failed} nodes in a row did not begin: {_last_line(error)}") from error
            return
        except self._ray.exceptions.RayError as error:
            raise Unsupported(f"unsupported cluster: a node did not begin: {_last_line(error)}") from error
        if isinstance(refusal, NeuralCodecError):
            raise refusal
        self._failed = 0
        place.is_ready = True

    def _taken(self, task: Any, place: _Place[Scene]) -> Iterator[tuple[Scene, Any]]:
        scene = place.tasks[task]
        try:
            result = self._ray.get(task)
        except self._ray.exceptions.RayActorError as error:
            # Of the scenes that the place had, the first was at work.
            lost = list(place.tasks.values())
            self._drop(place)
            self._lost[lost[0]] += 1
            if self._lost[lost[0]] > RETRIES:
                raise Unsupported(f"unsupported cluster: {lost[0]} was lost with its node more than {RETRIES} times: {_last_line(error)}") from error
            yield from ((one, None) for one in lost)
            return
        except self._ray.exceptions.RayError as error:
            raise Unsupported(f"unsupported cluster: {scene} was not encoded: {_last_line(error)}") from error
        del place.tasks[task]
        yield scene, result

    def _drop(self, place: _Place[Scene]) -> None:
        self._places.remove(place)
        self._ray.kill(place.actor)

    def close(self) -> None:
        """Ends all places, and what they are at."""
        for place in list(self._places):
            self._drop(place)


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else repr(error)
