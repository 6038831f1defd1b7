"""Calls out of a saga's steps: one key for all attempts, one trace for all steps, and a service
that is away costs no attempt."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from deploy.local_consul import LocalConsul
from sagas import Later, Rejected, Retry, Saga, SagaStep, engine
from sagas.machine import Effect, ExecutionStatus, FailureKind, StepStatus
from sagas.machine.events import StepRetrying
from sagas.queries import history
from sagas.services import shared
from sagas.services.breaker import FAILURES
from sagas.services.calling import current_step, in_step, trace_id_of
from sagas.services.errors import NoAnswer, ServiceRejected
from sagas.services.registry import HttpCheck
from sagas.services.registry.consul import ConsulRegistry
from sagas.testing.workers import work_off
from tests.configured import configure
from tests.engine.driving import check_history, pass_time, row, state_in
from tests.services.conftest import Things
from tests.services.peers import Peer, http

transactional = pytest.mark.django_db(transaction=True)
WITHIN_SECONDS = 5.0
"""What a held step waits at most."""


def make(context: Mapping[str, Any]) -> Any:
    return Things().post("/things", body={"name": context["name"]})


def unmake(context: Mapping[str, Any]) -> None:
    Things().delete("/things/{}", context["name"])


def refuse(context: Mapping[str, Any]) -> None:
    raise Rejected("no")


@pytest.fixture
def start(define: Any, committed: Any) -> Callable[..., int]:
    """Starts a saga whose first step calls the service, and does what is due."""

    def start(*then: SagaStep, **options: Any) -> int:
        step = SagaStep("make", make, unmake, **({"retry": Retry(max_attempts=3)} | options))
        define(Saga("thing", [step, *then]))
        started = engine.start("thing", {"name": "lamp"}, saga_id="s-1")
        work_off(committed)
        return started.execution_id

    return start


@transactional
def test_r4_every_attempt_goes_out_under_the_same_key(
    peer: Callable[..., Peer], start: Callable[..., int], committed: Any
) -> None:
    service = peer(http(503))
    saga = start()
    pass_time(saga, minutes=5)
    service.answer = http(201, b'{"thing_id": "t-1"}')
    work_off(committed)
    keys = [service.headers(number)["idempotency-key"] for number in range(len(service.requests))]
    assert keys == ["s-1:make:action"] * 2
    assert row(saga).context["thing_id"] == "t-1"
    check_history(saga)


@transactional
def test_all_calls_of_a_saga_are_one_trace_compensations_too(
    peer: Callable[..., Peer], start: Callable[..., int]
) -> None:
    service = peer(http(200))
    saga = start(SagaStep("refuse", refuse))
    assert row(saga).status == ExecutionStatus.COMPENSATED
    made, unmade = service.headers(0), service.headers(1)
    assert unmade["idempotency-key"] == "s-1:make:compensation"
    version, trace, span, flags = made["traceparent"].split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")
    assert unmade["traceparent"].split("-")[1] == trace == trace_id_of("s-1~child.3")
    assert unmade["traceparent"].split("-")[2] != span
    assert unmade["x-request-id"] != made["x-request-id"]


@transactional
def test_a_service_without_an_instance_holds_the_step_and_costs_no_attempt(
    agent: LocalConsul, define: Any, committed: Any, peer: Callable[..., Peer]
) -> None:
    class Mine(Things):
        service = f"things-{uuid.uuid4().hex[:8]}"

    def make(context: Any) -> Any:
        return Mine().post("/things", body={})

    define(Saga("mine", [SagaStep("make", make, retry=Retry(max_attempts=1))]))
    saga = engine.start("mine", {}, saga_id="s-1").execution_id
    work_off(committed)
    for _ in range(10):
        step = state_in(row(saga)).step("make")
        assert (step.status, step.effect) == (StepStatus.SCHEDULED, Effect.NONE)
        assert step.attempts == step.uncounted_attempts
        pass_time(saga, seconds=WITHIN_SECONDS)
        work_off(committed)
    held = [event for event in history(saga) if isinstance(event, StepRetrying)]
    assert len(held) == 11
    assert {event.failure.kind for event in held} == {FailureKind.LATER}
    service, registry = peer(), shared.live().registry
    assert isinstance(registry, ConsulRegistry)
    check = HttpCheck(f"{service.url}/health", interval=0.5)
    registry.register(Mine.service, "127.0.0.1", service.port, check)
    assert registry.watch(Mine.service).until(bool, 10)
    pass_time(saga, seconds=WITHIN_SECONDS)
    work_off(committed)
    assert row(saga).status == ExecutionStatus.COMPLETED
    [call] = [each for each in service.requests if each.startswith(b"POST")]
    assert b"Idempotency-Key: s-1:make:action" in call
    check_history(saga)


@transactional
def test_an_open_breaker_holds_the_step_and_costs_no_attempt(
    peer: Callable[..., Peer], start: Callable[..., int], committed: Any
) -> None:
    service = peer(http(500))
    for _ in range(FAILURES):
        with pytest.raises(NoAnswer):
            Things().get("/things")
    service.requests.clear()
    saga = start(retry=Retry(max_attempts=1))
    for _ in range(3):
        pass_time(saga, seconds=WITHIN_SECONDS)
        work_off(committed)
    assert not service.requests
    step = state_in(row(saga)).step("make")
    assert (step.status, step.effect) == (StepStatus.SCHEDULED, Effect.NONE)


@transactional
def test_s4_a_step_that_was_only_held_back_is_not_compensated(
    start: Callable[..., int], committed: Any, settings: Any
) -> None:
    configure(settings, CONSUL={"HTTP_ADDR": "127.0.0.1:1"})
    saga = start()
    engine.cancel("s-1", by="anna", reason="enough")
    work_off(committed)
    assert row(saga).status == ExecutionStatus.COMPENSATED
    assert state_in(row(saga)).step("make").compensation_attempts == 0


def test_a_write_in_a_step_has_no_other_key_than_the_steps(peer: Callable[..., Peer]) -> None:
    service = peer()
    with in_step("s-1:make:action", "s-1"):
        Things().put("/things", body={}, key="s-1:make:action")
        with pytest.raises(ValueError, match="a second write into another step"):
            Things().put("/things", body={}, key="s-1:make:action:2")
        Things().get("/things", key="s-1:make:action-of-a-probe")
    assert len(service.requests) == 2
    assert current_step() is None


@pytest.mark.parametrize("write", ["post", "put", "patch", "delete"])
def test_a_write_outside_of_a_step_needs_a_key(peer: Callable[..., Peer], write: str) -> None:
    service = peer()
    with pytest.raises(ValueError, match="pass key="):
        getattr(Things(), write)("/things")
    getattr(Things(), write)("/things", key="mine")
    assert service.headers()["idempotency-key"] == "mine"
    Things().get("/things")
    assert "idempotency-key" not in service.headers()


@transactional
def test_a_refusal_is_final(peer: Callable[..., Peer], start: Callable[..., int]) -> None:
    service = peer(http(409, b'{"error": "taken"}'))
    saga = start()
    assert len(service.requests) == 1
    step = state_in(row(saga)).step("make")
    assert step.failure is not None
    assert (step.failure.kind, step.failure.error) == ("rejected", ServiceRejected.__name__)


@transactional
@pytest.mark.parametrize("second", ["/no-such-path", "/..", "/of-others", "Later"])
def test_s4_a_second_call_of_an_attempt_does_not_make_the_first_undone(
    peer: Callable[..., Peer], define: Any, committed: Any, settings: Any, second: str
) -> None:
    """The step is of two calls, as none should be, or says "not yet" after it has begun something:
    what the first call did is compensated."""
    service = peer()

    class OtherHints(Things):
        service = "others"

    def two_calls(context: Any) -> None:
        Things().post("/things", body={})
        if second == "Later":
            raise Later("not ready", after=30)
        service.answer = http(404) if second == "/no-such-path" else http(200)
        (OtherHints() if second == "/of-others" else Things()).get(second)

    def undo(context: Any) -> None:
        Things().delete("/things")

    service.answer = http(200)
    define(Saga("two", [SagaStep("make", two_calls, undo, retry=Retry(max_attempts=1))]))
    started = engine.start("two", {})
    work_off(committed)
    service.answer = http(200)
    work_off(committed)
    step = state_in(row(started.execution_id)).step("make")
    assert (step.effect, step.compensation_attempts) == (Effect.POSSIBLE, 1)
