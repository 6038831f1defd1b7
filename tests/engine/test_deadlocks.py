"""Deadlocks with counts: found if, and only if, somebody waits for itself and for ever."""

import threading
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from sagas import engine
from sagas.engine.deadlocks import cycle
from sagas.engine.transact import decide_and_save, notify_parent, transact
from sagas.machine import Parallel, Pivot, Saga, SagaStep, SubSaga, WaitFor, Woken
from sagas.models import SagaExecution, SagaLock
from sagas.store import locks
from sagas.store.locks import Member
from sagas.testing.workers import work_off
from tests.engine.driving import pass_time, row
from tests.engine.test_races import someone_is_blocked, together
from tests.waiting import wait_until

# --- The rule, on queues in memory ---------------------------------------------------------------


def stand(*queues: str) -> list[Member]:
    """Queues such as "a2: f f~c g": the name a with the number 2 for all, and who stands there;
    `g=1` for one with a number of its own."""
    found = []
    for queue in queues:
        head, _, names = queue.partition(": ")
        places: dict[str, tuple[int, int]] = {}
        for number, name in enumerate(names.split()):
            saga_id, _, own = name.partition("=")
            place = places.setdefault(family(saga_id), (number, int(own or head[1:])))
            found.append(Member(head[0], *place, saga_id))
    return found


def family(saga_id: str) -> str:
    return saga_id.partition("~")[0]


CYCLES: list[tuple[str, list[str], str]] = [
    ("f", ["a1: f g", "b1: g f"], "ab"),
    ("f~c", ["a1: f g~c", "b1: g f~c"], "ab"),
    ("f", ["a1: f h", "b1: g f", "c1: h g"], "abc"),
    ("f", ["a2: f g x y", "b2: x y f g"], "ab"),  # all places are theirs
    ("f", ["a2: f g=1 h=2", "b1: g f"], "ab"),  # g allows nobody beside it, so f's place is one
]
NO_CYCLES: list[tuple[str, list[str]]] = [
    ("f", ["a1: f", "b1: g f"]),
    ("f", ["a2: f x g", "b1: g f"]),  # x will end, and then g goes on
    ("f", ["a2: f h g", "b2: g h f"]),
    ("x", ["a1: f g", "b1: g f x"]),  # it waits for two that wait for each other: not its fault
    ("f~c", ["a1: f~d g", "b1: g f~c"]),  # its sibling will end, and then g goes on
    ("f~c", ["a1: g f~c"]),
]


@pytest.mark.parametrize(("saga_id", "queues", "keys"), CYCLES)
def test_l2_one_that_waits_for_itself_is_told_by_which_names(
    saga_id: str, queues: list[str], keys: str
) -> None:
    assert sorted(cycle(stand(*queues), saga_id)) == sorted(keys)


@pytest.mark.parametrize(("saga_id", "queues"), NO_CYCLES)
def test_l2_one_that_waits_for_others_is_none(saga_id: str, queues: list[str]) -> None:
    assert cycle(stand(*queues), saga_id) == []


@st.composite
def standing(draw: st.DrawFn) -> list[Member]:
    """Queues of three names, with five families; some have children, two generations at most."""
    arrivals = st.tuples(
        st.sampled_from("abc"), st.sampled_from("fghij"), st.sampled_from(["", "~c", "~d", "~c~e"])
    )
    numbers = st.integers(1, 3)
    found: list[Member] = []
    for key, name, below in draw(st.lists(arrivals, unique=True, max_size=14)):
        own = [one for one in found if one.key == key and family(one.saga_id) == name]
        place, most = (own[0].place, own[0].most) if own else (len(found), draw(numbers))
        found.append(Member(key, place, most, name + below))
    return found


def holders(members: Iterable[Member]) -> set[Member]:
    """Those that hold what they stand for, by the rule as it is told."""
    found: set[Member] = set()
    for _, queue in groupby(sorted(members, key=attrgetter("key", "place")), attrgetter("key")):
        families = [list(some) for _, some in groupby(queue, attrgetter("place"))]
        for count in range(1, len(families) + 1):
            if count <= min(some[0].most for some in families[:count]):
                found.update(families[count - 1])
    return found


