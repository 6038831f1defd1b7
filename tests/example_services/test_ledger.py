"""The ledger adds up, after any mixture of requests, in any order, with any repetitions."""

import random
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from .running import RunningService
from .samples import DECLINED, PAYMENT, at_once

# A request: (what, which of three payments). "undo again" is under a key of its own.
REQUESTS = st.tuples(st.sampled_from(["pay", "declined", "undo", "undo again"]), st.integers(0, 2))


class ExpectedPayments:
    """What the participant's side promises, for one request after the other."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, object]] = {}
        self.fate: dict[str, str] = {}

    def request(self, what: str, key: str, undo_key: str) -> tuple[int, object]:
        """The status and the error or `undone` that the request must be answered with."""
        if what in ("pay", "declined"):
            return self.act(what, key)
        if undo_key not in self.answers:
            self.answers[undo_key] = (200, self.fate.get(key) == "applied")
            if key not in self.fate:
                self.fate[key] = "tombstone"
                self.answers[key] = (409, "undone_before_it_was_done")
            elif self.fate[key] == "applied":
                self.fate[key] = "undone"
        return self.answers[undo_key]

    def act(self, what: str, key: str) -> tuple[int, object]:
        """The same for an action; "pay" and "declined" are two bodies under one key."""
        if self.fate.get(key) == "tombstone":
            return self.answers[key]
        if key not in self.fate:
            self.fate[key] = "applied" if what == "pay" else "refused"
            self.answers[key] = (201, None) if what == "pay" else (402, "card_declined")
        was_declined = self.answers[key][0] == 402
        if was_declined != (what == "declined"):
            return 422, "idempotency_key_reused"
        return self.answers[key]

    def balance(self) -> int:
        """The sum of all charges that stand."""
        return int(PAYMENT["amount_cents"]) * list(self.fate.values()).count("applied")


@settings(max_examples=40, deadline=None, database=None)
@given(requests=st.lists(REQUESTS, max_size=12))
def test_every_sequence_of_requests_is_answered_as_promised(
    payments: RunningService, requests: list[tuple[str, int]]
) -> None:
    """A model in plain Python, of each of the promises, gives the same answers and balance."""
    saga, expected = uuid4().hex, ExpectedPayments()
    for what, number in requests:
        key, undo_key = f"{saga}:{number}:action", f"{saga}:{number}:{what.replace(' ', '-')}"
        if what in ("pay", "declined"):
            answer = payments.post("/payments", key, PAYMENT if what == "pay" else DECLINED)
        else:
            answer = payments.post("/payments/refund", undo_key, {"undoes": key})
        said = answer.json().get("undone", answer.json().get("error"))
        assert (answer.status_code, said) == expected.request(what, key, undo_key)
    assert balance(payments, saga) == expected.balance()


def balance(payments: RunningService, saga: str) -> int:
    """The sum of the ledger's amounts."""
    return sum(entry["amount"] for entry in payments.ledger(saga))


def test_ledger_adds_up_after_a_concurrent_mixture(payments: RunningService, saga: str) -> None:
    """Eight threads pay and undo the same ten payments; then each is charged once or not at all."""
    payment_numbers = range(10)

    def make_requests(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(25):
            key = f"{saga}:{chance.choice(payment_numbers)}"
            if chance.random() < 0.5:
                answer = payments.post("/payments", f"{key}:action", PAYMENT)
                assert answer.status_code in (201, 409)
            else:
                undo = {"undoes": f"{key}:action"}
                answer = payments.post("/payments/refund", f"{key}:undo-{seed}", undo)
                assert answer.status_code == 200

    at_once(make_requests, range(8))
    for number in payment_numbers:
        key = f"{saga}:{number}"
        kinds = [entry["kind"] for entry in payments.ledger(f"{key}:")]
        last = payments.post("/payments/refund", f"{key}:last", {"undoes": f"{key}:action"})
        assert kinds in ([], ["charge"], ["charge", "refund"])
        assert last.json() == {"undone": kinds == ["charge"]}
    assert balance(payments, saga) == 0
