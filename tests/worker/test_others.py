"""A message that tells of several sagas: Celery's tracers on the real PostgreSQL."""

from typing import Any

import pytest
from django.conf import LazySettings

from sagas import engine
from sagas.machine import Direction, Rejected, SagaStep
from sagas.models import SagaExecution
from sagas.worker.executor import current_executor
from sagas.worker.fast import batch, inline
from sagas.worker.hints import HEADER, NO_OTHER_HINTS, HintTarget, OtherHints, others_in
from tests.configured import configure
from tests.engine.driving import check_history, row
from tests.seams import said
from tests.surroundings.marks import fast_path
from tests.worker.calls import names, note

pytestmark = [pytest.mark.django_db(transaction=True), fast_path]


@pytest.fixture
def sent_again(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """The task, and the sagas."""
    found: list[tuple[str, list[str]]] = []

    def send(name: str, others: OtherHints) -> None:
        found.append((name, [told.saga_id for told in others.told]))

    monkeypatch.setattr(inline, "send_again", send)
    return found


def two() -> list[SagaStep]:
    return [SagaStep("a", note, note), SagaStep("b", note)]


def started(count: int) -> list[int]:
    return [engine.start("shop", {}, saga_id=f"s-{n}").execution_id for n in range(count)]


def header(*execution_ids: int) -> dict[str, Any]:
    """As it comes out of a message."""
    hints = [[each, 0, row(each).saga_id] for each in execution_ids]
    return {HEADER: {"queue": None, "hints": hints}}


def statuses(execution_ids: list[int]) -> list[str]:
    return [row(each).status for each in execution_ids]


def test_one_message_leads_to_all_its_sagas(
    worker: Any, sent_again: list[Any], committed: Any
) -> None:
    receive = worker(two())
    first, *others = ids = started(3)
    receive(first, "a", **header(*others))
    assert statuses(ids) == ["completed"] * 3
    assert names() == ["shop.a", "shop.b"] * 3
    assert sent_again == []
    assert current_executor() is None
    for each in ids:
        check_history(each)


def test_their_rows_are_read_together(worker: Any, sent_again: list[Any]) -> None:
    receive = worker(two())
    first, *others = started(3)
    headers = header(*others)
    with said() as statements:
        receive(first, "a", **headers)
    assert statements == ["read", *["save"] * 9], "a claim, and two reports, of each"


def test_a_row_that_has_changed_since_is_read_anew(worker: Any, sent_again: list[Any]) -> None:
    """R1: another worker was quicker, after this one had read the rows of all."""
    claimed: list[engine.Work | None] = []

    def overtake(context: Any) -> None:
        if not claimed:
            claimed.append(engine.claim(ids[1], "a", Direction.ACTION, 0))

    receive = worker([SagaStep("a", overtake)])
    ids = started(2)
    receive(ids[0], "a", **header(ids[1]))
    assert claimed[0] is not None
    found = row(ids[1]).steps["a"]
    assert (found["status"], found["fence"], found["holder"]) == (
        "running",
        claimed[0].fence,
        claimed[0].row.state.step("a").holder,
    )
    check_history(ids[1])


def test_l2_those_for_whom_there_is_no_time_are_told_of_again(
    worker: Any, sent_again: list[Any], settings: LazySettings
) -> None:
    configure(settings, INLINE_STEPS=3)
    receive = worker(two())
    first, *others = ids = started(4)
    receive(first, "a", **header(*others))
    assert names() == ["shop.a", "shop.b", "shop.a"]
    assert statuses(ids) == ["completed", "running", "pending", "pending"]
    assert sent_again == [("shop.a", ["s-2", "s-3"])]


def test_r16_a_worker_that_is_being_stopped_leaves_them_to_others(
    worker: Any, sent_again: list[Any]
) -> None:
    receive = worker([SagaStep("a", lambda _: batch.stopping(is_so=True))])
    first, *others = ids = started(3)
    try:
        receive(first, "a", **header(*others))
    finally:
        batch.stopping(is_so=False)
    assert statuses(ids) == ["completed", "pending", "pending"]
    assert sent_again == [("shop.a", ["s-1", "s-2"])]


def test_the_failure_of_one_is_nothing_to_the_next(worker: Any, sent_again: list[Any]) -> None:
    def refuse_the_first(context: Any) -> None:
        if context["saga_id"] == "s-0":
            raise Rejected("sold out")

    receive = worker([SagaStep("a", refuse_the_first)])
    first, *others = ids = started(2)
    receive(first, "a", **header(*others))
    assert statuses(ids) == ["compensated", "completed"]


def test_a_hint_that_is_out_of_date_is_passed_by(worker: Any, sent_again: list[Any]) -> None:
    receive = worker(two())
    first, second, third = ids = started(3)
    engine.cancel(row(second).saga_id, by="a person")
    gone = {HEADER: {"queue": None, "hints": [[second, 0, "s-1"], [10**9, 0, "?"], [third, 0, ""]]}}
    receive(first, "a", **gone)
    assert statuses(ids) == ["completed", "compensated", "completed"]


def test_l3_a_row_that_nobody_can_read_is_nothing_to_the_others(
    worker: Any, sent_again: list[Any]
) -> None:
    receive = worker(two())
    first, broken, third = started(3)
    headers = header(broken, third)
    SagaExecution.objects.filter(pk=broken).update(steps={"a": {"status": "no such status"}})
    receive(first, "a", **headers)
    assert statuses([first, broken, third]) == ["completed", "pending", "completed"]


@pytest.mark.parametrize(
    "garbled",
    [
        None,
        [],
        "all",
        {"hints": [[1, 0, "s"]]},
        {"queue": 7, "hints": []},
        {"queue": None, "hints": "12"},
        {"queue": None, "hints": {"1": 0}},
    ],
)
def test_r20_a_garbled_header_tells_of_nobody(garbled: object) -> None:
    assert others_in({HEADER: garbled}) == NO_OTHER_HINTS


def test_r20_a_garbled_hint_is_none() -> None:
    hints = [[1, 0], [1, 0, 7], ["1", 0, "s"], [True, 0, "s"], [-1, 0, "s"], [2**63, 0, "s"], 7]
    found = others_in({HEADER: {"queue": "q", "hints": [*hints, [1, 0, "s"]]}})
    assert found == OtherHints("q", [HintTarget(1, 0, "s")])
