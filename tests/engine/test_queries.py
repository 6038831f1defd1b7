"""What is read: an execution as the outside sees it, and what keeps it from its end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas import engine, queries
from sagas.errors import BadInput, NoSuchExecution
from sagas.machine import Direction, Parallel, Saga, SagaStep, SubSaga
from sagas.models import SagaExecution
from tests.api.scenes import ALL, nothing, past_pivot, reject, stuck, succeed
from tests.engine.driving import claim, row

pytestmark = pytest.mark.django_db(transaction=True)

LATER = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    for saga in ALL:
        define(saga)


def start(saga_type: str, context: Any = None, **given: Any) -> int:
    return engine.start(saga_type, context or {}, saga_id="s-1", **given).execution_id


def shown(saga_id: str = "s-1") -> dict[str, Any]:
    return queries.describe(queries.execution(saga_id, queries.OPERATOR))


def steps(saga_id: str = "s-1") -> dict[str, Any]:
    return {step["name"]: step for step in shown(saga_id)["steps"]}


def left(saga_id: str = "s-1") -> str:
    return queries.what_is_left(queries.execution(saga_id, queries.OPERATOR))


def test_each_step_says_what_kind_it_is() -> None:
    kinds: dict[str, dict[str, str]] = {}
    for number, saga in enumerate(ALL):
        context: dict[str, Any] = {"items": [], "locks": []}
        engine.start(saga.saga_type, context, saga_id=f"k-{number}")
        found = steps(f"k-{number}")
        kinds[saga.saga_type] = {name: step["kind"] for name, step in found.items()}
    assert kinds["approval"] == {"approved": "WaitFor", "cool_down": "Sleep"}
    assert kinds["batch"] == {"pack": "ForEach"}
    assert kinds["trip"] == {"flight": "SubSaga"}
    assert list(kinds["shop"].values()) == ["SagaStep", "SagaStep", "Pivot", "SagaStep"]


def test_a_wait_says_until_when_and_a_due_step_when_it_is_due() -> None:
    start("approval")
    wait = steps()["approved"]
    assert (wait["status"], wait["due_at"]) == ("waiting", None)
    created = shown()["created_at"]
    assert wait["until"] - created == timedelta(hours=1)
    assert left() == f"approved waiting until {wait['until']:%Y-%m-%d %H:%M:%S} UTC"
    engine.start("shop", {}, saga_id="s-2")
    due = steps("s-2")["reserve"]
    assert (due["due_at"], due["until"]) == (shown("s-2")["created_at"], None)
    assert left("s-2") == "reserve scheduled"


def test_a_family_says_how_far_its_children_are() -> None:
    execution_id = start("batch", {"items": [1, 2, 3]})
    assert steps()["pack"]["children"] == {"total": 3, "started": 2, "outcomes": {}}
    assert left() == "pack waiting (2 of 3 started)"
    for number in (0, 1):
        child = SagaExecution.objects.get(saga_id=f"s-1~pack.{number}")
        succeed(child.pk, "each")
    assert steps()["pack"]["children"] == {"total": 3, "started": 3, "outcomes": {"completed": 2}}
    assert row(execution_id).status == "running"


def test_a_child_names_its_parent_and_what_it_is_part_of() -> None:
    start("batch", {"items": [1]})
    assert shown()["parent"] is None
    assert shown("s-1~pack.0")["parent"] == {"saga_id": "s-1", "step": "pack"}


def test_times_are_told() -> None:
    start("shop", start_at=LATER, deadline=LATER + timedelta(days=1))
    assert (shown()["start_at"], shown()["deadline"]) == (LATER, LATER + timedelta(days=1))
    assert left() == "starts at 2999-01-01 00:00:00 UTC"


def test_it_tells_which_locks_it_waits_for_and_which_it_does_not() -> None:
    engine.start("locked", {"locks": ["a", "b"]}, saga_id="first")
    engine.start("locked", {"locks": ["d"]}, saga_id="unrelated")
    start("locked", {"locks": ["a", "b", "c"]})
    assert (shown("first")["blocked"], shown("first")["waits_for_locks"]) == (False, [])
    assert (shown()["blocked"], shown()["waits_for_locks"]) == (True, ["a", "b"])
    assert left() == "waits for a lock"


def test_a_child_does_not_wait_for_the_locks_of_its_own_family(define: Any) -> None:
    define(
        Saga(
            "outer",
            [SubSaga("locked")],
            locks=lambda context: ["a"],
        )
    )
    engine.start("locked", {"locks": ["b"]}, saga_id="holds-b")
    start("outer", {"locks": ["a", "b"]})
    assert shown("s-1~locked")["waits_for_locks"] == ["b"], "not a: its parent holds that"


def test_what_gave_up_is_what_a_person_has_to_settle() -> None:
    stuck("s-1")
    found = shown()
    assert found["gave_up"] == ["reserve"], "not charge, which was refused, and is why it turned"
    assert left() == "gave up: reserve"
    execution_id = past_pivot("s-2")
    reject(execution_id, "mail")
    assert (shown("s-2")["gave_up"], left("s-2")) == (["mail"], "gave up: mail")


def test_a_saga_that_turns_back_has_nothing_that_gave_up() -> None:
    execution_id = start("shop")
    succeed(execution_id, "reserve")
    reject(execution_id, "charge")
    assert (shown()["gave_up"], left()) == ([], "reserve compensation scheduled")
    succeed(execution_id, "reserve", direction=Direction.COMPENSATION)
    assert (shown()["gave_up"], left()) == ([], ""), "nothing is left at its end"


def test_a_saga_paused_between_two_steps_waits_to_be_resumed() -> None:
    execution_id = start("shop")
    work = claim(execution_id, "reserve")
    engine.pause("s-1", by="x")
    assert left() == "reserve running"
    engine.succeed(work, None)
    assert (shown()["current_steps"], left()) == ([], "waits to be resumed")


def test_a_child_that_gave_up_waits_for_its_parent(define: Any) -> None:
    define(Saga("both", [Parallel(SubSaga("flight", "shop"), SagaStep("hotel", nothing))]))
    execution_id = start("both")
    claim(execution_id, "hotel")  # in flight, so the parent has not turned back yet
    child = SagaExecution.objects.get(saga_id="s-1~flight")
    succeed(child.pk, "reserve")
    reject(child.pk, "charge")
    assert left("s-1~flight") == "waits for its parent to turn back"


def test_s12_what_this_process_does_not_know_is_still_shown() -> None:
    succeed(start("shop"), "reserve")
    SagaExecution.objects.update(version=99)
    assert [(step["name"], step["kind"]) for step in shown()["steps"]] == [
        ("charge", None),
        ("reserve", None),
    ]


def test_a_description_costs_two_statements() -> None:
    start("batch", {"items": [1, 2]})
    with CaptureQueriesContext(connection) as captured:
        shown("s-1~pack.1")
    said = [each["sql"] for each in captured.captured_queries]
    assert len(said) == 2, "the execution with its parent, and why it turned back"
    assert said[0].count('"context"') == 1, "not its parent's"


def test_who_may_see_what() -> None:
    users = get_user_model().objects
    alice, boss = users.create_user("alice"), users.create_superuser("boss")
    clerk = users.create_user("clerk", is_staff=True)
    start("shop", owner_id=alice.pk)
    engine.start("shop", {}, saga_id="s-2")
    assert [each.saga_id for each in queries.visible_to(alice)] == ["s-1"]
    assert queries.visible_to(boss).count() == queries.visible_to(queries.OPERATOR).count() == 2
    assert not queries.visible_to(clerk).exists(), "staff alone is no right"
    assert not queries.visible_to(AnonymousUser()).exists(), "not even what nobody owns"
    with pytest.raises(NoSuchExecution):
        queries.execution("s-2", alice)


EVERYTHING = queries.Filter()


def test_a_filter_that_asks_nothing_may_be_listed_and_not_acted_upon() -> None:
    start("shop")
    assert len(queries.page(EVERYTHING, queries.OPERATOR).executions) == 1
    with pytest.raises(BadInput, match="no condition"):
        queries.targets(EVERYTHING, queries.OPERATOR)
    asks_something = replace(EVERYTHING, paused=False)
    assert len(queries.targets(asks_something, queries.OPERATOR).executions) == 1


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ({"saga_type": "a\x00"}, "saga_type"),
        ({"saga_type": ""}, "saga_type"),
        ({"saga_type": "a..c"}, "saga_type"),
        ({"step": "\ud800"}, "step"),
        ({"step": "A"}, "step"),
        ({"version": 0}, "version"),
        ({"version": 1 << 31}, "version"),
        ({"created_before": datetime(2026, 1, 1)}, "created_before"),  # noqa: DTZ001
    ],
)
def test_what_postgresql_would_refuse_is_refused_in_words(
    condition: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        queries.page(queries.Filter(**condition), queries.OPERATOR)
    assert list(refused.value.fields) == [field]
