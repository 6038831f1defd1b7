"""Users of whatever model the settings name: what tests that look past it have to know."""

from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import AutoField

MODEL: Final[Any] = get_user_model()

LOGIN: Final[str] = MODEL.USERNAME_FIELD
TABLE: Final[str] = MODEL._meta.db_table


def new_user(name: str, **what: Any) -> tuple[str, list[Any]]:
    """A statement that inserts a user, or changes the one there is, and its values."""
    user = MODEL(**{LOGIN: name}, password="!", **what)
    fields = [each for each in MODEL._meta.concrete_fields if not isinstance(each, AutoField)]
    statement = (
        f"INSERT INTO {TABLE} ({', '.join(each.column for each in fields)}) "
        f"VALUES ({', '.join(['%s'] * len(fields))}) ON CONFLICT ({LOGIN}) DO UPDATE SET "
        f"{', '.join(f'{name} = excluded.{name}' for name in ('is_active', *what))}"
    )
    return statement, [getattr(user, each.attname) for each in fields]


def change_of(name: str, flag: str, value: bool) -> tuple[str, str]:
    """A statement that sets a flag of a user, and its value."""
    return f"UPDATE {TABLE} SET {flag} = {value} WHERE {LOGIN} = %s", name
