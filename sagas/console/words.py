"""Words and signs that several pages share. A direction has a colour, a state has a sign."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from sagas.machine import ExecutionStatus
from sagas.moments import aware

MOST_SAID: Final = 300
"""Characters of a text of somebody else's in a sentence."""

_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, of which XML allows none, and marks that turn the direction of text."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a state is shown: `tone` is a class of the style sheet."""

    tone: str
    sign: str
    label: Any


STATUS: Final[Mapping[str, Mark]] = {
    ExecutionStatus.PENDING: Mark("idle", "○", gettext_lazy("not begun")),
    ExecutionStatus.RUNNING: Mark("now", "▶", gettext_lazy("going forward")),
    ExecutionStatus.COMPENSATING: Mark("back", "◀", gettext_lazy("turning back")),
    ExecutionStatus.COMPLETED: Mark("done", "✓", pgettext_lazy("saga", "completed")),
    ExecutionStatus.COMPENSATED: Mark("back", "↺", pgettext_lazy("saga", "undone")),
    ExecutionStatus.FAILED: Mark("bad", "✕", gettext_lazy("needs a person")),
}
PAUSED: Final = Mark("wait", "‖", gettext_lazy("paused"))
UNKNOWN: Final = Mark("bad", "?", gettext_lazy("unknown"))


def mark_of(summary: Mapping[str, Any]) -> Mark:
    """How an execution stands, by its summary."""
    if summary["paused"] and summary["finished_at"] is None:
        return PAUSED
    return STATUS.get(summary["status"], UNKNOWN)


def plain(text: object, most: int = MOST_SAID) -> str:
    """A text of somebody else's, cut, on one line, and without what would change the text around
    it. It is still to be escaped."""
    found = _UNPRINTABLE.sub("\ufffd", " ".join(str(text)[: most + 1].split()))
    return found if len(found) <= most else f"{found[: most - 1]}…"


def json_text(value: object, indent: int | None = None) -> str:
    """A value as JSON, with what `plain` takes out as escapes. It is still to be escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return _UNPRINTABLE.sub(
        lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text
    )


def number(value: int) -> str:
    """Grouped as the language does."""
    return number_format(value, force_grouping=True)


def duration(seconds: float) -> str:
    """With its unit, and no more digits than anybody needs."""
    if seconds < 0.9995:
        return _("%s ms") % f"{max(seconds, 0) * 1000:.0f}"
    if seconds < 9.95:
        tenths = round(seconds, 1)
        return _("%s s") % number_format(tenths, 0 if tenths % 1 == 0 else 1)
    if seconds < 60:
        return _("%s s") % f"{seconds:.0f}"
    whole = round(seconds)
    parts = (_("%s d"), whole // 86400), (_("%s h"), whole // 3600 % 24)
    small = (_("%s min"), whole // 60 % 60), (_("%s s"), whole % 60)
    told = [form % amount for form, amount in (*parts, *small) if amount]
    return " ".join(told[:2])


def between(start: datetime, end: datetime) -> str:
    """How long it is from one moment to another."""
    return duration((aware(end) - aware(start)).total_seconds())


def relative(moment: datetime, now: datetime | None = None) -> str:
    """Within a day how long ago, or in how long; beyond, the date."""
    moment, now = aware(moment), now or timezone.now()
    away = aware(now) - moment
    if abs(away) >= timedelta(days=1):
        return absolute(moment)
    seconds = abs(away).total_seconds()
    if seconds < 1:
        return _("now")
    rough = _("%s s") % int(seconds) if seconds < 60 else duration(seconds // 60 * 60)
    return (_("in %s") if away < timedelta(0) else _("%s ago")) % rough


def absolute(moment: datetime) -> str:
    """With its zone, to the second."""
    return f"{_local(moment):%Y-%m-%d %H:%M:%S %Z}"


def clock(moment: datetime) -> str:
    """The time of its day."""
    return f"{_local(moment):%H:%M:%S}"


def _local(moment: datetime) -> datetime:
    return aware(moment).astimezone(timezone.get_current_timezone())