def waits(members: list[Member], saga_id: str) -> bool:
    """Whether it, or one below it, waits for a name."""
    having = holders(members)
    return any(f"{one.saga_id}~".startswith(f"{saga_id}~") for one in members if one not in having)


def played(members: list[Member], choose: Any) -> list[Member]:
    """Who is left when one after the other has ended of those who could, in any order."""
    while free := sorted({one.saga_id for one in members if not waits(members, one.saga_id)}):
        ended = choose(st.sampled_from(free))
        members = [one for one in members if one.saga_id != ended]
    return members


@given(standing(), st.data())
def test_l2_what_is_found_would_wait_for_ever_and_giving_way_is_enough(
    members: list[Member], data: st.DataObject
) -> None:
    left = played(members, data.draw)
    while found := [one for one in members if cycle(members, one.saga_id)]:
        assert set(found) <= set(left), "in whatever order the others end, it stays"
        victim = data.draw(st.sampled_from(found)).saga_id
        stays = {one.saga_id for one in left if waits(left, one.saga_id)}
        assert victim in stays
        members = [one for one in members if family(one.saga_id) != family(victim)]
        left = played(members, data.draw)
    assert not left, "who is not found goes on by itself, or once those who are have given way"


# --- The same on PostgreSQL ----------------------------------------------------------------------


def nothing(context: Any) -> None:
    pass


def names(where: str) -> Any:
    return lambda context: context[where]


@pytest.fixture
def nested(define: Any) -> None:
    """A saga with names of its own, whose child needs others; and one that holds what it has."""
    define(Saga("inner", [SagaStep("b", nothing, nothing)], limits=names("then")))
    steps: list[Any] = [SagaStep("a", nothing, nothing), SubSaga("inner")]
    define(Saga("outer", steps, limits=names("first")))
    define(Saga("holder", [WaitFor("let_go")], limits=names("first")))


def start(saga_type: str, saga_id: str, first: Any, then: Any = None) -> None:
    engine.start(saga_type, {"first": first, "then": then}, saga_id=saga_id)


def statuses() -> dict[str, str]:
    return dict(SagaExecution.objects.filter(parent=None).values_list("saga_id", "status"))


def waiting() -> list[int]:
    found = SagaExecution.objects.filter(options__blocked=True).order_by("id")
    return list(found.values_list("id", flat=True))


def look(committed: Any) -> None:
    for each in waiting():
        pass_time(each, seconds=60)
    work_off(committed)


@pytest.mark.django_db(transaction=True)
def test_l2_two_places_taken_by_two_that_wait_for_each_other(nested: None, committed: Any) -> None:
    two = {"acme": 2}
    for name in ("s-1", "s-2"):
        start("outer", name, two, {"bolt": 2})
    for name in ("t-1", "t-2"):
        start("outer", name, {"bolt": 2}, two)
    work_off(committed)
    assert len(waiting()) == 4
    look(committed)
    found = list(statuses().values())
    assert sorted(found) == ["compensated", "completed", "completed", "completed"]
    child = SagaExecution.objects.get(parent__status="compensated")
    failure = child.events.get(type="saga.compensating").data["failure"]
    assert failure["error"] == "Deadlock"
    assert failure["message"].endswith("in a cycle: bolt, acme.")
    assert not SagaLock.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_l2_one_holder_who_can_go_on_is_enough(nested: None, committed: Any) -> None:
    """No cycle, though two of the holders wait for each other: nobody turns back."""
    two = {"acme": 2}
    start("holder", "h", two)
    start("outer", "s-1", two, {"bolt": 1})
    start("outer", "t-1", {"bolt": 1}, two)
    work_off(committed)
    assert len(waiting()) == 2
    look(committed)
    assert len(waiting()) == 2
    engine.signal("h", "let_go", True)
    work_off(committed)
    assert set(statuses().values()) == {"completed"}


