"""The rights, the permissions of Django that give them, and the types of sagas they are for."""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.db.models import Q

APP: Final = "sagas"


class Right(StrEnum):
    """What somebody may do with sagas that are not their own."""

    VIEW = "view"
    START = "start"
    OPERATE = "operate"
    ADMINISTER = "administer"


FOR_ALL: Final = {
    Right.VIEW: "view_sagaexecution",  # Django's own, which the admin has always asked for
    Right.START: "start_saga",
    Right.OPERATE: "operate_saga",
    Right.ADMINISTER: "administer_saga",
}
"""The codenames of the permissions for sagas of every type."""

GIVEN_BY: Final = {
    Right.VIEW: (Right.VIEW, Right.OPERATE, Right.ADMINISTER),
    Right.START: (Right.START, Right.ADMINISTER),
    Right.OPERATE: (Right.OPERATE, Right.ADMINISTER),
    Right.ADMINISTER: (Right.ADMINISTER,),
}
"""A right → those that include it: nobody can operate what they can't see."""


def codename(right: Right, saga_type: str | None = None) -> str:
    """Of the permission for that type of saga, or for all. The colon keeps types apart from models:
    no name of a type has one."""
    return FOR_ALL[right] if saga_type is None else f"{right}:{saga_type}"


@dataclass(frozen=True, slots=True)
class Reach:
    """The types of sagas that a right is for: all, or those of `types` with the types of their
    items and rounds (`orders` covers `orders.pack`)."""

    is_all: bool = False
    types: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.is_all or bool(self.types)

    def covers(self, saga_type: str) -> bool:
        return self.is_all or saga_type.partition(".")[0] in self.types

    def within(self, other: "Reach") -> "Reach":
        """What both cover."""
        if self.is_all or other.is_all:
            return other if self.is_all else self
        return Reach(types=self.types & other.types)

    def condition(self) -> Q:
        """The same for a queryset of executions; not to be asked if it covers all."""
        found = Q(saga_type__in=sorted(self.types))
        for each in sorted(self.types):
            found |= Q(saga_type__startswith=f"{each}.")
        return found


EVERYTHING: Final = Reach(is_all=True)


def reach_of(held: Set[str], right: Right) -> Reach:
    """How far `right` goes for who holds these permissions, named as `APP.codename`."""
    givers = GIVEN_BY[right]
    if any(f"{APP}.{FOR_ALL[each]}" in held for each in givers):
        return EVERYTHING
    begins = tuple(f"{APP}.{each}:" for each in givers)
    return Reach(
        types=frozenset(name.partition(":")[2] for name in held if name.startswith(begins))
    )
