"""What a step's function is called with: a `Context`, or the class that it asks for."""

import functools
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field

from sagas import Context, DefinitionError, ForEach, Pivot, Rejected, Retry, Saga, SagaStep, engine
from sagas.machine import ExecutionStatus
from sagas.machine.context import RESERVED
from sagas.machine.states import Effect
from sagas.registry import registry
from sagas.testing.workers import work_off
from sagas.typed_context import expected_by
from tests.engine.driving import check_history, row, state_in

transactional = pytest.mark.django_db(transaction=True)


class Line(BaseModel):
    sku: str
    quantity: int = Field(ge=1)


class Order(BaseModel):
    lines: list[Line]
    due: date
    customer: UUID


class Reservation(BaseModel):
    reservation: str
    until: datetime


@dataclass
class Charge:
    lines: list[Line]
    reservation: str
    until: datetime
    attempt: int
    action_key: str
    note: str = ""


@dataclass
class Payment:
    payment: str
    parts: list[int] = field(default_factory=list)


INPUT = {
    "lines": [{"sku": "lamp", "quantity": 2}],
    "due": "2026-05-01",
    "customer": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
}
UNTIL = datetime(2026, 5, 1, 12, tzinfo=UTC)


def reserve(order: Order) -> Reservation:
    assert order.due == date(2026, 5, 1)
    return Reservation(reservation=f"{order.lines[0].quantity} lamps", until=UNTIL)


def charge(order: Charge) -> Payment:
    assert (order.until, order.attempt) == (UNTIL, 1)
    return Payment(f"paid {order.reservation}", [1, 2])


def nothing(context: Context) -> None: ...


@transactional
def test_classes_are_validated_in_and_dumped_out(define: Any, committed: Any) -> None:
    define(Saga("typed", [SagaStep("reserve", reserve), SagaStep("charge", charge)]))
    saga = engine.start("typed", INPUT, saga_id="s-1").execution_id
    work_off(committed)
    assert row(saga).status == ExecutionStatus.COMPLETED
    assert row(saga).context == {
        **INPUT,
        "reservation": "2 lamps",
        "until": "2026-05-01T12:00:00Z",
        "payment": "paid 2 lamps",
        "parts": [1, 2],
    }
    check_history(saga)


@transactional
def test_s4_what_does_not_fit_is_refused_before_anything_is_done(
    define: Any, committed: Any
) -> None:
    called: list[Any] = []

    def book(order: Order) -> None:
        called.append(order)

    define(Saga("typed", [SagaStep("first", nothing, nothing), SagaStep("book", book, nothing)]))
    wrong = {**INPUT, "lines": [{"sku": "lamp", "quantity": 0}], "due": "tomorrow"}
    saga = engine.start("typed", wrong, saga_id="s-1").execution_id
    work_off(committed)
    step = state_in(row(saga)).step("book")
    assert row(saga).status == ExecutionStatus.COMPENSATED
    assert step.failure is not None
    assert (step.failure.kind, step.failure.error) == ("rejected", "InvalidContext")
    assert (
        "Order can't be made from the context. context.lines.0.quantity: Input"
        in step.failure.message
    )
    assert "context.due: Input should be a valid date" in step.failure.message
    assert (step.effect, step.attempts, step.compensation_attempts) == (Effect.NONE, 1, 0)
    assert not called


@transactional
def test_a_compensation_that_does_not_fit_stops_before_a_person_who_can_mend_it(
    define: Any, committed: Any
) -> None:
    undone: list[Charge] = []
    define(
        Saga(
            "typed",
            [
                SagaStep("charge", nothing, _undo(undone)),
                SagaStep("refuse", _refuse),
            ],
        )
    )
    saga = engine.start("typed", INPUT, saga_id="s-1").execution_id
    work_off(committed)
    assert row(saga).status == ExecutionStatus.FAILED
    mended = {"reservation": "2 lamps", "until": UNTIL.isoformat()}
    engine.amend("s-1", mended, by="anna", reason="it was missing")
    engine.retry("s-1", by="anna", reason="now it fits")
    work_off(committed)
    assert row(saga).status == ExecutionStatus.COMPENSATED
    assert [charge.action_key for charge in undone] == ["s-1:charge:action"]


def _undo(undone: list[Charge]) -> Any:
    def undo(charge: Charge) -> None:
        undone.append(charge)

    return undo


def _refuse(context: Context) -> None:
    raise Rejected("no")


