"""The live streams: who may, for how long, how fast; server-sent events; what there is to watch."""

import asyncio
import json
import random
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from sagas.live.client import SagaStream, SubscriptionRefused
from tests.logins import change_of
from tests.system.running import Running
from tests.system.streaming import (
    SLOW,
    as_subprotocol,
    hear,
    hear_until,
    is_close,
    last_words,
    lengthen,
    make_user,
    many,
    metric,
    say,
    token_of,
    wait_for_a_slow_reader,
)


def test_a_token_comes_as_a_subprotocol_which_is_not_sent_back(
    running: Running, waiting: str
) -> None:
    offered = ["sagas.v1", as_subprotocol(running.token)]
    with running.socket(waiting, additional_headers={}, subprotocols=offered) as socket:
        assert socket.subprotocol == "sagas.v1"
        assert hear(socket)["type"] == "snapshot"
    offered = ["sagas.v1", "bearer.forged!"]
    with running.socket(waiting, additional_headers={}, subprotocols=offered) as socket:
        assert hear(socket)["closed"] == 4401


def test_a_token_comes_in_the_first_message(running: Running, waiting: str) -> None:
    with running.socket(waiting, additional_headers={}) as socket:
        say(socket, type="authenticate", token=running.token)
        assert hear(socket)["type"] == "snapshot"
    for sent in ({"type": "authenticate", "token": "forged"}, {"type": "follow"}):
        with running.socket(waiting, additional_headers={}) as socket:
            say(socket, **sent)
            assert hear(socket)["closed"] == 4401


def test_a_token_in_the_query_string_counts_nothing(running: Running) -> None:
    saga_id = running.start()
    after: Any = f"0&token={running.token}"
    with running.socket(saga_id, after, additional_headers={}) as socket:
        say(socket, type="none")
        assert hear(socket)["closed"] == 4401


