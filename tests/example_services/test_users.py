"""Users: seeded, found by a piece of text, added and changed once for each key."""

import pytest

from .running import RunningService
from .samples import USER, at_once


def test_users_are_seeded(users: RunningService) -> None:
    """Five active users and an inactive one; an unknown id is a 404."""
    for user_id in ("alice", "bob", "carol", "dave", "erin", "mallory"):
        user = users.http.get(f"/users/{user_id}").json()
        assert user["user_id"] == user_id
        assert user["active"] is (user_id != "mallory")
    unknown = users.http.get("/users/nobody")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "unknown_user")


def test_user_is_added_with_an_id_of_their_own_or_of_the_service(
    users: RunningService, saga: str
) -> None:
    named = users.post("/users", f"{saga}:1", {**USER, "user_id": saga})
    assert named.status_code == 201
    assert named.json() == {"user_id": saga, **USER, "active": True}
    made = users.post("/users", f"{saga}:2", USER).json()["user_id"]
    assert users.http.get(f"/users/{made}").json() == {"user_id": made, **USER, "active": True}
    assert [(e["kind"], e["subject"]) for e in users.ledger(saga)] == [("add", saga), ("add", made)]


def test_id_is_given_to_one_of_many_at_once(users: RunningService, saga: str) -> None:
    body = {**USER, "user_id": saga}
    answers = at_once(lambda number: users.post("/users", f"{saga}:{number}", body), range(6))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    taken = {answer.json()["error"] for answer in answers if answer.status_code == 409}
    assert taken == {"user_exists"}
    assert len(users.ledger(saga)) == 1


def test_user_is_changed_in_what_is_given(users: RunningService, saga: str) -> None:
    users.post("/users", f"{saga}:1", {**USER, "user_id": saga})
    path = f"/users/{saga}"
    first = users.patch(path, f"{saga}:2", {"name": "Ada King"})
    users.patch(path, f"{saga}:3", {"name": "Ada Byron", "active": False})
    again = users.patch(path, f"{saga}:2", {"name": "Ada King"})
    assert (again.status_code, again.content) == (200, first.content)
    changed = {"user_id": saga, **USER, "name": "Ada Byron", "active": False}
    assert users.http.get(path).json() == changed
    assert [entry["kind"] for entry in users.ledger(saga)] == ["add", "change", "change"]


def test_change_of_an_unknown_user_is_refused_for_good(users: RunningService, saga: str) -> None:
    """Also when there is one of that id later: the saga has turned back by then."""
    refused = users.patch(f"/users/{saga}", f"{saga}:1", {"name": "Ada"})
    assert (refused.status_code, refused.json()["error"]) == (404, "unknown_user")
    users.post("/users", f"{saga}:2", {**USER, "user_id": saga})
    again = users.patch(f"/users/{saga}", f"{saga}:1", {"name": "Ada"})
    assert (again.status_code, again.content) == (404, refused.content)


@pytest.mark.parametrize(
    "change", [{}, {"name": None}, {"email": "x"}, {"active": "yes"}, {"user_id": "x"}, []]
)
def test_change_that_makes_no_sense_is_told(
    users: RunningService, saga: str, change: object
) -> None:
    answer = users.patch("/users/alice", saga, change)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
    assert users.ledger(saga) == []


def test_users_are_found_by_a_piece_of_id_name_or_email(users: RunningService, saga: str) -> None:
    mark = saga.removeprefix("saga-")
    users.post("/users", f"{saga}:1", {**USER, "user_id": f"1-{mark}"})
    users.post("/users", f"{saga}:2", {**USER, "user_id": f"2-{saga}", "name": f"A {mark} B"})
    email = f"{mark}@example.com"
    users.post("/users", f"{saga}:3", {**USER, "user_id": f"3-{saga}", "email": email})

    def found(**query: str | int) -> list[str]:
        answer = users.http.get("/users", params=query)
        assert answer.status_code == 200
        return [user["user_id"] for user in answer.json()["users"]]

    everyone = [f"1-{mark}", f"2-{saga}", f"3-{saga}"]
    assert found(q=mark) == found(q=mark.upper()) == everyone
    assert found(q=mark, limit=2) == everyone[:2]
    assert found(q=f"{mark}@") == everyone[2:]
    assert found(q="%") == found(q=f"_{mark}") == []
