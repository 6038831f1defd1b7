"""Look at users, find them by a piece of their name or address, add one and change one."""

from typing import Annotated, Any
from uuid import uuid4

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Path, Query, Router
from pydantic import Field, model_validator

from examples.services.kit.models import LedgerEntry
from examples.services.kit.schemas import Limit, Name, Payload, Text
from examples.services.users.models import User
from saga_participant.decorators import idempotent
from saga_participant.problems import Problem, RequestRefused
from saga_participant.requests import idempotency_key

router = Router()

# Somebody at some host: whether mail arrives there, only mail can tell. RFC 5321 4.5.3.1.3 allows
# a path of 256 octets, which are 254 characters between the angle brackets.
Email = Annotated[
    str, Field(pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$", max_length=254)
]


class UserIn(Payload):
    """A user to add, active from the start; without a `user_id` the service makes one."""

    user_id: Name | None = None
    name: Text
    email: Email


class UserChange(Payload):
    """What to change: at least one of these. What is left out stays as it is."""

    name: Text = ""
    email: Email = ""
    active: Annotated[bool, Field(strict=True)] = True

    @model_validator(mode="after")
    def something_is_given(self) -> "UserChange":
        """Raises ValueError for `{}`."""
        if not self.model_fields_set:
            raise ValueError("give name, email or active")
        return self


@router.get("/users/{user_id}")
def get_user(request: HttpRequest, user_id: Path[Name]) -> dict[str, object]:
    """One user; 404 if there is none of that id. Whether an inactive one may order is not said."""
    user = User.objects.filter(user_id=user_id).first()
    if user is None:
        raise unknown(user_id)
    return describe(user)


@router.get("/users")
def get_users(request: HttpRequest, q: Query[Text], limit: Limit = 20) -> dict[str, object]:
    """Users whose id, name or email holds the text `q`, in upper or lower case, by id:
    `{"users": [...]}`."""
    holds = Q(user_id__icontains=q) | Q(name__icontains=q) | Q(email__icontains=q)
    found = User.objects.filter(holds).order_by("user_id")[:limit]
    return {"users": [describe(user) for user in found]}


@router.post("/users")
@idempotent("users.add")
def post_user(request: HttpRequest, wanted: UserIn) -> HttpResponse:
    """201 with the user; refused with 409 if the id is taken."""
    user, is_new = User.objects.get_or_create(
        user_id=wanted.user_id or f"usr_{uuid4().hex}",
        defaults={"name": wanted.name, "email": wanted.email, "active": True},
    )
    if not is_new:
        message = f"There is a user {user.user_id} already: take another id, or PATCH this one."
        raise RequestRefused(409, "user_exists", message)
    write_down(request, "add", user, 1)
    return JsonResponse(describe(user), status=201)


@router.patch("/users/{user_id}")
@idempotent("users.change")
def patch_user(request: HttpRequest, user_id: Path[Name], change: UserChange) -> HttpResponse:
    """200 with the user as changed; refused with 404 if there is none."""
    user = User.objects.select_for_update().filter(user_id=user_id).first()
    if user is None:
        raise unknown(user_id, RequestRefused)
    for name, value in change.model_dump(exclude_unset=True).items():
        setattr(user, name, value)
    user.save()
    write_down(request, "change", user, 0)
    return JsonResponse(describe(user))


def unknown(user_id: str, kind: type[Problem] = Problem) -> Problem:
    """That there is no such user: the answer to a question, or a refusal to remember."""
    return kind(404, "unknown_user", f"There is no user {user_id}: check the id.")


def write_down(request: HttpRequest, kind: str, user: User, amount: int) -> None:
    """An entry into the ledger, under the key of the request."""
    LedgerEntry.objects.create(
        key=idempotency_key(request), kind=kind, subject=user.user_id, amount=amount
    )


def describe(user: User) -> dict[str, Any]:
    """A user as callers see it."""
    return {
        "user_id": user.user_id,
        "name": user.name,
        "email": user.email,
        "active": user.active,
    }