def test_a_stream_ends_with_its_token(running: Running, waiting: str) -> None:
    token = token_of(running, "tester", seconds_left=3)
    with running.socket(waiting, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        told = hear_until(socket, is_close, timeout=8)[-1]
    assert told["closed"] == 4401
    assert "new one" in told["reason"]


def test_a_stream_ends_with_the_right_to_it(running: Running, waiting: str) -> None:
    """Within the interval of the recheck: a right that was taken, and a user who has left."""
    for name in ("watcher", "deserter"):
        make_user(running, name, is_superuser=True)
    watcher, leaver = token_of(running, "watcher"), token_of(running, "deserter")
    one = running.socket(waiting, additional_headers={"Authorization": f"Bearer {watcher}"})
    gone = running.socket(waiting, additional_headers={"Authorization": f"Bearer {leaver}"})
    with one, gone, many(running, watcher) as some, many(running, watcher) as lists:
        say(some, type="follow", sagas={waiting: 0})
        say(lists, type="list", id="l")
        for socket in (one, gone, some, lists):
            assert hear(socket)["type"] in ("snapshot", "list")
        running.sql(*change_of("watcher", "is_superuser", False))
        running.sql(*change_of("deserter", "is_active", False))
        assert hear_until(one, is_close)[-1]["closed"] == 4403
        assert hear_until(gone, is_close)[-1]["closed"] == 4401
        assert hear_until(lists, is_close)[-1]["closed"] == 4403
        told = hear_until(some, lambda message: message["type"] == "error")[-1]
        assert (told["code"], told["about"]) == (4403, waiting)


def test_a_program_is_told_why_it_is_refused(running: Running) -> None:
    async def follow(saga_id: str, token: str) -> None:
        async for _ in SagaStream(running.web_url, token).follow(saga_id):
            pass

    for saga_id, token, code in (("nobody", running.token, 4404), ("nobody", "forged", 4401)):
        with pytest.raises(SubscriptionRefused) as refused:
            asyncio.run(follow(saga_id, token))
        assert refused.value.code == code


def test_a_silent_stream_has_a_heartbeat(running: Running, waiting: str) -> None:
    with running.socket(waiting) as socket:
        hear_until(socket, lambda message: message["type"] == "heartbeat", timeout=20)


def test_a_reader_who_stands_still_is_told_and_harms_nobody(running: Running, waiting: str) -> None:
    end = lengthen(running, waiting)
    for _ in range(5):
        last, told = stand_still(running, waiting, end)
        assert last["seq"] < 1_020_000
        # On a busy machine it may go on reading so late that the server waits no more.
        if told["closed"] != 1006:
            break
    assert told["closed"] == 4408
    assert "after=<the last seq>" in told["reason"]


def stand_still(running: Running, saga_id: str, end: int) -> list[dict[str, Any]]:
    """The last event that a reader has seen who did not read on, and what it was told."""
    before = metric(running, SLOW)
    # With a queue of one frame, the client stops reading from its connection.
    # No pings: on a busy machine its own would end the connection first.
    with running.socket(saga_id, max_queue=1, compression=None, ping_interval=None) as still:
        with running.socket(saga_id, end - 1) as other:
            assert hear_until(other, lambda message: "seq" in message)[-1]["seq"] == end
            quick = running.start()
            assert running.end_of(quick)["status"] == "completed"
        wait_for_a_slow_reader(running, before)
        return last_words(still)


GARBLED = (
    lambda chance: chance.randbytes(chance.randint(0, 2000)),
    lambda chance: "".join(chr(chance.randint(1, 0xD7FF)) for _ in range(chance.randint(0, 500))),
    lambda chance: "[" * chance.randint(1, 30_000),
    lambda chance: json.dumps({"type": "follow", "sagas": {"x" * 255: chance.getrandbits(63)}}),
    lambda chance: json.dumps({"type": chance.choice(["list", "unlist", "saga.moved", 7, None])}),
    lambda chance: json.dumps({"type": "list", "id": "l", "types": ["'; DROP TABLE x; --"]}),
    lambda chance: "9" * 10_000,
    lambda chance: "x" * 200_000,
)


def flood(socket: Any, chance: random.Random, frames: int) -> int:
    """Sends them without reading; how many went out before the server had enough."""
    for sent in range(frames):
        try:
            socket.send(chance.choice(GARBLED)(chance))
        except ConnectionClosed:
            return sent
    return frames


def send_too_much(running: Running, username: str, chance: random.Random) -> int:
    """Up to the user's limit, and past it; and one frame that is more than the server takes."""
    make_user(running, username)
    with many(running, token_of(running, username)) as socket:
        sent = flood(socket, chance, 400)
    with many(running) as socket:
        socket.send("x" * (17 << 20))
        assert hear_until(socket, is_close)[-1]["closed"] == 1009
    return sent


def test_10_000_garbled_and_oversized_frames_change_nothing(running: Running) -> None:
    """The process neither ends nor grows: but for what its allocator keeps. That is a few of the
    frames of 17 MB, of some 400 MB in all."""
    chance = random.Random(1)
    process = psutil.Process(running.supervisor.pid_of("web"))
    for number in range(3):
        send_too_much(running, f"garbler-{number}", chance)
    before = process.memory_info().rss
    sent, number = 0, 3
    while sent < 10_000:
        sent += send_too_much(running, f"garbler-{number}", chance)
        number += 1
    assert process.pid == running.supervisor.pid_of("web")
    assert process.memory_info().rss - before < 3 * (17 << 20)
    saga_id = running.start()
    assert running.end_of(saga_id)["status"] == "completed"


def test_who_sends_too_much_is_told_to_wait(running: Running) -> None:
    make_user(running, "talker")
    with many(running, token_of(running, "talker")) as socket:
        flood(socket, random.Random(2), 300)
        told = hear_until(socket, is_close)[-1]
    assert told["closed"] == 4429
    assert any(word in told["reason"] for word in ("wait", "slow down"))


def test_the_metrics_are_for_staff(running: Running, waiting: str, browser: httpx.Client) -> None:
    with running.socket(waiting) as socket:
        hear(socket)  # the snapshot: only what comes after it has a lag
        running.open_gate(waiting, "a")
        hear_until(socket, lambda message: message["type"] == "ended")
    told = browser.get("/metrics").text
    for name in ("connected", "messages_total", "lag_seconds_bucket", "channel_layer_backlog"):
        assert f"sagas_streams_{name}" in told
    assert metric(running, "sagas_streams_channel_layer_up") == 1
    assert metric(running, "sagas_streams_lag_seconds_count") > 0
    assert metric(running, "sagas_relay_lag_seconds") < 60
    url = f"{running.web_url}/metrics"
    assert httpx.get(url, trust_env=False).status_code == 401
    assert httpx.get(url, headers=running.headers, trust_env=False).status_code == 403
