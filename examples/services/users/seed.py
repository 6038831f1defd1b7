"""The first users."""

from examples.services.users.models import User


def seed() -> None:
    """Add five active users and an inactive one, unless there are users already."""
    if User.objects.exists():
        return
    names = ("alice", "bob", "carol", "dave", "erin", "mallory")
    User.objects.bulk_create(
        User(
            user_id=name,
            name=name.capitalize(),
            email=f"{name}@example.com",
            active=name != "mallory",
        )
        for name in names
    )
