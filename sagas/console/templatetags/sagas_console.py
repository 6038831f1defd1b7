"""Filters of the console's templates."""

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sagas.console import words
from sagas.moments import aware

register = template.Library()


@register.filter
def when(moment: datetime) -> SafeString:
    """How long ago, with the absolute time in its title."""
    return _time(moment, words.relative(moment))


@register.filter
def clock(moment: datetime) -> SafeString:
    """The time of day, with the date in its title."""
    return _time(moment, words.clock(moment))


@register.filter
def grouped(value: int) -> str:
    return words.number(value)


@register.filter
def plain(value: object) -> str:
    return words.plain(value)


def _time(moment: datetime, text: str) -> SafeString:
    said = '<time datetime="{}" title="{}">{}</time>'
    return format_html(said, aware(moment).isoformat(), words.absolute(moment), text)
