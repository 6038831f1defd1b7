"""The participants of all examples, in one: a ledger of what was done, and under which key.

It is kept in memory, so that an example needs nothing beside the engine: each process of a worker
has its own. It holds to what a real participant promises: the same key does the same thing once,
and what was never done needs no undoing.

The input of a saga says what goes wrong, so that it goes wrong alike in a test and on workers:
`{"faults": {"book_flight": "refused"}}`. An item of a `ForEach` has faults of its own.

=============  =================================================================================
`"refused"`    the participant refuses, by a business rule
`"down"`       it can't be reached, however often it is called
`2`            it can't be reached the first two times
`"lost"`       it does its work, and its answer is lost each time
=============  =================================================================================
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagas import Context, Rejected, Unreachable

Result = dict[str, Any]


@dataclass(slots=True)
class Entry:
    """One thing that was done."""

    name: str
    key: str
    answer: Result
    is_undone: bool = False


class Ledger:
    def __init__(self) -> None:
        self.journal: list[str] = []
        """The names of all that was done and undone, in order."""
        self._entries: dict[str, Entry] = {}
        self._asked: Counter[str] = Counter()

    def do(
        self, name: str, context: Context, *, refusal: type[Rejected] = Rejected, **answer: Any
    ) -> Result:
        """Does something once for its key; returns `answer`, whatever else it is called with.

        Raises `refusal` or `Unreachable` before anything was done, and TimeoutError after it, if
        the context's faults say so.
        """
        fault = _fault(name, context)
        if fault == "refused":
            raise refusal(f"{name} was refused.")
        if fault == "down" or (isinstance(fault, int) and context.attempt <= fault):
            raise Unreachable(f"{name} can't be reached.")
        if (key := context.idempotency_key) not in self._entries:
            self._entries[key] = Entry(name, key, answer)
            self.journal.append(name)
        if fault == "lost":
            raise TimeoutError(f"{name} did not answer in time.")
        return dict(self._entries[key].answer)

    def undo(self, name: str, context: Context) -> None:
        """Undoes, once, what the action of this step did, if it did it."""
        entry = self._entries.get(context.action_key)
        if entry is None or entry.is_undone:
            return
        fault = _fault(name, context)
        if fault == "down" or (isinstance(fault, int) and context.attempt <= fault):
            raise Unreachable(f"{name} can't be reached.")
        entry.is_undone = True
        self.journal.append(name)

    def ask(self, context: Context) -> int:
        """Asks once more what became of something; how many times it was asked before."""
        self._asked[context.idempotency_key] += 1
        return self._asked[context.idempotency_key] - 1

    def in_effect(self) -> list[str]:
        """The names of what was done and not undone, in order."""
        return [entry.name for entry in self._entries.values() if not entry.is_undone]

    def clear(self) -> None:
        self.journal.clear()
        self._entries.clear()
        self._asked.clear()


def _fault(name: str, context: Mapping[str, Any]) -> object:
    item = context.get("item")
    of_item = item.get("faults", {}) if isinstance(item, Mapping) else {}
    return {**context.get("faults", {}), **of_item}.get(name)


ledger = Ledger()
do, undo, ask = ledger.do, ledger.undo, ledger.ask
