"""Each step of a definition, as the graph shows it, made of the row, the history and a preview."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sagas.console.family import Children, list_url
from sagas.console.graph.standing import (
    BACK,
    FORWARD,
    StepView,
    Told,
    WayBackOfStep,
    forward_status,
    name_back,
    note_back,
    note_forward,
)
from sagas.machine import Saga, StepStatus
from sagas.whatif import WayBack


def views(
    described: Mapping[str, Any],
    definition: Saga,
    told: Told,
    back: WayBack | None,
    children: Mapping[str, Children],
    now: datetime,
) -> dict[str, StepView]:
    """Step → how it is shown. `described` is what `queries.describe` says of the execution."""
    stages = back.stages if back is not None else ()
    order = {name: place for place, stage in enumerate(stages, 1) for name in stage}
    found = {
        step["name"]: _view(step, definition, told, order, children, described["saga_id"], now)
        for step in described["steps"]
    }
    if turn := _turn(described, found):
        found[turn] = replace(found[turn], is_turn=True)
    return found


def _view(
    step: Mapping[str, Any],
    definition: Saga,
    told: Told,
    order: Mapping[str, int],
    children: Mapping[str, Children],
    saga_id: str,
    now: datetime,
) -> StepView:
    name = step["name"]
    known = definition.by_name.get(name)
    status = forward_status(step, told)
    tone, sign = FORWARD[status]
    own = children.get(name, Children())
    note = note_forward(step, known, status, told, now)
    is_one = step["kind"] == "SubSaga" and len(own.cells) == 1
    url = own.cells[0].url if is_one else list_url(saga_id) if own.total else ""
    return StepView(
        name=name,
        kind=step["kind"] or "",
        tone="left-out idle" if step["left_out"] else tone,
        sign="–" if step["left_out"] else sign,
        note=note,
        back=_back(step, definition, told, order, now),
        cells=() if is_one else own.cells,
        more_cells=own.total - len(own.cells),
        url=url,
    )


def _back(
    step: Mapping[str, Any],
    definition: Saga,
    told: Told,
    order: Mapping[str, int],
    now: datetime,
) -> WayBackOfStep | None:
    name = step["name"]
    status = StepStatus(step["status"])
    if status in BACK:
        tone, sign = BACK[status]
        return WayBackOfStep(name_back(definition, name), tone, sign, note_back(step, told, now))
    if name in order:
        return WayBackOfStep(name_back(definition, name), "", "↺", "", order[name])
    return None


def _turn(described: Mapping[str, Any], found: Mapping[str, StepView]) -> str:
    """The step at which it turned back, if nothing of it is undone; empty if there is none."""
    error = described["error"] or {}
    because = error.get("because") or ""
    if not isinstance(because, str) or because not in found or found[because].back is not None:
        return ""
    goes_back: Sequence[StepView] = [each for each in found.values() if each.back is not None]
    return because if goes_back else ""
