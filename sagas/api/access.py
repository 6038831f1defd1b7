"""Who asks, and what they may do."""

from collections.abc import Callable
from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBearer
from ninja.utils import check_csrf

from sagas import queries, tokens, users
from sagas.machine import Adopt, Cancel, Operation

OWNERS_MAY: Final = (Cancel,)
"""What whoever started a saga may do to it, besides signals. The rest is for staff: it takes
knowledge of what a participant has done."""


Check = Callable[[HttpRequest, AbstractBaseUser], None]
"""Raises for who may not do what is asked for."""


class BearerToken(HttpBearer):
    """`Authorization: Bearer TOKEN`, from `manage.py saga token`."""

    def __init__(self, check: Check = lambda *_: None) -> None:
        super().__init__()
        self._check = check

    def authenticate(self, request: HttpRequest, token: str) -> AbstractBaseUser | None:
        user = tokens.user_of(token)
        if user is not None:
            self._check(request, user)
        return user


def only(check: Check) -> list[Callable[[HttpRequest], object]]:
    """The ways in, for those who pass `check`: it is asked before the body is looked at."""

    def session(request: HttpRequest) -> AbstractBaseUser | None:
        user = browser_session(request)
        if user is not None:
            check(request, user)
        return user

    return [BearerToken(check), session]


def staff(request: HttpRequest, user: AbstractBaseUser) -> None:
    require_staff(user)


def who_may(operation: type[Operation | Adopt] | None = None) -> Check:
    """Who sees the execution in the path, and may do that to it; any of them may signal it. It is
    left in `request.found`. Raises `NoSuchExecution`, too."""

    def check(request: HttpRequest, user: AbstractBaseUser) -> None:
        saga_id = request.resolver_match.kwargs["saga_id"]  # type: ignore[union-attr]  # resolved
        request.found = queries.execution(saga_id, user)  # type: ignore[attr-defined]
        if operation is not None and not issubclass(operation, OWNERS_MAY):
            require_staff(user)

    return check


def browser_session(request: HttpRequest) -> AbstractBaseUser | None:
    """A logged-in browser. What changes something needs Django's CSRF token, too."""
    user = request.user
    if not isinstance(user, AbstractBaseUser):
        return None
    if check_csrf(request) is not None:
        raise HttpError(403, "A session needs a CSRF token: send its cookie as X-CSRFToken.")
    return user


def require_staff(user: AbstractBaseUser) -> None:
    """Raises `HttpError` 403 for anybody else."""
    if not users.is_staff(user):
        raise HttpError(
            403, "This is for staff. You may only cancel and signal the sagas you started."
        )
