"""Executions by what they have in common, newest first, a page at a time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from sagas.access import Right
from sagas.errors import BadInput
from sagas.inputs import ANY_ID, TAG
from sagas.machine import AT_REST, ExecutionStatus
from sagas.machine.parameters import NAME
from sagas.models import SagaExecution
from sagas.queries.attention import has_failed, needs_attention
from sagas.queries.standings import Standing, stands
from sagas.queries.visibility import Asker, execution, visible_to

MOST_LISTED: Final = 200
"""Executions to a page: about 100 KB, without their contexts."""

MOST_VERSIONS: Final = 1 << 31
"""Where PostgreSQL's integers end."""

SAGA_TYPE: Final = re.compile(rf"{NAME.pattern}(\.{NAME.pattern})*")
"""An author's, or that of a ForEach's items or a Repeat's rounds, which may be in each
other: `orders.pack`."""

_MOVING: Final = frozenset(ExecutionStatus) - AT_REST

_LISTED: Final = (
    "saga_id",
    "saga_type",
    "version",
    "status",
    "tags",
    "paused",
    "steps",
    "current_steps",
    "options",
    "parent_step",
    "created_at",
    "updated_at",
    "finished_at",
    "parent__saga_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Conditions for executions; None means no condition. Times are aware.

    Without `parent`, a saga_id, only executions that are not children match.
    """

    saga_type: str | None = None
    version: int | None = None
    status: ExecutionStatus | None = None
    saga_types: tuple[str, ...] | None = None
    statuses: tuple[ExecutionStatus, ...] | None = None
    """Any of them."""
    step: str | None = None
    """One that is scheduled, waits or is in flight."""
    paused: bool | None = None
    attention: bool | None = None
    """Whether it, or something below it, needs a person."""
    tags: tuple[str, ...] | None = None
    """All of them."""
    created_before: datetime | None = None
    created_after: datetime | None = None
    """At that moment, or later."""
    parent: str | None = None
    standing: Standing | None = None
    id_prefix: str | None = None
    """What the saga_id begins with."""

    @property
    def is_empty(self) -> bool:
        """Whether it has no condition at all."""
        return all(getattr(self, field.name) is None for field in fields(self))


@dataclass(frozen=True, slots=True)
class Page:
    """Request the next page with `next_before`; it is None if there is none."""

    executions: Sequence[SagaExecution]
    next_before: int | None


def page(wanted: Filter, user: Asker, *, before: int | None = None, limit: int = 50) -> Page:
    """The matching executions that `user` may see, to be shown by `summary`: one statement, and
    one more each for `parent` and `attention`. The status `failed` also matches executions with
    something failed below them (L4).

    Raises `BadInput` for an invalid condition, and `NoSuchExecution` for an unknown `parent`.
    """
    if wanted.status is ExecutionStatus.FAILED:
        found = matching(replace(wanted, status=None), user).filter(has_failed())
    else:
        found = matching(wanted, user)
    return _cut(found.select_related("parent").only(*_LISTED), before, limit)


def targets(
    wanted: Filter,
    user: Asker,
    *,
    right: Right = Right.OPERATE,
    before: int | None = None,
    limit: int | None = None,
) -> Page:
    """The same, for acting on them: only the saga_ids, all if `limit` is None, and only those that
    have the requested status themselves and for which `user` has that right.

    Also raises `BadInput` for a filter without a condition, so that nobody acts on everything by
    accident.
    """
    if wanted.is_empty:
        raise BadInput(
            {"filter": "has no condition, so it would apply to every saga. Name at least one."}
        )
    return _cut(matching(wanted, user, right).only("saga_id"), before, limit)


def _cut(found: QuerySet[SagaExecution], before: int | None, limit: int | None) -> Page:
    older = found.filter(pk__lt=before) if before is not None else found
    if limit is None:
        return Page(list(older.order_by("-id")), None)
    rows = list(older.order_by("-id")[: limit + 1])
    return Page(rows[:limit], rows[limit - 1].pk if len(rows) > limit else None)


def matching(wanted: Filter, user: Asker, right: Right = Right.VIEW) -> QuerySet[SagaExecution]:
    """All of it that `user` may see, or has another right for. Raises what `page` raises."""
    _check(wanted)
    parent = execution(wanted.parent, user) if wanted.parent is not None else None
    conditions = {
        "saga_type": wanted.saga_type,
        "version": wanted.version,
        "status": wanted.status,
        # As a constraint says of these: so that the index of what is live may be used.
        "finished_at__isnull": True if wanted.status in _MOVING else None,
        "saga_type__in": wanted.saga_types,
        "status__in": wanted.statuses,
        "current_steps__contains": wanted.step,
        "paused": wanted.paused,
        "tags__contains": list(wanted.tags) if wanted.tags is not None else None,
        "created_at__lt": wanted.created_before,
        "created_at__gte": wanted.created_after,
        "saga_id__startswith": wanted.id_prefix,
    }
    found = visible_to(user, right).filter(parent=parent)
    if wanted.attention is not None:
        needed = needs_attention()
        found = found.filter(needed if wanted.attention else ~needed)
    if wanted.standing is not None:
        found = found.filter(stands(wanted.standing))
    if wanted.tags:
        found = found.exclude(tags=[])  # as the index on tags says
    return found.filter(**{key: value for key, value in conditions.items() if value is not None})


def _check(wanted: Filter) -> None:
    """Raises `BadInput` for what PostgreSQL would refuse in worse words: NUL, numbers too large."""
    fields: dict[str, str] = {}
    for name, types in (("saga_type", [wanted.saga_type]), ("saga_types", wanted.saga_types)):
        for each in types or ():
            if each is not None and not SAGA_TYPE.fullmatch(each):
                fields[name] = f"{each!r} can't be the name of a saga's type."
    if wanted.step is not None and not NAME.fullmatch(wanted.step):
        fields["step"] = f"{wanted.step!r} can't be the name of a step."
    if wanted.version is not None and not 0 < wanted.version < MOST_VERSIONS:
        fields["version"] = f"{wanted.version} can't be a version. They are 1, 2, 3 …"
    if bad := [tag for tag in wanted.tags or () if not TAG.fullmatch(tag)]:
        fields["tags"] = f"{bad[0]!r} can't be a tag."
    if wanted.id_prefix is not None and not ANY_ID.fullmatch(wanted.id_prefix):
        fields["id_prefix"] = f"No saga_id can begin with {wanted.id_prefix!r}."
    for name in ("created_before", "created_after"):
        moment = getattr(wanted, name)
        if moment is not None and moment.utcoffset() is None:
            fields[name] = "has no time zone."
    if fields:
        raise BadInput(fields)
