"""Limits between sagas: as many hold a name as each of them allows; a lock is a limit of 1."""

import threading
from typing import Any

import pytest

from sagas import engine, queries
from sagas.errors import BadInput, LockHeld
from sagas.machine import Pivot, Rejected, Retry, Saga, SagaStep, WaitFor
from sagas.models import SagaExecution, SagaLock
from sagas.testing.workers import work_off
from tests.engine.driving import check_history, pass_time, perform, row
from tests.engine.test_races import together

pytestmark = pytest.mark.django_db(transaction=True)

PARTNER = "partner:acme"


def nothing(context: Any) -> None:
    pass


def refuse(context: Any) -> None:
    raise Rejected("no")


def named(context: Any) -> dict[str, int]:
    return {PARTNER: context["most"]} if context["most"] else {}


def of_others(context: Any) -> list[str]:
    return context.get("locks", [])


@pytest.fixture
def holding(define: Any) -> Saga:
    """One that holds what it has until it is told to let go."""
    steps: list[Any] = [SagaStep("a", nothing, nothing), WaitFor("let_go")]
    return define(Saga("shop", steps, limits=named, locks=of_others))


def start(*most: int, **more: Any) -> list[int]:
    return [engine.start("shop", {"most": each, **more}).execution_id for each in most]


def let_go(execution_id: int, committed: Any) -> None:
    work_off(committed)
    engine.signal(row(execution_id).saga_id, "let_go", True)
    work_off(committed)
    assert row(execution_id).status == "completed"


def blocked(ids: list[int]) -> list[bool]:
    return [bool(row(id_).options.get("blocked")) for id_ in ids]


def test_as_many_as_they_name_hold_it_first_come_first_served(
    holding: Saga, committed: Any
) -> None:
    ids = start(2, 2, 2, 2, 2)
    for ended in (1, 0, 2, 3, 4):
        let_go(ids[ended], committed)
        left = [id_ for id_ in ids if row(id_).status != "completed"]
        assert blocked(left) == [number >= 2 for number in range(len(left))]
    assert not SagaLock.objects.exists()
    check_history(ids[4])


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((3, 3, 3, 3), (False, False, False, True)),
        ((5, 2), (False, False)),
        ((5, 5, 2), (False, False, True)),  # with it there were three
        ((1, 5), (False, True)),  # the first allows nobody beside it
        ((2, 5, 5), (False, False, True)),
        ((3, 1, 3), (False, True, True)),  # nobody overtakes one that waits
        ((10_000, 10_000), (False, False)),
    ],
)
def test_the_smallest_number_among_those_who_hold_it_counts(
    numbers: list[int], expected: list[bool], holding: Saga, committed: Any
) -> None:
    ids = start(*numbers)
    assert tuple(blocked(ids)) == expected
    for each in ids:
        pass_time(each, seconds=6)
    work_off(committed)
    assert tuple(blocked(ids)) == expected, "nor does anybody go on who looks again"
    assert [bool(shown(each)) for each in ids] == list(expected)


def test_a_lock_waits_for_all_who_hold_a_limit_and_holds_up_all_behind_it(
    holding: Saga, committed: Any
) -> None:
    readers = start(9, 9)
    [writer] = start(0, locks=[PARTNER])
    later = start(9, 9)
    for reader in readers:
        assert blocked([writer, *later]) == [True, True, True]
        let_go(reader, committed)
    assert blocked([writer, *later]) == [False, True, True]
    let_go(writer, committed)
    assert blocked(later) == [False, False], "all whose turn it is, and not the first alone"


def test_nobody_is_called_in_vain_when_one_ends(define: Any, committed: Any) -> None:
    define(Saga("shop", [WaitFor("let_go", timeout=3600)], limits=named))
    ended, *others = start(3, 3, 3, 3, 3)
    before = {each: row(each).wake_at for each in others}
    engine.signal(row(ended).saga_id, "let_go", True)
    called = [each for each in others if row(each).wake_at != before[each]]
    assert called == [others[2]], "not those who run, nor the one for whom there is no room yet"


def test_nobody_is_called_who_allows_nobody_beside_it(define: Any, committed: Any) -> None:
    define(Saga("shop", [WaitFor("let_go", timeout=3600)], limits=named))
    ended, _, alone = start(9, 9, 1)
    before = row(alone).wake_at
    engine.signal(row(ended).saga_id, "let_go", True)
    assert row(alone).wake_at == before


def test_one_that_waits_for_several_names_holds_those_whose_turn_has_come(
    holding: Saga, committed: Any
) -> None:
    [till] = start(0, locks=["till"])
    [both] = start(1, locks=["till"])
    [third] = start(1)
    assert shown(both) == ["till"]
    assert shown(third) == [PARTNER]
    let_go(till, committed)
    assert blocked([both, third]) == [False, True]


