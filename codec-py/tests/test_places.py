"""Which place gets which scene, and what happens where one is lost: with a cluster that does what the test says."""

from __future__ import annotations

import itertools

import pytest
from neural_codec import _places, errors
from neural_codec._places import Places


class Died(Exception):
    """An actor's process is gone."""


class Cluster:
    """As much of Ray as places use; calls end when the test says so."""

    class exceptions:
        RayError = Exception
        RayActorError = Died

    def __init__(self, processors: int) -> None:
        self.processors, self.names, self.calls, self.ended = processors, itertools.count(), {}, {}
        self.cancelled, self.killed = [], []

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": float(self.processors), "object_store_memory": 1e9}}, {"Alive": False, "Resources": {"CPU": 99.0}}]

    def remote(self, **options):
        assert options["max_restarts"] == options["max_task_retries"] == 0
        return lambda encoder: type("Made", (), {"remote": staticmethod(lambda: Actor(self))})

    def wait(self, refs, timeout):
        return [ref for ref in refs if ref in self.ended][:1], []

    def get(self, ref):
        found = self.ended[ref]
        if isinstance(found, Exception):
            raise found
        return found

    def cancel(self, ref):
        self.cancelled.append(ref)

    def kill(self, actor):
        self.killed.append(actor)

    def begin(self, found=None) -> None:
        """All actors begin, or say what they lack."""
        for ref, (_, method, _) in self.calls.items():
            if method == "begin":
                self.ended.setdefault(ref, found)

    def of(self, scene):
        """The calls that encode a scene."""
        return [ref for ref, (_, method, arguments) in self.calls.items() if method == "encode" and arguments == (scene,)]

    def end(self, scene, found="encoded") -> None:
        self.ended[self.of(scene)[-1]] = found

    def lose(self, scene) -> None:
        """The actor that has the scene is gone, with all that it had."""
        actor = self.calls[self.of(scene)[-1]][0]
        for ref, (of, method, _) in self.calls.items():
            if of is actor and method == "encode":
                self.ended.setdefault(ref, Died("the node is gone"))


class Actor:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def __getattr__(self, method):
        def remote(*arguments):
            ref = f"call {next(self.cluster.names)}"
            self.cluster.calls[ref] = (self, method, arguments)
            return ref

        return type("Method", (), {"remote": staticmethod(remote)})


@pytest.fixture
def two():
    cluster = Cluster(2)
    places: Places[str] = Places(cluster, object, 1)
    places.open(8)
    cluster.begin()
    for _ in range(3):
        assert list(places.finished(0.0)) == []
    return cluster, places


def given(places, *scenes) -> list[bool]:
    return [places.submit(scene, scene) for scene in scenes]


def test_there_is_one_place_more_than_room_and_none_without_a_scene_for_it():
    for scenes, made in [(0, 0), (1, 1), (3, 3), (9, 3)]:
        places: Places[str] = Places(Cluster(2), object, 1)
        places.open(scenes)
        assert len(places._places) == made
    assert Places(Cluster(7), object, 3).most == 2


def test_nothing_goes_to_a_place_that_has_not_begun():
    places: Places[str] = Places(Cluster(2), object, 1)
    places.open(2)
    assert given(places, "a") == [False]


def test_each_place_has_one_scene_at_work_and_one_at_hand(two):
    cluster, places = two
    # The third place has begun too, since the test let it.
    assert given(places, *"abcdefg") == [True] * 6 + [False]
    actors = [cluster.calls[cluster.of(scene)[0]][0] for scene in "abcdef"]
    assert actors[:3] == actors[3:] and len(set(actors)) == 3
    cluster.end("a")
    assert list(places.finished(0.0)) == [("a", "encoded")]
    assert given(places, "g", "h") == [True, False]
    assert cluster.calls[cluster.of("g")[0]][0] is actors[0]


def test_what_waits_behind_another_goes_to_a_place_that_has_nothing_to_do(two):
    cluster, places = two
    given(places, *"abcd")
    assert places.taken_back() is None
    cluster.end("b")
    assert list(places.finished(0.0)) == [("b", "encoded")]
    assert places.taken_back() == "d" and cluster.cancelled == cluster.of("d")
    assert sorted(places.held) == ["a", "c"] and given(places, "d") == [True]
    first, second = (cluster.calls[ref][0] for ref in cluster.of("d"))
    assert first is not second
    cluster.end("d")
    assert list(places.finished(0.0)) == [("d", "encoded")]


def test_a_lost_place_gives_back_what_it_had(two):
    cluster, places = two
    given(places, *"abcd")
    cluster.lose("a")
    assert list(places.finished(0.0)) == [("a", None), ("d", None)]
    assert len(cluster.killed) == 1 and sorted(places.held) == ["b", "c"]
    places.open(4)
    assert len(places._places) == 3


def test_a_scene_whose_places_are_lost_again_and_again_is_an_error_that_names_it(two):
    cluster, places = two
    with pytest.raises(errors.Unsupported, match="a was lost.*the node is gone"):
        for _ in range(_places.RETRIES + 1):
            given(places, "a")
            cluster.lose("a")
            assert list(places.finished(0.0)) == [("a", None)]
            places.open(1)
            cluster.begin()
            list(places.finished(0.0))


def test_places_that_do_not_begin_are_an_error_in_the_end_and_what_one_lacks_is_told():
    cluster = Cluster(1)
    places: Places[str] = Places(cluster, object, 1, "wanted")
    with pytest.raises(errors.Unsupported, match="6 nodes in a row did not begin: gone"):
        for _ in range(_places.RETRIES + 1):
            places.open(1)
            cluster.begin(Died("gone"))
            list(places.finished(0.0))
    places.open(1)
    cluster.begin(errors.Unsupported("unsupported node: another version"))
    with pytest.raises(errors.Unsupported, match="another version"):
        list(places.finished(0.0))
    assert all(arguments == ("wanted",) for _, method, arguments in cluster.calls.values() if method == "begin")


def test_closing_ends_all(two):
    cluster, places = two
    places.close()
    assert len(cluster.killed) == 3 and places.held == []
