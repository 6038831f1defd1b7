"""The one address of the users service."""

from django.http import HttpRequest
from ninja import Path, Router

from examples.services.kit.problems import Problem
from examples.services.kit.schemas import Name
from examples.services.users.models import User

router = Router()


@router.get("/users/{user_id}")
def get_user(request: HttpRequest, user_id: Path[Name]) -> dict[str, object]:
    """One user; 404 if there is none of that id. Whether an inactive one may order is not said."""
    user = User.objects.filter(user_id=user_id).first()
    if user is None:
        raise Problem(404, "unknown_user", f"There is no user {user_id}: check the id.")
    return {
        "user_id": user.user_id,
        "name": user.name,
        "email": user.email,
        "active": user.active,
    }
