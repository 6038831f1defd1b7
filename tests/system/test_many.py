"""`ws/v1/sagas/`: many sagas and live lists on one socket."""

from contextlib import ExitStack

import pytest

from tests.system.running import Running
from tests.system.streaming import hear, hear_until, is_close, make_user, many, say, token_of


def test_many_sagas_on_one_socket_each_to_its_end(running: Running) -> None:
    ids = [running.start("wide") for _ in range(3)]
    seen: dict[str, list[int]] = {saga_id: [] for saga_id in ids}
    ended: dict[str, int] = {}
    with many(running) as socket:
        say(socket, type="follow", sagas=dict.fromkeys(ids, 0))
        while len(ended) < 3:
            message = hear(socket)
            if "seq" in message:
                seen[message["saga_id"]].append(message["seq"])
            elif message["type"] == "ended":
                ended[message["saga_id"]] = message["last_seq"]
        say(socket, type="follow", sagas={ids[0]: ended[ids[0]] - 1})  # and once more, from there
        kinds = [hear(socket).get("type") for _ in range(3)]
    assert seen == {saga_id: list(range(1, last + 1)) for saga_id, last in ended.items()}
    assert kinds == ["snapshot", "saga.completed", "ended"]


def test_a_list_of_what_has_a_tag(running: Running) -> None:
    body = {"saga_type": "probe", "context": {"script": {}}, "tags": ["only-here", "vip"]}
    saga_id = running.post(body).json()["saga_id"]
    running.start()
    with many(running) as socket:
        say(socket, type="list", id="mine", tags=["vip", "only-here"])
        told = hear(socket)
    assert [(saga["saga_id"], saga["tags"]) for saga in told["sagas"]] == [
        (saga_id, ["only-here", "vip"])
    ]


def test_what_is_unfollowed_is_heard_no_more(running: Running) -> None:
    first, second = running.start("slow", {"a": "wait"}), running.start("slow", {"a": "wait"})
    with many(running) as socket:
        say(socket, type="follow", sagas={first: 4, second: 4})
        assert {hear(socket)["saga_id"] for _ in range(2)} == {first, second}
        say(socket, type="unfollow", sagas=[first])
        say(socket, type="unfollow", sagas=["nobody"])  # to know that it was heard
        say(socket, type="follow", sagas={"nobody": 0})
        hear_until(socket, lambda message: message.get("about") == "nobody")
        running.open_gate(first, "a")
        running.end_of(first)
        running.open_gate(second, "a")
        heard = hear_until(socket, lambda message: message.get("type") == "ended")
    assert {message["saga_id"] for message in heard} == {second}


@pytest.mark.parametrize(
    ("sent", "code", "about"),
    [
        ({"type": "follow", "sagas": {"nobody": 0}}, 4404, "nobody"),
        ({"type": "follow", "sagas": {"OTHERS": 0}}, 4404, "OTHERS"),
        ({"type": "follow", "sagas": {"x": -1}}, 4400, None),
        ({"type": "follow", "sagas": {}}, 4400, None),
        ({"type": "follow", "sagas": dict.fromkeys(map(str, range(201)), 0)}, 4400, None),
        ({"type": "list", "id": "l", "types": ["no\x00type"]}, 4400, "l"),
        ({"type": "list", "id": "l", "statuses": ["lost"]}, 4400, None),
        ({"type": "list", "id": "l", "tags": ["no tag"]}, 4400, "l"),
        ({"type": "list", "id": "l", "parent": "nobody"}, 4400, "l"),
        ({"type": "list", "id": "l", "more": 1}, 4400, None),
        ({"type": "drop table"}, 4400, None),
        ({"no": "type"}, 4400, None),
    ],
)
def test_what_cannot_be_is_told_and_the_socket_stays(
    running: Running, sent: dict[str, object], code: int, about: str | None
) -> None:
    make_user(running, "outsider")
    with many(running, token_of(running, "outsider")) as socket:
        if about == "OTHERS":
            about = running.start()
            sent = {"type": "follow", "sagas": {about: 0}}
        say(socket, **sent)
        told = hear(socket)
        assert (told["type"], told["code"], told["about"]) == ("error", code, about)
        say(socket, type="list", id="mine")
        assert hear(socket)["sagas"] == []


def test_a_list_is_kept_current_with_counts_by_status(running: Running) -> None:
    make_user(running, "lister", is_superuser=True)
    with many(running, token_of(running, "lister")) as socket:
        say(socket, type="list", id="held", types=["held"], statuses=["running", "failed"])
        first = hear(socket)
        assert (first["id"], first["sagas"], first["removed"]) == ("held", [], [])
        before = first["counts"]
        saga_id = running.start("held", {"a": "wait"})
        came = hear_until(
            socket, lambda message: any(saga["saga_id"] == saga_id for saga in message["sagas"])
        )[-1]
        assert came["counts"]["running"] == before.get("running", 0) + 1
        running.open_gate(saga_id, "a")
        left = hear_until(socket, lambda message: saga_id in message["removed"])[-1]
        assert left["counts"]["completed"] == before.get("completed", 0) + 1
        say(socket, type="unlist", id="held")
        say(socket, type="list", id="held", types=["held"], limit=1)
        again = hear_until(socket, lambda message: message["sagas"])[-1]
        assert [saga["saga_id"] for saga in again["sagas"]] == [saga_id]


def test_one_socket_takes_so_many_lists_and_sagas_and_no_more(running: Running) -> None:
    make_user(running, "greedy")
    with many(running, token_of(running, "greedy")) as socket:
        for number in range(11):
            say(socket, type="list", id=str(number))
        heard = hear_until(socket, lambda message: message["type"] == "error")
        assert (heard[-1]["code"], heard[-1]["about"]) == (4429, "10")


def test_one_user_takes_so_many_streams_and_no_more(running: Running) -> None:
    make_user(running, "crowd")
    token = token_of(running, "crowd")
    with ExitStack() as exits:
        *_, last = [exits.enter_context(many(running, token)) for _ in range(101)]
        told = hear_until(last, is_close)[-1]
        assert told["closed"] == 4429
        assert "close some" in told["reason"]
