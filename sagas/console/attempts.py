"""From events to what took how long: the attempts of each step, in either direction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from sagas.machine import Direction
from sagas.models import SagaEvent
from sagas.moments import aware

Kind = Literal["queued", "running", "backoff", "waiting"]

BAD: Final = frozenset({"step.retrying", "step.failed", "step.refused"})


@dataclass(frozen=True, slots=True)
class Span:
    kind: Kind
    start: datetime
    end: datetime
    attempt: int | None = None
    is_bad: bool = False
    is_open: bool = False
    """Whether it goes on: then it ends now."""


@dataclass(slots=True)
class Track:
    """All of one step in one direction, in order of time."""

    step: str
    direction: str
    spans: list[Span] = field(default_factory=list)
    _kind: Kind | None = None
    _since: datetime | None = None
    _attempt: int | None = None

    @property
    def is_back(self) -> bool:
        return self.direction == Direction.COMPENSATION

    def begin(self, kind: Kind, at: datetime, attempt: int | None = None) -> None:
        self._kind, self._since, self._attempt = kind, at, attempt

    def end(self, at: datetime, *, is_bad: bool = False, is_open: bool = False) -> Span | None:
        """Ends what has begun, if anything has; nothing that would begin later."""
        kind, since, self._kind = self._kind, self._since, None
        if kind is None or since is None or (since > at and kind == "queued"):
            return None
        made = Span(kind, since, max(since, at), self._attempt, is_bad, is_open)
        self.spans.append(made)
        return made

    def backoff(self, at: datetime, due_at: datetime, now: datetime) -> None:
        """Nothing happens until it is due; then it is queued."""
        if due_at > at:
            is_open = due_at > now
            self.spans.append(Span("backoff", at, now if is_open else due_at, is_open=is_open))
        self.begin("queued", max(at, due_at))


@dataclass(frozen=True, slots=True)
class Attempts:
    tracks: Sequence[Track]
    took: dict[int, float]
    """The number of an event that settles an attempt, or a wait → its seconds."""


def attempts(events: Iterable[SagaEvent], now: datetime, is_over: bool) -> Attempts:
    """Of events in order, which may be a window of them. `is_over` if nothing goes on."""
    tracks: dict[tuple[str, str], Track] = {}
    took: dict[int, float] = {}
    for event in events:
        if event.step is None or event.direction is None or event.type == "step.late":
            continue
        key = event.step, event.direction
        track = tracks.setdefault(key, Track(event.step, event.direction))
        span = _take(track, event, now)
        if span is not None:
            took[event.seq] = (span.end - span.start).total_seconds()
    for track in tracks.values():
        if not is_over:
            track.end(now, is_open=True)
    return Attempts([track for track in tracks.values() if track.spans], took)


def _take(track: Track, event: SagaEvent, now: datetime) -> Span | None:
    """What the event begins and ends; the span of an attempt or a wait that it has settled."""
    at = aware(event.at)
    due_at = _moment(event.data.get("due_at")) or at
    match event.type:
        case "step.scheduled":
            track.backoff(at, due_at, now)
        case "step.claimed":
            track.end(at)
            track.begin("running", at, event.attempt)
        case "step.waiting":
            track.end(at)
            track.begin("waiting", at)
        case "step.children":
            return None
        case "step.retrying" | "step.asked" | "step.expedited" | "step.reopened":
            _cut(track, at)
            span = track.end(at, is_bad=event.type in BAD)
            track.backoff(at, due_at, now)
            return span
        case _:
            _cut(track, at)
            return track.end(at, is_bad=event.type in BAD)
    return None


def _cut(track: Track, at: datetime) -> None:
    """A backoff that was cut short, because somebody did not wait for it."""
    if track.spans and track.spans[-1].kind == "backoff" and track.spans[-1].end > at:
        last = track.spans.pop()
        track.spans.append(Span("backoff", last.start, max(at, last.start)))


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
