"""Bearer tokens: `sagas.tokens` issues, finds and revokes them."""

from django.conf import settings
from django.db import models
from django.utils import timezone

TOKEN_NAME_LENGTH = 100
"""Characters of what a token is called."""


class SagaToken(models.Model):
    """A bearer token of a user, of which only a digest is kept. It stays here when it has ended,
    so that the list says what there was."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=TOKEN_NAME_LENGTH, help_text="What it is for.")
    beginning = models.CharField(max_length=16, help_text="Of the token, to tell it by.")
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256.")
    password_hash = models.CharField(
        max_length=32,
        editable=False,
        help_text="A piece of the session hash, with which it ends.",
    )
    scopes = models.JSONField(default=list, blank=True, help_text="Empty: all that its user may.")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.beginning}…)"