@pytest.mark.django_db(transaction=True)
def test_l2_a_child_that_will_end_is_in_no_cycle(define: Any, committed: Any) -> None:
    """A family holds by one child what another family waits for, and waits by another child."""
    define(Saga("quick", [WaitFor("let_go")], locks=lambda _: ["acme"]))
    define(Saga("slow", [SagaStep("b", nothing, nothing)], locks=lambda _: ["bolt"]))
    define(Saga("inner", [SagaStep("b", nothing, nothing)], locks=lambda _: ["acme"]))
    begin = SagaStep("a", nothing, nothing)
    both = Parallel(SubSaga("quick"), [WaitFor("go"), SubSaga("slow")])
    define(Saga("both", [both]))
    define(Saga("other", [begin, SubSaga("inner")], locks=lambda _: ["bolt"]))
    engine.start("both", {}, saga_id="s-1")
    engine.start("other", {}, saga_id="t-1")
    engine.signal("s-1", "go", True)
    work_off(committed)
    assert len(waiting()) == 2
    look(committed)
    assert len(waiting()) == 2
    engine.signal("s-1~quick", "let_go", True)
    work_off(committed)
    assert set(statuses().values()) == {"completed"}


@pytest.mark.django_db(transaction=True)
def test_l2_past_its_pivot_one_waits_until_another_gives_way(define: Any, committed: Any) -> None:
    define(Saga("inner", [SagaStep("b", nothing)], limits=names("then")))
    define(Saga("outer", [Pivot("a", nothing), SubSaga("inner")], limits=names("first")))
    back: list[Any] = [SagaStep("a", nothing, nothing), SubSaga("inner")]
    define(Saga("with_way_back", back, limits=names("first")))
    start("outer", "s-1", {"acme": 1}, {"bolt": 1})
    start("with_way_back", "t-1", {"bolt": 1}, {"acme": 1})
    work_off(committed)
    look(committed)
    work_off(committed)
    assert statuses() == {"s-1": "completed", "t-1": "compensated"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [2, 3])
def test_l2_of_those_who_look_at_one_moment_one_gives_way(
    count: int, nested: None, committed: Any
) -> None:
    for number in range(count):
        first, then = ({f"key-{(number + more) % count}": 1} for more in (0, 1))
        start("outer", f"s-{number}", first, then)
    work_off(committed)
    ids = waiting()
    assert len(ids) == count
    together(lambda number: transact(ids[number], Woken()), count)
    work_off(committed)
    assert sorted(statuses().values()) == ["compensated"] + ["completed"] * (count - 1)


@pytest.mark.django_db(transaction=True)
def test_r9_a_child_in_a_cycle_turns_back_when_its_parent_says_so(
    nested: None, committed: Any
) -> None:
    """Its look finds both: what its parent says, and the cycle."""
    start("outer", "s-1", {"acme": 1}, {"bolt": 1})
    start("outer", "t-1", {"bolt": 1}, {"acme": 1})
    work_off(committed)
    engine.cancel("s-1", by="anna")
    found = transact(waiting()[0], Woken())
    assert found
    assert found.decision.state.status == "compensating"
    work_off(committed)
    assert statuses() == {"s-1": "compensated", "t-1": "completed"}


def someone_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # which a transaction keeps
    return someone_is_blocked()


@pytest.mark.django_db(transaction=True)
def test_l2_a_cycle_that_another_is_breaking_is_none(nested: None, committed: Any) -> None:
    start("outer", "s-1", {"acme": 1}, {"bolt": 1})
    start("outer", "t-1", {"bolt": 1}, {"acme": 1})
    work_off(committed)
    mine, theirs = waiting()

    def wake() -> None:
        try:
            transact(mine, Woken())
        finally:
            connection.close()

    looking = threading.Thread(target=wake)
    with transaction.atomic():
        locks.guard(["acme", "bolt"])
        looking.start()
        wait_until(someone_waits)
        found = decide_and_save(theirs, Woken())
    looking.join(60)
    assert (row(mine).status, row(theirs).status) == ("pending", "compensating")
    assert found
    notify_parent(found)
    work_off(committed)
    assert statuses() == {"s-1": "completed", "t-1": "compensated"}
