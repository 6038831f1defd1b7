"""Who may take part in an order's conversation, and what is written into it.

The customer who owns the order takes part in it, and the staff who are on it. Other staff may join,
if they have the permission `realtime.add_assignment`: from then on they are seen to be on it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from realtime.models import (
    MOST_MESSAGES,
    NAME_LENGTH,
    Assignment,
    Conversation,
    Customer,
    Message,
    Role,
)
from sagas import queries, users
from sagas.errors import NoSuchExecution
from sagas.models import SagaExecution

SAGA_TYPE: Final = "order_processing"
"""The sagas that are orders: no other has a page."""

HISTORY: Final = 50
"""Messages to a page and to a read: a few screens."""

MOST_A_MINUTE: Final = 30
"""Messages of one user. Nobody types faster; one who pastes that much floods the others."""

MOST_FORGOTTEN: Final = 500
"""Conversations to a deletion: seconds, with some hundred messages each."""

JOIN: Final = "realtime.add_assignment"


class NotAssigned(Exception):
    """Somebody of the staff who is not on the order. `may_join` says whether they can be."""

    def __init__(self, may_join: bool) -> None:
        super().__init__("You are not on this order.")
        self.may_join = may_join


class MessageRefused(Exception):
    """A message that is not written; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a conversation."""

    conversation_id: int
    execution_id: int
    saga_id: str
    last_seq: int
    user_key: str
    name: str
    role: Role


def enter(saga_id: str, user: Any) -> Place:
    """The place of `user` in the conversation on an order, which is opened if there is none.

    Raises `NoSuchExecution` for whom there is no such order, `NotAssigned` for other staff.
    """
    execution = _order(saga_id, user)
    role = Role.CUSTOMER if execution.owner_id == user.pk else Role.STAFF
    on_it = Assignment.objects.filter(conversation__execution_id=execution.pk, user=user.pk)
    if role is Role.STAFF and not on_it.exists():
        raise NotAssigned(user.has_perm(JOIN))
    return Place(
        open_on(execution.pk, execution.saga_id).pk,
        execution.pk,
        execution.saga_id,
        execution.last_seq,
        users.key_of(user),
        name_of(user),
        role,
    )


def open_on(execution_id: int, saga_id: str) -> Conversation:
    """The conversation on an order; made at the first call, also within a transaction."""
    made, _ = Conversation.objects.get_or_create(
        execution_id=execution_id, defaults={"saga_id": saga_id}
    )
    return made


def name_of(user: Any) -> str:
    """What the others call somebody."""
    name = Customer.objects.filter(account=user.pk).values_list("name", flat=True).first()
    full_name = getattr(user, "get_full_name", str)()
    return (name or full_name or users.name_of(user))[:NAME_LENGTH]


def join(saga_id: str, user: Any) -> None:
    """Puts somebody of the staff on an order; a customer is in their own in any case.

    Raises `NoSuchExecution`, and `NotAssigned` for those who lack the permission.
    """
    execution = _order(saga_id, user)
    if execution.owner_id == user.pk:
        return
    if not user.has_perm(JOIN):
        raise NotAssigned(may_join=False)
    with transaction.atomic():
        conversation = _snapshot(open_on(execution.pk, execution.saga_id).pk)
        on_it, is_new = Assignment.objects.get_or_create(conversation=conversation, user=user)
        if is_new:
            _notice(conversation, f"joined {on_it.pk}", f"{name_of(user)} is on it now.")


def leave(saga_id: str, user: Any) -> None:
    """Takes somebody of the staff off an order. Raises `NoSuchExecution`."""
    execution = _order(saga_id, user)
    with transaction.atomic():
        conversation = _snapshot(open_on(execution.pk, execution.saga_id).pk)
        on_it = conversation.assignments.filter(user=user.pk).first()
        if on_it is not None:
            _notice(conversation, f"left {on_it.pk}", f"{name_of(user)} has left.")
            on_it.delete()


def say(saga_id: str, user: Any, key: UUID, text: str) -> Message:
    """The message, written once however often it is sent with the same `key`.

    Raises what `enter` does, and `MessageRefused`.
    """
    place = enter(saga_id, user)
    with transaction.atomic():
        conversation = _snapshot(place.conversation_id)
        there = conversation.messages.filter(key=key).first()
        if there is not None:
            if there.author_id != user.pk:
                raise MessageRefused("Another message has this id: make a new one.")
            return there
        since = Now() - timedelta(minutes=1)
        if Message.objects.filter(author=user.pk, at__gt=since).count() >= MOST_A_MINUTE:
            raise MessageRefused("You have written a lot in the last minute: wait a little.")
        if conversation.last_number >= MOST_MESSAGES:
            raise MessageRefused("This conversation is full: write an e-mail.")
        return _add(
            conversation, role=place.role, author=user, author_name=place.name, key=key, text=text
        )


def greet(execution_id: int, saga_id: str, text: str) -> None:
    """Opens a conversation with a notice; only the first call writes it."""
    conversation = open_on(execution_id, saga_id)
    with transaction.atomic():
        _notice(_snapshot(conversation.pk), "greeting", text)


def messages_after(conversation_id: int, after: int) -> Sequence[Message]:
    """The messages with a number above `after`, in order, `HISTORY` at most."""
    found = Message.objects.filter(conversation=conversation_id, number__gt=after)
    return list(found.order_by("number")[:HISTORY])


def messages_before(conversation_id: int, before: int | None) -> Sequence[Message]:
    """The newest `HISTORY` messages, or those before that number, in order."""
    found = Message.objects.filter(conversation=conversation_id)
    if before is not None:
        found = found.filter(number__lt=before)
    return list(found.order_by("-number")[:HISTORY])[::-1]


def news(ids: Collection[int]) -> dict[int, tuple[int, set[str]]]:
    """Conversation → the number of its newest message, and the keys of the staff who are on it.
    One that was deleted is missing."""
    staff: dict[int, set[str]] = {pk: set() for pk in ids}
    for each in Assignment.objects.filter(conversation__in=ids).select_related("user"):
        staff[each.conversation_id].add(users.key_of(each.user))
    numbers = Conversation.objects.filter(pk__in=ids).values_list("pk", "last_number")
    return {pk: (number, staff[pk]) for pk, number in numbers}


def forget() -> int:
    """Deletes conversations whose order was deleted (`manage.py saga prune`), `MOST_FORGOTTEN` at
    most; how many they were."""
    order = SagaExecution.objects.filter(pk=OuterRef("execution_id"))
    gone = Conversation.objects.filter(~Exists(order)).values_list("pk", flat=True)
    found = list(gone[:MOST_FORGOTTEN])
    Conversation.objects.filter(pk__in=found).delete()
    return len(found)


def _order(saga_id: str, user: Any) -> Any:
    execution = queries.execution(saga_id, user)
    if execution.saga_type != SAGA_TYPE:
        raise NoSuchExecution(f"There is no order {saga_id!r} that you may see.")
    return execution


def _snapshot(conversation_id: int) -> Conversation:
    return Conversation.objects.select_for_update(no_key=True).get(pk=conversation_id)


def _notice(conversation: Conversation, what: str, text: str) -> None:
    key = uuid5(NAMESPACE_URL, what)
    is_there = conversation.messages.filter(key=key).exists()
    if not is_there and conversation.last_number < MOST_MESSAGES:
        _add(conversation, role=Role.NOTICE, key=key, text=text)


def _add(conversation: Conversation, **values: Any) -> Message:
    conversation.last_number += 1
    conversation.save(update_fields=["last_number"])
    return Message.objects.create(
        conversation=conversation, number=conversation.last_number, **values
    )
