"""The table of users."""

from django.db import models


class User(models.Model):
    """Somebody who may place orders while `active`."""

    user_id = models.CharField(max_length=200, primary_key=True)
    name = models.CharField(max_length=200)
    email = models.EmailField()
    active = models.BooleanField()