@pytest.mark.parametrize("end", ["compensated", "cancelled while it waits", "failed"])
def test_a_place_is_given_back_as_with_locks(end: str, define: Any, committed: Any) -> None:
    once = SagaStep("b", refuse, retry=Retry(max_attempts=2))
    first = Pivot("a", nothing) if end == "failed" else SagaStep("a", nothing, nothing)
    define(Saga("shop", [first, once], limits=named))
    ids = start(1, 1)
    if end == "cancelled while it waits":
        engine.cancel(row(ids[1]).saga_id, by="anna")
        assert SagaLock.objects.count() == 1
    work_off(committed)
    if end == "failed":
        assert row(ids[0]).status == "failed"
        assert blocked(ids) == [False, True], "it keeps it until a person has acted"
        for each in ids:
            engine.skip(row(each).saga_id, "b", by="anna")
            work_off(committed)
    assert not SagaLock.objects.exists()
    assert {row(each).status for each in ids} <= {"completed", "compensated"}


def test_a_paused_one_keeps_its_place_and_goes_on_when_it_is_resumed(
    holding: Saga, committed: Any
) -> None:
    first, second, third = start(1, 1, 1)
    name = row(second).saga_id
    engine.pause(name, by="anna")
    let_go(first, committed)
    assert blocked([second, third]) == [True, True]
    engine.resume(name, by="anna")
    pass_time(second, seconds=6)
    work_off(committed)
    assert blocked([second, third]) == [False, True]


def test_on_conflict_fail_refuses_one_more_and_leaves_nothing(define: Any, committed: Any) -> None:
    define(Saga("shop", [WaitFor("let_go")], limits=named, on_conflict="fail"))
    start(2, 2)
    with pytest.raises(LockHeld, match="partner:acme, which other executions hold"):
        start(2)
    assert (SagaExecution.objects.count(), SagaLock.objects.count()) == (2, 2)
    with pytest.raises(LockHeld, match="which another execution holds"):
        start(1)


def test_s11_a_repeated_start_takes_no_second_place(define: Any, committed: Any) -> None:
    define(Saga("shop", [WaitFor("let_go")], limits=named, on_conflict="fail"))
    for _ in range(2):
        engine.start("shop", {"most": 1}, saga_id="s-1")
    assert SagaLock.objects.count() == 1


def test_many_that_are_started_at_once_queue_in_order(holding: Saga, committed: Any) -> None:
    found = engine.start_many("shop", [engine.NewSaga({"most": 3}, f"s-{n}") for n in range(5)])
    assert blocked([each.execution_id for each in found]) == [False, False, False, True, True]


BAD: list[tuple[Any, str]] = [
    ({"": 1}, "is not a name"),
    ({"x" * 201: 1}, "is not a name"),
    ({7: 1}, "is not a name"),
    ({"a\x00": 1}, "is not a name"),
    (["partner"], "has to return a dict"),
    (None, "has to return a dict"),
    *[({"partner": bad}, "from 1 to 10,000") for bad in (0, -1, 10_001, 2.0, "5", True, None)],
    ({str(number): 2 for number in range(101)}, "are more than 100"),
    ({str(number): 2 for number in range(100)}, "together with the locks"),
    ({"till": 2}, "name 'till', and so does `locks`: leave it out of one"),
]


@pytest.mark.parametrize(("limits", "said"), BAD)
def test_what_is_no_limit_is_refused(limits: Any, said: str, define: Any, committed: Any) -> None:
    define(
        Saga("shop", [SagaStep("a", nothing)], limits=lambda _: limits, locks=lambda _: ["till"])
    )
    with pytest.raises(BadInput, match=said) as refused:
        engine.start("shop", {})
    assert set(refused.value.fields) == {"limits"}
    assert not SagaExecution.objects.exists()


def test_as_many_names_as_may_be_are_no_more_statements(define: Any, committed: Any) -> None:
    most = {f"partner:{number}": 5 for number in range(100)}
    define(Saga("shop", [WaitFor("let_go")], limits=lambda _: most))
    start(0)
    assert SagaLock.objects.count() == 100


def test_concurrent_starts_get_as_many_holders_as_may_be(holding: Saga, committed: Any) -> None:
    found = together(lambda _: start(3, 3, 3, 3), 6)
    ids = [id_ for some in found for id_ in some]
    assert blocked(ids).count(False) == 3
    by_place = SagaLock.objects.order_by("place").values_list("execution_id", flat=True)
    assert blocked(list(by_place)) == [number >= 3 for number in range(24)]


def test_no_more_work_at_a_time_than_any_of_them_names_and_no_fewer(
    define: Any, committed: Any
) -> None:
    """Five workers, of whom three at a time may work: each of these waits for the other two."""
    inside: list[int] = []
    most_inside: list[int] = []
    trio = threading.Barrier(3, timeout=60)

    def work(context: Any) -> None:
        inside.append(1)
        most_inside.append(len(inside))
        trio.wait()
        inside.pop()
        trio.wait()  # so that nobody of the next three is counted with these

    define(Saga("shop", [SagaStep("work", work)], limits=named))
    ids = start(*[3] * 15)

    def drive(number: int) -> None:
        while SagaExecution.objects.filter(finished_at=None).exists():
            try:
                told = committed.pop(0)
            except IndexError:
                engine.wake(100)
                continue
            for hint in told.hints:
                perform(told.execution_id, hint)

    together(drive, 5)
    assert {row(each).status for each in ids} == {"completed"}
    assert max(most_inside) == 3


def shown(execution_id: int) -> list[str]:
    waits: list[str] = queries.describe(row(execution_id))["waits_for_locks"]
    return waits