@transactional
def test_a_model_that_is_handed_back_whole_changes_what_it_changed(
    define: Any, committed: Any
) -> None:
    class Whole(BaseModel):
        model_config = ConfigDict(extra="allow")
        saga_id: str
        deadline: datetime
        n: int

    def count(context: Whole) -> Whole:
        context.n += 1
        return context

    define(Saga("typed", [SagaStep("count", count)]))
    saga = engine.start("typed", {"n": 1, "other": ["x"]}, saga_id="s-1").execution_id
    work_off(committed)
    assert row(saga).context == {"n": 2, "other": ["x"]}
    assert state_in(row(saga)).step("count").wrote == ("n",)


@transactional
def test_items_and_probes_have_classes_too(define: Any, committed: Any) -> None:
    @dataclass
    class Item:
        item: Line
        index: int

    def take(each: Item) -> Payment:
        return Payment(f"{each.index}: {each.item.quantity}")

    asked: list[str] = []

    def fail(context: Context) -> None:
        raise TimeoutError

    def probe(charge: Charge) -> Payment:
        asked.append(charge.action_key)
        return Payment("found")

    later = {"reservation": "r", "until": UNTIL.isoformat()}
    define(
        Saga(
            "typed",
            [
                ForEach("take", over="lines", action=take),
                SagaStep("fail", fail, probe=probe, retry=Retry(backoff=0, jitter=0)),
            ],
        )
    )
    saga = engine.start("typed", {**INPUT, **later}, saga_id="s-1").execution_id
    work_off(committed)
    assert row(saga).context["take"] == [{"payment": "0: 2", "parts": []}]
    assert row(saga).context["payment"] == "found"
    assert asked == ["s-1:fail:action"]


@transactional
def test_a_context_is_a_mapping_that_knows_the_engines_keys(define: Any, committed: Any) -> None:
    given: list[Context] = []

    def act(context: Context) -> None:
        given.append(context)

    define(Saga("plain", [SagaStep("act", act, act), SagaStep("refuse", _refuse)]))
    engine.start("plain", {"n": 1}, saga_id="s-1")
    work_off(committed)
    action, compensation = given
    assert isinstance(action, Mapping)
    assert set(action) == {"n", *RESERVED}
    assert (action.saga_id, action.attempt, action.deadline) == ("s-1", 1, action["deadline"])
    assert action.idempotency_key == action.action_key == "s-1:act:action"
    assert compensation.idempotency_key == "s-1:act:compensation"
    assert compensation.action_key == "s-1:act:action"


def test_s12_what_a_function_takes_is_not_in_the_digest() -> None:
    plain, typed = (
        Saga("s", [SagaStep("a", action), Pivot("b", nothing)]) for action in (nothing, reserve)
    )
    assert plain.digest == typed.digest


def test_a_class_that_no_value_fits_is_refused_with_the_saga() -> None:
    class Odd:
        pass

    @dataclass
    class Holder:
        odd: Odd

    def act(context: Holder) -> None: ...

    with pytest.raises(
        DefinitionError, match="Saga 'odd', step 'a' takes a Holder, which Pydantic"
    ):
        registry.add(Saga("odd", [SagaStep("a", act)]))
    assert registry.find("odd", 1) is None


class Bound:
    def method(self, order: Order) -> None: ...

    def __call__(self, order: "Order") -> None: ...

    __hash__ = None  # type: ignore[assignment]


def unresolved(order: "NoSuchName") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (reserve, Order),
        (Bound().method, Order),
        (Bound(), Order),
        (functools.partial(reserve), Order),
        (functools.wraps(reserve)(lambda *args: None), Order),
        (nothing, None),
        (unresolved, None),
        (lambda context: None, None),
        (print, None),
        (dict, None),
    ],
)
def test_the_first_parameters_annotation_says_what_is_taken(function: Any, kind: Any) -> None:
    assert expected_by(function) is kind


def test_whoever_asks_for_no_class_needs_no_pydantic() -> None:
    code = """
import sys
sys.modules["pydantic"] = None
from dataclasses import dataclass
from sagas import DefinitionError, Saga, SagaStep
from sagas.machine.context import Context
from sagas.typed_context import call, check

@dataclass
class Order:
    n: int

def plain(context): return {"n": context["n"] + 1}
def typed(order: Order): ...

check(Saga("plain", [SagaStep("a", plain)]))
assert call(plain, Context(n=1)) == {"n": 2}
try:
    check(Saga("typed", [SagaStep("a", typed)]))
except DefinitionError as error:
    assert "install pydantic" in str(error), error
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
