"""The client that starts sagas, and the operator who cancels some."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError

from sagas import engine
from sagas.errors import SagaError, UnknownSaga
from tests.simulation.codes import Codes
from tests.simulation.definitions import Design
from tests.simulation.faults import Faults
from tests.simulation.stage import Actor, Stage


@dataclass
class Wanted:
    """A saga that somebody wants to be done."""

    saga_id: str
    design: Design
    context: dict[str, Any]
    execution_id: int | None = None


class Client(Actor):
    """Starts each saga until it is told that it was started (S11)."""

    def __init__(self, stage: Stage, faults: Faults, codes: Codes, wanted: list[Wanted]) -> None:
        super().__init__("client")
        self._stage = stage
        self._codes = codes
        self._faults = faults
        self._waiting = list(wanted)
        self._started: list[Wanted] = []

    @property
    def is_done(self) -> bool:
        return not self._waiting

    def start(self) -> bool:
        """Starts a saga. Whether there was one to start."""
        if self._started and self._faults.strikes("starts twice"):
            wanted = self._stage.rng.choice(self._started)
        elif self._waiting:
            wanted = self._waiting[0]
        else:
            return False
        self.concern = wanted.saga_id
        self.code = self._codes.some()
        with self._stage.process(self):
            self._start(wanted)
        return True

    def _start(self, wanted: Wanted) -> None:
        saga_type = wanted.design.saga.saga_type
        try:
            started = engine.start(saga_type, wanted.context, saga_id=wanted.saga_id)
        except (OperationalError, InterfaceError) as error:
            self._stage.note(f"can't start: {error}", wanted.saga_id)
            return
        self._stage.note(f"started, created is {started.created}", wanted.saga_id)
        if wanted.execution_id is None:
            wanted.execution_id = started.execution_id
            self._waiting.remove(wanted)
            self._started.append(wanted)
        self._stage.require(
            wanted.execution_id == started.execution_id, "S11: started twice", wanted.saga_id
        )


@dataclass(frozen=True)
class Intent:
    """What the operator has decided to do, and will do a little later."""

    saga_id: str
    decided_at: datetime


class Operator(Actor):
    """Decides to cancel a saga, and presses the button when it may be too late."""

    def __init__(self, stage: Stage, codes: Codes) -> None:
        super().__init__("operator")
        self._codes = codes
        self.refused: list[Intent] = []
        """What came too late."""
        self.done: list[Intent] = []
        self._stage = stage
        self._intents: list[Intent] = []

    @property
    def is_done(self) -> bool:
        return not self._intents

    def decide(self, saga_id: str) -> bool:
        """To cancel a saga, in a moment."""
        self._intents.append(Intent(saga_id, self._stage.clock.now))
        return True

    def press(self) -> bool:
        """Does what was decided before. Whether there was anything."""
        if not self._intents:
            return False
        intent = self._intents.pop(0)
        self.concern = intent.saga_id
        self.code = self._codes.for_saga(intent.saga_id)
        with self._stage.process(self):
            try:
                engine.cancel(intent.saga_id, by="operator", reason="as simulated")
            except UnknownSaga as error:
                fits = self._codes.fits(intent.saga_id, self.code)
                self._stage.require(not fits, f"S12: {error}", intent.saga_id)
                self._stage.note(f"lacks its structure: {error}", intent.saga_id)
                self._stage.races["R26 an operator"] += 1
            except SagaError as error:
                self._stage.note(f"may not cancel: {error}", intent.saga_id)
                self.refused.append(intent)
            except (OperationalError, InterfaceError) as error:
                self._stage.note(f"can't cancel: {error}", intent.saga_id)
            else:
                self._stage.note("has cancelled", intent.saga_id)
                self.done.append(intent)
        return True
