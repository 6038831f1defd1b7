"""Two models of users, of which a project has one."""

from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class People(BaseUserManager[Any]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Any:
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Any:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Base(AbstractBaseUser, PermissionsMixin):
    """Who logs in by an e-mail address; there is no `username`."""

    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False, db_default=False)
    is_active = models.BooleanField(default=True, db_default=True)
    is_superuser = models.BooleanField(default=False, db_default=False)

    objects: ClassVar[People] = People()

    USERNAME_FIELD = "email"

    class Meta:
        abstract = True


class Person(Base):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)


def _key() -> str:
    return f"user-{uuid4().hex[:12]}"


class Named(Base):
    """A key that is a text."""

    id = models.CharField(primary_key=True, max_length=40, default=_key, editable=False)

    groups = models.ManyToManyField("auth.Group", blank=True, related_name="+")  # type: ignore[assignment]
    user_permissions = models.ManyToManyField("auth.Permission", blank=True, related_name="+")  # type: ignore[assignment]
