"""Values that nobody changes, made and copied as fast as those that one could.

A decision makes a dozen of them, and they were most of what it cost.

They are frozen for the type checker, and not at run time: with `dataclass(frozen=True)` a decision
takes 22 % more instructions (callgrind, 20 steps in a row). What keeps them as they are is mypy,
and a test that runs the machine's tests with values that are frozen in truth. They have no hash:
it would not outlive a change. What is handed to users, or hashed, is a frozen dataclass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, make_dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["copier", "statically_frozen"]

Value = TypeVar("Value")

if TYPE_CHECKING:
    from dataclasses import dataclass as statically_frozen
else:

    def statically_frozen(
        *, frozen: bool, slots: bool, kw_only: bool = False
    ) -> Callable[[type], type]:
        """`dataclasses.dataclass`, but that `frozen` is left to the type checker.

        Asked to freeze at run time, it makes an `__init__` that sets each field past the class's
        own `__setattr__`: that takes three times as long.
        """
        assert frozen, "a value that may be changed is an ordinary dataclass"
        return dataclass(slots=slots, kw_only=kw_only)


def copier(kind: type[Value]) -> Callable[[Value, Mapping[str, Any]], Value]:
    """A function that gives a copy of a `kind`, a dataclass with slots, with other fields.

    It does what `dataclasses.replace` does, its check of the values included. But that asks the
    class for its fields each time. Here the copy is made as a twin that checks nothing, and is
    checked once it has the other fields. The function raises AttributeError for a field that there
    is not.
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
