"""Copies of frozen values with other fields."""

from collections.abc import Callable, Mapping
from dataclasses import fields, make_dataclass
from operator import attrgetter
from typing import Any, TypeVar

Value = TypeVar("Value")


def copier(kind: type[Value]) -> Callable[[Value, Mapping[str, Any]], Value]:
    """A function that gives a copy of a `kind`, a frozen dataclass with slots, with other fields.

    It does what `dataclasses.replace` does, its check of the values included. But that asks the
    class for its fields each time, and goes through an `__init__` that has to get past the frozen
    class's own `__setattr__` for each of them; an event makes two such copies, and they were half
    of what a decision cost. Here the copy is made as a twin that is not frozen, and then is one
    that is. The function raises AttributeError for a field that there is not.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    twin = make_dataclass(kind.__name__, names, slots=True)
    values = attrgetter(*names)
    check = getattr(kind, "__post_init__", None)

    def copy(value: Value, changes: Mapping[str, Any]) -> Value:
        new = twin(*values(value))
        for name, changed in changes.items():
            setattr(new, name, changed)
        new.__class__ = kind
        if check is not None:
            check(new)
        return new  # type: ignore[no-any-return]

    return copy
