"""A password's hash that costs nothing: the usual one takes a third of a second for each user."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """What it makes, the processes with the project's own settings can check, too."""

    iterations = 1
