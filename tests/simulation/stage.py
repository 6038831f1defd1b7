"""What all actors of a world share: one source of chance, one clock, one trace."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from random import Random
from typing import Literal
from unittest import mock

from django.db import connection

from sagas.store import recovery
from tests.simulation.clock import Clock
from tests.simulation.trace import Trace


class Killed(BaseException):
    """The process that this stands for was ended by `kill -9`: no `except Exception` sees it."""


class Violation(BaseException):
    """The engine broke its contract. Derives from BaseException, because the engine goes on after
    an Exception wherever it can."""

    def __init__(self, message: str, saga_id: str = "") -> None:
        super().__init__(message)
        self.saga_id = saga_id


class Actor:
    """Something that calls the engine: a worker, a wake loop, a client, an operator."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.code = 0
        """Which of two codes its process runs (R26)."""
        self.concern = ""
        """The saga_id of what it is at work on; empty if that concerns all."""
        self.announced: set[int] = set()
        """The executions whose transitions it has announced since it last began to act."""
        self.lost_at_commit: list[Literal["before", "after"]] = []
        """The faults at COMMIT that struck it since it last began to act."""

    def end(self) -> None:
        """Its process is gone, or its task has failed; another one takes its place."""

    def die(self) -> None:
        """Its process was killed."""
        self.end()


NOBODY = Actor("-")


@dataclass
class Stage:
    rng: Random
    clock: Clock = field(default_factory=Clock)
    trace: Trace = field(default_factory=Trace)
    races: Counter[str] = field(default_factory=Counter)
    meanwhile: Callable[[], None] = lambda: None
    """Lets others act while somebody is in the middle of something. The scheduler sets it."""
    enter: Callable[[Actor], None] = lambda _: None
    """Puts the definitions of an actor's code in place."""
    spoilt: Callable[[Actor], AbstractContextManager[None]] = lambda _: nullcontext()
    """May make the session useless to who acts within the block. The faults set it."""
    acting: list[Actor] = field(default_factory=lambda: [NOBODY])
    """Who acts, innermost last: an actor may be in the middle of something meanwhile."""

    @property
    def actor(self) -> Actor:
        return self.acting[-1]

    def note(self, what: str, saga_id: str = "") -> None:
        line = f"{self.clock.elapsed.total_seconds():.6f} {self.actor.name}: {what}"
        self.trace.add(line, saga_id)

    def require(self, holds: bool, message: str, saga_id: str = "") -> None:
        """Raises `Violation` with `message`, which names its clause, unless it holds."""
        if not holds:
            raise Violation(message, saga_id)

    @contextmanager
    def process(self, actor: Actor) -> Iterator[None]:
        """`actor` acts within the block, and may be killed in it."""
        actor.announced.clear()
        actor.lost_at_commit.clear()
        self.acting.append(actor)
        self.enter(actor)
        _forget_what_others_hold()
        self.clock.tell_database()
        try:
            with self.spoilt(actor), _by_itself():
                yield
        except Killed as killed:
            self.note(f"killed {killed}", actor.concern)
            actor.die()
        finally:
            self.acting.pop()
            self.enter(self.actor)


@contextmanager
def _by_itself() -> Iterator[None]:
    """All processes share one thread. Who is acted in the middle of is about to do something again,
    and not this one."""
    with mock.patch.object(recovery._here, "is_repeating", new=False):
        yield


def _forget_what_others_hold() -> None:
    """All processes share one connection. What one of them has not announced yet, because it was
    killed, or because this one acts in its middle, is not this one's to announce."""
    connection.run_on_commit = []
    connection.run_commit_hooks_on_set_autocommit_on = False
