"""The filters of the list, as they stand in its address."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sagas import queries
from sagas.console.words import STATUS
from sagas.machine import ExecutionStatus
from sagas.moments import aware
from sagas.queries import Standing

ATTENTION: Final = "attention"

STANDINGS: Final[Mapping[str, Any]] = {
    ATTENTION: _("needs a person, it or one below it"),
    Standing.RETRYING: _("a step is retried"),
    Standing.WAITING: _("waits for a signal"),
    Standing.PAUSED: _("is paused"),
    Standing.LATE: _("is past its deadline"),
}


class FilterForm(forms.Form):
    """Every field may be empty. What PostgreSQL could not be asked is a field's error."""

    type = forms.ChoiceField(label=_("Type"), required=False)
    status = forms.ChoiceField(label=_("Status"), required=False)
    standing = forms.ChoiceField(label=_("How it stands"), required=False)
    step = forms.CharField(label=_("At step"), required=False, max_length=63)
    tag = forms.CharField(label=_("Tag"), required=False, max_length=64)
    id = forms.CharField(label=_("Id begins with"), required=False, max_length=255)
    after = forms.DateTimeField(label=_("Created from"), required=False)
    until = forms.DateTimeField(label=_("Created until"), required=False)
    parent = forms.CharField(required=False, max_length=255, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any], types: list[str]) -> None:
        super().__init__(data)
        given = data.get("type", "")
        # A type that this process does not know may still have sagas; so may that of items.
        known = dict.fromkeys([*types, given] if given else types)
        self._choices("type", {name: name for name in known})
        self._choices("status", {status: STATUS[status].label for status in ExecutionStatus})
        self._choices("standing", STANDINGS)
        for name in ("after", "until"):
            self.fields[name].widget = forms.DateTimeInput(
                {"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
            )
        for name in ("step", "tag", "id"):
            self.fields[name].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def as_filter(self) -> queries.Filter:
        """Of a valid form. A query may still refuse it by `BadInput`."""
        values = self.cleaned_data
        standing = values["standing"]
        is_of_attention = standing == ATTENTION
        return queries.Filter(
            saga_type=values["type"] or None,
            status=ExecutionStatus(values["status"]) if values["status"] else None,
            step=values["step"] or None,
            attention=True if is_of_attention else None,
            standing=Standing(standing) if standing and not is_of_attention else None,
            tags=(values["tag"],) if values["tag"] else None,
            id_prefix=values["id"] or None,
            created_after=_moment(values["after"]),
            created_before=_moment(values["until"]),
            parent=values["parent"] or None,
        )

    @property
    def is_asked(self) -> bool:
        """Whether there is any condition."""
        return any(self.data.get(name) for name in self.fields)

    def _choices(self, name: str, choices: Mapping[str, Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("any")), *((str(key), label) for key, label in choices.items())]


def _moment(given: datetime | None) -> datetime | None:
    """What somebody has typed is of the zone in which pages are shown."""
    if given is None:
        return None
    if timezone.is_naive(given):
        given = timezone.make_aware(given)
    return aware(given).astimezone(UTC)
