"""The socket of an order, on two real web processes."""

import json
import random
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.contrib.sessions.models import Session
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from realtime import conversations
from realtime.models import Message
from sagas import engine
from sagas.models import SagaExecution
from tests.tracking.conftest import (
    Crew,
    Open,
    Webs,
    do,
    hear,
    hear_until,
    is_,
    new_order,
    tell,
)

pytestmark = pytest.mark.django_db(transaction=True)


def say(socket: Any, text: str) -> str:
    key = str(uuid4())
    tell(socket, type="say", id=key, text=text)
    return key


def texts(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["text"] for frame in frames if frame["type"] == "message"]


@pytest.fixture
def both(crew: Crew, order: str, open_socket: Open) -> tuple[Any, Any]:
    """Alice's socket on the one web process, Anna's on the other."""
    conversations.join(order, crew.anna)
    alice, anna = open_socket(order, crew.alice), open_socket(order, crew.anna, web=1)
    for socket in (alice, anna):
        hear_until(socket, lambda frame: frame["type"] == "people" and len(frame["people"]) == 2)
    return alice, anna


# --- What is seen -------------------------------------------------------------------------------
def test_each_sees_the_other_in_another_process(both: tuple[Any, Any], crew: Crew) -> None:
    alice, anna = both
    key = say(alice, "  Where is my lamp?  ")
    seen = hear_until(anna, is_("message", text="Where is my lamp?"))[-1]
    assert (seen["number"], seen["is_mine"], seen["id"], seen["role"]) == (
        2,
        False,
        None,
        "customer",
    )
    own = hear_until(alice, is_("message", text="Where is my lamp?"))[-1]
    assert (own["number"], own["is_mine"], own["id"]) == (2, True, key)
    tell(anna, type="writing")

    def writes(frame: dict[str, Any]) -> bool:
        return frame["type"] == "people" and any(each["is_writing"] for each in frame["people"])

    people = hear_until(alice, writes)[-1]["people"]
    assert [(p["is_me"], p["role"], p["is_writing"]) for p in people] == [
        (True, "customer", False),
        (False, "staff", True),
    ]
    assert not any("key" in each for each in people)
    hear_until(alice, lambda frame: frame["type"] == "people" and not writes(frame))
    anna.close()
    hear_until(alice, lambda frame: frame["type"] == "people" and len(frame["people"]) == 1)


def is_done(number: int, frame: dict[str, Any]) -> bool:
    return frame["type"] == "progress" and frame["steps"][number]["state"] == "done"


def test_both_see_the_steps_as_they_are_done(both: tuple[Any, Any], order: str) -> None:
    steps = ("validate_user", "reserve_inventory", "process_payment", "create_order")
    for number, step in enumerate(steps):
        do(order, step)
        for socket in both:
            hear_until(socket, partial(is_done, number))
    do(order, "send_confirmation")
    for socket in both:
        assert hear_until(socket, is_("progress", is_over=True))[-1]["state"] == "done"
    say(both[0], "Thank you!")  # it can be talked about when it has ended
    hear_until(both[1], is_("message", text="Thank you!"))


def test_what_is_said_without_a_push_is_seen_soon(
    both: tuple[Any, Any], crew: Crew, order: str
) -> None:
    conversations.say(order, crew.anna, uuid4(), "From a page without a script.")
    hear_until(both[0], is_("message", text="From a page without a script."))


def test_history_comes_after_what_was_seen(crew: Crew, order: str, open_socket: Open) -> None:
    for number in range(5):
        conversations.say(order, crew.alice, uuid4(), str(number))
    for after in (0, 3, 5):
        socket = open_socket(order, crew.alice, after=after)
        key = say(socket, f"after {after}")
        frames = hear_until(socket, is_("message", text=f"after {after}", id=key))
        numbers = [frame["number"] for frame in frames if frame["type"] == "message"]
        assert numbers == list(range(after + 1, numbers[-1] + 1))


def test_a_repeat_is_told_its_number_and_is_there_once(
    crew: Crew, order: str, open_socket: Open
) -> None:
    socket, key = open_socket(order, crew.alice), uuid4()
    for _ in range(3):
        tell(socket, type="say", id=key, text="once")
    heard: list[dict[str, Any]] = []
    while sum(frame["type"] == "said" for frame in heard) < 3:
        heard.append(hear(socket))
    assert {frame["number"] for frame in heard if frame["type"] == "said"} == {1}
    assert Message.objects.count() == 1


# --- Cuts ---------------------------------------------------------------------------------------
def cut_channel_layer() -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        for client in server.client_list():
            if client["name"] == "sagas-channels":
                server.client_kill_filter(_id=client["id"])


@pytest.mark.parametrize("seed", range(3))
def test_cut_at_random_with_pushes_lost_each_message_comes_once(
    crew: Crew, order: str, open_socket: Open, seed: int
) -> None:
    chance = random.Random(seed)
    conversations.join(order, crew.anna)
    writers = [open_socket(order, crew.alice), open_socket(order, crew.anna, web=1)]
    seen: list[int] = []
    sent = 0
    while len(seen) < 25:
        reader = open_socket(
            order, crew.alice, web=chance.randrange(2), after=seen[-1] if seen else 0
        )
        for _ in range(chance.randint(1, 4)):
            if sent < 24:
                say(chance.choice(writers), f"message {sent}")
                sent += 1
            if chance.random() < 0.4:
                cut_channel_layer()
            if len(seen) < 1 + sent:
                found = hear_until(reader, is_("message"))
                seen.append(found[-1]["number"])
        reader.socket.close()  # without a word
    assert seen == list(range(1, 26))


