"""What the steps call: services that keep the participant's side of the contract, behind a network
that does not.

A key has one answer and at most one effect; a refusal is remembered; a compensation that finds no
action leaves a tombstone. `saga_participant/decorators.py` has the same table.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import connection

from sagas.machine import Direction, Rejected, Unreachable
from sagas.machine.context import idempotency_key
from tests.simulation.faults import Faults
from tests.simulation.stage import Killed, Stage

CHANCE_OF_REFUSAL: Final = 0.05
"""Of an action, by a business rule. That is no fault: it goes on when faults have ended."""
UNWELCOME: Final = 0.5
"""The same for a saga that displeases everybody, so that several of its branches fail (R11)."""
CHANCE_OF_NO_WAY_BACK: Final = 0.02
"""Of a compensation's refusal."""

LONGEST_WAY: Final = 30.0
"""Seconds for which a request may travel: longer than leases, often longer than the saga."""

UNSTORABLE: Final = (float("nan"), "\x00", {1}, "\ud800", {"deep": [float("inf")]})


class Receipt(StrEnum):
    """What became of the request that had a key."""

    APPLIED = "applied"
    REFUSED = "refused"
    UNDONE = "undone"
    TOMBSTONE = "tombstone"
    COMPENSATION = "compensation"


@dataclass(frozen=True)
class Request:
    saga_id: str
    step: str
    direction: Direction

    @property
    def key(self) -> str:
        return idempotency_key(self.saga_id, self.step, self.direction)

    @property
    def undoes(self) -> str:
        return idempotency_key(self.saga_id, self.step, Direction.ACTION)


@dataclass(frozen=True)
class Call:
    """An attempt that reached the code of its step."""

    request: Request
    attempt: int
    at: datetime


@dataclass
class Flaws:
    """What is wrong with the code of some steps of some sagas, however often it runs."""

    poisoned: set[Request] = field(default_factory=set)
    """Each attempt kills its worker (R18)."""
    unstorable: set[Request] = field(default_factory=set)
    """Each attempt returns what can't be stored (R17)."""
    unwelcome: set[str] = field(default_factory=set)
    """Not the code: these sagas, of which half of the participants want to know nothing."""


class Participants:
    def __init__(self, stage: Stage, faults: Faults) -> None:
        self.flaws = Flaws()
        self.calls: dict[str, list[Call]] = {}
        """saga_id → the attempts that ran, in order."""
        self.kills: dict[str, list[tuple[Call, str]]] = {}
        """saga_id → the attempts that were killed, and whether before or after the effect."""
        self.receipts: dict[str, Receipt] = {}
        self.done: Counter[str] = Counter()
        """The action's key → how often its effect came about."""
        self.undone: Counter[str] = Counter()
        """The action's key → how often its effect was taken back."""
        self.answers: dict[str, int] = {}
        self.on_the_way: list[tuple[datetime, Request]] = []
        self._stage = stage
        self._faults = faults

    def act(self, step: str, direction: Direction, context: Any) -> Any:
        """What a step's action and its compensation are: one call of a participant."""
        saga_id = context["saga_id"]
        request = Request(saga_id, step, direction)
        call = Call(request, context["attempt"], self._stage.clock.now)
        self.calls.setdefault(saga_id, []).append(call)
        self._stage.require(
            context["idempotency_key"] == request.key, "another key for the same work", saga_id
        )
        self._stage.require(
            not connection.in_atomic_block, "S9: a transaction is open during a call", saga_id
        )
        answer = self._answer_over_the_network(call)
        self._faults.leave_dirty(saga_id)
        if request in self.flaws.unstorable:
            return {step: self._stage.rng.choice(UNSTORABLE)}
        if direction is Direction.COMPENSATION:
            return {f"{step}_undone": True}
        context[step] = answer  # in place: the engine must see it all the same (S10)
        return context if answer % 2 else {step: answer}

    def land_one(self) -> bool:
        """A request arrives whose caller has given up. Whether one did."""
        now = self._stage.clock.now
        there = [entry for entry in self.on_the_way if entry[0] <= now]
        if there:
            entry = self._stage.rng.choice(there)
            self.on_the_way.remove(entry)
            self._land(entry[1])
        return bool(there)

    def next_landing(self) -> datetime | None:
        """When the next request arrives whose caller has given up."""
        return min((at for at, _ in self.on_the_way), default=None)

    def land_all(self) -> None:
        """Whatever is still on the way arrives, in no particular order."""
        self._stage.rng.shuffle(self.on_the_way)
        while self.on_the_way:
            self._land(self.on_the_way.pop()[1])

    def _answer_over_the_network(self, call: Call) -> int:
        request = call.request
        if request in self.flaws.poisoned:
            self._kill(call, "before" if self._stage.rng.random() < 0.5 else "after")
        if self._faults.strikes("killed before the effect"):
            self._kill(call, "before")
        if self._faults.strikes("unreachable"):
            raise Unreachable("connection refused")
        if self._faults.strikes("request lost"):
            raise TimeoutError("no answer: the request was lost")
        if self._faults.strikes("request late"):
            self._send(request)
            raise TimeoutError("no answer: the request is still on its way")
        if self._faults.strikes("request doubled"):
            self._send(request)
        if self._faults.strikes("killed after the effect"):
            self._kill(call, "after")
        answer = self._handle(request)
        if self._faults.strikes("answer lost"):
            raise ConnectionError("the connection was dropped before the answer came")
        return answer

    def _kill(self, call: Call, moment: str) -> None:
        request = call.request
        self.kills.setdefault(request.saga_id, []).append((call, moment))
        if moment == "after":
            self._land(request)
        raise Killed(f"in {request.step} {request.direction}, {moment} the effect")

    def _send(self, request: Request) -> None:
        delay = timedelta(seconds=self._stage.rng.uniform(0, LONGEST_WAY))
        self.on_the_way.append((self._stage.clock.now + delay, request))

    def _land(self, request: Request) -> None:
        """Handles a request whose answer nobody waits for."""
        with suppress(Rejected):
            self._handle(request)

    def _handle(self, request: Request) -> int:
        """The participant's own transaction. Raises `Rejected`."""
        handle = self._do if request.direction is Direction.ACTION else self._undo
        if request.key not in self.receipts:
            self.receipts[request.key] = handle(request)
            self._note(request, self.receipts[request.key])
        receipt = self.receipts[request.key]
        if receipt not in (Receipt.APPLIED, Receipt.COMPENSATION):
            raise Rejected(f"{request.key} is {receipt}")
        return self.answers.setdefault(request.key, len(self.answers))

    def _do(self, request: Request) -> Receipt:
        unwelcome = request.saga_id in self.flaws.unwelcome
        if self._stage.rng.random() < (UNWELCOME if unwelcome else CHANCE_OF_REFUSAL):
            return Receipt.REFUSED
        self.done[request.key] += 1
        return Receipt.APPLIED

    def _undo(self, request: Request) -> Receipt:
        if self._stage.rng.random() < CHANCE_OF_NO_WAY_BACK:
            return Receipt.REFUSED
        found = self.receipts.get(request.undoes)
        if found is None:
            self.receipts[request.undoes] = Receipt.TOMBSTONE
        elif found is Receipt.APPLIED:
            self.receipts[request.undoes] = Receipt.UNDONE
            self.undone[request.undoes] += 1
        return Receipt.COMPENSATION

    def _note(self, request: Request, receipt: Receipt) -> None:
        self._stage.note(f"{request.step} {request.direction} is {receipt}", request.saga_id)
