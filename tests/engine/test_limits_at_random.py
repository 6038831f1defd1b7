"""Whatever happens, and in whatever order: nobody goes on who does not hold its names, and nobody
waits for ever. One after the other, and several at one moment."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any, Final

import pytest
from django.db import connection

from sagas import engine
from sagas.errors import SagaError
from sagas.machine import Saga, SagaStep, SubSaga, WaitFor
from sagas.models import SagaEvent, SagaExecution, SagaLock
from sagas.store.locks import Member
from tests.engine.driving import check_history, perform
from tests.engine.test_deadlocks import family, holders
from tests.engine.test_races import together

pytestmark = pytest.mark.django_db(transaction=True)

MOVES: Final = 40
MOST_ROUNDS: Final = 60

SNAPSHOT: Final = """
-- One statement, so that it is as it was at one moment.
SELECT execution.saga_id, execution.status, execution.options ? 'blocked', own.key, own.place,
       own.most
FROM sagas_sagaexecution AS execution LEFT JOIN sagas_sagalock AS own
    ON own.execution_id = execution.id
"""


def nothing(context: Any) -> None:
    pass


@pytest.fixture(autouse=True)
def nothing_went_wrong(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What the engine can't do, it logs, and tries again later."""
    yield
    told = caplog.get_records("call")
    assert not [each.getMessage() for each in told if each.levelno >= logging.ERROR]


@pytest.fixture(autouse=True)
def nested(define: Any) -> None:
    """A saga with names of its own, whose child needs others."""
    define(Saga("inner", [WaitFor("done")], limits=lambda context: context["then"]))
    steps: list[Any] = [SagaStep("a", nothing, nothing), SubSaga("inner"), WaitFor("end")]
    define(Saga("outer", steps, limits=lambda context: context["first"]))


class Walk:
    """One who starts sagas, answers and cancels them, and works for them."""

    def __init__(self, name: str, committed: Any) -> None:
        self.name, self.rng, self.committed = name, Random(name), committed
        self.count = 0

    def move(self) -> None:
        moves = [self.start, self.answer, self.work, self.look, self.disturb]
        with suppress(SagaError):
            self.rng.choices(moves, [3, 4, 4, 2, 1])[0]()

    def start(self) -> None:
        self.count += 1
        context = {"first": self.names(), "then": self.names()}
        engine.start("outer", context, saga_id=f"{self.name}-{self.count}")

    def names(self) -> dict[str, int]:
        keys = self.rng.sample("abc", self.rng.choice([1, 1, 2]))
        return {key: self.rng.choice([1, 2, 2]) for key in keys}

    def answer(self) -> None:
        saga_id = self.any()
        engine.signal(saga_id, "done" if "~" in saga_id else "end", True)

    def disturb(self) -> None:
        act = self.rng.choice([engine.cancel, engine.pause, engine.resume])
        act(family(self.any()), by="anna")

    def work(self) -> None:
        for _ in range(5):
            try:
                told = self.committed.pop(0)
            except IndexError:
                return
            for hint in told.hints:
                perform(told.execution_id, hint)

    def look(self) -> None:
        """As if some seconds had gone by for all."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE sagas_sagaexecution SET wake_at = wake_at - interval '1 minute' WHERE id IN"
                " (SELECT id FROM sagas_sagaexecution FOR UPDATE SKIP LOCKED)"
            )
        engine.wake(100)

    def any(self) -> str:
        live = SagaExecution.objects.filter(finished_at=None).order_by("id")
        saga_ids = list(live.values_list("saga_id", flat=True))
        if not saga_ids:
            raise SagaError("there is none")
        return self.rng.choice(saga_ids)


def check() -> None:
    """What stands in the rows at this moment is in order."""
    with connection.cursor() as cursor:
        cursor.execute(SNAPSHOT)
        rows = cursor.fetchall()
    members = [Member(key, place, most, name) for name, _, _, key, place, most in rows if key]
    having = holders(members)
    for name, status, is_blocked, key, place, most in rows:
        if key and not is_blocked:
            assert Member(key, place, most, name) in having, f"{name} goes on without {key}"
        assert not key or status not in ("completed", "compensated"), f"{name} keeps {key}"
    for each in having:
        beside = {family(one.saga_id) for one in having if one.key == each.key}
        assert len(beside) <= each.most, f"{beside} hold {each.key}, of which {each.most} may"


def bring_to_an_end(walk: Walk) -> Counter[str]:
    """Answers to all, until all have ended. What was told: event or error → how often."""
    for _ in range(MOST_ROUNDS):
        for saga_id, is_paused in SagaExecution.objects.values_list("saga_id", "paused"):
            with suppress(SagaError):
                if is_paused and "~" not in saga_id:
                    engine.resume(saga_id, by="anna")
            with suppress(SagaError):
                engine.signal(saga_id, "done" if "~" in saga_id else "end", True)
        while walk.committed:
            walk.work()
        walk.look()
        check()
        if not SagaExecution.objects.filter(finished_at=None).exists():
            break
    left = SagaExecution.objects.filter(finished_at=None).values_list("saga_id", "status")
    assert not list(left), "they wait for ever"
    assert not SagaLock.objects.exists()
    for each in SagaExecution.objects.all()[::5]:
        check_history(each.pk)
    told = SagaEvent.objects.values_list("type", "data__failure__error")
    found = Counter(error or kind for kind, error in told)
    assert found["saga.unblocked"], "nobody ever waited"
    return found


@pytest.mark.parametrize("seed", [0, 2])
def test_l2_who_goes_on_holds_its_names_and_nobody_waits_for_ever(
    seed: int, committed: Any
) -> None:
    walk = Walk(f"walk{seed}", committed)
    for _ in range(MOVES):
        walk.move()
        check()
    found = bring_to_an_end(walk)
    assert found["Deadlock"], "nobody ever waited for another who waited"


def test_l2_so_it_is_when_several_act_at_one_moment(committed: Any) -> None:
    walks = [Walk(f"walk{number}", committed) for number in range(3)]
    at_work = threading.Semaphore(0)

    def act(number: int) -> None:
        try:
            if number == len(walks):
                while not at_work.acquire(blocking=False):
                    check()
                return
            for _ in range(MOVES // 2):
                walks[number].move()
        finally:
            at_work.release()

    together(act, len(walks) + 1)
    bring_to_an_end(walks[0])
