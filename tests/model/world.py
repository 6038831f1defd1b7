"""A world: the row and everything around it, the participants, the network, workers, the broker.

It is as small as can be without losing a run:

- A worker's call, the participant's answer and the report are one move, unless a fault comes
  between them. Before it lands, a request is seen by nobody. Between landing and report, what other
  steps do concerns other participants, and may as well happen before the landing; what still lands
  at this participant does not concern the row, and may as well land after the report. So every run
  has a twin with the same rows, in which each landing is followed at once by its report, or by the
  crash or the end of the lease that kept it from being believed.
- A worker that went on after its lease is only its request: `strays`. Its report, whenever it
  comes, changes nothing, which the echoes show for every row. The same goes for hints that are not,
  or no longer, for what is due.
- A request whose key was answered is forgotten: it could only get the same answer again.
- A stray may land at any later time, or never: nobody waits for it.
"""

from typing import NamedTuple

from tests.model.calls import Call
from tests.model.children import Frozen, told
from tests.model.row import Row, Taken


class World(NamedTuple):
    """The sets of calls are bit masks."""

    row: Row
    accepted: int = 0
    """What the participants did, and remember."""
    refused: int = 0
    """What they refused, and remember."""
    strays: int = 0
    """Requests in the network that nobody waits for any more, and that may still do something."""
    orphans: int = 0
    """Claims whose worker is gone."""
    queue: int = 0
    """Hints in the broker, for what is due."""
    children: tuple[Frozen, ...] = ()
    """Of the one step that has any; see `children`."""

    def takes(self, taken: Taken) -> "World":
        """The row has moved: its claims and due steps have."""
        row = taken.row
        return World(
            row,
            self.accepted,
            self.refused,
            self.strays,
            self.orphans & row.in_flight_bits,
            (self.queue | taken.told_bits) & row.due_bits,
            told((*self.children, *taken.born), taken.commands) if taken.has_children else (),
        )

    def with_child(self, index: int, child: Frozen) -> "World":
        before, after = self.children[:index], self.children[index + 1 :]
        return self._replace(children=(*before, child, *after))

    def lands(self, call: Call) -> "World":
        """The participant gets `call`. What it answered before, it answers again; an action whose
        compensation came first is refused (the tombstone)."""
        if (self.accepted | self.refused) & call.bit:
            return self
        if self.accepted & call.undo_bit:
            return self.refuses(call)
        return self._replace(accepted=self.accepted | call.bit, strays=self.strays & ~call.bit)

    def refuses(self, call: Call) -> "World":
        return self._replace(refused=self.refused | call.bit, strays=self.strays & ~call.bit)

    def sends(self, call: Call) -> "World":
        """A request for `call` is in the network, and its caller does not wait."""
        if (self.accepted | self.refused) & call.bit:
            return self
        return self._replace(strays=self.strays | call.bit)

    def loses_the_worker_of(self, call: Call) -> "World":
        return self._replace(orphans=self.orphans | call.bit)

    def loses_the_hint_for(self, call: Call) -> "World":
        return self._replace(queue=self.queue & ~call.bit)

    def has_answered(self, call: Call) -> bool:
        return bool((self.accepted | self.refused) & call.bit)
