"""Who asks, and what they may do."""

from collections.abc import Callable

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from ninja.errors import AuthenticationError, HttpError
from ninja.security import HttpBearer
from ninja.utils import check_csrf

from sagas import queries, tokens
from sagas.access import Right, codename, policy, right_for, scopes_of
from sagas.access.tasks import task
from sagas.machine import Adopt, Operation
from sagas.models import SagaExecution

Check = Callable[[HttpRequest, AbstractBaseUser], None]
"""Raises for who may not do what is asked for."""


class BearerToken(HttpBearer):
    """`Authorization: Bearer TOKEN`, from `manage.py saga token`."""

    def __init__(self, check: Check = lambda *_: None) -> None:
        super().__init__()
        self._check = check

    def authenticate(self, request: HttpRequest, token: str) -> AbstractBaseUser:
        """Raises `AuthenticationError` for a token that stands for nobody."""
        user = tokens.user_of(token)
        if user is None:
            raise AuthenticationError  # a session beside a wrong token counts for nothing
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


def operators(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Who may operate sagas of some type; which, the list of them says."""
    if not policy().reach(user, Right.OPERATE):
        raise forbidden(user, Right.OPERATE)


def who_may(operation: type[Operation | Adopt]) -> Check:
    """Who sees the execution in the path, and may do that to it. It is left in `request.found`.
    Raises `NoSuchExecution`, too."""

    def check(request: HttpRequest, user: AbstractBaseUser) -> None:
        found = _found(request, user)
        if not policy().may_operate(user, found, operation):
            raise forbidden(user, right_for(operation), found.saga_type)

    return check


def who_may_signal(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Who may send the signal in the path, be it to an execution that they may not see."""
    path = _path(request)
    found, may = queries.to_signal(path["saga_id"], path["name"], user)
    request.found = found  # type: ignore[attr-defined]
    if not may:
        raise _may_not_signal(user, found, path["name"])


def require_first_signal(user: AbstractBaseUser, started: SagaExecution | None, name: str) -> None:
    """Raises `HttpError` 403 for who may not send the signal with which they start a saga; see
    `queries.as_if_started`."""
    if started is not None and not policy().may_signal(user, started, name):
        raise _may_not_signal(user, started, name)


def require_start(user: AbstractBaseUser, saga_type: str) -> None:
    """Raises `HttpError` 403 for who may not start sagas of that type."""
    if not policy().may_start(user, saga_type):
        raise forbidden(user, Right.START, saga_type)


def _may_not_signal(user: AbstractBaseUser, found: SagaExecution, name: str) -> HttpError:
    """403, with what the wait asks for."""
    wait = task(found, name)
    if wait is None or scopes_of(user) is not None:
        return forbidden(user, Right.OPERATE, found.saga_type)
    needs = f"have the permission {wait.permission}" if wait.permission else "operate the saga"
    said = f"To send {name!r}, you have to {needs}"
    said += ", or to be the one whom it is assigned to." if wait.assignee else "."
    said += " Who started the saga may not." if wait.four_eyes else ""
    return HttpError(403, said)


def _found(request: HttpRequest, user: AbstractBaseUser) -> SagaExecution:
    found = queries.execution(_path(request)["saga_id"], user)
    request.found = found  # type: ignore[attr-defined]
    return found


def _path(request: HttpRequest) -> dict[str, str]:
    return request.resolver_match.kwargs  # type: ignore[union-attr]  # resolved


def browser_session(request: HttpRequest) -> AbstractBaseUser | None:
    """A logged-in browser. What changes something needs Django's CSRF token, too."""
    user = request.user
    if not isinstance(user, AbstractBaseUser):
        return None
    if check_csrf(request) is not None:
        raise HttpError(403, "A session needs a CSRF token: send its cookie as X-CSRFToken.")
    return user


def forbidden(user: AbstractBaseUser, right: Right, saga_type: str | None = None) -> HttpError:
    """403, with the scope or the permission that is missing."""
    if (scopes := scopes_of(user)) is not None:
        scope = right if saga_type is None else f"{right}:{saga_type}"
        own = " ".join(sorted(scopes))
        said = f"Your token has the scopes {own}: it takes {scope}, and a user who may do that."
        return HttpError(403, said)
    names = [codename(right)] + ([codename(right, saga_type)] if saga_type else [])
    said = " or ".join(f"sagas.{name}" for name in names)
    own = "" if right is Right.START else " Of your own sagas, you may cancel and signal each."
    return HttpError(403, f"You need the permission {said}.{own}")
