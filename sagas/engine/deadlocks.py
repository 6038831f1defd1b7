"""Sagas that wait for each other's names in a cycle, and would wait for ever.

A name may have many holders, and it is enough that some of them end. So, in thought, all who can go
on do so, end, and leave their queues, until nobody is left who could: those who are left wait for
ever. One of them has to give way if, from one that it waits for to the next, it waits for itself.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator

from sagas.store.locks import Member


class _Turn:
    """A family in one queue."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.members: set[str] = set()


class _Queue:
    """Those who wait for a name, the first first, and those who hold it."""

    def __init__(self) -> None:
        self.waiting: deque[_Turn] = deque()
        self.holding: set[_Turn] = set()
        self._numbers: Counter[int] = Counter()

    def admit(self) -> Iterator[_Turn]:
        """Those whose turn it is: they hold the name from now on."""
        while self.waiting and self._has_room(self.waiting[0]):
            turn = self.waiting.popleft()
            self.holding.add(turn)
            self._numbers[turn.most] += 1
            yield turn

    def remove(self, turn: _Turn) -> None:
        self.holding.remove(turn)
        self._numbers[turn.most] -= 1
        if not self._numbers[turn.most]:
            del self._numbers[turn.most]

    def _has_room(self, turn: _Turn) -> bool:
        return len(self.holding) < min({turn.most, *self._numbers})


class _Sagas:
    """All sagas in queues that are linked."""

    def __init__(self, members: Iterable[Member]) -> None:
        self.queues: dict[str, _Queue] = defaultdict(_Queue)
        self.turns: dict[str, list[tuple[str, _Turn]]] = defaultdict(list)
        """saga_id → its keys, with its turn for each."""
        found: dict[tuple[str, int], _Turn] = {}
        for each in sorted(members, key=lambda member: member.place):
            turn = found.get((each.key, each.place))
            if turn is None:
                turn = found[each.key, each.place] = _Turn(each.most)
                self.queues[each.key].waiting.append(turn)
            turn.members.add(each.saga_id)
            self.turns[each.saga_id].append((each.key, turn))
        self.lines = {name: self._line(name) for name in self.turns}
        """saga_id → itself, and those above it that stand in a queue: they end after it."""
        self._waits = Counter(
            above for name, turns in self.turns.items() for above in self.lines[name] * len(turns)
        )
        """saga_id → for how many names it, or one below it, still waits."""

    def _line(self, saga_id: str) -> list[str]:
        parts = saga_id.split("~")
        names = ("~".join(parts[:length]) for length in range(1, len(parts) + 1))
        return [name for name in names if name in self.turns]

    def run(self) -> None:
        """Ends all who can go on, until nobody is left who could."""
        free = [name for key in self.queues for name in self._admit(key)]
        while free:
            name = free.pop()
            for key, turn in self.turns.pop(name):
                turn.members.remove(name)
                if not turn.members:
                    self.queues[key].remove(turn)
                    free += self._admit(key)

    def _admit(self, key: str) -> Iterator[str]:
        """Those who wait for nothing any more once it is the next one's turn."""
        for turn in self.queues[key].admit():
            for name in turn.members:
                for each in self.lines[name]:
                    self._waits[each] -= 1
                    if not self._waits[each]:
                        yield each

    def cycle(self, saga_id: str) -> list[str]:
        """The names along the shortest way by which one waits for itself; empty without one."""
        below: dict[str, list[str]] = defaultdict(list)
        for name in self.turns:
            for above in self.lines[name][:-1]:
                below[above].append(name)
        ways: dict[str, list[str]] = {saga_id: []}
        following, seen = deque([saga_id]), set()
        while following:
            name = following.popleft()
            reached = [(each, ways[name]) for each in below[name]]
            for key, turn in self.turns[name]:
                holding = self.queues[key].holding
                if turn not in holding and key not in seen:
                    seen.add(key)
                    way = [*ways[name], key]
                    reached += [(each, way) for holder in holding for each in holder.members]
            for each, way in reached:
                if each == saga_id:
                    return way
                if each not in ways:
                    ways[each] = way
                    following.append(each)
        return []


def cycle(members: Iterable[Member], saga_id: str) -> list[str]:
    """The names by which a saga waits for itself, in the end, and for ever; empty if it does not.

    `members` are all that stand in the queues that its own are linked with.
    """
    sagas = _Sagas(members)
    sagas.run()
    return sagas.cycle(saga_id) if saga_id in sagas.turns else []
