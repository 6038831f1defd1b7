"""Histories that older code wrote are read by the code of today: events, steps and options only
ever gain fields (R15). `record.py` makes new ones."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from sagas.machine import fold
from sagas.machine.events import EVENT_TYPES
from sagas.whatif.stored import differences, read, read_event
from tests.machine.stored import EventRow, Row

FOLDER = Path(__file__).parent
HISTORIES = sorted(FOLDER.glob("*/*.json"))
ADDED_SINCE = {"1e9e75d": {"definition_digest": "", "options": {}, "commands": []}}
"""Recording → columns that it lacks, as the migrations fill them."""
NEWEST = "cc79ad2"


@dataclass(frozen=True)
class History:
    row: Row
    events: list[EventRow]


def load(path: Path) -> History:
    found = json.loads(path.read_text())
    execution = ADDED_SINCE.get(path.parent.name, {}) | found["execution"]
    return History(
        Row(**{field.name: execution[field.name] for field in fields(Row)}),
        [
            EventRow(**{field.name: event[field.name] for field in fields(EventRow)})
            for event in found["events"]
        ],
    )


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_r15_s8_an_old_history_still_leads_to_its_row(path: Path) -> None:
    history = load(path)
    folded = fold(read_event(event) for event in history.events)
    assert differences(folded, read(history.row)) == []


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_r15_an_old_row_is_written_again_as_it_was(path: Path) -> None:
    """What the code of today saves of an old step is what the old code saved."""
    row = load(path).row
    state = read(row)
    assert {name: step.to_json() for name, step in state.steps.items()} == row.steps
    assert state.options.to_json() == row.options


def test_r15_each_type_of_event_has_a_recorded_one() -> None:
    """A new type of event needs a new recording: `record.py` says how."""
    recorded = {event.type for path in HISTORIES for event in load(path).events}
    assert recorded == set(EVENT_TYPES)


def test_s8_the_newest_histories_lead_to_their_rows_exactly() -> None:
    """`differences` forgives old rows what they lack; these lack nothing."""
    for path in FOLDER.glob(f"{NEWEST}/*.json"):
        history = load(path)
        assert fold(read_event(event) for event in history.events) == read(history.row)


def test_r15_an_event_of_today_that_lost_a_field_would_be_noticed() -> None:
    """The test of the tests: a renamed field is an error, not a default."""
    [claimed, *_] = [e for e in load(HISTORIES[0]).events if e.type == "step.claimed"]
    renamed: dict[str, Any] = {"lease_end": claimed.data["lease_until"], "holder": "x", "fence": 1}
    with pytest.raises(TypeError):
        read_event(EventRow(claimed.seq, claimed.type, "a", "action", 1, renamed))