def test_a_process_that_is_killed_takes_its_people_with_it(
    both: tuple[Any, Any], webs: Webs, crew: Crew, order: str, open_socket: Open
) -> None:
    alice, _ = both
    with webs.killed("web-2"):
        hear_until(alice, lambda frame: frame["type"] == "people" and len(frame["people"]) == 1)
        say(alice, "Are you there?")
    anna = open_socket(order, crew.anna, web=1, after=1)
    assert texts(hear_until(anna, is_("message"))) == ["Are you there?"]
    hear_until(alice, lambda frame: frame["type"] == "people" and len(frame["people"]) == 2)


# --- Who may ------------------------------------------------------------------------------------
def close_of(socket: Any) -> int:
    [*before, last] = hear_until(socket, is_("close"))
    assert not texts(before)
    return int(last["code"])


def test_who_may_not_is_told_by_a_code(crew: Crew, order: str, open_socket: Open) -> None:
    conversations.join(order, crew.anna)
    conversations.say(order, crew.anna, uuid4(), "For Alice alone.")
    assert close_of(open_socket(order, crew.mallory)) == 4404
    assert close_of(open_socket("nobody's", crew.alice)) == 4404
    assert close_of(open_socket(order, crew.otto)) == 4403
    assert close_of(open_socket(new_order(crew.mallory), crew.anna)) == 4403
    assert close_of(open_socket(order, crew.alice, after="x")) == 4400


def test_without_a_session_or_from_another_site_nobody_gets_in(
    crew: Crew, order: str, webs: Webs
) -> None:
    url = f"{webs.urls[0].replace('http', 'ws', 1)}/ws/v1/orders/{order}/"
    for origin, cookie, code in (
        (Origin(webs.urls[0]), "sessionid=forged", 4401),
        (Origin("https://evil.example"), "sessionid=forged", 4403),
        (None, "", 4401),
    ):
        headers = {"Cookie": cookie}
        with connect(url, origin=origin, additional_headers=headers, proxy=None) as socket:
            with suppress(ConnectionClosed):  # who shows a bad session is not waited for
                socket.send("no token")
            assert close_of(socket) == code


def test_who_is_taken_off_or_logged_out_is_closed(
    both: tuple[Any, Any], crew: Crew, order: str
) -> None:
    alice, anna = both
    conversations.leave(order, crew.anna)
    assert hear_until(anna, is_("close"))[-1]["code"] == 4403
    Session.objects.all().delete()
    assert hear_until(alice, is_("close"))[-1]["code"] == 4401


def test_an_order_that_is_deleted_closes_its_pages(both: tuple[Any, Any], order: str) -> None:
    engine.cancel(order, by="anna", reason="a test")
    SagaExecution.objects.filter(saga_id=order).delete()
    tell(both[0], type="say", id=str(uuid4()), text="Hello?")
    assert hear_until(both[0], is_("close"))[-1]["code"] == 4404


# --- Garbage ------------------------------------------------------------------------------------
GARBAGE: list[str | bytes] = [
    "",
    "null",
    "[]",
    "{}",
    "[" * 20_000,
    "9" * 10_000,
    b"\xff\xfe",
    json.dumps({"type": "say"}),
    json.dumps({"type": "say", "id": "7", "text": "x"}),
    json.dumps({"type": "say", "id": str(uuid4()), "text": ""}),
    json.dumps({"type": "say", "id": str(uuid4()), "text": " \n\t "}),
    json.dumps({"type": "say", "id": str(uuid4()), "text": 7}),
    json.dumps({"type": "say", "id": str(uuid4()), "text": "a\0b"}),
    json.dumps({"type": "say", "id": str(uuid4()), "text": "x" * 2001}),
    json.dumps({"type": "say", "id": str(uuid4()), "text": "x", "role": "staff"}),
    '{"type": "say", "id": "2f1f8f38-0000-4000-8000-000000000000", "text": "\\ud800"}',
    json.dumps({"type": "message", "number": 1, "text": "forged"}),
    json.dumps({"type": "order.said", "conversation": 1}),
    json.dumps({"type": "writing", "name": "somebody else"}),
    "x" * 40_000,
    "x" * 100_000,
]


def test_garbage_is_answered_and_changes_nothing(both: tuple[Any, Any], crew: Crew) -> None:
    alice, anna = both
    for frame in GARBAGE:
        alice.send(frame)
        error = hear_until(alice, is_("error"))[-1]
        assert error["code"] == 4400
        assert len(error["message"]) <= 300
    say(alice, "I am still here.")
    heard = hear_until(anna, is_("message", text="I am still here."))
    assert heard[-1]["number"] == 2  # after the notice that she joined
    assert Message.objects.filter(role="customer").count() == 1


def test_a_flood_ends_its_own_socket_alone(
    both: tuple[Any, Any], crew: Crew, order: str, open_socket: Open
) -> None:
    alice, anna = both
    flood = open_socket(order, crew.alice)
    with suppress(ConnectionClosed):
        for _ in range(400):
            flood.send('{"type": "writing"}')
    assert hear_until(flood, is_("close"))[-1]["code"] == 4429
    say(anna, "Calm down.")
    hear_until(alice, is_("message", text="Calm down."))


def test_too_many_messages_are_refused_by_name(crew: Crew, order: str, open_socket: Open) -> None:
    socket = open_socket(order, crew.alice)
    for _ in range(conversations.MOST_A_MINUTE):
        say(socket, "?")
        hear_until(socket, is_("said"))
    key = say(socket, "?")
    error = hear_until(socket, is_("error"))[-1]
    assert (error["about"], error["code"]) == (key, 4429)
    assert Message.objects.count() == conversations.MOST_A_MINUTE
