"""What is asked before something is done: always a reason, and for some a step or a value."""

import json
from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from sagas.console.words import plain

MOST_REASON: Final = 1000

MOST_JSON: Final = 200_000
"""Characters: below what a context may have."""


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=MOST_REASON,
        help_text=_("It is recorded together with your name."),
        widget=forms.Textarea({"rows": 2}),
    )

    def __init__(self, data: Any, steps: Sequence[str], initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial)
        self.steps = steps

    def changes(self) -> dict[str, Any]:
        """What it asks for, beside the reason."""
        return {}


class StepForm(ReasonForm):
    """To one of the steps at hand."""

    step = forms.ChoiceField(label=_("Step"))

    field_order: Sequence[str] = ("step", "result", "reason")

    def __init__(self, data: Any, steps: Sequence[str], initial: dict[str, Any]) -> None:
        super().__init__(data, steps, initial)
        field = self.fields["step"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, name) for name in steps]
        if len(steps) == 1:
            field.widget = forms.HiddenInput()
            field.initial = steps[0]

    def changes(self) -> dict[str, Any]:
        return {"step": self.cleaned_data["step"]}


class JsonField(forms.CharField):
    """A value as JSON; an empty field is `empty`."""

    def __init__(self, *, empty: Any, is_object: bool, **options: Any) -> None:
        widget = forms.Textarea({"rows": 4, "class": "mono", "spellcheck": "false"})
        super().__init__(required=False, max_length=MOST_JSON, widget=widget, **options)
        self.empty, self.is_object = empty, is_object

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        if not text:
            return self.empty
        try:
            found = json.loads(text)
        except RecursionError:
            raise forms.ValidationError(_("This is nested too deeply.")) from None
        except ValueError as error:
            said = _("This is not JSON: %(error)s.")
            raise forms.ValidationError(said, params={"error": plain(error)}) from None
        if self.is_object and not isinstance(found, dict):
            raise forms.ValidationError(_('Write an object: {"key": value}.'))
        return found


class SkipForm(StepForm):
    result = JsonField(
        label=_("Result"),
        empty={},
        is_object=True,
        help_text=_(
            "The keys that the step would have given to the context, as JSON. May be empty."
        ),
    )

    def changes(self) -> dict[str, Any]:
        return {"step": self.cleaned_data["step"], "changes": self.cleaned_data["result"]}
