"""Every event has its sentence, and every status its mark."""

import dataclasses
import re
import string
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from django.utils.html import strip_tags

from sagas.console import sentences, words
from sagas.console.graph.standing import BACK, FORWARD
from sagas.console.sentences import TEMPLATES, TEMPLATES_BACK, sentence
from sagas.machine import Direction, ExecutionStatus, FailureKind, Outcome, StepStatus
from sagas.machine.event_json import event_to_json
from sagas.machine.events import EVENT_TYPES
from sagas.machine.failures import Failure
from sagas.machine.states import STEP_MOVES, Effect
from sagas.models import SagaEvent

NOW: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOSTILE: Final = "<script>alert('x')</script>\u202e\x00"

VALUES: Final[dict[str, Any]] = {
    "version": 2,
    "context": {HOSTILE: HOSTILE},
    "changes": {HOSTILE: HOSTILE},
    "payload": HOSTILE,
    "failure": Failure(FailureKind.UNKNOWN, "Timeout", HOSTILE),
    "effect": Effect.POSSIBLE,
    "left": (HOSTILE,),
    "leave": (),
    "change": {Outcome.COMPLETED: 2},
    "direction": Direction.ACTION,
    **dict.fromkeys(("attempt", "fence", "asks", "asked", "reported", "total", "started"), 3),
    "number": 3,
    **dict.fromkeys(("due_at", "lease_until", "until", "start_at", "deadline", "remind_at"), NOW),
    **dict.fromkeys(("locks", "blocked", "held", "forward_only", "collected", "together"), True),
    **dict.fromkeys(("counts", "alone", "succeeded", "open", "taken"), True),
    **dict.fromkeys(("adds", "hands")),
}


def made(event_type: str, direction: Direction | None = None) -> SagaEvent:
    """A row with each field of the machine's event; its texts are hostile."""
    kind = EVENT_TYPES[event_type]
    fields = {field.name: VALUES.get(field.name, HOSTILE) for field in dataclasses.fields(kind)}
    data = event_to_json(kind(**fields))
    columns = {name: data.pop(name, None) for name in ("step", "direction", "attempt")}
    return (
        SagaEvent(seq=1, type=event_type, at=NOW, status="running", data=data, **columns)
        if (direction is None)
        else SagaEvent(
            seq=1, type=event_type, at=NOW, data=data, **{**columns, "direction": direction.value}
        )
    )


def test_every_event_type_has_a_sentence() -> None:
    assert TEMPLATES.keys() == EVENT_TYPES.keys()
    backward = {*STEP_MOVES[Direction.COMPENSATION], "step.late"} - {"step.children"}
    assert TEMPLATES_BACK.keys() == backward, "what can happen on the way back"


@pytest.mark.parametrize("direction", [None, Direction.COMPENSATION])
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_sentence_is_whole_and_inert(event_type: str, direction: Direction | None) -> None:
    said = sentence(made(event_type, direction), 2.0)
    assert "<script" not in said
    assert "\u202e" not in said
    assert "\x00" not in said
    text = strip_tags(said)
    assert re.search(r"\w.*[.]$", text), text
    assert "{" not in text
    assert "None" not in text


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_row_of_other_code_has_a_sentence_too(event_type: str) -> None:
    bare = SagaEvent(seq=1, type=event_type, step="a", direction="action", at=NOW, data={})
    assert strip_tags(sentence(bare)).endswith(".")
    assert sentence(SagaEvent(seq=1, type="saga.<new>", at=NOW, data={})) == "saga.&lt;new&gt;"


def test_a_template_names_only_what_there_is() -> None:
    known = sentences._words(made("saga.started"), None)
    for template in (*TEMPLATES.values(), *TEMPLATES_BACK.values()):
        names = {name for _, name, _, _ in string.Formatter().parse(str(template)) if name}
        assert names <= known.keys(), template


def test_every_state_has_its_mark() -> None:
    assert words.STATUS.keys() == set(ExecutionStatus)
    assert FORWARD.keys() | BACK.keys() == set(StepStatus)
    assert sentences.FAILED.keys() == set(FailureKind)
    assert sentences.EFFECTS.keys() == set(Effect)
    assert sentences.OUTCOMES.keys() == {outcome.value for outcome in Outcome}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0004, "0 ms"),
        (0.012, "12 ms"),
        (0.9999, "1 s"),
        (2.14, "2.1 s"),
        (9.97, "10 s"),
        (59, "59 s"),
        (125, "2 min 5 s"),
        (7200, "2 h"),
        (90061, "1 d 1 h"),
        (-3, "0 ms"),
    ],
)
def test_durations_have_a_unit(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


def test_a_text_of_somebody_elses_is_one_short_line() -> None:
    assert words.plain("a\n b\t\x1b[31mc\u2066d") == "a b \ufffd[31mc\ufffdd"
    assert len(words.plain("x" * 1_000_000)) == words.MOST_SAID
