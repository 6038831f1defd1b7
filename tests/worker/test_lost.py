"""What a worker's main process notes of a dead child, and what is made of it."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from celery.exceptions import WorkerLostError
from celery.worker.request import Request
from django.db import OperationalError

from sagas import engine
from sagas.machine import Direction, Progress, Verdict
from sagas.worker.attempts import key
from sagas.worker.hints import HintTarget, OtherHints
from sagas.worker.lost import LostClaim, holder_in, holder_of, note, report_noted
from sagas.worker.step_request import StepRequest

CHILD = 12345


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the engine is told."""
    told: list[Any] = []

    def accept(execution_id: int, holder: str, progress: Any) -> Verdict:
        told.append((execution_id, holder))
        return Verdict.ACCEPTED

    monkeypatch.setattr(engine, "lost", accept)
    report_noted(0)
    told.clear()
    yield told
    report_noted(0)


@pytest.fixture
def request_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A request as the main process has it, but for what Celery itself does on a failure."""
    monkeypatch.setattr(Request, "on_failure", lambda *_: None)

    def make(args: Any, pid: int | None = CHILD, **headers: Any) -> StepRequest:
        request = StepRequest.__new__(StepRequest)
        request.id, request.name, request.worker_pid = "message", "shop.a", pid
        request._args, request._hostname = args, "worker@here"
        request._request_dict = headers
        request._task = SimpleNamespace(step="a", direction=Direction.ACTION)
        return request

    return make


def failed_by(error: BaseException) -> Any:
    try:
        raise error
    except BaseException:
        return ExceptionInfo()


def test_r4_the_claim_of_a_lost_worker_is_reported(request_of: Any, reported: list[Any]) -> None:
    request_of([7, 3]).on_failure(failed_by(WorkerLostError("signal 9")))
    assert reported == [], "not by the main loop"
    report_noted(0)
    holder = holder_of("message", "worker@here", CHILD)
    assert reported == [(7, holder)]


def test_r4_it_may_have_been_at_work_on_any_saga_of_its_message(
    request_of: Any, reported: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """L2: and those that it had not reached are told of again."""
    again = []
    monkeypatch.setattr("sagas.worker.lost.send_again", lambda *what: again.append(what))
    others = {"queue": "q", "hints": [[8, 3, "s-8"], [9, 3, "s-9"]]}
    request_of([7, 3], saga_hints=others).on_failure(failed_by(WorkerLostError("signal 9")))
    report_noted(0)
    holder = holder_of("message", "worker@here", CHILD)
    assert reported == [(7, holder), (8, holder), (9, holder)]
    assert again == [
        ("shop.a", OtherHints("q", [HintTarget(8, 3, "s-8"), HintTarget(9, 3, "s-9")]))
    ]


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()])
def test_an_action_that_left_its_process_is_reported(
    request_of: Any, reported: list[Any], error: BaseException
) -> None:
    request_of([7, 3]).on_failure(failed_by(error))
    report_noted(0)
    assert len(reported) == 1


def test_an_attempt_that_reports_itself_is_not_reported_again(
    request_of: Any, reported: list[Any]
) -> None:
    request_of([7, 3]).on_failure(failed_by(ValueError("as any")), return_ok=True)
    request_of([7, 3], pid=None).on_failure(failed_by(WorkerLostError("before it began")))
    report_noted(0)
    assert reported == []


@pytest.mark.parametrize(
    "args", [[], [7], ["7", "3"], [7, 3, 1], [None, 10**30], [-1, -1], [{}, 1]]
)
def test_r20_a_garbled_message_is_no_claim(
    request_of: Any, reported: list[Any], args: list[Any]
) -> None:
    request_of(args).on_failure(failed_by(WorkerLostError("signal 9")))
    report_noted(0)
    assert reported == []


def claim_of(pid: int, attempts: Any = None) -> LostClaim:
    return LostClaim(
        "shop.a", 7, "holder", pid, attempts, OtherHints(None, [HintTarget(8, 3, "s-8")])
    )


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        (
            {key(7, "a", 4): Progress.RAN, key(8, "a", 4): Progress.RUNNING},
            [Progress.RAN, Progress.RUNNING],
        ),
        ({key(7, "a", 3): Progress.RAN, key(9, "a", 4): Progress.RAN}, [Progress.NOT_BEGUN] * 2),
        ({key(7, "b", 4): Progress.RAN}, [Progress.NOT_BEGUN] * 2),
        (None, [Progress.UNKNOWN] * 2),
    ],
)
def test_s14_how_far_each_claim_got_is_told(
    monkeypatch: pytest.MonkeyPatch, attempts: Any, expected: list[Progress]
) -> None:
    told: list[Progress] = []
    monkeypatch.setattr("sagas.worker.lost.send_again", lambda *_: None)
    monkeypatch.setattr(engine, "lost", lambda *claim: told.append(claim[2]("a", 4)))
    note(claim_of(CHILD, attempts))
    report_noted(0)
    assert told == expected


def test_a_report_that_fails_is_logged_and_the_next_is_made(
    reported: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    accept = engine.lost

    def fail_once(*claim: Any) -> Verdict:
        monkeypatch.setattr(engine, "lost", accept)
        raise OperationalError("no database")

    monkeypatch.setattr(engine, "lost", fail_once)
    monkeypatch.setattr("sagas.worker.lost.send_again", lambda *_: None)
    note(claim_of(1))
    note(claim_of(2))
    report_noted(0)
    assert "its lease ends the claim" in caplog.text
    assert len(reported) == 2, "both sagas of the second"


def test_r1_only_a_process_with_one_claim_at_a_time_names_it_for_its_parent() -> None:
    """In a pool of threads a message that came twice would claim twice under one name."""
    named: list[str | None] = [holder_in("message", "worker@here")]
    thread = threading.Thread(target=lambda: named.append(holder_in("message", "worker@here")))
    thread.start()
    thread.join()
    assert named[0] is not None
    assert named[1] is None


def test_r20_a_holder_is_short_and_plain_whatever_the_message_says() -> None:
    for task_id in ("x" * 10**6, "\x00", "\ud800", {"a": [1]}, None, 7):
        assert len(holder_of(task_id, "worker@here", CHILD)) == 32
    assert len({holder_of(*who) for who in (("a", "h", 1), ("a", "h", 2), ("a", "i", 1))}) == 3
