"""Who may take part, and what is written: on the real PostgreSQL, with real threads."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from realtime import conversations
from realtime.conversations import MessageRefused, NotAssigned
from realtime.models import MOST_MESSAGES, Assignment, Conversation, Message, Role
from realtime.order_progress import progress_of
from sagas import Saga, SagaStep, engine
from sagas.errors import NoSuchExecution
from sagas.machine import Direction
from sagas.models import SagaExecution
from tests.engine.driving import claim, row
from tests.tracking.conftest import INPUT, Crew, do, new_order

pytestmark = pytest.mark.django_db


def lines(saga_id: str) -> list[tuple[int, str, str]]:
    """Number, role and text of all messages."""
    found = Message.objects.filter(conversation__saga_id=saga_id).order_by("number")
    return list(found.values_list("number", "role", "text"))


# --- Who may ------------------------------------------------------------------------------------
def test_the_owner_takes_part(crew: Crew, order: str) -> None:
    assert conversations.enter(order, crew.alice).role is Role.CUSTOMER


def test_a_stranger_does_not_learn_that_the_order_is_there(crew: Crew, order: str) -> None:
    for saga_id in (order, "nobody's"):
        for user in (crew.mallory, AnonymousUser()):
            for asked in (conversations.enter, conversations.join, conversations.leave):
                with pytest.raises(NoSuchExecution):
                    asked(saga_id, user)
            with pytest.raises(NoSuchExecution):
                conversations.say(saga_id, user, uuid4(), "Hello?")
    assert not Message.objects.exists()
    assert not Assignment.objects.exists()
    assert not Conversation.objects.exists(), "a question changes nothing"


def test_staff_take_part_once_they_are_on_it(crew: Crew, order: str) -> None:
    with pytest.raises(NotAssigned) as refused:
        conversations.say(order, crew.anna, uuid4(), "Hello!")
    assert refused.value.may_join
    conversations.join(order, crew.anna)
    conversations.join(order, crew.anna)
    assert conversations.enter(order, crew.anna).role is Role.STAFF
    conversations.leave(order, crew.anna)
    with pytest.raises(NotAssigned):
        conversations.enter(order, crew.anna)
    conversations.join(order, crew.anna)
    assert [role for _, role, _ in lines(order)] == [Role.NOTICE] * 3


def test_other_staff_may_not_join_without_the_permission(crew: Crew, order: str) -> None:
    with pytest.raises(NotAssigned) as refused:
        conversations.join(order, crew.otto)
    assert not refused.value.may_join
    conversations.join(order, crew.anna)
    with pytest.raises(NotAssigned):  # another's being on it helps nobody
        conversations.enter(order, crew.otto)
    with pytest.raises(NotAssigned):  # nor does another order
        conversations.enter(new_order(crew.mallory), crew.anna)


def test_who_is_no_longer_of_the_staff_is_out(crew: Crew, order: str) -> None:
    conversations.join(order, crew.anna)
    crew.anna.user_permissions.clear()
    anna = type(crew.anna)._default_manager.get(pk=crew.anna.pk)
    with pytest.raises(NoSuchExecution):
        conversations.say(order, anna, uuid4(), "Still here.")


def test_a_saga_that_is_no_order_has_no_page(crew: Crew, define: Any) -> None:
    define(Saga("no_order", [SagaStep("a", lambda context: None)]))
    other = engine.start("no_order", {}, owner_id=crew.alice.pk)
    with pytest.raises(NoSuchExecution):
        conversations.enter(other.saga_id, crew.alice)


def test_an_id_that_is_used_again_shows_nobody_the_old_messages(crew: Crew, order: str) -> None:
    conversations.say(order, crew.alice, uuid4(), "My address is …")
    SagaExecution.objects.all().delete()
    engine.start(conversations.SAGA_TYPE, INPUT, saga_id=order, owner_id=crew.mallory.pk)
    place = conversations.enter(order, crew.mallory)
    assert conversations.messages_after(place.conversation_id, 0) == []


def test_a_conversation_goes_with_its_order(crew: Crew, order: str) -> None:
    kept = new_order(crew.alice)
    for saga_id in (order, kept):
        conversations.say(saga_id, crew.alice, uuid4(), "My address is …")
    SagaExecution.objects.filter(saga_id=order).delete()
    said = StringIO()
    call_command("forget_conversations", stdout=said)
    assert said.getvalue() == "1 conversations were deleted.\n"
    assert [each.saga_id for each in Conversation.objects.all()] == [kept]


# --- What is written ----------------------------------------------------------------------------
def test_a_message_is_there_once_however_often_it_is_sent(crew: Crew, order: str) -> None:
    key = uuid4()
    first = conversations.say(order, crew.alice, key, "Where is it?")
    again = conversations.say(order, crew.alice, key, "Where is it?")
    assert (first.number, again.pk) == (1, first.pk)
    conversations.join(order, crew.anna)
    with pytest.raises(MessageRefused):
        conversations.say(order, crew.anna, key, "Mine.")


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_numbers_without_a_gap(crew: Crew, order: str) -> None:
    conversations.join(order, crew.anna)
    keys = [uuid4() for _ in range(12)]

    def write(work: tuple[Any, UUID]) -> int:
        try:
            return conversations.say(order, work[0], work[1], str(work[1])).number
        finally:
            connection.close()

    who = [crew.alice, crew.anna]
    # Each one twice, at the same time: a client whose answer was cut off sends again.
    works = [(who[n % 2], key) for n, key in enumerate(keys) for _ in range(2)]
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(write, works))
    assert sorted(set(numbers)) == list(range(2, 14))
    assert [number for number, _, _ in lines(order)] == list(range(1, 14))


def test_a_flood_of_one_user_is_refused(crew: Crew, order: str) -> None:
    for _ in range(conversations.MOST_A_MINUTE):
        conversations.say(order, crew.alice, uuid4(), "?")
    with pytest.raises(MessageRefused, match="wait a little"):
        conversations.say(order, crew.alice, uuid4(), "?")
    conversations.join(order, crew.anna)
    conversations.say(order, crew.anna, uuid4(), "One at a time, please.")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE realtime_message SET at = at - interval '1 minute'")
    conversations.say(order, crew.alice, uuid4(), "Sorry.")


def test_a_conversation_has_an_end(crew: Crew, order: str) -> None:
    place = conversations.enter(order, crew.alice)
    Conversation.objects.filter(pk=place.conversation_id).update(last_number=MOST_MESSAGES)
    with pytest.raises(MessageRefused, match="full"):
        conversations.say(order, crew.alice, uuid4(), "One more")
    conversations.join(order, crew.anna)  # what nobody reads any more stops nobody


@pytest.mark.parametrize(
    "values",
    [
        {"number": 0},
        {"text": ""},
        {"role": "boss"},
        {"role": "notice"},
        {"author_name": ""},
        {"number": 1},
    ],
    ids=str,
)
def test_the_database_refuses_what_can_not_be(
    crew: Crew, order: str, values: dict[str, Any]
) -> None:
    first = conversations.say(order, crew.alice, uuid4(), "First.")
    fields = {"number": 2, "text": "x", "role": "customer", "author_name": "Alice", **values}
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.create(
            conversation=first.conversation, author=crew.alice, key=uuid4(), **fields
        )


def test_an_account_that_is_deleted_leaves_its_words(crew: Crew, order: str) -> None:
    conversations.join(order, crew.anna)
    conversations.say(order, crew.anna, uuid4(), "I am leaving the company.")
    crew.anna.delete()
    assert lines(order)[-1][2] == "I am leaving the company."
    assert Message.objects.get(number=2).author_name
    assert not Assignment.objects.exists()


# --- Where the order stands ---------------------------------------------------------------------
def shown(saga_id: str, user: Any) -> tuple[str, list[str]]:
    found = progress_of(saga_id, user)
    return found["state"], [step["state"] for step in found["steps"]]


def test_progress_there_and_back(crew: Crew, order: str) -> None:
    assert shown(order, crew.alice) == ("now", ["now", "idle", "idle", "idle", "idle"])
    do(order, "validate_user", "reserve_inventory")
    assert shown(order, crew.alice) == ("now", ["done", "done", "now", "idle", "idle"])
    assert progress_of(order, crew.alice)["steps"][1]["at"]
    engine.cancel(order, by="anna", reason="as asked")
    found = SagaExecution.objects.get(saga_id=order)
    assert shown(order, crew.alice)[0] == "undoing"
    work = claim(found.pk, "reserve_inventory", Direction.COMPENSATION)
    engine.succeed(work, None)
    assert shown(order, crew.alice)[0] == "undone"
    assert shown(order, crew.alice)[1][:2] == ["done", "undone"]
    assert row(found.pk).status == "compensated"


def test_progress_to_the_end_and_on_hold(crew: Crew, order: str) -> None:
    engine.pause(order, by="anna")
    assert shown(order, crew.alice)[0] == "waiting"
    engine.resume(order, by="anna")
    steps = ("validate_user", "reserve_inventory", "process_payment", "create_order")
    do(order, *steps, "send_confirmation")
    found = progress_of(order, crew.alice)
    assert (found["state"], found["is_over"]) == ("done", True)
    assert [step["note"] for step in found["steps"]] == ["done"] * 5


def test_nothing_of_the_input_is_shown(crew: Crew, order: str) -> None:
    assert "visa" not in str(progress_of(order, crew.alice))
