"""The small values: retry delays, contexts, failures."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sagas.machine import FailureKind, Rejected, Retry, Unreachable
from sagas.machine.context import (
    CONTEXT_LIMIT,
    NotStorable,
    changes,
    digest,
    given_to,
    storable_json,
)
from sagas.machine.failures import Failure, classify

GIVEN = given_to(
    {"order": {"total": 5}, "n": 1},
    saga_id="s-1",
    key="s-1:a:action",
    action_key="s-1:a:action",
    attempt=1,
    deadline=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_delays_double_to_the_cap() -> None:
    policy = Retry(backoff=1, factor=2, cap=10, jitter=0)
    delays = [policy.delay(attempt, "k").total_seconds() for attempt in (1, 2, 3, 4, 5, 10_000)]
    assert delays == [1, 2, 4, 8, 10, 10]


def test_delays_reach_the_cap_however_gently_they_grow() -> None:
    assert Retry(backoff=1, factor=1.1, cap=60, jitter=0).delay(50, "k").total_seconds() == 60
    assert Retry(backoff=0, factor=10, jitter=0).delay(10_000, "k").total_seconds() == 0


def test_jitter_spreads_the_sagas_and_not_the_replays() -> None:
    policy = Retry(backoff=timedelta(seconds=10), jitter=0.5)
    delays = {policy.delay(1, f"s-{n}").total_seconds() for n in range(100)}
    assert len(delays) == 100
    assert all(5 <= delay <= 15 for delay in delays)
    assert max(delays) - min(delays) > 8
    assert policy.delay(1, "s-1") == policy.delay(1, "s-1")


@pytest.mark.parametrize(
    ("returned", "kept"),
    [
        (None, {}),
        ({}, {}),
        ({"new": 1}, {"new": 1}),
        ({"n": 2}, {"n": 2}),
        ({**GIVEN, "n": 2}, {"n": 2}),
        (GIVEN, {}),
        ({"n": True}, {"n": True}),
        ({**GIVEN, "order": {"total": 6}}, {"order": {"total": 6}}),
        ({"order": {"total": 5.0}}, {"order": {"total": 5.0}}),
        ({"order": {"total": 5}}, {}),
    ],
)
def test_s10_only_what_changed_is_kept(returned: Any, kept: dict[str, Any]) -> None:
    assert changes(GIVEN, returned) == kept


@pytest.mark.parametrize(
    ("returned", "path"),
    [
        (7, ""),
        ({"saga_id": "other"}, "saga_id"),
        ({"x": float("nan")}, "x"),
        ({"x": [1, float("inf")]}, "x.1"),
        ({"x": {"y": [0, ({"z": float("nan")},)]}}, "x.y.1.0.z"),
        ({**GIVEN, "order": {"total": float("nan")}}, "order.total"),
        ({"x": {"y": "\x00"}}, "x.y"),
        ({"x": "\ud800"}, "x"),
        ({"x": {1: 2}}, "x"),
        ({"x": {"a\x00": 2}}, "x"),
        ({"x": Decimal(1)}, "x"),
        ({"x": {"set"}}, "x"),
        ({"x": 1e16}, "x"),
        ({"x": [-1e300]}, "x.0"),
        ({"x": 10**2000}, "x"),
        ({"x": "x" * CONTEXT_LIMIT}, ""),
    ],
)
def test_r17_what_cannot_be_stored_is_told_with_its_path(returned: Any, path: str) -> None:
    with pytest.raises(NotStorable) as refused:
        changes(GIVEN, returned)
    assert refused.value.path == path


def test_r17_what_refers_to_itself_is_too_deep() -> None:
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with pytest.raises(NotStorable, match="nested deeper"):
        storable_json(loop)


def test_s11_the_digest_ignores_the_order_of_keys_and_nothing_else() -> None:
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
    assert digest({"a": 1}) != digest({"a": "1"})


class OwnRefusal(Rejected):
    """A service's own error."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Rejected(), FailureKind.REJECTED),
        (OwnRefusal(), FailureKind.REJECTED),
        (Unreachable(), FailureKind.UNREACHABLE),
        (TimeoutError(), FailureKind.UNKNOWN),
        (KeyError("x"), FailureKind.UNKNOWN),
    ],
)
def test_failures_are_classified_by_what_they_say_of_the_effect(
    error: Exception, kind: FailureKind
) -> None:
    assert classify(error) is kind


def test_r17_the_text_of_an_error_can_always_be_stored() -> None:
    failure = Failure.of(FailureKind.UNKNOWN, ValueError("a\x00b\ud800" + "c" * 10_000))
    assert len(failure.message) == 500
    storable_json(failure.to_json())
